/* profile.c: sums and events of a profile. */
#include "tensor/profile.h"

#include "tensor/backend.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME 48

typedef char row_name[NAME];

struct cr_profile {
  cr_profile_row *rows;
  row_name *names; /* of the rows; copies, as a custom function may be gone by the end */
  size_t nrows, room_rows;
  int *slots; /* of a hash table by name: row + 1, or 0 */
  size_t nslots;
  cr_profile_event *events;
  size_t nevents, room_events, most_events;
  uint64_t dropped;
  uint64_t begin, mark;        /* clock */
  uint64_t allocated, at_mark; /* bytes so far, and when the operator began */
  int depth;                   /* backwards that run, one inside another */
};

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

atomic_int cr_profiles;

cr_profile *cr_profile_set(cr_profile *p) {
  cr_context *ctx = cr_ctx();
  cr_profile *before = ctx->profile;
  atomic_fetch_add(&cr_profiles, (p != NULL) - (before != NULL));
  ctx->profile = p;
  return before;
}

cr_profile *cr_profile_new(size_t most_events) {
  cr_profile *p = calloc(1, sizeof *p);
  if (!p) return cr_fail_null("out of memory");
  p->most_events = most_events;
  p->begin = p->mark = now();
  return p;
}

void cr_profile_free(cr_profile *p) {
  if (!p) return;
  free(p->rows);
  free(p->names);
  free(p->slots);
  free(p->events);
  free(p);
}

size_t cr_profile_rows(const cr_profile *p, const cr_profile_row **rows) {
  for (size_t i = 0; i < p->nrows; i++) p->rows[i].name = p->names[i];
  *rows = p->rows;
  return p->nrows;
}

size_t cr_profile_events(const cr_profile *p, const cr_profile_event **events) {
  *events = p->events;
  return p->nevents;
}

uint64_t cr_profile_dropped(const cr_profile *p) {
  return p->dropped;
}

/* ---- rows by name ----------------------------------------------------------------------- */

static size_t hash(const char *name) {
  size_t h = 14695981039346656037u;
  for (int i = 0; i < NAME - 1 && name[i]; i++) h = (h ^ (unsigned char)name[i]) * 1099511628211u;
  return h ^ (h >> 29);
}

/* Where the name's row number is, or is to go. */
static int *slot_of(cr_profile *p, const char *name) {
  for (size_t i = hash(name);; i++) {
    int *slot = &p->slots[i & (p->nslots - 1)];
    if (!*slot || strncmp(p->names[*slot - 1], name, NAME - 1) == 0) return slot;
  }
}

/* Doubles the room for rows; the table stays at most half full. */
static bool grow_rows(cr_profile *p) {
  size_t room = p->room_rows ? 2 * p->room_rows : 64;
  cr_profile_row *rows = realloc(p->rows, room * sizeof *rows);
  if (rows) p->rows = rows;
  row_name *names = realloc(p->names, room * sizeof *names);
  if (names) p->names = names;
  int *slots = calloc(2 * room, sizeof *slots);
  if (!rows || !names || !slots) {
    free(slots);
    return false;
  }
  free(p->slots);
  p->slots = slots;
  p->nslots = 2 * room;
  p->room_rows = room;
  for (size_t i = 0; i < p->nrows; i++) *slot_of(p, p->names[i]) = (int)i + 1;
  return true;
}

/* The number of the name's row; -1: no memory for one. */
static int row_of(cr_profile *p, const char *name) {
  if (p->nrows == p->room_rows && !grow_rows(p)) return -1;
  int *slot = slot_of(p, name);
  if (!*slot) {
    p->rows[p->nrows] = (cr_profile_row){0};
    memset(p->names[p->nrows], 0, NAME);
    strncpy(p->names[p->nrows], name, NAME - 1);
    *slot = (int)++p->nrows;
  }
  return *slot - 1;
}

/* ---- counting --------------------------------------------------------------------------- */

static void add_event(cr_profile *p, cr_profile_event e) {
  if (p->nevents == p->room_events && p->nevents < p->most_events) {
    size_t room = p->room_events ? 2 * p->room_events : 1024;
    if (room > p->most_events) room = p->most_events;
    cr_profile_event *events = realloc(p->events, room * sizeof *events);
    if (events) {
      p->events = events;
      p->room_events = room;
    }
  }
  if (p->nevents < p->room_events)
    p->events[p->nevents++] = e;
  else
    p->dropped++;
}

static void add(cr_profile *p, const char *name, bool backward, uint64_t start, uint64_t end,
                uint64_t bytes) {
  int row = row_of(p, name);
  if (row < 0) {
    p->dropped++;
    return;
  }
  cr_cost *c = backward ? &p->rows[row].backward : &p->rows[row].forward;
  c->calls++;
  c->nanoseconds += end - start;
  c->bytes += bytes;
  add_event(p, (cr_profile_event){row, backward, start - p->begin, end - start, bytes});
}

void cr_profile_mark(cr_profile *p) {
  p->mark = now();
  p->at_mark = p->allocated;
}

/* What a device has been asked to do is to be over. */
static void wait_for(cr_device d) {
  const cr_backend *backend = d.type == CR_CPU ? NULL : cr_backend_of(d);
  if (backend) backend->synchronize(d);
}

void cr_profile_call(cr_profile *p, const char *name, const cr_tensor *out) {
  if (out) wait_for(cr_device_of(out));
  uint64_t end = now();
  if (p->depth == 0) add(p, name, false, p->mark, end, p->allocated - p->at_mark);
  cr_profile_mark(p);
}

void cr_profile_view(cr_profile *p, const char *name) {
  uint64_t end = now();
  if (p->depth == 0) add(p, name, false, p->mark, end, 0);
  p->mark = now();
}

void cr_profile_allocated(cr_profile *p, size_t bytes) {
  p->allocated += bytes;
}

cr_profile_span cr_profile_backward_begin(cr_profile *p) {
  p->depth++;
  return (cr_profile_span){now(), p->allocated};
}

void cr_profile_backward_end(cr_profile *p, const char *name, const cr_profile_span *span,
                             cr_device d) {
  wait_for(d);
  if (--p->depth == 0) add(p, name, true, span->start, now(), p->allocated - span->bytes);
  cr_profile_mark(p);
}
