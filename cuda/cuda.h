/* cuda.h: what the files of this backend share: errors, scratch memory, refusals by kernels, and
 * the element types as kernels see them. */
#ifndef CR_CUDA_H
#define CR_CUDA_H

#include "cuda/launch.h"
#include "nn/backend.h"
#include "tensor/backend.h"
#include "tensor/device.h"
#include "tensor/half.h"

/* ---- the core --------------------------------------------------------------------------- */

extern const cr_plugin_core *cr_cuda_core; /* set before anything else runs */

/* Each file fills its entries of the tables. */
void cr_cuda_fill_unary(cr_backend *b);
void cr_cuda_fill_binary(cr_backend *b);
void cr_cuda_fill_pointwise(cr_backend *b);
void cr_cuda_fill_update(cr_backend *b);
void cr_cuda_fill_special(cr_backend *b);
void cr_cuda_fill_copy(cr_backend *b);
void cr_cuda_fill_reduce(cr_backend *b);
void cr_cuda_fill_scan(cr_backend *b);
void cr_cuda_fill_sort(cr_backend *b);
void cr_cuda_fill_index(cr_backend *b);
void cr_cuda_fill_random(cr_backend *b);
void cr_cuda_fill_sample(cr_backend *b);
void cr_cuda_fill_distance(cr_backend *b);
void cr_cuda_fill_gemm(cr_backend *b);
void cr_cuda_fill_fft(cr_backend *b);
void cr_cuda_fill_linalg(cr_backend *b);
void cr_cuda_fill_conv(cr_nn_backend *b);
void cr_cuda_fill_pool(cr_nn_backend *b);
void cr_cuda_fill_windows(cr_nn_backend *b);
void cr_cuda_fill_embedding(cr_nn_backend *b);
void cr_cuda_fill_batch_norm(cr_nn_backend *b);
void cr_cuda_fill_layer_norm(cr_nn_backend *b);
void cr_cuda_fill_softmax(cr_nn_backend *b);
void cr_cuda_fill_loss(cr_nn_backend *b);
void cr_cuda_fill_ctc(cr_nn_backend *b);
void cr_cuda_fill_dropout(cr_nn_backend *b);
void cr_cuda_fill_bias(cr_nn_backend *b);
void cr_cuda_fill_recurrent(cr_nn_backend *b);
void cr_cuda_fill_recurrent_stack(cr_nn_backend *b);
void cr_cuda_fill_attention(cr_nn_backend *b);
void cr_cuda_fill_rotary(cr_nn_backend *b);

/* ---- the runtime: runtime.cu ------------------------------------------------------------ */

/* The device in use on this thread (cr_backend.use). */
int cr_cuda_device();
/* Makes the device in use current for CUDA's own functions as well; cr_launch needs it. */
bool cr_cuda_enter();
/* false, with a message that begins with `what`, unless e is success. */
bool cr_cuda_ok(cudaError_t e, const char *what);
/* Whether an option (tensor/device.h) is on. */
bool cr_cuda_option(cr_device_option o);
/* Waits for this thread's stream; false with a message if that, or an earlier kernel, failed, or if
 * the script is interrupted meanwhile. */
bool cr_cuda_wait();
/* Copies from the device, when the stream has come there; waits. */
bool cr_cuda_read(void *host, const void *dev, size_t bytes, const char *what);

/* Where the random numbers of a graph are moved to at each launch; in device memory. */
struct cr_random_move {
  uint64_t seed; /* for its bits that differ */
  uint64_t offset;
};
/* That of the graph that this thread captures, or NULL: for kernels that draw. */
const cr_random_move *cr_cuda_random_move();

__device__ __forceinline__ void cr_move_random(const cr_random_move *m, uint64_t *seed,
                                               uint64_t *offset) {
  if (!m) return;
  *seed ^= m->seed;
  *offset += m->offset;
}

/* Device memory for the time of a call; work that is already in the stream may still use it when it
 * goes.  `p` is NULL, with a message, when there is none. */
struct cr_scratch {
  void *p;
  size_t bytes;
  explicit cr_scratch(size_t bytes);
  ~cr_scratch();
  cr_scratch(const cr_scratch &) = delete;
  cr_scratch &operator=(const cr_scratch &) = delete;
  template <typename T> T *as() const { return static_cast<T *>(p); }
};

/* ---- refusals --------------------------------------------------------------------------- */

/* A kernel that meets something no check could foresee refuses it: it leaves the element alone and
 * goes on.  The host learns of it at the end of the same call in synchronous mode, else at a later
 * call or when it waits for the device; the message then says that an earlier call was the cause.
 */
enum cr_refusal {
  CR_REFUSED_INDEX = 1, /* index a (0-based) of a size b */
  CR_REFUSED_DIVISOR,   /* an integer division by zero */
  CR_REFUSED_TARGET,    /* class a (0-based) of b */
};

struct cr_refusal_record; /* in page-locked memory that the device can write */

/* What a kernel that may refuse is given, by value. */
struct cr_guard {
  unsigned *taken; /* device memory: the first to set it writes the record */
  cr_refusal_record *record;
  unsigned serial; /* of the call */
};

/* `what` names the kernel in messages; a constant string.  Before the launch. */
cr_guard cr_guard_for(const char *what);

struct cr_refusal_record {
  volatile unsigned set;
  int kind;
  unsigned serial;
  long long a, b;
};

__device__ __forceinline__ void cr_refuse(cr_guard g, cr_refusal kind, int64_t a, int64_t b) {
  if (atomicExch(g.taken, 1u)) return;
  g.record->kind = kind;
  g.record->serial = g.serial;
  g.record->a = a;
  g.record->b = b;
  __threadfence_system();
  g.record->set = 1;
}

/* ---- elements --------------------------------------------------------------------------- */

/* The half types lie in memory as bits and are computed with as float. */
struct cr_f16 {
  uint16_t bits;
};
struct cr_bf16 {
  uint16_t bits;
};
/* 0 or 1 in a byte. */
struct cr_bool {
  uint8_t bits;
};

__device__ __forceinline__ float cr_wide(cr_f16 x) {
  return cr_f16_to_float(x.bits);
}
__device__ __forceinline__ float cr_wide(cr_bf16 x) {
  return cr_bf16_to_float(x.bits);
}
__device__ __forceinline__ uint8_t cr_wide(cr_bool x) {
  return x.bits;
}
template <typename T> __device__ __forceinline__ T cr_wide(T x) {
  return x;
}

/* An element of T from a number of the type that cr_wide gives. */
template <typename T> struct cr_narrow {
  template <typename C> __device__ __forceinline__ static T from(C x) { return (T)x; }
};
template <> struct cr_narrow<cr_f16> {
  __device__ __forceinline__ static cr_f16 from(float x) { return cr_f16{cr_float_to_f16(x)}; }
};
template <> struct cr_narrow<cr_bf16> {
  __device__ __forceinline__ static cr_bf16 from(float x) { return cr_bf16{cr_float_to_bf16(x)}; }
};
template <> struct cr_narrow<cr_bool> {
  template <typename C> __device__ __forceinline__ static cr_bool from(C x) {
    return cr_bool{(uint8_t)(x != 0)};
  }
};

/* X(dtype, type) for each type of a kind. */
#define CR_EACH_FLOAT(X)                                                                           \
  X(CR_FLOAT32, float)                                                                             \
  X(CR_FLOAT64, double)                                                                            \
  X(CR_FLOAT16, cr_f16)                                                                            \
  X(CR_BFLOAT16, cr_bf16)
#define CR_EACH_INTEGER(X)                                                                         \
  X(CR_INT8, int8_t)                                                                               \
  X(CR_UINT8, uint8_t)                                                                             \
  X(CR_INT16, int16_t)                                                                             \
  X(CR_INT32, int32_t)                                                                             \
  X(CR_INT64, int64_t)
#define CR_EACH_TYPE(X) CR_EACH_FLOAT(X) CR_EACH_INTEGER(X) X(CR_BOOL, cr_bool)

#endif
