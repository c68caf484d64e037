/* idx.c: the reader of IDX files.
 *
 * The format: two zero bytes, a byte for the element type, a byte for the number of dimensions,
 * each size as a big-endian 32-bit number, then the elements in row-major order, big-endian too. */
#include "lib/data/idx.h"

#include "lib/formats/stream.h"

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

static bool read_header(cr_stream *s, header *h, int64_t limit) {
  unsigned char b[4 * CR_MAX_DIMS];
  size_t n = cr_stream_get(s, b, 4);
  if (s->failed) return false;
  if (n < 4) return cr_stream_fail(s, "truncated: %zu bytes are no IDX file", n);
  if (b[0] || b[1] || !element_type(b[2], &h->dtype))
    return cr_stream_fail(s, "not an IDX file: it begins with %02x %02x %02x %02x", b[0], b[1],
                          b[2], b[3]);
  h->ndim = b[3];
  if (h->ndim < 1 || h->ndim > CR_MAX_DIMS)
    return cr_stream_fail(s, "%d dimensions; 1 to %d are possible", h->ndim, CR_MAX_DIMS);
  if (!cr_stream_need(s, b, 4 * (size_t)h->ndim, "its header")) return false;
  for (int i = 0; i < h->ndim; i++)
    h->shape[i] = (int64_t)b[4 * i] << 24 | b[4 * i + 1] << 16 | b[4 * i + 2] << 8 | b[4 * i + 3];
  h->count = cr_count(h->ndim, h->shape);
  if (h->count < 0 || h->count > limit / (int64_t)cr_sizeof(h->dtype)) {
    char shape[CR_SHAPE_STR];
    return cr_stream_fail(s, "its header says %s, which is more than the limit of %lld bytes",
                          cr_shape_str(shape, h->ndim, h->shape), (long long)limit);
  }
  return true;
}

static cr_tensor *read_tensor(cr_stream *s, int64_t limit) {
  header h;
  if (!read_header(s, &h, limit)) return NULL;
  if (h.count == 0) return cr_stream_end(s) ? cr_empty_cpu(h.dtype, h.ndim, h.shape) : NULL;
  cr_storage *data = cr_stream_elements(s, h.dtype, h.count, !cr_big_endian());
  cr_tensor *t =
      data && cr_stream_end(s) ? cr_view_storage(data, h.dtype, 0, h.ndim, h.shape, NULL) : NULL;
  cr_storage_release(data);
  return t;
}

cr_tensor *cr_idx_read(FILE *f, const char *name, int64_t limit) {
  cr_stream *s = cr_stream_file(f, "data.idx", name, limit == CR_IDX_LIMIT ? 0 : limit);
  if (!s) return NULL;
  cr_tensor *t = read_tensor(s, limit);
  cr_stream_close(s);
  return t;
}
