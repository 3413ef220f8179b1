#!/bin/sh
# stat.sh DIR SET...: damages pictures, and measures whether the statistics of vae-stat find them: AUROC of their Mahalanobis joint for each
# kind of damage, and what `vae-stat --reasons` names. Prints Markdown; stat.md in this directory is such a page. Needs python3-pil and
# python3-numpy, for making the damage only.
#
#   mnist    VAE_MNIST, a directory of IDX files: its t10k images
#   fashion  VAE_FASHION (default: that of the Debian package dataset-fashion-mnist), likewise
#   pictures VAE_PICTURES, a stream of pictures in colour
#   photos   VAE_PHOTOS, a stream of pictures; those whose .cls is above 0 are damaged already, 1 is another kind of photograph, and nothing is added
#
# Of each kind of damage VAE_DIRT pictures (default 20; alter.py lists the kinds), and all as PNG, or with VAE_QUALITY as JPEG.
set -eu
export LC_ALL=C
# shellcheck disable=SC1091
. "$(dirname "$0")/sets.sh"
[ $# -ge 2 ] || { echo "usage: stat.sh DIR SET..." >&2; exit 2; }
dir=$1
here=$(cd "$(dirname "$0")" && pwd)
quality=${VAE_QUALITY:-0} # 0: PNG
shift
require_tools vae-pack vae-stat vae-rank vae-drop vae-cut vae-eval
mkdir -p "$dir"
cd "$dir"

# auroc KIND: an expression, as in == 3
auroc()
{
	vae-drop -q -i -e "cls == 0 || cls $1" joint.tar | vae-eval --positive "cls $1" -k joint |
		awk '/^side by side/ { table = 1 } table && $1 == "joint" { printf " %.2f |", $3 }'
}

for set in "$@"; do
	case $set in
	mnist | fashion | pictures | photos) ;;
	*) echo "stat: no data set '$set': mnist, fashion, pictures or photos" >&2; exit 2 ;;
	esac
	kinds='cut inverted bars text noise'
	light=stat_bytes_per_pixel,stat_brightness,stat_contrast,stat_sharpness,stat_noise,stat_entropy,stat_common
	fields=$light
	damage='> 0'
	if [ "$set" = photos ]; then
		kinds='trucks cut inverted bars text exchanged noise'
		damage='> 1'
		fields=$light,stat_saturation,stat_warmth,stat_tint
	elif [ "$set" = pictures ]; then
		kinds='cut inverted bars text noise exchanged'
		fields=$light,stat_saturation,stat_warmth,stat_tint
	fi
	[ -e "$set.dirty.tar" ] || case $set in
	photos) pack_pictures photos >photos.dirty.tar ;;
	*) pack_pictures "$set" | "$here/alter.py" dirt "${VAE_DIRT:-20}" 1 "$quality" >"$set.dirty.tar" ;;
	esac
	vae-stat --reasons -q "$set.dirty.tar" | vae-rank -q --joint mahalanobis -k "$fields" >joint.tar
	vae-cut -q -k cls,reason joint.tar >reasons.tsv
	printf '\n## %s: %s records\n\n| |' "$set" "$(wc -l <reasons.tsv)"
	for kind in members $kinds; do printf ' %s |' "$kind"; done
	printf '\n|---|'
	for kind in members $kinds; do printf -- '---|'; done
	printf '\n| AUROC of the joint; of all damage%s |' "$(auroc "$damage" | tr -d '|')"
	printf ' |'
	i=0
	for kind in $kinds; do
		i=$((i + 1))
		auroc "== $i"
	done
	printf '\n'
	for reason in 'cut' 'barred' 'gray among colour' 'nearly uniform' 'blank'; do
		awk -F '\t' -v reason="$reason" -v last=$i '
			{ total[$1]++ } index($2, reason) { n[$1]++ }
			END { printf "| named `%s` |", reason; for (k = 0; k <= last; k++) printf " %d of %d |", n[k], total[k]; print "" }' reasons.tsv
	done
done
