/* backend.h: what a device must be able to do for nn's operators.
 *
 * The kernels see contiguous arrays of float32 or float64 only, but for those that say otherwise:
 * the operators have checked the shapes, copied what was strided and widened the half types of
 * which `halves` says nothing.  All pointers are memory of the device, scalars included.  A kernel
 * returns false for what no check could foresee, with a message. */
#ifndef CR_NN_BACKEND_H
#define CR_NN_BACKEND_H

#include "tensor/backend.h"

typedef struct {
  int64_t stride[2], pad[2], dilation[2]; /* height, width */
  int64_t groups;
} cr_conv2d_args;

typedef struct {
  int64_t kernel[2], stride[2], pad[2]; /* height, width */
  bool ceil;
  bool count_pad;      /* average: padding counts in the divisor (Torch7's default) */
  int64_t dilation[2]; /* maximum: how far apart a window's places are; 0 is 1 for the operators */
  int64_t divisor;     /* average: instead of the number of places; 0: none */
  int64_t base;        /* maximum: the number of a plane's first place */
} cr_pool2d_args;

/* y (n, o, oh, ow) of x (n, c, h, w) and w (o, c/groups, kh, kw). */
typedef struct {
  cr_dtype dtype;
  int64_t n, c, h, w, o, kh, kw, oh, ow;
  cr_conv2d_args args;
  bool channels_last; /* all three; only for a device that takes it */
} cr_conv2d_shape;

/* Each of `planes` h by w goes to oh by ow. */
typedef struct {
  cr_dtype dtype;
  int64_t planes, h, w, oh, ow;
  cr_pool2d_args args;
  /* Planes that lie side by side, so that an array is (planes, h, w, channels); 0 is 1.  Only for a
   * device that takes channels-last. */
  int64_t channels;
} cr_pool2d_shape;

typedef struct {
  cr_dtype dtype;
  int64_t planes, h, w;
  int64_t base; /* the number of a plane's first place */
} cr_plane_shape;

/* Windows of a line: for each of `lists`, m of them, from place begin[i] to end[i] - 1. */
typedef struct {
  int64_t lists, m;
  const int64_t *begin, *end; /* lists by m */
} cr_windows;

/* A sparse matrix of m rows: row q has weight[k] in column at[k], for k from first[q] to
 * first[q + 1] - 1.  The weights are of the dtype of what it is multiplied by. */
typedef struct {
  int64_t m;
  const int64_t *first, *at;
  const void *weight;
} cr_taps;

typedef enum { CR_BAG_SUM, CR_BAG_MEAN, CR_BAG_MAX } cr_bag_mode;

/* Bags of rows of a matrix (rows, width): bag b has those whose numbers are from place bounds[b] to
 * bounds[b + 1] - 1 of index, or `each` places when bounds is NULL. */
typedef struct {
  cr_dtype dtype; /* of the matrix and the result; may be a half type */
  cr_bag_mode mode;
  int64_t rows, width, bags, each;
  const int64_t *index, *bounds;
  int64_t base, padding; /* the first row's number; a number that does not count */
  const void *factor;    /* of each place, for sums, in float32 or float64; NULL: ones */
} cr_bag_args;

/* An array (outer, n, inner) that is worked on along its middle. */
typedef struct {
  cr_dtype dtype;
  int64_t outer, n, inner;
} cr_middle_shape;

/* Channels are the middle.  mean and rstd have one number a channel; they, the weights and the
 * running numbers have the dtype of x, or are float32 where that is a half type. */
typedef struct {
  cr_middle_shape s;
  bool training;
  double momentum, eps;
  const void *weight, *bias;        /* NULL: ones, zeros */
  void *running_mean, *running_var; /* read in evaluation, updated in training; NULL allowed then */
} cr_batch_norm_args;

/* With w the weight of a class, t a row's target and s the smoothing, class c counts by q_c = s w_c
 * / classes, and t by (1 - s) w_t more.  The average is over w_t. */
typedef struct {
  cr_dtype dtype;
  int64_t rows, classes;
  const int64_t *target; /* rows */
  const void *weight;    /* classes, or NULL */
  int64_t ignore;
  bool average;
  double smoothing;
} cr_nll_args;

/* n elements in rows of `width`.  The random numbers are those of dropout; none if p is 0. */
typedef struct {
  cr_dtype dtype; /* of all but the bias, which is not of a half type; may be a half type */
  int64_t n, width;
  cr_unary_op activation; /* CR_NUNARY: none */
  double p, scale;
  uint64_t seed, offset;
} cr_bias_args;

/* Connectionist temporal classification: n sequences of up to t steps over `classes`, with targets
 * of up to s classes; the rest of each row is padding. */
typedef struct {
  cr_dtype dtype;
  int64_t t, n, classes, s, blank;
  const int64_t *target;         /* n x s */
  const int64_t *steps, *labels; /* n: how many steps and classes count */
  bool zero_infinity;            /* a loss that is infinite counts as 0 */
} cr_ctc_args;

/* Cells of recurrent layers: `rows` samples of `hidden` units each. */
typedef struct {
  cr_dtype dtype;
  int64_t rows, hidden;
} cr_cell_shape;

typedef enum { CR_RNN_TANH, CR_RNN_RELU, CR_LSTM, CR_GRU, CR_NRECURRENT } cr_recurrent_kind;

/* Layers upon each other, in one direction or in both, whose outputs are joined.  Step t has
 * sizes[t] rows, none more than the step before, or `batch` when sizes is NULL. */
typedef struct {
  cr_dtype dtype; /* may be a half type */
  cr_recurrent_kind kind;
  bool both;
  int64_t layers, steps, batch;
  const int64_t *sizes;
  int64_t in, hidden;
  int64_t project; /* LSTM: what h is projected to; 0: it is not */
  bool bias;       /* each weight has one */
  bool keep;       /* a backward follows */
} cr_stack_shape;

/* Rows of all steps: x of `in` numbers, y of those of all directions.  The states, of each layer
 * and direction for `batch` rows; h0 and c0 may be NULL: zeros.  w: the weights, for each layer and
 * direction that of the input, that of the state, their biases and the projection. */
typedef struct {
  const void *x, *h0, *c0;
  const void *const *w;
  void *y, *h, *c;
  /* What the backward is given, which changes it: memory of the device, that the forward asks for,
   * at least one byte.  NULL with a message: there is none. */
  void *(*make_kept)(void *user, size_t bytes);
  void *user;
  void *kept;
  size_t kept_bytes;
} cr_stack_data;

/* gh0, gc0, gw and each of gw may be NULL: not wanted. */
typedef struct {
  const void *gy, *gh, *gc;
  void *gx, *gh0, *gc0;
  void *const *gw;
} cr_stack_gradients;

/* A tensor (batch, heads, rows, n) whose rows are contiguous.  Strides in elements. */
typedef struct {
  void *data;
  int64_t batch, head, row;
} cr_heads;

/* y = softmax(scale q k^T, masked) v for q (batch, heads, l, e), k (batch, heads / group, s, e), v
 * (batch, heads / group, s, ev): `group` neighbouring heads of q have one of k and v.  A row in
 * which everything is masked gives zeros. */
typedef struct {
  cr_dtype dtype;
  int64_t batch, heads, group, l, s, e, ev;
  double scale;
  bool causal;    /* row i sees the first i + 1 + offset of s */
  int64_t offset; /* may be negative: the first rows see nothing */
  /* NULL, or numbers to add, of that dtype or, for half types, of float32; when `flags`, bytes that
   * are not 0 where a row may see. */
  const void *mask;
  bool flags;
  int64_t mask_stride[4]; /* batch, head, l, s; in elements */
  /* Weights are zero with this probability, the others divided by 1 - p.  The numbers of a matrix l
   * by s are those of `dropout`, from counter + (its number) * ceil(l s / 4) on. */
  double p;
  uint64_t seed, counter;
  /* NULL, or batch + 1 bounds each: the rows of all sequences lie one after the other, sequence b
   * has queries q_bounds[b] to q_bounds[b + 1] - 1, up to l of them, and up to s keys; the last
   * query sees all keys where it is causal.  Without a mask, and p is 0; only for devices that keep
   * a number for each row. */
  const int64_t *q_bounds, *k_bounds;
} cr_attention_args;

/* x (batch, heads, l, e): the first `dim` of a row are turned in pairs, by angles whose cosine and
 * sine are (l, dim/2); pairs are neighbours when `interleaved`, else dim/2 apart. */
typedef struct {
  cr_dtype dtype;
  int64_t batch, heads, l, e, dim;
  bool interleaved, inverse;
} cr_rotary_args;

enum { CR_STACK_WAYS = 2 };

/* Families of kernels of which a device may have some that see half types as they are, with sums
 * and everything between in float32.  In `halves` of the table. */
enum {
  CR_HALF_CONV = 1,
  CR_HALF_POOL = 2,
  CR_HALF_BATCH_NORM = 4,
  CR_HALF_LAYER_NORM = 8,
  CR_HALF_SOFTMAX = 16,
  CR_HALF_LOSS = 32,
  CR_HALF_DROPOUT = 64,
  CR_HALF_RECURRENT = 128,
  CR_HALF_ATTENTION = 256,
  CR_HALF_ROTARY = 512,
};

typedef struct {
  unsigned halves;
  bool channels_last; /* convolution and pooling take images in that order */

  bool (*conv2d)(const cr_conv2d_shape *s, void *y, const void *x, const void *w, const void *bias);
  bool (*conv2d_input)(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w);
  bool (*conv2d_weight)(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x);
  /* out[i] = the sum of in over outer and inner. */
  bool (*sum_middle)(const cr_middle_shape *s, void *out, const void *in);

  bool (*max_pool2d)(const cr_pool2d_shape *s, void *y, int64_t *places, const void *x);
  bool (*max_pool2d_backward)(const cr_pool2d_shape *s, void *gx, const void *gy,
                              const int64_t *places);
  bool (*avg_pool2d)(const cr_pool2d_shape *s, void *y, const void *x);
  bool (*avg_pool2d_backward)(const cr_pool2d_shape *s, void *gx, const void *gy);

  /* y (planes, m of rows, m of columns): the largest in each window of rows and columns of x, and
   * its place in the plane.  The first of equals wins, and a NaN over what comes before it.  As
   * many planes as there are for each list use it; NULL: each row, or column, is a window.  What of
   * a window lies outside is passed over. */
  bool (*max_windows)(const cr_plane_shape *s, const cr_windows *rows, const cr_windows *columns,
                      void *y, int64_t *places, const void *x);
  /* y (outer, m, inner) = the matrix times x along the middle. */
  bool (*resample)(const cr_middle_shape *s, const cr_taps *t, void *y, const void *x);

  /* y (bags, width), 0 where nothing counts; places, for the largest, NULL or the row of each from
   * 0 on, -1 for none: the first of equals, and a NaN over what comes before it.  A number outside
   * of the rows fails: "the input has 11, wanted numbers from 1 to 10". */
  bool (*embedding_bag)(const cr_bag_args *a, void *y, int64_t *places, const void *w);

  /* In training writes mean and rstd; otherwise too, from the running ones. */
  bool (*batch_norm)(const cr_batch_norm_args *a, void *y, const void *x, void *mean, void *rstd);
  /* gx, gw and gb may be NULL. */
  bool (*batch_norm_backward)(const cr_batch_norm_args *a, void *gx, void *gw, void *gb,
                              const void *gy, const void *x, const void *mean, const void *rstd);
  /* Over n of (outer, n); mean and rstd have outer elements; inner is 1.  Where x is of a half
   * type, these and the parameters are float32.  Without mean, which may be NULL, the elements are
   * not centred: y = x / sqrt(mean(x^2) + eps) w + b. */
  bool (*layer_norm)(const cr_middle_shape *s, double eps, void *y, const void *x, const void *w,
                     const void *b, void *mean, void *rstd);
  bool (*layer_norm_backward)(const cr_middle_shape *s, void *gx, void *gw, void *gb,
                              const void *gy, const void *x, const void *w, const void *mean,
                              const void *rstd);

  bool (*softmax)(const cr_middle_shape *s, bool log, void *y, const void *x);
  bool (*softmax_backward)(const cr_middle_shape *s, bool log, void *gx, const void *gy,
                           const void *y);

  /* A target outside 0 .. classes-1 that is not `ignore` fails: "target 11 is outside 1..10".
   * loss and g are one number each.  The average over no weight at all is 0, and so is its
   * gradient. */
  bool (*nll)(const cr_nll_args *a, void *loss, const void *logp);
  bool (*nll_backward)(const cr_nll_args *a, void *gx, const void *g);
  /* lse: the log of the sum of exponentials of each row.  Where scores are of a half type, the
   * loss, g, lse and the weights are float32. */
  bool (*cross_entropy)(const cr_nll_args *a, void *loss, void *lse, const void *x);
  bool (*cross_entropy_backward)(const cr_nll_args *a, void *gx, const void *g, const void *lse,
                                 const void *x);
  /* With d = |x - t|: loss = scale * the sum of d^2, or of bound (2d - bound) where d is above the
   * bound, which may be infinite; gx = 2 scale g (x - t), in which x - t is held within +-bound. */
  bool (*huber)(cr_dtype dtype, int64_t n, double bound, double scale, void *loss, const void *x,
                const void *t);
  bool (*huber_backward)(cr_dtype dtype, int64_t n, double bound, double scale, void *gx,
                         const void *g, const void *x, const void *t);

  /* loss (n) and, unless it is NULL, grad (t, n, classes), its derivatives by logp (t, n, classes).
   * All lengths and classes are in range. */
  bool (*ctc)(const cr_ctc_args *a, void *loss, void *grad, const void *logp);

  /* y[i] = x[i] * scale, or 0 with probability p.  Element i falls when the 32-bit number i%4 of
   * Philox counter offset + i/4 is below p * 2^32.  y may be x. */
  bool (*dropout)(cr_dtype dtype, int64_t n, void *y, const void *x, double p, double scale,
                  uint64_t seed, uint64_t offset);

  /* y = residual + dropout(activation(x + bias)), residual NULL: 0; NULL: by operators one by one.
   * gx = gy dropout(activation'(x + bias)). */
  bool (*bias_activation)(const cr_bias_args *a, void *y, const void *x, const void *bias,
                          const void *residual);
  bool (*bias_activation_backward)(const cr_bias_args *a, void *gx, const void *gy, const void *x,
                                   const void *bias);

  /* gates (rows, 4 hidden): the parts i f g o, summed; become sigmoid, sigmoid, tanh, sigmoid of
   * themselves.  c = f c_prev + i g, h = o tanh(c). */
  bool (*lstm_cell)(const cr_cell_shape *s, void *gates, void *h, void *c, const void *c_prev);
  /* Of the gates as lstm_cell left them.  gc: the gradient of c, becomes that of c_prev. */
  bool (*lstm_cell_backward)(const cr_cell_shape *s, void *ggates, void *gc, const void *gh,
                             const void *gates, const void *c, const void *c_prev);
  /* gi and gh (rows, 3 hidden): the parts r z n of input and state; bias (3 hidden) or NULL is
   * added to gh.  r = sigmoid, z = sigmoid, n = tanh(gi_n + r gh_n), h = n + z (h_prev - n).  act
   * (rows, 4 hidden): r z n gh_n. */
  bool (*gru_cell)(const cr_cell_shape *s, void *act, void *h, const void *gi, const void *gh,
                   const void *bias, const void *h_prev);
  /* g: the gradient of h.  Adds to gh_prev what does not come by way of gh. */
  bool (*gru_cell_backward)(const cr_cell_shape *s, void *ggi, void *ggh, void *gh_prev,
                            const void *g, const void *act, const void *h_prev);

  /* A whole stack in one call; NULL where the device has no such thing.  There may be more than one
   * way to do it, the best one first: 0 .. CR_STACK_WAYS - 1.  *done is false, and nothing failed,
   * when the device cannot, or not this way. */
  bool (*stack)(const cr_stack_shape *s, int way, const cr_stack_data *d, bool *done);
  bool (*stack_backward)(const cr_stack_shape *s, int way, const cr_stack_data *d,
                         const cr_stack_gradients *g, bool *done);

  /* `kept` is for the backward, NULL when there will be none: the weights before dropout (batch,
   * heads, l, s) or, `attention_by_rows`, a number for each row (batch, heads, l), in float32 for
   * half types, with which and the result the backward makes the weights again. */
  bool attention_by_rows;
  bool (*attention)(const cr_attention_args *a, cr_heads y, void *kept, cr_heads q, cr_heads k,
                    cr_heads v);
  /* y: the result, where it is by rows.  gq, gk and gv may be nowhere. */
  bool (*attention_backward)(const cr_attention_args *a, cr_heads gq, cr_heads gk, cr_heads gv,
                             cr_heads gy, cr_heads y, const void *kept, cr_heads q, cr_heads k,
                             cr_heads v);
  bool (*rotary)(const cr_rotary_args *a, cr_heads y, cr_heads x, const void *cos, const void *sin);
} cr_nn_backend;

#endif
