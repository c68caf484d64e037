/* pixels_lua.c: require "image._pixels": the loops of scale, warp, rotate, polar and the colour
 * spaces; lib/image/geometry.lua and colors.lua prepare their arguments. */
#include "lib/image/pixels.h"
#include "lib/openers.h"
#include "lib/torch/torch_lua.h"

static const char *const modes[] = {"simple", "bilinear", "bicubic", "lanczos", NULL};

static cr_tensor *check_picture(lua_State *L, int arg) {
  cr_tensor *t = cr_check_tensor(L, arg);
  luaL_argcheck(L, t->ndim == 3 && cr_is_contiguous(t) && cr_device_of(t).type == CR_CPU, arg,
                "a contiguous picture of channels x height x width wanted");
  return t;
}

static cr_interpolation check_mode(lua_State *L, int arg) {
  return (cr_interpolation)luaL_checkoption(L, arg, NULL, modes);
}

static int64_t check_size(lua_State *L, int arg) {
  lua_Integer n = luaL_checkinteger(L, arg);
  luaL_argcheck(L, n >= 1 && n <= INT32_MAX, arg, "a size of 1 to 2147483647 wanted");
  return n;
}

/* scale(x, height, width, mode) */
static int pixels_scale(lua_State *L) {
  cr_interpolation how = check_mode(L, 4);
  luaL_argcheck(L, how != CR_LANCZOS, 4, "not for scale");
  cr_push_tensor(L, cr_image_scale(check_picture(L, 1), check_size(L, 2), check_size(L, 3), how));
  return 1;
}

/* warp(x, field, mode, offset, pad, value) */
static int pixels_warp(lua_State *L) {
  cr_tensor *t = check_picture(L, 1), *field = check_picture(L, 2);
  luaL_argcheck(L, field->dtype == CR_FLOAT64 && field->shape[0] == 2, 2,
                "two planes of doubles wanted");
  cr_push_tensor(L, cr_image_warp(t, field, check_mode(L, 3), lua_toboolean(L, 4),
                                  lua_toboolean(L, 5), luaL_checknumber(L, 6)));
  return 1;
}

/* affine(x, yy, yx, xy, xx, y, x, mode, pad, value) */
static int pixels_affine(lua_State *L) {
  cr_tensor *t = check_picture(L, 1);
  double v[6];
  for (int i = 0; i < 6; i++) v[i] = luaL_checknumber(L, i + 2);
  cr_affine map = {v[0], v[1], v[2], v[3], v[4], v[5]};
  cr_push_tensor(
      L, cr_image_affine(t, &map, check_mode(L, 8), lua_toboolean(L, 9), luaL_checknumber(L, 10)));
  return 1;
}

static cr_interpolation check_simple_mode(lua_State *L, int arg) {
  cr_interpolation how = check_mode(L, arg);
  luaL_argcheck(L, how == CR_SIMPLE || how == CR_BILINEAR, arg, "simple or bilinear wanted");
  return how;
}

/* rotate(x, angle, mode) */
static int pixels_rotate(lua_State *L) {
  cr_push_tensor(
      L, cr_image_rotate(check_picture(L, 1), luaL_checknumber(L, 2), check_simple_mode(L, 3)));
  return 1;
}

/* polar(x, height, width, mode, full, log) */
static int pixels_polar(lua_State *L) {
  cr_push_tensor(L,
                 cr_image_polar(check_picture(L, 1), check_size(L, 2), check_size(L, 3),
                                check_simple_mode(L, 4), lua_toboolean(L, 5), lua_toboolean(L, 6)));
  return 1;
}

/* colors(x, name) */
static int pixels_colors(lua_State *L) {
  cr_push_tensor(L, cr_image_colors(check_picture(L, 1), luaL_checkstring(L, 2)));
  return 1;
}

int luaopen_image_pixels(lua_State *L) {
  static const luaL_Reg functions[] = {{"scale", pixels_scale},
                                       {"warp", pixels_warp},
                                       {"affine", pixels_affine},
                                       {"rotate", pixels_rotate},
                                       {"polar", pixels_polar},
                                       {"colors", pixels_colors},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
