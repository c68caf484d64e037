# The tests of the CUDA backend, on the emulation in tests/cuda_emulation; included by cuda/cuda.mk.
#
#   test_kernels    each kernel beside the CPU's; its parts are kernels_*.cc
#   test_libraries  what calls NVIDIA's libraries, with the fakes; its parts are libraries_*.cc
#   test_runtime    memory, streams, events, several devices
#   run_runtime     scripts: what Lua sees of these (runtime.lua), profiles, loaders, and machines that lack
#                   something
#   test_emulation  the emulation itself (tests/cuda_emulation)
#
# test_libraries and test_emulation are bound to the emulation; the others take it unless CRESSET_CUDA names
# another library: the real one, where there is a GPU.

cuda_test_dir  := tests/cuda
cuda_test_cc   := $(wildcard $(cuda_test_dir)/*.cc)
cuda_test_o    := $(cuda_test_cc:%.cc=$(B)/%.o)
device_bins    := $(addprefix $(B)/$(cuda_test_dir)/,test_kernels test_runtime)
emulated_bins  := $(B)/$(cuda_test_dir)/test_libraries $(B)/tests/cuda_emulation/test_emulation
cuda_test_libs := $(ldflags) $(lua_libs) $(libs)

check_o     := $(B)/$(cuda_test_dir)/check.o
kernels_o   := $(filter $(B)/$(cuda_test_dir)/kernels_%,$(cuda_test_o))
libraries_o := $(filter $(B)/$(cuda_test_dir)/libraries_%,$(cuda_test_o)) $(B)/$(cuda_test_dir)/stand_in.o
# What calls a library, and the kernels beside it, without the plug-in's runtime.
libraries_cu_o := $(patsubst %,$(B)/emulation/cuda/%.o,conv conv_direct fft gemm gemm_bias library linalg middle)

$(B)/$(cuda_test_dir)/%.o: $(cuda_test_dir)/%.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) $(emulation_cxxflags) -DCR_EMULATED_CUDA='"$(emulated_cuda)"' -c $< -o $@

define cuda_test_link
	$(call say,TEST,$@)
	$(Q)$(CXX) -o $@ $^ $(cuda_test_libs)
endef

$(B)/$(cuda_test_dir)/test_kernels: $(B)/$(cuda_test_dir)/test_kernels.o $(kernels_o) $(check_o) $(B)/libcresset.a
	$(cuda_test_link)

$(B)/$(cuda_test_dir)/test_runtime: $(B)/$(cuda_test_dir)/test_runtime.o $(check_o) $(B)/libcresset.a
	$(cuda_test_link)

$(B)/$(cuda_test_dir)/test_libraries: $(B)/$(cuda_test_dir)/test_libraries.o $(libraries_o) $(check_o) $(libraries_cu_o) $(emulation_o) $(B)/libcresset.a
	$(cuda_test_link)

-include $(wildcard $(cuda_test_o:.o=.d))
