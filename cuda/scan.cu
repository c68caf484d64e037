/* scan.cu: running sums, products, extremes and logarithms of sums along lines.
 *
 * Many lines: a thread each.  Else a block scans a line chunk by chunk; long lines that are few are
 * cut in segments first, whose totals are scanned in between.  How depends on the shape and the
 * strides alone. */
#include "cuda/cast.h"
#include "cuda/loop.h"

#define THREADS 256
#define WARPS (THREADS / 32)
#define EACH 4 /* neighbouring elements of a thread */
#define CHUNK (THREADS * EACH)
#define ALL_LANES 0xffffffffu

/* ---- operations ------------------------------------------------------------------------- */

template <typename T> struct plain { T v; };
/* at < 0: nothing yet. */
template <typename T> struct placed {
  T v;
  int64_t at;
};

#define PLAIN(name, type, begin, joined)                                                           \
  struct name {                                                                                    \
    typedef type number;                                                                           \
    typedef plain<type> state;                                                                     \
    __device__ __forceinline__ static state start() { return {begin}; }                            \
    __device__ __forceinline__ static state of(type x, int64_t) { return {x}; }                    \
    __device__ __forceinline__ static state join(state s, state t) {                               \
      type a = s.v, b = t.v;                                                                       \
      return {(type)(joined)};                                                                     \
    }                                                                                              \
  };

PLAIN(sum, double, 0, a + b)
PLAIN(product, double, 1, a *b)
PLAIN(log_sum, double, -INFINITY, cr_log_add(a, b))
PLAIN(int_sum, int64_t, 0, (uint64_t)a + (uint64_t)b)
PLAIN(int_product, int64_t, 1, (uint64_t)a *(uint64_t)b)

/* The last of equals; once there is a NaN, the first one. */
#define PLACED(name, type, cmp)                                                                    \
  struct name {                                                                                    \
    typedef type number;                                                                           \
    typedef placed<type> state;                                                                    \
    __device__ __forceinline__ static state start() { return {0, -1}; }                            \
    __device__ __forceinline__ static state of(type x, int64_t i) { return {x, i}; }               \
    __device__ __forceinline__ static state join(state s, state t) {                               \
      if (t.at < 0) return s;                                                                      \
      if (s.at < 0) return t;                                                                      \
      return s.v == s.v && (t.v cmp s.v || t.v != t.v) ? t : s;                                    \
    }                                                                                              \
  };

PLACED(place_of_largest, double, >=)
PLACED(place_of_smallest, double, <=)
PLACED(int_place_of_largest, int64_t, >=)
PLACED(int_place_of_smallest, int64_t, <=)

template <typename T>
__device__ __forceinline__ plain<T> from_below(const plain<T> &s, unsigned d) {
  return {__shfl_up_sync(ALL_LANES, s.v, d)};
}
template <typename T>
__device__ __forceinline__ placed<T> from_below(const placed<T> &s, unsigned d) {
  T v = __shfl_up_sync(ALL_LANES, s.v, d);
  return {v, __shfl_up_sync(ALL_LANES, s.at, d)};
}

__device__ __forceinline__ void read(double *x, int64_t dtype, const char *p) {
  float narrow;
  if (dtype == CR_FLOAT64) {
    cr_read(x, dtype, p);
    return;
  }
  cr_read(&narrow, dtype, p);
  *x = narrow;
}
__device__ __forceinline__ void read(int64_t *x, int64_t dtype, const char *p) {
  cr_read(x, dtype, p);
}

template <typename T>
__device__ __forceinline__ void write(const plain<T> &s, int64_t dtype, char *p) {
  cr_store(s.v, dtype, p);
}
template <typename T> __device__ __forceinline__ void write(const placed<T> &s, int64_t, char *p) {
  *reinterpret_cast<int64_t *>(p) = s.at;
}

/* ---- lines ------------------------------------------------------------------------------ */

struct lines {
  cr_places<2> l;
  int64_t n, out_stride, in_stride;
  int64_t segments, length; /* of a line; elements of a segment, a multiple of CHUNK */
};

template <typename Op>
__device__ __forceinline__ typename Op::state element(const lines &s, const char *in, int64_t i) {
  typename Op::number x;
  read(&x, s.l.dtype[1], in + i * s.in_stride);
  return Op::of(x, i);
}

template <typename Op>
__global__ void __launch_bounds__(THREADS) scan_by_threads(const __grid_constant__ lines s) {
  for (int64_t line = cr_thread(); line < s.l.numel; line += cr_threads()) {
    int64_t at[2];
    cr_find(s.l, line, at);
    typename Op::state all = Op::start();
    for (int64_t i = 0; i < s.n; i++) {
      all = Op::join(all, element<Op>(s, s.l.data[1] + at[1], i));
      write(all, s.l.dtype[0], s.l.data[0] + at[0] + i * s.out_stride);
    }
  }
}

/* What the threads before this one have together, and in *total all of them; by the whole block. */
template <typename Op>
__device__ typename Op::state join_before(typename Op::state mine, typename Op::state *total) {
  CR_SHARED(typename Op::state, warps, WARPS);
  int lane = (int)(threadIdx.x % warpSize), warp = (int)(threadIdx.x / warpSize);
  for (int d = 1; d < warpSize; d *= 2) {
    typename Op::state other = from_below(mine, (unsigned)d);
    if (lane >= d) mine = Op::join(other, mine);
  }
  typename Op::state before = from_below(mine, 1), all = Op::start();
  __syncthreads();
  if (lane == warpSize - 1) warps[warp] = mine;
  __syncthreads();
  typename Op::state earlier = all;
  for (int w = 0; w < WARPS; w++) {
    if (w == warp) earlier = all;
    all = Op::join(all, warps[w]);
  }
  *total = all;
  return lane ? Op::join(earlier, before) : earlier;
}

/* A block goes through a segment.  Without `before` (what comes before each segment) it only finds
 * the segments' totals. */
template <typename Op>
__global__ void __launch_bounds__(THREADS)
    scan_by_blocks(const __grid_constant__ lines s, const typename Op::state *before,
                   typename Op::state *totals) {
  for (int64_t unit = blockIdx.x; unit < s.l.numel * s.segments; unit += gridDim.x) {
    int64_t at[2], line = unit / s.segments, begin = (unit - line * s.segments) * s.length;
    int64_t end = begin + s.length < s.n ? begin + s.length : s.n;
    cr_find(s.l, line, at);
    const char *in = s.l.data[1] + at[1];
    typename Op::state all = before ? before[unit] : Op::start(), total;
    for (int64_t chunk = begin; chunk < end; chunk += CHUNK) {
      int64_t first = chunk + threadIdx.x * EACH;
      typename Op::state mine[EACH], running = Op::start();
#pragma unroll
      for (int k = 0; k < EACH; k++) {
        if (first + k < end) running = Op::join(running, element<Op>(s, in, first + k));
        mine[k] = running;
      }
      typename Op::state earlier = Op::join(all, join_before<Op>(running, &total));
#pragma unroll
      for (int k = 0; k < EACH; k++) {
        char *out = s.l.data[0] + at[0] + (first + k) * s.out_stride;
        if (!totals && first + k < end) write(Op::join(earlier, mine[k]), s.l.dtype[0], out);
      }
      all = Op::join(all, total);
    }
    if (totals && threadIdx.x == 0) totals[unit] = all;
  }
}

/* Turns the totals of each line's segments, THREADS at most, into what comes before them. */
template <typename Op>
__global__ void __launch_bounds__(THREADS)
    scan_totals(int64_t count, int segments, typename Op::state *totals) {
  for (int64_t line = blockIdx.x; line < count; line += gridDim.x) {
    typename Op::state all, mine = Op::start(), *p = totals + line * segments + threadIdx.x;
    bool there = (int)threadIdx.x < segments;
    if (there) mine = *p;
    mine = join_before<Op>(mine, &all);
    if (there) *p = mine;
  }
}

/* ---- the host's side -------------------------------------------------------------------- */

#define SHORT_LINE 32   /* for which a block is too much */
#define MANY_LINES 1024 /* that keep a device busy with a thread each */
#define ENOUGH 512      /* blocks that do */

/* Segments so that there are enough blocks. */
static void cut(lines *s) {
  int64_t chunks = (s->n + CHUNK - 1) / CHUNK, wanted = (ENOUGH + s->l.numel - 1) / s->l.numel;
  if (wanted > THREADS) wanted = THREADS;
  int64_t each = (chunks + wanted - 1) / wanted;
  if (each < 4) each = 4;
  s->length = each * CHUNK;
  s->segments = (s->n + s->length - 1) / s->length;
}

template <typename Op> static bool run_segments(const lines &s) {
  typedef typename Op::state state;
  unsigned blocks = cr_blocks(s.l.numel * s.segments, 1);
  state *none = NULL;
  const state *nothing = NULL;
  if (s.segments == 1)
    return cr_launch("scan", scan_by_blocks<Op>, blocks, THREADS, 0, s, nothing, none);
  cr_scratch room((size_t)(s.l.numel * s.segments) * sizeof(state));
  state *totals = room.as<state>();
  return totals && cr_launch("scan", scan_by_blocks<Op>, blocks, THREADS, 0, s, nothing, totals) &&
         cr_launch("scan", scan_totals<Op>, cr_blocks(s.l.numel, 1), THREADS, 0, s.l.numel,
                   (int)s.segments, totals) &&
         cr_launch("scan", scan_by_blocks<Op>, blocks, THREADS, 0, s, (const state *)totals, none);
}

template <typename Op> static bool run(lines *s) {
  int64_t size = (int64_t)cr_dtypes[s->l.dtype[1]].size;
  if (s->n <= SHORT_LINE || (s->l.numel >= MANY_LINES && s->in_stride != size))
    return cr_launch("scan", scan_by_threads<Op>, cr_blocks(s->l.numel, THREADS), THREADS, 0, *s);
  cut(s);
  return run_segments<Op>(*s);
}

static bool scan(cr_reduce_op op, const cr_iter *it, int64_t n, int64_t out_stride,
                 int64_t in_stride) {
  if (n == 0 || it->numel == 0) return true;
  lines s;
  memset(&s, 0, sizeof s);
  s.l = cr_places_of<2>(it);
  s.n = n;
  s.out_stride = out_stride;
  s.in_stride = in_stride;
  bool is_float = cr_dtypes[it->op[1].dtype].is_float;
  switch (op) {
  case CR_SUM: return is_float ? run<sum>(&s) : run<int_sum>(&s);
  case CR_PROD: return is_float ? run<product>(&s) : run<int_product>(&s);
  case CR_ARGMAX: return is_float ? run<place_of_largest>(&s) : run<int_place_of_largest>(&s);
  case CR_ARGMIN: return is_float ? run<place_of_smallest>(&s) : run<int_place_of_smallest>(&s);
  case CR_LOGSUMEXP: return run<log_sum>(&s);
  default: return cr_fail("this operation cannot be scanned");
  }
}

void cr_cuda_fill_scan(cr_backend *b) {
  b->scan = scan;
}
