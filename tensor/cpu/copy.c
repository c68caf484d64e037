/* copy.c: converting, copying and filling elements. */
#include "tensor/cpu/cpu.h"
#include "tensor/functions.h"
#include "tensor/half.h"

#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
#endif

/* ---- conversions ------------------------------------------------------------------------ */

typedef void (*cast_fn)(int64_t n, void *restrict out, const void *restrict in);

#define CAST(from, to, in_type, out_type, expr)                                                    \
  static void from##_to_##to(int64_t n, void *restrict out, const void *restrict in) {             \
    const in_type *restrict a = in;                                                                \
    out_type *restrict o = out;                                                                    \
    for (int64_t i = 0; i < n; i++) {                                                              \
      in_type x = a[i];                                                                            \
      o[i] = (out_type)(expr);                                                                     \
    }                                                                                              \
  }

/* From a float type to a wide integer.  Blocks of numbers within int32 need no care. */
#define CAST_WIDE(from, to, type, out_type, truncate)                                              \
  static void from##_to_##to(int64_t n, void *restrict out, const void *restrict in) {             \
    const type *restrict a = in;                                                                   \
    out_type *restrict o = out;                                                                    \
    for (int64_t i = 0, m; i < n; i += m, a += m, o += m) {                                        \
      int care = 0;                                                                                \
      m = cr_min64(64, n - i);                                                                     \
      for (int64_t k = 0; k < m; k++) care |= !(a[k] > -2147483648.0f && a[k] < 2147483648.0f);    \
      if (care) {                                                                                  \
        for (int64_t k = 0; k < m; k++) o[k] = truncate(a[k]);                                     \
      } else {                                                                                     \
        for (int64_t k = 0; k < m; k++) o[k] = (int32_t)a[k];                                      \
      }                                                                                            \
    }                                                                                              \
  }

/* From one type to others; the arguments say how it becomes a float and a narrow integer. */
#define CASTS(from, type, as_float, as_int32)                                                      \
  CAST(from, f32, type, float, as_float)                                                           \
  CAST(from, f64, type, double, x)                                                                 \
  CAST(from, bf16, type, uint16_t, cr_float_to_bf16(as_float))                                     \
  CAST(from, i8, type, int8_t, as_int32)                                                           \
  CAST(from, u8, type, uint8_t, as_int32)                                                          \
  CAST(from, i16, type, int16_t, as_int32)                                                         \
  CAST(from, bool, type, uint8_t, x != 0)

#if defined(__F16C__)
/* The processor's own conversion, which gives the same bits but for those of a NaN. */
static void f32_to_f16(int64_t n, void *restrict out, const void *restrict in) {
  const float *a = in;
  uint16_t *o = out;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128((__m128i *)(o + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(a + i), _MM_FROUND_TO_NEAREST_INT));
  for (; i < n; i++) o[i] = cr_float_to_f16(a[i]);
}

static void f16_to_f32(int64_t n, void *restrict out, const void *restrict in) {
  const uint16_t *a = in;
  float *o = out;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(o + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(a + i))));
  for (; i < n; i++) o[i] = cr_f16_to_float(a[i]);
}
#else
CAST(f32, f16, float, uint16_t, cr_float_to_f16(x))
CAST(f16, f32, uint16_t, float, cr_f16_to_float(x))
#endif

CASTS(f32, float, x, cr_truncate_f32(x))
CASTS(f64, double, (float)x, cr_truncate_f64(x))
CAST(f64, f16, double, uint16_t, cr_float_to_f16((float)x))
CAST_WIDE(f32, i32, float, int32_t, cr_truncate_f32)
CAST_WIDE(f32, i64, float, int64_t, cr_truncate_wide)
CAST_WIDE(f64, i32, double, int32_t, cr_truncate_f64)
CAST_WIDE(f64, i64, double, int64_t, cr_truncate_wide)
CASTS(i8, int8_t, (float)x, x)
CASTS(u8, uint8_t, (float)x, x)
CASTS(i16, int16_t, (float)x, x)
CASTS(i32, int32_t, (float)x, x)
CASTS(i64, int64_t, (float)x, x)

/* From integers to the wide ones, and to float16. */
#define WIDEN(from, type)                                                                          \
  CAST(from, i32, type, int32_t, x)                                                                \
  CAST(from, i64, type, int64_t, x)                                                                \
  CAST(from, f16, type, uint16_t, cr_float_to_f16((float)x))
WIDEN(i8, int8_t)
WIDEN(u8, uint8_t)
WIDEN(i16, int16_t)
WIDEN(i32, int32_t)
WIDEN(i64, int64_t)

CAST(bf16, f32, uint16_t, float, cr_bf16_to_float(x))

#define ROW(from)                                                                                  \
  {                                                                                                \
    from##_to_f32, from##_to_f64, from##_to_f16, from##_to_bf16, from##_to_i8, from##_to_u8,       \
        from##_to_i16, from##_to_i32, from##_to_i64, from##_to_bool                                \
  }

/* By source and destination, in the order of cr_dtype.  bool is stored as 0 or 1 in a byte. */
static const cast_fn casts[CR_NDTYPES][CR_NDTYPES] = {
    [CR_FLOAT32] = ROW(f32),       [CR_FLOAT64] = ROW(f64), [CR_FLOAT16] = {f16_to_f32},
    [CR_BFLOAT16] = {bf16_to_f32}, [CR_INT8] = ROW(i8),     [CR_UINT8] = ROW(u8),
    [CR_INT16] = ROW(i16),         [CR_INT32] = ROW(i32),   [CR_INT64] = ROW(i64),
    [CR_BOOL] = ROW(u8),
};

/* From a half type to another than float32. */
static void cast_half(cr_dtype to, char *out, cr_dtype from, const char *in, int64_t n) {
  float wide[CR_BLOCK];
  for (int64_t i = 0; i < n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, n - i);
    casts[from][CR_FLOAT32](m, wide, in + i * 2);
    casts[CR_FLOAT32][to](m, out + i * (int64_t)cr_sizeof(to), wide);
  }
}

void cr_cpu_cast(cr_dtype to, void *out, cr_dtype from, const void *in, int64_t n) {
  if (to == from) {
    cr_cpu_copy_bytes(out, in, (size_t)n * cr_sizeof(to));
  } else if (casts[from][to]) {
    casts[from][to](n, out, in);
  } else {
    cast_half(to, out, from, in, n);
  }
}

/* ---- copies ----------------------------------------------------------------------------- */

static bool convert(int64_t n, char *const *p, const void *arg) {
  const cr_iter *it = arg;
  cr_cpu_cast(it->op[0].dtype, p[0], it->op[1].dtype, p[1], n);
  return true;
}

/* A line of a copy without conversion. */
static bool move_line(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  size_t size = *(const size_t *)arg;
  if (stride[0] == (int64_t)size) {
    cr_cpu_pack(size, n, p[0], p[1], stride[1]);
  } else if (stride[1] == (int64_t)size) {
    cr_cpu_unpack(size, n, p[0], stride[0], p[1]);
  } else {
    _Alignas(64) char buf[CR_BLOCK * 8];
    for (int64_t i = 0; i < n; i += CR_BLOCK) {
      int64_t m = cr_min64(CR_BLOCK, n - i);
      cr_cpu_pack(size, m, buf, p[1] + i * stride[1], stride[1]);
      cr_cpu_unpack(size, m, p[0] + i * stride[0], stride[0], buf);
    }
  }
  return true;
}

/* A copy of short lines along dimension 0 goes along a longer dimension instead, in blocks. */
typedef struct {
  size_t size;
  int64_t count, step[2]; /* of the short lines */
} short_lines;

#define SHORT_LINE 12

static bool move_block(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  short_lines *s = arg;
  for (int64_t i = 0; i < n; i += 4 * CR_BLOCK) {
    for (int64_t k = 0; k < s->count; k++) {
      char *q[2];
      for (int o = 0; o < 2; o++) q[o] = p[o] + i * stride[o] + k * s->step[o];
      move_line(cr_min64(4 * CR_BLOCK, n - i), q, stride, &s->size);
    }
  }
  return true;
}

/* The dimension along which short lines are copied: the innermost that is long; 0 where there is
 * none, or they are not so short. */
static int long_dim(const cr_iter *it) {
  if (it->ndim < 2 || it->shape[0] > SHORT_LINE) return 0;
  for (int d = 1; d < it->ndim; d++) {
    if (it->shape[d] > 4 * SHORT_LINE) return d;
  }
  return 0;
}

static bool copy_short_lines(const cr_iter *it, int along, size_t size) {
  cr_iter rest = *it;
  short_lines s = {size, it->shape[0], {it->op[0].stride[0], it->op[1].stride[0]}};
  rest.ndim--;
  rest.numel /= s.count;
  for (int d = 0, from = 0; d < rest.ndim; d++) {
    from = d == 0 ? along : d <= along - 1 ? d : d + 1;
    rest.shape[d] = it->shape[from];
    for (int o = 0; o < 2; o++) rest.op[o].stride[d] = it->op[o].stride[from];
  }
  return cr_cpu_lines(&rest, move_block, &s, CR_GRAIN_CHEAP / s.count, NULL);
}

/* Lines without gaps of this many bytes at most are copied many at a time. */
#define SHORT_ROW 8192

/* Each row in pieces of a type that is not wider; the last one goes over some of it again. */
#define MOVE_ROWS(type, width)                                                                     \
  {                                                                                                \
    typedef type piece __attribute__((aligned(1), may_alias));                                     \
    for (int64_t i = 0; i < n; i++) {                                                              \
      char *to = p[0] + i * stride[0];                                                             \
      const char *from = p[1] + i * stride[1];                                                     \
      for (int64_t b = 0; b < bytes - (width); b += (width))                                       \
        *(piece *)(to + b) = *(const piece *)(from + b);                                           \
      *(piece *)(to + bytes - (width)) = *(const piece *)(from + bytes - (width));                 \
    }                                                                                              \
    return true;                                                                                   \
  }

static bool move_rows(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  typedef char wide __attribute__((vector_size(CR_COPY_WIDTH)));
  typedef char narrow __attribute__((vector_size(16)));
  int64_t bytes = *(const int64_t *)arg;
  if (bytes >= CR_COPY_WIDTH) MOVE_ROWS(wide, CR_COPY_WIDTH)
  if (bytes >= 16) MOVE_ROWS(narrow, 16)
  if (bytes >= 8) MOVE_ROWS(uint64_t, 8)
  if (bytes >= 4) MOVE_ROWS(uint32_t, 4)
  if (bytes >= 2) MOVE_ROWS(uint16_t, 2)
  MOVE_ROWS(uint8_t, 1)
}

static bool are_short_rows(const cr_iter *it, int64_t size) {
  return it->ndim > 1 && it->shape[0] <= SHORT_ROW / size && it->op[0].stride[0] == size &&
         it->op[1].stride[0] == size;
}

static bool copy_rows(const cr_iter *it, int64_t size) {
  cr_iter rest = *it;
  int64_t count = it->shape[0], bytes = count * size;
  rest.ndim--;
  rest.numel /= count;
  for (int d = 0; d < rest.ndim; d++) {
    rest.shape[d] = it->shape[d + 1];
    for (int o = 0; o < 2; o++) rest.op[o].stride[d] = it->op[o].stride[d + 1];
  }
  return cr_cpu_lines(&rest, move_rows, &bytes, cr_max64(1, CR_GRAIN_CHEAP / count), NULL);
}

static bool copy(const cr_iter *it) {
  size_t size = cr_sizeof(it->op[0].dtype);
  if (it->op[0].dtype != it->op[1].dtype || cr_cpu_turned_dim(it)) {
    return cr_cpu_loop_raw(it, convert, it, CR_GRAIN_CHEAP, NULL);
  }
  if (it->numel && are_short_rows(it, (int64_t)size)) return copy_rows(it, (int64_t)size);
  int along = long_dim(it);
  if (along) return copy_short_lines(it, along, size);
  return cr_cpu_lines(it, move_line, &size, CR_GRAIN_CHEAP, NULL);
}

/* ---- fills ------------------------------------------------------------------------------ */

typedef struct {
  size_t size;
  char value[8];
} filling;

static bool fill_line(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  const filling *f = arg;
  _Alignas(64) char buf[CR_BLOCK * 8];
  if (stride[0] == (int64_t)f->size) {
    cr_cpu_pack(f->size, n, p[0], f->value, 0);
    return true;
  }
  cr_cpu_pack(f->size, cr_min64(n, CR_BLOCK), buf, f->value, 0);
  for (int64_t i = 0; i < n; i += CR_BLOCK) {
    cr_cpu_unpack(f->size, cr_min64(CR_BLOCK, n - i), p[0] + i * stride[0], stride[0], buf);
  }
  return true;
}

static bool fill(const cr_iter *it, cr_scalar v) {
  _Alignas(8) filling f = {.size = cr_sizeof(it->op[0].dtype)};
  _Alignas(8) char value[8];
  cr_store_scalar(it->op[0].dtype, value, v);
  memcpy(f.value, value, f.size);
  return cr_cpu_lines(it, fill_line, &f, CR_GRAIN_CHEAP, NULL);
}

typedef struct {
  const cr_iter *it;
  double start, step;
} progression;

static bool arange_range(void *arg, int64_t begin, int64_t end) {
  const progression *g = arg;
  const cr_operand *o = &g->it->op[0];
  int64_t stride = g->it->ndim ? o->stride[0] : 0;
  bool dense = stride == (int64_t)cr_sizeof(o->dtype);
  double buf[CR_BLOCK];
  _Alignas(64) char narrow[CR_BLOCK * 8];
  for (int64_t i = begin; i < end; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, end - i);
    double first = (double)i; /* added to a small number: there are vectors of those */
    for (int32_t j = 0; j < (int32_t)m; j++) buf[j] = g->start + (first + j) * g->step;
    char *to = o->data + i * stride;
    cr_cpu_cast(o->dtype, dense ? to : narrow, CR_FLOAT64, buf, m);
    if (!dense) cr_cpu_unpack(cr_sizeof(o->dtype), m, to, stride, narrow);
  }
  return true;
}

static bool arange(const cr_iter *it, double start, double step) {
  progression g = {it, start, step};
  return cr_cpu_parallel(it->numel, CR_GRAIN_CHEAP, arange_range, &g, NULL);
}

void CR_ISA_NAME(cr_cpu_copy)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_copy)(cr_backend *b) {
  b->copy = copy;
  b->fill = fill;
  b->arange = arange;
}
