/* sort.c: stable sorting of lines.
 *
 * An element becomes an unsigned key whose order is the one wanted: NaN is the largest, the two
 * zeros are equal, and for a descending sort all bits are turned over, which keeps equal elements
 * in their order.  Short lines are sorted by insertion, long ones by a radix sort that skips the
 * bytes in which all keys agree. */
#include "tensor/cpu/cpu.h"
#include "tensor/half.h"

#include <string.h>

typedef struct {
  uint64_t key;
  int64_t place;
} entry;

typedef struct {
  int64_t n, stride[3];
  cr_dtype dtype;
  bool descending;
} sort_args;

/* ---- keys ------------------------------------------------------------------------------- */

static inline uint64_t key_of_int(int64_t x) {
  return (uint64_t)x ^ ((uint64_t)1 << 63);
}

static inline uint64_t key_of_double(double x) {
  uint64_t u;
  x += 0.0; /* -0 becomes 0 */
  memcpy(&u, &x, sizeof u);
  u ^= u >> 63 ? UINT64_MAX : (uint64_t)1 << 63;
  return x == x ? u : UINT64_MAX;
}

/* False: the script is to stop. */
static bool make_keys(const sort_args *s, const char *in, entry *e) {
  _Alignas(64) char buf[CR_BLOCK * 8];
  bool is_float = cr_is_float(s->dtype);
  uint64_t turn = s->descending ? UINT64_MAX : 0;
  for (int64_t i = 0; i < s->n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, s->n - i);
    if (i % CR_CPU_POLL == 0 && i > 0 && cr_cpu_interrupted()) return false;
    const void *p = cr_cpu_load(is_float ? CR_FLOAT64 : CR_INT64, buf, s->dtype,
                                in + i * s->stride[2], s->stride[2], m);
    for (int64_t k = 0; k < m; k++) {
      uint64_t key =
          is_float ? key_of_double(((const double *)p)[k]) : key_of_int(((const int64_t *)p)[k]);
      e[i + k] = (entry){key ^ turn, i + k};
    }
  }
  return true;
}

/* ---- sorting ---------------------------------------------------------------------------- */

static void insertion_sort(entry *e, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    entry x = e[i];
    int64_t k = i;
    for (; k > 0 && e[k - 1].key > x.key; k--) e[k] = e[k - 1];
    e[k] = x;
  }
}

#define RADIX 256

/* One pass over the byte at `shift`.  False: the script is to stop. */
static bool radix_pass(const entry *from, entry *to, int64_t n, int shift, const int64_t *count) {
  int64_t start[RADIX], sum = 0;
  for (int i = 0; i < RADIX; i++) {
    start[i] = sum;
    sum += count[i];
  }
  for (int64_t first = 0; first < n; first += CR_CPU_POLL) {
    if (first > 0 && cr_cpu_interrupted()) return false;
    int64_t last = cr_min64(n, first + CR_CPU_POLL);
    for (int64_t i = first; i < last; i++)
      to[start[from[i].key >> shift & (RADIX - 1)]++] = from[i];
  }
  return true;
}

/* Returns the one of the two places that holds the result; NULL: the script is to stop. */
static entry *radix_sort(entry *e, entry *spare, int64_t n) {
  int64_t count[8][RADIX] = {{0}};
  for (int64_t i = 0; i < n; i++) {
    if (i % CR_CPU_POLL == CR_CPU_POLL - 1 && cr_cpu_interrupted()) return NULL;
    for (int b = 0; b < 8; b++) count[b][e[i].key >> (8 * b) & (RADIX - 1)]++;
  }
  for (int b = 0; b < 8; b++) {
    if (count[b][e[0].key >> (8 * b) & (RADIX - 1)] == n) continue; /* all keys agree there */
    if (!radix_pass(e, spare, n, 8 * b, count[b])) return NULL;
    entry *t = e;
    e = spare;
    spare = t;
  }
  return e;
}

/* Merges the sorted halves of a line; stable. */
static void merge(const entry *a, int64_t na, const entry *b, int64_t nb, entry *to) {
  while (na && nb) {
    if (b->key < a->key) {
      *to++ = *b++;
      nb--;
    } else {
      *to++ = *a++;
      na--;
    }
  }
  memcpy(to, na ? a : b, (size_t)(na + nb) * sizeof *to);
}

#define SHORT 32

/* For lines too short for a radix sort's tables. */
static entry *merge_sort(entry *e, entry *spare, int64_t n) {
  for (int64_t i = 0; i < n; i += SHORT) insertion_sort(e + i, cr_min64(SHORT, n - i));
  for (int64_t width = SHORT; width < n; width *= 2) {
    for (int64_t i = 0; i < n; i += 2 * width) {
      int64_t na = cr_min64(width, n - i), nb = cr_min64(width, n - i - na);
      merge(e + i, na, e + i + na, nb, spare + i);
    }
    entry *t = e;
    e = spare;
    spare = t;
  }
  return e;
}

#define LONG 1024

static entry *sort_entries(entry *e, entry *spare, int64_t n) {
  return n < LONG ? merge_sort(e, spare, n) : radix_sort(e, spare, n);
}

/* ---- lines ------------------------------------------------------------------------------ */

/* Writes the elements and their places in the new order.  `line` is room for the elements, so that
 * values may overwrite the input.  False: the script is to stop. */
static bool deliver(const sort_args *s, char *values, char *places, const char *in, char *line,
                    const entry *e) {
  size_t size = cr_sizeof(s->dtype);
  cr_cpu_pack(size, s->n, line, in, s->stride[2]);
  for (int64_t first = 0; first < s->n; first += CR_CPU_POLL) {
    if (first > 0 && cr_cpu_interrupted()) return false;
    int64_t last = cr_min64(s->n, first + CR_CPU_POLL);
    for (int64_t i = first; i < last; i++) {
      memcpy(values + i * s->stride[0], line + (size_t)e[i].place * size, size);
      memcpy(places + i * s->stride[1], &e[i].place, sizeof e[i].place);
    }
  }
  return true;
}

static bool sort_lines(int64_t count, char *const *p, const int64_t *stride, void *arg) {
  const sort_args *s = arg;
  size_t bytes = (size_t)s->n * (2 * sizeof(entry) + 8);
  entry *e = cr_host_alloc(bytes);
  if (!e) return false;
  bool whole = true;
  for (int64_t i = 0; whole && i < count; i++) {
    const char *in = p[2] + i * stride[2];
    entry *sorted = make_keys(s, in, e) ? sort_entries(e, e + s->n, s->n) : NULL;
    whole = sorted && deliver(s, p[0] + i * stride[0], p[1] + i * stride[1], in,
                              (char *)(e + 2 * s->n), sorted);
  }
  cr_host_free(e, bytes);
  return whole;
}

static bool sort(const cr_iter *it, int64_t n, const int64_t stride[3], bool descending) {
  sort_args s = {n, {stride[0], stride[1], stride[2]}, it->op[2].dtype, descending};
  if (n == 0) return true;
  int64_t grain = cr_max64(1, CR_GRAIN_DEAR / n);
  return cr_cpu_lines(it, sort_lines, &s, grain, "out of memory for the keys of a sort");
}

void CR_ISA_NAME(cr_cpu_sort)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_sort)(cr_backend *b) {
  b->sort = sort;
}
