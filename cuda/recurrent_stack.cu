/* recurrent_stack.cu: whole stacks of recurrent layers by cuDNN.
 *
 * cuDNN has the weights of all layers in one space, in an order of its own, so they are copied
 * there for each call, and their gradients back, by one kernel.  It keeps its gates in the order of
 * ours: i f g o and r z n. */
#include "cuda/library.h"

#include <limits.h>
#include <vector>

#define THREADS 256
#define CALL(name, ...) dnn.ok(dnn->name(__VA_ARGS__), #name)

/* The ways of the table. */
enum { PERSISTENT, STANDARD };

/* ---- descriptors ------------------------------------------------------------------------ */

static cudnnMathType_t math_of(cr_dtype t) {
  if (t == CR_FLOAT16 || t == CR_BFLOAT16) return CUDNN_TENSOR_OP_MATH;
  return t == CR_FLOAT32 && !cr_cuda_option(CR_OPTION_TF32) ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
}

static cudnnRNNMode_t mode_of(cr_recurrent_kind k) {
  return k == CR_LSTM       ? CUDNN_LSTM
         : k == CR_GRU      ? CUDNN_GRU
         : k == CR_RNN_RELU ? CUDNN_RNN_RELU
                            : CUDNN_RNN_TANH;
}

static int gates_of(cr_recurrent_kind k) {
  return k == CR_LSTM ? 4 : k == CR_GRU ? 3 : 1;
}

/* What one call works with. */
struct stack {
  cr_dnn dnn;
  const cr_stack_shape &s;
  int directions, lanes; /* lanes: layers in one direction each */
  int64_t out;
  cudnnRNNDescriptor_t rnn = NULL;
  cudnnDropoutDescriptor_t dropout = NULL;
  cudnnRNNDataDescriptor_t x = NULL, y = NULL;
  cudnnTensorDescriptor_t h = NULL, c = NULL;
  cudnnTensorDescriptor_t about = NULL; /* of a weight; what it says is known */
  size_t weight_bytes = 0, work_bytes = 0, kept_bytes = 0;

  explicit stack(const cr_stack_shape &shape)
      : dnn("a recurrent layer"), s(shape), directions(shape.both ? 2 : 1),
        lanes((int)shape.layers * directions), out(shape.project ? shape.project : shape.hidden) {}
  ~stack();
  stack(const stack &) = delete;
  stack &operator=(const stack &) = delete;
  bool make();
  bool describe_data();
  bool describe_states(cudnnTensorDescriptor_t d, int64_t width);
  bool describe(int way, bool *can);
};

stack::~stack() {
  if (rnn) dnn->cudnnDestroyRNNDescriptor(rnn);
  if (dropout) dnn->cudnnDestroyDropoutDescriptor(dropout);
  if (x) dnn->cudnnDestroyRNNDataDescriptor(x);
  if (y) dnn->cudnnDestroyRNNDataDescriptor(y);
  if (h) dnn->cudnnDestroyTensorDescriptor(h);
  if (c) dnn->cudnnDestroyTensorDescriptor(c);
  if (about) dnn->cudnnDestroyTensorDescriptor(about);
}

bool stack::make() {
  return CALL(cudnnCreateRNNDescriptor, &rnn) && CALL(cudnnCreateDropoutDescriptor, &dropout) &&
         CALL(cudnnCreateRNNDataDescriptor, &x) && CALL(cudnnCreateRNNDataDescriptor, &y) &&
         CALL(cudnnCreateTensorDescriptor, &h) && CALL(cudnnCreateTensorDescriptor, &c) &&
         CALL(cudnnCreateTensorDescriptor, &about);
}

/* How long each sequence is. */
static std::vector<int> lengths_of(const cr_stack_shape &s) {
  std::vector<int> length((size_t)s.batch, (int)s.steps);
  for (int64_t b = 0, t = s.steps; s.sizes && b < s.batch; b++) {
    while (t > 0 && s.sizes[t - 1] <= b) t--;
    length[(size_t)b] = (int)t;
  }
  return length;
}

bool stack::describe_data() {
  std::vector<int> length = lengths_of(s);
  cudnnDataType_t t = cr_dnn::type_of(s.dtype);
  cudnnRNNDataLayout_t layout =
      s.sizes ? CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED : CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED;
  return CALL(cudnnSetRNNDataDescriptor, x, t, layout, (int)s.steps, (int)s.batch, (int)s.in,
              length.data(), NULL) &&
         CALL(cudnnSetRNNDataDescriptor, y, t, layout, (int)s.steps, (int)s.batch,
              (int)out * directions, length.data(), NULL);
}

bool stack::describe_states(cudnnTensorDescriptor_t d, int64_t width) {
  const int size[3] = {lanes, (int)s.batch, (int)width};
  const int stride[3] = {(int)(s.batch * width), (int)width, 1};
  return CALL(cudnnSetTensorNdDescriptor, d, cr_dnn::type_of(s.dtype), 3, size, stride);
}

/* What a stack that cuDNN does not have comes to when it is described. */
static bool is_unknown(cudnnStatus_t s) {
  return cr_dnn::refuses(s) || (s >= 2000 && s < 3000);
}

/* *can is false where cuDNN refuses the stack. */
bool stack::describe(int way, bool *can) {
  cudnnDataType_t math = s.dtype == CR_FLOAT64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
  *can = false;
  /* A descriptor that drops nothing needs no states. */
  if (!CALL(cudnnSetDropoutDescriptor, dropout, dnn.handle, 0, NULL, 0, 0)) return false;
  cudnnStatus_t status = dnn->cudnnSetRNNDescriptor_v8(
      rnn, way == PERSISTENT ? CUDNN_RNN_ALGO_PERSIST_STATIC : CUDNN_RNN_ALGO_STANDARD,
      mode_of(s.kind), s.bias ? CUDNN_RNN_DOUBLE_BIAS : CUDNN_RNN_NO_BIAS,
      s.both ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
      cr_dnn::type_of(s.dtype), math, math_of(s.dtype), (int)s.in, (int)s.hidden, (int)out,
      (int)s.layers, dropout, s.sizes ? CUDNN_RNN_PADDED_IO_DISABLED : CUDNN_RNN_PADDED_IO_ENABLED);
  if (is_unknown(status)) return true;
  if (!dnn.ok(status, "cudnnSetRNNDescriptor_v8") || !describe_data() || !describe_states(h, out) ||
      !describe_states(c, s.hidden))
    return false;
  status = dnn->cudnnGetRNNTempSpaceSizes(
      dnn.handle, rnn, s.keep ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, x, &work_bytes,
      &kept_bytes);
  if (is_unknown(status)) return true;
  if (!dnn.ok(status, "cudnnGetRNNTempSpaceSizes")) return false;
  kept_bytes = !s.keep ? 0 : kept_bytes ? kept_bytes : 1;
  *can = true;
  return CALL(cudnnGetRNNWeightSpaceSize, dnn.handle, rnn, &weight_bytes);
}

/* ---- weights ---------------------------------------------------------------------------- */

/* What lies together both in our tensors and in cuDNN's space. */
struct piece {
  char *ours, *theirs;
  int64_t bytes;
};

/* The widest that a thread copies. */
struct alignas(16) sixteen {
  uint64_t words[2];
};

/* As many as go into one launch. */
struct pieces {
  piece at[64];
};
#define MOST_PIECES 64

/* A row of blocks for each piece. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    copy_pieces(const __grid_constant__ pieces p, bool to_ours) {
  const piece &q = p.at[blockIdx.y];
  const T *from = reinterpret_cast<const T *>(to_ours ? q.theirs : q.ours);
  T *to = reinterpret_cast<T *>(to_ours ? q.ours : q.theirs);
  int64_t n = q.bytes / (int64_t)sizeof(T);
  for (int64_t i = cr_thread(); i < n; i += cr_threads()) to[i] = from[i];
}

static bool copy_some(const pieces &p, int count, bool to_ours) {
  uintptr_t bits = 0;
  int64_t most = 0;
  for (int i = 0; i < count; i++) {
    const piece &q = p.at[i];
    bits |= (uintptr_t)q.ours | (uintptr_t)q.theirs | (uintptr_t)q.bytes;
    most = q.bytes > most ? q.bytes : most;
  }
  void (*kernel)(pieces, bool) = bits % 16 == 0  ? copy_pieces<sixteen>
                                 : bits % 8 == 0 ? copy_pieces<uint64_t>
                                 : bits % 4 == 0 ? copy_pieces<uint32_t>
                                                 : copy_pieces<uint16_t>;
  int64_t width = bits % 16 == 0 ? 16 : bits % 8 == 0 ? 8 : bits % 4 == 0 ? 4 : 2;
  dim3 grid(cr_blocks(most / width, THREADS, 256), (unsigned)count);
  return cr_launch("recurrent weights", kernel, grid, THREADS, 0, p, to_ours);
}

static bool copy_weights(const std::vector<piece> &all, bool to_ours) {
  for (size_t i = 0; i < all.size(); i += MOST_PIECES) {
    pieces p = {};
    int count = 0;
    for (; count < MOST_PIECES && i + (size_t)count < all.size(); count++)
      p.at[count] = all[i + (size_t)count];
    if (!copy_some(p, count, to_ours)) return false;
  }
  return true;
}

static void add_piece(std::vector<piece> *all, char *ours, void *theirs, int64_t bytes) {
  char *there = static_cast<char *>(theirs);
  if (!all->empty()) {
    piece &last = all->back();
    if (last.ours + last.bytes == ours && last.theirs + last.bytes == there) {
      last.bytes += bytes;
      return;
    }
  }
  all->push_back({ours, there, bytes});
}

/* The matrix, or the bias, of a linear layer of cuDNN's. */
static bool find_weight(const stack &k, void *space, int lane, int id, bool bias, void **where) {
  const cr_dnn &dnn = k.dnn;
  *where = NULL;
  if (!CALL(cudnnGetRNNWeightParams, dnn.handle, k.rnn, lane, k.weight_bytes, space, id,
            bias ? NULL : k.about, bias ? NULL : where, bias ? k.about : NULL, bias ? where : NULL))
    return false;
  return *where || cr_fail("cudnnGetRNNWeightParams: there is no weight %d", id);
}

/* w: the tensors of one lane, NULL where nothing is to be copied. */
static bool find_lane(const stack &k, void *space, int lane, void *const *w,
                      std::vector<piece> *all) {
  int gates = gates_of(k.s.kind), size = (int)cr_sizeof(k.s.dtype), kinds = k.s.bias ? 4 : 2;
  int64_t in = lane < k.directions ? k.s.in : k.out * k.directions, hidden = k.s.hidden;
  const int64_t width[4] = {in, k.out, 1, 1};
  void *where;
  for (int kind = 0; kind < kinds; kind++)
    for (int gate = 0; w[kind] && gate < gates; gate++) {
      int64_t bytes = hidden * width[kind] * size;
      if (!find_weight(k, space, lane, kind % 2 * gates + gate, kind >= 2, &where)) return false;
      add_piece(all, static_cast<char *>(w[kind]) + gate * bytes, where, bytes);
    }
  if (!k.s.project || !w[kinds]) return true;
  if (!find_weight(k, space, lane, 2 * gates, false, &where)) return false;
  add_piece(all, static_cast<char *>(w[kinds]), where, k.s.project * hidden * size);
  return true;
}

static bool find_pieces(const stack &k, void *space, void *const *w, std::vector<piece> *all) {
  int each = (k.s.bias ? 4 : 2) + (k.s.project ? 1 : 0);
  for (int lane = 0; lane < k.lanes; lane++)
    if (!find_lane(k, space, lane, w + lane * each, all)) return false;
  return true;
}

static bool zero(void *p, size_t bytes) {
  return cr_cuda_ok(cudaMemsetAsync(p, 0, bytes, cr_cuda_stream()), "cudaMemsetAsync");
}

/* Fills cuDNN's space; what is between the weights becomes zero. */
static bool give_weights(const stack &k, void *space, const void *const *w) {
  std::vector<piece> all;
  size_t sum = 0;
  if (!find_pieces(k, space, const_cast<void *const *>(w), &all)) return false;
  for (const piece &p : all) sum += (size_t)p.bytes;
  return (sum == k.weight_bytes || zero(space, k.weight_bytes)) && copy_weights(all, false);
}

/* ---- the entries ------------------------------------------------------------------------ */

/* What the numbers of cuDNN's functions can hold. */
static bool is_small(const cr_stack_shape &s) {
  int64_t width = s.in > 2 * s.hidden ? s.in : 2 * s.hidden;
  return s.steps <= INT_MAX && s.layers <= INT_MAX / 2 && width <= INT_MAX / 8 &&
         s.batch <= INT_MAX / width && s.steps <= INT_MAX / s.batch;
}

/* Of a card that is large enough for persistent kernels. */
#ifdef CR_CUDA_EMULATION
#define MANY_PROCESSORS 1
#else
#define MANY_PROCESSORS 98
#endif

/* Where kernels that keep the weights in registers are known to be the faster ones: one layer in
 * one direction of half types, up to 128 sequences of one length. */
static bool wants_persistent(const cr_stack_shape &s) {
  int major = 0, processors = 0;
  if (s.dtype != CR_FLOAT16 || s.sizes || s.project || s.both || s.layers != 1 ||
      s.kind == CR_GRU || s.hidden > 1024 || s.hidden % 128 || s.in % 128 || s.batch % 8 ||
      s.batch > 128 || (s.kind != CR_LSTM && s.batch >= 96 && s.hidden >= 896))
    return false;
  (void)cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, cr_cuda_device());
  (void)cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, cr_cuda_device());
  return major >= 8 && processors >= MANY_PROCESSORS;
}

/* cuDNN does not promise the same bits in every run, and takes a projection for none that keeps the
 * size. */
static bool may_do(const cr_stack_shape &s, int way) {
  return !cr_cuda_option(CR_OPTION_DETERMINISTIC) && is_small(s) && s.project < s.hidden &&
         (way == STANDARD || wants_persistent(s));
}

static bool finished(const stack &k, cudnnStatus_t status, const char *name, bool *done) {
  *done = false;
  if (cr_dnn::refuses(status)) return true;
  *done = k.dnn.ok(status, name) && cr_cuda_launched(name);
  return *done;
}

/* In cuDNN's space; kept: what the forward leaves for the backward. */
static bool run_described(const stack &k, const cr_stack_data *d, void *kept, bool *done) {
  bool lstm = k.s.kind == CR_LSTM;
  cr_scratch weights(k.weight_bytes), room(k.work_bytes);
  if (!weights.p || !room.p || !give_weights(k, weights.p, d->w)) return false;
  cudnnStatus_t status = k.dnn->cudnnRNNForward(
      k.dnn.handle, k.rnn, k.s.keep ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, NULL, k.x,
      d->x, k.y, d->y, k.h, d->h0, d->h, lstm ? k.c : NULL, d->c0, d->c, k.weight_bytes, weights.p,
      k.work_bytes, room.p, k.kept_bytes, kept);
  return finished(k, status, "cudnnRNNForward", done);
}

static bool run_forward(const cr_stack_shape *s, int way, const cr_stack_data *d, bool *done) {
  bool can;
  *done = false;
  if (!may_do(*s, way)) return true;
  stack k(*s);
  if (!k.dnn.handle) return true; /* it goes without cuDNN */
  if (!k.make() || !k.describe(way, &can)) return false;
  if (!can) return true;
  void *kept = s->keep ? d->make_kept(d->user, k.kept_bytes) : NULL;
  return (kept || !s->keep) && run_described(k, d, kept, done);
}

/* What is added to cuDNN's gradients goes to our tensors. */
static bool weight_gradients(const stack &k, const cr_stack_data *d, void *const *gw,
                             const cr_scratch &room, bool *done) {
  cr_scratch space(k.weight_bytes);
  std::vector<piece> all;
  if (!space.p || !zero(space.p, k.weight_bytes) || !find_pieces(k, space.p, gw, &all))
    return false;
  cudnnStatus_t status = k.dnn->cudnnRNNBackwardWeights_v8(
      k.dnn.handle, k.rnn, CUDNN_WGRAD_MODE_ADD, NULL, k.x, d->x, k.h, d->h0, k.y, d->y,
      k.weight_bytes, space.p, k.work_bytes, room.p, d->kept_bytes, d->kept);
  if (!finished(k, status, "cudnnRNNBackwardWeights_v8", done)) return false;
  return !*done || copy_weights(all, true);
}

static bool run_backward(const cr_stack_shape *s, int way, const cr_stack_data *d,
                         const cr_stack_gradients *g, bool *done) {
  stack k(*s);
  bool can, lstm = s->kind == CR_LSTM;
  *done = false;
  if (!k.dnn.handle || !k.make() || !k.describe(way, &can)) return false;
  if (!can || k.kept_bytes != d->kept_bytes) return true;
  cr_scratch weights(k.weight_bytes), room(k.work_bytes);
  if (!weights.p || !room.p || !give_weights(k, weights.p, d->w)) return false;
  cudnnStatus_t status = k.dnn->cudnnRNNBackwardData_v8(
      k.dnn.handle, k.rnn, NULL, k.y, d->y, g->gy, k.x, g->gx, k.h, d->h0, g->gh, g->gh0,
      lstm ? k.c : NULL, d->c0, g->gc, g->gc0, k.weight_bytes, weights.p, k.work_bytes, room.p,
      d->kept_bytes, d->kept);
  if (!finished(k, status, "cudnnRNNBackwardData_v8", done)) return false;
  return !*done || !g->gw || weight_gradients(k, d, g->gw, room, done);
}

void cr_cuda_fill_recurrent_stack(cr_nn_backend *b) {
  b->halves |= CR_HALF_RECURRENT;
  b->stack = run_forward;
  b->stack_backward = run_backward;
}
