# vae-ckpt curvature, and the scores that use it.

load helper

setup_file() {
	pictures "$F/pics" 30
	plain_stream 30 | mktar >"$F/in.tar"
	train "$F/m.vae" <"$F/in.tar"
	vae-ckpt curvature -q -m "$F/m.vae" --checkpoints all "$F/in.tar"
	cp -r "$F/m.vae" "$F/e.vae"
	vae-ckpt curvature -q -m "$F/e.vae" --checkpoints all --ekfac "$F/in.tar"
}

# model: a copy of the model in the test's directory
model() { cp -r "$F/m.vae" "$T/m.vae"; }

file=curvature-000000024.safetensors

# kfac [OPTION...]: the fields of a run over $F/in.tar, as JSON
kfac() { vae-selfinf -m "$F/m.vae" --curvature kfac "$@" <"$F/in.tar" | vae-cut --json; }

@test "curvature: a file beside each checkpoint, the same at any -j" {
	local j
	is "$(names "$F/m.vae" 'curvature-*')" 'curvature-000000008.safetensors curvature-000000016.safetensors curvature-000000024.safetensors '
	for j in 1 3; do
		model
		rm "$T/m.vae/$file"
		ok vae-ckpt curvature -m "$T/m.vae" -j $j <"$F/in.tar"
		same "$T/m.vae/$file" "$F/m.vae/$file"
		[ ! -s "$T/out" ]
		rm -r "$T/m.vae"
	done
}

@test "curvature: the records and draws that count" {
	model
	ok vae-ckpt curvature -m "$T/m.vae" --limit 11 -d 3 --summary "$T/s" "$F/in.tar"
	grep -q '"used":11' "$T/s"
	grep -q '"draws":3' "$T/s"
	is "$(vae-ckpt list -m "$T/m.vae" | cut -f1,7 | tr '\t\n' '= ')" 'step=curvature 8=30 16=30 24=11 '
	cp "$T/m.vae/$file" "$T/eleven"
	# the same records, in a stream of their own
	plain_stream 11 | mktar >"$T/few.tar"
	ok vae-ckpt curvature -m "$T/m.vae" -d 3 "$T/few.tar"
	same "$T/eleven" "$T/m.vae/$file"
	not cmp -s "$T/eleven" "$F/m.vae/$file"
	# a record that cannot be read does not count
	{ plain_stream 11 && printf 'name=bad.pgm data=P5x\n'; } | mktar >"$T/bad.tar"
	ok vae-ckpt curvature -m "$T/m.vae" -d 3 "$T/bad.tar"
	says '1 of 12 records could not be read'
	same "$T/eleven" "$T/m.vae/$file"
}

@test "curvature: files with equal keys" {
	model
	cp "$F/in.tar" "$T/again.tar"
	fails 1 vae-ckpt curvature -m "$T/m.vae" "$F/in.tar" "$T/again.tar"
	says --keys-per-file
	ok vae-ckpt curvature -m "$T/m.vae" --keys-per-file --summary "$T/s" "$F/in.tar" "$T/again.tar"
	grep -q '"used":60' "$T/s"
}

@test "curvature: fewer records than a layer's width give a warning" {
	model
	ok vae-ckpt curvature -m "$T/m.vae" --limit 5 "$F/in.tar"
	says 'vae-ckpt: ' '5 records' 'damping'
}

@test "curvature: targets from the records or from the model" {
	model
	ok vae-ckpt curvature -m "$T/m.vae" --targets data "$F/in.tar"
	same "$T/m.vae/$file" "$F/m.vae/$file"
	ok vae-ckpt curvature -m "$T/m.vae" --targets model "$F/in.tar"
	not cmp -s "$T/m.vae/$file" "$F/m.vae/$file"
	grep -aq '"targets":"model"' "$T/m.vae/$file"
	ok vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	not is "$(field options <"$T/out" | head -1)" "$(kfac | grep -o '"options":"[^"]*"' | head -1 | cut -d'"' -f4)" 2>/dev/null
	fails 1 vae-ckpt curvature -m "$T/m.vae" --targets model --set score.gradient=score "$F/in.tar"
	says pathwise
	fails 2 vae-ckpt list -m "$T/m.vae" --targets model
}

@test "curvature: no records" {
	model
	rm "$T/m.vae/$file"
	mktar </dev/null >"$T/empty.tar"
	fails 1 vae-ckpt curvature -m "$T/m.vae" "$T/empty.tar"
	says 'no records'
	printf 'name=bad.pgm data=P5x\n' | mktar >"$T/bad.tar"
	fails 1 vae-ckpt curvature -q -m "$T/m.vae" "$T/bad.tar"
	says 'none of 1 records could be decoded'
	absent "$T/m.vae/$file"
}

@test "curvature: options that are not for it" {
	fails 2 vae-ckpt curvature -m "$F/m.vae" -o x "$F/in.tar"
	fails 2 vae-ckpt curvature -m "$F/m.vae" --limit 0 "$F/in.tar"
	fails 2 vae-ckpt eval -m "$F/m.vae" --limit 3 "$F/in.tar"
	fails 2 vae-selfinf -m "$F/m.vae" --damping 0.1 "$F/in.tar"
	says --curvature
	for x in 0 -1 nan inf 1e9; do
		fails 2 vae-selfinf -m "$F/m.vae" --curvature kfac --damping "$x" "$F/in.tar"
		says --damping
	done
	fails 2 vae-selfinf -m "$F/m.vae" --curvature hessian "$F/in.tar"
}

@test "verify, list and thin know the file" {
	model
	ok vae-ckpt verify -m "$T/m.vae"
	is "$(cut -f2 "$T/out" | sort | uniq -c | tr -s ' ')" ' 6 ok'
	is "$(sed -n 2p "$T/out" | cut -f1)" "$T/m.vae/curvature-000000008.safetensors"
	# one bit
	perl -e 'open my $f, "+<:raw", $ARGV[0]; seek $f, -5, 2; read $f, my $b, 1; seek $f, -5, 2; print $f chr(ord($b) ^ 1)' "$T/m.vae/$file"
	fails 1 vae-ckpt verify -m "$T/m.vae"
	says "$file" 'checksum'
	is "$(grep -c '	bad$' "$T/out")" 1
	ok vae-ckpt thin -m "$T/m.vae" --keep 1
	is "$(names "$T/m.vae" '*.safetensors')" "$file step-000000024.safetensors "
	# a model with a curvature is replaced, and exported, like any other
	ok vae-ckpt export -m "$T/m.vae" -o "$T/e.safetensors"
	train "$T/m.vae" --replace <"$F/in.tar"
	is "$(names "$T/m.vae" 'curvature-*')" ''
}

@test "a curvature that does not fit is refused" {
	local one=$T/m.vae/$file
	model
	rm "$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	says "$file" 'vae-ckpt curvature'
	# of another checkpoint
	cp "$F/m.vae/curvature-000000016.safetensors" "$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	says "$file" 'made for model'
	fails 1 vae-ckpt verify -m "$T/m.vae"
	# other options
	cp "$F/m.vae/$file" "$one"
	for option in score.beta=2 score.likelihood=linear score.gradient=score; do
		fails 1 vae-selfinf -m "$T/m.vae" --curvature kfac --set "$option" "$F/in.tar"
		says "$file" "${option%%=*}" "${option##*=}"
	done
	ok vae-ckpt curvature -m "$T/m.vae" --set score.beta=2 "$F/in.tar"
	ok vae-selfinf -m "$T/m.vae" --curvature kfac --set score.beta=2 "$F/in.tar"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	# a checkpoint, and noise
	cp "$T/m.vae/step-000000024.safetensors" "$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	says 'not a file of vae-ckpt curvature'
	head -c 1000 "$F/m.vae/$file" >"$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	says "$file"
	# a header that ends anywhere
	perl -e 'undef $/; binmode STDIN; binmode STDOUT; $_ = <STDIN>; my $n = unpack "Q<", $_;
		print pack("Q<", $n + 1), substr($_, 8, $n), " ", substr($_, 8 + $n)' <"$F/m.vae/$file" >"$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	says "$file" 'multiple of 4 bytes'
	# NAN
	cp "$F/m.vae/$file" "$one"
	unchecked "$one"
	perl -e 'open my $f, "+<:raw", $ARGV[0]; seek $f, -4, 2; print $f pack "H*", "0000c07f"' "$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	says 'not finite'
	# not positive definite: the last number is on a diagonal
	perl -e 'open my $f, "+<:raw", $ARGV[0]; seek $f, -4, 2; print $f pack "f<", -0.01' "$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature kfac --damping 1e-6 "$F/in.tar"
	says 'not positive definite' '--damping'
}

@test "layers whose gradients are rounding do not count, with a warning that names them" {
	# latents that say nothing: the weights around them are scaled by 1e-9
	ok vae-ckpt export -m "$F/m.vae" -o "$T/e.safetensors"
	perl -e 'binmode STDIN; binmode STDOUT; local $/; $_ = <STDIN>; my ($n) = unpack "Q<"; my $head = substr $_, 8, $n;
		for my $t ("encoder.3.weight", "encoder.3.bias", "decoder.0.weight") {
			my ($from, $to) = $head =~ /"\Q$t\E":\{[^}]*"data_offsets":\[(\d+),(\d+)\]/ or die $t;
			substr($_, 8 + $n + $from, $to - $from) = pack "f<*", map { $_ * 1e-9 } unpack "f<*", substr $_, 8 + $n + $from, $to - $from }
		my $data = substr $_, 8 + $n;
		$head =~ s/,?"__metadata__":\{[^}]*\}// or die; # checksums
		$head =~ s/\{,/{/;
		print pack("Q<", length $head), $head, $data' <"$T/e.safetensors" >"$T/c.safetensors"
	ok vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/c.vae" "$T/c.safetensors"
	ok vae-ckpt curvature -q --ekfac -m "$T/c.vae" "$F/in.tar"
	local kind
	for kind in kfac ekfac; do
		ok vae-selfinf -m "$T/c.vae" --curvature $kind --profile "$F/in.tar"
		says 'do not count' 'encoder.1, encoder.3 '
		is "$(vae-cut -k profile_encoder.1,profile_encoder.3 <"$T/out" | sort -u)" $'0\t0'
		vae-cut -k profile_decoder.0,profile_decoder.2 <"$T/out" | awk '!($1 > 0 && $2 > 0) { exit 1 }'
		ok vae-testinf -q -m "$T/c.vae" --curvature $kind -t "$F/in.tar" "$F/in.tar"
	done
	ok vae-selfinf -m "$T/c.vae" --curvature inputs "$F/in.tar"
	[ ! -s "$T/err" ]
	ok vae-selfinf -m "$F/e.vae" --curvature ekfac "$F/in.tar"
	[ ! -s "$T/err" ]
}

@test "options tell curvature and damping apart" {
	local all
	all=$({
		vae-selfinf -m "$F/m.vae" <"$F/in.tar" | vae-cut --json
		kfac
		kfac --damping 0.2
		kfac --damping 0.1
	} | grep -o '"options":"[^"]*"' | sort | uniq -c | awk '{ print $1 }' | sort -n | tr '\n' ' ')
	is "$all" '30 30 60 '
}

@test "--parts and --profile sum up to selfinf" {
	local option more
	for option in '' '--checkpoints all' '--layers decoder'; do
		read -ra more <<<"$option"
		kfac --parts --profile "${more[@]}" | perl -ne '/"selfinf":([^,]*)/; my ($all, $n, %sum) = ($1, 0);
			while (/"(selfinf|profile)_(?:en|de)coder\.\d+":([^,}]*)/g) { $sum{$1} += $2; $n++ }
			for ("selfinf", "profile") { die "$n $_ parts: $sum{$_} and not $all\n" if $n != 8 || abs($sum{$_} - $all) > 1e-6 * abs($all) }'
	done
	kfac | not grep -q profile_
	fails 1 vae-selfinf -m "$F/m.vae" --curvature kfac --profile --estimator cross "$F/in.tar"
	says --profile
	# scored again without, the profile is gone
	vae-selfinf -m "$F/m.vae" --profile "$F/in.tar" | vae-selfinf -m "$F/m.vae" --replace | vae-cut --json | not grep -q profile_
}

@test "inputs: the curvature of the layers' inputs alone" {
	local j
	plain_stream 5 | mktar >"$T/tests.tar"
	for j in 1 3; do
		ok vae-selfinf -m "$F/m.vae" -j $j --curvature inputs --parts --profile "$F/in.tar"
		mv "$T/out" "$T/$j.tar"
	done
	same "$T/1.tar" "$T/3.tar"
	for j in none kfac inputs; do
		vae-selfinf -m "$F/m.vae" --curvature $j "$F/in.tar" | vae-testinf -m "$F/m.vae" --curvature $j -t "$T/tests.tar" --prefix t_ | field selfinf,options,t_testinf_max,t_options >"$T/$j"
	done
	for j in 1 2 3 4; do # each of the three is another
		is "$(cat "$T/none" "$T/kfac" "$T/inputs" | cut -f $j | sort -u | wc -l)" "$([ $((j % 2)) = 0 ] && echo 3 || echo 90)"
	done
	vae-selfinf -m "$F/m.vae" --curvature inputs --damping 1 "$F/in.tar" | field selfinf | not same - <(cut -f 1 "$T/inputs") 2>/dev/null
	# far above the curvature it is plain self influence, but for its scale
	vae-selfinf -m "$F/m.vae" --layers decoder.2 --curvature inputs --damping 1e6 <"$F/in.tar" | field selfinf >"$T/damped"
	vae-selfinf -m "$F/m.vae" --layers decoder.2 <"$F/in.tar" | field selfinf | paste - "$T/damped" |
		awk '{ r = $2 / $1; if (NR == 1) first = r; d = r / first - 1; if (d > 1e-4 || d < -1e-4) { print; exit 1 } } END { exit NR != 30 }'
}

@test "curvature --ekfac: the same at any -j, from a file or a pipe, and with the factors of one pass" {
	local j
	model
	for j in 1 3; do
		ok vae-ckpt curvature -m "$T/m.vae" -j $j --ekfac --summary "$T/s" <"$F/in.tar"
		same "$T/m.vae/$file" "$F/e.vae/$file"
		grep -q '"used":30,.*"records":30' "$T/s"
	done
	ok vae-ckpt verify -m "$T/m.vae"
	is "$(vae-ckpt list -m "$T/m.vae" | cut -f1,7 | tr '\t\n' '= ')" 'step=curvature 8=30 16=30 24=30 '
	for j in kfac inputs; do
		vae-selfinf -m "$F/m.vae" --curvature $j "$F/in.tar" | field selfinf >"$T/one"
		vae-selfinf -m "$F/e.vae" --curvature $j "$F/in.tar" | field selfinf >"$T/two"
		same "$T/one" "$T/two"
	done
	# records that cannot be read, and --limit, are the same in both passes
	{ plain_stream 11 && printf 'name=bad.pgm data=P5x\n'; } | mktar >"$T/bad.tar"
	ok vae-ckpt curvature -m "$T/m.vae" -d 3 --ekfac --limit 12 "$T/bad.tar"
	says '1 of 12 records could not be read'
	plain_stream 11 | mktar >"$T/few.tar"
	cp "$T/m.vae/$file" "$T/eleven"
	ok vae-ckpt curvature -m "$T/m.vae" -d 3 --ekfac "$T/few.tar"
	same "$T/eleven" "$T/m.vae/$file"
	ok vae-ckpt thin -m "$T/m.vae" --keep 1
	is "$(names "$T/m.vae" '*.safetensors')" "$file step-000000024.safetensors "
	fails 2 vae-ckpt list -m "$T/m.vae" --ekfac
}

@test "curvature --ekfac: an input that is truncated, or changes between the passes, leaves no file" {
	local got=0 pid n
	model
	rm "$T/m.vae/$file"
	for n in 700 20000 25000; do
		head -c $n "$F/in.tar" >"$T/cut.tar"
		fails 1 vae-ckpt curvature -m "$T/m.vae" --ekfac "$T/cut.tar"
		fails 1 vae-ckpt curvature -m "$T/m.vae" --ekfac <"$T/cut.tar"
	done
	mkfifo "$T/fifo"
	cp "$F/in.tar" "$T/a.tar"
	vae-ckpt curvature -q -m "$T/m.vae" --ekfac "$T/a.tar" "$T/fifo" >"$T/out" 2>"$T/err" 3>&- &
	pid=$!
	exec 9>"$T/fifo" # opened once the first pass has read a.tar
	printf '\200' | dd of="$T/a.tar" bs=1 seek=560 conv=notrunc status=none
	head -c 1024 /dev/zero >&9
	exec 9>&-
	wait "$pid" || got=$?
	is "$got" 1
	says 'a.tar' 'changed'
	absent "$T/m.vae/$file"
}

@test "ekfac: self influence is another than kfac's, and the same at any -j" {
	local j
	for j in 1 3; do
		ok vae-selfinf -m "$F/e.vae" -j $j --curvature ekfac --parts --profile "$F/in.tar"
		mv "$T/out" "$T/$j.tar"
	done
	same "$T/1.tar" "$T/3.tar"
	for j in none kfac inputs ekfac; do
		vae-selfinf -m "$F/e.vae" --curvature $j "$F/in.tar" | field selfinf,options >"$T/$j"
	done
	is "$(cat "$T/none" "$T/kfac" "$T/inputs" "$T/ekfac" | cut -f 1 | sort -u | wc -l)" 120
	is "$(cat "$T/none" "$T/kfac" "$T/inputs" "$T/ekfac" | cut -f 2 | sort -u | wc -l)" 4
	# far above the eigenvalues damping leaves plain self influence, but for its scale
	vae-selfinf -m "$F/e.vae" --layers decoder.2 --curvature ekfac --damping 1e6 <"$F/in.tar" | field selfinf >"$T/damped"
	vae-selfinf -m "$F/e.vae" --layers decoder.2 <"$F/in.tar" | field selfinf | paste - "$T/damped" |
		awk '{ r = $2 / $1; if (NR == 1) first = r; d = r / first - 1; if (d > 1e-4 || d < -1e-4) { print; exit 1 } } END { exit NR != 30 }'
	ok vae-selfinf -m "$F/e.vae" --curvature ekfac --checkpoints all --estimator cross --parts "$F/in.tar"
}

@test "ekfac: a damping whose inverse is beyond a float, where all eigenvalues count" {
	cat >"$T/c.yaml" <<-'EOF'
		format: 1
		input: {shape: [1, 2, 2]}
		model: {latent: 1, encoder: [flatten, {linear: 2}, tanh, {linear: 2}], decoder: [{linear: 2}, tanh, {linear: 4}]}
		train: {steps: 60, batch: 8, checkpoints: 1}
	EOF
	vae-train -q -c "$T/c.yaml" -o "$T/m.vae" "$F/in.tar"
	vae-ckpt curvature -q -m "$T/m.vae" --ekfac "$F/in.tar"
	for j in 1e-12 1e-42; do
		ok vae-selfinf -m "$T/m.vae" --curvature ekfac --damping $j "$F/in.tar"
		field selfinf <"$T/out" >"$T/$j"
	done
	paste "$T/1e-12" "$T/1e-42" | awk '$2 == "" || ($1 - $2) ^ 2 > (1e-3 * $1) ^ 2 { exit 1 } END { exit NR != 30 }'
}

@test "ekfac: influence over test records" {
	plain_stream 5 | mktar >"$T/tests.tar"
	ok vae-testinf -m "$F/e.vae" --curvature ekfac -t "$T/tests.tar" "$F/in.tar"
	mv "$T/out" "$T/all.tar"
	ok vae-testinf -m "$F/e.vae" --curvature ekfac -t "$T/tests.tar" --mem 0 -j 3 "$F/in.tar"
	same "$T/out" "$T/all.tar"
	ok vae-testinf -m "$F/e.vae" --curvature ekfac -t "$T/tests.tar" --candidates 30 "$F/in.tar"
	paste <(field testinf_max,testinf_min <"$T/out") <(field testinf_max,testinf_min <"$T/all.tar") |
		awk '{ a = $1 / $3 - 1; b = $2 / $4 - 1; if (a * a > 1e-10 || b * b > 1e-10) { print; exit 1 } } END { exit NR != 30 }'
	ok vae-testinf -m "$F/e.vae" --curvature ekfac -t "$F/in.tar" --normalize both --checkpoints all "$F/in.tar"
	field testinf_max,testinf_min <"$T/out" | awk '$1 > 1.0001 || $2 < -1.0001 || !($1 > $2) { exit 1 } END { exit NR != 30 }'
	ok vae-testinf -m "$F/e.vae" --curvature ekfac --sanity 10 --top 1 -d 64 --normalize train "$F/in.tar"
	grep -q '^own_strongest' "$T/out"
}

@test "ekfac: files without eigenvalues, and with wrong ones" {
	local one=$T/m.vae/$file
	fails 1 vae-selfinf -m "$F/m.vae" --curvature ekfac "$F/in.tar"
	says "$file" 'no eigenvalues' 'vae-ckpt curvature --ekfac'
	fails 1 vae-testinf -m "$F/m.vae" --curvature ekfac -t "$F/in.tar" "$F/in.tar"
	says 'vae-ckpt curvature --ekfac'
	for x in 0 -1 nan; do
		fails 2 vae-selfinf -m "$F/e.vae" --curvature ekfac --damping "$x" "$F/in.tar"
	done
	model
	cp "$F/e.vae/$file" "$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature ekfac --set score.beta=2 "$F/in.tar"
	says beta
	# the last number of the file is an eigenvalue
	unchecked "$one"
	perl -e 'open my $f, "+<:raw", $ARGV[0]; seek $f, -4, 2; print $f pack "f<", -1' "$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature ekfac "$F/in.tar"
	says "$file" 'negative' '--ekfac'
	fails 1 vae-ckpt verify -m "$T/m.vae"
	perl -e 'open my $f, "+<:raw", $ARGV[0]; seek $f, -4, 2; print $f pack "H*", "0000c07f"' "$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature ekfac "$F/in.tar"
	says 'not finite'
	# eigenvectors of other lengths: the first of layer encoder.1
	cp "$F/e.vae/$file" "$one"
	unchecked "$one"
	perl -MJSON::PP -e 'open my $f, "+<:raw", $ARGV[0]; read $f, my $n, 8; $n = unpack "Q<", $n; read $f, my $h, $n;
		seek $f, 8 + $n + decode_json($h)->{"encoder.1.qa"}{data_offsets}[0], 0; print $f pack "f<", 3' "$one"
	fails 1 vae-selfinf -m "$T/m.vae" --curvature ekfac "$F/in.tar"
	says 'eigenvector of encoder.1'
}

@test "damping far above the curvature leaves plain self influence, but for its scale" {
	# of one layer: each factor becomes a multiple of the unit matrix
	vae-selfinf -m "$F/m.vae" --layers decoder.2 <"$F/in.tar" | field selfinf >"$T/plain"
	vae-selfinf -m "$F/m.vae" --layers decoder.2 --curvature kfac --damping 1e6 <"$F/in.tar" | field selfinf >"$T/damped"
	paste "$T/plain" "$T/damped" | awk '{ r = $2 / $1; if (NR == 1) first = r; d = r / first - 1; if (d > 1e-4 || d < -1e-4) { print; exit 1 } } END { exit NR != 30 }'
	vae-selfinf -m "$F/m.vae" --layers decoder.2 --curvature kfac --damping 0.01 <"$F/in.tar" | field selfinf >"$T/damped"
	# shellcheck disable=SC2016 # of awk
	not awk '{ r = $2 / $1; if (NR == 1) first = r; d = r / first - 1; if (d > 1e-2 || d < -1e-2) exit 1 }' <(paste "$T/plain" "$T/damped")
}

@test "vae-testinf: influence over test records, with and without candidates" {
	plain_stream 5 | mktar >"$T/tests.tar"
	ok vae-testinf -m "$F/m.vae" --curvature kfac -t "$T/tests.tar" --matrix "$T/all.npy" "$F/in.tar"
	mv "$T/out" "$T/all.tar"
	ok vae-testinf -m "$F/m.vae" --curvature kfac -t "$T/tests.tar" --candidates 30 "$F/in.tar"
	is "$(field testinf_max,testinf_min <"$T/out")" "$(field testinf_max,testinf_min <"$T/all.tar")"
	ok vae-testinf -m "$F/m.vae" -t "$T/tests.tar" "$F/in.tar"
	not same "$T/out" "$T/all.tar" 2>/dev/null
	not is "$(field options <"$T/out" | head -1)" "$(field options <"$T/all.tar" | head -1)" 2>/dev/null
	# all blocks on disk, and two checkpoints
	ok vae-testinf -m "$F/m.vae" --curvature kfac -t "$T/tests.tar" --mem 0 "$F/in.tar"
	same "$T/out" "$T/all.tar"
	ok vae-testinf -m "$F/m.vae" --curvature kfac --checkpoints all -t "$T/tests.tar" "$F/in.tar"
	fails 1 vae-testinf -m "$F/m.vae" --curvature kfac -t "$T/tests.tar" --set score.beta=2 "$F/in.tar"
	fails 2 vae-testinf -m "$F/m.vae" --damping 1 -t "$T/tests.tar" "$F/in.tar"
}

@test "vae-testinf: cosines, and --sanity" {
	ok vae-testinf -m "$F/m.vae" --curvature kfac -t "$F/in.tar" --normalize both "$F/in.tar"
	field testinf_max,testinf_min <"$T/out" | awk '$1 > 1.0001 || $2 < -1.0001 || !($1 > $2) { exit 1 } END { exit NR != 30 }'
	ok vae-testinf -m "$F/m.vae" --curvature kfac --sanity 10 --top 1 -d 64 --normalize train --summary "$T/s" "$F/in.tar"
	grep -q '^own_strongest' "$T/out"
}

@test "vae-train --curvature is vae-ckpt curvature over the training records" {
	local option
	for option in '' '--mem 0'; do
		read -ra more <<<"$option"
		train "$T/t.vae" --replace --set train.holdout=0 --curvature "${more[@]}" -j 2 <"$F/in.tar"
		is "$(names "$T/t.vae" 'curvature-*')" "$file "
		cp "$T/t.vae/$file" "$T/trained"
		ok vae-ckpt verify -m "$T/t.vae"
		ok vae-ckpt curvature -q -m "$T/t.vae" -j 1 "$F/in.tar"
		same "$T/t.vae/$file" "$T/trained"
	done
	# a finished training gets one too
	rm "$T/t.vae/$file"
	ok vae-train -q -c "$T/t.vae/model.yaml" --resume --curvature -o "$T/t.vae" "$F/in.tar"
	same "$T/t.vae/$file" "$T/trained"
	# held-out records do not count
	train "$T/u.vae" --set train.holdout=0.3 --curvature <"$F/in.tar"
	vae-ckpt list -m "$T/u.vae" | awk -F '\t' 'NR > 1 && $7 != "" { n++; if ($7 != $6 || $7 >= 30) exit 1 } END { exit n != 1 }'
}
