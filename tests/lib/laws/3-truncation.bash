# Law 3: every truncated input fails, and so does every later tool of the pipeline.
#
# A tool that reads a truncated stream exits 1. It writes no end-of-archive, so the next tool of the pipeline fails too, even
# without pipefail. It leaves no new file, and old files as they were.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

# truncations SIZE: lengths to truncate to: around every tar block, within blocks, and around the end-of-archive.
truncations() {
	local n
	for ((n = 0; n < $1; n += 512)); do
		printf '%d\n%d\n%d\n' "$n" $((n + 1)) $((n + 377))
	done
	printf '%d\n' $(($1 - 1)) $(($1 - 512)) $(($1 - 1023)) $(($1 - 1024))
}

# truncations_setup: cut/LENGTH, from small.tar, and cut.zst/LENGTH, from the same compressed by zstd
truncations_setup() {
	local n size
	mkdir -p "$F/cut" "$F/cut.zst"
	size=$(wc -c <"$F/small.tar")
	for n in $(truncations "$size"); do
		[ "$n" -ge "$size" ] || head -c "$n" "$F/small.tar" >"$F/cut/$n"
	done
	command -v zstd >/dev/null || return 0
	zstd -qc "$F/small.tar" >"$F/small.zst"
	size=$(wc -c <"$F/small.zst")
	for ((n = 0; n < size; n += 11)); do
		head -c "$n" "$F/small.zst" >"$F/cut.zst/$n"
	done
	head -c $((size - 1)) "$F/small.zst" >"$F/cut.zst/$((size - 1))"
}

# The plain stream truncated in many places, and the same compressed by zstd. test_reader.c truncates at every byte, under
# every compression.
law_prefixes() {
	local cut n size got
	[ "$(names "$F/cut" | wc -w)" -ge 20 ]
	for cut in "$F"/cut/*; do
		fails 1 tool "$1" <"$cut" || die "cut at ${cut##*/}"
		[ ! -s "$T/out" ] || ! lstar <"$T/out" >/dev/null 2>&1 || die "cut at ${cut##*/}: the output looks complete"
	done
	need zstd
	[ "$(names "$F/cut.zst" | wc -w)" -ge 20 ]
	for cut in "$F"/cut.zst/*; do
		fails 1 tool "$1" <"$cut" || die "compressed, cut at ${cut##*/}"
	done
	size=$(wc -c <"$F/small.zst")
	for ((n = 0; n < size; n++)); do
		[ "$1" = drop ] || break
		got=0
		head -c "$n" "$F/small.zst" | vae-drop --top 0 >/dev/null 2>&1 || got=$?
		[ "$got" -eq 1 ] || die "cut at $n of $size"
	done
}

# A truncated stream through the tool and then vae-drop or vae-cut: the last tool fails.
law_travels() {
	local n size
	size=$(wc -c <"$F/plain.tar")
	for n in $((size - 1024)) $((size - 512)) $((size - 5000)) $((size / 2)) 700 512; do
		# without pipefail: the status is that of the last tool
		fails 1 bash -c 'head -c "$1" "$2" | { shift 2; "$@" 2>/dev/null; } | vae-drop --top 0' - "$n" "$F/plain.tar" \
			env T="$T" F="$F" bash -c ". '$LIB/laws.bash'; tool $1"
		! lstar <"$T/out" >/dev/null 2>&1 || die 'the output looks complete'
		fails 1 bash -c 'head -c "$1" "$2" | { shift 2; "$@" 2>/dev/null; } | vae-cut -k key' - "$n" "$F/plain.tar" \
			env T="$T" F="$F" bash -c ". '$LIB/laws.bash'; tool $1 -z"
	done
}

# Files named by -o, -r and --summary, when the tool fails and when it succeeds.
law_old_files() {
	local name
	head -c 40000 "$F/plain.tar" >"$T/cut"
	local options=(--summary "$T/summary.json")
	! has "$1" output || options+=(-o "$T/out.tar")
	! has "$1" rejects || options+=(-r "$T/rejects.tar")
	fails 1 tool "$1" "${options[@]}" <"$T/cut"
	absent "$T/summary.json" "$T/out.tar" "$T/rejects.tar" "$T/train.vae"
	no_leftovers "$T"
	for name in summary.json out.tar rejects.tar; do
		echo "name=old-$name.cls data=1" | mktar >"$T/$name"
		cp "$T/$name" "$T/copy.$name"
	done
	fails 1 tool "$1" "${options[@]}" <"$T/cut"
	for name in summary.json out.tar rejects.tar; do
		same "$T/copy.$name" "$T/$name"
	done
	no_leftovers "$T"
	ok tool "$1" "${options[@]}" <"$F/plain.tar"
	no_leftovers "$T"
	isjson --flat <"$T/summary.json"
	! has "$1" output || lstar <"$T/out.tar" >/dev/null
	! has "$1" rejects || lstar --names <"$T/rejects.tar" | grep -q '^old-rejects.tar.cls$'
}

# A FILE that another program changes between the two passes: its last input is a FIFO, on which the first pass waits meanwhile.
law_changed() {
	local how got pid
	mkfifo "$T/fifo"
	for how in none time hash size inode; do
		cp "$F/plain.tar" "$T/a.tar"
		tool "$1" "$T/a.tar" "$T/fifo" >"$T/out" 2>"$T/err" 3>&- &
		pid=$!
		exec 9>"$T/fifo" # opened once the first pass has read a.tar
		case $how in
		time) printf 'P' | dd of="$T/a.tar" bs=1 seek=512 conv=notrunc status=none ;; # the byte that is there, in the same second
		hash)
			touch -r "$T/a.tar" "$T/when"
			printf '\200' | dd of="$T/a.tar" bs=1 seek=560 conv=notrunc status=none # a pixel
			touch -r "$T/when" "$T/a.tar"
			;;
		size) head -c 512 /dev/zero >>"$T/a.tar" ;;
		inode) cp -p "$T/a.tar" "$T/b.tar" && mv "$T/b.tar" "$T/a.tar" ;;
		esac
		head -c 1024 /dev/zero >&9
		exec 9>&-
		got=0
		wait "$pid" || got=$?
		if [ "$how" = none ] || has "$1" sorts; then # vae-rank --sort reads a spool of its own
			is "$got" 0 "$how: $(cat "$T/err")"
		else
			is "$got" 1 "$how"
			says a.tar changed
			! lstar <"$T/out" >/dev/null 2>&1 || die "$how: the output is complete"
		fi
	done
}
