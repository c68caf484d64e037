/* jpeg.c: JPEG by libjpeg (libjpeg-turbo).
 *
 * libjpeg reports errors by a function that must not return: it jumps back.  Everything that must
 * be freed lies in a struct of the frame below the one that calls setjmp. */
#include "lib/image/codec.h"

#if CR_LIBJPEG
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>

/* A progressive file may refine its picture in any number of scans, each of which costs as much as
 * the whole; encoders write about ten. */
#define MAX_SCANS 200

typedef struct {
  struct jpeg_error_mgr base; /* first: libjpeg knows only this */
  jmp_buf back;
  char message[JMSG_LENGTH_MAX];
} handler;

static void jump_back(j_common_ptr c) {
  handler *h = (handler *)c->err;
  c->err->format_message(c, h->message);
  longjmp(h->back, 1);
}

/* A warning; of those only that of a file that is cut short is an error. */
static void emit_message(j_common_ptr c, int level) {
  if (level < 0 && (c->err->msg_code == JWRN_JPEG_EOF || c->err->msg_code == JWRN_HIT_MARKER))
    jump_back(c);
}

static struct jpeg_error_mgr *set_up(handler *h) {
  struct jpeg_error_mgr *e = jpeg_std_error(&h->base);
  e->error_exit = jump_back;
  e->emit_message = emit_message;
  return e;
}

typedef struct {
  handler errors;
  struct jpeg_decompress_struct jpeg;
  struct jpeg_progress_mgr progress;
  const cr_image_source *source;
  uint8_t *pixels;
} reader;

static void count_scans(j_common_ptr c) {
  if (((j_decompress_ptr)c)->input_scan_number > MAX_SCANS) {
    handler *h = (handler *)c->err;
    snprintf(h->message, sizeof h->message, "it has more than %d scans", MAX_SCANS);
    longjmp(h->back, 1);
  }
}

static void read_header(reader *r, cr_image_info *info) {
  jpeg_mem_src(&r->jpeg, r->source->bytes, (unsigned long)r->source->size);
  jpeg_read_header(&r->jpeg, TRUE);
  int n = r->jpeg.num_components;
  if (n == 4)
    r->jpeg.out_color_space = JCS_CMYK;
  else
    r->jpeg.out_color_space = n == 1 ? JCS_GRAYSCALE : JCS_RGB;
  *info = (cr_image_info){n == 1 ? 1 : 3, r->jpeg.image_height, r->jpeg.image_width, 255};
}

/* Ink to light, in place; Adobe writes the inks upside down. */
static void from_cmyk(const reader *r, size_t n) {
  uint8_t *to = r->pixels;
  bool inverted = r->jpeg.saw_Adobe_marker;
  for (const uint8_t *p = r->pixels; n > 0; n--, p += 4) {
    int k = inverted ? p[3] : 255 - p[3];
    for (int i = 0; i < 3; i++) *to++ = (uint8_t)((inverted ? p[i] : 255 - p[i]) * k / 255);
  }
}

static bool read_pixels(reader *r, const cr_image_info *info) {
  jpeg_start_decompress(&r->jpeg);
  size_t row = (size_t)info->width * (size_t)r->jpeg.output_components;
  r->pixels = calloc((size_t)info->height, row);
  if (!r->pixels) return cr_image_fail(r->source, "out of memory");
  while (r->jpeg.output_scanline < r->jpeg.output_height) {
    JSAMPROW to = r->pixels + r->jpeg.output_scanline * row;
    jpeg_read_scanlines(&r->jpeg, &to, 1);
  }
  jpeg_finish_decompress(&r->jpeg);
  if (r->jpeg.output_components == 4) from_cmyk(r, (size_t)(info->width * info->height));
  return true;
}

static bool read_all(reader *r, cr_image_info *info, bool pixels) {
  if (setjmp(r->errors.back)) return cr_image_fail(r->source, "%s", r->errors.message);
  jpeg_create_decompress(&r->jpeg);
  r->progress.progress_monitor = count_scans;
  r->jpeg.progress = &r->progress;
  read_header(r, info);
  if (!pixels) return true;
  return cr_image_fits(r->source, info) && read_pixels(r, info);
}

bool cr_jpeg_read(const cr_image_source *s, cr_image_info *info, cr_tensor **out) {
  if (s->size < 3 || s->bytes[0] != 0xff || s->bytes[1] != 0xd8 || s->bytes[2] != 0xff)
    return cr_image_fail(s, "not a JPEG file");
  reader *r = calloc(1, sizeof *r);
  if (!r) return cr_image_fail(s, "out of memory");
  r->source = s;
  r->jpeg.err = set_up(&r->errors);
  bool ok = read_all(r, info, out != NULL);
  if (ok && out) {
    *out = cr_image_planes(info, r->pixels, 1);
    ok = *out != NULL;
  }
  jpeg_destroy_decompress(&r->jpeg);
  free(r->pixels);
  free(r);
  return ok;
}

/* ---- writing ------------------------------------------------------------------------------ */

#define BLOCK 16384

typedef struct {
  handler errors;
  struct jpeg_compress_struct jpeg;
  struct jpeg_destination_mgr base;
  const char *fn;
  const cr_tensor *t;
  cr_bytes *to;
  uint8_t *row;
  int quality;
  uint8_t block[BLOCK];
} writer;

static void start_block(j_compress_ptr c) {
  writer *w = c->client_data;
  w->base.next_output_byte = w->block;
  w->base.free_in_buffer = BLOCK;
}

static void add_block(writer *w, size_t n) {
  if (!cr_bytes_add(w->to, w->block, n)) ERREXIT1(&w->jpeg, JERR_OUT_OF_MEMORY, 0);
}

static boolean full_block(j_compress_ptr c) {
  add_block(c->client_data, BLOCK);
  start_block(c);
  return TRUE;
}

static void last_block(j_compress_ptr c) {
  writer *w = c->client_data;
  add_block(w, BLOCK - w->base.free_in_buffer);
}

static bool write_all(writer *w) {
  struct jpeg_compress_struct *j = &w->jpeg;
  const int64_t *shape = w->t->shape;
  if (setjmp(w->errors.back)) return cr_fail("%s: %s", w->fn, w->errors.message);
  jpeg_create_compress(j);
  j->client_data = w;
  w->base = (struct jpeg_destination_mgr){.init_destination = start_block,
                                          .empty_output_buffer = full_block,
                                          .term_destination = last_block};
  j->dest = &w->base;
  j->image_width = (JDIMENSION)shape[2];
  j->image_height = (JDIMENSION)shape[1];
  j->input_components = (int)shape[0];
  j->in_color_space = shape[0] == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(j);
  jpeg_set_quality(j, w->quality, TRUE);
  jpeg_start_compress(j, TRUE);
  while (j->next_scanline < j->image_height) {
    cr_image_row(w->t, j->next_scanline, w->row);
    jpeg_write_scanlines(j, &w->row, 1);
  }
  jpeg_finish_compress(j);
  return true;
}

bool cr_jpeg_write(const char *fn, const cr_tensor *t, int quality, cr_bytes *b) {
  int64_t c = t->shape[0];
  if (c != 1 && c != 3) return cr_fail("%s: %d channels, wanted 1 or 3", fn, (int)c);
  writer *w = calloc(1, sizeof *w);
  if (!w) return cr_fail("%s: out of memory", fn);
  w->fn = fn;
  w->t = t;
  w->to = b;
  w->quality = quality;
  w->jpeg.err = set_up(&w->errors);
  w->row = malloc((size_t)(c * t->shape[2]));
  bool ok = w->row ? write_all(w) : cr_fail("%s: out of memory", fn);
  jpeg_destroy_compress(&w->jpeg);
  free(w->row);
  free(w);
  return ok;
}

#else

#define WHY "Cresset was built without libjpeg (Debian: libjpeg-dev)"

bool cr_jpeg_read(const cr_image_source *s, cr_image_info *info, cr_tensor **out) {
  (void)info;
  (void)out;
  return cr_image_fail(s, WHY);
}

bool cr_jpeg_write(const char *fn, const cr_tensor *t, int quality, cr_bytes *b) {
  (void)t;
  (void)quality;
  (void)b;
  return cr_fail("%s: " WHY, fn);
}
#endif
