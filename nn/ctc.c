/* ctc.c: connectionist temporal classification (Graves and others, ICML 2006).  The losses come
 * with their derivatives in one pass, so the backward is a product. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#define CTC "nn.CTCLoss"

static bool ctc_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

static const cr_op op_ctc = {"ctc_loss", "blank zero_infinity", ctc_backward};

/* ---- checks ----------------------------------------------------------------------------- */

static bool check_int64(const char *what, const cr_tensor *t, int ndim, int64_t rows) {
  char s[CR_SHAPE_STR];
  if (!cr_need_dtype(CTC, what, t, CR_INT64)) return false;
  if (t->ndim != ndim || t->shape[0] != rows)
    return cr_fail(CTC ": %s are %s, wanted %lld%s", what, cr_shape_str(s, t->ndim, t->shape),
                   (long long)rows, ndim == 2 ? " x the longest" : "");
  return true;
}

/* Whether each of n lengths is from 0 to most. */
static bool check_lengths(const char *what, const int64_t *lengths, int64_t n, int64_t most) {
  for (int64_t i = 0; i < n; i++)
    if (lengths[i] < 0 || lengths[i] > most)
      return cr_fail(CTC ": %s %lld is %lld, wanted 0 to %lld", what, (long long)i + 1,
                     (long long)lengths[i], (long long)most);
  return true;
}

/* Messages count classes from 1. */
static bool check_values(const cr_ctc_args *a) {
  if (a->blank < 0 || a->blank >= a->classes)
    return cr_fail(CTC ": blank is %lld, wanted 1 to %lld", (long long)a->blank + 1,
                   (long long)a->classes);
  if (!check_lengths("input length", a->steps, a->n, a->t) ||
      !check_lengths("target length", a->labels, a->n, a->s))
    return false;
  for (int64_t i = 0; i < a->n; i++)
    for (int64_t k = 0; k < a->labels[i]; k++) {
      int64_t c = a->target[i * a->s + k];
      if (c < 0 || c >= a->classes || c == a->blank)
        return cr_fail(CTC ": target %lld has class %lld, wanted 1 to %lld and not the blank %lld",
                       (long long)i + 1, (long long)((uint64_t)c + 1), (long long)a->classes,
                       (long long)a->blank + 1);
    }
  return true;
}

static cr_tensor *on_host(cr_tensor *t) {
  CR_AUTO here = cr_to_device(t, (cr_device){.type = CR_CPU});
  return cr_contiguous(here);
}

/* ---- forward and backward --------------------------------------------------------------- */

/* `checked` has numbers in range; t, s and l are its three tensors where logp is. */
static cr_tensor *ctc_on_device(const cr_ctc_args *checked, cr_tensor *logp, cr_tensor *t,
                                cr_tensor *s, cr_tensor *l) {
  const cr_nn_backend *be = cr_nn_backend_of(CTC, cr_device_of(logp));
  cr_ctc_args a = *checked;
  a.target = cr_data(t), a.steps = cr_data(s), a.labels = cr_data(l);
  CR_AUTO grad = be && cr_recording_any(logp) ? cr_empty_like(logp) : NULL;
  if (!be || (cr_recording_any(logp) && !grad)) return NULL;
  cr_tensor *loss = cr_empty(a.dtype, cr_device_of(logp), 1, &a.n);
  if (!loss) return NULL;
  bool ok = be->ctc(&a, cr_data(loss), cr_data_opt(grad), cr_data(logp));
  return cr_record(&op_ctc, cr_result_if(ok, loss), CR_IN(logp), CR_SAVE(grad, logp),
                   CR_INTS(a.blank, a.zero_infinity));
}

cr_tensor *cr_ctc_loss(cr_tensor *logp, cr_tensor *targets, cr_tensor *steps, cr_tensor *labels,
                       int64_t blank, bool zero_infinity) {
  char x[CR_SHAPE_STR];
  if (!logp || !targets || !steps || !labels || !cr_need_float(CTC, logp)) return NULL;
  if (logp->ndim != 3)
    return cr_fail_null(CTC ": input is %s, wanted steps x batch x classes",
                        cr_shape_str(x, logp->ndim, logp->shape));
  int64_t n = logp->shape[1];
  if (!check_int64("targets", targets, 2, n) || !check_int64("input lengths", steps, 1, n) ||
      !check_int64("target lengths", labels, 1, n))
    return NULL;
  CR_AUTO dense = cr_nn_dense(logp, cr_nn_dtype(logp));
  CR_AUTO t = on_host(targets);
  CR_AUTO s = on_host(steps);
  CR_AUTO l = on_host(labels);
  if (!dense || !t || !s || !l) return NULL;
  cr_ctc_args a = {.dtype = (cr_dtype)dense->dtype,
                   .t = logp->shape[0],
                   .n = n,
                   .classes = logp->shape[2],
                   .s = t->shape[1],
                   .blank = blank,
                   .target = cr_data(t),
                   .steps = cr_data(s),
                   .labels = cr_data(l),
                   .zero_infinity = zero_infinity};
  if (!check_values(&a)) return NULL;
  cr_device d = cr_device_of(logp);
  CR_AUTO td = cr_to_device(t, d);
  CR_AUTO sd = cr_to_device(s, d);
  CR_AUTO ld = cr_to_device(l, d);
  if (!td || !sd || !ld) return NULL;
  return cr_cast_owned(ctc_on_device(&a, dense, td, sd, ld), (cr_dtype)logp->dtype);
}

static bool ctc_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *grad = cr_saved(n, 0), *logp = cr_saved(n, 1);
  if (!grad || !logp) return false;
  if (cr_recording_any(g[0], logp)) return cr_fail(CTC ": its gradient cannot be differentiated");
  int64_t shape[3] = {1, grad->shape[1], 1};
  CR_AUTO factors = cr_reshape(g[0], 3, shape);
  return (gin[0] = cr_mul(grad, factors)) != NULL;
}
