/* npy_lua.c: require "formats._npy": NumPy's .npy files. */
#include "lib/openers.h"

#include <errno.h>
#include <string.h>

#include "lib/formats/map.h"
#include "lib/formats/npy.h"
#include "lib/torch/torch_lua.h"
#include "lib/packages.h"

#define FN "torch.loadnpy"

/* The elements of a file of that size that ends with them, without reading them. */
static cr_storage *mapped_elements(FILE *f, cr_stream *s, const cr_npy_header *h, int64_t size,
                                   bool shared) {
  if (size - h->bytes != h->count * (int64_t)cr_sizeof(h->dtype)) {
    cr_stream_fail(s, "%lld bytes follow its header, which says %lld elements of %s",
                   (long long)(size - h->bytes), (long long)h->count, cr_dtypes[h->dtype].name);
    return NULL;
  }
  return cr_map_elements(fileno(f), s->name, h->dtype, h->bytes, h->count, shared);
}

static cr_tensor *map_tensor(FILE *f, cr_stream *s, bool shared) {
  cr_npy_header h;
  int64_t size = cr_file_size(f);
  if (size < 0 || s->left != size) {
    cr_stream_fail(s, "only an ordinary file that is not compressed can be mapped");
    return NULL;
  }
  if (!cr_npy_read_header(s, &h)) return NULL;
  if (h.swapped) {
    cr_stream_fail(s, "its elements are in the other byte order, so it cannot be mapped");
    return NULL;
  }
  cr_storage *data = mapped_elements(f, s, &h, size, shared);
  cr_tensor *t = cr_npy_tensor(&h, data);
  cr_storage_release(data);
  return t;
}

/* read(path, mmap, limit or nil [, shared]) -> tensor; shared: what is written to a mapped one is
 * written to the file */
static int npy_read(lua_State *L) {
  cr_need_files(L, FN);
  const char *path = luaL_checkstring(L, 1);
  bool map = lua_toboolean(L, 2), shared = lua_toboolean(L, 4);
  int64_t limit = luaL_optinteger(L, 3, 0);
  FILE *f = fopen(path, shared ? "r+be" : "rbe");
  if (!f) {
    cr_fail(FN ": %s: %s", path, strerror(errno));
    return cr_lua_error(L);
  }
  cr_stream *s = cr_stream_file(f, FN, path, limit);
  cr_tensor *t = !s ? NULL : map ? map_tensor(f, s, shared) : cr_npy_read(s);
  cr_stream_close(s);
  fclose(f);
  cr_push_tensor(L, t);
  return 1;
}

/* header(tensor) -> the bytes that come before its elements */
static int npy_header(lua_State *L) {
  char out[CR_NPY_HEADER];
  cr_tensor *t = cr_check_tensor(L, 1);
  size_t n = cr_npy_write_header(t, out);
  if (n == 0) {
    cr_fail("NumPy has no type like %s; convert the tensor first, for example with x:float()",
            cr_dtypes[t->dtype].name);
    return cr_lua_error(L);
  }
  lua_pushlstring(L, out, n);
  return 1;
}

int luaopen_formats_npy(lua_State *L) {
  static const luaL_Reg functions[] = {{"read", npy_read}, {"header", npy_header}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
