/* compile.cu: kernels that are compiled while the program runs: NVRTC makes code of their source,
 * the driver loads and starts it. */
#include "cuda/library.h"
#include "cuda/runtime.h"

#include <new>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

static const char *const WHAT = "a kernel compiled from source";

/* ---- compiling -------------------------------------------------------------------------- */

static bool nvrtc_ok(const cr_nvrtc *n, nvrtcResult r, const char *call) {
  return r == NVRTC_SUCCESS || cr_fail("%s failed: %s", call, n->nvrtcGetErrorString(r));
}

static int compiler() {
  int major, minor;
  const cr_nvrtc *n = cr_open_nvrtc(WHAT);
  if (!n || !nvrtc_ok(n, n->nvrtcVersion(&major, &minor), "nvrtcVersion")) return 0;
  return major * 1000 + minor * 10;
}

/* The option that names the device's capability; for one that the compiler does not know yet, the
 * newest that it knows, whose PTX the driver compiles. */
static bool choose_target(const cr_nvrtc *n, int device, char *option, size_t size, bool *ptx) {
  int major = 0, minor = 0, count = 0;
  if (!cr_cuda_ok(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
                  WHAT) ||
      !cr_cuda_ok(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device),
                  WHAT) ||
      !nvrtc_ok(n, n->nvrtcGetNumSupportedArchs(&count), "nvrtcGetNumSupportedArchs"))
    return false;
  std::vector<int> known((size_t)count);
  if (count && !nvrtc_ok(n, n->nvrtcGetSupportedArchs(known.data()), "nvrtcGetSupportedArchs"))
    return false;
  int wanted = major * 10 + minor, best = 0;
  for (int arch : known)
    if (arch <= wanted && arch > best) best = arch;
  *ptx = best != wanted;
  snprintf(option, size, "--gpu-architecture=%s_%d", *ptx ? "compute" : "sm", best);
  return best > 0 ||
         cr_fail("%s: the compiler knows no capability up to %d.%d", WHAT, major, minor);
}

struct program {
  const cr_nvrtc *n;
  nvrtcProgram made = NULL;
  explicit program(const cr_nvrtc *functions) : n(functions) {}
  ~program() {
    if (made) n->nvrtcDestroyProgram(&made);
  }
  program(const program &) = delete;
  program &operator=(const program &) = delete;
};

static bool take_log(const program &p, cr_kernel_image *out) {
  size_t size = 0;
  if (!nvrtc_ok(p.n, p.n->nvrtcGetProgramLogSize(p.made, &size), "nvrtcGetProgramLogSize"))
    return false;
  out->log = static_cast<char *>(calloc(size + 1, 1));
  if (!out->log) return cr_fail("out of memory: no room for %zu bytes", size);
  return nvrtc_ok(p.n, p.n->nvrtcGetProgramLog(p.made, out->log), "nvrtcGetProgramLog");
}

static bool take_code(const program &p, bool ptx, cr_kernel_image *out) {
  if (!nvrtc_ok(p.n,
                ptx ? p.n->nvrtcGetPTXSize(p.made, &out->bytes)
                    : p.n->nvrtcGetCUBINSize(p.made, &out->bytes),
                "asking for the code's size"))
    return false;
  char *code = static_cast<char *>(malloc(out->bytes + 1));
  if (!code) return cr_fail("out of memory: no room for %zu bytes", out->bytes);
  out->code = code;
  return nvrtc_ok(p.n, ptx ? p.n->nvrtcGetPTX(p.made, code) : p.n->nvrtcGetCUBIN(p.made, code),
                  "asking for the code");
}

static bool compile_into(int device, const cr_kernel_source *s, cr_kernel_image *out) {
  const cr_nvrtc *n = cr_open_nvrtc(WHAT);
  char target[64];
  bool ptx;
  if (!n || !choose_target(n, device, target, sizeof target, &ptx)) return false;
  std::vector<const char *> options(s->options, s->options + s->noptions);
  options.push_back(target);
  program p(n);
  if (!nvrtc_ok(n, n->nvrtcCreateProgram(&p.made, s->text, s->file, 0, NULL, NULL),
                "nvrtcCreateProgram") ||
      !nvrtc_ok(n, n->nvrtcAddNameExpression(p.made, s->name), "nvrtcAddNameExpression"))
    return false;
  nvrtcResult result = n->nvrtcCompileProgram(p.made, (int)options.size(), options.data());
  if (!take_log(p, out) || !nvrtc_ok(n, result, "compiling")) return false;
  const char *name;
  if (!nvrtc_ok(n, n->nvrtcGetLoweredName(p.made, s->name, &name), "nvrtcGetLoweredName"))
    return false;
  out->name = strdup(name);
  return out->name ? take_code(p, ptx, out) : cr_fail("out of memory for a kernel's name");
}

static void image_free(cr_kernel_image *image) {
  free(image->name);
  free(image->code);
  free(image->log);
  *image = cr_kernel_image();
}

static bool kernel_compile(int device, const cr_kernel_source *s, cr_kernel_image *out) {
  *out = cr_kernel_image();
  return compile_into(device, s, out);
}

/* ---- loading and starting --------------------------------------------------------------- */

struct cr_compiled {
  int device;
  CUmodule module;
  CUfunction function;
};

static bool driver_ok(const cr_driver *d, CUresult r, const char *call) {
  if (r == CUDA_SUCCESS) return true;
  const char *text = NULL;
  if (d->cuGetErrorString(r, &text) != CUDA_SUCCESS || !text) text = "unknown error";
  return cr_fail("%s failed: %s", call, text);
}

static cr_compiled *kernel_load(int device, const cr_kernel_image *image) {
  cr_on_device here(device);
  const cr_driver *d = cr_open_driver(WHAT);
  if (!d) return NULL;
  cr_compiled *k = new (std::nothrow) cr_compiled{device, NULL, NULL};
  if (!k) {
    cr_fail("%s: out of memory", WHAT);
    return NULL;
  }
  if (!driver_ok(d, d->cuModuleLoadData(&k->module, image->code), "cuModuleLoadData")) {
    delete k;
    return NULL;
  }
  if (driver_ok(d, d->cuModuleGetFunction(&k->function, k->module, image->name),
                "cuModuleGetFunction"))
    return k;
  d->cuModuleUnload(k->module);
  delete k;
  return NULL;
}

/* Waits for the kernel where it still runs. */
static void kernel_free(cr_compiled *k) {
  cr_on_device here(k->device);
  const cr_driver *d = cr_open_driver(WHAT);
  if (d) d->cuModuleUnload(k->module);
  delete k;
}

static bool kernel_info(cr_compiled *k, cr_kernel_info *out) {
  cr_on_device here(k->device);
  const cr_driver *d = cr_open_driver(WHAT);
  int shared = 0, local = 0;
  if (!d ||
      !driver_ok(d, d->cuFuncGetAttribute(&out->registers, CU_FUNC_ATTRIBUTE_NUM_REGS, k->function),
                 "cuFuncGetAttribute") ||
      !driver_ok(d,
                 d->cuFuncGetAttribute(&out->max_threads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
                                       k->function),
                 "cuFuncGetAttribute") ||
      !driver_ok(d,
                 d->cuFuncGetAttribute(&shared, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, k->function),
                 "cuFuncGetAttribute") ||
      !driver_ok(d, d->cuFuncGetAttribute(&local, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, k->function),
                 "cuFuncGetAttribute"))
    return false;
  out->shared = (size_t)shared, out->local = (size_t)local;
  return true;
}

#define SHARED_WITHOUT_ASKING (48 << 10) /* bytes; more a kernel must be allowed */

static bool kernel_launch(cr_compiled *k, const cr_kernel_shape *shape, void **arguments) {
  cr_on_device here(k->device);
  const cr_driver *d = cr_open_driver(WHAT);
  if (!d) return false;
  if (shape->shared > SHARED_WITHOUT_ASKING &&
      !driver_ok(d,
                 d->cuFuncSetAttribute(k->function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                       (int)shape->shared),
                 "asking for shared memory"))
    return false;
  const unsigned *g = shape->grid, *b = shape->block;
  return driver_ok(d,
                   d->cuLaunchKernel(k->function, g[0], g[1], g[2], b[0], b[1], b[2],
                                     (unsigned)shape->shared, cr_cuda_stream(), arguments, NULL),
                   "starting the kernel") &&
         cr_cuda_launched("a compiled kernel");
}

void cr_cuda_fill_compile(cr_device_control *c) {
  c->compiler = compiler;
  c->kernel_compile = kernel_compile;
  c->image_free = image_free;
  c->kernel_load = kernel_load;
  c->kernel_free = kernel_free;
  c->kernel_info = kernel_info;
  c->kernel_launch = kernel_launch;
}
