/* unicode.c: UTF-8, kinds of characters, and where GPT-2's rule cuts a text. */
#include "lib/data/unicode.h"

#include <string.h>

typedef struct {
  int32_t first, last;
} range;

/* Every step-th character from first to last; the small letter is `distance` away. */
typedef struct {
  int32_t first, last, step, distance;
} capital;

#include "lib/data/unicode.inc"

#define COUNT(a) (sizeof(a) / sizeof *(a))

int32_t cr_utf8_get(const char *s, size_t n, size_t *length) {
  static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *b = (const unsigned char *)s;
  *length = 1;
  if (b[0] < 0x80) return b[0];
  size_t want = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
  if (b[0] < 0xc2 || b[0] > 0xf4 || want > n) return -1;
  int32_t c = b[0] & (0x7f >> want);
  for (size_t i = 1; i < want; i++) {
    if ((b[i] & 0xc0) != 0x80) return -1;
    c = c << 6 | (b[i] & 0x3f);
  }
  if (c < least[want] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return -1;
  *length = want;
  return c;
}

size_t cr_utf8_put(char *out, int32_t c) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)((0xf00 >> n & 0xf0) | c);
  return n;
}

static int within(const range *table, size_t n, int32_t c) {
  size_t low = 0;
  while (low < n) {
    size_t middle = (low + n) / 2;
    if (c > table[middle].last)
      low = middle + 1;
    else if (c < table[middle].first)
      n = middle;
    else
      return 1;
  }
  return 0;
}

static int is_space(int32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

cr_char_kind cr_char_kind_of(int32_t c) {
  if (c < 0) return CR_OTHER;
  if (c < 0x80) {
    if ((c | 32) >= 'a' && (c | 32) <= 'z') return CR_LETTER;
    if (c >= '0' && c <= '9') return CR_NUMBER;
    return is_space(c) ? CR_SPACE : CR_OTHER;
  }
  if (within(letters, COUNT(letters), c)) return CR_LETTER;
  if (is_space(c)) return CR_SPACE;
  if (within(numbers, COUNT(numbers), c)) return CR_NUMBER;
  return within(marks, COUNT(marks), c) ? CR_MARK : CR_OTHER;
}

int32_t cr_small_letter(int32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  size_t low = 0, high = COUNT(capitals);
  while (low < high) {
    size_t middle = (low + high) / 2;
    const capital *m = &capitals[middle];
    if (c > m->last)
      low = middle + 1;
    else if (c < m->first)
      high = middle;
    else
      return (c - m->first) % m->step ? c : c + m->distance;
  }
  return c;
}

/* ---- GPT-2's rule ------------------------------------------------------------------------- */

/* To this rule a mark is like any other character. */
static cr_char_kind kind_at(const char *s, size_t n, size_t *length) {
  cr_char_kind kind = cr_char_kind_of(cr_utf8_get(s, n, length));
  return kind == CR_MARK ? CR_OTHER : kind;
}

static size_t contraction(const char *s, size_t n) {
  static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
  for (size_t i = 0; i < COUNT(endings); i++) {
    size_t length = strlen(endings[i]);
    if (n > length && memcmp(s + 1, endings[i], length) == 0) return length + 1;
  }
  return 0;
}

/* The characters of that kind from `at` on. */
static size_t run_of(const char *s, size_t n, size_t at, cr_char_kind kind) {
  size_t length;
  while (at < n && kind_at(s + at, n - at, &length) == kind) at += length;
  return at;
}

static size_t white_space(const char *s, size_t n) {
  size_t at = 0, length = 0, before = 0;
  while (at < n && kind_at(s + at, n - at, &length) == CR_SPACE) {
    before = at;
    at += length;
  }
  return at < n && before > 0 ? before : at;
}

size_t cr_piece(const char *s, size_t n) {
  size_t length, blank = *s == ' ' && n > 1, found = *s == '\'' ? contraction(s, n) : 0;
  if (found) return found;
  cr_char_kind kind = kind_at(s + blank, n - blank, &length);
  if (kind == CR_SPACE) return white_space(s, n);
  return run_of(s, n, blank + length, kind);
}
