/* kernels_elementwise.cc: functions of one to three arguments beside the CPU's. */
#include "tests/cuda/kernels.h"

#include <math.h>
#include <memory>
#include <string.h>

/* Shapes and layouts that each operation goes through; n is around the ends of blocks and packs. */
static const sizes lines[] = {{}, {0}, {1}, {2}, {31}, {33}, {255}, {257}, {1025}};

struct arrangement {
  sizes shape;
  enum layout out, a, b, c;
};
static const arrangement arrangements[] = {
    {{70}, SHIFTED, DENSE, DENSE, DENSE},  {{7, 33}, GAPS, TURNED, DENSE, SPREAD},
    {{33, 9}, TURNED, DENSE, GAPS, ROWS},  {{3, 5, 17}, DENSE, SPREAD, TURNED, SINGLE},
    {{300}, DENSE, SINGLE, DENSE, SINGLE}, {{4, 0, 3}, DENSE, DENSE, TURNED, DENSE},
    {{300}, DENSE, DENSE, SINGLE, DENSE},
};

/* Runs `kernel` on both devices through all the shapes: 0 to 2 numbers stand for inputs. */
struct subject {
  std::string name;
  cr_dtype out, in;
  int nin;
  enum values kind;
  tolerance close;
  bool numbers; /* inputs may be numbers */
};

template <typename K>
static void run_one(const subject &s, loop &l, array &out, K kernel, const std::string &where) {
  bool gpu_ok = kernel(gpu, &l.on_gpu), cpu_ok = kernel(cpu, &l.on_cpu);
  compare(out, cpu_ok, gpu_ok, s.close,
          s.name + text(", %s, %s", cr_dtypes[s.in].name, where.c_str()));
}

template <typename K> static void run_arranged(const subject &s, const arrangement &r, K kernel) {
  array out(s.out, r.shape, r.out), a(s.in, r.shape, r.a, s.kind), b(s.in, r.shape, r.b, s.kind);
  array c(s.in, r.shape, r.c, s.kind);
  std::vector<array *> all = {&out, &a, &b, &c};
  all.resize((size_t)s.nin + 1);
  loop l(all);
  if (r.out == GAPS) l.flip(1, 0);
  run_one(s, l, out, kernel,
          text("%s: %s %s %s to %s", text_of(r.shape).c_str(), layout_names[r.a], layout_names[r.b],
               layout_names[r.c], layout_names[r.out]));
}

template <typename K> static void run_number(const subject &s, int which, double value, K kernel) {
  for (int64_t n : {1, 37, 261}) {
    array out(s.out, {n}), a(s.in, {n}, DENSE, s.kind), b(s.in, {n}, DENSE, s.kind);
    array c(s.in, {n}, DENSE, s.kind);
    std::vector<array *> all = {&out, &a, &b, &c};
    all.resize((size_t)s.nin + 1);
    all[(size_t)which] = NULL;
    loop l(all, value);
    run_one(s, l, out, kernel,
            text("%lld with operand %d the number %g", (long long)n, which, value));
  }
}

template <typename K> static void run_in_place(const subject &s, K kernel) {
  array a(s.in, {259}, DENSE, s.kind), b(s.in, {259}, DENSE, s.kind);
  array c(s.in, {259}, DENSE, s.kind);
  std::vector<array *> all = {&a, &a, &b, &c};
  all.resize((size_t)s.nin + 1);
  loop l(all);
  run_one(s, l, a, kernel, "in place");
}

template <typename K> static void run_all(const subject &s, K kernel) {
  for (const sizes &shape : lines) run_arranged(s, {shape, DENSE, DENSE, DENSE, DENSE}, kernel);
  for (const arrangement &r : arrangements) run_arranged(s, r, kernel);
  if (s.out == s.in) run_in_place(s, kernel);
  for (int k = 1; s.numbers && s.nin > 1 && k <= s.nin; k++) {
    run_number(s, k, 2, kernel);
    run_number(s, k, -3, kernel);
  }
}

/* ---- one argument ----------------------------------------------------------------------- */

static bool on_bytes(cr_unary_op op) {
  return op == CR_LOGICAL_NOT || op >= CR_ISNAN;
}

/* Whether the CPU has the function for the type at all. */
template <typename K> static bool is_defined(const subject &s, K kernel) {
  array out(s.out, {1}), a(s.in, {1}, DENSE, SMALL), b(s.in, {1}), c(s.in, {1});
  memset(b.host.data(), 0, b.host.size()), memset(c.host.data(), 0, c.host.size());
  cr_store_scalar(s.in, b.data(), cr_int(1)), cr_store_scalar(s.in, c.data(), cr_int(1));
  std::vector<array *> all = {&out, &a, &b, &c};
  all.resize((size_t)s.nin + 1);
  loop l(all);
  if (kernel(cpu, &l.on_cpu)) return true;
  std::string why = cr_error();
  check(!kernel(gpu, &l.on_gpu) && why == cr_error(), "%s on %s: the CPU says %s, the GPU %s",
        s.name.c_str(), cr_dtypes[s.in].name, why.c_str(), cr_error());
  return false;
}

static void test_unary() {
  for (int op = 0; op < CR_NUNARY; op++) {
    FOR_TYPES(t) {
      cr_dtype out = on_bytes((cr_unary_op)op) ? CR_BOOL : t;
      tolerance close = on_bytes((cr_unary_op)op) ? EXACT : ulps(t, 40);
      subject s = {text("unary %d", op), out, t, 1, SPECIAL, close, false};
      auto kernel = [=](const cr_backend *b, const cr_iter *it) {
        return b->unary((cr_unary_op)op, it);
      };
      if (op == CR_LGAMMA || op == CR_DIGAMMA) s.close = ulps(t, 1000, 1);
      if (is_defined(s, kernel)) run_all(s, kernel);
    }
  }
}

/* ---- two arguments ---------------------------------------------------------------------- */

static bool divides(cr_binary_op op) {
  return op == CR_DIV || op == CR_FLOORDIV || op == CR_REMAINDER || op == CR_FMOD;
}

static void test_binary() {
  for (int op = 0; op < CR_NBINARY; op++) {
    FOR_TYPES(t) {
      bool inexact = op == CR_POW || op == CR_ATAN2;
      subject s = {text("binary %d", op),
                   op >= CR_NARITH ? CR_BOOL : t,
                   t,
                   2,
                   SPECIAL,
                   inexact ? ulps(t, 40) : EXACT,
                   true};
      auto kernel = [=](const cr_backend *b, const cr_iter *it) {
        return b->binary((cr_binary_op)op, it);
      };
      if (!is_defined(s, kernel)) continue;
      if (!cr_is_float(t) && divides((cr_binary_op)op)) continue; /* below */
      run_all(s, kernel);
      if (op == CR_EQ) s.out = CR_UINT8, run_all(s, kernel);
    }
  }
}

/* Divisors that are 0 are refused, but the other elements are there. */
template <typename K>
static void compare_division(const std::string &name, cr_dtype t, int nin, bool zeros, K kernel) {
  array out(t, {300}, zeros ? GAPS : DENSE), a(t, {300}), b(t, {300}), c(t, {300});
  array &divisor = nin == 2 ? b : c;
  bytes before = out.host;
  std::vector<bool> refused(300);
  std::vector<array *> all = {&out, &a, &b, &c};
  size_t size = cr_sizeof(t);
  all.resize((size_t)nin + 1);
  for (size_t i = 0; i < 300; i++) {
    char *p = divisor.data() + i * size;
    bool zero = cr_load_scalar(t, p).i == 0;
    refused[i] = zeros && (zero || i % 100 == 7);
    if (refused[i]) cr_store_scalar(t, p, cr_int(0));
    if (!refused[i] && zero) cr_store_scalar(t, p, cr_int(-1));
  }
  loop l(all);
  bool gpu_ok = kernel(gpu, &l.on_gpu) && synchronize();
  std::string message = gpu_ok ? "" : cr_error();
  check(gpu_ok == !zeros && (gpu_ok || message.find("division by zero") != std::string::npos),
        "%s, %s: %s", name.c_str(), cr_dtypes[t].name, gpu_ok ? "not refused" : message.c_str());
  for (size_t i = 0; i < 300; i++) {
    if (refused[i]) cr_store_scalar(t, divisor.data() + i * size, cr_int(1));
  }
  bool cpu_ok = kernel(cpu, &l.on_cpu);
  for (size_t i = 0; i < 300; i++) {
    size_t at = (size_t)(out.data() - out.host.data()) + i * (size_t)out.stride[0] * size;
    if (refused[i]) memcpy(&out.host[at], &before[at], size);
  }
  compare(out, cpu_ok, true, EXACT, name + ", " + cr_dtypes[t].name);
}

static void test_divisions() {
  FOR_TYPES(t) {
    if (cr_is_float(t) || t == CR_BOOL) continue;
    for (int zeros = 0; zeros < 2; zeros++) {
      for (cr_binary_op op : {CR_DIV, CR_FLOORDIV, CR_REMAINDER, CR_FMOD})
        compare_division(text("division %d", op), t, 2, zeros,
                         [=](const cr_backend *b, const cr_iter *it) { return b->binary(op, it); });
      compare_division("addcdiv", t, 3, zeros, [](const cr_backend *b, const cr_iter *it) {
        return b->pointwise(CR_ADDCDIV, it, 3, 0);
      });
    }
  }
}

/* ---- fused loops ------------------------------------------------------------------------ */

static int inputs_of(int op) {
  switch (op) {
  case CR_ADDCMUL:
  case CR_ADDCDIV:
  case CR_BLEND:
  case CR_BAND:
  case CR_PRELU: return 3;
  case CR_CLAMP:
  case CR_THRESHOLD:
  case CR_BEYOND:
  case CR_NUMBER:
  case CR_HARDSIGMOID:
  case CR_HARDSWISH: return 1;
  default: return 2;
  }
}

static bool is_exact(int op) {
  return op == CR_CLAMP || op == CR_THRESHOLD || op == CR_THRESHOLD_BACKWARD || op == CR_LEAKY ||
         op == CR_BAND || op == CR_BEYOND || op == CR_NUMBER || op == CR_PRELU;
}

static void test_pointwise() {
  const double numbers[][2] = {{2, -1.5}, {-1, 1}, {-200, 300}, {0.3, 0.9}};
  for (int op = 0; op < CR_NPOINTWISE; op++) {
    FOR_TYPES(t) {
      for (const double *st : numbers) {
        /* sums of products may be rounded once or twice, and cancel */
        subject s = {text("pointwise %d, %g %g", op, st[0], st[1]), t,   t, inputs_of(op), PLAIN,
                     ulps(t, 40, fabs(st[0]) + fabs(st[1])),        true};
        if (t == CR_FLOAT16) s.close.near = 1; /* float32's rounding before cancelling */
        auto kernel = [=](const cr_backend *b, const cr_iter *it) {
          return b->pointwise((cr_pointwise_op)op, it, st[0], st[1]);
        };
        if (op == CR_ADDCDIV && !cr_is_float(t)) continue;
        if (!is_defined(s, kernel)) continue;
        run_all(s, kernel);
        s.kind = SPECIAL;
        if (is_exact(op)) s.close = EXACT, run_all(s, kernel);
      }
    }
  }
}

static void compare_where(cr_dtype t, cr_dtype mask, const arrangement &r, int number) {
  array out(t, r.shape, r.out), m(mask, r.shape, r.a, SMALL), a(t, r.shape, r.b, SPECIAL);
  array b(t, r.shape, r.c, SPECIAL);
  std::vector<array *> all = {&out, &m, &a, &b};
  if (number) all[(size_t)number] = NULL;
  loop l(all, 1.5);
  bool gpu_ok = gpu->where(&l.on_gpu), cpu_ok = cpu->where(&l.on_cpu);
  compare(
      out, cpu_ok, gpu_ok, EXACT,
      text("where, %s, %s, %s", cr_dtypes[t].name, cr_dtypes[mask].name, text_of(r.shape).c_str()));
}

static void test_where() {
  FOR_TYPES(t) {
    for (cr_dtype mask : {CR_BOOL, CR_UINT8}) {
      for (const sizes &shape : lines)
        compare_where(t, mask, {shape, DENSE, DENSE, DENSE, DENSE}, 0);
      for (const arrangement &r : arrangements) compare_where(t, mask, r, 0);
      compare_where(t, mask, {{261}, DENSE, DENSE, DENSE, DENSE}, 2);
      compare_where(t, mask, {{261}, DENSE, DENSE, DENSE, DENSE}, 3);
    }
  }
}

static void test_special() {
  for (int op = 0; op < CR_NSPECIAL; op++) {
    FOR_TYPES(t) {
      for (double order : {1, 2, 5}) {
        subject s = {text("special %d", op), t,   t, op >= CR_HYPOT ? 2 : 1, SPECIAL,
                     ulps(t, 100),           true};
        auto kernel = [=](const cr_backend *b, const cr_iter *it) {
          return b->special((cr_special_op)op, it, order);
        };
        if (is_defined(s, kernel)) run_all(s, kernel);
        if (op != CR_POLYGAMMA) break;
      }
    }
  }
}

/* ---- steps of optimizers ---------------------------------------------------------------- */

static cr_update_args numbers_for(cr_update_rule rule, int states) {
  bool lion = rule == CR_UPDATE_LION;
  cr_update_args a = {};
  a.rate = 0.1, a.sign = -1, a.decay = lion ? 0 : 0.25, a.shrink = lion ? 0.9 : 1;
  a.keep = 0.9, a.take = 0.2, a.keep2 = lion ? 0.1 : 3, a.take2 = lion ? 0.9 : 0.05;
  a.root = 1.5, a.eps = 0.01, a.nesterov = states & 8;
  return a;
}

/* Numbers as a graph has them: in the GPU's memory, and others beside them that nobody may use. */
struct numbers_there {
  array place;
  cr_update_args args;
  explicit numbers_there(const cr_update_args &a) : place(CR_UINT8, {sizeof a}), args(a) {
    memcpy(place.data(), &a, sizeof a);
    place.upload();
    args.rate = args.keep = args.take = args.keep2 = args.take2 = args.shrink = args.eps = 77;
    args.sign = args.decay = args.root = -3, args.nesterov = !a.nesterov;
    args.now = (const cr_update_args *)(const void *)place.on_device(place.data());
  }
};

static bool has_numbers(cr_update_rule rule) {
  return rule < CR_UPDATE_SCALE;
}

/* States are near 1, so that no root's argument comes near 0. */
static void compare_update(cr_update_rule rule, int states, cr_dtype t, const sizes &shape,
                           enum layout how, enum layout gradient) {
  array p(t, shape, how, NEAR_ONE), g(t, shape, gradient), s0(t, shape, how, NEAR_ONE);
  array s1(t, shape, DENSE, NEAR_ONE), s2(t, shape, how, NEAR_ONE);
  cr_update_args a = numbers_for(rule, states);
  for (int i = 0; i < 3; i++) a.has[i] = states >> i & 1;
  std::vector<array *> all = {&p, &g, a.has[0] ? &s0 : &p, a.has[1] ? &s1 : &p,
                              a.has[2] ? &s2 : &p};
  loop l(all);
  numbers_there there(a);
  bool in_graph = has_numbers(rule) && how == GAPS;
  bool gpu_ok = gpu->update(rule, &l.on_gpu, in_graph ? &there.args : &a);
  bool cpu_ok = cpu->update(rule, &l.on_cpu, &a);
  std::string what =
      text("update %d with states %d, %s, %s, %s and %s", rule, states, cr_dtypes[t].name,
           text_of(shape).c_str(), layout_names[how], layout_names[gradient]);
  array *written[] = {&p, &s0, &s1, &s2};
  for (int i = 0; i < 4; i++)
    if (i == 0 || a.has[i - 1]) compare(*written[i], cpu_ok, gpu_ok, ulps(t, 40, 1), what);
}

/* Many parameters in one call, of which the last are of no, of one, and of many elements. */
static void compare_runs(cr_update_rule rule, int states, cr_dtype t, bool in_graph) {
  cr_update_args a = numbers_for(rule, states);
  std::vector<std::unique_ptr<array>> held;
  std::vector<cr_run> on_cpu, on_gpu;
  for (int i = 0; i < 3; i++) a.has[i] = states >> i & 1;
  for (int i = 0; i < 80; i++) {
    int64_t n = i == 77 ? 0 : i == 78 ? 1 : i == 79 ? 50000 : pick(1, 9000);
    cr_run c = {n, {}}, g = {n, {}};
    for (int k = 0; k < 5; k++) {
      if (k > 1 && !a.has[k - 2]) continue;
      if (k == 1 && rule >= CR_UPDATE_SCALE) continue;
      held.emplace_back(new array(t, {n}, i % 2 ? SHIFTED : DENSE, NEAR_ONE));
      array &x = *held.back();
      x.upload();
      c.data[k] = x.data(), g.data[k] = x.on_device(x.data());
    }
    on_cpu.push_back(c), on_gpu.push_back(g);
  }
  cr_runs c = {(int)on_cpu.size(), t, on_cpu.data()}, g = {(int)on_gpu.size(), t, on_gpu.data()};
  numbers_there there(a);
  bool gpu_ok = gpu->update_runs(rule, &g, in_graph ? &there.args : &a);
  bool cpu_ok = cpu->update_runs(rule, &c, &a);
  std::string what = text("update %d of many with states %d, %s", rule, states, cr_dtypes[t].name);
  for (auto &x : held) compare(*x, cpu_ok, gpu_ok, ulps(t, 40, 1), what);
}

/* Sums of squares, and the scaling that reads them and says what is out of bounds. */
static void compare_clip(cr_dtype t, bool one_is_infinite) {
  array sums(CR_FLOAT64, {2}), beyond(CR_UINT8, {1}), few(t, {9000}), many(t, {70000});
  if (one_is_infinite) cr_store_scalar(t, many.data() + 65432 * cr_sizeof(t), cr_num(INFINITY));
  memset(beyond.data(), 0, 1);
  sums.upload(), beyond.upload(), few.upload(), many.upload();
  cr_run c[2] = {{9000, {few.data()}}, {70000, {many.data()}}};
  cr_run g[2] = {{9000, {few.on_device(few.data())}}, {70000, {many.on_device(many.data())}}};
  cr_runs on_cpu = {2, t, c}, on_gpu = {2, t, g}, first_c = {1, t, c}, first_g = {1, t, g};
  double *sum_c = (double *)(void *)sums.data(), *sum_g = (double *)sums.on_device(sum_c);
  bool cpu_ok = cpu->squares(&on_cpu, sum_c) && cpu->squares(&first_c, sum_c + 1);
  bool gpu_ok = gpu->squares(&on_gpu, sum_g) && gpu->squares(&first_g, sum_g + 1);
  std::string what = text("squares, %s", cr_dtypes[t].name);
  if (!one_is_infinite) compare(sums, cpu_ok, gpu_ok, {1e-13, 0}, what);
  cr_update_args a = {};
  a.rate = one_is_infinite ? 0.5 : 3, a.bound = 1e30, a.eps = 1e-6;
  a.squares = one_is_infinite ? NULL : sum_c, a.nsquares = 2, a.beyond = (uint8_t *)beyond.data();
  cpu_ok = cpu->update_runs(CR_UPDATE_SCALE, &on_cpu, &a);
  a.squares = one_is_infinite ? NULL : sum_g, a.beyond = (uint8_t *)beyond.on_device(beyond.data());
  gpu_ok = gpu->update_runs(CR_UPDATE_SCALE, &on_gpu, &a);
  compare(few, cpu_ok, gpu_ok, ulps(t, 40), what + ", scaled");
  compare(many, cpu_ok, gpu_ok, ulps(t, 40), what + ", scaled");
  compare(beyond, cpu_ok, gpu_ok, EXACT, what + ", out of bounds");
}

static void test_update() {
  static const struct {
    cr_update_rule rule;
    int states; /* bits; 8: Nesterov */
  } variants[] = {{CR_UPDATE_SGD, 0},     {CR_UPDATE_SGD, 1},     {CR_UPDATE_SGD, 9},
                  {CR_UPDATE_ADAM, 3},    {CR_UPDATE_ADAM, 7},    {CR_UPDATE_RMSPROP, 1},
                  {CR_UPDATE_RMSPROP, 3}, {CR_UPDATE_RMSPROP, 5}, {CR_UPDATE_RMSPROP, 7},
                  {CR_UPDATE_ADAGRAD, 1}, {CR_UPDATE_LION, 1},    {CR_UPDATE_AVERAGE, 0},
                  {CR_UPDATE_SCALE, 0},   {CR_UPDATE_ZERO, 0}};
  for (auto v : variants) {
    for (cr_dtype t : {CR_FLOAT32, CR_FLOAT64, CR_FLOAT16, CR_BFLOAT16}) {
      for (const sizes &shape : lines) compare_update(v.rule, v.states, t, shape, DENSE, DENSE);
      compare_update(v.rule, v.states, t, {70}, SHIFTED, DENSE);
      compare_update(v.rule, v.states, t, {7, 33}, GAPS, TURNED);
      compare_update(v.rule, v.states, t, {33, 9}, TURNED, DENSE);
      compare_update(v.rule, v.states, t, {3, 5, 17}, DENSE, SPREAD);
      compare_runs(v.rule, v.states, t, false);
      if (has_numbers(v.rule)) compare_runs(v.rule, v.states, t, true);
    }
  }
  for (cr_dtype t : {CR_FLOAT32, CR_FLOAT64, CR_FLOAT16, CR_BFLOAT16}) {
    compare_clip(t, false);
    compare_clip(t, true);
  }
}

void test_elementwise() {
  test_update();
  test_unary();
  test_binary();
  test_divisions();
  test_pointwise();
  test_where();
  test_special();
  /* large ones, through all blocks of a grid */
  FOR_TYPES(t) {
    subject s = {"add", t, t, 2, PLAIN, EXACT, true};
    auto add = [](const cr_backend *b, const cr_iter *it) { return b->binary(CR_ADD, it); };
    run_arranged(s, {{70000}, DENSE, DENSE, DENSE, DENSE}, add);
    run_arranged(s, {{200, 351}, DENSE, TURNED, DENSE, DENSE}, add);
  }
}
