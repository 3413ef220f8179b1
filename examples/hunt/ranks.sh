# ranks.sh, of memo.sh and sampled.sh: rank correlation.
# shellcheck shell=sh

# ranks: prints the ranks of the numbers on standard input, in their order; ties share their mean rank
ranks()
{
	awk '{ print NR "\t" $1 }' | sort -t "$(printf '\t')" -k 2,2g | awk -F '\t' '
		function flush(    i) { for (i = 1; i <= n; i++) print at[i] "\t" (first + (n - 1) / 2); n = 0 }
		NR == 1 || $2 != last { flush(); first = NR; last = $2 }
		{ at[++n] = $1 }
		END { flush() }' | sort -n | cut -f 2
}

# correlate_ranks A B: prints the correlation of the ranks in two files
correlate_ranks()
{
	paste "$1" "$2" | awk '{ n++; x += $1; y += $2; xx += $1 * $1; yy += $2 * $2; xy += $1 * $2 }
		END { printf "%.3f", (xy - x * y / n) / sqrt((xx - x * x / n) * (yy - y * y / n)) }'
}
