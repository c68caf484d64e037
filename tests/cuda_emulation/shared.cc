/* shared.cc: shared memory of the block that runs: fresh for each, of the exact size. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <vector>

namespace emulation {

namespace {

struct piece {
  char *memory;
  size_t bytes;
};

/* After each piece, so that a write beyond it is seen; AddressSanitizer sees more by itself. */
const size_t canary = CR_ASAN ? 0 : 64;
const unsigned char canary_byte = 0xc7;

struct {
  unsigned long long serial; /* of the block; what it numbers is made anew when it changes */
  std::vector<piece> pieces;
  size_t dynamic, declared, limit;
  char *dynamic_memory;
} shared;

char *new_piece(size_t bytes, size_t align) {
  void *memory;
  if (posix_memalign(&memory, align < 16 ? 16 : align, bytes + canary) != 0)
    cr_emulation_report("no memory for %zu bytes of shared memory", bytes);
  fill_pattern(memory, bytes);
  memset(static_cast<char *>(memory) + bytes, canary_byte, canary);
  shared.pieces.push_back({static_cast<char *>(memory), bytes});
  return static_cast<char *>(memory);
}

void check(const piece &p) {
  for (size_t i = 0; i < canary; i++)
    if ((unsigned char)p.memory[p.bytes + i] != canary_byte)
      cr_emulation_report("wrote beyond the end of a shared array of %zu bytes", p.bytes);
}

} // namespace

void shared_begin(const cr_emulation_launch &launch, size_t limit) {
  shared.serial++;
  shared.dynamic = launch.shared;
  shared.declared = 0;
  shared.limit = limit;
  shared.dynamic_memory = nullptr;
}

void shared_end() {
  for (const piece &p : shared.pieces) {
    check(p);
    free(p.memory);
  }
  shared.pieces.clear();
}

} // namespace emulation

using namespace emulation;

void *cr_emulation_shared(struct cr_emulation_site *site, size_t bytes, size_t align) {
  if (site->block == shared.serial) return site->memory;
  shared.declared += bytes;
  if (shared.declared > SHARED_DEFAULT)
    cr_emulation_report("declares %zu bytes of shared memory; %zu are possible", shared.declared,
                        SHARED_DEFAULT);
  if (shared.declared + shared.dynamic > shared.limit)
    cr_emulation_report(
        "declares %zu bytes of shared memory and is launched with %zu more; it may have %zu",
        shared.declared, shared.dynamic, shared.limit);
  site->memory = new_piece(bytes, align);
  site->block = shared.serial;
  return site->memory;
}

void *cr_emulation_dynamic_shared(size_t align) {
  if (!shared.dynamic_memory)
    shared.dynamic_memory = new_piece(shared.dynamic, align < 128 ? 128 : align);
  return shared.dynamic_memory;
}
