/* fuzz_npz.c: libFuzzer's entry for the reader of NumPy's .npz files. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] =
    FUZZ_USE "function fuzz(path)\n"
             "  use(select(2, pcall(torch.loadnpz, path, { limit = 2 ^ 24 })), 0)\n"
             "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
