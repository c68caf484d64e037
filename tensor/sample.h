/* sample.h: distributions made by rejection, where a number takes an unknown count of draws, for
 * the kernels of every backend.
 *
 * Each element has a stream of draws of its own: block number b of element i are the four lanes of
 * Philox 4x32-10 (philox.h) for the counter (low word of offset + i, high word, b, 1); plain fills
 * have 0 in place of that 1.  So a number depends only on the seed, the offset and its place.  A
 * uniform number takes two lanes.  Everything is computed in double.
 *
 * Every loop is bounded: each try succeeds with probability 0.2 at the very least, so
 * CR_MOST_TRIES in a row fail less often than the machine does.  Then the result is a number from
 * the middle. */
#ifndef CR_SAMPLE_H
#define CR_SAMPLE_H

#include "tensor/functions.h"
#include "tensor/philox.h"

#define CR_MOST_TRIES 1000

/* ---- streams ---------------------------------------------------------------------------- */

typedef struct {
  uint32_t key[2], counter[2], block, lane[4];
  int used; /* lanes */
} cr_stream;

CR_BOTH static inline void cr_draw_block(cr_stream *s) {
  s->lane[0] = s->counter[0], s->lane[1] = s->counter[1], s->lane[2] = s->block++, s->lane[3] = 1;
  cr_philox_block(s->key[0], s->key[1], s->lane);
  s->used = 0;
}

CR_BOTH static inline cr_stream cr_draw_stream_at(uint64_t seed, uint64_t at) {
  cr_stream s;
  s.key[0] = (uint32_t)seed, s.key[1] = (uint32_t)(seed >> 32);
  s.counter[0] = (uint32_t)at, s.counter[1] = (uint32_t)(at >> 32);
  s.block = 0;
  s.used = 4;
  return s;
}

/* In (0, 1]. */
CR_BOTH static inline double cr_draw_uniform(cr_stream *s) {
  if (s->used == 4) cr_draw_block(s);
  uint64_t x = s->lane[s->used] | (uint64_t)s->lane[s->used + 1] << 32;
  s->used += 2;
  return (double)(int64_t)((x >> 11) + 1) * 0x1p-53;
}

CR_BOTH static inline double cr_draw_normal(cr_stream *s) {
  double r = sqrt(-2 * log(cr_draw_uniform(s)));
  return r * cos(2 * M_PI * cr_draw_uniform(s));
}

CR_BOTH static inline double cr_draw_log_factorial(double k) {
  return cr_log_gamma(k + 1);
}

/* ---- counts ----------------------------------------------------------------------------- */

/* Where whole numbers are as close to each other as a distribution this wide can tell. */
#define CR_SAMPLE_WIDE 1e12

/* By multiplying uniform numbers until they are below e^-rate. */
CR_BOTH static inline double cr_draw_small_poisson(cr_stream *s, double rate) {
  double bound = exp(-rate), product = cr_draw_uniform(s);
  int k = 0;
  for (; product > bound && k < CR_MOST_TRIES; k++) product *= cr_draw_uniform(s);
  return k;
}

/* Transformed rejection with a squeeze: Hoermann, "The transformed rejection method for generating
 * Poisson random variables", 1993, algorithm PTRS; from rate 10 on. */
CR_BOTH static inline double cr_draw_large_poisson(cr_stream *s, double rate) {
  double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
  double alpha = 1.1239 + 1.1328 / (b - 3.4), easy = 0.9277 - 3.6224 / (b - 2);
  double log_rate = log(rate);
  for (int i = 0; i < CR_MOST_TRIES; i++) {
    double u = cr_draw_uniform(s) - 0.5, v = cr_draw_uniform(s), us = 0.5 - fabs(u);
    double k = floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= easy) return k;
    if (!(k >= 0) || (us < 0.013 && v > us)) continue;
    if (log(v * alpha / (a / (us * us) + b)) <= k * log_rate - rate - cr_draw_log_factorial(k))
      return k;
  }
  return floor(rate);
}

CR_BOTH static inline double cr_draw_poisson(cr_stream *s, double rate, double unused) {
  (void)unused;
  if (rate > CR_SAMPLE_WIDE) return round(rate + sqrt(rate) * cr_draw_normal(s));
  return rate < 10 ? cr_draw_small_poisson(s, rate) : cr_draw_large_poisson(s, rate);
}

/* Counts successes by the waiting times between them. */
CR_BOTH static inline double cr_draw_small_binomial(cr_stream *s, double n, double p) {
  double fail = log1p(-p), trials = 0;
  int k = -1;
  if (p == 0) return 0;
  do {
    trials += fmax(1.0, ceil(log(cr_draw_uniform(s)) / fail));
    k++;
  } while (trials <= n && k < CR_MOST_TRIES);
  return k;
}

/* The same author's "The generation of binomial random variates", 1993, algorithm BTRS; p <= 1/2,
 * n p >= 10. */
CR_BOTH static inline double cr_draw_large_binomial(cr_stream *s, double n, double p) {
  double spread = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * spread;
  double a = -0.0873 + 0.0248 * b + 0.01 * p, easy = 0.92 - 4.2 / b;
  double alpha = (2.83 + 5.1 / b) * spread, odds = log(p / (1 - p)), mode = floor((n + 1) * p);
  double top = cr_draw_log_factorial(mode) + cr_draw_log_factorial(n - mode);
  for (int i = 0; i < CR_MOST_TRIES; i++) {
    double u = cr_draw_uniform(s) - 0.5, v = cr_draw_uniform(s), us = 0.5 - fabs(u);
    double k = floor((2 * a / us + b) * u + n * p + 0.5);
    if (us >= 0.07 && v <= easy) return fmin(k, n);
    if (!(k >= 0 && k <= n)) continue;
    double chance =
        top - cr_draw_log_factorial(k) - cr_draw_log_factorial(n - k) + (k - mode) * odds;
    if (log(v * alpha / (a / (us * us) + b)) <= chance) return k;
  }
  return mode;
}

/* p <= 1/2 */
CR_BOTH static inline double cr_draw_rare(cr_stream *s, double n, double p) {
  if (n * p < 10) return cr_draw_small_binomial(s, n, p);
  if (n > CR_SAMPLE_WIDE && n * p > CR_SAMPLE_WIDE)
    return fmin(n, fmax(0.0, round(n * p + sqrt(n * p * (1 - p)) * cr_draw_normal(s))));
  return cr_draw_large_binomial(s, n, p);
}

CR_BOTH static inline double cr_draw_binomial(cr_stream *s, double n, double p) {
  return p > 0.5 ? n - cr_draw_rare(s, n, 1 - p) : cr_draw_rare(s, n, p);
}

/* ---- continuous ------------------------------------------------------------------------- */

/* Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; shape >= 1. */
CR_BOTH static inline double cr_draw_large_gamma(cr_stream *s, double shape) {
  double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
  for (int i = 0; i < CR_MOST_TRIES; i++) {
    double x = cr_draw_normal(s), v = 1 + c * x;
    if (v <= 0) continue;
    v *= v * v;
    double u = cr_draw_uniform(s);
    if (u < 1 - 0.0331 * x * x * x * x || log(u) < 0.5 * x * x + d * (1 - v + log(v))) return d * v;
  }
  return d;
}

CR_BOTH static inline double cr_draw_log_gamma(cr_stream *s, double shape, double unused) {
  (void)unused;
  if (shape >= 1) return log(cr_draw_large_gamma(s, shape));
  double boost = log(cr_draw_uniform(s)) / shape;
  return log(cr_draw_large_gamma(s, shape + 1)) + boost;
}

CR_BOTH static inline double cr_draw_gamma_variate(cr_stream *s, double shape, double scale) {
  return scale * (shape >= 1 ? cr_draw_large_gamma(s, shape) : exp(cr_draw_log_gamma(s, shape, 0)));
}

/* Best and Fisher, "Efficient simulation of the von Mises distribution", 1979. */
CR_BOTH static inline double cr_draw_von_mises(cr_stream *s, double mean, double kappa) {
  if (kappa > 1e8) return remainder(mean + cr_draw_normal(s) / sqrt(kappa), 2 * M_PI);
  double tau = 1 + sqrt(1 + 4 * kappa * kappa), rho = (tau - sqrt(2 * tau)) / (2 * kappa);
  double r = kappa < 1e-5 ? 1 / kappa + kappa : (1 + rho * rho) / (2 * rho);
  if (kappa < 1e-100) return remainder(mean + M_PI * (2 * cr_draw_uniform(s) - 1), 2 * M_PI);
  for (int i = 0; i < CR_MOST_TRIES; i++) {
    double z = cos(M_PI * cr_draw_uniform(s)), u = cr_draw_uniform(s);
    double f = (1 + r * z) / (r + z), c = kappa * (r - f);
    if (c * (2 - c) <= u && log(c / u) + 1 < c) continue;
    double angle = acos(fmax(-1.0, fmin(1.0, f)));
    return remainder(mean + (cr_draw_uniform(s) > 0.5 ? angle : -angle), 2 * M_PI);
  }
  return remainder(mean, 2 * M_PI);
}

/* Robert, "Simulation of truncated normal variables", 1995; 0 < a <= b. */
CR_BOTH static inline double cr_draw_normal_tail(cr_stream *s, double a, double b) {
  double root = sqrt(a * a + 4), rate = (a + root) / 2;
  bool narrow = b - a <= 2 * exp(0.5 + (a * a - a * root) / 4) / (a + root);
  for (int i = 0; i < CR_MOST_TRIES; i++) {
    double z = narrow ? a + (b - a) * cr_draw_uniform(s) : a - log(cr_draw_uniform(s)) / rate;
    double accept = narrow ? (a - z) * (a + z) / 2 : -(z - rate) * (z - rate) / 2;
    if (z <= b && log(cr_draw_uniform(s)) <= accept) return z;
  }
  return a;
}

CR_BOTH static inline double cr_draw_truncated_normal(cr_stream *s, double a, double b) {
  if (a > 0) return cr_draw_normal_tail(s, a, b);
  if (b < 0) return -cr_draw_normal_tail(s, -b, -a);
  for (int i = 0; i < CR_MOST_TRIES; i++) {
    bool wide = b - a > 2.5;
    double z = wide ? cr_draw_normal(s) : a + (b - a) * cr_draw_uniform(s);
    if (wide ? z >= a && z <= b : log(cr_draw_uniform(s)) <= -z * z / 2) return z;
  }
  return 0;
}

#endif
