/* scale.c: pictures of another size.
 *
 * Along each dimension an element of the result is a weighted sum of neighbours; the weights are
 * worked out once, and applied first along the rows, then along the columns. */
#include <math.h>
#include <stdlib.h>

#include "lib/image/pixels.h"
#include "tensor/cpu/cpu.h"

#define BLOCK 64

/* Element i of n is the sum of the weights start[i] to start[i + 1] - 1 times the elements from
 * first[i] on. */
typedef struct {
  int64_t n, *start, *first;
  double *weight;
} taps;

typedef struct {
  const void *src;
  void *middle, *dst;
  int64_t height, width; /* of src */
  taps x, y;
} job;

static inline uint8_t to_byte(float x) {
  x += 0.5f;
  return x > 0 ? x < 255 ? (uint8_t)x : 255 : 0;
}

#define NAME(f) f##_bytes
#define T uint8_t
#define W float
#define ROUND(x) to_byte(x)
#include "lib/image/scale.inc"
#undef NAME
#undef T
#undef ROUND
#define NAME(f) f##_floats
#define T float
#define ROUND(x) (x)
#include "lib/image/scale.inc"
#undef NAME
#undef T
#undef W
#define NAME(f) f##_doubles
#define T double
#define W double
#include "lib/image/scale.inc"

static const cr_cpu_range passes[CR_NDTYPES][2] = {
    [CR_UINT8] = {columns_bytes, rows_bytes},
    [CR_FLOAT32] = {columns_floats, rows_floats},
    [CR_FLOAT64] = {columns_doubles, rows_doubles},
};

/* The weights of one element; returns how many. */
static int64_t one_tap(int64_t at, int64_t *first, double *w) {
  *first = at;
  w[0] = 1;
  return 1;
}

static int64_t simple_taps(int64_t i, int64_t n, int64_t m, int64_t *first, double *w) {
  int64_t at = (int64_t)((double)i * ((double)n / (double)m));
  return one_tap(cr_min64(at, n - 1), first, w);
}

/* The mean of what the element covers. */
static int64_t mean_taps(int64_t i, int64_t n, int64_t m, int64_t *first, double *w) {
  double scale = (double)n / (double)m, from = (double)i * scale, to = (double)(i + 1) * scale;
  int64_t lo = (int64_t)from, hi = cr_min64((int64_t)to, n), count = 0;
  double sum = 0;
  *first = lo;
  w[count++] = 1 - (from - (double)lo);
  for (int64_t k = lo + 1; k < hi; k++) w[count++] = 1;
  if (hi < n && to > (double)hi) w[count++] = to - (double)hi;
  for (int64_t k = 0; k < count; k++) sum += w[k];
  for (int64_t k = 0; k < count; k++) w[k] /= sum;
  return count;
}

static int64_t linear_taps(int64_t i, int64_t n, int64_t m, int64_t *first, double *w) {
  if (n == m) return one_tap(i, first, w);
  if (m < n) return mean_taps(i, n, m, first, w);
  if (n == 1 || i == m - 1) return one_tap(n - 1, first, w);
  double at = (double)i * ((double)(n - 1) / (double)(m - 1));
  *first = (int64_t)at;
  w[1] = at - (double)*first;
  w[0] = 1 - w[1];
  return 2;
}

/* Catmull and Rom's cubic; beyond the border the picture goes on straight. */
static int64_t cubic_taps(int64_t i, int64_t n, int64_t m, int64_t *first, double *w) {
  if (n == m) return one_tap(i, first, w);
  if (n == 1 || i == m - 1) return one_tap(n - 1, first, w);
  double at = (double)i * ((double)(n - 1) / (double)(m - 1));
  int64_t lo = (int64_t)at;
  double x = at - (double)lo;
  double a = 0.5 * x * (-1 + x * (2 - x)), b = 1 + 0.5 * x * x * (3 * x - 5);
  double c = 0.5 * x * (1 + x * (4 - 3 * x)), d = 0.5 * x * x * (x - 1);
  bool before = lo > 0, after = lo + 2 < n;
  if (!before) b += 2 * a, c -= a;
  if (!after) c += 2 * d, b -= d;
  int64_t count = 0;
  *first = before ? lo - 1 : lo;
  if (before) w[count++] = a;
  w[count++] = b;
  w[count++] = c;
  if (after) w[count++] = d;
  return count;
}

static void taps_free(taps *t) {
  free(t->start);
  free(t->first);
  free(t->weight);
}

/* How m elements come from n. */
static bool taps_make(taps *t, int64_t n, int64_t m, cr_interpolation how) {
  int64_t (*const kinds[])(int64_t, int64_t, int64_t, int64_t *,
                           double *) = {simple_taps, linear_taps, cubic_taps};
  size_t most = (size_t)(n > m ? n : m) + 4 * (size_t)m + 4;
  t->n = m;
  t->start = malloc(((size_t)m + 1) * sizeof *t->start);
  t->first = malloc((size_t)m * sizeof *t->first);
  t->weight = malloc(most * sizeof *t->weight);
  if (!t->start || !t->first || !t->weight) return cr_fail("image.scale: out of memory");
  t->start[0] = 0;
  for (int64_t i = 0; i < m; i++)
    t->start[i + 1] = t->start[i] + kinds[how](i, n, m, &t->first[i], t->weight + t->start[i]);
  return true;
}

static bool run(job *j, const cr_tensor *t, int64_t height, int64_t width, cr_interpolation how) {
  const cr_cpu_range *pass = passes[t->dtype];
  int64_t c = t->shape[0], grain = CR_GRAIN_MATH / width + 1;
  return taps_make(&j->x, t->shape[2], width, how) && taps_make(&j->y, t->shape[1], height, how) &&
         cr_cpu_parallel(c * t->shape[1], grain, pass[0], j, NULL) &&
         cr_cpu_parallel(c * height, grain, pass[1], j, NULL);
}

cr_tensor *cr_image_scale(const cr_tensor *t, int64_t height, int64_t width, cr_interpolation how) {
  if (!passes[t->dtype][0]) return cr_fail_null("image.scale: wanted bytes or floats");
  if (height < 1 || width < 1 || cr_numel(t) == 0)
    return cr_fail_null("image.scale: from %lldx%lld to %lldx%lld: no pixels",
                        (long long)t->shape[2], (long long)t->shape[1], (long long)width,
                        (long long)height);
  int64_t middle_shape[] = {t->shape[0], t->shape[1], width};
  int64_t shape[] = {t->shape[0], height, width};
  cr_tensor *middle = cr_empty_cpu(t->dtype, 3, middle_shape);
  cr_tensor *out = middle ? cr_empty_cpu(t->dtype, 3, shape) : NULL;
  job j = {cr_data(t), NULL, NULL, t->shape[1], t->shape[2], {0}, {0}};
  bool ok = out != NULL;
  if (ok) {
    j.middle = cr_data(middle);
    j.dst = cr_data(out);
    ok = run(&j, t, height, width, how);
  }
  taps_free(&j.x);
  taps_free(&j.y);
  cr_release(middle);
  if (ok) return out;
  cr_release(out);
  return NULL;
}
