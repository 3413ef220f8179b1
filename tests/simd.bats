# The builds of one work for processors of different age: AVX-512, AVX2 and plain. A processor that lacks one
# runs the next lower one, and the tests say the same.

load helper

setup_file() {
	pictures "$F/pics" 30
	plain_stream 30 | mktar >"$F/in.tar"
	train "$F/m.vae" <"$F/in.tar"
}

@test "products, losses, gradients, training and closed forms hold with every level" {
	local level test
	for level in plain avx2 avx512; do
		for test in mat loss gradient estimators closed_form train; do
			VAE_FILTERS_SIMD=$level "$BIN/test_$test" >"$T/out" || { echo "$level: $test"; grep '^not ok' "$T/out"; return 1; }
			[ "$(grep -c '^ok' "$T/out")" -gt 0 ]
		done
	done
}

@test "scores of every level are the same but for rounding, and the same bytes at any -j" {
	local level
	for level in plain avx2 avx512; do
		VAE_FILTERS_SIMD=$level vae-selfinf -m "$F/m.vae" -j1 <"$F/in.tar" >"$T/$level.tar"
		VAE_FILTERS_SIMD=$level vae-selfinf -m "$F/m.vae" -j3 <"$F/in.tar" | cmp - "$T/$level.tar"
		vae-cut -k key,selfinf,loss,nll "$T/$level.tar" >"$T/$level"
	done
	for level in plain avx2; do
		paste "$T/$level" "$T/avx512" | awk -F '\t' '
			$1 != $5 { exit 1 }
			{ n++; for (i = 2; i <= 4; i++) { d = $i - $(i + 4); if (d < 0) d = -d; if (d > 1e-3 * $i) bad = 1; far += d > 1e-5 * $i } }
			END { exit bad || n != 30 || far > 4 }'
	done
}

@test "a training of every level is the same bits at any -j" {
	local level
	for level in plain avx2 avx512; do
		VAE_FILTERS_SIMD=$level train "$T/$level.1.vae" -j1 <"$F/in.tar"
		VAE_FILTERS_SIMD=$level train "$T/$level.3.vae" -j3 <"$F/in.tar"
		diff -r -x train.jsonl -x state "$T/$level.1.vae" "$T/$level.3.vae"
	done
}
