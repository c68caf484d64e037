/* cpu.h: what the CPU's kernels share: variants by instruction set, threads, and loop drivers.
 *
 * Every kernel file is compiled once for each instruction set with CR_ISA set to its name, so each
 * of its exported names goes through CR_ISA_NAME.  A file exports one function that fills its
 * entries of a table; a dispatcher, compiled once, calls the variant that cr_cpu_isa_index says.
 * nn/cpu/ uses the same mechanism for a table of its own. */
#ifndef CR_CPU_H
#define CR_CPU_H

#include "tensor/backend.h"
#include "tensor/tensor.h"

/* ---- instruction sets ------------------------------------------------------------------- */

#define CR_PASTE_(f, isa) f##_##isa
#define CR_PASTE(f, isa) CR_PASTE_(f, isa)
#define CR_ISA_NAME(f) CR_PASTE(f, CR_ISA)

/* For dispatchers: declares, and names, the variants of a function in their order. */
#if defined(__x86_64__) && !defined(CR_ONE_ISA)
#define CR_ISA_COUNT 3
#define CR_ISA_DECLARE(f, ...) void f##_v2(__VA_ARGS__), f##_v3(__VA_ARGS__), f##_v4(__VA_ARGS__)
#define CR_ISA_LIST(f)                                                                             \
  { f##_v2, f##_v3, f##_v4 }
#else
#define CR_ISA_COUNT 1
#define CR_ISA_DECLARE(f, ...) void f##_plain(__VA_ARGS__)
#define CR_ISA_LIST(f)                                                                             \
  { f##_plain }
#endif

/* The variant in use: the best that the processor has, or a lower one that the environment's
 * CRESSET_ISA names.  Safe to call at any time, also from a constructor. */
int cr_cpu_isa_index(void);
const char *cr_cpu_isa(void); /* "v2", "v3", "v4" or "plain" */

/* The CPU's table, filled once. */
const cr_backend *cr_cpu_backend(void);
extern const cr_linalg cr_lapack;      /* tensor/lapack_thread.c */
extern const cr_linalg cr_lapack_here; /* tensor/lapack.c: the calls themselves */

/* ---- threads ---------------------------------------------------------------------------- */

/* How many threads a loop may use now: 1 inside a parallel region. */
int cr_cpu_threads(void);

/* Whether the script that runs on this thread, or on the one for which this thread works, is to
 * stop.  Long loops outside of cr_cpu_parallel, and long bodies of it, ask some times a second, and
 * fail; the message is put by cr_cpu_parallel, or by cr_fail. */
bool cr_cpu_interrupted(void);

/* So many elements are worked on between two looks, about. */
#define CR_CPU_POLL ((int64_t)1 << 22)

/* For bodies of which one element may take long: adds to the work since the last look, and looks
 * when it is enough. */
static inline bool cr_cpu_poll(int64_t *work, int64_t more) {
  *work += more;
  if (*work < CR_CPU_POLL) return false;
  *work = 0;
  return cr_cpu_interrupted();
}

/* Calls body on disjoint ranges that cover 0..n, on several threads when n is at least two grains.
 * body returns false to stop everything early.  Fails with `why` as the message when a body did
 * (NULL: the body has put a message where the caller finds it; none is set here), or with
 * "interrupted". */
typedef bool (*cr_cpu_range)(void *arg, int64_t begin, int64_t end);
bool cr_cpu_parallel(int64_t n, int64_t grain, cr_cpu_range body, void *arg, const char *why);

/* Puts the message of a body that failed, as cr_cpu_parallel does; false. */
bool cr_cpu_failed(const char *why);

/* Grains in elements, by how dear an element is. */
#define CR_GRAIN_CHEAP 32768
#define CR_GRAIN_MATH 8192
#define CR_GRAIN_DEAR 2048

static inline int64_t cr_min64(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static inline int64_t cr_max64(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static inline bool cr_is_half(cr_dtype t) {
  return t == CR_FLOAT16 || t == CR_BFLOAT16;
}
/* The dtype in which a kernel computes on elements of t. */
static inline cr_dtype cr_compute_dtype(cr_dtype t) {
  return cr_is_half(t) ? CR_FLOAT32 : t;
}

#ifdef CR_ISA

/* The bodies that are included once for float and once for double call themselves NAME(f). */
#define CR_TYPED(f, real) CR_PASTE(f, real)

/* Before a loop over elements whose operands are the same memory or do not overlap: says so. */
#define CR_SIMD _Pragma("omp simd")
/* All turns of a loop of constant length written out, so that what they index stays in registers.
 */
#define CR_UNROLL _Pragma("GCC unroll 16")
#if defined(__clang__)
/* The hint is no order: in builds that do not optimise it has no effect. */
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

/* Elements that a driver copies into a buffer at a time when an operand is not contiguous. */
#define CR_BLOCK 512

/* A loop's body: n elements, every operand contiguous.  p[0] is written; it may be the very same
 * memory as an input, but does not overlap otherwise. */
typedef bool (*cr_cpu_fn)(int64_t n, char *const *p, const void *arg);

/* Runs fn over the loop.  Operands with gaps or a stride of 0 go through buffers; float16 and
 * bfloat16 operands arrive, and leave, as float32. */
#define cr_cpu_loop CR_ISA_NAME(cr_cpu_loop)
bool cr_cpu_loop(const cr_iter *it, cr_cpu_fn fn, const void *arg, int64_t grain, const char *why);
/* The same, but float16 and bfloat16 stay as they are. */
#define cr_cpu_loop_raw CR_ISA_NAME(cr_cpu_loop_raw)
bool cr_cpu_loop_raw(const cr_iter *it, cr_cpu_fn fn, const void *arg, int64_t grain,
                     const char *why);
/* The latter where raw, else the former; numbers[k], where there is one, is the body for an operand
 * k that is one number p[k] all along a line. */
#define cr_cpu_loop_numbers CR_ISA_NAME(cr_cpu_loop_numbers)
bool cr_cpu_loop_numbers(const cr_iter *it, bool raw, cr_cpu_fn fn,
                         const cr_cpu_fn numbers[CR_ITER_MAX], int64_t grain, const char *why);

/* The dimension along which some input is contiguous while the output is along dimension 0, when
 * both are long: the loop then works through tiles.  0: there is none. */
#define cr_cpu_turned_dim CR_ISA_NAME(cr_cpu_turned_dim)
int cr_cpu_turned_dim(const cr_iter *it);

/* A body that takes operands as they lie: n steps of stride[k] bytes. */
typedef bool (*cr_cpu_line)(int64_t n, char *const *p, const int64_t *stride, void *arg);
#define cr_cpu_lines CR_ISA_NAME(cr_cpu_lines)
bool cr_cpu_lines(const cr_iter *it, cr_cpu_line fn, void *arg, int64_t grain, const char *why);

/* Copies n bytes.  From some hundred bytes to some megabytes memcpy uses an instruction (rep movsb)
 * that takes several times as long on some processors. */
#define CR_COPY_WIDTH 32
static inline void cr_cpu_copy_bytes(void *to, const void *from, size_t n) {
  typedef char piece __attribute__((vector_size(CR_COPY_WIDTH), aligned(1), may_alias));
  if (n < 8 * CR_COPY_WIDTH || n > (size_t)1 << 21) {
    if (n) __builtin_memcpy(to, from, n);
    return;
  }
  size_t i = 0;
  for (; i + 4 * CR_COPY_WIDTH <= n; i += 4 * CR_COPY_WIDTH) {
    const piece *f = (const piece *)((const char *)from + i);
    piece *t = (piece *)((char *)to + i), a = f[0], b = f[1], c = f[2], d = f[3];
    t[0] = a, t[1] = b, t[2] = c, t[3] = d;
  }
  size_t last = n - 4 * CR_COPY_WIDTH; /* over some of it again */
  const piece *f = (const piece *)((const char *)from + last);
  piece *t = (piece *)((char *)to + last);
  CR_UNROLL for (int k = 0; k < 4; k++) t[k] = f[k];
}

/* n elements of `size` bytes, `stride` bytes apart, to or from a contiguous place. */
#define cr_cpu_pack CR_ISA_NAME(cr_cpu_pack)
void cr_cpu_pack(size_t size, int64_t n, void *to, const char *from, int64_t stride);
#define cr_cpu_unpack CR_ISA_NAME(cr_cpu_unpack)
void cr_cpu_unpack(size_t size, int64_t n, char *to, int64_t stride, const void *from);

/* Converts n contiguous elements.  Floats become integers by truncation: NaN is 0, what int32
 * (for 64 bits: int64) cannot hold saturates there, and narrower types keep its low bits. */
#define cr_cpu_cast CR_ISA_NAME(cr_cpu_cast)
void cr_cpu_cast(cr_dtype to, void *out, cr_dtype from, const void *in, int64_t n);

/* As n elements of `to`, whatever the stride and the dtype: `in` itself, or `buf` filled. */
#define cr_cpu_load CR_ISA_NAME(cr_cpu_load)
const void *cr_cpu_load(cr_dtype to, void *buf, cr_dtype from, const char *in, int64_t stride,
                        int64_t n);

/* Whether a product of two matrices is of middle size; and such a product, the batch's first. */
#define cr_gemm_is_direct CR_ISA_NAME(cr_gemm_is_direct)
bool cr_gemm_is_direct(const cr_gemm_args *g);
#define cr_gemm_direct CR_ISA_NAME(cr_gemm_direct)
bool cr_gemm_direct(const cr_gemm_args *g);

#endif
#endif
