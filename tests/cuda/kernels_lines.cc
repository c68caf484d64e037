/* kernels_lines.cc: scans, sorts and searches along lines beside the CPU's. */
#include "tests/cuda/kernels.h"

#include <algorithm>
#include <math.h>
#include <string.h>

/* A shape, and the dimension that is worked along. */
struct work {
  sizes shape;
  int dim;
};
static const work all_work[] = {
    {{1}, 0},       {{2}, 0},        {{31}, 0},      {{33}, 0},      {{255}, 0},
    {{257}, 0},     {{1025}, 0},     {{5000}, 0},    {{0}, 0},       {{0, 3}, 1},
    {{3, 0}, 1},    {{5, 7}, 0},     {{5, 7}, 1},    {{300, 10}, 1}, {{300, 10}, 0},
    {{3, 2049}, 1}, {{2049, 3}, 0},  {{6, 2100}, 1}, {{4, 5, 6}, 0}, {{4, 5, 6}, 1},
    {{4, 5, 6}, 2}, {{40, 1100}, 0}, {{9, 1100}, 1}, {{1100, 5}, 0}, {{2, 33, 65}, 1},
};

/* Types share their kernels, so that some go through every third piece of work only. */
static bool is_left_out(cr_dtype t, const work &w) {
  if (t == CR_FLOAT32 || t == CR_INT64 || t == CR_BFLOAT16) return false;
  return (&w - all_work + t) % 3 != 0;
}

static int64_t size_of(const work &w) {
  int64_t n = 1;
  for (int64_t s : w.shape) n *= s;
  return n;
}

/* The array without the dimension: one place of it. */
static cr_tensor *beginnings(array &a, int dim) {
  sizes shape = a.shape;
  shape[(size_t)dim] = 1;
  return a.view(shape, a.stride);
}

static int64_t step_of(const array &a, int dim) {
  return a.stride[(size_t)dim] * (int64_t)cr_sizeof(a.dtype);
}

static std::string describe(const char *name, const work &w, const array &a, enum layout lo,
                            enum layout li) {
  return text("%s of %s along %d, %s to %s, %s", name, text_of(w.shape).c_str(), w.dim,
              layout_names[li], layout_names[lo], cr_dtypes[a.dtype].name);
}

/* ---- scans ------------------------------------------------------------------------------ */

static void compare_scan(cr_reduce_op op, cr_dtype t, const work &w, enum layout lo, enum layout li,
                         enum values kind, bool in_place) {
  bool places = op == CR_ARGMAX || op == CR_ARGMIN;
  array in(t, w.shape, li, kind), other(places ? CR_INT64 : t, w.shape, lo);
  array &out = in_place ? in : other;
  if (in.numel() == 0) return;
  loop l({&out, &in}, {beginnings(out, w.dim), beginnings(in, w.dim)});
  int64_t n = w.shape[(size_t)w.dim];
  bool gpu_ok = gpu->scan(op, &l.on_gpu, n, step_of(out, w.dim), step_of(in, w.dim));
  bool cpu_ok = cpu->scan(op, &l.on_cpu, n, step_of(out, w.dim), step_of(in, w.dim));
  tolerance close = places ? EXACT : t == CR_FLOAT64 ? tolerance{1e-12, 10} : ulps(t, 2, 1e-3);
  compare(out, cpu_ok, gpu_ok, close,
          describe(text("scan %d, values %d", op, kind).c_str(), w, in, lo, li));
}

static void test_scans() {
  for (cr_reduce_op op : {CR_SUM, CR_PROD, CR_ARGMAX, CR_ARGMIN, CR_LOGSUMEXP}) {
    bool places = op == CR_ARGMAX || op == CR_ARGMIN;
    FOR_TYPES(t) {
      if (op == CR_LOGSUMEXP && !cr_is_float(t)) continue;
      enum values kind = op == CR_PROD ? NEAR_ONE : PLAIN;
      for (const work &w : all_work) {
        if (is_left_out(t, w)) continue;
        compare_scan(op, t, w, DENSE, DENSE, kind, false);
        compare_scan(op, t, w, GAPS, TURNED, kind, false);
        compare_scan(op, t, w, TURNED, GAPS, places ? SMALL : kind, false);
        compare_scan(op, t, w, DENSE, SPREAD, kind, false);
        if (places) compare_scan(op, t, w, DENSE, DENSE, SPECIAL, false);
        if (!places) compare_scan(op, t, w, DENSE, DENSE, kind, true);
      }
      if (t != CR_FLOAT32 && t != CR_BFLOAT16 && t != CR_INT64) continue;
      compare_scan(op, t, {{70000}, 0}, DENSE, DENSE, places ? SMALL : kind, false);
      compare_scan(op, t, {{3, 20000}, 1}, DENSE, DENSE, places ? SPECIAL : kind, false);
    }
  }
}

/* ---- sorts ------------------------------------------------------------------------------ */

static void compare_sort(cr_dtype t, const work &w, enum layout lo, enum layout li,
                         enum values kind, bool descending, bool in_place, bool part = false) {
  array in(t, w.shape, li, kind), other(t, w.shape, lo), places(CR_INT64, w.shape, lo);
  array &out = in_place ? in : other;
  if (in.numel() == 0) return;
  loop l({&out, &places, &in},
         {beginnings(out, w.dim), beginnings(places, w.dim), beginnings(in, w.dim)});
  int64_t n = w.shape[(size_t)w.dim];
  int64_t cpu_stride[3] = {step_of(out, w.dim), step_of(places, w.dim), step_of(in, w.dim)};
  int64_t gpu_stride[3];
  memcpy(gpu_stride, cpu_stride, sizeof gpu_stride);
  if (li == GAPS && !in_place) { /* the input backwards */
    l.on_cpu.op[2].data += (n - 1) * cpu_stride[2];
    l.on_gpu.op[2].data += (n - 1) * cpu_stride[2];
    cpu_stride[2] = gpu_stride[2] = -cpu_stride[2];
  }
  int64_t first = part ? n / 3 : 0, count = part ? (n + 2) / 3 : n;
  bool gpu_ok = gpu->sort(&l.on_gpu, n, first, count, gpu_stride, descending);
  bool cpu_ok = cpu->sort(&l.on_cpu, n, first, count, cpu_stride, descending);
  std::string what = describe(text("sort %s%s%s, values %d", descending ? "down" : "up",
                                   in_place ? " in place" : "", part ? " in part" : "", kind)
                                  .c_str(),
                              w, in, lo, li);
  compare(out, cpu_ok, gpu_ok, EXACT, what);
  compare(places, cpu_ok, gpu_ok, EXACT, what + ": places");
}

static void test_sorts() {
  FOR_TYPES(t) {
    for (const work &w : all_work) {
      if (is_left_out(t, w)) continue;
      for (bool descending : {false, true}) {
        compare_sort(t, w, DENSE, DENSE, SMALL, descending, false);
        compare_sort(t, w, DENSE, DENSE, SMALL, descending, false, true);
        if (size_of(w) > 4000) continue; /* sorts take long in the emulation */
        compare_sort(t, w, GAPS, TURNED, SPECIAL, descending, false);
        compare_sort(t, w, TURNED, GAPS, PLAIN, descending, false);
        compare_sort(t, w, DENSE, SPREAD, SMALL, descending, false);
        compare_sort(t, w, DENSE, DENSE, SPECIAL, descending, true);
      }
    }
    compare_sort(t, {{70000}, 0}, DENSE, DENSE, SPECIAL, false, false);
    compare_sort(t, {{5, 66000}, 1}, DENSE, DENSE, PLAIN, true, false, true);
  }
}

/* ---- searches --------------------------------------------------------------------------- */

static bool less(cr_dtype t, const char *a, const char *b) {
  cr_scalar x = cr_load_scalar(t, a), y = cr_load_scalar(t, b);
  return x.is_int ? x.i < y.i : x.d < y.d || (y.d != y.d && x.d == x.d);
}

static void sort_line(cr_dtype t, char *p, size_t n) {
  size_t size = cr_sizeof(t);
  std::vector<bytes> all;
  for (size_t i = 0; i < n; i++) all.push_back(bytes(p + i * size, p + (i + 1) * size));
  std::stable_sort(all.begin(), all.end(),
                   [=](const bytes &a, const bytes &b) { return less(t, a.data(), b.data()); });
  for (size_t i = 0; i < n; i++) memcpy(p + i * size, all[i].data(), size);
}

/* Values of a 2-d shape; each of its rows has a line of its own, or all share one. */
static void compare_search(cr_dtype t, const sizes &shape, int64_t n, bool shared, bool right,
                           enum values kind, enum layout how) {
  array out(CR_INT64, shape), values(t, shape, how, kind);
  array lines(t, {shared ? 1 : shape[0], n}, DENSE, kind);
  for (int64_t r = 0; r < lines.shape[0]; r++)
    sort_line(t, lines.data() + r * n * (int64_t)cr_sizeof(t), (size_t)n);
  loop l({&out, &values, &lines},
         {out.tensor(), values.tensor(), lines.view(shape, {shared ? 0 : n, 0})});
  int64_t step = (int64_t)cr_sizeof(t);
  bool gpu_ok = gpu->search(&l.on_gpu, n, step, right);
  bool cpu_ok = cpu->search(&l.on_cpu, n, step, right);
  compare(out, cpu_ok, gpu_ok, EXACT,
          text("search of %s in lines of %lld, %s", text_of(shape).c_str(), (long long)n,
               cr_dtypes[t].name));
}

static void test_searches() {
  for (cr_dtype t : {CR_FLOAT64, CR_INT64}) {
    for (bool right : {false, true}) {
      for (int64_t n : {1, 2, 33, 1000}) {
        for (const sizes &shape : {sizes{1, 1}, {3, 257}, {33, 5}, {2, 0}}) {
          compare_search(t, shape, n, true, right, SMALL, DENSE);
          compare_search(t, shape, n, false, right, SPECIAL, TURNED);
          compare_search(t, shape, n, false, right, SMALL, SPREAD);
        }
      }
    }
  }
}

void test_lines() {
  test_scans();
  test_sorts();
  test_searches();
}
