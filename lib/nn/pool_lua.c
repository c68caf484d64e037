/* pool_lua.c: nn's maxima and averages of windows, and resampling, in Lua.  Sizes come as width,
 * height, as in Torch7's constructors.  What one of nn/functional's files puts a better name in
 * front of begins with "_", and is not for others. */
#include "lib/nn/nn_lua.h"
#include "lib/torch/torch_lua.h"
#include "nn/nn.h"

static int64_t opt_int(lua_State *L, int arg, int64_t otherwise) {
  return lua_isnoneornil(L, arg) ? otherwise : cr_check_int(L, arg);
}

/* kW, kH, dW, dH, padW, padH, ceil from argument 2 on */
static cr_pool2d_args pool_args(lua_State *L) {
  int64_t kw = cr_check_int(L, 2), kh = opt_int(L, 3, kw);
  return (cr_pool2d_args){.kernel = {kh, kw},
                          .stride = {opt_int(L, 5, kh), opt_int(L, 4, kw)},
                          .pad = {opt_int(L, 7, 0), opt_int(L, 6, 0)},
                          .ceil = lua_toboolean(L, 8)};
}

/* _maxPool2d(x, kW [, kH, dW, dH, padW, padH, ceil, places, dilationW, dilationH]): the maxima and,
 * when `places` is true, their places, which count from 1. */
static int f_max_pool2d(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *places = NULL;
  cr_pool2d_args a = pool_args(L);
  bool wanted = lua_toboolean(L, 9);
  a.base = 1;
  a.dilation[0] = opt_int(L, 11, 1);
  a.dilation[1] = opt_int(L, 10, 1);
  cr_tensor *y = cr_max_pool2d(x, &a, wanted ? &places : NULL);
  if (!y) return cr_lua_error(L);
  if (!wanted) {
    cr_push_tensor(L, y);
    return 1;
  }
  cr_push_tensors(L, 2, (cr_tensor *const[]){y, places});
  return 2;
}

/* _avgPool2d(x, kW [, kH, dW, dH, padW, padH, ceil, countPad, divisor]) */
static int f_avg_pool2d(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  cr_pool2d_args a = pool_args(L);
  a.count_pad = lua_isnoneornil(L, 9) || lua_toboolean(L, 9);
  a.divisor = opt_int(L, 10, 0);
  cr_push_tensor(L, cr_avg_pool2d(x, &a));
  return 1;
}

/* _maxWindows(x, begin, end, beginColumns, endColumns): the maxima of windows of rows and columns,
 * and their places, which count from 1; the windows count from 0, and nil is each row, or column.
 */
static int f_max_windows(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *t[4], *out[2];
  for (int i = 0; i < 4; i++) t[i] = lua_isnoneornil(L, i + 2) ? NULL : cr_check_tensor(L, i + 2);
  cr_window_tables w = {.begin = {t[0], t[2]}, .end = {t[1], t[3]}};
  if (!cr_max_windows(x, &w, 1, &out[0], &out[1])) return cr_lua_error(L);
  cr_push_tensors(L, 2, out);
  return 2;
}

/* _resample(x, dim, size, mode [, align, ratio]) */
static int f_resample(lua_State *L) {
  static const char *const modes[] = {"nearest", "nearest-exact", "linear", "cubic", "area", NULL};
  cr_tensor *x = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  int64_t size = cr_check_int(L, 3);
  cr_resample_mode mode = (cr_resample_mode)luaL_checkoption(L, 4, NULL, modes);
  double ratio = luaL_optnumber(L, 6, 0);
  cr_push_tensor(L, cr_resample(x, dim, size, mode, lua_toboolean(L, 5), ratio));
  return 1;
}

const luaL_Reg cr_nn_pool_functions[] = {
    {"_maxPool2d", f_max_pool2d},
    {"_avgPool2d", f_avg_pool2d},
    {"_maxWindows", f_max_windows},
    {"_resample", f_resample},
    {NULL, NULL},
};
