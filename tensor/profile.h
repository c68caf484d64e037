/* profile.h: what operators cost, counted where they record their calls.
 *
 * An operator's time is its own: from where the script's call came in, or the operator before it
 * within the same call ended, to where it records itself.  Of a backward everything counts that
 * it computes, and adding up what it gives.
 *
 * A device works behind the script.  The time it takes itself is between two events, which go into
 * its stream around an operator's work and are read when they are over (profile_device.h). */
#ifndef CR_PROFILE_H
#define CR_PROFILE_H

#include "tensor/profile_device.h"
#include "tensor/tensor.h"

typedef struct cr_profile cr_profile;

/* Bytes are those of the elements that were allocated: all, and those of devices alone. */
typedef struct {
  uint64_t calls, nanoseconds, bytes;
  uint64_t device_nanoseconds, device_bytes;
} cr_cost;

typedef struct {
  const char *name;
  cr_cost forward, backward;
} cr_profile_row;

/* What a line of the script allocated. */
typedef struct {
  const char *where; /* "file:line"; empty: no script */
  uint64_t storages, bytes, device_bytes;
} cr_profile_line;

typedef struct {
  int row;
  bool backward;
  uint64_t start, nanoseconds; /* start: since the profile began */
  uint64_t bytes, device_bytes;
} cr_profile_event;

/* Keeps at most `most_events` single calls beside the sums; `lines`: counts by line, too. */
cr_profile *cr_profile_new(size_t most_events, bool lines);
void cr_profile_free(cr_profile *p); /* NULL is allowed */
/* Nothing comes any more: waits for what devices still do, and reads their times.  False with a
 * message: that failed. */
bool cr_profile_finish(cr_profile *p);
/* What was counted; the arrays are the profile's. */
size_t cr_profile_rows(const cr_profile *p, const cr_profile_row **rows);
size_t cr_profile_lines(const cr_profile *p, const cr_profile_line **lines);
size_t cr_profile_events(const cr_profile *p, const cr_profile_event **events);
size_t cr_profile_device_events(const cr_profile *p, const cr_device_event **events);
uint64_t cr_profile_dropped(const cr_profile *p); /* calls that there was no room for */

/* Makes p count what the current context does (NULL: nobody counts); returns the one before. */
cr_profile *cr_profile_set(cr_profile *p);

/* ---- called by the core ----------------------------------------------------------------- */

/* How many contexts are profiled: where none is, looking costs one load. */
extern atomic_int cr_profiles;

/* The profile of the current context, or NULL. */
static inline cr_profile *cr_profiling(void) {
  return atomic_load_explicit(&cr_profiles, memory_order_relaxed) ? cr_ctx()->profile : NULL;
}

/* The next operator begins now. */
void cr_profile_mark(cr_profile *p);
/* The operator is about to give a device work. */
void cr_profile_use(cr_profile *p, cr_device d);
/* An operator is done. */
void cr_profile_call(cr_profile *p, const char *name);
/* The same for a view, which allocates nothing: bytes so far are those of the operator around it.
 */
void cr_profile_view(cr_profile *p, const char *name);
void cr_profile_allocated(cr_profile *p, cr_device d, size_t bytes);
/* Around a node's backward. */
typedef struct {
  uint64_t start, bytes, device_bytes;
} cr_profile_span;
cr_profile_span cr_profile_backward_begin(cr_profile *p);
void cr_profile_backward_end(cr_profile *p, const char *name, const cr_profile_span *span);

#endif
