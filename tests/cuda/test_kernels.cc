/* test_kernels.cc: every kernel of the CUDA backend beside the CPU's, on the same random input.
 *
 *   [CRESSET_CUDA=path/to/libcresset_cuda.so] test_kernels [part ...]
 *
 * The library is the one for the emulation (tests/cuda_emulation) or, where there is a GPU, the
 * real one. */
#include "tests/cuda/kernels.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const cr_backend *cpu, *gpu;
static const cr_device_control *control;
static const cr_device first_gpu = {CR_CUDA, 0};

const cr_dtype all_types[CR_NDTYPES] = {CR_FLOAT32, CR_FLOAT64, CR_FLOAT16, CR_BFLOAT16, CR_INT8,
                                        CR_UINT8,   CR_INT16,   CR_INT32,   CR_INT64,    CR_BOOL};

bool synchronize() {
  return control->synchronize(0);
}

/* ---- checks ----------------------------------------------------------------------------- */

std::string text(const char *format, ...) {
  char buffer[512];
  va_list list;
  va_start(list, format);
  vsnprintf(buffer, sizeof buffer, format, list);
  va_end(list);
  return buffer;
}

std::string text_of(const sizes &s) {
  std::string all;
  for (int64_t n : s) all += (all.empty() ? "" : "x") + std::to_string(n);
  return all.empty() ? "scalar" : all;
}

tolerance ulps(cr_dtype t, double count, double near) {
  switch (t) {
  case CR_FLOAT32: return {ldexp(count, -23), near};
  case CR_FLOAT64: return {ldexp(count, -52), near};
  case CR_FLOAT16: return {ldexp(1.01, -10), ldexp(1, -14)}; /* one place; the rest is float32's */
  case CR_BFLOAT16: return {ldexp(1.01, -7), near};
  default: return EXACT;
  }
}

static double number_at(cr_dtype t, const char *p) {
  return cr_scalar_double(cr_load_scalar(t, p));
}

/* ---- random numbers --------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

uint64_t random_bits() {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545F4914F6CDD1Du;
}

int64_t pick(int64_t low, int64_t high) {
  return low + (int64_t)(random_bits() % (uint64_t)(high - low + 1));
}

double uniform() {
  return (double)(random_bits() >> 11) * ldexp(2, -53) - 1;
}

static double special() {
  const double some[] = {NAN,          INFINITY, -INFINITY, 0,    -0.0,   1,     -1,
                         1e-40,        -1e-310,  6e-8,      3e38, -1e300, 65504, 70000,
                         2147483648.0, -9.3e18,  0.5,       -2.5, 127,    300};
  return some[pick(0, sizeof some / sizeof *some - 1)];
}

void fill_random(cr_dtype t, void *p, int64_t n, enum values kind) {
  size_t size = cr_sizeof(t);
  for (int64_t i = 0; i < n; i++) {
    cr_scalar s;
    if (kind == NEAR_ONE)
      s = cr_is_float(t) ? cr_num(1 + uniform() / 64) : cr_int(pick(0, 15) ? 1 : 3);
    else if (kind == SMALL)
      s = cr_int(pick(-3, 3));
    else if (!cr_is_float(t))
      s = cr_int((int64_t)random_bits() >> pick(0, 60));
    else
      s = cr_num(kind == SPECIAL && pick(0, 3) == 0 ? special() : 3 * uniform());
    if (t == CR_BOOL) s = cr_int(pick(0, 1));
    cr_store_scalar(t, static_cast<char *>(p) + (size_t)i * size, s);
  }
}

/* ---- operands --------------------------------------------------------------------------- */

/* tensor/tensor.h is not for C++. */
extern "C" {
cr_storage *cr_storage_wrap(cr_dtype dtype, void *data, int64_t size,
                            void (*release)(void *owner, void *data), void *owner);
void cr_storage_release(cr_storage *s);
cr_tensor *cr_view_storage(cr_storage *s, cr_dtype dtype, int64_t offset, int ndim,
                           const int64_t *shape, const int64_t *stride);
void cr_release(cr_tensor *t);
}

const char *const layout_names[] = {"dense",  "shifted", "gaps",  "rows",
                                    "turned", "spread",  "single"};

#define MARGIN 3 /* elements before and behind the tensor */

static void keep(void *, void *) {}

array::array(cr_dtype t, const sizes &s, enum layout how, enum values kind)
    : dtype(t), shape(s), stride(s.size()), first(how == SHIFTED ? 1 : 0), device(NULL) {
  int64_t step = how == GAPS ? 2 : 1, ndim = (int64_t)s.size();
  for (int64_t i = 0; i < ndim; i++) {
    int64_t d = how == TURNED ? i : ndim - 1 - i;
    bool still = how == SINGLE || (how == SPREAD && i % 2 == 0);
    stride[(size_t)d] = still ? 0 : step;
    if (!still) step *= s[(size_t)d] > 0 ? s[(size_t)d] : 1;
    if (how == GAPS || (how == ROWS && i == 0)) step += MARGIN;
  }
  host.resize((size_t)(step + first + MARGIN) * cr_sizeof(t));
  fill_random(t, host.data(), (int64_t)(host.size() / cr_sizeof(t)), kind);
  device = static_cast<char *>(gpu->alloc(first_gpu, host.size()));
  if (!device) check(false, "out of device memory");
}

array::~array() {
  for (cr_tensor *t : views) cr_release(t);
  if (device) gpu->dealloc(first_gpu, device, host.size());
}

cr_tensor *array::view(const sizes &s, const sizes &st) {
  cr_storage *memory =
      cr_storage_wrap(dtype, host.data(), (int64_t)(host.size() / cr_sizeof(dtype)), keep, NULL);
  cr_tensor *t = cr_view_storage(memory, dtype, first, (int)s.size(), s.data(), st.data());
  cr_storage_release(memory);
  if (!t) {
    printf("not ok: a view: %s\n", cr_error());
    exit(1);
  }
  views.push_back(t);
  return t;
}

cr_tensor *array::tensor() {
  return view(shape, stride);
}

int64_t array::numel() const {
  int64_t n = 1;
  for (int64_t s : shape) n *= s;
  return n;
}

void array::upload() {
  check(gpu->from_host(first_gpu, device, host.data(), host.size()), "upload: %s", cr_error());
}

static bool is_close(cr_dtype type, const char *got, const char *expected, tolerance t) {
  if (!memcmp(got, expected, cr_sizeof(type))) return true;
  if (!cr_is_float(type)) return false;
  double x = number_at(type, got), y = number_at(type, expected);
  if (isnan(x) || isnan(y)) return isnan(x) && isnan(y);
  if (t.relative == 0) return false;
  return x == y || fabs(x - y) <= t.relative * fmax(fabs(y), t.near);
}

bool array::same(tolerance t, std::string *difference, double *part_wrong) {
  bytes got(host.size());
  size_t size = cr_sizeof(dtype), wrong = 0, n = host.size() / size;
  if (!gpu->to_host(first_gpu, got.data(), device, host.size())) {
    *difference = text("download: %s", cr_error());
    return false;
  }
  for (size_t i = 0; i < n; i++) {
    const char *x = got.data() + i * size, *y = host.data() + i * size;
    if (is_close(dtype, x, y, t)) continue;
    if (!wrong++)
      *difference = text("element %zu of the memory is %.17g, not %.17g", i, number_at(dtype, x),
                         number_at(dtype, y));
  }
  if (part_wrong) *part_wrong = (double)wrong / (double)n;
  return wrong == 0;
}

/* ---- loops ------------------------------------------------------------------------------ */

void loop::make(const std::vector<cr_tensor *> &views, double value) {
  std::vector<cr_tensor *> in;
  std::vector<size_t> order(1, 0); /* which operand each of the iterator's is */
  for (size_t k = 1; k < views.size(); k++) {
    if (!views[k]) continue;
    in.push_back(views[k]);
    order.push_back(k);
  }
  cr_iter_make(&on_cpu, views[0], (int)in.size(), in.data());
  for (size_t k = 1; k < views.size(); k++) {
    if (views[k]) continue;
    array *other = operands.back() ? operands.back() : operands[operands.size() - 2];
    cr_store_scalar(other->dtype, &number, cr_num(value));
    cr_iter_scalar(&on_cpu, other->dtype, &number);
    order.push_back(k);
  }
  cr_iter made = on_cpu;
  for (size_t i = 0; i < order.size(); i++) on_cpu.op[order[i]] = made.op[i];
  on_gpu = on_cpu;
  for (size_t k = 0; k < operands.size(); k++) {
    if (operands[k]) on_gpu.op[k].data = operands[k]->on_device(on_cpu.op[k].data);
  }
}

static std::vector<cr_tensor *> tensors_of(const std::vector<array *> &operands) {
  std::vector<cr_tensor *> t;
  for (array *a : operands) t.push_back(a ? a->tensor() : NULL);
  return t;
}

loop::loop(const std::vector<array *> &o, double value) : operands(o), number(0) {
  make(tensors_of(o), value);
  upload();
}

loop::loop(const std::vector<array *> &o, const std::vector<cr_tensor *> &views)
    : operands(o), number(0) {
  make(views, 0);
  upload();
}

void loop::flip(int k, int d) {
  if (d >= on_cpu.ndim) return;
  cr_operand *both[] = {&on_cpu.op[k], &on_gpu.op[k]};
  for (cr_operand *o : both) {
    o->data += (on_cpu.shape[d] - 1) * o->stride[d];
    o->stride[d] = -o->stride[d];
  }
}

void loop::upload() {
  for (array *a : operands) {
    if (a) a->upload();
  }
}

bool compare(array &out, bool cpu_ok, bool gpu_ok, tolerance t, const std::string &what) {
  std::string difference;
  if (!check(cpu_ok && gpu_ok, "%s: %s: %s", what.c_str(), cpu_ok ? "GPU" : "CPU", cr_error()))
    return false;
  bool same = out.same(t, &difference);
  return check(same, "%s: %s", what.c_str(), difference.c_str());
}

/* ---- running ---------------------------------------------------------------------------- */

static const struct {
  const char *name;
  void (*run)();
} parts[] = {
    {"copies", test_copies}, {"elementwise", test_elementwise}, {"reductions", test_reductions},
    {"lines", test_lines},   {"places", test_places},           {"numbers", test_numbers},
    {"nn", test_nn},
};

int main(int argc, char **argv) {
  setenv("CRESSET_CUDA", CR_EMULATED_CUDA, 0);
  cpu = cr_backend_of(cr_device{CR_CPU, 0});
  gpu = cr_backend_of(first_gpu);
  if (!gpu) {
    printf("%s\n0 passed, 1 failed\n", cr_error());
    return 1;
  }
  control = cr_plugin_of(CR_CUDA)->control;
  for (const auto &part : parts) {
    bool wanted = argc < 2;
    for (int i = 1; i < argc; i++) wanted = wanted || !strcmp(argv[i], part.name);
    if (!wanted) continue;
    part.run();
    control->empty_cache(0); /* the emulation opens and closes less */
  }
  return report();
}
