/* profile_lua.c: the switches of the profiler and of the list of tensors that are alive. */
#include "lib/torch/binding.h"

#include <stdlib.h>

#include "tensor/device.h"
#include "tensor/profile.h"
#include "tensor/watch.h"

#define PROFILE "torch.Profile.counts"

/* The profile that is under way, so that the collector leaves it. */
static const char active_key;

static cr_profile **check_box(lua_State *L) {
  return luaL_checkudata(L, 1, PROFILE);
}

static void stop(cr_profile *p) {
  if (cr_profiling() == p) cr_profile_set(NULL);
}

static int profile_gc(lua_State *L) {
  cr_profile **box = check_box(L);
  if (*box) {
    stop(*box);
    cr_profile_free(*box);
  }
  *box = NULL;
  return 0;
}

static int f_stop(lua_State *L) {
  stop(*check_box(L));
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &active_key);
  return 0;
}

/* torch._profilefinish(p): stops, and waits for what devices still do. */
static int f_finish(lua_State *L) {
  cr_profile *p = *check_box(L);
  stop(p);
  return cr_profile_finish(p) ? 0 : cr_lua_error(L);
}

/* torch._profilestart(most, lines): a profile that counts from now on and keeps `most` single
 * calls; lines: whether by line, too. */
static int f_start(lua_State *L) {
  int64_t most = cr_check_int(L, 1);
  if (cr_profiling())
    return cr_raise(L, "torch.profile: a profile is being made already; one cannot be inside "
                       "another");
  luaL_argcheck(L, most >= 0 && most <= 1 << 26, 1, "between 0 and 2^26 single calls can be kept");
  /* what devices still have to do is not of this profile */
  if (!cr_devices_finish()) return cr_lua_error(L);
  cr_profile **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  if (luaL_newmetatable(L, PROFILE)) {
    lua_pushcfunction(L, profile_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, f_stop); /* a function of Lua's would not run after an interrupt */
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  *box = cr_profile_new((size_t)most, lua_toboolean(L, 2));
  if (!*box) return cr_lua_error(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &active_key);
  cr_profile_set(*box);
  return 1;
}

static void set_number(lua_State *L, const char *name, double v) {
  lua_pushnumber(L, v);
  lua_setfield(L, -2, name);
}

static void set_count(lua_State *L, const char *name, uint64_t v) {
  lua_pushinteger(L, (lua_Integer)v);
  lua_setfield(L, -2, name);
}

/* Sets the fields of a cost, named calls and so on, or backwardCalls. */
static void set_cost(lua_State *L, const cr_cost *c, bool backward) {
  set_count(L, backward ? "backwardCalls" : "calls", c->calls);
  set_number(L, backward ? "backwardSeconds" : "seconds", (double)c->nanoseconds * 1e-9);
  set_count(L, backward ? "backwardBytes" : "bytes", c->bytes);
  set_number(L, backward ? "backwardDeviceSeconds" : "deviceSeconds",
             (double)c->device_nanoseconds * 1e-9);
  set_count(L, backward ? "backwardDeviceBytes" : "deviceBytes", c->device_bytes);
}

/* torch._profilerows(p): {{name = .., calls = .., ..}, ..}, and how many single calls were kept,
 * were dropped, and are known of devices. */
static int f_rows(lua_State *L) {
  const cr_profile *p = *check_box(L);
  const cr_profile_row *rows;
  const cr_profile_event *events;
  const cr_device_event *device_events;
  size_t n = cr_profile_rows(p, &rows);
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    lua_createtable(L, 0, 11);
    lua_pushstring(L, rows[i].name);
    lua_setfield(L, -2, "name");
    set_cost(L, &rows[i].forward, false);
    set_cost(L, &rows[i].backward, true);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_pushinteger(L, (lua_Integer)cr_profile_events(p, &events));
  lua_pushinteger(L, (lua_Integer)cr_profile_dropped(p));
  lua_pushinteger(L, (lua_Integer)cr_profile_device_events(p, &device_events));
  return 4;
}

/* torch._profilelines(p): {{where = .., storages = .., bytes = .., deviceBytes = ..}, ..} */
static int f_lines(lua_State *L) {
  const cr_profile_line *lines;
  size_t n = cr_profile_lines(*check_box(L), &lines);
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, lines[i].where);
    lua_setfield(L, -2, "where");
    set_count(L, "storages", lines[i].storages);
    set_count(L, "bytes", lines[i].bytes);
    set_count(L, "deviceBytes", lines[i].device_bytes);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* torch._profileevent(p, i): the i-th single call: its row's number, whether it is a backward,
 * start and length in microseconds, bytes, those on devices. */
static int f_event(lua_State *L) {
  const cr_profile_event *events;
  size_t n = cr_profile_events(*check_box(L), &events);
  int64_t i = cr_check_int(L, 2);
  if (i < 1 || (uint64_t)i > n) return 0;
  const cr_profile_event *e = &events[i - 1];
  lua_pushinteger(L, e->row + 1);
  lua_pushboolean(L, e->backward);
  lua_pushnumber(L, (double)e->start * 1e-3);
  lua_pushnumber(L, (double)e->nanoseconds * 1e-3);
  lua_pushinteger(L, (lua_Integer)e->bytes);
  lua_pushinteger(L, (lua_Integer)e->device_bytes);
  return 6;
}

/* torch._profiledeviceevent(p, i): the i-th of devices: its row's number, whether it is a backward,
 * start and length in microseconds, device, stream. */
static int f_device_event(lua_State *L) {
  const cr_device_event *events;
  size_t n = cr_profile_device_events(*check_box(L), &events);
  int64_t i = cr_check_int(L, 2);
  if (i < 1 || (uint64_t)i > n) return 0;
  const cr_device_event *e = &events[i - 1];
  lua_pushinteger(L, e->row + 1);
  lua_pushboolean(L, e->backward);
  lua_pushnumber(L, (double)e->start * 1e-3);
  lua_pushnumber(L, (double)e->nanoseconds * 1e-3);
  lua_pushinteger(L, e->device + 1);
  lua_pushinteger(L, e->stream);
  return 6;
}

/* ---- what is alive ---------------------------------------------------------------------- */

/* torch._watch([on]): whether the storages that are made are listed; with an argument, switches. */
static int f_watch(lua_State *L) {
  cr_context *ctx = cr_ctx();
  bool was = ctx->watch != NULL;
  if (!lua_isnoneornil(L, 1) && lua_toboolean(L, 1) != was) {
    cr_watch *before = ctx->watch;
    ctx->watch = was ? NULL : cr_watch_new();
    if (!was && !ctx->watch) return cr_lua_error(L);
    cr_watch_release(before);
  }
  lua_pushboolean(L, was);
  return 1;
}

typedef struct {
  cr_watch_info *list;
} watch_list;

static int free_list(lua_State *L) {
  watch_list *w = lua_touserdata(L, 1);
  free(w->list);
  w->list = NULL;
  return 0;
}

/* A list that goes with its userdata, on the top of the stack. */
static watch_list *push_list(lua_State *L) {
  watch_list *w = lua_newuserdatauv(L, sizeof *w, 0);
  w->list = NULL;
  if (luaL_newmetatable(L, "torch.watched")) {
    lua_pushcfunction(L, free_list);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return w;
}

/* torch._watched(): a list of what is alive of the storages that were made since the switch was put
 * on; nil when it is off. */
static int f_watched(lua_State *L) {
  size_t n = 0;
  if (!cr_ctx()->watch) return 0;
  watch_list *w = push_list(L);
  if (!cr_watch_list(cr_ctx()->watch, &w->list, &n)) return cr_lua_error(L);
  lua_newtable(L);
  for (size_t i = 0; i < n; i++) {
    const cr_watch_info *s = &w->list[i];
    lua_createtable(L, 0, 6);
    set_count(L, "storage", (uint64_t)(uintptr_t)s->storage);
    set_count(L, "bytes", s->bytes);
    set_count(L, "size", (uint64_t)s->size);
    lua_pushstring(L, cr_dtypes[s->dtype].name);
    lua_setfield(L, -2, "dtype");
    cr_push_device(L, s->device);
    lua_setfield(L, -2, "device");
    lua_pushstring(L, s->where);
    lua_setfield(L, -2, "where");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/** torch.resetPeak()
 *
 *  From now on the peak of torch.memory() is counted anew: it becomes what is live.
 *
 *  From: PyTorch (reset_peak_memory_stats)
 *  Example:
 *    torch.resetPeak()
 *    torch.memory().peak == torch.memory().live --> true
 */
static int f_reset_peak(lua_State *L) {
  (void)L;
  cr_account *a = cr_ctx()->account;
  atomic_store(&a->peak, atomic_load(&a->live));
  return 0;
}

/* torch._setpeak(bytes): for who looked at the peak of a part alone. */
static int f_set_peak(lua_State *L) {
  int64_t n = cr_check_int(L, 1);
  if (n >= 0) atomic_store(&cr_ctx()->account->peak, (size_t)n);
  return 0;
}

static const cr_binding bindings[] = {
    {"_profilestart", f_start, NULL},
    {"_profilestop", f_stop, NULL},
    {"_profilefinish", f_finish, NULL},
    {"_profilerows", f_rows, NULL},
    {"_profilelines", f_lines, NULL},
    {"_profileevent", f_event, NULL},
    {"_profiledeviceevent", f_device_event, NULL},
    {"_watch", f_watch, NULL},
    {"_watched", f_watched, NULL},
    {"resetPeak", f_reset_peak, NULL},
    {"_setpeak", f_set_peak, NULL},
    {NULL, NULL, NULL},
};

void cr_bind_profile(lua_State *L) {
  cr_bind(L, bindings);
}
