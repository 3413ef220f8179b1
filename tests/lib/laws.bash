# The laws of the stream, each run over every tool that it is for. To add a
# tool, add its row and run `tests/lib/make-laws > tests/laws.bats`.

# shellcheck shell=bash disable=SC2002,SC2015,SC2016

declare -gA PROPERTIES COMMAND
ROWS=()

# row NAME PROPERTIES COMMAND
#   any      every tool
#   tar      writes a tar to standard output       stream   reads one from standard input
#   filter   both                                  text     writes text to standard output
#   scores   what it appends depends on a model    jobs     has -j
#   fields   reads the fields of every record      decodes  reads the payload
#   twice    two passes over its input             output   has -o FILE
row() {
	ROWS+=("$1")
	PROPERTIES[$1]="any $2"
	COMMAND[$1]=$3
}

row train   'tar stream filter jobs decodes twice rejects' 'vae-train -p -q -c tiny --set train.steps=4 --set train.checkpoints=1 --set train.holdout=0 --replace -o "$T/train.vae"'
row selfinf 'tar stream filter jobs decodes fields scores output rejects' 'vae-selfinf -m "$F/m.vae" --prefix s_'
row density 'tar stream filter jobs decodes fields twice output rejects' 'vae-density --method kde --sigma 3 --prefix s_'
row testinf 'tar stream filter jobs decodes fields output rejects' 'vae-testinf -m "$F/m.vae" -t "$F/small.tar" --prefix s_'
row nearest 'tar stream filter jobs decodes fields twice output rejects' 'vae-testinf -m "$F/m.vae" -t "$F/small.tar" --candidates 30 --prefix s_'
row rank    'tar stream filter fields twice output' 'vae-rank -k w --prefix t_'
row sort    'tar stream filter fields twice output sorts' 'vae-rank --sort -k w --prefix t_'
row ref     'tar stream filter fields output' 'vae-rank --ref "$F/w.ref" --prefix t_'
row drop    'tar stream filter fields output rejects' 'vae-drop --top 20% -r "$T/rejects.tar"'
row guard   'tar stream filter fields twice output' 'vae-drop -e "w > 1e12" --max-drop 10%'
row mark    'tar stream filter fields output' 'vae-drop --top 20% --mark'
row cut     'text stream fields' 'vae-cut -k key,w,key,key'
row eval    'text stream fields' 'vae-eval -k w --positive "cls == 1"'
row report  'text stream fields' 'vae-report -k w'
row ckpt    'text' 'vae-ckpt list -m "$F/m.vae"'
row loss    'tar stream filter jobs decodes fields output rejects' 'vae-ckpt eval -m "$F/m.vae" --prefix s_'
row pack    'tar output' 'vae-pack "$F/pics"'

LAWS=()
law() { LAWS+=("$1|$2|$3"); }
law members    filter  'law 1: members come out as they went in'
law formats    filter  'law 1: tars by other programs'
law again      filter  'law 1: passing twice gives the bytes of once'
law compressed stream  'law 2: compressed input'
law joined     stream  'law 2: concatenated input and FILE arguments'
law zstd       tar     'law 2: -z'
law prefixes   stream  'law 3: every cut input fails'
law travels    filter  'law 3: a failure fails the next filter too'
law old_files  filter  'law 3: a failure leaves no new files and the old ones alone'
law full       any     'law 4: a full device'
law sigpipe    tar     'law 4: a reader that leaves'
law closed     any     'law 4: closed descriptors'
law file_limit tar     'law 4: a file size limit'
law spool_full twice   'law 4: a spool that does not fit'
law jobs       jobs    'law 5: any -j gives the same bytes'
law order      scores  'law 5: any order gives the same scores'
law usage      any     'law 7: -h, -V and bad options'
law terminal   tar     'law 7: refuses a terminal'
law quiet      stream  'law 8: only records on stdout, nothing on stderr'
law summary    any     'law 8: --summary'
law bad_fields fields  'law 9: broken fields'
law on_error   decodes 'law 9: payloads that cannot be decoded'
law digits     filter  'law 9: fields of earlier stages keep their digits'
law output     output  'law 10: -o is whole or not there'
law locale     filter  'law 10: two locales, the same bytes'
law bad_input  stream  'bad input'
law empty      stream  'an empty stream'

laws_list() {
	local law name property what row
	for law in "${LAWS[@]}"; do
		IFS='|' read -r name property what <<<"$law"
		for row in "${ROWS[@]}"; do
			[[ " ${PROPERTIES[$row]} " == *" $property "* ]] || continue
			printf '@test "%s: %s" { law_%s %s; }\n' "$what" "$row" "$name" "$row"
		done
	done
}

has() { [[ " ${PROPERTIES[$1]} " == *" $2 "* ]]; }

# tool ROW [OPTION...]
tool() {
	local row=$1 extra
	shift
	extra=("$@")
	eval "set -- ${COMMAND[$row]}"
	"$@" "${extra[@]}"
}

# reads ROW FILE: its output on the stream in FILE is in $T/out
reads() {
	local row=$1 file=$2
	shift 2
	ok tool "$row" "$@" <"$file"
}

laws_setup() {
	local i long
	pictures "$F/pics" 64
	stream 40 | mktar >"$F/plain.tar"
	stream 2 | mktar >"$F/small.tar"
	plain_stream 40 | mktar | train "$F/m.vae"
	vae-rank -k w --replace --save-ref "$F/w.ref" "$F/plain.tar" >/dev/null

	# all that a tar can hold and a filter must leave alone
	long=$(printf 'long-%.0s' {1..60})
	{
		cat <<-LIST
			name=__meta__/x.json data={"shard":1} mtime=17.25
			name=d/ type=5 mode=0750 mtime=1000000000 uname=ann gname=users uid=1001 gid=102
			name=README data=no%20extension
			name=d/.hidden.pgm data=dot
			name=link.pgm type=2 link=d/0000.pgm mode=0777
			name=fifo.x type=6
			name=d/0000.PGM file=$F/pics/0.pgm mode=0600 mtime=1234567890.987654321 uid=1001 gid=102 uname=ann gname=users x:SCHILY.xattr.user.z=1%00%ff x:SCHILY.xattr.user.a=%0a x:atime=1234567891.5 x:ctime=1234567892.25
			name=d/sub/ type=5 mode=0700
			name=d/0000.Cls data=1%0a mtime=1234567890.5
			name=d/0000.vae.json data={"w":1.50,"rank":5,"rank_n":6}%0a
			name=d/0000.seg.PNG data=%89PNG mtime=5
			name=train.v1/0001.pgm file=$F/pics/1.pgm mode=04755 uid=3000000 gid=2500000
			name=train.v1/0001.vae.json data={"w":-2,"rank":4,"rank_n":6}%0a
			name=link2 type=2 link=$long.pgm
			name=%ff%fe%0a/%e9.pgm file=$F/pics/2.pgm uname=%e9
			name=%ff%fe%0a/%e9.cls data=
			name=%ff%fe%0a/%e9.vae.json data={"w":3,"rank":3,"rank_n":6}
			name=%c3%a9%e2%82%ac.pgm file=$F/pics/3.pgm
			name=%c3%a9%e2%82%ac.vae.json data={"w":3,"rank":2,"rank_n":6}
			name=$long/$long.pgm file=$F/pics/4.pgm mtime=99.000000001
			name=$long/$long.vae.json data={"w":7e2,"rank":1,"rank_n":6}
			name=d/0009.cls data=nothing%20to%20decode
			name=d/0010.pgm file=$F/pics/5.pgm mtime=4000000000
			name=d/0010.vae.json data={"rank":0,"w":1e9,"rank_n":6}
			name=last/ type=5
			name=end.of.stream/.dot data=
		LIST
	} | mktar >"$F/rich.tar"

	# the same files by other programs
	mkdir -p "$F/tree/a.dir" "$F/tree/deep/${long:0:120}/${long:0:90}"
	for i in 0 1 2; do
		cp "$F/pics/$i.pgm" "$F/tree/a.dir/$i.pgm"
		printf '{"w":%d,"rank":%d,"rank_n":10}' "$i" $((2 - i)) >"$F/tree/a.dir/$i.vae.json"
	done
	cp "$F/pics/7.pgm" "$F/tree/deep/${long:0:120}/${long:0:90}/x.PGM"
	printf '{"w":9,"rank":3,"rank_n":10}' >"$F/tree/deep/${long:0:120}/${long:0:90}/x.vae.json"
	ln -s nowhere "$F/tree/link.pgm"
	touch "$F/tree/.dot.cls" "$F/tree/noext"
	find "$F/tree" -exec touch -h -d '2020-02-03 04:05:06.123456789 UTC' {} +
	(
		cd "$F/tree" || exit
		find . -mindepth 1 | LC_ALL=C sort >../names
		for i in gnu oldgnu pax posix; do
			tar --no-recursion --format=$i -cf "../by-gnutar-$i.tar" -T ../names
		done
		tar --no-recursion --format=ustar -cf ../by-gnutar-ustar.tar -T <(grep -v deep ../names)
		tar --no-recursion --format=v7 -cf ../by-gnutar-v7.tar -T <(grep -v deep ../names)
		if command -v bsdtar >/dev/null; then
			for i in pax gnutar restricted; do
				bsdtar -n --format "${i/restricted/pax}" -cf "../by-bsdtar-$i.tar" -T ../names
			done
			bsdtar -n --format ustar -cf ../by-bsdtar-ustar.tar -T <(grep -v deep ../names)
		fi
	)
	# extended attributes, where this file system has them
	cp -r "$F/tree" "$F/xtree"
	if command -v setfattr >/dev/null && setfattr -n user.one -v first "$F/xtree/a.dir/0.pgm" 2>/dev/null; then
		setfattr -n user.two -v 0x00ff "$F/xtree/a.dir/0.pgm"
		(
			cd "$F/xtree" || exit
			tar --no-recursion --xattrs --format=pax -cf ../by-gnutar-xattrs.tar -T ../names
			! command -v bsdtar >/dev/null || bsdtar -n --xattrs --format pax -cf ../by-bsdtar-xattrs.tar -T ../names
		)
	fi
}

law_members() {
	reads "$1" "$F/rich.tar"
	members <"$F/rich.tar" >"$T/want"
	members <"$T/out" >"$T/got"
	is "$(wc -l <"$T/want")" 20 'members of rich.tar'
	if [ "$1" = drop ]; then
		members <"$T/rejects.tar" >"$T/rejected"
		is "$(lstar --names <"$T/rejects.tar")" $'d/0010.pgm\nd/0010.vae.json' rejected
		grep -vxFf "$T/rejected" "$T/want" >"$T/kept"
		mv "$T/kept" "$T/want"
	fi
	if has "$1" sorts; then
		LC_ALL=C sort -o "$T/want" "$T/want"
		LC_ALL=C sort -o "$T/got" "$T/got"
	fi
	diff "$T/want" "$T/got"
	# the scores come last, and once, with the owner and time of the record's first member
	lstar <"$T/out" | awk '{ n = $1; sub(/.*\//, "", n); k = $1; sub(/\.[^\/]*$/, "", k)
		if (n ~ /^[^.]+\.vae\.json$/) { if (seen[k]++) exit 1; done[k] = 1 }
		else if ($2 == "0" && n ~ /^[^.]+\../ && done[k]) exit 1 }'
	case $1 in selfinf | rank)
		is "$(lstar <"$T/out" | awk '$1 == "d/0000.vae.json" { print $3, $4, $5, $6 }')" '0644 1001/102 ann/users 1234567890.987654321'
		;;
	esac
}

law_formats() {
	local tar n=0 missing=
	for tar in "$F"/by-*.tar; do
		reads "$1" "$tar"
		members <"$tar" >"$T/want"
		{
			members <"$T/out"
			[ "$1" != drop ] || members <"$T/rejects.tar"
		} >"$T/got"
		if [ "$1" = drop ] || has "$1" sorts; then
			LC_ALL=C sort -o "$T/want" "$T/want"
			LC_ALL=C sort -o "$T/got" "$T/got"
		fi
		diff "$T/want" "$T/got" || die "$tar"
		n=$((n + 1))
	done
	[ "$n" -ge 6 ]
	command -v bsdtar >/dev/null || missing='bsdtar is not installed: install the package libarchive-tools'
	[ -e "$F/by-gnutar-xattrs.tar" ] || missing="${missing:+$missing; }$(command -v setfattr >/dev/null && echo 'this file system has no extended attributes' || echo 'setfattr is not installed: install the package attr')"
	if [ -e "$F/by-gnutar-xattrs.tar" ]; then
		reads "$1" "$F/by-gnutar-xattrs.tar"
		{
			lstar <"$T/out"
			[ "$1" != drop ] || lstar <"$T/rejects.tar"
		} | grep -q '{user.one=first,user.two=%00%ff}'
	fi
	[ -z "$missing" ] || skip "$missing (the other formats passed)"
}

law_again() {
	local file
	for file in rich plain; do
		reads "$1" "$F/$file.tar"
		mv "$T/out" "$T/once.tar"
		case $1 in
		drop | train) reads "$1" "$T/once.tar" ;;
		*) reads "$1" "$T/once.tar" --replace ;;
		esac
		same "$T/once.tar" "$T/out"
	done
}

law_compressed() {
	local program missing=
	reads "$1" "$F/plain.tar"
	mv "$T/out" "$T/want"
	for program in zstd gzip xz bzip2 lz4; do
		if command -v $program >/dev/null; then
			$program -c <"$F/plain.tar" >"$T/in" 2>/dev/null
			reads "$1" "$T/in"
			same "$T/want" "$T/out"
		else
			missing+=" $(package $program)"
		fi
	done
	[ -z "$missing" ] || skip "not all are installed: install the packages$missing (the others passed)"
}

law_joined() {
	local half
	stream 40 | head -60 | mktar --pad 9216 >"$T/a.tar"
	stream 40 | tail -60 | mktar >"$T/b.tar"
	reads "$1" "$F/plain.tar"
	mv "$T/out" "$T/want"
	cat "$T/a.tar" "$T/b.tar" >"$T/ab.tar"
	reads "$1" "$T/ab.tar"
	same "$T/want" "$T/out"
	ok tool "$1" "$T/a.tar" "$T/b.tar"
	same "$T/want" "$T/out"
	cat "$T/a.tar" | ok tool "$1" - "$T/b.tar"
	same "$T/want" "$T/out"
	ok tool "$1" "$T/a.tar" - <"$T/b.tar"
	same "$T/want" "$T/out"
	cat "$T/ab.tar" | ok tool "$1"
	same "$T/want" "$T/out"
	need zstd gzip
	cat <(zstd -c "$T/a.tar") <(zstd -c "$T/b.tar") >"$T/two.zst"
	reads "$1" "$T/two.zst"
	same "$T/want" "$T/out"
	half=$(($(wc -c <"$F/plain.tar") / 2 + 77))
	cat <(head -c "$half" "$F/plain.tar" | zstd -c) <(tail -c +$((half + 1)) "$F/plain.tar" | zstd -c) >"$T/frames.zst"
	reads "$1" "$T/frames.zst"
	same "$T/want" "$T/out"
	cat <(gzip -c "$T/a.tar") <(gzip -c "$T/b.tar") >"$T/two.gz"
	reads "$1" "$T/two.gz"
	same "$T/want" "$T/out"
	gzip -c "$T/a.tar" >"$T/a.gz"
	ok tool "$1" "$T/a.gz" "$T/b.tar"
	same "$T/want" "$T/out"
}

law_zstd() {
	need zstd
	local level sizes=()
	ok tool "$1" <"$F/plain.tar"
	mv "$T/out" "$T/want"
	for level in -z -z1 -z19; do
		ok tool "$1" $level <"$F/plain.tar"
		sizes+=("$(wc -c <"$T/out")")
		zstd -dc <"$T/out" >"$T/got"
		same "$T/want" "$T/got"
	done
	[ "$(printf '%s\n' "${sizes[@]}" | sort -u | wc -l)" -ge 2 ] || die "the level changes nothing: ${sizes[*]}"
	for level in -z99 -z0 -z-1 -zx; do
		fails 2 tool "$1" $level <"$F/plain.tar"
		says -z
		[ ! -s "$T/out" ]
	done
}

# cut_lengths BYTES END: where to cut: around every block, and at odd places; END: the first length
# that is whole
cut_lengths() {
	local n
	for ((n = 0; n < $2; n += 512)); do
		printf '%d\n%d\n%d\n' "$n" $((n + 1)) $((n + 377))
	done
	printf '%d\n' $(($2 - 1)) $(($2 - 512)) $(($2 - 1023)) $(($2 - 1024))
}

law_prefixes() {
	local n size got
	size=$(wc -c <"$F/small.tar")
	for n in $(cut_lengths "$size" "$size"); do
		[ "$n" -lt "$size" ] || continue
		head -c "$n" "$F/small.tar" >"$T/cut"
		fails 1 tool "$1" <"$T/cut" || die "cut at $n of $size"
		[ ! -s "$T/out" ] || ! lstar <"$T/out" >/dev/null 2>&1 || die "cut at $n: the output looks whole"
	done
	need zstd
	zstd -qc "$F/small.tar" >"$T/small.zst"
	size=$(wc -c <"$T/small.zst")
	# test_reader.c cuts everywhere, under every compression
	for ((n = 0; n < size; n += 11)); do
		head -c "$n" "$T/small.zst" >"$T/cut"
		fails 1 tool "$1" <"$T/cut" || die "cut at $n of $size"
	done
	for ((n = 0; n < size; n++)); do
		[ "$1" = drop ] || break
		got=0
		head -c "$n" "$T/small.zst" | vae-drop --top 0 >/dev/null 2>&1 || got=$?
		[ "$got" -eq 1 ] || die "cut at $n of $size"
	done
	head -c $((size - 1)) "$T/small.zst" >"$T/cut"
	fails 1 tool "$1" <"$T/cut"
}

law_travels() {
	local n size
	size=$(wc -c <"$F/plain.tar")
	for n in $((size - 1024)) $((size - 512)) $((size - 5000)) $((size / 2)) 700 512; do
		# the status of the last one alone: no pipefail
		fails 1 bash -c 'head -c "$1" "$2" | { shift 2; "$@" 2>/dev/null; } | vae-drop --top 0' - "$n" "$F/plain.tar" \
			env T="$T" F="$F" bash -c ". '$LIB/laws.bash'; tool $1"
		! lstar <"$T/out" >/dev/null 2>&1 || die 'the end of the pipe looks whole'
		fails 1 bash -c 'head -c "$1" "$2" | { shift 2; "$@" 2>/dev/null; } | vae-cut -k key' - "$n" "$F/plain.tar" \
			env T="$T" F="$F" bash -c ". '$LIB/laws.bash'; tool $1 -z"
	done
}

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
		echo "old $name" >"$T/$name"
	done
	fails 1 tool "$1" "${options[@]}" <"$T/cut"
	for name in summary.json out.tar rejects.tar; do
		is "$(cat "$T/$name")" "old $name"
	done
	no_leftovers "$T"
	# and they do change when it succeeds
	ok tool "$1" "${options[@]}" <"$F/plain.tar"
	no_leftovers "$T"
	isjson --flat <"$T/summary.json"
	! has "$1" output || lstar <"$T/out.tar" >/dev/null
	! has "$1" rejects || lstar <"$T/rejects.tar" >/dev/null
}

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

law_closed() {
	local got=0
	tool "$1" <"$F/plain.tar" >&- 2>"$T/err" || got=$?
	is "$got" 1 'closed stdout'
	is "$(wc -l <"$T/err")" 1 "$(cat "$T/err")"
	# a file that the tool opens must never become descriptor 0, 1 or 2
	ok tool "$1" <"$F/plain.tar"
	mv "$T/out" "$T/want"
	got=0
	tool "$1" <"$F/plain.tar" >"$T/out" 2>&- || got=$?
	is "$got" 0 'closed stderr'
	same "$T/want" "$T/out"
	if has "$1" output; then # remarks must not end in the file that is written
		tool "$1" -v -o "$T/o.tar" <"$F/plain.tar" 2>&-
		same "$T/want" "$T/o.tar"
		[ "$1" != drop ] || lstar <"$T/rejects.tar" >/dev/null
	fi
	if has "$1" stream; then
		fails 1 tool "$1" <&-
		fails 1 tool "$1" --summary "$T/summary.json" <&-
		says 'standard input'
		absent "$T/summary.json"
		# as FILE, closed stdin is nobody's business
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

law_jobs() {
	local j
	reads "$1" "$F/plain.tar" -j1
	mv "$T/out" "$T/want"
	[ ! -d "$T/train.vae" ] || mv "$T/train.vae" "$T/want.vae"
	for j in 2 3 7; do
		reads "$1" "$F/plain.tar" -j$j
		same "$T/want" "$T/out"
		[ ! -d "$T/train.vae" ] || same "$T/want.vae"/step-*4.safetensors "$T/train.vae"/step-*4.safetensors
	done
	for j in 0 -1 x 1000; do
		fails 2 tool "$1" -j $j <"$F/plain.tar"
	done
}

law_order() {
	reads "$1" "$F/plain.tar"
	vae-cut -k key,s_selfinf,s_loss,s_nll,s_selfinf_se <"$T/out" | LC_ALL=C sort >"$T/a"
	stream 40 | awk '{ r[NR] = $0 } END { for (i = 118; i > 0; i -= 3) print r[i] "\n" r[i + 1] "\n" r[i + 2] }' | mktar >"$T/back.tar"
	reads "$1" "$T/back.tar"
	vae-cut -k key,s_selfinf,s_loss,s_nll,s_selfinf_se <"$T/out" | LC_ALL=C sort >"$T/b"
	is "$(wc -l <"$T/a")" 40
	paste "$T/a" "$T/b" | awk -F '\t' '
		$1 != $6 { bad = 1 }
		{ worst = 0; for (i = 2; i <= 5; i++) { if ($i == "" || $i == 0) bad = 1; d = ($i - $(i + 5)) / $i; if (d < 0) d = -d; if (d > worst) worst = d }
		  if (worst <= 1e-5) close_++; if (worst > 1e-3) bad = 1 }
		END { exit bad || close_ < 0.95 * NR }'
	# one record alone scores as it does among others
	stream 40 | sed -n 61,63p | mktar >"$T/one.tar"
	reads "$1" "$T/one.tar"
	near "$(vae-cut -k s_selfinf <"$T/out")" "$(awk -F '\t' '$1 == "s/0020" { print $2 }' "$T/a")" 1e-4
}

law_usage() {
	local exe got
	eval "set -- \"\$1\" ${COMMAND[$1]}"
	exe=$2
	for got in -h --help; do
		"$exe" $got >"$T/out" 2>"$T/err" </dev/null
		[ ! -s "$T/err" ]
		grep -q "^usage: $exe " "$T/out"
		grep -q -- '--summary FILE' "$T/out"
	done
	"$exe" -V >"$T/out"
	grep -q "^$exe .*[0-9]\.[0-9]" "$T/out"
	for got in --no-such-option -Q --summary --quiet=yes; do
		fails 2 "$exe" $got </dev/null
		says "$exe -h"
		[ ! -s "$T/out" ]
	done
	fails 2 "$exe" "--$(printf 'x\033[31m\n')" </dev/null
	if [ -w /dev/full ]; then
		got=0
		"$exe" -h >/dev/full 2>"$T/err" || got=$?
		is "$got" 1 '-h to a full device'
	fi
}

law_terminal() {
	need script
	local got=0
	env T="$T" F="$F" script -qec "bash -c \". '$LIB/laws.bash'; tool $1 < '$F/plain.tar'\"" /dev/null </dev/null >"$T/out" || got=$?
	is "$got" 1
	grep -q 'terminal' "$T/out"
	is "$(wc -l <"$T/out")" 1
	if has "$1" stream; then
		got=0
		env T="$T" F="$F" script -qec "bash -c \". '$LIB/laws.bash'; tool $1 > '$T/none'\"" /dev/null </dev/null >"$T/out" || got=$?
		is "$got" 1
		grep -q 'standard input is a terminal' "$T/out"
		[ ! -s "$T/none" ]
	fi
}

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
	ckpt) ;;
	*) grep -q '"records":40,' "$T/s.json" ;;
	esac
	case $1 in
	drop) grep -q '"dropped":8,.*"rejected":8,' "$T/s.json" ;;
	mark) grep -q '"dropped":0,.*"matched":8,.*"rejected":0,' "$T/s.json" ;;
	esac
	fails 1 tool "$1" --summary "$T/no/such/place.json" <"$F/plain.tar"
	says --summary "$T/no/such/place.json"
	[ ! -s "$T/out" ] # told before the work
	fails 1 tool "$1" --summary "$T" <"$F/plain.tar"
	[ ! -s "$T/out" ]
	ok tool "$1" --summary /dev/null <"$F/plain.tar"
	[ -c /dev/null ]
}

law_bad_fields() {
	local text
	for text in '' '{' '{"w":1' '[1]' '{"w":{"x":1}}' '{"w":[1]}' '{"w":1,"w":2}' '{"w":NaN}' '{"w":Infinity}' '{"w":-inf}' \
		'{"w":01}' '{"w":1.}' '{"w":+1}' '{"w":.5}' '{"w":1e}' '{"w":0x10}' "{'w':1}" '{"w":1,}' '{"w":1}{"w":1}' '{"w":1}%00' \
		'{"w":"%ff"}' '{"w":"%0a"}' '{"w":"\x"}' '{"w":"\u12"}' '{"w"}' '{1:2}' 'null' '"w"' '%ef%bb%bf{"w":1}' '{"w":tru}'; do
		{
			stream 1
			printf 'name=b.pgm file=%s/pics/9.pgm\nname=b.vae.json data=%s\n' "$F" "${text// /}"
			stream 3 | tail -3
		} | mktar >"$T/bad.tar"
		fails 1 tool "$1" "$T/bad.tar" || die "with $text"
		says "$T/bad.tar: record 2 'b'" vae.json
	done
	{
		echo "name=b.pgm file=$F/pics/9.pgm"
		printf 'name=b.vae.json data={"w":"%s"}\n' "$(head -c 1100000 /dev/zero | tr '\0' x)"
	} | mktar >"$T/bad.tar"
	fails 1 tool "$1" <"$T/bad.tar"
	says "standard input: record 1 'b'"
	{
		echo "name=b.pgm file=$F/pics/9.pgm"
		echo "name=b.vae.json data={$(seq -s, 1 1001 | sed 's/[0-9]*/"&":1/g')}"
	} | mktar >"$T/bad.tar"
	fails 1 tool "$1" <"$T/bad.tar"
	says "record 1 'b'" 1000
	# a name that a message must not hand to the terminal
	printf 'name=e%%1b[31m%%0ax.pgm file=%s/pics/9.pgm\nname=e%%1b[31m%%0ax.vae.json data={\n' "$F" | mktar >"$T/bad.tar"
	fails 1 tool "$1" <"$T/bad.tar"
	says 'e\x1b[31m\nx'
}

# undecodable: records with all that can be wrong with a payload, between good ones
undecodable() {
	stream 3
	printf 'name=u/a.txt data=text\n'
	printf 'name=u/b.pgm data=\n'
	printf 'name=u/c.png data=this%%20is%%20text\n'
	printf 'name=u/d.png data=%%89PNG%%0d%%0a%%1a%%0a%%00%%00%%00%%0dIHDR%%00%%00%%ea%%60%%00%%00%%ea%%60%%08%%02%%00%%00%%00%%4d%%a4%%f1%%01\n'
	printf 'name=u/e.pgm data=P5%%0a8%%208%%0a255%%0aoops\n'
	printf 'name=u/f.pgm data=P5%%0a4000000000%%204000000000%%0a255%%0a\n'
	printf 'name=u/g.jpg data=%%ff%%d8%%ff%%e0\n'
	printf 'name=u/h.npy data=%%93NUMPY%%01%%00%%ff%%ff\n'
	printf 'name=u/i.vae.json data={"w":5}\n'
	stream 6 | tail -9
}

law_on_error() {
	local n=9
	undecodable | mktar >"$T/in.tar"
	# pass: all go on, marked where the tool scores
	reads "$1" "$T/in.tar" --summary "$T/s.json"
	lstar --names <"$T/in.tar" | grep -v vae.json >"$T/want"
	lstar --names <"$T/out" | grep -v vae.json >"$T/got"
	diff "$T/want" "$T/got"
	grep -q "\"unscored\":$n," "$T/s.json"
	if has "$1" scores; then
		is "$(wc -l <"$T/err")" 1 "$(cat "$T/err")"
		says "$n of 15 records could not be read" u/a
		vae-cut -k key,s_error,s_selfinf,w <"$T/out" >"$T/fields"
		is "$(awk -F '\t' '$2 != "" && $3 == ""' "$T/fields" | cut -f1 | tr '\n' ' ')" 'u/a u/b u/c u/d u/e u/f u/g u/h u/i '
		is "$(awk -F '\t' '$2 == "" && $3 != ""' "$T/fields" | wc -l)" 6
		is "$(awk -F '\t' '$1 == "u/i" { print $4 }' "$T/fields")" 5 'fields of earlier stages'
		# the good ones score as they do without the bad ones
		stream 6 | mktar | tool "$1" | vae-cut -k key,s_selfinf >"$T/alone"
		awk -F '\t' 'NR == FNR { v[$1] = $2; next } $1 in v { n++; d = v[$1] / $3 - 1; if (d > 1e-3 || d < -1e-3) exit 1 } END { exit n != 6 }' "$T/alone" "$T/fields"
	fi
	# reject: they go to -r, and the others on
	ok tool "$1" --on-error reject -r "$T/r.tar" <"$T/in.tar"
	is "$(lstar --names <"$T/out" | grep -c '^s/.*pgm')" 6
	is "$(lstar --names <"$T/out" | grep -c '^u/')" 0
	is "$(lstar --names <"$T/r.tar" | grep -c '^s/')" 0
	is "$(lstar --names <"$T/r.tar" | grep '^u/' | grep -vc vae.json)" 8
	is "$(vae-cut -k key <"$T/r.tar" | wc -l)" $n
	fails 2 tool "$1" --on-error reject <"$T/in.tar"
	fails 2 tool "$1" --on-error sulk <"$T/in.tar"
	# fail: the first one is named
	fails 1 tool "$1" --on-error fail "$T/in.tar"
	says "$T/in.tar: record 4 'u/a'" txt
	not lstar <"$T/out" >/dev/null 2>&1
	# nothing but such records
	undecodable | grep 'name=u' | mktar >"$T/all.tar"
	if [ "$1" = train ]; then
		fails 1 tool "$1" <"$T/all.tar"
		says 'none of 9 records'
		fails 1 tool "$1" --on-error reject -r "$T/rr.tar" <"$T/all.tar"
		absent "$T/rr.tar"
	else
		reads "$1" "$T/all.tar"
		is "$(vae-cut -k s_error <"$T/out" | grep -c .)" $n
	fi
}

law_digits() {
	local text='{"w":1.50,"rank":3,"rank_n":4,"a":-0.0,"b":1e+05,"c":123456789012345678901234567890,"d":"\u00e9\ud83d\ude00\n\/","e":null,"f":true,"g":1E-400,"h":0.1000000000000000055,"k":"ü"}'
	local inner=${text#?}
	printf 'name=a.pgm file=%s/pics/1.pgm\nname=a.vae.json data=%s\n' "$F" "$text" | mktar >"$T/in.tar"
	reads "$1" "$T/in.tar"
	lstar <"$T/out" | awk '$1 == "a.vae.json" { printf "%s", $NF }' | perl -ne 'print pack "H*", $_' >"$T/fields"
	grep -qF -- "${inner%?}" "$T/fields" || die "$(cat "$T/fields")"
	head -1 "$T/fields" | isjson --flat
}

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
	# through a symbolic link, and onto a device
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
	# killed while it waits for more: the old file stays
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
	# the same name for two outputs would lose one of them
	if has "$1" rejects; then
		fails 2 tool "$1" -o "$T/same.tar" -r "$T/same.tar" <"$F/plain.tar"
		absent "$T/same.tar"
	fi
}

law_locale() {
	local setting
	reads "$1" "$F/rich.tar"
	mv "$T/out" "$T/want"
	for setting in LC_ALL=C LC_ALL=C.UTF-8 LC_ALL=POSIX LC_CTYPE=C LC_ALL=no_SUCH.locale; do
		env "$setting" T="$T" F="$F" bash -c ". '$LIB/laws.bash'; tool $1" <"$F/rich.tar" >"$T/out" 2>"$T/err"
		same "$T/want" "$T/out"
	done
	# which kernels OpenBLAS takes may be told there too, and is no matter of locales
	env -i PATH="$PATH" T="$T" F="$F" ${OPENBLAS_CORETYPE+OPENBLAS_CORETYPE="$OPENBLAS_CORETYPE"} "$(command -v bash)" -c ". '$LIB/laws.bash'; tool $1" <"$F/rich.tar" >"$T/out"
	same "$T/want" "$T/out"
}

# bad MESSAGE...: the tool on $T/in exits 1, names the file, and says MESSAGE
bad() {
	fails 1 tool "$ROW" "$T/in" || die "with $1"
	says "$T/in" "$@"
	[ ! -s "$T/out" ] || ! lstar <"$T/out" >/dev/null 2>&1 || die "the output looks whole with $1"
}

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
	# behind the end
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
	# a header that lies
	cp "$F/small.tar" "$T/in"
	printf '\001' | dd of="$T/in" bs=1 seek=1030 conv=notrunc status=none
	bad "$T/in"
	# links, twice, again
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
	if ! has "$1" text; then # one output stream, in which keys must not come back
		fails 2 tool "$1" --keys-per-file "$F/small.tar" "$F/small.tar"
		says keys-per-file
	else
		ok tool "$1" --keys-per-file "$F/small.tar" "$F/small.tar"
		[ -s "$T/out" ]
		(stream 2 && echo 'name=s/0000.txt data=x') | mktar >"$T/in"
		fails 1 tool "$1" --keys-per-file "$F/small.tar" "$T/in"
		says "$T/in"
	fi
	# what is no file, or not there
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
	# more than memory holds, said in one header
	echo 'name=big.pgm size=68719476736' | mktar --no-end >"$T/in"
	bad "$T/in"
	(stream 1 && printf 'name=big.pgm x:GNU.sparse.major=1 x:GNU.sparse.minor=0 x:GNU.sparse.name=big.pgm x:GNU.sparse.realsize=1099511627776 data=1%%0a1099511627775%%0a1%%0a%s\n' "$(printf '%%00%.0s' $(seq 512))") | mktar >"$T/in"
	(limited 4000000 && bad big) || die 'a sparse member'
}

law_empty() {
	head -c 1024 /dev/zero >"$T/in"
	case $1 in
	train | eval)
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
	# loose members alone are no records
	printf 'name=d/ type=5\nname=README data=x\n' | mktar >"$T/in"
	case $1 in
	train | eval) fails 1 tool "$1" <"$T/in" ;;
	*)
		reads "$1" "$T/in"
		has "$1" text || is "$(lstar --names <"$T/out" | tr '\n' ' ')" 'd README '
		;;
	esac
}

tools_have_rows() {
	local exe n=0
	for exe in "$BIN"/vae-*; do
		[ -x "$exe" ] && [ -f "$exe" ] || continue
		printf '%s\n' "${COMMAND[@]}" | grep -q "^${exe##*/} " || die "${exe##*/} has no row in the table of laws"
		n=$((n + 1))
	done
	[ "$n" -ge 8 ] || die "only $n tools in $BIN"
}
