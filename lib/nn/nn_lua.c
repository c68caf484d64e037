/* nn_lua.c: the operators of nn/ in Lua: require "nn.functional".  Classes and places count from 1;
 * sizes come as width, height, as in Torch7's constructors. */
#include "lib/openers.h"
#include "lib/torch/torch_lua.h"
#include "nn/nn.h"

/* An argument that may be left out or nil. */
static cr_tensor *opt_tensor(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? NULL : cr_check_tensor(L, arg);
}
static int64_t opt_int(lua_State *L, int arg, int64_t otherwise) {
  return lua_isnoneornil(L, arg) ? otherwise : cr_check_int(L, arg);
}

static bool flag_or(lua_State *L, int arg, bool otherwise) {
  return lua_isnoneornil(L, arg) ? otherwise : lua_toboolean(L, arg);
}

static int push(lua_State *L, cr_tensor *t) {
  cr_push_tensor(L, t);
  return 1;
}

/* conv2d(x, weight, bias, dW, dH, padW, padH, dilationW, dilationH, groups) */
static int f_conv2d(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *w = cr_check_tensor(L, 2), *b = opt_tensor(L, 3);
  cr_conv2d_args a = {.stride = {opt_int(L, 5, 1), opt_int(L, 4, 1)},
                      .pad = {opt_int(L, 7, 0), opt_int(L, 6, 0)},
                      .dilation = {opt_int(L, 9, 1), opt_int(L, 8, 1)},
                      .groups = opt_int(L, 10, 1)};
  return push(L, cr_conv2d(x, w, b, &a));
}

/* kW, kH, dW, dH, padW, padH, ceil, countPad from argument 2 on */
static cr_pool2d_args pool_args(lua_State *L) {
  int64_t kw = cr_check_int(L, 2), kh = opt_int(L, 3, kw);
  return (cr_pool2d_args){.kernel = {kh, kw},
                          .stride = {opt_int(L, 5, kh), opt_int(L, 4, kw)},
                          .pad = {opt_int(L, 7, 0), opt_int(L, 6, 0)},
                          .ceil = lua_toboolean(L, 8),
                          .count_pad = flag_or(L, 9, true)};
}

/* maxPool2d(x, kW, kH, dW, dH, padW, padH, ceil): the result, and the places of the maxima in their
 * planes, counting from 1 */
static int f_max_pool2d(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *places = NULL;
  cr_pool2d_args a = pool_args(L);
  bool wanted = lua_toboolean(L, 10);
  cr_tensor *y = cr_max_pool2d(x, &a, wanted ? &places : NULL);
  push(L, y);
  if (!wanted) return 1;
  cr_tensor *r = cr_binary_scalar(CR_ADD, places, cr_int(1), NULL); /* the tape saved places */
  cr_release(places);
  push(L, r);
  return 2;
}

static int f_avg_pool2d(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  cr_pool2d_args a = pool_args(L);
  return push(L, cr_avg_pool2d(x, &a));
}

/* batchNorm(x, weight, bias, runningMean, runningVar, training, momentum, eps) */
static int f_batch_norm(lua_State *L) {
  return push(L, cr_batch_norm(cr_check_tensor(L, 1), opt_tensor(L, 2), opt_tensor(L, 3),
                               opt_tensor(L, 4), opt_tensor(L, 5), lua_toboolean(L, 6),
                               luaL_optnumber(L, 7, 0.1), luaL_optnumber(L, 8, 1e-5)));
}

/* layerNorm(x, n, weight, bias, eps): over the last n elements */
static int f_layer_norm(lua_State *L) {
  return push(L, cr_layer_norm(cr_check_tensor(L, 1), cr_check_int(L, 2), opt_tensor(L, 3),
                               opt_tensor(L, 4), luaL_optnumber(L, 5, 1e-5)));
}

static int f_softmax(lua_State *L) {
  return push(L,
              cr_softmax(cr_check_tensor(L, 1), lua_isnoneornil(L, 2) ? -1 : cr_check_dim(L, 2)));
}

static int f_log_softmax(lua_State *L) {
  return push(
      L, cr_log_softmax(cr_check_tensor(L, 1), lua_isnoneornil(L, 2) ? -1 : cr_check_dim(L, 2)));
}

/* Classes as 0-based int64: a tensor of any number type, or a number for one sample; left on the
 * stack. */
static cr_tensor *check_classes(lua_State *L, int arg, cr_device d) {
  cr_tensor *t = cr_to_tensor(L, arg), *wide;
  if (!t) {
    cr_push_tensor(L, cr_scalar_tensor(CR_INT64, d, cr_int(cr_check_place(L, arg))));
    return cr_to_tensor(L, -1);
  }
  wide = cr_cast(t, CR_INT64);
  cr_tensor *zero_based = cr_binary_scalar(CR_SUB, wide, cr_int(1), NULL);
  cr_release(wide);
  cr_push_tensor(L, zero_based);
  return zero_based;
}

/* nllLoss(logp, classes, weight, average, ignore) */
static int loss(lua_State *L,
                cr_tensor *(*f)(cr_tensor *, cr_tensor *, cr_tensor *, int64_t, bool)) {
  cr_tensor *x = cr_check_tensor(L, 1), *weight = opt_tensor(L, 3);
  bool average = flag_or(L, 4, true);
  int64_t ignore = opt_int(L, 5, INT64_MIN + 1) - 1;
  cr_tensor *target = check_classes(L, 2, cr_device_of(x));
  return push(L, f(x, target, weight, ignore, average));
}

static int f_nll_loss(lua_State *L) {
  return loss(L, cr_nll_loss);
}
static int f_cross_entropy(lua_State *L) {
  return loss(L, cr_cross_entropy);
}

static int f_mse_loss(lua_State *L) {
  return push(L, cr_mse_loss(cr_check_tensor(L, 1), cr_check_tensor(L, 2), flag_or(L, 3, true)));
}

/* dropout(x, p, scale, in place) */
static int f_dropout(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  return push(L, cr_dropout(x, luaL_optnumber(L, 2, 0.5), flag_or(L, 3, true),
                            lua_toboolean(L, 4) ? x : NULL));
}

static int f_linear(lua_State *L) {
  return push(L, cr_linear(cr_check_tensor(L, 1), cr_check_tensor(L, 2), opt_tensor(L, 3)));
}

static const luaL_Reg functions[] = {
    {"conv2d", f_conv2d},
    {"maxPool2d", f_max_pool2d},
    {"avgPool2d", f_avg_pool2d},
    {"batchNorm", f_batch_norm},
    {"layerNorm", f_layer_norm},
    {"softmax", f_softmax},
    {"logSoftmax", f_log_softmax},
    {"nllLoss", f_nll_loss},
    {"crossEntropy", f_cross_entropy},
    {"mseLoss", f_mse_loss},
    {"dropout", f_dropout},
    {"linear", f_linear},
    {NULL, NULL},
};

int luaopen_nn_functional(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
