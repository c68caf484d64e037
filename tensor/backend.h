/* backend.h: what a device must be able to do, and the description of a loop that it is given.
 *
 * A backend is one table of kernels.  Kernels know nothing of the tape, of shapes rules or of Lua:
 * operators (tensor/ops) have checked everything before.  A kernel returns false only for a reason
 * that no check could foresee (a device fault, no scratch memory, an interrupt), with a message. */
#ifndef CR_BACKEND_H
#define CR_BACKEND_H

#include "tensor/basic.h"

#include <math.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- loops ------------------------------------------------------------------------------ */

#define CR_ITER_MAX 5

/* An operand of a loop.  Strides are in bytes, dimension 0 is the innermost. */
typedef struct {
  char *data;
  cr_dtype dtype;
  bool number; /* one number, in host memory whatever the device; all strides are 0 */
  int64_t stride[CR_MAX_DIMS];
} cr_operand;

/* One elementwise loop: op[0] is written, the others are read.  Sizes of 1 are gone, neighbouring
 * dimensions are merged where every operand allows it, and the dimensions are ordered so that
 * op[0]'s strides grow.  A loop over one element has ndim 0; one over none has numel 0. */
typedef struct {
  int nops, ndim;
  int64_t numel;
  int64_t shape[CR_MAX_DIMS];
  cr_operand op[CR_ITER_MAX];
} cr_iter;

/* Describes a loop over out's shape; each input's shape must broadcast to it. */
void cr_iter_make(cr_iter *it, const cr_tensor *out, int nin, cr_tensor *const *in);
/* A further read operand that is one number in every place.  `value` must outlive the loop and hold
 * an element of dtype. */
void cr_iter_scalar(cr_iter *it, cr_dtype dtype, const void *value);
/* Writes s as an element of dtype (rounding, wrapping) to p. */
void cr_store_scalar(cr_dtype dtype, void *p, cr_scalar s);
cr_scalar cr_load_scalar(cr_dtype dtype, const void *p);

/* A reduction: in is read; out is written, once for each index of the kept dimensions.  Kept and
 * reduced dimensions are coalesced separately; dimension 0 is the innermost (smallest in-stride).
 * Strides are in bytes. */
typedef struct {
  int nkeep, nred;
  int64_t keep[CR_MAX_DIMS], red[CR_MAX_DIMS];
  int64_t out_stride[CR_MAX_DIMS];                   /* along keep */
  int64_t in_keep[CR_MAX_DIMS], in_red[CR_MAX_DIMS]; /* along keep, along red */
  int64_t red_step[CR_MAX_DIMS]; /* along red: how much ARGMAX's row-major index grows */
  int64_t nout, nin;             /* products of keep and of red */
  char *out;
  const char *in;
  cr_dtype out_dtype, in_dtype;
} cr_reduction;

/* Describes the reduction of in over ndims dimensions (0-based, different).  out has in's number of
 * dimensions, and size 1 in those. */
void cr_reduction_make(cr_reduction *r, const cr_tensor *out, const cr_tensor *in, int ndims,
                       const int *dims);

/* ---- operation codes -------------------------------------------------------------------- */

typedef enum {
  CR_NEG,
  CR_ABS,
  CR_SIGN,
  CR_SQUARE,
  CR_SQRT,
  CR_RSQRT,
  CR_RECIPROCAL,
  CR_EXP,
  CR_EXPM1,
  CR_LOG,
  CR_LOG1P,
  CR_LOG2,
  CR_LOG10,
  CR_SIN,
  CR_COS,
  CR_TAN,
  CR_ASIN,
  CR_ACOS,
  CR_ATAN,
  CR_SINH,
  CR_COSH,
  CR_TANH,
  CR_ASINH,
  CR_ACOSH,
  CR_ATANH,
  CR_SIGMOID,
  CR_LOG_SIGMOID,
  CR_SOFTPLUS,
  CR_RELU,
  CR_GELU,
  CR_SILU,
  CR_GELU_TANH,
  CR_MISH,
  CR_ERF,
  CR_ERFC,
  CR_LGAMMA,
  CR_DIGAMMA,
  CR_FLOOR,
  CR_CEIL,
  CR_ROUND,
  CR_TRUNC,
  CR_FRAC,
  CR_LOGICAL_NOT,
  CR_BITNOT,
  CR_ISNAN,
  CR_ISINF,
  CR_ISFINITE,
  CR_NUNARY
} cr_unary_op;
/* Input and output have the same dtype, but for LOGICAL_NOT, ISNAN, ISINF and ISFINITE, whose
 * output is bool.  The functions from SQRT to DIGAMMA but ABS, SIGN, RELU are only called on float
 * types. */

typedef enum {
  CR_ADD,
  CR_SUB,
  CR_MUL,
  CR_DIV,
  CR_FLOORDIV,
  CR_REMAINDER,
  CR_FMOD,
  CR_POW,
  CR_MAX,
  CR_MIN,
  CR_ATAN2,
  CR_BITAND,
  CR_BITOR,
  CR_BITXOR,
  CR_LSHIFT,
  CR_RSHIFT,
  CR_NARITH,
  CR_EQ = CR_NARITH,
  CR_NE,
  CR_LT,
  CR_LE,
  CR_GT,
  CR_GE,
  CR_LOGICAL_AND,
  CR_LOGICAL_OR,
  CR_LOGICAL_XOR,
  CR_NBINARY
} cr_binary_op;
/* Both inputs and the output of an arithmetic operation have one dtype.  From EQ on the inputs have
 * one dtype and the output is bool or uint8.
 * Integers: DIV truncates towards zero as C does, FLOORDIV rounds down; REMAINDER has the divisor's
 * sign (Lua's and Python's %), FMOD the dividend's; a division by zero makes the kernel fail with a
 * message.  bool: ADD is or, MUL is and, MAX or, MIN and; the others are not called.
 * MAX and MIN give NaN where either is NaN. */

typedef enum {
  CR_ADDCMUL,            /* a + s*b*c */
  CR_ADDCDIV,            /* a + s*b/c */
  CR_AXPBY,              /* s*a + t*b      (two tensors) */
  CR_LERP,               /* a + s*(b-a)    (two tensors) */
  CR_BLEND,              /* a + c*(b-a)  (three tensors) */
  CR_CLAMP,              /* min(max(a, s), t)  (one tensor); NaN stays NaN */
  CR_THRESHOLD,          /* a > s ? a : t      (one tensor) */
  CR_THRESHOLD_BACKWARD, /* b > s ? a : 0    (a: gradient, b: input) */
  CR_LEAKY,              /* b > 0 ? a : s*a  (two tensors); from here on floats alone */
  CR_BAND,               /* s <= c <= t ? a : b */
  CR_BEYOND,             /* a - min(max(a, s), t)  (one tensor) */
  CR_NUMBER,             /* s where a is NaN, else min(max(a, -t), t)  (one tensor) */
  CR_PRELU,              /* b > 0 ? a : c*a */
  CR_HUBER, /* with d = |a - b|: t*d*d, or t*s*(2d - s) where d is above s, which may be infinite */
  CR_HARDSIGMOID,        /* min(max(a + 3, 0), 6) / 6  (one tensor) */
  CR_HARDSWISH,          /* a times that  (one tensor) */
  CR_HARDSWISH_BACKWARD, /* a * (b < -3 ? 0 : b > 3 ? 1 : b/3 + 1/2)  (a: gradient, b: input) */
  CR_TANH_BACKWARD,      /* a * (1 - b*b)    (a: gradient, b: output) */
  CR_SIGMOID_BACKWARD,   /* a * b*(1 - b)    (a: gradient, b: output) */
  CR_GELU_BACKWARD,      /* a * gelu'(b)     (a: gradient, b: input), and so the next ones */
  CR_SILU_BACKWARD,
  CR_GELU_TANH_BACKWARD,
  CR_MISH_BACKWARD,
  CR_NPOINTWISE
} cr_pointwise_op;
/* Fused loops with up to two numbers s and t.  One dtype throughout. */

typedef enum {
  CR_SUM,
  CR_PROD,
  CR_AMAX,
  CR_AMIN,
  CR_ARGMAX,
  CR_ARGMIN,
  CR_ALL,
  CR_ANY,
  CR_SUMSQ,
  CR_SUMABS,
  CR_COUNT_NONZERO,
  CR_NREDUCE,
  CR_LOGSUMEXP = CR_NREDUCE /* in scans only */
} cr_reduce_op;
/* out dtype: SUM, PROD: that of in, or int64 for integers and bool when the caller asks for it;
 * AMAX, AMIN as in; ARGMAX, ARGMIN, COUNT_NONZERO int64 (ARG*: 0-based index in the row-major order
 * of the reduced dimensions, the first of equals, NaN counts as the largest for ARGMAX and the
 * smallest for ARGMIN, and AMAX, AMIN give NaN if one is there); ALL, ANY bool; SUMSQ, SUMABS
 * float. Sums of float16, bfloat16 accumulate in float32 or wider, of float32 in float64, of
 * integers in int64.  The order of additions depends on the shape alone, never on the number of
 * threads. */

typedef enum {
  CR_EXP2,
  CR_ERFINV,
  CR_I0, /* modified Bessel functions of the first kind */
  CR_I1,
  CR_SINC,      /* sin(pi x) / (pi x) */
  CR_POLYGAMMA, /* derivative of digamma, of order s >= 1 */
  CR_HYPOT,     /* from here on of two operands */
  CR_LOGADDEXP,
  CR_XLOGY, /* a log(b), and 0 where a is 0 and b no NaN */
  CR_COPYSIGN,
  CR_GCD,
  CR_LCM,
  CR_NSPECIAL
} cr_special_op;
/* Less common functions.  One dtype throughout: a float type, for GCD and LCM an integer type. */

typedef enum {
  CR_UNIFORM,
  CR_NORMAL,
  CR_BERNOULLI,
  CR_RANDINT,
  CR_EXPONENTIAL,
  CR_CAUCHY,
  CR_LOGNORMAL,
  CR_GEOMETRIC,
  CR_NRANDOM
} cr_random_op;

typedef enum {
  CR_POISSON,          /* rate a */
  CR_GAMMA,            /* shape a, scale b */
  CR_LOG_GAMMA,        /* logarithm of a gamma variate of shape a; cannot underflow */
  CR_BINOMIAL,         /* a trials, each with probability b */
  CR_VON_MISES,        /* mean a, concentration b */
  CR_TRUNCATED_NORMAL, /* standard normal between a and b */
  CR_NSAMPLE
} cr_sample_op;
/* Distributions whose numbers take an unknown count of draws, made by rejection. */

typedef enum {
  CR_UPDATE_SGD,     /* state 0, when there is one: the velocity */
  CR_UPDATE_ADAM,    /* states 0 and 1: the moments; 2, when there is one: the largest second one */
  CR_UPDATE_RMSPROP, /* state 0: the mean square; 1, maybe: the velocity; 2, maybe: the mean */
  CR_UPDATE_ADAGRAD, /* state 0: the sum of squares */
  CR_UPDATE_LION,    /* state 0: the moment */
  CR_UPDATE_AVERAGE, /* an average moves towards what stands in the gradient's place; no states */
  CR_UPDATE_SCALE,   /* times the rate; neither gradient nor states, and so the next */
  CR_UPDATE_ZERO,
  CR_NUPDATE
} cr_update_rule;
/* What a step of an optimizer does with one element of a parameter, its gradient and up to three
 * states: tensor/update.inc has the formulas.  One float type throughout. */

typedef struct cr_update_args {
  double rate;         /* of the step, with the corrections for its number */
  double sign;         /* times the gradient: -1 climbs */
  double decay;        /* times the parameter, added to the gradient */
  double shrink;       /* times the parameter, before the step */
  double keep, take;   /* velocity or first moment: keep it + take gradient */
  double keep2, take2; /* second moment: keep2 it + take2 square; Lion: weights in the direction */
  double root;         /* times the square root in Adam's divisor */
  double eps;
  bool nesterov;
  bool has[3]; /* which states there are */
  /* Of SCALE, in the device's memory: where there are sums of squares, the root of them all is a
   * norm that is to be at most `rate` (see cr_scale_factor); and a place that becomes 1 where an
   * element, once scaled, is not between -bound and bound. */
  const double *squares;
  int nsquares;
  double bound;
  uint8_t *beyond;
  /* In the device's memory, in a graph: what is above `has` comes from there at each replay. */
  const struct cr_update_args *now;
} cr_update_args;

/* The factor of SCALE; 1 leaves all as it is. */
CR_BOTH static inline double cr_scale_factor(const cr_update_args *a) {
  double sum = 0, factor;
  if (!a->squares) return a->rate;
  for (int i = 0; i < a->nsquares; i++) sum += a->squares[i];
  factor = a->rate / (sqrt(sum) + a->eps);
  return factor < 1 ? factor : 1;
}

/* Loops over many tensors at once: for each run n elements of every operand, all of one type and
 * without gaps.  What one run writes no other one touches. */
typedef struct {
  int64_t n;
  char *data[CR_ITER_MAX]; /* NULL: there is no such operand */
} cr_run;

typedef struct {
  int count;
  cr_dtype dtype;
  const cr_run *run;
} cr_runs;

/* ---- the table -------------------------------------------------------------------------- */

typedef struct {
  int64_t batch, m, n, k;
  /* C[b] = alpha * A[b] B[b] + beta * C[b], A m by k, B k by n.  Strides in elements: batch, row,
   * column; for C the column stride is 1 and the row stride at least n. */
  const void *a, *b;
  void *c;
  int64_t as[3], bs[3], cs[3];
  double alpha, beta;
  cr_dtype dtype;
} cr_gemm_args;

typedef struct {
  bool upper, transposed, unit; /* unit: ones are taken for the diagonal */
} cr_tri_system;

/* Factorisations of one matrix each, by columns without gaps, in place, float32 or float64.  All
 * return 0, LAPACK's positive number (which pivot is zero, what did not converge), or -1 with a
 * message. */
typedef struct {
  int (*getrf)(cr_dtype t, int64_t n, void *a, int *pivots);
  int (*getrs)(cr_dtype t, int64_t n, int64_t columns, const void *lu, const int *pivots, void *b);
  int (*getri)(cr_dtype t, int64_t n, void *lu, const int *pivots);
  int (*trtrs)(cr_dtype t, cr_tri_system how, int64_t n, int64_t columns, const void *a, void *b);
  int (*potrf)(cr_dtype t, bool upper, int64_t n, void *a);
  int (*pstrf)(cr_dtype t, bool upper, int64_t n, void *a, int *pivots, double tolerance);
  /* b has max(m, n) rows */
  int (*gels)(cr_dtype t, int64_t m, int64_t n, int64_t columns, void *a, void *b);
  int (*syevd)(cr_dtype t, bool vectors, bool upper, int64_t n, void *a, void *values);
  /* values: n real parts, then n imaginary ones; vectors may be NULL */
  int (*geev)(cr_dtype t, int64_t n, void *a, void *values, void *vectors);
  int (*gesdd)(cr_dtype t, bool full, int64_t m, int64_t n, void *a, void *s, void *u, void *vt);
  int (*geqrf)(cr_dtype t, int64_t m, int64_t n, void *a, void *tau);
  int (*orgqr)(cr_dtype t, int64_t m, int64_t n, int64_t reflectors, void *a, const void *tau);
  int (*ormqr)(cr_dtype t, bool right, bool transposed, int64_t m, int64_t n, int64_t reflectors,
               const void *a, const void *tau, void *c);
} cr_linalg;

typedef enum {
  CR_FFT_COMPLEX,  /* n complex numbers to n complex numbers */
  CR_FFT_REAL_IN,  /* n real numbers to the first n/2 + 1 of their transform; forward */
  CR_FFT_REAL_OUT, /* n/2 + 1 complex numbers, the rest their mirror image, to n real ones; inverse.
                      The imaginary parts of the first and, for even n, the last do not count. */
} cr_fft_kind;

typedef struct {
  cr_fft_kind kind;
  bool inverse;    /* of COMPLEX: the exponent's sign is + */
  int64_t n;       /* at least 1 */
  double scale;    /* of the result */
  int64_t step[2]; /* of op[0] and op[1]: bytes from one number of a line to the next */
  int64_t pair[2]; /* from a real to its imaginary part */
} cr_fft_args;

struct cr_backend {
  const char *name;

  /* Makes d the device that this thread's calls of the table are for, until the next call; NULL
   * where there is one device only.  Whoever asks for the table of a tensor has called it.  Fails
   * only where d cannot be used at all, so that it holds no tensor. */
  bool (*use)(cr_device d);

  /* memory */
  void *(*alloc)(cr_device d, size_t bytes); /* NULL: out of memory, no message needed */
  void (*dealloc)(cr_device d, void *p, size_t bytes);
  bool (*to_host)(cr_device d, void *host, const void *dev, size_t bytes);
  bool (*from_host)(cr_device d, void *dev, const void *host, size_t bytes);
  /* Between two devices of this type, or within one. */
  bool (*transfer)(cr_device to, void *out, cr_device from, const void *in, size_t bytes);
  void (*memory)(cr_device d, cr_memory_stats *out);

  /* elementwise */
  bool (*copy)(const cr_iter *it);                              /* out = cast(in) */
  bool (*fill)(const cr_iter *it, cr_scalar v);                 /* only op[0] */
  bool (*arange)(const cr_iter *it, double start, double step); /* op[0], 1-d: start + i*step */
  bool (*unary)(cr_unary_op op, const cr_iter *it);
  bool (*binary)(cr_binary_op op, const cr_iter *it);
  bool (*pointwise)(cr_pointwise_op op, const cr_iter *it, double s, double t);
  bool (*special)(cr_special_op op, const cr_iter *it, double s);
  bool (*where)(const cr_iter *it); /* op[1] bool or uint8: op[2] where true, else op[3] */

  /* One step of an optimizer.  op[0] the parameter and op[2..4] the states are read and written,
   * op[1] is the gradient; what is missing repeats op[0] and is not touched. */
  bool (*update)(cr_update_rule rule, const cr_iter *it, const cr_update_args *a);
  bool (*update_runs)(cr_update_rule rule, const cr_runs *r, const cr_update_args *a);
  /* Writes the sum of the squares of all elements of operand 0, of a float type, to one element of
   * the device.  The order of additions depends on the sizes alone. */
  bool (*squares)(const cr_runs *r, double *out);

  /* reductions and scans */
  bool (*reduce)(cr_reduce_op op, const cr_reduction *r);
  /* Along one dimension of n elements: o[i] = x[0] op ... op x[i], SUM, PROD or LOGSUMEXP (floats).
   * ARGMAX and ARGMIN give the 0-based int64 place of the extreme so far: the last of equals, and
   * once there is a NaN its place.  The iter runs over the other dimensions; strides in bytes along
   * the scanned one. */
  bool (*scan)(cr_reduce_op op, const cr_iter *it, int64_t n, int64_t out_stride,
               int64_t in_stride);
  /* Sorts each line of n: values and 0-based int64 places, stable, of which only `count` (not 0)
   * from rank `first` on are written.  it: op[0] values, op[1] places, op[2] input, over the other
   * dimensions; strides in bytes along the line. NaN is largest. */
  bool (*sort)(const cr_iter *it, int64_t n, int64_t first, int64_t count, const int64_t stride[3],
               bool descending);

  /* How many elements of a sorted line of n come before each value: those that are less, or not
   * greater when right.  it: op[0] int64 counts, op[1] values, op[2] the line's beginning (stride 0
   * along the values); both float64 or both int64; stride in bytes along the line.  NaN is largest.
   */
  bool (*search)(const cr_iter *it, int64_t n, int64_t stride, bool right);

  /* indexing: index tensors hold int64, 0-based where no base is given, checked by the kernel,
   * which fails with a message that names the index (1-based) and the size */
  /* out[i] = in[.. index[i] - base ..] along one dimension of in of `size` elements, in_stride
   * bytes apart. it: op[0] out, op[1] in (stride 0 along the indexed dimension), op[2] index. */
  bool (*gather)(const cr_iter *it, int64_t size, int64_t in_stride, int64_t base);
  /* out[.. index[i] - base ..] = in[i] or += in[i]; it: op[0] in (read), op[1] index, op[2] out
   * (written, with stride 0 along the indexed dimension). */
  bool (*scatter)(const cr_iter *it, int64_t size, int64_t out_stride, int64_t base, bool add);
  /* Rows: out[r][0..inner) = in[index[r]][0..inner), everything contiguous, rows of `bytes`; outer
   * repeats the whole with the given byte steps. */
  bool (*index_select)(char *out, const char *in, const int64_t *index, int64_t n, int64_t size,
                       size_t bytes, int64_t outer, int64_t out_step, int64_t in_step);
  /* Rows: out[index[r]] (+)= in[r]; equal indices add up in order, so the result is deterministic.
   */
  bool (*index_add)(cr_dtype dtype, char *out, const char *in, const int64_t *index, int64_t n,
                    int64_t size, int64_t inner, int64_t outer, int64_t out_step, int64_t in_step,
                    double alpha);
  /* Flat positions of the true elements of a contiguous bool or uint8 array; returns their count,
   * or -1.  out may be NULL: count only. */
  int64_t (*nonzero)(const void *mask, int64_t n, int64_t *out);

  /* products */
  bool (*gemm)(const cr_gemm_args *g);
  /* C = A B + the n numbers of `bias` in each row; alpha and beta are 1 and 0.  1: done; 0: this is
   * not done in one call, nothing was; -1: failed, with a message.  May be NULL. */
  int (*gemm_bias)(const cr_gemm_args *g, const void *bias);
  /* Of floats: writes the sum of a[i] b[i] to one element of the device.  Strides in elements. */
  bool (*dot)(cr_dtype dtype, int64_t n, const void *a, int64_t as, const void *b, int64_t bs,
              void *out);

  /* out[k][i][j] = |a[k][i] - b[k][j]|, a (batch, n, d), b (batch, m, d), all contiguous and of one
   * type, float32 or float64. */
  bool (*euclidean)(cr_dtype dtype, void *out, const void *a, const void *b, int64_t batch,
                    int64_t n, int64_t m, int64_t d);

  /* random: out contiguous; element i's value depends only on seed, offset and i */
  bool (*random)(cr_random_op op, cr_dtype dtype, void *out, int64_t n, uint64_t seed,
                 uint64_t offset, double a, double b);
  /* op[0] contiguous, of any dtype; op[1], op[2] the parameters a and b, float64.  Element i draws
   * from a stream of its own, told apart by offset + i. */
  bool (*sample)(cr_sample_op op, const cr_iter *it, uint64_t seed, uint64_t offset);

  /* Fourier transforms of lines, float32 or float64.  it: op[0] out, op[1] in, over the other
   * dimensions; out does not overlap in. */
  bool (*fft)(const cr_iter *it, const cr_fft_args *a);

  const cr_linalg *linalg; /* NULL: none */

  void (*synchronize)(cr_device d);
};

/* The table of a device, in use for it; NULL with a message when the device is not there. */
const cr_backend *cr_backend_of(cr_device d);
/* Makes a device other than the CPU the one in use; an operator's work for it comes next. */
void cr_use_device(const cr_backend *b, cr_device d);
/* How many counters a random fill of n elements uses up. */
uint64_t cr_random_counters(cr_random_op op, cr_dtype dtype, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
