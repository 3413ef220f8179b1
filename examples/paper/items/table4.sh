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
first=${seeds%% *}
rows=
for latent in 64 128; do
	train "digits-$latent-$first" mnist.tar "$latent" --set train.beta=4 --set score.beta=4 --seed "$first"
	m=digits-$latent-$first.vae
	over "blend-$latent-last" vae-testinf -q -m "$m"
	over "blend-$latent-all" vae-testinf -q -m "$m" --checkpoints all
	over "blend-$latent-cosine" vae-testinf -q -m "$m" --normalize both
	over "blend-$latent-latent" vae-density -q --method kde --space latent -m "$m"
	over "blend-$latent-layer" vae-density -q --method kde --space encoder.3 -m "$m"
	rows="$rows| VAE-TracIn, $latent latents, last checkpoint $(cat "blend-$latent-last.ranks")
| VAE-TracIn, $latent latents, all checkpoints $(cat "blend-$latent-all.ranks")
| cosine of gradients, $latent latents, last checkpoint $(cat "blend-$latent-cosine.ranks")
| distance of latents, $latent latents $(cat "blend-$latent-latent.ranks")
| distance of the features of encoder.3, $latent latents $(cat "blend-$latent-layer.ranks")
"
done
over blend-pixel vae-density -q --method kde
cat <<END
## Table 4, figure 10: blended pictures

    blend.pl train-images* train-labels* $records 1 blends-idx3-ubyte >pairs       # 0.75 of one picture, 0.25 of another
    vae-pack --key-prefix blend/ blends-idx3-ubyte >blends.tar
    vae-testinf -m digits.vae --checkpoints all -t blends.tar --influence over.jsonl --top 1000000 mnist.tar >scored.tar
    vae-density --method kde --space encoder.3 -m digits.vae -t blends.tar --influence near.jsonl --top 1000000 mnist.tar >near.tar
    ranks.pl pairs over.jsonl

Ranks, from 0, of the major and of the minor parent of $(wc -l <pairs) blends among $(vae-cut -k key mnist.tar | wc -l) records: quantiles, and how often the major parent is first.

| method | major 25% | 50% | 75% | top-1 | minor 25% | 50% | 75% |
|---|---|---|---|---|---|---|---|
$rows| distance of pixels $(cat blend-pixel.ranks)
| paper, PAE-NN, of 60,000 | 0 | 0 | 1 | 0.633 | 6943 | 13405 | 29993 |
| paper, VAE-TracIn, 64 latents | 0 | 2 | 146 | 0.422 | 1097 | 5206 | 10220 |
| paper, VAE-TracIn, 128 latents | 0 | 1 | 18 | 0.467 | 1203 | 6043 | 13873 |

![The blends: rows are of the class of the major parent](figure10.png)

$(sizes) Kernel densities order records by distance, in the latents, or in the features of a layer of the encoder, which stand for the perceptual
auto-encoder of the paper. Ranks grow with the number of records: compare them with the paper's by their share.
END
