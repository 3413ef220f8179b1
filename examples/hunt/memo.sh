#!/bin/sh
# memo.sh DIR SET...: which cheap score predicts memorization, and does memorization, or a score by models that did not see a record, find
# outliers? Prints Markdown; memo.md in this directory is such a page. Existing files in DIR are kept, so a run can be repeated.
#
#   letters     VAE_MNIST and VAE_LETTERS, directories of IDX files: labels above 100 are outliers
#   fashion-C   VAE_FASHION, a directory of IDX files: 60 records of class C among the other classes
#   copies      VAE_MNIST: is the memorization of records that have copies lower? requires python3-numpy and
#               python3-pil
#
# VAE_MEMBERS (default 20000) is the number of ordinary records, VAE_STEPS (4000) that of training steps, of each of the 10 models and of
# one that sees all, VAE_FOLDS (10) and VAE_REPEATS (1) those of vae-memo. VAE_COURSE=yes also scores three earlier checkpoints, for the
# course of memorization over the training. Labels are read for the AUROC only.
set -eu
export LC_ALL=C
# shellcheck disable=SC1091
. "$(dirname "$0")/ranks.sh"
# shellcheck disable=SC1091
. "$(dirname "$0")/sets.sh"
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 2 ] || { echo "usage: memo.sh DIR SET..." >&2; exit 2; }
dir=$1
shift
require_tools vae-pack vae-train vae-ckpt vae-memo vae-selfinf vae-density vae-cut vae-drop vae-eval
members=${VAE_MEMBERS:-20000} steps=${VAE_STEPS:-4000} repeats=${VAE_REPEATS:-1} folds=${VAE_FOLDS:-10} course=${VAE_COURSE:+--checkpoints all}
mkdir -p "$dir"
cd "$dir"

pack() # SET: writes SET.tar
{
	case $1 in
	letters) pack_letters --limit "$members" ;;
	fashion-*) pack_clothes "${1#fashion-}" --limit "$members" ;;
	without) vae-pack --limit "$members" --key-prefix members/ "$VAE_MNIST"/*train-images* "$VAE_MNIST"/*train-labels* ;;
	*) echo "memo: no data set '$1': letters, copies, or fashion-0 to fashion-9" >&2; exit 2 ;;
	esac
}

# copies: measures the memorization of the same records in a stream without and in a stream with copies. The latter has four copies each of at most
# 150 records, a twentieth of all, and four copies, shifted by a pixel, of as many others. Both trainings make as many passes over the records.
copies()
{
	[ -e without.tar ] || { pack without >without.tmp && mv without.tmp without.tar; }
	[ -e copies.tar ] || {
		vae-cut -k key without.tar | awk 'NR % 10 == 1' | head -n 300 >keys
		awk 'NR % 2' keys >same.keys
		awk '!(NR % 2)' keys >shifted.keys
		vae-drop -q -i --keys same.keys -o same.tar without.tar
		vae-drop -q -i --keys shifted.keys without.tar | /usr/bin/python3 "$here/alter.py" copies "$(wc -l <shifted.keys)" 1 | vae-drop -q -i -e 'key ~ "copies/shifted/*"' >shifted.tar
		for i in 1 2 3 4; do
			vae-drop -q -e 'key == "none"' --key-prefix "copies/$i/bytes/" same.tar >"same$i.tar"
			vae-drop -q -e 'key == "none"' --key-prefix "copies/$i/" shifted.tar >"shifted$i.tar"
		done
		vae-drop -q -e 'key == "none"' -o copies.tar without.tar same[1-4].tar shifted[1-4].tar
		rm keys same.keys shifted.keys same*.tar shifted*.tar
	}
	for stream in without copies; do
		records=$(vae-cut -k key $stream.tar | wc -l)
		[ -e $stream.memo.tar ] || {
			vae-memo -q -c mnist-mlp --set input.binarize=threshold --set train.steps=$((steps * records / members)) --folds "$folds" -d 64 -o $stream.memo $stream.tar >memo.tmp
			mv memo.tmp $stream.memo.tar
		}
		logs $stream >mean_logs
		vae-cut -k key,memo $stream.memo.tar | paste - mean_logs >$stream.tsv
	done
	printf '## copies\n\n| four copies of the record | records | M without them | with them | difference of mean logs without | with |\n|---|---|---|---|---|---|\n'
	awk -F '\t' '
		NR == FNR { before[$1] = $2 "\t" $3; next }
		!/^copies\// { after[$1] = $2 "\t" $3; next }
		{ of = $1; sub(/.*members/, "members", of); kind[of] = $1 ~ /shifted/ ? "shifted" : "same" }
		END { for (key in before) print (key in kind ? kind[key] : "none") "\t" before[key] "\t" after[key] }' without.tsv copies.tsv |
		awk -F '\t' '
		{ n[$1]++; for (c = 2; c <= 5; c++) { x[$1, c] += $c; xx[$1, c] += $c * $c } }
		function cell(k, c,    mean) { mean = x[k, c] / n[k]; return sprintf("%.1f (%.1f)", mean, sqrt((xx[k, c] / n[k] - mean * mean) / n[k])) }
		function line(k, name) { printf "| %s | %d | %s | %s | %s | %s |\n", name, n[k], cell(k, 2), cell(k, 4), cell(k, 3), cell(k, 5) }
		END { line("same", "the same bytes"); line("shifted", "shifted by a pixel"); line("none", "(none)") }'
	printf '\nMeans and their standard errors.\n\n'
	rm mean_logs
}

# logs SET: prints, for one repeat and in the order of the stream, the mean of log p(x) over the models that saw a record, minus log p(x) of the model
# that did not. M uses means of probabilities instead, which the most probable of nine models dominates.
logs()
{
	vae-cut -k fold "$1.memo.tar" | perl -e '
		my @logp;
		for my $file (@ARGV) {
			open my $f, "<:raw", $file or die "$file: $!";
			my $all = do { local $/; <$f> };
			my ($rows, $columns) = $all =~ /^vae-memo 1 \w+ \d+ (\d+) (\d+)/ or die $file;
			my @v = unpack "d<*", substr $all, 128;
			my $last = $columns > 2 ? $columns - 6 : 0; # log p(x) of the last checkpoint, its error, and four out-of-fold scores, if any
			push @logp, [map { $v[$_ * $columns + $last] } 0 .. $rows - 1];
		}
		my $row = 0;
		while (<STDIN>) {
			chomp;
			if ($_ eq "") { print "\n"; next }
			my $in = 0;
			for my $k (0 .. $#logp) { $in += $logp[$k][$row] / $#logp if $k != $_ }
			printf "%.6f\n", $in - $logp[$_][$row++];
		}' "$1".memo/model-*.numbers
}

# spearman FILE FIELD NUMBERS: prints the rank correlation of a field with NUMBERS, a file with a line for each record
spearman()
{
	vae-cut -k "$2" "$1" | paste "$3" - | awk -F '\t' '$1 != "" && $2 != ""' >pair
	cut -f 1 pair | ranks >one
	cut -f 2 pair | ranks >two
	printf ' %s |' "$(correlate_ranks one two)"
	rm pair one two
}

for set; do
	case $set in
	copies)
		copies
		continue
		;;
	letters) outlier='cls > 100' ;;
	*) outlier="cls == ${set#fashion-}" ;;
	esac
	[ -e "$set.tar" ] || { pack "$set" >"$set.tmp" && mv "$set.tmp" "$set.tar"; }
	options="-c mnist-mlp --set input.binarize=threshold --set train.steps=$steps --set train.checkpoints=4"
	# shellcheck disable=SC2086 # options are words
	[ -e "$set.vae/model.yaml" ] || vae-train -q --resume $options --curvature -o "$set.vae" "$set.tar"
	# shellcheck disable=SC2086
	[ -e "$set.memo.tar" ] || {
		start=$(date +%s)
		vae-memo -q $options --folds "$folds" --repeats "$repeats" -d 64 $course --out-scores -o "$set.memo" "$set.tar" >memo.tmp
		mv memo.tmp "$set.memo.tar"
		echo $(($(date +%s) - start)) >"$set.seconds"
	}
	[ -e "$set.scored.tar" ] || {
		vae-selfinf -q -m "$set.vae" --checkpoints all --weights lr --prefix tracin_ "$set.memo.tar" |
			vae-selfinf -q -m "$set.vae" -d 4 --curvature kfac --prefix kfac_ | vae-selfinf -q --replace -m "$set.vae" |
			vae-ckpt eval -q -m "$set.vae" -d 2 --input-curvature 4 --prefix at_ | vae-density -q --space latent -m "$set.vae" --prefix latent_ | vae-density -q --prefix pixel_ >scored.tmp && mv scored.tmp "$set.scored.tar"
	}
	printf '## %s\n\n' "$set"
	[ ! -e "$set.seconds" ] || printf 'vae-memo took %d s.\n\n' "$(cat "$set.seconds")"
	vae-cut -k memo "$set.scored.tar" >m
	if [ "$repeats" -gt 1 ]; then
		printf '| score | Spearman with M | AUROC |\n|---|---|---|\n'
	else
		printf '| score | Spearman with M | with the difference of mean logs | AUROC |\n|---|---|---|---|\n'
		logs "$set" >mean_logs
	fi
	for row in 'memo:memorization M' 'logp_in:log p(x), models that saw it (U)' 'logp_out:log p(x), models that did not (V)' 'out_loss:loss, out of fold' \
		'out_selfinf:self influence, out of fold' 'loss:loss' 'recon:recon' 'kl:kl' 'selfinf:self influence, last checkpoint' 'tracin_selfinf:self influence, checkpoints by learning rate' \
		'kfac_selfinf:self influence, K-FAC' 'at_input_curvature:loss curvature in the input' 'latent_knn_nll:k-NN of codes' 'pixel_knn_nll:k-NN of pixels'; do
		field=${row%%:*}
		printf '| %s |' "${row#*:}"
		spearman "$set.scored.tar" "$field" m
		[ "$repeats" -gt 1 ] || spearman "$set.scored.tar" "$field" mean_logs
		vae-eval --positive "$outlier" -k "$field" "$set.scored.tar" | awk -v name="$field" '/^side by side/ { table = 1 } table && $1 == name { printf " %.3f |\n", $3; exit }'
	done
	rm -f m mean_logs
	echo
	[ -n "$course" ] || continue
	printf 'Quantiles of M (.5, .95, .999): ordinary records, outliers; by steps of training:\n\n| steps | ordinary | outliers |\n|---|---|---|\n'
	for i in 1 2 3 4; do
		at=$((steps * i / 4))
		printf '| %d |' $at
		for of in "!($outlier)" "$outlier"; do
			vae-drop -q -i -e "$of" "$set.memo.tar" | vae-cut -k "memo_$at" | sort -g | awk '{ v[NR] = $1 } END { printf " %.1f, %.1f, %.1f |", v[int(NR * .5) + 1], v[int(NR * .95) + 1], v[int(NR * .999) + 1] }'
		done
		echo
	done
	echo
done
