#!/bin/sh
# leave.sh DIR: do influences predict what leaving a record out costs? A small network is trained on 200 records, and again without each of them,
# with several seeds (Kong & Chaudhuri 2021, definition 1; equations 7 and 11). Prints Markdown; leave.md in this directory is such a page.
# Existing files in DIR are kept, so a run can be repeated.
#
# VAE_MNIST and VAE_LETTERS are directories of IDX files: 190 digits and 10 letters. VAE_STEPS (default 300) and VAE_REPEATS (10): training
# steps, and seeds.
set -eu
export LC_ALL=C
# shellcheck disable=SC1091
. "$(dirname "$0")/sets.sh"
[ $# -eq 1 ] || { echo "usage: leave.sh DIR" >&2; exit 2; }
require_tools vae-pack vae-train vae-ckpt vae-memo vae-selfinf vae-testinf vae-cut perl
steps=${VAE_STEPS:-300} repeats=${VAE_REPEATS:-10}
mkdir -p "$1"
cd "$1"

[ -e leave.tar ] || {
	{
		vae-pack --limit 190 --key-prefix members/ "$VAE_MNIST"/*train-images* "$VAE_MNIST"/*train-labels*
		vae-pack --limit 10 --key-prefix outliers/ "$VAE_LETTERS"/letters*images* "$VAE_LETTERS"/letters*labels*
	} >leave.tmp
	mv leave.tmp leave.tar
}
vae-cut -k key leave.tar >keys
# every batch has all records, so that trainings differ only by the noise of the draws and by the record left out
cat >leave.yaml <<END
input: {shape: [1, 14, 14]}
model:
  latent: 4
  encoder: [flatten, {linear: 24}, relu, {linear: 8}]
  decoder: [{linear: 24}, relu, {linear: 196}]
train: {likelihood: bernoulli, beta: 1, lr: 0.003, batch: 200, steps: $steps, checkpoints: 8, holdout: 0}
score: {likelihood: bernoulli, beta: 1, draws: 64}
END
[ -e leave.vae/model.yaml ] || vae-train -q -j1 --resume -c ./leave.yaml -o leave.vae leave.tar
vae-ckpt curvature -q -m leave.vae --checkpoints all --ekfac --targets model leave.tar
[ -e truth.tsv ] || { vae-memo -q -j1 -c ./leave.yaml --leave keys -t leave.tar --repeats "$repeats" -o leave.memo leave.tar >truth.tmp && mv truth.tmp truth.tsv; }

# influences NAME OPTION...: makes a matrix of all records over all records; its diagonal is self influence
influences()
{
	name=$1
	shift
	[ -e "$name.npy" ] || vae-testinf -q -m leave.vae -t leave.tar --matrix "$name.npy" "$@" leave.tar >/dev/null
}
influences last
influences tracin --checkpoints all --set score.weights=lr
influences kfac --curvature kfac
influences ekfac --curvature ekfac
vae-selfinf -q -m leave.vae leave.tar >scored.tmp
vae-cut -k loss scored.tmp >loss.txt
rm scored.tmp

# correlate NAME: correlates the matrix, or the loss, with the changes of the losses
correlate()
{
	perl - "$1" truth.tsv <<'END'
use strict;
my ($name, $truth) = @ARGV;
my (@change, @error, @influence);
open my $f, "<", $truth or die; # sorted by the record left out, then by the test record
while (<$f>) { my @v = split /\t/; push @change, $v[2]; push @error, $v[3] }
my $n = sqrt @change;
if ($name eq "loss") {
	open my $l, "<", "loss.txt" or die;
	my @loss = <$l>;
	@influence[map { $_ * ($n + 1) } 0 .. $n - 1] = @loss;
} else {
	open my $m, "<:raw", "$name.npy" or die;
	my $all = do { local $/; <$m> };
	@influence = unpack "f<*", substr $all, 10 + unpack "v", substr $all, 8, 2;
}
sub pearson {
	my ($x, $y) = @_;
	my ($sx, $sy, $xx, $yy, $xy, $k) = (0) x 6;
	for (0 .. $#$x) { $k++; $sx += $x->[$_]; $sy += $y->[$_]; $xx += $x->[$_] ** 2; $yy += $y->[$_] ** 2; $xy += $x->[$_] * $y->[$_] }
	return ($xy - $sx * $sy / $k) / sqrt(($xx - $sx ** 2 / $k) * ($yy - $sy ** 2 / $k));
}
sub ranks {
	my ($v) = @_;
	my @rank;
	my @order = sort { $v->[$a] <=> $v->[$b] } 0 .. $#$v;
	@rank[@order] = 0 .. $#order;
	return \@rank;
}
my @self = map { $_ * ($n + 1) } 0 .. $n - 1;
my ($x, $y) = ([@influence[@self]], [@change[@self]]);
printf " %.3f | %.3f |", pearson($x, $y), pearson(ranks($x), ranks($y));
if ($name eq "loss") { print " | |\n"; exit }
my ($p, $s) = (0, 0);
for my $t (0 .. $n - 1) { # without the test record itself
	my @pairs = map { $_ * $n + $t } grep { $_ != $t } 0 .. $n - 1;
	my ($a, $b) = ([@influence[@pairs]], [@change[@pairs]]);
	$p += pearson($a, $b) / $n;
	$s += pearson(ranks($a), ranks($b)) / $n;
}
printf " %.3f | %.3f |\n", $p, $s;
END
}

awk -F '\t' '
	$1 == $2 { n++; x += $3; xx += $3 * $3; e += $4 * $4 }
	END { printf "Of the variance of the changes of the own losses, %.0f %% is noise of the trainings, by the spread of the seeds, which no score can predict.\n\n", 100 * e / (xx - x * x / n) }' truth.tsv
printf '| influence | own loss: Pearson | Spearman | other losses: Pearson | Spearman |\n|---|---|---|---|---|\n'
for row in 'last:last checkpoint' 'tracin:checkpoints by learning rate (TracIn)' 'kfac:K-FAC, last checkpoint' 'ekfac:EK-FAC, last checkpoint' 'loss:(the loss alone)'; do
	printf '| %s |' "${row#*:}"
	correlate "${row%%:*}"
done
