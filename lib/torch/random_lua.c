/* random_lua.c: random numbers in Lua. */
#include "lib/torch/binding.h"

#include <math.h>
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
 * up to the first failure, and its logNormal(mean, std) speaks of the result, not of the normal
 * below it. */
static void check_parameters(lua_State *L, int k, int at, double *a, double *b) {
  *a = luaL_optnumber(L, at, distributions[k].a);
  *b = luaL_optnumber(L, at + 1, distributions[k].b);
  if (distributions[k].op == CR_GEOMETRIC) *a = 1 - *a;
  if (distributions[k].op != CR_LOGNORMAL) return;
  double mean = *a, std = *b;
  if (!(mean > 0) || !(std > 0))
    luaL_error(L, "logNormal: mean %f and standard deviation %f, wanted above 0", mean, std);
  *a = log(mean * mean / sqrt(mean * mean + std * std));
  *b = sqrt(log(std * std / (mean * mean) + 1));
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

/* The generator's state as two numbers of a LongTensor, and back. */
static int f_get_state(lua_State *L) {
  cr_generator g = cr_ctx()->generator;
  cr_push_tensor(L, cr_empty(CR_INT64, cpu, 1, (int64_t[]){2}));
  memcpy(cr_data(cr_to_tensor(L, -1)), (uint64_t[]){g.seed, g.offset}, 16);
  return 1;
}

static int f_set_state(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  if (t->dtype != CR_INT64 || cr_numel(t) != 2 || !cr_is_contiguous(t))
    return luaL_argerror(L, 1, "a state from torch.getRNGState is wanted");
  uint64_t state[2];
  memcpy(state, cr_data(t), sizeof state);
  cr_ctx()->generator = (cr_generator){.seed = state[0], .offset = state[1]};
  return 0;
}

static const cr_binding bindings[] = {
    {"random", f_random, m_random},
    {"bernoulli", f_bernoulli, m_bernoulli},
    {"rand", f_rand, NULL},
    {"randn", f_randn, NULL},
    {"randperm", f_randperm, NULL},
    {"manualSeed", f_manual_seed, NULL},
    {"seed", f_seed, NULL},
    {"initialSeed", f_initial_seed, NULL},
    {"getRNGState", f_get_state, NULL},
    {"setRNGState", f_set_state, NULL},
    {NULL, NULL, NULL},
};

void cr_bind_random(lua_State *L) {
  cr_bind(L, bindings);
  for (size_t i = 0; i < sizeof distributions / sizeof *distributions; i++)
    cr_bind_code(L, distributions[i].name, f_distribution, m_distribution, (int)i);
}
