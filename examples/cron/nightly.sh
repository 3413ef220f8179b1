#!/bin/sh
# nightly.sh DIR: cleans the shards that arrived since the last run, from cron. Each shard is scored by an existing model, compared with a
# reference of trusted data by the recipe of vae-filters(7), and cleaned. No model is trained.
# nightly.sh DIR TRUSTED.tar: makes the reference DIR/ref.json once, from records that a person has inspected. The model must have a curvature
# (vae-train --curvature).
#
#   0 3 * * *   /usr/local/share/vae-filters/nightly.sh /srv/pictures
#
#   DIR/model.vae      the model                         DIR/incoming/*.tar*   new shards; move complete files here
#   DIR/ref.json       the reference                     DIR/clean/            kept records, byte for byte
#   DIR/quarantine/    dropped records, with the reason  DIR/done/             shards that have been cleaned, as they arrived
#   DIR/summary/       counts as JSON, two per shard     DIR/held/             shards that exceeded MAX_DROP: inspect them, then
#                                                                              move them back, perhaps with another MAX_DROP
#
# RULE (default: above 99.5 percent of the trusted records, or unreadable) selects the records to drop. MAX_DROP (default 5%) is the
# most that may be dropped from a shard; a larger share means that something else is wrong with the shard or the model. The script
# prints one line for each shard that lost records, one for each shard that lies far from the reference (DRIFT in vae-rank(1)), and
# nothing otherwise. Exit status: 0 success; 3 a shard is held; 1 a failure, and the shard stays in incoming/ for the next run. After a
# kill at any moment, the next run continues.
set -u
[ $# -eq 1 ] || [ $# -eq 2 ] || { echo "usage: nightly.sh DIR [TRUSTED.tar]" >&2; exit 2; }
dir=$1
rule=${RULE:-pct >= 99.5 || error}
max_drop=${MAX_DROP:-5%}

for tool in flock vae-stat vae-selfinf vae-ckpt vae-rank vae-drop; do # cron sets a short PATH
	command -v $tool >/dev/null || { echo "nightly: $tool is not in PATH ($PATH)" >&2; exit 1; }
done
score() { # FILE
	vae-stat -q --replace "$1" | vae-selfinf -q --replace -m "${2:-.}/model.vae" -d 4 --curvature kfac --profile
}
if [ $# -eq 2 ]; then # the last but one layer of the decoder that has weights
	layer=$(vae-ckpt show -m "$dir/model.vae" | sed -n 's/^# \(decoder[.][0-9]*\)[.]weight.*/\1/p' | tail -n 2 | head -n 1)
	score "$2" "$dir" | vae-rank -q --replace --joint both -k "loss,nll,selfinf,profile_$layer" --unlike stat_saturation,stat_warmth,stat_tint \
		--far stat_brightness,stat_contrast,stat_bytes_per_pixel,stat_sharpness,stat_noise,stat_entropy,stat_common --save-ref "$dir/ref.json" >/dev/null
	exit
fi
cd "$dir" || exit 1
mkdir -p clean quarantine summary 'done' held || exit 1
exec 9>.nightly.lock
flock -n 9 || { echo "nightly: $dir: the previous run is still active" >&2; exit 1; }
messages=$(mktemp) || exit 1
trap 'rm -f "$messages"' EXIT

# value NAME FILE: a number from a summary of the current shard
value()
{
	sed -n "s/.*\"$1\":\([0-9][-+.e0-9]*\).*/\1/p" "summary/$name$2"
}

worst=0
for shard in incoming/*.tar*; do
	[ -e "$shard" ] || continue # no shards
	name=$(basename "$shard")
	case $name in
	*.tar | *.tar.zst) ;;
	*)
		echo "$name: failed: the name must end in .tar or .tar.zst, the formats that are written"
		worst=1
		continue
		;;
	esac
	if [ -e "done/$name" ] || [ -e "held/$name" ]; then # it would overwrite the other shard and its results
		echo "$name: failed: a shard of this name is already in $dir/done or $dir/held: rename the new one"
		worst=1
		continue
	fi
	status=0
	{
		score "$shard" |
			vae-rank -q --ref ref.json --replace --summary "summary/$name.rank.json" |
			vae-drop -q -e "$rule" --max-drop "$max_drop" --strip --replace \
				-r "quarantine/$name" -o "clean/$name" --summary "summary/$name.json"
	} 2>"$messages" || status=$?
	case $status in
	0) # all outputs are in place, so the shard can move
		gone=$(value dropped .json)
		if [ "$gone" -eq 0 ]; then
			rm "quarantine/$name"
		else
			echo "$name: $gone of $(value records .json) records moved to $dir/quarantine/$name"
		fi
		if [ "$(value drift_far .rank.json)" -gt 0 ]; then
			echo "$name: far from the reference: Kolmogorov-Smirnov distance $(value drift_ks .rank.json), p $(value drift_p .rank.json);" \
				"share above the reference's 99.5 percent: $(value drift_above .rank.json)"
		fi
		mv "$shard" "done/$name" || worst=1
		;;
	3)
		echo "$name: held: $(sed 's/^vae-drop: //' "$messages")"
		mv "$shard" "held/$name" || worst=1
		[ "$worst" -ne 0 ] || worst=3
		;;
	*) # the tool that failed first printed the first message
		echo "$name: failed: $(head -n 1 "$messages")"
		worst=1
		;;
	esac
done
exit "$worst"
