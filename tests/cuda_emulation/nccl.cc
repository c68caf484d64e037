/* nccl.cc: a fake of NCCL for the devices of one process.
 *
 * Calls are kept until the group ends, and done in order of ranks.  Where the real library would
 * wait for ever, because a device takes no part or asks for something else, the group's end is an
 * error here. */
#include <nccl.h>

#include <algorithm>
#include <stdio.h>
#include <string>
#include <vector>

#include "fake.h"
#include "tensor/half.h"

namespace {

const uint32_t MAGIC = 0x6e63636c;

struct clique {
  int size, alive;
};

enum function { REDUCE, BROADCAST, ALL_REDUCE, REDUCE_SCATTER, ALL_GATHER };

struct call {
  function f;
  const char *send;
  char *recv;
  size_t count;
  ncclDataType_t type;
  ncclRedOp_t op;
  int root;
  ncclComm *comm;
};

thread_local int depth;
thread_local std::vector<call> waiting;
thread_local ncclResult_t in_group; /* the first failure of a call of the group */
thread_local std::string last_error;

ncclResult_t refuse(ncclResult_t status, const char *why) {
  last_error = why;
  if (depth > 0 && in_group == ncclSuccess) in_group = status;
  return status;
}

} // namespace

struct ncclComm {
  uint32_t magic;
  int rank, device;
  clique *all;
};

/* ---- communicators ---------------------------------------------------------------------- */

ncclResult_t ncclGetVersion(int *version) {
  if (!version) return ncclInvalidArgument;
  *version = 22809;
  return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result) {
  switch (result) {
  case ncclSuccess: return "no error";
  case ncclInvalidArgument: return "invalid argument";
  case ncclInvalidUsage: return "invalid usage";
  default: return "unknown result code";
  }
}

const char *ncclGetLastError(ncclComm_t) {
  return last_error.c_str();
}

ncclResult_t ncclCommInitAll(ncclComm_t *comm, int ndev, const int *devlist) {
  int devices = 0, before = 0;
  if (!comm || ndev < 1) return refuse(ncclInvalidArgument, "no devices");
  if (cudaGetDeviceCount(&devices) != cudaSuccess || cudaGetDevice(&before) != cudaSuccess)
    return ncclUnhandledCudaError;
  for (int i = 0; i < ndev; i++) {
    int device = devlist ? devlist[i] : i;
    if (device < 0 || device >= devices) return refuse(ncclInvalidUsage, "invalid device");
    for (int k = 0; devlist && k < i; k++)
      if (devlist[k] == device) return refuse(ncclInvalidUsage, "duplicate device");
  }
  clique *all = new clique{ndev, ndev};
  for (int i = 0; i < ndev; i++) comm[i] = new ncclComm{MAGIC, i, devlist ? devlist[i] : i, all};
  return ncclSuccess;
}

static bool is_comm(const ncclComm *c) {
  return c && c->magic == MAGIC;
}

ncclResult_t ncclCommDestroy(ncclComm_t c) {
  if (!is_comm(c)) return refuse(ncclInvalidArgument, "not a communicator");
  c->magic = 0;
  if (--c->all->alive == 0) delete c->all;
  delete c;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t c) {
  return ncclCommDestroy(c);
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t c, ncclResult_t *error) {
  if (!is_comm(c) || !error) return ncclInvalidArgument;
  *error = ncclSuccess;
  return ncclSuccess;
}

/* ---- numbers ---------------------------------------------------------------------------- */

static size_t size_of(ncclDataType_t t) {
  static const size_t sizes[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2};
  return sizes[t];
}

template <typename T> static T combine(ncclRedOp_t op, T a, T b) {
  switch (op) {
  case ncclProd: return a * b;
  case ncclMax: return a > b ? a : b;
  case ncclMin: return a < b ? a : b;
  default: return a + b;
  }
}

/* sum = sum op more, both of `count` elements.  Integers wrap around, as unsigned ones do. */
template <typename T>
static void combine_all(char *sum, const char *more, size_t count, ncclRedOp_t op) {
  for (size_t i = 0; i < count; i++) {
    T a, b;
    memcpy(&a, sum + i * sizeof a, sizeof a);
    memcpy(&b, more + i * sizeof b, sizeof b);
    a = (T)combine(op, a, b);
    memcpy(sum + i * sizeof a, &a, sizeof a);
  }
}

template <float (*wide)(uint16_t), uint16_t (*narrow)(float)>
static void combine_halves(char *sum, const char *more, size_t count, ncclRedOp_t op) {
  uint16_t *s = reinterpret_cast<uint16_t *>(sum);
  const uint16_t *m = reinterpret_cast<const uint16_t *>(more);
  for (size_t i = 0; i < count; i++) s[i] = narrow(combine(op, wide(s[i]), wide(m[i])));
}

static void combine_type(ncclDataType_t t, char *sum, const char *more, size_t count,
                         ncclRedOp_t op) {
  bool plain = op == ncclSum || op == ncclProd; /* signs matter to the others only */
  switch (t) {
  case ncclInt8:
    return plain ? combine_all<uint8_t>(sum, more, count, op)
                 : combine_all<int8_t>(sum, more, count, op);
  case ncclUint8: return combine_all<uint8_t>(sum, more, count, op);
  case ncclInt32:
    return plain ? combine_all<uint32_t>(sum, more, count, op)
                 : combine_all<int32_t>(sum, more, count, op);
  case ncclUint32: return combine_all<uint32_t>(sum, more, count, op);
  case ncclInt64:
    return plain ? combine_all<uint64_t>(sum, more, count, op)
                 : combine_all<int64_t>(sum, more, count, op);
  case ncclUint64: return combine_all<uint64_t>(sum, more, count, op);
  case ncclFloat16: return combine_halves<cr_f16_to_float, cr_float_to_f16>(sum, more, count, op);
  case ncclFloat32: return combine_all<float>(sum, more, count, op);
  case ncclFloat64: return combine_all<double>(sum, more, count, op);
  case ncclBfloat16:
    return combine_halves<cr_bf16_to_float, cr_float_to_bf16>(sum, more, count, op);
  }
}

/* ---- groups ----------------------------------------------------------------------------- */

ncclResult_t ncclGroupStart(void) {
  if (depth++ == 0) in_group = ncclSuccess;
  return ncclSuccess;
}

/* One call of each rank, in order of ranks. */
static void perform(const std::vector<call> &calls) {
  const call &first = calls[0];
  size_t n = calls.size(), bytes = first.count * size_of(first.type);
  size_t parts = first.f == REDUCE_SCATTER || first.f == ALL_GATHER ? n : 1;
  std::vector<char> result(bytes * parts);
  for (size_t i = 0; i < n; i++) {
    const char *send = calls[i].send;
    if (first.f == ALL_GATHER)
      memcpy(result.data() + i * bytes, send, bytes);
    else if (first.f == BROADCAST ? (int)i == first.root : i == 0)
      memcpy(result.data(), send, result.size());
    else if (first.f != BROADCAST)
      combine_type(first.type, result.data(), send, result.size() / size_of(first.type), first.op);
  }
  for (size_t i = 0; i < n; i++) {
    if (first.f == REDUCE && (int)i != first.root) continue;
    size_t at = first.f == REDUCE_SCATTER ? i * bytes : 0;
    memcpy(calls[i].recv, result.data() + at, first.f == REDUCE_SCATTER ? bytes : result.size());
  }
}

/* The next call of each rank of a clique, taken out of the list; false: they do not belong
 * together. */
static bool take_calls(std::vector<call> &list, std::vector<call> *out) {
  clique *all = list[0].comm->all;
  for (int rank = 0; rank < all->size; rank++) {
    auto found = std::find_if(list.begin(), list.end(), [=](const call &c) {
      return c.comm->all == all && c.comm->rank == rank;
    });
    if (found == list.end()) return false;
    out->push_back(*found);
    list.erase(found);
  }
  const call &a = (*out)[0];
  return std::all_of(out->begin(), out->end(), [&](const call &b) {
    return a.f == b.f && a.count == b.count && a.type == b.type && a.op == b.op && a.root == b.root;
  });
}

ncclResult_t ncclGroupEnd(void) {
  if (depth == 0) return refuse(ncclInvalidUsage, "ncclGroupEnd: no group was started");
  if (--depth > 0) return ncclSuccess;
  std::vector<call> list;
  list.swap(waiting);
  if (in_group != ncclSuccess) return in_group;
  cr_emulation_device device("NCCL");
  while (!list.empty()) {
    std::vector<call> calls;
    if (!take_calls(list, &calls))
      return refuse(ncclInvalidUsage, "the devices' calls differ: they would wait for ever");
    if (calls[0].count) perform(calls);
  }
  return ncclSuccess;
}

/* ---- calls ------------------------------------------------------------------------------ */

static bool on_device_of(const ncclComm *c, const void *p, size_t bytes, size_t align) {
  return bytes == 0 || (fake::in_device(p, bytes, align) && cr_emulation_device_of(p) == c->device);
}

static ncclResult_t check(const call &c, cudaStream_t stream) {
  if (!is_comm(c.comm)) return refuse(ncclInvalidArgument, "not a communicator");
  if (c.type < ncclInt8 || c.type > ncclBfloat16) return refuse(ncclInvalidArgument, "data type");
  if (c.op < ncclSum || c.op > ncclMin) return refuse(ncclInvalidArgument, "operation");
  if (c.root < 0 || c.root >= c.comm->all->size) return refuse(ncclInvalidArgument, "root");
  int of = -1;
  if (stream && (cudaStreamGetDevice(stream, &of) != cudaSuccess || of != c.comm->device))
    return refuse(ncclInvalidUsage, "a stream of another device");
  size_t bytes = c.count * size_of(c.type), n = (size_t)c.comm->all->size;
  size_t sent = c.f == REDUCE_SCATTER ? bytes * n : bytes;
  size_t received = c.f == ALL_GATHER ? bytes * n : bytes;
  bool sends = c.f != BROADCAST || c.comm->rank == c.root;
  bool receives = c.f != REDUCE || c.comm->rank == c.root;
  if ((sends && !on_device_of(c.comm, c.send, sent, size_of(c.type))) ||
      (receives && !on_device_of(c.comm, c.recv, received, size_of(c.type))))
    return refuse(ncclInvalidArgument, "a buffer that is not of the communicator's device");
  return ncclSuccess;
}

static ncclResult_t add(const call &c, cudaStream_t stream) {
  ncclResult_t status = check(c, stream);
  if (status != ncclSuccess) return status;
  if (depth > 0) {
    waiting.push_back(c);
    return ncclSuccess;
  }
  ncclGroupStart();
  waiting.push_back(c);
  return ncclGroupEnd();
}

static const char *in(const void *p) {
  return static_cast<const char *>(p);
}
static char *out(void *p) {
  return static_cast<char *>(p);
}

ncclResult_t ncclReduce(const void *sendbuff, void *recvbuff, size_t count, ncclDataType_t datatype,
                        ncclRedOp_t op, int root, ncclComm_t comm, cudaStream_t stream) {
  return add({REDUCE, in(sendbuff), out(recvbuff), count, datatype, op, root, comm}, stream);
}

ncclResult_t ncclBroadcast(const void *sendbuff, void *recvbuff, size_t count,
                           ncclDataType_t datatype, int root, ncclComm_t comm,
                           cudaStream_t stream) {
  return add({BROADCAST, in(sendbuff), out(recvbuff), count, datatype, ncclSum, root, comm},
             stream);
}

ncclResult_t ncclAllReduce(const void *sendbuff, void *recvbuff, size_t count,
                           ncclDataType_t datatype, ncclRedOp_t op, ncclComm_t comm,
                           cudaStream_t stream) {
  return add({ALL_REDUCE, in(sendbuff), out(recvbuff), count, datatype, op, 0, comm}, stream);
}

ncclResult_t ncclReduceScatter(const void *sendbuff, void *recvbuff, size_t recvcount,
                               ncclDataType_t datatype, ncclRedOp_t op, ncclComm_t comm,
                               cudaStream_t stream) {
  return add({REDUCE_SCATTER, in(sendbuff), out(recvbuff), recvcount, datatype, op, 0, comm},
             stream);
}

ncclResult_t ncclAllGather(const void *sendbuff, void *recvbuff, size_t sendcount,
                           ncclDataType_t datatype, ncclComm_t comm, cudaStream_t stream) {
  return add({ALL_GATHER, in(sendbuff), out(recvbuff), sendcount, datatype, ncclSum, 0, comm},
             stream);
}
