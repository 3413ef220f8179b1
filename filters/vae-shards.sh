#!/bin/sh
# shellcheck disable=SC2034,SC2154 # variables of the files that the Makefile puts in
# vae-shards: cleans many shards by one ranking over all of them, on one machine or many.
#
# A driver over the other tools, and no scheduler: its work is tasks, "score I" and "drop I", which anything can run that can
# run a command N times, with one "reduce" between them. A task is bound to the bytes that it reads: its output carries their
# hashes, and is made again only when one of them differs.
#
#   RUN/settings   model, pipeline, fields, top    RUN/manifest    a line for each shard: ordinal, size, SHA-256, name, path
#   RUN/scored/I   the shard with its scores       RUN/columns/I   what ranking requires of it, bound to the hashes of the shard,
#                                                                  of the settings and of RUN/scored/I
#   RUN/lists/I    the keys to drop                RUN/reduced     what the lists were made of
#   RUN/clean, RUN/quarantine: the results         RUN/done/I      what they were made of, and their hashes
#
# With --memo the tasks are "train I", one for each model of vae-memo, and "reduce" makes RUN/memo.tar.zst of RUN/models.memo.
set -eu
export LC_ALL=C
tool=vae-shards
# driver.sh

usage() {
	cat <<'END'
usage: vae-shards [options] plan RUN SHARD ... | add RUN SHARD ... | run RUN | task RUN score | drop | train [INDEX] | reduce | status | check RUN
Cleans many shards by one ranking over all of them, on one machine or many.

verbs:
  plan RUN SHARD...     make the directory RUN: hashes of the shards and of the model, and what is to be done
  add RUN SHARD...      add shards; only these are scored
  run RUN               do what is not done: score, reduce, drop, check
  task RUN score|drop|train [INDEX]
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
      --memo OPTIONS    instead: vae-memo with these options, a task for each of its models; nothing is dropped
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
      --per-task K      INDEX stands for K shards, or models
      --threads N       worker threads of a task (default: the processors, divided by -j)
  -q, --quiet           errors only
      --summary FILE    write counts to FILE as JSON
  -h, --help            print this help
  -V, --version         print the version
END
}

# --- the command line ---

verb='' model='' score='' key='' joint='' unlike='' far='' top=1% memo='' same_keys='' print='' jobs=1 parallel='' sshlogin='' slurm='' cpus=1 sbatch_args='' per_task=1 threads='' quiet='' summary=''
planned='' ranked='' # options of plan that are given, and of ranking
valued='-m --model --score -k --key --joint --unlike --far --top --memo -j --jobs --sshlogin -c --cpus --sbatch-args --per-task --threads --summary'
flags='--keys-per-file --print --parallel --slurm'
take() { # OPTION VALUE
	case $1 in
	-m | --model | --score | -k | --key | --joint | --unlike | --far | --top) planned=$1 ranked=$1 ;;
	--memo | --keys-per-file) planned=$1 ;;
	esac
	case $1 in
	-m | --model) model=$2 ;;
	--score) score=$2 ;;
	-k | --key) key=$2 ;;
	--joint) joint=$2 ;;
	--unlike) unlike=$2 ;;
	--far) far=$2 ;;
	--top) top=$2 ;;
	--memo)
		memo=$2
		[ -n "$memo" ] || wrong '--memo takes options of vae-memo, at least -c NAME'
		;;
	--keys-per-file) same_keys=1 ;;
	--print) print=1 ;;
	-j | --jobs) jobs=$2 ;;
	--parallel) parallel=1 ;;
	--sshlogin) sshlogin=$2 ;;
	--slurm) slurm=1 ;;
	-c | --cpus) cpus=$2 ;;
	--sbatch-args) sbatch_args=$2 ;;
	--per-task) per_task=$2 ;;
	--threads) threads=$2 ;;
	--summary) summary=$2 ;;
	esac
}
read_options "$@"
eval "set -- $operands"
[ $# -gt 1 ] || wrong 'a verb and the directory RUN are required'
verb=$1 run=$2
shift 2
case $verb in
plan | add) [ $# -gt 0 ] || wrong "$verb takes shards" ;;
task) { [ $# -gt 0 ] && [ $# -lt 3 ]; } || wrong 'task takes score, drop or train, and an INDEX' ;;
run | reduce | status | check) [ $# -eq 0 ] || wrong "$verb takes no '$1'" ;;
*) wrong "there is no verb '$verb'" ;;
esac
[ "$verb" = plan ] || [ -z "$planned" ] || wrong "$planned is an option of plan"
[ -z "$memo" ] || [ -z "$ranked" ] || wrong "--memo ranks and drops nothing, and takes no $ranked"
[ -z "$sshlogin" ] || [ -n "$parallel" ] || wrong '--sshlogin is for --parallel'
[ -z "$slurm$sbatch_args" ] || [ "$verb" = run ] || wrong '--slurm is for run'
{ [ -n "$slurm" ] || [ -z "$sbatch_args" ]; } || wrong '--sbatch-args is for --slurm'
number -j "$jobs" '[1-9][0-9]{0,5}'
number -c "$cpus" '[1-9][0-9]{0,5}'
number --per-task "$per_task" '[1-9][0-9]{0,5}'
number --threads "${threads:-1}" '[1-9][0-9]{0,5}'
printf '%s\n' "$top" | grep -Eqx '[0-9]+|[0-9]+([.][0-9]+)?%' || wrong "--top takes a number of records or a percentage, not '$top'"
case $joint in '' | tails | mahalanobis | both) ;; *) wrong "--joint is tails, mahalanobis or both, not '$joint'" ;; esac
required vae-stat vae-selfinf vae-memo vae-rank vae-drop vae-cut sha256sum

check_summary "$run" ${model:+"$model"} "$@"
here=$PWD run=$(absolute "$run") version=$(vae-cut -V | sed 's/.* //') processors=$(processors)
[ -n "$threads" ] || threads=$((processors > jobs ? processors / jobs : 1))

# replace FILE TEXT: whole or not at all. (A pipeline into a file would not notice that a process of it is killed.)
replace() { { printf '%s\n' "$2" >"$1.tmp$$" && mv -f "$1.tmp$$" "$1"; } 2>/dev/null || unwritten "$1"; }

unwritten() { # FILE
	rm -f "$run"/*".tmp$$" "$1.tmp$$"
	fail "$1: cannot be written: no space left on the disk, or no permission"
}

# made DIRECTORY ...
made() { error=$(mkdir -p "$@" 2>&1) || fail "$run: the directory cannot be made: ${error##*: }"; }

# regular FILE: refuses a directory in its place, and a FIFO, which would be waited for
regular() { [ ! -e "$1" ] || [ -f "$1" ] || fail "$1: not a regular file: remove it, and run again"; }

hash_of() { # FILE
	regular "$1"
	[ -r "$1" ] || fail "$1: cannot be read: no such file, or no permission"
	hashed=$(sha256sum <"$1") || fail "$1: sha256sum failed: run it again"
	printf '%s\n' "${hashed%% *}"
}

# hash_text: prints the hash of standard input
hash_text() {
	hashed=$(sha256sum) || fail 'sha256sum failed: run it again'
	printf '%s\n' "${hashed%% *}"
}

# same FILE HASH MESSAGE
same() {
	hash=$(hash_of "$1") || exit 1
	[ "$hash" = "$2" ] || fail "$3"
}

# shards_plan.sh
# shards_state.sh
# shards_tasks.sh
# shards_engines.sh

# --- the verbs ---

summarise() {
	[ -n "$summary" ] || return 0
	cleaned=0 is=false
	find_undone "$first"
	did=$((tasks - left))
	! reduced || is=true
	if [ -z "$memo" ] && [ $is = true ]; then
		find_undone drop
		cleaned=$((shards - left))
	fi
	if [ -n "$memo" ]; then
		write_summary "{\"shards\":$shards,\"models\":$models,\"trained\":$did,\"reduced\":$is}"
	else
		counts=$(sed -n 's/.*\(,"records":[0-9]*,"ranked":[0-9]*,"listed":[0-9]*\).*/\1/p' "$run/counts" 2>/dev/null) || counts=
		write_summary "{\"shards\":$shards,\"scored\":$did,\"reduced\":$is,\"cleaned\":$cleaned$counts}"
	fi
}

if [ "$verb" = plan ]; then
	plan "$@"
	exit 0
fi
case $verb$print in add | run | check) [ ! -d "$run" ] || lock_run ;; esac
open_run
check_summary "$run" ${model:+"$model"}
if [ -e "$summary" ] && cut -f 5 "$run/manifest" | xargs -d '\n' stat -L -c %d:%i -- 2>/dev/null | grep -qxF "$(stat -L -c %d:%i -- "$summary")"; then
	wrong "--summary names a shard of $run, '$summary'"
fi
case $verb in
add)
	add "$@"
	say "$(wc -l <"$run/manifest") shards are planned in $run"
	;;
task)
	index=${2:-}
	[ -n "$index" ] || index=${SLURM_ARRAY_TASK_ID:-}
	[ -n "$index" ] || [ -z "${JOB_COMPLETION_INDEX:-}" ] || index=$((JOB_COMPLETION_INDEX + 1))
	[ -n "$index" ] || [ -z "${AWS_BATCH_JOB_ARRAY_INDEX:-}" ] || index=$((AWS_BATCH_JOB_ARRAY_INDEX + 1))
	[ -n "$index" ] || wrong 'task takes an INDEX, here or in SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX or AWS_BATCH_JOB_ARRAY_INDEX'
	case $1 in score | drop | train) ;; *) wrong "task takes score, drop or train, not '$1'" ;; esac
	[ "$1" = "$first" ] || [ "$1" = "$second" ] || fail "$run has no task $1: its tasks are $first${second:+ and $second}"
	task "$1" "$index"
	;;
reduce) reduced || reduce ;;
check)
	check
	say "$shards shards and their results are as they should be"
	;;
status) status | output || exit 1 ;;
run)
	if [ -n "$print" ]; then
		{
			undone "$first" | commands "$first"
			reduced || commands reduce
			[ -z "$second" ] || undone_after_reduce | commands "$second"
		} | output || exit 1
		exit 0
	fi
	refresh
	if [ -n "$slurm" ]; then
		run_slurm
		exit 0
	fi
	run_here
	;;
esac
summarise
