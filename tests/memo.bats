# log p(x) and memorization.
# shellcheck disable=SC2010,SC2012

load helper

setup_file() {
	pictures "$F/pics" 30
	plain_stream 30 | mktar >"$F/in.tar"
	train "$F/m.vae" --set input.binarize=threshold <"$F/in.tar"
}

@test "logp: one field and its standard error, which falls with the draws" {
	ok vae-ckpt logp -m "$F/m.vae" --summary "$T/s" "$F/in.tar"
	is "$(grep -c '"checkpoints":1' "$T/s")" 1
	field logp,logp_se,model,options <"$T/out" >"$T/many"
	awk -F '\t' '!($1 < 0 && $2 > 0 && $2 < 2) || length($3) != 16 { exit 1 } END { if (NR != 30) exit 1 }' "$T/many"
	vae-ckpt logp -d 8 -m "$F/m.vae" "$F/in.tar" | field logp,logp_se >"$T/few"
	# estimates of few draws are within their errors of those of many
	paste "$T/few" "$T/many" | awk -F '\t' '{ d = ($1 - $3) / ($2 + $4 + .01); if (d > 6 || d < -6) exit 1; few += $2; many += $4 } END { if (!(many < few)) exit 1 }'
	# -d 128 is the default; another seed is another estimate
	vae-ckpt logp -d 128 -m "$F/m.vae" "$F/in.tar" | field logp,logp_se | cmp - <(cut -f1,2 "$T/many")
	vae-ckpt logp --seed 1 -m "$F/m.vae" "$F/in.tar" | field logp,logp_se >"$T/seed"
	if cmp -s "$T/seed" <(cut -f1,2 "$T/many"); then false; fi
}

@test "logp: never below the negative loss, on average: it is the tighter bound" {
	vae-ckpt logp -d 64 -m "$F/m.vae" "$F/in.tar" | field logp >"$T/logp"
	vae-selfinf -d 64 -m "$F/m.vae" --set score.likelihood=bernoulli --set score.beta=1 "$F/in.tar" | field loss >"$T/loss"
	paste "$T/logp" "$T/loss" | awk '{ sum += $1 + $2 } END { if (!(sum / NR > 0)) { print sum / NR; exit 1 } }'
}

@test "logp: one checkpoint, a likelihood that is a density" {
	ok vae-ckpt logp -m "$F/m.vae" --checkpoints 8 "$F/in.tar"
	fails 1 vae-ckpt logp -m "$F/m.vae" --checkpoints all "$F/in.tar"
	says 'one checkpoint'
	fails 1 vae-ckpt logp -m "$F/m.vae" --set input.binarize=none "$F/in.tar"
	says 'input.binarize=threshold'
	fails 1 vae-ckpt logp -m "$F/m.vae" --set train.likelihood=gaussian --set train.beta=0 "$F/in.tar"
	says model.variance
	ok vae-ckpt logp -m "$F/m.vae" --set train.likelihood=gaussian --set model.variance=0.05 "$F/in.tar"
	fails 1 vae-ckpt logp -m "$F/m.vae" --set model.latent=3 "$F/in.tar"
	fails 2 vae-ckpt logp -m "$F/m.vae" --limit 3 "$F/in.tar"
	says '--limit'
}

@test "input.binarize: samples are 0 or 1, and a record has the same bits every time" {
	# pictures of one gray, each with another comment
	local i
	for i in $(seq 40); do
		printf 'P2\n# %d\n8 8\n255\n%s\n' "$i" "$(printf '64 %.0s' $(seq 64))" >"$T/$i.pgm"
	done
	for i in $(seq 40); do printf 'name=%03d.pgm file=%s/%d.pgm\n' "$i" "$T" "$i"; done | mktar >"$T/gray.tar"
	# stochastic: the pixels of equal pictures differ, and so do their losses
	vae-selfinf -m "$F/m.vae" --set input.binarize=stochastic "$T/gray.tar" | field loss >"$T/a"
	vae-selfinf -j1 -m "$F/m.vae" --set input.binarize=stochastic "$T/gray.tar" | field loss | cmp - "$T/a"
	[ "$(sort -u "$T/a" | wc -l)" -gt 30 ]
	# threshold: 64 is below the half, so these are black pictures
	vae-selfinf -m "$F/m.vae" -d 1 --set score.seed=3 "$T/gray.tar" | field mu_norm | sort -u >"$T/gray"
	sed -i 's/64 /0 /g' "$T"/*.pgm
	for i in $(seq 40); do printf 'name=%03d.pgm file=%s/%d.pgm\n' "$i" "$T" "$i"; done | mktar >"$T/black.tar"
	vae-selfinf -m "$F/m.vae" -d 1 --set score.seed=3 "$T/black.tar" | field mu_norm | sort -u | cmp - "$T/gray"
	is "$(wc -l <"$T/gray")" 1
}

@test "input.binarize and model.variance: written only where they are set" {
	ok vae-ckpt show -m "$F/m.vae"
	grep -q '  binarize: threshold' "$T/out"
	if grep -q variance "$T/out"; then false; fi
	train "$T/plain.vae" <"$F/in.tar"
	ok vae-ckpt show -m "$T/plain.vae"
	if grep -q 'binarize\|variance' "$T/out"; then false; fi
	train "$T/v.vae" --set model.variance=0.25 <"$F/in.tar"
	ok vae-ckpt show -m "$T/v.vae"
	grep -q '  variance: 0.25' "$T/out"
	fails 1 vae-train -q -c tabular --set input.binarize=threshold -o "$T/t.vae" "$F/in.tar"
	says binarize
}

@test "model.variance=learnt: a parameter that is trained, resumed, kept, thinned and scored" {
	local learnt=(--set train.likelihood=gaussian --set train.beta=1 --set score.beta=1 --set model.variance=learnt)
	train "$T/m.vae" "${learnt[@]}" --set train.steps=60 --set train.checkpoints=3 <"$F/in.tar"
	ok vae-ckpt show -m "$T/m.vae" --checkpoints 20,60
	grep -q '  variance: learnt' "$T/out"
	is "$(grep -c '^# log_variance	\[1\]' "$T/out")" 2
	is "$(grep '^# log_variance' "$T/out" | sort -u | wc -l)" 2 # it moves
	# any -j, and a training that goes on, give the same bits
	train "$T/j1.vae" -j1 "${learnt[@]}" --set train.steps=60 --set train.checkpoints=3 <"$F/in.tar"
	cmp "$T/m.vae/step-000000060.safetensors" "$T/j1.vae/step-000000060.safetensors"
	train "$T/r.vae" "${learnt[@]}" --set train.steps=20 --set train.checkpoints=1 <"$F/in.tar"
	train "$T/r.vae" --resume "${learnt[@]}" --set train.steps=60 --set train.checkpoints=1 <"$F/in.tar"
	train "$T/one.vae" "${learnt[@]}" --set train.steps=60 --set train.checkpoints=1 <"$F/in.tar"
	vae-ckpt export -m "$T/r.vae" -o "$T/r" # without the losses since the checkpoint before
	vae-ckpt export -m "$T/one.vae" -o "$T/one"
	cmp "$T/r" "$T/one"
	# every tool that scores
	ok vae-ckpt logp -m "$T/m.vae" "$F/in.tar"
	field logp <"$T/out" >"$T/logp"
	vae-selfinf -d 64 -m "$T/m.vae" "$F/in.tar" | field loss | paste "$T/logp" - | awk '{ sum += $1 + $2 } END { if (!(sum / NR > 0)) { print sum / NR; exit 1 } }'
	vae-selfinf -m "$T/m.vae" "$F/in.tar" | field loss,recon,nll >"$T/a"
	awk -F '\t' '$2 != $3 { exit 1 }' "$T/a"
	vae-ckpt eval -m "$T/m.vae" "$F/in.tar" | field loss_60 | paste - "$T/a" | awk '$1 / $2 - 1 > 1e-6 || $1 / $2 - 1 < -1e-6 { exit 1 }'
	ok vae-selfinf -m "$T/m.vae" --parts "$F/in.tar"
	if vae-cut --json "$T/out" | grep -q log_variance; then false; fi
	for targets in data model; do
		ok vae-ckpt curvature -m "$T/m.vae" --targets "$targets" "$F/in.tar"
		ok vae-selfinf -m "$T/m.vae" --curvature kfac "$F/in.tar"
	done
	ok vae-ckpt thin -m "$T/m.vae" --keep 2
	ok vae-ckpt verify -m "$T/m.vae"
	# it cannot be taken away, or scored as another likelihood
	fails 1 vae-selfinf -m "$T/m.vae" --set model.variance=0.3 "$F/in.tar"
	says 'cannot change after training'
	fails 1 vae-selfinf -m "$F/m.vae" --set train.likelihood=gaussian --set model.variance=learnt "$F/in.tar"
	says 'cannot change after training'
	fails 1 vae-selfinf -m "$T/m.vae" --set score.likelihood=bernoulli "$F/in.tar"
	says 'score.likelihood bernoulli'
	fails 1 vae-train -q -c tiny --set train.likelihood=bernoulli --set model.variance=learnt -o "$T/x.vae" "$F/in.tar"
	says 'bernoulli has no variance'
	fails 2 vae-train -q -c tiny --set model.variance=learned -o "$T/x.vae" "$F/in.tar"
	says "'learned'" learnt
	# memorization by a density of a learnt variance
	ok vae-memo -q -c tiny "${learnt[@]}" --set train.steps=20 --folds 2 -d 4 -o "$T/d.memo" "$F/in.tar"
	is "$(field memo <"$T/out" | grep -c '[0-9]')" 30
}

# memo OPTION...: trains 6 models of a tiny network
memo() { vae-memo -q -c tiny --set train.steps=40 --set input.binarize=threshold --set model.latent=2 --set 'model.encoder=[flatten, {linear: 4}]' \
	--set 'model.decoder=[{linear: 64}]' --folds 3 --repeats 2 -d 16 "$@"; }

@test "memo: U, V and M are those of the models, scored one by one" {
	ok memo --keep-models --summary "$T/s" -o "$T/d.memo" "$F/in.tar"
	grep -q '"models":6,"trained":6' "$T/s"
	field key,fold,logp_in,logp_out,memo,memo_se <"$T/out" >"$T/got"
	is "$(wc -l <"$T/got")" 30
	is "$(cut -f2 "$T/got" | sort | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" '10 10 10 '
	local i
	for i in 0 1 2 3 4 5; do
		vae-ckpt logp -d 16 -m "$T/d.memo/model-00000$i.vae" "$F/in.tar" | field logp >"$T/$i"
		# a model is trained on the 20 records of the other folds
		vae-ckpt list -m "$T/d.memo/model-00000$i.vae" | tail -n 1 >"$T/line"
		vae-ckpt show -m "$T/d.memo/model-00000$i.vae" | grep -q ', 20 records, loss'
	done
	# of the first repeat the fold is known; which of 3 to 5 did not see a record is the one of the lowest log p(x), or M would not be this
	paste "$T/got" "$T"/[0-5] | awk -F '\t' '
		{
			u = 0; least = 1e9
			for (k = 0; k < 3; k++) if (k != $2) u += exp($(7 + k) - $3)
			for (k = 0; k < 3; k++) {
				all = u
				for (j = 0; j < 3; j++) if (j != k) all += exp($(10 + j) - $3)
				v = log((exp($(7 + $2) - $4) + exp($(10 + k) - $4)) / 2)
				off = log(all / 4); off = (off < 0 ? -off : off) + (v < 0 ? -v : v)
				if (off < least) least = off
			}
			if (least > 1e-6 || $5 - ($3 - $4) > 1e-6 || $5 - ($3 - $4) < -1e-6 || $6 < 0) { print; exit 1 }
		}'
	# trained on, a record is more probable
	awk -F '\t' '{ m += $5 } END { exit m / NR < 0.5 }' "$T/got"
}

@test "memo: tasks in any order, at any -j, give the bytes of one run" {
	memo -o "$T/one.memo" "$F/in.tar" >"$T/one"
	is "$(ls "$T/one.memo" | tr '\n' ' ')" "$(printf 'model-%06d.numbers ' 0 1 2 3 4 5)plan "
	ok memo -j1 --task 2/2 -o "$T/d.memo" "$F/in.tar"
	is "$(wc -c <"$T/out")" 0
	is "$(ls "$T/d.memo" | grep -c numbers)" 3
	# a task that has run does nothing
	ok memo --task 2/2 --summary "$T/s" -o "$T/d.memo" "$F/in.tar"
	grep -q '"trained":0' "$T/s"
	ok memo -j3 --task 1/4 -o "$T/d.memo" "$F/in.tar"
	memo --summary "$T/s" -o "$T/d.memo" "$F/in.tar" >"$T/merged"
	grep -q '"trained":1' "$T/s"
	cmp "$T/one" "$T/merged"
	for i in 0 1 2 3 4 5; do cmp "$T/one.memo/model-00000$i.numbers" "$T/d.memo/model-00000$i.numbers"; done
	fails 1 memo --task 1/7 -o "$T/d.memo" "$F/in.tar"
	says '7 tasks for 6 models'
	for bad in 0/3 4/3 1 1/ x/2 1/2/3 -1/3; do fails 2 memo --task "$bad" -o "$T/d.memo" "$F/in.tar"; done
}

@test "memo: --checkpoints all and --out-scores" {
	ok memo --set train.checkpoints=2 --checkpoints all --out-scores --keep-models -o "$T/d.memo" "$F/in.tar"
	field memo,memo_40,logp_in,logp_in_40,logp_out,logp_out_40 <"$T/out" | awk '$1 != $2 || $3 != $4 || $5 != $6 { exit 1 }'
	field memo_20,logp_in_20,logp_out_20 <"$T/out" | awk '{ d = $2 - $3 - $1; if (d * d > 1e-8) exit 1 } END { exit NR != 30 }'
	field memo_20,memo_40 <"$T/out" | awk '{ a += $1; b += $2 } END { exit !(NR == 30 && a < b) }'
	# out_loss: the mean of loss over the two models that did not see the record, here of fold 1 of the first repeat and all of the second
	field out_selfinf,fold <"$T/out" >"$T/self"
	for i in 0 1 2; do vae-selfinf -m "$T/d.memo/model-00000$i.vae" "$F/in.tar" | field selfinf >"$T/s$i"; done
	for i in 3 4 5; do vae-selfinf -m "$T/d.memo/model-00000$i.vae" "$F/in.tar" | field selfinf >"$T/s$i"; done
	paste "$T/self" "$T"/s[0-5] | awk -F '\t' '{
		best = 1e9
		for (k = 6; k < 9; k++) { off = ($(3 + $2) + $k) / 2 / $1 - 1; off = off < 0 ? -off : off; if (off < best) best = off }
		if (best > 1e-4) { print; exit 1 }
	}'
	field key,fold,out_loss,out_recon,out_kl <"$T/out" >"$T/got"
	for i in 0 1 2 3 4 5; do vae-selfinf -m "$T/d.memo/model-00000$i.vae" "$F/in.tar" | field loss >"$T/$i"; done
	paste "$T/got" "$T"/[0-5] | awk -F '\t' '
		{
			best = 1e9
			for (k = 9; k < 12; k++) { off = ($(6 + $2) + $k) / 2 / $3 - 1; off = off < 0 ? -off : off; if (off < best) best = off }
			if (best > 1e-5 || ($4 + $5) / $3 - 1 > 1e-6) { print; exit 1 }
		}'
}

@test "memo: killed at any step, the same command goes on" {
	local at two=(memo --folds 2 --repeats 1 -o)
	"${two[@]}" "$T/one.memo" "$F/in.tar" >"$T/want"
	# calls: of the plan, then for each model those of its directory, state, checkpoint, state, model.yaml and numbers, and its removal
	for at in rename:{1..14} write:1 write:2 write:5 write:9 write:14 fsync:3 fsync:11 close:7 open:9 open:40; do
		rm -rf "$T/k.memo"
		killed "${at%:*}" "${at#*:}" "${two[@]}" "$T/k.memo" "$F/in.tar"
		VF_FAULT_KILL=1 VF_FAULT_AT=${at/:/:once:} preloaded "${two[@]}" "$T/k.memo" "$F/in.tar" >/dev/null 2>&1 || true
		"${two[@]}" "$T/k.memo" "$F/in.tar" >"$T/got"
		cmp "$T/want" "$T/got" || die "$at"
		is "$(ls "$T/k.memo" | grep -v 'numbers$\|^plan$')" '' "$at"
	done
}

@test "memo: a merge that is killed, or whose output does not fit, leaves the models" {
	memo -o "$T/m.memo" "$F/in.tar" >"$T/want"
	ls -l --time-style=full-iso "$T/m.memo" >"$T/files"
	local n
	for n in 1 2; do # of standard output: before the first, and before the last
		killed write $n memo -o "$T/m.memo" "$F/in.tar"
		# without its end the next tool fails
		if vae-cut -k key "$T/out" >/dev/null 2>&1; then die "a part of a stream is read as a whole"; fi
	done
	if memo -o "$T/m.memo" "$F/in.tar" >/dev/full 2>"$T/err"; then false; fi
	says 'No space left'
	ls -l --time-style=full-iso "$T/m.memo" | cmp - "$T/files"
	memo -o "$T/m.memo" "$F/in.tar" | cmp - "$T/want"
}

@test "memo: a task whose numbers do not fit on the disk leaves none, and the same command goes on" {
	# larger than the files of numbers: those of a model; a limit on the size of files is a full disk that every user has
	memo -o "$T/m.memo" "$F/in.tar" >"$T/want"
	local got=0
	(
		trap '' XFSZ
		ulimit -f 1
		memo --draws 16 -o "$T/full.memo" "$F/in.tar" >"$T/part" 2>"$T/err"
	) || got=$?
	is "$got" 1
	is "$(ls "$T/full.memo" | grep -c 'numbers$')" 0
	memo -o "$T/full.memo" "$F/in.tar" | cmp - "$T/want"
}

@test "memo: a directory of other data or settings is refused, and says what differs" {
	memo --task 1/6 -o "$T/d.memo" "$F/in.tar"
	fails 1 memo -o "$T/d.memo" --seed 3 "$F/in.tar"
	says "'seed 0' there" "'seed 3' now"
	fails 1 memo -o "$T/d.memo" -d 17 "$F/in.tar"
	says "'draws 16' there"
	fails 1 memo -o "$T/d.memo" --folds 2 "$F/in.tar"
	says "'folds 3' there"
	vae-drop -e 'key == "s/0003"' "$F/in.tar" >"$T/less.tar"
	fails 1 memo -o "$T/d.memo" "$T/less.tar"
	says "'records 30' there"
	# of another version
	sed -i 's/^format 1$/format 2/' "$T/d.memo/plan"
	fails 1 memo -o "$T/d.memo" "$F/in.tar"
	says "'format 2' there" "'format 1' now"
	sed -i 's/^format 2$/format 1/' "$T/d.memo/plan"
	sed -i 's/^vae-memo 1 /vae-memo 2 /' "$T/d.memo/model-000000.numbers"
	fails 1 memo -o "$T/d.memo" "$F/in.tar"
	says model-000000.numbers 'not a file of numbers' 'remove it, and run vae-memo again'
	sed -i 's/^vae-memo 2 /vae-memo 1 /' "$T/d.memo/model-000000.numbers"
	# a damaged file of numbers
	printf x | dd of="$T/d.memo/model-000000.numbers" bs=1 seek=200 conv=notrunc status=none
	fails 1 memo -o "$T/d.memo" "$F/in.tar"
	says model-000000.numbers damaged
	# what is no regular file is not waited for
	rm "$T/d.memo/model-000000.numbers"
	mkfifo "$T/d.memo/model-000000.numbers"
	fails 1 timeout 20 vae-memo -q -c tiny --set train.steps=40 --set input.binarize=threshold --set model.latent=2 --set 'model.encoder=[flatten, {linear: 4}]' \
		--set 'model.decoder=[{linear: 64}]' --folds 3 --repeats 2 -d 16 -o "$T/d.memo" "$F/in.tar"
	says model-000000.numbers 'not a regular file'
	rm "$T/d.memo/model-000000.numbers"
	mkdir "$T/d.memo/model-000000.numbers"
	fails 1 memo -o "$T/d.memo" "$F/in.tar"
	says model-000000.numbers 'not a regular file'
	rmdir "$T/d.memo/model-000000.numbers"
	ok memo -o "$T/d.memo" "$F/in.tar"
	# a file where a model is to be made
	rm "$T/d.memo/model-000000.numbers"
	: >"$T/d.memo/model-000000.vae"
	fails 1 memo -o "$T/d.memo" "$F/in.tar"
	says "$T/d.memo/model-000000.vae: exists and is not a model directory; remove $T/d.memo/model-000000.vae, and it is trained again"
	rm "$T/d.memo/model-000000.vae" "$T/d.memo/plan"
	mkfifo "$T/d.memo/plan"
	fails 1 timeout 20 vae-memo -q -c tiny --set input.binarize=threshold -o "$T/d.memo" "$F/in.tar"
	says plan 'not a regular file: remove it'
	fails 1 timeout 20 vae-eval --lds "$F/in.tar" --halves "$T/d.memo"
	says plan 'not a regular file: remove it'
}

@test "memo: too few records, one fold, a likelihood that is no density, records that cannot be read" {
	fails 1 memo --folds 31 --repeats 1 -o "$T/d.memo" "$F/in.tar"
	says '30 records are fewer than 31 folds'
	fails 2 memo --folds 1 -o "$T/d.memo" "$F/in.tar"
	fails 2 memo -d 0 -o "$T/d.memo" "$F/in.tar"
	fails 2 memo --repeats 10001 -o "$T/d.memo" "$F/in.tar"
	says '--repeats takes 1 to 10000'
	fails 2 vae-memo -c tiny "$F/in.tar"
	fails 2 memo -z --task 1/2 -o "$T/d.memo" "$F/in.tar"
	fails 1 memo --set input.binarize=none -o "$T/d.memo" "$F/in.tar"
	says input.binarize=threshold
	[ ! -e "$T/d.memo" ]
	printf 'name=x.pgm data=P5\n' | mktar >"$T/bad.tar"
	fails 1 memo -o "$T/d.memo" "$T/bad.tar"
	says 'none of 1 records'
	memo -o "$T/d.memo" "$F/in.tar" "$T/bad.tar" >"$T/o.tar"
	is "$(field key,error,memo <"$T/o.tar" | awk -F '\t' '$2 != "" && $3 == ""' | cut -f1)" x
	is "$(field memo <"$T/o.tar" | grep -c .)" 30
	fails 1 memo -o "$T/d.memo" "$T/o.tar"
	says "'memo'"
	memo --replace -o "$T/d.memo" "$T/o.tar" | cmp - "$T/o.tar"
}

# tiny OPTION...: vae-memo with that network, without folds
tiny() { vae-memo -q -c tiny --set train.steps=40 --set 'model.encoder=[flatten, {linear: 8}]' --set 'model.decoder=[{linear: 64}]' "$@"; }

@test "memo --halves: models of random halves, and the linear datamodeling score of influences" {
	plain_stream 30 | sed -n '1,6p' | mktar >"$T/tests.tar"
	ok tiny --halves 12 -t "$T/tests.tar" --keep-models -o "$T/d.memo" "$F/in.tar"
	is "$(wc -c <"$T/out")" 0
	is "$(ls "$T/d.memo" | grep -c numbers)" 12
	for i in 00 05 11; do vae-ckpt show -m "$T/d.memo/model-0000$i.vae" | grep -q ', 15 records, loss'; done
	vae-testinf -q -m "$T/d.memo/model-000000.vae" -t "$T/tests.tar" --matrix "$T/m.npy" "$F/in.tar" >/dev/null
	ok vae-eval --lds "$T/m.npy" --halves "$T/d.memo"
	awk -F '\t' 'NR == 2 && !($1 >= -1 && $1 <= 1 && $2 > 0 && $2 < 1 && $3 == 3 && $4 == 12) { exit 1 }' "$T/out"
	ok vae-eval --json --lds "$T/m.npy" --halves "$T/d.memo" --summary "$T/s"
	isjson <"$T/out"
	grep -q '"lds":' "$T/s"
	# by tasks the same bytes
	tiny --halves 12 -t "$T/tests.tar" --task 2/2 -o "$T/e.memo" "$F/in.tar"
	tiny --halves 12 -t "$T/tests.tar" --task 1/2 -o "$T/e.memo" "$F/in.tar"
	for i in 00 05 11; do cmp "$T/d.memo/model-0000$i.numbers" "$T/e.memo/model-0000$i.numbers"; done
	# the losses are those of the models
	vae-selfinf -m "$T/d.memo/model-000005.vae" "$T/tests.tar" | field loss >"$T/loss"
	perl -e 'local $/; open my $f, "<:raw", $ARGV[0]; my $all = <$f>; print "$_\n" for unpack "d<*", substr $all, 128' "$T/d.memo/model-000005.numbers" |
		paste - "$T/loss" | awk '$1 / $2 - 1 > 1e-6 || $1 / $2 - 1 < -1e-6 { exit 1 } END { if (NR != 3) exit 1 }'
	# damage: a flipped bit anywhere, but in the padding of the header
	local size at
	size=$(wc -c <"$T/m.npy")
	for at in 9 40 65 80 90 100 110 119 $((size - 350)) $((size - 100)) $((size - 1)); do
		cp "$T/m.npy" "$T/bad.npy"
		perl -e 'open my $f, "+<:raw", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1; seek $f, $ARGV[1], 0; print $f chr(ord($c) ^ 4)' "$T/bad.npy" "$at"
		fails 1 vae-eval --lds "$T/bad.npy" --halves "$T/d.memo"
		says "$T/bad.npy"
		[ "$at" -lt 120 ] || says "$T/bad.npy: damaged or edited: the hash in its header does not match; make it again"
	done
	# one of an older version has no hash, and none of them says of what it is where another program made it
	perl -pe 's/( # [0-9a-f]{16} [0-9a-f]{16}) [0-9a-f]{16}/$1 . " " x 17/e' "$T/m.npy" >"$T/old.npy"
	vae-eval --lds "$T/m.npy" --halves "$T/d.memo" >"$T/want"
	vae-eval --lds "$T/old.npy" --halves "$T/d.memo" | diff - "$T/want"
	# an infinite influence
	cp "$T/old.npy" "$T/inf.npy"
	printf '\0\0\200\177' | dd of="$T/inf.npy" bs=1 seek=$((size - 4)) conv=notrunc status=none
	fails 1 vae-eval --lds "$T/inf.npy" --halves "$T/d.memo"
	says 'no finite number in column 3'
	# a matrix of other records, of another order, or of other tests
	{ plain_stream 30 | tail -n +3; plain_stream 1; } | mktar >"$T/order.tar"
	vae-testinf -q -m "$T/d.memo/model-000000.vae" -t "$T/tests.tar" --matrix "$T/order.npy" "$T/order.tar" >/dev/null
	fails 1 vae-eval --lds "$T/order.npy" --halves "$T/d.memo"
	says order.npy 'other records'
	plain_stream 30 | sed -n '3,8p' | mktar >"$T/others.tar"
	vae-testinf -q -m "$T/d.memo/model-000000.vae" -t "$T/others.tar" --matrix "$T/others.npy" "$F/in.tar" >/dev/null
	fails 1 vae-eval --lds "$T/others.npy" --halves "$T/d.memo"
	says others.npy 'other test records'
	# a matrix of another program does not say of what it is
	perl -pe 's/ # [0-9a-f]{16} [0-9a-f]{16} [0-9a-f]{16}/" " x 53/e' "$T/others.npy" >"$T/plain.npy"
	ok vae-eval --lds "$T/plain.npy" --halves "$T/d.memo"
	fails 2 vae-eval --lds "$T/m.npy"
	fails 2 vae-eval --lds "$T/m.npy" --halves "$T/d.memo" "$F/in.tar"
	fails 1 vae-eval --lds "$T/m.npy" --halves "$F/m.vae"
	fails 2 tiny --halves 12 -o "$T/d.memo" "$F/in.tar"
	says '-t TESTS'
	fails 2 tiny --halves 2 -t "$T/tests.tar" -o "$T/d.memo" "$F/in.tar"
	fails 2 tiny --halves 12 -t "$T/tests.tar" --out-scores -o "$T/d.memo" "$F/in.tar"
	fails 1 tiny --halves 13 -t "$T/tests.tar" -o "$T/d.memo" "$F/in.tar"
	says "'halves 12' there"
	fails 1 tiny --halves 12 -t "$F/in.tar" -o "$T/d.memo" "$F/in.tar"
	says 'tests 3'
}

@test "memo --leave: what each record costs the test records" {
	plain_stream 30 | sed -n '1,4p' | mktar >"$T/tests.tar"
	printf 's/0004\ns/0021\n' >"$T/keys"
	ok tiny --leave "$T/keys" -t "$T/tests.tar" --keep-models -o "$T/d.memo" "$F/in.tar"
	is "$(cut -f1,2 "$T/out" | tr '\t\n' '+ ')" 's/0004+s/0000 s/0004+s/0001 s/0021+s/0000 s/0021+s/0001 '
	vae-ckpt show -m "$T/d.memo/model-000000.vae" | grep -q ', 30 records, loss'
	vae-ckpt show -m "$T/d.memo/model-000002.vae" | grep -q ', 29 records, loss'
	# with the same seed
	for i in 0 1 2; do vae-ckpt show -m "$T/d.memo/model-00000$i.vae" | grep '^  seed:' | head -n 1; done | sort -u >"$T/seeds"
	is "$(wc -l <"$T/seeds")" 1
	for i in 0 1 2; do vae-selfinf -m "$T/d.memo/model-00000$i.vae" "$T/tests.tar" | field loss >"$T/$i"; done
	{ paste "$T/1" "$T/0"; paste "$T/2" "$T/0"; } | awk '{ print $1 - $2 }' | paste - <(cut -f3 "$T/out") | awk '{ d = $1 - $2; if (d > 2e-4 || d < -2e-4 || $1 == 0) exit 1 }'
	# repeats have other seeds, and give an error
	ok tiny --leave "$T/keys" -t "$T/tests.tar" --repeats 3 -o "$T/e.memo" "$F/in.tar"
	awk -F '\t' 'NF != 4 || !($4 > 0) { exit 1 }' "$T/out"
	for none in /dev/null - "$T/blank"; do
		echo >"$T/blank"
		fails 1 tiny --leave "$none" -t "$T/tests.tar" -o "$T/x.memo" "$F/in.tar" </dev/null
		says 'lists no keys'
	done
	absent "$T/x.memo"
	echo s/9999 >>"$T/keys"
	fails 1 tiny --leave "$T/keys" -t "$T/tests.tar" -o "$T/x.memo" "$F/in.tar"
	says s/9999
	fails 2 tiny --leave "$T/keys" --halves 4 -t "$T/tests.tar" -o "$T/x.memo" "$F/in.tar"
	fails 2 memo -t "$T/tests.tar" -o "$T/x.memo" "$F/in.tar"
	printf 'name=x.pgm data=P5\n' | mktar >"$T/bad.tar"
	fails 1 tiny --halves 12 -t "$T/bad.tar" -o "$T/x.memo" "$F/in.tar"
	says "record 1 'x'"
}

@test "memo: a directory of something else is not touched" {
	mkdir "$T/home"
	echo precious >"$T/home/file"
	fails 1 memo -o "$T/home" "$F/in.tar"
	says "$T/home: not touched: it holds 'file'"
	is "$(names "$T/home")" 'file '
	cp -r "$F/m.vae" "$T/m.vae"
	fails 1 memo -o "$T/m.vae" "$F/in.tar"
	says 'not a file of vae-memo'
	diff -r "$F/m.vae" "$T/m.vae"
	# an empty one is taken; and one whose plan was lost
	mkdir "$T/e.memo"
	ok memo -o "$T/e.memo" "$F/in.tar"
	rm "$T/e.memo/plan"
	ok memo -o "$T/e.memo" "$F/in.tar"
}

@test "memo: two readers of standard input are refused" {
	local tests
	plain_stream 30 | sed -n '1,4p' | mktar >"$T/tests.tar"
	echo s/0004 >"$T/keys"
	fails 2 tiny --leave - -t - -o "$T/d.memo" "$F/in.tar" </dev/null
	says '-t -' '--leave -' 'standard input'
	for tests in - "$T/tests.tar"; do
		fails 2 tiny --leave - -t "$tests" -o "$T/d.memo" </dev/null
		fails 2 tiny --leave - -t "$tests" -o "$T/d.memo" "$F/in.tar" - </dev/null
		says 'the records'
	done
	fails 2 tiny --halves 3 -t - -o "$T/d.memo" </dev/null
	absent "$T/d.memo"
	# one of them may
	ok tiny --leave - -t "$T/tests.tar" -o "$T/d.memo" "$F/in.tar" <"$T/keys"
	mv "$T/out" "$T/want"
	ok tiny --leave "$T/keys" -t - -o "$T/e.memo" "$F/in.tar" <"$T/tests.tar"
	same "$T/want" "$T/out"
}

@test "memo: a kept model that lost a checkpoint is not scored" {
	ok memo --set train.checkpoints=2 --checkpoints all --keep-models -o "$T/d.memo" "$F/in.tar"
	cp "$T/out" "$T/whole"
	rm "$T/d.memo/model-000002.numbers" "$T"/d.memo/model-000002.vae/step-*20.safetensors
	fails 1 memo --set train.checkpoints=2 --checkpoints all --keep-models -o "$T/d.memo" "$F/in.tar"
	says model-000002.vae '1 of its 2 checkpoints' "remove $T/d.memo/model-000002.vae, and it is trained again"
	rm -r "$T/d.memo/model-000002.vae"
	ok memo --set train.checkpoints=2 --checkpoints all --keep-models -o "$T/d.memo" "$F/in.tar"
	cmp "$T/out" "$T/whole"
}

@test "memo: a kept model with a checkpoint of another one is not scored" {
	local as
	for as in last all; do
		ok memo --set train.checkpoints=2 --checkpoints $as --keep-models -o "$T/$as.memo" "$F/in.tar"
		cp "$T/out" "$T/whole"
		rm "$T/$as.memo/model-000002.numbers"
		cp "$T/$as.memo/model-000001.vae"/step-*40.safetensors "$T/$as.memo/model-000002.vae/"
		fails 1 memo --set train.checkpoints=2 --checkpoints $as --keep-models -o "$T/$as.memo" "$F/in.tar"
		says model-000002.vae/step- 'another model' train.seed 'remove'
		rm -r "$T/$as.memo/model-000002.vae"
		ok memo --set train.checkpoints=2 --checkpoints $as --keep-models -o "$T/$as.memo" "$F/in.tar"
		cmp "$T/out" "$T/whole"
	done
}

# leave OPTION...: models of all records, and of all but s/0004 and but s/0021
leave() {
	plain_stream 30 | sed -n '1,4p' | mktar >"$T/tests.tar"
	printf 's/0004\ns/0021\n' >"$T/keys"
	tiny --leave "$T/keys" -t "$T/tests.tar" --keep-models "$@" "$F/in.tar"
}

# refused NAME WORD...: the run just made failed and names the kept model, its number and what to do, without options of vae-train
refused() {
	says "$@" "remove $1, and it is trained again"
	if grep -q -e '--replace' -e '--resume' "$T/err"; then die "options of another tool: $(cat "$T/err")"; fi
}

@test "memo: a kept model of another configuration, or of other records, is named, with what to do" {
	local d=$T/d.memo kept=$T/d.memo/model-000002.vae way
	ok memo --keep-models -o "$d" "$F/in.tar"
	cp "$T/out" "$T/whole"
	memo --keep-models --set train.lr=0.01 --task 3/6 -o "$T/lr.memo" "$F/in.tar"
	vae-drop -e 'key == "s/0003"' "$F/in.tar" >"$T/less.tar"
	memo --keep-models --task 3/6 -o "$T/less.memo" "$T/less.tar"
	for way in lr less; do
		rm -rf "$d/model-000002.numbers" "$kept"
		cp -r "$T/$way.memo/model-000002.vae" "$d/"
		fails 1 memo --keep-models -o "$d" "$F/in.tar"
		case $way in
		lr) refused "$kept" 'model 3 of 6' 'another value of train.lr' ;;
		less) refused "$kept" 'model 3 of 6' 'other records' '29 then, 30 now' ;;
		esac
	done
	# the state of a model that left no record out is as one of an older version
	rm -r "$kept"
	memo --keep-models --task 3/6 -o "$d" "$F/in.tar"
	rm "$d/model-000002.numbers"
	cp "$kept/model.yaml" "$T/all.yaml"
	rm -r "$kept"
	vae-train -q -c "$T/all.yaml" -o "$kept" "$F/in.tar"
	fails 1 memo --keep-models -o "$d" "$F/in.tar"
	refused "$kept" 'model 3 of 6' 'does not say which records it left out'
	rm -r "$kept"
	ok memo --keep-models -o "$d" "$F/in.tar"
	cmp "$T/out" "$T/whole"
}

@test "memo: a kept model whose state is damaged, of another kind or gone, or whose log is cut, is named, with what to do" {
	local d=$T/d.memo kept=$T/d.memo/model-000001.vae way
	memo --keep-models --task 2/6 -o "$d" "$F/in.tar"
	rm "$d/model-000001.numbers"
	cp -r "$d" "$T/good"
	for way in empty cut changed checkpoint gone log config; do
		rm -rf "$d"
		cp -r "$T/good" "$d"
		case $way in
		empty) : >"$kept/state" ;;
		cut) head -c 900 "$T/good/model-000001.vae/state" >"$kept/state" ;;
		changed) printf x | dd of="$kept/state" bs=1 seek=3000 conv=notrunc status=none ;;
		checkpoint) cp "$kept"/step-*40.safetensors "$kept/state" ;;
		gone) rm "$kept/state" ;;
		log)
			rm -r "$d" # a training that is killed when it saves its state for the tenth time
			killed rename 12 memo --save-every 0.000001 --keep-models --task 2/6 -o "$d" "$F/in.tar"
			: >"$kept/train.jsonl"
			;;
		config) memo --keep-models --task 2/6 --seed 1 -o "$T/seed.memo" "$F/in.tar"; cp "$T/seed.memo/model-000001.vae/state" "$kept/state" ;;
		esac
		fails 1 memo --task 2/6 -o "$d" "$F/in.tar"
		refused "$kept" 'model 2 of 6'
		[ $way != log ] || says train.jsonl shorter
	done
}

@test "memo --leave: models of one repeat differ by the record left out alone; exchanged ones, and their checkpoints and states, are refused" {
	local what d=$T/d.memo
	ok leave -o "$d"
	cp "$T/out" "$T/whole"
	cp -r "$d" "$T/good"
	for what in . step-000000040.safetensors state; do
		rm -r "$d"
		cp -r "$T/good" "$d"
		rm "$d"/model-00000[12].numbers
		mv "$d/model-000001.vae/$what" "$T/held" 2>/dev/null || mv "$d/model-000001.vae" "$T/held"
		if [ "$what" = . ]; then
			mv "$d/model-000002.vae" "$d/model-000001.vae"
			mv "$T/held" "$d/model-000002.vae"
		else
			mv "$d/model-000002.vae/$what" "$d/model-000001.vae/$what"
			mv "$T/held" "$d/model-000002.vae/$what"
		fi
		fails 1 leave -o "$d"
		refused "$d/model-000001.vae" 'model 2 of 3'
		rm -r "$d/model-000001.vae"
		fails 1 leave -o "$d"
		refused "$d/model-000002.vae" 'model 3 of 3'
		rm -r "$d/model-000002.vae"
		ok leave -o "$d"
		cmp "$T/out" "$T/whole"
	done
	# of a training that was stopped
	rm "$d/model-000001.numbers" "$d"/model-00000[12].vae/model.yaml
	cp "$d/model-000002.vae/state" "$d/model-000001.vae/state"
	fails 1 leave -o "$d"
	refused "$d/model-000001.vae" 'model 2 of 3' 'other records'
}
