#!/bin/sh
# demo.sh [DIR]: cleans a real data set. 10,000 clothes of Fashion-MNIST get 1 % ankle boots slipped in; a
# VAE is trained on all of them, and what influences it most is put aside. The labels are only used
# at the end, to say how many of the boots were caught, in a page to look at. The page also shows which records
# speak for and against a few pictures that the model has never seen. Takes about two minutes on two cores.
set -eu
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
	echo "demo: no data: $file is not there" >&2
	echo "demo: Debian has it in the package dataset-fashion-mnist; elsewhere set VAE_DATA to a folder with the four IDX files" >&2
	exit 1
done
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

echo
echo "5. Which of them speak for, and against, eight pictures that the model has never seen?"
for kind in 0-tshirt 1-trousers 2-pullover 3-dress 4-coat 6-shirt; do
	vae-pack --only "cls == ${kind%%-*}" --limit 1 --key-prefix "new/${kind#*-}/" "$unseen" "$unseen_labels"
done >tests.tar
vae-pack --only 'cls == 9' --limit 2 --key-prefix new/boot/ "$unseen" "$unseen_labels" >>tests.tar # a run of tars is one stream
# by the direction of the gradients alone (--normalize both: cosines): else the few records with the largest
# gradients stand in every row
vae-testinf -v -m clothes.vae -t tests.tar --normalize both --influence over.jsonl mixed.tar >/dev/null
vae-report -m clothes.vae --positive 'cls == 9' --quarantine quarantine.tar.zst --influence over.jsonl -t tests.tar \
	--title 'Ankle boots among clothes' -o report.html ranked.tar
echo
case $out in /*) page=$out ;; *) page=$OLDPWD/$out ;; esac
echo "LOOK AT IT:         file://$page/report.html  (any browser; the pictures at both ends, the curves, who speaks for whom, what was put aside)"
echo "clean stream:       $out/clean.tar.zst"
echo "quarantined stream: $out/quarantine.tar.zst  (look at it: tar --zstd -xf $out/quarantine.tar.zst)"
echo "model:              $out/clothes.vae"
