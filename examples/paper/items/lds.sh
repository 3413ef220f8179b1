#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Which influence predicts best what training on a half of the records does? The linear datamodeling score (Park et al. 2023).
. "$VAE_PAPER/common.sh"
need_mnist
if [ -z "${VAE_SMALL:-}" ]; then records=${VAE_LDS_RECORDS:-5000} tests=100 steps=${VAE_LDS_STEPS:-1500}; fi
keep lds.tar vae-pack --limit "$records" "$VAE_MNIST"/*train-images* "$VAE_MNIST"/*train-labels*
keep lds.tests.tar vae-pack --limit "$tests" "$VAE_MNIST"/*t10k-images* "$VAE_MNIST"/*t10k-labels*
keep lds.keys vae-cut -k key lds.tar
options="-c $preset --set train.steps=$steps --set train.holdout=0 --set score.likelihood=bernoulli"
# shellcheck disable=SC2086 # options are words
vae-memo -q $options --halves "$halves" -t lds.tests.tar -o lds.memo lds.tar
models=${VAE_LDS_MODELS:-1001 1002 1003}
for seed in $models; do
	# shellcheck disable=SC2086
	[ -e lds-$seed.vae/model.yaml ] || vae-train -q --resume $options --set train.checkpoints=5 --seed $seed -o lds-$seed.vae lds.tar
	found "lds-$seed.vae"/curvature-* || vae-ckpt curvature -q -m "lds-$seed.vae" --ekfac lds.tar
done
first=${models%% *}
last=$(vae-ckpt list -m "lds-$first.vae" | awk 'END { print $1 }')

# judge NAME COMMAND...: for each model, writes NAME-SEED.lds for the matrix that the command writes to matrix.npy; NAME-mean.lds is for the mean matrix
judge()
{
	judged=$1
	shift
	matrices=
	for seed in $models; do
		[ -e "$judged-$seed.npy" ] || { "$@" -m "lds-$seed.vae" && mv matrix.npy "$judged-$seed.npy"; }
		keep "$judged-$seed.lds" vae-eval --lds "$judged-$seed.npy" --halves lds.memo
		matrices="$matrices $judged-$seed.npy"
	done
	# shellcheck disable=SC2086 # names
	"$VAE_PAPER/mean.pl" $matrices >matrix.npy
	vae-eval --lds matrix.npy --halves lds.memo >"$judged-mean.lds"
	rm matrix.npy
}
tracin() { vae-testinf -q -t lds.tests.tar --matrix matrix.npy "$@" lds.tar >/dev/null; }
near() # K -m MODEL
{
	k=$1
	shift
	vae-testinf -q -t lds.tests.tar --layers decoder -d 1 --influence near.jsonl --top 1000000 "$@" lds.tar >/dev/null
	"$VAE_PAPER/npy.pl" "$k" near.jsonl lds.keys >matrix.npy
	rm near.jsonl
}
layer=$(vae-ckpt show -m "lds-$first.vae" | grep -o 'decoder\.[0-9]*' | sort -t . -k 2n | tail -n 1)
judge last tracin
judge all tracin --checkpoints all
judge lr tracin --checkpoints all --weights lr
judge cosine tracin --normalize both
judge gaussian tracin --set score.likelihood=gaussian
judge cosines tracin --normalize both --checkpoints all
judge layer tracin --layers "$layer"
judge decoder tracin --layers decoder
judge kfac tracin --curvature kfac
judge kfac1 tracin --curvature kfac --damping 1
judge kfac01 tracin --curvature kfac --damping 0.01
judge ekfac tracin --curvature ekfac
judge inputs tracin --curvature inputs
judge knn near 10
judge knn100 near 100
judge distance near distance

row()
{
	printf '| %s |' "$2"
	for seed in $models; do
		sed 1d "$1-$seed.lds"
	done | awk -F '\t' '{ m += $1; s += $2 } END { printf " %.3f ± %.3f |", m / NR, s / NR }'
	sed 1d "$1-mean.lds" | awk -F '\t' '{ printf " %.3f ± %.3f |\n", $1, $2 }'
}
cat <<END
## LDS: which influence predicts retraining

    vae-memo $options --halves $halves -t lds.tests.tar -o lds.memo lds.tar
    vae-train $options --set train.checkpoints=5 -o lds.vae lds.tar
    vae-ckpt curvature -m lds.vae --ekfac lds.tar
    vae-testinf -m lds.vae --curvature ekfac -t lds.tests.tar --matrix matrix.npy lds.tar >scored.tar
    vae-eval --lds matrix.npy --halves lds.memo

The rank correlation of the losses of $tests test records under $halves models of random halves with the sums of influences over the halves: one model
(the mean over models of all records; their number: $(echo "$models" | wc -w)), and the mean of the matrices of these models. Errors are bootstraps over the halves.

| influence | one model | mean of the matrices |
|---|---|---|
$(row last 'VAE-TracIn, last checkpoint'
row all 'VAE-TracIn, 5 checkpoints'
row gaussian "last checkpoint, Gaussian loss in place of the trained one"
row lr 'VAE-TracIn, 5 checkpoints, weights lr'
row cosine 'last checkpoint, --normalize both (train: the same)'
row cosines "5 checkpoints, --normalize both"
row layer "last checkpoint, last layer ($layer)"
row decoder 'last checkpoint, decoder'
row kfac01 'K-FAC, damping 0.01'
row kfac 'K-FAC, damping 0.1'
row kfac1 'K-FAC, damping 1'
row ekfac 'EK-FAC, damping 0.1'
row inputs 'inputs whitened'
row knn '10 nearest in latent space'
row knn100 '100 nearest in latent space'
row distance 'negative distance in latent space')

$records records of MNIST, preset $preset, $steps steps of Adam (checkpoint $last), Bernoulli; $(date -u +%F). With a constant learning rate and even checkpoints the weights
are equal, so lr changes nothing. The norm of a test record's gradient does not change the order of its influences. Each half has its own seed, so part of the losses is chance, which no influence can predict.
The paper has no such table.
END
