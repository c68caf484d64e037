/* sort.cu: stable sorting of lines, and search in sorted ones.
 *
 * An element becomes an unsigned key whose order is the one wanted: NaN is the largest, the two
 * zeros are equal, and for a descending sort all bits are turned over, which keeps equal elements
 * in their order.  Short lines are sorted by a block in shared memory, long ones by CUB's radix
 * sort of keys and places; at the end the elements are fetched by their places. */
#include "cuda/sort.h"
#include "cuda/loop.h"

#include <cub/cub.cuh>

#define SORT_THREADS 256

/* ---- in shared memory ------------------------------------------------------------------- */

#define SLOTS 2048 /* that a block can sort */

/* Sorts every `width` (a power of two) of `slots` slots by key, then place, by Batcher's bitonic
 * network (1968).  Called by the whole block; the slots are filled, but not yet waited for. */
__device__ void sort_shared(uint64_t *key, uint32_t *place, int width, int slots) {
  for (int k = 2; k <= width; k *= 2) {
    for (int j = k / 2; j > 0; j /= 2) {
      __syncthreads();
      for (int t = (int)threadIdx.x; t < slots / 2; t += SORT_THREADS) {
        int a = 2 * t - (t & (j - 1)), b = a + j;
        bool up = (a & (width - 1) & k) == 0;
        bool above = key[a] > key[b] || (key[a] == key[b] && place[a] > place[b]);
        if (above != up) continue;
        uint64_t other_key = key[a];
        uint32_t other_place = place[a];
        key[a] = key[b], place[a] = place[b];
        key[b] = other_key, place[b] = other_place;
      }
    }
  }
  __syncthreads();
}

static int width_for(int64_t n) {
  int width = 1;
  while (width < n) width *= 2;
  return width;
}

/* ---- keys ------------------------------------------------------------------------------- */

__device__ __forceinline__ uint64_t key_of_half(uint32_t u, uint32_t infinity) {
  uint32_t magnitude = u & 0x7fffu;
  if (magnitude > infinity) return 0xffffu;
  return magnitude == 0 ? 0x8000u : u & 0x8000u ? u ^ 0xffffu : u | 0x8000u;
}

__device__ __forceinline__ uint64_t key_of_float(float x) {
  uint32_t u = cr_float_bits(x + 0.0f); /* -0 becomes 0 */
  u ^= u >> 31 ? UINT32_MAX : (uint32_t)1 << 31;
  return x == x ? u : UINT32_MAX;
}

__device__ __forceinline__ uint64_t key_of_double(double x) {
  uint64_t u;
  x += 0.0;
  memcpy(&u, &x, sizeof u);
  u ^= u >> 63 ? UINT64_MAX : (uint64_t)1 << 63;
  return x == x ? u : UINT64_MAX;
}

/* In as many low bits as the type has. */
__device__ uint64_t key_of(int64_t dtype, const char *p) {
  switch (dtype) {
  case CR_FLOAT32: return key_of_float(*reinterpret_cast<const float *>(p));
  case CR_FLOAT64: return key_of_double(*reinterpret_cast<const double *>(p));
  case CR_FLOAT16: return key_of_half(*reinterpret_cast<const uint16_t *>(p), 0x7c00u);
  case CR_BFLOAT16: return key_of_half(*reinterpret_cast<const uint16_t *>(p), 0x7f80u);
  case CR_INT8: return *reinterpret_cast<const uint8_t *>(p) ^ 0x80u;
  case CR_INT16: return *reinterpret_cast<const uint16_t *>(p) ^ 0x8000u;
  case CR_INT32: return *reinterpret_cast<const uint32_t *>(p) ^ 0x80000000u;
  case CR_INT64: return *reinterpret_cast<const uint64_t *>(p) ^ (uint64_t)1 << 63;
  default: return *reinterpret_cast<const uint8_t *>(p);
  }
}

/* ---- lines ------------------------------------------------------------------------------ */

struct lines {
  cr_places<3> l; /* values, places, input, over the lines */
  int64_t first, count, n, stride[3], size;
  int64_t rank, ranks; /* which of a sorted line are delivered */
  uint64_t turn;       /* is xor'ed to the keys */
  const char *packed;  /* the input of these lines without gaps; NULL: read it where it lies */
};

__device__ __forceinline__ void find_line(const lines &s, int64_t line, int64_t (&at)[3]) {
  cr_find(s.l, s.first + line, at);
}

__device__ __forceinline__ void move(int64_t size, char *to, const char *from) {
  switch (size) {
  case 1: *to = *from; break;
  case 2: *reinterpret_cast<uint16_t *>(to) = *reinterpret_cast<const uint16_t *>(from); break;
  case 4: *reinterpret_cast<uint32_t *>(to) = *reinterpret_cast<const uint32_t *>(from); break;
  default: *reinterpret_cast<uint64_t *>(to) = *reinterpret_cast<const uint64_t *>(from); break;
  }
}

/* Writes what place `from` of the line has, whose rank is given, if it is wanted. */
__device__ __forceinline__ void deliver(const lines &s, int64_t line, const int64_t (&at)[3],
                                        int64_t rank, int64_t from) {
  int64_t to = rank - s.rank;
  if (to < 0 || to >= s.ranks) return;
  const char *in =
      s.packed ? s.packed + (line * s.n + from) * s.size : s.l.data[2] + at[2] + from * s.stride[2];
  move(s.size, s.l.data[0] + at[0] + to * s.stride[0], in);
  *reinterpret_cast<int64_t *>(s.l.data[1] + at[1] + to * s.stride[1]) = from;
}

__global__ void __launch_bounds__(SORT_THREADS)
    pack_lines(const __grid_constant__ lines s, char *packed) {
  for (int64_t e = cr_thread(); e < s.count * s.n; e += cr_threads()) {
    int64_t at[3], line = e / s.n, i = e - line * s.n;
    find_line(s, line, at);
    move(s.size, packed + e * s.size, s.l.data[2] + at[2] + i * s.stride[2]);
  }
}

__global__ void __launch_bounds__(SORT_THREADS)
    sort_short_lines(const __grid_constant__ lines s, int width, int per_block) {
  CR_SHARED(uint64_t, key, SLOTS);
  CR_SHARED(uint32_t, place, SLOTS);
  for (int64_t first = (int64_t)blockIdx.x * per_block; first < s.count;
       first += (int64_t)gridDim.x * per_block) {
    int count = (int)(s.count - first < per_block ? s.count - first : per_block);
    for (int t = (int)threadIdx.x; t < count * width; t += SORT_THREADS) {
      int64_t at[3], line = first + t / width;
      int i = t % width;
      find_line(s, line, at);
      place[t] = (uint32_t)i;
      key[t] = UINT64_MAX; /* beyond the line: after all else, by its place */
      if (i < s.n) key[t] = key_of(s.l.dtype[2], s.l.data[2] + at[2] + i * s.stride[2]) ^ s.turn;
    }
    sort_shared(key, place, width, count * width);
    for (int t = (int)threadIdx.x; t < count * width; t += SORT_THREADS) {
      int64_t at[3], line = first + t / width;
      if (t % width >= s.n) continue;
      find_line(s, line, at);
      deliver(s, line, at, t % width, place[t]);
    }
    __syncthreads();
  }
}

__global__ void __launch_bounds__(SORT_THREADS)
    make_keys(const __grid_constant__ lines s, uint64_t *keys, int64_t *places) {
  for (int64_t e = cr_thread(); e < s.count * s.n; e += cr_threads()) {
    int64_t at[3], line = e / s.n, i = e - line * s.n;
    find_line(s, line, at);
    keys[e] = key_of(s.l.dtype[2], s.l.data[2] + at[2] + i * s.stride[2]) ^ s.turn;
    places[e] = i;
  }
}

__global__ void __launch_bounds__(SORT_THREADS)
    deliver_lines(const __grid_constant__ lines s, const int64_t *places) {
  for (int64_t e = cr_thread(); e < s.count * s.n; e += cr_threads()) {
    int64_t at[3], line = e / s.n;
    find_line(s, line, at);
    deliver(s, line, at, e - line * s.n, places[e]);
  }
}

/* ---- radix sorts ------------------------------------------------------------------------ */

#define FAILED "the radix sort of CUB"

static bool sort_whole(const uint64_t *keys, uint64_t *sorted, const int64_t *places,
                       int64_t *sorted_places, int64_t n, int bits) {
  size_t bytes = 0;
  cudaStream_t stream = cr_cuda_stream();
  cudaError_t e = cub::DeviceRadixSort::SortPairs(NULL, bytes, keys, sorted, places, sorted_places,
                                                  n, 0, bits, stream);
  if (!cr_cuda_ok(e, FAILED)) return false;
  cr_scratch room(bytes);
  if (!room.p) return false;
  e = cub::DeviceRadixSort::SortPairs(room.p, bytes, keys, sorted, places, sorted_places, n, 0,
                                      bits, stream);
  return cr_cuda_ok(e, FAILED);
}

__global__ void __launch_bounds__(SORT_THREADS) make_offsets(int *offsets, int count, int n) {
  for (int64_t i = cr_thread(); i <= count; i += cr_threads()) offsets[i] = (int)i * n;
}

/* `count` lines of n, together below 2^31. */
static bool sort_segments(const uint64_t *keys, uint64_t *sorted, const int64_t *places,
                          int64_t *sorted_places, int count, int n, int bits) {
  cr_scratch offsets(((size_t)count + 1) * sizeof(int));
  if (!offsets.p) return false;
  int *begin = offsets.as<int>();
  if (!cr_launch("sort", make_offsets, cr_blocks(count + 1, SORT_THREADS), SORT_THREADS, 0, begin,
                 count, n))
    return false;
  size_t bytes = 0;
  cudaStream_t stream = cr_cuda_stream();
  cudaError_t e =
      cub::DeviceSegmentedRadixSort::SortPairs(NULL, bytes, keys, sorted, places, sorted_places,
                                               count * n, count, begin, begin + 1, 0, bits, stream);
  if (!cr_cuda_ok(e, FAILED)) return false;
  cr_scratch room(bytes);
  if (!room.p) return false;
  e = cub::DeviceSegmentedRadixSort::SortPairs(room.p, bytes, keys, sorted, places, sorted_places,
                                               count * n, count, begin, begin + 1, 0, bits, stream);
  return cr_cuda_ok(e, FAILED);
}

#define FEW_LINES 4     /* are sorted one by one, by the whole device each */
#define LONG_LINE 65536 /* so are those */

/* Sorts the keys of count lines of n. */
static bool sort_keys(const uint64_t *keys, uint64_t *sorted, const int64_t *places,
                      int64_t *sorted_places, int64_t count, int64_t n, int bits) {
  if (!cr_cuda_enter()) return false;
  if (count > FEW_LINES && n < LONG_LINE)
    return sort_segments(keys, sorted, places, sorted_places, (int)count, (int)n, bits);
  for (int64_t i = 0; i < count; i++) {
    int64_t at = i * n;
    if (!sort_whole(keys + at, sorted + at, places + at, sorted_places + at, n, bits)) return false;
  }
  return true;
}

/* ---- sort ------------------------------------------------------------------------------- */

static bool sort_long_lines(const lines *s, int bits) {
  size_t all = (size_t)(s->count * s->n);
  cr_scratch room(4 * all * sizeof(uint64_t));
  if (!room.p) return false;
  uint64_t *keys = room.as<uint64_t>(), *sorted = keys + all;
  int64_t *places = reinterpret_cast<int64_t *>(sorted + all), *sorted_places = places + all;
  unsigned blocks = cr_blocks((int64_t)all, SORT_THREADS);
  return cr_launch("sort", make_keys, blocks, SORT_THREADS, 0, *s, keys, places) &&
         sort_keys(keys, sorted, places, sorted_places, s->count, s->n, bits) &&
         cr_launch("sort", deliver_lines, blocks, SORT_THREADS, 0, *s, sorted_places);
}

static bool sort_lines(lines *s, int bits, bool overlapping) {
  cr_scratch copy(overlapping ? (size_t)(s->count * s->n * s->size) : 1);
  if (!copy.p) return false;
  s->packed = overlapping ? copy.as<char>() : NULL;
  if (overlapping && !cr_launch("sort", pack_lines, cr_blocks(s->count * s->n, SORT_THREADS),
                                SORT_THREADS, 0, *s, copy.as<char>()))
    return false;
  if (s->n > SLOTS) return sort_long_lines(s, bits);
  int width = width_for(s->n), per_block = SLOTS / width;
  return cr_launch("sort", sort_short_lines, cr_blocks(s->count, per_block), SORT_THREADS, 0, *s,
                   width, per_block);
}

/* Whether the bytes of a result of `count` elements a line and those of the input overlap. */
static bool overlap(const cr_iter *it, int64_t n, int64_t count, const int64_t *stride,
                    int result) {
  int64_t begin[2], end[2];
  const int operand[2] = {result, 2};
  const int64_t length[2] = {count, n};
  for (int k = 0; k < 2; k++) {
    const cr_operand *o = &it->op[operand[k]];
    begin[k] = end[k] = (int64_t) reinterpret_cast<intptr_t>(o->data);
    for (int d = -1; d < it->ndim; d++) {
      int64_t step = d < 0 ? stride[operand[k]] : o->stride[d];
      int64_t reach = step * ((d < 0 ? length[k] : it->shape[d]) - 1);
      (reach < 0 ? begin : end)[k] += reach;
    }
    end[k] += (int64_t)cr_dtypes[o->dtype].size;
  }
  return begin[0] < end[1] && begin[1] < end[0];
}

#define MOST_KEYS                                                                                  \
  ((int64_t)1 << 26) /* that are in scratch memory at a time, if lines are shorter */

static bool sort(const cr_iter *it, int64_t n, int64_t first, int64_t count,
                 const int64_t stride[3], bool descending) {
  if (n == 0 || it->numel == 0) return true;
  lines s;
  memset(&s, 0, sizeof s);
  s.l = cr_places_of<3>(it);
  s.n = n;
  s.rank = first;
  s.ranks = count;
  s.size = (int64_t)cr_dtypes[it->op[2].dtype].size;
  for (int k = 0; k < 3; k++) s.stride[k] = stride[k];
  int bits = 8 * (int)s.size;
  s.turn = descending ? UINT64_MAX >> (64 - bits) : 0;
  bool overlapping = overlap(it, n, count, stride, 0) || overlap(it, n, count, stride, 1);
  int64_t most = MOST_KEYS / n < 1 ? 1 : MOST_KEYS / n;
  for (s.first = 0; s.first < it->numel; s.first += most) {
    s.count = it->numel - s.first < most ? it->numel - s.first : most;
    if (!sort_lines(&s, bits, overlapping)) return false;
  }
  return true;
}

/* ---- orders ----------------------------------------------------------------------------- */

__global__ void __launch_bounds__(SORT_THREADS)
    order_few(const uint64_t *keys, int n, int width, uint64_t *sorted, int64_t *places) {
  CR_SHARED(uint64_t, key, SLOTS);
  CR_SHARED(uint32_t, place, SLOTS);
  for (int t = (int)threadIdx.x; t < width; t += SORT_THREADS) {
    key[t] = t < n ? keys[t] : UINT64_MAX;
    place[t] = (uint32_t)t;
  }
  sort_shared(key, place, width, width);
  for (int t = (int)threadIdx.x; t < n; t += SORT_THREADS) {
    sorted[t] = key[t];
    places[t] = place[t];
  }
}

__global__ void __launch_bounds__(SORT_THREADS) count_up(int64_t n, int64_t *out) {
  for (int64_t i = cr_thread(); i < n; i += cr_threads()) out[i] = i;
}

bool cr_cuda_order(const uint64_t *keys, int64_t n, int bits, uint64_t *sorted, int64_t *places) {
  if (n <= SLOTS)
    return n == 0 || cr_launch("order", order_few, 1, SORT_THREADS, 0, keys, (int)n, width_for(n),
                               sorted, places);
  cr_scratch numbers((size_t)n * sizeof(int64_t));
  if (!numbers.p || !cr_cuda_enter()) return false;
  return cr_launch("order", count_up, cr_blocks(n, SORT_THREADS), SORT_THREADS, 0, n,
                   numbers.as<int64_t>()) &&
         sort_whole(keys, sorted, numbers.as<int64_t>(), places, n, bits);
}

/* ---- search ----------------------------------------------------------------------------- */

/* Whether an element comes before a value; NaN is the largest number. */
__device__ __forceinline__ bool before(double element, double value, bool right) {
  if (value != value) return right || element == element;
  return right ? element <= value : element < value;
}
__device__ __forceinline__ bool before(int64_t element, int64_t value, bool right) {
  return right ? element <= value : element < value;
}

/* it: counts, values, the lines' beginnings. */
template <typename T>
__global__ void __launch_bounds__(SORT_THREADS)
    search_lines(const __grid_constant__ cr_places<3> l, int64_t n, int64_t stride, bool right) {
  for (int64_t i = cr_thread(); i < l.numel; i += cr_threads()) {
    int64_t at[3], low = 0, high = n;
    cr_find(l, i, at);
    T value = cr_element<T>(l, 1, at[1]);
    while (low < high) {
      int64_t middle = low + (high - low) / 2;
      T element = *reinterpret_cast<const T *>(l.data[2] + at[2] + middle * stride);
      if (before(element, value, right))
        low = middle + 1;
      else
        high = middle;
    }
    *reinterpret_cast<int64_t *>(l.data[0] + at[0]) = low;
  }
}

static bool search(const cr_iter *it, int64_t n, int64_t stride, bool right) {
  if (it->numel == 0) return true;
  return cr_launch(
      "search", it->op[1].dtype == CR_FLOAT64 ? search_lines<double> : search_lines<int64_t>,
      cr_blocks(it->numel, SORT_THREADS), SORT_THREADS, 0, cr_places_of<3>(it), n, stride, right);
}

void cr_cuda_fill_sort(cr_backend *b) {
  b->sort = sort;
  b->search = search;
}
