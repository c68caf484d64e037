/* torch.c: what a stock lua5.4 loads for `require "torch"`; libcresset.so does the rest. */
#include "vm/cresset.h"

CR_API int luaopen_torch(struct lua_State *L);

int luaopen_torch(struct lua_State *L) {
  return cresset_luaopen(L);
}
