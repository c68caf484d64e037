/* recurrent.h: what the files of the recurrent layers share. */
#ifndef CR_NN_RECURRENT_H
#define CR_NN_RECURRENT_H

#include "nn/internal.h"
#include "tensor/autograd.h"

/* The inputs of a recorded call, and what it keeps beside them: the states of all steps, what the
 * cells kept of their gates (LSTM: i f g o, GRU: r z n and the state's part of n), the LSTM's c,
 * and its states before the projection. */
enum { X, H0, C0, W_IH, W_HH, B_IH, B_HH, W_HR, NIN, OUT = NIN, ACT, CELL, RAW, NSAVED };

/* Rows that a step computes together: they continue `rows` rows from `prev` on, or where that is
 * -1, the given states; `lane` is the sequence of the first. */
typedef struct {
  int64_t row, rows, lane, prev;
} cr_piece;

typedef struct {
  cr_recurrent_kind kind;
  bool reverse;
  int64_t steps, batch, total; /* total: rows of all steps */
  int64_t in, hidden, out, gates;
  int64_t *size, *row; /* of each step: rows, and the first one */
  cr_piece *pieces;    /* in the order of computing */
  cr_piece *last;      /* where each sequence ends; prev does not count */
  int64_t npieces, nlast;
} cr_recurrence;

/* The step that is computed as number i. */
static inline int64_t cr_step(const cr_recurrence *r, int64_t i) {
  return r->reverse ? r->steps - 1 - i : i;
}

/* The gradients as compositions of recorded operators (recurrent_composed.c); g: of the states, the
 * last ones, the LSTM's last c. */
bool cr_recurrent_composed(cr_node *n, const cr_recurrence *r, cr_tensor *const *saved,
                           cr_tensor *const *g, cr_tensor **gin);

#endif
