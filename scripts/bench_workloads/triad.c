/* triad.c: prints how many gigabytes a second c = a + s b moves, at best, for arrays that stay in
 * the caches (4 MB each) and for arrays that do not (40 MB each). */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#define MOST 10000000

static void plain(float *restrict c, const float *a, const float *b, int n) {
#pragma omp simd
  for (int i = 0; i < n; i++) c[i] = a[i] + 3 * b[i];
}

/* Past the caches, which need not read c first. */
static void streamed(float *restrict c, const float *a, const float *b, int n) {
#ifdef __SSE__
  const __m128 s = _mm_set1_ps(3);
  for (int i = 0; i < n; i += 4)
    _mm_stream_ps(c + i, _mm_add_ps(_mm_load_ps(a + i), _mm_mul_ps(s, _mm_load_ps(b + i))));
#else
  plain(c, a, b, n);
#endif
}

typedef void triad(float *restrict c, const float *a, const float *b, int n);

/* Each thread goes over its part of the arrays again and again: none waits for the others. */
static double seconds(triad *f, float *x, int n, int repeats) {
  double t = omp_get_wtime();
#pragma omp parallel
  {
    int part = n / omp_get_num_threads() / 16 * 16;
    float *mine = x + omp_get_thread_num() * part;
    for (int r = 0; r < repeats; r++) f(mine, mine + MOST, mine + 2 * MOST, part);
  }
  return omp_get_wtime() - t;
}

static double rate(float *x, int n) {
  triad *ways[] = {plain, streamed};
  double best = 0;
  int repeats = 2 * MOST / n;
  for (int k = 0; k < 16; k++) {
    double gbps = 12e-9 * n * repeats / seconds(ways[k % 2], x, n, repeats);
    if (gbps > best) best = gbps;
  }
  return best;
}

int main(void) {
  float *x = aligned_alloc(64, sizeof *x * 3 * MOST);
  if (!x) return 1;
  for (int i = 0; i < 3 * MOST; i++) x[i] = 1;
  printf("%.1f %.1f\n", rate(x, MOST / 10), rate(x, MOST));
  free(x);
  return 0;
}
