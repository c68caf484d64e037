/* fuzz_bpe.c: libFuzzer's entry for byte-pair encoding: any text comes back as it was, with the
 * vocabulary learnt from it; and for the files that vocabularies are published as. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] =
    "local data = require 'data'\n"
    "local vocab, merges = os.tmpname(), os.tmpname()\n"
    "data.BPETokenizer():train(('low lower lowest '):rep(3), { vocabSize = 262 }):saveFiles(vocab, "
    "merges)\n"
    "local function lossless(t, s) assert(t:decode(t:encode(s)) == s, 'not the same text') end\n"
    "function fuzz(path, size)\n"
    "  local f = io.open(path, 'rb')\n"
    "  local s = f:read('a')\n"
    "  f:close()\n"
    "  lossless(data.BPETokenizer():train(s, { vocabSize = 257 + size % 64 }), s)\n"
    "  lossless(data.CharTokenizer():train(s), s)\n"
    "  local words = data.WordTokenizer({ lower = size % 2 == 0 }):train(s)\n"
    "  words:decode(words:encode(s))\n"
    "  local ok, t = pcall(function() return data.BPETokenizer():loadFiles(vocab, path) end)\n"
    "  if ok then lossless(t, 'low lowest') end\n"
    "  pcall(function() data.BPETokenizer():loadFiles(path, merges) end)\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
