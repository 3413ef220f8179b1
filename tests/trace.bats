# vae-train --trace: what influences predict of every step, and what the step did.

load helper

setup_file() {
	pictures "$F/pics" 60
	plain_stream 40 | mktar >"$F/in.tar"
	local i
	for ((i = 40; i < 60; i++)); do
		printf 'name=t/%02d.pgm file=%s/pics/%d.pgm\n' "$i" "$F" "$i"
	done | mktar >"$F/t.tar"
	cat >"$F/conv.yaml" <<-'END'
		format: 1
		input: {shape: [1, 8, 8]}
		model:
		  latent: 3
		  encoder: [{conv2d: {out: 6, kernel: 4, stride: 2, padding: 1}}, tanh, flatten, {linear: 6}]
		  decoder: [{linear: 32}, tanh, {unflatten: [2, 4, 4]}, {conv_transpose2d: {out: 1, kernel: 4, stride: 2, padding: 1}}]
		train: {batch: 8, checkpoints: 2, likelihood: gaussian, beta: 2}
	END
}

# trace CONFIG LR STEPS [OPTION...]: the table in $T/trace, the model in $T/m.vae, the summary in $T/s
trace() {
	local config=$1 lr=$2 steps=$3
	shift 3
	ok vae-train -q -c "$config" --set train.optimizer=sgd --set train.lr="$lr" --set train.steps="$steps" --set train.holdout=0 --replace -o "$T/m.vae" \
		-t "$F/t.tar" --trace "$T/trace" --summary "$T/s" "$@" "$F/in.tar"
}

# value NAME: a number of the summary
value() { sed 's/.*"'"$1"'":\([^,}]*\).*/\1/' "$T/s"; }

# between NUMBER LOW HIGH
between() { awk -v a="$1" -v l="$2" -v h="$3" 'BEGIN { exit !(a != "" && a > l && a < h) }' || die "$1 is not between $2 and $3"; }

@test "a small learning rate: losses fall as the first order says" {
	local config
	for config in tiny "$F/conv.yaml"; do
		trace "$config" 0.00002 20 --set score.draws=64
		between "$(value trace_exact_slope)" 0.998 1.002
		between "$(value trace_exact_pearson)" 0.9995 1.000001
		# with the noise of a score instead of that of the step
		between "$(value trace_influence_slope)" 0.8 1.2
		between "$(value trace_influence_pearson)" 0.5 0.9995
	done
	trace tiny 0.02 20
	between "$(value trace_exact_slope)" 0 0.99
}

@test "the numbers of the summary are those of the table, by a computation of its own" {
	trace tiny 0.001 30
	is "$(head -1 "$T/trace" | tr '\t' ' ')" 'step test loss fall influence exact'
	is "$(wc -l <"$T/trace")" 601
	is "$(sed -n '2p;21p;22p;$p' "$T/trace" | cut -f 1,2 | tr '\t\n' ' ,')" '1 t/40,1 t/59,2 t/40,30 t/59,'
	local column name pair
	for column in 5:influence 6:exact; do
		name=trace_${column#*:}
		pair=$(awk -F '\t' -v c="${column%:*}" 'NR > 1 { x = $c; y = $4; n++; sx += x; sy += y; xx += x * x; yy += y * y; xy += x * y }
			END { xx -= sx * sx / n; yy -= sy * sy / n; xy -= sx * sy / n; printf "%.9g %.9g", xy / sqrt(xx * yy), xy / xx }' "$T/trace")
		near "$(value "${name}_pearson")" "${pair% *}" 1e-5
		near "$(value "${name}_slope")" "${pair#* }" 1e-5
	done
}

# columns FILE.npy SCALE: the sums of a matrix's columns times SCALE
columns() {
	perl -e 'local $/; open my $f, "<:raw", $ARGV[0] or die; my $t = <$f>; my ($r, $c) = $t =~ /\((\d+), (\d+)\)/ or die;
		my @v = unpack "f<*", substr $t, 10 + unpack("v", substr $t, 8, 2); my @s; $s[$_ % $c] += $v[$_] for 0 .. $#v; printf "%.9g\n", $_ * $ARGV[1] for @s' "$1" "$2"
}

@test "influences are those of vae-testinf at the checkpoint before the step" {
	local step
	# each batch is all records
	trace tiny 0.01 5 --set train.batch=40 --set train.checkpoints=5
	for step in 1 2 4; do
		ok vae-testinf -q -m "$T/m.vae" --checkpoints $step --set score.likelihood=bernoulli -t "$F/t.tar" --matrix "$T/x.npy" "$F/in.tar"
		columns "$T/x.npy" 0.00025 >"$T/expected" # 0.01 / 40
		awk -F '\t' -v s=$((step + 1)) '$1 == s { print $5 }' "$T/trace" | paste - "$T/expected" |
			awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-5 * ($2 < 0 ? -$2 : $2) + 1e-9) bad = 1 } END { exit bad || NR != 20 }' ||
			die "step $((step + 1)): $(awk -F '\t' -v s=$((step + 1)) '$1 == s { print $5 }' "$T/trace" | paste - "$T/expected" | head -3)"
	done
}

@test "the training is the same without it, and the table the same at any -j" {
	trace tiny 0.001 6 -j 1 --set train.batch=33 --set score.draws=64 # several chunks
	cp "$T/trace" "$T/one"
	cp -r "$T/m.vae" "$T/one.vae"
	trace tiny 0.001 6 -j 3 --set train.batch=33 --set score.draws=64
	same "$T/trace" "$T/one"
	vae-train -q -c tiny --set train.optimizer=sgd --set train.lr=0.001 --set train.steps=6 --set train.batch=33 --set score.draws=64 --set train.holdout=0 -o "$T/plain.vae" "$F/in.tar"
	same "$T/plain.vae/step-000000006.safetensors" "$T/one.vae/step-000000006.safetensors"
	same "$T/m.vae/step-000000006.safetensors" "$T/one.vae/step-000000006.safetensors"
}

@test "what it refuses" {
	fails 1 vae-train -c tiny -o "$T/m.vae" -t "$F/t.tar" --trace "$T/trace" "$F/in.tar"
	says --trace optimizer=sgd
	fails 2 vae-train -c tiny -o "$T/m.vae" --trace "$T/trace" "$F/in.tar"
	says '-t TESTS'
	fails 2 vae-train -c tiny -o "$T/m.vae" -t "$F/t.tar" "$F/in.tar"
	fails 2 vae-train -c tiny --resume -o "$T/m.vae" -t "$F/t.tar" --trace "$T/trace" "$F/in.tar"
	says --resume
	cp "$F/t.tar" "$F/in.tar" "$T"
	fails 2 vae-train -c tiny -o "$T/m.vae" -t "$T/t.tar" --trace "$T/t.tar" "$F/in.tar"
	fails 2 vae-train -c tiny -o "$T/m.vae" -t "$T/t.tar" --trace "$T/in.tar" "$T/in.tar"
	fails 1 vae-train -q -c tiny --set train.optimizer=sgd -o "$T/m.vae" -t "$T/no.tar" --trace "$T/trace" "$F/in.tar"
	says no.tar
	fails 1 vae-train -q -c tiny --set train.optimizer=sgd -o "$T/m.vae" -t "$T/t.tar" --trace "$T/no/trace" "$F/in.tar"
	says --trace
	# a test record that cannot be decoded
	printf 'name=t/1.pgm data=broken\n' | mktar >"$T/broken.tar"
	fails 1 vae-train -q -c tiny --set train.optimizer=sgd -o "$T/m.vae" -t "$T/broken.tar" --trace "$T/trace" "$F/in.tar"
	says t/1
	absent "$T/trace" "$T/m.vae"
}

@test "a training that fails leaves no table, and an old one as it was" {
	echo old >"$T/trace"
	fails 1 vae-train -q -c tiny --set train.optimizer=sgd --set train.lr=1e9 --set train.steps=50 -o "$T/m.vae" -t "$F/t.tar" --trace "$T/trace" "$F/in.tar"
	says 'not finite'
	is "$(cat "$T/trace")" old
	is "$(names "$T" 'trace*')" 'trace '
}
