/* device.cu: devices, streams, events, options. */
#include "cuda/runtime.h"

#include <atomic>
#include <stdio.h>
#include <stdlib.h>

static cr_cuda_state states[CR_CUDA_MOST_DEVICES];
static std::atomic<int> device_count{-1};

static thread_local int in_use;                                 /* the device in use */
static thread_local cudaStream_t current[CR_CUDA_MOST_DEVICES]; /* NULL: the default stream */
static thread_local int current_number[CR_CUDA_MOST_DEVICES];

int cr_cuda_count() {
  int n = device_count;
  if (n >= 0) return n;
  if (cudaGetDeviceCount(&n) != cudaSuccess) n = 0;
  device_count = n < CR_CUDA_MOST_DEVICES ? n : CR_CUDA_MOST_DEVICES;
  return device_count;
}

/* ---- a device becomes ready ------------------------------------------------------------- */

__global__ static void probe() {}

static bool prepare(int device, cr_cuda_state *s) {
  cudaDeviceProp p;
  cudaFuncAttributes attributes;
  if (!cr_cuda_ok(cudaSetDevice(device), "CUDA device") ||
      !cr_cuda_ok(cudaGetDeviceProperties(&p, device), "CUDA device"))
    return false;
  if (cudaFuncGetAttributes(&attributes, probe) != cudaSuccess) {
    cudaGetLastError();
    return cr_fail("CUDA cannot be used: this build has no code for %s (compute capability %d.%d); "
                   "build it again "
                   "with CUDA_ARCH=%d%d",
                   p.name, p.major, p.minor, p.major, p.minor);
  }
  void *record, *on_device;
  if (!cr_cuda_ok(cudaMalloc(&s->taken, sizeof *s->taken), "CUDA device") ||
      !cr_cuda_ok(cudaMemset(s->taken, 0, sizeof *s->taken), "CUDA device") ||
      !cr_cuda_ok(cudaHostAlloc(&record, sizeof *s->record, cudaHostAllocMapped), "CUDA device") ||
      !cr_cuda_ok(cudaHostGetDevicePointer(&on_device, record, 0), "CUDA device"))
    return false;
  s->record = static_cast<cr_refusal_record *>(record);
  s->record->set = 0;
  s->record_on_device = static_cast<cr_refusal_record *>(on_device);
  s->streams.push_back(NULL);
  return true;
}

cr_cuda_state *cr_cuda_state_of(int device) {
  cr_cuda_state *s = &states[device];
  std::call_once(s->once, [=] {
    s->ready = prepare(device, s);
    if (!s->ready) snprintf(s->failure, sizeof s->failure, "%s", cr_cuda_message());
  });
  return s;
}

cr_cuda_state *cr_cuda_here() {
  return cr_cuda_state_of(in_use);
}

bool cr_cuda_is_ready(int device) {
  return states[device].ready;
}

/* ---- the device in use ------------------------------------------------------------------ */

/* CUDA keeps a current device for each thread as well; a host program may change that one, so it is
 * set each time. */
bool cr_cuda_use(cr_device d) {
  cr_cuda_state *s = cr_cuda_state_of(d.index);
  if (!s->ready) return cr_fail("%s", s->failure);
  in_use = d.index;
  cudaSetDevice(d.index);
  cr_cuda_call_begins();
  return true;
}

int cr_cuda_device() {
  return in_use;
}

bool cr_cuda_enter() {
  return cr_cuda_ok(cudaSetDevice(in_use), "CUDA device");
}

cr_on_device::cr_on_device(int device) : before(in_use) {
  in_use = device;
  cudaSetDevice(device);
}

cr_on_device::~cr_on_device() {
  in_use = before;
  if (states[before].ready) cudaSetDevice(before); /* making it current would begin to use it */
}

bool cr_cuda_check_device(int device) {
  if (device < 0 || device >= cr_cuda_count())
    return cr_fail("there is no CUDA device %d: this machine has %d", device + 1, cr_cuda_count());
  return true;
}

static bool properties(int device, cr_device_properties *out) {
  cudaDeviceProp p;
  int clock = 0, driver = 0, runtime = 0;
  if (!cr_cuda_check_device(device) ||
      !cr_cuda_ok(cudaGetDeviceProperties(&p, device), "getDeviceProperties"))
    return false;
  cudaDeviceGetAttribute(&clock, cudaDevAttrClockRate, device);
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  *out = cr_device_properties();
  snprintf(out->name, sizeof out->name, "%s", p.name);
  out->major = p.major, out->minor = p.minor;
  out->multiprocessors = p.multiProcessorCount, out->warp = p.warpSize;
  out->max_threads = p.maxThreadsPerBlock, out->clock_khz = clock;
  out->memory = p.totalGlobalMem, out->shared = p.sharedMemPerBlock;
  snprintf(out->driver, sizeof out->driver, "%d.%d", driver / 1000, driver % 1000 / 10);
  snprintf(out->runtime, sizeof out->runtime, "%d.%d", runtime / 1000, runtime % 1000 / 10);
  return true;
}

static bool device_memory(int device, size_t *free, size_t *total) {
  if (!cr_cuda_check_device(device)) return false;
  cr_on_device here(device);
  return cr_cuda_ok(cudaMemGetInfo(free, total), "getMemoryUsage");
}

static size_t count_streams(cr_cuda_state *s) {
  std::lock_guard<std::mutex> guard(s->lock);
  return s->streams.size();
}

/* What a kernel refused belongs to no call of now: whoever waits begins a call. */
static bool synchronize_device(int device) {
  if (!cr_cuda_check_device(device)) return false;
  cr_on_device here(device);
  if (!cr_cuda_here()->ready) return cr_fail("%s", cr_cuda_here()->failure);
  cr_cuda_call_begins();
  if (!cr_cuda_may("waiting for the GPU")) return false;
  cr_cuda_state *s = cr_cuda_here();
  for (size_t i = 0; i < count_streams(s); i++) {
    cudaStream_t stream;
    if (!cr_cuda_stream_number(device, (int)i, &stream) ||
        !cr_cuda_wait_stream(stream, "synchronize"))
      return false;
  }
  return cr_cuda_ok(cudaDeviceSynchronize(), "synchronize") && cr_cuda_check_refusals();
}

static bool finish() {
  for (int device = 0; device < cr_cuda_count(); device++)
    if (states[device].ready && !synchronize_device(device)) return false;
  return true;
}

void cr_cuda_synchronize_all() {
  for (int device = 0; device < cr_cuda_count(); device++) {
    if (!states[device].ready) continue;
    cr_on_device here(device);
    if (cudaDeviceSynchronize() != cudaSuccess) cudaGetLastError();
  }
}

static void synchronize(cr_device d) {
  synchronize_device(d.index);
}

static int peer(int device, int other) {
  if (!cr_cuda_check_device(device) || !cr_cuda_check_device(other)) return -1;
  int can = device == other;
  if (!can && !cr_cuda_ok(cudaDeviceCanAccessPeer(&can, device, other), "peer")) return -1;
  return can;
}

/* ---- options ---------------------------------------------------------------------------- */

static std::atomic<int> options[CR_NOPTIONS];

static void options_from_environment() {
  static const struct {
    const char *name;
    cr_device_option option;
  } known[] = {{"CRESSET_CUDA_SYNC", CR_OPTION_SYNCHRONOUS}, {"CRESSET_CUDA_TF32", CR_OPTION_TF32}};
  for (const auto &k : known) {
    const char *value = getenv(k.name);
    if (value && *value) options[k.option] = atoi(value) != 0;
  }
}

bool cr_cuda_option(cr_device_option o) {
  return options[o].load(std::memory_order_relaxed) != 0;
}

static int option(cr_device_option o, int value) {
  return value < 0 ? options[o].load() : options[o].exchange(value != 0);
}

/* ---- streams ---------------------------------------------------------------------------- */

cudaStream_t cr_cuda_stream_of(int device) {
  return current[device];
}

cudaStream_t cr_cuda_stream() {
  return current[in_use];
}

cudaStream_t cr_cuda_swap_stream(int device, cudaStream_t s) {
  cudaStream_t before = current[device];
  current[device] = s;
  return before;
}

bool cr_cuda_stream_number(int device, int number, cudaStream_t *out) {
  if (!cr_cuda_check_device(device)) return false;
  if (number < 0 || number > 1023) return cr_fail("there is no stream %d", number);
  cr_cuda_state *s = cr_cuda_state_of(device);
  if (!s->ready) return cr_fail("%s", s->failure);
  cr_on_device here(device);
  std::lock_guard<std::mutex> guard(s->lock);
  while ((int)s->streams.size() <= number) {
    cudaStream_t made;
    if (!cr_cuda_ok(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking), "streams"))
      return false;
    s->streams.push_back(made);
  }
  *out = s->streams[number];
  return true;
}

bool cr_cuda_copy_stream(int device, cudaStream_t *out) {
  if (!cr_cuda_check_device(device)) return false;
  cr_cuda_state *s = cr_cuda_state_of(device);
  if (!s->ready) return cr_fail("%s", s->failure);
  cr_on_device here(device);
  std::lock_guard<std::mutex> guard(s->lock);
  if (!s->copies &&
      !cr_cuda_ok(cudaStreamCreateWithFlags(&s->copies, cudaStreamNonBlocking), "streams"))
    return false;
  *out = s->copies;
  return true;
}

static bool set_stream(int device, int number) {
  cudaStream_t s;
  if (!cr_cuda_may("another stream") || !cr_cuda_stream_number(device, number, &s)) return false;
  current[device] = s;
  current_number[device] = number;
  return true;
}

static int stream_number(int device) {
  return cr_cuda_check_device(device) ? current_number[device] : -1;
}

static bool stream_synchronize(int device, int number) {
  cudaStream_t s;
  if (!cr_cuda_may("waiting for the GPU") || !cr_cuda_stream_number(device, number, &s))
    return false;
  cr_on_device here(device);
  cr_cuda_call_begins();
  return cr_cuda_wait_stream(s, "streamSynchronize") && cr_cuda_check_refusals();
}

static bool stream_wait(int device, int number, int other_device, int other_number) {
  cudaStream_t s, other;
  cudaEvent_t e;
  if (!cr_cuda_may("waiting for a stream") || !cr_cuda_stream_number(device, number, &s) ||
      !cr_cuda_stream_number(other_device, other_number, &other))
    return false;
  cr_on_device there(other_device);
  if (!cr_cuda_ok(cudaEventCreateWithFlags(&e, cudaEventDisableTiming), "streamWaitFor"))
    return false;
  bool ok = cr_cuda_ok(cudaEventRecord(e, other), "streamWaitFor");
  if (ok) {
    cr_on_device here(device);
    ok = cr_cuda_ok(cudaStreamWaitEvent(s, e, 0), "streamWaitFor");
  }
  cudaEventDestroy(e);
  return ok;
}

/* ---- events ----------------------------------------------------------------------------- */

struct cr_event {
  cudaEvent_t e;
  int device;
};

static cr_event *event_new(int device) {
  if (!cr_cuda_check_device(device)) return NULL;
  cr_on_device here(device);
  cudaEvent_t e;
  if (!cr_cuda_ok(cudaEventCreate(&e), "Event")) return NULL;
  cr_event *made = static_cast<cr_event *>(cr_cuda_core->host_alloc(sizeof *made));
  if (!made) {
    cudaEventDestroy(e);
    cr_fail("Event: out of memory");
    return NULL;
  }
  made->e = e, made->device = device;
  return made;
}

static void event_free(cr_event *e) {
  cudaEventDestroy(e->e);
  cr_cuda_core->host_free(e, sizeof *e);
}

static bool event_record(cr_event *e, int number) {
  cudaStream_t s;
  if (!cr_cuda_may("an event") || !cr_cuda_stream_number(e->device, number, &s)) return false;
  cr_on_device here(e->device);
  return cr_cuda_ok(cudaEventRecord(e->e, s), "Event:record");
}

static bool event_wait(cr_event *e, int device, int number) {
  cudaStream_t s;
  if (!cr_cuda_may("an event") || !cr_cuda_stream_number(device, number, &s)) return false;
  cr_on_device here(device);
  return cr_cuda_ok(cudaStreamWaitEvent(s, e->e, 0), "Event:waitOn");
}

static bool event_synchronize(cr_event *e) {
  cr_on_device here(e->device);
  cr_cuda_call_begins();
  if (!cr_cuda_may("waiting for the GPU")) return false;
  return cr_cuda_wait_event(e->e, "Event:synchronize") && cr_cuda_check_refusals();
}

static int event_done(cr_event *e) {
  cudaError_t status = cudaEventQuery(e->e);
  if (status == cudaErrorNotReady) {
    cudaGetLastError();
    return 0;
  }
  return cr_cuda_ok(status, "Event:query") ? 1 : -1;
}

static bool event_elapsed(cr_event *from, cr_event *to, double *milliseconds) {
  float ms = 0;
  if (from->device != to->device)
    return cr_fail("Event:elapsed: one event is of device %d, the other of device %d",
                   from->device + 1, to->device + 1);
  if (!cr_cuda_ok(cudaEventElapsedTime(&ms, from->e, to->e), "Event:elapsed")) return false;
  *milliseconds = ms;
  return true;
}

/* ---- the tables ------------------------------------------------------------------------- */

void cr_cuda_fill_device(cr_backend *b, cr_device_control *c) {
  options_from_environment();
  b->use = cr_cuda_use;
  b->synchronize = synchronize;
  c->count = cr_cuda_count;
  c->properties = properties;
  c->memory = device_memory;
  c->synchronize = synchronize_device;
  c->finish = finish;
  c->option = option;
  c->set_stream = set_stream;
  c->stream = stream_number;
  c->stream_synchronize = stream_synchronize;
  c->stream_wait = stream_wait;
  c->event_new = event_new;
  c->event_free = event_free;
  c->event_record = event_record;
  c->event_wait = event_wait;
  c->event_synchronize = event_synchronize;
  c->event_done = event_done;
  c->event_elapsed = event_elapsed;
  c->peer = peer;
}
