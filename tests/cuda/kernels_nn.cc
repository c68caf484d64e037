/* kernels_nn.cc: nn's kernels beside the CPU's. */
#include "tests/cuda/kernels.h"

#include "nn/backend.h"
#include "tensor/half.h"

#include <functional>
#include <memory>
#include <math.h>
#include <string.h>

extern "C" const cr_nn_backend *cr_nn_backend_of(const char *fn, cr_device d);

/* ---- both devices ----------------------------------------------------------------------- */

typedef std::vector<array *> arrays;
typedef char *(*place)(array *a); /* where an array is; NULL where there is none */
typedef std::function<bool(const cr_nn_backend *b, place p)> call;

static char *on_cpu(array *a) {
  return a ? a->data() : NULL;
}
static char *on_gpu(array *a) {
  return a ? a->on_device(a->data()) : NULL;
}

static const cr_nn_backend *nn_of(cr_device_type type) {
  return cr_nn_backend_of("test", cr_device{type, 0});
}

static bytes memory_of(const arrays &all) {
  bytes together;
  for (array *a : all) {
    bytes got(a ? a->host.size() : 0);
    if (!a) continue;
    check(gpu->to_host(cr_device{CR_CUDA, 0}, got.data(), a->device, got.size()), "%s", cr_error());
    together.insert(together.end(), got.begin(), got.end());
  }
  return together;
}

/* Checks that a kernel makes of both copies of the arrays `out` the same, and twice the same bits.
 */
static void both(const std::string &what, tolerance t, const arrays &out, const arrays &in,
                 const call &f) {
  bytes once, again;
  for (bytes *result : {&again, &once}) {
    for (array *a : out)
      if (a) a->upload();
    for (array *a : in)
      if (a) a->upload();
    check(f(nn_of(CR_CUDA), on_gpu) && synchronize(), "%s: %s", what.c_str(), cr_error());
    *result = memory_of(out);
  }
  check(once == again, "%s: not twice the same", what.c_str());
  bool ok = f(nn_of(CR_CPU), on_cpu);
  for (array *a : out)
    if (a) compare(*a, ok, true, t, what);
}

static const cr_dtype float_types[] = {CR_FLOAT32, CR_FLOAT64};
#define FOR_FLOATS(t) for (cr_dtype t : float_types)

static std::string text_of(const char *name, const cr_middle_shape &s) {
  return text("%s of %s, %s", name, text_of(sizes{s.outer, s.n, s.inner}).c_str(),
              cr_dtypes[s.dtype].name);
}

/* ---- softmax ---------------------------------------------------------------------------- */

static void compare_softmax(const cr_middle_shape &s, bool log, enum layout how, enum values kind) {
  int64_t n = s.outer * s.n * s.inner;
  std::string what = text_of(log ? "log softmax" : "softmax", s);
  array x(s.dtype, {n}, how, kind), y(s.dtype, {n}, how), g(s.dtype, {n}), gx(s.dtype, {n}, how);
  both(what, ulps(s.dtype, 300, log ? 1 : 1e-30), {&y}, {&x},
       [&](const cr_nn_backend *b, place p) { return b->softmax(&s, log, p(&y), p(&x)); });
  both(what + ", backward", ulps(s.dtype, 200, log ? 1 : 1 / (double)(s.n + 1)), {&gx}, {&g, &y},
       [&](const cr_nn_backend *b, place p) {
         return b->softmax_backward(&s, log, p(&gx), p(&g), p(&y));
       });
}

static void test_softmax() {
  const int64_t shapes[][3] = {
      {1, 1, 1},    {3, 0, 2},      {0, 4, 1},     {2, 5, 0},   {5, 1, 1},    {1, 7, 1},
      {999, 8, 1},  {40, 10, 1},    {70, 31, 1},   {3, 257, 1}, {9, 1000, 1}, {2, 2053, 1},
      {2, 4096, 1}, {1, 100003, 1}, {3, 12000, 1}, {2, 3, 5},   {1, 300, 2},  {4, 17, 33},
      {2, 64, 100}, {1, 1, 300},    {300, 5, 4},   {1, 5000, 3}};
  FOR_FLOATS(t) {
    for (const auto &s : shapes) {
      for (bool log : {false, true}) {
        cr_middle_shape shape = {t, s[0], s[1], s[2]};
        compare_softmax(shape, log, DENSE, PLAIN);
        compare_softmax(shape, log, SHIFTED, SPECIAL);
      }
    }
  }
}

/* ---- attention -------------------------------------------------------------------------- */

/* Heads that lie between each other, as (batch, rows, heads, n), or one after the other. */
static cr_heads heads_in(void *data, bool between, int64_t heads, int64_t rows, int64_t n) {
  if (between) return {data, rows * heads * n, n, heads * n};
  return {data, heads * rows * n, rows * n, n};
}

struct attention_case {
  int64_t batch, heads, group, l, s, e, ev;
  bool causal;
  int64_t offset;
  int mask; /* 1: flags, 2: numbers */
  double p;
  bool between;
};

/* The arrays of a case, and the two calls; what the forward keeps is the device's own affair. */
struct attention_run {
  attention_case c;
  cr_attention_args a;
  int64_t kv, queries, results, keys, values, kept;
  array q, k, v, gy, y, w, gq, gk, gv, mask;

  attention_run(cr_dtype t, const attention_case &c)
      : c(c), a{t,        c.batch, c.heads,     c.group, c.l, c.s, c.e, c.ev, 0.5, c.causal,
                c.offset, NULL,    c.mask == 1, {0},     c.p, 7,   11,  NULL, NULL},
        kv(c.heads / c.group), queries(c.batch * c.heads * c.l * c.e),
        results(c.batch * c.heads * c.l * c.ev), keys(c.batch * kv * c.s * c.e),
        values(c.batch * kv * c.s * c.ev), kept(c.batch * c.heads * c.l * (c.s > 0 ? c.s : 1)),
        q(t, {queries}), k(t, {keys}), v(t, {values}), gy(t, {results}), y(t, {results}),
        w(t == CR_FLOAT64 ? t : CR_FLOAT32, {kept}), gq(t, {queries}), gk(t, {keys}),
        gv(t, {values}), mask(c.mask == 1       ? CR_BOOL
                              : t == CR_FLOAT64 ? t
                                                : CR_FLOAT32,
                              {c.batch * c.l * c.s}) {
    a.mask_stride[0] = c.l * c.s, a.mask_stride[2] = c.s, a.mask_stride[3] = 1;
  }

  std::string what() const {
    return text("attention of %lld x %lld heads (%lld), %lld queries, %lld keys, %lld and %lld "
                "columns, causal %d, mask %d, dropout %g, %s",
                (long long)c.batch, (long long)c.heads, (long long)c.group, (long long)c.l,
                (long long)c.s, (long long)c.e, (long long)c.ev, c.causal, c.mask, c.p,
                cr_dtypes[a.dtype].name);
  }
  cr_heads of(char *data, int64_t heads, int64_t rows, int64_t n) const {
    return heads_in(data, c.between, heads, rows, n);
  }
  bool forward(const cr_nn_backend *b, place p, bool keep) {
    cr_attention_args x = a;
    if (c.mask) x.mask = p(&mask);
    return b->attention(&x, of(p(&y), c.heads, c.l, c.ev), keep ? p(&w) : NULL,
                        of(p(&q), c.heads, c.l, c.e), of(p(&k), kv, c.s, c.e),
                        of(p(&v), kv, c.s, c.ev));
  }
  /* wanted: bits for gq, gk and gv. */
  bool backward(const cr_nn_backend *b, place p, int wanted = 7) {
    cr_attention_args x = a;
    if (c.mask) x.mask = p(&mask);
    return b->attention_backward(
        &x, of(wanted & 1 ? p(&gq) : NULL, c.heads, c.l, c.e),
        of(wanted & 2 ? p(&gk) : NULL, kv, c.s, c.e), of(wanted & 4 ? p(&gv) : NULL, kv, c.s, c.ev),
        of(p(&gy), c.heads, c.l, c.ev), of(p(&y), c.heads, c.l, c.ev), p(&w),
        of(p(&q), c.heads, c.l, c.e), of(p(&k), kv, c.s, c.e), of(p(&v), kv, c.s, c.ev));
  }
};

static void compare_attention(cr_dtype t, const attention_case &c) {
  attention_run r(t, c);
  std::string what = r.what();
  arrays in = {&r.q, &r.k, &r.v, &r.mask};
  both(what, ulps(t, 400, 1), {&r.y}, in,
       [&](const cr_nn_backend *b, place p) { return r.forward(b, p, false); });
  in.push_back(&r.gy);
  in.push_back(&r.w);
  both(what + ", backward", ulps(t, 2000, 4), {&r.y, &r.gq, &r.gk, &r.gv}, in,
       [&](const cr_nn_backend *b, place p) { return r.forward(b, p, true) && r.backward(b, p); });
  for (int wanted : {1, 2, 4})
    both(what + text(", backward of %d", wanted), ulps(t, 2000, 4), {&r.gq, &r.gk, &r.gv}, in,
         [&](const cr_nn_backend *b, place p) {
           return r.forward(b, p, true) && r.backward(b, p, wanted);
         });
}

static const attention_case attention_cases[] = {
    {2, 3, 1, 5, 7, 4, 3, false, 0, 0, 0, false},
    {2, 4, 2, 5, 7, 4, 4, true, 0, 0, 0, true},
    {1, 4, 4, 1, 9, 8, 2, true, 8, 1, 0, true},
    {2, 2, 1, 70, 66, 3, 5, true, 3, 1, 0, false},
    {2, 2, 2, 3, 5, 2, 2, false, 0, 2, 0.4, true},
    {1, 3, 1, 4, 8, 2, 2, true, 0, 0, 0.3, false},
    {2, 2, 1, 0, 5, 2, 2, false, 0, 0, 0, false},
    {2, 2, 1, 3, 0, 2, 2, false, 0, 0, 0, false},
    {1, 1, 1, 3, 300, 2, 2, false, 0, 2, 0, false},
    {1, 2, 2, 17, 65, 32, 32, true, 48, 0, 0.1, true},
    {1, 2, 1, 67, 130, 64, 40, true, 0, 0, 0, true},
    {1, 1, 1, 65, 17, 96, 128, true, 2, 0, 0, false},
    {1, 2, 1, 40, 70, 128, 72, false, 0, 1, 0.2, false},
    {1, 1, 1, 33, 35, 136, 200, true, 0, 2, 0, true},
    {1, 2, 1, 5, 6, 0, 3, false, 0, 0, 0, false},
    {1, 1, 1, 4, 3, 2, 2, false, 0, 0, 1, false}};

/* What rows that see nothing give, though their keys be of any kind. */
static void test_blind_attention() {
  FOR_FLOATS(t) {
    attention_run r(t, {1, 2, 1, 3, 70, 8, 8, false, 0, 1, 0, false});
    memset(r.mask.data(), 0, (size_t)(3 * 70));
    both("attention that sees nothing", EXACT, {&r.y, &r.gq, &r.gk, &r.gv},
         {&r.q, &r.k, &r.v, &r.gy, &r.w, &r.mask}, [&](const cr_nn_backend *b, place p) {
           return r.forward(b, p, true) && r.backward(b, p);
         });
    for (int64_t i = 0; i < r.results; i++)
      check(r.y.data()[i * (int64_t)cr_sizeof(t)] == 0, "attention that sees nothing: not 0");
  }
}

static float half_at(cr_dtype t, const char *p, int64_t i) {
  uint16_t bits;
  memcpy(&bits, p + 2 * i, 2);
  return t == CR_FLOAT16 ? cr_f16_to_float(bits) : cr_bf16_to_float(bits);
}

/* Numbers in -1 .. 1, the same in both. */
static void fill_both(array &half, array &wide) {
  for (int64_t i = 0; i < half.numel(); i++) {
    float x = (float)uniform();
    uint16_t bits = half.dtype == CR_FLOAT16 ? cr_float_to_f16(x) : cr_float_to_bf16(x);
    memcpy(half.data() + 2 * i, &bits, 2);
    x = half_at(half.dtype, half.data(), i);
    memcpy(wide.data() + 4 * i, &x, 4);
  }
}

/* Checks that no element is further off than `most` of the largest. */
static void compare_halves(const std::string &what, array &half, array &wide, double most) {
  bytes got = memory_of({&half});
  double largest = 1e-3, worst = 0;
  for (int64_t i = 0; i < wide.numel(); i++) {
    float want, x = half_at(half.dtype, got.data(), i);
    memcpy(&want, wide.data() + 4 * i, 4);
    largest = fmax(largest, fabs(want));
    worst = x == x && want == want ? fmax(worst, fabs(x - want)) : INFINITY;
    if (worst == INFINITY) break;
  }
  check(worst <= most * largest, "%s: off by %g of %g", what.c_str(), worst, largest);
}

/* The GPU's kernels for half types beside the CPU's in float32. */
static void compare_half_attention(cr_dtype t, const attention_case &c) {
  attention_run half(t, c), wide(CR_FLOAT32, c);
  double most = t == CR_FLOAT16 ? 0x1p-9 : 0x1p-6;
  fill_both(half.q, wide.q), fill_both(half.k, wide.k);
  fill_both(half.v, wide.v), fill_both(half.gy, wide.gy);
  half.mask.host = wide.mask.host;
  bytes once, again;
  for (bytes *result : {&once, &again}) {
    for (array *x : {&half.q, &half.k, &half.v, &half.gy, &half.y, &half.w, &half.gq, &half.gk,
                     &half.gv, &half.mask})
      x->upload();
    check(half.forward(nn_of(CR_CUDA), on_gpu, true) && half.backward(nn_of(CR_CUDA), on_gpu) &&
              synchronize(),
          "%s: %s", half.what().c_str(), cr_error());
    *result = memory_of({&half.y, &half.gq, &half.gk, &half.gv});
  }
  check(once == again, "%s: not twice the same", half.what().c_str());
  check(wide.forward(nn_of(CR_CPU), on_cpu, true) && wide.backward(nn_of(CR_CPU), on_cpu), "%s",
        cr_error());
  compare_halves(half.what(), half.y, wide.y, most);
  compare_halves(half.what() + ", queries", half.gq, wide.gq, most);
  compare_halves(half.what() + ", keys", half.gk, wide.gk, most);
  compare_halves(half.what() + ", values", half.gv, wide.gv, most);
}

static void test_attention() {
  FOR_FLOATS(t)
  for (const attention_case &c : attention_cases) compare_attention(t, c);
  for (cr_dtype t : {CR_FLOAT16, CR_BFLOAT16})
    for (const attention_case &c : attention_cases) compare_half_attention(t, c);
  test_blind_attention();
}

static void test_rotary() {
  FOR_FLOATS(t)
  for (int i = 0; i < 16; i++) {
    cr_rotary_args a = {t, 2, 3, i < 8 ? 5 : 1, 7, i % 8 < 4 ? 4 : 6, i % 2 == 1, i % 4 >= 2};
    int64_t n = a.batch * a.heads * a.l * a.e, m = a.l * a.dim / 2;
    array x(t, {n}), y(t, {n}), cos(t, {m}), sin(t, {m});
    both(text("rotary %d, %s", i, cr_dtypes[t].name), ulps(t, 4, 10), {&y}, {&x, &cos, &sin},
         [&](const cr_nn_backend *b, place p) {
           return b->rotary(&a, heads_in(p(&y), i % 3 == 0, a.heads, a.l, a.e),
                            heads_in(p(&x), i % 3 == 1, a.heads, a.l, a.e), p(&cos), p(&sin));
         });
  }
}

/* ---- pooling ---------------------------------------------------------------------------- */

/* As nn/pool.c counts the windows. */
static int64_t windows(int64_t size, const cr_pool2d_args &a, int d) {
  int64_t room = size + 2 * a.pad[d] - a.dilation[d] * (a.kernel[d] - 1) - 1;
  if (a.ceil) room += a.stride[d] - 1;
  if (room < 0) return 0;
  int64_t n = room / a.stride[d] + 1;
  return a.ceil && (n - 1) * a.stride[d] >= size + a.pad[d] ? n - 1 : n;
}

static void compare_pool(const cr_pool2d_shape &s, enum values kind) {
  const cr_pool2d_args &a = s.args;
  int64_t out = s.planes * s.oh * s.ow, in = s.planes * s.h * s.w;
  std::string what =
      text("pooling of %s, kernel %s, stride %s, padding %s, dilation %s, ceil %d, count %d, %s",
           text_of(sizes{s.planes, s.h, s.w}).c_str(), text_of({a.kernel[0], a.kernel[1]}).c_str(),
           text_of({a.stride[0], a.stride[1]}).c_str(), text_of({a.pad[0], a.pad[1]}).c_str(),
           text_of({a.dilation[0], a.dilation[1]}).c_str(), a.ceil, a.count_pad,
           cr_dtypes[s.dtype].name);
  array x(s.dtype, {in}, SHIFTED, kind), y(s.dtype, {out}), at(CR_INT64, {out});
  array g(s.dtype, {out}), gx(s.dtype, {in}, SHIFTED);
  both("max " + what, EXACT, {&y, &at}, {&x}, [&](const cr_nn_backend *b, place p) {
    return b->max_pool2d(&s, p(&y), reinterpret_cast<int64_t *>(p(&at)), p(&x));
  });
  both("max " + what, EXACT, {&y}, {&x},
       [&](const cr_nn_backend *b, place p) { return b->max_pool2d(&s, p(&y), NULL, p(&x)); });
  both("max " + what + ", backward", EXACT, {&gx}, {&g, &at}, [&](const cr_nn_backend *b, place p) {
    return b->max_pool2d_backward(&s, p(&gx), p(&g), reinterpret_cast<int64_t *>(p(&at)));
  });
  if (a.dilation[0] > 1 || a.dilation[1] > 1) return;
  both("average " + what, ulps(s.dtype, 50, 1), {&y}, {&x},
       [&](const cr_nn_backend *b, place p) { return b->avg_pool2d(&s, p(&y), p(&x)); });
  both("average " + what + ", backward", ulps(s.dtype, 50, 1), {&gx}, {&g},
       [&](const cr_nn_backend *b, place p) { return b->avg_pool2d_backward(&s, p(&gx), p(&g)); });
}

static void test_pool() {
  for (int i = 0; i < 400; i++) {
    cr_pool2d_shape s = {float_types[i % 2], pick(0, 3), pick(1, 12), pick(1, 12), 0, 0, {}, 0};
    if (i % 40 == 0) s.planes = 70, s.w = 300;
    for (int d = 0; d < 2; d++) {
      s.args.kernel[d] = i % 7 ? pick(1, 4) : pick(1, 14);
      s.args.stride[d] = pick(1, 4);
      s.args.pad[d] = pick(0, s.args.kernel[d] / 2);
    }
    s.args.ceil = pick(0, 1);
    s.args.count_pad = pick(0, 1);
    s.args.base = pick(0, 1);
    s.args.divisor = i % 5 ? 0 : pick(1, 9);
    for (int64_t &step : s.args.dilation) step = i % 4 ? 1 : pick(1, 3);
    if (i % 4 == 0) s.args.pad[0] = s.args.pad[1] = 0; /* no window is outside of the image */
    s.oh = windows(s.h, s.args, 0), s.ow = windows(s.w, s.args, 1);
    if (s.oh > 0 && s.ow > 0) compare_pool(s, i % 3 ? PLAIN : i % 2 ? SMALL : SPECIAL);
  }
}

/* ---- half types, and channels innermost ------------------------------------------------- */

/* Numbers of type t beside the same in float32, as (planes, channels, pixels) for the CPU and as
 * (planes, pixels, channels) for the GPU. */
struct twin {
  int64_t planes, channels, pixels;
  array there, here;

  twin(cr_dtype t, int64_t planes, int64_t channels, int64_t pixels)
      : planes(planes), channels(channels), pixels(pixels),
        there(t, {planes * channels * pixels}, SHIFTED),
        here(CR_FLOAT32, {planes * channels * pixels}) {
    each([](cr_scalar x, float *y) { *y = (float)cr_scalar_double(x); });
  }
  /* f(element of the GPU's, the CPU's) for each, as the host's copies have them. */
  template <typename F> void each(const F &f) {
    float *to = reinterpret_cast<float *>(here.data());
    for (int64_t i = 0; i < planes * channels * pixels; i++) {
      int64_t pixel = i % pixels, channel = i / pixels % channels, plane = i / pixels / channels;
      int64_t from = (plane * pixels + pixel) * channels + channel;
      f(cr_load_scalar(there.dtype, there.data() + from * (int64_t)cr_sizeof(there.dtype)), to + i);
    }
  }
  /* Compares what is on the GPU with the CPU's; allowed: units in the last place of the type. */
  void compare(const char *what, double allowed) {
    there.host = memory_of({&there});
    double worst = 0, unit = there.dtype == CR_FLOAT16    ? ldexp(1, -10)
                             : there.dtype == CR_BFLOAT16 ? ldexp(1, -7)
                                                          : ldexp(1, -21);
    each([&](cr_scalar x, float *y) {
      double error = fabs(cr_scalar_double(x) - *y) / fmax(1, fabs(*y));
      if (!(error <= worst)) worst = error;
    });
    check(worst <= allowed * unit, "%s of %s, %lldx%lldx%lld: %g", what,
          cr_dtypes[there.dtype].name, (long long)planes, (long long)channels, (long long)pixels,
          worst);
  }
};

static void compare_pool_last(cr_dtype t, const cr_pool2d_shape &plain, int64_t n, int64_t c) {
  cr_pool2d_shape last = plain, wide = plain;
  last.dtype = t, last.planes = n, last.channels = c;
  wide.dtype = CR_FLOAT32;
  const cr_nn_backend *there = nn_of(CR_CUDA), *here = nn_of(CR_CPU);
  twin x(t, n, c, plain.h * plain.w), gx(t, n, c, plain.h * plain.w);
  twin y(t, n, c, plain.oh * plain.ow), g(t, n, c, plain.oh * plain.ow);
  array at(CR_INT64, {n * c * plain.oh * plain.ow}), at_here(CR_INT64, {at.numel()});
  for (array *a : {&x.there, &y.there, &g.there, &gx.there, &at}) a->upload();
  auto p = [](twin &a) { return on_gpu(&a.there); };
  int64_t *places = reinterpret_cast<int64_t *>(on_gpu(&at));
  int64_t *cpu_places = reinterpret_cast<int64_t *>(at_here.data());
  bool ok = there->max_pool2d(&last, p(y), places, p(x)) &&
            there->max_pool2d_backward(&last, p(gx), p(g), places) && synchronize();
  here->max_pool2d(&wide, y.here.data(), cpu_places, x.here.data());
  here->max_pool2d_backward(&wide, gx.here.data(), g.here.data(), cpu_places);
  check(ok, "%s", cr_error());
  y.compare("max pooling", 0);
  gx.compare("max pooling's gradient", 1);
  if (plain.args.dilation[0] > 1 || plain.args.dilation[1] > 1) return;
  ok = there->avg_pool2d(&last, p(y), p(x)) && there->avg_pool2d_backward(&last, p(gx), p(g)) &&
       synchronize();
  here->avg_pool2d(&wide, y.here.data(), x.here.data());
  here->avg_pool2d_backward(&wide, gx.here.data(), g.here.data());
  check(ok, "%s", cr_error());
  y.compare("average pooling", 1);
  gx.compare("average pooling's gradient", 1);
}

static void test_pool_last() {
  for (int i = 0; i < 60; i++) {
    cr_pool2d_shape s = {CR_FLOAT32, 0, pick(2, 12), pick(2, 12), 0, 0, {}, 0};
    int64_t n = pick(1, 3), c = i % 5 ? pick(1, 9) : 70;
    s.planes = n * c;
    for (int d = 0; d < 2; d++) {
      s.args.kernel[d] = pick(1, 3);
      s.args.stride[d] = pick(1, 3);
      s.args.pad[d] = pick(0, s.args.kernel[d] / 2);
      s.args.dilation[d] = 1;
    }
    s.args.count_pad = pick(0, 1);
    s.oh = windows(s.h, s.args, 0), s.ow = windows(s.w, s.args, 1);
    if (s.oh < 1 || s.ow < 1) continue;
    for (cr_dtype t : {CR_FLOAT32, CR_FLOAT16, CR_BFLOAT16}) compare_pool_last(t, s, n, c);
  }
}

/* ---- windows ---------------------------------------------------------------------------- */

static int64_t *integers(array &a) {
  return reinterpret_cast<int64_t *>(a.data());
}

/* Of each of `lists`, m windows of lines of n; some reach outside of the line, or are empty. */
static void fill_windows(array &begin, array &end, int64_t n) {
  for (int64_t i = 0; i < begin.numel(); i++) {
    integers(begin)[i] = pick(-2, n + 1);
    integers(end)[i] = integers(begin)[i] + (i % 3 ? pick(0, 5) : n / 2);
  }
}

/* m: rows and columns of the result, 0 where each is a window. */
static void compare_max_windows(const cr_plane_shape &s, int64_t lists, const int64_t m[2],
                                enum values kind) {
  std::string what =
      text("windows of %s, %lld x %lld, %lld lists, %s", text_of(sizes{s.planes, s.h, s.w}).c_str(),
           (long long)m[0], (long long)m[1], (long long)lists, cr_dtypes[s.dtype].name);
  int64_t out = s.planes * (m[0] ? m[0] : s.h) * (m[1] ? m[1] : s.w);
  array x(s.dtype, {s.planes * s.h * s.w}, SHIFTED, kind), y(s.dtype, {out}), at(CR_INT64, {out});
  array r0(CR_INT64, {lists * m[0]}), r1(CR_INT64, {lists * m[0]});
  array c0(CR_INT64, {lists * m[1]}), c1(CR_INT64, {lists * m[1]});
  fill_windows(r0, r1, s.h);
  fill_windows(c0, c1, s.w);
  auto whole = [](char *q) { return reinterpret_cast<int64_t *>(q); };
  both(what, EXACT, {&y, &at}, {&x, &r0, &r1, &c0, &c1}, [&](const cr_nn_backend *b, place p) {
    cr_windows rows = {lists, m[0], whole(p(&r0)), whole(p(&r1))};
    cr_windows columns = {lists, m[1], whole(p(&c0)), whole(p(&c1))};
    return b->max_windows(&s, m[0] ? &rows : NULL, m[1] ? &columns : NULL, p(&y), whole(p(&at)),
                          p(&x));
  });
}

static void test_max_windows() {
  const int64_t shapes[][3] = {{1, 1, 1},   {6, 5, 1}, {4, 9, 3},   {2, 1, 300},
                               {2, 300, 1}, {0, 4, 2}, {12, 7, 40}, {4, 23, 19}};
  const int64_t windows[][2] = {{1, 1}, {4, 0}, {0, 4}, {3, 33}};
  FOR_FLOATS(t)
  for (const auto &s : shapes) {
    for (const auto &m : windows) {
      cr_plane_shape shape = {t, s[0], s[1], s[2], m[0] % 2};
      compare_max_windows(shape, 1, m, SPECIAL);
      compare_max_windows(shape, 1, m, SMALL);
      if (s[0] % 2 == 0 && s[0] > 0) compare_max_windows(shape, s[0] / 2, m, PLAIN);
    }
  }
}

/* A matrix with rows of none to four numbers. */
static void compare_resample(const cr_middle_shape &s, int64_t m) {
  array x(s.dtype, {s.outer * s.n * s.inner}, SHIFTED), y(s.dtype, {s.outer * m * s.inner});
  array first(CR_INT64, {m + 1}), at(CR_INT64, {4 * m}), weight(s.dtype, {4 * m});
  integers(first)[0] = 0;
  for (int64_t q = 0; q < m; q++) integers(first)[q + 1] = integers(first)[q] + pick(0, 4);
  for (int64_t k = 0; k < 4 * m; k++) integers(at)[k] = pick(0, s.n - 1);
  both(text_of("resampling", s), ulps(s.dtype, 50, 1), {&y}, {&x, &first, &at, &weight},
       [&](const cr_nn_backend *b, place p) {
         cr_taps t = {m, reinterpret_cast<int64_t *>(p(&first)),
                      reinterpret_cast<int64_t *>(p(&at)), p(&weight)};
         return b->resample(&s, &t, p(&y), p(&x));
       });
}

static void test_resample() {
  const int64_t shapes[][3] = {{1, 1, 1},   {6, 5, 1}, {4, 9, 3},
                               {2, 300, 1}, {0, 4, 2}, {12, 7, 40}};
  FOR_FLOATS(t) {
    for (const auto &s : shapes) {
      cr_middle_shape shape = {t, s[0], s[1], s[2]};
      for (int64_t m : {1, 4, 33}) compare_resample(shape, m);
    }
  }
}

/* ---- bags of rows ----------------------------------------------------------------------- */

struct bag_case {
  int64_t rows, width, bags, each; /* each: 0 for bounds, of which some are the same */
  bool factors, padding;
};

static void compare_bags(cr_dtype t, cr_bag_mode mode, const bag_case &c, enum values kind) {
  std::string what =
      text("mode %d of %lld bags of %lld of %s, factors %d, padding %d, %s", mode,
           (long long)c.bags, (long long)c.each, text_of(sizes{c.rows, c.width}).c_str(), c.factors,
           c.padding, cr_dtypes[t].name);
  cr_dtype wide = t == CR_FLOAT64 ? t : CR_FLOAT32;
  array bounds(CR_INT64, {c.bags + 1});
  integers(bounds)[0] = 0;
  for (int64_t b = 0; b < c.bags; b++)
    integers(bounds)[b + 1] = integers(bounds)[b] + (c.each ? c.each : pick(0, 5) * (b % 3));
  int64_t n = integers(bounds)[c.bags];
  array w(t, {c.rows * c.width}, SHIFTED, kind), y(t, {c.bags * c.width}, SHIFTED);
  array index(CR_INT64, {n}), at(CR_INT64, {c.bags * c.width}), factor(wide, {n});
  for (int64_t i = 0; i < n; i++) integers(index)[i] = pick(1, c.rows);
  auto args = [&](place p) {
    return cr_bag_args{t,
                       mode,
                       c.rows,
                       c.width,
                       c.bags,
                       c.each,
                       reinterpret_cast<int64_t *>(p(&index)),
                       c.each ? NULL : reinterpret_cast<int64_t *>(p(&bounds)),
                       1,
                       c.padding ? 2 : 0,
                       c.factors ? p(&factor) : NULL};
  };
  tolerance near = mode == CR_BAG_MAX ? EXACT : ulps(t, 50, 1);
  arrays in = {&w, &index, &bounds, &factor};
  both(what, near, {&y}, in, [&](const cr_nn_backend *b, place p) {
    cr_bag_args a = args(p);
    return b->embedding_bag(&a, p(&y), NULL, p(&w));
  });
  if (mode != CR_BAG_MAX) return;
  both(what + ", places", near, {&y, &at}, in, [&](const cr_nn_backend *b, place p) {
    cr_bag_args a = args(p);
    return b->embedding_bag(&a, p(&y), reinterpret_cast<int64_t *>(p(&at)), p(&w));
  });
}

static void test_bags() {
  const bag_case cases[] = {
      {1, 1, 1, 1, false, false},  {7, 3, 5, 0, false, true},     {50, 16, 9, 4, true, false},
      {50, 17, 9, 0, true, true},  {40, 64, 30, 0, false, false}, {40, 131, 12, 6, false, true},
      {5, 300, 3, 0, true, false}, {5, 8, 0, 3, false, false},    {5, 0, 4, 3, false, false}};
  for (cr_dtype t : {CR_FLOAT32, CR_FLOAT64, CR_FLOAT16, CR_BFLOAT16}) {
    for (const bag_case &c : cases) {
      compare_bags(t, CR_BAG_SUM, c, PLAIN);
      if (c.factors) continue;
      compare_bags(t, CR_BAG_MEAN, c, PLAIN);
      compare_bags(t, CR_BAG_MAX, c, SMALL);
      compare_bags(t, CR_BAG_MAX, c, SPECIAL);
    }
  }
}

/* ---- normalisation ---------------------------------------------------------------------- */

/* Adds to every element.  The CPU rounds the mean before it takes differences from it: of few
 * numbers the variance is then not known well enough to compare. */
static void shift(array &a, double by) {
  for (int64_t i = 0; i < a.numel(); i++) {
    char *p = a.data() + i * (int64_t)cr_sizeof(a.dtype);
    cr_store_scalar(a.dtype, p, cr_num(cr_scalar_double(cr_load_scalar(a.dtype, p)) + by));
  }
}

static tolerance norm_tolerance(cr_dtype t, double mean) {
  if (mean != 0) return t == CR_FLOAT64 ? tolerance{1e-9, 1} : tolerance{1e-4, 10};
  return t == CR_FLOAT64 ? tolerance{1e-12, 10} : tolerance{1e-5, 10};
}

static array *some(array &a, bool there) {
  return there ? &a : NULL;
}

static void compare_batch_norm(const cr_middle_shape &s, bool training, int given, double big,
                               enum layout how) {
  int64_t n = s.outer * s.n * s.inner;
  std::string what =
      text_of("batch norm", s) + text(", training %d, given %d, mean %g", training, given, big);
  tolerance t = norm_tolerance(s.dtype, big);
  array x(s.dtype, {n}, how), y(s.dtype, {n}, how), g(s.dtype, {n}), gx(s.dtype, {n}, how);
  array mean(s.dtype, {s.n}), rstd(s.dtype, {s.n}), gw(s.dtype, {s.n}), gb(s.dtype, {s.n});
  array weight(s.dtype, {s.n}), bias(s.dtype, {s.n}), rm(s.dtype, {s.n});
  array rv(s.dtype, {s.n}, DENSE, NEAR_ONE);
  array *w = some(weight, given & 1), *b = some(bias, given & 2);
  array *m = some(rm, !training || given & 4), *v = some(rv, !training || given & 8);
  shift(x, big);
  auto args = [&](place p) {
    return cr_batch_norm_args{s, training, 0.1, 1e-5, p(w), p(b), p(m), p(v)};
  };
  both(what, t, {&y, &mean, &rstd, m, v}, {&x, w, b}, [&](const cr_nn_backend *nn, place p) {
    cr_batch_norm_args a = args(p);
    return nn->batch_norm(&a, p(&y), p(&x), p(&mean), p(&rstd));
  });
  array *to_x = some(gx, given != 1), *to_w = some(gw, given != 2), *to_b = some(gb, given != 3);
  both(what + ", backward", t, {to_x, to_w, to_b}, {&g, &x, &mean, &rstd, w},
       [&](const cr_nn_backend *nn, place p) {
         cr_batch_norm_args a = args(p);
         return nn->batch_norm_backward(&a, p(to_x), p(to_w), p(to_b), p(&g), p(&x), p(&mean),
                                        p(&rstd));
       });
}

static void test_batch_norm() {
  const int64_t shapes[][3] = {{2, 1, 1},    {5, 0, 3},   {0, 3, 1},    {0, 3, 4},
                               {4, 3, 0},    {7, 3, 1},   {64, 70, 1},  {9000, 2, 1},
                               {1, 3, 7},    {2, 5, 49},  {32, 2, 400}, {1, 1, 70000},
                               {130, 33, 3}, {700, 1, 9}, {3, 4, 1024}, {1, 200, 2}};
  FOR_FLOATS(t) {
    for (const auto &s : shapes) {
      cr_middle_shape shape = {t, s[0], s[1], s[2]};
      for (int given = 0; given < 16; given += given < 4 ? 1 : 4)
        compare_batch_norm(shape, given != 2, given, 0, given % 2 ? DENSE : SHIFTED);
      if (s[0] * s[2] > 50) compare_batch_norm(shape, true, 15, 1e4, DENSE);
      compare_batch_norm(shape, false, 15, 0, SHIFTED);
    }
  }
}

/* Of half types and, when `last`, with the channels innermost; weights and statistics are float32.
 */
static void compare_half_batch_norm(cr_dtype t, const int64_t size[3], bool last, bool training) {
  int64_t n = size[1];
  cr_middle_shape wide = {CR_FLOAT32, size[0], n, size[2]}, shape = {t, size[0], n, size[2]};
  if (last) shape = {t, size[0] * size[2], n, 1};
  const cr_nn_backend *there = nn_of(CR_CUDA), *here = nn_of(CR_CPU);
  /* Without channels innermost the twin has one of them a plane. */
  int64_t planes = last ? size[0] : size[0] * n, inner = last ? n : 1;
  twin x(t, planes, inner, size[2]), y(t, planes, inner, size[2]);
  twin g(t, planes, inner, size[2]), gx(t, planes, inner, size[2]);
  array w(CR_FLOAT32, {n}), b(CR_FLOAT32, {n}), rm(CR_FLOAT32, {n});
  array rv(CR_FLOAT32, {n}, DENSE, NEAR_ONE);
  array mean(CR_FLOAT32, {n}), rstd(CR_FLOAT32, {n}), gw(CR_FLOAT32, {n}), gb(CR_FLOAT32, {n});
  for (twin *a : {&x, &y, &g, &gx}) a->there.upload();
  for (array *a : {&w, &b, &rm, &rv, &mean, &rstd, &gw, &gb}) a->upload();
  auto run = [&](const cr_nn_backend *nn, const cr_middle_shape &s, place p, bool gpu) {
    auto of = [&](twin &a) { return gpu ? on_gpu(&a.there) : a.here.data(); };
    cr_batch_norm_args a = {s, training, 0.1, 1e-5, p(&w), p(&b), p(&rm), p(&rv)};
    return nn->batch_norm(&a, of(y), of(x), p(&mean), p(&rstd)) &&
           nn->batch_norm_backward(&a, of(gx), p(&gw), p(&gb), of(g), of(x), p(&mean), p(&rstd));
  };
  bool ok = run(there, shape, on_gpu, true) && synchronize();
  bool cpu_ok = run(here, wide, on_cpu, false);
  y.compare("batch norm", 2);
  gx.compare("batch norm's gradient", 2);
  for (array *a : {&mean, &rstd, &rm, &rv, &gw, &gb})
    compare(*a, cpu_ok, ok, norm_tolerance(CR_FLOAT32, 0), "half batch norm");
}

static void test_half_batch_norm() {
  const int64_t shapes[][3] = {{2, 3, 5},     {7, 33, 9},  {32, 2, 400}, {3, 70, 64},
                               {2, 40, 1030}, {5, 64, 81}, {1, 25600, 3}};
  for (cr_dtype t : {CR_FLOAT16, CR_BFLOAT16})
    for (const auto &s : shapes)
      for (int i = 0; i < 4; i++) compare_half_batch_norm(t, s, i & 1, i & 2);
}

static void compare_layer_norm(const cr_middle_shape &s, int given, double big, enum layout how,
                               bool centred = true) {
  int64_t n = s.outer * s.n;
  std::string what = text_of("layer norm", s) + text(", given %d, mean %g", given, big);
  tolerance t = norm_tolerance(s.dtype, big);
  array x(s.dtype, {n}, how), y(s.dtype, {n}, how), g(s.dtype, {n}), gx(s.dtype, {n}, how);
  array mean(s.dtype, {s.outer}), rstd(s.dtype, {s.outer}), gw(s.dtype, {s.n}), gb(s.dtype, {s.n});
  array weight(s.dtype, {s.n}), bias(s.dtype, {s.n});
  array *w = some(weight, given & 1), *b = some(bias, given & 2);
  shift(x, big);
  array *m = some(mean, centred);
  if (!centred) what += ", not centred";
  both(what, t, {&y, m, &rstd}, {&x, w, b}, [&](const cr_nn_backend *nn, place p) {
    return nn->layer_norm(&s, 1e-5, p(&y), p(&x), p(w), p(b), p(m), p(&rstd));
  });
  array *to_x = some(gx, given != 1), *to_w = some(gw, given != 2), *to_b = some(gb, given != 3);
  both(what + ", backward", t, {to_x, to_w, to_b}, {&g, &x, m, &rstd, w},
       [&](const cr_nn_backend *nn, place p) {
         return nn->layer_norm_backward(&s, p(to_x), p(to_w), p(to_b), p(&g), p(&x), p(w), p(m),
                                        p(&rstd));
       });
}

static void test_layer_norm() {
  const int64_t shapes[][2] = {{1, 2},    {0, 5},     {5, 1},      {3, 7},    {999, 8},
                               {70, 31},  {33, 64},   {3, 257},    {9, 1000}, {2, 4096},
                               {2, 2053}, {3, 12000}, {1, 100003}, {700, 3}};
  FOR_FLOATS(t) {
    for (const auto &s : shapes) {
      cr_middle_shape shape = {t, s[0], s[1], 1};
      for (int given = 0; given < 4; given++) {
        compare_layer_norm(shape, given, 0, given % 2 ? DENSE : SHIFTED);
        compare_layer_norm(shape, given, 0, given % 2 ? SHIFTED : DENSE, false);
      }
      if (s[1] > 50) compare_layer_norm(shape, 3, 1e4, SHIFTED);
    }
  }
}

/* ---- connectionist temporal classification ---------------------------------------------- */

/* Sequences of `steps` steps at most; every other one is shorter, and so is its target. */
static void compare_ctc(cr_dtype t, int64_t steps, int64_t n, int64_t classes, int64_t s,
                        bool zero_infinity) {
  array logp(t, {steps * n * classes}), loss(t, {n}), grad(t, {steps * n * classes});
  array target(CR_INT64, {n * s}), lengths(CR_INT64, {n}), labels(CR_INT64, {n});
  int64_t blank = classes / 2;
  for (int64_t k = 0; k < steps * n * classes; k++) {
    double x = -0.1 - 3 * (double)((k * 7919) % 101) / 101;
    if (t == CR_FLOAT64)
      reinterpret_cast<double *>(logp.data())[k] = x;
    else
      reinterpret_cast<float *>(logp.data())[k] = (float)x;
  }
  for (int64_t k = 0; k < n * s; k++) {
    int64_t c = (k * k / 2) % (classes - 1);
    reinterpret_cast<int64_t *>(target.data())[k] = c + (c >= blank);
  }
  for (int64_t i = 0; i < n; i++) {
    reinterpret_cast<int64_t *>(lengths.data())[i] = i % 2 ? steps / 2 : steps;
    reinterpret_cast<int64_t *>(labels.data())[i] = i % 2 ? s / 3 : s;
  }
  auto args = [&](place p) {
    return cr_ctc_args{t,
                       steps,
                       n,
                       classes,
                       s,
                       blank,
                       reinterpret_cast<int64_t *>(p(&target)),
                       reinterpret_cast<int64_t *>(p(&lengths)),
                       reinterpret_cast<int64_t *>(p(&labels)),
                       zero_infinity};
  };
  std::string what =
      text("ctc of %lld steps, %lld sequences, %lld classes, targets of %lld, %s", (long long)steps,
           (long long)n, (long long)classes, (long long)s, cr_dtypes[t].name);
  both(what, ulps(t, 1000, 1), {&loss, &grad}, {&logp, &target, &lengths, &labels},
       [&](const cr_nn_backend *b, place p) {
         cr_ctc_args a = args(p);
         return b->ctc(&a, p(&loss), p(&grad), p(&logp));
       });
  both(what + ", the loss alone", ulps(t, 1000, 1), {&loss}, {&logp, &target, &lengths, &labels},
       [&](const cr_nn_backend *b, place p) {
         cr_ctc_args a = args(p);
         return b->ctc(&a, p(&loss), NULL, p(&logp));
       });
}

static void test_ctc() {
  FOR_FLOATS(t) {
    compare_ctc(t, 9, 5, 6, 3, false);
    compare_ctc(t, 1, 1, 2, 1, false);
    compare_ctc(t, 4, 14, 5, 9, true); /* targets that are too long */
    compare_ctc(t, 150, 3, 7, 70, false);
    compare_ctc(t, 3, 2, 4, 0, false);
    compare_ctc(t, 0, 2, 4, 2, true);
  }
}

/* ---- losses ----------------------------------------------------------------------------- */

#define IGNORED -100

static array *make_targets(int64_t rows, int64_t classes, bool ignoring) {
  array *t = new array(CR_INT64, {rows});
  int64_t *k = reinterpret_cast<int64_t *>(t->data());
  for (int64_t i = 0; i < rows; i++)
    k[i] = ignoring && pick(0, 2) == 0 ? IGNORED : pick(0, classes - 1);
  return t;
}

/* Some are infinitely unlikely. */
static void plant_infinity(array &x) {
  for (int64_t i = 0; i < x.numel(); i += pick(5, 40))
    cr_store_scalar(x.dtype, x.data() + i * (int64_t)cr_sizeof(x.dtype), cr_num(-INFINITY));
}

static void compare_losses(cr_dtype t, int64_t rows, int64_t classes, bool weighted, bool ignoring,
                           bool average, double smoothing, enum layout how) {
  std::string what =
      text("of %lld x %lld, weights %d, ignored %d, average %d, smoothed %g, %s", (long long)rows,
           (long long)classes, weighted, ignoring, average, smoothing, cr_dtypes[t].name);
  array x(t, {rows * classes}, how), gx(t, {rows * classes}, how), lse(t, {rows});
  array loss(t, {1}), g(t, {1}), weight(t, {classes}, DENSE, NEAR_ONE);
  std::unique_ptr<array> target(make_targets(rows, classes, ignoring));
  array *w = some(weight, weighted);
  auto args = [&](place p) {
    return cr_nll_args{t,    rows,    classes, reinterpret_cast<int64_t *>(p(target.get())),
                       p(w), IGNORED, average, smoothing};
  };
  double digits = 100 + (t == CR_FLOAT64 ? (double)rows : 0);
  if (classes > 9 && smoothing == 0) plant_infinity(x);
  both("nll " + what, ulps(t, digits, 1), {&loss}, {&x, target.get(), w},
       [&](const cr_nn_backend *b, place p) {
         cr_nll_args a = args(p);
         return b->nll(&a, p(&loss), p(&x));
       });
  both("nll " + what + ", backward", ulps(t, digits, 1e-9), {&gx}, {&g, target.get(), w},
       [&](const cr_nn_backend *b, place p) {
         cr_nll_args a = args(p);
         return b->nll_backward(&a, p(&gx), p(&g));
       });
  both("cross entropy " + what, ulps(t, digits, 1), {&loss, &lse}, {&x, target.get(), w},
       [&](const cr_nn_backend *b, place p) {
         cr_nll_args a = args(p);
         return b->cross_entropy(&a, p(&loss), p(&lse), p(&x));
       });
  /* What is smoothed is a difference of two parts of the row's gradient. */
  double part = smoothing > 0 && !average ? 1 : 1.0 / (double)(rows + 1);
  both("cross entropy " + what + ", backward", ulps(t, digits, part), {&gx},
       {&g, &lse, &x, target.get(), w}, [&](const cr_nn_backend *b, place p) {
         cr_nll_args a = args(p);
         return b->cross_entropy_backward(&a, p(&gx), p(&g), p(&lse), p(&x));
       });
}

static void test_classes() {
  const int64_t shapes[][2] = {{0, 3},  {1, 1},    {1, 10},   {7, 2},    {33, 10},    {300, 5},
                               {9, 31}, {128, 64}, {5, 1000}, {3, 2053}, {1, 100003}, {9001, 3}};
  FOR_FLOATS(t) {
    for (const auto &s : shapes) {
      for (int k = 0; k < 8; k++)
        compare_losses(t, s[0], s[1], k & 1, k & 2, k & 4, k % 3 == 2 ? 0.25 : 0,
                       k % 3 ? DENSE : SHIFTED);
    }
  }
}

static void compare_huber(cr_dtype t, int64_t n, double bound, enum layout how) {
  array x(t, {n}, how), target(t, {n}, how), gx(t, {n}, how), loss(t, {1}), g(t, {1});
  std::string what =
      text("squared error of %lld up to %g, %s", (long long)n, bound, cr_dtypes[t].name);
  double scale = n ? 1 / (double)n : 1;
  both(what, ulps(t, t == CR_FLOAT64 ? 1000 : 20, 1), {&loss}, {&x, &target},
       [&](const cr_nn_backend *b, place p) {
         return b->huber(t, n, bound, scale, p(&loss), p(&x), p(&target));
       });
  both(what + ", backward", ulps(t, 4, 1e-9), {&gx}, {&g, &x, &target},
       [&](const cr_nn_backend *b, place p) {
         return b->huber_backward(t, n, bound, scale, p(&gx), p(&g), p(&x), p(&target));
       });
}

static void test_huber() {
  FOR_FLOATS(t) {
    for (int64_t n : {0, 1, 2, 3, 5, 64, 257, 4099, 100003}) {
      for (double bound : {0.3, 1.0, (double)INFINITY}) {
        compare_huber(t, n, bound, DENSE);
        compare_huber(t, n, bound, SHIFTED);
      }
    }
  }
}

/* A target out of range is refused, the rest of the rows is worked on, and a derivative leaves the
 * row 0. */
static void test_refused_targets() {
  FOR_FLOATS(t) {
    for (int64_t bad : {(int64_t)-1, (int64_t)10, INT64_MIN, INT64_MAX}) {
      array x(t, {300}), gx(t, {300}), loss(t, {1}), g(t, {1}), lse(t, {30}), weight(t, {10});
      std::unique_ptr<array> target(make_targets(30, 10, true));
      reinterpret_cast<int64_t *>(target->data())[17] = bad;
      for (array *a : {&x, &gx, &loss, &g, &lse, &weight, target.get()}) a->upload();
      const cr_nn_backend *b = nn_of(CR_CUDA);
      cr_nll_args a = {
          t,       30,   10, reinterpret_cast<int64_t *>(on_gpu(target.get())), on_gpu(&weight),
          IGNORED, true, 0};
      std::string wanted = text("target %lld is outside 1..10", (long long)((uint64_t)bad + 1));
      for (bool entropy : {false, true}) {
        bool ok = (entropy ? b->cross_entropy(&a, on_gpu(&loss), on_gpu(&lse), on_gpu(&x))
                           : b->nll(&a, on_gpu(&loss), on_gpu(&x))) &&
                  synchronize();
        check(!ok && strstr(cr_error(), wanted.c_str()), "a bad target: %s, wanted %s",
              ok ? "not refused" : cr_error(), wanted.c_str());
        check(synchronize(), "a refusal is told twice: %s", cr_error());
        ok = (entropy
                  ? b->cross_entropy_backward(&a, on_gpu(&gx), on_gpu(&g), on_gpu(&lse), on_gpu(&x))
                  : b->nll_backward(&a, on_gpu(&gx), on_gpu(&g))) &&
             synchronize();
        bytes got = memory_of({&gx}), zeros(10 * cr_sizeof(t));
        check(ok && !memcmp(got.data() + 170 * cr_sizeof(t), zeros.data(), zeros.size()),
              "the derivative of a bad target's row is not 0: %s", cr_error());
      }
    }
  }
}

/* ---- recurrent cells -------------------------------------------------------------------- */

static void compare_lstm(const cr_cell_shape &s, enum layout how, enum values kind) {
  int64_t n = s.rows * s.hidden;
  std::string what = text("LSTM cells of %s, %s", text_of(sizes{s.rows, s.hidden}).c_str(),
                          cr_dtypes[s.dtype].name);
  array gates(s.dtype, {4 * n}, how, kind), h(s.dtype, {n}, how), c(s.dtype, {n});
  array before(s.dtype, {n}, how, kind);
  both(what, ulps(s.dtype, 50, 1), {&gates, &h, &c}, {&before},
       [&](const cr_nn_backend *b, place p) {
         return b->lstm_cell(&s, p(&gates), p(&h), p(&c), p(&before));
       });
  array gh(s.dtype, {n}), gc(s.dtype, {n}, how), gg(s.dtype, {4 * n}), act(s.dtype, {4 * n}, how);
  /* Gates in -3 .. 3 make products near 100 that cancel. */
  both(what + ", backward", ulps(s.dtype, 200, 100), {&gg, &gc}, {&gh, &act, &c, &before},
       [&](const cr_nn_backend *b, place p) {
         return b->lstm_cell_backward(&s, p(&gg), p(&gc), p(&gh), p(&act), p(&c), p(&before));
       });
}

static void compare_gru(const cr_cell_shape &s, bool bias, enum layout how, enum values kind) {
  int64_t n = s.rows * s.hidden;
  std::string what = text("GRU cells of %s, %s", text_of(sizes{s.rows, s.hidden}).c_str(),
                          cr_dtypes[s.dtype].name);
  array gi(s.dtype, {3 * n}, how, kind), gh(s.dtype, {3 * n}), b3(s.dtype, {3 * s.hidden});
  array act(s.dtype, {4 * n}), h(s.dtype, {n}, how), before(s.dtype, {n}, how, kind);
  array *added = bias ? &b3 : NULL;
  both(what, ulps(s.dtype, 100, 1), {&act, &h}, {&gi, &gh, added, &before},
       [&](const cr_nn_backend *b, place p) {
         return b->gru_cell(&s, p(&act), p(&h), p(&gi), p(&gh), p(added), p(&before));
       });
  array g(s.dtype, {n}), ggi(s.dtype, {3 * n}), ggh(s.dtype, {3 * n}), gb(s.dtype, {n}, how);
  both(what + ", backward", ulps(s.dtype, 200, 1), {&ggi, &ggh, &gb}, {&g, &act, &before},
       [&](const cr_nn_backend *b, place p) {
         return b->gru_cell_backward(&s, p(&ggi), p(&ggh), p(&gb), p(&g), p(&act), p(&before));
       });
}

static void test_recurrent() {
  const int64_t shapes[][2] = {{0, 4}, {1, 1}, {1, 7}, {3, 128}, {5, 129}, {2, 1000}, {300, 3}};
  FOR_FLOATS(t) {
    for (const auto &s : shapes) {
      cr_cell_shape shape = {t, s[0], s[1]};
      compare_lstm(shape, DENSE, PLAIN);
      compare_lstm(shape, SHIFTED, SPECIAL);
      compare_gru(shape, true, DENSE, PLAIN);
      compare_gru(shape, false, SHIFTED, SPECIAL);
    }
  }
}

/* ---- dropout ---------------------------------------------------------------------------- */

static void compare_dropout(cr_dtype t, int64_t n, double p, bool in_place, enum layout how) {
  array x(t, {n}, how), y(t, {n}, how);
  uint64_t seed = random_bits(), offset = pick(0, 1) ? (uint64_t)pick(0, 1000) : UINT32_MAX - 5;
  array *from = in_place ? &y : &x;
  both(text("dropout %g of %lld, %s", p, (long long)n, cr_dtypes[t].name), EXACT, {&y}, {&x},
       [&](const cr_nn_backend *b, place at) {
         return b->dropout(t, n, at(&y), at(from), p, 1.25, seed, offset);
       });
}

static void test_dropout() {
  FOR_FLOATS(t) {
    for (int64_t n : {0, 1, 2, 3, 4, 5, 7, 255, 1025, 4099, 70000}) {
      for (double p : {0.0, 1e-10, 0.2, 0.5, 1.0}) {
        compare_dropout(t, n, p, false, DENSE);
        compare_dropout(t, n, p, true, SHIFTED);
      }
    }
  }
}

void test_nn() {
  test_softmax();
  test_attention();
  test_rotary();
  test_pool();
  test_pool_last();
  test_half_batch_norm();
  test_max_windows();
  test_resample();
  test_bags();
  test_batch_norm();
  test_layer_norm();
  test_classes();
  test_huber();
  test_refused_targets();
  test_ctc();
  test_recurrent();
  test_dropout();
}
