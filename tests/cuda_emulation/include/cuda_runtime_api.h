/* cuda_runtime_api.h: the runtime API alone, without the language; what the fakes of libraries
 * include. */
#ifndef CR_EMULATED_CUDA_RUNTIME_API_H
#define CR_EMULATED_CUDA_RUNTIME_API_H

#include "emulation/language.h"
#include "emulation/types.h"
#include "emulation/api.h"

#endif
