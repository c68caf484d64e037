/* stream.h: bytes that come one after another: from a file, plain or compressed by gzip, or from a
 * member of an archive. */
#ifndef CR_STREAM_H
#define CR_STREAM_H

#include <stdio.h>

#include "tensor/tensor.h"

typedef struct cr_stream cr_stream;
struct cr_stream {
  const char *fn, *name; /* for messages: "npy: digits.npy: .." */
  bool failed;           /* a message is in cr_error() */
  int64_t left;          /* the bytes that are still to come, or -1 when nobody knows */
  size_t (*get)(cr_stream *s, void *to, size_t n);
  void (*close)(cr_stream *s);
};

/* Reads f from where it is.  A compressed file may not expand beyond `limit` bytes; 0 stands for
 * cr_expansion_limit.  f stays the caller's and stays open, the strings must stay too. */
cr_stream *cr_stream_file(FILE *f, const char *fn, const char *name, int64_t limit);
void cr_stream_close(cr_stream *s); /* NULL is allowed */

/* Up to n bytes; fewer only at the end or after a failure. */
size_t cr_stream_get(cr_stream *s, void *to, size_t n);
/* Exactly n bytes; fails with "truncated within `what`". */
bool cr_stream_need(cr_stream *s, void *to, size_t n, const char *what);
/* Fails unless all bytes were read. */
bool cr_stream_end(cr_stream *s);
/* count elements in this machine's order, or the other one.  Memory grows with what has really
 * come, so a header that promises more than the file holds costs nothing. */
cr_storage *cr_stream_elements(cr_stream *s, cr_dtype dtype, int64_t count, bool swapped);
/* Sets the message "fn: name: .." and `failed`; returns false. */
bool cr_stream_fail(cr_stream *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What a compressed file of so many bytes may expand to when its user sets no limit: 256 MiB, or a
 * hundred times its own size when that is more. */
int64_t cr_expansion_limit(int64_t size);
/* The size of an ordinary file, else -1. */
int64_t cr_file_size(FILE *f);

void cr_swap_bytes(void *p, int64_t count, size_t size);
/* Makes bytes from outside valid elements of type bool, which are 0 or 1. */
void cr_settle_bools(void *p, int64_t count);
bool cr_big_endian(void);

#endif
