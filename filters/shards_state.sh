# shellcheck shell=sh disable=SC2034,SC2154
# shards_state.sh, of vae-shards: reads the state of a run.

# name_tasks: sets first and second, the tasks before and after reduce, and their number
name_tasks() {
	if [ -n "$memo" ]; then first=train second='' tasks=$models; else first=score second=drop tasks=$shards; fi
}

# lock_run: one plan, add, run or check at a time; tasks may run beside each other. The lock ends with this process: tasks do not inherit it.
lock_run() {
	command -v flock >/dev/null || return 0
	{ true <"$run"; } 2>/dev/null || fail "$run: cannot be read: no permission"
	exec 8<"$run"
	flock -w 10 8 || fail "$run: another $tool is at work there: wait until it has ended"
}

get() { sed -n "/^$1$tab/{s///p;q;}" "$run/settings"; }

# check_settings: fails if they are damaged. Those of an older version have no hash: their last line is same_keys.
check_settings() {
	hash=$(sed '$d' "$run/settings" | hash_text) || exit 1
	case $(tail -n 1 "$run/settings") in
	"same_keys$tab"* | "sha256$tab$hash") ;;
	*) fail "$run/settings: damaged or edited: its hash does not match: '$tool plan' with the same options and shards writes it again, and nothing is done twice" ;;
	esac
}

open_run() {
	for file in settings manifest identity identities reduced counts memo.tar.zst; do regular "$run/$file"; done
	{ [ -e "$run/settings" ] && [ -e "$run/manifest" ]; } || fail "$run: no plan there: $tool plan makes it"
	check_settings
	model=$(get model) score=$(get score) columns=$(get columns) key=$(get key) joint=$(get joint) unlike=$(get unlike) far=$(get far) top=$(get top)
	same_keys=$(get same_keys) directory=$(get directory) memo=$(get memo) models=$(get models)
	[ "$version" = "$(get version)" ] || fail "$run was planned by version $(get version), and this is $version: plan again in another directory"
	settings=$(sed '/^--$/,$d' "$run/settings" | hash_text) || exit 1
	shards=$(wc -l <"$run/manifest")
	because="top $top of ${key}${unlike:+; unlike $unlike}${far:+; far $far}, of all shards"
	name_tasks
}

file() { printf '%s/%05d.%s' "$run/$1" "$2" "$3"; }

# shard I: sets sum, name, path
shard() {
	line=$(sed -n "${1}p" "$run/manifest")
	[ -n "$line" ] || fail "there is no shard $1: $run has $shards"
	IFS=$tab read -r _ _ sum name path <<END
$line
END
}

same_shard() { # fails if the shard differs from the plan
	same "$path" "$sum" "$path has changed since the plan: $(if [ -n "$memo" ]; then echo plan in another directory; else echo "'$tool run $run' takes it as it is now"; fi)"
}

same_shards() {
	for i in $(seq "$shards"); do
		shard "$i"
		same_shard
	done
}

same_model() { [ "$(hash_model)" = "$(get model_hash)" ] || fail "$model has changed since the plan: '$tool plan' with the same RUN scores all shards by it"; }

# same_scored I: fails if the scored shard is not the one of its columns
same_scored() {
	is=$(file scored "$1" tar.zst) column=$(file columns "$1" col)
	[ -e "$is" ] || fail "$is is gone: remove $column, and run again"
	same "$is" "$(bind_of "$column" | cut -d ' ' -f 3)" "$is has changed since it was made: remove $column, and run again"
}

# bind_of FILE: prints the hashes that a file of columns is bound to
bind_of() { sed -n '2{s/^bind //p;q}' "$1" 2>/dev/null | tr -d '\0'; }

# bound: prints the hashes of each shard and of the settings
bound() { awk -F '\t' -v settings="$settings" '{ print $3 " " settings }' "$run/manifest"; }

# binds: prints ordinal and binding of each file of columns
# shellcheck disable=SC2016 # a program of awk
binds() { (cd "$run/columns" && find . -type f -name '[0-9]*.col' -print0 | xargs -0 -r awk 'FNR == 2 { name = FILENAME; sub(/.*\//, "", name); print name + 0, $2, $3, $4; nextfile }'); }

# undone TASK: prints the ordinals of tasks whose output is missing, or was made from other inputs
# shellcheck disable=SC2016 # programs of awk
undone() {
	case $1 in
	score)
		{
			binds
			echo --
			bound
		} | awk '!after && $0 == "--" { after = 1; next } !after { is[$1] = $4 == "" ? "" : $2 " " $3; next } is[++i] != $0 { print i }'
		;;
	train) for i in $(seq "$models"); do [ -e "$run/models.memo/model-$(printf %06d $((i - 1))).numbers" ] || echo "$i"; done ;;
	drop)
		changed=$(
			{
				(cd "$run/done" && find . -type f -name '[0-9]*.done' -print0 | xargs -0 -r awk 'FNR == 1 { name = FILENAME; sub(/.*\//, "", name); print name + 0 " " $0; nextfile }')
				echo --
				makes
			} | awk '!after && $0 == "--" { after = 1; next } !after { i = $1; sub(/^[^ ]* /, ""); is[i] = $0; next } is[++n] != $0 { print n }'
		) || exit 1
		{
			[ -z "$changed" ] || printf '%s\n' "$changed"
			cut -f 1,4 "$run/manifest" | while IFS=$tab read -r i result; do
				{ [ -e "$run/clean/$result" ] && [ -e "$run/quarantine/$result" ]; } || echo "$i"
			done
		} | sort -n -u
		;;
	esac
}

# find_undone TASK: sets ordinals to them, and left to their number
find_undone() {
	ordinals=$(undone "$1") || fail "$run: what is not done could not be found: run it again"
	left=$(count "$ordinals")
}

# undone_after_reduce: the same for the tasks after reduce
undone_after_reduce() { if reduced; then undone "$second"; else seq "$tasks"; fi; }

# wanted: prints the first line that RUN/reduced must have
wanted() {
	{
		bound
		sed '1,/^--$/d; /^sha256'"$tab/d" "$run/settings"
	} | sha256sum | cut -c 1-64
}
reduced() { [ -e "$run/reduced" ] && [ "$(head -n 1 "$run/reduced")" = "$(wanted)" ] && { [ -z "$memo" ] || [ -e "$run/memo.tar.zst" ]; }; }

# makes: prints what the result of each shard depends on: the hashes of shard, settings and list, and the rule
makes() {
	sed 1d "$run/reduced" | BECAUSE=$because awk -F '\t' -v settings="$settings" 'NR == FNR { list[FNR] = $1; next } { print $3 " " settings " " list[FNR] " " ENVIRON["BECAUSE"] }' - "$run/manifest"
}

# count TEXT: prints the number of its lines
count() { printf '%s' "$1" | grep -c '' || true; }

status() {
	find_undone "$first"
	if [ -n "$memo" ]; then
		echo "$models models of $shards shards, $((models - left)) trained"
		if reduced; then echo "$run/memo.tar.zst has the scores"; else echo 'not merged'; fi
		return 0
	fi
	echo "$shards shards, $((shards - left)) scored"
	if reduced; then
		echo "ranked together: $(sed -n 's/.*"listed":\([0-9]*\).*/\1/p' "$run/counts") of $(sed -n 's/.*"records":\([0-9]*\).*/\1/p' "$run/counts") records are listed"
		find_undone drop
		echo "$((shards - left)) cleaned"
	else
		echo 'not ranked together'
	fi
}
