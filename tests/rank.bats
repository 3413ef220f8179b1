# vae-rank: ranks, percentiles, robust z, order, joint scores, references.
# shellcheck disable=SC2002,SC2016,SC2046

load helper

# values V...: a stream of records r/0001 ... with the field w; - for none
values() {
	local v i=0
	for v; do
		i=$((i + 1))
		if [ "$v" = - ]; then
			printf 'name=r/%04d.cls data=1\n' $i
		else
			printf 'name=r/%04d.vae.json data={"w":%s}\n' $i "$v"
		fi
	done | mktar
}

# expected V...: key, rank, rank_n, pct and z of these values, computed by awk
expected() {
	printf '%s\n' "$@" | awk '
		function sort(a, n,    i, j, t) { for (i = 2; i <= n; i++) { t = a[i]; for (j = i - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]; a[j + 1] = t } }
		function median(a, n) { sort(a, n); return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }
		{ v[NR] = $1; if ($1 != "-") s[++n] = $1 + 0 }
		END {
			med = median(s, n)
			for (i = 1; i <= n; i++) { d[i] = s[i] - med; if (d[i] < 0) d[i] = -d[i]; mean += d[i] / n }
			spread = 1.4826 * median(d, n)
			if (spread == 0) spread = 1.2533 * mean
			for (i = 1; i <= NR; i++) {
				if (v[i] == "-") { printf "r/%04d\t\t\t\t\n", i; continue }
				above = 0
				for (k = 1; k <= NR; k++) if (v[k] != "-" && (v[k] + 0 > v[i] + 0 || (v[k] + 0 == v[i] + 0 && k < i))) above++
				printf "r/%04d\t%d\t%d\t%.4f\t%.4f\n", i, above, n, 100 * (n - above) / n, spread ? (v[i] - med) / spread : 0
			}
		}'
}

check() {
	values "$@" >"$T/in"
	expected "$@" >"$T/want"
	ok vae-rank -k w "$T/in"
	field key,rank,rank_n,pct,z <"$T/out" | awk -F '\t' -v OFS='\t' '$2 != "" { $4 = sprintf("%.4f", $4); $5 = sprintf("%.4f", $5) } { print }' >"$T/got"
	diff "$T/want" "$T/got"
}

@test "rank, pct and z are those that awk computes" {
	check 3 1 4 1.5 9 2.6 5.3
	check 3 1 4 1.5 9 2.6
	check -1e3 1e-3 7 7 7 2 0 -5
	check 1 2
	check 5 - 3 - - 8
	check 1 1 2 2
	check 10 10 1 1 5 5 5.5
	check 1e300 -1e300 0
}

@test "the largest numbers: ranks, and a finite z" {
	values 1e308 -1e308 1 2 3 >"$T/in"
	for sort in '' --sort; do
		# shellcheck disable=SC2086 # nothing, or an option
		ok vae-rank $sort -k w "$T/in"
		is "$(field rank,w <"$T/out" | sort -n | cut -f2 | tr '\n' ' ')" '1e308 3 2 1 -1e308 '
		is "$(field w,z <"$T/out" | awk '$1 == 1 { print ($2 < -0.6 && $2 > -0.7) } $1 ~ /e308/ { print (($2 < 0) == ($1 < 0)) }' | tr '\n' ' ')" '1 1 1 '
	done
	values 1e308 -1e308 1.5e308 -1.5e308 >"$T/in" # the spread is beyond all numbers
	ok vae-rank -k w "$T/in"
	is "$(field rank,z <"$T/out" | awk '{ print $1, ($2 > 0) - ($2 < 0), $2 * $2 < 4 }' | sort | tr '\n' ' ')" '0 1 1 1 1 1 2 -1 1 3 -1 1 '
}

@test "records without a rank are counted" {
	values 3 - - 1 >"$T/in"
	ok vae-rank -k w "$T/in"
	says "2 of 4 records have no number in 'w': they are not ranked"
	ok vae-rank -q -k w "$T/in"
	[ ! -s "$T/err" ]
}

@test "z where half the values are equal, and where all are" {
	check 5 5 5 5 1 9
	check 5 5 5 7
	check 2 2 2 2
	check 7
	is "$(field z <"$T/out")" 0
	values 1 2 2 2 2 >"$T/in"
	is "$(vae-rank -k w <"$T/in" | field z | grep -c '^-*[0-9.]*$')" 5
}

@test "z at random values, odd and even" {
	local n
	for n in 99 100 257; do
		check $(awk -v n=$n 'BEGIN { srand(n); for (i = 0; i < n; i++) printf "%.4f ", rand() < 0.1 ? int(5 * rand()) : 10 * rand() - 3 }')
	done
}

@test "ties go by position" {
	values 2 7 7 2 7 >"$T/in"
	vae-rank -k w <"$T/in" >"$T/out"
	is "$(field rank <"$T/out" | tr '\n' ' ')" '3 0 1 4 2 '
	is "$(field rank_by <"$T/out" | sort -u)" w
}

@test "--sort: highest first, records without a score last in stream order, members together" {
	values 2 - 9 7 - 7 >"$T/in"
	vae-rank --sort -k w <"$T/in" >"$T/out"
	is "$(field key,rank <"$T/out" | tr '\t\n' '= ')" 'r/0003=0 r/0004=1 r/0006=2 r/0001=3 r/0002= r/0005= '
	# the same fields as without
	vae-rank -k w <"$T/in" | vae-cut --json | sort >"$T/a"
	vae-cut --json <"$T/out" | sort >"$T/b"
	diff "$T/a" "$T/b"
	# loose members inside a record stay there
	{
		echo 'name=a.x data=1'
		echo 'name=d/ type=5'
		echo 'name=a.vae.json data={"w":1}'
		echo 'name=b.vae.json data={"w":2}'
	} | mktar | vae-rank --sort -k w >"$T/out"
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" 'b.vae.json a.x d a.vae.json '
}

@test "a field that no record has, or that is not a number" {
	values 1 2 3 >"$T/in"
	fails 1 vae-rank -k nope "$T/in"
	says nope
	fails 1 vae-rank "$T/in"
	says selfinf
	values '"a"' null true >"$T/in"
	fails 1 vae-rank -k w "$T/in"
	values 1 '"2"' null 1e999 3 >"$T/in"
	is "$(vae-rank -k w <"$T/in" | field rank | tr '\n' ' ')" '1    0 ' # no number, and no finite one: unscored'
}

@test "existing fields require --replace or --prefix" {
	values 1 2 3 | vae-rank -k w >"$T/in"
	fails 1 vae-rank -k w "$T/in"
	says "$T/in: record 1 'r/0001'" "'rank'" --replace
	vae-rank -k w --prefix p_ <"$T/in" | vae-rank -k z --prefix q. >"$T/out"
	is "$(field rank,p_rank,q.rank,q.rank_by <"$T/out" | head -1)" $'2\t2\t2\tz'
	vae-rank -k w --replace <"$T/in" >"$T/out"
	same "$T/in" "$T/out"
	fails 2 vae-rank -k w --prefix 'A"' "$T/in"
	ok vae-rank -k w --prefix "$(printf 'x%.0s' {1..60})" "$T/in"
	fails 2 vae-rank -k w --prefix "$(printf 'x%.0s' {1..61})" "$T/in"
	says 'at most 60'
}

@test "an input that changes between the passes is an error" {
	values 1 2 3 >"$T/in"
	mkfifo "$T/wait"
	values 1 2 3 4 >"$T/in.new"
	printf 'name=z.vae.json data={"w":5}\n' | mktar >"$T/z"
	# the second file is a FIFO: opening it waits until the first has been read
	fails 1 timeout 20 bash -c 'vae-rank -k w "$1/in" "$1/wait" & exec 9>"$1/wait"; mv "$1/in.new" "$1/in"; cat "$1/z" >&9; exec 9>&-; wait $!' - "$T"
	says "$T/in" changed
	# a change that keeps size and time, with more records
	printf 'name=a.x data=1\nname=a.vae.json data={"w":1}\n' | mktar >"$T/in"
	printf 'name=b.x data=1\nname=a.vae.json data={"w":1}\n' | mktar >"$T/in.new"
	touch -r "$T/in" "$T/time"
	fails 1 timeout 20 bash -c 'vae-rank -k w "$1/in" "$1/wait" & exec 9>"$1/wait"; cat "$1/in.new" >"$1/in"; touch -r "$1/time" "$1/in"; cat "$1/z" >&9; exec 9>&-; wait $!' - "$T"
	says "$T/in" changed
}

@test "two passes: a seekable standard input is read from its current position" {
	(head -c 3000 /dev/zero | tr '\0' x && values 5 9 1) >"$T/in"
	{ head -c 3000 >/dev/null; vae-rank -k w; } <"$T/in" >"$T/out"
	is "$(field rank <"$T/out" | tr '\n' ' ')" '1 0 2 '
}

@test "-v and --summary count" {
	values 5 - 1 >"$T/in"
	ok vae-rank -k w --summary "$T/s" "$T/in"
	grep -q '"ranked":2,"rank_by":"w","records":3,' "$T/s"
}

# --- the joint score ---

# pairs N [AWK]: records r/0001 ... with a and b, logs normal and correlated; AWK may change a, b, or the line's tail t
pairs() {
	awk -v n="$1" 'function normal(   s, i) { s = -6; for (i = 0; i < 12; i++) s += rand(); return s }
		BEGIN { srand(7); for (i = 1; i <= n; i++) {
			c = normal(); a = exp(c + 0.3 * normal()); b = exp(2 + 0.5 * c + 0.1 * normal()); t = ""
			'"${2:-}"'
			printf "name=r/%04d.vae.json data={\"a\":%.9g,\"b\":%.9g%s}\n", i, a, b, t } }' | mktar
}

two() { vae-rank -k a,b "$@" <"$T/in" >"$T/out" 2>"$T/err"; }

@test "-k a,b: the sum of the logs of tail shares, ties, and what is missing adds nothing" {
	awk 'BEGIN { srand(3); for (i = 1; i <= 80; i++) printf "name=r/%04d.vae.json data={\"a\":%d,\"b\":%s}\n", i, 9 * rand(), i % 8 ? 1e9 * rand() - 5e8 : "\"-\"" }' | mktar >"$T/in"
	two
	field key,a,b,joint <"$T/out" | awk -F '\t' '
		{ key[NR] = $1; a[NR] = $2; b[NR] = $3; got[NR] = $4; if ($3 != "-") n++ }
		END {
			for (i = 1; i <= NR; i++) {
				high = wide = 0
				for (k = 1; k <= NR; k++) { high += a[k] >= a[i]; wide += b[k] != "-" && b[k] + 0 >= b[i] + 0 }
				want = log(NR / high) + (b[i] == "-" ? 0 : log(n / wide))
				if ((want - got[i])^2 > 1e-16) { print key[i], want, got[i]; exit 1 }
			}
			exit NR != 80 || n != 70
		}'
	mv "$T/out" "$T/default"
	two --joint tails
	same "$T/out" "$T/default"
	# increasing maps of the fields change no byte
	field key,joint,rank,pct,z <"$T/out" >"$T/want"
	mv "$T/in" "$T/in0"
	field key,a,b <"$T/in0" | awk -F '\t' '{ printf "name=%s.vae.json data={\"a\":%.17g,\"b\":%s}\n", $1, exp($2) - 7, $3 == "-" ? "null" : sprintf("%.17g", ($3 / 1e9)^3) }' | mktar >"$T/in"
	two
	field key,joint,rank,pct,z <"$T/out" | diff "$T/want" -
}

@test "-k a,b: high outliers first; low ones last, or first with mahalanobis" {
	# 5: high in both, 6: against the correlation, 7: low in both
	pairs 300 'if (i == 5) { a = exp(5); b = exp(5) } if (i == 6) { a = exp(2); b = 1 } if (i == 7) { a = exp(-5); b = exp(-1) }' >"$T/in"
	two
	is "$(field key,rank,rank_n,rank_by <"$T/out" | sed -n 5p)" $'r/0005\t0\t300\ta,b'
	near "$(field joint <"$T/out" | sed -n 5p)" "$(awk 'BEGIN { printf "%.12f", 2 * log(300) }')" 1e-7
	is "$(field rank,joint <"$T/out" | sed -n 7p)" $'299\t0'
	is "$(field pct <"$T/out" | sed -n 5p)" 100
	awk -v z="$(field z <"$T/out" | sed -n 5p)" 'BEGIN { exit !(z > 3) }'
	field rank,joint <"$T/out" | sort -n | cut -f 2 >"$T/by_rank"
	sort -gr "$T/by_rank" | diff "$T/by_rank" -
	two --joint mahalanobis
	is "$(field rank <"$T/out" | sed -n 5,7p | sort | tr '\n' ' ')" '0 1 2 '
	awk -v d="$(field joint <"$T/out" | sort -g | head -1)" 'BEGIN { exit !(d >= 0) }'
	# in any order of the fields, and with --sort
	local kind
	for kind in tails mahalanobis; do
		two --joint $kind
		vae-rank --sort --joint $kind -k b,a <"$T/in" | field rank,key,joint | awk '{ printf "%d %s %.6f\n", $1, $2, $3 }' >"$T/sorted"
		field rank,key,joint <"$T/out" | sort -n | awk '{ printf "%d %s %.6f\n", $1, $2, $3 }' | diff - "$T/sorted"
	done
}

@test "--joint mahalanobis: d^2 has the median of chi-squared, powers and units change nothing" {
	pairs 501 >"$T/in"
	two --joint mahalanobis
	field joint <"$T/out" >"$T/d"
	near "$(sort -g "$T/d" | awk 'NR == 251 { printf "%.9f", $1 * $1 }')" 1.38629436 1e-6
	pairs 501 'a = 7 * a * a; b = 1e6 * sqrt(b)' >"$T/in"
	two --joint mahalanobis
	field joint <"$T/out" | paste "$T/d" - | awk '{ if (($1 - $2)^2 > 1e-10) exit 1 }'
}

@test "-k a,b: a record without one of them is ranked by the other" {
	pairs 50 'if (i == 3) t = ",\"rank\":1,\"joint\":9"; if (i == 4) a = "x"' | vae-rank --replace -k b >"$T/in"
	fails 1 vae-rank -k a,b "$T/in"
	says "r/0001" rank --replace
	printf 'name=z.vae.json data={"b":2,"rank":7,"joint":3}\n' | mktar | cat "$T/in" - >"$T/in2"
	printf 'name=y.vae.json data={"a":"x","joint":3}\n' | mktar >>"$T/in2"
	ok vae-rank --replace --summary "$T/s" -k a,b "$T/in2"
	says "1 of 52 records have no number in any of the fields 'a,b': they are not ranked" \
		"1 of 52 records have no number in some fields, which add nothing to their joint score: 'a' (1)"
	grep -q '"ranked":51,"rank_by":"a,b","incomplete":1,"missing_a":1,"records":52,' "$T/s"
	is "$(field key,rank,rank_n,joint,b <"$T/out" | tail -1)" $'y\t\t\t\t'
	is "$(field rank_n <"$T/out" | sed -n 5p)" 51
	near "$(field joint <"$T/out" | tail -2 | head -1)" "$(field b <"$T/in2" | awk '$1 >= 2 && NF { k++ } NF { n++ } END { printf "%.12f", log(n / k) }')" 1e-7
	ok vae-rank --prefix j. -k a,b "$T/in2"
	is "$(field j.rank_n,j.rank_by <"$T/out" | sed -n 5p)" $'51\ta,b'
	[ -n "$(field j.joint <"$T/out" | sed -n 5p)" ]
	# a ranking by one field removes the joint score of an earlier ranking
	vae-rank --replace -k a,b "$T/in2" | vae-rank --replace -k b >"$T/out"
	is "$(field joint <"$T/out" | grep -c .)" 0
	is "$(field rank_by <"$T/out" | sort -u | grep .)" b
}

@test "-k a,b: few records, constants, collinear fields" {
	pairs 9 >"$T/in"
	fails 1 vae-rank --joint mahalanobis -k a,b "$T/in"
	says '2 fields' '10 records' 'there are 9'
	ok vae-rank -k a,b "$T/in"
	is "$(field rank <"$T/out" | sort -n | tr '\n' ' ')" '0 1 2 3 4 5 6 7 8 '
	ok vae-rank -k a "$T/in"
	fails 1 vae-rank -k a,nope "$T/in"
	says "no record has a number in the field 'nope'"
	head -c 1024 /dev/zero >"$T/none"
	local kind
	for kind in tails mahalanobis; do
		ok vae-rank --joint $kind -k a,b "$T/none"
		[ ! -s "$T/err" ]
	done
	pairs 60 't = ",\"c\":" (i > 20 ? 4 : i) ",\"d\":" a * b ",\"e\":1"' >"$T/in"
	ok vae-rank -k a,b,e "$T/in"
	says "'e'" 'one value in all records'
	is "$(wc -l <"$T/err")" 1
	field joint <"$T/out" >"$T/d"
	is "$(vae-rank -k a,b <"$T/in" | field joint)" "$(cat "$T/d")"
	ok vae-rank -q -k a,b,e "$T/in"
	[ ! -s "$T/err" ]
	ok vae-rank -k a,b,c,d "$T/in"
	[ ! -s "$T/err" ]
	ok vae-rank --joint mahalanobis -k a,b,c "$T/in"
	says "'c'" 'left out'
	is "$(wc -l <"$T/err")" 1
	field joint <"$T/out" >"$T/d"
	is "$(vae-rank --joint mahalanobis -k a,b <"$T/in" | field joint)" "$(cat "$T/d")"
	ok vae-rank --joint mahalanobis -k a,b,d "$T/in"
	says "'d' is collinear with the others"
	ok vae-rank --joint mahalanobis -q -k a,b,d "$T/in"
	[ ! -s "$T/err" ]
	fails 1 vae-rank --joint mahalanobis -k c,e "$T/in"
	says 'no field can enter the joint score'
	ok vae-rank --joint mahalanobis -k a,b "$T/in"
	[ ! -s "$T/err" ]
}

@test "-k and --joint: invalid lists" {
	pairs 20 >"$T/in"
	local k
	for k in '' ',' 'a,' ',a' 'a,,b' 'a,b,a'; do
		fails 2 vae-rank -k "$k" "$T/in"
		says -k
	done
	fails 2 vae-rank -k "$(seq -s , 65)" "$T/in"
	says 64
	fails 2 vae-rank -k a,b --joint sum "$T/in"
	says --joint "'sum'"
	fails 2 vae-rank -k a --joint tails "$T/in"
	says --joint
}

# --- references ---

# pick FILE: key, pct and z
pick() { field key,pct,z <"$1"; }

@test "--ref gives a trusted set's own records their pct and z" {
	values 3 1 4 1.5 9 2.6 5.3 -7 1e-3 0 >"$T/in"
	ok vae-rank -k w --save-ref "$T/ref" "$T/in"
	mv "$T/out" "$T/ranked"
	vae-rank -k w <"$T/in" >"$T/want" # the stream still passes, the same
	same "$T/want" "$T/ranked"
	tr -d "\n" <"$T/ref" | isjson
	grep -q '"records":10,' "$T/ref"
	cat "$T/in" | ok vae-rank -k w --ref "$T/ref"
	pick "$T/ranked" >"$T/want"
	pick "$T/out" | diff "$T/want" -
	is "$(field rank,rank_n,rank_by <"$T/out" | sort -u)" $'\t\tw'
	# -k may be omitted: the reference has it
	ok vae-rank --ref "$T/ref" "$T/in"
	pick "$T/out" | diff "$T/want" -
	# new records: between two, below all, above all, equal to one
	values 3.5 -8 10 9 - | vae-rank --ref "$T/ref" >"$T/out"
	is "$(field pct <"$T/out" | tr '\n' ' ')" '70 0 100 100  '
	near "$(field z <"$T/out" | sed -n 3p)" "$(awk 'BEGIN { printf "%.12f", (10 - 2.05) / (1.4826 * 1.9995) }')" 1e-8
	is "$(field rank_by <"$T/out" | tail -1)" ''
}

@test "no output may replace the reference" {
	values 3 1 4 >"$T/in"
	ok vae-rank -k w --save-ref "$T/ref" "$T/in"
	cp "$T/ref" "$T/same"
	fails 2 vae-rank -k w --ref "$T/ref" -o "$T/ref" "$T/in"
	says -o --ref "$T/ref"
	cmp "$T/ref" "$T/same"
}

@test "--save-ref with --sort, and with more records than order statistics" {
	pairs 12000 >"$T/in"
	ok vae-rank -k a --sort --save-ref "$T/ref.sorted" "$T/in"
	ok vae-rank -k a --save-ref "$T/ref" "$T/in"
	same "$T/ref" "$T/ref.sorted"
	mv "$T/out" "$T/ranked"
	[ "$(grep -c . "$T/ref")" -ge 10001 ]
	ok vae-rank --ref "$T/ref" "$T/in"
	is "$(field z <"$T/out" | md5sum)" "$(field z <"$T/ranked" | md5sum)"
	paste <(field pct <"$T/ranked") <(field pct <"$T/out") | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > most) most = d } END { exit !(NR == 12000 && most < 0.01) }'
}

@test "--ref of a joint score" {
	pairs 400 'if (i < 20) a *= 50; t = ",\"c\":" i % 7 - 3 + rand()' >"$T/in"
	local kind
	for kind in tails mahalanobis; do
		ok vae-rank -k a,b,c --joint $kind --save-ref "$T/ref.$kind" "$T/in"
		field key,joint,pct,z,rank_by <"$T/out" >"$T/want"
		ok vae-rank --ref "$T/ref.$kind" "$T/in"
		field key,joint,pct,z,rank_by <"$T/out" | diff "$T/want" -
		ok vae-rank -k a,b,c --joint $kind --ref "$T/ref.$kind" "$T/in"
		[ ! -s "$T/err" ]
	done
	printf 'name=%s.vae.json data={"a":%s,"b":%s,"c":0.5}\n' x 1e9 1e9 y 0 1 z -1e300 1e300 | mktar >"$T/new"
	ok vae-rank --ref "$T/ref.mahalanobis" "$T/new"
	is "$(field pct <"$T/out" | sed -n 1p)" 100
	[ -n "$(field joint <"$T/out" | sed -n 3p)" ]
	ok vae-rank --ref "$T/ref.tails" "$T/new"
	near "$(field joint <"$T/out" | sed -n 1p)" "$(awk -v c="$(vae-cut --json <"$T/in" | grep -c '"c":\(0\.[5-9]\|[1-9]\)')" 'BEGIN { printf "%.12f", 2 * log(400) + log(400 / c) }')" 1e-7
	near "$(field joint <"$T/out" | sed -n 3p)" "$(field joint <"$T/out" | sed -n 1p | awk '{ printf "%.12f", $1 - log(400) }')" 1e-7
	fails 1 vae-rank -k a,b,c --joint mahalanobis --ref "$T/ref.tails" "$T/new"
	says "$T/ref.tails" '--joint mahalanobis'
	fails 1 vae-rank -k a,c,b --ref "$T/ref.tails" "$T/new"
	says "$T/ref.tails" "'a,b,c'" "'a,c,b'"
}

# scored MODEL OPTIONS [PREFIX]: five records
scored() {
	local i
	for i in 1 2 3 4 5; do
		printf 'name=%s-%d.vae.json data={"%ss":%d,"%smodel":"%s","%soptions":"%s"}\n' "$1$2" $i "${3:-}" $i "${3:-}" "$1" "${3:-}" "$2"
	done | mktar
}

@test "scores of another model or other options are refused" {
	scored A x >"$T/Ax"
	scored A y >"$T/Ay"
	scored B x >"$T/Bx"
	fails 1 vae-rank -k s --save-ref "$T/ref" "$T/Ax" "$T/Bx"
	says "$T/Bx: record 6 'Bx-1'" "model 'B'" "'A'"
	fails 1 vae-rank -k s --save-ref "$T/ref" "$T/Ax" "$T/Ay"
	says "options 'y'"
	absent "$T/ref"
	no_leftovers "$T"
	ok vae-rank -k s "$T/Ax" "$T/Bx" # without a reference it is only a warning
	is "$(wc -l <"$T/err")" 1
	says 'different models or options' "$T/Bx: record 6 'Bx-1'" "model 'B'" "'A'"
	is "$(field rank <"$T/out" | grep -c .)" 10
	ok vae-rank -k s "$T/Ax"
	[ ! -s "$T/err" ]
	ok vae-rank -k s --save-ref "$T/ref" "$T/Ax"
	ok vae-rank --ref "$T/ref" "$T/Ax"
	fails 1 vae-rank --ref "$T/ref" "$T/Bx"
	says "$T/Bx: record 1 'Bx-1'" "model 'B'" "the reference has 'A'"
	fails 1 vae-rank --ref "$T/ref" "$T/Ay"
	says "options 'y'" "the reference has 'x'"
	scored A x p_ >"$T/pAx"
	fails 1 vae-rank -k p_s --ref "$T/ref" "$T/pAx"
	says "'s'" "'p_s'"
	ok vae-rank -k p_s --save-ref "$T/p.ref" "$T/pAx"
	scored B x p_ >"$T/pBx"
	fails 1 vae-rank --ref "$T/p.ref" "$T/pBx"
	says "model 'B'"
	values 1 2 3 | sed 's/"w"/"s"/' >"$T/plain" # no provenance
	fails 1 vae-rank --ref "$T/ref" "$T/plain"
	says '(none)'
}

@test "invalid references" {
	values 1 2 3 4 >"$T/in"
	ok vae-rank -k w --save-ref "$T/ref" "$T/in"
	fails 1 vae-rank --ref "$T/none" "$T/in"
	says --ref "$T/none" 'No such file'
	fails 1 vae-rank --ref "$T/in" "$T/in"
	says --ref "$T/in" 'not a vae-rank reference'
	fails 1 vae-rank --ref /dev/null "$T/in"
	sed 's/"records":4/"records":5/' "$T/ref" >"$T/changed"
	fails 1 vae-rank --ref "$T/changed" "$T/in"
	says "$T/changed" damaged
	head -c 100 "$T/ref" >"$T/cut"
	fails 1 vae-rank --ref "$T/cut" "$T/in"
	fails 1 vae-rank --ref "$T" "$T/in"
	fails 2 vae-rank --sort --ref "$T/ref" "$T/in"
	fails 2 vae-rank --save-ref "$T/x" --ref "$T/ref" "$T/in"
	absent "$T/x"
}

@test "--ref: existing fields, and streams without the field" {
	values 1 2 3 4 >"$T/in"
	vae-rank -k w --save-ref "$T/ref" "$T/in" >"$T/ranked"
	fails 1 vae-rank --ref "$T/ref" "$T/ranked"
	says "'rank'" --replace
	ok vae-rank --replace --ref "$T/ref" "$T/ranked"
	is "$(field rank,rank_n,pct <"$T/out" | tail -1)" $'\t\t100'
	ok vae-rank --prefix p. --ref "$T/ref" "$T/ranked"
	is "$(field rank,p.pct,p.rank_by <"$T/out" | tail -1)" $'0\t100\tw'
	ok vae-rank --summary "$T/s" --ref "$T/ref" "$T/in"
	grep -q '"ranked":4,"rank_by":"w","drift_ks":0,"drift_p":1,"drift_above":0.25,"drift_far":0,"records":4,' "$T/s"
	values - - >"$T/in"
	fails 1 vae-rank --ref "$T/ref" "$T/in"
	says 'none of 2 records' "'w'"
	head -c 1024 /dev/zero >"$T/none"
	ok vae-rank --ref "$T/ref" "$T/none"
	fails 1 vae-rank --save-ref "$T/new" "$T/none"
	says --save-ref 'no records'
	absent "$T/new"
}

@test "--save-ref: whole or not at all" {
	values 1 2 3 4 >"$T/in"
	echo old >"$T/ref"
	head -c 3000 "$T/in" >"$T/cut"
	fails 1 vae-rank -k w --save-ref "$T/ref" "$T/cut"
	is "$(cat "$T/ref")" old
	if [ -w /dev/full ]; then
		local got=0
		vae-rank -k w --save-ref "$T/ref" "$T/in" >/dev/full 2>"$T/err" || got=$?
		is "$got" 1
		is "$(cat "$T/ref")" old
		fails 1 vae-rank -k w --save-ref /dev/full "$T/in"
		says --save-ref 'No space'
	fi
	no_leftovers "$T"
	fails 1 vae-rank -k w --save-ref "$T/no/ref" "$T/in"
	says --save-ref "$T/no/ref"
	fails 2 vae-rank -k w --save-ref "$T/x" -o "$T/x" "$T/in"
	says --save-ref -o
	ok vae-rank -k w --save-ref "$T/ref" "$T/in"
	ok vae-rank --ref "$T/ref" "$T/in"
	no_leftovers "$T"
}

@test "--save-ref may not replace an input" {
	printf 'name=%d.vae.json data={"w":%d}\n' 1 1 2 5 3 4 | mktar >"$T/in"
	cp "$T/in" "$T/was"
	fails 2 vae-rank -k w --save-ref "$T/in" -o "$T/x" "$T/in"
	says --save-ref 'names an input'
	same "$T/was" "$T/in"
}

@test "--ref: the summary says how far the stream lies from the reference" {
	pairs 500 't = sprintf(",\"c\":%.9g", normal())' >"$T/in"
	ok vae-rank -k a,b,c --save-ref "$T/ref" "$T/in"
	ok vae-rank --ref "$T/ref" --summary "$T/s" "$T/in"
	[ ! -s "$T/err" ]
	grep -q '"drift_ks":0,"drift_p":1,"drift_above":0.00[0-9]*,"drift_ks_a":0,"drift_p_a":1,"drift_above_a":0.006,"drift_ks_b":0,.*,"drift_far":0,' "$T/s"
	# by the definition, with awk: c is moved in a part of the records
	pairs 200 'if (i > 100) c += 1; a = exp(normal()); b = exp(normal()); t = sprintf(",\"c\":%.9g", normal() + (i > 100 ? 2 : 0))' >"$T/new"
	ok vae-rank --ref "$T/ref" --summary "$T/s" "$T/new"
	says 'the stream lies far from the reference' "'c' by 0."
	is "$(wc -l <"$T/err")" 1
	local want
	want=$({ field c <"$T/in" | sed 's/$/ r/'; field c <"$T/new" | sed 's/$/ s/'; } | sort -g | awk '{ if ($2 == "r") r++; else s++; d = r / 500 - s / 200; d = d < 0 ? -d : d; if (d > most) most = d } END { printf "%.9g", most }')
	grep -q "\"drift_ks_c\":$want," "$T/s"
	grep -q '"drift_p_c":[0-9.]*e-[0-9]*,"drift_above_c":0\.[0-9]*,"drift_far":[1-9]' "$T/s"
	ok vae-rank -q --ref "$T/ref" "$T/new"
	[ ! -s "$T/err" ]
	# one field; and a reference of an earlier version, which has no distributions of the fields of a distance
	ok vae-rank -k c --save-ref "$T/ref" "$T/in"
	ok vae-rank --ref "$T/ref" --summary "$T/s" "$T/new"
	grep -q "\"drift_ks\":$want,\"drift_p\":[^,]*,\"drift_above\":[^,]*,\"drift_far\":1," "$T/s"
	says "'c' by 0."
	head -c 1024 /dev/zero >"$T/none"
	ok vae-rank --ref "$T/ref" --summary "$T/s" "$T/none"
	grep -q '"drift_far":0' "$T/s"
}

@test "--merge-ref: the reference of all records" {
	pairs 900 >"$T/in"
	vae-drop -q -i -e 'key < "r/0300"' -o "$T/1.tar" "$T/in"
	vae-drop -q -i -e 'key >= "r/0300" && key < "r/0310"' -o "$T/2.tar" "$T/in"
	vae-drop -q -i -e 'key >= "r/0310"' -o "$T/3.tar" "$T/in"
	local i
	for i in 1 2 3; do
		vae-rank -k a --save-ref "$T/$i.ref" "$T/$i.tar" >"$T/null"
		vae-rank -k 'a,b*' --save-ref "$T/$i.joint" "$T/$i.tar" >"$T/null"
	done
	# of one field: the bytes of the reference of the whole stream
	vae-rank -k a --save-ref "$T/all.ref" "$T/in" >"$T/null"
	ok vae-rank --merge-ref -o "$T/merged" "$T/1.ref" "$T/2.ref" "$T/3.ref"
	[ ! -s "$T/out" ]
	cmp "$T/all.ref" "$T/merged"
	ok vae-rank --merge-ref -o "$T/again" "$T/3.ref" "$T/1.ref" "$T/2.ref"
	cmp "$T/merged" "$T/again"
	ok vae-rank --merge-ref -o "$T/same" "$T/merged"
	cmp "$T/merged" "$T/same"
	# of several: the shares of the whole stream, so its joint scores
	ok vae-rank --merge-ref -o "$T/merged" "$T/1.joint" "$T/2.joint" "$T/3.joint"
	vae-rank -k 'a,b*' "$T/in" | field key,joint >"$T/want"
	vae-rank -q --ref "$T/merged" "$T/in" | field key,joint | diff "$T/want" -
	# what cannot be merged
	vae-rank -k b --save-ref "$T/b.ref" "$T/in" >"$T/null"
	fails 1 vae-rank --merge-ref -o "$T/x" "$T/1.ref" "$T/b.ref"
	says "$T/1.ref and $T/b.ref have different fields"
	vae-rank -k a,b --joint mahalanobis --save-ref "$T/m.ref" "$T/in" >"$T/null"
	fails 1 vae-rank --merge-ref -o "$T/x" "$T/m.ref" "$T/m.ref"
	says "$T/m.ref" '--joint mahalanobis cannot be merged'
	scored A x >"$T/Ax"
	scored A y >"$T/Ay"
	scored B x >"$T/Bx"
	for i in Ax Ay Bx; do vae-rank -k s --save-ref "$T/$i.ref" "$T/$i" >"$T/null"; done
	fails 1 vae-rank --merge-ref -o "$T/x" "$T/Ax.ref" "$T/Bx.ref"
	says 'have different model'
	fails 1 vae-rank --merge-ref -o "$T/x" "$T/Ax.ref" "$T/Ay.ref"
	says 'have different options'
	fails 1 vae-rank --merge-ref -o "$T/x" "$T/1.ref" "$T/in"
	says "$T/in" 'not a vae-rank reference'
	absent "$T/x"
	fails 2 vae-rank --merge-ref "$T/1.ref"
	says '-o FILE'
	fails 2 vae-rank --merge-ref -o "$T/x"
	fails 2 vae-rank --merge-ref -k a -o "$T/x" "$T/1.ref"
	says --merge-ref
	no_leftovers "$T"
}
