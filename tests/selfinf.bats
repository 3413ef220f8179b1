# vae-selfinf: its options, and what its fields mean.

load helper

setup_file() {
	pictures "$F/pics" 30
	plain_stream 30 | mktar >"$F/in.tar"
	train "$F/m.vae" <"$F/in.tar"
}

# score FIELDS [OPTION...]: of $F/in.tar, a line a record
score() {
	local fields=$1
	shift
	vae-selfinf -m "$F/m.vae" "$@" <"$F/in.tar" | field "$fields"
}

# alike FILE FILE [RELATIVE]: the same numbers
alike() {
	paste "$1" "$2" | awk -F '\t' -v e="${3:-1e-6}" '
		{ n = NF / 2; for (i = 1; i <= n; i++) { a = $i; b = $(i + n); d = a - b; if (d < 0) d = -d; m = b < 0 ? -b : b; if (a == "" || b == "" || d > e * m + 1e-12) { print NR ": " a " " b; bad = 1 } } }
		END { exit bad || NR != 30 }'
}

@test "every record gets all fields, finite, with the model and a hash of the options" {
	local id options
	score selfinf,selfinf_se,loss,recon,nll,kl,mu_norm,sigma_norm >"$T/got"
	awk -F '\t' 'NF != 8 { exit 1 } { for (i = 1; i <= 8; i++) if ($i == "" || $i !~ /^[0-9]/) exit 1 } END { exit NR != 30 }' "$T/got"
	# loss = beta KL + reconstruction
	awk -F '\t' '{ d = $3 - $4 - $6; if (d < 0) d = -d; if (d > 1e-5 * $3) exit 1 }' "$T/got"
	id=$(score model | sort -u)
	is "$id" "$(vae-ckpt list -m "$F/m.vae" | tail -1 | cut -f2)"
	options=$(score options | sort -u)
	is "${#options}" 12
	is "$(score options --seed 1 | sort -u | grep -cx "$options" || true)" 0
	is "$(score options -d 5 | sort -u | grep -cx "$options" || true)" 0
	is "$(score options --layers encoder | sort -u | grep -cx "$options" || true)" 0
	is "$(score options -j1 --summary "$T/s" | sort -u)" "$options"
}

@test "--parts sum up to selfinf; encoder and decoder sum up to all layers" {
	local more option
	for option in '' '--estimator cross' '--checkpoints all' '--layers decoder'; do
		read -ra more <<<"$option"
		vae-selfinf -m "$F/m.vae" --parts "${more[@]}" <"$F/in.tar" | vae-cut --json >"$T/json"
		perl -ne '/"selfinf":([^,]*)/; my ($all, $sum, $n) = ($1, 0, 0);
			while (/"selfinf_(?:en|de)coder\.\d+":([^,]*)/g) { $sum += $1; $n++ }
			die "$n parts: $sum and not $all\n" if $n != 4 || abs($sum - $all) > 1e-6 * abs($all)' "$T/json"
	done
	score selfinf >"$T/all"
	score selfinf --layers encoder >"$T/enc"
	score selfinf --layers decoder >"$T/dec"
	score selfinf --layers encoder.1,encoder.3,decoder.0,decoder.2 >"$T/list"
	paste "$T/enc" "$T/dec" | awk '{ printf "%.9g\n", $1 + $2 }' >"$T/sum"
	alike "$T/sum" "$T/all"
	alike "$T/list" "$T/all"
	for l in nope decoder.1 encoder.9 decoder.0,nope; do
		fails 1 vae-selfinf -m "$F/m.vae" --layers "$l" "$F/in.tar"
		says --layers
	done
}

@test "--checkpoints: all is the sum, a list selects steps, a file is one checkpoint" {
	local s
	for s in 8 16 24; do
		score selfinf --checkpoints $s >"$T/$s"
		vae-selfinf -m "$F/m.vae/step-$(printf %09d $s).safetensors" <"$F/in.tar" | field selfinf >"$T/file$s"
		alike "$T/$s" "$T/file$s"
	done
	paste "$T/8" "$T/16" "$T/24" | awk '{ printf "%.9g\n", $1 + $2 + $3 }' >"$T/sum"
	score selfinf --checkpoints all >"$T/all"
	alike "$T/all" "$T/sum" 1e-5
	score selfinf --checkpoints 8,24 >"$T/two"
	paste "$T/8" "$T/24" | awk '{ printf "%.9g\n", $1 + $2 }' >"$T/sum"
	alike "$T/two" "$T/sum" 1e-5
	score selfinf >"$T/last"
	score selfinf --checkpoints last >"$T/l"
	alike "$T/last" "$T/24"
	diff "$T/last" "$T/l"
	is "$(score model --checkpoints 8,24 | sort -u | grep -c "$(score model | head -1)" || true)" 0
	for s in 7 8,9 24,8 8,8 x 8,x ''; do
		fails 1 vae-selfinf -m "$F/m.vae" --checkpoints "$s" "$F/in.tar"
	done
}

# noise FILE RECORDS DRAWS LATENT [zero]: an npy file
noise() {
	perl -e 'my ($r, $d, $l, $z) = @ARGV; my $h = "{\x27descr\x27: \x27<f4\x27, \x27fortran_order\x27: False, \x27shape\x27: ($r, $d, $l), }";
		$h .= " " x (117 - length $h) . "\n"; binmode STDOUT; print "\x93NUMPY\x01\x00", pack("v", length $h), $h;
		srand 5; print pack("f<", $z ? 0 : 2 * rand() - 1) for 1 .. $r * $d * $l' "${@:2}" >"$1"
}

@test "--eps reads the noise from a file" {
	noise "$T/e.npy" 30 4 4
	score selfinf,loss --eps "$T/e.npy" >"$T/a"
	score selfinf,loss --eps "$T/e.npy" --seed 9 -j2 >"$T/b"
	diff "$T/a" "$T/b"
	score selfinf,loss >"$T/c"
	not diff -q "$T/a" "$T/c" >/dev/null
	noise "$T/zero.npy" 30 4 4 zero
	is "$(score selfinf_se --eps "$T/zero.npy" | awk '{ exit !($1 < 1e-6 && $1 != "") }' && echo yes)" yes
	score selfinf --eps "$T/zero.npy" >"$T/a"
	score selfinf --eps "$T/zero.npy" --estimator cross >"$T/b"
	alike "$T/a" "$T/b"
	noise "$T/e.npy" 30 3 4
	fails 1 vae-selfinf -m "$F/m.vae" --eps "$T/e.npy" "$F/in.tar"
	says "$T/e.npy" 'records, 4, 4'
	noise "$T/e.npy" 30 3 4
	ok vae-selfinf -m "$F/m.vae" -d 3 --eps "$T/e.npy" "$F/in.tar"
	noise "$T/e.npy" 29 4 4
	fails 1 vae-selfinf -m "$F/m.vae" --eps "$T/e.npy" "$F/in.tar"
	says "$T/e.npy" 29
	not lstar <"$T/out" >/dev/null 2>&1
	head -c 500 "$T/zero.npy" >"$T/e.npy"
	fails 1 vae-selfinf -m "$F/m.vae" --eps "$T/e.npy" "$F/in.tar"
	says "$T/e.npy"
	fails 1 vae-selfinf -m "$F/m.vae" --eps "$F/in.tar" "$F/in.tar"
	fails 1 vae-selfinf -m "$F/m.vae" --eps "$T/none.npy" "$F/in.tar"
}

@test "-d, --estimator, --gradient, --weights" {
	score selfinf,selfinf_se -d 64 >"$T/many"
	score selfinf,selfinf_se -d 2 >"$T/few"
	[ "$(awk '{ s += $2 / $1 } END { print s }' "$T/few" | cut -d. -f1)" -gt "$(awk '{ s += $2 / $1 } END { print s }' "$T/many" | cut -d. -f1)" ]
	is "$(score selfinf_se -d 1 | sort -u)" '' # one draw has no spread
	[ "$(score selfinf -d 1 | grep -c .)" -eq 30 ]
	# plugin has the variance of the mean on top
	awk -v p="$(score selfinf | awk '{ s += $1 } END { print s }')" -v c="$(score selfinf --estimator cross | awk '{ s += $1 } END { print s }')" 'BEGIN { exit !(p > c) }'
	score selfinf >"$T/pathwise"
	score selfinf --gradient pathwise >"$T/p"
	diff "$T/pathwise" "$T/p"
	score selfinf --gradient score >"$T/s"
	not diff -q "$T/pathwise" "$T/s" >/dev/null
	ok vae-selfinf -m "$F/m.vae" --weights lr "$F/in.tar"
	says adam
	# learning rate x steps / records = 0.003 * 8 / 30
	field selfinf <"$T/out" >"$T/lr"
	awk '{ printf "%.9g\n", $1 * 0.003 * 8 / 30 }' "$T/pathwise" >"$T/want"
	alike "$T/lr" "$T/want" 1e-5
	fails 2 vae-selfinf -m "$F/m.vae" --estimator nope "$F/in.tar"
	says estimator nope
	fails 2 vae-selfinf -m "$F/m.vae" --gradient nope "$F/in.tar"
	fails 2 vae-selfinf -m "$F/m.vae" --weights nope "$F/in.tar"
	for d in 0 -1 x 1.5 1e9 ''; do
		fails 2 vae-selfinf -m "$F/m.vae" -d "$d" "$F/in.tar"
		says draws
	done
	fails 1 vae-selfinf -m "$F/m.vae" -d 1 --estimator cross "$F/in.tar"
	says draws
}

@test "--set changes only how a score is made" {
	score loss --set score.beta=0 >"$T/a"
	score recon >"$T/b"
	alike "$T/a" "$T/b"
	fails 1 vae-selfinf -m "$F/m.vae" --set model.latent=3 "$F/in.tar"
	says model.latent
	fails 1 vae-selfinf -m "$F/m.vae" --set 'input.shape=[1,4,4]' "$F/in.tar"
	fails 2 vae-selfinf -m "$F/m.vae" --set score.drws=3 "$F/in.tar"
	says score.drws score.draws
	fails 2 vae-selfinf -m "$F/m.vae" --set score.draws "$F/in.tar"
	fails 2 vae-selfinf "$F/in.tar"
	says '-m'
}

@test "--seed changes the noise, not the encoder" {
	score selfinf,loss,mu_norm >"$T/a"
	score selfinf,loss,mu_norm --seed 1 >"$T/b"
	is "$(paste "$T/a" "$T/b" | awk '$1 != $4 && $2 != $5 && $3 == $6' | wc -l)" 30
	score selfinf,loss,mu_norm --seed 0 >"$T/b"
	diff "$T/a" "$T/b"
}

@test "the same payload under two keys scores the same" {
	(plain_stream 20 && printf 'name=copy.pgm file=%s/pics/3.pgm mtime=77\nname=copy.txt data=beside\n' "$F") | mktar | vae-selfinf -m "$F/m.vae" | field key,selfinf,loss >"$T/got"
	near "$(awk -F '\t' '$1 == "copy" { print $2 }' "$T/got")" "$(awk -F '\t' '$1 == "s/0003" { print $2 }' "$T/got")" 1e-5
	near "$(awk -F '\t' '$1 == "copy" { print $3 }' "$T/got")" "$(awk -F '\t' '$1 == "s/0003" { print $3 }' "$T/got")" 1e-5
}

@test "existing fields: an error, --replace, --prefix" {
	vae-selfinf -m "$F/m.vae" <"$F/in.tar" >"$T/one.tar"
	fails 1 vae-selfinf -m "$F/m.vae" "$T/one.tar"
	says "record 1 's/0000'" "'selfinf'" --replace --prefix
	vae-selfinf -m "$F/m.vae" --prefix b. --seed 4 <"$T/one.tar" >"$T/two.tar"
	is "$(field selfinf <"$T/two.tar")" "$(field selfinf <"$T/one.tar")"
	is "$(field b.selfinf <"$T/two.tar")" "$(score selfinf --seed 4)"
	is "$(field b.options,b.model <"$T/two.tar" | grep -c .)" 30
	vae-selfinf -m "$F/m.vae" --replace --seed 4 <"$T/one.tar" >"$T/three.tar"
	is "$(field selfinf <"$T/three.tar")" "$(score selfinf --seed 4)"
}

@test "--replace removes an error, or scores, that no longer hold" {
	{
		echo 'name=bad.pgm data=oops'
		echo 'name=bad.vae.json data={"selfinf":5,"loss":3,"w":1,"model":"m"}'
		printf 'name=good.pgm file=%s/pics/1.pgm\n' "$F"
		echo 'name=good.vae.json data={"error":"was%%bad","w":2}' | sed 's/%%/_/'
	} | mktar >"$T/in"
	fails 1 vae-selfinf -m "$F/m.vae" "$T/in"
	ok vae-selfinf -m "$F/m.vae" --replace "$T/in"
	vae-cut --json <"$T/out" >"$T/json"
	is "$(sed -n 1p "$T/json" | sed 's/"error":"[^"]*"/E/')" '{"key":"bad","w":1,E}'
	grep -q '^{"key":"good","w":2,"selfinf":' "$T/json"
	is "$(sed -n 2p "$T/json" | grep -c '"error"' || true)" 0
}

@test "payloads: the first extension that input.field names" {
	printf 'name=a.pgm file=%s/pics/1.pgm\nname=a.gray.pgm file=%s/pics/2.pgm\n' "$F" "$F" | mktar >"$T/in"
	ok vae-selfinf -m "$F/m.vae" --set input.field=gray.pgm "$T/in"
	field mu_norm <"$T/out" >"$T/a"
	printf 'name=a.pgm file=%s/pics/2.pgm\n' "$F" | mktar | vae-selfinf -m "$F/m.vae" | field mu_norm >"$T/b"
	diff "$T/a" "$T/b"
	fails 1 vae-selfinf -m "$F/m.vae" --on-error fail --set input.field=jpg "$T/in"
	says pgm jpg
	for n in '[vae.json]' '[PNG]' 'pgm,.png'; do
		fails 2 vae-selfinf -m "$F/m.vae" --set "input.field=$n" "$T/in"
		says input.field
	done
}

@test "--set: the order of assignments does not matter" {
	train "$T/m.vae" --set score.draws=1 <"$F/in.tar"
	ok vae-selfinf -m "$T/m.vae" --set score.draws=8 --set score.estimator=cross "$F/in.tar"
	field selfinf <"$T/out" >"$T/want"
	ok vae-selfinf -m "$T/m.vae" --set score.estimator=cross --set score.draws=8 "$F/in.tar"
	field selfinf <"$T/out" >"$T/got"
	same "$T/want" "$T/got"
	fails 1 vae-selfinf -m "$T/m.vae" --set score.estimator=cross --set score.draws=1 "$F/in.tar"
	says 'score.draws of 2 or more'
}
