#!/bin/sh
# stop.sh DIR SET...: should a training stop where the held-out loss is lowest? Prints Markdown; stop.md in this directory is such a page.
#
# SET is a data set of map.sh, in DIR/SET.tar as map.sh packs it. It uses the first VAE_MEMBERS (default 5,000) members and at most 100
# outliers, because a model overfits small sets first. A twentieth of the records is held out. The recipe of vae-filters(7) is measured after
# the steps of VAE_AT, and at the lowest held-out loss, which is computed every VAE_EVERY steps up to VAE_STEPS. DIR keeps models and rows: a
# run can be stopped and repeated. Only vae-eval reads labels.
set -eu
export LC_ALL=C
# shellcheck disable=SC1091
. "$(dirname "$0")/sets.sh"
[ $# -ge 2 ] || { echo "usage: stop.sh DIR SET..." >&2; exit 2; }
members=${VAE_MEMBERS:-5000}
cd "$1"
shift
require_tools vae-train vae-ckpt vae-stat vae-selfinf vae-rank vae-drop vae-cut vae-eval

for set; do
	layer=decoder.4 preset=mnist-mlp
	steps=${VAE_STEPS:-15600} every=${VAE_EVERY:-300} at=${VAE_AT:-600 1200 1800 2400 3600 4800 7800 15600}
	case $set in
	letters) outlier='cls > 100' member='cls <= 9' ;;
	fashion-*) outlier="cls == ${set#fashion-}" member="cls != ${set#fashion-}" ;;
	photos) outlier='cls > 1' member='cls == 0' layer=decoder.7 preset=conv-32 steps=${VAE_STEPS:-6000} at=${VAE_AT:-600 1200 1800 2400 3600 4800 6000} ;;
	*) echo "stop: no data set '$set': letters, fashion-0 to fashion-9 or photos" >&2; exit 2 ;;
	esac
	[ -r "$set.tar" ] || { echo "stop: $set.tar is not in $PWD: map.sh packs it" >&2; exit 1; }
	name=$set-$members
	if [ ! -e "$name.tar" ]; then
		vae-drop -q -i -e "$outlier" "$set.tar" | vae-cut -q -k key | head -n 100 >keys.$$
		vae-drop -q -i -e "$member" "$set.tar" | vae-cut -q -k key | head -n "$members" >>keys.$$
		vae-drop -q -i --keys keys.$$ -o "$name.tar" "$set.tar"
		rm keys.$$
	fi
	vae-train -q ${VAE_JOBS:+-j "$VAE_JOBS"} --resume -c $preset --set train.holdout=0.05 --set train.steps="$steps" --set train.checkpoints=$((steps / every)) -o "$name.vae" "$name.tar"
	lowest=$(sed -n 's/.*"step":\([0-9]*\),.*"holdout_loss":\([-0-9.e+]*\),.*/\2 \1/p' "$name.vae/train.jsonl" | sort -g | head -n 1)
	[ -e "$name.stat" ] || { vae-stat -q -o stat.$$ "$name.tar" && mv stat.$$ "$name.stat"; }
	for step in $at ${lowest#* }; do
		rows=$name.$step.rows
		[ ! -e "$rows" ] || continue
		[ -e "$(printf '%s/curvature-%09d.safetensors' "$name.vae" "$step")" ] ||
			vae-ckpt curvature -q ${VAE_JOBS:+-j "$VAE_JOBS"} -d 4 --limit 6000 --checkpoints "$step" -m "$name.vae" "$name.tar"
		vae-selfinf -q ${VAE_JOBS:+-j "$VAE_JOBS"} -d 4 -m "$name.vae" --checkpoints "$step" --curvature kfac --profile "$name.stat" |
			vae-rank -q --joint both -k "loss,nll,selfinf,profile_$layer" --unlike stat_saturation,stat_warmth,stat_tint \
				--far stat_brightness,stat_contrast,stat_bytes_per_pixel,stat_sharpness,stat_noise,stat_entropy,stat_common |
			vae-eval -q --positive "$outlier" -k loss,selfinf,joint_tails,joint |
			awk -v head="$name	$step" '/^side by side/ { on = 1; next } on && NF >= 5 && $(NF - 2) ~ /^[0-9.]+$/ { print head "\t" $1 "\t" $(NF - 2) }' >rows.$$
		[ -s rows.$$ ] || { echo "stop: no scores of $name after $step steps" >&2; exit 1; }
		mv rows.$$ "$rows"
	done
	sed -n "s/.*\"step\":\([0-9]*\),.*\"holdout_loss\":\([-0-9.e+]*\),.*/$name	\1	holdout	\2/p" "$name.vae/train.jsonl" >"$name.holdout"
done

# A row for each set and number of steps; the lowest held-out loss is marked.
cat ./*.holdout ./*.rows | awk -F '\t' '
$3 == "holdout" { loss[$1, $2] = $4; if (!($1 in low) || $4 + 0 < loss[$1, low[$1]] + 0) low[$1] = $2; next }
{ value[$1, $2, $3] = $4; row[$1 "\t" $2] }
END {
	print "| set | steps | held-out loss | `loss` | `selfinf` | `joint_tails` | `joint` |\n|---|---|---|---|---|---|---|"
	for (r in row) {
		split(r, part, "\t"); s = part[1]; n = part[2]
		printf "| %s | %d%s | %.2f | %.3f | %.3f | %.3f | %.3f |\n", s, n, n == low[s] ? " lowest" : "", loss[s, n], value[s, n, "loss"], value[s, n, "selfinf"], value[s, n, "joint_tails"], value[s, n, "joint"] | "sort -t \"|\" -k 2,2 -k 3,3n"
	}
	close("sort -t \"|\" -k 2,2 -k 3,3n")
}'
