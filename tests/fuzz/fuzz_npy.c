/* fuzz_npy.c: libFuzzer's entry for the reader of NumPy's .npy files. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] =
    FUZZ_USE "function fuzz(path, size)\n"
             "  use(select(2, pcall(torch.loadnpy, path, { mmap = size % 2 == 0 })), 0)\n"
             "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
