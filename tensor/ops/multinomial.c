/* multinomial.c: drawing places by given probabilities, directly and by the alias method (Walker
 * 1977, set up as Vose 1991 does). */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>
#include <stdlib.h>

static const cr_device cpu = {CR_CPU, 0};

/* Weights as contiguous doubles in host memory, (rows, columns); checked. */
static cr_tensor *host_weights(const char *fn, cr_tensor *p, int64_t draws) {
  char s[CR_SHAPE_STR];
  if (!cr_need_float(fn, p)) return NULL;
  if ((p->ndim != 1 && p->ndim != 2) || cr_numel(p) == 0)
    return cr_fail_null("%s: probabilities of shape %s, wanted one or two dimensions", fn,
                        cr_shape_str(s, p->ndim, p->shape));
  CR_AUTO plain = cr_detach(p);
  CR_AUTO wide = plain ? cr_cast(plain, CR_FLOAT64) : NULL;
  CR_AUTO here = wide ? cr_to_device(wide, cpu) : NULL;
  int64_t columns = p->shape[p->ndim - 1], rows = cr_numel(p) / columns;
  CR_AUTO w = cr_reshape(here, 2, (int64_t[]){rows, columns});
  cr_tensor *weights = cr_contiguous(w);
  const double *x = weights ? cr_data(weights) : NULL;
  for (int64_t r = 0; x && r < rows; r++, x += columns) {
    int64_t usable = 0, wrong = 0;
    for (int64_t c = 0; c < columns; c++) {
      wrong += !(x[c] >= 0 && x[c] < INFINITY);
      usable += x[c] > 0;
    }
    if (wrong) {
      while (*x >= 0 && *x < INFINITY) x++;
      cr_fail("%s: a probability of %g", fn, *x);
      cr_release(weights);
      return NULL;
    }
    if (usable < draws || usable == 0) {
      cr_release(weights);
      return cr_fail_null("%s: %lld different places to draw, but only %lld have a probability "
                          "above 0",
                          fn, (long long)draws, (long long)usable);
    }
  }
  return weights;
}

static cr_tensor *uniform(int ndim, const int64_t *shape) {
  CR_AUTO u = cr_empty(CR_FLOAT64, cpu, ndim, shape);
  return cr_random(CR_UNIFORM, u, 0, 1);
}

/* The first place whose running sum exceeds a random part of the whole; the last that adds to the
 * sum when rounding leaves none. */
static cr_tensor *with_replacement(cr_tensor *weights, int64_t draws) {
  int64_t rows = weights->shape[0], columns = weights->shape[1], shape[] = {rows, draws};
  CR_AUTO running = cr_scan(CR_SUM, weights, 1, NULL);
  CR_AUTO u = uniform(2, shape);
  if (!running || !u) return NULL;
  const double *sums = cr_data(running);
  double *x = cr_data(u);
  for (int64_t r = 0; r < rows; r++) {
    double whole = sums[r * columns + columns - 1], most = nextafter(whole, 0);
    for (int64_t i = 0; i < draws; i++, x++) *x = *x * whole < most ? *x * whole : most;
  }
  return cr_searchsorted(running, u, true);
}

/* Places in the order of arrival of processes whose rates are the weights: the next to arrive is
 * each time one of those left, by their weights. */
static cr_tensor *without_replacement(cr_tensor *weights, int64_t draws) {
  cr_tensor *arrivals, *first;
  CR_AUTO waits = cr_empty(CR_FLOAT64, cpu, 2, weights->shape);
  CR_AUTO drawn = cr_random(CR_EXPONENTIAL, waits, 1, 0);
  CR_AUTO times = cr_div(drawn, weights);
  if (!times || !cr_topk(times, draws, 1, false, &arrivals, &first)) return NULL;
  cr_release(arrivals);
  return first;
}

cr_tensor *cr_multinomial(cr_tensor *p, int64_t draws, bool replacement) {
  if (!p) return NULL;
  if (draws < 1) return cr_fail_null("multinomial: %lld draws", (long long)draws);
  CR_AUTO weights = host_weights("multinomial", p, replacement ? 1 : draws);
  if (!weights) return NULL;
  CR_AUTO places =
      replacement ? with_replacement(weights, draws) : without_replacement(weights, draws);
  CR_AUTO there = places ? cr_to_device(places, cr_device_of(p)) : NULL;
  return there ? cr_reshape(there, p->ndim, p->ndim == 1 ? &draws : there->shape) : NULL;
}

/* ---- alias tables ----------------------------------------------------------------------- */

/* Fills keep[i], the chance that place i stays i, and alias[i], what it else becomes.  `scaled` are
 * the weights with mean 1; `work` has room for n numbers. */
static void fill_alias(int64_t n, double *scaled, int64_t *work, int64_t *alias, double *keep) {
  int64_t small = 0, large = n; /* the small ones grow from the front, the large from the back */
  for (int64_t i = 0; i < n; i++) {
    alias[i] = i;
    keep[i] = 1;
    if (scaled[i] < 1)
      work[small++] = i;
    else
      work[--large] = i;
  }
  while (small > 0 && large < n) {
    int64_t less = work[--small], more = work[large];
    keep[less] = scaled[less];
    alias[less] = more;
    scaled[more] -= 1 - scaled[less];
    if (scaled[more] < 1) {
      large++;
      work[small++] = more;
    }
  }
}

bool cr_alias_setup(cr_tensor *p, cr_tensor **alias, cr_tensor **keep) {
  if (!p) return false;
  if (p->ndim != 1) return cr_fail("multinomialAliasSetup: a vector of probabilities is wanted");
  CR_AUTO weights = host_weights("multinomialAliasSetup", p, 1);
  CR_AUTO total = weights ? cr_mean(weights, -1, NULL, false, NULL) : NULL;
  CR_AUTO scaled = cr_div(weights, total);
  int64_t n = p->shape[0];
  CR_AUTO work = cr_empty_cpu(CR_INT64, 1, &n);
  CR_AUTO a = cr_empty_cpu(CR_INT64, 1, &n);
  CR_AUTO q = cr_empty_cpu(CR_FLOAT64, 1, &n);
  if (!scaled || !work || !a || !q) return false;
  fill_alias(n, cr_data(scaled), cr_data(work), cr_data(a), cr_data(q));
  CR_AUTO narrow = cr_cast(q, (cr_dtype)p->dtype);
  *alias = cr_to_device(a, cr_device_of(p));
  *keep = narrow ? cr_to_device(narrow, cr_device_of(p)) : NULL;
  if (*alias && *keep) return true;
  cr_release(*alias);
  cr_release(*keep);
  return false;
}

cr_tensor *cr_alias_draw(cr_tensor *alias, cr_tensor *keep, int ndim, const int64_t *shape) {
  if (!alias || !keep) return NULL;
  if (alias->ndim != 1 || alias->dtype != CR_INT64 || !cr_same_shape(alias, keep) ||
      !cr_need_float("multinomialAlias", keep))
    return cr_fail_null("multinomialAlias: a state from torch.multinomialAliasSetup is wanted");
  int64_t n = cr_count(ndim, shape);
  if (n < 0) return NULL;
  CR_AUTO places = cr_empty_cpu(CR_INT64, 1, &n);
  CR_AUTO place = cr_random(CR_RANDINT, places, 0, (double)alias->shape[0] - 1);
  CR_AUTO coin = uniform(1, &n);
  CR_AUTO at = place ? cr_to_device(place, cr_device_of(alias)) : NULL;
  CR_AUTO toss = coin ? cr_to_device(coin, cr_device_of(alias)) : NULL;
  CR_AUTO chance = at ? cr_index_select(keep, 0, at, NULL) : NULL;
  CR_AUTO stays = cr_binary(CR_LT, toss, chance, NULL);
  CR_AUTO other = chance ? cr_index_select(alias, 0, at, NULL) : NULL;
  CR_AUTO drawn = cr_where(stays, at, other, NULL);
  return cr_reshape(drawn, ndim, shape);
}
