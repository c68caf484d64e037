/* message.h: values of one interpreter on their way to another.
 *
 * A message belongs to no interpreter.  It holds numbers, strings, tables and functions as bytes,
 * and references to tensors and storages, whose elements the two interpreters share from then on.
 * Objects are numbered in the order in which they are met and written one after another, so that
 * nesting has no limit and nothing here calls itself. */
#ifndef CR_MESSAGE_H
#define CR_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

typedef struct cr_message cr_message;

/* What a message holds a reference to. */
typedef struct {
  void *object;
  void (*release)(void *object);
} cr_held;

/* Bytes that grow. */
typedef struct {
  char *bytes;
  size_t length, capacity;
} cr_bytes;

struct cr_message {
  cr_message *next; /* of those that are being freed */
  cr_bytes heads;   /* of each object what it takes to make it */
  cr_bytes bodies;  /* the values that were sent, then what is in each object */
  cr_bytes metas;   /* pairs of numbers: a table, its metatable */
  cr_bytes met;     /* what was met so far, while it is made */
  cr_bytes held;    /* cr_held */
  size_t weight;    /* bytes of the elements that it refers to */
};

/* How the values are called in error messages: the first one, and with their number the others. */
typedef struct {
  const char *first, *rest;
} cr_message_names;

/* Puts the n values from index `first` on into a new message, which the userdata on the top holds;
 * `copy`: with copies of tensors. */
void cr_message_encode(lua_State *L, int first, int n, const cr_message_names *names, bool copy);
/* Takes the message out of the userdata at `index`; NULL when it holds none. */
cr_message *cr_message_take(lua_State *L, int index);
/* Pushes a userdata without a message; into it, so that failing cannot lose one, goes m. */
cr_message **cr_message_push_holder(lua_State *L);
/* The message in the userdata at `index`, which keeps it; NULL when it holds none. */
cr_message *cr_message_peek(lua_State *L, int index);
/* Pushes the values of the message in the userdata at `index`, which is used up by it unless it is
 * to be kept, and returns how many they are. */
int cr_message_decode(lua_State *L, int index, bool keep);
void cr_message_free(cr_message *m); /* NULL is allowed */

/* ---- between encode.c, decode.c and names.c ---------------------------------------------- */

enum {
  CR_SENT_NIL,
  CR_SENT_FALSE,
  CR_SENT_TRUE,
  CR_SENT_INT,
  CR_SENT_FLOAT,
  CR_SENT_STRING,
  CR_SENT_POINTER,
  CR_SENT_OBJECT,
  CR_SENT_END
};
enum {
  CR_HEAD_TABLE,
  CR_HEAD_FUNCTION,
  CR_HEAD_NAMED,
  CR_HEAD_CLASS,
  CR_HEAD_CONSTRUCTOR,
  CR_HEAD_TENSOR,
  CR_HEAD_STORAGE,
  CR_HEAD_SHARED,
  CR_HEAD_MESSAGE
};

/* Pushes the table that gives for values of loaded packages "package\0key\0key", up to date. */
void cr_push_names(lua_State *L);
/* Makes the next cr_push_names look at all packages again. */
void cr_renew_names(lua_State *L);
/* Whether a chunk of that source name belongs to Cresset. */
bool cr_is_library_source(const char *source);
/* Whether another interpreter can require the package. */
bool cr_can_require(lua_State *L, const char *package);

#endif
