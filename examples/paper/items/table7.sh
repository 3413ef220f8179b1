#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Table 7: is the loss on a test set lower after removing the records with the highest self influence than after removing random records?
. "$VAE_PAPER/common.sh"
mixed
first=${seeds%% *}
train "mixed-128-$first" mixed.tar 128 --set train.beta=4 --set score.beta=4 --curvature --seed "$first"
need_mnist
keep held.tar vae-pack --key-prefix held/ "$VAE_MNIST"/*t10k-images* "$VAE_MNIST"/*t10k-labels*
[ -e order.tsv ] || {
	vae-selfinf -q -m "mixed-128-$first.vae" -o order.tar mixed.tar
	vae-cut -k key,selfinf order.tar >order.tmp
	sort -t "$(printf '\t')" -k 2,2gr order.tmp >order.sorted
	rm order.tar order.tmp
	mv order.sorted order.tsv
}

# retrained NAME SEED: writes to NAME-SEED.json the loss on the test set of a model that is trained without the records in NAME.keys
retrained()
{
	[ ! -e "$1-$2.json" ] || return 0
	vae-drop -q --keys "$1.keys" mixed.tar >left.tar
	rm -rf left.vae
	train left left.tar 128 --set train.beta=4 --set score.beta=4 --set score.likelihood=bernoulli --set train.checkpoints=1 --seed "$2"
	vae-ckpt eval -q -m left.vae held.tar | vae-cut -k "loss_$steps" | awk '{ s += $1 } END { if (!NR) exit 1; printf "{\"loss\":%.9g}\n", s / NR }' >left.tmp
	mv left.tmp "$1-$2.json"
	rm -r left.vae left.tar
}
for seed in $seeds; do
	: >none.keys
	retrained none "$seed"
	for n in $removed; do
		cut -f 1 order.tsv | head -n "$n" >"top$n.keys"
		retrained "top$n" "$seed"
		# other random records for every seed
		cut -f 1 order.tsv | sort | awk -v seed="$seed" 'BEGIN { srand(seed) } { print rand() "\t" $0 }' | sort -g | head -n "$n" | cut -f 2 >"random$n.keys"
		retrained "random$n" "$seed"
	done
done
cat <<END
## Table 7: retraining without the highest self influences

    vae-drop --keys top64.keys mixed.tar >left.tar
    vae-train -c $preset --set train.beta=4 --seed \$seed -o left.vae left.tar
    vae-ckpt eval -m left.vae held.tar | vae-cut -k loss_$steps

Mean loss of the test set, which has digits alone, after training without N records: those of the highest self influence, or random ones.

| N | highest self influence | random | paper, x 1000 |
|---|---|---|---|
| 0 | $(mean loss none-*.json) | | 4.24 |
$(for n in $removed; do
	paper=$(printf '4 4.21\n8 4.18\n16 4.19\n32 4.18\n64 4.21\n128 4.17\n256 4.17\n512 4.18\n1024 4.18\n' | awk -v n="$n" '$1 == n { print $2 }')
	echo "| $n | $(mean loss top"$n"-*.json) | $(mean loss random"$n"-*.json) | $paper |"
done)

$(sizes | sed 's/;/ with letters;/') Losses are Bernoulli and in nats, the paper's are in other units: compare differences with their errors.
END
