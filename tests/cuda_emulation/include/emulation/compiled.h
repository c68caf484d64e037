/* compiled.h: what the fake of NVRTC puts around a kernel's source, and the fake of the driver
 * finds there. */
#ifndef CR_EMULATED_COMPILED_H
#define CR_EMULATED_COMPILED_H

#include <cuda_runtime.h>

#include <utility>

/* A kernel in a shared object. */
struct cr_emulation_compiled {
  const void *kernel;
  cudaError_t (*start)(dim3 grid, dim3 block, size_t shared, cudaStream_t stream, void **arguments);
};

template <typename... P, size_t... I>
cudaError_t cr_emulate_compiled(const char *name, void (*kernel)(P...), dim3 grid, dim3 block,
                                size_t shared, cudaStream_t stream, void **arguments,
                                std::index_sequence<I...>) {
  (void)arguments;
  return cr_emulate(name, kernel, grid, block, shared, stream,
                    *static_cast<std::remove_cv_t<P> *>(arguments[I])...);
}

template <typename... P> std::index_sequence_for<P...> cr_emulation_places(void (*)(P...)) {
  return {};
}

#endif
