# vae-filters. `make help` lists the targets: the lines below that have ## in them.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
SAN     ?=
CFLAGS  ?= $(if $(SAN),-O1 -g1,-O3 -g)
B       ?= build$(if $(SAN),-san)
MPI     ?=
MPI_PC  ?= ompi-c

LIBS := libarchive openblas yaml-0.1 libpng libjpeg libwebp libwebpdemux libavif dav1d jansson libxxhash zlib libzstd liblzma liblz4
# libbz2 of Debian 12 has no file for pkg-config.
OTHER_LIBS := -lbz2
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter -Wno-missing-field-initializers -Werror

VERSION := 0.2.0
# Under sanitizers, -O2 and -O3 take the compiler long. The tests get the time of -O2 back on these floors.
ifeq ($(if $(SAN),$(origin CFLAGS)),file)
$(foreach d,gemm nn influence density,$(B)/src/$(d)/%.o) $(B)/tests/tiles/%.o: override CFLAGS += -O2
endif
# -fno-trapping-math lets the compiler vectorise branch-free code; nothing here reads floating-point flags.
# -ffp-contract=off: no fused multiply-add, so that the variants of base/simd.h give the same bits.
override CFLAGS += -std=c11 -D_GNU_SOURCE -DVF_VERSION='"$(VERSION)"' -iquote include -iquote src -pthread \
	-fno-trapping-math -fno-math-errno -ffp-contract=off $(WARN) $(if $(SAN),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
# Libraries are looked up once, and not for targets that build nothing themselves.
NOBUILD := help print-deb-libs deps clean check demo deb lint uninstall fuzz
ifneq ($(filter-out $(NOBUILD),$(or $(MAKECMDGOALS),all)),)
PKG_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
PKG_LIBS   := -Wl,--as-needed $(shell pkg-config --libs $(LIBS) 2>/dev/null) $(OTHER_LIBS)
MPI_CFLAGS := $(if $(MPI),$(shell pkg-config --cflags $(MPI_PC) 2>/dev/null))
MPI_LIBS   := $(if $(MPI),$(shell pkg-config --libs $(MPI_PC) 2>/dev/null))
endif

SRC   := $(sort $(wildcard src/*/*.c))
PROGRAMS := $(patsubst filters/%.c,%,$(sort $(wildcard filters/vae-*.c)))
SCRIPTS  := $(patsubst filters/%.sh,%,$(sort $(wildcard filters/vae-*.sh)))
TOOLS := $(PROGRAMS) $(SCRIPTS)
UNIT  := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
MAN   := $(sort $(wildcard man/*.[157]))

# V=1 shows the commands.
say = $(if $(V),,@echo "  $(1)	$(2)";)

# For sub-makes: all processors, unless make was given a -j.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))

all: $(TOOLS:%=$(B)/%) $(if $(MPI),$(B)-mpi/vae-train) ## (plain `make`) build the tools, into build/

help: ## list the targets
	@echo "targets of make:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS='	' read -r t text; do printf '  %-10s %s\n' "$$t" "$$text"; done
	@echo "variables: CC, CFLAGS, LDFLAGS; PREFIX and DESTDIR for install; V=1 shows the commands;"
	@echo "  MPI=1 also builds a vae-train for mpirun, in build-mpi/, which install then takes;"
	@echo "  SAN=1 builds and checks with the address and undefined-behaviour sanitizers, in build-san/"

$(B)/%.o: %.c | build-deps
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

# They contain the version.
$(B)/src/tool/cli.o $(B)/src/report/page.o $(B)/src/report/review_page.o: Makefile

# The script and the style of a page, as C strings.
$(B)/review_assets.c: src/report/review.js src/report/review.css
	@mkdir -p $(@D)
	$(call say,GEN,$@){ echo '#include "report/review_assets.h"'; for f in $^; do \
		echo "const char review_$${f##*.}[] ="; sed 's/[\\"?]/\\&/g; s/^/"/; s/$$/\\n"/' $$f; echo ';'; done; } >$@.new && mv $@.new $@

$(B)/review_assets.o: $(B)/review_assets.c src/report/review_assets.h
	$(call say,CC,$<)$(CC) $(CFLAGS) -c -o $@ $<

$(B)/libvaefilters.a: $(SRC:%.c=$(B)/%.o) $(B)/review_assets.o
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

# A tool of several verbs has a file for each of the larger ones.
$(B)/vae-ckpt: $(patsubst %.c,$(B)/%.o,$(sort $(wildcard filters/ckpt_*.c)))
$(B)/vae-eval: $(patsubst %.c,$(B)/%.o,$(sort $(wildcard filters/eval_*.c)))

# Tools that never multiply, and link OpenBLAS for what they share with others: these definitions come before those of OpenBLAS, which is not loaded.
$(B)/vae-stat $(B)/vae-eval: $(B)/src/gemm/none/openblas.o

# A line `# NAME.sh` stands for that file of filters/: what drivers share, and the parts of a large one.
$(SCRIPTS:%=$(B)/%): $(B)/%: filters/%.sh $(filter-out filters/vae-%,$(wildcard filters/*.sh))
	@mkdir -p $(@D)
	@awk '!/^# [a-z_]+[.]sh$$/ { print; next } { while ((getline line < ("filters/" $$2)) > 0) print line }' $< >$@.tmp
	@chmod 755 $@.tmp && mv $@.tmp $@

$(PROGRAMS:%=$(B)/%): $(B)/%: $(B)/filters/%.o $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -lm

# vae-train over machines: the same objects, and the transport of MPI before that of the library.
$(B)-mpi/transport.o: src/train/mpi/transport.c include/train/transport.h | build-mpi-deps
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(MPI_CFLAGS) -c -o $@ $<

$(B)-mpi/vae-train: $(B)/filters/vae-train.o $(B)-mpi/transport.o $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(MPI_LIBS) -lm

$(UNIT:%=$(B)/%): $(B)/%: $(B)/tests/unit/%.o $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

# Programs whose products run on emulated AMX tiles (tests/tiles), before those of the library.
$(UNIT:%=$(B)/tiles/%): $(B)/tiles/%: $(B)/tests/unit/%.o
$(PROGRAMS:%=$(B)/tiles/%): $(B)/tiles/%: $(B)/filters/%.o
$(B)/tiles/bench: $(B)/tests/bench/bench.o $(B)/tests/tiles/bench_tiles.o
$(UNIT:%=$(B)/tiles/%) $(PROGRAMS:%=$(B)/tiles/%) $(B)/tiles/bench: $(B)/tests/tiles/gemm_amx.o $(B)/libvaefilters.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter-out %.a,$^) $(filter %.a,$^) $(PKG_LIBS) -lm

$(B)/bench: $(B)/tests/bench/bench.o $(B)/tests/bench/bench_tiles.o $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

build-deps:
	@pkg-config --exists $(LIBS) || { echo "missing libraries ($(LIBS)): run 'make deps', or install their -dev packages" >&2; exit 1; }

build-mpi-deps:
	@[ -n "$(MPI_LIBS)" ] || { echo "no $(MPI_PC) for pkg-config: call make with MPI=1, and install libopenmpi-dev, or name another MPI with MPI_PC=..." >&2; exit 1; }

# It is preloaded into the tools, so it has no sanitizer of its own.
$(B)/fault-shim.so: tests/fault/shim.c tests/fault/fault.h
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -fPIC -shared -o $@ $< -ldl

$(B)/fault-loop: tests/fault/loop.c tests/fault/fault.h
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -o $@ $<

# --- fuzzing: libFuzzer targets; test_fuzz_corpus runs them over the kept corpus without libFuzzer ---

FUZZ      := name fields expr config safetensors npy netpbm png jpeg webp avif idx reader tar csv rank_reference expr_fields metadata checkpoint curvature import decisions columns influences merge_lists knn_parts
FUZZ_OBJS := $(FUZZ:%=$(B)/tests/fuzz/%.o) $(B)/tests/fuzz/fuzz.o

$(B)/test_fuzz_corpus: $(B)/tests/fuzz/replay.o $(FUZZ_OBJS) $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

$(FUZZ:%=$(B)/fuzz-%): $(B)/fuzz-%: tests/fuzz/entry.c $(FUZZ_OBJS) $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) -fsanitize=fuzzer -DFUZZ_TARGET=fuzz_$* -o $@ $^ $(PKG_LIBS) -lm

fuzz-targets: $(FUZZ:%=$(B)/fuzz-%)

# FUZZ="reader png" for some of the targets.
FUZZ_SECONDS ?= 60
fuzz: ## run the fuzz targets, FUZZ_SECONDS (60) each
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ)

# Those that tests/simd.bats runs.
TILES := vae-train vae-selfinf vae-testinf test_mat test_gradient test_dots test_sparse_block test_sparse_decoder test_closed_form test_train test_density test_estimators bench

unit: $(UNIT:%=$(B)/%) $(TILES:%=$(B)/tiles/%) $(B)/test_fuzz_corpus $(B)/fault-shim.so $(B)/fault-loop $(B)/bench

# --- dependencies, as Debian packages ---

DEB_BUILD := gcc make pkg-config libarchive-dev libbz2-dev libopenblas-dev libyaml-dev libpng-dev libjpeg-dev libwebp-dev libavif-dev libdav1d-dev libjansson-dev libxxhash-dev zlib1g-dev libzstd-dev liblzma-dev liblz4-dev
DEB_TEST  := mandoc libarchive-tools zstd xz-utils bzip2 lz4 attr procps parallel slurmctld slurmd slurm-client munge chromium zsh fish
DEB_MPI   := libopenmpi-dev openmpi-bin
DEB_LINT  := clang clang-tidy cppcheck shellcheck libclang-rt-14-dev
DEB_DEMO  := dataset-fashion-mnist
DEB_DEB   := dpkg-dev debhelper debootstrap

print-deb-libs:
	@echo $(filter %-dev,$(DEB_BUILD))

deps: ## install what building, testing, linting, packaging and the demo need (Debian)
	@.ci/deps $(DEB_BUILD) bats perl $(DEB_TEST) $(DEB_MPI) $(DEB_LINT) $(DEB_DEMO) $(DEB_DEB)

# --- testing ---

# Without the packages of DEB_TEST and DEB_MPI the tests that need them are skipped.
check: ## install what is missing (Debian), build, run all tests
	@.ci/deps $(DEB_BUILD) bats perl --optional $(DEB_TEST) $(DEB_MPI)
	@$(MAKE) --no-print-directory $(PARALLEL) all unit $$(pkg-config --exists $(MPI_PC) && echo MPI=1)
	@tests/run $(CURDIR)/$(B)

# `check` lets one call fail at each place in the code that makes calls.
faults: all unit ## let every single system call and allocation of every tool fail once (takes long)
	@BIN=$(CURDIR)/$(B) VF_FAULT_FULL=1 bats tests/fault.bats
	@BIN=$(CURDIR)/$(B) VF_FAULT_FULL=1 bats -f 'address space' tests/laws.bats

# SOAK_SEED=N repeats the random choices, SOAK_ONLY="kill disk" makes only these.
SOAK_SECONDS ?= 3600
soak: all ## run the tools under random kills and limits for SOAK_SECONDS (3600)
	@BIN=$(CURDIR)/$(B) SOAK_SECONDS=$(SOAK_SECONDS) tests/soak

lint: ## clang-tidy, cppcheck, shellcheck, mandoc, the order of floors
	@.ci/lint

bench: all $(B)/bench ## measure speed and memory, as ratios
	@PATH="$(CURDIR)/$(B):$$PATH" sh tests/bench/run

demo: ## install what is missing, build, and clean 10,100 pictures; two minutes
	@.ci/deps $(DEB_BUILD) $(DEB_DEMO)
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@PATH="$(CURDIR)/$(B):$$PATH" examples/pipeline/demo.sh $(CURDIR)/demo

# --- installing ---

$(B)/completions/zsh/_vae-filters: completions/generate $(TOOLS:%=$(B)/%)
	$(call say,GEN,$(B)/completions)completions/generate $(B) $(B)/completions

SHARE = $(DESTDIR)$(PREFIX)/share
install: all $(B)/completions/zsh/_vae-filters ## install tools, man pages, presets, completions into PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)/vae-filters/config
	install -m 755 $(TOOLS:%=$(B)/%) $(if $(MPI),$(B)-mpi/vae-train) $(DESTDIR)$(PREFIX)/bin
	install -m 644 config/*.yaml $(SHARE)/vae-filters/config
	for m in $(MAN); do s=$${m##*.}; install -D -m 644 $$m $(SHARE)/man/man$$s/$${m##*/} || exit 1; done
	install -d $(SHARE)/bash-completion/completions $(SHARE)/fish/vendor_completions.d $(SHARE)/zsh/site-functions
	install -m 644 $(TOOLS:%=$(B)/completions/bash/%) $(SHARE)/bash-completion/completions
	install -m 644 $(TOOLS:%=$(B)/completions/fish/%.fish) $(SHARE)/fish/vendor_completions.d
	install -m 644 $(B)/completions/zsh/_vae-filters $(SHARE)/zsh/site-functions

uninstall: ## remove what install installed
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%)
	for m in $(MAN); do s=$${m##*.}; rm -f $(SHARE)/man/man$$s/$${m##*/}; done
	rm -f $(TOOLS:%=$(SHARE)/bash-completion/completions/%) $(TOOLS:%=$(SHARE)/fish/vendor_completions.d/%.fish)
	rm -f $(SHARE)/zsh/site-functions/_vae-filters
	rm -rf $(SHARE)/vae-filters

# dpkg-buildpackage writes beside the directory that it builds in, so it gets a copy of the sources.
deb: ## build a Debian package, into build/deb/
	@.ci/deps $(DEB_BUILD) dpkg-dev debhelper
	@rm -rf build/deb && mkdir -p build/deb/vae-filters-$(VERSION)
	@tar --exclude='./build*' --exclude=./demo --exclude=./.git -cf - . | tar -C build/deb/vae-filters-$(VERSION) -xf -
	@cd build/deb/vae-filters-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -b -us -uc >../log 2>&1 || { tail -n 20 ../log >&2; exit 1; }
	@rm -rf build/deb/vae-filters-$(VERSION)
	@ls build/deb/vae-filters_*.deb

clean: ## remove everything that was built
	rm -rf build build-mpi build-san build-san-mpi build-fuzz build-arm64

.PHONY: all help print-deb-libs unit build-deps build-mpi-deps deps check faults soak fuzz fuzz-targets lint bench demo deb install uninstall clean
.SECONDARY:
-include $(shell find $(B) -path $(B)/deb -prune -o -name '*.d' -print 2>/dev/null)
