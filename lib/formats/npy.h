/* npy.h: NumPy's .npy files. */
#ifndef CR_NPY_H
#define CR_NPY_H

#include "lib/formats/stream.h"

typedef struct {
  cr_dtype dtype;
  bool swapped; /* the elements are in the other byte order */
  bool fortran; /* the first dimension varies fastest */
  int ndim;
  int64_t shape[CR_MAX_DIMS];
  int64_t count;
  int64_t bytes; /* of the header itself: the elements follow */
} cr_npy_header;

bool cr_npy_read_header(cr_stream *s, cr_npy_header *h);
/* The tensor that data, the elements, and its header make. */
cr_tensor *cr_npy_tensor(const cr_npy_header *h, cr_storage *data);
/* A whole file: header, elements, and nothing after them. */
cr_tensor *cr_npy_read(cr_stream *s);

/* The most bytes of a header that cr_npy_write_header writes. */
#define CR_NPY_HEADER 1024
/* The header for t's elements in row-major order: its length, or 0 when NumPy has no such type. */
size_t cr_npy_write_header(const cr_tensor *t, char *out);

#endif
