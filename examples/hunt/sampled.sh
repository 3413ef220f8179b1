#!/bin/sh
# sampled.sh DIR NAME=FILE...: what a sampled reference costs. Scores the records of a stream by k-NN among all of them, and then against
# samples of them (vae-density --against), and prints Markdown; sampled.md in this directory is such a page.
#
#   NAME=FILE   a stream of pictures, as vae-pack writes it, in which VAE_OUTLIERS holds for outliers (default: cls > 100)
#
# VAE_SHARES (default "10 1") are the samples, in percent; VAE_JOBS the threads. Existing files in DIR are kept, so a run can be repeated.
set -eu
export LC_ALL=C
# shellcheck disable=SC1091
. "$(dirname "$0")/ranks.sh"
# shellcheck disable=SC1091
. "$(dirname "$0")/sets.sh"
[ $# -ge 2 ] || { echo "usage: sampled.sh DIR NAME=FILE..." >&2; exit 2; }
dir=$1
outliers=${VAE_OUTLIERS:-cls > 100}
shares=${VAE_SHARES:-10 1}
jobs=${VAE_JOBS:-$(nproc)}
shift
require_tools vae-density vae-drop vae-cut vae-eval
mkdir -p "$dir"

# spearman A FIELD B FIELD: prints the rank correlation of the fields of two streams of the same records
spearman()
{
	vae-cut -q -k "$2" "$1" | ranks >"$dir/one"
	vae-cut -q -k "$4" "$3" | ranks >"$dir/two"
	correlate_ranks "$dir/one" "$dir/two"
}

# overlap A FIELD B FIELD: prints the share of the highest 1 % of A that are among the highest 1 % of B
overlap()
{
	for side in 1 2; do
		vae-cut -q -k "key,$2" "$1" | sort -t "$(printf '\t')" -k 2,2gr >"$dir/all"
		head -n $(($(wc -l <"$dir/all") / 100)) "$dir/all" | cut -f 1 | sort >"$dir/top$side"
		shift $((side == 1 ? 2 : 0))
	done
	comm -12 "$dir/top1" "$dir/top2" | awk -v of="$(wc -l <"$dir/top1")" 'END { printf "%.2f", NR / of }'
}

auroc() # FILE FIELD
{
	vae-eval -q --json -k "$2" --positive "$outliers" "$1" | sed 's/[,{]/\n/g' | sed -n 's/.*"auroc": *//p' | head -n 1 | awk '{ printf "%.3f", $1 }'
}

printf '| records | reference | k | CPU, s | Spearman with all | highest 1 %% in common | AUROC |\n|---|---|---|---|---|---|---|\n'
for set; do
	name=${set%%=*}
	in=${set#*=}
	n=$(vae-cut -q -k key "$in" | tee "$dir/keys" | wc -l)
	seq 1000000 >"$dir/seed"
	for share in 100 $shares; do
		got=$dir/$name-$share
		[ -e "$got.tar" ] || {
			shuf -n $((n * share / 100)) --random-source="$dir/seed" "$dir/keys" >"$dir/sample"
			vae-drop -q -i --keys "$dir/sample" "$in" >"$got.reference.tar"
			[ "$share" -ne 100 ] || cp "$in" "$got.reference.tar"
			# shellcheck disable=SC2016 # of the inner shell
			sh -c 'vae-density -q -j "$1" --neighbors 10,1% --against "$2" "$3" >"$4.tmp"; times' sh "$jobs" "$got.reference.tar" "$in" "$got" |
				awk 'NR == 2 { split($1, u, "[ms]"); split($2, s, "[ms]"); printf "%.0f\n", 60 * u[1] + u[2] + 60 * s[1] + s[2] }' >"$got.cpu"
			mv "$got.tmp" "$got.tar"
		}
		for k in 10 1p; do
			printf '| %s, %d | %d %% | %s | %s | %s | %s | %s |\n' "$name" "$n" "$share" "$(echo "$k" | sed 's/p/ %/')" "$(cat "$got.cpu")" \
				"$(spearman "$dir/$name-100.tar" "knn_nll_$k" "$got.tar" "knn_nll_$k")" "$(overlap "$dir/$name-100.tar" "knn_nll_$k" "$got.tar" "knn_nll_$k")" \
				"$(auroc "$got.tar" "knn_nll_$k")"
		done
	done
done
