/* npy.c: NumPy's .npy files.
 *
 * The format: "\x93NUMPY", two bytes of version, the length of the header's text in two bytes
 * (version 1) or four (versions 2 and 3), little-endian; the text, which is a Python dictionary
 * with the keys descr, fortran_order and shape; then the elements. */
#include "lib/formats/npy.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 65536

/* What NumPy calls our types, by cr_dtype; "" where it has none. */
static const char *const codes[CR_NDTYPES] = {
    [CR_FLOAT32] = "f4", [CR_FLOAT64] = "f8", [CR_FLOAT16] = "f2", [CR_BFLOAT16] = "",
    [CR_INT8] = "i1",    [CR_UINT8] = "u1",   [CR_INT16] = "i2",   [CR_INT32] = "i4",
    [CR_INT64] = "i8",   [CR_BOOL] = "b1"};

/* ---- the dictionary ---------------------------------------------------------------------- */

typedef struct {
  cr_stream *s;
  const char *at; /* the text ends with a zero */
} parser;

static bool odd_header(parser *p) {
  return cr_stream_fail(p->s, "its header is damaged near '%.20s'", p->at);
}

static void blanks(parser *p) {
  p->at += strspn(p->at, " \t\r\n");
}

/* Passes one character, and blanks around it; false when another one is there. */
static bool accept(parser *p, char c) {
  blanks(p);
  if (*p->at != c) return false;
  p->at++;
  blanks(p);
  return true;
}

static bool text(parser *p, char *out, size_t n) {
  blanks(p);
  char quote = *p->at;
  if (quote != '\'' && quote != '"') return odd_header(p);
  const char *end = strchr(p->at + 1, quote);
  size_t length = end ? (size_t)(end - p->at - 1) : n;
  if (length >= n || memchr(p->at + 1, '\\', length)) return odd_header(p);
  memcpy(out, p->at + 1, length);
  out[length] = '\0';
  p->at = end + 1;
  return true;
}

static bool truth(parser *p, bool *out) {
  blanks(p);
  *out = strncmp(p->at, "True", 4) == 0;
  if (!*out && strncmp(p->at, "False", 5) != 0) return odd_header(p);
  p->at += *out ? 4 : 5;
  return true;
}

/* A size: digits, and the L that Python 2 wrote behind them. */
static bool size_number(parser *p, int64_t *out) {
  size_t n = strspn(p->at, "0123456789");
  if (n == 0 || n > 19) return odd_header(p);
  uint64_t x = strtoull(p->at, NULL, 10);
  if (x > INT64_MAX) return odd_header(p);
  *out = (int64_t)x;
  p->at += n + (p->at[n] == 'L');
  return true;
}

static bool shape(parser *p, cr_npy_header *h) {
  if (!accept(p, '(')) return odd_header(p);
  h->ndim = 0;
  while (!accept(p, ')')) {
    if (h->ndim == CR_MAX_DIMS) return cr_stream_fail(p->s, "more than %d dimensions", CR_MAX_DIMS);
    if (!size_number(p, &h->shape[h->ndim++])) return false;
    if (!accept(p, ',') && *p->at != ')') return odd_header(p);
  }
  return true;
}

static bool element_type(parser *p, cr_npy_header *h) {
  char name[32];
  if (accept(p, '['))
    return cr_stream_fail(p->s, "holds records of several fields, which no tensor can");
  if (!text(p, name, sizeof name)) return false;
  const char *code = name + (strchr("<>=|", name[0]) && name[0]);
  if (code[0] == 'O')
    return cr_stream_fail(p->s, "holds Python objects, which are code; they are not loaded");
  for (int i = 0; i < CR_NDTYPES; i++) {
    if (!*codes[i] || strcmp(code, codes[i]) != 0) continue;
    h->dtype = (cr_dtype)i;
    h->swapped = name[0] == (cr_big_endian() ? '<' : '>');
    return true;
  }
  return cr_stream_fail(p->s,
                        "elements of NumPy's type '%s' have no tensor type; convert them in "
                        "NumPy with astype",
                        name);
}

enum { DESCR = 1, ORDER = 2, SHAPE = 4, ALL = 7 };

static bool entry(parser *p, cr_npy_header *h, int *seen) {
  char key[16];
  if (!text(p, key, sizeof key)) return false;
  if (!accept(p, ':')) return odd_header(p);
  int what = strcmp(key, "descr") == 0           ? DESCR
             : strcmp(key, "fortran_order") == 0 ? ORDER
             : strcmp(key, "shape") == 0         ? SHAPE
                                                 : 0;
  if (!what || (*seen & what)) return odd_header(p);
  *seen |= what;
  if (what == DESCR) return element_type(p, h);
  return what == ORDER ? truth(p, &h->fortran) : shape(p, h);
}

static bool dictionary(parser *p, cr_npy_header *h) {
  int seen = 0;
  if (!accept(p, '{')) return odd_header(p);
  while (!accept(p, '}')) {
    if (!entry(p, h, &seen)) return false;
    if (!accept(p, ',') && *p->at != '}') return odd_header(p);
  }
  return (seen == ALL && *p->at == '\0') || odd_header(p);
}

/* ---- reading ----------------------------------------------------------------------------- */

/* The length of the header's text, and h->bytes, what comes before it. */
static bool text_length(cr_stream *s, cr_npy_header *h, size_t *length) {
  unsigned char b[12];
  size_t n = cr_stream_get(s, b, 8);
  if (s->failed) return false;
  if (n < 6 || memcmp(b, "\x93NUMPY", 6) != 0)
    return cr_stream_fail(s, "not a .npy file: it does not begin with NumPy's mark");
  if (n < 8) return cr_stream_fail(s, "truncated within its header");
  int version = b[6];
  if (version < 1 || version > 3)
    return cr_stream_fail(s, "version %d of the format; 1 to 3 are known", version);
  size_t wide = version == 1 ? 2 : 4;
  if (!cr_stream_need(s, b + 8, wide, "its header")) return false;
  *length = b[8] | (size_t)b[9] << 8;
  if (wide == 4) *length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
  if (*length >= MAX_TEXT)
    return cr_stream_fail(s, "its header says it is %zu bytes long; at most %d are possible",
                          *length, MAX_TEXT - 1);
  h->bytes = (int64_t)(8 + wide + *length);
  return true;
}

static bool parse(cr_stream *s, cr_npy_header *h, char *buffer, size_t length) {
  if (!cr_stream_need(s, buffer, length, "its header")) return false;
  buffer[length] = '\0';
  parser p = {s, buffer};
  if (strlen(buffer) != length) return odd_header(&p);
  if (!dictionary(&p, h)) return false;
  h->count = cr_count(h->ndim, h->shape);
  if (h->count >= 0 && h->count <= INT64_MAX / 8) return true;
  return cr_stream_fail(s, "its header says more elements than fit any memory");
}

bool cr_npy_read_header(cr_stream *s, cr_npy_header *h) {
  size_t length = 0;
  if (!text_length(s, h, &length)) return false;
  char *buffer = cr_malloc(length + 1);
  if (!buffer) {
    s->failed = true;
    return false;
  }
  bool ok = parse(s, h, buffer, length);
  cr_free(buffer, length + 1);
  return ok;
}

cr_tensor *cr_npy_tensor(const cr_npy_header *h, cr_storage *data) {
  int64_t stride[CR_MAX_DIMS], step = 1;
  if (!data) return NULL;
  for (int i = 0; i < h->ndim; i++) {
    stride[i] = step;
    step *= h->shape[i] > 0 ? h->shape[i] : 1;
  }
  bool turned = h->fortran && h->count > 0;
  return cr_view_storage(data, h->dtype, 0, h->ndim, h->shape, turned ? stride : NULL);
}

cr_tensor *cr_npy_read(cr_stream *s) {
  cr_npy_header h;
  if (!cr_npy_read_header(s, &h)) return NULL;
  cr_storage *data = cr_stream_elements(s, h.dtype, h.count, h.swapped);
  cr_tensor *t = data && cr_stream_end(s) ? cr_npy_tensor(&h, data) : NULL;
  cr_storage_release(data);
  return t;
}

/* ---- writing ----------------------------------------------------------------------------- */

/* The elements begin at a multiple of 64 bytes, as NumPy's own do. */
size_t cr_npy_write_header(const cr_tensor *t, char *out) {
  const char *code = codes[t->dtype];
  if (!*code) return 0;
  char order = cr_sizeof((cr_dtype)t->dtype) == 1 ? '|' : cr_big_endian() ? '>' : '<';
  size_t n = 10;
  n += (size_t)snprintf(out + n, CR_NPY_HEADER - n,
                        "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order, code);
  for (int i = 0; i < t->ndim; i++)
    n += (size_t)snprintf(out + n, CR_NPY_HEADER - n, "%lld%s", (long long)t->shape[i],
                          i + 1 < t->ndim ? ", "
                          : t->ndim == 1  ? ","
                                          : "");
  n += (size_t)snprintf(out + n, CR_NPY_HEADER - n, "), }");
  while (n % 64 != 63) out[n++] = ' ';
  out[n++] = '\n';
  memcpy(out, "\x93NUMPY\x01\x00", 8);
  out[8] = (char)((n - 10) & 0xff);
  out[9] = (char)((n - 10) >> 8);
  return n;
}
