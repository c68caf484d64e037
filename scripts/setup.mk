# Installs what the build needs, once, before anything is compiled: `make deps` does it by hand.
# scripts/setup lists the packages and does nothing when they are all there.

deps_stamp := $(B)/.deps

ifneq ($(filter-out clean help deps uninstall,$(or $(MAKECMDGOALS),all)),)
# Flags come from pkg-config, so the packages must be there before this file is read further.
setup_result := $(shell sh scripts/setup >&2 && echo ok)
ifneq ($(setup_result),ok)
$(error what Cresset needs is not installed, see above)
endif
endif

$(deps_stamp):
	@mkdir -p $(@D)
	@touch $@

deps:
	@sh scripts/setup
