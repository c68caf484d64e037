/* fuzz_csv.c: libFuzzer's entry for the reader of tables of text. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] =
    FUZZ_USE "local data = require 'data'\n"
             "local types = { false, 'float32', 'uint8', 'string', 'bool' }\n"
             "function fuzz(path, size)\n"
             "  use({ pcall(data.csv, path, {\n"
             "    types = types[size % 5 + 1] or nil, mask = size % 3 == 0, fill = size % 7 == 0 "
             "and 0 or nil,\n"
             "  }) }, 0)\n"
             "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
