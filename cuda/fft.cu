/* fft.cu: Fourier transforms of lines, by cuFFT.
 *
 * cuFFT takes lines at equal distances whose numbers lie at equal distances.  Others are copied to
 * lines without gaps, or from there; so is the input of a transform to real numbers, which cuFFT
 * may overwrite.  Plans are kept, the last used ones of each thread. */
#include "cuda/library.h"

#include <optional>
#include <string.h>

#define THREADS 256

/* ---- moving numbers --------------------------------------------------------------------- */

/* Lines of `count` numbers, real or pairs; steps in bytes. */
struct lines {
  char *data;
  int64_t count, step, pair;
  bool real;
  int ndim;
  int64_t shape[CR_MAX_DIMS], stride[CR_MAX_DIMS];
};

/* Where number k of a line is. */
template <typename I> __device__ __forceinline__ char *place(const lines &l, I line, I k) {
  char *p = l.data + (int64_t)k * l.step;
  for (int d = 0; d < l.ndim; d++) {
    I size = (I)l.shape[d], rest = line / size;
    p += (int64_t)(line - rest * size) * l.stride[d];
    line = rest;
  }
  return p;
}

/* Copies all numbers, times `scale`.  half: they are the first half of the spectrum of n real
 * numbers, whose first and, for even n, last imaginary parts count as 0.  I holds how many numbers
 * there are. */
template <typename R, typename I>
__global__ void __launch_bounds__(THREADS)
    move_kernel(const __grid_constant__ lines out, const __grid_constant__ lines in, int64_t numel,
                R scale, bool half, int64_t n) {
  I count = (I)out.count;
  for (int64_t i = cr_thread(); i < numel; i += cr_threads()) {
    I line = (I)i / count, k = (I)i - line * count;
    const char *from = place(in, line, k);
    char *to = place(out, line, k);
    *reinterpret_cast<R *>(to) = scale * *reinterpret_cast<const R *>(from);
    if (out.real) continue;
    bool none = in.real || (half && (k == 0 || 2 * (int64_t)k == n));
    *reinterpret_cast<R *>(to + out.pair) =
        none ? 0 : scale * *reinterpret_cast<const R *>(from + in.pair);
  }
}

template <typename R>
static bool move(const lines &out, const lines &in, int64_t batch, const cr_fft_args *a,
                 double scale) {
  int64_t numel = batch * out.count;
  unsigned blocks = cr_blocks(numel, THREADS);
  bool half = a->kind == CR_FFT_REAL_OUT;
  return numel <= INT32_MAX ? cr_launch("fft", move_kernel<R, uint32_t>, blocks, THREADS, 0, out,
                                        in, numel, (R)scale, half, a->n)
                            : cr_launch("fft", move_kernel<R, uint64_t>, blocks, THREADS, 0, out,
                                        in, numel, (R)scale, half, a->n);
}

/* Operand 0 (out) or 1 of the loop. */
static lines lines_of(const cr_iter *it, const cr_fft_args *a, int side) {
  lines l;
  memset(&l, 0, sizeof l);
  bool halved = a->kind == (side == 0 ? CR_FFT_REAL_IN : CR_FFT_REAL_OUT);
  l.real = a->kind == (side == 0 ? CR_FFT_REAL_OUT : CR_FFT_REAL_IN);
  l.count = halved ? a->n / 2 + 1 : a->n;
  l.data = it->op[side].data;
  l.step = a->step[side];
  l.pair = a->pair[side];
  l.ndim = it->ndim;
  for (int d = 0; d < it->ndim; d++) {
    l.shape[d] = it->shape[d];
    l.stride[d] = it->op[side].stride[d];
  }
  return l;
}

/* Lines of the same numbers without gaps. */
static lines packed(const lines &like, int64_t batch, int64_t size) {
  lines l;
  memset(&l, 0, sizeof l);
  l.real = like.real;
  l.count = like.count;
  l.step = like.real ? size : 2 * size;
  l.pair = size;
  l.ndim = 1;
  l.shape[0] = batch;
  l.stride[0] = l.count * l.step;
  return l;
}

static size_t bytes_of(const lines &packed) {
  return (size_t)(packed.shape[0] * packed.stride[0]);
}

/* ---- what cuFFT takes ------------------------------------------------------------------- */

/* Distances in numbers: of one from the next in a line, of lines. */
struct layout {
  long long step, line;
};

/* Whether cuFFT can work on the lines where they are.  It wants reals aligned like pairs. */
static bool fits(const lines &l, int64_t size, layout *out) {
  int64_t unit = l.real ? size : 2 * size;
  if (reinterpret_cast<uintptr_t>(l.data) % (uintptr_t)(2 * size)) return false;
  if ((!l.real && l.pair != size) || l.step < unit || l.step % unit || l.ndim > 1) return false;
  out->step = l.step / unit;
  out->line = l.ndim ? l.stride[0] / unit : l.count * out->step;
  return l.ndim == 0 || (l.stride[0] >= unit && l.stride[0] % unit == 0);
}

/* ---- plans ------------------------------------------------------------------------------ */

#define MOST_PLANS 32

struct plan_key {
  int64_t device, type, n, batch;
  layout in, out;
};

struct plan {
  plan_key key;
  cufftHandle handle;
  size_t work;
  uint64_t used; /* when; 0: no plan */
};

/* The last used plans of a thread. */
struct plans {
  const cr_cufft *fft;
  plan at[MOST_PLANS];
  uint64_t clock;

  void drop(plan *p) {
    p->used = 0;
    (void)cudaSetDevice((int)p->key.device);
    fft->cufftDestroy(p->handle);
  }
  ~plans() {
    for (plan &p : at)
      if (p.used) drop(&p);
  }
};

static thread_local plans of_thread;

/* The place for a new plan: a free one, or that of the one not used for longest. */
static plan *oldest(const cr_cufft *fft) {
  plan *p = &of_thread.at[0];
  for (plan &q : of_thread.at)
    if (q.used < p->used) p = &q;
  of_thread.fft = fft;
  if (p->used) of_thread.drop(p);
  return cr_cuda_enter() ? p : NULL;
}

static cufftType type_of(const plan_key &k) {
  return (cufftType)k.type;
}

/* A plan gets its work space at each run, from our memory. */
static bool fill_plan(const cr_cufft *fft, const plan_key &k, const int64_t counts[2], plan *p) {
  long long n = k.n, in_count = counts[1], out_count = counts[0];
  return cr_cufft_ok(fft->cufftSetAutoAllocation(p->handle, 0), "cufftSetAutoAllocation") &&
         cr_cufft_ok(fft->cufftMakePlanMany64(p->handle, 1, &n, &in_count, k.in.step, k.in.line,
                                              &out_count, k.out.step, k.out.line, type_of(k),
                                              k.batch, &p->work),
                     "cufftMakePlanMany64");
}

/* counts: numbers in a line of the output, of the input. */
static plan *plan_for(const cr_cufft *fft, const plan_key &k, const int64_t counts[2]) {
  for (plan &p : of_thread.at) {
    if (!p.used || memcmp(&p.key, &k, sizeof k)) continue;
    p.used = ++of_thread.clock;
    return &p;
  }
  plan *p = oldest(fft);
  if (!p || !cr_cufft_ok(fft->cufftCreate(&p->handle), "cufftCreate")) return NULL;
  if (!fill_plan(fft, k, counts, p)) {
    fft->cufftDestroy(p->handle);
    return NULL;
  }
  p->key = k;
  p->used = ++of_thread.clock;
  return p;
}

/* ---- transforms ------------------------------------------------------------------------- */

static cufftType type_for(cr_fft_kind kind, bool wide) {
  switch (kind) {
  case CR_FFT_REAL_IN: return wide ? CUFFT_D2Z : CUFFT_R2C;
  case CR_FFT_REAL_OUT: return wide ? CUFFT_Z2D : CUFFT_C2R;
  default: return wide ? CUFFT_Z2Z : CUFFT_C2C;
  }
}

static cufftResult execute(const cr_cufft *fft, const plan *p, void *in, void *out, bool inverse) {
  int direction = inverse ? CUFFT_INVERSE : CUFFT_FORWARD;
  switch (type_of(p->key)) {
  case CUFFT_R2C:
    return fft->cufftExecR2C(p->handle, static_cast<cufftReal *>(in),
                             static_cast<cufftComplex *>(out));
  case CUFFT_C2R:
    return fft->cufftExecC2R(p->handle, static_cast<cufftComplex *>(in),
                             static_cast<cufftReal *>(out));
  case CUFFT_D2Z:
    return fft->cufftExecD2Z(p->handle, static_cast<cufftDoubleReal *>(in),
                             static_cast<cufftDoubleComplex *>(out));
  case CUFFT_Z2D:
    return fft->cufftExecZ2D(p->handle, static_cast<cufftDoubleComplex *>(in),
                             static_cast<cufftDoubleReal *>(out));
  case CUFFT_Z2Z:
    return fft->cufftExecZ2Z(p->handle, static_cast<cufftDoubleComplex *>(in),
                             static_cast<cufftDoubleComplex *>(out), direction);
  default:
    return fft->cufftExecC2C(p->handle, static_cast<cufftComplex *>(in),
                             static_cast<cufftComplex *>(out), direction);
  }
}

static bool transform(const lines &out, layout out_layout, const lines &in, layout in_layout,
                      int64_t batch, const cr_fft_args *a, bool wide) {
  const cr_cufft *fft = cr_open_cufft("a Fourier transform");
  if (!fft) return false;
  plan_key k;
  memset(&k, 0, sizeof k);
  k.device = cr_cuda_device();
  k.type = type_for(a->kind, wide);
  k.n = a->n;
  k.batch = batch;
  k.in = in_layout;
  k.out = out_layout;
  const int64_t counts[2] = {out.count, in.count};
  plan *p = plan_for(fft, k, counts);
  if (!p) return false;
  cr_scratch work(p->work ? p->work : 1);
  return work.p &&
         cr_cufft_ok(fft->cufftSetStream(p->handle, cr_cuda_stream()), "cufftSetStream") &&
         cr_cufft_ok(fft->cufftSetWorkArea(p->handle, work.p), "cufftSetWorkArea") &&
         cr_cufft_ok(execute(fft, p, in.data, out.data, a->inverse), "cufftExec") &&
         cr_cuda_launched("cufftExec");
}

/* The scale is applied where numbers are moved anyway. */
template <typename R> static bool run(const cr_iter *it, const cr_fft_args *a) {
  const int64_t size = sizeof(R), batch = it->numel;
  lines out = lines_of(it, a, 0), in = lines_of(it, a, 1);
  if (a->n == 1) return move<R>(out, in, batch, a, a->scale);
  layout in_layout, out_layout;
  double scale = a->scale;
  std::optional<cr_scratch> in_room, out_room;
  if (a->kind == CR_FFT_REAL_OUT || !fits(in, size, &in_layout)) {
    lines copy = packed(in, batch, size);
    in_room.emplace(bytes_of(copy));
    copy.data = in_room->as<char>();
    if (!copy.data || !move<R>(copy, in, batch, a, scale)) return false;
    scale = 1;
    in = copy;
    fits(in, size, &in_layout);
  }
  lines to = out;
  if (!fits(out, size, &out_layout)) {
    to = packed(out, batch, size);
    out_room.emplace(bytes_of(to));
    to.data = out_room->as<char>();
    if (!to.data) return false;
    fits(to, size, &out_layout);
  }
  if (!transform(to, out_layout, in, in_layout, batch, a, size == 8)) return false;
  return (scale == 1 && to.data == out.data) || move<R>(out, to, batch, a, scale);
}

static bool fft(const cr_iter *it, const cr_fft_args *a) {
  if (it->numel == 0) return true;
  return it->op[0].dtype == CR_FLOAT64 ? run<double>(it, a) : run<float>(it, a);
}

void cr_cuda_fill_fft(cr_backend *b) {
  b->fft = fft;
}
