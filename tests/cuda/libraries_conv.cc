/* libraries_conv.cc: convolutions and sums over channels beside the CPU's. */
#include "tests/cuda/libraries.h"

#include "cuda/conv.h"

#include <math.h>
#include <string.h>

/* ---- convolutions ----------------------------------------------------------------------- */

struct tables {
  bool (*forward)(const cr_conv2d_shape *, void *, const void *, const void *, const void *);
  bool (*input)(const cr_conv2d_shape *, void *, const void *, const void *);
  bool (*weight)(const cr_conv2d_shape *, void *, const void *, const void *);
};

static int64_t out_size(int64_t size, int64_t kernel, const cr_conv2d_args &a, int d) {
  int64_t room = size + 2 * a.pad[d] - (a.dilation[d] * (kernel - 1) + 1);
  return room < 0 ? 0 : room / a.stride[d] + 1;
}

/* One that fits. */
static cr_conv2d_shape random_shape(cr_dtype t) {
  cr_conv2d_shape s = {};
  do {
    s.dtype = t;
    for (int d = 0; d < 2; d++) {
      s.args.stride[d] = pick(1, 3);
      s.args.pad[d] = pick(0, 3);
      s.args.dilation[d] = pick(0, 2) ? 1 : 2;
    }
    s.args.groups = pick(0, 1) ? 1 : pick(2, 3);
    s.n = pick(0, 9) ? pick(1, 3) : 0;
    s.c = s.args.groups * pick(1, 3);
    s.o = s.args.groups * (pick(0, 9) ? pick(1, 3) : 0);
    s.h = pick(0, 9) ? pick(1, 9) : 0;
    s.w = pick(1, 9);
    s.kh = pick(1, 4);
    s.kw = pick(1, 4);
    s.oh = out_size(s.h, s.kh, s.args, 0);
    s.ow = out_size(s.w, s.kw, s.args, 1);
  } while (s.oh < 1 || s.ow < 1);
  return s;
}

static void report(const cr_conv2d_shape &s, const char *what, bool ok, double error,
                   double tolerance) {
  check(ok && error <= tolerance,
        "%s of %s: %lldx%lldx%lldx%lld, weight %lldx%lldx%lld, stride %lld %lld, pad %lld %lld, "
        "dilation %lld %lld, groups %lld%s: %s (%g)",
        what, cr_dtypes[s.dtype].name, (long long)s.n, (long long)s.c, (long long)s.h,
        (long long)s.w, (long long)s.o, (long long)s.kh, (long long)s.kw,
        (long long)s.args.stride[0], (long long)s.args.stride[1], (long long)s.args.pad[0],
        (long long)s.args.pad[1], (long long)s.args.dilation[0], (long long)s.args.dilation[1],
        (long long)s.args.groups, s.channels_last ? ", channels last" : "",
        ok ? "wrong" : cr_error(), error);
}

/* n elements in another type. */
static bytes converted(cr_dtype from, cr_dtype to, const bytes &in, int64_t n) {
  bytes out((size_t)n * cr_sizeof(to));
  out.reserve(1); /* the core's pointers are never NULL */
  for (int64_t i = 0; i < n; i++)
    cr_store_scalar(to, out.data() + i * (int64_t)cr_sizeof(to),
                    cr_num(number_at(from, in.data(), i)));
  return out;
}

/* An array (a, b, c, d) in the order of s. */
static bytes in_order(const cr_conv2d_shape &s, const bytes &plain, int64_t a, int64_t b, int64_t c,
                      int64_t d) {
  if (!s.channels_last) return plain;
  bytes out(plain.size());
  size_t size = cr_sizeof(s.dtype);
  for (int64_t i = 0; i < a * b * c * d; i++) {
    int64_t col = i % d, row = i / d % c, channel = i / d / c % b, image = i / d / c / b;
    int64_t to = ((image * c + row) * d + col) * b + channel;
    memcpy(out.data() + (size_t)to * size, plain.data() + (size_t)i * size, size);
  }
  return out;
}

static void compare(const tables &gpu, const cr_conv2d_shape &s, double tolerance) {
  int64_t nx = s.n * s.c * s.h * s.w, ny = s.n * s.o * s.oh * s.ow;
  int64_t nw = s.o * (s.c / s.args.groups) * s.kh * s.kw;
  bytes x = random_elements(s.dtype, nx), y = random_elements(s.dtype, ny);
  bytes w = random_elements(s.dtype, nw), bias = random_elements(s.dtype, s.o);
  bool biased = pick(0, 1);
  auto as_x = [&](const bytes &b) { return in_order(s, b, s.n, s.c, s.h, s.w); };
  auto as_y = [&](const bytes &b) { return in_order(s, b, s.n, s.o, s.oh, s.ow); };
  auto as_w = [&](const bytes &b) { return in_order(s, b, s.o, s.c / s.args.groups, s.kh, s.kw); };
  device_copy dx(as_x(x)), dy(as_y(y)), dw(as_w(w)), db(bias), outx(x.size()), outy(y.size()),
      outw(w.size());
  /* The CPU has none of half types: it gets them widened. */
  cr_conv2d_shape wide = s;
  wide.dtype = s.dtype == CR_FLOAT64 ? CR_FLOAT64 : CR_FLOAT32;
  auto widened = [&](const bytes &b, int64_t n) { return converted(s.dtype, wide.dtype, b, n); };
  auto narrowed = [&](const bytes &b, int64_t n) { return converted(wide.dtype, s.dtype, b, n); };
  bytes cx = widened(x, nx), cy = widened(y, ny), cw = widened(w, nw), cb = widened(bias, s.o);
  bytes ex = cx, ey = cy, ew = cw;
  for (bytes *b : {&ex, &ey, &ew}) b->reserve(1);

  bool ok = gpu.forward(&s, outy.p, dx.p, dw.p, biased ? db.p : NULL);
  cpu_nn()->conv2d(&wide, ey.data(), cx.data(), cw.data(), biased ? cb.data() : NULL);
  report(s, "conv2d", ok, difference(s.dtype, ny, outy.get().data(), as_y(narrowed(ey, ny)).data()),
         tolerance);
  ok = gpu.input(&s, outx.p, dy.p, dw.p);
  cpu_nn()->conv2d_input(&wide, ex.data(), cy.data(), cw.data());
  report(s, "conv2d by its input", ok,
         difference(s.dtype, nx, outx.get().data(), as_x(narrowed(ex, nx)).data()), tolerance);
  ok = gpu.weight(&s, outw.p, dy.p, dx.p);
  cpu_nn()->conv2d_weight(&wide, ew.data(), cy.data(), cx.data());
  report(s, "conv2d by its weight", ok,
         difference(s.dtype, nw, outw.get().data(), as_w(narrowed(ew, nw)).data()), tolerance);
}

static void test_shapes() {
  const tables library = {gpu_nn()->conv2d, gpu_nn()->conv2d_input, gpu_nn()->conv2d_weight};
  const tables direct = {cr_conv_direct, cr_conv_direct_input, cr_conv_direct_weight};
  for (int i = 0; i < 120; i++) {
    static const cr_dtype types[] = {CR_FLOAT32, CR_FLOAT64, CR_FLOAT16, CR_BFLOAT16};
    cr_dtype t = types[i % 4];
    cr_conv2d_shape s = random_shape(t);
    s.channels_last = pick(0, 1);
    options[CR_OPTION_BENCHMARK] = pick(0, 1);
    options[CR_OPTION_DETERMINISTIC] = pick(0, 1);
    options[CR_OPTION_TF32] = pick(0, 3) == 0;
    scratch_limit = pick(0, 3) ? SIZE_MAX : (size_t)pick(0, 300); /* a few algorithms need more */
    double exact = precision(t) * (cr_sizeof(t) == 2 ? 3 : 100);  /* of halves, roundings alone */
    compare(library, s, options[CR_OPTION_TF32] && t == CR_FLOAT32 ? 1e-2 : exact);
    options[CR_OPTION_BENCHMARK] = options[CR_OPTION_TF32] = options[CR_OPTION_DETERMINISTIC] =
        false;
    scratch_limit = SIZE_MAX;
    compare(direct, s, exact);
  }
}

/* Paddings that cuDNN's 32 bits do not hold. */
static void test_far() {
  cr_conv2d_shape s = random_shape(CR_FLOAT32);
  const tables library = {gpu_nn()->conv2d, gpu_nn()->conv2d_input, gpu_nn()->conv2d_weight};
  s.n = 1, s.c = s.args.groups = 1, s.o = 2, s.h = s.w = 2, s.kh = s.kw = 2;
  for (int d = 0; d < 2; d++) {
    s.args.pad[d] = (int64_t)1 << 33;
    s.args.dilation[d] = (int64_t)1 << 34;
    s.args.stride[d] = 1;
  }
  s.oh = out_size(s.h, s.kh, s.args, 0), s.ow = out_size(s.w, s.kw, s.args, 1);
  compare(library, s, 1e-5);
}

/* Whether two runs give the same bits: the fake's fastest algorithms do not. */
static bool repeats() {
  cr_conv2d_shape s = {CR_FLOAT32, 2, 3, 8, 8, 4, 3, 3, 6, 6, {{1, 1}, {0, 0}, {1, 1}, 1}, false};
  bytes x = random_elements(s.dtype, 2 * 3 * 64), y = random_elements(s.dtype, 2 * 4 * 36);
  device_copy dx(x), dy(y), first(4 * 3 * 9 * 4), second(4 * 3 * 9 * 4);
  return gpu_nn()->conv2d_weight(&s, first.p, dy.p, dx.p) &&
         gpu_nn()->conv2d_weight(&s, second.p, dy.p, dx.p) && first.get() == second.get();
}

static void test_deterministic() {
  check(!repeats(), "the fake's fast algorithms give other bits at each run");
  options[CR_OPTION_DETERMINISTIC] = true;
  check(repeats(), "a deterministic algorithm is taken");
  options[CR_OPTION_BENCHMARK] = true;
  check(repeats(), "a deterministic algorithm is measured");
  options[CR_OPTION_DETERMINISTIC] = options[CR_OPTION_BENCHMARK] = false;
}

/* ---- sums ------------------------------------------------------------------------------- */

static void test_middle(cr_middle_shape s) {
  int64_t count = s.outer * s.n * s.inner;
  cr_middle_shape wide = s;
  wide.dtype = s.dtype == CR_FLOAT64 ? CR_FLOAT64 : CR_FLOAT32;
  bytes in = random_elements(s.dtype, count), cpu_in = converted(s.dtype, wide.dtype, in, count);
  bytes sums((size_t)s.n * cr_sizeof(wide.dtype));
  size_t size = (size_t)s.n * cr_sizeof(s.dtype);
  device_copy d(in), out(size), again(size);
  bool ok = gpu_nn()->sum_middle(&s, out.p, d.p) && gpu_nn()->sum_middle(&s, again.p, d.p);
  if (!in.empty()) cpu_nn()->sum_middle(&wide, sums.data(), cpu_in.data());
  bytes expected = converted(wide.dtype, s.dtype, sums, s.n);
  double error = difference(s.dtype, s.n, out.get().data(), expected.data());
  check(ok && error <= precision(s.dtype) * (cr_sizeof(s.dtype) == 2 ? 1 : 100) &&
            out.get() == again.get(),
        "sum over the middle of %lldx%lldx%lld: %g", (long long)s.outer, (long long)s.n,
        (long long)s.inner, error);
}

static void test_sums() {
  static const int64_t shapes[][3] = {{0, 3, 4},   {2, 0, 3},     {4, 3, 0},    {1, 1, 1},
                                      {5, 7, 1},   {3, 5, 7},     {1, 2, 9000}, {2, 1, 13000},
                                      {700, 1, 9}, {3000, 2, 1},  {1, 70, 1},   {40, 33, 3},
                                      {1, 3, 300}, {1000, 37, 1}, {9, 2, 4099}, {300, 3, 50}};
  for (const auto &s : shapes)
    for (cr_dtype t : {CR_FLOAT32, CR_FLOAT64, CR_FLOAT16, CR_BFLOAT16})
      test_middle({t, s[0], s[1], s[2]});
}

void test_conv() {
  test_shapes();
  test_far();
  test_deterministic();
  test_sums();
}
