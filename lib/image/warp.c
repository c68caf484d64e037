/* warp.c: pictures whose pixels come from other places: warped, rotated, in polar coordinates.
 *
 * What differs is where a pixel comes from, and what happens at the border.  Both end in a mesh:
 * the rows and columns of the source that a pixel is the weighted sum of. */
#include <math.h>

#include "lib/image/pixels.h"
#include "tensor/cpu/cpu.h"

#define PI 3.14159265358979323846
#define RADIUS 3 /* of Lanczos' window */

typedef struct {
  int ny, nx;                           /* none: the pixel is `value` */
  int64_t y[2 * RADIUS], x[2 * RADIUS]; /* -1: outside, where there is `value` */
  double wy[2 * RADIUS], wx[2 * RADIUS];
} mesh;

typedef struct job job;
struct job {
  cr_interpolation how;
  const void *src;
  void *dst;
  int64_t channels, height, width; /* of src */
  int64_t rows, columns;           /* of dst */
  double value;
  void (*find)(const job *j, int64_t row, int64_t column, mesh *m);
  /* warp */
  const double *field;
  bool offset, pad;
  /* rotate, polar */
  double cosine, sine, reach;
  bool log;
  /* affine */
  const cr_affine *map;
};

/* ---- meshes ------------------------------------------------------------------------------- */

static void one_place(mesh *m, double y, double x) {
  m->ny = m->nx = 1;
  m->y[0] = (int64_t)y;
  m->x[0] = (int64_t)x;
  m->wy[0] = m->wx[0] = 1;
}

static bool is_inside(const job *j, double y, double x) {
  return y >= 0 && y <= (double)(j->height - 1) && x >= 0 && x <= (double)(j->width - 1);
}

/* `n` places around `at` along one dimension of `size` places, the first `before` ahead of it. */
static void places(const job *j, double at, int64_t size, int n, int before, int64_t *place) {
  int64_t first = (int64_t)at - before;
  for (int i = 0; i < n; i++) {
    int64_t p = first + i;
    bool inside = p >= 0 && p < size;
    place[i] = inside ? p : j->how == CR_BICUBIC && j->pad ? -1 : p < 0 ? 0 : size - 1;
  }
}

static void cubic_weights(double x, double *w) {
  w[0] = 0.5 * x * (-1 + x * (2 - x));
  w[1] = 1 + 0.5 * x * x * (3 * x - 5);
  w[2] = 0.5 * x * (1 + x * (4 - 3 * x));
  w[3] = 0.5 * x * x * (x - 1);
}

static void lanczos_weights(double x, double *w) {
  double sum = 0;
  for (int i = 0; i < 2 * RADIUS; i++) {
    double d = fabs(x - (double)(i - RADIUS + 1));
    w[i] = d < 1e-6     ? 1
           : d > RADIUS ? 0
                        : RADIUS * sin(PI * d) * sin(PI * d / RADIUS) / (PI * PI * d * d);
    sum += w[i];
  }
  for (int i = 0; i < 2 * RADIUS; i++) w[i] /= sum;
}

static void weights(cr_interpolation how, double at, double *w) {
  double part = at - floor(at);
  if (how == CR_BILINEAR)
    w[0] = 1 - part, w[1] = part;
  else if (how == CR_BICUBIC)
    cubic_weights(part, w);
  else
    lanczos_weights(part, w);
}

static inline double within(double x, int64_t size) {
  double most = (double)(size - 1);
  x = x > 0 ? x : 0; /* also what is not a number */
  return x < most ? x : most;
}

static void find_at(const job *j, double y, double x, mesh *m) {
  static const int counts[] = {1, 2, 4, 2 * RADIUS}, befores[] = {0, 0, 1, RADIUS - 1};
  m->ny = m->nx = 0;
  if (j->pad && !is_inside(j, y, x)) return;
  y = within(y, j->height);
  x = within(x, j->width);
  if (j->how == CR_SIMPLE) {
    one_place(m, floor(y + 0.5), floor(x + 0.5));
    return;
  }
  m->ny = m->nx = counts[j->how];
  places(j, y, j->height, m->ny, befores[j->how], m->y);
  places(j, x, j->width, m->nx, befores[j->how], m->x);
  weights(j->how, y, m->wy);
  weights(j->how, x, m->wx);
}

static void find_warped(const job *j, int64_t row, int64_t column, mesh *m) {
  const double *f = j->field + row * j->columns + column;
  double y = f[0] + (j->offset ? (double)row : 0);
  double x = f[j->rows * j->columns] + (j->offset ? (double)column : 0);
  find_at(j, y, x, m);
}

/* What rounding has put just outside is at the border, as a quarter turn has it. */
static inline double snap(double at, int64_t size) {
  double most = (double)(size - 1);
  return at < 0 && at > -1e-9 ? 0 : at > most && at < most + 1e-9 ? most : at;
}

/* Where the first column of a row comes from; each next one is (map->yx, map->xx) further. */
static void map_row(const job *j, int64_t row, double *y, double *x) {
  const cr_affine *a = j->map;
  double cy = (double)(j->height - 1) / 2, cx = (double)(j->width - 1) / 2;
  double dy = (double)row - cy;
  *y = a->yy * dy - a->yx * cx + (cy - a->y);
  *x = a->xy * dy - a->xx * cx + (cx - a->x);
}

static void find_mapped(const job *j, int64_t row, int64_t column, mesh *m) {
  double y, x;
  map_row(j, row, &y, &x);
  y += j->map->yx * (double)column;
  x += j->map->xx * (double)column;
  find_at(j, snap(y, j->height), snap(x, j->width), m);
}

/* The two places around `at`; within half a place outside it is the border's.  False: further out.
 */
static bool two_places(double at, int64_t size, int64_t *place, double *w) {
  double lo = floor(at), part = at - lo;
  bool start = lo == -1 && part > 0.5, end = lo == (double)(size - 1) && part < 0.5;
  if (!start && !end && !(lo >= 0 && lo < (double)(size - 1))) return false;
  place[0] = start ? 0 : (int64_t)lo;
  place[1] = end ? size - 1 : (int64_t)lo + 1;
  w[0] = 1 - part;
  w[1] = part;
  return true;
}

static void find_rotated(const job *j, int64_t row, int64_t column, mesh *m) {
  double cy = (double)(j->height - 1) / 2, cx = (double)(j->width - 1) / 2;
  double dy = (double)row - cy, dx = (double)column - cx;
  double y = j->cosine * dy + j->sine * dx + cy, x = j->cosine * dx - j->sine * dy + cx;
  m->ny = m->nx = 0;
  if (j->how == CR_SIMPLE) {
    y = round(y), x = round(x);
    if (is_inside(j, y, x)) one_place(m, y, x);
  } else if (two_places(y, j->height, m->y, m->wy) && two_places(x, j->width, m->x, m->wx)) {
    m->ny = m->nx = 2;
  }
}

static void find_polar(const job *j, int64_t row, int64_t column, mesh *m) {
  double a = 2 * PI * (double)row / (double)j->rows, part = (double)column / (double)j->columns;
  double r = j->log ? exp(part * log(j->reach)) : j->reach * part;
  double y = r * cos(a) + (double)j->height / 2, x = -r * sin(a) + (double)j->width / 2;
  m->ny = m->nx = 0;
  if (!is_inside(j, floor(y), floor(x))) return;
  if (j->how == CR_SIMPLE || floor(y) == (double)(j->height - 1) ||
      floor(x) == (double)(j->width - 1)) {
    one_place(m, floor(y), floor(x));
    return;
  }
  m->ny = m->nx = 2;
  places(j, y, j->height, 2, 0, m->y);
  places(j, x, j->width, 2, 0, m->x);
  weights(CR_BILINEAR, y, m->wy);
  weights(CR_BILINEAR, x, m->wx);
}

/* ---- pixels ------------------------------------------------------------------------------- */

static inline uint8_t to_byte(double x) {
  x += 0.5;
  return x > 0 ? x < 255 ? (uint8_t)x : 255 : 0;
}

#define SAME(x) (x)
#define DEFINE(name, T, ROUND)                                                                     \
  static bool name(void *arg, int64_t begin, int64_t end) {                                        \
    const job *j = arg;                                                                            \
    int64_t in_plane = j->height * j->width, out_plane = j->rows * j->columns;                     \
    mesh m;                                                                                        \
    for (int64_t i = begin; i < end; i++) {                                                        \
      j->find(j, i / j->columns, i % j->columns, &m);                                              \
      for (int64_t c = 0; c < j->channels; c++) {                                                  \
        const T *from = (const T *)j->src + c * in_plane;                                          \
        double sum = m.ny ? 0 : j->value;                                                          \
        for (int y = 0; y < m.ny; y++) {                                                           \
          double line = 0;                                                                         \
          for (int x = 0; x < m.nx; x++)                                                           \
            line +=                                                                                \
                m.wx[x] *                                                                          \
                (m.y[y] < 0 || m.x[x] < 0 ? j->value : (double)from[m.y[y] * j->width + m.x[x]]);  \
          sum += m.wy[y] * line;                                                                   \
        }                                                                                          \
        ((T *)j->dst)[c * out_plane + i] = (T)ROUND(sum);                                          \
      }                                                                                            \
    }                                                                                              \
    return true;                                                                                   \
  }
DEFINE(move_bytes, uint8_t, to_byte)
DEFINE(move_floats, float, SAME)
DEFINE(move_doubles, double, SAME)

/* Bilinear under an affine map, which augmentation does to every sample: the same without meshes
 * for the pixels that have four neighbours. */
#define DEFINE_BILINEAR(name, T, ROUND, others)                                                    \
  static bool name(void *arg, int64_t begin, int64_t end) {                                        \
    const job *j = arg;                                                                            \
    const int64_t w = j->width, columns = j->columns, channels = j->channels;                      \
    const int64_t in_plane = j->height * w, out_plane = j->rows * columns;                         \
    const double high = (double)(j->height - 1), wide = (double)(w - 1);                           \
    const double dy = j->map->yx, dx = j->map->xx;                                                 \
    for (int64_t i = begin; i < end;) {                                                            \
      int64_t first = i / columns * columns, stop = first + columns < end ? first + columns : end; \
      double y0, x0;                                                                               \
      map_row(j, i / columns, &y0, &x0);                                                           \
      for (; i < stop; i++) {                                                                      \
        double y = y0 + dy * (double)(i - first), x = x0 + dx * (double)(i - first);               \
        if (!(y >= 0 && y < high && x >= 0 && x < wide)) {                                         \
          if (!others(arg, i, i + 1)) return false;                                                \
          continue;                                                                                \
        }                                                                                          \
        int64_t top = (int64_t)y, left = (int64_t)x;                                               \
        double v = y - (double)top, u = x - (double)left;                                          \
        for (int64_t c = 0; c < channels; c++) {                                                   \
          const T *from = (const T *)j->src + c * in_plane + top * w + left;                       \
          double above = (1 - u) * (double)from[0] + u * (double)from[1];                          \
          double below = (1 - u) * (double)from[w] + u * (double)from[w + 1];                      \
          ((T *)j->dst)[c * out_plane + i] = (T)ROUND((1 - v) * above + v * below);                \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
    return true;                                                                                   \
  }
DEFINE_BILINEAR(map_bytes, uint8_t, to_byte, move_bytes)
DEFINE_BILINEAR(map_floats, float, SAME, move_floats)
DEFINE_BILINEAR(map_doubles, double, SAME, move_doubles)

static cr_tensor *run(const char *fn, job *j, const cr_tensor *t) {
  static const cr_cpu_range
      meshed[CR_NDTYPES] =
          {[CR_UINT8] = move_bytes, [CR_FLOAT32] = move_floats, [CR_FLOAT64] = move_doubles},
      mapped[CR_NDTYPES] = {
          [CR_UINT8] = map_bytes, [CR_FLOAT32] = map_floats, [CR_FLOAT64] = map_doubles};
  const cr_cpu_range *kinds = j->map && j->how == CR_BILINEAR ? mapped : meshed;
  if (!kinds[t->dtype]) return cr_fail_null("%s: wanted bytes or floats", fn);
  if (cr_numel(t) == 0 || j->rows < 1 || j->columns < 1) return cr_fail_null("%s: no pixels", fn);
  int64_t shape[] = {t->shape[0], j->rows, j->columns};
  cr_tensor *out = cr_empty_cpu(t->dtype, 3, shape);
  if (!out) return NULL;
  j->src = cr_data(t);
  j->dst = cr_data(out);
  j->channels = t->shape[0];
  j->height = t->shape[1];
  j->width = t->shape[2];
  if (cr_cpu_parallel(j->rows * j->columns, CR_GRAIN_DEAR, kinds[t->dtype], j, NULL)) return out;
  cr_release(out);
  return NULL;
}

cr_tensor *cr_image_warp(const cr_tensor *t, const cr_tensor *field, cr_interpolation how,
                         bool offset, bool pad, double value) {
  job j = {.how = how, .find = find_warped, .field = cr_data(field), .offset = offset};
  j.pad = pad;
  j.value = value;
  j.rows = field->shape[1];
  j.columns = field->shape[2];
  return run("image.warp", &j, t);
}

cr_tensor *cr_image_affine(const cr_tensor *t, const cr_affine *map, cr_interpolation how, bool pad,
                           double value) {
  job j = {.how = how, .find = find_mapped, .rows = t->shape[1], .columns = t->shape[2]};
  j.map = map;
  j.pad = pad;
  j.value = value;
  return run("image.affinetransform", &j, t);
}

cr_tensor *cr_image_rotate(const cr_tensor *t, double angle, cr_interpolation how) {
  job j = {.how = how, .find = find_rotated, .rows = t->shape[1], .columns = t->shape[2]};
  j.cosine = cos(angle);
  j.sine = sin(angle);
  return run("image.rotate", &j, t);
}

cr_tensor *cr_image_polar(const cr_tensor *t, int64_t height, int64_t width, cr_interpolation how,
                          bool full, bool log) {
  job j = {.how = how, .find = find_polar, .rows = height, .columns = width, .log = log};
  double h = (double)t->shape[1], w = (double)t->shape[2];
  j.reach = full ? sqrt(h * h + w * w) / 2 : (w < h ? w : h) / 2;
  return run(log ? "image.logpolar" : "image.polar", &j, t);
}
