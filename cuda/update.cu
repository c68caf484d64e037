/* update.cu: one step of an optimizer in one pass over a parameter, its gradient and its states; or
 * over those of many parameters in one launch. */
#include "cuda/block.h"
#include "cuda/loop.h"
#include "tensor/functions.h"

#define REAL float
#define NAME(f) f##_float
#define SQRT sqrtf
#include "tensor/update.inc"
#undef REAL
#undef NAME
#undef SQRT
#define REAL double
#define NAME(f) f##_double
#define SQRT sqrt
#include "tensor/update.inc"
#undef REAL
#undef NAME
#undef SQRT

/* The formulas by type. */
#define RULES(type)                                                                                \
  __device__ __forceinline__ void apply(cr_update_rule rule, type g, type *x, type *s,             \
                                        const cr_update_args &a) {                                 \
    cr_numbers_##type k = cr_numbers_of_##type(&a);                                                \
    switch (rule) {                                                                                \
    case CR_UPDATE_SGD: return cr_update_sgd_##type(x, g, &s[0], a.has[0], a.nesterov, &k);        \
    case CR_UPDATE_ADAM: return cr_update_adam_##type(x, g, &s[0], &s[1], &s[2], a.has[2], &k);    \
    case CR_UPDATE_RMSPROP:                                                                        \
      return cr_update_rmsprop_##type(x, g, &s[0], &s[1], &s[2], a.has[1], a.has[2], &k);          \
    case CR_UPDATE_ADAGRAD: return cr_update_adagrad_##type(x, g, &s[0], &k);                      \
    case CR_UPDATE_LION: return cr_update_lion_##type(x, g, &s[0], &k);                            \
    case CR_UPDATE_AVERAGE: return cr_update_average_##type(x, g, &k);                             \
    case CR_UPDATE_SCALE:                                                                          \
      if (cr_update_scale_##type(x, k.rate, (type)a.bound) && a.beyond) *a.beyond = 1;             \
      return;                                                                                      \
    default: *x = 0;                                                                               \
    }                                                                                              \
  }
RULES(float)
RULES(double)

/* What of operands 0 to 4 a rule reads; what is missing is neither read nor written. */
template <int RULE> __device__ __forceinline__ bool uses(const cr_update_args &a, int k) {
  if (k < 2) return k == 0 ? RULE != CR_UPDATE_ZERO : RULE < CR_UPDATE_SCALE;
  return a.has[k - 2];
}

/* Takes the numbers of this replay. */
__device__ __forceinline__ void refresh(cr_update_args *a) {
  if (!a->now) return;
  cr_update_args now = *a->now;
  memcpy(now.has, a->has, sizeof now.has);
  *a = now;
}

/* Whether there is anything to do; SCALE learns its factor where there are sums of squares. */
template <int RULE> __device__ __forceinline__ bool begin(cr_update_args *a) {
  if (RULE < CR_UPDATE_SCALE) refresh(a);
  if (RULE != CR_UPDATE_SCALE) return true;
  a->rate = cr_scale_factor(a);
  return a->rate != 1 || a->beyond;
}

template <typename C, int RULE>
__global__ void __launch_bounds__(CR_LOOP_THREADS)
    update_kernel(const __grid_constant__ cr_places<5> l, cr_update_args a) {
  if (!begin<RULE>(&a)) return;
  for (int64_t i = cr_thread(); i < l.numel; i += cr_threads()) {
    int64_t at[5];
    cr_find(l, i, at);
    C x[5] = {0, 0, 0, 0, 0};
#pragma unroll
    for (int k = 0; k < 5; k++)
      if (uses<RULE>(a, k)) x[k] = cr_read_at<C>(l, k, at[k]);
    apply((cr_update_rule)RULE, x[1], &x[0], &x[2], a);
#pragma unroll
    for (int k = 0; k < 5; k++)
      if (k == 0 || (k > 1 && a.has[k - 2])) cr_write(x[k], l.dtype[k], l.data[k] + at[k]);
  }
}

/* ---- many parameters -------------------------------------------------------------------- */

/* A launch's arguments are 4096 bytes at most. */
#define TABLE_BYTES 3840
#define CHUNK 4096 /* elements that a block takes at a time */
#define TOGETHER 4 /* elements that a thread reads before it writes */

/* The runs of one launch.  Run r has the chunks from first[r] to first[r + 1]. */
template <int N> struct table {
  enum { MOST = (TABLE_BYTES - 16) / (8 * N + 12) };
  int64_t dtype, chunks;
  int64_t n[MOST];
  char *data[MOST][N];
  uint32_t first[MOST];
  int32_t count;
};
static_assert(sizeof(table<5>) + sizeof(cr_update_args) + 64 <= 4096, "too many arguments");

/* The elements of one chunk. */
struct chunk {
  int run;
  int64_t begin, end;
};

template <int N> __device__ __forceinline__ chunk find_chunk(const table<N> &t, int64_t c) {
  int low = 0, high = t.count; /* first[low] <= c < first[high] */
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (t.first[middle] <= c)
      low = middle;
    else
      high = middle;
  }
  int64_t begin = (c - t.first[low]) * CHUNK, end = begin + CHUNK;
  return {low, begin, end < t.n[low] ? end : t.n[low]};
}

template <typename C> __device__ __forceinline__ int64_t size_of(int64_t dtype) {
  return sizeof(C) == 8 ? 8 : dtype == CR_FLOAT32 ? 4 : 2;
}

template <typename C, int RULE>
__device__ __forceinline__ void update_chunk(const table<5> &t, chunk c, const cr_update_args &a) {
  const int64_t size = size_of<C>(t.dtype);
  for (int64_t i = c.begin + threadIdx.x; i < c.end; i += TOGETHER * CR_LOOP_THREADS) {
    C x[TOGETHER][5];
#pragma unroll
    for (int v = 0; v < TOGETHER; v++)
#pragma unroll
      for (int k = 0; k < 5; k++) {
        int64_t at = i + v * CR_LOOP_THREADS;
        x[v][k] = 0;
        if (at < c.end && uses<RULE>(a, k))
          cr_read(&x[v][k], t.dtype, t.data[c.run][k] + at * size);
      }
#pragma unroll
    for (int v = 0; v < TOGETHER; v++) {
      int64_t at = i + v * CR_LOOP_THREADS;
      if (at >= c.end) break;
      apply((cr_update_rule)RULE, x[v][1], &x[v][0], &x[v][2], a);
#pragma unroll
      for (int k = 0; k < 5; k++)
        if (k == 0 || (k > 1 && a.has[k - 2]))
          cr_write(x[v][k], t.dtype, t.data[c.run][k] + at * size);
    }
  }
}

template <typename C, int RULE>
__global__ void __launch_bounds__(CR_LOOP_THREADS)
    update_runs_kernel(const __grid_constant__ table<5> t, cr_update_args a) {
  if (!begin<RULE>(&a)) return;
  for (int64_t c = blockIdx.x; c < t.chunks; c += gridDim.x)
    update_chunk<C, RULE>(t, find_chunk(t, c), a);
}

/* Puts runs from *next on into a table; false when there are none left. */
template <int N> static bool fill_table(table<N> *t, const cr_runs *r, int *next) {
  memset(t, 0, sizeof *t);
  t->dtype = r->dtype;
  for (; *next < r->count && t->count < table<N>::MOST; ++*next) {
    const cr_run *run = &r->run[*next];
    if (run->n == 0) continue;
    int at = t->count++;
    t->n[at] = run->n;
    t->first[at] = (uint32_t)t->chunks;
    for (int k = 0; k < N; k++) t->data[at][k] = run->data[k];
    t->chunks += (run->n + CHUNK - 1) / CHUNK;
  }
  return t->count > 0;
}

/* ---- sums of squares -------------------------------------------------------------------- */

template <typename C>
__global__ void __launch_bounds__(CR_LOOP_THREADS)
    squares_kernel(const __grid_constant__ table<1> t, double *part) {
  const int64_t size = size_of<C>(t.dtype);
  for (int64_t c = blockIdx.x; c < t.chunks; c += gridDim.x) {
    chunk k = find_chunk(t, c);
    double sum = 0;
#pragma unroll 4
    for (int64_t i = k.begin + threadIdx.x; i < k.end; i += CR_LOOP_THREADS) {
      C x;
      cr_read(&x, t.dtype, t.data[k.run][0] + i * size);
      sum += (double)x * x;
    }
    sum = cr_block_sum<CR_LOOP_THREADS>(sum);
    if (threadIdx.x == 0) part[c] = sum;
  }
}

__global__ void __launch_bounds__(CR_LOOP_THREADS)
    join_squares(const double *part, int64_t n, double *out) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += CR_LOOP_THREADS) sum += part[i];
  sum = cr_block_sum<CR_LOOP_THREADS>(sum);
  if (threadIdx.x == 0) *out = sum;
}

static bool squares(const cr_runs *r, double *out) {
  int64_t chunks = 0, done = 0;
  table<1> t;
  for (int i = 0; i < r->count; i++) chunks += (r->run[i].n + CHUNK - 1) / CHUNK;
  cr_scratch part((size_t)chunks * sizeof(double));
  if (!part.p) return false;
  for (int next = 0; fill_table(&t, r, &next); done += t.chunks) {
    auto kernel = r->dtype == CR_FLOAT64 ? squares_kernel<double> : squares_kernel<float>;
    unsigned blocks = cr_blocks(t.chunks, 1);
    if (!cr_launch("norm", kernel, blocks, CR_LOOP_THREADS, 0, t, part.as<double>() + done))
      return false;
  }
  return cr_launch("norm", join_squares, 1, CR_LOOP_THREADS, 0, part.as<double>(), chunks, out);
}

/* ---- launching -------------------------------------------------------------------------- */

/* Either of the two is given. */
struct work {
  const cr_iter *it;
  const cr_runs *runs;
};

template <typename C, int RULE> static bool launch(work w, const cr_update_args *a) {
  if (w.it)
    return cr_launch("update", update_kernel<C, RULE>, cr_blocks(w.it->numel, CR_LOOP_THREADS),
                     CR_LOOP_THREADS, 0, cr_places_of<5>(w.it), *a);
  table<5> t;
  for (int next = 0; fill_table(&t, w.runs, &next);)
    if (!cr_launch("update", update_runs_kernel<C, RULE>, cr_blocks(t.chunks, 1), CR_LOOP_THREADS,
                   0, t, *a))
      return false;
  return true;
}

template <typename C> static bool by_rule(cr_update_rule rule, work w, const cr_update_args *a) {
  switch (rule) {
  case CR_UPDATE_SGD: return launch<C, CR_UPDATE_SGD>(w, a);
  case CR_UPDATE_ADAM: return launch<C, CR_UPDATE_ADAM>(w, a);
  case CR_UPDATE_RMSPROP: return launch<C, CR_UPDATE_RMSPROP>(w, a);
  case CR_UPDATE_ADAGRAD: return launch<C, CR_UPDATE_ADAGRAD>(w, a);
  case CR_UPDATE_LION: return launch<C, CR_UPDATE_LION>(w, a);
  case CR_UPDATE_AVERAGE: return launch<C, CR_UPDATE_AVERAGE>(w, a);
  case CR_UPDATE_SCALE: return launch<C, CR_UPDATE_SCALE>(w, a);
  default: return launch<C, CR_UPDATE_ZERO>(w, a);
  }
}

static bool update(cr_update_rule rule, const cr_iter *it, const cr_update_args *a) {
  if (it->numel == 0) return true;
  work w = {it, NULL};
  bool wide = it->op[0].dtype == CR_FLOAT64;
  return wide ? by_rule<double>(rule, w, a) : by_rule<float>(rule, w, a);
}

static bool update_runs(cr_update_rule rule, const cr_runs *r, const cr_update_args *a) {
  work w = {NULL, r};
  return r->dtype == CR_FLOAT64 ? by_rule<double>(rule, w, a) : by_rule<float>(rule, w, a);
}

void cr_cuda_fill_update(cr_backend *b) {
  b->update = update;
  b->update_runs = update_runs;
  b->squares = squares;
}
