/* idx_lua.c: the function behind data.idx. */
#include "lib/openers.h"

#include <errno.h>
#include <string.h>

#include "lib/data/idx.h"
#include "lib/torch/torch_lua.h"
#include "lib/packages.h"

/* read(path [, limit in bytes]) -> tensor */
static int idx_read(lua_State *L) {
  cr_need_files(L, "data.idx");
  const char *path = luaL_checkstring(L, 1);
  lua_Integer limit = luaL_optinteger(L, 2, CR_IDX_LIMIT);
  FILE *f = fopen(path, "rbe");
  if (!f) {
    cr_fail("data.idx: %s: %s", path, strerror(errno));
    return cr_lua_error(L);
  }
  cr_tensor *t = cr_idx_read(f, path, limit);
  fclose(f);
  cr_push_tensor(L, t);
  return 1;
}

int luaopen_data_idx(lua_State *L) {
  static const luaL_Reg functions[] = {{"read", idx_read}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
