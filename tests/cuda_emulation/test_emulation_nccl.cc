/* test_emulation_nccl.cc: the fake of NCCL: what it computes, and what it refuses. */
#include "test_emulation.h"

#include <nccl.h>
#include <string.h>

static const int BOTH[] = {0, 1};

/* A number on each of two devices, and communicators between them. */
struct two {
  ncclComm_t comm[2];
  float *p[2];
  explicit two(float first, float second) {
    CHECK(ncclCommInitAll(comm, 2, BOTH) == ncclSuccess);
    const float values[] = {first, second};
    for (int i = 0; i < 2; i++) {
      OK(cudaSetDevice(i));
      OK(cudaMalloc(&p[i], sizeof(float)));
      OK(cudaMemcpy(p[i], &values[i], sizeof(float), cudaMemcpyHostToDevice));
    }
  }
  ~two() {
    for (int i = 0; i < 2; i++) {
      OK(cudaFree(p[i]));
      CHECK(ncclCommDestroy(comm[i]) == ncclSuccess);
    }
    OK(cudaSetDevice(0));
  }
  float at(int i) const {
    float value;
    OK(cudaMemcpy(&value, p[i], sizeof value, cudaMemcpyDeviceToHost));
    return value;
  }
};

TEST(nccl_adds_up) {
  two t(3, 4);
  CHECK(ncclGroupStart() == ncclSuccess);
  for (int i = 0; i < 2; i++)
    CHECK(ncclAllReduce(t.p[i], t.p[i], 1, ncclFloat32, ncclSum, t.comm[i], 0) == ncclSuccess);
  CHECK(t.at(0) == 3); /* nothing before the group's end */
  CHECK(ncclGroupEnd() == ncclSuccess);
  CHECK(t.at(0) == 7 && t.at(1) == 7);
}

TEST(nccl_refuses_devices) {
  ncclComm_t comm[3];
  const int twice[] = {0, 0}, absent[] = {0, 99};
  CHECK(ncclCommInitAll(comm, 2, twice) == ncclInvalidUsage);
  CHECK(strstr(ncclGetLastError(NULL), "duplicate") != NULL);
  CHECK(ncclCommInitAll(comm, 2, absent) == ncclInvalidUsage);
  CHECK(ncclCommInitAll(NULL, 2, BOTH) == ncclInvalidArgument);
  CHECK(ncclCommDestroy(NULL) == ncclInvalidArgument);
}

/* The real one would wait for the other device for ever. */
TEST(nccl_refuses_what_would_wait) {
  two t(1, 2);
  CHECK(ncclAllReduce(t.p[0], t.p[0], 1, ncclFloat32, ncclSum, t.comm[0], 0) == ncclInvalidUsage);
  CHECK(ncclGroupStart() == ncclSuccess);
  CHECK(ncclAllReduce(t.p[0], t.p[0], 1, ncclFloat32, ncclSum, t.comm[0], 0) == ncclSuccess);
  CHECK(ncclAllReduce(t.p[1], t.p[1], 1, ncclFloat32, ncclMax, t.comm[1], 0) == ncclSuccess);
  CHECK(ncclGroupEnd() == ncclInvalidUsage);
  CHECK(ncclGroupEnd() == ncclInvalidUsage); /* none was started */
}

TEST(nccl_refuses_arguments) {
  two t(1, 2);
  float here = 0;
  ncclComm_t c = t.comm[0];
  CHECK(ncclGroupStart() == ncclSuccess);
  CHECK(ncclReduce(t.p[1], t.p[0], 1, ncclFloat32, ncclSum, 0, c, 0) == ncclInvalidArgument);
  CHECK(ncclReduce(&here, t.p[0], 1, ncclFloat32, ncclSum, 0, c, 0) == ncclInvalidArgument);
  CHECK(ncclReduce(t.p[0], t.p[0], 1, ncclFloat32, ncclSum, 2, c, 0) == ncclInvalidArgument);
  CHECK(ncclReduce(t.p[0], t.p[0], 1 << 28, ncclFloat32, ncclSum, 0, c, 0) == ncclInvalidArgument);
  CHECK(ncclReduce(t.p[0], t.p[0], 1, (ncclDataType_t)15, ncclSum, 0, c, 0) == ncclInvalidArgument);
  cudaStream_t other;
  OK(cudaSetDevice(1));
  OK(cudaStreamCreate(&other));
  CHECK(ncclBroadcast(t.p[0], t.p[0], 1, ncclFloat32, 0, c, other) == ncclInvalidUsage);
  CHECK(ncclGroupEnd() == ncclInvalidArgument); /* that of the first call that failed */
  OK(cudaStreamDestroy(other));
}
