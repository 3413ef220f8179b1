#!/bin/sh
# hunt.sh [DIR]: measures which score finds outliers best. It packs data sets with known outliers, trains on each with several
# settings and seeds, scores every checkpoint with every score that the tools have, and writes DIR/table.tsv (from vae-eval): one row
# for each data set, setting, seed, training length and score. Labels are used by vae-eval only, at the end.
# Existing files are kept: a run can be stopped and started again, rows can be added, and training resumes.
#
#   VAE_SETS        mnist (60,000 digits and the letters of VAE_LETTERS), fashion-C (Fashion-MNIST with 60 records of class C)
#   VAE_BETAS       train.beta (default 1)
#   VAE_LIKELIHOOD  train.likelihood (default bernoulli); other likelihoods appear behind the name of the data set
#   VAE_SEEDS       train.seed (default 1); several seeds also give one row for their joint score
#   VAE_PARTS       cut the data into this many parts; each part has its own model, which scores that part (default 1)
#   VAE_STEPS       training steps of each model (default 15600: two minutes on two cores at 130 steps a second)
#   VAE_EVERY       steps between checkpoints (default 2600)
#   VAE_AT          the steps whose checkpoints are scored (default: all checkpoints)
#   VAE_DRAWS       draws of the scores (default 4)
#   VAE_SCORE_BETA  score.beta of selfinf and loss (default: that of the training; table.tsv in this directory was made with 4)
#   VAE_MNIST, VAE_FASHION, VAE_LETTERS: directories of the IDX files
# `hunt.sh DIR pack|train|score|sums` does one step (sums: self influence summed over all checkpoints); the default is all steps.
#
# table.tsv in this directory has these runs. VAE_MNIST and VAE_LETTERS were the training set of MNIST and 1000 handwritten capitals;
# 15600, 78000 and 234000 steps take 2, 10 and 30 minutes at 130 steps a second on two cores.
#   VAE_SETS=mnist VAE_EVERY=15600, with VAE_SEEDS='1 2 3 4 5 6 7 8' VAE_STEPS=15600, VAE_SEEDS='1 2 3' VAE_STEPS=78000, and
#     VAE_SEEDS='1 2 3' VAE_STEPS=234000
#   VAE_SETS='fashion-0 ... fashion-9' VAE_SEEDS='1 2 3' VAE_STEPS=15600, 78000 and 234000
#   VAE_PARTS=4 VAE_SETS=mnist VAE_SEEDS='1 2 3 4 5' VAE_STEPS=7800 VAE_EVERY=3900; rows of several seeds from
#     VAE_SEEDS='1 2', '3 4', '1 5', '2 3', '4 5' and '1 2 3' with VAE_AT=7800, and '1 2 3' and all five with VAE_AT=3900
#   VAE_PARTS=4 VAE_SETS='fashion-0 ... fashion-9' VAE_SEEDS=3 VAE_STEPS=3900 VAE_EVERY=3900
#   VAE_SETS=mnist VAE_SEEDS=1: VAE_PARTS=2 VAE_STEPS=15600 VAE_EVERY=7800, and VAE_PARTS=8 VAE_STEPS=7800 VAE_EVERY=3900
#   VAE_LIKELIHOOD=gaussian VAE_STEPS=15600: VAE_SETS=mnist VAE_SEEDS=1 VAE_BETAS='0.02 0.1 0.2 0.5', beta 0.2 also with seeds 2 and 3
#     and seed 1 to 78000; VAE_SETS='fashion-0 ... fashion-9' VAE_BETAS=0.2 VAE_SEEDS='1 2 3'
#   some shorter runs and runs with VAE_BETAS=4
set -eu
export LC_ALL=C
# shellcheck disable=SC1091
. "$(dirname "$0")/sets.sh"
dir=${1:-hunt}
what=${2:-all}
steps=${VAE_STEPS:-15600}
every=${VAE_EVERY:-2600}
VAE_FASHION=${VAE_FASHION:-/usr/share/datasets/fashion-mnist}
sets=${VAE_SETS:-fashion-9}
seeds=${VAE_SEEDS:-1}
parts=${VAE_PARTS:-1}
betas=${VAE_BETAS:-1}
likelihood=${VAE_LIKELIHOOD:-bernoulli}
layers='encoder.1 encoder.3 encoder.5 encoder.7 decoder.0 decoder.2 decoder.4 decoder.6'

require_tools vae-pack vae-train vae-selfinf vae-density vae-rank vae-eval
mkdir -p "$dir"
cd "$dir"

# outliers SET: the expression that matches the outliers
outliers() {
	case $1 in
	mnist) echo 'cls > 100' ;;
	fashion-*) echo "cls == ${1#fashion-}" ;;
	*) echo "hunt: no data set '$1': mnist, or fashion-0 to fashion-9" >&2; exit 2 ;;
	esac
}

# pack SET: writes SET.tar with the pixel k-NN scores, which do not depend on a model
pack() {
	[ -e "$1.tar" ] && return
	{
		case $1 in
		mnist) pack_letters ;;
		*) pack_clothes "${1#fashion-}" ;;
		esac
	} | vae-density --neighbors 30 --prefix pixel_ -o "$1.tar"
}

# Names of rows, models, and the data of part N
label=''
kind=''
all_parts=''
if [ "$likelihood" != bernoulli ]; then
	label=/$likelihood
	kind=-$likelihood
fi
if [ "$parts" -gt 1 ]; then
	label=$label/$parts
	all_parts=-${parts}parts
fi
part_of() { if [ "$parts" -gt 1 ]; then echo "-part$1of$parts"; fi; }
model() { echo "$1$kind-b$2-s$3$(part_of "$4").vae"; }
data() { echo "$1$(part_of "$2").tar"; }

# split SET: part N holds records N, N + parts, N + 2 parts ...
split() {
	[ "$parts" -gt 1 ] || return 0
	for part in $(seq "$parts"); do
		[ -e "$(data "$1" "$part")" ] && continue
		vae-cut -k key "$1.tar" | awk -v n="$parts" -v part="$part" 'NR % n == part % n' >keys.tmp
		vae-drop -q -i --keys keys.tmp -o "$(data "$1" "$part")" "$1.tar"
		rm keys.tmp
	done
}

# train SET BETA SEED
train() {
	for part in $(seq "$parts"); do
		model=$(model "$1" "$2" "$3" "$part")
		[ -e "$model/model.yaml" ] && continue
		resume=
		[ -d "$model" ] && resume=--resume
		vae-train $resume -c mnist-mlp --set train.likelihood="$likelihood" --set train.beta="$2" --set score.beta="$2" --set train.seed="$3" \
			--set train.steps="$steps" --set train.checkpoints=$((steps / every)) -o "$model" "$(data "$1" "$part")"
	done
}

# rows HEAD: the last table of vae-eval as rows: score, AUC of the detection curve, AUROC, its standard error, average precision
rows() {
	awk -v head="$1" 'table { gsub(/ \(baseline\)/, ""); print head "\t" $1 "\t" $2 "\t" $3 "\t" $4 "\t" $5 } /^side by side/ { table = 1 }'
}

# append PREFIX MODEL STEP FILE [OPTION...]: the records of FILE with the scores of one checkpoint
append() {
	prefix=$1
	at=$2/step-$(printf %09d "$3").safetensors
	shift 3
	vae-selfinf -m "$at" -d "${VAE_DRAWS:-4}" ${VAE_SCORE_BETA:+--set score.beta="$VAE_SCORE_BETA"} --prefix "$prefix" "$@" |
		vae-density --space latent --neighbors 30 --prefix "${prefix}latent_" -m "$at"
}

# score SET BETA SEED STEP
score() {
	out=$1$kind-b$2-s$3$all_parts-$4.rows
	case " ${VAE_AT:-$4} " in *" $4 "*) ;; *) return ;; esac
	[ -e "$out" ] && return
	sums=
	for layer in $layers; do sums=$sums,selfinf_$layer; done
	for part in $(seq "$parts"); do
		append '' "$(model "$1" "$2" "$3" "$part")" "$4" "$(data "$1" "$part")" --parts || exit
	done >scored.all # a file, not a pipe: exit must end the script
	vae-rank -k nll,latent_knn_nll --prefix nll_latent_ scored.all |
		vae-rank -k recon,latent_knn_nll --prefix recon_latent_ |
		vae-rank -k loss,latent_knn_nll --prefix loss_latent_ |
		vae-rank -k nll,recon,latent_knn_nll --prefix nll_recon_latent_ |
		vae-rank -k nll,kl,latent_knn_nll --prefix nll_kl_latent_ |
		vae-rank -k nll,latent_knn_nll,pixel_knn_nll --prefix nll_latent_pixel_ |
		vae-rank -k recon,latent_knn_nll,pixel_knn_nll --prefix recon_latent_pixel_ |
		vae-rank -k nll,selfinf,latent_knn_nll --prefix nll_selfinf_latent_ |
		vae-rank -k nll,latent_knn_nll --joint mahalanobis --prefix mahalanobis_ |
		vae-eval --positive "$(outliers "$1")" \
			-k "selfinf$sums,recon,nll,kl,mu_norm,latent_knn_nll,pixel_knn_nll,nll_latent_joint,recon_latent_joint,loss_latent_joint,nll_recon_latent_joint,nll_kl_latent_joint,nll_latent_pixel_joint,recon_latent_pixel_joint,nll_selfinf_latent_joint,mahalanobis_joint" |
		rows "$1$label	$2	$3	$4" >"$out.tmp"
	[ -s "$out.tmp" ] || { echo "hunt: no scores of $1, seed $3, at $4" >&2; exit 1; }
	mv "$out.tmp" "$out"
	rm scored.all
}

# together SET BETA STEP: joint scores over the models of all seeds at STEP; the seed column holds 1+2
together() {
	have=
	for seed in $seeds; do
		[ -e "$(model "$1" "$2" "$seed" 1)/step-$(printf %09d "$3").safetensors" ] && have="$have $seed"
	done
	# shellcheck disable=SC2086 # seeds are words
	all=$(printf '+%s' $have)
	out=$1$kind-b$2-s${all#+}$all_parts-$3.rows
	case $have in *' '*' '*) ;; *) return ;; esac
	[ -e "$out" ] && return
	nll='' recon='' latent=''
	for part in $(seq "$parts"); do
		cp "$(data "$1" "$part")" together.tar
		for seed in $have; do
			append "s${seed}_" "$(model "$1" "$2" "$seed" "$part")" "$3" together.tar >together.next || exit
			mv together.next together.tar
		done
		cat together.tar
	done >together.all
	for seed in $have; do
		nll=$nll,s${seed}_nll recon=$recon,s${seed}_recon latent=$latent,s${seed}_latent_knn_nll
	done
	vae-rank -k "${nll#,}$latent" --prefix nll_latent_ together.all | vae-rank -k "${recon#,}$latent" --prefix recon_latent_ |
		vae-rank -k "${nll#,}$recon$latent" --prefix nll_recon_latent_ |
		vae-rank -k "${recon#,}$latent,pixel_knn_nll" --prefix recon_latent_pixel_ |
		vae-eval --positive "$(outliers "$1")" -k nll_latent_joint,recon_latent_joint,nll_recon_latent_joint,recon_latent_pixel_joint |
		rows "$1$label	$2	${all#+}	$3" | grep joint >"$out.tmp"
	mv "$out.tmp" "$out"
	rm together.tar together.all
}

# sums SET BETA SEED: self influence summed over all checkpoints
sums() {
	out=$1$kind-b$2-s$3$all_parts-sums.rows
	[ -e "$out" ] && return
	list=$(seq -s , "$every" "$every" "$steps")
	for part in $(seq "$parts"); do
		vae-selfinf -m "$(model "$1" "$2" "$3" "$part")" --checkpoints "$list" -d "${VAE_DRAWS:-4}" \
			${VAE_SCORE_BETA:+--set score.beta="$VAE_SCORE_BETA"} --prefix checkpoints_ "$(data "$1" "$part")" || exit
	done >scored.all
	vae-eval --positive "$(outliers "$1")" -k checkpoints_selfinf scored.all |
		rows "$1$label	$2	$3	$steps" | grep checkpoints_ >"$out.tmp"
	mv "$out.tmp" "$out"
	rm scored.all
}

for set in $sets; do
	outliers "$set" >/dev/null
	case $what in pack | all) pack "$set"; split "$set" ;; esac
	case $what in train | all)
		for beta in $betas; do for seed in $seeds; do train "$set" "$beta" "$seed"; done; done ;;
	esac
	case $what in score | all)
		for beta in $betas; do
			for seed in $seeds; do
				for file in "$(model "$set" "$beta" "$seed" 1)"/step-*.safetensors; do
					step=$(basename "$file" .safetensors)
					score "$set" "$beta" "$seed" "$(printf %s "${step#step-}" | sed 's,^0*,,')"
				done
			done
			for step in ${VAE_AT:-$steps}; do together "$set" "$beta" "$step"; done
		done ;;
	esac
	case $what in sums | all)
		for beta in $betas; do for seed in $seeds; do sums "$set" "$beta" "$seed"; done; done ;;
	esac
done
case $what in score | sums | all)
	{
		printf 'data\tbeta\tseed\tsteps\tscore\tdetection_auc\tauroc\tauroc_se\taverage_precision\n'
		cat ./*.rows | sort -t '	' -k1,1 -k2,2g -k3,3 -k4,4n -s
	} >table.tmp
	mv table.tmp table.tsv ;;
esac
