#!/bin/sh
# clean.sh [FOLDER [OUT]]: cleans a folder of pictures (JPEG, PNG) into one shard. It trains a VAE (preset conv-32, pictures
# resized to 32x32) on all of them, scores them with the recipe of the README, and moves the 2 % with the highest joint score to a
# quarantine for review. Files keep their bytes. Without FOLDER it cleans pictures that draw.pl draws.
#
# VAE_STEPS (default 500: half a minute on two cores) suits a first try; use 5,000 steps for photographs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${2:-images-demo}
steps=${VAE_STEPS:-500}
top=${VAE_TOP:-2%}

for tool in vae-pack vae-train vae-stat vae-selfinf vae-rank vae-drop vae-cut; do
	command -v $tool >/dev/null || { echo "clean: $tool is not in PATH: run 'make' and add build/ to it, or 'make install'" >&2; exit 1; }
done
mkdir -p "$out"
if [ -n "${1:-}" ]; then
	folder=$1
else
	folder=$out/drawn
	echo "No folder given: drawing pictures"
	perl "$here/draw.pl" "$folder" "${VAE_PICTURES:-300}"
fi

echo "1. Packing $folder, and training on it ($steps steps)"
vae-pack "$folder" >"$out/all.tar"
vae-train -v --replace -c conv-32 --set train.steps="$steps" --set train.checkpoints=4 --curvature -o "$out/images.vae" "$out/all.tar"

echo "2. Scoring, and moving the top $top to the quarantine"
vae-stat "$out/all.tar" | vae-selfinf -v -m "$out/images.vae" -d 4 --curvature kfac --profile |
	vae-rank -q --joint both -k loss,nll,selfinf,profile_decoder.7 --unlike stat_saturation,stat_warmth,stat_tint \
		--far stat_brightness,stat_contrast,stat_bytes_per_pixel,stat_sharpness,stat_noise,stat_entropy,stat_common |
	vae-drop --top "$top" -r "$out/quarantine.tar.zst" -z >"$out/clean.tar.zst"

echo "Quarantine, highest joint score first:"
vae-rank -k joint --sort --prefix quarantine_ "$out/quarantine.tar.zst" | vae-cut -H -k source,joint,joint_tails,joint_unlike,joint_far
echo "clean:      $out/clean.tar.zst ($(vae-cut -k key "$out/clean.tar.zst" | wc -l) pictures)"
echo "quarantine: $out/quarantine.tar.zst (to view the files: tar --zstd -xf $out/quarantine.tar.zst)"
