#!/usr/bin/env bats
# vae-density: its options, and the laws of a filter. test_density.c checks the numbers; here
# some are computed by hand.

setup()
{
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	BIN=${BIN:-$root/build}
	case $BIN in /*) ;; *) BIN=$root/$BIN ;; esac
	PATH=$BIN:$PATH
	cd "$BATS_TEST_TMPDIR" || return
}

# vectors NAME.tar [KEY VALUES... ;]...: records KEY.npy of float64, and KEY.cls where the key ends in @CLS
vectors()
{
	perl -e '
		my $tar = shift;
		mkdir "v";
		while (@ARGV) {
			my ($key, @v) = shift;
			push @v, shift while @ARGV && $ARGV[0] ne ";";
			shift;
			my $head = sprintf "%-117s\n", "{\x27descr\x27: \x27<f8\x27, \x27fortran_order\x27: False, \x27shape\x27: (" . @v . ",), }";
			if ($key =~ s/@(.*)//) { open my $c, ">", "v/$key.cls"; print $c $1; }
			open my $f, ">", "v/$key.npy" or die;
			binmode $f;
			print $f "\x93NUMPY\1\0\x76\0", $head, pack "d<*", @v;
		}' "$@"
	(cd v && tar -cf "../$1" -- *)
	rm -r v
}

line() { vectors line.tar a@x 0 \; b@x 1 \; c@x 3 \; d@y 7 \; e@y 8.5 \; f@y 11; }

# pictures N: N gray pictures of 8x8 as IDX
pictures()
{
	perl -e 'my ($n) = @ARGV; binmode STDOUT; print pack "N4", 0x803, $n, 8, 8;
		for my $r (0 .. $n - 1) { print chr(($r * 37 + $_ * ($r % 7 + 3) * 11) % 251) for 0 .. 63 }' "$1" >p.idx
	vae-pack p.idx
}

field() { vae-cut -k "$1" "$2"; }
# close_to A B: equal to 9 digits
close_to() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(d < 0 ? -d <= 1e-8 : d <= 1e-8) }' || { echo "$1 is not $2"; false; }; }

@test "knn: likelihood and self influence of points on a line" {
	line
	vae-density --neighbors 2 line.tar >o.tar
	# a: R_2 = 1, R_3 = 3 of six points; the ball in one dimension is 2 long
	close_to "$(field knn_nll o.tar | head -n 1)" "$(awk 'BEGIN { printf "%.12g", log(6) + log(2) + log(1) - log(2) }')"
	close_to "$(field knn_selfinf o.tar | head -n 1)" "$(awk 'BEGIN { printf "%.12g", log(5 / 6) + log(3) }')"
	# f: R_2 = 2.5, R_3 = 4
	close_to "$(field knn_selfinf o.tar | tail -n 1)" "$(awk 'BEGIN { printf "%.12g", log(5 / 6) + log(4 / 2.5) }')"
}

@test "kde: likelihood and self influence of points on a line" {
	line
	vae-density --method kde --sigma 2 line.tar >o.tar
	close_to "$(field kde_nll o.tar | head -n 1)" "$(awk 'BEGIN { n = split("0 1 3 7 8.5 11", v)
		for (i = 1; i <= n; i++) s += exp(-v[i] ^ 2 / 8); printf "%.12g", -log(s / 6 / sqrt(2 * 3.14159265358979 * 4)) }')"
	close_to "$(field kde_selfinf o.tar | head -n 1)" "$(awk 'BEGIN { n = split("1 3 7 8.5 11", v)
		for (i = 1; i <= n; i++) s += exp(-v[i] ^ 2 / 8); printf "%.12g", log((1 + s) / 6) - log(s / 5) }')"
}

@test "kde: --sigma auto is the median distance to the K-th other record" {
	line
	vae-density --method kde --neighbors 1 --summary s.json line.tar >/dev/null
	grep -q '"sigma":1.5,' s.json # of 1 1 2 1.5 1.5 2.5
	vae-density --method kde --neighbors 1 --sigma 1.5 line.tar | vae-cut -k kde_nll >given
	vae-density --method kde --neighbors 1 line.tar | vae-cut -k kde_nll | cmp - given
	# distances of distinct records: copies do not make it 0
	# shellcheck disable=SC2046 # words
	vectors copies.tar a 0 \; b 1 \; c 3 \; d 7 \; e 8.5 \; f 11 $(for i in $(seq 30); do echo "; g$i 3"; done)
	vae-density --method kde --neighbors 1 --summary s.json copies.tar >/dev/null
	grep -q '"sigma":1.5,' s.json
	vae-density --method kde --neighbors 1 --count-copies --summary s.json copies.tar >/dev/null
	grep -q '"sigma":1.5,' s.json
	vectors same.tar a 1 \; b 1 \; c 1 \; d 1
	run vae-density --method kde --neighbors 1 same.tar -o o.tar
	[ "$status" -eq 1 ]
	[[ $output == *"all 4 records are equal"* ]]
	[[ $output == *"--sigma auto finds no bandwidth"* ]]
	[ ! -e o.tar ]
}

@test "gmm: the exact value is the default, and differs from the expansions" {
	line
	vae-density --method gmm --cluster-field cls line.tar >o.tar
	# a in 0 1 3: without it mean 2, variance 1
	close_to "$(field gmm_selfinf o.tar | head -n 1)" "$(awk 'BEGIN { s = 14 / 9; m = 4 / 3
		with = log(.5) - log(s) / 2 - m ^ 2 / 2 / s; without = log(2 / 5) - 2; printf "%.12g", with - without }')"
	[ "$(field gmm_cluster o.tar | tr -d '\n')" = xxxyyy ]
	vae-density --method gmm --cluster-field cls --first-order line.tar >first.tar
	close_to "$(field gmm_selfinf first.tar | head -n 1)" "$(awk 'BEGIN { s = 14 / 9; u = 16 / 9; printf "%.12g", 3 / 6 + u * u / s / 6 / s - 1 / 6 }')"
	vae-density --method gmm --cluster-field cls --as-printed line.tar >printed.tar
	close_to "$(field gmm_selfinf printed.tar | head -n 1)" "$(awk 'BEGIN { s = 14 / 9; u = 16 / 9; printf "%.12g", 3 / 6 + u / s / 6 / s - 1 / 6 }')"
	[ "$(field options o.tar | sort -u | wc -l)" -eq 1 ]
	[ "$(cat <(field options o.tar) <(field options first.tar) <(field options printed.tar) | sort -u | wc -l)" -eq 3 ]
}

@test "gmm: k-means finds clusters and numbers them from the largest" {
	vectors c.tar a 0 0 \; b 50 0 \; c 50 1 \; d 51 0 \; e 0 1 \; f 1 0 \; g 52 1
	vae-density --method gmm --clusters 2 c.tar >o.tar
	[ "$(field gmm_cluster o.tar | tr -d '\n')" = 1000110 ]
	run vae-density --method gmm --clusters 8 c.tar -o no.tar
	[ "$status" -eq 1 ]
	[[ $output == *"8 clusters requested, but there are only 7 records"* ]]
	# the seed matters: another start splits evenly spread points elsewhere
	# shellcheck disable=SC2046 # words
	vectors even.tar $(seq 40 | awk '{ print (NR > 1 ? ";" : ""), "k" 100 + $1, $1 * 7 % 41, $1 * 11 % 43 }')
	for seed in 0 1 2 3 4 5; do vae-density --method gmm --clusters 9 --seed $seed even.tar | vae-cut -k gmm_cluster | md5sum; done >sums
	[ "$(sort -u sums | wc -l)" -gt 1 ]
}

@test "several methods give what each gives alone" {
	pictures 30 >p.tar
	vae-density --method knn,kde,gmm --clusters 2 --sigma 1 p.tar >all.tar
	for m in knn 'kde --sigma 1' 'gmm --clusters 2'; do
		n=${m%% *}
		# shellcheck disable=SC2086 # an option may follow
		vae-density --method $m p.tar | vae-cut -k "${n}_nll,${n}_selfinf" >one
		vae-cut -k "${n}_nll,${n}_selfinf" all.tar | cmp - one
	done
}

@test "law 1: all members pass, byte for byte and in order, and a second pass changes nothing" {
	mkdir -p d/x
	pictures 12 | tar -xf - -C d
	for f in d/*.png; do printf '%s' "${f##*0}" >"${f%.png}.cls"; done
	echo loose >d/README
	(cd d && tar -cf ../in.tar 00000000.* x README 000000[01]*[1-9].*)
	vae-density in.tar >o.tar
	diff <(tar -tf in.tar) <(tar -tf o.tar | grep -v 'vae.json$')
	mkdir a b
	tar -xf in.tar -C a
	tar -xf o.tar -C b
	[ "$(find b -name '*.vae.json' | wc -l)" -eq "$(find a -name '*.png' | wc -l)" ]
	find b -name '*.vae.json' -delete
	diff -r a b
	vae-density --replace o.tar | cmp - o.tar
}

@test "laws 2 and 5: the same bytes for any -j, any compression, and files or standard input" {
	pictures 150 >p.tar
	vae-density --method knn,kde,gmm --clusters 3 -j1 p.tar >one.tar
	vae-density --method knn,kde,gmm --clusters 3 -j2 p.tar | cmp - one.tar
	vae-density --method knn,kde,gmm --clusters 3 -j2 <p.tar | cmp - one.tar
	tail -c +1 p.tar | vae-density --method knn,kde,gmm --clusters 3 | cmp - one.tar # a pipe: spooled
	! command -v zstd >/dev/null || zstd -qc p.tar | vae-density --method knn,kde,gmm --clusters 3 -z | zstd -dqc | cmp - one.tar
	vae-density p.tar | vae-cut -k knn_nll,knn_selfinf >plain
	mkdir x
	tar -xf p.tar -C x
	(cd x && tar -cf ../half1.tar -- 000000[0-6]* 0000007[0-4]* && tar -cf ../half2.tar -- 0000007[5-9]* 000000[89]* 000001*)
	vae-density half1.tar half2.tar | vae-cut -k knn_nll,knn_selfinf | cmp - plain
	cat half1.tar half2.tar | vae-density | vae-cut -k knn_nll,knn_selfinf | cmp - plain
	# the field options depends on what shapes the scores, also on the records, but not on their order
	[ "$(vae-density half2.tar half1.tar | vae-cut -k options | sort -u)" = "$(vae-density p.tar | vae-cut -k options | sort -u)" ]
	[ "$(vae-density half2.tar | vae-cut -k options | sort -u)" != "$(vae-density half1.tar | vae-cut -k options | sort -u)" ]
	# another order: the same scores, record by record
	vae-density half2.tar half1.tar | vae-cut -k key,knn_nll,knn_selfinf | sort | cut -f2- | cmp - plain
}

@test "law 3: a truncated stream fails, and an empty stream is not an error" {
	pictures 3 >p.tar
	for n in 1 511 700 2048 4000; do
		run bash -c "head -c $n p.tar | vae-density -q >o.tar"
		[ "$status" -eq 1 ]
	done
	tar -cf empty.tar -T /dev/null
	vae-density --method knn,kde,gmm --clusters 2 --summary s.json empty.tar >o.tar
	grep -q '"records":0,' s.json
	[ "$(tar -tf o.tar | wc -l)" -eq 0 ]
}

@test "law 4: a full disk fails, a closed pipe kills" {
	pictures 300 >p.tar
	run bash -c 'vae-density p.tar >/dev/full'
	[ "$status" -eq 1 ]
	run bash -c 'vae-density p.tar | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}'
	[ "$status" -eq 141 ]
	run bash -c 'vae-density p.tar >&-'
	[ "$status" -eq 1 ]
}

@test "law 9: a record that cannot be read passes with the reason, and changes no other score" {
	pictures 20 >p.tar
	mkdir d
	tar -xf p.tar -C d
	vae-density --neighbors 3 p.tar | vae-cut -k knn_nll,knn_selfinf >good
	echo no picture >d/00000000a.png
	echo text >d/00000013a.txt
	(cd d && tar -cf ../mixed.tar -- *)
	vae-density -q --neighbors 3 mixed.tar >o.tar
	[ "$(field key,error o.tar | awk -F '\t' '$2 != "" { print $1 }' | tr '\n' ' ')" = "00000000a 00000013a " ]
	[ "$(field error o.tar | grep -c txt)" -eq 1 ]
	vae-cut -k knn_nll,knn_selfinf o.tar | awk '/[0-9]/' | cmp - good
	vae-density -q --neighbors 3 --on-error reject -r r.tar --summary s.json mixed.tar >kept.tar
	[ "$(field key r.tar | tr '\n' ' ')" = "00000000a 00000013a " ]
	vae-cut -k knn_nll,knn_selfinf kept.tar | cmp - good
	grep -q '"records":22,"unscored":2,"rejected":2' s.json
	run vae-density --neighbors 3 --on-error fail -o no.tar mixed.tar
	[ "$status" -eq 1 ]
	[[ $output == *"00000000a"* ]]
	[ ! -e no.tar ]
}

@test "a score that would be infinite is the limit, with the field limit, and no error" {
	vectors v.tar a@p 1 \; b@p 1 \; c@p 1 \; d@p 4 \; e@q 100 \; f@q 101 \; g@p 6 \; h@r 50
	vae-density --count-copies --method knn,kde,gmm --neighbors 3 --sigma 1 --cluster-field cls --summary s.json v.tar >o.tar
	grep -q '"unscored":0,' s.json
	field key,limit o.tar | awk -F '\t' '{ print $1, ($2 ~ /R_k is 0/ ? "knn" : $2 ~ /cluster of 2/ ? "gmm" : $2) }' >got
	printf '%s\n' 'a knn' 'b knn' 'c knn' 'd ' 'e gmm' 'f gmm' 'g ' 'h gmm: alone in its cluster' | diff - got
	[ "$(field knn_nll,knn_selfinf,kde_nll,kde_selfinf,gmm_nll,gmm_selfinf o.tar | awk 'NF == 6' | wc -l)" -eq 8 ]
	[ "$(field knn_nll o.tar | head -n 3 | sort -u)" = "$(field knn_nll o.tar | sort -g | head -n 1)" ] # the densest
	[ "$(field key,gmm_nll o.tar | sort -gk 2 | tail -n 1 | cut -f 1)" = h ]                            # the least likely
	[ "$(field gmm_selfinf o.tar | sort -g | tail -n 3 | sort -u | wc -l)" -eq 1 ]                      # e, f, h: nothing is left at them
	[ "$(vae-rank -k knn_nll,kde_nll,gmm_nll o.tar | field rank - | grep -c .)" -eq 8 ]
	[ "$(vae-drop -q -e 'knn_nll > 1e9 || error' o.tar | vae-cut -k key | wc -l)" -eq 8 ]
	# equal records are one row, unless --count-copies: a clump far away is not dense
	vae-density --neighbors 3 v.tar >o.tar
	[ "$(field limit o.tar 2>/dev/null | grep -c .)" -eq 0 ]
	# a: itself with three copies, d, g: five records up to 5
	close_to "$(field knn_nll o.tar | head -n 1)" "$(awk 'BEGIN { printf "%.12g", log(8 / 5 * 2 * 5) }')"
	close_to "$(field knn_selfinf o.tar | head -n 1)" "$(awk 'BEGIN { printf "%.12g", log(7 / 8) + log(5 / 4) }')"
	# d: itself, g, and the three at 1; without it g, three, and the next at 46
	close_to "$(field knn_nll o.tar | sed -n 4p)" "$(awk 'BEGIN { printf "%.12g", log(8 / 5 * 2 * 3) }')"
	close_to "$(field knn_selfinf o.tar | sed -n 4p)" "$(awk 'BEGIN { printf "%.12g", log(7 / 8) + log(46 / 3) }')"
}

@test "more neighbours than records: as many as there are, and a warning" {
	vectors v.tar a 1 \; b 1 \; c 1 \; d 4 \; e 100
	run vae-density --neighbors 7 -o k.tar v.tar
	[ "$status" -eq 0 ]
	[[ $output == *"2 neighbours: there are only 3 different records"* ]]
	vae-density --neighbors 2 v.tar | vae-cut -k knn_nll,knn_selfinf | cmp - <(field knn_nll,knn_selfinf k.tar)
	[ "$(field knn_nll,knn_selfinf k.tar | awk 'NF == 2' | wc -l)" -eq 5 ]
}

@test "one record, or equal records only: a score of 0, and the reason" {
	vectors one.tar a 1
	vae-density -q --method knn,kde,gmm --sigma 1 --clusters 1 one.tar >o.tar
	[ "$(field knn_nll,gmm_nll,gmm_selfinf o.tar)" = "0	0	0" ]
	close_to "$(field kde_nll o.tar)" "$(awk 'BEGIN { printf "%.12g", log(2 * 3.14159265358979) / 2 }')"
	[ "$(field limit o.tar)" = "knn: there is only one record" ]
	vectors same.tar a 1 \; b 1 \; c 1
	vae-density -q --neighbors 2 same.tar >o.tar
	[ "$(field knn_nll,limit o.tar | sort -u)" = "0	knn: all records are equal" ]
	vae-rank -k knn_nll o.tar | field rank - | grep -c . | grep -qx 3
	vectors far.tar a 0 \; b 0 \; c 1
	vae-density --method kde --sigma 1e-200 far.tar >o.tar
	[ "$(field limit o.tar | grep -c 'too far from all other records')" -eq 1 ]
	[ "$(field key,kde_selfinf o.tar | sort -gk 2 | tail -n 1 | cut -f 1)" = c ]
}

@test "few or strange numbers: a score for each record, or why not" {
	vectors column.tar a 1 \; b 2 \; c 4 \; d 8 \; e 8.5
	vectors wide.tar a 1 5 9 2 6 5 3 5 \; b 3 1 4 1 5 9 2 6 \; c 2 7 1 8 2 8 1 8 \; d 1 4 1 4 2 1 3 5
	vectors constant.tar a 1 7 \; b 2 7 \; c 5 7 \; d 9 7
	vectors huge.tar a 1 1e38 \; b 2 -2e38 \; c 5 3e38 \; d 9 0
	vectors tiny.tar a 1 1e-40 \; b 2 3e-41 \; c 5 0 \; d 9 -1e-40
	for in in column wide constant huge tiny; do
		for o in 'knn --neighbors 2' 'kde --neighbors 2' 'gmm --clusters 2'; do
			# shellcheck disable=SC2086 # words
			scored=$(vae-density --scale none,std,robust,asinh --method $o $in.tar 2>err | vae-cut -k "${o%% *}_nll_none,${o%% *}_nll_std,${o%% *}_nll_robust,${o%% *}_nll_asinh" | grep -cP '^-?[0-9][-+.0-9e\t]*[0-9]$')
			[ "$scored" -ge 4 ] || { echo "$in $o: $scored"; false; }
			[ ! -s err ]
		done
	done
	# what no float holds
	vectors large.tar a 1 2 \; b 1 1e300 \; c 3 4 \; d 1 nan
	run vae-density -q --neighbors 2 -o o.tar large.tar
	[ "$status" -eq 0 ]
	[ "$(field error o.tar | grep -c 'not a finite number')" -eq 2 ]
	vectors small.tar a 1e-300 2 \; b 2e-300 3 \; c 0 5
	run vae-density --neighbors 2 -o o.tar small.tar
	[ "$status" -eq 0 ]
	[[ $output == *"2 numbers are not 0, but too small for 32 bits, and count as 0"* ]]
}

@test "--neighbors P%: of the records, at least 10, at most 1000" {
	# shellcheck disable=SC2046 # words
	vectors n.tar $(seq 240 | awk '{ print (NR > 1 ? ";" : ""), "k" 1000 + $1, $1 * $1 % 1009, $1 * 7 % 211 }')
	for p in '5% 12' '0.1% 10' '100% 239'; do
		vae-density -q --neighbors "${p% *}" n.tar | vae-cut -k knn_nll >got
		vae-density --neighbors "${p#* }" n.tar | vae-cut -k knn_nll | cmp - got
	done
	# shellcheck disable=SC2046 # words
	vectors big.tar $(seq 1100 | awk '{ print (NR > 1 ? ";" : ""), "k" 1000 + $1, $1 * $1 % 100003 }')
	run vae-density --neighbors 95% --summary s.json -o o.tar big.tar
	[ "$status" -eq 0 ]
	[[ $output == *"1000 neighbours: 95% of 1100 records are more than 1000"* ]]
	grep -q '"neighbors":1000,' s.json
	vae-density --neighbors 1000 -j 1 big.tar | vae-cut -k knn_nll,knn_selfinf | cmp - <(field knn_nll,knn_selfinf o.tar)
}

@test "several --neighbors and --scale: each field has what it has alone" {
	# shellcheck disable=SC2046 # words
	vectors n.tar $(seq 240 | awk '{ print (NR > 1 ? ";" : ""), "k" 1000 + $1, $1 * $1 % 1009, $1 * 7 % 211, $1 % 5 }')
	vae-density --neighbors 3,7.5%,150 --scale std,none,robust --method knn,kde --summary s.json n.tar >all.tar
	for scale in none std robust; do
		for k in 3 7.5% 150; do
			vae-density --neighbors $k --scale $scale n.tar | vae-cut -k knn_nll,knn_selfinf >one
			vae-cut -k "knn_nll_${scale}_${k/\%/p},knn_selfinf_${scale}_${k/\%/p}" all.tar | cmp - one
			[ "$(sort -u one | wc -l)" -gt 100 ]
		done
		vae-density --neighbors 3 --scale $scale --method kde n.tar | vae-cut -k kde_nll | cmp - <(field kde_nll_$scale all.tar)
	done
	grep -q '"neighbors":"3,18,150"' s.json
	vae-density --neighbors 3,4 n.tar | vae-cut -k knn_nll_3 | cmp - <(vae-density --neighbors 3 n.tar | vae-cut -k knn_nll)
	vae-density --scale none,std n.tar | vae-cut -k knn_nll_none | cmp - <(vae-density n.tar | vae-cut -k knn_nll)
	[ "$(vae-density --scale std --method gmm --clusters 2 n.tar | vae-cut -k gmm_cluster,gmm_nll | md5sum)" = \
		"$(vae-density --scale robust,std --method gmm --clusters 2 n.tar | vae-cut -k gmm_cluster_std,gmm_nll_std | md5sum)" ]
	# --replace removes the fields of other k and scales
	vae-density --neighbors 5 --replace all.tar | cmp - <(vae-density --neighbors 5 n.tar)
	run vae-density --scale none,std --prefix a_ all.tar
	[ "$status" -eq 0 ]
	run vae-density --neighbors 9,150 --scale none,std all.tar
	[ "$status" -eq 1 ]
	[[ $output == *"field 'knn_nll_none_150' is there already"* ]]
	vae-rank -k knn_nll_none_3,knn_nll_std_7.5p all.tar | field rank - | grep -c . | grep -qx 240
}

@test "--scale: columns are brought to one scale, of tests too" {
	vectors v.tar a 1 1000 5 \; b 2 3000 5 \; c 4 2000 5 \; d 8 9000 5 \; e 16 4000 5
	# by hand: mean 6.2 and 3800; deviation sqrt(29.76) and sqrt(7760000); the third column is constant
	awk 'BEGIN { n = split("1 2 4 8 16", x); split("1000 3000 2000 9000 4000", y); sx = sqrt(29.76); sy = sqrt(7760000)
		for (i = 1; i <= n; i++) { b = 1e9
			for (j = 1; j <= n; j++) if (j != i) { r = sqrt(((x[i] - x[j]) / sx) ^ 2 + ((y[i] - y[j]) / sy) ^ 2); if (r < b) b = r }
			printf "%.12g\n", log(5) + log(4 / 3 * 3.14159265358979) + 3 * log(b) - log(2) } }' >expected
	vae-density --neighbors 2 --scale std v.tar | vae-cut -k knn_nll | paste - expected | awk '{ d = $1 - $2; if (d * d > 1e-11) exit 1 }'
	# median 4 and 3000, deviations 3 2 0 4 12 and 2000 0 1000 6000 1000
	awk 'BEGIN { n = split("1 2 4 8 16", x); split("1000 3000 2000 9000 4000", y); sx = 1.4826 * 3; sy = 1.4826 * 1000
		for (i = 1; i <= n; i++) { b = 1e9
			for (j = 1; j <= n; j++) if (j != i) { r = sqrt(((x[i] - x[j]) / sx) ^ 2 + ((y[i] - y[j]) / sy) ^ 2); if (r < b) b = r }
			printf "%.12g\n", log(5) + log(4 / 3 * 3.14159265358979) + 3 * log(b) - log(2) } }' >expected
	vae-density --neighbors 2 --scale robust v.tar | vae-cut -k knn_nll | paste - expected | awk '{ d = $1 - $2; if (d * d > 1e-11) exit 1 }'
	awk 'function asinh(u) { return u < 0 ? -asinh(-u) : log(u + sqrt(u * u + 1)) }
		BEGIN { n = split("1 2 4 8 16", x); split("1000 3000 2000 9000 4000", y); sx = 1.4826 * 3; sy = 1.4826 * 1000
		for (i = 1; i <= n; i++) { x[i] = asinh((x[i] - 4) / sx); y[i] = asinh((y[i] - 3000) / sy) }
		for (i = 1; i <= n; i++) { b = 1e9
			for (j = 1; j <= n; j++) if (j != i) { r = sqrt((x[i] - x[j]) ^ 2 + (y[i] - y[j]) ^ 2); if (r < b) b = r }
			printf "%.12g\n", log(5) + log(4 / 3 * 3.14159265358979) + 3 * log(b) - log(2) } }' >expected
	vae-density --neighbors 2 --scale asinh v.tar | vae-cut -k knn_nll | paste - expected | awk '{ d = $1 - $2; if (d * d > 1e-11) exit 1 }'
	# units do not matter, and tests are scaled as the records are
	vectors w.tar a 1 1 50 \; b 2 3 50 \; c 4 2 50 \; d 8 9 50 \; e 16 4 50
	vae-density --neighbors 2 --scale std -t v.tar --influence v.jsonl v.tar >/dev/null
	vae-density --neighbors 2 --scale std -t w.tar --influence w.jsonl w.tar >/dev/null
	diff <(grep -o '"key":"."' v.jsonl) <(grep -o '"key":"."' w.jsonl)
	grep -q '"distance":0}' v.jsonl
	# a number 1e78 spreads from the others, which no float holds
	# shellcheck disable=SC2046 # words
	vectors far.tar $(seq 40 | awk '{ print (NR > 1 ? ";" : ""), "k" 100 + $1, ($1 < 40 ? $1 * $1 "e-43" : "3e38"), $1 % 7 }')
	vae-density --neighbors 4 --scale none,std,robust,asinh far.tar >o.tar
	for scale in none std robust asinh; do
		[ "$(field knn_nll_$scale,limit o.tar | grep -cP '^[-0-9.]+\t$')" -eq 40 ]
		[ "$(vae-rank -k knn_nll_$scale --sort o.tar | field key - | head -n 1)" = k140 ]
	done
	pictures 30 >p.tar
	vae-density --scale std --neighbors 3 -j 2 p.tar >o.tar
	vae-density --scale std --neighbors 3 -j 1 p.tar | cmp - o.tar
	run vae-density --scale wide p.tar
	[ "$status" -eq 2 ]
}

@test "--cluster-field: a field that no record has is an error" {
	line
	run vae-density --method gmm --cluster-field clss line.tar
	[ "$status" -eq 1 ]
	[[ $output == *"none of 6 records is in a cluster; the first: neither a field nor a member 'clss'"* ]]
}

@test "--cluster-field: a record without it gets a reason and is not part of the mixture" {
	vectors v.tar a@p 1 \; b@p 2 \; c@p 4 \; d 3
	vectors w.tar a@p 1 \; b@p 2 \; c@p 4
	vae-density --method gmm --cluster-field cls v.tar >o.tar 2>err
	grep -q '^vae-density: 1 of [0-9]* records have no score; the first: .* names its cluster' err
	[ "$(grep -c 'could not be read' err)" -eq 0 ]
	[[ "$(field error o.tar | tail -n 1)" == *"names its cluster"* ]]
	vae-density --method gmm --cluster-field cls w.tar | vae-cut -k gmm_nll,gmm_selfinf >w
	vae-cut -k gmm_nll,gmm_selfinf o.tar | head -n 3 | cmp - w
}

@test "--replace and --prefix: an existing field is an error before any work" {
	line
	vae-density --neighbors 2 line.tar >o.tar
	run vae-density --neighbors 3 o.tar
	[ "$status" -eq 1 ]
	[[ $output == *"field 'knn_nll' is there already: see --replace and --prefix"* ]]
	vae-density --neighbors 3 --prefix w_ o.tar >two.tar
	[ "$(field knn_nll two.tar | head -n 1)" = "$(field knn_nll o.tar | head -n 1)" ]
	[ "$(field w_knn_nll two.tar | head -n 1)" = "$(vae-density --neighbors 3 line.tar | vae-cut -k knn_nll | head -n 1)" ]
	vae-density --neighbors 3 --replace o.tar | vae-cut -k knn_nll | cmp - <(field w_knn_nll two.tar)
	# and so are scores of another method, since options are of this run
	vae-density --method kde --sigma 1 --replace two.tar >k.tar
	[ "$(field knn_nll,knn_selfinf k.tar | grep -c '[0-9]')" -eq 0 ]
	[ "$(field kde_nll,w_knn_nll k.tar | grep -c '[0-9]	[0-9]')" -eq 6 ]
}

@test "-t: influence over test records, with proponents and opponents" {
	line
	vectors t.tar z 0.375 \; bad@x 1 2
	vae-density -q --method knn,kde,gmm --cluster-field cls --neighbors 2 --sigma 2 --top 3 -t t.tar --influence f.jsonl --summary s.json line.tar >o.tar
	[ "$(wc -l <f.jsonl)" -eq 4 ]
	# z: a at 0.375, b at 0.625, c at 2.625
	low=$(awk 'BEGIN { printf "%.9g", log(5 / 6) }') high=$(awk 'BEGIN { printf "%.9g", log(5 / 6) + log(2.625 / 0.625) }')
	grep '"method":"knn"' f.jsonl | grep -q "\"proponents\":\[{\"key\":\"a\",\"influence\":$high,\"distance\":0.375},{\"key\":\"b\",\"influence\":$high,\"distance\":0.625}\]"
	grep '"method":"knn"' f.jsonl | grep -q "\"opponents\":\[{\"key\":\"f\",\"influence\":$low,\"distance\":10.625},{\"key\":\"e\",.*{\"key\":\"d\",[^{]*\]}"
	close_to "$(field knn_testinf_mean o.tar | head -n 1)" "$high"
	close_to "$(field knn_testinf_max o.tar | tail -n 1)" "$low"
	grep '"method":"gmm"' f.jsonl | grep -q '"gmm_cluster":"x"'
	tail -n 1 f.jsonl | grep -q '^{"test":"bad","error":"npy of 2 values, expected 1"}$'
	grep -q '"tests":1,"tests_unread":1' s.json
	close_to "$(field gmm_testinf_min o.tar | tail -n 1)" "$low"
	vae-density --method kde --sigma 2 --top 0 -t t.tar --influence f.jsonl -q line.tar >/dev/null
	head -n 1 f.jsonl | grep -q '"proponents":\[\],"opponents":\[\]'
	vae-density -q --method kde --sigma 2 line.tar >plain.tar
	[ "$(field kde_testinf_max plain.tar | grep -c .)" -eq 0 ]
	run vae-density -t nowhere.tar --influence g.jsonl line.tar
	[ "$status" -eq 1 ]
	[[ $output == *nowhere.tar* ]]
	[ ! -e g.jsonl ]
	run vae-density -t t.tar --influence same.tar -o same.tar line.tar
	[ "$status" -eq 2 ]
}

@test "the shape is that of the first record that decodes, or that of --set" {
	mkdir d
	pictures 6 | tar -xf - -C d
	printf 'P2 2 2 255 1 2 3 4\n' >d/9.pgm
	echo no picture >d/0.png
	(cd d && tar -cf ../v.tar -- 0.png 0000* 9.pgm)
	vae-density -q --neighbors 2 --summary s.json v.tar >o.tar
	grep -q '"points":7,"dimensions":64' s.json
	[ "$(field error o.tar | grep -c .)" -eq 1 ]
	vae-density -q --neighbors 2 --set 'input.shape=[1,4,4]' --summary s.json v.tar >/dev/null
	grep -q '"dimensions":16' s.json
	# a product that is 0, or below, in 32 bits
	for shape in 1,65536,65536 3,37838,37838; do
		! vae-density --set "input.shape=[$shape]" v.tar >/dev/null 2>err || false
		grep -q '^vae-density: .*16 million' err
	done
	(cd d && tar -cf ../w.tar -- 9.pgm 0000*)
	vae-density -q --neighbors 2 --summary s.json w.tar >/dev/null
	grep -q '"points":7,"dimensions":4' s.json
	vectors n.tar a 1 2
	vae-density -q --summary s.json v.tar n.tar >o.tar
	grep -q '"points":7' s.json
	[[ "$(field error o.tar | tail -n 1)" == *"expected '|u1'"* ]]
	vectors n.tar a 1 2 \; b 1 inf \; c 1 2 3
	vae-density -q --summary s.json n.tar >o.tar
	[[ "$(field error o.tar | sed -n 2p)" == *"not a finite number"* ]]
	[[ "$(field error o.tar | sed -n 3p)" == *"3 values, expected 2"* ]]
}

@test "--space latent: points are latent means of an encoder" {
	pictures 40 >p.tar
	vae-train -q -c tiny --set train.steps=20 -o m.vae p.tar
	vae-density --space latent -m m.vae --method knn,gmm --clusters 2 --neighbors 3 --summary s.json p.tar >o.tar
	grep -q '"points":40,"dimensions":4' s.json
	[ "$(field model o.tar | sort -u)" = "$(vae-selfinf -m m.vae p.tar | vae-cut -k model | sort -u)" ]
	[ "$(field knn_selfinf o.tar | grep -c .)" -eq 40 ]
	vae-density --space latent -m m.vae --method knn,gmm --clusters 2 --neighbors 3 -j1 p.tar | cmp - o.tar
	vae-density --neighbors 3 p.tar >pixel.tar
	run cmp -s <(field knn_nll o.tar) <(field knn_nll pixel.tar)
	[ "$status" -eq 1 ]
}

# tensor NAME ROWS COLUMNS [ROW COLUMN VALUE]...: the entry of a safetensors header to `head`, floats to `body`; 0 where none is given
tensor()
{
	perl -e '
		my ($name, $rows, $columns, @at) = @ARGV;
		my @v = (0) x ($rows * $columns);
		while (my ($r, $c, $x) = splice @at, 0, 3) { $v[$r * $columns + $c] = $x }
		my $from = -s "body" || 0;
		open my $h, ">>", "head"; open my $b, ">>", "body"; binmode $b;
		printf $h "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%d,%d]}", -s "head" ? "," : "", $name,
			$name =~ /bias/ ? $rows : "$rows,$columns", $from, $from + 4 * @v;
		print $b pack "f<*", @v' "$@"
}

@test "--space latent: a mean that is not finite is no point, for records and tests" {
	# the mean is pixel 0 and 3e38 times pixels 1 and 2, in 0..1
	rm -f head body
	tensor encoder.1.weight 2 64 0 0 1 0 1 3e38 0 2 3e38
	tensor encoder.1.bias 2 1
	tensor decoder.0.weight 64 1
	tensor decoder.0.bias 64 1
	perl -e 'local $/; open my $h, "<", "head"; my $t = "{" . <$h> . "}"; $t .= " " x (-length($t) % 8);
		open my $b, "<", "body"; binmode STDOUT; print pack("Q<", length $t), $t, <$b>' >w.safetensors
	printf 'input: {shape: [1, 8, 8]}\nmodel: {latent: 1, encoder: [flatten, {linear: 2}], decoder: [{linear: 64}]}\n' >w.yaml
	vae-ckpt import -q -c w.yaml -o w.vae w.safetensors
	mkdir d
	for i in 1 2 3 4 5 6; do printf 'P2 8 8 255 %s 0 0 %s\n' $((i * i)) "$(seq -s ' ' 61)" >d/$i.pgm; done
	(cd d && tar -cf ../good.tar -- *)
	printf 'P2 8 8 255 9 255 255 %s\n' "$(seq -s ' ' 61)" >d/3x.pgm
	(cd d && tar -cf ../mixed.tar -- * && tar -cf ../t.tar 3x.pgm 4.pgm)
	w() { vae-density -q --space latent -m w.vae --method knn,kde,gmm --neighbors 2 --clusters 1 "$@"; }
	w --summary s.json mixed.tar >o.tar
	grep -q '"points":6,' s.json
	[ "$(field key,error o.tar | grep -P '\t.')" = "3x	the encoder's mean is not finite" ]
	w good.tar | vae-cut -k knn_nll,kde_selfinf,gmm_nll >good
	vae-cut -k knn_nll,kde_selfinf,gmm_nll o.tar | awk '/[0-9]/' | cmp - good
	w -t t.tar --influence f.jsonl good.tar >/dev/null
	[ "$(wc -l <f.jsonl)" -eq 4 ]
	[ "$(tail -n 1 f.jsonl)" = '{"test":"3x","error":"the encoder'"'"'s mean is not finite"}' ]
}

@test "--space LAYER: points are what a layer gives behind its ReLU, computed by hand" {
	# encoder.1 is relu(W x + b): pixels 0 and 1, their difference, and a unit that is always off
	rm -f head body
	tensor encoder.1.weight 4 64 0 0 1 1 1 2 2 0 1 2 1 -1 3 5 -9
	tensor encoder.1.bias 4 1 1 0 0.25
	tensor encoder.3.weight 2 4 0 0 1
	tensor encoder.3.bias 2 1
	tensor decoder.0.weight 64 1
	tensor decoder.0.bias 64 1
	perl -e 'local $/; open my $h, "<", "head"; my $t = "{" . <$h> . "}"; $t .= " " x (-length($t) % 8);
		open my $b, "<", "body"; binmode STDOUT; print pack("Q<", length $t), $t, <$b>' >w.safetensors
	printf 'input: {shape: [1, 8, 8]}\nmodel: {latent: 1, encoder: [flatten, {linear: 4}, relu, {linear: 2}], decoder: [{linear: 64}]}\n' >w.yaml
	vae-ckpt import -q -c w.yaml -o w.vae w.safetensors
	mkdir d
	local i a b args=()
	for i in 1 2 3 4 5 6 7 8; do
		a=$((i * 37 % 101)) b=$((i * i * 53 % 97))
		printf 'P2 8 8 255 %s %s %s\n' $a $b "$(seq -s ' ' 62)" >d/$i.pgm
		# shellcheck disable=SC2207 # words
		args+=("$i" $(awk -v a=$a -v b=$b 'BEGIN { d = (a - b) / 255; printf "%.9g %.9g %.9g 0", a / 255, 2 * b / 255 + 0.25, (d > 0 ? d : 0) }') \;)
	done
	(cd d && tar -cf ../p.tar -- *)
	vectors v.tar "${args[@]}"
	vae-density -q --space encoder.1 -m w.vae --method knn,kde --neighbors 3 --sigma 0.2 --summary s.json p.tar | vae-cut -k key,knn_nll,kde_selfinf >layer
	grep -q '"dimensions":4' s.json
	vae-density -q --method knn,kde --neighbors 3 --sigma 0.2 v.tar | vae-cut -k key,knn_nll,kde_selfinf | paste - layer |
		awk -F '\t' '{ for (i = 2; i < 4; i++) { d = $i - $(i + 3); if (d * d > 1e-9) bad = 1 } if ($1 != $4 || $2 == "") bad = 1 } END { exit bad || NR != 8 }'
	# other records, as tests and against a reference, are points of the same space
	vae-density -q --space encoder.1 -m w.vae --neighbors 3 --against p.tar p.tar | vae-cut -k knn_nll >against
	cut -f 2 layer | paste - against | awk '{ d = $1 - $2; if (d * d > 1e-9) bad = 1 } END { exit bad || NR != 8 }'
	vae-density -q --space encoder.1 -m w.vae --method kde --sigma 0.2 -t p.tar --influence f.jsonl --top 1 p.tar >/dev/null
	[ "$(sed 's/{"test":"\([^"]*\)".*"proponents":\[{"key":"\([^"]*\)".*/\1\2/' f.jsonl | xargs)" = '11 22 33 44 55 66 77 88' ]
	run vae-density --space encoder.2 -m w.vae p.tar
	[ "$status" -eq 1 ]
	[[ $output == *"'encoder.2'"*"vae-ckpt show"* ]]
}

@test "gmm: a cluster of equal pictures is the densest" {
	mkdir d
	pictures 8 | tar -xf - -C d
	for i in $(seq 10 39); do cp d/00000005.png "d/$i.png"; echo 1 >"d/$i.cls"; done
	for i in 1 2 3 4; do cp "d/0000000$i.png" "d/9$i.png"; echo 2 >"d/9$i.cls"; done
	(cd d && tar --sort=name -cf ../same.tar -- ??.*)
	vae-density --method gmm --cluster-field cls same.tar >o.tar
	[ "$(field limit o.tar | grep -c 'the 30 records of its cluster are equal')" -eq 30 ]
	[ "$(field gmm_nll o.tar | head -n 30 | sort -u)" = "$(field gmm_nll o.tar | sort -g | head -n 1)" ]
	close_to "$(field gmm_selfinf o.tar | head -n 1)" "$(awk 'BEGIN { printf "%.12g", log(30 / 29) + log(33 / 34) }')"
}

@test "-t: a warning counts the test records without an influence" {
	vectors v.tar a@p 1 \; b@p 1 \; c@p 1 \; d@q 4 \; e@q 6 \; f@q 9
	vectors t.tar x 1 \; y 1.5 \; z 5
	run vae-density --count-copies --method knn,gmm --neighbors 3 --cluster-field cls -t t.tar --influence f.jsonl -o o.tar v.tar
	[ "$status" -eq 0 ]
	[[ $output == *"2 of 3 test records have no influence; the first: 'x': knn: at least 3 records are the same"* ]]
	[ "$(grep -c '"error"' f.jsonl)" -eq 3 ]
}

@test "-t: without points, --influence has a line with an error for every test record and method" {
	line
	tar -cf empty.tar -T /dev/null
	mkdir d
	echo no picture >d/a.png
	(cd d && tar -cf ../bad.tar a.png)
	for in in empty bad; do
		vae-density -q --method knn,kde --influence f.jsonl -t line.tar $in.tar >/dev/null
		[ "$(wc -l <f.jsonl)" -eq 12 ]
		[ "$(head -n 1 f.jsonl)" = '{"test":"a","method":"knn","error":"there are no records that could influence it"}' ]
	done
}

@test "--influence must not name an input" {
	line
	cp line.tar t.tar
	ln t.tar other.tar
	sum=$(cat line.tar t.tar | md5sum)
	for f in line.tar t.tar ./line.tar other.tar; do
		run vae-density -t t.tar --influence $f -o o.tar line.tar
		[ "$status" -eq 2 ]
		[[ $output == *"--influence "*"'$f'"* ]]
	done
	run bash -c 'vae-density -t t.tar --influence line.tar -o o.tar <line.tar'
	[ "$status" -eq 2 ]
	[ "$sum" = "$(cat line.tar t.tar | md5sum)" ]
	[ ! -e o.tar ]
}

# noise N: N pictures of 8x8 without likeness, as n/000I.pgm
noise()
{
	mkdir -p n
	perl -e 'srand 9; for my $i (0 .. $ARGV[0] - 1) { open my $f, ">", sprintf("n/%04d.pgm", $i); binmode $f; print $f "P5 8 8 255\n", map { chr rand 256 } 1 .. 64 }' "$1"
}

@test "duplicates: equal bytes, equal pixels, near ones; the first stays" {
	noise 60
	cp n/0003.pgm n/0060.pgm
	sed '1s/ /\n/g' n/0003.pgm >n/0061.pgm # the same pixels in other bytes
	perl -0777 -pe 's/(255\n.{20})(.)/$1 . chr(ord($2) ^ 3)/se' n/0004.pgm >n/0062.pgm
	vae-pack n >all.tar
	vae-density --duplicates auto --summary s.json all.tar >o.tar
	vae-cut -k key,dup_of,dup_kind o.tar | sed 's/^0*\([0-9]\)/\1/; s/\t0*\([0-9]\)/\t\1/' | awk -F '\t' '$2 != "" { printf "%d=%d %s;", $1, $2, $3 }' >got
	[ "$(cat got)" = '60=3 bytes;61=3 equal;62=4 near;' ] || { cat got; false; }
	grep -q '"duplicates":3,"duplicate_groups":2,' s.json
	# a group has one name, in its first record too
	[ "$(field dup_group o.tar | grep -c .)" -eq 5 ]
	[ "$(field dup_group o.tar | grep . | sort -u | wc -l)" -eq 2 ]
	close_to "$(vae-cut -k dup_kind,dup_distance o.tar | awk '$1 == "near" { print $2 }')" "$(cmp -l n/0004.pgm n/0062.pgm |
		perl -ane '$s += (oct($F[1]) - oct($F[2])) ** 2; END { printf "%.12g", sqrt($s) / 255 }')"
	vae-drop --duplicates keep-first -r copies.tar o.tar >once.tar
	[ "$(field dup_kind copies.tar | tr '\n' ' ')" = 'bytes equal near ' ]
	[ "$(field key once.tar | wc -l)" -eq 60 ]
	# without the first, the next one stays
	vae-drop -q -i -e 'dup_kind ~ "*"' o.tar >later.tar
	[ "$(vae-drop -q --duplicates keep-first later.tar | vae-cut -k dup_kind | grep . | tr '\n' ' ')" = 'bytes near ' ]
	# groups of two runs do not meet, though the keys do
	vae-density --duplicates auto --set "input.shape=[1,4,4]" --key-prefix b/ all.tar >p.tar
	[ "$(vae-drop -q --duplicates keep-first o.tar p.tar | vae-cut -k key | wc -l)" -eq 120 ]
}

@test "duplicates: any -j, and a search for more neighbours, give the same groups" {
	noise 400
	for i in 3 50 77; do
		perl -0777 -pe 's/(255\n.{20})(.)/$1 . chr(ord($2) ^ 3)/se' "n/0$(printf %03d $i).pgm" >"n/9$i.pgm"
	done
	vae-pack n >all.tar
	vae-density -j1 --duplicates 0.5 all.tar >want.tar
	vae-density -j3 --duplicates 0.5 all.tar | cmp - want.tar
	[ "$(field dup_kind want.tar | grep -c near)" -eq 3 ]
	vae-density --duplicates 0.5 --neighbors 10,200 all.tar >more.tar
	cmp <(field dup_of want.tar) <(field dup_of more.tar)
	# a smaller ratio than the copies have
	[ "$(vae-density --duplicates 0.0001 all.tar | vae-cut -q -k dup_of | grep -c .)" -eq 0 ]
}

@test "duplicates: all records equal, few records, broken ones, an empty stream" {
	mkdir e
	for i in 1 2 3 4 5; do printf 'P5 2 2 255\nabcd' >e/$i.pgm; done
	echo text >e/6.pgm
	vae-pack e | vae-density --duplicates auto >o.tar 2>err
	grep -q 'only equal records are duplicates' err
	[ "$(field dup_kind o.tar 2>/dev/null | grep -c bytes)" -eq 4 ]
	vae-pack e | vae-density -q --duplicates auto | vae-drop --duplicates keep-first >/dev/null
	head -c 1024 /dev/zero | vae-density --duplicates auto | vae-drop --duplicates keep-first >empty.tar
	[ "$(vae-cut -k key empty.tar | wc -l)" -eq 0 ]
}

@test "--against: the density of new records, fitted to a file" {
	line # 0 1 3 7 8.5 11
	vectors new.tar p 4 \; q 11 \; r -2 \; s 100 \; z 1 2
	vae-density -q --against line.tar --method knn,kde --neighbors 2 --sigma 2 --summary s.json new.tar >o.tar
	# p: 3 and 7 are at 1 and 3; q equals f, whose second is 8.5; s: 8.5 is at 91.5
	for t in '1 3' '2 2.5' '3 3' '4 91.5'; do
		close_to "$(field knn_nll o.tar | sed -n "${t% *}p")" "$(awk -v r="${t#* }" 'BEGIN { printf "%.12g", log(6) + log(2) + log(r) - log(2) }')"
	done
	close_to "$(field kde_nll o.tar | sed -n 1p)" "$(awk 'BEGIN { n = split("0 1 3 7 8.5 11", v)
		for (i = 1; i <= n; i++) s += exp(-(v[i] - 4) ^ 2 / 8); printf "%.12g", -log(s / 6 / sqrt(2 * 3.14159265358979 * 4)) }')"
	[ "$(field kde_nll o.tar | sed -n 4p)" = "$(awk 'BEGIN { n = split("0 1 3 7 8.5 11", v) # e^-990: relative to the largest term
		for (i = 1; i <= n; i++) s += exp((89 ^ 2 - (v[i] - 100) ^ 2) / 8); printf "%.9g", 89 ^ 2 / 8 - log(s / 6 / sqrt(2 * 3.14159265358979 * 4)) }')" ]
	[ "$(field error o.tar | sed -n 5p)" = "npy of 2 values, expected 1" ]
	[ "$(field knn_selfinf,kde_selfinf o.tar | grep -c '[0-9]')" -eq 0 ]
	grep -q '"points":6,' s.json
	# an endless stream is scored as it comes
	mkfifo in
	pictures 600 >p.tar
	(head -c 1000000 p.tar; exec sleep 600) >in &
	local writer=$!
	vae-density -q --against p.tar --neighbors 2 <in | timeout 300 head -c 1024 >first || true
	kill $writer 2>/dev/null || true
	[ "$(wc -c <first)" -eq 1024 ]
}

@test "--against: a record of the reference has the score that it has in place" {
	# shellcheck disable=SC2046 # words
	vectors n.tar $(seq 240 | awk '{ print (NR > 1 ? ";" : ""), "k" 1000 + $1, $1 * $1 % 1009, $1 * 7 % 211, int($1 / 7) % 5 }') \; x1 1 7 0 \; x2 1 7 0
	pictures 150 >p.tar
	# shellcheck disable=SC2086 # words
	for in in n p; do
		while IFS='|' read -r o fields; do
			vae-density -q $o $in.tar | vae-cut -k "$fields,options" >in_place
			vae-density -q $o --against $in.tar $in.tar | vae-cut -k "$fields,options" >against
			[ "$(wc -l <against)" -gt 100 ]
			paste in_place against | awk '{ n = NF / 2; for (i = 1; i < n; i++) { d = $i - $(n + i); if (d * d > 1e-14 * (1 + $i * $i)) exit 1 } if ($n != $NF) exit 1 }' || { echo "$in $o"; false; }
			case $o in *kde*) ;; *) cmp in_place against ;; esac
			vae-density -q $o --against $in.tar -j 1 $in.tar >one.tar
			vae-density -q $o --against $in.tar -j 3 $in.tar | cmp - one.tar
		done <<-END
			--neighbors 3,5%,150 --scale none,std,robust,asinh|knn_nll_none_3,knn_nll_none_5p,knn_nll_none_150,knn_nll_std_5p,knn_nll_robust_150,knn_nll_asinh_3
			--count-copies --neighbors 2,9|knn_nll_2,knn_nll_9
			--method kde --scale none,asinh --neighbors 4|kde_nll_none,kde_nll_asinh
			--method knn,kde --sigma 3|knn_nll,kde_nll
		END
	done
	grep -q 'equal this one' <(vae-density -q --count-copies --neighbors 2 --against n.tar n.tar | vae-cut -k limit)
}

@test "--against: with --save-ref and --ref of vae-rank, and in latent space" {
	pictures 150 >p.tar
	vae-density -q --neighbors 5 p.tar | vae-rank -q -k knn_nll --save-ref ref.json >ranked.tar
	vae-density -q --neighbors 5 --against p.tar p.tar | vae-rank --ref ref.json | vae-cut -k z | cmp - <(field z ranked.tar)
	vae-train -q -c tiny --set train.steps=20 -o m.vae p.tar
	vae-density -q --neighbors 5 --space latent -m m.vae p.tar | vae-cut -k knn_nll,options >in_place
	vae-density -q --neighbors 5 --space latent -m m.vae --against p.tar p.tar | vae-cut -k knn_nll,options | paste - in_place |
		awk '{ d = $1 - $3; if (d * d > 1e-8 || $2 != $4) exit 1 }'
}

@test "--against: references that do not do" {
	line
	vectors same.tar a 1 \; b 1
	tar -cf none.tar -T /dev/null
	while IFS='|' read -r options text; do
		# shellcheck disable=SC2086 # words
		run vae-density $options -o o.tar line.tar
		[ "$status" -eq 1 ] || { echo "$options: $output"; false; }
		[[ $output == *"$text"* ]] || { echo "$options: $output"; false; }
		[ ! -e o.tar ]
	done <<-END
		--against same.tar|2 records, all equal: k-NN requires two that differ
		--against same.tar --method kde|--sigma auto finds no bandwidth
		--against none.tar|no records: --against requires some
		--against nowhere.tar|nowhere.tar
	END
	vae-density --against same.tar --method kde --sigma 1 line.tar >o.tar
	[ "$(field kde_nll o.tar | grep -c '[0-9]')" -eq 6 ]
	vae-density --against same.tar --method kde --sigma 1e-200 line.tar >o.tar
	[[ "$(field limit o.tar | head -n 1)" == "kde: too far from all other records"* ]]
	[ "$(field kde_nll o.tar | grep -c '[0-9]')" -eq 6 ]
}

# blocks NAME N: NAME.0.tar to NAME.N-1.tar, each with every N-th record of NAME.tar
blocks()
{
	local i
	for ((i = 0; i < $2; i++)); do
		vae-cut -k key "$1.tar" | awk -v n="$2" -v i="$i" 'NR % n == i' >keys
		vae-drop -q -i --keys keys -o "$1.$i.tar" "$1.tar"
	done
}

# parts NAME [OPTION...]: the part of each block of NAME.*.tar for the records of NAME.tar, and their list in `list`
parts()
{
	local b name=$1
	shift
	rm -f ./*.part
	for b in "$name".[0-9].tar; do vae-density -q "$@" --against "$b" --part "$b.part" "$name.tar"; done
	list=$(printf '%s,' "$name".[0-9].tar.part)
	list=${list%,}
}

@test "--merge: the parts of blocks in any order equal one run over the whole reference" {
	local back
	# points of a plane with many at equal distances and many copies, in all blocks and in one; and one that cannot be read
	# shellcheck disable=SC2046 # words
	vectors t.tar $(seq 200 | awk '{ print (NR > 1 ? ";" : ""), "k" 1000 + $1, $1 * $1 % 11, int($1 * 7 / 3) % 9 }') \; x 1 2 3
	pictures 150 >p.tar
	for in in t p; do
		blocks $in 4
		for o in '--neighbors 2' '--neighbors 3,50,17 --prefix s_' '--neighbors 40 -j 3'; do
			# shellcheck disable=SC2086 # words
			{
				vae-density -q $o --against $in.tar $in.tar >want.tar
				parts $in $o
				vae-density -q $o --merge "$list" $in.tar | cmp - want.tar
				back=$(tr , '\n' <<<"$list" | sort -r | paste -sd,)
				vae-density -q $o --merge "$back" -j 1 $in.tar | cmp - want.tar
				cp $in.1.tar.part one
				vae-density -q $o -j 1 --against $in.1.tar --part again $in.tar
				cmp one again
			}
		done
	done
	# one block is a reference too
	parts p --neighbors 7
	vae-density -q --neighbors 7 --against p.1.tar p.tar >want.tar
	vae-density -q --neighbors 7 --merge p.1.tar.part p.tar | cmp - want.tar
	# the same as scores in place
	vae-density -q --neighbors 5 p.tar | vae-cut -k key,knn_nll,options >want
	parts p --neighbors 5
	vae-density -q --neighbors 5 --merge "$list" --summary s.json p.tar | vae-cut -k key,knn_nll,options | cmp - want
	grep -q '"points":150,' s.json
}

@test "--merge: neighbours counted one by one" {
	# shellcheck disable=SC2046 # words
	vectors t.tar $(seq 90 | awk '{ print (NR > 1 ? ";" : ""), "k" 1000 + $1, $1 * $1 % 7, $1 * 5 % 6 }')
	blocks t 3
	parts t --neighbors 6,2
	vae-density -q --neighbors 6,2 --merge "$list" t.tar | vae-cut -k knn_nll_6,knn_nll_2 >got
	perl -e '
		my (@p, %copies);
		for my $i (1 .. 90) { push @p, [$i * $i % 7, $i * 5 % 6]; $copies{"@{$p[-1]}"}++ }
		for my $z (@p) {
			my @v = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] }
				map { my ($x, $y) = split " "; [($x - $z->[0]) ** 2 + ($y - $z->[1]) ** 2, $copies{$_}] } keys %copies;
			my @nll;
			for my $k (6, 2) { my $w = 0; $w += $v[$_][1] for 0 .. $k - 1; push @nll, log(90) + log(3.14159265358979324) + log($v[$k - 1][0]) - log($w) }
			printf "%.15g\t%.15g\n", @nll;
		}' >want
	paste got want | awk '{ for (i = 1; i < 3; i++) { d = $i - $(i + 2); if (d * d > 1e-16) exit bad = 1 } } END { exit bad || NR != 90 }'
}

@test "--merge: blocks with fewer rows than neighbours, and a reference with too few" {
	line # 0 1 3 7 8.5 11
	blocks line 6
	parts line --neighbors 3,5
	vae-density -q --neighbors 3,5 --against line.tar line.tar >want.tar
	vae-density -q --neighbors 3,5 --merge "$list" line.tar | cmp - want.tar
	parts line --neighbors 6
	run vae-density -q --neighbors 6 --merge "$list" -o o.tar line.tar
	[ "$status" -eq 1 ]
	[ "$output" = "vae-density: 6 neighbours: the reference has only 6 different records: make the parts with a smaller --neighbors" ]
	[ ! -e o.tar ]
}

@test "--merge: parts that do not belong together, and damaged ones" {
	local size at
	line
	vectors other.tar a 0 \; b 1 \; c 3 \; d 7 \; e 8.5 \; f 12
	vectors wide.tar a 0 1 \; b 1 1 \; c 3 1
	blocks line 2
	parts line --neighbors 2
	vae-density -q --neighbors 3 --against line.1.tar --part k3 line.tar
	vae-density -q --neighbors 2 --against wide.tar --part wide line.tar
	vae-density -q --neighbors 2 --against line.1.tar --part others other.tar
	vae-density -q --neighbors 2 --against line.1.tar --part fewer line.0.tar
	vectors more.tar a 0 \; b 1 \; c 3 \; d 7 \; e 8.5 \; f 11 \; g 12
	vae-density -q --neighbors 2 --against line.1.tar --part more more.tar
	vae-density -q --neighbors 2 --set input.jpeg=reduced --against line.1.tar --part reduced line.tar
	echo text >text
	: >empty
	refused()
	{
		run vae-density -q --neighbors 2 --merge "$1" -o o.tar line.tar
		[ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ $output == *"$2"* ]] && [ ! -e o.tar ] || { echo "$1: $status $output"; false; }
	}
	refused line.0.tar.part,k3 "k3: made with 'neighbors 3 "
	refused line.0.tar.part,reduced "reduced: made with 'neighbors 2 input.binarize 0 input.jpeg reduced "
	refused k3 "the parts were made with 'neighbors 3 "
	refused line.0.tar.part,wide "wide: its points have the shape [1,1,2], and those of line.0.tar.part [1,1,1]"
	refused line.0.tar.part,line.0.tar.part 'are of the same reference records'
	refused line.0.tar.part,others 'others: record 6 of the part is another one'
	refused line.0.tar.part,fewer 'fewer: '
	refused line.0.tar.part,more 'more: it has more than 6 records'
	refused text 'text: not a part'
	refused empty 'empty: not a part'
	refused nowhere nowhere
	# every truncation, and a change of any byte
	size=$(wc -c <line.1.tar.part)
	for ((at = 0; at < size; at += 7)); do
		head -c "$at" line.1.tar.part >short
		refused line.0.tar.part,short 'short: '
		perl -e 'local $/; $_ = <STDIN>; substr($_, $ARGV[0], 1) ^= "\x11"; print' "$at" <line.1.tar.part >changed
		run vae-density -q --neighbors 2 --merge line.0.tar.part,changed -o o.tar line.tar
		[ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [ ! -e o.tar ] || { echo "byte $at: $status $output"; false; }
	done
	cat line.1.tar.part text >longer
	refused line.0.tar.part,longer 'longer: damaged'
	# another shape by --set
	run vae-density -q --neighbors 2 --set 'input.shape=[1,2,2]' --merge line.0.tar.part line.tar
	[ "$status" -eq 1 ]
	[[ $output == *'made with input.shape=[1,1,1]'* ]]
	# a part is not replaced by what is made of it
	run vae-density --neighbors 2 --merge line.0.tar.part,line.1.tar.part -o line.1.tar.part line.tar
	[ "$status" -eq 2 ]
	# a part appears whole or not at all
	run vae-density -q --neighbors 2 --on-error fail --against line.tar --part new wide.tar
	[ "$status" -eq 1 ]
	[ ! -e new ]
}

@test "law 7: a wrong command line exits 2 and says why" {
	line
	while read -r options; do
		# shellcheck disable=SC2086 # words
		run vae-density $options line.tar
		[ "$status" -eq 2 ] || { echo "$options: $status, $output"; false; }
		[[ $output == "vae-density: "*"(vae-density -h shows the options)" ]] || { echo "$options: $output"; false; }
	done <<-END
		--method knm
		--method knn,
		--method gmm
		--method gmm --clusters 2 --cluster-field cls
		--clusters 2
		--method gmm --clusters 2 --first-order --as-printed
		--sigma 0
		--sigma wide
		--neighbors 0
		--neighbors 1
		--neighbors 3,
		--neighbors 3,4,3
		--neighbors 2,3,4,5,6,7,8,9,10
		--neighbors 5%%
		--neighbors 0x10
		--scale none,
		--against -
		--against line.tar --method gmm --clusters 2
		--against line.tar -t line.tar
		--against line.tar --duplicates auto
		--against line.tar -o line.tar
		--part x
		--part x --against line.tar --merge y
		--part x --against line.tar -o o.tar
		--part x --against line.tar --neighbors 5%
		--part x --against line.tar --scale std
		--part x --against line.tar --method knn,kde
		--part x --against line.tar --count-copies
		--part line.tar --against line.tar
		--merge x,
		--merge x --against line.tar
		--merge x -t line.tar
		--merge x --duplicates auto
		--merge x --neighbors 5%
		--scale std,std
		--scale none,std -t line.tar
		--neighbors 2,3 -t line.tar
		--duplicates 0
		--duplicates 1
		--duplicates near
		--duplicates auto --count-copies
		--duplicates auto --method kde
		--space latent
		--space pixels
		--space encoder.1
		--space decoder.0 -m m.vae
		-m m.vae
		--influence f.jsonl
		-t -
		--set train.steps=5
		--set input.shape=wide
		--on-error reject
		--nothing
	END
	run vae-density -h
	[ "$status" -eq 0 ]
	[[ $output == "usage: vae-density [options] [FILE ...]"* ]]
}
