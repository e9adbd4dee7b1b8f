# SPDX-License-Identifier: GPL-2.0-only
#
# What tools/testing/selftests/lib.mk is in a kernel tree, for outside of one: builds
# $(TEST_GEN_PROGS) into $(OUTPUT) and runs them.  That all are skipped is no failure.

OUTPUT ?= $(CURDIR)

TEST_GEN_PROGS := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS))

CFLAGS += $(USERCFLAGS)

all: $(TEST_GEN_PROGS)

$(OUTPUT)/%: %.c $(LOCAL_HDRS)
	$(LINK.c) $(filter %.c %.o,$^) $(LDLIBS) -o $@

run_tests: all
	@sh ../run_tests.sh $(TEST_GEN_PROGS) || [ $$? -eq 4 ]

clean:
	$(RM) $(TEST_GEN_PROGS) $(EXTRA_CLEAN)

.DEFAULT_GOAL := all
.PHONY: all run_tests clean
