#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Figures 2, 11 to 13: self influence against the loss.
. "$VAE_PAPER/common.sh"
mixed
first=${seeds%% *}
for latent in 64 128; do
	train "mixed-$latent-$first" mixed.tar "$latent" --set train.beta=4 --set score.beta=4 --curvature --seed "$first"
	keep "loss-$latent.json" sh -c 'vae-selfinf -q -m "$0" mixed.tar | vae-eval --json --positive "key ~ \"letters/*\""' "mixed-$latent-$first.vae"
done
of() { sed 's/.*"loss_'"$2"'":\([-0-9.e]*\).*/\1/; q' "loss-$1.json" | awk '{ printf "%.3f", $1 }'; }
cat <<END
## Figures 2 and 11: self influence and loss

    vae-selfinf -m mixed.vae mixed.tar | vae-eval --positive 'key ~ "letters/*"'

| latents | R2 of a straight line | Spearman with the negative loss | paper |
|---|---|---|---|
$(for latent in 64 128; do echo "| $latent | $(of $latent r2) | $(of $latent spearman) | high self influence goes with high loss |"; done)

$(sizes)
END
