/* recurrent.cu: the cells of LSTM and GRU and their derivatives, each in one pass over memory.  A
 * thread makes one unit of one sample. */
#include "cuda/loop.h"

#define THREADS 256

struct cells {
  int64_t count;  /* units of all samples */
  cr_size hidden; /* units of a sample */
};

/* Where a unit is in its sample, how far apart its gates are, and where the first of three, or of
 * four, is. */
struct unit {
  int64_t column, step, gate3, gate4;
};

__device__ __forceinline__ unit unit_of(const cells &s, int64_t k) {
  int64_t row = cr_over(k, s.hidden), n = s.hidden.n, column = k - row * n;
  return {column, n, row * 3 * n + column, row * 4 * n + column};
}

__device__ __forceinline__ float sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}
__device__ __forceinline__ double sigmoid(double x) {
  return 1.0 / (1.0 + exp(-x));
}
__device__ __forceinline__ float hyperbolic(float x) {
  return tanhf(x);
}
__device__ __forceinline__ double hyperbolic(double x) {
  return tanh(x);
}

/* ---- LSTM ------------------------------------------------------------------------------- */

template <typename T>
__global__ void __launch_bounds__(THREADS)
    lstm_kernel(const __grid_constant__ cells s, T *gates, T *h, T *c, const T *c_prev) {
  for (int64_t k = cr_thread(); k < s.count; k += cr_threads()) {
    unit u = unit_of(s, k);
    T *at = gates + u.gate4;
    T i = sigmoid(at[0]), f = sigmoid(at[u.step]), g = hyperbolic(at[2 * u.step]);
    T o = sigmoid(at[3 * u.step]), cell = f * c_prev[k] + i * g;
    at[0] = i;
    at[u.step] = f;
    at[2 * u.step] = g;
    at[3 * u.step] = o;
    c[k] = cell;
    h[k] = o * hyperbolic(cell);
  }
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    lstm_backward_kernel(const __grid_constant__ cells s, T *ggates, T *gc, const T *gh,
                         const T *gates, const T *c, const T *c_prev) {
  for (int64_t k = cr_thread(); k < s.count; k += cr_threads()) {
    unit u = unit_of(s, k);
    const T *at = gates + u.gate4;
    T *to = ggates + u.gate4;
    T i = at[0], f = at[u.step], g = at[2 * u.step], o = at[3 * u.step], t = hyperbolic(c[k]);
    T cell = gc[k] + gh[k] * o * (1 - t * t);
    to[0] = cell * g * i * (1 - i);
    to[u.step] = cell * c_prev[k] * f * (1 - f);
    to[2 * u.step] = cell * i * (1 - g * g);
    to[3 * u.step] = gh[k] * t * o * (1 - o);
    gc[k] = cell * f;
  }
}

/* ---- GRU -------------------------------------------------------------------------------- */

template <typename T>
__global__ void __launch_bounds__(THREADS)
    gru_kernel(const __grid_constant__ cells s, T *act, T *h, const T *gi, const T *gh,
               const T *bias, const T *h_prev) {
  for (int64_t k = cr_thread(); k < s.count; k += cr_threads()) {
    unit u = unit_of(s, k);
    const T *x = gi + u.gate3, *y = gh + u.gate3;
    T *to = act + u.gate4;
    T b0 = bias ? bias[u.column] : 0, b1 = bias ? bias[u.step + u.column] : 0;
    T b2 = bias ? bias[2 * u.step + u.column] : 0;
    T r = sigmoid(x[0] + y[0] + b0), z = sigmoid(x[u.step] + y[u.step] + b1);
    T state = y[2 * u.step] + b2, n = hyperbolic(x[2 * u.step] + r * state);
    to[0] = r;
    to[u.step] = z;
    to[2 * u.step] = n;
    to[3 * u.step] = state;
    h[k] = n + z * (h_prev[k] - n);
  }
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    gru_backward_kernel(const __grid_constant__ cells s, T *ggi, T *ggh, T *gh_prev, const T *g,
                        const T *act, const T *h_prev) {
  for (int64_t k = cr_thread(); k < s.count; k += cr_threads()) {
    unit u = unit_of(s, k);
    const T *at = act + u.gate4;
    T *to_input = ggi + u.gate3, *to_state = ggh + u.gate3;
    T r = at[0], z = at[u.step], n = at[2 * u.step], state = at[3 * u.step];
    T gn = g[k] * (1 - z) * (1 - n * n), gz = g[k] * (h_prev[k] - n) * z * (1 - z);
    T gr = gn * state * r * (1 - r);
    to_input[0] = to_state[0] = gr;
    to_input[u.step] = to_state[u.step] = gz;
    to_input[2 * u.step] = gn;
    to_state[2 * u.step] = gn * r;
    gh_prev[k] += g[k] * z;
  }
}

/* ---- the entries ------------------------------------------------------------------------ */

/* kernel(cells, out, the other arguments) for each unit. */
template <typename T, typename... P, typename... A>
static bool run(const char *name, void (*kernel)(cells, T *, P...), const cr_cell_shape *s,
                void *out, A... others) {
  int64_t count = s->rows * s->hidden;
  if (count == 0) return true;
  cells c = {count, cr_size_of(s->hidden, count)};
  return cr_launch(name, kernel, cr_blocks(count, THREADS), THREADS, 0, c, static_cast<T *>(out),
                   static_cast<P>(others)...);
}

#define RUN(name, kernel, ...)                                                                     \
  (s->dtype == CR_FLOAT64 ? run(name, kernel<double>, s, __VA_ARGS__)                              \
                          : run(name, kernel<float>, s, __VA_ARGS__))

static bool lstm_cell(const cr_cell_shape *s, void *gates, void *h, void *c, const void *c_prev) {
  return RUN("LSTM cell", lstm_kernel, gates, h, c, c_prev);
}

static bool lstm_cell_backward(const cr_cell_shape *s, void *ggates, void *gc, const void *gh,
                               const void *gates, const void *c, const void *c_prev) {
  return RUN("LSTM cell's gradient", lstm_backward_kernel, ggates, gc, gh, gates, c, c_prev);
}

static bool gru_cell(const cr_cell_shape *s, void *act, void *h, const void *gi, const void *gh,
                     const void *bias, const void *h_prev) {
  return RUN("GRU cell", gru_kernel, act, h, gi, gh, bias, h_prev);
}

static bool gru_cell_backward(const cr_cell_shape *s, void *ggi, void *ggh, void *gh_prev,
                              const void *g, const void *act, const void *h_prev) {
  return RUN("GRU cell's gradient", gru_backward_kernel, ggi, ggh, gh_prev, g, act, h_prev);
}

void cr_cuda_fill_recurrent(cr_nn_backend *b) {
  b->lstm_cell = lstm_cell;
  b->lstm_cell_backward = lstm_cell_backward;
  b->gru_cell = gru_cell;
  b->gru_cell_backward = gru_cell_backward;
}
