/* nn_lua.h: the parts of nn.functional that are bound in files of their own. */
#ifndef CR_NN_LUA_H
#define CR_NN_LUA_H

#include <lauxlib.h>

extern const luaL_Reg cr_nn_pool_functions[];      /* pool_lua.c */
extern const luaL_Reg cr_nn_recurrent_functions[]; /* recurrent_lua.c */
extern const luaL_Reg cr_nn_attention_functions[]; /* attention_lua.c */

#endif
