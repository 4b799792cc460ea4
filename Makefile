# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# maprace. `make help` lists the targets. V=1 shows the commands.

MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
BPFTOOL ?= /usr/sbin/bpftool
STRIP ?= strip
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 6
export MAPRACE_CACHE ?= $(CURDIR)/build/cache

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-6s %s\n' $(1) '$(2)';
else
Q :=
say =
endif

ARCH := $(shell uname -m)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1-unknown)

# --- sources ---------------------------------------------------------------------------------------------------------

SRCS := $(sort $(wildcard user/*/*.c user/*/*/*.c)) $(wildcard user/main.c)
LIB_SRCS := $(filter-out user/main.c,$(SRCS))
BPF_SRCS := $(sort $(wildcard bpf/*/*.bpf.c))
UNIT_SRCS := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
FUZZ_SRCS := $(sort $(wildcard tests/fuzz/fuzz_*.c))

SKELS := $(patsubst %.bpf.c,build/bpf/%.skel.h,$(notdir $(BPF_SRCS)))
OBJS := $(SRCS:%.c=build/obj/%.o)
SAN_OBJS := $(SRCS:%.c=build/san/%.o)
SAN_LIB_OBJS := $(LIB_SRCS:%.c=build/san/%.o)
UNITS := $(UNIT_SRCS:tests/unit/%.c=build/unit/%)
UNITS_RUN := $(if $(UNIT),$(filter %/test_$(UNIT),$(UNITS)),$(UNITS))
FUZZERS := $(FUZZ_SRCS:tests/fuzz/%.c=build/fuzz/%)

# --- flags -----------------------------------------------------------------------------------------------------------

LIBBPF := build/libbpf
WARN := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
CPPFLAGS_ALL := -D_GNU_SOURCE -DMAPRACE_VERSION='"$(VERSION)"' -Iinclude -Iuser -Ibuild/bpf -isystem $(LIBBPF)/include
CFLAGS_ALL := -std=gnu17 -g $(WARN) -fno-common -fno-strict-aliasing
HARDEN := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -ffunction-sections -fdata-sections
# fuzzer-no-link: the same objects go into unit tests and fuzzers
SAN := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
SAN_OBJ := $(SAN) -fsanitize=fuzzer-no-link
# compiled in a quarter of the time; the code under test is optimized as in $(SAN)
UNIT_SAN := $(SAN) -O0
LIBBPF_A := $(LIBBPF)/lib/$(ARCH)-linux-gnu/libbpf.a
LIBS := $(LIBBPF_A) -lelf -lz -ljansson -lyaml -levent_core -levent_extra -levent_core -lncursesw -ltinfo -lm

BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(ARCH)))
# v2: the newest instruction set that needs nothing newer than the oldest kernel we run on (5.10)
BPF_CFLAGS := -target bpf -mcpu=v2 -O2 -g -std=gnu17 -Wall -Wextra -Werror -Wno-unused-parameter \
	-D__TARGET_ARCH_$(BPF_ARCH) -Ivmlinux/$(ARCH) -Iinclude -Ibpf -isystem $(LIBBPF)/include

# the oldest, the one with perf events only, the newest; each way to attach, each kind of verdict. What goes the same way on
# two of them is on one: they run for as long as the slowest
VM_QUICK_KERNELS := 5.10 7.2 6.1
VM_QUICK_CASES := kernel_features race_read_write/go1.24 least_privilege* verified_instructions refuses_not_go lockdown_refused \
	race_faststr/go1.19-stripped@5.10 clean_mutex/go1.24@5.10 bpflost_processes@5.10 \
	doctor_fentry_refused@5.10 doctor_without_btf@5.10 doctor_uprobes_refused@5.10 \
	doctor@6.1 doctor_bpf@6.1 race_iterate_write/go1.27@6.1 \
	doctor_without_privileges@7.2 command_race@7.2 bpfsafe_in_place@7.2 command_tree@6.1 \
	bpf_live_hash@6.1 tree_pid_namespace@7.2

UNIT_ENV = MAPRACE_TOP=$(CURDIR) MAPRACE_FIXTURES=$(CURDIR)/build/fixtures MAPRACE_CACHE=$(MAPRACE_CACHE)

# --- the tool --------------------------------------------------------------------------------------------------------

.PHONY: all
all: build/maprace ## build the tool: build/maprace, one static executable

build/maprace.debug: $(OBJS) | $(LIBBPF_A)
	$(call say,LINK,$@)
# glibc's remarks about getaddrinfo in static executables, which nothing of ours calls, are shown with the errors only
	$(Q)log=$$($(CC) -static -Wl,--gc-sections $(LDFLAGS) -o $@ $(OBJS) $(LIBS) 2>&1) || { echo "$$log" >&2; exit 1; }

build/maprace: build/maprace.debug
	$(call say,STRIP,$@)
	$(Q)$(STRIP) -o $@ $<

build/obj/%.o: %.c | deps-build $(LIBBPF_A) $(SKELS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CPPFLAGS) $(CFLAGS_ALL) $(HARDEN) $(CFLAGS) -MMD -MP -c -o $@ $<

# its atomic operations that return a value need 5.12; bpfmap_plain is the same without them
build/bpf/bpfmap.bpf.o: BPF_CFLAGS += -mcpu=v3

vpath %.bpf.c $(dir $(BPF_SRCS))
build/bpf/%.bpf.o: %.bpf.c | deps-build $(LIBBPF_A)
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF build/bpf/$*.d -MT $@ -c -o build/bpf/$*.bpf.raw.o $<
	$(Q)$(BPFTOOL) gen object $@ build/bpf/$*.bpf.raw.o

build/bpf/%.skel.h: build/bpf/%.bpf.o
	$(call say,SKEL,$@)
# generated code: nothing for clang-tidy
	$(Q){ echo "/* NOLINTBEGIN */"; $(BPFTOOL) gen skeleton $< name $*_bpf; echo "/* NOLINTEND */"; } >$@

$(LIBBPF_A): scripts/debs.sh scripts/debs.pins | deps-build
	$(Q)mkdir -p build
	$(Q)root=$$(scripts/debs.sh libbpf) && ln -sfn "$$root/usr" $(LIBBPF) && touch $@

# whoever prints the version is compiled again when it changes
VERSION_SRCS := $(if $(SRCS),$(shell grep -ls MAPRACE_VERSION $(SRCS)))
$(VERSION_SRCS:%.c=build/obj/%.o) $(VERSION_SRCS:%.c=build/san/%.o): build/version
build/version: FORCE
	@mkdir -p build; [[ $$(cat $@ 2>/dev/null) == '$(VERSION)' ]] || echo '$(VERSION)' >$@
.PHONY: FORCE
FORCE:

# targets come and go while another is watched: tests/e2e/lifecycle.sh
build/churn: tests/e2e/churn.c $(filter-out build/obj/user/main.o,$(OBJS))
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CPPFLAGS) $(CFLAGS_ALL) $(HARDEN) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: asan
asan: build/asan/maprace ## build the tool with address and undefined-behaviour sanitizers: build/asan/maprace

build/asan/maprace: $(SAN_OBJS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(SAN) $(LDFLAGS) -o $@ $(SAN_OBJS) $(LIBS)

build/san/%.o: %.c | deps-test $(LIBBPF_A) $(SKELS)
	$(call say,CC-SAN,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS_ALL) $(CPPFLAGS) $(CFLAGS_ALL) $(SAN_OBJ) $(CFLAGS) -MMD -MP -c -o $@ $<

# --- tests -----------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: build/maprace deps-test ## build, start a racy Go service, prove its race, write out.json
	$(Q)tests/demo/demo.sh

.PHONY: test
test: ## all that a change has to pass: unit, fuzz (short), e2e and kernels (a selection)
	$(Q)+MAKE="$(MAKE)" scripts/test.sh unit fuzz e2e scoreboard-quick vmtest-quick

.PHONY: test-all
test-all: ## everything: unit, fuzz, reports, e2e on all Go versions, real programs, kernels in virtual machines
	$(Q)+MAKE="$(MAKE)" scripts/test.sh unit fuzz reports e2e-all real vmtest

.PHONY: unit
unit: $(UNITS_RUN) fixtures ## unit tests, under sanitizers (UNIT=name: only test_name.c)
	$(Q)$(UNIT_ENV) scripts/unit.sh $(UNITS_RUN)

.PHONY: fuzz
fuzz: $(FUZZERS) fixtures ## each fuzzer for FUZZ_SECONDS (6) (FUZZ=name: only tests/fuzz/fuzz_name.c)
	$(Q)$(UNIT_ENV) FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz.sh $(if $(FUZZ),build/fuzz/fuzz_$(FUZZ),$(FUZZERS))

.PHONY: e2e e2e-all real vmtest vmtest-quick vmtable vmshell bench bench-detect scoreboard scoreboard-quick
e2e: build/maprace build/churn deps-test ## end to end: racy and clean Go programs, a selection
	$(Q)tests/e2e/run.sh
e2e-all: build/maprace build/churn deps-test ## end to end, all programs with all Go versions
	$(Q)tests/e2e/run.sh --all
real: build/maprace deps-test ## stripped programs of Debian under load: servers, and known races
	$(Q)tests/real/run.sh
vmtest: build/maprace deps-test ## the tool on other kernels, in virtual machines
	$(Q)tests/vm/run.sh
vmtest-quick: build/maprace deps-test ## the same, on three kernels, a selection of cases
	$(Q)KERNELS="$(VM_QUICK_KERNELS)" CASES="$(VM_QUICK_CASES)" tests/vm/run.sh
vmtable: ## docs/kernels.md, from the last run of each kernel
	$(Q)tests/vm/run.sh --table docs/kernels.md
vmshell: build/maprace deps-test ## a shell in such a machine (KERNEL=5.10)
	$(Q)tests/vm/shell.sh $(KERNEL)
scoreboard: build/maprace deps-test ## services with the map races that people write, and the same put right: found, missed, false
	$(Q)tests/corpus/run.sh
scoreboard-quick: build/maprace deps-test ## the same, one Go version and rate, a few seconds each
	$(Q)tests/corpus/run.sh --go 1.24 --rate 1ms --clean-seconds 2 --no-race --jobs-clean 2 --again

bench: build/maprace deps-test ## what watching costs
	$(Q)tests/bench/run.sh

bench-detect: build/maprace deps-test ## what is found against what it costs, and -race beside it: hours
	$(Q)tests/bench/detect.sh

.PHONY: soak
soak: build/maprace deps-test ## targets and maprace killed at random for SECONDS (600): no harm, nothing left (SEED=n: again)
	$(Q)tests/soak/soak.sh $(or $(SECONDS),600) $(SEED)

.PHONY: reports
reports: build/maprace deps-test ## SARIF, JUnit and HTML held against their schemas and a headless browser
	$(Q)scripts/deps.sh reports
	$(Q)tests/reports/run.sh

.PHONY: fixtures
fixtures: deps-test ## the Go programs that the unit tests and fuzzers read
	$(Q)tests/fixtures/build.sh

build/unit/%: build/unit/%.o build/san/libmaprace.a
	$(call say,LINK,$@)
	$(Q)$(CLANG) $(SAN) $(LDFLAGS) -o $@ $< build/san/libmaprace.a $(LIBS) -lcmocka

build/unit/%.o: tests/unit/%.c | deps-test $(LIBBPF_A) $(SKELS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS_ALL) -Ibpf -Itests/unit -Itests/unit/bpf_shim $(CPPFLAGS) $(CFLAGS_ALL) $(UNIT_SAN) $(CFLAGS) -MMD -MP -c -o $@ $<

build/san/libmaprace.a: $(SAN_LIB_OBJS)
	$(Q)mkdir -p $(@D); rm -f $@; ar rcs $@ $(SAN_LIB_OBJS)

build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c build/san/libmaprace.a | deps-test
	$(call say,FUZZER,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS_ALL) $(CPPFLAGS) $(CFLAGS_ALL) -Wno-missing-prototypes $(SAN) -fsanitize=fuzzer $(CFLAGS) \
		-MMD -MP -MF $@.d -MT $@ $(LDFLAGS) -o $@ $< build/san/libmaprace.a $(LIBS)

.PHONY: format
format: deps-lint ## put all C files into the style of .clang-format
	$(Q)git ls-files -co --exclude-standard -- "*.c" "*.h" ":!vmlinux/*/vmlinux.h" | xargs clang-format -i

.PHONY: lint
lint: deps-build deps-test deps-lint $(LIBBPF_A) $(SKELS) ## format, clang-tidy, cppcheck, shellcheck, house rules
	$(Q)CPPFLAGS="$(subst ",\",$(CPPFLAGS_ALL))" scripts/lint.sh

# --- the machine -----------------------------------------------------------------------------------------------------

.PHONY: deps deps-build deps-test deps-lint
deps: ## install the Debian packages that are missing (the other targets call it for what they need)
	$(Q)scripts/deps.sh
deps-build:
	$(Q)scripts/deps.sh build
deps-test: deps-build
	$(Q)scripts/deps.sh test
deps-lint:
	$(Q)scripts/deps.sh lint

.PHONY: install
install: build/maprace ## install under DESTDIR and PREFIX (/usr/local)
	install -D -m 755 build/maprace $(DESTDIR)$(PREFIX)/sbin/maprace
	install -D -m 644 docs/maprace.1 $(DESTDIR)$(PREFIX)/share/man/man1/maprace.1
	install -D -m 644 packaging/completions/maprace.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/maprace
	install -D -m 644 packaging/completions/_maprace $(DESTDIR)$(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)/_maprace
	install -D -m 644 packaging/completions/maprace.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/maprace.fish

.PHONY: image
image: build/maprace ## an image for containers, as an OCI layout: build/maprace-image.tar
	$(Q)packaging/kubernetes/image.sh

.PHONY: deb
deb: build/maprace ## a Debian package, looked at by lintian: build/maprace_*.deb
	$(Q)scripts/deps.sh deb
	$(Q)package=$$(packaging/deb.sh "$(VERSION)") && lintian --allow-root --fail-on error,warning "$$package" && echo "$$package"

.PHONY: clean distclean
clean: ## remove what was built, but not the packages fetched (build/cache) and the Go programs (build/fixtures)
	$(Q)for f in build/* build/.[!.]*; do case $$f in build/cache | build/fixtures) ;; *) rm -rf "$$f" ;; esac; done
distclean: ## remove build/
	$(Q)rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

-include $(OBJS:.o=.d) $(SAN_OBJS:.o=.d) $(SKELS:.skel.h=.d) $(UNITS:=.d) $(FUZZERS:=.d)
