/* cub.cuh: the algorithms of CUB that Cresset may use, with their parameter orders, computed on the
 * host.
 *
 * The protocol is the real one: a first call with NULL as temporary storage tells how many bytes of
 * it a second call wants.  What CUB does not promise does not happen to hold here: temporary
 * storage is overwritten, sorting that is not stable turns equal elements around. */
#ifndef CR_EMULATED_CUB_H
#define CR_EMULATED_CUB_H

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdint.h>
#include <string.h>
#include <type_traits>
#include <vector>

#include "../cuda_runtime.h"
#include "../../emulation.h"

#define CUB_VERSION 300001

namespace cub {

/* Two arrays that take turns; `selector` is the one with the data. */
template <typename T> struct DoubleBuffer {
  T *d_buffers[2];
  int selector;
  DoubleBuffer() : d_buffers{nullptr, nullptr}, selector(0) {}
  DoubleBuffer(T *current, T *alternate) : d_buffers{current, alternate}, selector(0) {}
  T *Current() { return d_buffers[selector]; }
  T *Alternate() { return d_buffers[selector ^ 1]; }
};

namespace emulated {

/* ---- temporary storage and ranges
 * -------------------------------------------------------------------- */

enum class step { finished, go_on };

/* The first call ends here (finished, with *error); in the second the storage is checked and
 * spoilt. The device is open. */
static inline step storage(const char *name, void *temporary, size_t &bytes, size_t items,
                           cudaError_t *error) {
  size_t wanted = 512 + items * 8;
  *error = cudaSuccess;
  if (!temporary) {
    bytes = wanted;
    return step::finished;
  }
  if (bytes < wanted) {
    *error = cudaErrorInvalidValue;
    return step::finished;
  }
  if (!cr_emulation_is_device(temporary, bytes))
    cr_emulation_report("%s: the temporary storage %p has not %zu bytes of device memory", name,
                        temporary, bytes);
  memset(temporary, 0xa9, bytes);
  return step::go_on;
}

template <typename T>
static inline void need(const char *name, const char *role, T *p, size_t count) {
  if (count > 0 && !cr_emulation_is_device(p, count * sizeof(T)))
    cr_emulation_report("%s: %s, %p, are not %zu elements in device memory", name, role,
                        (const void *)p, count);
}
/* Of iterators that are no pointers nothing is known. */
template <typename I>
static inline typename std::enable_if<!std::is_pointer<I>::value>::type
need(const char *, const char *, I, size_t) {}

template <typename T, typename U>
static inline void apart(const char *name, const T *in, const U *out, size_t count) {
  uintptr_t a = (uintptr_t)in, b = (uintptr_t)out;
  if (count > 0 && a < b + count * sizeof(U) && b < a + count * sizeof(T))
    cr_emulation_report("%s: the input %p and the output %p overlap", name, (const void *)in,
                        (const void *)out);
}
template <typename I, typename O>
static inline
    typename std::enable_if<!(std::is_pointer<I>::value && std::is_pointer<O>::value)>::type
    apart(const char *, I, O, size_t) {}

/* ---- sorting
 * -------------------------------------------------------------------------------------------- */

/* Bits that compare, as an unsigned number, as the key does; the two zeros are equal. */
template <typename K> static inline uint64_t ordered(K key) {
  static_assert(std::is_arithmetic<K>::value && sizeof(K) <= 8, "a number");
  if (std::is_floating_point<K>::value && key == 0) key = 0;
  uint64_t bits = 0, sign = (uint64_t)1 << (8 * sizeof(K) - 1);
  memcpy(&bits, &key, sizeof key);
  if (std::is_floating_point<K>::value)
    return bits & sign ? ~bits & (sign | (sign - 1)) : bits | sign;
  return std::is_signed<K>::value ? bits ^ sign : bits;
}

struct order {
  int begin_bit, end_bit;
  bool descending, stable;
};

/* Where the elements of a sorted range come from. */
template <typename K>
static std::vector<size_t> sorted_places(const K *keys, size_t count, const order &o) {
  int width = o.end_bit - o.begin_bit;
  uint64_t mask = width >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << width) - 1;
  std::vector<uint64_t> bits(count);
  std::vector<size_t> places(count);
  for (size_t i = 0; i < count; i++) {
    bits[i] = width > 0 ? ordered(keys[i]) >> o.begin_bit & mask : 0;
    places[i] = o.stable ? i : count - 1 - i;
  }
  std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    return o.descending ? bits[b] < bits[a] : bits[a] < bits[b];
  });
  return places;
}

struct nothing {};

/* Sorts [first, last) of keys, and of values unless they are NULL. */
template <typename K, typename V>
static void sort_range(const K *keys_in, K *keys_out, const V *values_in, V *values_out,
                       size_t first, size_t last, const order &o) {
  std::vector<size_t> places = sorted_places(keys_in + first, last - first, o);
  for (size_t i = 0; i < places.size(); i++) {
    keys_out[first + i] = keys_in[first + places[i]];
    if (values_in) values_out[first + i] = values_in[first + places[i]];
  }
}

/* Segments: begin[i] .. end[i]. */
template <typename K, typename V, typename B, typename E>
static cudaError_t sort(const char *name, void *temporary, size_t &bytes, const K *keys_in,
                        K *keys_out, const V *values_in, V *values_out, size_t items,
                        size_t segments, B begin, E end, const order &o) {
  cr_emulation_device open(name);
  cudaError_t error;
  if (storage(name, temporary, bytes, items, &error) == step::finished) return error;
  need(name, "keys in", keys_in, items);
  need(name, "keys out", keys_out, items);
  apart(name, keys_in, keys_out, items);
  if (values_in) {
    need(name, "values in", values_in, items);
    need(name, "values out", values_out, items);
    apart(name, values_in, values_out, items);
  }
  need(name, "segments' begins", begin, segments);
  need(name, "segments' ends", end, segments);
  for (size_t i = 0; i < segments; i++) {
    size_t first = (size_t)begin[i], last = (size_t)end[i];
    if (last > first && last > items)
      cr_emulation_report("%s: segment %zu ends at %zu of %zu elements", name, i, last, items);
    if (last > first) sort_range(keys_in, keys_out, values_in, values_out, first, last, o);
  }
  return cudaSuccess;
}

/* One segment that is everything. */
struct constant {
  size_t value;
  size_t operator[](size_t) const { return value; }
};

template <typename K, typename V>
static cudaError_t sort_all(const char *name, void *temporary, size_t &bytes, const K *keys_in,
                            K *keys_out, const V *values_in, V *values_out, size_t items,
                            const order &o) {
  return sort(name, temporary, bytes, keys_in, keys_out, values_in, values_out, items, 1,
              constant{0}, constant{items}, o);
}

} // namespace emulated

/* Sorting by the bits [begin_bit, end_bit) of keys, stably. */
struct DeviceRadixSort {
#define CR_SORT(name, down)                                                                        \
  template <typename K, typename V, typename N>                                                    \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes, const K *d_keys_in,    \
                          K *d_keys_out, const V *d_values_in, V *d_values_out, N num_items,       \
                          int begin_bit = 0, int end_bit = sizeof(K) * 8, cudaStream_t = 0) {      \
    return emulated::sort_all("cub::DeviceRadixSort::" #name, d_temp_storage, temp_storage_bytes,  \
                              d_keys_in, d_keys_out, d_values_in, d_values_out, (size_t)num_items, \
                              {begin_bit, end_bit, down, true});                                   \
  }                                                                                                \
  template <typename K, typename V, typename N>                                                    \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes,                        \
                          DoubleBuffer<K> &d_keys, DoubleBuffer<V> &d_values, N num_items,         \
                          int begin_bit = 0, int end_bit = sizeof(K) * 8,                          \
                          cudaStream_t stream = 0) {                                               \
    cudaError_t error = name(d_temp_storage, temp_storage_bytes, (const K *)d_keys.Current(),      \
                             d_keys.Alternate(), (const V *)d_values.Current(),                    \
                             d_values.Alternate(), num_items, begin_bit, end_bit, stream);         \
    if (d_temp_storage && error == cudaSuccess) d_keys.selector ^= 1, d_values.selector ^= 1;      \
    return error;                                                                                  \
  }
  CR_SORT(SortPairs, false)
  CR_SORT(SortPairsDescending, true)
#undef CR_SORT

#define CR_SORT(name, down)                                                                        \
  template <typename K, typename N>                                                                \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes, const K *d_keys_in,    \
                          K *d_keys_out, N num_items, int begin_bit = 0,                           \
                          int end_bit = sizeof(K) * 8, cudaStream_t = 0) {                         \
    return emulated::sort_all("cub::DeviceRadixSort::" #name, d_temp_storage, temp_storage_bytes,  \
                              d_keys_in, d_keys_out, (const emulated::nothing *)nullptr,           \
                              (emulated::nothing *)nullptr, (size_t)num_items,                     \
                              {begin_bit, end_bit, down, true});                                   \
  }                                                                                                \
  template <typename K, typename N>                                                                \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes,                        \
                          DoubleBuffer<K> &d_keys, N num_items, int begin_bit = 0,                 \
                          int end_bit = sizeof(K) * 8, cudaStream_t stream = 0) {                  \
    cudaError_t error = name(d_temp_storage, temp_storage_bytes, (const K *)d_keys.Current(),      \
                             d_keys.Alternate(), num_items, begin_bit, end_bit, stream);           \
    if (d_temp_storage && error == cudaSuccess) d_keys.selector ^= 1;                              \
    return error;                                                                                  \
  }
  CR_SORT(SortKeys, false)
  CR_SORT(SortKeysDescending, true)
#undef CR_SORT
};

/* The same within segments, each begin_offsets[i] .. end_offsets[i]. */
struct DeviceSegmentedRadixSort {
#define CR_SORT(name, down)                                                                        \
  template <typename K, typename V, typename B, typename E>                                        \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes, const K *d_keys_in,    \
                          K *d_keys_out, const V *d_values_in, V *d_values_out, int num_items,     \
                          int num_segments, B d_begin_offsets, E d_end_offsets, int begin_bit = 0, \
                          int end_bit = sizeof(K) * 8, cudaStream_t = 0) {                         \
    return emulated::sort("cub::DeviceSegmentedRadixSort::" #name, d_temp_storage,                 \
                          temp_storage_bytes, d_keys_in, d_keys_out, d_values_in, d_values_out,    \
                          (size_t)num_items, (size_t)num_segments, d_begin_offsets, d_end_offsets, \
                          {begin_bit, end_bit, down, true});                                       \
  }
  CR_SORT(SortPairs, false)
  CR_SORT(SortPairsDescending, true)
#undef CR_SORT

#define CR_SORT(name, down)                                                                        \
  template <typename K, typename B, typename E>                                                    \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes, const K *d_keys_in,    \
                          K *d_keys_out, int num_items, int num_segments, B d_begin_offsets,       \
                          E d_end_offsets, int begin_bit = 0, int end_bit = sizeof(K) * 8,         \
                          cudaStream_t = 0) {                                                      \
    return emulated::sort("cub::DeviceSegmentedRadixSort::" #name, d_temp_storage,                 \
                          temp_storage_bytes, d_keys_in, d_keys_out,                               \
                          (const emulated::nothing *)nullptr, (emulated::nothing *)nullptr,        \
                          (size_t)num_items, (size_t)num_segments, d_begin_offsets, d_end_offsets, \
                          {begin_bit, end_bit, down, true});                                       \
  }
  CR_SORT(SortKeys, false)
  CR_SORT(SortKeysDescending, true)
#undef CR_SORT
};

/* Sorting within segments by whole keys; only the functions that say so are stable. */
struct DeviceSegmentedSort {
#define CR_SORT(name, down, stable)                                                                \
  template <typename K, typename V, typename B, typename E>                                        \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes, const K *d_keys_in,    \
                          K *d_keys_out, const V *d_values_in, V *d_values_out, int64_t num_items, \
                          int64_t num_segments, B d_begin_offsets, E d_end_offsets,                \
                          cudaStream_t = 0) {                                                      \
    return emulated::sort("cub::DeviceSegmentedSort::" #name, d_temp_storage, temp_storage_bytes,  \
                          d_keys_in, d_keys_out, d_values_in, d_values_out, (size_t)num_items,     \
                          (size_t)num_segments, d_begin_offsets, d_end_offsets,                    \
                          {0, (int)sizeof(K) * 8, down, stable});                                  \
  }
  CR_SORT(SortPairs, false, false)
  CR_SORT(SortPairsDescending, true, false)
  CR_SORT(StableSortPairs, false, true)
  CR_SORT(StableSortPairsDescending, true, true)
#undef CR_SORT

#define CR_SORT(name, down, stable)                                                                \
  template <typename K, typename B, typename E>                                                    \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes, const K *d_keys_in,    \
                          K *d_keys_out, int64_t num_items, int64_t num_segments,                  \
                          B d_begin_offsets, E d_end_offsets, cudaStream_t = 0) {                  \
    return emulated::sort("cub::DeviceSegmentedSort::" #name, d_temp_storage, temp_storage_bytes,  \
                          d_keys_in, d_keys_out, (const emulated::nothing *)nullptr,               \
                          (emulated::nothing *)nullptr, (size_t)num_items, (size_t)num_segments,   \
                          d_begin_offsets, d_end_offsets, {0, (int)sizeof(K) * 8, down, stable});  \
  }
  CR_SORT(SortKeys, false, false)
  CR_SORT(SortKeysDescending, true, false)
  CR_SORT(StableSortKeys, false, true)
  CR_SORT(StableSortKeysDescending, true, true)
#undef CR_SORT
};

/* Sums of all elements before each one (Exclusive), or up to it; in place when d_in is d_out. */
struct DeviceScan {
#define CR_SCAN(name, before, after)                                                               \
  template <typename I, typename O, typename N>                                                    \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes, I d_in, O d_out,       \
                          N num_items, cudaStream_t = 0) {                                         \
    using value = typename std::iterator_traits<I>::value_type;                                    \
    const char *const where = "cub::DeviceScan::" #name;                                           \
    cr_emulation_device open(where);                                                               \
    size_t count = (size_t)num_items;                                                              \
    cudaError_t error;                                                                             \
    if (emulated::storage(where, d_temp_storage, temp_storage_bytes, count, &error) ==             \
        emulated::step::finished)                                                                  \
      return error;                                                                                \
    emulated::need(where, "elements in", d_in, count);                                             \
    emulated::need(where, "elements out", d_out, count);                                           \
    value sum = value();                                                                           \
    for (size_t i = 0; i < count; i++) {                                                           \
      value x = d_in[i];                                                                           \
      before;                                                                                      \
      d_out[i] = sum;                                                                              \
      after;                                                                                       \
    }                                                                                              \
    return cudaSuccess;                                                                            \
  }                                                                                                \
  template <typename I, typename N>                                                                \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes, I d_data, N num_items, \
                          cudaStream_t stream = 0) {                                               \
    return name(d_temp_storage, temp_storage_bytes, d_data, d_data, num_items, stream);            \
  }
  CR_SCAN(ExclusiveSum, (void)0, sum = sum + x)
  CR_SCAN(InclusiveSum, sum = sum + x, (void)0)
#undef CR_SCAN
};

struct DeviceSelect {
  /* The elements whose flag is not 0, in their order, and how many they are. */
  template <typename I, typename F, typename O, typename C>
  static cudaError_t Flagged(void *d_temp_storage, size_t &temp_storage_bytes, I d_in, F d_flags,
                             O d_out, C d_num_selected_out, int64_t num_items, cudaStream_t = 0) {
    const char *const where = "cub::DeviceSelect::Flagged";
    cr_emulation_device open(where);
    size_t count = (size_t)num_items, selected = 0;
    cudaError_t error;
    if (emulated::storage(where, d_temp_storage, temp_storage_bytes, count, &error) ==
        emulated::step::finished)
      return error;
    emulated::need(where, "elements in", d_in, count);
    emulated::need(where, "flags", d_flags, count);
    emulated::need(where, "the number of elements out", d_num_selected_out, 1);
    for (size_t i = 0; i < count; i++) selected += d_flags[i] ? 1 : 0;
    emulated::need(where, "elements out", d_out, selected);
    emulated::apart(where, d_in, d_out, selected);
    selected = 0;
    for (size_t i = 0; i < count; i++)
      if (d_flags[i]) d_out[selected++] = d_in[i];
    *d_num_selected_out = (typename std::iterator_traits<C>::value_type)selected;
    return cudaSuccess;
  }
};

struct DeviceReduce {
#define CR_REDUCTION(name, start, result)                                                          \
  template <typename I, typename O, typename N>                                                    \
  static cudaError_t name(void *d_temp_storage, size_t &temp_storage_bytes, I d_in, O d_out,       \
                          N num_items, cudaStream_t = 0) {                                         \
    using value = typename std::iterator_traits<I>::value_type;                                    \
    const char *const where = "cub::DeviceReduce::" #name;                                         \
    cr_emulation_device open(where);                                                               \
    size_t count = (size_t)num_items;                                                              \
    cudaError_t error;                                                                             \
    if (emulated::storage(where, d_temp_storage, temp_storage_bytes, count, &error) ==             \
        emulated::step::finished)                                                                  \
      return error;                                                                                \
    emulated::need(where, "elements in", d_in, count);                                             \
    emulated::need(where, "the result", d_out, 1);                                                 \
    value all = start;                                                                             \
    for (size_t i = 0; i < count; i++) {                                                           \
      value x = d_in[i];                                                                           \
      all = result;                                                                                \
    }                                                                                              \
    *d_out = all;                                                                                  \
    return cudaSuccess;                                                                            \
  }
  CR_REDUCTION(Sum, value(), all + x)
  CR_REDUCTION(Min, std::numeric_limits<value>::max(), x < all ? x : all)
  CR_REDUCTION(Max, std::numeric_limits<value>::lowest(), all < x ? x : all)
#undef CR_REDUCTION
};

} // namespace cub

#endif
