#!/bin/sh
# demo.sh [DIR]: cleans a real data set. 10,000 clothes of Fashion-MNIST get 1 % ankle boots slipped in; a
# VAE is trained on all of them, and what influences it most is put aside. The labels are only used
# at the end, to say how many of the boots were caught, in a page to look at. Takes about two minutes on two cores.
set -eu
out=${1:-demo}
data=${VAE_DATA:-/usr/share/datasets/fashion-mnist}
steps=${VAE_STEPS:-4000}
images=$data/train-images-idx3-ubyte.gz
labels=$data/train-labels-idx1-ubyte.gz

for tool in vae-pack vae-train vae-selfinf vae-rank vae-drop vae-eval vae-report vae-cut; do
	command -v $tool >/dev/null || { echo "demo: $tool is not in PATH: run 'make demo', or 'make install' first" >&2; exit 1; }
done
[ -r "$images" ] || {
	echo "demo: no data: $images is not there" >&2
	echo "demo: Debian has it in the package dataset-fashion-mnist; elsewhere set VAE_DATA to a folder with the four IDX files" >&2
	exit 1
}
mkdir -p "$out"
cd "$out"

echo "1. Packing 10,000 clothes, and 100 ankle boots as strangers"
{
	vae-pack --only 'cls <= 4 || cls == 6' --limit 10000 --key-prefix clothes/ "$images" "$labels"
	vae-pack --only 'cls == 9' --limit 100 --key-prefix boots/ "$images" "$labels"
} >mixed.tar

echo "2. Training a VAE on all of them, boots included ($steps steps)"
vae-train -v --replace -c mnist-mlp --set train.steps="$steps" -o clothes.vae mixed.tar

echo "3. Scoring, ranking, and putting the top 2 % aside"
vae-selfinf -v -m clothes.vae --checkpoints all mixed.tar | vae-rank | tee ranked.tar |
	vae-drop --top 2% -r quarantine.tar.zst -z >clean.tar.zst
# a pipeline's status is its last command's; a cut stream never gets that far: the last one would have failed

echo "4. Where did the boots (label 9) come in the ranking?"
echo
vae-eval --positive 'cls == 9' ranked.tar
echo
caught=$(vae-cut -k cls quarantine.tar.zst | grep -c '^9$' || true)
echo "Quarantined: $(vae-cut -k key quarantine.tar.zst | wc -l) records, $caught of the 100 boots among them."
echo "The ten that influence the model most:"
vae-rank --sort --replace quarantine.tar.zst | vae-cut -H -k key,selfinf,z | head -n 11
vae-report -m clothes.vae --positive 'cls == 9' --quarantine quarantine.tar.zst \
	--title 'Ankle boots among clothes' -o report.html ranked.tar
echo
case $out in /*) page=$out ;; *) page=$OLDPWD/$out ;; esac
echo "LOOK AT IT:         file://$page/report.html  (any browser; the pictures at both ends, the curves, what was put aside)"
echo "clean stream:       $out/clean.tar.zst"
echo "quarantined stream: $out/quarantine.tar.zst  (look at it: tar --zstd -xf $out/quarantine.tar.zst)"
echo "model:              $out/clothes.vae"
