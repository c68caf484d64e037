/* print.c: the text of a tensor, as Torch7 prints it: columns of one width, a common scale factor.
 *
 * A large tensor is shortened before anything else: the elements at both ends of each dimension are
 * collected in a small one, and only this is looked at and printed. */
#include "tensor/backend.h"
#include "tensor/ops.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- growing text ----------------------------------------------------------------------- */

typedef struct {
  char *s;
  size_t n, capacity;
  bool failed;
} text;

static void put(text *t, const char *format, ...) {
  char small[128];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(small, sizeof small, format, args);
  va_end(args);
  if (len >= (int)sizeof small) len = (int)sizeof small - 1;
  if (t->n + (size_t)len + 1 > t->capacity) {
    size_t capacity = 2 * t->capacity + (size_t)len + 64;
    char *s = realloc(t->s, capacity);
    if (!s) {
      t->failed = true;
      return;
    }
    t->s = s;
    t->capacity = capacity;
  }
  memcpy(t->s + t->n, small, (size_t)len + 1);
  t->n += (size_t)len;
}

/* As UTF-8; two of its three bytes take no column. */
#define ELLIPSIS "\xe2\x80\xa6"

/* ---- one format for all elements -------------------------------------------------------- */

typedef struct {
  int width;
  int decimals; /* -1: an integer */
  bool exponent;
  double scale;
} style;

typedef struct {
  const cr_print_options *options;
  const cr_tensor *t; /* what is shown: contiguous, on the CPU */
  /* Of each dimension, how many places were left out after the first options->edge. */
  int64_t hidden[CR_MAX_DIMS];
  style style;
} printer;

/* Whether there is a gap before place i of dimension d. */
static bool gap_before(const printer *p, int d, int64_t i) {
  return p->hidden[d] && i == p->options->edge;
}

/* The place in the whole tensor, counted from 1. */
static long long place(const printer *p, int d, int64_t i) {
  return (long long)(i + 1 + (i >= p->options->edge ? p->hidden[d] : 0));
}

static double element(const cr_tensor *t, int64_t i) {
  size_t size = cr_sizeof((cr_dtype)t->dtype);
  return cr_scalar_double(
      cr_load_scalar((cr_dtype)t->dtype, (const char *)cr_data(t) + (size_t)i * size));
}

/* Digits before the point of the smallest and the largest magnitude. */
static int digits(double v) {
  return v == 0 ? 1 : (int)floor(log10(v)) + 1;
}

static style choose_style(const cr_tensor *t, const cr_print_options *o) {
  double least = HUGE_VAL, most = 0;
  bool whole = true, odd = false;
  for (int64_t i = 0, n = cr_numel(t); i < n; i++) {
    double v = fabs(element(t, i));
    if (!isfinite(v)) {
      odd = true;
      continue;
    }
    whole = whole && v == floor(v);
    least = v < least ? v : least;
    most = v > most ? v : most;
  }
  if (least == HUGE_VAL) least = 0;
  int lo = digits(least), hi = digits(most);
  style s = {.scale = 1, .decimals = o->precision};
  bool may = o->exponents != 0, must = o->exponents > 0 && cr_is_float((cr_dtype)t->dtype);
  if (must || (whole && may && hi > 9 && cr_is_float((cr_dtype)t->dtype))) {
    s.width = 7 + o->precision;
    s.exponent = true;
  } else if (whole) {
    s.width = hi + 1;
    s.decimals = -1;
  } else if (may && hi - lo > 4) {
    s.width = 7 + o->precision;
    s.exponent = true;
    if (hi >= 101 || hi <= -99 || lo >= 101 || lo <= -99) s.width++;
  } else if (may && (hi > 5 || hi < 0)) {
    s.width = 3 + o->precision;
    s.scale = pow(10, hi - 1);
  } else {
    s.width = (hi <= 0 ? 1 : hi) + 2 + o->precision;
  }
  if (odd && s.width < 5) s.width = 5;
  return s;
}

static void put_element(text *out, const printer *p, int64_t i) {
  const style *s = &p->style;
  double v = element(p->t, i);
  if (isnan(v))
    put(out, "%*s", s->width, "nan");
  else if (isinf(v))
    put(out, "%*s", s->width, v < 0 ? "-inf" : "inf");
  else if (s->decimals < 0 && p->t->dtype == CR_INT64)
    put(out, "%*lld", s->width, (long long)((const int64_t *)cr_data(p->t))[i]);
  else if (s->decimals < 0)
    put(out, "%*.0f", s->width, v == 0 ? 0.0 : v);
  else if (s->exponent)
    put(out, "%*.*e", s->width, s->decimals, v);
  else
    put(out, "%*.*f", s->width, s->decimals, v / s->scale);
}

static void put_scale(text *out, const style *s, const char *indent) {
  if (s->scale != 1) put(out, "%s%g *\n", indent, s->scale);
}

static void put_vector(text *out, const printer *p) {
  put_scale(out, &p->style, "");
  for (int64_t i = 0; i < p->t->shape[0]; i++) {
    if (gap_before(p, 0, i)) put(out, "%*s\n", p->style.width + 2, ELLIPSIS);
    put_element(out, p, i);
    put(out, "\n");
  }
}

/* Columns first to last of a row. */
static void put_row(text *out, const printer *p, int64_t row, int64_t first, int64_t last) {
  for (int64_t c = first; c < last; c++) {
    if (gap_before(p, p->t->ndim - 1, c)) put(out, " " ELLIPSIS " ");
    put_element(out, p, row + c);
    put(out, c + 1 < last ? " " : "\n");
  }
}

/* The matrix whose first element is at `start`; wide ones in groups of columns. */
static void put_matrix(text *out, const printer *p, int64_t start, const char *indent) {
  int d = p->t->ndim - 1;
  int64_t rows = p->t->shape[d - 1], columns = p->t->shape[d];
  int64_t group = (p->options->width - (int64_t)strlen(indent)) / (p->style.width + 1);
  if (group < 1) group = 1;
  put_scale(out, &p->style, indent);
  for (int64_t first = 0; first < columns; first += group) {
    int64_t last = first + group < columns ? first + group : columns;
    if (group < columns) {
      put(out, "%s%sColumns %lld to %lld\n", first ? "\n" : "", indent, place(p, d, first),
          place(p, d, last - 1));
    }
    for (int64_t r = 0; r < rows; r++) {
      if (gap_before(p, d - 1, r)) put(out, "%s%*s\n", indent, p->style.width + 2, ELLIPSIS);
      put(out, "%s", indent);
      put_row(out, p, start + r * columns, first, last);
    }
  }
}

/* Matrix by matrix: "(1,2,.,.) = ". */
static void put_matrices(text *out, const printer *p) {
  int lead = p->t->ndim - 2;
  int64_t size = p->t->shape[lead] * p->t->shape[lead + 1], n = cr_numel(p->t) / (size ? size : 1);
  for (int64_t k = 0; k < n; k++) {
    int64_t index[CR_MAX_DIMS], rest = k;
    bool gap = false, first = true; /* the first matrix after a gap of one of the dimensions? */
    for (int d = lead - 1; d >= 0; d--) {
      index[d] = rest % p->t->shape[d];
      rest /= p->t->shape[d];
      gap = gap || (first && gap_before(p, d, index[d]));
      first = first && index[d] == 0;
    }
    put(out, gap ? "\n" ELLIPSIS "\n\n(" : k ? "\n(" : "(");
    for (int d = 0; d < lead; d++) put(out, "%lld,", place(p, d, index[d]));
    put(out, ".,.) = \n");
    put_matrix(out, p, k * size, "  ");
  }
}

static void put_summary(text *out, const cr_tensor *t) {
  char s[CR_SHAPE_STR];
  cr_device d = cr_device_of(t);
  bool cuda = d.type == CR_CUDA;
  put(out, "[torch.%s%sTensor ", cuda ? "Cuda" : "",
      cuda && t->dtype == CR_FLOAT32 ? "" : cr_dtypes[t->dtype].torch);
  if (cr_is_none(t))
    put(out, "with no dimension");
  else
    put(out, "of size %s", cr_shape_str(s, t->ndim, t->shape));
  if (d.index > 0) put(out, " on cuda:%d", d.index + 1);
  put(out, "]\n");
}

static void put_number(text *out, const cr_tensor *t) {
  cr_scalar v = cr_get(t, NULL);
  if (v.is_int)
    put(out, "%lld", (long long)v.i);
  else
    put(out, "%.*g", t->dtype == CR_FLOAT64 ? 14 : 7, v.d);
}

/* ---- the whole -------------------------------------------------------------------------- */

/* The first and the last `edge` places of each dimension that has more; takes over t. */
static cr_tensor *shorten(cr_tensor *t, int edge, int64_t *hidden) {
  for (int d = 0; t && d < t->ndim; d++) {
    int64_t n = t->shape[d];
    if (n <= 2 * (int64_t)edge) continue;
    hidden[d] = n - 2 * edge;
    CR_AUTO whole = t;
    CR_AUTO head = cr_narrow(whole, d, 0, edge);
    CR_AUTO tail = cr_narrow(whole, d, n - edge, edge);
    t = head && tail ? cr_cat(2, (cr_tensor *[]){head, tail}, d) : NULL;
  }
  return t;
}

static cr_tensor *shown(const cr_tensor *t, const cr_print_options *o, int64_t *hidden) {
  CR_AUTO part = cr_alias(t);
  if (o->threshold >= 0 && cr_numel(t) > o->threshold) {
    cr_tensor *all = part;
    part = shorten(all, o->edge, hidden);
  }
  CR_AUTO host = part ? cr_to_device(part, (cr_device){CR_CPU, 0}) : NULL;
  return cr_contiguous(host);
}

static void put_tensor(text *out, const printer *p) {
  if (p->t->ndim == 1)
    put_vector(out, p);
  else if (p->t->ndim == 2)
    put_matrix(out, p, 0, "");
  else
    put_matrices(out, p);
}

char *cr_tostring(const cr_tensor *t) {
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  printer p = {.options = &ctx->print};
  CR_AUTO c = shown(t, p.options, p.hidden);
  ctx->no_grad = mode;
  if (!c) return NULL;
  text out = {0};
  if (c->ndim == 0) {
    put_number(&out, c);
  } else {
    p.t = c;
    if (cr_numel(c)) {
      p.style = choose_style(c, p.options);
      put_tensor(&out, &p);
    }
    put_summary(&out, t);
  }
  if (!out.failed) return out.s;
  free(out.s);
  return cr_fail_null("out of memory");
}
