/* reach.c: which leaves a result was computed from. */
#include <stdint.h>
#include <stdlib.h>

#include "tensor/autograd.h"

/* Nodes that were met, as an open table of pointers, and those of them still to be looked at. */
typedef struct {
  cr_node **met, **waiting;
  size_t room, count, nwaiting;
} search;

static size_t place_of(const search *s, const cr_node *n) {
  size_t at = ((uintptr_t)n >> 4) * 0x9e3779b97f4a7c15u >> 20 & (s->room - 1);
  while (s->met[at] && s->met[at] != n) at = (at + 1) & (s->room - 1);
  return at;
}

/* The table stays at most half full, so that as many as half its places may be waiting. */
static bool grow(search *s) {
  search larger = {.room = s->room ? 2 * s->room : 256};
  larger.met = calloc(larger.room, sizeof *larger.met);
  larger.waiting = realloc(s->waiting, larger.room / 2 * sizeof *larger.waiting);
  if (larger.waiting) s->waiting = larger.waiting;
  if (!larger.met || !larger.waiting) {
    free(larger.met);
    return cr_fail("out of memory while looking through a graph");
  }
  for (size_t i = 0; i < s->room; i++)
    if (s->met[i]) larger.met[place_of(&larger, s->met[i])] = s->met[i];
  free(s->met);
  s->met = larger.met;
  s->room = larger.room;
  return true;
}

static bool meet(search *s, cr_node *n) {
  if (!n) return true;
  if (2 * s->count >= s->room && !grow(s)) return false;
  size_t at = place_of(s, n);
  if (s->met[at]) return true;
  s->met[at] = n;
  s->waiting[s->nwaiting++] = n;
  s->count++;
  return true;
}

static bool among(const cr_tensor *t, int n, cr_tensor *const *list) {
  for (int i = 0; i < n; i++)
    if (list[i] == t) return true;
  return false;
}

int cr_reaches_others(cr_tensor *root, int nown, cr_tensor *const *own) {
  if (!cr_requires_grad(root)) return 0;
  cr_node *first = cr_grad_node(root);
  if (!first) return !among(root, nown, own);
  search s = {0};
  int found = meet(&s, first) ? 0 : -1;
  while (found == 0 && s.nwaiting) {
    cr_node *n = s.waiting[--s.nwaiting];
    for (int i = 0; found == 0 && i < cr_node_ninputs(n); i++) {
      cr_tensor *leaf = cr_node_leaf(n, i);
      if (leaf && cr_requires_grad(leaf) && !among(leaf, nown, own))
        found = 1;
      else if (!meet(&s, cr_node_input(n, i)))
        found = -1;
    }
  }
  free(s.met);
  free(s.waiting);
  return found;
}
