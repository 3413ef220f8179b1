#!/bin/sh
# nightly.sh DIR: what cron runs over the shards that came in since yesterday. Each is scored by a model, compared
# with a reference of trusted data, and cleaned; nothing of it is trained anew.
#
#   0 3 * * *   /usr/local/share/vae-filters/nightly.sh /srv/pictures
#
#   DIR/model.vae      the model                       DIR/incoming/*.tar*   new shards, moved here when they are whole
#   DIR/ref.json       the reference                   DIR/clean/            what stays, byte for byte as it came
#   DIR/quarantine/    what went, with scores and why  DIR/done/             shards as they came in, cleaned
#   DIR/summary/       counts, JSON, one a shard       DIR/held/             shards the guard stopped: look, then move
#                                                                            them back, with another MAX_DROP perhaps
#
# The reference is made once, with the model, from data that somebody has looked at:
#
#   vae-selfinf -m model.vae trusted.tar | vae-rank --save-ref ref.json >/dev/null
#
# RULE (default: above 99.5 percent of the trusted records, or unreadable) is what goes, MAX_DROP (default 5%) how much
# of a shard may; more means that something else is wrong, with the shard or with the model. Silent when nothing was
# put aside, else one line a shard, so that cron's mail is worth reading. Exit status: 0 well, 3 a shard is held, 1
# something failed; it then stays in incoming/ and comes again tomorrow. Killed at any moment, the next run goes on.
set -u
[ $# -eq 1 ] || { echo "usage: nightly.sh DIR" >&2; exit 2; }
dir=$1
rule=${RULE:-pct >= 99.5 || error}
max_drop=${MAX_DROP:-5%}

for tool in flock vae-selfinf vae-rank vae-drop; do # cron's PATH is short
	command -v $tool >/dev/null || { echo "nightly: $tool is not in PATH ($PATH)" >&2; exit 1; }
done
cd "$dir" || exit 1
mkdir -p clean quarantine summary 'done' held || exit 1
exec 9>.nightly.lock
flock -n 9 || { echo "nightly: $dir: the run before is not over" >&2; exit 1; }
messages=$(mktemp) || exit 1
trap 'rm -f "$messages"' EXIT

# count NAME: a number of the summary of the shard at hand
count()
{
	sed -n "s/.*\"$1\":\([0-9][0-9]*\).*/\1/p" "summary/$name.json"
}

worst=0
for shard in incoming/*.tar*; do
	[ -e "$shard" ] || continue # none
	name=$(basename "$shard")
	case $name in
	*.tar | *.tar.zst) ;;
	*)
		echo "$name: failed: what it leaves would be no $name: tar or tar.zst are written"
		worst=1
		continue
		;;
	esac
	if [ -e "done/$name" ] || [ -e "held/$name" ]; then # it would take the place of the other, and of what that left
		echo "$name: failed: a shard of this name is in $dir/done or $dir/held: give the new one another"
		worst=1
		continue
	fi
	status=0
	{
		vae-selfinf -q -m model.vae --replace "$shard" |
			vae-rank -q -k selfinf --ref ref.json --replace |
			vae-drop -q -e "$rule" --max-drop "$max_drop" --strip --replace \
				-r "quarantine/$name" -o "clean/$name" --summary "summary/$name.json"
	} 2>"$messages" || status=$?
	case $status in
	0) # the files are in place: only now the shard goes
		gone=$(count dropped)
		if [ "$gone" -eq 0 ]; then
			rm "quarantine/$name"
		else
			echo "$name: $gone of $(count records) records put aside in $dir/quarantine/$name"
		fi
		mv "$shard" "done/$name" || worst=1
		;;
	3)
		echo "$name: held: $(sed 's/^vae-drop: //' "$messages")"
		mv "$shard" "held/$name" || worst=1
		[ "$worst" -ne 0 ] || worst=3
		;;
	*) # the first message is that of the tool that failed first
		echo "$name: failed: $(head -n 1 "$messages")"
		worst=1
		;;
	esac
done
exit "$worst"
