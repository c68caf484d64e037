# The tests.  `make test` runs them all through tests/run, which prints one closing line.
#
#   tests/<layer>/test_*.c     cmocka programs, linked with the library's objects
#   tests/*/test_*.lua         scripts for build/cresset, written with torch.Tester
#   tests/operators/            the table of operators that several of the scripts walk
#   tests/vm/run_cli_tests     the program from outside
#   tests/vm/run_repl          the prompt, on a terminal
#   tests/vm/run_typing        what is on the screen while somebody types there
#   tests/vm/run_debugger      the debugger, and what errors say
#   tests/vm/run_kernel        a notebook's kernel, without a notebook
#   tests/vm/run_runs          `cresset runs`, and runs whose program ends in every way
#   tests/vm/run_training      the training scripts, some steps of each
#   tests/vm/run_random_input  lines made at random, typed at the prompt
#   tests/vm/run_resume        training that is killed, resumed, out of disk
#   tests/hosts/run_hosts      the programs of scripts/hosts
#   tests/lib/run_docs         doc comments: complete, their examples run
#   tests/lib/run_bench        the benchmark program
#   tests/lib/run_counts       instructions and allocations of small operations against those kept in tests/counts
#   tests/install/run_texts    man pages and completions have the program's options
#   tests/install/run_abi      what the library exports
#   tests/peer/run_peer        operators and random programs beside PyTorch's, where Python has it
#   tests/peer/run_tensorboard  event files beside TensorBoard's reader
#   tests/peer/run_jupyter      the kernel driven by Jupyter's client, where Python has it
#   tests/nn/moved.lua         modules on the device beside the same in host memory; on the device only
#   tests/cuda/scripts.lua     the training scripts, likewise
#   tests/cuda/                 the CUDA backend: tests_cuda.mk there says what
#
# The scripts of $(device_lua) hold on any device, and are run on the CPU and on the emulated GPU, which needs
# a C++ compiler.

# The long functions of test_limits take gigabytes, and with a sanitizer many minutes.
test_c    := $(filter-out $(if $(SANITIZE),tests/vm/test_limits.c),$(wildcard tests/*/test_*.c))
test_bins := $(test_c:%.c=$(B)/%)
test_lua  := $(wildcard tests/*/test_*.lua)
# test_memory measures the process's own memory over 100000 steps, which a GPU has no part in; test_bad_input
# makes thousands of calls that fail before they compute, which takes minutes on the emulation.
nn_in_host := tests/nn/test_memory.lua tests/nn/test_bad_input.lua
device_lua := $(patsubst %,tests/lib/test_%.lua,any_call autocast autograd fft func function index linalg \
  operators operator_gradients optim optim_each sampling tensor_elementwise tensor_gradients tensor_more tensor_ops \
  tensor_places tensor_products tensor_random tensor_reduce tensor_shape tensor_statistics torch7 torch_autograd trainer \
  callbacks metrics) \
  $(filter-out $(nn_in_host),$(wildcard tests/nn/test_*.lua)) tests/nn/moved.lua tests/cuda/scripts.lua
device_tests = $(device_bins) tests/cuda/run_runtime $(device_lua:%=device:%)

$(B)/tests/%: tests/%.c $(B)/libcresset.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(cflags) $< -o $@ $(B)/libcresset.a $(ldflags) -lcmocka $(lua_libs) $(libs)

$(B)/tests/vm/test_host_faults: libs += $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc strdup)

.PHONY: test test-programs
test-programs: all $(test_bins)

# What runs once; then what runs on the device.
tests := $(test_bins) $(test_lua) tests/vm/run_cli_tests tests/vm/run_repl tests/vm/run_typing tests/vm/run_debugger \
  tests/vm/run_kernel tests/vm/run_runs tests/vm/run_random_input tests/vm/run_bad_input tests/vm/run_training \
  tests/vm/run_resume tests/hosts/run_hosts tests/install/run_texts tests/install/run_abi \
  tests/lib/run_docs tests/lib/run_bench tests/lib/run_counts tests/peer/run_peer tests/peer/run_tensorboard \
  tests/peer/run_jupyter tests/check_tree
ifneq ($(shell command -v $(CXX) 2>/dev/null),)
test: emulated-programs
# The sanitizers slow the emulation down: they see the scripts that touch most of it.
ifneq ($(SANITIZE),)
device_lua := $(filter %/test_any_call.lua %/test_operators.lua %/test_operator_gradients.lua %/test_modules.lua %/test_autograd.lua,$(device_lua))
endif
tests += $(emulated_bins) $(device_tests)
endif

# The longest first: at the end no processor should wait for one of them.
long := tests/vm/run_random_input $(B)/tests/cuda/test_kernels device:tests/lib/test_autograd.lua tests/hosts/run_hosts \
  $(B)/tests/vm/test_limits tests/peer/run_peer $(B)/tests/tensor/test_kernels_whole
test: test-programs
	@OMP_WAIT_POLICY=passive B=$(B) TEST_PLUGIN=$(emulated_cuda) sh tests/run \
	  $(filter $(long),$(tests)) $(filter-out $(long),$(tests))

# The device's tests on another library than the emulated one: on a GPU.
.PHONY: device-test emulated-programs
emulated-programs: $(emulated_bins) $(device_bins) $(emulated_cuda)
device-test: all $(device_bins)
	@OMP_WAIT_POLICY=passive B=$(B) CRESSET_CUDA=$(DEVICE_PLUGIN) TEST_PLUGIN=$(DEVICE_PLUGIN) sh tests/run $(device_tests)
DEVICE_PLUGIN ?= $(B)/libcresset_cuda.so

-include $(test_bins:%=%.d)

# Fuzzing: each loader for FUZZ_SECONDS, from the kept corpus on, in a build folder of its own.  What it
# finds goes to a folder outside the tree, which the closing lines name.
FUZZ_SECONDS ?= 30
FUZZ_B       ?= build-fuzz
fuzz_bins := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: fuzz fuzz-programs
fuzz:
	@$(MAKE) --no-print-directory B=$(FUZZ_B) CC=clang ISA=native SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
	@sh tests/fuzz/run $(FUZZ_B) $(FUZZ_SECONDS)
fuzz-programs: $(fuzz_bins)

$(B)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/libcresset.a
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(CC) $(cflags) $< -o $@ $(B)/libcresset.a $(ldflags) -fsanitize=fuzzer $(lua_libs) $(libs)

# The C programs, and a short script, under valgrind.  `make valgrind-all` adds the tests of the kernels,
# which take many minutes there; the sanitizers see them every time.
.PHONY: valgrind valgrind-all
# Those left out take minutes there; the sanitizers see them.
valgrind_bins := $(filter-out %/test_kernels %/test_kernels_whole %/test_conv %/test_accuracy %/test_host_threads %/test_sandbox %/test_limits,$(test_bins))
valgrind-all: valgrind_bins := $(test_bins)
valgrind valgrind-all: test-programs
	@OMP_WAIT_POLICY=passive B=$(B) VALGRIND=1 sh tests/run $(valgrind_bins)
	OMP_WAIT_POLICY=passive valgrind -q --error-exitcode=9 --leak-check=full \
	  --suppressions=tests/valgrind.supp $(B)/cresset tests/vm/short.lua

# Many interpreters at once under ThreadSanitizer, in a build folder of its own: some minutes.  Operators
# run on one thread each there: the sanitizer does not know OpenMP.  INTERPRETERS=100 is the whole test.
.PHONY: threads
thread_bins := $(patsubst %,build-threads/tests/vm/%,test_threads test_host test_host_threads)
threads:
	+@$(MAKE) --no-print-directory SANITIZE=thread ISA=native B=build-threads $(thread_bins)
	@set -e; for test in $(thread_bins); do \
	  INTERPRETERS=$${INTERPRETERS:-2} OMP_NUM_THREADS=1 TSAN_OPTIONS=halt_on_error=1 $$test; done
