/* traceback.c: error values as messages with the script's lines. */
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "lib/packages.h"
#include "vm/interp.h"

/* Frames that tell a user nothing: the C functions under a script, and those that raise errors. */
static const char *const dull[] = {
    "\t[C]: in ?\n",
    "\t[C]: in function 'error'\n",
    "\t[C]: in function 'assert'\n",
};

/* What the prompt itself is doing around the command that failed is of no interest either. */
static const char prompt_folder[] = "\tvm/repl/";

static bool is_dull(const char *line, size_t n) {
  if (strncmp(line, prompt_folder, sizeof prompt_folder - 1) == 0) return true;
  for (size_t i = 0; i < sizeof dull / sizeof *dull; i++)
    if (strlen(dull[i]) == n && memcmp(line, dull[i], n) == 0) return true;
  return false;
}

static int convert(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* Replaces the value at 1, which is no string, by one. */
static void describe(lua_State *L) {
  const char *type = luaL_typename(L, 1);
  if (luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) {
    if (lua_isnoneornil(L, 1) || lua_isboolean(L, 1))
      lua_pushfstring(L, "error: %s", luaL_tolstring(L, 1, NULL));
    else
      lua_pushfstring(L, "error: an object of type %s was raised", type);
  } else {
    lua_pop(L, 1);
    lua_pushcfunction(L, convert);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
      lua_pushfstring(L, "error: an object of type %s was raised, and its __tostring failed", type);
  }
  lua_replace(L, 1);
}

/* The Lua half of a message that speaks of a nil value: with the name that was probably meant. */
static int body_guess(lua_State *L) {
  cr_push_require(L);
  lua_pushliteral(L, "cresset.repl.errors");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "guess");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

bool cr_speaks_of_nil(lua_State *L) {
  return lua_type(L, 1) == LUA_TSTRING && strstr(lua_tostring(L, 1), "a nil value (") != NULL;
}

void cr_add_guess(lua_State *L) {
  if (strstr(lua_tostring(L, 1), "; did you mean '") || !lua_checkstack(L, 4)) return;
  lua_pushcfunction(L, body_guess);
  lua_pushvalue(L, 1);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_type(L, -1) == LUA_TSTRING) lua_replace(L, 1);
  lua_settop(L, 1);
}

int cr_traceback(lua_State *L) {
  bool plain = lua_isstring(L, 1);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  if (!plain) describe(L);
  lua_settop(L, 2);
  /* An error while one is handled comes here twice; a script may have added a traceback itself. */
  if (strstr(lua_tostring(L, 1), "\nstack traceback:")) {
    lua_settop(L, 1);
    return 1;
  }
  if (plain) {
    if (cr_speaks_of_nil(L)) cr_add_guess(L);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
  }
  cr_debugger_error(L, 2);
  lua_settop(L, 1);
  luaL_traceback(L, L, NULL, 1); /* "stack traceback:\n\tline\n\tline" */
  lua_pushliteral(L, "\n");
  lua_concat(L, 2);
  const char *line = lua_tostring(L, 2);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  int kept = 0;
  for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
    size_t n = (size_t)(end - line) + 1;
    if (*line == '\t' && is_dull(line, n)) continue;
    luaL_addchar(&b, '\n');
    luaL_addlstring(&b, line, n - 1);
    kept += strncmp(line, "\t(...tail calls...)", 19) != 0;
  }
  luaL_pushresult(&b);
  if (kept <= 1) { /* only the heading: nothing of a script was running */
    lua_settop(L, 1);
    lua_tostring(L, 1);
    return 1;
  }
  lua_remove(L, 2);
  lua_concat(L, 2);
  return 1;
}

/* "file:line" in at most n bytes.  Every recorded call asks for it, so it goes without printf. */
static void write_place(const lua_Debug *ar, char *buf, size_t n) {
  char digits[12];
  size_t length = strlen(ar->short_src), count = 0;
  unsigned line = (unsigned)ar->currentline;
  do digits[count++] = (char)('0' + line % 10);
  while (line /= 10);
  if (length + count + 2 > n) return;
  memcpy(buf, ar->short_src, length);
  buf[length++] = ':';
  while (count) buf[length++] = digits[--count];
  buf[length] = '\0';
}

bool cr_script_place(lua_State *L, lua_Debug *ar, char *buf, size_t n) {
  lua_getinfo(L, "Sl", ar);
  if (ar->currentline <= 0 || cr_is_embedded(ar->source)) return false;
  *buf = '\0';
  write_place(ar, buf, n);
  return true;
}

void cr_script_line(void *interp, char *buf, size_t n) {
  lua_State *L = atomic_load(&((cresset *)interp)->running);
  lua_Debug ar;
  if (n) *buf = '\0';
  for (int level = 1; L && lua_getstack(L, level, &ar); level++) /* 0 is the operator's own */
    if (cr_script_place(L, &ar, buf, n)) return;
}
