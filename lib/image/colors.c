/* colors.c: pictures in other colour spaces. */
#include <math.h>
#include <string.h>

#include "lib/image/pixels.h"
#include "tensor/cpu/cpu.h"

/* From the definitions of A. R. Smith, "Color gamut transform pairs", 1978 (HSV), and of G. H.
 * Joblove and D. Greenberg, "Color spaces for computer graphics", 1978 (HSL); all in 0..1. */

static double hue_of(const double *c, double max, double d) {
  double h;
  if (max == c[0])
    h = (c[1] - c[2]) / d + (c[1] < c[2] ? 6 : 0);
  else if (max == c[1])
    h = (c[2] - c[0]) / d + 2;
  else
    h = (c[0] - c[1]) / d + 4;
  return h / 6;
}

static void rgb2hsv(const double *c, double *o) {
  double max = fmax(fmax(c[0], c[1]), c[2]), min = fmin(fmin(c[0], c[1]), c[2]), d = max - min;
  o[0] = d == 0 ? 0 : hue_of(c, max, d);
  o[1] = d == 0 ? 0 : d / max;
  o[2] = max;
}

static void rgb2hsl(const double *c, double *o) {
  double max = fmax(fmax(c[0], c[1]), c[2]), min = fmin(fmin(c[0], c[1]), c[2]), d = max - min;
  double l = (max + min) / 2;
  o[0] = d == 0 ? 0 : hue_of(c, max, d);
  o[1] = d == 0 ? 0 : d / (l > 0.5 ? 2 - max - min : max + min);
  o[2] = l;
}

/* How much of a primary colour, whose own hue is `at`, a hue has: 0 to 1. */
static double share(double hue, double at) {
  double away = fabs(hue - at);
  away -= floor(away);
  if (away > 0.5) away = 1 - away;
  double s = 2 - 6 * away;
  return s < 0 ? 0 : s > 1 ? 1 : s;
}

static void hsv2rgb(const double *c, double *o) {
  for (int i = 0; i < 3; i++) o[i] = c[2] * (1 - c[1] * (1 - share(c[0], i / 3.0)));
}

static void hsl2rgb(const double *c, double *o) {
  double half = c[1] * (c[2] < 0.5 ? c[2] : 1 - c[2]);
  for (int i = 0; i < 3; i++) o[i] = c[2] + half * (2 * share(c[0], i / 3.0) - 1);
}

/* CIE 1976 L*a*b* of sRGB (IEC 61966-2-1) for the white of D65. */

#define EPSILON (216.0 / 24389)
#define KAPPA (24389.0 / 27)
#define WHITE_X 0.950456
#define WHITE_Z 1.088754

static double to_linear(double x) {
  return x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);
}

static double from_linear(double x) {
  return x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055;
}

static double lab_root(double x) {
  return x > EPSILON ? cbrt(x) : (KAPPA * x + 16) / 116;
}

static double lab_cube(double f) {
  return f * f * f > EPSILON ? f * f * f : (116 * f - 16) / KAPPA;
}

static void rgb2lab(const double *c, double *o) {
  double r = to_linear(c[0]), g = to_linear(c[1]), b = to_linear(c[2]);
  double x = lab_root((0.412453 * r + 0.357580 * g + 0.180423 * b) / WHITE_X);
  double y = lab_root(0.212671 * r + 0.715160 * g + 0.072169 * b);
  double z = lab_root((0.019334 * r + 0.119193 * g + 0.950227 * b) / WHITE_Z);
  o[0] = 116 * y - 16;
  o[1] = 500 * (x - y);
  o[2] = 200 * (y - z);
}

static void lab2rgb(const double *c, double *o) {
  double f = (c[0] + 16) / 116;
  double x = lab_cube(f + c[1] / 500) * WHITE_X, y = lab_cube(f);
  double z = lab_cube(f - c[2] / 200) * WHITE_Z;
  o[0] = from_linear(3.2404542 * x - 1.5371385 * y - 0.4985314 * z);
  o[1] = from_linear(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z);
  o[2] = from_linear(0.0556434 * x - 0.2040259 * y + 1.0572252 * z);
}

static const struct {
  const char *name;
  void (*convert)(const double *from, double *to);
} spaces[] = {{"rgb2hsv", rgb2hsv}, {"hsv2rgb", hsv2rgb}, {"rgb2hsl", rgb2hsl},
              {"hsl2rgb", hsl2rgb}, {"rgb2lab", rgb2lab}, {"lab2rgb", lab2rgb}};

typedef struct {
  void (*convert)(const double *from, double *to);
  const void *src;
  void *dst;
  int64_t plane;
} job;

/* As float32 would have it, so that bytes and floats agree. */
static inline uint8_t to_byte(double x) {
  float y = (float)x * 255.0f + 0.5f;
  return y > 0 ? y < 255 ? (uint8_t)y : 255 : 0;
}

#define FROM_BYTE(x) ((float)(x) / 255.0f)
#define SAME(x) (x)
#define DEFINE(name, T, READ, WRITE)                                                               \
  static bool name(void *arg, int64_t begin, int64_t end) {                                        \
    const job *j = arg;                                                                            \
    const T *from = j->src;                                                                        \
    T *to = j->dst;                                                                                \
    for (int64_t i = begin; i < end; i++) {                                                        \
      double c[3], o[3];                                                                           \
      for (int k = 0; k < 3; k++) c[k] = (double)READ(from[k * j->plane + i]);                     \
      j->convert(c, o);                                                                            \
      for (int k = 0; k < 3; k++) to[k * j->plane + i] = (T)WRITE(o[k]);                           \
    }                                                                                              \
    return true;                                                                                   \
  }
DEFINE(convert_bytes, uint8_t, FROM_BYTE, to_byte)
DEFINE(convert_floats, float, SAME, SAME)
DEFINE(convert_doubles, double, SAME, SAME)

cr_tensor *cr_image_colors(const cr_tensor *t, const char *name) {
  static const cr_cpu_range kinds[CR_NDTYPES] = {
      [CR_UINT8] = convert_bytes, [CR_FLOAT32] = convert_floats, [CR_FLOAT64] = convert_doubles};
  job j = {NULL, cr_data(t), NULL, t->shape[1] * t->shape[2]};
  for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
    if (strcmp(name, spaces[i].name) == 0) j.convert = spaces[i].convert;
  if (!j.convert || !kinds[t->dtype] || t->shape[0] != 3)
    return cr_fail_null("image.%s: wanted three channels of bytes or floats", name);
  cr_tensor *out = cr_empty_cpu(t->dtype, 3, t->shape);
  if (!out) return NULL;
  j.dst = cr_data(out);
  if (cr_cpu_parallel(j.plane, CR_GRAIN_DEAR, kinds[t->dtype], &j, NULL)) return out;
  cr_release(out);
  return NULL;
}
