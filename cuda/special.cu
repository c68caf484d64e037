/* special.cu: less common functions of one and two arguments, as tensor/cpu/special.c has them.
 * Floats are computed in double. */
#include "cuda/loop.h"
#include "tensor/functions.h"

/* C is the type whose digits are wanted. */
#define OF_ONE(name, expr)                                                                         \
  template <typename C> struct name {                                                              \
    double s;                                                                                      \
    __device__ C operator()(C x) const { return (C)(expr); }                                       \
  };
#define OF_TWO(name, expr)                                                                         \
  template <typename C> struct name {                                                              \
    double s;                                                                                      \
    __device__ C operator()(C x, C y) const { return (C)(expr); }                                  \
  };

OF_ONE(power_of_two, exp2((double)x))
OF_ONE(inverse_error_function, cr_erfinv(x, sizeof(C) == 4 ? 1 : 3))
OF_ONE(bessel_0, cr_bessel(0, x))
OF_ONE(bessel_1, cr_bessel(1, x))
OF_ONE(sinc_of, cr_sinc(x))
OF_ONE(polygamma_of, cr_polygamma_of(s, x))
OF_TWO(hypotenuse, hypot((double)x, (double)y))
OF_TWO(log_add, cr_log_add(x, y))
OF_TWO(x_log_y, cr_xlogy(x, y))
OF_TWO(with_sign, copysign((double)x, (double)y))
OF_TWO(divisor, cr_gcd(cr_magnitude(x), cr_magnitude(y)))
OF_TWO(multiple, cr_lcm(cr_magnitude(x), cr_magnitude(y)))

static bool undefined(const cr_iter *it) {
  return cr_fail("this function is not defined on %s", cr_dtypes[it->op[0].dtype].name);
}

template <typename C> static bool on_floats(cr_special_op op, const cr_iter *it, double s) {
  switch (op) {
#define CASE(code, operands, f)                                                                    \
  case code: return cr_loop_any<C, operands>(#f, it, f<C>{s});
    CASE(CR_EXP2, 2, power_of_two)
    CASE(CR_ERFINV, 2, inverse_error_function)
    CASE(CR_I0, 2, bessel_0)
    CASE(CR_I1, 2, bessel_1)
    CASE(CR_SINC, 2, sinc_of)
    CASE(CR_POLYGAMMA, 2, polygamma_of)
    CASE(CR_HYPOT, 3, hypotenuse)
    CASE(CR_LOGADDEXP, 3, log_add)
    CASE(CR_XLOGY, 3, x_log_y)
    CASE(CR_COPYSIGN, 3, with_sign)
#undef CASE
  default: return undefined(it);
  }
}

static bool special(cr_special_op op, const cr_iter *it, double s) {
  cr_dtype dtype = it->op[0].dtype;
  if (dtype == CR_FLOAT64) return on_floats<double>(op, it, s);
  if (cr_dtypes[dtype].is_float) return on_floats<float>(op, it, s);
  if (dtype == CR_BOOL) return undefined(it);
  switch (op) {
  case CR_GCD: return cr_loop_any<int64_t, 3>("gcd", it, divisor<int64_t>{s});
  case CR_LCM: return cr_loop_any<int64_t, 3>("lcm", it, multiple<int64_t>{s});
  default: return undefined(it);
  }
}

void cr_cuda_fill_special(cr_backend *b) {
  b->special = special;
}
