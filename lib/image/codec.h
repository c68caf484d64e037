/* codec.h: pictures in the formats of files: PNG, JPEG and the portable anymaps.
 *
 * A reader works on the whole file in memory, and on nothing else: it can neither block nor read
 * past the end.  What it makes is checked against a limit before any memory is taken for it. */
#ifndef CR_CODEC_H
#define CR_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

/* The most bytes of elements that a picture may have, unless the caller says otherwise. */
#define CR_IMAGE_LIMIT ((int64_t)1 << 30)

/* What is read, and the names for messages: "image.load: cat.png: .." */
typedef struct {
  const char *fn, *name;
  const uint8_t *bytes;
  size_t size;
  int64_t limit;
} cr_image_source;

typedef struct {
  int64_t channels, height, width;
  int max; /* the value of full brightness: 255, or up to 65535 */
} cr_image_info;

/* Reads the header, and when `out` is not NULL the picture too, as a contiguous uint8 tensor of
 * channels x height x width, int32 when info->max is above 255. */
typedef bool cr_image_reader(const cr_image_source *s, cr_image_info *info, cr_tensor **out);
cr_image_reader cr_png_read, cr_jpeg_read, cr_pnm_read;

/* Bytes that grow as they are written. */
typedef struct {
  uint8_t *data;
  size_t size, capacity;
} cr_bytes;
bool cr_bytes_add(cr_bytes *b, const void *from, size_t n); /* false: out of memory */

/* Appends the picture, a contiguous uint8 tensor of channels x height x width, to b.  `quality`
 * (1 to 100) is for JPEG. */
typedef bool cr_image_writer(const char *fn, const cr_tensor *t, int quality, cr_bytes *b);
cr_image_writer cr_png_write, cr_jpeg_write, cr_pnm_write;

/* For the readers and writers.  A message that names the function and the file; returns false. */
bool cr_image_fail(const cr_image_source *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether the picture is within the limit; false with a message. */
bool cr_image_fits(const cr_image_source *s, const cr_image_info *info);
/* A tensor of channels x height x width from rows of pixels, whose samples lie next to each other:
 * one byte each, or two, the high one first. */
cr_tensor *cr_image_planes(const cr_image_info *info, const uint8_t *pixels, int bytes);
/* One row of the planes of a uint8 tensor as pixels. */
void cr_image_row(const cr_tensor *t, int64_t y, uint8_t *pixels);

#endif
