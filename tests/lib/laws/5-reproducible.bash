# Law 5: scores depend on model, payload, options and seed alone.
#
# The number of threads changes no byte of the output, nor of a trained model. A record has the same score, up to rounding,
# whatever records come with it and in whatever order; the same bytes where any_place() holds.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

# -j1 to -j7 give the same bytes; values that are not a number of threads are usage errors.
law_jobs() {
	local j
	reads "$1" "$F/plain.tar" -j1
	mv "$T/out" "$T/want"
	[ ! -d "$T/train.vae" ] || mv "$T/train.vae" "$T/want.vae"
	for j in 2 3 7; do
		reads "$1" "$F/plain.tar" -j$j
		same "$T/want" "$T/out"
		[ ! -d "$T/train.vae" ] || same "$T/want.vae"/step-*4.safetensors "$T/train.vae"/step-*4.safetensors
	done
	for j in 0 -1 x 1000; do
		fails 2 tool "$1" -j $j <"$F/plain.tar"
	done
}

# The records in reverse order, and one record alone.
law_order() {
	reads "$1" "$F/plain.tar"
	vae-cut -k key,s_selfinf,s_loss,s_nll,s_selfinf_se <"$T/out" | LC_ALL=C sort >"$T/a"
	stream 40 | awk '{ r[NR] = $0 } END { for (i = 118; i > 0; i -= 3) print r[i] "\n" r[i + 1] "\n" r[i + 2] }' | mktar >"$T/back.tar"
	reads "$1" "$T/back.tar"
	vae-cut -k key,s_selfinf,s_loss,s_nll,s_selfinf_se <"$T/out" | LC_ALL=C sort >"$T/b"
	is "$(wc -l <"$T/a")" 40
	paste "$T/a" "$T/b" | awk -F '\t' '
		$1 != $6 { bad = 1 }
		{ worst = 0; for (i = 2; i <= 5; i++) { if ($i == "" || $i == 0) bad = 1; d = ($i - $(i + 5)) / $i; if (d < 0) d = -d; if (d > worst) worst = d }
		  if (worst <= 1e-5) close_++; if (worst > 1e-3) bad = 1 }
		END { exit bad || close_ < 0.95 * NR }'
	stream 40 | sed -n 61,63p | mktar >"$T/one.tar"
	reads "$1" "$T/one.tar"
	near "$(vae-cut -k s_selfinf <"$T/out")" "$(awk -F '\t' '$1 == "s/0020" { print $2 }' "$T/a")" 1e-4
	if any_place; then diff "$T/a" "$T/b"; fi
}
