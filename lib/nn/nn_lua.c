/* nn_lua.c: the operators of nn/ in Lua: require "nn.functional".  Classes and places count from 1;
 * sizes come as width, height, as in Torch7's constructors. */
#include "lib/nn/nn_lua.h"
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

/** nn.functional.conv2d(x, weight [, bias, dW, dH, padW, padH, dilationW, dilationH, groups])
 *
 *  Two-dimensional cross-correlation.  Differentiable.
 *
 *  x: tensor, (batch x) c x height x width
 *  weight: tensor, o x c/groups x kH x kW
 *  bias: vector of o, or nil
 *  dW, dH: how far apart the kernel's places are; 1 by default
 *  padW, padH: zeros on either side; 0 by default; or padW is "valid" for none, or "same" for as
 *    many as give an output of x's size, one more behind than before where they are odd
 *  dilationW, dilationH: how far apart the kernel's elements lie on x; 1 by default
 *  groups: in how many parts the planes are taken, each with its own kernels; 1 by default
 *  Returns: a tensor, (batch x) o x rows x columns
 *  Errors: the shapes do not fit; padding is "same" with a stride
 *  From: PyTorch
 *  Example:
 *    nn.functional.conv2d(torch.ones(1, 3, 3), torch.ones(1, 1, 2, 2)):sum() --> 16.0
 */
static int f_conv2d(lua_State *L) {
  cr_make_room(L);
  cr_tensor *x = cr_check_tensor(L, 1), *w = cr_check_tensor(L, 2), *b = opt_tensor(L, 3);
  cr_conv2d_args a = {.stride = {opt_int(L, 5, 1), opt_int(L, 4, 1)},
                      .pad = {opt_int(L, 7, 0), opt_int(L, 6, 0)},
                      .dilation = {opt_int(L, 9, 1), opt_int(L, 8, 1)},
                      .groups = opt_int(L, 10, 1)};
  return push(L, cr_conv2d(x, w, b, &a));
}

/* _transposed2d(x, weight, bias, dW, dH, padW, padH, adjW, adjH, dilationW, dilationH, groups),
 * for nn/functional/convolutions.lua */
static int f_conv_transpose2d(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *w = cr_check_tensor(L, 2), *b = opt_tensor(L, 3);
  cr_conv2d_args a = {.stride = {opt_int(L, 5, 1), opt_int(L, 4, 1)},
                      .pad = {opt_int(L, 7, 0), opt_int(L, 6, 0)},
                      .dilation = {opt_int(L, 11, 1), opt_int(L, 10, 1)},
                      .groups = opt_int(L, 12, 1)};
  int64_t extra[2] = {opt_int(L, 9, 0), opt_int(L, 8, 0)};
  return push(L, cr_conv_transpose2d(x, w, b, &a, extra));
}

/** nn.functional.batchNorm(x, weight, bias, runningMean, runningVar, training [, momentum [, eps]])
 *
 *  (x - mean) / sqrt(var + eps) * weight + bias for each place of the second dimension.
 *  Differentiable.
 *
 *  x: tensor, batch x c x ..
 *  weight, bias: vectors of c, or nil
 *  runningMean, runningVar: vectors of c; training moves them by r = (1 - momentum) r + momentum s
 *  training: true takes mean and variance from x, false from the running ones
 *  momentum: number, 0.1 by default
 *  eps: number, 1e-5 by default
 *  Returns: a tensor of x's shape
 *  Errors: the shapes do not fit
 *  From: Ioffe and Szegedy, "Batch normalization", ICML 2015
 *  Example:
 *    y = nn.functional.batchNorm(torch.rand(8, 2), nil, nil, nil, nil, true)
 *    math.abs(y:mean()) < 1e-5 --> true
 */
static int f_batch_norm(lua_State *L) {
  cr_make_room(L);
  return push(L, cr_batch_norm(cr_check_tensor(L, 1), opt_tensor(L, 2), opt_tensor(L, 3),
                               opt_tensor(L, 4), opt_tensor(L, 5), lua_toboolean(L, 6),
                               luaL_optnumber(L, 7, 0.1), luaL_optnumber(L, 8, 1e-5)));
}

/** nn.functional.layerNorm(x, n [, weight, bias [, eps]])
 *
 *  (x - mean) / sqrt(var + eps) * weight + bias over the last n elements of each sample.
 *  Differentiable.
 *
 *  x: tensor whose last sizes have n as their product
 *  n: number
 *  weight, bias: tensors of those sizes, or nil
 *  eps: number, 1e-5 by default
 *  Returns: a tensor of x's shape
 *  Errors: the shapes do not fit
 *  From: Ba, Kiros and Hinton, "Layer normalization", 2016
 *  Example:
 *    y = nn.functional.layerNorm(torch.rand(3, 4), 4)
 *    math.abs(y[1]:sum()) < 1e-4 --> true
 */
static int f_layer_norm(lua_State *L) {
  cr_make_room(L);
  return push(L, cr_layer_norm(cr_check_tensor(L, 1), cr_check_int(L, 2), opt_tensor(L, 3),
                               opt_tensor(L, 4), luaL_optnumber(L, 5, 1e-5)));
}

/** nn.functional.rmsNorm(x, n [, weight [, eps]])
 *
 *  x / sqrt(mean(x^2) + eps) * weight over the last n elements of each sample.  Differentiable.
 *
 *  x: tensor whose last sizes have n as their product
 *  n: number
 *  weight: tensor of those sizes, or nil
 *  eps: number; by default 2^-52 for float64 and 2^-23 for the other types, the steps from 1
 *  Returns: a tensor of x's shape
 *  Errors: the shapes do not fit
 *  From: Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019
 *  Example:
 *    y = nn.functional.rmsNorm(torch.Tensor { 3, 4 }, 2)
 *    math.abs(y:norm() - math.sqrt(2)) < 1e-5 --> true
 */
static int f_rms_norm(lua_State *L) {
  cr_make_room(L);
  cr_tensor *x = cr_check_tensor(L, 1);
  double eps = luaL_optnumber(L, 4, x->dtype == CR_FLOAT64 ? 0x1p-52 : 0x1p-23);
  return push(L, cr_rms_norm(x, cr_check_int(L, 2), opt_tensor(L, 3), eps));
}

/** nn.functional.softmax(x [, dim]); nn.functional.logSoftmax(x [, dim])
 *
 *  exp(x_i) / sum_j exp(x_j) along a dimension, or its logarithm.  Differentiable.
 *
 *  x: tensor of a float type
 *  dim: 1 to x:dim(), the last by default
 *  Returns: a tensor of x's shape
 *  From: PyTorch
 *  Example:
 *    nn.functional.softmax(torch.zeros(2, 4))[1][1] --> 0.25
 *    nn.functional.logSoftmax(torch.zeros(1))[1] --> 0.0
 */
static int f_softmax(lua_State *L) {
  cr_make_room(L);
  return push(L,
              cr_softmax(cr_check_tensor(L, 1), lua_isnoneornil(L, 2) ? -1 : cr_check_dim(L, 2)));
}

static int f_log_softmax(lua_State *L) {
  cr_make_room(L);
  return push(
      L, cr_log_softmax(cr_check_tensor(L, 1), lua_isnoneornil(L, 2) ? -1 : cr_check_dim(L, 2)));
}

/* Classes as 0-based int64: a tensor of any number type, or a number for one sample; left on the
 * stack. */
static cr_tensor *check_classes(lua_State *L, int arg, cr_device d) {
  cr_tensor *t = cr_to_tensor(L, arg), *wide;
  if (!t) {
    int64_t class = cr_check_int(L, arg); /* may be the class to ignore, which is any number */
    if (class > INT64_MIN) class --;
    cr_push_tensor(L, cr_scalar_tensor(CR_INT64, d, cr_int(class)));
    return cr_to_tensor(L, -1);
  }
  wide = cr_cast(t, CR_INT64);
  cr_tensor *zero_based = cr_binary_scalar(CR_SUB, wide, cr_int(1), NULL);
  cr_release(wide);
  cr_push_tensor(L, zero_based);
  return zero_based;
}

/** nn.functional.nllLoss(x, classes [, weight [, average [, ignore]]])
 *  nn.functional.crossEntropy(x, classes [, weight [, average [, ignore [, smoothing]]]])
 *
 *  Minus the log-probability of the right class, from log-probabilities or from scores.
 *  Differentiable.
 *
 *  x: tensor, (batch x) classes, or batch x classes x ..
 *  classes: tensor of a number type, of x's shape without the classes, or for one sample a
 *    number; classes count from 1
 *  weight: vector with a factor for each class, or nil
 *  average: false gives the sum; otherwise the (weighted) mean
 *  ignore: a class that does not count
 *  smoothing: which part of the target all classes share evenly (0)
 *  Returns: a tensor of no dimensions
 *  Errors: the shapes do not fit; a class is outside x
 *  From: PyTorch
 *  Example:
 *    loss = nn.functional.crossEntropy(torch.zeros(3, 2), torch.LongTensor { 1, 2, 1 }):item()
 *    math.abs(loss - math.log(2)) < 1e-6 --> true
 *    nn.functional.nllLoss(torch.zeros(2), 1):item() == 0 --> true
 */
static int loss(lua_State *L, bool scores) {
  cr_tensor *x = cr_check_tensor(L, 1), *weight = opt_tensor(L, 3);
  bool average = flag_or(L, 4, true);
  int64_t ignore = opt_int(L, 5, INT64_MIN + 1) - 1;
  cr_tensor *target = check_classes(L, 2, cr_device_of(x));
  if (!scores) return push(L, cr_nll_loss(x, target, weight, ignore, average));
  return push(L, cr_cross_entropy(x, target, weight, ignore, average, luaL_optnumber(L, 6, 0)));
}

static int f_nll_loss(lua_State *L) {
  return loss(L, false);
}
static int f_cross_entropy(lua_State *L) {
  return loss(L, true);
}

/** nn.functional.mseLoss(x, target [, average])
 *
 *  The mean of (x - target)^2.  Differentiable.
 *
 *  x, target: tensors of one shape
 *  average: false gives the sum
 *  Returns: a tensor of no dimensions
 *  From: PyTorch
 *  Example:
 *    nn.functional.mseLoss(torch.zeros(2), torch.Tensor { 1, 3 }):item() --> 5.0
 */
static int f_mse_loss(lua_State *L) {
  return push(L, cr_mse_loss(cr_check_tensor(L, 1), cr_check_tensor(L, 2), flag_or(L, 3, true)));
}

/* nn.functional._huber(x, target, bound, factor, average): for the losses' classes */
static int f_huber(lua_State *L) {
  return push(L, cr_huber_loss(cr_check_tensor(L, 1), cr_check_tensor(L, 2), luaL_checknumber(L, 3),
                               luaL_checknumber(L, 4), lua_toboolean(L, 5)));
}

/* nn.functional._errors(x, target, bound, factor): the same, element by element */
static int f_errors(lua_State *L) {
  return push(L, cr_huber(cr_check_tensor(L, 1), cr_check_tensor(L, 2), luaL_checknumber(L, 3),
                          luaL_checknumber(L, 4)));
}

/* nn.functional._leaky(x, slope): for activations.lua */
static int f_leaky(lua_State *L) {
  cr_make_room(L);
  return push(L, cr_leaky_relu(cr_check_tensor(L, 1), luaL_checknumber(L, 2)));
}

/* nn.functional._prelu(x, slopes), _hardtanh(x, lo, hi), _hardshrink(x, lambda), _softshrink(x,
 * lambda), hardsigmoid(x), hardswish(x): for activations.lua */
static int f_prelu(lua_State *L) {
  return push(L, cr_prelu(cr_check_tensor(L, 1), cr_check_tensor(L, 2)));
}
static int f_hardtanh(lua_State *L) {
  cr_make_room(L);
  return push(L,
              cr_hardtanh(cr_check_tensor(L, 1), luaL_checknumber(L, 2), luaL_checknumber(L, 3)));
}
static int f_hardshrink(lua_State *L) {
  return push(L, cr_hardshrink(cr_check_tensor(L, 1), luaL_checknumber(L, 2)));
}
static int f_softshrink(lua_State *L) {
  return push(L, cr_softshrink(cr_check_tensor(L, 1), luaL_checknumber(L, 2)));
}
static int f_hardsigmoid(lua_State *L) {
  return push(L, cr_hardsigmoid(cr_check_tensor(L, 1)));
}
static int f_hardswish(lua_State *L) {
  return push(L, cr_hardswish(cr_check_tensor(L, 1)));
}

/* nn.functional._ctc(logp, targets, steps, labels, blank, zeroInfinity): for losses.lua */
static int f_ctc(lua_State *L) {
  cr_tensor *logp = cr_check_tensor(L, 1), *targets = cr_check_tensor(L, 2);
  cr_tensor *steps = cr_check_tensor(L, 3), *labels = cr_check_tensor(L, 4);
  int64_t blank = cr_check_int(L, 5);
  return push(L, cr_ctc_loss(logp, targets, steps, labels, blank - 1, lua_toboolean(L, 6)));
}

/* nn.functional._embeddingBag(weight, input, offsets, factors, mode, padding, last): for
 * embedding.lua; offsets and factors may be nil, padding 0 */
static int f_embedding_bag(lua_State *L) {
  static const char *const modes[] = {"sum", "mean", "max", NULL};
  cr_make_room(L);
  cr_tensor *w = cr_check_tensor(L, 1), *index = cr_check_tensor(L, 2);
  cr_bag_opts o = {.mode = (cr_bag_mode)luaL_checkoption(L, 5, NULL, modes),
                   .base = 1,
                   .padding = cr_check_int(L, 6),
                   .ends = lua_toboolean(L, 7)};
  return push(L, cr_embedding_bag(w, index, opt_tensor(L, 3), opt_tensor(L, 4), &o));
}

/** nn.functional.dropout(x [, p [, scale [, inplace]]])
 *
 *  Zeroes each element with probability p.  Differentiable.
 *
 *  x: tensor of a float type
 *  p: number, 0.5 by default
 *  scale: false leaves the others as they are; otherwise they are divided by 1 - p
 *  inplace: true changes x
 *  Returns: a tensor of x's shape
 *  Errors: p is outside 0 to 1
 *  From: Srivastava and others, "Dropout: a simple way to prevent neural networks from
 *    overfitting", JMLR 2014
 *  Example:
 *    nn.functional.dropout(torch.ones(100)):max() --> 2.0
 */
static int f_dropout(lua_State *L) {
  cr_make_room(L);
  cr_tensor *x = cr_check_tensor(L, 1);
  return push(L, cr_dropout(x, luaL_optnumber(L, 2, 0.5), flag_or(L, 3, true),
                            lua_toboolean(L, 4) ? x : NULL));
}

static int activation_of(lua_State *L, int at) {
  static const char *const names[] = {"none", "relu",    "gelu", "geluTanh",
                                      "silu", "sigmoid", "tanh", NULL};
  static const cr_unary_op ops[] = {CR_NUNARY, CR_RELU,    CR_GELU, CR_GELU_TANH,
                                    CR_SILU,   CR_SIGMOID, CR_TANH};
  return (int)ops[luaL_checkoption(L, at, "none", names)];
}

/** nn.functional.biasActivation(x, bias [, activation [, p [, residual]]])
 *
 *  residual + dropout(activation(x + bias)): what follows a product, on a GPU in one pass.
 *  Differentiable.  The random numbers are those of nn.functional.dropout.
 *
 *  x: tensor of a float type, .. x n
 *  bias: vector of n
 *  activation: "none" (the default), "relu", "gelu", "geluTanh", "silu", "sigmoid" or "tanh"
 *  p: the probability of the dropout, 0 by default
 *  residual: tensor of x's shape, or nil
 *  Returns: a tensor of x's shape
 *  Errors: the shapes do not fit; p is outside 0 to 1
 *  Example:
 *    nn.functional.biasActivation(torch.zeros(2, 3), -torch.ones(3), "relu"):sum() --> 0.0
 */
static int f_bias_activation(lua_State *L) {
  cr_make_room(L);
  cr_bias_opts o = {.activation = (cr_unary_op)activation_of(L, 3),
                    .p = luaL_optnumber(L, 4, 0),
                    .residual = opt_tensor(L, 5)};
  return push(L, cr_bias_activation(cr_check_tensor(L, 1), cr_check_tensor(L, 2), &o));
}

/** nn.functional.linear(x, weight [, bias])
 *
 *  x times the transpose of weight, plus bias.  Differentiable.
 *
 *  x: tensor, n or .. x n
 *  weight: matrix m x n
 *  bias: vector of m, or nil
 *  Returns: a tensor, m or .. x m
 *  Errors: the shapes do not fit
 *  From: PyTorch
 *  Example:
 *    nn.functional.linear(torch.ones(4, 3), torch.ones(2, 3)):sum() --> 24.0
 */
static int f_linear(lua_State *L) {
  cr_make_room(L);
  return push(L, cr_linear(cr_check_tensor(L, 1), cr_check_tensor(L, 2), opt_tensor(L, 3)));
}

static const luaL_Reg functions[] = {
    {"conv2d", f_conv2d},
    {"_transposed2d", f_conv_transpose2d},
    {"batchNorm", f_batch_norm},
    {"layerNorm", f_layer_norm},
    {"softmax", f_softmax},
    {"logSoftmax", f_log_softmax},
    {"nllLoss", f_nll_loss},
    {"crossEntropy", f_cross_entropy},
    {"mseLoss", f_mse_loss},
    {"_ctc", f_ctc},
    {"_embeddingBag", f_embedding_bag},
    {"dropout", f_dropout},
    {"biasActivation", f_bias_activation},
    {"linear", f_linear},
    {"rmsNorm", f_rms_norm},
    {"_huber", f_huber},
    {"_leaky", f_leaky},
    {"_errors", f_errors},
    {"_prelu", f_prelu},
    {"_hardtanh", f_hardtanh},
    {"_hardshrink", f_hardshrink},
    {"_softshrink", f_softshrink},
    {"hardsigmoid", f_hardsigmoid},
    {"hardswish", f_hardswish},
    {NULL, NULL},
};

int luaopen_nn_functional(lua_State *L) {
  luaL_newlib(L, functions);
  luaL_setfuncs(L, cr_nn_pool_functions, 0);
  luaL_setfuncs(L, cr_nn_recurrent_functions, 0);
  luaL_setfuncs(L, cr_nn_attention_functions, 0);
  cr_autocast_wrap(L, lua_gettop(L), 0);
  return 1;
}
