#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Table 5: do influences predict what each step does to test records?
. "$VAE_PAPER/common.sh"
digits
for lr in 0.0003 0.0001 0.00003; do
	for seed in $seeds; do
		[ -e "trace-$lr-$seed.json" ] || {
			vae-train -q --replace -c "$preset" --set train.optimizer=sgd --set train.lr=$lr --set train.beta=2 --set train.steps="$trace_steps" --set train.checkpoints=1 \
				--set train.holdout=0 --seed "$seed" -t tests.tar --trace "trace-$lr-$seed.tsv" --summary trace.json.tmp -o trace.vae mnist.tar
			mv trace.json.tmp "trace-$lr-$seed.json"
		}
	done
done
# sums LR: prints the least-squares slope through 0, over all steps, of the fall of a test record's loss by its influences
sums() { cat trace-"$1"-*.tsv | awk -F '\t' '$1 != "step" { k = $2; x[k] += $5; y[k] += $4 } END { for (k in x) { xx += x[k] * x[k]; xy += x[k] * y[k] } printf "%.3f", xy / xx }'; }
cat <<END
## Table 5: how accurate the influences are

    vae-train -c $preset --set train.optimizer=sgd --set train.lr=0.0003 --set train.beta=2 --set train.steps=$trace_steps --seed \$seed \\
        -t tests.tar --trace trace-\$seed.tsv --summary trace-\$seed.json -o m.vae mnist.tar
    vae-eval --mean -k trace_influence_pearson trace-*.json

For every one of the first $trace_steps steps and every one of $tests test records: by how much the step lowered its loss, against what the
influences of the step's batch predict. Pearson's correlation and the slope over all of them; \`exact\`: with the noise that the step drew.

| learning rate | Pearson | slope | Pearson, exact | slope, exact | slope of the sums over all steps |
|---|---|---|---|---|---|
$(for lr in 0.0003 0.0001 0.00003; do
	echo "| $lr | $(mean trace_influence_pearson trace-$lr-*.json) | $(mean trace_influence_slope trace-$lr-*.json) | $(mean trace_exact_pearson trace-$lr-*.json) | $(mean trace_exact_slope trace-$lr-*.json) | $(sums $lr) |"
done)
| 0.0003, the paper: CIFAR-10, ten classes | 0.613 to 0.934, mean 0.865 | | | | |

$(sizes | sed "s/$steps steps of Adam/gradient descent/") The paper has the first 1000 steps of convolutional networks on classes of CIFAR-10. Noise and curvature keep the
correlations below 1. With the noise of the step, the first order is accurate for a small learning rate; the rest is the difference between one
draw and the mean over several.
END
