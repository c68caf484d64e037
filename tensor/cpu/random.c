/* random.c: random fills by counters, so that an element depends on nothing but its place.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, 2011).
 * The key is the seed, low word first.  Counter number c of a fill has the words (low, high, 0, 0)
 * of offset + c, and gives four lanes of 32 bits, 0 to 3.  Every backend makes elements like this:
 *
 *   32-bit draws   element i has the lane x = i % 4 of counter i / 4
 *   64-bit draws   element i has X = lanes 2 (i % 2) (low word) and 2 (i % 2) + 1 (high word) of
 *                  counter i / 2; for float64 but with BERNOULLI, and always for RANDINT
 *
 *   u in [0, 1)    float: (x >> 8) 2^-24            double: (X >> 11) 2^-53
 *   v in (0, 1]    float: x 2^-32 + 2^-33           double: ((X >> 11) + 1) 2^-53
 *
 *   UNIFORM        a + (b - a) u; float: a and b - a rounded to float, product and sum in double,
 *                  then rounded; double: fma(b - a, u, a); where that gives b, the
 *                  number before b
 *   NORMAL         elements 2j and 2j+1 are a + b r cos(t) and a + b r sin(t), with
 *                  r = sqrt(-2 log v), v from the draw of 2j, and t = 2 pi u, u from that of 2j+1
 *   BERNOULLI      x < a 2^32 ? 1 : 0
 *   RANDINT        a + high 64 bits of X (b - a + 1); the factor 2^64 if that wraps to 0: a + X
 *   EXPONENTIAL    -log(v) / a
 *   CAUCHY         a + b tan(pi (v - 1/2))
 *   LOGNORMAL      exp of NORMAL
 *   GEOMETRIC      1 + floor(log(v) / log(1 - a)): the trial that first succeeds, each with
 *                  probability a
 *
 * Types but float64 compute in float32 and convert.  Logarithms and the like may differ between
 * backends by rounding. */
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/philox.h"
#include "tensor/cpu/vmath.h"

/* Counters made at a time; the draws of a block are four times as many. */
#define COUNTERS 256
#define LANES (4 * COUNTERS)

/* ---- one block of draws ----------------------------------------------------------------- */

typedef struct {
  cr_random_op op;
  cr_dtype dtype;
  char *out;
  int64_t n;
  uint64_t seed, offset;
  double a, b;
  int64_t per_block; /* elements that a block of draws makes */
} job;

static inline float unit(uint32_t x) {
  return (float)(int32_t)(x >> 8) * 0x1p-24f;
}

static inline float unit_open(uint32_t x) {
  return (float)x * 0x1p-32f + 0x1p-33f;
}

static inline uint64_t two_lanes(const uint32_t *x, int64_t i) {
  return x[2 * i] | (uint64_t)x[2 * i + 1] << 32;
}

static inline double unit_wide(const uint32_t *x, int64_t i) {
  return (double)(int64_t)(two_lanes(x, i) >> 11) * 0x1p-53;
}

static inline double unit_wide_open(const uint32_t *x, int64_t i) {
  return (double)(int64_t)((two_lanes(x, i) >> 11) + 1) * 0x1p-53;
}

static void uniform(const job *j, const uint32_t *x, float *o, int64_t n) {
  float a = (float)j->a, w = (float)(j->b - j->a), b = (float)j->b, before = nextafterf(b, a);
  for (int64_t i = 0; i < n; i++) {
    float y = (float)((double)a + (double)w * unit(x[i]));
    o[i] = y == b ? before : y;
  }
}

static void normal(const job *j, const uint32_t *x, float *o, int64_t n) {
  float mean = (float)j->a, std = (float)j->b;
  for (int64_t i = 0; i < (n + 1) / 2; i++) {
    float sine, cosine, r = std * sqrtf(-2.0f * cr_vlog(unit_open(x[2 * i])));
    cr_vsincos2pi(unit(x[2 * i + 1]), &sine, &cosine);
    o[2 * i] = mean + r * cosine;
    o[2 * i + 1] = mean + r * sine;
  }
}

static void others(const job *j, const uint32_t *x, float *o, int64_t n) {
  float a = (float)j->a, b = (float)j->b;
  switch (j->op) {
  case CR_EXPONENTIAL:
    for (int64_t i = 0; i < n; i++) o[i] = -cr_vlog(unit_open(x[i])) / a;
    break;
  case CR_CAUCHY:
    for (int64_t i = 0; i < n; i++) o[i] = a + b * tanf(3.14159265f * (unit_open(x[i]) - 0.5f));
    break;
  case CR_LOGNORMAL:
    normal(j, x, o, n);
    for (int64_t i = 0; i < n; i++) o[i] = cr_vexp(o[i]);
    break;
  default: {
    float fail = log1pf(-a);
    for (int64_t i = 0; i < n; i++) o[i] = 1 + floorf(cr_vlog(unit_open(x[i])) / fail);
    break;
  }
  }
}

static void narrow_block(const job *j, const uint32_t *x, float *o, int64_t n) {
  if (j->op == CR_UNIFORM) {
    uniform(j, x, o, n);
  } else if (j->op == CR_NORMAL) {
    normal(j, x, o, n);
  } else {
    others(j, x, o, n);
  }
}

static void wide_normal(const job *j, const uint32_t *x, double *o, int64_t n) {
  for (int64_t i = 0; i < n; i += 2) {
    double r = j->b * sqrt(-2 * log(unit_wide_open(x, i))), t = 2 * M_PI * unit_wide(x, i + 1);
    o[i] = j->a + r * cos(t);
    o[i + 1] = j->a + r * sin(t);
  }
}

static void wide_block(const job *j, const uint32_t *x, double *o, int64_t n) {
  double a = j->a, b = j->b, before = nextafter(b, a);
  switch (j->op) {
  case CR_UNIFORM:
    for (int64_t i = 0; i < n; i++) {
      double y = fma(b - a, unit_wide(x, i), a);
      o[i] = y == b ? before : y;
    }
    break;
  case CR_NORMAL: wide_normal(j, x, o, n); break;
  case CR_LOGNORMAL:
    wide_normal(j, x, o, n);
    for (int64_t i = 0; i < n; i++) o[i] = exp(o[i]);
    break;
  case CR_EXPONENTIAL:
    for (int64_t i = 0; i < n; i++) o[i] = -log(unit_wide_open(x, i)) / a;
    break;
  case CR_CAUCHY:
    for (int64_t i = 0; i < n; i++) o[i] = a + b * tan(M_PI * (unit_wide_open(x, i) - 0.5));
    break;
  default:
    for (int64_t i = 0; i < n; i++) o[i] = 1 + floor(log(unit_wide_open(x, i)) / log1p(-a));
    break;
  }
}

static void bernoulli(const job *j, const uint32_t *x, uint8_t *o, int64_t n) {
  double bound = j->a * 0x1p32;
  for (int64_t i = 0; i < n; i++) o[i] = (double)x[i] < bound;
}

static void integers(const job *j, const uint32_t *x, int64_t *o, int64_t n) {
  int64_t low = cr_scalar_int(cr_num(j->a)), high = cr_scalar_int(cr_num(j->b));
  uint64_t range = (uint64_t)high - (uint64_t)low + 1;
  for (int64_t i = 0; i < n; i++) {
    uint64_t y = two_lanes(x, i);
    uint64_t scaled = (uint64_t)((unsigned __int128)y * range >> 64);
    o[i] = (int64_t)((uint64_t)low + (range ? scaled : y));
  }
}

/* ---- fills ------------------------------------------------------------------------------ */

/* Makes n elements from the lanes and puts them to `out`. */
static void convert(const job *j, const uint32_t *lanes, char *out, int64_t n) {
  _Alignas(64) char made[LANES * 8];
  cr_dtype type = CR_FLOAT32;
  if (j->op == CR_BERNOULLI) {
    bernoulli(j, lanes, (uint8_t *)made, n);
    type = CR_UINT8;
  } else if (j->op == CR_RANDINT) {
    integers(j, lanes, (int64_t *)made, n);
    type = CR_INT64;
  } else if (j->dtype == CR_FLOAT64) {
    wide_block(j, lanes, (double *)made, n);
    type = CR_FLOAT64;
  } else {
    narrow_block(j, lanes, (float *)made, n);
  }
  cr_cpu_cast(j->dtype, out, type, made, n);
}

static bool blocks(void *arg, int64_t begin, int64_t end) {
  const job *j = arg;
  _Alignas(64) uint32_t lanes[LANES];
  for (int64_t b = begin; b < end; b++) {
    int64_t n = cr_min64(j->per_block, j->n - b * j->per_block);
    int64_t counters = (n * (LANES / j->per_block) + 3) / 4;
    for (int64_t c = 0; c < counters; c += CR_PHILOX_BATCH) {
      cr_philox(j->seed, j->offset + (uint64_t)(b * COUNTERS + c), lanes + 4 * c);
    }
    convert(j, lanes, j->out + b * j->per_block * (int64_t)cr_sizeof(j->dtype), n);
  }
  return true;
}

static bool fill_random(cr_random_op op, cr_dtype dtype, void *out, int64_t n, uint64_t seed,
                        uint64_t offset, double a, double b) {
  int64_t lanes = (int64_t)cr_random_counters(op, dtype, 4); /* of each element */
  job j = {op, dtype, out, n, seed, offset, a, b, LANES / lanes};
  int64_t count = (n + j.per_block - 1) / j.per_block;
  return cr_cpu_parallel(count, cr_max64(1, CR_GRAIN_MATH / j.per_block), blocks, &j, NULL);
}

void CR_ISA_NAME(cr_cpu_random)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_random)(cr_backend *b) {
  b->random = fill_random;
}
