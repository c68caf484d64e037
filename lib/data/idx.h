/* idx.h: reading IDX files, the format that MNIST is published in. */
#ifndef CR_IDX_H
#define CR_IDX_H

#include <stdio.h>

#include "tensor/tensor.h"

/* The most bytes of elements that a header may announce, unless the caller says otherwise. */
#define CR_IDX_LIMIT ((int64_t)4 << 30)

/* Reads the whole of f, plain or compressed by gzip, into a tensor of the type and shape that its
 * header says.  `name` is for messages.  Memory grows with what has really been read, so a header
 * that promises more than the file holds costs nothing. */
cr_tensor *cr_idx_read(FILE *f, const char *name, int64_t limit);

#endif
