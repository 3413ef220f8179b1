# vae-pack: IDX files and directories to records.
# shellcheck disable=SC2059,SC2086

load helper

be32() {
	local n
	for n; do printf "\\x$(printf %02x $((n >> 24 & 255)))\\x$(printf %02x $((n >> 16 & 255)))\\x$(printf %02x $((n >> 8 & 255)))\\x$(printf %02x $((n & 255)))"; done
}

setup_file() {
	local i
	pictures "$F/pics" 12
	{
		printf '\0\0\010\003' && be32 12 8 8
		for i in {0..11}; do tail -c 64 "$F/pics/$i.pgm"; done
	} >"$F/images.idx"
	{ printf '\0\0\010\001' && be32 12 && printf '\0\1\2\3\4\5\6\7\10\11\12\377'; } >"$F/labels.idx"
}

@test "IDX: keys are ordinals, payload png, labels digits without a newline" {
	ok vae-pack "$F/images.idx" "$F/labels.idx"
	is "$(lstar --names <"$T/out" | head -3 | tr '\n' ' ')" '00000000.png 00000000.cls 00000001.png '
	is "$(lstar --names <"$T/out" | wc -l)" 24
	is "$(lstar <"$T/out" | awk '$1 == "00000011.cls" { print $2, $3, $4, $NF }')" "0 0644 0/0 $(printf 255 | od -An -tx1 | tr -d ' ')"
	is "$(field cls <"$T/out" | tr '\n' ' ')" '0 1 2 3 4 5 6 7 8 9 10 255 '
	ok vae-pack "$F/images.idx"
	is "$(lstar --names <"$T/out" | wc -l)" 12
}

@test "IDX: the pixels are those of the file" {
	(for i in {0..11}; do printf 'name=%08d.pgm file=%s/pics/%d.pgm\n' "$i" "$F" "$i"; done) | mktar >"$T/pgm.tar"
	train "$T/m.vae" <"$T/pgm.tar"
	vae-selfinf -m "$T/m.vae" <"$T/pgm.tar" | field mu_norm,sigma_norm,kl >"$T/want"
	vae-pack "$F/images.idx" | vae-selfinf -m "$T/m.vae" | field mu_norm,sigma_norm,kl >"$T/got"
	is "$(wc -l <"$T/want")" 12
	diff "$T/want" "$T/got"
}

@test "IDX: gzip, and a FIFO, give the same bytes as the plain file" {
	vae-pack "$F/images.idx" "$F/labels.idx" >"$T/want"
	gzip -c "$F/images.idx" >"$T/i.gz"
	gzip -c "$F/labels.idx" >"$T/l.gz"
	vae-pack "$T/i.gz" "$T/l.gz" >"$T/got"
	same "$T/want" "$T/got"
	vae-pack <(cat "$T/i.gz") <(cat "$F/labels.idx") >"$T/got"
	same "$T/want" "$T/got"
}

@test "IDX: what is wrong with a file is said, and no whole stream comes out" {
	{ printf '\0\0\010\001' && be32 11 && head -c 11 /dev/zero; } >"$T/l"
	fails 1 vae-pack "$F/images.idx" "$T/l"
	says "$T/l" 11 12
	fails 1 vae-pack "$F/images.idx" "$F/images.idx"
	says labels
	fails 1 vae-pack "$F/labels.idx"
	says "$F/labels.idx" dimensions
	head -c 300 "$F/images.idx" >"$T/i"
	fails 1 vae-pack "$T/i"
	says "$T/i" cut
	not lstar <"$T/out" 2>/dev/null
	(cat "$F/images.idx" && printf x) >"$T/i"
	fails 1 vae-pack "$T/i"
	says 'goes on'
	not lstar <"$T/out" 2>/dev/null
	head -c 10 "$F/images.idx" >"$T/i"
	fails 1 vae-pack "$T/i"
	says header
	: >"$T/i"
	fails 1 vae-pack "$T/i"
	says 'not an IDX'
	fails 1 vae-pack "$F/pics/0.pgm"
	says 'not an IDX'
	{ printf '\0\0\015\003' && be32 1 8 8 && head -c 256 /dev/zero; } >"$T/i"
	fails 1 vae-pack "$T/i"
	says float
	{ printf '\0\0\010\003' && be32 2147483647 2147483647 2147483647; } >"$T/i"
	fails 1 vae-pack "$T/i"
	says "$T/i"
	{ printf '\0\0\010\003' && be32 0 8 8; } >"$T/i"
	fails 1 vae-pack "$T/i"
	says "$T/i"
	gzip -c "$F/images.idx" | head -c 200 >"$T/i.gz"
	fails 1 vae-pack "$T/i.gz"
	says cut
	fails 1 vae-pack "$T/none.idx"
	says "$T/none.idx" 'No such file'
	fails 1 vae-pack "$F/images.idx" "$T/none.idx"
	says "$T/none.idx"
	fails 2 vae-pack
	fails 2 vae-pack "$F/images.idx" "$F/labels.idx" "$F/labels.idx"
}

@test "--only keeps what matches, under the key it has in the whole" {
	ok vae-pack --only 'cls == 3 || cls > 9' "$F/images.idx" "$F/labels.idx"
	is "$(field key <"$T/out" | tr '\n' ' ')" '00000003 00000010 00000011 '
	ok vae-pack --only 'cls == 99' "$F/images.idx" "$F/labels.idx"
	is "$(wc -c <"$T/out")" 1024
	ok vae-pack --only 'key == "00000004"' "$F/images.idx"
	is "$(field key <"$T/out")" 00000004
	ok vae-pack --only 'cls == 3' "$F/images.idx"
	says '12 records lack'
	fails 2 vae-pack --only 'cls ==' "$F/images.idx"
	says --only column
	fails 2 vae-pack --only 'cls = 3' "$F/images.idx"
	says --only 'column 5'
}

@test "--limit, --key-prefix" {
	ok vae-pack --limit 3 --summary "$T/s" "$F/images.idx" "$F/labels.idx"
	is "$(field key <"$T/out" | tr '\n' ' ')" '00000000 00000001 00000002 '
	grep -q '"records":3,' "$T/s"
	ok vae-pack --limit 2 --only 'cls > 4' "$F/images.idx" "$F/labels.idx"
	is "$(field key <"$T/out" | tr '\n' ' ')" '00000005 00000006 '
	ok vae-pack --limit 1 --key-prefix train.v1/x- "$F/images.idx"
	is "$(field key <"$T/out")" train.v1/x-00000000
	for p in a.b .x __meta__/ __x__/y/ 'x/.' ; do
		fails 2 vae-pack --key-prefix "$p" "$F/images.idx"
		says --key-prefix
	done
	fails 2 vae-pack --limit -1 "$F/images.idx"
	fails 2 vae-pack --limit 1.5 "$F/images.idx"
}

tree() {
	mkdir -p "$T/d/b" "$T/d/B" "$T/d/.git"
	cp "$F/pics/0.pgm" "$T/d/b/z.pgm"
	cp "$F/pics/1.pgm" "$T/d/B/a.PGM"
	cp "$F/pics/2.pgm" "$T/d/a.two.pgm"
	cp "$F/pics/3.pgm" "$T/d/.git/x.pgm"
	printf x >"$T/d/.dot.pgm"
	printf x >"$T/d/README"
	printf x >"$T/d/ends."
	ln -s a.two.pgm "$T/d/link.pgm"
	ln -s b "$T/d/linked.d"
	mkfifo "$T/d/pipe.pgm"
	touch -d '2020-02-03 04:05:06 UTC' "$T/d/b/z.pgm"
}

@test "a directory: byte order, bytes and extensions kept, paths in source, the rest skipped and counted" {
	tree
	ok vae-pack --summary "$T/s" "$T/d"
	says 'directory entries skipped'
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" '00000000.PGM 00000000.vae.json 00000001.pgm 00000001.vae.json 00000002.pgm 00000002.vae.json '
	is "$(field key,source <"$T/out" | tr '\t\n' '= ')" '00000000=B/a.PGM 00000001=a.two.pgm 00000002=b/z.pgm '
	is "$(lstar <"$T/out" | awk '$1 == "00000002.pgm" { print $6, $NF }')" "1580702706 $(od -An -v -tx1 "$F/pics/0.pgm" | tr -d ' \n')"
	grep -q '"records":3,"seen":3,"skipped":7,' "$T/s"
	says '7 directory entries'
	mv "$T/out" "$T/want"
	ok vae-pack -q "$T/d"
	[ ! -s "$T/err" ]
	for d in "$T/d/" "$T//d//" "$T/d/../d"; do
		ok vae-pack "$d"
		same "$T/want" "$T/out"
	done
	ln -s d "$T/link"
	ok vae-pack "$T/link"
	same "$T/want" "$T/out"
	cd "$T/d"
	ok vae-pack .
	same "$T/want" "$T/out"
	ok env LC_ALL=C.UTF-8 vae-pack .
	same "$T/want" "$T/out"
}

@test "a directory: empty, alone, unreadable" {
	mkdir "$T/e"
	ok vae-pack "$T/e"
	is "$(wc -c <"$T/out")" 1024
	fails 1 vae-pack "$F/pics" "$F/labels.idx"
	says directory
	cp -r "$F/pics" "$T/p"
	chmod 000 "$T/p/3.pgm"
	if [ -r "$T/p/3.pgm" ]; then # root reads all, but for what setpriv takes away
		need setpriv
		local less='setpriv --inh-caps -all --bounding-set -dac_override,-dac_read_search'
		! $less test -r "$T/p/3.pgm" || skip 'root cannot be kept from reading here'
		fails 1 $less "$BIN/vae-pack" "$T/p"
	else
		fails 1 vae-pack "$T/p"
	fi
	says 3.pgm 'Permission denied'
	not lstar <"$T/out" 2>/dev/null
}

@test "a directory: names that no terminal should see" {
	mkdir "$T/d"
	cp "$F/pics/0.pgm" "$T/d/$(printf 'a\033[31m\n\t.pgm')"
	cp "$F/pics/1.pgm" "$T/d/$(printf 'b\377.pgm')" 2>/dev/null || skip 'this file system wants UTF-8'
	cp "$F/pics/2.pgm" "$T/d/é\\.pgm"
	ok vae-pack "$T/d"
	vae-cut --json -k source <"$T/out" >"$T/lines"
	isjson --flat <"$T/lines"
	is "$(sed -n 1p "$T/lines")" '{"source":"a\\x1b[31m\\n\\t.pgm"}'
	is "$(sed -n 2p "$T/lines")" '{"source":"b\\xff.pgm"}'
	is "$(sed -n 3p "$T/lines")" '{"source":"é\\\\.pgm"}'
	field source <"$T/out" >"$T/lines"
	is "$(wc -l <"$T/lines")" 3
	clean "$T/lines"
}
