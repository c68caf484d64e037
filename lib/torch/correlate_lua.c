/* correlate_lua.c: conv2, xcorr2, conv3 and xcorr3 in Lua. */
#include "lib/torch/binding.h"

#include <string.h>

/** torch.conv2([res,] x, k [, how]); torch.xcorr2([res,] x, k [, how])
 *  torch.conv3([res,] x, k [, how]); torch.xcorr3([res,] x, k [, how])
 *  x:conv2(k [, how]); x:xcorr2(k [, how]); x:conv3(k [, how]); x:xcorr3(k [, how])
 *
 *  Convolution, or correlation (which does not turn the kernel round), over the last two or three
 *  dimensions.  Differentiable.
 *
 *  res: tensor for the result, of x's type; resized
 *  x: tensor of two dimensions (three for conv3), or of p such signals
 *  k: tensor: one kernel; p kernels, each for its signal, which gives p results; or q x p kernels,
 *    which give q results, sums over the signals
 *  how: "V" gives the places where the kernel lies inside x, "F" all where the two meet
 *  Returns: a tensor; each size is x's - k's + 1 for "V", x's + k's - 1 for "F"
 *  Errors: the numbers of dimensions or signals do not fit; the kernel is larger than x, for "V"
 *  From: Torch7
 *  Example:
 *    torch.conv2(torch.ones(3, 3), torch.ones(2, 2)):sum() --> 16.0
 *    torch.conv2(torch.ones(3, 3), torch.ones(2, 2), "F"):size(1) --> 4
 */
static int correlate(lua_State *L, const char *fn, int dims, bool convolve) {
  static const char *const extents[] = {"V", "F", NULL};
  cr_tensor *a = cr_check_tensor(L, 1), *b = cr_check_tensor(L, 2), *c = cr_to_tensor(L, 3);
  bool full = luaL_checkoption(L, c ? 4 : 3, "V", extents) == 1;
  cr_tensor *y = cr_correlate(fn, c ? b : a, c ? c : b, dims, full, convolve);
  return cr_push_result(L, cr_into(fn, c ? a : NULL, y), c ? 1 : 0);
}

static int f_conv2(lua_State *L) {
  return correlate(L, "conv2", 2, true);
}
static int f_xcorr2(lua_State *L) {
  return correlate(L, "xcorr2", 2, false);
}
static int f_conv3(lua_State *L) {
  return correlate(L, "conv3", 3, true);
}
static int f_xcorr3(lua_State *L) {
  return correlate(L, "xcorr3", 3, false);
}

static const cr_binding bindings[] = {
    {"conv2", f_conv2, f_conv2}, {"xcorr2", f_xcorr2, f_xcorr2},
    {"conv3", f_conv3, f_conv3}, {"xcorr3", f_xcorr3, f_xcorr3},
    {NULL, NULL, NULL},
};

void cr_bind_correlate(lua_State *L) {
  cr_bind(L, bindings);
}
