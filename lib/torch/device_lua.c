/* device_lua.c: tensors on other devices: moving them there and back, and the control of the
 * devices that torch.cuda and cutorch (cuda.lua) are made of. */
#include "lib/torch/binding.h"

#include <stdlib.h>
#include <string.h>

/* ---- names of devices ------------------------------------------------------------------- */

bool cr_device_by_name(const char *name, cr_device *d) {
  *d = (cr_device){CR_CPU, 0};
  if (strcmp(name, "cpu") == 0) return true;
  if (strncmp(name, "cuda", 4) != 0) return false;
  *d = (cr_device){CR_CUDA, cr_ctx()->cuda};
  if (!name[4]) return true;
  char *end;
  long n = strtol(name + 5, &end, 10);
  d->index = (int8_t)(n - 1);
  return name[4] == ':' && name[5] && !*end && n >= 1 && n <= INT8_MAX;
}

cr_device cr_check_device(lua_State *L, int arg) {
  cr_device d = {CR_CUDA, cr_ctx()->cuda};
  if (cr_is_number(L, arg)) {
    int64_t n = cr_check_int(L, arg);
    luaL_argcheck(L, n >= 1 && n <= INT8_MAX, arg, "CUDA devices count from 1");
    d.index = (int8_t)(n - 1);
  } else if (!cr_device_by_name(luaL_checkstring(L, arg), &d)) {
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "there is no device '%s'; 'cpu', 'cuda' or 'cuda:1' is wanted",
                                  lua_tostring(L, arg)));
  }
  return d;
}

int cr_push_device(lua_State *L, cr_device d) {
  if (d.type == CR_CPU)
    lua_pushliteral(L, "cpu");
  else
    lua_pushfstring(L, "cuda:%d", d.index + 1);
  return 1;
}

cr_tensor *cr_push_host(lua_State *L, cr_tensor *t) {
  if (cr_device_of(t).type == CR_CPU) return t;
  cr_tensor *plain = cr_detach(t);
  cr_tensor *here = plain ? cr_to_device(plain, (cr_device){CR_CPU, 0}) : NULL;
  cr_release(plain);
  cr_push_tensor(L, here);
  return here;
}

/* ---- moving tensors --------------------------------------------------------------------- */

static void take_wish(lua_State *L, int arg, cr_kind *kind) {
  cr_tensor *like = cr_to_tensor(L, arg);
  if (like)
    *kind = cr_kind_of(like);
  else if (cr_is_number(L, arg) || !cr_kind_by_name(luaL_checkstring(L, arg), kind))
    kind->device = cr_check_device(L, arg);
}

/** x:to(what [, what]); x:cuda([device]); x:cpu()
 *
 *  x as another type, on another device, or both; x itself when it is so already.  Differentiable.
 *  Run as th, x:cuda() gives a torch.CudaTensor, of float32, whatever x's type; else the type
 *  stays.
 *
 *  what: string: a type, as "float64"; or a device: "cpu", "cuda", "cuda:2" (the first is 1); or a
 *    tensor, whose type and device are taken
 *  device: number of a CUDA device, or its name; the current one
 *  Returns: a tensor
 *  Errors: there is no such type or device
 *  From: PyTorch; cuda as in cutorch
 *  Example:
 *    torch.zeros(1):to("float64").dtype, torch.zeros(1):cpu().device --> float64 cpu
 */
static int t_to(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_kind kind = cr_kind_of(t);
  luaL_checkany(L, 2);
  take_wish(L, 2, &kind);
  if (!lua_isnoneornil(L, 3)) take_wish(L, 3, &kind);
  return cr_push_as(L, t, kind);
}

static int t_cuda(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_kind kind = cr_kind_of(t);
  kind.device = (cr_device){CR_CUDA, cr_ctx()->cuda};
  if (!lua_isnoneornil(L, 2)) kind.device = cr_check_device(L, 2);
  if (cr_torch7_mode(L)) kind.dtype = CR_FLOAT32;
  return cr_push_as(L, t, kind);
}

static int t_cpu(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_kind kind = {(cr_dtype)t->dtype, {CR_CPU, 0}};
  return cr_push_as(L, t, kind);
}

/** x:getDevice()
 *
 *  The number of the CUDA device that x is on.
 *
 *  Returns: an integer from 1; 0 in host memory
 *  From: cutorch
 *  Example:
 *    torch.zeros(1):getDevice() --> 0
 */
static int t_get_device(lua_State *L) {
  cr_device d = cr_device_of(cr_check_tensor(L, 1));
  lua_pushinteger(L, d.type == CR_CPU ? 0 : d.index + 1);
  return 1;
}

/* ---- page-locked memory ----------------------------------------------------------------- */

const cr_device_control *cr_check_control(lua_State *L) {
  const cr_plugin *p = cr_plugin_of(CR_CUDA);
  if (!p) cr_lua_error(L);
  return p->control;
}

static void free_pinned(void *control, void *data) {
  ((const cr_device_control *)control)->pinned_free(data);
}

/* The collector frees what it can when memory is short. */
static void *pinned_alloc(const cr_device_control *c, size_t bytes) {
  void *p = c->pinned_alloc(bytes);
  cr_context *ctx = cr_ctx();
  return p || !ctx->reclaim || !ctx->reclaim(ctx->reclaim_ctx) ? p : c->pinned_alloc(bytes);
}

/* A tensor of the given kind in page-locked memory. */
static cr_tensor *pinned(const cr_device_control *c, cr_dtype dtype, int ndim,
                         const int64_t *shape) {
  int64_t n = cr_count(ndim, shape);
  size_t bytes;
  if (n < 0) return NULL;
  if (__builtin_mul_overflow((size_t)n, cr_sizeof(dtype), &bytes) || bytes > PTRDIFF_MAX)
    return cr_fail_null("out of memory: %lld elements of type %s do not fit", (long long)n,
                        cr_dtypes[dtype].name);
  void *p = pinned_alloc(c, bytes);
  if (!p) return NULL;
  cr_storage *s = cr_storage_wrap(dtype, p, n, free_pinned, (void *)(uintptr_t)c);
  if (!s) {
    c->pinned_free(p);
    return NULL;
  }
  if (!cr_storage_count(s, bytes)) {
    cr_storage_release(s);
    return NULL;
  }
  cr_tensor *t = cr_view_storage(s, dtype, 0, ndim, shape, NULL);
  cr_storage_release(s);
  return t;
}

/** x:pinMemory()
 *
 *  A copy of x in page-locked host memory, which x:copyAsync need not wait for.
 *
 *  Returns: a contiguous tensor in host memory; its storage cannot be resized
 *  Errors: there is no CUDA device
 *  From: PyTorch
 */
static int t_pin(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_push_tensor(L, pinned(cr_check_control(L), (cr_dtype)t->dtype, t->ndim, t->shape));
  return cr_push_result(L, cr_copy(cr_to_tensor(L, -1), t), lua_gettop(L));
}

/* torch._pinned(type, sizes..) */
static int f_pinned(lua_State *L) {
  int64_t shape[CR_MAX_DIMS];
  cr_dtype dtype = cr_check_dtype(L, 1);
  int used, n = cr_check_sizes(L, 2, shape, &used);
  if (used == 0) shape[n++] = 0;
  cr_push_tensor(L, pinned(cr_check_control(L), dtype, n, shape));
  return 1;
}

static bool plain_pair(const cr_tensor *a, const cr_tensor *b) {
  return a->dtype == b->dtype && cr_same_shape(a, b) && cr_is_contiguous(a) && cr_is_contiguous(b);
}

/** x:copyAsync(y)
 *
 *  Copies y's elements into x without waiting, where one of the two is on a CUDA device and the
 *  other in page-locked memory (x:pinMemory()); neither may be changed before the stream is done.
 *  In all other cases it is x:copy(y).  Not recorded for gradients.
 *
 *  y: tensor
 *  Returns: x
 *  From: cutorch
 *  Example:
 *    torch.zeros(2):copyAsync(torch.ones(2)):sum() --> 2.0
 */
static int t_copy_async(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_check_tensor(L, 2);
  cr_device to = cr_device_of(x), from = cr_device_of(y);
  if (to.type == from.type || !plain_pair(x, y) || cr_numel(x) == 0 || x->ag)
    return cr_push_result(L, cr_copy(x, y), 1);
  const cr_device_control *c = cr_check_control(L);
  size_t bytes = (size_t)cr_numel(x) * cr_sizeof((cr_dtype)x->dtype);
  bool ok = to.type == CR_CUDA ? c->from_host_async(to, cr_data(x), cr_data(y), bytes)
                               : c->to_host_async(from, cr_data(x), cr_data(y), bytes);
  if (!ok) return cr_lua_error(L);
  cr_bump(x);
  return cr_return(L, 1);
}

/* torch._ahead(x, device): a copy of x, a tensor in host memory, on a CUDA device, beside what the
 * current stream computes.  It may be used after torch._arrived, or dropped. */
static int f_ahead(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  cr_device d = cr_check_device(L, 2);
  luaL_argcheck(L, cr_device_of(x).type == CR_CPU, 1, "a tensor in host memory is wanted");
  luaL_argcheck(L, d.type == CR_CUDA, 2, "a CUDA device is wanted");
  const cr_device_control *c = cr_check_control(L);
  size_t bytes = (size_t)cr_numel(x) * cr_sizeof((cr_dtype)x->dtype);
  cr_tensor *plain = cr_detach(x), *from = plain ? cr_contiguous(plain) : NULL;
  cr_tensor *to = from ? cr_empty((cr_dtype)x->dtype, d, x->ndim, x->shape) : NULL;
  bool ok = to && c->from_host_ahead(d, cr_data(to), cr_data(from), bytes);
  cr_release(plain);
  cr_release(from);
  if (ok) {
    cr_push_tensor(L, to);
    return 1;
  }
  cr_release(to);
  return cr_lua_error(L);
}

/* torch._arrived(x): the current stream waits for a copy of torch._ahead. */
static int f_arrived(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  cr_device d = cr_device_of(x);
  if (d.type == CR_CUDA && cr_numel(x) && !cr_check_control(L)->arrived(d, cr_data(x)))
    return cr_lua_error(L);
  return 0;
}

/* ---- control: torch._cuda, from which cuda.lua makes torch.cuda and cutorch -------------- */

/* The argument as a device from 0; the current one for nil. */
static int check_index(lua_State *L, int arg) {
  if (lua_isnoneornil(L, arg)) return cr_ctx()->cuda;
  cr_device d = cr_check_device(L, arg);
  luaL_argcheck(L, d.type == CR_CUDA, arg, "a CUDA device is wanted");
  return d.index;
}

/* The same, and there is such a device. */
static int check_present(lua_State *L, int arg) {
  cr_device d = {CR_CUDA, (int8_t)check_index(L, arg)};
  if (!cr_backend_of(d)) cr_lua_error(L);
  return d.index;
}

static int check(lua_State *L, bool ok) {
  return ok ? 0 : cr_lua_error(L);
}

static int c_available(lua_State *L) {
  const cr_plugin *p = cr_plugin_of(CR_CUDA);
  lua_pushboolean(L, p != NULL);
  if (p) return 1;
  lua_pushstring(L, cr_error());
  return 2;
}

static int c_count(lua_State *L) {
  const cr_plugin *p = cr_plugin_of(CR_CUDA);
  lua_pushinteger(L, p ? p->control->count() : 0);
  return 1;
}

static int c_get_device(lua_State *L) {
  lua_pushinteger(L, cr_ctx()->cuda + 1);
  return 1;
}

static int c_set_device(lua_State *L) {
  cr_ctx()->cuda = (int8_t)check_present(L, 1);
  return 0;
}

static void set_number(lua_State *L, const char *name, lua_Integer n) {
  lua_pushinteger(L, n);
  lua_setfield(L, -2, name);
}

static int c_properties(lua_State *L) {
  cr_device_properties p;
  if (!cr_check_control(L)->properties(check_index(L, 1), &p)) return cr_lua_error(L);
  lua_newtable(L);
  lua_pushstring(L, p.name);
  lua_setfield(L, -2, "name");
  set_number(L, "major", p.major);
  set_number(L, "minor", p.minor);
  set_number(L, "multiProcessorCount", p.multiprocessors);
  set_number(L, "warpSize", p.warp);
  set_number(L, "maxThreadsPerBlock", p.max_threads);
  set_number(L, "clockRate", p.clock_khz);
  set_number(L, "totalGlobalMem", (lua_Integer)p.memory);
  set_number(L, "sharedMemPerBlock", (lua_Integer)p.shared);
  lua_pushstring(L, p.driver);
  lua_setfield(L, -2, "driver");
  lua_pushstring(L, p.runtime);
  lua_setfield(L, -2, "runtime");
  return 1;
}

static int c_memory(lua_State *L) {
  size_t free = 0, total = 0;
  if (!cr_check_control(L)->memory(check_index(L, 1), &free, &total)) return cr_lua_error(L);
  lua_pushinteger(L, (lua_Integer)free);
  lua_pushinteger(L, (lua_Integer)total);
  return 2;
}

static int c_stats(lua_State *L) {
  cr_device d = {CR_CUDA, (int8_t)check_present(L, 1)};
  cr_memory_stats m;
  cr_backend_of(d)->memory(d, &m);
  lua_newtable(L);
  set_number(L, "live", (lua_Integer)m.live);
  set_number(L, "peak", (lua_Integer)m.peak);
  set_number(L, "cached", (lua_Integer)m.cached);
  return 1;
}

static int c_reset_peak(lua_State *L) {
  cr_check_control(L)->reset_peak(check_present(L, 1));
  return 0;
}
static int c_empty_cache(lua_State *L) {
  int device = check_present(L, 1);
  lua_gc(L, LUA_GCCOLLECT);
  cr_check_control(L)->empty_cache(device);
  return 0;
}
static int c_synchronize(lua_State *L) {
  return check(L, cr_check_control(L)->synchronize(check_index(L, 1)));
}

/* option(name [, on]): the value before */
static int c_option(lua_State *L) {
  static const char *const names[] = {"synchronous", "tf32", "benchmark", "deterministic", NULL};
  cr_device_option o = (cr_device_option)luaL_checkoption(L, 1, NULL, names);
  int value = lua_isnoneornil(L, 2) ? -1 : lua_toboolean(L, 2);
  lua_pushboolean(L, cr_check_control(L)->option(o, value));
  return 1;
}

static int check_stream(lua_State *L, int arg) {
  int64_t n = lua_isnoneornil(L, arg) ? 0 : cr_check_int(L, arg);
  luaL_argcheck(L, n >= 0 && n <= 1023, arg,
                "streams are numbered from 0, the default one, to 1023");
  return (int)n;
}

static int c_set_stream(lua_State *L) {
  return check(L, cr_check_control(L)->set_stream(check_index(L, 2), check_stream(L, 1)));
}
static int c_get_stream(lua_State *L) {
  lua_pushinteger(L, cr_check_control(L)->stream(check_present(L, 1)));
  return 1;
}
static int c_stream_synchronize(lua_State *L) {
  return check(L, cr_check_control(L)->stream_synchronize(check_index(L, 2), check_stream(L, 1)));
}
/* streamWait(stream, device, other, other_device) */
static int c_stream_wait(lua_State *L) {
  return check(L, cr_check_control(L)->stream_wait(check_index(L, 2), check_stream(L, 1),
                                                   check_index(L, 4), check_stream(L, 3)));
}

static int c_peer(lua_State *L) {
  int can = cr_check_control(L)->peer(check_index(L, 1), check_index(L, 2));
  if (can < 0) return cr_lua_error(L);
  lua_pushboolean(L, can);
  return 1;
}

/* ---- events ----------------------------------------------------------------------------- */

#define EVENT "torch.cuda.Event"

static cr_event *check_event(lua_State *L, int arg) {
  cr_event **e = luaL_checkudata(L, arg, EVENT);
  if (!*e) luaL_argerror(L, arg, "this event was freed");
  return *e;
}

static int e_new(lua_State *L) {
  const cr_device_control *c = cr_check_control(L);
  cr_event **e = lua_newuserdatauv(L, sizeof *e, 0);
  *e = NULL;
  luaL_setmetatable(L, EVENT);
  *e = c->event_new(cr_ctx()->cuda);
  if (!*e) return cr_lua_error(L);
  if (!c->event_record(*e, c->stream(cr_ctx()->cuda))) return cr_lua_error(L);
  return 1;
}

static int e_free(lua_State *L) {
  cr_event **e = luaL_checkudata(L, 1, EVENT);
  if (*e) cr_check_control(L)->event_free(*e);
  *e = NULL;
  return 0;
}

static int e_record(lua_State *L) {
  const cr_device_control *c = cr_check_control(L);
  int stream = lua_isnoneornil(L, 2) ? c->stream(cr_ctx()->cuda) : check_stream(L, 2);
  if (!c->event_record(check_event(L, 1), stream)) return cr_lua_error(L);
  return cr_return(L, 1);
}

static int e_wait(lua_State *L) {
  const cr_device_control *c = cr_check_control(L);
  int stream = lua_isnoneornil(L, 2) ? c->stream(cr_ctx()->cuda) : check_stream(L, 2);
  return check(L, c->event_wait(check_event(L, 1), cr_ctx()->cuda, stream));
}

static int e_synchronize(lua_State *L) {
  return check(L, cr_check_control(L)->event_synchronize(check_event(L, 1)));
}

static int e_query(lua_State *L) {
  int done = cr_check_control(L)->event_done(check_event(L, 1));
  if (done < 0) return cr_lua_error(L);
  lua_pushboolean(L, done);
  return 1;
}

static int e_elapsed(lua_State *L) {
  double ms;
  if (!cr_check_control(L)->event_elapsed(check_event(L, 1), check_event(L, 2), &ms))
    return cr_lua_error(L);
  lua_pushnumber(L, ms);
  return 1;
}

/* ---- registering ------------------------------------------------------------------------ */

static const luaL_Reg control[] = {
    {"available", c_available},
    {"count", c_count},
    {"getDevice", c_get_device},
    {"setDevice", c_set_device},
    {"properties", c_properties},
    {"memory", c_memory},
    {"stats", c_stats},
    {"resetPeak", c_reset_peak},
    {"emptyCache", c_empty_cache},
    {"synchronize", c_synchronize},
    {"option", c_option},
    {"setStream", c_set_stream},
    {"getStream", c_get_stream},
    {"streamSynchronize", c_stream_synchronize},
    {"streamWait", c_stream_wait},
    {"peer", c_peer},
    {"Event", e_new},
    {NULL, NULL},
};

static const luaL_Reg event_methods[] = {
    {"record", e_record}, {"waitOn", e_wait},     {"synchronize", e_synchronize},
    {"query", e_query},   {"elapsed", e_elapsed}, {"__gc", e_free},
    {"__close", e_free},  {NULL, NULL},
};

static const cr_binding bindings[] = {
    {"to", NULL, t_to},
    {"cuda", NULL, t_cuda},
    {"cpu", NULL, t_cpu},
    {"getDevice", NULL, t_get_device},
    {"pinMemory", NULL, t_pin},
    {"copyAsync", NULL, t_copy_async},
    {"_pinned", f_pinned, NULL},
    {"_ahead", f_ahead, NULL},
    {"_arrived", f_arrived, NULL},
    {NULL, NULL, NULL},
};

void cr_bind_device(lua_State *L) {
  cr_bind(L, bindings);
  luaL_newlib(L, control);
  lua_setfield(L, TORCH_TABLE, "_cuda");
  luaL_newmetatable(L, EVENT);
  luaL_setfuncs(L, event_methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
