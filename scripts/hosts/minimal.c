/* minimal.c: opens an interpreter, trains a line through four points, and reads the result in
 * place.
 *
 *     cc minimal.c $(pkg-config --cflags --libs cresset) -o minimal && ./minimal
 *
 * ./minimal FILE SECONDS takes its script from a file, and gives each call so many seconds. */
#include <stdio.h>
#include <stdlib.h>

#include <cresset.h>

static const char script[] = "local nn, optim = require 'nn', require 'optim'\n"
                             "local model, criterion = nn.Linear(1, 1), nn.MSECriterion()\n"
                             "local optimizer = optim.SGD(model:parameters(), { lr = 0.1 })\n"
                             "function fit(x, y)\n"
                             "  for step = 1, 500 do\n"
                             "    optimizer:zeroGrad()\n"
                             "    criterion(model(x), y):backward()\n"
                             "    optimizer:step()\n"
                             "  end\n"
                             "  return model:forward(x):detach()\n"
                             "end\n";

int main(int argc, char **argv) {
  float xs[4] = {0, 1, 2, 3}, ys[4] = {1, 3, 5, 7}; /* y = 2x + 1 */
  const int64_t shape[2] = {4, 1};
  const cresset_options options = {.seconds = argc > 2 ? atof(argv[2]) : 10,
                                   .lua_memory = 256 << 20,
                                   .tensor_memory = 256 << 20};
  cresset *c = cresset_open(&options);
  cresset_tensor *x = cresset_tensor_wrap(xs, CRESSET_FLOAT32, 2, shape, NULL, NULL, NULL);
  cresset_tensor *y = cresset_tensor_wrap(ys, CRESSET_FLOAT32, 2, shape, NULL, NULL, NULL);
  cresset_tensor *fitted = NULL;
  int failed = !c || !x || !y;
  if (!failed && argc > 1) failed = cresset_run_file(c, argv[1]);
  if (!failed && argc == 1) failed = cresset_run_string(c, "fit", script);
  if (!failed) failed = cresset_call(c, "fit", "tt>t", x, y, &fitted);
  if (failed) {
    fprintf(stderr, "%s\n", cresset_error(c));
  } else {
    cresset_tensor_info info;
    cresset_tensor_look(fitted, &info);
    for (int i = 0; i < 4; i++) printf("%g -> %.2f\n", xs[i], ((float *)info.data)[i]);
  }
  cresset_tensor_release(fitted);
  cresset_tensor_release(y);
  cresset_tensor_release(x);
  cresset_close(c);
  return failed;
}
