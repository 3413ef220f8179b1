#!/bin/sh
# odd.sh [TABLE.csv [LABEL [OUT]]]: prints the rows of a table of numbers that are least like the others. It trains a beta-VAE (preset
# tabular) on all rows and prints the 2 % with the highest self influence, as lines of the table. LABEL names a column of
# text, which is not used. Without a table it uses one that draw.pl draws.
#
# The first line of TABLE.csv must hold the names of the columns. VAE_STEPS (default 1500: seconds) suits a first try.
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

# after an interruption, the same command resumes the training
vae-pack --header ${label:+--label "$label"} "$table" >"$out/rows.tar"
vae-train --resume -c tabular --set train.steps="${VAE_STEPS:-1500}" -o "$out/rows.vae" "$out/rows.tar"
vae-selfinf -m "$out/rows.vae" "$out/rows.tar" | vae-rank --sort >"$out/ranked.tar"

# a key is the row's number from 0, without the header; blank lines do not count, and a quoted cell may hold newlines
awk '{
	sub(/\r$/, "")
	line = within ? line : NR
	row = within ? row "\\n" $0 : $0
	within = (quotes += gsub(/"/, "&")) % 2
	if (!within && row != "") print line "\t" row
}' "$table" >"$out/lines.tsv"
tab=$(printf '\t')
echo "The 2 % of rows with the highest self influence: line, z, row"
vae-cut -k key,z,rank,rank_n "$out/ranked.tar" | awk '$3 < 0.02 * $4 { print $1 + 2, $2 }' |
	while read -r n z; do
		row=$(sed -n "${n}p" "$out/lines.tsv")
		printf '%s\t%s\t%s\n' "${row%%"$tab"*}" "$z" "${row#*"$tab"}"
	done
