/* backend.c: which table of kernels serves which device. */
#include "tensor/backend.h"
#include "tensor/cpu/cpu.h"
#include "tensor/device.h"
#include "tensor/profile.h"

const cr_backend *cr_backend_of(cr_device d) {
  if (d.type == CR_CPU) return cr_cpu_backend();
  const cr_plugin *p = cr_plugin_of((cr_device_type)d.type);
  if (!p) return NULL;
  int count = p->control->count();
  if (d.index < 0 || d.index >= count)
    return cr_fail_null("there is no CUDA device %d: this machine has %d", d.index + 1, count);
  return p->tensor->use(d) ? p->tensor : NULL;
}

void cr_use_device(const cr_backend *b, cr_device d) {
  b->use(d);
  cr_profile *p = cr_profiling();
  if (p) cr_profile_use(p, d);
}

/* Four lanes of 32 bits a counter; see cpu/random.c for which draw takes two. */
uint64_t cr_random_counters(cr_random_op op, cr_dtype dtype, int64_t n) {
  bool wide = op == CR_RANDINT || (dtype == CR_FLOAT64 && op != CR_BERNOULLI);
  return wide ? ((uint64_t)n + 1) / 2 : ((uint64_t)n + 3) / 4;
}
