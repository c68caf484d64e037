/* binary.c: functions of two elements: forward, derivatives, and the table of them all. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>

/* ---- derivatives ------------------------------------------------------------------------ */

/* Two tensors: ga and gb are the places for the gradients of a and b, NULL when not wanted.
 * The engine sums broadcast dimensions away. */
#define D(name)                                                                                    \
  static bool name(cr_tensor *g, cr_tensor *a, cr_tensor *b, cr_tensor **ga, cr_tensor **gb)
#define UNUSED(x) (void)(x)
#define GIVE(place, value) (!(place) || (*(place) = (value)))

D(d_add) {
  UNUSED(a), UNUSED(b);
  return GIVE(ga, cr_retain(g)) && GIVE(gb, cr_retain(g));
}

D(d_sub) {
  UNUSED(a), UNUSED(b);
  return GIVE(ga, cr_retain(g)) && GIVE(gb, cr_neg(g));
}

D(d_mul) {
  return GIVE(ga, cr_mul(g, b)) && GIVE(gb, cr_mul(g, a));
}

D(d_div) {
  CR_AUTO q = cr_div(g, b);
  if (!q || !GIVE(ga, cr_retain(q))) return false;
  if (!gb) return true;
  CR_AUTO qb = cr_div(q, b);
  CR_AUTO qa = cr_mul(qb, a);
  return (*gb = cr_neg(qa)) != NULL;
}

/* d a^b / da = b a^(b-1), d/db = a^b log a, where a^b = 0 counts as slope 0 */
D(d_pow) {
  if (ga) {
    CR_AUTO less = cr_add_num(b, -1);
    CR_AUTO p = cr_binary(CR_POW, a, less, NULL);
    CR_AUTO s = cr_mul(b, p);
    CR_AUTO zero = cr_scalar_tensor((cr_dtype)g->dtype, cr_device_of(g), cr_int(0));
    CR_AUTO none = cr_binary_scalar(CR_EQ, b, cr_int(0), NULL);
    CR_AUTO slope = cr_where(none, zero, s, NULL);
    if (!(*ga = cr_mul(g, slope))) return false;
  }
  if (!gb) return true;
  CR_AUTO y = cr_binary(CR_POW, a, b, NULL);
  CR_AUTO l = cr_unary(CR_LOG, a, NULL);
  CR_AUTO s = cr_mul(y, l);
  CR_AUTO none = cr_binary_scalar(CR_EQ, y, cr_int(0), NULL);
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)g->dtype, cr_device_of(g), cr_int(0));
  CR_AUTO slope = cr_where(none, zero, s, NULL);
  return (*gb = cr_mul(g, slope)) != NULL;
}

/* g where `wins` holds, half of it where a and b are equal, else 0 */
static cr_tensor *share(cr_tensor *g, cr_binary_op wins, cr_tensor *a, cr_tensor *b) {
  CR_AUTO more = cr_binary(wins, a, b, NULL);
  CR_AUTO equal = cr_binary(CR_EQ, a, b, NULL);
  CR_AUTO m = more ? cr_cast(more, (cr_dtype)g->dtype) : NULL;
  CR_AUTO e = equal ? cr_cast(equal, (cr_dtype)g->dtype) : NULL;
  CR_AUTO part = m && e ? cr_axpby(cr_num(1), m, cr_num(0.5), e, NULL) : NULL;
  return cr_mul(g, part);
}

D(d_max) {
  return GIVE(ga, share(g, CR_GT, a, b)) && GIVE(gb, share(g, CR_LT, a, b));
}
D(d_min) {
  return GIVE(ga, share(g, CR_LT, a, b)) && GIVE(gb, share(g, CR_GT, a, b));
}

/* g * x / (a^2 + b^2) */
static cr_tensor *over_norm(cr_tensor *g, cr_tensor *x, cr_tensor *a, cr_tensor *b) {
  CR_AUTO aa = cr_unary(CR_SQUARE, a, NULL);
  CR_AUTO bb = cr_unary(CR_SQUARE, b, NULL);
  CR_AUTO q = cr_add(aa, bb);
  CR_AUTO gx = cr_mul(g, x);
  return cr_div(gx, q);
}

D(d_atan2) {
  if (!GIVE(ga, over_norm(g, b, a, b))) return false;
  if (!gb) return true;
  CR_AUTO t = over_norm(g, a, a, b);
  return (*gb = cr_neg(t)) != NULL;
}

/* a - b*round(a/b): slope 1 in a, minus the rounded quotient in b */
static bool d_mod(cr_unary_op rounding, cr_tensor *g, cr_tensor *a, cr_tensor *b, cr_tensor **ga,
                  cr_tensor **gb) {
  if (!GIVE(ga, cr_retain(g))) return false;
  if (!gb) return true;
  CR_AUTO q = cr_div(a, b);
  CR_AUTO r = cr_unary(rounding, q, NULL);
  CR_AUTO t = cr_mul(g, r);
  return (*gb = cr_neg(t)) != NULL;
}

D(d_remainder) {
  return d_mod(CR_FLOOR, g, a, b, ga, gb);
}
D(d_fmod) {
  return d_mod(CR_TRUNC, g, a, b, ga, gb);
}

D(d_zero) {
  UNUSED(g), UNUSED(a), UNUSED(b), UNUSED(ga), UNUSED(gb);
  return true;
}

/* A tensor and a number s: the gradient of the tensor. */
#define S(name) static cr_tensor *name(cr_tensor *g, cr_tensor *a, double s)

S(s_pass) {
  UNUSED(a), UNUSED(s);
  return cr_retain(g);
}
S(s_neg) {
  UNUSED(a), UNUSED(s);
  return cr_neg(g);
}
S(s_mul) {
  UNUSED(a);
  return cr_mul_num(g, s);
}
S(s_div) {
  UNUSED(a);
  return cr_binary_scalar(CR_DIV, g, cr_num(s), NULL);
}

S(s_pow) { /* s a^(s-1) */
  if (s == 0) return cr_zeros_like(g);
  if (s == 1) return cr_retain(g);
  CR_AUTO p = s == 2 ? cr_retain(a) : cr_binary_scalar(CR_POW, a, cr_num(s - 1), NULL);
  CR_AUTO t = cr_mul(g, p);
  return cr_mul_num(t, s);
}

S(s_rdiv) { /* s/a: -s/a^2 */
  CR_AUTO q = cr_unary(CR_SQUARE, a, NULL);
  CR_AUTO t = cr_div(g, q);
  return cr_mul_num(t, -s);
}

S(s_rpow) { /* s^a: s^a log s */
  if (s == 0) return cr_zeros_like(g);
  CR_AUTO y = cr_scalar_binary(CR_POW, cr_num(s), a, NULL);
  CR_AUTO t = cr_mul(g, y);
  return cr_mul_num(t, log(s));
}

/* ---- the table -------------------------------------------------------------------------- */

typedef enum { ANY, INTEGERS, NUMBERS } domain; /* NUMBERS: not bool */
typedef enum { NONE, FOR_A, FOR_B, BOTH } needs;

static const struct {
  const char *name;
  domain domain;
  needs a_for, b_for; /* which derivatives need the value of a, and which that of b */
  bool s_saves;       /* those with a number need a */
  bool r_saves;
  bool (*derivative)(cr_tensor *g, cr_tensor *a, cr_tensor *b, cr_tensor **ga, cr_tensor **gb);
  cr_tensor *(*with_number)(cr_tensor *g, cr_tensor *a, double s);  /* f(a, s) */
  cr_tensor *(*after_number)(cr_tensor *g, cr_tensor *a, double s); /* f(s, a) */
} table[CR_NBINARY] = {
    [CR_ADD] = {"add", ANY, NONE, NONE, 0, 0, d_add, s_pass, s_pass},
    [CR_SUB] = {"sub", NUMBERS, NONE, NONE, 0, 0, d_sub, s_pass, s_neg},
    [CR_MUL] = {"mul", ANY, FOR_B, FOR_A, 0, 0, d_mul, s_mul, s_mul},
    [CR_DIV] = {"div", NUMBERS, FOR_B, BOTH, 0, 1, d_div, s_div, s_rdiv},
    [CR_FLOORDIV] = {"floordiv", NUMBERS, NONE, NONE, 0, 0, d_zero, NULL, NULL},
    [CR_REMAINDER] = {"remainder", NUMBERS, BOTH, BOTH, 0, 0, d_remainder, s_pass, NULL},
    [CR_FMOD] = {"fmod", NUMBERS, BOTH, BOTH, 0, 0, d_fmod, s_pass, NULL},
    [CR_POW] = {"pow", NUMBERS, BOTH, BOTH, 1, 1, d_pow, s_pow, s_rpow},
    [CR_MAX] = {"cmax", ANY, BOTH, BOTH, 0, 0, d_max, NULL, NULL},
    [CR_MIN] = {"cmin", ANY, BOTH, BOTH, 0, 0, d_min, NULL, NULL},
    [CR_ATAN2] = {"atan2", NUMBERS, BOTH, BOTH, 0, 0, d_atan2, NULL, NULL},
    [CR_BITAND] = {"bitand", INTEGERS, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_BITOR] = {"bitor", INTEGERS, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_BITXOR] = {"bitxor", INTEGERS, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_LSHIFT] = {"lshift", INTEGERS, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_RSHIFT] = {"rshift", INTEGERS, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_EQ] = {"eq", ANY, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_NE] = {"ne", ANY, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_LT] = {"lt", ANY, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_LE] = {"le", ANY, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_GT] = {"gt", ANY, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_GE] = {"ge", ANY, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_LOGICAL_AND] = {"logicalAnd", ANY, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_LOGICAL_OR] = {"logicalOr", ANY, NONE, NONE, 0, 0, NULL, NULL, NULL},
    [CR_LOGICAL_XOR] = {"logicalXor", ANY, NONE, NONE, 0, 0, NULL, NULL, NULL},
};

const char *cr_binary_name(cr_binary_op op) {
  return table[op].name;
}

static bool tensors_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_binary_op op = (cr_binary_op)cr_attr_int(n, 0);
  cr_tensor *a = NULL, *b = NULL;
  if (table[op].a_for && cr_has_saved(n, 0) && !(a = cr_saved(n, 0))) return false;
  if (table[op].b_for && cr_has_saved(n, 1) && !(b = cr_saved(n, 1))) return false;
  return table[op].derivative(g[0], a, b, cr_wants(n, 0) ? &gin[0] : NULL,
                              cr_wants(n, 1) ? &gin[1] : NULL);
}

static bool number_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_binary_op op = (cr_binary_op)cr_attr_int(n, 0);
  bool first = cr_attr_int(n, 1);
  cr_tensor *a = NULL;
  if ((first ? table[op].r_saves : table[op].s_saves) && !(a = cr_saved(n, 0))) return false;
  gin[0] = (first ? table[op].after_number : table[op].with_number)(g[0], a, cr_attr_num(n, 0));
  return gin[0] != NULL;
}

static cr_op tensor_ops[CR_NBINARY], number_ops[CR_NBINARY];

__attribute__((constructor)) static void name_ops(void) {
  for (int i = 0; i < CR_NBINARY; i++) {
    tensor_ops[i] = (cr_op){table[i].name, "code", tensors_backward};
    number_ops[i] = (cr_op){table[i].name, "code number_first : number", number_backward};
  }
}

/* ---- forward ---------------------------------------------------------------------------- */

static bool check_domain(cr_binary_op op, cr_dtype dtype) {
  if (table[op].domain == ANY) return true;
  if (table[op].domain == INTEGERS && !cr_is_float(dtype)) return true;
  if (table[op].domain == NUMBERS && dtype != CR_BOOL) return true;
  return cr_fail("%s: not defined for %s tensors", table[op].name, cr_dtypes[dtype].name);
}

/* A tensor of no dimensions weighs less than others of its kind, as a number would. */
static cr_dtype common_dtype(const cr_tensor *a, const cr_tensor *b) {
  cr_dtype x = (cr_dtype)a->dtype, y = (cr_dtype)b->dtype;
  if (x == y) return x;
  if (cr_is_float(x) == cr_is_float(y) && x != CR_BOOL && y != CR_BOOL) {
    if (a->ndim == 0 && b->ndim > 0) return y;
    if (b->ndim == 0 && a->ndim > 0) return x;
  }
  return cr_promote(x, y);
}

static bool run(cr_binary_op op, const cr_iter *it, cr_tensor *y) {
  return cr_backend_for(y)->binary(op, it) || cr_error_prefix(table[op].name);
}

/* a and b have one dtype here. */
static cr_tensor *compute(cr_binary_op op, cr_tensor *a, cr_tensor *b, cr_tensor *out) {
  cr_tensor *const in[] = {a, b};
  cr_dtype dtype = op >= CR_EQ ? CR_BOOL : (cr_dtype)a->dtype;
  int ndim = a->ndim;
  int64_t shape[CR_MAX_DIMS];
  const int64_t *want = a->shape;
  if (!cr_same_shape(a, b)) {
    if (!cr_broadcast(table[op].name, a->ndim, a->shape, b->ndim, b->shape, &ndim, shape))
      return NULL;
    want = shape;
  }
  if (out && op >= CR_EQ && out->dtype == CR_UINT8) dtype = CR_UINT8;
  cr_tensor *y = cr_result_like(table[op].name, out, dtype, cr_device_of(a), ndim, want, 2, in);
  if (!y || !cr_numel(y)) return y;
  cr_iter it;
  cr_iter_make(&it, y, 2, in);
  if (run(op, &it, y)) return y;
  cr_release(y);
  return NULL;
}

static bool wrong_place(cr_binary_op op, const cr_tensor *out, cr_dtype dtype) {
  if (op >= CR_EQ) return out->dtype != CR_BOOL && out->dtype != CR_UINT8;
  return out->dtype != dtype;
}

/* Records a call, saving only what the derivatives that are wanted need. */
static cr_tensor *record(cr_binary_op op, cr_tensor *y, cr_tensor *a, cr_tensor *b) {
  needs wanted = NONE;
  if (cr_recording(1, &a)) wanted |= FOR_A;
  if (cr_recording(1, &b)) wanted |= FOR_B;
  return cr_record(
      &tensor_ops[op], y, CR_IN(a, b),
      CR_SAVE(table[op].a_for & wanted ? a : NULL, table[op].b_for & wanted ? b : NULL),
      CR_INTS(op));
}

cr_tensor *cr_binary(cr_binary_op op, cr_tensor *a, cr_tensor *b, cr_tensor *out) {
  if (!a || !b) return NULL;
  if (cr_device_of(a).type != cr_device_of(b).type && (a->ndim == 0 || b->ndim == 0)) {
    CR_AUTO x = cr_number_beside(a, b);
    CR_AUTO y = x ? cr_number_beside(b, x) : NULL;
    return y && cr_same_device(table[op].name, x, y) ? cr_binary(op, x, y, out) : NULL;
  }
  if (!cr_same_device(table[op].name, a, b)) return NULL;
  cr_dtype dtype = common_dtype(a, b);
  if (a->dtype != dtype || b->dtype != dtype) {
    CR_AUTO x = cr_cast(a, dtype);
    CR_AUTO y = cr_cast(b, dtype);
    return cr_binary(op, x, y, out);
  }
  if (!check_domain(op, dtype)) return NULL;
  bool detour = out && (wrong_place(op, out, dtype) || cr_overlaps(out, a) || cr_overlaps(out, b));
  if (!table[op].a_for) {
    if (detour) return cr_into(table[op].name, out, cr_binary(op, a, b, NULL));
    return cr_record(&tensor_ops[op], compute(op, a, b, out), CR_IN(a, b), CR_INTS(op));
  }
  if (!out) return record(op, compute(op, a, b, NULL), a, b);
  bool recording = cr_recording_any(a, b);
  CR_AUTO ka = recording ? cr_keep(a, out) : cr_retain(a);
  CR_AUTO kb = recording && b != a ? cr_keep(b, out) : cr_retain(b == a && ka ? ka : b);
  if (!ka || !kb) return NULL;
  if (detour) return cr_into(table[op].name, out, cr_binary(op, ka, kb, NULL));
  return record(op, compute(op, a, b, out), ka, kb);
}

/* ---- with a number ---------------------------------------------------------------------- */

static bool fractional(cr_scalar s) {
  return !s.is_int && s.d != floor(s.d);
}

/* The type in which a tensor and a number meet. */
static cr_dtype number_dtype(const cr_tensor *a, cr_scalar s, const cr_tensor *out) {
  cr_dtype t = (cr_dtype)a->dtype;
  if (cr_is_float(t)) return t;
  if (out && out->dtype == t) return t; /* in place: the tensor's type stays */
  if (fractional(s) || (!s.is_int && !isfinite(s.d))) return (cr_dtype)cr_ctx()->dtype;
  return t == CR_BOOL ? CR_INT64 : t;
}

static cr_tensor *compute_number(cr_binary_op op, cr_tensor *a, cr_scalar s, bool first,
                                 cr_tensor *out) {
  cr_dtype dtype = op >= CR_EQ ? CR_BOOL : (cr_dtype)a->dtype;
  if (out && op >= CR_EQ && out->dtype == CR_UINT8) dtype = CR_UINT8;
  cr_tensor *y =
      cr_result_like(table[op].name, out, dtype, cr_device_of(a), a->ndim, a->shape, 1, &a);
  if (!y || !cr_numel(y)) return y;
  char value[8];
  cr_store_scalar((cr_dtype)a->dtype, value, s);
  cr_iter it;
  cr_iter_make(&it, y, 1, &a);
  cr_iter_scalar(&it, (cr_dtype)a->dtype, value);
  if (first) {
    cr_operand x = it.op[1];
    it.op[1] = it.op[2];
    it.op[2] = x;
  }
  if (run(op, &it, y)) return y;
  cr_release(y);
  return NULL;
}

static cr_tensor *with_number(cr_binary_op op, cr_tensor *a, cr_scalar s, bool first,
                              cr_tensor *out) {
  if (!a) return NULL;
  cr_dtype dtype = number_dtype(a, s, op >= CR_EQ ? NULL : out);
  if (op >= CR_EQ && a->dtype == CR_BOOL && s.is_int && (s.i == 0 || s.i == 1)) dtype = CR_BOOL;
  if (a->dtype != dtype) {
    CR_AUTO x = cr_cast(a, dtype);
    return with_number(op, x, s, first, out);
  }
  if (!check_domain(op, dtype)) return NULL;
  if (out && (wrong_place(op, out, dtype) || cr_overlaps(out, a))) {
    CR_AUTO kept = cr_recording(1, &a) ? cr_keep(a, out) : cr_retain(a);
    return cr_into(table[op].name, out, with_number(op, kept, s, first, NULL));
  }
  bool direct = first ? table[op].after_number != NULL : table[op].with_number != NULL;
  if (!direct && op < CR_EQ && cr_is_float(dtype) && cr_recording(1, &a)) {
    CR_AUTO t = cr_scalar_tensor(dtype, cr_device_of(a), s);
    return first ? cr_binary(op, t, a, out) : cr_binary(op, a, t, out);
  }
  if (!(first ? table[op].r_saves : table[op].s_saves))
    return cr_record(&number_ops[op], compute_number(op, a, s, first, out), CR_IN(a),
                     CR_INTS(op, first), CR_NUMS(cr_scalar_double(s)));
  CR_AUTO kept = cr_recording(1, &a) ? cr_keep(a, out) : cr_retain(a);
  if (!kept) return NULL;
  cr_tensor *y = compute_number(op, a, s, first, out);
  return cr_record(&number_ops[op], y, CR_IN(kept), CR_SAVE(kept), CR_INTS(op, first),
                   CR_NUMS(cr_scalar_double(s)));
}

cr_tensor *cr_binary_scalar(cr_binary_op op, cr_tensor *a, cr_scalar b, cr_tensor *out) {
  return with_number(op, a, b, false, out);
}

cr_tensor *cr_scalar_binary(cr_binary_op op, cr_scalar a, cr_tensor *b, cr_tensor *out) {
  return with_number(op, b, a, true, out);
}
