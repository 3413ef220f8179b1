#!/bin/sh
# tables.sh [OUT]: how well k-NN densities find the outliers of tables, as a Markdown page. VAE_TABLES is a directory of NAME.csv.gz with a
# header, whose last column y is 1 for an outlier, and a README.md with a Markdown table: name, rows, columns, outliers, AUROC of isolation
# forest. The score is chosen by the tables with an even number in alphabetical order, and judged by those with an odd one. OUT (default
# tables-hunt) keeps the numbers of each table: a table that is there is not scored again.
set -eu
export LC_ALL=C
out=${1:-tables-hunt}
: "${VAE_TABLES:?the directory of the tables}"
mkdir -p "$out"
for table in "$VAE_TABLES"/*.csv.gz; do
	name=$(basename "$table" .csv.gz)
	[ -s "$out/$name.json" ] || {
		vae-pack -q --header --label y -o "$out/t.tar" "$table"
		vae-density -q --neighbors 5% --prefix raw_ "$out/t.tar" | vae-density -q --neighbors 5% --scale std --prefix std_ |
			vae-rank -q -k raw_knn_nll,std_knn_nll |
			vae-eval -q --positive 'cls == 1' -k raw_knn_nll,std_knn_nll,joint --json >"$out/new"
		mv "$out/new" "$out/$name.json"
	}
	forest=$(awk -F '|' -v n="$name" '{ gsub(/ /, "", $2) } $2 == n { print $6 + 0 }' "$VAE_TABLES/README.md")
	printf '%s %s %s\n' "$name" "$forest" "$(grep -o '"auroc":[0-9.]*' "$out/$name.json" | head -n 3 | cut -d: -f2 | tr '\n' ' ')"
done >"$out/numbers"
awk '
BEGIN {
	print "# Outliers in tables\n\nMade by `tables.sh`: AUROC of `knn_nll` with `--neighbors 5%` of the raw columns, of the standardised ones (`--scale std`), and of the"
	print "joint score of both, beside isolation forest (scikit-learn, defaults). All rows are fitted and scored; labels are used for the AUROC only.\n"
	print "| | table | isolation forest | raw | std | joint |\n|---|---|---|---|---|---|"
}
{
	printf "| %d | %s | %.3f | %.3f | %.3f | %.3f |\n", NR, $1, $2, $3, $4, $5
	odd = NR % 2
	n[odd]++
	if ($3 < $2 - .03) below = below (below ? ", " : "") $1
	for (i = 2; i <= 5; i++) { sum[odd, i] += $i; wins[odd, i] += $i > $2 }
}
END {
	for (odd = 0; odd < 2; odd++)
		printf "| | **mean of the %s tables** | %.3f | %.3f | %.3f | %.3f |\n", odd ? "odd" : "even", sum[odd, 2] / n[odd], sum[odd, 3] / n[odd], sum[odd, 4] / n[odd], sum[odd, 5] / n[odd]
	best = 3
	for (i = 4; i <= 5; i++) if (sum[0, i] > sum[0, best]) best = i
	name[3] = "raw"; name[4] = "std"; name[5] = "joint"
	printf "\nThe even tables choose **%s**. On the odd ones it has a mean of %.3f, where isolation forest has %.3f, and is better on %d of %d.\n", name[best], sum[1, best] / n[1], sum[1, 2] / n[1], wins[1, best], n[1]
	printf "\nRaw columns are more than .03 below isolation forest on: %s.\n", below
}' "$out/numbers"
