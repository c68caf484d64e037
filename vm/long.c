/* long.c: string.rep and table.sort, as functions that can be stopped: Lua's own work for seconds
 * on much data, and see neither Ctrl-C nor a limit.
 *
 * The sort is a merge sort, so what is equal stays in order.  Runs of places are sorted on Lua's
 * stack, where nothing is moved but the numbers of their slots; longer tables are merged from runs.
 * Plain numbers are sorted in C. */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <lauxlib.h>

#include "vm/interp.h"

#define POLL 4096 /* steps between two looks at the limits */
#define RUN 32768 /* values on the stack at a time */
#define SHORT 8   /* slots that are sorted by insertion */

static cresset *interp(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* ---- string.rep ------------------------------------------------------------------------- */

/* rep(text, n[, separator]) */
static int repeat(lua_State *L) {
  size_t length, between;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_Integer n = luaL_checkinteger(L, 2);
  const char *separator = luaL_optlstring(L, 3, "", &between);
  if (n <= 0 || length + between == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  if (length + between < length || length + between > (SIZE_MAX / 2 - 1) / (size_t)n)
    return luaL_error(L, "resulting string too large");
  luaL_Buffer b;
  char *p = luaL_buffinitsize(L, &b, (size_t)n * length + (size_t)(n - 1) * between);
  char *first = p, *looked = p;
  for (lua_Integer i = 1; i <= n; i++) {
    if (p - looked > POLL * 256) {
      cr_count_steps(L, interp(L), POLL);
      looked = p;
    }
    memcpy(p, text, length);
    p += length;
    if (i < n) memcpy(p, separator, between);
    if (i < n) p += between;
  }
  luaL_pushresultsize(&b, (size_t)(p - first));
  return 1;
}

/* ---- sorting numbers -------------------------------------------------------------------- */

/* Integers as they are; floats as integers of the same order. */
static int64_t key_of(lua_Number x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits ^ (bits >> 63 & INT64_MAX);
}

static lua_Number number_of(int64_t key) {
  lua_Number x;
  key ^= key >> 63 & INT64_MAX;
  memcpy(&x, &key, sizeof x);
  return x;
}

/* Sorts keys into `to`, or back into keys; returns where they are. */
static int64_t *sort_keys(lua_State *L, int64_t *keys, int64_t *to, lua_Integer n) {
  for (lua_Integer first = 0; first < n; first += SHORT) {
    lua_Integer end = first + SHORT < n ? first + SHORT : n;
    for (lua_Integer i = first + 1; i < end; i++) {
      int64_t key = keys[i];
      lua_Integer k = i;
      for (; k > first && key < keys[k - 1]; k--) keys[k] = keys[k - 1];
      keys[k] = key;
    }
  }
  int steps = 0;
  for (lua_Integer width = SHORT; width < n; width *= 2) {
    for (lua_Integer first = 0; first < n; first += 2 * width) {
      lua_Integer a = first, middle = first + width < n ? first + width : n, b = middle;
      lua_Integer end = middle + width < n ? middle + width : n;
      for (lua_Integer k = first; k < end; k++) {
        bool second = a == middle || (b < end && keys[b] < keys[a]);
        to[k] = second ? keys[b] : keys[a];
        b += second;
        a += !second;
        if (++steps == POLL * 16) cr_count_steps(L, interp(L), POLL), steps = 0;
      }
    }
    int64_t *swap = keys;
    keys = to;
    to = swap;
  }
  return keys;
}

/* Sorts the table when it has nothing but integers, or nothing but floats.  False: it has not. */
static bool sort_numbers(lua_State *L, lua_Integer n) {
  int64_t few[2 * 64];
  bool integers = lua_rawgeti(L, 1, 1) == LUA_TNUMBER && lua_isinteger(L, -1);
  lua_pop(L, 1);
  int64_t *keys = few;
  if (n > 64) keys = lua_newuserdatauv(L, (size_t)n * 2 * sizeof *keys, 0);
  for (lua_Integer i = 0; i < n; i++) {
    bool fits = lua_rawgeti(L, 1, i + 1) == LUA_TNUMBER && lua_isinteger(L, -1) == integers;
    if (fits) keys[i] = integers ? lua_tointeger(L, -1) : key_of(lua_tonumber(L, -1));
    if (fits && !integers && lua_tonumber(L, -1) != lua_tonumber(L, -1)) fits = false; /* a NaN */
    lua_pop(L, 1);
    if (!fits) return false;
    if (i % POLL == POLL - 1) cr_count_steps(L, interp(L), POLL);
  }
  keys = sort_keys(L, keys, keys + n, n);
  for (lua_Integer i = 0; i < n; i++) {
    if (integers)
      lua_pushinteger(L, keys[i]);
    else
      lua_pushnumber(L, number_of(keys[i]));
    lua_rawseti(L, 1, i + 1);
    if (i % POLL == POLL - 1) cr_count_steps(L, interp(L), POLL);
  }
  return true;
}

/* ---- sorting anything ------------------------------------------------------------------- */

enum { TABLE = 1, ORDER };

typedef struct {
  lua_State *L;
  cresset *c;
  bool order; /* there is a function that compares */
  int steps;
} sorter;

static void step(sorter *s) {
  if (++s->steps < POLL) return;
  s->steps = 0;
  cr_count_steps(s->L, s->c, POLL);
}

/* Whether the value in slot a of the stack comes before the one in slot b. */
static bool less(sorter *s, int a, int b) {
  step(s);
  if (!s->order) return lua_compare(s->L, a, b, LUA_OPLT);
  lua_pushvalue(s->L, ORDER);
  lua_pushvalue(s->L, a);
  lua_pushvalue(s->L, b);
  lua_call(s->L, 2, 1);
  bool is = lua_toboolean(s->L, -1);
  lua_pop(s->L, 1);
  return is;
}

static void insert_slots(sorter *s, int *slots, int n) {
  for (int i = 1; i < n; i++) {
    int slot = slots[i], k = i;
    for (; k > 0 && less(s, slot, slots[k - 1]); k--) slots[k] = slots[k - 1];
    slots[k] = slot;
  }
}

/* Sorts the numbers of slots by the values there; `room` has space for as many. */
static void sort_slots(sorter *s, int *slots, int *room, int n) {
  if (n <= SHORT) {
    insert_slots(s, slots, n);
    return;
  }
  int half = n / 2, a = 0, b = half;
  sort_slots(s, slots, room, half);
  sort_slots(s, slots + half, room, n - half);
  if (!less(s, slots[half], slots[half - 1])) return; /* they are in order already */
  memcpy(room, slots, (size_t)half * sizeof *room);
  for (int k = 0; a < half; k++) {
    if (b < n && less(s, slots[b], room[a]))
      slots[k] = slots[b++];
    else
      slots[k] = room[a++];
  }
}

/* Sorts the places from first + 1 to first + n of the table at 1 into those of the one at `to`. */
static void sort_run(sorter *s, int *slots, lua_Integer first, int n, int to) {
  lua_State *L = s->L;
  int base = lua_gettop(L);
  luaL_checkstack(L, n + LUA_MINSTACK, "sort");
  for (int i = 0; i < n; i++) {
    lua_geti(L, TABLE, first + i + 1);
    slots[i] = base + i + 1;
    step(s);
  }
  sort_slots(s, slots, slots + n, n);
  for (int i = 0; i < n; i++) {
    lua_pushvalue(L, slots[i]);
    lua_seti(L, to, first + i + 1);
    step(s);
  }
  lua_settop(L, base);
}

/* Merges the places a .. middle - 1 and middle .. end - 1 of one table into another. */
static void merge_runs(sorter *s, int from, int to, lua_Integer a, lua_Integer middle,
                       lua_Integer end) {
  lua_State *L = s->L;
  int x = lua_gettop(L) + 1, y = x + 1;
  lua_Integer b = middle;
  lua_rawgeti(L, from, a);
  lua_rawgeti(L, from, b);
  for (lua_Integer k = a; k < end; k++) {
    bool second = a == middle || (b < end && less(s, y, x));
    lua_pushvalue(L, second ? y : x);
    lua_rawseti(L, to, k);
    lua_rawgeti(L, from, second ? ++b : ++a);
    lua_replace(L, second ? y : x);
    step(s);
  }
  lua_settop(L, x - 1);
}

static void sort_long(sorter *s, int *slots, lua_Integer n) {
  lua_State *L = s->L;
  int from = lua_gettop(L) + 1, to = from + 1;
  lua_createtable(L, (int)n, 0);
  lua_createtable(L, (int)n, 0);
  for (lua_Integer first = 0; first < n; first += RUN)
    sort_run(s, slots, first, (int)(n - first < RUN ? n - first : RUN), from);
  for (lua_Integer width = RUN; width < n; width *= 2) {
    for (lua_Integer a = 1; a <= n; a += 2 * width) {
      lua_Integer middle = a + width <= n ? a + width : n + 1;
      merge_runs(s, from, to, a, middle, middle + width <= n ? middle + width : n + 1);
    }
    int swap = from;
    from = to;
    to = swap;
  }
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, from, i);
    lua_seti(L, TABLE, i);
    step(s);
  }
}

/* A table, or what behaves as one. */
static void check_table(lua_State *L, int arg) {
  static const char *const needed[] = {"__index", "__newindex", "__len"};
  bool is = lua_type(L, arg) == LUA_TTABLE;
  for (int i = 0; i < 3 && !is; i++) {
    if (luaL_getmetafield(L, arg, needed[i]) == LUA_TNIL) break;
    lua_pop(L, 1);
    is = i == 2;
  }
  if (!is) luaL_checktype(L, arg, LUA_TTABLE);
}

/* sort(t[, before]) */
static int sort(lua_State *L) {
  check_table(L, TABLE);
  lua_Integer n = luaL_len(L, TABLE);
  if (n < 2) return 0;
  luaL_argcheck(L, n < INT_MAX, TABLE, "array too big");
  if (!lua_isnoneornil(L, ORDER)) luaL_checktype(L, ORDER, LUA_TFUNCTION);
  lua_settop(L, ORDER);
  sorter s = {.L = L, .c = interp(L), .order = !lua_isnil(L, ORDER)};
  bool plain = lua_istable(L, TABLE) && !lua_getmetatable(L, TABLE);
  lua_settop(L, ORDER);
  if (plain && !s.order && sort_numbers(L, n)) return 0;
  lua_settop(L, ORDER);
  int few[2 * 64], *slots = few, most = (int)(n < RUN ? n : RUN);
  if (n > 64) slots = lua_newuserdatauv(L, (size_t)most * 2 * sizeof *slots, 0);
  if (n <= RUN)
    sort_run(&s, slots, 0, (int)n, TABLE);
  else
    sort_long(&s, slots, n);
  return 0;
}

/* ---- opening ---------------------------------------------------------------------------- */

static void replace(lua_State *L, cresset *c, const char *library, const char *name,
                    lua_CFunction f) {
  if (lua_getglobal(L, library) == LUA_TTABLE) {
    lua_pushlightuserdata(L, c);
    lua_pushcclosure(L, f, 1);
    lua_setfield(L, -2, name);
  }
  lua_pop(L, 1);
}

void cr_open_long(lua_State *L, cresset *c) {
  replace(L, c, "string", "rep", repeat);
  replace(L, c, "table", "sort", sort);
}
