# log p(x) and memorization.

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
	! cmp -s "$T/seed" <(cut -f1,2 "$T/many")
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
	! grep -q variance "$T/out"
	train "$T/plain.vae" <"$F/in.tar"
	ok vae-ckpt show -m "$T/plain.vae"
	! grep -q 'binarize\|variance' "$T/out"
	train "$T/v.vae" --set model.variance=0.25 <"$F/in.tar"
	ok vae-ckpt show -m "$T/v.vae"
	grep -q '  variance: 0.25' "$T/out"
	fails 1 vae-train -q -c tabular --set input.binarize=threshold -o "$T/t.vae" "$F/in.tar"
	says binarize
}
