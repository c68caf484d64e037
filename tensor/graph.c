/* graph.c: what a node says of itself: to its backward, and to those who look at the graph. */
#include <string.h>

#include "tensor/node.h"

bool cr_has_saved(const cr_node *n, int i) {
  return n->save[i].given;
}
int64_t cr_attr_int(const cr_node *n, int i) {
  return n->ints[i];
}
double cr_attr_num(const cr_node *n, int i) {
  return n->nums[i];
}
void *cr_node_user(const cr_node *n) {
  return n->user;
}
const char *cr_node_name(const cr_node *n) {
  return n->op->name;
}
int cr_node_ninputs(const cr_node *n) {
  return n->nin;
}
int cr_node_noutputs(const cr_node *n) {
  return n->nout;
}
cr_node *cr_node_input(const cr_node *n, int i) {
  return n->in[i].node;
}

int cr_attr_ints(const cr_node *n, const int64_t **ints) {
  *ints = n->ints;
  return n->nints;
}

int cr_input_shape(const cr_node *n, int i, const int64_t **shape) {
  *shape = n->in[i].shape;
  return n->in[i].ndim;
}

int cr_attr_nums(const cr_node *n, const double **nums) {
  *nums = n->nums;
  return n->nnums;
}

const char *cr_node_attrs(const cr_node *n) {
  return n->op->attrs ? n->op->attrs : "";
}

const char *cr_node_where(const cr_node *n) {
  return n->where ? n->where : "";
}

cr_tensor *cr_node_leaf(const cr_node *n, int i) {
  return n->in[i].leaf;
}

int cr_output_shape(const cr_node *n, int k, const int64_t **shape, cr_dtype *dtype) {
  *shape = n->out[k].shape;
  *dtype = (cr_dtype)n->out[k].dtype;
  return n->out[k].ndim;
}

int cr_node_output_of(cr_tensor *t) {
  return cr_grad_node(t) ? t->ag->index : -1;
}

size_t cr_node_saved_bytes(const cr_node *n) {
  size_t bytes = 0;
  for (int i = 0; i < n->nsave; i++) {
    const cr_tensor *t = n->save[i].value;
    if (t) bytes += (size_t)cr_numel(t) * cr_sizeof((cr_dtype)t->dtype);
  }
  return bytes;
}
