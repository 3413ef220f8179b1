#!/bin/sh
# clean.sh MODEL.vae OUT SHARD...: cleans a set of shards by one ranking over all of them, and keeps the
# sharding: OUT/clean/SHARD holds what stays, byte for byte, OUT/quarantine/SHARD what went, with its scores
# and why. TOP (default 1%) is how much goes, of all shards together.
#
# Every file appears whole or not at all, and is made again only when something it depends on is newer: killed at
# any moment, the same command goes on. Scoring can be spread over machines: OUT/scored/SHARD is made by
# vae-selfinf from SHARD alone. Keys must differ across the shards (vae-pack --key-prefix); if they do not, it
# stops at the ranking, says which, and cleans nothing.
set -eu
[ $# -ge 3 ] || { echo "usage: clean.sh MODEL.vae OUT SHARD..." >&2; exit 2; }
model=$1 out=$2
shift 2
top=${TOP:-1%}

for tool in vae-selfinf vae-rank vae-drop vae-cut; do
	command -v $tool >/dev/null || { echo "clean: $tool is not in PATH: run 'make' and add build/ to it, or 'make install'" >&2; exit 1; }
done
if [ -n "$(for s; do basename -- "$s"; done | sort | uniq -d)" ]; then
	echo "clean: two shards have the same name: $(for s; do basename -- "$s"; done | sort | uniq -d | head -n 1)" >&2
	exit 1
fi
for shard; do
	case $shard in
	*.tar | *.tar.zst) ;;
	*)
		echo "clean: $shard: what is written has the name of the shard, and is tar or tar.zst" >&2
		exit 1
		;;
	esac
done
mkdir -p "$out/scored" "$out/clean" "$out/quarantine"

# fresh TARGET SOURCE...: the target is there and older than none of its sources
fresh() {
	[ -e "$1" ] || return 1
	target=$1
	shift
	for source; do
		[ -z "$(find "$source" -newer "$target")" ] || return 1
	done
	return 0
}

# 1. Score each shard for itself.
scored=0
for shard; do
	to=$out/scored/$(basename -- "$shard")
	fresh "$to" "$shard" "$model/model.yaml" && continue
	vae-selfinf -m "$model" --replace -o "$to" "$shard"
	scored=$((scored + 1))
done

# 2. Rank over all of them; the list of what goes. It keeps its time where it has not changed.
n=$#
while [ "$n" -gt 0 ]; do # the arguments become their scored files
	set -- "$@" "$out/scored/$(basename -- "$1")"
	shift
	n=$((n - 1))
done
# the last one of a pipeline fails where any did
vae-rank --replace "$@" | vae-drop -q -i --top "$top" | vae-cut -k key >"$out/drop.keys.new" || {
	echo "clean: the shards could not be ranked together; nothing was cleaned" >&2
	exit 1
}
if cmp -s "$out/drop.keys.new" "$out/drop.keys"; then
	rm "$out/drop.keys.new"
else
	mv "$out/drop.keys.new" "$out/drop.keys"
fi

# 3. Clean each shard by that list. A rest of an interrupted run is made anew: rejects take their place before
# the shard that lacks them does.
cleaned=0
for from; do
	name=$(basename -- "$from")
	fresh "$out/clean/$name" "$from" "$out/drop.keys" && continue
	vae-drop -q --keys "$out/drop.keys" --strip --replace -r "$out/quarantine/$name" -o "$out/clean/$name" "$from"
	cleaned=$((cleaned + 1))
done

# 4. Is everything where it should be, once?
found=$(for from; do
	vae-cut -k key "$out/quarantine/$(basename -- "$from")"
done | sort)
[ "$found" = "$(sort "$out/drop.keys")" ] || {
	echo "clean: the quarantined records are not those of $out/drop.keys: remove $out/clean and run it again" >&2
	exit 1
}
echo "$# shards: $scored scored, $cleaned cleaned; $(wc -l <"$out/drop.keys") records are in $out/quarantine"
