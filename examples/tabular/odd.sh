#!/bin/sh
# odd.sh [TABLE.csv [LABEL [OUT]]]: which rows of a table of numbers are unlike the others. A beta-VAE of the preset
# tabular is trained on all rows, and the top 2 % by self influence are printed, as lines of the table. LABEL
# names a column that is no number; it is not looked at. Without a table it looks through one that draw.pl draws.
#
# The first line of TABLE.csv is taken to hold the names of the columns. VAE_STEPS (default 1500: seconds) is for a try.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${3:-tabular-demo}

for tool in vae-pack vae-train vae-selfinf vae-rank vae-cut; do
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

# stopped, this goes on where it was when it is run again
vae-pack --header ${label:+--label "$label"} "$table" >"$out/rows.tar"
vae-train --resume -c tabular --set train.steps="${VAE_STEPS:-1500}" -o "$out/rows.vae" "$out/rows.tar"
vae-selfinf -m "$out/rows.vae" "$out/rows.tar" | vae-rank --sort >"$out/ranked.tar"

# a key is the number of the row, from 0, behind the line of names; blank lines are none, and a cell in quotes may hold newlines
awk '{
	sub(/\r$/, "")
	line = within ? line : NR
	row = within ? row "\\n" $0 : $0
	within = (quotes += gsub(/"/, "&")) % 2
	if (!within && row != "") print line "\t" row
}' "$table" >"$out/lines.tsv"
tab=$(printf '\t')
echo "The oddest 2 % of the rows, the oddest first: line, z, row"
vae-cut -k key,z,rank,rank_n "$out/ranked.tar" | awk '$3 < 0.02 * $4 { print $1 + 2, $2 }' |
	while read -r n z; do
		row=$(sed -n "${n}p" "$out/lines.tsv")
		printf '%s\t%s\t%s\n' "${row%%"$tab"*}" "$z" "${row#*"$tab"}"
	done
