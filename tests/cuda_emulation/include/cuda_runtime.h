/* cuda_runtime.h: CUDA for the host compiler, so that .cu files can be tested where there is no
 * GPU.
 *
 * This file stands in for the toolkit's header of the same name.  Kernels run on the CPU, one fibre
 * a thread; the runtime API runs everything at once.  What can be used is what is declared in the
 * files below: the names, types and values of the public API, written here. */
#ifndef CR_EMULATED_CUDA_RUNTIME_H
#define CR_EMULATED_CUDA_RUNTIME_H

#include "emulation/language.h"
#include "emulation/types.h"
#include "emulation/api.h"
#include "emulation/device.h"
#include "emulation/atomics.h"
#include "emulation/intrinsics.h"
#include "emulation/device_math.h"
#include "emulation/launch.h"

#endif
