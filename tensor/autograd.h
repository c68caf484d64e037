/* autograd.h: the tape.  Operators record their calls here; cr_backward runs them in reverse.
 *
 * An operator's forward computes its result and ends with
 *
 *     return cr_record(&op_mul, out, CR_IN(a, b), CR_SAVE(a, b));
 *
 * which does nothing but return `out` when no gradient is wanted.  Its backward stands below it:
 *
 *     static bool mul_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
 *       cr_tensor *a = cr_saved(n, 0), *b = cr_saved(n, 1);
 *       return a && b && (!cr_wants(n, 0) || (gin[0] = cr_mul(g[0], b, NULL))) && ...
 *
 * A backward is written with operators, so that gradients of gradients come for free.  It need not
 * undo broadcasting or casts: the engine sums each gin[i] to the shape of input i and casts it.
 * cr_saved's results belong to the node until its backward returns: do not release them. */
#ifndef CR_AUTOGRAD_H
#define CR_AUTOGRAD_H

#include "tensor/tensor.h"

typedef struct cr_node cr_node;

typedef struct cr_op {
  const char *name;
  const char *attrs; /* names of the recorded numbers, integers first: "dim keepdim : alpha" */
  /* g: gradients of the outputs (an output nobody used has a zero tensor); gin: one place for each
   * input, NULL at the start; what stays NULL is a zero gradient.  False: failed, with a message;
   * what was already put into gin is released by the engine.  NULL: not differentiable. */
  bool (*backward)(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
} cr_op;

/* What a call records.  Use the macros below. */
typedef struct {
  int nin;
  cr_tensor *const *in; /* every tensor argument; NULL entries are allowed */
  int nsave;
  cr_tensor *const
      *save; /* those of the inputs, outputs or others that backward needs; NULL allowed */
  int nints;
  const int64_t *ints;
  int nnums;
  const double *nums;
  void *user; /* a custom function's own data; free_user(user) when the node goes */
  void (*free_user)(void *user);
} cr_call;

#define CR_LIST_(type, ...)                                                                        \
  (type[]) {                                                                                       \
    __VA_ARGS__                                                                                    \
  }
#define CR_LEN_(type, ...) (int)(sizeof(CR_LIST_(type, __VA_ARGS__)) / sizeof(type))
#define CR_IN(...)                                                                                 \
  .nin = CR_LEN_(cr_tensor *, __VA_ARGS__), .in = CR_LIST_(cr_tensor *, __VA_ARGS__)
#define CR_SAVE(...)                                                                               \
  .nsave = CR_LEN_(cr_tensor *, __VA_ARGS__), .save = CR_LIST_(cr_tensor *, __VA_ARGS__)
#define CR_INTS(...) .nints = CR_LEN_(int64_t, __VA_ARGS__), .ints = CR_LIST_(int64_t, __VA_ARGS__)
#define CR_NUMS(...) .nnums = CR_LEN_(double, __VA_ARGS__), .nums = CR_LIST_(double, __VA_ARGS__)

/* Records a call that gave `out`, if grad mode is on and an input takes part in a graph (or `out`,
 * overwritten, did).  Returns out; on failure releases it and returns NULL.  out may be NULL (the
 * forward failed): NULL comes back.  Integer outputs are never recorded. */
#define cr_record(op, out, ...) cr_record_one(op, out, &(cr_call){__VA_ARGS__})
cr_tensor *cr_record_one(const cr_op *op, cr_tensor *out, const cr_call *call);
/* The same for several outputs, all fresh.  On failure releases them all, sets them to NULL and
 * returns false. */
bool cr_record_many(const cr_op *op, int nout, cr_tensor **out, const cr_call *call);

/* For an operator that views its input: out shares in's storage.  Sets out's base, and records. */
#define cr_record_view(op, out, input, ...)                                                        \
  cr_record_view_one(op, out, input, &(cr_call){CR_IN(input), __VA_ARGS__})
cr_tensor *cr_record_view_one(const cr_op *op, cr_tensor *out, cr_tensor *in, const cr_call *call);

/* Called by an operator before it writes to `out`, a tensor that its caller gave: refuses what
 * would lose a gradient (a leaf overwritten by a value that requires one) or is no proper place (an
 * expanded tensor). */
bool cr_writable(const char *fn, cr_tensor *out, int nin, cr_tensor *const *in);
/* Whether a call on these would be recorded; for operators that do extra work then. */
bool cr_recording(int nin, cr_tensor *const *in);
#define cr_recording_any(...)                                                                      \
  cr_recording(CR_LEN_(cr_tensor *, __VA_ARGS__), CR_LIST_(cr_tensor *, __VA_ARGS__))
/* For an operator whose backward needs input `a` and whose result may overwrite it: a new reference
 * to `a`, or, when it is going to be overwritten and recorded, to a copy with the same history. */
cr_tensor *cr_keep(cr_tensor *a, const cr_tensor *out);

/* ---- inside a backward ------------------------------------------------------------------ */

/* The i-th saved tensor, with its history; NULL with a message when it was overwritten since (the
 * message says what to do) or the graph was freed.  For an entry recorded as NULL use cr_has_saved.
 */
cr_tensor *cr_saved(cr_node *n, int i);
bool cr_has_saved(const cr_node *n, int i);
bool cr_wants(const cr_node *n, int i); /* does input i need a gradient in this run? */
/* What has come for input i already, when a backward may add its gradient to that itself, and leave
 * gin[i] NULL: for those that can add at no cost, as products can.  NULL: it gives its own. */
cr_tensor *cr_sum_to_add_to(const cr_node *n, int i);
int64_t cr_attr_int(const cr_node *n, int i);
double cr_attr_num(const cr_node *n, int i);
int cr_attr_ints(const cr_node *n, const int64_t **ints); /* their number */
void *cr_node_user(const cr_node *n);
const char *cr_node_name(const cr_node *n);
/* Shape of input i (known even when it was not saved), as many numbers as the return value says. */
int cr_input_shape(const cr_node *n, int i, const int64_t **shape);

/* ---- on tensors ------------------------------------------------------------------------- */

bool cr_requires_grad(cr_tensor *t); /* leaf that requires one, or result of such */
bool cr_is_leaf(cr_tensor *t);
/* Of a view that is being given out: a base that nobody else has, such as the product of matrices
 * behind a mv, is given up, and writes to t are t's own. */
void cr_forget_base(cr_tensor *t);
bool cr_set_requires_grad(cr_tensor *t, bool on); /* leaves of a float type only */
cr_tensor *cr_detach(const cr_tensor *t);
cr_tensor *cr_grad(const cr_tensor *t);          /* borrowed; NULL when there is none */
bool cr_set_grad(cr_tensor *t, cr_tensor *grad); /* NULL clears; same shape, dtype, device */
bool cr_retain_grad(cr_tensor *t);
cr_node *cr_grad_node(cr_tensor *t); /* borrowed; NULL for a leaf */
/* A node of an operator defined outside (a custom function): number of inputs of n, and the node
 * that made input i (borrowed, NULL for leaves and for inputs without a gradient). */
int cr_node_ninputs(const cr_node *n);
int cr_node_noutputs(const cr_node *n);
cr_node *cr_node_input(const cr_node *n, int i);

/* Of an input: the leaf that it is (borrowed), or NULL. */
cr_tensor *cr_node_leaf(const cr_node *n, int i);
/* Of output k: its shape, as many numbers as the return value says, and its type. */
int cr_output_shape(const cr_node *n, int k, const int64_t **shape, cr_dtype *dtype);
const char *cr_node_where(const cr_node *n); /* "file:line" of the script, "" if unknown */
const char *cr_node_attrs(const cr_node *n); /* names of the recorded numbers: cr_op.attrs */
int cr_attr_nums(const cr_node *n, const double **nums); /* their number */
size_t cr_node_saved_bytes(const cr_node *n); /* of the elements that it keeps for backward */
int cr_node_output_of(cr_tensor *t);          /* which output of its node t is */
/* Whether a gradient of t goes on to a leaf that is none of `own`: 1 or 0; -1: failed.  (reach.c)
 */
int cr_reaches_others(cr_tensor *t, int nown, cr_tensor *const *own);
cr_node *cr_node_retain(cr_node *n);
void cr_node_release(cr_node *n);

/* ---- hooks ------------------------------------------------------------------------------ */

/* A function that backward calls with a gradient once it is complete.  Counted references: one for
 * where it is hung up, one for who added it. */
typedef struct cr_hook {
  atomic_int refs;
  bool removed;
  /* For a tensor: a new reference to the gradient to go on with (g itself retained, if it may), or
   * NULL with a message. */
  cr_tensor *(*on_tensor)(void *user, cr_tensor *g);
  /* For a node, after its backward: may replace what is in gin. */
  bool (*on_node)(void *user, cr_node *n, cr_tensor *const *g, cr_tensor **gin);
  void *user;
  void (*free_user)(void *user);
  struct cr_hook *next;
} cr_hook;

/* The hook is called in the order of adding; takes over `user`, also on failure (NULL). */
cr_hook *cr_tensor_hook(cr_tensor *t, cr_tensor *(*call)(void *user, cr_tensor *g), void *user,
                        void (*free_user)(void *user));
cr_hook *cr_node_hook(cr_node *n,
                      bool (*call)(void *user, cr_node *n, cr_tensor *const *g, cr_tensor **gin),
                      void *user, void (*free_user)(void *user));
void cr_hook_remove(cr_hook *h); /* never called again; the user's data is freed */
void cr_hook_release(cr_hook *h);

/* ---- leaves that are watched ------------------------------------------------------------ */

/* Learns of the gradients of some leaves while backward runs: that of a leaf is `ready` when all
 * that this backward adds to it has been added, once for each leaf that the graph reaches; then
 * backward is `over`, successful or not.  false: backward fails with the message.  Counted
 * references. */
typedef struct cr_leaf_watch {
  atomic_int refs;
  bool removed;
  bool (*ready)(void *user, int place); /* in the list of leaves */
  bool (*over)(void *user, bool ok);
  void *user;
  void (*free_user)(void *user);
  const void *run; /* that will tell it of its end */
} cr_leaf_watch;

/* Takes the place of a watch that a leaf has.  Takes over `user`, also on failure (NULL). */
cr_leaf_watch *cr_watch_leaves(int n, cr_tensor *const *leaves, cr_leaf_watch watch);
void cr_leaf_watch_remove(cr_leaf_watch *w); /* never called again; the user's data is freed */
void cr_leaf_watch_release(cr_leaf_watch *w);

/* ---- regions: recomputing instead of keeping -------------------------------------------- */

/* Calls recorded in a region keep nothing for their backward.  When the first of them needs
 * something, `recompute` repeats what was computed in the region, and every call gets back what it
 * would have kept (T. Chen et al., "Training deep nets with sublinear memory cost", 2016). */
typedef struct cr_region cr_region;

/* Takes over `user`, also on failure (NULL). */
cr_region *cr_region_new(bool (*recompute)(void *user), void *user, void (*free_user)(void *user));
void cr_region_release(cr_region *r);
/* Makes r the region of this context (NULL: none) and returns the one before. */
cr_region *cr_region_enter(cr_region *r);

typedef struct {
  bool retain_graph;
  bool create_graph;
  double scale; /* of what is added to the leaves' grads; 0 means 1 */
  /* Gradients with respect to these go to `result` (NULL where there is no path); with
   * `accumulate` the other leaves get theirs too, else only what leads to `inputs` is computed. */
  int ninputs;
  cr_tensor *const *inputs;
  cr_tensor **result;
  bool accumulate;
} cr_backward_opts;

/* Runs the tape from roots; grads[i] NULL means ones and needs a one-element root. */
bool cr_backward(int nroots, cr_tensor *const *roots, cr_tensor *const *grads,
                 const cr_backward_opts *opts);

#endif
