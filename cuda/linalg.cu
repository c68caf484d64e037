/* linalg.cu: the table of factorisations, by cuSOLVER and cuBLAS.
 *
 * What they lack goes to the CPU and back.  Each entry waits for the device, since its result says
 * whether it succeeded. */
#include "cuda/library.h"

#include <limits.h>
#include <type_traits>

#define THREADS 256

/* The function for T of a pair; only one has the right type. */
template <typename T, typename F, typename D> static constexpr auto choose(F single, D twice) {
  if constexpr (std::is_same<T, float>::value)
    return single;
  else
    return twice;
}
#define SOLVER(name) choose<T>(solver->cusolverDnS##name, solver->cusolverDnD##name)
#define CALLED(name) "cusolverDn<t>" #name

/* ---- kernels ---------------------------------------------------------------------------- */

/* Ones on the diagonal of an m by n matrix, zeros elsewhere. */
template <typename T>
__global__ void __launch_bounds__(THREADS) identity_kernel(T *a, int64_t m, int64_t n) {
  for (int64_t i = cr_thread(); i < m * n; i += cr_threads()) a[i] = (T)(i % m == i / m);
}

/* out, n by m, is the transposed of a, m by n. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    transpose_kernel(T *out, const T *a, int64_t m, int64_t n) {
  for (int64_t i = cr_thread(); i < m * n; i += cr_threads()) out[i] = a[i % n * m + i / n];
}

/* Rows `first` and below become zero. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    clear_kernel(T *a, int64_t rows, int64_t columns, int64_t first) {
  int64_t height = rows - first;
  for (int64_t i = cr_thread(); i < height * columns; i += cr_threads())
    a[i / height * rows + first + i % height] = 0;
}

/* Puts 1 to *answer if a number is not finite (infinite: true), or not zero. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    look_kernel(int *answer, const T *a, int64_t count, bool infinite) {
  for (int64_t i = cr_thread(); i < count; i += cr_threads())
    if (infinite ? !(a[i] - a[i] == 0) : a[i] != 0) *answer = 1;
}

/* The number, from 1, of the first zero on the diagonal; 0: none.  One block. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    pivot_kernel(int *answer, const T *a, int64_t n, int64_t ld) {
  CR_SHARED(int, first, THREADS);
  int t = threadIdx.x;
  first[t] = INT_MAX;
  for (int64_t i = t; i < n && first[t] == INT_MAX; i += THREADS)
    if (a[i * ld + i] == 0) first[t] = (int)i + 1;
  __syncthreads();
  for (int half = THREADS / 2; half > 0; half /= 2) {
    if (t < half && first[t + half] < first[t]) first[t] = first[t + half];
    __syncthreads();
  }
  if (t == 0) *answer = first[0] == INT_MAX ? 0 : first[0];
}

/* ---- numbers that the device gives ------------------------------------------------------ */

/* An int of the device. */
struct device_int {
  cr_scratch room;
  int *p;
  device_int() : room(sizeof(int)), p(room.as<int>()) {}
  bool clear() const {
    return p && cr_cuda_ok(cudaMemsetAsync(p, 0, sizeof *p, cr_cuda_stream()), "linear algebra");
  }
  /* Waits. */
  bool get(int *value) const { return cr_cuda_read(value, p, sizeof *p, "linear algebra"); }
};

/* The end of a call: what its info says. */
static int result(const device_int &info) {
  int value = 0;
  if (!info.get(&value)) return -1;
  if (value >= 0) return value;
  cr_fail("cuSOLVER refused its argument %d", -value);
  return -1;
}

/* -1: failed; else whether one of the numbers is not finite, or not zero. */
template <typename T> static int look(const T *a, int64_t count, bool infinite) {
  device_int answer;
  int value = 0;
  if (count == 0) return 0;
  bool ok = answer.clear() && cr_launch("linear algebra", look_kernel<T>, cr_blocks(count, THREADS),
                                        THREADS, 0, answer.p, a, count, infinite);
  return ok && answer.get(&value) ? value : -1;
}

/* The iterations for eigenvalues and singular values need finite numbers. */
template <typename T> static bool all_finite(const T *a, int64_t count) {
  int found = look(a, count, true);
  return found == 0 || (found > 0 && cr_fail("the matrix holds NaN or infinite numbers"));
}

/* The first zero pivot, counted from 1; 0: none; -1: failed. */
template <typename T> static int zero_pivot(const T *a, int64_t n, int64_t ld) {
  device_int answer;
  int value = 0;
  bool ok =
      answer.p && cr_launch("linear algebra", pivot_kernel<T>, 1, THREADS, 0, answer.p, a, n, ld);
  return ok && answer.get(&value) ? value : -1;
}

template <typename T> static bool transpose(T *out, const T *a, int64_t m, int64_t n) {
  return cr_launch("linear algebra", transpose_kernel<T>, cr_blocks(m * n, THREADS), THREADS, 0,
                   out, a, m, n);
}

template <typename T> static bool identity(T *a, int64_t m, int64_t n) {
  return cr_launch("linear algebra", identity_kernel<T>, cr_blocks(m * n, THREADS), THREADS, 0, a,
                   m, n);
}

template <typename T> static bool copy(T *out, const T *a, int64_t count) {
  return cr_cuda_ok(cudaMemcpyAsync(out, a, (size_t)count * sizeof(T), cudaMemcpyDeviceToDevice,
                                    cr_cuda_stream()),
                    "linear algebra");
}

static size_t bytes_for(int64_t elements, size_t size) {
  return (size_t)(elements > 0 ? elements : 1) * size;
}

/* ---- by the CPU ------------------------------------------------------------------------- */

/* Host memory for a time, and what belongs to it on the device. */
struct host_copy {
  void *p, *device;
  size_t bytes;
  host_copy(void *on_device, size_t size)
      : p(cr_cuda_core->host_alloc(size)), device(on_device), bytes(size) {
    if (!p) cr_fail("out of memory for %zu bytes of work space", size);
  }
  ~host_copy() {
    if (p) cr_cuda_core->host_free(p, bytes);
  }
  host_copy(const host_copy &) = delete;
  host_copy &operator=(const host_copy &) = delete;
  bool load() const { return p && cr_cuda_read(p, device, bytes, "linear algebra"); }
  bool store() const {
    return cr_cuda_ok(cudaMemcpyAsync(device, p, bytes, cudaMemcpyHostToDevice, cr_cuda_stream()),
                      "linear algebra") &&
           cr_cuda_wait();
  }
};

static int pstrf(cr_dtype t, bool upper, int64_t n, void *a, int *pivots, double tolerance) {
  host_copy x(a, (size_t)(n * n) * cr_sizeof(t)), p(pivots, (size_t)n * sizeof(int));
  if (!p.p || !x.load()) return -1;
  int info = cr_cuda_core->cpu->linalg->pstrf(t, upper, n, x.p, static_cast<int *>(p.p), tolerance);
  return info < 0 || (x.store() && p.store()) ? info : -1;
}

static int geev_by_cpu(cr_dtype t, int64_t n, void *a, void *values, void *vectors) {
  size_t size = cr_sizeof(t);
  host_copy x(a, (size_t)(n * n) * size), w(values, (size_t)(2 * n) * size);
  host_copy v(vectors, (size_t)(vectors ? n * n : 1) * size);
  if (!w.p || !v.p || !x.load()) return -1;
  int info = cr_cuda_core->cpu->linalg->geev(t, n, x.p, w.p, vectors ? v.p : NULL);
  return info < 0 || (w.store() && (!vectors || v.store())) ? info : -1;
}

/* ---- solving ---------------------------------------------------------------------------- */

template <typename T> static int getrf_of(int64_t size, T *a, int *pivots) {
  cr_solver solver("linear algebra");
  int n = (int)size, lwork = 0;
  if (!solver.handle ||
      !solver.ok(SOLVER(getrf_bufferSize)(solver.handle, n, n, a, n, &lwork), CALLED(getrf)))
    return -1;
  cr_scratch work(bytes_for(lwork, sizeof(T)));
  device_int info;
  if (!work.p || !info.p ||
      !solver.ok(SOLVER(getrf)(solver.handle, n, n, a, n, work.as<T>(), pivots, info.p),
                 CALLED(getrf)))
    return -1;
  return result(info);
}

template <typename T>
static int getrs_of(int64_t size, int64_t columns, const T *lu, const int *pivots, T *b) {
  cr_solver solver("linear algebra");
  int n = (int)size;
  device_int info;
  if (!solver.handle || !info.p ||
      !solver.ok(
          SOLVER(getrs)(solver.handle, CUBLAS_OP_N, n, (int)columns, lu, n, pivots, b, n, info.p),
          CALLED(getrs)))
    return -1;
  return result(info);
}

/* The solution for the columns of the identity. */
template <typename T> static int getri_of(int64_t n, T *lu, const int *pivots) {
  int singular = zero_pivot(lu, n, n);
  if (singular) return singular;
  cr_scratch inverse(bytes_for(n * n, sizeof(T)));
  if (!inverse.p || !identity(inverse.as<T>(), n, n)) return -1;
  int info = getrs_of(n, n, lu, pivots, inverse.as<T>());
  return info || copy(lu, inverse.as<const T>(), n * n) ? info : -1;
}

/* B = op(A)^-1 B for triangles with a leading dimension, of which no pivot is zero. */
template <typename T>
static bool solve_triangle(bool upper, bool transposed, bool unit, int64_t n, int64_t columns,
                           const T *a, int64_t lda, T *b, int64_t ldb) {
  cr_blas blas("linear algebra");
  const T one = 1;
  return blas.handle &&
         blas.ok(choose<T>(blas->cublasStrsm, blas->cublasDtrsm)(
                     blas.handle, CUBLAS_SIDE_LEFT,
                     upper ? CUBLAS_FILL_MODE_UPPER : CUBLAS_FILL_MODE_LOWER,
                     transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                     unit ? CUBLAS_DIAG_UNIT : CUBLAS_DIAG_NON_UNIT, (int)n, (int)columns, &one, a,
                     (int)lda, b, (int)ldb),
                 "cublasTrsm") &&
         cr_cuda_launched("cublasTrsm");
}

template <typename T>
static int trtrs_of(cr_tri_system how, int64_t n, int64_t columns, const T *a, T *b) {
  int singular = how.unit ? 0 : zero_pivot(a, n, n);
  if (singular) return singular;
  return solve_triangle(how.upper, how.transposed, how.unit, n, columns, a, n, b, n) ? 0 : -1;
}

template <typename T> static int potrf_of(bool upper, int64_t size, T *a) {
  cr_solver solver("linear algebra");
  int n = (int)size, lwork = 0;
  cublasFillMode_t uplo = upper ? CUBLAS_FILL_MODE_UPPER : CUBLAS_FILL_MODE_LOWER;
  if (!solver.handle ||
      !solver.ok(SOLVER(potrf_bufferSize)(solver.handle, uplo, n, a, n, &lwork), CALLED(potrf)))
    return -1;
  cr_scratch work(bytes_for(lwork, sizeof(T)));
  device_int info;
  if (!work.p || !info.p ||
      !solver.ok(SOLVER(potrf)(solver.handle, uplo, n, a, n, work.as<T>(), lwork, info.p),
                 CALLED(potrf)))
    return -1;
  return result(info);
}

/* ---- orthogonal factors ----------------------------------------------------------------- */

template <typename T> static int geqrf_of(int64_t rows, int64_t columns, T *a, T *tau) {
  cr_solver solver("linear algebra");
  int m = (int)rows, n = (int)columns, lwork = 0;
  if (!solver.handle ||
      !solver.ok(SOLVER(geqrf_bufferSize)(solver.handle, m, n, a, m, &lwork), CALLED(geqrf)))
    return -1;
  cr_scratch work(bytes_for(lwork, sizeof(T)));
  device_int info;
  if (!work.p || !info.p ||
      !solver.ok(SOLVER(geqrf)(solver.handle, m, n, a, m, tau, work.as<T>(), lwork, info.p),
                 CALLED(geqrf)))
    return -1;
  return result(info);
}

template <typename T>
static int orgqr_of(int64_t rows, int64_t columns, int64_t reflectors, T *a, const T *tau) {
  if (reflectors == 0) return identity(a, rows, columns) ? 0 : -1;
  cr_solver solver("linear algebra");
  int m = (int)rows, n = (int)columns, k = (int)reflectors, lwork = 0;
  if (!solver.handle ||
      !solver.ok(SOLVER(orgqr_bufferSize)(solver.handle, m, n, k, a, m, tau, &lwork),
                 CALLED(orgqr)))
    return -1;
  cr_scratch work(bytes_for(lwork, sizeof(T)));
  device_int info;
  if (!work.p || !info.p ||
      !solver.ok(SOLVER(orgqr)(solver.handle, m, n, k, a, m, tau, work.as<T>(), lwork, info.p),
                 CALLED(orgqr)))
    return -1;
  return result(info);
}

template <typename T>
static int ormqr_of(bool right, bool transposed, int64_t rows, int64_t columns, int64_t reflectors,
                    const T *a, const T *tau, T *c) {
  if (reflectors == 0) return 0;
  cr_solver solver("linear algebra");
  int m = (int)rows, n = (int)columns, k = (int)reflectors, lda = right ? n : m, lwork = 0;
  cublasSideMode_t side = right ? CUBLAS_SIDE_RIGHT : CUBLAS_SIDE_LEFT;
  cublasOperation_t op = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  if (!solver.handle || !solver.ok(SOLVER(ormqr_bufferSize)(solver.handle, side, op, m, n, k, a,
                                                            lda, tau, c, m, &lwork),
                                   CALLED(ormqr)))
    return -1;
  cr_scratch work(bytes_for(lwork, sizeof(T)));
  device_int info;
  if (!work.p || !info.p ||
      !solver.ok(SOLVER(ormqr)(solver.handle, side, op, m, n, k, a, lda, tau, c, m, work.as<T>(),
                               lwork, info.p),
                 CALLED(ormqr)))
    return -1;
  return result(info);
}

/* ---- least squares ---------------------------------------------------------------------- */

/* Whether R, of the factors in a with leading dimension ld, can be divided by.  Like LAPACK takes
 * the zero matrix for a success, whose solution is zero: then *zero.  Else the number of the zero
 * pivot, or -1. */
template <typename T>
static int check_rank(const T *factors, int64_t k, int64_t ld, int64_t count, bool *zero) {
  int pivot = zero_pivot(factors, k, ld);
  *zero = false;
  if (pivot != 1) return pivot;
  int other = look(factors, count, false);
  *zero = other == 0;
  return other < 0 ? -1 : other ? pivot : 0;
}

template <typename T> static bool clear_rows(T *b, int64_t rows, int64_t columns, int64_t first) {
  int64_t count = (rows - first) * columns;
  return count == 0 || cr_launch("linear algebra", clear_kernel<T>, cr_blocks(count, THREADS),
                                 THREADS, 0, b, rows, columns, first);
}

/* At least as many rows as columns: R x = Q^T b. */
template <typename T> static int gels_tall(int64_t m, int64_t n, int64_t columns, T *a, T *b) {
  cr_scratch tau(bytes_for(n, sizeof(T)));
  bool zero;
  int info = tau.p ? geqrf_of(m, n, a, tau.as<T>()) : -1;
  if (!info) info = check_rank(a, n, m, m * n, &zero);
  if (info) return info;
  if (zero) return clear_rows(b, m, columns, 0) ? 0 : -1;
  info = ormqr_of(false, true, m, columns, n, a, tau.as<const T>(), b);
  return info || solve_triangle(true, false, false, n, columns, a, m, b, m) ? info : -1;
}

/* More columns than rows, so that A^T = Q R: x = Q (R^-T b), the rest of which is zero.  The
 * factors of A itself, which LAPACK leaves in a, are those transposed. */
template <typename T> static int gels_wide(int64_t m, int64_t n, int64_t columns, T *a, T *b) {
  cr_scratch tau(bytes_for(m, sizeof(T))), turned(bytes_for(m * n, sizeof(T)));
  T *f = turned.as<T>();
  bool zero;
  int info = tau.p && f && transpose(f, (const T *)a, m, n) ? geqrf_of(n, m, f, tau.as<T>()) : -1;
  if (!info) info = check_rank(f, m, n, m * n, &zero);
  if (info) return info;
  if (zero) return clear_rows(b, n, columns, 0) ? 0 : -1;
  if (!solve_triangle(true, true, false, m, columns, f, n, b, n) || !clear_rows(b, n, columns, m))
    return -1;
  info = ormqr_of(false, false, n, columns, m, f, tau.as<const T>(), b);
  return info || transpose(a, (const T *)f, n, m) ? info : -1;
}

/* ---- eigenvalues ------------------------------------------------------------------------ */

template <typename T> static int syevd_of(bool vectors, bool upper, int64_t size, T *a, T *values) {
  cr_solver solver("linear algebra");
  int n = (int)size, lwork = 0;
  cusolverEigMode_t job = vectors ? CUSOLVER_EIG_MODE_VECTOR : CUSOLVER_EIG_MODE_NOVECTOR;
  cublasFillMode_t uplo = upper ? CUBLAS_FILL_MODE_UPPER : CUBLAS_FILL_MODE_LOWER;
  if (!solver.handle || !all_finite(a, size * size) ||
      !solver.ok(SOLVER(syevd_bufferSize)(solver.handle, job, uplo, n, a, n, values, &lwork),
                 CALLED(syevd)))
    return -1;
  cr_scratch work(bytes_for(lwork, sizeof(T)));
  device_int info;
  if (!work.p || !info.p ||
      !solver.ok(
          SOLVER(syevd)(solver.handle, job, uplo, n, a, n, values, work.as<T>(), lwork, info.p),
          CALLED(syevd)))
    return -1;
  return result(info);
}

#if CR_HAS_GEEV

/* The arguments that asking for work space and the call itself have in common. */
#define GEEV_ARGUMENTS                                                                             \
  solver.handle, params, CUSOLVER_EIG_MODE_NOVECTOR,                                               \
      vectors ? CUSOLVER_EIG_MODE_VECTOR : CUSOLVER_EIG_MODE_NOVECTOR, n, t, a, n, t, values, t,   \
      NULL, n, t, vectors, n, t

static int run_geev(const cr_solver &solver, cusolverDnParams_t params, cudaDataType t, int64_t n,
                    void *a, void *values, void *vectors) {
  size_t on_device = 0, on_host = 0;
  if (!solver.ok(solver->cusolverDnXgeev_bufferSize(GEEV_ARGUMENTS, &on_device, &on_host),
                 "cusolverDnXgeev_bufferSize"))
    return -1;
  cr_scratch work(on_device ? on_device : 1);
  host_copy host(NULL, on_host ? on_host : 1);
  device_int info;
  if (!work.p || !host.p || !info.p ||
      !solver.ok(
          solver->cusolverDnXgeev(GEEV_ARGUMENTS, work.p, on_device, host.p, on_host, info.p),
          "cusolverDnXgeev"))
    return -1;
  return result(info);
}

static int geev_by_cusolver(const cr_solver &solver, cudaDataType t, int64_t n, void *a,
                            void *values, void *vectors) {
  cusolverDnParams_t params = NULL;
  if (!solver.ok(solver->cusolverDnCreateParams(&params), "cusolverDnCreateParams")) return -1;
  int info = run_geev(solver, params, t, n, a, values, vectors);
  solver->cusolverDnDestroyParams(params);
  return info;
}

#endif

template <typename T> static int geev_of(int64_t n, T *a, T *values, T *vectors) {
  if (!all_finite(a, n * n)) return -1;
#if CR_HAS_GEEV
  cr_solver solver("linear algebra");
  if (!solver.handle) return -1;
  cudaDataType t = sizeof(T) == 8 ? CUDA_R_64F : CUDA_R_32F;
  if (solver->cusolverDnXgeev && solver->cusolverDnXgeev_bufferSize)
    return geev_by_cusolver(solver, t, n, a, values, vectors);
#endif
  return geev_by_cpu(sizeof(T) == 8 ? CR_FLOAT64 : CR_FLOAT32, n, a, values, vectors);
}

/* ---- singular values -------------------------------------------------------------------- */

/* At least as many rows as columns, which is what cuSOLVER takes. */
template <typename T>
static int gesvd(bool full, int64_t rows, int64_t columns, T *a, T *s, T *u, T *vt) {
  cr_solver solver("linear algebra");
  int m = (int)rows, n = (int)columns, lwork = 0;
  signed char job = full ? 'A' : 'S';
  if (!solver.handle ||
      !solver.ok(SOLVER(gesvd_bufferSize)(solver.handle, m, n, &lwork), CALLED(gesvd)))
    return -1;
  cr_scratch work(bytes_for(lwork, sizeof(T)));
  device_int info;
  if (!work.p || !info.p ||
      !solver.ok(SOLVER(gesvd)(solver.handle, job, job, m, n, a, m, s, u, m, vt, n, work.as<T>(),
                               lwork, (T *)NULL, info.p),
                 CALLED(gesvd)))
    return -1;
  return result(info);
}

/* By the transposed matrix, whose vectors change places. */
template <typename T>
static int gesvd_wide(bool full, int64_t m, int64_t n, T *a, T *s, T *u, T *vt) {
  int64_t k = full ? n : m;
  cr_scratch turned(bytes_for(m * n, sizeof(T)));
  cr_scratch left(bytes_for(n * k, sizeof(T))), right(bytes_for(m * m, sizeof(T)));
  if (!turned.p || !left.p || !right.p || !transpose(turned.as<T>(), (const T *)a, m, n)) return -1;
  int info = gesvd(full, n, m, turned.as<T>(), s, left.as<T>(), right.as<T>());
  if (info) return info;
  return transpose(vt, left.as<const T>(), n, k) && transpose(u, right.as<const T>(), m, m) ? 0
                                                                                            : -1;
}

template <typename T>
static int gesdd_of(bool full, int64_t m, int64_t n, T *a, T *s, T *u, T *vt) {
  if (!all_finite(a, m * n)) return -1;
  return m >= n ? gesvd(full, m, n, a, s, u, vt) : gesvd_wide(full, m, n, a, s, u, vt);
}

/* ---- the table -------------------------------------------------------------------------- */

/* A pointer that takes the type of the parameter it is given for. */
struct untyped {
  const void *p;
  template <typename T> operator T *() const { return static_cast<T *>(const_cast<void *>(p)); }
};

#define OF_TYPE(t, f, ...) ((t) == CR_FLOAT64 ? f<double>(__VA_ARGS__) : f<float>(__VA_ARGS__))

static int getrf(cr_dtype t, int64_t n, void *a, int *pivots) {
  return OF_TYPE(t, getrf_of, n, untyped{a}, pivots);
}

static int getrs(cr_dtype t, int64_t n, int64_t columns, const void *lu, const int *pivots,
                 void *b) {
  return OF_TYPE(t, getrs_of, n, columns, untyped{lu}, pivots, untyped{b});
}

static int getri(cr_dtype t, int64_t n, void *lu, const int *pivots) {
  return OF_TYPE(t, getri_of, n, untyped{lu}, pivots);
}

static int trtrs(cr_dtype t, cr_tri_system how, int64_t n, int64_t columns, const void *a,
                 void *b) {
  return OF_TYPE(t, trtrs_of, how, n, columns, untyped{a}, untyped{b});
}

static int potrf(cr_dtype t, bool upper, int64_t n, void *a) {
  return OF_TYPE(t, potrf_of, upper, n, untyped{a});
}

static int gels(cr_dtype t, int64_t m, int64_t n, int64_t columns, void *a, void *b) {
  if (m >= n) return OF_TYPE(t, gels_tall, m, n, columns, untyped{a}, untyped{b});
  return OF_TYPE(t, gels_wide, m, n, columns, untyped{a}, untyped{b});
}

static int syevd(cr_dtype t, bool vectors, bool upper, int64_t n, void *a, void *values) {
  return OF_TYPE(t, syevd_of, vectors, upper, n, untyped{a}, untyped{values});
}

static int geev(cr_dtype t, int64_t n, void *a, void *values, void *vectors) {
  return OF_TYPE(t, geev_of, n, untyped{a}, untyped{values}, untyped{vectors});
}

static int gesdd(cr_dtype t, bool full, int64_t m, int64_t n, void *a, void *s, void *u, void *vt) {
  return OF_TYPE(t, gesdd_of, full, m, n, untyped{a}, untyped{s}, untyped{u}, untyped{vt});
}

static int geqrf(cr_dtype t, int64_t m, int64_t n, void *a, void *tau) {
  return OF_TYPE(t, geqrf_of, m, n, untyped{a}, untyped{tau});
}

static int orgqr(cr_dtype t, int64_t m, int64_t n, int64_t reflectors, void *a, const void *tau) {
  return OF_TYPE(t, orgqr_of, m, n, reflectors, untyped{a}, untyped{tau});
}

static int ormqr(cr_dtype t, bool right, bool transposed, int64_t m, int64_t n, int64_t reflectors,
                 const void *a, const void *tau, void *c) {
  return OF_TYPE(t, ormqr_of, right, transposed, m, n, reflectors, untyped{a}, untyped{tau},
                 untyped{c});
}

void cr_cuda_fill_linalg(cr_backend *b) {
  static const cr_linalg table = {getrf, getrs, getri, trtrs, potrf, pstrf, gels,
                                  syevd, geev,  gesdd, geqrf, orgqr, ormqr};
  b->linalg = &table;
}
