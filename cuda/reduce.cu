/* reduce.cu: reductions, along lines or down columns, in pieces that the shape alone decides.
 *
 * Floats accumulate in double, integers in int64, as on the CPU.  Where what is reduced lies close
 * together, a group of threads shares each output: 1 to 32 neighbours, or a block.  Where the
 * outputs do, each thread takes a column, and the block's rows of threads take turns.  Where
 * outputs are few and long, what is reduced is split, and a second kernel joins the parts. */
#include "cuda/cast.h"
#include "cuda/loop.h"

#define THREADS 256
#define ALL_LANES 0xffffffffu

/* ---- operations ------------------------------------------------------------------------- */

/* What has been taken in so far, and for ARGMAX and ARGMIN where it was. */
template <typename T> struct plain { T v; };
template <typename T> struct placed {
  T v;
  int64_t at;
};

/* `taken` and `joined` are the new state from the old one v and an element x or a state x that
 * comes after it. */
#define PLAIN(name, element, type, begin, taken, joined)                                           \
  struct name {                                                                                    \
    typedef plain<type> state;                                                                     \
    __device__ __forceinline__ static state start() { return {begin}; }                            \
    __device__ __forceinline__ static void take(state &s, element x, int64_t) {                    \
      type v = s.v;                                                                                \
      s.v = (type)(taken);                                                                         \
    }                                                                                              \
    __device__ __forceinline__ static void join(state &s, const state &other) {                    \
      type v = s.v, x = other.v;                                                                   \
      s.v = (type)(joined);                                                                        \
    }                                                                                              \
  };
#define SAME(name, type, begin, taken) PLAIN(name, type, type, begin, taken, taken)

SAME(sum, double, 0, v + x)
PLAIN(sum_of_squares, double, double, 0, v + x * x, v + x)
PLAIN(sum_of_magnitudes, double, double, 0, v + fabs(x), v + x)
SAME(product, double, 1, v *x)
SAME(largest, double, -INFINITY, x > v || x != x ? x : v)
SAME(smallest, double, INFINITY, x < v || x != x ? x : v)
PLAIN(count, double, int64_t, 0, v + (x != 0), v + x)
SAME(int_sum, int64_t, 0, (uint64_t)v + (uint64_t)x)
SAME(int_product, int64_t, 1, (uint64_t)v *(uint64_t)x)
SAME(int_largest, int64_t, INT64_MIN, x > v ? x : v)
SAME(int_smallest, int64_t, INT64_MAX, x < v ? x : v)
PLAIN(int_count, int64_t, int64_t, 0, v + (x != 0), v + x)

/* The first of equals wins, and the first NaN over everything; so the order does not matter. */
#define PLACED(name, type, begin, cmp)                                                             \
  struct name {                                                                                    \
    typedef placed<type> state;                                                                    \
    __device__ __forceinline__ static state start() { return {begin, INT64_MAX}; }                 \
    __device__ __forceinline__ static void take(state &s, type x, int64_t i) {                     \
      bool is_nan = x != x, was_nan = s.v != s.v, before = i < s.at;                               \
      bool better = x cmp s.v || (x == s.v && before);                                             \
      if (is_nan || was_nan) better = is_nan && (!was_nan || before);                              \
      if (better) s = {x, i};                                                                      \
    }                                                                                              \
    __device__ __forceinline__ static void join(state &s, const state &other) {                    \
      take(s, other.v, other.at);                                                                  \
    }                                                                                              \
  };

PLACED(place_of_largest, double, -INFINITY, >)
PLACED(place_of_smallest, double, INFINITY, <)
PLACED(int_place_of_largest, int64_t, INT64_MIN, >)
PLACED(int_place_of_smallest, int64_t, INT64_MAX, <)

template <typename T> __device__ __forceinline__ plain<T> from_lane(const plain<T> &s, int across) {
  return {__shfl_xor_sync(ALL_LANES, s.v, across)};
}
template <typename T>
__device__ __forceinline__ placed<T> from_lane(const placed<T> &s, int across) {
  T v = __shfl_xor_sync(ALL_LANES, s.v, across);
  return {v, __shfl_xor_sync(ALL_LANES, s.at, across)};
}

/* ---- elements --------------------------------------------------------------------------- */

/* How an element is read: as a type known when this is compiled, several at a time, … */
template <typename T, typename N> struct typed {
  enum { PACK = 16 / sizeof(T) };
  typedef T type;
  __device__ __forceinline__ static N load(const char *p, int64_t) {
    return (N)cr_wide(*reinterpret_cast<const T *>(p));
  }
};
/* … or as one of several. */
struct any_float {
  enum { PACK = 1 };
  typedef uint8_t type;
  __device__ __forceinline__ static double load(const char *p, int64_t dtype) {
    float x;
    if (dtype == CR_FLOAT64) return *reinterpret_cast<const double *>(p);
    cr_read(&x, dtype, p);
    return x;
  }
};
struct any_integer {
  enum { PACK = 1 };
  typedef uint8_t type;
  __device__ __forceinline__ static int64_t load(const char *p, int64_t dtype) {
    int64_t x;
    cr_read(&x, dtype, p);
    return x;
  }
};

/* ---- the work --------------------------------------------------------------------------- */

struct reduction {
  int64_t nkeep, nred, nout, nin, out_dtype, in_dtype;
  cr_size keep[CR_MAX_DIMS], red[CR_MAX_DIMS];
  int64_t out_stride[CR_MAX_DIMS], in_keep[CR_MAX_DIMS], in_red[CR_MAX_DIMS];
  char *out;
  const char *in;
  bool all;              /* the result is whether the count is nin */
  bool packed;           /* a line is without gaps, and aligned for packs */
  int64_t splits, chunk; /* of what is reduced: how many, of how many elements */
  void *parts;           /* the state of each output's splits, when there are several */
};

/* Where output o is read from, and written to. */
__device__ __forceinline__ void find_output(const reduction &r, int64_t o, const char **in,
                                            char **out) {
  *in = r.in;
  *out = r.out;
  for (int d = 0; d < r.nkeep; d++) {
    int64_t q = cr_over(o, r.keep[d]), i = o - q * r.keep[d].n;
    o = q;
    *in += i * r.in_keep[d];
    *out += i * r.out_stride[d];
  }
}

/* How far reduced element i is from the first. */
__device__ __forceinline__ int64_t find_reduced(const reduction &r, int64_t i) {
  int64_t at = 0;
  for (int d = 0; d < r.nred; d++) {
    int64_t q = cr_over(i, r.red[d]);
    at += (i - q * r.red[d].n) * r.in_red[d];
    i = q;
  }
  return at;
}

__device__ __forceinline__ void write_result(const reduction &r, char *out,
                                             const plain<double> &s) {
  cr_store(s.v, r.out_dtype, out);
}
__device__ __forceinline__ void write_result(const reduction &r, char *out,
                                             const plain<int64_t> &s) {
  cr_store(r.all ? (int64_t)(s.v == r.nin) : s.v, r.out_dtype, out);
}
template <typename T>
__device__ __forceinline__ void write_result(const reduction &r, char *out, const placed<T> &s) {
  cr_store(s.at, r.out_dtype, out);
}

template <typename S>
__device__ __forceinline__ void finish(const reduction &r, int64_t o, int64_t split, char *out,
                                       const S &s) {
  if (r.splits > 1)
    static_cast<S *>(r.parts)[o * r.splits + split] = s;
  else
    write_result(r, out, s);
}

/* Every step-th element from begin to end. */
template <typename Op, typename R>
__device__ __forceinline__ void take_steps(const reduction &r, typename Op::state &s,
                                           const char *in, int64_t begin, int64_t end, int step) {
  if (r.nred > 1) {
#pragma unroll 1
    for (int64_t i = begin; i < end; i += step)
      Op::take(s, R::load(in + find_reduced(r, i), r.in_dtype), i);
    return;
  }
#pragma unroll(R::PACK > 1 ? 4 : 2)
  for (int64_t i = begin; i < end; i += step)
    Op::take(s, R::load(in + i * r.in_red[0], r.in_dtype), i);
}

/* ---- along lines ------------------------------------------------------------------------ */

/* Every step-th of the packs of a line without gaps, and of what is left over. */
template <typename Op, typename R>
__device__ __forceinline__ void take_packs(typename Op::state &s, const char *in, int64_t begin,
                                           int64_t end, int first, int step) {
  typedef cr_pack<typename R::type, R::PACK> pack;
#pragma unroll(R::PACK > 4 ? 2 : 4)
  for (int64_t p = begin / R::PACK + first; p < end / R::PACK; p += step) {
    pack x = reinterpret_cast<const pack *>(in)[p];
#pragma unroll
    for (int v = 0; v < R::PACK; v++)
      Op::take(s, R::load(reinterpret_cast<const char *>(&x.v[v]), 0), p * R::PACK + v);
  }
  for (int64_t i = end / R::PACK * R::PACK + first; i < end; i += step)
    Op::take(s, R::load(in + i * (int64_t)sizeof(typename R::type), 0), i);
}

template <typename Op, typename R>
__device__ __forceinline__ void take_line(const reduction &r, typename Op::state &s, const char *in,
                                          int64_t begin, int64_t end, int first, int step) {
  if (R::PACK > 1 && r.packed) {
    take_packs<Op, R>(s, in, begin, end, first, step);
    return;
  }
  take_steps<Op, R>(r, s, in, begin + first, end, step);
}

/* `group` threads share an output's split: a power of two up to 32, or all. */
template <typename Op, typename R>
__global__ void __launch_bounds__(THREADS)
    reduce_lines(const __grid_constant__ reduction r, int group) {
  CR_SHARED(typename Op::state, warps, THREADS / 32);
  int lane = (int)threadIdx.x % group, per_block = THREADS / group;
  int64_t units = r.nout * r.splits;
  for (int64_t first = (int64_t)blockIdx.x * per_block; first < units;
       first += (int64_t)gridDim.x * per_block) {
    typename Op::state s = Op::start();
    int64_t unit = first + threadIdx.x / (unsigned)group;
    int64_t o = r.splits > 1 ? unit / r.splits : unit, split = unit - o * r.splits;
    const char *in = NULL;
    char *out = NULL;
    if (unit < units) {
      int64_t begin = split * r.chunk, end = begin + r.chunk < r.nin ? begin + r.chunk : r.nin;
      find_output(r, o, &in, &out);
      take_line<Op, R>(r, s, in, begin, end, lane, group);
    }
    for (int d = (group < warpSize ? group : warpSize) / 2; d > 0; d /= 2)
      Op::join(s, from_lane(s, d));
    if (group == THREADS) {
      if (lane % warpSize == 0) warps[lane / warpSize] = s;
      __syncthreads();
      for (int w = 1; lane == 0 && w < THREADS / 32; w++) Op::join(s, warps[w]);
      __syncthreads();
    }
    if (lane == 0 && unit < units) finish(r, o, split, out, s);
  }
}

/* ---- down columns ----------------------------------------------------------------------- */

/* blockDim.x columns at a time. */
template <typename Op, typename R>
__global__ void __launch_bounds__(THREADS) reduce_columns(const __grid_constant__ reduction r) {
  CR_SHARED(typename Op::state, states, THREADS);
  int64_t cols = r.keep[0].n, across = (cols + blockDim.x - 1) / blockDim.x;
  int64_t units = r.nout / cols * across * r.splits;
  int mine = (int)(threadIdx.y * blockDim.x + threadIdx.x);
  for (int64_t unit = blockIdx.x; unit < units; unit += gridDim.x) {
    int64_t block = unit / r.splits, split = unit - block * r.splits;
    int64_t col = block % across * blockDim.x + threadIdx.x, o = block / across * cols + col;
    int64_t begin = split * r.chunk, end = begin + r.chunk < r.nin ? begin + r.chunk : r.nin;
    typename Op::state s = Op::start();
    const char *in = NULL;
    char *out = NULL;
    if (col < cols) {
      find_output(r, o, &in, &out);
      take_steps<Op, R>(r, s, in, begin + threadIdx.y, end, (int)blockDim.y);
    }
    states[mine] = s;
    for (unsigned d = blockDim.y / 2; d > 0; d /= 2) {
      __syncthreads();
      if (threadIdx.y < d) Op::join(states[mine], states[mine + d * blockDim.x]);
    }
    if (threadIdx.y == 0 && col < cols) finish(r, o, split, out, states[mine]);
    __syncthreads();
  }
}

/* ---- parts ------------------------------------------------------------------------------ */

/* A warp joins the parts of an output. */
template <typename Op>
__global__ void __launch_bounds__(THREADS) join_parts(const __grid_constant__ reduction r) {
  int lane = (int)(threadIdx.x % warpSize);
  for (int64_t o = cr_thread() / warpSize; o < r.nout; o += cr_threads() / warpSize) {
    const typename Op::state *parts = static_cast<typename Op::state *>(r.parts) + o * r.splits;
    typename Op::state s = Op::start();
    for (int64_t i = lane; i < r.splits; i += warpSize) Op::join(s, parts[i]);
    for (int d = warpSize / 2; d > 0; d /= 2) Op::join(s, from_lane(s, d));
    const char *in;
    char *out;
    find_output(r, o, &in, &out);
    if (lane == 0) write_result(r, out, s);
  }
}

/* ---- cutting ---------------------------------------------------------------------------- */

/* How a reduction is launched; nothing but the shape and the strides counts. */
struct cut {
  bool down;
  int group;
  dim3 block;
  int64_t units; /* blocks that the outputs make, before splitting */
};

#define ENOUGH 1024    /* blocks that keep a device busy */
#define LEAST_EACH 16  /* elements that a thread should take in */
#define LONG_LINE 1024 /* for which an output gets a block */

static int power_for(int64_t n, int most) {
  int power = 1;
  while (power < most && power < n) power *= 2;
  return power;
}

/* Splits so that there are enough blocks, each with enough to do. */
static void split(reduction *r, int64_t units, int64_t together) {
  int64_t least = together * LEAST_EACH, useful = (r->nin + least - 1) / least;
  int64_t wanted = (ENOUGH + units - 1) / units;
  r->splits = useful < wanted ? useful : wanted;
  if (r->splits < 1) r->splits = 1;
  r->chunk = (r->nin + r->splits - 1) / r->splits;
  r->chunk = (r->chunk + together - 1) / together * together;
  r->splits = r->nin ? (r->nin + r->chunk - 1) / r->chunk : 1;
}

static cut cut_columns(reduction *r) {
  int64_t cols = r->keep[0].n;
  int width = power_for(cols, 128 / (int)cr_dtypes[r->in_dtype].size);
  cut c = {true, 0, dim3((unsigned)width, (unsigned)(THREADS / width)), 0};
  c.units = r->nout / cols * ((cols + width - 1) / width);
  split(r, c.units, c.block.y);
  return c;
}

static cut cut_lines(reduction *r) {
  bool is_long = r->nin > LONG_LINE;
  cut c = {false, is_long ? THREADS : power_for((r->nin + 7) / 8, 32), dim3(THREADS), 0};
  c.units = (r->nout * c.group + THREADS - 1) / THREADS;
  r->splits = 1;
  r->chunk = r->nin;
  if (is_long) split(r, r->nout, THREADS);
  return c;
}

/* Whether packs of 16 bytes can be read. */
static bool is_packed(const reduction *r) {
  int64_t size = (int64_t)cr_dtypes[r->in_dtype].size;
  uint64_t all = reinterpret_cast<uintptr_t>(r->in);
  for (int d = 0; d < r->nkeep; d++) all |= (uint64_t)r->in_keep[d];
  if (r->splits > 1) all |= (uint64_t)(r->chunk * size);
  return r->nred == 1 && r->in_red[0] == size && all % 16 == 0;
}

/* ---- launching -------------------------------------------------------------------------- */

template <typename Op, typename R> static bool run_parts(const reduction &r, const cut &c) {
  unsigned blocks = cr_blocks(c.units * r.splits, 1);
  if (c.down) return cr_launch("reduce", reduce_columns<Op, R>, blocks, c.block, 0, r);
  return cr_launch("reduce", reduce_lines<Op, R>, blocks, c.block, 0, r, c.group);
}

template <typename Op, typename R> static bool run(reduction *r) {
  bool down = r->nkeep && r->nred && r->in_keep[0] < r->in_red[0];
  cut c = down ? cut_columns(r) : cut_lines(r);
  r->packed = is_packed(r);
  if (r->splits == 1) return run_parts<Op, R>(*r, c);
  cr_scratch parts((size_t)(r->nout * r->splits) * sizeof(typename Op::state));
  r->parts = parts.p;
  return parts.p && run_parts<Op, R>(*r, c) &&
         cr_launch("reduce", join_parts<Op>, cr_blocks(r->nout, THREADS / 32), THREADS, 0, *r);
}

static bool undefined(const reduction *r) {
  return cr_fail("this reduction is not defined on %s", cr_dtypes[r->in_dtype].name);
}

template <typename T> static bool frequent_on_floats(cr_reduce_op op, reduction *r) {
  switch (op) {
  case CR_SUM: return run<sum, typed<T, double>>(r);
  case CR_SUMSQ: return run<sum_of_squares, typed<T, double>>(r);
  case CR_AMAX: return run<largest, typed<T, double>>(r);
  case CR_AMIN: return run<smallest, typed<T, double>>(r);
  default: return undefined(r);
  }
}

static bool on_floats(cr_reduce_op op, reduction *r) {
  switch (op) {
  case CR_PROD: return run<product, any_float>(r);
  case CR_SUMABS: return run<sum_of_magnitudes, any_float>(r);
  case CR_ARGMAX: return run<place_of_largest, any_float>(r);
  case CR_ARGMIN: return run<place_of_smallest, any_float>(r);
  case CR_ALL:
  case CR_ANY:
  case CR_COUNT_NONZERO: return run<count, any_float>(r);
  default: break;
  }
  switch (r->in_dtype) {
#define CASE(code, type)                                                                           \
  case code: return frequent_on_floats<type>(op, r);
    CR_EACH_FLOAT(CASE)
#undef CASE
  default: return undefined(r);
  }
}

static bool on_integers(cr_reduce_op op, reduction *r) {
  bool bytes = r->in_dtype == CR_BOOL || r->in_dtype == CR_UINT8;
  switch (op) {
  case CR_SUM:
    return bytes ? run<int_sum, typed<uint8_t, int64_t>>(r) : run<int_sum, any_integer>(r);
  case CR_PROD: return run<int_product, any_integer>(r);
  case CR_AMAX: return run<int_largest, any_integer>(r);
  case CR_AMIN: return run<int_smallest, any_integer>(r);
  case CR_ARGMAX: return run<int_place_of_largest, any_integer>(r);
  case CR_ARGMIN: return run<int_place_of_smallest, any_integer>(r);
  case CR_ALL:
  case CR_ANY:
  case CR_COUNT_NONZERO:
    return bytes ? run<int_count, typed<uint8_t, int64_t>>(r) : run<int_count, any_integer>(r);
  default: return undefined(r);
  }
}

/* ---- the entry -------------------------------------------------------------------------- */

static void swap(int64_t *a, int64_t *b) {
  int64_t t = *a;
  *a = *b;
  *b = t;
}

/* The reduced dimensions in row-major order, so that a flat position is the index. */
static void order_by_index(cr_reduction *r) {
  for (int i = 1; i < r->nred; i++) {
    for (int d = i; d > 0 && r->red_step[d] < r->red_step[d - 1]; d--) {
      swap(&r->red[d], &r->red[d - 1]);
      swap(&r->in_red[d], &r->in_red[d - 1]);
      swap(&r->red_step[d], &r->red_step[d - 1]);
    }
  }
}

static reduction reduction_of(const cr_reduction *given) {
  reduction r;
  memset(&r, 0, sizeof r);
  r.nkeep = given->nkeep, r.nred = given->nred;
  r.nout = given->nout, r.nin = given->nin;
  r.out = given->out, r.in = given->in;
  r.out_dtype = given->out_dtype, r.in_dtype = given->in_dtype;
  for (int d = 0; d < r.nkeep; d++) {
    r.keep[d] = cr_size_of(given->keep[d], r.nout);
    r.out_stride[d] = given->out_stride[d];
    r.in_keep[d] = given->in_keep[d];
  }
  for (int d = 0; d < r.nred; d++) {
    r.red[d] = cr_size_of(given->red[d], r.nin);
    r.in_red[d] = given->in_red[d];
  }
  return r;
}

static bool reduce(cr_reduce_op op, const cr_reduction *given) {
  cr_reduction ordered = *given;
  if (given->nout == 0) return true;
  if (given->nin == 0 && op >= CR_AMAX && op <= CR_ARGMIN)
    return cr_fail("there is no largest or smallest of no elements");
  if (op == CR_ARGMAX || op == CR_ARGMIN) order_by_index(&ordered);
  reduction r = reduction_of(&ordered);
  r.all = op == CR_ALL;
  return cr_dtypes[r.in_dtype].is_float ? on_floats(op, &r) : on_integers(op, &r);
}

void cr_cuda_fill_reduce(cr_backend *b) {
  b->reduce = reduce;
}
