/* sort.c: stable sorting of lines, or of the part that is wanted.
 *
 * An element becomes an unsigned key whose order is the one wanted: NaN is the largest, the two
 * zeros are equal, and for a descending sort all bits are turned over, which keeps equal elements
 * in their order.  What is not wanted is left out first.  Short lines are sorted by
 * merging; long ones by a radix sort of the highest bits in which keys differ, and by insertion of
 * the few entries that this leaves out of order. */
#include "tensor/cpu/cpu.h"
#include "tensor/half.h"

#include <string.h>

typedef struct {
  uint64_t key;
  int64_t place;
} entry;

typedef struct {
  int64_t n, first, count, stride[3]; /* first, count: the ranks that are wanted */
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

/* The keys of elements i..i+m of a line. */
static void make_keys(const sort_args *s, const char *in, int64_t i, int64_t m, uint64_t *keys) {
  _Alignas(64) char buf[CR_BLOCK * 8];
  bool is_float = cr_is_float(s->dtype);
  uint64_t turn = s->descending ? UINT64_MAX : 0;
  const void *p = cr_cpu_load(is_float ? CR_FLOAT64 : CR_INT64, buf, s->dtype,
                              in + i * s->stride[2], s->stride[2], m);
  const double *d = p;
  const int64_t *l = p;
  if (is_float) {
    CR_SIMD for (int64_t k = 0; k < m; k++) keys[k] = key_of_double(d[k]) ^ turn;
  } else {
    CR_SIMD for (int64_t k = 0; k < m; k++) keys[k] = key_of_int(l[k]) ^ turn;
  }
}

/* ---- selection -------------------------------------------------------------------------- */

/* Finds the key of rank r among those in a[0], by quickselect (Hoare 1961); a[1] and a[2] are room
 * for as many.  Returns its rank among its equals; -1: the script is to stop. */
static int64_t find_rank(uint64_t *a[3], int64_t n, int64_t r, uint64_t *key) {
  uint64_t *from = a[0], *below = a[1], *above = a[2];
  uint64_t random = 1;
  for (int64_t work = 0;;) {
    uint64_t sample[3];
    for (int i = 0; i < 3; i++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      sample[i] = from[(random >> 33) % (uint64_t)n];
    }
    uint64_t x = sample[0], y = sample[1], z = sample[2];
    uint64_t low = x < y ? x : y, high = x < y ? y : x, pivot = z < low ? low : z < high ? z : high;
    int64_t less = 0, more = 0;
    for (int64_t i = 0; i < n; i++) {
      below[less] = above[more] = from[i];
      less += from[i] < pivot;
      more += from[i] > pivot;
    }
    *key = pivot;
    if (r >= less && r < n - more) return r - less;
    if (cr_cpu_poll(&work, n)) return -1;
    uint64_t **next = r < less ? &below : &above, *read = from;
    r -= r < less ? 0 : n - more;
    n = next == &below ? less : more;
    from = *next;
    *next = read;
  }
}

/* Leaves, in their order, the r least of n entries, or all others.  Returns how many are left; -1:
 * the script is to stop. */
static int64_t part(entry *e, int64_t n, int64_t r, bool least, uint64_t *room, uint64_t *bound) {
  int64_t left = 0;
  if (r == 0 || r >= n) return n; /* nothing to leave out: r > 0 if least, else r < n */
  for (int64_t i = 0; i < n; i++) room[i] = e[i].key;
  int64_t equals = find_rank((uint64_t *[]){room, room + n, room + 2 * n}, n, r - 1, bound) + 1;
  if (equals == 0) return -1;
  for (int64_t i = 0; i < n; i++) {
    entry x = e[i];
    bool equal = (x.key == *bound) & (equals > 0);
    equals -= equal;
    e[left] = x;
    left += ((x.key < *bound) | equal) == least;
  }
  return left;
}

#define CHUNK 16

static bool any_below(int64_t n, const uint64_t *keys, uint64_t bound) {
  uint64_t any = 0;
  CR_SIMD for (int64_t i = 0; i < n; i++) any |= keys[i] < bound ? UINT64_MAX : 0;
  return any;
}

/* Fills e, in their order, with the elements of a line that are wanted.  Returns how many they are;
 * -1: the script is to stop. */
static int64_t choose(const sort_args *s, const char *in, entry *e, uint64_t *room) {
  uint64_t keys[CR_BLOCK], bound = 0; /* from there on nothing is wanted, once there is a bound */
  int64_t end = s->first + s->count, m = 0;
  bool bounded = false;
  for (int64_t i = 0; i < s->n; i += CR_BLOCK) {
    int64_t size = cr_min64(CR_BLOCK, s->n - i);
    if (i % CR_CPU_POLL == 0 && i > 0 && cr_cpu_interrupted()) return -1;
    make_keys(s, in, i, size, keys);
    for (int64_t k = 0; k < size; k += CHUNK) {
      int64_t chunk = cr_min64(CHUNK, size - k);
      if (bounded && !any_below(chunk, keys + k, bound)) continue;
      for (int64_t j = k; j < k + chunk; j++) {
        e[m] = (entry){keys[j], i + j};
        m += (keys[j] < bound) | !bounded;
      }
      if (m < 2 * end + CHUNK) continue;
      if ((m = part(e, m, end, true, room, &bound)) < 0) return -1;
      bounded = true;
    }
  }
  m = part(e, m, end, true, room, &bound);
  return m < 0 ? -1 : part(e, m, s->first, false, room, &bound);
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

#define MOST_BITS 11 /* of a digit */

/* One pass over the digit at `shift`.  False: the script is to stop. */
static bool radix_pass(const entry *from, entry *to, int64_t n, int shift, int bits) {
  int64_t start[1 << MOST_BITS] = {0}, sum = 0;
  uint64_t mask = ((uint64_t)1 << bits) - 1;
  for (int64_t i = 0; i < n; i++) start[from[i].key >> shift & mask]++;
  for (uint64_t k = 0; k <= mask; k++) {
    int64_t count = start[k];
    start[k] = sum;
    sum += count;
  }
  for (int64_t first = 0; first < n; first += CR_CPU_POLL) {
    if (first > 0 && cr_cpu_interrupted()) return false;
    int64_t last = cr_min64(n, first + CR_CPU_POLL);
    for (int64_t i = first; i < last; i++) to[start[from[i].key >> shift & mask]++] = from[i];
  }
  return true;
}

/* Sorts by the bits from `low` to below `top`.  Returns the one of the two places that holds the
 * result; NULL: the script is to stop. */
static entry *sort_by_bits(entry *e, entry *spare, int64_t n, int low, int top) {
  int bits = n < 1 << 14 ? 8 : MOST_BITS;
  for (int shift = low; shift < top; shift += bits) {
    if (!radix_pass(e, spare, n, shift, bits)) return NULL;
    entry *t = e;
    e = spare;
    spare = t;
  }
  return e;
}

/* Insertion that gives up, with the entries in some order, when they were far from sorted. */
static bool settle(entry *e, int64_t n) {
  int64_t moves = 0;
  for (int64_t i = 1; i < n && moves <= 4 * n; i++) {
    entry x = e[i];
    int64_t k = i;
    for (; k > 0 && e[k - 1].key > x.key; k--) e[k] = e[k - 1];
    e[k] = x;
    moves += i - k;
  }
  return moves <= 4 * n;
}

#define TOP_BITS 32 /* by which few keys are left out of order */

/* As sort_by_bits, by all. */
static entry *radix_sort(entry *e, entry *spare, int64_t n) {
  uint64_t differ = 0;
  for (int64_t i = 0; i < n; i++) differ |= e[i].key ^ e[0].key;
  if (differ == 0) return e;
  int low = __builtin_ctzll(differ), top = 64 - __builtin_clzll(differ);
  if (top - low <= TOP_BITS) return sort_by_bits(e, spare, n, low, top);
  entry *sorted = sort_by_bits(e, spare, n, top - TOP_BITS, top);
  if (!sorted || settle(sorted, n)) return sorted;
  return sort_by_bits(sorted, sorted == e ? spare : e, n, low, top);
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

#define DELIVER(type)                                                                              \
  for (int64_t i = first; i < last; i++) {                                                         \
    *(type *)(values + i * s->stride[0]) = ((const type *)line)[e[i].place];                       \
    *(int64_t *)(places + i * s->stride[1]) = e[i].place;                                          \
  }

/* Writes the elements and their places in the new order.  `line` is room for the elements, so that
 * values may overwrite the input.  False: the script is to stop. */
static bool deliver(const sort_args *s, char *values, char *places, const char *in, char *line,
                    const entry *e) {
  size_t size = cr_sizeof(s->dtype);
  cr_cpu_pack(size, s->n, line, in, s->stride[2]);
  for (int64_t first = 0; first < s->count; first += CR_CPU_POLL) {
    if (first > 0 && cr_cpu_interrupted()) return false;
    int64_t last = cr_min64(s->count, first + CR_CPU_POLL);
    switch (size) {
    case 1: DELIVER(uint8_t) break;
    case 2: DELIVER(uint16_t) break;
    case 4: DELIVER(uint32_t) break;
    default: DELIVER(uint64_t) break;
    }
  }
  return true;
}

static bool sort_lines(int64_t count, char *const *p, const int64_t *stride, void *arg) {
  const sort_args *s = arg;
  size_t bytes = (size_t)s->n * (2 * sizeof(entry) + 8);
  entry *e = cr_host_alloc(bytes);
  if (!e) return false;
  entry *spare = e + s->n;
  char *line = (char *)(spare + s->n);
  bool whole = true;
  for (int64_t i = 0; whole && i < count; i++) {
    const char *in = p[2] + i * stride[2];
    entry *sorted =
        choose(s, in, e, (uint64_t *)spare) < 0 ? NULL : sort_entries(e, spare, s->count);
    whole = sorted && deliver(s, p[0] + i * stride[0], p[1] + i * stride[1], in, line, sorted);
  }
  cr_host_free(e, bytes);
  return whole;
}

static bool sort(const cr_iter *it, int64_t n, int64_t first, int64_t count,
                 const int64_t stride[3], bool descending) {
  sort_args s = {n, first, count, {stride[0], stride[1], stride[2]}, it->op[2].dtype, descending};
  if (n == 0) return true;
  int64_t grain = cr_max64(1, CR_GRAIN_DEAR / n);
  return cr_cpu_lines(it, sort_lines, &s, grain, "out of memory for the keys of a sort");
}

void CR_ISA_NAME(cr_cpu_sort)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_sort)(cr_backend *b) {
  b->sort = sort;
}
