#!/bin/sh
# clean.sh MODEL.vae OUT SHARD...: cleans a set of shards by one ranking over all of them, and keeps the sharding:
# OUT/clean/SHARD holds the kept records, byte for byte, and OUT/quarantine/SHARD the dropped ones with scores and reason. TOP
# (default 1%) is the share that is dropped, over all shards together.
#
# Every file appears whole or not at all, and is rebuilt only when one of its sources is newer: after a kill at any moment, the same
# command continues. Scoring can be spread over machines: OUT/scored/SHARD depends on SHARD and the model alone. Keys must differ
# across the shards (vae-pack --key-prefix); otherwise the ranking stops, names the key, and nothing is cleaned.
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
		echo "clean: $shard: the name must end in .tar or .tar.zst, the formats that are written" >&2
		exit 1
		;;
	esac
done
mkdir -p "$out/scored" "$out/clean" "$out/quarantine"

# fresh TARGET SOURCE...: whether the target exists and no source is newer
fresh() {
	[ -e "$1" ] || return 1
	target=$1
	shift
	for source; do
		[ -z "$(find "$source" -newer "$target")" ] || return 1
	done
	return 0
}

# 1. Score each shard.
scored=0
for shard; do
	to=$out/scored/$(basename -- "$shard")
	fresh "$to" "$shard" "$model/model.yaml" && continue
	vae-selfinf -m "$model" --replace -o "$to" "$shard"
	scored=$((scored + 1))
done

# 2. Rank over all shards and list the keys to drop. An unchanged list keeps its time.
n=$#
while [ "$n" -gt 0 ]; do # replace each argument by its scored file
	set -- "$@" "$out/scored/$(basename -- "$1")"
	shift
	n=$((n - 1))
done
# a failure anywhere in the pipeline makes its last tool fail
vae-rank --replace "$@" | vae-drop -q -i --top "$top" | vae-cut -k key >"$out/drop.keys.new" || {
	echo "clean: the shards could not be ranked together; nothing was cleaned" >&2
	exit 1
}
if cmp -s "$out/drop.keys.new" "$out/drop.keys"; then
	rm "$out/drop.keys.new"
else
	mv "$out/drop.keys.new" "$out/drop.keys"
fi

# 3. Clean each shard by that list. An interrupted shard is cleaned again: its quarantine appears before its clean file.
cleaned=0
for from; do
	name=$(basename -- "$from")
	fresh "$out/clean/$name" "$from" "$out/drop.keys" && continue
	rm -f "$out/quarantine/$name" # vae-drop would keep records of the shard as it was before
	vae-drop -q --keys "$out/drop.keys" --strip --replace -r "$out/quarantine/$name" -o "$out/clean/$name" "$from"
	cleaned=$((cleaned + 1))
done

# 4. Check that the quarantine holds exactly the listed keys.
found=$(for from; do
	vae-cut -k key "$out/quarantine/$(basename -- "$from")"
done | sort)
[ "$found" = "$(sort "$out/drop.keys")" ] || {
	echo "clean: the quarantined records are not those of $out/drop.keys: remove $out/clean and run it again" >&2
	exit 1
}
echo "$# shards: $scored scored, $cleaned cleaned; $(wc -l <"$out/drop.keys") records are in $out/quarantine"
