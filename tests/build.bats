# The build itself: the order of floors, `make help`, dependencies, completions, installing.

# shellcheck disable=SC2016

load helper

setup() { unset MAKEFLAGS MAKELEVEL; }

# tree DIR: a copy of the sources
tree() {
	mkdir "$1"
	cp -r "$ROOT/include" "$ROOT/src" "$ROOT/filters" "$1"
}

# complains TEXT: .ci/floors fails on the copy, and says so
complains() {
	run "$ROOT/.ci/floors" "$T/tree"
	is "$status" 1
	[[ $output == *"$1"* ]] || die "no '$1' in: $output"
}

@test "tools that multiply load OpenBLAS, and no others do" {
	need readelf
	local dir=${EMULATED_PROGRAMS:-$BIN} tool
	for tool in cut drop eval pack rank stat; do not grep -q "NEEDED.*openblas" <(readelf -d "$dir/vae-$tool"); done
	for tool in ckpt density memo selfinf testinf train; do readelf -d "$dir/vae-$tool" | grep -q "NEEDED.*openblas"; done
}

@test "floors: the tree passes; an include that goes up fails" {
	tree "$T/tree"
	"$ROOT/.ci/floors" "$T/tree"
	sed -i '1i #include "train/trainer.h"' "$T/tree/src/base/buf.c"
	complains 'src/base/buf.c:1: "train/trainer.h" is on a higher floor than base'
}

@test "floors: an include must name its floor, and a floor must be in the table" {
	tree "$T/tree"
	sed -i '1i #include "fail.h"' "$T/tree/src/base/buf.c"
	complains 'src/base/buf.c:1: "fail.h" does not name its floor'
	mkdir "$T/tree/src/attic"
	echo >"$T/tree/src/attic/a.c"
	complains 'src/attic/a.c: floor attic is not in src/floors'
}

@test "floors: a circle fails, between headers, and between a .c and the header of its module" {
	tree "$T/tree"
	echo '#include "eval/b.h"' >"$T/tree/include/eval/a.h"
	echo '#include "eval/c.h"' >"$T/tree/include/eval/b.h"
	echo >"$T/tree/include/eval/c.h"
	run "$ROOT/.ci/floors" "$T/tree"
	[[ $output != *eval/a* ]]
	echo >"$T/tree/src/eval/a.c"
	echo '#include "eval/a.h"' >"$T/tree/src/eval/c.c"
	complains 'circle: eval/a eval/b eval/c eval/a'
	rm "$T/tree/src/eval/c.c"
	echo '#include "eval/a.h"' >"$T/tree/include/eval/c.h"
	complains 'circle: eval/a eval/b eval/c eval/a'
}

@test "floors: a header that several files of a floor share makes no circle" {
	tree "$T/tree"
	echo >"$T/tree/include/eval/a.h"
	echo '#include "eval/a.h"' >"$T/tree/src/eval/a_state.h"
	echo '#include "eval/a_state.h"' >"$T/tree/src/eval/a.c"
	run "$ROOT/.ci/floors" "$T/tree"
	[[ $output != *eval/a* ]] || die "$output"
}

# --- make help ---

# targets: those that `make help` lists
targets() { make -s -C "$ROOT" help | sed -n 's/^  \([a-z]*\)  .*/\1/p'; }

@test "make help lists every target that a user calls, in one line each" {
	targets >"$T/listed"
	sed -n 's/^\.PHONY: //p' "$ROOT/Makefile" | tr ' ' '\n' | grep -vxE 'unit|build-deps|build-mpi-deps|print-deb-libs|fuzz-targets' | sort >"$T/want"
	sort "$T/listed" | diff "$T/want" -
	is "$(make -s -C "$ROOT" help | awk 'length > 100' | wc -l)" 0 'long lines'
}

# --- dependencies ---

# variable NAME: its value in the Makefile
variable() { sed -n "s/^$1 *:= //p" "$ROOT/Makefile"; }

@test "deps: the Debian package is built with the same libraries" {
	sed -n '/^Build-Depends/,/^[A-Z].*:/p' "$ROOT/debian/control" | grep -o '[a-z0-9.-]*-dev' | sort >"$T/package"
	variable DEB_BUILD | tr ' ' '\n' | grep -e -dev | sort | diff "$T/package" -
}

# without PROGRAM...: $T/bin has all commands of this system but those, and an apt-get that writes its arguments to
# $T/apt; $T/bin is all of PATH
without() {
	local program
	mkdir "$T/bin"
	ln -s /usr/local/bin/* /usr/sbin/* "$T/bin" 2>/dev/null || true
	ln -sf /usr/bin/* /bin/* "$T/bin" 2>/dev/null || true
	for program in sudo apt-get "$@"; do rm -f "$T/bin/$program"; done
	printf '#!/bin/sh\necho "$*" >>"%s/apt"\n' "$T" >"$T/bin/apt-get"
	chmod +x "$T/bin/apt-get"
}

# deps PACKAGE...: .ci/deps with that PATH
deps() { PATH=$T/bin run "$ROOT/.ci/deps" "$@"; }

@test "deps: when all is there nothing is installed or downloaded, and nothing is said" {
	without
	# shellcheck disable=SC2046
	deps $(variable DEB_BUILD) bats perl --optional bsdutils
	is "$status" 0
	is "$output" ''
	absent "$T/apt"
}

@test "deps: root installs what is missing, and only that" {
	[ "$(id -u)" -eq 0 ] || skip 'not root'
	without mandoc bsdtar
	deps make perl --optional mandoc libarchive-tools bash
	is "$(sed -n 1p "$T/apt")" update
	is "$(sed -n 2p "$T/apt")" 'install -y --no-install-recommends mandoc libarchive-tools'
	is "${lines[0]}" 'deps: installing: mandoc libarchive-tools'
	# that apt-get installs nothing: what is optional may be missing
	is "$status" 0
	[[ ${lines[1]} == 'deps: missing: mandoc libarchive-tools; '*skipped ]]
	deps make mandoc
	is "$status" 1
	[[ ${lines[1]} == 'deps: missing: mandoc; '* ]]
}

@test "deps: where it may not install it says in one line what is missing and how to install it" {
	without mandoc bats
	printf '#!/bin/sh\necho 1000\n' >"$T/id"
	rm "$T/bin/id"
	install -m 755 "$T/id" "$T/bin/id"
	deps make --optional mandoc
	is "$status" 0
	is "$output" 'deps: missing: mandoc; not root, and no sudo: as root, run: apt-get install mandoc; what needs them is skipped'
	deps make bats --optional mandoc
	is "$status" 1
	is "$output" 'deps: missing: bats mandoc; not root, and no sudo: as root, run: apt-get install bats mandoc'
	rm "$T/bin/apt-get"
	deps make bats
	is "$status" 1
	is "$output" 'deps: missing: bats; there is no apt-get here: please install the equivalents of these Debian packages'
	absent "$T/apt"
}

@test "without mandoc the checks of the man pages are skipped, and the package is named" {
	without mandoc
	mkdir -p "$T/build/test-logs"
	PATH=$T/bin run "$ROOT/tests/run" "$T/build" man
	is "$status" 0
	[[ $output == *'0 passed, 0 failed, 1 skipped'*'install the package mandoc'* ]] || die "$output"
}

# --- completions, installing ---

# complete WORD...: what bash offers for the last of them
complete_bash() {
	bash -c '. "$0/bash/$1"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_${1//-/_}"; echo "${COMPREPLY[*]}"' "$T/c" "$@"
}

@test "completions: every tool has them, made from its -h; bash completes options and verbs" {
	local tool option
	"$ROOT/completions/generate" "$BIN" "$T/c"
	for tool in "$BIN"/vae-*; do
		tool=${tool##*/}
		bash -n "$T/c/bash/$tool"
		[ -s "$T/c/fish/$tool.fish" ]
		for option in $("$tool" -h | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -e '--.*'); do
			is "$(complete_bash "$tool" "$option" | tr ' ' '\n' | grep -cxF -e "$option")" 1 "$tool $option"
			grep -qE -e " -l ${option#--}( |$)" "$T/c/fish/$tool.fish" || die "fish: $tool $option"
			awk -v t="$tool)" '$0 == t { on = 1 } on; /;;/ { on = 0 }' "$T/c/zsh/_vae-filters" | grep -qF -e "$option" || die "zsh: $tool $option"
		done
	done
	is "$(complete_bash vae-rank --j)" --joint
	is "$(complete_bash vae-rank -k a --re)" '--ref --replace'
	is "$(complete_bash vae-rank --ref '')" '' # files, by bash itself
	is "$(complete_bash vae-rank --prefix '')" ''
	is "$(complete_bash vae-rank --joint '')" 'tails mahalanobis both'
	is "$(complete_bash vae-selfinf --on-error re)" reject
	is "$(complete_bash vae-ckpt e)" 'export eval'
}

@test "completions: zsh reads them" {
	need zsh
	"$ROOT/completions/generate" "$BIN" "$T/c"
	zsh -n "$T/c/zsh/_vae-filters"
	# as the completion system would call it, with a function that only takes note of the arguments
	is "$(zsh -fc '_arguments() { print -rl -- "$@" }; service=vae-rank; . "$0"' "$T/c/zsh/_vae-filters" | grep -c '^--joint=\[')" 1
}

@test "completions: fish completes an option and a verb" {
	need fish
	export HOME=$T
	"$ROOT/completions/generate" "$BIN" "$T/c"
	for tool in "$T"/c/fish/*; do fish -n "$tool"; done
	is "$(fish -c 'source "$argv[1]/vae-rank.fish"; complete -C "vae-rank --j"' "$T/c/fish" | cut -f1)" --joint
	is "$(fish -c 'source "$argv[1]/vae-rank.fish"; complete -C "vae-rank --joint t"' "$T/c/fish" | cut -f1)" tails
	is "$(fish -c 'source "$argv[1]/vae-ckpt.fish"; complete -C "vae-ckpt li"' "$T/c/fish" | cut -f1)" list
}

@test "install and uninstall: tools, man pages, presets, completions; nothing is left" {
	make -s -C "$ROOT" B="$BIN" DESTDIR="$T/root" PREFIX=/usr install >/dev/null
	for tool in "$BIN"/vae-*; do
		tool=${tool##*/}
		[ -x "$T/root/usr/bin/$tool" ]
		[ -f "$T/root/usr/share/man/man1/$tool.1" ]
		[ -f "$T/root/usr/share/bash-completion/completions/$tool" ]
		[ -f "$T/root/usr/share/fish/vendor_completions.d/$tool.fish" ]
	done
	[ -f "$T/root/usr/share/zsh/site-functions/_vae-filters" ]
	# an installed tool finds its presets
	pictures "$T/pics" 8
	PATH=$T/root/usr/bin:$PATH vae-pack -q "$T/pics" | "$T/root/usr/bin/vae-train" -q -c tiny --set train.steps=1 --set train.checkpoints=1 -o "$T/m.vae"
	make -s -C "$ROOT" B="$BIN" DESTDIR="$T/root" PREFIX=/usr uninstall
	is "$(find "$T/root" -type f)" ''
}

# --- tests/same-bytes ---

@test "same-bytes: a build agrees with itself; one byte more is reported" {
	local tool
	mkdir "$T/new"
	for tool in "$BIN"/vae-*; do ln -s "$tool" "$T/new"; done
	run "$ROOT/tests/same-bytes" "$BIN" "$T/new" '^(cut plain|law mark (plain|small)|drop keys)'
	is "$status" 0 "$output"
	is "$output" '9 same, 0 differ'
	rm "$T/new/vae-cut"
	printf '#!/bin/sh\n"%s/vae-cut" "$@" && echo\n' "$BIN" >"$T/new/vae-cut"
	chmod +x "$T/new/vae-cut"
	run "$ROOT/tests/same-bytes" "$BIN" "$T/new" '^(cut plain --json$|drop keys)'
	is "$status" 1 "$output"
	is "$output" $'differs: cut_plain_--json: ./stdout\n2 same, 1 differ'
}

@test "the filter in examples/filter: built from its one file; the same bytes at any -j; a broken record passes marked" {
	command -v cc >/dev/null || skip "a C compiler is missing: install the package gcc"
	not_emulated "cc of this system does not link with the library of another processor"
	libs=$(sed -n 's/^LIBS := //p' "$ROOT/Makefile")
	san=
	if nm -u "$BIN/libvaefilters.a" 2>/dev/null | grep -q __asan_; then san=-fsanitize=address,undefined; fi
	# shellcheck disable=SC2046,SC2086 # words
	cc -std=c11 -D_GNU_SOURCE '-DVF_VERSION="0"' -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror $san -iquote "$ROOT/include" -pthread $(pkg-config --cflags $libs) \
		-o "$T/vae-zeros" "$ROOT/examples/filter/vae-zeros.c" "$BIN/libvaefilters.a" $(pkg-config --libs $libs) -lbz2 -lm
	printf 'a\0b\0' >"$T/1.npy"
	printf '\0\0\0\0' >"$T/2.npy"
	printf x >"$T/3.txt"
	tar -C "$T" -cf "$T/in.tar" 1.npy 2.npy 3.txt
	"$T/vae-zeros" -q -j 1 "$T/in.tar" >"$T/one.tar"
	"$T/vae-zeros" -q -j 4 "$T/in.tar" >"$T/four.tar"
	cmp "$T/one.tar" "$T/four.tar"
	is "$(vae-cut -k key,zeros "$T/one.tar" | tr '\t\n' '  ')" '1 0.5 2 1 3  '
	is "$(vae-cut -k error "$T/one.tar" | tail -n 1 | cut -c 1-10)" 'no payload'
}
