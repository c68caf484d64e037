/* kernel_lua.c: kernels that are compiled while a script runs, as values that can be called
 * (kernels.lua finds out what their parameters are). */
#include "lib/torch/binding.h"

#include <stdlib.h>
#include <string.h>

#define KERNEL "torch.cuda.Kernel"
#define MOST_DEVICES 64

typedef struct {
  bool pointer, written; /* tensors */
  bool is_unsigned;
  int dtype; /* of the number, or of the elements; -1: any */
} parameter;

/* Its user values: 1: the parameters' texts; 2: load(device), which gives the name and the code;
 * 3: the kernel's name in messages. */
typedef struct {
  cr_compiled *on[MOST_DEVICES]; /* NULL: not loaded there */
  int n;
  parameter p[];
} kernel;

/* Makes the device ready, and this call one of its own. */
static void use_device(lua_State *L, int index) {
  if (!cr_backend_of((cr_device){CR_CUDA, (int8_t)index})) cr_lua_error(L);
}

/* ---- compiling -------------------------------------------------------------------------- */

/* torch._cuda.compiler(): the compiler's version and the current device's capability */
static int c_compiler(lua_State *L) {
  const cr_device_control *c = cr_check_control(L);
  int version = c->compiler();
  cr_device_properties p;
  if (!version || !c->properties((int)luaL_checkinteger(L, 1) - 1, &p)) return cr_lua_error(L);
  lua_pushinteger(L, version);
  lua_pushfstring(L, "%d.%d", p.major, p.minor);
  return 2;
}

static int free_image(lua_State *L) {
  cr_kernel_image *image = lua_touserdata(L, 1);
  cr_check_control(L)->image_free(image);
  return 0;
}

/* An image that is freed when its place on the stack is. */
static cr_kernel_image *push_image(lua_State *L) {
  cr_kernel_image *image = lua_newuserdatauv(L, sizeof *image, 0);
  *image = (cr_kernel_image){0};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, free_image);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return image;
}

/* torch._cuda.compile(device, text, file, name, options): the kernel's name in the code, the code;
 * or nil and what the compiler said */
static int c_compile(lua_State *L) {
  const cr_device_control *c = cr_check_control(L);
  int device = (int)luaL_checkinteger(L, 1) - 1;
  luaL_checktype(L, 5, LUA_TTABLE);
  int n = (int)lua_rawlen(L, 5);
  use_device(L, device);
  const char **options = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *options, 0);
  luaL_checkstack(L, n, "options");
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 5, i + 1); /* stays on the stack */
    options[i] = luaL_checkstring(L, -1);
  }
  cr_kernel_source s = {luaL_checkstring(L, 2), luaL_checkstring(L, 3), luaL_checkstring(L, 4),
                        options, n};
  cr_kernel_image *image = push_image(L);
  if (!c->kernel_compile(device, &s, image)) {
    if (!image->log || !*image->log) return cr_lua_error(L);
    lua_pushnil(L);
    lua_pushstring(L, image->log);
    return 2;
  }
  lua_pushstring(L, image->name);
  lua_pushlstring(L, image->code, image->bytes);
  return 2;
}

/* ---- kernels ---------------------------------------------------------------------------- */

static kernel *check_kernel(lua_State *L) {
  return luaL_checkudata(L, 1, KERNEL);
}

static bool flag(lua_State *L, const char *name) {
  lua_getfield(L, -1, name);
  bool on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return on;
}

/* The parameter that the table on the top describes. */
static parameter take_parameter(lua_State *L) {
  parameter p = {flag(L, "pointer"), flag(L, "written"), flag(L, "unsigned"), -1};
  cr_kind kind;
  if (lua_getfield(L, -1, "dtype") == LUA_TSTRING && cr_kind_by_name(lua_tostring(L, -1), &kind))
    p.dtype = (int)kind.dtype;
  lua_pop(L, 1);
  return p;
}

/* torch._cuda.kernel(name, parameters, load) */
static int c_kernel(lua_State *L) {
  luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  int n = (int)lua_rawlen(L, 2);
  kernel *k = lua_newuserdatauv(L, sizeof *k + (size_t)n * sizeof *k->p, 3);
  memset(k, 0, sizeof *k);
  k->n = n;
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 2, i + 1);
    k->p[i] = take_parameter(L);
    lua_pop(L, 1);
  }
  for (int i = 1; i <= 3; i++) {
    lua_pushvalue(L, i == 1 ? 2 : i == 2 ? 3 : 1);
    lua_setiuservalue(L, -2, i);
  }
  luaL_setmetatable(L, KERNEL);
  return 1;
}

static int k_free(lua_State *L) {
  kernel *k = check_kernel(L);
  for (int i = 0; i < MOST_DEVICES; i++) {
    if (k->on[i]) cr_check_control(L)->kernel_free(k->on[i]);
    k->on[i] = NULL;
  }
  return 0;
}

static const char *name_of(lua_State *L) {
  lua_getiuservalue(L, 1, 3);
  return lua_tostring(L, -1);
}

static int k_tostring(lua_State *L) {
  check_kernel(L);
  lua_pushfstring(L, "torch.cuda.Kernel: %s", name_of(L));
  return 1;
}

/* The kernel on a device, where load gives its code the first time. */
static cr_compiled *loaded(lua_State *L, kernel *k, int device) {
  if (device < 0 || device >= MOST_DEVICES) luaL_error(L, "no such device");
  if (k->on[device]) return k->on[device];
  lua_getiuservalue(L, 1, 2);
  lua_pushinteger(L, device + 1);
  lua_call(L, 1, 2);
  cr_kernel_image image = {.name = (char *)(uintptr_t)luaL_checkstring(L, -2)};
  image.code = (void *)(uintptr_t)luaL_checklstring(L, -1, &image.bytes);
  k->on[device] = cr_check_control(L)->kernel_load(device, &image);
  if (!k->on[device]) cr_lua_error(L);
  lua_pop(L, 2);
  return k->on[device];
}

/** kernel:info([device])
 *
 *  What a compiled kernel needs on a device: registers of a thread, maxThreads of a block, shared
 *  (static bytes of a block) and local (bytes of a thread that found no register).
 *
 *  device: number; the current one
 *  Returns: a table
 *  From: CUDA's cudaFuncGetAttributes
 */
static int k_info(lua_State *L) {
  kernel *k = check_kernel(L);
  int device = lua_isnoneornil(L, 2) ? cr_ctx()->cuda : cr_check_device(L, 2).index;
  use_device(L, device);
  cr_kernel_info info;
  if (!cr_check_control(L)->kernel_info(loaded(L, k, device), &info)) return cr_lua_error(L);
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, info.registers);
  lua_setfield(L, -2, "registers");
  lua_pushinteger(L, info.max_threads);
  lua_setfield(L, -2, "maxThreads");
  lua_pushinteger(L, (lua_Integer)info.shared);
  lua_setfield(L, -2, "shared");
  lua_pushinteger(L, (lua_Integer)info.local);
  lua_setfield(L, -2, "local");
  return 1;
}

/* ---- calling ---------------------------------------------------------------------------- */

/* A number of blocks, or of threads. */
static unsigned check_extent(lua_State *L, int arg, int at) {
  int ok;
  lua_Integer n = lua_tointegerx(L, at, &ok);
  if (!ok || n < 1 || n > INT32_MAX)
    luaL_argerror(L, arg, "numbers from 1 are wanted: n, or {x, y, z}");
  return (unsigned)n;
}

static void check_extents(lua_State *L, int arg, unsigned out[3]) {
  out[0] = out[1] = out[2] = 1;
  if (!lua_istable(L, arg)) {
    out[0] = check_extent(L, arg, arg);
    return;
  }
  for (int i = 0; i < 3; i++) {
    if (lua_rawgeti(L, arg, i + 1) != LUA_TNIL) out[i] = check_extent(L, arg, -1);
    lua_pop(L, 1);
  }
}

static cr_kernel_shape check_shape(lua_State *L) {
  cr_kernel_shape s = {.shared = 0};
  check_extents(L, 2, s.grid);
  check_extents(L, 3, s.block);
  if (!lua_istable(L, 3)) return s;
  lua_getfield(L, 3, "shared");
  lua_Integer shared = luaL_optinteger(L, -1, 0);
  luaL_argcheck(L, shared >= 0 && shared <= INT32_MAX, 3, "shared is a number of bytes");
  s.shared = (size_t)shared;
  lua_pop(L, 1);
  return s;
}

/* Raises an error about argument i (from 0): "add: argument 2 (const float *x): wanted .., got ..".
 */
static void bad(lua_State *L, int i, const char *what) {
  lua_getiuservalue(L, 1, 1);
  lua_rawgeti(L, -1, i + 1);
  lua_getfield(L, -1, "text");
  const char *text = lua_tostring(L, -1);
  luaL_error(L, "%s: argument %d (%s): %s", name_of(L), i + 1, text ? text : "?", what);
}

/* Where the kernel runs: where its first tensor is. */
static int device_of_call(lua_State *L, const kernel *k) {
  for (int i = 0; i < k->n; i++) {
    const cr_tensor *t = k->p[i].pointer ? cr_to_tensor(L, i + 4) : NULL;
    if (t && cr_device_of(t).type == CR_CUDA) return cr_device_of(t).index;
  }
  return cr_ctx()->cuda;
}

/* A tensor's address; nil is NULL. */
static void *pointer_for(lua_State *L, const parameter *p, int i, int device) {
  int at = i + 4;
  if (lua_isnil(L, at)) return NULL;
  cr_tensor *t = cr_to_tensor(L, at);
  if (!t)
    bad(L, i, lua_pushfstring(L, "a tensor or nil is wanted, got a %s", luaL_typename(L, at)));
  cr_device d = cr_device_of(t);
  if (d.type != CR_CUDA) bad(L, i, "the tensor is in host memory; x:cuda() moves it");
  if (d.index != device)
    bad(L, i,
        lua_pushfstring(L, "the tensor is on cuda:%d, those before it on cuda:%d", d.index + 1,
                        device + 1));
  if (p->dtype >= 0 && t->dtype != p->dtype)
    bad(L, i,
        lua_pushfstring(L, "a tensor of %s is wanted, got one of %s", cr_dtypes[p->dtype].name,
                        cr_dtypes[t->dtype].name));
  if (!cr_is_contiguous(t)) bad(L, i, "the tensor is not contiguous; x:contiguous() makes it so");
  if (p->written && cr_recording(1, &t))
    bad(L, i,
        "the kernel changes a tensor that takes part in a gradient; call it in the forward "
        "of a torch.Function, or on x:detach()");
  return cr_data(t);
}

/* Whether an integer is one of the parameter's type. */
static bool in_range(const parameter *p, int64_t v) {
  int bits = 8 * (int)cr_sizeof((cr_dtype)p->dtype);
  bool positive = p->is_unsigned || p->dtype == CR_UINT8;
  if (p->dtype == CR_BOOL) return v == 0 || v == 1;
  if (positive) return v >= 0 && (bits == 64 || v >> bits == 0);
  return bits == 64 || (v >= -((int64_t)1 << (bits - 1)) && v < (int64_t)1 << (bits - 1));
}

/* Writes a number as the parameter's type has it. */
static void put_number(lua_State *L, const parameter *p, int i, void *out) {
  int at = i + 4;
  cr_dtype dtype = (cr_dtype)p->dtype;
  if (lua_isboolean(L, at)) {
    if (dtype != CR_BOOL) bad(L, i, "a number is wanted, got a boolean");
    cr_store_scalar(dtype, out, cr_int(lua_toboolean(L, at)));
    return;
  }
  if (!cr_is_number(L, at) && !cr_to_tensor(L, at))
    bad(L, i, lua_pushfstring(L, "a number is wanted, got a %s", luaL_typename(L, at)));
  if (cr_is_float(dtype)) {
    cr_store_scalar(dtype, out, cr_num(cr_scalar_double(cr_check_scalar(L, at))));
    return;
  }
  int whole;
  int64_t v = lua_tointegerx(L, at, &whole);
  if (!whole) bad(L, i, "a whole number is wanted");
  if (!in_range(p, v)) bad(L, i, lua_pushfstring(L, "%I is out of its range", (lua_Integer)v));
  cr_store_scalar(dtype, out, cr_int(v));
}

/* What the kernel has changed: the tape has to know. */
static void note_writes(lua_State *L, const kernel *k) {
  for (int i = 0; i < k->n; i++) {
    cr_tensor *t = k->p[i].written ? cr_to_tensor(L, i + 4) : NULL;
    if (t) cr_bump(t);
  }
}

static int k_call(lua_State *L) {
  kernel *k = check_kernel(L);
  int given = lua_gettop(L) - 3;
  if (given != k->n)
    return luaL_error(L, "%s: %d arguments are wanted after the grid and the block, got %d",
                      name_of(L), k->n, given < 0 ? 0 : given);
  cr_kernel_shape shape = check_shape(L);
  int device = device_of_call(L, k);
  use_device(L, device);
  cr_compiled *here = loaded(L, k, device);
  uint64_t *values =
      lua_newuserdatauv(L, (size_t)(k->n + 1) * (sizeof *values + sizeof(void *)), 0);
  void **arguments = (void **)(values + k->n + 1);
  for (int i = 0; i < k->n; i++) {
    arguments[i] = &values[i];
    values[i] = 0;
    if (k->p[i].pointer)
      values[i] = (uint64_t)(uintptr_t)pointer_for(L, &k->p[i], i, device);
    else
      put_number(L, &k->p[i], i, &values[i]);
  }
  if (!cr_check_control(L)->kernel_launch(here, &shape, arguments))
    return luaL_error(L, "%s: %s", name_of(L), cr_error());
  note_writes(L, k);
  return 0;
}

/* ---- registering ------------------------------------------------------------------------ */

static const luaL_Reg control[] = {
    {"compiler", c_compiler}, {"compile", c_compile}, {"kernel", c_kernel}, {NULL, NULL}};

static const luaL_Reg methods[] = {{"info", k_info},
                                   {"__call", k_call},
                                   {"__tostring", k_tostring},
                                   {"__gc", k_free},
                                   {NULL, NULL}};

void cr_bind_kernel(lua_State *L) {
  lua_getfield(L, TORCH_TABLE, "_cuda");
  luaL_setfuncs(L, control, 0);
  lua_pop(L, 1);
  luaL_newmetatable(L, KERNEL);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
