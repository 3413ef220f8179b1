#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Training as published, by plain gradient descent: how do tables 1 and 6 depend on the number of steps?
. "$VAE_PAPER/common.sh"
need_mnist
need_letters
digits
[ "${VAE_SMALL:-}" ] || records=60000
keep all.tar sh -c 'vae-pack --key-prefix mnist/ --limit "$0" "$1"/*train-images* "$1"/*train-labels* && vae-pack --key-prefix letters/ "$2"/letters*images* "$2"/letters*labels*' \
	"$records" "$VAE_MNIST" "$VAE_LETTERS"
if [ "${VAE_SMALL:-}" ]; then points='60 120' every=60 longest=120; else every=10000 longest=$(echo "$points" | awk '{ print $NF }'); fi
# a checkpoint of a longer training serves too
[ -e "published.vae/step-$(printf %09d "$longest").safetensors" ] || vae-train -q --resume -c "$preset" --set train.likelihood=gaussian --set train.optimizer=sgd --set train.lr=0.0001 --set train.beta=4 --set score.beta=4 \
	--set train.holdout=0 --set train.steps="$longest" --set train.checkpoints=$((longest / every)) -o published.vae all.tar
for at in $points; do
	keep "published-$at.own" vae-testinf -q -m published.vae --checkpoints "$at" --sanity "$tests" all.tar
	[ -e "published-$at.pairs" ] || {
		vae-testinf -q -m published.vae --checkpoints "$at" -t tests.tar --top $(((records + 999) / 1000)) --summary pairs.tmp all.tar >/dev/null
		mv pairs.tmp "published-$at.pairs"
	}
	keep "published-$at.json" sh -c 'vae-selfinf -q -m published.vae --checkpoints "$0" all.tar | vae-eval --json --positive "key ~ \"letters/*\"" -k selfinf,loss' "$at"
done
of() { sed 's/{"field"/\n&/g' "published-$1.json" | sed -n 's/.*"field":"'"$2"'".*"detection_auc":\([0-9.]*\).*/\1/p' | awk '{ printf "%.3f", $1; exit }'; }
median() { sed 's/{"field"/\n&/g' "published-$1.json" | sed -n 's/.*"field":"selfinf".*"median":\([0-9.]*\).*/\1/p' | awk '{ printf "%.0f", $1; exit }'; }
loss() { awk -F '[:,]' -v at="$1" '$2 + 0 <= at { l = $4; k = $8 } END { printf "%.1f | %.2f", l, k }' published.vae/train.jsonl; }
cat <<END
## Length of training, as published

    vae-train -c $preset --set train.likelihood=gaussian --set train.optimizer=sgd --set train.lr=0.0001 --set train.beta=4 --set score.beta=4 --set train.steps=$longest \\
        --set train.checkpoints=$((longest / every)) -o published.vae all.tar
    vae-testinf -m published.vae --checkpoints $longest --sanity $tests all.tar
    vae-testinf -m published.vae --checkpoints $longest -t tests.tar --top 61 --summary pairs.json all.tar >scored.tar
    vae-selfinf -m published.vae --checkpoints $longest all.tar | vae-eval --positive 'key ~ "letters/*"' -k selfinf,loss

Gradient descent with a learning rate of 0.0001, batches of 64, the Gaussian loss, beta 4, 128 latents.

| steps | loss | KL | median self influence | own strongest (table 1) | self influence finds letters (table 6) | loss finds letters | same class (figure 4): proponents | opponents |
|---|---|---|---|---|---|---|---|---|
$(for at in $points; do echo "| $at | $(loss "$at") | $(median "$at") | $(awk 'NR == 1 { print $2 }' "published-$at.own") | $(of "$at" selfinf) | $(of "$at" loss) | $(mean same_class_proponents "published-$at.pairs") | $(mean same_class_opponents "published-$at.pairs") |"; done)
| 1,500,000, paper | 52.1 | | | 1.000 | 0.887 | | 0.821 | 0.403 |

$(awk -F '[:,}]' 'NR > 1 && $2 >= s + 1000 { printf "%.0f\n", ($2 - s) / ($(NF - 1) - t) } NR == 1 || $2 >= s + 1000 { s = $2; t = $(NF - 1) }' published.vae/train.jsonl | sort -n |
	awk '{ v[NR] = $1 } END { if (NR) printf "%d steps a second is the median over the log (%d to %d); ", v[int((NR + 1) / 2)], v[1], v[NR] }')$(vae-cut -k key all.tar | wc -l) records with the letters, preset $preset; $(date -u +%F), $(awk -F ': *' '/^model name/ { print $2; exit }' /proc/cpuinfo), $(nproc --all) processors.
END
