# vae-report: the page of a scored stream, checked in Chromium (tests/lib/browse).
# shellcheck disable=SC2016,SC2094

load helper

setup_file() {
	pictures "$F/pics" 60
	stream 60 | grep -v vae.json | mktar >"$F/plain.tar"
	vae-train -q -c tiny --set train.steps=60 --set train.checkpoints=3 --set train.holdout=0.2 -o "$F/m.vae" "$F/plain.tar"
	vae-selfinf -m "$F/m.vae" "$F/plain.tar" | vae-rank >"$F/ranked.tar"
	vae-drop --top 10% -r "$F/quarantine.tar" "$F/ranked.tar" >"$F/clean.tar"
	stream 4 | grep -v vae.json | sed 's/name=s/name=t/' | mktar >"$F/tests.tar"
	vae-density --method knn,kde --sigma 2 -t "$F/tests.tar" --influence "$F/over.jsonl" --top 5 "$F/plain.tar" >/dev/null
	vae-report -m "$F/m.vae" --positive 'cls == 2' --influence "$F/over.jsonl" -t "$F/tests.tar" --quarantine "$F/quarantine.tar" -o "$F/full.html" "$F/ranked.tar"
}

browser() {
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || skip 'chromium is not installed: install the package chromium'
}

# browse PAGE [WIDTH [OPTION...]]: writes what the browser finds to $T/seen
browse() {
	"$LIB/browse" "$@" >"$T/seen" || die 'the browser said nothing'
}

# seen NAME: a value that the browser found
seen() { sed -n "s/^$1 //p" "$T/seen"; }

# sound: what every page must satisfy
sound() {
	local name
	for name in scripts handlers pwned foreign unnamed twice heads overflow console network; do
		is "$(seen $name)" 0 "$name"
	done
	is "$(seen lang)" en
	is "$(seen decoded)" "$(seen images)" 'pictures decoded'
}

@test "the checks in the browser notice errors" {
	browser
	printf '<!DOCTYPE html><html><body><script>pwned = 1; console.error("x")</script><img src="http://example.invalid/a.png"><svg role="img"></svg><table><tr><th>x</th></table><p id=a><p id=a><div style="width:9000px" onclick="x">x</div>' >"$T/bad.html"
	browse "$T/bad.html"
	local name
	for name in scripts handlers pwned foreign unnamed twice heads overflow console network; do
		[ "$(seen $name)" -gt 0 ] || die "$name: $(seen $name)"
	done
	is "$(seen images)" 1
	is "$(seen decoded)" 0
}

@test "the whole page is sound: on a desktop, on a phone, in dark mode" {
	browser
	browse "$F/full.html"
	sound
	# 40 at each end, 6 put aside, and each test record with its proponents and opponents
	is "$(seen images)" $((80 + 6 + $(grep -o '"key"' "$F/over.jsonl" | wc -l) + $(wc -l <"$F/over.jsonl")))
	is "$(seen background)" 'rgb(255, 255, 255)'
	browse "$F/full.html" 390
	sound
	awk -v s="$(seen smallest)" 'BEGIN { exit !(s >= 9.5) }' || die "text of $(seen smallest) pixels"
	browse "$F/full.html" 1280 --blink-settings=preferredColorScheme=0
	sound
	is "$(seen background)" 'rgb(20, 24, 27)'
}

@test "the label of an axis stands clear of the numbers beside it" {
	browser
	vae-report -o "$T/p.html" -k w,v,x <(for i in {1..60}; do printf 'name=s/%d.x data=1\nname=s/%d.vae.json data={"w":%d,"v":-0.00%d,"loss":%d,"x":%d}\n' "$i" "$i" $((i * 137)) $((10 + i)) "$i" $((-i * 150)); done | mktar)
	printf 'load\nprint %s\n' '[...document.querySelectorAll("svg.plot")].map(s => { const l = s.querySelector("text[transform]").getBoundingClientRect(); return [...s.querySelectorAll("text[text-anchor=end]")].filter(t => t.getBoundingClientRect().left < l.right + 1).length }).join(" ")' |
		"$LIB/drive" "$T/p.html" "$T/profile" >"$T/seen" 2>"$T/complaints" || die "drive: $(cat "$T/complaints")"
	grep -qx '0\( 0\)*' "$T/seen" || die "$(cat "$T/seen")"
}

@test "its numbers are those of vae-eval" {
	browser
	browse "$F/full.html"
	vae-eval -k selfinf,recon,nll,kl,mu_norm,sigma_norm --positive 'cls == 2' "$F/ranked.tar" >"$T/table"
	awk 'function done() { if (name) print name, auc, top, roc, se, ap, r2, rho }
		/^[a-z_]+( \(baseline\))?$/ { done(); name = $1 ($2 ? "_baseline" : ""); r2 = rho = "\xe2\x80\x93" }
		/^  AUC/ { auc = $6; top = $9; sub(/\)/, "", top) }
		/^  AUROC/ { roc = $2; se = $4 }
		/^  average/ { ap = $3 }
		/^  against/ { r2 = $4; rho = $6; sub(/,/, "", r2); sub(/^-/, "\xe2\x88\x92", rho) }
		/^side/ { done(); exit }' "$T/table" >"$T/want"
	is "$(wc -l <"$T/want")" 8
	sed -n 's/^cell measures [0-9]* //p' "$T/seen" >"$T/got"
	diff "$T/want" "$T/got"
	vae-eval -k selfinf --positive 'cls == 2' "$F/ranked.tar" >"$T/table"
	awk '/^  *[0-9]+ +\(/ { sub(/\( */, ""); sub(/%\)/, ""); print $1, $3, $4, $5 }' "$T/table" | head -7 | tr -d % >"$T/want"
	sed -n 's/^cell found [0-9]* //p' "$T/seen" | awk '{ print $1, $3, $4, $5 }' | sed 's/_%//g' >"$T/got"
	is "$(wc -l <"$T/want")" 7
	diff "$T/want" "$T/got"
}

@test "both ends of the scores, the highest and the lowest first" {
	browser
	ok vae-report --top 5 -o "$T/p.html" "$F/ranked.tar"
	browse "$T/p.html"
	sound
	vae-cut -k selfinf,key "$F/ranked.tar" | LC_ALL=C sort -gr | cut -f2 >"$T/order"
	(head -n 5 "$T/order" && tail -n 5 "$T/order" | tac) | sed 's/.*/"&"/' >"$T/want"
	seen key >"$T/got"
	diff "$T/want" "$T/got"
	is "$(seen images)" 10
	# without labels no detection; without -m no training
	not grep -qE 'id="(detection|training|influence|quarantine)"' "$T/p.html"
	# -k ranks by another field
	ok vae-report -k kl --top 1 -o "$T/p.html" "$F/ranked.tar"
	grep -q 'Highest kl' "$T/p.html"
	grep -qF "$(vae-cut -k kl,key "$F/ranked.tar" | LC_ALL=C sort -gr | head -n 1 | cut -f2)</bdi>" "$T/p.html"
	not grep -q 'Distribution of selfinf' "$T/p.html"
	# a field that no record has is an error
	fails 1 vae-report -k selfinff,kl -o "$T/none.html" "$F/ranked.tar"
	says "none of 60 records has a number in the field 'selfinff'"
	absent "$T/none.html"
	ok vae-report -k kl,selfinff "$F/ranked.tar"
	says "'selfinff'"
	# a joint score ranks; what vae-rank appends is not a score, under any prefix
	vae-rank --replace -k selfinf,recon "$F/ranked.tar" | vae-rank --prefix b_ -k kl >"$T/joint.tar"
	ok vae-report "$T/joint.tar"
	grep -q 'Highest joint' "$T/out"
	grep -q 'Distribution of selfinf' "$T/out"
	not grep -qE 'Distribution of (b_)?(rank|rank_n|pct|z)<' "$T/out"
}

@test "long keys are shortened in the middle" {
	local i
	for i in 1 2; do
		printf 'name=train/2024-11-05/kamera-vorne-links/0000000%d_8200967%d.vae.json data={"w":%d}\n' "$i" "$i" "$i"
		printf 'name=a/short/key/%d.vae.json data={"w":%d}\n' "$i" "$i"
		printf 'name=éééééééééééééééééééééééééééééééééééééé%d.vae.json data={"w":%d}\n' "$i" "$i"
	done | mktar >"$T/in.tar"
	ok vae-report -k w "$T/in.tar"
	grep -q 'title="train/2024-11-05/kamera-vorne-links/00000002_82009672">train/2024-1…-links/00000002_82009672</bdi>' "$T/out"
	grep -q 'title="a/short/key/1">a/short/key/1</bdi>' "$T/out"
	grep -q '>éééééééééééé…ééééééééééééééééééééééé2</bdi>' "$T/out"
}

@test "a record from a folder is shown with the name of its file" {
	mkdir -p "$T/folder/of"
	printf 'P5\n2 2\n255\nabcd' >"$T/folder/of/cat <1>.pgm"
	printf 'P5\n2 2\n255\nabxy' >"$T/folder/of/dog.pgm"
	vae-pack -q "$T/folder" | vae-stat | vae-rank -k stat_brightness >"$T/in.tar"
	ok vae-report -o "$T/p.html" "$T/in.tar"
	is "$(grep -c '<b>.*</b> <bdi class="mono">0000000.</bdi> <span class="lab"><bdi>of/[a-z<>1&; lgt]*.pgm</bdi>, z' "$T/p.html")" 2 'among the highest'
	is "$(grep -c '<bdi class="key lab" title="of/dog.pgm">of/dog.pgm</bdi>' "$T/p.html")" 2 'at both ends'
	is "$(grep -o 'alt="Number 1: 00000000, of/cat &lt;1&gt;.pgm, stat_brightness' "$T/p.html" | wc -l)" 1
	is "$(grep -c 'cat <1>' "$T/p.html")" 0
	grep -q '<strong>0</strong> of 2 records are suspects by <strong>stat_brightness</strong>: no score is more than 3.5' "$T/p.html"
}

@test "how the scores were made: model, options, and whether it is the model of -m" {
	local id
	id=$(vae-cut -k model "$F/ranked.tar" | head -n 1)
	grep -q "<code>$id</code>, options <code>$(vae-cut -k options "$F/ranked.tar" | head -n 1)</code>: 60 records" "$F/full.html"
	grep -q 'yes: the scores carry its id' "$F/full.html"
	grep -q 'Training curve' "$F/full.html"
	grep -q "held out $(sed -n 's/.*"holdout_loss":\([^,]*\).*/\1/p' "$F/m.vae/train.jsonl" | tail -n 1 | xargs printf %.6g)" "$F/full.html"
	vae-train -q -c tiny --set train.steps=4 --set train.checkpoints=1 --set train.seed=9 -o "$T/other.vae" "$F/plain.tar"
	ok vae-report -m "$T/other.vae" "$F/ranked.tar"
	grep -q 'no: the scores were made with another model' "$T/out"
	# all checkpoints together are the same model too
	vae-selfinf -m "$F/m.vae" --checkpoints all "$F/plain.tar" >"$T/all.tar"
	ok vae-report -m "$F/m.vae" "$T/all.tar"
	grep -q 'yes: the scores carry its id' "$T/out"
	# scores of two models are warned of
	vae-selfinf -m "$T/other.vae" "$F/plain.tar" >"$T/second.tar"
	ok vae-report --keys-per-file "$F/ranked.tar" "$T/second.tar"
	grep -q 'cannot be compared' "$T/out"
	not grep -q 'cannot be compared' "$F/full.html"
	fails 1 vae-report -m "$T/none.vae" "$F/ranked.tar"
	says -m none.vae
}

@test "records without a score, and payloads that cannot be shown" {
	{
		stream 3
		printf 'name=u/bad.png data=this%%20is%%20text\nname=u/bad.vae.json data={"w":99}\n'
		printf 'name=u/none.txt data=text\nname=u/none.vae.json data={"w":-99}\n'
		printf 'name=u/err.pgm data=P5\nname=u/err.vae.json data={"error":"cannot%%20decode:%%20it%%20is%%20cut"}\n'
	} | tr '\n' '\t' | sed 's/%20/%20/g' | tr '\t' '\n' | mktar >"$T/in.tar"
	ok vae-report -k w -o "$T/p.html" "$T/in.tar"
	grep -q 'the payload is text' "$T/p.html"
	grep -q 'no payload: none of its extensions (txt)' "$T/p.html"
	grep -q '1 record has no score, but an error' "$T/p.html"
	grep -q 'u/err</bdi>: cannot decode: it is cut' "$T/p.html"
	# no score at all
	ok vae-report "$F/plain.tar"
	grep -q 'none of them with <strong>selfinf' "$T/out"
	head -c 1024 /dev/zero >"$T/empty.tar"
	ok vae-report "$T/empty.tar"
	grep -q 'holds no records' "$T/out"
	# no record labelled, or all: a page, and a warning
	for i in 'cls == 7' 'cls < 7'; do
		ok vae-report --positive "$i" "$F/ranked.tar"
		says 'no detection curve'
		grep -q 'There is no detection curve' "$T/out"
		not grep -q 'id="measures"' "$T/out"
	done
	# a score without loss and without pictures
	printf 'name=a.vae.json data={"knn_selfinf":1,"z":2}\nname=b.vae.json data={"rank":1}\n' | mktar >"$T/in.tar"
	ok vae-report "$T/in.tar"
	grep -q 'Highest knn_selfinf' "$T/out"
	# long keys and labels are cut
	{
		printf 'name=%s.pgm file=%s\n' "$(head -c 90000 /dev/zero | tr '\0' k | sed 's|.\{100\}|&/|g')x" "$F/pics/1.pgm"
		printf 'name=%s.vae.json data={"w":1,"error":"%s"}\n' "$(head -c 90000 /dev/zero | tr '\0' k | sed 's|.\{100\}|&/|g')x" "$(head -c 100000 /dev/zero | tr '\0' e)"
	} | mktar >"$T/in.tar"
	ok vae-report -k w --max-size 0.04 "$T/in.tar"
	grep -q 'kkkk…</bdi>' "$T/out"
	# fields that only later records have
	printf 'name=a.vae.json data={"rank":1}\nname=b.vae.json data={"kl":2}\nname=c.vae.json data={"kl":3}\n' | mktar >"$T/in.tar"
	ok vae-report --positive 'key != "b"' "$T/in.tar"
	grep -q '2 records are labelled positive' "$T/out"
	grep -q 'Highest kl' "$T/out"
}

@test "pictures of every kind, and vectors as sparklines" {
	browser
	local i
	perl -e '
		sub npy { my ($t, $shape, $data) = @_; my $h = "{\x27descr\x27: \x27$t\x27, \x27fortran_order\x27: False, \x27shape\x27: ($shape), }"; $h .= " " x (-(length($h) + 11) % 64) . "\n";
			return "\x93NUMPY\x01\0" . pack("v", length $h) . $h . $data }
		sub out { my ($n, $d) = @_; open my $f, ">:raw", "$ARGV[0]/$n" or die; print $f $d }
		out "a.ppm", "P6\n300 200\n255\n" . join "", map { chr($_ * 7 % 256) } 0 .. 179999;
		out "b.npy", npy("|u1", "3, 8, 8", join "", map { chr($_) } 0 .. 191);
		out "c.npy", npy("|u1", "4, 200, 100", join "", map { chr($_ % 251) } 0 .. 79999);
		out "d.npy", npy("<f4", "5,", pack "f<5", 1, -2, 3.5, 0, 4);
		out "e.npy", npy("<f8", "1000,", pack "d<1000", map { sin($_ / 50) } 0 .. 999);
		out "f.npy", npy("|u1", "30,", join "", map { chr($_ * 8) } 0 .. 29);
		out "g.npy", npy("<f4", "1,", pack "f<", 7);
		out "h.npy", npy("<f4", "2,", pack("f<", 1) . pack("V", 0x7f800000));
		out "j.npy", npy("<i2", "6,", pack "s<6", -2, 5, 100, 0, 1, 2);
		out "i.pgm", "P5\n1 2000\n255\n" . "x" x 2000;' "$T"
	for i in a.ppm b.npy c.npy d.npy e.npy f.npy g.npy h.npy i.pgm j.npy; do
		printf 'name=%s file=%s\nname=%s.vae.json data={"w":%d}\n' "$i" "$T/$i" "${i%.*}" "'$i"
	done | mktar >"$T/in.tar"
	ok vae-report -k w --top 10 -o "$T/p.html" "$T/in.tar"
	browse "$T/p.html" 390
	sound
	is "$(seen images)" 8 # a, b, c and i at both ends
	is "$(grep -o '<svg class="sp"' "$T/p.html" | wc -l)" 10
	grep -q '6 values from −2 to 100' "$T/p.html"
	grep -q '1000 values from −1 to 1' "$T/p.html"
	grep -q '5 values from −2 to 4' "$T/p.html"
	grep -q 'value 1 is not finite' "$T/p.html"
	# all on one scale, from -2 to 232; few values are written out
	grep -q '<span class="vals">7</span>' "$T/p.html"
	is "$(grep -o '<path d="M50.0 [0-9.]*h0"' "$T/p.html" | sort -u)" '<path d="M50.0 58.8h0"'
	grep -q '<img width="128" height="85"' "$T/p.html"
}

@test "hostile names and fields remain text" {
	browser
	local evil='<script>pwned=1<%2fscript>' img='"><img%20src=x%20onerror=pwned=1>'
	{
		printf 'name=%s.pgm file=%s\n' "$evil" "$F/pics/0.pgm"
		printf 'name=%s.cls data=%s\n' "$evil" "<b>%27%22&amp;"
		printf 'name=%s.vae.json data={"w":1,"loss":2,"model":"<script>pwned=1<%%2fscript>","options":"\\"><svg%%20onload=pwned=1>"}\n' "$evil"
		printf 'name=%s.pgm file=%s\nname=%s.vae.json data={"w":2,"loss":3,"model":"\\u202e\\u0000\\u001b[31m%%00"}\n' "$img" "$F/pics/1.pgm" "$img" | sed 's/%00"}/"}/'
		printf 'name=ab%%e2%%80%%aecd%%1b[31m%%0a%%ff%%c2%%85%%f3%%a0%%81%%81.pgm file=%s\nname=ab%%e2%%80%%aecd%%1b[31m%%0a%%ff%%c2%%85%%f3%%a0%%81%%81.vae.json data={"w":3,"loss":9}\n' "$F/pics/2.pgm"
		printf 'name=%%d7%%a9%%d7%%9c%%d7%%95%%d7%%9d\\%%26lt;&amp;.pgm file=%s\nname=%%d7%%a9%%d7%%9c%%d7%%95%%d7%%9d\\%%26lt;&amp;.vae.json data={"w":4,"loss":1,"error":"<%%2fbdi><%%2fmain><script>pwned=1<%%2fscript>"}\n' "$F/pics/3.pgm"
	} | mktar >"$T/in.tar"
	printf '{"test":"<script>pwned=1</script>","method":"<i onclick=x>","proponents":[{"key":"\\"><script>pwned=1</script>","influence":1e400}]}\n' | sed s/1e400/1e300/ >"$T/rows.jsonl"
	{
		printf 'name=q.pgm file=%s\nname=q.vae.json data={"w":3,"dropped_by":"<img%%20src=x%%20onerror=pwned=1>\\u2066"}\n' "$F/pics/2.pgm"
	} | mktar >"$T/q.tar"
	ok vae-report -k 'w,<u>x' --positive 'key != "<script>" && w > 2' --title '</title><script>pwned=1</script>' --influence "$T/rows.jsonl" \
		--quarantine "$T/q.tar" -o "$T/p.html" "$T/in.tar"
	browse "$T/p.html"
	sound
	is "$(seen title)" '</title><script>pwned=1</script>'
	seen key | LC_ALL=C sort -u >"$T/got"
	LC_ALL=C sort -u >"$T/want" <<-'LIST'
		"<script>pwned=1</script>"
		"\"><img src=x onerror=pwned=1>"
		"ab\\xe2\\x80\\x…d\\x1b[31m\\n\\xff\\xc2\\x85\\u{e0041}"
		"שלום\\\\&lt;&amp;"
		"<script>pwned=1</script>"
		"\"><script>pwned=1</script>"
		"q"
	LIST
	diff "$T/want" "$T/got"
	seen text >"$T/text"
	for i in "label <b>'\"&amp;" '</bdi></main><script>pwned=1</script>' '<img src=x onerror=pwned=1>\u{2066}' '"><svg onload=pwned=1>' '\u{202e}\x00\x1b[31m' '<i onclick=x>' '<u>x' 'key != "<script>" && w > 2'; do
		grep -qF -- "$i" "$T/text" || die "not read: $i"
	done
	# no byte of the page controls a terminal or the direction of text
	clean <(tr -d '\n' <"$T/p.html") # lines end in newlines, nothing else
	not grep -qP '[\x{202a}-\x{202e}\x{2066}-\x{2069}\x{200e}\x{200f}]' "$T/p.html"
	iconv -f utf-8 -t utf-8 "$T/p.html" >/dev/null
}

@test "--max-size: pictures are shrunk, then left out" {
	local i sizes=()
	for i in $(seq 0 59); do
		perl -e 'srand $ARGV[0]; print "P6\n200 200\n255\n", map { chr int rand 256 } 1 .. 120000' "$i" >"$T/$i.ppm"
		printf 'name=r/%d.ppm file=%s\nname=r/%d.vae.json data={"w":%d}\n' "$i" "$T/$i.ppm" "$i" "$i"
	done | mktar >"$T/in.tar"
	ok vae-report -k w --top 60 -o "$T/default.html" "$T/in.tar"
	ok vae-report -k w --top 60 --max-size 20 -o "$T/large.html" "$T/in.tar"
	ok vae-report -k w --top 60 --max-size 0.3 -o "$T/small.html" "$T/in.tar"
	for i in default large small; do
		sizes+=("$(wc -c <"$T/$i.html")")
	done
	[ "${sizes[0]}" -le 5000000 ]
	[ "${sizes[1]}" -gt 5000000 ]
	[ "${sizes[1]}" -le 20000000 ]
	[ "${sizes[2]}" -le 300000 ]
	[ "${sizes[2]}" -gt 100000 ]
	grep -q 'To stay below 5 MB' "$T/default.html"
	grep -q 'To stay below 0.3 MB' "$T/small.html"
	not grep -q 'To stay below' "$T/large.html"
	not grep -q 'To stay below' "$F/full.html"
	fails 1 vae-report -k w --max-size 0.001 -o "$T/tiny.html" "$T/in.tar"
	says --max-size
	absent "$T/tiny.html"
	for i in 0 -1 x 2000; do
		fails 2 vae-report -k w --max-size $i "$T/in.tar"
	done
}

@test "--influence: rows of pictures, and invalid files" {
	ok vae-report --rows 2 --influence "$F/over.jsonl" -t "$F/tests.tar" "$F/ranked.tar"
	is "$(grep -c '<article' "$T/out")" 2
	grep -q 'Shown: 2 of 8 lines' "$T/out"
	grep -q 'Test record <bdi class="key">t/0000</bdi> <span class="lab">knn' "$T/out"
	grep -q "alt=\"Number 1: $(sed -n '1s/.*"proponents":\[{"key":"\([^"]*\)".*/\1/p' "$F/over.jsonl"), label" "$T/out"
	# missing pictures
	ok vae-report --rows 1 --influence "$F/over.jsonl" "$F/ranked.tar"
	grep -q 'not in the stream' "$T/out"
	fails 2 vae-report -t "$F/tests.tar" "$F/ranked.tar"
	says --influence
	local text
	for text in 'x' '[1]' '{"test":1}' '{"test":"a","proponents":1}' '{"test":"a","proponents":[{"key":1,"influence":1}]}' '{"test":"a","opponents":[{"key":"x"}]}' '{"test":"a","proponents":[{"key":"x","influence":1}]'; do
		printf '{"test":"t","error":"no"}\n%s\n' "$text" >"$T/bad.jsonl"
		fails 1 vae-report --influence "$T/bad.jsonl" "$F/ranked.tar"
		says --influence "$T/bad.jsonl: line 2"
	done
	: >"$T/bad.jsonl"
	ok vae-report --influence "$T/bad.jsonl" "$F/ranked.tar"
	fails 1 vae-report --influence "$T/none" "$F/ranked.tar"
	says --influence "$T/none"
	head -c 700 "$F/tests.tar" >"$T/cut.tar"
	fails 1 vae-report --influence "$F/over.jsonl" -t "$T/cut.tar" "$F/ranked.tar"
	says -t "$T/cut.tar"
}

@test "--influence: the output of vae-testinf" {
	local side
	vae-testinf -q -m "$F/m.vae" -t "$F/tests.tar" --normalize both --top 3 --influence "$T/over.jsonl" "$F/plain.tar" >/dev/null
	is "$(wc -l <"$T/over.jsonl")" 4
	ok vae-report --top 0 --influence "$T/over.jsonl" -t "$F/tests.tar" "$F/ranked.tar"
	# every picture, in the order of the file: the test record, its proponents, its opponents
	for side in proponents opponents; do
		grep -q "\"$side\":\[{" "$T/over.jsonl"
	done
	grep -o '"\(test\|key\)":"[^"]*"' "$T/over.jsonl" | cut -d'"' -f4 >"$T/want"
	sed -n '/id="influence"/,/<\/section>/p' "$T/out" | grep -o 'alt="[^"]*' | sed 's/alt="//; s/Number [0-9]*: //; s/, .*//' >"$T/got"
	[ "$(wc -l <"$T/want")" -gt 12 ]
	diff "$T/want" "$T/got"
	# their values, and a minus sign for opponents
	grep -q ", influence $(sed -n '1s/.*"proponents":\[{"key":"[^"]*",[^}]*"influence":\([^,}]*\).*/\1/p' "$T/over.jsonl" | xargs printf %.4g)\"" "$T/out"
	grep -q ', influence −0' "$T/out"
	not grep -q 'not in the stream' "$T/out"
}

@test "--quarantine: records that were put aside, and why" {
	grep -q '6 records are in the quarantine' "$F/full.html"
	grep -qF "$(vae-cut -k dropped_by "$F/quarantine.tar" | sed -n '1s/.*/<bdi>&<\/bdi><\/th><td class="n">/p')" "$F/full.html"
	head -c 1024 /dev/zero >"$T/empty.tar"
	ok vae-report --quarantine "$T/empty.tar" "$F/ranked.tar"
	grep -q '0 records are in the quarantine' "$T/out"
	head -c 3000 "$F/quarantine.tar" >"$T/cut.tar"
	fails 1 vae-report --quarantine "$T/cut.tar" -o "$T/p.html" "$F/ranked.tar"
	says --quarantine "$T/cut.tar"
	absent "$T/p.html"
	no_leftovers "$T"
}

@test "the same page every time; whole or not at all; no terminal" {
	ok vae-report -o "$T/a.html" --summary "$T/s.json" "$F/ranked.tar"
	[ ! -s "$T/out" ]
	grep -q "\"bytes\":$(wc -c <"$T/a.html")," "$T/s.json"
	ok vae-report "$F/ranked.tar"
	same "$T/a.html" "$T/out"
	fails 1 vae-report -o "$T/no/such/p.html" "$F/ranked.tar"
	says "$T/no/such/p.html"
	head -c 20000 "$F/ranked.tar" >"$T/cut.tar"
	echo old >"$T/p.html"
	fails 1 vae-report -o "$T/p.html" "$T/cut.tar"
	is "$(cat "$T/p.html")" old
	for i in 1001 -1 x; do
		fails 2 vae-report --top "$i" "$F/ranked.tar"
		fails 2 vae-report --rows "$i" "$F/ranked.tar"
	done
	fails 2 vae-report -k '' "$F/ranked.tar"
	fails 2 vae-report --positive 'cls ==' "$F/ranked.tar"
	need script
	script -qec "vae-report '$F/ranked.tar'" /dev/null </dev/null >"$T/tty" || true
	grep -q 'standard output is a terminal' "$T/tty"
}

@test "-o may not replace an input" {
	local i all=(--influence "$T/over" -t "$T/tests" --quarantine "$T/put" "$T/in")
	cp "$F/over.jsonl" "$T/over"
	cp "$F/tests.tar" "$T/tests"
	cp "$F/quarantine.tar" "$T/put"
	cp "$F/ranked.tar" "$T/in"
	for i in over:--influence tests:-t put:--quarantine 'in:an input'; do
		fails 2 vae-report -o "$T/${i%%:*}" "${all[@]}"
		says -o "${i#*:}" "$T/${i%%:*}"
		fails 2 vae-report --summary "$T/${i%%:*}" "${all[@]}"
	done
	fails 2 vae-report -o "$T/in" <"$T/in"
	says -o 'on standard input'
	same "$F/over.jsonl" "$T/over"
	same "$F/tests.tar" "$T/tests"
	same "$F/quarantine.tar" "$T/put"
	same "$F/ranked.tar" "$T/in"
}
