/* test_storage.c: dtypes, the allocator, accounts, storages and tensor headers. */
#include "tensor/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const cr_device here = {CR_CPU, 0};

static size_t live(void) {
  return atomic_load(&cr_ctx()->account->live);
}

static void assert_message(const char *part) {
  if (!strstr(cr_error(), part)) fail_msg("'%s' is not in '%s'", part, cr_error());
}

/* ---- dtypes ----------------------------------------------------------------------------- */

static void promotion(void **state) {
  (void)state;
  enum { F32, F64, F16, BF, I8, U8, I16, I32, I64, B };
  static const uint8_t want[CR_NDTYPES][CR_NDTYPES] = {
      {F32, F64, F32, F32, F32, F32, F32, F32, F32, F32},
      {F64, F64, F64, F64, F64, F64, F64, F64, F64, F64},
      {F32, F64, F16, F32, F16, F16, F16, F16, F16, F16},
      {F32, F64, F32, BF, BF, BF, BF, BF, BF, BF},
      {F32, F64, F16, BF, I8, I16, I16, I32, I64, I8},
      {F32, F64, F16, BF, I16, U8, I16, I32, I64, U8},
      {F32, F64, F16, BF, I16, I16, I16, I32, I64, I16},
      {F32, F64, F16, BF, I32, I32, I32, I32, I64, I32},
      {F32, F64, F16, BF, I64, I64, I64, I64, I64, I64},
      {F32, F64, F16, BF, I8, U8, I16, I32, I64, B},
  };
  for (int a = 0; a < CR_NDTYPES; a++)
    for (int b = 0; b < CR_NDTYPES; b++)
      assert_int_equal(cr_promote((cr_dtype)a, (cr_dtype)b), want[a][b]);
}

static void scalars(void **state) {
  (void)state;
  assert_true(cr_scalar_int(cr_num(2.9)) == 2);
  assert_true(cr_scalar_int(cr_num(-2.9)) == -2);
  assert_true(cr_scalar_int(cr_num(1e300)) == INT64_MAX);
  assert_true(cr_scalar_int(cr_num(-1e300)) == INT64_MIN);
  assert_true(cr_scalar_int(cr_num(0.0 / 0.0)) == 0);
  char place[8];
  cr_store_scalar(CR_INT8, place, cr_int(300));
  assert_true(cr_load_scalar(CR_INT8, place).i == 300 - 256);
  cr_store_scalar(CR_BOOL, place, cr_num(0.5));
  assert_true(cr_load_scalar(CR_BOOL, place).i == 1);
  cr_store_scalar(CR_FLOAT16, place, cr_num(1.0 / 3));
  assert_true(cr_load_scalar(CR_FLOAT16, place).d == 0.333251953125);
  cr_store_scalar(CR_BFLOAT16, place, cr_num(1.0 / 3));
  assert_true(cr_load_scalar(CR_BFLOAT16, place).d == 0.333984375);
}

/* ---- the allocator ---------------------------------------------------------------------- */

static void blocks_are_reused(void **state) {
  (void)state;
  cr_memory_release();
  void *a = cr_host_alloc(1 << 20);
  assert_non_null(a);
  assert_int_equal((uintptr_t)a % 64, 0);
  cr_host_free(a, 1 << 20);
  cr_memory_stats m;
  cr_memory(&m);
  assert_int_equal(m.cached, 1 << 20);
  void *b = cr_host_alloc((1 << 20) - 5); /* of the same class */
  assert_ptr_equal(a, b);
  cr_memory(&m);
  assert_int_equal(m.cached, 0);
  cr_host_free(b, (1 << 20) - 5);
  cr_memory_release();
  cr_memory(&m);
  assert_int_equal(m.cached, 0);
}

static void the_cache_is_bounded(void **state) {
  (void)state;
  cr_memory_stats m;
  cr_memory_release();
  for (size_t mb = 1; mb <= 64; mb++) {
    void *p = cr_host_alloc(mb << 20);
    assert_non_null(p);
    cr_host_free(p, mb << 20);
    cr_memory(&m);
    assert_true(m.cached + m.live <= m.peak + m.peak / 4 + ((size_t)64 << 20));
  }
  cr_memory_release();
}

static void odd_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 5000, 65537, 1 << 21, (1 << 21) + 1};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *p = cr_host_alloc(sizes[i]);
    assert_non_null(p);
    memset(p, 1, sizes[i]);
    cr_host_free(p, sizes[i]);
  }
  assert_null(cr_host_alloc(SIZE_MAX / 2));
  cr_host_free(NULL, 10);
}

static void accounts(void **state) {
  (void)state;
  size_t before = live();
  cr_tensor *t = cr_empty_cpu(CR_FLOAT32, 2, (int64_t[]){100, 10});
  assert_true(live() >= before + 4000);
  assert_true(atomic_load(&cr_ctx()->account->peak) >= before + 4000);
  cr_release(t);
  assert_true(live() == before);
}

static void limits(void **state) {
  (void)state;
  cr_account *a = cr_ctx()->account;
  size_t before = live();
  atomic_store(&a->limit, before + 10000);
  cr_tensor *t = cr_empty_cpu(CR_FLOAT32, 1, (int64_t[]){1000});
  assert_non_null(t);
  assert_null(cr_empty_cpu(CR_FLOAT32, 1, (int64_t[]){2000}));
  assert_message("the limit of");
  assert_false(cr_storage_resize(t->storage, 5000));
  atomic_store(&a->limit, 0);
  cr_release(t);
  assert_true(live() == before);
}

/* A tensor that outlives the context it was made in still counts down its account. */
static void accounts_outlive_contexts(void **state) {
  (void)state;
  cr_context *c = cr_context_new();
  cr_context *outer = cr_set_ctx(c);
  cr_tensor *t = cr_empty_cpu(CR_FLOAT32, 1, (int64_t[]){10});
  cr_set_ctx(outer);
  cr_context_free(c);
  cr_release(t);
}

/* ---- storages --------------------------------------------------------------------------- */

static int released;

static void on_release(void *owner, void *data) {
  assert_non_null(data);
  released++;
  *(int *)owner += 1;
}

static void lent_memory(void **state) {
  (void)state;
  float numbers[4] = {1, 2, 3, 4};
  int owner = 0;
  size_t before = live();
  released = 0;
  cr_storage *s = cr_storage_wrap(CR_FLOAT32, numbers, 4, on_release, &owner);
  assert_non_null(s);
  cr_tensor *t = cr_view_storage(s, CR_FLOAT32, 1, 1, (int64_t[]){3}, NULL);
  assert_true(cr_get(t, (int64_t[]){0}).d == 2);
  assert_false(cr_storage_resize(s, 8));
  assert_message("lent");
  assert_false(cr_resize(t, 1, (int64_t[]){10}, NULL));
  cr_tensor *filled = cr_fill(t, cr_num(7));
  assert_ptr_equal(filled, t);
  cr_release(filled);
  assert_true(numbers[0] == 1 && numbers[3] == 7);
  cr_storage_release(s);
  assert_int_equal(released, 0);
  cr_release(t);
  assert_int_equal(released, 1);
  assert_int_equal(owner, 1);
  assert_true(live() == before);
}

static void resizing(void **state) {
  (void)state;
  size_t before = live();
  cr_storage *s = cr_storage_new(CR_INT32, here, 3);
  for (int i = 0; i < 3; i++) ((int32_t *)s->data)[i] = i + 1;
  uint32_t version = atomic_load(&s->version);
  assert_true(cr_storage_resize(s, 2000));
  assert_true(s->size == 2000 && ((int32_t *)s->data)[2] == 3);
  assert_true(atomic_load(&s->version) != version);
  assert_true(cr_storage_resize(s, 1));
  assert_true(s->size == 1 && ((int32_t *)s->data)[0] == 1);
  assert_true(cr_storage_resize(s, 0));
  assert_false(cr_storage_resize(s, -1));
  assert_false(cr_storage_resize(s, INT64_MAX));
  assert_true(s->size == 0);
  cr_storage_release(s);
  cr_storage_release(NULL);
  assert_true(live() == before);
}

static void impossible_sizes(void **state) {
  (void)state;
  int64_t large[] = {INT64_MAX, 2}, many[17] = {0};
  assert_null(cr_empty_cpu(CR_FLOAT32, 2, large));
  assert_null(cr_empty_cpu(CR_FLOAT32, 1, (int64_t[]){-1}));
  assert_message("-1");
  assert_null(cr_empty_cpu(CR_FLOAT32, 17, many));
  assert_null(cr_empty_cpu(CR_FLOAT64, 1, (int64_t[]){INT64_MAX / 4}));
  assert_message("out of memory");
  assert_null(cr_empty_cpu(CR_FLOAT32, 3, (int64_t[]){0, INT64_MAX, 7}));
  cr_tensor *t = cr_empty_cpu(CR_FLOAT32, 3, (int64_t[]){0, INT64_MAX, 1});
  assert_non_null(t);
  assert_true(cr_numel(t) == 0);
  assert_null(cr_view(t, 3, (int64_t[]){INT64_MAX, 7, 0}));
  cr_release(t);
  t = cr_full(CR_FLOAT32, here, 0, NULL, cr_int(1));
  assert_null(cr_expand(t, 2, (int64_t[]){INT64_MAX, 7}));
  assert_message("do not fit");
  cr_release(t);
}

/* ---- headers ---------------------------------------------------------------------------- */

static void views_hold_their_storage(void **state) {
  (void)state;
  size_t before = live();
  cr_tensor *t = cr_arange(CR_FLOAT64, here, 0, 1, 12);
  cr_tensor *v = cr_view(t, 2, (int64_t[]){3, 4});
  cr_tensor *u = cr_transpose(v, 0, 1);
  cr_release(t);
  cr_release(v);
  assert_true(cr_get(u, (int64_t[]){1, 2}).d == 9);
  assert_false(cr_is_contiguous(u));
  cr_release(u);
  assert_true(live() == before);
}

static void views_of_storages(void **state) {
  (void)state;
  cr_storage *s = cr_storage_new(CR_FLOAT32, here, 6);
  assert_null(cr_view_storage(s, CR_FLOAT32, 1, 2, (int64_t[]){2, 3}, NULL));
  assert_message("reaches");
  assert_null(cr_view_storage(s, CR_FLOAT32, -1, 1, (int64_t[]){2}, NULL));
  assert_null(cr_view_storage(s, CR_FLOAT32, 0, 1, (int64_t[]){2}, (int64_t[]){INT64_MAX}));
  assert_null(cr_view_storage(s, CR_FLOAT32, 0, 1, (int64_t[]){3}, (int64_t[]){INT64_MAX}));
  cr_tensor *t = cr_view_storage(s, CR_FLOAT32, 0, 2, (int64_t[]){2, 3}, NULL);
  assert_non_null(t);
  assert_false(cr_set(t, s, 4, 1, (int64_t[]){3}, NULL));
  assert_true(cr_set(t, s, 4, 1, (int64_t[]){2}, NULL));
  assert_true(cr_set(t, NULL, 0, 1, (int64_t[]){0}, NULL));
  assert_true(cr_is_none(t));
  assert_true(cr_resize(t, 2, (int64_t[]){2, 2}, NULL));
  assert_true(cr_numel(t) == 4);
  assert_false(cr_resize(t, 1, (int64_t[]){2}, (int64_t[]){-1}));
  cr_release(t);
  cr_storage_release(s);
}

static void items(void **state) {
  (void)state;
  cr_scalar v;
  cr_tensor *one = cr_scalar_tensor(CR_INT64, here, cr_int(INT64_MAX));
  assert_true(cr_item(one, &v) && v.is_int && v.i == INT64_MAX);
  cr_release(one);
  cr_tensor *two = cr_empty_cpu(CR_INT64, 1, (int64_t[]){2});
  assert_false(cr_item(two, &v));
  assert_message("one element");
  cr_release(two);
}

static void shapes_as_text(void **state) {
  (void)state;
  char s[CR_SHAPE_STR];
  assert_string_equal(cr_shape_str(s, 0, NULL), "scalar");
  assert_string_equal(cr_shape_str(s, 1, (int64_t[]){0}), "empty");
  assert_string_equal(cr_shape_str(s, 3, (int64_t[]){3, 0, 5}), "3x0x5");
  int64_t huge[16];
  for (int d = 0; d < 16; d++) huge[d] = INT64_MAX;
  assert_true(strlen(cr_shape_str(s, 16, huge)) < CR_SHAPE_STR); /* cut off, not overrun */
}

static void broadcasting(void **state) {
  (void)state;
  int n;
  int64_t out[CR_MAX_DIMS];
  assert_true(cr_broadcast("f", 2, (int64_t[]){3, 1}, 3, (int64_t[]){2, 1, 4}, &n, out));
  assert_true(n == 3 && out[0] == 2 && out[1] == 3 && out[2] == 4);
  assert_true(cr_broadcast("f", 0, NULL, 1, (int64_t[]){0}, &n, out));
  assert_true(n == 1 && out[0] == 0);
  assert_true(cr_broadcast("f", 1, (int64_t[]){1}, 1, (int64_t[]){0}, &n, out));
  assert_true(out[0] == 0);
  assert_false(cr_broadcast("f", 1, (int64_t[]){2}, 1, (int64_t[]){0}, &n, out));
  assert_false(cr_broadcast("f", 2, (int64_t[]){3, 4}, 1, (int64_t[]){3}, &n, out));
  assert_message("f: shapes 3x4 and 3");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(promotion),
      cmocka_unit_test(scalars),
      cmocka_unit_test(blocks_are_reused),
      cmocka_unit_test(the_cache_is_bounded),
      cmocka_unit_test(odd_sizes),
      cmocka_unit_test(accounts),
      cmocka_unit_test(limits),
      cmocka_unit_test(accounts_outlive_contexts),
      cmocka_unit_test(lent_memory),
      cmocka_unit_test(resizing),
      cmocka_unit_test(impossible_sizes),
      cmocka_unit_test(views_hold_their_storage),
      cmocka_unit_test(views_of_storages),
      cmocka_unit_test(items),
      cmocka_unit_test(shapes_as_text),
      cmocka_unit_test(broadcasting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
