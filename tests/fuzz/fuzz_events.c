/* fuzz_events.c: libFuzzer's entry for the reader of TensorBoard's event files.  Checksums would
 * stop all that is made up, so an input is taken as messages: a byte that tells the length, and the
 * bytes. */
#include "tests/fuzz/fuzz.h"

static const char chunk[] = FUZZ_USE "local ok, tensorboard = pcall(require, 'tensorboard')\n"
                                     "local records = ok and require 'tensorboard.file'\n"
                                     "local name = os.tmpname()\n"
                                     "function fuzz(path, size)\n"
                                     "  if not ok then return end\n"
                                     "  use(tensorboard.read(path), 0)\n"
                                     "  local text = io.open(path, 'rb'):read 'a'\n"
                                     "  local out, at = io.open(name, 'wb'), 1\n"
                                     "  while at <= #text do\n"
                                     "    local n = text:byte(at)\n"
                                     "    out:write(records.record(text:sub(at + 1, at + n)))\n"
                                     "    at = at + n + 1\n"
                                     "  end\n"
                                     "  out:close()\n"
                                     "  use(tensorboard.summaries(name), 0)\n"
                                     "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_file(chunk, bytes, size);
}
