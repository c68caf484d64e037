/* libraries_fft.cc: Fourier transforms beside the CPU's. */
#include "tests/cuda/libraries.h"

#include <math.h>

/* An array of lines (outer, inner, count) of real numbers or pairs, its dimensions in any order in
 * memory; strides in elements, the last that of a pair. */
struct lines {
  int64_t shape[4], stride[4], elements, first;
};

/* A line along the last dimension in memory when plain. */
static lines lay_out(int64_t outer, int64_t inner, int64_t count, bool real, bool plain) {
  lines l = {{outer, inner, count, real ? 1 : 2}, {}, 1, 0};
  int order[4] = {3, 2, 1, 0}; /* innermost first */
  for (int i = 3; i > 0 && !plain; i--) std::swap(order[i], order[pick(0, i)]);
  if (!plain && pick(0, 1)) /* the pair inside, so that cuFFT might take it */
    for (int i = 0; i < 4; i++)
      if (order[i] == 3) std::swap(order[0], order[i]);
  int64_t step = 1;
  for (int d : order) {
    l.stride[d] = step;
    step *= l.shape[d];
    if (!plain && d != 3 && pick(0, 3) == 0) step += pick(1, 3);
  }
  l.first = plain ? 0 : pick(0, 2); /* 1: reals are not aligned like pairs */
  l.elements = step + l.first;
  return l;
}

static void add_dimension(cr_iter *it, const lines &out, const lines &in, int d, int64_t size) {
  if (out.shape[d] == 1) return;
  it->shape[it->ndim] = out.shape[d];
  it->op[0].stride[it->ndim] = out.stride[d] * size;
  it->op[1].stride[it->ndim++] = in.stride[d] * size;
}

struct transform {
  cr_iter it;
  cr_fft_args a;
};

static transform make(cr_dtype t, const cr_fft_args &a, const lines &out, const lines &in, char *to,
                      char *from) {
  int64_t size = (int64_t)cr_sizeof(t);
  transform f = {};
  f.a = a;
  f.a.step[0] = out.stride[2] * size, f.a.step[1] = in.stride[2] * size;
  f.a.pair[0] = out.stride[3] * size, f.a.pair[1] = in.stride[3] * size;
  f.it.nops = 2;
  f.it.numel = out.shape[0] * out.shape[1];
  f.it.op[0].data = to + out.first * size;
  f.it.op[1].data = from + in.first * size;
  f.it.op[0].dtype = f.it.op[1].dtype = t;
  bool inner_first = out.stride[1] < out.stride[0];
  add_dimension(&f.it, out, in, inner_first ? 1 : 0, size);
  add_dimension(&f.it, out, in, inner_first ? 0 : 1, size);
  return f;
}

/* All of the output's memory is compared, so that nothing is written between the numbers. */
static void compare(cr_dtype t, cr_fft_args a, const lines &out, const lines &in) {
  bytes from = random_elements(t, in.elements), to = random_elements(t, out.elements);
  device_copy df(from), dt(to);
  transform f = make(t, a, out, in, static_cast<char *>(dt.p), static_cast<char *>(df.p));
  bool ok = gpu_backend()->fft(&f.it, &f.a);
  bytes kept = df.get();
  f = make(t, a, out, in, to.data(), from.data());
  cpu_backend()->fft(&f.it, &f.a);
  double error = difference(t, out.elements, dt.get().data(), to.data());
  check(
      ok && error <= precision(t) * 100 && kept == from,
      "fft of %s, kind %d, %lld numbers, %lld x %lld lines, out %lld %lld %lld %lld, in %lld %lld "
      "%lld %lld: %s (%g)",
      cr_dtypes[t].name, (int)a.kind, (long long)a.n, (long long)out.shape[0],
      (long long)out.shape[1], (long long)out.stride[0], (long long)out.stride[1],
      (long long)out.stride[2], (long long)out.stride[3], (long long)in.stride[0],
      (long long)in.stride[1], (long long)in.stride[2], (long long)in.stride[3],
      ok ? "wrong" : cr_error(), error);
}

static void random_transform(cr_dtype t, cr_fft_kind kind) {
  static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 12, 17, 31, 64, 101};
  cr_fft_args a = {};
  a.kind = kind;
  a.n = sizes[pick(0, 11)];
  a.inverse = kind == CR_FFT_REAL_OUT || (kind == CR_FFT_COMPLEX && pick(0, 1));
  a.scale = pick(0, 1) ? 1 : uniform();
  int64_t outer = pick(0, 9) ? pick(1, 3) : 0, inner = pick(0, 1) ? 1 : pick(1, 4);
  int64_t half = a.n / 2 + 1;
  bool plain_out = pick(0, 1), plain_in = pick(0, 1);
  lines out = lay_out(outer, inner, kind == CR_FFT_REAL_IN ? half : a.n, kind == CR_FFT_REAL_OUT,
                      plain_out);
  lines in =
      lay_out(outer, inner, kind == CR_FFT_REAL_OUT ? half : a.n, kind == CR_FFT_REAL_IN, plain_in);
  if (pick(0, 7) == 0) in.stride[0] = 0; /* an expanded input */
  compare(t, a, out, in);
}

/* More lengths than plans are kept, twice. */
static void test_many_plans() {
  for (int64_t i = 0; i < 80; i++) {
    cr_fft_args a = {CR_FFT_COMPLEX, false, 2 + i % 40, 1, {}, {}};
    lines l = lay_out(1, 1, a.n, false, true);
    compare(CR_FLOAT32, a, l, l);
  }
}

static void test_short_memory() {
  cr_fft_args a = {CR_FFT_COMPLEX, false, 8, 1, {}, {}};
  lines l = lay_out(1, 1, 8, false, true);
  bytes x = random_elements(CR_FLOAT32, 16);
  device_copy from(x), to(x);
  transform f = make(CR_FLOAT32, a, l, l, static_cast<char *>(to.p), static_cast<char *>(from.p));
  scratch_limit = 16;
  check(!gpu_backend()->fft(&f.it, &f.a), "fft without memory");
  scratch_limit = SIZE_MAX;
  compare(CR_FLOAT32, a, l, l);
}

void test_fft() {
  for (cr_dtype t : {CR_FLOAT32, CR_FLOAT64})
    for (cr_fft_kind kind : {CR_FFT_COMPLEX, CR_FFT_REAL_IN, CR_FFT_REAL_OUT})
      for (int i = 0; i < 120; i++) random_transform(t, kind);
  test_many_plans();
  test_short_memory();
}
