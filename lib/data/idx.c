/* idx.c: the reader of IDX files.
 *
 * The format: two zero bytes, a byte for the element type, a byte for the number of dimensions,
 * each size as a big-endian 32-bit number, then the elements in row-major order, big-endian too. */
#include "lib/data/idx.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define CHUNK 65536

/* A file whose bytes come out uncompressed. */
typedef struct {
  FILE *f;
  const char *name;
  bool compressed;
  bool ended; /* of a compressed file: its last member is complete */
  bool failed;
  z_stream z;
  size_t have, at; /* bytes in `in`, and how many of them were used (plain files only) */
  unsigned char in[CHUNK];
} source;

static bool fail(source *s, const char *what) {
  s->failed = true;
  return cr_fail("data.idx: %s: %s", s->name, what);
}

static bool fill(source *s) {
  s->have = fread(s->in, 1, sizeof s->in, s->f);
  s->at = 0;
  if (ferror(s->f)) return fail(s, strerror(errno));
  s->z.next_in = s->in;
  s->z.avail_in = (uInt)s->have;
  return true;
}

static bool open_source(source *s, FILE *f, const char *name) {
  memset(s, 0, offsetof(source, in));
  s->f = f;
  s->name = name;
  if (!fill(s)) return false;
  s->compressed = s->have >= 2 && s->in[0] == 0x1f && s->in[1] == 0x8b;
  if (s->compressed && inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK) {
    s->compressed = false;
    return fail(s, "out of memory");
  }
  return true;
}

static void close_source(source *s) {
  if (s->compressed) inflateEnd(&s->z);
}

/* After a complete member: another one may follow, and anything else is an error. */
static bool next_member(source *s) {
  if (s->z.avail_in == 0 && !fill(s)) return false;
  if (s->z.avail_in == 0) return s->ended = true;
  if (s->z.next_in[0] != 0x1f)
    return fail(s, "bytes follow the compressed data: the file is damaged");
  return inflateReset(&s->z) == Z_OK || fail(s, "cannot go on after a compressed part");
}

/* Up to n bytes; fewer only at the end or after a failure. */
static size_t inflate_some(source *s, void *to, size_t n) {
  s->z.next_out = to;
  s->z.avail_out = (uInt)n;
  while (s->z.avail_out > 0 && !s->ended) {
    if (s->z.avail_in == 0 && !fill(s)) break;
    if (s->z.avail_in == 0) {
      fail(s, "the compressed file is truncated");
      break;
    }
    int status = inflate(&s->z, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      if (!next_member(s)) break;
    } else if (status != Z_OK) {
      fail(s, s->z.msg ? s->z.msg : "the compressed data is damaged");
      break;
    }
  }
  return n - s->z.avail_out;
}

static size_t copy_some(source *s, void *to, size_t n) {
  size_t done = 0;
  while (done < n) {
    if (s->at == s->have && (!fill(s) || s->have == 0)) break;
    size_t part = s->have - s->at < n - done ? s->have - s->at : n - done;
    memcpy((char *)to + done, s->in + s->at, part);
    s->at += part;
    done += part;
  }
  return done;
}

/* At most CHUNK bytes at a time fit zlib's counters. */
static size_t get(source *s, void *to, size_t n) {
  return s->compressed ? inflate_some(s, to, n) : copy_some(s, to, n);
}

typedef struct {
  cr_dtype dtype;
  int ndim;
  int64_t shape[CR_MAX_DIMS];
  int64_t count;
} header;

static bool element_type(int code, cr_dtype *out) {
  static const struct {
    int code;
    cr_dtype dtype;
  } types[] = {{0x08, CR_UINT8}, {0x09, CR_INT8},    {0x0b, CR_INT16},
               {0x0c, CR_INT32}, {0x0d, CR_FLOAT32}, {0x0e, CR_FLOAT64}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (types[i].code != code) continue;
    *out = types[i].dtype;
    return true;
  }
  return false;
}

static bool read_header(source *s, header *h, int64_t limit) {
  unsigned char b[4 * CR_MAX_DIMS];
  size_t n = get(s, b, 4);
  if (s->failed) return false;
  if (n < 4) return cr_fail("data.idx: %s: truncated: %zu bytes are no IDX file", s->name, n);
  if (b[0] || b[1] || !element_type(b[2], &h->dtype))
    return cr_fail("data.idx: %s: not an IDX file: it begins with %02x %02x %02x %02x", s->name,
                   b[0], b[1], b[2], b[3]);
  h->ndim = b[3];
  if (h->ndim < 1 || h->ndim > CR_MAX_DIMS)
    return cr_fail("data.idx: %s: %d dimensions; 1 to %d are possible", s->name, h->ndim,
                   CR_MAX_DIMS);
  if (get(s, b, 4 * (size_t)h->ndim) < 4 * (size_t)h->ndim)
    return !s->failed && cr_fail("data.idx: %s: truncated within its header", s->name);
  for (int i = 0; i < h->ndim; i++)
    h->shape[i] = (int64_t)b[4 * i] << 24 | b[4 * i + 1] << 16 | b[4 * i + 2] << 8 | b[4 * i + 3];
  h->count = cr_count(h->ndim, h->shape);
  if (h->count < 0 || h->count > limit / (int64_t)cr_sizeof(h->dtype)) {
    char shape[CR_SHAPE_STR];
    return cr_fail("data.idx: %s: its header says %s, which is more than the limit of %lld bytes",
                   s->name, cr_shape_str(shape, h->ndim, h->shape), (long long)limit);
  }
  return true;
}

/* The elements as they lie in the file; the storage grows as they come. */
static bool read_elements(source *s, const header *h, cr_storage *to) {
  size_t size = cr_sizeof(h->dtype);
  int64_t total = h->count * (int64_t)size, done = 0;
  while (done < total) {
    if (done == to->size * (int64_t)size &&
        !cr_storage_resize(to, to->size > h->count / 2 ? h->count : to->size * 2))
      return cr_error_prefix(s->name);
    int64_t room = to->size * (int64_t)size - done;
    size_t want = room < CHUNK ? (size_t)room : CHUNK;
    size_t n = get(s, (char *)to->data + done, want);
    if (s->failed) return false;
    done += (int64_t)n;
    if (n < want)
      return cr_fail("data.idx: %s: truncated: %lld bytes of elements, its header says %lld",
                     s->name, (long long)done, (long long)total);
  }
  return true;
}

static bool check_end(source *s) {
  unsigned char extra;
  size_t n = get(s, &extra, 1);
  if (s->failed) return false;
  return n == 0 ||
         cr_fail("data.idx: %s: more bytes follow the last element: the sizes in its header "
                 "do not match its data",
                 s->name);
}

static void swap_bytes(unsigned char *p, int64_t count, size_t size) {
  for (int64_t i = 0; i < count; i++, p += size) {
    for (size_t k = 0; k < size / 2; k++) {
      unsigned char b = p[k];
      p[k] = p[size - 1 - k];
      p[size - 1 - k] = b;
    }
  }
}

static cr_tensor *read_tensor(source *s, int64_t limit) {
  header h;
  if (!read_header(s, &h, limit)) return NULL;
  if (h.count == 0) return check_end(s) ? cr_empty_cpu(h.dtype, h.ndim, h.shape) : NULL;
  const union {
    uint16_t number;
    unsigned char first;
  } order = {1};
  cr_tensor *t = NULL;
  cr_device cpu = {CR_CPU, 0};
  cr_storage *data = cr_storage_new(h.dtype, cpu, h.count < CHUNK ? h.count : CHUNK);
  if (data && read_elements(s, &h, data) && check_end(s)) {
    if (order.first == 1) swap_bytes(data->data, h.count, cr_sizeof(h.dtype));
    t = cr_view_storage(data, h.dtype, 0, h.ndim, h.shape, NULL);
  }
  cr_storage_release(data);
  return t;
}

cr_tensor *cr_idx_read(FILE *f, const char *name, int64_t limit) {
  source *s = cr_malloc(sizeof *s);
  if (!s) return NULL;
  cr_tensor *t = open_source(s, f, name) ? read_tensor(s, limit) : NULL;
  close_source(s);
  cr_free(s, sizeof *s);
  return t;
}
