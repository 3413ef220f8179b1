#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Table 4 and figure 10: where do the two parents of a blended picture rank among its proponents?
. "$VAE_PAPER/common.sh"
digits
[ -e blends.tar ] || {
	"$VAE_PAPER/blend.pl" "$VAE_MNIST"/*train-images* "$VAE_MNIST"/*train-labels* "$records" 1 blends-idx3-ubyte >pairs.tmp
	mv pairs.tmp pairs
	keep blends.tar vae-pack --key-prefix blend/ blends-idx3-ubyte
}
[ -e figure10.png ] || {
	"$VAE_PAPER/sheet.pl" blends-idx3-ubyte 9 >sheet-idx3-ubyte
	vae-pack sheet-idx3-ubyte | tar -xOf - 00000000.png >figure10.tmp
	mv figure10.tmp figure10.png
}
# over NAME COMMAND...: NAME.ranks, from the file of --influence that the command writes
over()
{
	out=$1
	shift
	[ -e "$out.ranks" ] || {
		"$@" --influence over.jsonl.tmp -t blends.tar --top 1000000 mnist.tar >/dev/null
		keep "$out.ranks" "$VAE_PAPER/ranks.pl" pairs over.jsonl.tmp
		rm over.jsonl.tmp
	}
}
# row NAME METHOD: a row of the table, from NAME-SEED.ranks of all seeds: means of the quantiles, and of the share with its standard error
row()
{
	for seed in $seeds; do
		cat "blend-$1-$seed.ranks"
	done | awk -F '|' -v method="$2" 'function short(v) { v = sprintf("%.1f", v); sub(/\.0$/, "", v); return v }
		{ for (i = 2; i <= 8; i++) { s[i] += $i; q[i] += $i * $i } }
		END {
			printf "| %s", method
			for (i = 2; i <= 8; i++) {
				m = s[i] / NR
				v = NR > 1 ? (q[i] - NR * m * m) / (NR - 1) : 0
				printf " | %s", i != 5 ? short(m) : sprintf("%.3f", m) (NR > 1 ? sprintf(" ± %.3f", sqrt(v > 0 ? v / NR : 0)) : "")
			}
			print " |"
		}'
}
for latent in 64 128; do
	for seed in $seeds; do
		train "digits-$latent-$seed" mnist.tar "$latent" --set train.beta=4 --set score.beta=4 --seed "$seed"
		m=digits-$latent-$seed.vae
		over "blend-$latent-last-$seed" vae-testinf -q -m "$m"
		over "blend-$latent-all-$seed" vae-testinf -q -m "$m" --checkpoints all
		over "blend-$latent-cosine-$seed" vae-testinf -q -m "$m" --normalize both
		over "blend-$latent-latent-$seed" vae-density -q --method kde --space latent -m "$m"
		over "blend-$latent-layer-$seed" vae-density -q --method kde --space encoder.3 -m "$m"
	done
done
over blend-pixel vae-density -q --method kde
cat <<END
## Table 4, figure 10: blended pictures

    blend.pl train-images* train-labels* $records 1 blends-idx3-ubyte >pairs       # 0.75 of one picture, 0.25 of another
    vae-pack --key-prefix blend/ blends-idx3-ubyte >blends.tar
    vae-testinf -m digits.vae --checkpoints all -t blends.tar --influence over.jsonl --top 1000000 mnist.tar >scored.tar
    vae-density --method kde --space encoder.3 -m digits.vae -t blends.tar --influence near.jsonl --top 1000000 mnist.tar >near.tar
    ranks.pl pairs over.jsonl

Ranks, from 0, of the major and of the minor parent of $(wc -l <pairs) blends among $(vae-cut -k key mnist.tar | wc -l) records: quantiles, and how often the major parent is first;
means over seeds of the training: $(echo "$seeds" | wc -w).

| method | major 25% | 50% | 75% | top-1 | minor 25% | 50% | 75% |
|---|---|---|---|---|---|---|---|
$(for latent in 64 128; do
	row "$latent-last" "VAE-TracIn, $latent latents, last checkpoint"
	row "$latent-all" "VAE-TracIn, $latent latents, all checkpoints"
	row "$latent-cosine" "cosine of gradients, $latent latents, last checkpoint"
	row "$latent-latent" "distance of latents, $latent latents"
	row "$latent-layer" "distance of the features of encoder.3, $latent latents"
done)
| distance of pixels $(cat blend-pixel.ranks)
| paper, PAE-NN, of 60,000 | 0 | 0 | 1 | 0.633 | 6943 | 13405 | 29993 |
| paper, VAE-TracIn, 64 latents | 0 | 2 | 146 | 0.422 | 1097 | 5206 | 10220 |
| paper, VAE-TracIn, 128 latents | 0 | 1 | 18 | 0.467 | 1203 | 6043 | 13873 |

![The blends: rows are of the class of the major parent](figure10.png)

$(sizes) Kernel densities order records by distance, in the latents, or in the features of a layer of the encoder, which stand for the perceptual
auto-encoder of the paper. Ranks grow with the number of records: compare them with the paper's by their share.
END
