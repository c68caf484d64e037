/* copy.c: converting, copying and filling elements. */
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/half.h"

#include <string.h>

/* ---- conversions --------------------------------------------------------------------------- */

/* Floats to integers without undefined behaviour; the bounds are floats that the type can hold. */
static inline int32_t truncate_f32(float x) {
  x = x < -2147483648.0f ? -2147483648.0f : x;
  int32_t i = (int32_t)(x < 2147483648.0f ? x : 0.0f); /* also NaN */
  return x >= 2147483648.0f ? INT32_MAX : i;
}

static inline int32_t truncate_f64(double x) {
  x = x < -2147483648.0 ? -2147483648.0 : x;
  x = x > 2147483647.0 ? 2147483647.0 : x;
  return (int32_t)(x == x ? x : 0);
}

static inline int64_t truncate_wide(double x) {
  x = x < -9223372036854775808.0 ? -9223372036854775808.0 : x;
  int64_t i = (int64_t)(x < 9223372036854775808.0 ? x : 0);
  return x >= 9223372036854775808.0 ? INT64_MAX : i;
}

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

/* From one type to all ten; the arguments say how it becomes a float and a truncated integer. */
#define CASTS(from, type, as_float, as_int32, as_int64)                                            \
  CAST(from, f32, type, float, as_float)                                                           \
  CAST(from, f64, type, double, x)                                                                 \
  CAST(from, f16, type, uint16_t, cr_float_to_f16(as_float))                                       \
  CAST(from, bf16, type, uint16_t, cr_float_to_bf16(as_float))                                     \
  CAST(from, i8, type, int8_t, as_int32)                                                           \
  CAST(from, u8, type, uint8_t, as_int32)                                                          \
  CAST(from, i16, type, int16_t, as_int32)                                                         \
  CAST(from, i32, type, int32_t, as_int32)                                                         \
  CAST(from, i64, type, int64_t, as_int64)                                                         \
  CAST(from, bool, type, uint8_t, x != 0)

CASTS(f32, float, x, truncate_f32(x), truncate_wide(x))
CASTS(f64, double, (float)x, truncate_f64(x), truncate_wide(x))
CASTS(i8, int8_t, (float)x, x, x)
CASTS(u8, uint8_t, (float)x, x, x)
CASTS(i16, int16_t, (float)x, x, x)
CASTS(i32, int32_t, (float)x, x, x)
CASTS(i64, int64_t, (float)x, x, x)
CAST(f16, f32, uint16_t, float, cr_f16_to_float(x))
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
    memcpy(out, in, (size_t)n * cr_sizeof(to));
  } else if (casts[from][to]) {
    casts[from][to](n, out, in);
  } else {
    cast_half(to, out, from, in, n);
  }
}

/* ---- copies -------------------------------------------------------------------------------- */

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

/* ---- transposing copies -------------------------------------------------------------------- */

/* Tiles of this many elements each way fit the first cache for both sides. */
#define TILE 32

#define TRANSPOSE(type)                                                                            \
  static void transpose_##type(int64_t rows, int64_t cols, char *out, int64_t out_row,             \
                               const char *in, int64_t in_col) {                                   \
    for (int64_t r = 0; r < rows; r++) {                                                           \
      type *restrict o = (type *)(out + r * out_row);                                              \
      const char *from = in + r * (int64_t)sizeof(type);                                           \
      for (int64_t c = 0; c < cols; c++) o[c] = *(const type *)(from + c * in_col);                \
    }                                                                                              \
  }

TRANSPOSE(uint8_t)
TRANSPOSE(uint16_t)
TRANSPOSE(uint32_t)
TRANSPOSE(uint64_t)

/* Dimension 0 is contiguous in the output, dimension `other` in the input; the loop runs over tiles
 * of these two, times all the other dimensions. */
typedef struct {
  const cr_iter *it;
  int other;
  int64_t across, down; /* tiles along dimension 0, and along `other` */
  size_t size;
} tiles;

static void one_tile(const tiles *t, int64_t x, int64_t y, char *out, const char *in) {
  const cr_iter *it = t->it;
  int64_t cols = cr_min64(TILE, it->shape[0] - x * TILE);
  int64_t rows = cr_min64(TILE, it->shape[t->other] - y * TILE);
  int64_t out_row = it->op[0].stride[t->other], in_col = it->op[1].stride[0];
  int64_t size = (int64_t)t->size;
  out += x * TILE * size + y * TILE * out_row;
  in += x * TILE * in_col + y * TILE * size;
  switch (t->size) {
  case 1: transpose_uint8_t(rows, cols, out, out_row, in, in_col); break;
  case 2: transpose_uint16_t(rows, cols, out, out_row, in, in_col); break;
  case 4: transpose_uint32_t(rows, cols, out, out_row, in, in_col); break;
  default: transpose_uint64_t(rows, cols, out, out_row, in, in_col); break;
  }
}

static bool some_tiles(void *arg, int64_t begin, int64_t end) {
  const tiles *t = arg;
  const cr_iter *it = t->it;
  for (int64_t i = begin; i < end; i++) {
    int64_t x = i % t->across, y = i / t->across % t->down, rest = i / t->across / t->down;
    char *out = it->op[0].data, *in = it->op[1].data;
    for (int d = 1; d < it->ndim; d++) {
      if (d == t->other) continue;
      int64_t index = rest % it->shape[d];
      rest /= it->shape[d];
      out += index * it->op[0].stride[d];
      in += index * it->op[1].stride[d];
    }
    one_tile(t, x, y, out, in);
  }
  return true;
}

/* The dimension along which the input is contiguous, when the copy is worth tiling; else 0. */
static int transposed_dim(const cr_iter *it, int64_t size) {
  if (it->ndim < 2 || it->op[0].stride[0] != size || it->shape[0] < 8) return 0;
  if (it->op[1].stride[0] <= size) return 0;
  for (int d = 1; d < it->ndim; d++) {
    if (it->op[1].stride[d] == size && it->shape[d] >= 8) return d;
  }
  return 0;
}

static bool copy(const cr_iter *it) {
  size_t size = cr_sizeof(it->op[0].dtype);
  if (it->numel == 0) return true;
  if (it->op[0].dtype != it->op[1].dtype) {
    return cr_cpu_loop_raw(it, convert, it, CR_GRAIN_CHEAP, NULL);
  }
  int other = transposed_dim(it, (int64_t)size);
  if (!other) return cr_cpu_lines(it, move_line, &size, CR_GRAIN_CHEAP, NULL);
  tiles t = {it, other, (it->shape[0] + TILE - 1) / TILE, (it->shape[other] + TILE - 1) / TILE,
             size};
  int64_t count = t.across * t.down;
  for (int d = 1; d < it->ndim; d++) count *= d == other ? 1 : it->shape[d];
  return cr_cpu_parallel(count, CR_GRAIN_CHEAP / (TILE * TILE), some_tiles, &t, NULL);
}

/* ---- fills --------------------------------------------------------------------------------- */

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
  double buf[CR_BLOCK];
  _Alignas(64) char narrow[CR_BLOCK * 8];
  for (int64_t i = begin; i < end; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, end - i);
    for (int64_t j = 0; j < m; j++) buf[j] = g->start + (double)(i + j) * g->step;
    cr_cpu_cast(o->dtype, narrow, CR_FLOAT64, buf, m);
    cr_cpu_unpack(cr_sizeof(o->dtype), m, o->data + i * stride, stride, narrow);
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
