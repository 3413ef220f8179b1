#!/bin/sh
# clean.sh [FOLDER [OUT [OPTION...]]]: cleans a folder of pictures with vae-clean, whose options may follow, and prints what it
# quarantined, and why. Without FOLDER it draws 300 pictures (draw.pl), among them six outliers, and quarantines the 2 % that rank highest.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-}
out=${2:-images-demo}
[ $# -lt 2 ] || shift
[ $# -lt 1 ] || shift

for tool in vae-clean vae-cut; do
	command -v $tool >/dev/null || { echo "clean: $tool is not in PATH: run 'make' and add build/ to it, or 'make install'" >&2; exit 1; }
done
if [ -z "$folder" ]; then
	folder=$out.drawn
	echo "No folder given: drawing pictures in $folder"
	perl "$here/draw.pl" "$folder" "${VAE_PICTURES:-300}"
	set -- --minutes 1 --top 2% "$@"
fi

vae-clean "$@" -o "$out" "$folder"

echo "Quarantine: file, what is damaged, rank (from 0), which question of the recipe it stands out in"
vae-cut -k source,reason,rank,joint_reason "$out/quarantine.tar.zst"
echo "clean:  $out/clean.tar.zst ($(vae-cut -k key "$out/clean.tar.zst" | wc -l) pictures; tar --zstd -xf unpacks them)"
echo "review: $out/review.html"
