/* cell.h: derivatives of cells made of operators, for when they are themselves recorded. */
#ifndef CR_NN_CELL_H
#define CR_NN_CELL_H

#include "nn/internal.h"

/* From the summed gates and c, and the gradients gh of the state and gc of the new c: those of
 * gates and of c. */
bool cr_lstm_cell_composed(cr_tensor *gates, cr_tensor *c, cr_tensor *gh, cr_tensor *gc,
                           cr_tensor *out[2]);
/* From g, the gradient of the new state: those of gi, gh and h. */
bool cr_gru_cell_composed(cr_tensor *gi, cr_tensor *gh, cr_tensor *h, cr_tensor *g,
                          cr_tensor *out[3]);

#endif
