# What is not a stream of records is an error, never a guess; an empty stream is not an error.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

# bad WORD...: the tool on $T/in exits 1, and the message contains the file's name and each WORD
bad() {
	fails 1 tool "$ROW" "$T/in" || die "with $1"
	says "$T/in" "$@"
	[ ! -s "$T/out" ] || ! lstar <"$T/out" >/dev/null 2>&1 || die "the output looks complete with $1"
}

# Other file formats, damaged and truncated tars, garbage after the end, hard links, repeated extensions and keys, files that
# do not exist, and members of claimed sizes that no memory holds.
law_bad_input() {
	ROW=$1
	: >"$T/in"
	bad 'empty input'
	fails 1 tool "$1" </dev/null
	says 'standard input' 'empty input'
	printf 'this is no tar\n' >"$T/in"
	bad 'not a tar'
	head -c 20000 /dev/zero | tr '\0' 'x' >"$T/in"
	bad 'not a tar'
	printf '070701%0104d' 0 >"$T/in"
	bad 'not a tar'
	printf 'PK\003\004\024\000\000\000\000\000%0200d' 0 >"$T/in"
	bad 'not a tar'
	printf '\211PNG\r\n\032\n%0600d' 0 >"$T/in"
	bad 'not a tar'
	head -c 512 /dev/zero >"$T/in"
	bad truncated
	# after the end-of-archive
	(cat "$F/small.tar" && printf 'garbage') >"$T/in"
	bad "$T/in"
	(cat "$F/small.tar" && head -c 3000 /dev/zero | tr '\0' x) >"$T/in"
	bad "$T/in"
	(cat "$F/small.tar" && head -c 300000 /dev/zero && printf x) >"$T/in"
	bad "$T/in"
	if command -v zstd >/dev/null; then
		(zstd -qc "$F/small.tar" && printf 'garbage') >"$T/in"
		bad "$T/in"
		printf 'no tar in it' | zstd -qc >"$T/in"
		bad 'not a tar'
		zstd -qc </dev/null >"$T/in"
		bad "$T/in"
		zstd -qc "$F/plain.tar" >"$T/in"
		printf '\377\377\377' | dd of="$T/in" bs=1 seek=3000 conv=notrunc status=none
		bad "$T/in"
	fi
	# a damaged header
	cp "$F/small.tar" "$T/in"
	printf '\001' | dd of="$T/in" bs=1 seek=1030 conv=notrunc status=none
	bad "$T/in"
	(stream 1 && printf 'name=%0130d.x data=1\n' 7) | mktar | perl -pe 's/\d+ (path=0000)/99 $1/' >"$T/in"
	bad 'after member 3' 'its pax header is damaged'
	(stream 1 && echo 'name=h.pgm data=1 x:gid=-1') | mktar >"$T/in"
	bad "'gid' is not a valid number"
	(stream 1 && echo 'name=h.pgm data=1 x:GNU.sparse.major=9 x:GNU.sparse.minor=0 x:GNU.sparse.name=h.pgm x:GNU.sparse.realsize=1') | mktar >"$T/in"
	bad "member 4 'h.pgm'" 'version 9.0'
	# hard links, repeated extensions, repeated keys
	(stream 1 && echo 'name=h.pgm type=1 link=s/0000.pgm') | mktar >"$T/in"
	bad hard-dereference h.pgm s/0000.pgm
	(stream 1 && echo 'name=h%1b[1m.pgm type=1 link=%1b%0a') | mktar >"$T/in"
	bad 'h\x1b[1m.pgm' '\x1b\n'
	(stream 1 && echo 'name=a.pgm data=1' && echo 'name=a.PGM data=2') | mktar >"$T/in"
	bad a.pgm a.PGM "record 2 'a'"
	(stream 2 && echo 'name=s/0000.txt data=x') | mktar >"$T/in"
	bad 'same key' "record 3 's/0000'"
	fails 1 tool "$1" "$F/small.tar" "$F/small.tar"
	says "$F/small.tar: record 3 's/0000'" 'same key'
	if ! has "$1" text || has "$1" exports; then # the output is one stream, or a table of keys, in which keys must differ
		fails 2 tool "$1" --keys-per-file "$F/small.tar" "$F/small.tar"
		says keys-per-file
	else
		ok tool "$1" --keys-per-file "$F/small.tar" "$F/small.tar"
		[ -s "$T/out" ]
		(stream 2 && echo 'name=s/0000.txt data=x') | mktar >"$T/in"
		fails 1 tool "$1" --keys-per-file "$F/small.tar" "$T/in"
		says "$T/in"
	fi
	# not a file, or does not exist
	fails 1 tool "$1" "$T"
	says directory "$T"
	fails 1 tool "$1" "$T/none"
	says "$T/none" 'No such file'
	fails 1 tool "$1" "$T/$(printf 'a\033[31m\nb')"
	says 'a\x1b[31m\nb'
	fails 1 tool "$1" - - <"$F/small.tar"
	says twice
	fails 1 tool "$1" "$F/small.tar" "$T/none"
	says "$T/none"
	# a header that claims more than memory holds
	echo 'name=big.pgm size=68719476736' | mktar --no-end >"$T/in"
	bad "$T/in"
	(stream 1 && printf 'name=big.pgm x:GNU.sparse.major=1 x:GNU.sparse.minor=0 x:GNU.sparse.name=big.pgm x:GNU.sparse.realsize=1099511627776 data=1%%0a1099511627775%%0a1%%0a%s\n' "$(printf '%%00%.0s' $(seq 512))") | mktar >"$T/in"
	(limited 4000000 && bad big) || die 'a sparse member'
}

# A stream of no records, and one of loose members alone. vae-train, vae-memo and vae-eval need records.
law_empty() {
	head -c 1024 /dev/zero >"$T/in"
	case $1 in
	train | trace | memo | eval | spread)
		fails 1 tool "$1" <"$T/in"
		says 'no records'
		;;
	*)
		reads "$1" "$T/in"
		if has "$1" tar; then
			is "$(wc -c <"$T/out")" 1024
			same "$T/in" "$T/out"
		fi
		;;
	esac
	printf 'name=d/ type=5\nname=__meta__/info.json data=1\n' | mktar >"$T/in"
	case $1 in
	train | trace | memo | eval | spread) fails 1 tool "$1" <"$T/in" ;;
	*)
		reads "$1" "$T/in"
		has "$1" text || is "$(lstar --names <"$T/out" | tr '\n' ' ')" 'd __meta__/info.json '
		;;
	esac
}

# Members of which none belongs to a record are no stream, unless an earlier filter has dropped its records.
law_no_record() {
	printf 'name=d/ type=5\nname=d/0001 data=x\nname=l.png type=2 link=x\nname=.h.png data=x\n' | mktar >"$T/in"
	fails 1 tool "$1" "$T/in"
	says "$T/in: no record" 'to none: 2, links and devices: 1' "'d/0001'" 'vae-records(5)'
	fails 1 tool "$1" <"$T/in"
	says 'standard input: no record'
	(cat "$T/in" && plain_stream 1 | mktar) | vae-drop -e 'cls >= 0' >"$T/dropped.tar"
	is "$(lstar --names <"$T/dropped.tar" | tr '\n' ' ')" 'd d/0001 l.png .h.png '
	tar tf "$T/dropped.tar" >"$T/null"
	case $1 in
	train | trace | memo | eval | spread)
		fails 1 tool "$1" "$T/dropped.tar"
		says 'no records'
		;;
	*)
		reads "$1" "$T/dropped.tar"
		has "$1" text || same "$T/dropped.tar" "$T/out"
		;;
	esac
}
