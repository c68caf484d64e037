# The tests.  `make test` runs them all through tests/run, which prints one closing line.
#
#   tests/<layer>/test_*.c     cmocka programs, linked with the library's objects
#   tests/*/test_*.lua         scripts for build/cresset, written with torch.Tester
#   tests/operators/            the table of operators that several of the scripts walk
#   tests/vm/run_cli_tests     the program from outside
#   tests/lib/run_docs         doc comments: complete, their examples run
#   tests/peer/run_peer        operators and random programs beside PyTorch's, where Python has it

test_c    := $(wildcard tests/*/test_*.c)
test_bins := $(test_c:%.c=$(B)/%)
test_lua  := $(wildcard tests/*/test_*.lua)

$(B)/tests/%: tests/%.c $(B)/libcresset.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(cflags) $< -o $@ $(B)/libcresset.a $(ldflags) -lcmocka $(lua_libs) $(libs)

.PHONY: test test-programs
test-programs: all $(test_bins)

test: test-programs
	@OMP_WAIT_POLICY=passive B=$(B) sh tests/run $(test_bins) $(test_lua) tests/vm/run_cli_tests tests/vm/run_bad_input tests/lib/run_docs tests/peer/run_peer tests/check_tree

-include $(test_bins:%=%.d)

# Fuzzing: each loader for FUZZ_SECONDS, from the kept corpus on, in a build folder of its own.  What it
# finds goes to a folder outside the tree, which the closing lines name.
FUZZ_SECONDS ?= 30
FUZZ_B       ?= build-fuzz
fuzz_bins := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: fuzz fuzz-programs
fuzz:
	@$(MAKE) --no-print-directory B=$(FUZZ_B) CC=clang SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
	@sh tests/fuzz/run $(FUZZ_B) $(FUZZ_SECONDS)
fuzz-programs: $(fuzz_bins)

$(B)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/libcresset.a
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(CC) $(cflags) $< -o $@ $(B)/libcresset.a $(ldflags) -fsanitize=fuzzer $(lua_libs) $(libs)

# The C programs, and a short script, under valgrind.  `make valgrind-all` adds the tests of the kernels,
# which take many minutes there; the sanitizers see them every time.
.PHONY: valgrind valgrind-all
valgrind_bins := $(filter-out %/test_kernels %/test_kernels_whole,$(test_bins))
valgrind-all: valgrind_bins := $(test_bins)
valgrind valgrind-all: test-programs
	@OMP_WAIT_POLICY=passive B=$(B) VALGRIND=1 sh tests/run $(valgrind_bins)
	OMP_WAIT_POLICY=passive valgrind -q --error-exitcode=9 --leak-check=full \
	  --suppressions=tests/valgrind.supp $(B)/cresset tests/vm/short.lua

# Many interpreters at once under ThreadSanitizer, in a build folder of its own.  Operators run on one
# thread each there: the sanitizer does not know OpenMP.
.PHONY: threads
threads:
	+@$(MAKE) --no-print-directory SANITIZE=thread B=build-threads build-threads/tests/vm/test_threads
	OMP_NUM_THREADS=1 TSAN_OPTIONS=halt_on_error=1 build-threads/tests/vm/test_threads
