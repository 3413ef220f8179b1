# vae-pack: IDX files, tables of numbers and directories.
# shellcheck disable=SC2059,SC2086,SC2094

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

@test "IDX: keys are ordinals, payloads PNG, labels digits without a newline" {
	ok vae-pack "$F/images.idx" "$F/labels.idx"
	is "$(lstar --names <"$T/out" | head -3 | tr '\n' ' ')" '00000000.png 00000000.cls 00000001.png '
	is "$(lstar --names <"$T/out" | wc -l)" 24
	is "$(lstar <"$T/out" | awk '$1 == "00000011.cls" { print $2, $3, $4, $NF }')" "0 0644 0/0 $(printf 255 | od -An -tx1 | tr -d ' ')"
	is "$(field cls <"$T/out" | tr '\n' ' ')" '0 1 2 3 4 5 6 7 8 9 10 255 '
	ok vae-pack "$F/images.idx"
	is "$(lstar --names <"$T/out" | wc -l)" 12
}

@test "IDX: the pixels are unchanged" {
	(for i in {0..11}; do printf 'name=%08d.pgm file=%s/pics/%d.pgm\n' "$i" "$F" "$i"; done) | mktar >"$T/pgm.tar"
	train "$T/m.vae" <"$T/pgm.tar"
	vae-selfinf -m "$T/m.vae" <"$T/pgm.tar" | field mu_norm,sigma_norm,kl >"$T/want"
	vae-pack "$F/images.idx" | vae-selfinf -m "$T/m.vae" | field mu_norm,sigma_norm,kl >"$T/got"
	is "$(wc -l <"$T/want")" 12
	diff "$T/want" "$T/got"
}

@test "IDX: gzip and a FIFO give the same bytes as the plain file" {
	vae-pack "$F/images.idx" "$F/labels.idx" >"$T/want"
	gzip -c "$F/images.idx" >"$T/i.gz"
	gzip -c "$F/labels.idx" >"$T/l.gz"
	vae-pack "$T/i.gz" "$T/l.gz" >"$T/got"
	same "$T/want" "$T/got"
	vae-pack <(cat "$T/i.gz") <(cat "$F/labels.idx") >"$T/got"
	same "$T/want" "$T/got"
}

@test "IDX: invalid files are errors, and the stream has no end" {
	{ printf '\0\0\010\001' && be32 11 && head -c 11 /dev/zero; } >"$T/l"
	fails 1 vae-pack "$F/images.idx" "$T/l"
	says "$T/l" 11 12
	(cat "$F/labels.idx" && printf x) >"$T/l"
	fails 1 vae-pack "$F/images.idx" "$T/l"
	says "$T/l" 'more bytes after'
	not lstar <"$T/out" 2>/dev/null
	head -c 19 "$F/labels.idx" >"$T/l"
	fails 1 vae-pack "$F/images.idx" "$T/l"
	says "$T/l" truncated
	ok vae-pack --limit 11 "$F/images.idx" "$T/l"
	fails 1 vae-pack "$F/images.idx" "$F/images.idx"
	says labels
	fails 1 vae-pack "$F/labels.idx"
	says "$F/labels.idx" dimensions
	head -c 300 "$F/images.idx" >"$T/i"
	fails 1 vae-pack "$T/i"
	says "$T/i" truncated
	not lstar <"$T/out" 2>/dev/null
	(cat "$F/images.idx" && printf x) >"$T/i"
	fails 1 vae-pack "$T/i"
	says 'more bytes after'
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
	says truncated
	fails 1 vae-pack "$T/none.idx"
	says "$T/none.idx" 'No such file'
	fails 1 vae-pack "$F/images.idx" "$T/none.idx"
	says "$T/none.idx"
	fails 2 vae-pack
	fails 2 vae-pack "$F/images.idx" "$F/labels.idx" "$F/labels.idx"
}

@test "--only: records that match keep their keys" {
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

@test "-o may not replace a file that is packed" {
	cp "$F/images.idx" "$F/labels.idx" "$T"
	fails 2 vae-pack -o "$T/labels.idx" "$T/images.idx" "$T/labels.idx"
	says -o 'names an input'
	fails 2 vae-pack --format idx -o "$T/images.idx" - <"$T/images.idx"
	says -o 'names an input'
	same "$F/images.idx" "$T/images.idx"
	same "$F/labels.idx" "$T/labels.idx"
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

@test "a directory: files in byte order of names, unchanged, paths in source; others are skipped and counted" {
	tree
	ok vae-pack --summary "$T/s" "$T/d"
	says 'files skipped'
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" '00000000.PGM 00000000.vae.json 00000001.pgm 00000001.vae.json 00000002.pgm 00000002.vae.json '
	is "$(field key,source <"$T/out" | tr '\t\n' '= ')" '00000000=B/a.PGM 00000001=a.two.pgm 00000002=b/z.pgm '
	is "$(lstar <"$T/out" | awk '$1 == "00000002.pgm" { print $6, $NF }')" "1580702706 $(od -An -v -tx1 "$F/pics/0.pgm" | tr -d ' \n')"
	grep -q '"records":3,"seen":3,"skipped":7,' "$T/s"
	says '7 files skipped'
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

@test "a directory: empty, with labels, unreadable" {
	mkdir "$T/e"
	fails 1 vae-pack "$T/e"
	says "no files in it"
	fails 1 vae-pack -o "$T/e/out.tar" "$T/e"
	absent "$T/e/out.tar"
	fails 1 vae-pack "$F/pics" "$F/labels.idx"
	says directory
	cp -r "$F/pics" "$T/p"
	chmod 000 "$T/p/3.pgm"
	if [ -r "$T/p/3.pgm" ]; then # root reads everything, unless setpriv drops its capabilities
		need setpriv
		local less='setpriv --inh-caps -all --bounding-set -dac_override,-dac_read_search'
		! $less test -r "$T/p/3.pgm" || skip 'setpriv is not allowed to take rights from root here'
		fails 1 $less "$BIN/vae-pack" "$T/p"
	else
		fails 1 vae-pack "$T/p"
	fi
	says 3.pgm 'Permission denied'
	not lstar <"$T/out" 2>/dev/null
}

@test "a directory with the output in it: neither the output, nor the old file, nor the temporary file is packed" {
	local out
	cp -r "$F/pics" "$T/d"
	ok vae-pack "$T/d"
	mv "$T/out" "$T/want"
	for out in out.tar nameless link.tar; do
		[ $out != link.tar ] || ln -s target.tar "$T/d/link.tar"
		for _ in first second; do
			ok vae-pack -o "$T/d/$out" --summary "$T/s" "$T/d"
			is "$(cat "$T/err")" "$(printf 'vae-pack: %s is the output: not packed\n' "$T/d/$out"; [ $out != link.tar ] || echo 'vae-pack: 1 file skipped: a link, special or dot file, or a name without an extension')"
			same "$T/want" "$T/d/$out"
		done
		ok vae-pack -q -o "$T/d/$out" "$T/d"
		[ ! -s "$T/err" ]
		rm "$T/d/$out"
	done
	rm "$T/d/target.tar"
	for _ in first second; do
		vae-pack "$T/d" >"$T/d/out.tar" 2>"$T/err"
		is "$(cat "$T/err")" "vae-pack: $T/d/out.tar is the output: not packed"
		same "$T/want" "$T/d/out.tar"
	done
	# another tar is packed
	ok vae-pack --summary "$T/s" "$T/d"
	grep -q '"records":13,' "$T/s"
	[ ! -s "$T/err" ]
}

@test "a directory: file names with terminal escapes" {
	mkdir "$T/d"
	cp "$F/pics/0.pgm" "$T/d/$(printf 'a\033[31m\n\t.pgm')"
	cp "$F/pics/1.pgm" "$T/d/$(printf 'b\377.pgm')" 2>/dev/null || skip 'this file system requires UTF-8'
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

# --- tables of numbers ---

# npy DESCR SHAPE TEMPLATE VALUE...: an .npy file; TEMPLATE is that of perl's pack
npy() {
	perl -e 'my ($d, $s, $p, @v) = @ARGV; binmode STDOUT;
		my $h = sprintf "%-117s\n", "{\x27descr\x27: \x27$d\x27, \x27fortran_order\x27: False, \x27shape\x27: ($s), }";
		print "\x93NUMPY\1\0", pack("v", length $h), $h, pack($p, @v)' "$@"
}

# values TAR: the numbers of every float64 .npy, one line per record
values() {
	lstar <"$1" | awk '$1 ~ /\.npy$/ { print $NF }' | perl -lne 'my $b = pack "H*", $_; my $n = unpack "v", substr $b, 8, 2;
		print join " ", map { sprintf "%.17g", $_ } unpack "d<*", substr $b, 10 + $n'
}

@test "CSV: a record per row, float64; a line of names is recognised" {
	printf 'a,b,c\n1,2,3\n-0.1,1e-3,+4.5E2\r\n\n"7", 8 ,9.' >"$T/t.csv"
	ok vae-pack "$T/t.csv"
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" '00000000.npy 00000001.npy 00000002.npy '
	values "$T/out" >"$T/got"
	is "$(sed -n 1p "$T/got")" '1 2 3'
	is "$(sed -n 2p "$T/got")" '-0.10000000000000001 0.001 450'
	is "$(sed -n 3p "$T/got")" '7 8 9'
	# the bytes are those that numpy writes
	npy '<f8' '3,' 'd<*' 1 2 3 | od -An -v -tx1 | tr -d ' \n' >"$T/want"
	is "$(lstar <"$T/out" | awk '$1 == "00000000.npy" { print $2, $3, $4, $6, $NF }')" "$(printf '0 0644 0/0 0 %s' "$(cat "$T/want")")"
	mv "$T/out" "$T/want"
	sed 1d "$T/t.csv" >"$T/bare.csv"
	ok vae-pack "$T/bare.csv"
	same "$T/want" "$T/out"
	(printf '\357\273\277' && cat "$T/t.csv") | gzip >"$T/T.CSV.gz"
	ok vae-pack "$T/T.CSV.gz"
	same "$T/want" "$T/out"
	ok vae-pack --format csv - <"$T/t.csv"
	same "$T/want" "$T/out"
	ok vae-pack --format csv <(cat "$T/t.csv")
	same "$T/want" "$T/out"
	# names that are numbers
	sed '1s/.*/2019,2020,c/' "$T/t.csv" >"$T/n.csv"
	fails 1 vae-pack "$T/n.csv"
	says "$T/n.csv: line 1, column 3" "'c'" 'not a number' --header
	ok vae-pack --header "$T/n.csv"
	same "$T/want" "$T/out"
	# no rows
	ok vae-pack - --format csv < <(printf 'a,b\n')
	is "$(wc -c <"$T/out")" 1024
	says 'has no records'
	# a row of missing values is not a line of names
	local row
	for row in NA,NA -inf,NaN null,none N/A,+Inf; do
		printf '%s\n1,2\n' "$row" >"$T/n.csv"
		fails 1 vae-pack "$T/n.csv"
		says "$T/n.csv: line 1, column 1" 'not a number' --header
	done
	printf 'nan,cat\n1,dog\n' >"$T/n.csv"
	fails 1 vae-pack --label 2 "$T/n.csv"
	says 'line 1, column 1'
}

@test "CSV: --categories" {
	printf 'a,color,b,kind\n1,red,2,x\n3,blue,4,\n5,"gr,een",6,y\n7,red,8,x\n' >"$T/t.csv"
	ok vae-pack --categories color,kind "$T/t.csv"
	is "$(values "$T/out")" $'1 0 0 1 2 1 0\n3 1 0 0 4 0 0\n5 0 1 0 6 0 1\n7 0 0 1 8 1 0'
	ok vae-pack --categories 2 --label kind --skip a "$T/t.csv"
	is "$(values "$T/out")" $'0 0 1 2\n1 0 0 4\n0 1 0 6\n0 0 1 8'
	is "$(lstar <"$T/out" | grep -c '\.cls')" 3
	# without names, and of numbers; missing numbers beside
	printf '1,7,x\n?,8,y\n3,7,x\n' >"$T/n.csv"
	ok vae-pack --categories 2,3 --missing mark "$T/n.csv"
	is "$(values "$T/out")" $'1 1 0 1 0 0\n2 0 1 0 1 1\n3 1 0 1 0 0'
	ok vae-pack -q --categories 2,3 --missing skip "$T/n.csv"
	is "$(values "$T/out")" $'1 1 0 1 0\n3 1 0 1 0'
	# only categories
	ok vae-pack --header --columns kind --categories kind "$T/t.csv"
	is "$(values "$T/out")" $'1 0\n0 0\n0 1\n1 0'
	fails 2 vae-pack --categories 2 --format csv - <"$T/t.csv"
	says --categories 'reads the table twice'
	fails 1 vae-pack --categories size "$T/t.csv"
	says "none of the 4 columns is 'size'"
	fails 1 vae-pack --categories color --label color "$T/t.csv"
	seq 5000 >"$T/many.csv"
	fails 1 vae-pack --categories 1 "$T/many.csv"
	says 'column 1 has more than 4096 different texts'
}

@test "CSV: --separator" {
	printf 'x,what,y\n1,"a,b",2\n3,c;d,4\n' >"$T/t.csv"
	ok vae-pack --label what "$T/t.csv"
	mv "$T/out" "$T/want"
	printf 'x;what;y\n1;a,b;2\n3;"c;d";4\n' >"$T/s.csv"
	ok vae-pack --label what --separator ';' "$T/s.csv"
	same "$T/want" "$T/out"
	printf 'x\twhat\ty\n1\ta,b\t2\n3\tc;d\t4\n' | tee "$T/t.TSV" | gzip >"$T/t.tsv.gz"
	for from in "$T/t.TSV" "$T/t.tsv.gz"; do
		ok vae-pack --label what "$from"
		same "$T/want" "$T/out"
	done
	for tab in '\t' $'\t'; do
		ok vae-pack --label what --separator "$tab" --format csv - <"$T/t.TSV"
		same "$T/want" "$T/out"
	done
	# another separator is an error, not a table of one column
	for row in '1;2' $'1\t2' '1|2' 'a;b'; do
		printf '%s\n' "$row" >"$T/t.csv"
		fails 1 vae-pack "$T/t.csv"
		says "$T/t.csv: line 1" 'is one cell' --separator
	done
	fails 1 vae-pack --separator ';' --format csv - <<<'1,2'
	says 'standard input: line 1' --separator
	for wrong in '' ab 1 . - x '"' $'\n' é; do
		fails 2 vae-pack --separator "$wrong" "$T/t.csv"
		says --separator
	done
	fails 2 vae-pack --separator ';' "$F/images.idx"
	says --separator 'for CSV files'
}

@test "CSV: --label by name and by number" {
	printf 'x,"what, is it",y\n1,cat,2\n3,"dog ""rex""\nthe second",4\n5,,6\n' >"$T/t.csv"
	ok vae-pack --label 'what, is it' "$T/t.csv"
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" '00000000.npy 00000000.cls 00000001.npy 00000001.cls 00000002.npy '
	is "$(lstar <"$T/out" | awk '$1 == "00000001.cls" { print $NF }')" "$(printf 'dog "rex"\nthe second' | od -An -v -tx1 | tr -d ' \n')"
	is "$(values "$T/out" | tr '\n' ' ')" '1 2 3 4 5 6 '
	mv "$T/out" "$T/want"
	ok vae-pack --label 2 "$T/t.csv"
	same "$T/want" "$T/out"
	sed 1d "$T/t.csv" >"$T/bare.csv"
	ok vae-pack --label 2 "$T/bare.csv"
	same "$T/want" "$T/out"
	ok vae-pack --label 2 --only 'cls == "cat"' --key-prefix k/ "$T/t.csv"
	is "$(field key <"$T/out")" k/00000000
	ok vae-pack --label 2 --limit 2 --summary "$T/s" "$T/t.csv"
	grep -q '"records":2,"seen":2,' "$T/s"
	for label in what 0 4 -1 ''; do
		fails 1 vae-pack --label "$label" "$T/t.csv"
		says --label "'$label'"
	done
	fails 1 vae-pack --label x "$T/bare.csv"
	says 'no names'
	printf 'a,a\n1,2\n' >"$T/t.csv"
	fails 1 vae-pack --label a "$T/t.csv"
	says 'columns 1 and 2'
	printf 'a\nx\n' >"$T/t.csv"
	fails 1 vae-pack --label a "$T/t.csv"
	says 'no column but the label'
	# a name that is a number takes precedence
	printf '2,1\n5,6\n' >"$T/t.csv"
	ok vae-pack --header --label 1 "$T/t.csv"
	is "$(field cls <"$T/out")" 6
}

@test "CSV: errors give file, line and column, and the stream has no end" {
	local cell
	for cell in abc '1;2' nan NA inf 0x10 1e 1e999 1e39 '' ' ' '1 2' '--1' '"1"2' '"12' "$(printf '\033[31m')"; do
		printf 'a,"b ""c"""\n1,2\n\n3,%s\n5,6\n' "$cell" >"$T/t.csv"
		fails 1 vae-pack "$T/t.csv"
		says "$T/t.csv: line 4" 'column 2'
		not lstar <"$T/out" >/dev/null 2>&1
	done
	printf 'a,"b ""c"""\n1,2\n3,x\n' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 'line 3, column 2 (b "c"): '"'x' is not a number"
	printf '"a\nb",c\n1,2\n3\n' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 'line 4: 1 cells, expected 2'
	printf '1,2\n3,4,\n' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 'line 2: 3 cells'
	printf '1,2\n3,4\0\n' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 'line 2, column 2'
	: >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 'no lines'
	printf '1,2\n3,4\n' | gzip | head -c 20 >"$T/t.csv.gz"
	fails 1 vae-pack "$T/t.csv.gz"
	says truncated
	fails 1 vae-pack "$T/none.csv"
	says "$T/none.csv" 'No such file'
	printf '1,2\n' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv" "$T/t.csv"
	says --label
	perl -e 'print "1," x 65536, "1\n"' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 65536
	perl -e 'print "1" x (65 << 20)' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 'line 1' 67108864
	fails 2 vae-pack --format tsv "$T/t.csv"
	says --format
	fails 2 vae-pack --label 1 "$F/images.idx"
	says --label CSV
	fails 2 vae-pack --header "$F/images.idx"
}

@test "CSV: cells that span the blocks in which the file is read" {
	perl -e 'for my $i (0 .. 30000) { printf "%d,\"%d\",%s%d.5\r\n", $i, $i * 7, " " x ($i % 13), $i }' >"$T/t.csv"
	ok vae-pack "$T/t.csv"
	values "$T/out" | awk '{ n += $1 == NR - 1 && $2 == 7 * $1 && $3 == $1 + 0.5 } END { exit !(n == 30001 && NR == 30001) }'
}

@test "npy: a record per item, types unchanged, with labels" {
	npy '<f4' '3, 2' 'f<*' 1 2 3 4 5 6.5 >"$T/x.npy"
	npy '<i8' '3,' 'q<*' 4 -1 12 >"$T/y.npy"
	ok vae-pack "$T/x.npy" "$T/y.npy"
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" '00000000.npy 00000000.cls 00000001.npy 00000001.cls 00000002.npy 00000002.cls '
	is "$(field cls <"$T/out" | tr '\n' ' ')" '4 -1 12 '
	is "$(lstar <"$T/out" | awk '$1 == "00000002.npy" { print $NF }')" "$(npy '<f4' '2,' 'f<*' 5 6.5 | od -An -v -tx1 | tr -d ' \n')"
	mv "$T/out" "$T/want"
	gzip -k "$T/x.npy"
	ok vae-pack "$T/x.npy.gz" "$T/y.npy"
	same "$T/want" "$T/out"
	ok vae-pack --format npy - "$T/y.npy" <"$T/x.npy"
	same "$T/want" "$T/out"
	ok vae-pack --limit 1 --key-prefix p- "$T/x.npy"
	is "$(lstar --names <"$T/out")" p-00000000.npy
	ok vae-pack --only 'cls < 0' "$T/x.npy" "$T/y.npy"
	is "$(field key <"$T/out")" 00000001
	# pictures stay pictures
	npy '|u1' '2, 8, 8' 'C*' $(seq 1 128) >"$T/p.npy"
	ok vae-pack "$T/p.npy"
	is "$(lstar <"$T/out" | awk '$1 == "00000001.npy" { print $NF }')" "$(npy '|u1' '8, 8' 'C*' $(seq 65 128) | od -An -v -tx1 | tr -d ' \n')"
	mv "$T/out" "$T/p.tar"
	ok train "$T/m.vae" --on-error fail <"$T/p.tar"
	npy '<f8' '0, 5' 'd<*' >"$T/e.npy"
	ok vae-pack "$T/e.npy"
	is "$(wc -c <"$T/out")" 1024
}

@test "npy: invalid headers, truncated files, bytes after the end" {
	npy '<f4' '3, 2' 'f<*' 1 2 3 4 5 6 >"$T/good.npy"
	local n size
	size=$(wc -c <"$T/good.npy")
	for n in 0 5 9 11 60 127 128 140 $((size - 1)); do
		head -c "$n" "$T/good.npy" >"$T/x.npy"
		fails 1 vae-pack "$T/x.npy"
		says "$T/x.npy"
		not lstar <"$T/out" >/dev/null 2>&1
	done
	(cat "$T/good.npy" && printf x) >"$T/x.npy"
	fails 1 vae-pack "$T/x.npy"
	says 'more bytes after'
	npy '<f4' '6,' 'f<*' 1 2 3 4 5 6 >"$T/x.npy"
	fails 1 vae-pack "$T/x.npy"
	says dimensions
	npy '<c8' '3, 2' 'd<*' 1 2 3 4 5 6 >"$T/x.npy"
	fails 1 vae-pack "$T/x.npy"
	says "'<c8'"
	npy '<f4' '3, 4611686018427387904' 'f<*' 1 >"$T/x.npy"
	fails 1 vae-pack "$T/x.npy"
	npy '<f4' '1, 1000000000' 'f<*' 1 >"$T/x.npy"
	fails 1 vae-pack "$T/x.npy"
	says 4000000000
	npy '<f4' '3, 0' 'f<*' >"$T/x.npy"
	fails 1 vae-pack "$T/x.npy"
	says 'no values'
	perl -e 'binmode STDOUT; print "\x93NUMPY\2\0", pack("V", 0xfffffff0), "{" x 100' >"$T/x.npy"
	fails 1 vae-pack "$T/x.npy"
	says header
	npy '<f8' '3,' 'd<*' 1 2 3 >"$T/y.npy"
	fails 1 vae-pack "$T/good.npy" "$T/y.npy"
	says "$T/y.npy" integers
	npy '<i4' '2,' 'l<*' 1 2 >"$T/y.npy"
	fails 1 vae-pack "$T/good.npy" "$T/y.npy"
	says '2 labels for 3'
	npy '<i4' '3,' 'l<*' 1 2 >"$T/y.npy"
	fails 1 vae-pack "$T/good.npy" "$T/y.npy"
	says "$T/y.npy" truncated
	npy '<i4' '3,' 'l<*' 1 2 3 4 >"$T/y.npy"
	fails 1 vae-pack "$T/good.npy" "$T/y.npy"
	says "$T/y.npy" 'more bytes after'
	fails 2 vae-pack --format npy - -
}

@test "CSV: an empty cell in quotes is not a blank line" {
	printf 'a\n1\n\n""\n2\n' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says "$T/t.csv: line 4, column 1 (a)" 'is empty'
	printf '""\n1\n2' >"$T/t.csv" # pandas writes a column without a name so
	ok vae-pack --header "$T/t.csv"
	is "$(vae-cut -k key <"$T/out" | wc -l)" 2
}

# zip OUT DIR [OPTION ...]: an archive of what is in a directory, in byte order of names
zip() {
	local out=$1 dir=$2
	shift 2
	(cd "$dir" && find . -mindepth 1 \( -type f -o -type l \) -printf '%P\n' | LC_ALL=C sort | bsdtar --format zip "$@" -cf "$out" -T -)
}

@test "an archive: the records of its directory, in the order of the archive, from zip and 7z" {
	tree
	rm "$T/d/pipe.pgm" "$T/d/linked.d"
	ok vae-pack "$T/d"
	mv "$T/out" "$T/want"
	zip "$T/a.zip" "$T/d"
	zip "$T/stored.ZIP" "$T/d" --options zip:compression=store
	zip "$T/a.7z" "$T/d" --format 7zip
	cp "$T/a.zip" "$T/a"
	for from in a.zip stored.ZIP a.7z '--format archive a'; do
		cd "$T"
		# shellcheck disable=SC2086 # words
		ok vae-pack --summary "$T/s" $from
		says '5 files skipped'
		grep -q '"records":3,"seen":3,"skipped":5,' "$T/s"
		is "$(field key,source <"$T/out" | tr '\t\n' '= ')" '00000000=B/a.PGM 00000001=a.two.pgm 00000002=b/z.pgm '
		is "$(lstar <"$T/out" | awk '{ print $1, $NF }')" "$(lstar <"$T/want" | awk '{ print $1, $NF }')"
	done
	ok vae-pack --classes --only 'cls == "b"' "$T/a.zip"
	is "$(field key,source,cls <"$T/out" | tr '\t\n' '= ')" '00000002=b/z.pgm=b '
}

@test "an archive: --together; files of one name that do not follow each other are an error" {
	mkdir -p "$T/d/a"
	for i in 1 2; do
		printf x >"$T/d/a/$i.jpg"
		printf '{}' >"$T/d/a/$i.json"
	done
	zip "$T/a.zip" "$T/d"
	ok vae-pack --together --key-prefix p/ "$T/a.zip"
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" 'p/a/1.jpg p/a/1.json p/a/1.vae.json p/a/2.jpg p/a/2.json p/a/2.vae.json '
	(cd "$T/d" && printf 'a/%s\n' 1.jpg 2.jpg 1.json | bsdtar --format zip -cf "$T/b.zip" -T -)
	fails 1 vae-pack --together "$T/b.zip"
	says "$T/b.zip/a/1.json" 'do not follow each other' 'unpack it'
	ok vae-pack "$T/b.zip"
}

@test "an archive: every cut, a changed byte, a hostile name and an encrypted file are errors" {
	mkdir -p "$T/d/a"
	seq 300 >"$T/d/a/1.txt"
	printf yy >"$T/d/a/2.txt"
	for kind in zip 7zip; do
		zip "$T/a.$kind" "$T/d" --format $kind
		n=$(stat -c %s "$T/a.$kind")
		for ((i = 0; i < n; i += i > n - 120 ? 1 : 37)); do
			head -c $i "$T/a.$kind" >"$T/cut"
			fails 1 vae-pack --format archive "$T/cut"
			says "$T/cut"
		done
		# in the middle of the data of the first file
		at=200
		{ head -c $at "$T/a.$kind"; tail -c +$((at + 1)) "$T/a.$kind" | head -c 1 | tr '\0-\377' '\1-\377\0'; tail -c +$((at + 2)) "$T/a.$kind"; } >"$T/changed"
		fails 1 vae-pack --format archive "$T/changed"
		says "$T/changed" damaged
	done
	(cd "$T/d/a" && bsdtar -P --format zip -cf "$T/up.zip" ../a/1.txt)
	fails 1 vae-pack "$T/up.zip"
	says "$T/up.zip: file 1, '../a/1.txt': its name leads out of the directory: rename it"
	zip "$T/secret.zip" "$T/d" --options zip:encryption=traditional --passphrase word
	fails 1 vae-pack "$T/secret.zip"
	says 'a/1.txt is encrypted'
	rm -r "$T/d/a"
	printf x >"$T/d/README"
	zip "$T/none.zip" "$T/d"
	fails 1 vae-pack "$T/none.zip"
	says 'has no records'
	mkfifo "$T/f.zip"
	fails 1 vae-pack "$T/f.zip"
	says 'not from a pipe'
	fails 2 vae-pack --format archive - </dev/null
	says 'name its file'
	fails 2 vae-pack --follow "$T/none.zip"
	says --follow
	fails 1 vae-pack "$T/none.zip" "$T/none.zip"
	says 'without labels'
}

@test "an archive: a file of more than the limit of a record is refused without its memory" {
	truncate -s 1100M "$T/zeros.npy"
	bsdtar -C "$T" --format zip -cf "$T/bomb.zip" zeros.npy
	rm "$T/zeros.npy"
	fails 1 vae-pack "$T/bomb.zip"
	says 'bomb.zip/zeros.npy: larger than the limit'
}

@test "a zip archive whose directory is not that of the whole file is an error: nothing is lost without a word" {
	mkdir "$T/d" "$T/inner" "$T/outer"
	for i in 1 2 3; do printf $i >"$T/d/$i.txt"; done
	printf x >"$T/inner/4.txt"
	zip "$T/a.zip" "$T/d"
	zip "$T/outer/z.zip" "$T/inner" --options zip:compression=store
	# two archives in one file
	cat "$T/a.zip" "$T/outer/z.zip" >"$T/two.zip"
	fails 1 vae-pack "$T/two.zip"
	says "$T/two.zip" 'several archives in one file'
	# an archive in an archive, cut behind the inner one
	printf 0 >"$T/outer/0.txt"
	zip "$T/o.zip" "$T/outer" --options zip:compression=store
	ok vae-pack "$T/o.zip"
	at=$(LC_ALL=C grep -abo $'PK\005\006' "$T/o.zip" | head -1 | cut -d: -f1)
	head -c $((at + 22)) "$T/o.zip" >"$T/cut.zip"
	fails 1 vae-pack "$T/cut.zip"
	says "$T/cut.zip" truncated
	# an archive in the comment, and a comment that hides the end
	size=$(stat -c %s "$T/a.zip")
	{ head -c $((size - 2)) "$T/a.zip"; printf "\\$(printf %03o "$(stat -c %s "$T/outer/z.zip")")\\0"; cat "$T/outer/z.zip"; } >"$T/in.zip"
	fails 1 vae-pack "$T/in.zip"
	says "$T/in.zip" 'in the comment'
	{ head -c $((size - 2)) "$T/a.zip"; printf '\0\100'; head -c 16384 /dev/zero | tr '\0' x; } >"$T/long.zip"
	fails 1 vae-pack "$T/long.zip"
	says "$T/long.zip" 'zip -z'
	{ head -c $((size - 2)) "$T/a.zip"; printf '\10\0PK\5\6mark'; } >"$T/mark.zip"
	ok vae-pack "$T/mark.zip"
	is "$(field source <"$T/out" | wc -l)" 3
	# zip64: its record is where the locator says, and names the files
	zip "$T/64.zip" "$T/d" --options zip:zip64
	ok vae-pack "$T/64.zip"
	is "$(field source <"$T/out" | wc -l)" 3
	at=$(LC_ALL=C grep -abo $'PK\006\007' "$T/64.zip" | cut -d: -f1)
	{ head -c $((at + 8)) "$T/64.zip"; printf '\1\0\0\0'; tail -c +$((at + 13)) "$T/64.zip"; } >"$T/lost.zip"
	fails 1 vae-pack "$T/lost.zip"
	says "$T/lost.zip" 'zip64 record is not where its locator says'
	at=$(LC_ALL=C grep -abo $'PK\006\006' "$T/64.zip" | cut -d: -f1)
	{ head -c $((at + 24)) "$T/64.zip"; printf '\4\0\0\0\0\0\0\0\4'; tail -c +$((at + 34)) "$T/64.zip"; } >"$T/64.four.zip"
	fails 1 vae-pack "$T/64.four.zip"
	says "$T/64.four.zip" 'names 4 files, and 3 are there'
	cat "$T/a.zip" "$T/64.zip" >"$T/64.two.zip"
	fails 1 vae-pack "$T/64.two.zip"
	# the number of files
	{ head -c $((size - 14)) "$T/a.zip"; printf '\4\0\4\0'; tail -c 10 "$T/a.zip"; } >"$T/four.zip"
	fails 1 vae-pack "$T/four.zip"
	says "$T/four.zip" 'names 4 files, and 3 are there'
}
