/* plugin.c: a module in C for Cresset: functions, and an operator with its derivative.  Copy this
 * folder, and replace `hinge` by a name of your own.
 *
 *     make
 *     cresset -e 'package.cpath = "./?.so;" .. package.cpath  hinge = require "hinge"
 * print(hinge.loss(torch.randn(3)))'
 *
 * hinge.loss(x [, margin]) is max(0, margin - x), element by element: x is of float32, margin 1 by
 * default. */
#include <string.h>

#include <cresset.h>

/* An operator runs on host memory; other types and devices are an error that says so. */
static int check(cresset *c, const cresset_tensor_info *x) {
  if (x->cuda >= 0)
    return cresset_fail(c, "hinge.loss: a tensor on the GPU; wanted one in host memory");
  if (x->dtype != CRESSET_FLOAT32) return cresset_fail(c, "hinge.loss: wanted a tensor of float32");
  return CRESSET_OK;
}

/* Goes through the elements of a tensor of any strides in the order of a contiguous one. */
typedef struct {
  const cresset_tensor_info *info;
  int64_t place[16], offset;
} walk;

static float *next(walk *w) {
  float *at = (float *)w->info->data + w->offset;
  for (int d = w->info->ndim - 1; d >= 0; d--) {
    w->offset += w->info->strides[d];
    if (++w->place[d] < w->info->shape[d]) break;
    w->offset -= w->info->strides[d] * w->info->shape[d];
    w->place[d] = 0;
  }
  return at;
}

static int64_t count(const cresset_tensor_info *x) {
  int64_t n = 1;
  for (int d = 0; d < x->ndim; d++) n *= x->shape[d];
  return n;
}

/* A new contiguous tensor of x's shape, and its elements. */
static cresset_tensor *like(const cresset_tensor_info *x, float **elements) {
  cresset_tensor *t = cresset_tensor_new(CRESSET_FLOAT32, x->ndim, x->shape);
  cresset_tensor_info info;
  if (!t) return NULL;
  cresset_tensor_look(t, &info);
  *elements = info.data;
  return t;
}

static int forward(cresset *c, void *user) {
  cresset_tensor *x, *y = NULL;
  cresset_tensor_info info;
  double margin = 1;
  float *out;
  (void)user;
  if (cresset_arguments(c, "t|d", &x, &margin)) return CRESSET_ERROR;
  cresset_tensor_look(x, &info);
  int code = check(c, &info);
  if (!code && !(y = like(&info, &out))) code = cresset_fail(c, "%s", cresset_error(NULL));
  if (!code) {
    walk w = {.info = &info};
    for (int64_t i = 0, n = count(&info); i < n; i++) {
      float d = (float)margin - *next(&w);
      out[i] = d > 0 ? d : 0;
    }
    code = cresset_save(c, 1, &y); /* the derivative is -1 where the loss is positive */
  }
  if (!code) code = cresset_results(c, "t", y);
  cresset_tensor_release(y);
  cresset_tensor_release(x);
  return code;
}

static int backward(cresset *c, void *user) {
  cresset_tensor *gradient, *y = NULL, *result = NULL;
  cresset_tensor_info g, saved;
  float *out;
  (void)user;
  if (cresset_arguments(c, "t", &gradient)) return CRESSET_ERROR;
  int code = cresset_saved(c, 1, &y);
  if (!code) {
    cresset_tensor_look(gradient, &g);
    cresset_tensor_look(y, &saved);
    code = check(c, &g);
  }
  if (!code && !(result = like(&g, &out))) code = cresset_fail(c, "%s", cresset_error(NULL));
  if (!code) {
    walk w = {.info = &g}, v = {.info = &saved};
    for (int64_t i = 0, n = count(&g); i < n; i++) {
      float of_y = *next(&w);
      out[i] = *next(&v) > 0 ? -of_y : 0;
    }
    code = cresset_results(c, "tt", result, NULL); /* none for the margin */
  }
  cresset_tensor_release(result);
  cresset_tensor_release(y);
  cresset_tensor_release(gradient);
  return code;
}

/* A function without a derivative: hinge.version(). */
static int version(cresset *c, void *user) {
  (void)user;
  return cresset_results(c, "s", "1.0");
}

static int fill(cresset *c, cresset_value *module) {
  int code = cresset_register_operator(c, module, "loss", forward, backward, NULL);
  return code ? code : cresset_register(c, module, "version", version, NULL);
}

__attribute__((visibility("default"))) int luaopen_hinge(struct lua_State *L);

int luaopen_hinge(struct lua_State *L) {
  return cresset_plugin(L, fill);
}
