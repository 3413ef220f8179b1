# vae-testinf: its options, and what its fields, its matrix and its table mean.

# shellcheck disable=SC2002,SC2094
load helper

setup_file() {
	pictures "$F/pics" 60
	plain_stream 40 | mktar >"$F/in.tar"
	tests 40 60 | mktar >"$F/t.tar"
	train "$F/m.vae" <"$F/in.tar"
}

# tests FROM TO: a list for mktar of test records
tests() {
	local i
	for ((i = $1; i < $2; i++)); do
		printf 'name=t/%02d.pgm file=%s/pics/%d.pgm\nname=t/%02d.cls data=%d\n' "$i" "$F" "$i" "$i" $((i % 3))
	done
}

# over OPTION...: the matrix of $F/in.tar over $F/t.tar in $T/x.npy, the stream in $T/out
over() { ok vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --matrix "$T/x.npy" "$@" "$F/in.tar"; }

# matrix FILE.npy: a line a record, the influences with tabs between
matrix() {
	perl -e 'local $/; open my $f, "<:raw", shift or die; my $t = <$f>;
		my ($rows, $cols) = $t =~ /^\x93NUMPY\x01\x00.*\x27shape\x27: \((\d+), (\d+)\)/s or die "header\n";
		my @v = unpack "f<*", substr $t, 192; die "size\n" if @v != $rows * $cols || $t !~ /^.{191}\n/s;
		print join("\t", map { $_ == $_ ? sprintf "%.9g", $_ : "nan" } splice @v, 0, $cols), "\n" for 1 .. $rows' "$1"
}

# alike FILE FILE [OFF]: two matrices, up to this share of the largest number in them
alike() {
	perl -e 'sub numbers { open my $f, "<", shift or die; local $/; return split " ", <$f> } my @a = numbers(shift); my @b = numbers(shift); my $e = shift;
		die "sizes $#a $#b\n" if @a != @b || !@a; my $m = 0; for (@a) { $m = abs if abs > $m }
		for (0 .. $#a) { die "$_: $a[$_] $b[$_]\n" if ($a[$_] eq "nan") != ($b[$_] eq "nan") || ($a[$_] ne "nan" && abs($a[$_] - $b[$_]) > $e * $m) }' \
		"$1" "$2" "${3:-1e-6}"
}

# sums OUT A B...: the sum of matrices
sums() {
	local out=$1
	shift
	paste "$@" | awk -F '\t' -v n=$# '{ k = NF / n; for (i = 1; i <= k; i++) { s = 0; for (j = 0; j < n; j++) s += $(i + j * k); printf "%s%.9g", (i > 1 ? "\t" : ""), s } print "" }' >"$out"
}

# noise FILE RECORDS [SEED]: an npy file for 4 draws and 4 latent variables
noise() {
	perl -e 'my ($r, $s) = @ARGV; my $h = "{\x27descr\x27: \x27<f4\x27, \x27fortran_order\x27: False, \x27shape\x27: ($r, 4, 4), }";
		$h .= " " x (117 - length $h) . "\n"; binmode STDOUT; print "\x93NUMPY\x01\x00", pack("v", length $h), $h;
		srand $s; print pack("f<", 2 * rand() - 1) for 1 .. $r * 16' "$2" "${3:-5}" >"$1"
}

@test "the fields are the extremes and the mean of the matrix" {
	over
	matrix "$T/x.npy" >"$T/x"
	is "$(wc -l <"$T/x")" 40
	field key,testinf_max,testinf_max_key,testinf_min,testinf_min_key,testinf_mean <"$T/out" | paste - "$T/x" | awk -F '\t' '
		function off(a, b) { d = a - b; return (d < 0 ? -d : d) > 1e-6 * (b < 0 ? -b : b) + 1e-9 }
		{ hi = lo = 7; s = 0
		  for (i = 7; i <= NF; i++) { s += $i; if ($i > $hi) hi = i; if ($i < $lo) lo = i }
		  if (off($2, $hi) || off($4, $lo) || off($6, s / 20) && off($6 * 1e3, s / 20 * 1e3)) bad = 1
		  if ($3 != sprintf("t/%02d", hi + 33) || $5 != sprintf("t/%02d", lo + 33)) bad = 1 }
		END { exit bad || NR != 40 }'
	is "$(field model <"$T/out" | sort -u)" "$(vae-ckpt list -m "$F/m.vae" | tail -1 | cut -f2)"
	is "$(field options <"$T/out" | sort -u | awk '{ print length($0) }')" 12
	is "$(field testinf_n,error <"$T/out" | tr -d '\t\n')" ''
}

@test "influences do not depend on the place of a record in the stream, to the bit" {
	any_place || skip 'this processor has no AVX2, or has AMX, or VAE_FILTERS_SIMD is set'
	local from n
	over
	matrix "$T/x.npy" >"$T/all"
	n=$(wc -l <"$T/all")
	vae-cut -k key "$F/in.tar" >"$T/keys"
	for from in 2 4 9 $((n - 1)); do
		tail -n +"$from" "$T/keys" >"$T/rest"
		vae-drop -q --keys "$T/rest" -r "$T/rest$from.tar" "$F/in.tar" >"$T/none"
		ok vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --matrix "$T/y.npy" "$T/rest$from.tar"
		matrix "$T/y.npy" | diff - <(tail -n +"$from" "$T/all")
	done
}

@test "--influence: the strongest of each test record, in order, as the matrix has them" {
	over --influence "$T/top.jsonl" --top 3
	isjson <"$T/top.jsonl"
	is "$(wc -l <"$T/top.jsonl")" 20
	matrix "$T/x.npy" >"$T/x"
	perl -e 'open my $x, "<", $ARGV[0]; my @x = map { [split] } <$x>; open my $t, "<", $ARGV[1]; my $q = 0;
		while (<$t>) {
			my ($pro, $con) = /"test":"t\/@{[40 + $q]}","cls":"@{[(40 + $q) % 3]}","proponents":\[(.*)\],"opponents":\[(.*)\],"model":"\w+","options":"\w+","top":3}$/ or die "line $_";
			my @s = sort { $x[$b][$q] <=> $x[$a][$q] || $a <=> $b } 0 .. 39;
			my @want = grep { $x[$_][$q] > 0 } @s; $#want = 2 if $#want > 2;
			my @not = grep { $x[$_][$q] <= 0 } reverse @s; $#not = 2 if $#not > 2;
			for ([$pro, @want], [$con, @not]) {
				my ($list, @w) = @$_; my @keys = $list =~ /"key":"s\/0*(\d+)"/g; my @v = $list =~ /"influence":([^,]*)/g;
				my @cls = $list =~ /"cls":"(\d)"/g;
				die "test $q: @keys, not @w\n" if "@keys" ne "@w";
				for (0 .. $#w) { die "cls\n" if $cls[$_] != $w[$_] % 3; my $e = $x[$w[$_]][$q]; die "$v[$_] $e\n" if abs($v[$_] - $e) > 1e-6 * abs($e) }
			}
			$q++ }' "$T/x" "$T/top.jsonl"
	# distance and norm are of the means: those of vae-selfinf
	local key
	key=$(head -1 "$T/top.jsonl" | sed 's/.*"proponents":\[{"key":"\([^"]*\)".*/\1/')
	near "$(head -1 "$T/top.jsonl" | sed 's/[^}]*"norm":\([^}]*\)}.*/\1/')" \
		"$(vae-selfinf -m "$F/m.vae" "$F/in.tar" | field key,mu_norm | awk -F '\t' -v k="$key" '$1 == k { print $2 }')"
	over --influence "$T/top.jsonl" --top 0
	is "$(grep -c '"proponents":\[\],"opponents":\[\],' "$T/top.jsonl")" 20
	over --influence "$T/top.jsonl"
	is "$(perl -ne 'for (/"(?:pro|op)ponents":\[(.*?)\]/g) { $most = $n if ($n = () = /"key"/g) > $most } END { print $most }' "$T/top.jsonl")" 10
}

# shards: three files of 14, 0 or more and the other records of $F/in.tar, and what --influence with options says of each
shards() {
	local i
	for i in 0 1 2; do
		plain_stream 40 | awk -v i="$i" '{ r = int((NR - 1) / 2) } (i == 0 && r < 14) || (i == 1 && r >= 14 && r < 16) || (i == 2 && r >= 16)' | mktar >"$T/s$i.tar"
		vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --influence "$T/s$i.jsonl" "$@" "$T/s$i.tar" >"$T/null"
	done
}

# near_lists FILE FILE: the same lines but for the last digits of numbers, which depend on the records of a batch
near_lists() {
	local numbers='"(?:influence|distance|norm)":([^,}]*)'
	diff <(perl -pe "s/$numbers//g" "$1") <(perl -pe "s/$numbers//g" "$2")
	paste <(perl -ne "print \"\$1\n\" while /$numbers/g" "$1") <(perl -ne "print \"\$1\n\" while /$numbers/g" "$2") |
		awk '{ d = $1 - $2; m = $1; if (d < 0) d = -d; if (m < 0) m = -m; if (d > 1e-4 * m) { print "far: " $0; exit 1 } }'
}

@test "--merge: the lists of shards become those of the whole stream" {
	local top
	for top in 10 3 1 0; do
		shards --top "$top"
		over --influence "$T/want.jsonl" --top "$top"
		ok vae-testinf --merge --influence "$T/all.jsonl" "$T"/s[0-2].jsonl
		near_lists "$T/want.jsonl" "$T/all.jsonl"
	done
	shards --top 10
	over --influence "$T/want.jsonl" --top 4
	ok vae-testinf --merge --top 4 --influence "$T/all.jsonl" "$T"/s[0-2].jsonl
	near_lists "$T/want.jsonl" "$T/all.jsonl"
	# a merged file is one to merge, and a file alone stays as it is
	ok vae-testinf --merge --influence "$T/two.jsonl" "$T"/s[01].jsonl
	ok vae-testinf --merge --influence "$T/again.jsonl" "$T/two.jsonl" "$T/s2.jsonl"
	ok vae-testinf --merge --influence "$T/all.jsonl" "$T"/s[0-2].jsonl
	same "$T/all.jsonl" "$T/again.jsonl"
	ok vae-testinf --merge --influence "$T/again.jsonl" "$T/all.jsonl"
	same "$T/all.jsonl" "$T/again.jsonl"
}

@test "--merge: exactly the strongest of the lists; of equal ones those of the earlier file" {
	local i
	entry() { printf '{"key":"%s","influence":%s,"distance":0.5,"norm":1.25}' "$1" "$2"; }
	line() { printf '{"test":"t","proponents":[%s],"opponents":[%s],"model":"m","options":"o","top":3}\n' "$1" "$2"; }
	line "$(entry a 3),$(entry b 2),$(entry c 1)" "$(entry d -2),$(entry e 0)" >"$T/1"
	line "$(entry f 3),$(entry g 2.5),$(entry h 2)" "$(entry i -2),$(entry j -2)" >"$T/2"
	line "" "$(entry k -1e30)" >"$T/3"
	ok vae-testinf --merge --influence "$T/all" "$T/1" "$T/2" "$T/3"
	line "$(entry a 3),$(entry f 3),$(entry g 2.5)" "$(entry k -1e+30),$(entry d -2),$(entry i -2)" >"$T/want"
	same "$T/want" "$T/all"
	ok vae-testinf --merge --influence "$T/all" "$T/3" "$T/2" "$T/1"
	line "$(entry f 3),$(entry a 3),$(entry g 2.5)" "$(entry k -1e+30),$(entry i -2),$(entry j -2)" >"$T/want"
	same "$T/want" "$T/all"
}

@test "--merge: a shard that is in two files, and lists in another order, are refused" {
	shards --top 3
	ok vae-testinf --merge --influence "$T/all.jsonl" "$T"/s[0-2].jsonl
	fails 1 vae-testinf --merge --influence "$T/x" "$T/s0.jsonl" "$T/s1.jsonl" "$T/s0.jsonl"
	says 's0.jsonl and' "s0.jsonl both list the record '"
	fails 1 vae-testinf --merge --influence "$T/x" "$T"/*.jsonl
	says 'all.jsonl and' 'both list the record'
	fails 1 vae-testinf --merge --influence "$T/x" "$T/s2.jsonl" "$T/s0.jsonl" "$T/all.jsonl"
	says 'all.jsonl both list the record'
	entry() { printf '{"key":"%s","influence":%s,"distance":0.5,"norm":1.25}' "$1" "$2"; }
	printf '{"test":"t","proponents":[],"opponents":[%s,%s],"model":"m","options":"o","top":3}\n' "$(entry a -1)" "$(entry b -2)" >"$T/back"
	fails 1 vae-testinf --merge --influence "$T/x" "$T/back"
	says 'back: line 1: "opponents", entry 2: it is stronger than the entry before it'
	[ ! -e "$T/x" ]
}

@test "a file of influences that was appended to itself is refused, by every tool that reads one" {
	vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" -d 1 --top 2 --influence "$T/i.jsonl" "$F/in.tar" >"$T/scored.tar"
	cat "$T/i.jsonl" "$T/i.jsonl" >"$T/twice.jsonl"
	local n tool
	n=$(($(wc -l <"$T/i.jsonl") + 1))
	for tool in "testinf --merge --influence $T/o.jsonl" 'eval --class key/ --influence' "report -k testinf_max -o $T/p.html $T/scored.tar --influence"; do
		# shellcheck disable=SC2086 # a tool and its options
		ok vae-$tool "$T/i.jsonl"
		# shellcheck disable=SC2086
		fails 1 vae-$tool "$T/twice.jsonl"
		says "twice.jsonl: line $n: the test record" 'has a line before'
	done
}

@test "--merge: test records without influence, and files that do not belong together" {
	{ tests 40 44; printf 'name=t/bad.pgm data=x\n'; } | mktar >"$T/some.tar"
	shards
	for i in 0 1; do vae-testinf -q -m "$F/m.vae" -t "$T/some.tar" --influence "$T/b$i.jsonl" "$T/s$i.tar" >"$T/null"; done
	ok vae-testinf --merge --influence "$T/b.jsonl" "$T"/b[01].jsonl
	is "$(wc -l <"$T/b.jsonl")" 5
	tail -n 1 "$T/b.jsonl" | grep -q '"test":"t/bad","error":'
	fails 1 vae-testinf --merge --influence "$T/x" "$T/s0.jsonl" "$T/b1.jsonl"
	says "$T/b1.jsonl" '"options"'
	head -n 19 "$T/s1.jsonl" >"$T/short.jsonl"
	fails 1 vae-testinf --merge --influence "$T/x" "$T/s0.jsonl" "$T/short.jsonl"
	says 'fewer test records' "$T/short.jsonl"
	head -n 3 "$T/s1.jsonl" | head -c -9 >"$T/cut.jsonl"
	fails 1 vae-testinf --merge --influence "$T/x" "$T/s0.jsonl" "$T/cut.jsonl"
	says "$T/cut.jsonl: line" 'not JSON'
	for options in '-d 3' '--normalize both' '--top 3'; do
		# shellcheck disable=SC2086 # options are words
		vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --influence "$T/o.jsonl" $options "$T/s1.tar" >"$T/null"
		fails 1 vae-testinf --merge --influence "$T/x" "$T/s0.jsonl" "$T/o.jsonl"
		says "$T/o.jsonl: line 1"
	done
	vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --candidates 3 --influence "$T/o.jsonl" "$T/s1.tar" >"$T/null"
	fails 1 vae-testinf --merge --influence "$T/x" "$T/o.jsonl" "$T/o.jsonl"
	says --candidates
	vae-density -q -t "$F/t.tar" --influence "$T/o.jsonl" "$T/s1.tar" >"$T/null"
	fails 1 vae-testinf --merge --influence "$T/x" "$T/o.jsonl"
	says 'model, options and top'
	fails 1 vae-testinf --merge --top 11 --influence "$T/x" "$T/s0.jsonl"
	says 'list only 10'
	: >"$T/empty"
	fails 1 vae-testinf --merge --influence "$T/x" "$T/empty"
	fails 1 vae-testinf --merge --influence "$T/x" "$T/nothere"
	absent "$T/x"
	fails 2 vae-testinf --merge "$T/s0.jsonl"
	says --influence
	fails 2 vae-testinf --merge --influence "$T/x"
	fails 2 vae-testinf --merge --influence "$T/x" -
	fails 2 vae-testinf --merge --influence "$T/x" -m "$F/m.vae" "$T/s0.jsonl"
	fails 2 vae-testinf --merge --influence "$T/s0.jsonl" "$T/s0.jsonl"
	fails 1 vae-testinf --merge --influence /dev/full "$T/s0.jsonl"
	says --influence
	for bad in '{}' '[]' '{"test":1}' '{"test":"a","model":"m","options":"o","top":-1}' '{"test":"a","model":"m","options":"o","top":1}' \
		'{"test":"a","model":"m","options":"o","top":1,"proponents":[{"key":"k"}],"opponents":[]}' '{"test":"a","model":"m","options":"o","top":0,"proponents":[{"key":"k","influence":1,"distance":1,"norm":1}],"opponents":[]}'; do
		echo "$bad" >"$T/bad"
		fails 1 vae-testinf --merge --influence "$T/x" "$T/bad"
		says "$T/bad: line 1"
	done
}

@test "noise: independent for records and tests, and independent of other records" {
	# the same picture on both sides has two noises; given the same noise, the influence over itself is selfinf
	plain_stream 40 | mktar >"$T/same.tar"
	vae-selfinf -q -m "$F/m.vae" "$F/in.tar" | field selfinf >"$T/self"
	ok vae-testinf -q -m "$F/m.vae" -t "$T/same.tar" --matrix "$T/x.npy" "$F/in.tar"
	matrix "$T/x.npy" | awk -F '\t' '{ print $NR }' | paste - "$T/self" | awk '{ d = $1 / $2 - 1; if (d < 0) d = -d; if (d > 1e-4) far++; if (d > 0.9) exit 1 } END { exit far < 35 }'
	noise "$T/e.npy" 40
	vae-selfinf -q -m "$F/m.vae" --eps "$T/e.npy" "$F/in.tar" | field selfinf >"$T/self"
	ok vae-testinf -q -m "$F/m.vae" -t "$T/same.tar" --eps "$T/e.npy" --eps-tests "$T/e.npy" --matrix "$T/x.npy" "$F/in.tar"
	matrix "$T/x.npy" | awk -F '\t' '{ print $NR }' >"$T/diagonal"
	alike "$T/diagonal" "$T/self"
	# a row does not depend on the other test records
	over
	matrix "$T/x.npy" >"$T/all"
	tests 53 54 | mktar >"$T/one.tar"
	ok vae-testinf -q -m "$F/m.vae" -t "$T/one.tar" --matrix "$T/x.npy" "$F/in.tar"
	matrix "$T/x.npy" >"$T/one"
	cut -f14 "$T/all" >"$T/column"
	alike "$T/one" "$T/column"
	# nor on the order of the stream
	plain_stream 40 | awk '{ r[NR] = $0 } END { for (i = 79; i > 0; i -= 2) print r[i] "\n" r[i + 1] }' | mktar >"$T/back.tar"
	ok vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --matrix "$T/x.npy" "$T/back.tar"
	matrix "$T/x.npy" | tac >"$T/back"
	alike "$T/back" "$T/all" 1e-5
	# nor with another seed for the other side
	over --seed 3
	matrix "$T/x.npy" >"$T/seed"
	not alike "$T/seed" "$T/all" 1e-4 2>/dev/null
	noise "$T/short.npy" 39
	fails 1 vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --eps "$T/short.npy" "$F/in.tar"
	says "$T/short.npy" '39 records'
	noise "$T/short.npy" 19
	fails 1 vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --eps-tests "$T/short.npy" "$F/in.tar"
	says "$T/short.npy" '19 test records'
	fails 1 vae-testinf -q -m "$F/m.vae" -d 3 -t "$F/t.tar" --eps-tests "$T/e.npy" "$F/in.tar"
	says "$T/e.npy" 'records, 3, 4'
}

@test "checkpoints and layers add up; draws, gradient, weights and --set shape the score" {
	local s
	over
	matrix "$T/x.npy" >"$T/last"
	for s in 8 16 24; do
		over --checkpoints $s
		matrix "$T/x.npy" >"$T/$s"
	done
	alike "$T/24" "$T/last"
	over --checkpoints all
	matrix "$T/x.npy" >"$T/all"
	sums "$T/sum" "$T/8" "$T/16" "$T/24"
	alike "$T/all" "$T/sum"
	for s in encoder decoder encoder.3 decoder.2 encoder.1,decoder.0; do
		over --layers $s
		matrix "$T/x.npy" >"$T/$s"
	done
	sums "$T/sum" "$T/encoder" "$T/decoder"
	alike "$T/last" "$T/sum"
	sums "$T/sum" "$T/encoder.3" "$T/decoder.2" "$T/encoder.1,decoder.0"
	alike "$T/last" "$T/sum"
	fails 1 vae-testinf -m "$F/m.vae" -t "$F/t.tar" --layers decoder.1 "$F/in.tar"
	says --layers
	# lr * steps since / records: one number at one checkpoint
	ok vae-testinf -m "$F/m.vae" -t "$F/t.tar" --weights lr --matrix "$T/x.npy" "$F/in.tar"
	says 'trained with adam'
	matrix "$T/x.npy" >"$T/lr"
	awk -F '\t' -v w="$(vae-ckpt list -m "$F/m.vae" | awk -F '\t' 'END { print $5 * 8 / $6 }')" '{ for (i = 1; i <= NF; i++) printf "%s%.9g", (i > 1 ? "\t" : ""), w * $i; print "" }' "$T/last" >"$T/want"
	alike "$T/lr" "$T/want" 1e-5
	for s in '-d 7' '--gradient score' '--set score.beta=9'; do
		# shellcheck disable=SC2086 # an option and its argument
		over $s
		matrix "$T/x.npy" >"$T/other"
		not alike "$T/other" "$T/last" 1e-3 2>/dev/null
	done
	# score.estimator applies to self influence only
	over --set score.estimator=cross
	matrix "$T/x.npy" >"$T/other"
	diff "$T/other" "$T/last"
}

@test "--normalize: by the length of one gradient or of both" {
	over
	matrix "$T/x.npy" >"$T/x"
	vae-selfinf -q -m "$F/m.vae" "$F/in.tar" | field selfinf >"$T/self"
	over --normalize train
	matrix "$T/x.npy" >"$T/train"
	paste "$T/self" "$T/x" | awk -F '\t' '{ for (i = 2; i <= NF; i++) printf "%s%.9g", (i > 2 ? "\t" : ""), $i / sqrt($1); print "" }' >"$T/want"
	alike "$T/train" "$T/want" 1e-5
	over --normalize both
	matrix "$T/x.npy" >"$T/both"
	awk -F '\t' '{ for (i = 1; i <= NF; i++) if ($i > 1 || $i < -1) exit 1 }' "$T/both"
	# columns differ by a factor
	paste "$T/train" "$T/both" | awk -F '\t' '{ for (i = 1; i <= 20; i++) { r = $i / $(i + 20); if (NR == 1) f[i] = r; d = r / f[i] - 1; if (d > 1e-4 || d < -1e-4 || r <= 0) exit 1 } }'
	noise "$T/e.npy" 40
	ok vae-testinf -q -m "$F/m.vae" -t "$F/in.tar" --checkpoints all --normalize both --eps "$T/e.npy" --eps-tests "$T/e.npy" --matrix "$T/x.npy" "$F/in.tar"
	matrix "$T/x.npy" | awk -F '\t' '{ d = $NR - 1; if (d > 1e-5 || d < -1e-5) exit 1 }'
	is "$(vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --normalize none "$F/in.tar" | field options | sort -u)" \
		"$(vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" "$F/in.tar" | field options | sort -u)"
	fails 2 vae-testinf -m "$F/m.vae" -t "$F/t.tar" --normalize all "$F/in.tar"
	says --normalize
}

# candidates DRAWS K EXACT: K records of each test record have an influence, as without --candidates. If EXACT is not empty they are the K strongest,
# else at least 40 % of those.
candidates() {
	over -d "$1"
	matrix "$T/x.npy" >"$T/all"
	over -d "$1" --candidates "$2"
	matrix "$T/x.npy" >"$T/some"
	perl -e 'my ($k, $exact) = (shift, shift); $k = 40 if $k > 40; open my $all, "<", shift; open my $some, "<", shift;
		my @a = map { [split] } <$all>; my @s = map { [split] } <$some>; my $found = 0;
		for my $q (0 .. 19) { my %in = map { $_ => 1 } (sort { abs $a[$b][$q] <=> abs $a[$a][$q] || $a <=> $b } 0 .. 39)[0 .. $k - 1]; my $n = 0;
			for (0 .. 39) { next if $s[$_][$q] eq "nan"; $n++; $found += !!$in{$_};
				die "$s[$_][$q] $a[$_][$q]\n" if abs($s[$_][$q] - $a[$_][$q]) > 1e-5 * abs($a[$_][$q]) + 1e-3 }
			die "test $q: $n candidates\n" if $n != $k }
		my $share = $found / $k / 20; die "$share of the strongest\n" if $share < ($exact ? 1 : 0.4)' "$2" "$3" "$T/all" "$T/some"
}

@test "--candidates: exact influences for the strongest of each test record, as 3 draws estimate them, none for the others" {
	local k d
	for k in 1 5 39 40 100; do
		for d in 1 3; do candidates $d $k 1; done # the estimates have all draws
		candidates 8 $k ''
		field testinf_n,testinf_max,testinf_max_key,testinf_min,testinf_min_key,testinf_mean,error <"$T/out" | paste - "$T/some" | awk -F '\t' '
			{ n = 0; hi = 0; for (i = 8; i <= NF; i++) if ($i != "nan") { n++; if (!hi || $i > $hi) hi = i }
			  if ($1 != n || $7 != "") exit 1
			  if (!n && ($2 $3 $4 $5 $6) != "") exit 1
			  if (n && ($3 != sprintf("t/%02d", hi + 32) || $6 == "" || $5 == "")) exit 1 }'
	done
	# through a pipe, and any number of threads
	over --candidates 5
	matrix "$T/x.npy" >"$T/some"
	mv "$T/out" "$T/want"
	cat "$F/in.tar" | vae-testinf -q -j1 -m "$F/m.vae" -t "$F/t.tar" --candidates 5 >"$T/got"
	same "$T/want" "$T/got"
	over --candidates 5 --normalize both --checkpoints all -j3
	matrix "$T/x.npy" >"$T/some"
	over --normalize both --checkpoints all
	matrix "$T/x.npy" | paste - "$T/some" | awk -F '\t' '{ for (i = 1; i <= 20; i++) if ($(i + 20) != "nan") { n++; d = $i - $(i + 20); if (d > 1e-5 || d < -1e-5) exit 1 } } END { exit n != 100 }'
	noise "$T/e.npy" 40
	fails 2 vae-testinf -m "$F/m.vae" -t "$F/t.tar" --candidates 5 --eps "$T/e.npy" "$F/in.tar"
}

@test "--mem: gradients beyond it go to a file, and nothing changes" {
	over --checkpoints all
	mv "$T/out" "$T/want"
	cp "$T/x.npy" "$T/want.npy"
	mkdir "$T/tmp"
	local size
	for size in 0 30K 1G; do
		TMPDIR=$T/tmp over --checkpoints all --mem $size
		same "$T/want" "$T/out"
		same "$T/want.npy" "$T/x.npy"
	done
	is "$(names "$T/tmp")" ''
	fails 1 env TMPDIR=/nowhere vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --mem 0 "$F/in.tar"
	says /nowhere
	ok env TMPDIR=/nowhere vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" "$F/in.tar"
	(
		ulimit -f 16
		fails 1 env TMPDIR="$T/tmp" vae-testinf -q -m "$F/m.vae" -t "$F/t.tar" --mem 0 "$F/in.tar"
	)
	says 'gradients of test records' 'File too large'
	fails 2 vae-testinf -m "$F/m.vae" -t "$F/t.tar" --mem much "$F/in.tar"
	fails 2 vae-testinf -m "$F/m.vae" -t "$F/t.tar" --mem -1 "$F/in.tar"
}

@test "test records that cannot be read have no influences" {
	(tests 40 42 && echo 'name=u/bad.pgm data=oops' && tests 42 44 && echo 'name=u/none.txt data=x') | mktar >"$T/t.tar"
	ok vae-testinf -m "$F/m.vae" -t "$T/t.tar" --matrix "$T/x.npy" --influence "$T/top.jsonl" --summary "$T/s.json" "$F/in.tar"
	says '2 of 6 test records' u/bad
	is "$(matrix "$T/x.npy" | cut -f3,6 | sort -u)" $'nan\tnan'
	matrix "$T/x.npy" | cut -f1,2,4,5 >"$T/got"
	over
	matrix "$T/x.npy" | cut -f1-4 >"$T/want"
	alike "$T/got" "$T/want"
	is "$(grep -c '"error":"' "$T/top.jsonl")" 2
	sed -n 3p "$T/top.jsonl" | grep -q '^{"test":"u/bad","error":"[^"]*","model":"[^"]*","options":"[^"]*","top":[0-9]*}$'
	grep -q '"tests":6,"tests_unread":2,' "$T/s.json"
	echo 'name=u/bad.pgm data=oops' | mktar >"$T/t.tar"
	fails 1 vae-testinf -m "$F/m.vae" -t "$T/t.tar" "$F/in.tar"
	says "$T/t.tar" 'none of 1 test records' u/bad
	head -c 1024 /dev/zero >"$T/t.tar"
	fails 1 vae-testinf -m "$F/m.vae" -t "$T/t.tar" "$F/in.tar"
	says "$T/t.tar: no test records"
	head -c 2000 "$F/t.tar" >"$T/t.tar"
	fails 1 vae-testinf -m "$F/m.vae" -t "$T/t.tar" "$F/in.tar"
	says "$T/t.tar"
	fails 1 vae-testinf -m "$F/m.vae" -t "$T/none.tar" "$F/in.tar"
	says "$T/none.tar" 'No such file'
}

@test "records that cannot be read: rows of nan, also with --candidates" {
	(plain_stream 40 | head -20 && echo 'name=u/bad.pgm data=oops' && plain_stream 40 | tail -60) | mktar >"$T/in.tar"
	over
	matrix "$T/x.npy" >"$T/want"
	local more
	for more in '' '--candidates 40'; do
		# shellcheck disable=SC2086 # an option and its argument
		ok vae-testinf -m "$F/m.vae" -t "$F/t.tar" --matrix "$T/x.npy" $more "$T/in.tar"
		says '1 of 41 records' u/bad
		is "$(matrix "$T/x.npy" | sed -n 11p | tr '\t' '\n' | sort -u)" nan
		matrix "$T/x.npy" | sed 11d >"$T/got"
		alike "$T/got" "$T/want" 1e-5
		is "$(field key,testinf_mean,testinf_n <"$T/out" | sed -n 11p)" $'u/bad\t\t'
		is "$(field error <"$T/out" | grep -c .)" 1
	done
}

@test "--sanity: a table, and no records" {
	ok vae-testinf -m "$F/m.vae" --sanity 10 --summary "$T/s.json" "$F/in.tar"
	is "$(cut -f1 "$T/out" | tr '\n' ' ')" 'own_strongest  same_class distance distance_sd norm norm_sd '
	is "$(sed -n 2p "$T/out")" $'\tproponents\topponents\tall'
	grep -q '"tests":10,"tests_unread":0,"top":1,"own":' "$T/s.json"
	isjson --flat <"$T/s.json"
	cp "$T/out" "$T/want"
	ok vae-testinf -m "$F/m.vae" -j1 --sanity 10 <"$F/in.tar"
	same "$T/want" "$T/out"
	cat "$F/in.tar" | ok vae-testinf -m "$F/m.vae" --sanity 10
	same "$T/want" "$T/out"
	# as with the same records given by -t
	plain_stream 40 | head -20 | mktar >"$T/t.tar"
	ok vae-testinf -q -m "$F/m.vae" -t "$T/t.tar" --top 1 --influence "$T/top.jsonl" --summary "$T/t.json" --matrix "$T/x.npy" "$F/in.tar"
	near "$(sed -n 's/^own_strongest\t//p' "$T/want")" \
		"$(matrix "$T/x.npy" | awk -F '\t' '{ for (i = 1; i <= NF; i++) if (NR == 1 || $i > m[i]) { m[i] = $i; at[i] = NR } } END { for (i = 1; i <= 10; i++) n += at[i] == i; print n / 10 }')"
	near "$(awk -F '\t' '$1 == "same_class" { print $2 }' "$T/want")" "$(perl -ne '/"cls":"(.)","proponents":\[{"key":"[^"]*","cls":"(.)"/; $n += $1 eq $2; END { print $n / 10 }' "$T/top.jsonl")"
	near "$(awk -F '\t' '$1 == "distance" { print $2 }' "$T/want")" "$(perl -ne '/"proponents":\[[^}]*"distance":([^,]*)/; $n += $1; END { print $n / 10 }' "$T/top.jsonl")" 2e-3
	near "$(awk -F '\t' '$1 == "norm" { print $4 }' "$T/want")" "$(vae-selfinf -q -m "$F/m.vae" "$F/in.tar" | field mu_norm | awk '{ s += $1 } END { print s / 40 }')" 1e-3
	near "$(awk -F '\t' '$1 == "norm_sd" { print $4 }' "$T/want")" "$(vae-selfinf -q -m "$F/m.vae" "$F/in.tar" | field mu_norm | awk '{ s += $1; q += $1 * $1 } END { print sqrt((q - s * s / 40) / 39) }')" 1e-2
	near "$(awk -F '\t' '$1 == "same_class" { print $4 }' "$T/want")" "$(awk 'BEGIN { for (i = 0; i < 10; i++) for (j = 0; j < 40; j++) n += i % 3 == j % 3; print n / 400 }')" 2e-3
	not grep -q '"own"' "$T/t.json"
	grep -q '"same_class_proponents":' "$T/t.json"
	# more tests than records, another share, records without a class
	plain_stream 40 | grep -v cls | mktar >"$T/plain.tar"
	ok vae-testinf -m "$F/m.vae" --sanity 100 --top 2 --summary "$T/s.json" "$T/plain.tar"
	grep -q '"tests":40,"tests_unread":0,"top":2,' "$T/s.json"
	is "$(grep same_class "$T/out")" $'same_class\t\t\t'
	not grep -q same_class "$T/s.json"
	# by the cosine, with the same noise on both sides, every record is its own strongest proponent
	ok vae-testinf -m "$F/m.vae" --sanity 40 -d 64 --normalize both "$F/in.tar"
	is "$(head -1 "$T/out")" $'own_strongest\t1.000'
	fails 1 vae-testinf -m "$F/m.vae" --sanity 10 <(head -c 1024 /dev/zero)
	says 'no test records'
	local o
	for o in "-o $T/o.tar" "-r $T/o.tar" '--candidates 3' "-t $F/t.tar" "--eps-tests $T/x.npy"; do
		# shellcheck disable=SC2086 # an option and its argument
		fails 2 vae-testinf -m "$F/m.vae" --sanity 10 $o "$F/in.tar"
	done
}

@test "output files are written whole, and may not be inputs" {
	local o
	cp "$F/t.tar" "$T/t.tar"
	cp "$F/in.tar" "$T/in.tar"
	for o in --influence --matrix; do
		fails 2 vae-testinf -m "$F/m.vae" -t "$T/t.tar" $o "$T/t.tar" "$T/in.tar"
		fails 2 vae-testinf -m "$F/m.vae" -t "$T/t.tar" $o "$T/in.tar" "$T/in.tar"
		fails 2 vae-testinf -m "$F/m.vae" -t "$T/t.tar" $o "$T/in.tar" <"$T/in.tar"
		fails 2 vae-testinf -m "$F/m.vae" -t "$T/t.tar" $o "$T/o" -o "$T/o" "$T/in.tar"
		fails 1 vae-testinf -m "$F/m.vae" -t "$T/t.tar" $o "$T/no/such" "$T/in.tar"
		says "$o" "$T/no/such"
		echo old >"$T/f"
		head -c 30000 "$F/in.tar" >"$T/cut"
		fails 1 vae-testinf -m "$F/m.vae" -t "$T/t.tar" $o "$T/f" "$T/cut"
		is "$(cat "$T/f")" old
		fails 1 vae-testinf -m "$F/m.vae" -t "$T/t.tar" $o /dev/full "$T/in.tar"
		says "$o" 'No space left'
	done
	no_leftovers "$T"
	same "$F/t.tar" "$T/t.tar"
	same "$F/in.tar" "$T/in.tar"
	mkfifo "$T/fifo"
	cat "$T/fifo" >/dev/null &
	fails 1 vae-testinf -m "$F/m.vae" -t "$T/t.tar" --matrix "$T/fifo" "$T/in.tar"
	says --matrix 'requires a file'
	wait
}

@test "a wrong command line exits 2 and says why" {
	fails 2 vae-testinf -t "$F/t.tar" "$F/in.tar"
	says '-m NAME.vae'
	fails 2 vae-testinf -m "$F/m.vae" "$F/in.tar"
	says '-t TESTS' --sanity
	fails 2 vae-testinf -m "$F/m.vae" -t - "$F/in.tar"
	fails 2 vae-testinf -m "$F/m.vae" -t "$F/t.tar" --top 2000000 "$F/in.tar"
	fails 2 vae-testinf -m "$F/m.vae" -t "$F/t.tar" --set score.nothing=1 "$F/in.tar"
	fails 2 vae-testinf -m "$F/m.vae" -t "$F/t.tar" --weights two "$F/in.tar"
	over
	mv "$T/out" "$T/scored.tar"
	fails 1 vae-testinf -m "$F/m.vae" -t "$F/t.tar" "$T/scored.tar"
	says 'testinf_max' --replace
}

@test "convolutional networks: the same at any -j, sums of layers, candidates" {
	local s
	cat >"$T/c.yaml" <<-Y
		input: {shape: [1, 8, 8]}
		model: {latent: 3, encoder: [{conv2d: {out: 4, kernel: 4, stride: 2, padding: 1}}, relu, {conv2d: {out: 6, kernel: 4, stride: 1, padding: 0}}, relu, flatten, {linear: 6}],
		  decoder: [{linear: 6}, relu, {unflatten: [6, 1, 1]}, {conv_transpose2d: {out: 4, kernel: 4, stride: 1, padding: 0}}, relu, {conv_transpose2d: {out: 1, kernel: 4, stride: 2, padding: 1}}]}
		train: {steps: 6, checkpoints: 2, holdout: 0}
	Y
	vae-train -q -c "$T/c.yaml" -o "$T/c.vae" "$F/in.tar"
	c() { ok vae-testinf -q -m "$T/c.vae" -t "$F/t.tar" --matrix "$T/x.npy" "$@" "$F/in.tar"; }
	for s in 1 2 3 16; do
		c -d $s -j1
		mv "$T/out" "$T/want"
		matrix "$T/x.npy" >"$T/all"
		c -d $s -j3
		same "$T/want" "$T/out"
		c -d $s --candidates 40
		matrix "$T/x.npy" >"$T/some"
		alike "$T/some" "$T/all" 1e-5
		c -d $s --layers encoder
		matrix "$T/x.npy" >"$T/encoder"
		c -d $s --layers decoder.0,decoder.3
		matrix "$T/x.npy" >"$T/first"
		c -d $s --layers decoder.5
		matrix "$T/x.npy" >"$T/last"
		sums "$T/sum" "$T/encoder" "$T/first" "$T/last"
		alike "$T/sum" "$T/all" 1e-5
	done
}

@test "vectors are standardised as the model does" {
	perl -e 'srand 3; print "a,b,c,d,what\n"; for (1 .. 60) { print join(",", map({ sprintf "%.3f", 50 * $_ * rand() } 1 .. 4), $_ % 2), "\n" }' >"$T/rows.csv"
	vae-pack -q --label what "$T/rows.csv" >"$T/rows.tar"
	vae-train -q -c tabular --set train.steps=10 --set train.checkpoints=1 -o "$T/r.vae" "$T/rows.tar"
	ok vae-testinf -q -m "$T/r.vae" -t "$T/rows.tar" --matrix "$T/x.npy" --influence "$T/top.jsonl" "$T/rows.tar"
	is "$(field testinf_mean <"$T/out" | grep -c .)" 60
	vae-selfinf -q -m "$T/r.vae" "$T/rows.tar" | field selfinf >"$T/self"
	# every norm is close to the root of the record's product with itself, with other noise
	matrix "$T/x.npy" | awk -F '\t' '{ print $NR }' | paste - "$T/self" | awk '{ if ($1 > 0.2 * $2 && $1 < 5 * $2) n++ } END { exit n < 45 }'
}

# What PyTorch made in double of a published network: |difference| <= 2e-4 |g||g'|.
@test "the reference: test influences of the CIFAR network, through the tool" {
	[ -n "${VAE_REF:-}" ] || skip 'set VAE_REF to a directory with reference numbers from PyTorch'
	[ -d "$VAE_REF/cifar" ] || skip "no cifar in $VAE_REF"
	local R=$VAE_REF/cifar
	sed 's/latent: *128/latent: 64/; s/flatten, {linear: 256}/flatten, {linear: 128}/' "$ROOT/config/beta-vae-h.yaml" >"$T/h.yaml"
	ok vae-ckpt import -c "$T/h.yaml" --set score.beta=2 -o "$T/h.vae" "$R/step-1500000.safetensors"
	# pictures of 3x64x64 from an array, as .npy members
	perl -e 'local $/; open my $f, "<:raw", shift; my $t = <$f>; my $h = unpack "x8v", $t; $t = substr $t, 10 + $h; my $n = length($t) / 12288;
		for (0 .. $n - 1) { my $d = "{\x27descr\x27: \x27|u1\x27, \x27fortran_order\x27: False, \x27shape\x27: (3, 64, 64), }"; $d .= " " x (117 - length $d) . "\n";
			open my $o, ">:raw", sprintf "%s/%02d.npy", $ARGV[0], $_; print $o "\x93NUMPY\x01\x00", pack("v", length $d), $d, substr $t, $_ * 12288, 12288 }' \
		"$R/tests_u8_16x3x64x64.npy" "$T"
	for i in "$T"/??.npy; do echo "name=t/$(basename "$i") file=$i"; done | mktar >"$T/t.tar"
	o() { ok vae-testinf -q -m "$T/h.vae" -t "$T/t.tar" --eps "$R/eps_32x16x64.npy" --eps-tests "$R/eps_tests_16x16x64.npy" --matrix "$T/x.npy" "$@" "$R/images.tar"; }
	o
	matrix "$T/x.npy" >"$T/x"
	o --normalize both
	matrix "$T/x.npy" >"$T/cosines"
	perl -e 'local $/; open my $f, "<:raw", shift; my $t = <$f>; my $h = unpack "x8v", $t; my @e = unpack "d<*", substr $t, 10 + $h; $/ = "\n";
		open my $x, "<", shift; open my $c, "<", shift; my $r = 0; my $worst = 0;
		while (<$x>) { my @x = split; my @c = split " ", <$c>;
			for my $q (0 .. 15) { my $off = abs($x[$q] - $e[$q * 32 + $r]) * abs($c[$q] / $x[$q]); $worst = $off if $off > $worst } $r++ }
		print "# at most $worst |g||g\x27| off\n"; exit !($r == 32 && $worst <= 2e-4)' "$R/expected_testinf_16x32.npy" "$T/x" "$T/cosines"
}
