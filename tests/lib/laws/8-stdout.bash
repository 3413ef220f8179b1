# Law 8: standard output has nothing but the result.
#
# Messages go to standard error. A tool that succeeds on a sound stream prints none. -q and -v do not change standard output.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

law_quiet() {
	reads "$1" "$F/plain.tar"
	[ ! -s "$T/err" ] || die "on stderr: $(cat "$T/err")"
	has "$1" text || lstar <"$T/out" >/dev/null
	mv "$T/out" "$T/want"
	reads "$1" "$F/plain.tar" -v
	same "$T/want" "$T/out"
	reads "$1" "$F/plain.tar" -q
	same "$T/want" "$T/out"
	[ ! -s "$T/err" ]
}

# --summary writes one flat JSON object with tool, version, time and counts. A path that cannot be written is an error before
# any output; a device is written to, not replaced.
law_summary() {
	ok tool "$1" --summary "$T/s.json" <"$F/plain.tar"
	is "$(wc -l <"$T/s.json")" 1
	isjson --flat <"$T/s.json"
	eval "set -- \"\$1\" ${COMMAND[$1]}"
	grep -q "\"tool\":\"$2\"" "$T/s.json"
	grep -q '"version":"[0-9]' "$T/s.json"
	grep -q '"seconds":[0-9]' "$T/s.json"
	case $1 in
	pack) grep -q '"records":64,' "$T/s.json" ;;
	table) grep -q '"records":40,' "$T/s.json" ;;
	columns) grep -q '"records":80,' "$T/s.json" ;;
	folder | archive) grep -q '"records":40,' "$T/s.json" ;;
	ckpt | merge) ;;
	*) grep -q '"records":40,' "$T/s.json" ;;
	esac
	case $1 in
	drop) grep -q '"dropped":8,.*"rejected":8,' "$T/s.json" ;;
	mark) grep -q '"dropped":0,.*"matched":8,.*"rejected":0,' "$T/s.json" ;;
	esac
	fails 1 tool "$1" --summary "$T/no/such/place.json" <"$F/plain.tar"
	says --summary "$T/no/such/place.json"
	[ ! -s "$T/out" ] # refused before any output
	fails 1 tool "$1" --summary "$T" <"$F/plain.tar"
	[ ! -s "$T/out" ]
	ok tool "$1" --summary /dev/null <"$F/plain.tar"
	[ -c /dev/null ]
}
