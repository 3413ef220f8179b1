# The builds of one work for processors of different age: AMX tiles, AVX-512, AVX2 and plain. A processor that lacks one
# runs the next lower one, and the tests say the same.

load helper

setup_file() {
	pictures "$F/pics" 80
	plain_stream 80 | mktar >"$F/in.tar"
	# wide enough, with the rows of a batch, for every kind of product to go to the tiles
	cat >"$F/wide.yaml" <<-E
		format: 1
		input: {shape: [1, 8, 8]}
		model:
		  latent: 32
		  encoder: [flatten, {linear: 128}, relu, {linear: 64}]
		  decoder: [{linear: 128}, relu, {linear: 64}]
		train: {lr: 0.001, batch: 64}
	E
	train_wide "$F/m.vae" <"$F/in.tar"
}

train_wide() {
	local model=$1
	shift
	vae-train -q -c "$F/wide.yaml" --set train.steps=24 --set train.checkpoints=3 --set train.holdout=0 -o "$model" "$@"
}

@test "the tiles are among them" {
	"$BIN/test_mat" | grep -q '^# large products by tiles' || skip "this processor has no AMX tiles, or the kernel does not allow them"
	VAE_FILTERS_SIMD=avx512 "$BIN/test_mat" | grep '^# large products by vectors'
	vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/tiles.tar"
	VAE_FILTERS_SIMD=avx512 vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/none.tar"
	run cmp -s "$T/tiles.tar" "$T/none.tar"
	[ "$status" -eq 1 ] # the products of the scores went there: they round otherwise
}

@test "the vectors are among them" {
	VAE_FILTERS_SIMD=avx512 "$BIN/test_mat" | grep -q '^# large products by vectors' || skip "this processor has no AVX-512"
	VAE_FILTERS_SIMD=avx2 "$BIN/test_mat" | grep '^# large products by OpenBLAS'
	VAE_FILTERS_SIMD=avx512 vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/vectors.tar"
	VAE_FILTERS_SIMD=avx2 vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/none.tar"
	run cmp -s "$T/vectors.tar" "$T/none.tar"
	[ "$status" -eq 1 ]
}

@test "products, losses, gradients, training and closed forms hold with every level" {
	local level test tests="mat sparse_block loss gradient closed_form train"
	case $BIN in *-san*) ;; *) tests="$tests estimators" ;; esac # two minutes under the sanitizers, which see these kernels in the others
	for level in plain avx2 avx512 amx; do
		for test in $tests; do
			VAE_FILTERS_SIMD=$level "$BIN/test_$test" >"$T/out" || { echo "$level: $test"; grep '^not ok' "$T/out"; return 1; }
			[ "$(grep -c '^ok' "$T/out")" -gt 0 ]
		done
	done
}

@test "scores of every level are the same but for rounding, and the same bytes at any -j" {
	local level
	for level in plain avx2 avx512 amx; do
		VAE_FILTERS_SIMD=$level vae-selfinf -m "$F/m.vae" -j1 <"$F/in.tar" >"$T/$level.tar"
		VAE_FILTERS_SIMD=$level vae-selfinf -m "$F/m.vae" -j3 <"$F/in.tar" | cmp - "$T/$level.tar"
		vae-cut -k key,selfinf,loss,nll "$T/$level.tar" >"$T/$level"
	done
	for level in plain avx2 amx; do
		paste "$T/$level" "$T/avx512" | awk -F '\t' '
			$1 != $5 { exit 1 }
			{ n++; for (i = 2; i <= 4; i++) { d = $i - $(i + 4); if (d < 0) d = -d; if (d > 1e-3 * $i) bad = 1; far += d > 1e-5 * $i } }
			END { exit bad || n != 80 || far > 4 }'
	done
}

@test "a training of every level is the same bits at any -j" {
	local level
	for level in plain avx2 avx512 amx; do
		VAE_FILTERS_SIMD=$level train_wide "$T/$level.1.vae" -j1 <"$F/in.tar"
		VAE_FILTERS_SIMD=$level train_wide "$T/$level.3.vae" -j3 <"$F/in.tar"
		diff -r -x train.jsonl -x state "$T/$level.1.vae" "$T/$level.3.vae"
	done
}
