# vae-eval: detection curve and AUROC of fields.
# shellcheck disable=SC2016

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

@test "numbers of a small case reckoned by hand, ties included" {
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
	grep -q '{"percent":50,"checked":3,"found":2}' "$T/out"
}

@test "the best and the worst there is" {
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

@test "the table says what the JSON says" {
	labelled 5:1 4:0 4:1 3:0 2:0 1:1 >"$T/in"
	ok vae-eval -k w,v --positive 'cls == 1' "$T/in"
	grep -q '6 records, 3 positive (50 %)' "$T/out"
	grep -q 'AUROC  *0.6111 ' "$T/out"
	grep -q '0.6111 (at best 0.8333)' "$T/out"
	grep -qx v "$T/out"
	not grep -qi nan "$T/out"
}

@test "all or none positive is nothing to tell apart" {
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
	says '1 records lack'
	ok vae-eval -q --json -k w --positive 'cls == 1' "$T/in"
	[ ! -s "$T/err" ]
}

@test "expressions that are wrong" {
	labelled 5:1 4:0 >"$T/in"
	fails 2 vae-eval -k w "$T/in"
	says --positive
	for e in '' 'cls =' 'cls == ' '(cls == 1' 'cls == 1)' 'cls == "1' '&& 1' 'cls === 1' 'cls 1' "$(printf '(%.0s' {1..500})"; do
		fails 2 vae-eval -k w --positive "$e" "$T/in"
		says --positive column
	done
	fails 2 vae-eval -k '' --positive 'cls == 1' "$T/in"
}
