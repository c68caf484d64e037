/* loop.h: elementwise loops: a function object applied to every place of a cr_iter.
 *
 * cr_loop<Out, In...>(name, it, op) runs out = op(in...), with every element widened by cr_wide and
 * narrowed by cr_narrow.  Where all operands are dense, or one number, each thread takes 16 bytes
 * at a time; otherwise each element finds its own place.
 *
 * Kernels for every function, every type and both cases would be too many.  So what is seldom hot
 * shares one that learns the types when it runs: cr_loop_any<C> computes in C (float, double or
 * int64_t) on elements of any type that C stands for, and cr_loop_dense<C, Out, In...> leaves only
 * the loops with gaps to it. */
#ifndef CR_CUDA_LOOP_H
#define CR_CUDA_LOOP_H

#include "cuda/cuda.h"

#include <initializer_list>
#include <string.h>

#define CR_LOOP_THREADS 256

/* ---- dense ------------------------------------------------------------------------------ */

template <typename T, int V> struct alignas(sizeof(T) * V) cr_pack { T v[V]; };

/* Operands without gaps.  One of stride 0 is a single element: `data` points to it, or is NULL when
 * its bits are `number`. */
template <int N> struct cr_dense {
  char *data[N];
  uint64_t number[N];
  int64_t single[N]; /* 1: of stride 0 */
};

template <typename T> __device__ __forceinline__ T cr_number(uint64_t bits) {
  T x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

template <typename T, int V, int N>
__device__ __forceinline__ cr_pack<T, V> cr_fetch(const cr_dense<N> &l, int k, int64_t i) {
  if (!l.single[k]) return *reinterpret_cast<const cr_pack<T, V> *>(l.data[k] + i * sizeof(T));
  T x = l.data[k] ? *reinterpret_cast<const T *>(l.data[k]) : cr_number<T>(l.number[k]);
  cr_pack<T, V> p;
#pragma unroll
  for (int v = 0; v < V; v++) p.v[v] = x;
  return p;
}

template <int V, typename O, typename Op, typename... P>
__device__ __forceinline__ cr_pack<O, V> cr_apply(const Op &op, const P &...p) {
  cr_pack<O, V> y;
#pragma unroll
  for (int v = 0; v < V; v++) y.v[v] = cr_narrow<O>::from(op(cr_wide(p.v[v])...));
  return y;
}

template <int... K> struct cr_sequence {};
template <int N, int... K> struct cr_counted : cr_counted<N - 1, N, K...> {};
template <int... K> struct cr_counted<0, K...> {
  typedef cr_sequence<K...> type; /* 1, 2, .. N: the numbers of the inputs */
};

template <int V, typename O, typename... I, typename Op, int... K>
__device__ __forceinline__ void cr_dense_step(const cr_dense<1 + sizeof...(I)> &l, int64_t i,
                                              const Op &op, cr_sequence<K...>) {
  *reinterpret_cast<cr_pack<O, V> *>(l.data[0] + i * sizeof(O)) =
      cr_apply<V, O>(op, cr_fetch<I, V>(l, K, i)...);
}

template <int V, typename Op, typename O, typename... I>
__global__ void __launch_bounds__(CR_LOOP_THREADS)
    cr_dense_kernel(int64_t n, const __grid_constant__ cr_dense<1 + sizeof...(I)> l, Op op) {
  typename cr_counted<sizeof...(I)>::type inputs;
  int64_t packs = n / V;
  for (int64_t p = cr_thread(); p < packs; p += cr_threads())
    cr_dense_step<V, O, I...>(l, p * V, op, inputs);
  int64_t rest = packs * V + cr_thread();
  if (rest < n) cr_dense_step<1, O, I...>(l, rest, op, inputs);
}

/* ---- with gaps -------------------------------------------------------------------------- */

/* Division by a number below 2^31 of one below 2^31, by a product: Granlund and Montgomery,
 * "Division by invariant integers using multiplication", 1994. */
struct cr_divisor {
  uint32_t size, factor, shift, unused;
};

static inline cr_divisor cr_divide_by(int64_t size) {
  cr_divisor d = {(uint32_t)size, 0, 0, 0};
  while (d.shift < 32 && ((uint64_t)1 << d.shift) < (uint64_t)size) d.shift++;
  uint64_t one = (uint64_t)1 << 32;
  d.factor = (uint32_t)(one * (((uint64_t)1 << d.shift) - (uint64_t)size) / (uint64_t)size + 1);
  return d;
}

__device__ __forceinline__ uint32_t cr_quotient_of(uint32_t n, cr_divisor d) {
  return (__umulhi(n, d.factor) + n) >> d.shift;
}

/* A size to divide positions by; quick where they are all below 2^31. */
struct cr_size {
  int64_t n;
  cr_divisor divisor;
  int64_t quick; /* a truth; of this size, so that there is no padding */
};

static inline cr_size cr_size_of(int64_t n, int64_t positions) {
  cr_size s = {n, {0, 0, 0, 0}, n > 0 && positions <= INT32_MAX};
  if (s.quick) s.divisor = cr_divide_by(n);
  return s;
}

__device__ __forceinline__ int64_t cr_over(int64_t i, const cr_size &s) {
  return s.quick ? (int64_t)cr_quotient_of((uint32_t)i, s.divisor) : i / s.n;
}

/* Where the elements of N operands lie: sizes, and steps in bytes, dimension 0 innermost. */
template <int N> struct cr_places {
  int64_t ndim, numel;
  int64_t shape[CR_MAX_DIMS];
  cr_divisor divisor[CR_MAX_DIMS]; /* when numel < 2^31 */
  int64_t stride[N][CR_MAX_DIMS];
  char *data[N]; /* NULL: the element is `number` */
  uint64_t number[N];
  int64_t dtype[N];
};

/* The byte offsets of element i, counted with dimension 0 fastest. */
template <int N>
__device__ __forceinline__ void cr_find(const cr_places<N> &l, int64_t i, int64_t (&at)[N]) {
#pragma unroll
  for (int k = 0; k < N; k++) at[k] = 0;
  for (int d = 0; d < l.ndim; d++) {
    int64_t q =
        l.numel <= INT32_MAX ? (int64_t)cr_quotient_of((uint32_t)i, l.divisor[d]) : i / l.shape[d];
    int64_t r = i - q * l.shape[d];
    i = q;
#pragma unroll
    for (int k = 0; k < N; k++) at[k] += r * l.stride[k][d];
  }
}

template <typename T, int N>
__device__ __forceinline__ T cr_element(const cr_places<N> &l, int k, int64_t at) {
  return l.data[k] ? *reinterpret_cast<const T *>(l.data[k] + at) : cr_number<T>(l.number[k]);
}

template <typename O, typename... I, typename Op, int... K>
__device__ __forceinline__ void cr_strided_step(const cr_places<1 + sizeof...(I)> &l, int64_t i,
                                                const Op &op, cr_sequence<K...>) {
  int64_t at[1 + sizeof...(I)];
  cr_find(l, i, at);
  *reinterpret_cast<O *>(l.data[0] + at[0]) =
      cr_narrow<O>::from(op(cr_wide(cr_element<I>(l, K, at[K]))...));
}

template <typename Op, typename O, typename... I>
__global__ void __launch_bounds__(CR_LOOP_THREADS)
    cr_strided_kernel(const __grid_constant__ cr_places<1 + sizeof...(I)> l, Op op) {
  typename cr_counted<sizeof...(I)>::type inputs;
  for (int64_t i = cr_thread(); i < l.numel; i += cr_threads())
    cr_strided_step<O, I...>(l, i, op, inputs);
}

/* ---- of types known when it runs -------------------------------------------------------- */

/* float stands for the narrow floats, double for float64, int64_t for integers and bool. */
__device__ __forceinline__ void cr_read(float *x, int64_t dtype, const char *p) {
  if (dtype == CR_FLOAT32)
    *x = *reinterpret_cast<const float *>(p);
  else if (dtype == CR_FLOAT16)
    *x = cr_f16_to_float(*reinterpret_cast<const uint16_t *>(p));
  else
    *x = cr_bf16_to_float(*reinterpret_cast<const uint16_t *>(p));
}
__device__ __forceinline__ void cr_read(double *x, int64_t, const char *p) {
  *x = *reinterpret_cast<const double *>(p);
}
__device__ __forceinline__ void cr_read(int64_t *x, int64_t dtype, const char *p) {
  switch (dtype) {
  case CR_INT8: *x = *reinterpret_cast<const int8_t *>(p); break;
  case CR_INT16: *x = *reinterpret_cast<const int16_t *>(p); break;
  case CR_INT32: *x = *reinterpret_cast<const int32_t *>(p); break;
  case CR_INT64: *x = *reinterpret_cast<const int64_t *>(p); break;
  default: *x = *reinterpret_cast<const uint8_t *>(p); break;
  }
}

__device__ __forceinline__ void cr_write(float x, int64_t dtype, char *p) {
  if (dtype == CR_FLOAT32)
    *reinterpret_cast<float *>(p) = x;
  else if (dtype == CR_FLOAT16)
    *reinterpret_cast<uint16_t *>(p) = cr_float_to_f16(x);
  else
    *reinterpret_cast<uint16_t *>(p) = cr_float_to_bf16(x);
}
__device__ __forceinline__ void cr_write(double x, int64_t, char *p) {
  *reinterpret_cast<double *>(p) = x;
}
__device__ __forceinline__ void cr_write(uint8_t x, int64_t, char *p) {
  *reinterpret_cast<uint8_t *>(p) = x;
}
/* Keeps the low bits; a bool is 0 or 1. */
__device__ __forceinline__ void cr_write(int64_t x, int64_t dtype, char *p) {
  switch (dtype) {
  case CR_INT8:
  case CR_UINT8: *reinterpret_cast<uint8_t *>(p) = (uint8_t)x; break;
  case CR_INT16: *reinterpret_cast<int16_t *>(p) = (int16_t)x; break;
  case CR_INT32: *reinterpret_cast<int32_t *>(p) = (int32_t)x; break;
  case CR_INT64: *reinterpret_cast<int64_t *>(p) = x; break;
  default: *reinterpret_cast<uint8_t *>(p) = x != 0; break;
  }
}

/* What a function object returns that may have refused its input. */
struct cr_unless_refused {
  int64_t value;
  bool refused;
};

__device__ __forceinline__ void cr_write(cr_unless_refused x, int64_t dtype, char *p) {
  if (!x.refused) cr_write(x.value, dtype, p);
}

template <typename C, int N>
__device__ __forceinline__ C cr_read_at(const cr_places<N> &l, int k, int64_t at) {
  C x;
  cr_read(&x, l.dtype[k],
          l.data[k] ? l.data[k] + at : reinterpret_cast<const char *>(&l.number[k]));
  return x;
}

template <typename C, typename Op, int... K>
__device__ __forceinline__ void cr_any_step(const cr_places<1 + sizeof...(K)> &l, int64_t i,
                                            const Op &op, cr_sequence<K...>) {
  int64_t at[1 + sizeof...(K)];
  cr_find(l, i, at);
  cr_write(op(cr_read_at<C>(l, K, at[K])...), l.dtype[0], l.data[0] + at[0]);
}

template <typename C, int N, typename Op>
__global__ void __launch_bounds__(CR_LOOP_THREADS)
    cr_any_kernel(const __grid_constant__ cr_places<N> l, Op op) {
  typename cr_counted<N - 1>::type inputs;
  for (int64_t i = cr_thread(); i < l.numel; i += cr_threads()) cr_any_step<C>(l, i, op, inputs);
}

/* ---- the host's side -------------------------------------------------------------------- */

/* A loop over all operands of `it`, or over its first N. */
template <int N> static cr_places<N> cr_places_of(const cr_iter *it) {
  cr_places<N> l;
  memset(&l, 0, sizeof l);
  l.ndim = it->ndim;
  l.numel = it->numel;
  for (int d = 0; d < it->ndim; d++) {
    l.shape[d] = it->shape[d];
    if (it->numel <= INT32_MAX) l.divisor[d] = cr_divide_by(it->shape[d]);
    for (int k = 0; k < N; k++) l.stride[k][d] = it->op[k].stride[d];
  }
  for (int k = 0; k < N; k++) {
    l.dtype[k] = it->op[k].dtype;
    l.data[k] = it->op[k].number ? NULL : it->op[k].data;
    if (it->op[k].number) memcpy(&l.number[k], it->op[k].data, cr_dtypes[it->op[k].dtype].size);
  }
  return l;
}

/* Whether packs of V elements can be used; fills l. */
template <int N> static bool cr_make_dense(const cr_iter *it, int pack, cr_dense<N> *l) {
  if (it->ndim > 1) return false;
  memset(l, 0, sizeof *l);
  for (int k = 0; k < N; k++) {
    const cr_operand *o = &it->op[k];
    size_t size = cr_dtypes[o->dtype].size;
    bool single = o->number || (it->ndim && o->stride[0] == 0);
    if (single && k == 0) return false;
    if (!single && it->ndim && o->stride[0] != (int64_t)size) return false;
    if (!single && reinterpret_cast<uintptr_t>(o->data) % (size * (size_t)pack)) return false;
    l->single[k] = single;
    l->data[k] = o->number ? NULL : o->data;
    if (o->number) memcpy(&l->number[k], o->data, size);
  }
  return true;
}

template <typename... T> constexpr int cr_pack_of() {
  size_t most = 1;
  for (size_t s : {sizeof(T)...}) most = s > most ? s : most;
  return (int)(16 / most);
}

/* Runs the loop if it is dense; false in *done, and nothing run, if it is not. */
template <typename O, typename... I, typename Op>
static bool cr_try_dense(const char *name, const cr_iter *it, const Op &op, bool *done) {
  const int V = cr_pack_of<O, I...>();
  cr_dense<1 + sizeof...(I)> dense;
  *done = it->numel == 0;
  if (*done || !cr_make_dense(it, V, &dense)) return true;
  *done = true;
  unsigned blocks = cr_blocks((it->numel + V - 1) / V, CR_LOOP_THREADS);
  return cr_launch(name, cr_dense_kernel<V, Op, O, I...>, blocks, CR_LOOP_THREADS, 0, it->numel,
                   dense, op);
}

/* out = op(in...) for every place of `it`, whose operands have the types O, I... */
template <typename O, typename... I, typename Op>
static bool cr_loop(const char *name, const cr_iter *it, Op op) {
  const int N = 1 + sizeof...(I);
  bool done, ok = cr_try_dense<O, I...>(name, it, op, &done);
  if (done || !ok) return ok;
  return cr_launch(name, cr_strided_kernel<Op, O, I...>, cr_blocks(it->numel, CR_LOOP_THREADS),
                   CR_LOOP_THREADS, 0, cr_places_of<N>(it), op);
}

/* out = op(in...) computed in C, with N operands of whatever types C stands for. */
template <typename C, int N, typename Op>
static bool cr_loop_any(const char *name, const cr_iter *it, Op op) {
  if (it->numel == 0) return true;
  return cr_launch(name, cr_any_kernel<C, N, Op>, cr_blocks(it->numel, CR_LOOP_THREADS),
                   CR_LOOP_THREADS, 0, cr_places_of<N>(it), op);
}

/* The first for dense loops, the second for others. */
template <typename C, typename O, typename... I, typename Op>
static bool cr_loop_dense(const char *name, const cr_iter *it, Op op) {
  bool done, ok = cr_try_dense<O, I...>(name, it, op, &done);
  return done || !ok ? ok : cr_loop_any<C, 1 + sizeof...(I)>(name, it, op);
}

#endif
