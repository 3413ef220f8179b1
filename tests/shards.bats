# vae-shards: many shards, tasks that are killed, run again, or run by other engines: the same bytes.
# shellcheck disable=SC2030,SC2031,SC2094,SC2016

load helper
load lib/shards

setup_file() {
	S=$F/s W=$F/want
	make_shards "$S" 24 6
	plan "$W"
	vae-shards run -q -j 2 "$W"
	# fewer, for what needs no more
	make_shards "$F/few" 6 10
	S=$F/few
	plan "$F/wantfew"
	vae-shards run -q -j 2 "$F/wantfew"
}

setup() { S=$F/few W=$F/wantfew; }

teardown() { stop_slurm; }

@test "shards: the results are those of one stream: ranked together, byte for byte as they came" {
	for i in "$W"/scored/*; do vae-cut -q -k key "$i"; done >"$T/keys"
	is "$(wc -l <"$T/keys")" 60
	vae-stat -q "$S"/*.tar* | vae-rank -q -k stat_brightness,stat_noise --joint both | vae-drop -q --top 10% -r "$T/q.tar" >"$T/rest.tar"
	for i in "$W"/quarantine/*; do vae-cut -q -k key "$i"; done | sort >"$T/got"
	vae-cut -q -k key "$T/q.tar" | sort | diff - "$T/got"
	is "$(wc -l <"$T/got")" 6
	for i in "$S"/*.tar; do
		vae-drop -q --keys "$T/got" "$i" | cmp - "$W/clean/${i##*/}"
	done
	is "$(for i in "$W"/quarantine/*; do vae-cut -q -k dropped_by "$i"; done | sort -u)" 'top 10% of stat_brightness,stat_noise, of all shards'
	ok vae-shards status --summary "$T/sum" "$W"
	is "$(cat "$T/sum")" '{"shards":6,"scored":6,"reduced":true,"cleaned":6,"records":60,"ranked":60,"listed":6}'
	grep -q '6 of 60 records' "$T/out"
	ok vae-shards check -q "$W"
}

@test "shards: --summary replaces no shard and no other file of RUN" {
	cp "$S/"*.tar "$T/"
	local shard
	set -- "$T/"*.tar
	shard=$1
	cp "$shard" "$T/before"
	fails 2 vae-shards plan -m "$F/m.vae" --summary "$shard" "$T/run" "$shard"
	absent "$T/run"
	vae-shards plan -q --score 'vae-stat' -k stat_brightness "$T/run" "$shard"
	for i in "$shard" "$T/run/manifest" "$T/run/clean/x.json" -; do
		fails 2 vae-shards status --summary "$i" "$T/run"
		says --summary
	done
	same "$shard" "$T/before"
	ok vae-shards status --summary "$T/run/s.json" "$T/run"
	grep -q '"shards":1,' "$T/run/s.json"
}

@test "shards: 24 shards, by single tasks in any order: the same bytes as by run" {
	S=$F/s W=$F/want
	local i
	plan "$T/c"
	for i in $(seq 5 | shuf); do ok vae-shards task --per-task 5 "$T/c" score "$i"; done
	ok vae-shards reduce "$T/c"
	JOB_COMPLETION_INDEX=23 ok vae-shards task "$T/c" drop
	AWS_BATCH_JOB_ARRAY_INDEX=0 ok vae-shards task "$T/c" drop
	is "$(names "$T/c/done")" '00001.done 00024.done '
	for i in $(seq 6 | shuf); do SLURM_ARRAY_TASK_ID=$i ok vae-shards task --per-task 4 "$T/c" drop; done
	ok vae-shards check "$T/c"
	equal "$T/c"
}

@test "shards: the commands of --print" {
	plan "$T/d e" --print >"$T/commands"
	absent "$T/d e"
	plan "$T/d e"
	sh -e "$T/commands"
	equal "$T/d e"
}

@test "shards: 24 shards, run --parallel: the same bytes" {
	need parallel
	S=$F/s W=$F/want
	plan "$T/b"
	ok vae-shards run -q -j 2 --parallel "$T/b"
	equal "$T/b"
	rm "$T/b"/columns/00002.col "$T/b/reduced"
	ok vae-shards run -q -j 2 --parallel --sshlogin : "$T/b"
	equal "$T/b"
}

@test "shards: 24 shards, run --slurm: the same bytes; a finished run submits nothing, an unfinished one what is left" {
	start_slurm
	S=$F/s W=$F/want
	plan "$T/a"
	ok vae-shards run --slurm --per-task 2 -c 2 --sbatch-args '--nice=1 --comment=x' "$T/a"
	says 'submitted'
	finished "$T/a"
	equal "$T/a"
	ok vae-shards run --slurm "$T/a"
	says 'nothing to submit'
	is "$(squeue -h)" ''
	rm "$T"/a/done/000[02]4.done
	ok vae-shards run -q --slurm --sbatch-args --hold "$T/a"
	is "$(squeue -h -r -n vae-drop,vae-score,vae-reduce -o %F_%K | sed 's/.*_//' | sort -n | tr '\n' ' ')" '4 24 '
	scontrol release "$(squeue -h -o %F | sort -u | paste -sd ,)"
	finished "$T/a"
	equal "$T/a"
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
	vae-shards plan -q "${FIELDS[@]}" "$T/k" "$S"/0[0125].tar
	fails 1 vae-shards run -q "$T/k"
	says 'is of no shard of the plan'
}

@test "shards: the tasks by GNU make" {
	plan "$T/m"
	ok make -s -j 2 -f "$ROOT/examples/shards/Makefile" RUN="$T/m"
	says 'are as they should be'
	equal "$T/m"
}

@test "shards: a finished run does nothing; a new shard is scored alone, and only changed lists are cleaned again" {
	plan "$T/a"
	vae-shards run -q -j 2 "$T/a"
	find "$T/a" -type f -printf '%p %i %T@\n' | sort >"$T/before"
	vae-shards run -q "$T/a"
	find "$T/a" -type f -printf '%p %i %T@\n' | sort | diff "$T/before" -
	is "$(vae-shards run --print "$T/a")" ''
	mkdir "$T/s"
	cp "$S"/*.tar* "$T/s"
	cp "$F/s/10.tar" "$T/s/zz.tar" # keys of shard 10 of 24, of 6 records each, are none of the first 60
	ok vae-shards add "$T/a" "$T/s/zz.tar"
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
	# in another order the shards have other ordinals; the results are the same
	vae-shards plan -q "${FIELDS[@]}" "$T/x" "$T/s/zz.tar" "$S"/*.tar*
	vae-shards run -q -j 2 "$T/x"
	diff -r "$T/a/clean" "$T/x/clean"
	diff -r "$T/a/quarantine" "$T/x/quarantine"
}

@test "shards: a task reads its own shard, and of the others no record, so that its memory does not depend on them" {
	plan "$T/a"
	# score 3 without the files of the others
	ok vae-shards task "$T/a" score 3
	cmp "$T/a/scored/00003.tar.zst" "$W/scored/00003.tar.zst"
	# drop 3 with its own scores and list alone
	cp "$W/lists/00003.keys" "$T/a/lists"
	cp "$W/reduced" "$T/a"
	ok vae-shards task "$T/a" drop 3
	is "$(names "$T/a/scored") $(names "$T/a/columns") $(names "$T/a/lists")" '00003.tar.zst  00003.col  00003.keys '
	cmp "$T/a/done/00003.done" "$W/done/00003.done"
	# what it reads of all shards is a line for each
	is "$(wc -l <"$T/a/manifest") $(wc -l <"$T/a/reduced")" '6 7'
}

# flip FILE AT: changes one byte, and keeps the time
flip() {
	touch -r "$1" "$T/time"
	perl -e 'open my $f, "+<:raw", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1; seek $f, $ARGV[1], 0; print $f chr(ord($c) ^ 1)' "$1" "$2"
	touch -r "$T/time" "$1"
}

@test "shards: one byte changed in a shard, its time kept: a task refuses it, a run scores it again" {
	mkdir "$T/s"
	cp "$S"/0[012].tar "$T/s"
	vae-shards plan -q "${FIELDS[@]}" "$T/a" "$T"/s/*.tar
	vae-shards run -q -j 2 "$T/a"
	flip "$T/s/01.tar" 600
	fails 1 vae-shards check "$T/a"
	says 01.tar 'has changed since the plan'
	rm "$T/a/columns/00002.col"
	fails 1 vae-shards task "$T/a" score 2
	says 01.tar 'has changed since the plan'
	ok vae-shards run "$T/a"
	says 'have changed' '1 scored'
	vae-shards plan -q "${FIELDS[@]}" "$T/b" "$T"/s/*.tar
	vae-shards run -q -j 2 "$T/b"
	diff -r "$T/a/clean" "$T/b/clean"
	diff -r "$T/a/quarantine" "$T/b/quarantine"
}

@test "shards: one byte changed in a result, scores, columns or a list, its time kept: refused, and made again" {
	cp -r "$W" "$T/a"
	flip "$T/a/clean/00.tar" 600
	fails 1 vae-shards check "$T/a"
	says clean/00.tar 'has changed'
	rm "$T/a/clean/00.tar"
	ok vae-shards run -q "$T/a"
	equal "$T/a"
	# scores: by check, and by the task that would read them
	flip "$T/a/scored/00002.tar.zst" 300
	fails 1 vae-shards check "$T/a"
	says scored/00002.tar.zst 'has changed since it was made: remove' columns/00002.col
	rm "$T/a/done/00002.done"
	fails 1 vae-shards task "$T/a" drop 2
	says scored/00002.tar.zst 'has changed since it was made'
	rm "$T/a/columns/00002.col"
	ok vae-shards run "$T/a"
	says '1 scored, 1 cleaned'
	equal "$T/a"
	rm "$T/a/scored/00003.tar.zst"
	fails 1 vae-shards check "$T/a"
	says scored/00003.tar.zst 'is gone: remove' columns/00003.col
	# scores of another run with the same shards and settings, but not these bytes
	vae-drop -q -e '__never__ == 1' -o "$T/other.tar" "$W/scored/00003.tar.zst"
	zstd -q -f --fast "$T/other.tar" -o "$T/a/scored/00003.tar.zst"
	fails 1 vae-shards check "$T/a"
	says scored/00003.tar.zst
	rm "$T/a/columns/00003.col"
	ok vae-shards run -q "$T/a"
	flip "$T/a/columns/00001.col" 400
	fails 1 vae-shards check -q "$T/a"
	says 00001.col 'make it again'
	rm "$T/a/reduced"
	vae-shards run -q "$T/a" 2>"$T/err" && die 'a damaged file of columns was trusted'
	says 00001.col 'make it again'
	rm "$T/a/columns/00001.col"
	ok vae-shards run -q "$T/a"
	equal "$T/a"
	echo s/0000 >>"$T/a/lists/00001.keys"
	rm "$T/a/done/00001.done"
	fails 1 vae-shards task "$T/a" drop 1
	says lists/00001.keys 'has changed'
}

@test "shards: the recipe of a model with curvature, that of vae-clean; a model that has changed is refused" {
	plain_stream 40 | mktar | train "$T/m.vae"
	vae-shards plan -q -m "$T/m.vae" "$T/p" "$S"/0[0-2]*
	grep -qxP 'key\tselfinf' "$T/p/settings"
	plain_stream 40 | mktar | vae-ckpt curvature -q -m "$T/m.vae"
	vae-shards plan -q -m "$T/m.vae" "$T/a" "$S"/0[0-2]*
	# the pipeline and the fields of vae-clean --print are these
	vae-clean -q --print -c tiny -o "$T/clean" "$S"/*.tar* >"$T/clean.sh"
	grep -o 'vae-selfinf -q --replace -m model.vae .* -o scored/00001' "$T/clean.sh" | sed 's/.*model.vae //; s/ -o .*//' >"$T/options"
	grep -qP "^score\tvae-stat -q -j.threads --replace \| vae-selfinf -q -j.threads --replace -m \"\\\$model\" $(cat "$T/options")\$" "$T/a/settings"
	local option
	for option in unlike far; do
		is "$(sed -n "s/^$option\t//p" "$T/a/settings")" "$(grep -o -m 1 -e "--$option [a-z_,]*" "$T/clean.sh" | cut -d ' ' -f 2)" "$option"
	done
	grep -q -- '--joint both -k loss,nll,selfinf,profile_' "$T/clean.sh"
	grep -qP '^key\tloss,nll,selfinf,profile_decoder[.][0-9]+$' "$T/a/settings"
	grep -qxP 'joint\tboth' "$T/a/settings"
	ok vae-shards run -q -j 2 "$T/a"
	[ "$(vae-cut -q -k nll "$T/a/scored/00001.tar.zst" | grep -c .)" -eq 10 ]
	flip "$(find "$T/m.vae" -name 'step-*.safetensors' | tail -n 1)" 2000
	fails 1 vae-shards run "$T/a"
	says m.vae 'has changed since the plan'
	ok vae-shards plan -q -m "$T/m.vae" "$T/a" "$S"/0[0-2]*
	is "$(vae-shards run --print "$T/a" | grep -c score)" 3
}

# of a network that is trained in a moment; 6 models
MEMO="-c tiny --set train.steps=40 --set input.binarize=threshold --set model.latent=2 --set 'model.encoder=[flatten, {linear: 4}]' --set 'model.decoder=[{linear: 64}]' --folds 3 --repeats=2 -d 16"

# memo_alone FILE: what vae-memo writes
memo_alone() { eval "vae-memo -q -z $MEMO" -o "$T/alone.memo" '"$S"/*.tar*' >"$1"; }

# same_memo RUN: the records and the numbers of all models are those of vae-memo
same_memo() {
	cmp "$T/alone" "$1/memo.tar.zst"
	diff -r "$T/alone.memo" "$1/models.memo"
	is "$(find "$1" -name '*tmp[0-9]*')" '' 'temporary files'
}

@test "shards: a reader that has gone ends it silently, a full device with a message" {
	plan "$T/a"
	for how in "status $T/a" "run --print $T/a" "plan --print --score cat -k w $T/b $S/00.tar" -h; do
		got=0
		# shellcheck disable=SC2086 # a verb and its arguments
		perl -e 'pipe R, W; close R; open STDOUT, ">&W"; exec @ARGV' vae-shards $how 2>"$T/err" || got=$?
		is "$got" 141 "$how"
		is "$(cat "$T/err")" ''
		got=0
		# shellcheck disable=SC2086
		vae-shards $how >/dev/full 2>"$T/err" || got=$?
		is "$got" 1 "$how"
		says 'vae-shards: standard output: No space left'
	done
}

@test "shards, clean: a directory that may not be written or read" {
	local less=()
	cp -r "$W" "$T/a"
	chmod -R a-w "$T/a"
	mkdir "$T/closed"
	chmod 000 "$T/closed"
	if [ -r "$T/closed" ]; then # root reads everything, unless setpriv drops its capabilities
		need setpriv
		less=(setpriv --inh-caps -all --bounding-set '-dac_override,-dac_read_search')
		! "${less[@]}" test -r "$T/closed" || skip 'setpriv is not allowed to take rights from root here'
	fi
	# what is finished may be looked at
	ok "${less[@]}" vae-shards status "$T/a"
	grep -x '6 cleaned' "$T/out"
	[ ! -s "$T/err" ]
	ok "${less[@]}" vae-shards run -q "$T/a"
	[ ! -s "$T/err" ]
	fails 1 "${less[@]}" vae-shards add "$T/a" "$F/s/09.tar"
	says "$T/a/manifest: cannot be written"
	fails 1 "${less[@]}" vae-shards check "$T/a"
	says "$T/a/bindings: cannot be written"
	fails 1 "${less[@]}" vae-clean -o "$T/a/clean" "$S/00.tar"
	says "$T/a/clean"
	for how in "run $T/closed" "plan --score cat -k w $T/closed $S/00.tar"; do
		# shellcheck disable=SC2086 # a verb and its arguments
		fails 1 "${less[@]}" vae-shards $how
		says "$T/closed: cannot be read: no permission"
	done
	fails 1 "${less[@]}" vae-clean -o "$T/closed" "$S/00.tar"
	says "$T/closed: cannot be entered: no permission"
	mkdir "$T/empty"
	chmod a-w "$T/empty"
	fails 1 "${less[@]}" vae-clean -o "$T/empty" "$S/00.tar"
	says "$T/empty: cannot be written"
	chmod -R u+rwx "$T/a" "$T/closed"
}

@test "shards: one plan, add, run or check at a time in a directory" {
	need flock
	plan "$T/a"
	# with a shorter time to wait
	mkdir "$T/bin"
	sed 's/flock -w 10/flock -w 0/' "$(command -v vae-shards)" >"$T/bin/vae-shards"
	chmod 755 "$T/bin/vae-shards"
	exec 8<"$T/a"
	flock 8
	for how in "run -q $T/a" "check -q $T/a" "add -q $T/a $S/00.tar" "plan -q --score cat -k w $T/a $S/00.tar"; do
		# shellcheck disable=SC2086 # a verb and its arguments
		PATH=$T/bin:$PATH fails 1 vae-shards $how 8<&-
		says "$T/a: another vae-shards is at work there"
	done
	ok vae-shards status "$T/a" 8<&-
	ok vae-shards run --print "$T/a" 8<&-
	ok vae-shards task "$T/a" score 1 8<&-
	# until it has ended: a second run does nothing again
	(sleep 0.2; exec 8<&-) &
	exec 8<&-
	ok vae-shards run -q "$T/a"
	# two at once: the second waits, or fails with this message
	plan "$T/b"
	vae-shards run -q -j 2 "$T/b" >/dev/null 2>"$T/err.first" 3>&- &
	vae-shards run -q -j 2 "$T/b" 2>"$T/err" || says 'another vae-shards is at work there'
	wait $!
	[ ! -s "$T/err.first" ] || grep -q 'another vae-shards is at work there' "$T/err.first"
	ok vae-shards run -q "$T/b"
	equal "$T/b"
}

@test "shards --memo: a task for each model; here, many at a time, by single tasks, by GNU parallel: the bytes of vae-memo" {
	memo_alone "$T/alone"
	vae-shards plan -q --memo "$MEMO" "$T/a" "$S"/*.tar*
	is "$(vae-shards run --print "$T/a" | sed "s|'.*'|RUN|" | paste -sd ';')" \
		"$(printf 'vae-shards task RUN train %d;' 1 2 3 4 5 6)vae-shards reduce RUN"
	ok vae-shards run -j 2 "$T/a"
	says '6 models: 6 trained now'
	same_memo "$T/a"
	ok vae-shards run "$T/a"
	says '6 models: 0 trained now'
	is "$(vae-shards run --print "$T/a")" ''
	vae-shards plan -q --memo "$MEMO" "$T/b" "$S"/*.tar*
	ok vae-shards task "$T/b" train 5
	fails 1 vae-shards reduce "$T/b"
	says '5 of 6 models are not trained'
	JOB_COMPLETION_INDEX=0 ok vae-shards task --per-task 4 "$T/b" train
	ok vae-shards status --summary "$T/sum" "$T/b"
	grep -q '6 models of 6 shards, 5 trained' "$T/out"
	is "$(cat "$T/sum")" '{"shards":6,"models":6,"trained":5,"reduced":false}'
	if command -v parallel >/dev/null; then ok vae-shards run --parallel -j 2 "$T/b"; else ok vae-shards run "$T/b"; fi
	says '6 models: 1 trained now'
	same_memo "$T/b"
	# what is damaged is refused
	flip "$T/b/memo.tar.zst" 300
	fails 1 vae-shards check "$T/b"
	says 'memo.tar.zst has changed since it was made'
	rm "$T/b/memo.tar.zst"
	flip "$T/b/models.memo/model-000002.numbers" 200
	fails 1 vae-shards reduce "$T/b"
	says model-000002.numbers
	rm "$T/b/models.memo/model-000002.numbers"
	ok vae-shards run -q "$T/b"
	same_memo "$T/b"
	# other shards have other models
	fails 1 vae-shards add "$T/b" "$F/s/10.tar"
	says 'another directory'
	fails 1 vae-shards task "$T/b" score 1
	says 'its tasks are train'
	fails 1 vae-shards task "$T/b" train 7
	says '6 models'
	mkdir "$T/s"
	cp "$S"/0[012].tar "$T/s"
	vae-shards plan -q --memo "$MEMO" "$T/c" "$T"/s/*.tar
	ok vae-shards task "$T/c" train 1
	flip "$T/s/01.tar" 600
	fails 1 vae-shards task "$T/c" train 2
	says 01.tar 'plan in another directory'
	fails 1 vae-shards run "$T/c"
	says 01.tar 'plan in another directory'
	for bad in '--halves 4' '--folds x' '--repeats' '-z' '--task 1/2' "'" '--hal 4' '--folds 1' '-qz' '-qr q.tar' '--no-such' '-d x' '--set train.step=3' '-t tests.tar'; do
		fails 2 vae-shards plan --memo "-c tiny $bad" "$T/d" "$S/00.tar"
		says --memo
	done
	# no other records: each task would read them too, or standard input
	for bad in - "$S/01.tar" '--folds 2 - -q' '-- -q' "-qd 3 $S/01.tar"; do
		fails 2 vae-shards plan --memo "-c tiny $bad" "$T/d" "$S/00.tar"
		says '--memo takes options alone' "'"
	done
	ok vae-shards plan -q --print --memo '-qc tiny --fold 3 --repe=2 --set train.likelihood=gaussian --set model.variance=1' "$T/d" "$S/00.tar"
	is "$(grep -c ' train ' "$T/out")" 6
	fails 2 vae-shards plan --memo '-c tiny -h' "$T/d" "$S/00.tar"
	says '--memo takes no -h'
	fails 1 vae-shards plan --memo '-c tiny --set train.likelihood=bernoulli' "$T/d" "$S/00.tar"
	says --memo 'pixels that are 0 or 1 only'
	fails 1 vae-shards plan --memo '-c nosuch' "$T/d" "$S/00.tar"
	says --memo "no preset 'nosuch'"
	fails 2 vae-shards plan --memo '--folds 2' "$T/d" "$S/00.tar"
	says '--memo: -c NAME is required'
	for empty in '--memo ""' --memo=; do
		eval "fails 2 vae-shards plan $empty \"\$T/d\" \"\$S/00.tar\""
		says '--memo takes options of vae-memo, at least -c NAME'
	done
	absent "$T/d"
	fails 2 vae-shards plan --memo '-c tiny' -k loss "$T/d" "$S/00.tar"
	says 'takes no -k'
	fails 2 vae-shards run --memo '-c tiny' "$T/a"
}

@test "shards --memo: tasks that are killed: the bytes of vae-memo" {
	local at kills=0
	memo_alone "$T/alone"
	vae-shards plan -q --memo "$MEMO" "$T/a" "$S"/*.tar*
	# in every process of the run: vae-shards, vae-memo, and what they start
	for at in write:1 write:2 write:4 write:8 rename:1 rename:2 rename:3 rename:4 rename:5 rename:6 fsync:1 fsync:4 fsync:8 open:1 open:9 open:30 close:3 close:12; do
		VF_FAULT_KILL=1 VF_FAULT_AT=${at/:/:once:} preloaded vae-shards run -q -j 2 "$T/a" >/dev/null 2>"$T/err" || kills=$((kills + 1))
		[ $((kills % 3)) -gt 0 ] || rm -f "$T"/a/models.memo/model-00000$((kills % 6)).numbers "$T/a/reduced"
	done
	[ $kills -ge 12 ] || die "only $kills runs were killed"
	ok vae-shards run -q "$T/a"
	ok vae-shards check -q "$T/a"
	same_memo "$T/a"
	echo "# $kills runs were killed" >&3
}

@test "shards --memo: run --slurm: the bytes of vae-memo" {
	start_slurm
	memo_alone "$T/alone"
	vae-shards plan -q --memo "$MEMO" "$T/a" "$S"/*.tar*
	ok vae-shards run --slurm --per-task 2 "$T/a"
	says 'submitted: jobs'
	finished "$T/a"
	same_memo "$T/a"
	ok vae-shards run --slurm "$T/a"
	says 'nothing to submit'
}

@test "shards: bad input is one clear line" {
	fails 2 vae-shards
	fails 2 vae-shards plan "$T/a"
	fails 2 vae-shards fly "$T/a"
	says fly
	fails 2 vae-shards plan "$T/a" "$S/00.tar"
	says -m
	fails 2 vae-shards plan "${FIELDS[@]}" --top x "$T/a" "$S/00.tar"
	fails 2 vae-shards run --top 5 "$T/a"
	fails 1 vae-shards run "$T/a"
	says 'no plan there'
	fails 1 vae-shards plan "${FIELDS[@]}" "$T/a" "$T/none.tar"
	says none.tar
	fails 1 vae-shards plan "${FIELDS[@]}" "$T/a" "$S/list"
	mkdir "$T/other"
	cp "$S/00.tar" "$T/other"
	fails 1 vae-shards plan "${FIELDS[@]}" "$T/a" "$S/00.tar" "$T/other/00.tar"
	says 'two shards have the name 00.tar'
	touch "$T/other/precious"
	fails 1 vae-shards plan "${FIELDS[@]}" "$T/other" "$S/00.tar"
	says 'not empty'
	# keys that come again
	cp "$S/00.tar" "$T/again.tar"
	vae-shards plan -q "${FIELDS[@]}" "$T/b" "$S/00.tar" "$T/again.tar"
	vae-shards run -q "$T/b" 2>"$T/err" && die 'keys came again'
	says "the key 's/000" 'is in 00001.col too'
	vae-shards plan -q "${FIELDS[@]}" --keys-per-file "$T/b" "$S/00.tar" "$T/again.tar"
	ok vae-shards run -q "$T/b"
	fails 1 vae-shards task "$T/b" score 3
	says 'no task 3'
	fails 2 vae-shards task "$T/b" score x
	fails 2 env -u SLURM_ARRAY_TASK_ID vae-shards task "$T/b" score
	# a shard that is cut
	head -c 3000 "$S/01.tar" >"$T/cut.tar"
	vae-shards plan -q "${FIELDS[@]}" "$T/c" "$S/00.tar" "$T/cut.tar"
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
	threads() { # COMMAND...: its threads once it has read what there is
		"$@" <"$T/in" >/dev/null &
		exec 5>"$T/in"
		head -c 20000 "$S/00.tar" >&5
		# 0x541b is FIONREAD: the tool has read all, and waits with all its threads
		perl -e 'do { select undef, undef, undef, .02; ioctl STDIN, 0x541b, $n or die } while unpack "i", $n' <&5
		sleep 0.1
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

@test "taskset: the threads of a task are the processors that it may use; and those of the control group" {
	need taskset unshare
	local one
	one=$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')
	vae-shards plan -q --score "echo \$threads >>'$T/threads'; cat" -k w "$T/a" "$S/00.tar" "$S/01.tar"
	taskset -c "$one" vae-shards task "$T/a" score 1 2>/dev/null || true
	vae-shards task --threads 5 "$T/a" score 2 2>/dev/null || true
	is "$(paste -sd ' ' "$T/threads")" '1 5'
	grep -q ^0::/ /proc/self/cgroup || skip 'no control groups of version 2'
	mkdir -p "$T/group$(sed -n s/^0:://p /proc/self/cgroup)"
	limited_to() { # CPU.MAX EXPECTED: the threads of a task
		echo "$1" >"$T/group/cpu.max"
		rm -f "$T/threads" "$T"/a/columns/*
		unshare -m sh -c 'mount --bind "$1" /sys/fs/cgroup && vae-shards task "$2" score 1' sh "$T/group" "$T/a" 2>/dev/null || true
		[ -e "$T/threads" ] || skip 'mounting a file system is not allowed here'
		is "$(cat "$T/threads")" "$2" "$1"
	}
	limited_to 'max 100000' "$(nproc)"
	limited_to '50000 100000' 1
	limited_to '100001 100000' $(($(nproc) < 2 ? 1 : 2))
}
