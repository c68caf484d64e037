/* autocast_lua.c: mixed precision in Lua: which functions cast their arguments inside of
 * torch.autocast, and to what.
 *
 * The bindings are where they are cast: all that scripts and Lua's own functions compute comes in
 * there, and what operators and backwards call among themselves does not. */
#include "lib/torch/binding.h"

#include "tensor/autocast.h"

/* ---- the lists -------------------------------------------------------------------------- */

/* Products work in the region's type, functions that need range or sums that need digits in
 * float32.  What is in neither list works in the widest type that it is given, as always. */
enum { LOW, WIDE };
/* When, if not always. */
enum { ALWAYS, OF_MATRICES, OF_A_NUMBER_FIRST, OF_TWO };

typedef struct {
  const char *name;
  uint8_t type;
  uint8_t operands; /* one tensor more is a result to write to, whose type counts; 0: any number */
  uint8_t when;
} rule;

static const rule rules[] = {
    {"mm", LOW, 2, ALWAYS},
    {"bmm", LOW, 2, ALWAYS},
    {"mv", LOW, 2, ALWAYS},
    {"matmul", LOW, 2, ALWAYS},
    {"__mul", LOW, 2, OF_MATRICES},
    {"addmm", LOW, 3, ALWAYS},
    {"addmv", LOW, 3, ALWAYS},
    {"addr", LOW, 3, ALWAYS},
    {"addbmm", LOW, 3, ALWAYS},
    {"baddbmm", LOW, 3, ALWAYS},
    /* nn.functional */
    {"linear", LOW, 0, ALWAYS},
    {"conv2d", LOW, 0, ALWAYS},
    {"_transposed2d", LOW, 0, ALWAYS},
    {"_attention", LOW, 0, ALWAYS},
    {"_varlenAttention", LOW, 0, ALWAYS},
    {"_prelu", LOW, 0, ALWAYS},
    {"lstm", LOW, 0, ALWAYS},
    {"gru", LOW, 0, ALWAYS},
    {"rnn", LOW, 0, ALWAYS},
    {"_recurrent", LOW, 0, ALWAYS},
    {"lstmCell", LOW, 0, ALWAYS},
    {"gruCell", LOW, 0, ALWAYS},

    {"acos", WIDE, 1, ALWAYS},
    {"asin", WIDE, 1, ALWAYS},
    {"cinv", WIDE, 1, ALWAYS},
    {"cosh", WIDE, 1, ALWAYS},
    {"erfinv", WIDE, 1, ALWAYS},
    {"exp", WIDE, 1, ALWAYS},
    {"expm1", WIDE, 1, ALWAYS},
    {"log", WIDE, 1, ALWAYS},
    {"log10", WIDE, 1, ALWAYS},
    {"log1p", WIDE, 1, ALWAYS},
    {"log2", WIDE, 1, ALWAYS},
    {"logSigmoid", WIDE, 1, ALWAYS},
    {"rsqrt", WIDE, 1, ALWAYS},
    {"sinh", WIDE, 1, ALWAYS},
    {"softplus", WIDE, 1, ALWAYS},
    {"tan", WIDE, 1, ALWAYS},
    {"pow", WIDE, 2, OF_TWO},
    {"cpow", WIDE, 2, OF_TWO},
    {"__pow", WIDE, 2, ALWAYS},
    {"__div", WIDE, 1, OF_A_NUMBER_FIRST},
    {"cumprod", WIDE, 1, ALWAYS},
    {"cumsum", WIDE, 1, ALWAYS},
    {"logcumsumexp", WIDE, 1, ALWAYS},
    {"dist", WIDE, 2, ALWAYS},
    {"_euclidean", WIDE, 2, ALWAYS},
    {"norm", WIDE, 1, ALWAYS},
    {"prod", WIDE, 1, ALWAYS},
    {"sum", WIDE, 1, ALWAYS},
    /* nn.functional */
    {"layerNorm", WIDE, 0, ALWAYS},
    {"rmsNorm", WIDE, 0, ALWAYS},
    {"softmax", WIDE, 0, ALWAYS},
    {"logSoftmax", WIDE, 0, ALWAYS},
    {"crossEntropy", WIDE, 0, ALWAYS},
    {"nllLoss", WIDE, 0, ALWAYS},
    {"mseLoss", WIDE, 0, ALWAYS},
    {"_ctc", WIDE, 0, ALWAYS},
    {"_errors", WIDE, 0, ALWAYS},
    {"_huber", WIDE, 0, ALWAYS},
};

/* ---- casting ---------------------------------------------------------------------------- */

/* Puts the argument's cast in its place; whether there is one. */
static bool cast_argument(lua_State *L, int arg, cr_tensor *t, uint8_t type) {
  cr_dtype dtype =
      type == WIDE ? CR_FLOAT32 : cr_autocast_dtype((cr_device_type)cr_device_of(t).type);
  if (t->dtype == dtype) return false;
  cr_push_tensor(L, cr_autocast_cast(t, dtype));
  lua_replace(L, arg);
  return true;
}

/* Whether the call is one to cast for.  With float64 among its arguments it works in that. */
static bool applies(lua_State *L, const rule *r) {
  int tensors = 0, top = lua_gettop(L);
  for (int i = 1; i <= top; i++) {
    const cr_tensor *t = cr_to_tensor(L, i);
    if (!t) continue;
    if (t->dtype == CR_FLOAT64) return false;
    if (r->when == OF_MATRICES && t->ndim == 0) return false;
    tensors++;
  }
  if (r->operands && tensors > r->operands) return false;
  if (r->when == OF_MATRICES) return tensors == 2;
  if (r->when == OF_A_NUMBER_FIRST) return cr_is_number(L, 1);
  return r->when != OF_TWO || top == 2;
}

enum { MOST = 12 };

/* made: gets the casts' values, by their arguments. */
static void cast_arguments(lua_State *L, const rule *r, void *made[MOST]) {
  if (!applies(L, r)) return;
  for (int i = lua_gettop(L); i > 0; i--) {
    cr_tensor *t = cr_to_tensor(L, i);
    bool cast = t && cr_autocast_takes(t) && cast_argument(L, i, t, r->type);
    if (cast && i <= MOST) made[i - 1] = lua_touserdata(L, i);
  }
}

/* Gives the casts up at once, which nobody else has seen, rather than with the next collection. */
static void drop_casts(lua_State *L, int nresults, void *const made[MOST]) {
  int last = lua_gettop(L), first = last - nresults + 1;
  for (int i = 1; i <= MOST && i < first; i++) {
    bool given = !made[i - 1] || lua_touserdata(L, i) != made[i - 1];
    for (int k = first; k <= last; k++) given |= lua_touserdata(L, k) == made[i - 1];
    if (!given) cr_empty_box(made[i - 1]);
  }
}

/* ---- between a function and its callers ------------------------------------------------- */

typedef struct {
  lua_CFunction function;
  const rule *rule;
} casting;

/* Apart, so that calls outside of regions do not prepare for it. */
__attribute__((noinline)) static int cast_then_call(lua_State *L, const casting *c) {
  void *made[MOST] = {NULL};
  cast_arguments(L, c->rule, made);
  int n = c->function(L);
  drop_casts(L, n, made);
  return n;
}

/* Upvalues: what the function has as its own first one, and a casting. */
static int cast_and_call(lua_State *L) {
  const casting *c = lua_touserdata(L, lua_upvalueindex(2));
  return cr_ctx()->autocast.on ? cast_then_call(L, c) : c->function(L);
}

/* Puts cast_and_call in the place of the function of that name in the table at `table`, if there is
 * one. */
static void wrap(lua_State *L, int table, const rule *r) {
  lua_getfield(L, table, r->name);
  lua_CFunction f = lua_tocfunction(L, -1);
  if (!f) {
    lua_pop(L, 1);
    return;
  }
  if (!lua_getupvalue(L, -1, 1)) lua_pushnil(L);
  casting *c = lua_newuserdatauv(L, sizeof *c, 0);
  *c = (casting){f, r};
  lua_pushcclosure(L, cast_and_call, 2);
  lua_setfield(L, table, r->name);
  lua_pop(L, 1);
}

/* A method that is not the function too changes its tensor, and keeps the type of that. */
static bool same_function(lua_State *L, int table, int methods, const char *name) {
  lua_getfield(L, table, name);
  lua_getfield(L, methods, name);
  lua_CFunction f = lua_tocfunction(L, -2), m = lua_tocfunction(L, -1);
  lua_pop(L, 2);
  return f == m || !f;
}

void cr_autocast_wrap(lua_State *L, int table, int methods) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    const rule *r = &rules[i];
    if (methods && same_function(L, table, methods, r->name)) wrap(L, methods, r);
    wrap(L, table, r);
  }
}

/* torch._wide(...): the arguments, and of those that a region takes their casts to float32. */
static int f_wide(lua_State *L) {
  for (int i = lua_gettop(L); i > 0; i--) {
    cr_tensor *t = cr_to_tensor(L, i);
    if (t && cr_autocast_takes(t)) cast_argument(L, i, t, WIDE);
  }
  return lua_gettop(L);
}

/* ---- regions ---------------------------------------------------------------------------- */

static cr_dtype check_low(lua_State *L, int arg) {
  cr_dtype dtype = cr_check_dtype(L, arg);
  if (dtype != CR_FLOAT16 && dtype != CR_BFLOAT16)
    cr_raise(L, "torch.autocast: the type is %s, wanted float16 or bfloat16",
             cr_dtypes[dtype].name);
  return dtype;
}

static void check_callable(lua_State *L, int arg) {
  if (lua_isfunction(L, arg)) return;
  if (!luaL_getmetafield(L, arg, "__call"))
    cr_raise(L, "torch.autocast: argument %d is a %s, wanted the function to call", arg,
             luaL_typename(L, arg));
  lua_pop(L, 1);
}

/** torch.autocast(device, [dtype,] f, ...); torch.autocast(device, false, f, ...)
 *  torch.isAutocastEnabled([device]); torch.getAutocastDtype(device)
 *
 *  Calls a function in mixed precision: matrix products, convolutions, recurrent layers and
 *  attention work in a small type, whatever float type their arguments have; exponentials,
 *  logarithms, powers, sums, norms, softmax and losses work in float32; other functions in the
 *  widest type that they are given.  So a model's parameters stay float32, and get gradients in
 *  float32: the casts are on the tape, and of a leaf that requires a gradient there is one cast
 *  until the outermost region ends.  Call only the model and the loss so; a backward is never
 *  cast, and is best started outside.
 *
 *  float64 and integers are left alone, and so are methods that change their tensor and functions
 *  with a result tensor.  Regions can be nested; false switches it off inside of one.  With float16
 *  small gradients vanish: see train.GradScaler.
 *
 *  device: string, "cpu" or "cuda": whose tensors
 *  dtype: "float16", the default for "cuda", or "bfloat16", the default for "cpu"
 *  f: function, or a module
 *  ...: its arguments
 *  Returns: what f returns; isAutocastEnabled: whether a region is open for the device, or for any;
 *    getAutocastDtype: its type, or the default one, as a string
 *  Errors: what f raises; there is no such device or small type
 *  From: PyTorch; Micikevicius and others, "Mixed precision training", ICLR 2018
 *  Example:
 *    w = torch.ones(2, 2):requireGrad()
 *    y = torch.autocast("cpu", torch.mm, w, torch.ones(2, 2))
 *    y:sum():backward()
 *    y.dtype, w.grad.dtype --> bfloat16 float32
 *    torch.isAutocastEnabled(), torch.getAutocastDtype("cuda") --> false float16
 */
static int f_autocast(lua_State *L) {
  cr_device_type d = (cr_device_type)cr_check_device(L, 1).type;
  bool given = lua_isboolean(L, 2) || lua_type(L, 2) == LUA_TSTRING;
  bool on = !lua_isboolean(L, 2) || lua_toboolean(L, 2);
  cr_dtype dtype = lua_type(L, 2) == LUA_TSTRING ? check_low(L, 2) : CR_FLOAT32;
  int f = given ? 3 : 2;
  check_callable(L, f);
  if (dtype == CR_FLOAT32) dtype = d == CR_CUDA ? CR_FLOAT16 : CR_BFLOAT16;
  cr_autocast_mode before = cr_autocast_begin(d, on, dtype);
  int status = lua_pcall(L, lua_gettop(L) - f, LUA_MULTRET, 0);
  cr_autocast_end(before);
  return status == LUA_OK ? lua_gettop(L) - f + 1 : lua_error(L);
}

static int f_is_enabled(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    lua_pushboolean(L, cr_ctx()->autocast.on != 0);
  else
    lua_pushboolean(L, cr_autocast_on((cr_device_type)cr_check_device(L, 1).type));
  return 1;
}

static int f_get_dtype(lua_State *L) {
  cr_device_type d = (cr_device_type)cr_check_device(L, 1).type;
  lua_pushstring(L, cr_dtypes[cr_autocast_dtype(d)].name);
  return 1;
}

static const cr_binding bindings[] = {
    {"autocast", f_autocast, NULL},
    {"isAutocastEnabled", f_is_enabled, NULL},
    {"getAutocastDtype", f_get_dtype, NULL},
    {"_wide", f_wide, NULL},
    {NULL, NULL, NULL},
};

void cr_bind_autocast(lua_State *L) {
  cr_bind(L, bindings);
  cr_autocast_wrap(L, TORCH_TABLE, METHOD_TABLE);
}
