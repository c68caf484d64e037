/* launch.h: launching a kernel, and shared memory.  Cresset's cuda/launch.h calls cr_emulate where
 * nvcc would see kernel<<<grid, block, shared, stream>>>(arguments...). */
#ifndef CR_EMULATED_LAUNCH_H
#define CR_EMULATED_LAUNCH_H

#include <stddef.h>
#include <tuple>
#include <type_traits>

#include "api.h"
#include "language.h"

/* What a kernel declares by __shared__: memory of the block, NaN and absurd numbers before it is
 * written. `count` may be several sizes: CR_SHARED(float, tile, 32][33). */
#define CR_SHARED(type, name, ...)                                                                 \
  static cr_emulation_site cr_site_of_##name;                                                      \
  type(&name)[__VA_ARGS__] = *static_cast<type(*)[__VA_ARGS__]>(                                   \
      cr_emulation_shared(&cr_site_of_##name, sizeof(type[__VA_ARGS__]), alignof(type)))
/* The launch's `shared` bytes. */
#define CR_DYNAMIC_SHARED(type, name)                                                              \
  type *name = static_cast<type *>(cr_emulation_dynamic_shared(alignof(type)))

/* One place that declares shared memory, with its memory in the block that runs. */
struct cr_emulation_site {
  unsigned long long block;
  void *memory;
};

struct cr_emulation_argument {
  const void *value;
  size_t bytes;
  bool pointer;
};

struct cr_emulation_launch {
  const char *name;
  const void *kernel;
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
  void (*call)(void *data); /* runs the kernel for the current thread */
  void *data;
  const cr_emulation_argument *arguments;
  size_t argument_count;
};

extern "C" {
void *cr_emulation_shared(struct cr_emulation_site *site, size_t bytes, size_t align);
void *cr_emulation_dynamic_shared(size_t align);
cudaError_t cr_emulation_launch_kernel(const struct cr_emulation_launch *launch);
/* Whether work put into a stream is kept for a graph; keeps data, to be run at its launches. */
bool cr_emulation_is_capturing(cudaStream_t stream);
void cr_emulation_keep(cudaStream_t stream, const char *name, void *data, void (*run)(void *data),
                       void (*drop)(void *data));
[[noreturn]] void cr_emulation_report(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
}

/* Converts as a function call does. */
template <typename P, typename A> static inline P cr_emulation_convert(A value) {
  return value;
}

/* Bytes between a struct's fields hold whatever was there: not to be taken for pointers.  An empty
 * struct may share its byte with its neighbour in the tuple. */
template <typename T> static inline void cr_emulation_clear_padding(T &value) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
  if constexpr (std::is_class<T>::value && !std::is_empty<T>::value) {
    asm volatile("" : : "r"(&value) : "memory"); /* GCC must not move the value's parts past this */
    __builtin_clear_padding(&value);
    asm volatile("" : : "r"(&value) : "memory");
  }
#endif
#endif
  (void)value;
}

/* One launch, which a graph may repeat. */
template <typename... P> struct cr_emulation_call {
  const char *name;
  void (*kernel)(P...);
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
  std::tuple<P...> arguments;

  static void run(void *p) {
    cr_emulation_call *c = static_cast<cr_emulation_call *>(p);
    std::apply(c->kernel, c->arguments);
  }

  cudaError_t launch() {
    return std::apply(
        [&](P &...value) {
          (cr_emulation_clear_padding(value), ...);
          cr_emulation_argument list[] = {{&value, sizeof value, std::is_pointer<P>::value}...,
                                          {nullptr, 0, false}};
          cr_emulation_launch l = {name,   reinterpret_cast<const void *>(kernel),
                                   grid,   block,
                                   shared, stream,
                                   run,    this,
                                   list,   sizeof...(P)};
          return cr_emulation_launch_kernel(&l);
        },
        arguments);
  }

  static void repeat(void *p) {
    cr_emulation_call *c = static_cast<cr_emulation_call *>(p);
    c->stream = nullptr; /* the order is that of the graph */
    if (c->launch() != cudaSuccess) cr_emulation_report("a graph's launch of %s failed", c->name);
  }
  static void drop(void *p) { delete static_cast<cr_emulation_call *>(p); }
};

template <typename... P, typename... A>
cudaError_t cr_emulate(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                       cudaStream_t stream, A... args) {
  static_assert(sizeof...(P) == sizeof...(A),
                "a kernel gets as many arguments as it has parameters");
  static_assert((std::is_trivially_copyable<P>::value && ...), "arguments are copied as bytes");
  typedef cr_emulation_call<P...> call;
  call c = {name,
            kernel,
            grid,
            block,
            shared,
            stream,
            std::tuple<P...>(cr_emulation_convert<P, A>(args)...)};
  if (!cr_emulation_is_capturing(stream)) return c.launch();
  cr_emulation_keep(stream, name, new call(c), call::repeat, call::drop);
  return cudaSuccess;
}

#endif
