# Failures of system and library calls: every tool runs many times, each time with one call to malloc, read, write, fsync,
# rename, ... failing, once from every place that makes such calls. tests/fault/loop.c lists what must hold then. A new tool
# gets a row. `make faults` lets every single call fail.

load helper

setup_file() {
	local data=$ROOT/tests/data/input i
	pictures "$F/pics" 6
	stream 6 | sed 's/"rank_n":6/"rank_n":6,"selfinf":1/' | mktar >"$F/s.tar"
	plain_stream 6 | mktar >"$F/p.tar"
	{ # payloads for several decoders, two sizes, a loose member, extended attributes
		printf 'name=a/0.pgm file=%s\nname=a/0.cls data=1\nname=link type=2 link=a\n' "$F/pics/0.pgm"
		printf 'name=a/1.png file=%s\nname=a/2.jpg file=%s\nname=a/4.webp file=%s\n' "$data/rgb8.png" "$data/gray.jpg" "$data/lossy.webp"
		printf 'name=%%ff/3.png file=%s x:SCHILY.xattr.user.a=1 x:SCHILY.xattr.user.b=2\n' "$data/gray4-adam7.png"
	} | mktar >"$F/mixed.tar"
	printf 'name=0.avif file=%s\nname=1.avif file=%s\n' "$data/gray.avif" "$data/lossless-alpha.avif" | mktar >"$F/avif.tar"
	train "$F/m.vae" --set train.steps=2 --set train.checkpoints=2 <"$F/p.tar"
	train "$F/wide.vae" --set model.latent=16 --set 'model.encoder=[flatten, {linear: 32}]' --set train.steps=1 --set train.checkpoints=1 <"$F/p.tar"
	vae-ckpt export -m "$F/m.vae" -o "$F/x.safetensors"
	cp -r "$F/m.vae" "$F/curved.vae"
	vae-ckpt curvature -q -m "$F/curved.vae" -d 2 --ekfac "$F/p.tar"
	mkdir -p "$F/old.model" "$F/old.files"
	cp -r "$F/m.vae" "$F/old.model/m.vae"
	cp -r "$F/old.model" "$F/half"
	rm "$F/half/m.vae/model.yaml" # a training that was interrupted
	echo old | tee "$F/old.files/out.tar.zst" >"$F/old.files/sum.json"
	printf 'name=old/0.cls data=1\nname=s/0001.pgm file=%s\nname=s/0001.cls data=1\n' "$F/pics/1.pgm" | mktar >"$F/old.files/rejects.tar"
	! command -v lz4 >/dev/null || lz4 -l -c <"$F/s.tar" >"$F/s.tar.old-lz4" 2>/dev/null
	for i in zstd gzip xz bzip2 lz4; do
		! command -v "$i" >/dev/null || "$i" -c <"$F/s.tar" >"$F/s.tar.$i"
	done
	vae-testinf -m "$F/m.vae" -t "$F/p.tar" -d 1 --influence "$F/over.jsonl" --top 2 "$F/p.tar" >"$F/null"
	vae-testinf -m "$F/m.vae" -t "$F/p.tar" -d 1 --influence "$F/over2.jsonl" --top 2 --key-prefix o/ "$F/s.tar" --replace >"$F/null"
	vae-memo -q -c tiny --set train.steps=4 --halves 6 -t "$F/p.tar" -o "$F/halves.memo" "$F/s.tar"
	vae-testinf -m "$F/m.vae" -t "$F/p.tar" -d 1 --matrix "$F/over.npy" --prefix t_ "$F/s.tar" >"$F/null"
	for i in 1 2 3 4; do
		printf 'name=%d.pgm file=%s\nname=%d.vae.json data={"memo":%d,"logp_in":-1,"logp_out":-3,"memo_2":1,"logp_in_2":-2,"logp_out_2":-3,"memo_4":%d,"logp_in_4":-1,"logp_out_4":-3}\n' $i "$F/pics/$i.pgm" $i $i $i
	done | mktar >"$F/course.tar"
	vae-rank --save-ref "$F/ref.json" -k w,rank --prefix t_ "$F/s.tar" >"$F/null"
	cp "$F/s.tar" "$F/again.tar"
	vae-drop --top 2 "$F/s.tar" -r "$F/q.tar" >"$F/null"
	vae-cut -k key "$F/s.tar" | head -n 2 >"$F/keys"
	vae-density -q --neighbors 2 --against "$F/p.tar" --part "$F/p.knn" "$F/s.tar"
	vae-density -q --neighbors 2 --against "$F/q.tar" --part "$F/s.knn" "$F/s.tar"
	sed 's/$/\tdrop/' "$F/keys" >"$F/decisions"
	printf '{"own":0.5,"n":7}\n' | tee "$F/run.1" >"$F/run.2"
	printf '{"test":"s/0000","proponents":[{"key":"s/0003","influence":1}]}\n' >"$F/own.jsonl"
	for ((i = 0; i < 40; i++)); do # fields for a fit of a Gaussian
		printf 'name=%d.cls data=1\nname=%d.vae.json data={"a":%d,"b":%d}\n' $i $i $((i * i % 41)) $((i * 7 % 29))
	done | mktar >"$F/more.tar"
	printf '%d\tkeep\n%d\tdrop\n' 1 2 3 4 5 6 7 8 >"$F/decisions"
	vae-rank --save-ref "$F/both.json" -k 'a,b*' --unlike 'b,a*' --far b --joint both "$F/more.tar" >"$F/null"
	printf 'a,b,"c"\n1,2,x\n3,4.5,y\n-1e3,0,"z""q"\n' | tee "$F/rows.csv" | gzip -c >"$F/rows.csv.gz"
	cp "$ROOT/tests/data/input/f8-4d.npy" "$F/rows.npy"
	printf "\\223NUMPY\\001\\000\\166\\000%-117s\\nabc0def0" "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }" >"$F/point.npy"
	printf 'name=%d.npy file=%s\nname=%d.cls data=%d\nname=%d.vae.json data={"w":%d}\n' 1 "$F/point.npy" 1 1 1 1 2 "$F/point.npy" 2 2 2 2 | mktar >"$F/points.tar"
	printf 'id;a;b;kind;shop\n1;1,5;-2;x;u\n2;1.234.567,25;NA;y;u\n3;;3e-1;x;v\n4;?;1;z;"v;w"\n' >"$F/table.csv"
	printf 'a,c,b\n1,x,2\n,y,3\n4,z,5\n' >"$F/columns.csv"
	mkdir -p "$F/folder/cat" "$F/folder/dog"
	cp "$F/pics/0.pgm" "$F/folder/cat/1.pgm"
	echo text >"$F/folder/cat/1.txt"
	ln -s ../../pics/2.pgm "$F/folder/dog/2.pgm"
	(cd "$F/folder" && printf 'cat/1.%s\n' pgm txt | bsdtar --format zip -cf "$F/folder.zip" -T -)
	printf 'name=%d.json data={"v":%d,"s":{"t":"ab"},"big":99999999999999999999}\n' 1 1 2 2 3 3 | mktar >"$F/json.tar"
	printf '\0\0\10\3\0\0\0\3\0\0\0\2\0\0\0\2abcdefghijkl' >"$F/images.idx"
	printf '\0\0\10\1\0\0\0\3\0\1\2' | gzip -c >"$F/labels.idx.gz"
}

# faults [OPTION...] -- COMMAND...
faults() {
	local few=()
	# a sanitizer makes it ten times slower, an emulator (.ci/arm64) thirty times: fewer calls
	if [ -n "${VF_FAULT_FULL:-}" ]; then
		:
	elif [ -n "${EMULATOR:-}" ]; then
		few=(-m 8)
	elif ldd "$BIN/vae-cut" | grep -q libasan; then
		few=(-m 24)
	fi
	ok fault-loop -s "$BIN/fault-shim.so" -L "$ROOT/tests/fault/leaks.supp" -j "$(nproc)" ${VF_FAULT_FULL:+-f} "${few[@]}" "$@"
	cat "$T/out"
	[[ "$*" == *'-k read'* ]] || grep -q '^alloc .* [1-9][0-9]* failed' "$T/out"
	grep -q '^write .* [1-9][0-9]* failed' "$T/out"
}

@test "faults: vae-pack DIR" { faults -- vae-pack "$F/pics"; }
@test "faults: pictures in AVIF, gray and with alpha" { faults -k alloc,read,write -m 150 -i "$F/avif.tar" -- vae-stat -j 1; }
@test "faults: vae-pack IDX, gzip" { faults -k alloc,read,write,open,close -- vae-pack "$F/images.idx" "$F/labels.idx.gz" --only 'cls < 2' -o o.tar; }
@test "faults: vae-train -p" { faults -g train.jsonl -w m.vae/state -i "$F/mixed.tar" -p -- vae-train -p -q -c tiny --set train.steps=2 --set train.checkpoints=2 -j 1 -o m.vae; }
@test "faults: vae-pack CSV" { faults -k alloc,read,write,open,close -- vae-pack --label c "$F/rows.csv.gz"; }
@test "faults: vae-pack, a table with missing values" { faults -k alloc,read,write,open -- vae-pack -q --header --skip id --label kind,shop --missing mark --decimal-comma --thousands . "$F/table.csv"; }
@test "faults: vae-pack, categories of a table" { faults -k alloc,read,write,open -- vae-pack -q --header --categories c --missing mark "$F/columns.csv"; }
@test "faults: vae-pack, columns of a table" { faults -k alloc,read,write,open -- vae-pack -q --header --columns a,b --missing skip "$F/columns.csv"; }
@test "faults: vae-pack --follow --classes --together" { faults -k alloc,read,write,open -- vae-pack -q --follow --classes --together "$F/folder"; }
@test "faults: vae-pack ARCHIVE" { faults -k alloc,read,write,open -- vae-pack -q --classes --together "$F/folder.zip"; }
@test "faults: json.NAME" { faults -k alloc,read,write -i "$F/json.tar" -- vae-drop -q -e 'json.v > 1 && json.s.t ~ "a*"' --max-drop 90%; }
@test "faults: json.NAME in a table" { faults -k alloc,read,write -i "$F/json.tar" -- vae-cut -k key,json.big,json.s.t --summary sum.json; }
@test "faults: vae-pack npy" { faults -k alloc,read,write,open,close -- vae-pack "$F/rows.npy"; }
@test "faults: vae-train --resume, --mem 0" { faults -m 100 -g train.jsonl -w m.vae/state -d "$F/half" -i "$F/p.tar" -- vae-train -q -c tiny --resume --mem 0 --set train.holdout=0 --set train.steps=3 --set train.checkpoints=2 -j 1 -o m.vae; }
@test "faults: vae-train --replace" { faults -g train.jsonl -w m.vae/state -d "$F/old.model" -i "$F/p.tar" -- vae-train -q -c tiny --replace --seed 3 --set train.steps=2 --set train.checkpoints=2 -j 2 -o m.vae --summary sum.json; }
@test "faults: vae-train, virtual workers" { faults -k alloc,read,write,open -m 60 -g train.jsonl -w m.vae/state -- vae-train -q -c tiny --set train.shards=2 --set train.batch=4 --set train.steps=2 --set train.checkpoints=1 --set train.holdout=0.2 -j 1 -o m.vae "$F/p.tar" "$F/mixed.tar"; }
@test "faults: vae-train --curvature" { faults -k alloc,write,fsync,rename -m 60 -g train.jsonl -w m.vae/state -i "$F/p.tar" -- vae-train -q -c tiny --curvature --set train.steps=2 --set train.checkpoints=1 --set score.draws=2 -j 1 -o m.vae; }
@test "faults: vae-train --trace" { faults -k alloc,read,write,open,fsync,rename -m 100 -g train.jsonl -w m.vae/state -i "$F/p.tar" -- vae-train -q -c tiny --set train.optimizer=sgd --set train.steps=2 --set train.checkpoints=1 --set train.batch=4 --set score.draws=2 -t "$F/s.tar" --trace o.tsv -j 1 -o m.vae; }
@test "faults: vae-eval --mean" { faults -k alloc,read,write,open,fsync,rename -- vae-eval --mean --json -o o.json "$F/run.1" "$F/run.2"; }
@test "faults: vae-ckpt list" { faults -- vae-ckpt list -m "$F/m.vae"; }
@test "faults: vae-ckpt show" { faults -- vae-ckpt show -m "$F/m.vae"; }
@test "faults: vae-ckpt export" { faults -- vae-ckpt export -m "$F/m.vae" -o x.safetensors; }
@test "faults: vae-ckpt import" { faults -- vae-ckpt import -c tiny -o m.vae "$F/x.safetensors"; }
@test "faults: vae-ckpt import, renamed, folded and converted" { faults -k alloc,write,open -- vae-ckpt import -c "$ROOT/tests/data/torch-import/net.yaml" --rename encoder=e --rename e=encoder --summary sum.json -o m.vae "$ROOT/tests/data/torch-import/half.safetensors"; }
@test "faults: vae-ckpt verify" { faults -k alloc,write -- vae-ckpt verify -m "$F/m.vae"; }
@test "faults: vae-ckpt thin" { faults -d "$F/old.model" -- vae-ckpt thin --keep 1 -m m.vae; }
@test "faults: vae-ckpt eval --input-curvature" { faults -k alloc,write -i "$F/p.tar" -- vae-ckpt eval -m "$F/m.vae" -d 1 -j 1 --input-curvature 1; }
@test "faults: vae-ckpt eval" { faults -k alloc,read,write,open -i "$F/p.tar" -- vae-ckpt eval -m "$F/m.vae" -d 2 -j 1; }
@test "faults: vae-ckpt logp" { faults -k alloc,read,write,open -i "$F/p.tar" -- vae-ckpt logp -m "$F/m.vae" --set input.binarize=threshold -d 2 -j 1; }
@test "faults: vae-ckpt curvature" { faults -k alloc,read,write,open,fsync,rename -d "$F/old.model" -i "$F/p.tar" -- vae-ckpt curvature -q -m m.vae -d 2 -j 1; }
@test "faults: vae-memo" { faults -k alloc,read,write,open,fsync,rename -m 100 -g train.jsonl -w .vae/state -i "$F/mixed.tar" -- vae-memo -q --keep-models -c tiny --set train.steps=2 --set input.binarize=threshold --folds 2 -d 2 -j 1 -o d.memo; }
@test "faults: vae-memo --leave" { faults -k alloc,write -m 60 -g train.jsonl -w .vae/state -i "$F/p.tar" -- vae-memo -q --keep-models -c tiny --set train.steps=2 --set train.checkpoints=1 --leave "$F/keys" -t "$F/p.tar" -j 1 -o d.memo; }
@test "faults: vae-eval --lds" { faults -k alloc,write -- vae-eval --lds "$F/over.npy" --halves "$F/halves.memo"; }
@test "faults: vae-selfinf --curvature" { faults -k alloc,read,write -m 100 -i "$F/p.tar" -- vae-selfinf -m "$F/curved.vae" --curvature kfac --profile -d 2 -j 1; }
@test "faults: vae-ckpt curvature --ekfac" { faults -k alloc,read,write,open,fsync,rename -m 60 -d "$F/old.model" -i "$F/p.tar" -- vae-ckpt curvature -q -m m.vae --ekfac -d 2 -j 1; }
@test "faults: vae-selfinf --curvature ekfac" { faults -k alloc,read,write -m 60 -i "$F/p.tar" -- vae-selfinf -m "$F/curved.vae" --curvature ekfac -d 2 -j 1; }
@test "faults: vae-selfinf" { faults -i "$F/mixed.tar" -- vae-selfinf -m "$F/m.vae" --checkpoints all -j 1 -o out.tar --summary sum.json; }
@test "faults: vae-selfinf -j 2" { faults -k alloc,read,write,thread -i "$F/s.tar" -- vae-selfinf -m "$F/m.vae" --parts --prefix s_ -j 2; }
@test "faults: vae-selfinf, draws in sparse blocks" { faults -k alloc,write -i "$F/p.tar" -- vae-selfinf -m "$F/wide.vae" -d 16 -j 1; }
@test "faults: vae-selfinf, records are generated to choose between tiles and sparse blocks" {
	local tool=${EMULATED_PROGRAMS:-$BIN}/tiles/vae-selfinf
	"$BIN/tiles/vae-selfinf" -m "$F/wide.vae" -d 16 -j 1 "$F/p.tar" >"$T/tiles"
	if VAE_FILTERS_SIMD=avx512 "$BIN/tiles/vae-selfinf" -m "$F/wide.vae" -d 16 -j 1 "$F/p.tar" | cmp -s - "$T/tiles"; then skip 'no tiles are emulated here: this processor has no AVX-512'; fi
	faults -k alloc,write -i "$F/p.tar" -- "$tool" -m "$F/wide.vae" -d 16 -j 1
	cp "$T/out" "$T/generated"
	VAE_FILTERS_SIMD=amx faults -k alloc,write -i "$F/p.tar" -- "$tool" -m "$F/wide.vae" -d 16 -j 1
	[ "$(sed -n 's/^alloc  *\([0-9]*\).*/\1/p' "$T/generated")" -gt "$(sed -n 's/^alloc  *\([0-9]*\).*/\1/p' "$T/out")" ] || die 'nothing was generated'
}
@test "faults: vae-testinf" { faults -k alloc,read,write,open,fsync,rename -m 100 -d "$F/old.files" -i "$F/mixed.tar" -- vae-testinf -m "$F/m.vae" -t "$F/p.tar" --checkpoints all -d 2 --influence i.jsonl --matrix i.npy -j 1 -o out.tar; }
@test "faults: vae-testinf --merge" { faults -d "$F/old.files" -- vae-testinf -q --merge --influence i.jsonl "$F/over.jsonl" "$F/over2.jsonl"; }
@test "faults: vae-testinf --candidates --mem 0" { faults -k alloc,read,write -m 60 -i "$F/p.tar" -- vae-testinf -m "$F/m.vae" -t "$F/p.tar" -d 2 --candidates 2 --mem 0 -j 1; }
@test "faults: vae-testinf --curvature" { faults -k alloc,read,write -m 60 -i "$F/p.tar" -- vae-testinf -m "$F/curved.vae" -t "$F/p.tar" --curvature ekfac -d 2 -j 1; }
@test "faults: vae-density" { faults -p -i "$F/s.tar" -- vae-density --method knn,kde,gmm --neighbors 2 --clusters 2 --prefix s_ -j 1; }
@test "faults: vae-density --scale" { faults -k alloc,write -i "$F/s.tar" -- vae-density --scale robust,none --neighbors 2,3 --prefix s_ -j 1; }
@test "faults: vae-density --duplicates" { faults -k alloc,write -i "$F/s.tar" -- vae-density --duplicates 0.9 --neighbors 3 --prefix s_ -j 1; }
@test "faults: vae-density --part" { faults -k alloc,read,write,open,fsync,rename -d "$F/old.files" -i "$F/s.tar" -- vae-density -q --neighbors 2 -j 1 --against "$F/p.tar" --part i.knn; }
@test "faults: vae-density --merge" { faults -k alloc,read,write,open -p -i "$F/s.tar" -- vae-density -q --neighbors 2 --prefix s_ -j 1 --merge "$F/p.knn,$F/s.knn"; }
@test "faults: vae-density --against" { faults -p -i "$F/s.tar" -- vae-density --method knn,kde --scale none,std --neighbors 2 --prefix s_ -j 1 --against "$F/p.tar"; }
@test "faults: vae-density -t" { faults -k alloc,read,write,open,rename,fsync -i "$F/s.tar" -- vae-density --method kde --sigma 3 --neighbors 2 --prefix s_ -j 1 -t "$F/p.tar" --influence i.tsv; }
@test "faults: vae-density --space LAYER" { faults -k alloc,write -i "$F/s.tar" -- vae-density --space encoder.1 -m "$F/m.vae" --neighbors 2 --prefix s_ -j 1; }
@test "faults: vae-density --space latent" { faults -k alloc,write -i "$F/s.tar" -- vae-density --space latent -m "$F/m.vae" --neighbors 2 --prefix s_ -j 1; }
@test "faults: vae-stat" { faults -i "$F/mixed.tar" -- vae-stat --prefix s_ -j 1 -o out.tar --summary sum.json; }
@test "faults: vae-stat --reasons" { faults -k alloc,read,write -i "$F/s.tar" -- vae-stat --reasons --prefix s_ -j 2; }
@test "faults: vae-rank" { faults -p -i "$F/s.tar" -- vae-rank -k w --prefix t_; }
@test "faults: vae-rank -k a,b --save-ref" { faults -k alloc,write,rename -d "$F/old.files" -i "$F/s.tar" -- vae-rank -k w,rank --save-ref ref.json --prefix t_; }
@test "faults: vae-rank --joint mahalanobis" { faults -k alloc,write -i "$F/more.tar" -- vae-rank -k a,b --joint mahalanobis; }
@test "faults: vae-rank --joint both" { faults -k alloc,write,rename -i "$F/more.tar" -- vae-rank -k 'a,b*' --unlike 'b,a*' --far b --joint both --save-ref ref.json; }
@test "faults: vae-rank --merge-ref" { faults -k alloc,read,write,rename -- vae-rank --merge-ref "$F/ref.json" "$F/ref.json" -o merged.json; }
@test "faults: vae-rank --learn" { faults -k alloc,read,write,rename -i "$F/more.tar" -- vae-rank -k a,b --learn "$F/decisions" --save-ref ref.json; }
@test "faults: vae-rank --ref, both" { faults -k alloc,read,write -i "$F/more.tar" -- vae-rank --ref "$F/both.json"; }
@test "faults: vae-rank --ref" { faults -k alloc,read,write -i "$F/s.tar" -- vae-rank --ref "$F/ref.json" --prefix t_; }
@test "faults: vae-rank --sort" { faults -i "$F/s.tar" -- vae-rank --sort -k w --prefix t_; }
@test "faults: vae-drop" { faults -d "$F/old.files" -i "$F/s.tar" -- vae-drop --top 2 -r rejects.tar -o out.tar.zst --summary sum.json; }
@test "faults: vae-drop -e --max-drop" { faults -k alloc,read,write -i "$F/s.tar" -- vae-drop -e 'rank < 2 || missing == "x"' --max-drop 50%; }
@test "faults: vae-drop --duplicates" { faults -k alloc,read,write -d "$F/old.files" -i "$F/s.tar" -- vae-drop --duplicates keep-first -k w -r rejects.tar; }
@test "faults: vae-drop --keys" { faults -k alloc,read,write,rename -d "$F/old.files" -i "$F/s.tar" -- vae-drop --keys "$F/keys" -r rejects.tar; }
@test "faults: vae-cut" { faults -i "$F/s.tar" -- vae-cut -k key,w,cls; }
@test "faults: vae-cut --columns" { faults -k alloc,read,write,open,rename,fsync -d "$F/old.files" -i "$F/more.tar" -- vae-cut --columns old.col --bind x -k 'a,b*'; }
@test "faults: vae-rank --columns" {
	vae-cut -q --columns "$F/a.col" -k 'a,b*' "$F/more.tar"
	faults -k alloc,read,write,open,rename,fsync -i "$F/more.tar" -- vae-rank --columns --keys-per-file --top 50% --lists "$F/lists" -k 'a,b*' --joint both "$F/a.col"
}
@test "faults: vae-cut --json, every compression" {
	local some=0 i
	for i in zstd gzip xz bzip2 lz4 old-lz4; do
		[ ! -e "$F/s.tar.$i" ] || {
			faults -i "$F/s.tar.$i" -- vae-cut --json
			some=1
		}
	done
	is "$some" 1
}
@test "faults: vae-eval" { faults -i "$F/s.tar" -- vae-eval -k w,selfinf --positive 'cls == 1 || key == "none"' --json; }

@test "faults: vae-eval --svg" { faults -k alloc,read,write,rename -i "$F/course.tar" -- vae-eval -k memo --json --svg charts; }
@test "faults: vae-eval --influence" { faults -k alloc,read,write,open -m 120 -i "$F/s.tar" -- vae-eval --influence "$F/over.jsonl" --class cls -t "$F/p.tar" --svg charts; }
@test "faults: vae-eval --influence, keys" { faults -k alloc,read,write -m 60 -- vae-eval --influence "$F/over.jsonl" --class key/ --json; }
@test "faults: vae-eval --plane" { faults -k alloc,read,write -m 100 -i "$F/points.tar" -- vae-eval -k w --plane --class cls -t "$F/points.tar" --svg charts; }
@test "faults: vae-eval --runs" { faults -k alloc,read,write,open -m 120 -- vae-eval --runs -k w --positive 'cls == 1' --svg charts "$F/s.tar" "$F/again.tar"; }
@test "faults: vae-report --middle" { faults -k alloc,read,write -m 100 -i "$F/course.tar" -- vae-report --top 1 --middle 2 -o page.html; }

@test "faults: vae-report" { faults -d "$F/old.files" -i "$F/s.tar" -- vae-report -m "$F/m.vae" -k selfinf --influence "$F/over.jsonl" -t "$F/p.tar" --quarantine "$F/q.tar" --top 2 --rows 2 -o page.html; }
@test "faults: vae-report --review" { faults -k alloc,read,write,open -m 120 -i "$F/s.tar" -- vae-report --review -k selfinf --influence "$F/own.jsonl" --decisions "$F/decisions" --top 2 --nearest 2 -j 1 -o page.html; }
@test "faults: vae-report --review -m" { faults -k alloc,write -m 60 -i "$F/s.tar" -- vae-report --review -m "$F/m.vae" -k selfinf --only 'w > 1' -j 1; }

@test "every tool has a row" {
	local tool
	for tool in "$ROOT"/filters/vae-*.c; do
		tool=$(basename "$tool" .c)
		grep -q "^@test \"faults: ${tool}[ \"]" "$BATS_TEST_FILENAME" || die "no row for $tool"
	done
}

@test "fault-loop detects a tool that ignores failures" {
	# shellcheck disable=SC2016 # expanded by the script
	printf '#!/bin/sh\n(cat "$1" 2>/dev/null; :) | cat\n' >"$T/ignores" && chmod +x "$T/ignores"
	! fault-loop -s "$BIN/fault-shim.so" -k read -- "$T/ignores" "$F/p.tar" 2>"$T/err" || die 'a tool that ignores failures passes'
	grep -q 'differ from the reference' "$T/err"
}

@test "soak: a few seconds of make soak" {
	SOAK_SECONDS=4 ok "$ROOT/tests/soak"
	grep -qE '^soak: [1-9][0-9]* runs in .*, 0 failed$' "$T/out" || die "$(cat "$T/out")"
}
