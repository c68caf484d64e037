/* clique.cu: several devices that work together, by NCCL. */
#include "cuda/library.h"
#include "cuda/runtime.h"

#include <new>
#include <stdlib.h>

#if CR_HAS_NCCL

/* Device i has comms[i], and beside[i] for what runs beside its current stream. */
struct cr_clique {
  std::vector<int> devices;
  std::vector<ncclComm_t> comms;
  std::vector<cudaStream_t> beside;
};

static const cr_nccl *nccl;
/* One thread at a time: were two to start on the same devices in different orders, each would wait
 * for the other for ever. */
static std::mutex starting;

static bool ok(ncclResult_t status, ncclComm_t comm, const char *call) {
  if (status == ncclSuccess) return true;
  const char *last = nccl->ncclGetLastError(comm);
  return cr_fail("%s failed: %s%s%s", call, nccl->ncclGetErrorString(status),
                 last && *last ? ": " : "", last ? last : "");
}

/* ---- connecting ------------------------------------------------------------------------- */

static void clique_free(cr_clique *c) {
  std::lock_guard<std::mutex> guard(starting);
  for (size_t i = 0; i < c->devices.size(); i++) {
    cr_on_device here(c->devices[i]);
    if (c->beside[i]) {
      cudaStreamSynchronize(c->beside[i]);
      cudaStreamDestroy(c->beside[i]);
    }
    if (c->comms[i]) nccl->ncclCommDestroy(c->comms[i]);
  }
  cudaGetLastError();
  delete c;
}

static bool check_devices(int n, const int *devices) {
  for (int i = 0; i < n; i++) {
    if (!cr_cuda_check_device(devices[i])) return false;
    cr_cuda_state *s = cr_cuda_state_of(devices[i]);
    if (!s->ready) return cr_fail("%s", s->failure);
    for (int k = 0; k < i; k++)
      if (devices[k] == devices[i])
        return cr_fail("NCCL connects different devices, and %d is there twice", devices[i] + 1);
  }
  const char *blocking = getenv("CUDA_LAUNCH_BLOCKING");
  return !blocking || atoi(blocking) == 0 ||
         cr_fail(
             "NCCL cannot start on several devices while CUDA_LAUNCH_BLOCKING=1 has each launch "
             "wait for its end");
}

static bool connect(cr_clique *c, const cr_nccl *functions) {
  std::lock_guard<std::mutex> guard(starting);
  nccl = functions;
  cr_on_device here(c->devices[0]); /* NCCL leaves another one current */
  return ok(nccl->ncclCommInitAll(c->comms.data(), (int)c->devices.size(), c->devices.data()), NULL,
            "ncclCommInitAll");
}

static bool make_streams(cr_clique *c) {
  for (size_t i = 0; i < c->devices.size(); i++) {
    cr_on_device here(c->devices[i]);
    if (!cr_cuda_ok(cudaStreamCreateWithFlags(&c->beside[i], cudaStreamNonBlocking), "streams"))
      return false;
  }
  return true;
}

static cr_clique *clique_new(int n, const int *devices) {
  if (!cr_cuda_may("connecting devices")) return NULL;
  const cr_nccl *functions = cr_open_nccl("several devices at once");
  if (!functions || !check_devices(n, devices)) return NULL;
  cr_clique *c = new cr_clique{std::vector<int>(devices, devices + n),
                               std::vector<ncclComm_t>((size_t)n, nullptr),
                               std::vector<cudaStream_t>((size_t)n, nullptr)};
  if (connect(c, functions) && make_streams(c)) return c;
  clique_free(c);
  return NULL;
}

/* ---- working ---------------------------------------------------------------------------- */

static bool type_of(cr_dtype t, ncclDataType_t *out) {
  switch (t) {
  case CR_FLOAT32: *out = ncclFloat32; return true;
  case CR_FLOAT64: *out = ncclFloat64; return true;
  case CR_FLOAT16: *out = ncclFloat16; return true;
  case CR_BFLOAT16: *out = ncclBfloat16; return true;
  case CR_INT8: *out = ncclInt8; return true;
  case CR_UINT8: *out = ncclUint8; return true;
  case CR_INT32: *out = ncclInt32; return true;
  case CR_INT64: *out = ncclInt64; return true;
  default: return cr_fail("NCCL has no numbers of type %s", cr_dtypes[t].name);
  }
}

/* Device i's part of w. */
static ncclResult_t start(const cr_collective *w, size_t i, ncclDataType_t type, ncclComm_t comm,
                          cudaStream_t s) {
  static const ncclRedOp_t ops[] = {ncclSum, ncclProd, ncclMax, ncclMin};
  const void *from = w->from[i];
  void *to = w->to[i];
  switch (w->kind) {
  case CR_COLLECT_ALL_REDUCE:
    return nccl->ncclAllReduce(from, to, w->count, type, ops[w->op], comm, s);
  case CR_COLLECT_REDUCE:
    return nccl->ncclReduce(from, to, w->count, type, ops[w->op], w->root, comm, s);
  case CR_COLLECT_BROADCAST: return nccl->ncclBroadcast(from, to, w->count, type, w->root, comm, s);
  case CR_COLLECT_ALL_GATHER: return nccl->ncclAllGather(from, to, w->count, type, comm, s);
  default: return nccl->ncclReduceScatter(from, to, w->count, type, ops[w->op], comm, s);
  }
}

/* A group: NCCL starts it on all devices at its end. */
static bool start_all(cr_clique *c, int n, const cr_collective *list,
                      const std::vector<cudaStream_t> &streams) {
  std::lock_guard<std::mutex> guard(starting);
  cr_on_device here(c->devices[0]);
  if (!ok(nccl->ncclGroupStart(), NULL, "ncclGroupStart")) return false;
  ncclResult_t status = ncclSuccess;
  for (int k = 0; k < n; k++) {
    ncclDataType_t type = ncclFloat32;
    (void)type_of(list[k].dtype, &type);
    for (size_t i = 0; status == ncclSuccess && i < c->comms.size(); i++)
      status = start(&list[k], i, type, c->comms[i], streams[i]);
  }
  ncclResult_t end = nccl->ncclGroupEnd();
  return ok(status == ncclSuccess ? end : status, c->comms[0], "NCCL");
}

static bool clear(const cr_clique *c, const cr_collective *w,
                  const std::vector<cudaStream_t> &streams) {
  for (size_t i = 0; i < c->devices.size(); i++) {
    if ((int)i == w->root) continue;
    cr_on_device here(c->devices[i]);
    if (!cr_cuda_ok(cudaMemsetAsync(const_cast<void *>(w->from[i]), 0,
                                    w->count * cr_sizeof(w->dtype), streams[i]),
                    "clearing"))
      return false;
  }
  return true;
}

static bool collect(cr_clique *c, int n, const cr_collective *list, bool beside) {
  if (!cr_cuda_may("work of several devices")) return false;
  std::vector<cudaStream_t> streams;
  for (size_t i = 0; i < c->devices.size(); i++) {
    int device = c->devices[i];
    cudaStream_t current = cr_cuda_stream_of(device);
    streams.push_back(beside ? c->beside[i] : current);
    if (beside && !cr_cuda_let_wait(device, c->beside[i], device, current)) return false;
  }
  for (int k = 0; k < n; k++) {
    ncclDataType_t type;
    if (!type_of(list[k].dtype, &type)) return false;
  }
  if (!start_all(c, n, list, streams)) return false;
  for (int k = 0; k < n; k++)
    if (list[k].clear && !clear(c, &list[k], streams)) return false;
  for (size_t i = 0; cr_cuda_option(CR_OPTION_SYNCHRONOUS) && i < streams.size(); i++) {
    cr_on_device here(c->devices[i]);
    if (!cr_cuda_ok(cudaStreamSynchronize(streams[i]), "NCCL")) return false;
  }
  return true;
}

static bool clique_join(cr_clique *c) {
  for (size_t i = 0; i < c->devices.size(); i++) {
    int device = c->devices[i];
    if (!cr_cuda_let_wait(device, cr_cuda_stream_of(device), device, c->beside[i])) return false;
  }
  return true;
}

#else

static cr_clique *clique_new(int, const int *) {
  cr_fail("this build has no NCCL: nccl.h was not there when it was made");
  return NULL;
}
static void clique_free(cr_clique *) {}
static bool collect(cr_clique *, int, const cr_collective *, bool) {
  return false;
}
static bool clique_join(cr_clique *) {
  return false;
}

#endif

void cr_cuda_fill_clique(cr_device_control *c) {
  c->clique_new = clique_new;
  c->clique_free = clique_free;
  c->collect = collect;
  c->clique_join = clique_join;
}
