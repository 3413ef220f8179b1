# vae-eval: how well fields detect known positives, compared with two baselines.
# shellcheck disable=SC2016,SC2094

load helper

# labelled W:C...: records with the field w and the label c
labelled() {
	local p i=0
	for p; do
		i=$((i + 1))
		printf 'name=r/%04d.cls data=%s\n' $i "${p#*:}"
		[ -z "${p%:*}" ] || printf 'name=r/%04d.vae.json data={"w":%s,"v":%d}\n' $i "${p%:*}" $((-i))
	done | mktar
}

# value NAME < JSON of one field
value() { sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }

@test "a small case computed by hand, ties included" {
	labelled 5:1 4:0 4:1 3:0 2:0 1:1 >"$T/in"
	ok vae-eval --json -k w --positive 'cls == 1' "$T/in"
	isjson <"$T/out"
	# pairs: 5 above 3 negatives, 4 above 2 and equal to 1, 1 above none: 5.5 of 9
	near "$(value auroc <"$T/out")" 0.611111111
	# found: 1 1 2 2 2 3 of 3, by position in the tie: 11 / 18
	near "$(value detection_auc <"$T/out")" 0.611111111
	near "$(value detection_auc_ceiling <"$T/out")" 0.833333333
	# Hanley and McNeil: a = 11/18, q1 = a / (2 - a) = 0.44, q2 = 2 a^2 / (1 + a) = 0.463601533
	near "$(value auroc_se <"$T/out")" "$(awk 'BEGIN { a = 5.5 / 9; q1 = a / (2 - a); q2 = 2 * a * a / (1 + a); print sqrt((a * (1 - a) + 2 * (q1 - a * a) + 2 * (q2 - a * a)) / 9) }')" 1e-6
	is "$(value records <"$T/out")" 6
	is "$(value positives <"$T/out")" 3
	grep -q '{"percent":50,"checked":3,"found":2,"precision":0.666666667,"recall":0.666666667}' "$T/out"
	# thresholds 5, 4 (a positive and a negative), 3, 2, 1: 1/3 * 1 + 1/3 * 2/3 + 1/3 * 3/6
	near "$(value average_precision <"$T/out")" 0.722222222
}

@test "a perfect score, and the worst one" {
	labelled 9:1 8:1 3:0 2:0 1:0 >"$T/in"
	ok vae-eval --json -k w --positive 'cls == 1' "$T/in"
	is "$(value auroc <"$T/out")" 1
	is "$(value detection_auc <"$T/out")" "$(value detection_auc_ceiling <"$T/out")"
	is "$(value auroc_se <"$T/out")" 0
	ok vae-eval --json -k w --positive 'cls == 0' "$T/in"
	is "$(value auroc <"$T/out")" 0
	labelled 1:1 1:0 1:1 1:0 >"$T/in"
	ok vae-eval --json -k w --positive 'cls == 1' "$T/in"
	is "$(value auroc <"$T/out")" 0.5
}

@test "the table has the numbers of the JSON" {
	labelled 5:1 4:0 4:1 3:0 2:0 1:1 >"$T/in"
	ok vae-eval -k w,v --positive 'cls == 1' "$T/in"
	grep -q '6 records, 3 positive (50 %)' "$T/out"
	grep -q 'AUROC  *0.6111 ' "$T/out"
	grep -q '0.6111 (at best 0.8333)' "$T/out"
	grep -qx v "$T/out"
	not grep -qi nan "$T/out"
}

@test "all or no records positive is an error" {
	labelled 5:1 4:0 >"$T/in"
	fails 1 vae-eval -k w --positive 'cls == 7' "$T/in"
	says none 'cls == 7'
	fails 1 vae-eval -k w --positive 'cls < 7' "$T/in"
	says all
	fails 1 vae-eval -k nope --positive 'cls == 1' "$T/in"
	says nope
	labelled :1 4:0 5:0 >"$T/in"
	fails 1 vae-eval -k w --positive 'cls == 1' "$T/in"
	says w '2 records'
}

@test "records without the field, or without the label, are counted" {
	labelled 5:1 4:0 :1 :0 1:0 >"$T/in"
	ok vae-eval --json -k w --positive 'cls == 1' "$T/in"
	is "$(value scored <"$T/out")" 3
	is "$(value positives_unscored <"$T/out")" 1
	is "$(value auroc <"$T/out")" 1
	ok vae-eval -k w --positive 'cls == 1' "$T/in"
	grep -q 'without this field *2 records, 1 of them positive' "$T/out"
	(printf 'name=a.vae.json data={"w":3}\nname=b.vae.json data={"w":4}\nname=b.cls data=1\n') | mktar >"$T/in"
	ok vae-eval --json -k w --positive 'cls == 1' "$T/in"
	says '1 record lacks'
	ok vae-eval -q --json -k w --positive 'cls == 1' "$T/in"
	[ ! -s "$T/err" ]
}

@test "invalid expressions" {
	labelled 5:1 4:0 >"$T/in"
	fails 2 vae-eval -k w --cut 1% "$T/in"
	says --cut --positive
	for e in '' 'cls =' 'cls == ' '(cls == 1' 'cls == 1)' 'cls == "1' '&& 1' 'cls === 1' 'cls 1' "$(printf '(%.0s' {1..500})"; do
		fails 2 vae-eval -k w --positive "$e" "$T/in"
		says --positive column
	done
	fails 2 vae-eval -k '' --positive 'cls == 1' "$T/in"
	says -k
	fails 2 vae-eval -k w,v,w --positive 'cls == 1' "$T/in"
	says -k w twice
}

@test "--cut: shares and numbers" {
	labelled 5:1 4:0 4:1 3:0 2:0 1:1 >"$T/in"
	ok vae-eval --json -k w --cut 50%,1,4,100,0.1% --positive 'cls == 1' "$T/in"
	is "$(grep -o '"percent":[^,]*,"checked":[0-9]*,"found":[0-9]*' "$T/out" | tr -dc '0-9,.\n' | tr '\n' ' ')" '50,3,2 16.6667,1,1 66.6667,4,2 100,6,3 0.1,1,1 '
	ok vae-eval -k w --cut 4 --positive 'cls == 1' "$T/in"
	grep -qE '^ +4 \(66\.7%\) +2 +50\.0% +66\.7%$' "$T/out"
	for c in '' 0 0% 101% -1 1.5 x 1%% '1%,' ,1 1,,2 nan inf 1e300 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17; do
		fails 2 vae-eval -k w --cut "$c" --positive 'cls == 1' "$T/in"
		says --cut
	done
}

# sized LOSS:C:BYTES...: payloads that grow, with a loss and a label
sized() {
	local each p i=0
	for each; do
		i=$((i + 1))
		IFS=: read -ra p <<<"$each"
		printf 'name=r/%04d.png data=%%89PNG%s\n' $i "$(head -c "${p[2]}" /dev/zero | tr '\0' x)"
		printf 'name=r/%04d.cls data=%s\nname=r/%04d.vae.json data={"w":%s,"loss":%s}\n' $i "${p[1]}" $i $((i * i)) "${p[0]}"
	done | mktar
}

@test "loss and compressed size are the baselines" {
	sized 1:0:90 2:0:80 3:1:70 4:0:60 9:1:50 7:1:40 >"$T/in"
	ok vae-eval --json -k w --positive 'cls == 1' "$T/in"
	isjson <"$T/out"
	grep -o '"field":"[a-z_]*","baseline":[a-z]*' "$T/out" >"$T/fields"
	is "$(tr -d '\n' <"$T/fields")" '"field":"w","baseline":false"field":"loss","baseline":true"field":"compressed_size","baseline":true'
	sed 's/{"field"/\n&/g' "$T/out" >"$T/each"
	near "$(grep '"field":"w"' "$T/each" | value auroc)" "$(awk 'BEGIN { print 8 / 9 }')"
	near "$(grep '"field":"loss"' "$T/each" | value auroc)" "$(awk 'BEGIN { print 8 / 9 }')"
	near "$(grep '"field":"compressed_size"' "$T/each" | value auroc)" "$(awk 'BEGIN { print 1 / 9 }')"
	# w = 1 4 9 16 25 36 against -loss; ranks of -loss 6 5 4 3 1 2
	near "$(grep '"field":"w"' "$T/each" | value loss_r2)" "$(awk 'BEGIN {
		split("1 4 9 16 25 36", y); split("-1 -2 -3 -4 -9 -7", x)
		for (i = 1; i <= 6; i++) { mx += x[i] / 6; my += y[i] / 6 }
		for (i = 1; i <= 6; i++) { xx += (x[i] - mx) ^ 2; yy += (y[i] - my) ^ 2; xy += (x[i] - mx) * (y[i] - my) }
		print xy * xy / xx / yy }')" 1e-5
	near "$(grep '"field":"w"' "$T/each" | value loss_spearman)" "$(awk 'BEGIN { print -(1 - 6 * 2 / (6 * 35)) }')"
	grep '"field":"loss"' "$T/each" | grep -q '"loss_r2":null,"loss_spearman":null'
	ok vae-eval -k w --positive 'cls == 1' "$T/in"
	grep -q '^loss (baseline)  *0.7778  *0.8889 ' "$T/out"
	grep -q '^compressed_size (baseline) ' "$T/out"
	# a requested field is not a baseline
	ok vae-eval --json -k loss --positive 'cls == 1' "$T/in"
	grep -q '"field":"loss","baseline":false' "$T/out"
	is "$(grep -o '"field":"loss"' "$T/out" | wc -l)" 1
	# a missing baseline is reported
	labelled 5:1 4:0 >"$T/in"
	ok vae-eval -k w --positive 'cls == 1' "$T/in"
	grep -q '^no baseline loss: ' "$T/out"
	grep -q '^no baseline compressed_size: ' "$T/out"
}

@test "the compressed size: PNG and JPEG as they are, others under zlib" {
	{
		for i in 1 2 3 4; do
			printf 'name=%d.pgm zeros=%d\nname=%d.cls data=%d\nname=%d.vae.json data={"w":%d}\n' $i $((9000 - i)) $i $((i % 2)) $i $i
		done
		printf 'name=5.png data=%%89PNG%s\nname=5.cls data=1\nname=5.vae.json data={"w":9}\n' "$(head -c 500 /dev/zero | tr '\0' x)"
	} | mktar >"$T/in"
	# 9000 zeros are smaller than 500 bytes of a PNG: only the fifth is large
	ok vae-eval --json -k w --cut 1 --positive 'key == 5' "$T/in"
	sed 's/{"field"/\n&/g' "$T/out" | grep compressed_size | grep -q '"auroc":1,'
}

@test "-o appears whole or not at all" {
	labelled 5:1 4:0 4:1 3:0 2:0 1:1 >"$T/in"
	ok vae-eval --json -k w --positive 'cls == 1' "$T/in"
	mv "$T/out" "$T/want"
	ok vae-eval --json -k w -o "$T/o.json" --positive 'cls == 1' "$T/in"
	[ ! -s "$T/out" ]
	same "$T/want" "$T/o.json"
	fails 1 vae-eval -k w -o "$T/no/such/o" --positive 'cls == 1' "$T/in"
	says "$T/no/such/o"
	head -c 1000 "$T/in" >"$T/cut"
	fails 1 vae-eval -k w -o "$T/o2" --svg "$T/pics" --positive 'cls == 1' "$T/cut"
	absent "$T/o2" "$T/pics"
	no_leftovers "$T"
}

@test "-o may not replace an input" {
	labelled 5:1 4:0 >"$T/in"
	cp "$T/in" "$T/was"
	fails 2 vae-eval -k w --positive 'cls == 1' -o "$T/in" "$T/in"
	says -o 'names an input' "$T/in"
	fails 2 vae-eval -k w --positive 'cls == 1' -o "$T/in" <"$T/in"
	says -o 'on standard input'
	same "$T/was" "$T/in"
	ok vae-eval -k w --positive 'cls == 1' -o "$T/was" "$T/in"
}

@test "--svg draws what the numbers say" {
	sized 1:0:90 2:0:80 3:1:70 4:0:60 9:1:50 7:1:40 >"$T/in"
	ok vae-eval -k w --svg "$T/pics" --positive 'cls == 1' "$T/in"
	is "$(names "$T/pics")" 'density.svg detection.svg histogram.svg precision-recall.svg roc.svg scatter.svg '
	for i in density detection histogram precision-recall roc scatter; do
		perl -0777 -ne 'exit 1 unless /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg".*<\/svg>\n$/s; exit 1 if /nan|inf[^l]|<script|NaN/i;
			my @s; while (/<(\/?)([a-z]+)[^>]*?(\/?)>/g) { $1 ? pop @s eq $2 || exit 1 : $3 || push @s, $2 } exit @s != 0' "$T/pics/$i.svg" || die "$i"
	done
	grep -q 'w  AUC 0.7778' "$T/pics/detection.svg"
	grep -q 'w  AUROC 0.8889' "$T/pics/roc.svg"
	grep -q "w  AP $(vae-eval -k w --positive 'cls == 1' "$T/in" | awk '/average precision/ { print $3; exit }')" "$T/pics/precision-recall.svg"
	grep -q 'Spearman −0.9429' "$T/pics/scatter.svg"
	# the ROC of w goes through (0,0) (0,2/3) (1/3,2/3) (1/3,1) (1,1): x = 52 + 356 f, y = 228 - 218 t
	grep -q 'class="ln s0" d="M52.0 228.0L52.0 155.3L52.0 82.7L170.7 82.7L170.7 10.0L289.3 10.0L408.0 10.0"' "$T/pics/roc.svg"
	# names are escaped, huge numbers stay inside the chart
	printf 'name=a.vae.json data={"<b>":1e308,"loss":1}\nname=b.vae.json data={"<b>":-1e308,"loss":2}\nname=c.vae.json data={"<b>":1e-308,"loss":1e308}\n' | mktar >"$T/in"
	ok vae-eval -k '<b>' --svg "$T/pics" --positive 'key == "a"' "$T/in"
	grep -q '&lt;b&gt;' "$T/pics/roc.svg"
	not grep -qE '<b>|nan|inf[^l]' "$T"/pics/*.svg
	fails 1 vae-eval -k '<b>' --svg "$T/in" --positive 'key == "a"' "$T/in"
	says --svg
}
