/* pointwise.cu: fused loops with one or two numbers, as tensor/cpu/pointwise.c has them, and
 * `where`. */
#include "cuda/loop.h"
#include "tensor/functions.h"

static bool undefined(const cr_iter *it) {
  return cr_fail("this operation is not defined on %s", cr_dtypes[it->op[0].dtype].name);
}

/* ---- floats ----------------------------------------------------------------------------- */

/* With numbers s and t, in C, which float16 and bfloat16 compute in as well. */
#define OF_ONE(name, expr)                                                                         \
  template <typename C> struct name {                                                              \
    C s, t;                                                                                        \
    __device__ C operator()(C x) const { return expr; }                                            \
  };
#define OF_TWO(name, expr)                                                                         \
  template <typename C> struct name {                                                              \
    C s, t;                                                                                        \
    __device__ C operator()(C x, C y) const { return expr; }                                       \
  };
#define OF_THREE(name, expr)                                                                       \
  template <typename C> struct name {                                                              \
    C s, t;                                                                                        \
    __device__ C operator()(C x, C y, C z) const { return expr; }                                  \
  };

__device__ __forceinline__ float gelu_slope(float x) {
  float c = x < -1e30f ? -1e30f : x > 1e30f ? 1e30f : x;
  return 0.5f * erfcf(-x * 0.70710678118654752f) + c * 0.39894228040143268f * expf(-0.5f * x * x);
}
__device__ __forceinline__ double gelu_slope(double x) {
  return cr_gelu_slope(x);
}

#define REAL float
#define NAME(f) f
#define EXP expf
#include "tensor/activations.inc"
#undef REAL
#undef NAME
#undef EXP
#define BY_TYPE(f)                                                                                 \
  __device__ __forceinline__ double f(double x) {                                                  \
    return f##_double(x);                                                                          \
  }
BY_TYPE(cr_hardsigmoid)
BY_TYPE(cr_hardswish_slope)
__device__ __forceinline__ double cr_huber(double x, double y, double bound, double factor) {
  return cr_huber_double(x, y, bound, factor);
}
BY_TYPE(cr_silu_slope)
BY_TYPE(cr_gelu_tanh_slope)
BY_TYPE(cr_mish_slope)

/* CLAMP: where the bounds cross the upper one wins, and NaN fails both comparisons. */
OF_THREE(addcmul, x + s * y * z)
OF_THREE(addcdiv, x + s * y / z)
OF_THREE(blend, x + z * (y - x))
OF_ONE(number, x != x ? s : (x < -t ? -t : x) > t ? t : (x < -t ? -t : x))
OF_TWO(axpby, s *x + t * y)
OF_TWO(lerp, x + s * (y - x))
OF_ONE(clamp, (x < s ? s : x) > t ? t : (x < s ? s : x))
OF_ONE(threshold, x > s ? x : t)
OF_TWO(threshold_backward, y > s ? x : 0)
OF_TWO(leaky, y > 0 ? x : s * x)
OF_THREE(band, (z >= s && z <= t) ? x : y)
OF_ONE(beyond, x - ((x < s ? s : x) > t ? t : (x < s ? s : x)))
OF_THREE(prelu, y > 0 ? x : z * x)
OF_TWO(huber, cr_huber(x, y, s, t))
OF_ONE(hardsigmoid, cr_hardsigmoid(x))
OF_ONE(hardswish, x *cr_hardsigmoid(x))
OF_TWO(hardswish_backward, x *cr_hardswish_slope(y))
OF_TWO(tanh_backward, x *(1 - y * y))
OF_TWO(sigmoid_backward, x *(y *(1 - y)))
OF_TWO(gelu_backward, x *gelu_slope(y))
OF_TWO(silu_backward, x *cr_silu_slope(y))
OF_TWO(gelu_tanh_backward, x *cr_gelu_tanh_slope(y))
OF_TWO(mish_backward, x *cr_mish_slope(y))

/* T in memory, computed in C. */
template <typename C, typename T>
static bool on_floats(cr_pointwise_op op, const cr_iter *it, double s, double t) {
  switch (op) {
#define CASE(code, f, ...)                                                                         \
  case code: return cr_loop_dense<C, T, __VA_ARGS__>(#f, it, f<C>{(C)s, (C)t});
    CASE(CR_ADDCMUL, addcmul, T, T, T)
    CASE(CR_ADDCDIV, addcdiv, T, T, T)
    CASE(CR_AXPBY, axpby, T, T)
    CASE(CR_LERP, lerp, T, T)
    CASE(CR_BLEND, blend, T, T, T)
    CASE(CR_CLAMP, clamp, T)
    CASE(CR_THRESHOLD, threshold, T)
    CASE(CR_THRESHOLD_BACKWARD, threshold_backward, T, T)
    CASE(CR_LEAKY, leaky, T, T)
    CASE(CR_BAND, band, T, T, T)
    CASE(CR_BEYOND, beyond, T)
    CASE(CR_NUMBER, number, T)
    CASE(CR_PRELU, prelu, T, T, T)
    CASE(CR_HUBER, huber, T, T)
    CASE(CR_HARDSIGMOID, hardsigmoid, T)
    CASE(CR_HARDSWISH, hardswish, T)
    CASE(CR_HARDSWISH_BACKWARD, hardswish_backward, T, T)
    CASE(CR_TANH_BACKWARD, tanh_backward, T, T)
    CASE(CR_SIGMOID_BACKWARD, sigmoid_backward, T, T)
    CASE(CR_GELU_BACKWARD, gelu_backward, T, T)
    CASE(CR_SILU_BACKWARD, silu_backward, T, T)
    CASE(CR_GELU_TANH_BACKWARD, gelu_tanh_backward, T, T)
    CASE(CR_MISH_BACKWARD, mish_backward, T, T)
#undef CASE
  default: return undefined(it);
  }
}

/* ---- integers --------------------------------------------------------------------------- */

/* In 64 bits, of which the result keeps the low ones; the numbers are truncated. */
struct int_addcmul {
  uint64_t s;
  __device__ int64_t operator()(int64_t x, int64_t y, int64_t z) const {
    return (int64_t)((uint64_t)x + s * (uint64_t)y * (uint64_t)z);
  }
};
struct int_addcdiv {
  uint64_t s;
  cr_guard guard;
  __device__ cr_unless_refused operator()(int64_t x, int64_t y, int64_t z) const {
    if (z == 0) cr_refuse(guard, CR_REFUSED_DIVISOR, 0, 0);
    if (z == 0) return {0, true};
    int64_t product = (int64_t)(s * (uint64_t)y);
    return {(int64_t)((uint64_t)x + (uint64_t)cr_quotient(product, z)), false};
  }
};
struct int_axpby {
  uint64_t s, t;
  __device__ int64_t operator()(int64_t x, int64_t y) const {
    return (int64_t)(s * (uint64_t)x + t * (uint64_t)y);
  }
};
struct int_lerp {
  uint64_t s;
  __device__ int64_t operator()(int64_t x, int64_t y) const {
    return (int64_t)((uint64_t)x + s * ((uint64_t)y - (uint64_t)x));
  }
};

struct int_blend {
  __device__ int64_t operator()(int64_t x, int64_t y, int64_t z) const {
    return (int64_t)((uint64_t)x + (uint64_t)z * ((uint64_t)y - (uint64_t)x));
  }
};

/* A bound that the type cannot hold is the type's own. */
static int64_t bounded(cr_dtype dtype, int64_t x) {
  int bits = 8 * (int)cr_dtypes[dtype].size;
  if (bits == 64) return x;
  int64_t least = cr_dtypes[dtype].is_signed ? -((int64_t)1 << (bits - 1)) : 0;
  int64_t most = least + ((int64_t)1 << bits) - 1;
  return x < least ? least : x > most ? most : x;
}

static bool on_integers(cr_pointwise_op op, const cr_iter *it, int64_t s, int64_t t) {
  cr_dtype dtype = it->op[0].dtype;
  uint64_t us = (uint64_t)s, ut = (uint64_t)t;
  switch (op) {
  case CR_ADDCMUL: return cr_loop_any<int64_t, 4>("addcmul", it, int_addcmul{us});
  case CR_ADDCDIV: {
    int_addcdiv f = {us, cr_guard_for("addcdiv")};
    return cr_loop_any<int64_t, 4>("addcdiv", it, f);
  }
  case CR_AXPBY: return cr_loop_any<int64_t, 3>("axpby", it, int_axpby{us, ut});
  case CR_LERP: return cr_loop_any<int64_t, 3>("lerp", it, int_lerp{us});
  case CR_BLEND: return cr_loop_any<int64_t, 4>("lerp", it, int_blend{});
  case CR_CLAMP: {
    clamp<int64_t> f = {bounded(dtype, s), bounded(dtype, t)};
    return cr_loop_any<int64_t, 2>("clamp", it, f);
  }
  case CR_THRESHOLD: return cr_loop_any<int64_t, 2>("threshold", it, threshold<int64_t>{s, t});
  case CR_THRESHOLD_BACKWARD:
    return cr_loop_any<int64_t, 3>("threshold_backward", it, threshold_backward<int64_t>{s, t});
  default: return undefined(it);
  }
}

static bool pointwise(cr_pointwise_op op, const cr_iter *it, double s, double t) {
  switch (it->op[0].dtype) {
  case CR_FLOAT32: return on_floats<float, float>(op, it, s, t);
  case CR_FLOAT64: return on_floats<double, double>(op, it, s, t);
  case CR_FLOAT16: return on_floats<float, cr_f16>(op, it, s, t);
  case CR_BFLOAT16: return on_floats<float, cr_bf16>(op, it, s, t);
  case CR_BOOL: return undefined(it);
  default: return on_integers(op, it, cr_scalar_int(cr_num(s)), cr_scalar_int(cr_num(t)));
  }
}

/* ---- where ------------------------------------------------------------------------------ */

struct choose {
  template <typename T> __device__ T operator()(uint8_t c, T x, T y) const { return c ? x : y; }
};

static bool where(const cr_iter *it) {
  switch (cr_dtypes[it->op[0].dtype].size) {
  case 1: return cr_loop<uint8_t, uint8_t, uint8_t, uint8_t>("where", it, choose());
  case 2: return cr_loop<uint16_t, uint8_t, uint16_t, uint16_t>("where", it, choose());
  case 4: return cr_loop<uint32_t, uint8_t, uint32_t, uint32_t>("where", it, choose());
  default: return cr_loop<uint64_t, uint8_t, uint64_t, uint64_t>("where", it, choose());
  }
}

void cr_cuda_fill_pointwise(cr_backend *b) {
  b->pointwise = pointwise;
  b->where = where;
}
