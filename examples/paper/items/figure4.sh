#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Figure 4: same class and latent distance of proponents and opponents.
. "$VAE_PAPER/common.sh"
digits
for latent in 64 128; do
	for seed in $seeds; do
		train "digits-$latent-$seed" mnist.tar "$latent" --set train.beta=4 --set score.beta=4 --seed "$seed"
		[ -e "pairs-$latent-$seed.json" ] || {
			vae-testinf -q -m "digits-$latent-$seed.vae" --checkpoints all -t tests.tar --top $(((records + 999) / 1000)) --seed "$seed" --summary pairs.tmp mnist.tar >/dev/null
			mv pairs.tmp "pairs-$latent-$seed.json"
		}
	done
done
row() { echo "| $1 | $(mean "$2" pairs-64-*.json) | $3 | $(mean "$2" pairs-128-*.json) | $4 |"; }
cat <<END
## Figure 4: classes and distances of proponents and opponents

    vae-testinf -m digits-\$seed.vae --checkpoints all -t tests.tar --top $(((records + 999) / 1000)) --summary pairs-\$seed.json mnist.tar >scored.tar
    vae-eval --mean -k same_class_proponents pairs-*.json

| | 64 latents | paper | 128 latents | paper |
|---|---|---|---|---|
$(row 'same class, proponents' same_class_proponents .819 .821
row 'same class, opponents' same_class_opponents .373 .403
row 'same class, all' same_class_all '' ''
row 'distance, proponents' distance_proponents 0.94 0.76
row 'distance, opponents' distance_opponents 1.78 1.29
row 'distance, all' distance_all 2.54 2.23)

$(sizes) Lists are a thousandth of the records, as in the paper; test records are the first of the test set.
END
