# vae-ckpt, and files that are not models.
# shellcheck disable=SC2094

load helper

setup_file() {
	pictures "$F/pics" 10
	plain_stream 10 | mktar >"$F/in.tar"
	train "$F/m.vae" <"$F/in.tar"
}

@test "list: one line for each checkpoint" {
	ok vae-ckpt list -m "$F/m.vae"
	is "$(cut -f1 "$T/out" | tr '\n' ' ')" 'step 8 16 24 '
	is "$(cut -f2 "$T/out" | sort -u | wc -l)" 4
	is "$(awk -F '\t' 'NF != 7' "$T/out" | wc -l)" 0
	ok vae-ckpt list -m "$F/m.vae" --checkpoints 16
	is "$(wc -l <"$T/out")" 2
	fails 1 vae-ckpt list -m "$F/m.vae" --checkpoints 17
	says 17
}

@test "show: configuration and tensors" {
	ok vae-ckpt show -m "$F/m.vae"
	grep -q 'latent: 4' "$T/out"
	grep -q '^# decoder.2.weight	\[64, 32\]	norm [0-9.]*	finite 2048 of 2048$' "$T/out"
	is "$(grep -c '	norm ' "$T/out")" 8
	grep -q '^# 8 steps since the checkpoint before, lr 0.003, 10 records, loss [0-9.]*$' "$T/out"
	is "$(grep -c ' step ' "$T/out")" 1
	# what it prints is a configuration
	vae-train -q -c <(cat "$T/out") -o "$T/n.vae" <"$F/in.tar" || {
		cp "$T/out" "$T/c.yaml"
		vae-train -q -c "$T/c.yaml" -o "$T/n.vae" <"$F/in.tar"
	}
	is "$(vae-ckpt list -m "$T/n.vae" | tail -1)" "$(vae-ckpt list -m "$F/m.vae" | tail -1)"
	# all checkpoints; the losses are those of list
	ok vae-ckpt show -m "$F/m.vae" --checkpoints all
	is "$(grep -c '	norm ' "$T/out")" 24
	is "$(sed -n 's/.* loss \([0-9.]*\)$/\1/p' "$T/out")" "$(vae-ckpt list -m "$F/m.vae" | tail -n +2 | cut -f3)"
	# norms, computed by other code
	ok vae-ckpt show -m "$F/m.vae"
	perl -e '
		local $/; open my $f, "<:raw", $ARGV[0]; my $all = <$f>; my $n = unpack "Q<", $all;
		my $h = substr $all, 8, $n;
		while ($h =~ /"((?:en|de)coder\.\d+\.\w+)":\{[^}]*"data_offsets":\[(\d+),(\d+)\]/g) {
			my $q = 0; $q += $_ * $_ for unpack "f<*", substr $all, 8 + $n + $2, $3 - $2;
			printf "%s %.6g\n", $1, sqrt $q;
		}' "$F/m.vae/step-000000024.safetensors" | LC_ALL=C sort >"$T/want"
	sed -n 's/^# \([^	]*\)	.*	norm \([^	]*\)	.*/\1 \2/p' "$T/out" | LC_ALL=C sort >"$T/got"
	is "$(wc -l <"$T/want")" 8
	paste -d' ' "$T/want" "$T/got" | awk '$1 != $3 || $2 / $4 - 1 > 2e-5 || $2 / $4 - 1 < -2e-5 { exit 1 }'
}

# bytes FILE FROM-END HEX: overwrites bytes at this distance from the end of a file
bytes() {
	perl -e 'open my $f, "+<:raw", $ARGV[0] or die; seek $f, -$ARGV[1], 2; print $f pack "H*", $ARGV[2]' "$@"
}

@test "show: values that are not finite are counted, and are not an error" {
	cp -r "$F/m.vae" "$T/m.vae"
	bytes "$T/m.vae/step-000000024.safetensors" 4 0000c07f
	bytes "$T/m.vae/step-000000024.safetensors" 12 0000807f
	ok vae-ckpt show -m "$T/m.vae"
	grep -q '^# decoder.2.bias	\[64\]	norm [0-9.]*	finite 62 of 64$' "$T/out"
	grep -q 'latent: 4' "$T/out"
}

@test "verify: a whole model" {
	ok vae-ckpt verify -m "$F/m.vae"
	[ ! -s "$T/err" ]
	is "$(cut -f2 "$T/out" | sort | uniq -c | tr -s ' ')" ' 3 ok'
	is "$(head -1 "$T/out" | cut -f1)" "$F/m.vae/step-000000008.safetensors"
	ok vae-ckpt verify -m "$F/m.vae/step-000000016.safetensors"
	is "$(cut -f2 "$T/out")" ok
	ok vae-ckpt verify -m "$F/m.vae" --checkpoints 8,24
	is "$(wc -l <"$T/out")" 2
	# a warning counts files without checksums
	cp -r "$F/m.vae" "$T/m.vae"
	unchecked "$T/m.vae/step-000000016.safetensors"
	ok vae-ckpt verify -m "$T/m.vae"
	is "$(cut -f2 "$T/out" | tr '\n' ,)" 'ok,ok, but without checksums,ok,'
	says '1 of 3 checkpoints have no checksums'
	# import adds them; so does export
	ok vae-ckpt export -m "$T/m.vae" --checkpoints 16 -o "$T/e-16.safetensors"
	unchecked "$T/e-16.safetensors"
	ok vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/i.vae" "$T/e-16.safetensors"
	ok vae-ckpt verify -m "$T/i.vae"
	is "$(cut -f2 "$T/out")" ok
	# unfinished
	rm "$T/m.vae/model.yaml"
	ok vae-ckpt verify -m "$T/m.vae"
	says 'not finished'
	# model.yaml exists, but cannot be read
	mkdir "$T/m.vae/model.yaml"
	fails 1 vae-ckpt verify -m "$T/m.vae"
	says "$T/m.vae/model.yaml"
}

# broken MESSAGE...: verify exits 1 and says which file is broken and why; it still checks the others
broken() {
	fails 1 vae-ckpt verify -m "$T/m.vae"
	says "$T/m.vae/step-000000016.safetensors" "$@"
	is "$(cut -f2 "$T/out" | tr '\n' ' ')" 'ok bad ok '
	rm -rf "$T/m.vae"
	cp -r "$F/m.vae" "$T/m.vae"
}

@test "verify: names the file and the tensor that is broken" {
	local s=$T/m.vae/step-000000016.safetensors
	cp -r "$F/m.vae" "$T/m.vae"
	bytes "$s" 5 01
	broken "'decoder.2.bias'" checksum
	bytes "$s" 4 0000c07f
	broken "'decoder.2.bias'" 'not finite'
	perl -0pi -e 's/shape":\[32,64/shape":[64,32/' "$s"
	broken "'encoder.1.weight'" '[64, 32]' '[32, 64]'
	perl -0pi -e 's/"steps_since":"8"/"steps_since":"9"/' "$s"
	broken metadata checksum
	truncate -s -1 "$s"
	broken "'decoder.2.bias'" outside
	cp "$T/m.vae/step-000000024.safetensors" "$s"
	broken 'the step in it is 24'
	sed -i 's/linear: 32/linear: 31/g' "$T/m.vae/model.yaml"
	fails 1 vae-ckpt verify -m "$T/m.vae"
	says step-000000008 encoder.1.weight model.yaml 'and 2 more of 3 files'
	echo 'model: [' >"$T/m.vae/model.yaml"
	fails 1 vae-ckpt verify -m "$T/m.vae"
	says "$T/m.vae/model.yaml"
	# and no other tool accepts it
	rm -rf "$T/m.vae"
	cp -r "$F/m.vae" "$T/m.vae"
	bytes "$T/m.vae/step-000000024.safetensors" 5 01
	no_model "$T/m.vae" decoder.2.bias checksum
}

@test "thin: the checkpoints that stay cover the steps of those removed" {
	local n by got
	train "$T/all.vae" --replace --set train.checkpoints=12 <"$F/in.tar"
	for n in 1 2 3 5 12 100; do
		for by in even loss; do
			rm -rf "$T/m.vae"
			cp -r "$T/all.vae" "$T/m.vae"
			echo state >"$T/m.vae/state"
			ok vae-ckpt thin -m "$T/m.vae" --keep "$n" --by $by -n
			mv "$T/out" "$T/dry"
			is "$(names "$T/m.vae" | wc -w)" 15
			ok vae-ckpt thin -m "$T/m.vae" --keep "$n" --by $by --summary "$T/s"
			same "$T/dry" "$T/out"
			got=$(vae-ckpt list -m "$T/m.vae" | tail -n +2 | cut -f1)
			is "$got" "$(awk '$2 == "kept" { print $1 }' "$T/out")"
			is "$(wc -l <<<"$got")" "$((n < 12 ? n : 12))"
			is "$(tail -1 <<<"$got")" 24
			grep -q "\"kept\":$((n < 12 ? n : 12)),\"removed\":$((n < 12 ? 12 - n : 0))," "$T/s"
			is "$(names "$T/m.vae" | wc -w)" "$(((n < 12 ? n : 12) + 3))"
			is "$(cat "$T/m.vae/state")" state
			ok vae-ckpt verify -m "$T/m.vae"
			[ ! -s "$T/err" ]
			is "$(vae-ckpt show -m "$T/m.vae" --checkpoints all | awk '/ steps since / { s += $2 } END { print s }')" 24
			# each file says the same by itself
			is "$(for f in "$T/m.vae"/step-*; do vae-ckpt show -m "$f"; done | awk '/ steps since / { s += $2 } END { print s }')" 24
		done
	done
	# the weights cover the same steps
	is "$(vae-ckpt list -m "$T/m.vae")" "$(vae-ckpt list -m "$T/all.vae")"
	rm -rf "$T/m.vae"
	cp -r "$T/all.vae" "$T/m.vae"
	ok vae-ckpt thin -m "$T/m.vae" --keep 1
	vae-selfinf -q --weights lr -m "$T/m.vae" "$F/in.tar" | field selfinf >"$T/a"
	vae-selfinf --weights one -m "$T/all.vae" "$F/in.tar" | field selfinf >"$T/b"
	is "$(grep -c . "$T/a")" 10
	paste "$T/a" "$T/b" | awk '{ d = $1 / ($2 * 0.003 * 24 / 10) - 1; if (d > 1e-6 || d < -1e-6) exit 1 }'
	# files removed by hand are covered too, and the field options shows that the weights differ
	rm -rf "$T/m.vae"
	cp -r "$T/all.vae" "$T/m.vae"
	vae-selfinf -q --weights lr -m "$T/m.vae" "$F/in.tar" | field options >"$T/c"
	rm "$T/m.vae"/step-0000000{02,04,06,08,10,12,14,16,18,20,22}.safetensors
	vae-selfinf -q --weights lr -m "$T/m.vae" "$F/in.tar" | field selfinf,options >"$T/d"
	is "$(cut -f1 "$T/d")" "$(cat "$T/a")"
	not is "$(cut -f2 "$T/d")" "$(cat "$T/c")"
}

@test "thin: what it refuses" {
	cp -r "$F/m.vae" "$T/m.vae"
	fails 2 vae-ckpt thin -m "$T/m.vae"
	says --keep
	for n in 0 -1 x '' 1x; do fails 2 vae-ckpt thin -m "$T/m.vae" --keep "$n"; done
	fails 2 vae-ckpt thin -m "$T/m.vae" --keep 1 --by hand
	fails 2 vae-ckpt thin -m "$T/m.vae" --keep 1 --checkpoints 8
	fails 2 vae-ckpt list -m "$T/m.vae" --keep 1
	fails 2 vae-ckpt list -m "$T/m.vae" -n
	fails 1 vae-ckpt thin -m "$T/m.vae/step-000000024.safetensors" --keep 1
	says 'one checkpoint'
	need flock
	fails 1 flock "$T/m.vae" vae-ckpt thin -m "$T/m.vae" --keep 1
	says 'another process'
	is "$(names "$T/m.vae" 'step-*' | wc -w)" 3
	unchecked "$T/m.vae/step-000000008.safetensors"
	perl -0pi -e 's/"loss"/"lose"/' "$T/m.vae/step-000000008.safetensors"
	fails 1 vae-ckpt thin -m "$T/m.vae" --keep 1 --by loss
	says step-000000008 loss
	bytes "$T/m.vae/step-000000024.safetensors" 5 01
	fails 1 vae-ckpt thin -m "$T/m.vae" --keep 1
	says 'nothing was removed' step-000000024 checksum
	rm "$T/m.vae/model.yaml"
	fails 1 vae-ckpt thin -m "$T/m.vae" --keep 1
	says 'not finished'
	is "$(names "$T/m.vae" 'step-*' | wc -w)" 3
}

@test "eval: the loss of every record at every checkpoint" {
	ok vae-ckpt eval -m "$F/m.vae" --summary "$T/s" "$F/in.tar"
	mv "$T/out" "$T/e.tar"
	grep -q '"checkpoints":3,.*"records":10,"unscored":0' "$T/s"
	is "$(vae-cut --json "$T/e.tar" | head -1 | grep -o '"[a-z_0-9]*":' | tr -d '\n')" '"key":"loss_8":"loss_16":"loss_24":"model":"options":'
	# the losses of vae-selfinf at each checkpoint, with the same noise
	for n in 8 16 24; do
		vae-selfinf -m "$F/m.vae" --checkpoints $n "$F/in.tar" | field loss >"$T/want"
		field loss_$n <"$T/e.tar" >"$T/got"
		is "$(grep -c . "$T/want")" 10
		paste "$T/want" "$T/got" | awk '{ d = $1 / $2 - 1; if (d > 1e-6 || d < -1e-6) exit 1 }'
	done
	vae-selfinf -m "$F/m.vae" --seed 5 -d 3 --set score.likelihood=bernoulli --set score.beta=2 "$F/in.tar" | field loss >"$T/want"
	vae-ckpt eval -m "$F/m.vae" --seed 5 -d 3 --set score.likelihood=bernoulli --set score.beta=2 "$F/in.tar" | field loss_24 >"$T/got"
	paste "$T/want" "$T/got" | awk '{ d = $1 / $2 - 1; if (d > 1e-6 || d < -1e-6) exit 1 }'
	# some of the checkpoints, a file, in a pipe behind other scores
	ok vae-ckpt eval -m "$F/m.vae" --checkpoints 8,24 "$F/in.tar"
	is "$(field loss_8,loss_16,loss_24 <"$T/out")" "$(field loss_8,none,loss_24 <"$T/e.tar")"
	ok vae-ckpt eval -m "$F/m.vae/step-000000016.safetensors" "$F/in.tar"
	is "$(field loss_16 <"$T/out")" "$(field loss_16 <"$T/e.tar")"
	vae-selfinf -m "$F/m.vae" "$F/in.tar" >"$T/scored.tar"
	fails 1 vae-ckpt eval -m "$F/m.vae" "$T/scored.tar"
	says "'model'" --prefix
	ok vae-ckpt eval -m "$F/m.vae" --prefix e_ "$T/scored.tar"
	is "$(field e_loss_24,e_model <"$T/out")" "$(field loss_24,model <"$T/e.tar")"
	ok vae-ckpt eval -m "$F/m.vae" --replace -o "$T/o.tar" "$T/e.tar"
	same "$T/e.tar" "$T/o.tar"
	# losses at other checkpoints are removed, since model and options are of this run
	vae-rank -k loss_8 --prefix loss_ "$T/e.tar" | vae-ckpt eval -m "$F/m.vae" --checkpoints 24 --replace >"$T/o.tar"
	is "$(field loss_8,loss_16 <"$T/o.tar" | grep -c '[0-9]')" 0
	is "$(field loss_rank,loss_24 <"$T/o.tar" | grep -c '[0-9]	[0-9]')" 10
	# the loss falls during training
	is "$(field loss_8,loss_24 <"$T/e.tar" | awk '{ a += $1; b += $2 } END { print b < a }')" 1
}

@test "eval: the order of records does not matter, and a record that cannot be read is marked" {
	vae-ckpt eval -m "$F/m.vae" "$F/in.tar" | field key,loss_8,loss_24 >"$T/want"
	(echo 'name=x.txt data=1' && plain_stream 10 | awk '{ r[NR] = $0 } END { for (i = 19; i > 0; i -= 2) print r[i] "\n" r[i + 1] }') | mktar >"$T/in.tar"
	ok vae-ckpt eval -m "$F/m.vae" "$T/in.tar"
	says '1 of 11 records' "'x'"
	field key,loss_8,loss_24,error <"$T/out" | sed -n 's/^x\t\t\t.*no payload.*/marked/p' | grep -qx marked
	field key,loss_8,loss_24 <"$T/out" | tail -n +2 | LC_ALL=C sort >"$T/got"
	paste "$T/want" "$T/got" | awk '$1 != $4 { exit 1 } { for (i = 2; i < 4; i++) { d = $i / $(i + 3) - 1; if (d > 1e-5 || d < -1e-5) exit 1 } n++ } END { exit n != 10 }'
	# a record with an error keeps no loss of an earlier run
	vae-cut -k key,error <"$T/out" >/dev/null
	printf 'name=x.txt data=1\nname=x.vae.json data={"loss_8":1,"loss_24":2,"kept":3}\n' | mktar >"$T/old.tar"
	ok vae-ckpt eval -m "$F/m.vae" --replace "$T/old.tar"
	is "$(field loss_8,loss_24,kept <"$T/out")" $'\t\t3'
	# a convolutional network too, at any -j
	cat >"$T/conv.yaml" <<-EOF
		input: {shape: [1, 8, 8]}
		model:
		  latent: 2
		  encoder: [{conv2d: {out: 4, kernel: 4, stride: 2, padding: 1}}, relu, flatten, {linear: 4}]
		  decoder: [{linear: 64}, relu, {unflatten: [4, 4, 4]}, {conv_transpose2d: {out: 1, kernel: 4, stride: 2, padding: 1}}]
		train: {steps: 8, checkpoints: 2, holdout: 0, batch: 8}
	EOF
	vae-train -q -c "$T/conv.yaml" -o "$T/conv.vae" "$F/in.tar"
	ok vae-ckpt eval -j1 -m "$T/conv.vae" "$F/in.tar"
	mv "$T/out" "$T/j1.tar"
	ok vae-ckpt eval -j3 -m "$T/conv.vae" "$F/in.tar"
	same "$T/j1.tar" "$T/out"
	vae-selfinf -m "$T/conv.vae" "$F/in.tar" | field loss >"$T/want"
	field loss_8 <"$T/out" | paste "$T/want" - | awk '{ d = $1 / $2 - 1; if (d > 1e-6 || d < -1e-6) exit 1 } END { exit NR != 10 }'
}

@test "eval: --input-curvature appends the curvature of the loss in the input" {
	ok vae-ckpt eval -m "$F/m.vae" "$F/in.tar"
	mv "$T/out" "$T/e.tar"
	ok vae-ckpt eval -m "$F/m.vae" --input-curvature 2 "$F/in.tar"
	is "$(field loss_8,loss_24 <"$T/out")" "$(field loss_8,loss_24 <"$T/e.tar")"
	field input_curvature <"$T/out" >"$T/all"
	awk '!($1 > 0) { exit 1 } END { if (NR != 10) exit 1 }' "$T/all"
	if [ "$(field options <"$T/out")" = "$(field options <"$T/e.tar")" ]; then false; fi
	# the mean over the checkpoints
	for n in 8 16 24; do vae-ckpt eval -m "$F/m.vae" --checkpoints $n --input-curvature 2 "$F/in.tar" | field input_curvature >"$T/$n"; done
	paste "$T/all" "$T/8" "$T/16" "$T/24" | awk '{ d = ($2 + $3 + $4) / 3 / $1 - 1; if (d > 1e-6 || d < -1e-6) exit 1 }'
	# more directions are another estimate of the same
	for n in 64 100; do vae-ckpt eval -m "$F/m.vae" -d 4 --input-curvature $n "$F/in.tar" | field input_curvature >"$T/$n"; done
	paste "$T/64" "$T/100" | awk '$1 == $2 { exit 1 } { a += $1; b += $2 } END { if (a / b > 1.5 || b / a > 1.5) { print a, b; exit 1 } }'
	# without the option an old one goes
	vae-ckpt eval -m "$F/m.vae" --replace "$T/out" | cmp - "$T/e.tar"
	for bad in 0 1000001; do fails 2 vae-ckpt eval -m "$F/m.vae" --input-curvature $bad "$F/in.tar"; done
	fails 2 vae-ckpt logp -m "$F/m.vae" --input-curvature 2 "$F/in.tar"
}

@test "eval: options that it refuses, and options that only it takes" {
	fails 2 vae-ckpt eval "$F/in.tar"
	fails 2 vae-ckpt eval -m "$F/m.vae" -d 0 "$F/in.tar"
	fails 2 vae-ckpt list -m "$F/m.vae" -d 3
	fails 2 vae-ckpt show -m "$F/m.vae" --prefix x_
	fails 2 vae-ckpt show -m "$F/m.vae" -r "$T/r.tar"
	fails 2 vae-ckpt verify -m "$F/m.vae" --seed 3
	fails 2 vae-ckpt verify -m "$F/m.vae" extra
}

@test "eval: at most as many checkpoints as a record can have fields" {
	train "$T/m.vae" --set train.steps=999 --set train.checkpoints=999 <"$F/in.tar"
	fails 1 vae-ckpt eval -m "$T/m.vae" "$F/in.tar"
	says "$T/m.vae" 'these are 999' '998 checkpoints at most' --checkpoints
	[ ! -s "$T/out" ]
	rm "$T/m.vae/step-000000001.safetensors"
	ok vae-ckpt eval -d 1 -m "$T/m.vae" "$F/in.tar"
	[ ! -s "$T/err" ]
	is "$(vae-cut --json <"$T/out" | head -1 | grep -o '"[a-z]*[_"]' | sort | uniq -c | tr -s ' \n' ' ')" ' 1 "key" 998 "loss_ 1 "model" 1 "options" '
}

@test "eval: an output may not be the input" {
	cp "$F/in.tar" "$T/in.tar"
	fails 2 vae-ckpt eval -m "$F/m.vae" --on-error reject -r "$T/in.tar" <"$T/in.tar"
	says -r 'on standard input'
	fails 2 vae-ckpt eval -m "$F/m.vae" --summary "$T/in.tar" <"$T/in.tar"
	says --summary 'on standard input'
	fails 2 vae-ckpt eval -m "$F/m.vae" --on-error reject -r "$T/in.tar" "$T/in.tar"
	says -r 'names an input'
	same "$F/in.tar" "$T/in.tar"
	ok vae-ckpt eval -m "$F/m.vae" -o "$T/in.tar" "$T/in.tar"
	is "$(field loss_24 <"$T/in.tar" | grep -c .)" 10
}

@test "export and import: the same id, the same scores" {
	ok vae-ckpt export -m "$F/m.vae" -o "$T/e-24.safetensors" # the step, which the noise hangs on, is in the name
	no_leftovers "$T"
	ok vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/i.vae" "$T/e-24.safetensors"
	is "$(vae-ckpt list -m "$T/i.vae" | tail -1 | cut -f2)" "$(vae-ckpt list -m "$F/m.vae" | tail -1 | cut -f2)"
	vae-selfinf -m "$T/i.vae" <"$F/in.tar" | field selfinf >"$T/a"
	vae-selfinf -m "$F/m.vae" <"$F/in.tar" | field selfinf >"$T/b"
	is "$(grep -c . "$T/a")" 10
	paste "$T/a" "$T/b" | awk '{ d = $1 / $2 - 1; if (d > 1e-5 || d < -1e-5) exit 1 }'
	ok vae-ckpt export -m "$F/m.vae" --checkpoints 8 -o "$T/e-8.safetensors"
	ok vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/two.vae" "$T/e-8.safetensors" "$F/m.vae/step-000000024.safetensors"
	is "$(vae-ckpt list -m "$T/two.vae" | cut -f1 | tr '\n' ' ')" 'step 8 24 '
	is "$(vae-ckpt list -m "$T/two.vae" | cut -f2)" "$(vae-ckpt list -m "$F/m.vae" --checkpoints 8,24 | cut -f2)"
	fails 1 vae-ckpt export -m "$F/m.vae" --checkpoints all -o "$T/all.safetensors"
	absent "$T/all.safetensors"
}

@test "import refuses files that do not fit the network, and leaves nothing" {
	ok vae-ckpt export -m "$F/m.vae" -o "$T/e.safetensors"
	sed 's/linear: 32/linear: 16/g' "$F/m.vae/model.yaml" >"$T/c.yaml"
	fails 1 vae-ckpt import -c "$T/c.yaml" -o "$T/i.vae" "$T/e.safetensors"
	says "$T/e.safetensors" encoder.1.weight '[32, 64]' '[16, 64]'
	absent "$T/i.vae"
	cp -r "$F/m.vae" "$T/old.vae"
	fails 1 vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/old.vae" "$T/e.safetensors"
	says --replace
	fails 1 vae-ckpt import -c "$T/c.yaml" --replace -o "$T/old.vae" "$T/e.safetensors"
	is "$(names "$T/old.vae" | wc -w)" 6
	ok vae-ckpt import -c "$F/m.vae/model.yaml" --replace -o "$T/old.vae" "$T/e.safetensors"
	local own
	own=$(ls "$T"/old.vae/step-*.safetensors)
	fails 1 vae-ckpt import -c "$F/m.vae/model.yaml" --replace -o "$T/old.vae/" "$own"
	says "$own" 'name another'
	[ -e "$own" ]
	is "$(vae-ckpt list -m "$T/old.vae" | wc -l)" 2
	is "$(ls -d "$T"/*.vae*)" "$T/old.vae"
}

# tensors FILE [METADATA] < TENSORS: writes a safetensors file. A line is a name, a type, a shape as in 2,3, and how its numbers run: A + B i
tensors() {
	perl -MJSON::PP -e '
		my ($out, $meta) = @ARGV; my (%h, $data);
		while (<STDIN>) {
			my ($name, $type, $shape, $from, $by) = split;
			my @shape = split /,/, $shape eq "-" ? "" : $shape; my $n = 1; $n *= $_ for @shape;
			my $at = length($data // "");
			$data .= join "", map { my $v = $from + $by * $_; $type eq "F32" ? pack("f<", $v) : $type eq "F64" ? pack("d<", $v) : $type eq "I64" ? pack("q<", $v) : pack("v", unpack("V", pack("f<", $v)) >> 16) } 0 .. $n - 1;
			$h{$name} = {dtype => $type, shape => [map { $_ + 0 } @shape], data_offsets => [$at, length $data]};
		}
		$h{__metadata__} = decode_json($meta) if $meta;
		my $head = encode_json(\%h);
		open my $f, ">:raw", $out or die; print $f pack("Q<", length $head), $head, $data;' "$@"
}

# tiny_tensors [SED]: the tensors of the preset tiny, under names that SED makes
tiny_tensors() {
	sed "${1:-}" <<-'END'
		encoder.1.weight F32 32,64 -.3 .0003
		encoder.1.bias F32 32 .1 .01
		encoder.3.weight F32 8,32 .2 -.001
		encoder.3.bias F32 8 0 .1
		decoder.0.weight F32 32,4 -.1 .002
		decoder.0.bias F32 32 0 .01
		decoder.2.weight F32 64,32 .1 -.0001
		decoder.2.bias F32 64 0 0
	END
}
id_of() { vae-ckpt list -m "$1" | sed 1d | cut -f2 | tail -1; }

@test "import takes every tensor: those that the network lacks, and those that the file lacks, are errors that list them" {
	tiny_tensors | tensors "$T/a.safetensors"
	ok vae-ckpt import -c tiny -o "$T/a.vae" "$T/a.safetensors"
	{ tiny_tensors; echo "encoder.5.weight F32 4,8 0 1"; echo "loss.scale F32 1 0 1"; } | tensors "$T/b.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/b.vae" "$T/b.safetensors"
	says b.safetensors 'no layer for' 'encoder.5.weight [4, 8]' 'loss.scale [1]'
	tiny_tensors 's/^encoder.3/fc/' | tensors "$T/b.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/b.vae" "$T/b.safetensors"
	says 'lacks encoder.3.weight, encoder.3.bias, and has instead' 'fc.weight [8, 32]' 'fc.bias [8]' --rename
	tiny_tensors '/decoder.2/d' | tensors "$T/b.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/b.vae" "$T/b.safetensors"
	says 'lacks decoder.2.weight, decoder.2.bias of the network'
	# a name that could control a terminal, and more names than a line holds
	{ tiny_tensors; for ((i = 0; i < 90; i++)); do echo "layer$i.weight"$'\e'"[1m F32 1 0 1"; done; } | tensors "$T/b.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/b.vae" "$T/b.safetensors"
	says '\x1b' ' more'
	absent "$T/b.vae"
}

@test "import --rename: whole parts of names, in order, each once or more" {
	tiny_tensors | tensors "$T/a.safetensors"
	ok vae-ckpt import -c tiny -o "$T/a.vae" "$T/a.safetensors"
	tiny_tensors 's/^/module./; s/encoder.1\./fc1./; s/encoder.3\./fc10./; s/decoder/net.dec/' | tensors "$T/b.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/b.vae" "$T/b.safetensors"
	for module in module. module; do
		ok vae-ckpt import -c tiny --rename $module= --rename fc1=encoder.1 --rename fc10=encoder.3 --rename net.dec=decoder --replace -o "$T/b.vae" "$T/b.safetensors"
		is "$(id_of "$T/b.vae")" "$(id_of "$T/a.vae")"
	done
	# in order: the second sees what the first made
	ok vae-ckpt import -c tiny --rename module.net=x --rename x.dec=decoder --rename module.fc1=encoder.1 --rename module.fc10=encoder.3 --replace -o "$T/b.vae" "$T/b.safetensors"
	is "$(id_of "$T/b.vae")" "$(id_of "$T/a.vae")"
	fails 1 vae-ckpt import -c tiny --rename modul=x -o "$T/c.vae" "$T/b.safetensors"
	says "--rename 'modul=x'" 'begins so'
	fails 1 vae-ckpt import -c tiny --rename module.fc1=module.fc10 -o "$T/c.vae" "$T/b.safetensors"
	says 'two tensors of the name' module.fc10
	for i in fc1 =encoder.1; do
		fails 2 vae-ckpt import -c tiny --rename "$i" -o "$T/c.vae" "$T/b.safetensors"
		says FROM=TO
	done
	absent "$T/c.vae"
}

@test "import: steps are whole numbers, and files may come in any order" {
	local i
	for i in 8 24; do vae-ckpt export -m "$F/m.vae" --checkpoints $i -o "$T/e-$i.safetensors"; done
	vae-ckpt export -m "$F/m.vae" --checkpoints 16 -o "$T/e-16.safetensors"
	ok vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/sorted.vae" "$T/e-8.safetensors" "$T/e-16.safetensors" "$T/e-24.safetensors"
	ok vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/glob.vae" "$T"/e-*.safetensors # 16 24 8
	diff -r "$T/sorted.vae" "$T/glob.vae"
	fails 1 vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/i.vae" "$T/e-8.safetensors" "$T/e-24.safetensors" "$F/m.vae/step-000000008.safetensors"
	says 'step 8 is also that of' "$T/e-8.safetensors"
	for i in 1.5 1e4 -1 ' 7' '' ten 99999999999999999999; do
		tiny_tensors | tensors "$T/a.safetensors" "{\"step\":\"$i\"}"
		fails 1 vae-ckpt import -c tiny -o "$T/i.vae" "$T/a.safetensors"
		says a.safetensors "step is '$i', not a whole number"
	done
	tiny_tensors | tensors "$T/a-99999999999999999999.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/i.vae" "$T/a-99999999999999999999.safetensors"
	says 'too large for a step'
	absent "$T/i.vae"
	tiny_tensors | tensors "$T/a-300.safetensors" '{"step":"70"}'
	ok vae-ckpt import -c tiny -o "$T/i.vae" "$T/a-300.safetensors"
	is "$(vae-ckpt list -m "$T/i.vae" | tail -1 | cut -f1)" 70
}

@test "import: BatchNorm is folded by its place in the Sequential, or says what it lacks" {
	# behind encoder.1: scale 2, shift .5 - 2 mean
	norm() { printf '%s.%s\n' "$1" "running_mean F32 $2 .25 0" "$1" "running_var F32 $2 0.2499 0" "$1" "weight F32 $2 1 0" "$1" "bias F32 $2 .5 0" "$1" 'num_batches_tracked I64 - 5 0'; }
	tiny_tensors 's/^encoder.3/encoder.4/' >"$T/moved"
	{ cat "$T/moved"; norm encoder.2 32; } | tensors "$T/b.safetensors"
	ok vae-ckpt import -c tiny --batchnorm-eps 0.0001 -o "$T/b.vae" "$T/b.safetensors"
	tiny_tensors 's/\(encoder.1.weight.*\)-.3 .0003/\1 -.6 .0006/; s/\(encoder.1.bias.*\).1 .01/\1.2 .02/' | tensors "$T/c.safetensors"
	vae-ckpt import -q -c tiny -o "$T/c.vae" "$T/c.safetensors"
	vae-ckpt show -m "$T/b.vae" | awk '/encoder.1/' >"$T/shown"
	vae-ckpt show -m "$T/c.vae" | awk '/encoder.1/' | diff "$T/shown" -
	# under another name
	{ cat "$T/moved"; norm bn1 32; } | tensors "$T/d.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/d.vae" "$T/d.safetensors"
	says "'bn1' is a BatchNorm" --rename 'the file has' 'encoder.4.weight [8, 32]' 'bn1.weight [32]'
	ok vae-ckpt import -c tiny --rename bn1=encoder.2 --batchnorm-eps 0.0001 -o "$T/d.vae" "$T/d.safetensors"
	is "$(id_of "$T/d.vae")" "$(id_of "$T/b.vae")"
	# of another size, without its variance, of a negative one, behind the last layer, at a layer's own number
	{ cat "$T/moved"; norm encoder.2 16; } | tensors "$T/e.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/e.vae" "$T/e.safetensors"
	says "BatchNorm 'encoder.2' has 16 numbers; before layer 2 of the encoder are 32"
	{ cat "$T/moved"; norm encoder.2 32 | grep -v var; } | tensors "$T/e.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/e.vae" "$T/e.safetensors"
	says 'no running_var'
	{ cat "$T/moved"; norm encoder.2 32 | sed 's/0.2499/-1/'; } | tensors "$T/e.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/e.vae" "$T/e.safetensors"
	says 'running_var is -1'
	{ cat "$T/moved"; norm encoder.9 32; } | tensors "$T/e.safetensors"
	fails 1 vae-ckpt import -c tiny -o "$T/e.vae" "$T/e.safetensors"
	says "BatchNorm 'encoder.9'" 'has 4 layers'
	fails 2 vae-ckpt import -c tiny --batchnorm-eps -1 -o "$T/e.vae" "$T/e.safetensors"
	absent "$T/e.vae"
}

@test "a file of a model directory that is no regular file is refused, and not waited for" {
	local file tool
	cp -r "$F/m.vae" "$T/m.vae"
	vae-ckpt curvature -q -m "$T/m.vae" -d 1 "$F/in.tar"
	refused_fifo() { # FILE COMMAND...
		local file=$T/m.vae/$1
		shift
		mv "$file" "$T/held"
		mkfifo "$file"
		fails 1 timeout 60 "$@"
		says "$file: not a regular file: remove it"
		rm "$file"
		mkdir "$file"
		fails 1 timeout 60 "$@"
		says "$file"
		rmdir "$file"
		mv "$T/held" "$file"
	}
	for tool in "selfinf -m $T/m.vae" "ckpt verify -m $T/m.vae" "ckpt list -m $T/m.vae" "ckpt export -m $T/m.vae -o $T/x"; do
		# shellcheck disable=SC2086 # a tool and its options
		refused_fifo step-000000024.safetensors vae-$tool </dev/null
	done
	refused_fifo curvature-000000024.safetensors vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	refused_fifo curvature-000000024.safetensors vae-ckpt verify -m "$T/m.vae"
	mv "$T/m.vae/curvature-000000024.safetensors" "$T/held"
	mkfifo "$T/m.vae/curvature-000000024.safetensors"
	ok timeout 60 vae-ckpt list -m "$T/m.vae"
	is "$(tail -n 1 "$T/out" | cut -f 7)" bad
	rm "$T/m.vae/curvature-000000024.safetensors"
	head -c 3000 "$T/held" >"$T/m.vae/curvature-000000024.safetensors"
	ok vae-ckpt list -m "$T/m.vae"
	is "$(tail -n 1 "$T/out" | cut -f 7)" bad
	mv "$T/held" "$T/m.vae/curvature-000000024.safetensors"
	refused_fifo model.yaml vae-ckpt verify -m "$T/m.vae"
	refused_fifo train.jsonl vae-report -q -k w -m "$T/m.vae" -o "$T/p.html" "$F/in.tar"
	refused_fifo state vae-train -q -c tiny --set train.steps=24 --set train.checkpoints=3 --set train.holdout=0 --resume -o "$T/m.vae" "$F/in.tar"
	# a checkpoint that is named may be a pipe
	ok vae-selfinf -m <(cat "$T/m.vae/step-000000024.safetensors") "$F/in.tar"
}

@test "import, killed: what it leaves is not a model, and --replace imports again" {
	local pid
	vae-ckpt export -m "$F/m.vae" -o "$T/e.safetensors"
	mkfifo "$T/fifo"
	vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/i.vae" "$T/e.safetensors" "$T/fifo" 3>&- &
	pid=$!
	until [ -e "$T/i.vae/step-000000024.safetensors" ]; do kill -0 $pid; done
	fails 1 vae-ckpt import -c "$F/m.vae/model.yaml" --replace -o "$T/i.vae" "$T/e.safetensors"
	says "$T/i.vae: a training is running there: wait until it has ended, or name another directory"
	fails 1 vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/e.safetensors" "$F/m.vae/step-000000024.safetensors"
	says "$T/e.safetensors: exists and is not a model directory; name another directory, or remove it"
	kill -9 $pid
	wait $pid || true
	fails 1 vae-ckpt show -m "$T/i.vae"
	says 'not finished' model.yaml
	fails 1 vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/i.vae" "$T/e.safetensors"
	says "$T/i.vae: an unfinished training is there" --replace
	ok vae-ckpt import -c "$F/m.vae/model.yaml" --replace -o "$T/i.vae" "$T/e.safetensors"
	vae-ckpt verify -m "$T/i.vae"
	is "$(names "$T/i.vae")" 'model.yaml step-000000024.safetensors '
}

# refused VERB OPTION...: exit status 2
refused() {
	fails 2 vae-ckpt "$@"
	says "$1 takes no ${2%9}"
}

@test "a verb has its own options, and no others" {
	local model=(-m "$F/m.vae") verb i
	cp -r "$F/m.vae" "$T/m.vae"
	for verb in list show verify; do
		for i in '-o x' --replace '--by even' '--by loss' '--keep 1' -n '-c tiny' '-r x' '--on-error fail' '-d 2' '--seed 1' '--prefix x' -z -z9 '--set score.draws=2'; do
			# shellcheck disable=SC2086
			refused $verb $i "${model[@]}"
		done
	done
	for i in '-o x' '-c foo' -z9 '--on-error fail' --replace '--checkpoints 8'; do
		# shellcheck disable=SC2086
		refused thin $i -n --keep 1 -m "$T/m.vae"
	done
	for i in '-m x' '--checkpoints 8' '--by loss' -n -z '--on-error fail'; do
		# shellcheck disable=SC2086
		refused import $i -c tiny -o "$T/x.vae" x
	done
	for i in --replace '--by even' -z '--prefix x'; do
		# shellcheck disable=SC2086
		refused export $i -o "$T/x" "${model[@]}"
	done
	for i in '--keep 1' '-c tiny' -n '--by loss'; do
		# shellcheck disable=SC2086
		refused eval $i "${model[@]}" "$F/in.tar"
	done
	diff -r "$F/m.vae" "$T/m.vae"
	absent "$T/x" "$T/x.vae" x
	ok vae-ckpt eval "${model[@]}" -z9 --on-error fail -o "$T/o.tar.zst" "$F/in.tar"
}

@test "verbs and their options" {
	fails 2 vae-ckpt
	fails 2 vae-ckpt frobnicate
	says frobnicate list
	fails 2 vae-ckpt list
	says '-m'
	fails 2 vae-ckpt list -m "$F/m.vae" extra
	fails 2 vae-ckpt import -o x
	fails 2 vae-ckpt import -c tiny x
	fails 2 vae-ckpt import -c tiny -o x
	fails 2 vae-ckpt export -m "$F/m.vae"
	fails 2 vae-ckpt import -c tiny --set nope.nope=1 -o "$T/x.vae" x
}

@test "no output of any tool may be a file of the model" {
	local m=$T/m.vae s=$T/m.vae/step-000000024.safetensors tool out
	cp -r "$F/m.vae" "$m"
	cp "$F/in.tar" "$T/tests.tar"
	ln -s m.vae/state "$T/link"
	for tool in 'vae-selfinf' 'vae-density --space latent --prefix d_' 'vae-report' 'vae-ckpt eval' "vae-testinf -t $T/tests.tar"; do
		for out in "-m $m -o $s" "-m $s -o $s" "-m $m -o $m/model.yaml" "-m $s -o $m/model.yaml" "-m $m --summary $m/train.jsonl" \
			"-m $m/ -o $T/link" "-m $m -o $m/new.tar" "-m $s --summary $m/../m.vae/step-000000008.safetensors"; do
			# shellcheck disable=SC2086
			fails 2 $tool $out "$F/in.tar"
			says "${out##* }" -m
		done
	done
	fails 2 vae-selfinf -m "$m" --on-error reject -r "$m/state" "$F/in.tar"
	says -r "$m/state"
	fails 2 vae-testinf -m "$m" -t "$T/tests.tar" --matrix "$m/state" "$F/in.tar"
	fails 2 vae-ckpt export -m "$s" -o "$s"
	fails 2 vae-ckpt verify -m "$m" --summary "$m/model.yaml"
	fails 2 vae-train -c tiny --replace -o "$m" --summary "$m/model.yaml" "$F/in.tar"
	says --summary "$m/model.yaml"
	(cd "$m" && fails 2 vae-selfinf -m . -o state "$F/in.tar" && fails 2 vae-selfinf -m "${s##*/}" -o state "$F/in.tar")
	diff -r "$F/m.vae" "$m"
	# beside the model, and beside a checkpoint in another directory
	cp "$s" "$T"
	ok vae-selfinf -m "$T/${s##*/}" -o "$T/o.tar" "$F/in.tar"
	ok vae-selfinf -m "$m" -o "$T/model.yaml" "$F/in.tar"
}

@test "no output may be the file of --eps" {
	perl -e 'my $h = "{\x27descr\x27: \x27<f4\x27, \x27fortran_order\x27: False, \x27shape\x27: (10, 2, 4), }"; $h .= " " x (117 - length $h) . "\n";
		print "\x93NUMPY\x01\x00", pack("v", length $h), $h, pack "f<*", map { $_ / 80 } 1 .. 80' >"$T/e.npy"
	cp "$T/e.npy" "$T/was"
	ok vae-selfinf -m "$F/m.vae" -d 2 --eps "$T/e.npy" "$F/in.tar"
	fails 2 vae-selfinf -m "$F/m.vae" -d 2 --eps "$T/e.npy" -o "$T/e.npy" "$F/in.tar"
	says -o --eps
	fails 2 vae-testinf -m "$F/m.vae" -t "$F/in.tar" -d 2 --eps "$T/e.npy" --matrix "$T/e.npy" "$F/in.tar"
	says --matrix --eps
	fails 2 vae-testinf -m "$F/m.vae" -t "$F/in.tar" -d 2 --eps-tests "$T/e.npy" -o "$T/e.npy" "$F/in.tar"
	says -o --eps-tests
	same "$T/was" "$T/e.npy"
}

# no_model PATH MESSAGE...: no tool accepts it
no_model() {
	local path=$1
	shift
	fails 1 vae-selfinf -m "$path" "$F/in.tar"
	says "$path" "$@"
	fails 1 vae-ckpt list -m "$path"
	says "$path" "$@"
}

@test "files and directories that are not models" {
	local s=step-000000024.safetensors n
	no_model "$T/none.vae" 'No such file'
	mkdir "$T/empty.vae"
	no_model "$T/empty.vae" 'no checkpoint'
	no_model "$F/in.tar"
	: >"$T/zero"
	no_model "$T/zero"
	no_model "$(printf '%s/a\033b' "$T" | sed 's/\x1b/-/')"
	cp -r "$F/m.vae" "$T/m.vae"
	for n in 0 1 7 8 9 100 1000 2000 5000 $(($(wc -c <"$F/m.vae/$s") - 1)); do
		head -c "$n" "$F/m.vae/$s" >"$T/m.vae/$s"
		no_model "$T/m.vae" "$s"
	done
	(cat "$F/m.vae/$s" && printf x) >"$T/m.vae/$s"
	no_model "$T/m.vae" "$s"
	printf '\377\377\377\377\377\377\377\377{}' >"$T/m.vae/$s"
	no_model "$T/m.vae" "$s"
	printf '\377\377\377\377\377\377\377\177{}' >"$T/m.vae/$s"
	no_model "$T/m.vae" "$s"
}

# edited PERL: the last checkpoint, its header edited by a substitution that keeps its length
edited() {
	rm -rf "$T/m.vae"
	cp -r "$F/m.vae" "$T/m.vae"
	perl -0pi -e "$1" "$T/m.vae/step-000000024.safetensors"
	not cmp -s "$T/m.vae/step-000000024.safetensors" "$F/m.vae/step-000000024.safetensors"
	is "$(wc -c <"$T/m.vae/step-000000024.safetensors")" "$(wc -c <"$F/m.vae/step-000000024.safetensors")"
}

@test "checkpoints with wrong headers" {
	edited 's/format: 1/format: 2/'
	no_model "$T/m.vae" newer 2
	edited 's/  latent: 4/  latnet: 4/'
	no_model "$T/m.vae" latnet model.latent
	edited 's/linear: 32/linear: 33/'
	no_model "$T/m.vae" 32 33
	edited 's/"F32"/"F99"/'
	no_model "$T/m.vae"
	edited 's/"data_offsets": ?\[0,/"data_offsets":[9,/'
	no_model "$T/m.vae"
	edited 's/encoder\.1\.weight/encoder.1.wieght/'
	no_model "$T/m.vae" encoder.1.weight
	edited 's/"__metadata__"/"__metadat4__"/'
	no_model "$T/m.vae"
	edited 's/shape":\[32/shape":[23/'
	no_model "$T/m.vae"
	edited 's/.{4}\z/\x00\x00\xc0\x7f/s'
	no_model "$T/m.vae" 'not finite'
}

@test "no output replaces a file that an option reads, or a file in a directory that is made" {
	cp "$F/m.vae/model.yaml" "$T/c.yaml"
	mkdir "$T/d"
	printf 'x\n' | tee "$T/x.npy" >"$T/d/plan"
	replaces() { # OPTION FILE COMMAND...: --summary FILE is refused, because of OPTION
		local option=$1 file=$2
		shift 2
		cp "$file" "$T/before"
		fails 2 "$@" --summary "$file"
		says --summary "$option"
		same "$file" "$T/before"
	}
	replaces -c "$T/c.yaml" vae-train -c "$T/c.yaml" -o "$T/new.vae" "$F/in.tar"
	replaces -c "$T/c.yaml" vae-memo -c "$T/c.yaml" -o "$T/new.memo" "$F/in.tar"
	replaces -o "$T/d/plan" vae-memo -c tiny -o "$T/d" "$F/in.tar"
	replaces -c "$T/c.yaml" vae-ckpt import -c "$T/c.yaml" -o "$T/new.vae" "$T/x.npy"
	replaces -o "$T/d/plan" vae-ckpt import -c tiny --replace -o "$T/d" "$T/x.npy"
	replaces --eps "$T/x.npy" vae-ckpt curvature -m "$F/m.vae" --eps "$T/x.npy" "$F/in.tar"
	replaces --halves "$T/d/plan" vae-eval --lds "$T/c.yaml" --halves "$T/d"
	replaces --bindings "$T/x.npy" vae-rank --columns --top 1 --lists "$T/l" --bindings "$T/x.npy" -k a "$T/c.yaml"
	replaces m.vae "$F/m.vae/model.yaml" vae-shards plan -q -m "$F/m.vae" "$T/run" "$F/in.tar"
}
