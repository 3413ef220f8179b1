# Runs in place that are killed and run again lose no record: each filter runs many times, each time with a SIGKILL before another
# system call, and then once more with the same command. VF_KILL_FULL=1 takes every call. And: outputs that a rerun would shrink.
# shellcheck disable=SC2016

load helper

setup_file() {
	pictures "$F/pics" 8
	{
		stream 8
		printf 'name=s/bad.pgm data=nothing\nname=s/bad.vae.json data={"w":3}\n'
	} | mktar >"$F/in.tar"
	plain_stream 8 | mktar >"$F/p.tar"
	train "$F/m.vae" --set train.steps=2 --set train.checkpoints=2 <"$F/p.tar"
	printf 's/0001\ns/0005\n' >"$F/keys"
}

# everything DIR: the members of kept and rejected records
everything() {
	cat "$1/in.tar" "$1/q.tar" 2>/dev/null | members | LC_ALL=C sort
}

# killed_in_place KINDS REJECTS COMMAND...: the command reads and writes in.tar, and writes q.tar
killed_in_place() {
	local kinds=$1 rejects=$2 kind n got kills=0
	shift 2
	rm -rf "$T/once" && mkdir "$T/once"
	cp "$F/in.tar" "$T/once/"
	everything "$T/once" >"$T/all"
	(cd "$T/once" && ok "$@" -q)
	is "$(lstar --names <"$T/once/q.tar" | sed 's/\..*//' | sort -u | tr '\n' ' ')" "$rejects" 'rejected'
	everything "$T/once" | diff "$T/all" - || die 'lost by a run that is not killed'
	for kind in $kinds; do
		got=137
		for ((n = 1; got == 137; n += n < 12 || ${VF_KILL_FULL:-0} ? 1 : 5)); do
			rm -rf "$T/d" && mkdir "$T/d"
			cp "$F/in.tar" "$T/d/"
			got=0
			(cd "$T/d" && ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$BIN/fault-shim.so VF_FAULT_KILL=1 VF_FAULT_AT=$kind:once:$n "$@" -q) >/dev/null 2>"$T/err" || got=$?
			[ "$got" -eq 0 ] || [ "$got" -eq 137 ] || die "$kind $n: exit status $got: $(cat "$T/err")"
			everything "$T/d" | uniq | diff "$T/all" - || die "$kind $n: lost by the kill"
			(cd "$T/d" && ok "$@" -q --summary sum.json)
			everything "$T/d" | diff "$T/all" - || die "$kind $n: lost by the second run, or there twice"
			is "$(lstar --names <"$T/d/q.tar")" "$(lstar --names <"$T/once/q.tar")" "$kind $n: rejects"
			no_leftovers "$T/d"
			is "$(grep -o '"rejected":[0-9]*\|"rejects_kept":[0-9]*' "$T/d/sum.json" | awk -F: '{ n += $2 } END { print n }')" "$(wc -w <<<"$rejects")" "$kind $n: summary"
			kills=$((kills + (got == 137)))
		done
	done
	[ "$kills" -ge 3 ] || die "only $kills kills"
	echo "# $kills kills: $*" >&2
}

drop() { killed_in_place 'rename fsync close open write read' "$@"; }
score() { killed_in_place 'rename fsync close' 's/bad ' "$@" --replace --on-error reject -j 1 -r q.tar -o in.tar in.tar; }

@test "in place, killed: vae-drop -e" { drop 's/0006 s/0007 ' vae-drop -e 'w >= 6' -r q.tar -o in.tar in.tar; }
@test "in place, killed: vae-drop --top, --strip" { drop 's/0006 s/0007 ' vae-drop --replace --top 2 -r q.tar -o in.tar in.tar; }
@test "in place, killed: vae-drop --keys" { killed_in_place 'rename fsync close' 's/0001 s/0005 ' vae-drop --keys "$F/keys" -r q.tar -o in.tar in.tar; }
@test "in place, killed: vae-drop --max-drop" { killed_in_place 'rename fsync close' 's/0006 s/0007 ' vae-drop -e 'w >= 6' --max-drop 50% -r q.tar -o in.tar in.tar; }
@test "in place, killed: vae-selfinf" { score vae-selfinf -m "$F/m.vae" -d 2; }
@test "in place, killed: vae-testinf" { score vae-testinf -m "$F/m.vae" -t "$F/p.tar" -d 2; }
@test "in place, killed: vae-density" { score vae-density --method kde --sigma 3; }
@test "in place, killed: vae-stat" { score vae-stat --prefix s_; }
@test "in place, killed: vae-ckpt eval" { score vae-ckpt eval -m "$F/m.vae" -d 2; }

@test "in place, killed: vae-rank keeps all" {
	local kind n got
	for kind in rename fsync close; do
		got=137
		for ((n = 1; got == 137; n++)); do
			got=0
			cp "$F/in.tar" "$T/in.tar"
			(cd "$T" && ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$BIN/fault-shim.so VF_FAULT_KILL=1 VF_FAULT_AT=$kind:once:$n vae-rank --replace -k w -o in.tar --save-ref ref.json in.tar) 2>"$T/err" || got=$?
			ok vae-rank --replace -k w -o "$T/in.tar" --save-ref "$T/ref.json" "$T/in.tar"
			is "$(members <"$T/in.tar")" "$(members <"$F/in.tar")" "$kind $n"
			rm "$T/ref.json"
		done
	done
}

# trained DIR: what a training leaves, but for the seconds that it took, and for NAME.vae.tmpPID, which --resume can go on with
trained() {
	local file
	(cd "$1" && find . -type f ! -path '*.vae.tmp*/*' | LC_ALL=C sort | while read -r file; do
		case $file in
		*/train.jsonl) sed 's/,"seconds":[^,}]*//' "$file" ;;
		*/state) perl -0777 -pe 's/log_bytes \d+\\u000aseconds [0-9.]+//; s/"checksum":"\w+"//; s/__metadata__=\w+//; s/\A.{8}//s; s/"}} *//' "$file" ;;
		*) cat "$file" ;;
		esac | { printf '%s ' "$file" && md5sum; }
	done)
}

TRAIN=(vae-train -q -c tiny --set train.steps=9 --set train.checkpoints=3 --set train.holdout=0.2 --save-every 0.000001 -j 1 --on-error reject -r q.tar -o m.vae)
# killed_training KINDS COMMAND...: a training in a directory that old() has made, killed before successive calls and run again by again(),
# ends as one that was not killed; intact() checks what a kill leaves
killed_training() {
	local kinds=$1 kind n got kills=0
	shift
	local train=("$@" "$F/in.tar")
	rm -rf "$T/once" && mkdir "$T/once" && old "$T/once"
	(cd "$T/once" && ok "${train[@]}" && mv "$T/out" out.tar)
	trained "$T/once" >"$T/want"
	is "$(lstar --names <"$T/once/q.tar" | tr '\n' ' ')" 's/bad.pgm s/bad.vae.json ' 'rejected'
	for kind in $kinds; do
		got=137
		for ((n = 1; got == 137; n += n < 12 || ${VF_KILL_FULL:-0} ? 1 : 7)); do
			rm -rf "$T/d" && mkdir "$T/d" && old "$T/d"
			got=0
			(cd "$T/d" && ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$BIN/fault-shim.so VF_FAULT_KILL=1 VF_FAULT_AT=$kind:once:$n "${train[@]}") >"$T/d/out.tar" 2>"$T/err" || got=$?
			[ "$got" -eq 0 ] || [ "$got" -eq 137 ] || die "$kind $n: exit status $got: $(cat "$T/err")"
			(cd "$T/d" && intact) || die "$kind $n: after the kill"
			(cd "$T/d" && again && mv "$T/out" out.tar) || die "$kind $n: the second run"
			trained "$T/d" | diff "$T/want" - || die "$kind $n: the second run ended in another state"
			kills=$((kills + (got == 137)))
		done
	done
	[ "$kills" -ge 20 ] || die "only $kills kills"
	echo "# $kills kills: $*" >&2
}

# every checkpoint that a kill leaves is whole
whole_checkpoints() {
	local file
	for file in m.vae/step-?????????.safetensors; do
		[ ! -e "$file" ] || cmp "$file" "$T/once/$file" || return 1
	done
}

@test "killed: vae-train --resume goes on and loses no checkpoint and no reject" {
	old() { :; }
	intact() { whole_checkpoints; }
	again() {
		local had file
		had=$(names m.vae 'step-?????????.safetensors' 2>/dev/null || true)
		ok "${train[@]}"
		for file in $had; do [ -e "m.vae/$file" ] || return 1; done
	}
	killed_training 'rename fsync close open write read' "${TRAIN[@]}" --resume
}

@test "killed: vae-train, the same command refuses to start again where there are checkpoints, and --resume goes on" {
	old() { :; }
	intact() { whole_checkpoints; }
	again() {
		local before
		before=$(cat m.vae/* 2>/dev/null | md5sum)
		"${train[@]}" >"$T/out" 2>"$T/err" && return
		grep -q -e '--resume' -e 'this model exists' "$T/err" || return 1
		[ "$(cat m.vae/* 2>/dev/null | md5sum)" = "$before" ] || return 1
		ok "${train[@]}" --resume
	}
	killed_training 'rename fsync close' "${TRAIN[@]}"
}

@test "killed: vae-train --replace leaves the old model or the new one" {
	train "$T/old.vae" --set train.steps=2 --set train.checkpoints=2 <"$F/p.tar"
	old() { cp -r "$T/old.vae" "$1/m.vae"; }
	intact() {
		local at=$PWD
		[ "$(names m.vae)" = "$(names "$T/old.vae")" ] && diff -r m.vae "$T/old.vae" && return
		(cd "$T/once" && names m.vae) >"$T/one"
		[ "$(names "$at/m.vae")" = "$(cat "$T/one")" ] && whole_checkpoints
	}
	again() { ok "${train[@]}"; }
	killed_training 'rename fsync close open write' "${TRAIN[@]}" --replace
}

@test "killed: vae-memo goes on with the same command and loses no model and no record" {
	old() { :; }
	intact() { :; }
	again() { ok "${train[@]}"; }
	killed_training 'rename fsync close open write' \
		vae-memo -q -c tiny --set train.steps=4 --set input.binarize=threshold --folds 2 -d 2 -j 1 --save-every 0.000001 --on-error reject -r q.tar -o d.memo --prefix m_
}

@test "every filter with -r has a row" {
	local tool
	while read -r tool; do
		grep -q "^@test \"\(in place, \)\?killed: ${tool}[ \"]" "$BATS_TEST_FILENAME" || die "no row for $tool"
	done < <(sed -n "s/^row .*rejects' '\(vae-[a-z]*\).*/\1/p" "$LIB/laws.bash" | sort -u)
}

@test "an existing file of rejects keeps its records, unless the input has them" {
	local rule='w >= 6'
	ok vae-drop -q -e "$rule" -r "$T/q.tar" -o "$T/out.tar" "$F/in.tar"
	cp "$T/q.tar" "$T/first.tar"
	# the same run again: the same file
	ok vae-drop -q -e "$rule" -r "$T/q.tar" -o "$T/out.tar" "$F/in.tar"
	same "$T/first.tar" "$T/q.tar"
	# its own output: nothing to reject, nothing lost
	ok vae-drop -e "$rule" -r "$T/q.tar" -o "$T/out.tar" "$T/out.tar"
	says '2 records of an earlier run stay in' q.tar
	same "$T/first.tar" "$T/q.tar"
	# a wider rule over what is left: both
	ok vae-drop -q -e 'w >= 4' -r "$T/q.tar" -o "$T/out.tar" "$T/out.tar"
	is "$(field key <"$T/q.tar" | sort | tr '\n' ' ')" 's/0004 s/0005 s/0006 s/0007 '
	# another rule over the whole input decides anew about all its records
	ok vae-drop -q -e 'w >= 7' -r "$T/q.tar" "$F/in.tar"
	is "$(field key <"$T/q.tar")" s/0007
	# a compressed file; an empty one, as mktemp makes it; a device
	ok vae-drop -q -e 'w >= 7' -r "$T/q.tar.zst" -o "$T/out.tar" "$F/in.tar"
	ok vae-drop -q -e 'w >= 6' -r "$T/q.tar.zst" -o "$T/out.tar" "$T/out.tar"
	is "$(field key <"$T/q.tar.zst" | sort | tr '\n' ' ')" 's/0006 s/0007 '
	: >"$T/empty"
	ok vae-drop -q -e 'w >= 7' -r "$T/empty" "$F/in.tar"
	ok vae-drop -q -e 'w >= 7' -r /dev/null "$F/in.tar"
}

@test "an existing file of rejects that cannot be kept is not replaced" {
	# another record of the same key
	printf 'name=s/0003.pgm data=other\n' | mktar >"$T/q.tar"
	cp "$T/q.tar" "$T/old.tar"
	fails 1 vae-drop -q -e 'w >= 6' -r "$T/q.tar" -o "$T/out.tar" "$F/in.tar"
	says "'s/0003'" "q.tar' has another record of this key"
	same "$T/old.tar" "$T/q.tar"
	absent "$T/out.tar"
	# of two files with the same keys, the rejects tell them apart, and can be read again
	printf 'name=a.pgm file=%s\nname=x.pgm data=1\n' "$F/pics/1.pgm" | mktar >"$T/1.tar"
	printf 'name=x.png data=2\nname=x.pgm data=2\nname=b.pgm file=%s\n' "$F/pics/2.pgm" | mktar >"$T/2.tar"
	for _ in once again; do
		train "$T/k.vae" --replace --set train.steps=1 --set train.checkpoints=1 --keys-per-file --on-error reject -r "$T/k.tar" "$T/1.tar" "$T/2.tar"
		is "$(lstar --names <"$T/k.tar" | grep -v json | tr '\n' ' ')" '1/x.pgm 2/x.png 2/x.pgm '
		is "$(field key <"$T/k.tar" | tr '\n' ' ')" '1/x 2/x '
	done
	# no stream of records, or a damaged one
	echo text >"$T/q.tar"
	fails 1 vae-drop -q -e 'w >= 6' -r "$T/q.tar" "$F/in.tar"
	says q.tar 'not a tar stream' 'not replaced'
	is "$(cat "$T/q.tar")" text
	head -c 700 "$T/old.tar" >"$T/q.tar"
	fails 1 vae-drop -q -e 'w >= 6' -r "$T/q.tar" "$F/in.tar"
	says q.tar truncated 'not replaced'
}

@test "rejects that another run puts in place meanwhile are not replaced" {
	local old
	for old in none some; do
		rm -f "$T/q.tar" "$T/out.tar"
		[ $old = none ] || vae-drop -q -e 'w >= 7' -r "$T/q.tar" "$F/in.tar" >/dev/null
		stopped_at fsync 1 vae-drop -q -e 'w >= 6' -r "$T/q.tar" -o "$T/out.tar" "$F/in.tar"
		printf 'name=other.pgm data=1\n' | mktar | vae-drop -q -e 'key == "other"' -r "$T/q.tar" >/dev/null
		cp "$T/q.tar" "$T/theirs.tar"
		kill -CONT $!
		not wait $!
		grep -q 'q.tar' "$T/err.first"
		same "$T/theirs.tar" "$T/q.tar"
		absent "$T/out.tar"
	done
}

@test "a reference is not replaced by one of the same scores and fewer records" {
	ok vae-rank -q --replace -k w --save-ref "$T/ref.json" "$F/in.tar"
	cp "$T/ref.json" "$T/old.json"
	mv "$T/out" "$T/ranked.tar"
	ok vae-drop -q -e 'w >= 6' "$T/ranked.tar"
	mv "$T/out" "$T/rest.tar"
	fails 1 vae-rank -q --replace -k w --save-ref "$T/ref.json" -o "$T/o.tar" "$T/rest.tar"
	says --save-ref 'a reference of 9 records, and this stream has 7' 'remove it'
	same "$T/old.json" "$T/ref.json"
	absent "$T/o.tar"
	ok vae-rank -q --replace -k w --save-ref "$T/ref.json" "$F/in.tar"
	ok vae-rank -q --replace -k rank --save-ref "$T/ref.json" "$T/rest.tar" # of another field
	echo text >"$T/ref.json"
	ok vae-rank -q --replace -k w --save-ref "$T/ref.json" "$T/rest.tar"
}

@test "a tool does not write fields that the next tool refuses" {
	local n
	for n in 1048540 1048100; do # with rank and the others, above and below 1 MiB
		perl -e 'print "name=a.vae.json data={\"selfinf\":1,\"s\":\"", "x" x $ARGV[0], "\"}\n"' "$n" | mktar >"$T/in.tar"
		ok vae-cut -k key "$T/in.tar"
		if [ "$n" = 1048540 ]; then
			fails 1 vae-rank -o "$T/out.tar" "$T/in.tar"
			says "record 1 'a'" 'bytes of fields, more than the limit of 1048576'
			absent "$T/out.tar"
		else
			ok vae-rank -o "$T/out.tar" "$T/in.tar"
			ok vae-cut -k rank "$T/out.tar"
			is "$(cat "$T/out")" 0
		fi
	done
}

@test "a tool does not write a line of --influence that vae-report refuses" {
	local tool
	head -c 2048 "$F/p.tar" >"$T/one.tar"
	head -c 1024 /dev/zero >>"$T/one.tar"
	perl -e 'for (1 .. 70) { printf "name=%s%02d.pgm file=$ARGV[0]/pics/%d.pgm\n", "k" x 999000, $_, $_ % 8 }' "$F" | mktar >"$T/in.tar"
	for tool in 'vae-density --method kde --sigma 3' "vae-testinf -m $F/m.vae -d 2"; do
		rm -f "$T/over.jsonl"
		# shellcheck disable=SC2086 # a tool and its options
		fails 1 $tool -q -t "$T/one.tar" --top 70 --influence "$T/over.jsonl" "$T/in.tar"
		says 'the line of a test record has' 'more than the limit of 67108864' '--top'
		absent "$T/over.jsonl"
		# shellcheck disable=SC2086
		ok $tool -q -t "$T/one.tar" --top 20 --influence "$T/over.jsonl" "$T/in.tar"
		ok vae-report -q -k w --influence "$T/over.jsonl" -o "$T/page.html" "$F/in.tar"
	done
}
