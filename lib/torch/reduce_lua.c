/* reduce_lua.c: reductions, scans and sorting in Lua. */
#include "lib/torch/binding.h"

#include <math.h>
#include <string.h>

#include "tensor/autograd.h"

static int bound_code(lua_State *L) {
  return (int)lua_tointeger(L, lua_upvalueindex(1));
}

/* The arguments of a reduction: ([res,] x [, dim or {dims} [, keepdim]]).  Torch7 keeps the reduced
 * dimension as a size of 1. */
typedef struct {
  cr_tensor *out, *x;
  int ndims; /* -1: all */
  int dims[CR_MAX_DIMS];
  bool keepdim;
  int next; /* the argument after x */
} reduction;

static void check_dims(lua_State *L, int arg, reduction *r) {
  if (lua_isnoneornil(L, arg)) {
    r->ndims = -1;
    return;
  }
  if (!lua_istable(L, arg)) {
    r->ndims = 1;
    r->dims[0] = cr_check_dim(L, arg);
    return;
  }
  r->ndims = (int)lua_rawlen(L, arg);
  if (r->ndims > CR_MAX_DIMS) luaL_argerror(L, arg, "too many dimensions");
  for (int i = 0; i < r->ndims; i++) {
    lua_rawgeti(L, arg, i + 1);
    r->dims[i] = cr_check_dim(L, lua_gettop(L));
    lua_pop(L, 1);
  }
}

static void check_operands(lua_State *L, reduction *r) {
  *r = (reduction){.x = cr_check_tensor(L, 1), .next = 2, .keepdim = true};
  if (cr_to_tensor(L, 2)) {
    r->out = r->x;
    r->x = cr_to_tensor(L, 2);
    r->next = 3;
  }
}

static void check_keepdim(lua_State *L, int arg, reduction *r) {
  if (!lua_isnoneornil(L, arg)) r->keepdim = lua_toboolean(L, arg);
}

static reduction check_reduction(lua_State *L) {
  reduction r;
  check_operands(L, &r);
  check_dims(L, r.next, &r);
  check_keepdim(L, r.next + 1, &r);
  return r;
}

static int give(lua_State *L, const char *fn, const reduction *r, cr_tensor *y) {
  if (r->ndims < 0 && !r->out) return cr_push_number(L, y);
  return cr_push_result(L, cr_into(fn, r->out, y), r->out ? 1 : 0);
}

/* ---- sums and the like ------------------------------------------------------------------ */

/** torch.sum([res,] x [, dim [, keepdim]]); torch.prod([res,] x [, dim [, keepdim]])
 *  torch.all([res,] x [, dim [, keepdim]]); torch.any([res,] x [, dim [, keepdim]])
 *  torch.countNonzero([res,] x [, dim [, keepdim]])
 *  x:sum([dim [, keepdim]]); x:prod([dim [, keepdim]]); x:all([dim [, keepdim]])
 *  x:any([dim [, keepdim]]); x:countNonzero([dim [, keepdim]])
 *
 *  The sum or the product of the elements; whether all, or any, are not zero; how many are not
 *  zero. Over all of x, or along some dimensions.  sum and prod are differentiable.
 *
 *  res: tensor for the result, of its type; resized
 *  x: tensor; sums and products of integers are int64, and a sum of halves that is given as a
 *    number is not rounded to theirs
 *  dim: 1 to x:dim(), negative counts from the last; or a table of dimensions
 *  keepdim: false leaves the dimensions out; otherwise they stay, with size 1
 *  Returns: without dim a number (true or false), or a tensor of no dimensions when x is on the
 *    tape; with dim a tensor
 *  Errors: x has no such dimension
 *  From: Torch7; countNonzero as in NumPy
 *  Example:
 *    x = torch.range(1, 6):view(2, 3)
 *    x:sum(), x:prod() --> 21.0 720.0
 *    table.concat(x:sum(1).shape, "x"), table.concat(x:sum(1, false).shape, "x") --> 1x3 3
 *    x:gt(2):all(), x:gt(2):any() --> false true
 */
static int f_reduce(lua_State *L) {
  cr_reduce_op op = (cr_reduce_op)bound_code(L);
  reduction r = check_reduction(L);
  bool half = r.x->dtype == CR_FLOAT16 || r.x->dtype == CR_BFLOAT16;
  /* A number need not be as narrow as they are. */
  if (half && op == CR_SUM && r.ndims < 0 && !r.out && !cr_recording(1, &r.x))
    return cr_push_number(L, cr_sum_as(r.x, CR_FLOAT32));
  bool keepdim = r.ndims >= 0 && r.keepdim;
  return give(L, cr_reduce_name(op), &r, cr_reduce(op, r.x, r.ndims, r.dims, keepdim, NULL));
}

/** torch.mean([res,] x [, dim [, keepdim]]); x:mean([dim [, keepdim]])
 *
 *  The mean of the elements, of all or along dimensions.  Differentiable.
 *
 *  res: tensor for the result, of its type; resized
 *  x: tensor; the mean of integers is of the default float type
 *  dim: 1 to x:dim(), negative counts from the last; or a table of dimensions
 *  keepdim: false leaves the dimensions out; otherwise they stay, with size 1
 *  Returns: a number, or with dim a tensor; as for torch.sum
 *  From: Torch7
 *  Example:
 *    torch.range(1, 4):mean() --> 2.5
 */
static int f_mean(lua_State *L) {
  reduction r = check_reduction(L);
  return give(L, "mean", &r, cr_mean(r.x, r.ndims, r.dims, r.ndims >= 0 && r.keepdim, NULL));
}

/** torch.var([res,] x [, dim [, biased [, keepdim]]]); x:var([dim [, biased [, keepdim]]])
 *  torch.std([res,] x [, dim [, biased [, keepdim]]]); x:std([dim [, biased [, keepdim]]])
 *
 *  The variance, or its root, the standard deviation.  Differentiable.
 *
 *  res: tensor for the result, of x's type; resized
 *  x: tensor of a float type
 *  dim: 1 to x:dim(), negative counts from the last; or a table of dimensions
 *  biased: true divides by n; otherwise by n - 1
 *  keepdim: false leaves the dimensions out; otherwise they stay, with size 1
 *  Returns: a number, or with dim a tensor; as for torch.sum.  NaN for a single element unless
 *    biased
 *  Errors: x is of integers
 *  From: Torch7
 *  Example:
 *    torch.range(1, 3):var() --> 1.0
 *    torch.Tensor { 1, 3 }:std(1, true)[1] --> 1.0
 */
static int spread(lua_State *L, bool root) {
  reduction r;
  check_operands(L, &r);
  check_dims(L, r.next, &r);
  int correction = lua_toboolean(L, r.next + 1) ? 0 : 1;
  check_keepdim(L, r.next + 2, &r);
  return give(L, root ? "std" : "var", &r,
              cr_var(r.x, r.ndims, r.dims, r.ndims >= 0 && r.keepdim, correction, root));
}

static int f_var(lua_State *L) {
  return spread(L, false);
}
static int f_std(lua_State *L) {
  return spread(L, true);
}

/** torch.norm([res,] x [, p [, dim [, keepdim]]]); x:norm([p [, dim [, keepdim]]])
 *
 *  The p-norm: the p-th root of the sum of |x|^p.  p = 0 counts what is not zero, math.huge is the
 *  largest absolute value.  Differentiable.
 *
 *  res: tensor for the result, of x's type; resized
 *  x: tensor of a float type
 *  p: number, 2 by default
 *  dim: 1 to x:dim(), negative counts from the last; or a table of dimensions
 *  keepdim: false leaves the dimensions out; otherwise they stay, with size 1
 *  Returns: a number, or with dim a tensor; as for torch.sum
 *  Errors: x is of integers
 *  From: Torch7
 *  Example:
 *    x = torch.Tensor { 3, 4 }
 *    x:norm(), x:norm(1), x:norm(math.huge) --> 5.0 7.0 4.0
 */
static int f_norm(lua_State *L) {
  reduction r;
  check_operands(L, &r);
  double p = luaL_optnumber(L, r.next, 2);
  check_dims(L, r.next + 1, &r);
  check_keepdim(L, r.next + 2, &r);
  return give(L, "norm", &r, cr_norm(r.x, p, r.ndims, r.dims, r.ndims >= 0 && r.keepdim));
}

/** torch.dist(a, b [, p]); x:dist(b [, p])
 *
 *  The p-norm of a - b.  Differentiable.
 *
 *  a, b: tensors of a float type whose shapes broadcast
 *  p: number, 2 by default
 *  Returns: a number, or a tensor of no dimensions when one is on the tape
 *  From: Torch7
 *  Example:
 *    torch.dist(torch.zeros(4), torch.ones(4)) --> 2.0
 */
static int f_dist(lua_State *L) {
  cr_tensor *a = cr_check_tensor(L, 1), *b = cr_check_tensor(L, 2);
  double p = luaL_optnumber(L, 3, 2);
  cr_tensor *d = cr_sub(a, b);
  cr_tensor *y = d ? cr_norm(d, p, -1, NULL, false) : NULL;
  cr_release(d);
  return cr_push_number(L, y);
}

/* ---- extremes --------------------------------------------------------------------------- */

/** torch.max([values, places,] x [, dim [, keepdim]]); x:max([dim [, keepdim]])
 *  torch.min([values, places,] x [, dim [, keepdim]]); x:min([dim [, keepdim]])
 *
 *  The largest, or smallest, element of all, or each along a dimension with its place.  A NaN
 *  is taken for either.  Differentiable.
 *
 *  values, places: tensors for the results, places a LongTensor; resized
 *  x: tensor
 *  dim: 1 to x:dim(); negative counts from the last
 *  keepdim: false leaves the dimension out; otherwise it stays, with size 1
 *  Returns: a number (a tensor of no dimensions when x is on the tape); with dim two tensors, the
 *    values and a LongTensor of their places, which count from 1
 *  Errors: there are no elements; x has no such dimension
 *  From: Torch7
 *  Example:
 *    x = torch.Tensor { { 1, 5 }, { 7, 2 } }
 *    x:max() --> 7.0
 *    values, places = x:max(2)
 *    values:sum(), places[1][1], places[2][1] --> 12.0 2 1
 */
static int extreme(lua_State *L, bool smallest) {
  cr_tensor *x = cr_check_tensor(L, 1), *values = NULL, *places = NULL;
  int at = 2;
  if (cr_to_tensor(L, 3)) {
    values = x, places = cr_to_tensor(L, 2), x = cr_to_tensor(L, 3), at = 4;
    if (!places) return luaL_typeerror(L, 2, "tensor");
  } else if (cr_to_tensor(L, 2)) {
    values = x, x = cr_to_tensor(L, 2), at = 3;
  }
  if (lua_isnoneornil(L, at))
    return cr_push_number(L, cr_reduce(smallest ? CR_AMIN : CR_AMAX, x, -1, NULL, false, NULL));
  reduction keep = {.keepdim = true};
  int dim = cr_check_dim(L, at);
  check_keepdim(L, at + 1, &keep);
  cr_tensor *v, *p;
  if (!cr_max_dim(x, dim, keep.keepdim, smallest, &v, &p)) return cr_lua_error(L);
  return cr_push_ranked(L, "max", values, places, v, p);
}

static int f_max(lua_State *L) {
  return extreme(L, false);
}
static int f_min(lua_State *L) {
  return extreme(L, true);
}

/** torch.argmax(x [, dim [, keepdim]]); x:argmax([dim [, keepdim]])
 *  torch.argmin(x [, dim [, keepdim]]); x:argmin([dim [, keepdim]])
 *
 *  The place of the largest, or smallest, element; the first of several.
 *
 *  x: tensor
 *  dim: 1 to x:dim(); negative counts from the last.  Without it x counts as one row after the
 *    other
 *  keepdim: true keeps the dimension with size 1
 *  Returns: an integer, or with dim a LongTensor; places count from 1
 *  Errors: there are no elements; x has no such dimension
 *  From: NumPy
 *  Example:
 *    x = torch.Tensor { { 1, 5 }, { 7, 2 } }
 *    x:argmax(), x:argmax(2)[1] --> 3 2
 */
static int f_arg(lua_State *L) {
  cr_reduce_op op = (cr_reduce_op)bound_code(L);
  reduction r = check_reduction(L);
  bool keepdim = r.ndims >= 0 && lua_toboolean(L, r.next + 1);
  cr_tensor *y = cr_reduce(op, r.x, r.ndims, r.dims, keepdim, NULL);
  if (!y) return cr_lua_error(L);
  if (r.ndims < 0) {
    cr_scalar v;
    bool there = cr_read(y, NULL, &v);
    cr_release(y);
    if (!there) return cr_lua_error(L);
    lua_pushinteger(L, v.i + 1);
    return 1;
  }
  cr_push_places(L, y);
  return 1;
}

/* ---- scans, sorting --------------------------------------------------------------------- */

/** torch.cumsum([res,] x [, dim]); x:cumsum([dim])
 *  torch.cumprod([res,] x [, dim]); x:cumprod([dim])
 *
 *  Sums, or products, of the elements up to each place.  Differentiable.
 *
 *  res: tensor for the result, of its type; resized
 *  x: tensor
 *  dim: 1 to x:dim(), 1 by default; negative counts from the last
 *  Returns: a new tensor of x's shape, or res
 *  Errors: x has no such dimension
 *  From: Torch7
 *  Example:
 *    table.concat(torch.range(1, 4):cumsum():totable(), " ") --> 1.0 3.0 6.0 10.0
 */
static int f_scan(lua_State *L) {
  cr_make_room(L);
  reduction r;
  check_operands(L, &r);
  int dim = lua_isnoneornil(L, r.next) ? 0 : cr_check_dim(L, r.next);
  return cr_push_result(L, cr_scan((cr_reduce_op)bound_code(L), r.x, dim, r.out), r.out ? 1 : 0);
}

/** torch.sort([values, places,] x [, dim] [, descending]); x:sort([dim] [, descending])
 *
 *  The elements in ascending order along a dimension, and the places they had.  Equal ones keep
 *  their order.  Differentiable.
 *
 *  values, places: tensors for the results, places a LongTensor; resized
 *  x: tensor
 *  dim: 1 to x:dim(), the last by default
 *  descending: true sorts from the largest down
 *  Returns: two tensors of x's shape: the values, and a LongTensor of places, which count from 1
 *  From: Torch7
 *  Example:
 *    values, places = torch.Tensor { 3, 1, 2 }:sort()
 *    table.concat(values:totable(), " ") --> 1.0 2.0 3.0
 *    table.concat(places:totable(), " ") --> 2 3 1
 */
static int f_sort(lua_State *L) {
  cr_make_room(L);
  cr_tensor *x = cr_check_tensor(L, 1), *values = NULL, *places = NULL;
  int at = 2;
  if (cr_to_tensor(L, 2) && cr_to_tensor(L, 3))
    values = x, places = cr_to_tensor(L, 2), x = cr_to_tensor(L, 3), at = 4;
  int dim = -1;
  if (cr_is_number(L, at)) dim = cr_check_dim(L, at++);
  bool descending = lua_toboolean(L, at);
  cr_tensor *v, *p;
  if (!cr_sort(x, dim, descending, &v, &p)) return cr_lua_error(L);
  return cr_push_ranked(L, "sort", values, places, v, p);
}

/* ---- the list --------------------------------------------------------------------------- */

static const cr_binding bindings[] = {
    {"mean", f_mean, f_mean}, {"var", f_var, f_var},    {"std", f_std, f_std},
    {"norm", f_norm, f_norm}, {"dist", f_dist, f_dist}, {"max", f_max, f_max},
    {"min", f_min, f_min},    {"sort", f_sort, f_sort}, {NULL, NULL, NULL},
};

void cr_bind_reduce(lua_State *L) {
  static const struct {
    const char *name;
    cr_reduce_op op;
  } plain[] = {{"sum", CR_SUM},
               {"prod", CR_PROD},
               {"all", CR_ALL},
               {"any", CR_ANY},
               {"countNonzero", CR_COUNT_NONZERO}};
  cr_bind(L, bindings);
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
    cr_bind_code(L, plain[i].name, f_reduce, f_reduce, (int)plain[i].op);
  cr_bind_code(L, "_amax", f_reduce, NULL, CR_AMAX); /* for statistics.lua */
  cr_bind_code(L, "_amin", f_reduce, NULL, CR_AMIN);
  cr_bind_code(L, "argmax", f_arg, f_arg, CR_ARGMAX);
  cr_bind_code(L, "argmin", f_arg, f_arg, CR_ARGMIN);
  cr_bind_code(L, "cumsum", f_scan, f_scan, CR_SUM);
  cr_bind_code(L, "cumprod", f_scan, f_scan, CR_PROD);
}
