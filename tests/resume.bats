# vae-train --resume, and data sets past --mem.

load helper

setup_file() {
	pictures "$F/pics" 60
	plain_stream 30 | mktar >"$F/in.tar"
	plain_stream 31 | mktar >"$F/more.tar"
	long "$F/m.vae" "$F/in.tar"
	# what a kill leaves between the second checkpoint and the third. Renames are those of mkdir, of the state before the first step, and of the
	# state after every step, with a checkpoint before it.
	T=$F killed rename 135 long "$F/stopped.vae" --save-every 0.000001 "$F/in.tar"
	is "$(names "$F/stopped.vae" 'step-*')" 'step-000000060.safetensors step-000000120.safetensors '
	absent "$F/stopped.vae/model.yaml"
	rm -f "$F/stopped.vae"/*.tmp*
}

# long MODEL [OPTION...]: a training with momenta that matter
LONG=(-q -c tiny --set train.steps=300 --set train.checkpoints=5 --set train.holdout=0.1)
long() {
	local model=$1
	shift
	vae-train "${LONG[@]}" -o "$model" "$@"
}

# background MODEL [OPTION...]: the same; its pid in $pid
background() {
	local model=$1
	shift
	vae-train "${LONG[@]}" -o "$model" "$@" >/dev/null 2>&1 3>&- &
	pid=$!
}
# end it as no program can foresee
kill_it() {
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

# after STATE: what stands behind the header, and the header but for times
after() {
	perl -e 'local $/; open my $f, "<:raw", $ARGV[0] or die; my $all = <$f>; my $n = unpack "Q<", $all;
		my $h = substr $all, 8, $n; $h =~ s/log_bytes \d+\\u000aseconds [0-9.]+//; $h =~ s/"checksum":"\w+"//; $h =~ s/__metadata__=\w+//; $h =~ s/ +$//; print $h, substr $all, 8 + $n' "$1"
}

curve() { sed 's/,"seconds":.*//' "$1/train.jsonl"; }

# alike DIR DIR: two trainings that did the same
alike() {
	local file
	is "$(names "$1")" "$(names "$2")"
	for file in "$1"/step-* "$1/model.yaml"; do same "$file" "$2/${file##*/}"; done
	diff <(curve "$1") <(curve "$2")
	after "$1/state" >"$T/one"
	after "$2/state" >"$T/two"
	same "$T/one" "$T/two"
}

# stopped DIR: a training that was stopped after its second checkpoint
stopped() {
	rm -rf "$1"
	cp -r "$F/stopped.vae" "$1"
}

@test "killed again and again, --resume goes on to the same bits" {
	local kinds=(rename write fsync close open) options=(--set train.steps=60 --set train.checkpoints=3 "$F/in.tar") kills=0 listed=0 got=1 n
	long "$T/want.vae" "${options[@]}"
	for ((n = 1; got; n++)); do
		got=0
		VF_FAULT_KILL=1 VF_FAULT_AT=${kinds[n % 5]}:once:$((n + n * n / 8)) preloaded long "$T/m.vae" --resume --save-every 0.000001 "${options[@]}" || got=$?
		is "$got" $((got ? 137 : 0))
		kills=$((kills + (got != 0)))
		if compgen -G "$T/m.vae/step-*.safetensors" >/dev/null; then
			ok vae-ckpt list -m "$T/m.vae" # reads all of them
			listed=$((listed + 1))
		fi
	done
	[ $kills -ge 10 ] || die "only $kills kills"
	[ $listed -ge 3 ]
	alike "$T/want.vae" "$T/m.vae"
	echo "# $kills kills" >&2
}

@test "a stopped training: its checkpoints are whole, and used by name" {
	stopped "$T/m.vae"
	absent "$T/m.vae/model.yaml"
	fails 1 vae-selfinf -m "$T/m.vae" "$F/in.tar"
	says 'not finished' '--checkpoints STEP'
	fails 1 vae-selfinf -m "$T/m.vae" --checkpoints all "$F/in.tar"
	ok vae-selfinf -m "$T/m.vae" --checkpoints 60,120 "$F/in.tar"
	field selfinf <"$T/out" >"$T/got"
	vae-selfinf -m "$F/m.vae" --checkpoints 60,120 "$F/in.tar" | field selfinf >"$T/want"
	same "$T/want" "$T/got"
	ok vae-selfinf -m "$T/m.vae/step-000000120.safetensors" "$F/in.tar"
	# what a kill leaves of a file that was being written goes away
	printf x >"$T/m.vae/state.tmp123-0"
	printf x >"$T/m.vae/step-000000180.safetensors.tmp77-1"
	ok long "$T/m.vae" --resume "$F/in.tar"
	alike "$F/m.vae" "$T/m.vae"
}

@test "sgd, convolutions and any -j go on as well" {
	cat >"$T/c.yaml" <<-'END'
		input: {shape: [1, 8, 8]}
		model:
		  latent: 2
		  encoder: [{conv2d: {out: 4, kernel: 4, stride: 2, padding: 1}}, relu, flatten, {linear: 4}]
		  decoder: [{linear: 64}, {unflatten: [4, 4, 4]}, relu, {conv_transpose2d: {out: 1, kernel: 4, stride: 2, padding: 1}}]
		train: {batch: 8, steps: 40, checkpoints: 4, optimizer: sgd, lr: 0.0001}
	END
	for optimizer in sgd adam; do
		vae-train -q -c "$T/c.yaml" --set train.optimizer=$optimizer -o "$T/$optimizer.vae" "$F/in.tar"
		vae-train -q -c "$T/c.yaml" --set train.optimizer=$optimizer --set train.steps=10 --set train.checkpoints=1 -j2 -o "$T/half.vae" --replace "$F/in.tar"
		# the same configuration as if stopped at step 10: only its end is another
		fails 1 vae-train -q -c "$T/c.yaml" --set train.optimizer=$optimizer --resume -j1 -o "$T/half.vae" "$F/in.tar"
		says train.checkpoints
		rm -r "$T/half.vae"
		vae-train -q -c "$T/c.yaml" --set train.optimizer=$optimizer --set train.steps=10 -j2 -o "$T/half.vae" "$F/in.tar"
		vae-train -q -c "$T/c.yaml" --set train.optimizer=$optimizer --resume -j1 -o "$T/half.vae" "$F/in.tar"
		after "$T/$optimizer.vae/state" | tail -c 1000 >"$T/one"
		after "$T/half.vae/state" | tail -c 1000 >"$T/two"
		same "$T/one" "$T/two"
		rm -r "$T/half.vae"
	done
}

@test "--resume begins where there is nothing, and does nothing where all is done" {
	ok long "$T/m.vae" --resume "$F/in.tar"
	alike "$F/m.vae" "$T/m.vae"
	mkdir "$T/e.vae"
	ok long "$T/e.vae" --resume "$F/in.tar"
	alike "$F/m.vae" "$T/e.vae"
	touch -d '2020-01-01 UTC' "$T"/m.vae/*
	(cd "$T/m.vae" && ls -l --time-style=+%s) >"$T/before"
	ok vae-train -c tiny --set train.steps=300 --set train.checkpoints=5 --set train.holdout=0.1 -o "$T/m.vae" --resume -p --summary "$T/s" <"$F/in.tar"
	says 'the training of 300 steps is finished already'
	mv "$T/out" "$T/passed"
	train "$T/p.vae" -p "$F/in.tar" >"$T/want"
	same "$T/want" "$T/passed"
	(cd "$T/m.vae" && ls -l --time-style=+%s) >"$T/after"
	same "$T/before" "$T/after"
	grep -q '"steps":300,.*"loss":[0-9.]*,"holdout_loss":[0-9.]*,.*"resumed_from":300' "$T/s"
}

@test "-p with --resume passes the records on when the training is done" {
	train "$T/p.vae" -p "$F/in.tar" >"$T/want"
	stopped "$T/m.vae"
	ok long "$T/m.vae" --resume -p "$F/in.tar"
	same "$T/want" "$T/out"
	alike "$F/m.vae" "$T/m.vae"
}

@test "other records, another order, another configuration are refused, and nothing changes" {
	stopped "$T/m.vae"
	cp -r "$T/m.vae" "$T/copy.vae"
	fails 1 long "$T/m.vae" --resume "$F/more.tar"
	says "$T/m.vae" 'other records' '30 then, 31 now'
	plain_stream 30 | awk '{ k = int((NR - 1) / 2) } k == 3 || k == 4 { held[k] = held[k] $0 "\n"; if (NR == 10) printf "%s%s", held[4], held[3]; next } 1' | mktar >"$T/turned.tar"
	fails 1 long "$T/m.vae" --resume "$T/turned.tar"
	says 'another order'
	for set in train.lr=0.002 train.seed=4 train.batch=8 train.checkpoints=6 'input.field=[pgm]' score.draws=2 train.beta=2; do
		fails 1 long "$T/m.vae" --resume --set "$set" "$F/in.tar"
		says "$T/m.vae/state" "${set%%=*}" --replace
	done
	fails 1 long "$T/m.vae" --resume --set 'model.encoder=[flatten, {linear: 16}, relu, {linear: 8}]' "$F/in.tar"
	says model.encoder
	fails 1 long "$T/m.vae" --resume --set train.steps=299 "$F/in.tar"
	says train.steps 300 299
	fails 2 long "$T/m.vae" --resume --replace "$F/in.tar"
	diff -r "$T/copy.vae" "$T/m.vae"
	ok long "$T/m.vae" --resume "$F/in.tar"
	alike "$F/m.vae" "$T/m.vae"
}

@test "a state that is damaged, cut, or not there" {
	stopped "$T/m.vae"
	local size at
	size=$(wc -c <"$T/m.vae/state")
	cp "$T/m.vae/state" "$T/good"
	for at in 3 20 200 $((size / 2)) $((size - 1)); do
		perl -e 'open my $f, "+<:raw", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1; seek $f, $ARGV[1], 0; print $f chr(ord($c) ^ 16)' "$T/m.vae/state" "$at"
		fails 1 long "$T/m.vae" --resume "$F/in.tar"
		says "$T/m.vae/state: damaged: "
		cp "$T/good" "$T/m.vae/state"
	done
	for at in 0 7 100 $((size - 1)); do
		head -c "$at" "$T/good" >"$T/m.vae/state"
		fails 1 long "$T/m.vae" --resume "$F/in.tar"
		says "$T/m.vae/state: damaged: "
	done
	cp "$T/m.vae/step-000000060.safetensors" "$T/m.vae/state"
	fails 1 long "$T/m.vae" --resume "$F/in.tar"
	says 'not the state'
	rm "$T/m.vae/state"
	fails 1 long "$T/m.vae" --resume "$F/in.tar"
	says "$T/m.vae" 'no state'
	cp "$T/good" "$T/m.vae/state"
	: >"$T/m.vae/train.jsonl"
	fails 1 long "$T/m.vae" --resume "$F/in.tar"
	says train.jsonl shorter
	mkdir "$T/home"
	echo precious >"$T/home/file"
	fails 1 long "$T/home" --resume "$F/in.tar"
	says "'file'"
	is "$(cat "$T/home/file")" precious
	echo file >"$T/f"
	fails 1 long "$T/f" --resume "$F/in.tar"
}

# flip FILE OFFSET: flips a bit
flip() { perl -e 'open my $f, "+<:raw", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1; seek $f, $ARGV[1], 0; print $f chr(ord($c) ^ 1)' "$1" "$2"; }

@test "a damaged line of train.jsonl, before the state, is found by whoever reads it; lines of older versions are read" {
	stopped "$T/m.vae"
	cp -r "$T/m.vae" "$T/good"
	local log=$T/m.vae/train.jsonl line at
	for line in 1 3 7; do # a digit of the loss
		at=$(($(head -n $((line - 1)) "$T/good/train.jsonl" | wc -c) + $(sed -n "${line}p" "$log" | grep -bo '"loss":' | cut -d : -f 1) + 8))
		flip "$log" "$at"
		fails 1 long "$T/m.vae" --resume "$F/in.tar"
		says "$log: damaged: line $line does not match its checksum" '--replace starts again'
		same "$T/m.vae/state" "$T/good/state"
		cp "$T/good/train.jsonl" "$log"
	done
	sed -i 4d "$log"
	fails 1 long "$T/m.vae" --resume "$F/in.tar"
	says 'line 4 does not match'
	cp "$T/good/train.jsonl" "$log"
	ok long "$T/m.vae" --resume "$F/in.tar"
	alike "$F/m.vae" "$T/m.vae"
	# that of a finished training: --resume, vae-report and vae-eval
	vae-selfinf -q -d 1 -m "$T/m.vae" "$F/in.tar" >"$T/scored.tar"
	flip "$log" 20
	fails 1 long "$T/m.vae" --resume "$F/in.tar"
	says "$log: damaged: line 1 " '--replace starts again'
	fails 1 vae-report -q -k selfinf -m "$T/m.vae" -o "$T/page.html" "$T/scored.tar"
	says "$log: damaged: line 1 " 'remove it, and no training curve is drawn'
	fails 1 vae-eval -m "$T/m.vae" --svg "$T/pics" "$T/scored.tar"
	says "$log: damaged: line 1 "
	rm "$log"
	ok long "$T/m.vae" --resume "$F/in.tar"
	ok vae-report -q -k selfinf -m "$T/m.vae" -o "$T/page.html" "$T/scored.tar"
	# of an older version: without checks, and then with them
	rm -r "$T/m.vae"
	cp -r "$T/good" "$T/m.vae"
	perl -e 'local $/; open my $f, "<:raw", "$ARGV[0]/state"; my $s = <$f>; my ($n) = $s =~ /log_bytes (\d+)/; truncate "$ARGV[0]/train.jsonl", $n' "$T/m.vae"
	sed -i 's/"check":"\w*"/"other":"0123456789abcdef"/' "$log"
	ok long "$T/m.vae" --resume "$F/in.tar"
	vae-report -q -k selfinf -m "$T/m.vae" -o "$T/page.html" "$T/scored.tar"
	flip "$log" 20
	fails 1 vae-report -q -k selfinf -m "$T/m.vae" -o "$T/page.html" "$T/scored.tar"
	says "$log: damaged: line "
}

@test "a finished training goes on to more steps" {
	cp -r "$F/m.vae" "$T/m.vae"
	ok long "$T/m.vae" --resume --set train.steps=400 --summary "$T/s" "$F/in.tar"
	grep -q '"resumed_from":300' "$T/s"
	is "$(names "$T/m.vae")" 'model.yaml state step-000000060.safetensors step-000000120.safetensors step-000000180.safetensors step-000000240.safetensors step-000000300.safetensors step-000000320.safetensors step-000000400.safetensors train.jsonl '
	grep -q 'steps: 400' "$T/m.vae/model.yaml"
	long "$T/whole.vae" --set train.steps=400 "$F/in.tar"
	# the parameters are those of one long training; what is said of the steps before differs
	for step in 320 400; do
		vae-ckpt export -m "$T/m.vae/step-000000$step.safetensors" -o "$T/one"
		vae-ckpt export -m "$T/whole.vae/step-000000$step.safetensors" -o "$T/two"
		same "$T/one" "$T/two"
	done
	ok vae-selfinf -m "$T/m.vae" --checkpoints all "$F/in.tar"
	is "$(curve "$T/m.vae" | sed 's/.*"step":\([0-9]*\).*/\1/' | sort -n | uniq -d)" ''
	# stopped on the way, it is unfinished, and goes on
	cp -r "$F/m.vae" "$T/k.vae"
	killed rename 2 long "$T/k.vae" --resume --set train.steps=1000000 --save-every 0.000001 "$F/in.tar"
	absent "$T/k.vae/model.yaml"
	fails 1 long "$T/k.vae" --resume "$F/in.tar"
	says train.steps 1000000 300
}

@test "two trainings in one directory: the second is refused" {
	background "$T/m.vae" --set train.steps=100000000 "$F/in.tar"
	for _ in {1..6000}; do
		[ -e "$T/m.vae/state" ] && break
		sleep 0.01
	done
	for how in --resume --replace; do
		fails 1 long "$T/m.vae" $how --set train.steps=100000000 "$F/in.tar"
		says "$T/m.vae" running
	done
	kill_it
	ok long "$T/m.vae" --replace "$F/in.tar"
	alike "$F/m.vae" "$T/m.vae"
}

@test "--save-every" {
	fails 2 long "$T/m.vae" --save-every -1 "$F/in.tar"
	fails 2 long "$T/m.vae" --save-every x "$F/in.tar"
	ok long "$T/m.vae" --save-every 0 "$F/in.tar"
	alike "$F/m.vae" "$T/m.vae"
}

@test "past --mem the records lie in a file without a name: the same bits" {
	mkdir "$T/tmp"
	for mem in 0 64 100 1K 0.5k; do
		TMPDIR=$T/tmp ok long "$T/m.vae" --replace --mem $mem "$F/in.tar"
		alike "$F/m.vae" "$T/m.vae"
		is "$(names "$T/tmp")" ''
	done
	# and it is the file: without a place for it there is no training, and with memory enough none is wanted
	TMPDIR=$T/none fails 1 long "$T/no.vae" --mem 1K "$F/in.tar"
	says "$T/none"
	absent "$T/no.vae"
	TMPDIR=$T/none ok long "$T/m.vae" --replace --mem 1920 "$F/in.tar"
	alike "$F/m.vae" "$T/m.vae"
	stopped "$T/m.vae"
	ok long "$T/m.vae" --resume --mem 1K "$F/in.tar"
	alike "$F/m.vae" "$T/m.vae"
	for mem in x -1 1X 1KB ''; do
		fails 2 long "$T/no.vae" --mem "$mem" "$F/in.tar"
		says --mem
	done
}

@test "past --mem: a disk that is full is an error, and no signal" {
	local i
	(for i in {0..1999}; do printf 'name=%04d.pgm file=%s/pics/%d.pgm\n' "$i" "$F" $((i % 60)); done) | mktar >"$T/big.tar"
	local got=0
	(ulimit -f 100 && exec vae-train -q -c tiny -o "$T/m.vae" --mem 1K "$T/big.tar") 2>"$T/err" || got=$?
	is "$got" 1
	says 'File too large' --mem TMPDIR
	clean "$T/err"
	absent "$T/m.vae"
}
