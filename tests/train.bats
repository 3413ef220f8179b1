# vae-train: what it leaves behind, and what it refuses.

load helper

setup_file() {
	pictures "$F/pics" 30
	plain_stream 30 | mktar >"$F/in.tar"
	train "$F/m.vae" <"$F/in.tar"
}

sums() { (cd "$1" && cksum -- * | sort); }

@test "a model directory: checkpoints, log, configuration" {
	is "$(names "$F/m.vae")" 'model.yaml state step-000000008.safetensors step-000000016.safetensors step-000000024.safetensors train.jsonl '
	isjson --flat <"$F/m.vae/train.jsonl"
	grep -q '^format: 1$' "$F/m.vae/model.yaml"
	grep -q 'steps: 24' "$F/m.vae/model.yaml"
	# its configuration makes the same model again
	vae-train -q -c "$F/m.vae/model.yaml" -o "$T/again.vae" <"$F/in.tar"
	sums "$F/m.vae" | grep -Ev 'jsonl|state' >"$T/a" # both hold times
	sums "$T/again.vae" | grep -Ev 'jsonl|state' >"$T/b"
	diff "$T/a" "$T/b"
}

@test "the loss falls, the seed matters" {
	vae-train -q -c tiny -o "$T/m.vae" --summary "$T/s" <"$F/in.tar"
	awk -F '[:,]' 'NR == 1 { first = $4 } { last = $4 } END { exit !(last < first) }' "$T/m.vae/train.jsonl"
	grep -q '"steps":400,"trained_on":' "$T/s"
	train "$T/seed.vae" --seed 7 <"$F/in.tar"
	not cmp -s "$F/m.vae/step-000000024.safetensors" "$T/seed.vae/step-000000024.safetensors"
	train "$T/set.vae" --set train.seed=7 <"$F/in.tar"
	same "$T/set.vae/step-000000024.safetensors" "$T/seed.vae/step-000000024.safetensors"
}

@test "an existing model stays without --replace, and is exchanged with it" {
	cp -r "$F/m.vae" "$T/m.vae"
	fails 1 train "$T/m.vae" "$F/in.tar"
	says "$T/m.vae" --replace
	is "$(sums "$T/m.vae")" "$(sums "$F/m.vae")"
	train "$T/m.vae" --replace --seed 3 "$F/in.tar"
	not cmp -s "$F/m.vae/step-000000024.safetensors" "$T/m.vae/step-000000024.safetensors"
	is "$(names "$T" '*vae*')" 'm.vae '
	ok train "$T/m.vae/" --replace "$F/in.tar"
	is "$(names "$T" '*vae*')" 'm.vae '
	echo file >"$T/f"
	fails 1 train "$T/f" --replace "$F/in.tar"
	is "$(cat "$T/f")" file
	fails 1 train "$T/no/such/m.vae" "$F/in.tar"
	says "$T/no/such/m.vae"
}

@test "--replace refuses a directory that is not a model" {
	mkdir "$T/home"
	echo precious >"$T/home/file"
	fails 1 train "$T/home" "$F/in.tar"
	fails 1 train "$T/home" --replace "$F/in.tar"
	is "$(find "$T" -name file -exec cat {} +)" precious
}

# late MODEL ACTION [OPTION...]: trains with --replace, and runs ACTION while the tool waits for records
late() {
	local model=$1 action=$2
	shift 2
	mkfifo "$T/fifo"
	train "$model" --replace --seed 3 "$@" <"$T/fifo" >"$T/out" 2>"$T/err" 3>&- &
	pid=$!
	exec 9>"$T/fifo"
	for _ in {1..3000}; do
		compgen -G "$model.tmp*" >/dev/null && break
		sleep 0.02
	done
	eval "$action"
	cat "$F/in.tar" >&9
	exec 9>&-
	rm "$T/fifo"
	wait $pid
}

@test "the old model is moved away during training: the new one takes its place" {
	cp -r "$F/m.vae" "$T/m.vae"
	# shellcheck disable=SC2016
	late "$T/m.vae" 'mv "$T/m.vae" "$T/moved.vae"'
	[ ! -s "$T/err" ]
	ok vae-ckpt verify -m "$T/m.vae"
	not cmp -s "$F/m.vae/step-000000024.safetensors" "$T/m.vae/step-000000024.safetensors"
	is "$(sums "$T/moved.vae")" "$(sums "$F/m.vae")"
	is "$(names "$T" '*vae*')" 'm.vae moved.vae '
}

@test "foreign files appear in the old model during training: it stays whole, with a warning" {
	cp -r "$F/m.vae" "$T/m.vae"
	# shellcheck disable=SC2016
	late "$T/m.vae" 'echo precious >"$T/m.vae/notes.txt"' -p
	[ ! -s "$T/err" ] # -q
	is "$(members <"$T/out")" "$(members <"$F/in.tar")"
	ok vae-ckpt verify -m "$T/m.vae"
	not cmp -s "$F/m.vae/step-000000024.safetensors" "$T/m.vae/step-000000024.safetensors"
	absent "$T/m.vae/notes.txt"
	is "$(cat "$T"/m.vae.tmp*/notes.txt)" precious
	rm "$T"/m.vae.tmp*/notes.txt
	is "$(sums "$T"/m.vae.tmp*)" "$(sums "$F/m.vae")"
	# and the message says so
	rm -r "$T"/m.vae.tmp*
	vae-ckpt export -m "$F/m.vae" -o "$T/e.safetensors"
	mkfifo "$T/e.fifo"
	vae-ckpt import -c tiny --replace -o "$T/m.vae" "$T/e.fifo" 2>"$T/err" 3>&- &
	pid=$!
	exec 9>"$T/e.fifo"
	echo precious >"$T/m.vae/notes.txt"
	cat "$T/e.safetensors" >&9
	exec 9>&-
	wait $pid
	says 'the old model is kept' "$T/m.vae.tmp" "'notes.txt'"
	is "$(wc -l <"$T/err")" 1
	ok vae-ckpt verify -m "$T/m.vae"
	is "$(cat "$T"/m.vae.tmp*/notes.txt)" precious
}

@test "files that a killed run with the same PID left do not disturb" {
	cp -r "$F/m.vae" "$T/m.vae"
	# shellcheck disable=SC2016
	ok bash -c 'mkdir "$1.tmp$$" && echo x >"$1.tmp$$/state" &&
		exec vae-train -q -c tiny --set train.steps=2 --set train.checkpoints=1 --replace -o "$1" "$2"' - "$T/m.vae" "$F/in.tar"
	is "$(vae-ckpt list -m "$T/m.vae" | cut -f1 | tr '\n' ' ')" 'step 2 '
	is "$(cat "$T"/m.vae.tmp*/state)" x
}

@test "killed: the old model stays" {
	cp -r "$F/m.vae" "$T/m.vae"
	killed rename 5 train "$T/m.vae" --replace --seed 3 "$F/in.tar"
	[ -e "$(echo "$T"/m.vae.tmp*/step-000000008.safetensors)" ]
	is "$(sums "$T/m.vae")" "$(sums "$F/m.vae")"
	ok vae-ckpt list -m "$T/m.vae"
}

@test "killed without an old model: what it leaves is recognised as unfinished" {
	killed rename 5 train "$T/m.vae" "$F/in.tar"
	absent "$T/m.vae/model.yaml"
	fails 1 vae-selfinf -m "$T/m.vae" "$F/in.tar"
	says "$T/m.vae"
	fails 1 train "$T/m.vae" "$F/in.tar"
	says unfinished --replace
	ok train "$T/m.vae" --replace "$F/in.tar"
	ok vae-ckpt list -m "$T/m.vae"
	is "$(names "$T" '*vae*')" 'm.vae '
}

@test "a model without model.yaml is unfinished, but each checkpoint can be used" {
	cp -r "$F/m.vae" "$T/m.vae"
	rm "$T/m.vae/model.yaml"
	fails 1 vae-selfinf -m "$T/m.vae" "$F/in.tar"
	says 'not finished' model.yaml
	ok vae-ckpt list -m "$T/m.vae"
	fails 1 vae-ckpt export -m "$T/m.vae" -o "$T/e"
	ok vae-selfinf -m "$T/m.vae/step-000000024.safetensors" "$F/in.tar"
}

@test "a loss that is not finite: one line, nothing left, the old model stays" {
	fails 1 train "$T/m.vae" --set train.lr=1e9 "$F/in.tar"
	says 'not finite' step 1e+09
	is "$(names "$T" '*vae*')" ''
	fails 1 train "$T/m.vae" --set train.lr=1e4 --set train.optimizer=sgd -p "$F/in.tar"
	not lstar <"$T/out" >/dev/null 2>&1
	cp -r "$F/m.vae" "$T/m.vae"
	fails 1 train "$T/m.vae" --replace --set train.lr=1e9 "$F/in.tar"
	is "$(names "$T" '*vae*')" 'm.vae '
	is "$(sums "$T/m.vae")" "$(sums "$F/m.vae")"
}

@test "wrong configurations are refused" {
	fails 2 train "$T/m.vae" --set train.stepz=5 "$F/in.tar"
	says train.stepz train.steps
	fails 2 train "$T/m.vae" --set trian.lr=5 "$F/in.tar"
	says train.lr
	fails 2 train "$T/m.vae" --set train.lr=fast "$F/in.tar"
	fails 2 train "$T/m.vae" --set train.lr "$F/in.tar"
	fails 2 train "$T/m.vae" --set train.steps=0 "$F/in.tar"
	fails 2 train "$T/m.vae" --set train.batch=1.5 "$F/in.tar"
	fails 1 vae-train -c nope -o "$T/m.vae" "$F/in.tar"
	says "'nope'"
	fails 1 vae-train -c "$T/none.yaml" -o "$T/m.vae" "$F/in.tar"
	says "$T/none.yaml" 'No such file'
	sed 's/^format: 1/format: 2/' "$F/m.vae/model.yaml" >"$T/c.yaml"
	fails 1 vae-train -c "$T/c.yaml" -o "$T/m.vae" "$F/in.tar"
	says "$T/c.yaml" newer
	sed 's/  steps:/  stesp:/' "$F/m.vae/model.yaml" >"$T/c.yaml"
	fails 1 vae-train -c "$T/c.yaml" -o "$T/m.vae" "$F/in.tar"
	says "$T/c.yaml" stesp train.steps line
	sed 's/linear: 8/linear: 9/' "$F/m.vae/model.yaml" >"$T/c.yaml"
	fails 1 vae-train -c "$T/c.yaml" -o "$T/m.vae" "$F/in.tar"
	says encoder 9 8
	sed 's/shape: .*/shape: [1, 9, 9]/' "$F/m.vae/model.yaml" >"$T/c.yaml"
	fails 1 vae-train -c "$T/c.yaml" -o "$T/m.vae" "$F/in.tar"
	for text in '' '[' 'x: [' '- a' 'a: &b *b' '"' "$(printf '\tx: 1')"; do
		printf '%s' "$text" >"$T/c.yaml"
		fails 1 vae-train -c "$T/c.yaml" -o "$T/m.vae" "$F/in.tar"
		says "$T/c.yaml"
	done
	fails 2 vae-train -o "$T/m.vae" "$F/in.tar"
	fails 2 vae-train -c tiny "$F/in.tar"
	fails 2 train "$T/m.vae" -z9 "$F/in.tar"
	says -z -p
	absent "$T/m.vae"
}

@test "an output that cannot be written: no end of archive follows" {
	[ -w /dev/full ] || skip 'this system has no /dev/full'
	local got=0
	vae-train -q -c tiny --set train.steps=2 --set train.checkpoints=1 -p -o "$T/m.vae" "$F/in.tar" >/dev/full 2>"$T/err" || got=$?
	is "$got" 1
	says 'No space left'
}

@test "pictures of another size are resized to the model's shape" {
	printf 'name=a.pgm data=P5%%0a4%%204%%0a255%%0a0123456789abcdef\n' | mktar | ok train "$T/m.vae" --on-error fail
	ok vae-ckpt list -m "$T/m.vae"
}

@test "the presets for pictures in colour train at 32, 64 and 128 a side, and score" {
	local size n
	perl -e 'srand 6; for my $i (0 .. 11) { open my $f, ">:raw", "$ARGV[0]/$i.ppm"; my ($a, $b) = (rand 9, rand 9);
		print $f "P6\n48 48\n255\n", map { my $y = $_; map { my $x = $_; map { chr(128 + 100 * sin(($a * $x + $b * $y) / 99 + $_)) } 0 .. 2 } 0 .. 47 } 0 .. 47 }' "$T"
	for n in $(seq 0 11); do printf 'name=%d.ppm file=%s/%d.ppm\n' "$n" "$T" "$n"; done | mktar >"$T/colour.tar"
	local sizes='32 64 128'
	if [ -n "${EMULATOR:-}" ]; then
		sizes=32
		echo "# under $EMULATOR 64 and 128 would take a quarter of an hour: left out" >&3
	fi
	for size in $sizes; do
		ok vae-train -q -c "conv-$size" --curvature --set train.batch=4 --set train.steps=12 --set train.checkpoints=2 --set train.holdout=0 -o "$T/$size.vae" "$T/colour.tar"
		is "$(sed -n 's/^ *shape: //p' "$T/$size.vae/model.yaml")" "[3, $size, $size]"
		is "$(vae-ckpt show -m "$T/$size.vae" | grep -c 'decoder.*weight')" "$((size == 32 ? 5 : size == 64 ? 6 : 7))"
		sed -n 's/.*"loss":\([0-9.]*\).*/\1/p' "$T/$size.vae/train.jsonl" | awk 'NR == 1 { first = $1 } { last = $1 } END { exit !(last < first) }'
		is "$(vae-selfinf -q -d 1 --curvature kfac -m "$T/$size.vae" "$T/colour.tar" | vae-cut -k selfinf | awk '$1 > 0' | wc -l)" 12
	done
}
