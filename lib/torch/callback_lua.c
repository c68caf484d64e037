/* callback_lua.c: Lua functions that a backward calls: of custom functions, and hooks. */
#include "lib/torch/binding.h"

#include <pthread.h>
#include <stdlib.h>

#include "tensor/autograd.h"

/* ---- a Lua function held from C --------------------------------------------------------- */

/* The interpreter that a function lives in.  Nodes can outlive it, and can be freed on another
 * thread; then they leave it alone. */
typedef struct {
  atomic_int refs;
  lua_State *L; /* NULL: closed */
  pthread_t thread;
} home;

typedef struct {
  cr_deferred deferred; /* first: it is freed as such */
  home *home;
  int ref;    /* of the Lua function */
  int nsaved; /* of a custom function */
} callback;

static _Thread_local lua_State *running;

lua_State *cr_set_running(lua_State *L) {
  lua_State *before = running;
  running = L;
  return before;
}

static const char home_key;

static void home_release(home *h) {
  if (atomic_fetch_sub(&h->refs, 1) == 1) free(h);
}

static int close_home(lua_State *L) {
  home **h = lua_touserdata(L, 1);
  if (*h) {
    (*h)->L = NULL;
    home_release(*h);
    *h = NULL;
  }
  return 0;
}

static home *home_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &home_key);
  home *h = *(home **)lua_touserdata(L, -1);
  lua_pop(L, 1);
  return h;
}

static void open_home(lua_State *L) {
  home **h = lua_newuserdatauv(L, sizeof *h, 0);
  *h = malloc(sizeof **h);
  if (!*h) luaL_error(L, "out of memory");
  atomic_init(&(*h)->refs, 1);
  (*h)->thread = pthread_self();
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  (*h)->L = lua_tothread(L, -1);
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushcfunction(L, close_home);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &home_key);
}

static callback *new_callback(lua_State *L, int function) {
  lua_pushvalue(L, function);
  int ref = luaL_ref(L, LUA_REGISTRYINDEX);
  callback *c = malloc(sizeof *c);
  if (!c) {
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    luaL_error(L, "out of memory");
    return NULL;
  }
  *c = (callback){.home = home_of(L), .ref = ref};
  atomic_fetch_add(&c->home->refs, 1);
  return c;
}

static void forget_callback(cr_deferred *d) {
  callback *c = (callback *)d;
  if (c->home->L && pthread_equal(c->home->thread, pthread_self()))
    luaL_unref(c->home->L, LUA_REGISTRYINDEX, c->ref);
  home_release(c->home);
  free(c);
}

static void free_callback(void *user) {
  callback *c = user;
  c->deferred.run = forget_callback;
  if (!cr_defer(&c->deferred)) forget_callback(&c->deferred);
}

/* Calls body(call) in protected mode, in the state that runs now; false with a message. */
static bool call_back(callback *c, lua_CFunction body, void *call) {
  lua_State *L = running ? running : c->home->L;
  if (!c->home->L || !L) return cr_fail("the interpreter of this function was closed");
  if (!lua_checkstack(L, 4)) return cr_fail("out of memory");
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, call);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return true;
  const char *message = lua_tostring(L, -1);
  cr_fail("%s", message ? message : "an error that is no string");
  lua_pop(L, 1);
  return false;
}

/* ---- custom functions ------------------------------------------------------------------- */

typedef struct {
  callback *c;
  cr_node *n;
  cr_tensor *const *g;
  cr_tensor **gin;
} backward_call;

/* Puts a function's result at `at` into gin[i]. */
static void take_gradient(lua_State *L, int at, cr_node *n, int i, cr_tensor **gin) {
  cr_tensor *t = cr_to_tensor(L, at);
  if (!t && lua_toboolean(L, at))
    luaL_error(L, "gradient %d is a %s, wanted a tensor or nil", i + 1, luaL_typename(L, at));
  if (!t || !cr_wants(n, i)) return;
  cr_release(gin[i]);
  gin[i] = cr_retain(t);
}

static void push_saved(lua_State *L, const backward_call *b) {
  lua_createtable(L, b->c->nsaved, 0);
  for (int i = 0; i < b->c->nsaved; i++) {
    cr_tensor *t = cr_saved(b->n, i);
    if (!t) { /* the message names the place of the call */
      lua_pushstring(L, cr_error());
      lua_error(L);
    }
    cr_push_tensor(L, cr_retain(t));
    lua_rawseti(L, -2, i + 1);
  }
}

/* function([saved,] gradOutput1, ..) returns gradInput1, ..; nil and false are zero gradients. */
static int call_lua_backward(lua_State *L) {
  backward_call *b = lua_touserdata(L, 1);
  int nin = cr_node_ninputs(b->n), nout = cr_node_noutputs(b->n), nargs = nout;
  luaL_checkstack(L, nout + nin + 5, "backward");
  lua_rawgeti(L, LUA_REGISTRYINDEX, b->c->ref);
  if (b->c->nsaved) {
    push_saved(L, b);
    nargs++;
  }
  for (int k = 0; k < nout; k++) cr_push_tensor(L, cr_retain(b->g[k]));
  lua_call(L, nargs, nin);
  for (int i = 0; i < nin; i++) take_gradient(L, lua_gettop(L) - nin + 1 + i, b->n, i, b->gin);
  return 0;
}

static bool custom_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  callback *c = cr_node_user(n);
  if (!c)
    return cr_fail(
        "the graph was freed by an earlier backward; pass {retainGraph = true} to the first one");
  return call_back(c, call_lua_backward, &(backward_call){c, n, g, gin});
}

static const cr_op op_custom = {"custom function", "", custom_backward};

/* Of the tensors to save those that are outputs, as the fresh ones. */
static void find_outputs(int nsave, cr_tensor **save, int nout, cr_tensor *const *outputs,
                         cr_tensor *const *fresh) {
  for (int i = 0; i < nsave; i++)
    for (int k = 0; k < nout; k++)
      if (save[i] == outputs[k]) save[i] = fresh[k];
}

/* torch._custom(inputs, outputs, backward [, saved]): new tensors with the outputs' elements, whose
 * gradients are what backward(gradOutputs..) returns for the inputs.  With a list of tensors to
 * save, inputs or outputs, backward gets a list of them first, with their history; it is an error
 * when they were changed in place since. */
static int f_custom(lua_State *L) {
  int nin, nout, nsave = 0;
  lua_settop(L, 4);
  cr_tensor **inputs = cr_check_tensors(L, 1, &nin, false),
            **outputs = cr_check_tensors(L, 2, &nout, false),
            **save = lua_isnil(L, 4) ? NULL : cr_check_tensors(L, 4, &nsave, false);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  cr_owned *fresh = cr_push_owned(L, nout);
  luaL_checkstack(L, nout + 4, "custom function");
  lua_createtable(L, nout, 0);
  for (int k = 0; k < nout; k++)
    if (!(fresh->t[k] = cr_alias(outputs[k]))) return cr_lua_error(L);
  find_outputs(nsave, save, nout, outputs, fresh->t);
  callback *c = new_callback(L, 3);
  c->nsaved = nsave;
  cr_call call = {.nin = nin,
                  .in = inputs,
                  .nsave = nsave,
                  .save = save,
                  .user = c,
                  .free_user = free_callback};
  if (!cr_record_many(&op_custom, nout, fresh->t, &call)) return cr_lua_error(L);
  for (int k = 0; k < nout; k++) {
    cr_push_from(L, fresh, k);
    lua_rawseti(L, -2, k + 1);
  }
  return 1;
}

/* ---- checkpoints ------------------------------------------------------------------------ */

static int call_again(lua_State *L) {
  callback *c = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, c->ref);
  lua_call(L, 0, 0);
  return 0;
}

static bool recompute(void *user) {
  return call_back(user, call_again, user);
}

/* torch._checkpoint(again, f, ...): what f(...) returns; the calls that it records keep nothing,
 * and again() repeats them when their backward needs something. */
static int f_checkpoint(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checkany(L, 2);
  cr_region *r = cr_region_new(recompute, new_callback(L, 1), free_callback);
  if (!r) return cr_lua_error(L);
  cr_region *before = cr_region_enter(r);
  int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
  cr_region_enter(before);
  cr_region_release(r);
  return status == LUA_OK ? lua_gettop(L) - 1 : lua_error(L);
}

/* ---- hooks ------------------------------------------------------------------------------ */

typedef struct {
  callback *c;
  cr_tensor *g, *result;
} tensor_call;

/* The function gets a tensor of its own, which it may resize. */
static int call_tensor_hook(lua_State *L) {
  tensor_call *call = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->c->ref);
  cr_push_tensor(L, cr_ctx()->no_grad ? cr_detach(call->g) : cr_retain(call->g));
  lua_call(L, 1, 1);
  if (lua_isnil(L, -1)) {
    call->result = cr_retain(call->g);
    return 0;
  }
  cr_tensor *t = cr_to_tensor(L, -1);
  if (!t) return luaL_error(L, "a hook gave a %s, wanted a tensor or nil", luaL_typename(L, -1));
  call->result = cr_retain(t);
  return 0;
}

static cr_tensor *on_tensor(void *user, cr_tensor *g) {
  tensor_call call = {user, g, NULL};
  return call_back(user, call_tensor_hook, &call) ? call.result : NULL;
}

static void push_gradients(lua_State *L, int n, cr_tensor *const *g) {
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    if (g[i])
      cr_push_tensor(L, cr_retain(g[i]));
    else
      lua_pushboolean(L, 0);
    lua_rawseti(L, -2, i + 1);
  }
}

static int call_node_hook(lua_State *L) {
  backward_call *b = lua_touserdata(L, 1);
  int nin = cr_node_ninputs(b->n);
  lua_rawgeti(L, LUA_REGISTRYINDEX, b->c->ref);
  push_gradients(L, nin, b->gin);
  push_gradients(L, cr_node_noutputs(b->n), b->g);
  lua_call(L, 2, 1);
  if (lua_isnil(L, -1)) return 0;
  luaL_checktype(L, -1, LUA_TTABLE);
  for (int i = 0; i < nin; i++) {
    lua_rawgeti(L, -1, i + 1);
    take_gradient(L, lua_gettop(L), b->n, i, b->gin);
    lua_pop(L, 1);
  }
  return 0;
}

static bool on_node(void *user, cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  return call_back(user, call_node_hook, &(backward_call){user, n, g, gin});
}

#define HANDLE "torch.HookHandle"

/* Pushes an empty handle, before there is a hook to lose. */
static cr_hook **push_handle(lua_State *L) {
  cr_hook **h = lua_newuserdatauv(L, sizeof *h, 0);
  *h = NULL;
  luaL_setmetatable(L, HANDLE);
  return h;
}

static int handle_remove(lua_State *L) {
  cr_hook **h = luaL_checkudata(L, 1, HANDLE);
  if (*h) cr_hook_remove(*h);
  return 0;
}

static int handle_gc(lua_State *L) {
  cr_hook **h = luaL_checkudata(L, 1, HANDLE);
  cr_hook_release(*h);
  *h = NULL;
  return 0;
}

/** x:registerHook(f); node:registerHook(f)
 *
 *  Has backward call a function with x's gradient as soon as it is complete.  What f returns takes
 *  the gradient's place, for x.grad and for what x was computed from; it must not change the
 *  gradient in place.  A node's hook runs after the node's own backward, with a table of the
 *  gradients of its inputs (false where there is none) and one of those of its outputs; it may
 *  return a table that takes the place of the first.
 *
 *  f: function
 *  Returns: a handle; handle:remove() takes the hook away
 *  Errors: x takes part in no graph
 *  From: PyTorch's register_hook
 *  Example:
 *    x = torch.ones(2):requireGrad()
 *    handle = x:registerHook(function(g) return g * 10 end)
 *    torch.sum(x * 2):backward()
 *    x.grad:sum() --> 40.0
 *    handle:remove()
 */
static int m_register_hook(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  cr_hook **h = push_handle(L);
  callback *c = new_callback(L, 2);
  *h = cr_tensor_hook(x, on_tensor, c, free_callback);
  return *h ? 1 : cr_lua_error(L);
}

int cr_register_node_hook(lua_State *L) {
  cr_node *n = cr_check_node(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  cr_hook **h = push_handle(L);
  callback *c = new_callback(L, 2);
  *h = cr_node_hook(n, on_node, c, free_callback);
  return *h ? 1 : cr_lua_error(L);
}

/* ---- watched leaves --------------------------------------------------------------------- */

#define WATCH "torch.LeafWatch"

typedef struct {
  callback *c;
  int place; /* 0: over */
  bool ok;
} watch_call;

static int call_watch(lua_State *L) {
  const watch_call *call = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->c->ref);
  if (call->place)
    lua_pushinteger(L, call->place);
  else
    lua_pushboolean(L, call->ok);
  lua_call(L, 1, 0);
  return 0;
}

static bool leaf_ready(void *user, int place) {
  return call_back(user, call_watch, &(watch_call){.c = user, .place = place + 1});
}

static bool leaves_over(void *user, bool ok) {
  return call_back(user, call_watch, &(watch_call){.c = user, .ok = ok});
}

/* torch._watchLeaves(leaves, f): has backward call f(place) when the gradient of a leaf has got all
 * that this backward adds to it, and, at its end, f(true), or f(false) where it fails.  The watch
 * that is returned ends when it is freed.  f must not hold the leaves: they would hold each other.
 */
static int f_watch_leaves(lua_State *L) {
  int n;
  cr_tensor **leaves = cr_check_tensors(L, 1, &n, false);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  for (int i = 0; i < n; i++) luaL_argcheck(L, cr_is_leaf(leaves[i]), 1, "leaves are wanted");
  cr_leaf_watch **w = lua_newuserdatauv(L, sizeof *w, 0);
  *w = NULL;
  luaL_setmetatable(L, WATCH);
  *w = cr_watch_leaves(n, leaves,
                       (cr_leaf_watch){.ready = leaf_ready,
                                       .over = leaves_over,
                                       .user = new_callback(L, 2),
                                       .free_user = free_callback});
  return *w ? 1 : cr_lua_error(L);
}

static int watch_free(lua_State *L) {
  cr_leaf_watch **w = luaL_checkudata(L, 1, WATCH);
  if (*w) cr_leaf_watch_remove(*w);
  cr_leaf_watch_release(*w);
  *w = NULL;
  return 0;
}

static void open_watches(lua_State *L) {
  static const luaL_Reg methods[] = {{"__gc", watch_free}, {"__close", watch_free}, {NULL, NULL}};
  luaL_newmetatable(L, WATCH);
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 1);
}

/** handle:remove()
 *
 *  Takes a hook away; what is removed already stays so.
 *
 *  From: PyTorch
 *  Example:
 *    handle = torch.ones(1):requireGrad():registerHook(print)
 *    handle:remove()
 */
static void open_handles(lua_State *L) {
  static const luaL_Reg methods[] = {{"remove", handle_remove}, {"__gc", handle_gc}, {NULL, NULL}};
  luaL_newmetatable(L, HANDLE);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void cr_bind_callback(lua_State *L) {
  static const cr_binding bindings[] = {
      {"registerHook", NULL, m_register_hook},
      {"_watchLeaves", f_watch_leaves, NULL},
      {"_custom", f_custom, NULL},
      {"_checkpoint", f_checkpoint, NULL},
      {NULL, NULL, NULL},
  };
  open_home(L);
  open_handles(L);
  open_watches(L);
  cr_bind(L, bindings);
}
