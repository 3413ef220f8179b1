#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Figures 2, 11 to 13: self influence against the loss.
. "$VAE_PAPER/common.sh"
mixed
first=${seeds%% *}
for latent in 64 128; do
	train "mixed-$latent-$first" mixed.tar "$latent" --set train.beta=4 --set score.beta=4 --curvature --seed "$first"
	[ -e "loss-$latent.txt" ] || {
		rm -rf "figure2-$latent"
		vae-selfinf -q -m "mixed-$latent-$first.vae" mixed.tar | vae-eval -k selfinf --svg "figure2-$latent" -o loss.tmp
		mv loss.tmp "loss-$latent.txt"
	}
done
of() { awk '$1 == "selfinf" { print $(NF - 1) " | " $NF }' "loss-$1.txt"; }
cat <<END
## Figures 2, 11, 16: self influence and loss

    vae-selfinf -m mixed.vae mixed.tar | vae-eval -k selfinf --svg figure2

| latents | R2 of a straight line | Spearman with the negative loss | paper |
|---|---|---|---|
$(for latent in 64 128; do echo "| $latent | $(of $latent) | high self influence goes with high loss |"; done)

![Self influence against the negative loss](figure2-128/scatter.svg)
![Their density](figure2-128/density.svg)
![Distribution of self influence](figure2-128/histogram.svg)

$(sizes) The pictures are of 128 latents. A negative correlation with the negative loss says
that records of high self influence have high losses, as in the paper.
END
