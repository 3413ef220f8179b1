#!/bin/sh
# curvature.sh DIR SET...: measures self influence with and without curvature, and joint scores over its layers. Prints Markdown, the
# AUROC of each score; curvature.md in this directory is such a page. Existing files in DIR are kept, so a run can be repeated.
#
#   letters     VAE_MNIST and VAE_LETTERS, directories of IDX files: labels above 100 are outliers (preset mnist-mlp, 15,600 steps)
#   fashion-C   VAE_FASHION, a directory of IDX files: 60 records of class C among the other classes (the same preset)
#   photos      VAE_PHOTOS, a stream of pictures whose .cls is 0 for members and 1, 2, ... for kinds of outliers (preset beta-vae-h
#               with beta 1, 3,000 steps)
#
# Labels are read by vae-eval only. Scores take 4 draws; factors of the curvature come from the first 6,000 records.
set -eu
export LC_ALL=C
# shellcheck disable=SC1091
. "$(dirname "$0")/sets.sh"
[ $# -ge 2 ] || { echo "usage: curvature.sh DIR SET..." >&2; exit 2; }
dir=$1
shift
require_tools vae-pack vae-train vae-ckpt vae-selfinf vae-rank vae-eval
mkdir -p "$dir"
cd "$dir"

pack() # SET: writes SET.tar
{
	case $1 in
	letters) pack_letters ;;
	fashion-*) pack_clothes "${1#fashion-}" ;;
	photos) pack_pictures photos ;;
	*) echo "curvature: no data set '$1': letters, fashion-0 to fashion-9, or photos" >&2; exit 2 ;;
	esac
}

train() # SET: writes SET.vae
{
	case $1 in
	photos) vae-train -q --resume -c beta-vae-h --set train.beta=1 --set score.beta=1 --set train.steps=3000 --set train.checkpoints=1 -o "$1.vae" "$1.tar" ;;
	*) vae-train -q --resume -c mnist-mlp --set train.steps=15600 --set train.checkpoints=1 -o "$1.vae" "$1.tar" ;;
	esac
}

# auroc FILE KIND NAME TITLE: one row; KIND is the expression of the outliers, other outliers are left out
auroc()
{
	printf '| %s |' "$4"
	for kind in $2; do
		vae-drop -q -i -e "cls $members || cls $kind" "$1" | vae-eval --positive "cls $kind" -k "$3" |
			awk -v name="$3" '/^side by side/ { table = 1 } table && $1 == name { printf " %.3f |", $3 }'
	done
	echo
}

# joint FILE KIND FORM FIELDS TITLE
joint()
{
	vae-rank -q -k "$4" --joint "$3" --prefix joint_ "$1" >joint.tar
	auroc joint.tar "$2" joint_joint "$5"
	rm joint.tar
}

for set; do
	[ -e "$set.tar" ] || { pack "$set" >"$set.tmp" && mv "$set.tmp" "$set.tar"; }
	[ -e "$set.vae/model.yaml" ] || train "$set"
	vae-ckpt list -m "$set.vae" | grep -q kfac || vae-ckpt curvature -q -d 4 --limit 6000 -m "$set.vae" "$set.tar"
	vae-selfinf -q -d 4 -m "$set.vae" --prefix plain_ "$set.tar" | vae-selfinf -q -d 4 -m "$set.vae" --curvature kfac --profile >"$set.scored"
	case $set in
	photos)
		members='== 0' kinds='>=1 ==1 ==2 ==3 ==4 ==5 ==6 ==7' last=decoder.9
		echo "## $set"
		echo
		echo "| score | all | trucks | cut | inverted | bars | text | exchanged | noise |"
		echo "|---|---|---|---|---|---|---|---|---|"
		;;
	letters) members='<= 9' kinds='>100' last=decoder.4 ;;
	*) members="!= ${set#fashion-}" kinds="==${set#fashion-}" last=decoder.4 ;;
	esac
	[ "$set" = photos ] || printf '## %s\n\n| score | AUROC |\n|---|---|\n' "$set"
	profile=$(vae-ckpt show -m "$set.vae" | grep -oE '(encoder|decoder)\.[0-9]+\.weight' | sed 's/\.weight$//; s/^/profile_/' | sort -u | tr '\n' ,)
	auroc "$set.scored" "$kinds" loss "\`loss\`"
	auroc "$set.scored" "$kinds" recon "\`recon\`"
	auroc "$set.scored" "$kinds" nll "\`nll\`"
	auroc "$set.scored" "$kinds" plain_selfinf "self influence"
	auroc "$set.scored" "$kinds" selfinf "self influence, K-FAC"
	auroc "$set.scored" "$kinds" profile_$last "self influence of $last, K-FAC"
	joint "$set.scored" "$kinds" tails "nll,profile_$last" "\`nll\` + $last, K-FAC (upper tails)"
	joint "$set.scored" "$kinds" mahalanobis "${profile}recon,kl" "all layers, K-FAC, with \`recon\` and \`kl\` (Mahalanobis)"
	echo
done
