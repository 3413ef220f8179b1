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
		vae-train -q -c tiny --set input.shape=[3,37,45] --set 'model.encoder=[flatten, {linear: 8}]' --set 'model.decoder=[{linear: 4995}]' \
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
		train) ok vae-train -c tiny --set input.shape=[1,8,8] --set train.steps=2 --set train.checkpoints=1 --set train.holdout=0 -o "$T/t.vae" "$T/in" ;;
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
