# vae-rank: joint scores with missing fields, patterns, both questions, reasons.
# shellcheck disable=SC2016,SC2046

load helper

# profiles N [AWK]: records r/0001 ... with h, and p_a, p_b, p_c whose logs are normal and correlated; AWK may change h, a, b, c, or
# set w to the text of the fields
profiles() {
	awk -v n="$1" 'function normal(   s, i) { s = -6; for (i = 0; i < 12; i++) s += rand(); return s }
		BEGIN { srand(11); for (i = 1; i <= n; i++) {
			k = normal(); h = exp(normal()); a = exp(k + 0.3 * normal()); b = exp(2 + k + 0.2 * normal()); c = exp(0.5 * k + 0.3 * normal()); w = ""
			'"${2:-}"'
			if (w == "") w = sprintf("\"h\":%.9g,\"p_a\":%.9g,\"p_b\":%.9g,\"p_c\":%.9g", h, a, b, c)
			printf "name=r/%04d.vae.json data={%s}\n", i, w } }' | mktar
}

@test "a pattern stands for the numeric fields of the stream that it matches" {
	profiles 60 'if (i == 1) w = "\"p_b\":\"text\",\"h\":1"' >"$T/in"
	ok vae-rank -k 'h,p_*' "$T/in"
	is "$(field rank_by <"$T/out" | sort -u)" 'h,p_*'
	field key,rank,joint <"$T/out" >"$T/want"
	ok vae-rank -k h,p_a,p_b,p_c "$T/in"
	field key,rank,joint <"$T/out" | diff "$T/want" -
	ok vae-rank -k 'h,p_?,p_*' "$T/in"
	field key,rank,joint <"$T/out" | diff "$T/want" -
	ok vae-rank -k 'p_a*' "$T/in" # one field, still a joint score
	[ -n "$(field joint <"$T/out" | tail -1)" ]
	fails 1 vae-rank -k 'h,q_*' "$T/in"
	says "no record has a number in a field that matches 'q_*'"
	fails 1 vae-rank -k 'q_*' "$T/in"
	says "none of 60 records has a number in any of the fields 'q_*'"
	printf 'name=m.vae.json data={"a0":1%s}\n' "$(for i in {1..64}; do printf ',"a%d":1' "$i"; done)" | mktar >"$T/many"
	fails 1 vae-rank -k 'a*' "$T/many"
	says "$T/many: record 1 'm'" "more than 64 fields in 'a*'"
	fails 2 vae-rank -k 'p_*,p_*' "$T/in"
	says 'named twice'
}

@test "--joint both: high in one question, unlike in the other" {
	# 5: h is high; 6: p_b is low given p_a and p_c; 7: p_* are low, and ordinary together
	profiles 400 'if (i == 5) h = exp(9); if (i == 6) { a = exp(0.1); b = exp(-1); c = 1 } if (i == 7) { h = exp(-9); a = exp(-2); b = 1; c = exp(-1) }' >"$T/in"
	ok vae-rank --joint both -k h --unlike 'p_*' "$T/in"
	[ ! -s "$T/err" ]
	mv "$T/out" "$T/both"
	is "$(field rank_by <"$T/both" | sort -u)" 'h; unlike p_*'
	is "$(field joint_reason <"$T/both" | sed -n 5,6p | tr '\n' '|')" 'harder: h high|unlike: p_b low|'
	is "$(field rank <"$T/both" | sed -n 5,6p | sort | tr '\n' ' ' | awk '{ print ($1 < 8 && $2 < 8) }')" 1
	# each question is the score that its kind gives alone
	vae-rank -k 'h' "$T/in" | vae-rank --prefix t_ --joint mahalanobis -k p_a,p_b,p_c >"$T/alone"
	paste <(field joint_unlike <"$T/both") <(field t_joint <"$T/alone") | awk '$1 != $2 { exit 1 }'
	paste <(field joint_tails <"$T/both") <(field rank <"$T/alone") | awk '{ d = $1 - log(400 / ($2 + 1)) } d > 1e-7 || d < -1e-7 { exit 1 }'
	# together: the tails of the two scores
	field joint,joint_tails,joint_unlike <"$T/both" | awk '
		{ j[NR] = $1; t[NR] = $2; u[NR] = $3 }
		END { for (i = 1; i <= NR; i++) {
			m = n = 0
			for (k = 1; k <= NR; k++) { m += t[k] >= t[i]; n += u[k] >= u[i] }
			d = log(NR / m) + log(NR / n) - j[i]
			if (d > 1e-7 || d < -1e-7) { print i, d; exit 1 }
		} }'
	# in rank order, and without --unlike: the fields of -k answer both
	vae-rank --sort --joint both -k h --unlike 'p_*' "$T/in" | vae-cut -k key,joint,joint_tails,joint_unlike,joint_reason | sort | diff <(field key,joint,joint_tails,joint_unlike,joint_reason <"$T/both") -
	vae-rank --joint both -k p_a,p_b "$T/in" | field key,joint >"$T/want"
	vae-rank --joint both -k p_a,p_b --unlike p_a,p_b "$T/in" | field key,joint | diff "$T/want" -
	fails 2 vae-rank -k h --unlike p_a "$T/in"
	says '--unlike' '--joint both'
	fails 2 vae-rank --joint both -k h --unlike p_a,, "$T/in"
	says '--unlike' 'empty field name'
}

@test "--far: a third question, which counts for the farthest tenth" {
	profiles 400 'if (i == 5) h = exp(9); if (i == 6) { a = exp(0.1); b = exp(-1); c = 1 }' >"$T/in"
	ok vae-rank --joint both -k h --unlike p_a --far 'p_[bc]*,p_a' "$T/in"
	[ ! -s "$T/err" ]
	mv "$T/out" "$T/both"
	is "$(field rank_by <"$T/both" | sort -u)" 'h; unlike p_a; far p_[bc]*,p_a'
	is "$(field joint_reason <"$T/both" | sed -n 5,6p | tr '\n' '|')" 'harder: h high|far: p_b low|'
	vae-rank --joint mahalanobis -k p_b,p_c,p_a "$T/in" | field joint >"$T/alone"
	field joint_far <"$T/both" | paste - "$T/alone" | awk '{ d = $1 / $2 - 1 } d > 1e-7 || d < -1e-7 { exit 1 }'
	field joint,joint_tails,joint_unlike,joint_far <"$T/both" | awk '
		{ j[NR] = $1; t[NR] = $2; u[NR] = $3; f[NR] = $4 }
		END { for (i = 1; i <= NR; i++) {
			m = n = o = 0
			for (k = 1; k <= NR; k++) { m += t[k] >= t[i]; n += u[k] >= u[i]; o += f[k] >= f[i] }
			counted += o < NR / 10
			d = log(NR / m) + log(NR / n) + (o < NR / 10 ? log(NR / 10 / o) : 0) - j[i]
			if (d > 1e-7 || d < -1e-7) { print i, d; exit 1 }
		} exit counted != 39 }'
	# without --unlike that question adds nothing
	ok vae-rank --joint both -k h --far p_b,p_c --save-ref "$T/ref" "$T/in"
	is "$(vae-cut --json "$T/out" | grep -c joint_unlike)" 0
	field key,joint,joint_tails,joint_far,z <"$T/out" >"$T/want"
	ok vae-rank --ref "$T/ref" "$T/in"
	field key,joint,joint_tails,joint_far,z <"$T/out" | diff "$T/want" -
	fails 1 vae-rank --ref "$T/ref" --far p_b "$T/in"
	says "$T/ref" "--far 'p_b'"
	fails 2 vae-rank -k h --far p_b "$T/in"
	says '--far requires --joint both'
}

@test "--joint both: a group of fields without spread adds nothing" {
	profiles 100 'w = sprintf("\"h\":%.9g,\"p_a\":0,\"p_b\":%d,\"p_c\":%.9g", h, i == 50, c)' >"$T/in"
	ok vae-rank --joint both -k h --unlike p_a,p_b --far p_c --save-ref "$T/ref" "$T/in"
	says "'p_a' has one value" "'p_b' has one value"
	is "$(field joint_unlike <"$T/out" | sort -u)" 0
	field key,joint,joint_unlike,joint_far <"$T/out" >"$T/want"
	ok vae-rank --ref "$T/ref" "$T/in"
	field key,joint,joint_unlike,joint_far <"$T/out" | diff "$T/want" -
	vae-rank --joint both -k h --far p_c "$T/in" | field joint | diff - <(cut -f 2 "$T/want")
	ok vae-rank --joint both -k h --unlike p_a --far p_b "$T/in"
	fails 1 vae-rank --joint mahalanobis -k p_a,p_b "$T/in"
	says 'no field can enter the joint score'
}

@test "--joint both: a distance for which there are too few records adds nothing" {
	profiles 12 >"$T/in"
	ok vae-rank --joint both -k h --unlike p_a,p_b --far 'p_*' --save-ref "$T/ref" "$T/in"
	says 'fewer than 15 records have all the fields of the --far distance'
	is "$(wc -l <"$T/err")" 1
	is "$(field joint_far <"$T/out" | sort -u)" 0
	field key,joint,joint_far <"$T/out" >"$T/want"
	vae-rank --joint both -k h --unlike p_a,p_b "$T/in" | field joint | diff <(cut -f 2 "$T/want") -
	vae-rank -q --ref "$T/ref" "$T/in" | field key,joint,joint_far | diff "$T/want" -
	# a single record
	profiles 1 >"$T/one"
	ok vae-rank --joint both -k h --unlike p_a,p_b --far 'p_*' "$T/one"
	is "$(field joint,rank <"$T/out")" $'0\t0'
}

@test "joint_reason: the field without which the score falls most" {
	profiles 200 'if (i == 3) a = exp(8); if (i == 4) b = exp(-9); if (i == 5) { h = exp(-20); a = b = c = exp(-20) }' >"$T/in"
	ok vae-rank -k 'h,p_*' "$T/in"
	is "$(field joint_reason <"$T/out" | sed -n 3p)" 'p_a high'
	is "$(field joint,joint_reason <"$T/out" | sed -n 5p)" $'0\t'
	field h,p_a,p_b,p_c,joint_reason <"$T/out" | awk -F '\t' '
		{ for (k = 1; k <= 4; k++) v[NR, k] = $k; got[NR] = $5 }
		END { split("h p_a p_b p_c", name, " "); for (i = 1; i <= NR; i++) {
			best = ""; least = NR
			for (k = 1; k <= 4; k++) { n = 0; for (l = 1; l <= NR; l++) n += v[l, k] >= v[i, k]; if (n < least) { least = n; best = name[k] " high" } }
			if (got[i] != best) { print i, got[i], best; exit 1 }
		} }'
	ok vae-rank --joint mahalanobis -k 'h,p_*' "$T/in"
	is "$(field joint_reason <"$T/out" | sed -n 3,4p | tr '\n' '|')" 'p_a high|p_b low|'
	# a ranking by one field removes it
	vae-rank --replace -k h "$T/out" >"$T/one"
	is "$(field joint_reason <"$T/one" | sort -u)" ''
}

@test "missing fields: a record is scored by those that it has" {
	profiles 300 'if (i % 10 == 1) w = sprintf("\"h\":%.9g,\"p_a\":%.9g", h, i == 11 ? exp(9) : a); if (i % 10 == 2) w = "\"x\":1"; if (i == 3) b = exp(-9)' >"$T/in"
	local kind
	for kind in tails mahalanobis both; do
		local names=key,joint,joint_reason,z,rank_by
		[ $kind != both ] || names=$names,joint_tails,joint_unlike
		[ $kind = both ] || names=$names,pct # both has ties
		ok vae-rank --joint $kind -k 'h,p_*' --summary "$T/s" --save-ref "$T/ref.$kind" "$T/in"
		says "30 of 300 records have no number in any of the fields" "30 of 300 records have no number in some fields" "'p_b' (30), 'p_c' (30)"
		grep -q '"ranked":270,"rank_by":"h,p_\*","incomplete":30,"missing_p_b":30,"missing_p_c":30,"records":300,' "$T/s"
		is "$(field rank <"$T/out" | grep -c .)" 270
		field $names <"$T/out" >"$T/want"
		ok vae-rank --ref "$T/ref.$kind" --summary "$T/s" "$T/in"
		field $names <"$T/out" | diff "$T/want" -
		grep -q '"incomplete":30,"missing_p_b":30' "$T/s"
		is "$(field joint_reason <"$T/out" | sed -n 11p | sed 's/.*: //')" 'p_a high'
	done
	fails 1 vae-rank --joint both -k 'h,p_*' --unlike h --ref "$T/ref.both" "$T/in"
	says "$T/ref.both" "--unlike 'h'"
	fails 1 vae-rank --joint tails -k 'h,p_*' --ref "$T/ref.both" "$T/in"
	says '--joint tails'
}

@test "a pattern that first matches in the middle of the stream" {
	profiles 50 'if (i <= 20) w = sprintf("\"h\":%.9g", h)' >"$T/in"
	ok vae-rank -k 'h,p_*' "$T/in"
	says "20 of 50 records have no number in some fields" "'p_a' (20)"
	field key,joint <"$T/out" >"$T/want"
	ok vae-rank -k h,p_a,p_b,p_c "$T/in"
	field key,joint <"$T/out" | diff "$T/want" -
}
