#!/bin/sh
# learn.sh DIR SET...: what decisions are worth. Prints a Markdown table: the AUROC of the unsupervised joint score on the records that
# were not decided on, and how much vae-rank --learn adds to it after 20, 50 and 200 decisions, and with decisions on 1 % of the records
# (DECISIONS="20 50 200 1%"): mean of 20 draws (DRAWS) and the standard error of this mean. learn.md in this directory is such a page.
#
# DIR is that of curvature.sh, which made SET.scored there: letters, fashion-C, photos. Half of the decisions are drawn from the top of the
# unsupervised ranking (its first 1 %, or twice as many records as there are decisions, if that is more), the other half from all
# records. The decisions are right: they come from the labels, which otherwise vae-eval alone reads.
set -eu
export LC_ALL=C
[ $# -ge 2 ] || { echo "usage: learn.sh DIR SET..." >&2; exit 2; }
dir=$1
shift
for tool in vae-stat vae-rank vae-drop vae-cut vae-eval bsdtar; do
	command -v $tool >/dev/null || { echo "learn: $tool is not in PATH: run 'make' and add build/ to it, or 'make install'; bsdtar is in libarchive-tools" >&2; exit 1; }
done
cd "$dir"
draws=${DRAWS:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# decide SEED N < ranks: writes $work/decisions, and their keys to $work/keys; ranks has rank, key and 1 for an outlier, in rank order
decide()
{
	awk -F '\t' -v seed="$1" -v n="$2" -v keys="$work/keys" '
		{ key[NR] = $2; word[NR] = $3 ? "drop" : "keep" }
		function draw(upto, count,    at) {
			while (count > 0) {
				at = 1 + int(upto * rand())
				if (at in taken)
					continue
				taken[at] = 1
				print key[at] "\t" word[at]
				print key[at] >keys
				count--
			}
		}
		END {
			srand(seed)
			top = int(NR / 100)
			draw(top > 2 * n ? top : 2 * n, int(n / 2))
			draw(NR, n - int(n / 2))
		}' >"$work/decisions"
}

# area SCORE STREAM: its AUROC on the records that were not decided on
area() { vae-drop -q --keys "$work/keys" "$2" | vae-eval -q --positive "$positive" -k "$1" --json | grep -o '"auroc":[0-9.]*' | head -n 1 | cut -d: -f2; }

# areas SEED N: those of joint and of learned; the same where nothing can be learned from decisions of one kind
areas()
{
	rm -f "$work/keys"
	decide "$1" "$2" <"$work/ranks"
	joint=$(area joint "$work/ranked.tar")
	learned=$joint
	if [ "$(cut -f 2 "$work/decisions" | sort -u | wc -l)" -eq 2 ]; then
		# shellcheck disable=SC2086 # options
		vae-rank -q $recipe --learn "$work/decisions" -o "$work/learned.tar" "$work/fields.tar"
		learned=$(area learned "$work/learned.tar")
	fi
	echo "$joint $learned $(grep -c 'drop$' "$work/decisions")"
}

echo '| set | records | outliers | decisions | of them drop | joint | gain | standard error | draws that gain |'
echo '|---|---|---|---|---|---|---|---|---|'
for set in "$@"; do
	case $set in
	letters) positive='cls > 100' last=profile_decoder.4 ;;
	fashion-*) positive="cls == ${set#fashion-}" last=profile_decoder.4 ;;
	photos) positive='cls >= 1' last=profile_decoder.9 ;;
	*) echo "learn: no data set '$set': letters, fashion-0 to fashion-9, or photos" >&2; exit 2 ;;
	esac
	recipe="--replace --joint both -k loss,nll,selfinf,$last --unlike stat_saturation,stat_warmth,stat_tint
		--far stat_brightness,stat_contrast,stat_bytes_per_pixel,stat_sharpness,stat_noise,stat_entropy,stat_common"
	vae-stat -q "$set.scored" | bsdtar -cf - --include '*.cls' --include '*.vae.json' @- >"$work/fields.tar"
	# shellcheck disable=SC2086 # options
	vae-rank -q --sort $recipe "$work/fields.tar" >"$work/ranked.tar"
	vae-drop -q -i -e "$positive" "$work/ranked.tar" | vae-cut -k key >"$work/outliers"
	vae-cut -k rank,key "$work/ranked.tar" | awk -F '\t' -v OFS='\t' -v outliers="$work/outliers" 'BEGIN { while ((getline k <outliers) > 0) out[k] } $1 != "" { print $1, $2, $2 in out }' >"$work/ranks"
	records=$(wc -l <"$work/ranks")
	for n in ${DECISIONS:-20 50 200 1%}; do
		[ "$n" != 1% ] || n=$((records / 100))
		seed=1
		while [ $seed -le "$draws" ]; do
			areas $seed "$n"
			seed=$((seed + 1))
		done | awk -v head="| $set | $records | $(wc -l <"$work/outliers") | $n" '
			{ n++; joint += $1; d = $2 - $1; gain += d; square += d * d; drops += $NF; wins += d > 0 }
			END {
				gain /= n
				printf "%s | %.1f | %.3f | %+.4f | %.4f | %d of %d |\n", head, drops / n, joint / n, gain, sqrt((square / n - gain * gain) / (n > 1 ? n - 1 : 1)), wins, n
			}'
	done
done
