/* profile.h: what operators cost, counted where they record their calls.
 *
 * An operator's time is its own: from where the script's call came in, or the operator before it
 * within the same call ended, to where it records itself.  Of a backward everything counts that
 * it computes, and adding up what it gives. */
#ifndef CR_PROFILE_H
#define CR_PROFILE_H

#include "tensor/tensor.h"

typedef struct cr_profile cr_profile;

typedef struct {
  uint64_t calls, nanoseconds, bytes; /* bytes: of the elements that it allocated */
} cr_cost;

typedef struct {
  const char *name;
  cr_cost forward, backward;
} cr_profile_row;

typedef struct {
  int row;
  bool backward;
  uint64_t start, nanoseconds, bytes; /* start: since the profile began */
} cr_profile_event;

/* Keeps at most `most_events` single calls beside the sums. */
cr_profile *cr_profile_new(size_t most_events);
void cr_profile_free(cr_profile *p); /* NULL is allowed */
/* What was counted; the arrays are the profile's. */
size_t cr_profile_rows(const cr_profile *p, const cr_profile_row **rows);
size_t cr_profile_events(const cr_profile *p, const cr_profile_event **events);
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
/* An operator is done; out, where there is one, says on which device: that one is waited for. */
void cr_profile_call(cr_profile *p, const char *name, const cr_tensor *out);
/* The same for a view, which allocates nothing: bytes so far are those of the operator around it.
 */
void cr_profile_view(cr_profile *p, const char *name);
void cr_profile_allocated(cr_profile *p, size_t bytes);
/* Around a node's backward. */
typedef struct {
  uint64_t start, bytes;
} cr_profile_span;
cr_profile_span cr_profile_backward_begin(cr_profile *p);
void cr_profile_backward_end(cr_profile *p, const char *name, const cr_profile_span *span,
                             cr_device d);

#endif
