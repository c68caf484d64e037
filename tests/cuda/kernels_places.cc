/* kernels_places.cc: gather, scatter, rows by index and masks beside the CPU's. */
#include "tests/cuda/kernels.h"

#include <string.h>

/* ---- elements --------------------------------------------------------------------------- */

/* A tensor, the dimension that is indexed, and the index's shape. */
struct work {
  sizes shape;
  int dim;
  sizes index;
};
static const work all_work[] = {
    {{5}, 0, {1}},
    {{5}, 0, {31}},
    {{1}, 0, {257}},
    {{300}, 0, {1025}},
    {{7, 9}, 0, {4, 9}},
    {{7, 9}, 1, {7, 33}},
    {{7, 9}, 0, {33, 5}},
    {{7, 9}, 1, {0, 9}},
    {{3, 4, 5}, 1, {3, 7, 5}},
    {{33, 20}, 0, {70, 20}},
    {{4, 3, 5}, 0, {9, 2, 4}},
    {{40, 50}, 1, {40, 100}},
    {{3000, 2}, 0, {5, 2}},
    {{2}, 0, {5000}},
    {{2, 3}, 0, {2100, 3}},
};

static void fill_index(array &index, int64_t size, int64_t base = 0) {
  int64_t *k = reinterpret_cast<int64_t *>(index.host.data());
  for (size_t i = 0; i < index.host.size() / sizeof *k; i++) k[i] = base + pick(0, size - 1);
}

/* The indexed tensor over the index's shape, standing still along the dimension. */
static cr_tensor *still(array &a, const work &w) {
  sizes stride = a.stride;
  stride[(size_t)w.dim] = 0;
  return a.view(w.index, stride);
}

static std::string describe(const char *name, const work &w, cr_dtype t, enum layout la,
                            enum layout lb) {
  return text("%s of %s along %d, index %s, %s %s, %s", name, text_of(w.shape).c_str(), w.dim,
              text_of(w.index).c_str(), layout_names[la], layout_names[lb], cr_dtypes[t].name);
}

static void check_refusal(const char *name, bool ok, int64_t index, int64_t size) {
  std::string wanted =
      text("index %lld is out of range: the size is %lld", (long long)index + 1, (long long)size);
  check(!ok && std::string(cr_error()).find(wanted) != std::string::npos, "%s: %s, wanted %s", name,
        ok ? "not refused" : cr_error(), wanted.c_str());
  check(synchronize(), "%s: a refusal is told twice: %s", name, cr_error());
}

/* `bad` >= 0: that element's index is out of range. */
static void compare_gather(cr_dtype t, const work &w, enum layout lo, enum layout li, int64_t bad) {
  array out(t, w.index, lo), in(t, w.shape, li), index(CR_INT64, w.index, li);
  int64_t size = w.shape[(size_t)w.dim];
  int64_t base = size % 2; /* the first index */
  fill_index(index, size, base);
  int64_t step = in.stride[(size_t)w.dim] * (int64_t)cr_sizeof(t);
  loop l({&out, &in, &index}, {out.tensor(), still(in, w), index.tensor()});
  if (bad >= 0 && bad < index.numel()) {
    int64_t *k = reinterpret_cast<int64_t *>(index.host.data());
    k[bad] = base + size;
    index.upload();
    bool ok = gpu->gather(&l.on_gpu, size, step, base) && synchronize();
    check_refusal("gather", ok, size, size);
    return;
  }
  bool gpu_ok = gpu->gather(&l.on_gpu, size, step, base),
       cpu_ok = cpu->gather(&l.on_cpu, size, step, base);
  compare(out, cpu_ok, gpu_ok, EXACT, describe("gather", w, t, lo, li));
}

/* n elements together: sums of floats depend on the order, and those of half types are rounded once
 * here, but after each element on the CPU. */
static tolerance sums(cr_dtype t, bool add, int64_t n) {
  if (!add || !cr_is_float(t)) return EXACT;
  if (t == CR_FLOAT16) return {0.02, 30};
  if (t == CR_BFLOAT16) return {n > 1000 ? 0.3 : 0.1, 30};
  return ulps(t, 64 + (double)n, 30);
}

static void compare_scatter(cr_dtype t, const work &w, enum layout lo, enum layout li, bool add) {
  bool half = t == CR_FLOAT16 || t == CR_BFLOAT16;
  if (half && add && (li == SINGLE || li == SPREAD)) return; /* the CPU's sums stop growing */
  enum values kind = half && add ? SMALL : PLAIN;
  array out(t, w.shape, lo, kind), in(t, w.index, li, kind), index(CR_INT64, w.index, DENSE);
  int64_t size = w.shape[(size_t)w.dim];
  int64_t base = size % 2; /* the first index */
  fill_index(index, size, base);
  int64_t step = out.stride[(size_t)w.dim] * (int64_t)cr_sizeof(t);
  loop l({&in, &index, &out}, {in.tensor(), index.tensor(), still(out, w)});
  if (lo == GAPS) l.flip(2, 1);
  bool gpu_ok = gpu->scatter(&l.on_gpu, size, step, base, add);
  bool cpu_ok = cpu->scatter(&l.on_cpu, size, step, base, add);
  compare(out, cpu_ok, gpu_ok, sums(t, add, in.numel()),
          describe(add ? "scatterAdd" : "scatter", w, t, lo, li));
}

static void test_refused_scatter() {
  for (bool add : {false, true}) {
    for (int64_t bad : {(int64_t)-1, (int64_t)7, INT64_MIN}) {
      int64_t base = bad == 7 ? 1 : 0;
      array out(CR_INT32, {7}), in(CR_INT32, {300}), index(CR_INT64, {300});
      work w = {{7}, 0, {300}};
      fill_index(index, 7, base);
      reinterpret_cast<int64_t *>(index.data())[17] = base + bad;
      loop l({&in, &index, &out}, {in.tensor(), index.tensor(), still(out, w)});
      bool ok = gpu->scatter(&l.on_gpu, 7, 4, base, add) && synchronize();
      check_refusal("scatter", ok, bad, 7);
    }
  }
}

/* Few elements into a large tensor, of which many go to one place; and long runs. */
static void test_sparse_scatter() {
  FOR_TYPES(t) {
    for (bool add : {false, true}) {
      compare_scatter(t, {{2000000}, 0, {300}}, DENSE, DENSE, add);
      compare_scatter(t, {{1500, 1000}, 0, {3, 700}}, DENSE, DENSE, add);
      compare_scatter(t, {{1}, 0, {70}}, DENSE, DENSE, add);
      compare_scatter(t, {{1}, 0, {9000}}, DENSE, GAPS, add);
      compare_scatter(t, {{1, 5}, 0, {900, 5}}, DENSE, DENSE, add);
    }
  }
}

static void test_elements() {
  FOR_TYPES(t) {
    for (const work &w : all_work) {
      compare_gather(t, w, DENSE, DENSE, -1);
      compare_gather(t, w, GAPS, TURNED, -1);
      compare_gather(t, w, TURNED, GAPS, -1);
      compare_gather(t, w, DENSE, DENSE, 0);
      for (bool add : {false, true}) {
        compare_scatter(t, w, DENSE, DENSE, add);
        compare_scatter(t, w, GAPS, TURNED, add);
        compare_scatter(t, w, TURNED, SPREAD, add);
        compare_scatter(t, w, DENSE, SINGLE, add);
      }
    }
  }
  test_refused_scatter();
  test_sparse_scatter();
}

/* ---- rows ------------------------------------------------------------------------------- */

/* `outer` times n rows of `inner` elements, of a tensor with `size` of them, with gaps between the
 * repetitions. */
struct rows {
  int64_t n, size, inner, outer, gap;
};
static const rows all_rows[] = {
    {1, 1, 1, 1, 0},      {3, 5, 1, 1, 0},    {33, 4, 7, 1, 0},   {257, 9, 33, 1, 0},
    {7, 3, 64, 3, 0},     {5, 9, 31, 4, 8},   {100, 2, 32, 2, 1}, {3000, 10, 3, 1, 0},
    {2500, 50, 40, 1, 0}, {0, 5, 4, 2, 0},    {4, 5, 0, 2, 0},    {40, 7, 1, 5, 3},
    {3000, 1, 1, 2, 0},   {9, 100, 16, 1, 0},
};

static void compare_select(cr_dtype t, const rows &r, enum layout how) {
  int64_t size = (int64_t)cr_sizeof(t), in_step = r.size * r.inner + r.gap;
  int64_t out_step = r.n * r.inner + r.gap;
  array out(t, {r.outer, out_step}, how), in(t, {r.outer, in_step}, how);
  array index(CR_INT64, {r.n});
  fill_index(index, r.size);
  out.upload(), in.upload(), index.upload();
  bool gpu_ok =
      gpu->index_select(out.on_device(out.data()), in.on_device(in.data()),
                        (const int64_t *)index.on_device(index.data()), r.n, r.size,
                        (size_t)(r.inner * size), r.outer, out_step * size, in_step * size);
  bool cpu_ok =
      cpu->index_select(out.data(), in.data(), (const int64_t *)index.data(), r.n, r.size,
                        (size_t)(r.inner * size), r.outer, out_step * size, in_step * size);
  compare(out, cpu_ok, gpu_ok, EXACT,
          text("indexSelect of %lld of %lld rows of %lld, %s, %s", (long long)r.n,
               (long long)r.size, (long long)r.inner, cr_dtypes[t].name, layout_names[how]));
}

static void compare_add(cr_dtype t, const rows &r, double alpha) {
  int64_t size = (int64_t)cr_sizeof(t), out_step = r.size * r.inner + r.gap;
  int64_t in_step = r.n * r.inner + r.gap;
  enum values kind = t == CR_FLOAT32 || t == CR_FLOAT64 ? PLAIN : SMALL;
  array out(t, {r.outer, out_step}, DENSE, kind), in(t, {r.outer, in_step}, DENSE, kind);
  array index(CR_INT64, {r.n});
  fill_index(index, r.size);
  out.upload(), in.upload(), index.upload();
  bool gpu_ok = gpu->index_add(t, out.on_device(out.data()), in.on_device(in.data()),
                               (const int64_t *)index.on_device(index.data()), r.n, r.size, r.inner,
                               r.outer, out_step * size, in_step * size, alpha);
  bool cpu_ok = cpu->index_add(t, out.data(), in.data(), (const int64_t *)index.data(), r.n, r.size,
                               r.inner, r.outer, out_step * size, in_step * size, alpha);
  compare(out, cpu_ok, gpu_ok, sums(t, true, r.n),
          text("indexAdd of %lld rows of %lld to %lld, times %g, %s", (long long)r.n,
               (long long)r.inner, (long long)r.size, alpha, cr_dtypes[t].name));
}

static void test_refused_rows() {
  for (int64_t inner : {1, 40}) {
    array out(CR_FLOAT32, {5, inner}), in(CR_FLOAT32, {4, inner}), index(CR_INT64, {4});
    const int64_t k[] = {1, 5, 0, 1};
    memcpy(index.data(), k, sizeof k);
    out.upload(), in.upload(), index.upload();
    char *o = out.on_device(out.data()), *x = in.on_device(in.data());
    const int64_t *at = (const int64_t *)index.on_device(index.data());
    bool ok = gpu->index_add(CR_FLOAT32, o, x, at, 4, 5, inner, 1, 0, 0, 1) && synchronize();
    check_refusal("indexAdd", ok, 5, 5);
    out.upload(); /* what else was added is not said */
    ok = gpu->index_select(x, o, at, 4, 5, (size_t)inner * 4, 1, 0, 0) && synchronize();
    check_refusal("indexSelect", ok, 5, 5);
    float *f = (float *)in.data();
    const float *g = (const float *)out.data();
    for (int i : {0, 2, 3}) memcpy(f + i * inner, g + k[i] * inner, (size_t)inner * sizeof *f);
    compare(in, true, true, EXACT, "indexSelect with a bad index");
  }
}

static void test_rows() {
  FOR_TYPES(t) {
    for (const rows &r : all_rows) {
      compare_select(t, r, DENSE);
      compare_select(t, r, SHIFTED);
      compare_add(t, r, 1);
      compare_add(t, r, -2);
    }
  }
  test_refused_rows();
}

/* ---- masks ------------------------------------------------------------------------------ */

static void compare_nonzero(cr_dtype t, int64_t n, int one_in) {
  array mask(t, {n}), out(CR_INT64, {n});
  for (int64_t i = 0; i < n; i++) {
    char x = one_in && pick(1, one_in) == 1 ? (t == CR_BOOL ? 1 : (char)pick(1, 255)) : 0;
    mask.data()[i] = x;
  }
  mask.upload(), out.upload();
  const char *m = mask.on_device(mask.data());
  int64_t count = cpu->nonzero(mask.data(), n, (int64_t *)out.data());
  int64_t got = gpu->nonzero(m, n, NULL);
  check(got == count, "nonzero of %lld: counts %lld, not %lld", (long long)n, (long long)got,
        (long long)count);
  got = gpu->nonzero(m, n, (int64_t *)out.on_device(out.data()));
  compare(out, true, got == count, EXACT, text("nonzero of %lld", (long long)n));
}

static void test_masks() {
  for (cr_dtype t : {CR_BOOL, CR_UINT8}) {
    for (int64_t n : {0, 1, 2, 31, 33, 255, 257, 1025, 4096, 4097, 70000}) {
      for (int one_in : {0, 1, 2, 50}) compare_nonzero(t, n, one_in);
    }
    compare_nonzero(t, 1100000, 7); /* more pieces than a block has threads */
  }
}

void test_places() {
  test_elements();
  test_rows();
  test_masks();
}
