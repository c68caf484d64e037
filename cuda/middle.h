/* middle.h: sums over all but the middle dimension of an array (outer, n, inner).  How the work is
 * cut, and so the order of additions, depends on the shape alone.
 *
 * cr_sum_middle(name, s, aligned, source, sink): the source says what is added up, in a state as in
 * cuda/rows.h:
 *
 *   enum { PACK = ... };
 *   typedef ... state;
 *   void take(state &s, const cr_position &at, width, bool aligned) const;
 *
 * adds what `width` neighbours contribute that begin at `at`, all of one channel: PACK or 1.
 * sink(channel, state) gets the sums.  `aligned` says that each channel's planes can be read in
 * packs of 16 bytes. */
#ifndef CR_CUDA_MIDDLE_H
#define CR_CUDA_MIDDLE_H

#include "cuda/rows.h"

struct cr_position {
  int64_t outer, channel, i; /* i: of the whole array */
};

#define CR_MIDDLE_THREADS 256
#define CR_MIDDLE_WIDE 32 /* neighbouring channels that a block takes when inner is 1 */
#define CR_MIDDLE_HIGH (CR_MIDDLE_THREADS / CR_MIDDLE_WIDE)

struct cr_middle_cut {
  int64_t outer, n, inner;
  int64_t outer_parts, inner_parts;
};

/* Where part i of `parts` of n begins. */
__device__ __forceinline__ int64_t cr_begin_of(int64_t n, int64_t parts, int64_t i) {
  return n / parts * i + (i < n % parts ? i : n % parts);
}

/* Keeps the sums of a part, or hands them on when it is the only one. */
template <typename S, typename Sink>
__device__ __forceinline__ void cr_part_done(S *parts, const cr_middle_cut &m, int64_t channel,
                                             int64_t part, const S &s, const Sink &sink) {
  if (parts)
    parts[channel * m.outer_parts * m.inner_parts + part] = s;
  else
    sink(channel, s);
}

/* A block for each part of each channel.  `lanes` threads lie side by side along inner, in several
 * rows when inner is short. */
template <typename Source, typename Sink>
__global__ void __launch_bounds__(CR_MIDDLE_THREADS)
    cr_planes_kernel(const __grid_constant__ cr_middle_cut m, typename Source::state *parts,
                     int lanes, bool aligned, Source source, Sink sink) {
  const int V = Source::PACK;
  int64_t packs = (m.inner + V - 1) / V;
  int lane = (int)threadIdx.x & (lanes - 1), row = (int)threadIdx.x / lanes;
  int rows = CR_MIDDLE_THREADS / lanes;
  for (int64_t b = blockIdx.x; b < m.n * m.outer_parts * m.inner_parts; b += gridDim.x) {
    int64_t channel = b % m.n, part = b / m.n;
    int64_t po = part / m.inner_parts, pi = part % m.inner_parts;
    int64_t first = cr_begin_of(packs, m.inner_parts, pi) * V;
    int64_t last = cr_begin_of(packs, m.inner_parts, pi + 1) * V;
    int64_t end = cr_begin_of(m.outer, m.outer_parts, po + 1);
    if (last > m.inner) last = m.inner;
    typename Source::state s = Source::state::nothing();
    for (int64_t o = cr_begin_of(m.outer, m.outer_parts, po) + row; o < end; o += rows) {
      int64_t at = (o * m.n + channel) * m.inner + first;
      cr_walk_in<V>(last - first, lane, lanes, [&](int64_t i, auto width) {
        source.take(s, {o, channel, at + i}, width, aligned);
      });
    }
    s = cr_join(s, CR_MIDDLE_THREADS);
    if (threadIdx.x == 0) cr_part_done(parts, m, channel, part, s, sink);
  }
}

/* inner is 1: a block for each part of 32 neighbouring channels. */
template <typename Source, typename Sink>
__global__ void __launch_bounds__(CR_MIDDLE_THREADS)
    cr_channels_kernel(const __grid_constant__ cr_middle_cut m, typename Source::state *parts,
                       Source source, Sink sink) {
  CR_SHARED(typename Source::state, rest, CR_MIDDLE_THREADS);
  int x = (int)threadIdx.x, y = (int)threadIdx.y;
  int64_t groups = (m.n + CR_MIDDLE_WIDE - 1) / CR_MIDDLE_WIDE;
  for (int64_t b = blockIdx.x; b < groups * m.outer_parts; b += gridDim.x) {
    int64_t channel = b % groups * CR_MIDDLE_WIDE + x, part = b / groups;
    int64_t first = cr_begin_of(m.outer, m.outer_parts, part);
    int64_t end = channel < m.n ? cr_begin_of(m.outer, m.outer_parts, part + 1) : 0;
    typename Source::state s = Source::state::nothing();
#pragma unroll 4
    for (int64_t o = first + y; o < end; o += CR_MIDDLE_HIGH)
      source.take(s, {o, channel, o * m.n + channel}, cr_width<1>(), true);
    rest[y * CR_MIDDLE_WIDE + x] = s;
    __syncthreads();
    if (y == 0 && channel < m.n) {
      for (int i = 1; i < CR_MIDDLE_HIGH; i++) s.join(rest[i * CR_MIDDLE_WIDE + x]);
      cr_part_done(parts, m, channel, part, s, sink);
    }
    __syncthreads();
  }
}

/* A warp joins the parts of a channel. */
template <typename S, typename Sink>
__global__ void __launch_bounds__(CR_MIDDLE_THREADS)
    cr_parts_kernel(const S *parts, int64_t n, int64_t count, Sink sink) {
  int lane = (int)threadIdx.x % warpSize;
  for (int64_t c = cr_thread() / warpSize; c < n; c += cr_threads() / warpSize) {
    S s = S::nothing();
    for (int64_t i = lane; i < count; i += warpSize) s.join(parts[c * count + i]);
    for (int d = warpSize / 2; d > 0; d /= 2) s.join(s.from_lane(d));
    if (lane == 0) sink(c, s);
  }
}

/* In so many parts that all blocks together fill a device, none of them tiny. */
static inline cr_middle_cut cr_cut_middle(const cr_middle_shape *s) {
  const int64_t blocks = 1024, part = 4096;
  cr_middle_cut m = {s->outer, s->n, s->inner, 1, 1};
  int64_t wide = s->inner == 1 ? CR_MIDDLE_WIDE : 1, groups = (s->n + wide - 1) / wide;
  int64_t work = s->outer * s->inner;
  if (work == 0) return m;
  int64_t parts = (blocks + groups - 1) / groups, most = work * wide / part + 1;
  if (parts > most) parts = most;
  m.outer_parts = parts < s->outer ? parts : s->outer;
  m.inner_parts = parts / m.outer_parts;
  if (m.inner_parts > s->inner / part + 1) m.inner_parts = s->inner / part + 1;
  return m;
}

/* With room for the sums of the parts, or NULL when there is only one. */
template <typename Source, typename Sink>
static bool cr_sum_parts(const char *name, const cr_middle_cut &m, typename Source::state *parts,
                         bool aligned, const Source &source, const Sink &sink) {
  const int V = Source::PACK;
  int64_t count = m.outer_parts * m.inner_parts;
  int lanes = cr_power_for((m.inner + V - 1) / V, CR_MIDDLE_THREADS);
  bool ok = m.inner == 1
                ? cr_launch(name, cr_channels_kernel<Source, Sink>,
                            cr_blocks((m.n + CR_MIDDLE_WIDE - 1) / CR_MIDDLE_WIDE * count, 1),
                            dim3(CR_MIDDLE_WIDE, CR_MIDDLE_HIGH), 0, m, parts, source, sink)
                : cr_launch(name, cr_planes_kernel<Source, Sink>, cr_blocks(m.n * count, 1),
                            CR_MIDDLE_THREADS, 0, m, parts, lanes, aligned, source, sink);
  return ok && (!parts || cr_launch(name, cr_parts_kernel<typename Source::state, Sink>,
                                    cr_blocks(m.n, CR_MIDDLE_THREADS / 32), CR_MIDDLE_THREADS, 0,
                                    (const typename Source::state *)parts, m.n, count, sink));
}

template <typename Source, typename Sink>
static bool cr_sum_middle(const char *name, const cr_middle_shape &s, bool aligned,
                          const Source &source, const Sink &sink) {
  if (s.n == 0) return true;
  cr_middle_cut m = cr_cut_middle(&s);
  int64_t count = m.outer_parts * m.inner_parts;
  if (count == 1) return cr_sum_parts(name, m, NULL, aligned, source, sink);
  cr_scratch room((size_t)(count * m.n) * sizeof(typename Source::state));
  return room.p && cr_sum_parts(name, m, room.as<typename Source::state>(), aligned, source, sink);
}

#endif
