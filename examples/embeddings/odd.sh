#!/bin/sh
# odd.sh FOLDER [OUT]: outliers and near-duplicates among the embeddings of a folder of clip-retrieval: FOLDER/img_emb/img_emb_N.npy
# (float16, normalised), and FOLDER/metadata/metadata_N.jsonl or .csv, with a line for each row. Of a .parquet file,
#   python3 -c 'import pandas, sys; pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], orient="records", lines=True)' X.parquet X.jsonl
# makes one. Keys are N/ROW, rows from 0.
#
# Outliers are the TOP (default 1%) with the lowest density by their 30 nearest neighbours (NEIGHBORS). Near-duplicates are pairs with
# a cosine similarity of SIMILAR (default 0.96) or more. Writes OUT/outliers.tsv, OUT/duplicates.tsv and OUT/ranked.tar. Time grows with
# the square of the number of rows: minutes for 100,000.
set -eu
export LC_ALL=C
[ $# -ge 1 ] || { echo "usage: odd.sh FOLDER [OUT]" >&2; exit 2; }
folder=$1
out=${2:-embeddings}
similar=${SIMILAR:-0.96}
for tool in vae-pack vae-density vae-rank vae-drop vae-cut; do
	command -v $tool >/dev/null || { echo "odd: $tool is not in PATH: run 'make' and add build/ to it, or 'make install'" >&2; exit 1; }
done
[ -n "$(find "$folder/img_emb/" -name 'img_emb_*.npy')" ] || { echo "odd: there is no $folder/img_emb/img_emb_N.npy" >&2; exit 1; }
mkdir -p "$out/parts"

for npy in "$folder"/img_emb/img_emb_*.npy; do
	n=${npy##*_}
	n=${n%.npy}
	vae-pack --as vector --key-prefix "$n/" -o "$out/parts/$n.tar" "$npy"
	# meta.tsv: the key of each row, and its line of metadata
	if [ -e "$folder/metadata/metadata_$n.jsonl" ]; then
		cat "$folder/metadata/metadata_$n.jsonl"
	elif [ -e "$folder/metadata/metadata_$n.csv" ]; then
		sed 1d "$folder/metadata/metadata_$n.csv"
	fi >"$out/meta"
	vae-cut -k key "$out/parts/$n.tar" | paste - "$out/meta"
done >"$out/meta.tsv.part"
mv "$out/meta.tsv.part" "$out/meta.tsv"
rm "$out/meta"

# 1. Outliers. Equal records count once, so that a picture with many copies is no cluster.
vae-density --neighbors "${NEIGHBORS:-30}" "$out"/parts/*.tar | vae-rank --sort -k knn_nll -o "$out/ranked.tar"
vae-drop --top "${TOP:-1%}" -r "$out/outliers.tar.part" "$out/ranked.tar" >/dev/null
vae-cut -k key,z,knn_nll "$out/outliers.tar.part" >"$out/outliers"
rm "$out/outliers.tar.part"

# 2. Near-duplicates. With 2 neighbours, of which a record is the first, knn_nll = log(N V R^d / 2), V the volume of the unit ball in d
# dimensions and R the distance to the nearest other record; between normalised vectors R^2 = 2 - 2 cos.
vae-density -q --count-copies --neighbors 2 --summary "$out/summary.json" "$out"/parts/*.tar | vae-cut -k key,knn_nll,limit >"$out/nearest"
number() { sed "s/.*\"$1\":\([0-9]*\).*/\1/" "$out/summary.json"; }
awk -F '\t' -v n="$(number points)" -v d="$(number dimensions)" -v similar="$similar" 'BEGIN {
		volume = d % 2 ? log(2) : 0
		for (i = d; i > 1; i -= 2)
			volume += log(2 * 3.14159265358979 / i)
	}
	$3 != "" || exp(2 * ($2 - log(n) - volume + log(2)) / d) <= 2 - 2 * similar { print $1 }' "$out/nearest" >"$out/duplicates.keys"

# which they are near to: their nearest neighbours, with distances
: >"$out/near.jsonl"
if [ -s "$out/duplicates.keys" ]; then
	vae-drop -q --keys "$out/duplicates.keys" -r "$out/duplicates.tar.part" "$out"/parts/*.tar >/dev/null
	vae-density -q --count-copies --neighbors 10 -t "$out/duplicates.tar.part" --influence "$out/near.jsonl" "$out"/parts/*.tar >/dev/null
	rm "$out/duplicates.tar.part"
fi

# 3. With metadata, in two tables.
perl -MJSON::PP -e '
	my ($out, $similar) = @ARGV;
	my %meta = map { chomp; split /\t/, $_, 2 } do { open my $f, "<", "$out/meta.tsv" or die; <$f> };
	open my $to, ">", "$out/outliers.tsv" or die;
	open my $f, "<", "$out/outliers" or die;
	while (<$f>) { chomp; my ($key, $z) = split /\t/; print $to "$key\t$z\t$meta{$key}\n" }
	my %pair;
	open $f, "<", "$out/near.jsonl" or die;
	while (<$f>) {
		my $test = decode_json($_);
		for (@{$test->{proponents}}) {
			my $cos = 1 - $_->{distance} ** 2 / 2;
			my ($a, $b) = sort $test->{test}, $_->{key};
			$pair{"$a\t$b"} = $cos if $a ne $b && $cos >= $similar;
		}
		$pair{"$test->{test}\t10 or more copies"} = 1 if $test->{error};
	}
	open $to, ">", "$out/duplicates.tsv" or die;
	for (sort { $pair{$b} <=> $pair{$a} || $a cmp $b } keys %pair) {
		my ($a, $b) = split /\t/;
		printf $to "%.4f\t%s\t%s\t%s\n", $pair{$_}, $_, $meta{$a} // "", $meta{$b} // "";
	}' "$out" "$similar"
rm "$out/outliers" "$out/nearest" "$out/near.jsonl" "$out/duplicates.keys" "$out/summary.json"

echo "Outliers: key, z, metadata ($(wc -l <"$out/outliers.tsv") in $out/outliers.tsv)"
head -n 10 "$out/outliers.tsv"
echo "Near-duplicates: similarity, key, key, metadata ($(wc -l <"$out/duplicates.tsv") pairs in $out/duplicates.tsv)"
head -n 10 "$out/duplicates.tsv"
