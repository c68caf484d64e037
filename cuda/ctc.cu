/* ctc.cu: connectionist temporal classification: a block for each sequence, a thread for each
 * state. Sums of probabilities are kept as logarithms, in double; no sum's order depends on the
 * run. */
#include "cuda/middle.h"

#include <math.h>

#define THREADS 128

__device__ __forceinline__ double log_add(double a, double b) {
  double most = a > b ? a : b;
  return most == -INFINITY ? most : most + log1p(exp((a > b ? b : a) - most));
}

/* cr_ctc_args without padding, as kernels want their arguments. */
struct problem {
  int64_t t, n, classes, s, blank;
  const int64_t *target, *steps, *labels;
  int64_t zero_infinity;
};

/* One sequence, whose target has the states blank, class, blank, .. */
template <typename T> struct sequence {
  problem a;
  int64_t i, steps, states;
  const T *logp;
  T *grad;
  double *alpha, *beta, *way; /* steps x states; 2 x states; states */
  int64_t *next;              /* states: the next one of the same class, 0 for none */

  __device__ __forceinline__ int64_t class_of(int64_t s) const {
    return s % 2 ? a.target[i * a.s + s / 2] : a.blank;
  }
  __device__ __forceinline__ bool may_skip(int64_t s) const {
    return s > 1 && s % 2 && class_of(s) != class_of(s - 2);
  }
  __device__ __forceinline__ double logp_of(int64_t t, int64_t s) const {
    return (double)logp[(t * a.n + i) * a.classes + class_of(s)];
  }

  __device__ void forward() const {
    for (int64_t t = 0; t < steps; t++) {
      const double *before = alpha + (t - 1) * states;
      for (int64_t s = threadIdx.x; s < states; s += blockDim.x) {
        double sum = s < 2 ? 0 : -INFINITY;
        if (t > 0) {
          sum = before[s];
          if (s > 0) sum = log_add(sum, before[s - 1]);
          if (may_skip(s)) sum = log_add(sum, before[s - 2]);
        }
        alpha[t * states + s] = sum + logp_of(t, s);
      }
      __syncthreads();
    }
  }

  __device__ double total() const {
    if (steps == 0) return states == 1 ? 0 : -INFINITY;
    const double *last = alpha + (steps - 1) * states;
    return states == 1 ? last[0] : log_add(last[states - 1], last[states - 2]);
  }

  /* Chains the states of a class; a state that is not the first of its class has its sign set. */
  __device__ void chain() const {
    for (int64_t s = threadIdx.x; s < states; s += blockDim.x) {
      int64_t c = class_of(s), to = s + 1, from = s - 1;
      while (to < states && class_of(to) != c) to++;
      while (from >= 0 && class_of(from) != c) from--;
      next[s] = (to < states ? to : 0) | (from >= 0 ? INT64_MIN : 0);
    }
    __syncthreads();
  }

  __device__ double from_here(int64_t t, int64_t s, const double *after) const {
    if (t == steps - 1) return s >= states - 2 ? 0 : -INFINITY;
    double sum = after[s] + logp_of(t + 1, s);
    if (s + 1 < states) sum = log_add(sum, after[s + 1] + logp_of(t + 1, s + 1));
    if (s + 2 < states && may_skip(s + 2)) sum = log_add(sum, after[s + 2] + logp_of(t + 1, s + 2));
    return sum;
  }

  __device__ void gradient(double whole) const {
    chain();
    for (int64_t t = steps - 1; t >= 0; t--) {
      double *now = beta + (t % 2) * states, *after = beta + ((t + 1) % 2) * states;
      for (int64_t s = threadIdx.x; s < states; s += blockDim.x) {
        now[s] = from_here(t, s, after);
        way[s] = exp(alpha[t * states + s] + now[s] - whole);
      }
      __syncthreads();
      for (int64_t s = threadIdx.x; s < states; s += blockDim.x) {
        if (next[s] < 0) continue;
        double sum = 0;
        for (int64_t k = s;;) {
          sum += way[k];
          if (!(k = next[k] & INT64_MAX)) break;
        }
        grad[(t * a.n + i) * a.classes + class_of(s)] = (T)-sum;
      }
      __syncthreads();
    }
  }
};

/* The doubles and the 64-bit numbers that a sequence needs. */
static int64_t room_of(const cr_ctc_args *a) {
  return (a->t + 4) * (2 * a->s + 1);
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    ctc_kernel(problem a, T *loss, T *grad, const T *logp, double *room, int64_t each) {
  for (int64_t i = blockIdx.x; i < a.n; i += gridDim.x) {
    double *mine = room + i * each;
    int64_t most = 2 * a.s + 1;
    sequence<T> q = {a,
                     i,
                     a.steps[i],
                     2 * a.labels[i] + 1,
                     logp,
                     grad,
                     mine,
                     mine + a.t * most,
                     mine + (a.t + 2) * most,
                     reinterpret_cast<int64_t *>(mine + (a.t + 3) * most)};
    q.forward();
    double whole = q.total();
    bool left_out = whole == -INFINITY && a.zero_infinity;
    if (threadIdx.x == 0) loss[i] = left_out ? (T)0 : (T)-whole;
    if (!grad) continue;
    for (int64_t k = threadIdx.x; k < a.t * a.classes; k += blockDim.x)
      grad[(k / a.classes * a.n + i) * a.classes + k % a.classes] = 0;
    __syncthreads();
    if (!left_out) q.gradient(whole);
  }
}

static bool ctc(const cr_ctc_args *a, void *loss, void *grad, const void *logp) {
  return cr_by_type(a->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    int64_t each = room_of(a);
    cr_scratch room((size_t)(a->n * each) * sizeof(double));
    if (a->n == 0) return true;
    problem p = {a->t,     a->n,      a->classes,      a->s, a->blank, a->target,
                 a->steps, a->labels, a->zero_infinity};
    return room.p &&
           cr_launch("nn.CTCLoss", ctc_kernel<T>, cr_blocks(a->n, 1), THREADS, 0, p, cr_as<T>(loss),
                     cr_as<T>(grad), cr_as<T>(logp), room.as<double>(), each);
  });
}

void cr_cuda_fill_ctc(cr_nn_backend *b) {
  b->ctc = ctc;
}
