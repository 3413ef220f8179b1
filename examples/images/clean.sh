#!/bin/sh
# clean.sh [FOLDER [OUT]]: cleans a folder of pictures (JPEG, PNG) into one shard. It trains a beta-VAE (preset beta-vae-h, pictures
# resized to 64x64) on all of them, and moves the 2 % with the highest self influence to a quarantine for review. Files keep their
# bytes. Without FOLDER it cleans pictures that draw.pl draws.
#
# VAE_STEPS (default 300: a minute or less on two cores) suits a first try; use some ten thousand steps for photographs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${2:-images-demo}
steps=${VAE_STEPS:-300}
top=${VAE_TOP:-2%}

for tool in vae-pack vae-train vae-selfinf vae-rank vae-drop vae-cut; do
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
vae-train -v --replace -c beta-vae-h --set train.steps="$steps" --set train.checkpoints=4 --set train.lr=0.001 -o "$out/images.vae" "$out/all.tar"

echo "2. Scoring, and moving the top $top to the quarantine"
vae-selfinf -v -m "$out/images.vae" --checkpoints all "$out/all.tar" | vae-rank |
	vae-drop --top "$top" -r "$out/quarantine.tar.zst" -z >"$out/clean.tar.zst"

echo "Quarantine, highest self influence first:"
vae-rank --sort --prefix quarantine_ "$out/quarantine.tar.zst" | vae-cut -H -k source,selfinf,selfinf_se,z # z: over all pictures
echo "clean:      $out/clean.tar.zst ($(vae-cut -k key "$out/clean.tar.zst" | wc -l) pictures)"
echo "quarantine: $out/quarantine.tar.zst (to view the files: tar --zstd -xf $out/quarantine.tar.zst)"
