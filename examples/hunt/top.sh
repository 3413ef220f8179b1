#!/bin/sh
# top.sh RANKED.tar 'OUTLIER': how many records would an automatic cutoff quarantine, of a stream ranked by vae-rank --joint both, and of the
# same without its outliers? Prints a Markdown table; top.md in this directory is such a page.
#
# The tail of a score between two quantiles is taken for exponential and extrapolated: N (1 - lo) exp(-rate (t - quantile lo)) records of
# the bulk are expected above t. The cutoff is the lowest t at which no more than a share `fdr` of the records above it is expected.
set -eu
export LC_ALL=C
[ $# -eq 2 ] || { echo "usage: top.sh RANKED.tar 'OUTLIER EXPRESSION'" >&2; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
vae-drop -q -i -e "$2" "$1" >"$tmp/outliers.tar"
vae-drop -q -e "$2" "$1" >"$tmp/members.tar"

# cutoff FILE FIELD LO HI FDR: how many
cutoff()
{
	vae-cut -q -k "$2" "$1" | awk '$1 != ""' | sort -gr | awk -v lo="$3" -v hi="$4" -v fdr="$5" '
		{ v[NR] = $1 }
		END {
			a = v[int(NR * (1 - lo)) + 1]; b = v[int(NR * (1 - hi)) + 1]
			rate = log((1 - lo) / (1 - hi)) / (b - a)
			for (i = 1; i <= NR * .05; i++) if (NR * (1 - lo) * exp(-rate * (v[i] - a)) <= fdr * i) n = i
			print n + 0
		}'
}

echo '| score | tail | share of false ones | records | outliers among them | records without the outliers |'
echo '|---|---|---|---|---|---|'
for field in joint joint_far joint_unlike; do
	vae-cut -q -k "$field" "$tmp/outliers.tar" | awk '$1 != ""' | sort -gr >"$tmp/found"
	vae-cut -q -k "$field" "$1" | awk '$1 != ""' | sort -gr >"$tmp/all"
	for tail in '.5 .9' '.8 .95' '.9 .98'; do
		for fdr in .1 .5; do
			# shellcheck disable=SC2086 # two numbers
			n=$(cutoff "$1" $field $tail $fdr)
			# shellcheck disable=SC2086
			clean=$(cutoff "$tmp/members.tar" $field $tail $fdr)
			found=0
			[ "$n" -eq 0 ] || found=$(awk -v t="$(sed -n "${n}p" "$tmp/all")" '$1 >= t' "$tmp/found" | wc -l)
			echo "| \`$field\` | ${tail% *} to ${tail#* } | $fdr | $n | $found | $clean |"
		done
	done
done
