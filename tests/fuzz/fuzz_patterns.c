/* fuzz_patterns.c: libFuzzer's entry for the searches of restricted scripts (vm/patterns.c), which
 * must give the same results and errors as Lua's own. */
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* What is longer may take Lua's search, which cannot be stopped, more than seconds. */
enum { PATTERN = 12, TEXT = 24, REPLACEMENT = 8 };

static const char chunk[] =
    "local function show(...)\n"
    "  local t = table.pack(...)\n"
    "  for i = 1, t.n do\n"
    "    t[i] = type(t[i]) == 'string' and ('%q'):format(t[i]) or tostring(t[i])\n"
    "  end\n"
    "  return table.concat(t, ',')\n"
    "end\n"
    "local function all(s, p, init)\n"
    "  local found = {}\n"
    "  for a, b, c in s:gmatch(p, init) do found[#found + 1] = show(a, b, c) end\n"
    "  return table.concat(found, ';')\n"
    "end\n"
    "local function last(...) return select('#', ...) > 1 and select(-1, ...) end\n"
    "function fuzz(p, s, t, init)\n"
    "  return table.concat({ show(pcall(string.find, s, p, init)),\n"
    "    show(pcall(string.find, s, p, init, true)), show(pcall(string.match, s, p, init)),\n"
    "    show(pcall(all, s, p, init)), show(pcall(string.gsub, s, p, t)),\n"
    "    show(pcall(string.gsub, s, p, t, init)), show(pcall(string.gsub, s, p, last)),\n"
    "    show(pcall(string.gsub, s, p, { a = 'A', b = false, [1] = 5, [2] = {} })) }, ' | ')\n"
    "end\n";

/* The next part of the input, `most` bytes at most. */
static const char *take(const char **at, size_t *left, size_t most, size_t *size) {
  const char *part = *at;
  *size = *left < most ? *left : most;
  *at += *size;
  *left -= *size;
  return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static cresset *c[2];
  static int runs;
  for (int i = 0; i < 2; i++) {
    if (c[i]) continue;
    c[i] = cresset_open(&(cresset_options){.restricted = i});
    if (!c[i] || cresset_run_string(c[i], "=fuzz", chunk)) abort();
  }
  if (size < 2) return 0;
  const char *at = (const char *)bytes + 2, *pattern, *text, *replacement, *got[2];
  size_t left = size - 2, pattern_size, text_size, replacement_size, n[2];
  int init = (int)(bytes[1] % 64) - 32;
  pattern = take(&at, &left, bytes[0] % (PATTERN + 1), &pattern_size);
  text = take(&at, &left, TEXT, &text_size);
  replacement = take(&at, &left, REPLACEMENT, &replacement_size);
  for (int i = 0; i < 2; i++) {
    if (cresset_call(c[i], "fuzz", "zzzi>z", pattern, pattern_size, text, text_size, replacement,
                     replacement_size, init, &got[i], &n[i])) {
      fprintf(stderr, "%s\n", cresset_error(c[i]));
      abort();
    }
  }
  if (n[0] != n[1] || memcmp(got[0], got[1], n[0]) != 0) {
    fprintf(stderr, "Lua:  %s\nours: %s\n", got[0], got[1]);
    abort();
  }
  if (++runs % 256 == 0)
    for (int i = 0; i < 2; i++) cresset_run_string(c[i], "=fuzz", "collectgarbage()");
  return 0;
}
