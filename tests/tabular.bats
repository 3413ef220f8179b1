# Numeric vectors from a CSV file to a score: the preset tabular, and how vectors are standardised.
# shellcheck disable=SC2016

load helper

setup_file() {
	"$ROOT/examples/tabular/draw.pl" 600 >"$F/rows.csv"
	vae-pack --label what "$F/rows.csv" >"$F/rows.tar"
	tabular "$F/m.vae" "$F/rows.tar"
}

# tabular MODEL [OPTION...]
tabular() {
	local model=$1
	shift
	vae-train -q -c tabular --set train.steps=1000 -o "$model" "$@"
}

# meta FILE NAME: a string of a checkpoint's metadata
meta() { perl -MJSON::PP -e 'open my $f, "<:raw", $ARGV[0] or die; read $f, my $n, 8; read $f, my $h, unpack "Q<", $n; print decode_json($h)->{__metadata__}{$ARGV[1]} // ""' "$1" "$2"; }

# vec VALUES...: an .npy of float64
vec() { perl -e 'my $h = sprintf "%-117s\n", "{\x27descr\x27: \x27<f8\x27, \x27fortran_order\x27: False, \x27shape\x27: (" . @ARGV . ",), }"; binmode STDOUT; print "\x93NUMPY\1\0", pack("v", length $h), $h, pack "d<*", @ARGV' "$@"; }

@test "planted outliers come out on top, which raw distances do not see" {
	ok vae-selfinf -m "$F/m.vae" --on-error fail "$F/rows.tar"
	vae-rank "$T/out" >"$T/ranked.tar"
	is "$(vae-cut -k cls "$T/ranked.tar" | grep -c turned)" 10
	# 10 of 600 are odd: half of them among the first 20, three quarters among the first 60, none behind the middle
	vae-cut -k cls,rank "$T/ranked.tar" | awk '$1 == "turned" { early += $2 < 20; soon += $2 < 60; late += $2 >= 300 } END { print early, soon, late; exit !(early >= 5 && soon >= 8 && late == 0) }'
	vae-density "$F/rows.tar" | vae-rank -k knn_selfinf | vae-cut -k cls,rank | awk '$1 == "turned" { n += $2 < 60 } END { exit !(n < 5) }'
	# a model of vectors gives density its means
	ok vae-density --space latent -m "$F/m.vae" --on-error fail "$F/rows.tar"
	is "$(field knn_nll <"$T/out" | wc -l)" 600
}

@test "the model keeps shape, mean and deviation of what it was trained on" {
	grep -q 'kind: vector' "$F/m.vae/model.yaml"
	grep -q 'shape: \[1, 1, 7\]' "$F/m.vae/model.yaml"
	grep -q 'decoder: .*{linear: 7}\]' "$F/m.vae/model.yaml"
	tabular "$T/m.vae" --set train.holdout=0 --set train.checkpoints=2 "$F/rows.tar"
	awk -F, 'NR > 1 { n++; for (i = 1; i <= 7; i++) { s[i] += $i - $1; v[NR, i] = $i } } END {
		for (i = 1; i <= 7; i++) { m = 0; q = 0; for (r = 2; r <= NR; r++) m += (v[r, i] - v[2, i]) / n
			for (r = 2; r <= NR; r++) q += (v[r, i] - v[2, i] - m) ^ 2 / n
			printf "%.15g %.15g\n", v[2, i] + m, sqrt(q) } }' "$F/rows.csv" >"$T/want"
	meta "$T/m.vae/step-000001000.safetensors" mean | tr ' ' '\n' >"$T/mean"
	meta "$T/m.vae/step-000000500.safetensors" deviation | tr ' ' '\n' >"$T/deviation"
	is "$(wc -w <"$T/mean")" 7
	paste -d ' ' "$T/mean" "$T/deviation" >"$T/got"
	while read -r m d <&3 && read -r wm wd <&4; do
		near "$m" "$wm" 1e-9
		near "$d" "$wd" 1e-7
	done 3<"$T/got" 4<"$T/want"
	# the last column never changes
	is "$(tail -n 1 "$T/got")" '3.5 0'
	# a checkpoint scores alone, anywhere
	cp "$F/m.vae/step-000001000.safetensors" "$T/alone.safetensors"
	vae-selfinf -m "$F/m.vae" --checkpoints last "$F/rows.tar" >"$T/want"
	ok vae-selfinf -m "$T/alone.safetensors" "$F/rows.tar"
	same "$T/want" "$T/out"
}

@test "scores do not depend on the units of a column" {
	# mu_norm: recon has noise, which goes by the payload's bytes
	awk -F, -v OFS=, 'NR > 1 { $1 *= 1024; $2 /= 4096; $3 = $3 * 8 } 1' OFMT=%.17g CONVFMT=%.17g "$F/rows.csv" >"$T/units.csv"
	vae-pack --label what "$T/units.csv" >"$T/units.tar"
	tabular "$T/u.vae" --set train.steps=20 --set train.holdout=0 "$T/units.tar"
	tabular "$T/m.vae" --set train.steps=20 --set train.holdout=0 "$F/rows.tar"
	paste <(vae-selfinf -m "$T/u.vae" "$T/units.tar" | field mu_norm) <(vae-selfinf -m "$T/m.vae" "$F/rows.tar" | field mu_norm) |
		awk '{ n += ($1 - $2) ^ 2 < ($1 / 1000) ^ 2 } END { print n; exit !(NR == 600 && n == 600) }'
}

@test "records that are no such vectors" {
	vec 1 2 3 4 5 6 7 >"$T/good.npy"
	vec 1 2 3 >"$T/short.npy"
	vec 1 2 3 4 5 6 nan >"$T/nan.npy"
	vec 1 2 3 4 5 6 1e300 >"$T/huge.npy"
	pictures "$T/pics" 1
	{
		for f in good short nan huge; do printf 'name=%s.npy file=%s/%s.npy\n' $f "$T" $f; done
		printf 'name=pic.npy.pgm file=%s/pics/0.pgm\n' "$T"
	} | mktar >"$T/in.tar"
	ok vae-selfinf -m "$F/m.vae" "$T/in.tar"
	vae-cut -k key,error "$T/out" >"$T/got"
	grep -q '^short.*3 values, expected 7' "$T/got"
	grep -q '^nan.*not a finite number' "$T/got"
	grep -q '^huge.*not a finite number' "$T/got"
	is "$(field selfinf <"$T/out" | grep -c .)" 1
	ok vae-selfinf -m "$F/m.vae" --set 'input.field=[npy.pgm,npy]' "$T/in.tar"
	vae-cut -k key,error "$T/out" | grep -q '^pic.*picture.*7 numbers'
	# a picture's model does not take them
	vae-train -q -c tiny --set train.steps=2 --set train.checkpoints=1 -o "$T/p.vae" <(printf 'name=a.pgm file=%s/pics/0.pgm\n' "$T" | mktar) || true
	printf 'name=a.pgm file=%s/pics/0.pgm\n' "$T" | mktar >"$T/p.tar"
	train "$T/p.vae" --replace <"$T/p.tar"
	ok vae-selfinf -m "$T/p.vae" "$T/in.tar"
	vae-cut -k key,error "$T/out" | grep -q "^good.*'<f8', expected '|u1'"
}

@test "the first record that has a shape gives it" {
	vec 1 2 >"$T/two.npy"
	vec 1 2 3 >"$T/three.npy"
	{
		printf 'name=a.npy data=no\n'
		for i in {10..90}; do printf 'name=b%d.npy data=cut\n' "$i"; done
		for i in {10..90}; do printf 'name=c%d.npy file=%s/two.npy\n' "$i" "$T"; done
		printf 'name=d.npy file=%s/three.npy\n' "$T"
	} | mktar >"$T/in.tar"
	ok tabular "$T/m.vae" --set train.steps=8 --set train.holdout=0 --summary "$T/s" --on-error reject -r "$T/r.tar" "$T/in.tar"
	grep -q '"trained_on":81' "$T/s"
	grep -q 'shape: \[1, 1, 2\]' "$T/m.vae/model.yaml"
	is "$(field key <"$T/r.tar" | wc -l)" 83
	vae-cut -k key,error "$T/r.tar" | grep -q '^d.*3 values, expected 2'
	# and with a shape that is given
	fails 1 tabular "$T/n.vae" --set train.holdout=0 --set 'input.shape=[1,1,4]' "$T/in.tar"
	says 'none of 164 records'
	head -c 10240 /dev/zero >"$T/empty.tar"
	fails 1 tabular "$T/n.vae" "$T/empty.tar"
	says 'no records'
	printf 'name=a.npy data=no\n' | mktar >"$T/bad.tar"
	fails 1 tabular "$T/n.vae" "$T/bad.tar"
	says 'none of 1 records'
	fails 1 tabular "$T/n.vae" --set 'model.encoder=[{linear: 4}, relu, {linear: 7}]' "$T/in.tar"
	says model.encoder 7 16
	fails 1 tabular "$T/n.vae" --set 'model.decoder=[{linear: 4}]' "$T/in.tar"
	says input.shape
	absent "$T/n.vae"
	# any -j, any --mem, stopped and gone on with: the same
	tabular "$T/one.vae" --set train.steps=50 -j1 "$F/rows.tar"
	tabular "$T/two.vae" --set train.steps=50 -j3 --mem 1K "$F/rows.tar"
	same "$T/one.vae/step-000000050.safetensors" "$T/two.vae/step-000000050.safetensors"
	ok tabular "$T/two.vae" --set train.steps=90 --mem 5K --resume "$F/rows.tar"
	tabular "$T/three.vae" --set train.steps=90 "$F/rows.tar"
	vae-ckpt export -m "$T/two.vae" -o "$T/a"
	vae-ckpt export -m "$T/three.vae" -o "$T/b"
	same "$T/a" "$T/b"
}

@test "export and import keep mean and deviation; without them vectors are taken as they are" {
	vae-ckpt export -m "$F/m.vae" -o "$T/e.safetensors"
	ok vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/i.vae" "$T/e.safetensors"
	paste <(vae-selfinf -m "$F/m.vae" --checkpoints last "$F/rows.tar" | field selfinf) <(vae-selfinf -m "$T/i.vae" "$F/rows.tar" | field selfinf) | awk '$1 != $2 { bad++ } END { exit !(NR == 600 && !bad) }'
	fails 1 vae-ckpt import -c tabular -o "$T/j.vae" "$T/e.safetensors"
	says input.shape
	ok vae-ckpt import -c tabular --set 'input.shape=[1, 1, 7]' -o "$T/j.vae" "$T/e.safetensors"
	# two checkpoints whose statistics differ are no one model
	tabular "$T/o.vae" --set train.seed=3 --set train.holdout=0.3 "$F/rows.tar"
	cp "$T/o.vae/step-000001000.safetensors" "$T/i.vae/step-000002000.safetensors"
	fails 1 vae-selfinf -m "$T/i.vae" --checkpoints all "$F/rows.tar"
	says 'step-000002000'
	# without statistics, and with such as cannot be
	for change in 's/,"mean":"[^"]*"//; s/,"deviation":"[^"]*"//' 's/,"mean":"[^"]*"//' 's/("mean":")[^ ]* /$1/' 's/("mean":")/${1}nan /' 's/("deviation":")/$1-/' 's/("deviation":"[^"]*)"/$1 1"/'; do
		perl -e 'local $/; open my $f, "<:raw", $ARGV[0] or die; my $a = <$f>; my $n = unpack "Q<", $a; my $h = substr $a, 8, $n; '"$(printf '$_ = $h; s/,"checksums":"[^"]*"// or s/"checksums":"[^"]*",// or die; %s; ' "$change")"' s/ +$//; print pack("Q<", length), $_, substr $a, 8 + $n' "$F/m.vae/step-000001000.safetensors" >"$T/c.safetensors"
		if [ "$change" = 's/,"mean":"[^"]*"//; s/,"deviation":"[^"]*"//' ]; then
			ok vae-selfinf -m "$T/c.safetensors" "$F/rows.tar"
			not cmp -s "$T/out" <(vae-selfinf -m "$F/m.vae" --checkpoints last "$F/rows.tar")
		else
			fails 1 vae-selfinf -m "$T/c.safetensors" "$F/rows.tar"
			says "$T/c.safetensors" metadata
		fi
	done
	fails 1 vae-selfinf -m "$F/m.vae" --set input.kind=picture "$F/rows.tar"
	says input.kind
}
