# Law 2: compression and concatenation change nothing.
#
# Input may be compressed, concatenated (before or after compression), divided over several FILEs, or come from a pipe: the
# output has the same bytes. Output compressed by -z decompresses to the same bytes.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

# Every compression that the reader knows.
law_compressed() {
	local program missing=
	reads "$1" "$F/plain.tar"
	mv "$T/out" "$T/want"
	for program in zstd gzip xz bzip2 lz4; do
		if command -v $program >/dev/null; then
			$program -c <"$F/plain.tar" >"$T/in" 2>/dev/null
			reads "$1" "$T/in"
			same "$T/want" "$T/out"
		else
			missing+=" $(package $program)"
		fi
	done
	[ -z "$missing" ] || skip "not all are installed: install the packages$missing (the others passed)"
}

# One stream in two parts: as FILEs, standard input and FILE, one tar after the other, zstd frames, gzip members.
law_joined() {
	local half
	stream 40 | head -60 | mktar --pad 9216 >"$T/a.tar"
	stream 40 | tail -60 | mktar >"$T/b.tar"
	reads "$1" "$F/plain.tar"
	mv "$T/out" "$T/want"
	cat "$T/a.tar" "$T/b.tar" >"$T/ab.tar"
	reads "$1" "$T/ab.tar"
	same "$T/want" "$T/out"
	ok tool "$1" "$T/a.tar" "$T/b.tar"
	same "$T/want" "$T/out"
	cat "$T/a.tar" | ok tool "$1" - "$T/b.tar"
	same "$T/want" "$T/out"
	ok tool "$1" "$T/a.tar" - <"$T/b.tar"
	same "$T/want" "$T/out"
	cat "$T/ab.tar" | ok tool "$1"
	same "$T/want" "$T/out"
	need zstd gzip
	cat <(zstd -c "$T/a.tar") <(zstd -c "$T/b.tar") >"$T/two.zst"
	reads "$1" "$T/two.zst"
	same "$T/want" "$T/out"
	half=$(($(wc -c <"$F/plain.tar") / 2 + 77))
	cat <(head -c "$half" "$F/plain.tar" | zstd -c) <(tail -c +$((half + 1)) "$F/plain.tar" | zstd -c) >"$T/frames.zst"
	reads "$1" "$T/frames.zst"
	same "$T/want" "$T/out"
	cat <(gzip -c "$T/a.tar") <(gzip -c "$T/b.tar") >"$T/two.gz"
	reads "$1" "$T/two.gz"
	same "$T/want" "$T/out"
	gzip -c "$T/a.tar" >"$T/a.gz"
	ok tool "$1" "$T/a.gz" "$T/b.tar"
	same "$T/want" "$T/out"
}

# -z with and without a level; levels that zstd does not have are usage errors.
law_zstd() {
	need zstd
	local level sizes=()
	ok tool "$1" <"$F/plain.tar"
	mv "$T/out" "$T/want"
	for level in -z -z1 -z19; do
		ok tool "$1" $level <"$F/plain.tar"
		sizes+=("$(wc -c <"$T/out")")
		zstd -dc <"$T/out" >"$T/got"
		same "$T/want" "$T/got"
	done
	[ "$(printf '%s\n' "${sizes[@]}" | sort -u | wc -l)" -ge 2 ] || die "the level makes no difference: ${sizes[*]}"
	for level in -z99 -z0 -z-1 -zx; do
		fails 2 tool "$1" $level <"$F/plain.tar"
		says -z
		[ ! -s "$T/out" ]
	done
}
