/* update.c: steps of optimizers: a parameter and what is remembered about it change in place. */
#include "tensor/autograd.h"
#include "tensor/ops.h"
#include "tensor/profile.h"

static bool fits(const cr_tensor *p, const cr_tensor *t, const char *what) {
  if (!cr_same_device("update", p, t)) return false;
  if (t->dtype != p->dtype)
    return cr_fail("update: a %s parameter with %s that is %s", cr_dtypes[p->dtype].name, what,
                   cr_dtypes[t->dtype].name);
  if (!cr_same_shape(p, t)) return cr_fail("update: %s has another shape than the parameter", what);
  return true;
}

bool cr_update(cr_update_rule rule, cr_tensor *p, cr_tensor *g, cr_tensor *const states[3],
               const cr_update_args *a) {
  if (!p || !g) return false;
  cr_tensor *in[4] = {g, p, p, p};
  cr_update_args args = *a;
  if (!cr_is_float((cr_dtype)p->dtype))
    return cr_fail("update: a parameter that is %s, wanted a float type", cr_dtypes[p->dtype].name);
  if (!fits(p, g, "a gradient") || !cr_writable("update", p, 0, NULL)) return false;
  for (int i = 0; i < 3; i++) {
    args.has[i] = states[i] != NULL;
    if (!states[i]) continue;
    if (!fits(p, states[i], "a state") || !cr_writable("update", states[i], 0, NULL)) return false;
    in[i + 1] = states[i];
  }
  if (!cr_numel(p)) return true;
  cr_iter it;
  cr_iter_make(&it, p, 4, in);
  if (!cr_backend_for(p)->update(rule, &it, &args)) return cr_error_prefix("update");
  cr_bump(p);
  for (int i = 0; i < 3; i++)
    if (states[i]) cr_bump(states[i]);
  cr_profile *profile = cr_profiling();
  if (profile) cr_profile_call(profile, "update");
  return true;
}
