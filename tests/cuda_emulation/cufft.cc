/* cufft.cc: a fake of cuFFT: plain sums over lines. */
#include <cufft.h>

#include <math.h>
#include <mutex>

#include "fake.h"

/* ---- plans ------------------------------------------------------------------------------ */

enum { PLANS = 256 };

struct plan {
  bool used, made;
  int device;
  bool own_space;                         /* the library would allocate the work area */
  long long n, batch, stride[2], dist[2]; /* in, out */
  cufftType type;
  size_t space;
  void *area;
};

static plan plans[PLANS];
static std::mutex lock;

static plan *find(cufftHandle h) {
  int device;
  if (h < 0 || h >= PLANS || !plans[h].used) return NULL;
  return cudaGetDevice(&device) == cudaSuccess && device == plans[h].device ? &plans[h] : NULL;
}

cufftResult cufftCreate(cufftHandle *handle) {
  std::lock_guard<std::mutex> hold(lock);
  for (int i = 0; handle && i < PLANS; i++) {
    if (plans[i].used) continue;
    plans[i] = plan();
    plans[i].used = plans[i].own_space = true;
    *handle = i;
    return cudaGetDevice(&plans[i].device) == cudaSuccess ? CUFFT_SUCCESS : CUFFT_SETUP_FAILED;
  }
  return CUFFT_ALLOC_FAILED;
}

cufftResult cufftDestroy(cufftHandle h) {
  std::lock_guard<std::mutex> hold(lock);
  plan *p = find(h);
  if (!p) return CUFFT_INVALID_PLAN;
  p->used = false;
  return CUFFT_SUCCESS;
}

cufftResult cufftSetAutoAllocation(cufftHandle h, int automatic) {
  plan *p = find(h);
  if (!p || p->made) return CUFFT_INVALID_PLAN;
  p->own_space = automatic != 0;
  return CUFFT_SUCCESS;
}

cufftResult cufftSetWorkArea(cufftHandle h, void *area) {
  plan *p = find(h);
  if (!p || !p->made) return CUFFT_INVALID_PLAN;
  p->area = area;
  p->own_space = false;
  return CUFFT_SUCCESS;
}

cufftResult cufftSetStream(cufftHandle h, cudaStream_t) {
  return find(h) ? CUFFT_SUCCESS : CUFFT_INVALID_PLAN;
}

static bool is_type(cufftType t) {
  return t == CUFFT_C2C || t == CUFFT_R2C || t == CUFFT_C2R || t == CUFFT_Z2Z || t == CUFFT_D2Z ||
         t == CUFFT_Z2D;
}

/* Without the embedding sizes the lines are contiguous, whatever the strides say. */
cufftResult cufftMakePlanMany64(cufftHandle h, int rank, long long *n, long long *inembed,
                                long long istride, long long idist, long long *onembed,
                                long long ostride, long long odist, cufftType type, long long batch,
                                size_t *space) {
  plan *p = find(h);
  if (!p || p->made || !space) return CUFFT_INVALID_PLAN;
  if (rank != 1) return CUFFT_NOT_SUPPORTED;
  if (!is_type(type)) return CUFFT_INVALID_TYPE;
  if (!n || n[0] < 2 || batch < 1) return CUFFT_INVALID_SIZE;
  if (!inembed != !onembed) return CUFFT_INVALID_VALUE;
  bool real_in = type == CUFFT_R2C || type == CUFFT_D2Z;
  bool real_out = type == CUFFT_C2R || type == CUFFT_Z2D;
  p->n = n[0];
  p->batch = batch;
  p->type = type;
  p->stride[0] = inembed ? istride : 1;
  p->stride[1] = inembed ? ostride : 1;
  p->dist[0] = inembed ? idist : real_out ? p->n / 2 + 1 : p->n;
  p->dist[1] = inembed ? odist : real_in ? p->n / 2 + 1 : p->n;
  for (int i = 0; i < 2; i++)
    if (p->stride[i] < 1 || p->dist[i] < 0) return CUFFT_INVALID_VALUE;
  *space = p->space = (size_t)(p->n * 16 + 64);
  p->made = true;
  return CUFFT_SUCCESS;
}

/* ---- transforms ------------------------------------------------------------------------- */

/* Number k of a line of real or complex numbers; of half a spectrum the mirror image too. */
template <typename R>
static void load(const plan *p, bool real, bool half, const R *line, long long k, double *re,
                 double *im) {
  bool mirrored = half && k > p->n / 2;
  if (mirrored) k = p->n - k;
  if (real) {
    *re = line[k * p->stride[0]];
    *im = 0;
    return;
  }
  *re = line[2 * k * p->stride[0]];
  *im = line[2 * k * p->stride[0] + 1];
  if (mirrored) *im = -*im;
}

/* The first number, and of an even length the last, must be real. */
template <typename R> static bool is_half_spectrum(const plan *p, const R *line) {
  return line[1] == 0 && (p->n % 2 || line[p->n * p->stride[0] + 1] == 0);
}

template <typename R>
static void transform_line(const plan *p, bool real_in, bool real_out, int sign, const R *in,
                           R *out) {
  long long count = real_in ? p->n / 2 + 1 : p->n;
  double *result = static_cast<double *>(calloc((size_t)count * 2, sizeof(double)));
  if (!result) return;
  if (real_out && !is_half_spectrum(p, in))
    memset(result, 0xff, (size_t)count * 2 * sizeof(double));
  for (long long k = 0; k < count; k++)
    for (long long j = 0; j < p->n; j++) {
      double re, im, angle = sign * 2 * M_PI * (double)(j * k % p->n) / (double)p->n;
      load(p, real_in, real_out, in, j, &re, &im);
      result[2 * k] += re * cos(angle) - im * sin(angle);
      result[2 * k + 1] += re * sin(angle) + im * cos(angle);
    }
  for (long long k = 0; k < count; k++) {
    if (real_out) {
      out[k * p->stride[1]] = (R)result[2 * k];
    } else {
      out[2 * k * p->stride[1]] = (R)result[2 * k];
      out[2 * k * p->stride[1] + 1] = (R)result[2 * k + 1];
    }
  }
  free(result);
}

static size_t extent(const plan *p, int side, long long count, size_t size) {
  return (size_t)((p->batch - 1) * p->dist[side] + (count - 1) * p->stride[side] + 1) * size;
}

/* Real data must be aligned like complex data too. */
template <typename R>
static cufftResult run(cufftHandle h, cufftType type, const R *in, R *out, int sign) {
  cr_emulation_device device("cufftExec");
  plan *p = find(h);
  if (!p || !p->made || p->type != type) return CUFFT_INVALID_PLAN;
  if (sign != CUFFT_FORWARD && sign != CUFFT_INVERSE) return CUFFT_INVALID_VALUE;
  bool real_in = type == CUFFT_R2C || type == CUFFT_D2Z;
  bool real_out = type == CUFFT_C2R || type == CUFFT_Z2D;
  size_t pair = 2 * sizeof(R);
  size_t in_bytes = extent(p, 0, real_out ? p->n / 2 + 1 : p->n, real_in ? sizeof(R) : pair);
  size_t out_bytes = extent(p, 1, real_in ? p->n / 2 + 1 : p->n, real_out ? sizeof(R) : pair);
  if (!fake::in_device(in, in_bytes, pair) || !fake::in_device(out, out_bytes, pair))
    return CUFFT_INVALID_VALUE;
  if (!p->own_space && !p->area) return CUFFT_NO_WORKSPACE;
  if (!p->own_space && !fake::in_device(p->area, p->space, 16)) return CUFFT_EXEC_FAILED;
  if (!p->own_space) fake::spoil(p->area, p->space);
  for (long long b = 0; b < p->batch; b++)
    transform_line(p, real_in, real_out, sign, in + b * p->dist[0] * (real_in ? 1 : 2),
                   out + b * p->dist[1] * (real_out ? 1 : 2));
  /* A transform to real numbers may destroy its input. */
  if (real_out && p->stride[0] == 1) memset(const_cast<R *>(in), 0xff, pair);
  return CUFFT_SUCCESS;
}

cufftResult cufftExecC2C(cufftHandle h, cufftComplex *in, cufftComplex *out, int direction) {
  return run(h, CUFFT_C2C, reinterpret_cast<float *>(in), reinterpret_cast<float *>(out),
             direction);
}
cufftResult cufftExecR2C(cufftHandle h, cufftReal *in, cufftComplex *out) {
  return run(h, CUFFT_R2C, in, reinterpret_cast<float *>(out), CUFFT_FORWARD);
}
cufftResult cufftExecC2R(cufftHandle h, cufftComplex *in, cufftReal *out) {
  return run(h, CUFFT_C2R, reinterpret_cast<float *>(in), out, CUFFT_INVERSE);
}
cufftResult cufftExecZ2Z(cufftHandle h, cufftDoubleComplex *in, cufftDoubleComplex *out,
                         int direction) {
  return run(h, CUFFT_Z2Z, reinterpret_cast<double *>(in), reinterpret_cast<double *>(out),
             direction);
}
cufftResult cufftExecD2Z(cufftHandle h, cufftDoubleReal *in, cufftDoubleComplex *out) {
  return run(h, CUFFT_D2Z, in, reinterpret_cast<double *>(out), CUFFT_FORWARD);
}
cufftResult cufftExecZ2D(cufftHandle h, cufftDoubleComplex *in, cufftDoubleReal *out) {
  return run(h, CUFFT_Z2D, reinterpret_cast<double *>(in), out, CUFFT_INVERSE);
}
