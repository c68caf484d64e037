/* cudnn.cc: a fake of cuDNN's convolutions.
 *
 * Three algorithms are offered for each: the first is fast and wants work space (for the
 * derivatives it also adds up in an order of its own at each call), the second always works, the
 * third never. */
#include "cudnn_parts.h"
#include "tensor/half.h"

#define MAGIC 0x43444e4eu

struct cudnnFilterStruct {
  cudnnDataType_t type;
  int size[4]; /* outputs, inputs of a group, h, w */
  cudnnTensorFormat_t format;
};
struct cudnnActivationStruct {
  bool set;
  cudnnActivationMode_t mode;
};
struct cudnnConvolutionStruct {
  int pad[2], stride[2], dilation[2], groups;
  cudnnDataType_t type;
  cudnnMathType_t math;
};

static thread_local const char *trouble = "";

cudnnStatus_t cr_cudnn_fail(cudnnStatus_t status, const char *why) {
  trouble = why;
  return status;
}

static cudnnStatus_t fail(cudnnStatus_t status, const char *why) {
  return cr_cudnn_fail(status, why);
}

static bool is_half(cudnnDataType_t t) {
  return t == CUDNN_DATA_HALF || t == CUDNN_DATA_BFLOAT16;
}

/* ---- handles and descriptors ------------------------------------------------------------ */

bool cr_cudnn_usable(cudnnHandle_t h) {
  return fake::is_current(h, MAGIC);
}

static bool usable(cudnnHandle_t h) {
  return cr_cudnn_usable(h);
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) {
  if (!handle) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  *handle = fake::make<cudnnContext>(MAGIC);
  return *handle ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_INITIALIZED;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t h) {
  if (!usable(h)) return CUDNN_STATUS_NOT_INITIALIZED;
  fake::unmake(h);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t h, cudaStream_t stream) {
  if (!usable(h)) return CUDNN_STATUS_NOT_INITIALIZED;
  h->base.stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

const char *cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
#define NAME(status)                                                                               \
  case status: return #status;
    NAME(CUDNN_STATUS_SUCCESS)
    NAME(CUDNN_STATUS_NOT_INITIALIZED)
    NAME(CUDNN_STATUS_BAD_PARAM)
    NAME(CUDNN_STATUS_BAD_PARAM_NULL_POINTER)
    NAME(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH)
    NAME(CUDNN_STATUS_NOT_SUPPORTED)
    NAME(CUDNN_STATUS_INTERNAL_ERROR)
    NAME(CUDNN_STATUS_ALLOC_FAILED)
    NAME(CUDNN_STATUS_EXECUTION_FAILED)
#undef NAME
  }
  return "unknown";
}

void cudnnGetLastErrorString(char *message, size_t size) {
  if (size) strncpy(message, trouble, size - 1)[size - 1] = 0;
}

template <typename D> static cudnnStatus_t create(D **out) {
  if (!out) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  *out = static_cast<D *>(calloc(1, sizeof(D)));
  return *out ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_ALLOC_FAILED;
}

template <typename D> static cudnnStatus_t destroy(D *d) {
  free(d);
  return CUDNN_STATUS_SUCCESS;
}

template <typename D>
static cudnnStatus_t set_sizes(D *d, cudnnTensorFormat_t format, cudnnDataType_t type, int a, int b,
                               int c, int e) {
  if (!d) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (format != CUDNN_TENSOR_NCHW && format != CUDNN_TENSOR_NHWC)
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "the format");
  if (type != CUDNN_DATA_FLOAT && type != CUDNN_DATA_DOUBLE && !is_half(type))
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "the type");
  const int size[4] = {a, b, c, e};
  for (int i = 0; i < 4; i++)
    if (size[i] < 1) return fail(CUDNN_STATUS_BAD_PARAM, "a size");
  /* The real one counts the elements of a tensor with 32 bits. */
  if ((double)a * b * c * e > 2147483647.0) return fail(CUDNN_STATUS_NOT_SUPPORTED, "too large");
  d->type = type;
  d->format = format;
  memcpy(d->size, size, sizeof size);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *d) {
  return create(d);
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t d) {
  return destroy(d);
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  return set_sizes(d, format, type, n, c, h, w);
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *d) {
  return create(d);
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t d) {
  return destroy(d);
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  return set_sizes(d, format, type, k, c, h, w);
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *d) {
  return create(d);
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t d) {
  return destroy(d);
}

cudnnStatus_t cudnnCreateActivationDescriptor(cudnnActivationDescriptor_t *d) {
  return create(d);
}
cudnnStatus_t cudnnDestroyActivationDescriptor(cudnnActivationDescriptor_t d) {
  return destroy(d);
}
cudnnStatus_t cudnnSetActivationDescriptor(cudnnActivationDescriptor_t d,
                                           cudnnActivationMode_t mode, cudnnNanPropagation_t,
                                           double) {
  if (!d) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  *d = {true, mode};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int pad_h, int pad_w,
                                              int u, int v, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t type) {
  if (!d) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (pad_h < 0 || pad_w < 0 || u < 1 || v < 1 || dilation_h < 1 || dilation_w < 1)
    return fail(CUDNN_STATUS_BAD_PARAM, "a padding, stride or dilation");
  if (mode != CUDNN_CROSS_CORRELATION) return fail(CUDNN_STATUS_NOT_SUPPORTED, "the mode");
  *d = {{pad_h, pad_w}, {u, v}, {dilation_h, dilation_w}, 1, type, CUDNN_DEFAULT_MATH};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t d, int groups) {
  if (!d || groups < 1) return fail(CUDNN_STATUS_BAD_PARAM, "the groups");
  d->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t d, cudnnMathType_t math) {
  if (!d || math < CUDNN_DEFAULT_MATH || math > CUDNN_FMA_MATH)
    return fail(CUDNN_STATUS_BAD_PARAM, "the math type");
  d->math = math;
  return CUDNN_STATUS_SUCCESS;
}

/* ---- what all three convolutions share -------------------------------------------------- */

struct convolution {
  const cudnnTensorStruct *x, *y;
  const cudnnFilterStruct *w;
  const cudnnConvolutionStruct *how;
};

/* Of half types the real one also has sums in float16, which nothing here asks for. */
static cudnnDataType_t sums_of(cudnnDataType_t t) {
  return t == CUDNN_DATA_DOUBLE ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
}

static cudnnStatus_t check(cudnnHandle_t h, const convolution &c) {
  if (!usable(h)) return CUDNN_STATUS_NOT_INITIALIZED;
  if (!c.x || !c.y || !c.w || !c.how) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (c.x->type != c.y->type || c.x->type != c.w->type)
    return fail(CUDNN_STATUS_BAD_PARAM, "the types differ");
  if (c.x->format != c.y->format || c.x->format != c.w->format)
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "the formats differ");
  if (c.how->type != sums_of(c.x->type)) return fail(CUDNN_STATUS_NOT_SUPPORTED, "type of sums");
  int groups = c.how->groups;
  if (c.x->size[0] != c.y->size[0] || c.x->size[1] != c.w->size[1] * groups ||
      c.y->size[1] != c.w->size[0] || c.w->size[0] % groups)
    return fail(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "channels, groups or images");
  for (int d = 0; d < 2; d++) {
    int64_t seen = (int64_t)c.how->dilation[d] * (c.w->size[2 + d] - 1) + 1;
    int64_t room = c.x->size[2 + d] + 2 * (int64_t)c.how->pad[d] - seen;
    if (room < 0 || room / c.how->stride[d] + 1 != c.y->size[2 + d])
      return fail(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "height or width");
  }
  return CUDNN_STATUS_SUCCESS;
}

static size_t element(cudnnDataType_t t) {
  return t == CUDNN_DATA_DOUBLE ? 8 : is_half(t) ? 2 : 4;
}

/* Of a factor: alpha, beta. */
static size_t factor_size(cudnnDataType_t t) {
  return t == CUDNN_DATA_DOUBLE ? 8 : 4;
}

template <typename D> static size_t bytes_of(const D *d) {
  return (size_t)d->size[0] * d->size[1] * d->size[2] * d->size[3] * element(d->type);
}

static bool in_device(const convolution &c, const void *x, const void *y, const void *w) {
  size_t align = element(c.x->type);
  return fake::in_device(x, bytes_of(c.x), align) && fake::in_device(y, bytes_of(c.y), align) &&
         fake::in_device(w, bytes_of(c.w), align);
}

/* The algorithms, by their numbers in cuDNN: forward 1, 0, 2; derivatives 0, 1, 2. */
static const int order[2][3] = {{1, 0, 2}, {0, 1, 2}};

static size_t space_of(const convolution &c, bool backward, int algorithm) {
  return algorithm == order[backward][0] ? bytes_of(c.y) + 100 : 0;
}

template <typename A, typename P>
static void describe(const convolution &c, bool backward, int place, P *p) {
  int algorithm = order[backward][place];
  *p = P();
  p->algo = (A)algorithm;
  p->status = place == 2 ? CUDNN_STATUS_NOT_SUPPORTED : CUDNN_STATUS_SUCCESS;
  p->time = place == 2 ? -1 : (float)(place + 1);
  p->memory = space_of(c, backward, algorithm);
  p->determinism = backward && place == 0 ? CUDNN_NON_DETERMINISTIC : CUDNN_DETERMINISTIC;
  p->mathType = c.how->math == CUDNN_FMA_MATH ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH;
}

template <typename A, typename P>
static cudnnStatus_t offer(cudnnHandle_t h, const convolution &c, bool backward, int most,
                           int *count, P *results) {
  cudnnStatus_t status = check(h, c);
  if (status) return status;
  if (most < 1 || !count || !results) return fail(CUDNN_STATUS_BAD_PARAM, "no room for results");
  *count = most < 3 ? most : 3;
  for (int i = 0; i < *count; i++) describe<A>(c, backward, i, &results[i]);
  return CUDNN_STATUS_SUCCESS;
}

/* The same, as if each had been tried: the result is overwritten, and those that want more work
 * space than there is have failed.  The slowest comes out as the fastest. */
template <typename A, typename P>
static cudnnStatus_t try_all(cudnnHandle_t h, const convolution &c, bool backward, int most,
                             int *count, P *results, void *space, size_t bytes, void *out,
                             size_t out_bytes) {
  cudnnStatus_t status = offer<A>(h, c, backward, most, count, results);
  if (status) return status;
  if (!fake::in_device(space, bytes, 1) || !fake::in_device(out, out_bytes, 4))
    return fail(CUDNN_STATUS_EXECUTION_FAILED, "memory of the host");
  memset(out, 0xff, out_bytes);
  fake::spoil(space, bytes);
  for (int i = 0; i < *count; i++) {
    if (results[i].memory <= bytes) continue;
    results[i].status = CUDNN_STATUS_ALLOC_FAILED;
    results[i].time = -1;
  }
  if (*count < 2) return CUDNN_STATUS_SUCCESS;
  P first = results[0];
  results[0] = results[1];
  results[1] = first;
  return CUDNN_STATUS_SUCCESS;
}

/* What must hold for algorithm to run. */
static cudnnStatus_t check_run(cudnnHandle_t h, const convolution &c, bool backward, int algorithm,
                               const void *alpha, const void *beta, void *space, size_t bytes,
                               bool device) {
  cudnnStatus_t status = check(h, c);
  if (status) return status;
  if (algorithm != order[backward][0] && algorithm != order[backward][1])
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "the algorithm");
  size_t number = factor_size(c.x->type);
  if (!fake::in_host(alpha, number) || !fake::in_host(beta, number))
    return fail(CUDNN_STATUS_BAD_PARAM, "alpha or beta");
  size_t needed = space_of(c, backward, algorithm);
  if (bytes < needed || (needed && !space))
    return fail(CUDNN_STATUS_BAD_PARAM, "the work space is too small");
  if (!device || !fake::in_device(space, bytes, 1))
    return fail(CUDNN_STATUS_EXECUTION_FAILED, "memory of the host");
  fake::spoil(space, bytes);
  return CUDNN_STATUS_SUCCESS;
}

/* ---- the sums --------------------------------------------------------------------------- */

static double number(cudnnDataType_t t, const void *p) {
  return t == CUDNN_DATA_DOUBLE ? *static_cast<const double *>(p) : *static_cast<const float *>(p);
}

struct half {
  uint16_t bits;
};
struct brain {
  uint16_t bits;
};

static double get(double v) {
  return v;
}
static double get(float v) {
  return v;
}
static double get(half v) {
  return cr_f16_to_float(v.bits);
}
static double get(brain v) {
  return cr_bf16_to_float(v.bits);
}

static void put(double *p, double v) {
  *p = v;
}
static void put(float *p, double v) {
  *p = (float)v;
}
static void put(half *p, double v) {
  p->bits = cr_float_to_f16((float)v);
}
static void put(brain *p, double v) {
  p->bits = cr_float_to_bf16((float)v);
}

/* f(zero of the type of elements). */
template <typename F> static void by_type(cudnnDataType_t t, const F &f) {
  switch (t) {
  case CUDNN_DATA_DOUBLE: return f(0.0);
  case CUDNN_DATA_HALF: return f(half());
  case CUDNN_DATA_BFLOAT16: return f(brain());
  default: return f(0.0f);
  }
}

/* Factors on tensor cores have 10 bits of fraction, as a float16 has. */
template <typename T> static double factor(const convolution *c, T value) {
  double v = get(value);
  if (c->how->math == CUDNN_FMA_MATH || sizeof(T) != 4) return v;
  return cr_bits_float((cr_float_bits((float)v) + 0x1000u) & 0xffffe000u);
}

template <typename D>
static int64_t place_of(const D *d, int64_t a, int64_t b, int64_t h, int64_t w) {
  const int *s = d->size;
  if (d->format == CUDNN_TENSOR_NHWC) return ((a * s[2] + h) * s[3] + w) * s[1] + b;
  return ((a * s[1] + b) * s[2] + h) * s[3] + w;
}

/* Calls f(x's place, y's place, w's place) for every product there is. */
template <typename F> static void each_product(const convolution &c, F f) {
  const int *x = c.x->size, *y = c.y->size, *w = c.w->size;
  int per_group = w[0] / c.how->groups;
  for (int n = 0; n < y[0]; n++)
    for (int o = 0; o < y[1]; o++)
      for (int p = 0; p < y[2]; p++)
        for (int q = 0; q < y[3]; q++)
          for (int i = 0; i < w[1]; i++)
            for (int r = 0; r < w[2]; r++)
              for (int s = 0; s < w[3]; s++) {
                int64_t row =
                    (int64_t)p * c.how->stride[0] - c.how->pad[0] + (int64_t)r * c.how->dilation[0];
                int64_t col =
                    (int64_t)q * c.how->stride[1] - c.how->pad[1] + (int64_t)s * c.how->dilation[1];
                if (row < 0 || row >= x[2] || col < 0 || col >= x[3]) continue;
                int64_t channel = o / per_group * w[1] + i;
                f(place_of(c.x, n, channel, row, col), place_of(c.y, n, o, p, q),
                  place_of(c.w, o, i, r, s));
              }
}

enum result { TO_Y, TO_X, TO_W };

/* out = alpha * (sum of a b) + beta * out; `noise` changes the order of additions. */
template <typename T>
static void sum_up(const convolution &c, enum result to, const T *a, const T *b, T *out,
                   int64_t count, double alpha, double beta, double noise) {
  double *sum = static_cast<double *>(calloc((size_t)count, sizeof(double)));
  if (!sum) return;
  each_product(c, [&](int64_t x, int64_t y, int64_t w) {
    int64_t ia = to == TO_X ? y : x, ib = to == TO_W ? y : w;
    sum[to == TO_Y ? y : to == TO_X ? x : w] += factor(&c, a[ia]) * factor(&c, b[ib]);
  });
  for (int64_t i = 0; i < count; i++) {
    double s = alpha * sum[i] * (1 + noise);
    put(&out[i], beta == 0 ? s : s + beta * get(out[i]));
  }
  free(sum);
}

/* The descriptors of a call may be gone when a graph repeats it. */
struct kept_convolution {
  cudnnTensorStruct x, y;
  cudnnFilterStruct w;
  cudnnConvolutionStruct how;
  explicit kept_convolution(const convolution &c) : x(*c.x), y(*c.y), w(*c.w), how(*c.how) {}
  convolution get() const { return {&x, &y, &w, &how}; }
};

static cudnnStatus_t run(cudnnHandle_t h, const convolution &c, enum result to, const void *alpha,
                         const void *beta, const void *a, const void *b, void *out, bool noisy) {
  static int calls;
  cudnnDataType_t t = c.x->type;
  size_t bytes = to == TO_Y ? bytes_of(c.y) : to == TO_X ? bytes_of(c.x) : bytes_of(c.w);
  int64_t count = (int64_t)(bytes / element(t));
  double s = number(t, alpha), u = number(t, beta);
  double noise = noisy ? (calls++ % 2 ? 2e-7 : -2e-7) : 0;
  fake::run_or_keep(h->base, "cudnnConvolution", [=, kept = kept_convolution(c)] {
    by_type(t, [&](auto zero) {
      typedef decltype(zero) T;
      sum_up(kept.get(), to, static_cast<const T *>(a), static_cast<const T *>(b),
             static_cast<T *>(out), count, s, u, sizeof(T) == 8 ? noise * 1e-8 : noise);
    });
  });
  return CUDNN_STATUS_SUCCESS;
}

/* ---- the calls -------------------------------------------------------------------------- */

typedef cudnnHandle_t H;
typedef cudnnTensorDescriptor_t TD;
typedef cudnnFilterDescriptor_t FD;
typedef cudnnConvolutionDescriptor_t CD;

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(H h, TD x, FD w, CD how, TD y, int most,
                                                     int *count,
                                                     cudnnConvolutionFwdAlgoPerf_t *results) {
  return offer<cudnnConvolutionFwdAlgo_t>(h, {x, y, w, how}, false, most, count, results);
}

cudnnStatus_t cudnnFindConvolutionForwardAlgorithmEx(H h, TD x, const void *, FD w, const void *,
                                                     CD how, TD y, void *out, int most, int *count,
                                                     cudnnConvolutionFwdAlgoPerf_t *results,
                                                     void *space, size_t bytes) {
  cr_emulation_device device("cudnnFindConvolutionForwardAlgorithmEx");
  return try_all<cudnnConvolutionFwdAlgo_t>(h, {x, y, w, how}, false, most, count, results, space,
                                            bytes, out, y ? bytes_of(y) : 0);
}

cudnnStatus_t cudnnConvolutionForward(H h, const void *alpha, TD x, const void *px, FD w,
                                      const void *pw, CD how, cudnnConvolutionFwdAlgo_t algorithm,
                                      void *space, size_t bytes, const void *beta, TD y, void *py) {
  cr_emulation_device device("cudnnConvolutionForward");
  convolution c = {x, y, w, how};
  cudnnStatus_t status = check_run(h, c, false, algorithm, alpha, beta, space, bytes,
                                   x && y && w && in_device(c, px, py, pw));
  return status ? status : run(h, c, TO_Y, alpha, beta, px, pw, py, false);
}

cudnnStatus_t
cudnnGetConvolutionBackwardDataAlgorithm_v7(H h, FD w, TD y, CD how, TD x, int most, int *count,
                                            cudnnConvolutionBwdDataAlgoPerf_t *results) {
  return offer<cudnnConvolutionBwdDataAlgo_t>(h, {x, y, w, how}, true, most, count, results);
}

cudnnStatus_t cudnnFindConvolutionBackwardDataAlgorithmEx(
    H h, FD w, const void *, TD y, const void *, CD how, TD x, void *out, int most, int *count,
    cudnnConvolutionBwdDataAlgoPerf_t *results, void *space, size_t bytes) {
  cr_emulation_device device("cudnnFindConvolutionBackwardDataAlgorithmEx");
  return try_all<cudnnConvolutionBwdDataAlgo_t>(h, {x, y, w, how}, true, most, count, results,
                                                space, bytes, out, x ? bytes_of(x) : 0);
}

cudnnStatus_t cudnnConvolutionBackwardData(H h, const void *alpha, FD w, const void *pw, TD y,
                                           const void *py, CD how,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void *space,
                                           size_t bytes, const void *beta, TD x, void *px) {
  cr_emulation_device device("cudnnConvolutionBackwardData");
  convolution c = {x, y, w, how};
  cudnnStatus_t status = check_run(h, c, true, algorithm, alpha, beta, space, bytes,
                                   x && y && w && in_device(c, px, py, pw));
  bool noisy = algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_0;
  return status ? status : run(h, c, TO_X, alpha, beta, py, pw, px, noisy);
}

cudnnStatus_t
cudnnGetConvolutionBackwardFilterAlgorithm_v7(H h, TD x, TD y, CD how, FD w, int most, int *count,
                                              cudnnConvolutionBwdFilterAlgoPerf_t *results) {
  return offer<cudnnConvolutionBwdFilterAlgo_t>(h, {x, y, w, how}, true, most, count, results);
}

cudnnStatus_t cudnnFindConvolutionBackwardFilterAlgorithmEx(
    H h, TD x, const void *, TD y, const void *, CD how, FD w, void *out, int most, int *count,
    cudnnConvolutionBwdFilterAlgoPerf_t *results, void *space, size_t bytes) {
  cr_emulation_device device("cudnnFindConvolutionBackwardFilterAlgorithmEx");
  return try_all<cudnnConvolutionBwdFilterAlgo_t>(h, {x, y, w, how}, true, most, count, results,
                                                  space, bytes, out, w ? bytes_of(w) : 0);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(H h, const void *alpha, TD x, const void *px, TD y,
                                             const void *py, CD how,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void *space,
                                             size_t bytes, const void *beta, FD w, void *pw) {
  cr_emulation_device device("cudnnConvolutionBackwardFilter");
  convolution c = {x, y, w, how};
  cudnnStatus_t status = check_run(h, c, true, algorithm, alpha, beta, space, bytes,
                                   x && y && w && in_device(c, px, py, pw));
  bool noisy = algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0;
  return status ? status : run(h, c, TO_W, alpha, beta, px, py, pw, noisy);
}

/* ---- the bias --------------------------------------------------------------------------- */

template <typename T>
static void add(const cudnnTensorStruct *a, const T *pa, const cudnnTensorStruct *c, T *pc,
                double alpha, double beta) {
  for (int n = 0; n < c->size[0]; n++)
    for (int i = 0; i < c->size[1]; i++)
      for (int h = 0; h < c->size[2]; h++)
        for (int w = 0; w < c->size[3]; w++) {
          int at[4] = {n, i, h, w};
          int64_t place = place_of(c, n, i, h, w);
          for (int d = 0; d < 4; d++)
            if (a->size[d] == 1) at[d] = 0;
          int64_t from = place_of(a, at[0], at[1], at[2], at[3]);
          put(&pc[place], alpha * get(pa[from]) + (beta == 0 ? 0 : beta * get(pc[place])));
        }
}

cudnnStatus_t cudnnAddTensor(H h, const void *alpha, TD a, const void *pa, const void *beta, TD c,
                             void *pc) {
  cr_emulation_device device("cudnnAddTensor");
  if (!usable(h)) return CUDNN_STATUS_NOT_INITIALIZED;
  if (!a || !c) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (a->type != c->type) return fail(CUDNN_STATUS_BAD_PARAM, "the types differ");
  for (int d = 0; d < 4; d++)
    if (a->size[d] != 1 && a->size[d] != c->size[d])
      return fail(CUDNN_STATUS_NOT_SUPPORTED, "the sizes");
  size_t align = element(a->type);
  if (!fake::in_host(alpha, factor_size(a->type)) || !fake::in_host(beta, factor_size(a->type)))
    return fail(CUDNN_STATUS_BAD_PARAM, "alpha or beta");
  if (!fake::in_device(pa, bytes_of(a), align) || !fake::in_device(pc, bytes_of(c), align))
    return fail(CUDNN_STATUS_EXECUTION_FAILED, "memory of the host");
  double s = number(a->type, alpha), u = number(a->type, beta);
  fake::run_or_keep(h->base, "cudnnAddTensor", [=, from = *a, to = *c] {
    by_type(from.type, [&](auto zero) {
      typedef decltype(zero) T;
      add(&from, static_cast<const T *>(pa), &to, static_cast<T *>(pc), s, u);
    });
  });
  return CUDNN_STATUS_SUCCESS;
}

/* ---- sums and bias together -------------------------------------------------------------- */

/* What the real one wants of the bias, of z and of the function. */
static cudnnStatus_t check_epilogue(const convolution &c, cudnnConvolutionFwdAlgo_t algorithm, TD z,
                                    TD bias, cudnnActivationDescriptor_t f) {
  if (!z || !bias || !f || !f->set) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (memcmp(z->size, c.y->size, sizeof z->size) || z->type != c.y->type ||
      z->format != c.y->format)
    return fail(CUDNN_STATUS_BAD_PARAM, "z is not like y");
  const int *b = bias->size;
  if (bias->type != c.y->type || b[0] != 1 || b[1] != c.y->size[1] || b[2] != 1 || b[3] != 1)
    return fail(CUDNN_STATUS_BAD_PARAM, "the bias");
  if (f->mode != CUDNN_ACTIVATION_IDENTITY)
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "the function is not answered here");
  if (algorithm != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM)
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "the algorithm has no identity");
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnConvolutionBiasActivationForward(
    H h, const void *alpha, TD x, const void *px, FD w, const void *pw, CD how,
    cudnnConvolutionFwdAlgo_t algorithm, void *space, size_t bytes, const void *alpha2, TD z,
    const void *pz, TD bias, const void *pbias, cudnnActivationDescriptor_t f, TD y, void *py) {
  cr_emulation_device device("cudnnConvolutionBiasActivationForward");
  convolution c = {x, y, w, how};
  cudnnStatus_t status = check_run(h, c, false, algorithm, alpha, alpha2, space, bytes,
                                   x && y && w && in_device(c, px, py, pw));
  if (!status) status = check_epilogue(c, algorithm, z, bias, f);
  if (status) return status;
  if (number(x->type, alpha2) != 0 && pz != py)
    return fail(CUDNN_STATUS_NOT_SUPPORTED, "another z is not answered here");
  if (!fake::in_device(pbias, bytes_of(bias), element(bias->type)))
    return fail(CUDNN_STATUS_EXECUTION_FAILED, "memory of the host");
  const float narrow = 1;
  const double wide = 1;
  const void *unit = x->type == CUDNN_DATA_DOUBLE ? (const void *)&wide : (const void *)&narrow;
  status = run(h, c, TO_Y, alpha, alpha2, px, pw, py, false);
  return status ? status : cudnnAddTensor(h, unit, bias, pbias, unit, y, py);
}
