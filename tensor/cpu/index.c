/* index.c: reading and writing elements and rows at places that an index tensor gives. */
#include "tensor/cpu/cpu.h"
#include "tensor/half.h"

#include <string.h>

/* What the workers of one call share. */
typedef struct {
  int64_t size, step;
  int64_t base; /* the first index */
  size_t bytes; /* of an element */
  cr_dtype dtype;
  bool add;
  int64_t seen; /* of a scatter, since it has looked for an interrupt */
  atomic_bool failed;
  _Atomic int64_t bad; /* an index that was out of range */
} places;

/* Notes a bad index; always false. */
static bool refuse(places *p, int64_t index) {
  atomic_store(&p->bad, index);
  atomic_store(&p->failed, true);
  return false;
}

/* Turns the outcome of a loop into that of the kernel.  Indices count from 0 here; the least one
 * wraps around, and back. */
static bool report(places *p, bool ok) {
  if (ok || !atomic_load(&p->failed)) return ok;
  return cr_fail("index %lld is out of range: the size is %lld",
                 (long long)((uint64_t)atomic_load(&p->bad) + 1), (long long)p->size);
}

/* An index that counts from `base`. */
static inline int64_t from_0(int64_t index, int64_t base) {
  return (int64_t)((uint64_t)index - (uint64_t)base);
}

static inline bool outside(int64_t index, int64_t size) {
  return (uint64_t)index >= (uint64_t)size;
}

/* Whether n indices, `stride` bytes apart, are all within range; notes one that is not.  The sign
 * of k or of size - 1 - k says it. */
static bool within(places *p, const char *index, int64_t stride, int64_t n) {
  uint64_t first = (uint64_t)p->base, last = (uint64_t)p->size - 1, signs = 0;
  if (stride == 8) {
    const uint64_t *k = (const uint64_t *)index;
    for (int64_t i = 0; i < n; i++) signs |= (k[i] - first) | (last - (k[i] - first));
  } else {
    for (int64_t i = 0; i < n; i++) {
      uint64_t k = *(const uint64_t *)(index + i * stride) - first;
      signs |= k | (last - k);
    }
  }
  for (int64_t i = 0; (int64_t)signs < 0; i++) {
    int64_t k = (int64_t)(*(const uint64_t *)(index + i * stride) - first);
    if (outside(k, p->size)) return refuse(p, k);
  }
  return true;
}

static bool check(places *p, const int64_t *index, int64_t n) {
  return report(p, within(p, (const char *)index, 8, n));
}

/* ---- gather ----------------------------------------------------------------------------- */

/* From one line, packed, each index looked at when it is used; or as it lies. */
#define GATHER(type)                                                                               \
  if (stride[1] == 0 && g->step == sizeof(type) && stride[0] == sizeof(type) && stride[2] == 8) {  \
    const type *x = (const type *)p[1];                                                            \
    const int64_t *index = (const int64_t *)p[2];                                                  \
    type *restrict o = (type *)p[0];                                                               \
    for (int64_t i = 0; i < n; i++) {                                                              \
      int64_t k = from_0(index[i], base);                                                          \
      if (outside(k, size)) return refuse(g, k);                                                   \
      o[i] = x[k];                                                                                 \
    }                                                                                              \
  } else if (within(g, p[2], stride[2], n)) {                                                      \
    const char *x = p[1] - base * g->step, *k = p[2];                                              \
    char *o = p[0];                                                                                \
    for (int64_t i = 0; i < n; i++, o += stride[0], x += stride[1], k += stride[2])                \
      *(type *)o = *(const type *)(x + *(const int64_t *)k * g->step);                             \
  } else {                                                                                         \
    return false;                                                                                  \
  }

/* Fetches a line that fits the first cache, of which much will be asked for, without waiting. */
static void fetch(const places *g, int64_t n, const char *line) {
  if (g->step != (int64_t)g->bytes || g->size > 16384 / g->step || g->size / 4 > n) return;
  for (int64_t i = 0; i < g->size * g->step; i += 64) __builtin_prefetch(line + i);
}

static bool gather_line(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  places *g = arg;
  int64_t base = g->base, size = g->size;
  if (stride[1] == 0) fetch(g, n, p[1]);
  if (stride[2] == 0 && stride[0] == (int64_t)g->bytes && n > 0) { /* one index for the line */
    int64_t k = from_0(*(const int64_t *)p[2], base);
    if (outside(k, size)) return refuse(g, k);
    cr_cpu_pack(g->bytes, n, p[0], p[1] + k * g->step, stride[1]);
    return true;
  }
  switch (g->bytes) {
  case 1: GATHER(uint8_t) break;
  case 2: GATHER(uint16_t) break;
  case 4: GATHER(uint32_t) break;
  default: GATHER(uint64_t) break;
  }
  return true;
}

static bool gather(const cr_iter *it, int64_t size, int64_t in_stride, int64_t base) {
  places g = {.size = size, .step = in_stride, .base = base};
  g.bytes = cr_sizeof(it->op[0].dtype);
  return report(&g, cr_cpu_lines(it, gather_line, &g, CR_GRAIN_MATH, NULL));
}

/* ---- scatter: on one thread, so that of equal places the last one wins, or sums are the same in
 * every run */

#define SCATTER(type, expr)                                                                        \
  {                                                                                                \
    const char *from = p[0], *k = p[1];                                                            \
    char *to = p[2] - g->base * g->step;                                                           \
    for (int64_t i = 0; i < n; i++, from += stride[0], k += stride[1], to += stride[2]) {          \
      type x = *(const type *)from;                                                                \
      type *o = (type *)(to + *(const int64_t *)k * g->step);                                      \
      *o = (type)(expr);                                                                           \
    }                                                                                              \
    break;                                                                                         \
  }

static void put_line(const places *g, int64_t n, char *const *p, const int64_t *stride) {
  if (stride[1] == 0 && stride[2] == (int64_t)g->bytes && n > 0) { /* one index for the line */
    char *to = p[2] + (*(const int64_t *)p[1] - g->base) * g->step;
    cr_cpu_pack(g->bytes, n, to, p[0], stride[0]);
    return;
  }
  switch (g->bytes) {
  case 1: SCATTER(uint8_t, x)
  case 2: SCATTER(uint16_t, x)
  case 4: SCATTER(uint32_t, x)
  default: SCATTER(uint64_t, x)
  }
}

static void add_line(const places *g, int64_t n, char *const *p, const int64_t *stride) {
  switch (g->dtype) {
  case CR_FLOAT32: SCATTER(float, *o + x)
  case CR_FLOAT64: SCATTER(double, *o + x)
  case CR_FLOAT16: SCATTER(uint16_t, cr_float_to_f16(cr_f16_to_float(*o) + cr_f16_to_float(x)))
  case CR_BFLOAT16: SCATTER(uint16_t, cr_float_to_bf16(cr_bf16_to_float(*o) + cr_bf16_to_float(x)))
  case CR_BOOL: SCATTER(uint8_t, *o | x)
  case CR_INT8:
  case CR_UINT8: SCATTER(uint8_t, *o + x)
  case CR_INT16: SCATTER(uint16_t, *o + x)
  case CR_INT32: SCATTER(uint32_t, *o + x)
  default: SCATTER(uint64_t, *o + x)
  }
}

static bool scatter_line(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  places *g = arg;
  for (int64_t i = 0; i < n; i += CR_CPU_POLL) {
    char *const at[] = {p[0] + i * stride[0], p[1] + i * stride[1], p[2] + i * stride[2]};
    int64_t m = cr_min64(CR_CPU_POLL, n - i);
    g->seen += m;
    if (g->seen > CR_CPU_POLL) {
      if (cr_cpu_interrupted()) return false;
      g->seen = m;
    }
    if (!within(g, at[1], stride[1], m)) return false;
    if (g->add)
      add_line(g, m, at, stride);
    else
      put_line(g, m, at, stride);
  }
  return true;
}

/* A grain that no loop exceeds, and whose multiples do not overflow. */
#define ONE_THREAD (INT64_MAX / 64)

static bool scatter(const cr_iter *it, int64_t size, int64_t out_stride, int64_t base, bool add) {
  cr_dtype dtype = it->op[2].dtype;
  places g = {.size = size, .step = out_stride, .base = base, .dtype = dtype, .add = add};
  g.bytes = cr_sizeof(dtype);
  return report(&g, cr_cpu_lines(it, scatter_line, &g, ONE_THREAD, NULL));
}

/* ---- rows ------------------------------------------------------------------------------- */

typedef struct {
  char *out;
  const char *in;
  const int64_t *index;
  int64_t n, out_step, in_step;
  size_t bytes; /* of a row */
} selection;

#define SELECT(type)                                                                               \
  for (int64_t i = 0; i < n; i++) ((type *)out)[i] = ((const type *)in)[index[i]];                 \
  break;

/* So many rows are fetched beforehand, of each so many bytes: what follows is seen coming. */
#define AHEAD 16
#define FETCHED 512

static inline void fetch_row(const char *row, size_t bytes) {
  for (size_t b = 0; b < bytes && b < FETCHED; b += 64) __builtin_prefetch(row + b);
}

/* Rows first .. first + n of one outer place. */
static void select_some(const selection *s, char *out, const char *in, int64_t first, int64_t n) {
  const int64_t *index = s->index + first;
  out += first * (int64_t)s->bytes;
  switch (s->bytes) {
  case 1: SELECT(uint8_t)
  case 2: SELECT(uint16_t)
  case 4: SELECT(uint32_t)
  case 8: SELECT(uint64_t)
  default:
    for (int64_t i = 0; i < n; i++, out += s->bytes) {
      if (i + AHEAD < n) fetch_row(in + index[i + AHEAD] * (int64_t)s->bytes, s->bytes);
      cr_cpu_copy_bytes(out, in + index[i] * (int64_t)s->bytes, s->bytes);
    }
  }
}

static bool select_rows(void *arg, int64_t begin, int64_t end) {
  const selection *s = arg;
  int64_t row = begin % s->n, outer = begin / s->n;
  while (begin < end) {
    int64_t n = cr_min64(s->n - row, end - begin);
    select_some(s, s->out + outer * s->out_step, s->in + outer * s->in_step, row, n);
    begin += n;
    row = 0;
    outer++;
  }
  return true;
}

static bool index_select(char *out, const char *in, const int64_t *index, int64_t n, int64_t size,
                         size_t bytes, int64_t outer, int64_t out_step, int64_t in_step) {
  places p = {.size = size};
  if (!check(&p, index, n)) return false;
  if (n == 0 || bytes == 0) return true;
  selection s = {out, in, index, n, out_step, in_step, bytes};
  int64_t grain = cr_max64(1, 4 * CR_GRAIN_CHEAP / (int64_t)(bytes + 16));
  return cr_cpu_parallel(outer * n, grain, select_rows, &s, NULL);
}

typedef struct {
  cr_dtype dtype;
  char *out;
  const char *in;
  const int64_t *index;
  int64_t n, inner, out_step, in_step, blocks;
  double alpha;
  uint64_t integer_alpha;
} addition;

/* Columns of a row that one thread adds up; rows between two looks for an interrupt. */
#define COLUMNS 128
#define ROWS (CR_CPU_POLL / COLUMNS)

#define ADD_ONES(type, number, factor)                                                             \
  {                                                                                                \
    type *o = (type *)out;                                                                         \
    const type *x = (const type *)in;                                                              \
    number f = (number)(factor);                                                                   \
    for (int64_t r = begin; r < end; r++)                                                          \
      o[index[r]] = (type)((number)o[index[r]] + f * (number)x[r]);                                \
  }                                                                                                \
  return true;

#define ADD_ROW(type, number, factor)                                                              \
  {                                                                                                \
    type *o = out;                                                                                 \
    const type *x = in;                                                                            \
    number f = (number)(factor);                                                                   \
    for (int64_t i = 0; i < n; i++) o[i] = (type)((number)o[i] + f * (number)x[i]);                \
  }                                                                                                \
  break;

static void add_halves(const addition *a, int64_t n, char *out, const char *in) {
  float o[COLUMNS], x[COLUMNS];
  cr_cpu_cast(CR_FLOAT32, o, a->dtype, out, n);
  cr_cpu_cast(CR_FLOAT32, x, a->dtype, in, n);
  for (int64_t i = 0; i < n; i++) o[i] += (float)a->alpha * x[i];
  cr_cpu_cast(a->dtype, out, CR_FLOAT32, o, n);
}

static void add_row(const addition *a, int64_t n, void *out, const void *in) {
  switch (a->dtype) {
  case CR_FLOAT32: ADD_ROW(float, float, a->alpha)
  case CR_FLOAT64: ADD_ROW(double, double, a->alpha)
  case CR_FLOAT16:
  case CR_BFLOAT16: add_halves(a, n, out, in); break;
  case CR_BOOL:
    for (int64_t i = 0; i < n; i++) ((uint8_t *)out)[i] |= ((const uint8_t *)in)[i];
    break;
  case CR_INT8:
  case CR_UINT8: ADD_ROW(uint8_t, uint32_t, a->integer_alpha)
  case CR_INT16: ADD_ROW(uint16_t, uint32_t, a->integer_alpha)
  case CR_INT32: ADD_ROW(uint32_t, uint32_t, a->integer_alpha)
  default: ADD_ROW(uint64_t, uint64_t, a->integer_alpha)
  }
}

/* Rows begin to end of one element each; false for types of which there are no loops. */
static bool add_ones(const addition *a, char *out, const char *in, int64_t begin, int64_t end) {
  const int64_t *index = a->index;
  switch (a->dtype) {
  case CR_FLOAT32: ADD_ONES(float, float, a->alpha)
  case CR_FLOAT64: ADD_ONES(double, double, a->alpha)
  case CR_INT32: ADD_ONES(uint32_t, uint32_t, a->integer_alpha)
  case CR_INT64: ADD_ONES(uint64_t, uint64_t, a->integer_alpha)
  default: return false;
  }
}

/* Each unit owns its columns of the output, so the rows add up in order. */
static bool add_columns(void *arg, int64_t begin, int64_t end) {
  const addition *a = arg;
  int64_t size = (int64_t)cr_sizeof(a->dtype), row = a->inner * size;
  for (int64_t u = begin; u < end; u++) {
    int64_t first = u % a->blocks * COLUMNS, n = cr_min64(COLUMNS, a->inner - first);
    char *out = a->out + u / a->blocks * a->out_step + first * size;
    const char *in = a->in + u / a->blocks * a->in_step + first * size;
    for (int64_t r = 0; r < a->n; r += ROWS) {
      int64_t end = cr_min64(r + ROWS, a->n);
      if (r > 0 && cr_cpu_interrupted()) return false;
      if (a->inner == 1 && add_ones(a, out, in, r, end)) continue;
      for (int64_t k = r; k < end; k++) add_row(a, n, out + a->index[k] * row, in + k * row);
    }
  }
  return true;
}

static bool index_add(cr_dtype dtype, char *out, const char *in, const int64_t *index, int64_t n,
                      int64_t size, int64_t inner, int64_t outer, int64_t out_step, int64_t in_step,
                      double alpha) {
  places p = {.size = size};
  if (!check(&p, index, n)) return false;
  if (n == 0 || inner == 0) return true;
  addition a = {dtype,
                out,
                in,
                index,
                n,
                inner,
                out_step,
                in_step,
                (inner + COLUMNS - 1) / COLUMNS,
                alpha,
                (uint64_t)cr_scalar_int(cr_num(alpha))};
  int64_t grain = cr_max64(1, CR_GRAIN_CHEAP / (n * cr_min64(inner, COLUMNS)));
  return cr_cpu_parallel(outer * a.blocks, grain, add_columns, &a, NULL);
}

/* ---- masks ------------------------------------------------------------------------------ */

static int64_t count_true(const uint8_t *mask, int64_t n) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) count += mask[i] != 0;
  return count;
}

/* Every place is written, and the next one goes over it if its element is false. */
static int64_t nonzero(const void *mask, int64_t n, int64_t *out) {
  const uint8_t *m = mask;
  if (!out) return count_true(m, n);
  int64_t count = 0, piece[64];
  for (int64_t i = 0, size; i < n; i += size) {
    uint64_t eight;
    while (i + 8 <= n && (memcpy(&eight, m + i, 8), eight == 0)) i += 8;
    size = cr_min64(64, n - i);
    int64_t found = 0;
    for (int64_t k = 0; k < size; k++) {
      piece[found] = i + k;
      found += m[i + k] != 0;
    }
    memcpy(out + count, piece, (size_t)found * sizeof *out);
    count += found;
  }
  return count;
}

void CR_ISA_NAME(cr_cpu_index)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_index)(cr_backend *b) {
  b->gather = gather;
  b->scatter = scatter;
  b->index_select = index_select;
  b->index_add = index_add;
  b->nonzero = nonzero;
}
