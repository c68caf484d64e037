/* profile_device.h: when devices did the work of operators: events in their streams around it. */
#ifndef CR_PROFILE_DEVICE_H
#define CR_PROFILE_DEVICE_H

#include "tensor/basic.h"

typedef struct cr_device_times cr_device_times;

typedef struct {
  int row; /* of the profile */
  bool backward;
  int device, stream;
  uint64_t start, nanoseconds; /* start: as cr_profile_now tells it */
} cr_device_event;

uint64_t cr_profile_now(void); /* nanoseconds of a clock that never goes back */

/* add(owner, event) is called for each event, some time after it was.  NULL with a message. */
cr_device_times *cr_device_times_new(void (*add)(void *owner, const cr_device_event *e),
                                     void *owner);
void cr_device_times_free(cr_device_times *t); /* NULL is allowed; waits for nothing */

/* Work for device d comes next.  Only the first such call before an end, or a drop, counts. */
void cr_device_times_begin(cr_device_times *t, cr_device d);
/* That was all, and is the row's. */
void cr_device_times_end(cr_device_times *t, int row, bool backward);
/* It is nobody's. */
void cr_device_times_drop(cr_device_times *t);
/* Waits for all of it.  False with a message: something failed, now or before. */
bool cr_device_times_finish(cr_device_times *t);

#endif
