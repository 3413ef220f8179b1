#!/bin/sh
# odd.sh [TABLE.csv [LABEL [OUT]]]: prints the rows of a table of numbers that are least like the others: the 2 % with the lowest
# density by their nearest neighbours, in columns brought to one scale, as lines of the table. It needs no training. LABEL names a
# column of text, which is not used. Without a table it uses one that draw.pl draws.
#
# The table may be compressed with gzip. The first line of TABLE.csv must hold the names of the columns. VAE_NEIGHBORS is the number of neighbours, 5% of the rows by default:
# more than the rows of any clump that should be found. 5 suits embeddings of pictures and texts.
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
out=${3:-tabular-demo}

for tool in vae-pack vae-density vae-rank vae-cut; do
	command -v $tool >/dev/null || { echo "odd: $tool is not in PATH: run 'make' and add build/ to it, or 'make install'" >&2; exit 1; }
done
mkdir -p "$out"
if [ -n "${1:-}" ]; then
	table=$1
	label=${2:-}
else
	table=$out/drawn.csv
	label="what"
	perl "$here/draw.pl" >"$table"
fi

vae-pack --header ${label:+--label "$label"} "$table" |
	vae-density --neighbors "${VAE_NEIGHBORS:-5%}" --scale asinh |
	vae-rank -k knn_nll --sort >"$out/ranked.tar"

# a key is the row's number from 0, without the header; blank lines do not count, and a quoted cell may hold newlines
case $table in *.gz) gzip -dc "$table" ;; *) cat "$table" ;; esac | awk '{
	sub(/\r$/, "")
	line = within ? line : NR
	row = within ? row "\\n" $0 : $0
	within = (quotes += gsub(/"/, "&")) % 2
	if (!within && row != "") print line "\t" row
}' >"$out/lines.tsv"
tab=$(printf '\t')
echo "The 2 % of rows with the lowest density: line, z, row"
vae-cut -k key,z,rank,rank_n "$out/ranked.tar" | awk '$3 < 0.02 * $4 { print $1 + 2, $2 }' |
	while read -r n z; do
		row=$(sed -n "${n}p" "$out/lines.tsv")
		printf '%s\t%s\t%s\n' "${row%%"$tab"*}" "$z" "${row#*"$tab"}"
	done
