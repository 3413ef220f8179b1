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
# count PATTERN: of how many seeds the numbers are
count() { find . -maxdepth 1 -name "sanity-$1.json" | wc -l; }
cat <<END
## Table 1: sanity check

    vae-train -c $preset --set train.beta=4 --set score.beta=4 --seed \$seed -o digits-\$seed.vae mnist.tar
    vae-testinf -m digits-\$seed.vae --sanity $tests --checkpoints all --seed \$seed --summary sanity-\$seed.json mnist.tar
    vae-eval --mean -k own sanity-*.json

The share of the first $tests records that are their own strongest proponents.

| latents | checkpoints | seeds | ours | paper, 30 checkpoints |
|---|---|---|---|---|
$(for latent in 64 128; do
	[ $latent = 64 ] && paper=0.992 || paper=1.000
	echo "| $latent | last | $(count "$latent-*-last") | $(mean own sanity-$latent-*-last.json) | |"
	echo "| $latent | all | $(count "$latent-*-all") | $(mean own sanity-$latent-*-all.json) | $paper |"
done)

$(sizes) The paper trains by gradient descent for 1.5 million steps on 60,000 records, once. A seed here is one of the training and of the
noise.
END
