/* kernels_numbers.cc: random numbers and distances beside the CPU's. */
#include "tests/cuda/kernels.h"

#include <math.h>

/* ---- fills ------------------------------------------------------------------------------ */

/* Few results may lie on the other side of a rounding to a whole number. */
#define FEW 0.002

static void compare_random(cr_random_op op, cr_dtype t, int64_t n, double a, double b, bool shift) {
  array out(t, {n}, shift ? SHIFTED : DENSE);
  uint64_t seed = random_bits(), offset = pick(0, 1) ? (uint64_t)pick(0, 1000) : UINT32_MAX - 5;
  bool exact = op == CR_UNIFORM || op == CR_BERNOULLI || op == CR_RANDINT;
  bool whole = !cr_is_float(t) || op == CR_GEOMETRIC;
  out.upload();
  bool gpu_ok = gpu->random(op, t, out.on_device(out.data()), n, seed, offset, a, b);
  bool cpu_ok = cpu->random(op, t, out.data(), n, seed, offset, a, b);
  std::string what = text("random %d of %lld with %g %g, %s", op, (long long)n, a, b,
                          cr_dtypes[t].name),
              difference;
  double wrong;
  tolerance close = exact ? EXACT : ulps(t, 40, 1);
  if (t == CR_FLOAT16 && !exact)
    close.near = ldexp(1, -8); /* float32's rounding before cancelling */
  if (exact || !whole) {
    compare(out, cpu_ok, gpu_ok, close, what);
  } else {
    check(cpu_ok && gpu_ok, "%s: %s", what.c_str(), cr_error());
    out.same(EXACT, &difference, &wrong);
    check(wrong <= FEW, "%s: %s", what.c_str(), difference.c_str());
  }
}

static void test_random() {
  const struct {
    cr_random_op op;
    double a, b;
  } fills[] = {
      {CR_UNIFORM, 0, 1},
      {CR_UNIFORM, -3, 7.5},
      {CR_NORMAL, 0, 1},
      {CR_NORMAL, 5, 0.1},
      {CR_BERNOULLI, 0.3, 0},
      {CR_BERNOULLI, 1, 0},
      {CR_RANDINT, 0, 9},
      {CR_RANDINT, -100, 27},
      {CR_CAUCHY, 1, 2},
      {CR_EXPONENTIAL, 2, 0},
      {CR_LOGNORMAL, 0, 1},
      {CR_GEOMETRIC, 0.2, 0},
      {CR_BERNOULLI, 0, 0},
      {CR_RANDINT, -9.3e18, 9.3e18},
      /* whose numbers are often rounded to the upper bound, which is left out */
      {CR_UNIFORM, 1, 1 + 0x1p-23},
      {CR_UNIFORM, 1, 1 + 0x1p-52},
  };
  FOR_TYPES(t) {
    for (const auto &f : fills) {
      for (int64_t n : {0, 1, 2, 3, 5, 31, 33, 255, 257, 1025, 4099}) {
        compare_random(f.op, t, n, f.a, f.b, false);
        compare_random(f.op, t, n, f.a, f.b, true);
      }
      compare_random(f.op, t, 70000, f.a, f.b, false);
    }
  }
}

/* ---- samples ---------------------------------------------------------------------------- */

/* Rejection may go another way where a comparison is close, so that a few numbers differ
 * altogether. */
static void compare_sample(cr_sample_op op, cr_dtype t, int64_t n, double low_a, double high_a,
                           double low_b, double high_b, enum layout how) {
  array out(t, {n}), a(CR_FLOAT64, {n}, how), b(CR_FLOAT64, {n}, how);
  double *pa = (double *)a.host.data(), *pb = (double *)b.host.data();
  for (size_t i = 0; i < a.host.size() / 8; i++) {
    pa[i] = low_a + (high_a - low_a) * (uniform() + 1) / 2;
    pb[i] = low_b + (high_b - low_b) * (uniform() + 1) / 2;
    if (op == CR_BINOMIAL) pa[i] = floor(pa[i]);
  }
  uint64_t seed = random_bits(), offset = (uint64_t)pick(0, 1000);
  loop l({&out, &a, &b});
  bool gpu_ok = gpu->sample(op, &l.on_gpu, seed, offset);
  bool cpu_ok = cpu->sample(op, &l.on_cpu, seed, offset);
  std::string what = text("sample %d of %lld, %s, %s", op, (long long)n, cr_dtypes[t].name,
                          layout_names[how]),
              difference;
  double wrong;
  check(cpu_ok && gpu_ok, "%s: %s", what.c_str(), cr_error());
  out.same(cr_is_float(t) ? tolerance{ulps(t, 1).relative + 1e-9, 1e-3} : EXACT, &difference,
           &wrong);
  check(wrong <= FEW, "%s: %s", what.c_str(), difference.c_str());
}

static void test_samples() {
  const struct {
    cr_sample_op op;
    double low_a, high_a, low_b, high_b;
  } draws[] = {
      {CR_POISSON, 0.1, 9, 0, 0},        {CR_POISSON, 20, 300, 0, 0},
      {CR_GAMMA, 0.2, 5, 0.5, 2},        {CR_LOG_GAMMA, 0.01, 3, 0, 0},
      {CR_BINOMIAL, 1, 40, 0, 1},        {CR_VON_MISES, -3, 3, 0, 9},
      {CR_BINOMIAL, 100, 500, 0.2, 0.9}, {CR_TRUNCATED_NORMAL, -2, 0, 0, 2},
      {CR_TRUNCATED_NORMAL, 1, 2, 2, 3},
  };
  FOR_TYPES(t) {
    for (const auto &d : draws) {
      for (int64_t n : {0, 1, 33, 600})
        compare_sample(d.op, t, n, d.low_a, d.high_a, d.low_b, d.high_b, DENSE);
      compare_sample(d.op, t, 300, d.low_a, d.high_a, d.low_b, d.high_b, SINGLE);
      compare_sample(d.op, t, 300, d.low_a, d.high_a, d.low_b, d.high_b, GAPS);
    }
  }
}

/* ---- distances -------------------------------------------------------------------------- */

static void test_distances() {
  for (cr_dtype t : {CR_FLOAT32, CR_FLOAT64}) {
    for (const sizes &s : {sizes{1, 1, 1, 1},
                           {1, 3, 5, 2},
                           {2, 33, 31, 17},
                           {3, 64, 65, 16},
                           {1, 70, 40, 100},
                           {1, 3, 4, 0},
                           {0, 3, 4, 5},
                           {2, 0, 4, 5}}) {
      array out(t, {s[0], s[1], s[2]}), a(t, {s[0], s[1], s[3]}, DENSE, SMALL);
      array b(t, {s[0], s[2], s[3]}, DENSE, PLAIN);
      out.upload(), a.upload(), b.upload();
      bool gpu_ok = gpu->euclidean(t, out.on_device(out.data()), a.on_device(a.data()),
                                   b.on_device(b.data()), s[0], s[1], s[2], s[3]);
      bool cpu_ok = cpu->euclidean(t, out.data(), a.data(), b.data(), s[0], s[1], s[2], s[3]);
      compare(out, cpu_ok, gpu_ok, ulps(t, 16), text("distances %s", text_of(s).c_str()));
    }
  }
}

void test_numbers() {
  test_random();
  test_samples();
  test_distances();
}
