/* select.c: elements by their rank along a dimension: the k-th smallest, the k largest, the most
 * frequent.  All of it rests on sorting, so gradients flow as those of sort and gather do. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

static bool check_line(const char *fn, const cr_tensor *a, int *dim) {
  if (!a || !cr_wrap_dim(fn, dim, a->ndim)) return false;
  if (a->ndim == 0) return cr_fail("%s: the tensor has no dimensions", fn);
  return a->shape[*dim] > 0 || cr_fail("%s: dimension %d has no elements", fn, *dim + 1);
}

bool cr_kthvalue(cr_tensor *a, int64_t k, int dim, cr_tensor **values, cr_tensor **places) {
  if (!check_line("kthvalue", a, &dim)) return false;
  if (k < 0 || k >= a->shape[dim])
    return cr_fail("kthvalue: element %lld of a dimension of %lld", (long long)k + 1,
                   (long long)a->shape[dim]);
  return cr_ranked("kthvalue", a, dim, k, 1, false, values, places);
}

bool cr_median(cr_tensor *a, int dim, cr_tensor **values, cr_tensor **places) {
  if (!check_line("median", a, &dim)) return false;
  return cr_kthvalue(a, (a->shape[dim] - 1) / 2, dim, values, places);
}

bool cr_topk(cr_tensor *a, int64_t k, int dim, bool largest, cr_tensor **values,
             cr_tensor **places) {
  if (!check_line("topk", a, &dim)) return false;
  if (k < 1 || k > a->shape[dim])
    return cr_fail("topk: %lld elements of a dimension of %lld", (long long)k,
                   (long long)a->shape[dim]);
  return cr_ranked("topk", a, dim, 0, k, largest, values, places);
}

/* ---- mode ------------------------------------------------------------------------------- */

/* t with dim moved to the end, contiguous and in host memory. */
static cr_tensor *host_lines(cr_tensor *t, int dim) {
  CR_AUTO last = cr_transpose(t, dim, -1);
  CR_AUTO plain = cr_contiguous(last);
  return plain ? cr_to_device(plain, (cr_device){CR_CPU, 0}) : NULL;
}

/* For each sorted line of n elements, the end of its longest run of equals, the first of such runs;
 * same[i] says whether elements i and i + 1 are equal. */
static void longest_runs(int64_t lines, int64_t n, const uint8_t *same, const int64_t *places,
                         int64_t *out) {
  for (int64_t l = 0; l < lines; l++, same += n - 1, places += n) {
    int64_t best = 0, run = 0;
    out[l] = places[0];
    for (int64_t i = 0; i < n; i++) {
      run = i && same[i - 1] ? run + 1 : 1;
      if (run > best) {
        best = run;
        out[l] = places[i];
      }
    }
  }
}

/* The place of the most frequent element of each line, given the sorted values; their last
 * appearance, as the sort is stable. */
static cr_tensor *mode_places(cr_tensor *sorted, cr_tensor *places, int dim) {
  int64_t n = sorted->shape[dim];
  CR_AUTO after = cr_narrow(sorted, dim, 1, n - 1);
  CR_AUTO before = cr_narrow(sorted, dim, 0, n - 1);
  CR_AUTO equal = cr_binary(CR_EQ, after, before, NULL);
  CR_AUTO bytes = equal ? cr_cast(equal, CR_UINT8) : NULL;
  CR_AUTO same = host_lines(bytes, dim);
  CR_AUTO at = host_lines(places, dim);
  if (!same || !at) return NULL;
  int64_t shape[CR_MAX_DIMS], lines = cr_numel(at) / n;
  for (int d = 0; d < at->ndim; d++) shape[d] = at->shape[d];
  shape[at->ndim - 1] = 1;
  CR_AUTO found = cr_empty_cpu(CR_INT64, at->ndim, shape);
  if (!found) return NULL;
  longest_runs(lines, n, cr_data(same), cr_data(at), cr_data(found));
  CR_AUTO there = cr_to_device(found, cr_device_of(places));
  CR_AUTO turned = cr_transpose(there, dim, -1);
  return cr_contiguous(turned);
}

bool cr_mode(cr_tensor *a, int dim, cr_tensor **values, cr_tensor **places) {
  if (!check_line("mode", a, &dim)) return false;
  cr_tensor *v, *p;
  CR_AUTO plain = cr_detach(a);
  if (!plain || !cr_sort(plain, dim, false, &v, &p)) return false;
  *places = mode_places(v, p, dim);
  cr_release(v);
  cr_release(p);
  *values = *places ? cr_gather(a, dim, *places, 0, NULL) : NULL;
  if (*values) return true;
  cr_release(*places);
  return false;
}
