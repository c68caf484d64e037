/* fuzz.h: what the fuzz targets share: an interpreter that lives as long as the process, and a
 * function of Lua that is called with the name of a file that holds the input, and its length. */
#ifndef CR_FUZZ_H
#define CR_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm/cresset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Uses what a loader gave: every element is read. */
#define FUZZ_USE                                                                                   \
  "local torch = require 'torch'\n"                                                                \
  "local function use(x, depth)\n"                                                                 \
  "  if torch.isTensor(x) then\n"                                                                  \
  "    if x:nElement() < 1e5 then x:double():sum() end\n"                                          \
  "  elseif type(x) == 'table' and depth < 4 then\n"                                               \
  "    for k, v in next, x do use(k, depth + 1) use(v, depth + 1) end\n"                           \
  "  end\n"                                                                                        \
  "end\n"                                                                                          \
  "torch.setmemorylimit(2 ^ 28)\n"

static cresset *fuzz_open(const char *chunk) {
  cresset *c = cresset_open(NULL);
  if (c && cresset_run_string(c, "=fuzz", chunk) == CRESSET_OK) return c;
  fprintf(stderr, "%s\n", cresset_error(c));
  abort();
}

/* chunk defines the global function `fuzz`; it must raise no error. */
static inline int fuzz_file(const char *chunk, const uint8_t *bytes, size_t size) {
  static cresset *c;
  static char path[64];
  static int fd, runs;
  if (!c) {
    c = fuzz_open(chunk);
    fd = memfd_create("input", 0);
    if (fd < 0) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  }
  if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size) abort();
  if (cresset_call(c, "fuzz", "si", path, (int)size) != CRESSET_OK) {
    fprintf(stderr, "%s\n", cresset_error(c));
    abort();
  }
  if (++runs % 256 == 0) cresset_run_string(c, "=fuzz", "collectgarbage()");
  return 0;
}

#endif
