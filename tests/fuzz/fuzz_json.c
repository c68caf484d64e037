/* fuzz_json.c: libFuzzer's entry for json.decode; what it gives must come back from json.encode. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] = FUZZ_USE
    "local json = require 'json'\n"
    "function fuzz(path, size)\n"
    "  local ok, value = pcall(json.decode, io.open(path, 'rb'):read 'a')\n"
    "  if not ok then return end\n"
    "  use(value, 0)\n"
    "  local fine, text = pcall(json.encode, value, { indent = size % 3, maxDepth = 2000 })\n"
    "  if fine then assert(json.encode(json.decode(text)) == json.encode(value, { maxDepth = 2000 "
    "}))\n"
    "  else assert(text:find('deep'), text) end\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
