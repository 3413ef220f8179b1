#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Figure 4: same class and latent distance of proponents and opponents.
. "$VAE_PAPER/common.sh"
digits
for latent in 64 128; do
	for seed in $seeds; do
		train "digits-$latent-$seed" mnist.tar "$latent" --set train.beta=4 --set score.beta=4 --seed "$seed"
		for likelihood in gaussian bernoulli; do
			pairs=pairs-$latent-$likelihood-$seed.json
			[ -e "$pairs" ] || {
				vae-testinf -q -m "digits-$latent-$seed.vae" --set score.likelihood=$likelihood --checkpoints all -t tests.tar --top $(((records + 999) / 1000)) --seed "$seed" --summary pairs.tmp mnist.tar >/dev/null
				mv pairs.tmp "$pairs"
			}
		done
	done
done
row()
{
	printf '| %s |' "$1"
	for column in 64-gaussian 64-bernoulli 128-gaussian 128-bernoulli; do
		printf ' %s |' "$(mean "$2" pairs-$column-*.json)"
	done
	printf ' %s |\n' "$3"
}
cat <<END
## Figure 4: classes and distances of proponents and opponents

    vae-testinf -m digits-\$seed.vae --set score.likelihood=bernoulli --checkpoints all -t tests.tar --top $(((records + 999) / 1000)) --summary pairs-\$seed.json mnist.tar >scored.tar
    vae-eval --mean -k same_class_proponents pairs-*.json

| | 64 latents, Gaussian | 64, Bernoulli | 128, Gaussian | 128, Bernoulli | paper, 64 and 128 |
|---|---|---|---|---|---|
$(row 'same class, proponents' same_class_proponents '.819, .821'
row 'same class, opponents' same_class_opponents '.373, .403'
row 'same class, all' same_class_all ''
row 'distance, proponents' distance_proponents '0.94, 0.76'
row 'distance, opponents' distance_opponents '1.78, 1.29'
row 'distance, all' distance_all '2.54, 2.23')

$(sizes) Lists are a thousandth of the records, as in the paper; test records are the first of the test set. The models are trained with the Bernoulli loss,
and influences are computed with the loss that the column names. Where training has lowered the loss of the influences, the gradients of like records nearly cancel,
so that some of them are opponents. The published code computes influences with the Gaussian loss.
END
