/* dtype.c: the element types and which of two wins. */
#include "tensor/tensor.h"

const cr_dtype_info cr_dtypes[CR_NDTYPES] = {
    [CR_FLOAT32] = {"float32", "Float", 4, true, true},
    [CR_FLOAT64] = {"float64", "Double", 8, true, true},
    [CR_FLOAT16] = {"float16", "Half", 2, true, true},
    [CR_BFLOAT16] = {"bfloat16", "BFloat16", 2, true, true},
    [CR_INT8] = {"int8", "Char", 1, false, true},
    [CR_UINT8] = {"uint8", "Byte", 1, false, false},
    [CR_INT16] = {"int16", "Short", 2, false, true},
    [CR_INT32] = {"int32", "Int", 4, false, true},
    [CR_INT64] = {"int64", "Long", 8, false, true},
    [CR_BOOL] = {"bool", "Bool", 1, false, false},
};

static cr_dtype promote_floats(cr_dtype a, cr_dtype b) {
  if (a == CR_FLOAT64 || b == CR_FLOAT64) return CR_FLOAT64;
  return a == b ? a : CR_FLOAT32; /* float16 and bfloat16 hold neither each other nor float32 */
}

cr_dtype cr_promote(cr_dtype a, cr_dtype b) {
  if (a == b) return a;
  if (cr_is_float(a) && cr_is_float(b)) return promote_floats(a, b);
  if (cr_is_float(a)) return a;
  if (cr_is_float(b)) return b;
  if (a == CR_BOOL) return b;
  if (b == CR_BOOL) return a;
  if (cr_sizeof(a) == cr_sizeof(b)) return CR_INT16; /* uint8 and int8 */
  return cr_sizeof(a) > cr_sizeof(b) ? a : b;
}

int64_t cr_scalar_int(cr_scalar s) {
  if (s.is_int) return s.i;
  if (s.d != s.d) return 0;
  if (s.d >= 9223372036854775808.0) return INT64_MAX;
  if (s.d < -9223372036854775808.0) return INT64_MIN;
  return (int64_t)s.d;
}
