/* index.cu: reading and writing elements and rows at places that an index tensor gives.
 *
 * What is written to one place by several elements must not depend on which thread comes first.  So
 * the last element wins by an atomic maximum of its number, or the elements are sorted by their
 * places, stably, and each run of equal places has one owner that adds them up in order. */
#include "cuda/loop.h"
#include "cuda/sort.h"

#define THREADS CR_LOOP_THREADS
#define ALL_LANES 0xffffffffu

__device__ __forceinline__ bool outside(int64_t index, int64_t size, cr_guard guard) {
  if ((uint64_t)index < (uint64_t)size) return false;
  cr_refuse(guard, CR_REFUSED_INDEX, index, size);
  return true;
}

/* ---- gather ----------------------------------------------------------------------------- */

template <typename T>
__global__ void __launch_bounds__(THREADS)
    gather_elements(const __grid_constant__ cr_places<3> l, int64_t size, int64_t step,
                    int64_t base, cr_guard guard) {
  for (int64_t i = cr_thread(); i < l.numel; i += cr_threads()) {
    int64_t at[3];
    cr_find(l, i, at);
    int64_t k = (int64_t)((uint64_t)cr_element<int64_t>(l, 2, at[2]) - (uint64_t)base);
    if (outside(k, size, guard)) continue;
    *reinterpret_cast<T *>(l.data[0] + at[0]) =
        *reinterpret_cast<const T *>(l.data[1] + at[1] + k * step);
  }
}

static bool gather(const cr_iter *it, int64_t size, int64_t in_stride, int64_t base) {
  if (it->numel == 0) return true;
  unsigned blocks = cr_blocks(it->numel, THREADS);
  cr_places<3> l = cr_places_of<3>(it);
  cr_guard guard = cr_guard_for("gather");
#define RUN(type)                                                                                  \
  cr_launch("gather", gather_elements<type>, blocks, THREADS, 0, l, size, in_stride, base, guard)
  switch (cr_dtypes[it->op[0].dtype].size) {
  case 1: return RUN(uint8_t);
  case 2: return RUN(uint16_t);
  case 4: return RUN(uint32_t);
  default: return RUN(uint64_t);
  }
#undef RUN
}

/* ---- scatter: targets ------------------------------------------------------------------- */

/* What elements are written where. */
struct targets {
  cr_places<3> l;     /* the elements, their indices, the output without them */
  int64_t size, step; /* of the indexed dimension: indices, bytes */
  int64_t base;       /* the first index */
  int64_t bytes, low; /* of an element; the offset of the output's first byte in memory */
  uint64_t count;     /* elements from there to the last: the targets' numbers are below */
};

/* The number of element i's target; count where its index is out of range. */
__device__ __forceinline__ uint64_t target_of(const targets &t, int64_t i, cr_guard guard) {
  int64_t at[3];
  cr_find(t.l, i, at);
  int64_t k = (int64_t)((uint64_t)cr_element<int64_t>(t.l, 1, at[1]) - (uint64_t)t.base);
  if (outside(k, t.size, guard)) return t.count;
  return (uint64_t)((at[2] + k * t.step - t.low) / t.bytes);
}

__device__ __forceinline__ char *address_of(const targets &t, uint64_t target) {
  return t.l.data[2] + t.low + (int64_t)target * t.bytes;
}

static targets targets_of(const cr_iter *it, int64_t size, int64_t step, int64_t base) {
  targets t;
  memset(&t, 0, sizeof t);
  t.l = cr_places_of<3>(it);
  t.size = size;
  t.step = step;
  t.base = base;
  t.bytes = (int64_t)cr_dtypes[it->op[2].dtype].size;
  int64_t high = 0;
  for (int d = -1; d < it->ndim; d++) {
    int64_t reach = d < 0 ? step * (size - 1) : it->op[2].stride[d] * (it->shape[d] - 1);
    if (size > 0) (reach < 0 ? t.low : high) += reach;
  }
  t.count = (uint64_t)((high - t.low) / t.bytes + 1);
  return t;
}

__global__ void __launch_bounds__(THREADS)
    find_targets(const __grid_constant__ targets t, uint64_t *keys, cr_guard guard) {
  for (int64_t i = cr_thread(); i < t.l.numel; i += cr_threads()) keys[i] = target_of(t, i, guard);
}

static int bits_of(uint64_t most) {
  int bits = 1;
  while (bits < 64 && most >> bits) bits++;
  return bits;
}

/* Room for n keys, the keys in order, and the places where they were. */
struct orders {
  cr_scratch room;
  uint64_t *keys, *sorted;
  int64_t *places;
  explicit orders(int64_t n) : room(3 * (size_t)n * sizeof(uint64_t)) {
    keys = room.as<uint64_t>();
    sorted = keys ? keys + n : NULL;
    places = keys ? reinterpret_cast<int64_t *>(sorted + n) : NULL;
  }
};

static bool find_and_sort(const char *name, const targets &t, const orders &o) {
  int64_t n = t.l.numel;
  return cr_launch(name, find_targets, cr_blocks(n, THREADS), THREADS, 0, t, o.keys,
                   cr_guard_for(name)) &&
         cr_cuda_order(o.keys, n, bits_of(t.count), o.sorted, o.places);
}

/* ---- scatter: the last one wins --------------------------------------------------------- */

/* Which element writes a target: the largest number + 1. */
__global__ void __launch_bounds__(THREADS)
    clear_claims(const __grid_constant__ targets t, unsigned long long *claims, cr_guard guard) {
  for (int64_t i = cr_thread(); i < t.l.numel; i += cr_threads()) {
    uint64_t k = target_of(t, i, guard);
    if (k != t.count) claims[k] = 0;
  }
}

__global__ void __launch_bounds__(THREADS)
    claim_targets(const __grid_constant__ targets t, unsigned long long *claims, cr_guard guard) {
  for (int64_t i = cr_thread(); i < t.l.numel; i += cr_threads()) {
    uint64_t k = target_of(t, i, guard);
    if (k != t.count) atomicMax(&claims[k], (unsigned long long)i + 1);
  }
}

template <typename T> __device__ __forceinline__ void put(const targets &t, int64_t i, uint64_t k) {
  int64_t at[3];
  cr_find(t.l, i, at);
  *reinterpret_cast<T *>(address_of(t, k)) = cr_element<T>(t.l, 0, at[0]);
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    put_claimed(const __grid_constant__ targets t, const unsigned long long *claims,
                cr_guard guard) {
  for (int64_t i = cr_thread(); i < t.l.numel; i += cr_threads()) {
    uint64_t k = target_of(t, i, guard);
    if (k != t.count && claims[k] == (unsigned long long)i + 1) put<T>(t, i, k);
  }
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    put_last(const __grid_constant__ targets t, const uint64_t *sorted, const int64_t *places) {
  for (int64_t p = cr_thread(); p < t.l.numel; p += cr_threads()) {
    uint64_t k = sorted[p];
    bool last = p + 1 == t.l.numel || sorted[p + 1] != k;
    if (last && k != t.count) put<T>(t, places[p], k);
  }
}

template <typename T> static bool scatter_claimed(const targets &t) {
  unsigned blocks = cr_blocks(t.l.numel, THREADS);
  cr_scratch claims(t.count * sizeof(unsigned long long));
  unsigned long long *c = claims.as<unsigned long long>();
  if (!c) return false;
  cr_guard guard = cr_guard_for("scatter");
  return cr_launch("scatter", clear_claims, blocks, THREADS, 0, t, c, guard) &&
         cr_launch("scatter", claim_targets, blocks, THREADS, 0, t, c, guard) &&
         cr_launch("scatter", put_claimed<T>, blocks, THREADS, 0, t, c, guard);
}

template <typename T> static bool scatter_sorted(const targets &t) {
  orders o(t.l.numel);
  return o.room.p && find_and_sort("scatter", t, o) &&
         cr_launch("scatter", put_last<T>, cr_blocks(t.l.numel, THREADS), THREADS, 0, t, o.sorted,
                   o.places);
}

/* Claims take memory in proportion to the output, orders to the input. */
template <typename T> static bool scatter_put(const targets &t) {
  bool small = t.count / 4 <= (uint64_t)t.l.numel + (1 << 18);
  return small ? scatter_claimed<T>(t) : scatter_sorted<T>(t);
}

/* ---- scatter: sums ---------------------------------------------------------------------- */

__device__ __forceinline__ float plus(float a, float b) {
  return a + b;
}
__device__ __forceinline__ double plus(double a, double b) {
  return a + b;
}
__device__ __forceinline__ int64_t plus(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}
__device__ __forceinline__ float times(float a, float b) {
  return a * b;
}
__device__ __forceinline__ double times(double a, double b) {
  return a * b;
}
__device__ __forceinline__ int64_t times(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}

template <typename C> struct additions {
  targets t;
  const uint64_t *sorted;
  const int64_t *places;
  C factor;
  char rest[16 - sizeof(C)]; /* instead of padding, which nobody sets */
};

template <typename C> __device__ __forceinline__ C addend(const additions<C> &a, int64_t place) {
  int64_t at[3];
  cr_find(a.t.l, a.places[place], at);
  return times(a.factor, cr_read_at<C>(a.t.l, 0, at[0]));
}

#define ALONE 64 /* elements of a run that its thread adds up without help */
#define DEEP 4   /* elements that a lane loads at a time in the rest */

/* The sum of the run of key k from place p on, made by a warp, in an order that the run's length
 * decides.  All lanes get it. */
template <typename C> __device__ C sum_of_run(const additions<C> &a, uint64_t k, int64_t p) {
  C sum = 0;
  int lane = (int)(threadIdx.x % warpSize);
  for (bool more = true; more; p += DEEP * warpSize) {
    bool mine = false;
    for (int j = 0; j < DEEP; j++) {
      int64_t q = p + j * warpSize + lane;
      mine = q < a.t.l.numel && a.sorted[q] == k;
      if (mine) sum = plus(sum, addend(a, q));
    }
    more = __all_sync(ALL_LANES, mine);
  }
  for (int d = warpSize / 2; d > 0; d /= 2) sum = plus(sum, __shfl_xor_sync(ALL_LANES, sum, d));
  return sum;
}

/* The thread at a run's first place owns it. */
template <typename C>
__global__ void __launch_bounds__(THREADS) add_runs(const __grid_constant__ additions<C> a) {
  int64_t n = a.t.l.numel;
  for (int64_t first = (int64_t)blockIdx.x * THREADS; first < n; first += cr_threads()) {
    int64_t p = first + threadIdx.x, q = p;
    uint64_t k = p < n ? a.sorted[p] : a.t.count;
    bool owner = k != a.t.count && (p == 0 || a.sorted[p - 1] != k);
    char *out = owner ? address_of(a.t, k) : NULL;
    C sum = 0;
    if (owner) {
      cr_read(&sum, a.t.l.dtype[2], out);
      for (; q < n && q < p + ALONE && a.sorted[q] == k; q++) sum = plus(sum, addend(a, q));
    }
    bool unfinished = owner && q < n && a.sorted[q] == k;
    for (unsigned left = __ballot_sync(ALL_LANES, unfinished); left; left &= left - 1) {
      int lane = __ffs((int)left) - 1;
      uint64_t run = __shfl_sync(ALL_LANES, k, lane);
      C rest = sum_of_run(a, run, __shfl_sync(ALL_LANES, q, lane));
      if ((int)(threadIdx.x % warpSize) == lane) sum = plus(sum, rest);
    }
    if (owner) cr_write(sum, a.t.l.dtype[2], out);
  }
}

template <typename C> static bool add_elements(const char *name, const targets &t, C factor) {
  orders o(t.l.numel);
  if (!o.room.p || !find_and_sort(name, t, o)) return false;
  additions<C> a = {t, o.sorted, o.places, factor, {}};
  return cr_launch(name, add_runs<C>, cr_blocks(t.l.numel, THREADS), THREADS, 0, a);
}

/* bool: or. */
static bool scatter_add(const char *name, const targets &t, cr_dtype dtype, double factor) {
  if (dtype == CR_FLOAT64) return add_elements<double>(name, t, factor);
  if (cr_dtypes[dtype].is_float) return add_elements<float>(name, t, (float)factor);
  int64_t whole = dtype == CR_BOOL ? 1 : cr_scalar_int(cr_num(factor));
  return add_elements<int64_t>(name, t, whole);
}

static bool scatter(const cr_iter *it, int64_t size, int64_t out_stride, int64_t base, bool add) {
  if (it->numel == 0) return true;
  targets t = targets_of(it, size, out_stride, base);
  if (add) return scatter_add("scatter", t, it->op[2].dtype, 1);
  switch (t.bytes) {
  case 1: return scatter_put<uint8_t>(t);
  case 2: return scatter_put<uint16_t>(t);
  case 4: return scatter_put<uint32_t>(t);
  default: return scatter_put<uint64_t>(t);
  }
}

/* ---- rows ------------------------------------------------------------------------------- */

struct alignas(16) word {
  uint64_t half[2];
};

struct selection {
  char *out;
  const char *in;
  const int64_t *index;
  int64_t size, bytes, out_step, in_step, total;
  cr_size words, rows; /* of a row; of a repetition */
};

template <typename T>
__global__ void __launch_bounds__(THREADS)
    select_rows(const __grid_constant__ selection s, cr_guard guard) {
  for (int64_t e = cr_thread(); e < s.total; e += cr_threads()) {
    int64_t line = cr_over(e, s.words), column = (e - line * s.words.n) * (int64_t)sizeof(T);
    int64_t outer = cr_over(line, s.rows), row = line - outer * s.rows.n, k = s.index[row];
    if (outside(k, s.size, guard)) continue;
    *reinterpret_cast<T *>(s.out + outer * s.out_step + row * s.bytes + column) =
        *reinterpret_cast<const T *>(s.in + outer * s.in_step + k * s.bytes + column);
  }
}

static bool index_select(char *out, const char *in, const int64_t *index, int64_t n, int64_t size,
                         size_t bytes, int64_t outer, int64_t out_step, int64_t in_step) {
  if (n == 0 || bytes == 0 || outer == 0) return true;
  int64_t word_size = 16;
  uint64_t all = bytes | reinterpret_cast<uintptr_t>(out) | reinterpret_cast<uintptr_t>(in);
  if (outer > 1) all |= (uint64_t)out_step | (uint64_t)in_step;
  while (all % (uint64_t)word_size) word_size /= 2;
  int64_t words = (int64_t)bytes / word_size, total = outer * n * words;
  selection s = {out,
                 in,
                 index,
                 size,
                 (int64_t)bytes,
                 out_step,
                 in_step,
                 total,
                 cr_size_of(words, total),
                 cr_size_of(n, total)};
  unsigned blocks = cr_blocks(total, THREADS);
  cr_guard guard = cr_guard_for("indexSelect");
#define RUN(type) cr_launch("indexSelect", select_rows<type>, blocks, THREADS, 0, s, guard)
  switch (word_size) {
  case 1: return RUN(uint8_t);
  case 2: return RUN(uint16_t);
  case 4: return RUN(uint32_t);
  case 8: return RUN(uint64_t);
  default: return RUN(word);
  }
#undef RUN
}

template <typename C> struct row_additions {
  char *out;
  const char *in;
  const uint64_t *sorted;
  const int64_t *places;
  int64_t size, n, out_step, in_step, bytes, dtype, total; /* bytes: of an element */
  cr_size inner, rows;
  C factor;
  char rest[16 - sizeof(C)]; /* instead of padding, which nobody sets */
};

__global__ void __launch_bounds__(THREADS)
    check_rows(const int64_t *index, int64_t n, int64_t size, uint64_t *keys, cr_guard guard) {
  for (int64_t i = cr_thread(); i < n; i += cr_threads())
    keys[i] = (uint64_t)(outside(index[i], size, guard) ? size : index[i]);
}

/* The thread at a run's first place owns one column of it. */
template <typename C>
__global__ void __launch_bounds__(THREADS) add_rows(const __grid_constant__ row_additions<C> a) {
  for (int64_t e = cr_thread(); e < a.total; e += cr_threads()) {
    int64_t line = cr_over(e, a.inner), column = e - line * a.inner.n;
    int64_t outer = cr_over(line, a.rows), p = line - outer * a.rows.n, end = p + 1;
    uint64_t k = a.sorted[p];
    if (k == (uint64_t)a.size || (p > 0 && a.sorted[p - 1] == k)) continue;
    while (end < a.n && a.sorted[end] == k) end++;
    char *out = a.out + outer * a.out_step + ((int64_t)k * a.inner.n + column) * a.bytes;
    const char *in = a.in + outer * a.in_step + column * a.bytes;
    C sum;
    cr_read(&sum, a.dtype, out);
#pragma unroll 4
    for (int64_t q = p; q < end; q++) {
      C x;
      cr_read(&x, a.dtype, in + a.places[q] * a.inner.n * a.bytes);
      sum = plus(sum, times(a.factor, x));
    }
    cr_write(sum, a.dtype, out);
  }
}

template <typename C> static bool add_sorted_rows(row_additions<C> a, const int64_t *index) {
  orders o(a.n);
  a.sorted = o.sorted;
  a.places = o.places;
  return o.room.p &&
         cr_launch("indexAdd", check_rows, cr_blocks(a.n, THREADS), THREADS, 0, index, a.n, a.size,
                   o.keys, cr_guard_for("indexAdd")) &&
         cr_cuda_order(o.keys, a.n, bits_of((uint64_t)a.size), o.sorted, o.places) &&
         cr_launch("indexAdd", add_rows<C>, cr_blocks(a.total, THREADS), THREADS, 0, a);
}

/* Rows of few columns, as single elements: those of a warp add up long runs together. */
static bool add_narrow_rows(cr_dtype dtype, char *out, const char *in, const int64_t *index,
                            int64_t n, int64_t size, int64_t inner, int64_t outer, int64_t out_step,
                            int64_t in_step, double alpha) {
  cr_iter it;
  int64_t bytes = (int64_t)cr_dtypes[dtype].size;
  memset(&it, 0, sizeof it);
  it.nops = it.ndim = 3;
  it.numel = inner * n * outer;
  it.shape[0] = inner, it.shape[1] = n, it.shape[2] = outer;
  cr_operand *o = it.op;
  o[0].data = const_cast<char *>(in);
  o[0].stride[0] = bytes, o[0].stride[1] = inner * bytes, o[0].stride[2] = in_step;
  o[1].data = const_cast<char *>(reinterpret_cast<const char *>(index));
  o[1].stride[1] = sizeof *index;
  o[2].data = out;
  o[2].stride[0] = bytes, o[2].stride[2] = out_step;
  o[0].dtype = o[2].dtype = dtype;
  o[1].dtype = CR_INT64;
  return scatter_add("indexAdd", targets_of(&it, size, inner * bytes, 0), dtype, alpha);
}

#define NARROW 32

static bool index_add(cr_dtype dtype, char *out, const char *in, const int64_t *index, int64_t n,
                      int64_t size, int64_t inner, int64_t outer, int64_t out_step, int64_t in_step,
                      double alpha) {
  if (n == 0 || inner == 0 || outer == 0) return true;
  if (inner < NARROW)
    return add_narrow_rows(dtype, out, in, index, n, size, inner, outer, out_step, in_step, alpha);
  int64_t bytes = (int64_t)cr_dtypes[dtype].size, total = inner * n * outer;
  cr_size columns = cr_size_of(inner, total), rows = cr_size_of(n, total);
  int64_t whole = dtype == CR_BOOL ? 1 : cr_scalar_int(cr_num(alpha));
#define RUN(C, factor)                                                                             \
  add_sorted_rows<C>({out,                                                                         \
                      in,                                                                          \
                      NULL,                                                                        \
                      NULL,                                                                        \
                      size,                                                                        \
                      n,                                                                           \
                      out_step,                                                                    \
                      in_step,                                                                     \
                      bytes,                                                                       \
                      (int64_t)dtype,                                                              \
                      total,                                                                       \
                      columns,                                                                     \
                      rows,                                                                        \
                      factor,                                                                      \
                      {}},                                                                         \
                     index)
  if (dtype == CR_FLOAT64) return RUN(double, alpha);
  if (cr_dtypes[dtype].is_float) return RUN(float, (float)alpha);
  return RUN(int64_t, whole);
#undef RUN
}

/* ---- masks ------------------------------------------------------------------------------ */

#define EACH 16                /* elements of a thread, which follow one another */
#define PIECE (EACH * THREADS) /* elements of a block */

/* The sum of what the threads before this one have, and in *total of all; by the whole block. */
__device__ int64_t sum_before(int64_t mine, int64_t *total) {
  CR_SHARED(int64_t, warps, THREADS / 32);
  int lane = (int)(threadIdx.x % warpSize), warp = (int)(threadIdx.x / warpSize);
  int64_t upto = mine, before = 0;
  for (int d = 1; d < warpSize; d *= 2) {
    int64_t other = __shfl_up_sync(ALL_LANES, upto, d);
    if (lane >= d) upto += other;
  }
  __syncthreads();
  if (lane == warpSize - 1) warps[warp] = upto;
  __syncthreads();
  *total = 0;
  for (int w = 0; w < THREADS / 32; w++) {
    if (w < warp) before += warps[w];
    *total += warps[w];
  }
  return before + upto - mine;
}

__device__ __forceinline__ int64_t count_mine(const uint8_t *mask, int64_t begin, int64_t n) {
  int64_t count = 0;
  for (int64_t i = begin; i < begin + EACH && i < n; i++) count += mask[i] != 0;
  return count;
}

__global__ void __launch_bounds__(THREADS)
    count_pieces(const uint8_t *mask, int64_t n, int64_t pieces, int64_t *counts) {
  for (int64_t p = blockIdx.x; p < pieces; p += gridDim.x) {
    int64_t total;
    sum_before(count_mine(mask, p * PIECE + threadIdx.x * EACH, n), &total);
    if (threadIdx.x == 0) counts[p] = total;
  }
}

/* Turns counts into the sums of those before; the sum of all goes to counts[pieces].  One block. */
__global__ void __launch_bounds__(THREADS) add_up_pieces(int64_t *counts, int64_t pieces) {
  int64_t sum = 0;
  for (int64_t first = 0; first < pieces; first += THREADS) {
    int64_t p = first + threadIdx.x, total;
    int64_t before = sum_before(p < pieces ? counts[p] : 0, &total);
    if (p < pieces) counts[p] = sum + before;
    sum += total;
  }
  if (threadIdx.x == 0) counts[pieces] = sum;
}

__global__ void __launch_bounds__(THREADS)
    write_places(const uint8_t *mask, int64_t n, int64_t pieces, const int64_t *counts,
                 int64_t *out) {
  for (int64_t p = blockIdx.x; p < pieces; p += gridDim.x) {
    int64_t total, begin = p * PIECE + threadIdx.x * EACH;
    int64_t at = counts[p] + sum_before(count_mine(mask, begin, n), &total);
    for (int64_t i = begin; i < begin + EACH && i < n; i++) {
      if (mask[i]) out[at++] = i;
    }
  }
}

static int64_t nonzero(const void *mask, int64_t n, int64_t *out) {
  if (n == 0) return 0;
  const uint8_t *m = static_cast<const uint8_t *>(mask);
  int64_t pieces = (n + PIECE - 1) / PIECE, count = 0;
  cr_scratch room(((size_t)pieces + 1) * sizeof(int64_t));
  int64_t *counts = room.as<int64_t>();
  if (!counts) return -1;
  unsigned blocks = cr_blocks(pieces, 1);
  bool ok =
      cr_launch("nonzero", count_pieces, blocks, THREADS, 0, m, n, pieces, counts) &&
      cr_launch("nonzero", add_up_pieces, 1, THREADS, 0, counts, pieces) &&
      (!out || cr_launch("nonzero", write_places, blocks, THREADS, 0, m, n, pieces, counts, out));
  if (!ok || !cr_cuda_enter()) return -1;
  return cr_cuda_read(&count, counts + pieces, sizeof count, "nonzero") ? count : -1;
}

void cr_cuda_fill_index(cr_backend *b) {
  b->gather = gather;
  b->scatter = scatter;
  b->index_select = index_select;
  b->index_add = index_add;
  b->nonzero = nonzero;
}
