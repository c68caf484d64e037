/* pinned.cu: page-locked host memory.
 *
 * cudaHostAlloc and cudaFreeHost wait for all devices, so what was freed is kept for reuse, in size
 * classes.  A block is used again when the copies from and to it are over: a stream that had one is
 * asked for an event when the block is freed. */
#include "cuda/runtime.h"

#include <map>
#include <utility>

#define SMALLEST 4096

namespace {

struct used_by {
  int device;
  cudaStream_t stream;
};

struct block {
  size_t bytes, room; /* as asked for; of its class */
  std::vector<used_by> users;
};

/* A freed block, and what has to be over before it is used again. */
struct leaving {
  char *p;
  size_t room;
  std::vector<cudaEvent_t> events;
};

struct pool {
  std::mutex lock;
  std::map<const char *, block> used;
  std::vector<leaving> busy;
  std::multimap<size_t, char *> free; /* by room */
};

/* Never destroyed: what is freed while the process ends needs it. */
pool &pinned = *new pool;
std::atomic<int> count; /* of pinned.used */

size_t class_size(size_t bytes) {
  if (bytes <= SMALLEST) return SMALLEST;
  size_t step = (size_t)1 << (63 - __builtin_clzll(bytes - 1));
  step = step / 8 < SMALLEST ? SMALLEST : step / 8;
  return (bytes + step - 1) / step * step;
}

/* ---- with the lock held ----------------------------------------------------------------- */

/* An error of a copy is not this block's: the call that waits for the copy tells it. */
bool is_over(std::vector<cudaEvent_t> &events) {
  while (!events.empty()) {
    cudaError_t state = cudaEventQuery(events.back());
    if (state != cudaSuccess) cudaGetLastError();
    if (state == cudaErrorNotReady) return false;
    cudaEventDestroy(events.back());
    events.pop_back();
  }
  return true;
}

void collect() {
  size_t kept = 0;
  for (size_t i = 0; i < pinned.busy.size(); i++) {
    leaving &l = pinned.busy[i];
    if (is_over(l.events))
      pinned.free.emplace(l.room, l.p);
    else
      std::swap(pinned.busy[kept++], l);
  }
  pinned.busy.resize(kept);
}

char *take_free(size_t room) {
  auto found = pinned.free.find(room);
  if (found == pinned.free.end()) return NULL;
  char *p = found->second;
  pinned.free.erase(found);
  return p;
}

/* The block that p lies in, or the end. */
std::map<const char *, block>::iterator find(const void *p) {
  auto after = pinned.used.upper_bound(static_cast<const char *>(p));
  if (after == pinned.used.begin()) return pinned.used.end();
  --after;
  bool inside = static_cast<const char *>(p) < after->first + after->second.bytes;
  return inside ? after : pinned.used.end();
}

/* ---- the table's entries ---------------------------------------------------------------- */

/* A thread that has used no device yet must not begin to use the first one for this. */
int some_device() {
  for (int device = 0; device < cr_cuda_count(); device++)
    if (cr_cuda_is_ready(device)) return device;
  return cr_cuda_device();
}

char *host_alloc(size_t room) {
  void *p;
  if (cudaHostAlloc(&p, room, cudaHostAllocPortable) == cudaSuccess) return static_cast<char *>(p);
  cudaGetLastError();
  return NULL;
}

void *pinned_alloc(size_t bytes) {
  size_t room = class_size(bytes);
  cr_on_device here(some_device());
  std::lock_guard<std::mutex> guard(pinned.lock);
  collect();
  char *p = take_free(room);
  if (!p) p = host_alloc(room);
  if (!p) {
    for (auto &f : pinned.free) cudaFreeHost(f.second);
    pinned.free.clear();
    p = host_alloc(room);
  }
  if (!p) {
    cr_fail("out of memory: no room for %zu bytes of page-locked memory", bytes);
    return NULL;
  }
  pinned.used[p] = block{bytes, room, {}};
  count++;
  return p;
}

bool add_event(const used_by &u, std::vector<cudaEvent_t> *events) {
  cudaEvent_t e;
  if (cudaEventCreateWithFlags(&e, cudaEventDisableTiming) != cudaSuccess) return false;
  events->push_back(e);
  return cudaEventRecord(e, u.stream) == cudaSuccess;
}

void pinned_free(void *p) {
  cr_on_device any(some_device());
  std::lock_guard<std::mutex> guard(pinned.lock);
  auto found = pinned.used.find(static_cast<char *>(p));
  leaving l = {static_cast<char *>(p), found->second.room, {}};
  for (const used_by &u : found->second.users) {
    cr_on_device here(u.device);
    if (!add_event(u, &l.events) && cudaStreamSynchronize(u.stream) != cudaSuccess)
      cudaGetLastError();
  }
  pinned.used.erase(found);
  count--;
  pinned.busy.push_back(l);
  collect();
}

} // namespace

bool cr_cuda_is_pinned(const void *p) {
  if (!count) return false;
  std::lock_guard<std::mutex> guard(pinned.lock);
  return find(p) != pinned.used.end();
}

void cr_cuda_pinned_use(const void *p, int device, cudaStream_t stream) {
  if (!count) return;
  std::lock_guard<std::mutex> guard(pinned.lock);
  auto found = find(p);
  if (found == pinned.used.end()) return;
  for (const used_by &u : found->second.users)
    if (u.device == device && u.stream == stream) return;
  found->second.users.push_back(used_by{device, stream});
}

void cr_cuda_pinned_release() {
  std::lock_guard<std::mutex> guard(pinned.lock);
  collect();
  for (auto &f : pinned.free) cudaFreeHost(f.second);
  pinned.free.clear();
}

void cr_cuda_fill_pinned(cr_device_control *c) {
  c->pinned_alloc = pinned_alloc;
  c->pinned_free = pinned_free;
}
