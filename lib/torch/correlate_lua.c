/* correlate_lua.c: conv2, xcorr2, conv3 and xcorr3 in Lua. */
#include "lib/torch/binding.h"

#include <string.h>

/* torch.conv2([res,] x, k [, 'V' or 'F']): where the kernel lies inside x, or everywhere the two
 * meet */
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
