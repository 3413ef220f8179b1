#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Table 1: is a training record the most influential over itself?
. "$VAE_PAPER/common.sh"
digits
for latent in 64 128; do
	for seed in $seeds; do
		train "digits-$latent-$seed" mnist.tar "$latent" --set train.beta=4 --set score.beta=4 --seed "$seed"
		for checkpoints in last all; do
			out=sanity-$latent-$seed-$checkpoints
			[ -e "$out.json" ] || keep "$out.txt" vae-testinf -q -m "digits-$latent-$seed.vae" --checkpoints $checkpoints --sanity "$tests" --seed "$seed" --summary "$out.json" mnist.tar
		done
	done
done
cat <<END
## Table 1: sanity check

    vae-train -c $preset --set train.beta=4 --set score.beta=4 --seed \$seed -o digits-\$seed.vae mnist.tar
    vae-testinf -m digits-\$seed.vae --sanity $tests --checkpoints all --seed \$seed --summary sanity-\$seed.json mnist.tar
    vae-eval --mean -k own sanity-*.json

The share of the first $tests records that are their own strongest proponents.

| latents | checkpoints | ours, over $(echo "$seeds" | wc -w) seeds | paper, 30 checkpoints |
|---|---|---|---|
| 64 | last | $(mean own sanity-64-*-last.json) | |
| 64 | all | $(mean own sanity-64-*-all.json) | 0.992 |
| 128 | last | $(mean own sanity-128-*-last.json) | |
| 128 | all | $(mean own sanity-128-*-all.json) | 1.000 |

$(sizes) The paper trains by gradient descent for 1.5 million steps on 60,000 records, once. A seed here is one of the training and of the
noise.
END
