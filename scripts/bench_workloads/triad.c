/* triad.c: prints how many gigabytes a second c = a + s b moves, at best, for arrays that stay in
 * the caches (4 MB each) and for arrays that do not (40 MB each). */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#define MOST 10000000

static void plain(float *c, const float *a, const float *b, int n) {
#pragma omp parallel for simd schedule(static)
  for (int i = 0; i < n; i++) c[i] = a[i] + 3 * b[i];
}

/* Past the caches, which need not read c first. */
static void streamed(float *c, const float *a, const float *b, int n) {
#ifdef __SSE__
  const __m128 s = _mm_set1_ps(3);
#pragma omp parallel for schedule(static)
  for (int i = 0; i < n; i += 4)
    _mm_stream_ps(c + i, _mm_add_ps(_mm_load_ps(a + i), _mm_mul_ps(s, _mm_load_ps(b + i))));
#else
  plain(c, a, b, n);
#endif
}

static double rate(void (*triad)(float *, const float *, const float *, int), float *x, int n) {
  double best = 0;
  for (int k = 0; k < 8; k++) {
    int repeats = MOST / n;
    double t = omp_get_wtime();
    for (int r = 0; r < repeats; r++) triad(x, x + MOST, x + 2 * MOST, n);
    t = omp_get_wtime() - t;
    double gbps = 12e-9 * n * repeats / t;
    if (gbps > best) best = gbps;
  }
  return best;
}

static double best_rate(float *x, int n) {
  double a = rate(plain, x, n), b = rate(streamed, x, n);
  return a > b ? a : b;
}

int main(void) {
  float *x = aligned_alloc(64, sizeof *x * 3 * MOST);
  if (!x) return 1;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < 3 * MOST; i++) x[i] = 1;
  printf("%.1f %.1f\n", best_rate(x, MOST / 10), best_rate(x, MOST));
  free(x);
  return 0;
}
