/* threads.cc: the threads of one block: who runs next, barriers, and what warps do together.
 *
 * A thread begins as a plain call on a pooled stack; when it ends without having waited, the next
 * one begins on the same stack.  A thread that waits keeps its stack and hands over to another. */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <vector>

uint3 threadIdx, blockIdx;
dim3 blockDim(1, 1, 1), gridDim(1, 1, 1);
unsigned cr_emulation_spins;

namespace emulation {

namespace {

constexpr unsigned WARP = 32, WARPS_MAX = THREADS_MAX / WARP, WORDS = THREADS_MAX / 64;

struct place {
  const char *file;
  int line;
  bool operator==(const place &o) const {
    return line == o.line && (file == o.file || strcmp(file, o.file) == 0);
  }
};

/* A set of the block's threads. */
struct thread_set {
  uint64_t words[WORDS];

  bool has(unsigned t) const { return words[t / 64] >> t % 64 & 1; }
  void add(unsigned t) { words[t / 64] |= (uint64_t)1 << t % 64; }
  void remove(unsigned t) { words[t / 64] &= ~((uint64_t)1 << t % 64); }
  void clear() { memset(words, 0, sizeof words); }
  void fill(unsigned count) {
    clear();
    for (unsigned w = 0; w < count / 64; w++) words[w] = ~(uint64_t)0;
    if (count % 64) words[count / 64] = ((uint64_t)1 << count % 64) - 1;
  }

  /* The first member from `from` on, counting up (down), or -1. */
  int up(unsigned from) const {
    if (from >= THREADS_MAX) return -1;
    uint64_t word = words[from / 64] & ~(uint64_t)0 << from % 64;
    for (unsigned w = from / 64;;) {
      if (word) return (int)(w * 64 + (unsigned)__builtin_ctzll(word));
      if (++w == WORDS) return -1;
      word = words[w];
    }
  }
  int down(int from) const {
    if (from < 0) return -1;
    uint64_t word = words[from / 64] & ~(uint64_t)0 >> (63 - from % 64);
    for (int w = from / 64;;) {
      if (word) return w * 64 + 63 - __builtin_clzll(word);
      if (w-- == 0) return -1;
      word = words[w];
    }
  }
};

/* Lanes of a warp that call the same function with the same mask. */
struct gathering {
  cr_warp_call call;
  place where;
  unsigned mask, arrived, other;
};

struct warp {
  unsigned count;
  gathering gatherings[WARP];
};

struct thread_state {
  fibre *stack; /* of one that has begun and not ended */
  uint64_t value;
  unsigned source; /* the lane that a shuffle reads */
  uint64_t result;
};

struct {
  const cr_emulation_launch *launch;
  unsigned count, ended_count;
  emulation::order order;
  unsigned current; /* the thread that runs */
  fibre *stack;     /* and what it runs on */
  fibre host;
  thread_set runnable, ended;
  thread_state threads[THREADS_MAX];
  warp warps[WARPS_MAX];
  struct {
    unsigned waiting;
    thread_set who;
    cr_barrier kind;
    place where;
    int count, result; /* of threads with a predicate; what the last barrier gave */
  } barrier;
  uint64_t random;
} block;

std::vector<fibre *> pool;

uint3 index_of(unsigned t) {
  const dim3 &b = block.launch->block;
  if (b.y == 1 && b.z == 1) return {t, 0, 0};
  return {t % b.x, t / b.x % b.y, t / b.x / b.y};
}

/* Makes t the thread that runs. */
void enter(unsigned t) {
  block.current = t;
  threadIdx = index_of(t);
  cr_emulation_spins = 0;
}

unsigned random_below(unsigned n) {
  block.random = block.random * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)((block.random >> 33) * n >> 31);
}

/* The runnable thread whose turn comes after `last`, or -1. */
int choose(unsigned last) {
  int t;
  switch (block.order) {
  case BACKWARD:
    t = block.runnable.down((int)last - 1);
    return t >= 0 ? t : block.runnable.down((int)block.count - 1);
  case RANDOM:
    t = block.runnable.up(random_below(block.count));
    return t >= 0 ? t : block.runnable.up(0);
  default: t = block.runnable.up(last + 1); return t >= 0 ? t : block.runnable.up(0);
  }
}

/* The thread whose turn comes first. */
int choose_first() {
  return choose(block.order == BACKWARD ? block.count : THREADS_MAX);
}

/* ---- messages
 * ------------------------------------------------------------------------------------ */

const char *name_of(cr_warp_call call) {
  static const char *const names[] = {"__syncwarp",     "__shfl_*_sync", "__ballot_sync",
                                      "__any_sync",     "__all_sync",    "__match_any_sync",
                                      "__reduce_*_sync"};
  return names[call];
}

const gathering *gathering_of(unsigned t) {
  const warp &w = block.warps[t / WARP];
  for (unsigned i = 0; i < w.count; i++)
    if (w.gatherings[i].arrived >> t % WARP & 1) return &w.gatherings[i];
  return nullptr;
}

/* What thread t is doing, in words. */
struct doing {
  char text[256];

  explicit doing(unsigned t) {
    uint3 i = index_of(t);
    int n = snprintf(text, sizeof text, "thread (%u,%u,%u), which ", i.x, i.y, i.z);
    char *rest = text + n;
    size_t size = sizeof text - (size_t)n;
    const gathering *g = gathering_of(t);
    if (block.ended.has(t))
      snprintf(rest, size, "has ended");
    else if (block.barrier.who.has(t))
      snprintf(rest, size, "waits in __syncthreads at %s:%d", block.barrier.where.file,
               block.barrier.where.line);
    else if (g)
      snprintf(rest, size, "waits in %s at %s:%d", name_of(g->call), g->where.file, g->where.line);
    else
      snprintf(rest, size, "runs");
  }
};

/* Threads wait, and nothing can wake them. */
[[noreturn]] void report_deadlock() {
  for (unsigned t = 0; t < block.count; t++) {
    const gathering *g = gathering_of(t);
    if (!g) continue;
    enter(t);
    unsigned missing = g->mask & ~g->arrived;
    cr_emulation_report("deadlock: %s at %s:%d waits for %s", name_of(g->call), g->where.file,
                        g->where.line,
                        doing(t / WARP * WARP + (unsigned)__builtin_ctz(missing)).text);
  }
  cr_emulation_report("deadlock");
}

/* ---- running
 * ------------------------------------------------------------------------------------- */

void check_warp_after_end(unsigned t) {
  const warp &w = block.warps[t / WARP];
  for (unsigned i = 0; i < w.count; i++) {
    const gathering &g = w.gatherings[i];
    if (!(g.mask >> t % WARP & 1)) continue;
    enter(t / WARP * WARP + (unsigned)__builtin_ctz(g.arrived));
    cr_emulation_report("%s at %s:%d: mask 0x%08x names lane %u, %s", name_of(g.call), g.where.file,
                        g.where.line, g.mask, t % WARP, doing(t).text);
  }
}

void end_thread() {
  unsigned t = block.current;
  block.runnable.remove(t);
  block.ended.add(t);
  block.ended_count++;
  block.threads[t].stack = nullptr;
  if (block.barrier.waiting) {
    enter((unsigned)block.barrier.who.up(0));
    cr_emulation_report("__syncthreads at %s:%d is never reached by %s", block.barrier.where.file,
                        block.barrier.where.line, doing(t).text);
  }
  if (block.warps[t / WARP].count) check_warp_after_end(t);
}

/* What every pooled stack does: begins threads, one after the other; lies in the pool between. */
void run_threads() {
  for (;;) {
    block.launch->call(block.launch->data);
    fibre *self = block.stack;
    end_thread();
    int next = choose(block.current);
    if (next >= 0) {
      enter((unsigned)next);
      if (!block.threads[next].stack) {
        block.threads[next].stack = self;
        continue;
      }
    } else if (block.ended_count < block.count)
      report_deadlock();
    pool.push_back(self);
    fibre *to = next >= 0 ? block.threads[next].stack : &block.host;
    block.stack = to;
    fibre_switch(self, to);
  }
}

fibre *take_stack() {
  if (pool.empty()) return fibre_new(run_threads);
  fibre *f = pool.back();
  pool.pop_back();
  return f;
}

/* Runs thread t, which is not the current one, until somebody gives this one its turn again. */
void hand_over(unsigned t) {
  fibre *self = block.stack;
  enter(t);
  if (!block.threads[t].stack) block.threads[t].stack = take_stack();
  block.stack = block.threads[t].stack;
  fibre_switch(self, block.stack);
}

/* The current thread waits until it is runnable and has its turn. */
void wait() {
  unsigned self = block.current;
  block.runnable.remove(self);
  int next = choose(self);
  if (next < 0) report_deadlock();
  hand_over((unsigned)next);
}

void must_run(const char *function) {
  if (!block.launch) cr_emulation_report("%s outside a kernel", function);
}

/* ---- barriers
 * ------------------------------------------------------------------------------------- */

void open_barrier() {
  auto &b = block.barrier;
  switch (b.kind) {
  case CR_BARRIER_OR: b.result = b.count > 0; break;
  case CR_BARRIER_AND: b.result = b.count == (int)block.count; break;
  default: b.result = b.count;
  }
  b.waiting = 0;
  b.who.clear();
  block.runnable.fill(block.count);
}

int barrier(cr_barrier kind, bool predicate, place where) {
  auto &b = block.barrier;
  if (block.ended_count)
    cr_emulation_report("__syncthreads at %s:%d is never reached by %s", where.file, where.line,
                        doing((unsigned)block.ended.up(0)).text);
  if (b.waiting == 0) {
    b.kind = kind;
    b.where = where;
    b.count = 0;
  } else if (b.kind != kind || !(b.where == where))
    cr_emulation_report("__syncthreads at %s:%d, while another one is waited for by %s", where.file,
                        where.line, doing((unsigned)b.who.up(0)).text);
  unsigned self = block.current;
  b.waiting++;
  b.who.add(self);
  b.count += predicate;
  if (b.waiting < block.count)
    wait();
  else {
    open_barrier();
    unsigned first = (unsigned)choose_first();
    if (first != self) hand_over(first);
  }
  return b.result;
}

/* ---- warps
 * ---------------------------------------------------------------------------------------- */

uint32_t reduce_two(unsigned reduction, uint32_t x, uint32_t y) {
  switch (reduction) {
  case CR_WARP_MIN: return min(x, y);
  case CR_WARP_MAX: return max(x, y);
  case CR_WARP_MIN_SIGNED: return (uint32_t)min((int)x, (int)y);
  case CR_WARP_MAX_SIGNED: return (uint32_t)max((int)x, (int)y);
  case CR_WARP_AND: return x & y;
  case CR_WARP_OR: return x | y;
  case CR_WARP_XOR: return x ^ y;
  default: return x + y;
  }
}

uint32_t reduce(const gathering &g, const thread_state *lanes) {
  unsigned left = g.mask;
  uint32_t result = (uint32_t)lanes[__builtin_ctz(left)].value;
  while (left &= left - 1)
    result = reduce_two(g.other, result, (uint32_t)lanes[__builtin_ctz(left)].value);
  return result;
}

/* The lanes whose value is `value`; of ballots, that are not 0. */
unsigned lanes_with(const gathering &g, const thread_state *lanes, uint64_t value) {
  unsigned found = 0;
  for (unsigned lane = 0; lane < WARP; lane++)
    if (g.mask >> lane & 1 && lanes[lane].value == value) found |= 1u << lane;
  return found;
}

uint64_t result_for(const gathering &g, const thread_state *lanes, unsigned lane) {
  switch (g.call) {
  case CR_WARP_SHUFFLE: {
    /* What a lane outside the mask holds is undefined. */
    unsigned source = lanes[lane].source;
    return g.mask >> source & 1 ? lanes[source].value : 0x7ffd7ffd7ffd7ffdu;
  }
  case CR_WARP_MATCH: return lanes_with(g, lanes, lanes[lane].value);
  default: return 0;
  }
}

/* All have arrived: gives each its result and lets it run. */
void finish(warp &w, gathering *g, unsigned base) {
  thread_state *lanes = block.threads + base;
  uint64_t common = 0;
  switch (g->call) {
  case CR_WARP_BALLOT: common = lanes_with(*g, lanes, 1); break;
  case CR_WARP_ANY: common = lanes_with(*g, lanes, 1) != 0; break;
  case CR_WARP_ALL: common = lanes_with(*g, lanes, 1) == g->mask; break;
  case CR_WARP_REDUCE: common = reduce(*g, lanes); break;
  default:;
  }
  bool own = g->call == CR_WARP_SHUFFLE || g->call == CR_WARP_MATCH;
  for (unsigned left = g->mask; left; left &= left - 1) {
    unsigned lane = (unsigned)__builtin_ctz(left);
    lanes[lane].result = own ? result_for(*g, lanes, lane) : common;
    block.runnable.add(base + lane);
  }
  *g = w.gatherings[--w.count];
}

/* Every lane of the mask must be able to come, and the caller must be one. */
void check_mask(const gathering &g, unsigned self) {
  unsigned base = self / WARP * WARP, lane = self % WARP;
  unsigned present = block.count - base >= WARP ? ~0u : (1u << (block.count - base)) - 1;
  unsigned ended = (unsigned)(block.ended.words[base / 64] >> base % 64);
  if (g.mask >> lane & 1 && !(g.mask & (~present | ended))) return;
  const char *name = name_of(g.call);
  if (!(g.mask >> lane & 1))
    cr_emulation_report("%s at %s:%d: mask 0x%08x lacks lane %u, which calls it", name,
                        g.where.file, g.where.line, g.mask, lane);
  if (g.mask & ~present)
    cr_emulation_report("%s at %s:%d: mask 0x%08x names lane %d, and the block ends before it",
                        name, g.where.file, g.where.line, g.mask, __builtin_ctz(g.mask & ~present));
  unsigned other = (unsigned)__builtin_ctz(g.mask & ended);
  cr_emulation_report("%s at %s:%d: mask 0x%08x names lane %u, %s", name, g.where.file,
                      g.where.line, g.mask, other, doing(base + other).text);
}

/* The gathering that the lane joins: one with the same call and mask, or a new one. */
gathering *join(warp &w, const gathering &mine, unsigned self) {
  unsigned lane = self % WARP;
  for (unsigned i = 0; i < w.count; i++) {
    gathering &g = w.gatherings[i];
    if (g.mask == mine.mask && g.call == mine.call && g.other == mine.other &&
        g.where == mine.where)
      return &g;
    if (g.mask >> lane & 1 && g.arrived & mine.mask)
      cr_emulation_report(
          "%s at %s:%d with mask 0x%08x, while %s at %s:%d with mask 0x%08x is waited for by %s",
          name_of(mine.call), mine.where.file, mine.where.line, mine.mask, name_of(g.call),
          g.where.file, g.where.line, g.mask,
          doing(self / WARP * WARP + (unsigned)__builtin_ctz(g.arrived & mine.mask)).text);
  }
  w.gatherings[w.count] = mine;
  return &w.gatherings[w.count++];
}

} // namespace

void run_block(const cr_emulation_launch &launch) {
  block.launch = &launch;
  block.count = launch.block.x * launch.block.y * launch.block.z;
  block.ended_count = 0;
  block.ended.clear();
  block.runnable.fill(block.count);
  block.order = configuration().order;
  if (!block.random) block.random = configuration().seed * 2 + 1;
  int first = choose_first();
  enter((unsigned)first);
  block.stack = block.threads[first].stack = take_stack();
  fibre_switch(&block.host, block.stack);
  block.launch = nullptr;
}

void describe_place(char *text, size_t size) {
  if (block.launch)
    snprintf(text, size, ", block (%u,%u,%u), thread (%u,%u,%u)", blockIdx.x, blockIdx.y,
             blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
  else if (size)
    *text = 0;
}

} // namespace emulation

using namespace emulation;

int cr_emulation_barrier(enum cr_barrier kind, int predicate, const char *file, int line) {
  must_run("__syncthreads");
  return barrier(kind, predicate != 0, {file, line});
}

uint64_t cr_emulation_warp(enum cr_warp_call call, unsigned mask, uint64_t value, unsigned other,
                           const char *file, int line) {
  must_run(name_of(call));
  unsigned self = block.current;
  warp &w = block.warps[self / WARP];
  gathering mine = {call, {file, line}, mask, 0, call == CR_WARP_SHUFFLE ? 0 : other};
  check_mask(mine, self);
  block.threads[self].value = value;
  block.threads[self].source = other;
  gathering *g = join(w, mine, self);
  g->arrived |= 1u << self % WARP;
  if (g->arrived == mask)
    finish(w, g, self / WARP * WARP);
  else
    wait();
  return block.threads[self].result;
}

unsigned cr_emulation_lane(void) {
  return block.current % WARP;
}

void cr_emulation_trap(const char *file, int line) {
  cr_emulation_report("__trap at %s:%d", file, line);
}

void cr_emulation_bad_atomic(const void *address) {
  if (cr_emulation_spins > CR_SPINS_MAX)
    cr_emulation_report("%d atomics without an end: it waits for what no other thread can do",
                        CR_SPINS_MAX);
  cr_emulation_report("an atomic at %p, which is not aligned", address);
}
