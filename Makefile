# Cresset.  `make help` lists the targets.
#
#   make            the program, the library and the module for stock Lua
#   make demo       train on handwritten digits, save, reload, classify
#   make test       every test
#   make install    into PREFIX (/usr/local); `make uninstall`, `make deb` for a Debian package: docs/install.md
#   make fuzz       the readers of files with made-up input, FUZZ_SECONDS each (30)
#   make SANITIZE=address,undefined ...   in a build folder of its own
#   make DEBUG=1 ...                      likewise
#   make ISA=native ...                   likewise, with kernels for this machine's processor alone
#   make CUDA=auto|0|1                    the CUDA backend: if nvcc is there, never, always
#
# One file, not recursive: objects go to $(B)/, which mirrors the tree.

CC        ?= gcc
ifeq ($(origin CC),default)
CC        := gcc
endif
SANITIZE  ?=
DEBUG     ?= 0
CUDA      ?= auto
VERSION   := $(shell sed -n 's/^.define CR_VERSION "\(.*\)"/\1/p' vm/cresset.h)
soversion := $(firstword $(subst ., ,$(VERSION)))

# A build folder for each kind of build, so that they never mix.
variant   := $(if $(filter-out gcc cc,$(notdir $(CC))),-$(notdir $(CC)))$(if $(SANITIZE),-sanitize)$(if $(filter 1,$(DEBUG)),-debug)$(if $(filter native,$(ISA)),-native)
B         ?= build$(variant)

include scripts/setup.mk

# ---- flags ------------------------------------------------------------------------------------

pkgs      := lua5.4 zlib
# What can be missing: the functions that need it then say what to install.
has        = $(shell pkg-config --exists $(1) 2>/dev/null && echo 1 || echo 0)
has_zip   := $(call has,libzip)
has_json  := $(call has,jansson)
has_png   := $(call has,libpng)
has_jpeg  := $(call has,libjpeg)
has_proto := $(if $(shell command -v protoc-c 2>/dev/null),$(call has,libprotobuf-c),0)
pkgs      += $(if $(filter 1,$(has_zip)),libzip) $(if $(filter 1,$(has_json)),jansson) \
             $(if $(filter 1,$(has_png)),libpng) $(if $(filter 1,$(has_jpeg)),libjpeg) \
             $(if $(filter 1,$(has_proto)),libprotobuf-c)
blas      := $(shell sh scripts/find-blas.sh 2>/dev/null)
CFLAGS    ?= -O2
cflags    := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fPIC -fvisibility=hidden -fopenmp -fno-math-errno -MMD -MP -I. -I$(B) \
             -DCR_LIBZIP=$(has_zip) -DCR_JANSSON=$(has_json) \
             -DCR_LIBPNG=$(has_png) -DCR_LIBJPEG=$(has_jpeg) -DCR_PROTOBUF=$(has_proto) $(shell pkg-config --cflags $(pkgs) 2>/dev/null) \
             $(filter -I%,$(blas)) $(CFLAGS)
ldflags   := -fopenmp $(LDFLAGS)
libs      := $(filter-out -I%,$(blas)) $(shell pkg-config --libs $(filter-out lua5.4,$(pkgs)) 2>/dev/null) -lm -ldl -lpthread
lua_libs  := $(shell pkg-config --libs lua5.4 2>/dev/null)
kernel_cflags := -O3 -fno-trapping-math -ffp-contract=fast -falign-loops=32
ifeq ($(DEBUG),1)
cflags    += -O0 -g3
kernel_cflags := -O1
endif
ifneq ($(SANITIZE),)
cflags    += -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined
ldflags   += -fsanitize=$(SANITIZE)
kernel_cflags := -O1
endif

# Kernels are compiled once for each instruction set and chosen at start-up; with ISA=native only for
# this machine's.
machine   := $(shell uname -m)
isas      := $(if $(filter x86_64,$(machine)),v2 v3 v4,plain)
ifeq ($(ISA),native)
isas      := plain
cflags    += -DCR_ONE_ISA
endif
isa_flags_v2    := -march=x86-64-v2
isa_flags_v3    := -march=x86-64-v3
isa_flags_v4    := -march=x86-64-v4 -mprefer-vector-width=512
isa_flags_plain := $(if $(filter native,$(ISA)),-march=native)

# ---- sources ----------------------------------------------------------------------------------

program_c := vm/main.c vm/repl.c vm/guard.c $(wildcard vm/editor*.c) vm/kernel.c
core_c    := $(wildcard tensor/*.c tensor/ops/*.c nn/*.c lib/*.c lib/*/*.c) $(filter-out $(program_c),$(wildcard vm/*.c)) tensor/cpu/cpu.c
kernel_c  := $(filter-out tensor/cpu/cpu.c,$(wildcard tensor/cpu/*.c)) $(wildcard nn/cpu/*.c)
lua_files := $(sort $(wildcard lib/*/*.lua nn/*.lua nn/*/*.lua vm/*.lua vm/*/*.lua))
doc_files := $(sort $(wildcard lib/*/*_lua.c))
core_o    := $(core_c:%.c=$(B)/%.o) $(foreach i,$(isas),$(kernel_c:%.c=$(B)/%.$(i).o)) $(B)/embedded.o \
             $(if $(filter 1,$(has_proto)),$(B)/lib/tensorboard/events.pb-c.o)
program_o := $(program_c:%.c=$(B)/%.o)

.PHONY: all demo test docs bench clean deps help check-layers
.DEFAULT_GOAL := all

# `make V=1` shows the commands.
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = @$(if $(filter 1,$(V)),:,printf '  %-5s %s\n' $(1) "$(2)")

all: $(B)/cresset $(B)/th $(B)/libcresset.so $(B)/torch.so

help:
	@sed -n '3,11s/^# \{0,1\}//p' Makefile

$(B)/%.o: %.c | $(deps_stamp)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(cflags) -c $< -o $@

define isa_rule
$(B)/%.$(1).o: %.c | $(deps_stamp)
	@mkdir -p $$(@D)
	$$(call say,CC,$$< ($(1)))
	$(Q)$(CC) $(cflags) $(kernel_cflags) $(isa_flags_$(1)) -DCR_ISA=$(1) -c $$< -o $$@
endef
$(foreach i,$(isas),$(eval $(call isa_rule,$(i))))

# Where Debian's libraries are, for the plug-in's search.
$(B)/tensor/plugin.o: cflags += -DCR_MACHINE='"$(machine)"'

# What is built with or without a library is built again when that changes.
optional  := $(B)/.optional-$(has_zip)$(has_json)$(has_png)$(has_jpeg)$(has_proto)
$(patsubst %,$(B)/lib/%.o,formats/npz_lua formats/safetensors_lua json/json_lua image/png image/jpeg \
  tensorboard/events_lua): $(optional)
$(optional):
	@mkdir -p $(@D)
	@rm -f $(B)/.optional-* && touch $@

# The messages of TensorBoard's event files.
$(B)/%.pb-c.c: %.proto | $(deps_stamp)
	@mkdir -p $(@D)
	$(call say,PROTO,$<)
	$(Q)protoc-c --c_out=$(B) $<

$(B)/%.pb-c.o: $(B)/%.pb-c.c
	$(Q)$(CC) $(cflags) -c $< -o $@

$(if $(filter 1,$(has_proto)),$(eval $(B)/lib/tensorboard/events_lua.o: $(B)/lib/tensorboard/events.pb-c.c))

# The Lua files of the libraries, and the doc comments of the C files, as one C file.
$(B)/embed: scripts/embed.c | $(deps_stamp)
	@mkdir -p $(@D)
	$(Q)$(CC) -O1 -Wall -Wextra -Werror $(shell pkg-config --cflags lua5.4) $< -o $@ $(lua_libs)

$(B)/embedded.c: $(B)/embed $(lua_files) $(doc_files)
	$(call say,EMBED,$(words $(lua_files)) Lua files)
	$(Q)$(B)/embed $(lua_files) $(doc_files) > $@.tmp && mv $@.tmp $@

$(B)/embedded.o: $(B)/embedded.c
	$(Q)$(CC) $(cflags) -c $< -o $@

$(B)/libcresset.so: $(core_o)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,libcresset.so.$(soversion) -o $@ $^ $(ldflags) $(lua_libs) $(libs)
	@ln -sf libcresset.so $(B)/libcresset.so.$(soversion)

$(B)/libcresset.a: $(core_o)
	$(Q)rm -f $@ && ar rcs $@ $^

# The program has the library in it, which starts and calls faster than a shared one would; what the host
# API exports is exported here too, for modules in C.
$(B)/cresset: $(program_o) $(B)/libcresset.a
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $(program_o) -rdynamic -Wl,--whole-archive $(B)/libcresset.a -Wl,--no-whole-archive $(ldflags) -lreadline $(lua_libs) $(libs)

$(B)/th: $(B)/cresset
	@ln -sf cresset $@

# What `require "torch"` loads in a stock lua5.4; it resolves Lua's own symbols in the host program.
$(B)/torch.so: vm/stock/torch.c $(B)/libcresset.so
	$(call say,LINK,$@)
	$(Q)$(CC) $(cflags) -shared -o $@ $< -L$(B) -lcresset $(ldflags) -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../..'

-include $(wildcard $(core_o:.o=.d) $(program_o:.o=.d))

# ---- CUDA -------------------------------------------------------------------------------------

include cuda/cuda.mk

# ---- the demo ---------------------------------------------------------------------------------

demo: all
	$(B)/cresset scripts/train_mnist.lua

# ---- tests ------------------------------------------------------------------------------------

include tests/tests.mk

# ---- documentation ----------------------------------------------------------------------------

# The reference, and stubs of every public name for lua-language-server.
docs: all
	$(B)/cresset scripts/docs.lua reference docs/reference
	$(B)/cresset scripts/docs.lua stubs $(B)/cresset.d.lua

# ---- benchmarks -------------------------------------------------------------------------------

bench: all
	B=$(B) scripts/bench

# ---- install ----------------------------------------------------------------------------------

include scripts/install/install.mk

clean:
	rm -rf build build-*
