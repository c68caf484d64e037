/* philox.h: the generator Philox 4x32-10: 128 random bits for each value of a counter.
 * Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef CR_CPU_PHILOX_H
#define CR_CPU_PHILOX_H

#include "tensor/cpu/cpu.h"

#define CR_PHILOX_BATCH 32 /* counters in step, for vector code */

/* The four words of each counter. */
typedef struct {
  uint32_t x[CR_PHILOX_BATCH], y[CR_PHILOX_BATCH], z[CR_PHILOX_BATCH], w[CR_PHILOX_BATCH];
} cr_philox_counters;

static inline void cr_philox_round(cr_philox_counters *c, uint32_t k0, uint32_t k1) {
  CR_SIMD
  for (int i = 0; i < CR_PHILOX_BATCH; i++) {
    uint64_t p = (uint64_t)0xD2511F53u * c->x[i], q = (uint64_t)0xCD9E8D57u * c->z[i];
    uint32_t x = (uint32_t)(q >> 32) ^ c->y[i] ^ k0, z = (uint32_t)(p >> 32) ^ c->w[i] ^ k1;
    c->x[i] = x;
    c->y[i] = (uint32_t)q;
    c->z[i] = z;
    c->w[i] = (uint32_t)p;
  }
}

/* The lanes of CR_PHILOX_BATCH counters that follow one another. */
static inline void cr_philox(uint64_t seed, uint64_t counter, uint32_t *out) {
  cr_philox_counters c;
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int i = 0; i < CR_PHILOX_BATCH; i++) {
    c.x[i] = (uint32_t)(counter + (uint64_t)i);
    c.y[i] = (uint32_t)((counter + (uint64_t)i) >> 32);
    c.z[i] = c.w[i] = 0;
  }
  for (int r = 0; r < 10; r++) {
    cr_philox_round(&c, k0, k1);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < CR_PHILOX_BATCH; i++) {
    out[4 * i] = c.x[i];
    out[4 * i + 1] = c.y[i];
    out[4 * i + 2] = c.z[i];
    out[4 * i + 3] = c.w[i];
  }
}

#endif
