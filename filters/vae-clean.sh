#!/bin/sh
# shellcheck disable=SC2154 # tab is set in driver.sh
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

made='' # the directory, if this run has made it
# refuse MESSAGE: as fail, and nothing stays of a directory that this run has made
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
left=$# # arguments that are not yet looked at; inputs go to the end of the list
while [ "$left" -gt 0 ]; do
	option=$1 value=''
	shift
	left=$((left - 1))
	case $option in
	--?*=*) value=${option#*=} option=${option%%=*} ;;
	-[ocj]?*) value=${option#??} option=${option%"$value"} ;;
	-o | -c | -j | --output | --minutes | --top | --decisions | --config | --steps | --label | --jobs | --summary)
		[ "$left" -gt 0 ] || wrong "option '$option' takes an argument"
		value=$1
		shift
		left=$((left - 1))
		;;
	esac
	case $option in
	--keep-sharding | --keys-per-file | --print | --quiet | --help | --version) [ -z "$value" ] || wrong "option '$option' takes no argument" ;;
	esac
	case $option in
	-o | --output) out=$value ;;
	--minutes) minutes=$value ;;
	--top) top=$value ;;
	--decisions) decisions=$value ;;
	--keep-sharding) sharding=1 ;;
	--keys-per-file) same_keys=1 sharding=1 ;; # one stream cannot hold equal keys
	-c | --config) config=$value ;;
	--steps) steps=$value ;;
	--label) label=$value ;;
	--print) print=1 ;;
	-j | --jobs) jobs=$value ;;
	-q | --quiet) quiet=1 ;;
	--summary) summary=$value ;;
	-h | --help)
		usage | output || exit 1
		exit 0
		;;
	-V | --version)
		print_version
		exit 0
		;;
	--)
		while [ "$left" -gt 0 ]; do
			set -- "$@" "$1"
			shift
			left=$((left - 1))
		done
		;;
	-?*) wrong "unknown option '$option'" ;;
	*) set -- "$@" "$option" ;;
	esac
done
[ $# -gt 0 ] || wrong 'a folder, shards or a table are required'
[ -n "$out" ] || wrong '-o OUT is required'
number --minutes "$minutes" '[0-9]+([.][0-9]+)?'
number --top "$top" '[0-9]+|[0-9]+([.][0-9]+)?%'
[ -z "$steps" ] || number --steps "$steps" '[1-9][0-9]{0,8}'
[ -z "$jobs" ] || number -j "$jobs" '[1-9][0-9]*'
required vae-pack vae-stat vae-train vae-ckpt vae-selfinf vae-density vae-rank vae-drop vae-cut vae-report
j=${jobs:+ -j$jobs}

# --- what the inputs are ---

# The plan has a line for each file.
for text in "$@" "$config" "$decisions" "$label"; do
	case $text in *"
"* | *"$tab"*) fail "'$text' has a newline or a tab: rename it" ;; esac
done

kind=''
for input; do
	case $input in
	*.csv | *.csv.gz | *.tsv | *.tsv.gz) is=table ;;
	*.npy | *.npy.gz) is=array ;;
	*.zip | *.7z | *.rar) is=archive ;;
	*.idx | *.idx.gz | *-ubyte | *-ubyte.gz) is=idx ;;
	*) is=shards ;;
	esac
	if [ -d "$input" ]; then
		is=folder
	elif [ ! -r "$input" ]; then
		fail "$input: cannot be read: no such file, or no permission"
	fi
	[ "${kind:-$is}" = $is ] || fail "$input is a ${is%s}, and the inputs before it are a ${kind%s}: clean them one at a time"
	kind=$is
done
case $kind in
folder | archive | table) [ $# -eq 1 ] || fail "$# inputs of kind $kind: clean them one at a time" ;;
array | idx) [ $# -le 2 ] || fail "$# inputs: expected one of $kind, and its labels" ;;
esac
[ -z "$label" ] || [ $kind = table ] || wrong '--label is for TABLE.csv'
[ -z "$sharding" ] || [ $kind = shards ] || wrong "$([ -n "$same_keys" ] && echo --keys-per-file || echo --keep-sharding) is for shards"
[ -z "$decisions" ] || { [ -r "$decisions" ] && [ ! -d "$decisions" ]; } || fail "--decisions: $decisions cannot be read"
# Other lists are not decisions. The first of equal words in a list is lost, so that a word must be right.
[ -z "$decisions" ] || line=$(tr -d '\r' <"$decisions" | awk -F '\t' '$0 != "" && !(NR == 1 && $2 == "decision") && tolower($2) !~ /^(keep|drop|unsure)$/ { print NR; exit 1 }') ||
	fail "$decisions: line $line: expected a key, a tab, and keep, drop or unsure"
# Two shards of one name would be one file, or begin keys alike.
shard_names() { for input; do printf '%s\n' "$input" | sed 's|.*/||; s/[.]\(gz\|xz\|lz4\|bz2\)$//; s/[.]t\(gz\|xz\|bz2\|zst\)$/.tar/'; done; }
if [ -n "$sharding" ]; then
	twice=$(shard_names "$@" | if [ -n "$same_keys" ]; then sed 's/[.]zst$//; s/[.]tar$//'; else cat; fi | sort | uniq -d | head -n 1)
	if [ -n "$twice" ] && [ -n "$same_keys" ]; then fail "--keys-per-file puts the name of its shard before each key, and two shards are $twice: rename one"; fi
	[ -z "$twice" ] || fail "two shards would be $out/clean/$twice: rename one, or clean them without --keep-sharding"
fi

# What the pipelines read: list, quoted for the shell, whose I-th word is shard I; pack makes it where the input is no stream.
list='' pack='' shards=$#
for input; do list="$list $(quote "$(absolute "$input")")"; done
if [ $kind != shards ]; then
	[ $kind != table ] || list=" --missing mean$list"
	[ -z "$label" ] || list=" --label $(quote "$label")$list"
	pack="vae-pack -q$list" list=' records.tar.zst' shards=1
fi
same=${same_keys:+ --keys-per-file}
[ -z "$decisions" ] || decisions=$(absolute "$decisions")
[ -z "$summary" ] || summary=$(absolute "$summary")

# --- the directory ---

case $out in -*) out=./$out ;; esac
[ $kind != folder ] || case $(realpath -m "$(absolute "$out")")/ in
"$(realpath "$(absolute "$1")")"/*) fail "$out is in $1, and would be cleaned with it: name a directory outside" ;;
esac
settings="kind=$kind config=$config label=$label sharding=$sharding$same"
if [ -e "$out" ] && [ ! -d "$out" ]; then fail "$out is a file: -o names a directory"; fi
if [ -d "$out" ] && [ ! -e "$out/settings" ] && [ -n "$(find "$out/" -mindepth 1 ! -name .lock)" ]; then
	fail "$out is not empty, and was not made by $tool: name another directory"
fi
# before anything was made, as after a mistyped name, other settings begin anew
if [ -s "$out/settings" ] && [ "$(cat "$out/settings")" != "$settings" ] && { [ -e "$out/model.vae" ] || [ -e "$out/scored" ]; }; then
	fail "$out was made with other settings ($(cat "$out/settings")): name another directory, or remove it"
fi
# The inputs with their sizes and times. What was made of one that has changed is made again; of a new one, only its own part.
inputs() {
	for input; do
		if [ $kind = folder ]; then
			find -L "$(absolute "$input")" -type f -printf '%p %s %T@\n' | sort | cksum | tr '\n' '\t'
		else
			printf '%s\t' "$(stat -L -c '%s %y' -- "$input")"
		fi
		absolute "$input"
	done
}
now=$(inputs "$@")
if [ -z "$print" ]; then
	[ -d "$out" ] || made=$(absolute "$out")
	error=$(mkdir -p "$out" 2>&1) || fail "$out: the directory cannot be made: ${error##*: }"
	cd "$out"
	exec 9>>.lock
	flock -w 10 9 || fail "another $tool is writing $out: wait for it, or name another directory"
	[ ! -s settings ] || [ "$(cat settings)" = "$settings" ] || rm -f look steps records.tar.zst
	keep settings "$settings"
	if [ -e inputs ] && [ "$now" != "$(cat inputs)" ]; then
		say 'the inputs have changed since the last run'
		if [ $kind = shards ] && [ -s inputs ]; then
			printf '%s\n' "$now" | awk 'NR == FNR { old[FNR] = $0; next } old[FNR] != $0 { printf "scored/%05d.tar.zst\n", FNR } END { for (i = FNR + 1; i in old; i++) printf "scored/%05d.tar.zst\n", i }' inputs - | xargs -r rm -f
		else
			rm -rf records.tar.zst scored
		fi
		rm -f look ranked.tar.zst suspects.tar.zst decisions.tsv
		[ -z "$sharding" ] || rm -rf clean
	fi
	keep inputs "$now"
elif [ -d "$out" ]; then
	cd "$out"
fi

# --- looking ---

# look: the status is that of all tools. Prints counts of records, unreadable ones, pictures, those in colour, vectors, and the median
# side of a picture; then the keys of the first unreadable record, the first picture and the first vector.
look() {
	if [ -z "$pack" ] || [ -e records.tar.zst ]; then
		eval "vae-stat -q$j$same$list"
	else
		eval "$pack | vae-stat -q$j"
	fi | { vae-cut -q -k key,error,stat_channels,stat_gray,stat_width,stat_height,stat_values 2>&1 || echo failed; } | awk -F '\t' '
		$0 == "failed" { exit failed = 1 }
		NF == 1 { said = $0; next } # a message
		{ n++ }
		$2 != "" { if (!bad++) key["bad"] = $1; next }
		$3 != "" {
			if (!pictures++) key["picture"] = $1
			colour += $3 == 3 && $4 == 0
			large = $5 + 0 > $6 + 0 ? $5 + 0 : $6 + 0
			side[large]++
			if (large > most) most = large
		}
		$7 != "" { if (!vectors++) key["vector"] = $1 }
		END {
			if (failed) { # vae-stat has said what it found
				if (said !~ /standard input: (empty|truncated|.*no end-of-archive)/) print said >"/dev/stderr"
				exit 1
			}
			for (s = 0; s <= most && seen * 2 < pictures; s++) seen += side[s]
			print n + 0, bad + 0, pictures + 0, colour + 0, vectors + 0, s - 1
			print key["bad"] "\n" key["picture"] "\n" key["vector"]
		}'
}

# pack_records: one line says what is wrong
pack_records() {
	error=$(eval "$pack -o records.tar.zst" 2>&1) && return
	error=$(printf '%s\n' "$error" | head -n 1)
	case $kind,$error in
	table,*column*) refuse "$error. Columns that are no numbers, such as names, are for --label" ;;
	*) refuse "$error" ;;
	esac
}

if [ ! -s look ]; then
	say 'looking at the records'
	[ -z "$pack" ] || [ -n "$print" ] || [ -e records.tar.zst ] || pack_records
	counts=$(look) || refuse ''
	[ -n "$print" ] || keep look "$counts"
else
	counts=$(cat look)
fi
first() { printf '%s\n' "$counts" | sed -n "$1p"; }
# shellcheck disable=SC2046 # numbers
set -- $(first 1)
records=$1 unreadable=$2 pictures=$3 colour=$4 vectors=$5 side=$6
[ "$records" -gt 0 ] || refuse 'no records'
say "$records records: $pictures pictures$([ "$pictures" -eq 0 ] || echo " ($colour in colour, of $side pixels a side)"), $vectors vectors of numbers, $unreadable that cannot be decoded$([ "$unreadable" -eq 0 ] || printf ', as %s' "$(first 2)")"
[ $((pictures + vectors)) -gt 0 ] || refuse "no record can be decoded: vae-stat says why$([ $kind != folder ] || echo '; shards are named one by one, as in FOLDER/*.tar')"
[ $((pictures + vectors)) -ge 50 ] || refuse "$((pictures + vectors)) records are too few to say what is unusual: at least 50 are required"

if [ "$pictures" -ge "$vectors" ]; then
	is=pictures
	[ "$vectors" -eq 0 ] || say "$vectors records are no pictures, as $(first 4): they pass without a score"
else
	is=vectors
	[ "$pictures" -eq 0 ] || say "$pictures records are no vectors, as $(first 3): they pass without a score"
fi

# --- network and steps ---

most=0
if [ $is = pictures ]; then
	if [ -n "$config" ]; then
		most=10000
	elif [ $((2 * colour)) -lt "$pictures" ] && [ "$side" -le 40 ]; then
		config=mnist-mlp most=15600
	elif [ "$side" -le 48 ]; then
		config=conv-32 most=6000
	elif [ "$side" -le 96 ]; then
		config=conv-64 most=6000
	else
		config=conv-128 most=6000
	fi
fi

# steps: as many as half of the time allows, by the rate of the first hundred, which are part of the training
if [ -s steps ]; then
	[ "${steps:-$(cat steps)}" = "$(cat steps)" ] || [ $is = vectors ] || fail "the model of $out has $(cat steps) steps, not $steps: name another directory, or remove it"
	steps=$(cat steps)
elif [ $is = vectors ]; then
	steps=0
elif [ -n "$print" ]; then
	steps=${steps:-$most}
elif [ -z "$steps" ]; then
	say "network $config: measuring the time of a step"
	eval "vae-train -q$j$same --resume -c $(quote "$config") --set train.checkpoints=1 --set train.steps=100 -o model.vae$list" || exit 1
	steps=$(sed -n 's/.*"seconds":\([0-9.]*\)}$/\1/p' model.vae/train.jsonl | awk -v minutes="$minutes" -v most=$most '
		{ seconds = $1 }
		END {
			steps = int(minutes * 60 * .5 / (seconds / 100 + 1e-9) / 100) * 100
			print (steps < 200 ? 200 : steps > most ? most : steps)
		}')
fi
[ -n "$print" ] || keep steps "$steps"

# How many records the page shows, and how many are quarantined by rank.
awk_share() { awk -v n="$records" -v top="$1" 'BEGIN { print top ~ /%$/ ? int(n * substr(top, 1, length(top) - 1) / 100 + .5) : top + 0 }'; }
top=$(awk_share "$top")
shown=$(awk_share 1%)
[ "$shown" -ge 20 ] || shown=20
[ "$shown" -le 500 ] || shown=500
[ "$shown" -ge "$top" ] || shown=$top

# --- the pipelines ---

# step GROUP FILE COMMAND: a line of the plan. A file depends on those of lower groups.
step() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }

word() { # I: the I-th word of list
	n=$1
	eval "set --$list"
	eval "printf '%s\n' \"\${$n}\""
}
shard() { quote "$(word "$1")"; }

# each FUNCTION: calls it with the number of every shard, from 1
each() {
	i=0
	while [ $i -lt "$shards" ]; do
		i=$((i + 1))
		"$1" $i
	done
}

scored() { printf 'scored/%05d.tar.zst' "$1"; }
score_shard() { step 3 "$(scored "$1")" "mkdir -p scored && vae-stat -q$j --replace$([ $kind = table ] || echo ' --reasons')$same $(shard "$1")$score -o $(scored "$1")"; }
list_scored() { printf ' %s' "$(scored "$1")"; }
clean_shard() {
	name=$(shard_names "$(word "$1")")
	if [ -n "$same_keys" ]; then # keys of decisions begin with the shard: its own keys beside them, in the same order
		step 8 "clean/$name" "mkdir -p clean && vae-cut -q -k key $(scored "$1") >keys.tmp && vae-cut -q -k key $(shard "$1") | paste keys.tmp - | awk -F '\\t' 'FILENAME == \"decisions.tsv\" { if (\$2 == \"drop\") drop[\$1]; next } \$1 in drop { print \$2 }' decisions.tsv - >own.tmp && vae-drop -q --keys own.tmp -o $(quote "clean/$name") $(shard "$1") && rm keys.tmp own.tmp"
	else
		step 8 "clean/$name" "mkdir -p clean && vae-drop -q --keys decisions.tsv -o $(quote "clean/$name") $(shard "$1")"
	fi
}

plan() {
	[ -z "$pack" ] || step 1 records.tar.zst "$pack -o records.tar.zst"
	score='' model=''
	if [ $is = pictures ]; then
		curvature=model.vae/curvature-$(printf %09d "$steps").safetensors
		step 2 "$curvature" "vae-train -q$j$same --resume -c $(quote "$config") --set train.checkpoints=1 --set train.steps=$steps -o model.vae$list && vae-ckpt curvature -q$j$same -d 4 --limit 20000 -m model.vae$list"
		model=' -m model.vae' score=" | vae-selfinf -q$j --replace -m model.vae -d 4 --curvature kfac --profile"
		# the last layer but one of the decoder that has weights, as in decoder.4
		layer="\$(vae-ckpt show -m model.vae | sed -n 's/^# \\(decoder[.][0-9]*\\)[.]weight.*/\\1/p' | tail -n 2 | head -n 1)"
		rank="vae-rank -q --replace --joint both -k loss,nll,selfinf,profile_$layer --unlike stat_saturation,stat_warmth,stat_tint --far stat_brightness,stat_contrast,stat_bytes_per_pixel,stat_sharpness,stat_noise,stat_entropy,stat_common"
		near="vae-density -q$j --replace --duplicates auto --set 'input.shape=[1, 9, 9]'"
	else
		rank='vae-rank -q --replace -k knn_nll'
		near="vae-density -q$j --replace$([ $kind = table ] || echo ' --duplicates auto') --neighbors $([ $kind = table ] && echo 5% || echo 5) --scale asinh"
	fi
	each score_shard
	suspects="reason ~ \"*\" || error ~ \"*\" || dup_of ~ \"*\" || rank < $shown"
	step 4 ranked.tar.zst "$near$(each list_scored) | $rank -o ranked.tar.zst"
	step 5 suspects.tar.zst "vae-drop -q -i -e '$suspects' -o suspects.tar.zst ranked.tar.zst"
	# Of a list of decisions that went through an editor, a byte order mark, carriage returns and capitals are taken off.
	theirs=''
	[ -z "$decisions" ] || theirs="tr -d '\\r' <$(quote "$decisions") | awk -F '\\t' -v OFS='\\t' 'NR == 1 { sub(/^\\357\\273\\277/, \"\") } \$0 != \"\" && !(NR == 1 && \$2 == \"decision\") { \$2 = tolower(\$2); print }' >>decisions.tmp && "
	# a key, drop or unsure, and why
	step 6 decisions.tsv "vae-cut -q -k key,reason,error,dup_kind,dup_of,rank,joint_reason suspects.tar.zst >fields.tmp && awk -F '\\t' -v OFS='\\t' '{ damage = \$2; gsub(/(, )?gray among colour/, \"\", damage); sub(/^, /, \"\", damage); if (damage != \"\") print \$1, \"drop\", damage; else if (\$3 != \"\") print \$1, \"unsure\", \$3; else if (\$4 == \"bytes\") print \$1, \"drop\", \"copy of \" \$5; else if (\$6 != \"\" && \$6 < $top) print \$1, \"drop\", \"rank \" \$6; else print \$1, \"unsure\", \$2 != \"\" ? \$2 : \$5 != \"\" ? \"like \" \$5 : \$7 }' fields.tmp >decisions.tmp && ${theirs}rm fields.tmp && mv decisions.tmp decisions.tsv"
	# decisions of a person may be on any record, not on suspects alone
	step 7 quarantine.tar.zst "vae-drop$([ -n "$decisions" ] && [ -z "$quiet" ] || echo ' -q') -i --keys decisions.tsv -o quarantine.tar.zst $(if [ -z "$decisions" ]; then echo suspects.tar.zst; else each list_scored; fi)"
	if [ -n "$sharding" ]; then
		each clean_shard
	else
		step 8 clean.tar.zst "vae-drop -q --keys decisions.tsv -o clean.tar.zst$list"
	fi
	# what is unsure is what is left to decide
	step 9 review.html "awk -F '\\t' '\$2 != \"unsure\"' decisions.tsv >decided.tmp && vae-report -q$j --review --top 5000 --only '$suspects' --decisions decided.tmp$model -o review.html ranked.tar.zst && rm decided.tmp"
	step 10 summary.json "vae-cut -q -k key quarantine.tar.zst >keys.tmp && awk -F '\\t' 'FILENAME == \"keys.tmp\" { there[\$0]; next } { what[\$1] = \$2; why[\$1] = \$3 == \"\" ? \"decided\" : \$3 ~ /^copy of / ? \"copy\" : \$3 ~ /^rank / ? \"rank\" : \$3 } END { for (k in what) if (what[k] == \"drop\" && k in there) { n++; count[why[k]]++ } printf \"{\\\"records\\\":%d,\\\"quarantined\\\":%d,\\\"steps\\\":%d\", $records, n, $steps; for (w in count) { name = w; gsub(/[^a-z]/, \"_\", name); printf \",\\\"%s\\\":%d\", name, count[w] } print \"}\" }' keys.tmp decisions.tsv >summary.tmp && rm keys.tmp && mv summary.tmp summary.json"
}

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

[ -z "$summary" ] || cp summary.json "$summary" || exit 1
quarantined=$(sed -n 's/.*"quarantined":\([0-9]*\).*/\1/p' summary.json)
why=$(sed 's/{"records":[0-9]*,"quarantined":[0-9]*,"steps":[0-9]*,*//; s/["}]//g; s/_/ /g; s/,/, /g' summary.json)
say "$quarantined of $records records are in $out/quarantine.tar.zst${why:+: $why}"
[ $((2 * quarantined)) -le "$records" ] || message "that is more than half of them: look at $out/review.html before you use the rest"
say "the others are in $out/clean${sharding:+/}$([ -n "$sharding" ] || echo .tar.zst), as they came"
say "open $out/review.html to decide on suspects; what it exports is for --decisions"
