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

static int m_distribution(lua_State *L) {
  int k = (int)lua_tointeger(L, lua_upvalueindex(1));
  cr_tensor *t = cr_check_tensor(L, 1);
  double a, b;
  check_parameters(L, k, 2, &a, &b);
  return cr_push_result(L, cr_random(distributions[k].op, t, a, b), 1);
}

/* torch.uniform(a, b), torch.normal(mean, std), ..: one number */
static int f_distribution(lua_State *L) {
  int k = (int)lua_tointeger(L, lua_upvalueindex(1));
  double a, b;
  check_parameters(L, k, 1, &a, &b);
  cr_tensor *t = cr_empty(CR_FLOAT64, cpu, 0, NULL);
  cr_tensor *r = cr_random(distributions[k].op, t, a, b);
  cr_release(t);
  return cr_push_number(L, r);
}

/* x:random([to]), x:random(from, to): whole numbers, both ends included, from 1 by default */
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

/* x:bernoulli([p]): p a number, or a tensor of probabilities */
static int m_bernoulli(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1), *p = cr_to_tensor(L, 2);
  return cr_push_result(
      L, p ? cr_bernoulli(t, p) : cr_random(CR_BERNOULLI, t, luaL_optnumber(L, 2, 0.5), 0), 1);
}

static int f_bernoulli(lua_State *L) {
  double p = luaL_optnumber(L, 1, 0.5);
  cr_tensor *t = cr_empty(CR_INT64, cpu, 0, NULL);
  cr_tensor *r = cr_random(CR_BERNOULLI, t, p, 0);
  cr_release(t);
  return cr_push_number(L, r);
}

/* torch.rand([res,] sizes..), torch.randn */
static int sized(lua_State *L, cr_random_op op) {
  cr_tensor *out = cr_to_tensor(L, 1);
  int64_t shape[CR_MAX_DIMS];
  int used, n = cr_check_sizes(L, out ? 2 : 1, shape, &used);
  if (n == 0 && used == 0) return luaL_error(L, "the sizes of the tensor are missing");
  if (out) {
    if (!cr_resize(out, n, shape, NULL)) return cr_lua_error(L);
    return cr_push_result(L, cr_random(op, out, 0, 1), 1);
  }
  cr_tensor *t = cr_empty((cr_dtype)cr_ctx()->dtype, cpu, n, shape), *r = cr_random(op, t, 0, 1);
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

/* torch.randperm([res,] n): 1..n in a random order; in Torch7 of the default type, here integers */
static int f_randperm(lua_State *L) {
  cr_tensor *out = cr_to_tensor(L, 1);
  int64_t n = cr_check_int(L, out ? 2 : 1);
  cr_dtype dtype = cr_torch7_mode(L) ? (cr_dtype)cr_ctx()->dtype : CR_INT64;
  cr_push_places(L, cr_randperm(dtype, n));
  if (!out) return 1;
  return cr_push_result(L, cr_copy(cr_resize(out, 1, &n, NULL) ? out : NULL, cr_to_tensor(L, -1)),
                        1);
}

/* ---- places by their probabilities ------------------------------------------------------ */

/* torch.multinomial([res,] p, n [, replacement]): n places for each row of p, a LongTensor */
static int f_multinomial(lua_State *L) {
  cr_tensor *p = cr_check_tensor(L, 1), *q = cr_to_tensor(L, 2);
  int at = q ? 3 : 2;
  int64_t n = cr_check_int(L, at);
  cr_push_places(L, cr_multinomial(q ? q : p, n, lua_toboolean(L, at + 1)));
  if (!q) return 1;
  return cr_push_result(L, cr_into("multinomial", p, cr_retain(cr_to_tensor(L, -1))), 1);
}

/* torch.multinomialAliasSetup(p [, state]): a table {places, chances} for multinomialAlias */
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
  cr_tensor *alias = cr_check_places(L, 3), *keep = cr_check_tensor(L, 4);
  cr_push_places(L, cr_alias_draw(alias, keep, out->ndim, out->shape));
  return cr_push_result(L, cr_into("multinomialAlias", out, cr_retain(cr_to_tensor(L, -1))), 1);
}

/* ---- the generator ---------------------------------------------------------------------- */

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

/* The generator's state as two numbers of a LongTensor, and back. */
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
  for (const cr_binding *b = bindings; b->name; b++)
    bind_draw(L, b->name, b->function, b->method, 0);
  for (size_t i = 0; i < sizeof distributions / sizeof *distributions; i++)
    bind_draw(L, distributions[i].name, f_distribution, m_distribution, (int)i);
}
