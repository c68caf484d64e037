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

static int f_reduce(lua_State *L) {
  cr_reduce_op op = (cr_reduce_op)bound_code(L);
  reduction r = check_reduction(L);
  bool keepdim = r.ndims >= 0 && r.keepdim;
  return give(L, cr_reduce_name(op), &r, cr_reduce(op, r.x, r.ndims, r.dims, keepdim, NULL));
}

static int f_mean(lua_State *L) {
  reduction r = check_reduction(L);
  return give(L, "mean", &r, cr_mean(r.x, r.ndims, r.dims, r.ndims >= 0 && r.keepdim, NULL));
}

/* torch.var([res,] x [, dim [, biased]]): biased divides by n instead of n-1 */
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

/* torch.norm([res,] x [, p [, dim]]) */
static int f_norm(lua_State *L) {
  reduction r;
  check_operands(L, &r);
  double p = luaL_optnumber(L, r.next, 2);
  check_dims(L, r.next + 1, &r);
  check_keepdim(L, r.next + 2, &r);
  return give(L, "norm", &r, cr_norm(r.x, p, r.ndims, r.dims, r.ndims >= 0 && r.keepdim));
}

/* torch.dist(a, b [, p]) */
static int f_dist(lua_State *L) {
  cr_tensor *a = cr_check_tensor(L, 1), *b = cr_check_tensor(L, 2);
  double p = luaL_optnumber(L, 3, 2);
  cr_tensor *d = cr_sub(a, b);
  cr_tensor *y = d ? cr_norm(d, p, -1, NULL, false) : NULL;
  cr_release(d);
  return cr_push_number(L, y);
}

/* ---- extremes --------------------------------------------------------------------------- */

/* torch.max(x): a number; torch.max([values, places,] x, dim): both tensors; the places count from
 * 1 */
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

/* torch.argmax(x [, dim [, keepdim]]): places that count from 1, without a dimension that of the
 * flattened tensor */
static int f_arg(lua_State *L) {
  cr_reduce_op op = (cr_reduce_op)bound_code(L);
  reduction r = check_reduction(L);
  bool keepdim = r.ndims >= 0 && lua_toboolean(L, r.next + 1);
  cr_tensor *y = cr_reduce(op, r.x, r.ndims, r.dims, keepdim, NULL);
  if (!y) return cr_lua_error(L);
  if (r.ndims < 0) {
    cr_scalar v = cr_get(y, NULL);
    cr_release(y);
    lua_pushinteger(L, v.i + 1);
    return 1;
  }
  cr_push_places(L, y);
  return 1;
}

/* ---- scans, sorting --------------------------------------------------------------------- */

/* torch.cumsum([res,] x [, dim]) */
static int f_scan(lua_State *L) {
  reduction r;
  check_operands(L, &r);
  int dim = lua_isnoneornil(L, r.next) ? 0 : cr_check_dim(L, r.next);
  return cr_push_result(L, cr_scan((cr_reduce_op)bound_code(L), r.x, dim, r.out), r.out ? 1 : 0);
}

/* torch.sort([values, places,] x [, dim] [, descending]): the last dimension by default */
static int f_sort(lua_State *L) {
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
  cr_bind_code(L, "argmax", f_arg, f_arg, CR_ARGMAX);
  cr_bind_code(L, "argmin", f_arg, f_arg, CR_ARGMIN);
  cr_bind_code(L, "cumsum", f_scan, f_scan, CR_SUM);
  cr_bind_code(L, "cumprod", f_scan, f_scan, CR_PROD);
}
