#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Table 6, figures 17 and 19: are letters among digits found by their self influence?
. "$VAE_PAPER/common.sh"
mixed
for latent in 64 128; do
	for seed in $seeds; do
		train "mixed-$latent-$seed" mixed.tar "$latent" --set train.beta=4 --set score.beta=4 --curvature --seed "$seed"
		m=mixed-$latent-$seed.vae
		mkdir -p "runs/$latent"
		[ -e "runs/$latent/$seed.tar.zst" ] ||
			vae-selfinf -q -m "$m" mixed.tar | vae-selfinf -q -m "$m" -d 4 --curvature kfac --prefix kfac_ -o "runs/$latent/$seed.tar.zst"
	done
done
keep runs.txt vae-eval --runs --positive 'key ~ "letters/*"' -k selfinf,kfac_selfinf,loss --svg figure17 runs/64/*.zst runs/128/*.zst
of() { awk -v set="runs/$1" -v field="$2" '$1 == set && $2 == field { printf "%.3f", $(NF - 5); if ($(NF - 4) ~ /[0-9]/) printf " ± %.3f", $(NF - 4) }' runs.txt; }
cat <<END
## Table 6, figures 17 and 19: unsupervised data cleaning

    vae-train -c $preset --set train.beta=4 --set score.beta=4 --curvature --seed \$seed -o mixed.vae mixed.tar
    vae-selfinf -m mixed.vae mixed.tar | vae-selfinf -m mixed.vae -d 4 --curvature kfac --prefix kfac_ -o runs/128/\$seed.tar.zst
    vae-eval --runs --positive 'key ~ "letters/*"' -k selfinf,kfac_selfinf,loss --svg figure17 runs/64/*.zst runs/128/*.zst

Area under the detection curve of $(vae-cut -k key letters.tar | wc -l) letters among $(vae-cut -k key mnist.tar | wc -l) digits, last checkpoint.

| latents | seeds | self influence | self influence, K-FAC | loss | paper, self influence |
|---|---|---|---|---|---|
$(for latent in 64 128; do
	[ $latent = 64 ] && paper='0.858 ± 0.003' || paper='0.887 ± 0.002'
	echo "| $latent | $(find "runs/$latent" -name '*.tar.zst' | wc -l) | $(of $latent selfinf) | $(of $latent kfac_selfinf) | $(of $latent loss) | $paper |"
done)

![Detection curves of self influence, with standard errors](figure17/detection.svg)

$(sizes) Letters are not those of EMNIST. The paper trains by gradient descent for 1.5 million steps; see "length" below for what that does.
END
