/* attention.h: what the kernels of attention share: where the rows of a head are, which keys a row
 * sees, dropout, and how the tiles are dealt out.
 *
 * Dao, Fu, Ermon, Rudra and Ré, "FlashAttention", NeurIPS 2022; Dao, "FlashAttention-2", 2023: the
 * matrix of weights never is in memory.  A block goes over the tiles of keys, and corrects its sums
 * whenever a row's largest score changes; the backward makes each tile again, from the logarithm of
 * the row's sum of exponentials. */
#ifndef CR_CUDA_ATTENTION_H
#define CR_CUDA_ATTENTION_H

#include "cuda/rows.h"
#include "tensor/philox.h"

/* lse and delta are in the type that is computed in, and have the place cr_attention_head::at for
 * the first row of a head. */
struct cr_attention_job {
  cr_attention_args a;
  cr_heads q, k, v, y, gq, gk, gv, gy;
  void *lse;   /* the logarithm of the sum of exponentials; infinite where nothing is seen */
  void *delta; /* the sum of gy y over a row */
  const cr_random_move *move;
};

/* Rows of one head. */
template <typename T> struct cr_attention_rows {
  T *data;
  int64_t step, rows, columns;
};

/* One head: how many queries and keys it has, where its rows begin, and how many keys its first
 * query sees, less one, where it is causal. */
struct cr_attention_head {
  int64_t batch, head, kv, l, s, at, query, key, offset;

  /* The number among all heads of q. */
  __device__ __forceinline__ cr_attention_head(const cr_attention_args &a, int64_t number)
      : batch(number / a.heads), head(number % a.heads), kv(head / a.group), l(a.l), s(a.s),
        at(number * a.l), query(0), key(0), offset(a.offset) {
    if (!a.q_bounds) return;
    query = a.q_bounds[batch], key = a.k_bounds[batch];
    l = a.q_bounds[batch + 1] - query;
    s = a.k_bounds[batch + 1] - key;
    offset = s - l;
  }

  template <typename T>
  __device__ __forceinline__ cr_attention_rows<T> queries(const cr_heads &h,
                                                          int64_t columns) const {
    return {static_cast<T *>(h.data) + batch * h.batch + head * h.head + query * h.row, h.row, l,
            columns};
  }
  template <typename T>
  __device__ __forceinline__ cr_attention_rows<T> keys(const cr_heads &h, int64_t columns) const {
    return {static_cast<T *>(h.data) + batch * h.batch + kv * h.head + key * h.row, h.row, s,
            columns};
  }
};

/* Which keys are seen, and how scores change; numbers of the mask are in C and times `unit`. */
template <typename C> struct cr_attention_sight {
  const cr_attention_args &a;
  int64_t l, s, offset, at;
  C unit;

  __device__ __forceinline__ cr_attention_sight(const cr_attention_args &args,
                                                const cr_attention_head &h, C unit)
      : a(args), l(h.l), s(h.s), offset(h.offset),
        at(h.batch * a.mask_stride[0] + h.head * a.mask_stride[1]), unit(unit) {}

  /* So many keys are seen by row i, but for the mask; and by the rows before `end`. */
  __device__ __forceinline__ int64_t seen(int64_t i) const {
    return a.causal && i + 1 + offset < s ? i + 1 + offset : s;
  }
  __device__ __forceinline__ int64_t seen_before(int64_t end) const {
    return seen((end < l ? end : l) - 1);
  }
  /* The first row that sees key j. */
  __device__ __forceinline__ int64_t first_to_see(int64_t j) const {
    return a.causal && j > offset ? j - offset : 0;
  }
  __device__ __forceinline__ C score(C x, int64_t i, int64_t j) const {
    if (i >= l || j >= seen(i)) return -(C)INFINITY;
    if (!a.mask) return x;
    int64_t place = at + i * a.mask_stride[2] + j * a.mask_stride[3];
    if (a.flags) return static_cast<const uint8_t *>(a.mask)[place] ? x : -(C)INFINITY;
    return x + static_cast<const C *>(a.mask)[place] * unit;
  }
};

/* What the weights of a head are multiplied by: 0, or 1 / (1 - p). */
template <typename C> struct cr_attention_drop {
  bool on, any; /* any: whether some number falls, as those up to `last` do */
  uint32_t last, random[4];
  C scale;
  uint64_t seed, first, drawn; /* drawn: the counter of `random` */
  int64_t s;

  __device__ __forceinline__ cr_attention_drop(const cr_attention_job &j,
                                               const cr_attention_head &h)
      : on(j.a.p > 0), any(false), last(0), random{}, scale(1), seed(j.a.seed), first(j.a.counter),
        drawn(0), s(j.a.s) {
    if (!on) return;
    uint64_t falling = (uint64_t)(j.a.p * 0x1p32);
    any = falling > 0;
    last = (uint32_t)(falling - 1);
    scale = (C)(j.a.p < 1 ? 1 / (1 - j.a.p) : 1);
    cr_move_random(j.move, &seed, &first);
    first += (uint64_t)(h.batch * j.a.heads + h.head) * (((uint64_t)(j.a.l * s) + 3) / 4);
    drawn = first - 1; /* of another head */
  }
  /* Quick for elements that follow each other. */
  __device__ __forceinline__ C factor(int64_t i, int64_t j) {
    if (!on) return 1;
    uint64_t element = (uint64_t)(i * s + j), counter = first + element / 4;
    if (counter != drawn) cr_philox_at(seed, counter, random);
    drawn = counter;
    uint32_t lane = element % 4, low = lane & 1 ? random[1] : random[0],
             high = lane & 1 ? random[3] : random[2];
    return any && (lane & 2 ? high : low) <= last ? 0 : scale;
  }
};

/* Tasks for blocks: each tile of each head and part of the columns.  What is last goes first:
 * causal rows at the end have most to do. */
struct cr_attention_deal {
  int64_t tiles, heads, parts;
  __host__ __device__ int64_t tasks() const { return tiles * heads * parts; }
};

/* f(an element of the type). */
template <typename F> static bool cr_attention_by_type(cr_dtype dtype, const F &f) {
  switch (dtype) {
#define CASE(code, type)                                                                           \
  case code: return f(type());
    CR_EACH_FLOAT(CASE)
#undef CASE
  default: return false;
  }
}

/* The simple kernels: any size and type; attention_tiles.cu. */
bool cr_attention_tiles(const cr_attention_job &j);
bool cr_attention_tiles_backward(const cr_attention_job &j);

/* On tensor cores; attention_half.cu.  Whether they take a job, sizes and type alone decide: what a
 * row keeps is theirs. */
bool cr_attention_half_takes(const cr_attention_args &a);
bool cr_attention_half(const cr_attention_job &j);
bool cr_attention_half_backward(const cr_attention_job &j);

#endif
