# shellcheck shell=sh disable=SC2154
# shards_engines.sh, of vae-shards: runs the tasks by xargs, GNU parallel or Slurm.

# commands VERB: prints the commands of the tasks whose ordinals are on standard input, or of reduce or check
commands() {
	case $1 in
	reduce | check) printf '%s\n' "$tool $1 $(quote "$run")" ;;
	*)
		of=$(quote "$run")
		while read -r i; do printf '%s\n' "$tool task $of $1 $i"; done
		;;
	esac
}

find_self() { self=$(command -v "$0" || command -v "$tool") self=$(absolute "$self"); }

# engine TASK: runs the tasks whose ordinals are on standard input
engine() {
	find_self
	exec 8<&-
	if [ -n "$parallel" ]; then
		command -v parallel >/dev/null || fail 'parallel is not in PATH: install the package parallel'
		parallel --will-cite -j "$jobs" ${sshlogin:+--sshlogin "$sshlogin"} --halt soon,fail=1 "PATH=$(quote "$PATH") $(quote "$self") task -q --threads $threads $(quote "$run") $1 {}"
	else
		xargs -r -n 1 -P "$jobs" "$self" task -q --threads "$threads" "$run" "$1"
	fi || fail "a task failed: what is finished is kept, and the same command goes on"
}

# run_here: does what is not done
run_here() {
	find_undone "$first"
	scored=$left
	if [ -n "$ordinals" ]; then
		if [ -n "$memo" ]; then say "training $scored of $models models"; else say "scoring $scored of $shards shards"; fi
		printf '%s\n' "$ordinals" | engine "$first" || exit 1
	fi
	made=''
	if ! reduced; then
		if [ -n "$memo" ]; then say "merging $models models"; else say "ranking $shards shards together"; fi
		reduce
		made=1
	fi
	if [ -n "$memo" ]; then
		[ -z "$made" ] || check
		say "$models models: $scored trained now; the records with their scores are $run/memo.tar.zst"
		return 0
	fi
	find_undone drop
	did=$left
	if [ -n "$ordinals" ]; then
		say "cleaning $did of $shards shards"
		printf '%s\n' "$ordinals" | engine drop || exit 1
	fi
	[ $((scored + did)) -eq 0 ] || check
	say "$shards shards: $scored scored, $did cleaned now; the results are $run/clean and $run/quarantine"
}

# --- Slurm ---

# submit NAME AFTER ARRAY COMMAND: submits a job that starts after job AFTER has succeeded; adds it to did, and sets after to it. AFTER and ARRAY
# may be empty.
submit() {
	# shellcheck disable=SC2086 # several options
	after=$(sbatch --parsable --requeue --kill-on-invalid-dep=yes -J "vae-$1" -c "$cpus" -o "$run/log/%x-%j.log" ${2:+-d "afterok:$2"} ${3:+--array="$3"} $sbatch_args \
		--wrap "PATH=$(quote "$PATH") exec $(quote "$self") $4") || fail "sbatch has failed: the jobs before it are submitted, and scancel ends them"
	did="${did:+$did, }$after"
}

# indices: prints the indices of the tasks with the ordinals on standard input, as an array of Slurm: 1-4,7
indices() {
	awk -v k="$per_task" '
		function flush() { if (first) printf "%s%s", n++ ? "," : "", first == last ? first : first "-" last }
		{ i = int(($1 - 1) / k) + 1; if (i == last) next; if (i != last + 1 || !first) { flush(); first = i } last = i }
		END { flush() }'
}

# submit_tasks TASK AFTER: submits the tasks of $ordinals
submit_tasks() { submit "$1" "$2" "$(printf '%s\n' "$ordinals" | indices)" "task -q --threads $cpus --per-task $per_task $(quote "$run") $1"; }

# run_slurm: submits what is not done, and then check
run_slurm() {
	command -v sbatch >/dev/null || fail 'sbatch is not in PATH: --slurm requires the clients of Slurm'
	find_self
	after='' did=''
	find_undone "$first"
	made "$run/log"
	[ -z "$ordinals" ] || submit_tasks "$first" ''
	if [ -n "$after" ] || ! reduced; then
		submit reduce "$after" '' "reduce -q $(quote "$run")"
		ordinals=$(seq "$tasks")
	else
		ordinals=''
		[ -z "$second" ] || find_undone "$second"
	fi
	if [ -z "$did$ordinals" ]; then
		say "$shards shards: nothing to submit"
		return 0
	fi
	[ -z "$second" ] || submit_tasks "$second" "$after"
	submit check "$after" '' "check -q $(quote "$run")"
	say "submitted: jobs $did of Slurm; the last is the check, and logs are in $run/log"
}
