# What every test file shares. The tools are found through BIN (default: build/ of this tree), so
# that `BIN=$PWD/build-san bats tests` tests another build.
#
#   T   this test's directory      F   this test file's directory, filled by setup_file()

# shellcheck shell=bash disable=SC2119,SC2120

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LIB=$ROOT/tests/lib
BIN=${BIN:-$ROOT/build}
case $BIN in /*) ;; *) BIN=$PWD/$BIN ;; esac
export BIN
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:allocator_may_return_null=1}
export PATH=$BIN:$PATH
T=${BATS_TEST_TMPDIR:-}
F=${BATS_FILE_TMPDIR:-}

die() {
	printf '%s\n' "$*" >&2
	return 1
}

# ok COMMAND...: it exits 0; its output is in $T/out and $T/err.
ok() {
	local got=0
	"$@" >"$T/out" 2>"$T/err" || got=$?
	[ "$got" -eq 0 ] || {
		die "exit status $got of: $* -- $(head -c 600 "$T/err")"
		return 1
	}
}

# fails STATUS COMMAND...: it exits so, and says why in one line that any terminal can show.
fails() {
	local want=$1 got=0
	shift
	"$@" >"$T/out" 2>"$T/err" || got=$?
	[ "$got" -eq "$want" ] || {
		die "exit status $got, not $want, of: $* -- $(head -c 600 "$T/err")"
		return 1
	}
	[ "$(wc -l <"$T/err")" -eq 1 ] || {
		die "not one line on stderr of: $* -- $(head -c 600 "$T/err")"
		return 1
	}
	grep -q '^vae-[a-z]*: .' "$T/err" || {
		die "no name of a tool in: $(cat "$T/err")"
		return 1
	}
	clean "$T/err"
}

# clean FILE: no control bytes but newlines.
clean() {
	! LC_ALL=C grep -q '[[:cntrl:]]' "$1" || die "control bytes in: $(od -c "$1" | head)"
}

# says WORDS...: the last message holds each of them.
says() {
	local word
	for word; do
		grep -qF -- "$word" "$T/err" || {
			die "not a word of '$word' in: $(cat "$T/err")"
			return 1
		}
	done
}

# same FILE FILE
same() {
	cmp "$1" "$2" || die "$1 and $2 differ: $(diff <(head -c 3000 "$1" | od -c) <(head -c 3000 "$2" | od -c) | head -5)"
}

# is GOT WANTED [WHAT]
is() {
	[ "$1" = "$2" ] || die "${3:-}: got '$1', wanted '$2'"
}

# near GOT WANTED [RELATIVE]: numbers
near() {
	awk -v a="$1" -v b="$2" -v e="${3:-1e-6}" 'BEGIN {
		d = a - b; if (d < 0) d = -d; m = b < 0 ? -b : b
		exit !(a != "" && b != "" && d <= e * m + 1e-300) }' || die "got '$1', wanted '$2'"
}

# not COMMAND...: it fails (bash lets `! COMMAND` pass in the middle of a test)
not() {
	! "$@"
}

# names DIR [GLOB]: what stands there, in one line
names() {
	(
		cd "$1" || exit
		shopt -s nullglob
		# shellcheck disable=SC2086 # a pattern
		set -- ${2:-*}
		[ $# -eq 0 ] || printf '%s ' "$@"
	)
}

absent() {
	local path
	for path; do
		[ ! -e "$path" ] || {
			die "$path is there"
			return 1
		}
	done
}

# leftovers DIR: no temporary file has stayed
no_leftovers() {
	[ -z "$(find "$1" -name '*.tmp[0-9]*')" ] || die "left behind: $(find "$1" -name '*.tmp[0-9]*')"
}

# limited KIB: no more address space than that, unless the tools are built with a sanitizer, which
# reserves far more
limited() {
	! (ulimit -v "$1" && vae-cut -V >/dev/null 2>&1) || ulimit -v "$1"
}

# package PROGRAM: the Debian package that it is in
package() {
	case $1 in
	bsdtar) echo libarchive-tools ;;
	setfattr) echo attr ;;
	script) echo bsdutils ;;
	xz) echo xz-utils ;;
	flock | setpriv | unshare) echo util-linux ;;
	*) echo "$1" ;;
	esac
}

# need PROGRAM...: skips the test where one of them is missing
need() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "$program is not installed: install the package $(package "$program")"
	done
}

mktar() { "$LIB/mktar" "$@"; }
lstar() { "$LIB/lstar" "$@"; }
isjson() { "$LIB/isjson" "$@"; }

# members < TAR: what law 1 keeps: all but the scores
members() { lstar >"$T/.members" && sed '/\.vae\.json /d' "$T/.members"; }

# pictures DIR N: N 8x8 gray pictures DIR/0.pgm ..., no two the same
pictures() {
	mkdir -p "$1"
	perl -e 'my ($d, $n) = @ARGV; for my $i (0 .. $n - 1) { open my $f, ">:raw", "$d/$i.pgm" or die $!;
		print $f "P5\n8 8\n255\n", map { chr(($i * 37 + $_ * (3 + $i % 11) + ($_ * $_ * $i) % 97) % 256) } 0 .. 63 }' "$1" "$2"
}

# stream N: a list for mktar of N records: picture $F/pics/I.pgm, label I % 3, and what an earlier
# stage may have written: w, and rank by w among N
stream() {
	local i n=$1
	for ((i = 0; i < n; i++)); do
		printf 'name=s/%04d.pgm mtime=%d file=%s/pics/%d.pgm\n' "$i" $((1600000000 + i)) "$F" "$i"
		printf 'name=s/%04d.cls mtime=1600000000 data=%d\n' "$i" $((i % 3))
		printf 'name=s/%04d.vae.json mtime=%d data={"w":%d.50,"rank":%d,"rank_n":%d}%%0a\n' "$i" $((1600000000 + i)) "$i" $((n - 1 - i)) "$n"
	done
}

# plain_stream N: the same without scores
plain_stream() { stream "$1" | grep -v vae.json; }

# train MODEL [OPTION...] < STREAM: a tiny model, quickly
train() {
	local model=$1
	shift
	vae-train -q -c tiny --set train.steps=24 --set train.checkpoints=3 --set train.holdout=0 -o "$model" "$@"
}

# field NAME < STREAM: its values, a line each
field() { vae-cut -k "$1"; }
