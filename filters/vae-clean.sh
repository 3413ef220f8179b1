#!/bin/sh
# shellcheck disable=SC2034,SC2154 # variables of the files that the Makefile puts in
# vae-clean: one command from a folder, shards or a table to clean records, a quarantine and a page to review.
#
# A driver over the other tools: it looks at the data, chooses a network and a number of training steps, and runs pipelines,
# each of which makes a file in OUT. A file that is there is not made again, so that a killed run goes on, and a finished one
# does nothing. --print shows the pipelines; OUT/Makefile has them too.
set -eu
export LC_ALL=C
unset CDPATH
tool=vae-clean
# driver.sh

usage() {
	cat <<'END'
usage: vae-clean [options] FOLDER | ARCHIVE.zip | SHARD ... | TABLE.csv | ARRAY.npy
Cleans a data set: names damage and copies, ranks what is unusual, and writes a page to decide on.

  -o, --output OUT           the directory to make: clean records, quarantine, page, model (required)
      --minutes M            time for the whole, of which half is for training (default 5)
      --top N|P%             also quarantine so many of the most unusual records (default 0: only damage and copies)
      --decisions FILE       decisions on records, as the page exports them; they override the rest
      --keep-sharding        write OUT/clean/SHARD for every shard, not one OUT/clean.tar.zst
      --keys-per-file        shards may have keys in common: in OUT each key begins with its shard; implies --keep-sharding
  -c, --config NAME          the network: a preset or a YAML file (default: by the data)
      --steps N              training steps (default: by --minutes)
      --label NAME|N,...     columns of TABLE.csv that are no measurements, by name or number from 1
      --print                look at the data, print the pipelines, and change nothing
  -j, --jobs N               worker threads (default: the number of processors)
  -q, --quiet                errors only
      --summary FILE         also write OUT/summary.json to FILE
  -h, --help                 print this help
  -V, --version              print the version
END
}

made='' # OUT, if this run has created it
# refuse MESSAGE: fails, and removes a directory that this run has created
refuse() {
	if [ -n "$made" ]; then
		rm -f .lock settings inputs look records.tar.zst
		(cd / && rmdir "$made" 2>/dev/null) || :
	fi
	[ -z "$1" ] || message "$1"
	exit 1
}

keep() { # FILE TEXT
	printf '%s\n' "$2" 2>/dev/null >"$1" || fail "$out/$1: cannot be written: no space, or no permission"
}

# --- the command line ---

out='' minutes=5 top=0 decisions='' sharding='' same_keys='' config='' steps='' label='' print='' jobs='' quiet='' summary=''
valued='-o --output --minutes --top --decisions -c --config --steps --label -j --jobs --summary'
flags='--keep-sharding --keys-per-file --print'
take() { # OPTION VALUE
	case $1 in
	-o | --output) out=$2 ;;
	--minutes) minutes=$2 ;;
	--top) top=$2 ;;
	--decisions) decisions=$2 ;;
	--keep-sharding) sharding=1 ;;
	--keys-per-file) same_keys=1 sharding=1 ;; # one stream cannot hold equal keys
	-c | --config) config=$2 ;;
	--steps) steps=$2 ;;
	--label) label=$2 ;;
	--print) print=1 ;;
	-j | --jobs) jobs=$2 ;;
	--summary) summary=$2 ;;
	esac
}
read_options "$@"
eval "set -- $operands"
[ $# -gt 0 ] || wrong 'a folder, shards or a table are required'
[ -n "$out" ] || wrong '-o OUT is required'
number --minutes "$minutes" '[0-9]+([.][0-9]+)?'
number --top "$top" '[0-9]+|[0-9]+([.][0-9]+)?%'
[ -z "$steps" ] || number --steps "$steps" '[1-9][0-9]{0,8}'
[ -z "$jobs" ] || number -j "$jobs" '[1-9][0-9]*'
required vae-pack vae-stat vae-train vae-ckpt vae-selfinf vae-density vae-rank vae-drop vae-cut vae-report
j=${jobs:+ -j$jobs}

# clean_inputs.sh
# clean_look.sh
# clean_plan.sh

all=$(plan)

if [ -n "$print" ]; then
	{
		echo "mkdir -p $(quote "$out") && cd $(quote "$out") || exit 1"
		printf '%s\n' "$all" | cut -f 3- | sed 's/$/ || exit 1/'
	} | output || exit 1
	exit 0
fi

# The same as a Makefile, of GNU make.
{
	echo "# Made by $tool: the pipelines that make this directory. A file that is there is not made again: remove it, or make -B."
	printf '.DELETE_ON_ERROR:\nall:'
	printf '%s\n' "$all" | cut -f 2 | sed 's/\$/$$/g; s/ /\\ /g' | tr '\n' ' ' | sed 's/^/ /; s/ $//'
	printf '\n'
	printf '%s\n' "$all" | awk -F '\t' '
		function escaped(name) { gsub(/\$/, "$$", name); gsub(/ /, "\\ ", name); return name }
		$1 != group { before = before here; here = ""; group = $1 }
		{
			here = here " " escaped($2)
			command = $0
			sub(/^[^\t]*\t[^\t]*\t/, "", command)
			gsub(/\$/, "$$", command)
			printf "\n%s: |%s\n\t%s\n", escaped($2), before, command
		}'
} 2>/dev/null >Makefile.tmp || fail "$out/Makefile: cannot be written: no space, or no permission"
mv Makefile.tmp Makefile

# What was decided by other options is decided again.
choice="top=$top shown=$shown decisions=$(cat ${decisions:+"$decisions"} </dev/null | cksum)"
if [ -e choice ] && [ "$choice" != "$(cat choice)" ]; then
	rm -f suspects.tar.zst decisions.tsv
fi
keep choice "$choice"

printf '%s\n' "$all" | while IFS=$tab read -r group file command; do
	[ ! -e "$file" ] || continue
	printf '%s\n' "$all" | awk -F '\t' -v group="$group" '$1 > group { print $2 }' | while IFS= read -r later; do rm -f "$later"; done
	say "making $file"
	sh -ec "$command" </dev/null || fail "the command that makes $out/$file failed ($tool --print shows it). What is finished is kept, and the same command goes on"
	[ -e "$file" ] || fail "the command that makes $out/$file made nothing ($tool --print shows it)"
done || exit 1

[ -z "$summary" ] || is_summary summary.json || write_summary "$(cat summary.json)"
quarantined=$(sed -n 's/.*"quarantined":\([0-9]*\).*/\1/p' summary.json)
why=$(sed 's/{"records":[0-9]*,"quarantined":[0-9]*,"steps":[0-9]*,*//; s/["}]//g; s/_/ /g; s/,/, /g' summary.json)
say "$quarantined of $records records are in $out/quarantine.tar.zst${why:+: $why}"
[ $((2 * quarantined)) -le "$records" ] || message "more than half of the records ($quarantined of $records) are in the quarantine: look at $out/review.html before you use the rest"
say "the others are in $out/clean${sharding:+/}$([ -n "$sharding" ] || echo .tar.zst), unchanged"
say "open $out/review.html to decide on suspects; give the list that it exports to --decisions"
