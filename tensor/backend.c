/* backend.c: which table of kernels serves which device type. */
#include "tensor/cpu/cpu.h"
#include "tensor/backend.h"

static _Atomic(const cr_backend *) tables[CR_NDEVICES];

void cr_backend_register(cr_device_type type, const cr_backend *b) {
  atomic_store_explicit(&tables[type], b, memory_order_release);
}

const cr_backend *cr_backend_of(cr_device d) {
  if (d.type == CR_CPU) return cr_cpu_backend();
  if (d.type >= CR_NDEVICES) return cr_fail_null("there is no device type %d", d.type);
  const cr_backend *b = atomic_load_explicit(&tables[d.type], memory_order_acquire);
  return b ? b
           : cr_fail_null("no CUDA device is available: the CUDA backend is not loaded "
                          "(is this a build with CUDA, and a machine with a GPU?)");
}

/* Four lanes of 32 bits a counter; see cpu/random.c for which draw takes two. */
uint64_t cr_random_counters(cr_random_op op, cr_dtype dtype, int64_t n) {
  bool wide = op == CR_RANDINT || (dtype == CR_FLOAT64 && op != CR_BERNOULLI);
  return wide ? ((uint64_t)n + 1) / 2 : ((uint64_t)n + 3) / 4;
}
