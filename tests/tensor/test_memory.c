/* test_memory.c: a representative program with every single allocation failing in turn: each
 * failure is an ordinary error with a message, and nothing is lost. */
#include "nn/nn.h"
#include "tensor/autograd.h"

#include "tests/tensor/faults.h"

static const cr_device here = {CR_CPU, 0};

static cr_tensor *numbers(int64_t rows, int64_t columns) {
  cr_tensor *t = cr_arange(CR_FLOAT64, here, 0.5, 0.25, rows * columns);
  if (!t) return NULL;
  CR_AUTO flat = t;
  CR_AUTO v = cr_view(flat, 2, (int64_t[]){rows, columns});
  return cr_clone(v);
}

static cr_tensor *parameter(int64_t rows, int64_t columns) {
  cr_tensor *t = numbers(rows, columns);
  if (t && !cr_set_requires_grad(t, true)) {
    cr_release(t);
    return NULL;
  }
  return t;
}

static bool views(void) {
  CR_AUTO x = numbers(4, 6);
  CR_AUTO a = cr_narrow(x, 0, 1, 2);
  CR_AUTO b = cr_select(x, 1, 2);
  CR_AUTO c = cr_transpose(x, 0, 1);
  CR_AUTO d = cr_reshape(c, 1, (int64_t[]){24});
  CR_AUTO e = cr_unfold(x, 1, 3, 1);
  CR_AUTO f = cr_expand(b, 2, (int64_t[]){5, 4});
  CR_AUTO g = cr_unsqueeze(a, 0);
  CR_AUTO h = cr_squeeze(g, 0);
  CR_AUTO i = cr_diagonal(x, 1);
  CR_AUTO j = cr_cast(c, CR_FLOAT32);
  return a && b && c && d && e && f && g && h && i && j;
}

static bool arithmetic(void) {
  CR_AUTO x = numbers(70, 80);
  CR_AUTO y = cr_transpose(x, 0, 1);
  CR_AUTO i = cr_cast(x, CR_INT32);
  CR_AUTO a = cr_binary(CR_ADD, x, i, NULL);
  CR_AUTO b = cr_unary(CR_EXP, y, NULL);
  CR_AUTO c = cr_mm(x, y, NULL);
  CR_AUTO d = cr_reduce(CR_SUM, x, 1, (int[]){0}, false, NULL);
  CR_AUTO e = cr_norm(x, 3, 1, (int[]){1}, true);
  CR_AUTO f = cr_var(x, -1, NULL, false, 1, true);
  CR_AUTO g = cr_scan(CR_SUM, x, 1, NULL);
  CR_AUTO h = cr_addcmul(x, cr_num(2), x, d, NULL);
  CR_AUTO k = cr_binary_scalar(CR_MUL, i, cr_num(0.5), NULL);
  CR_AUTO into = cr_mm(x, y, x);
  cr_tensor *values = NULL, *places = NULL;
  bool ok = cr_sort(x, 1, true, &values, &places);
  cr_release(values);
  cr_release(places);
  ok = ok && cr_max_dim(x, 0, false, false, &values, &places);
  if (ok) {
    cr_release(values);
    cr_release(places);
  }
  return ok && a && b && c && d && e && f && g && h && k && into;
}

static bool indexing(void) {
  CR_AUTO x = numbers(5, 6);
  CR_AUTO xt = cr_transpose(x, 0, 1);
  CR_AUTO at = cr_arange(CR_INT64, here, 0, 1, 5);
  CR_AUTO part = cr_index_select(xt, 0, at, NULL);
  CR_AUTO mask = cr_binary_scalar(CR_GT, xt, cr_num(3), NULL);
  CR_AUTO chosen = cr_masked_select(xt, mask, NULL);
  CR_AUTO where = cr_nonzero(xt);
  CR_AUTO filled = cr_masked_fill(xt, mask, cr_num(0));
  CR_AUTO copied = cr_masked_copy(xt, mask, x);
  CR_AUTO added = cr_index_add(xt, 0, at, part, 2);
  CR_AUTO put = cr_index_copy(xt, 0, at, part);
  CR_AUTO set = cr_index_fill(xt, 0, at, cr_num(1));
  CR_AUTO joined = cr_cat(2, (cr_tensor *[]){x, x}, 1);
  CR_AUTO stacked = cr_stack(2, (cr_tensor *[]){x, xt ? x : NULL}, 0);
  CR_AUTO order = cr_randperm(CR_INT64, 10);
  CR_AUTO random = cr_random(CR_NORMAL, xt, 0, 1);
  return part && chosen && where && filled && copied && added && put && set && joined && stacked &&
         order && random;
}

static bool training_step(void) {
  CR_AUTO x = numbers(3, 4);
  CR_AUTO w = parameter(2, 4);
  CR_AUTO b = parameter(1, 2);
  CR_AUTO v = w && b ? cr_retain(w) : NULL;
  CR_AUTO bias = cr_squeeze(b, 0);
  CR_AUTO h = cr_linear(x, v, bias);
  CR_AUTO t = cr_unary(CR_TANH, h, NULL);
  CR_AUTO p = cr_log_softmax(t, 1);
  CR_AUTO target = cr_full(CR_INT64, here, 1, (int64_t[]){3}, cr_int(1));
  CR_AUTO loss = p && target ? cr_nll_loss(p, target, NULL, -100, true) : NULL;
  if (!loss || !cr_backward(1, &loss, NULL, NULL)) return false;
  CR_AUTO step = cr_axpby(cr_int(1), w, cr_num(-0.1), cr_grad(w), w);
  return step != NULL;
}

static bool writes_through_views(void) {
  CR_AUTO w = parameter(3, 4);
  CR_AUTO y = cr_mul_num(w, 2);
  CR_AUTO part = cr_narrow(y, 1, 1, 2);
  CR_AUTO doubled = part ? cr_binary_scalar(CR_MUL, part, cr_num(3), part) : NULL;
  CR_AUTO column = cr_select(y, 1, 0);
  CR_AUTO sine = column ? cr_unary(CR_SIN, column, column) : NULL;
  CR_AUTO square = doubled && sine ? cr_mul(y, y) : NULL;
  CR_AUTO loss = cr_sum(square);
  return loss && cr_backward(1, &loss, NULL, NULL);
}

static bool second_order(void) {
  CR_AUTO w = parameter(2, 3);
  CR_AUTO wt = cr_transpose(w, 0, 1);
  CR_AUTO m = cr_mm(w, wt, NULL);
  CR_AUTO e = cr_unary(CR_SIGMOID, m, NULL);
  CR_AUTO part = cr_unfold(e, 1, 2, 1);
  CR_AUTO loss = cr_sum(part);
  cr_tensor *g = NULL;
  cr_backward_opts opts = {.create_graph = true, .ninputs = 1, .inputs = &w, .result = &g};
  if (!loss || !cr_backward(1, &loss, NULL, &opts)) return false;
  CR_AUTO grad = g;
  CR_AUTO square = cr_mul(grad, grad);
  CR_AUTO total = cr_sum(square);
  return total && cr_backward(1, &total, NULL, NULL);
}

static bool convolution(void) {
  CR_AUTO w = parameter(2, 9);
  CR_AUTO kernel = cr_view(w, 4, (int64_t[]){2, 1, 3, 3});
  CR_AUTO flat = numbers(2, 36);
  CR_AUTO x = cr_view(flat, 4, (int64_t[]){2, 1, 6, 6});
  cr_conv2d_args conv = {.stride = {1, 1}, .pad = {1, 1}, .dilation = {1, 1}, .groups = 1};
  CR_AUTO y = x && kernel ? cr_conv2d(x, kernel, NULL, &conv) : NULL;
  cr_pool2d_args pool = {.kernel = {2, 2}, .stride = {2, 2}};
  CR_AUTO z = y ? cr_max_pool2d(y, &pool, NULL) : NULL;
  CR_AUTO mean = cr_full(CR_FLOAT64, here, 1, (int64_t[]){2}, cr_num(0));
  CR_AUTO var = cr_full(CR_FLOAT64, here, 1, (int64_t[]){2}, cr_num(1));
  CR_AUTO n = z && mean && var ? cr_batch_norm(z, NULL, NULL, mean, var, true, 0.1, 1e-5) : NULL;
  CR_AUTO square = cr_mul(n, n);
  CR_AUTO loss = cr_sum(square);
  return loss && cr_backward(1, &loss, NULL, NULL);
}

#define FAILING(name)                                                                              \
  static void failing_##name(void **state) {                                                       \
    (void)state;                                                                                   \
    with_failures(name);                                                                           \
  }
FAILING(views)
FAILING(arithmetic)
FAILING(indexing)
FAILING(training_step)
FAILING(writes_through_views)
FAILING(second_order)
FAILING(convolution)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(failing_views),        cmocka_unit_test(failing_arithmetic),
      cmocka_unit_test(failing_indexing),     cmocka_unit_test(failing_training_step),
      cmocka_unit_test(failing_second_order), cmocka_unit_test(failing_writes_through_views),
      cmocka_unit_test(failing_convolution),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
