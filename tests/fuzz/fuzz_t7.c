/* fuzz_t7.c: libFuzzer's entry for the reader of Torch7's files. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] = FUZZ_USE "require 'nn'\n"
                                     "local formats = { 'binary', 'binary', 'ascii', 'b32' }\n"
                                     "function fuzz(path, size)\n"
                                     "  local options = { format = formats[size % 4 + 1], "
                                     "functions = size % 3 == 0 and 'skip' or nil }\n"
                                     "  use(select(2, pcall(torch.load, path, options)), 0)\n"
                                     "end\n"
                                     "io.stderr = { write = function() end }\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
