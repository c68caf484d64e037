/* axis.h: what the places of a convolution's result see of its planes, along height or width. */
#ifndef CR_AXIS_H
#define CR_AXIS_H

#include "nn/cpu/kernels.h"
#include "tensor/cpu/strips.h"

typedef struct {
  int64_t size;                /* of the planes seen */
  int64_t places, step;        /* of the result */
  int64_t taps, first, apart;  /* place p sees through tap i p*step + first + i*apart, or nothing */
  int64_t kernel, next;        /* tap i is element kernel + i*next of the kernel */
  int64_t begin, every, whole; /* place p is number begin + p*every of `whole` */
} cr_axis;

/* The place seen farthest to the left by place 0, and how far it sees from there. */
static inline int64_t cr_axis_least(const cr_axis *a) {
  return cr_min64(a->first, a->first + (a->taps - 1) * a->apart);
}
static inline int64_t cr_axis_reach(const cr_axis *a) {
  return (a->taps - 1) * (a->apart < 0 ? -a->apart : a->apart);
}
/* Where tap i is from there. */
static inline int64_t cr_axis_tap(const cr_axis *a, int64_t i) {
  return a->first + i * a->apart - cr_axis_least(a);
}

/* n / step, n >= 0: a division takes long. */
static inline int64_t cr_axis_steps(const cr_axis *a, int64_t n) {
  return a->step == 1 ? n : a->step == 2 ? n / 2 : n / a->step;
}

/* The places p0 .. p1-1 of n that see through a tap at `at` an element of the planes. */
static inline void cr_axis_inside(const cr_axis *a, int64_t at, int64_t n, int64_t *p0,
                                  int64_t *p1) {
  int64_t first = at < 0 ? cr_axis_steps(a, -at + a->step - 1) : 0;
  int64_t end = at >= a->size ? 0 : cr_axis_steps(a, a->size - 1 - at) + 1;
  *p0 = cr_min64(first, n);
  *p1 = cr_max64(*p0, cr_min64(end, n));
}

static inline int64_t cr_share(int64_t all, int64_t parts) {
  return (all + parts - 1) / parts;
}

/* Dimension d of a convolution. */
static inline cr_axis cr_axis_forward(const cr_conv2d_shape *s, int d) {
  int64_t places = d ? s->ow : s->oh;
  return (cr_axis){.size = d ? s->w : s->h,
                   .places = places,
                   .step = s->args.stride[d],
                   .taps = d ? s->kw : s->kh,
                   .first = -s->args.pad[d],
                   .apart = s->args.dilation[d],
                   .next = 1,
                   .every = 1,
                   .whole = places};
}

/* Dimension d of its derivative by the input: the places with remainder `at` by the stride. */
static inline cr_axis cr_axis_back(const cr_conv2d_shape *s, int d, int64_t at) {
  int64_t stride = s->args.stride[d], dilation = s->args.dilation[d];
  int64_t size = d ? s->w : s->h, kernel = d ? s->kw : s->kh, far = at + s->args.pad[d];
  int64_t divisor = stride, rest = dilation % stride;
  while (rest != 0) {
    int64_t next = divisor % rest;
    divisor = rest, rest = next;
  }
  cr_axis a = {.size = d ? s->ow : s->oh,
               .places = cr_share(size - at, stride),
               .step = 1,
               .apart = -dilation / divisor,
               .next = stride / divisor,
               .begin = at,
               .every = stride,
               .whole = size};
  int64_t most = cr_min64(kernel, a.next);
  while (a.kernel < most && (far - a.kernel * dilation) % stride != 0) a.kernel++;
  if (a.kernel < most) a.taps = cr_share(kernel - a.kernel, a.next);
  a.first = (far - a.kernel * dilation) / stride;
  return a;
}

/* Whether each place of the input has taps. */
static inline bool cr_axis_all_seen(const cr_conv2d_shape *s) {
  for (int d = 0; d < 2; d++)
    for (int64_t at = 0; at < cr_min64(s->args.stride[d], d ? s->w : s->h); at++)
      if (cr_axis_back(s, d, at).taps == 0) return false;
  return true;
}

#endif
