/* fft.c: discrete Fourier transforms of lines.
 *
 * A length that factors into primes up to 31 takes Stockham's self-sorting passes of radix 4, 2, 3,
 * 5 or any other odd prime.  Other lengths become a circular convolution with a chirp, of a length
 * that factors well (Bluestein 1970).  Real lines of even length are transformed as complex lines
 * of half the length.
 *
 * Several lines are transformed side by side: number k of line l of a group lies at k * lanes + l,
 * real and imaginary parts in arrays of their own, so that the inner loops run over neighbours even
 * in the first passes.  Which lines share a group depends on the loop alone, never on threads.
 *
 * Factors e^(-2 pi i k / n) are made anew for each call, in double: a coarse and a fine table of
 * about sqrt(n) each, and one product for each k. */
#include "tensor/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* ---- lengths ---------------------------------------------------------------------------- */

#define LARGEST_RADIX 31
#define MOST_PASSES 64

/* One pass over a line: radix * m numbers, each `s` neighbours wide. */
typedef struct {
  int radix;
  int64_t m, s;
  int64_t table; /* where its factors begin: radix - 1 rows of m */
} pass;

typedef struct {
  int64_t n;
  int count;
  int64_t factors; /* of all passes */
  pass pass[MOST_PASSES];
} route;

/* A part of a pass: its butterflies from `first` to `end`, of each the neighbours from `left` to
 * `right`. */
typedef struct {
  int64_t first, end, left, right;
} part;

static int small_factor(int64_t n) {
  if (n % 4 == 0) return 4;
  for (int p = 2; p <= LARGEST_RADIX; p++)
    if (n % p == 0) return p;
  return 0;
}

/* False when n has a larger prime factor. */
static bool find_route(int64_t n, route *r) {
  *r = (route){.n = n};
  for (int64_t rest = n, s = 1; rest > 1;) {
    int p = small_factor(rest);
    if (!p) return false;
    rest /= p;
    r->pass[r->count++] = (pass){p, rest, s, r->factors};
    r->factors += (p - 1) * rest;
    s *= p;
  }
  return true;
}

/* The next length of factors 2, 3 and 5 only. */
static int64_t good_length(int64_t least) {
  for (int64_t n = least;; n++) {
    int64_t rest = n;
    while (rest % 2 == 0) rest /= 2;
    while (rest % 3 == 0) rest /= 3;
    while (rest % 5 == 0) rest /= 5;
    if (rest == 1) return n;
  }
}

/* ---- roots of one ----------------------------------------------------------------------- */

/* cos and sin of 2 pi k / n, 0 <= k < n, from an angle of at most pi / 4. */
static void root(int64_t k, int64_t n, double *c, double *s) {
  int64_t a = 8 * k;
  bool below = a > 4 * n;
  if (below) a = 8 * n - a;
  bool left = a > 2 * n;
  if (left) a = 4 * n - a;
  bool steep = a > n;
  if (steep) a = 2 * n - a;
  double angle = M_PI_4 * (double)a / (double)n;
  double x = cos(angle), y = sin(angle);
  *c = (steep ? y : x) * (left ? -1 : 1);
  *s = (steep ? x : y) * (below ? -1 : 1);
}

typedef struct {
  int bits;              /* the fine table has 2^bits roots */
  double *fine, *coarse; /* pairs: cos, sin */
  size_t bytes;
} roots;

static bool make_roots(int64_t n, roots *t) {
  t->bits = 0;
  while ((int64_t)1 << 2 * t->bits < n) t->bits++;
  int64_t width = (int64_t)1 << t->bits, rows = n / width + 1;
  t->bytes = (size_t)(width + rows) * 2 * sizeof(double);
  t->fine = cr_host_alloc(t->bytes);
  if (!t->fine) return cr_fail("out of memory for the tables of an fft");
  t->coarse = t->fine + 2 * width;
  for (int64_t i = 0; i < width; i++) root(i % n, n, t->fine + 2 * i, t->fine + 2 * i + 1);
  for (int64_t i = 0; i < rows; i++)
    root(i * width % n, n, t->coarse + 2 * i, t->coarse + 2 * i + 1);
  return true;
}

static void free_roots(roots *t) {
  cr_host_free(t->fine, t->bytes);
}

/* e^(-2 pi i k / n) */
static inline void get_root(const roots *t, int64_t k, double *re, double *im) {
  const double *a = t->coarse + 2 * (k >> t->bits);
  const double *b = t->fine + 2 * (k & (((int64_t)1 << t->bits) - 1));
  *re = a[0] * b[0] - a[1] * b[1];
  *im = -(a[0] * b[1] + a[1] * b[0]);
}

/* ---- groups of lines -------------------------------------------------------------------- */

#define MOST_LANES 16
#define GROUP 8192 /* numbers that a group of lines has about */

typedef struct {
  const cr_iter *it;
  const cr_fft_args *a;
  int64_t lanes; /* lines in a group; the last may have fewer */
} job;

/* A power of two, so that the inner loops fill whole vectors. */
static int64_t count_lanes(int64_t lines, int64_t length) {
  int64_t lanes = 1;
  while (2 * lanes <= MOST_LANES && 2 * lanes <= lines && 2 * lanes * length <= GROUP) lanes *= 2;
  return lanes;
}

/* Where the lines of a group begin; returns how many there are. */
static int64_t find_lines(const job *j, int64_t group, char **out, const char **in) {
  int64_t first = group * j->lanes, count = cr_min64(j->lanes, j->it->numel - first);
  for (int64_t l = 0; l < count; l++) {
    int64_t rest = first + l;
    out[l] = j->it->op[0].data;
    in[l] = j->it->op[1].data;
    for (int d = 0; d < j->it->ndim; d++) {
      int64_t i = rest % j->it->shape[d];
      rest /= j->it->shape[d];
      out[l] += i * j->it->op[0].stride[d];
      in[l] += i * j->it->op[1].stride[d];
    }
  }
  return count;
}

/* ---- the two types ---------------------------------------------------------------------- */

#define REAL float
#include "tensor/cpu/fft.inc"
#undef REAL
#define REAL double
#include "tensor/cpu/fft.inc"
#undef REAL

static bool fft(const cr_iter *it, const cr_fft_args *a) {
  if (it->numel == 0) return true;
  return it->op[0].dtype == CR_FLOAT64 ? run_double(it, a) : run_float(it, a);
}

void CR_ISA_NAME(cr_cpu_fft)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_fft)(cr_backend *b) {
  b->fft = fft;
}
