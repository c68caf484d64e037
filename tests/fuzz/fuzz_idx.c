/* fuzz_idx.c: libFuzzer's entry for the IDX reader.
 *
 * clang -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_idx.c build/libcresset.a ...
 */
#include <stdio.h>

#include "lib/data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  if (size == 0) return 0;
  FILE *f = fmemopen((void *)(uintptr_t)bytes, size, "rb");
  if (!f) return 0;
  cr_release(cr_idx_read(f, "input", (int64_t)1 << 24));
  fclose(f);
  return 0;
}
