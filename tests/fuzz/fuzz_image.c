/* fuzz_image.c: libFuzzer's entry for the readers of pictures: PNG, JPEG, PPM and PGM. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] =
    FUZZ_USE "local image = require 'image'\n"
             "function fuzz(path)\n"
             "  pcall(image.getSize, path)\n"
             "  use(select(2, pcall(image.load, path, nil, 'byte', { limit = 2 ^ 20 })), 0)\n"
             "  use(select(2, pcall(image.load, path, 3, 'float', { limit = 2 ^ 20 })), 0)\n"
             "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
