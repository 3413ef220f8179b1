# Law 4: errors of the output are errors of the tool.
#
# A full disk, a limit on file sizes and a closed descriptor make a tool exit 1 with one line of message; a reader that
# leaves ends it by SIGPIPE, silently. No file that the tool opens ever becomes descriptor 0, 1 or 2.
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
