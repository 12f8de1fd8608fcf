# calls_fdw: call logs of voice-call providers as PostgreSQL foreign tables.
# "make help" lists the targets.

# PGXS has a target check of its own, which only says no, and needs pg_config;
# these do without both, so that they also work on a bare machine.
TOOLS = help check check-package check-valgrind check-asan check-cancels check-random check-faults fuzz sqlsmith bench demo doc
ifneq (,$(filter $(TOOLS),$(MAKECMDGOALS)))

.PHONY: $(MAKECMDGOALS)
help:
	@echo 'make                 build the extension (PG_CONFIG=... for another PostgreSQL)'
	@echo 'make install         install it; as root, or with DESTDIR=...'
	@echo 'make uninstall       remove it'
	@echo 'make check           build all and run all tests; installs what is missing (test/check.sh)'
	@echo 'make check-package   build the Debian package and try it (test/package.sh)'
	@echo 'make check-valgrind  run the regression tests under valgrind (test/valgrind.sh)'
	@echo 'make check-asan      run the regression tests with AddressSanitizer and UBSan (test/asan.sh)'
	@echo 'make check-cancels   cancel 200 random queries at random moments (CALLS_SEED, CALLS_CANCELS)'
	@echo 'make check-random    compare 20,000 random queries with a local copy (CALLS_SEED, CALLS_QUERIES)'
	@echo 'make check-faults    judge 1,000 scans under random faults of a changing log (CALLS_SEED, CALLS_SCANS)'
	@echo 'make fuzz            fuzz what reads foreign bytes, ten minutes per target (test/fuzz.sh, FUZZ_SECONDS)'
	@echo 'make sqlsmith        run sqlsmith against the foreign tables for ten minutes (test/sqlsmith.sh)'
	@echo 'make bench           measure CPU, time and memory (bench/run.sh; BENCH_RUNS), half an hour or more'
	@echo 'make demo            show the extension at work (test/demo.sh)'
	@echo 'make doc             write doc/providers.md from the definitions (test/doc.sh)'
	@echo 'make installcheck    run the regression tests in a running server that has sim.url set'
	@echo 'make clean           remove what was built'
check:
	@test/check.sh
check-package:
	@test/package.sh
check-valgrind:
	@test/valgrind.sh
check-asan:
	@test/asan.sh
check-cancels:
	@CALLS_CANCELS=$${CALLS_CANCELS:-200} test/check.sh 123_cancels
fuzz:
	@test/fuzz.sh
check-random:
	@CALLS_QUERIES=$${CALLS_QUERIES:-20000} test/check.sh 090_random
check-faults:
	@CALLS_SCANS=$${CALLS_SCANS:-1000} test/check.sh 124_fault_scans
sqlsmith:
	@test/sqlsmith.sh
bench:
	@bench/run.sh
demo:
	@test/demo.sh
doc:
	@test/doc.sh
$(filter-out $(TOOLS),$(MAKECMDGOALS)):
	@$(MAKE) $@

else

EXTENSION = calls_fdw
MODULE_big = calls_fdw
DATA = calls_fdw--1.0.sql
PGFILEDESC = "calls_fdw - call logs of voice-call providers as tables"

SOURCES = $(sort $(wildcard src/*.c))
OBJS = $(SOURCES:.c=.o)
PROVIDERS = $(filter-out %/schema.json,$(sort $(wildcard providers/*.json)))

# pg_regress needs a server with the extension and the simulator's address:
# test/check.sh starts both, then runs "make installcheck". What begins with _
# is included by tests.
REGRESS = $(patsubst sql/%.sql,%,$(filter-out sql/_%,$(sort $(wildcard sql/*.sql))))
REGRESS_OPTS = --inputdir=. --load-extension=calls_fdw
EXTRA_CLEAN = test/tmp_check

# Packages without a .pc file for the running version fail here, loudly.
PKG_CONFIG ?= pkg-config
CURL_CFLAGS := $(shell $(PKG_CONFIG) --cflags libcurl)
JSONC_CFLAGS := $(shell $(PKG_CONFIG) --cflags json-c)
SHLIB_LINK = $(shell $(PKG_CONFIG) --libs libcurl json-c)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
# The server's headers come by -isystem, so that the warnings below judge
# ours only.
PG_CPPFLAGS = $(CURL_CFLAGS) $(JSONC_CFLAGS) -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS = -Wall -Wextra $(WERROR)
include $(PGXS)

# PGXS does not track headers.
$(OBJS): $(wildcard src/*.h)

# Definitions are looked up by name below the extension's share directory.
providers_dir = $(DESTDIR)$(datadir)/extension/calls_fdw

install: install-providers
.PHONY: install-providers
install-providers:
	$(MKDIR_P) '$(providers_dir)'
	$(INSTALL_DATA) $(PROVIDERS) '$(providers_dir)/'

uninstall: uninstall-providers
.PHONY: uninstall-providers
uninstall-providers:
	rm -rf '$(providers_dir)'

clean: clean-simulator
.PHONY: clean-simulator
clean-simulator:
	$(MAKE) -s -C test/simulator clean

endif
