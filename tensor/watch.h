/* watch.h: a list of the storages that are alive, and of the script's lines that made them. */
#ifndef CR_WATCH_H
#define CR_WATCH_H

#include "tensor/tensor.h"

/* The storages made while cr_context.watch was set to this; counted references, one of them each
 * storage's. */
typedef struct cr_watch cr_watch;
/* A storage's entry in its list. */
typedef struct cr_watched cr_watched;

cr_watch *cr_watch_new(void);
void cr_watch_release(cr_watch *w); /* NULL is allowed */
/* Called for a storage made while the switch is on, and when it goes. */
void cr_watch_add(cr_watch *w, cr_storage *s);
void cr_watch_remove(cr_watched *entry);

typedef struct {
  const void *storage; /* only to compare: it may be gone by now */
  size_t bytes;
  int64_t size; /* elements */
  uint8_t dtype;
  cr_device device;
  char where[96];
} cr_watch_info;

/* The storages of the list, as an array of malloc; false, with a message, without memory. */
bool cr_watch_list(cr_watch *w, cr_watch_info **list, size_t *n);

#endif
