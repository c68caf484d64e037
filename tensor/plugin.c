/* plugin.c: finds and loads the shared object of a device type, once. */
#include "tensor/device.h"
#include "tensor/tensor.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "libcresset_cuda.so"
#define MESSAGE 1024
#ifndef CR_MACHINE /* as `uname -m` says it */
#define CR_MACHINE "x86_64"
#endif

static atomic_bool tried; /* to load it */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const cr_plugin *cuda;
static char failure[MESSAGE];

/* ---- where it lies ---------------------------------------------------------------------- */

/* folder/between/FILE_NAME, when there is such a file; `folder` ends where its last name begins. */
static bool is_there(char path[PATH_MAX], const char *file, const char *between) {
  char own[PATH_MAX];
  if (!realpath(file, own)) return false;
  char *slash = strrchr(own, '/');
  if (!slash) return false;
  *slash = 0;
  int n = snprintf(path, PATH_MAX, "%s/%s" FILE_NAME, own, between);
  return n < PATH_MAX && access(path, R_OK) == 0;
}

/* Beside the library or program that this code is in, or in a lib folder beside its folder. */
static bool find(char path[PATH_MAX]) {
  static const char *const folders[] = {"", "../lib/", "../lib64/",
                                        "../lib/" CR_MACHINE "-linux-gnu/"};
  Dl_info me;
  const char *named = getenv("CRESSET_CUDA");
  if (named && *named) return snprintf(path, PATH_MAX, "%s", named) < PATH_MAX;
  const char *files[] = {dladdr(&cuda, &me) ? me.dli_fname : NULL, "/proc/self/exe"};
  for (int i = 0; i < 2; i++)
    for (size_t k = 0; files[i] && k < sizeof folders / sizeof *folders; k++)
      if (is_there(path, files[i], folders[k])) return true;
  return false;
}

/* ---- loading ---------------------------------------------------------------------------- */

static void set_error(const char *message) {
  cr_fail("%s", message);
}

static bool reclaim(void) {
  cr_context *ctx = cr_ctx();
  return ctx->reclaim && ctx->reclaim(ctx->reclaim_ctx);
}

static bool interrupted(void) {
  cr_context *ctx = cr_ctx();
  return ctx->interrupted && ctx->interrupted(ctx->interrupted_ctx);
}

static const cr_plugin *load(void) {
  static cr_plugin_core core = {.set_error = set_error,
                                .host_alloc = cr_host_alloc,
                                .host_free = cr_host_free,
                                .reclaim = reclaim,
                                .interrupted = interrupted};
  char path[PATH_MAX];
  if (!find(path))
    return cr_fail_null("CUDA cannot be used: " FILE_NAME " is not beside the program. "
                        "Where nvcc is installed, `make` builds it");
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return cr_fail_null("CUDA cannot be used: %s", dlerror());
  cr_plugin_open open = (cr_plugin_open)(uintptr_t)dlsym(library, CR_PLUGIN_ENTRY);
  if (!open) {
    dlclose(library);
    return cr_fail_null("CUDA cannot be used: %s is not a library of Cresset", path);
  }
  core.cpu = cr_backend_of((cr_device){CR_CPU, 0});
  const cr_plugin *p = open(CR_PLUGIN_ABI, &core);
  if (!p) return NULL; /* the library stays: what it has started cannot be unloaded */
  if (p->abi == CR_PLUGIN_ABI) return p;
  return cr_fail_null(
      "CUDA cannot be used: %s belongs to another version of Cresset (its interface is number %d, "
      "this program's is %d)",
      path, p->abi, CR_PLUGIN_ABI);
}

static void load_once(void) {
  cuda = load();
  atomic_store(&tried, true);
  if (!cuda) snprintf(failure, sizeof failure, "%s", cr_error());
}

bool cr_devices_finish(void) {
  return !cuda || cuda->control->finish();
}

const cr_plugin *cr_plugin_of(cr_device_type type) {
  if (type != CR_CUDA) return cr_fail_null("there is no device type %d", (int)type);
  if (cr_ctx()->untrusted && !atomic_load(&tried))
    return cr_fail_null("CUDA cannot be used here: the host has not begun to use it");
  pthread_once(&once, load_once);
  return cuda ? cuda : cr_fail_null("%s", failure);
}
