/* basic.h: element types, devices, numbers and error messages: what every layer knows.
 *
 * This header, backend.h and those they include can be read by C++ too, which backends of other
 * devices are written in. */
#ifndef CR_BASIC_H
#define CR_BASIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of inline functions that run on the host and on devices. */
#ifdef __CUDACC__
#define CR_BOTH __host__ __device__
#else
#define CR_BOTH
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define CR_MAX_DIMS 16

typedef enum {
  CR_FLOAT32,
  CR_FLOAT64,
  CR_FLOAT16,
  CR_BFLOAT16,
  CR_INT8,
  CR_UINT8,
  CR_INT16,
  CR_INT32,
  CR_INT64,
  CR_BOOL,
  CR_NDTYPES
} cr_dtype;

typedef enum { CR_CPU, CR_CUDA, CR_NDEVICES } cr_device_type;

typedef struct {
  uint8_t type; /* cr_device_type */
  int8_t index;
} cr_device;

typedef struct cr_storage cr_storage;
typedef struct cr_tensor cr_tensor;
typedef struct cr_autograd cr_autograd; /* tensor/autograd.h */
typedef struct cr_backend cr_backend;   /* tensor/backend.h */

/* A number from outside a tensor: an operator's scalar argument, one element. */
typedef struct {
  bool is_int;
  union {
    int64_t i;
    double d;
  };
} cr_scalar;

static inline cr_scalar cr_int(int64_t i) {
  cr_scalar s;
  s.is_int = true;
  s.i = i;
  return s;
}
static inline cr_scalar cr_num(double d) {
  cr_scalar s;
  s.is_int = false;
  s.d = d;
  return s;
}
static inline double cr_scalar_double(cr_scalar s) {
  return s.is_int ? (double)s.i : s.d;
}
int64_t cr_scalar_int(cr_scalar s); /* truncates; saturates what does not fit, NaN is 0 */

/* ---- dtypes ----------------------------------------------------------------------------- */

typedef struct {
  const char *name;  /* "float32" */
  const char *torch; /* "Float", as in torch.FloatTensor and torch.FloatStorage */
  size_t size;       /* bytes of an element */
  bool is_float;
  bool is_signed;
} cr_dtype_info;

extern const cr_dtype_info cr_dtypes[CR_NDTYPES];

static inline size_t cr_sizeof(cr_dtype t) {
  return cr_dtypes[t].size;
}
static inline bool cr_is_float(cr_dtype t) {
  return cr_dtypes[t].is_float;
}
/* The type of an operation on two types, by NumPy's and PyTorch's lattice: a float wins over an
 * integer whatever their widths; float16 with bfloat16 gives float32; uint8 with int8 gives int16.
 */
cr_dtype cr_promote(cr_dtype a, cr_dtype b);

/* ---- memory ----------------------------------------------------------------------------- */

typedef struct {
  size_t live;   /* bytes handed out */
  size_t peak;   /* most of it so far */
  size_t cached; /* bytes kept for reuse */
} cr_memory_stats;

/* ---- errors ----------------------------------------------------------------------------- */

/* Sets this thread's message.  Always returns false, so that `return cr_fail(...)` reads well. */
bool cr_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for functions that return a pointer. */
#define cr_fail_null(...) (cr_fail(__VA_ARGS__), (void *)0)
/* The message of this thread's last failure. */
const char *cr_error(void);
/* Puts "prefix: " before the present message. */
bool cr_error_prefix(const char *prefix);

#ifdef __cplusplus
}
#endif

#endif
