# The CUDA backend, a library of its own that the program loads when a script first asks for a GPU.
# Included by the Makefile.
#
#   CUDA=auto|0|1     build it where nvcc is found; never; always
#   CUDA_ARCH         compute capabilities, as "80 90"; code for the first is also kept as PTX, which
#                     newer GPUs compile for themselves
#
# Any build can also make it for the emulation in tests/cuda_emulation: $(emulated_cuda).

CUDA_ARCH ?= 80 90
NVCC      ?= $(firstword $(wildcard $(shell command -v nvcc 2>/dev/null) /usr/local/cuda/bin/nvcc))
# Sanitized builds, and those of other compilers, take the emulation.
with_cuda := $(if $(filter 0,$(CUDA)),,$(if $(NVCC),$(if $(variant),,yes)))
ifeq ($(CUDA)$(NVCC),1)
$(error CUDA=1, but nvcc is neither on the PATH nor in /usr/local/cuda/bin)
endif

cuda_cu   := $(sort $(wildcard cuda/*.cu))
cuda_o    := $(cuda_cu:%.cu=$(B)/%.o)
cuda_base := $(firstword $(CUDA_ARCH))
comma     := ,
cuda_code := -gencode arch=compute_$(cuda_base),code=[$(subst $() ,$(comma),$(strip $(CUDA_ARCH:%=sm_%) compute_$(cuda_base)))]
# Smaller code where this nvcc can compress it.
cuda_pack := $(if $(with_cuda),$(shell $(NVCC) --help 2>/dev/null | grep -q compress-mode && echo --compress-mode=size))
nvcc_flags := -std=c++17 -O3 $(cuda_code) $(cuda_pack) -Xcompiler -fPIC$(comma)-fvisibility=hidden$(comma)-Wall$(comma)-Wextra$(comma)-Werror \
              -Werror all-warnings -MMD -MP -I. -I$(B)

ifneq ($(with_cuda),)
all: $(B)/libcresset_cuda.so
endif

$(B)/cuda/%.o: cuda/%.cu | $(deps_stamp)
	@mkdir -p $(@D)
	$(call say,NVCC,$<)
	$(Q)$(NVCC) $(nvcc_flags) -MF $(@:.o=.d) -c $< -o $@

# The element types' table is the only file of the core that is linked here too.
$(B)/libcresset_cuda.so: $(cuda_o) $(B)/tensor/dtype.o
	$(call say,LINK,$@)
	$(Q)$(NVCC) -shared -cudart static -Xlinker -soname=libcresset_cuda.so -Xlinker -z$(comma)defs -Xlinker --exclude-libs$(comma)ALL -o $@ $^ -ldl -lpthread -lrt

-include $(wildcard $(cuda_o:.o=.d))

# ---- for the emulation ------------------------------------------------------------------------

include tests/cuda_emulation/emulation.mk

emulated_cuda := $(B)/emulation/libcresset_cuda.so
emulated_o    := $(cuda_cu:%.cu=$(B)/emulation/%.o)

$(B)/emulation/cuda/%.o: cuda/%.cu | $(deps_stamp)
	@mkdir -p $(@D)
	$(call say,EMUL,$<)
	$(Q)$(CXX) -x c++ $(emulation_cxxflags) -Wno-unknown-pragmas -c $< -o $@

$(emulated_cuda): $(emulated_o) $(emulation_o) $(B)/tensor/dtype.o
	$(call say,LINK,$@)
	$(Q)$(CXX) -shared -Wl,--exclude-libs,ALL -o $@ $^ $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -ldl -lpthread

-include $(wildcard $(emulated_o:.o=.d))

include tests/cuda/tests_cuda.mk
