#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Training as published, by plain gradient descent: how do tables 1 and 6 and figure 4 depend on the number of steps, and on the loss?
. "$VAE_PAPER/common.sh"
need_letters
[ "${VAE_SMALL:-}" ] || records=${VAE_LENGTH_RECORDS:-60000}
digits
keep all.tar sh -c 'vae-pack --key-prefix mnist/ --limit "$0" "$1"/*train-images* "$1"/*train-labels* && vae-pack --key-prefix letters/ "$2"/letters*images* "$2"/letters*labels*' \
	"$records" "$VAE_MNIST" "$VAE_LETTERS"
[ -z "${VAE_SMALL:-}" ] || points='60 120'
options="-c $preset --set train.optimizer=sgd --set train.lr=0.0001 --set train.beta=4 --set score.beta=4"

# step LIKELIHOOD AT: the file of a checkpoint
step() { printf 'published-%s.vae/step-%09d.safetensors' "$1" "$2"; }

# measure LIKELIHOOD AT: makes published-LIKELIHOOD-AT.own, .pairs, .loss and .json, of one checkpoint
measure()
{
	model=published-$1.vae out=published-$1-$2
	keep "$out.own" vae-testinf -q -m "$model" --checkpoints "$2" --sanity "$tests" all.tar
	[ -e "$out.pairs" ] || {
		vae-testinf -q -m "$model" --checkpoints "$2" -t tests.tar --top $(((records + 999) / 1000)) --summary pairs.tmp all.tar >/dev/null
		mv pairs.tmp "$out.pairs"
	}
	keep "$out.loss" sh -c 'vae-ckpt eval -q -m "$0" --checkpoints "$1" tests.tar | vae-cut -k "loss_$1"' "$model" "$2"
	keep "$out.json" sh -c 'vae-selfinf -q -m "$0" --checkpoints "$1" all.tar | vae-eval --json --positive "key ~ \"letters/*\"" -k selfinf,loss' "$model" "$2"
}

# number FIELD NAME DIGITS FILE: a number of a field in what vae-eval printed
number() { sed 's/{"field"/\n&/g' "$4" | sed -n 's/.*"field":"'"$1"'".*"'"$2"'":\([0-9.e+-]*\).*/\1/p' | awk -v digits="$3" '{ printf "%.*f", digits, $1; exit }'; }

row() # LIKELIHOOD AT
{
	out=published-$1-$2
	kl=$(awk -F '[:,]' -v at="$2" '$2 + 0 <= at { k = $8 } END { printf "%.2g", k }' "published-$1.vae/train.jsonl")
	loss=$(awk '{ s += $1 } END { printf "%.1f", s / NR }' "$out.loss")
	echo "| $1 | $2 | $loss | $kl | $(number selfinf median 0 "$out.json") | $(awk 'NR == 1 { print $2 }' "$out.own") | $(number selfinf detection_auc 3 "$out.json") |" \
		"$(number loss detection_auc 3 "$out.json") | $(mean same_class_proponents "$out.pairs") | $(mean same_class_opponents "$out.pairs") | $(mean distance_all "$out.pairs") |"
}

# lengths LIKELIHOOD: prints the lengths of its training
lengths() { if [ "$1" = gaussian ]; then echo "${VAE_GAUSSIAN_LENGTHS:-$points}"; else echo "$points"; fi; }

if [ "${VAE_SMALL:-}" ]; then every=60; else every=10000; fi
for likelihood in gaussian bernoulli; do
	longest=$(lengths $likelihood | awk '{ print $NF }')
	# a checkpoint of a longer training serves too
	# shellcheck disable=SC2086 # options are words
	[ -e "$(step $likelihood "$longest")" ] || vae-train -q --resume $options --set train.likelihood=$likelihood --set train.holdout=0 --set train.steps="$longest" \
		--set train.checkpoints=$((longest / every)) -o published-$likelihood.vae all.tar
	for at in $(lengths $likelihood); do
		measure $likelihood "$at"
	done
done
cat <<END
## Length of training, as published

    vae-train $options --set train.likelihood=$likelihood \\
        --set train.steps=$longest --set train.checkpoints=$((longest / every)) -o published.vae all.tar
    vae-testinf -m published.vae --checkpoints $longest --sanity $tests all.tar
    vae-testinf -m published.vae --checkpoints $longest -t tests.tar --top $(((records + 999) / 1000)) --summary pairs.json all.tar >scored.tar
    vae-selfinf -m published.vae --checkpoints $longest all.tar | vae-eval --positive 'key ~ "letters/*"' -k selfinf,loss

Gradient descent with a learning rate of 0.0001, batches of 64, beta 4, 128 latents. Influences, and the loss of $tests test records in the third column, are those of the Gaussian loss.

| loss of the training | steps | loss | KL | median self influence | own strongest (table 1) | self influence finds letters (table 6) | loss finds letters | same class (figure 4): proponents | opponents | distance in latent space, all |
|---|---|---|---|---|---|---|---|---|---|---|
$(for likelihood in gaussian bernoulli; do for at in $(lengths $likelihood); do row $likelihood "$at"; done; done)
| paper | 1,500,000 | 52.1 | | | 1.000 | 0.887 | | 0.821 | 0.403 | 2.23 |

The paper's loss is that of its table 7, 0.00424, times 3 x 64 x 64, by which the published code divides. A Gaussian model whose latents say
nothing has the variance of the pictures as its loss, 52.8 over the test set.

$(awk -F '[:,}]' 'NR > 1 && $2 >= s + 1000 { printf "%.0f\n", ($2 - s) / ($(NF - 1) - t) } NR == 1 || $2 >= s + 1000 { s = $2; t = $(NF - 1) }' published-bernoulli.vae/train.jsonl | sort -n |
	awk '{ v[NR] = $1 } END { if (NR) printf "%d steps a second is the median over the log (%d to %d); ", v[int((NR + 1) / 2)], v[1], v[NR] }')$(vae-cut -k key all.tar | wc -l) records with the letters, preset $preset; $(date -u +%F), $(awk -F ': *' '/^model name/ { print $2; exit }' /proc/cpuinfo), $(nproc --all) processors.
END
