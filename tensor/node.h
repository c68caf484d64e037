/* node.h: the inside of the tape, shared by tape.c (recording) and engine.c (running backward). */
#ifndef CR_NODE_H
#define CR_NODE_H

#include "tensor/autograd.h"

/* Where input i of a call came from.  Neither node nor leaf: it needs no gradient. */
typedef struct {
  cr_node *node;
  cr_tensor *leaf;
  int index; /* which output of node */
  uint8_t dtype;
  uint8_t ndim;
  cr_device device;
  const int64_t *shape; /* inside the node's own block */
} cr_edge;

typedef struct {
  cr_tensor *value;    /* without a history: no cycles */
  cr_tensor *unpacked; /* value with its history, while a backward runs */
  uint32_t version;
  int input, output; /* which of them it is, or -1 */
  bool given;        /* there is a value, now or when it has been computed again */
} cr_saved_value;

typedef struct {
  uint8_t dtype, ndim;
  cr_device device;
  const int64_t *shape;
  cr_tensor *grad;   /* while the engine runs */
  cr_tensor *retain; /* the tensor that asked for retainGrad; it clears this when it goes */
  cr_hook *hooks;
} cr_output;

struct cr_node {
  atomic_int refs;
  const cr_op *op;
  uint32_t depth; /* more than that of every node it has an edge to */
  int nin, nout, nsave, nints, nnums;
  bool released; /* its saved values were freed by a backward */
  int captures;  /* how many inputs of the runs in progress are outputs of it */
  bool needed;   /* in this run, if only some gradients are computed */
  uint64_t order;
  const void *run; /* the run that it takes part in */
  cr_edge *in;
  cr_saved_value *save;
  cr_output *out;
  int64_t *ints;
  double *nums;
  void *user;
  void (*free_user)(void *user);
  cr_account *account;
  size_t bytes;
  cr_node *next; /* while it waits to be freed */
  cr_hook *hooks;
  cr_region *region; /* that it was recorded in, and as which of its calls */
  int64_t call;
  bool dropped; /* its saved values have to be computed again */
  char *where;
};

struct cr_autograd {
  bool requires_grad; /* a leaf that does */
  bool retain_grad;
  cr_node *node; /* NULL for a leaf */
  int index;
  uint32_t version; /* of the storage when `node` described this view */
  cr_tensor *grad;
  cr_hook *hooks; /* of a leaf */
  cr_leaf_watch *watch;
  int watched_as; /* its place in the watch's list */
  int counted_as; /* in the list of the run that has counted it last */
};

static inline uint32_t cr_version(const cr_tensor *t) {
  return t->storage ? atomic_load_explicit(&t->storage->version, memory_order_relaxed) : 0;
}

/* Frees what a backward no longer needs. */
void cr_node_free_saved(cr_node *n);
void cr_node_free_unpacked(cr_node *n);
/* The autograd part of t, made if it is missing; NULL with a message without memory. */
cr_autograd *cr_autograd_of(cr_tensor *t);
/* A fresh node: leaves its saved values to its region, or gives them to the node that it repeats.
 */
bool cr_region_record(cr_node *n);
void cr_region_forget(cr_node *n);  /* n is going away */
bool cr_region_restore(cr_node *n); /* n's saved values are back, or there is a message */
/* Runs the hooks of a list on *g, which they may replace. */
bool cr_run_tensor_hooks(cr_hook *hooks, cr_tensor **g);
bool cr_run_node_hooks(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
void cr_free_hooks(cr_hook *hooks);
int cr_has_nan(cr_tensor *t); /* 1, 0, or -1: unknown */
bool cr_all_finite(cr_tensor *t);
/* Brings the history of a view up to date with its base.  False: failed. */
bool cr_refresh(cr_tensor *t);
/* Is there a path for a gradient from edge e on, in the run that n takes part in? (engine.c) */
bool cr_edge_wanted(const void *run, const cr_edge *e);

/* The operators behind writes through views (ops/slice.c).  Geometries: see there. */
extern const cr_op cr_op_copy_slices;
int cr_slice_attrs(const cr_tensor *base, const cr_tensor *view, int64_t *ints);
/* For a view v of t that shows the places of t which `part` shows of `plain`, t in memory without
 * gaps and overlaps.  Sets v's base, and records; takes over v. */
cr_tensor cr_plain_layout(const cr_tensor *t);
cr_tensor *cr_record_part(cr_tensor *v, cr_tensor *t, const cr_tensor *plain,
                          const cr_tensor *part);
#define CR_SLICE_ATTRS (4 * CR_MAX_DIMS + 4)

#endif
