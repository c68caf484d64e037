/* torch_lua.c: opening the package, tensors as values of Lua, and the collector's share of memory.
 */
#include "lib/torch/binding.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/packages.h"
#include "tensor/autograd.h"
#include "tensor/profile.h"

/* ---- boxes ------------------------------------------------------------------------------ */

static void release_tensor(void *t) {
  cr_release(t);
}
static void release_storage(void *s) {
  cr_storage_release(s);
}

static const cr_box_kind tensor_kind = {release_tensor}, storage_kind = {release_storage};
/* Addresses are registry keys: of the classes of tensors and storages, and of torch._metatables. */
static const char tensor_meta[CR_NDEVICES][CR_NDTYPES], storage_meta[CR_NDEVICES][CR_NDTYPES];
static const char classes_key;

cr_tensor *cr_to_tensor(lua_State *L, int arg) {
  cr_box *b = cr_to_box(L, arg, &tensor_kind);
  if (!b) return NULL;
  if (!b->object) luaL_argerror(L, arg, "this tensor was freed");
  cr_profile *p = cr_profiling();
  if (p) cr_profile_mark(p); /* a call from a script begins */
  return b->object;
}

cr_storage *cr_to_storage(lua_State *L, int arg) {
  cr_box *b = cr_to_box(L, arg, &storage_kind);
  return b ? b->object : NULL;
}

cr_tensor *cr_check_tensor(lua_State *L, int arg) {
  cr_tensor *t = cr_to_tensor(L, arg);
  if (!t) luaL_typeerror(L, arg, "tensor");
  return t;
}

cr_storage *cr_check_storage(lua_State *L, int arg) {
  cr_storage *s = cr_to_storage(L, arg);
  if (!s) luaL_typeerror(L, arg, "storage");
  return s;
}

/** x:free()
 *
 *  Gives x's elements back at once, where no other tensor shares them, without waiting for the
 *  collector.  `local x <close> = ..` does it at the end of the block.  x cannot be used any more.
 *
 *  Example:
 *    x = torch.zeros(1000)
 *    x:free()
 *    pcall(torch.sum, x) --> false bad argument #1 to 'torch.sum' (this tensor was freed)
 */
static int free_tensor(lua_State *L) {
  cr_box *b = cr_to_box(L, 1, &tensor_kind);
  if (!b) return luaL_typeerror(L, 1, "tensor");
  cr_empty_box(b);
  return 0;
}

static int free_storage(lua_State *L) {
  cr_box *b = cr_to_box(L, 1, &storage_kind);
  if (!b) return luaL_typeerror(L, 1, "storage");
  cr_empty_box(b);
  return 0;
}

/* ---- pushing ---------------------------------------------------------------------------- */

/* Making a box may fail for want of memory, and may run finalizers, which may make tensors of their
 * own.  So what is being pushed stands on a list of the context until it has its box.  An entry
 * whose frame does not lie outside the present one on the stack was left behind by a failure. */
static int hand_over(int n, void *const *objects, void (*release)(void *), const void *frame) {
  cr_context *c = cr_ctx();
  while (c->nhanding && (uintptr_t)c->handing[c->nhanding - 1].frame <= (uintptr_t)frame) {
    cr_handing *left = &c->handing[--c->nhanding];
    left->release(left->object);
  }
  int before = c->nhanding;
  for (int i = n - 1; i >= 0 && c->nhanding < CR_HANDING; i--) /* the first one on top */
    c->handing[c->nhanding++] = (cr_handing){objects[i], release, frame};
  return before;
}

static void push_tensor_class(lua_State *L, cr_device_type device, int dtype);
static void push_storage_class(lua_State *L, cr_device_type device, int dtype);

void cr_push_tensors(lua_State *L, int n, cr_tensor *const *t) {
  void *objects[CR_HANDING] = {NULL};
  for (int i = 0; i < n; i++) {
    objects[i] = t[i];
    if (t[i]->base) cr_forget_base(t[i]);
  }
  int before = hand_over(n, objects, release_tensor, __builtin_frame_address(0));
  cr_context *c = cr_ctx();
  cr_note_result(L, t[0]);
  for (int i = 0; i < n; i++) {
    const cr_tensor *pushed = objects[i];
    cr_box *b = cr_push_box(L, &tensor_kind);
    push_tensor_class(L, (cr_device_type)cr_device_of(pushed).type, pushed->dtype);
    lua_setmetatable(L, -2);
    b->object = objects[i];
    c->nhanding = before + n - 1 - i;
  }
}

void cr_push_tensor(lua_State *L, cr_tensor *t) {
  if (!t) cr_lua_error(L);
  cr_push_tensors(L, 1, &t);
}

void cr_push_text(lua_State *L, char *s) {
  if (!s) cr_lua_error(L);
  void *object = s;
  int before = hand_over(1, &object, free, __builtin_frame_address(0));
  lua_pushstring(L, s);
  cr_ctx()->nhanding = before;
  free(s);
}

void cr_push_storage(lua_State *L, cr_storage *s) {
  if (!s) cr_lua_error(L);
  void *object = s;
  int before = hand_over(1, &object, release_storage, __builtin_frame_address(0));
  cr_box *b = cr_push_box(L, &storage_kind);
  push_storage_class(L, (cr_device_type)s->device.type, s->dtype);
  lua_setmetatable(L, -2);
  b->object = s;
  cr_ctx()->nhanding = before;
}

/* Levels that are looked at: Lua finds a level by walking to it, so that looking at all of a deep
 * recursion would take the square of its depth. */
#define LEVELS 1000

/* Pushes "file:line: " of the innermost function that is the script's own, not the library's. */
static void push_script_position(lua_State *L) {
  lua_Debug ar;
  for (int level = 1; level < LEVELS && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0 || cr_is_embedded(ar.source)) continue;
    lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
    return;
  }
  luaL_where(L, 1);
}

/* "mm: 3x4 times 5x6 .." is the script's torch.mm; "nn.conv2d: .." and sentences stay as they are.
 */
int cr_lua_error(lua_State *L) {
  const char *message = cr_error();
  size_t name = strspn(message, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  bool bare = name > 0 && message[name] == ':' && strncmp(message, "backward", name) != 0;
  push_script_position(L);
  lua_pushfstring(L, "%s%s", bare ? "torch." : "", message);
  lua_concat(L, 2);
  return lua_error(L);
}

int cr_raise(lua_State *L, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *text = lua_pushvfstring(L, format, args);
  va_end(args);
  size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
  lua_Debug ar;
  bool named = text[word] == ':' || !lua_getstack(L, 0, &ar) || !lua_getinfo(L, "n", &ar) ||
               !ar.name || strcmp(ar.namewhat, "metamethod") == 0;
  cr_fail("%s%s%s", named ? "" : ar.name, named ? "" : ": ", text);
  return cr_lua_error(L);
}

int cr_return(lua_State *L, int arg) {
  lua_pushvalue(L, arg);
  return 1;
}

int cr_push_result(lua_State *L, cr_tensor *t, int arg) {
  if (!t) return cr_lua_error(L);
  cr_box *b = arg ? cr_to_box(L, arg, &tensor_kind) : NULL;
  if (b && b->object == t) {
    cr_release(t);
    return cr_return(L, arg);
  }
  cr_push_tensor(L, t);
  return 1;
}

void cr_push_scalar(lua_State *L, cr_dtype dtype, cr_scalar v) {
  if (dtype == CR_BOOL)
    lua_pushboolean(L, v.i != 0);
  else if (v.is_int)
    lua_pushinteger(L, v.i);
  else
    lua_pushnumber(L, v.d);
}

int cr_push_number(lua_State *L, cr_tensor *t) {
  if (!t) return cr_lua_error(L);
  if (cr_requires_grad(t)) {
    cr_push_tensor(L, t);
    return 1;
  }
  cr_scalar v;
  cr_dtype dtype = (cr_dtype)t->dtype;
  bool ok = cr_item(t, &v);
  cr_release(t);
  if (!ok) return cr_lua_error(L);
  cr_push_scalar(L, dtype, v);
  return 1;
}

/* In place only where nobody else sees the elements: the tape may have saved them. */
/* The places on the top, from counting from 0 to counting from 1. */
static void count_from_one(lua_State *L) {
  cr_tensor *t = cr_to_tensor(L, -1);
  bool alone = atomic_load(&t->refs) == 1 && atomic_load(&t->storage->refs) == 1;
  cr_tensor *r = cr_binary_scalar(CR_ADD, t, cr_int(1), alone ? t : NULL);
  if (r && alone) {
    cr_release(r);
    return;
  }
  cr_push_tensor(L, r);
  lua_replace(L, -2);
}

void cr_push_places(lua_State *L, cr_tensor *t) {
  cr_push_tensor(L, t);
  count_from_one(L);
}

int cr_push_ranked(lua_State *L, const char *fn, cr_tensor *values_out, cr_tensor *places_out,
                   cr_tensor *values, cr_tensor *places) {
  cr_push_tensors(L, 2, (cr_tensor *[]){values, places});
  count_from_one(L);
  if (places_out) {
    cr_push_result(L, cr_into(fn, places_out, cr_retain(cr_to_tensor(L, -1))), 2);
    lua_replace(L, -2);
  }
  if (values_out) {
    cr_push_result(L, cr_into(fn, values_out, cr_retain(values)), 1);
    lua_replace(L, -3);
  }
  return 2;
}

void cr_push_sizes(lua_State *L, int n, const int64_t *sizes) {
  cr_storage *s = cr_storage_new(CR_INT64, (cr_device){CR_CPU, 0}, n);
  if (!s) cr_lua_error(L);
  if (n) memcpy(s->data, sizes, (size_t)n * sizeof *sizes);
  cr_push_storage(L, s);
}

/* ---- checking --------------------------------------------------------------------------- */

bool cr_torch7_mode(lua_State *L) {
  (void)L;
  return cr_ctx()->torch7;
}

/* One element of a tensor counts as a number. */
cr_scalar cr_check_scalar(lua_State *L, int arg) {
  if (lua_isinteger(L, arg)) return cr_int(lua_tointeger(L, arg));
  if (lua_type(L, arg) == LUA_TNUMBER) return cr_num(lua_tonumber(L, arg));
  cr_tensor *t = cr_to_tensor(L, arg);
  cr_scalar v;
  if (t) {
    if (!cr_item(t, &v)) luaL_argerror(L, arg, cr_error());
    return v;
  }
  if (lua_isboolean(L, arg)) return cr_int(lua_toboolean(L, arg));
  return cr_num(luaL_checknumber(L, arg));
}

int64_t cr_check_int(lua_State *L, int arg) {
  if (lua_isinteger(L, arg)) return lua_tointeger(L, arg);
  cr_scalar s = cr_check_scalar(L, arg);
  if (s.is_int) return s.i;
  if (s.d != floor(s.d) && !cr_torch7_mode(L))
    luaL_argerror(L, arg, lua_pushfstring(L, "a whole number is wanted, got %f", s.d));
  return cr_scalar_int(s);
}

int64_t cr_check_place(lua_State *L, int arg) {
  int64_t i = cr_check_int(L, arg);
  return i < 1 ? -1 : i - 1;
}

int cr_check_dim(lua_State *L, int arg) {
  int64_t d = cr_check_int(L, arg);
  if (d == 0 || d > CR_MAX_DIMS || d < -CR_MAX_DIMS)
    luaL_argerror(
        L, arg,
        lua_pushfstring(L, "there is no dimension %d (the first is 1, the last -1)", (int)d));
  return (int)(d > 0 ? d - 1 : d);
}

static int sizes_from_table(lua_State *L, int arg, int64_t *sizes) {
  lua_Integer n = luaL_len(L, arg);
  if (n > CR_MAX_DIMS) luaL_argerror(L, arg, "too many sizes");
  for (int i = 0; i < (int)n; i++) {
    lua_geti(L, arg, i + 1);
    if (!lua_isnumber(L, -1)) luaL_argerror(L, arg, "a table of sizes (numbers) is wanted");
    sizes[i] = cr_check_int(L, lua_gettop(L));
    lua_pop(L, 1);
  }
  return (int)n;
}

int cr_check_sizes(lua_State *L, int arg, int64_t *sizes, int *used) {
  int top = lua_gettop(L), n = 0;
  cr_storage *s = cr_to_storage(L, arg);
  cr_tensor *t = s ? NULL : cr_to_tensor(L, arg);
  *used = 1;
  if (s) {
    if (s->size > CR_MAX_DIMS) luaL_argerror(L, arg, "too many sizes");
    for (; n < s->size; n++)
      sizes[n] = cr_scalar_int(cr_load_scalar(
          (cr_dtype)s->dtype, (char *)s->data + (size_t)n * cr_sizeof((cr_dtype)s->dtype)));
    return n;
  }
  if (t && t->ndim == 1) {
    if (t->shape[0] > CR_MAX_DIMS) luaL_argerror(L, arg, "too many sizes");
    for (int64_t i = 0; i < t->shape[0]; i++) sizes[n++] = cr_scalar_int(cr_element(L, t, &i));
    return n;
  }
  if (lua_istable(L, arg)) return sizes_from_table(L, arg, sizes);
  for (; arg + n <= top && cr_is_number(L, arg + n); n++) {
    if (n == CR_MAX_DIMS) luaL_argerror(L, arg + n, "too many sizes");
    sizes[n] = cr_check_int(L, arg + n);
  }
  *used = n;
  return n;
}

bool cr_is_tensor_of_ints(const cr_tensor *t) {
  return !cr_is_float((cr_dtype)t->dtype) && t->dtype != CR_BOOL;
}

/* The dtype that a name of n characters stands for, or -1. */
static int dtype_named(const char *name, size_t n) {
  for (int i = 0; i < CR_NDTYPES; i++) {
    const cr_dtype_info *d = &cr_dtypes[i];
    if (strlen(d->name) == n && strncmp(d->name, name, n) == 0) return i;
    if (strlen(d->torch) == n && strncasecmp(d->torch, name, n) == 0) return i;
  }
  return -1;
}

bool cr_kind_by_name(const char *name, cr_kind *kind) {
  bool full = strncmp(name, "torch.", 6) == 0; /* Torch7's names say where the tensor is, too */
  if (full) name += 6;
  size_t n = strlen(name);
  if (n > 6 && strcmp(name + n - 6, "Tensor") == 0) n -= 6;
  if (n > 7 && strcmp(name + n - 7, "Storage") == 0) n -= 7;
  bool cuda = n >= 4 && strncmp(name, "Cuda", 4) == 0;
  int dtype = cuda && n == 4 ? CR_FLOAT32 : dtype_named(name + 4 * cuda, n - 4 * cuda);
  if (dtype < 0) return false;
  kind->dtype = (cr_dtype)dtype;
  if (cuda)
    kind->device = (cr_device){CR_CUDA, cr_ctx()->cuda};
  else if (full)
    kind->device = (cr_device){CR_CPU, 0};
  return true;
}

cr_kind cr_default_kind(void) {
  const cr_context *c = cr_ctx();
  return (cr_kind){(cr_dtype)c->dtype,
                   c->on_cuda ? (cr_device){CR_CUDA, c->cuda} : (cr_device){CR_CPU, 0}};
}

cr_kind cr_kind_of(const cr_tensor *t) {
  return (cr_kind){(cr_dtype)t->dtype, cr_device_of(t)};
}

cr_kind cr_check_kind(lua_State *L, int arg, cr_kind otherwise) {
  if (lua_isnoneornil(L, arg)) return otherwise;
  const char *name = luaL_checkstring(L, arg);
  if (!cr_kind_by_name(name, &otherwise))
    luaL_argerror(L, arg, lua_pushfstring(L, "there is no tensor type '%s'", name));
  return otherwise;
}

const char *cr_push_kind_name(lua_State *L, cr_dtype dtype, cr_device_type device,
                              const char *what) {
  bool cuda = device == CR_CUDA;
  return lua_pushfstring(L, "torch.%s%s%s", cuda ? "Cuda" : "",
                         cuda && dtype == CR_FLOAT32 ? "" : cr_dtypes[dtype].torch, what);
}

cr_dtype cr_check_dtype(lua_State *L, int arg) {
  luaL_checkstring(L, arg);
  return cr_check_kind(L, arg, cr_default_kind()).dtype;
}

/* ---- registering ------------------------------------------------------------------------ */

static void set_function(lua_State *L, int table, const char *name, lua_CFunction f, int code,
                         bool has_code) {
  if (!f) return;
  if (has_code) lua_pushinteger(L, code);
  lua_pushcclosure(L, f, has_code);
  lua_setfield(L, table, name);
}

void cr_bind(lua_State *L, const cr_binding *list) {
  for (; list->name; list++) {
    set_function(L, TORCH_TABLE, list->name, list->function, 0, false);
    set_function(L, METHOD_TABLE, list->name, list->method, 0, false);
  }
}

void cr_bind_code(lua_State *L, const char *name, lua_CFunction function, lua_CFunction method,
                  int code) {
  set_function(L, TORCH_TABLE, name, function, code, true);
  set_function(L, METHOD_TABLE, name, method, code, true);
}

/* Copies the methods at METHOD_TABLE into the metatable on the top. */
static void copy_methods(lua_State *L) {
  int meta = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, METHOD_TABLE)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, meta);
  }
}

/* Leaves the metatable of a class on the stack; it is also torch._metatables[name].  Takes the name
 * off the stack. */
static void new_class(lua_State *L, const void *key) {
  lua_newtable(L);
  lua_insert(L, -2);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__typename");
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__name");
  lua_pushvalue(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key);
  lua_insert(L, -2);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* The events of a class of tensors, whose metatable is on the top. */
static void tensor_events(lua_State *L) {
  cr_box_class(L, free_tensor);
  lua_pushcfunction(L, free_tensor);
  lua_setfield(L, -2, "__close");
  lua_pushcfunction(L, free_tensor);
  lua_setfield(L, -2, "free");
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, cr_tensor_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, cr_tensor_newindex);
  lua_setfield(L, -2, "__newindex");
}

/* Pushing a tensor finds the class on the top, which stays there, faster by a number. */
static void number_class(lua_State *L, int device, int dtype) {
  cr_lua_memory *m = cr_memory_of(L);
  if (!m) return;
  lua_pushvalue(L, -1);
  m->classes[device][dtype] = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void tensor_classes(lua_State *L) {
  for (int i = 0; i < CR_NDTYPES; i++) {
    cr_push_kind_name(L, (cr_dtype)i, CR_CPU, "Tensor");
    new_class(L, &tensor_meta[CR_CPU][i]);
    copy_methods(L);
    tensor_events(L);
    number_class(L, CR_CPU, i);
    lua_pop(L, 1);
  }
}

static void storage_classes(lua_State *L) {
  lua_newtable(L); /* their methods take the place of the tensors' */
  lua_replace(L, METHOD_TABLE);
  cr_bind_storage(L);
  for (int i = 0; i < CR_NDTYPES; i++) {
    cr_push_kind_name(L, (cr_dtype)i, CR_CPU, "Storage");
    new_class(L, &storage_meta[CR_CPU][i]);
    copy_methods(L);
    cr_box_class(L, free_storage);
    lua_pop(L, 1);
  }
}

/* ---- the classes of other devices, made when the first object is ------------------------ */

/* Gives the class on the top what it lacks of the one in host memory, and that one's metatable. */
static void inherit_class(lua_State *L, const void *host_key) {
  int meta = lua_gettop(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, host_key);
  lua_pushnil(L);
  while (lua_next(L, meta + 1)) {
    lua_pushvalue(L, -2);
    if (lua_rawget(L, meta) != LUA_TNIL) {
      lua_pop(L, 2);
      continue;
    }
    lua_pop(L, 1);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, meta);
  }
  if (lua_getmetatable(L, meta + 1)) lua_setmetatable(L, meta);
  lua_settop(L, meta);
}

/* Gives the class on the top its constructor: what cuda.lua has left in the registry does it. */
static void finish_class(lua_State *L) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, "cresset.cudaclass") == LUA_TFUNCTION) {
    lua_pushvalue(L, -2);
    lua_call(L, 1, 0);
  } else {
    lua_pop(L, 1);
  }
}

static void push_tensor_class(lua_State *L, cr_device_type device, int dtype) {
  cr_lua_memory *m = cr_memory_of(L);
  if (m && m->classes[device][dtype]) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, m->classes[device][dtype]);
    return;
  }
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &tensor_meta[device][dtype]) != LUA_TNIL) return;
  lua_pop(L, 1);
  cr_push_kind_name(L, (cr_dtype)dtype, device, "Tensor");
  new_class(L, &tensor_meta[device][dtype]);
  tensor_events(L);
  inherit_class(L, &tensor_meta[CR_CPU][dtype]);
  number_class(L, device, dtype);
  finish_class(L);
}

static void push_storage_class(lua_State *L, cr_device_type device, int dtype) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &storage_meta[device][dtype]) != LUA_TNIL) return;
  lua_pop(L, 1);
  cr_push_kind_name(L, (cr_dtype)dtype, device, "Storage");
  new_class(L, &storage_meta[device][dtype]);
  inherit_class(L, &storage_meta[CR_CPU][dtype]);
  finish_class(L);
}

/* torch._onclass(f): f(class) is called with each class that is made for another device. */
static int f_on_class(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "cresset.cudaclass");
  return 0;
}

/* torch._class("torch.CudaTensor"): the class, or nil when the name is no tensor's or storage's. */
static int f_class(lua_State *L) {
  cr_kind kind = cr_default_kind();
  const char *name = luaL_checkstring(L, 1);
  size_t n = strlen(name);
  if (strncmp(name, "torch.Cuda", 10) != 0 || !cr_kind_by_name(name, &kind)) return 0;
  if (n > 6 && strcmp(name + n - 6, "Tensor") == 0)
    push_tensor_class(L, CR_CUDA, (int)kind.dtype);
  else if (n > 7 && strcmp(name + n - 7, "Storage") == 0)
    push_storage_class(L, CR_CUDA, (int)kind.dtype);
  else
    return 0;
  return 1;
}

/* ---- the process ------------------------------------------------------------------------ */

/** torch.setnumthreads(n); torch.getnumthreads(); torch.getnumcores()
 *
 *  Sets, or says, how many threads one function uses at most; and how many processors there are.
 *
 *  n: 1 to 1024
 *  Returns: getnumthreads and getnumcores: an integer
 *  From: Torch7
 *  Example:
 *    before = torch.getnumthreads()
 *    torch.setnumthreads(1)
 *    torch.getnumthreads() --> 1
 *    torch.setnumthreads(before)
 */
static int f_set_threads(lua_State *L) {
  int64_t n = cr_check_int(L, 1);
  if (n < 1 || n > 1024) return luaL_argerror(L, 1, "between 1 and 1024 threads are wanted");
  cr_ctx()->threads = (int)n;
  omp_set_num_threads((int)n); /* for OpenBLAS, when called on this thread */
  return 0;
}

static int f_get_threads(lua_State *L) {
  int n = cr_ctx()->threads;
  lua_pushinteger(L, n > 0 ? n : omp_get_max_threads());
  return 1;
}

static int f_get_cores(lua_State *L) {
  lua_pushinteger(L, omp_get_num_procs());
  return 1;
}

/** torch.setmemorylimit(bytes)
 *
 *  The most that the tensors of this interpreter may hold; more is an error, which can be caught.
 *
 *  bytes: number; 0 for no limit
 *  Example:
 *    torch.setmemorylimit(torch.memory().live + 2^20)
 *    pcall(torch.zeros, 2^26) == false --> true
 *    torch.setmemorylimit(0)
 */
static int f_set_memory_limit(lua_State *L) {
  int64_t n = cr_check_int(L, 1);
  if (n < 0) return luaL_argerror(L, 1, "a number of bytes is wanted");
  atomic_store(&cr_ctx()->account->limit, (size_t)n);
  return 0;
}

/** torch.memory()
 *
 *  How much memory the tensors of this interpreter take.
 *
 *  Returns: a table of bytes: live, in use; peak, the most so far; cached, kept for reuse
 *  Example:
 *    torch.memory().live <= torch.memory().peak --> true
 */
static int f_memory(lua_State *L) {
  cr_memory_stats m;
  cr_memory(&m);
  cr_account *a = cr_ctx()->account;
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, (lua_Integer)atomic_load(&a->live));
  lua_setfield(L, -2, "live");
  lua_pushinteger(L, (lua_Integer)atomic_load(&a->peak));
  lua_setfield(L, -2, "peak");
  lua_pushinteger(L, (lua_Integer)m.cached);
  lua_setfield(L, -2, "cached");
  return 1;
}

static const cr_binding process_bindings[] = {
    {"setnumthreads", f_set_threads, NULL},
    {"getnumthreads", f_get_threads, NULL},
    {"getnumcores", f_get_cores, NULL},
    {"memory", f_memory, NULL},
    {"setmemorylimit", f_set_memory_limit, NULL},
    {"_class", f_class, NULL},
    {"_onclass", f_on_class, NULL},
    {NULL, NULL, NULL},
};

/* The interpreter's own context when vm/ made one, else that of the thread. */
static void adopt_context(lua_State *L) {
  cr_context *ctx = cr_ctx();
  lua_getfield(L, LUA_REGISTRYINDEX, CR_TORCH7_KEY);
  ctx->torch7 = lua_toboolean(L, -1);
  lua_pop(L, 1);
  ctx->dtype = ctx->torch7 ? CR_FLOAT64 : CR_FLOAT32;
  ctx->print = (cr_print_options)CR_PRINT_DEFAULTS;
  if (ctx->torch7) ctx->print.threshold = -1;
  cr_adopt_collector(L);
}

/* When the state closes, its context must not call it any more. */
static int let_go(lua_State *L) {
  (void)L;
  cr_ctx()->reclaim = NULL;
  return 0;
}

static void guard_context(lua_State *L) {
  lua_newuserdatauv(L, 1, 0);
  lua_newtable(L);
  lua_pushcfunction(L, let_go);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, "cresset.context");
}

int luaopen_torch_core(lua_State *L) {
  cr_open_packages(L);
  adopt_context(L);
  lua_settop(L, 0);
  lua_newtable(L);
  lua_newtable(L);
  guard_context(L);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &classes_key);
  lua_setfield(L, TORCH_TABLE, "_metatables");
  cr_bind_tensor(L);
  cr_bind_view(L);
  cr_bind_print(L);
  cr_bind_create(L);
  cr_bind_index(L);
  cr_bind_math(L);
  cr_bind_reduce(L);
  cr_bind_select(L);
  cr_bind_matrix(L);
  cr_bind_linalg(L);
  cr_bind_random(L);
  cr_bind_sample(L);
  cr_bind_order(L);
  cr_bind_correlate(L);
  cr_bind_fft(L);
  cr_bind_special(L);
  cr_bind_apply(L);
  cr_bind_autograd(L);
  cr_bind_callback(L);
  cr_bind_graph(L);
  cr_bind_device(L);
  cr_bind_kernel(L);
  cr_bind_capture(L);
  cr_bind_clique(L);
  cr_bind_profile(L);
  cr_bind(L, process_bindings);
  cr_bind_autocast(L);
  tensor_classes(L);
  storage_classes(L);
  /* The rest is written in Lua. */
  cr_push_require(L);
  lua_pushliteral(L, "torch.init");
  lua_call(L, 1, 1);
  lua_pushvalue(L, TORCH_TABLE);
  lua_call(L, 1, 0);
  lua_settop(L, TORCH_TABLE);
  return 1;
}
