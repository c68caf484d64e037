/* autocast.h: mixed precision: operators of a region cast what they are given (lib/torch).  Here is
 * the state of it, which a context holds, and the casts of parameters, made once a region. */
#ifndef CR_AUTOCAST_H
#define CR_AUTOCAST_H

#include "tensor/tensor.h"

/* Opens a region: on devices of type d operators work in `dtype` until the end (`on` false: as they
 * do outside).  Returns the mode to give to cr_autocast_end. */
cr_autocast_mode cr_autocast_begin(cr_device_type d, bool on, cr_dtype dtype);
void cr_autocast_end(cr_autocast_mode before);

bool cr_autocast_on(cr_device_type d);
/* The type in which operators work on d in a region that is open, or would if one were. */
cr_dtype cr_autocast_dtype(cr_device_type d);
/* Whether a region casts t: a float32, float16 or bfloat16 tensor on a device where one is open. */
bool cr_autocast_takes(const cr_tensor *t);
/* t in another type, on the tape; t itself when it has that type.  Of a leaf that requires a
 * gradient the same tensor again and again until the outermost region ends, as long as the leaf is
 * not changed. */
cr_tensor *cr_autocast_cast(cr_tensor *t, cr_dtype dtype);

void cr_casts_free(struct cr_casts *c);

#endif
