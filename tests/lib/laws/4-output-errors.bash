# Law 4: errors of the output are errors of the tool.
#
# A full disk, a limit on file sizes and a closed descriptor make a tool exit 1 with one line of message; a reader that
# leaves ends it by SIGPIPE, silently. A limit on memory is exit status 1 and one line too, and never waits. No file that the tool opens ever becomes descriptor 0, 1 or 2.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

# Standard output on a full device.
law_full() {
	[ -w /dev/full ] || skip 'this system has no /dev/full'
	local file got
	for file in plain small; do
		got=0
		tool "$1" <"$F/$file.tar" >/dev/full 2>"$T/err" || got=$?
		is "$got" 1 status
		is "$(wc -l <"$T/err")" 1 "$(cat "$T/err")"
		says 'No space left' 'standard output'
	done
}

# The reader of standard output leaves.
law_sigpipe() {
	local got
	[ "$(tool "$1" <"$F/plain.tar" | wc -c)" -gt 66000 ]
	got=$(
		set +e
		tool "$1" <"$F/plain.tar" 2>"$T/err" | head -c1 >/dev/null
		echo "${PIPESTATUS[0]}"
	)
	is "$got" 141
	[ ! -s "$T/err" ] || die "$(cat "$T/err")"
	no_leftovers "$T"
}

# Standard input, output or error closed, and all of them.
law_closed() {
	local got=0
	tool "$1" <"$F/plain.tar" >&- 2>"$T/err" || got=$?
	is "$got" 1 'closed stdout'
	is "$(wc -l <"$T/err")" 1 "$(cat "$T/err")"
	ok tool "$1" <"$F/plain.tar"
	mv "$T/out" "$T/want"
	got=0
	tool "$1" <"$F/plain.tar" >"$T/out" 2>&- || got=$?
	is "$got" 0 'closed stderr'
	same "$T/want" "$T/out"
	if has "$1" output; then # messages must not end up in the output file
		tool "$1" -v -o "$T/o.tar" <"$F/plain.tar" 2>&-
		same "$T/want" "$T/o.tar"
		[ "$1" != drop ] || lstar <"$T/rejects.tar" >/dev/null
	fi
	if has "$1" stream; then
		fails 1 tool "$1" <&-
		fails 1 tool "$1" --summary "$T/summary.json" <&-
		says 'standard input'
		absent "$T/summary.json"
		# closed standard input does not matter if a FILE is named
		ok tool "$1" "$F/plain.tar" <&-
		same "$T/want" "$T/out"
	else
		ok tool "$1" <&-
		same "$T/want" "$T/out"
	fi
	got=0
	tool "$1" <&- >&- 2>&- || got=$?
	is "$got" 1 'all closed'
	cp "$F/plain.tar" "$T/precious.tar"
	got=0
	! has "$1" stream || tool "$1" "$T/precious.tar" <&- >&- 2>&- || got=$?
	same "$F/plain.tar" "$T/precious.tar"
}

# A limit on file sizes: of standard output, and of a file named by -o.
law_file_limit() {
	local got=0
	(
		ulimit -f 16
		tool "$1" <"$F/plain.tar" >"$T/out" 2>"$T/err"
	) || got=$?
	is "$got" 1 "status ($(cat "$T/err"))"
	is "$(wc -l <"$T/err")" 1 "$(cat "$T/err")"
	says 'File too large'
	if has "$1" output; then
		got=0
		(
			ulimit -f 16
			tool "$1" -o "$T/o.tar" <"$F/plain.tar" >"$T/out" 2>"$T/err"
		) || got=$?
		is "$got" 1 "status with -o ($(cat "$T/err"))"
		absent "$T/o.tar"
		no_leftovers "$T"
	fi
}

# Tools with two passes over a pipe: a spool that reaches the limit, has no directory, or fills its file system.
law_spool_full() {
	local got=0
	mkdir "$T/tmp"
	cat "$F/plain.tar" | (
		ulimit -f 16
		TMPDIR=$T/tmp tool "$1" >/dev/null 2>"$T/err"
	) || got=$?
	is "$got" 1 "status ($(cat "$T/err"))"
	is "$(wc -l <"$T/err")" 1 "$(cat "$T/err")"
	says 'spool' 'File too large'
	is "$(find "$T/tmp" -mindepth 1)" '' 'left in TMPDIR'
	fails 1 env TMPDIR=/nowhere/at/all T="$T" F="$F" bash -c "cat '$F/plain.tar' | { . '$LIB/laws.bash'; tool $1; }"
	says '/nowhere/at/all'
	mkdir "$T/small"
	unshare -m mount -t tmpfs -o size=32k none "$T/small" 2>/dev/null || skip 'mounting a file system is not allowed here (the limit on file size was tested)'
	got=0
	env T="$T" F="$F" unshare -m bash -c ". '$LIB/laws.bash'; mount -t tmpfs -o size=32k none '$T/small' || exit 99
		cat '$F/plain.tar' | TMPDIR=$T/small tool $1 >/dev/null 2>'$T/err'" || got=$?
	is "$got" 1 "$(cat "$T/err")"
	says 'No space left'
}

# Limits on address space, in KiB: each run ends in time, with the output of an unlimited run or with status 1 and one line. Below about
# 120,000 the libraries do not fit, and the dynamic linker says so. `make faults` takes small steps.
law_memory() {
	local limit limits=(110000 170000 260000 420000) jobs=('') j got line
	if has "$1" jobs; then
		limits=(170000 420000)
		jobs=('-j 1' '-j 2' '-j 64')
	fi
	[ -z "${VF_FAULT_FULL:-}" ] || mapfile -t limits < <(seq 90000 2000 130000 && seq 140000 30000 500000 && seq 550000 150000 2000000)
	(limit_space 2000000 && vae-cut -V >/dev/null 2>&1) || return 0 # a sanitizer reserves far more
	ok tool "$1" <"$F/plain.tar"
	mv "$T/out" "$T/want"
	for limit in "${limits[@]}"; do
		for j in "${jobs[@]}"; do
			got=0
			# shellcheck disable=SC2086 # -j and its number
			timeout -k 1 30 bash -c '. "$0/helper.bash"; . "$0/lib/laws.bash"; T=$1 F=$2; limit_space "$3"; shift 3; tool "$@"' \
				"$ROOT/tests" "$T" "$F" "$limit" "$1" $j <"$F/plain.tar" >"$T/out" 2>"$T/err" || got=$?
			line=$(cat "$T/err")
			case $got in
			0) same "$T/want" "$T/out" ;;
			1)
				is "$(wc -l <"$T/err")" 1 "limit $limit $j: $line"
				[[ $line == vae-*:* ]] || die "limit $limit $j: $line"
				;;
			127) [[ $line == *'shared object'* || $line == *'shared libraries'* ]] || die "limit $limit $j: $line" ;;
			*) die "limit $limit $j: status $got: $line" ;;
			esac
			no_leftovers "$T"
		done
	done
}

# Limits on the stack, in KiB.
law_stack() {
	local limit got
	ok tool "$1" <"$F/plain.tar"
	mv "$T/out" "$T/want"
	for limit in 64 160 512 1024; do
		got=0
		(
			ulimit -s "$limit"
			tool "$1" <"$F/plain.tar" >"$T/out" 2>"$T/err"
		) || got=$?
		if [ "$got" -eq 0 ]; then
			same "$T/want" "$T/out"
		else
			is "$got" 1 "limit $limit: $(cat "$T/err")"
			says 'the stack is limited' "$limit KiB"
		fi
	done
}
