/* pnm.c: the portable anymaps: grey (P2, P5) and colour (P3, P6), as text or as bytes. */
#include "lib/image/codec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  const cr_image_source *source;
  size_t at;
} reader;

static int peek(const reader *r) {
  return r->at < r->source->size ? r->source->bytes[r->at] : -1;
}

static void skip_blanks(reader *r) {
  for (;;) {
    int c = peek(r);
    if (c == '#')
      while (c >= 0 && c != '\n') r->at++, c = peek(r);
    else if (c >= 0 && isspace(c))
      r->at++;
    else
      return;
  }
}

/* A number of at most 9 digits, or -1. */
static int number(reader *r) {
  int value = 0, digits = 0;
  skip_blanks(r);
  for (int c; (c = peek(r)) >= '0' && c <= '9'; r->at++)
    if (++digits > 9)
      return -1;
    else
      value = value * 10 + (c - '0');
  return digits ? value : -1;
}

static bool read_header(reader *r, cr_image_info *info, bool *text) {
  const cr_image_source *s = r->source;
  if (s->size < 3 || s->bytes[0] != 'P') return cr_image_fail(s, "not a PPM or PGM file");
  char kind = (char)s->bytes[1];
  if (kind != '2' && kind != '3' && kind != '5' && kind != '6')
    return cr_image_fail(s, "unsupported magic number: P%c, wanted P2, P3, P5 or P6",
                         isprint((unsigned char)kind) ? kind : '?');
  r->at = 2;
  int width = number(r), height = number(r), max = number(r);
  if (width < 0 || height < 0 || max < 1 || max > 65535)
    return cr_image_fail(s, "corrupted file: its header needs a width, a height and a full "
                            "brightness of 1 to 65535");
  *text = kind < '5';
  *info = (cr_image_info){kind == '3' || kind == '6' ? 3 : 1, height, width, max};
  return true;
}

static bool read_text(reader *r, const cr_image_info *info, uint8_t *to, size_t n, int bytes) {
  for (size_t i = 0; i < n; i++) {
    int value = number(r);
    if (value < 0) return cr_image_fail(r->source, "corrupted file: not enough numbers");
    if (value > info->max) value = info->max;
    if (bytes == 2) *to++ = (uint8_t)(value >> 8);
    *to++ = (uint8_t)value;
  }
  return true;
}

bool cr_pnm_read(const cr_image_source *s, cr_image_info *info, cr_tensor **out) {
  reader r = {s, 0};
  bool text = false;
  if (!read_header(&r, info, &text)) return false;
  if (!out) return true;
  if (!cr_image_fits(s, info)) return false;
  int bytes = info->max > 255 ? 2 : 1;
  size_t n = (size_t)(info->channels * info->height * info->width);
  r.at++; /* the one blank after the header */
  /* Each number of a text needs a digit and a blank. */
  if (r.at > s->size || s->size - r.at < (text ? n * 2 - 1 : n * (size_t)bytes))
    return cr_image_fail(s, "corrupted file: it ends too soon");
  if (!text) return (*out = cr_image_planes(info, s->bytes + r.at, bytes)) != NULL;
  uint8_t *pixels = malloc(n * (size_t)bytes);
  if (!pixels) return cr_image_fail(s, "out of memory");
  if (read_text(&r, info, pixels, n, bytes)) *out = cr_image_planes(info, pixels, bytes);
  free(pixels);
  return *out != NULL;
}

bool cr_pnm_write(const char *fn, const cr_tensor *t, int quality, cr_bytes *b) {
  (void)quality;
  int64_t c = t->shape[0], height = t->shape[1], row = c * t->shape[2];
  if (c != 1 && c != 3) return cr_fail("%s: %d channels, wanted 1 or 3", fn, (int)c);
  char header[64];
  int n = snprintf(header, sizeof header, "P%c\n%lld %lld\n255\n", c == 1 ? '5' : '6',
                   (long long)t->shape[2], (long long)height);
  uint8_t *pixels = malloc((size_t)row);
  bool ok = pixels && cr_bytes_add(b, header, (size_t)n);
  for (int64_t y = 0; y < height && ok; y++) {
    cr_image_row(t, y, pixels);
    ok = cr_bytes_add(b, pixels, (size_t)row);
  }
  free(pixels);
  return ok || cr_fail("%s: out of memory", fn);
}
