/* fake.h: what the fakes of NVIDIA's libraries share.
 *
 * They compute with plain loops, and are strict: what the real library would only notice by a
 * crash, such as a pointer to host memory or a work space that was freed, is a status here. */
#ifndef CR_EMULATION_FAKE_H
#define CR_EMULATION_FAKE_H

#include <cuda_runtime.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emulation.h"

namespace fake {

/* What every library's handle begins with. */
struct handle {
  uint32_t magic;
  int device;
  cudaStream_t stream;
};

/* A zeroed H for the current device. */
template <typename H> H *make(uint32_t magic) {
  int device;
  if (cudaGetDevice(&device) != cudaSuccess) return NULL;
  H *h = static_cast<H *>(calloc(1, sizeof(H)));
  if (!h) return NULL;
  h->base.magic = magic;
  h->base.device = device;
  return h;
}

/* A handle works on the device that was current when it was made. */
template <typename H> bool is_current(const H *h, uint32_t magic) {
  int device;
  return h && h->base.magic == magic && cudaGetDevice(&device) == cudaSuccess &&
         device == h->base.device;
}

template <typename H> void unmake(H *h) {
  h->base.magic = 0;
  free(h);
}

/* `bytes` of device memory that begin at a multiple of `align`; nothing may be anywhere. */
inline bool in_device(const void *p, size_t bytes, size_t align) {
  return bytes == 0 ||
         (p && reinterpret_cast<uintptr_t>(p) % align == 0 && cr_emulation_is_device(p, bytes));
}

/* A matrix by columns. */
inline bool matrix_in_device(const void *p, int64_t rows, int64_t cols, int64_t ld, size_t size) {
  if (rows == 0 || cols == 0) return true;
  return in_device(p, (size_t)((cols - 1) * ld + rows) * size, size);
}

/* A number that the host gives. */
inline bool in_host(const void *p, size_t bytes) {
  return p && !cr_emulation_is_device(p, bytes);
}

/* Overwrites work space: what the real one leaves there is not known either. */
inline void spoil(void *p, size_t bytes) {
  if (bytes) memset(p, 0xA5, bytes < 4096 ? bytes : 4096);
}

/* Does work of a call, or keeps it for the graph that its stream is captured for. */
template <typename F> void run_or_keep(const handle &h, const char *name, F work) {
  if (!cr_emulation_is_capturing(h.stream)) {
    work();
    return;
  }
  cr_emulation_keep(
      h.stream, name, new F(work), [](void *f) { (*static_cast<F *>(f))(); },
      [](void *f) { delete static_cast<F *>(f); });
}

inline int64_t at_least_one(int64_t x) {
  return x > 1 ? x : 1;
}

} // namespace fake

#endif
