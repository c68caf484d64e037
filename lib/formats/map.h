/* map.h: elements of a file without reading it. */
#ifndef CR_MAP_H
#define CR_MAP_H

#include "tensor/tensor.h"

/* A storage of `count` elements that begin at byte `offset` of an open file.  The system reads its
 * pages when they are first touched.
 *
 * shared: writing to the storage writes to the file; else to private copies of the touched pages.
 * A private storage may be an ordinary copy: where elements do not lie at a multiple of their size,
 * and where there are too few to be worth a mapping.
 *
 * While it lives the file must not become shorter: touching a page that is gone ends the process
 * with SIGBUS, and no program can rule that out.  Replacing the file by another one (rename, as
 * torch.save does) is harmless. */
cr_storage *cr_map_elements(int fd, const char *name, cr_dtype dtype, int64_t offset, int64_t count,
                            bool shared);

/* Brings what was written to the elements of a shared mapping to the disk; other memory is left
 * alone. */
bool cr_map_flush(const void *data, int64_t bytes);

#endif
