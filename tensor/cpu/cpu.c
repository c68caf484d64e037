/* cpu.c: the CPU as a device: its memory, its threads, and the choice of instruction set. */
#include "tensor/cpu/cpu.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- instruction sets ------------------------------------------------------------------- */

#if CR_ISA_COUNT > 1
static const char *const isa_names[] = {"v2", "v3", "v4"};

static int best_isa(void) {
  __builtin_cpu_init();
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
            __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl");
  return v4 ? 2 : v3 ? 1 : 0;
}
#else
static const char *const isa_names[] = {"plain"};

static int best_isa(void) {
  return 0;
}
#endif

static int choose_isa(void) {
  int best = best_isa();
  const char *wish = getenv("CRESSET_ISA");
  for (int i = 0; wish && i < best; i++) {
    if (!strcmp(wish, isa_names[i])) return i;
  }
  return best;
}

int cr_cpu_isa_index(void) {
  static atomic_int known; /* index + 1; threads that race here find the same */
  int i = atomic_load_explicit(&known, memory_order_relaxed);
  if (i) return i - 1;
  i = choose_isa();
  atomic_store_explicit(&known, i + 1, memory_order_relaxed);
  return i;
}

const char *cr_cpu_isa(void) {
  return isa_names[cr_cpu_isa_index()];
}

/* ---- threads ---------------------------------------------------------------------------- */

int cr_cpu_threads(void) {
  if (omp_in_parallel()) return 1;
  int most = omp_get_max_threads(), wish = cr_ctx()->threads;
  return wish > 0 && wish < most ? wish : most;
}

/* Between two looks for an interrupt a thread works on this many grains at most, and on fewer as
 * long as they take longer than so many nanoseconds: what an element costs is the body's own
 * affair. */
#define GRAINS_PER_POLL 32
#define QUICK 1000000

enum { DONE, FAILED, INTERRUPTED };

static bool is_interrupted(const cr_context *ctx) {
  return ctx && ctx->interrupted && ctx->interrupted(ctx->interrupted_ctx);
}

/* How the loop of several threads fares in which this thread works: only the script's own knows of
 * an interrupt. */
static _Thread_local atomic_int *shared;

bool cr_cpu_interrupted(void) {
  if (shared && atomic_load_explicit(shared, memory_order_relaxed) != DONE) return true;
  return is_interrupted(cr_ctx());
}

static int64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int run_range(int64_t begin, int64_t end, int64_t grain, cr_cpu_range body, void *arg,
                     const cr_context *ctx, atomic_int *state) {
  int64_t step = grain, most = grain * GRAINS_PER_POLL;
  int64_t then = end - begin > step ? nanoseconds() : 0;
  while (begin < end) {
    int64_t next = cr_min64(begin + step, end);
    if (atomic_load_explicit(state, memory_order_relaxed) != DONE) break;
    if (is_interrupted(ctx)) return INTERRUPTED;
    if (!body(arg, begin, next)) return FAILED;
    begin = next;
    if (step == most || begin == end) continue;
    int64_t now = nanoseconds();
    if (now - then < QUICK) step *= 2;
    then = now;
  }
  return DONE;
}

static int run_threads(int threads, int64_t n, int64_t grain, cr_cpu_range body, void *arg) {
  const cr_context *ctx = cr_ctx();
  atomic_int state = DONE;
#pragma omp parallel num_threads(threads)
  {
    int count = omp_get_num_threads(), id = omp_get_thread_num();
    int64_t begin = n / count * id + cr_min64(id, n % count);
    int64_t end = begin + n / count + (id < n % count);
    shared = &state;
    int s = run_range(begin, end, grain, body, arg, id == 0 ? ctx : NULL, &state);
    shared = NULL;
    if (s != DONE) atomic_store_explicit(&state, s, memory_order_relaxed);
  }
  return atomic_load(&state);
}

static int run_serial(int64_t n, int64_t grain, cr_cpu_range body, void *arg) {
  atomic_int state = DONE;
  if (n <= grain) return body(arg, 0, n) ? DONE : FAILED;
  return run_range(0, n, grain, body, arg, cr_ctx(), &state);
}

bool cr_cpu_failed(const char *why) {
  if (cr_cpu_interrupted()) return cr_fail("interrupted");
  return why ? cr_fail("%s", why) : false;
}

bool cr_cpu_parallel(int64_t n, int64_t grain, cr_cpu_range body, void *arg, const char *why) {
  if (n <= 0) return true;
  int threads = n < 2 * grain ? 1 : (int)cr_min64(cr_cpu_threads(), n / grain);
  int state =
      threads > 1 ? run_threads(threads, n, grain, body, arg) : run_serial(n, grain, body, arg);
  if (state == DONE) return true;
  return state == INTERRUPTED ? cr_fail("interrupted") : cr_cpu_failed(why);
}

/* ---- memory ----------------------------------------------------------------------------- */

static void *cpu_alloc(cr_device d, size_t bytes) {
  (void)d;
  return cr_host_alloc(bytes);
}

static void cpu_dealloc(cr_device d, void *p, size_t bytes) {
  (void)d;
  cr_host_free(p, bytes);
}

static bool cpu_to_host(cr_device d, void *host, const void *dev, size_t bytes) {
  (void)d;
  if (bytes) memcpy(host, dev, bytes);
  return true;
}

static bool cpu_from_host(cr_device d, void *dev, const void *host, size_t bytes) {
  (void)d;
  if (bytes) memcpy(dev, host, bytes);
  return true;
}

static bool cpu_transfer(cr_device to, void *out, cr_device from, const void *in, size_t bytes) {
  (void)to, (void)from;
  if (bytes) memcpy(out, in, bytes);
  return true;
}

static void cpu_memory(cr_device d, cr_memory_stats *out) {
  (void)d;
  cr_memory(out);
}

static void cpu_synchronize(cr_device d) {
  (void)d;
}

/* ---- the table -------------------------------------------------------------------------- */

#define EACH_FAMILY(X)                                                                             \
  X(cr_cpu_copy)                                                                                   \
  X(cr_cpu_unary)                                                                                  \
  X(cr_cpu_binary)                                                                                 \
  X(cr_cpu_pointwise)                                                                              \
  X(cr_cpu_update)                                                                                 \
  X(cr_cpu_special)                                                                                \
  X(cr_cpu_distance)                                                                               \
  X(cr_cpu_search)                                                                                 \
  X(cr_cpu_reduce)                                                                                 \
  X(cr_cpu_scan)                                                                                   \
  X(cr_cpu_sort) X(cr_cpu_index) X(cr_cpu_gemm) X(cr_cpu_random) X(cr_cpu_sample) X(cr_cpu_fft)

#define DECLARE(f) CR_ISA_DECLARE(f, cr_backend *);
#define LISTED(f) CR_ISA_LIST(f),

EACH_FAMILY(DECLARE)

static void (*const fill_entries[][CR_ISA_COUNT])(cr_backend *) = {EACH_FAMILY(LISTED)};

static cr_backend table = {
    .name = "cpu",
    .alloc = cpu_alloc,
    .dealloc = cpu_dealloc,
    .to_host = cpu_to_host,
    .from_host = cpu_from_host,
    .transfer = cpu_transfer,
    .memory = cpu_memory,
    .linalg = &cr_lapack,
    .synchronize = cpu_synchronize,
};

static void fill_table(void) {
  for (size_t i = 0; i < sizeof fill_entries / sizeof *fill_entries; i++) {
    fill_entries[i][cr_cpu_isa_index()](&table);
  }
}

static pthread_once_t table_once = PTHREAD_ONCE_INIT;

const cr_backend *cr_cpu_backend(void) {
  pthread_once(&table_once, fill_table);
  return &table;
}
