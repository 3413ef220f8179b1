# shellcheck shell=sh disable=SC2034,SC2154 # variables of vae-clean.sh and driver.sh
# clean_look.sh, of vae-clean: looks at the records, and chooses the network and its number of steps.

# look: prints the numbers of records, unreadable records, pictures, pictures in colour and vectors, and the median side of a picture; then
# the first unreadable record, the first picture and the first vector, by the name of the file where there is one. Fails if a tool fails.
look() {
	if [ -z "$pack" ] || [ -e records.tar.zst ]; then
		eval "vae-stat -q$j$same$list"
	else
		eval "$pack | vae-stat -q$j"
	fi | { vae-cut -q -k key,error,stat_channels,stat_gray,stat_width,stat_height,stat_values,source 2>&1 || echo failed; } | awk -F '\t' '
		$0 == "failed" { exit failed = 1 }
		NF == 1 { said = $0; next } # a message
		{ n++; name = $8 != "" ? $8 : $1 }
		$2 != "" { if (!bad++) first["bad"] = name; next }
		$3 != "" {
			if (!pictures++) first["picture"] = name
			colour += $3 == 3 && $4 == 0
			large = $5 + 0 > $6 + 0 ? $5 + 0 : $6 + 0
			side[large]++
			if (large > most) most = large
		}
		$7 != "" { if (!vectors++) first["vector"] = name }
		END {
			if (failed) { # vae-stat has said what it found
				if (said !~ /standard input: (empty|truncated|.*no end-of-archive)/) print said >"/dev/stderr"
				exit 1
			}
			for (s = 0; s <= most && seen * 2 < pictures; s++) seen += side[s]
			print n + 0, bad + 0, pictures + 0, colour + 0, vectors + 0, s - 1
			print first["bad"] "\n" first["picture"] "\n" first["vector"]
		}'
}

# pack_records: makes records.tar.zst; a failure prints one line
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
[ $((pictures + vectors)) -gt 0 ] || refuse "no record can be decoded: vae-stat says why$([ "$kind" != folder ] || echo '; shards are named one by one, as in FOLDER/*.tar')"
[ $((pictures + vectors)) -ge 50 ] || refuse "too few records to say what is unusual: $((pictures + vectors)), and at least 50 are required"

if [ "$pictures" -ge "$vectors" ]; then
	is=pictures
	[ "$vectors" -eq 0 ] || say "records that are no pictures pass without a score: $vectors, as $(first 4)"
else
	is=vectors
	[ "$pictures" -eq 0 ] || say "records that are no vectors pass without a score: $pictures, as $(first 3)"
fi

# --- network and steps ---

most=0
if [ "$is" = pictures ]; then
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

# At most as many steps as records, 64 passes over them: with more, a network also learns the outliers, before the held-out loss shows it.
[ "$most" -le "$records" ] || most=$records
[ "$most" -ge 200 ] || most=200

# The one of these checkpoints with the lowest held-out loss is used (examples/hunt/stop.md).
checkpoints=10
held_out() { echo "--set train.checkpoints=$checkpoints --set train.holdout=0.05"; }

# steps: as many as fit into half of the time, by the rate of the first hundred, which are part of the training
if [ -s steps ]; then
	[ "${steps:-$(cat steps)}" = "$(cat steps)" ] || [ "$is" = vectors ] || fail "the model of $out has $(cat steps) steps, not $steps: name another directory, or remove it"
	steps=$(cat steps)
elif [ "$is" = vectors ]; then
	steps=0
elif [ -n "$print" ]; then
	steps=${steps:-$most}
elif [ -z "$steps" ]; then
	say "network $config: measuring the time of a step"
	eval "vae-train -q$j$same --resume -c $(quote "$config") $(held_out) --set train.steps=100 -o model.vae$list" || exit 1
	# the median: steps with a checkpoint take longer
	steps=$(sed -n 's/.*"seconds":\([0-9.]*\)}$/\1/p' model.vae/train.jsonl | awk 'NR > 1 { print $1 - last } { last = $1 }' | sort -g | awk -v minutes="$minutes" -v most="$most" '
		{ seconds[NR] = $1 }
		END {
			steps = int(minutes * 60 * .5 / (seconds[int((NR + 1) / 2)] + 1e-9) / 100) * 100
			print (steps < 200 ? 200 : steps > most ? most : steps)
		}')
fi
[ -n "$print" ] || keep steps "$steps"
[ "$steps" -ge $checkpoints ] || checkpoints=$steps

# How many records the page shows, and how many are quarantined by rank.
awk_share() { awk -v n="$records" -v top="$1" 'BEGIN { print top ~ /%$/ ? int(n * substr(top, 1, length(top) - 1) / 100 + 1e-9) : top + 0 }'; }
top=$(awk_share "$top")
shown=$(awk_share 1%)
[ "$shown" -ge 20 ] || shown=20
[ "$shown" -le 500 ] || shown=500
[ "$shown" -ge "$top" ] || shown=$top
