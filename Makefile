# vae-filters: `make`, `make check`, `make demo`, `make install`, `make bench`, `make lint`, `make deps`.
# SAN=1 builds with the address and undefined-behaviour sanitizers, in its own directory.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
CFLAGS  ?= -O3 -g
SAN     ?=
B       ?= build$(if $(SAN),-san)

LIBS := libarchive openblas yaml-0.1 libpng libjpeg jansson libxxhash zlib
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter -Werror

VERSION := 0.1.0
# -fno-trapping-math lets the compiler vectorise branch-free code; nothing here reads FP flags.
override CFLAGS += -std=c11 -D_GNU_SOURCE -DVF_VERSION='"$(VERSION)"' -iquote include -pthread \
	-fno-trapping-math -fno-math-errno $(WARN) $(if $(SAN),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
# Looked up once, and not for targets that build nothing.
NOBUILD := deps clean
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

$(TOOLS:%=$(B)/%): $(B)/%: $(B)/filters/%.o $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

$(UNIT:%=$(B)/%): $(B)/%: $(B)/tests/unit/%.o $(B)/libvaefilters.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

build-deps:
	@pkg-config --exists $(LIBS) || { echo "missing libraries ($(LIBS)): run 'make deps', or install their -dev packages" >&2; exit 1; }

unit: $(UNIT:%=$(B)/%)

clean:
	rm -rf build build-san

.PHONY: all unit build-deps clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
