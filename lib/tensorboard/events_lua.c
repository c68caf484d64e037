/* events_lua.c: require "tensorboard._events": the messages of events.proto as Lua tables, by
 * protobuf-c, and the checksum of the records in event files.
 *
 * One conversion serves all messages: it goes by the descriptors that protoc-c generates.  A table
 * has the fields under their names; what is repeated is a list. */
#include "lib/openers.h"

#include <stdint.h>
#include <string.h>

#include "lib/torch/torch_lua.h"

#if CR_PROTOBUF
#include "lib/tensorboard/events.pb-c.h"

static const ProtobufCMessageDescriptor *const kinds[] = {&cresset__event__descriptor,
                                                          &cresset__hparams_content__descriptor,
                                                          &cresset__graph_def__descriptor};

static const ProtobufCMessageDescriptor *check_kind(lua_State *L, int arg) {
  static const char *const names[] = {"Event", "HparamsContent", "GraphDef", NULL};
  return kinds[luaL_checkoption(L, arg, NULL, names)];
}

/* ---- tables to messages ------------------------------------------------------------------ */

/* Memory that lives as long as the table at `anchors`. */
static void *allocate(lua_State *L, int anchors, size_t n) {
  void *p = lua_newuserdatauv(L, n > 0 ? n : 1, 0);
  memset(p, 0, n);
  lua_rawseti(L, anchors, (lua_Integer)lua_rawlen(L, anchors) + 1);
  return p;
}

static ProtobufCMessage *to_message(lua_State *L, int at, int anchors,
                                    const ProtobufCMessageDescriptor *d);

/* The string at the top, which stays alive in the table that it comes from. */
static char *string_at(lua_State *L, const ProtobufCFieldDescriptor *f, size_t *n) {
  if (lua_type(L, -1) != LUA_TSTRING)
    cr_raise(L, "tensorboard.pack: %s is a %s, wanted a string", f->name, luaL_typename(L, -1));
  char *s = (char *)lua_tolstring(L, -1, n);
  if (f->type == PROTOBUF_C_TYPE_STRING && strlen(s) != *n)
    cr_raise(L, "tensorboard.pack: %s has a zero byte in it", f->name);
  return s;
}

/* Pops the value at the top into a field, or into an element of one. */
static void set_value(lua_State *L, int anchors, const ProtobufCFieldDescriptor *f, void *to) {
  size_t n;
  switch (f->type) {
  case PROTOBUF_C_TYPE_DOUBLE: *(double *)to = lua_tonumber(L, -1); break;
  case PROTOBUF_C_TYPE_FLOAT: *(float *)to = (float)lua_tonumber(L, -1); break;
  case PROTOBUF_C_TYPE_INT32: *(int32_t *)to = (int32_t)lua_tointeger(L, -1); break;
  case PROTOBUF_C_TYPE_INT64: *(int64_t *)to = lua_tointeger(L, -1); break;
  case PROTOBUF_C_TYPE_BOOL: *(protobuf_c_boolean *)to = lua_toboolean(L, -1); break;
  case PROTOBUF_C_TYPE_STRING: *(char **)to = string_at(L, f, &n); break;
  case PROTOBUF_C_TYPE_BYTES: {
    ProtobufCBinaryData *b = to;
    b->data = (uint8_t *)string_at(L, f, &b->len);
    break;
  }
  case PROTOBUF_C_TYPE_MESSAGE:
    luaL_checktype(L, -1, LUA_TTABLE);
    *(ProtobufCMessage **)to = to_message(L, lua_gettop(L), anchors, f->descriptor);
    break;
  default: break; /* events.proto has no others */
  }
  lua_pop(L, 1);
}

static size_t size_of(const ProtobufCFieldDescriptor *f) {
  switch (f->type) {
  case PROTOBUF_C_TYPE_DOUBLE: return sizeof(double);
  case PROTOBUF_C_TYPE_FLOAT: return sizeof(float);
  case PROTOBUF_C_TYPE_INT32: return sizeof(int32_t);
  case PROTOBUF_C_TYPE_INT64: return sizeof(int64_t);
  case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
  case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
  default: return sizeof(void *);
  }
}

/* The list at the top. */
static void set_list(lua_State *L, int anchors, const ProtobufCFieldDescriptor *f, char *message) {
  luaL_checktype(L, -1, LUA_TTABLE);
  int list = lua_gettop(L);
  size_t n = (size_t)lua_rawlen(L, list), size = size_of(f);
  char *all = allocate(L, anchors, n * size);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, list, (lua_Integer)i + 1);
    set_value(L, anchors, f, all + i * size);
  }
  *(void **)(message + f->offset) = all;
  *(size_t *)(message + f->quantifier_offset) = n;
}

static ProtobufCMessage *to_message(lua_State *L, int at, int anchors,
                                    const ProtobufCMessageDescriptor *d) {
  char *message = allocate(L, anchors, d->sizeof_message);
  protobuf_c_message_init(d, message);
  luaL_checkstack(L, 8, NULL);
  for (unsigned i = 0; i < d->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &d->fields[i];
    lua_pushstring(L, f->name);
    if (lua_rawget(L, at) == LUA_TNIL) { /* what __index gave would not stay alive */
      lua_pop(L, 1);
    } else if (f->label == PROTOBUF_C_LABEL_REPEATED) {
      set_list(L, anchors, f, message);
      lua_pop(L, 1);
    } else {
      if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        *(uint32_t *)(message + f->quantifier_offset) = f->id;
      set_value(L, anchors, f, message + f->offset);
    }
  }
  return (ProtobufCMessage *)message;
}

/* pack("Event", table) -> its bytes */
static int pack(lua_State *L) {
  const ProtobufCMessageDescriptor *d = check_kind(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_newtable(L);
  const ProtobufCMessage *m = to_message(L, 2, 3, d);
  luaL_Buffer b;
  size_t n = protobuf_c_message_get_packed_size(m);
  protobuf_c_message_pack(m, (uint8_t *)luaL_buffinitsize(L, &b, n));
  luaL_pushresultsize(&b, n);
  return 1;
}

/* ---- messages to tables ------------------------------------------------------------------ */

#define BOX "cresset.tensorboard.message"

static int box_free(lua_State *L) {
  ProtobufCMessage **b = luaL_checkudata(L, 1, BOX);
  if (*b) protobuf_c_message_free_unpacked(*b, NULL);
  *b = NULL;
  return 0;
}

static void push_message(lua_State *L, const ProtobufCMessage *m);

static void push_field(lua_State *L, const ProtobufCFieldDescriptor *f, const void *from) {
  switch (f->type) {
  case PROTOBUF_C_TYPE_DOUBLE: lua_pushnumber(L, *(const double *)from); break;
  case PROTOBUF_C_TYPE_FLOAT: lua_pushnumber(L, (lua_Number) * (const float *)from); break;
  case PROTOBUF_C_TYPE_INT32: lua_pushinteger(L, *(const int32_t *)from); break;
  case PROTOBUF_C_TYPE_INT64: lua_pushinteger(L, *(const int64_t *)from); break;
  case PROTOBUF_C_TYPE_BOOL: lua_pushboolean(L, *(const protobuf_c_boolean *)from); break;
  case PROTOBUF_C_TYPE_STRING: lua_pushstring(L, *(char *const *)from); break;
  case PROTOBUF_C_TYPE_BYTES: {
    const ProtobufCBinaryData *b = from;
    lua_pushlstring(L, (const char *)b->data, b->len);
    break;
  }
  case PROTOBUF_C_TYPE_MESSAGE:
    if (*(ProtobufCMessage *const *)from)
      push_message(L, *(ProtobufCMessage *const *)from);
    else
      lua_pushnil(L);
    break;
  default: lua_pushnil(L);
  }
}

static void push_list(lua_State *L, const ProtobufCFieldDescriptor *f, const char *message) {
  size_t n = *(const size_t *)(message + f->quantifier_offset), size = size_of(f);
  const char *all = *(char *const *)(message + f->offset);
  lua_createtable(L, (int)(n < INT32_MAX ? n : 0), 0);
  for (size_t i = 0; i < n; i++) {
    push_field(L, f, all + i * size);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

static void push_message(lua_State *L, const ProtobufCMessage *m) {
  const char *message = (const char *)m;
  luaL_checkstack(L, 8, NULL);
  lua_createtable(L, 0, 4);
  for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
      push_list(L, f, message);
    else if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
             *(const uint32_t *)(message + f->quantifier_offset) != f->id)
      continue;
    else
      push_field(L, f, message + f->offset);
    lua_setfield(L, -2, f->name);
  }
}

/* unpack("Event", bytes) -> a table; nil when they are no such message */
static int unpack(lua_State *L) {
  size_t n;
  const ProtobufCMessageDescriptor *d = check_kind(L, 1);
  const char *bytes = luaL_checklstring(L, 2, &n);
  ProtobufCMessage **b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = NULL;
  if (luaL_newmetatable(L, BOX)) {
    lua_pushcfunction(L, box_free);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *b = protobuf_c_message_unpack(d, NULL, n, (const uint8_t *)bytes);
  if (!*b) return 0;
  push_message(L, *b);
  protobuf_c_message_free_unpacked(*b, NULL);
  *b = NULL;
  return 1;
}

#else

static int pack(lua_State *L) {
  cr_fail("event files of TensorBoard: built without protobuf-c: install it with its headers and "
          "compiler (Debian: "
          "libprotobuf-c-dev protobuf-c-compiler) and build again");
  return cr_lua_error(L);
}

static int unpack(lua_State *L) {
  return pack(L);
}

#endif

/* ---- checksums --------------------------------------------------------------------------- */

/* CRC-32C: Castagnoli's polynomial, reflected, four bits at a time: entry i is i divided by it. */
static uint32_t crc32c(const unsigned char *s, size_t n) {
  static const uint32_t table[16] = {0x00000000u, 0x105ec76fu, 0x20bd8edeu, 0x30e349b1u,
                                     0x417b1dbcu, 0x5125dad3u, 0x61c69362u, 0x7198540du,
                                     0x82f63b78u, 0x92a8fc17u, 0xa24bb5a6u, 0xb21572c9u,
                                     0xc38d26c4u, 0xd3d3e1abu, 0xe330a81au, 0xf36e6f75u};
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < n; i++) {
    crc ^= s[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

/* crc32c(bytes) -> the checksum, and as records have it: turned and moved, so that the checksum of
 * text that has checksums in it is a good one too */
static int checksum(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  uint32_t crc = crc32c((const unsigned char *)s, n);
  lua_pushinteger(L, crc);
  lua_pushinteger(L, (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8u));
  return 2;
}

int luaopen_tensorboard_events(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"pack", pack}, {"unpack", unpack}, {"crc32c", checksum}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_pushboolean(L, CR_PROTOBUF);
  lua_setfield(L, -2, "there");
  return 1;
}
