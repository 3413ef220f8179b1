# shellcheck shell=sh disable=SC2034,SC2154 # variables of vae-clean.sh and driver.sh
# clean_inputs.sh, of vae-clean: the kind of the inputs, and the directory OUT.

# The plan has a line for each file.
for text in "$@" "$config" "$decisions" "$label"; do
	case $text in *"
"* | *"$tab"*) fail "'$text' has a newline or a tab: rename it" ;; esac
done

kind=''
for input; do
	case $(printf '%s\n' "$input" | tr '[:upper:]' '[:lower:]') in # as vae-pack takes them
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
	[ "${kind:-$is}" = $is ] || fail "$input is of kind ${is%s}, and the inputs before it are of kind ${kind%s}: clean them one at a time"
	kind=$is
done
case $kind in
folder | archive | table) [ $# -eq 1 ] || fail "$# inputs of kind $kind: clean them one at a time" ;;
array | idx) [ $# -le 2 ] || fail "$# inputs: expected one of $kind, and its labels" ;;
esac
[ -z "$label" ] || [ "$kind" = table ] || wrong '--label is for TABLE.csv'
[ -z "$sharding" ] || [ "$kind" = shards ] || wrong "$([ -n "$same_keys" ] && echo --keys-per-file || echo --keep-sharding) is for shards"
[ -z "$decisions" ] || { [ -r "$decisions" ] && [ ! -d "$decisions" ]; } || fail "--decisions: $decisions cannot be read"
# Refuses lists that are not decisions: a misspelt word would silently decide nothing.
[ -z "$decisions" ] || line=$(tr -d '\r' <"$decisions" | awk -F '\t' '$0 != "" && !(NR == 1 && $2 == "decision") && tolower($2) !~ /^(keep|drop|unsure)$/ { print NR; exit 1 }') ||
	fail "$decisions: line $line: expected a key, a tab, and keep, drop or unsure"
# Two shards of one name would be one file, or give keys one prefix.
shard_names() { for input; do printf '%s\n' "$input" | sed 's|.*/||; s/[.]\(gz\|xz\|lz4\|bz2\)$//; s/[.]t\(gz\|xz\|bz2\|zst\)$/.tar/'; done; }
if [ -n "$sharding" ]; then
	twice=$(shard_names "$@" | if [ -n "$same_keys" ]; then sed 's/[.]zst$//; s/[.]tar$//'; else cat; fi | sort | uniq -d | head -n 1)
	if [ -n "$twice" ] && [ -n "$same_keys" ]; then fail "--keys-per-file puts the name of its shard before each key, and two shards are $twice: rename one"; fi
	[ -z "$twice" ] || fail "two shards would be $out/clean/$twice: rename one, or clean them without --keep-sharding"
fi

# Whether a label or a caption has the name of a picture, as in the folders of img2dataset: then files of one name are one record.
has_labels() {
	find -L "$1" -type f | awk '{
			name = $0
			sub(/.*\//, "", name)
			dot = index(name, ".")
			stem = substr($0, 1, length($0) - length(name) + dot)
			kind = tolower(substr(name, dot + 1))
			if (kind ~ /^(png|jpg|jpeg|webp|avif|pnm|pgm|ppm)$/) picture[stem]
			else if (kind ~ /^(txt|json|cls)$/) label[stem]
		}
		END { for (stem in label) if (stem in picture) exit; exit 1 }'
}

# column_names TABLE: the names in its first line of the columns that are not in --label, with commas between, for the page. Nothing, if vae-pack
# would take that line for numbers, or if it has quotes or no name for a column: then the page counts the columns.
column_names() {
	low=$(printf '%s\n' "$1" | tr '[:upper:]' '[:lower:]')
	comma=,
	case $low in *.tsv | *.tsv.gz) comma=$tab ;; esac
	case $low in *.gz) gzip -dc <"$1" ;; *) cat <"$1" ;; esac 2>/dev/null | awk -F "$comma" -v labels="$label" '{
			if (NR == 1) sub(/^\357\273\277/, "")
			sub(/\r$/, "")
			if ($0 == "") next
			if (length($0) > 4000 || /["\\]/) exit
			for (i = 1; i <= NF; i++) {
				name[i] = $i
				gsub(/^ +| +$/, "", name[i])
				if (name[i] == "" || name[i] ~ /,|[[:cntrl:]]/) exit
				at[name[i]] = i
				numbers += tolower(name[i]) ~ /^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[-+]?[0-9]+)?$|^[-+]?(nan|inf|infinity|na|n\/a|null|none)$/
			}
			n = split(labels, given, ",")
			for (k = 1; k <= n; k++)
				if (given[k] in at) { left_out[at[given[k]]]; header = 1 }
				else left_out[given[k]]
			if (numbers && !header) exit
			for (i = 1; i <= NF; i++)
				if (!(i in left_out)) { printf "%s%s", between, name[i]; between = "," }
			exit
		}'
}

# The inputs of the pipelines: list, quoted for the shell, has shard I as its I-th word. If the input is not a stream, the command pack makes one.
list='' pack='' columns='' shards=$#
[ "$kind" != table ] || columns=$(column_names "$1")
for input; do list="$list $(quote "$(absolute "$input")")"; done
if [ "$kind" != shards ]; then
	[ "$kind" != table ] || list=" --missing mean$list"
	[ -z "$label" ] || list=" --label $(quote "$label")$list"
	if [ "$kind" = folder ] && has_labels "$(absolute "$1")"; then
		list=" --together$list"
		say "files of one name in $1, such as a picture and its label, are one record"
	fi
	pack="vae-pack -q$list" list=' records.tar.zst' shards=1
fi
same=${same_keys:+ --keys-per-file}
[ -z "$decisions" ] || decisions=$(absolute "$decisions")
check_summary "$out" ${decisions:+"$decisions"} ${config:+"$config"} "$@"
[ -z "$summary" ] || summary=$(absolute "$summary")

# --- the directory ---

case $out in -*) out=./$out ;; esac
[ "$kind" != folder ] || case $(realpath -m "$(absolute "$out")")/ in
"$(realpath "$(absolute "$1")")"/*) fail "$out is in $1, and would be cleaned with it: name a directory outside" ;;
esac
settings="kind=$kind config=$config label=$label sharding=$sharding$same"
if [ -e "$out" ] && [ ! -d "$out" ]; then fail "$out is a file: -o names a directory"; fi
if [ -d "$out" ] && [ ! -e "$out/settings" ] && [ -n "$(find "$out/" -mindepth 1 ! -name .lock 2>/dev/null)" ]; then
	fail "$out is not empty, and was not made by $tool: name another directory"
fi
# settings may change until something is made, as after a mistyped name
if [ -s "$out/settings" ] && [ "$(cat "$out/settings")" != "$settings" ] && { [ -e "$out/model.vae" ] || [ -e "$out/scored" ]; }; then
	fail "$out was made with other settings ($(cat "$out/settings")): name another directory, or remove it"
fi
# inputs: prints the inputs with their sizes and times. What was made from a changed input is made again; a new shard adds only its own part.
inputs() {
	for input; do
		if [ "$kind" = folder ]; then
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
	cd "$out" 2>/dev/null || fail "$out: cannot be entered: no permission"
	{ true >>.lock; } 2>/dev/null || fail "$out: cannot be written: no space left on the disk, or no permission"
	exec 9>>.lock
	flock -w 10 9 || fail "another $tool is writing $out: wait for it, or name another directory"
	[ ! -s settings ] || [ "$(cat settings)" = "$settings" ] || rm -f look steps records.tar.zst
	keep settings "$settings"
	if [ -e inputs ] && [ "$now" != "$(cat inputs)" ]; then
		say 'the inputs have changed since the last run'
		if [ "$kind" = shards ] && [ -s inputs ]; then
			printf '%s\n' "$now" | awk 'NR == FNR { old[FNR] = $0; next } old[FNR] != $0 { printf "scored/%05d.tar.zst\n", FNR } END { for (i = FNR + 1; i in old; i++) printf "scored/%05d.tar.zst\n", i }' inputs - | xargs -r rm -f
		else
			rm -rf records.tar.zst scored
		fi
		rm -f look ranked.tar.zst suspects.tar.zst decisions.tsv
		[ -z "$sharding" ] || rm -rf clean
	fi
	keep inputs "$now"
elif [ -d "$out" ]; then
	cd "$out" || exit 1
fi
