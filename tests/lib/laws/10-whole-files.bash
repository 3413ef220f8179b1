# Law 10: files are complete or absent, and the environment changes nothing.
#
# A file named by -o has the bytes of standard output and appears when it is complete; a kill leaves the old one. Locale and
# environment change no byte.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

# -o: a new file, a compressed one, a symbolic link, a device, a directory, a path that does not exist, a kill.
law_output() {
	ok tool "$1" <"$F/plain.tar"
	mv "$T/out" "$T/want"
	ok tool "$1" -o "$T/o.tar" <"$F/plain.tar"
	[ ! -s "$T/out" ]
	same "$T/want" "$T/o.tar"
	no_leftovers "$T"
	ok tool "$1" -o "$T/o.tar.zst" <"$F/plain.tar"
	if command -v zstd >/dev/null; then
		zstd -dc <"$T/o.tar.zst" >"$T/plain"
		same "$T/want" "$T/plain"
	fi
	# a symbolic link stays, and its target is replaced; a device is written to
	ln -s o2.tar "$T/link.tar"
	echo old >"$T/o2.tar"
	ok tool "$1" -o "$T/link.tar" <"$F/plain.tar"
	[ -L "$T/link.tar" ]
	same "$T/want" "$T/o2.tar"
	ok tool "$1" -o /dev/null <"$F/plain.tar"
	[ -c /dev/null ]
	fails 1 tool "$1" -o "$T" <"$F/plain.tar"
	fails 1 tool "$1" -o "$T/no/such/o.tar" <"$F/plain.tar"
	says "$T/no/such/o.tar"
	# a kill while the tool waits for input: the old file stays
	if has "$1" stream; then
		echo old >"$T/k.tar"
		mkfifo "$T/fifo"
		tool "$1" -o "$T/k.tar" <"$T/fifo" >"$T/out" 2>"$T/err" 3>&- &
		local pid=$!
		exec 9<>"$T/fifo"
		head -c 60000 "$F/plain.tar" >&9
		sleep 0.1
		pkill -9 -P "$pid" 2>/dev/null || true
		kill -9 "$pid" 2>/dev/null || true
		exec 9>&-
		wait "$pid" 2>/dev/null || true
		is "$(cat "$T/k.tar")" old
	fi
	# one name for two outputs is refused
	if has "$1" rejects; then
		fails 2 tool "$1" -o "$T/same.tar" -r "$T/same.tar" <"$F/plain.tar"
		absent "$T/same.tar"
	fi
}

# Several locales, one that does not exist, and an empty environment.
law_locale() {
	local setting
	reads "$1" "$F/rich.tar"
	mv "$T/out" "$T/want"
	for setting in LC_ALL=C LC_ALL=C.UTF-8 LC_ALL=POSIX LC_CTYPE=C LC_ALL=no_SUCH.locale; do
		env "$setting" T="$T" F="$F" bash -c ". '$LIB/laws.bash'; tool $1" <"$F/rich.tar" >"$T/out" 2>"$T/err"
		same "$T/want" "$T/out"
	done
	# keep OPENBLAS_CORETYPE: it chooses other kernels, which round differently
	env -i PATH="$PATH" T="$T" F="$F" ${OPENBLAS_CORETYPE+OPENBLAS_CORETYPE="$OPENBLAS_CORETYPE"} "$(command -v bash)" -c ". '$LIB/laws.bash'; tool $1" <"$F/rich.tar" >"$T/out"
	same "$T/want" "$T/out"
}
