/* random.cu: random fills by counters, the numbers that tensor/cpu/random.c describes.
 *
 * A thread makes the elements of one counter: four of a 32-bit draw each, or two of 64 bits. */
#include "cuda/cast.h"
#include "cuda/loop.h"
#include "tensor/philox.h"

#define THREADS CR_LOOP_THREADS

/* ---- draws ------------------------------------------------------------------------------ */

__device__ __forceinline__ float unit(uint32_t x) {
  return (float)(int32_t)(x >> 8) * 0x1p-24f;
}
__device__ __forceinline__ float unit_open(uint32_t x) {
  return (float)x * 0x1p-32f + 0x1p-33f;
}
__device__ __forceinline__ uint64_t two_lanes(const uint32_t *x, int i) {
  return x[2 * i] | (uint64_t)x[2 * i + 1] << 32;
}
__device__ __forceinline__ double unit_wide(const uint32_t *x, int i) {
  return (double)(int64_t)(two_lanes(x, i) >> 11) * 0x1p-53;
}
__device__ __forceinline__ double unit_wide_open(const uint32_t *x, int i) {
  return (double)(int64_t)((two_lanes(x, i) >> 11) + 1) * 0x1p-53;
}

/* Function objects that turn the lanes of a counter into COUNT numbers. */
#define NARROW(name, members, expr)                                                                \
  struct name {                                                                                    \
    enum { COUNT = 4 };                                                                            \
    typedef float number;                                                                          \
    members;                                                                                       \
    __device__ void operator()(const uint32_t *x, float *out) const {                              \
      for (int i = 0; i < COUNT; i++) out[i] = expr;                                               \
    }                                                                                              \
  };
#define WIDE(name, type, members, expr)                                                            \
  struct name {                                                                                    \
    enum { COUNT = 2 };                                                                            \
    typedef type number;                                                                           \
    members;                                                                                       \
    __device__ void operator()(const uint32_t *x, type *out) const {                               \
      for (int i = 0; i < COUNT; i++) out[i] = expr;                                               \
    }                                                                                              \
  };

/* The product of two floats is exact in double. */
__device__ __forceinline__ float uniform_of(float a, float width, float b, float before, float u) {
  float y = (float)((double)a + (double)width * u);
  return y == b ? before : y;
}
__device__ __forceinline__ double wide_uniform_of(double a, double b, double before, double u) {
  double y = fma(b - a, u, a);
  return y == b ? before : y;
}
__device__ __forceinline__ int64_t integer_of(uint64_t low, uint64_t range, uint64_t x) {
  return (int64_t)(low + (range ? __umul64hi(x, range) : x));
}

NARROW(uniform, float a; float width; float b;
       float before, uniform_of(a, width, b, before, unit(x[i])))
NARROW(bernoulli, double bound, (double)x[i] < bound ? 1.0f : 0.0f)
NARROW(exponential, float a, -logf(unit_open(x[i])) / a)
NARROW(cauchy, float a; float b, a + b * tanf(3.14159265f * (unit_open(x[i]) - 0.5f)))
NARROW(geometric, float fail, 1 + floorf(logf(unit_open(x[i])) / fail))

WIDE(wide_uniform, double, double a; double b;
     double before, wide_uniform_of(a, b, before, unit_wide(x, i)))
WIDE(wide_exponential, double, double a, -log(unit_wide_open(x, i)) / a)
WIDE(wide_cauchy, double, double a; double b, a + b * tan(M_PI * (unit_wide_open(x, i) - 0.5)))
WIDE(wide_geometric, double, double fail, 1 + floor(log(unit_wide_open(x, i)) / fail))
WIDE(integers, int64_t, uint64_t low; uint64_t range, integer_of(low, range, two_lanes(x, i)))

/* By pairs: Box and Muller. */
struct normal {
  enum { COUNT = 4 };
  typedef float number;
  float mean, std;
  bool exponent; /* the exponential function of it is wanted */
  __device__ void operator()(const uint32_t *x, float *out) const {
    for (int i = 0; i < COUNT; i += 2) {
      float sine, cosine, r = std * sqrtf(-2.0f * logf(unit_open(x[i])));
      sincospif(2 * unit(x[i + 1]), &sine, &cosine);
      out[i] = mean + r * cosine;
      out[i + 1] = mean + r * sine;
    }
    for (int i = 0; exponent && i < COUNT; i++) out[i] = expf(out[i]);
  }
};

struct wide_normal {
  enum { COUNT = 2 };
  typedef double number;
  double mean, std;
  bool exponent;
  __device__ void operator()(const uint32_t *x, double *out) const {
    double sine, cosine, r = std * sqrt(-2 * log(unit_wide_open(x, 0)));
    sincospi(2 * unit_wide(x, 1), &sine, &cosine);
    out[0] = mean + r * cosine;
    out[1] = mean + r * sine;
    for (int i = 0; exponent && i < COUNT; i++) out[i] = exp(out[i]);
  }
};

/* ---- fills ------------------------------------------------------------------------------ */

struct job {
  char *out;
  int64_t dtype, size, n;
  uint64_t seed, offset;
  const cr_random_move *move;
  bool aligned; /* for all the numbers of a counter at once */
};

template <typename T, typename N, int COUNT>
__device__ __forceinline__ void store_pack(char *out, const N *x) {
  cr_pack<T, COUNT> p;
  for (int i = 0; i < COUNT; i++) p.v[i] = cr_cast<T>::from(x[i]);
  *reinterpret_cast<cr_pack<T, COUNT> *>(out) = p;
}

template <typename N, int COUNT>
__device__ __forceinline__ void store_numbers(const job &j, int64_t first, const N *x) {
  char *out = j.out + first * j.size;
  if (!j.aligned || first + COUNT > j.n) {
    for (int i = 0; i < COUNT && first + i < j.n; i++) cr_store(x[i], j.dtype, out + i * j.size);
    return;
  }
  switch (j.dtype) {
#define CASE(code, type)                                                                           \
  case code: store_pack<type, N, COUNT>(out, x); break;
    CR_EACH_TYPE(CASE)
#undef CASE
  }
}

template <typename D> __global__ void __launch_bounds__(THREADS) fill(job j, D draw) {
  uint64_t seed = j.seed, offset = j.offset;
  cr_move_random(j.move, &seed, &offset);
  for (int64_t c = cr_thread(); c * D::COUNT < j.n; c += cr_threads()) {
    uint32_t lanes[4];
    typename D::number x[D::COUNT];
    cr_philox_at(seed, offset + (uint64_t)c, lanes);
    draw(lanes, x);
    store_numbers<typename D::number, D::COUNT>(j, c * D::COUNT, x);
  }
}

template <typename D> static bool run(job j, D draw) {
  j.aligned = reinterpret_cast<uintptr_t>(j.out) % (uint64_t)(j.size * D::COUNT) == 0;
  unsigned blocks = cr_blocks((j.n + D::COUNT - 1) / D::COUNT, THREADS);
  return j.n == 0 || cr_launch("random", fill<D>, blocks, THREADS, 0, j, draw);
}

static bool narrow_fill(cr_random_op op, const job &j, double wide_a, double wide_b) {
  float a = (float)wide_a, b = (float)wide_b, width = (float)(wide_b - wide_a);
  switch (op) {
  case CR_UNIFORM: return run(j, uniform{a, width, b, nextafterf(b, a)});
  case CR_NORMAL: return run(j, normal{a, b, false});
  case CR_LOGNORMAL: return run(j, normal{a, b, true});
  case CR_EXPONENTIAL: return run(j, exponential{a});
  case CR_CAUCHY: return run(j, cauchy{a, b});
  default: return run(j, geometric{log1pf(-a)});
  }
}

static bool wide_fill(cr_random_op op, const job &j, double a, double b) {
  switch (op) {
  case CR_UNIFORM: return run(j, wide_uniform{a, b, nextafter(b, a)});
  case CR_NORMAL: return run(j, wide_normal{a, b, false});
  case CR_LOGNORMAL: return run(j, wide_normal{a, b, true});
  case CR_EXPONENTIAL: return run(j, wide_exponential{a});
  case CR_CAUCHY: return run(j, wide_cauchy{a, b});
  default: return run(j, wide_geometric{log1p(-a)});
  }
}

static bool fill_random(cr_random_op op, cr_dtype dtype, void *out, int64_t n, uint64_t seed,
                        uint64_t offset, double a, double b) {
  job j = {static_cast<char *>(out), dtype, (int64_t)cr_dtypes[dtype].size, n, seed, offset,
           cr_cuda_random_move(),    false};
  if (op == CR_BERNOULLI) return run(j, bernoulli{a * 0x1p32});
  if (op == CR_RANDINT) {
    uint64_t low = (uint64_t)cr_scalar_int(cr_num(a)), high = (uint64_t)cr_scalar_int(cr_num(b));
    return run(j, integers{low, high - low + 1});
  }
  return dtype == CR_FLOAT64 ? wide_fill(op, j, a, b) : narrow_fill(op, j, a, b);
}

void cr_cuda_fill_random(cr_backend *b) {
  b->random = fill_random;
}
