# vae-filters: `make`, `make check`, `make demo`, `make install`, `make bench`, `make lint`, `make deps`.
# SAN=1 builds with the address and undefined-behaviour sanitizers, in its own directory.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
CFLAGS  ?= -O3 -g
SAN     ?=
B       ?= build$(if $(SAN),-san)

LIBS := libarchive openblas yaml-0.1 libpng libjpeg jansson libxxhash zlib libzstd
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter -Wno-missing-field-initializers -Werror

VERSION := 0.1.0
# -fno-trapping-math lets the compiler vectorise branch-free code; nothing here reads FP flags. No contraction
# to fused multiply-add: the variants of simd.h are to give the same bits.
override CFLAGS += -std=c11 -D_GNU_SOURCE -DVF_VERSION='"$(VERSION)"' -iquote include -iquote src -pthread \
	-fno-trapping-math -fno-math-errno -ffp-contract=off $(WARN) $(if $(SAN),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
# Looked up once, and not for targets that build nothing.
NOBUILD := deps clean demo uninstall fuzz
ifneq ($(filter-out $(NOBUILD),$(or $(MAKECMDGOALS),all)),)
PKG_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(LIBS) 2>/dev/null)
endif

SRC   := $(sort $(wildcard src/*/*.c))
TOOLS := $(patsubst filters/%.c,%,$(sort $(wildcard filters/vae-*.c)))
UNIT  := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
MAN   := $(sort $(wildcard man/*.[157]))

# V=1 shows the commands.
say = $(if $(V),,@echo "  $(1)	$(2)";)

all: $(TOOLS:%=$(B)/%)

$(B)/%.o: %.c | build-deps
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libvaefilters.a: $(SRC:%.c=$(B)/%.o)
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

# a tool of several verbs has a file for each of the larger ones
$(B)/vae-ckpt: $(patsubst %.c,$(B)/%.o,$(sort $(wildcard filters/ckpt_*.c)))

$(TOOLS:%=$(B)/%): $(B)/%: $(B)/filters/%.o $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -lm

$(UNIT:%=$(B)/%): $(B)/%: $(B)/tests/unit/%.o $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

$(B)/bench: $(B)/tests/bench/bench.o $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

build-deps:
	@pkg-config --exists $(LIBS) || { echo "missing libraries ($(LIBS)): run 'make deps', or install their -dev packages" >&2; exit 1; }

# Preloaded into the tools, so without a sanitizer of its own.
$(B)/fault-shim.so: tests/fault/shim.c tests/fault/fault.h
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -fPIC -shared -o $@ $< -ldl

$(B)/fault-loop: tests/fault/loop.c tests/fault/fault.h
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -o $@ $<

# --- fuzzing: targets of libFuzzer, and their kept corpus gone through without it ---

FUZZ      := name fields expr config safetensors npy netpbm png jpeg idx reader csv rank_reference
FUZZ_OBJS := $(FUZZ:%=$(B)/tests/fuzz/%.o) $(B)/tests/fuzz/fuzz.o

$(B)/test_fuzz_corpus: $(B)/tests/fuzz/replay.o $(FUZZ_OBJS) $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

$(FUZZ:%=$(B)/fuzz-%): $(B)/fuzz-%: tests/fuzz/entry.c $(FUZZ_OBJS) $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) -fsanitize=fuzzer -DFUZZ_TARGET=fuzz_$* -o $@ $^ $(PKG_LIBS) -lm

fuzz-targets: $(FUZZ:%=$(B)/fuzz-%)

# FUZZ_SECONDS for each target; FUZZ="reader png" for a few.
FUZZ_SECONDS ?= 60
fuzz:
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ)

unit: $(UNIT:%=$(B)/%) $(B)/test_fuzz_corpus $(B)/fault-shim.so $(B)/fault-loop $(B)/bench

# --- installing what is needed ---

DEB_BUILD := gcc make pkg-config libarchive-dev libopenblas-dev libyaml-dev libpng-dev libjpeg-dev libjansson-dev libxxhash-dev zlib1g-dev libzstd-dev
DEB_TEST  := bats mandoc libarchive-tools zstd gzip xz-utils bzip2 lz4 attr perl bsdutils chromium
DEB_LINT  := clang clang-tidy cppcheck shellcheck libclang-rt-14-dev
DEB_DEMO  := dataset-fashion-mnist

# deps: what building, testing and the demo need. DEPS="..." for a part of it.
DEPS ?= $(DEB_BUILD) $(DEB_TEST) $(DEB_LINT) $(DEB_DEMO)
deps:
	@.ci/deps $(DEPS)

# --- testing ---

check: all unit
	@tests/run $(CURDIR)/$(B)

# Every call of every tool fails once, which takes long; `check` does so for every place calls come from.
faults: all unit
	@BIN=$(CURDIR)/$(B) VF_FAULT_FULL=1 bats tests/fault.bats

lint:
	@.ci/lint

bench: all $(B)/bench
	@PATH="$(CURDIR)/$(B):$$PATH" sh tests/bench/run

demo:
	@if command -v apt-get >/dev/null; then $(MAKE) --no-print-directory deps DEPS="$(DEB_BUILD) $(DEB_DEMO) zstd"; \
	else echo "no apt-get here: building with what is there" >&2; fi
	@$(MAKE) --no-print-directory all
	@PATH="$(CURDIR)/$(B):$$PATH" examples/pipeline/demo.sh $(CURDIR)/demo

# --- installing ---

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/vae-filters/config
	install -m 755 $(TOOLS:%=$(B)/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 config/*.yaml $(DESTDIR)$(PREFIX)/share/vae-filters/config
	for m in $(MAN); do s=$${m##*.}; install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$$s/$${m##*/} || exit 1; done

uninstall:
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%)
	for m in $(MAN); do s=$${m##*.}; rm -f $(DESTDIR)$(PREFIX)/share/man/man$$s/$${m##*/}; done
	rm -rf $(DESTDIR)$(PREFIX)/share/vae-filters

clean:
	rm -rf build build-san build-fuzz

.PHONY: all unit build-deps deps check faults fuzz fuzz-targets lint bench demo install uninstall clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
