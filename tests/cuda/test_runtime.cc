/* test_runtime.cc: the runtime of the CUDA backend by its own tables: memory, streams, events,
 * copies, several devices, options.
 *
 *   [CRESSET_CUDA=path/to/libcresset_cuda.so] test_runtime
 *
 * Without the variable the library is the one for the emulation.  What scripts see of all this is
 * in runtime.lua, and what needs another machine in run_runtime. */
#include "tensor/backend.h"
#include "tensor/device.h"
#include "tests/cuda/check.h"

#include <algorithm>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <thread>
#include <vector>

static const cr_backend *gpu;
static const cr_device_control *control;
/* NULL on a real GPU */
static size_t (*emulated_bytes)(int device);
static unsigned long long (*emulated_launches)();

static const cr_device first = {CR_CUDA, 0}, second = {CR_CUDA, 1};

/* ---- checks ----------------------------------------------------------------------------- */

/* That a call failed, with this in its message. */
static void refuses(bool ok, const char *call, const char *why) {
  check(!ok && strstr(cr_error(), why), "%s: %s", call, ok ? "not refused" : cr_error());
}

static cr_memory_stats memory_of(cr_device d) {
  cr_memory_stats m;
  gpu->memory(d, &m);
  return m;
}

typedef std::vector<unsigned char> bytes;

static bytes pattern(size_t n, unsigned seed) {
  bytes b(n);
  for (size_t i = 0; i < n; i++) b[i] = (unsigned char)((i * 2654435761u >> 13) + seed);
  return b;
}

static bool put(cr_device d, void *p, const bytes &b) {
  return gpu->use(d) && gpu->from_host(d, p, b.data(), b.size());
}

static bool holds(cr_device d, const void *p, const bytes &b) {
  bytes got(b.size());
  return gpu->use(d) && gpu->to_host(d, got.data(), p, b.size()) && got == b;
}

/* ---- memory ----------------------------------------------------------------------------- */

static void test_reuse() {
  void *p = gpu->alloc(first, 1000);
  gpu->dealloc(first, p, 1000);
  check(gpu->alloc(first, 990) == p, "a freed block is not used again");
  void *other = gpu->alloc(first, 1000);
  check(other && other != p, "a block in use is given out");
  gpu->dealloc(first, p, 990), gpu->dealloc(first, other, 1000);
  control->set_stream(0, 1);
  void *q = gpu->alloc(first, 1000);
  check(q && q != p && q != other, "a block of one stream is given to another");
  control->set_stream(0, 0);
  gpu->dealloc(first, q, 1000); /* freed on another stream than its own */
  void *r = gpu->alloc(first, 1000);
  check(r != q, "a block changed its stream");
  gpu->dealloc(first, r, 1000);
  gpu->dealloc(first, NULL, 0);
}

static void test_statistics() {
  size_t before = memory_of(first).live;
  control->reset_peak(0);
  check(memory_of(first).peak == before, "the peak is not what is live after a reset");
  void *p = gpu->alloc(first, 3000000), *q = gpu->alloc(first, 700);
  cr_memory_stats m = memory_of(first);
  check(m.live >= before + 3000700 && m.live < before + 3800000, "%zu bytes live", m.live);
  check(m.peak == m.live, "a peak of %zu with %zu bytes live", m.peak, m.live);
  gpu->dealloc(first, p, 3000000);
  size_t cached = memory_of(first).cached, peak = m.peak;
  m = memory_of(first);
  check(m.live < before + 2000 && m.peak == peak, "%zu live, a peak of %zu", m.live, m.peak);
  check(cached >= 3000000, "%zu bytes cached", cached);
  control->empty_cache(0);
  check(memory_of(first).cached <= cached - 3000000, "the cache is not emptied");
  bytes b = pattern(700, 1); /* its slab stays */
  check(put(first, q, b) && holds(first, q, b), "a block in use was freed with the cache");
  gpu->dealloc(first, q, 700);
  control->empty_cache(0);
  check(memory_of(first).cached == 0, "%zu bytes stay cached", memory_of(first).cached);
}

struct block {
  void *p;
  bytes content;
};

/* Blocks of all sizes, in use at once: each keeps what is in it. */
static void test_contents(cr_device d, unsigned seed) {
  std::vector<block> all;
  size_t sizes[] = {
      1,       2,       511,    512,           513,     1000,    4096,   100000,  1 << 19,
      1 << 20, 2 << 20, 999999, (1 << 20) + 1, 5000001, 2097100, 524289, 1048512, 1048575,
      8388608, 16,      0};
  srand(seed);
  for (int round = 0; round < 200; round++) {
    size_t n = sizes[(size_t)rand() % (sizeof sizes / sizeof *sizes)];
    if (all.size() < 20) {
      block b = {gpu->alloc(d, n), pattern(n, (unsigned)rand())};
      if (!check(b.p && put(d, b.p, b.content), "%zu bytes: %s", n, cr_error())) return;
      all.push_back(b);
      continue;
    }
    block &b = all[(size_t)rand() % all.size()];
    check(holds(d, b.p, b.content), "a block of %zu bytes was overwritten", b.content.size());
    gpu->dealloc(d, b.p, b.content.size());
    b = all.back();
    all.pop_back();
  }
  for (block &b : all) {
    check(holds(d, b.p, b.content), "a block of %zu bytes was overwritten", b.content.size());
    gpu->dealloc(d, b.p, b.content.size());
  }
}

static void test_no_room() {
  size_t free, total;
  check(control->memory(0, &free, &total) && free <= total && total > 0, "%s", cr_error());
  check(!gpu->alloc(first, total + 1), "more than all memory is given out");
  check(!gpu->alloc(first, (size_t)PTRDIFF_MAX), "no end of memory is given out");
  void *p = gpu->alloc(first, 100);
  check(p != NULL, "nothing works after memory was out");
  gpu->dealloc(first, p, 100);
}

/* What is cached goes when it is in the way. */
static void test_cache_makes_room() {
  size_t free, total, half;
  if (!emulated_bytes) return; /* takes all of the memory */
  control->empty_cache(0);
  control->memory(0, &free, &total);
  half = free / 2 + (1 << 20);
  void *p = gpu->alloc(first, half);
  check(p != NULL, "half of the free memory is refused");
  gpu->dealloc(first, p, half);
  void *q = gpu->alloc(first, free / 16 * 11);
  check(q != NULL, "what is cached is not given back for a larger block");
  gpu->dealloc(first, q, free / 16 * 11);
  control->empty_cache(0);
}

/* ---- streams and events ----------------------------------------------------------------- */

/* Fills n bytes on the current stream. */
static bool fill(cr_device d, void *p, int64_t n, int value) {
  cr_iter it;
  memset(&it, 0, sizeof it);
  it.nops = it.ndim = 1;
  it.numel = it.shape[0] = n;
  it.op[0].data = static_cast<char *>(p);
  it.op[0].dtype = CR_UINT8;
  it.op[0].stride[0] = 1;
  return gpu->use(d) && gpu->fill(&it, cr_int(value));
}

static void test_streams() {
  check(control->stream(0) == 0, "the first stream is not the default one");
  check(control->set_stream(0, 3) && control->stream(0) == 3, "%s", cr_error());
  void *p = gpu->alloc(first, 1000);
  check(fill(first, p, 1000, 7), "%s", cr_error());
  check(control->stream_synchronize(0, 3), "%s", cr_error());
  check(control->stream_wait(0, 0, 0, 3), "%s", cr_error());
  check(control->stream_wait(0, 3, 0, 3), "a stream waits for itself: %s", cr_error());
  check(holds(first, p, bytes(1000, 7)), "work of another stream: %s", cr_error());
  int elsewhere = -1;
  std::thread([&] { elsewhere = control->stream(0); }).join();
  check(elsewhere == 0, "another thread begins on stream %d", elsewhere);
  refuses(control->set_stream(0, 1024), "set_stream", "there is no stream 1024");
  refuses(control->set_stream(0, -1), "set_stream", "there is no stream -1");
  refuses(control->stream_synchronize(0, 5000), "stream_synchronize", "there is no stream 5000");
  check(control->stream(0) == 3, "a refusal has changed the stream");
  control->set_stream(0, 0);
  gpu->dealloc(first, p, 1000);
}

static void test_events() {
  cr_event *a = control->event_new(0), *b = control->event_new(0);
  double ms = -1;
  if (!check(a && b, "%s", cr_error())) return;
  refuses(control->event_elapsed(a, b, &ms), "event_elapsed", "Event:elapsed: CUDA: ");
  void *p = gpu->alloc(first, 100000);
  check(control->event_record(a, 0), "%s", cr_error());
  check(fill(first, p, 100000, 1), "%s", cr_error());
  check(control->event_record(b, 0) && control->event_wait(b, 0, 2), "%s", cr_error());
  check(control->event_synchronize(b), "%s", cr_error());
  check(control->event_done(a) == 1 && control->event_done(b) == 1, "%s", cr_error());
  check(control->event_elapsed(a, b, &ms) && ms >= 0, "%g ms: %s", ms, cr_error());
  refuses(control->event_record(a, 9999), "event_record", "there is no stream 9999");
  refuses(control->event_wait(a, 0, -3), "event_wait", "there is no stream -3");
  gpu->dealloc(first, p, 100000);
  control->event_free(a), control->event_free(b);
}

/* ---- copies ----------------------------------------------------------------------------- */

static void test_pinned() {
  const size_t n = 300000;
  bytes b = pattern(n, 5);
  void *host = control->pinned_alloc(n), *empty = control->pinned_alloc(0);
  void *p = gpu->alloc(first, n), *q = gpu->alloc(first, n);
  if (!check(host && empty && p && q, "%s", cr_error())) return;
  memcpy(host, b.data(), n);
  gpu->use(first);
  check(control->from_host_async(first, p, host, n), "%s", cr_error());
  check(gpu->transfer(first, q, first, p, n), "%s", cr_error());
  check(control->synchronize(0), "%s", cr_error());
  memset(host, 0, n);
  check(control->to_host_async(first, host, q, n) && control->synchronize(0), "%s", cr_error());
  check(!memcmp(host, b.data(), n), "what came back differs");
  /* copies that wait, from and to it */
  b[7] = 99;
  memcpy(host, b.data(), n);
  check(gpu->from_host(first, p, host, n), "%s", cr_error());
  memset(host, 0, n); /* has been read */
  check(gpu->to_host(first, host, p, n) && !memcmp(host, b.data(), n), "%s", cr_error());
  check(gpu->from_host(first, p, NULL, 0) && gpu->to_host(first, NULL, p, 0), "%s", cr_error());
  check(gpu->transfer(first, NULL, first, NULL, 0), "nothing is copied: %s", cr_error());
  control->pinned_free(host), control->pinned_free(empty);
  gpu->dealloc(first, p, n), gpu->dealloc(first, q, n);
}

/* Blocks are used again, once the copies from and to them are over. */
static void test_pinned_again() {
  const size_t n = 200000;
  void *p = gpu->alloc(first, n), *host = control->pinned_alloc(n);
  if (!check(host && p, "%s", cr_error())) return;
  gpu->use(first);
  control->set_stream(0, 2);
  check(control->from_host_async(first, p, host, n), "%s", cr_error());
  control->set_stream(0, 0);
  control->pinned_free(host);
  check(control->synchronize(0), "%s", cr_error());
  void *same = control->pinned_alloc(n - 5), *other = control->pinned_alloc(n);
  check(same == host && other && other != host, "%p is not used again, but %p", host, same);
  control->pinned_free(same), control->pinned_free(other);
  control->empty_cache(0);
  check(!control->pinned_alloc(SIZE_MAX / 4), "there is no such memory");
  gpu->dealloc(first, p, n);
}

static void test_copies_ahead() {
  const size_t n = 100001;
  for (int number : {0, 3}) {
    control->set_stream(0, number);
    gpu->use(first);
    bytes b = pattern(n, (unsigned)number), plain = pattern(n, 9);
    void *host = control->pinned_alloc(n);
    void *p = gpu->alloc(first, n), *q = gpu->alloc(first, n), *left = gpu->alloc(first, n);
    if (!check(host && p && q && left, "%s", cr_error())) return;
    memcpy(host, b.data(), n);
    check(control->from_host_ahead(first, p, host, n), "%s", cr_error());
    check(control->from_host_ahead(first, left, host, n), "%s", cr_error());
    control->pinned_free(host); /* the copies may be under way */
    check(control->from_host_ahead(first, q, plain.data(), n), "%s", cr_error());
    check(control->from_host_ahead(first, q, NULL, 0), "nothing is copied: %s", cr_error());
    gpu->dealloc(first, left, n); /* nobody asked for it */
    check(control->arrived(first, p) && control->arrived(first, q), "%s", cr_error());
    check(control->arrived(first, p), "it is there already: %s", cr_error());
    check(holds(first, p, b) && holds(first, q, plain), "what came differs: %s", cr_error());
    gpu->dealloc(first, p, n), gpu->dealloc(first, q, n);
  }
  control->set_stream(0, 0);
}

/* Streams: both on their default ones, or on others. */
static void test_transfer(int from_stream, int to_stream) {
  const size_t n = 70001;
  bytes b = pattern(n, (unsigned)(from_stream * 8 + to_stream));
  control->set_stream(0, from_stream), control->set_stream(1, to_stream);
  gpu->use(second);
  void *q = gpu->alloc(second, n);
  gpu->use(first);
  void *p = gpu->alloc(first, n);
  check(p && q && put(first, p, b), "%s", cr_error());
  for (cr_device in_use : {first, second}) { /* the current one makes no difference */
    gpu->use(in_use);
    check(gpu->transfer(second, q, first, p, n), "to the second: %s", cr_error());
    check(holds(second, q, b), "what came to the second device differs: %s", cr_error());
    check(fill(first, p, n, 3) && gpu->use(in_use), "%s", cr_error());
    check(gpu->transfer(first, p, second, q, n), "and back: %s", cr_error());
    check(holds(first, p, b), "what came back differs: %s", cr_error());
    check(fill(second, q, n, 4), "%s", cr_error());
  }
  gpu->dealloc(first, p, n), gpu->dealloc(second, q, n);
  control->set_stream(0, 0), control->set_stream(1, 0);
}

static void test_two_devices() {
  if (control->count() < 2) return;
  for (int from : {0, 1})
    for (int to : {0, 2}) test_transfer(from, to);
  cr_event *a = control->event_new(0), *b = control->event_new(1);
  double ms;
  check(a && b && control->event_record(a, 0) && control->event_record(b, 1), "%s", cr_error());
  check(control->event_wait(a, 1, 2) && control->stream_wait(0, 1, 1, 1), "%s", cr_error());
  refuses(control->event_elapsed(a, b, &ms), "event_elapsed", "device 1, the other of device 2");
  control->event_free(a), control->event_free(b);
  check(control->peer(0, 1) >= 0 && control->peer(1, 1) == 1, "%s", cr_error());
}

/* Page-locked memory goes from thread to thread. */
static void copy_ahead_often(unsigned seed) {
  const size_t n = 5000;
  void *p = gpu->use(first) ? gpu->alloc(first, n) : NULL;
  if (!check(p, "%s", cr_error())) return;
  for (unsigned i = 0; i < 30; i++) {
    bytes b = pattern(n, seed + i);
    void *host = control->pinned_alloc(n);
    if (!check(host, "%s", cr_error())) break;
    memcpy(host, b.data(), n);
    check(control->from_host_ahead(first, p, host, n), "%s", cr_error());
    control->pinned_free(host);
    check(control->arrived(first, p) && holds(first, p, b), "what came differs: %s", cr_error());
  }
  gpu->dealloc(first, p, n);
}

/* Each thread has a device, and streams, of its own. */
static void test_threads() {
  std::thread three([] { copy_ahead_often(100); }), four([] { copy_ahead_often(200); });
  three.join(), four.join();
  std::thread one([] { test_contents(first, 11); });
  std::thread two([] { test_contents(control->count() > 1 ? second : first, 12); });
  one.join(), two.join();
}

/* ---- what there is not ------------------------------------------------------------------ */

static void test_absent_devices() {
  const int none = control->count();
  const std::string why = "there is no CUDA device " + std::to_string(none + 1) +
                          ": this machine has " + std::to_string(none);
  cr_device_properties p;
  size_t free, total;
  cr_event *e = control->event_new(0);
#define REFUSES(call) refuses(call, #call, why.c_str())
  REFUSES(control->properties(none, &p));
  REFUSES(control->memory(none, &free, &total));
  REFUSES(control->synchronize(none));
  REFUSES(control->set_stream(none, 0));
  REFUSES(control->stream(none) >= 0);
  REFUSES(control->stream_synchronize(none, 0));
  REFUSES(control->stream_wait(0, 0, none, 0));
  REFUSES(control->stream_wait(none, 0, 0, 0));
  REFUSES(control->event_new(none) != NULL);
  REFUSES(control->event_wait(e, none, 0));
  REFUSES(control->peer(none, 0) >= 0);
  REFUSES(control->peer(0, none) >= 0);
  REFUSES(cr_backend_of(cr_device{CR_CUDA, (int8_t)none}) != NULL);
#undef REFUSES
  refuses(control->synchronize(-1), "synchronize", "there is no CUDA device 0");
  control->reset_peak(none), control->empty_cache(-1); /* have no way to say so */
  control->event_free(e);
}

static void test_properties() {
  cr_device_properties p;
  check(control->properties(0, &p), "%s", cr_error());
  check(p.name[0] && p.major > 0 && p.warp == 32 && p.multiprocessors > 0, "%s", p.name);
  check(p.memory > 0 && p.shared > 0 && p.max_threads >= 1024, "%s", p.name);
  check(strchr(p.driver, '.') && strchr(p.runtime, '.'), "%s, %s", p.driver, p.runtime);
}

static void test_options() {
  for (int o = 0; o < CR_NOPTIONS; o++) {
    cr_device_option option = (cr_device_option)o;
    int before = control->option(option, -1);
    check(control->option(option, 1) == before, "option %d", o);
    check(control->option(option, -1) == 1 && control->option(option, 0) == 1, "option %d", o);
    check(control->option(option, before) == 0, "option %d", o);
  }
}

/* ---- launches --------------------------------------------------------------------------- */

/* tensor/ops.h is not for C++. */
extern "C" {
cr_tensor *cr_full(cr_dtype dtype, cr_device d, int ndim, const int64_t *shape, cr_scalar v);
void cr_release(cr_tensor *t);
bool cr_update(cr_update_rule rule, int n, cr_tensor *const *p, cr_tensor *const *g,
               cr_tensor *const *const states[3], const cr_update_args *a);
bool cr_zero(int n, cr_tensor *const *t);
bool cr_average(int n, cr_tensor *const *averages, cr_tensor *const *t, double share);
bool cr_scale(int n, cr_tensor *const *t, double factor, bool *finite);
bool cr_clip_norm(int n, cr_tensor *const *t, double most, double *norm);
}

/* Tensors of several sizes, of two types. */
static std::vector<cr_tensor *> tensors(int count) {
  std::vector<cr_tensor *> list;
  for (int64_t i = 0; i < count; i++) {
    int64_t n = 1 + i * 321;
    list.push_back(cr_full(i % 3 ? CR_FLOAT32 : CR_FLOAT16, first, 1, &n, cr_num(1)));
  }
  return list;
}

/* That f launches so many kernels at most. */
template <typename F> static void launches(const char *what, unsigned most, F f) {
  unsigned long long before = emulated_launches ? emulated_launches() : 0;
  check(f(), "%s: %s", what, cr_error());
  unsigned long long now = emulated_launches ? emulated_launches() : 0;
  check(now - before <= most, "%s: %llu launches", what, now - before);
}

/* What is done with all parameters takes few launches: as many for each of the two types. */
static void test_launches() {
  const int n = 30;
  std::vector<cr_tensor *> p = tensors(n), g = tensors(n), m = tensors(n), v = tensors(n);
  cr_tensor *const *states[3] = {m.data(), v.data(), NULL};
  cr_update_args a = {};
  a.rate = 1e-3, a.sign = a.shrink = a.root = 1, a.take = 0.1, a.keep2 = 0.9, a.eps = 1e-8;
  launches("Adam", 2, [&] { return cr_update(CR_UPDATE_ADAM, n, p.data(), g.data(), states, &a); });
  launches("zero", 2, [&] { return cr_zero(n, v.data()); });
  launches("an average", 2, [&] { return cr_average(n, m.data(), p.data(), 0.5); });
  launches("clipping", 6, [&] { return cr_clip_norm(n, g.data(), 1, NULL); });
  bool finite;
  launches("unscaling", 4, [&] { return cr_scale(n, g.data(), 0.5, &finite) && finite; });
  for (auto list : {&p, &g, &m, &v})
    for (cr_tensor *t : *list) cr_release(t);
}

/* ---- running ---------------------------------------------------------------------------- */

static void find_emulation() {
  void *library = dlopen(getenv("CRESSET_CUDA"), RTLD_NOW | RTLD_NOLOAD);
  if (!library) return;
  emulated_bytes = (size_t(*)(int))(uintptr_t)dlsym(library, "cr_emulation_live_bytes");
  emulated_launches = (unsigned long long (*)())(uintptr_t)dlsym(library, "cr_emulation_launches");
  dlclose(library);
}

int main(void) {
  setenv("CRESSET_CUDA", CR_EMULATED_CUDA, 0);
  setenv("CRESSET_EMULATION_MEMORY", "268435456", 0); /* all of it is taken once */
  gpu = cr_backend_of(first);
  if (!gpu) {
    printf("%s\n0 passed, 1 failed\n", cr_error());
    return 1;
  }
  control = cr_plugin_of(CR_CUDA)->control;
  find_emulation();
  const int devices = std::min(control->count(), 2);
  size_t before[2] = {0, 0};
  for (int d = 0; d < devices; d++) {
    check(gpu->use(cr_device{CR_CUDA, (int8_t)d}), "%s", cr_error());
    if (emulated_bytes) before[d] = emulated_bytes(d);
  }
  gpu->use(first);
  test_reuse();
  test_statistics();
  test_contents(first, 10);
  test_no_room();
  test_cache_makes_room();
  test_streams();
  test_events();
  test_pinned();
  test_pinned_again();
  test_copies_ahead();
  test_two_devices();
  test_threads();
  test_absent_devices();
  test_properties();
  test_options();
  test_launches();
  for (int d = 0; d < devices; d++) {
    cr_device device = {CR_CUDA, (int8_t)d};
    control->empty_cache(d);
    check(memory_of(device).live == 0, "%zu bytes are still in use", memory_of(device).live);
    if (emulated_bytes)
      check(emulated_bytes(d) == before[d], "%zu bytes leak on device %d",
            emulated_bytes(d) - before[d], d + 1);
  }
  return report();
}
