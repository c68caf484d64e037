/* call.c: values between C's arguments and Lua: calls, fields of tables, and what a function of the
 * host's gets and gives. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "lib/torch/torch_lua.h"
#include "vm/interp.h"
#include "vm/values.h"

static const char results_key; /* the registry's table of the strings that the last call gave */

#define LETTERS "dilbsztv"
#define MOST_GIVEN 32 /* tensors and values that one call gives out */

/* A tensor or a value that is taken back when a later result fails. */
typedef struct {
  char letter;
  void *target; /* cresset_tensor ** or cresset_value ** */
} given;

typedef struct {
  cresset *c;
  const char *caller;    /* "cresset_call", for messages */
  const char *name;      /* a function's or a field's; NULL: of a value, or a place */
  const char *signature; /* as the host gave it */
  const char *kind;      /* what the host gets: "result" or "argument" */
  const cresset_value *value;
  long long place;
  int nresults; /* of a function of the host's */
  given given[MOST_GIVEN];
  int ngiven;
  va_list ap;
} request;

static const char *name_of(const request *r) {
  return r->name ? r->name : "a value";
}

/* When the request has failed, takes back what it gave out. */
static int finish(request *r, int code) {
  for (int i = 0; code != CRESSET_OK && i < r->ngiven; i++) {
    if (r->given[i].letter == 't') {
      cresset_tensor_release(*(cresset_tensor **)r->given[i].target);
      *(cresset_tensor **)r->given[i].target = NULL;
    } else {
      cresset_release(r->c, *(cresset_value **)r->given[i].target);
      *(cresset_value **)r->given[i].target = NULL;
    }
  }
  return code;
}

static int run(request *r, lua_CFunction body) {
  return finish(r, cr_protect(r->c, body, r));
}

/* ---- to Lua ----------------------------------------------------------------------------- */

static void push_tensor(lua_State *L, const cresset_tensor *t) {
  if (t)
    cr_push_tensor(L, cr_alias((const cr_tensor *)t));
  else
    lua_pushnil(L);
}

static void push_bytes(lua_State *L, request *r) {
  const char *bytes = va_arg(r->ap, const char *);
  size_t size = va_arg(r->ap, size_t);
  if (bytes)
    lua_pushlstring(L, bytes, size);
  else
    lua_pushnil(L);
}

static void push_argument(lua_State *L, request *r, char letter) {
  luaL_checkstack(L, 4, "too many arguments");
  switch (letter) {
  case 'd': lua_pushnumber(L, va_arg(r->ap, double)); break;
  case 'i': lua_pushinteger(L, va_arg(r->ap, int)); break;
  case 'l': lua_pushinteger(L, va_arg(r->ap, long long)); break;
  case 'b': lua_pushboolean(L, va_arg(r->ap, int)); break;
  case 's': lua_pushstring(L, va_arg(r->ap, const char *)); break;
  case 'z': push_bytes(L, r); break;
  case 't': push_tensor(L, va_arg(r->ap, const cresset_tensor *)); break;
  case 'v': cr_value_push(L, va_arg(r->ap, const cresset_value *)); break;
  default:
    luaL_error(L, "%s: %s: the signature '%s' has a '%c'", r->caller, name_of(r), r->signature,
               letter);
  }
}

/* ---- from Lua --------------------------------------------------------------------------- */

/* Raises the error of a value that is not what the host asked for.  A script that reads it knows
 * the host's function, not the host API. */
static void refuse(lua_State *L, const request *r, int number, int index, const char *wanted) {
  bool argument = r->kind[0] == 'a';
  luaL_error(L, "%s%s%s: %s %d is %s, %s was wanted", argument ? "" : r->caller,
             argument ? "" : ": ", name_of(r), r->kind, number,
             lua_isnumber(L, index) ? lua_tostring(L, index) : luaL_typename(L, index), wanted);
}

static double number_of(lua_State *L, const request *r, int number, int index) {
  if (lua_type(L, index) == LUA_TNUMBER) return lua_tonumber(L, index);
  cr_tensor *t = cr_to_tensor(L, index);
  cr_scalar s;
  if (!t || cr_numel(t) != 1) refuse(L, r, number, index, "a number");
  if (!cr_item(t, &s)) cr_lua_error(L);
  return s.is_int ? (double)s.i : s.d;
}

static void store_integer(lua_State *L, request *r, char letter, int number, int index) {
  int whole;
  lua_Integer v = lua_tointegerx(L, index, &whole);
  bool is_number = lua_type(L, index) == LUA_TNUMBER;
  if (letter == 'i') {
    if (!is_number || !whole || v != (int)v) refuse(L, r, number, index, "an int");
    *va_arg(r->ap, int *) = (int)v;
  } else {
    if (!is_number || !whole) refuse(L, r, number, index, "an integer");
    *va_arg(r->ap, long long *) = v;
  }
}

static void store_string(lua_State *L, request *r, char letter, int number, int index) {
  if (!lua_isstring(L, index)) refuse(L, r, number, index, "a string");
  size_t size;
  *va_arg(r->ap, const char **) = lua_tolstring(L, index, &size);
  if (letter == 'z') *va_arg(r->ap, size_t *) = size;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &results_key) == LUA_TTABLE) {
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, number);
  }
  lua_pop(L, 1);
}

/* Where a tensor or a value is to go; what is there is taken back if the request fails. */
static void *target(lua_State *L, request *r, char letter) {
  if (r->ngiven == MOST_GIVEN)
    luaL_error(L, "%s: %s: more than %d tensors and values", r->caller, name_of(r), MOST_GIVEN);
  void *where = va_arg(r->ap, void *);
  *(void **)where = NULL;
  r->given[r->ngiven++] = (given){letter, where};
  return where;
}

static void store_tensor(lua_State *L, request *r, int number, int index) {
  cresset_tensor **where = target(L, r, 't');
  cr_tensor *t = cr_to_tensor(L, index);
  if (!t) refuse(L, r, number, index, "a tensor");
  *where = (cresset_tensor *)cr_alias(t);
  if (!*where) cr_lua_error(L);
}

static void store_value(lua_State *L, request *r, int index) {
  cresset_value **where = target(L, r, 'v');
  *where = cr_value_new(L, index);
}

static void store_data(lua_State *L, request *r, int number, int index) {
  const char *type = va_arg(r->ap, const char *);
  void **where = va_arg(r->ap, void **);
  void *data = cr_host_data(L, index, type);
  if (!data) refuse(L, r, number, index, type);
  *where = data;
}

static void store(lua_State *L, request *r, char letter, int number, int index) {
  switch (letter) {
  case 'd': *va_arg(r->ap, double *) = number_of(L, r, number, index); break;
  case 'b': *va_arg(r->ap, int *) = lua_toboolean(L, index); break;
  case 's':
  case 'z': store_string(L, r, letter, number, index); break;
  case 't': store_tensor(L, r, number, index); break;
  case 'v': store_value(L, r, index); break;
  case 'p': store_data(L, r, number, index); break;
  default: store_integer(L, r, letter, number, index);
  }
}

/* Checks the letters of what the host wants, and returns how many there are. */
static int check_letters(lua_State *L, const request *r, const char *letters) {
  size_t known = strspn(letters, LETTERS "p");
  if (letters[known])
    luaL_error(L, "%s: %s: the signature '%s' has a %s '%c'", r->caller, name_of(r), r->signature,
               r->kind, letters[known]);
  return (int)known;
}

static void keep_strings(lua_State *L, int n) {
  luaL_checkstack(L, 4, NULL);
  lua_createtable(L, n, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &results_key);
}

/* ---- calls ------------------------------------------------------------------------------ */

/* Pushes what the first n bytes of a dotted name stand for, from the value on top on, in its
 * place. */
static void walk(lua_State *L, const request *r, const char *name, size_t n) {
  for (const char *part = name, *end = name + n; part <= end;) {
    const char *dot = memchr(part, '.', (size_t)(end - part));
    if (lua_isnil(L, -1))
      luaL_error(L, "%s: there is no %s", r->caller,
                 lua_pushlstring(L, name, (size_t)(part - name) - 1));
    lua_pushlstring(L, part, (size_t)((dot ? dot : end) - part));
    lua_gettable(L, -2);
    lua_remove(L, -2);
    part = dot ? dot + 1 : end + 1;
  }
}

/* Pushes the function, and for "object:method" the object.  Returns how many arguments that is. */
static int push_function(lua_State *L, request *r) {
  if (!r->name) {
    cr_value_push(L, r->value);
    return 0;
  }
  const char *colon = strrchr(r->name, ':');
  lua_pushglobaltable(L);
  walk(L, r, r->name, colon ? (size_t)(colon - r->name) : strlen(r->name));
  if (lua_isnil(L, -1)) luaL_error(L, "%s: there is no %s", r->caller, r->name);
  if (!colon) return 0;
  lua_getfield(L, -1, colon + 1);
  if (lua_isnil(L, -1)) luaL_error(L, "%s: there is no %s", r->caller, r->name);
  lua_insert(L, -2);
  return 1;
}

static int body_call(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  const char *s = r->signature ? r->signature : "";
  int nargs = push_function(L, r);
  for (; *s && *s != '>'; s++, nargs++) push_argument(L, r, *s);
  const char *results = *s == '>' ? s + 1 : s;
  int n = check_letters(L, r, results);
  luaL_checkstack(L, n, "too many results");
  lua_call(L, nargs, n);
  keep_strings(L, n);
  int first = lua_gettop(L) - n + 1;
  for (int i = 0; i < n; i++) store(L, r, results[i], i + 1, first + i);
  return 0;
}

int cresset_call(cresset *c, const char *function, const char *signature, ...) {
  request r = {
      .c = c, .caller = "cresset_call", .name = function, .signature = signature, .kind = "result"};
  va_start(r.ap, signature);
  int code = run(&r, body_call);
  va_end(r.ap);
  return code;
}

int cresset_call_value(cresset *c, const cresset_value *f, const char *signature, ...) {
  request r = {
      .c = c, .caller = "cresset_call_value", .value = f, .signature = signature, .kind = "result"};
  va_start(r.ap, signature);
  int code = run(&r, body_call);
  va_end(r.ap);
  return code;
}

/* ---- fields ----------------------------------------------------------------------------- */

/* Pushes the table and the key of a field. */
static void push_place(lua_State *L, request *r) {
  if (r->value)
    cr_value_push(L, r->value);
  else
    lua_pushglobaltable(L);
  if (!r->name) {
    lua_pushinteger(L, r->place);
    return;
  }
  const char *dot = strrchr(r->name, '.');
  if (dot) walk(L, r, r->name, (size_t)(dot - r->name));
  if (lua_isnil(L, -1)) luaL_error(L, "%s: there is no table for %s", r->caller, r->name);
  lua_pushstring(L, dot ? dot + 1 : r->name);
}

static char one_letter(lua_State *L, const request *r) {
  if (check_letters(L, r, r->signature ? r->signature : "") != 1)
    luaL_error(L, "%s: %s: one letter is wanted, not '%s'", r->caller, name_of(r), r->signature);
  return r->signature[0];
}

static int body_get(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  char letter = one_letter(L, r);
  push_place(L, r);
  lua_gettable(L, -2);
  keep_strings(L, 1);
  store(L, r, letter, 1, lua_gettop(L));
  return 0;
}

static int body_set(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  char letter = one_letter(L, r);
  push_place(L, r);
  push_argument(L, r, letter);
  lua_settable(L, -3);
  return 0;
}

int cresset_get(cresset *c, const cresset_value *table, const char *name, const char *letter, ...) {
  request r = {.c = c,
               .caller = "cresset_get",
               .name = name,
               .signature = letter,
               .kind = "field",
               .value = table};
  va_start(r.ap, letter);
  int code = run(&r, body_get);
  va_end(r.ap);
  return code;
}

int cresset_set(cresset *c, const cresset_value *table, const char *name, const char *letter, ...) {
  request r = {.c = c,
               .caller = "cresset_set",
               .name = name,
               .signature = letter,
               .kind = "field",
               .value = table};
  va_start(r.ap, letter);
  int code = run(&r, body_set);
  va_end(r.ap);
  return code;
}

int cresset_get_at(cresset *c, const cresset_value *table, long long i, const char *letter, ...) {
  request r = {.c = c,
               .caller = "cresset_get_at",
               .place = i,
               .signature = letter,
               .kind = "field",
               .value = table};
  va_start(r.ap, letter);
  int code = run(&r, body_get);
  va_end(r.ap);
  return code;
}

int cresset_set_at(cresset *c, const cresset_value *table, long long i, const char *letter, ...) {
  request r = {.c = c,
               .caller = "cresset_set_at",
               .place = i,
               .signature = letter,
               .kind = "field",
               .value = table};
  va_start(r.ap, letter);
  int code = run(&r, body_set);
  va_end(r.ap);
  return code;
}

/* ---- functions of the host -------------------------------------------------------------- */

/* Runs body with the request and copies of the function's arguments. */
static int run_in_frame(request *r, lua_CFunction body, int nargs, int nresults) {
  lua_State *L = r->c->frame->L;
  if (!lua_checkstack(L, nargs + 4)) {
    cr_set_error(r->c, "stack overflow");
    return CRESSET_ERROR;
  }
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, r);
  for (int i = 1; i <= nargs; i++) lua_pushvalue(L, r->c->frame->hidden + i);
  return finish(r, cresset_pcall(r->c, nargs + 1, nresults));
}

bool cr_in_function(cresset *c, const char *caller) {
  if (c->frame && c->frame->depth == c->depth) return true;
  cresset_fail(c, "%s: no function of cresset_register is running", caller);
  return false;
}

int cresset_argument_count(cresset *c) {
  return cr_in_function(c, "cresset_argument_count") ? c->frame->nargs : 0;
}

/* Leaves out what the letter stands for. */
static void skip(request *r, char letter) {
  (void)va_arg(r->ap, void *);
  if (letter == 'z' || letter == 'p') (void)va_arg(r->ap, void *);
}

static int body_arguments(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  const char *letters = r->signature, *bar = strchr(letters, '|');
  int needed = (int)(bar ? bar - letters : (ptrdiff_t)strlen(letters));
  int n = needed + (bar ? check_letters(L, r, bar + 1) : 0);
  if (!bar) check_letters(L, r, letters);
  luaL_checkstack(L, n, NULL);
  lua_settop(L, lua_gettop(L) > n + 1 ? lua_gettop(L) : n + 1);
  keep_strings(L, n);
  for (int i = 0; i < n; i++) {
    char letter = i < needed ? letters[i] : bar[1 + i - needed];
    if (i >= needed && lua_isnil(L, i + 2))
      skip(r, letter);
    else
      store(L, r, letter, i + 1, i + 2);
  }
  return 0;
}

int cresset_arguments(cresset *c, const char *letters, ...) {
  if (!cr_in_function(c, "cresset_arguments")) return CRESSET_ERROR;
  request r = {.c = c,
               .caller = "cresset_arguments",
               .name = c->frame->name,
               .signature = letters ? letters : "",
               .kind = "argument"};
  va_start(r.ap, letters);
  int code = run_in_frame(&r, body_arguments, c->frame->nargs, 0);
  va_end(r.ap);
  return code;
}

static int body_results(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  lua_settop(L, 0);
  for (const char *s = r->signature; *s; s++) push_argument(L, r, *s);
  r->nresults = lua_gettop(L);
  return r->nresults;
}

int cresset_results(cresset *c, const char *letters, ...) {
  if (!cr_in_function(c, "cresset_results")) return CRESSET_ERROR;
  cr_frame *frame = c->frame;
  request r = {.c = c,
               .caller = "cresset_results",
               .name = frame->name,
               .signature = letters ? letters : ""};
  lua_settop(frame->L, frame->hidden + frame->nargs);
  frame->nresults = 0;
  va_start(r.ap, letters);
  int code = run_in_frame(&r, body_results, 0, LUA_MULTRET);
  va_end(r.ap);
  if (code == CRESSET_OK) frame->nresults = r.nresults;
  return code;
}

int cresset_fail(cresset *c, const char *format, ...) {
  char text[2048];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  cr_set_error(c, text);
  return CRESSET_ERROR;
}
