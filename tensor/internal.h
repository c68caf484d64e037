/* internal.h: what the files of tensor/ share and nobody else needs. */
#ifndef CR_INTERNAL_H
#define CR_INTERNAL_H

#include "tensor/tensor.h"

/* Counts bytes in an account; charging fails at the account's limit. */
cr_account *cr_charge(size_t bytes);           /* the current one, with a reference */
void cr_uncharge(cr_account *a, size_t bytes); /* gives the reference back */
bool cr_recharge(cr_account *a, size_t from, size_t to);

/* Drops the tape's part of a tensor that is going away (autograd.c). */
void cr_autograd_free(cr_tensor *t);

#endif
