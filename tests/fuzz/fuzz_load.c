/* fuzz_load.c: libFuzzer's entry for the choice among the formats. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] = FUZZ_USE
    "function fuzz(path, size)\n"
    "  use(select(2, pcall(torch.load, path, { mmap = size % 2 == 0, limit = 2 ^ 24 })), 0)\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
