/* philox.h: the generator Philox 4x32-10: 128 random bits for each value of a counter.
 * Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef CR_PHILOX_H
#define CR_PHILOX_H

#include "tensor/basic.h"

/* Turns the four words of a counter into four random words.  The key is the seed, low word first.
 */
CR_BOTH static inline void cr_philox_block(uint32_t k0, uint32_t k1, uint32_t word[4]) {
  uint32_t x = word[0], y = word[1], z = word[2], w = word[3];
  for (int r = 0; r < 10; r++) {
    uint64_t p = (uint64_t)0xD2511F53u * x, q = (uint64_t)0xCD9E8D57u * z;
    x = (uint32_t)(q >> 32) ^ y ^ k0;
    z = (uint32_t)(p >> 32) ^ w ^ k1;
    y = (uint32_t)q;
    w = (uint32_t)p;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  word[0] = x, word[1] = y, word[2] = z, word[3] = w;
}

/* The lanes of one counter of a fill. */
CR_BOTH static inline void cr_philox_at(uint64_t seed, uint64_t counter, uint32_t lane[4]) {
  lane[0] = (uint32_t)counter, lane[1] = (uint32_t)(counter >> 32), lane[2] = lane[3] = 0;
  cr_philox_block((uint32_t)seed, (uint32_t)(seed >> 32), lane);
}

#endif
