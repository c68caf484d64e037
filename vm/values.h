/* values.h: Lua values that a host holds, for the files of the host API. */
#ifndef CR_VALUES_H
#define CR_VALUES_H

#include <lua.h>

#include "vm/cresset.h"

/* A handle on the value at `index`.  It raises errors. */
cresset_value *cr_value_new(lua_State *L, int index);
void cr_value_push(lua_State *L, const cresset_value *value); /* NULL: nil */

/* The host's data at `index` if it is of that type, else NULL. */
void *cr_host_data(lua_State *L, int index, const char *type);
/* Pushes the table of the methods of the type's data. */
void cr_host_methods(lua_State *L, const char *type);

#endif
