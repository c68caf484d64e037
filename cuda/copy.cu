/* copy.cu: converting, copying and filling elements. */
#include "cuda/cast.h"
#include "cuda/loop.h"

/* ---- conversions ------------------------------------------------------------------------ */

template <typename O> struct converted {
  template <typename C> __device__ O operator()(C x) const { return cr_cast<O>::from(x); }
};
/* Narrowed by the loop. */
template <> struct converted<cr_f16> {
  template <typename C> __device__ float operator()(C x) const { return (float)x; }
};
template <> struct converted<cr_bf16> {
  template <typename C> __device__ float operator()(C x) const { return (float)x; }
};

template <typename C> struct as_it_is {
  __device__ cr_to_cast<C> operator()(C x) const { return {x}; }
};

/* The conversions that are frequent, X(to, its type, from, its type).  A bool is read as uint8. */
#define EACH_FREQUENT(X)                                                                           \
  X(CR_FLOAT16, cr_f16, CR_FLOAT32, float)                                                         \
  X(CR_BFLOAT16, cr_bf16, CR_FLOAT32, float)                                                       \
  X(CR_FLOAT64, double, CR_FLOAT32, float)                                                         \
  X(CR_INT64, int64_t, CR_FLOAT32, float)                                                          \
  X(CR_UINT8, uint8_t, CR_FLOAT32, float)                                                          \
  X(CR_FLOAT32, float, CR_FLOAT16, cr_f16)                                                         \
  X(CR_FLOAT32, float, CR_BFLOAT16, cr_bf16)                                                       \
  X(CR_FLOAT32, float, CR_FLOAT64, double)                                                         \
  X(CR_FLOAT32, float, CR_UINT8, uint8_t)                                                          \
  X(CR_FLOAT16, cr_f16, CR_UINT8, uint8_t)                                                         \
  X(CR_BFLOAT16, cr_bf16, CR_UINT8, uint8_t)                                                       \
  X(CR_INT64, int64_t, CR_UINT8, uint8_t)                                                          \
  X(CR_FLOAT32, float, CR_INT32, int32_t)                                                          \
  X(CR_INT64, int64_t, CR_INT32, int32_t)                                                          \
  X(CR_FLOAT32, float, CR_INT64, int64_t)                                                          \
  X(CR_INT32, int32_t, CR_INT64, int64_t)

static bool convert(const cr_iter *it) {
  cr_dtype to = it->op[0].dtype, from = it->op[1].dtype;
  bool done = false, ok = true;
  if (from == CR_BOOL) from = CR_UINT8;
#define TRY(code, type, from_code, from_type)                                                      \
  if (to == code && from == from_code)                                                             \
    ok = cr_try_dense<type, from_type>("copy", it, converted<type>(), &done);
  EACH_FREQUENT(TRY)
#undef TRY
  if (done || !ok) return ok;
  if (from == CR_FLOAT64) return cr_loop_any<double, 2>("copy", it, as_it_is<double>());
  if (cr_dtypes[from].is_float) return cr_loop_any<float, 2>("copy", it, as_it_is<float>());
  return cr_loop_any<int64_t, 2>("copy", it, as_it_is<int64_t>());
}

/* ---- turned matrices -------------------------------------------------------------------- */

/* Where the output is contiguous along dimension 0 and the input along another one, tiles are read
 * along the one and written along the other. */
#define TILE 32
#define TILE_THREADS 8 /* times TILE: the threads of a block */

struct turned {
  int64_t cols, rows, across, down, tiles; /* of the matrix; tiles in it, and in all */
  int64_t out_row, in_col;                 /* bytes from a row of the output to the next, … */
  int64_t ndim, shape[CR_MAX_DIMS];        /* the other dimensions */
  int64_t out_stride[CR_MAX_DIMS], in_stride[CR_MAX_DIMS];
  char *out;
  const char *in;
};

template <typename T>
__global__ void __launch_bounds__(TILE *TILE_THREADS) turn(const __grid_constant__ turned l) {
  CR_SHARED(T, tile, TILE * (TILE + 1));
  int tx = (int)threadIdx.x, ty = (int)threadIdx.y;
  for (int64_t t = blockIdx.x; t < l.tiles; t += gridDim.x) {
    int64_t col = t % l.across * TILE, row = t / l.across % l.down * TILE;
    int64_t rest = t / l.across / l.down;
    const char *in = l.in + col * l.in_col + row * (int64_t)sizeof(T);
    char *out = l.out + row * l.out_row + col * (int64_t)sizeof(T);
    for (int d = 0; d < l.ndim; d++) {
      int64_t i = rest % l.shape[d];
      rest /= l.shape[d];
      in += i * l.in_stride[d];
      out += i * l.out_stride[d];
    }
    for (int c = ty; c < TILE; c += TILE_THREADS) {
      if (col + c < l.cols && row + tx < l.rows)
        tile[c * (TILE + 1) + tx] = reinterpret_cast<const T *>(in + c * l.in_col)[tx];
    }
    __syncthreads();
    for (int r = ty; r < TILE; r += TILE_THREADS) {
      if (col + tx < l.cols && row + r < l.rows)
        reinterpret_cast<T *>(out + r * l.out_row)[tx] = tile[tx * (TILE + 1) + r];
    }
    __syncthreads();
  }
}

#define LEAST_TURNED 16 /* rows and columns for which tiles pay */

/* The dimension along which the input is contiguous; 0: the loop is not of that kind. */
static int turned_dim(const cr_iter *it) {
  int64_t size = (int64_t)cr_dtypes[it->op[0].dtype].size;
  if (it->ndim < 2 || it->shape[0] < LEAST_TURNED) return 0;
  if (it->op[0].stride[0] != size || it->op[1].stride[0] == size) return 0;
  for (int d = 1; d < it->ndim; d++) {
    if (it->op[1].stride[d] == size && it->shape[d] >= LEAST_TURNED) return d;
  }
  return 0;
}

static turned turned_of(const cr_iter *it, int dim) {
  turned l;
  memset(&l, 0, sizeof l);
  l.cols = it->shape[0];
  l.rows = it->shape[dim];
  l.across = (l.cols + TILE - 1) / TILE;
  l.down = (l.rows + TILE - 1) / TILE;
  l.tiles = l.across * l.down;
  l.out_row = it->op[0].stride[dim];
  l.in_col = it->op[1].stride[0];
  for (int d = 1; d < it->ndim; d++) {
    if (d == dim) continue;
    l.shape[l.ndim] = it->shape[d];
    l.out_stride[l.ndim] = it->op[0].stride[d];
    l.in_stride[l.ndim++] = it->op[1].stride[d];
    l.tiles *= it->shape[d];
  }
  l.out = it->op[0].data;
  l.in = it->op[1].data;
  return l;
}

template <typename T> static bool copy_turned(const cr_iter *it, int dim) {
  turned l = turned_of(it, dim);
  return cr_launch("copy", turn<T>, cr_blocks(l.tiles, 1), dim3(TILE, TILE_THREADS), 0, l);
}

/* ---- copies of bits --------------------------------------------------------------------- */

struct alignas(16) word {
  uint64_t half[2];
};

template <> __device__ __forceinline__ word cr_number<word>(uint64_t bits) {
  return word{{bits, bits}};
}

struct same {
  template <typename T> __device__ T operator()(T x) const { return x; }
};

/* Where lines lie without gaps, the loop as one over elements of up to 16 bytes; returns their
 * size. */
static int64_t widen(cr_iter *it) {
  int64_t size = (int64_t)cr_dtypes[it->op[0].dtype].size;
  for (int k = 0; k < 2; k++) {
    if (!it->ndim || it->op[k].number || it->op[k].stride[0] != size) return size;
  }
  for (; size < 16; size *= 2, it->shape[0] /= 2, it->numel /= 2) {
    int64_t all = it->shape[0] * size;
    for (int k = 0; k < 2; k++) {
      all |= (int64_t)(reinterpret_cast<uintptr_t>(it->op[k].data));
      for (int d = 1; d < it->ndim; d++) all |= it->op[k].stride[d];
    }
    if (all % (2 * size)) break;
  }
  it->op[0].stride[0] = it->op[1].stride[0] = size;
  return size;
}

static bool copy_with_gaps(const cr_iter *given) {
  cr_iter wide = *given, *it = &wide;
  int64_t size = widen(it);
  unsigned blocks = cr_blocks(it->numel, CR_LOOP_THREADS);
#define RUN(type)                                                                                  \
  cr_launch("copy", cr_strided_kernel<same, type, type>, blocks, CR_LOOP_THREADS, 0,               \
            cr_places_of<2>(it), same())
  switch (size) {
  case 1: return RUN(uint8_t);
  case 2: return RUN(uint16_t);
  case 4: return RUN(uint32_t);
  case 8: return RUN(uint64_t);
  default: return RUN(word);
  }
#undef RUN
}

static bool is_plain(const cr_iter *it, int k) {
  const cr_operand *o = &it->op[k];
  if (o->number || it->ndim > 1) return false;
  return it->ndim == 0 || o->stride[0] == (int64_t)cr_dtypes[o->dtype].size;
}

/* Types of equal bits. */
static bool copy_bits(const cr_iter *it) {
  size_t size = cr_dtypes[it->op[0].dtype].size;
  if (it->numel == 0) return true;
  if (is_plain(it, 0) && is_plain(it, 1)) {
    if (!cr_cuda_enter()) return false;
    return cr_cuda_ok(cudaMemcpyAsync(it->op[0].data, it->op[1].data, (size_t)it->numel * size,
                                      cudaMemcpyDeviceToDevice, cr_cuda_stream()),
                      "copy");
  }
  int dim = turned_dim(it);
  if (dim == 0) return copy_with_gaps(it);
  switch (size) {
  case 1: return copy_turned<uint8_t>(it, dim);
  case 2: return copy_turned<uint16_t>(it, dim);
  case 4: return copy_turned<uint32_t>(it, dim);
  default: return copy_turned<uint64_t>(it, dim);
  }
}

static bool copy(const cr_iter *it) {
  return it->op[0].dtype == it->op[1].dtype ? copy_bits(it) : convert(it);
}

/* ---- fills ------------------------------------------------------------------------------ */

/* The bits of v as an element of dtype, as the CPU makes them. */
static bool bits_of(cr_dtype dtype, cr_scalar v, uint64_t *bits) {
  cr_iter one;
  memset(&one, 0, sizeof one);
  *bits = 0;
  one.nops = 1;
  one.numel = 1;
  one.op[0].dtype = dtype;
  one.op[0].data = reinterpret_cast<char *>(bits);
  return cr_cuda_core->cpu->fill(&one, v);
}

static bool fill(const cr_iter *it, cr_scalar v) {
  cr_iter from = *it;
  uint64_t bits;
  from.nops = 2;
  memset(&from.op[1], 0, sizeof from.op[1]);
  from.op[1].dtype = it->op[0].dtype;
  from.op[1].data = reinterpret_cast<char *>(&bits);
  from.op[1].number = true;
  if (!bits_of(it->op[0].dtype, v, &bits)) return false;
  switch (cr_dtypes[it->op[0].dtype].size) {
  case 1: return cr_loop<uint8_t, uint8_t>("fill", &from, same());
  case 2: return cr_loop<uint16_t, uint16_t>("fill", &from, same());
  case 4: return cr_loop<uint32_t, uint32_t>("fill", &from, same());
  default: return cr_loop<uint64_t, uint64_t>("fill", &from, same());
  }
}

__global__ void __launch_bounds__(CR_LOOP_THREADS)
    progression(int64_t n, char *out, int64_t stride, int64_t dtype, double start, double step) {
  for (int64_t i = cr_thread(); i < n; i += cr_threads())
    cr_store(start + (double)i * step, dtype, out + i * stride);
}

static bool arange(const cr_iter *it, double start, double step) {
  int64_t stride = it->ndim ? it->op[0].stride[0] : 0;
  return it->numel == 0 ||
         cr_launch("arange", progression, cr_blocks(it->numel, CR_LOOP_THREADS), CR_LOOP_THREADS, 0,
                   it->numel, it->op[0].data, stride, (int64_t)it->op[0].dtype, start, step);
}

void cr_cuda_fill_copy(cr_backend *b) {
  b->copy = copy;
  b->fill = fill;
  b->arange = arange;
}
