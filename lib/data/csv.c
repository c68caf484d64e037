/* csv.c: the parser of tables of text.
 *
 * The format is RFC 4180's: rows end with LF, CR or both; a cell in double quotes may hold
 * separators, line ends and, doubled, quotes.  Quotes inside an unquoted cell are ordinary
 * characters. */
#include "lib/data/csv.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_FIELDS 1000000
#define MAX_CELL ((size_t)64 << 20)

static locale_t c_locale; /* set once, never freed; C's present one when that failed */

static void make_locale(void) {
  c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c_locale) c_locale = LC_GLOBAL_LOCALE;
}

locale_t cr_c_locale(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_locale);
  return c_locale;
}

/* ---- characters --------------------------------------------------------------------------- */

/* Makes sure that a character is at c->at; false at the end or after a failure. */
static bool ready(cr_csv *c) {
  if (c->at < c->have) return true;
  c->have = cr_stream_get(c->stream, c->buffer, sizeof c->buffer);
  c->at = 0;
  return c->have > 0;
}

static bool add(cr_csv *c, const char *text, size_t n) {
  if (n >= MAX_CELL - c->length)
    return cr_stream_fail(
        c->stream, "line %lld, field %lld: longer than 64 MiB; a closing quote may be missing",
        (long long)c->line, (long long)c->field);
  if (c->length + n >= c->room) {
    size_t room = (c->length + n + 1) * 2;
    char *bigger = realloc(c->text, room);
    if (!bigger) return cr_stream_fail(c->stream, "out of memory");
    c->text = bigger;
    c->room = room;
  }
  memcpy(c->text + c->length, text, n);
  c->length += n;
  c->text[c->length] = '\0';
  return true;
}

/* Passes the end of a line, which is there. */
static void line_end(cr_csv *c) {
  char first = c->buffer[c->at++];
  if (first == '\r' && ready(c) && c->buffer[c->at] == '\n') c->at++;
  c->next_line++;
}

static bool is_end(char x) {
  return x == '\n' || x == '\r';
}

/* ---- cells -------------------------------------------------------------------------------- */

static bool plain_cell(cr_csv *c) {
  while (ready(c)) {
    const char *from = c->buffer + c->at, *end = c->buffer + c->have, *p = from;
    while (p < end && *p != c->separator && *p != '\n' && *p != '\r') p++;
    c->at += (size_t)(p - from);
    if (!add(c, from, (size_t)(p - from))) return false;
    if (p < end) break;
  }
  return !c->stream->failed;
}

/* The part up to the next quote or the buffer's end, its lines counted. */
static bool quoted_part(cr_csv *c) {
  const char *from = c->buffer + c->at;
  const char *quote = memchr(from, '"', c->have - c->at);
  size_t n = quote ? (size_t)(quote - from) : c->have - c->at;
  for (size_t i = 0; i < n; i++) c->next_line += from[i] == '\n';
  c->at += n;
  return add(c, from, n);
}

static bool quoted_cell(cr_csv *c) {
  c->at++;
  for (;;) {
    if (!ready(c))
      return !c->stream->failed &&
             cr_stream_fail(c->stream, "line %lld, field %lld: the closing quote is missing",
                            (long long)c->line, (long long)c->field);
    if (!quoted_part(c)) return false;
    if (c->at == c->have) continue;
    c->at++; /* a quote: the closing one unless another follows */
    if (!ready(c)) return !c->stream->failed;
    if (c->buffer[c->at] != '"') break;
    if (!add(c, "\"", 1)) return false;
    c->at++;
  }
  if (c->buffer[c->at] == c->separator || is_end(c->buffer[c->at])) return true;
  return cr_stream_fail(c->stream, "line %lld, field %lld: text follows the closing quote",
                        (long long)c->line, (long long)c->field);
}

static bool begin_cell(cr_csv *c) {
  c->field = ++c->fields;
  c->line = c->next_line;
  c->length = 0;
  if (c->fields > MAX_FIELDS)
    return cr_stream_fail(c->stream, "line %lld: more than %d fields", (long long)c->line,
                          MAX_FIELDS);
  return add(c, "", 0);
}

static cr_csv_event cell(cr_csv *c) {
  if (!begin_cell(c)) return CR_CSV_FAILED;
  bool quoted = ready(c) && c->buffer[c->at] == '"';
  if (c->stream->failed || !(quoted ? quoted_cell(c) : plain_cell(c))) return CR_CSV_FAILED;
  return CR_CSV_CELL;
}

/* ---- rows --------------------------------------------------------------------------------- */

cr_csv_event cr_csv_next(cr_csv *c) {
  if (!c->in_row) {
    while (ready(c) && is_end(c->buffer[c->at])) line_end(c);
    if (c->stream->failed) return CR_CSV_FAILED;
    if (!ready(c)) return c->stream->failed ? CR_CSV_FAILED : CR_CSV_END;
    c->in_row = true;
    c->fields = 0;
    return cell(c);
  }
  if (ready(c) && c->buffer[c->at] == c->separator) {
    c->at++;
    return cell(c);
  }
  if (c->stream->failed) return CR_CSV_FAILED;
  c->in_row = false;
  if (ready(c)) line_end(c);
  return c->stream->failed ? CR_CSV_FAILED : CR_CSV_ROW_END;
}

bool cr_csv_skip_line(cr_csv *c) {
  while (ready(c)) {
    if (is_end(c->buffer[c->at])) {
      line_end(c);
      break;
    }
    c->at++;
  }
  return !c->stream->failed;
}

static bool begin_file(cr_csv *c) {
  if (!ready(c)) return !c->stream->failed;
  const unsigned char *b = (unsigned char *)c->buffer;
  if (c->have >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf) c->at = 3;
  if (c->have >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)))
    return cr_stream_fail(c->stream, "is text in UTF-16; UTF-8 is wanted");
  return true;
}

bool cr_csv_open(cr_csv *c, cr_stream *stream, char separator) {
  memset(c, 0, offsetof(cr_csv, buffer));
  c->stream = stream;
  c->separator = separator;
  c->next_line = 1;
  if (begin_file(c)) return true;
  cr_csv_close(c);
  return false;
}

void cr_csv_close(cr_csv *c) {
  free(c->text);
  cr_stream_close(c->stream);
  c->text = NULL;
  c->stream = NULL;
}

/* ---- numbers ------------------------------------------------------------------------------ */

static bool truth(const char *s, size_t n, cr_scalar *value) {
  static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
  for (int i = 0; i < 6; i++) {
    if (strlen(words[i]) != n || memcmp(words[i], s, n) != 0) continue;
    *value = cr_int(i >= 3);
    return true;
  }
  return false;
}

/* A decimal number as it is written: digits * 10^exponent. */
typedef struct {
  bool negative, whole;
  uint64_t digits; /* the first 19 of them; what follows only moves the exponent */
  int count;       /* of digits in all */
  int64_t exponent;
} decimal;

static const char *take_digits(const char *s, decimal *d, int64_t step) {
  for (; *s >= '0' && *s <= '9'; s++) {
    if (d->digits <= (UINT64_MAX - 9) / 10) {
      d->digits = d->digits * 10 + (uint64_t)(*s - '0');
      d->exponent += step;
    } else {
      d->exponent += step + 1;
    }
    d->count++;
  }
  return s;
}

/* The exponent behind an e; one that is out of any range is cut off. */
static const char *take_exponent(const char *s, decimal *d) {
  bool negative = *s == '-';
  int64_t e = 0;
  if (*s == '-' || *s == '+') s++;
  if (*s < '0' || *s > '9') return NULL;
  for (; *s >= '0' && *s <= '9'; s++) e = e < 100000 ? e * 10 + (*s - '0') : e;
  d->exponent += negative ? -e : e;
  return s;
}

/* False when the text, n characters with more behind them, is no decimal number. */
static bool scan_decimal(const char *s, size_t n, decimal *d) {
  const char *end = s + n;
  *d = (decimal){.negative = *s == '-', .whole = true};
  if (*s == '-' || *s == '+') s++;
  s = take_digits(s, d, 0);
  if (*s == '.') {
    d->whole = false;
    s = take_digits(s + 1, d, -1);
  }
  if (d->count == 0) return false;
  if (*s == 'e' || *s == 'E') {
    d->whole = false;
    s = take_exponent(s + 1, d);
  }
  return s == end;
}

static bool fits_int(const decimal *d) {
  return d->whole && d->exponent == 0 && d->digits <= (uint64_t)INT64_MAX + d->negative;
}

/* Where both parts are exact doubles, so is the rounding of their product or quotient; the
 * library's slower function does the rest. */
static double to_double(const char *s, const decimal *d) {
  static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (d->digits > (uint64_t)1 << 53 || d->exponent < -22 || d->exponent > 22)
    return strtod_l(s, NULL, cr_c_locale());
  double x = (double)d->digits;
  x = d->exponent < 0 ? x / tens[-d->exponent] : x * tens[d->exponent];
  return d->negative ? -x : x;
}

/* An infinity, or no number. */
static bool word(const char *s, size_t n, cr_scalar *value) {
  bool negative = *s == '-';
  if (*s == '-' || *s == '+') s++, n--;
  bool infinite =
      (n == 3 && strncasecmp(s, "inf", 3) == 0) || (n == 8 && strncasecmp(s, "infinity", 8) == 0);
  if (!infinite && !(n == 3 && strncasecmp(s, "nan", 3) == 0)) return false;
  *value = cr_num(infinite ? (negative ? -INFINITY : INFINITY) : NAN);
  return true;
}

cr_csv_kind cr_csv_number(const cr_csv *c, cr_scalar *value) {
  const char *s = c->text;
  size_t n = c->length;
  decimal d;
  cr_scalar scratch;
  while (n > 0 && (*s == ' ' || *s == '\t')) s++, n--;
  while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t')) n--;
  if (n == 0 || n > 4096) return CR_CSV_TEXT;
  if (scan_decimal(s, n, &d)) {
    bool whole = fits_int(&d);
    if (value && whole)
      *value = cr_int(d.negative ? (int64_t)(0 - d.digits) : (int64_t)d.digits);
    else if (value)
      *value = cr_num(to_double(s, &d));
    return whole ? CR_CSV_INT : CR_CSV_FLOAT;
  }
  if (!value) value = &scratch;
  if (word(s, n, value)) return CR_CSV_FLOAT;
  return truth(s, n, value) ? CR_CSV_BOOL : CR_CSV_TEXT;
}

cr_csv_kind cr_csv_merge(cr_csv_kind a, cr_csv_kind b) {
  cr_csv_kind low = a < b ? a : b, high = a < b ? b : a;
  if (low == CR_CSV_NONE || low == high) return high;
  return low == CR_CSV_BOOL ? CR_CSV_TEXT : high;
}
