# The kernels for each SIMD level: AMX, AVX-512, AVX2 and plain. A processor that lacks a level runs the next lower one, and the same
# tests apply; unit tests are not run once more at the highest level that it has, at which they are run by themselves.

load helper

setup_file() {
	pictures "$F/pics" 80
	plain_stream 80 | mktar >"$F/in.tar"
	# large enough for every kind of product to be computed by AMX
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
	# products at each level, and at the highest that the processor has
	local level
	for level in plain avx2 avx512; do
		VAE_FILTERS_SIMD=$level "$BIN/test_mat" >"$F/mat.$level" || true # a test below looks at what failed
	done
	"$BIN/test_mat" >"$F/mat.highest" || true
}

train_wide() {
	local model=$1
	shift
	vae-train -q -c "$F/wide.yaml" --set train.steps=24 --set train.checkpoints=3 --set train.holdout=0 -o "$model" "$@"
}

@test "AMX computes scores where there is AMX" {
	grep -q '^# large products by AMX' "$F/mat.highest" || skip "this processor has no AMX tiles, or the kernel does not allow them"
	grep '^# large products by AVX-512' "$F/mat.avx512"
	vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/amx.tar"
	VAE_FILTERS_SIMD=avx512 vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/avx512.tar"
	run cmp -s "$T/amx.tar" "$T/avx512.tar"
	[ "$status" -eq 1 ] # the kernels round differently
}

@test "AVX-512 computes scores where there is AVX-512" {
	grep -q '^# large products by AVX-512' "$F/mat.avx512" || skip "this processor has no AVX-512"
	grep '^# large products by 8 lanes' "$F/mat.avx2"
	VAE_FILTERS_SIMD=avx512 vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/avx512.tar"
	VAE_FILTERS_SIMD=avx2 vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/avx2.tar"
	run cmp -s "$T/avx512.tar" "$T/avx2.tar"
	[ "$status" -eq 1 ]
}

@test "products, losses, gradients, training, closed forms and resizing are right at every level" {
	local level test tests="input conv weighted sparse_block loss gradient closed_form train"
	case $BIN in *-san*) ;; *) tests="$tests estimators" ;; esac # two minutes under the sanitizers; the other tests run the same kernels
	grep '^# SIMD level' "$F/mat.highest" >"$T/highest"
	for level in plain avx2 avx512; do
		if grep '^not ok' "$F/mat.$level"; then die "$level: mat"; fi
		is "$(grep -c '^ok' "$F/mat.$level")" "$(sed -n 's/^1\.\.//p' "$F/mat.$level")" "$level: mat"
		if grep -qxFf "$T/highest" "$F/mat.$level"; then break; fi
		for test in $tests; do
			VAE_FILTERS_SIMD=$level "$BIN/test_$test" >"$T/out" || { echo "$level: $test"; grep '^not ok' "$T/out"; return 1; }
			[ "$(grep -c '^ok' "$T/out")" -gt 0 ]
		done
	done
}

@test "scores of all levels differ by rounding only, and are the same bytes at any -j" {
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

@test "training gives the same bits at any -j, at every level" {
	local level
	for level in plain avx2 avx512 amx; do
		VAE_FILTERS_SIMD=$level train_wide "$T/$level.1.vae" -j1 <"$F/in.tar"
		VAE_FILTERS_SIMD=$level train_wide "$T/$level.3.vae" -j3 <"$F/in.tar"
		diff -r -x train.jsonl -x state "$T/$level.1.vae" "$T/$level.3.vae"
	done
}
