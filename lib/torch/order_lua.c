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

/* torch.kthvalue([values, places,] x, k [, dim]): the k-th smallest; the last dimension by default
 */
static int f_kthvalue(lua_State *L) {
  ranked r = check_ranked(L);
  int64_t k = cr_check_place(L, r.next);
  cr_tensor *v, *p;
  if (!cr_kthvalue(r.x, k, optional_dim(L, r.next + 1), &v, &p)) return cr_lua_error(L);
  return cr_push_ranked(L, "kthvalue", r.values, r.places, v, p);
}

/* torch.median([values, places,] x [, dim]) */
static int f_median(lua_State *L) {
  ranked r = check_ranked(L);
  cr_tensor *v, *p;
  if (!cr_median(r.x, optional_dim(L, r.next), &v, &p)) return cr_lua_error(L);
  return cr_push_ranked(L, "median", r.values, r.places, v, p);
}

/* torch.mode([values, places,] x [, dim]) */
static int f_mode(lua_State *L) {
  ranked r = check_ranked(L);
  cr_tensor *v, *p;
  if (!cr_mode(r.x, optional_dim(L, r.next), &v, &p)) return cr_lua_error(L);
  return cr_push_ranked(L, "mode", r.values, r.places, v, p);
}

/* torch.topk([values, places,] x [, k [, dim [, largest]]]): the smallest by default, as in Torch7;
 * always sorted */
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
