#!/bin/sh
# demo.sh [DIR]: cleans a real data set in about two minutes on two cores. It mixes 100 ankle boots into 10,000 clothes of
# Fashion-MNIST, trains a VAE on all of them, scores every record, and moves the 2 % with the highest self influence, with curvature, to a
# quarantine. This part of vae-clean's recipe finds records of one foreign kind best; the other parts find damage, and there is none here.
# There are no other shoes among the clothes, so this is an easy case; examples/hunt/RESULTS.md has harder ones.
# The labels are read at the end only, to count the boots that were found. DIR/report.html shows the result, and in DIR/review.html a
# person decides on the suspects.
set -eu
export LC_ALL=C
out=${1:-demo}
data=${VAE_DATA:-/usr/share/datasets/fashion-mnist}
steps=${VAE_STEPS:-4000}
images=$data/train-images-idx3-ubyte.gz
labels=$data/train-labels-idx1-ubyte.gz
unseen=$data/t10k-images-idx3-ubyte.gz
unseen_labels=$data/t10k-labels-idx1-ubyte.gz

for tool in vae-pack vae-train vae-selfinf vae-testinf vae-rank vae-drop vae-eval vae-report vae-cut; do
	command -v $tool >/dev/null || { echo "demo: $tool is not in PATH: run 'make demo', or 'make install' first" >&2; exit 1; }
done
for file in "$images" "$labels" "$unseen" "$unseen_labels"; do
	[ -r "$file" ] && continue
	echo "demo: no data: cannot read $file" >&2
	echo "demo: install the Debian package dataset-fashion-mnist, or set VAE_DATA to a directory with the four IDX files" >&2
	exit 1
done
mkdir -p "$out"
cd "$out"

echo "1. Packing 10,000 clothes and 100 ankle boots"
{
	vae-pack --only 'cls <= 4 || cls == 6' --limit 10000 --key-prefix clothes/ "$images" "$labels"
	vae-pack --only 'cls == 9' --limit 100 --key-prefix boots/ "$images" "$labels"
} >mixed.tar

echo "2. Training a VAE on all of them ($steps steps)"
vae-train --replace -c mnist-mlp --set train.steps="$steps" --curvature -o clothes.vae mixed.tar

echo "3. Scoring, ranking, and moving the top 2 % to the quarantine"
vae-selfinf -m clothes.vae -d 4 --curvature kfac mixed.tar | vae-rank | tee ranked.tar |
	vae-drop --top 2% -r quarantine.tar.zst -z >clean.tar.zst
# a stage that fails leaves its output without an end, so the last stage would have failed too

echo "4. Finding the training records that speak for and against eight new pictures"
for kind in 0-tshirt 1-trousers 2-pullover 3-dress 4-coat 6-shirt; do
	vae-pack --only "cls == ${kind%%-*}" --limit 1 --key-prefix "new/${kind#*-}/" "$unseen" "$unseen_labels"
done >tests.tar
vae-pack --only 'cls == 9' --limit 2 --key-prefix new/boot/ "$unseen" "$unseen_labels" >>tests.tar # concatenated tars are one stream
# --normalize both compares directions of gradients; otherwise the few largest gradients appear beside every picture
vae-testinf -m clothes.vae -t tests.tar --normalize both --influence over.jsonl mixed.tar >/dev/null
vae-report -m clothes.vae --positive 'cls == 9' --quarantine quarantine.tar.zst --influence over.jsonl -t tests.tar \
	--title 'Ankle boots among clothes' -o report.html ranked.tar
vae-report --review -m clothes.vae --title 'Ankle boots among clothes' -o review.html ranked.tar

echo
echo "The ankle boots (label 9) in the ranking by self influence:"
vae-eval --positive 'cls == 9' ranked.tar | awk '/\(baseline\)/ { exit } /checked/ { on = 1 } on && NF'
caught=$(vae-cut -k cls quarantine.tar.zst | grep -c '^9$' || true)
echo
echo "$(vae-cut -k key quarantine.tar.zst | wc -l) records are in the quarantine; $caught of them are boots."
echo
case $out in /*) page=$out ;; *) page=$OLDPWD/$out ;; esac
echo "report:     file://$page/report.html  (open it in a browser)"
echo "review:     file://$page/review.html  (decide there what to drop; then vae-drop --keys)"
echo "clean:      $out/clean.tar.zst"
echo "quarantine: $out/quarantine.tar.zst"
echo "model:      $out/clothes.vae"
