# Installing, and packages.  Included by the Makefile; docs/install.md is for users.
#
#   PREFIX    where it is installed (/usr/local)
#   LIBDIR    the libraries' folder: lib below PREFIX, or as `lib/x86_64-linux-gnu`, or a whole path
#   DESTDIR   put in front of all of these, for packages
#
# scripts/install/files is the one list of what is installed, and where.

PREFIX  ?= /usr/local
LIBDIR  ?= lib
DESTDIR ?=

# What a program that links libcresset.a has to link too.
private_libs = $(lua_libs) $(libs) $(if $(findstring clang,$(notdir $(CC))),-lomp,-lgomp)

.PHONY: install uninstall deb rock install-rock test-install
install uninstall deb: export PREFIX  := $(PREFIX)
install uninstall deb: export LIBDIR  := $(LIBDIR)
install uninstall deb: export DESTDIR := $(DESTDIR)
install uninstall deb: export VERSION := $(VERSION)
install uninstall deb: export SOVERSION := $(soversion)
install uninstall deb: export B := $(B)
install: export LIBS = $(private_libs)
install: export CUDA_PLUGIN = $(if $(with_cuda),yes)

install: all $(B)/libcresset.a
	@sh scripts/install/files install

uninstall:
	@sh scripts/install/files uninstall

# A package for the Debian or Ubuntu that runs: $(B)/cresset_*.deb and $(B)/libcresset-dev_*.deb
deb: export MAKE := $(MAKE)
deb: all $(B)/libcresset.a
	@sh scripts/install/deb

# For LuaRocks: the whole library in the one file that `require "torch"` loads; Lua itself is the program's.
# scripts/install/cresset-scm-1.rockspec says how it is called.
rock: $(B)/rock/torch.so $(if $(with_cuda),$(B)/libcresset_cuda.so)
$(B)/rock/torch.so: vm/stock/torch.c $(B)/libcresset.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter-out -MMD -MP,$(cflags)) -shared -o $@ $^ $(ldflags) $(libs)

# CMODDIR is LuaRocks's folder for modules in C.
install-rock: rock
	install -d '$(CMODDIR)'
	install -m 755 $(B)/rock/torch.so '$(CMODDIR)/torch.so'
	$(if $(with_cuda),install -m 755 $(B)/libcresset_cuda.so '$(CMODDIR)/libcresset_cuda.so')

# What is installed, used by projects that know nothing of this tree.
test-install: all $(B)/libcresset.a
	@MAKE='$(MAKE)' sh tests/install/run_install $(B)
