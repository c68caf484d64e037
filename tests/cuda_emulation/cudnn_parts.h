/* cudnn_parts.h: what the files of the fake cuDNN share. */
#ifndef CR_EMULATION_CUDNN_PARTS_H
#define CR_EMULATION_CUDNN_PARTS_H

#include <cudnn.h>

#include "fake.h"

struct cudnnContext {
  fake::handle base;
};
struct cudnnTensorStruct {
  cudnnDataType_t type;
  int size[4]; /* n, c, h, w; all 0 until they are set */
  cudnnTensorFormat_t format;
};

/* A status, and what it is about. */
cudnnStatus_t cr_cudnn_fail(cudnnStatus_t status, const char *why);
/* Whether it is a handle of the current device. */
bool cr_cudnn_usable(cudnnHandle_t h);

#endif
