# Failures from below: every tool with one call to malloc, read, write, fsync, rename, ... failing, over
# all places such calls come from (tests/fault/loop.c says what has to hold). A new tool gets a row.
# `make faults` lets every single call fail, not only the first from each place.

load helper

setup_file() {
	local data=$ROOT/tests/data/input
	pictures "$F/pics" 6
	stream 6 | sed 's/"rank_n":6/"rank_n":6,"selfinf":1/' | mktar >"$F/s.tar"
	plain_stream 6 | mktar >"$F/p.tar"
	{ # a payload for every decoder, two sizes, something loose, an attribute
		printf 'name=a/0.pgm file=%s\nname=a/0.cls data=1\nname=link type=2 link=a\n' "$F/pics/0.pgm"
		printf 'name=a/1.png file=%s\nname=a/2.jpg file=%s\n' "$data/rgb8.png" "$data/gray.jpg"
		printf 'name=%%ff/3.png file=%s x:SCHILY.xattr.user.a=1 x:SCHILY.xattr.user.b=2\n' "$data/gray4-adam7.png"
	} | mktar >"$F/mixed.tar"
	train "$F/m.vae" --set train.steps=2 --set train.checkpoints=2 <"$F/p.tar"
	vae-ckpt export -m "$F/m.vae" -o "$F/x.safetensors"
	mkdir -p "$F/old.model" "$F/old.files"
	cp -r "$F/m.vae" "$F/old.model/m.vae"
	echo old | tee "$F/old.files/out.tar.zst" "$F/old.files/rejects.tar" >"$F/old.files/sum.json"
	for i in zstd gzip xz bzip2 lz4; do
		! command -v "$i" >/dev/null || "$i" -c <"$F/s.tar" >"$F/s.tar.$i"
	done
	printf '\0\0\10\3\0\0\0\3\0\0\0\2\0\0\0\2abcdefghijkl' >"$F/images.idx"
	printf '\0\0\10\1\0\0\0\3\0\1\2' | gzip -c >"$F/labels.idx.gz"
}

# faults [OPTION...] -- COMMAND...
faults() {
	local few=()
	# a sanitizer takes ten times as long
	[ -n "${VF_FAULT_FULL:-}" ] || ! ldd "$BIN/vae-cut" | grep -q libasan || few=(-m 24)
	ok fault-loop -s "$BIN/fault-shim.so" -L "$ROOT/tests/fault/leaks.supp" -j "$(nproc)" ${VF_FAULT_FULL:+-f} "${few[@]}" "$@"
	cat "$T/out"
	[[ "$*" == *'-k read'* ]] || grep -q '^alloc .* [1-9][0-9]* failed' "$T/out"
	grep -q '^write .* [1-9][0-9]* failed' "$T/out"
}

@test "faults: vae-pack DIR" { faults -- vae-pack "$F/pics"; }
@test "faults: vae-pack IDX, gzip" { faults -k alloc,read,write,open,close -- vae-pack "$F/images.idx" "$F/labels.idx.gz" --only 'cls < 2' -o o.tar; }
@test "faults: vae-train -p" { faults -g train.jsonl -w m.vae/state -i "$F/mixed.tar" -p -- vae-train -p -q -c tiny --set train.steps=2 --set train.checkpoints=2 -j 1 -o m.vae; }
@test "faults: vae-train --replace" { faults -g train.jsonl -w m.vae/state -d "$F/old.model" -i "$F/p.tar" -- vae-train -q -c tiny --replace --seed 3 --set train.steps=2 --set train.checkpoints=2 -j 2 -o m.vae --summary sum.json; }
@test "faults: vae-ckpt list" { faults -- vae-ckpt list -m "$F/m.vae"; }
@test "faults: vae-ckpt show" { faults -- vae-ckpt show -m "$F/m.vae"; }
@test "faults: vae-ckpt export" { faults -- vae-ckpt export -m "$F/m.vae" -o x.safetensors; }
@test "faults: vae-ckpt import" { faults -- vae-ckpt import -c tiny -o m.vae "$F/x.safetensors"; }
@test "faults: vae-selfinf" { faults -i "$F/mixed.tar" -- vae-selfinf -m "$F/m.vae" --checkpoints all -j 1 -o out.tar --summary sum.json; }
@test "faults: vae-selfinf -j 2" { faults -k alloc,read,write,thread -i "$F/s.tar" -- vae-selfinf -m "$F/m.vae" --parts --prefix s_ -j 2; }
@test "faults: vae-density" { faults -p -i "$F/s.tar" -- vae-density --method knn,kde,gmm --neighbors 2 --clusters 2 --prefix s_ -j 1; }
@test "faults: vae-density -t" { faults -k alloc,read,write,open,rename,fsync -i "$F/s.tar" -- vae-density --method kde --sigma 3 --neighbors 2 --prefix s_ -j 1 -t "$F/p.tar" --influence i.tsv; }
@test "faults: vae-density --space latent" { faults -k alloc,write -i "$F/s.tar" -- vae-density --space latent -m "$F/m.vae" --neighbors 2 --prefix s_ -j 1; }
@test "faults: vae-rank" { faults -p -i "$F/s.tar" -- vae-rank -k w --prefix t_; }
@test "faults: vae-rank --sort" { faults -i "$F/s.tar" -- vae-rank --sort -k w --prefix t_; }
@test "faults: vae-drop" { faults -d "$F/old.files" -i "$F/s.tar" -- vae-drop --top 2 -r rejects.tar -o out.tar.zst --summary sum.json; }
@test "faults: vae-cut" { faults -i "$F/s.tar" -- vae-cut -k key,w,cls; }
@test "faults: vae-cut --json, every compression" {
	local some=0 i kinds=()
	for i in zstd gzip xz bzip2 lz4; do
		kinds=()
		# libarchive 3.6 writes into the checksum of an lz4 frame for which it had no memory
		[ "$i" != lz4 ] || kinds=(-k 'read,write')
		[ ! -e "$F/s.tar.$i" ] || {
			faults "${kinds[@]}" -i "$F/s.tar.$i" -- vae-cut --json
			some=1
		}
	done
	is "$some" 1
}
@test "faults: vae-eval" { faults -i "$F/s.tar" -- vae-eval -k w,selfinf --positive 'cls == 1 || key == "none"' --json; }

@test "every tool has a row" {
	local tool
	for tool in "$ROOT"/filters/vae-*.c; do
		tool=$(basename "$tool" .c)
		grep -q "^@test \"faults: ${tool}[ \"]" "$BATS_TEST_FILENAME" || die "no row for $tool"
	done
}

@test "the loop tells what is wrong: an exit status, output, a file" {
	# a "tool" that takes a failed call for nothing, one that leaves a file, one that dies
	# shellcheck disable=SC2016 # the tool's
	printf '#!/bin/sh\n(cat "$1" 2>/dev/null; :) | cat\n' >"$T/deaf" && chmod +x "$T/deaf"
	! fault-loop -s "$BIN/fault-shim.so" -k read -- "$T/deaf" "$F/p.tar" 2>"$T/err" || die 'a deaf tool passes'
	grep -q 'other output' "$T/err"
}
