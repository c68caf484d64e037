/* graph_lua.c: nodes of the tape as objects in Lua. */
#include "lib/torch/binding.h"

#include <string.h>

#include "tensor/autograd.h"

#define NODE "torch.Node"

static void release_node(void *n) {
  cr_node_release(n);
}

static const cr_box_kind node_kind = {release_node};

cr_node *cr_check_node(lua_State *L, int arg) {
  cr_box *b = cr_to_box(L, arg, &node_kind);
  if (!b || !b->object) luaL_typeerror(L, arg, NODE);
  return b->object;
}

/* One object a node, for as long as it lives: nodes can be compared and be keys. */
int cr_push_node(lua_State *L, cr_node *n) {
  static const char cache_key;
  if (!n) {
    lua_pushnil(L);
    return 1;
  }
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &cache_key) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &cache_key);
  }
  if (lua_rawgetp(L, -1, n) == LUA_TNIL) {
    lua_pop(L, 1);
    cr_box *b = cr_push_box(L, &node_kind);
    luaL_setmetatable(L, NODE);
    b->object = cr_node_retain(n);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, n);
  }
  lua_remove(L, -2);
  return 1;
}

static int node_gc(lua_State *L) {
  cr_box *b = cr_to_box(L, 1, &node_kind);
  if (b) cr_empty_box(b);
  return 0;
}

/* ---- what it tells ---------------------------------------------------------------------- */

static void push_shape(lua_State *L, int n, const int64_t *shape) {
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_pushinteger(L, shape[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* {{node, output} or {leaf = tensor} or false, ..} */
static int push_inputs(lua_State *L, const cr_node *n) {
  int nin = cr_node_ninputs(n);
  lua_createtable(L, nin, 0);
  for (int i = 0; i < nin; i++) {
    cr_node *from = cr_node_input(n, i);
    cr_tensor *leaf = cr_node_leaf(n, i);
    if (from) {
      cr_push_node(L, from);
    } else if (leaf) {
      cr_push_tensor(L, cr_retain(leaf));
    } else {
      lua_pushboolean(L, 0);
    }
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* {{2, 3}, ..}: the shapes of the inputs. */
static int push_input_shapes(lua_State *L, const cr_node *n) {
  int nin = cr_node_ninputs(n);
  lua_createtable(L, nin, 0);
  for (int i = 0; i < nin; i++) {
    const int64_t *shape;
    int ndim = cr_input_shape(n, i, &shape);
    push_shape(L, ndim, shape);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static int push_outputs(lua_State *L, const cr_node *n) {
  int nout = cr_node_noutputs(n);
  lua_createtable(L, nout, 0);
  for (int k = 0; k < nout; k++) {
    const int64_t *shape;
    cr_dtype dtype;
    int ndim = cr_output_shape(n, k, &shape, &dtype);
    lua_createtable(L, 0, 2);
    push_shape(L, ndim, shape);
    lua_setfield(L, -2, "shape");
    lua_pushstring(L, cr_dtypes[dtype].name);
    lua_setfield(L, -2, "dtype");
    lua_rawseti(L, -2, k + 1);
  }
  return 1;
}

/* The recorded numbers by their names, "dim keepdim : alpha": integers first; what has no name of
 * its own goes by its place. */
static int push_attributes(lua_State *L, const cr_node *n) {
  const int64_t *ints;
  const double *nums;
  int nints = cr_attr_ints(n, &ints), nnums = cr_attr_nums(n, &nums), at = 0;
  const char *names = cr_node_attrs(n);
  bool integers = true;
  lua_createtable(L, 0, nints + nnums);
  for (int i = 0; i < nints + nnums; i++) {
    if (i < nints)
      lua_pushinteger(L, ints[i]);
    else
      lua_pushnumber(L, nums[i - nints]);
    if (i == nints && integers) { /* on to the names of the numbers */
      const char *colon = strchr(names, ':');
      names = colon ? colon + 1 : "";
      integers = false;
    }
    names += strspn(names, " ");
    size_t length = strcspn(names, " :");
    if (length) {
      lua_pushlstring(L, names, length);
      lua_insert(L, -2);
      lua_rawset(L, -3);
      names += length;
    } else {
      lua_rawseti(L, -2, ++at);
    }
  }
  return 1;
}

static int node_index(lua_State *L) {
  cr_node *n = cr_check_node(L, 1);
  const char *name = luaL_checkstring(L, 2);
  if (strcmp(name, "name") == 0)
    lua_pushstring(L, cr_node_name(n));
  else if (strcmp(name, "where") == 0)
    lua_pushstring(L, cr_node_where(n));
  else if (strcmp(name, "inputs") == 0)
    return push_inputs(L, n);
  else if (strcmp(name, "inputShapes") == 0)
    return push_input_shapes(L, n);
  else if (strcmp(name, "outputs") == 0)
    return push_outputs(L, n);
  else if (strcmp(name, "attributes") == 0)
    return push_attributes(L, n);
  else if (strcmp(name, "savedBytes") == 0)
    lua_pushinteger(L, (lua_Integer)cr_node_saved_bytes(n));
  else if (strcmp(name, "registerHook") == 0)
    lua_pushcfunction(L, cr_register_node_hook);
  else
    lua_pushnil(L);
  return 1;
}

static int node_tostring(lua_State *L) {
  cr_node *n = cr_check_node(L, 1);
  const char *where = cr_node_where(n);
  lua_pushfstring(L, "%s%s%s", cr_node_name(n), *where ? " at " : "", where);
  return 1;
}

void cr_bind_graph(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"__index", node_index}, {"__tostring", node_tostring}, {NULL, NULL}};
  luaL_newmetatable(L, NODE);
  luaL_setfuncs(L, methods, 0);
  cr_box_class(L, node_gc);
  lua_pop(L, 1);
}
