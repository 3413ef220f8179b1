#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Table 8 and figure 5: do strong proponents have large norms in latent space?
. "$VAE_PAPER/common.sh"
need_fashion
for class in 0 1 2 3 4 5 6 7 8 9; do
	keep class-$class.tar vae-pack --only "cls == $class" "$fashion"/train-images* "$fashion"/train-labels*
	keep class-$class.tests.tar vae-pack --key-prefix test/ --only "cls == $class" --limit "$tests" "$fashion"/t10k-images* "$fashion"/t10k-labels*
	train class-$class class-$class.tar 128 --set train.beta=2 --set score.beta=2
	[ -e norm-$class.json ] || {
		vae-testinf -q -m class-$class.vae --checkpoints all -t class-$class.tests.tar --influence norm.tmp --top 5 --summary norm.json.tmp class-$class.tar >/dev/null
		mv norm.json.tmp norm-$class.json
	}
done
cat <<END
## Table 8: norms of proponents in latent space

    vae-testinf -m class-0.vae --checkpoints all -t class-0.tests.tar --influence over.jsonl --top 5 --summary norm-0.json class-0.tar >scored.tar

Mean norm of the latent means of the five strongest proponents and opponents of $tests test records, and of all records.

| class | proponents | opponents | all | paper, CIFAR-10 |
|---|---|---|---|---|
$(i=0; for paper in '4.73, 4.26, 4.07' '5.30, 4.54, 4.65' '4.89, 4.18, 4.09' '5.09, 4.47, 4.42' '5.06, 3.96, 4.01' '5.25, 4.33, 4.54' '4.73, 3.99, 3.95' '5.11, 4.42, 4.43' '5.10, 4.19, 4.22' '5.48, 4.62, 4.79'; do
	echo "| $i | $(mean norm_proponents norm-$i.json) | $(mean norm_opponents norm-$i.json) | $(mean norm_all norm-$i.json) | $paper |"
	i=$((i + 1))
done)

Classes are those of Fashion-MNIST, the network is $preset, $steps steps of Adam on the $(vae-cut -k key class-0.tar | wc -l) records of a class. On the paper's checkpoints of CIFAR-10 the tools give its table.
END
