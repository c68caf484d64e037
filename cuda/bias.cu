/* bias.cu: y = residual + dropout(activation(x + bias)) and its derivative, in one pass each.  The
 * random numbers are those of dropout.cu: a thread makes the four elements of a counter. */
#include "cuda/wide.h"
#include "tensor/functions.h"
#include "tensor/philox.h"

#define THREADS 256

#define REAL float
#define NAME(f) f
#define EXP expf
#include "tensor/activations.inc"
#undef REAL
#undef NAME
#undef EXP

__device__ __forceinline__ float activation(int64_t op, float x) {
  switch (op) {
  case CR_RELU: return x < 0 ? 0 : x;
  case CR_GELU: return (x < -1e30f ? -1e30f : x) * 0.5f * erfcf(-x * 0.70710678118654752f);
  case CR_GELU_TANH: return cr_gelu_tanh(x);
  case CR_SILU: return (x < -1e30f ? -1e30f : x) / (1 + expf(-x));
  case CR_SIGMOID: return 1 / (1 + expf(-x));
  case CR_TANH: return tanhf(x);
  default: return x;
  }
}
__device__ __forceinline__ double activation(int64_t op, double x) {
  switch (op) {
  case CR_RELU: return x < 0 ? 0 : x;
  case CR_GELU: return cr_gelu_of(x);
  case CR_GELU_TANH: return cr_gelu_tanh_double(x);
  case CR_SILU: return cr_silu_of(x);
  case CR_SIGMOID: return cr_sigmoid_of(x);
  case CR_TANH: return tanh(x);
  default: return x;
  }
}

__device__ __forceinline__ float gelu_slope(float x) {
  float c = x < -1e30f ? -1e30f : x > 1e30f ? 1e30f : x;
  return 0.5f * erfcf(-x * 0.70710678118654752f) + c * 0.39894228040143268f * expf(-0.5f * x * x);
}
__device__ __forceinline__ float slope(int64_t op, float x) {
  float y;
  switch (op) {
  case CR_RELU: return x > 0 ? 1 : 0;
  case CR_GELU: return gelu_slope(x);
  case CR_GELU_TANH: return cr_gelu_tanh_slope(x);
  case CR_SILU: return cr_silu_slope(x);
  case CR_SIGMOID: y = activation(op, x); return y * (1 - y);
  case CR_TANH: y = tanhf(x); return 1 - y * y;
  default: return 1;
  }
}
__device__ __forceinline__ double slope(int64_t op, double x) {
  double y;
  switch (op) {
  case CR_RELU: return x > 0 ? 1 : 0;
  case CR_GELU: return cr_gelu_slope(x);
  case CR_GELU_TANH: return cr_gelu_tanh_slope_double(x);
  case CR_SILU: return cr_silu_slope_double(x);
  case CR_SIGMOID: y = cr_sigmoid_of(x); return y * (1 - y);
  case CR_TANH: y = tanh(x); return 1 - y * y;
  default: return 1;
  }
}

struct job {
  int64_t n, op;
  cr_size width;
  double scale;
  uint64_t seed, offset;
  const cr_random_move *move;
  int64_t any;  /* a truth: whether any number falls at all: those up to `last` do */
  int64_t last; /* p * 2^32 - 1 */
};

/* V elements from `at` on.  BACK: x is the input, other the gradient; otherwise other is the
 * residual or NULL. */
template <bool BACK, int V, typename T>
__device__ __forceinline__ void work(const job &j, int64_t at, T *y, const T *x,
                                     const cr_calc<T> *bias, const T *other,
                                     const uint32_t *random) {
  typedef cr_calc<T> C;
  cr_width<V> width;
  int64_t column = at - cr_over(at, j.width) * j.width.n;
  auto p = cr_load_wide(x + at, width);
  auto b = cr_load(bias + column, width);
  cr_pack<C, V> o = {};
  if (other) o = cr_load_wide(other + at, width);
#pragma unroll
  for (int v = 0; v < V; v++) {
    bool falls = j.any && random[v] <= j.last;
    C z = p.v[v] + b.v[v], r = falls ? 0 : (BACK ? slope(j.op, z) : activation(j.op, z));
    r = falls ? 0 : r * (C)j.scale;
    p.v[v] = BACK ? (falls ? 0 : r * o.v[v]) : r + o.v[v];
  }
  cr_save_narrow(y + at, p);
}

template <bool BACK, typename T>
__global__ void __launch_bounds__(THREADS)
    bias_kernel(const __grid_constant__ job j, T *__restrict__ y, const T *__restrict__ x,
                const cr_calc<T> *__restrict__ bias, const T *__restrict__ other, bool aligned) {
  const int V = cr_lanes<T> < 4 ? cr_lanes<T> : 4;
  uint64_t seed = j.seed, offset = j.offset;
  cr_move_random(j.move, &seed, &offset);
  for (int64_t c = cr_thread(); c * 4 < j.n; c += cr_threads()) {
    uint32_t random[4] = {0, 0, 0, 0};
    int64_t at = c * 4;
    if (j.any) cr_philox_at(seed, offset + (uint64_t)c, random);
    if (aligned && at + 4 <= j.n) {
#pragma unroll
      for (int i = 0; i < 4; i += V) work<BACK, V>(j, at + i, y, x, bias, other, random + i);
    } else {
#pragma unroll
      for (int i = 0; i < 4; i++)
        if (at + i < j.n) work<BACK, 1>(j, at + i, y, x, bias, other, random + i);
    }
  }
}

template <bool BACK>
static bool run(const cr_bias_args *a, void *y, const void *x, const void *bias,
                const void *other) {
  uint64_t falling = (uint64_t)(a->p * 0x1p32);
  job j = {a->n,
           a->activation,
           cr_size_of(a->width, a->n + 4),
           falling > 0 ? a->scale : 1,
           a->seed,
           a->offset,
           cr_cuda_random_move(),
           falling > 0,
           (int64_t)falling - 1};
  if (a->n == 0) return true;
  return cr_by_float(a->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    bool aligned = a->width % 4 == 0 && cr_rows_aligned<T>(0, {y, x, bias, other});
    return cr_launch("bias and activation", bias_kernel<BACK, T>,
                     cr_blocks((a->n + 3) / 4, THREADS), THREADS, 0, j, cr_as<T>(y), cr_as<T>(x),
                     cr_as<cr_calc<T>>(bias), cr_as<T>(other), aligned);
  });
}

static bool bias_activation(const cr_bias_args *a, void *y, const void *x, const void *bias,
                            const void *residual) {
  return run<false>(a, y, x, bias, residual);
}

static bool bias_activation_backward(const cr_bias_args *a, void *gx, const void *gy, const void *x,
                                     const void *bias) {
  return run<true>(a, gx, x, bias, gy);
}

void cr_cuda_fill_bias(cr_nn_backend *b) {
  b->bias_activation = bias_activation;
  b->bias_activation_backward = bias_activation_backward;
}
