# vae-stat: its numbers against numpy, its reasons, and what it does with payloads of every kind. test_stat.c has the naive version.
# shellcheck disable=SC2016

load helper

setup_file() {
	# photographs in colour, of noise with a smooth ground: P6 of 24x24
	perl -e 'srand 5; mkdir $ARGV[0];
		sub ppm { my ($name, $value) = @_; open my $f, ">", "$ARGV[0]/$name.ppm"; binmode $f; print $f "P6\n24 24\n255\n";
			for my $y (0 .. 23) { for my $x (0 .. 23) { print $f pack "C3", map { int } $value->($x, $y) } } }
		my $photo = sub { map { 60 + $_[0] * 3 + $_[1] * 2 + rand 60 } 1 .. 3 };
		ppm(sprintf("m%03d", $_), $photo) for 0 .. 99;
		ppm("n-cut", sub { $_[1] > 15 ? (128) x 3 : $photo->(@_) });
		ppm("o-bars", sub { $_[1] < 4 || $_[1] > 19 ? (0) x 3 : $photo->(@_) });
		ppm("p-gray", sub { my $v = rand 255; ($v) x 3 });
		ppm("q-blank", sub { (200, 10, 30) });
		ppm("r-dot", sub { $_[0] == 3 && $_[1] == 9 ? (0) x 3 : (255) x 3 })' "$F/photos"
	vae-pack "$F/photos" >"$F/photos.tar"
}

@test "every statistic is that of numpy" {
	ok vae-stat --on-error fail "$ROOT/tests/data/stat/records.tar"
	vae-cut --json "$T/out" >"$T/fields"
	ok perl -MJSON::PP -e 'local $/; open my $e, "<", $ARGV[0]; my $want = decode_json(<$e>); $/ = "\n"; open my $g, "<", $ARGV[1]; my $n = 0;
		while (<$g>) {
			my $r = decode_json($_); my $key = delete $r->{key}; my $w = $want->{$key} or die "$key?\n";
			die "$key: fields " . join(" ", sort keys %$r) . "\n" if join(" ", sort keys %$r) ne join(" ", sort keys %$w);
			for (keys %$w) { my $d = abs($r->{$_} - $w->{$_}); $n++; die "$key: $_ is $r->{$_}, not $w->{$_}\n" if $d > 1e-8 * (1e-3 + abs $w->{$_}) } }
		print "$n numbers\n"' "$ROOT/tests/data/stat/expected.json" "$T/fields"
	is "$(cat "$T/out")" '164 numbers'
}

@test "any processor and any -j give the same bytes" {
	local i
	ok vae-stat -j1 "$ROOT/tests/data/stat/records.tar" "$F/photos.tar"
	mv "$T/out" "$T/want"
	for i in plain avx2 avx512; do
		VAE_FILTERS_SIMD=$i vae-stat -j3 "$ROOT/tests/data/stat/records.tar" "$F/photos.tar" >"$T/got"
		same "$T/want" "$T/got"
	done
}

@test "--reasons names damage" {
	ok vae-stat --reasons --summary "$T/s.json" "$F/photos.tar"
	[ ! -s "$T/err" ]
	cp "$T/out" "$T/named.tar"
	is "$(vae-cut -k key,reason "$T/named.tar" | awk -F '\t' '$2 != "" { printf "%s=%s;", $1, $2 }')" \
		'00000100=cut;00000101=barred;00000102=gray among colour;00000103=blank;00000104=nearly uniform, gray among colour;'
	for i in '"blank":1' '"nearly_uniform":1' '"cut":1' '"barred":1' '"gray_among_colour":2' '"missing_values":0' '"broken":0'; do
		grep -qF "$i" "$T/s.json" || die "$i: $(cat "$T/s.json")"
	done
	ok vae-drop -e 'reason ~ "*cut*"' -r "$T/r.tar" "$T/named.tar"
	is "$(vae-cut -k key "$T/r.tar")" 00000100
	# without it there is no reason, and one that is there is removed only by --replace
	ok vae-stat "$F/photos.tar"
	is "$(vae-cut --json "$T/out" | grep -c reason)" 0
	fails 1 vae-stat "$T/named.tar"
	says 'stat_width' --replace
	ok vae-stat --replace "$T/named.tar"
	is "$(vae-cut --json "$T/out" | grep -c reason)" 0
}

@test "what more than 5 % of the pictures look like is no damage" {
	local i
	mkdir "$T/pics"
	for ((i = 0; i < 6; i++)); do # 6 of 106 with bars
		cp "$F/photos/o-bars.ppm" "$T/pics/bars$i.ppm"
	done
	cp "$F/photos"/m*.ppm "$T/pics"
	vae-pack "$T/pics" >"$T/in.tar"
	ok vae-stat --reasons "$T/in.tar"
	says '6 of 106 pictures look barred' 'they are not named so'
	is "$(vae-cut --json "$T/out" | grep -c reason)" 0
	rm "$T/pics/bars5.ppm" # 5 of 105
	vae-pack "$T/pics" >"$T/in.tar"
	ok vae-stat --reasons "$T/in.tar"
	is "$(vae-cut -k reason "$T/out" | grep -c barred)" 5
}

@test "broken payloads and vectors have reasons too" {
	{
		printf 'name=a.png data=text\nname=b.npy file=%s\n' "$ROOT/tests/data/input/f4-1d.npy"
		printf 'name=c.npy data=%%93NUMPY%%01%%00%%76%%00%s%%0a' "$(printf '%-117s' "{'descr':'<f4','fortran_order':False,'shape':(2,),}" | sed 's/ /%20/g')"
		printf '%%00%%00%%c0%%7f%%00%%00%%80%%3f\n'
	} | mktar >"$T/in.tar"
	ok vae-stat --reasons -q "$T/in.tar"
	is "$(vae-cut -q -k key,reason,stat_missing "$T/out" | tr '\t\n' ',;')" 'a,broken,;b,,0;c,missing values,0.5;'
	is "$(vae-cut -q -k error "$T/out" | grep -c .)" 1
}

@test "the payload: as the other tools, else by content, or --input" {
	local data=$ROOT/tests/data/input
	printf 'name=a.txt data=text\nname=a.seg.bin file=%s\nname=a.npy file=%s\nname=b.txt data=text\nname=b.bin file=%s\n' "$data/rgb8.png" "$data/f4-1d.npy" "$data/gray8.png" | mktar >"$T/in.tar"
	ok vae-stat --on-error fail "$T/in.tar"
	is "$(vae-cut -k key,stat_channels,stat_values "$T/out" | tr '\t\n' ',;' | sed 's/[0-9]*;/N;/g')" 'a,,N;b,1,N;'
	ok vae-stat --input seg.bin "$T/in.tar"
	says '1 of 2 records' "'b'"
	is "$(vae-cut -q -k stat_channels "$T/out" | head -1)" 3
	fails 2 vae-stat --input 'a,,b' "$T/in.tar"
}

@test "the fields rank jointly: damage comes first" {
	ok vae-stat "$F/photos.tar"
	vae-rank -q --joint mahalanobis -k stat_bytes_per_pixel,stat_brightness,stat_contrast,stat_saturation,stat_sharpness,stat_noise,stat_entropy,stat_common "$T/out" >"$T/r.tar"
	is "$(vae-cut -k key,rank "$T/r.tar" | awk '$1 >= 100 && $2 < 5' | wc -l)" 5
}

@test "a record that no tool can read goes through a pipeline of several" {
	pictures "$F/pics" 20
	{ plain_stream 20; printf 'name=s/broken.pgm data=P5%%0a8\n'; } | mktar >"$T/in.tar"
	train "$T/m.vae" <"$T/in.tar" 2>"$T/err"
	set -o pipefail
	vae-stat -q "$T/in.tar" | vae-selfinf -q -m "$T/m.vae" | vae-density -q --prefix d_ --neighbors 2 | vae-rank -q -k selfinf,stat_entropy >"$T/out"
	is "$(field key,error <"$T/out" | awk -F '\t' '$2 != ""' | cut -f 1)" s/broken
	# a score does not take away the error of another tool; with --replace it does
	vae-density -q --neighbors 2 --set 'input.shape=[1, 8, 8]' "$T/in.tar" | vae-selfinf -q --prefix s_ -m "$T/m.vae" >"$T/out"
	is "$(field key,error,s_error <"$T/out" | awk -F '\t' '$2 != "" && $3 != ""' | cut -f 1)" s/broken
	printf 'name=s/0000.pgm data=%s\nname=s/0000.vae.json data={"error":"mine"}\n' "P5%0a8%208%0a255%0a$(printf '%%%02x' $(seq 64))" | mktar >"$T/one.tar"
	is "$(vae-stat "$T/one.tar" | field error)" mine
	is "$(vae-stat --replace "$T/one.tar" | field error 2>/dev/null)" ''
}
