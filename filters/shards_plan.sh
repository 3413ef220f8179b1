# shellcheck shell=sh disable=SC2034,SC2154
# shards_plan.sh, of vae-shards: makes the plan of a run: its manifest and its settings.

# identity PATH: prints inode, size and times. They change with the bytes of the file, even if its time of modification is set back.
identity() { stat -L -c '%i:%s:%.9Y:%.9Z' -- "$1" 2>/dev/null; }

hash_model() {
	[ -z "$model" ] || (cd "$model" && find . -type f \( -name '*.safetensors' -o -name '*.yaml' \) | sort | xargs -r -d '\n' sha256sum) | sha256sum | cut -c 1-64
}
identity_model() { [ -z "$model" ] || (cd "$model" && find . -type f \( -name '*.safetensors' -o -name '*.yaml' \) -printf '%P:%i:%s:%T@:%C@\n' | sort | cksum); }

# choose_score: sets the pipeline and the ranking; for a model with curvature, the recipe of vae-filters(7) as in vae-clean
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
	key=loss,nll,selfinf,profile_$layer joint=both
	unlike=stat_saturation,stat_warmth,stat_tint
	far=stat_brightness,stat_contrast,stat_bytes_per_pixel,stat_sharpness,stat_noise,stat_entropy,stat_common
}

# count_models OPTIONS: sets models to the number of models of vae-memo with these options
count_models() {
	printf 'set -- %s\n' "$1" | sh -n 2>/dev/null || wrong "--memo: '$1' cannot be parsed by the shell: check its quotes"
	folds=10 repeats=1
	eval "set -- $1"
	shorts=$(vae-memo -h | sed -n 's/^  -\(.\), --[a-z-]* [A-Z].*/\1:/p; t; s/^  -\(.\)\[.*/\1::/p; t; s/^  -\(.\), .*/\1/p' | tr -d '\n')
	longs=$(vae-memo -h | sed -n 's/^  *\(-., \)*--\([a-z-]*\) [A-Z].*/\2:/p; t; s/^  *\(-., \)*--\([a-z-]*\) .*/\2/p' | paste -sd , -)
	# names in full, each option's argument behind it, and FILEs behind --
	words=$(getopt -q -o "$shorts" -l "$longs" -- "$@") || return 0 # vae-memo will refuse them
	eval "set -- $words"
	while [ "$1" != -- ]; do
		case $1 in
		--folds) folds=$2 ;;
		--repeats) repeats=$2 ;;
		-h | --help | -V | --version) wrong "--memo takes no $1" ;;
		--halves | --leave | --task | -o | --output | -r | --rejects | -z) wrong "--memo takes no $1: the models are those of --folds and --repeats, and $tool names the files" ;;
		esac
		shift
	done
	[ $# -eq 1 ] || wrong "--memo takes options alone, and not '$2': the records are those of the shards"
	number 'the option --folds of --memo' "$folds" '[1-9][0-9]{0,4}'
	number 'the option --repeats of --memo' "$repeats" '[1-9][0-9]{0,4}'
	models=$((folds * repeats))
}

# check_memo_options: lets vae-memo check them. The file that cannot be read comes behind the options: it is refused last, and nothing is trained.
check_memo_options() {
	unread=/dev/null/none
	said=$(eval "vae-memo -q $memo -o \"\$run/models.memo\" --task 1/1 -- $unread" 2>&1 </dev/null) && status=0 || status=$?
	said=$(printf '%s\n' "$said" | tail -n 1 | sed 's/^vae-memo: //; s/ (vae-memo -h shows the options)$//')
	case $said in "$unread"*) return 0 ;; esac
	[ "$status" -ne 2 ] || wrong "--memo: $said"
	fail "--memo: $said"
}

# line_of ORDINAL PATH: prints a line of the manifest. The hash of an unchanged file comes from RUN/identities.
line_of() {
	is=$(identity "$2") || fail "$2: cannot be read: no such file, or no permission"
	sum=''
	[ ! -e "$run/identities" ] || sum=$(identity="$is" path=$2 awk -F '\t' '$1 == ENVIRON["identity"] && $3 == ENVIRON["path"] { print $2; exit }' "$run/identities")
	[ -n "$sum" ] || sum=$(hash_of "$2") || exit 1
	name=$(printf '%s\n' "${2##*/}" | sed 's/[.]\(gz\|xz\|lz4\|bz2\)$//; s/[.]tgz$/.tar/')
	{ printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$(stat -L -c %s -- "$2")" "$sum" "$name" "$2" && printf '%s\t%s\t%s\n' "$is" "$sum" "$2" >>"$run/identities.tmp$$"; } 2>/dev/null ||
		unwritten "$run/manifest"
}

# lines: prints the manifest lines of the paths on standard input
lines() {
	i=0
	while IFS= read -r path; do
		i=$((i + 1))
		line_of $i "$path" || exit 1
	done
}

# check_shards PATH...: refuses unreadable files and bad names
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

# write_manifest N: writes the manifest of the N paths on standard input. Unchanged files are not read again.
write_manifest() {
	rm -f "$run/identities.tmp$$"
	{ true >"$run/manifest.new.tmp$$"; } 2>/dev/null || unwritten "$run/manifest"
	lines >"$run/manifest.new.tmp$$" || exit 1
	[ "$(wc -l <"$run/manifest.new.tmp$$")" -eq "$1" ] || fail "the names of the shards could not be read: run it again"
	twice=$(cut -f 4 "$run/manifest.new.tmp$$" | sort | uniq -d | head -n 1)
	if [ -n "$twice" ]; then
		rm -f "$run"/*".tmp$$"
		fail "two shards have the name $twice, and would have one result: rename one"
	fi
	{
		mv -f "$run/identities.tmp$$" "$run/identities" &&
			if cmp -s "$run/manifest.new.tmp$$" "$run/manifest"; then rm "$run/manifest.new.tmp$$"; else mv -f "$run/manifest.new.tmp$$" "$run/manifest"; fi
	} 2>/dev/null || unwritten "$run/manifest"
}

# write_settings: the scores depend on the lines before `--`, and the lists on all lines; the last line has the hash of all before it
write_settings() {
	hash=$(hash_model)
	text=$(
		printf '%s\t%s\n' version "$version" model "$model" model_hash "$hash" directory "$here" score "$score"
		printf '%s\t%s\n' columns "$(printf '%s,%s,%s\n' "$key" "$unlike" "$far" | tr ',' '\n' | awk 'NF && !seen[$0]++' | paste -sd , -)"
		[ -z "$memo" ] || printf '%s\t%s\n' memo "$memo" models "$models"
		echo --
		printf '%s\t%s\n' key "$key" joint "$joint" unlike "$unlike" far "$far" top "$top" same_keys "$same_keys"
	)
	hash=$(printf '%s\n' "$text" | hash_text) || exit 1
	replace "$run/settings" "$text
sha256$tab$hash"
	replace "$run/identity" "$(identity_model)"
}

plan() { # SHARD...
	[ -z "$model" ] || model=$(absolute "$model")
	if [ -n "$model" ] && [ ! -r "$model/model.yaml" ]; then fail "-m: $model: no model there: expected $model/model.yaml"; fi
	if [ -n "$memo" ]; then
		count_models "$memo"
		check_memo_options
	else
		choose_score
	fi
	case "$score$key$unlike$far$memo$model$here" in *"$tab"* | *'
'*) wrong 'options of plan may not have tabs or newlines' ;; esac
	check_shards "$@"
	if [ -z "$print" ] && { [ ! -e "$run" ] || [ -d "$run" ]; }; then
		made "$run"
		lock_run
	fi
	if [ -e "$run" ] && [ ! -e "$run/settings" ] && { [ ! -d "$run" ] || [ -n "$(find "$run" -mindepth 1 ! -name 'settings.tmp[0-9]*' 2>/dev/null)" ]; }; then
		fail "$run is not empty, and was not made by $tool: name another directory"
	fi
	if [ -n "$print" ]; then
		shards=$#
		name_tasks
		{
			seq "$tasks" | commands "$first"
			commands reduce
			[ -z "$second" ] || seq "$tasks" | commands "$second"
			commands check
		} | output || exit 1
		return 0
	fi
	write_settings # first: they say that the directory is one of vae-shards
	[ -n "$memo" ] || made "$run/scored" "$run/columns" "$run/lists" "$run/clean" "$run/quarantine" "$run/done"
	for shard; do absolute "$shard"; done | write_manifest $# || exit 1
	say "$# shards are planned in $run: $tool run, or task after task, cleans them"
	[ -z "$summary" ] || write_summary "{\"shards\":$#}"
}

add() { # SHARD...
	[ -z "$memo" ] || fail "$run is of --memo, whose models are trained on all records: plan the old and the new shards in another directory"
	check_shards "$@"
	{
		cut -f 5 "$run/manifest"
		for shard; do absolute "$shard"; done
	} | write_manifest $((shards + $#)) || exit 1
}

# refresh: updates the plan for shards that have changed
refresh() {
	if [ "$(identity_model)" != "$(cat "$run/identity" 2>/dev/null)" ]; then
		same_model
		replace "$run/identity" "$(identity_model)"
	fi
	# one stat for all shards; field 5 is the path
	now=$(cut -f 5 "$run/manifest" | xargs -d '\n' stat -L -c '%i:%s:%.9Y:%.9Z' -- 2>&1) || fail "a shard cannot be read: $(printf '%s\n' "$now" | grep -m 1 '^stat:')"
	if [ "$now" != "$(cut -f 1 "$run/identities" 2>/dev/null)" ]; then
		[ -z "$memo" ] || same_shards
		before=$(cksum <"$run/manifest")
		cut -f 5 "$run/manifest" | write_manifest "$shards" || exit 1
		[ "$before" = "$(cksum <"$run/manifest")" ] || say 'shards have changed since the plan: they are scored again'
	fi
}
