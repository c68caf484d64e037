/* fft_lua.c: the transforms that lib/torch/fft.lua makes the functions of torch.fft of. */
#include "lib/torch/binding.h"

/* (name, x, n or nil, dim, scale) and, for torch._fft, whether it is the inverse; the name is for
 * error messages. */
typedef struct {
  const char *name;
  cr_tensor *x;
  int64_t n;
  int dim;
  double scale;
} transform;

static transform check_transform(lua_State *L) {
  transform t = {.name = luaL_checkstring(L, 1), .x = cr_check_tensor(L, 2), .n = -1};
  if (!lua_isnoneornil(L, 3)) {
    t.n = cr_check_int(L, 3);
    if (t.n < 1) cr_raise(L, "%s: a transform of length %I", t.name, (LUAI_UACINT)t.n);
  }
  t.dim = cr_check_dim(L, 4);
  t.scale = luaL_checknumber(L, 5);
  return t;
}

static int f_fft(lua_State *L) {
  transform t = check_transform(L);
  cr_push_tensor(L, cr_fft(t.name, t.x, t.n, t.dim, lua_toboolean(L, 6), t.scale));
  return 1;
}

static int f_rfft(lua_State *L) {
  transform t = check_transform(L);
  cr_push_tensor(L, cr_rfft(t.name, t.x, t.n, t.dim, t.scale));
  return 1;
}

static int f_irfft(lua_State *L) {
  transform t = check_transform(L);
  cr_push_tensor(L, cr_irfft(t.name, t.x, t.n, t.dim, t.scale));
  return 1;
}

static const cr_binding bindings[] = {
    {"_fft", f_fft, NULL},
    {"_rfft", f_rfft, NULL},
    {"_irfft", f_irfft, NULL},
    {NULL, NULL, NULL},
};

void cr_bind_fft(lua_State *L) {
  cr_bind(L, bindings);
}
