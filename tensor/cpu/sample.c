/* sample.c: fills with numbers of the distributions of tensor/sample.h. */
#include "tensor/cpu/cpu.h"
#include "tensor/sample.h"

typedef struct {
  double (*draw)(cr_stream *s, double a, double b);
  const char *out;
  cr_dtype dtype;
  uint64_t seed, offset;
} job;

static bool fill_line(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  const job *j = arg;
  double made[CR_BLOCK];
  int64_t size = (int64_t)cr_sizeof(j->dtype), at = (p[0] - j->out) / size;
  for (int64_t i = 0; i < n; i += CR_BLOCK) {
    int64_t count = cr_min64(CR_BLOCK, n - i);
    for (int64_t k = 0; k < count; k++) {
      cr_stream s = cr_draw_stream_at(j->seed, j->offset + (uint64_t)(at + i + k));
      made[k] = j->draw(&s, *(const double *)(p[1] + (i + k) * stride[1]),
                        *(const double *)(p[2] + (i + k) * stride[2]));
    }
    cr_cpu_cast(j->dtype, p[0] + i * size, CR_FLOAT64, made, count);
  }
  return true;
}

static bool sample(cr_sample_op op, const cr_iter *it, uint64_t seed, uint64_t offset) {
  static double (*const draws[CR_NSAMPLE])(cr_stream *, double, double) = {
      [CR_POISSON] = cr_draw_poisson,     [CR_GAMMA] = cr_draw_gamma_variate,
      [CR_LOG_GAMMA] = cr_draw_log_gamma, [CR_BINOMIAL] = cr_draw_binomial,
      [CR_VON_MISES] = cr_draw_von_mises, [CR_TRUNCATED_NORMAL] = cr_draw_truncated_normal,
  };
  job j = {draws[op], it->op[0].data, it->op[0].dtype, seed, offset};
  return cr_cpu_lines(it, fill_line, &j, CR_GRAIN_DEAR / 4, NULL);
}

void CR_ISA_NAME(cr_cpu_sample)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_sample)(cr_backend *b) {
  b->sample = sample;
}
