/* binary.cu: functions of two arguments, as tensor/cpu/binary.c has them: arithmetic, and
 * comparisons, which give bytes. */
#include "cuda/loop.h"
#include "tensor/functions.h"

/* Whose results are bytes, of floats and of integers. */
#define TEST(name, expr)                                                                           \
  struct name {                                                                                    \
    template <typename T> __device__ uint8_t operator()(T x, T y) const { return expr; }           \
  };

TEST(equal, x == y)
TEST(unequal, x != y)
TEST(less, x < y)
TEST(less_or_equal, x <= y)
TEST(greater, x > y)
TEST(greater_or_equal, x >= y)
TEST(logical_and, (x != 0) & (y != 0))
TEST(logical_or, (x != 0) | (y != 0))
TEST(logical_xor, (x != 0) ^ (y != 0))

#define EACH_COMPARISON(X)                                                                         \
  X(CR_EQ, equal)                                                                                  \
  X(CR_NE, unequal)                                                                                \
  X(CR_LT, less)                                                                                   \
  X(CR_LE, less_or_equal)                                                                          \
  X(CR_GT, greater)                                                                                \
  X(CR_GE, greater_or_equal)

#define EACH_LOGICAL(X)                                                                            \
  X(CR_LOGICAL_AND, logical_and)                                                                   \
  X(CR_LOGICAL_OR, logical_or)                                                                     \
  X(CR_LOGICAL_XOR, logical_xor)

static bool undefined(const cr_iter *it) {
  return cr_fail("this operation is not defined on %s", cr_dtypes[it->op[1].dtype].name);
}

/* ---- floats ----------------------------------------------------------------------------- */

/* float16 and bfloat16 compute in float. */
#define FLOAT(name, single, twice)                                                                 \
  struct name {                                                                                    \
    __device__ float operator()(float x, float y) const { return single; }                         \
    __device__ double operator()(double x, double y) const { return twice; }                       \
  };
#define FLOATS(name, expr) FLOAT(name, expr, expr)

/* The result has the divisor's sign. */
__device__ __forceinline__ float remainder_of(float x, float y) {
  float r = fmodf(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

FLOATS(add, x + y)
FLOATS(subtract, x - y)
FLOATS(multiply, x *y)
FLOATS(divide, x / y)
FLOATS(larger, x > y ? x : y != y ? y : x != x ? x : y)
FLOATS(smaller, x < y ? x : y != y ? y : x != x ? x : y)
FLOAT(power, powf(x, y), pow(x, y))
FLOAT(floor_divide, floorf(x / y), floor(x / y))
FLOAT(remainder_signed, remainder_of(x, y), cr_remainder_of(x, y))
FLOAT(remainder_fmod, fmodf(x, y), fmod(x, y))
FLOAT(arc_tangent, atan2f(x, y), atan2(x, y))

#define EACH_FREQUENT(X)                                                                           \
  X(CR_ADD, add)                                                                                   \
  X(CR_SUB, subtract)                                                                              \
  X(CR_MUL, multiply)                                                                              \
  X(CR_DIV, divide)                                                                                \
  X(CR_MAX, larger)                                                                                \
  X(CR_MIN, smaller)                                                                               \
  X(CR_POW, power)

#define EACH_RARE(X)                                                                               \
  X(CR_FLOORDIV, floor_divide)                                                                     \
  X(CR_REMAINDER, remainder_signed)                                                                \
  X(CR_FMOD, remainder_fmod)                                                                       \
  X(CR_ATAN2, arc_tangent)

/* T in memory, computed in C. */
template <typename C, typename T> static bool on_floats(cr_binary_op op, const cr_iter *it) {
  switch (op) {
#define CASE(code, f)                                                                              \
  case code: return cr_loop_dense<C, T, T, T>(#f, it, f());
    EACH_FREQUENT(CASE)
#undef CASE
#define CASE(code, f)                                                                              \
  case code: return cr_loop_dense<C, uint8_t, T, T>(#f, it, f());
    EACH_COMPARISON(CASE)
#undef CASE
#define CASE(code, f)                                                                              \
  case code: return cr_loop_any<C, 3>(#f, it, f());
    EACH_RARE(CASE)
    EACH_LOGICAL(CASE)
#undef CASE
  default: return undefined(it);
  }
}

/* ---- integers --------------------------------------------------------------------------- */

/* In 64 bits, of which the result keeps the low ones; overflow wraps. */
#define INTEGER(name, expr)                                                                        \
  struct name {                                                                                    \
    __device__ int64_t operator()(int64_t x, int64_t y) const { return (int64_t)(expr); }          \
  };

INTEGER(int_add, (uint64_t)x + (uint64_t)y)
INTEGER(int_subtract, (uint64_t)x - (uint64_t)y)
INTEGER(int_multiply, (uint64_t)x *(uint64_t)y)
INTEGER(int_larger, x > y ? x : y)
INTEGER(int_smaller, x < y ? x : y)
INTEGER(int_power, cr_power(x, y))
INTEGER(int_and, x &y)
INTEGER(int_or, x | y)
INTEGER(int_xor, x ^ y)

/* A shift by the width or more, or by a negative number, shifts everything out. */
struct shift_left {
  uint64_t bits;
  __device__ int64_t operator()(int64_t x, int64_t y) const {
    return (uint64_t)y < bits ? (int64_t)((uint64_t)x << y) : 0;
  }
};
struct shift_right {
  uint64_t bits;
  __device__ int64_t operator()(int64_t x, int64_t y) const {
    return (uint64_t)y < bits ? x >> y : x >> (bits - 1) >> 1;
  }
};

#define DIVIDES(name, expr)                                                                        \
  struct name {                                                                                    \
    cr_guard guard;                                                                                \
    __device__ cr_unless_refused operator()(int64_t x, int64_t y) const {                          \
      if (y == 0) cr_refuse(guard, CR_REFUSED_DIVISOR, 0, 0);                                      \
      return {y == 0 ? 0 : expr, y == 0};                                                          \
    }                                                                                              \
  };

DIVIDES(int_divide, cr_quotient(x, y))
DIVIDES(int_floor_divide, cr_floor_quotient(x, y))
DIVIDES(int_remainder_signed, cr_floor_rest(x, y))
DIVIDES(int_remainder_fmod, cr_rest(x, y))

/* bool: ADD and MAX are or, MUL and MIN and. */
static bool on_bools(cr_binary_op op, const cr_iter *it) {
  switch (op) {
  case CR_ADD:
  case CR_MAX:
  case CR_BITOR: return cr_loop_any<int64_t, 3>("or", it, int_or());
  case CR_MUL:
  case CR_MIN:
  case CR_BITAND: return cr_loop_any<int64_t, 3>("and", it, int_and());
  case CR_BITXOR: return cr_loop_any<int64_t, 3>("xor", it, int_xor());
  default: return undefined(it);
  }
}

static bool on_integers(cr_binary_op op, const cr_iter *it) {
  uint64_t bits = 8 * cr_dtypes[it->op[1].dtype].size;
  switch (op) {
  case CR_ADD: return cr_loop_any<int64_t, 3>("add", it, int_add());
  case CR_SUB: return cr_loop_any<int64_t, 3>("subtract", it, int_subtract());
  case CR_MUL: return cr_loop_any<int64_t, 3>("multiply", it, int_multiply());
  case CR_MAX: return cr_loop_any<int64_t, 3>("larger", it, int_larger());
  case CR_MIN: return cr_loop_any<int64_t, 3>("smaller", it, int_smaller());
  case CR_POW: return cr_loop_any<int64_t, 3>("power", it, int_power());
  case CR_BITAND: return cr_loop_any<int64_t, 3>("and", it, int_and());
  case CR_BITOR: return cr_loop_any<int64_t, 3>("or", it, int_or());
  case CR_BITXOR: return cr_loop_any<int64_t, 3>("xor", it, int_xor());
  case CR_LSHIFT: return cr_loop_any<int64_t, 3>("lshift", it, shift_left{bits});
  case CR_RSHIFT: return cr_loop_any<int64_t, 3>("rshift", it, shift_right{bits});
#define CASE(code, f)                                                                              \
  case code: return cr_loop_any<int64_t, 3>("division", it, f{cr_guard_for("division")});
    CASE(CR_DIV, int_divide)
    CASE(CR_FLOORDIV, int_floor_divide)
    CASE(CR_REMAINDER, int_remainder_signed)
    CASE(CR_FMOD, int_remainder_fmod)
#undef CASE
  default: return undefined(it);
  }
}

static bool compare_integers(cr_binary_op op, const cr_iter *it) {
  switch (op) {
#define CASE(code, f)                                                                              \
  case code: return cr_loop_any<int64_t, 3>(#f, it, f());
    EACH_COMPARISON(CASE)
    EACH_LOGICAL(CASE)
#undef CASE
  default: return undefined(it);
  }
}

/* What is frequent of int64, where it is dense; else *done is false and nothing was run. */
static bool on_dense_int64(cr_binary_op op, const cr_iter *it, bool *done) {
  switch (op) {
#define ARITHMETIC(code, f)                                                                        \
  case code:                                                                                       \
    return cr_try_dense<int64_t, int64_t, int64_t>(#f, it, f(), done);
#define COMPARISON(code, f)                                                                        \
  case code: return cr_try_dense<uint8_t, int64_t, int64_t>(#f, it, f(), done);
    ARITHMETIC(CR_ADD, int_add)
    ARITHMETIC(CR_SUB, int_subtract)
    ARITHMETIC(CR_MUL, int_multiply)
    ARITHMETIC(CR_MAX, int_larger)
    ARITHMETIC(CR_MIN, int_smaller)
    EACH_COMPARISON(COMPARISON)
#undef ARITHMETIC
#undef COMPARISON
  default: *done = false; return true;
  }
}

/* ---- the entry -------------------------------------------------------------------------- */

/* Whether operand k is the number 2. */
static bool is_two(const cr_iter *it, int k) {
  const cr_operand *o = &it->op[k];
  if (!o->number) return false;
  switch (o->dtype) {
  case CR_FLOAT32: return *reinterpret_cast<const float *>(o->data) == 2;
  case CR_FLOAT64: return *reinterpret_cast<const double *>(o->data) == 2;
  case CR_FLOAT16: return *reinterpret_cast<const uint16_t *>(o->data) == cr_float_to_f16(2);
  case CR_BFLOAT16: return *reinterpret_cast<const uint16_t *>(o->data) == cr_float_to_bf16(2);
  default: return false;
  }
}

static bool binary(cr_binary_op op, const cr_iter *it) {
  bool done = false, ok = true;
  if (op == CR_POW && is_two(it, 2)) {
    cr_iter square = *it;
    square.op[2] = square.op[1];
    return binary(CR_MUL, &square);
  }
  switch (it->op[1].dtype) {
  case CR_FLOAT32: return on_floats<float, float>(op, it);
  case CR_FLOAT64: return on_floats<double, double>(op, it);
  case CR_FLOAT16: return on_floats<float, cr_f16>(op, it);
  case CR_BFLOAT16: return on_floats<float, cr_bf16>(op, it);
  case CR_INT64: ok = on_dense_int64(op, it, &done); break;
  default: break;
  }
  if (done || !ok) return ok;
  if (op >= CR_NARITH) return compare_integers(op, it);
  return it->op[1].dtype == CR_BOOL ? on_bools(op, it) : on_integers(op, it);
}

void cr_cuda_fill_binary(cr_backend *b) {
  b->binary = binary;
}
