# The charts and tables of vae-eval and vae-report that need no labels: distributions, correlation, the course over training.
# shellcheck disable=SC2016

load helper

# value NAME < JSON: the first value of that name
value() { grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d: -f2; }

# quantile Q < NUMBERS: the least value that a share Q is at or below
quantile() { sort -g | awk -v q="$1" '{ v[NR] = $1 } END { i = q * NR; r = int(i) + (i > int(i)); print v[r < 1 ? 1 : r] }'; }

# ranks < NUMBERS: mean ranks, in the order of the lines
ranks() { awk '{ v[NR] = $1 } END { for (i = 1; i <= NR; i++) { b = e = 0; for (k = 1; k <= NR; k++) { b += v[k] < v[i]; e += v[k] == v[i] } print b + (e + 1) / 2 } }'; }

# pearson < PAIRS
pearson() { awk '{ n++; x[n] = $1; y[n] = $2; mx += $1; my += $2 } END { mx /= n; my /= n
	for (i = 1; i <= n; i++) { xx += (x[i] - mx) ^ 2; yy += (y[i] - my) ^ 2; xy += (x[i] - mx) * (y[i] - my) } printf "%.12g\n", xy / sqrt(xx * yy) }'; }

# well_formed FILE...: each is an SVG whose elements are closed, without a number that is none
well_formed() {
	local file
	for file; do
		perl -0777 -ne 'exit 1 unless /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg".*<\/svg>\n$/s; exit 1 if /="[^"]*(nan|inf)|<script/i;
			my @s; while (/<(\/?)([a-z]+)[^>]*?(\/?)>/g) { $1 ? pop @s eq $2 || exit 1 : $3 || push @s, $2 } exit @s != 0' "$file" || die "$file"
	done
}

# memorized N: records as vae-memo --checkpoints all makes them, with two checkpoints
memorized() {
	pictures "$T/pics" 8
	awk -v n="$1" -v pics="$T/pics" 'BEGIN { srand(3); for (i = 0; i < n; i++) {
		in1 = -200 + 50 * rand(); out1 = in1 - 10 * rand(); in2 = in1 + 60 * rand(); out2 = in2 - 20 * rand() ^ 4
		printf "name=r/%04d.pgm file=%s/%d.pgm\n", i, pics, i % 8
		printf "name=r/%04d.vae.json data={\"memo\":%.6g,\"memo_se\":1,\"logp_in\":%.6g,\"logp_out\":%.6g,\"memo_50\":%.6g,\"logp_in_50\":%.6g,\"logp_out_50\":%.6g,\"memo_200\":%.6g,\"logp_in_200\":%.6g,\"logp_out_200\":%.6g,\"fold\":%d}\n", \
			i, in2 - out2, in2, out2, in1 - out1, in1, out1, in2 - out2, in2, out2, i % 3 } }' | mktar
}

@test "without --positive: distributions, and the correlation with another field" {
	memorized 300 >"$T/in.tar"
	ok vae-eval --json -k memo,logp_out "$T/in.tar"
	isjson <"$T/out"
	is "$(value against <"$T/out")" '"logp_in"'
	not grep -q '"positives\|auroc\|"found"' "$T/out"
	vae-cut -k memo "$T/in.tar" >"$T/memo"
	near "$(value lowest <"$T/out")" "$(quantile 0 <"$T/memo")"
	near "$(value q95 <"$T/out")" "$(quantile .95 <"$T/memo")"
	near "$(value q999 <"$T/out")" "$(quantile .999 <"$T/memo")"
	near "$(value highest <"$T/out")" "$(quantile 1 <"$T/memo")"
	near "$(value median <"$T/out")" "$(sort -g "$T/memo" | awk '{ v[NR] = $1 } END { print (v[NR / 2] + v[NR / 2 + 1]) / 2 }')"
	vae-cut -k logp_in,memo "$T/in.tar" >"$T/pairs"
	near "$(value against_r2 <"$T/out")" "$(pearson <"$T/pairs" | awk '{ print $1 * $1 }')" 1e-5
	near "$(value against_spearman <"$T/out")" "$(paste <(cut -f1 "$T/pairs" | ranks) <(cut -f2 "$T/pairs" | ranks) | pearson)" 1e-5
	# the table has the same numbers
	near "$(vae-eval -k memo "$T/in.tar" | awk '$1 == "memo" && NF == 9 { print $9 }')" "$(value against_spearman <"$T/out")" 1e-3
	vae-eval -k memo "$T/in.tar" | grep -q 'against logp_in$'
	# a minus turns the axis
	ok vae-eval --json -k memo --against -logp_in "$T/in.tar"
	is "$(value against <"$T/out")" '"-logp_in"'
	near "$(value against_spearman <"$T/out")" "$(paste <(cut -f1 "$T/pairs" | ranks) <(cut -f2 "$T/pairs" | ranks) | pearson | awk '{ print -$1 }')" 1e-5
	ok vae-eval --json -k logp_out --against memo "$T/in.tar"
	is "$(value against <"$T/out")" '"memo"'
	# of other fields it is the negative loss
	ok vae-eval --json -k logp_out "$T/in.tar"
	is "$(value against <"$T/out")" '"-loss"'
	is "$(value loss_r2 <"$T/out")" null
	fails 1 vae-eval -k none "$T/in.tar"
	says "none of 300 records has a number in the field 'none'"
	for i in '' -; do
		fails 2 vae-eval -k memo --against "$i" "$T/in.tar"
		says --against
	done
}

@test "the course over training: quantiles and mean losses of every checkpoint" {
	local i
	memorized 300 >"$T/in.tar"
	ok vae-eval --json -k memo --svg "$T/pics" "$T/in.tar"
	sed 's/.*"course":\[//; s/{"step/\n&/g' "$T/out" | grep step >"$T/course"
	is "$(grep -o '"step":[0-9]*' "$T/course" | tr '\n' ' ')" '"step":50 "step":200 '
	for i in 50 200; do
		grep "\"step\":$i," "$T/course" >"$T/step"
		near "$(value median <"$T/step")" "$(vae-cut -k memo_$i "$T/in.tar" | quantile .5)"
		near "$(value q95 <"$T/step")" "$(vae-cut -k memo_$i "$T/in.tar" | quantile .95)"
		near "$(value q999 <"$T/step")" "$(vae-cut -k memo_$i "$T/in.tar" | quantile .999)"
		near "$(value logp_in <"$T/step")" "$(vae-cut -k logp_in_$i "$T/in.tar" | awk '{ s += $1 } END { printf "%.12g", s / NR }')"
		near "$(value logp_out <"$T/step")" "$(vae-cut -k logp_out_$i "$T/in.tar" | awk '{ s += $1 } END { printf "%.12g", s / NR }')"
	done
	vae-eval -k memo "$T/in.tar" | awk '$1 == 200 { print $3 }' >"$T/table"
	near "$(cat "$T/table")" "$(value q95 <"$T/step")" 1e-5
	is "$(names "$T/pics" '*.svg')" 'course.svg density.svg histogram.svg losses.svg scatter.svg '
	well_formed "$T"/pics/*.svg
	# the median goes from (50, median) to (200, median): x = 52 + 356 step / 200, y = 228 - 218 (v - low) / (high - low)
	value median <"$T/course" >"$T/m1"
	tail -n 1 "$T/course" | value median >"$T/m2"
	grep -o '"\(median\|q95\|q999\)":[^,]*' "$T/course" | cut -d: -f2 | sort -g | sed -n '1p;$p' | tr '\n' ' ' >"$T/range"
	awk -v a="$(cat "$T/m1")" -v b="$(cat "$T/m2")" '{ y(a); y(b); printf "class=\"ln s0\" d=\"M141.0 %.1fL408.0 %.1f\"", 228 - 218 * (a - $1) / ($2 - $1), 228 - 218 * (b - $1) / ($2 - $1) } function y(v) {}' "$T/range" >"$T/want"
	grep -qF "$(cat "$T/want")" "$T/pics/course.svg"
	grep -q 'mean of −log p(x) (nats)' "$T/pics/losses.svg"
	# fields of other names have a course too, and one checkpoint is none
	printf 'name=a.vae.json data={"w":1,"w_1":2,"w_x":3,"w_3":5}\nname=b.vae.json data={"w":2,"w_3":4,"w_20":"x"}\n' | mktar >"$T/w.tar"
	vae-eval --json -k w "$T/w.tar" >"$T/out"
	grep -q '"course":\[{"step":1,"median":2,"q95":2,"q999":2,"logp_in":null,"logp_out":null},{"step":3,"median":4,"q95":5,"q999":5,' "$T/out"
	printf 'name=a.vae.json data={"w":1,"w_1":2}\nname=b.vae.json data={"w":2}\n' | mktar >"$T/w.tar"
	not grep -q course <(vae-eval --json -k w --svg "$T/one" "$T/w.tar")
	absent "$T/one/course.svg"
}

@test "-m with --svg draws the training: losses of records trained on and held out" {
	pictures "$F/pics" 40
	stream 40 | grep -v vae.json | mktar >"$T/in.tar"
	vae-train -q -c tiny --set train.steps=40 --set train.checkpoints=4 --set train.holdout=0.2 -o "$T/m.vae" "$T/in.tar"
	vae-selfinf -q -d 2 -m "$T/m.vae" "$T/in.tar" >"$T/scored.tar"
	ok vae-eval -m "$T/m.vae" --svg "$T/pics" "$T/scored.tar"
	well_formed "$T"/pics/*.svg
	# a point for each line of train.jsonl, and one for each with a loss of held-out records; the last ones are at the right
	is "$(grep -o 'class="ln s0" d="[^"]*"' "$T/pics/training.svg" | head -n 1 | grep -o '[ML][0-9]' | wc -l)" "$(grep -c '"loss"' "$T/m.vae/train.jsonl")"
	is "$(grep -o 'class="ln s1" d="[^"]*"' "$T/pics/training.svg" | head -n 1 | grep -o '[ML][0-9]' | wc -l)" "$(grep -c holdout_loss "$T/m.vae/train.jsonl")"
	grep -q "held out $(sed -n 's/.*"holdout_loss":\([^,]*\).*/\1/p' "$T/m.vae/train.jsonl" | tail -n 1 | xargs printf %.6g)<" "$T/pics/training.svg"
	# without -m, and with a checkpoint, which has no such file, none
	ok vae-eval --svg "$T/none" "$T/scored.tar"
	ok vae-eval -m "$T/m.vae/step-000000040.safetensors" --svg "$T/none" "$T/scored.tar"
	absent "$T/none/training.svg"
	echo x >>"$T/m.vae/train.jsonl"
	fails 1 vae-eval -m "$T/m.vae" --svg "$T/none" "$T/scored.tar"
	says -m train.jsonl
}

@test "scatter and density of two fields: the dots and cells are where the values are" {
	# x from 0 to 100, y from 0 to 100: cells are 6 wide and high, and begin at (52, 228)
	printf '%s\n' '0 0' '0 0' '50 50' '100 100' | awk '{ printf "name=%d.vae.json data={\"x\":%s,\"y\":%s}\n", NR, $1, $2 }' | mktar >"$T/in.tar"
	ok vae-eval -k y --against x --svg "$T/pics" "$T/in.tar"
	is "$(names "$T/pics")" 'density.svg histogram.svg scatter.svg '
	well_formed "$T"/pics/*.svg
	# (0, 0) is in the cell at (52, 228), with 2 records; (50, 50) at 230, 119; (100, 100) at 408, 10
	grep -q '<path class="ce k6" d="M52 228h6v-6h-6z"/>' "$T/pics/density.svg"
	grep -q '<path class="ce k0" d="M226 120h6v-6h-6zM406 12h6v-6h-6z"/>' "$T/pics/density.svg"
	grep -q 'the darkest has 2' "$T/pics/density.svg"
	grep -q '<path class="dt d2 s0" d="M409 11h0M231 119h0M53 229h0"/>' "$T/pics/scatter.svg"
	grep -q 'class="ln s8" d="M52.0 228.0L408.0 10.0"' "$T/pics/scatter.svg"
	grep -q '<text class="hd"[^>]*>y against x, density</text>' "$T/pics/density.svg"
	# hostile names are text
	printf 'name=a.vae.json data={"<b>":1,"\\"&":2}\nname=b.vae.json data={"<b>":2,"\\"&":3}\nname=c.vae.json data={"<b>":3,"\\"&":1e308}\n' | mktar >"$T/in.tar"
	ok vae-eval -k '<b>' --against '"&' --svg "$T/evil" "$T/in.tar"
	well_formed "$T"/evil/*.svg
	grep -q '&lt;b&gt; against &quot;&amp;' "$T/evil/scatter.svg"
	# the same bytes again
	ok vae-eval -k '<b>' --against '"&' --svg "$T/again" "$T/in.tar"
	diff -r "$T/evil" "$T/again"
}

@test "histogram: the shares of the bins, and lines at the quantiles" {
	memorized 1000 >"$T/in.tar"
	ok vae-eval -k memo --svg "$T/pics" "$T/in.tar"
	vae-cut -k memo "$T/in.tar" | sort -g >"$T/memo"
	# the heights of the outline, in shares of the highest: independent counts of 48 bins
	awk '{ v[NR] = $1 } END { for (i = 1; i <= NR; i++) { b = int(48 * (v[i] - v[1]) / (v[NR] - v[1])); c[b > 47 ? 47 : b]++ }
		for (b = 0; b < 48; b++) m = c[b] > m ? c[b] : m
		last = 228; for (b = 0; b < 48; b++) { y = sprintf("%.1f", 228 - 218 * c[b] / m); if (y != last) print y; last = y } }' "$T/memo" >"$T/want"
	# (the outline ends on the base line)
	grep -o 'class="st s0" d="[^"]*"' "$T/pics/histogram.svg" | grep -o 'V[0-9.]*' | tr -d V | sed '$d' >"$T/got"
	diff "$T/want" "$T/got"
	is "$(grep -c 'class="ln s7" d="M' "$T/pics/histogram.svg")" 3 # two lines, and the legend
	grep -q "95 % below $(quantile .95 <"$T/memo" | xargs printf %.4g), 99.9 % below $(quantile .999 <"$T/memo" | xargs printf %.4g)" "$T/pics/histogram.svg"
}

@test "the page of memorization: highest, middle and lowest M, M against log p, its course, and the losses" {
	memorized 100 >"$T/in.tar"
	ok vae-report --top 5 -o "$T/p.html" "$T/in.tar"
	grep -q 'Highest memo' "$T/p.html"
	vae-cut -k memo,key "$T/in.tar" | sort -g >"$T/order"
	# 20 records around the median, of 100 that are all sampled
	awk -F '\t' '{ v[NR] = $1; k[NR] = $2 } END { m = (v[50] + v[51]) / 2; for (i = 1; i <= NR; i++) { d = v[i] - m; print (d < 0 ? -d : d) "\t" v[i] "\t" k[i] } }' "$T/order" |
		sort -g | head -n 20 | sort -t "$(printf '\t')" -k 2,2gr | cut -f 3 >"$T/want"
	sed -n '/<section id="middle"/,/<\/section>/p' "$T/p.html" | grep -o 'class="key" title="[^"]*' | cut -d'"' -f4 >"$T/got"
	diff "$T/want" "$T/got"
	not grep -q 'random sample' "$T/p.html"
	for i in g-scatter g-density g-course g-losses; do
		grep -q "aria-labelledby=\"$i-t $i-d\"" "$T/p.html"
	done
	grep -q 'memo against logp_in' "$T/p.html"
	# the scores are not those of single checkpoints
	not grep -qE 'Distribution of (<bdi>)?(memo_50|fold)' "$T/p.html"
	if command -v chromium >/dev/null; then
		"$LIB/browse" "$T/p.html" >"$T/seen"
		for i in scripts handlers pwned foreign unnamed twice heads overflow console network; do
			is "$(sed -n "s/^$i //p" "$T/seen")" 0 "$i"
		done
	fi
	# another axis, another number
	ok vae-report --against -logp_out --middle 3 -o "$T/p.html" "$T/in.tar"
	grep -q 'memo against negative logp_out' "$T/p.html"
	is "$(sed -n '/<section id="middle"/,/<\/section>/p' "$T/p.html" | grep -c '<li>')" 3
	ok vae-report --middle 0 -o "$T/p.html" "$T/in.tar"
	not grep -q 'id="middle"' "$T/p.html"
	# the table of detection names the axis, as text
	printf 'name=zz.vae.json data={"<b>":1}\n' | mktar >"$T/b.tar"
	ok vae-report --positive 'fold == 1' --against '-<b>' -o "$T/p.html" "$T/in.tar" "$T/b.tar"
	grep -q '>R² with −&lt;b&gt;<' "$T/p.html"
	# other scores have no middle, unless asked for
	ok vae-report -k logp_in -o "$T/p.html" "$T/in.tar"
	not grep -q 'id="middle"' "$T/p.html"
	ok vae-report -k logp_in --middle 2 -o "$T/p.html" "$T/in.tar"
	is "$(sed -n '/<section id="middle"/,/<\/section>/p' "$T/p.html" | grep -c '<li>')" 2
	# of many records a sample, which is near the median
	memorized 1500 >"$T/many.tar"
	ok vae-report -k memo --middle 4 -o "$T/p.html" "$T/many.tar"
	grep -q 'from a random sample' "$T/p.html"
	vae-cut -k memo,key "$T/many.tar" | sort -g | awk '{ print $2 "\t" NR }' | sort >"$T/order"
	sed -n '/<section id="middle"/,/<\/section>/p' "$T/p.html" | grep -o 'class="key" title="[^"]*' | cut -d'"' -f4 | sort | join -t "$(printf '\t')" - "$T/order" | cut -f2 >"$T/got"
	is "$(wc -l <"$T/got")" 4
	awk '$1 < 600 || $1 > 900 { exit 1 }' "$T/got"
	for i in 1001 -1 x; do
		fails 2 vae-report --middle "$i" "$T/in.tar"
	done
	for i in '--middle 3' '--against nll'; do
		# shellcheck disable=SC2086 # words
		fails 2 vae-report --review $i "$T/in.tar"
		says --review "${i%% *}"
	done
}

# run SEED: scored records of a run, some of them outliers, and scores with ties
run() { awk -v seed="$1" 'BEGIN { srand(seed); for (i = 0; i < 60; i++) { o = i % 10 == 0
	printf "name=r/%02d.cls data=%d\nname=r/%02d.vae.json data={\"w\":%.3g,\"loss\":%.3g}\n", i, o, i, int(10 * rand() + 4 * o), 5 * rand() + o } }' | mktar; }

@test "--runs: means and standard errors over runs, by the directory of the files" {
	local i
	mkdir -p "$T/runs/a" "$T/runs/b"
	for i in 1 2 3; do run $i >"$T/runs/a/$i.tar"; done
	for i in 4 5; do run $i >"$T/runs/b/$i.tar"; done
	ok vae-eval --runs --json -k w --positive 'cls == 1' --svg "$T/pics" "$T"/runs/*/*.tar
	isjson <"$T/out"
	is "$(value records <"$T/out")" 300
	sed 's/{"set"/\n&/g' "$T/out" >"$T/sets"
	# the mean and its standard error of what every run has by itself
	for i in a:'1 2 3' b:'4 5'; do
		for j in ${i#*:}; do vae-eval --json -k w --positive 'cls == 1' "$T/runs/${i%%:*}/$j.tar" | sed 's/.*"field":"w"//; s/{"field".*//' >"$T/run$j"; done
		for name in detection_auc auroc average_precision; do
			for j in ${i#*:}; do value $name <"$T/run$j"; done | awk '{ v[NR] = $1; m += $1 } END { m /= NR; for (i = 1; i <= NR; i++) s += (v[i] - m) ^ 2
				printf "%.10g %.10g\n", m, sqrt(s / (NR - 1) / NR) }' >"$T/want"
			grep "/runs/${i%%:*}\"" "$T/sets" | sed 's/{"field":"loss".*//' >"$T/set"
			near "$(value $name <"$T/set")" "$(cut -d' ' -f1 "$T/want")"
			near "$(value ${name}_se <"$T/set")" "$(cut -d' ' -f2 "$T/want")"
		done
	done
	vae-eval --runs -k w --positive 'cls == 1' "$T"/runs/*/*.tar >"$T/table"
	near "$(awk '$1 ~ /runs\/b$/ && $2 == "w" { print $4 }' "$T/table")" "$(value detection_auc <"$T/set")" 1e-3
	# the curve in the middle: 100 of 200, x = 230; independent: the share of positives among the first half, ties by their share
	well_formed "$T"/pics/*.svg
	is "$(names "$T/pics")" 'detection.svg roc.svg '
	for j in 1 2 3; do
		vae-cut -k w,cls "$T/runs/a/$j.tar" | awk '{ v[NR] = $1; c[NR] = $2 } END { for (j = 1; j <= NR; j++) if (c[j]) { a = b = 0
			for (i = 1; i <= NR; i++) { a += v[i] > v[j]; b += v[i] == v[j] } t = (NR / 2 - a) / b; s += t < 0 ? 0 : t > 1 ? 1 : t; n++ } printf "%.10g\n", s / n }'
	done | awk '{ v[NR] = $1; m += $1 } END { m /= NR; for (i = 1; i <= NR; i++) s += (v[i] - m) ^ 2; e = sqrt(s / (NR - 1) / NR); e = m + e > 1 ? 1 - m : e
		printf "230.0 %.1f 230.0 %.1f", 228 - 218 * m, 228 - 218 * (m + e) }' >"$T/want"
	grep 'class="ln s0" d="M52.0 228' "$T/pics/detection.svg" | grep -qF "L$(cut -d' ' -f1,2 "$T/want")L"
	grep 'class="bd s0"' "$T/pics/detection.svg" | grep -qF "L$(cut -d' ' -f3,4 "$T/want")L"
	grep -q '>a w  AUC 0.*±' "$T/pics/detection.svg"
	# one run has no error and no band; files without a directory are one set
	(cd "$T/runs/a" && vae-eval --runs --json -k w --positive 'cls == 1' --svg "$T/one" 1.tar >"$T/out")
	grep -q '"set":".","runs":1,.*"auroc_se":null' "$T/out"
	not grep -q 'class="bd' "$T/one/detection.svg"
	grep -q '>loss  AUC' "$T/one/detection.svg"
	# a run without positives or records is named
	head -c 1024 /dev/zero >"$T/empty.tar"
	for i in "$T/empty.tar $T/runs/a/1.tar" "$T/runs/a/1.tar $T/empty.tar" "$T/runs/a/1.tar $T/empty.tar $T/runs/a/2.tar"; do
		# shellcheck disable=SC2086 # words
		fails 1 vae-eval --runs -k w --positive 'cls == 1' $i
		says "$T/empty.tar: no records"
	done
	fails 1 vae-eval --runs -k w --positive 'cls == 1 && w > 12' "$T"/runs/a/*.tar
	says "$T/runs/a/" positive
	fails 2 vae-eval --runs -k w --positive 'cls == 1' "$T/runs/a/1.tar" "$T/runs/a/1.tar"
	says '--runs' 'named twice'
	fails 2 vae-eval --mean "$T/x" "$T/x"
	says '--mean' 'named twice'
	fails 2 vae-eval --runs -k w "$T/runs/a/1.tar"
	says --runs --positive
	fails 2 vae-eval --runs -k w --positive 'cls == 1' <"$T/runs/a/1.tar"
	fails 2 vae-eval --runs -k w --positive 'cls == 1' --cut 1% "$T/runs/a/1.tar"
	says --runs --cut
	fails 2 vae-eval --runs -k w --positive 'cls ==' "$T/runs/a/1.tar"
	fails 2 vae-eval --lds x --halves y --runs
}

@test "--influence: frames for the same and for another class, by label, field of KEY.json, or directory of the key" {
	local i
	pictures "$T/pics" 4
	for i in a/1:x:1:cat a/2:x:2:dog b/3:y:1:dog b/4::2:; do
		IFS=: read -r key cls kind json <<<"$i"
		printf 'name=%s.pgm file=%s/%s.pgm\nname=%s.vae.json data={"w":1,"kind":"%s"}\n' "$key" "$T/pics" "$((${key#*/} - 1))" "$key" "$kind"
		[ -z "$cls" ] || printf 'name=%s.cls data=%s\n' "$key" "$cls"
		[ -z "$json" ] || printf 'name=%s.json data={"k":"%s"}\n' "$key" "$json"
	done | mktar >"$T/in.tar"
	printf '{"test":"a/1","proponents":[{"key":"a/1","influence":4},{"key":"a/2","influence":3},{"key":"b/3","influence":2},{"key":"b/4","influence":1}],"opponents":[]}\n{"test":"b/3","proponents":[{"key":"b/4","influence":1}],"opponents":[{"key":"a/2","influence":-1}]}\n' >"$T/over.jsonl"
	# frames OPTION...: for every proponent and opponent, its key and frame
	frames() {
		ok vae-report --top 0 --influence "$T/over.jsonl" -t "$T/in.tar" "$@" -o "$T/p.html" "$T/in.tar"
		sed -n '/<section id="influence"/,/<\/section>/p' "$T/p.html" | grep -o '<figure class="rec[a-z ]*"><img[^>]*alt="Number [^,"]*' | sed 's/<figure class="rec *\([a-z ]*\)".*: /\1 /' | tr '\n' ';'
	}
	is "$(frames)" 'same a/1;same a/2;other b/3; b/4; b/4;other a/2;'
	grep -q '2 of 3 proponents, and 0 of 1 opponents have the class of their test record' "$T/p.html"
	is "$(grep -o 'class="own"' "$T/p.html" | wc -l)" 1
	grep -q ', same class, the test record itself, influence 4"' "$T/p.html"
	is "$(frames --class kind)" 'same a/1;other a/2;same b/3;other b/4;other b/4;other a/2;'
	is "$(frames --class json.k)" 'same a/1;other a/2;other b/3; b/4; b/4;same a/2;'
	is "$(frames --class key/)" 'same a/1;same a/2;other b/3;other b/4;same b/4;other a/2;'
	grep -q 'label <bdi>a</bdi>' "$T/p.html"
	# without -t nothing is compared
	ok vae-report --top 0 --influence "$T/over.jsonl" -o "$T/p.html" "$T/in.tar"
	not grep -q 'class="rec same\|Frames compare' "$T/p.html"
	fails 2 vae-report --review --class key/ "$T/in.tar"
	says --class
}

# listed FILE WHICH CUT: mean over the pairs of WHICH (proponents, opponents) of the same class, mean distance, its sd, mean norm; of the
# first CUT of each test record, or of CUT % of the listed ones
listed() {
	perl -MJSON::PP -e 'my ($file, $which, $cut) = @ARGV; open my $f, "<", $file or die; my (@s, @d, @n);
		while (<$f>) { my $o = decode_json($_); my $all = @{$o->{proponents}} + @{$o->{opponents}};
			my $k = $cut =~ /(.*)%/ ? int($1 / 100 * $all + 0.5) : $cut; $k = 1 if $k < 1; my @v = @{$o->{$which}}; @v = @v[0 .. $k - 1] if @v > $k;
			for (@v) { push @s, $_->{cls} eq $o->{cls} ? 1 : 0; push @d, $_->{distance}; push @n, $_->{norm} } }
		sub mean { my $t = 0; $t += $_ for @_; $t / @_ } my $m = mean(@d); my $q = 0; $q += ($_ - $m) ** 2 for @d;
		printf "%.10g %.10g %.10g %.10g %d\n", mean(@s), $m, sqrt($q / (@d - 1)), mean(@n), scalar @d' "$@"
}

@test "vae-eval --influence: classes, distances and norms of strong proponents and opponents" {
	local i cut kind
	pictures "$F/pics" 40
	stream 40 | grep -v vae.json | mktar >"$T/in.tar"
	stream 6 | grep -v vae.json | sed 's/name=s/name=t/' | mktar >"$T/tests.tar"
	vae-train -q -c tiny --set train.steps=30 --set train.checkpoints=1 -o "$T/m.vae" "$T/in.tar"
	vae-testinf -q -m "$T/m.vae" -d 2 -t "$T/tests.tar" --top 40 --influence "$T/over.jsonl" --summary "$T/summary" "$T/in.tar" >"$T/null"
	ok vae-eval --influence "$T/over.jsonl" --cut 3,10% --json --svg "$T/pics"
	isjson <"$T/out"
	near "$(value pairs <"$T/out")" 240
	sed 's/{"kind"/\n&/g' "$T/out" >"$T/groups"
	for kind in proponents opponents; do
		for cut in 3 10% 1000; do
			listed "$T/over.jsonl" $kind $cut >"$T/want"
			grep "\"kind\":\"$kind\",\"strongest\":\"${cut/1000/all}\"" "$T/groups" >"$T/group"
			for i in 'same_class 1' 'distance 2' 'distance_sd 3' 'norm 4' 'pairs 5'; do
				near "$(value "${i% *}" <"$T/group")" "$(cut -d' ' -f"${i#* }" "$T/want")" 1e-5
			done
		done
		# vae-testinf says the same of all that it lists
		near "$(value same_class <"$T/group")" "$(value same_class_$kind <"$T/summary")" 1e-5
		near "$(value distance <"$T/group")" "$(value distance_$kind <"$T/summary")" 1e-5
		near "$(value norm_sd <"$T/group")" "$(value norm_${kind}_sd <"$T/summary")" 1e-5
	done
	vae-eval --influence "$T/over.jsonl" --cut 3 >"$T/table"
	near "$(awk '$1 == "opponents" && $2 == 3 { print $4 }' "$T/table")" "$(grep '"opponents","strongest":"3"' "$T/groups" | value same_class)" 1e-3
	# every pair is in the charts, whose numbers are those of the file
	well_formed "$T"/pics/*.svg
	is "$(names "$T/pics" | tr ' ' '\n' | grep -v '^class-' | tr '\n' ' ' | sed 's/ *$//')" 'classes.svg distance.svg norm.svg'
	perl -MJSON::PP -ne 'my $o = decode_json($_); for (@{$o->{proponents}}, @{$o->{opponents}}) { print $_->{cls} eq $o->{cls} ? 1 : 0, " $o->{cls} $_->{influence} $_->{distance}\n" }' "$T/over.jsonl" >"$T/pairs"
	grep -q "record of the same class: $(grep -c '^1' "$T/pairs") pairs" "$T/pics/classes.svg"
	grep -q "record of another class: $(grep -c '^0' "$T/pairs") pairs" "$T/pics/classes.svg"
	cut -d' ' -f2 "$T/pairs" | sort -u >"$T/classes"
	[ "$(wc -l <"$T/classes")" -gt 1 ]
	while read -r i; do
		grep -q "record of the same class: $(grep -c "^1 $i " "$T/pairs") pairs" "$T/pics/class-$i.svg"
		grep -q "<title>influence over class $i</title>" "$T/pics/class-$i.svg"
	done <"$T/classes"
	near "$(value distance_spearman <"$T/out")" "$(paste <(cut -d' ' -f4 "$T/pairs" | ranks) <(cut -d' ' -f3 "$T/pairs" | ranks) | pearson)" 1e-4
	# the outline of one kind: shares of 60 bins between the quantiles .001 and .999 of both
	cut -d' ' -f3 "$T/pairs" | sort -g | awk '{ v[NR] = $1 } END { print v[1 + int(.001 * (NR - 1))], v[1 + int(.999 * (NR - 1)) + (.999 * (NR - 1) > int(.999 * (NR - 1)))] }' >"$T/range"
	awk 'NR == FNR { low = $1; high = $2; next } { b = int(($3 - low) / (high - low) * 60); b = $3 < low ? 0 : b > 59 ? 59 : b; c[$1, b]++; t[$1]++ }
		END { least = 1; for (k = 0; k < 2; k++) for (b = 0; b < 60; b++) { s[k, b] = c[k, b] / t[k]; if (s[k, b] > top) top = s[k, b]; if (s[k, b] > 0 && s[k, b] < least) least = s[k, b] }
			least *= .7; last = "228.0"; for (b = 0; b < 60; b++) { v = s[1, b] < least ? least : s[1, b]; y = sprintf("%.1f", 228 - 218 * log(v / least) / log(top / least)); if (y != last) print y; last = y } }' "$T/range" "$T/pairs" >"$T/want"
	grep -o 'class="st s6" d="[^"]*"' "$T/pics/classes.svg" | grep -o 'V[0-9.]*' | tr -d V >"$T/got"
	# (the outline ends on the base line)
	diff "$T/want" <(head -n "$(wc -l <"$T/want")" "$T/got")
	[ "$(($(wc -l <"$T/got") - $(wc -l <"$T/want")))" -le 1 ]
}

@test "vae-eval --influence: classes of keys and records, methods, and what is no such file" {
	local text
	printf 'name=a/1.json data={"k":"x"}\nname=a/2.json data={"k":"y"}\nname=b/3.json data={"k":"x"}\nname=b/4.cls data=1\n' | mktar >"$T/in.tar"
	printf 'name=a/1.json data={"k":"y"}\nname=q.json data={"k":"x"}\n' | mktar >"$T/tests.tar"
	{
		printf '{"test":"a/1","method":"knn","proponents":[{"key":"a/2","influence":2,"distance":1},{"key":"b/3","influence":1,"distance":3}],"opponents":[{"key":"b/4","influence":-1,"distance":5}]}\n'
		printf '{"test":"a/1","method":"../<b>\\n","proponents":[],"opponents":[{"key":"a/2","influence":-1}]}\n{"test":"z","error":"cut"}\n'
	} >"$T/over.jsonl"
	# same CLASS...: the share of the same class among all pairs of the first method
	same_class() { vae-eval -q --influence "$T/over.jsonl" --json "$@" | sed 's/.*knn//; s/"method".*//; s/{"kind"/\n&/g' | grep '"both"' | value same_class; }
	is "$(same_class)" null
	near "$(same_class --class key/)" 0.333333333
	is "$(same_class --class json.k "$T/in.tar")" 0.5      # a/1 is x, a/2 y, b/3 x, b/4 none
	is "$(same_class --class json.k -t "$T/tests.tar" "$T/in.tar")" 0.5 # a/1 is y
	is "$(vae-eval -q --influence "$T/over.jsonl" --class json.k -t "$T/tests.tar" --cut 1 <"$T/in.tar" | awk '$1 == "proponents" && $2 == 1 { print $4; exit }')" 1.0000
	ok vae-eval --influence "$T/over.jsonl" --class key/ --svg "$T/pics"
	says '1 test record has no influences'
	fails 1 vae-eval -q --influence "$T/over.jsonl" --class json.nosuch "$T/in.tar"
	says '--class: none of 4 records' json.nosuch 'the first one has key/, json.NAME'
	clean <(tr -d '\n' <"$T/out")
	is "$(names "$T/pics")" 'knn-class-a.svg knn-classes.svg knn-distance.svg method.2-class-a.svg method.2-classes.svg '
	well_formed "$T"/pics/*.svg
	# the three distances 1, 3, 5 and influences 2, 1, -1 are at x 52, 230, 408 and y 10, 82.7, 228, in cells of 2
	grep -q 'M53 11h0' "$T/pics/knn-distance.svg"
	grep -q 'M231 83h0' "$T/pics/knn-distance.svg"
	grep -q 'M409 229h0' "$T/pics/knn-distance.svg"
	for text in 'x' '[1]' '{"test":1}' '{"test":"a","proponents":1}' '{"test":"a","proponents":[{"key":1,"influence":1}]}' '{"test":"a","opponents":[{"key":"x"}]}'; do
		printf '{"test":"t","error":"no"}\n%s\n' "$text" >"$T/bad.jsonl"
		fails 1 vae-eval --influence "$T/bad.jsonl"
		says "$T/bad.jsonl: line 2"
	done
	: >"$T/bad.jsonl"
	fails 1 vae-eval --influence "$T/bad.jsonl"
	says 'no influences'
	fails 1 vae-eval --influence "$T/none"
	says "$T/none"
	fails 2 vae-eval --influence "$T/over.jsonl" "$T/in.tar"
	says --class
	fails 2 vae-eval --influence "$T/over.jsonl" -t "$T/in.tar"
	says -t --class
	fails 2 vae-eval --influence "$T/over.jsonl" -k w
	fails 2 vae-eval --class cls --positive 'cls == 1' "$T/in.tar"
	says --influence
	fails 2 vae-eval --influence "$T/over.jsonl" --cut 0
	says --cut
	fails 2 vae-eval --influence "$T/over.jsonl" -o "$T/over.jsonl"
	head -c 700 "$T/in.tar" >"$T/cut.tar"
	fails 1 vae-eval --influence "$T/over.jsonl" --class json.k -t "$T/cut.tar" "$T/in.tar"
	says -t "$T/cut.tar"
}

# point KEY X Y: a member KEY.npy of two float32, whole numbers of at most 2^23
point() { perl -e 'my ($k, @v) = @ARGV; my $h = "{\x27descr\x27: \x27<f4\x27, \x27fortran_order\x27: False, \x27shape\x27: (2,), }"; $h .= " " x (117 - length $h) . "\n";
	open my $f, ">:raw", "$ENV{T}/$k.npy"; print $f "\x93NUMPY\1\0" . pack("v", length $h) . $h . pack("f<2", @v)' "$@"; }

@test "--plane: records as points, by value and by class" {
	export T
	local i
	point 1 0 0
	point 2 10 0
	point 3 0 20
	point 4 10 20
	point t 5 10
	for i in 1:4:a 2:1:b 3:-4:a 4::'<b>'; do
		IFS=: read -r key w cls <<<"$i"
		printf 'name=%s.npy file=%s\nname=%s.cls data=%s\n' "$key" "$T/$key.npy" "$key" "$cls"
		[ -z "$w" ] || printf 'name=%s.vae.json data={"w":%s,"nll":%s}\n' "$key" "$w" "$key"
	done | mktar >"$T/in.tar"
	printf 'name=t.npy file=%s\n' "$T/t.npy" | mktar >"$T/tests.tar"
	ok vae-eval -k w --against -nll --plane --class cls -t "$T/tests.tar" --svg "$T/pics" "$T/in.tar"
	is "$(names "$T/pics")" 'density.svg histogram.svg plane-classes.svg plane.svg scatter.svg '
	well_formed "$T"/pics/*.svg
	# the axes go from -0.5 to 10.5 and from -1 to 21; areas go as 4, 1, 4: radii 1 + 7 sqrt(v / 4)
	grep '<circle' "$T/pics/plane.svg" | sed 's/.*class="\([^"]*\)" cx="\([^"]*\)" cy="\([^"]*\)" r="\([^"]*\)".*/\1 \2 \3 \4/' >"$T/got"
	is "$(head -n 3 "$T/got" | tr '\n' ';')" 'pt s6 68.2 218.1 8.0;pt s6 391.8 218.1 4.5;pt s0 68.2 19.9 8.0;'
	is "$(wc -l <"$T/got")" 5 # three, and two of the legend: the fourth record has no w
	grep -q 'class="cr s8" d="M230.0 119.0m' "$T/pics/plane.svg"
	grep -q 'above 0: the area is the value, at most 4<' "$T/pics/plane.svg"
	for i in 'class a: 2 records' 'class b: 1 record' 'class &lt;b&gt;: 1 record'; do
		grep -q ">$i<" "$T/pics/plane-classes.svg"
	done
	is "$(grep -c 'r="3.0"' "$T/pics/plane-classes.svg")" 4
	# the scatter plot has the axis that was asked for
	grep -q 'w against negative nll' "$T/pics/scatter.svg"
	# without classes no picture of them; records that are no points are counted
	cat "$T/in.tar" >"$T/more.tar"
	printf 'name=n.cls data=1\nname=n.vae.json data={"w":9}\n' | mktar >"$T/no.tar"
	ok vae-eval -k w --plane --svg "$T/two" "$T/in.tar" "$T/no.tar"
	says '1 of 5 records'
	absent "$T/two/plane-classes.svg"
	grep -q 'at most 4<' "$T/two/plane.svg"
	fails 1 vae-eval -k w --plane --svg "$T/two" "$T/no.tar"
	says 'none of 1 records has an .npy of two numbers'
	fails 1 vae-eval -k w --plane -t "$T/no.tar" --svg "$T/two" "$T/in.tar"
	says -t "$T/no.tar"
	fails 2 vae-eval -k w --plane "$T/in.tar"
	says --svg
	fails 2 vae-eval -k w -t "$T/tests.tar" "$T/in.tar"
	says --plane
	# more than six classes: the others are one
	for i in 1 2 3 4 5 6 7 8; do
		point 9 "$i" "$i"
		cp "$T/9.npy" "$T/p$i.npy"
		printf 'name=p%s.npy file=%s/p%s.npy\nname=p%s.cls data=k%s\nname=p%s.vae.json data={"w":1}\n' $i "$T" $i $i $i $i
	done | mktar >"$T/many.tar"
	ok vae-eval -k w --plane --class cls --svg "$T/many" "$T/many.tar"
	grep -q '>class k6: 1 record<' "$T/many/plane-classes.svg"
	grep -q '>other classes, or none: 2 records<' "$T/many/plane-classes.svg"
}

@test "a field that no record has is an error with --against, and a class that no record has with --class" {
	printf 'name=%d.vae.json data={"w":%d,"loss":%d}\n' 1 1 2 2 2 1 3 3 5 | mktar >"$T/in.tar"
	ok vae-eval -k w --against -loss "$T/in.tar"
	ok vae-eval -k w --against loss "$T/in.tar"
	fails 1 vae-eval -k w --against -los "$T/in.tar"
	says '--against: none of 3 records' "'los'"
	fails 1 vae-report -q -k w --against los -o "$T/page.html" "$T/in.tar"
	says '--against: none of 3 records' "'los'"
	absent "$T/page.html"
	printf '\223NUMPY\1\0\166\0%-117s\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }" >"$T/p.npy"
	printf 'name=%d.npy file='"$T"'/p.npy\nname=%d.cls data=1\nname=%d.vae.json data={"w":%d}\n' 1 1 1 1 2 2 2 2 | mktar >"$T/p.tar"
	ok vae-eval -q -k w --plane --class cls --svg "$T/p" "$T/p.tar"
	fails 1 vae-eval -q -k w --plane --class json.clas --svg "$T/p" "$T/p.tar"
	says '--class: none of 2 records' json.clas 'the first one has cls, w'
	fails 1 vae-report -q -k w --class clas -o "$T/page.html" "$T/p.tar"
	says "--class: none of 2 records has 'clas'; the first one has cls, w"
	absent "$T/page.html"
	ok vae-report -q -k w --class w -o "$T/page.html" "$T/p.tar"
	# the label may be one of the test records alone
	printf 'name=t.vae.json data={"kind":1}\n' | mktar >"$T/t.tar"
	printf '{"test":"t","proponents":[{"key":"1","influence":1}]}\n' >"$T/over.jsonl"
	ok vae-report -q -k w --class kind --influence "$T/over.jsonl" -t "$T/t.tar" -o "$T/page.html" "$T/p.tar"
	mktar </dev/null >"$T/empty.tar"
	ok vae-report -q --class kind -o "$T/page.html" "$T/empty.tar"
}
