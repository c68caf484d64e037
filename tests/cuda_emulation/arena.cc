/* arena.cc: device memory: blocks in one reserved range of addresses, closed while no device code
 * runs.
 *
 * All devices share the range, so that what must be opened and closed stays small.  Blocks have
 * their exact size and a gap after them: poisoned for AddressSanitizer, else filled with a canary.
 */
#include "internal.h"

#include <map>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if CR_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace emulation {

namespace {

const size_t RESERVED = (size_t)64 << 30;
/* The arena grows and is opened by this much, so that huge pages stay whole: they are opened fast.
 */
const size_t STEP = (size_t)2 << 20;
const size_t ALIGN = 256; /* of a block, as on a real device */
const size_t GAP = 64;    /* at least, after a block */
/* What is no longer needed at the end of the arena is closed when it is this much. */
const size_t SPARE = (size_t)64 << 20;
/* Blocks from this size on go back to the system when they are freed. */
const size_t GIVEN_BACK = (size_t)32 << 20;
const unsigned char canary_byte = 0xc7;

struct {
  char *base;
  size_t used; /* what was ever in use: the part that is opened */
  std::map<uintptr_t, allocation> blocks, pieces;
  std::map<uintptr_t, size_t> holes; /* between blocks, below base + end */
  size_t end;                        /* of the last block and its gap */
  size_t live[DEVICES_MAX];
  int open; /* how many have opened it */
} arena;

size_t rounded(size_t bytes, size_t to) {
  return (bytes + to - 1) / to * to;
}

/* The addresses are ones that pairs of small integers do not look like. */
void reserve() {
  void *hint = reinterpret_cast<void *>((uintptr_t)0x2f5300000000);
  void *p = mmap(hint, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    perror("cuda emulation: reserving memory for the device");
    abort();
  }
  madvise(p, RESERVED, MADV_HUGEPAGE);
  arena.base = static_cast<char *>(p);
  arena.end = ALIGN; /* what lies before the first block is seen as well */
  install_handlers();
}

void protect(int protection) {
  if (arena.used && mprotect(arena.base, arena.used, protection) != 0) {
    perror("cuda emulation: protecting device memory");
    abort();
  }
}

void poison(const void *p, size_t bytes) {
#if CR_ASAN
  __asan_poison_memory_region(p, bytes);
#else
  (void)p, (void)bytes;
#endif
}

void unpoison(const void *p, size_t bytes) {
#if CR_ASAN
  __asan_unpoison_memory_region(p, bytes);
#else
  (void)p, (void)bytes;
#endif
}

/* Makes [0, end) of the arena usable; the arena is open. */
void grow(size_t end) {
  size_t used = rounded(end, STEP);
  if (used <= arena.used) return;
  if (mprotect(arena.base + arena.used, used - arena.used, PROT_READ | PROT_WRITE) != 0) {
    perror("cuda emulation: device memory");
    abort();
  }
  poison(arena.base + arena.used, used - arena.used);
  arena.used = used;
}

/* Gives the end of the arena back, so that less is opened and closed; the arena is open. */
void shrink() {
  size_t used = rounded(arena.end, STEP), spare = arena.used - used;
  if (spare < SPARE) return;
  madvise(arena.base + used, spare, MADV_DONTNEED);
  if (mprotect(arena.base + used, spare, PROT_NONE) == 0) arena.used = used;
}

size_t slot_bytes(size_t bytes) {
  return rounded(bytes + GAP, ALIGN);
}

/* A place for a slot: the first hole that is large enough, or the end.  0: there is none. */
uintptr_t take_place(size_t slot) {
  for (auto hole = arena.holes.begin(); hole != arena.holes.end(); ++hole) {
    if (hole->second < slot) continue;
    uintptr_t start = hole->first;
    size_t rest = hole->second - slot;
    arena.holes.erase(hole);
    if (rest) arena.holes[start + slot] = rest;
    return start;
  }
  if (slot > RESERVED - arena.end) return 0;
  uintptr_t start = (uintptr_t)arena.base + arena.end;
  arena.end += slot;
  grow(arena.end);
  return start;
}

/* Gives a slot back, together with the holes beside it. */
void give_place(uintptr_t start, size_t slot) {
  auto next = arena.holes.lower_bound(start);
  if (next != arena.holes.end() && next->first == start + slot) {
    slot += next->second;
    next = arena.holes.erase(next);
  }
  if (next != arena.holes.begin()) {
    auto before = std::prev(next);
    if (before->first + before->second == start) {
      start = before->first;
      slot += before->second;
      arena.holes.erase(before);
    }
  }
  if (start + slot == (uintptr_t)arena.base + arena.end)
    arena.end = start - (uintptr_t)arena.base;
  else
    arena.holes[start] = slot;
}

} // namespace

static void make_fresh(const allocation &b) {
  char *p = reinterpret_cast<char *>(b.start);
  unpoison(p, b.bytes);
  fill_pattern(p, b.bytes);
  if (CR_ASAN)
    poison(p + b.bytes, b.room - b.bytes);
  else
    memset(p + b.bytes, canary_byte, b.room - b.bytes);
}

void *arena_allocate(size_t bytes, int device) {
  if (bytes > configuration().memory - arena.live[device]) return nullptr;
  cr_emulation_device open("cudaMalloc");
  size_t slot = slot_bytes(bytes);
  uintptr_t start = take_place(slot);
  if (!start) return nullptr;
  allocation &b = arena.blocks[start] = {start, bytes, slot, device, false};
  make_fresh(b);
  arena.live[device] += bytes;
  return reinterpret_cast<void *>(start);
}

void arena_check(const allocation &b) {
  if (CR_ASAN) return;
  const unsigned char *gap = reinterpret_cast<const unsigned char *>(b.start + b.bytes);
  for (size_t i = 0; i < b.room - b.bytes; i++)
    if (gap[i] != canary_byte)
      cr_emulation_report(
          "device memory was written %zu bytes beyond the end of a block of %zu bytes", i, b.bytes);
}

static void check_no_piece(const allocation &b) {
  auto piece = arena.pieces.lower_bound(b.start);
  if (piece != arena.pieces.end() && piece->first < b.start + b.bytes)
    cr_emulation_report("a block of %zu bytes is freed while %zu bytes of it are in use", b.bytes,
                        piece->second.bytes);
}

bool arena_release(void *p) {
  auto found = arena.blocks.find((uintptr_t)p);
  if (found == arena.blocks.end()) return false;
  allocation b = found->second;
  cr_emulation_device open("cudaFree");
  if (b.carved) check_no_piece(b);
  arena_check(b);
  poison(p, b.bytes);
  if (b.bytes >= GIVEN_BACK) {
    uintptr_t first = rounded(b.start, STEP), last = (b.start + b.bytes) / STEP * STEP;
    if (last > first) madvise(reinterpret_cast<void *>(first), last - first, MADV_DONTNEED);
  }
  arena.live[b.device] -= b.bytes;
  arena.blocks.erase(found);
  give_place(b.start, b.room);
  shrink();
  return true;
}

void arena_release_all(int device) {
  for (auto i = arena.blocks.begin(); i != arena.blocks.end();) {
    allocation b = (i++)->second;
    if (b.device == device) arena_release(reinterpret_cast<void *>(b.start));
  }
}

static allocation *find_in(std::map<uintptr_t, allocation> &all, const void *p) {
  auto after = all.upper_bound((uintptr_t)p);
  if (after == all.begin()) return nullptr;
  allocation &b = std::prev(after)->second;
  return (uintptr_t)p - b.start <= b.bytes ? &b : nullptr;
}

const allocation *arena_find(const void *p) {
  allocation *b = find_in(arena.blocks, p);
  return b && b->carved ? find_in(arena.pieces, p) : b;
}

bool arena_contains(const void *p) {
  return arena.base && (uintptr_t)p - (uintptr_t)arena.base < RESERVED;
}

size_t arena_live_bytes(int device) {
  return arena.live[device];
}

} // namespace emulation

using namespace emulation;

void cr_emulation_enter(const char *name) {
  lock.lock();
  if (arena.open++ > 0) return;
  running = name;
  if (!arena.base) reserve();
  protect(PROT_READ | PROT_WRITE);
}

void cr_emulation_leave(void) {
  if (--arena.open == 0) {
    running = nullptr;
    protect(PROT_NONE);
  }
  lock.unlock();
}

void cr_emulation_carve(void *p, size_t bytes, size_t room) {
  cr_emulation_device open("a piece of device memory");
  allocation *b = find_in(arena.blocks, p);
  if (!b || bytes > room || (uintptr_t)p + room > b->start + b->bytes)
    cr_emulation_report("%p and %zu bytes lie in no block", p, room);
  if (!b->carved) poison(reinterpret_cast<void *>(b->start), b->bytes);
  b->carved = true;
  if (!arena.pieces.insert({(uintptr_t)p, {(uintptr_t)p, bytes, room, b->device, false}}).second)
    cr_emulation_report("%p is already in use", p);
  make_fresh(arena.pieces[(uintptr_t)p]);
}

void cr_emulation_uncarve(void *p) {
  cr_emulation_device open("a piece of device memory");
  auto found = arena.pieces.find((uintptr_t)p);
  if (found == arena.pieces.end()) cr_emulation_report("%p is given back and was not in use", p);
  arena_check(found->second);
  fill_pattern(p, found->second.bytes); /* for those who read it still */
  poison(p, found->second.room);
  arena.pieces.erase(found);
}

bool cr_emulation_is_device(const void *p, size_t bytes) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  const allocation *b = arena_find(p);
  if (b) return bytes <= b->bytes - ((uintptr_t)p - b->start);
  return mapped_host(p, bytes);
}

int cr_emulation_device_of(const void *p) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  const allocation *b = arena_find(p);
  return b ? b->device : -1;
}

size_t cr_emulation_live_bytes(int device) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  return device >= 0 && device < DEVICES_MAX ? arena_live_bytes(device) : 0;
}
