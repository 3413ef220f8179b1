# shellcheck shell=sh disable=SC2034,SC2154 # variables of vae-clean.sh and driver.sh
# clean_plan.sh, of vae-clean: the pipelines. Each makes a file.

# step GROUP FILE COMMAND: prints a line of the plan. A file depends on the files of lower groups.
step() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }

word() { # I: prints the I-th word of list
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
score_shard() { step 3 "$(scored "$1")" "mkdir -p scored && vae-stat -q$j --replace$([ "$kind" = table ] || echo ' --reasons')$same $(shard "$1")$score -o $(scored "$1")"; }
list_scored() { printf ' %s' "$(scored "$1")"; }
clean_shard() {
	name=$(shard_names "$(word "$1")")
	if [ -n "$same_keys" ]; then # keys of decisions begin with the name of the shard: pair them with the shard's own keys
		step 8 "clean/$name" "mkdir -p clean && vae-cut -q -k key $(scored "$1") >keys.tmp && vae-cut -q -k key $(shard "$1") | paste keys.tmp - | awk -F '\\t' $own decisions.tsv - >own.tmp && vae-drop -q --keys own.tmp -o $(quote "clean/$name") $(shard "$1") && rm keys.tmp own.tmp"
	else
		step 8 "clean/$name" "mkdir -p clean && vae-drop -q --keys decisions.tsv -o $(quote "clean/$name") $(shard "$1")"
	fi
}

# program < TEXT: prints an awk program as one quoted word on one line
program() { quote "$(tr -s '\t\n' ' ')"; }

# judge: maps key, reason, error, dup_kind, dup_of, rank and joint_reason of a suspect to its key, drop or unsure, and the reason
judge=$(
	program <<'AWK'
{
	damage = $2; gsub(/(, )?gray among colour/, "", damage); sub(/^, /, "", damage);
	if (damage != "") print $1, "drop", damage;
	else if ($3 != "") print $1, "unsure", $3;
	else if ($4 == "bytes") print $1, "drop", "copy of " $5;
	else if ($6 != "" && $6 < top) print $1, "drop", "rank " $6;
	else print $1, "unsure", $2 != "" ? $2 : $5 != "" ? "like " $5 : $7 != "" ? $7 : $6 != "" ? "rank " $6 : "";
}
AWK
)

# mend: removes a byte order mark, carriage returns and capitals that an editor has put into a list of decisions
mend=$(
	program <<'AWK'
NR == 1 { sub(/^\357\273\277/, "") }
$0 != "" && !(NR == 1 && $2 == "decision") { $2 = tolower($2); print }
AWK
)

# count: reads keys.tmp, the keys in the quarantine, then decisions.tsv; prints counts by reason
count=$(
	program <<'AWK'
FILENAME == "keys.tmp" { there[$0]; next }
{ what[$1] = $2; why[$1] = $3 == "" ? "decided" : $3 ~ /^copy of / ? "copy" : $3 ~ /^rank / ? "rank" : $3 }
END {
	for (k in what) if (what[k] == "drop" && k in there) { n++; count[why[k]]++ }
	printf "{\"records\":%d,\"quarantined\":%d,\"steps\":%d", records, n, steps;
	for (w in count) { name = w; gsub(/[^a-z]/, "_", name); printf ",\"%s\":%d", name, count[w] }
	print "}"
}
AWK
)

# own: reads decisions.tsv, then the keys of a shard with and without its name; prints the keys to drop without the name
own=$(
	program <<'AWK'
FILENAME == "decisions.tsv" { if ($2 == "drop") drop[$1]; next }
$1 in drop { print $2 }
AWK
)

# lowest: reads train.jsonl; prints the step of the evenly spaced checkpoint with the lowest held-out loss, or of the last one without held-out records
lowest=$(
	program <<'AWK'
BEGIN { for (i = 1; i <= checkpoints; i++) at[int(steps * i / checkpoints)]; best = steps }
match($0, /"step":[0-9]+/) { step = substr($0, RSTART + 7, RLENGTH - 7) }
match($0, /"holdout_loss":[-+.e0-9]+/) && step in at {
	loss = substr($0, RSTART + 15, RLENGTH - 15) + 0;
	if (!n++ || loss < low) { low = loss; best = step }
}
END { printf "%09d\n", best }
AWK
)

plan() {
	[ -z "$pack" ] || step 1 records.tar.zst "$pack -o records.tar.zst"
	score='' model=''
	if [ "$is" = pictures ]; then
		step 2 model.step "vae-train -q$j$same --resume -c $(quote "$config") $(held_out) --set train.steps=$steps -o model.vae$list && awk -v checkpoints=$checkpoints -v steps=$steps $lowest model.vae/train.jsonl >step.tmp && find model.vae -name 'step-*' ! -name \"step-\$(cat step.tmp).*\" -exec rm {} + && vae-ckpt curvature -q$j$same -d 4 --limit 20000 -m model.vae$list && mv step.tmp model.step"
		model=' -m model.vae' score=" | vae-selfinf -q$j --replace -m model.vae -d 4 --curvature kfac --profile"
		# the last but one layer with weights of the decoder, as in decoder.4
		layer="\$(vae-ckpt show -m model.vae | sed -n 's/^# \\(decoder[.][0-9]*\\)[.]weight.*/\\1/p' | tail -n 2 | head -n 1)"
		rank="vae-rank -q --replace --joint both -k loss,nll,selfinf,profile_$layer --unlike stat_saturation,stat_warmth,stat_tint --far stat_brightness,stat_contrast,stat_bytes_per_pixel,stat_sharpness,stat_noise,stat_entropy,stat_common"
		near="vae-density -q$j --replace --duplicates auto --set 'input.shape=[1, 9, 9]'"
	else
		rank='vae-rank -q --replace -k knn_nll'
		near="vae-density -q$j --replace$([ "$kind" = table ] || echo ' --duplicates auto') --neighbors $([ "$kind" = table ] && echo 5% || echo 5) --scale asinh"
	fi
	each score_shard
	suspects="reason ~ \"*\" || error ~ \"*\" || dup_of ~ \"*\" || rank < $shown"
	step 4 ranked.tar.zst "$near$(each list_scored) | $rank -o ranked.tar.zst"
	step 5 suspects.tar.zst "vae-drop -q -i -e '$suspects' -o suspects.tar.zst ranked.tar.zst"
	theirs=''
	[ -z "$decisions" ] || theirs="tr -d '\\r' <$(quote "$decisions") | awk -F '\\t' -v OFS='\\t' $mend >>decisions.tmp && "
	step 6 decisions.tsv "vae-cut -q -k key,reason,error,dup_kind,dup_of,rank,joint_reason suspects.tar.zst >fields.tmp && awk -F '\\t' -v OFS='\\t' -v top=$top $judge fields.tmp >decisions.tmp && ${theirs}rm fields.tmp && mv decisions.tmp decisions.tsv"
	# a person may decide on any record, not only on suspects
	step 7 quarantine.tar.zst "vae-drop$([ -n "$decisions" ] && [ -z "$quiet" ] || echo ' -q') -i --keys decisions.tsv -o quarantine.tar.zst $(if [ -z "$decisions" ]; then echo suspects.tar.zst; else each list_scored; fi)"
	if [ -n "$sharding" ]; then
		each clean_shard
	else
		step 8 clean.tar.zst "vae-drop -q --keys decisions.tsv -o clean.tar.zst$list"
	fi
	# unsure records are left for the person to decide
	step 9 review.html "awk -F '\\t' '\$2 != \"unsure\"' decisions.tsv >decided.tmp && vae-report -q$j --review --top 5000 --only '$suspects' --decisions decided.tmp$model${columns:+ --columns $(quote "$columns")} -o review.html ranked.tar.zst && rm decided.tmp"
	step 10 summary.json "vae-cut -q -k key quarantine.tar.zst >keys.tmp && awk -F '\\t' -v records=$records -v steps=$steps $count keys.tmp decisions.tsv >summary.tmp && rm keys.tmp && mv summary.tmp summary.json"
}
