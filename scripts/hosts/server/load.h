/* load.h: the requests of load.c. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>

/* A request with a mistake. */
typedef struct {
  const char *what;
  char *text;
  size_t size;
  int ends; /* no other request can follow it on a connection */
} malformed;

/* A whole request; NULL: no memory. */
char *make_request(const char *method, const char *path, const char *type, const char *body,
                   size_t *size);

/* Makes the malformed requests, some of them from one that is right.  False: no memory. */
int make_malformed(char *right);
/* One of them, by any number. */
const malformed *pick_malformed(int random);

#endif
