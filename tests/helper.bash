# Functions that all test files share. BIN is the directory of the tools (default: build/ of this tree), so
# `BIN=$PWD/build-san bats tests` tests another build.
#
#   T   the directory of the test      F   the directory of the test file, filled by setup_file()

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

# ok COMMAND...: the command exits 0; its output is in $T/out and $T/err
ok() {
	local got=0
	"$@" >"$T/out" 2>"$T/err" || got=$?
	[ "$got" -eq 0 ] || {
		die "exit status $got of: $* -- $(head -c 600 "$T/err")"
		return 1
	}
}

# fails STATUS COMMAND...: the command exits with STATUS and prints one line "TOOL: MESSAGE" without control characters
fails() {
	local want=$1 got=0 text
	shift
	"$@" >"$T/out" 2>"$T/err" || got=$?
	[ "$got" -eq "$want" ] || {
		die "exit status $got, not $want, of: $* -- $(head -c 600 "$T/err")"
		return 1
	}
	# without other programs, since tests call this thousands of times
	IFS= read -r -d '' text <"$T/err" || true
	[[ $text == *$'\n' && ${text%$'\n'} != *$'\n'* ]] || {
		die "not one line on stderr of: $* -- $(head -c 600 "$T/err")"
		return 1
	}
	[[ $text =~ ^vae-[a-z]*:\ . ]] || {
		die "the message does not begin with the name of a tool: $(cat "$T/err")"
		return 1
	}
	clean "$T/err"
}

# clean FILE: the file has no control characters but newlines
clean() {
	local LC_ALL=C text
	# a zero byte ends what is read, with success
	if IFS= read -r -d '' text <"$1" || [[ ${text//$'\n'/} == *[[:cntrl:]]* ]]; then
		die "control characters in: $(od -c "$1" | head)"
	fi
}

# killed KIND N COMMAND...: the command ends by SIGKILL, just before its Nth call of a KIND of tests/fault/fault.h (write, rename, fsync ...)
killed() {
	local kind=$1 n=$2 got=0
	shift 2
	VF_FAULT_KILL=1 VF_FAULT_AT=$kind:once:$n preloaded "$@" >"$T/out" 2>"$T/err" || got=$?
	[ "$got" -eq 137 ] || die "exit status $got, not killed before $kind $n, of: $* -- $(head -c 600 "$T/err")"
}

# stopped_at KIND N COMMAND...: starts the command and waits until it has stopped just before its Nth call of a KIND; kill -CONT $! lets it go on.
# Its output is in $T/out.first and $T/err.first.
stopped_at() {
	local kind=$1 n=$2
	shift 2
	VF_FAULT_STOP=1 VF_FAULT_AT=$kind:once:$n ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$BIN/fault-shim.so "$@" >"$T/out.first" 2>"$T/err.first" 3>&- &
	until [[ $(cat /proc/$!/stat 2>/dev/null) == *') T '* ]]; do
		[ -n "$(names "/proc/$!/task" 2>/dev/null)" ] || die "ended before $kind $n: $* -- $(head -c 600 "$T/err.first")" || return 1
		sleep 0.01
	done
}

# preloaded COMMAND...: runs the command, or a function, with the library that lets calls fail
preloaded() { ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$BIN/fault-shim.so "$@"; }

# says WORD...: the message in $T/err contains each WORD
says() {
	local LC_ALL=C word text
	IFS= read -r -d '' text <"$T/err" || true
	for word; do
		[[ $text == *"$word"* ]] || {
			die "no '$word' in: $text"
			return 1
		}
	done
}

# same FILE FILE: the files are equal
same() {
	cmp "$1" "$2" || die "$1 and $2 differ: $(diff <(head -c 3000 "$1" | od -c) <(head -c 3000 "$2" | od -c) | head -5)"
}

# is GOT EXPECTED [WHAT]: the texts are equal
is() {
	[ "$1" = "$2" ] || die "${3:-}: got '$1', expected '$2'"
}

# near GOT EXPECTED [RELATIVE]: the numbers are equal within a relative error (1e-6)
near() {
	awk -v a="$1" -v b="$2" -v e="${3:-1e-6}" 'BEGIN {
		d = a - b; if (d < 0) d = -d; m = b < 0 ? -b : b
		exit !(a != "" && b != "" && d <= e * m + 1e-300) }' || die "got '$1', expected '$2'"
}

# not COMMAND...: the command fails. (`! COMMAND` does not end a test when COMMAND succeeds.)
not() {
	! "$@"
}

# names DIR [GLOB]: the names in DIR, in one line
names() {
	(
		cd "$1" || exit
		shopt -s nullglob
		# shellcheck disable=SC2086 # a pattern
		set -- ${2:-*}
		[ $# -eq 0 ] || printf '%s ' "$@"
	)
}

# absent PATH...: none of the paths exists
absent() {
	local path
	for path; do
		[ ! -e "$path" ] || {
			die "$path exists"
			return 1
		}
	done
}

# unchecked FILE: takes the checksums out of a checkpoint, and keeps its length
unchecked() { perl -0pi -e 's/"checksums":"([^"]*)"/"\"nochecksu\":\"" . " " x length($1) . "\""/e' "$1"; }

# no_leftovers DIR: there is no temporary file below DIR
no_leftovers() {
	[ -z "$(find "$1" -name '*.tmp[0-9]*')" ] || die "left behind: $(find "$1" -name '*.tmp[0-9]*')"
}

# limit_space KIB: limits the address space of the tools that this shell starts; under an emulator (.ci/arm64), the space that the tool sees
limit_space() {
	if [ -n "${EMULATOR:-}" ]; then export EMULATED_SPACE=$1; else ulimit -v "$1"; fi
}

# limited KIB: the same, unless the tools have a sanitizer, which reserves far more
limited() {
	! (limit_space "$1" && vae-cut -V >/dev/null 2>&1) || limit_space "$1"
}

# not_emulated WHY: skips the test where an emulator runs the tools, which cannot do what it tests
not_emulated() {
	[ -z "${EMULATOR:-}" ] || skip "under $EMULATOR: $*"
}

# package PROGRAM: the Debian package that it is in
package() {
	case $1 in
	bsdtar) echo libarchive-tools ;;
	setfattr) echo attr ;;
	script) echo bsdutils ;;
	readelf) echo binutils ;;
	xz) echo xz-utils ;;
	sbatch) echo slurm-client ;;
	munged) echo munge ;;
	flock | setpriv | taskset | unshare) echo util-linux ;;
	*) echo "$1" ;;
	esac
}

# any_place: the bits of a product do not depend on the place of a row. This is so with AVX2, AVX-512 and NEON, and not with AMX or with OpenBLAS
# alone; it is asked where tests see the processor.
any_place() { [ -z "${VAE_FILTERS_SIMD:-}${EMULATOR:-}" ] && grep -qw avx2 /proc/cpuinfo && ! grep -qw amx_tile /proc/cpuinfo; }

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

# members < TAR: all members but KEY.vae.json, as lstar lists them
members() { lstar >"$T/.members$BASHPID" && sed '/\.vae\.json /d' "$T/.members$BASHPID"; } # two may run at once

# pictures DIR N: writes N different gray pictures of 8x8, DIR/0.pgm ...
pictures() {
	mkdir -p "$1"
	perl -e 'my ($d, $n) = @ARGV; for my $i (0 .. $n - 1) { open my $f, ">:raw", "$d/$i.pgm" or die $!;
		print $f "P5\n8 8\n255\n", map { chr(($i * 37 + $_ * (3 + $i % 11) + ($_ * $_ * $i) % 97) % 256) } 0 .. 63 }' "$1" "$2"
}

# stream N: a list for mktar of N records: the picture $F/pics/I.pgm, the label I % 3, and fields: w, and its rank
stream() {
	local i n=$1
	for ((i = 0; i < n; i++)); do
		printf 'name=s/%04d.pgm mtime=%d file=%s/pics/%d.pgm\n' "$i" $((1600000000 + i)) "$F" "$i"
		printf 'name=s/%04d.cls mtime=1600000000 data=%d\n' "$i" $((i % 3))
		printf 'name=s/%04d.vae.json mtime=%d data={"w":%d.50,"rank":%d,"rank_n":%d}%%0a\n' "$i" $((1600000000 + i)) "$i" $((n - 1 - i)) "$n"
	done
}

# plain_stream N: the same without fields
plain_stream() { stream "$1" | grep -v vae.json; }

# train MODEL [OPTION...] < STREAM: trains a tiny model in a moment
train() {
	local model=$1
	shift
	vae-train -q -c tiny --set train.steps=24 --set train.checkpoints=3 --set train.holdout=0 -o "$model" "$@"
}

# field NAME,... < STREAM: the values of fields, one line per record
field() { vae-cut -k "$1"; }
