/* embedding.c: sums, means and maxima of bags of rows.  A block of a bag's columns stays in
 * registers while its rows come by; what comes is fetched some rows beforehand. */
#include "nn/cpu/kernels.h"
#include "tensor/cpu/wide.h"

#include <string.h>

#define VECTOR (CR_WIDTH * 8) /* bytes */
#define VECTORS 8             /* of a block at most */
#define AHEAD 16              /* places whose rows are fetched beforehand */
#define FETCHED 512           /* bytes of a result */

typedef struct {
  const cr_bag_args *a;
  void *out;
  int64_t *places;
  const void *in;
  atomic_bool wrong;
} bag_job;

static inline int64_t bound(const cr_bag_args *a, int64_t bag) {
  return a->bounds ? a->bounds[bag] : bag * a->each;
}

/* Whether places begin to end - 1 have numbers of rows: the sign of k or of rows - 1 - k says it.
 */
static bool are_rows(const cr_bag_args *a, int64_t begin, int64_t end) {
  uint64_t first = (uint64_t)a->base, last = (uint64_t)a->rows - 1, signs = 0;
  const uint64_t *k = (const uint64_t *)a->index;
  for (int64_t i = begin; i < end; i++) signs |= (k[i] - first) | (last - (k[i] - first));
  return (int64_t)signs >= 0;
}

/* The lowest number if it is too low, else the highest. */
static bool refuse(const cr_bag_args *a) {
  int64_t low = INT64_MAX, high = INT64_MIN, end = bound(a, a->bags);
  for (int64_t i = bound(a, 0); i < end; i++) {
    low = cr_min64(low, a->index[i]);
    high = cr_max64(high, a->index[i]);
  }
  return cr_fail("the input has %lld, wanted numbers from %lld to %lld",
                 (long long)(low < a->base ? low : high), (long long)a->base,
                 (long long)(a->base + a->rows - 1));
}

/* The first place of a bag that counts, or end. */
static inline int64_t first_counted(const cr_bag_args *a, int64_t begin, int64_t end) {
  while (begin < end && a->index[begin] == a->padding) begin++;
  return begin;
}

static int64_t count_all(const cr_bag_args *a, int64_t begin, int64_t end) {
  int64_t count = 0;
  for (int64_t i = begin; i < end; i++) count += a->index[i] != a->padding;
  return count;
}

/* What is about to be written is seldom in a cache. */
static inline void fetch_result(const void *at, size_t bytes) {
  for (size_t b = 0; b < bytes && b < FETCHED; b += 64) __builtin_prefetch((const char *)at + b, 1);
}

/* So many floats, as a vector has, as halves. */
static inline void narrow_f16(uint16_t *to, const cr_floats *x) {
#if defined(__AVX512F__)
  _mm256_storeu_si256((__m256i *)to, _mm512_cvtps_ph((__m512)*x, _MM_FROUND_TO_NEAREST_INT));
#elif defined(__F16C__) && defined(__AVX2__)
  _mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph((__m256)*x, _MM_FROUND_TO_NEAREST_INT));
#else
  for (int k = 0; k < 2 * CR_WIDTH; k++) to[k] = cr_float_to_f16((*x)[k]);
#endif
}

static inline void narrow_bf16(uint16_t *to, const cr_floats *x) {
  for (int k = 0; k < 2 * CR_WIDTH; k++) to[k] = cr_float_to_bf16((*x)[k]);
}

/* REAL: what is computed with; ELEMENT: what is in memory; ALL and PUT: a vector from and to there;
 * ONE: a number. */
#define REAL float
#define INTEGER int32_t
#define ELEMENT float
#define ALL(p) cr_floats_f32(p)
#define PUT(to, x) memcpy(to, x, VECTOR)
#define ONE(x) (x)
#define NAME(f) CR_TYPED(f, f32)
#include "nn/cpu/embedding.inc"
#undef ELEMENT
#undef ALL
#undef PUT
#undef ONE
#undef NAME
#define ELEMENT uint16_t
#define ALL(p) cr_floats_f16(p)
#define PUT(to, x) narrow_f16(to, x)
#define ONE(x) cr_f16_to_float(x)
#define NAME(f) CR_TYPED(f, f16)
#include "nn/cpu/embedding.inc"
#undef ALL
#undef PUT
#undef ONE
#undef NAME
#define ALL(p) cr_floats_bf16(p)
#define PUT(to, x) narrow_bf16(to, x)
#define ONE(x) cr_bf16_to_float(x)
#define NAME(f) CR_TYPED(f, bf16)
#include "nn/cpu/embedding.inc"
#undef REAL
#undef INTEGER
#undef ELEMENT
#undef ALL
#undef PUT
#undef ONE
#undef NAME
#define REAL double
#define INTEGER int64_t
#define ELEMENT double
#define ALL(p) cr_wide_double(p)
#define PUT(to, x) memcpy(to, x, VECTOR)
#define ONE(x) (x)
#define NAME(f) CR_TYPED(f, f64)
#include "nn/cpu/embedding.inc"

static bool embedding_bag(const cr_bag_args *a, void *y, int64_t *places, const void *w) {
  bag_job j = {.a = a, .out = y, .places = places, .in = w};
  int64_t work = (bound(a, a->bags) / cr_max64(a->bags, 1) + 1) * a->width;
  cr_cpu_range body = a->dtype == CR_FLOAT64    ? bags_range_f64
                      : a->dtype == CR_FLOAT16  ? bags_range_f16
                      : a->dtype == CR_BFLOAT16 ? bags_range_bf16
                                                : bags_range_f32;
  bool ok = cr_cpu_parallel(a->bags, cr_grain(CR_GRAIN_CHEAP, work), body, &j, NULL);
  return ok || !atomic_load(&j.wrong) ? ok : refuse(a);
}

void cr_nn_fill_embedding(cr_nn_backend *b) {
  b->embedding_bag = embedding_bag;
}
