/* term_lua.c: what xlua asks about the terminal. */
#include "lib/openers.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <lauxlib.h>

static int descriptor(lua_State *L) {
  luaL_Stream *s = luaL_testudata(L, 1, LUA_FILEHANDLE);
  if (!s) return STDOUT_FILENO;
  return s->closef ? fileno(s->f) : -1;
}

/* isatty([file]) -> whether the file, or the standard output, is a terminal. */
static int is_terminal(lua_State *L) {
  lua_pushboolean(L, isatty(descriptor(L)));
  return 1;
}

/* width([file]) -> columns of that terminal; nil when it is none or does not say. */
static int width(lua_State *L) {
  struct winsize size;
  if (ioctl(descriptor(L), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  lua_pushinteger(L, size.ws_col);
  return 1;
}

/* height([file]) -> its lines. */
static int height(lua_State *L) {
  struct winsize size;
  if (ioctl(descriptor(L), TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return 0;
  lua_pushinteger(L, size.ws_row);
  return 1;
}

int luaopen_xlua_terminal(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"isatty", is_terminal}, {"width", width}, {"height", height}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
