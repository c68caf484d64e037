/* sample.c: distributions made by rejection, where a number takes an unknown count of draws.
 *
 * Each element has a stream of draws of its own: block number b of element i are the four lanes of
 * Philox 4x32-10 (random.c) for the counter (low word of offset + i, high word, b, 1); plain fills
 * have 0 in place of that 1.  So a number depends only on the seed, the offset and its place.  A
 * uniform number takes two lanes.  Everything is computed in double.
 *
 * Every loop is bounded: each try succeeds with probability 0.2 at the very least, so MOST_TRIES in
 * a row fail less often than the machine does.  Then the result is a number from the middle. */
#include "tensor/cpu/cpu.h"

#include <math.h>

#define MOST_TRIES 1000

/* ---- streams ---------------------------------------------------------------------------- */

typedef struct {
  uint32_t key[2], counter[2], block, lane[4];
  int used; /* lanes */
} stream;

static void next_block(stream *s) {
  uint32_t x = s->counter[0], y = s->counter[1], z = s->block++, w = 1;
  uint32_t k0 = s->key[0], k1 = s->key[1];
  for (int r = 0; r < 10; r++) {
    uint64_t p = (uint64_t)0xD2511F53u * x, q = (uint64_t)0xCD9E8D57u * z;
    x = (uint32_t)(q >> 32) ^ y ^ k0;
    z = (uint32_t)(p >> 32) ^ w ^ k1;
    y = (uint32_t)q;
    w = (uint32_t)p;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  s->lane[0] = x, s->lane[1] = y, s->lane[2] = z, s->lane[3] = w;
  s->used = 0;
}

static stream begin_stream(uint64_t seed, uint64_t at) {
  return (stream){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                  .counter = {(uint32_t)at, (uint32_t)(at >> 32)},
                  .used = 4};
}

/* In (0, 1]. */
static double uniform(stream *s) {
  if (s->used == 4) next_block(s);
  uint64_t x = s->lane[s->used] | (uint64_t)s->lane[s->used + 1] << 32;
  s->used += 2;
  return (double)(int64_t)((x >> 11) + 1) * 0x1p-53;
}

static double normal(stream *s) {
  double r = sqrt(-2 * log(uniform(s)));
  return r * cos(2 * M_PI * uniform(s));
}

static double log_factorial(double k) {
  int sign;
  return lgamma_r(k + 1, &sign);
}

/* ---- counts ----------------------------------------------------------------------------- */

/* Where whole numbers are as close to each other as a distribution this wide can tell. */
#define WIDE 1e12

/* By multiplying uniform numbers until they are below e^-rate. */
static double small_poisson(stream *s, double rate) {
  double bound = exp(-rate), product = uniform(s);
  int k = 0;
  for (; product > bound && k < MOST_TRIES; k++) product *= uniform(s);
  return k;
}

/* Transformed rejection with a squeeze: Hoermann, "The transformed rejection method for generating
 * Poisson random variables", 1993, algorithm PTRS; from rate 10 on. */
static double large_poisson(stream *s, double rate) {
  double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
  double alpha = 1.1239 + 1.1328 / (b - 3.4), easy = 0.9277 - 3.6224 / (b - 2);
  double log_rate = log(rate);
  for (int i = 0; i < MOST_TRIES; i++) {
    double u = uniform(s) - 0.5, v = uniform(s), us = 0.5 - fabs(u);
    double k = floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= easy) return k;
    if (!(k >= 0) || (us < 0.013 && v > us)) continue;
    if (log(v * alpha / (a / (us * us) + b)) <= k * log_rate - rate - log_factorial(k)) return k;
  }
  return floor(rate);
}

static double poisson(stream *s, double rate, double unused) {
  (void)unused;
  if (rate > WIDE) return round(rate + sqrt(rate) * normal(s));
  return rate < 10 ? small_poisson(s, rate) : large_poisson(s, rate);
}

/* Counts successes by the waiting times between them. */
static double small_binomial(stream *s, double n, double p) {
  double fail = log1p(-p), trials = 0;
  int k = -1;
  if (p == 0) return 0;
  do {
    trials += fmax(1, ceil(log(uniform(s)) / fail));
    k++;
  } while (trials <= n && k < MOST_TRIES);
  return k;
}

/* The same author's "The generation of binomial random variates", 1993, algorithm BTRS; p <= 1/2,
 * n p >= 10. */
static double large_binomial(stream *s, double n, double p) {
  double spread = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * spread;
  double a = -0.0873 + 0.0248 * b + 0.01 * p, easy = 0.92 - 4.2 / b;
  double alpha = (2.83 + 5.1 / b) * spread, odds = log(p / (1 - p)), mode = floor((n + 1) * p);
  double top = log_factorial(mode) + log_factorial(n - mode);
  for (int i = 0; i < MOST_TRIES; i++) {
    double u = uniform(s) - 0.5, v = uniform(s), us = 0.5 - fabs(u);
    double k = floor((2 * a / us + b) * u + n * p + 0.5);
    if (us >= 0.07 && v <= easy) return fmin(k, n);
    if (!(k >= 0 && k <= n)) continue;
    double chance = top - log_factorial(k) - log_factorial(n - k) + (k - mode) * odds;
    if (log(v * alpha / (a / (us * us) + b)) <= chance) return k;
  }
  return mode;
}

static double binomial(stream *s, double n, double p) {
  if (p > 0.5) return n - binomial(s, n, 1 - p);
  if (n * p < 10) return small_binomial(s, n, p);
  if (n > WIDE && n * p > WIDE)
    return fmin(n, fmax(0, round(n * p + sqrt(n * p * (1 - p)) * normal(s))));
  return large_binomial(s, n, p);
}

/* ---- continuous ------------------------------------------------------------------------- */

/* Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; shape >= 1. */
static double large_gamma(stream *s, double shape) {
  double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
  for (int i = 0; i < MOST_TRIES; i++) {
    double x = normal(s), v = 1 + c * x;
    if (v <= 0) continue;
    v *= v * v;
    double u = uniform(s);
    if (u < 1 - 0.0331 * x * x * x * x || log(u) < 0.5 * x * x + d * (1 - v + log(v))) return d * v;
  }
  return d;
}

static double log_gamma(stream *s, double shape, double unused) {
  (void)unused;
  if (shape >= 1) return log(large_gamma(s, shape));
  double boost = log(uniform(s)) / shape;
  return log(large_gamma(s, shape + 1)) + boost;
}

static double gamma_variate(stream *s, double shape, double scale) {
  return scale * (shape >= 1 ? large_gamma(s, shape) : exp(log_gamma(s, shape, 0)));
}

/* Best and Fisher, "Efficient simulation of the von Mises distribution", 1979. */
static double von_mises(stream *s, double mean, double kappa) {
  if (kappa > 1e8) return remainder(mean + normal(s) / sqrt(kappa), 2 * M_PI);
  double tau = 1 + sqrt(1 + 4 * kappa * kappa), rho = (tau - sqrt(2 * tau)) / (2 * kappa);
  double r = kappa < 1e-5 ? 1 / kappa + kappa : (1 + rho * rho) / (2 * rho);
  if (kappa < 1e-100) return remainder(mean + M_PI * (2 * uniform(s) - 1), 2 * M_PI);
  for (int i = 0; i < MOST_TRIES; i++) {
    double z = cos(M_PI * uniform(s)), u = uniform(s);
    double f = (1 + r * z) / (r + z), c = kappa * (r - f);
    if (c * (2 - c) <= u && log(c / u) + 1 < c) continue;
    double angle = acos(fmax(-1, fmin(1, f)));
    return remainder(mean + (uniform(s) > 0.5 ? angle : -angle), 2 * M_PI);
  }
  return remainder(mean, 2 * M_PI);
}

/* Robert, "Simulation of truncated normal variables", 1995; 0 < a <= b. */
static double normal_tail(stream *s, double a, double b) {
  double root = sqrt(a * a + 4), rate = (a + root) / 2;
  bool narrow = b - a <= 2 * exp(0.5 + (a * a - a * root) / 4) / (a + root);
  for (int i = 0; i < MOST_TRIES; i++) {
    double z = narrow ? a + (b - a) * uniform(s) : a - log(uniform(s)) / rate;
    double accept = narrow ? (a - z) * (a + z) / 2 : -(z - rate) * (z - rate) / 2;
    if (z <= b && log(uniform(s)) <= accept) return z;
  }
  return a;
}

static double truncated_normal(stream *s, double a, double b) {
  if (a > 0) return normal_tail(s, a, b);
  if (b < 0) return -normal_tail(s, -b, -a);
  for (int i = 0; i < MOST_TRIES; i++) {
    bool wide = b - a > 2.5;
    double z = wide ? normal(s) : a + (b - a) * uniform(s);
    if (wide ? z >= a && z <= b : log(uniform(s)) <= -z * z / 2) return z;
  }
  return 0;
}

/* ---- fills ------------------------------------------------------------------------------ */

typedef struct {
  double (*draw)(stream *s, double a, double b);
  const char *out;
  cr_dtype dtype;
  uint64_t seed, offset;
} job;

static bool fill_line(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  const job *j = arg;
  double made[CR_BLOCK];
  int64_t size = (int64_t)cr_sizeof(j->dtype), at = (p[0] - j->out) / size;
  for (int64_t i = 0; i < n; i += CR_BLOCK) {
    int64_t count = cr_min64(CR_BLOCK, n - i);
    for (int64_t k = 0; k < count; k++) {
      stream s = begin_stream(j->seed, j->offset + (uint64_t)(at + i + k));
      made[k] = j->draw(&s, *(const double *)(p[1] + (i + k) * stride[1]),
                        *(const double *)(p[2] + (i + k) * stride[2]));
    }
    cr_cpu_cast(j->dtype, p[0] + i * size, CR_FLOAT64, made, count);
  }
  return true;
}

static bool sample(cr_sample_op op, const cr_iter *it, uint64_t seed, uint64_t offset) {
  static double (*const draws[CR_NSAMPLE])(stream *, double, double) = {
      [CR_POISSON] = poisson,     [CR_GAMMA] = gamma_variate,
      [CR_LOG_GAMMA] = log_gamma, [CR_BINOMIAL] = binomial,
      [CR_VON_MISES] = von_mises, [CR_TRUNCATED_NORMAL] = truncated_normal,
  };
  job j = {draws[op], it->op[0].data, it->op[0].dtype, seed, offset};
  return cr_cpu_lines(it, fill_line, &j, CR_GRAIN_DEAR / 4, NULL);
}

void CR_ISA_NAME(cr_cpu_sample)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_sample)(cr_backend *b) {
  b->sample = sample;
}
