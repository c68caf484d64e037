/* nn.h: operators that only networks need.  The rules of tensor/ops.h hold.
 * Images are (batch, channels, height, width) or (channels, height, width). */
#ifndef CR_NN_H
#define CR_NN_H

#include "nn/backend.h"
#include "tensor/ops.h"

/* ---- conv.c ----------------------------------------------------------------------------- */
/* x (n, c, h, w) or (c, h, w); w (o, c/groups, kh, kw); bias (o) or NULL.  Cross-correlation. */
cr_tensor *cr_conv2d(cr_tensor *x, cr_tensor *w, cr_tensor *bias, const cr_conv2d_args *a);
/* The transpose of that linear map: x (n, c, h, w) or (c, h, w); w (c, o/groups, kh, kw); bias (o)
 * or NULL.  extra: rows and columns added at the end of the output, each less than the stride. */
cr_tensor *cr_conv_transpose2d(cr_tensor *x, cr_tensor *w, cr_tensor *bias, const cr_conv2d_args *a,
                               const int64_t extra[2]);

/* ---- pool.c ----------------------------------------------------------------------------- */
/* places: h*w position of each maximum in its input plane, counted from a->base, int64; may be
 * NULL.
 */
cr_tensor *cr_max_pool2d(cr_tensor *x, const cr_pool2d_args *a, cr_tensor **places);
cr_tensor *cr_avg_pool2d(cr_tensor *x, const cr_pool2d_args *a); /* without dilation */

/* ---- windows.c -------------------------------------------------------------------------- */
/* The largest in each window of rows and of columns of planes x (.., h, w), and its place in the
 * plane, counted from `base`; the first of equals.  begin, end: int64 (lists, m), 0-based, end not
 * included, of rows and columns; each list serves as many of the planes in turn.  NULL: each row,
 * or column, is a window. */
typedef struct {
  cr_tensor *begin[2], *end[2];
} cr_window_tables;
bool cr_max_windows(cr_tensor *x, const cr_window_tables *t, int64_t base, cr_tensor **values,
                    cr_tensor **places);

typedef enum { CR_NEAREST, CR_NEAREST_EXACT, CR_LINEAR, CR_CUBIC, CR_AREA } cr_resample_mode;
typedef struct {
  int64_t from, to; /* places */
  cr_resample_mode mode;
  bool align;   /* the first and the last places stay where they are (linear and cubic) */
  double ratio; /* input places for one of the output; 0: from / to */
} cr_resample_args;
/* `size` places along dim instead of x's, interpolated. */
cr_tensor *cr_resample(cr_tensor *x, int dim, int64_t size, cr_resample_mode mode, bool align,
                       double ratio);

/* ---- embedding.c ------------------------------------------------------------------------ */
typedef struct {
  cr_bag_mode mode;
  int64_t base;    /* the number of the first row, and of the first place */
  int64_t padding; /* the number of a row that does not count; below base: none */
  bool ends;       /* the last of the offsets is where the last bag ends */
} cr_bag_opts;
/* The sum, mean or largest of rows of w (rows, width) for bags of their numbers, 0 of an empty one.
 * index: a matrix with a bag in each row; or, with offsets, numbers one after the other, of which
 * the offsets say where the bags begin.  factor: NULL or, for sums, one for each of the numbers. */
cr_tensor *cr_embedding_bag(cr_tensor *w, cr_tensor *index, cr_tensor *offsets, cr_tensor *factor,
                            const cr_bag_opts *o);

/* ---- norm.c ----------------------------------------------------------------------------- */
/* x (n, c, ...); over all dims but the second.  weight, bias (c) or NULL.  Training: statistics of
 * the batch, running ones updated in place: r = (1-momentum) r + momentum s, with the unbiased
 * variance; otherwise the running ones are used. */
cr_tensor *cr_batch_norm(cr_tensor *x, cr_tensor *weight, cr_tensor *bias, cr_tensor *running_mean,
                         cr_tensor *running_var, bool training, double momentum, double eps);
/* Over the last dim(s) that weight has; weight and bias may be NULL together with n = size. */
cr_tensor *cr_layer_norm(cr_tensor *x, int64_t n, cr_tensor *weight, cr_tensor *bias, double eps);
/* Likewise x / sqrt(mean(x^2) + eps) * weight. */
cr_tensor *cr_rms_norm(cr_tensor *x, int64_t n, cr_tensor *weight, double eps);

/* ---- softmax.c -------------------------------------------------------------------------- */
cr_tensor *cr_softmax(cr_tensor *x, int dim);
cr_tensor *cr_log_softmax(cr_tensor *x, int dim);

/* ---- bias.c ----------------------------------------------------------------------------- */
typedef struct {
  cr_unary_op activation; /* of relu, gelu, gelu_tanh, silu, sigmoid, tanh; CR_NUNARY: none */
  double p;               /* of the dropout */
  cr_tensor *residual;    /* of x's shape, or NULL */
} cr_bias_opts;
/* residual + dropout(activation(x + bias)), bias (n) for x (.., n). */
cr_tensor *cr_bias_activation(cr_tensor *x, cr_tensor *bias, const cr_bias_opts *o);

/* ---- loss.c: `average` divides by the number of elements (nll, cross entropy: of weights)  */
/* logp (n, classes) or (classes); target int64, 0-based, (n) or scalar; weight (classes) or NULL.
 * target == ignore contributes nothing.  average false: the sum. */
cr_tensor *cr_nll_loss(cr_tensor *logp, cr_tensor *target, cr_tensor *weight, int64_t ignore,
                       bool average);
/* The same on unnormalised scores: log_softmax and nll in one pass over memory.  smoothing: which
 * part of the target all classes share evenly, 0 to 1. */
cr_tensor *cr_cross_entropy(cr_tensor *x, cr_tensor *target, cr_tensor *weight, int64_t ignore,
                            bool average, double smoothing);
cr_tensor *cr_mse_loss(cr_tensor *x, cr_tensor *target, bool average);
/* factor times the squares of differences, of which what is above the bound counts in proportion:
 * bound (2 |x - t| - bound). */
cr_tensor *cr_huber_loss(cr_tensor *x, cr_tensor *target, double bound, double factor,
                         bool average);

/* ---- ctc.c ------------------------------------------------------------------------------ */
/* The losses (n) of sequences logp (t, n, classes) of log-probabilities.  targets (n, s), 0-based,
 * steps and labels (n) are int64: how many steps of each sequence and classes of
 * each target count.  The derivative has none of its own. */
cr_tensor *cr_ctc_loss(cr_tensor *logp, cr_tensor *targets, cr_tensor *steps, cr_tensor *labels,
                       int64_t blank, bool zero_infinity);

/* ---- dropout.c -------------------------------------------------------------------------- */
/* Zero with probability p, the others times 1/(1-p) when `scale`.  out may be x. */
cr_tensor *cr_dropout(cr_tensor *x, double p, bool scale, cr_tensor *out);

/* ---- cell.c: one step of a recurrent layer, from summed gates --------------------------- */
/* gates (n, 4 h), parts i f g o; c (n, h).  out: the state h and the new c, both (n, h). */
bool cr_lstm_cell(cr_tensor *gates, cr_tensor *c, cr_tensor *out[2]);
/* gi and gh (n, 3 h), parts r z n, of the input and of the state; h (n, h).  The new state. */
cr_tensor *cr_gru_cell(cr_tensor *gi, cr_tensor *gh, cr_tensor *h);

/* ---- recurrent.c: all steps of one layer in one direction ------------------------------- */
/* A batch of sequences, step after step: step t has sizes[t] rows, no more than the step before;
 * row k of every step belongs to sequence k.  sizes NULL: every step has `batch` rows. */
typedef struct {
  cr_recurrent_kind kind;
  bool reverse; /* from the last step to the first */
  int64_t steps, batch;
  const int64_t *sizes;
} cr_recurrent_args;

/* x (rows of all steps, in); h0 (batch, out) and c0 (batch, hidden), NULL: zeros; w_ih (g hidden,
 * in), w_hh (g hidden, out), with g gates; b_ih, b_hh (g hidden), both or none; w_hr (out, hidden)
 * or NULL, then out = hidden.  c0 and w_hr are for the LSTM only.  Gives the states of all steps
 * (rows, out), the last ones (batch, out) and, of the LSTM, the last c (batch, hidden). */
typedef struct {
  cr_tensor *x, *h0, *c0, *w_ih, *w_hh, *b_ih, *b_hh, *w_hr;
} cr_recurrent_in;
bool cr_recurrent(const cr_recurrent_args *a, const cr_recurrent_in *in, cr_tensor *out[3]);

/* ---- recurrent_stack.c: layers of one direction or both --------------------------------- */
/* in: x, h0, c0 as above, but h0 (layers * directions, batch, out) and so c0; then for each layer
 * and direction w_ih, w_hh [, b_ih, b_hh] [, w_hr].  The input of a layer is the output of the one
 * below, of both directions side by side.  Gives y (rows, directions * out), h, c in the form of
 * h0, c0.  a->reverse does not count. */
bool cr_recurrent_stack(const cr_recurrent_args *a, int64_t layers, bool both, int nin,
                        cr_tensor *const *in, cr_tensor *out[3]);

/* ---- attention.c ------------------------------------------------------------------------ */
typedef struct {
  cr_tensor *mask; /* NULL; bool or uint8: true where a query may see a key; floats are added */
  bool causal;     /* query i sees the first i + 1 + offset keys */
  int64_t offset;
  double dropout;
  double scale; /* NaN: 1 / sqrt(e) */
} cr_attention_opts;

/* softmax(scale q k^T + mask) v for q (.., l, e), k (.., s, e), v (.., s, ev); the dimension third
 * from the last is that of heads, of which k and v may have fewer, if their number divides q's. The
 * mask broadcasts to (.., l, s).  weights: NULL, or gets the softmax, (.., l, s). */
cr_tensor *cr_attention(cr_tensor *q, cr_tensor *k, cr_tensor *v, const cr_attention_opts *o,
                        cr_tensor **weights);

/* The same for sequences of different lengths: q (queries of all, heads, e), k and v likewise; the
 * bounds are int32 or int64, 0 first and then where each sequence ends. */
typedef struct {
  cr_tensor *q_bounds, *k_bounds;
  int64_t max_q, max_k; /* the most that a sequence may have; negative: as many as there are */
  bool causal;          /* the last query sees all keys, one before it all but one, .. */
  double scale;         /* NaN: 1 / sqrt(e) */
} cr_varlen_opts;
cr_tensor *cr_attention_varlen(cr_tensor *q, cr_tensor *k, cr_tensor *v, const cr_varlen_opts *o);

/* Parts of x along its last dimension, or its first; their sizes add up to it.  They are views of x
 * that must not be written to; all their gradients are put together at once. */
bool cr_parts(cr_tensor *x, bool first, int n, const int64_t *sizes, cr_tensor **out);

/* ---- rotary.c --------------------------------------------------------------------------- */
/* Turns pairs of the first elements of each row of x (.., l, e) by angles, cos and sin (l, dim/2):
 * neighbours when `interleaved`, else elements i and i + dim/2. */
cr_tensor *cr_rotary(cr_tensor *x, cr_tensor *cos, cr_tensor *sin, bool interleaved, bool inverse);

#endif
