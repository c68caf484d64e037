/* sample.cu: fills with numbers of the distributions of tensor/sample.h. */
#include "cuda/cast.h"
#include "cuda/loop.h"
#include "tensor/sample.h"

#define DRAW(name, function)                                                                       \
  struct name {                                                                                    \
    __device__ static double draw(cr_stream *s, double a, double b) { return function(s, a, b); }  \
  };

DRAW(poisson, cr_draw_poisson)
DRAW(gamma_variate, cr_draw_gamma_variate)
DRAW(log_of_gamma, cr_draw_log_gamma)
DRAW(binomial, cr_draw_binomial)
DRAW(von_mises, cr_draw_von_mises)
DRAW(truncated_normal, cr_draw_truncated_normal)

template <typename D>
__global__ void __launch_bounds__(CR_LOOP_THREADS)
    draw_elements(const __grid_constant__ cr_places<3> l, int64_t size, uint64_t seed,
                  uint64_t offset, const cr_random_move *move) {
  cr_move_random(move, &seed, &offset);
  for (int64_t i = cr_thread(); i < l.numel; i += cr_threads()) {
    int64_t at[3];
    cr_find(l, i, at);
    cr_stream s = cr_draw_stream_at(seed, offset + (uint64_t)(at[0] / size));
    double a = cr_element<double>(l, 1, at[1]), b = cr_element<double>(l, 2, at[2]);
    cr_store(D::draw(&s, a, b), l.dtype[0], l.data[0] + at[0]);
  }
}

template <typename D> static bool run(const cr_iter *it, uint64_t seed, uint64_t offset) {
  int64_t size = (int64_t)cr_dtypes[it->op[0].dtype].size;
  return it->numel == 0 ||
         cr_launch("sample", draw_elements<D>, cr_blocks(it->numel, CR_LOOP_THREADS),
                   CR_LOOP_THREADS, 0, cr_places_of<3>(it), size, seed, offset,
                   cr_cuda_random_move());
}

static bool sample(cr_sample_op op, const cr_iter *it, uint64_t seed, uint64_t offset) {
  switch (op) {
  case CR_POISSON: return run<poisson>(it, seed, offset);
  case CR_GAMMA: return run<gamma_variate>(it, seed, offset);
  case CR_LOG_GAMMA: return run<log_of_gamma>(it, seed, offset);
  case CR_BINOMIAL: return run<binomial>(it, seed, offset);
  case CR_VON_MISES: return run<von_mises>(it, seed, offset);
  default: return run<truncated_normal>(it, seed, offset);
  }
}

void cr_cuda_fill_sample(cr_backend *b) {
  b->sample = sample;
}
