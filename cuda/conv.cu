/* conv.cu: convolutions by cuDNN.
 *
 * cuDNN has several algorithms for each.  Which to take is found out once for each shape, by its
 * heuristics or (CR_OPTION_BENCHMARK) by trying; all that could do it are kept, because the best
 * one may want more work space than there is.  The descriptors of a shape are kept with them. */
#include "cuda/conv.h"
#include "cuda/library.h"

#include <limits.h>
#include <memory>
#include <string.h>
#include <unordered_map>

#define MOST_RESULTS 16 /* that cuDNN is asked for */
#define MOST_CHOICES 6  /* that are kept */
#define MOST_SHAPES 1024

/* ---- one convolution -------------------------------------------------------------------- */

enum direction { FORWARD, BY_INPUT, BY_WEIGHT };

/* out = the sums, or (add) out + the sums.  Of x, y and w two are read; forward, so is the bias,
 * unless it is NULL. */
struct convolution {
  cr_conv2d_shape s;
  bool add;
  void *x, *y, *w;
  const void *bias;
};

struct descriptors {
  const cr_cudnn *dnn; /* the functions, which stay */
  cudnnTensorDescriptor_t x = NULL, y = NULL, bias = NULL;
  cudnnFilterDescriptor_t w = NULL;
  cudnnConvolutionDescriptor_t how = NULL;
  cudnnActivationDescriptor_t none = NULL; /* no function after the bias */

  explicit descriptors(const cr_dnn &d) : dnn(d.functions) {}
  ~descriptors() {
    if (x) dnn->cudnnDestroyTensorDescriptor(x);
    if (y) dnn->cudnnDestroyTensorDescriptor(y);
    if (bias) dnn->cudnnDestroyTensorDescriptor(bias);
    if (w) dnn->cudnnDestroyFilterDescriptor(w);
    if (how) dnn->cudnnDestroyConvolutionDescriptor(how);
    if (none) dnn->cudnnDestroyActivationDescriptor(none);
  }
  descriptors(const descriptors &) = delete;
  descriptors &operator=(const descriptors &) = delete;
  bool make(const cr_dnn &d);
  bool set(const cr_dnn &d, const cr_conv2d_shape &s);
};

bool descriptors::make(const cr_dnn &dnn) {
  for (cudnnTensorDescriptor_t *t : {&x, &y, &bias})
    if (!dnn.ok(dnn->cudnnCreateTensorDescriptor(t), "cudnnCreateTensorDescriptor")) return false;
  return dnn.ok(dnn->cudnnCreateActivationDescriptor(&none), "cudnnCreateActivationDescriptor") &&
         dnn.ok(dnn->cudnnCreateFilterDescriptor(&w), "cudnnCreateFilterDescriptor") &&
         dnn.ok(dnn->cudnnCreateConvolutionDescriptor(&how), "cudnnCreateConvolutionDescriptor");
}

/* That of sums. */
static cudnnDataType_t sums_of(cr_dtype t) {
  return t == CR_FLOAT64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
}

static bool is_half(cr_dtype t) {
  return t == CR_FLOAT16 || t == CR_BFLOAT16;
}

static cudnnTensorFormat_t order_of(const cr_conv2d_shape &s) {
  return s.channels_last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
}

bool descriptors::set(const cr_dnn &dnn, const cr_conv2d_shape &s) {
  const cr_conv2d_args &a = s.args;
  cudnnDataType_t t = cr_dnn::type_of(s.dtype);
  cudnnTensorFormat_t order = order_of(s);
  auto images = [&](cudnnTensorDescriptor_t d, int64_t n, int64_t c, int64_t h, int64_t w) {
    return dnn.ok(dnn->cudnnSetTensor4dDescriptor(d, order, t, (int)n, (int)c, (int)h, (int)w),
                  "cudnnSetTensor4dDescriptor");
  };
  return images(x, s.n, s.c, s.h, s.w) && images(y, s.n, s.o, s.oh, s.ow) &&
         images(bias, 1, s.o, 1, 1) &&
         dnn.ok(dnn->cudnnSetFilter4dDescriptor(w, t, order, (int)s.o, (int)(s.c / a.groups),
                                                (int)s.kh, (int)s.kw),
                "cudnnSetFilter4dDescriptor") &&
         dnn.ok(dnn->cudnnSetConvolution2dDescriptor(how, (int)a.pad[0], (int)a.pad[1],
                                                     (int)a.stride[0], (int)a.stride[1],
                                                     (int)a.dilation[0], (int)a.dilation[1],
                                                     CUDNN_CROSS_CORRELATION, sums_of(s.dtype)),
                "cudnnSetConvolution2dDescriptor") &&
         dnn.ok(dnn->cudnnSetConvolutionGroupCount(how, (int)a.groups),
                "cudnnSetConvolutionGroupCount") &&
         dnn.ok(dnn->cudnnSetActivationDescriptor(none, CUDNN_ACTIVATION_IDENTITY,
                                                  CUDNN_PROPAGATE_NAN, 0),
                "cudnnSetActivationDescriptor");
}

/* Factors 1 and 0 as cuDNN wants them. */
struct factor {
  float narrow;
  double wide;
  const void *of(cr_dtype t) const {
    return t == CR_FLOAT64 ? (const void *)&wide : (const void *)&narrow;
  }
};
static const factor one = {1, 1}, zero = {0, 0};

/* ---- the three of them ------------------------------------------------------------------ */

/* How each direction's functions are called: what cuDNN suggests, what it measures, a run. */
template <enum direction D> struct calls;

template <> struct calls<FORWARD> {
  typedef cudnnConvolutionFwdAlgoPerf_t result;
  static cudnnStatus_t suggest(const cr_dnn &n, const descriptors &d, int *count, result *r) {
    return n->cudnnGetConvolutionForwardAlgorithm_v7(n.handle, d.x, d.w, d.how, d.y, MOST_RESULTS,
                                                     count, r);
  }
  static cudnnStatus_t measure(const cr_dnn &n, const descriptors &d, const convolution &c,
                               int *count, result *r, void *room, size_t bytes) {
    return n->cudnnFindConvolutionForwardAlgorithmEx(n.handle, d.x, c.x, d.w, c.w, d.how, d.y, c.y,
                                                     MOST_RESULTS, count, r, room, bytes);
  }
  static cudnnStatus_t run(const cr_dnn &n, const descriptors &d, const convolution &c,
                           int algorithm, void *room, size_t bytes) {
    cr_dtype t = c.s.dtype;
    return n->cudnnConvolutionForward(n.handle, one.of(t), d.x, c.x, d.w, c.w, d.how,
                                      (cudnnConvolutionFwdAlgo_t)algorithm, room, bytes,
                                      (c.add ? one : zero).of(t), d.y, c.y);
  }
};

template <> struct calls<BY_INPUT> {
  typedef cudnnConvolutionBwdDataAlgoPerf_t result;
  static cudnnStatus_t suggest(const cr_dnn &n, const descriptors &d, int *count, result *r) {
    return n->cudnnGetConvolutionBackwardDataAlgorithm_v7(n.handle, d.w, d.y, d.how, d.x,
                                                          MOST_RESULTS, count, r);
  }
  static cudnnStatus_t measure(const cr_dnn &n, const descriptors &d, const convolution &c,
                               int *count, result *r, void *room, size_t bytes) {
    return n->cudnnFindConvolutionBackwardDataAlgorithmEx(n.handle, d.w, c.w, d.y, c.y, d.how, d.x,
                                                          c.x, MOST_RESULTS, count, r, room, bytes);
  }
  static cudnnStatus_t run(const cr_dnn &n, const descriptors &d, const convolution &c,
                           int algorithm, void *room, size_t bytes) {
    cr_dtype t = c.s.dtype;
    return n->cudnnConvolutionBackwardData(n.handle, one.of(t), d.w, c.w, d.y, c.y, d.how,
                                           (cudnnConvolutionBwdDataAlgo_t)algorithm, room, bytes,
                                           (c.add ? one : zero).of(t), d.x, c.x);
  }
};

template <> struct calls<BY_WEIGHT> {
  typedef cudnnConvolutionBwdFilterAlgoPerf_t result;
  static cudnnStatus_t suggest(const cr_dnn &n, const descriptors &d, int *count, result *r) {
    return n->cudnnGetConvolutionBackwardFilterAlgorithm_v7(n.handle, d.x, d.y, d.how, d.w,
                                                            MOST_RESULTS, count, r);
  }
  static cudnnStatus_t measure(const cr_dnn &n, const descriptors &d, const convolution &c,
                               int *count, result *r, void *room, size_t bytes) {
    return n->cudnnFindConvolutionBackwardFilterAlgorithmEx(
        n.handle, d.x, c.x, d.y, c.y, d.how, d.w, c.w, MOST_RESULTS, count, r, room, bytes);
  }
  static cudnnStatus_t run(const cr_dnn &n, const descriptors &d, const convolution &c,
                           int algorithm, void *room, size_t bytes) {
    cr_dtype t = c.s.dtype;
    return n->cudnnConvolutionBackwardFilter(n.handle, one.of(t), d.x, c.x, d.y, c.y, d.how,
                                             (cudnnConvolutionBwdFilterAlgo_t)algorithm, room,
                                             bytes, (c.add ? one : zero).of(t), d.w, c.w);
  }
};

static const char *name_of(enum direction d) {
  return d == FORWARD    ? "cudnnConvolutionForward"
         : d == BY_INPUT ? "cudnnConvolutionBackwardData"
                         : "cudnnConvolutionBackwardFilter";
}

/* ---- which algorithm -------------------------------------------------------------------- */

struct choice {
  int algorithm;
  cudnnMathType_t math;
  size_t memory;
};

/* The best first. */
struct choices {
  int count;
  choice at[MOST_CHOICES];
};

/* All bytes count, so it is zeroed before it is filled. */
struct key {
  int64_t device, direction, options, dtype, channels_last;
  int64_t size[9];
  cr_conv2d_args args;
  bool operator==(const key &k) const { return memcmp(this, &k, sizeof k) == 0; }
};

struct key_hash {
  size_t operator()(const key &k) const {
    int64_t words[sizeof(key) / sizeof(int64_t)];
    memcpy(words, &k, sizeof words);
    uint64_t h = 0;
    for (int64_t w : words) h = (h ^ (uint64_t)w) * 0x9e3779b97f4a7c15u, h ^= h >> 29;
    return (size_t)h;
  }
};

static key key_of(enum direction d, const cr_conv2d_shape &s, bool timed) {
  key k;
  memset(&k, 0, sizeof k);
  k.device = cr_cuda_device();
  k.direction = d;
  k.options =
      cr_cuda_option(CR_OPTION_TF32) | cr_cuda_option(CR_OPTION_DETERMINISTIC) << 1 | timed << 2;
  k.dtype = s.dtype;
  k.channels_last = s.channels_last;
  const int64_t size[9] = {s.n, s.c, s.h, s.w, s.o, s.kh, s.kw, s.oh, s.ow};
  memcpy(k.size, size, sizeof size);
  k.args = s.args;
  return k;
}

/* Whether the tensor cores may take factors of that type: of half types they lose nothing. */
static bool may_be_fast(cr_dtype t) {
  return is_half(t) || cr_cuda_option(CR_OPTION_TF32);
}

template <typename R> static choices keep(cr_dtype dtype, const R *results, int count) {
  choices c = {};
  bool same_bits = cr_cuda_option(CR_OPTION_DETERMINISTIC), fast = may_be_fast(dtype);
  for (int i = 0; i < count && c.count < MOST_CHOICES; i++) {
    if (results[i].status != CUDNN_STATUS_SUCCESS) continue;
    if (same_bits && results[i].determinism != CUDNN_DETERMINISTIC) continue;
    c.at[c.count++] = {(int)results[i].algo, fast ? results[i].mathType : CUDNN_FMA_MATH,
                       results[i].memory};
  }
  return c;
}

/* Runs them all with the most work space that any wants, or with less if there is not so much. */
template <enum direction D>
static cudnnStatus_t measure(const cr_dnn &dnn, const descriptors &d, const convolution &c,
                             typename calls<D>::result *results, int *count) {
  size_t most = 0;
  for (int i = 0; i < *count; i++)
    if (results[i].status == CUDNN_STATUS_SUCCESS && results[i].memory > most)
      most = results[i].memory;
  for (;; most = most > 1024 ? most / 4 : 0) {
    std::optional<cr_scratch> room;
    if (most) room.emplace(most);
    if (room && !room->p) continue;
    return calls<D>::measure(dnn, d, c, count, results, room ? room->p : NULL, most);
  }
}

/* None at all when cuDNN refuses the shape. */
template <enum direction D>
static bool find(const cr_dnn &dnn, const descriptors &d, const convolution &c, bool timed,
                 choices *out) {
  typename calls<D>::result results[MOST_RESULTS];
  int count = 0;
  cr_dtype dtype = c.s.dtype;
  cudnnMathType_t math = is_half(dtype)       ? CUDNN_TENSOR_OP_MATH
                         : may_be_fast(dtype) ? CUDNN_DEFAULT_MATH
                                              : CUDNN_FMA_MATH;
  *out = choices();
  if (!dnn.ok(dnn->cudnnSetConvolutionMathType(d.how, math), "cudnnSetConvolutionMathType"))
    return false;
  cudnnStatus_t status = calls<D>::suggest(dnn, d, &count, results);
  if (cr_dnn::refuses(status)) return true;
  if (!dnn.ok(status, "cudnnGetConvolutionAlgorithm")) return false;
  *out = keep(dtype, results, count);
  if (!timed) return true;
  status = measure<D>(dnn, d, c, results, &count);
  if (cr_dnn::refuses(status)) return true;
  if (!dnn.ok(status, "cudnnFindConvolutionAlgorithm")) return false;
  *out = keep(dtype, results, count);
  return true;
}

/* What is known of a shape. */
struct plan {
  descriptors d;
  choices all;
  bool no_fused_bias = false; /* cuDNN has refused it */
  explicit plan(const cr_dnn &dnn) : d(dnn) {}
};

/* Of this thread.  Measuring writes to the result, so that a sum cannot be measured. */
template <enum direction D> static plan *plan_for(const cr_dnn &dnn, const convolution &c) {
  static thread_local std::unordered_map<key, std::unique_ptr<plan>, key_hash> known;
  bool timed = cr_cuda_option(CR_OPTION_BENCHMARK) && !c.add;
  key k = key_of(D, c.s, timed);
  auto at = known.find(k);
  if (at != known.end()) return at->second.get();
  std::unique_ptr<plan> p(new plan(dnn));
  if (!p->d.make(dnn) || !p->d.set(dnn, c.s) || !find<D>(dnn, p->d, c, timed, &p->all)) return NULL;
  if (known.size() >= MOST_SHAPES) known.clear();
  return (known[k] = std::move(p)).get();
}

/* ---- running --------------------------------------------------------------------------- */

/* y += bias */
static bool add_bias(const cr_dnn &dnn, const descriptors &d, const convolution &c) {
  cr_dtype t = c.s.dtype;
  return dnn.ok(dnn->cudnnAddTensor(dnn.handle, one.of(t), d.bias, c.bias, one.of(t), d.y, c.y),
                "cudnnAddTensor") &&
         cr_cuda_launched("cudnnAddTensor");
}

/* The sums and the bias in one step.  Of the algorithms one alone can do that when no function
 * follows. */
static cudnnStatus_t run_with_bias(const cr_dnn &dnn, plan *p, const convolution &c,
                                   const choice &how, void *room) {
  const descriptors &d = p->d;
  cr_dtype t = c.s.dtype;
  if (p->no_fused_bias || how.algorithm != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM)
    return CUDNN_STATUS_NOT_SUPPORTED;
  cudnnStatus_t status = dnn->cudnnConvolutionBiasActivationForward(
      dnn.handle, one.of(t), d.x, c.x, d.w, c.w, d.how, (cudnnConvolutionFwdAlgo_t)how.algorithm,
      room, how.memory, zero.of(t), d.y, c.y, d.bias, c.bias, d.none, d.y, c.y);
  p->no_fused_bias = cr_dnn::refuses(status);
  return status;
}

template <enum direction D>
static bool run_choice(const cr_dnn &dnn, plan *p, const convolution &c, const choice &how,
                       void *room, bool *done) {
  const char *name = name_of(D);
  cudnnStatus_t status = CUDNN_STATUS_NOT_SUPPORTED;
  bool together = false;
  if (D == FORWARD && c.bias) {
    status = run_with_bias(dnn, p, c, how, room);
    together = !cr_dnn::refuses(status);
    if (together) name = "cudnnConvolutionBiasActivationForward";
  }
  if (!together) status = calls<D>::run(dnn, p->d, c, how.algorithm, room, how.memory);
  *done = !cr_dnn::refuses(status);
  if (!*done) return true;
  return dnn.ok(status, name) && cr_cuda_launched(name) &&
         (together || !c.bias || add_bias(dnn, p->d, c));
}

/* Runs the best algorithm for which there is memory; none: *done is false. */
template <enum direction D>
static bool run_chosen(const cr_dnn &dnn, const convolution &c, bool *done) {
  plan *p = plan_for<D>(dnn, c);
  *done = false;
  if (!p) return false;
  for (int i = 0; i < p->all.count && !*done; i++) {
    const choice &best = p->all.at[i];
    std::optional<cr_scratch> room;
    if (best.memory) room.emplace(best.memory);
    if (room && !room->p) continue;
    if (!dnn.ok(dnn->cudnnSetConvolutionMathType(p->d.how, best.math),
                "cudnnSetConvolutionMathType") ||
        !run_choice<D>(dnn, p, c, best, room ? room->p : NULL, done))
      return false;
  }
  return true;
}

/* ---- in pieces -------------------------------------------------------------------------- */

static bool is_int(int64_t x) {
  return x <= INT_MAX;
}

/* How many images cuDNN takes at once: it counts elements with 31 bits.  0: it cannot at all. */
static int64_t images_at_once(const cr_conv2d_shape &s) {
  double in = (double)s.c * (double)s.h * (double)s.w;
  double out = (double)s.o * (double)s.oh * (double)s.ow;
  double weights = (double)s.o * (double)(s.c / s.args.groups) * (double)s.kh * (double)s.kw;
  double most = in > out ? in : out;
  for (int d = 0; d < 2; d++)
    if (!is_int(s.args.pad[d]) || !is_int(s.args.stride[d]) || !is_int(s.args.dilation[d]))
      return 0;
  if (in < 1 || out < 1 || weights < 1 || most > INT_MAX || weights > INT_MAX) return 0;
  return (int64_t)((double)INT_MAX / most);
}

/* Images n0 .. n0+count-1 of c. */
static convolution piece(const convolution &c, enum direction d, int64_t n0, int64_t count) {
  convolution p = c;
  int64_t size = (int64_t)cr_sizeof(c.s.dtype);
  p.s.n = count;
  p.x = static_cast<char *>(c.x) + n0 * c.s.c * c.s.h * c.s.w * size;
  p.y = static_cast<char *>(c.y) + n0 * c.s.o * c.s.oh * c.s.ow * size;
  p.add = d == BY_WEIGHT && n0 > 0;
  return p;
}

/* *done: by cuDNN.  It refuses all pieces or none but for want of memory, so the whole is begun
 * again then. */
template <enum direction D> static bool by_cudnn(const convolution &c, bool *done) {
  int64_t most = images_at_once(c.s);
  *done = false;
  if (most == 0) return true;
  cr_dnn dnn("a convolution");
  if (!dnn.handle) return false;
  for (int64_t n0 = 0; n0 < c.s.n; n0 += most) {
    convolution p = piece(c, D, n0, n0 + most < c.s.n ? most : c.s.n - n0);
    if (!run_chosen<D>(dnn, p, done)) return false;
    if (!*done) return true;
  }
  return true;
}

/* ---- channels that are turned ----------------------------------------------------------- */

#define TILE 32
#define ROWS 8

/* out[m][c][r] = in[m][r][c], tile by tile. */
template <typename T>
__global__ void __launch_bounds__(TILE *ROWS)
    turn_kernel(T *out, const T *in, int64_t rows, int64_t columns, int64_t across, int64_t each,
                int64_t tiles) {
  CR_SHARED(T, tile, TILE * (TILE + 1));
  for (int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    int64_t m = t / each, place = t - m * each, r0 = place / across * TILE,
            c0 = place % across * TILE, begin = m * rows * columns;
    for (int i = threadIdx.y; i < TILE; i += ROWS) {
      int64_t r = r0 + i, c = c0 + threadIdx.x;
      if (r < rows && c < columns) tile[i * (TILE + 1) + threadIdx.x] = in[begin + r * columns + c];
    }
    __syncthreads();
    for (int i = threadIdx.y; i < TILE; i += ROWS) {
      int64_t c = c0 + i, r = r0 + threadIdx.x;
      if (r < rows && c < columns) out[begin + c * rows + r] = tile[threadIdx.x * (TILE + 1) + i];
    }
    __syncthreads();
  }
}

template <typename T>
static bool turn_of(void *out, const void *in, int64_t count, int64_t rows, int64_t columns) {
  int64_t across = (columns + TILE - 1) / TILE, each = (rows + TILE - 1) / TILE * across;
  return cr_launch("a convolution", turn_kernel<T>, cr_blocks(count * each, 1), dim3(TILE, ROWS), 0,
                   static_cast<T *>(out), static_cast<const T *>(in), rows, columns, across, each,
                   count * each);
}

/* `count` matrices of rows by columns, turned. */
static bool turn(cr_dtype t, void *out, const void *in, int64_t count, int64_t rows,
                 int64_t columns) {
  return cr_sizeof(t) == 2 ? turn_of<uint16_t>(out, in, count, rows, columns)
                           : turn_of<uint32_t>(out, in, count, rows, columns);
}

/* An array whose channels are innermost, in the usual order. */
struct usual {
  cr_dtype dtype;
  void *last;
  int64_t count, channels, places;
  cr_scratch room;
  usual(cr_dtype t, void *p, int64_t n, int64_t c, int64_t each)
      : dtype(t), last(p), count(n), channels(c), places(each),
        room((size_t)(n * c * each) * cr_sizeof(t)) {}
  bool take() const { return turn(dtype, room.p, last, count, places, channels); }
  bool give() const { return turn(dtype, last, room.p, count, channels, places); }
};

/* For the shapes that cuDNN does only in the usual order. */
template <enum direction D> static bool in_usual_order(const convolution &c, bool *done) {
  const cr_conv2d_shape &s = c.s;
  usual x(s.dtype, c.x, s.n, s.c, s.h * s.w), y(s.dtype, c.y, s.n, s.o, s.oh * s.ow);
  usual w(s.dtype, c.w, s.o, s.c / s.args.groups, s.kh * s.kw);
  const usual &made = D == FORWARD ? y : D == BY_INPUT ? x : w;
  convolution p = c;
  p.s.channels_last = false;
  p.x = x.room.p, p.y = y.room.p, p.w = w.room.p;
  if (!p.x || !p.y || !p.w) return true; /* too little memory: without cuDNN */
  for (const usual *u : {&x, &y, &w})
    if (u != &made && !u->take()) return false;
  return by_cudnn<D>(p, done) && (!*done || made.give());
}

/* *done: by cuDNN, in whichever order it has. */
template <enum direction D> static bool by_any_order(const convolution &c, bool *done) {
  if (!by_cudnn<D>(c, done)) return false;
  return *done || !c.s.channels_last || images_at_once(c.s) == 0 || in_usual_order<D>(c, done);
}

/* The tables' pointers are const where they are read. */
static void *given(const void *p) {
  return const_cast<void *>(p);
}

static bool conv2d(const cr_conv2d_shape *s, void *y, const void *x, const void *w,
                   const void *bias) {
  convolution c = {*s, false, given(x), y, given(w), bias};
  bool done;
  if (s->n == 0 || s->o == 0) return true;
  if (!by_any_order<FORWARD>(c, &done)) return false;
  return done || cr_conv_direct(s, y, x, w, bias);
}

static bool conv2d_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w) {
  convolution c = {*s, false, gx, given(gy), given(w), NULL};
  bool done;
  if (s->n == 0 || s->c == 0) return true;
  if (!by_any_order<BY_INPUT>(c, &done)) return false;
  return done || cr_conv_direct_input(s, gx, gy, w);
}

static bool conv2d_weight(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x) {
  convolution c = {*s, false, given(x), given(gy), gw, NULL};
  bool done = false;
  if (s->n > 0 && !by_any_order<BY_WEIGHT>(c, &done)) return false;
  return done || cr_conv_direct_weight(s, gw, gy, x);
}

void cr_cuda_fill_conv(cr_nn_backend *b) {
  b->halves |= CR_HALF_CONV;
  b->conv2d = conv2d;
  b->conv2d_input = conv2d_input;
  b->conv2d_weight = conv2d_weight;
  b->sum_middle = cr_cuda_sum_middle;
}
