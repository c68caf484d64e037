/* storage_lua.c: storages in Lua: sizes, elements, raw bytes. */
#include "lib/formats/map.h"
#include "lib/formats/stream.h"
#include "lib/torch/binding.h"
#include "lib/packages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const cr_device cpu = {CR_CPU, 0};

static char *place(const cr_storage *s, int64_t i) {
  return (char *)s->data + (size_t)i * cr_sizeof((cr_dtype)s->dtype);
}

static cr_storage *check_host(lua_State *L, int arg) {
  cr_storage *s = cr_check_storage(L, arg);
  if (s->device.type != CR_CPU) luaL_argerror(L, arg, "a storage in host memory is wanted");
  return s;
}

/* Pushes all elements as a tensor that shares them. */
static cr_tensor *push_whole(lua_State *L, cr_storage *s) {
  cr_push_tensor(L, cr_view_storage(s, (cr_dtype)s->dtype, 0, 1, &s->size, NULL));
  return cr_to_tensor(L, -1);
}

/* The storage at arg to read from: itself, or a copy in host memory, which stays on the stack. */
static cr_storage *check_readable(lua_State *L, int arg) {
  cr_storage *s = cr_check_storage(L, arg);
  if (s->device.type == CR_CPU) return s;
  cr_push_tensor(L, cr_to_device(push_whole(L, s), cpu));
  return cr_to_tensor(L, -1)->storage;
}

/* ---- making ----------------------------------------------------------------------------- */

static void fill_from_table(lua_State *L, cr_storage *s, int arg) {
  for (int64_t i = 0; i < s->size; i++) {
    lua_rawgeti(L, arg, i + 1);
    cr_store_scalar((cr_dtype)s->dtype, place(s, i), cr_check_scalar(L, lua_gettop(L)));
    lua_pop(L, 1);
  }
}

/* How many elements a file has, or shall have: it is made longer when it is too short and writing
 * to it is wanted. */
static bool fit_file(int fd, const char *name, cr_dtype dtype, bool shared, int64_t *n) {
  struct stat st;
  int64_t size = (int64_t)cr_sizeof(dtype);
  if (fstat(fd, &st) != 0) return cr_fail("%s: %s", name, strerror(errno));
  if (*n == 0) *n = st.st_size / size;
  if (*n > INT64_MAX / size) return cr_fail("%s: %lld elements", name, (long long)*n);
  if (!shared || *n * size <= st.st_size) return true;
  return ftruncate(fd, (off_t)(*n * size)) == 0 || cr_fail("%s: %s", name, strerror(errno));
}

/** torch.FloatStorage(filename [, shared [, size [, sharedMem]]])
 *
 *  The elements of a file, which the system reads when they are first touched; likewise for the
 *  storages of other types.  While it is mapped, the file must not be made shorter: touching what
 *  is gone ends the process.
 *
 *  filename: a file that holds nothing but elements
 *  shared: true: writing to the storage writes to the file, which is made, or made longer, where
 *    needed; false, the default: what is written stays in memory
 *  size: how many elements; 0, the default: as many as the file has
 *  sharedMem: true: filename is the name of shared memory (a file in /dev/shm)
 *  Returns: a storage that cannot be resized
 *  Errors: the file cannot be opened, or is too short
 *  From: Torch7
 *  Example:
 *    torch.FloatStorage("a.bin", true, 3):fill(2)
 *    torch.FloatTensor(torch.FloatStorage("a.bin")):sum() --> 6.0
 */
static int construct_mapped(lua_State *L, cr_dtype dtype) {
  cr_need_files(L, "storage");
  const char *name = lua_tostring(L, 2);
  if (!lua_isnoneornil(L, 3)) luaL_checktype(L, 3, LUA_TBOOLEAN);
  if (lua_toboolean(L, 5)) name = lua_pushfstring(L, "/dev/shm/%s", name + (*name == '/'));
  bool shared = lua_toboolean(L, 3);
  int64_t n = lua_isnoneornil(L, 4) ? 0 : cr_check_int(L, 4);
  luaL_argcheck(L, n >= 0, 4, "a number of elements is wanted");
  int fd = open(name, shared ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0666);
  if (fd < 0) {
    cr_fail("%s: %s", name, strerror(errno));
    return cr_lua_error(L);
  }
  cr_storage *s =
      fit_file(fd, name, dtype, shared, &n) ? cr_map_elements(fd, name, dtype, 0, n, shared) : NULL;
  close(fd);
  cr_push_storage(L, s);
  return 1;
}

/** torch.FloatStorage([...]); torch.DoubleStorage([...]); torch.HalfStorage([...])
 *  torch.BFloat16Storage([...]); torch.CharStorage([...]); torch.ByteStorage([...])
 *  torch.ShortStorage([...]); torch.IntStorage([...]); torch.LongStorage([...])
 *  torch.BoolStorage([...])
 *
 *  A storage: elements of one type, one after the other, which tensors are views of.  What follows
 *  may be a size, whose elements are not set; a table of numbers; or a storage of the type [, first
 *  [, size]], which gives its elements from place `first` on, shared.  s[i] and s[i] = v read and
 *  write an element, #s is the size.
 *
 *  Returns: a storage
 *  Errors: the size is negative; there is not enough memory
 *  From: Torch7
 *  Example:
 *    s = torch.LongStorage { 5, 6, 7 }
 *    #s, s[2], torch.LongStorage(s, 2)[1] --> 3 6 6
 */
static int construct(lua_State *L, cr_kind kind) {
  cr_storage *from = cr_to_storage(L, 2);
  if (lua_type(L, 2) == LUA_TSTRING && kind.device.type == CR_CPU)
    return construct_mapped(L, kind.dtype);
  if (from && from->dtype == kind.dtype && from->device.type == kind.device.type) {
    int64_t first = lua_isnoneornil(L, 3) ? 0 : cr_check_place(L, 3);
    int64_t n = lua_isnoneornil(L, 4) ? from->size - first : cr_check_int(L, 4);
    bool whole = first == 0 && n == from->size;
    cr_push_storage(L, whole ? cr_storage_retain(from) : cr_storage_part(from, first, n));
    return 1;
  }
  bool table = lua_istable(L, 2);
  int64_t n = table ? (int64_t)lua_rawlen(L, 2) : lua_isnoneornil(L, 2) ? 0 : cr_check_int(L, 2);
  cr_push_storage(L, cr_storage_new(kind.dtype, table ? cpu : kind.device, n));
  cr_storage *s = cr_to_storage(L, -1);
  if (table) fill_from_table(L, s, 2);
  if (!table || kind.device.type == CR_CPU) return 1;
  cr_push_tensor(L, cr_to_device(push_whole(L, s), kind.device));
  cr_push_storage(L, cr_storage_retain(cr_to_tensor(L, -1)->storage));
  return 1;
}

static int construct_typed(lua_State *L) {
  return construct(L, (cr_kind){(cr_dtype)lua_tointeger(L, lua_upvalueindex(1)), cpu});
}

static int construct_cuda(lua_State *L) {
  cr_device here = {CR_CUDA, cr_ctx()->cuda};
  return construct(L, (cr_kind){(cr_dtype)lua_tointeger(L, lua_upvalueindex(1)), here});
}

/* torch._cudastorage("torch.CudaStorage"): what its class calls, the class itself first */
static int f_cuda_storage(lua_State *L) {
  lua_pushinteger(L, cr_check_dtype(L, 1));
  lua_pushcclosure(L, construct_cuda, 1);
  return 1;
}

static void constructors(lua_State *L) {
  char name[32];
  for (int i = 0; i < CR_NDTYPES; i++) {
    lua_newtable(L);
    lua_pushinteger(L, i);
    lua_pushcclosure(L, construct_typed, 1);
    lua_setfield(L, -2, "__construct");
    snprintf(name, sizeof name, "%sStorage", cr_dtypes[i].torch);
    lua_setfield(L, TORCH_TABLE, name);
  }
}

/* ---- elements --------------------------------------------------------------------------- */

static int64_t check_place(lua_State *L, const cr_storage *s, int arg) {
  int64_t i = cr_check_int(L, arg);
  if (i < 1 || i > s->size)
    cr_raise(L, "index %d is outside a storage of %d elements", (int)i, (int)s->size);
  return i - 1;
}

static int s_index(lua_State *L) {
  cr_storage *s = cr_check_storage(L, 1);
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_getmetatable(L, 1);
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    return 1;
  }
  int64_t i = check_place(L, s, 2);
  cr_push_scalar(L, (cr_dtype)s->dtype,
                 s->device.type == CR_CPU ? cr_load_scalar((cr_dtype)s->dtype, place(s, i))
                                          : cr_element(L, push_whole(L, s), &i));
  return 1;
}

static int s_newindex(lua_State *L) {
  cr_storage *s = cr_check_storage(L, 1);
  int64_t i = check_place(L, s, 2);
  cr_scalar v = cr_check_scalar(L, 3);
  if (s->device.type == CR_CPU)
    cr_store_scalar((cr_dtype)s->dtype, place(s, i), v);
  else if (!cr_put(push_whole(L, s), &i, v))
    return cr_lua_error(L);
  return 0;
}

/** storage:size(); storage:elementSize()
 *
 *  How many elements there are, and how many bytes one takes.
 *
 *  Returns: an integer
 *  From: Torch7
 *  Example:
 *    s = torch.FloatStorage(3)
 *    s:size(), s:elementSize() --> 3 4
 */
static int s_size(lua_State *L) {
  lua_pushinteger(L, cr_check_storage(L, 1)->size);
  return 1;
}

/* Two names for the same memory are equal. */
static int s_equals(lua_State *L) {
  cr_storage *a = cr_to_storage(L, 1), *b = cr_to_storage(L, 2);
  lua_pushboolean(L, a && a == b);
  return 1;
}

/** storage:resize(size)
 *
 *  Gives a storage another size.  Elements that there were stay; new ones are not set.
 *
 *  size: number
 *  Returns: the storage
 *  Errors: the size is negative; there is not enough memory
 *  From: Torch7
 *  Example:
 *    torch.LongStorage({ 5, 6, 7 }):resize(2)[2] --> 6
 */
static int s_resize(lua_State *L) {
  return cr_storage_resize(cr_check_storage(L, 1), cr_check_int(L, 2)) ? cr_return(L, 1)
                                                                       : cr_lua_error(L);
}

/** storage:fill(value); storage:copy(other); storage:totable()
 *
 *  Sets all elements to a value; or to those of another storage, converted; or gives them as a
 *  table.
 *
 *  value: number
 *  other: storage of as many elements, of any type
 *  Returns: the storage; totable: a table
 *  Errors: copy: the sizes differ
 *  From: Torch7
 *  Example:
 *    s = torch.IntStorage(2):fill(3)
 *    torch.FloatStorage(2):copy(s):totable()[2] --> 3.0
 */
static int s_fill(lua_State *L) {
  cr_storage *s = cr_check_storage(L, 1);
  cr_scalar v = cr_check_scalar(L, 2);
  if (s->size == 0) return cr_return(L, 1);
  cr_push_tensor(L, cr_fill(push_whole(L, s), v));
  return cr_return(L, 1);
}

static int s_copy(lua_State *L) {
  cr_storage *s = cr_check_storage(L, 1), *o = cr_check_storage(L, 2);
  if (s->size != o->size)
    return cr_raise(L, "copy: %d elements into a storage of %d", (int)o->size, (int)s->size);
  if (s->size == 0) return cr_return(L, 1);
  cr_tensor *to = push_whole(L, s), *from = push_whole(L, o);
  cr_push_tensor(L, cr_copy(to, from));
  return cr_return(L, 1);
}

static int s_totable(lua_State *L) {
  cr_storage *s = check_readable(L, 1);
  lua_createtable(L, (int)s->size, 0);
  for (int64_t i = 0; i < s->size; i++) {
    cr_push_scalar(L, (cr_dtype)s->dtype, cr_load_scalar((cr_dtype)s->dtype, place(s, i)));
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static int s_tostring(lua_State *L) {
  cr_storage *s = check_readable(L, 1);
  cr_device_type device = (cr_device_type)cr_to_storage(L, 1)->device.type;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (int64_t i = 0; i < s->size; i++) {
    cr_scalar v = cr_load_scalar((cr_dtype)s->dtype, place(s, i));
    if (v.is_int)
      lua_pushfstring(L, " %I\n", (LUAI_UACINT)v.i);
    else
      lua_pushfstring(L, " %f\n", v.d);
    luaL_addvalue(&b);
  }
  const char *name = cr_push_kind_name(L, (cr_dtype)s->dtype, device, "Storage");
  lua_pushfstring(L, "[%s of size %I]\n", name, (LUAI_UACINT)s->size);
  lua_remove(L, -2);
  luaL_addvalue(&b);
  luaL_pushresult(&b);
  return 1;
}

/** storage:type()
 *
 *  The name of a storage's type.
 *
 *  Returns: a string
 *  From: Torch7
 *  Example:
 *    torch.IntStorage():type() --> torch.IntStorage
 */
static int s_type(lua_State *L) {
  cr_storage *s = cr_check_storage(L, 1);
  cr_push_kind_name(L, (cr_dtype)s->dtype, (cr_device_type)s->device.type, "Storage");
  return 1;
}

static int s_element_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cr_sizeof((cr_dtype)cr_check_storage(L, 1)->dtype));
  return 1;
}

/** storage:string([bytes])
 *
 *  The bytes of the elements as a string; or sets them, and the size with them.
 *
 *  bytes: string whose length is a multiple of an element's
 *  Returns: a string, or the storage
 *  From: Torch7
 *  Example:
 *    torch.CharStorage():string("abc")[1], torch.ByteStorage({ 97, 98 }):string() --> 97 ab
 */
static int s_string(lua_State *L) {
  cr_storage *s = check_host(L, 1);
  size_t size = cr_sizeof((cr_dtype)s->dtype), n;
  if (lua_isnoneornil(L, 2)) {
    lua_pushlstring(L, s->data, (size_t)s->size * size);
    return 1;
  }
  const char *bytes = luaL_checklstring(L, 2, &n);
  if (n % size || !cr_storage_resize(s, (int64_t)(n / size)))
    return n % size ? luaL_argerror(L, 2, "the length is no multiple of an element")
                    : cr_lua_error(L);
  memcpy(s->data, bytes, n);
  if (s->dtype == CR_BOOL) cr_settle_bools(s->data, (int64_t)n);
  return cr_return(L, 1);
}

/* ---- for the file formats --------------------------------------------------------------- */

/* torch._bytes(storage [, first, count]) */
static int f_bytes(lua_State *L) {
  cr_storage *s = check_readable(L, 1);
  int64_t first = lua_isnoneornil(L, 2) ? 0 : cr_check_place(L, 2);
  int64_t n = lua_isnoneornil(L, 3) ? s->size - first : cr_check_int(L, 3);
  if (first < 0 || n < 0 || first > s->size || n > s->size - first)
    return cr_raise(L, "a range outside the storage");
  lua_pushlstring(L, place(s, first), (size_t)n * cr_sizeof((cr_dtype)s->dtype));
  return 1;
}

/* torch._frombytes("torch.FloatStorage", bytes) */
static int f_from_bytes(lua_State *L) {
  cr_dtype dtype = cr_check_dtype(L, 1);
  size_t n, size = cr_sizeof(dtype);
  const char *bytes = luaL_checklstring(L, 2, &n);
  if (n % size) return luaL_argerror(L, 2, "the length is no multiple of an element");
  cr_push_storage(L, cr_storage_new(dtype, cpu, (int64_t)(n / size)));
  memcpy(cr_to_storage(L, -1)->data, bytes, n);
  if (dtype == CR_BOOL) cr_settle_bools(cr_to_storage(L, -1)->data, (int64_t)n);
  return 1;
}

static const cr_binding bindings[] = {
    {"size", NULL, s_size},
    {"__len", NULL, s_size},
    {"__eq", NULL, s_equals},
    {"resize", NULL, s_resize},
    {"fill", NULL, s_fill},
    {"copy", NULL, s_copy},
    {"totable", NULL, s_totable},
    {"__tostring", NULL, s_tostring},
    {"type", NULL, s_type},
    {"elementSize", NULL, s_element_size},
    {"string", NULL, s_string},
    {"__index", NULL, s_index},
    {"__newindex", NULL, s_newindex},
    {"_bytes", f_bytes, NULL},
    {"_frombytes", f_from_bytes, NULL},
    {"_cudastorage", f_cuda_storage, NULL},
    {NULL, NULL, NULL},
};

void cr_bind_storage(lua_State *L) {
  cr_bind(L, bindings);
  constructors(L);
}
