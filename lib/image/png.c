/* png.c: PNG by libpng.
 *
 * libpng reports errors by longjmp.  Everything that must be freed lies in a struct of the caller's
 * frame, below the frame that calls setjmp, so that no local of the latter matters afterwards. */
#include "lib/image/codec.h"

#if CR_LIBPNG
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const cr_image_source *source;
  size_t at; /* bytes read so far */
  png_structp png;
  png_infop info;
  uint8_t *pixels;
  png_bytep *rows;
  const char *stage; /* for messages */
  char message[200];
} reader;

static void keep_message(png_structp png, const char *text) {
  char *message = png_get_error_ptr(png);
  snprintf(message, 200, "%s", text);
  png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, const char *text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep to, size_t n) {
  reader *r = png_get_io_ptr(png);
  if (n > r->source->size - r->at) png_error(png, "the file ends too soon");
  memcpy(to, r->source->bytes + r->at, n);
  r->at += n;
}

static void read_header(reader *r, cr_image_info *info) {
  png_set_read_fn(r->png, r, read_bytes);
  png_read_info(r->png, r->info);
  if (png_get_color_type(r->png, r->info) == PNG_COLOR_TYPE_PALETTE)
    png_set_palette_to_rgb(r->png);
  else if (png_get_bit_depth(r->png, r->info) < 8)
    png_set_expand_gray_1_2_4_to_8(r->png);
  png_set_interlace_handling(r->png);
  png_read_update_info(r->png, r->info);
  info->channels = png_get_channels(r->png, r->info);
  info->height = png_get_image_height(r->png, r->info);
  info->width = png_get_image_width(r->png, r->info);
  info->max = png_get_bit_depth(r->png, r->info) == 16 ? 65535 : 255;
}

static bool read_pixels(reader *r, const cr_image_info *info) {
  size_t row = png_get_rowbytes(r->png, r->info);
  r->stage = "in its pixels";
  /* A file that ends too soon must not have its memory touched first. */
  r->pixels = calloc((size_t)info->height, row);
  r->rows = malloc((size_t)info->height * sizeof *r->rows);
  if (!r->pixels || !r->rows) return cr_image_fail(r->source, "out of memory");
  for (int64_t y = 0; y < info->height; y++) r->rows[y] = r->pixels + (size_t)y * row;
  png_read_image(r->png, r->rows);
  png_read_end(r->png, NULL);
  return true;
}

static bool read_all(reader *r, cr_image_info *info, bool pixels) {
  if (setjmp(png_jmpbuf(r->png))) return cr_image_fail(r->source, "%s: %s", r->stage, r->message);
  read_header(r, info);
  if (!pixels) return true;
  return cr_image_fits(r->source, info) && read_pixels(r, info);
}

bool cr_png_read(const cr_image_source *s, cr_image_info *info, cr_tensor **out) {
  /* Torch7's words for the first stage, which its own tests look for. */
  reader r = {.source = s, .stage = "Error during init_io"};
  if (s->size < 8 || png_sig_cmp(s->bytes, 0, 8) != 0) return cr_image_fail(s, "not a PNG file");
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r.message, keep_message, ignore_warning);
  if (r.png) r.info = png_create_info_struct(r.png);
  bool ok = r.info ? read_all(&r, info, out != NULL) : cr_image_fail(s, "out of memory");
  if (ok && out) {
    *out = cr_image_planes(info, r.pixels, info->max > 255 ? 2 : 1);
    ok = *out != NULL;
  }
  png_destroy_read_struct(&r.png, &r.info, NULL);
  free(r.pixels);
  free(r.rows);
  return ok;
}

typedef struct {
  const char *fn;
  const cr_tensor *t;
  cr_bytes *to;
  png_structp png;
  png_infop info;
  uint8_t *row;
  char message[200];
} writer;

static void write_bytes(png_structp png, png_bytep from, size_t n) {
  writer *w = png_get_io_ptr(png);
  if (!cr_bytes_add(w->to, from, n)) png_error(png, "out of memory");
}

static void flush_nothing(png_structp png) {
  (void)png;
}

static bool write_all(writer *w) {
  static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GA, PNG_COLOR_TYPE_RGB,
                              PNG_COLOR_TYPE_RGBA};
  const int64_t *shape = w->t->shape;
  if (setjmp(png_jmpbuf(w->png))) return cr_fail("%s: %s", w->fn, w->message);
  png_set_write_fn(w->png, w, write_bytes, flush_nothing);
  png_set_IHDR(w->png, w->info, (png_uint_32)shape[2], (png_uint_32)shape[1], 8,
               types[shape[0] - 1], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
               PNG_FILTER_TYPE_BASE);
  png_write_info(w->png, w->info);
  for (int64_t y = 0; y < shape[1]; y++) {
    cr_image_row(w->t, y, w->row);
    png_write_row(w->png, w->row);
  }
  png_write_end(w->png, w->info);
  return true;
}

bool cr_png_write(const char *fn, const cr_tensor *t, int quality, cr_bytes *b) {
  (void)quality;
  writer w = {.fn = fn, .t = t, .to = b};
  if (t->shape[0] > 4) return cr_fail("%s: %d channels, wanted 1 to 4", fn, (int)t->shape[0]);
  w.row = malloc((size_t)(t->shape[0] * t->shape[2]));
  w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, w.message, keep_message, ignore_warning);
  if (w.png) w.info = png_create_info_struct(w.png);
  bool ok = w.row && w.info ? write_all(&w) : cr_fail("%s: out of memory", fn);
  png_destroy_write_struct(&w.png, &w.info);
  free(w.row);
  return ok;
}

#else

#define WHY "Cresset was built without libpng (Debian: libpng-dev)"

bool cr_png_read(const cr_image_source *s, cr_image_info *info, cr_tensor **out) {
  (void)info;
  (void)out;
  return cr_image_fail(s, WHY);
}

bool cr_png_write(const char *fn, const cr_tensor *t, int quality, cr_bytes *b) {
  (void)t;
  (void)quality;
  (void)b;
  return cr_fail("%s: " WHY, fn);
}
#endif
