#!/usr/bin/env bats
# The examples run as they stand, on small data made here.
# shellcheck disable=SC2016,SC2030,SC2031

setup()
{
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	BIN=${BIN:-$root/build}
	case $BIN in /*) ;; *) BIN=$root/$BIN ;; esac
	PATH=$BIN:$PATH
}

# idx N DIR: pictures and labels as a training set
idx()
{
	"$root/tests/lib/mkidx" "$1" "$2/train"
}

@test "pipeline/demo.sh packs, trains, scores, ranks, quarantines and says where everything lies" {
	idx 400 "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	cp train-images-idx3-ubyte.gz t10k-images-idx3-ubyte.gz
	cp train-labels-idx1-ubyte.gz t10k-labels-idx1-ubyte.gz
	VAE_DATA=$BATS_TEST_TMPDIR VAE_STEPS=16 run "$root/examples/pipeline/demo.sh" out
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[[ $output == *"checked    found  precision   recall"* ]]
	[[ $output == *"5 records are in the quarantine"* ]] # 2 % of 240 clothes and 40 boots, rounded down
	kept=$(vae-cut -k key out/clean.tar.zst | wc -l)
	gone=$(vae-cut -k key out/quarantine.tar.zst | wc -l)
	[ "$kept" -eq 275 ]
	[ "$gone" -eq 5 ]
	[ -f out/clothes.vae/model.yaml ]
	# it writes a report and prints its path
	[[ $output == *"file://$PWD/out/report.html"* ]]
	grep -q '<title>Ankle boots among clothes</title>' out/report.html
	grep -q '5 records are in the quarantine' out/report.html
	grep -q 'id="measures"' out/report.html
	grep -q 'Training curve' out/report.html
	# eight unseen pictures with their proponents and opponents
	[ "$(vae-cut -k cls out/tests.tar | sort | uniq -c | xargs)" = '1 0 1 1 1 2 1 3 1 4 1 6 2 9' ]
	[ "$(grep -c '<article' out/report.html)" -eq 8 ]
	if grep -q "not in the stream" out/report.html; then false; fi
}

@test "pipeline/demo.sh says what is missing where there is no data" {
	VAE_DATA=/nonexistent run "$root/examples/pipeline/demo.sh" "$BATS_TEST_TMPDIR/out"
	[ "$status" -eq 1 ]
	[[ $output == *"dataset-fashion-mnist"* ]]
}

@test "clusters/clusters.sh draws the six clusters, and k-NN peaks on the one of ten" {
	cd "$BATS_TEST_TMPDIR"
	run "$root/examples/clusters/clusters.sh" out
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(echo "$output" | awk '/^[0-5] / && $2 > high { high = $2; which = $1 } END { print which }')" -eq 4 ]
	[ "$(echo "$output" | awk '/^[0-5] / && $4 > high { high = $4; which = $1 } END { print which }')" -eq 5 ]
	[ "$(grep -c '<circle.*r="3.0"' out/clusters.svg)" -eq 100 ]
	for method in knn kde gmm; do
		[ "$(grep -c '<circle class="pt s[06]" cx="[^"]*" cy="[^"]*" r' "out/$method/plane.svg")" -ge 100 ]
		[ "$(grep -c 'class="cr' "out/$method/over/plane.svg")" -eq 2 ] # the point, and the legend
		[ -s "out/$method/scatter.svg" ] && [ -s "out/over/$method-distance.svg" ]
	done
	[ "$(wc -l <out/over.jsonl)" -eq 3 ]
}

@test "images/clean.sh draws JPEG pictures, and cleans them" {
	cd "$BATS_TEST_TMPDIR"
	VAE_PICTURES=50 run "$root/examples/images/clean.sh" "" out -c tiny --steps 4 --top 10%
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(find out.drawn -name "*.jpg" | wc -l)" -eq 50 ]
	gone=$(vae-cut -k key out/quarantine.tar.zst | wc -l)
	[ "$gone" -ge 5 ]
	[[ $output == *"clean:  out/clean.tar.zst ($((50 - gone)) pictures;"* ]]
	[ "$(grep -c '[.]jpg	' <<<"$output")" -eq "$gone" ]
	# a folder of one's own, with options; the files keep their bytes
	run "$root/examples/images/clean.sh" out.drawn again -c tiny --steps 4
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	mkdir files
	tar --zstd -C files -xf again/clean.tar.zst
	for f in files/*.jpg; do
		cksum <"$f"
	done | sort >kept
	for f in out.drawn/*.jpg; do
		cksum <"$f"
	done | sort >drawn
	[ "$(wc -l <kept)" -ge 45 ]
	[ -z "$(comm -23 kept drawn)" ]
}

# pictures DIR N [SEED]: N gray 8x8 pictures DIR/0.pgm ..., alike but for the last tenth, which is noise
pictures()
{
	mkdir -p "$1"
	perl -e 'my ($d, $n, $s) = @ARGV; srand(unpack "%32C*", $s // "1"); for my $i (0 .. $n - 1) { open my $f, ">:raw", "$d/$i.pgm" or die $!;
		print $f "P5\n8 8\n255\n", map { my ($x, $y) = ($_ % 8, int $_ / 8);
			chr($i >= 0.9 * $n ? int rand 256 : 20 * $x + int rand 30) } 0 .. 63 }' "$1" "$2" "${3:-1}"
}

train()
{
	vae-train -q -c tiny --set train.steps=300 --set train.checkpoints=2 --set train.holdout=0 "$@"
}

# ran STATUS: so it did
ran()
{
	[ "$status" -eq "$1" ] || { echo "status $status: $output"; false; }
}

# contents TAR...: every member's name and bytes but the scores, one line each, sorted
contents()
{
	for t; do
		"$root/tests/lib/lstar" <"$t" || echo "BROKEN $t"
	done | grep -v '\.vae\.json ' | sort
}

@test "make/Makefile: from shards to a model of clean ones; a second run trains nothing" {
	cd "$BATS_TEST_TMPDIR"
	mkdir raw
	for s in a b; do
		pictures "p/$s" 30 $s
		vae-pack --key-prefix "$s/" -o "raw/$s.tar" "p/$s"
	done
	made() { make -f "$root/examples/make/Makefile" CLEAN='-c tiny --steps 60 --top 6' TRAIN='-q -c tiny --set train.steps=20 --set train.checkpoints=1'; }
	unset MAKEFLAGS MAKELEVEL
	run made
	ran 0
	[ "$(vae-cut -k key cleaned/clean/a.tar cleaned/clean/b.tar | wc -l)" -eq 54 ]
	zstd -dq -o quarantine.tar cleaned/quarantine.tar.zst
	contents cleaned/clean/*.tar quarantine.tar >got
	contents raw/*.tar | diff - got
	vae-ckpt list -m model.vae >before
	run made
	ran 0
	[ "$(grep -c 'vae-train' <<<"$output")" -eq 0 ]
	# one more shard: only that one is scored; the model is trained again
	find cleaned/scored -type f -exec ls -l --full-time {} + >scored
	pictures p/c 30 c
	vae-pack --key-prefix c/ -o raw/c.tar p/c
	run made
	ran 0
	[ "$(grep -c 'vae-train' <<<"$output")" -eq 1 ]
	[ "$(find cleaned/scored -type f -exec ls -l --full-time {} + | grep -cxFf scored)" -eq 2 ]
	[ -e cleaned/clean/c.tar ]
	# decisions are obeyed
	printf 'c/00000004\tdrop\n' >decisions.tsv
	run made
	ran 0
	[ "$(vae-cut -k key cleaned/clean/c.tar | grep -c 00000004)" -eq 0 ]
	# what fails stops make
	head -c 9000 raw/a.tar >raw/cut.tar
	run made
	ran 2
	[[ $output == *"raw/cut.tar"* ]]
}

@test "cron/nightly.sh: silent, one line, far from the reference, held, failed, locked" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p srv/incoming
	nightly=$root/examples/cron/nightly.sh
	pictures p/t 300 7
	rm p/t/2[789]?.pgm # trusted: without the noise
	vae-pack --key-prefix t/ -o trusted.tar p/t
	train --curvature -o srv/model.vae trusted.tar
	run "$nightly" srv trusted.tar
	ran 0
	[ -z "$output" ]
	grep -q profile_decoder.0 srv/ref.json
	# nothing there
	run "$nightly" srv
	ran 0
	[ -z "$output" ]
	# as good as the trusted ones: silent
	vae-drop -q -i -e 'key < "t/00000050"' -o srv/incoming/day-1.tar trusted.tar
	RULE='pct >= 100 && z > 50' run "$nightly" srv
	ran 0
	[ -z "$output" ]
	contents srv/clean/day-1.tar | cmp - <(contents trusted.tar | head -50)
	[ -e srv/done/day-1.tar ]
	[ ! -e srv/quarantine/day-1.tar ]
	[ -z "$(ls srv/incoming)" ]
	# three of thirty are noise, and one cannot be read: one line, and one that says how far the shard lies
	pictures p/2 30 3
	echo text >p/2/x.pgm
	vae-pack --key-prefix 2/ -o srv/incoming/day-2.tar.zst p/2
	RULE='pct >= 100 && z > 10 || error' MAX_DROP=15% run "$nightly" srv
	ran 0
	[ "${lines[0]}" = "day-2.tar.zst: 4 of 31 records moved to srv/quarantine/day-2.tar.zst" ]
	[[ ${lines[1]} == "day-2.tar.zst: far from the reference: Kolmogorov-Smirnov distance 0."*", p "*"; share above the reference's 99.5 percent: 0.1" ]]
	[ "${#lines[@]}" -eq 2 ]
	vae-cut -k z,error,dropped_by srv/quarantine/day-2.tar.zst | awk -F '\t' '($1 <= 10 && $2 == "") || $3 == "" { exit 1 }'
	[ "$(vae-cut -k key srv/clean/day-2.tar.zst | wc -l)" -eq 27 ]
	grep -q '"dropped":4,' srv/summary/day-2.tar.zst.json
	# a shard of noise is held; the one behind it is not
	pictures p/3 9 4
	for i in 0 1 2 3 4 5; do cp p/2/2$((i % 3 + 7)).pgm p/3/$i.pgm; done
	vae-pack --key-prefix 3/ -o srv/incoming/day-3.tar p/3
	cp srv/done/day-1.tar srv/incoming/day-4.tar
	RULE='pct >= 100 && z > 10 || error' run "$nightly" srv
	ran 3
	[ "$(wc -l <<<"$output")" -eq 1 ]
	[[ $output == "day-3.tar: held: "*" of 9 records would be dropped"*"--max-drop 5%"* ]]
	[ -e srv/held/day-3.tar ]
	[ -e srv/clean/day-4.tar ]
	[ ! -e srv/clean/day-3.tar ]
	[ ! -e srv/quarantine/day-3.tar ]
	grep -q '"stopped":1' srv/summary/day-3.tar.json
	# looked at, and let in
	mv srv/held/day-3.tar srv/incoming
	RULE='pct >= 100 && z > 10' MAX_DROP=100% run "$nightly" srv
	ran 0
	[ -e srv/clean/day-3.tar ]
	# another of the same name does not take its place
	cp trusted.tar srv/incoming/day-2.tar.zst
	run "$nightly" srv
	ran 1
	[[ $output == "day-2.tar.zst: failed: a shard of this name"* ]]
	[ "$(vae-cut -k key srv/done/day-2.tar.zst | wc -l)" -eq 31 ]
	[ "$(vae-cut -k key srv/quarantine/day-2.tar.zst | wc -l)" -eq 4 ]
	rm srv/incoming/day-2.tar.zst
	# one that is cut stays where it is, with one line; the next one is cleaned
	head -c 9000 srv/done/day-1.tar >srv/incoming/day-5.tar
	cp srv/done/day-1.tar srv/incoming/day-6.tar
	RULE='z > 1e9' run "$nightly" srv
	ran 1
	[ "$(wc -l <<<"$output")" -eq 1 ]
	[[ $output == "day-5.tar: failed: vae-stat: incoming/day-5.tar: "*[Tt]runcated* ]]
	[ -e srv/incoming/day-5.tar ]
	[ ! -e srv/clean/day-5.tar ]
	[ -e srv/clean/day-6.tar ]
	rm srv/incoming/day-5.tar
	# another model than the reference's
	mv srv/model.vae srv/old.vae
	train --curvature --set train.seed=5 -o srv/model.vae trusted.tar
	cp srv/done/day-1.tar srv/incoming/day-7.tar
	run "$nightly" srv
	ran 1
	[[ $output == "day-7.tar: failed: vae-rank: "*model* ]]
	# a run that is still active
	run flock srv/.nightly.lock "$nightly" srv
	ran 1
	[[ $output == *"the previous run is still active" ]]
}

@test "tabular/odd.sh finds the rows whose columns are turned round" {
	cd "$BATS_TEST_TMPDIR"
	run "$root/examples/tabular/odd.sh"
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(echo "$output" | grep -c 'plain$\|turned$')" -eq 24 ]
	[ "$(echo "$output" | sed -n 2,11p | grep -c 'turned$')" -ge 6 ] # of 20 among 1200
	# line numbers are those of the table
	line=$(echo "$output" | sed -n 2p | cut -f 1)
	[ "$(sed -n "${line}p" tabular-demo/drawn.csv)" = "$(echo "$output" | sed -n 2p | cut -f 3)" ]
	first=$output
	run "$root/examples/tabular/odd.sh"
	[ "$output" = "$first" ]
	VAE_NEIGHBORS=10 run "$root/examples/tabular/odd.sh"
	[ "$(echo "$output" | grep -c 'turned$')" -ge 15 ]
	# a table of one's own
	printf 'x,y\n' >own.csv
	seq 100 | awk -v OFS=, '{ print $1 % 7, $1 % 5 }' >>own.csv
	run "$root/examples/tabular/odd.sh" own.csv "" own
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(echo "$output" | tail -n +2 | wc -l)" -eq 2 ]
	# blank lines are no rows, but are counted as lines
	(sed -n '1p; 1s/.*//p' own.csv && sed 1d own.csv && echo 1000,-900) >blank.csv
	run "$root/examples/tabular/odd.sh" blank.csv "" blank
	[[ $(echo "$output" | sed -n 2p) == 103*1000,-900 ]]
	# nor is a newline within a cell the end of a row
	(echo 'x,y,what' && echo '1,2,"a' && echo 'b ""c"""' && sed '1d; s/$/,d/' own.csv && echo '1000,-900,"e, f"' && echo 3,3,g) >quoted.csv
	run "$root/examples/tabular/odd.sh" quoted.csv what quoted
	[[ $(echo "$output" | sed -n 2p) == '104'*'1000,-900,"e, f"' ]]
	gzip quoted.csv
	run "$root/examples/tabular/odd.sh" quoted.csv.gz what quoted
	[[ $(echo "$output" | sed -n 2p) == '104'*'1000,-900,"e, f"' ]]
}

# half FILE ROWS DIMENSIONS < NUMBERS: an .npy of float16, big numbers and denormals excluded
half() {
	perl -e '
		my ($file, $rows, $d) = @ARGV; local $/; my @v = split " ", <STDIN>; @v == $rows * $d or die scalar @v;
		my $head = sprintf "{\x27descr\x27: \x27<f2\x27, \x27fortran_order\x27: False, \x27shape\x27: (%d, %d), }", $rows, $d;
		open my $f, ">:raw", $file or die;
		print $f "\x93NUMPY\1\0", pack("v", 118), $head . " " x (117 - length $head) . "\n";
		for (@v) {
			my $m = abs; my $e = 15;
			if ($m < 2 ** -14) { print $f pack "v", 0; next }
			while ($m < 1) { $m *= 2; $e-- }
			print $f pack "v", ($_ < 0 ? 1 << 15 : 0) + ($e << 10) + int(($m - 1) * 1024);
		}' "$@"
}

@test "examples read and write decimal points where the locale has a comma" {
	cd "$BATS_TEST_TMPDIR"
	LC_ALL=C localedef -i de_DE -f UTF-8 ./de_DE.utf8 2>localedef.log || [ -d de_DE.utf8 ] || skip 'no locale with a decimal comma: install the package locales'
	[ "$(LOCPATH=$PWD LC_ALL=de_DE.UTF-8 locale decimal_point)" = , ]
	LOCPATH=$PWD LC_ALL=de_DE.UTF-8 "$root/examples/hunt/results.sh" "$root/examples/hunt/table.tsv" >comma
	LC_ALL=C "$root/examples/hunt/results.sh" "$root/examples/hunt/table.tsv" | cmp - comma
	# and so do all others that compute with awk or sort -g
	local f
	for f in "$root"/examples/*/*.sh; do
		[ -x "$f" ] && grep -qE '^[^#]*(awk|sort -g)' "$f" || continue
		grep -qE 'LC_ALL=C$|LC_ALL$' "$f" || { echo "no LC_ALL=C: $f"; false; }
	done
}

@test "embeddings/odd.sh finds outliers and near-duplicates in a folder of clip-retrieval, and prints their metadata" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p clip/img_emb clip/metadata
	# two parts of 150 rows of 16 numbers, normalised, around four directions. Rows 7 and 70 of part 0 are alone; row 20 of part 1 is
	# row 10 of part 0 with a little noise, row 30 is row 31
	for part in 0 1; do
		perl -e '
			my $part = shift; srand 5;
			sub normal { sqrt(-2 * log(1 - rand)) * cos(6.2831853 * rand) }
			sub unit { my $s = 0; $s += $_ * $_ for @_; map { $_ / sqrt $s } @_ }
			my @direction = map { [unit(map { normal() } 1 .. 16)] } 1 .. 4; my @all;
			for my $i (0 .. 299) { my $c = $direction[$i % 4]; push @all, [unit(map { $c->[$_] + .25 * normal() } 0 .. 15)] }
			$all[$_] = [unit(map { normal() } 1 .. 16)] for 7, 70;
			$all[170] = [unit(map { $_ + .01 * normal() } @{$all[10]})];
			$all[180] = $all[181];
			print "@$_\n" for @all[150 * $part .. 150 * $part + 149];' $part | half clip/img_emb/img_emb_$part.npy 150 16
	done
	seq -f '{"image_path":"a/%g.jpg"}' 0 149 >clip/metadata/metadata_0.jsonl
	{
		echo image_path,caption
		seq -f 'b/%g.jpg,"some, text"' 0 149
	} >clip/metadata/metadata_1.csv
	run "$root/examples/embeddings/odd.sh" clip
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(cut -f1 embeddings/outliers.tsv | head -n 2 | sort | tr '\n' ' ')" = '0/00000007 0/00000070 ' ]
	grep -P '^0/0*70\t[0-9.]+\t\{"image_path":"a/70.jpg"\}$' embeddings/outliers.tsv
	[ "$(wc -l <embeddings/outliers.tsv)" -eq 3 ]
	SIMILAR=.995 run "$root/examples/embeddings/odd.sh" clip
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	cat embeddings/duplicates.tsv
	[ "$(cut -f2,3 embeddings/duplicates.tsv)" = $'1/00000030\t1/00000031\n0/00000010\t1/00000020' ]
	grep -P '^1.0000\t.*\tb/30.jpg,"some, text"\tb/31.jpg,"some, text"$' embeddings/duplicates.tsv
	# more copies than neighbours, another number of dimensions, no metadata
	mkdir -p odd/img_emb
	{ for ((i = 0; i < 12; i++)); do echo .6 0 .8; done; perl -e 'for (1 .. 40) { my $a = $_ / 7; print cos $a, " ", sin $a, " 0\n" }'; } | half odd/img_emb/img_emb_0.npy 52 3
	SIMILAR=.999 run "$root/examples/embeddings/odd.sh" odd odd.out
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	grep -P '^1.0000\t0/00000003\t10 or more copies' odd.out/duplicates.tsv
	run "$root/examples/embeddings/odd.sh" none
	[ "$status" -ne 0 ]
}

# Pillow and numpy make the altered pictures of two examples.
need_pillow() { /usr/bin/python3 -c 'import numpy, PIL' 2>/dev/null || skip 'Pillow or numpy is missing: install the packages python3-pil and python3-numpy'; }

@test "hunt/stat.sh damages pictures and says which are found" {
	need_pillow
	idx 400 "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	cp train-images-idx3-ubyte.gz t10k-images-idx3-ubyte.gz
	VAE_FASHION=$BATS_TEST_TMPDIR VAE_DIRT=8 run "$root/examples/hunt/stat.sh" out fashion
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[[ $output == *"## fashion: 400 records"* ]]
	echo "$output" | awk -F '|' '/AUROC/ { n++; exit !(NF == 9 && $4 > 0.9) } END { exit !n }' # cut
	echo "$output" | awk -F '|' '/named .cut/ { exit !($3 ~ / 0 of 360/ && $4 ~ /[1-8] of 8/) }'
	run "$root/examples/hunt/stat.sh" out letters
	[ "$status" -eq 2 ]
	[[ $output == *"no data set 'letters'"* ]]
}

@test "hunt/duplicates.sh plants copies and says how many are found" {
	need_pillow
	idx 400 "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	cp train-images-idx3-ubyte.gz t10k-images-idx3-ubyte.gz
	VAE_FASHION=$BATS_TEST_TMPDIR VAE_COPIES=5 VAE_STEPS=8 run "$root/examples/hunt/duplicates.sh" out fashion
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[[ $output == *"## fashion: 400 records, and 5 copies of each kind"* ]]
	echo "$output" | awk -F '|' '/^. (pixels|9x9|latent means) / { n++; if (NF != 11 || $4 != 5) exit 1 } END { exit n != 3 }'
}

@test "hunt/tables.sh and hunt/tables-network.sh measure tables, and a second run leaves them as they are" {
	cd "$BATS_TEST_TMPDIR"
	mkdir tables
	echo '| table | rows | columns | outliers | isolation forest | 5 neighbours |' >tables/README.md
	for name in one three two; do # 80 rows on a line, of which every twentieth is beside it
		awk -v n=$name 'BEGIN { srand(length(n)); print "a,b,y"
			for (i = 0; i < 80; i++) { x = rand(); o = i % 20 == 0; print x "," (o ? x + 3 + rand() : x + rand() / 9) "," o } }' | gzip >tables/$name.csv.gz
		echo "| $name | 80 | $([ $name = two ] && echo 600 || echo 2) | 4 | 0.900 | 0.9 |" >>tables/README.md
	done
	VAE_TABLES=tables run "$root/examples/hunt/tables.sh" out
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(echo "$output" | grep -cE '^\| [123] \| (one|three|two) \| 0.900( \| [01][.][0-9]{3}){8} \|$')" -eq 3 ]
	echo "$output" | grep -qE 'the even tables choose the highest .*: \*\*(raw|std|robust|asinh|asinh [(]5[)])\*\*'
	echo "$output" | grep -q 'mean of the 3 tables'
	# the score of the table is that of the tools
	vae-pack -q --header --label y tables/one.csv.gz | vae-density --neighbors 5% --scale asinh | vae-eval -k knn_nll --positive 'cls == 1' | grep -q "AUROC *$(echo "$output" | awk '$4 == "one" { print $14 }')"
	first=$output
	VAE_TABLES=tables run "$root/examples/hunt/tables.sh" out
	[ "$output" = "$first" ]
	VAE_TABLES=tables run "$root/examples/hunt/tables-network.sh" network
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(echo "$output" | grep -cE '^\| [123] \| (one|three|two)( \| [01][.][0-9]{3}){9} \|$')" -eq 3 ]
}

@test "hunt/learn.sh says what decisions are worth" {
	cd "$BATS_TEST_TMPDIR"
	mkdir out
	pictures p 300 0
	awk 'BEGIN { srand(3); for (i = 0; i < 300; i++) {
		n = sprintf("%08d", i); o = i % 10 == 9
		printf "name=p/%s.pgm file=p/%d.pgm\nname=p/%s.cls data=%d\n", n, i, n, o
		printf "name=p/%s.vae.json data={\"loss\":%.6f,\"nll\":%.6f,\"selfinf\":%.6f,\"profile_decoder.9\":%.6f}\n", n, 1 + rand() + o, 1 + rand(), 3 + rand() - 3 * o, 1 + rand() } }' |
		"$root/tests/lib/mktar" >out/photos.scored
	DRAWS=3 DECISIONS='20 40' run "$root/examples/hunt/learn.sh" out photos
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "${#lines[@]}" -eq 4 ]
	echo "$output" | awk -F '|' '/photos/ { n++; if (NF != 11 || $3 != 300 || $4 != 30 || $5 != 20 * n || $8 <= 0 || $10 !~ /3 of 3/) exit 1 } END { exit n != 2 }'
	run "$root/examples/hunt/learn.sh" out digits
	[ "$status" -eq 2 ]
	[[ $output == *"no data set 'digits'"* ]]
}

@test "hunt/map.sh measures the recipe, and a second run only what is missing" {
	idx 420 "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	cp train-images-idx3-ubyte.gz t10k-images-idx3-ubyte.gz
	cp train-labels-idx1-ubyte.gz t10k-labels-idx1-ubyte.gz
	export VAE_FASHION=$PWD VAE_MNIST=$PWD VAE_STEPS=8
	run "$root/examples/hunt/map.sh" out fashion-9
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(echo "$output" | grep -cE '^[|] fashion-9 class-9 [|]( [01][.][0-9]{3} [|]){11}$')" -eq 1 ]
	cksum out/fashion-9-s0.vae/step-* out/fashion-9.base.rows >before
	# planted dirt: the blank pictures are far from the rest, whatever the model has learnt
	VAE_SETTINGS='base damping=1,draws=2 likelihood=bernoulli' run "$root/examples/hunt/map.sh" out fashion-9 planted
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	cksum out/fashion-9-s0.vae/step-* out/fashion-9.base.rows | cmp - before
	[ "$(awk -F '\t' '$2 == "blank" && $3 == "base" && $4 == "joint_far" { print ($5 > 0.9) }' out/map.tsv)" -eq 1 ]
	[ "$(echo "$output" | grep -c '^| fashion-9 class-9 | damping=1,draws=2 |')" -eq 1 ]
	[ "$(cut -f 3 out/map.tsv | sort -u | wc -l)" -eq 3 ]
	[ "$(vae-cut -k cls out/planted.tar | awk '$1 > 10' | sort | uniq -c | xargs)" = '20 11 20 12 20 13 20 14 20 15 20 16 20 17 20 18' ]
	run "$root/examples/hunt/map.sh" out none
	[ "$status" -eq 2 ]
	VAE_SETTINGS=x=1 run "$root/examples/hunt/map.sh" out fashion-9
	[ "$status" -eq 2 ]
}

@test "hunt/stop.sh measures the recipe where the held-out loss was lowest, and a second run only what is missing" {
	idx 420 "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	mkdir out
	vae-pack train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz >out/fashion-9.tar
	export VAE_MEMBERS=150 VAE_STEPS=8 VAE_EVERY=2 VAE_AT='4 8'
	run "$root/examples/hunt/stop.sh" out fashion-9
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(vae-cut -k cls out/fashion-9-150.tar | grep -cv '^9$')" -eq 150 ]
	lowest=$(vae-ckpt list -m out/fashion-9-150.vae | awk -F '\t' 'NR > 1 && (NR == 2 || $4 < low) { low = $4; best = $1 } END { print best }')
	[ "$(grep -cE '^[|] fashion-9-150 [|] [0-9]+( lowest)? [|] [0-9.]+ [|]( [01][.][0-9]{3} [|]){4}$' <<<"$output")" -eq "$(printf '%s\n' 4 8 "$lowest" | sort -u | wc -l)" ]
	[ "$(grep -c "^| fashion-9-150 | $lowest lowest |" <<<"$output")" -eq 1 ]
	cksum out/*.rows >before
	first=$output
	run "$root/examples/hunt/stop.sh" out fashion-9
	[ "$output" = "$first" ]
	cksum out/*.rows | cmp - before
	run "$root/examples/hunt/stop.sh" out none
	[ "$status" -eq 2 ]
}

@test "hunt/hunt.sh writes a table, which a second run leaves as it is" {
	idx 300 "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	export VAE_FASHION=$BATS_TEST_TMPDIR VAE_SETS=fashion-9 VAE_SEEDS="1 2" VAE_STEPS=4 VAE_EVERY=2 VAE_AT=4 VAE_DRAWS=2
	run "$root/examples/hunt/hunt.sh" out
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(head -n 1 out/table.tsv)" = $'data\tbeta\tseed\tsteps\tscore\tdetection_auc\tauroc\tauroc_se\taverage_precision' ]
	awk -F '\t' 'NR > 1 && (NF != 9 || $6 < 0 || $6 > 1 || $7 < 0 || $7 > 1) { exit 1 }' out/table.tsv
	# the score of the table is that of the tools
	vae-selfinf -m out/fashion-9-b1-s2.vae -d 2 out/fashion-9.tar | vae-eval --positive 'cls == 9' -k recon |
		awk '/^recon .*[0-9]$/ && NF == 5 { print $2 }' >want
	[ -s want ]
	awk -F '\t' '$3 == 2 && $4 == 4 && $5 == "recon" { print $6 }' out/table.tsv | diff want -
	grep -q '1+2	4	nll_recon_latent_joint	' out/table.tsv
	grep -q '	checkpoints_selfinf	' out/table.tsv
	sleep 1
	touch now
	run "$root/examples/hunt/hunt.sh" out
	[ "$status" -eq 0 ]
	[ -z "$(find out -name '*.rows' -newer now)" ]
	# a model for each of three parts, which scores that part
	VAE_PARTS=3 run "$root/examples/hunt/hunt.sh" out
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	for part in 1 2 3; do vae-cut -k key out/fashion-9-part${part}of3.tar; done | sort >parts
	vae-cut -k key out/fashion-9.tar | sort | diff - parts
	for part in 1 2 3; do vae-selfinf -m out/fashion-9-b1-s2-part${part}of3.vae -d 2 out/fashion-9-part${part}of3.tar; done |
		vae-eval --positive 'cls == 9' -k recon | awk '/^recon .*[0-9]$/ && NF == 5 { print $2 }' >want
	awk -F '\t' '$1 == "fashion-9/3" && $3 == 2 && $4 == 4 && $5 == "recon" { print $6 }' out/table.tsv | diff want -
	grep -q '^fashion-9/3	1	1+2	4	recon_latent_pixel_joint	' out/table.tsv
	# trained with another likelihood, in parts, and all of it at once
	VAE_SEEDS=1 VAE_PARTS=2 VAE_LIKELIHOOD=gaussian run "$root/examples/hunt/hunt.sh" both
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	for part in 1 2; do
		grep -q 'likelihood: gaussian' both/fashion-9-gaussian-b1-s1-part${part}of2.vae/model.yaml
		vae-selfinf --checkpoints all -m both/fashion-9-gaussian-b1-s1-part${part}of2.vae -d 2 --set score.beta=4 both/fashion-9-part${part}of2.tar
	done | vae-eval --positive 'cls == 9' -k selfinf | awk '/^selfinf .*[0-9]$/ && NF == 5 { print $2 }' >want
	[ -s want ]
	awk -F '\t' '$1 == "fashion-9/gaussian/2" && $5 == "checkpoints_selfinf" { print $6 }' both/table.tsv | diff want -
	# no row of some of the parts
	rm both/*.rows both/fashion-9-gaussian-b1-s1-part2of2.vae/step-000000004.safetensors
	for what in score sums; do
		VAE_SEEDS=1 VAE_PARTS=2 VAE_LIKELIHOOD=gaussian run "$root/examples/hunt/hunt.sh" both $what
		[ "$status" -ne 0 ]
		[[ $output == *part2of2* ]]
	done
	[ -z "$(find both -name '*.rows')" ]
	VAE_SETS=letters run "$root/examples/hunt/hunt.sh" out
	[ "$status" -eq 2 ]
	[[ $output == *"no data set 'letters'"* ]]
}
