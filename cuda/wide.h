/* wide.h: elements of all float types, computed with as float or double; and rows that stay in
 * registers between two passes. */
#ifndef CR_CUDA_WIDE_H
#define CR_CUDA_WIDE_H

#include "cuda/rows.h"

/* What elements of T are computed with. */
template <typename T> struct cr_computed { typedef float type; };
template <> struct cr_computed<double> { typedef double type; };
template <typename T> using cr_calc = typename cr_computed<T>::type;

template <typename T, int V>
__device__ __forceinline__ cr_pack<cr_calc<T>, V> cr_widen(const cr_pack<T, V> &x) {
  cr_pack<cr_calc<T>, V> y;
#pragma unroll
  for (int v = 0; v < V; v++) y.v[v] = cr_wide(x.v[v]);
  return y;
}
template <int V, typename T>
__device__ __forceinline__ cr_pack<cr_calc<T>, V> cr_load_wide(const T *p, cr_width<V> width,
                                                               bool aligned = true) {
  return cr_widen(cr_load(p, width, aligned));
}
template <int V, typename T>
__device__ __forceinline__ void cr_save_narrow(T *p, const cr_pack<cr_calc<T>, V> &x) {
  cr_pack<T, V> y;
#pragma unroll
  for (int v = 0; v < V; v++) y.v[v] = cr_narrow<T>::from(x.v[v]);
  cr_save(p, y);
}

/* ---- rows in registers ------------------------------------------------------------------ */

/* The share of a thread in an aligned row: up to CR_KEPT packs of each of its arrays. */
#define CR_KEPT 4
#define CR_KEPT_THREADS 512 /* of a block at most */

/* f(k, i): pack k of this thread begins at element i. */
template <int V, typename F>
__device__ __forceinline__ void cr_kept_packs(int64_t n, int lane, int group, const F &f) {
#pragma unroll
  for (int k = 0; k < CR_KEPT; k++) {
    int64_t i = ((int64_t)k * group + lane) * V;
    if (i < n) f(k, i);
  }
}

/* Groups for rows of n elements, larger where that makes a row fit; *fits says whether it does. */
template <typename T> static cr_deal cr_deal_kept(int64_t rows, int64_t n, bool *fits) {
  cr_deal d = cr_deal_rows<T>(rows, n);
  int64_t packs = (n + cr_lanes<T> - 1) / cr_lanes<T>;
  for (int group : {256, CR_KEPT_THREADS}) {
    if (packs <= CR_KEPT * d.group || packs > CR_KEPT * group) continue;
    d.group = d.threads = group;
    d.blocks = cr_blocks(rows, 1);
  }
  *fits = packs <= CR_KEPT * d.group && d.threads <= CR_KEPT_THREADS;
  return d;
}

#endif
