/* host.c: a project outside the tree, in C and in C++: it knows the header and nothing else. */
#include <cresset.h>
#include <stdio.h>
#include <string.h>

static int run(cresset *c) {
  double sum = 0;
  const char *name = NULL;
  int code = cresset_run_string(c, "=host",
                                "local nn = require 'nn'\n"
                                "function total(n, word)\n"
                                "  local y = nn.Linear(2, 3)(torch.ones(2))\n"
                                "  return torch.inverse(torch.eye(n)):sum() + y:nElement(), word\n"
                                "end");
  if (code == CRESSET_OK) code = cresset_call(c, "total", "is>ds", 4, "host", &sum, &name);
  if (code != CRESSET_OK) return code;
  return sum == 7 && name && strcmp(name, "host") == 0 ? CRESSET_OK : CRESSET_ERROR;
}

int main(void) {
  cresset *c = cresset_open(NULL);
  int code = c ? run(c) : CRESSET_ERROR;
  if (code == CRESSET_OK)
    printf("host: %s\n", cresset_version());
  else
    fprintf(stderr, "host: %s\n", cresset_error(c));
  cresset_close(c);
  return code == CRESSET_OK ? 0 : 1;
}
