# vae-report --review: the page of suspects, worked with in Chromium (tests/lib/drive), and what it exports.
# shellcheck disable=SC2016

load helper

# kinds N: pictures $F/kinds/I.pgm of 12x12: 0 to 59 are noise, 60 to 79 bright above, 80 to 99 bright at the left
kinds() {
	mkdir -p "$F/kinds"
	perl -e 'srand 5; my $d = shift; for my $i (0 .. 99) { open my $f, ">:raw", "$d/$i.pgm" or die $!; print $f "P5\n12 12\n255\n";
		for my $p (0 .. 143) { my ($y, $x) = (int $p / 12, $p % 12);
			print $f chr($i < 60 ? int rand 256 : 20 + int(rand 20) + 180 * ($i < 80 ? $y < 6 : $x < 6)) } }' "$F/kinds"
}

setup_file() {
	kinds
	local i
	for ((i = 0; i < 100; i++)); do # w: the kinds are the highest, mixed; v: i * 7 % 100
		printf 'name=s/%04d.pgm file=%s/kinds/%d.pgm\nname=s/%04d.cls data=%d\n' "$i" "$F" "$i" "$i" $((i / 20))
		printf 'name=s/%04d.vae.json data={"w":%d.5,"v":%d}\n' "$i" $((i < 60 ? i : 100 + i * 37 % 40)) $((i * 7 % 100))
	done | mktar | vae-rank -k w >"$F/in.tar"
	vae-report --review --top 40 -o "$F/page.html" "$F/in.tar"
}

browser() {
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || skip 'chromium is not installed: install the package chromium'
}

# drive PAGE < COMMANDS: what the browser prints is in $T/seen; it keeps its data from call to call of a test
drive() {
	"$LIB/drive" "$1" "$T/profile" >"$T/seen" 2>"$T/complaints" || die "drive: $(cat "$T/complaints")"
	grep -qx 'errors 0' "$T/seen" || die "errors: $(cat "$T/complaints")"
	grep -qx 'network 0' "$T/seen" || die "network: $(cat "$T/complaints")"
}

# line N: line N of what was seen
line() { sed -n "$1p" "$T/seen"; }

COUNTS='["k","d","u","left"].map(x => document.getElementById("n-" + x).textContent).join(" ")'
EXPORT='(() => { document.getElementById("open-export").click(); const t = document.getElementById("text").value; document.getElementById("close").click(); return JSON.stringify(t) })()'
CURRENT='document.querySelector("[aria-current]").closest(".card").dataset.i'

# SOUND: faults that an audit of the page finds, by name
SOUND='(() => {
	const all = [...document.querySelectorAll("*")], bad = [], ids = all.map(e => e.id).filter(Boolean);
	const name = e => e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && [...e.labels].map(l => l.textContent).join("")) || (document.getElementById(e.getAttribute("aria-labelledby")) || {}).textContent;
	if (new Set(ids).size < ids.length) bad.push("ids");
	if (document.documentElement.scrollWidth > document.documentElement.clientWidth) bad.push("overflow " + document.documentElement.scrollWidth);
	for (const e of document.querySelectorAll("button,input,select,textarea,[role],section,aside,dialog,main")) if (!name(e) && e.getAttribute("role") !== "status") bad.push("no name: " + e.outerHTML.slice(0, 80));
	for (const e of document.querySelectorAll("label,input,select,textarea")) if (e.matches("input,select,textarea") && !name(e)) bad.push("no label");
	for (const e of document.querySelectorAll("th")) if (!e.scope) bad.push("th");
	for (const e of document.querySelectorAll("table")) if (!e.caption) bad.push("caption");
	for (const e of document.images) if (e.alt === null || !e.hasAttribute("alt")) bad.push("alt");
	for (const e of all) for (const a of e.attributes) if (/^on|^style$/i.test(a.name) && !(a.name === "style" && e.closest(".meter"))) bad.push("attribute " + a.name);
	for (const e of all) for (const a of e.attributes) if (/^(src|href|action)$/.test(a.name) && !/^(#|data:image\/(png|jpeg);base64,)/.test(a.value)) bad.push(a.value);
	if (document.querySelectorAll("[tabindex=\"0\"].card").length !== 1) bad.push("tab stops");
	for (const id of ["status", "shown"]) if (document.getElementById(id).getAttribute("role") !== "status") bad.push("live " + id);
	if (!document.documentElement.lang) bad.push("lang");
	return bad.join("; ") || "sound" })()'
SOUND=${SOUND//[$'\n\t']/ }
# DECODED: pictures that the browser cannot decode, once they are all shown
DECODED='Promise.all([...document.images].map(i => i.decode().then(() => 0, () => 1))).then(l => l.length + " pictures, " + l.reduce((a, b) => a + b, 0) + " broken")'

@test "the page is sound: on a desktop, on a phone, in dark mode" {
	browser
	drive "$F/page.html" <<-LIST
		size 1280 900
		load
		print $SOUND
		print $DECODED
		print getComputedStyle(document.body).backgroundColor
		print getComputedStyle(document.getElementById("why")).position
		click li:nth-child(2) [data-d=d]
		spoken group button status
		key z
		size 375 800
		load
		print $SOUND
		print getComputedStyle(document.getElementById("why")).position
		print Math.min(...[...document.querySelectorAll("button")].filter(b => b.offsetWidth).map(b => Math.min(b.offsetWidth, b.offsetHeight))) >= 24
		tap #more
		print document.getElementById("why-body").offsetHeight > 100
		print $SOUND
		dark
		size 1280 900
		load
		print getComputedStyle(document.body).backgroundColor
		print $SOUND
	LIST
	is "$(line 1)" sound
	is "$(line 2)" "$(grep -o '<img' "$F/page.html" | wc -l | awk '{ print $1 + 5 }') pictures, 0 broken"
	is "$(line 3)" 'rgb(255, 255, 255)'
	is "$(line 4)" sticky
	# what a screen reader is told
	sed -n '5,/^end of what is spoken$/p' "$T/seen" >"$T/spoken"
	grep -qxE 'group: Number [0-9]+, key s/00[0-9]{2}, label [34], w 1[0-9]{2}\.5, high w, decided: drop' "$T/spoken"
	is "$(grep -cE '^group: Number [0-9]+, key' "$T/spoken")" 40
	grep -qxE 'group: Decide on all of group 1' "$T/spoken"
	grep -qx 'button: Drop, pressed' "$T/spoken"
	grep -qxE 'status: Number [0-9]+: drop\. 39 left\.' "$T/spoken"
	not grep -qE '^(button|group): (, |$)' "$T/spoken"
	sed -i '5,/^end of what is spoken$/d' "$T/seen"
	is "$(line 5)" sound
	is "$(line 6)" fixed
	is "$(line 7)" true
	is "$(line 8)" true
	is "$(line 9)" sound
	is "$(line 10)" 'rgb(20, 24, 27)'
	is "$(line 11)" sound
}

@test "the policy allows the script and the style of the page by their hashes, and nothing else" {
	local kind hash
	for kind in script style; do
		perl -0777 -ne 'print $1 if m{<'$kind'>(.*?)</'$kind'>}s' "$F/page.html" >"$T/$kind"
		[ "$(wc -c <"$T/$kind")" -gt 5000 ]
		hash=$(perl -MDigest::SHA=sha256_base64 -0777 -ne 'print sha256_base64($_)' "$T/$kind")
		grep -qF "$kind-src 'sha256-$hash='" "$F/page.html"
	done
	cmp "$T/script" "$ROOT/src/report/review.js"
	cmp "$T/style" "$ROOT/src/report/review.css"
	is "$(grep -c "default-src 'none'; img-src data:; script-src 'sha256-[^' ]*'; style-src 'sha256-[^' ]*'; base-uri 'none'; form-action 'none'\"" "$F/page.html")" 1
	not grep -qE "unsafe|eval\(|innerHTML|document\.write" "$F/page.html"
	# a script that is smuggled in does not run
	browser
	sed 's/<footer>/<script>pwned = 1<\/script><img src=x onerror="pwned = 2"><footer>/' "$F/page.html" >"$T/bad.html"
	"$LIB/drive" "$T/bad.html" "$T/profile" >"$T/seen" 2>"$T/complaints" <<-'LIST'
		load
		print typeof pwned
		print document.documentElement.className
	LIST
	is "$(line 1)" undefined
	is "$(line 2)" ready
	not grep -qx 'errors 0' "$T/seen"
}

@test "decisions by keyboard, mouse and touch, and undo" {
	browser
	drive "$F/page.html" <<-LIST
		size 1280 900
		load
		print $COUNTS
		click .card .rec
		print $CURRENT
		key d k u
		print $COUNTS
		print document.getElementById("status").textContent
		key ArrowLeft ArrowLeft d
		print $COUNTS
		key z
		print $COUNTS
		key z z z z
		print $COUNTS
		print document.getElementById("status").textContent
		click li:nth-child(3) [data-d=d]
		click li:nth-child(4) [data-d=k]
		click li:nth-child(4) [data-d=k]
		print $COUNTS
		print document.querySelectorAll(".card")[2].getAttribute("aria-label")
		print document.querySelectorAll(".card .act [aria-pressed=true]").length
		key ArrowRight Backspace
		click #decide [data-d=u]
		print $COUNTS
		size 375 800
		tap li:nth-child(6) [data-d=k]
		tap li:nth-child(5) .rec
		tap #decide [data-d=k]
		print $COUNTS
		tap #undo2
		print $COUNTS
	LIST
	is "$(line 1)" '0 0 0 40'
	is "$(line 2)" 0
	is "$(line 3)" '1 1 1 37'
	is "$(line 4)" "Number $(($(grep -o 'class="card" data-i="[0-9]*"' "$F/page.html" | sed -n '3s/[^0-9]//gp') + 1)): unsure. 37 left."
	is "$(line 5)" '0 2 1 37'
	is "$(line 6)" '1 1 1 37'
	is "$(line 7)" '0 0 0 40'
	is "$(line 8)" 'There is nothing to undo.'
	is "$(line 9)" '0 1 0 39'
	[[ "$(line 10)" == 'Number '*', decided: drop' ]]
	is "$(line 11)" 1
	is "$(line 12)" '0 1 1 38'
	is "$(line 13)" '2 1 0 37'
	is "$(line 14)" '1 1 1 37'
}

@test "arrows move through the rows as they are seen, and over groups" {
	browser
	drive "$F/page.html" <<-LIST
		size 1280 900
		load
		click .card .rec
		key End
		print [...document.querySelectorAll(".card")].pop() === document.activeElement
		key Home ArrowDown
		print (() => { const a = document.querySelector(".card").getBoundingClientRect(), b = document.activeElement.closest(".card").getBoundingClientRect(); return [b.left - a.left, b.top > a.top, b.top - a.top < 2 * a.height].join(" ") })()
		key ArrowRight ArrowUp ArrowLeft
		print document.querySelector(".card") === document.activeElement
		key ArrowDown ArrowDown ArrowDown ArrowDown
		print document.activeElement.closest(".group").id
		key Enter
		print document.activeElement.id
		key d Enter Escape
		print document.activeElement.closest(".card").dataset.i === $CURRENT
		key z
		# letters decide nothing where they are typed, or with other modifiers
		click #f-z
		key 5 d
		print $COUNTS
	LIST
	is "$(line 1)" true
	is "$(line 2)" '0 true true'
	is "$(line 3)" true
	[ "$(line 4)" != g0 ]
	is "$(line 5)" why-body
	is "$(line 6)" true
	is "$(line 7)" '0 0 0 40'
}

@test "like records are one group, and a group is one decision" {
	browser
	drive "$F/page.html" <<-LIST
		load
		print [...document.querySelectorAll(".group")].map(g => [...g.querySelectorAll(".card")].map(c => +c.querySelector(".key").textContent.slice(2) < 80 ? "a" : "b").join("")).join(" ")
		click [data-all=d]
		print $COUNTS
		print document.getElementById("status").textContent
		print document.querySelector(".gcount").textContent
		key z
		print $COUNTS
		click .card .rec
		key K
		print $COUNTS
	LIST
	# two kinds never share a group, and there are few groups
	not grep -qE '^.*(ab|ba)' <(line 1)
	is "$(line 1 | tr -d ' ' | fold -w1 | sort | uniq -c | xargs)" '20 a 20 b'
	[ "$(line 1 | wc -w)" -le 7 ]
	local first
	first=$(line 1 | cut -d' ' -f1 | tr -d '\n' | wc -c)
	is "$(line 2)" "0 $first 0 $((40 - first))"
	is "$(line 3)" "Dropped $first record$([ "$first" -eq 1 ] || echo s) of group 1. $((40 - first)) left."
	is "$(line 4)" 'all decided'
	is "$(line 5)" '0 0 0 40'
	is "$(line 6)" "$first 0 0 $((40 - first))"
}

@test "decisions survive a reload, belong to one page, and are exported; vae-drop takes them" {
	browser
	mkdir "$T/downloads"
	drive "$F/page.html" <<-LIST
		load
		click .card .rec
		key d u k d
	LIST
	drive "$F/page.html" <<-LIST
		downloads $T/downloads
		load
		print $COUNTS
		print document.getElementById("status").textContent
		print $EXPORT
		click #open-export
		print document.getElementById("export").open + document.getElementById("export-note").textContent
		click #copy
		wait document.getElementById("export-note").textContent != ""
		click #download
		click #close
		wait !document.getElementById("export").open
		print new Promise(r => setTimeout(r, 500, "waited"))
	LIST
	is "$(line 1)" '1 2 1 36'
	is "$(line 2)" 'The decisions that this browser kept are back: 4 records.'
	is "$(line 4)" 'true4 decisions; 36 suspects undecided.'
	perl -MJSON::PP -e 'print JSON::PP->new->allow_nonref->decode(<>)' <(line 3) >"$T/text.tsv"
	for _ in {1..60}; do [ -s "$T/downloads/decisions.tsv" ] || sleep 0.5; done
	same "$T/text.tsv" "$T/downloads/decisions.tsv"
	is "$(cut -f2 "$T/text.tsv" | sort | xargs)" 'drop drop keep unsure'
	grep -o 'class="key">s/[0-9]*' "$F/page.html" | head -4 | sed 's/.*>//' | paste - <(printf 'drop\nunsure\nkeep\ndrop\n') | sort >"$T/want"
	sort "$T/text.tsv" | diff "$T/want" -
	ok vae-drop --keys "$T/downloads/decisions.tsv" -r "$T/dropped.tar" "$F/in.tar"
	[ ! -s "$T/err" ]
	is "$(field key <"$T/dropped.tar" | sort | xargs)" "$(sed -n 's/\tdrop$//p' "$T/want" | xargs)"
	# of other suspects: nothing was decided
	ok vae-report --review --top 39 -o "$T/other.html" "$F/in.tar"
	drive "$T/other.html" <<-LIST
		load
		print $COUNTS
	LIST
	is "$(line 1)" '0 0 0 39'
}

@test "where local storage is denied, the page works, and says that it keeps nothing" {
	browser
	drive "$F/page.html" <<-LIST
		load
		print document.getElementById("unstored").hidden
		deny
		load
		print document.getElementById("unstored").hidden
		click .card .rec
		key d
		print $COUNTS
	LIST
	is "$(line 1)" true
	is "$(line 2)" false
	is "$(line 3)" '0 1 0 39'
}

@test "--decisions: they come back, those of other records too; a file can be read in the page" {
	printf 's/0061\tkeep\ns/0062\tdrop\ns/0001\tdrop\ns/0063\tunsure\nnot/here\tkeep\ns/0062\tkeep\n' >"$T/d.tsv"
	ok vae-report --review --top 40 --decisions "$T/d.tsv" -o "$T/p.html" "$F/in.tar"
	says '2 of 5 decisions are on records that the page does not show; its export keeps them'
	browser
	printf 's/0061\tdrop\r\ns/0070\tunsure\r\nelse/where\tdrop\nnonsense\n' | sed '1i key\tdecision' >"$T/more.tsv"
	drive "$T/p.html" <<-LIST
		load
		print $COUNTS
		print $EXPORT
		file #file $T/more.tsv
		wait document.getElementById("status").textContent.includes("read")
		print document.getElementById("status").textContent
		print $COUNTS
		load
		print $EXPORT
		click .card .rec
		key z
		print $COUNTS
	LIST
	is "$(line 1)" '2 0 1 37'
	is "$(line 2 | sed 's/\\n/\n/g' | tr -d '"' | grep . | sort)" "$(printf 'not/here\\tkeep\ns/0001\\tdrop\ns/0061\\tkeep\ns/0062\\tkeep\ns/0063\\tunsure')"
	is "$(line 3)" '2 decisions read, 2 of them new. 1 decision on records that are not on this page are kept for the export. 1 line without keep, drop or unsure were left out.'
	is "$(line 4)" '1 1 2 36'
	is "$(line 5 | sed 's/\\n/\n/g' | tr -d '"' | grep . | LC_ALL=C sort)" "$(printf 'else/where\\tdrop\nnot/here\\tkeep\ns/0001\\tdrop\ns/0061\\tdrop\ns/0062\\tkeep\ns/0063\\tunsure\ns/0070\\tunsure')"
	# what is taken back is unsure: without a line, whoever decided it would decide it again
	ok vae-report --review --top 39 --decisions "$T/d.tsv" -o "$T/p2.html" "$F/in.tar"
	drive "$T/p2.html" <<-LIST
		load
		click [data-i="$(data "$T/p2.html" | perl -MJSON::PP -e 'local $/; my $s = decode_json(<STDIN>)->{suspects}; print grep { $s->[$_]{k} eq "s/0062" } 0 .. $#$s')"] .rec
		key Backspace
		print $COUNTS
		print $EXPORT
		load
		print $EXPORT
	LIST
	is "$(line 1)" '1 0 1 37'
	is "$(line 2 | sed 's/\\n/\n/g' | tr -d '"' | grep 0062)" 's/0062\tunsure'
	is "$(line 3)" "$(line 2)"
	# a newer file counts over what the browser kept
	printf 's/0070\tkeep\n' >"$T/d.tsv"
	ok vae-report --review --top 40 --decisions "$T/d.tsv" -o "$T/p.html" "$F/in.tar"
	drive "$T/p.html" <<-LIST
		load
		print $COUNTS
	LIST
	is "$(line 1)" '2 1 1 36'
}

@test "the file that a record was packed from stands below its key" {
	browser
	mkdir "$T/folder"
	printf 'P5\n2 2\n255\nabcd' >"$T/folder/cat <1>.pgm"
	printf 'P5\n2 2\n255\nabxy' >"$T/folder/dog.pgm"
	vae-pack -q "$T/folder" | vae-stat | vae-rank -k stat_brightness >"$T/in.tar"
	ok vae-report --review -o "$T/p.html" "$T/in.tar"
	drive "$T/p.html" <<-LIST
		load
		print [...document.querySelectorAll(".whead .key")].map(e => e.textContent).join(" ")
		print [...document.querySelectorAll(".facts dt")].map(e => e.textContent).includes("source")
		print $SOUND
	LIST
	is "$(line 1)" '00000001 dog.pgm'
	is "$(line 2)" false 'not again among the other fields'
	is "$(line 3)" sound
}

@test "filters by decision, reason and score" {
	browser
	ok vae-report --review --top 100 -k w,v -o "$T/p.html" "$F/in.tar"
	local set='(id, value) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event("input")); return [...document.querySelectorAll(".card")].filter(c => c.offsetWidth).length }'
	drive "$T/p.html" <<-LIST
		load
		print ($set)("f-z", "1.5")
		print document.getElementById("shown").textContent
		click .group:not([hidden]) [data-all=d]
		print ($set)("f-decision", "d")
		print ($set)("f-z", "")
		print ($set)("f-decision", "none")
		print ($set)("f-decision", "") + " " + ($set)("f-score", "1") + " " + ($set)("f-z", "1")
		print ($set)("f-z", "99")
		print document.getElementById("nothing").hidden
		print ($set)("f-z", "") + " " + [...document.querySelectorAll("#f-reason option")].map(o => o.value).slice(1).sort().join()
		print [...document.querySelectorAll("#f-reason option")].slice(1).map(o => ($set)("f-reason", o.value) + "=" + /\((\d+)\)/.exec(o.textContent)[1]).join(" ")
	LIST
	local n dropped
	n=$(vae-cut -k z "$F/in.tar" | awk '$1 >= 1.5' | wc -l)
	is "$(line 1)" "$n"
	is "$(line 2)" "Showing $n of 100 suspects."
	dropped=$(line 3)
	[ "$dropped" -gt 0 ] && [ "$dropped" -le "$n" ]
	is "$(line 4)" "$dropped" # a group's hidden records are not decided
	is "$(line 5)" $((100 - dropped))
	is "$(line 6)" "100 100 $(vae-rank --replace -k v "$F/in.tar" | vae-cut -k z | awk '$1 >= 1' | wc -l)"
	is "$(line 7)" 0
	is "$(line 8)" false
	# ranked by w: it alone explains; of the five lowest, that it is low
	is "$(line 9)" '100 high w,low w'
	is "$(line 10)" '95=95 5=5'
}

@test "why a record is a suspect: ranks, z, reasons and nearest records, against other computations" {
	vae-rank --replace -k w,v "$F/in.tar" >"$T/j.tar"
	ok vae-report --review --top 30 --nearest 3 -k joint,w,v -o "$T/p.html" "$T/j.tar"
	data "$T/p.html" >"$T/data.json"
	# value, z and rank of each score, as vae-rank gives them
	perl -MJSON::PP -e 'local $/; my $d = decode_json(<STDIN>); for my $k (0 .. 2) { for my $s (@{$d->{suspects}}) { print "$s->{k} $s->{q}[$k] $s->{s}[$k] $s->{z}[$k]\n" } }' <"$T/data.json" >"$T/got"
	{
		vae-cut -k key,joint,z,rank "$T/j.tar"
		vae-rank --replace -k w "$F/in.tar" | vae-cut -k key,w,z,rank
		vae-rank --replace -k v "$F/in.tar" | vae-cut -k key,v,z,rank
	} | awk '{ print $1, $4, $2, $3 }' | grep -Ff <(cut -d' ' -f1 "$T/got" | sort -u) | sort >"$T/want"
	is "$(wc -l <"$T/want")" 90
	sort "$T/got" | paste -d' ' "$T/want" - | awk 'function far(a, b) { return (a - b) ^ 2 > 1e-9 * (1 + a * a) }
		$1 != $5 || $2 != $6 || far($3, $7) || far($4, $8) { print }' >"$T/wrong"
	is "$(cat "$T/wrong")" ''
	# in the order of the joint score
	is "$(head -30 "$T/got" | cut -d' ' -f1 | xargs)" "$(vae-rank --sort --replace -k w,v "$F/in.tar" | vae-cut -k key | head -30 | xargs)"
	# the reason: the score with the smaller rank; joint is none
	perl -MJSON::PP -e 'local $/; my $d = decode_json(<STDIN>); for my $s (@{$d->{suspects}}) { my ($w, $v) = @{$s->{q}}[1, 2]; next if $w == $v;
		my $want = $w < $v ? "high w" : "high v"; print "$s->{k}: $d->{reasons}[$s->{r}], not $want ($w $v)\n" if $d->{reasons}[$s->{r}] ne $want }' <"$T/data.json" >"$T/wrong"
	is "$(cat "$T/wrong")" ''
	# nearest: means over blocks of the pictures (12x12 to 10x10), then all distances
	perl -MJSON::PP -e 'my ($f) = @ARGV; my @x; for my $i (0 .. 99) { open my $h, "<:raw", "$f/kinds/$i.pgm"; local $/; my $t = <$h>; my @p = unpack "C*", substr $t, -144; my @q;
		for my $y (0 .. 9) { for my $c (0 .. 9) { my ($n, $s) = (0, 0); for my $a (int($y * 12 / 10) .. int(($y + 1) * 12 / 10) - 1) { for my $b (int($c * 12 / 10) .. int(($c + 1) * 12 / 10) - 1) { $s += $p[12 * $a + $b]; $n++ } }
			push @q, int(($s + int($n / 2)) / $n) } } push @x, \@q }
		local $/; my $d = decode_json(<STDIN>); my $bad = 0; my $seen = 0;
		for my $s (@{$d->{suspects}}) { my $i = substr($s->{k}, 2) + 0; my @d = map { my $j = $_; my $t = 0; $t += ($x[$i][$_] - $x[$j][$_]) ** 2 for 0 .. 99; [$j, sqrt($t / 100) / 255] } grep { $_ != $i } 0 .. 99;
			@d = (sort { $a->[1] <=> $b->[1] || $a->[0] <=> $b->[0] } @d)[0 .. 2];
			for my $k (0 .. 2) { my ($at, $dist) = @{$s->{near}[$k]}; my $key = $at < 0 ? $d->{suspects}[-1 - $at]{k} : $d->{others}[$at]{k}; $seen++;
				$bad++ if $key ne sprintf("s/%04d", $d[$k][0]) || abs($dist - $d[$k][1]) > 1e-3 * $d[$k][1] } } print "$seen $bad\n"' "$F" <"$T/data.json" >"$T/near"
	is "$(cat "$T/near")" '90 0'
	# of a part of the stream: rank and z are those of the whole; other scores have none
	vae-drop -i -e 'rank < 12' -o "$T/part.tar" "$T/j.tar"
	ok vae-report --review -k joint,w,v -o "$T/q.html" "$T/part.tar"
	data "$T/q.html" | perl -MJSON::PP -e 'local $/; my $d = decode_json(<STDIN>); print join(" ", map { defined $_->{z}[1] || defined $_->{q}[2] ? "some" : sprintf "%s %d %.2f %d", $_->{k}, $_->{q}[0], $_->{z}[0], $_->{rn} } @{$d->{suspects}}), "\n"' >"$T/got"
	vae-cut -k rank,key,z "$T/j.tar" | sort -n | head -n 12 | awk '{ printf "%s%s %d %.2f 100", (NR > 1 ? " " : ""), $2, $1, $3 } END { print "" }' | diff - "$T/got"
	browser
	drive "$T/q.html" <<-LIST
		size 1280 900
		load
		click .card[data-i="1"] .rec
		print document.querySelector(".because").textContent
	LIST
	[[ "$(line 1)" == "joint is high: "*", higher than 98 % of 100 records, z "*" What explains it best: "[wv]" is high: "+([0-9.])"." ]] || die "$(line 1)"
	drive "$T/p.html" <<-LIST
		size 1280 900
		load
		click .card .rec
		print document.querySelector(".because").textContent
		print [...document.querySelectorAll(".scores tbody th")].map(e => e.textContent).join()
		print document.querySelectorAll(".nears li").length + " " + [...document.querySelectorAll(".nears img")].every(i => i.naturalWidth === 12)
	LIST
	[[ "$(line 1)" == "joint is high: "*"100 records, z "*"What explains it best: "[wv]" is high: "* ]]
	is "$(line 2)" joint,w,v
	is "$(line 3)" '3 true'
}

# data PAGE: the JSON of a page
data() { perl -0777 -ne 'print $1 if m{<script type="application/json" id="data">(.*?)</script>}s' "$1"; }

# reasons PAGE: key and reason of every suspect
reasons() { data "$1" | perl -MJSON::PP -e 'local $/; my $d = decode_json(<STDIN>); print "$_->{k} $d->{reasons}[$_->{r}]\n" for @{$d->{suspects}}'; }

@test "reasons: by the fields that were ranked, by joint_reason, by reason, error and dup_of" {
	local i
	# v is the highest, but was not ranked by
	for i in 1 2 3; do
		printf 'name=%d.vae.json data={"wa":%d,"wb":%d,"v":%d,"joint":%d,"rank_by":"%s"}\n' "$i" "$i" $((4 - i)) $((10 * i)) "$i" 'w?;%20unlike%20zz'
	done | mktar >"$T/in.tar"
	ok vae-report --review -o "$T/p.html" "$T/in.tar"
	is "$(reasons "$T/p.html" | xargs)" '3 high wa 2 high wa 1 high wb'
	{
		printf 'name=a.vae.json data={"joint":9,"wa":1,"v":2,"joint_reason":"unlike:%%20v%%20low","rank_by":"wa,v"}\n'
		printf 'name=b.vae.json data={"joint":8,"wa":2,"v":3,"joint_reason":"wa%%20high","rank_by":"wa,v"}\n'
		printf 'name=c.vae.json data={"joint":7,"wa":3,"v":4,"joint_reason":"other%%20high","rank_by":"wa,v"}\n'
		printf 'name=d.vae.json data={"joint":6,"wa":4,"v":5,"joint_reason":"wa%%20high","rank_by":"wa,v","reason":"blank,%%20cut"}\n'
		printf 'name=e.vae.json data={"joint":5,"wa":5,"v":6,"dup_of":"a","rank_by":"wa,v"}\n'
		printf 'name=f.vae.json data={"error":"broken","reason":"broken"}\nname=g.vae.json data={"error":"x"}\nname=h.vae.json data={"dropped_by":"x"}\nname=i.vae.json data={"v":1}\n'
	} | mktar >"$T/in.tar"
	ok vae-report --review -o "$T/p.html" "$T/in.tar"
	reasons "$T/p.html" | diff - <(printf 'a low v\nb high wa\nc high other\nd blank, cut\ne duplicate\nf broken\ng cannot be scored\nh no score explains it\n')
	grep -q '>8 records that cannot be compared, mostly low v<' "$T/p.html" || die "$(grep -o '<h2 id="h0">.*</h2>' "$T/p.html")"
	# without -k it ranks by what vae-rank ranked by
	vae-rank -k v "$F/in.tar" --replace >"$T/v.tar"
	ok vae-report --review --top 1 -o "$T/p.html" "$T/v.tar"
	is "$(reasons "$T/p.html")" "$(vae-rank --sort --replace -k v "$F/in.tar" | vae-cut -k key | head -n 1) high v"
}

@test "a share of more than 5000 records: the 5000 highest, and a warning" {
	perl -e 'for my $i (1 .. 5200) { print "name=$i.vae.json data={\"w\":", $i * 7919 % 5201, "}\n" }' | mktar >"$T/in.tar"
	ok vae-report --review --top 100% -k w -o "$T/p.html" --summary "$T/s" "$T/in.tar"
	says '--top 100% is 5200 records: the page has the 5000 highest'
	grep -q '"suspects":5000,' "$T/s"
	vae-rank --sort -k w "$T/in.tar" | vae-cut -k key | head -n 5000 >"$T/want"
	reasons "$T/p.html" | cut -d' ' -f1 | diff "$T/want" -
}

@test "numeric records show their most unusual columns" {
	perl -e 'srand 3; for my $i (0 .. 79) { my @v = map { 10 * $_ + ($_ + 1) * (rand() + rand() + rand() - 1.5) } 0 .. 5; $v[4] = 500 if $i == 70; $v[1] = -90 if $i == 71; $v[5] = 7 if 1;
		open my $f, ">:raw", "$ARGV[0]/$i.npy"; my $h = "{\x27descr\x27: \x27<f8\x27, \x27fortran_order\x27: False, \x27shape\x27: (6,), }"; $h .= " " x (117 - length $h) . "\n";
		print $f "\x93NUMPY\1\0", pack("v", length $h), $h, pack "d<*", @v; print join("\t", @v), "\n" }' "$T" >"$T/rows"
	local i
	for ((i = 0; i < 80; i++)); do
		printf 'name=r/%02d.npy file=%s/%d.npy\nname=r/%02d.vae.json data={"w":%d}\n' "$i" "$T" "$i" "$i" "$i"
	done | mktar >"$T/in.tar"
	ok vae-report --review --top 12 -k w -o "$T/p.html" "$T/in.tar"
	# median and 1.4826 times the median absolute deviation
	perl -MJSON::PP -e 'my (@r) = map { chomp; [split /\t/] } do { open my $h, "<", shift; <$h> }; sub median { my @s = sort { $a <=> $b } @_; return @s % 2 ? $s[$#s / 2] : ($s[@s / 2 - 1] + $s[@s / 2]) / 2 }
		local $/; <STDIN> =~ m{id="data">(.*?)</script>}s; my $d = decode_json($1); my ($n, $bad) = (0, 0);
		for my $s (@{$d->{suspects}}) { my $i = substr($s->{k}, 2) + 0; my @want;
			for my $c (0 .. 4) { my $m = median(map { $_->[$c] } @r); my $e = 1.4826 * median(map { abs($_->[$c] - $m) } @r); push @want, [$c + 1, $r[$i][$c], $m, ($r[$i][$c] - $m) / $e] }
			@want = sort { abs $b->[3] <=> abs $a->[3] } @want; $bad++ if @{$s->{col}} != 5;
			for my $k (0 .. 4) { $n++; my ($g, $w) = ($s->{col}[$k], $want[$k]); $bad++ if $g->[0] != $w->[0] || grep { abs($g->[$_] - $w->[$_]) > 1e-3 * (abs($w->[$_]) + 1e-3) } 1 .. 3 } } print "$n $bad\n"' "$T/rows" <"$T/p.html" >"$T/got"
	is "$(cat "$T/got")" '60 0'
	grep -q 'column 5: 500<' "$T/p.html"
	grep -q 'column 2: −90<' "$T/p.html"
	browser
	drive "$T/p.html" <<-LIST
		size 375 700
		load
		print $SOUND
		print document.querySelectorAll(".card svg.curve").length
		tap li:nth-child(1) .rec
		print document.querySelectorAll(".columns tbody tr").length + " " + document.querySelectorAll(".nears svg").length
	LIST
	is "$(line 1)" sound
	is "$(line 2)" 12
	is "$(line 3)" '5 4'
	# by name
	ok vae-report --review --top 12 -k w --columns 'a,<b>,c,d,e"&,f' -o "$T/p.html" "$T/in.tar"
	grep -q '>e&quot;&amp;: 500<' "$T/p.html"
	drive "$T/p.html" <<-LIST
		load
		click .card .rec
		print [...document.querySelectorAll(".columns tbody th")].map(e => e.textContent).sort().join(" ")
	LIST
	is "$(line 1)" '<b> a c d e"&'
	fails 1 vae-report --review -k w --columns a,b -o "$T/q.html" "$T/in.tar"
	says '--columns has 2 names, but a record has 6 numbers'
	absent "$T/q.html"
	fails 2 vae-report -k w --columns a,b "$T/in.tar"
	says --review
}

@test "proponents and opponents, reasons and other fields of a record; records without a score" {
	{
		for i in 1 2 3 4; do printf 'name=a/%d.pgm file=%s/kinds/%d.pgm\nname=a/%d.vae.json data={"w":%d,"reason":"blank","source":"dir/%d.png","options":"x"}\n' "$i" "$F" "$i" "$i" "$i" "$i"; done
		printf 'name=a/5.pgm data=nothing\nname=a/5.vae.json data={"error":"no%%20picture"}\nname=a/6.pgm data=nothing\nname=a/6.vae.json data={"v":1}\n'
	} | mktar >"$T/in.tar"
	printf '{"test":"a/4","proponents":[{"key":"a/1","influence":2.5},{"key":"gone","influence":1}],"opponents":[{"key":"a/3","influence":-0.5}]}\n{"test":"a/1","proponents":[]}\n' >"$T/i.jsonl"
	ok vae-report --review --top 2 -k w --influence "$T/i.jsonl" -o "$T/p.html" --summary "$T/s" "$T/in.tar"
	grep -q '"suspects":3,' "$T/s"
	grep -q '>1</strong> record' "$T/p.html" || grep -q '<strong>2</strong> of 6 records' "$T/p.html"
	browser
	drive "$T/p.html" <<-LIST
		size 1280 900
		load
		print [...document.querySelectorAll("#f-reason option")].map(o => o.textContent).slice(1).join()
		click .card[data-i="0"] .rec
		print document.getElementById("why-body").innerText.replace(/\s+/g, " ")
		click .card[data-i="2"] .rec
		print document.querySelector(".because").textContent
		click .card[data-i="0"] .rec
		click .near
		print $CURRENT
	LIST
	is "$(line 1)" 'blank (2),cannot be scored (1)'
	for i in 'blank. w is high: 4, the highest of 4 records' 'Proponents' 'a/1 influence 2.5' 'gone influence 1' 'not in the stream' 'Opponents' 'a/3 influence −0.5 suspect 2' 'a/4 dir/4.png'; do
		grep -qF "$i" <(line 2) || die "no '$i' in: $(line 2)"
	done
	not grep -q options <(line 2)
	is "$(line 3)" 'It has no score: no picture'
	is "$(line 4)" 1
	printf '{"test":1}\n' >"$T/bad.jsonl"
	fails 1 vae-report --review -k w --influence "$T/bad.jsonl" -o "$T/q.html" "$T/in.tar"
	says --influence "$T/bad.jsonl: line 1"
	absent "$T/q.html"
}

@test "hostile keys and fields are text, and come out as they went in" {
	local name names=('<%2fscript><script>pwned=1<%2fscript>' '"><img%20src=x%20onerror=pwned=1>' 'a%e2%80%a8b%e2%80%a9c' 'rtl%e2%80%aeevil%e2%81%a6' 'zero%e2%80%8bwidth%ef%bb%bf' 'tab%09new%0aline%0d' 'back%5cslash%5cx41' '%ff%fe'
		'%f3%a0%81%81tag' '%f0%9f%90%8e' '&amp;&lt;' "quote'\`\${pwned=1}" '__proto__' '<!--<script>' 'constructor' '%d7%a9%d7%9c%d7%95%d7%9d')
	for name in "${names[@]}"; do
		printf 'name=%s.pgm file=%s/kinds/3.pgm\nname=%s.cls data=<b>x\nname=%s.vae.json data={"w":1,"reason":"<%%2fscript><script>pwned=1<%%2fscript>\\u202e","source":"<img%%20src=x%%20onerror=pwned=1>","<u>x":"y"}\n' "$name" "$F" "$name" "$name"
	done | mktar >"$T/in.tar"
	printf '</script><script>pwned=1</script>\tkeep\n__proto__\tunsure\n' >"$T/d.tsv"
	ok vae-report --review -k w --title '</title><script>pwned=1</script>' --decisions "$T/d.tsv" -o "$T/p.html" "$T/in.tar"
	clean <(tr -d '\n\t' <"$T/p.html")
	not grep -qP '[\x{202a}-\x{202e}\x{2066}-\x{2069}\x{200e}\x{200f}\x{2028}\x{2029}\x{200b}]' "$T/p.html"
	iconv -f utf-8 -t utf-8 "$T/p.html" >/dev/null
	is "$(grep -c '<script>' "$T/p.html")" 1
	browser
	drive "$T/p.html" <<-LIST
		size 1280 900
		load
		print $COUNTS
		print typeof pwned + document.scripts.length + document.title
		print (() => { for (const c of document.querySelectorAll(".rec")) { c.click(); } return document.getElementById("why-body").innerHTML.length > 100 && typeof pwned })()
		print document.querySelector("#f-reason").options[1].textContent
		click [data-all=d]
		print $COUNTS
		print $EXPORT
		load
		print $COUNTS
	LIST
	is "$(line 1)" '1 0 1 14'
	is "$(line 2)" 'undefined2</title><script>pwned=1</script>'
	is "$(line 3)" undefined
	is "$(line 4)" '</script><script>pwned=1</script>\xe2\x80\xae (16)'
	is "$(line 5)" '0 16 0 0'
	is "$(line 7)" '0 16 0 0'
	perl -MJSON::PP -CO -e 'print JSON::PP->new->utf8->allow_nonref->decode(<>)' <(line 6) >"$T/d.tsv"
	vae-cut -k key "$T/in.tar" | sed 's/$/\tdrop/' | LC_ALL=C sort >"$T/want"
	LC_ALL=C sort "$T/d.tsv" | diff "$T/want" -
	ok vae-drop --keys "$T/d.tsv" "$T/in.tar"
	[ ! -s "$T/err" ]
	is "$(wc -c <"$T/out")" 1024
}

@test "--only: suspects match, and all records are compared" {
	ok vae-report --review --top 5 --only 'v < 30 && w < 60' -k w,v -o "$T/p.html" "$F/in.tar"
	reasons "$T/p.html" | cut -d' ' -f1 >"$T/got"
	vae-cut -k w,key,v "$F/in.tar" | awk '$3 < 30 && $1 < 60' | sort -k1,1nr | head -n 5 | cut -f2 | diff - "$T/got"
	# ranks are those among all records
	data "$T/p.html" | perl -MJSON::PP -e 'local $/; my $d = decode_json(<STDIN>); print "$_->{k}\t$_->{q}[0]\n" for @{$d->{suspects}}' >"$T/got"
	vae-cut -k key,rank "$F/in.tar" | grep -Ff <(cut -f1 "$T/got") | sort -k2n | diff - "$T/got"
	data "$T/p.html" | grep -A1 '"others":' | grep -q '"k":"s/'
	(printf 'name=x.cls data=7\n'; printf 'name=y.vae.json data={"w":1}\n') | mktar >"$T/in.tar"
	ok vae-report --review --only 'cls == 7' -k w -o "$T/p.html" "$T/in.tar"
	is "$(reasons "$T/p.html")" 'x no score explains it'
	fails 2 vae-report --review --only 'w >' -o "$T/q.html" "$F/in.tar"
	says --only 'column 4'
	fails 2 vae-report --only 'w > 1' "$F/in.tar"
	says --review
}

@test "--top: a number or a share; the page stays below --max-size" {
	ok vae-report --review --top 10% -k w -o "$T/p.html" --summary "$T/s" "$F/in.tar"
	grep -q '"suspects":10,' "$T/s"
	is "$(grep -c 'class="card"' "$T/p.html")" 10
	ok vae-report --review -k w -o "$T/p.html" --summary "$T/s" "$F/in.tar"
	grep -q '"suspects":100,' "$T/s"
	ok vae-report --review --top 0 -k w -o "$T/p.html" --summary "$T/s" "$F/in.tar"
	grep -q '"suspects":0,' "$T/s"
	grep -q 'There are no suspects' "$T/p.html"
	head -c 1024 /dev/zero >"$T/empty"
	ok vae-report --review -o "$T/p.html" "$T/empty"
	grep -q 'There are no suspects' "$T/p.html"
	for i in $(seq 0 39); do
		perl -e 'srand $ARGV[0]; print "P6\n200 200\n255\n", map { chr int rand 256 } 1 .. 120000' "$i" >"$T/$i.ppm"
		printf 'name=r/%d.ppm file=%s\nname=r/%d.vae.json data={"w":%d}\n' "$i" "$T/$i.ppm" "$i" "$i"
	done | mktar >"$T/in.tar"
	ok vae-report --review -k w --top 20 --max-size 0.3 -o "$T/p.html" "$T/in.tar"
	[ "$(wc -c <"$T/p.html")" -le 300000 ]
	grep -q 'To stay below 0.3 MB, pictures are at most' "$T/p.html"
	is "$(grep -c 'class="card"' "$T/p.html")" 20
	fails 1 vae-report --review -k w --top 20 --max-size 0.05 -o "$T/q.html" "$T/in.tar"
	says '--max-size: 20 suspects do not fit into 0.05 MB'
	absent "$T/q.html"
}

@test "invalid options and input" {
	local i
	for i in '--top 5001' '--top x' '--top 101%' '--nearest 13' '--rows 2' '-t x' '--quarantine x'; do
		# shellcheck disable=SC2086 # two words
		fails 2 vae-report --review $i "$F/in.tar"
	done
	fails 2 vae-report --decisions x "$F/in.tar"
	says --review
	fails 2 vae-report --nearest 2 "$F/in.tar"
	says --review
	fails 2 vae-report --top 5% "$F/in.tar"
	says --top
	fails 2 vae-report --review --decisions - <"$F/in.tar"
	says 'standard input'
	printf 's/0001\tkeep\ns/0002\tkeap\n' >"$T/d.tsv"
	fails 1 vae-report --review --decisions "$T/d.tsv" "$F/in.tar"
	says --decisions "$T/d.tsv: line 2"
	printf 's/0001\n' >"$T/d.tsv"
	fails 1 vae-report --review --decisions "$T/d.tsv" "$F/in.tar"
	says 'it is no list of decisions'
	cp "$T/d.tsv" "$T/was"
	fails 2 vae-report --review --decisions "$T/d.tsv" -o "$T/d.tsv" "$F/in.tar"
	says --decisions
	same "$T/was" "$T/d.tsv"
	fails 1 vae-report --review -k nothing "$F/in.tar"
	says "none of 100 records has a number in the field 'nothing'"
	printf 'name=a.vae.json data={"w":1,"key":"x"}\nname=b.vae.json data={"w":2,"key":"x"}\n' | mktar >"$T/twice.tar"
	fails 1 vae-report --review -k w "$T/twice.tar"
	says "two suspects have the key 'x'"
}

@test "--keys-per-file: keys begin with the name of their file, for vae-drop too" {
	printf 'name=x.cls data=1\nname=x.vae.json data={"w":1}\nname=y.vae.json data={"w":5}\n' | mktar >"$T/a.tar"
	printf 'name=x.cls data=2\nname=x.vae.json data={"w":2}\n' | mktar >"$T/b.tar"
	printf 'b/x\tdrop\na/y\tkeep\n' >"$T/d.tsv"
	ok vae-report --review -k w --keys-per-file --decisions "$T/d.tsv" -o "$T/p.html" "$T/a.tar" "$T/b.tar"
	[ ! -s "$T/err" ]
	is "$(grep -o '"k":"[^"]*"\(,"d":"."\)\?' "$T/p.html" | xargs)" 'k:a/y,d:k k:b/x,d:d k:a/x'
	ok vae-drop --keys-per-file --keys "$T/d.tsv" "$T/a.tar" "$T/b.tar"
	[ ! -s "$T/err" ]
	is "$(field key <"$T/out" | xargs)" 'a/x a/y'
	fails 2 vae-report --review -k w --keys-per-file "$T/a.tar" "$T/a.tar"
	says --keys-per-file
}

@test "likeness by the latent means of a model; the same page every time" {
	vae-train -q -c tiny --set train.steps=30 --set train.checkpoints=1 --set train.holdout=0 -o "$T/m.vae" "$F/in.tar"
	ok vae-report --review -m "$T/m.vae" --top 10 -k w -j1 -o "$T/a.html" "$F/in.tar"
	ok vae-report --review -m "$T/m.vae" --top 10 -k w -j3 "$F/in.tar"
	same "$T/a.html" "$T/out"
	ok vae-report --review --top 10 -k w "$F/in.tar"
	not cmp -s "$T/a.html" "$T/out"
	is "$(grep -c 'class="card"' "$T/a.html")" 10
	# the nearest records are those of the latent means: with distances over all coordinates
	perl -MJSON::PP -e 'local $/; <STDIN> =~ m{id="data">(.*?)</script>}s; my $d = decode_json($1); print scalar(grep { @{$_->{near}} == 4 && $_->{near}[0][1] <= $_->{near}[3][1] } @{$d->{suspects}}), "\n"' <"$T/a.html" >"$T/n"
	is "$(cat "$T/n")" 10
}
