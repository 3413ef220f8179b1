#!/usr/bin/env bats
# The examples run as they stand, on small data made here.

setup()
{
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	BIN=${BIN:-$root/build}
	case $BIN in /*) ;; *) BIN=$root/$BIN ;; esac
	PATH=$BIN:$PATH
}

# idx N DIR: 28x28 pictures with labels 0..9 in turn; the ninth class is upside down and bright
idx()
{
	perl -e '
		my ($n, $dir) = @ARGV;
		open my $i, "|-", "gzip -c > $dir/train-images-idx3-ubyte.gz" or die;
		open my $l, "|-", "gzip -c > $dir/train-labels-idx1-ubyte.gz" or die;
		binmode $_ for $i, $l;
		print $i pack "N4", 0x803, $n, 28, 28;
		print $l pack "N2", 0x801, $n;
		for my $r (0 .. $n - 1) {
			my $c = $r % 10;
			print $l chr $c;
			print $i join "", map { my ($y, $x) = (int($_ / 28), $_ % 28);
				chr($c == 9 ? (($x * $y + $r) % 7) * 40 : ($y > 8 + $c && $x > 5 ? 100 + ($r * 7 + $y) % 50 : 0)) } 0 .. 783;
		}
		close $i; close $l;' "$1" "$2"
}

@test "pipeline/demo.sh packs, trains, scores, ranks, quarantines and says where everything lies" {
	idx 400 "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	VAE_DATA=$BATS_TEST_TMPDIR VAE_STEPS=16 run "$root/examples/pipeline/demo.sh" out
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[[ $output == *"AUC of the detection curve"* ]]
	[[ $output == *"Quarantined: 5 records"* ]] # 2 % of 240 clothes and 40 boots, rounded down
	kept=$(vae-cut -k key out/clean.tar.zst | wc -l)
	gone=$(vae-cut -k key out/quarantine.tar.zst | wc -l)
	[ "$kept" -eq 275 ]
	[ "$gone" -eq 5 ]
	[ -f out/clothes.vae/model.yaml ]
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
	[ "$(grep -c '<circle' out/clusters.svg)" -eq 600 ]
	[ "$(tail -n 1 out/clusters.svg)" = "</svg>" ]
	[ "$(grep -ciE 'nan|inf[^l]' out/clusters.svg)" -eq 0 ]
	[ "$(wc -l <out/over.jsonl)" -eq 3 ]
}

@test "images/clean.sh draws JPEG pictures, and cleans them to a shard" {
	cd "$BATS_TEST_TMPDIR"
	VAE_PICTURES=50 VAE_STEPS=4 VAE_TOP=10% run "$root/examples/images/clean.sh" "" out
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(find out/drawn -name "*.jpg" | wc -l)" -eq 50 ]
	[[ $output == *"clean shard: out/clean.tar.zst (45 pictures)"* ]]
	[ "$(vae-cut -k key out/quarantine.tar.zst | wc -l)" -eq 5 ]
	[ -z "$(vae-cut -k error out/clean.tar.zst | tr -d '\n')" ]
	# a folder of one's own; the files keep their bytes
	VAE_STEPS=4 run "$root/examples/images/clean.sh" out/drawn again
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	mkdir files
	tar --zstd -C files -xf again/clean.tar.zst
	for f in files/*.jpg; do
		cksum <"$f"
	done | sort >kept
	for f in out/drawn/*.jpg; do
		cksum <"$f"
	done | sort >drawn
	[ "$(wc -l <kept)" -eq 49 ]
	[ -z "$(comm -23 kept drawn)" ]
}

@test "tabular/odd.sh finds the rows whose columns are turned round, and goes on where it was stopped" {
	cd "$BATS_TEST_TMPDIR"
	VAE_STEPS=800 run "$root/examples/tabular/odd.sh"
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(echo "$output" | grep -c 'plain$\|turned$')" -eq 24 ]
	[ "$(echo "$output" | sed -n 2,11p | grep -c 'turned$')" -ge 6 ]
	# line numbers are those of the table
	line=$(echo "$output" | sed -n 2p | cut -f 1)
	[ "$(sed -n "${line}p" tabular-demo/drawn.csv)" = "$(echo "$output" | sed -n 2p | cut -f 3)" ]
	first=$output
	VAE_STEPS=800 run "$root/examples/tabular/odd.sh"
	[ "$(echo "$output" | grep -v 'nothing was to do')" = "$first" ]
	# a table of one's own
	printf 'x,y\n' >own.csv
	seq 100 | awk -v OFS=, '{ print $1 % 7, $1 % 5 }' >>own.csv
	VAE_STEPS=8 run "$root/examples/tabular/odd.sh" own.csv "" own
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[ "$(echo "$output" | tail -n +2 | wc -l)" -eq 2 ]
}
