#!/bin/sh
# run.sh [ITEM ...]: makes the tables and figures of Kong & Chaudhuri (2021), one by one: the commands, our numbers, the paper's, and why they
# differ, as paper.md and paper.html in VAE_DIR. Without ITEM, it makes all items whose data is there. Files in VAE_DIR are kept: a run that was
# stopped continues, and more items are added to the page. To make an item again, remove ITEM.md and the files that it was made from.
#
#   VAE_DIR      the directory to work in (default: paper)
#   VAE_MNIST    the directory of MNIST's IDX files: train-images*, train-labels*, t10k-images*, t10k-labels*, plain or .gz
#   VAE_LETTERS  the directory of letters-images* and letters-labels*, 28x28 like MNIST, with labels above 100, in place of EMNIST
#   VAE_FASHION  the directory of Fashion-MNIST (default: that of the Debian package dataset-fashion-mnist)
#   VAE_RECORDS, VAE_TESTS, VAE_STEPS, VAE_SEEDS   sizes (default: 60000, 128, 15600, '1 2 3'), for a shorter run
#   VAE_SMALL    1: the tiny preset and a few hundred records, in seconds: to test that everything runs
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
all='table1 table3 table4 table5 table6 table7 table8 figure2 figure4 figure6 figure7 figure20 lds length'
for item; do
	[ -e "$here/items/$item.sh" ] || { echo "paper: no item '$item': $all" >&2; exit 2; }
done
for tool in vae-pack vae-train vae-ckpt vae-selfinf vae-testinf vae-density vae-cut vae-drop vae-eval vae-memo vae-report; do
	command -v $tool >/dev/null || { echo "paper: $tool is not in PATH: run 'make' and add build/ to it, or 'make install'" >&2; exit 1; }
done
dir=${VAE_DIR:-paper}
mkdir -p "$dir"
cd "$dir"
export VAE_PAPER="$here"

# do_item ITEM: writes ITEM.md; status 3 if data is missing
do_item()
{
	[ ! -e "$1.md" ] || return 0
	status=0
	sh -eu "$here/items/$1.sh" >"$1.md.tmp" || status=$?
	[ $status -ne 0 ] || mv "$1.md.tmp" "$1.md"
	return $status
}

if [ $# -gt 0 ]; then
	for item; do
		do_item "$item"
	done
else
	for item in $all; do
		do_item "$item" || [ $? -eq 3 ] || exit 1
	done
fi

{
	echo '# The paper, table by table'
	echo
	echo 'Printed by run.sh of examples/paper. Numbers of the paper are those of Z. Kong and K. Chaudhuri, "Understanding Instance-based'
	echo 'Interpretability of Variational Auto-Encoders", NeurIPS 2021. Errors are standard errors of the mean.'
	for item in $all; do
		[ ! -e "$item.md" ] || { echo; cat "$item.md"; }
	done
} >paper.md.tmp
mv paper.md.tmp paper.md
awk -f "$here/html.awk" paper.md >paper.html.tmp
mv paper.html.tmp paper.html
echo "$dir/paper.md $dir/paper.html"
