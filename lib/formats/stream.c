/* stream.c: bytes from files, and elements from bytes. */
#include "lib/formats/stream.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define CHUNK 65536
#define AT_ONCE                                                                                    \
  ((size_t)1 << 20) /* of a request, so that a long one can be counted in zlib's type */

typedef struct {
  cr_stream base;
  FILE *f;
  bool compressed;
  bool ended;      /* of a compressed file: its last member is complete */
  int64_t allowed; /* of a compressed file: bytes it may still expand to */
  z_stream z;
  size_t have, at; /* bytes in `in`, and how many of them were used (plain files only) */
  unsigned char in[CHUNK];
} file_stream;

bool cr_stream_fail(cr_stream *s, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  s->failed = true;
  return cr_fail("%s: %s: %s", s->fn, s->name, text);
}

static bool fill(file_stream *s) {
  s->have = fread(s->in, 1, sizeof s->in, s->f);
  s->at = 0;
  if (ferror(s->f)) return cr_stream_fail(&s->base, "%s", strerror(errno));
  s->z.next_in = s->in;
  s->z.avail_in = (uInt)s->have;
  return true;
}

/* After a complete member: another one may follow, and anything else is an error. */
static bool next_member(file_stream *s) {
  if (s->z.avail_in == 0 && !fill(s)) return false;
  if (s->z.avail_in == 0) return s->ended = true;
  if (s->z.next_in[0] != 0x1f)
    return cr_stream_fail(&s->base, "bytes follow the compressed data: the file is damaged");
  return inflateReset(&s->z) == Z_OK ||
         cr_stream_fail(&s->base, "cannot go on after a compressed part");
}

static bool within_limit(file_stream *s, size_t n) {
  s->allowed -= (int64_t)n;
  return s->allowed >= 0 ||
         cr_stream_fail(&s->base,
                        "the compressed file expands to more than its limit; {limit = bytes} "
                        "sets another one");
}

static size_t inflate_some(file_stream *s, void *to, size_t n) {
  s->z.next_out = to;
  s->z.avail_out = (uInt)n;
  while (s->z.avail_out > 0 && !s->ended) {
    if (s->z.avail_in == 0 && !fill(s)) break;
    if (s->z.avail_in == 0) {
      cr_stream_fail(&s->base, "the compressed file is truncated");
      break;
    }
    int status = inflate(&s->z, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      if (!next_member(s)) break;
    } else if (status != Z_OK) {
      cr_stream_fail(&s->base, "%s", s->z.msg ? s->z.msg : "the compressed data is damaged");
      break;
    }
  }
  size_t got = n - s->z.avail_out;
  return s->base.failed || within_limit(s, got) ? got : 0;
}

/* Long requests go past the buffer. */
static size_t copy_some(file_stream *s, void *to, size_t n) {
  size_t done = 0;
  while (done < n && !s->base.failed) {
    if (s->at == s->have && n - done >= CHUNK) {
      size_t part = fread((char *)to + done, 1, n - done, s->f);
      if (ferror(s->f)) cr_stream_fail(&s->base, "%s", strerror(errno));
      done += part;
      if (part == 0) break;
      continue;
    }
    if (s->at == s->have && (!fill(s) || s->have == 0)) break;
    size_t part = s->have - s->at < n - done ? s->have - s->at : n - done;
    memcpy((char *)to + done, s->in + s->at, part);
    s->at += part;
    done += part;
  }
  return done;
}

static size_t file_get(cr_stream *base, void *to, size_t n) {
  file_stream *s = (file_stream *)base;
  return s->compressed ? inflate_some(s, to, n) : copy_some(s, to, n);
}

static void file_close(cr_stream *base) {
  file_stream *s = (file_stream *)base;
  if (s->compressed) inflateEnd(&s->z);
  cr_free(s, sizeof *s);
}

int64_t cr_expansion_limit(int64_t size) {
  int64_t least = (int64_t)1 << 28;
  return size > least / 100 && size < INT64_MAX / 100 ? size * 100 : least;
}

int64_t cr_file_size(FILE *f) {
  struct stat st;
  int fd = fileno(f);
  return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

static bool begin(file_stream *s, int64_t limit) {
  int64_t size = cr_file_size(s->f), at = size < 0 ? 0 : (int64_t)ftello(s->f);
  if (!fill(s)) return false;
  s->compressed = s->have >= 2 && s->in[0] == 0x1f && s->in[1] == 0x8b;
  if (!s->compressed) {
    s->base.left = size < 0 ? -1 : size > at ? size - at : 0;
    return true;
  }
  s->allowed = limit > 0 ? limit : cr_expansion_limit(size);
  if (inflateInit2(&s->z, 16 + MAX_WBITS) == Z_OK) return true;
  s->compressed = false;
  return cr_stream_fail(&s->base, "out of memory");
}

cr_stream *cr_stream_file(FILE *f, const char *fn, const char *name, int64_t limit) {
  file_stream *s = cr_malloc(sizeof *s);
  if (!s) return NULL;
  memset(s, 0, offsetof(file_stream, in));
  s->base = (cr_stream){.fn = fn, .name = name, .left = -1, .get = file_get, .close = file_close};
  s->f = f;
  if (begin(s, limit)) return &s->base;
  file_close(&s->base);
  return NULL;
}

void cr_stream_close(cr_stream *s) {
  if (s) s->close(s);
}

size_t cr_stream_get(cr_stream *s, void *to, size_t n) {
  size_t done = 0;
  while (done < n && !s->failed) {
    size_t want = n - done < AT_ONCE ? n - done : AT_ONCE;
    size_t part = s->get(s, (char *)to + done, want);
    done += part;
    if (part < want) break;
  }
  if (s->left >= 0) s->left -= (int64_t)done < s->left ? (int64_t)done : s->left;
  return done;
}

bool cr_stream_need(cr_stream *s, void *to, size_t n, const char *what) {
  if (cr_stream_get(s, to, n) == n) return true;
  return !s->failed && cr_stream_fail(s, "truncated within %s", what);
}

bool cr_stream_end(cr_stream *s) {
  char extra;
  if (cr_stream_get(s, &extra, 1) == 0) return !s->failed;
  return cr_stream_fail(s, "more bytes follow the last element: the sizes in its header do not "
                           "match its data");
}

/* ---- elements ---------------------------------------------------------------------------- */

bool cr_big_endian(void) {
  const union {
    uint16_t number;
    unsigned char first;
  } order = {1};
  return order.first == 0;
}

void cr_swap_bytes(void *data, int64_t count, size_t size) {
  unsigned char *p = data;
  for (int64_t i = 0; i < count && size > 1; i++, p += size) {
    for (size_t k = 0; k < size / 2; k++) {
      unsigned char b = p[k];
      p[k] = p[size - 1 - k];
      p[size - 1 - k] = b;
    }
  }
}

void cr_settle_bools(void *data, int64_t count) {
  unsigned char *p = data;
  for (int64_t i = 0; i < count; i++) p[i] = p[i] != 0;
}

/* The elements as they lie in the file; the storage grows as they come. */
static bool read_elements(cr_stream *s, cr_storage *to, int64_t count, size_t size) {
  int64_t total = count * (int64_t)size, done = 0;
  while (done < total) {
    if (done == to->size * (int64_t)size &&
        !cr_storage_resize(to, to->size > count / 2 ? count : to->size * 2)) {
      s->failed = true;
      return cr_error_prefix(s->name);
    }
    int64_t room = to->size * (int64_t)size - done;
    size_t want = room < (int64_t)AT_ONCE ? (size_t)room : AT_ONCE;
    size_t n = cr_stream_get(s, (char *)to->data + done, want);
    if (s->failed) return false;
    done += (int64_t)n;
    if (n < want)
      return cr_stream_fail(s, "truncated: %lld bytes of elements, its header says %lld",
                            (long long)done, (long long)total);
  }
  return true;
}

cr_storage *cr_stream_elements(cr_stream *s, cr_dtype dtype, int64_t count, bool swapped) {
  size_t size = cr_sizeof(dtype);
  cr_device cpu = {CR_CPU, 0};
  if (count < 0 || count > INT64_MAX / (int64_t)size ||
      (s->left >= 0 && count * (int64_t)size > s->left)) {
    cr_stream_fail(s, "truncated: %lld bytes of elements, its header says %lld times %zu",
                   (long long)s->left, (long long)count, size);
    return NULL;
  }
  int64_t first = s->left >= 0 || count < CHUNK ? count : CHUNK;
  cr_storage *to = cr_storage_new(dtype, cpu, first);
  if (!to || !read_elements(s, to, count, size)) {
    if (!to) s->failed = true;
    cr_storage_release(to);
    return NULL;
  }
  if (swapped) cr_swap_bytes(to->data, count, size);
  if (dtype == CR_BOOL) cr_settle_bools(to->data, count);
  return to;
}
