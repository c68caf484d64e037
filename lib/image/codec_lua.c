/* codec_lua.c: require "image._codec": pictures from files and bytes, and back. */
#include "lib/openers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/image/codec.h"
#include "lib/torch/torch_lua.h"
#include "lib/packages.h"

static const char *const formats[] = {"png", "jpg", "ppm", NULL};
static cr_image_reader *const readers[] = {cr_png_read, cr_jpeg_read, cr_pnm_read};
static cr_image_writer *const writers[] = {cr_png_write, cr_jpeg_write, cr_pnm_write};

/* The whole of a file; a device without end stops at the largest size that is sensible. */
static bool read_file(const char *fn, const char *path, int64_t limit, cr_bytes *b) {
  FILE *f = fopen(path, "rbe");
  if (!f) return cr_fail("%s: %s: %s", fn, path, strerror(errno));
  uint8_t block[65536];
  size_t n;
  bool ok = true;
  while (ok && (n = fread(block, 1, sizeof block, f)) > 0) {
    if ((int64_t)b->size > limit)
      ok = cr_fail("%s: %s: the file is longer than the limit of %lld bytes", fn, path,
                   (long long)limit);
    else if (!cr_bytes_add(b, block, n))
      ok = cr_fail("%s: %s: out of memory", fn, path);
  }
  if (ok && ferror(f)) ok = cr_fail("%s: %s: %s", fn, path, strerror(errno));
  fclose(f);
  return ok;
}

/* Reads what is at index 3, a path or a ByteTensor. */
static bool read_source(lua_State *L, int64_t limit, cr_image_info *info, cr_tensor **out) {
  const char *fn = luaL_checkstring(L, 1);
  int format = luaL_checkoption(L, 2, NULL, formats);
  cr_tensor *bytes = cr_to_tensor(L, 3);
  if (!bytes) cr_need_files(L, fn);
  cr_image_source s = {.fn = fn, .limit = limit};
  if (bytes) {
    if (bytes->dtype != CR_UINT8 || !cr_is_contiguous(bytes) || cr_device_of(bytes).type != CR_CPU)
      return cr_fail("%s: wanted a contiguous ByteTensor", fn);
    s.name = "the ByteTensor";
    s.bytes = cr_data(bytes);
    s.size = (size_t)cr_numel(bytes);
    return readers[format](&s, info, out);
  }
  cr_bytes file = {NULL, 0, 0};
  s.name = luaL_checkstring(L, 3);
  bool ok = read_file(fn, s.name, limit, &file);
  s.bytes = file.data;
  s.size = file.size;
  ok = ok && readers[format](&s, info, out);
  free(file.data);
  return ok;
}

/* read(fn, format, path or bytes [, limit]) -> tensor, value of full brightness */
static int codec_read(lua_State *L) {
  int64_t limit = luaL_optinteger(L, 4, CR_IMAGE_LIMIT);
  cr_image_info info;
  cr_tensor *t = NULL;
  if (!read_source(L, limit, &info, &t)) return cr_lua_error(L);
  cr_push_tensor(L, t);
  lua_pushinteger(L, info.max);
  return 2;
}

/* measure(fn, format, path or bytes) -> channels, height, width */
static int codec_measure(lua_State *L) {
  cr_image_info info;
  if (!read_source(L, CR_IMAGE_LIMIT, &info, NULL)) return cr_lua_error(L);
  lua_pushinteger(L, info.channels);
  lua_pushinteger(L, info.height);
  lua_pushinteger(L, info.width);
  return 3;
}

static bool write_file(const char *fn, const char *path, const cr_bytes *b) {
  FILE *f = fopen(path, "wbe");
  if (!f) return cr_fail("%s: %s: %s", fn, path, strerror(errno));
  bool ok = fwrite(b->data, 1, b->size, f) == b->size;
  ok = fclose(f) == 0 && ok;
  return ok || cr_fail("%s: %s: %s", fn, path, strerror(errno));
}

/* write(fn, format, tensor, quality [, path]) -> ByteTensor, or nothing with a path */
static int codec_write(lua_State *L) {
  const char *fn = luaL_checkstring(L, 1), *path = luaL_optstring(L, 5, NULL);
  if (path) cr_need_files(L, fn);
  int format = luaL_checkoption(L, 2, NULL, formats);
  cr_tensor *t = cr_check_tensor(L, 3), *out = NULL;
  int quality = (int)luaL_checkinteger(L, 4);
  if (t->dtype != CR_UINT8 || t->ndim != 3 || !cr_is_contiguous(t) || cr_numel(t) == 0 ||
      cr_device_of(t).type != CR_CPU)
    return cr_raise(L, "%s: wanted a contiguous ByteTensor of channels x height x width", fn);
  if (t->shape[1] > 65500 || t->shape[2] > 65500)
    return cr_raise(L, "%s: %dx%d pixels, at most 65500x65500 are allowed", fn, (int)t->shape[2],
                    (int)t->shape[1]);
  cr_bytes b = {NULL, 0, 0};
  bool ok = writers[format](fn, t, quality, &b);
  if (ok && path) {
    ok = write_file(fn, path, &b);
  } else if (ok) {
    out = cr_empty_cpu(CR_UINT8, 1, &(int64_t){(int64_t)b.size});
    if (out) memcpy(cr_data(out), b.data, b.size);
    ok = out != NULL;
  }
  free(b.data);
  if (!ok) return cr_lua_error(L);
  if (path) return 0;
  cr_push_tensor(L, out);
  return 1;
}

int luaopen_image_codec(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"read", codec_read}, {"measure", codec_measure}, {"write", codec_write}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
