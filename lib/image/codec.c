/* codec.c: what the formats of pictures share. */
#include "lib/image/codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cr_image_fail(const cr_image_source *s, const char *format, ...) {
  char text[300];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return cr_fail("%s: %s: %s", s->fn, s->name, text);
}

bool cr_image_fits(const cr_image_source *s, const cr_image_info *info) {
  int64_t sample = info->max > 255 ? 4 : 1, bytes;
  if (info->width < 1 || info->height < 1)
    return cr_image_fail(s, "it says it is %lldx%lld pixels large", (long long)info->width,
                         (long long)info->height);
  if (__builtin_mul_overflow(info->width, info->height, &bytes) ||
      __builtin_mul_overflow(bytes, info->channels * sample, &bytes) || bytes > s->limit)
    return cr_image_fail(s, "%lldx%lld pixels of %d channels are more than the limit of %lld bytes",
                         (long long)info->width, (long long)info->height, (int)info->channels,
                         (long long)s->limit);
  return true;
}

cr_tensor *cr_image_planes(const cr_image_info *info, const uint8_t *pixels, int bytes) {
  int64_t shape[] = {info->channels, info->height, info->width};
  int64_t n = info->height * info->width, c = info->channels;
  cr_tensor *t = cr_empty_cpu(bytes == 2 ? CR_INT32 : CR_UINT8, 3, shape);
  if (!t) return NULL;
  uint8_t *narrow = cr_data(t);
  int32_t *wide = cr_data(t);
  for (int64_t k = 0; k < c; k++)
    for (int64_t i = 0; i < n; i++) {
      const uint8_t *p = pixels + (i * c + k) * bytes;
      if (bytes == 2)
        wide[k * n + i] = p[0] << 8 | p[1];
      else
        narrow[k * n + i] = *p;
    }
  return t;
}

void cr_image_row(const cr_tensor *t, int64_t y, uint8_t *pixels) {
  int64_t c = t->shape[0], n = t->shape[1] * t->shape[2], w = t->shape[2];
  const uint8_t *row = (const uint8_t *)cr_data(t) + y * w;
  for (int64_t x = 0; x < w; x++)
    for (int64_t k = 0; k < c; k++) *pixels++ = row[k * n + x];
}

bool cr_bytes_add(cr_bytes *b, const void *from, size_t n) {
  if (n > SIZE_MAX / 4 - b->size) return false;
  if (b->size + n > b->capacity) {
    size_t capacity = (b->size + n) * 2;
    uint8_t *data = realloc(b->data, capacity);
    if (!data) return false;
    b->data = data;
    b->capacity = capacity;
  }
  if (n > 0) memcpy(b->data + b->size, from, n);
  b->size += n;
  return true;
}
