# vae-rank: ranks, percentiles, robust z, order.
# shellcheck disable=SC2016,SC2046

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

# By awk: key, rank, rank_n, pct, z of the values given
reckon() {
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
	reckon "$@" >"$T/want"
	ok vae-rank -k w "$T/in"
	field key,rank,rank_n,pct,z <"$T/out" | awk -F '\t' -v OFS='\t' '$2 != "" { $4 = sprintf("%.4f", $4); $5 = sprintf("%.4f", $5) } { print }' >"$T/got"
	diff "$T/want" "$T/got"
}

@test "rank, pct and z are what awk reckons" {
	check 3 1 4 1.5 9 2.6 5.3
	check 3 1 4 1.5 9 2.6
	check -1e3 1e-3 7 7 7 2 0 -5
	check 1 2
	check 5 - 3 - - 8
	check 1 1 2 2
	check 10 10 1 1 5 5 5.5
	check 1e300 -1e300 0
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

@test "--sort: highest first, the unscored last in their order, members together" {
	values 2 - 9 7 - 7 >"$T/in"
	vae-rank --sort -k w <"$T/in" >"$T/out"
	is "$(field key,rank <"$T/out" | tr '\t\n' '= ')" 'r/0003=0 r/0004=1 r/0006=2 r/0001=3 r/0002= r/0005= '
	# the same fields as without
	vae-rank -k w <"$T/in" | vae-cut --json | sort >"$T/a"
	vae-cut --json <"$T/out" | sort >"$T/b"
	diff "$T/a" "$T/b"
	# what stands inside a record stays there
	{
		echo 'name=a.x data=1'
		echo 'name=d/ type=5'
		echo 'name=a.vae.json data={"w":1}'
		echo 'name=b.vae.json data={"w":2}'
	} | mktar | vae-rank --sort -k w >"$T/out"
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" 'b.vae.json a.x d a.vae.json '
}

@test "a field that no record has, or that is no number" {
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

@test "names that are there already want --replace or --prefix" {
	values 1 2 3 | vae-rank -k w >"$T/in"
	fails 1 vae-rank -k w "$T/in"
	says "$T/in: record 1 'r/0001'" "'rank'" --replace
	vae-rank -k w --prefix p_ <"$T/in" | vae-rank -k z --prefix q. >"$T/out"
	is "$(field rank,p_rank,q.rank,q.rank_by <"$T/out" | head -1)" $'2\t2\t2\tz'
	vae-rank -k w --replace <"$T/in" >"$T/out"
	same "$T/in" "$T/out"
	fails 2 vae-rank -k w --prefix 'A"' "$T/in"
	fails 2 vae-rank -k w --prefix "$(printf 'x%.0s' {1..70})" "$T/in"
}

@test "an input that changes between the passes is told" {
	values 1 2 3 >"$T/in"
	mkfifo "$T/wait"
	values 1 2 3 4 >"$T/in.new"
	printf 'name=z.vae.json data={"w":5}\n' | mktar >"$T/z"
	# the second file is a FIFO: opening it waits until the first has been read
	fails 1 timeout 20 bash -c 'vae-rank -k w "$1/in" "$1/wait" & exec 9>"$1/wait"; mv "$1/in.new" "$1/in"; cat "$1/z" >&9; exec 9>&-; wait $!' - "$T"
	says "$T/in" changed
}

@test "two passes: a file that is sought begins where it stood" {
	(head -c 3000 /dev/zero | tr '\0' x && values 5 9 1) >"$T/in"
	{ head -c 3000 >/dev/null; vae-rank -k w; } <"$T/in" >"$T/out"
	is "$(field rank <"$T/out" | tr '\n' ' ')" '1 0 2 '
}

@test "-v and --summary count" {
	values 5 - 1 >"$T/in"
	ok vae-rank -k w --summary "$T/s" "$T/in"
	grep -q '"ranked":2,"rank_by":"w","records":3,' "$T/s"
}
