/* torch_lua.h: what C code of the packages shares to see tensors in Lua.
 *
 * A tensor is a userdata that holds one reference.  Functions named check raise a Lua error that
 * names the function and the argument; they return borrowed pointers, valid while the value is on
 * the stack. */
#ifndef CR_TORCH_LUA_H
#define CR_TORCH_LUA_H

#include <lauxlib.h>
#include <lua.h>

#include "tensor/ops.h"

int luaopen_torch_core(lua_State *L);

/* Pushes t and takes over the reference; a NULL t raises cr_error(). */
void cr_push_tensor(lua_State *L, cr_tensor *t);
void cr_push_storage(lua_State *L, cr_storage *s);
void cr_push_text(lua_State *L, char *s); /* of malloc; as a string */
/* The collector's turn, where a large result is likely to bring one about.  Functions whose results
 * are as large as their arguments call it before they look at any of them: finalizers may run. */
void cr_make_room(lua_State *L);
/* Several at once, at most four, none NULL: if pushing one fails the others are not lost. */
void cr_push_tensors(lua_State *L, int n, cr_tensor *const *t);
/* NULL when the value is no tensor. */
cr_tensor *cr_to_tensor(lua_State *L, int arg);
cr_tensor *cr_check_tensor(lua_State *L, int arg);
cr_storage *cr_to_storage(lua_State *L, int arg);
cr_storage *cr_check_storage(lua_State *L, int arg);
/* Raises cr_error() with the position of the script's line. */
int cr_lua_error(lua_State *L);
/* The same with a message of its own, formatted as by luaL_error; one that does not begin with a
 * function's name gets the name of the running one. */
int cr_raise(lua_State *L, const char *format, ...);
/* Raises the error of an interrupt, if there is one.  Functions that work long call it some times a
 * second; no lock may be held. */
void cr_check_interrupt(lua_State *L);
/* An element (cr_read). */
cr_scalar cr_element(lua_State *L, const cr_tensor *t, const int64_t *index);
/* A number argument, whether integer or float. */
cr_scalar cr_check_scalar(lua_State *L, int arg);
/* A 1-based dimension, negative from the end, as the 0-based one that operators take. */
int cr_check_dim(lua_State *L, int arg);
/* A whole number; a float that happens to be whole is accepted.  In th mode a fraction is cut off.
 */
int64_t cr_check_int(lua_State *L, int arg);
/* A place that counts from 1 as one that counts from 0; -1 for what is no place. */
int64_t cr_check_place(lua_State *L, int arg);
/* Sizes from arg on: numbers, a table of numbers, a LongStorage or an integer tensor.  Returns how
 * many there are and sets *used to the number of arguments they took. */
int cr_check_sizes(lua_State *L, int arg, int64_t *sizes, int *used);
/* Functions at index `table` that cast their arguments inside of torch.autocast get to do so, and
 * the methods of the same names at index `methods`, unless that is 0. */
void cr_autocast_wrap(lua_State *L, int table, int methods);
/* Whether this state runs in Torch7's mode. */
bool cr_torch7_mode(lua_State *L);

#endif
