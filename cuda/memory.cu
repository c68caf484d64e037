/* memory.cu: device memory, and copies from, to and between devices.
 *
 * cudaMalloc and cudaFree wait for the whole device, so what was freed is kept for reuse.  Blocks
 * come in size classes, eight to each power of two; those below 1 MB are cut from slabs of 2 MB.  A
 * block belongs to the stream on which it was asked for, and is used again on that stream only:
 * work that is still under way there comes first, so that nobody has to wait for it. */
#include "cuda/runtime.h"

#include <map>
#include <set>
#include <utility>

#define SMALLEST 512
#define SLAB ((size_t)2 << 20)
#define SLAB_BLOCK ((size_t)1 << 20) /* blocks below come from slabs */

bool cr_cuda_let_wait(int on, cudaStream_t later, int of, cudaStream_t earlier) {
  cudaEvent_t e;
  cr_on_device there(of);
  if (!cr_cuda_ok(cudaEventCreateWithFlags(&e, cudaEventDisableTiming), "waiting")) return false;
  bool ok = cr_cuda_ok(cudaEventRecord(e, earlier), "waiting");
  if (ok) {
    cr_on_device here(on);
    ok = cr_cuda_ok(cudaStreamWaitEvent(later, e, 0), "waiting");
  }
  cudaEventDestroy(e);
  return ok;
}

namespace {

/* A piece of memory from cudaMalloc: a slab of equal blocks, or one block. */
struct segment {
  size_t bytes, block;
  cudaStream_t stream;
  int used; /* blocks */
};

typedef std::pair<cudaStream_t, size_t> kind; /* the stream and the size of a block */

struct pool {
  std::mutex lock;
  std::map<char *, segment> segments;
  std::map<kind, std::vector<char *>> free;
  std::set<cudaStream_t> of_graphs;     /* streams; a graph uses its blocks at each launch, */
  std::set<cudaStream_t> reserved;      /* as long as it is there */
  std::map<char *, cudaEvent_t> coming; /* blocks that a copy ahead writes, and when it is over */
  size_t live, peak, held;              /* bytes: of blocks in use, most of it, from cudaMalloc */
};

pool pools[CR_CUDA_MOST_DEVICES];

size_t class_size(size_t bytes) {
  if (bytes <= SMALLEST) return SMALLEST;
  size_t step = (size_t)1 << (63 - __builtin_clzll(bytes - 1));
  step = step / 8 < SMALLEST ? SMALLEST : step / 8;
  return (bytes + step - 1) / step * step;
}

/* The emulation is told which bytes of a block are in use, and finds what is written behind them.
 */
#ifdef CR_CUDA_EMULATION
const size_t GUARD = 64;
void begin_use(char *block, size_t bytes, size_t room) {
  cr_emulation_carve(block, bytes, room);
}
void end_use(char *block) {
  cr_emulation_uncarve(block);
}
#else
const size_t GUARD = 0;
void begin_use(char *, size_t, size_t) {}
void end_use(char *) {}
#endif

/* ---- with the pool's lock held ---------------------------------------------------------- */

char *take_free(pool &p, const kind &k) {
  auto found = p.free.find(k);
  if (found == p.free.end() || found->second.empty()) return NULL;
  char *block = found->second.back();
  found->second.pop_back();
  return block;
}

/* A new segment, whose blocks are all free. */
bool grow(pool &p, const kind &k) {
  void *base;
  size_t bytes = k.second < SLAB_BLOCK ? SLAB / k.second * k.second : k.second;
  if (cudaMalloc(&base, bytes) != cudaSuccess) {
    cudaGetLastError();
    return false;
  }
  char *first = static_cast<char *>(base);
  p.segments[first] = segment{bytes, k.second, k.first, 0};
  p.held += bytes;
  std::vector<char *> &list = p.free[k];
  bool whole = p.of_graphs.count(k.first) > 0;
  for (size_t at = bytes; at >= k.second; at -= k.second) {
    char *block = first + at - k.second;
    if (whole) begin_use(block, k.second - GUARD, k.second);
    list.push_back(block);
  }
  return true;
}

segment &segment_of(pool &p, char *block) {
  auto after = p.segments.upper_bound(block);
  return (--after)->second;
}

/* Gives segments of which nothing is in use back to CUDA. */
void release_unused(pool &p) {
  for (auto &list : p.free) {
    if (p.reserved.count(list.first.first)) continue;
    std::vector<char *> kept;
    for (char *block : list.second) {
      if (segment_of(p, block).used) kept.push_back(block);
    }
    list.second.swap(kept);
  }
  for (auto s = p.segments.begin(); s != p.segments.end();) {
    if (s->second.used || p.reserved.count(s->second.stream)) {
      ++s;
      continue;
    }
    for (size_t at = 0; p.of_graphs.count(s->second.stream) && at < s->second.bytes;
         at += s->second.block)
      end_use(s->first + at);
    p.held -= s->second.bytes;
    cudaFree(s->first);
    s = p.segments.erase(s);
  }
}

/* ---- blocks ----------------------------------------------------------------------------- */

void *device_alloc(int device, size_t bytes) {
  pool &p = pools[device];
  kind k(cr_cuda_stream_of(device), class_size(bytes + GUARD));
  cr_on_device here(device);
  std::lock_guard<std::mutex> guard(p.lock);
  char *block = take_free(p, k);
  if (!block && !grow(p, k)) {
    release_unused(p);
    if (!grow(p, k)) return NULL;
  }
  if (!block) block = take_free(p, k);
  if (!p.of_graphs.count(k.first)) begin_use(block, bytes, k.second);
  segment_of(p, block).used++;
  p.live += k.second;
  if (p.live > p.peak) p.peak = p.live;
  return block;
}

/* Lets a stream wait for the copy ahead that writes a block, if there is one; with the lock held.
 */
bool wait_for_copy(pool &p, char *block, cudaStream_t stream) {
  auto found = p.coming.find(block);
  if (found == p.coming.end()) return true;
  bool ok = cr_cuda_ok(cudaStreamWaitEvent(stream, found->second, 0), "copy");
  if (!ok && cudaEventSynchronize(found->second) != cudaSuccess) cudaGetLastError();
  cudaEventDestroy(found->second);
  p.coming.erase(found);
  return ok;
}

void device_free(int device, void *block) {
  pool &p = pools[device];
  cr_on_device here(device);
  std::lock_guard<std::mutex> guard(p.lock);
  segment &s = segment_of(p, static_cast<char *>(block));
  wait_for_copy(p, static_cast<char *>(block), s.stream); /* one that nobody has asked for */
  cudaStream_t user = cr_cuda_stream_of(device);
  if (s.stream != user && cr_cuda_capturing()) {
    cr_cuda_graph_keep(block); /* work that comes before and after may use it */
    return;
  }
  /* the block's stream has to wait for what the current one may still do with it */
  if (s.stream != user && !cr_cuda_let_wait(device, s.stream, device, user))
    cudaStreamSynchronize(user);
  if (!p.of_graphs.count(s.stream)) end_use(static_cast<char *>(block));
  s.used--;
  p.live -= s.block;
  p.free[kind(s.stream, s.block)].push_back(static_cast<char *>(block));
}

bool out_of_memory(int device, size_t bytes) {
  pool &p = pools[device];
  size_t free = 0, total = 0;
  cr_on_device here(device);
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) cudaGetLastError();
  return cr_fail("out of memory on CUDA device %d: no room for %zu bytes (%zu in use, %zu cached, "
                 "%zu free of %zu)",
                 device + 1, bytes, p.live, p.held - p.live, free, total);
}

/* ---- the table's entries ---------------------------------------------------------------- */

void *table_alloc(cr_device d, size_t bytes) {
  return device_alloc(d.index, bytes);
}

void table_dealloc(cr_device d, void *p, size_t) {
  if (p) device_free(d.index, p);
}

void memory(cr_device d, cr_memory_stats *out) {
  pool &p = pools[d.index];
  std::lock_guard<std::mutex> guard(p.lock);
  out->live = p.live;
  out->peak = p.peak;
  out->cached = p.held - p.live;
}

void reset_peak(int device) {
  if (device < 0 || device >= cr_cuda_count()) return;
  pool &p = pools[device];
  std::lock_guard<std::mutex> guard(p.lock);
  p.peak = p.live;
}

void empty_cache(int device) {
  if (device < 0 || device >= cr_cuda_count()) return;
  cr_on_device here(device);
  std::lock_guard<std::mutex> guard(pools[device].lock);
  release_unused(pools[device]);
  cr_cuda_pinned_release();
}

/* ---- copies ----------------------------------------------------------------------------- */

bool to_host_async(cr_device d, void *host, const void *dev, size_t bytes) {
  cr_on_device here(d.index);
  cr_cuda_pinned_use(host, d.index, cr_cuda_stream());
  return !bytes ||
         cr_cuda_ok(cudaMemcpyAsync(host, dev, bytes, cudaMemcpyDeviceToHost, cr_cuda_stream()),
                    "copy");
}

bool from_host_async(cr_device d, void *dev, const void *host, size_t bytes) {
  cr_on_device here(d.index);
  cr_cuda_pinned_use(host, d.index, cr_cuda_stream());
  return !bytes ||
         cr_cuda_ok(cudaMemcpyAsync(dev, host, bytes, cudaMemcpyHostToDevice, cr_cuda_stream()),
                    "copy");
}

bool to_host(cr_device d, void *host, const void *dev, size_t bytes) {
  cr_on_device here(d.index);
  return cr_cuda_wait() && to_host_async(d, host, dev, bytes) && cr_cuda_wait();
}

/* From ordinary memory CUDA has read everything when it returns; page-locked memory it reads later.
 */
bool from_host(cr_device d, void *dev, const void *host, size_t bytes) {
  cr_on_device here(d.index);
  if (bytes && cr_cuda_capturing()) { /* the graph copies what is there now */
    host = cr_cuda_graph_copy(host, bytes);
    return host && from_host_async(d, dev, host, bytes);
  }
  return from_host_async(d, dev, host, bytes) && (!cr_cuda_is_pinned(host) || cr_cuda_wait());
}

/* The block is the current stream's, which may have used it before: the copy comes after that, and
 * beside what the stream is asked for from now on. */
bool from_host_ahead(cr_device d, void *dev, const void *host, size_t bytes) {
  cudaStream_t copies;
  cudaEvent_t over;
  if (!bytes) return true;
  if (!cr_cuda_copy_stream(d.index, &copies) ||
      !cr_cuda_let_wait(d.index, copies, d.index, cr_cuda_stream_of(d.index)))
    return false;
  cr_on_device here(d.index);
  if (!cr_cuda_ok(cudaEventCreateWithFlags(&over, cudaEventDisableTiming), "copy")) return false;
  cr_cuda_pinned_use(host, d.index, copies);
  bool ok = cr_cuda_ok(cudaMemcpyAsync(dev, host, bytes, cudaMemcpyHostToDevice, copies), "copy") &&
            cr_cuda_ok(cudaEventRecord(over, copies), "copy");
  if (!ok) {
    cudaStreamSynchronize(copies);
    cudaEventDestroy(over);
    return false;
  }
  pool &p = pools[d.index];
  std::lock_guard<std::mutex> guard(p.lock);
  p.coming[static_cast<char *>(dev)] = over;
  return true;
}

bool arrived(cr_device d, void *dev) {
  pool &p = pools[d.index];
  cr_on_device here(d.index);
  std::lock_guard<std::mutex> guard(p.lock);
  return wait_for_copy(p, static_cast<char *>(dev), cr_cuda_stream());
}

/* The copy runs in the receiver's stream, after what the sender's has to do, and the sender's goes
 * on after it. */
bool transfer_between(int to, void *out, int from, const void *in, size_t bytes) {
  cudaStream_t receiver = cr_cuda_stream_of(to), sender = cr_cuda_stream_of(from);
  cr_on_device here(to);
  return cr_cuda_may("a copy to another device") && cr_cuda_let_wait(to, receiver, from, sender) &&
         cr_cuda_ok(cudaMemcpyPeerAsync(out, to, in, from, bytes, receiver),
                    "copy between devices") &&
         cr_cuda_let_wait(from, sender, to, receiver);
}

bool transfer(cr_device to, void *out, cr_device from, const void *in, size_t bytes) {
  if (!bytes) return true;
  if (to.index != from.index) return transfer_between(to.index, out, from.index, in, bytes);
  cr_on_device here(to.index);
  return cr_cuda_ok(cudaMemcpyAsync(out, in, bytes, cudaMemcpyDeviceToDevice, cr_cuda_stream()),
                    "copy");
}

} // namespace

/* The collector may run finalizers that use other devices. */
static bool reclaim() {
  cr_on_device here(cr_cuda_device());
  return cr_cuda_core->reclaim();
}

void *cr_cuda_alloc(int device, size_t bytes) {
  return device_alloc(device, bytes);
}

void cr_cuda_free(int device, void *block) {
  device_free(device, block);
}

void cr_cuda_reserve(int device, cudaStream_t s, bool reserved) {
  pool &p = pools[device];
  std::lock_guard<std::mutex> guard(p.lock);
  p.of_graphs.insert(s);
  if (reserved)
    p.reserved.insert(s);
  else
    p.reserved.erase(s);
}

cr_scratch::cr_scratch(size_t n) : p(device_alloc(cr_cuda_device(), n)), bytes(n) {
  if (!p && reclaim()) p = device_alloc(cr_cuda_device(), n);
  if (!p) out_of_memory(cr_cuda_device(), n);
}

cr_scratch::~cr_scratch() {
  if (p) device_free(cr_cuda_device(), p);
}

void cr_cuda_fill_memory(cr_backend *b, cr_device_control *c) {
  b->alloc = table_alloc;
  b->dealloc = table_dealloc;
  b->to_host = to_host;
  b->from_host = from_host;
  b->transfer = transfer;
  b->memory = memory;
  c->reset_peak = reset_peak;
  c->empty_cache = empty_cache;
  c->to_host_async = to_host_async;
  c->from_host_async = from_host_async;
  c->from_host_ahead = from_host_ahead;
  c->arrived = arrived;
}
