/* loop.c: walks the outer dimensions of a loop, and makes every operand contiguous for its body. */
#include "tensor/cpu/cpu.h"
#include <string.h>

/* ---- strided elements ------------------------------------------------------------------- */

/* Every second element, or the elements backwards, are worth loops that the compiler makes vectors
 * of. */
#define PACK(bits)                                                                                 \
  {                                                                                                \
    typedef uint##bits##_t type __attribute__((aligned(1), may_alias));                            \
    const type *f = (const type *)from;                                                            \
    uint##bits##_t *restrict t = to;                                                               \
    if (stride == 2 * (int64_t)sizeof *t) {                                                        \
      for (int64_t i = 0; i < n; i++) t[i] = f[2 * i];                                             \
    } else if (stride == -(int64_t)sizeof *t) {                                                    \
      for (int64_t i = 0; i < n; i++) t[i] = f[-i];                                                \
    } else {                                                                                       \
      for (int64_t i = 0; i < n; i++) t[i] = *(const type *)(from + i * stride);                   \
    }                                                                                              \
  }

/* `to` is aligned for its elements. */
static void pack(size_t size, int64_t n, void *to, const char *from, int64_t stride) {
  switch (size) {
  case 1: PACK(8) break;
  case 2: PACK(16) break;
  case 4: PACK(32) break;
  default: PACK(64) break;
  }
}

#define UNPACK(bits)                                                                               \
  {                                                                                                \
    typedef uint##bits##_t type __attribute__((aligned(1), may_alias));                            \
    const uint##bits##_t *restrict f = from;                                                       \
    for (int64_t i = 0; i < n; i++) *(type *)(to + i * stride) = f[i];                             \
  }

static void unpack(size_t size, int64_t n, char *to, int64_t stride, const void *from) {
  switch (size) {
  case 1: UNPACK(8) break;
  case 2: UNPACK(16) break;
  case 4: UNPACK(32) break;
  default: UNPACK(64) break;
  }
}

#define REPEAT(type)                                                                               \
  {                                                                                                \
    type x, *restrict p = to;                                                                      \
    memcpy(&x, from, sizeof x);                                                                    \
    for (int64_t i = 0; i < n; i++) p[i] = x;                                                      \
  }

static void repeat(size_t size, int64_t n, void *to, const void *from) {
  switch (size) {
  case 1: memset(to, *(const unsigned char *)from, (size_t)n); break;
  case 2: REPEAT(uint16_t) break;
  case 4: REPEAT(uint32_t) break;
  default: REPEAT(uint64_t) break;
  }
}

void cr_cpu_pack(size_t size, int64_t n, void *to, const char *from, int64_t stride) {
  if (stride == (int64_t)size) {
    cr_cpu_copy_bytes(to, from, (size_t)n * size);
  } else if (stride == 0) {
    repeat(size, n, to, from);
  } else {
    pack(size, n, to, from, stride);
  }
}

void cr_cpu_unpack(size_t size, int64_t n, char *to, int64_t stride, const void *from) {
  if (stride == (int64_t)size) {
    cr_cpu_copy_bytes(to, from, (size_t)n * size);
  } else {
    unpack(size, n, to, stride, from);
  }
}

const void *cr_cpu_load(cr_dtype to, void *buf, cr_dtype from, const char *in, int64_t stride,
                        int64_t n) {
  _Alignas(64) char packed[CR_BLOCK * 8];
  size_t size = cr_sizeof(from);
  bool dense = stride == (int64_t)size;
  if (to == from) {
    if (dense) return in;
    cr_cpu_pack(size, n, buf, in, stride);
    return buf;
  }
  for (int64_t i = 0; i < n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, n - i);
    const char *p = in + i * stride;
    if (!dense) {
      cr_cpu_pack(size, m, packed, p, stride);
      p = packed;
    }
    cr_cpu_cast(to, (char *)buf + (size_t)i * cr_sizeof(to), from, p, m);
  }
  return buf;
}

/* ---- outer dimensions ------------------------------------------------------------------- */

typedef struct {
  const cr_iter *it;
  cr_cpu_line fn;
  void *arg;
} lines;

/* Calls fn for each piece of an innermost line in the flat range.  Pointers added in pairs would
 * wait for those that were written one by one. */
#if !defined(__clang__)
__attribute__((optimize("no-tree-vectorize")))
#endif
static bool
walk(void *arg, int64_t begin, int64_t end) {
  const lines *l = arg;
  const cr_iter *it = l->it;
  int64_t index[CR_MAX_DIMS], stride[CR_ITER_MAX];
  char *p[CR_ITER_MAX];
  for (int k = 0; k < it->nops; k++) {
    stride[k] = it->ndim ? it->op[k].stride[0] : (int64_t)cr_sizeof(it->op[k].dtype);
    p[k] = it->op[k].data + (it->ndim == 1 ? begin * stride[k] : 0);
  }
  if (it->ndim <= 1) return l->fn(end - begin, p, stride, l->arg);
  int64_t rest = begin;
  for (int d = 0; d < it->ndim; d++) {
    index[d] = rest % it->shape[d];
    rest /= it->shape[d];
    for (int k = 0; k < it->nops; k++) p[k] += index[d] * it->op[k].stride[d];
  }
  while (begin < end) {
    int64_t n = cr_min64(it->shape[0] - index[0], end - begin);
    int64_t rows = it->shape[1] - index[1]; /* of n elements each, or the one that is cut */
    if (n < it->shape[0] || rows * n > end - begin) rows = 1;
    for (int64_t r = 0; r < rows; r++) {
      if (!l->fn(n, p, stride, l->arg)) return false;
      for (int k = 0; k < it->nops; k++) p[k] += it->op[k].stride[1];
    }
    begin += rows * n;
    for (int k = 0; k < it->nops; k++) p[k] -= index[0] * stride[k];
    index[0] = 0;
    index[1] += rows;
    for (int d = 1; d + 1 < it->ndim && index[d] == it->shape[d]; d++) {
      for (int k = 0; k < it->nops; k++)
        p[k] += it->op[k].stride[d + 1] - it->shape[d] * it->op[k].stride[d];
      index[d] = 0;
      index[d + 1]++;
    }
  }
  return true;
}

bool cr_cpu_lines(const cr_iter *it, cr_cpu_line fn, void *arg, int64_t grain, const char *why) {
  lines l = {it, fn, arg};
  return it->numel == 0 || cr_cpu_parallel(it->numel, grain, walk, &l, why);
}

/* ---- bodies on contiguous memory -------------------------------------------------------- */

typedef struct {
  cr_cpu_fn fn;
  const cr_cpu_fn *numbers; /* or NULL */
  cr_cpu_fn direct;         /* for every line as it lies, or NULL */
  const void *arg;
  int nops;
  cr_dtype dtype[CR_ITER_MAX], compute[CR_ITER_MAX];
} body;

static bool is_dense(const body *b, int k, int64_t n, int64_t stride) {
  return b->dtype[k] == b->compute[k] && (stride == (int64_t)cr_sizeof(b->dtype[k]) || n == 1);
}

/* Puts m computed results in their place. */
static void store(const body *b, int64_t m, char *out, int64_t stride, const char *from) {
  _Alignas(64) char narrow[CR_BLOCK * 8];
  size_t size = cr_sizeof(b->dtype[0]);
  if (b->dtype[0] != b->compute[0]) {
    bool dense = stride == (int64_t)size;
    cr_cpu_cast(b->dtype[0], dense ? out : narrow, b->compute[0], from, m);
    if (dense) return;
    from = narrow;
  }
  cr_cpu_unpack(size, m, out, stride, from);
}

static bool blocks(const body *b, int64_t n, char *const *p, const int64_t *stride) {
  _Alignas(64) char buf[CR_ITER_MAX][CR_BLOCK * 8];
  char *q[CR_ITER_MAX];
  for (int64_t i = 0; i < n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, n - i);
    for (int k = 0; k < b->nops; k++) {
      q[k] = p[k] + i * stride[k];
      if (is_dense(b, k, n, stride[k])) continue;
      /* A repeated element stays in its buffer for the whole line. */
      if (k > 0 && (stride[k] != 0 || i == 0))
        cr_cpu_load(b->compute[k], buf[k], b->dtype[k], q[k], stride[k], m);
      q[k] = buf[k];
    }
    if (!b->fn(m, q, b->arg)) return false;
    if (q[0] != buf[0]) continue;
    store(b, m, p[0] + i * stride[0], stride[0], buf[0]);
  }
  return true;
}

/* What takes n elements of a line as they lie, or NULL. */
static cr_cpu_fn taker(const body *b, int64_t n, const int64_t *stride) {
  int gaps = 0, at = 0;
  for (int k = 0; k < b->nops; k++) {
    if (is_dense(b, k, n, stride[k])) continue;
    gaps++;
    at = k;
  }
  if (gaps == 0) return b->fn;
  bool number = gaps == 1 && stride[at] == 0 && b->dtype[at] == b->compute[at];
  return number && b->numbers ? b->numbers[at] : NULL;
}

static bool line(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  const body *b = arg;
  cr_cpu_fn fn = b->direct ? b->direct : taker(b, n, stride);
  return fn ? fn(n, p, b->arg) : blocks(b, n, p, stride);
}

/* ---- turned operands -------------------------------------------------------------------- */

/* An input that is contiguous along another dimension than the output is read in tiles of this many
 * rows and columns, each a whole line of memory where it is read, and turned in a buffer. */
#define TILE_ROWS 16
#define TILE_COLS 64
/* Lines that are fetched beforehand. */
#define AHEAD 16
#define MOST_TURNED 2

int cr_cpu_turned_dim(const cr_iter *it) {
  if (it->ndim < 2 || it->shape[0] < TILE_ROWS) return 0;
  if (it->op[0].stride[0] != (int64_t)cr_sizeof(it->op[0].dtype)) return 0;
  for (int k = 1; k < it->nops; k++) {
    int64_t size = (int64_t)cr_sizeof(it->op[k].dtype);
    if (it->op[k].stride[0] <= size) continue;
    for (int d = 1; d < it->ndim; d++) {
      if (it->op[k].stride[d] == size && it->shape[d] >= TILE_ROWS) return d;
    }
  }
  return 0;
}

typedef struct {
  const cr_iter *it;
  const body *b;
  int other;               /* the dimension that goes down a tile */
  int64_t strips;          /* rows of tiles along it */
  int turned[CR_ITER_MAX]; /* 0, or 1 + the number of the operand's buffer */
} tiling;

#define TURN(type)                                                                                 \
  for (int64_t c = 0; c < cols; c++) {                                                             \
    const type *p = (const type *)(from + c * stride);                                             \
    for (int64_t r = 0; r < rows; r++) ((type *)to)[r * TILE_COLS + c] = p[r];                     \
  }

/* The same four by four, with vectors. */
#define TURN_FOURS(type)                                                                           \
  {                                                                                                \
    typedef type four __attribute__((vector_size(4 * sizeof(type))));                              \
    typedef type place __attribute__((vector_size(4 * sizeof(type)), aligned(1), may_alias));      \
    int64_t done = rows == TILE_ROWS ? cols / 4 * 4 : 0;                                           \
    for (int64_t c = 0; c < done; c += 4, from += 4 * stride) {                                    \
      for (int k = 0; k < 4; k++) __builtin_prefetch(from + (AHEAD + k) * stride, 0, 2);           \
      CR_UNROLL for (int64_t r = 0; r < TILE_ROWS; r += 4) {                                       \
        const char *p = from + r * (int64_t)sizeof(type);                                          \
        four a = *(const place *)p, b = *(const place *)(p + stride);                              \
        four x = *(const place *)(p + 2 * stride), y = *(const place *)(p + 3 * stride);           \
        four ax = __builtin_shufflevector(a, x, 0, 4, 1, 5);                                       \
        four xa = __builtin_shufflevector(a, x, 2, 6, 3, 7);                                       \
        four by = __builtin_shufflevector(b, y, 0, 4, 1, 5);                                       \
        four yb = __builtin_shufflevector(b, y, 2, 6, 3, 7);                                       \
        four *q = (four *)((type *)to + r * TILE_COLS + c);                                        \
        q[0] = __builtin_shufflevector(ax, by, 0, 4, 1, 5);                                        \
        q[TILE_COLS / 4] = __builtin_shufflevector(ax, by, 2, 6, 3, 7);                            \
        q[2 * TILE_COLS / 4] = __builtin_shufflevector(xa, yb, 0, 4, 1, 5);                        \
        q[3 * TILE_COLS / 4] = __builtin_shufflevector(xa, yb, 2, 6, 3, 7);                        \
      }                                                                                            \
    }                                                                                              \
    to = (type *)to + done;                                                                        \
    cols -= done;                                                                                  \
    TURN(type)                                                                                     \
  }

static void turn(size_t size, int64_t rows, int64_t cols, void *to, const char *from,
                 int64_t stride) {
  switch (size) {
  case 1: TURN(uint8_t) break;
  case 2: TURN(uint16_t) break;
  case 4: TURN_FOURS(uint32_t) break;
  default: TURN_FOURS(uint64_t) break;
  }
}

/* The tiles from left to right, beginning at p. */
static bool one_strip(const tiling *t, int64_t rows, char *const *p) {
  _Alignas(64) char buf[MOST_TURNED][TILE_ROWS * TILE_COLS * 8];
  const cr_iter *it = t->it;
  for (int64_t x = 0; x < it->shape[0]; x += TILE_COLS) {
    int64_t cols = cr_min64(TILE_COLS, it->shape[0] - x), stride[CR_ITER_MAX], down[CR_ITER_MAX];
    char *q[CR_ITER_MAX];
    for (int k = 0; k < it->nops; k++) {
      const cr_operand *o = &it->op[k];
      size_t size = cr_sizeof(o->dtype);
      q[k] = p[k] + x * o->stride[0];
      stride[k] = o->stride[0];
      down[k] = o->stride[t->other];
      if (!t->turned[k]) continue;
      turn(size, rows, cols, buf[t->turned[k] - 1], q[k], stride[k]);
      q[k] = buf[t->turned[k] - 1];
      stride[k] = (int64_t)size;
      down[k] = TILE_COLS * (int64_t)size;
    }
    for (int64_t r = 0; r < rows; r++) {
      if (!line(cols, q, stride, (void *)(uintptr_t)t->b)) return false;
      for (int k = 0; k < it->nops; k++) q[k] += down[k];
    }
  }
  return true;
}

static bool some_strips(void *arg, int64_t begin, int64_t end) {
  const tiling *t = arg;
  const cr_iter *it = t->it;
  for (int64_t i = begin; i < end; i++) {
    int64_t first = i % t->strips * TILE_ROWS, rest = i / t->strips;
    char *p[CR_ITER_MAX];
    for (int k = 0; k < it->nops; k++) p[k] = it->op[k].data + first * it->op[k].stride[t->other];
    for (int d = 1; d < it->ndim; d++) {
      if (d == t->other) continue;
      for (int k = 0; k < it->nops; k++) p[k] += rest % it->shape[d] * it->op[k].stride[d];
      rest /= it->shape[d];
    }
    if (!one_strip(t, cr_min64(TILE_ROWS, it->shape[t->other] - first), p)) return false;
  }
  return true;
}

static bool run_tiles(const cr_iter *it, const body *b, int other, int64_t grain, const char *why) {
  tiling t = {.it = it, .b = b, .other = other};
  t.strips = (it->shape[other] + TILE_ROWS - 1) / TILE_ROWS;
  for (int k = 1, n = 0; k < it->nops && n < MOST_TURNED; k++) {
    int64_t size = (int64_t)cr_sizeof(it->op[k].dtype);
    if (it->op[k].stride[0] > size && it->op[k].stride[other] == size) t.turned[k] = ++n;
  }
  int64_t units = t.strips * (it->numel / it->shape[0] / it->shape[other]);
  int64_t unit_grain = cr_max64(1, grain / (TILE_ROWS * it->shape[0]));
  return cr_cpu_parallel(units, unit_grain, some_strips, &t, why);
}

/* ---- the drivers ------------------------------------------------------------------------ */

/* So many elements at most are worked on at once, without all that long loops need. */
#define SHORT 64

/* Sets p to the operands when the loop is a short line of them as they lie, or of numbers, which
 * are repeated in buf. */
static bool take_short(const cr_iter *it, bool raw, char **p, char (*buf)[SHORT * 8]) {
  if (it->ndim > 1 || it->numel > SHORT || it->numel == 0) return false;
  for (int k = 0; k < it->nops; k++) {
    const cr_operand *o = &it->op[k];
    size_t size = cr_sizeof(o->dtype);
    if (!raw && cr_is_half(o->dtype)) return false;
    p[k] = o->data;
    if (it->numel == 1 || o->stride[0] == (int64_t)size) continue;
    if (k == 0 || o->stride[0] != 0) return false;
    repeat(size, it->numel, buf[k], o->data);
    p[k] = buf[k];
  }
  return true;
}

static bool run(const cr_iter *it, cr_cpu_fn fn, const cr_cpu_fn *numbers, const void *arg,
                int64_t grain, const char *why, bool raw) {
  _Alignas(64) char buf[CR_ITER_MAX][SHORT * 8];
  char *p[CR_ITER_MAX];
  if (take_short(it, raw, p, buf)) return fn(it->numel, p, arg) || cr_cpu_failed(why);
  body b = {.fn = fn, .numbers = numbers, .arg = arg, .nops = it->nops};
  for (int k = 0; k < it->nops; k++) {
    b.dtype[k] = it->op[k].dtype;
    b.compute[k] = raw ? b.dtype[k] : cr_compute_dtype(b.dtype[k]);
  }
  int other = it->numel ? cr_cpu_turned_dim(it) : 0;
  if (other) return run_tiles(it, &b, other, grain, why);
  if (it->ndim > 1) {
    int64_t stride[CR_ITER_MAX];
    for (int k = 0; k < it->nops; k++) stride[k] = it->op[k].stride[0];
    b.direct = taker(&b, it->shape[0], stride);
  }
  return cr_cpu_lines(it, line, &b, grain, why);
}

bool cr_cpu_loop(const cr_iter *it, cr_cpu_fn fn, const void *arg, int64_t grain, const char *why) {
  return run(it, fn, NULL, arg, grain, why, false);
}

bool cr_cpu_loop_numbers(const cr_iter *it, bool raw, cr_cpu_fn fn,
                         const cr_cpu_fn numbers[CR_ITER_MAX], int64_t grain, const char *why) {
  return run(it, fn, numbers, NULL, grain, why, raw);
}

bool cr_cpu_loop_raw(const cr_iter *it, cr_cpu_fn fn, const void *arg, int64_t grain,
                     const char *why) {
  return run(it, fn, NULL, arg, grain, why, true);
}
