/* capture_lua.c: what a function does on a CUDA device, captured as a graph and repeated by one
 * call. */
#include "lib/torch/binding.h"

#define GRAPH "torch.cuda.Graph"
#define NUMBERS "torch.cuda.Numbers"

/* Its user values: 1: the function, which has the tensors that the graph reads; 2: its results;
 * 3: what must be called in front of each replay, a list of pairs: check(), then advance(). */
typedef struct {
  cr_graph *g; /* NULL: freed */
  uint64_t drawn;
} graph;

static graph *check_graph(lua_State *L) {
  graph *g = luaL_checkudata(L, 1, GRAPH);
  if (!g->g) luaL_argerror(L, 1, "this graph was freed");
  return g;
}

static int g_free(lua_State *L) {
  graph *g = luaL_checkudata(L, 1, GRAPH);
  if (g->g) cr_check_control(L)->graph_free(g->g);
  g->g = NULL;
  for (int i = 1; i <= 3; i++) {
    lua_pushnil(L);
    lua_setiuservalue(L, 1, i);
  }
  return 0;
}

/* Calls the function at index 1 while its work is kept; its results follow on the stack.  Nothing
 * is done, so no random numbers are used up. */
static bool capture(lua_State *L, const cr_device_control *c, graph *g) {
  cr_context *ctx = cr_ctx();
  cr_generator before = ctx->generator;
  g->g = c->graph_begin(ctx->cuda, before.seed, before.offset);
  if (!g->g) cr_lua_error(L);
  lua_pushvalue(L, 1);
  bool ran = lua_pcall(L, 0, LUA_MULTRET, 0) == LUA_OK;
  bool ended = c->graph_end(g->g), seeded = ctx->generator.seed != before.seed;
  g->drawn = ctx->generator.offset - before.offset;
  ctx->generator = before;
  if (!ran) return false;
  if (!ended) cr_lua_error(L);
  if (seeded) luaL_error(L, "torch.cuda.graph: the function sets the seed of the random numbers");
  return true;
}

/* torch._cuda.capture(f, before): the graph of what f does on the current device; f fills the list
 * `before` */
static int c_capture(lua_State *L) {
  const cr_device_control *c = cr_check_control(L);
  if (!cr_backend_of((cr_device){CR_CUDA, cr_ctx()->cuda})) return cr_lua_error(L);
  lua_settop(L, 2);
  lua_gc(L, LUA_GCCOLLECT); /* what is freed while it is captured stays as long as the graph */
  graph *g = lua_newuserdatauv(L, sizeof *g, 3);
  *g = (graph){0};
  luaL_setmetatable(L, GRAPH);
  lua_insert(L, 2);
  lua_setiuservalue(L, 2, 3);
  if (!capture(L, c, g)) { /* the error is on the top */
    c->graph_free(g->g);
    g->g = NULL;
    return lua_error(L);
  }
  int n = lua_gettop(L) - 2;
  lua_createtable(L, n, 1);
  lua_insert(L, 3);
  for (int i = n; i >= 1; i--) lua_rawseti(L, 3, i);
  lua_pushinteger(L, n);
  lua_setfield(L, 3, "n");
  lua_setiuservalue(L, 2, 2);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 2, 1);
  return 1;
}

static int push_results(lua_State *L) {
  lua_getiuservalue(L, 1, 2);
  int at = lua_gettop(L);
  lua_getfield(L, at, "n");
  int n = (int)lua_tointeger(L, -1);
  luaL_checkstack(L, n, "results");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, at, i);
  return n;
}

/* Calls what was put into the list for each replay, in its order.  All checks come first, so that
 * nothing has advanced when one of them fails. */
static void call_before(lua_State *L) {
  lua_getiuservalue(L, 1, 3);
  int list = lua_gettop(L);
  int n = (int)lua_rawlen(L, list);
  for (int i = 1; i <= n; i += 2) {
    lua_rawgeti(L, list, i);
    lua_call(L, 0, 0);
  }
  for (int i = 2; i <= n; i += 2) {
    lua_rawgeti(L, list, i);
    lua_call(L, 0, 0);
  }
  lua_pop(L, 1);
}

/** graph:replay(); graph(); graph:results(); graph:free()
 *
 *  replay, or a call, repeats all that was captured by torch.cuda.graph, in the current stream;
 *  random numbers go on from where the generator is.  free gives its memory back.
 *
 *  Returns: what the captured function returned: its tensors have the new values
 *  Errors: the graph was freed; an optimizer in it has changed so that the graph cannot repeat it
 *  From: PyTorch's CUDAGraph
 */
static int g_replay(lua_State *L) {
  graph *g = check_graph(L);
  cr_generator *r = &cr_ctx()->generator;
  if (!cr_backend_of((cr_device){CR_CUDA, cr_ctx()->cuda})) return cr_lua_error(L);
  call_before(L);
  g = check_graph(L);
  if (!cr_check_control(L)->graph_launch(g->g, r->seed, r->offset)) return cr_lua_error(L);
  r->offset += g->drawn;
  return push_results(L);
}

static int g_results(lua_State *L) {
  check_graph(L);
  return push_results(L);
}

static int g_tostring(lua_State *L) {
  lua_pushliteral(L, GRAPH);
  return 1;
}

/* ---- numbers that change ---------------------------------------------------------------- */

/* torch._cuda.numbers(): a place for those of a step, in the graph that is captured */
static int c_numbers(lua_State *L) {
  cr_graph_numbers *n = lua_newuserdatauv(L, sizeof *n, 0);
  luaL_setmetatable(L, NUMBERS);
  return cr_check_control(L)->graph_numbers(n) ? 1 : cr_lua_error(L);
}

cr_graph_numbers *cr_check_graph_numbers(lua_State *L, int i) {
  return luaL_checkudata(L, i, NUMBERS);
}

static const luaL_Reg methods[] = {
    {"replay", g_replay}, {"results", g_results}, {"free", g_free},           {"__call", g_replay},
    {"__gc", g_free},     {"__close", g_free},    {"__tostring", g_tostring}, {NULL, NULL}};

void cr_bind_capture(lua_State *L) {
  lua_getfield(L, TORCH_TABLE, "_cuda");
  lua_pushcfunction(L, c_capture);
  lua_setfield(L, -2, "capture");
  lua_pushcfunction(L, c_numbers);
  lua_setfield(L, -2, "numbers");
  lua_pop(L, 1);
  luaL_newmetatable(L, NUMBERS);
  lua_pop(L, 1);
  luaL_newmetatable(L, GRAPH);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
