#!/bin/sh
# duplicates.sh DIR SET...: plants copies among pictures, and counts how many `vae-density --duplicates auto` finds. Prints Markdown;
# duplicates.md in this directory is such a page. Needs python3-pil and python3-numpy, for making the copies only.
#
#   mnist    VAE_MNIST, a directory of IDX files: its t10k images
#   fashion  VAE_FASHION (default: that of the Debian package dataset-fashion-mnist), likewise
#   photos   VAE_PHOTOS, a stream of pictures
#
# VAE_COPIES of each kind (default 50; alter.py lists them), compared as pixels, as pictures of 9x9, and with VAE_STEPS (default 3000; 0: not)
# as latent means of a model trained on the set.
set -eu
export LC_ALL=C
# shellcheck disable=SC1091
. "$(dirname "$0")/sets.sh"
[ $# -ge 2 ] || { echo "usage: duplicates.sh DIR SET..." >&2; exit 2; }
dir=$1
here=$(cd "$(dirname "$0")" && pwd)
copies=${VAE_COPIES:-50}
steps=${VAE_STEPS:-3000}
kinds='bytes again smaller lighter shifted cropped'
shift
require_tools vae-pack vae-train vae-density vae-cut
mkdir -p "$dir"
cd "$dir"

# count SET TITLE OPTION...: a row. A copy is found if it is in the group of its original. A group that holds records of more than one
# original is one that was not planted.
count()
{
	set=$1
	title=$2
	shift 2
	vae-density -q --duplicates auto --summary sum.json "$@" "$set.planted.tar" >out.tar
	vae-cut -q -k key,dup_group out.tar | awk -F '\t' -v kinds="$kinds" -v title="$title" -v ratio="$(sed 's/.*"duplicate_ratio":\([0-9.]*\).*/\1/' sum.json)" '
		{
			kind = ""
			if (split($1, part, "/") > 2 && part[1] == "copies") { kind = part[2]; sub(/^copies\/[a-z]*\//, "", $1); copy[++n] = $1; of[n] = kind; group_of[n] = $2 }
			else group[$1] = $2
			if ($2 == "" ) next
			if (!($2 in original)) original[$2] = $1
			else if (original[$2] != $1) mixed[$2] = 1
		}
		END {
			for (i = 1; i <= n; i++) found[of[i]] += group_of[i] != "" && group_of[i] == group[copy[i]]
			printf "| %s | %.2f |", title, ratio
			m = split(kinds, kind_of, " ")
			for (i = 1; i <= m; i++) printf " %d |", found[kind_of[i]]
			for (g in mixed) others++
			printf " %d |\n", others
		}'
}

for set in "$@"; do
	[ -e "$set.tar" ] || pack_pictures "$set" >"$set.tar"
	[ -e "$set.planted.tar" ] || "$here/alter.py" copies "$copies" 1 <"$set.tar" >"$set.planted.tar"
	preset=mnist-mlp
	[ "$set" = photos ] && preset=beta-vae-h
	[ "$steps" = 0 ] || [ -e "$set.vae/model.yaml" ] ||
		vae-train -q -c "$preset" --set train.beta=1 --set train.steps="$steps" --set train.checkpoints=1 -o "$set.vae" "$set.tar"
	printf '\n## %s: %s records, and %s copies of each kind\n\n| compared | R |' "$set" "$(vae-cut -k key "$set.tar" | wc -l)" "$copies"
	for kind in $kinds; do printf ' %s |' "$kind"; done
	printf ' other groups |\n|---|---|'
	for kind in $kinds other; do printf -- '---|'; done
	printf '\n'
	count "$set" 'pixels'
	shape=1
	[ "$set" = photos ] && shape=3
	count "$set" '9x9' --set "input.shape=[$shape,9,9]"
	[ "$steps" = 0 ] || count "$set" 'latent means' --space latent -m "$set.vae"
done
