/* profile_device.c: pairs of events around the work of operators, and the host's clock beside them.
 *
 * Pairs are read in the order in which they went into the streams: now and then those that are
 * over, and at the end all.  Then they are used again. */
#include "tensor/profile_device.h"

#include "tensor/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define READ_EVERY 512 /* pairs */

typedef struct pair {
  struct pair *next;
  cr_event *start, *end;
  int row, stream;
  bool backward;
} pair;

/* What one device has to do. */
typedef struct lane {
  struct lane *next;
  int device;
  pair *open;          /* its start is in the stream, its end not yet; NULL: there is none */
  pair *first, **last; /* to be read; last is where the next one goes */
  size_t waiting, read_at;
  pair *spare;
  cr_event *base; /* was over when the host's clock was at base_time */
  uint64_t base_time;
} lane;

struct cr_device_times {
  const cr_device_control *control;
  lane *lanes;
  void (*add)(void *owner, const cr_device_event *e);
  void *owner;
  bool failed; /* then nothing more is measured */
  char failure[512];
};

uint64_t cr_profile_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

cr_device_times *cr_device_times_new(void (*add)(void *owner, const cr_device_event *e),
                                     void *owner) {
  cr_device_times *t = calloc(1, sizeof *t);
  if (!t) return cr_fail_null("out of memory");
  t->add = add;
  t->owner = owner;
  return t;
}

static void free_event(cr_device_times *t, cr_event *e) {
  if (e) t->control->event_free(e);
}

static void free_pairs(cr_device_times *t, pair *p) {
  while (p) {
    pair *next = p->next;
    free_event(t, p->start);
    free_event(t, p->end);
    free(p);
    p = next;
  }
}

void cr_device_times_free(cr_device_times *t) {
  for (lane *l = t ? t->lanes : NULL, *next; l; l = next) {
    next = l->next;
    free_pairs(t, l->open);
    free_pairs(t, l->first);
    free_pairs(t, l->spare);
    free_event(t, l->base);
    free(l);
  }
  free(t);
}

/* Measuring ends with the first failure; the script learns of it when the profile ends. */
static bool fail(cr_device_times *t) {
  if (!t->failed) snprintf(t->failure, sizeof t->failure, "%s", cr_error());
  t->failed = true;
  return false;
}

/* ---- lanes ------------------------------------------------------------------------------ */

/* An event that was over at a known time. */
static bool set_base(const cr_device_control *c, lane *l) {
  l->base = c->event_new(l->device);
  if (!l->base || !c->event_record(l->base, c->stream(l->device)) || !c->event_synchronize(l->base))
    return false;
  l->base_time = cr_profile_now();
  return true;
}

static lane *lane_of(cr_device_times *t, cr_device d) {
  for (lane *l = t->lanes; l; l = l->next)
    if (l->device == d.index) return l;
  const cr_plugin *plugin = cr_plugin_of((cr_device_type)d.type);
  lane *l = plugin ? calloc(1, sizeof *l) : NULL;
  if (!l) return plugin ? cr_fail_null("torch.profile: out of memory") : NULL;
  l->device = d.index;
  l->last = &l->first;
  l->read_at = READ_EVERY;
  l->next = t->lanes;
  t->lanes = l;
  t->control = plugin->control;
  return set_base(t->control, l) ? l : NULL;
}

static pair *new_pair(const cr_device_control *c, int device) {
  pair *p = calloc(1, sizeof *p);
  if (!p) return cr_fail_null("torch.profile: out of memory");
  p->start = c->event_new(device);
  p->end = p->start ? c->event_new(device) : NULL;
  if (p->end) return p;
  if (p->start) c->event_free(p->start);
  free(p);
  return NULL;
}

static pair *take_pair(cr_device_times *t, lane *l) {
  pair *p = l->spare;
  if (!p) return new_pair(t->control, l->device);
  l->spare = p->next;
  p->next = NULL;
  return p;
}

static void give_back(lane *l, pair *p) {
  p->next = l->spare;
  l->spare = p;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* Milliseconds are floats: the base follows, so that they stay exact. */
static void move_base(lane *l, pair *p, double milliseconds) {
  cr_event *old = l->base;
  l->base = p->start;
  p->start = old;
  l->base_time += (uint64_t)(milliseconds * 1e6);
}

static bool read_pair(cr_device_times *t, lane *l, pair *p) {
  double from, length;
  if (!t->control->event_elapsed(l->base, p->start, &from) ||
      !t->control->event_elapsed(p->start, p->end, &length))
    return false;
  cr_device_event e = {.row = p->row,
                       .backward = p->backward,
                       .device = l->device,
                       .stream = p->stream,
                       .start = l->base_time + (uint64_t)(int64_t)(from * 1e6),
                       .nanoseconds = length > 0 ? (uint64_t)(length * 1e6) : 0};
  t->add(t->owner, &e);
  if (from > 1000) move_base(l, p, from);
  return true;
}

/* Reads from the oldest on: all, for which it waits, or those that are over. */
static bool read_lane(cr_device_times *t, lane *l, bool all) {
  while (l->first) {
    pair *p = l->first;
    int done = all ? t->control->event_synchronize(p->end) : t->control->event_done(p->end);
    if (!all && done == 0) break;
    if (done <= 0 || !read_pair(t, l, p)) return false;
    l->first = p->next;
    l->waiting--;
    give_back(l, p);
  }
  if (!l->first) l->last = &l->first;
  l->read_at = l->waiting + READ_EVERY;
  return true;
}

bool cr_device_times_finish(cr_device_times *t) {
  for (lane *l = t->lanes; l && !t->failed; l = l->next)
    if (!read_lane(t, l, true)) fail(t);
  return !t->failed || cr_fail("%s", t->failure);
}

/* ---- around an operator ----------------------------------------------------------------- */

static bool begin(cr_device_times *t, cr_device d) {
  lane *l = lane_of(t, d);
  if (!l) return false;
  if (l->open) return true;
  pair *p = take_pair(t, l);
  if (!p) return false;
  l->open = p;
  p->stream = t->control->stream(l->device);
  return t->control->event_record(p->start, p->stream);
}

void cr_device_times_begin(cr_device_times *t, cr_device d) {
  if (!t->failed && !begin(t, d)) fail(t);
}

static bool end(cr_device_times *t, lane *l, int row, bool backward) {
  pair *p = l->open;
  if (!t->control->event_record(p->end, p->stream)) return false;
  l->open = NULL;
  p->row = row;
  p->backward = backward;
  *l->last = p;
  l->last = &p->next;
  return ++l->waiting < l->read_at || read_lane(t, l, false);
}

void cr_device_times_end(cr_device_times *t, int row, bool backward) {
  for (lane *l = t->lanes; l && !t->failed; l = l->next)
    if (l->open && !end(t, l, row, backward)) fail(t);
}

void cr_device_times_drop(cr_device_times *t) {
  for (lane *l = t->lanes; l; l = l->next) {
    if (!l->open) continue;
    give_back(l, l->open);
    l->open = NULL;
  }
}
