# examples/paper/run.sh: every item in its small form, with its shape and its signs; what it refuses; and that it goes on.

# shellcheck disable=SC2016,SC2030,SC2031
load helper

setup_file() {
	mkdir "$F/mnist" "$F/letters"
	"$LIB/mkidx" 400 "$F/mnist/train"
	"$LIB/mkidx" 100 "$F/mnist/t10k"
	"$LIB/mkidx" 30 "$F/letters/letters"
}

setup() {
	export VAE_SMALL=1 VAE_DIR=$F/paper VAE_MNIST=$F/mnist VAE_LETTERS=$F/letters VAE_FASHION=$F/mnist
}

# paper ITEM: its part of the page, in $T/part
paper() {
	ok "$ROOT/examples/paper/run.sh" "$1"
	[ -s "$F/paper/paper.html" ]
	cp "$F/paper/$1.md" "$T/part"
	grep -q '^    vae-\|^    examples/' "$T/part" || die "no command: $(cat "$T/part")"
	not grep -qiE '\bnan\b|\binf\b' "$T/part" || die "$(cat "$T/part")"
}

# cell ROW COLUMN: the number in a row of the table, by the text that it begins with; columns from 1
cell() { awk -F '|' -v row="$1" -v c="$2" 'index($0, "| " row) == 1 { split($(c + 1), v, " "); print v[1]; exit }' "$T/part"; }

# holds EXPRESSION: of awk
holds() { awk "BEGIN { exit !($1) }" || die "not so: $1: $(cat "$T/part")"; }

@test "table 1: shares, with errors over seeds" {
	paper table1
	holds "$(cell '64 | all' 4) >= 0 && $(cell '64 | all' 4) <= 1"
	is "$(cell '64 | all' 3)" 2
	is "$(grep -c '± .* | 1.000 |$' "$T/part")" 1
}

@test "table 3: ten classes, and where beta of colour pictures stands" {
	paper table3
	is "$(grep '^| ours' "$T/part" | tr -cd '|' | wc -c)" 13
	grep -q -- '--set score.beta=6' "$T/part"
}

@test "table 4: the major parent ranks before the minor one" {
	paper table4
	is "$(wc -l <"$F/paper/pairs")" 90
	local row
	for row in 'VAE-TracIn, 128 latents, all' 'distance of latents, 128' 'distance of the features of encoder.3, 128' 'distance of pixels'; do
		holds "$(cell "$row" 3) < $(cell "$row" 7)"
	done
	holds "$(cell 'distance of pixels' 3) < 20"
	# means over seeds, with the errors of shares
	is "$(grep -c '| [01]\.[0-9]* ± [01]\.[0-9]* |' "$T/part")" 10
	is "$(grep '^| distance of latents, 128' "$T/part" | cut -d '|' -f 6 | awk '{ print $1 }')" \
		"$(cat "$F/paper/blend-128-latent-1.ranks" "$F/paper/blend-128-latent-2.ranks" | awk -F '|' '{ s += $5 } END { printf "%.3f", s / 2 }')"
	is "$(head -c 24 "$F/paper/figure10.png" | tail -c 8 | od -An -tu1 | xargs)" '0 0 0 252 0 0 1 24' # 9 and 10 pictures of 28
	# a blend is what it says: picture 10 of the training set and its parents, by their pixels
	perl -e 'sub idx { open my $f, "-|", "gzip", "-dcf", shift; binmode $f; local $/; substr <$f>, 16 } my ($x, $b) = (idx($ARGV[0]), idx($ARGV[1]));
		open my $p, "<", $ARGV[2]; my $n = 0; while (<$p>) { my ($i, $j) = split;
			for my $k (0 .. 783) { my ($u, $v, $w) = map ord, substr($x, $i * 784 + $k, 1), substr($x, $j * 784 + $k, 1), substr($b, $n * 784 + $k, 1);
				die "blend $n, pixel $k: $u $v $w\n" if abs(0.75 * $u + 0.25 * $v - $w) > 0.5 } $n++ }' \
		"$F/mnist/train-images-idx3-ubyte.gz" "$F/paper/blends-idx3-ubyte" "$F/paper/pairs"
}

@test "table 5: the first order is right, and influences predict the steps" {
	paper table5
	holds "$(cell 0.00003 4) > 0.99 && $(cell 0.00003 5) > 0.95 && $(cell 0.00003 5) < 1.05"
	holds "$(cell 0.0003 2) > 0.3 && $(cell 0.0003 3) > 0.5 && $(cell 0.0003 6) > 0.5"
}

@test "table 6: areas with errors" {
	paper table6
	grep -q '<svg' "$F/paper/figure17/detection.svg"
	is "$(grep -c '^| \(64\|128\) | 2 | 0\.[0-9]* ± 0\.[0-9]* | 0\.[0-9]* ± 0\.[0-9]* | 0\.[0-9]* ± 0\.[0-9]* |' "$T/part")" 2
}

@test "table 7: losses after removals, against random ones" {
	paper table7
	is "$(grep -c '^| [28] | [0-9.]* ± [0-9.]* | [0-9.]* ± [0-9.]* |' "$T/part")" 2
	is "$(wc -l <"$F/paper/top8.keys") $(wc -l <"$F/paper/random8.keys")" '8 8'
	is "$(sort -t $'\t' -k 2,2gr "$F/paper/order.tsv" | head -8 | cut -f 1)" "$(cat "$F/paper/top8.keys")"
}

@test "table 8: norms of ten classes" {
	paper table8
	is "$(grep -c '^| [0-9] | [0-9.]* |' "$T/part")" 10
}

@test "figures 2 and 4: correlations; same class and distance" {
	paper figure2
	holds "$(cell 128 2) >= 0 && $(cell 128 2) <= 1 && $(cell 128 3) >= -1 && $(cell 128 3) <= 1"
	grep -q '<svg' "$F/paper/figure2-128/scatter.svg"
	grep -q '<img src="figure2-128/density.svg"' "$F/paper/paper.html"
	paper figure4
	holds "$(cell 'same class, proponents' 4) >= $(cell 'same class, opponents' 4)"
	holds "$(cell 'distance, proponents' 4) < $(cell 'distance, all' 4)"
	# of the two losses, that of the training has at least as many opponents of the class
	holds "$(cell "same class, opponents" 3) >= $(cell "same class, opponents" 2)"
}

@test "figure 6: rows of proponents and opponents, and how many have the class" {
	paper figure6
	holds "$(cell 'cosine' 2) > 0.1 && $(cell 'cosine' 2) <= 1 && $(cell 'as published' 3) <= 1"
	grep -q '<article' "$F/paper/figure6-both.html"
	grep -q '<a href="figure6-both.html">' "$F/paper/paper.html"
}

@test "figure 7: six clusters, and k-NN peaks on the one of ten" {
	paper figure7
	local picture
	for picture in $(grep -o '(clusters/[^)]*)' "$T/part" | tr -d '()'); do
		grep -q '<svg' "$F/paper/$picture"
	done
	is "$(grep -c '^!\[' "$T/part")" 13
	is "$(awk '$1 ~ /^[0-5]$/ && NF == 4 && $2 > high { high = $2; which = $1 } END { print which }' "$T/part")" 4
}

@test "figure 20: influences by class, distance and norm" {
	paper figure20
	grep -q 'proponents' "$T/part"
	local picture
	for picture in classes distance norm class-0; do
		grep -q '<svg' "$F/paper/figure20/$picture.svg"
	done
}

@test "lds: a table of influences, each between -1 and 1" {
	paper lds
	is "$(grep -c '± .* ± ' "$T/part")" 16
	awk -F '|' '/±/ { split($3, a, " "); split($4, b, " "); if (a[1] < -1 || a[1] > 1 || b[1] < -1 || b[1] > 1 || a[3] <= 0) bad = 1 } END { exit bad }' "$T/part"
	# even checkpoints of one learning rate have equal weights
	is "$(cell 'VAE-TracIn, 5 checkpoints |' 2)" "$(cell 'VAE-TracIn, 5 checkpoints, weights lr' 2)"
}

@test "length: the same at two lengths of two trainings" {
	paper length
	is "$(grep -cE '^\| (gaussian|bernoulli) \| (60|120) \|' "$T/part")" 4
	for loss in gaussian bernoulli; do
		holds "$(cell "$loss | 120" 3) < $(cell "$loss | 60" 3)"
		proponents=$(cell "$loss | 120" 9) opponents=$(cell "$loss | 120" 10)
		holds "$proponents > 0 && $proponents <= 1 && $opponents >= 0 && $opponents <= $proponents"
	done
	# self influence, as vae-eval has it
	is "$(cell 'bernoulli | 60' 5)" "$(vae-selfinf -q -m "$F/paper/published-bernoulli.vae" --checkpoints 60 "$F/paper/all.tar" | vae-cut -k selfinf | sort -g | awk '{ v[NR] = $1 } END { printf "%.0f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }')"
}

@test "mean.pl and npy.pl: matrices of tests by records" {
	perl -e 'for (0 .. 1) { open my $f, ">:raw", "$ARGV[0]/$_.npy"; print $f sprintf("\x93NUMPY\x01\x00v\x00%-117s\n", "{\x27descr\x27: \x27<f4\x27, \x27fortran_order\x27: False, \x27shape\x27: (2, 2), }"), pack "f<4", map { $_ * 2 } $_ .. $_ + 3 }' "$T"
	"$ROOT/examples/paper/mean.pl" "$T/0.npy" "$T/1.npy" >"$T/mean"
	is "$(perl -e 'local $/; open my $f, "<:raw", $ARGV[0]; print join " ", unpack "f<*", substr <$f>, 128' "$T/mean")" '1 3 5 7'
	printf '%s\n' a b c >"$T/keys"
	printf '{"test":"x","proponents":[{"key":"b","influence":2,"distance":0.5,"norm":1}],"opponents":[{"key":"a","influence":-1,"distance":3,"norm":1},{"key":"c","influence":0,"distance":1,"norm":1}]}\n' >"$T/over"
	values() { "$ROOT/examples/paper/npy.pl" "$@" "$T/over" "$T/keys" | perl -e 'local $/; binmode STDIN; print join " ", unpack "f<*", substr <STDIN>, 128'; }
	is "$(values influence)" '-1 2 0'
	is "$(values distance)" '-3 -0.5 -1'
	is "$(values 2)" '0 1 1'
}

@test "an unknown item lists the items, missing data says what to have" {
	run "$ROOT/examples/paper/run.sh" table1 table99
	is "$status" 2
	[[ $output == *"'table99'"*table1*figure2*lds* ]]
	export VAE_DIR=$T/none
	VAE_MNIST=/nonexistent run "$ROOT/examples/paper/run.sh" table1
	is "$status" 3
	[[ $output == *'set VAE_MNIST'* ]]
	VAE_LETTERS='' run "$ROOT/examples/paper/run.sh" table6
	is "$status" 3
	[[ $output == *'set VAE_LETTERS'* ]]
	VAE_FASHION=/nonexistent run "$ROOT/examples/paper/run.sh" table3
	is "$status" 3
	[[ $output == *dataset-fashion-mnist* ]]
	absent "$T/none/table1.md" "$T/none/table3.md"
}

@test "a run that was stopped goes on, and what is there is not done again" {
	export VAE_DIR=$T/stopped
	mkdir -p "$T/stopped" "$T/bin"
	# the second model cannot be trained
	printf '#!/bin/sh\nn=$(cat "%s/n" 2>/dev/null || echo 0)\necho $((n + 1)) >"%s/n"\n[ "$n" -ne 1 ] || exit 1\nexec "%s/vae-train" "$@"\n' "$T" "$T" "$BIN" >"$T/bin/vae-train"
	chmod +x "$T/bin/vae-train"
	PATH=$T/bin:$PATH run "$ROOT/examples/paper/run.sh" table1
	[ "$status" -ne 0 ]
	absent "$T/stopped/table1.md" "$T/stopped/paper.md"
	ls "$T/stopped/digits-64-1.vae/model.yaml"
	local was
	was=$(stat -c %Y.%i "$T/stopped/digits-64-1.vae/model.yaml")
	ok "$ROOT/examples/paper/run.sh" table1
	is "$(stat -c %Y.%i "$T/stopped/digits-64-1.vae/model.yaml")" "$was"
	grep -q '^## Table 1' "$T/stopped/paper.md"
	# the page as HTML: tables, code, and nothing of Markdown
	grep -q '<th>latents</th>' "$T/stopped/paper.html"
	grep -q '<pre>' "$T/stopped/paper.html"
	grep -q '<h2>Table 1: sanity check</h2>' "$T/stopped/paper.html"
	not grep -q '^|\|^#' "$T/stopped/paper.html"
}
