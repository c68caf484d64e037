/* fuzz_idx.c: libFuzzer's entry for the reader of IDX files. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] =
    FUZZ_USE "local data = require 'data'\n"
             "function fuzz(path) use(select(2, pcall(data.idx, path, 2 ^ 24)), 0) end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
