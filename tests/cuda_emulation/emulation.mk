# The emulation of CUDA on the CPU, and the test of it; included by the Makefile.
#
# $(emulation_o) are the objects that a plug-in for tests links beside the .cu files compiled with
# $(emulation_cxxflags).  Kernels that are compiled while a test runs find its functions in the plug-in.

CXX            ?= g++
emulation_dir  := tests/cuda_emulation
emulation_cc   := $(filter-out $(emulation_dir)/test_%,$(wildcard $(emulation_dir)/*.cc))
emulation_test := $(wildcard $(emulation_dir)/test_emulation*.cc)
emulation_o    := $(emulation_cc:%.cc=$(B)/%.o)
emulation_cxxflags := -std=c++17 -D_GNU_SOURCE -DCR_CUDA_EMULATION -I$(emulation_dir)/include -I. -I$(B) \
                  -Wall -Wextra -Werror -fPIC -fvisibility=hidden -MMD -MP -O2 -g $(CXXFLAGS) \
                  $(if $(filter 1,$(DEBUG)),-O0) \
                  $(if $(SANITIZE),-O1 -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined)

$(B)/$(emulation_dir)/%.o: $(emulation_dir)/%.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) $(emulation_cxxflags) -fvisibility=default -DCR_EMULATION_HEADERS='"$(abspath $(emulation_dir)/include)"' -c $< -o $@

$(B)/$(emulation_dir)/test_emulation: $(emulation_test:%.cc=$(B)/%.o) $(emulation_o)
	$(call say,LINK,$@)
	$(Q)$(CXX) -o $@ $^ $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -lpthread

-include $(wildcard $(emulation_o:.o=.d) $(emulation_test:%.cc=$(B)/%.d))
