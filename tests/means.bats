# vae-eval --mean: means and standard errors over the files of --summary.

load helper

@test "means and standard errors, by a computation of their own" {
	local i
	for i in 1 2 3 4 5; do
		printf '{"own":%s,"tool":"x","records":%d%s}\n' "0.$((90 + i * i % 7))" $((i * 1000000000 + i)) "$([ $i -lt 4 ] && echo ',"late":1e-3')" >"$T/$i"
	done
	ok vae-eval --mean "$T"/[1-5]
	is "$(head -1 "$T/out")" "$(printf 'name\tn\tmean\tse')"
	is "$(cut -f 1,2 "$T/out" | sed 1d | tr '\t\n' ' ,')" 'own 5,records 5,late 3,'
	near "$(awk '$1 == "own" { print $3 }' "$T/out")" "$(printf '%s\n' .91 .94 .92 .92 .94 | awk '{ s += $1 } END { print s / NR }')"
	near "$(awk '$1 == "own" { print $4 }' "$T/out")" "$(printf '%s\n' .91 .94 .92 .92 .94 | awk '{ s += $1; q += $1 * $1 } END { print sqrt((q - s * s / NR) / (NR - 1) / NR) }')" 1e-4
	is "$(awk '$1 == "records" { print $3 }' "$T/out")" 3e+09
	is "$(awk '$1 == "late" { print $3, $4 }' "$T/out")" '0.001 0'
	ok vae-eval --mean --json -k late,own -o "$T/o" "$T/1" "$T/2"
	isjson <"$T/o"
	is "$(sed 's/^{"late":{"n":2,"mean":0.001,"se":0},"own":{"n":2,"mean":0.925,"se":0.015}}$/good/' "$T/o")" good
	# one run has no error
	ok vae-eval --mean -k own "$T/2"
	is "$(tail -1 "$T/out" | tr '\t' ' ')" 'own 1 0.94 '
}

@test "what tools write, and what is refused" {
	pictures "$F/pics" 30
	plain_stream 30 | mktar >"$T/in.tar"
	train "$T/m.vae" <"$T/in.tar"
	local seed
	for seed in 1 2 3; do
		ok vae-testinf -q -m "$T/m.vae" --sanity 10 --seed $seed --summary "$T/$seed" "$T/in.tar"
		head -1 "$T/out" | cut -f 2 >>"$T/own"
	done
	ok vae-eval --mean -k own "$T"/[1-3]
	near "$(tail -1 "$T/out" | cut -f 3)" "$(awk '{ s += $1 } END { print s / NR }' "$T/own")" 1e-3
	fails 1 vae-eval --mean -k own,nothing "$T/1"
	says nothing
	fails 1 vae-eval --mean "$T/1" "$T/in.tar"
	says in.tar --summary
	fails 1 vae-eval --mean "$T/no"
	says "$T/no"
	echo '{"a":"text"}' >"$T/texts"
	fails 1 vae-eval --mean "$T/texts"
	fails 2 vae-eval --mean
	fails 2 vae-eval --mean --positive 'cls == 1' "$T/1"
	fails 1 vae-eval --mean -k own,own "$T/1"
	fails 2 vae-eval --mean -o "$T/1" "$T/1"
}
