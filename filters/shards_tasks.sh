# shellcheck shell=sh disable=SC2154
# shards_tasks.sh, of vae-shards: the tasks, reduce, and check.

score_task() {
	shard "$1"
	scored=$(file scored "$1" tar.zst) column=$(file columns "$1" col)
	regular "$column"
	case $(bind_of "$column") in "$sum $settings "*) return 0 ;; esac
	same_shard
	same_model
	# vae-drop passes all records here, and writes the file whole or not at all
	export model threads
	(cd "$directory" && eval "{ $score
} <\"\$path\" | vae-drop -q -e '__never__ == 1' -o \"\$scored\"") || fail "shard $1, $path: the pipeline that scores it failed: its message is above, and the same command tries again"
	hash=$(hash_of "$scored") || exit 1
	vae-cut -q --columns "$column" --bind "$sum $settings $hash" -k "$columns" "$scored" || exit 1
}

train_task() {
	[ ! -e "$run/models.memo/model-$(printf %06d $(($1 - 1))).numbers" ] || return 0
	same_shards
	memo --task "$1/$models" || fail "model $1 of $models is not trained"
}

# all_lines COMMAND...: runs it once, with the lines of standard input as arguments. A larger stack allows more arguments.
all_lines() {
	(
		size=1000000
		# shellcheck disable=SC3045 # dash and busybox have it
		! ulimit -s 32768 2>/dev/null || size=5000000
		exec xargs -d '\n' -x -s $size -n 10000000 "$@"
	)
}

# memo OPTION...: runs vae-memo on all shards; its options are quoted as for the shell
memo() {
	(cd "$directory" && eval "cut -f 5 \"\$run/manifest\" | all_lines vae-memo -q -j$threads $memo ${same_keys:+--keys-per-file} -o \"\$run/models.memo\" $* --")
}

reduce() {
	find_undone "$first"
	if [ -n "$memo" ]; then
		[ "$left" -eq 0 ] || fail "$left of $models models are not trained: '$tool run' or '$tool task $run train INDEX' trains them"
		same_shards
		{ true >"$run/memo.tmp$$"; } 2>/dev/null || unwritten "$run/memo.tar.zst"
		memo -z >"$run/memo.tmp$$" || exit 1 # vae-memo has said why
		mv -f "$run/memo.tmp$$" "$run/memo.tar.zst"
		hash=$(hash_of "$run/memo.tar.zst") || exit 1
		replace "$run/reduced" "$(wanted)
$hash"
		return 0
	fi
	[ "$left" -eq 0 ] || fail "$left of $shards shards are not scored: '$tool run' or '$tool task $run score INDEX' scores them"
	rank "$run/lists" "$run/counts"
	hashes=$(cd "$run/lists" && seq -f %05.0f.keys "$shards" | xargs sha256sum | cut -c 1-64)
	[ "$(printf '%s\n' "$hashes" | grep -Ecx '[0-9a-f]{64}')" -eq "$shards" ] || fail 'the lists of keys could not be read: run it again'
	replace "$run/reduced" "$(wanted)
$hashes"
}

# rank LISTS SUMMARY: writes the lists of all shards
# shellcheck disable=SC2016 # a program of awk
rank() {
	{ true >"$run/bindings.tmp$$"; } 2>/dev/null || unwritten "$run/bindings"
	{
		binds
		echo --
		bound
	} | awk '!after && $0 == "--" { after = 1; next } !after { scored[$1] = $4; next } { print $0, scored[++i] }' 2>/dev/null >"$run/bindings.tmp$$" || unwritten "$run/bindings"
	mv -f "$run/bindings.tmp$$" "$run/bindings"
	# names without a directory, so that more of them fit into one command line
	(cd "$run/columns" && seq -f %05.0f.col "$shards" | all_lines vae-rank --columns -q --lists "$1" --bindings "$run/bindings" --summary "$2" \
		--top "$top" -k "$key" ${joint:+--joint "$joint"} ${unlike:+--unlike "$unlike"} ${far:+--far "$far"} ${same_keys:+--keys-per-file}) || exit 1 # vae-rank has said why
}

drop_task() {
	shard "$1"
	reduced || fail "the shards are not ranked together: '$tool reduce $run' ranks them"
	list=$(file lists "$1" keys) scored=$(file scored "$1" tar.zst) mark=$(file "done" "$1" "done")
	regular "$mark"
	makes=$(makes | sed -n "${1}p")
	same "$list" "$(sed -n "$(($1 + 1))p" "$run/reduced")" "$list has changed since it was made: remove $run/reduced, and run again"
	if [ -e "$mark" ] && [ "$(head -n 1 "$mark")" = "$makes" ] && [ -e "$run/clean/$name" ] && [ -e "$run/quarantine/$name" ]; then return 0; fi
	same_shard
	same_scored "$1"
	rm -f "$mark"
	quarantine=$run/quarantine/.tmp$$-$name
	rm -f "$quarantine"
	vae-drop -q --keys "$list" -o "$run/clean/$name" "$path" || exit 1
	vae-drop -q --keys "$list" --because "$because" -r "$quarantine" "$scored" >/dev/null || exit 1
	[ "$(vae-cut -q -k key "$quarantine" | sort | cksum)" = "$(sort "$list" | cksum)" ] || fail "$scored has not the records of $list: remove it and $(file columns "$1" col), and run again"
	mv -f "$quarantine" "$run/quarantine/$name"
	hashes=$(hash_of "$run/clean/$name" && hash_of "$run/quarantine/$name") || exit 1
	replace "$mark" "$makes
$hashes"
}

task() { # score|drop|train INDEX
	what=$1 index=$2
	printf '%s\n' "$index" | grep -Eqx '[1-9][0-9]{0,8}' || wrong "INDEX is a number from 1, not '$index'"
	last=$((index * per_task))
	i=$(((index - 1) * per_task + 1))
	[ $i -le "$tasks" ] || fail "there is no task $index: $run has $tasks $([ "$what" = train ] && echo models || echo shards)"
	while [ $i -le $last ] && [ $i -le "$tasks" ]; do
		("${what}_task" "$i") || exit 1
		i=$((i + 1))
	done
}

# --- check ---

check() {
	if [ -n "$memo" ]; then check_memo; else check_results; fi
	# all tasks are finished, so no temporary file is in use
	find "$run" -depth \( -name '*.tmp[0-9]*' -o -name '.tmp[0-9]*' -o -path "*/lists.tmp[0-9]*" \) -exec rm -rf {} +
}

same_result() { same "$1" "$2" "$1 has changed since it was made: remove it, and run again"; } # FILE HASH

check_memo() {
	find_undone train
	[ "$left" -eq 0 ] || fail "$left of $models models are not trained: '$tool run $run' trains them"
	reduced || fail "the models are not merged: '$tool run $run' merges them"
	same_shards
	same_result "$run/memo.tar.zst" "$(sed -n 2p "$run/reduced")"
	memo -z >"$run/memo.tmp$$" || exit 1
	cmp -s "$run/memo.tmp$$" "$run/memo.tar.zst" || fail "$run/memo.tar.zst is not what the models give: remove it, and run again"
}

check_results() {
	same_model
	find_undone score
	[ "$left" -eq 0 ] || fail "$left of $shards shards are not scored: '$tool run $run' scores them"
	reduced || fail "the shards are not ranked together: '$tool run $run' ranks them"
	find_undone drop
	[ "$left" -eq 0 ] || fail "$left of $shards shards are not cleaned: '$tool run $run' cleans them"
	for i in $(seq "$shards"); do
		shard "$i"
		same_shard
		same_scored "$i"
		{ read -r _ && read -r clean && read -r quarantined; } <"$(file "done" "$i" "done")" || fail "$(file "done" "$i" "done") is damaged: remove it, and run again"
		same_result "$run/clean/$name" "$clean"
		same_result "$run/quarantine/$name" "$quarantined"
	done
	for dir in clean quarantine; do # refuse results of shards of an earlier plan
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
		regular "$(file lists "$i" keys)"
		cmp -s "$(file lists "$i" keys)" "$(file "lists.tmp$$" "$i" keys)" || fail "$(file lists "$i" keys) is not what the columns of all shards give: remove $run/reduced, and run again"
	done
}
