#!/bin/sh
# shellcheck disable=SC2034 # quiet is read in driver.sh
# vae-shards: cleans many shards by one ranking over all of them, on one machine or many.
#
# A driver over the other tools, and no scheduler: its work is tasks, "score I" and "drop I", which anything can run that can
# run a command N times, with one "reduce" between them. A task is bound to the bytes that it reads: its output carries their
# hashes, and is made again only when one of them differs.
#
#   RUN/settings   model, pipeline, fields, top    RUN/manifest    a line for each shard: ordinal, size, SHA-256, name, path
#   RUN/scored/I   the shard with its scores       RUN/columns/I   what ranking requires of it, bound to SHARD-HASH SETTINGS-HASH
#   RUN/lists/I    the keys to drop                RUN/reduced     what the lists were made of
#   RUN/clean, RUN/quarantine: the results         RUN/done/I      what they were made of, and their hashes
set -eu
export LC_ALL=C
tool=vae-shards
# driver.sh

usage() {
	cat <<'END'
usage: vae-shards [options] plan RUN SHARD ... | add RUN SHARD ... | run RUN | task RUN score | drop [INDEX] | reduce | status | check RUN
Cleans many shards by one ranking over all of them, on one machine or many.

verbs:
  plan RUN SHARD...     make the directory RUN: hashes of the shards and of the model, and what is to be done
  add RUN SHARD...      add shards; only these are scored
  run RUN               do what is not done: score, reduce, drop, check
  task RUN score|drop [INDEX]
                        one task; INDEX, from 1, by default from SLURM_ARRAY_TASK_ID, or JOB_COMPLETION_INDEX or
                        AWS_BATCH_JOB_ARRAY_INDEX, which count from 0
  reduce RUN            rank all shards, once all are scored: write each shard's list of keys to drop
  status RUN            say what is done
  check RUN             compare every shard and every result with its hash, and remove temporary files

options of plan:
  -m, --model M.vae     the model
      --score PIPELINE  filters that score a shard from standard input (default: statistics and self influence)
  -k, --key FIELDS      rank by these, as vae-rank does (default: the recipe of vae-filters(7), or selfinf)
      --joint KIND      as in vae-rank
      --unlike FIELDS   as in vae-rank
      --far FIELDS      as in vae-rank
      --top N|P%        the share of all records that is dropped (default 1%)
      --keys-per-file   shards may have keys in common
      --print           of plan and run: print the tasks, and change nothing

options of run and task:
  -j, --jobs N          tasks at a time (default: 1)
      --parallel        run the tasks by GNU parallel
      --sshlogin LIST   with --parallel: on these machines, which see RUN, the shards and the tools under the same paths
      --slurm           submit the tasks to Slurm, as arrays with dependencies, and return
  -c, --cpus N          with --slurm: processors of a task (default: 1)
      --sbatch-args ARGS
                        with --slurm: more options of sbatch
      --per-task K      INDEX stands for K shards
      --threads N       worker threads of a task (default: the processors, divided by -j)
  -q, --quiet           errors only
      --summary FILE    write counts to FILE as JSON
  -h, --help            print this help
  -V, --version         print the version
END
}

# --- the command line ---

verb='' model='' score='' key='' joint='' unlike='' far='' top=1% same_keys='' print='' jobs=1 parallel='' sshlogin='' slurm='' cpus=1 sbatch_args='' per_task=1 threads='' quiet='' summary=''
planned='' given='' # options of plan that are given; the operands, quoted
while [ $# -gt 0 ]; do
	option=$1 value=''
	case $option in
	--*=*) value=${option#*=} option=${option%%=*} ;;
	-[mkjc]?*) value=${option#??} option=${option%"$value"} ;;
	-m | -k | -j | -c | --cpus | --sbatch-args | --model | --score | --key | --joint | --unlike | --far | --top | --jobs | --sshlogin | --per-task | --threads | --summary)
		[ $# -gt 1 ] || wrong "option '$option' takes an argument"
		value=$2
		shift
		;;
	esac
	case $option in
	--keys-per-file | --print | --parallel | --slurm | --quiet | --help | --version) [ -z "$value" ] || wrong "option '$option' takes no argument" ;;
	-m | --model | --score | -k | --key | --joint | --unlike | --far | --top) planned=$option ;;
	esac
	case $option in
	-m | --model) model=$value ;;
	--score) score=$value ;;
	-k | --key) key=$value ;;
	--joint) joint=$value ;;
	--unlike) unlike=$value ;;
	--far) far=$value ;;
	--top) top=$value ;;
	--keys-per-file) same_keys=1 planned=$option ;;
	--print) print=1 ;;
	-j | --jobs) jobs=$value ;;
	--parallel) parallel=1 ;;
	--sshlogin) sshlogin=$value ;;
	--slurm) slurm=1 ;;
	-c | --cpus) cpus=$value ;;
	--sbatch-args) sbatch_args=$value ;;
	--per-task) per_task=$value ;;
	--threads) threads=$value ;;
	-q | --quiet) quiet=1 ;;
	--summary) summary=$value ;;
	-h | --help)
		usage | output || exit 1
		exit 0
		;;
	-V | --version)
		vae-cut -V | sed "s/^vae-cut/$tool/"
		exit 0
		;;
	--)
		shift
		for value; do given="$given $(quote "$value")"; done
		break
		;;
	-?*) wrong "unknown option '$option'" ;;
	*) given="$given $(quote "$option")" ;;
	esac
	shift
done
eval "set --$given"
[ $# -gt 1 ] || wrong 'a verb and the directory RUN are required'
verb=$1 run=$2
shift 2
case $verb in
plan | add) [ $# -gt 0 ] || wrong "$verb takes shards" ;;
task) { [ $# -gt 0 ] && [ $# -lt 3 ]; } || wrong 'task takes score or drop, and an INDEX' ;;
run | reduce | status | check) [ $# -eq 0 ] || wrong "$verb takes no '$1'" ;;
*) wrong "there is no verb '$verb'" ;;
esac
[ "$verb" = plan ] || [ -z "$planned" ] || wrong "$planned is an option of plan"
[ -z "$sshlogin" ] || [ -n "$parallel" ] || wrong '--sshlogin is for --parallel'
[ -z "$slurm$sbatch_args" ] || [ "$verb" = run ] || wrong '--slurm is for run'
{ [ -n "$slurm" ] || [ -z "$sbatch_args" ]; } || wrong '--sbatch-args is for --slurm'
for value in "-j=$jobs" "-c=$cpus" "--per-task=$per_task" "--threads=${threads:-1}"; do
	printf '%s\n' "${value#*=}" | grep -Eqx '[1-9][0-9]{0,5}' || wrong "${value%%=*} takes a number, not '${value#*=}'"
done
printf '%s\n' "$top" | grep -Eqx '[0-9]+|[0-9]+([.][0-9]+)?%' || wrong "--top takes a number of records or a percentage, not '$top'"
case $joint in '' | tails | mahalanobis | both) ;; *) wrong "--joint is tails, mahalanobis or both, not '$joint'" ;; esac
for needed in vae-stat vae-selfinf vae-rank vae-drop vae-cut sha256sum; do
	command -v $needed >/dev/null || fail "$needed is not in PATH: add the directory that $tool is in"
done

tab=$(printf '\t')
here=$PWD run=$(absolute "$run") processors=$(nproc)
[ -n "$threads" ] || threads=$((processors > jobs ? processors / jobs : 1))

# replace FILE: from standard input, whole or not at all
replace() { cat >"$1.tmp$$" && mv -f "$1.tmp$$" "$1"; }

hash_of() { sha256sum <"$1" | cut -c 1-64; }

# identity PATH: what changes when its bytes do, also where its time is kept
identity() { stat -L -c '%i:%s:%.9Y:%.9Z' -- "$1" 2>/dev/null; }

hash_model() {
	[ -z "$model" ] || (cd "$model" && find . -type f \( -name '*.safetensors' -o -name '*.yaml' \) | sort | xargs -r -d '\n' sha256sum) | sha256sum | cut -c 1-64
}
identity_model() { [ -z "$model" ] || (cd "$model" && find . -type f \( -name '*.safetensors' -o -name '*.yaml' \) -printf '%P:%i:%s:%T@:%C@\n' | sort | cksum); }

# --- plan ---

# The recipe of vae-filters(7), as vae-clean has it, where the model has curvature.
choose_score() {
	curvature=''
	if [ -n "$model" ]; then
		for file in "$model"/curvature-*.safetensors; do [ ! -e "$file" ] || curvature=$file; done
	fi
	if [ -z "$score" ]; then
		[ -n "$model" ] || wrong '-m M.vae or --score PIPELINE is required'
		score="vae-stat -q -j\$threads --replace | vae-selfinf -q -j\$threads --replace -m \"\$model\""
		[ -z "$curvature" ] || score="$score -d 4 --curvature kfac --profile"
	else
		curvature=''
	fi
	[ -z "$key" ] || return 0
	key=selfinf
	[ -n "$curvature" ] || return 0
	layer=$(vae-ckpt show -m "$model" | sed -n 's/^# \(decoder[.][0-9]*\)[.]weight.*/\1/p' | tail -n 2 | head -n 1)
	key=nll,profile_$layer joint=both
	unlike=stat_saturation,stat_warmth,stat_tint
	far=stat_brightness,stat_contrast,stat_bytes_per_pixel,stat_sharpness,stat_noise,stat_entropy,stat_common
}

# line_of ORDINAL PATH: of the manifest; the hash of a file that is as it was comes from RUN/identities
line_of() {
	is=$(identity "$2") || fail "$2: cannot be read: no such file, or no permission"
	sum=''
	[ ! -e "$run/identities" ] || sum=$(identity="$is" path=$2 awk -F '\t' '$1 == ENVIRON["identity"] && $3 == ENVIRON["path"] { print $2; exit }' "$run/identities")
	[ -n "$sum" ] || sum=$(hash_of "$2") || exit 1
	name=$(printf '%s\n' "${2##*/}" | sed 's/[.]\(gz\|xz\|lz4\|bz2\)$//; s/[.]tgz$/.tar/')
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$(stat -L -c %s -- "$2")" "$sum" "$name" "$2"
	printf '%s\t%s\t%s\n' "$is" "$sum" "$2" >>"$run/identities.tmp$$"
}

# lines: manifest lines of the paths on standard input
lines() {
	i=0
	while IFS= read -r path; do
		i=$((i + 1))
		line_of $i "$path" || exit 1
	done
}

# check_shards PATH...
check_shards() {
	for shard; do
		case $shard in
		*"$tab"* | *'
'*) fail "the name of a shard has a tab or a newline: rename it" ;;
		*.tar | *.tgz | *.tar.gz | *.tar.xz | *.tar.lz4 | *.tar.bz2 | *.tar.zst) ;;
		*) fail "$shard: the name of a shard ends in .tar or .tar.zst" ;;
		esac
		{ [ -f "$shard" ] && [ -r "$shard" ]; } || fail "$shard: cannot be read: no such file, or no permission"
	done
}

# write_manifest: of the paths on standard input. What is as it was is not read again.
write_manifest() {
	rm -f "$run/identities.tmp$$"
	lines >"$run/manifest.new.tmp$$" || exit 1
	twice=$(cut -f 4 "$run/manifest.new.tmp$$" | sort | uniq -d | head -n 1)
	if [ -n "$twice" ]; then
		rm -f "$run"/*".tmp$$"
		fail "two shards have the name $twice, and would have one result: rename one"
	fi
	mv -f "$run/identities.tmp$$" "$run/identities"
	if cmp -s "$run/manifest.new.tmp$$" "$run/manifest"; then rm "$run/manifest.new.tmp$$"; else mv -f "$run/manifest.new.tmp$$" "$run/manifest"; fi
}

write_settings() {
	{
		printf 'version\t%s\n' "$(vae-cut -V | sed 's/.* //')"
		printf '%s\t%s\n' model "$model" model_hash "$(hash_model)" directory "$here" score "$score"
		printf '%s\t%s\n' columns "$(printf '%s,%s,%s\n' "$key" "$unlike" "$far" | tr ',' '\n' | awk 'NF && !seen[$0]++' | paste -sd , -)"
		echo --
		printf '%s\t%s\n' key "$key" joint "$joint" unlike "$unlike" far "$far" top "$top" same_keys "$same_keys"
	} | replace "$run/settings"
	identity_model | replace "$run/identity"
}

print_tasks() { # SHARDS
	for i in $(seq "$1"); do printf '%s\n' "$tool task $(quote "$run") score $i"; done
	printf '%s\n' "$tool reduce $(quote "$run")"
	for i in $(seq "$1"); do printf '%s\n' "$tool task $(quote "$run") drop $i"; done
	printf '%s\n' "$tool check $(quote "$run")"
}

if [ "$verb" = plan ]; then
	[ -z "$model" ] || model=$(absolute "$model")
	if [ -n "$model" ] && [ ! -r "$model/model.yaml" ]; then fail "-m: $model: no model there: expected $model/model.yaml"; fi
	choose_score
	case "$score$key$unlike$far$model$here" in *"$tab"* | *'
'*) wrong 'options of plan may not have tabs or newlines' ;; esac
	check_shards "$@"
	if [ -e "$run" ] && [ ! -e "$run/settings" ] && { [ ! -d "$run" ] || [ -n "$(ls -A "$run")" ]; }; then
		fail "$run is not empty, and was not made by $tool: name another directory"
	fi
	if [ -n "$print" ]; then
		print_tasks $# | output || exit 1
		exit 0
	fi
	mkdir -p "$run/scored" "$run/columns" "$run/lists" "$run/clean" "$run/quarantine" "$run/done"
	write_settings
	for shard; do absolute "$shard"; done | write_manifest || exit 1
	say "$# shards are planned in $run: $tool run, or task after task, cleans them"
	[ -z "$summary" ] || printf '{"shards":%d}\n' $# >"$summary"
	exit 0
fi

# --- a run that is there ---

{ [ -e "$run/settings" ] && [ -e "$run/manifest" ]; } || fail "$run: no plan there: $tool plan makes it"
get() { sed -n "s/^$1$tab//p" "$run/settings"; }
model=$(get model) score=$(get score) columns=$(get columns) key=$(get key) joint=$(get joint) unlike=$(get unlike) far=$(get far) top=$(get top)
same_keys=$(get same_keys) directory=$(get directory)
version=$(vae-cut -V | sed 's/.* //')
[ "$version" = "$(get version)" ] || fail "$run was planned by version $(get version), and this is $version: plan again in another directory"
settings=$(sed '/^--$/,$d' "$run/settings" | sha256sum | cut -c 1-64)
shards=$(wc -l <"$run/manifest")
because="top $top of ${key}${unlike:+; unlike $unlike}${far:+; far $far}, of all shards"

file() { printf '%s/%05d.%s' "$run/$1" "$2" "$3"; }
# shard I: sets sum, name, path
shard() {
	line=$(sed -n "${1}p" "$run/manifest")
	[ -n "$line" ] || fail "there is no shard $1: $run has $shards"
	IFS=$tab read -r _ _ sum name path <<END
$line
END
}

# bound: what each file of columns must be bound to
bound() { awk -F '\t' -v settings="$settings" '{ print $3 " " settings }' "$run/manifest"; }

# shellcheck disable=SC2016 # a program of awk
# unscored: ordinals whose columns are not there, or of something else
unscored() {
	{
		(cd "$run/columns" && find . -name '[0-9]*.col' -print0 | xargs -0 -r awk 'FNR == 2 { name = FILENAME; sub(/.*\//, "", name); print name + 0, $2, $3; nextfile }')
		echo --
		bound
	} | awk '!after && $0 == "--" { after = 1; next } !after { is[$1] = $2 " " $3; next } is[++i] != $0 { print i }'
}

# wanted: what RUN/reduced must begin with
wanted() {
	{
		bound
		sed '1,/^--$/d' "$run/settings"
	} | sha256sum | cut -c 1-64
}
reduced() { [ -e "$run/reduced" ] && [ "$(head -n 1 "$run/reduced")" = "$(wanted)" ]; }

# makes: what the result of each shard is made of: its bytes, its scores, its list, and why
makes() {
	sed 1d "$run/reduced" | BECAUSE=$because awk -F '\t' -v settings="$settings" 'NR == FNR { list[FNR] = $1; next } { print $3 " " settings " " list[FNR] " " ENVIRON["BECAUSE"] }' - "$run/manifest"
}

# shellcheck disable=SC2016 # a program of awk
# undropped: ordinals whose results are not there, or of something else
undropped() {
	{
		(cd "$run/done" && find . -name '[0-9]*.done' -print0 | xargs -0 -r awk 'FNR == 1 { name = FILENAME; sub(/.*\//, "", name); print name + 0 " " $0; nextfile }')
		echo --
		makes
	} | awk '!after && $0 == "--" { after = 1; next } !after { i = $1; sub(/^[^ ]* /, ""); is[i] = $0; next } is[++n] != $0 { print n }' >"$run/undropped.tmp$$" || exit 1
	cut -f 1,4 "$run/manifest" | while IFS=$tab read -r i result; do
		{ [ -e "$run/clean/$result" ] && [ -e "$run/quarantine/$result" ]; } || echo "$i"
	done | sort -n -u - "$run/undropped.tmp$$" || exit 1
	rm -f "$run/undropped.tmp$$"
}

same_shard() { # the shard has the bytes of the plan
	[ -r "$path" ] || fail "$path: cannot be read: no such file, or no permission"
	[ "$(hash_of "$path")" = "$sum" ] || fail "$path has changed since the plan: '$tool run $run' takes it as it is now"
}
same_model() { [ "$(hash_model)" = "$(get model_hash)" ] || fail "$model has changed since the plan: '$tool plan' with the same RUN scores all shards by it"; }

# --- tasks ---

score_task() {
	shard "$1"
	scored=$(file scored "$1" tar.zst) column=$(file columns "$1" col)
	[ "$(sed -n '2{p;q}' "$column" 2>/dev/null | tr -d '\0')" != "bind $sum $settings" ] || return 0
	same_shard
	same_model
	# the last filter passes all records, and gives the file its name
	export model threads
	(cd "$directory" && eval "{ $score
} <\"\$path\" | vae-drop -q -e '__never__ == 1' -o \"\$scored\"") || fail "shard $1, $path: the pipeline that scores it failed"
	vae-cut -q --columns "$column" --bind "$sum $settings" -k "$columns" "$scored" || exit 1
}

reduce() {
	left=$(unscored | wc -l)
	[ "$left" -eq 0 ] || fail "$left of $shards shards are not scored: '$tool run' or '$tool task $run score INDEX' scores them"
	rank "$run/lists" "$run/counts"
	{
		wanted
		for i in $(seq "$shards"); do file lists "$i" keys && echo; done | xargs -d '\n' sha256sum | cut -c 1-64
	} | replace "$run/reduced"
}

# rank LISTS SUMMARY: the lists of all shards
rank() {
	bound | replace "$run/bindings"
	# by names without a directory, so that many fit into one command line
	(cd "$run/columns" && seq -f %05.0f.col "$shards" | xargs -x -s 1000000 -n 1000000 vae-rank --columns -q --lists "$1" --bindings "$run/bindings" --summary "$2" \
		--top "$top" -k "$key" ${joint:+--joint "$joint"} ${unlike:+--unlike "$unlike"} ${far:+--far "$far"} ${same_keys:+--keys-per-file}) || exit 1 # vae-rank has said why
}

drop_task() {
	shard "$1"
	reduced || fail "the shards are not ranked together: '$tool reduce $run'"
	list=$(file lists "$1" keys) scored=$(file scored "$1" tar.zst) mark=$(file "done" "$1" "done")
	makes=$(makes | sed -n "${1}p")
	[ "$(hash_of "$list")" = "$(sed -n "$(($1 + 1))p" "$run/reduced")" ] || fail "$list has changed since it was made: remove $run/reduced, and run again"
	if [ -e "$mark" ] && [ "$(head -n 1 "$mark")" = "$makes" ] && [ -e "$run/clean/$name" ] && [ -e "$run/quarantine/$name" ]; then return 0; fi
	same_shard
	rm -f "$mark"
	quarantine=$run/quarantine/.tmp$$-$name
	rm -f "$quarantine"
	vae-drop -q --keys "$list" -o "$run/clean/$name" "$path" || exit 1
	vae-drop -q --keys "$list" --because "$because" -r "$quarantine" "$scored" >/dev/null || exit 1
	[ "$(vae-cut -q -k key "$quarantine" | sort | cksum)" = "$(sort "$list" | cksum)" ] || fail "$scored has not the records of $list: remove it and $(file columns "$1" col), and run again"
	mv -f "$quarantine" "$run/quarantine/$name"
	{
		printf '%s\n' "$makes"
		hash_of "$run/clean/$name"
		hash_of "$run/quarantine/$name"
	} | replace "$mark"
}

task() { # score|drop INDEX
	what=$1 index=$2
	printf '%s\n' "$index" | grep -Eqx '[1-9][0-9]{0,8}' || wrong "INDEX is a number from 1, not '$index'"
	last=$((index * per_task))
	i=$(((index - 1) * per_task + 1))
	[ $i -le "$shards" ] || fail "there is no task $index: $run has $shards shards"
	while [ $i -le $last ] && [ $i -le "$shards" ]; do
		("${what}_task" "$i") || exit 1
		i=$((i + 1))
	done
}

# engine score|drop: runs the tasks whose ordinals come on standard input
engine() {
	self=$(command -v "$0" || command -v $tool) self=$(absolute "$self")
	if [ -n "$parallel" ]; then
		command -v parallel >/dev/null || fail 'parallel is not in PATH: install the package parallel'
		parallel --will-cite -j "$jobs" ${sshlogin:+--sshlogin "$sshlogin"} --halt soon,fail=1 "PATH=$(quote "$PATH") $(quote "$self") task -q --threads $threads $(quote "$run") $1 {}" ||
			fail "a task failed: what is finished is kept, and the same command goes on"
	else
		xargs -r -n 1 -P "$jobs" "$self" task -q --threads "$threads" "$run" "$1" ||
			fail "a task failed: what is finished is kept, and the same command goes on"
	fi
}

# submit NAME AFTER ARRAY COMMAND: prints the number of the job. AFTER, the job that must have succeeded, and ARRAY may be empty
submit() {
	# shellcheck disable=SC2086 # several options
	sbatch --parsable --requeue --kill-on-invalid-dep=yes -J "vae-$1" -c "$cpus" -o "$run/log/%x-%j.log" ${2:+-d "afterok:$2"} ${3:+--array="$3"} $sbatch_args \
		--wrap "PATH=$(quote "$PATH") exec $(quote "$self") $4" || fail "sbatch has failed: the jobs before it are submitted, and scancel ends them"
}

# indices: of the tasks that the ordinals on standard input fall in, as an array of Slurm: 1-4,7
indices() {
	awk -v k="$per_task" '
		function flush() { if (first) printf "%s%s", n++ ? "," : "", first == last ? first : first "-" last }
		{ i = int(($1 - 1) / k) + 1; if (i == last) next; if (i != last + 1 || !first) { flush(); first = i } last = i }
		END { flush() }'
}

# run_slurm: submits score, reduce, drop and check, as far as they are not done
run_slurm() {
	command -v sbatch >/dev/null || fail 'sbatch is not in PATH: --slurm requires the clients of Slurm'
	self=$(command -v "$0" || command -v $tool) self=$(absolute "$self")
	after='' todo=$(unscored) did=''
	mkdir -p "$run/log"
	options="-q --threads $cpus"
	if [ -n "$todo" ]; then
		after=$(submit score '' "$(printf '%s\n' "$todo" | indices)" "task $options --per-task $per_task $(quote "$run") score") || exit 1
		did=$after
	fi
	todo=$(if [ -z "$after" ] && reduced; then undropped; else seq "$shards"; fi)
	if [ -n "$after" ] || ! reduced; then
		after=$(submit reduce "$after" '' "reduce -q $(quote "$run")") || exit 1
		did="$did $after"
	fi
	if [ -z "$todo" ]; then
		say "$shards shards: nothing to submit"
		return 0
	fi
	after=$(submit drop "$after" "$(printf '%s\n' "$todo" | indices)" "task $options --per-task $per_task $(quote "$run") drop") || exit 1
	did="$did $after"
	after=$(submit check "$after" '' "check -q $(quote "$run")") || exit 1
	did="$did $after"
	say "submitted: jobs $(printf '%s\n' "$did" | sed 's/^ //; s/ /, /g') of Slurm; the last is the check, and logs are in $run/log"
}

# refresh: shards that have changed since the plan are taken as they are now
refresh() {
	if [ "$(identity_model)" != "$(cat "$run/identity" 2>/dev/null)" ]; then
		same_model
		identity_model | replace "$run/identity"
	fi
	# one stat for all: cut -f 5 is the path
	now=$(cut -f 5 "$run/manifest" | xargs -d '\n' stat -L -c '%i:%s:%.9Y:%.9Z' -- 2>&1) || fail "a shard cannot be read: $(printf '%s\n' "$now" | grep -m 1 '^stat:')"
	if [ "$now" != "$(cut -f 1 "$run/identities")" ]; then
		before=$(cksum <"$run/manifest")
		cut -f 5 "$run/manifest" | write_manifest || exit 1
		[ "$before" = "$(cksum <"$run/manifest")" ] || say 'shards have changed since the plan: they are scored again'
	fi
}

count() { printf '%s' "$1" | grep -c '' || true; }

summarise() {
	[ -n "$summary" ] || return 0
	todo=$(unscored)
	cleaned=0
	! reduced || cleaned=$((shards - $(undropped | wc -l)))
	printf '{"shards":%d,"scored":%d,"reduced":%s,"cleaned":%d%s}\n' "$shards" $((shards - $(count "$todo"))) "$(reduced && echo true || echo false)" $cleaned \
		"$(sed -n 's/.*\(,"records":[0-9]*,"ranked":[0-9]*,"listed":[0-9]*\).*/\1/p' "$run/counts" 2>/dev/null)" >"$summary"
}

check() {
	same_model
	left=$(unscored | wc -l)
	[ "$left" -eq 0 ] || fail "$left of $shards shards are not scored"
	reduced || fail 'the shards are not ranked together'
	left=$(undropped | wc -l)
	[ "$left" -eq 0 ] || fail "$left of $shards shards are not cleaned"
	for i in $(seq "$shards"); do
		shard "$i"
		same_shard
		{ read -r _ && read -r clean && read -r quarantined; } <"$(file "done" "$i" "done")" || fail "$(file "done" "$i" "done") is damaged: remove it, and run again"
		[ "$(hash_of "$run/clean/$name")" = "$clean" ] || fail "$run/clean/$name has changed since it was made: remove it, and run again"
		[ "$(hash_of "$run/quarantine/$name")" = "$quarantined" ] || fail "$run/quarantine/$name has changed since it was made: remove it, and run again"
	done
	for dir in clean quarantine; do # results of shards that an earlier plan had
		stray=$({
			cut -f 4 "$run/manifest"
			echo --
			ls -A "$run/$dir"
		} | awk '!after && $0 == "--" { after = 1; next } !after { of[$0] = 1; next } !($0 in of) && !/^[.]tmp[0-9]|[.]tmp[0-9]+-[0-9]+$/ { print; exit }')
		[ -z "$stray" ] || fail "$run/$dir/$stray is of no shard of the plan: remove it"
	done
	rm -rf "$run/lists.tmp$$"
	(rank "$run/lists.tmp$$" "$run/counts.tmp$$") || exit 1
	for i in $(seq "$shards"); do
		cmp -s "$(file lists "$i" keys)" "$(file "lists.tmp$$" "$i" keys)" || fail "$(file lists "$i" keys) is not what the columns of all shards give: remove $run/reduced, and run again"
	done
	# all is done: no task is running
	find "$run" -depth \( -name '*.tmp[0-9]*' -o -name '.tmp[0-9]*' -o -path "*/lists.tmp[0-9]*" \) -exec rm -rf {} +
}

case $verb in
add)
	check_shards "$@"
	{
		cut -f 5 "$run/manifest"
		for shard; do absolute "$shard"; done
	} | write_manifest || exit 1
	say "$(wc -l <"$run/manifest") shards are planned in $run"
	;;
task)
	index=${2:-}
	[ -n "$index" ] || index=${SLURM_ARRAY_TASK_ID:-}
	[ -n "$index" ] || [ -z "${JOB_COMPLETION_INDEX:-}" ] || index=$((JOB_COMPLETION_INDEX + 1))
	[ -n "$index" ] || [ -z "${AWS_BATCH_JOB_ARRAY_INDEX:-}" ] || index=$((AWS_BATCH_JOB_ARRAY_INDEX + 1))
	[ -n "$index" ] || wrong 'task takes an INDEX, here or in SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX or AWS_BATCH_JOB_ARRAY_INDEX'
	case $1 in score | drop) task "$1" "$index" ;; *) wrong "task takes score or drop, not '$1'" ;; esac
	;;
reduce) reduced || reduce ;;
check)
	check
	say "$shards shards and their results are as they should be"
	;;
status)
	todo=$(unscored)
	{
		echo "$shards shards, $((shards - $(count "$todo"))) scored"
		if reduced; then
			echo "ranked together: $(sed -n 's/.*"listed":\([0-9]*\).*/\1/p' "$run/counts") of $(sed -n 's/.*"records":\([0-9]*\).*/\1/p' "$run/counts") records are listed"
			echo "$((shards - $(undropped | wc -l))) cleaned"
		else
			echo 'not ranked together'
		fi
	} | output || exit 1
	;;
run)
	if [ -n "$print" ]; then
		{
			for i in $(unscored); do printf '%s\n' "$tool task $(quote "$run") score $i"; done
			if reduced; then
				for i in $(undropped); do printf '%s\n' "$tool task $(quote "$run") drop $i"; done
			else
				printf '%s\n' "$tool reduce $(quote "$run")"
				for i in $(seq "$shards"); do printf '%s\n' "$tool task $(quote "$run") drop $i"; done
			fi
		} | output || exit 1
		exit 0
	fi
	refresh
	if [ -n "$slurm" ]; then
		run_slurm
		exit 0
	fi
	todo=$(unscored) did=$(count "$todo")
	if [ -n "$todo" ]; then
		say "scoring $did of $shards shards"
		printf '%s\n' "$todo" | engine score || exit 1
	fi
	scored=$did
	if ! reduced; then
		say "ranking $shards shards together"
		reduce
	fi
	todo=$(undropped) did=$(count "$todo")
	if [ -n "$todo" ]; then
		say "cleaning $did of $shards shards"
		printf '%s\n' "$todo" | engine drop || exit 1
	fi
	[ $((scored + did)) -eq 0 ] || check
	say "$shards shards: $scored scored, $did cleaned now; the results are $run/clean and $run/quarantine"
	;;
esac
summarise
