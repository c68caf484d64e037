/* order_lua.c: elements by rank in Lua: kthvalue, median, mode, topk. */
#include "lib/torch/binding.h"

/* ([values, places,] x ..): the result tensors, x, and the argument after it. */
typedef struct {
  cr_tensor *values, *places, *x;
  int next;
} ranked;

static ranked check_ranked(lua_State *L) {
  ranked r = {.x = cr_check_tensor(L, 1), .next = 2};
  if (!cr_to_tensor(L, 2)) return r;
  r.values = r.x;
  if (cr_to_tensor(L, 3)) {
    r.places = cr_to_tensor(L, 2);
    r.x = cr_to_tensor(L, 3);
    r.next = 4;
  } else {
    r.x = cr_to_tensor(L, 2);
    r.next = 3;
  }
  return r;
}

static int optional_dim(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? -1 : cr_check_dim(L, arg);
}

/** torch.kthvalue([values, places,] x, k [, dim]); x:kthvalue(k [, dim])
 *
 *  The k-th smallest element along a dimension, and its place.  Differentiable.
 *
 *  values, places: tensors for the results, places a LongTensor; resized
 *  x: tensor
 *  k: 1 to x:size(dim)
 *  dim: 1 to x:dim(), the last by default
 *  Returns: the values and a LongTensor of places, which count from 1; the dimension stays, with
 *    size 1
 *  Errors: there are not k elements
 *  From: Torch7
 *  Example:
 *    value, place = torch.Tensor { 5, 1, 3 }:kthvalue(2)
 *    value[1], place[1] --> 3.0 3
 */
static int f_kthvalue(lua_State *L) {
  ranked r = check_ranked(L);
  int64_t k = cr_check_place(L, r.next);
  cr_tensor *v, *p;
  if (!cr_kthvalue(r.x, k, optional_dim(L, r.next + 1), &v, &p)) return cr_lua_error(L);
  return cr_push_ranked(L, "kthvalue", r.values, r.places, v, p);
}

/** torch.median([values, places,] x [, dim]); x:median([dim])
 *  torch.mode([values, places,] x [, dim]); x:mode([dim])
 *
 *  The middle element in ascending order, of an even number the lower of the two; or the most
 *  frequent one, of equally frequent ones the smallest, at its last place.  Differentiable.
 *
 *  values, places: tensors for the results, places a LongTensor; resized
 *  x: tensor
 *  dim: 1 to x:dim(), the last by default
 *  Returns: the values and a LongTensor of places, which count from 1; the dimension stays, with
 *    size 1
 *  Errors: the dimension has no elements
 *  From: Torch7
 *  Example:
 *    x = torch.Tensor { 7, 1, 2, 2, 9, 3 }
 *    x:median()[1], x:mode()[1] --> 2.0 2.0
 */
static int f_median(lua_State *L) {
  ranked r = check_ranked(L);
  cr_tensor *v, *p;
  if (!cr_median(r.x, optional_dim(L, r.next), &v, &p)) return cr_lua_error(L);
  return cr_push_ranked(L, "median", r.values, r.places, v, p);
}

static int f_mode(lua_State *L) {
  ranked r = check_ranked(L);
  cr_tensor *v, *p;
  if (!cr_mode(r.x, optional_dim(L, r.next), &v, &p)) return cr_lua_error(L);
  return cr_push_ranked(L, "mode", r.values, r.places, v, p);
}

/** torch.topk([values, places,] x [, k [, dim [, largest]]]); x:topk([k [, dim [, largest]]])
 *
 *  The k smallest elements along a dimension, in ascending order, or the largest in descending
 *  order, and their places.  Differentiable.
 *
 *  values, places: tensors for the results, places a LongTensor; resized
 *  x: tensor
 *  k: how many; 1 by default
 *  dim: 1 to x:dim(), the last by default
 *  largest: true for the largest
 *  Returns: the values and a LongTensor of places, which count from 1
 *  Errors: there are not k elements
 *  From: Torch7, whose results are not always sorted
 *  Example:
 *    values, places = torch.Tensor { 5, 1, 3 }:topk(2, 1, true)
 *    values[1], values[2], places[2] --> 5.0 3.0 3
 */
static int f_topk(lua_State *L) {
  ranked r = check_ranked(L);
  int64_t k = lua_isnoneornil(L, r.next) ? 1 : cr_check_int(L, r.next);
  int dim = optional_dim(L, r.next + 1);
  cr_tensor *v, *p;
  if (!cr_topk(r.x, k, dim, lua_toboolean(L, r.next + 2), &v, &p)) return cr_lua_error(L);
  return cr_push_ranked(L, "topk", r.values, r.places, v, p);
}

static const cr_binding bindings[] = {
    {"kthvalue", f_kthvalue, f_kthvalue},
    {"median", f_median, f_median},
    {"mode", f_mode, f_mode},
    {"topk", f_topk, f_topk},
    {NULL, NULL, NULL},
};

void cr_bind_order(lua_State *L) {
  cr_bind(L, bindings);
}
