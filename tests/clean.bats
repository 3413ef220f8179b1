# vae-clean: one command from data to clean records, a quarantine and a page.
# shellcheck disable=SC2010,SC2012,SC2094

load helper

# Noise-like pictures of 16x16, one that is cut, one that is blank, a copy, and one that is no picture.
setup_file() {
	mkdir -p "$F/pics"
	perl -e 'srand 4; for my $i (0 .. 59) { open my $f, ">:raw", sprintf "%s/%03d.pgm", $ARGV[0], $i;
		my @p = map { my $r = $_; map { 128 + 60 * sin(($i % 7 + 1) * $_ / 5 + $r * ($i % 5) / 4) + rand 40 } 0 .. 15 } 0 .. 15;
		@p[128 .. 255] = (128) x 128 if $i == 17;
		@p = (77) x 256 if $i == 23;
		print $f "P5\n16 16\n255\n", map { chr } @p }' "$F/pics"
	cp "$F/pics/030.pgm" "$F/pics/copy.pgm"
	vae-pack "$F/pics" >"$F/pics.tar"
	printf 'name=z/broken.pgm data=P5%%0a16\n' | mktar >"$F/broken.tar"
	# 200 rows of which 3 are odd
	perl -e 'srand 2; print "a,b,c\n"; for (1 .. 200) { my $x = rand; print join(",", $x, 2 * $x + rand(.1), rand), "\n" } print "9,-9,3\n-8,7,0.5\n4,4,-6\n"' >"$F/rows.csv"
}

# cleans [OPTION...]: with a tiny network
cleans() { vae-clean -q -c tiny --steps 30 "$@"; }

@test "clean: damage and copies go to the quarantine, named; the rest comes out as it went in" {
	cleans --top 6 -o "$T/d" "$F/pics.tar" "$F/broken.tar"
	[ "$(cut -f 1 "$T/d/settings")" ]
	grep -P '^[^\t]*017\tdrop\tcut$' "$T/d/decisions.tsv"
	grep -P '^[^\t]*023\tdrop\tblank' "$T/d/decisions.tsv"
	grep -P '^z/broken\tdrop\tbroken$' "$T/d/decisions.tsv"
	grep -P '^00000060\tdrop\tcopy of 00000030$' "$T/d/decisions.tsv"
	is "$(vae-cut -q -k rank "$T/d/quarantine.tar.zst" | awk '$1 != "" && $1 < 6' | wc -l)" 6
	local n
	n=$(vae-cut -k key "$T/d/quarantine.tar.zst" | wc -l)
	is "$(grep -cP '\tdrop\t' "$T/d/decisions.tsv")" "$n"
	grep -qP '\tdrop\trank [0-5]$' "$T/d/decisions.tsv"
	# together they are the input, byte for byte
	vae-cut -k key "$F/pics.tar" "$F/broken.tar" | sort >"$T/want"
	{ vae-cut -k key "$T/d/quarantine.tar.zst"; vae-cut -k key "$T/d/clean.tar.zst"; } | sort | cmp - "$T/want"
	zstd -dcq "$T/d/clean.tar.zst" | lstar | grep pgm >"$T/kept"
	lstar <"$F/pics.tar" | grep pgm >"$T/all"
	is "$(wc -l <"$T/kept")" $((62 - n))
	is "$(grep -vxFf "$T/all" "$T/kept")" ''
	grep -q "\"records\":62,\"quarantined\":$n,\"steps\":30" "$T/d/summary.json"
	grep -q '"copy":1' "$T/d/summary.json"
	isjson <"$T/d/summary.json"
	grep -q '<html' "$T/d/review.html"
	# the summary in words
	rm "$T/d/summary.json"
	ok vae-clean -c tiny --steps 30 --top 6 -o "$T/d" "$F/pics.tar" "$F/broken.tar"
	says "$n of 62 records are in" 'review.html'
}

@test "clean: --summary replaces no input, no other file of OUT, and appears whole" {
	cp "$F/pics.tar" "$T/in.tar"
	ln -s in.tar "$T/link.tar"
	local i
	for i in in.tar link.tar d/clean.tar.zst d/scored/x; do
		fails 2 cleans --summary "$T/$i" -o "$T/d" "$T/in.tar"
		says --summary
	done
	fails 2 cleans --summary - -o "$T/d" "$T/in.tar"
	fails 2 cleans --summary "$F/pics/000.pgm" -o "$T/d" "$F/pics"
	printf '00000001\tkeep\n' >"$T/decisions"
	fails 2 cleans --summary "$T/decisions" --decisions "$T/decisions" -o "$T/d" "$T/in.tar"
	same "$T/in.tar" "$F/pics.tar"
	absent "$T/d"
	cleans --summary "$T/s.json" -o "$T/d" "$T/in.tar"
	same "$T/s.json" "$T/d/summary.json"
	ln -s s.json "$T/link"
	for i in "$T/link" "$T/d/other.json" "$T/d/summary.json"; do
		cleans --summary "$i" -o "$T/d" "$T/in.tar"
		same "$i" "$T/d/summary.json"
	done
	[ -L "$T/link" ]
	fails 1 cleans --summary "$T/none/s.json" -o "$T/d" "$T/in.tar"
	says 'cannot be written'
}

@test "clean: a finished run does nothing; --top and --decisions decide anew" {
	cleans -o "$T/d" "$F/pics.tar"
	(cd "$T/d" && find . -type f ! -name Makefile ! -name choice ! -name inputs ! -name settings ! -name steps -printf '%p %T@ %i\n' | sort) >"$T/before"
	cleans -o "$T/d" "$F/pics.tar"
	(cd "$T/d" && find . -type f ! -name Makefile ! -name choice ! -name inputs ! -name settings ! -name steps -printf '%p %T@ %i\n' | sort) | cmp - "$T/before"
	is "$(vae-cut -k key "$T/d/quarantine.tar.zst" | wc -l)" 3
	cleans --top 10% -o "$T/d" "$F/pics.tar"
	is "$(vae-cut -q -k rank "$T/d/suspects.tar.zst" | awk '$1 != "" && $1 < 6' | wc -l)" 6
	is "$(vae-cut -q -k rank "$T/d/quarantine.tar.zst" | awk '$1 != "" && $1 < 6' | wc -l)" 6
	# a person keeps what is cut, and drops what no rule found
	printf '%s\tkeep\n%s\tdrop\n' "$(grep -P 'cut$' "$T/d/decisions.tsv" | cut -f 1)" "$(vae-cut -k key "$F/pics.tar" | sed -n 41p)" >"$T/mine.tsv"
	cleans --decisions "$T/mine.tsv" -o "$T/d" "$F/pics.tar"
	vae-cut -k key "$T/d/quarantine.tar.zst" >"$T/got"
	is "$(wc -l <"$T/got")" 3
	[ "$(grep -c 040 "$T/got")" = 1 ]
	[ "$(grep -c 017 "$T/got")" = 0 ]
	grep -q '"decided":1' "$T/d/summary.json"
	# one checkpoint stays: that with the lowest held-out loss
	is "$(cd "$T/d/model.vae" && ls step-*)" "step-$(cat "$T/d/model.step").safetensors"
}

@test "clean: what --print prints, typed by hand, and the Makefile give the same bytes" {
	cleans --print --top 1 -o "$T/hand" "$F/pics.tar" >"$T/commands"
	[ ! -e "$T/hand" ]
	cleans --top 1 -o "$T/d" "$F/pics.tar"
	mkdir "$T/hand"
	sh -e "$T/commands"
	local i
	for i in clean.tar.zst quarantine.tar.zst suspects.tar.zst decisions.tsv summary.json scored/00001.tar.zst; do cmp "$T/d/$i" "$T/hand/$i"; done
	mkdir "$T/made"
	cp "$T/d/Makefile" "$T/made"
	make -s -C "$T/made" all
	for i in clean.tar.zst quarantine.tar.zst suspects.tar.zst decisions.tsv summary.json review.html; do cmp "$T/d/$i" "$T/made/$i"; done
}

@test "clean: a folder, and shards of which only new ones are scored" {
	cleans -o "$T/folder" "$F/pics"
	is "$(vae-cut -k key "$T/folder/records.tar.zst" | wc -l)" 61
	is "$(vae-cut -k key "$T/folder/quarantine.tar.zst" | wc -l)" 3
	vae-cut -k key "$F/pics.tar" | head -n 50 >"$T/keys"
	vae-drop -q -i --keys "$T/keys" "$F/pics.tar" -o "$T/a b.tar"
	vae-drop -q --keys "$T/keys" "$F/pics.tar" -o "$T/it's.tar.zst"
	cleans --keep-sharding -o "$T/d" "$T/a b.tar"
	is "$(ls "$T/d/clean")" 'a b.tar'
	stat -c '%i %y' "$T/d/scored/00001.tar.zst" >"$T/inode"
	cleans --keep-sharding -o "$T/d" "$T/a b.tar" "$T/it's.tar.zst"
	stat -c '%i %y' "$T/d/scored/00001.tar.zst" | cmp - "$T/inode"
	is "$(ls "$T/d/clean" | tr '\n' ' ')" "a b.tar it's.tar.zst "
	is "$({ vae-cut -k key "$T/d/clean/a b.tar"; vae-cut -k key "$T/d/clean/it's.tar.zst"; } | wc -l)" 58
	# a shard that has changed is scored again
	touch "$T/a b.tar"
	cleans --keep-sharding -o "$T/d" "$T/a b.tar" "$T/it's.tar.zst"
	if stat -c '%i %y' "$T/d/scored/00001.tar.zst" | cmp -s - "$T/inode"; then false; fi
}

@test "clean: a table needs no network, and its odd rows come first" {
	ok vae-clean -q --top 3 -o "$T/d" "$F/rows.csv"
	is "$(vae-cut -k key "$T/d/quarantine.tar.zst" | sort | tr '\n' ' ')" "$(vae-cut -k key "$T/d/records.tar.zst" | tail -n 3 | sort | tr '\n' ' ')"
	[ ! -e "$T/d/model.vae" ]
	grep -q '"quarantined":3,"steps":0,"rank":3' "$T/d/summary.json"
	is "$(grep -cP '\tunsure\trank \d+$' "$T/d/decisions.tsv")" 17 'suspects of a table have a reason too'
	# the page has the names of the columns
	columns() { sed -n '/^"columns":/p' "$1/review.html" | tr -d ' '; }
	grep -q '"a","b","c"' <(columns "$T/d")
	sed "s/^/n,/; 1s/.*/\xef\xbb\xbfid, it's ,<x>,b 1\r/" "$F/rows.csv" | gzip >"$T/r.CSV.gz"
	ok vae-clean -q --label 1 -o "$T/e" "$T/r.CSV.gz"
	is "$(columns "$T/e")" '"columns":["it\u0027s","\u003cx\u003e","b1"],'
	ok vae-clean -q --label id -o "$T/g" "$T/r.CSV.gz"
	is "$(columns "$T/g")" "$(columns "$T/e")"
	# without names, or with names that need a parser, columns are counted
	sed 1d "$F/rows.csv" >"$T/bare.csv"
	ok vae-clean -q -o "$T/f" "$T/bare.csv"
	not grep -q '"a"' <(columns "$T/f")
	sed '1s/.*/"a,1",b,c/' "$F/rows.csv" >"$T/quoted.csv"
	ok vae-clean -q -o "$T/h" "$T/quoted.csv"
}

@test "clean: steps by the time that there is" {
	ok vae-clean -q -c tiny --minutes 0.01 -o "$T/d" "$F/pics.tar"
	is "$(cat "$T/d/steps")" "$(sed -n 's/^  steps: //p' "$T/d/model.vae/model.yaml")"
	[ "$(cat "$T/d/steps")" -ge 200 ]
	[ "$(cat "$T/d/steps")" -le 10000 ]
	grep -q "\"steps\":$(cat "$T/d/steps")" "$T/d/summary.json"
	# the first hundred steps, which were measured, are part of the training: by hand it has the same bits
	vae-clean -q --print -c tiny -o "$T/d" "$F/pics.tar" | sed "s|cd .*|mkdir '$T/h' \&\& cd '$T/h'|" | sh -e
	cmp "$T/d/quarantine.tar.zst" "$T/h/quarantine.tar.zst"
	cmp "$T/d/scored/00001.tar.zst" "$T/h/scored/00001.tar.zst"
}

@test "clean: killed at any instant, the same command goes on" {
	cleans --top 2 -o "$T/want" "$F/pics.tar"
	local n
	for n in 05 1 2 3 5 8; do
		rm -rf "$T/d"
		timeout -s KILL "0.$n" vae-clean -q -c tiny --steps 30 --top 2 -o "$T/d" "$F/pics.tar" || true
		cleans --top 2 -o "$T/d" "$F/pics.tar"
		for i in clean.tar.zst quarantine.tar.zst decisions.tsv; do cmp "$T/want/$i" "$T/d/$i"; done
	done
}

@test "clean: bad input is one clear line" {
	fails 2 vae-clean "$F/pics.tar"
	says '-o OUT'
	fails 2 vae-clean -o "$T/o"
	says 'a folder, shards or a table'
	fails 2 vae-clean -o "$T/o" --top x "$F/pics.tar"
	says --top
	fails 2 vae-clean -o "$T/o" --bogus "$F/pics.tar"
	says bogus
	fails 2 vae-clean -o "$T/o" --label a "$F/pics.tar"
	fails 1 vae-clean -q -o "$T/o" "$T/none.tar"
	says none.tar
	fails 1 vae-clean -q -o "$T/o" "$F/pics.tar" "$F/rows.csv"
	says 'one at a time'
	# the output folder of another run, and a folder of something else
	cleans -o "$T/d" "$F/pics.tar"
	fails 1 vae-clean -q -c tiny --steps 30 --keep-sharding -o "$T/d" "$F/pics.tar"
	says 'other settings'
	mkdir "$T/mine"
	touch "$T/mine/precious"
	fails 1 cleans -o "$T/mine" "$F/pics.tar"
	says 'not empty'
	fails 1 cleans -o "$F/pics.tar" "$F/pics.tar"
	says 'is a file'
}

@test "clean: two shards of one name, and words that are no decisions, are refused before anything is written" {
	mkdir "$T/a" "$T/b"
	cp "$F/pics.tar" "$T/a/x.tar"
	cp "$F/broken.tar" "$T/b/x.tar"
	fails 1 cleans --keep-sharding -o "$T/d" "$T/a/x.tar" "$T/b/x.tar"
	says 'clean/x.tar'
	printf '00000003\tkeep\n00000004\tdorp\n' >"$T/mine.tsv"
	fails 1 cleans --decisions "$T/mine.tsv" -o "$T/d" "$F/pics.tar"
	says 'line 2'
	[ ! -e "$T/d" ]
	fails 1 cleans -o "$F/pics/out" "$F/pics"
	says 'a directory outside'
	fails 1 cleans -o "$T/d" "$T/a
b.tar"
	says newline
}

@test "clean: what --print prints makes its directory, and touches nothing else if it cannot" {
	cleans --print -o "$T/new" "$F/pics.tar" >"$T/commands"
	mkdir "$T/here"
	echo precious >"$T/here/decisions.tsv"
	(cd "$T/here" && sh "$T/commands")
	[ -s "$T/new/clean.tar.zst" ]
	rm -r "$T/new"
	touch "$T/new" # a file
	(cd "$T/here" && ! sh "$T/commands")
	is "$(ls "$T/here")" decisions.tsv
	is "$(cat "$T/here/decisions.tsv")" precious
}

@test "clean: decisions that went through an editor, and decisions on records that are not there" {
	printf '\357\273\277%s\tDrop\r\n00000006\tdrop\r\nnone\tdrop\r\n' 00000005 >"$T/mine.tsv"
	ok vae-clean -c tiny --steps 30 --decisions "$T/mine.tsv" -o "$T/d" "$F/pics.tar"
	says 'not in the stream'
	is "$(vae-cut -k key "$T/d/quarantine.tar.zst" | grep -cx '0000000[56]')" 2
	grep -q "\"quarantined\":$(vae-cut -k key "$T/d/quarantine.tar.zst" | wc -l),.*\"decided\":2" "$T/d/summary.json"
}

@test "clean: equal rows of a table are ordinary; texts are named" {
	perl -e 'srand 3; print "a,b\n"; print join(",", int rand 2, int rand 2), "\n" for 1 .. 200' >"$T/t.csv"
	ok vae-clean -o "$T/d" "$T/t.csv"
	says '200 records: 0 pictures, 200 vectors'
	grep -q '"quarantined":0' "$T/d/summary.json"
	printf 'a,b\n1,x\n' >"$T/u.csv"
	if vae-clean -q -o "$T/u" "$T/u.csv" 2>"$T/err"; then false; fi
	grep -q -e --label "$T/err"
}

@test "clean: other steps, and another run in the directory, are refused; a damaged shard is not counted" {
	cleans -o "$T/d" "$F/pics.tar"
	fails 1 vae-clean -q -c tiny --steps 31 -o "$T/d" "$F/pics.tar"
	says '30 steps'
	exec 8>>"$T/d/.lock"
	flock 8
	sed 's/flock -w 10/flock -w 0/' "$(command -v vae-clean)" >"$T/vae-clean"
	fails 1 sh "$T/vae-clean" -q -c tiny --steps 30 -o "$T/d" "$F/pics.tar"
	says 'another'
	exec 8>&-
	head -c 40000 "$F/pics.tar" >"$T/cut.tar"
	if cleans --print -o "$T/e" "$T/cut.tar" >"$T/out" 2>"$T/err"; then false; fi
	is "$(cat "$T/out")" ''
	head -n 1 "$T/err" | grep truncated
	# an earlier run stopped on a full disk
	: >"$T/d/look"
	: >"$T/d/settings"
	ok cleans -o "$T/d" "$F/pics.tar"
}

@test "clean: of shards that are gone nothing stays; a mistyped network can be mended" {
	vae-cut -k key "$F/pics.tar" | head -n 5 >"$T/keys"
	vae-drop -q --keys "$T/keys" "$F/pics.tar" -o "$T/a.tar"
	vae-drop -q -i --keys "$T/keys" "$F/pics.tar" -o "$T/b.tar"
	if vae-clean -q -c tinny --steps 30 --keep-sharding -o "$T/d" "$T/a.tar" "$T/b.tar" 2>"$T/err"; then false; fi
	head -n 1 "$T/err" | grep tinny
	ok cleans --keep-sharding -o "$T/d" "$T/a.tar" "$T/b.tar"
	is "$(ls "$T/d/clean" "$T/d/scored" | grep -c tar)" 4
	ok cleans --keep-sharding -o "$T/d" "$T/a.tar"
	is "$(ls "$T/d/clean" | tr '\n' ' ')" 'a.tar '
	is "$(ls "$T/d/scored" | tr '\n' ' ')" '00001.tar.zst '
	fails 2 vae-clean -q --steps 99999999999999999999 -o "$T/e" "$T/a.tar"
}

@test "clean: a vector among pictures is not broken" {
	printf 'name=z/vector.npy data=%%93NUMPY%%01%%00%%46%%00%s%%0a%s\n' "$(printf '%-69s' "{'descr':'|u1','fortran_order':False,'shape':(4,)}" | sed 's/ /%20/g')" %01%02%03%09 | mktar >"$T/vector.tar"
	is "$(vae-stat "$T/vector.tar" | vae-cut -k stat_values)" 4
	ok vae-clean -c tiny --steps 30 -o "$T/d" "$F/pics.tar" "$T/vector.tar" "$F/broken.tar"
	says 'records that are no pictures pass without a score: 1, as z/vector' '1 that cannot be decoded, as z/broken'
	is "$(vae-cut -k key "$T/d/clean.tar.zst" | grep -c vector)" 1
	is "$(vae-cut -k key "$T/d/quarantine.tar.zst" | grep -c broken)" 1
	fails 1 cleans --decisions "$T" -o "$T/e" "$F/pics.tar"
	cp -r "$F/pics" "$T/labelled"
	echo boot >"$T/labelled/notes.txt"
	ok vae-clean -c tiny --steps 30 -o "$T/l" "$T/labelled"
	says '1 that cannot be decoded, as notes.txt'
	mkdir "$T/shards"
	cp "$F/pics.tar" "$T/shards"
	fails 1 cleans -o "$T/e" "$T/shards"
	says '*.tar'
}

@test "clean: options may stand after the inputs; -- ends them" {
	ok vae-clean "$F/pics.tar" -q "$F/broken.tar" -c tiny --steps=30 --top 6 -o "$T/d"
	cleans --top 6 -o "$T/e" "$F/pics.tar" "$F/broken.tar"
	cmp "$T/d/decisions.tsv" "$T/e/decisions.tsv"
	cd "$T"
	cp "$F/pics.tar" ./-o
	ok vae-clean -q -c tiny --steps 30 --output f -- -o
	is "$(vae-cut -k key f/clean.tar.zst | wc -l)" 58
	fails 2 vae-clean "$F/pics.tar" -o
	says 'requires an argument'
	fails 2 vae-clean "$F/pics.tar" --bogus -o "$T/g"
	says bogus
	[ ! -e "$T/g" ]
	# two options in one argument
	fails 2 vae-clean "$F/pics.tar" -o "$T/g" '--keep-sharding --keys-per-file'
	says "there is no option '--keep-sharding --keys-per-file'"
	fails 2 vae-clean "$F/pics.tar" -o "$T/g" '-c --config' tiny
	says "there is no option '-c --config'"
	fails 2 vae-shards '-q --quiet' status "$T"
	says "there is no option '-q --quiet'"
	# a name that ends in a newline is not that without it
	cp "$F/pics.tar" "it's"
	cp "$F/pics.tar" $'it\'s\n'
	fails 1 vae-clean -o "$T/g" $'it\'s\n'
	says 'has a newline'
	absent "$T/g"
}

@test "clean: --keys-per-file: shards with equal keys, each of them clean as it came" {
	# two halves with the keys 0 to 29, and a name that the shell and the tools would take apart
	local a="$T/a/it's %41.tar" b="$T/b/b c.tar.zst"
	mkdir "$T/a" "$T/b"
	vae-cut -k key "$F/pics.tar" | head -n 30 >"$T/keys"
	vae-drop -q -i --keys "$T/keys" "$F/pics.tar" -o "$a"
	mkdir "$T/half"
	cp "$F/pics/"0[3-5]*.pgm "$F/pics/copy.pgm" "$T/half"
	vae-pack "$T/half" -o "$b"
	if cleans -o "$T/e" "$a" "$b" 2>"$T/err"; then false; fi
	head -n 1 "$T/err" | grep -q -e --keys-per-file
	ok vae-clean -q --keys-per-file -c tiny --steps 30 --top 4 -o "$T/d" "$a" "$b"
	# a key says which shard it is of; 17 of the first is cut, and 17 of the second is not
	grep -P "^it's %41/00000017\tdrop\tcut$" "$T/d/decisions.tsv"
	[ "$(grep -cP "^b c/00000017\tdrop\tcut$" "$T/d/decisions.tsv")" = 0 ]
	is "$(vae-cut -k key "$T/d/quarantine.tar.zst" | sort -u | wc -l)" "$(grep -cP '\tdrop\t' "$T/d/decisions.tsv")"
	# each clean shard is its shard without its own dropped keys, byte for byte
	local s n
	for s in "$a" "$b"; do
		n=${s##*/}
		grep -P '\tdrop\t' "$T/d/decisions.tsv" | cut -f 1 | grep -F "${n%%.*}/" | sed 's|.*/||' >"$T/own"
		[ -s "$T/own" ]
		vae-drop -q --keys "$T/own" "$s" | cmp - <(if [ "$n" = "${n%.zst}" ]; then cat "$T/d/clean/$n"; else zstd -dcq "$T/d/clean/$n"; fi)
	done
	is "$(grep -cP 'own.tmp|keys.tmp' <(ls "$T/d"))" 0
	# decisions of a person have these keys; by hand the commands give the same bytes
	printf 'b c/00000003\tdrop\n' >"$T/mine.tsv"
	ok vae-clean -q --keys-per-file -c tiny --steps 30 --top 4 --decisions "$T/mine.tsv" -o "$T/d" "$a" "$b"
	is "$(vae-cut -k key "$T/d/clean/b c.tar.zst" | grep -c 00000003)" 0
	is "$(vae-cut -k key "$T/d/clean/it's %41.tar" | grep -c 00000003)" 1
	mkdir "$T/hand"
	vae-clean -q --print --keys-per-file -c tiny --steps 30 --top 4 --decisions "$T/mine.tsv" -o "$T/d" "$a" "$b" | sed "s|cd .*|cd '$T/hand'|" | sh -e
	cmp "$T/d/clean/b c.tar.zst" "$T/hand/clean/b c.tar.zst"
	cmp "$T/d/quarantine.tar.zst" "$T/hand/quarantine.tar.zst"
	# a shard that is added: the others keep their scores
	stat -c '%i %y' "$T/d/scored/00001.tar.zst" >"$T/inode"
	cp "$F/broken.tar" "$T/c.tar"
	ok vae-clean -q --keys-per-file -c tiny --steps 30 -o "$T/d" "$a" "$b" "$T/c.tar"
	stat -c '%i %y' "$T/d/scored/00001.tar.zst" | cmp - "$T/inode"
	grep -P '^c/z/broken\tdrop\tbroken$' "$T/d/decisions.tsv"
	is "$(vae-cut -k key "$T/d/clean/c.tar" | wc -l)" 0
	fails 1 vae-clean -q --keys-per-file -c tiny --steps 30 -o "$T/e" "$a" "$T/a/../a/it's %41.tar"
	says 'two shards are'
	fails 1 vae-clean -q -c tiny --steps 30 --keep-sharding -o "$T/d" "$a" "$b"
	says 'other settings'
	fails 2 vae-clean -q --keys-per-file -o "$T/e" "$F/rows.csv"
	says --keys-per-file
}

@test "clean: the network is chosen by colour and the median side" {
	# chooses KIND WIDTH HEIGHT NETWORK: of 60 such pictures
	chooses() {
		rm -rf "$T/p"
		mkdir "$T/p"
		perl -e 'my ($d, $kind, $w, $h) = @ARGV; srand 1; for (0 .. 59) { open my $f, ">:raw", sprintf "%s/%02d.p%sm", $d, $_, $kind == 6 ? "p" : "g";
			($w, $h) = (300, 300) if $_ == 40; print $f "P$kind\n$w $h\n255\n", map { chr rand 256 } 1 .. $w * $h * ($kind == 6 ? 3 : 1) }' "$T/p" "$1" "$2" "$3"
		vae-clean -q --print -o "$T/x" "$T/p" >"$T/commands"
		is "$(sed -n "s/.*vae-train.* -c '\([^']*\)'.*/\1/p" "$T/commands")" "$4"
	}
	chooses 5 28 28 mnist-mlp
	chooses 6 28 28 conv-32
	chooses 5 48 44 conv-32
	chooses 6 20 64 conv-64
	chooses 6 97 30 conv-128
}

@test "clean: a zip archive gives what its folder gives" {
	mkdir "$T/zip"
	(cd "$F/pics" && printf '%s\n' *.pgm | bsdtar --format zip -cf "$T/zip/pics.zip" -T -)
	cleans -o "$T/a" "$F/pics"
	cleans -o "$T/b" "$T/zip/pics.zip"
	same "$T/a/decisions.tsv" "$T/b/decisions.tsv"
	for d in a b; do zstd -dcq "$T/$d/clean.tar.zst" | lstar | awk '{ print $1, $NF }' >"$T/$d.list"; done
	same "$T/a.list" "$T/b.list"
	not cleans -o "$T/c" "$T/zip/pics.zip" "$T/zip/pics.zip" 2>"$T/err"
	says 'one at a time'
	# as vae-pack, whatever the case of the extension
	mv "$T/zip/pics.zip" "$T/zip/PICS.ZIP"
	ok vae-clean --print -o "$T/c" "$T/zip/PICS.ZIP"
}

@test "clean: data from which nothing can be made: one clear line, and nothing is left" {
	# refused WORDS FILE
	refused() {
		fails 1 vae-clean -q -c tiny --steps 30 -o "$T/o" "$2"
		says "$1"
		[ ! -e "$T/o" ]
	}
	local i
	mkdir "$T/empty" "$T/one" "$T/text"
	refused 'has no records' "$T/empty"
	cp "$F/pics/001.pgm" "$T/one"
	refused 'too few records to say what is unusual: 1, and at least 50' "$T/one"
	for i in $(seq 60); do echo "$i" >"$T/text/$i.jpg"; done
	refused 'no record can be decoded' "$T/text"
	refused 'no record can be decoded' "$F/broken.tar"
	: >"$T/empty.tar"
	refused 'empty input' "$T/empty.tar"
	printf 'a,b\n' >"$T/header.csv"
	refused 'header.csv' "$T/header.csv"
	: >"$T/empty.csv"
	refused 'the file has no lines' "$T/empty.csv"
	printf 'a,b\n1,x\n' >"$T/text.csv"
	refused --label "$T/text.csv"
	head -c 40000 "$F/pics.tar" >"$T/cut.tar"
	refused truncated "$T/cut.tar"
	fails 1 vae-clean -q -o "$F/pics.tar/sub" "$F/pics.tar"
	says 'cannot be made'
	# what was there before stays
	mkdir "$T/o"
	fails 1 vae-clean -q -o "$T/o" "$T/one"
	[ -d "$T/o" ]
}

@test "clean: all records equal, all blank, a table of one column" {
	mkdir "$T/equal" "$T/blank"
	local i
	for i in $(seq 60); do
		cp "$F/pics/001.pgm" "$T/equal/$i.pgm"
		printf 'P5\n8 8\n255\n%064d' 0 >"$T/blank/$i.pgm"
	done
	ok vae-clean -c tiny --steps 30 -o "$T/e" "$T/equal"
	says '59 of 60 records'
	ok vae-clean -q -c tiny --steps 30 -o "$T/e" "$T/equal"
	is "$(cat "$T/err")" "vae-clean: more than half of the records (59 of 60) are in the quarantine: look at $T/e/review.html before you use the rest"
	is "$(vae-cut -k key "$T/e/clean.tar.zst" | wc -l)" 1
	is "$(grep -cP '\tdrop\tcopy of 00000000$' "$T/e/decisions.tsv")" 59
	ok cleans -o "$T/b" "$T/blank"
	grep -q '"quarantined":60,"steps":30,"blank":60' "$T/b/summary.json"
	# one column, of which one value lies far off; and one of equal values
	{ echo a && seq 200 && echo 9999; } >"$T/one.csv"
	ok vae-clean -q --top 1 -o "$T/o" "$T/one.csv"
	is "$(vae-cut -k key "$T/o/quarantine.tar.zst")" 00000200
	{ echo a && yes 5 | head -n 200; } >"$T/same.csv"
	ok vae-clean -q -o "$T/s" "$T/same.csv"
	grep -q '"records":200,"quarantined":0' "$T/s/summary.json"
}

@test "clean: no space: one line of the tool that met it, and the run goes on when there is" {
	unshare -rm true 2>/dev/null || skip 'user namespaces are not allowed here, which a small file system requires'
	mkdir "$T/small"
	local size got
	# shellcheck disable=SC2016
	local script='mount -t tmpfs -o size=${3}k none "$1/small" && { vae-clean -q -c tiny --steps 30 --top 2 -o "$1/small/d" "$2" 2>"$1/err"; echo $? >"$1/got"; cp -r "$1/small/d" "$1/left.$3" 2>/dev/null; }'
	cleans --top 2 -o "$T/want" "$F/pics.tar"
	for size in 8 64 100 200 400; do
		got=0
		unshare -rm sh -c "$script" sh "$T" "$F/pics.tar" "$size" || true
		got=$(cat "$T/got")
		[ "$got" -ne 0 ] || continue
		head -n 1 "$T/err" | grep -qi 'no space'
		[ -d "$T/left.$size" ] || continue
		# elsewhere, where there is space, it goes on to the same bytes
		cleans --top 2 -o "$T/left.$size" "$F/pics.tar"
		cmp "$T/left.$size/decisions.tsv" "$T/want/decisions.tsv"
		cmp "$T/left.$size/clean.tar.zst" "$T/want/clean.tar.zst"
	done
	[ "$size" -ge 400 ]
	[ -d "$T/left.200" ]
}

@test "clean: of ten checkpoints the one with the lowest held-out loss scores" {
	# noise, which can be learnt only by heart
	mkdir "$T/noise"
	perl -e 'srand 5; for my $i (0 .. 99) { open my $f, ">:raw", sprintf "%s/%02d.pgm", $ARGV[0], $i; print $f "P5\n8 8\n255\n", map { chr 255 * int rand 2 } 1 .. 64 }' "$T/noise"
	vae-pack "$T/noise" >"$T/noise.tar"
	sed 's/linear: 32/linear: 256/; s/lr: .*/lr: 0.01/; s/beta: 1/beta: 0.1/' "$ROOT/config/tiny.yaml" >"$T/big.yaml"
	ok vae-clean -q -c "$T/big.yaml" --steps 400 -o "$T/d" "$T/noise.tar"
	vae-train -q -c "$T/big.yaml" --set train.checkpoints=10 --set train.holdout=0.05 --set train.steps=400 -o "$T/m.vae" "$T/noise.tar"
	vae-ckpt list -m "$T/m.vae" | awk -F '\t' 'NR > 1 && (NR == 2 || $4 < low) { low = $4; best = $1 } END { printf "%09d\n", best }' >"$T/best"
	same "$T/best" "$T/d/model.step"
	[ "$(sed 's/^0*//' "$T/best")" -lt 400 ] # or this test says nothing
	cmp "$T/m.vae/step-$(cat "$T/best").safetensors" "$T/d/model.vae/step-$(cat "$T/best").safetensors"
	vae-selfinf -q -d 4 -m "$T/m.vae" --checkpoints "$(sed 's/^0*//' "$T/best")" "$T/noise.tar" | vae-cut -k key,loss,model >"$T/want"
	vae-cut -k key,loss,model "$T/d/scored/00001.tar.zst" >"$T/got"
	same "$T/got" "$T/want"
}

@test "clean: labels beside the pictures of a folder are no records of their own" {
	mkdir "$T/d"
	cp "$F/pics/"*.pgm "$T/d"
	for p in "$T/d/"0*.pgm; do echo 1 >"${p%.pgm}.cls"; done
	echo '{"a":1}' >"$T/d/017.json"
	ok vae-clean -c tiny --steps 30 -o "$T/a" "$T/d"
	says 'are one record' 'pictures'
	grep -P '^017\tdrop\tcut$' "$T/a/decisions.tsv"
	not grep -P '\tbroken$' "$T/a/decisions.tsv"
	is "$(zstd -dcq "$T/a/quarantine.tar.zst" | lstar --names | grep -c '^017[.]\(cls\|json\|pgm\)$')" 3
	grep -q -- '--together' "$T/a/Makefile"
	# one name alone, or files that are no labels, change nothing
	mkdir "$T/e"
	cp "$F/pics/"*.pgm "$T/e"
	cp "$T/e/001.pgm" "$T/e/001.png"
	cleans -o "$T/b" "$T/e"
	not grep -q -- '--together' "$T/b/Makefile"
}
