/* random_lua.c: random numbers in Lua. */
#include "lib/torch/binding.h"

#include <string.h>

static const cr_device cpu = {CR_CPU, 0};

/* Each distribution: its parameters' defaults, and whether the result is whole. */
static const struct {
  const char *name;
  cr_random_op op;
  double a, b;
} distributions[] = {
    {"uniform", CR_UNIFORM, 0, 1},         {"normal", CR_NORMAL, 0, 1},
    {"exponential", CR_EXPONENTIAL, 1, 0}, {"cauchy", CR_CAUCHY, 0, 1},
    {"logNormal", CR_LOGNORMAL, 1, 2},     {"geometric", CR_GEOMETRIC, 0.5, 0},
};

/* The largest whole number that a type counts up to without a gap: random()'s default range. */
static double largest(cr_dtype t) {
  static const double max[CR_NDTYPES] = {[CR_FLOAT32] = 16777216,
                                         [CR_FLOAT64] = 9007199254740992,
                                         [CR_FLOAT16] = 2048,
                                         [CR_BFLOAT16] = 256,
                                         [CR_INT8] = 127,
                                         [CR_UINT8] = 255,
                                         [CR_INT16] = 32767,
                                         [CR_INT32] = 2147483647,
                                         [CR_INT64] = 9007199254740992,
                                         [CR_BOOL] = 1};
  return max[t];
}

/* The parameters from argument `at` on, as the operator takes them.  Torch7's geometric(p) counts
 * up to the first failure; its logNormal(mean, std) speaks of the result's logarithm. */
static void check_parameters(lua_State *L, int k, int at, double *a, double *b) {
  *a = luaL_optnumber(L, at, distributions[k].a);
  *b = luaL_optnumber(L, at + 1, distributions[k].b);
  if (distributions[k].op == CR_GEOMETRIC) *a = 1 - *a;
}

/* Whether a distribution's parameters, from argument `at` on, are more than numbers.  Then a
 * function of lib/torch/sampling.lua draws; its results go on the stack. */
static bool has_more(lua_State *L, int at) {
  for (int arg = at; arg <= lua_gettop(L); arg++)
    if (cr_to_tensor(L, arg) || lua_istable(L, arg) || cr_to_storage(L, arg)) return true;
  return false;
}

static int draw_in_lua(lua_State *L, const char *name, bool method) {
  lua_getfield(L, LUA_REGISTRYINDEX, "cresset.draws");
  lua_getfield(L, -1, method ? "methods" : "functions");
  lua_getfield(L, -1, name);
  lua_insert(L, 1);
  lua_pop(L, 2);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

/** torch.uniform([generator,] [lo [, hi [, sizes]]]); x:uniform([generator,] [lo [, hi]])
 *  torch.normal([generator,] [mean [, std [, sizes]]]); x:normal([generator,] [mean [, std]])
 *  torch.exponential([generator,] [rate [, sizes]]); x:exponential([generator,] [rate])
 *  torch.cauchy([generator,] [median [, spread [, sizes]]])
 *  x:cauchy([generator,] [median [, spread]])
 *  torch.logNormal([generator,] [mean [, std [, sizes]]])
 *  x:logNormal([generator,] [mean [, std]])
 *  torch.geometric([generator,] [p [, sizes]]); x:geometric([generator,] [p])
 *
 *  Random numbers: uniform from lo up to hi, without hi (0 to 1 by default); normal (0, 1);
 *  exponential (1); Cauchy (0, 1); numbers whose logarithm is normal (1, 2); how many throws until
 *  one fails that succeeds with probability p (0.5).  The methods fill x with them.  The functions
 *  give one number; a tensor when a parameter is one, to whose shape they broadcast, or when there
 *  are sizes.  All but geometric are differentiable in parameters that are tensors.
 *  In Torch7's mode a tensor that comes first is filled, as it was there.
 *
 *  generator: torch.Generator; the interpreter's by default
 *  lo, hi, mean, std, rate, median, spread, p: numbers or tensors
 *  sizes: table or LongStorage, the result's shape
 *  Returns: a number or a tensor; x
 *  From: Torch7; tensors as parameters as in PyTorch
 *  Example:
 *    torch.manualSeed(1)
 *    x = torch.uniform()
 *    0 <= x and x < 1, torch.zeros(10):uniform(2, 3):min() >= 2 --> true true
 *    torch.normal(torch.range(1, 3), 0)[2] --> 2.0
 *    torch.uniform(0, 1, { 2, 3 }):nElement() --> 6
 */
static int m_distribution(lua_State *L) {
  int k = (int)lua_tointeger(L, lua_upvalueindex(1));
  cr_tensor *t = cr_check_tensor(L, 1);
  if (has_more(L, 2)) return draw_in_lua(L, distributions[k].name, true);
  double a, b;
  check_parameters(L, k, 2, &a, &b);
  return cr_push_result(L, cr_random(distributions[k].op, t, a, b), 1);
}

/* torch.uniform(a, b), torch.normal(mean, std), ..: one number; in Torch7's mode a tensor that
 * comes first is filled */
static int f_distribution(lua_State *L) {
  int k = (int)lua_tointeger(L, lua_upvalueindex(1));
  double a, b;
  if (cr_torch7_mode(L) && cr_to_tensor(L, 1)) return m_distribution(L);
  if (has_more(L, 1)) return draw_in_lua(L, distributions[k].name, false);
  check_parameters(L, k, 1, &a, &b);
  cr_tensor *t = cr_empty(CR_FLOAT64, cpu, 0, NULL);
  cr_tensor *r = cr_random(distributions[k].op, t, a, b);
  cr_release(t);
  return cr_push_number(L, r);
}

/** torch.random([generator,] [from,] [to]); x:random([generator,] [from,] [to])
 *
 *  Random whole numbers, both ends included.  The function gives one, the method fills x.
 *
 *  generator: torch.Generator; the interpreter's by default
 *  from: number, 1 by default
 *  to: number; without it the function goes from 1 to 2^32 - 1, and the method from 0 to the
 *    largest whole number that x's type counts up to
 *  Returns: an integer, or x
 *  From: Torch7
 *  Example:
 *    torch.random(3, 3), torch.LongTensor(5):random(1, 1):sum() --> 3 5
 */
static int m_random(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  double a = 0, b = largest((cr_dtype)t->dtype);
  if (!lua_isnoneornil(L, 2)) a = 1, b = (double)cr_check_int(L, 2);
  if (!lua_isnoneornil(L, 3)) a = b, b = (double)cr_check_int(L, 3);
  return cr_push_result(L, cr_random(CR_RANDINT, t, a, b), 1);
}

static int f_random(lua_State *L) {
  double a = 1, b = 4294967295.0;
  if (!lua_isnoneornil(L, 1)) b = (double)cr_check_int(L, 1);
  if (!lua_isnoneornil(L, 2)) a = b, b = (double)cr_check_int(L, 2);
  cr_tensor *t = cr_empty(CR_INT64, cpu, 0, NULL);
  cr_tensor *r = cr_random(CR_RANDINT, t, a, b);
  cr_release(t);
  return cr_push_number(L, r);
}

/** torch.bernoulli([generator,] [p [, sizes]]); x:bernoulli([generator,] [p])
 *
 *  1 with probability p, otherwise 0.  The function gives one number, or a tensor when p is one or
 *  there are sizes; the method fills x.
 *
 *  generator: torch.Generator; the interpreter's by default
 *  p: number, 0.5 by default, or a tensor of probabilities
 *  sizes: table or LongStorage, the result's shape
 *  Returns: an integer or a tensor; x
 *  From: Torch7
 *  Example:
 *    torch.bernoulli(1), torch.zeros(4):bernoulli(torch.Tensor { 1, 0, 1, 0 }):sum() --> 1 2.0
 */
static int m_bernoulli(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1), *p = cr_to_tensor(L, 2);
  return cr_push_result(
      L, p ? cr_bernoulli(t, p) : cr_random(CR_BERNOULLI, t, luaL_optnumber(L, 2, 0.5), 0), 1);
}

static int f_bernoulli(lua_State *L) {
  if (cr_torch7_mode(L) && cr_to_tensor(L, 1)) return m_bernoulli(L);
  if (has_more(L, 1)) return draw_in_lua(L, "bernoulli", false);
  double p = luaL_optnumber(L, 1, 0.5);
  cr_tensor *t = cr_empty(CR_INT64, cpu, 0, NULL);
  cr_tensor *r = cr_random(CR_BERNOULLI, t, p, 0);
  cr_release(t);
  return cr_push_number(L, r);
}

/** torch.rand([generator,] [res,] size, ... [, type]); x:rand(size, ...)
 *  torch.randn([generator,] [res,] size, ... [, type]); x:randn(size, ...)
 *
 *  A tensor of random numbers: uniform from 0 up to 1, or normal with mean 0 and deviation 1.  The
 *  methods resize x and fill it.
 *
 *  generator: torch.Generator; the interpreter's by default
 *  res: tensor for the result; resized
 *  size: number; the sizes may also be a table or a LongStorage
 *  type: name of a float type, as "double"; the default type
 *  Returns: a tensor, res or x
 *  From: Torch7
 *  Example:
 *    torch.rand(2, 3, "double").dtype --> float64
 *    torch.rand(2, 3):nElement(), torch.rand(9):max() < 1 --> 6 true
 */
static int sized(lua_State *L, cr_random_op op) {
  cr_tensor *out = cr_to_tensor(L, 1);
  int64_t shape[CR_MAX_DIMS];
  cr_kind kind = cr_default_kind();
  if (!out && lua_type(L, -1) == LUA_TSTRING) kind = cr_check_kind(L, lua_gettop(L), kind);
  int used, n = cr_check_sizes(L, out ? 2 : 1, shape, &used);
  if (n == 0 && used == 0) return cr_raise(L, "the sizes of the tensor are missing");
  if (out) {
    if (!cr_resize(out, n, shape, NULL)) return cr_lua_error(L);
    return cr_push_result(L, cr_random(op, out, 0, 1), 1);
  }
  cr_tensor *t = cr_empty(kind.dtype, kind.device, n, shape), *r = cr_random(op, t, 0, 1);
  cr_release(t);
  cr_push_tensor(L, r);
  return 1;
}

static int f_rand(lua_State *L) {
  return sized(L, CR_UNIFORM);
}
static int f_randn(lua_State *L) {
  return sized(L, CR_NORMAL);
}

/** torch.randperm([generator,] [res,] n); x:randperm(n)
 *
 *  The numbers from 1 to n in random order.
 *
 *  generator: torch.Generator; the interpreter's by default
 *  res: tensor for the result; resized
 *  n: number
 *  Returns: a LongTensor (run as th, of the default type), res or x
 *  From: Torch7
 *  Example:
 *    torch.randperm(10):sum() --> 55
 */
static int f_randperm(lua_State *L) {
  cr_tensor *out = cr_to_tensor(L, 1);
  int64_t n = cr_check_int(L, out ? 2 : 1);
  cr_dtype dtype = cr_torch7_mode(L) ? (cr_dtype)cr_ctx()->dtype : CR_INT64;
  cr_push_places(L, cr_randperm(dtype, n));
  if (!out)
    return cr_push_result(L, cr_to_device(cr_to_tensor(L, -1), cr_default_kind().device),
                          lua_gettop(L));
  return cr_push_result(L, cr_copy(cr_resize(out, 1, &n, NULL) ? out : NULL, cr_to_tensor(L, -1)),
                        1);
}

/* ---- places by their probabilities ------------------------------------------------------ */

/** torch.multinomial([generator,] [res,] p, n [, replacement])
 *  x:multinomial([generator,] n [, replacement])
 *
 *  Draws n places for each row of p, each with a probability in proportion to its element.
 *
 *  generator: torch.Generator; the interpreter's by default
 *  res: LongTensor for the result; resized
 *  p: vector or matrix of weights of a float type, which need not add up to 1
 *  n: how many
 *  replacement: true lets a place come up again
 *  Returns: a LongTensor, n or rows x n; places count from 1
 *  Errors: without replacement there are fewer than n places with a weight; a weight is negative
 *  From: Torch7
 *  Example:
 *    torch.multinomial(torch.Tensor { 0, 1, 0 }, 4, true):sum() --> 8
 */
static int f_multinomial(lua_State *L) {
  cr_tensor *p = cr_check_tensor(L, 1), *q = cr_to_tensor(L, 2);
  int at = q ? 3 : 2;
  int64_t n = cr_check_int(L, at);
  cr_push_places(L, cr_multinomial(q ? q : p, n, lua_toboolean(L, at + 1)));
  if (!q) return 1;
  return cr_push_result(L, cr_into("multinomial", p, cr_retain(cr_to_tensor(L, -1))), 1);
}

/** torch.multinomialAliasSetup(p [, state]); x:multinomialAliasSetup([state])
 *  torch.multinomialAlias(res, state); x:multinomialAlias(state)
 *
 *  For many draws from the same weights: the first makes a table, the second fills a tensor with
 *  places drawn by it, each in constant time.
 *
 *  p: vector of weights
 *  state: table, which is filled when it is given to the set-up
 *  res: LongTensor
 *  Returns: the table; res, with places that count from 1
 *  From: Walker 1977 and Vose 1991, as in Torch7
 *  Example:
 *    state = torch.multinomialAliasSetup(torch.Tensor { 0, 1 })
 *    torch.multinomialAlias(torch.LongTensor(3), state):sum() --> 6
 */
static int f_alias_setup(lua_State *L) {
  cr_tensor *alias, *keep;
  if (!cr_alias_setup(cr_check_tensor(L, 1), &alias, &keep)) return cr_lua_error(L);
  lua_settop(L, 2);
  if (!lua_istable(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  cr_push_ranked(L, "multinomialAliasSetup", NULL, NULL, keep, alias);
  lua_rawseti(L, 2, 1);
  lua_rawseti(L, 2, 2);
  return cr_return(L, 2);
}

/* torch.multinomialAlias(res, state): fills res, a LongTensor, with places drawn from the table */
static int f_alias_draw(lua_State *L) {
  cr_tensor *out = cr_check_tensor(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_rawgeti(L, 2, 1);
  lua_rawgeti(L, 2, 2);
  cr_tensor *keep = cr_check_tensor(L, 4), *alias = cr_check_places(L, 3, keep);
  cr_push_places(L, cr_alias_draw(alias, keep, out->ndim, out->shape));
  return cr_push_result(L, cr_into("multinomialAlias", out, cr_retain(cr_to_tensor(L, -1))), 1);
}

/* ---- the generator ---------------------------------------------------------------------- */

/** torch.manualSeed([generator,] n); torch.seed([generator]); torch.initialSeed([generator])
 *
 *  Sets the seed of the random numbers; sets it to a random one; says which it is.  The same seed
 *  gives the same numbers, whatever the number of threads.
 *
 *  generator: torch.Generator; the interpreter's by default
 *  n: integer
 *  Returns: seed and initialSeed: the seed
 *  From: Torch7
 *  Example:
 *    torch.manualSeed(7)
 *    a = torch.uniform()
 *    torch.manualSeed(7)
 *    a == torch.uniform(), torch.initialSeed() --> true 7
 */
static int f_manual_seed(lua_State *L) {
  cr_seed(&cr_ctx()->generator, (uint64_t)cr_check_int(L, 1));
  return 0;
}

static int f_seed(lua_State *L) {
  cr_context *fresh = cr_context_new();
  if (!fresh) return cr_lua_error(L);
  cr_seed(&cr_ctx()->generator, fresh->generator.seed);
  cr_context_free(fresh);
  lua_pushinteger(L, (lua_Integer)cr_ctx()->generator.seed);
  return 1;
}

static int f_initial_seed(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cr_ctx()->generator.seed);
  return 1;
}

static void store_state(cr_tensor *t, cr_generator g) {
  memcpy(cr_data(t), (uint64_t[]){g.seed, g.offset}, 2 * sizeof(uint64_t));
}

static cr_generator check_state(lua_State *L, int arg) {
  cr_tensor *t = cr_check_tensor(L, arg);
  uint64_t state[2];
  if (t->dtype != CR_INT64 || cr_numel(t) != 2 || !cr_is_contiguous(t) ||
      cr_device_of(t).type != CR_CPU)
    luaL_argerror(L, arg, "a state from torch.getRNGState is wanted");
  memcpy(state, cr_data(t), sizeof state);
  return (cr_generator){.seed = state[0], .offset = state[1]};
}

/** torch.getRNGState([generator]); torch.setRNGState([generator,] state)
 *
 *  The state of the random numbers, and going back to it.
 *
 *  generator: torch.Generator; the interpreter's by default
 *  state: what getRNGState gave
 *  Returns: a LongTensor
 *  Errors: state is something else
 *  From: Torch7
 *  Example:
 *    state = torch.getRNGState()
 *    a = torch.uniform()
 *    torch.setRNGState(state)
 *    a == torch.uniform() --> true
 */
static int f_get_state(lua_State *L) {
  cr_push_tensor(L, cr_empty(CR_INT64, cpu, 1, (int64_t[]){2}));
  store_state(cr_to_tensor(L, -1), cr_ctx()->generator);
  return 1;
}

static int f_set_state(lua_State *L) {
  cr_ctx()->generator = check_state(L, 1);
  return 0;
}

/* ---- generators as arguments ------------------------------------------------------------ */

/* The state of the torch.Generator at arg, which it leaves on the top; false when there is none. */
static bool push_generator_state(lua_State *L, int arg) {
  if (!lua_istable(L, arg) || luaL_getmetafield(L, arg, "__typename") == LUA_TNIL) return false;
  bool found = lua_type(L, -1) == LUA_TSTRING && !strcmp(lua_tostring(L, -1), "torch.Generator");
  lua_pop(L, 1);
  if (found) lua_getfield(L, arg, "state");
  return found;
}

/* Raises the error on the top; what was raised inside a protected call may lack its place. */
static int raise_again(lua_State *L) {
  luaL_where(L, 1);
  const char *where = lua_tostring(L, -1), *message = lua_tostring(L, -2);
  if (message && strncmp(message, where, strlen(where)) != 0)
    lua_pushfstring(L, "%s%s", where, message);
  else
    lua_pop(L, 1);
  return lua_error(L);
}

/* Calls the bound function (upvalue 2; its code is upvalue 1).  A generator at arg is taken out of
 * the arguments, and the numbers come from it. */
static int draw_with(lua_State *L, int arg) {
  lua_CFunction f = lua_tocfunction(L, lua_upvalueindex(2));
  if (!f) return luaL_error(L, "debug.setupvalue has taken the function away");
  if (!push_generator_state(L, arg)) return f(L);
  cr_generator saved = cr_ctx()->generator;
  cr_tensor *state = cr_check_tensor(L, -1);
  cr_ctx()->generator = check_state(L, lua_gettop(L));
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, f, 1);
  lua_insert(L, 1);
  lua_insert(L, 1); /* the state, which so stays alive, before the function */
  lua_remove(L, arg + 2);
  int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
  store_state(state, cr_ctx()->generator);
  cr_ctx()->generator = saved;
  return status == LUA_OK ? lua_gettop(L) - 1 : raise_again(L);
}

static int draw_function(lua_State *L) {
  return draw_with(L, 1);
}
static int draw_method(lua_State *L) {
  return draw_with(L, 2);
}

static void bind_draw(lua_State *L, const char *name, lua_CFunction function, lua_CFunction method,
                      int code) {
  for (int table = TORCH_TABLE; table <= METHOD_TABLE; table++) {
    lua_CFunction f = table == TORCH_TABLE ? function : method;
    if (!f) continue;
    lua_pushinteger(L, code);
    lua_pushcfunction(L, f);
    lua_pushcclosure(L, table == TORCH_TABLE ? draw_function : draw_method, 2);
    lua_setfield(L, table, name);
  }
}

static const cr_binding bindings[] = {
    {"random", f_random, m_random},
    {"bernoulli", f_bernoulli, m_bernoulli},
    {"rand", f_rand, NULL},
    {"randn", f_randn, NULL},
    {"randperm", f_randperm, NULL},
    {"multinomial", f_multinomial, f_multinomial},
    {"multinomialAliasSetup", f_alias_setup, f_alias_setup},
    {"multinomialAlias", f_alias_draw, f_alias_draw},
    {"manualSeed", f_manual_seed, NULL},
    {"seed", f_seed, NULL},
    {"initialSeed", f_initial_seed, NULL},
    {"getRNGState", f_get_state, NULL},
    {"setRNGState", f_set_state, NULL},
    {NULL, NULL, NULL},
};

void cr_bind_random(lua_State *L) {
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "cresset.draws");
  lua_setfield(L, TORCH_TABLE, "_draws");
  for (const cr_binding *b = bindings; b->name; b++)
    bind_draw(L, b->name, b->function, b->method, 0);
  for (size_t i = 0; i < sizeof distributions / sizeof *distributions; i++)
    bind_draw(L, distributions[i].name, f_distribution, m_distribution, (int)i);
}
