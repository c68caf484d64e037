/* streams.cc: streams and events.  Work is done when it is asked for, so they are order only; what
 * is checked is that they are alive and on the right device. */
#include "internal.h"

#include <set>
#include <time.h>

struct CUstream_st {
  int device;
  unsigned flags;
  int priority;
};

struct CUevent_st {
  int device;
  unsigned flags;
  bool recorded, captured; /* captured: the mark is of a graph */
  double milliseconds;
};

namespace emulation {

/* Never destroyed: streams that a program keeps to its end do not leak. */
static std::set<cudaStream_t> &streams = *new std::set<cudaStream_t>;
static std::set<cudaEvent_t> &events = *new std::set<cudaEvent_t>;

/* The default streams belong to whatever device is current. */
static bool is_default(cudaStream_t stream) {
  return !stream || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}

bool valid_stream(cudaStream_t stream) {
  return is_default(stream) || streams.count(stream) > 0;
}

int stream_device(cudaStream_t stream) {
  return is_default(stream) ? current_device() : stream->device;
}

void streams_release_all(int device) {
  for (auto i = streams.begin(); i != streams.end();) {
    cudaStream_t stream = *i;
    i = stream->device == device ? streams.erase(i) : std::next(i);
    if (!streams.count(stream)) delete stream;
  }
  for (auto i = events.begin(); i != events.end();) {
    cudaEvent_t event = *i;
    i = event->device == device ? events.erase(i) : std::next(i);
    if (!events.count(event)) delete event;
  }
}

double now() {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

} // namespace emulation

using namespace emulation;
using guard = std::lock_guard<std::recursive_mutex>;

long long cr_emulation_clock(void) {
  return (long long)(now() * 1e6);
}

/* ---- streams
 * --------------------------------------------------------------------------------------- */

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *pStream, unsigned int flags, int priority) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!pStream || flags > cudaStreamNonBlocking) return fail(cudaErrorInvalidValue);
  guard g(lock);
  int clamped = priority > 0 ? 0 : priority < -5 ? -5 : priority;
  *pStream = new CUstream_st{current_device(), flags, clamped};
  streams.insert(*pStream);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *pStream, unsigned int flags) {
  return cudaStreamCreateWithPriority(pStream, flags, 0);
}

cudaError_t cudaStreamCreate(cudaStream_t *pStream) {
  return cudaStreamCreateWithPriority(pStream, cudaStreamDefault, 0);
}

/* What every call that takes a stream asks first; the lock is held. */
static cudaError_t check_stream(cudaStream_t stream) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  return valid_stream(stream) ? cudaSuccess : fail(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaStreamGetPriority(cudaStream_t hStream, int *priority) {
  guard g(lock);
  cudaError_t error = check_stream(hStream);
  if (error != cudaSuccess) return error;
  if (!priority) return fail(cudaErrorInvalidValue);
  *priority = is_default(hStream) ? 0 : hStream->priority;
  return cudaSuccess;
}

cudaError_t cudaStreamGetFlags(cudaStream_t hStream, unsigned int *flags) {
  guard g(lock);
  cudaError_t error = check_stream(hStream);
  if (error != cudaSuccess) return error;
  if (!flags) return fail(cudaErrorInvalidValue);
  *flags = is_default(hStream) ? cudaStreamDefault : hStream->flags;
  return cudaSuccess;
}

cudaError_t cudaStreamGetDevice(cudaStream_t hStream, int *device) {
  guard g(lock);
  cudaError_t error = check_stream(hStream);
  if (error != cudaSuccess) return error;
  if (!device) return fail(cudaErrorInvalidValue);
  *device = stream_device(hStream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  guard g(lock);
  cudaError_t error = check_stream(stream);
  if (error != cudaSuccess) return error;
  if (is_default(stream)) return fail(cudaErrorInvalidResourceHandle);
  streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

static cudaError_t look_at_stream(cudaStream_t stream) {
  guard g(lock);
  cudaError_t error = check_stream(stream);
  return error != cudaSuccess ? error : refuse_capture(stream, cudaErrorStreamCaptureUnsupported);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  wait_while_busy();
  return look_at_stream(stream);
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  cudaError_t error = look_at_stream(stream);
  return error == cudaSuccess && has_come(FAULT_BUSY) ? fail(cudaErrorNotReady) : error;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t fn, void *userData) {
  {
    guard g(lock);
    cudaError_t error = check_stream(stream);
    if (error != cudaSuccess) return error;
  }
  if (!fn) return fail(cudaErrorInvalidValue);
  call_host_function(fn, userData);
  return cudaSuccess;
}

/* ---- events
 * ---------------------------------------------------------------------------------------- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!event || flags > 7) return fail(cudaErrorInvalidValue);
  guard g(lock);
  *event = new CUevent_st{current_device(), flags, false, false, 0};
  events.insert(*event);
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

static cudaError_t check_event(cudaEvent_t event) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  return events.count(event) ? cudaSuccess : fail(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  guard g(lock);
  cudaError_t error = check_event(event);
  if (error == cudaSuccess) error = check_stream(stream);
  if (error != cudaSuccess) return error;
  if (event->device != stream_device(stream)) return fail(cudaErrorInvalidResourceHandle);
  event->recorded = true;
  event->captured = is_capturing(stream);
  event->milliseconds = now();
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags) {
  guard g(lock);
  cudaError_t error = check_event(event);
  if (error == cudaSuccess) error = check_stream(stream);
  if (error != cudaSuccess) return error;
  /* Graphs of several streams are not for here. */
  if (is_capturing(stream) != event->captured) {
    (void)refuse_capture(stream, cudaErrorStreamCaptureIsolation);
    return fail(cudaErrorStreamCaptureIsolation);
  }
  return flags <= 1 ? cudaSuccess : fail(cudaErrorInvalidValue);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  guard g(lock);
  cudaError_t error = check_event(event);
  return error == cudaSuccess && has_come(FAULT_BUSY) ? fail(cudaErrorNotReady) : error;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  wait_while_busy();
  guard g(lock);
  return check_event(event);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  guard g(lock);
  cudaError_t error = check_event(event);
  if (error != cudaSuccess) return error;
  events.erase(event);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end) {
  guard g(lock);
  cudaError_t error = check_event(start);
  if (error == cudaSuccess) error = check_event(end);
  if (error != cudaSuccess) return error;
  if (!ms) return fail(cudaErrorInvalidValue);
  if ((start->flags | end->flags) & cudaEventDisableTiming || !start->recorded || !end->recorded ||
      start->device != end->device)
    return fail(cudaErrorInvalidResourceHandle);
  *ms = (float)(end->milliseconds - start->milliseconds);
  return cudaSuccess;
}
