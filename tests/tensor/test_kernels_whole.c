/* test_kernels_whole.c: the CPU kernels that are not elementwise: reductions, scans, sorting,
 * indexing, products and random fills, against plain loops. */
#include "tensor/ops.h"
#include "tests/tensor/kernels.h"

/* ---- reductions ------------------------------------------------------------------------- */

static bool in_set(int d, unsigned set) {
  return set >> d & 1;
}

/* The flat positions, in row-major order, of the elements that output `o` is made from. */
static int64_t members(const cr_tensor *in, unsigned set, int64_t o, int64_t *flat) {
  int64_t n = 0, total = cr_numel(in);
  for (int64_t i = 0; i < total; i++) {
    int64_t rest = i, kept = 0, step = 1;
    for (int d = in->ndim - 1; d >= 0; d--) {
      int64_t k = rest % in->shape[d];
      rest /= in->shape[d];
      if (in_set(d, set)) continue;
      kept += k * step;
      step *= in->shape[d];
    }
    if (kept == o) flat[n++] = i;
  }
  return n;
}

typedef struct {
  double value, size; /* size: of the numbers that were added, for the tolerance */
  int64_t exact;
} reduced;

static reduced ref_reduce(cr_reduce_op op, const cr_tensor *in, int64_t n, const int64_t *flat) {
  bool product = op == CR_PROD;
  reduced r = {product, 0, product};
  int64_t best = 0, count = 0;
  for (int64_t i = 0; i < n; i++) {
    double x = get(in, flat[i]), b = n ? get(in, flat[best]) : 0;
    uint64_t k = (uint64_t)geti(in, flat[i]);
    bool larger = op == CR_AMAX || op == CR_ARGMAX ? x > b : x < b;
    count += x != 0;
    if ((larger && !isnan(b)) || (isnan(x) && !isnan(b))) best = i;
    r.size += op == CR_SUMSQ ? x * x : fabs(x);
    r.exact = (int64_t)(product ? (uint64_t)r.exact * k : (uint64_t)r.exact + k);
    r.value = product ? r.value * x
                      : r.value + (op == CR_SUMSQ    ? x * x
                                   : op == CR_SUMABS ? fabs(x)
                                                     : x);
  }
  if (product) r.size = fabs(r.value) * 10;
  switch (op) {
  case CR_AMAX:
  case CR_AMIN: r.value = get(in, flat[best]), r.exact = (int64_t)geti(in, flat[best]); break;
  case CR_ARGMAX:
  case CR_ARGMIN: r.exact = best; break;
  case CR_ALL: r.exact = count == n; break;
  case CR_ANY: r.exact = count > 0; break;
  case CR_COUNT_NONZERO: r.exact = count; break;
  default: break;
  }
  return r;
}

static cr_dtype out_type(cr_reduce_op op, cr_dtype t, bool wide) {
  if (op == CR_ALL || op == CR_ANY) return CR_BOOL;
  if (op == CR_ARGMAX || op == CR_ARGMIN || op == CR_COUNT_NONZERO) return CR_INT64;
  return wide && op <= CR_PROD && !cr_is_float(t) ? CR_INT64 : t;
}

static void check_reduce(cr_reduce_op op, cr_tensor *in, unsigned set, cr_tensor *out) {
  static int64_t flat[200000];
  int dims[CR_MAX_DIMS], ndims = 0;
  for (int d = 0; d < in->ndim; d++) {
    if (in_set(d, set)) dims[ndims++] = d;
  }
  cr_reduction r;
  cr_reduction_make(&r, out, in, ndims, dims);
  bool needs = op >= CR_AMAX && op <= CR_ARGMIN && r.nin == 0 && r.nout > 0;
  assert_int_equal(cpu->reduce(op, &r), !needs);
  int64_t step = cr_numel(out) / 23 + 1; /* the reference is slow */
  for (int64_t o = 0; !needs && o < cr_numel(out); o += step) {
    reduced want = ref_reduce(op, in, members(in, set, o, flat), flat);
    cr_dtype t = (cr_dtype)out->dtype;
    if (!cr_is_float(t)) {
      NEAR(CR_FLOAT64, get(out, o), as_stored(t, cr_int(want.exact)), 0, "reduce %d of %s set %u",
           op, cr_dtypes[in->dtype].name, set);
    } else if (!(fabs(get(out, o) - want.value) <= epsilon(t) * (want.size + fabs(want.value)))) {
      NEAR(t, get(out, o), want.value, 2, "reduce %d of %s set %u", op, cr_dtypes[in->dtype].name,
           set);
    }
  }
}

static void one_reduction(cr_reduce_op op, cr_dtype t, int s, unsigned set, layout how, bool nan) {
  int64_t shape[CR_MAX_DIMS];
  cr_tensor *in = make(t, how, shapes[s].ndim, shapes[s].shape);
  for (int d = 0; d < in->ndim; d++) shape[d] = in_set(d, set) ? 1 : in->shape[d];
  cr_tensor *out = make(out_type(op, t, set & 1), set & 2 ? STRIDED : CONTIGUOUS, in->ndim, shape);
  for (int64_t i = 0; op == CR_PROD && cr_is_float(t) && i < cr_numel(in); i++) {
    put(in, i, cr_num(i % 3 ? 1.0 : i % 2 ? -0.5 : -2.0));
  }
  for (int64_t i = 0; op == CR_ALL && i < cr_numel(in); i++) put(in, i, cr_int(i % 29 != 3));
  for (int64_t i = 5; nan && i < cr_numel(in); i += 11) put(in, i, cr_num(NAN));
  check_reduce(op, in, set, out);
  cr_release(in);
  cr_release(out);
}

static void test_reduce(void **unused) {
  (void)unused;
  for (int k = 0; k < CR_NREDUCE * CR_NDTYPES * (NSHAPES - 1); k++) {
    cr_reduce_op op = (cr_reduce_op)(k % CR_NREDUCE);
    cr_dtype t = (cr_dtype)(k / CR_NREDUCE % CR_NDTYPES);
    int s = k / CR_NREDUCE / CR_NDTYPES;
    if ((op == CR_SUMSQ || op == CR_SUMABS) && !cr_is_float(t)) continue;
    for (unsigned set = 0; set < 1u << shapes[s].ndim; set++) {
      for (int how = 0; how < NLAYOUTS; how++) {
        one_reduction(op, t, s, set, (layout)how, false);
        if (cr_is_float(t) && op >= CR_AMAX && op <= CR_ARGMIN) {
          one_reduction(op, t, s, set, (layout)how, true);
        }
      }
    }
  }
}

/* Large enough to be split; the same bits whatever the number of threads. */
static void test_reduce_large(void **unused) {
  (void)unused;
  static const int64_t sizes[][2] = {{1, 3000017}, {200003, 9}, {5, 400009}, {3000, 1100}};
  static const cr_dtype types[] = {CR_FLOAT32, CR_FLOAT64, CR_FLOAT16, CR_BFLOAT16};
  for (int k = 0; k < 4 * 2 * 4 * 4; k++) {
    int s = k % 4, d = k / 4 % 2;
    cr_reduce_op op = (cr_reduce_op[]){CR_SUM, CR_SUMSQ, CR_ARGMAX, CR_AMIN}[k / 8 % 4];
    cr_dtype t = types[k / 32];
    if (t == CR_FLOAT16 && op == CR_SUMSQ) continue; /* too large for it */
    int64_t shape[] = {d == 0 ? 1 : sizes[s][0], d == 1 ? 1 : sizes[s][1]};
    cr_tensor *in = make(t, CONTIGUOUS, 2, sizes[s]);
    cr_tensor *out = make(out_type(op, t, false), CONTIGUOUS, 2, shape);
    cr_tensor *again = make(out_type(op, t, false), CONTIGUOUS, 2, shape);
    cr_reduction r;
    cr_reduction_make(&r, out, in, 1, &d);
    set_threads(1);
    assert_true(cpu->reduce(op, &r));
    cr_reduction_make(&r, again, in, 1, &d);
    set_threads(0);
    assert_true(cpu->reduce(op, &r));
    size_t bytes = (size_t)cr_numel(out) * cr_sizeof((cr_dtype)out->dtype);
    assert_memory_equal(cr_data(out), cr_data(again), bytes);
    int64_t o = cr_numel(out) / 2, n = sizes[s][d], at = 0;
    double sum = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
      double x = get(in, d == 0 ? i * sizes[s][1] + o : o * sizes[s][1] + i);
      double b = get(in, d == 0 ? at * sizes[s][1] + o : o * sizes[s][1] + at);
      if (op == CR_AMIN ? x < b : x > b) at = i;
      sum += op == CR_SUM ? x : x * x;
      size += op == CR_SUM ? fabs(x) : x * x;
    }
    double b = get(in, d == 0 ? at * sizes[s][1] + o : o * sizes[s][1] + at);
    double want = op == CR_ARGMAX ? (double)at : op == CR_AMIN ? b : sum;
    assert_true(fabs(get(out, o) - want) <= 1e-13 * size + epsilon(t) * fabs(want));
    cr_release(in);
    cr_release(out);
    cr_release(again);
  }
}

/* ---- scans and sorting ------------------------------------------------------------------ */

/* Without dimension d: the loop over the lines along it. */
static void line_iter(cr_iter *it, int d, int n, cr_tensor *const *t) {
  cr_tensor *cut[3] = {0};
  for (int k = 0; k < n; k++) {
    int64_t shape[CR_MAX_DIMS], stride[CR_MAX_DIMS];
    int ndim = 0;
    for (int i = 0; i < t[k]->ndim; i++) {
      if (i == d) continue;
      shape[ndim] = t[k]->shape[i];
      stride[ndim++] = t[k]->stride[i];
    }
    cut[k] =
        cr_view_storage(t[k]->storage, (cr_dtype)t[k]->dtype, t[k]->offset, ndim, shape, stride);
  }
  cr_iter_make(it, cut[0], n - 1, cut + 1);
  for (int k = 0; k < n; k++) cr_release(cut[k]);
}

static int64_t byte_stride(const cr_tensor *t, int d) {
  return t->stride[d] * (int64_t)cr_sizeof((cr_dtype)t->dtype);
}

/* Row-major position of the element before flat position i along d, or -1. */
static int64_t before(const cr_tensor *t, int d, int64_t i) {
  int64_t step = 1;
  for (int k = t->ndim - 1; k > d; k--) step *= t->shape[k];
  return i / step % t->shape[d] ? i - step : -1;
}

static void test_scan(void **unused) {
  (void)unused;
  for (int k = 0; k < CR_BOOL * NSHAPES * NLAYOUTS; k++) {
    cr_dtype t = (cr_dtype)(k % CR_BOOL);
    int s = k / CR_BOOL % NSHAPES, how = k / CR_BOOL / NSHAPES;
    for (int d = 0; d < shapes[s].ndim; d++) {
      cr_tensor *in = make(t, (layout)how, shapes[s].ndim, shapes[s].shape);
      cr_tensor *out = make(t, (layout)(how % NOUT_LAYOUTS), shapes[s].ndim, shapes[s].shape);
      cr_iter it;
      line_iter(&it, d, 2, (cr_tensor *[]){out, in});
      assert_true(cpu->scan(CR_SUM, &it, in->shape[d], byte_stride(out, d), byte_stride(in, d)));
      for (int64_t i = 0; i < cr_numel(in); i++) {
        int64_t b = before(in, d, i);
        double x = (b < 0 ? 0 : get(out, b)) + get(in, i);
        if (!cr_is_float(t)) x = as_stored(t, cr_int((int64_t)x));
        if (fabs(get(out, i) - x) > epsilon(t) * 2000) NEAR(t, get(out, i), x, 2, "scan");
      }
      cr_release(in);
      cr_release(out);
    }
  }
}

/* Lines longer than a kernel's block, along and across, against one plain loop each. */
static void test_long_scan(void **unused) {
  (void)unused;
  static const int64_t long_shapes[][2] = {{2, 530}, {530, 2}, {9, 140}};
  static const cr_reduce_op ops[] = {CR_SUM, CR_PROD, CR_ARGMAX, CR_ARGMIN};
  for (int k = 0; k < CR_BOOL * NLAYOUTS * 4 * 2; k++) {
    cr_dtype t = (cr_dtype)(k % CR_BOOL);
    int how = k / CR_BOOL % NLAYOUTS, rest = k / CR_BOOL / NLAYOUTS, d = rest / 4;
    cr_reduce_op op = ops[rest % 4];
    const int64_t *shape = long_shapes[(how + (int)t) % 3];
    bool places = op == CR_ARGMAX || op == CR_ARGMIN;
    cr_tensor *in = make(t, (layout)how, 2, shape);
    cr_tensor *out = make(places ? CR_INT64 : t, (layout)(how % NOUT_LAYOUTS), 2, shape);
    double factors[] = {-1, 2, cr_is_float(t) ? 0.5 : 3};
    for (int64_t i = 0; op == CR_PROD && i < cr_numel(in); i++) put(in, i, cr_num(factors[i % 3]));
    for (int64_t i = 0; places && cr_is_float(t) && i < 2; i++) {
      put(in, i, cr_num(op == CR_ARGMAX ? -INFINITY : INFINITY)); /* nothing is worse */
      put(in, cr_numel(in) / 2 - i, cr_num(NAN));
    }
    cr_iter it;
    line_iter(&it, d, 2, (cr_tensor *[]){out, in});
    assert_true(cpu->scan(op, &it, in->shape[d], byte_stride(out, d), byte_stride(in, d)));
    for (int64_t line = 0; line < shape[1 - d]; line++) {
      double sum = op == CR_PROD, best = 0;
      uint64_t whole = op == CR_PROD;
      int64_t place = 0;
      for (int64_t i = 0; i < shape[d]; i++) {
        int64_t at = d ? line * shape[1] + i : i * shape[1] + line;
        double x = get(in, at);
        if (places) {
          bool better =
              i == 0 || (best == best && (x != x || (op == CR_ARGMAX ? x >= best : x <= best)));
          if (better) best = x, place = i;
          assert_true(geti(out, at) == place);
        } else if (cr_is_float(t)) {
          sum = op == CR_SUM ? sum + x : sum * x;
          NEAR(t, get(out, at), as_stored(t, cr_num(sum)), 1, "scan");
        } else {
          whole = op == CR_SUM ? whole + (uint64_t)geti(in, at) : whole * (uint64_t)geti(in, at);
          assert_true(get(out, at) == as_stored(t, cr_int((int64_t)whole)));
        }
      }
    }
    cr_release(in);
    cr_release(out);
  }
}

/* Whether y may follow x in an ascending order. */
static int order(double x, double y) {
  if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
  return (x > y) - (x < y);
}

static void check_sorted(const cr_tensor *in, const cr_tensor *values, const cr_tensor *places,
                         int d, bool descending) {
  int64_t step = 1, n = in->shape[d];
  for (int k = in->ndim - 1; k > d; k--) step *= in->shape[k];
  for (int64_t i = 0; i < cr_numel(in); i++) {
    int64_t p = geti(places, i), b = before(in, d, i);
    assert_true(p >= 0 && p < n);
    double x = get(values, i), from = get(in, i + (p - i / step % n) * step);
    assert_true(x == from || (isnan(x) && isnan(from)));
    if (b < 0) continue;
    int o = order(get(values, b), x) * (descending ? -1 : 1);
    assert_true(o < 0 || (o == 0 && geti(places, b) < p));
  }
}

/* Part of a sort against the whole one. */
static void check_ranks(cr_tensor *in, cr_tensor *values, cr_tensor *places, int d, int64_t first,
                        int64_t count, bool descending) {
  int64_t shape[CR_MAX_DIMS];
  for (int k = 0; k < in->ndim; k++) shape[k] = k == d ? count : in->shape[k];
  cr_tensor *v = make((cr_dtype)in->dtype, CONTIGUOUS, in->ndim, shape);
  cr_tensor *p = make(CR_INT64, CONTIGUOUS, in->ndim, shape);
  cr_tensor *want_v = cr_narrow(values, d, first, count);
  cr_tensor *want_p = cr_narrow(places, d, first, count);
  cr_iter it;
  line_iter(&it, d, 3, (cr_tensor *[]){v, p, in});
  int64_t strides[] = {byte_stride(v, d), byte_stride(p, d), byte_stride(in, d)};
  assert_true(cpu->sort(&it, in->shape[d], first, count, strides, descending));
  for (int64_t i = 0; i < cr_numel(v); i++) {
    double x = get(v, i), want = get(want_v, i);
    assert_true(x == want || (isnan(x) && isnan(want)));
    assert_true(geti(p, i) == geti(want_p, i));
  }
  cr_release(v);
  cr_release(p);
  cr_release(want_v);
  cr_release(want_p);
}

static void test_sort(void **unused) {
  (void)unused;
  static const int64_t long_shape[] = {2, 5000};
  for (int k = 0; k < CR_NDTYPES * (NSHAPES + 1) * NLAYOUTS * 2; k++) {
    cr_dtype t = (cr_dtype)(k % CR_NDTYPES);
    int s = k / CR_NDTYPES % (NSHAPES + 1), how = k / CR_NDTYPES / (NSHAPES + 1) % NLAYOUTS;
    bool down = k & 1, is_long = s == NSHAPES;
    int ndim = is_long ? 2 : shapes[s].ndim;
    const int64_t *shape = is_long ? long_shape : shapes[s].shape;
    for (int d = 0; d < ndim; d++) {
      cr_tensor *in = make(t, (layout)how, ndim, shape);
      cr_tensor *v = make(t, (layout)(how % NOUT_LAYOUTS), ndim, shape);
      cr_tensor *p = make(CR_INT64, CONTIGUOUS, ndim, shape);
      static const double odd[] = {NAN, -0.0, INFINITY, 0.0, -INFINITY, NAN, -1};
      for (int64_t i = 0; cr_is_float(t) && i < 7 && 2 * i < cr_numel(in); i++)
        put(in, 2 * i, cr_num(odd[i]));
      cr_iter it;
      line_iter(&it, d, 3, (cr_tensor *[]){v, p, in});
      int64_t strides[] = {byte_stride(v, d), byte_stride(p, d), byte_stride(in, d)};
      assert_true(cpu->sort(&it, in->shape[d], 0, in->shape[d], strides, down));
      check_sorted(in, v, p, d, down);
      for (int64_t n = in->shape[d], first = 0; first < n; first += n / 4 + 1) {
        check_ranks(in, v, p, d, first, 1, down);
        check_ranks(in, v, p, d, first, (n - first + 1) / 2, down);
        check_ranks(in, v, p, d, first, n - first, down);
      }
      cr_release(in);
      cr_release(v);
      cr_release(p);
    }
  }
}

/* ---- indexing --------------------------------------------------------------------------- */

static void test_gather_scatter(void **unused) {
  (void)unused;
  int64_t shape[] = {6, 9}, wide[] = {6, 13};
  for (int k = 0; k < CR_NDTYPES * NOUT_LAYOUTS; k++) {
    cr_dtype t = (cr_dtype)(k % CR_NDTYPES);
    layout how = (layout)(k / CR_NDTYPES);
    cr_tensor *in = make(t, how, 2, wide), *out = make(t, how, 2, shape),
              *index = make(CR_INT64, how, 2, shape);
    int64_t start = draw() % 2; /* the first index */
    for (int64_t i = 0; i < 54; i++) put(index, i, cr_int(draw() % 13 + start));
    /* `in` with a stride of 0 along the indexed dimension */
    cr_tensor *base =
        cr_view_storage(in->storage, t, in->offset, 2, shape, (int64_t[]){in->stride[0], 0});
    cr_iter it;
    cr_iter_make(&it, out, 2, (cr_tensor *[]){base, index});
    assert_true(cpu->gather(&it, 13, byte_stride(in, 1), start));
    for (int64_t i = 0; i < 54; i++)
      assert_true(get(out, i) == get(in, i / 9 * 13 + geti(index, i) - start));
    double sum[78], first[78];
    for (int i = 0; i < 78; i++) sum[i] = first[i] = get(in, i);
    for (int64_t i = 0; i < 54; i++) sum[i / 9 * 13 + geti(index, i) - start] += get(out, i);
    cr_iter_make(&it, out, 2, (cr_tensor *[]){index, base});
    assert_true(cpu->scatter(&it, 13, byte_stride(in, 1), start, true));
    for (int i = 0; i < 78; i++) {
      double want = t == CR_BOOL     ? sum[i] != 0
                    : cr_is_float(t) ? sum[i]
                                     : as_stored(t, cr_int((int64_t)sum[i]));
      NEAR(t, get(in, i), want, 8, "scatter add");
    }
    assert_true(cpu->scatter(&it, 13, byte_stride(in, 1), start, false));
    for (int64_t i = 0; i < 54; i++) {
      int64_t to = i / 9 * 13 + geti(index, i) - start;
      NEAR(t, get(in, to), first[to], 0, "scatter"); /* out still holds what was gathered */
    }
    put(index, 20, cr_int(13 + start));
    assert_false(cpu->scatter(&it, 13, byte_stride(in, 1), start, true));
    assert_string_equal(cr_error(), "index 14 is out of range: the size is 13");
    put(index, 20, cr_int(start - 1));
    cr_iter_make(&it, out, 2, (cr_tensor *[]){base, index});
    assert_false(cpu->gather(&it, 13, byte_stride(in, 1), start));
    cr_release(base);
    cr_release(in);
    cr_release(out);
    cr_release(index);
  }
}

static void test_rows(void **unused) {
  (void)unused;
  static const int64_t index[] = {3, 0, 3, 5, 1, 3};
  for (int k = 0; k < CR_NDTYPES * 2; k++) {
    cr_dtype t = (cr_dtype)(k % CR_NDTYPES);
    int64_t width = k / CR_NDTYPES ? 300 : 3, size = (int64_t)cr_sizeof(t), shape[] = {2, 6, width};
    cr_tensor *in = make(t, CONTIGUOUS, 3, shape), *out = make(t, CONTIGUOUS, 3, shape);
    int64_t step = 6 * width * size;
    assert_true(cpu->index_select(cr_data(out), cr_data(in), index, 6, 6, (size_t)(width * size), 2,
                                  step, step));
    for (int64_t i = 0; i < 12 * width; i++) {
      int64_t o = i / width / 6, r = i / width % 6;
      assert_true(get(out, i) == get(in, (o * 6 + index[r]) * width + i % width));
    }
    cr_tensor *sum = make(CR_FLOAT64, CONTIGUOUS, 3, shape);
    for (int64_t i = 0; i < 12 * width; i++) put(sum, i, cr_num(get(out, i)));
    for (int64_t i = 0; i < 12 * width; i++) {
      int64_t to = (i / width / 6 * 6 + index[i / width % 6]) * width + i % width;
      put(sum, to,
          cr_num(as_stored(cr_is_float(t) ? t : CR_INT64, cr_num(get(sum, to) + 3 * get(in, i)))));
    }
    assert_true(cpu->index_add(t, cr_data(out), cr_data(in), index, 6, 6, width, 2, step, step, 3));
    for (int64_t i = 0; i < 12 * width; i++) {
      double want = get(sum, i);
      if (!cr_is_float(t)) want = t == CR_BOOL ? want != 0 : as_stored(t, cr_int((int64_t)want));
      if (fabs(get(out, i) - want) > 40 * epsilon(t)) NEAR(t, get(out, i), want, 0, "index_add");
    }
    assert_false(cpu->index_select(cr_data(out), cr_data(in), index, 6, 5, 4, 1, 0, 0));
    assert_string_equal(cr_error(), "index 6 is out of range: the size is 5");
    cr_release(in);
    cr_release(out);
    cr_release(sum);
  }
}

static void test_nonzero(void **unused) {
  (void)unused;
  uint8_t mask[1000];
  int64_t at[1000], n = 0;
  for (int i = 0; i < 1000; i++) mask[i] = draw() % 17 == 0;
  int64_t count = cpu->nonzero(mask, 1000, NULL);
  assert_int_equal(cpu->nonzero(mask, 1000, at), count);
  for (int i = 0; i < 1000; i++) {
    if (mask[i]) assert_int_equal(at[n++], i);
  }
  assert_int_equal(n, count);
}

/* ---- products --------------------------------------------------------------------------- */

static void check_gemm(cr_dtype t, int64_t m, int64_t n, int64_t k, int ways, int64_t batch) {
  int64_t wide = n + ways % 2 * 3;
  int64_t as[] = {batch, m, k}, bs[] = {batch, k, n}, cs[] = {batch, m, wide};
  static const layout hows[] = {CONTIGUOUS, TRANSPOSED, STRIDED};
  cr_tensor *a = make(t, hows[ways % 3], 3, as), *b = make(t, hows[ways / 3 % 3], 3, bs);
  cr_tensor *c = make(t, CONTIGUOUS, 3, cs), *old = make(CR_FLOAT64, CONTIGUOUS, 3, cs);
  double alpha = ways & 1 ? 1 : 2, beta = ways & 4 ? 1 : 0;
  for (int64_t i = 0; i < cr_numel(c); i++) {
    put(old, i, cr_num(get(c, i)));
    if (beta == 0 && cr_is_float(t)) put(c, i, cr_num(NAN));
  }
  cr_gemm_args g = {
      batch, m, n, k, cr_data(a), cr_data(b), cr_data(c), .alpha = alpha, .beta = beta, .dtype = t};
  memcpy(g.as, a->stride, sizeof g.as);
  memcpy(g.bs, b->stride, sizeof g.bs);
  memcpy(g.cs, c->stride, sizeof g.cs);
  assert_true(cpu->gemm(&g));
  for (int64_t i = 0; i < batch * m * n; i++) {
    int64_t x = i / n / m, r = i / n % m, q = i % n, at = (x * m + r) * wide + q;
    double sum = 0, size = 1;
    for (int64_t p = 0; p < k; p++) {
      double y = get(a, (x * m + r) * k + p) * get(b, (x * k + p) * n + q);
      sum += y;
      size += fabs(alpha * y);
    }
    double want = alpha * sum + (beta != 0 ? get(old, at) : 0);
    size += fabs(want);
    if (!cr_is_float(t)) want = as_stored(t, cr_int((int64_t)want));
    if (cr_is_float(t) && fabs(get(c, at) - want) <= 4 * epsilon(t) * size) continue;
    NEAR(t, get(c, at), want, 1, "gemm %s %ldx%ldx%ld ways %d", cr_dtypes[t].name, (long)m, (long)n,
         (long)k, ways);
  }
  cr_release(a);
  cr_release(b);
  cr_release(c);
  cr_release(old);
}

static void test_gemm(void **unused) {
  (void)unused;
  static const int64_t sizes[][3] = {{1, 1, 1},     {1, 7, 5},   {7, 1, 5},     {4, 32, 8},
                                     {5, 33, 9},    {3, 4, 0},   {40, 50, 60},  {1, 200, 100},
                                     {200, 1, 100}, {64, 64, 1}, {3, 100, 64},  {64, 1, 64},
                                     {19, 1, 17},   {1, 18, 35}, {300, 200, 1}, {130, 71, 5}};
  const int n = sizeof sizes / sizeof *sizes;
  for (int k = 0; k < n * 9 * CR_BOOL * 2; k++) {
    const int64_t *s = sizes[k % n];
    cr_dtype t = (cr_dtype)(k / n / 9 % CR_BOOL);
    check_gemm(t, s[0], s[1], s[2], k / n % 9, k / n / 9 / CR_BOOL ? 3 : 1);
  }
  check_gemm(CR_FLOAT32, 8, 8, 8, 5, 1000); /* enough for several threads */
  check_gemm(CR_FLOAT32, 300, 310, 320, 4, 1);
  for (int ways = 0; ways < 9; ways++) { /* several chunks of rows, layers, panels */
    check_gemm(CR_FLOAT32, 99, 30, 530, ways, 1);
    check_gemm(CR_FLOAT64, 99, 30, 270, ways, 2);
    check_gemm(CR_FLOAT32, 10, 203, 300, ways, 1);
    check_gemm(CR_FLOAT64, 3, 203, 41, ways, 1);
  }
}

static void test_dot(void **unused) {
  (void)unused;
  for (int k = 0; k < 4 * 3; k++) { /* the float types */
    cr_dtype t = (cr_dtype)(k % 4);
    int64_t n = (int64_t[]){0, 100, 200001}[k / 4];
    cr_tensor *a = make(t, CONTIGUOUS, 1, &n), *b = make(t, STRIDED, 1, &n);
    double element, want = 0, size = 0;
    assert_true(cpu->dot(t, n, cr_data(a), 1, cr_data(b), b->stride[0], &element));
    for (int64_t i = 0; i < n; i++) {
      want += get(a, i) * get(b, i);
      size += fabs(get(a, i) * get(b, i));
    }
    double got = cr_scalar_double(cr_load_scalar(t, &element));
    assert_true(got == want || fabs(got - want) <= 1e-14 * size + epsilon(t) * fabs(want));
    cr_release(a);
    cr_release(b);
  }
  float x[64], y[64], sum; /* four products overflow */
  for (int i = 0; i < 64; i++) x[i] = i < 32 ? 1e20f : -1e20f, y[i] = 1e20f;
  assert_true(cpu->dot(CR_FLOAT32, 64, x, 1, y, 1, &sum));
  assert_true(sum == 0);
}

/* ---- random ----------------------------------------------------------------------------- */

static void ref_philox(uint32_t c[4], uint32_t k0, uint32_t k1) {
  for (int r = 0; r < 10; r++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    uint64_t p = (uint64_t)0xD2511F53u * c[0], q = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t next[] = {(uint32_t)(q >> 32) ^ c[1] ^ k0, (uint32_t)q,
                       (uint32_t)(p >> 32) ^ c[3] ^ k1, (uint32_t)p};
    memcpy(c, next, sizeof next);
  }
}

static uint32_t lane(uint64_t seed, uint64_t counter, int l) {
  uint32_t c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0};
  ref_philox(c, (uint32_t)seed, (uint32_t)(seed >> 32));
  return c[l];
}

static void test_philox(void **unused) {
  (void)unused;
  /* Counter, key and result of the authors' known-answer tests. */
  static const uint32_t known[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
       0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
       0x94fdcceb, 0x5001e420, 0x24126ea1}};
  for (int i = 0; i < 3; i++) {
    uint32_t c[4];
    memcpy(c, known[i], sizeof c);
    ref_philox(c, known[i][4], known[i][5]);
    assert_memory_equal(c, known[i] + 6, sizeof c);
  }
  int64_t bits[5000];
  uint64_t seed = 0x0123456789abcdef,
           offset = 0xfffffff0; /* the counter's high word changes inside */
  assert_true(cpu->random(CR_RANDINT, CR_INT64, bits, 5000, seed, offset, -0x1p63, 0x1p63));
  for (int i = 0; i < 5000; i++) {
    uint64_t c = offset + (uint64_t)i / 2;
    uint64_t want = lane(seed, c, i % 2 * 2) | (uint64_t)lane(seed, c, i % 2 * 2 + 1) << 32;
    assert_true((uint64_t)bits[i] - (uint64_t)INT64_MIN == want);
  }
  static float u[5000];
  assert_true(cpu->random(CR_UNIFORM, CR_FLOAT32, u, 5000, seed, offset, 0, 1));
  for (int i = 0; i < 5000; i++) {
    uint32_t x = lane(seed, offset + (uint64_t)i / 4, i % 4);
    assert_true(u[i] == (float)(x >> 8) * 0x1p-24f);
  }
  assert_int_equal(cr_random_counters(CR_UNIFORM, CR_FLOAT32, 5), 2);
  assert_int_equal(cr_random_counters(CR_UNIFORM, CR_FLOAT64, 5), 3);
  assert_int_equal(cr_random_counters(CR_BERNOULLI, CR_FLOAT64, 5), 2);
  assert_int_equal(cr_random_counters(CR_RANDINT, CR_UINT8, 5), 3);
}

/* Mean and standard deviation that 300,000 draws must come near to. */
static const struct {
  cr_random_op op;
  double a, b, mean, std;
} laws[] = {{CR_UNIFORM, -2, 3, 0.5, 1.4434},    {CR_NORMAL, 1, 2, 1, 2},
            {CR_BERNOULLI, 0.3, 0, 0.3, 0.4583}, {CR_RANDINT, 1, 6, 3.5, 1.7078},
            {CR_EXPONENTIAL, 2, 0, 0.5, 0.5},    {CR_LOGNORMAL, 0, 0.5, 1.1331, 0.6039},
            {CR_GEOMETRIC, 0.25, 0, 4, 3.4641}};

static void test_laws(void **unused) {
  (void)unused;
  int64_t n = 300000;
  for (size_t k = 0; k < sizeof laws / sizeof *laws * 5; k++) {
    size_t l = k / 5;
    cr_dtype t = (cr_dtype[]){CR_FLOAT32, CR_FLOAT64, CR_BFLOAT16, CR_INT32, CR_INT64}[k % 5];
    bool whole =
        laws[l].op == CR_BERNOULLI || laws[l].op == CR_RANDINT || laws[l].op == CR_GEOMETRIC;
    if (!cr_is_float(t) && !whole) continue;
    cr_tensor *x = make(t, CONTIGUOUS, 1, &n), *y = make(t, CONTIGUOUS, 1, &n);
    set_threads(0);
    assert_true(cpu->random(laws[l].op, t, cr_data(x), n, 42, 7, laws[l].a, laws[l].b));
    set_threads(1);
    assert_true(cpu->random(laws[l].op, t, cr_data(y), n - 1001, 42, 7, laws[l].a, laws[l].b));
    set_threads(0);
    assert_memory_equal(cr_data(x), cr_data(y), (size_t)(n - 1001) * cr_sizeof(t));
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
      double v = get(x, i);
      sum += v;
      squares += (v - laws[l].mean) * (v - laws[l].mean);
      if (laws[l].op == CR_UNIFORM && t != CR_BFLOAT16) assert_true(v >= -2 && v < 3);
      if (laws[l].op == CR_RANDINT) assert_true(v >= 1 && v <= 6 && v == floor(v));
    }
    assert_true(fabs(sum / (double)n - laws[l].mean) < 0.015 * laws[l].std);
    assert_true(fabs(sqrt(squares / (double)n) / laws[l].std - 1) < 0.015);
    cr_release(x);
    cr_release(y);
  }
}

static void test_cauchy(void **unused) {
  (void)unused;
  static float x[100000];
  int below = 0, middle = 0;
  assert_true(cpu->random(CR_CAUCHY, CR_FLOAT32, x, 100000, 3, 0, 5, 2));
  for (int i = 0; i < 100000; i++) {
    below += x[i] < 5;
    middle += fabsf(x[i] - 5) < 2; /* half of them, by definition of the width */
  }
  assert_true(abs(below - 50000) < 800 && abs(middle - 50000) < 800);
}

static int run(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reduce),
      cmocka_unit_test(test_reduce_large),
      cmocka_unit_test(test_scan),
      cmocka_unit_test(test_sort),
      cmocka_unit_test(test_gather_scatter),
      cmocka_unit_test(test_rows),
      cmocka_unit_test(test_nonzero),
      cmocka_unit_test(test_gemm),
      cmocka_unit_test(test_dot),
      cmocka_unit_test(test_philox),
      cmocka_unit_test(test_laws),
      cmocka_unit_test(test_cauchy),
      cmocka_unit_test(test_long_scan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) {
  (void)argc;
  return run_each_isa(argv, run);
}
