/* errors.cu: messages, and what kernels refused. */
#include "cuda/runtime.h"

#include <atomic>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* ---- messages --------------------------------------------------------------------------- */

static thread_local char message[1024];

/* The plug-in's own: the message goes to the core. */
bool cr_fail(const char *format, ...) {
  char text[sizeof message]; /* the arguments may contain the old message */
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(message, sizeof message, "%s", text);
  cr_cuda_core->set_error(text);
  return false;
}

const char *cr_cuda_message() {
  return message;
}

/* Whether the error is one after which CUDA refuses everything in this process. */
static bool is_final(cudaError_t e) {
  return e == cudaErrorIllegalAddress || e == cudaErrorLaunchFailure ||
         e == cudaErrorLaunchTimeout || e == cudaErrorIllegalInstruction ||
         e == cudaErrorMisalignedAddress || e == cudaErrorECCUncorrectable ||
         e == cudaErrorHardwareStackError || e == cudaErrorInvalidAddressSpace ||
         e == cudaErrorInvalidPc || e == cudaErrorAssert || e == cudaErrorNvlinkUncorrectable;
}

bool cr_cuda_ok(cudaError_t e, const char *what) {
  if (e == cudaSuccess) return true;
  cudaGetLastError(); /* the next call should not find it again */
  return cr_fail("%s: CUDA: %s (%s)%s", what, cudaGetErrorString(e), cudaGetErrorName(e),
                 is_final(e) ? "; this process can no longer use the device: save what is in host "
                               "memory, and start again"
                             : "");
}

/* ---- refusals --------------------------------------------------------------------------- */

#define CALLS 4096 /* whose names are remembered */

static std::atomic<unsigned> last_serial;
static std::atomic<const char *> names[CALLS];
static thread_local unsigned this_call; /* the serial of a guard of the call that is running */

void cr_cuda_call_begins() {
  this_call = 0;
}

cr_guard cr_guard_for(const char *what) {
  cr_cuda_state *s = cr_cuda_here();
  unsigned serial = ++last_serial;
  if (!serial) serial = ++last_serial; /* 0 is nobody's */
  names[serial % CALLS] = what;
  this_call = serial;
  cr_guard g = {s->taken, s->record_on_device, serial};
  return g;
}

static void describe(const cr_refusal_record &r, char *text, size_t size) {
  long long number = (long long)((unsigned long long)r.a + 1); /* as scripts count */
  switch (r.kind) {
  case CR_REFUSED_INDEX:
    snprintf(text, size, "index %lld is out of range: the size is %lld", number, r.b);
    break;
  case CR_REFUSED_TARGET:
    snprintf(text, size, "target %lld is outside 1..%lld", number, r.b);
    break;
  default: snprintf(text, size, "division by zero"); break;
  }
}

/* Fails with the message of a refusal that a kernel has written, and makes room for the next. */
bool cr_cuda_check_refusals() {
  cr_cuda_state *s = cr_cuda_here();
  if (!s->record->set) return true;
  cr_refusal_record r;
  r.kind = s->record->kind, r.serial = s->record->serial;
  r.a = s->record->a, r.b = s->record->b;
  s->record->set = 0;
  cudaStream_t now = cr_cuda_capturing() ? NULL : cr_cuda_stream();
  cudaMemsetAsync(s->taken, 0, sizeof *s->taken, now);
  char text[128];
  describe(r, text, sizeof text);
  if (r.serial == this_call) return cr_fail("%s", text);
  return cr_fail("%s, in an earlier call (%s): the GPU works behind the script; with CRESSET_CUDA_"
                 "SYNC=1 or cutorch.setSynchronous(true) the error comes at its own line",
                 text, names[r.serial % CALLS].load());
}

bool cr_cuda_launched(const char *name) {
  cudaError_t e = cudaGetLastError();
  if (e != cudaSuccess) return cr_cuda_ok(e, name);
  return cr_cuda_option(CR_OPTION_SYNCHRONOUS) ? cr_cuda_wait() : cr_cuda_check_refusals();
}

/* ---- waiting ---------------------------------------------------------------------------- */

#define SPINS 2000   /* looks at once: about a millisecond */
#define PAUSE_US 100 /* between the later ones */

/* Looks until query() is no longer "not ready", or the script is interrupted: CUDA's own waiting
 * would not hear of that. */
template <typename F> static bool wait_until(const F &query, const char *what) {
  for (int i = 0;; i++) {
    cudaError_t e = query();
    if (e != cudaErrorNotReady) return cr_cuda_ok(e, what);
    cudaGetLastError();
    if (cr_cuda_core->interrupted())
      return cr_fail("%s: interrupted; the GPU goes on with what it was given", what);
    if (i >= SPINS) usleep(PAUSE_US);
  }
}

bool cr_cuda_wait_stream(cudaStream_t s, const char *what) {
  return wait_until([=] { return cudaStreamQuery(s); }, what);
}

bool cr_cuda_wait_event(cudaEvent_t e, const char *what) {
  return wait_until([=] { return cudaEventQuery(e); }, what);
}

bool cr_cuda_wait() {
  return cr_cuda_may("reading numbers, which waits for the GPU") &&
         cr_cuda_wait_stream(cr_cuda_stream(), "waiting for the GPU") && cr_cuda_check_refusals();
}

bool cr_cuda_read(void *host, const void *dev, size_t bytes, const char *what) {
  return cr_cuda_wait() &&
         cr_cuda_ok(cudaMemcpyAsync(host, dev, bytes, cudaMemcpyDeviceToHost, cr_cuda_stream()),
                    what) &&
         cr_cuda_wait();
}
