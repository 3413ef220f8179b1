# Inputs as they come from real shards: extensions that do not match, formats without a decoder, JPEG files with flaws, arrays
# of all kinds of numbers. Expected pixels and numbers are those of Pillow and numpy (tests/data/input/make_vectors.py).
# shellcheck disable=SC2119,SC2120,SC2016

load helper

IN=$ROOT/tests/data/input

setup_file() {
	pictures "$F/pics" 4
	vae-pack "$F/pics" | vae-train -q -c tiny --set train.steps=4 --set train.checkpoints=1 -o "$F/m.vae"
	# colours of 45 x 37 pixels, for files made of make_vectors.py's wave
	printf 'name=0.png file=%s\nname=1.png file=%s\n' "$IN/m-rgb.png" "$IN/s-rgb.png" | mktar |
		vae-train -q -c tiny --set 'input.shape=[3,37,45]' --set 'model.encoder=[flatten, {linear: 8}]' --set 'model.decoder=[{linear: 4995}]' \
			--set train.steps=2 --set train.checkpoints=1 --set train.holdout=0 -o "$F/colour.vae"
}

# recon FILE EXT: the record's scores by the colour model
scores() {
	printf 'name=a.%s file=%s\n' "$2" "$1" | mktar | vae-selfinf -q -m "$F/colour.vae" --set "input.field=$2" --on-error fail | vae-cut -k selfinf,recon,kl
}

@test "the first bytes select the decoder, not the extension" {
	local file
	for file in rgb420.jpg lossy.webp yuv420.avif m-rgb.png p6.ppm; do
		scores "$IN/$file" "${file##*.}" >"$T/own"
		grep -q '[0-9]' "$T/own"
		for ext in png jpg webp input.jpg x; do
			scores "$IN/$file" $ext >"$T/other"
			same "$T/own" "$T/other"
		done
	done
}

@test "jfif, jpe, webp, avif and pnm are payloads by default" {
	for i in gray.jpg:jfif gray.jpg:jpe lossy.webp:webp yuv420.avif:avif p5.pgm:pnm gray.jpg:JFIF; do
		printf 'name=a.%s file=%s\n' "${i#*:}" "$IN/${i%:*}" | mktar >"$T/in"
		ok vae-selfinf -m "$F/m.vae" --on-error fail "$T/in"
	done
}

# found WORD... < BYTES: a record of these bytes fails with a message of these words
found() {
	cat >"$T/bytes"
	printf 'name=a.jpg file=%s\nname=b.pgm file=%s\n' "$T/bytes" "$F/pics/0.pgm" | mktar >"$T/in"
	fails 1 vae-selfinf -m "$F/m.vae" --on-error fail "$T/in"
	says a.jpg "$@" 2>/dev/null || says "'a'" "$@"
	ok vae-selfinf -q -m "$F/m.vae" "$T/in"
	vae-cut -k error "$T/out" | grep -qF -- "$1"
}

@test "what has no decoder is named" {
	printf 'GIF89a\1\0\1\0' | found GIF decoders WebP
	printf 'BM......' | found BMP
	printf 'II*\0\10\0\0\0' | found TIFF
	printf '\0\0\0\30ftypheic\0\0\0\0mif1heic' | found HEIC
	printf '<!DOCTYPE html><title>404</title>' | found HTML
	printf '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>' | found 'object store' AccessDenied
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n' | found 'Git LFS pointer' 'git lfs pull'
	printf 'PK\3\4\24\0' | found .npz unzip
	printf '' | found empty
	head -c 100 /dev/zero | found zeros
}

@test "a record whose only member has another extension says what it is" {
	printf 'name=a.gif data=GIF89a%%01%%00\nname=b.pgm file=%s\n' "$F/pics/0.pgm" | mktar >"$T/in"
	fails 1 vae-selfinf -m "$F/m.vae" --on-error fail "$T/in"
	says 'none of its extensions (gif)' 'the payload is GIF'
}

@test "damaged WebP and AVIF are one line, and marked in the stream" {
	head -c 300 "$IN/lossy.webp" | found WebP
	found AVIF <"$IN/damaged.avif"
}

@test "vae-report and vae-eval take the payload that the model's input.field names" {
	for i in 0 1 2 3; do
		printf 'name=s%d.thumb.pgm data=x\nname=s%d.input.pgm file=%s\nname=s%d.cls data=%d\nname=s%d.vae.json data={"selfinf":%d,"loss":%d}\n' \
			$i $i "$F/pics/$i.pgm" $i $((i % 2)) $i $i $i
	done | mktar >"$T/in"
	vae-train -q -c tiny --set input.field=input.pgm --set train.steps=2 --set train.checkpoints=1 -o "$T/m.vae" "$T/in"
	ok vae-report -m "$T/m.vae" -o "$T/with.html" "$T/in"
	ok vae-report -o "$T/without.html" "$T/in"
	is "$(grep -c 'no payload' "$T/with.html")" 0
	grep -q 'no payload' "$T/without.html"
	grep -q 'data:image/png' "$T/with.html"
	ok vae-eval --json --positive 'cls == 1' -m "$T/m.vae" "$T/in"
	grep -q compressed_size "$T/out"
	ok vae-eval --json --positive 'cls == 1' "$T/in"
	not grep -q '"compressed_size":{' "$T/out"
	fails 1 vae-eval --positive 'cls == 1' -m "$T/none.vae" "$T/in"
	says none.vae
}

@test "input.jpeg=reduced: a large JPEG picture is decoded at a part of its size, and a model keeps that" {
	local small=(-q -c tiny --set 'input.shape=[3,4,5]' --set 'model.encoder=[flatten, {linear: 8}]' --set 'model.decoder=[{linear: 60}]'
		--set train.steps=2 --set train.checkpoints=1 --set train.holdout=0)
	printf 'name=0.jpg file=%s\nname=1.png file=%s\n' "$IN/rgb444.jpg" "$IN/m-rgb.png" | mktar >"$T/in"
	vae-train "${small[@]}" -o "$T/full.vae" "$T/in"
	vae-train "${small[@]}" --set input.jpeg=reduced -o "$T/reduced.vae" "$T/in"
	ok vae-ckpt show -m "$T/full.vae"
	not grep -q 'jpeg: ' "$T/out"
	ok vae-ckpt show -m "$T/reduced.vae"
	grep -q '  jpeg: reduced' "$T/out"
	# the picture in PNG has the same score, that in JPEG another
	for i in full reduced; do
		vae-selfinf -q -m "$T/full.vae" --set input.jpeg=$i --on-error fail "$T/in" | vae-cut -k mu_norm >"$T/$i"
	done
	is "$(sed -n 2p "$T/reduced")" "$(sed -n 2p "$T/full")"
	[ "$(sed -n 1p "$T/reduced")" != "$(sed -n 1p "$T/full")" ]
	# no part of 45 x 37 has twice this shape
	for i in full reduced; do
		printf 'name=0.jpg file=%s\n' "$IN/rgb444.jpg" | mktar | vae-selfinf -q -m "$F/colour.vae" --set input.jpeg=$i --on-error fail | vae-cut -k loss,selfinf >"$T/$i"
	done
	same "$T/full" "$T/reduced"
	fails 1 vae-train -q -c tabular --set input.jpeg=reduced -o "$T/t.vae" "$T/in"
	says input.jpeg vector
}

# means FILE: the norm of the latent mean, which does not depend on the hash of the file as draws do
means() { printf 'name=a.jpg file=%s\n' "$1" | mktar | vae-selfinf -q -m "$F/colour.vae" --on-error fail | vae-cut -k mu_norm; }

@test "JPEG as Pillow takes it: CMYK, and flaws that leave all pixels whole, which are counted" {
	for i in cmyk ycck cmyk-plain; do
		printf 'name=a.jpg file=%s\n' "$IN/$i.jpg" | mktar >"$T/in"
		ok vae-selfinf -m "$F/colour.vae" --on-error fail "$T/in"
		is "$(cat "$T/err")" ''
	done
	means "$IN/rgb444.jpg" >"$T/whole"
	for i in extraneous odd-scan odd-adobe; do
		means "$IN/$i.jpg" >"$T/flawed"
		same "$T/whole" "$T/flawed"
		printf 'name=%s.jpg file=%s\n' $i "$IN/$i.jpg" >>"$T/list"
	done
	mktar <"$T/list" >"$T/in"
	for tool in selfinf density train; do
		case $tool in
		selfinf) ok vae-selfinf -m "$F/colour.vae" "$T/in" ;;
		density) ok vae-density --neighbors 2 "$T/in" ;;
		train) ok vae-train -c tiny --set 'input.shape=[1,8,8]' --set train.steps=2 --set train.checkpoints=1 --set train.holdout=0 -o "$T/t.vae" "$T/in" ;;
		esac
		says '2 pictures have flaws that leave their pixels whole'
	done
	for i in no-end early-end; do
		printf 'name=a.jpg file=%s\n' "$IN/$i.jpg" | mktar >"$T/in"
		fails 1 vae-selfinf -m "$F/colour.vae" --on-error fail "$T/in"
		says remature
	done
}

@test "16-bit pictures whose samples all lie in the lowest bits are warned of" {
	{
		printf 'name=a.png file=%s\nname=b.png file=%s\n' "$IN/low16.png" "$IN/gray16.png"
		printf 'name=c.pgm data=P5%%0a8 8%%0a65535%%0a%s\n' "$(printf '%%0f%%ff%.0s' {1..64})"
		printf 'name=d.pgm data=P5%%0a8 8%%0a4095%%0a%s\n' "$(printf '%%0f%%ff%.0s' {1..64})"
	} | sed 's/P5%0a8 8/P5%0a8%208/' | mktar >"$T/in"
	ok vae-selfinf -m "$F/m.vae" --on-error fail "$T/in"
	says '2 pictures of 16 bits' 'below 4096'
	is "$(wc -l <"$T/err")" 1
	ok vae-selfinf -q -m "$F/m.vae" --on-error fail "$T/in"
	printf 'name=b.png file=%s\n' "$IN/gray16.png" | mktar >"$T/in"
	ok vae-selfinf -m "$F/m.vae" --on-error fail "$T/in"
	is "$(cat "$T/err")" ''
}

@test "wide and high pictures are limited by the number of pixels, not by side" {
	printf 'name=a.png file=%s\nname=b.png file=%s\n' "$IN/wide.png" "$IN/high.png" | mktar >"$T/in"
	ok vae-selfinf -m "$F/m.vae" --on-error fail "$T/in"
	printf 'name=a.pgm data=P5%%0a70000%%201000%%0a255%%0a\n' | mktar >"$T/in"
	fails 1 vae-selfinf -m "$F/m.vae" --on-error fail "$T/in"
	says '70000 x 1000' 'limit of 67108864 pixels'
}

# npy DESCR ORDER SHAPE TEMPLATE VALUE...: an .npy file; ORDER is True for Fortran, TEMPLATE that of perl's pack
npy() {
	perl -e 'my ($d, $o, $s, $t, @v) = @ARGV; my $h = sprintf "%-117s\n", "{\x27descr\x27: \x27$d\x27, \x27fortran_order\x27: $o, \x27shape\x27: ($s), }";
		binmode STDOUT; print "\x93NUMPY\1\0", pack("v", length $h), $h, pack($t, @v)' "$@"
}

# hex TAR: the payloads, in hexadecimal
hex() { lstar <"$1" | awk '$1 ~ /\.npy$/ { print $NF }'; }

# bytes FILE: its bytes in one line
bytes() { od -An -v -tx1 "$1" | tr -d ' \n'; }

@test "npy in big endian and in Fortran order is packed as its numbers in C order, little endian" {
	npy '<f4' False '3, 4' 'f<*' 1 2 3 4 5 6 7 8 9 10 11 12.5 >"$T/c.npy"
	npy '>f4' False '3, 4' 'f>*' 1 2 3 4 5 6 7 8 9 10 11 12.5 >"$T/be.npy"
	npy '<f4' True '3, 4' 'f<*' 1 5 9 2 6 10 3 7 11 4 8 12.5 >"$T/fortran.npy"
	npy '>f4' True '3, 4' 'f>*' 1 5 9 2 6 10 3 7 11 4 8 12.5 >"$T/both.npy"
	ok vae-pack "$T/c.npy"
	mv "$T/out" "$T/c.tar"
	for i in be fortran both; do
		ok vae-pack "$T/$i.npy"
		same "$T/c.tar" "$T/out"
		gzip -kf "$T/$i.npy"
		ok vae-pack "$T/$i.npy.gz"
		same "$T/c.tar" "$T/out"
		head -c -1 "$T/$i.npy" >"$T/cut.npy"
		fails 1 vae-pack "$T/cut.npy"
		says truncated
		(cat "$T/$i.npy" && printf x) >"$T/more.npy"
		fails 1 vae-pack "$T/more.npy"
		says 'more bytes after'
	done
	# labels too, and bool
	npy '>i4' False '3,' 'l>*' 7 -1 300 >"$T/labels.npy"
	ok vae-pack "$T/c.npy" "$T/labels.npy"
	is "$(vae-cut -k cls "$T/out" | tr '\n' ' ')" '7 -1 300 '
	npy '|b1' False '2, 3' 'C*' 1 0 1 0 0 1 >"$T/b.npy"
	ok vae-pack "$T/b.npy"
	npy '|b1' False '3,' 'C*' 0 0 1 >"$T/one.npy"
	is "$(hex "$T/out" | tail -n 1)" "$(bytes "$T/one.npy")"
}

@test "npy of shape n,h,w,3 are pictures, as of IDX; --as vector makes numbers of them" {
	# shellcheck disable=SC2046 # numbers
	npy '|u1' False '2, 4, 5, 3' 'C*' $(seq 1 120) >"$T/rgb.npy"
	perl -e 'binmode STDOUT; print pack("C4N4", 0, 0, 8, 4, 2, 4, 5, 3), pack "C*", 1 .. 120' >"$T/rgb.idx"
	ok vae-pack "$T/rgb.idx"
	mv "$T/out" "$T/idx.tar"
	ok vae-pack "$T/rgb.npy"
	same "$T/idx.tar" "$T/out"
	ok vae-pack --as vector "$T/rgb.npy"
	# shellcheck disable=SC2046 # numbers
	npy '|u1' False '60,' 'C*' $(seq 61 120) >"$T/one.npy"
	is "$(hex "$T/out" | tail -n 1)" "$(bytes "$T/one.npy")"
	mv "$T/out" "$T/numbers.tar"
	ok vae-density --neighbors 2 "$T/numbers.tar"
	is "$(vae-cut -k knn_nll "$T/out" | grep -c '[0-9]')" 2
	fails 2 vae-pack --as vector "$T/rgb.idx"
	says --as
}

@test "a payload .npy of shape h,w,3 is the picture of shape 3,h,w" {
	printf 'name=a.npy file=%s\n' "$IN/u1-hwc.npy" | mktar >"$T/hwc.tar"
	printf 'name=a.npy file=%s\n' "$IN/u1-fortran.npy" | mktar >"$T/fortran.tar"
	vae-train -q -c tiny --set 'input.shape=[3,5,4]' --set 'model.encoder=[flatten, {linear: 8}]' --set 'model.decoder=[{linear: 60}]' --set train.steps=2 \
		--set train.checkpoints=1 --set train.holdout=0 -o "$T/m.vae" "$T/hwc.tar"
	vae-selfinf -m "$T/m.vae" --on-error fail "$T/hwc.tar" | field mu_norm >"$T/a"
	vae-selfinf -m "$T/m.vae" --on-error fail "$T/fortran.tar" | field mu_norm >"$T/b"
	same "$T/a" "$T/b"
}

@test "float16 embeddings go through pack, train, selfinf, density and rank" {
	# 40 vectors of 8 numbers, one far away, two nearly equal; a half has 5 bits of exponent and 10 of mantissa
	perl -e 'sub half { my $x = shift; my $s = $x < 0 ? 32768 : 0; $x = abs $x; return $s unless $x; my $e = int(log($x) / log(2) + 100) - 100; $s | ($e + 15) << 10 | int(($x / 2 ** $e - 1) * 1024) }
		my @v; for my $i (0 .. 39) { push @v, half($i == 17 ? 3 : (($i == 30 ? 29 : $i) * (7 + 3 * $_) % 41) / 41 - .5) for 1 .. 8 }
		my $h = sprintf "%-117s\n", "{\x27descr\x27: \x27<f2\x27, \x27fortran_order\x27: False, \x27shape\x27: (40, 8), }";
		binmode STDOUT; print "\x93NUMPY\1\0", pack("v", length $h), $h, pack "v*", @v' >"$T/emb.npy"
	ok vae-pack "$T/emb.npy"
	mv "$T/out" "$T/emb.tar"
	vae-train -q -c tabular --set train.steps=50 --set train.checkpoints=1 -o "$T/m.vae" "$T/emb.tar"
	ok vae-selfinf -m "$T/m.vae" --on-error fail "$T/emb.tar"
	is "$(vae-cut -k selfinf "$T/out" | grep -c '[0-9]')" 40
	ok vae-density --neighbors 3 "$T/emb.tar"
	mv "$T/out" "$T/scored.tar"
	ok vae-rank -k knn_nll "$T/scored.tar"
	is "$(vae-cut -k rank,key "$T/out" | awk '$1 == 0 { print $2 }')" 00000017
	# a compound extension
	printf 'name=a.emb.npy file=%s\nname=a.npy data=x\n' "$IN/f2.npy" | mktar >"$T/in"
	ok vae-density --set input.field=emb.npy --neighbors 2 "$T/in"
	not grep -q error "$T/err"
}

@test "an npz is an error that says how to unpack it" {
	printf 'PK\3\4\24\0\0\0' >"$T/x.npz"
	fails 1 vae-pack "$T/x.npz"
	says x.npz unzip
	cp "$T/x.npz" "$T/x.npy"
	fails 1 vae-pack "$T/x.npy"
	says x.npy unzip
}
