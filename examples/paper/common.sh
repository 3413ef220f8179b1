# Functions that the items share. An item prints its part of the page, and works in VAE_DIR.
# shellcheck shell=sh disable=SC2034
item=$(basename "$0" .sh)
if [ "${VAE_SMALL:-}" ]; then
	preset=tiny records=200 tests=12 steps=120 seeds='1 2' most=12 points='4 16' halves=6 trace_steps=20 removed='2 8'
else
	preset=mnist-mlp records=${VAE_RECORDS:-60000} tests=${VAE_TESTS:-128} steps=${VAE_STEPS:-15600} seeds=${VAE_SEEDS:-1 2 3} most=90 points=${VAE_LENGTHS:-10000 100000 300000}
	halves=${VAE_HALVES:-60} trace_steps=${VAE_TRACE_STEPS:-1000} removed=${VAE_REMOVED:-4 16 64 256 1024}
fi
fashion=${VAE_FASHION:-/usr/share/datasets/fashion-mnist}

missing() { echo "paper: $item: $*" >&2; exit 3; }

# found PATTERN: whether a file matches it
found()
{
	for file in "$@"; do
		[ ! -e "$file" ] || return 0
	done
	return 1
}

need_mnist()
{
	{ found "${VAE_MNIST:-/nonexistent}"/*train-images* && found "$VAE_MNIST"/*train-labels* && found "$VAE_MNIST"/*t10k-images*; } ||
		missing 'MNIST is missing: set VAE_MNIST to a directory with train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, and the two t10k- files'
}

need_letters()
{
	{ found "${VAE_LETTERS:-/nonexistent}"/letters*images* && found "$VAE_LETTERS"/letters*labels*; } ||
		missing 'letters are missing: set VAE_LETTERS to a directory with letters-images-idx3-ubyte.gz and letters-labels-idx1-ubyte.gz, 28x28'
}

need_fashion() { found "$fashion"/train-images* || missing 'Fashion-MNIST is missing: install the package dataset-fashion-mnist, or set VAE_FASHION'; }

# keep FILE COMMAND...: unless FILE exists, writes the output of the command to it, whole or not at all
keep()
{
	kept=$1
	shift
	[ -e "$kept" ] || { "$@" >"$kept.tmp" && mv "$kept.tmp" "$kept"; }
}

# digits: makes mnist.tar, and tests.tar of the test set
digits()
{
	need_mnist
	keep mnist.tar vae-pack --key-prefix mnist/ --limit "$records" "$VAE_MNIST"/*train-images* "$VAE_MNIST"/*train-labels*
	keep tests.tar vae-pack --key-prefix test/ --limit "$tests" "$VAE_MNIST"/*t10k-images* "$VAE_MNIST"/*t10k-labels*
}

# mixed: makes mixed.tar, of mnist.tar and the letters
mixed()
{
	digits
	need_letters
	keep letters.tar vae-pack --key-prefix letters/ "$VAE_LETTERS"/letters*images* "$VAE_LETTERS"/letters*labels*
	keep mixed.tar cat mnist.tar letters.tar
}

# train NAME DATA LATENTS OPTION...: unless NAME.vae exists, trains it: the preset with LATENTS latent variables
train()
{
	name=$1 data=$2 latents=$3
	shift 3
	[ "$preset" != mnist-mlp ] || [ "$latents" = 128 ] ||
		set -- --set model.latent="$latents" --set "model.encoder=[flatten, {linear: 1024}, relu, {linear: 512}, relu, {linear: 256}, relu, {linear: $((2 * latents))}]" "$@"
	[ -e "$name.vae/model.yaml" ] || vae-train -q --resume -c "$preset" --set train.steps="$steps" --set train.holdout=0 "$@" -o "$name.vae" "$data"
}

# mean NUMBER FILE...: prints mean and standard error of a number over summaries, as in 1.234 ± 0.005
mean()
{
	number=$1
	shift
	grep -q "\"$number\":" "$@" || { printf -- '-'; return; }
	vae-eval --mean -k "$number" "$@" | awk -F '\t' 'NR == 2 { if ($4 == "") printf "%.3f", $3; else printf "%.3f ± %.3f", $3, $4 }'
}

# sizes: prints the sizes that the numbers belong to
sizes()
{
	echo "$(vae-cut -k key mnist.tar | wc -l) records of MNIST, preset $preset, $steps steps of Adam; $(date -u +%F), $(awk -F ': *' '/^model name/ { print $2; exit }' /proc/cpuinfo), $(nproc --all) processors."
}
