/* atomics.h: atomic functions.  One thread of a kernel runs at a time, so they are plain code; they
 * still check what the hardware would refuse, and that nobody spins for ever on what only another
 * can change. */
#ifndef CR_EMULATED_ATOMICS_H
#define CR_EMULATED_ATOMICS_H

#include <stdint.h>

extern "C" {
/* Atomics of the running thread since it was last switched to. */
extern unsigned cr_emulation_spins;
[[noreturn]] void cr_emulation_bad_atomic(const void *address);
}

enum { CR_SPINS_MAX = 1 << 26 };

template <typename T, typename F> static inline T cr_emulation_atomic(T *address, F change) {
  if ((uintptr_t)address % sizeof(T) != 0 || ++cr_emulation_spins > CR_SPINS_MAX)
    cr_emulation_bad_atomic(address);
  T old = *address;
  *address = change(old);
  return old;
}

/* Integer sums wrap. */
#define CR_ATOMIC_SUM(type, wide)                                                                  \
  static inline type atomicAdd(type *address, type value) {                                        \
    return cr_emulation_atomic(address,                                                            \
                               [=](type old) { return (type)((wide)old + (wide)value); });         \
  }                                                                                                \
  static inline type atomicSub(type *address, type value) {                                        \
    return cr_emulation_atomic(address,                                                            \
                               [=](type old) { return (type)((wide)old - (wide)value); });         \
  }
CR_ATOMIC_SUM(int, unsigned)
CR_ATOMIC_SUM(unsigned, unsigned)
#undef CR_ATOMIC_SUM

#define CR_ATOMIC(name, type, result)                                                              \
  static inline type name(type *address, type value) {                                             \
    return cr_emulation_atomic(address, [=](type old) -> type { return result; });                 \
  }
CR_ATOMIC(atomicAdd, unsigned long long, old + value)
CR_ATOMIC(atomicAdd, float, old + value)
CR_ATOMIC(atomicAdd, double, old + value)
CR_ATOMIC(atomicExch, float, ((void)old, value))

#define CR_ATOMIC_ORDER(type)                                                                      \
  CR_ATOMIC(atomicExch, type, ((void)old, value))                                                  \
  CR_ATOMIC(atomicMax, type, value > old ? value : old)                                            \
  CR_ATOMIC(atomicMin, type, value < old ? value : old)                                            \
  CR_ATOMIC(atomicAnd, type, old &value)                                                           \
  CR_ATOMIC(atomicOr, type, old | value)                                                           \
  CR_ATOMIC(atomicXor, type, old ^ value)
CR_ATOMIC_ORDER(int)
CR_ATOMIC_ORDER(unsigned)
CR_ATOMIC_ORDER(unsigned long long)
CR_ATOMIC(atomicMax, long long, value > old ? value : old)
CR_ATOMIC(atomicMin, long long, value < old ? value : old)
CR_ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
CR_ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1)
#undef CR_ATOMIC_ORDER
#undef CR_ATOMIC

#define CR_ATOMIC_COMPARE(type)                                                                    \
  static inline type atomicCAS(type *address, type compare, type value) {                          \
    return cr_emulation_atomic(address, [=](type old) { return old == compare ? value : old; });   \
  }
CR_ATOMIC_COMPARE(int)
CR_ATOMIC_COMPARE(unsigned)
CR_ATOMIC_COMPARE(unsigned long long)
CR_ATOMIC_COMPARE(unsigned short)
#undef CR_ATOMIC_COMPARE

#endif
