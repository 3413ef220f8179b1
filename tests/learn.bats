# vae-rank --learn: a ranking that learns from decisions.
# shellcheck disable=SC2016

load helper

# data N: records r/0001 ... with a (high for outliers) and b (low for them); every tenth is an outlier, which the member .cls says
data() {
	awk -v n="$1" 'function normal(   s, i) { s = -6; for (i = 0; i < 12; i++) s += rand(); return s }
		BEGIN { srand(5); for (i = 1; i <= n; i++) {
			o = i % 10 == 0; a = exp(normal() + o); b = exp(normal() - 2 * o)
			printf "name=r/%04d.cls data=%d\nname=r/%04d.vae.json data={\"a\":%.9g,\"b\":%.9g}\n", i, o, i, a, b } }' | mktar
}

# decisions FROM TO: drop for the outliers, keep for the others
decisions() {
	awk -v i="$1" -v n="$2" 'BEGIN { for (; i <= n; i++) printf "r/%04d\t%s\n", i, i % 10 ? "keep" : "drop" }'
}

@test "--learn: decisions improve the ranking" {
	data 600 >"$T/in"
	decisions 1 100 >"$T/d"
	ok vae-rank -k a,b --learn "$T/d" --summary "$T/s" "$T/in"
	says 'learned from 90 decisions to keep and 10 to drop: cross-validated AUROC 0.' 'learned weights: joint ' ', b -'
	grep -q '"ranked":600,"rank_by":"a,b; learned","incomplete":0,"decisions_keep":90,"decisions_drop":10,"decisions_unused":0,"decisions_unknown":0,"learn_auroc":0.' "$T/s"
	grep -q '"learn_auroc_error":0\.[0-9]*,"learn_auroc_joint":0\.[0-9]*,"weight_joint":[0-9.]*,"weight_a":[-0-9.]*,"weight_size_a":[-0-9.e]*,"weight_b":-0\.' "$T/s"
	is "$(field rank_by <"$T/out" | sort -u)" 'a,b; learned'
	field learned,rank <"$T/out" | sort -k 2n | awk 'NR > 1 && $1 > last { exit 1 } { last = $1 }'
	# the joint score is the one without decisions
	vae-rank -k a,b "$T/in" | field key,joint,joint_reason | diff - <(field key,joint,joint_reason <"$T/out")
	awk -v before="$(sed 1,100d <(field cls,joint <"$T/out") | area)" -v after="$(sed 1,100d <(field cls,learned <"$T/out") | area)" 'BEGIN { print before, after; exit !(after > before + 0.1) }'
	# the same bytes again, in rank order too
	mv "$T/out" "$T/once"
	ok vae-rank -k a,b --learn "$T/d" "$T/in"
	same "$T/once" "$T/out"
	vae-rank -q --sort -k a,b --learn - "$T/in" <"$T/d" | field key,rank,joint,learned | sort | diff <(field key,rank,joint,learned <"$T/out") -
	ok vae-rank -q -k a,b --learn "$T/d" "$T/in"
	[ ! -s "$T/err" ]
	ok vae-rank -v -k a,b --learn "$T/d" "$T/in"
	says '|b|'
}

# area: AUROC of the second column, positives have 1 in the first
area() { sort -g -k 2 | awk '{ if ($1 == 1) { s += NR; p++ } else n++ } END { printf "%.6f", (s - p * (p + 1) / 2) / p / n }'; }

@test "--learn: without decisions of both kinds the ranking is the joint one" {
	data 60 >"$T/in"
	vae-rank -k a,b "$T/in" >"$T/want"
	printf 'r/0003\tkeep\nr/0005\tkeep\nr/0007\tunsure\n' >"$T/keep"
	printf 'key\tdecision\nr/0003\tdrop\t0.7\n\nr/0005\tdrop\r\nnone\tkeep' >"$T/drop"
	: >"$T/empty"
	for i in keep drop empty; do
		ok vae-rank -k a,b --learn "$T/$i" --summary "$T/s" "$T/in"
		same "$T/want" "$T/out"
		says 'nothing can be learned without both'
	done
	ok vae-rank -k a,b --learn "$T/drop" --summary "$T/s" "$T/in"
	says '1 of 3 decisions are on keys that are not in the stream' '0 decisions to keep and 2 to drop'
	grep -q '"decisions_keep":0,"decisions_drop":2,"decisions_unused":0,"decisions_unknown":1,' "$T/s"
	ok vae-rank -k a,b --learn "$T/keep" --summary "$T/s" "$T/in"
	grep -q '"decisions_keep":2,"decisions_drop":0,"decisions_unused":1,"decisions_unknown":0,' "$T/s"
	# one field
	vae-rank -k a "$T/in" | field key,rank >"$T/want"
	ok vae-rank -k a --learn "$T/keep" "$T/in"
	field key,rank <"$T/out" | diff "$T/want" -
	ok vae-rank -k a --learn <(decisions 1 30) "$T/in"
	[ -n "$(field learned <"$T/out" | head -1)" ]
	head -c 1024 /dev/zero >"$T/none"
	ok vae-rank -k a,b --learn "$T/keep" "$T/none"
}

@test "--learn: a reference keeps what was learned" {
	data 300 >"$T/in"
	decisions 1 60 >"$T/d"
	local kind
	for kind in tails mahalanobis both; do
		ok vae-rank -k 'a*,b' --joint $kind --learn "$T/d" --save-ref "$T/ref" "$T/in"
		field key,learned,joint,joint_reason,z,rank_by <"$T/out" >"$T/want"
		ok vae-rank --ref "$T/ref" "$T/in"
		[ ! -s "$T/err" ]
		field key,learned,joint,joint_reason,z,rank_by <"$T/out" | diff "$T/want" -
	done
	ok vae-rank -k a --learn "$T/d" --save-ref "$T/ref" "$T/in"
	field key,learned,z <"$T/out" >"$T/want"
	ok vae-rank --ref "$T/ref" "$T/in"
	field key,learned,z <"$T/out" | diff "$T/want" -
	fails 2 vae-rank --learn "$T/d" --ref "$T/ref" "$T/in"
	says --ref --learn
}

@test "--learn: records that lack fields, and decisions on records without a rank" {
	{
		data 100
		printf 'name=z/1.vae.json data={"a":1}\nname=z/2.cls data=1\n' | mktar
	} >"$T/in"
	{
		decisions 1 40
		printf 'z/1\tkeep\nz/2\tdrop\n'
	} >"$T/d"
	ok vae-rank -k a,b --learn "$T/d" --summary "$T/s" "$T/in"
	grep -q '"decisions_keep":37,"decisions_drop":4,"decisions_unused":1,"decisions_unknown":0' "$T/s"
	[ -n "$(field learned <"$T/out" | sed -n 101p)" ]
	is "$(field learned <"$T/out" | sed -n 102p)" ''
}

@test "--learn: bad lists of decisions" {
	data 30 >"$T/in"
	printf 'r/0001\tkeep\nr/0002\tdorp\n' >"$T/d"
	fails 1 vae-rank -k a,b --learn "$T/d" "$T/in"
	says --learn "$T/d: line 2"
	printf 'r/0001\nr/0002\n' >"$T/d"
	fails 1 vae-rank -k a,b --learn "$T/d" "$T/in"
	says --learn 'no list of decisions'
	fails 1 vae-rank -k a,b --learn "$T/none" "$T/in"
	says --learn "$T/none" 'No such file'
	fails 2 vae-rank -k a,b --learn - <"$T/in"
	says --learn 'standard input'
	printf 'r/0001\tkeep\nr/0010\tdrop\n' >"$T/d"
	fails 2 vae-rank -k a,b --learn "$T/d" -o "$T/d" "$T/in"
	says --learn -o
}
