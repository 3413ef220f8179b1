#!/bin/sh
# tables.sh [OUT]: how well k-NN densities find the outliers of tables, as a Markdown page. VAE_TABLES is a directory of NAME.csv.gz with a
# header, whose last column y is 1 for an outlier, and a README.md with a Markdown table: name, rows, columns, outliers, AUROC of isolation
# forest. The score is chosen by the tables with an even number in alphabetical order, and judged by those with an odd one. OUT (default
# tables-hunt) keeps the numbers of each table: a table that is there is not scored again. With python3-sklearn, other scores are
# measured beside these (tables_others.py).
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-tables-hunt}
: "${VAE_TABLES:?the directory of the tables}"
mkdir -p "$out"

# joint NAME FIELDS: appends the joint score of the fields as NAME_joint
joint() { vae-rank -q --prefix "$1_" -k "$2"; }

for table in "$VAE_TABLES"/*.csv.gz; do
	name=$(basename "$table" .csv.gz)
	[ -s "$out/$name.json" ] || {
		vae-pack -q --header --label y -o "$out/t.tar" "$table"
		vae-density -q --neighbors 5%,5 --scale none,std,robust,asinh "$out/t.tar" |
			joint a knn_nll_none_5p,knn_nll_std_5p | joint b knn_nll_none_5p,knn_nll_robust_5p |
			joint c knn_nll_none_5p,knn_nll_asinh_5p >"$out/scored.tar"
		vae-cut -k cls,knn_nll_asinh_5p "$out/scored.tar" >"$out/$name.tsv"
		vae-eval -q --positive 'cls == 1' --json "$out/scored.tar" >"$out/new" \
			-k knn_nll_none_5p,knn_nll_std_5p,knn_nll_robust_5p,knn_nll_asinh_5p,a_joint,b_joint,c_joint,knn_nll_asinh_5
		rm "$out/t.tar" "$out/scored.tar"
		mv "$out/new" "$out/$name.json"
	}
	read -r columns forest <<-END
		$(awk -F '|' -v n="$name" '{ gsub(/ /, "", $2) } $2 == n { print $4 + 0, $6 + 0 }' "$VAE_TABLES/README.md")
	END
	printf '%s %s %s %s\n' "$name" "$columns" "$forest" "$(grep -o '"auroc":[0-9.]*' "$out/$name.json" | head -n 8 | cut -d: -f2 | tr '\n' ' ')"
done >"$out/numbers"
[ -s "$out/others" ] || ! python3 -c 'import sklearn' 2>/dev/null || python3 "$here/tables_others.py" "$VAE_TABLES" "$out" >"$out/others"
awk '
BEGIN {
	split("isolation forest,raw,std,robust,asinh,raw + std,raw + robust,raw + asinh,asinh (5)", name, ",")
	print "# Outliers in tables\n\nMade by `tables.sh`: AUROC of `knn_nll` with `--neighbors 5%` of the raw columns (`--scale none`), of scaled ones (`std`, `robust`, `asinh`),"
	print "and of joint scores of two; the last column is of the 5 nearest neighbours. Isolation forest is that of scikit-learn, with defaults. All rows"
	print "are fitted and scored; labels are used for the AUROC only.\n"
	printf "| | table"
	for (i = 1; i <= 9; i++) { printf " | %s", name[i]; line = line "|---" }
	print " |\n|---|---" line "|"
}
{
	printf "| %d | %s", NR, $1
	for (i = 3; i <= NF; i++) printf " | %.3f", $i
	print " |"
	odd = NR % 2
	n[odd]++
	table[NR] = $1
	for (i = 3; i <= NF; i++) { v[NR, i - 2] = $i; sum[odd, i - 2] += $i; wins[odd, i - 2] += $i > $3 }
	if ($2 >= 500) { wide++; few += $11; many += $7 }
}
function line_of(title, odd, i) {
	printf "| | **mean of the %s tables**", title
	for (i = 1; i <= 9; i++) printf " | %.3f", odd < 2 ? sum[odd, i] / n[odd] : (sum[0, i] + sum[1, i]) / NR
	print " |"
}
# Whether the mean of score i is within one standard error of that of score j, on the even tables.
function within(i, j, k, m, s) {
	for (k = 2; k <= NR; k += 2) m += (v[k, j] - v[k, i]) / n[0]
	for (k = 2; k <= NR; k += 2) s += (v[k, j] - v[k, i] - m) ^ 2
	return m <= sqrt(s / (n[0] - 1) / n[0])
}
END {
	line_of("even", 0)
	line_of("odd", 1)
	line_of(NR, 2)
	printf "| | **better than isolation forest, odd (all)** |"
	for (i = 2; i <= 9; i++) printf " | %d (%d)", wins[1, i], wins[0, i] + wins[1, i]
	print " |"
	top = 2
	for (i = 3; i <= 9; i++) if (sum[0, i] > sum[0, top]) top = i
	for (i = 2; i <= 9; i++) if ((i < 6 || i == 9) && within(i, top) && (!best || sum[0, i] > sum[0, best])) best = i
	if (!best) best = top
	for (i = 1; i <= NR; i++) {
		if (v[i, best] < low || i == 1) low = v[i, best]
		if (v[i, best] < v[i, 1] - .03) below = below (below ? ", " : "") table[i]
	}
	printf "\nOn the even tables %s is highest. Of the scores of one field that are within one standard error of it, the even tables choose the highest (the", name[top]
	printf " rule of Breiman et al. 1984, section 3.4.3): **%s**. On the odd ones it has a mean of %.3f, where isolation forest has %.3f, and is better on %d of %d;", name[best], sum[1, best] / n[1], sum[1, 1] / n[1], wins[1, best], n[1]
	printf " on all it has %.3f (isolation forest %.3f), is better on %d of %d, and nowhere below %.2f.", (sum[0, best] + sum[1, best]) / NR, (sum[0, 1] + sum[1, 1]) / NR, wins[0, best] + wins[1, best], NR, int(100 * low) / 100
	printf " It is more than .03 below isolation forest on: %s.\n", below ? below : "none"
	printf "\nThe %d tables of 500 columns and more are embeddings of pictures. There the 5 nearest neighbours do better: a mean of %.3f, with 5%% %.3f.\n", wide, few / wide, many / wide
}' "$out/numbers"
[ ! -s "$out/others" ] || cat "$out/others"
