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
	"$BIN/test_mat" >"$F/mat.highest" || true # a test below looks at what failed
	if grep -q '^# SIMD level 0' "$F/mat.highest"; then
		tee "$F/mat.plain" "$F/mat.avx2" "$F/mat.avx512" "$F/mat.tiles" <"$F/mat.highest" >/dev/null
		return
	fi
	for level in plain avx2 avx512; do VAE_FILTERS_SIMD=$level "$BIN/test_mat" >"$F/mat.$level" || true; done
	# and by tiles that are emulated (tests/tiles/tiles.h), for which AVX-512 is enough
	"$BIN/tiles/test_mat" >"$F/mat.tiles" || true
}

requires_avx512() { grep -q '^# large products by AMX' "$F/mat.tiles" || skip "this processor has no AVX-512, or the compiler no AMX intrinsics"; }

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

@test "AVX-512 and AVX2 compute scores where they are, not OpenBLAS" {
	grep -q '^# large products by AVX-512' "$F/mat.avx512" || skip "this processor has no AVX-512"
	grep '^# large products by 8 lanes' "$F/mat.avx2"
	VAE_FILTERS_SIMD=plain vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/plain.tar"
	local level
	for level in avx512 avx2; do # both add up in the same order, so that they may agree to the bit
		VAE_FILTERS_SIMD=$level vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/$level.tar"
		run cmp -s "$T/$level.tar" "$T/plain.tar"
		[ "$status" -eq 1 ]
	done
}

@test "products, losses, gradients, training, closed forms and resizing are right at every level" {
	local level test tests="input conv triangle weighted sparse_block loss gradient closed_form train"
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

# differ_by AT_MOST OLD NEW: tables of a key and numbers whose relative differences are at most that
differ_by() {
	paste "$2" "$3" | awk -F '\t' -v most="$1" '
		{ if ($1 != $(NF / 2 + 1)) exit 1
		  for (i = 2; i <= NF / 2; i++) { d = $i - $(i + NF / 2); if (d < 0) d = -d; m = $i < 0 ? -$i : $i; if (d > worst * m) worst = d / m } }
		END { if (!(NR > 0 && worst <= most)) { printf "%d rows, %g apart\n", NR, worst; exit 1 } }'
}

# passes TEST...: these unit tests on emulated tiles
passes() {
	local test
	for test; do
		"$BIN/tiles/test_$test" >"$T/out" || { echo "$test"; grep '^not ok' "$T/out"; return 1; }
		[ "$(grep -c '^ok' "$T/out")" -gt 0 ]
	done
}

@test "emulated tiles: products, gradients, influences, training, closed forms and densities are right" {
	requires_avx512
	if grep '^not ok' "$F/mat.tiles"; then die mat; fi
	is "$(grep -c '^ok' "$F/mat.tiles")" "$(sed -n 's/^1\.\.//p' "$F/mat.tiles")" mat
	passes gradient dots sparse_block sparse_decoder closed_form train density
	case $BIN in *-san*) ;; *) passes estimators ;; esac
}

@test "emulated tiles: scores, influences and training differ by rounding only, and are the same bytes at any -j" {
	requires_avx512
	local j tiles=$BIN/tiles
	for j in 1 3; do
		"$tiles/vae-selfinf" -m "$F/m.vae" -j$j <"$F/in.tar" >"$T/self.$j"
		"$tiles/vae-testinf" -m "$F/m.vae" -t "$F/in.tar" -j$j "$F/in.tar" >"$T/test.$j"
		PATH=$tiles:$PATH train_wide "$T/$j.vae" -j$j <"$F/in.tar"
	done
	cmp "$T/self.1" "$T/self.3"
	cmp "$T/test.1" "$T/test.3"
	diff -r -x train.jsonl -x state "$T/1.vae" "$T/3.vae"
	VAE_FILTERS_SIMD=avx512 vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/self"
	VAE_FILTERS_SIMD=avx512 vae-testinf -m "$F/m.vae" -t "$F/in.tar" "$F/in.tar" >"$T/test"
	vae-selfinf -m "$T/1.vae" <"$F/in.tar" | vae-cut -k key,selfinf,loss >"$T/other"
	vae-selfinf -m "$F/m.vae" <"$F/in.tar" | vae-cut -k key,selfinf,loss >"$T/own"
	differ_by 1e-2 "$T/own" "$T/other"
	for j in self test; do
		run cmp -s "$T/$j.1" "$T/$j"
		[ "$status" -eq 1 ]
	done
	differ_by 1e-4 <(vae-cut -k key,selfinf,loss,nll "$T/self") <(vae-cut -k key,selfinf,loss,nll "$T/self.1")
	differ_by 1e-4 <(vae-cut -k key,testinf_max "$T/test") <(vae-cut -k key,testinf_max "$T/test.1")
}

@test "emulated tiles: the bench computes what it measures, and without AMX it says so" {
	requires_avx512
	"$BIN/tiles/bench" tiles 0 >"$T/rows"
	is "$(grep -cE $'\t[0-9.]+[^a-z]*$' "$T/rows")" 9 "rows with numbers"
	VAE_FILTERS_SIMD=avx512 "$BIN/bench" tiles >"$T/none"
	cut -f1 "$T/none" | diff - <(cut -f1 "$T/rows")
	is "$(grep -c $'\tskipped: no AMX$' "$T/none")" 9 "rows that say so"
}

# turn_off FILE TENSOR: seven of eight numbers of a tensor become -1000
turn_off() {
	perl -e '
		open my $f, "+<:raw", $ARGV[0] or die; read $f, my $n, 8; $n = unpack "Q<", $n; read $f, my $header, $n;
		my ($from, $to) = $header =~ /"\Q$ARGV[1]\E":\{[^}]*"data_offsets":\[(\d+),(\d+)\]/ or die;
		for (my $i = 0; 4 * $i < $to - $from; $i++) {
			if ($i % 8) { seek $f, 8 + $n + $from + 4 * $i, 0; print $f pack "f<", -1000 }
		}' "$@"
}

@test "emulated tiles: a model whose neurons are mostly off is scored by sparse blocks, another one by tiles" {
	requires_avx512
	local m tiles=$BIN/tiles
	vae-ckpt export -m "$F/m.vae" -o "$T/off.safetensors"
	turn_off "$T/off.safetensors" decoder.0.bias
	unchecked "$T/off.safetensors"
	vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/off.vae" "$T/off.safetensors"
	cp -r "$F/m.vae" "$T/on.vae"
	for m in on off; do
		"$tiles/vae-selfinf" -m "$T/$m.vae" -j1 "$F/in.tar" >"$T/$m.tar"
		VAE_FILTERS_SIMD=amx "$tiles/vae-selfinf" -m "$T/$m.vae" "$F/in.tar" >"$T/$m.amx"
		VAE_FILTERS_SIMD=avx512 "$tiles/vae-selfinf" -m "$T/$m.vae" "$F/in.tar" >"$T/$m.avx512"
		differ_by 1e-4 <(vae-cut -k key,selfinf,loss "$T/$m.tar") <(vae-cut -k key,selfinf,loss "$T/$m.amx")
		differ_by 1e-4 <(vae-cut -k key,selfinf,loss "$T/$m.tar") <(vae-cut -k key,selfinf,loss "$T/$m.avx512")
		run cmp -s "$T/$m.tar" "$T/$m.avx512" # tiles still compute the encoder
		[ "$status" -eq 1 ]
		# the model decides, not the stream or the workers
		"$tiles/vae-selfinf" -m "$T/$m.vae" -j3 "$F/in.tar" | cmp - "$T/$m.tar"
		plain_stream 37 | mktar | "$tiles/vae-selfinf" -m "$T/$m.vae" | vae-cut -k key,selfinf >"$T/some"
		vae-cut -k key,selfinf "$T/$m.tar" | head -n "$(grep -c . "$T/some")" | cmp - "$T/some"
	done
	cmp "$T/on.tar" "$T/on.amx"
	run cmp -s "$T/off.tar" "$T/off.amx"
	[ "$status" -eq 1 ]
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
