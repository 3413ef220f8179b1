# vae-shards: many shards, tasks that are killed, run again, or run by other engines: the same bytes.
# shellcheck disable=SC2094,SC2016

load helper

SCORE='vae-stat -q -j$threads --replace'
FIELDS=(--score "$SCORE" -k 'stat_brightness,stat_noise' --joint both --top 10%)

setup_file() {
	local i
	pictures "$F/pics" 64
	plain_stream 64 >"$F/list"
	for i in 0 1 2 3 4 5; do sed -n "$((i * 20 + 1)),$((i * 20 + 20))p" "$F/list" | mktar >"$F/p$i.tar"; done
	mv "$F/p3.tar" "$F/it's p3.tar"
	zstd -q --rm "$F/p4.tar" # as p4.tar.zst
	vae-shards plan -q "${FIELDS[@]}" "$F/want" "$F"/p[012].tar "$F/it's p3.tar" "$F/p4.tar.zst" "$F/p5.tar"
	vae-shards run -q "$F/want"
}

shards() { printf '%s\0' "$F"/p[012].tar "$F/it's p3.tar" "$F/p4.tar.zst" "$F/p5.tar"; }

# plan RUN: of all shards
plan() { shards | xargs -0 vae-shards plan -q "${FIELDS[@]}" "$1"; }

# equal RUN: its results are those of one machine
equal() {
	diff -r "$F/want/clean" "$1/clean"
	diff -r "$F/want/quarantine" "$1/quarantine"
	diff -r "$F/want/lists" "$1/lists"
	is "$(find "$1" -name '*tmp[0-9]*')" '' 'temporary files'
}

teardown() { [ ! -e "$T/slurm" ] || "$LIB/slurm" stop "$T/slurm"; }

@test "shards: the results are those of one stream: ranked together, byte for byte as they came" {
	shards | xargs -0 cat >/dev/null
	for i in "$F"/want/scored/*; do vae-cut -q -k key "$i"; done >"$T/keys"
	is "$(wc -l <"$T/keys")" 60
	vae-stat -q "$F"/p[012].tar "$F/it's p3.tar" "$F/p4.tar.zst" "$F/p5.tar" | vae-rank -q -k stat_brightness,stat_noise --joint both | vae-drop -q --top 10% -r "$T/q.tar" >"$T/rest.tar"
	for i in "$F"/want/quarantine/*; do vae-cut -q -k key "$i"; done | sort >"$T/got"
	vae-cut -q -k key "$T/q.tar" | sort | diff - "$T/got"
	is "$(wc -l <"$T/got")" 6
	for i in "$F"/p[012].tar "$F/it's p3.tar"; do
		vae-drop -q --keys "$T/got" "$i" | cmp - "$F/want/clean/${i##*/}"
	done
	is "$(for i in "$F"/want/quarantine/*; do vae-cut -q -k dropped_by "$i"; done | sort -u)" 'top 10% of stat_brightness,stat_noise, of all shards'
	ok vae-shards status --summary "$T/sum" "$F/want"
	is "$(cat "$T/sum")" '{"shards":6,"scored":6,"reduced":true,"cleaned":6,"records":60,"ranked":60,"listed":6}'
	grep -q '6 of 60 records' "$T/out"
	ok vae-shards check -q "$F/want"
}

@test "shards: many at a time, by GNU parallel, by single tasks in any order: the same bytes" {
	plan "$T/a"
	ok vae-shards run -q -j 3 "$T/a"
	equal "$T/a"
	plan "$T/c"
	local i
	for i in 3 1 6 2 5 4; do ok vae-shards task "$T/c" score $i; done
	ok vae-shards reduce "$T/c"
	JOB_COMPLETION_INDEX=5 ok vae-shards task "$T/c" drop
	AWS_BATCH_JOB_ARRAY_INDEX=0 ok vae-shards task "$T/c" drop
	is "$(names "$T/c/done")" '00001.done 00006.done '
	SLURM_ARRAY_TASK_ID=1 ok vae-shards task --per-task 4 "$T/c" drop
	SLURM_ARRAY_TASK_ID=2 ok vae-shards task --per-task 4 "$T/c" drop
	ok vae-shards check "$T/c"
	equal "$T/c"
	# the commands of plan --print
	shards | xargs -0 vae-shards plan -q --print "${FIELDS[@]}" "$T/d e" >"$T/commands"
	absent "$T/d e"
	plan "$T/d e"
	sh -e "$T/commands"
	equal "$T/d e"
}

@test "shards: run --parallel gives the same bytes" {
	need parallel
	plan "$T/b"
	ok vae-shards run -q -j 2 --parallel "$T/b"
	equal "$T/b"
	rm "$T/b"/columns/00002.col "$T/b/reduced"
	ok vae-shards run -q -j 2 --parallel --sshlogin : "$T/b"
	equal "$T/b"
}

@test "shards: the command of the indexed Job, as Kubernetes would run it" {
	local i word
	plan "$T/k"
	for word in score drop; do
		sed "s/score/$word/g; s|/data/run|$T/k|" "$ROOT/examples/shards/job.yaml" | sed -n 's/^ *command: \[\(.*\)\]$/\1/p' | tr -d '",' >"$T/command"
		for i in 5 0 3 2 1 4; do
			# shellcheck disable=SC2046 # words
			JOB_COMPLETION_INDEX=$i ok $(cat "$T/command")
		done
		[ $word = drop ] || ok vae-shards reduce "$T/k"
	done
	ok vae-shards check -q "$T/k"
	equal "$T/k"
	# a plan of fewer shards: what is left of the others is named
	vae-shards plan -q "${FIELDS[@]}" "$T/k" "$F"/p[0125].tar
	fails 1 vae-shards run -q "$T/k"
	says 'is of no shard of the plan'
}

# finished RUN: waits for the jobs of Slurm
finished() {
	local i
	for i in $(seq 240); do
		[ -n "$(squeue -h 2>/dev/null)" ] || return 0
		sleep 0.5
	done
	die "$(squeue; tail -n 3 "$1"/log/*)"
}

@test "shards: run --slurm gives the same bytes, also when jobs are killed; a finished run submits nothing" {
	PATH=$PATH:/usr/sbin
	need slurmctld slurmd munged sbatch
	"$LIB/slurm" start "$T/slurm" 3>&- || skip "$(tail -n 1 "$T"/slurm/slurmctld.log): slurmctld and slurmd do not run here"
	export SLURM_CONF=$T/slurm/slurm.conf
	local i n=0 job
	plan "$T/a"
	ok vae-shards run --slurm --per-task 2 -c 2 --sbatch-args '--nice=1 --comment=x' "$T/a"
	says 'submitted'
	finished "$T/a"
	equal "$T/a"
	ok vae-shards run --slurm "$T/a"
	says 'nothing to submit'
	is "$(squeue -h)" ''
	rm "$T"/a/done/0000[24].done
	ok vae-shards run -q --slurm "$T/a"
	is "$(squeue -h -r -n vae-drop,vae-score,vae-reduce -o %F_%K | sed 's/.*_//' | sort | tr '\n' ' ')" '2 4 '
	finished "$T/a"
	equal "$T/a"
	plan "$T/b"
	while [ "$n" -lt 6 ]; do # kill running jobs; what depends on them is not run; the same command goes on
		ok vae-shards run -q --slurm "$T/b"
		for i in $(seq 20); do
			job=$(squeue -h -r -t R -o %A | shuf -n 1)
			if [ -n "$job" ] && [ $((RANDOM % 3)) = 0 ]; then
				scancel "$job"
				n=$((n + 1))
			fi
			[ -n "$(squeue -h)" ] || break
			sleep 0.1
		done
		finished "$T/b"
		rm -f "$T"/b/columns/0000$((RANDOM % 6 + 1)).col
	done
	ok vae-shards run -q "$T/b"
	ok vae-shards check -q "$T/b"
	equal "$T/b"
}

@test "shards: a finished run does nothing; a new shard is scored alone, and only changed lists are cleaned again" {
	plan "$T/a"
	vae-shards run -q "$T/a"
	find "$T/a" -type f -printf '%p %i %T@\n' | sort >"$T/before"
	vae-shards run -q "$T/a"
	find "$T/a" -type f -printf '%p %i %T@\n' | sort | diff "$T/before" -
	is "$(vae-shards run --print "$T/a")" ''
	sed -n 121,128p "$F/list" | mktar >"$T/new.tar"
	ok vae-shards add "$T/a" "$T/new.tar"
	is "$(vae-shards run --print "$T/a" | head -n 1)" "vae-shards task '$T/a' score 7"
	cp -r "$T/a/lists" "$T/lists"
	ok vae-shards run "$T/a"
	says '7 shards: 1 scored'
	local i same=0
	for i in 1 2 3 4 5 6; do
		! cmp -s "$T/lists/0000$i.keys" "$T/a/lists/0000$i.keys" || {
			same=$((same + 1))
			grep -qF "$(find "$T/a/done/0000$i.done" -printf '%p %i %T@')" "$T/before"
		}
	done
	[ $same -gt 0 ]
	says "$((7 - same)) cleaned"
	shards | xargs -0 sh -c 'vae-shards plan -q "$@"' sh "${FIELDS[@]}" "$T/b" "$T/new.tar"
	mv "$T/b" "$T/x" # in the other order the shards have other ordinals; the results are the same
	vae-shards run -q "$T/x"
	diff -r "$T/a/clean" "$T/x/clean"
	diff -r "$T/a/quarantine" "$T/x/quarantine"
}

# flip FILE AT: changes one byte, and keeps the time
flip() {
	touch -r "$1" "$T/time"
	perl -e 'open my $f, "+<:raw", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1; seek $f, $ARGV[1], 0; print $f chr(ord($c) ^ 1)' "$1" "$2"
	touch -r "$T/time" "$1"
}

@test "shards: one byte changed in a shard, its time kept: a task refuses it, a run scores it again" {
	mkdir "$T/s"
	cp "$F"/p[012].tar "$T/s"
	vae-shards plan -q "${FIELDS[@]}" "$T/a" "$T"/s/*.tar
	vae-shards run -q "$T/a"
	flip "$T/s/p1.tar" 600
	fails 1 vae-shards check "$T/a"
	says p1.tar 'has changed since the plan'
	rm "$T/a/columns/00002.col"
	fails 1 vae-shards task "$T/a" score 2
	says p1.tar 'has changed since the plan'
	ok vae-shards run "$T/a"
	says 'have changed' '1 scored'
	vae-shards plan -q "${FIELDS[@]}" "$T/b" "$T"/s/*.tar
	vae-shards run -q "$T/b"
	diff -r "$T/a/clean" "$T/b/clean"
	diff -r "$T/a/quarantine" "$T/b/quarantine"
	# of what was made
	flip "$T/a/clean/p0.tar" 600
	fails 1 vae-shards check "$T/a"
	says clean/p0.tar 'has changed'
	rm "$T/a/clean/p0.tar"
	ok vae-shards run -q "$T/a"
	diff -r "$T/a/clean" "$T/b/clean"
	flip "$T/a/columns/00001.col" 400
	fails 1 vae-shards check -q "$T/a"
	says 00001.col 'make it again'
	rm "$T/a/reduced"
	vae-shards run -q "$T/a" 2>"$T/err" && die 'a damaged file of columns was trusted'
	says 00001.col 'make it again'
	rm "$T/a/columns/00001.col"
	ok vae-shards run -q "$T/a"
	echo s/0000 >>"$T/a/lists/00001.keys"
	rm "$T/a/done/00001.done"
	fails 1 vae-shards task "$T/a" drop 1
	says lists/00001.keys 'has changed'
}

@test "shards: the recipe of a model with curvature; a model that has changed is refused" {
	plain_stream 40 | mktar | train "$T/m.vae"
	plain_stream 40 | mktar | vae-ckpt curvature -q -m "$T/m.vae"
	vae-shards plan -q -m "$T/m.vae" "$T/a" "$F"/p[0-9]*
	grep -qP '^key\tnll,profile_decoder' "$T/a/settings"
	ok vae-shards run -q "$T/a"
	[ "$(vae-cut -q -k nll "$T/a/scored/00001.tar.zst" | grep -c .)" -eq 10 ]
	flip "$(find "$T/m.vae" -name 'step-*.safetensors' | tail -n 1)" 2000
	fails 1 vae-shards run "$T/a"
	says m.vae 'has changed since the plan'
	ok vae-shards plan -q -m "$T/m.vae" "$T/a" "$F"/p[0-9]*
	is "$(vae-shards run --print "$T/a" | grep -c score)" 5
}

@test "shards: tasks killed at random: the same bytes, and no temporary file" {
	local n=0 fault
	plan "$T/a"
	for fault in $(seq 60); do
		timeout -s KILL "0.$((fault * 7 % 4))$((1 + fault % 9))" vae-shards run -q -j 2 "$T/a" 2>/dev/null || n=$((n + 1))
		[ "$n" -lt 20 ] || break
		[ "$((fault % 3))" -gt 0 ] || rm -f "$T"/a/columns/*[135].col # there is something to do again
		[ "$((fault % 3))" -gt 1 ] || rm -f "$T/a/reduced"
		rm -f "$T"/a/done/*
	done 2>/dev/null
	ok vae-shards run -q "$T/a"
	ok vae-shards check -q "$T/a"
	equal "$T/a"
	[ $n -ge 20 ] || die "only $n were killed"
}

# broken RUN VERB...: runs a task of which a process is killed, or a write or rename fails, at every early call; counts those that failed
broken() {
	local run=$1 kind at kill got n=0
	shift
	for kind in write rename; do
		for at in 1 2 3 4; do
			for kill in '' 1; do
				case $2 in
				reduce) rm -f "$run/reduced" ;;
				score) rm -f "$run/columns/00001.col" ;;
				drop) rm -f "$run/done/00001.done" ;;
				esac
				got=0
				ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$BIN/fault-shim.so VF_FAULT_AT=$kind:once:$at ${kill:+env VF_FAULT_KILL=1} "${@:3}" >/dev/null 2>&1 || got=$?
				[ $got -eq 0 ] || n=$((n + 1))
				ok vae-shards run -q "$run"
				ok vae-shards check -q "$run"
				equal "$run"
			done
		done
	done
	[ $n -ge "$1" ] || die "only $n of 16 runs of $2 failed"
}

@test "shards: processes that are killed, and writes and renames that fail, in score, reduce and drop: the same bytes" {
	plan "$T/a"
	vae-shards run -q "$T/a"
	broken "$T/a" 8 score vae-shards task "$T/a" score 1
	broken "$T/a" 8 reduce vae-shards reduce "$T/a"
	broken "$T/a" 8 drop vae-shards task "$T/a" drop 1
}

@test "shards: bad input is one clear line" {
	fails 2 vae-shards
	fails 2 vae-shards plan "$T/a"
	fails 2 vae-shards fly "$T/a"
	says fly
	fails 2 vae-shards plan "$T/a" "$F/p0.tar"
	says -m
	fails 2 vae-shards plan "${FIELDS[@]}" --top x "$T/a" "$F/p0.tar"
	fails 2 vae-shards run --top 5 "$T/a"
	fails 1 vae-shards run "$T/a"
	says 'no plan there'
	fails 1 vae-shards plan "${FIELDS[@]}" "$T/a" "$T/none.tar"
	says none.tar
	fails 1 vae-shards plan "${FIELDS[@]}" "$T/a" "$F/list"
	mkdir "$T/other"
	cp "$F/p0.tar" "$T/other"
	fails 1 vae-shards plan "${FIELDS[@]}" "$T/a" "$F/p0.tar" "$T/other/p0.tar"
	says 'two shards have the name p0.tar'
	touch "$T/other/precious"
	fails 1 vae-shards plan "${FIELDS[@]}" "$T/other" "$F/p0.tar"
	says 'not empty'
	# keys that come again
	cp "$F/p0.tar" "$T/again.tar"
	vae-shards plan -q "${FIELDS[@]}" "$T/b" "$F/p0.tar" "$T/again.tar"
	vae-shards run -q "$T/b" 2>"$T/err" && die 'keys came again'
	says "the key 's/000" 'is in 00001.col too'
	vae-shards plan -q "${FIELDS[@]}" --keys-per-file "$T/b" "$F/p0.tar" "$T/again.tar"
	ok vae-shards run -q "$T/b"
	fails 1 vae-shards task "$T/b" score 3
	says 'no task 3'
	fails 2 vae-shards task "$T/b" score x
	fails 2 env -u SLURM_ARRAY_TASK_ID vae-shards task "$T/b" score
	# a shard that is cut
	head -c 3000 "$F/p1.tar" >"$T/cut.tar"
	vae-shards plan -q "${FIELDS[@]}" "$T/c" "$F/p0.tar" "$T/cut.tar"
	vae-shards run -q "$T/c" 2>"$T/err" && die 'a cut shard was scored'
	says cut.tar 'the pipeline that scores it failed'
	absent "$T/c/columns/00002.col"
	fails 1 vae-shards reduce "$T/c"
	says '1 of 2 shards are not scored'
	fails 1 vae-shards task "$T/c" drop 1
}

@test "taskset: -j is by default the number of processors that the tool may use" {
	need taskset
	local n i
	mkfifo "$T/in"
	threads() { # COMMAND...: its threads once it has read the first record
		"$@" <"$T/in" >/dev/null &
		exec 5>"$T/in"
		head -c 20000 "$F/p0.tar" >&5
		sleep 1
		n=$(names "/proc/$!/task" | wc -w)
		exec 5>&-
		wait || true
	}
	threads vae-stat -q -j 1
	i=$n
	threads taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')" vae-stat -q
	is "$n" "$i"
	threads vae-stat -q -j 3
	is "$n" $((i + 2))
}
