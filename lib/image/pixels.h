/* pixels.h: loops over the pixels of pictures: other sizes, other places, other colours.
 *
 * Pictures are contiguous tensors of channels x height x width in host memory, of uint8, float32 or
 * float64; results are new ones of the same type.  The tape knows nothing of them. */
#ifndef CR_PIXELS_H
#define CR_PIXELS_H

#include "tensor/tensor.h"

typedef enum { CR_SIMPLE, CR_BILINEAR, CR_BICUBIC, CR_LANCZOS } cr_interpolation;

/* Torch7's scale: bilinear is the mean of what a pixel covers where the picture becomes smaller.
 * Not CR_LANCZOS. */
cr_tensor *cr_image_scale(const cr_tensor *t, int64_t height, int64_t width, cr_interpolation how);

/* Pixel (y, x) of the result is what t has at field[.][y][x], or that far from (y, x) when `offset`
 * is set.  field: float64, 2 x height x width, the rows first.  Outside of t: its border, or
 * `value` when `pad` is set. */
cr_tensor *cr_image_warp(const cr_tensor *t, const cr_tensor *field, cr_interpolation how,
                         bool offset, bool pad, double value);
/* The pixel at p from the centre, (row, column), is what t has at M p - (y, x) from its centre. */
typedef struct {
  double yy, yx, xy, xx; /* M's rows */
  double y, x;
} cr_affine;
/* Same size.  Outside of t as for cr_image_warp. */
cr_tensor *cr_image_affine(const cr_tensor *t, const cr_affine *map, cr_interpolation how, bool pad,
                           double value);
/* By an angle around the centre, same size; 0 outside.  CR_SIMPLE or CR_BILINEAR. */
cr_tensor *cr_image_rotate(const cr_tensor *t, double angle, cr_interpolation how);
/* Rows are angles, columns distances from the centre (their logarithms): up to the nearest border,
 * or to the corner when `full` is set.  CR_SIMPLE or CR_BILINEAR. */
cr_tensor *cr_image_polar(const cr_tensor *t, int64_t height, int64_t width, cr_interpolation how,
                          bool full, bool log);

/* Another colour space: "rgb2hsv" and so on; three channels.  A name that is none fails. */
cr_tensor *cr_image_colors(const cr_tensor *t, const char *name);

#endif
