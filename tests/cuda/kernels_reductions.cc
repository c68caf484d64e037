/* kernels_reductions.cc: reductions beside the CPU's. */
#include "tests/cuda/kernels.h"

#include <math.h>
#include <string.h>

/* A shape, and which of its dimensions are reduced. */
struct work {
  sizes shape;
  std::vector<int> dims;
};
static const work all_work[] = {
    {{}, {}},
    {{1}, {0}},
    {{2}, {0}},
    {{31}, {0}},
    {{33}, {0}},
    {{255}, {0}},
    {{257}, {0}},
    {{1025}, {0}},
    {{5, 7}, {0}},
    {{5, 7}, {1}},
    {{5, 7}, {0, 1}},
    {{33, 257}, {1}},
    {{33, 257}, {0}},
    {{257, 33}, {0}},
    {{700, 3}, {0}},
    {{700, 3}, {1}},
    {{3, 1030}, {1}},
    {{2, 5000}, {1}},
    {{5000, 2}, {0}},
    {{4, 5, 6}, {0}},
    {{4, 5, 6}, {1}},
    {{4, 5, 6}, {2}},
    {{4, 5, 6}, {0, 2}},
    {{4, 5, 6}, {0, 1}},
    {{4, 5, 6}, {1, 2}},
    {{3, 40, 2, 50}, {1, 3}},
    {{20, 3, 300}, {0, 2}},
    {{3, 4}, {}},
    {{0}, {0}},
    {{0, 3}, {0}},
    {{0, 3}, {1}},
    {{3, 0}, {1}},
    {{2, 3, 1, 1}, {2, 3}},
};
static const work long_work[] = {
    {{70000}, {0}}, {{3, 30000}, {1}}, {{30000, 3}, {0}}, {{30, 70, 33}, {0, 1}}};

static bool is_arg(cr_reduce_op op) {
  return op == CR_ARGMAX || op == CR_ARGMIN;
}

/* The types that results of an operation on t can have. */
static std::vector<cr_dtype> results_of(cr_reduce_op op, cr_dtype t) {
  switch (op) {
  case CR_SUM:
  case CR_PROD:
    if (cr_is_float(t)) return {t};
    return {t, CR_INT64};
  case CR_ARGMAX:
  case CR_ARGMIN:
  case CR_COUNT_NONZERO: return {CR_INT64};
  case CR_ALL:
  case CR_ANY: return {CR_BOOL};
  default: return {t};
  }
}

/* Of n elements.  Sums of floats add four of them in float32 on the CPU. */
static tolerance tolerance_of(cr_reduce_op op, cr_dtype t, int64_t n) {
  bool exact = op == CR_AMAX || op == CR_AMIN || is_arg(op) || op == CR_ALL || op == CR_ANY ||
               op == CR_COUNT_NONZERO;
  if (exact) return {1e-300, 1}; /* the two zeros are equal */
  if (t == CR_FLOAT64) return {1e-12, 100};
  return ulps(t, 2, op == CR_SUM ? (double)n : 1e-4);
}

/* Runs along reduced or kept dimension d backwards. */
static void flip(cr_reduction *r, bool reduced, int d) {
  if (d >= (reduced ? r->nred : r->nkeep)) return;
  int64_t *stride = reduced ? &r->in_red[d] : &r->in_keep[d];
  r->in += ((reduced ? r->red[d] : r->keep[d]) - 1) * *stride;
  *stride = -*stride;
}

static void compare_reduction(cr_reduce_op op, cr_dtype to, cr_dtype t, const work &w,
                              enum layout lo, enum layout li, enum values kind) {
  sizes kept = w.shape;
  for (int d : w.dims) kept[(size_t)d] = 1;
  array out(to, kept, lo), in(t, w.shape, li, kind);
  cr_reduction on_cpu, on_gpu;
  cr_reduction_make(&on_cpu, out.tensor(), in.tensor(), (int)w.dims.size(), w.dims.data());
  if (li == GAPS) flip(&on_cpu, true, 0), flip(&on_cpu, false, 0);
  on_gpu = on_cpu;
  on_gpu.in = in.on_device(on_cpu.in);
  on_gpu.out = out.on_device(on_cpu.out);
  out.upload(), in.upload();
  std::string what =
      text("reduction %d of %s %s over", op, text_of(w.shape).c_str(), layout_names[li]);
  for (int d : w.dims) what += text(" %d", d);
  what += text(" to %s, %s to %s, values %d", layout_names[lo], cr_dtypes[t].name,
               cr_dtypes[to].name, kind);
  bool gpu_ok = gpu->reduce(op, &on_gpu), cpu_ok = cpu->reduce(op, &on_cpu);
  if (!cpu_ok && !gpu_ok) {
    check(true, "both refuse");
    return;
  }
  compare(out, cpu_ok, gpu_ok, tolerance_of(op, t, on_cpu.nin), what);
}

static bool is_defined(cr_reduce_op op, cr_dtype t) {
  return cr_is_float(t) || (op != CR_SUMSQ && op != CR_SUMABS);
}

static void compare_all(cr_reduce_op op, cr_dtype to, cr_dtype t) {
  enum values kind = op == CR_PROD ? NEAR_ONE : PLAIN;
  for (const work &w : all_work) {
    compare_reduction(op, to, t, w, DENSE, DENSE, kind);
    if ((&w - all_work + t) % 2) continue; /* types share their kernels */
    compare_reduction(op, to, t, w, GAPS, TURNED, kind);
    compare_reduction(op, to, t, w, DENSE, GAPS, kind);
    compare_reduction(op, to, t, w, TURNED, SPREAD, kind);
    compare_reduction(op, to, t, w, DENSE, SHIFTED, SMALL);
    compare_reduction(op, to, t, w, DENSE, ROWS, is_arg(op) ? SMALL : kind);
    if (op != CR_SUM && op != CR_PROD && op != CR_SUMSQ && op != CR_SUMABS)
      compare_reduction(op, to, t, w, DENSE, DENSE, SPECIAL);
  }
  for (const work &w : long_work) {
    compare_reduction(op, to, t, w, DENSE, DENSE, is_arg(op) ? SMALL : kind);
    compare_reduction(op, to, t, w, DENSE, TURNED, kind);
  }
}

/* All elements are the identity, NaN or infinite: where was the first? */
static void test_extremes() {
  for (cr_reduce_op op : {CR_ARGMAX, CR_ARGMIN, CR_AMAX, CR_AMIN, CR_SUM}) {
    for (double v : {-HUGE_VAL, HUGE_VAL, (double)NAN, 0.0}) {
      for (cr_dtype t : {CR_FLOAT32, CR_FLOAT64, CR_FLOAT16, CR_BFLOAT16}) {
        for (int64_t n : {1, 40, 3000, 70000}) {
          array out(is_arg(op) ? CR_INT64 : t, {1}), in(t, {n});
          cr_reduction on_cpu, on_gpu;
          int dim = 0;
          for (int64_t i = 0; i < n; i++)
            cr_store_scalar(t, in.data() + i * (int64_t)cr_sizeof(t), cr_num(v));
          cr_reduction_make(&on_cpu, out.tensor(), in.tensor(), 1, &dim);
          on_gpu = on_cpu;
          on_gpu.in = in.on_device(on_cpu.in), on_gpu.out = out.on_device(on_cpu.out);
          out.upload(), in.upload();
          bool gpu_ok = gpu->reduce(op, &on_gpu), cpu_ok = cpu->reduce(op, &on_cpu);
          compare(out, cpu_ok, gpu_ok, EXACT,
                  text("reduction %d of %lld times %g", op, (long long)n, v));
        }
      }
    }
  }
}

void test_reductions() {
  for (int op = 0; op < CR_NREDUCE; op++) {
    FOR_TYPES(t) {
      if (!is_defined((cr_reduce_op)op, t)) continue;
      for (cr_dtype to : results_of((cr_reduce_op)op, t)) compare_all((cr_reduce_op)op, to, t);
    }
  }
  test_extremes();
}
