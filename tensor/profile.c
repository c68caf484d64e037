/* profile.c: sums and events of a profile. */
#include "tensor/profile.h"

#include <stdlib.h>
#include <string.h>

/* Names, numbered in the order in which they came: copies, as a custom function may be gone by the
 * end. */
typedef struct {
  char *text; /* `width` bytes each */
  size_t width, n, room;
  int *slots; /* of a hash table: number + 1, or 0; 2 * room of them */
} names;

struct cr_profile {
  names operators, places;
  cr_profile_row *rows;
  cr_profile_line *lines;
  size_t room_rows, room_lines;
  bool by_line;
  cr_profile_event *events;
  cr_device_event *device_events;
  size_t nevents, room_events, ndevice, room_device, most_events;
  uint64_t dropped;
  uint64_t begin, mark;                /* clock */
  uint64_t allocated, on_device;       /* bytes so far, */
  uint64_t at_mark, on_device_at_mark; /* and when the operator began */
  int depth;                           /* backwards that run, one inside another */
  cr_device_times *devices;
};

atomic_int cr_profiles;

cr_profile *cr_profile_set(cr_profile *p) {
  cr_context *ctx = cr_ctx();
  cr_profile *before = ctx->profile;
  atomic_fetch_add(&cr_profiles, (p != NULL) - (before != NULL));
  ctx->profile = p;
  return before;
}

static void add_device_event(void *profile, const cr_device_event *e);

cr_profile *cr_profile_new(size_t most_events, bool lines) {
  cr_profile *p = calloc(1, sizeof *p);
  if (!p) return cr_fail_null("out of memory");
  p->operators.width = 48;
  p->places.width = 96;
  p->by_line = lines;
  p->most_events = most_events;
  p->devices = cr_device_times_new(add_device_event, p);
  if (!p->devices) {
    free(p);
    return NULL;
  }
  p->begin = p->mark = cr_profile_now();
  return p;
}

static void free_names(names *t) {
  free(t->text);
  free(t->slots);
}

void cr_profile_free(cr_profile *p) {
  if (!p) return;
  cr_device_times_free(p->devices);
  free_names(&p->operators);
  free_names(&p->places);
  free(p->rows);
  free(p->lines);
  free(p->events);
  free(p->device_events);
  free(p);
}

bool cr_profile_finish(cr_profile *p) {
  bool ok = !p->devices || cr_device_times_finish(p->devices);
  cr_device_times_free(p->devices); /* its events: the profile may be kept for long */
  p->devices = NULL;
  return ok;
}

/* ---- names ------------------------------------------------------------------------------ */

static const char *name_at(const names *t, size_t i) {
  return t->text + i * t->width;
}

static size_t hash(const names *t, const char *name) {
  size_t h = 14695981039346656037u;
  for (size_t i = 0; i < t->width - 1 && name[i]; i++)
    h = (h ^ (unsigned char)name[i]) * 1099511628211u;
  return h ^ (h >> 29);
}

/* Where the name's number is, or is to go. */
static int *slot_of(const names *t, const char *name) {
  for (size_t i = hash(t, name);; i++) {
    int *slot = &t->slots[i & (2 * t->room - 1)];
    if (!*slot || strncmp(name_at(t, (size_t)*slot - 1), name, t->width - 1) == 0) return slot;
  }
}

/* Doubles the room; the table stays at most half full. */
static bool grow_names(names *t) {
  size_t room = t->room ? 2 * t->room : 64;
  int *slots = calloc(2 * room, sizeof *slots);
  char *text = slots ? realloc(t->text, room * t->width) : NULL;
  if (!text) {
    free(slots);
    return false;
  }
  free(t->slots);
  t->text = text;
  t->slots = slots;
  t->room = room;
  for (size_t i = 0; i < t->n; i++) *slot_of(t, name_at(t, i)) = (int)i + 1;
  return true;
}

/* The name's number; -1: no memory for it. */
static int number_of(names *t, const char *name) {
  if (t->n == t->room && !grow_names(t)) return -1;
  int *slot = slot_of(t, name);
  if (!*slot) {
    char *copy = t->text + t->n * t->width;
    memset(copy, 0, t->width);
    memcpy(copy, name, strnlen(name, t->width - 1));
    *slot = (int)++t->n;
  }
  return *slot - 1;
}

/* ---- arrays ----------------------------------------------------------------------------- */

/* The array with room for more elements, at most `most`, or, without memory, as it was; what is new
 * is 0. */
static void *grown(void *array, size_t size, size_t *room, size_t most) {
  size_t wanted = *room ? 2 * *room : 64;
  if (wanted > most) wanted = most;
  char *bytes = wanted > *room ? realloc(array, wanted * size) : NULL;
  if (!bytes) return array;
  memset(bytes + *room * size, 0, (wanted - *room) * size);
  *room = wanted;
  return bytes;
}

/* The number of the operator's row; -1: no memory for one. */
static int row_of(cr_profile *p, const char *name) {
  int i = number_of(&p->operators, name);
  if (i >= 0 && (size_t)i >= p->room_rows)
    p->rows = grown(p->rows, sizeof *p->rows, &p->room_rows, p->operators.room);
  return i >= 0 && (size_t)i < p->room_rows ? i : -1;
}

static cr_profile_line *line_of(cr_profile *p, const char *where) {
  int i = number_of(&p->places, where);
  if (i >= 0 && (size_t)i >= p->room_lines)
    p->lines = grown(p->lines, sizeof *p->lines, &p->room_lines, p->places.room);
  return i >= 0 && (size_t)i < p->room_lines ? &p->lines[i] : NULL;
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

size_t cr_profile_rows(const cr_profile *p, const cr_profile_row **rows) {
  size_t n = smaller(p->operators.n, p->room_rows);
  for (size_t i = 0; i < n; i++) p->rows[i].name = name_at(&p->operators, i);
  *rows = p->rows;
  return n;
}

size_t cr_profile_lines(const cr_profile *p, const cr_profile_line **lines) {
  size_t n = smaller(p->places.n, p->room_lines);
  for (size_t i = 0; i < n; i++) p->lines[i].where = name_at(&p->places, i);
  *lines = p->lines;
  return n;
}

size_t cr_profile_events(const cr_profile *p, const cr_profile_event **events) {
  *events = p->events;
  return p->nevents;
}

size_t cr_profile_device_events(const cr_profile *p, const cr_device_event **events) {
  *events = p->device_events;
  return p->ndevice;
}

uint64_t cr_profile_dropped(const cr_profile *p) {
  return p->dropped;
}

/* ---- counting --------------------------------------------------------------------------- */

static void add_event(cr_profile *p, const cr_profile_event *e) {
  if (p->nevents == p->room_events)
    p->events = grown(p->events, sizeof *p->events, &p->room_events, p->most_events);
  if (p->nevents < p->room_events)
    p->events[p->nevents++] = *e;
  else
    p->dropped++;
}

static void add_device_event(void *profile, const cr_device_event *e) {
  cr_profile *p = profile;
  cr_profile_row *r = &p->rows[e->row];
  (e->backward ? &r->backward : &r->forward)->device_nanoseconds += e->nanoseconds;
  if (p->ndevice == p->room_device)
    p->device_events =
        grown(p->device_events, sizeof *p->device_events, &p->room_device, p->most_events);
  if (p->ndevice == p->room_device) return;
  p->device_events[p->ndevice] = *e;
  p->device_events[p->ndevice++].start -= p->begin;
}

/* Adds a call; its row, or -1. */
static int add(cr_profile *p, const char *name, const cr_profile_event *call) {
  cr_profile_event e = *call;
  e.row = row_of(p, name);
  if (e.row < 0) {
    p->dropped++;
    return -1;
  }
  cr_cost *c = e.backward ? &p->rows[e.row].backward : &p->rows[e.row].forward;
  c->calls++;
  c->nanoseconds += e.nanoseconds;
  c->bytes += e.bytes;
  c->device_bytes += e.device_bytes;
  e.start -= p->begin;
  add_event(p, &e);
  return e.row;
}

/* What devices did since the operator began is the row's. */
static void end_on_devices(cr_profile *p, int row, bool backward) {
  if (row >= 0)
    cr_device_times_end(p->devices, row, backward);
  else
    cr_device_times_drop(p->devices);
}

static void set_mark(cr_profile *p) {
  p->mark = cr_profile_now();
  p->at_mark = p->allocated;
  p->on_device_at_mark = p->on_device;
}

void cr_profile_mark(cr_profile *p) {
  if (p->depth == 0) cr_device_times_drop(p->devices);
  set_mark(p);
}

void cr_profile_use(cr_profile *p, cr_device d) {
  cr_device_times_begin(p->devices, d);
}

void cr_profile_call(cr_profile *p, const char *name) {
  if (p->depth == 0) {
    cr_profile_event e = {.start = p->mark,
                          .nanoseconds = cr_profile_now() - p->mark,
                          .bytes = p->allocated - p->at_mark,
                          .device_bytes = p->on_device - p->on_device_at_mark};
    end_on_devices(p, add(p, name, &e), false);
  }
  set_mark(p);
}

void cr_profile_view(cr_profile *p, const char *name) {
  cr_profile_event e = {.start = p->mark, .nanoseconds = cr_profile_now() - p->mark};
  if (p->depth == 0) add(p, name, &e);
  p->mark = cr_profile_now();
}

static void add_to_line(cr_profile *p, size_t bytes, bool on_device) {
  char where[96] = "";
  cr_context *ctx = cr_ctx();
  if (ctx->where) ctx->where(ctx->where_ctx, where, sizeof where);
  cr_profile_line *l = line_of(p, where);
  if (!l) return;
  l->storages++;
  l->bytes += bytes;
  if (on_device) l->device_bytes += bytes;
}

void cr_profile_allocated(cr_profile *p, cr_device d, size_t bytes) {
  p->allocated += bytes;
  if (d.type != CR_CPU) p->on_device += bytes;
  if (!p->by_line) return;
  uint64_t begun = cr_profile_now();
  add_to_line(p, bytes, d.type != CR_CPU);
  p->mark += cr_profile_now() - begun; /* which is nobody's */
}

cr_profile_span cr_profile_backward_begin(cr_profile *p) {
  if (p->depth++ == 0) cr_device_times_drop(p->devices);
  return (cr_profile_span){cr_profile_now(), p->allocated, p->on_device};
}

void cr_profile_backward_end(cr_profile *p, const char *name, const cr_profile_span *span) {
  if (--p->depth == 0) {
    cr_profile_event e = {.backward = true,
                          .start = span->start,
                          .nanoseconds = cr_profile_now() - span->start,
                          .bytes = p->allocated - span->bytes,
                          .device_bytes = p->on_device - span->device_bytes};
    end_on_devices(p, add(p, name, &e), true);
  }
  set_mark(p);
}
