# The stream, tested with one tool: sparse files, unusual tars, names, files that are replaced, signals.
# shellcheck disable=SC2119,SC2120,SC2016

load helper

setup_file() {
	pictures "$F/pics" 3
}

pass() { vae-drop --top 0 -q "$@"; }

@test "a sparse member is written as the whole file" {
	truncate -s 300000 "$T/s.bin"
	printf 'middle' | dd of="$T/s.bin" bs=1 seek=150000 conv=notrunc status=none
	truncate -s 100000 "$T/hole.bin"
	printf '{"rank":0,"rank_n":9}' >"$T/s.vae.json"
	cd "$T"
	for format in gnu pax; do
		tar -S --format=$format -cf in.tar s.bin s.vae.json hole.bin
		ok pass "$T/in.tar"
		mkdir $format
		tar -C $format -xf out
		same s.bin $format/s.bin
		same hole.bin $format/hole.bin
	done
}

@test "a sparse member of a claimed size that no memory holds is refused" {
	truncate -s 20G "$T/huge.bin"
	printf 'end' | dd of="$T/huge.bin" bs=1 seek=21474836480 conv=notrunc status=none
	cd "$T"
	for format in gnu pax; do
		tar -S --format=$format -cf in.tar huge.bin 2>/dev/null || skip 'this file system has no sparse files'
		[ "$(wc -c <in.tar)" -lt 100000 ]
		fails 1 pass "$T/in.tar"
		says in.tar huge.bin
	done
}

# extents OFFSET...: a tar with a sparse member of 4096 bytes: 512 times x at each offset
extents() {
	local map at n=$#
	map=$(printf '%%0a%d%%0a512' "$@")
	map=$n$map%0a
	at=$(printf %b "${map//%/\\x}" | wc -c)
	printf 'name=s.bin x:GNU.sparse.major=1 x:GNU.sparse.minor=0 x:GNU.sparse.name=s.bin x:GNU.sparse.realsize=4096 data=%s%s%s\nname=s.vae.json data={"rank":0,"rank_n":9}\n' \
		"$map" "$(printf '%%00%.0s' $(seq $((512 - at))))" "$(head -c $((512 * n)) /dev/zero | tr '\0' x)" | mktar
}

@test "a sparse member whose parts overlap or are out of order is refused" {
	local at
	extents 0 512 2048 >"$T/in"
	is "$(pass "$T/in" | lstar | awk '$1 == "s.bin" { print $(NF - 1) }')" 4096
	for at in '0 0' '0 0 0 0 0 0' '512 0' '0 511' '2048 1024 0'; do
		# shellcheck disable=SC2086 # numbers
		extents $at >"$T/in"
		fails 1 pass "$T/in"
		says "$T/in: member 1 's.bin': the parts of a sparse file overlap"
	done
	# the old GNU format: a header with four extents of 512 bytes at offset 0
	perl -e 'my $h = pack "a100 a8 a8 a8 a12 a12 a8 a1 a100 a8 a121 a24 a24 a24 a24 a1 a12 a17", "o.bin", "0000644", "0000000", "0000000",
		sprintf("%011o", 2048), "00000000000", " " x 8, "S", "", "ustar  ", "", (sprintf("%011o\0%011o\0", 0, 512)) x 4, "", sprintf("%011o", 512), "";
		substr($h, 148, 8) = sprintf "%06o\0 ", unpack "%32C*", $h; print $h, "y" x 2048, "\0" x 1024' >"$T/in"
	fails 1 pass "$T/in"
	says o.bin overlap
}

@test "law 6: the memory of large records is freed" {
	(limit_space 1800000 && vae-cut -V >/dev/null 2>&1) || skip 'a sanitizer reserves more address space than this test allows'
	pictures "$F/pics" 3
	plain_stream 3 | mktar | train "$T/m.vae"
	cd "$T"
	truncate -s 70M h.bin
	for i in {10..39}; do ln h.bin "h$i.bin"; done
	tar -S --hard-dereference -cf in.tar h??.bin
	[ "$(wc -c <in.tar)" -lt 100000 ] || skip 'this file system has no sparse files'
	local got=0
	(limit_space 1800000 && vae-selfinf -j1 -m m.vae in.tar 2>err | wc -c >size) || got=$?
	is "$got" 0
	[ "$(cat size)" -gt 2200000000 ] || die "$(cat err)"
	# records in flight have one budget for all threads: 18 batches of one record each would not fit
	tar -S --hard-dereference -cf in.tar h1?.bin
	vae-selfinf -j1 -m m.vae in.tar 2>err | sha256sum >want
	got=0
	# one arena: glibc reserves 64 MB of address space for each of several threads that allocate at once
	(limit_space 1100000 && export MALLOC_ARENA_MAX=1 && set -o pipefail && vae-selfinf -j8 --mem 100M -m m.vae in.tar 2>err | sha256sum >sum) || got=$?
	is "$got" 0 "$(cat err)"
	[ ! -s err ] || [ "$(grep -c vae-selfinf err)" -le 1 ] || die "$(cat err)"
	same want sum
}

@test "a record of more than --max-record is refused with its name" {
	cd "$T"
	head -c 6000 /dev/zero >a.bin
	head -c 5000 /dev/zero >b.bin
	cp b.bin b.raw
	tar -cf in.tar a.bin b.bin b.raw
	ok vae-cut -k key --max-record 10000 in.tar
	fails 1 vae-cut -k key --max-record 9999 in.tar
	says "in.tar: record 2 'b'" '9999 bytes' '--max-record'
	fails 1 vae-cut -k key --max-record 5K in.tar
	says "in.tar: member 1 'a.bin'" '5120 bytes' '--max-record'
	tar -cf loose.tar --transform 's/a.bin/.a/' b.bin a.bin
	fails 1 vae-cut -k key --max-record 10K loose.tar
	says "record 1 'b'" '--max-record'
	fails 2 vae-cut --max-record many in.tar
	fails 2 vae-ckpt list -m m.vae --max-record 1G0
	fails 2 vae-ckpt list -m m.vae --max-record 5K
}

@test "ustar, GNU and pax headers of the same members give the same bytes" {
	for format in ustar gnu pax; do
		printf 'name=%s/%s.pgm file=%s/pics/0.pgm uname=ann\nname=%s/%s.vae.json data={"rank":9,"rank_n":10}\n' \
			"$(printf 'd%.0s' {1..90})" "$(printf 'n%.0s' {1..80})" "$F" "$(printf 'd%.0s' {1..90})" "$(printf 'n%.0s' {1..80})" |
			mktar --format $format | pass >"$T/$format"
	done
	same "$T/ustar" "$T/gnu"
	same "$T/ustar" "$T/pax"
}

# flip OFFSET FILE: changes one bit of the byte there; a negative OFFSET counts from the end
flip() { perl -e 'my ($at, $f) = @ARGV; open F, "+<:raw", $f or die; seek F, $at, $at < 0 ? 2 : 0; read F, my $c, 1; seek F, -1, 1; print F $c ^ "\x10"' -- "$@"; }

@test "gzip: the checksum of every member is verified, in a file and in a pipe, in one pass and in two" {
	local n
	printf 'name=a.pgm file=%s/pics/0.pgm\nname=a.vae.json data={"w":1}\n' "$F" | mktar >"$T/1"
	printf 'name=b.pgm file=%s/pics/1.pgm\nname=b.vae.json data={"w":2}\n' "$F" | mktar >"$T/2"
	gzip -c "$T/1" >"$T/1.gz"
	gzip -c "$T/2" >"$T/2.gz"
	cat "$T/1.gz" "$T/2.gz" >"$T/in"
	ok vae-rank -k w "$T/in"
	is "$(field key,rank <"$T/out" | tr '\n\t' ' =')" 'a=1 b=0 '
	mv "$T/out" "$T/want"
	ok vae-rank -k w < <(cat "$T/in")
	same "$T/want" "$T/out"
	cat <(head -c 1 "$T/in") <(sleep 0.1) <(tail -c +2 "$T/in") | ok vae-rank -k w
	same "$T/want" "$T/out"
	for n in -1 -8 -40 $(($(wc -c <"$T/1.gz") - 1)) $(($(wc -c <"$T/1.gz") - 8)) 40; do
		cp "$T/in" "$T/bad"
		flip "$n" "$T/bad"
		fails 1 vae-cut -k key "$T/bad"
		says "$T/bad: " 'gzip stream is damaged'
		fails 1 vae-rank -k w "$T/bad"
		says "$T/bad: " 'gzip stream is damaged'
		fails 1 vae-rank -k w < <(cat "$T/bad")
		says 'standard input: ' 'gzip stream is damaged'
		not lstar <"$T/out" 2>/dev/null
	done
	for n in 1 2 3 4 5 6 7 8 9 30; do
		head -c -$n "$T/in" >"$T/bad"
		fails 1 vae-cut -k key "$T/bad"
		says "$T/bad: " 'gzip stream is truncated'
	done
	# zeros may follow (tape padding), and nothing else
	(cat "$T/in" && head -c 300000 /dev/zero) >"$T/zeros"
	ok vae-rank -k w "$T/zeros"
	same "$T/want" "$T/out"
	for n in x "$(printf '\037')" "$(printf '\037\213\010')"; do
		(cat "$T/in" && printf %s "$n") >"$T/bad"
		fails 1 vae-cut -k key "$T/bad"
		says "$T/bad: " gzip
	done
	cat "$T/in" "$T/2" >"$T/bad"
	fails 1 vae-cut -k key "$T/bad"
	says "$T/bad: " 'not gzip'
	cat "$T/zeros" "$T/2.gz" >"$T/bad"
	fails 1 vae-cut -k key "$T/bad"
	says "$T/bad: " 'not gzip'
	head -c 1024 /dev/zero | gzip -c | ok vae-cut -k key
	[ ! -s "$T/out" ]
	gzip -c </dev/null | fails 1 vae-cut -k key
	says 'empty input'
}

@test "compressed by every option of the programs: the same bytes" {
	local how
	need zstd gzip xz bzip2 lz4
	perl -e 'srand 1; print pack "C*", map { rand 256 } 1 .. 1500000' >"$T/random"
	{
		printf 'name=a.bin file=%s/random\nname=a.cls data=1\n' "$T"
		for how in {1..200}; do printf 'name=%s.txt data=%0999d\nname=%s.cls data=2\n' "$how" 7 "$how"; done
	} | mktar >"$T/in"
	vae-drop -q -e nothing "$T/in" >"$T/want"
	for how in 'zstd -1' 'zstd -19 --long=27' 'zstd --no-check' 'gzip -1' 'xz -0' 'xz -9e --check=crc32' 'xz --check=none' 'xz --check=sha256 --block-size=100000' 'xz --delta=dist=4 --lzma2' \
		'bzip2 -1' 'bzip2 -9' 'lz4 -1' 'lz4 -9 -BD -B4' 'lz4 -B7 -BX --content-size' 'lz4 --no-frame-crc' 'lz4 -l'; do
		# shellcheck disable=SC2086 # a program and its options
		$how -c <"$T/in" >"$T/in.z" 2>/dev/null
		ok vae-drop -q -e nothing "$T/in.z" || die "$how"
		same "$T/want" "$T/out"
		ok vae-drop -q -e nothing < <(cat "$T/in.z") # a pipe
		same "$T/want" "$T/out"
		head -c -1 "$T/in.z" >"$T/cut"
		fails 1 vae-cut -k key "$T/cut"
		head -c 1000000 "$T/in.z" >"$T/cut"
		fails 1 vae-cut -k key "$T/cut"
		says "$T/cut: " truncated
	done
	# the old form of lz4 has no end: more blocks, or zeros of any number, may follow
	for how in '\1' '\1\0\0\0' xxxx '\0\0\0\0x' '\0\0\0\0\0\2\041\114\030'; do
		# shellcheck disable=SC2059 # the escapes are to be read
		(lz4 -l -c <"$T/in" 2>/dev/null && printf "$how") >"$T/in.z"
		fails 1 vae-cut -k key "$T/in.z"
	done
	for how in 1 3 4 5 300000; do
		(head -c 100000 "$T/in" | lz4 -l -c && tail -c +100001 "$T/in" | lz4 -l -c && head -c $how /dev/zero) >"$T/in.z" 2>/dev/null
		ok vae-drop -q -e nothing "$T/in.z"
		same "$T/want" "$T/out"
	done
	# a frame that decoders skip, before and between
	for how in zstd lz4; do
		(printf '\120\052\115\030\003\000\000\000abc' && head -c 100000 "$T/in" | $how -c && printf '\137\052\115\030\000\000\000\000' && tail -c +100001 "$T/in" | $how -c) 2>/dev/null >"$T/in.z"
		ok vae-drop -q -e nothing "$T/in.z"
		same "$T/want" "$T/out"
	done
}

@test "a window that takes too much memory, and a checksum that nobody knows, are named" {
	local at
	need xz
	mktar <<<'name=a.x data=1' | xz -0 -c >"$T/in.xz"
	# the byte of the dictionary's size, and the CRC32 of the block's header
	patched() { perl -MCompress::Zlib -e 'local $/; open F, "<:raw", $ARGV[0]; $_ = <F>; my $n = 4 * (1 + ord substr $_, 12, 1);
		substr $_, 12 + 4, 1, chr $ARGV[1]; substr $_, 12 + $n - 4, 4, pack "V", crc32(substr $_, 12, $n - 4); print' "$T/in.xz" "$1"; }
	patched 30 >"$T/128.xz" # 128 MiB
	ok vae-cut -k key "$T/128.xz"
	patched 31 >"$T/192.xz"
	fails 1 vae-cut -k key "$T/192.xz"
	says "$T/192.xz: " 'xz with a dictionary of more than 128 MiB' 'xz -dc'
	perl -MCompress::Zlib -e 'local $/; open F, "<:raw", $ARGV[0]; $_ = <F>; substr $_, 7, 1, "\x02"; substr $_, 8, 4, pack "V", crc32(substr $_, 6, 2); print' "$T/in.xz" >"$T/check.xz"
	fails 1 vae-cut -k key "$T/check.xz"
	says "$T/check.xz: " 'a checksum that is not supported'
}

@test "zstd output has a checksum: a changed byte is an error" {
	local n size level
	need zstd
	for n in {0..39}; do
		printf 'name=%d.pgm file=%s/pics/%d.pgm\nname=%d.vae.json data={"rank":%d,"rank_n":40}\n' "$n" "$F" $((n % 3)) "$n" "$n"
	done | mktar >"$T/in"
	pass "$T/in" >"$T/want"
	for level in -z -z1 -z19; do
		ok pass $level "$T/in"
		zstd -lv "$T/out" 2>&1 | grep -q XXH64
		zstd -dc "$T/out" | cmp - "$T/want"
	done
	ok pass -o "$T/o.tar.zst" "$T/in"
	size=$(wc -c <"$T/o.tar.zst")
	for ((n = 0; n < size; n += 7)); do
		[ "$n" -ne 4 ] || continue # a byte with unused bits
		cp "$T/o.tar.zst" "$T/bad"
		flip "$n" "$T/bad"
		fails 1 vae-cut -k key "$T/bad" || die "at $n of $size"
		says "$T/bad: "
	done
	for n in 1 2 3 4; do
		flip -$n "$T/o.tar.zst"
		fails 1 vae-cut -k key "$T/o.tar.zst"
		says "$T/o.tar.zst: "
		flip -$n "$T/o.tar.zst"
	done
}

@test "extended attributes do not grow with every pass" {
	printf 'name=a.cls data=1 x:SCHILY.xattr.user.k=v x:LIBARCHIVE.xattr.user.k=dg x:SCHILY.xattr.user.j=w\nname=a.vae.json data={"rank":1,"rank_n":10}\n' | mktar | pass >"$T/1"
	pass <"$T/1" >"$T/2"
	pass <"$T/2" >"$T/3"
	same "$T/1" "$T/2"
	same "$T/2" "$T/3"
	lstar <"$T/1" | grep -q '^a.cls .*{user.j=w,user.k=v}'
}

@test "keys: the first dot of the basename, dots in directories, case kept" {
	{
		echo 'name=train.v1/0001.seg.PNG data=1'
		echo 'name=train.v1/0001.Cls data=2'
		echo 'name=./a.b.c data=3'
		echo 'name=/abs.x data=4'
		echo 'name=__a/x.y data=5'
		echo 'name=____/x.y data=loose?'
		echo 'name=__a__/x.y data=loose'
		echo 'name=a/__b__/x.y data=6'
		echo 'name=a. data=loose'
		echo 'name=a/.x.y data=loose'
		echo 'name=ends/a.b type=5'
	} | mktar >"$T/in"
	is "$(field key <"$T/in" | tr '\n' ' ')" 'train.v1/0001 ./a /abs __a/x ____/x a/__b__/x '
}

@test "a record that is split over two FILEs is one record, but with --keys-per-file two" {
	printf 'name=a.x data=1\n' | mktar >"$T/1.tar"
	printf 'name=a.y data=2\n' | mktar >"$T/2.tar"
	is "$(vae-cut -k key "$T/1.tar" "$T/2.tar" | wc -l)" 1
	is "$(cat "$T/1.tar" "$T/2.tar" | vae-cut -k key | wc -l)" 1
	is "$(vae-cut --keys-per-file -k key "$T/1.tar" "$T/2.tar" | wc -l)" 2
	fails 1 vae-cut -k key "$T/1.tar" "$T/1.tar"
	says "$T/1.tar" a.x 'keys in common there are --keys-per-file'
	printf 'name=a.x data=1\nname=a.x data=2\n' | mktar >"$T/in"
	fails 1 vae-cut -k key "$T/in"
	not grep -q keys-per-file "$T/err"
}

@test "a record of many members, and of too many" {
	for i in {1..300}; do echo "name=a.x$i data=$i"; done | mktar >"$T/in"
	is "$(vae-cut -k key "$T/in" | wc -l)" 1
	for i in {1..10001}; do echo "name=a.x$i data="; done | mktar >"$T/in"
	fails 1 vae-cut -k key "$T/in"
	says "record 1 'a'" 10000
}

@test "a long name is cut in a message of one line" {
	printf 'name=%s.x data=1\nname=%s.X data=2\n' "$(printf 'é%.0s' {1..900})" "$(printf 'é%.0s' {1..900})" | sed 's/é/%c3%a9/g' | mktar >"$T/in"
	fails 1 vae-cut -k key "$T/in"
	[ "$(wc -c <"$T/err")" -lt 1200 ]
	iconv -f UTF-8 -t UTF-8 <"$T/err" >/dev/null || die "not UTF-8: $(cat "$T/err")"
}

@test "a FILE whose name has terminal escapes" {
	local file
	file=$T/$(printf 'a\033[31m\nb.tar')
	printf 'not a tar\n' >"$file"
	fails 1 vae-cut -k key "$file"
	says 'a\x1b[31m\nb.tar'
	fails 1 vae-drop --top 1 -o "$T/$(printf 'x\033/y')" "$file"
	fails 2 vae-drop --top "$(printf '\033[1m')" "$file"
	fails 2 vae-cut -k x -j "$(printf '\233')"
	fails 1 vae-selfinf -m "$T/$(printf 'm\033\n')" "$file"
}

# shellcheck disable=SC2086 # commands are words
@test "-o - is standard output, and not the name of a directory" {
	local tool
	cd "$T"
	plain_stream 3 | mktar >plain.tar
	stream 3 | mktar >in.tar
	train m.vae <plain.tar
	vae-ckpt export -m m.vae -o want.safetensors
	for tool in 'vae-drop --top 1 in.tar' 'vae-drop -z --top 1 in.tar' "vae-pack -q $F/pics" 'vae-selfinf -m m.vae in.tar' \
		'vae-eval -k w --positive cls==1 in.tar' 'vae-report -k w in.tar'; do
		ok $tool
		mv out want
		ok $tool -o -
		same want out
		ok $tool --output=-
		same want out
	done
	vae-ckpt export -m m.vae -o - >out
	same want.safetensors out
	vae-ckpt export -m m.vae -o - | cmp - want.safetensors
	fails 1 bash -c 'vae-ckpt export -m m.vae -o - >/dev/full'
	says 'standard output' 'No space left'
	fails 2 vae-train -c tiny -o - plain.tar
	says "'-'" directory
	fails 2 vae-ckpt import -c tiny -o - want.safetensors
	says "'-'" directory
	fails 2 bash -c 'vae-drop --top 1 -r r.tar -o - in.tar >r.tar' # as without -o
	says '-r names the file that standard output goes to'
	fails 2 vae-drop --top 1 -r - in.tar
	says -r "'-' is standard output" ./-
	fails 2 vae-drop --top 1 --summary - -o made.tar in.tar
	says --summary "'-' is standard output"
	absent ./- made.tar
	ok vae-drop --top 1 -r ./- in.tar
	[ -s ./- ]
}

@test "a file that is replaced keeps its mode, a new one gets the mode of the umask" {
	local mode
	printf 'name=a.x data=1\nname=a.vae.json data={"rank":1,"rank_n":10}\n' | mktar >"$T/in"
	for mode in 600 755 444 666; do
		echo old | tee "$T/o.tar" >"$T/s.json"
		head -c 1024 /dev/zero >"$T/r.tar" # rejects are not replaced by fewer
		for f in o.tar r.tar s.json; do
			chmod $mode "$T/$f"
		done
		(umask 027 && ok vae-drop --top 1 -r "$T/r.tar" --summary "$T/s.json" -o "$T/o.tar" "$T/in")
		is "$(cd "$T" && stat -c %a o.tar r.tar s.json | tr '\n' ' ')" "$mode $mode $mode "
		grep -q '"records":1,' "$T/s.json"
		rm -f "$T"/{o.tar,r.tar,s.json}
	done
	(umask 027 && ok vae-drop --top 1 -r "$T/r.tar" --summary "$T/s.json" -o "$T/o.tar" "$T/in")
	is "$(cd "$T" && stat -c %a o.tar r.tar s.json | tr '\n' ' ')" '640 640 640 '
}

@test "a symbolic link to a file that does not exist yet: the file is made, the link stays" {
	printf 'name=a.x data=1\nname=a.vae.json data={"rank":1,"rank_n":10}\n' | mktar >"$T/in"
	mkdir "$T/d"
	ln -s d/first "$T/link.tar"
	ln -s "$T/d/second" "$T/d/first" # a chain of two
	ok pass -o "$T/link.tar" "$T/in"
	[ -L "$T/link.tar" ] && [ -L "$T/d/first" ] && [ ! -L "$T/d/second" ]
	is "$(field key <"$T/d/second")" a
	cd "$T"
	ln -s last d/link
	ok pass -o d/link in
	same d/last d/second
	ln -s none/at/all d/nowhere
	fails 1 pass -o d/nowhere in
	says d/nowhere 'No such file'
	ln -s round d/round
	fails 1 pass -o d/round in
	says d/round symbolic
	[ -L d/round ] && [ -L d/nowhere ]
	ln -s new d/to
	fails 2 vae-drop --top 1 -o d/to -r d/new in
	says '-o and -r name the same file'
	[ -L d/to ] && [ ! -e d/new ]
	no_leftovers "$T"
}

@test "a directory that is writable but not readable" {
	local less=() got=0
	printf 'name=a.x data=1\nname=a.vae.json data={"rank":1,"rank_n":10}\n' | mktar >"$T/in"
	mkdir -m 1333 "$T/d"
	if [ -r "$T/d" ]; then # root reads everything, unless setpriv drops its capabilities
		need setpriv
		less=(setpriv --inh-caps -all --bounding-set '-dac_override,-dac_read_search')
		! "${less[@]}" test -r "$T/d" || skip 'setpriv is not allowed to take rights from root here'
	fi
	ok "${less[@]}" "$BIN/vae-drop" --top 0 -o "$T/d/o.tar" --summary "$T/d/s.json" "$T/in" || got=1
	chmod 755 "$T/d" # so that it can be removed
	is "$got" 0
	is "$(field key <"$T/d/o.tar")" a
	grep -q '"records":1,' "$T/d/s.json"
}

@test "standard input is read past its end-of-archive: its writer does not die of SIGPIPE" {
	run bash -c '{ printf "name=a.x data=1\n" | "$1/mktar"; head -c 3072000 /dev/zero; } | vae-cut -k key; echo "${PIPESTATUS[*]}"' - "$LIB"
	is "$output" $'a\n0 0'
}

@test "a failure ends the tool at once, even while it waits for input" {
	local i row got pid
	{ # a few batches, and a part of one, of which the tool waits for the rest
		for i in {1..49}; do echo "name=$i.pgm file=$F/pics/1.pgm"; done
		echo 'name=z.x data=1'
		for i in {51..300}; do echo "name=$i.pgm file=$F/pics/2.pgm"; done
	} | mktar >"$T/in"
	plain_stream 3 | mktar >"$T/tests.tar"
	train "$T/m.vae" <"$T/tests.tar"
	mkfifo "$T/fifo"
	for row in 'vae-selfinf -j1 -m m.vae' 'vae-selfinf -j1 -m m.vae in fifo' 'vae-testinf -j1 -m m.vae -t tests.tar' \
		'vae-ckpt eval -j1 -m m.vae' 'vae-train -c tiny -o n.vae --on-error fail' 'vae-density --on-error fail'; do
		got=0
		exec 9< <(cat "$T/in" && exec sleep 600 3>&-)
		pid=$!
		# shellcheck disable=SC2086 # words
		(cd "$T" && timeout 120 $row <&9 9<&- >/dev/full 2>err) || got=$?
		exec 9<&-
		kill "$pid" 2>/dev/null || true
		is "$got" 1 "$row"
		is "$(wc -l <"$T/err")" 1 "$(cat "$T/err")"
		case $row in
		*on-error*) says "standard input: record 50 'z'" ;;
		*) says 'standard output: cannot write: No space left' ;;
		esac
	done
}

@test "a signal kills the tool: no end-of-archive, no files" {
	printf 'name=a.x data=1\nname=a.vae.json data={"rank":1,"rank_n":10}\n' | mktar >"$T/in"
	mkfifo "$T/fifo"
	local got=0 pid
	vae-drop --top 0 -o "$T/o.tar" <"$T/fifo" >"$T/out" 2>"$T/err" 3>&- &
	pid=$!
	exec 9<>"$T/fifo"
	head -c 1000 "$T/in" >&9
	sleep 0.1
	kill -TERM $pid
	exec 9>&-
	wait $pid || got=$?
	is "$got" 143
	absent "$T/o.tar"
}

# waits COMMAND...: starts it on a FIFO without data and waits until it has made a temporary file; $! is its process
waits() {
	# a shell lets background processes ignore SIGINT
	perl -e '$SIG{$_} = "DEFAULT" for qw(INT QUIT HUP); exec @ARGV or die' -- "$@" <"$T/fifo" >"$T/out" 2>"$T/err" 3>&- &
	local i
	for ((i = 0; i < 1200; i++)); do
		[ -z "$(names "$T" '*.tmp*')" ] || return 0
		sleep 0.05
	done
	die "no temporary file: $(cat "$T/err")"
}

@test "a signal that ends a tool removes its temporary files" {
	local got i signal
	ulimit -c 0
	mkfifo "$T/fifo"
	exec 9<>"$T/fifo"
	echo old >"$T/o.tar"
	for signal in INT:130 TERM:143 HUP:129 QUIT:131; do
		got=0
		waits env -C "$T" vae-drop --top 0 -r r.tar -o o.tar --summary s.json
		kill -"${signal%:*}" $!
		wait $! || got=$?
		is "$got" "${signal#*:}"
		no_leftovers "$T"
		is "$(cat "$T/o.tar")" old
		absent "$T/r.tar" "$T/s.json"
		is "$(grep -v '^qemu: uncaught target signal' "$T/err")" ''
	done
	got=0
	waits nohup vae-rank -o "$T/o.tar"
	kill -HUP $!
	sleep 0.2
	kill -0 $!
	[ -n "$(names "$T" '*.tmp*')" ]
	kill -TERM $!
	wait $! || got=$?
	is "$got" 143
	no_leftovers "$T"
	exec 9>&-
	# a reader that leaves
	for i in {1..99}; do printf 'name=%d.x data=1\nname=%d.vae.json data={"rank":%d,"rank_n":99}\n' "$i" "$i" "$i"; done | mktar >"$T/in"
	got=$(
		set +e
		vae-drop --top 9 -r "$T/r.tar" "$T/in" | head -c 1 >/dev/null
		echo "${PIPESTATUS[0]}"
	)
	is "$got" 141
	no_leftovers "$T"
	absent "$T/r.tar"
}

@test "temporary files that killed processes left are removed by the next run for the same output, and no others" {
	local dead
	sh -c 'exit 0' &
	dead=$!
	wait $dead
	cd "$T"
	printf 'name=a.x data=1\nname=a.vae.json data={"rank":0,"rank_n":1}\n' | mktar >in.tar
	touch "o.tar.tmp$dead-0" "o.tar.tmp$dead-17" "r.tar.tmp$dead-0" # to be removed
	mkdir "o.tar.tmp$dead-1"
	ln -s in.tar "o.tar.tmp$dead-2"
	touch "o.tar.tmp$$-0" "xo.tar.tmp$dead-0" "o.tar.tmp$dead" "o.tar.tmp$dead-" "o.tar.tmp$dead-0x" "o.tar.tmp0$dead-0" "o.tar.tmp-$dead-0" "o.tar.tmp" "o.tar2.tmp$dead-0" \
		"o.tar.tmp1234567890123456789012345-0" "O.tar.tmp$dead-0" "s.json.tmp$dead-0" "o.tar.tmp$dead-3"
	exec 8<>"o.tar.tmp$dead-3"
	flock 8 # as a writer in another container, whose PID says nothing here
	mkdir d && touch "d/o.tar.tmp$dead-0"
	find . -name '*.tmp*' | grep -vx -e "./o.tar.tmp$dead-0" -e "./o.tar.tmp$dead-17" -e "./r.tar.tmp$dead-0" | LC_ALL=C sort >kept
	ok vae-drop --top 0 -r r.tar -o o.tar in.tar
	find . -name '*.tmp*' | LC_ALL=C sort | diff kept -
	ok vae-drop --top 0 -o d/o.tar in.tar
	is "$(names d)" 'o.tar '
	exec 8>&-
	ok vae-drop --top 0 -o o.tar in.tar
	absent "o.tar.tmp$dead-3"
	# in a container every run may have the same PID
	find . -name '*.tmp*' | LC_ALL=C sort >kept
	ok bash -c 'touch "o.tar.tmp$$-0" && exec vae-drop --top 0 -o o.tar in.tar'
	find . -name '*.tmp*' | LC_ALL=C sort | diff kept -
}

@test "a temporary file is locked until it has its name" {
	cd "$T"
	mkfifo fifo
	vae-drop --top 0 -o o.tar <fifo 3>&- &
	exec 9>fifo
	until compgen -G 'o.tar.tmp*' >/dev/null; do sleep 0.01; done
	not flock -n o.tar.tmp* true
	printf 'name=a.x data=1\nname=a.vae.json data={"rank":0,"rank_n":1}\n' | mktar >&9
	exec 9>&-
	wait $!
	ok flock -n o.tar true
}

@test "a pipeline from pictures to clean records" {
	pictures "$T/p" 40
	cd "$T"
	vae-pack -q p | vae-train -q -c tiny --set train.steps=40 -p -o m.vae | vae-selfinf -m m.vae | vae-rank | vae-drop --top 10% -r bad.tar.zst >clean.tar
	is "$(field key <clean.tar | wc -l)" 36
	is "$(field rank <bad.tar.zst | sort -n | tr '\n' ' ')" '0 1 2 3 '
	awk 'NR == FNR { if ($1 > max) max = $1; next } $1 < max { exit 1 }' <(field selfinf <clean.tar) <(field selfinf <bad.tar.zst)
	# a tool waits for its input before it opens the model, also if standard input is given as -
	vae-pack -q -o all.tar p
	for reader in 'selfinf' 'density --space latent' 'testinf -t all.tar'; do
		# shellcheck disable=SC2086 # a tool and its options
		vae-train -q -c tiny --set train.steps=4 -p -o "${reader%% *}.vae" all.tar | vae-$reader -q -m "${reader%% *}.vae" - >scored.tar
		is "$(field model <scored.tar | grep -c .)" 40
	done
}

@test "the records and the file of an option cannot both be standard input" {
	for tool in 'vae-train -c tiny -o m.vae --trace t.tsv --set train.optimizer=sgd' 'vae-memo -c tiny -o m.memo --halves 3' 'vae-report --influence i.jsonl' 'vae-eval --plane --svg d' \
		'vae-eval --influence i.jsonl --class w'; do
		for files in '' '-' 'a.tar -'; do
			# shellcheck disable=SC2086 # a tool, its options and files
			fails 2 $tool -t - $files
			says '-t - and the records cannot both come from standard input: name FILEs'
		done
	done
	fails 2 vae-report --quarantine - -o page.html
	says '--quarantine - and the records'
	fails 2 vae-memo -c tiny -o m.memo --leave - -t t.tar
	says '--leave - and the records'
	# nor the files of two options
	fails 2 vae-report --influence i.jsonl -t - --quarantine - -o page.html a.tar
	says '-t - and --quarantine - cannot both read standard input'
	fails 2 vae-memo -c tiny -o m.memo --leave - -t - a.tar
	says '-t - and --leave - cannot both read standard input'
	for tool in 'vae-cut -k key' vae-stat 'vae-drop --top 1' vae-density 'vae-train -c tiny -o m.vae' 'vae-memo -c tiny --set input.binarize=threshold -o m.memo'; do
		# shellcheck disable=SC2086 # a tool and its options
		fails 1 $tool - - </dev/null
		says 'standard input is named twice'
	done
}
