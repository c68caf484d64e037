/* kernels.h: what nn's kernels on the CPU share.  Each file fills its entries of the table. */
#ifndef CR_NN_KERNELS_H
#define CR_NN_KERNELS_H

#include "nn/internal.h"
#include "tensor/cpu/cpu.h"

#define cr_nn_fill_conv CR_ISA_NAME(cr_nn_fill_conv)
#define cr_nn_fill_pool CR_ISA_NAME(cr_nn_fill_pool)
#define cr_nn_fill_windows CR_ISA_NAME(cr_nn_fill_windows)
#define cr_nn_fill_embedding CR_ISA_NAME(cr_nn_fill_embedding)
#define cr_nn_fill_norm CR_ISA_NAME(cr_nn_fill_norm)
#define cr_nn_fill_softmax CR_ISA_NAME(cr_nn_fill_softmax)
#define cr_nn_fill_loss CR_ISA_NAME(cr_nn_fill_loss)
#define cr_nn_fill_dropout CR_ISA_NAME(cr_nn_fill_dropout)
#define cr_nn_fill_ctc CR_ISA_NAME(cr_nn_fill_ctc)
#define cr_nn_fill_recurrent CR_ISA_NAME(cr_nn_fill_recurrent)
#define cr_nn_fill_attention CR_ISA_NAME(cr_nn_fill_attention)
#define cr_nn_fill_rotary CR_ISA_NAME(cr_nn_fill_rotary)
void cr_nn_fill_conv(cr_nn_backend *b);
void cr_nn_fill_pool(cr_nn_backend *b);
void cr_nn_fill_windows(cr_nn_backend *b);
void cr_nn_fill_embedding(cr_nn_backend *b);
void cr_nn_fill_norm(cr_nn_backend *b);
void cr_nn_fill_softmax(cr_nn_backend *b);
void cr_nn_fill_loss(cr_nn_backend *b);
void cr_nn_fill_dropout(cr_nn_backend *b);
void cr_nn_fill_ctc(cr_nn_backend *b);
void cr_nn_fill_recurrent(cr_nn_backend *b);
void cr_nn_fill_attention(cr_nn_backend *b);
void cr_nn_fill_rotary(cr_nn_backend *b);

/* How the rows of a batch of images are cut: `rows` rows of one image, or whole small images. */
typedef struct {
  int64_t images, rows, per_image, count;
} cr_tiling;

/* Images n0 .. n1-1, rows r0 .. r1-1 of each, and how many columns these have together. */
typedef struct {
  int64_t n0, n1, r0, r1, columns;
} cr_tile;

/* Tile i of n images of height rows and width columns. */
static inline cr_tile cr_nth_tile(const cr_tiling *t, int64_t n, int64_t height, int64_t width,
                                  int64_t i) {
  cr_tile r = {.r1 = height};
  if (t->per_image > 1) {
    r.n0 = i / t->per_image;
    r.r0 = i % t->per_image * t->rows;
    r.r1 = cr_min64(r.r0 + t->rows, height);
    r.n1 = r.n0 + 1;
  } else {
    r.n0 = i * t->images;
    r.n1 = cr_min64(r.n0 + t->images, n);
  }
  r.columns = (r.n1 - r.n0) * (r.r1 - r.r0) * width;
  return r;
}

/* Convolution with one input channel for each group: as conv2d, conv2d_input, conv2d_weight. */
#define cr_depthwise_fits CR_ISA_NAME(cr_depthwise_fits)
#define cr_depthwise CR_ISA_NAME(cr_depthwise)
#define cr_depthwise_input CR_ISA_NAME(cr_depthwise_input)
#define cr_depthwise_weight CR_ISA_NAME(cr_depthwise_weight)
bool cr_depthwise_fits(const cr_conv2d_shape *s);
bool cr_depthwise(const cr_conv2d_shape *s, void *y, const void *x, const void *w,
                  const void *bias);
bool cr_depthwise_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w);
bool cr_depthwise_weight(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x);

/* Convolution by Winograd's method, where it fits and pays: as conv2d and conv2d_input. */
#define cr_winograd_fits CR_ISA_NAME(cr_winograd_fits)
#define cr_winograd CR_ISA_NAME(cr_winograd)
#define cr_winograd_input CR_ISA_NAME(cr_winograd_input)
bool cr_winograd_fits(const cr_conv2d_shape *s);
bool cr_winograd(const cr_conv2d_shape *s, void *y, const void *x, const void *w, const void *bias);
bool cr_winograd_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w);

/* Convolution by panels, as conv2d and conv2d_input; the latter where it pays. */
#define cr_panels CR_ISA_NAME(cr_panels)
#define cr_panels_input_fits CR_ISA_NAME(cr_panels_input_fits)
#define cr_panels_input CR_ISA_NAME(cr_panels_input)
bool cr_panels(const cr_conv2d_shape *s, void *y, const void *x, const void *w, const void *bias);
#define cr_panels_weight CR_ISA_NAME(cr_panels_weight)
bool cr_panels_weight(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x);
bool cr_panels_input_fits(const cr_conv2d_shape *s);
bool cr_panels_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w);

/* Inside a parallel region OpenBLAS runs on one thread; between these it does outside of one too.
 */
#define cr_one_blas_thread CR_ISA_NAME(cr_one_blas_thread)
#define cr_restore_blas_threads CR_ISA_NAME(cr_restore_blas_threads)
int cr_one_blas_thread(void);
void cr_restore_blas_threads(int before);

/* A grain in units of `work` elements each, so that a thread gets at least `grain` of them. */
static inline int64_t cr_grain(int64_t grain, int64_t work) {
  return work >= grain ? 1 : cr_max64(1, grain / cr_max64(1, work));
}

#endif
