/* kernels_copies.cc: copies, conversions, fills and progressions beside the CPU's. */
#include "tests/cuda/kernels.h"

#include <string.h>

static const sizes some_shapes[] = {{},       {0},       {1},         {31},          {257},
                                    {1025},   {3, 5},    {33, 31},    {0, 3},        {16, 48},
                                    {70, 65}, {2, 3, 4}, {5, 33, 20}, {3, 17, 4, 18}};

static void compare_copy(cr_dtype to, cr_dtype from, const sizes &shape, enum layout lo,
                         enum layout li, bool flipped) {
  array out(to, shape, lo), in(from, shape, li, SPECIAL);
  loop l({&out, &in});
  if (flipped) l.flip(1, 0), l.flip(0, l.on_cpu.ndim - 1 > 0 ? 1 : 5);
  bool gpu_ok = gpu->copy(&l.on_gpu), cpu_ok = cpu->copy(&l.on_cpu);
  compare(out, cpu_ok, gpu_ok, EXACT,
          text("copy of %s from %s%s to %s, %s to %s", text_of(shape).c_str(), layout_names[li],
               flipped ? " backwards" : "", layout_names[lo], cr_dtypes[from].name,
               cr_dtypes[to].name));
}

static void test_conversions() {
  FOR_TYPES(to) {
    FOR_TYPES(from) {
      for (int64_t n : {1, 33, 257, 1025}) {
        compare_copy(to, from, {n}, DENSE, DENSE, false);
        compare_copy(to, from, {n}, SHIFTED, DENSE, false);
      }
      compare_copy(to, from, {7, 33}, GAPS, TURNED, false);
      compare_copy(to, from, {40, 33}, DENSE, TURNED, false);
      compare_copy(to, from, {3, 70}, DENSE, SPREAD, true);
      compare_copy(to, from, {65}, DENSE, SINGLE, false);
    }
  }
}

static void test_layouts() {
  FOR_TYPES(t) {
    for (const sizes &shape : some_shapes) {
      for (int lo = DENSE; lo <= TURNED; lo++) {
        for (int li = DENSE; li < LAYOUTS; li++)
          compare_copy(t, t, shape, (enum layout)lo, (enum layout)li, (lo + li) % 4 == 1);
      }
    }
    compare_copy(t, t, {70000}, DENSE, DENSE, false);
    compare_copy(t, t, {300, 200}, DENSE, TURNED, false);
    compare_copy(t, t, {200, 256}, ROWS, ROWS, false);
  }
}

static void compare_fill(cr_dtype t, const sizes &shape, enum layout how, cr_scalar v) {
  array out(t, shape, how);
  loop l({&out});
  bool gpu_ok = gpu->fill(&l.on_gpu, v), cpu_ok = cpu->fill(&l.on_cpu, v);
  compare(out, cpu_ok, gpu_ok, EXACT,
          text("fill of %s %s with %g, %s", text_of(shape).c_str(), layout_names[how],
               cr_scalar_double(v), cr_dtypes[t].name));
}

static void compare_arange(cr_dtype t, int64_t n, enum layout how, double start, double step) {
  array out(t, {n}, how);
  loop l({&out});
  bool gpu_ok = gpu->arange(&l.on_gpu, start, step);
  bool cpu_ok = cpu->arange(&l.on_cpu, start, step);
  /* start + i step may be rounded once or twice */
  tolerance close = cr_is_float(t) ? ulps(t, 2) : EXACT;
  compare(out, cpu_ok, gpu_ok, close,
          text("arange of %lld %s from %g by %g, %s", (long long)n, layout_names[how], start, step,
               cr_dtypes[t].name));
}

static void test_fills() {
  const cr_scalar some[] = {cr_int(0), cr_int(-1), cr_int((int64_t)1 << 40), cr_num(2.5),
                            cr_num(-1e20)};
  FOR_TYPES(t) {
    for (cr_scalar v : some) {
      for (const sizes &shape : some_shapes) {
        compare_fill(t, shape, DENSE, v);
        compare_fill(t, shape, GAPS, v);
      }
      compare_fill(t, {70001}, SHIFTED, v);
    }
    for (int64_t n : {0, 1, 2, 31, 33, 255, 257, 1025, 70000}) {
      compare_arange(t, n, DENSE, 0, 1);
      compare_arange(t, n, GAPS, -3, 0.25);
      compare_arange(t, n, SHIFTED, 1e9, -3);
    }
  }
}

void test_copies() {
  test_conversions();
  test_layouts();
  test_fills();
}
