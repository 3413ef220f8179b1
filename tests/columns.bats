# vae-cut --columns and vae-rank --columns: the highest of many shards, without their records.
# shellcheck disable=SC2094

load helper

# make_shards DIR N SHARDS MODE: N records over SHARDS, with fields a, b, c_1, c_2 of which some are missing; MODE equal: all values are 1
make_shards() {
	mkdir -p "$1"
	perl -e 'my ($dir, $n, $shards, $mode) = @ARGV; srand 7; my @out; for (0 .. $shards - 1) { open $out[$_], ">", sprintf "%s/%02d.list", $dir, $_ or die $! }
		for my $i (0 .. $n - 1) { my $s = int $i * $shards / $n; my @f;
			for my $name (qw(a b c_1 c_2)) {
				next if rand() < .03 || $name eq "c_2" && $s == 0; # the first shard has no c_2
				my $v = $mode eq "equal" ? 1 : exp(2 * rand() + rand()) * ($i % 41 ? 1 : 5);
				$v = int 4 * $v if $name eq "b" && $mode ne "equal";
				push @f, sprintf "\"%s\":%.9g", $name, $v }
			push @f, "\"note\":\"text\"";
			printf { $out[$s] } "name=s/%05d.cls data=1\nname=s/%05d.vae.json data={%s}\n", $i, $i, join ",", @f }' "$1" "$2" "$3" "${4:-}"
	local i
	for i in "$1"/*.list; do mktar <"$i" >"${i%.list}.tar"; done
}

setup_file() {
	make_shards "$F/s" 2000 7
	make_shards "$F/e" 200 3 equal
	local i
	for i in "$F"/[se]/*.tar; do vae-cut -q --columns "${i%.tar}.col" --bind "of ${i##*/}" -k 'a,b,c_*' "$i"; done
}

# listed DIR OPTION...: the lists of all shards of DIR equal what ranking the whole stream selects
listed() {
	local dir=$1 top=$2 i
	shift 2
	rm -rf "$T/lists" "$T/want"
	mkdir "$T/want"
	ok vae-rank --columns --top "$top" --lists "$T/lists" -q "$@" "$F/$dir"/*.col
	vae-rank -q "$@" "$F/$dir"/*.tar | vae-drop -q -i --top "$top" | vae-cut -q -k key >"$T/all"
	for i in "$F/$dir"/*.tar; do
		vae-cut -k key "$i" | grep -Fxf "$T/all" >"$T/want/$(basename "${i%.tar}").keys" || true
	done
	diff -r "$T/want" "$T/lists"
}

@test "columns: the lists are what vae-rank and vae-drop select of the whole stream, for every score" {
	listed s 1% -k a
	is "$(cat "$T"/lists/* | wc -l)" 19
	listed s 37 -k b
	listed s 5% -k a,b
	listed s 50 -k 'a,c_*'
	listed s 5% -k a,b,c_1 --joint mahalanobis
	listed s 3% --joint both -k a,b --unlike 'c_*' --far b,c_2
	listed s 3% --joint both -k 'c_*,a'
	listed s 100% -k c_2
	listed s 0 -k a
	is "$(cat "$T"/lists/* | wc -l)" 0
	listed s 100000 -k a
}

@test "columns: equal values are listed in the order of the files, and of the records in them" {
	listed e 10% -k a
	listed e 77 -k a
	listed e 10% -k a,b,c_1
	listed e 10% -k a,b --joint tails
	is "$(wc -l <"$T/lists/00.keys")" 20
	is "$(wc -l <"$T/lists/02.keys")" 0
}

@test "columns: --summary, bindings, and keys that come again" {
	printf 'of %02d.tar\n' 0 1 2 3 4 5 6 >"$T/bindings"
	ok vae-rank --columns --top 10 --lists "$T/l" -k a --bindings "$T/bindings" --summary "$T/sum" "$F"/s/*.col
	grep -q '"files":7,"records":2000,"ranked":1' "$T/sum"
	grep -q '"listed":10,"rank_by":"a","top":"10","threshold":' "$T/sum"
	vae-rank -k a "$F"/s/*.tar | vae-drop -q -i --top 10 | vae-cut -k a | sort -g | head -n 1 >"$T/least"
	near "$(sed 's/.*"threshold":\([^,]*\),.*/\1/' "$T/sum")" "$(cat "$T/least")"
	rm -r "$T/l"
	sed -i 's/03/04/' "$T/bindings"
	fails 1 vae-rank --columns --top 10 --lists "$T/l" -k a --bindings "$T/bindings" "$F"/s/*.col
	says 03.col "bound to 'of 03.tar', not to 'of 04.tar'"
	absent "$T/l"
	head -n 6 "$T/bindings" >"$T/few"
	sed -i 's/04/03/' "$T/few"
	fails 1 vae-rank --columns --top 10 --lists "$T/l" -k a --bindings "$T/few" "$F"/s/*.col
	cp "$F/s/02.col" "$T/again.col"
	fails 1 vae-rank --columns --top 10 --lists "$T/l" -k a "$F"/s/*.col "$T/again.col"
	says again.col "the key 's/00" 'is in' 02.col --keys-per-file
	absent "$T/l"
	ok vae-rank --columns --top 10 --lists "$T/l" -k a --keys-per-file "$F"/s/*.col "$T/again.col"
	same "$T/l/02.keys" "$T/l/again.keys"
	mkdir "$T/other"
	cp "$F/s/02.col" "$T/other"
	fails 1 vae-rank --columns --top 10 --lists "$T/l" -k a "$F/s/02.col" "$T/other/02.col"
	fails 2 vae-rank --columns --top 10 --lists "$T/l" -k a --keys-per-file "$F/s/02.col" "$T/other/02.col"
}

@test "columns: the file is no input, no other output and not standard output; a pattern that no field matches gives a warning" {
	cp "$F/e/00.tar" "$T/in.tar"
	ln -s in.tar "$T/link.tar"
	fails 2 vae-cut --columns "$T/in.tar" -k a "$T/link.tar"
	says --columns 'names an input'
	fails 2 vae-cut --columns "$T/in.tar" -k a <"$T/in.tar"
	says --columns 'standard input'
	fails 2 vae-cut --columns "$T/x" --summary "$T/x" -k a "$T/in.tar"
	says --columns --summary 'same file'
	fails 2 vae-cut --columns - -k a "$T/in.tar"
	says --columns 'requires a file'
	absent "$T/x" ./-
	same "$T/in.tar" "$F/e/00.tar"
	ok vae-cut --columns "$T/x" -k 'no*' "$T/in.tar"
	says "none of" "'no*'"
	ok vae-cut -k 'c_*' "$T/in.tar"
	says "'c_*'" 'for --columns only'
}

@test "columns: files that are cut, damaged or of something else are refused" {
	local n size
	vae-cut -q --columns "$T/x.col" -k a,b "$F/e/00.tar"
	size=$(stat -c %s "$T/x.col")
	for n in 0 1 13 14 40 60 100 $((size / 2)) $((size - 18)) $((size - 1)); do
		head -c "$n" "$T/x.col" >"$T/cut.col"
		fails 1 vae-rank --columns --top 1 --lists "$T/l" -k a "$T/cut.col"
		says cut.col
	done
	for ((n = 0; n < size; n += 11)); do # one bit of a byte
		perl -e 'open my $f, "<:raw", $ARGV[0]; local $/; $_ = <$f>; substr($_, $ARGV[1], 1) ^= "\x01"; open $f, ">:raw", $ARGV[2]; print $f $_' "$T/x.col" "$n" "$T/bad.col"
		fails 1 vae-rank --columns --top 1 --lists "$T/l" -k a "$T/bad.col"
		says bad.col
	done
	cat "$T/x.col" <(echo) >"$T/long.col"
	fails 1 vae-rank --columns --top 1 --lists "$T/l" -k a "$T/long.col"
	fails 1 vae-rank --columns --top 1 --lists "$T/l" -k a "$F/e/00.tar"
	says 'vae-cut --columns'
	fails 1 vae-rank --columns --top 1 --lists "$T/l" -k a,c_1 "$T/x.col"
	says "made without 'c_1'"
	fails 1 vae-rank --columns --top 1 --lists "$T/l" -k a /dev/null
	fails 1 vae-rank --columns --top 1 --lists "$T/l" -k a "$T/none.col"
	vae-cut -q --columns "$T/y.col" -k y "$F/e/00.tar"
	fails 1 vae-rank --columns --top 1 --lists "$T/l" -k y "$T/y.col"
	says "none of"
	absent "$T/l"
	ok vae-rank --columns --top 1 --lists "$T/l" -k a "$T/x.col"
}

@test "columns: wrong usage" {
	fails 2 vae-cut --columns "$T/o.col" "$F/e/00.tar"
	says -k
	fails 2 vae-cut --columns "$T/o.col" -k a --json "$F/e/00.tar"
	fails 2 vae-cut --bind x -k a "$F/e/00.tar"
	fails 2 vae-cut --bind $'a\nb' --columns "$T/o.col" -k a "$F/e/00.tar"
	fails 2 vae-cut --columns "$F/e/00.tar" -k a "$F/e/00.tar"
	head -c 5000 "$F/e/00.tar" >"$T/cut.tar"
	fails 1 vae-cut --columns "$T/o.col" -k a "$T/cut.tar"
	absent "$T/o.col"
	no_leftovers "$T"
	fails 2 vae-rank --top 5 -k a "$F/e/00.tar"
	fails 2 vae-rank --columns --top 5 -k a "$F/e/00.col"
	says --lists
	fails 2 vae-rank --columns --lists "$T/l" -k a "$F/e/00.col"
	fails 2 vae-rank --columns --lists "$T/l" --top x -k a "$F/e/00.col"
	fails 2 vae-rank --columns --lists "$T/l" --top 5 -k a
	fails 2 vae-rank --columns --lists "$T/l" --top 5 --sort -k a "$F/e/00.col"
	# an empty stream has columns
	mktar </dev/null >"$T/empty.tar"
	ok vae-cut --columns "$T/0.col" -k 'a,b*' "$T/empty.tar"
	ok vae-rank --columns --lists "$T/l" --top 5 -k a,b* "$T/0.col" "$F/e/00.col" || says 'b'
	fails 1 vae-rank --columns --lists "$T/l" --top 5 -k 'a' "$F/e/00.col" "$T/0.col" "$F/e/00.col"
}

@test "vae-drop --because: dropped_by says why" {
	ok vae-drop -q -e 'a > 2' --because 'top 1% of 7 shards' -r "$T/r.tar" "$F/e/00.tar" || true
	ok vae-drop -q -e 'a >= 0' --because 'top 1% of 7 shards' -r "$T/r.tar" "$F/e/00.tar"
	is "$(vae-cut -k dropped_by "$T/r.tar" | sort -u)" 'top 1% of 7 shards'
}
