# Tar as other programs write it: names of any encoding, headers of all formats, sparse files, ends of archives.
# shellcheck disable=SC2119,SC2120,SC2016

load helper

pass() { vae-drop -q -e 'none > 1' "$@"; }

# names in several spellings: composed, decomposed, Hangul in both, Latin-1, invalid UTF-8, overlong
NFC=caf%c3%a9 NFD=cafe%cc%81 HANGUL=%ed%95%9c JAMO=%e1%84%92%e1%85%a1%e1%86%ab LATIN=caf%e9 BAD=%ff%fe OVERLONG=%c0%af

# spellings PREFIX: a list for mktar: a record for each, in a pax record, with fields
spellings() {
	local n=0 name
	for name in $NFC $NFD $HANGUL $JAMO $LATIN $BAD $OVERLONG; do
		printf 'name=%s/short%d.x x:path=d/%s.x data=%s uname=%s gname=g%s x:mtime=%d.5\n' d "$n" "$name" "$n" "$name" "$name" "$n"
		printf 'name=%s/short%d.j x:path=d/%s.vae.json data={"w":%d,"rank":%d,"rank_n":7}\n' d "$n" "$name" $((n * 5 % 7)) $((n * 3 % 7))
		n=$((n + 1))
	done
	printf 'name=l type=2 x:linkpath=%s\nname=m type=2 link=%s\nname=%s/ type=5\n' $NFD $JAMO $NFD
}

@test "names are bytes: pax records in any spelling, twice as once" {
	spellings | mktar >"$T/in"
	lstar <"$T/in" >"$T/want"
	is "$(cut -d' ' -f1 "$T/want" | sort -u | wc -l)" 17
	pass "$T/in" >"$T/once"
	lstar <"$T/once" | diff "$T/want" -
	pass "$T/once" >"$T/twice"
	same "$T/once" "$T/twice"
	# keys are bytes too: what is equal when normalised is two records
	is "$(vae-cut -k key "$T/in" | sort -u | wc -l)" 7
}

@test "names are bytes: ustar and GNU headers, long names and long link targets" {
	local format name long
	long=$(printf 'x%.0s' {1..120})
	for format in ustar gnu; do
		{
			for name in $NFC $NFD $HANGUL $JAMO $LATIN $BAD; do
				printf 'name=%s.x data=1 uname=%s gname=%s\n' "$name" "$name" "$name"
				[ $format = ustar ] || printf 'name=%s%s/%s%s.x data=2\n' "$name" "$long" "$name" "$long"
				printf 'name=l%s type=2 link=%s\n' "$name" "$name"
			done
		} | mktar --format $format >"$T/in"
		pass "$T/in" >"$T/once"
		diff <(lstar <"$T/in") <(lstar <"$T/once")
		pass "$T/once" >"$T/twice"
		same "$T/once" "$T/twice"
	done
}

@test "names are bytes: --keys, -r, --strip, --sort" {
	spellings | mktar >"$T/in"
	lstar --names <"$T/in" | grep -v json | sort >"$T/want"
	printf 'd/cafe\314\201\nd/\355\225\234\n' >"$T/keys"
	ok vae-drop --keys "$T/keys" -r "$T/r" "$T/in"
	is "$(lstar --names <"$T/r" | tr '\n' ' ')" "d/$NFD.x d/$NFD.vae.json d/$HANGUL.x d/$HANGUL.vae.json "
	cat "$T/out" "$T/r" | lstar --names | grep -v json | sort | diff "$T/want" -
	vae-cut -k key "$T/in" >"$T/keys" # as they are printed
	ok vae-drop --keys "$T/keys" -i "$T/in"
	is "$(vae-cut -k key "$T/out" | wc -l)" 7
	ok vae-drop --top 0 --strip "$T/in"
	lstar --names <"$T/out" | sort | diff "$T/want" -
	ok vae-rank --sort -k w --replace "$T/in"
	lstar --names <"$T/out" | grep -v json | sort | diff "$T/want" -
	is "$(lstar --names <"$T/out" | grep '^d/.*x$' | head -n 2 | tr '\n' ' ')" "d/$LATIN.x d/$NFD.x "
	# a stream that vae-rank reads from its spool
	ok vae-rank --sort -k w --replace < <(cat "$T/in")
	lstar --names <"$T/out" | grep -v json | sort | diff "$T/want" -
}

@test "names are bytes: GNU tar and bsdtar read and write the same" {
	local name format
	mkdir -p "$T/d/tree" "$T/d/out"
	for name in $NFC $NFD $HANGUL $JAMO $LATIN $BAD; do
		printf '%s' "$name" >"$T/d/tree/$(printf %b "${name//%/\\x}").x" || skip 'this file system changes names'
		ln -s "$(printf %b "${name//%/\\x}").x" "$T/d/tree/l$(printf %b "${name//%/\\x}")"
	done
	(cd "$T/d/tree" && LC_ALL=C ls) >"$T/want"
	is "$(wc -l <"$T/want")" 12
	for format in gnu oldgnu ustar v7 pax; do
		tar -C "$T/d/tree" --format=$format -cf "$T/in" .
		pass "$T/in" >"$T/once"
		rm -rf "$T/d/out" && mkdir "$T/d/out"
		tar -C "$T/d/out" -xf "$T/once"
		(cd "$T/d/out" && LC_ALL=C ls) | diff "$T/want" -
		diff -r "$T/d/tree" "$T/d/out"
	done
	need bsdtar
	for format in gnutar ustar pax; do
		(cd "$T/d/tree" && LC_ALL=C bsdtar --format $format -cf "$T/in" .)
		pass "$T/in" >"$T/once"
		rm -rf "$T/d/out" && mkdir "$T/d/out"
		tar -C "$T/d/out" -xf "$T/once"
		diff -r "$T/d/tree" "$T/d/out"
		# bsdtar normalises names of pax headers unless they say that they are bytes
		rm -rf "$T/d/out" && mkdir "$T/d/out"
		LC_ALL=C.UTF-8 bsdtar -C "$T/d/out" -xf "$T/once"
		diff -r "$T/d/tree" "$T/d/out"
	done
}

@test "the sparse formats of GNU tar" {
	local version
	mkdir "$T/d"
	truncate -s 300000 "$T/d/s.bin"
	printf 'middle' | dd of="$T/d/s.bin" bs=1 seek=150000 conv=notrunc status=none
	truncate -s 100000 "$T/d/hole.bin"
	for ((i = 0; i < 40; i++)); do printf x | dd of="$T/d/many.bin" bs=1 seek=$((i * 70000)) conv=notrunc status=none; done
	for version in 0.0 0.1 1.0; do
		tar -C "$T/d" -S --format=pax --sparse-version=$version -cf "$T/in" s.bin hole.bin many.bin
		ok pass "$T/in"
		mkdir "$T/$version"
		tar -C "$T/$version" -xf "$T/out"
		diff -r "$T/d" "$T/$version"
	done
	tar -C "$T/d" -S --format=gnu -cf "$T/in" s.bin hole.bin many.bin
	ok pass "$T/in"
	mkdir "$T/gnu"
	tar -C "$T/gnu" -xf "$T/out"
	diff -r "$T/d" "$T/gnu"
}

@test "a sparse map that is not understood is refused" {
	local more
	for more in 'x:GNU.sparse.major=9 x:GNU.sparse.minor=0' 'x:GNU.sparse.major=1' 'x:GNU.sparse.major=1 x:GNU.sparse.minor=1' 'x:GNU.sparse.minor=0' \
		'x:GNU.sparse.major=1 x:GNU.sparse.minor=0 x:GNU.sparse.map=0,1'; do
		echo "name=a.x x:GNU.sparse.name=a.x x:GNU.sparse.realsize=3 $more data=1%0a0%0a3%0a" | mktar >"$T/in"
		fails 1 pass "$T/in"
		says "$T/in: member 1 'a.x'" sparse
	done
	for more in SCHILY.realsize=5 SUN.holesdata=x; do
		echo "name=a.x x:$more data=1" | mktar >"$T/in"
		fails 1 pass "$T/in"
		says "${more%=*}" sparse
	done
}

@test "a damaged pax header is refused, with the place" {
	local at
	printf 'name=a.x data=1\nname=%0150d.x data=2\nname=b.x data=3\n' 7 | mktar >"$T/in"
	# the length of the record begins with 1: 0 and 3 are one bit away
	at=$(grep -abo '[0-9]* path=0' "$T/in" | cut -d: -f1)
	for c in 0 3 5 9; do
		cp "$T/in" "$T/bad"
		printf %s $c | dd of="$T/bad" bs=1 seek="$at" conv=notrunc status=none
		fails 1 vae-cut -k key "$T/bad"
		says "$T/bad: after member 1: its pax header is damaged"
	done
	printf 'pith' | dd of="$T/in" bs=1 seek=$((at + 4)) conv=notrunc status=none
	fails 1 vae-cut -k key "$T/in"
	says 'after member 1' "'pith' is not a keyword that is known"
}

@test "numbers that no owner has are refused in words of ours" {
	local x
	for x in gid=-1 uid=-1 uid=x mtime= size=-1; do
		echo "name=a.x data=1 x:$x" | mktar >"$T/in"
		fails 1 pass "$T/in"
		says "$T/in: " "'${x%=*}' is not a valid number"
		not grep -q happen "$T/err"
	done
}

@test "pax records of other programs are kept, and written once" {
	printf 'name=a.x data=1 x:SCHILY.fflags=nodump x:SCHILY.acl.access=user::rw-,group::r-- x:LIBARCHIVE.creationtime=5.25 x:comment=hello x:RHT.security.selinux=a:b:c x:SCHILY.xattr.user.k%%41=%%00%%ff%%0a x:SCHILY.ino=7\n' |
		mktar >"$T/in"
	pass "$T/in" >"$T/once"
	pass "$T/once" >"$T/twice"
	same "$T/once" "$T/twice"
	for word in 'SCHILY.fflags=nodump' 'SCHILY.acl.access=user::rw-,group::r--' 'LIBARCHIVE.creationtime=5.25' 'comment=hello' 'RHT.security.selinux=a:b:c' 'SCHILY.xattr.user.k%41='; do
		is "$(grep -aFc -- "$word" "$T/once")" 1
	done
	not grep -aq SCHILY.ino "$T/once" # of another file system
}

@test "a global pax header holds for all members that follow" {
	printf 'name=g type=g data=19%%20uname=everybody%%0a13%%20mtime=1.5%%0a22%%20comment=of%%20the%%20git%%0a\nname=a.x data=1\nname=b.x data=2 x:mtime=7.25\n' | mktar >"$T/1"
	printf 'name=c.x data=3 uname=ann\n' | mktar >"$T/2"
	cat "$T/1" "$T/2" | pass >"$T/out"
	is "$(lstar <"$T/out" | cut -d' ' -f 1,5,6 | tr '\n' ' ')" 'a.x everybody/ 1.5 b.x everybody/ 7.25 c.x ann/ 0 '
	printf 'name=g type=g data=12%%20path=a.y%%0a\nname=a.x data=1\n' | mktar >"$T/in"
	fails 1 pass "$T/in"
	says "'path' is said for all members"
}

@test "a//b and regular members whose name ends in a slash stay what they are" {
	local base
	base=$(printf 'f%.0s' {1..96}).pgm # 100 bytes
	printf 'name=x x:path=%s//%s data=1\nname=x x:path=%s/%s data=2\nname=notes.txt/ type=0 data=text\nname=z.x data=3\n' ddd "$base" ddd "$base" | mktar >"$T/in"
	pass "$T/in" >"$T/once"
	pass "$T/once" >"$T/twice"
	same "$T/once" "$T/twice"
	is "$(vae-cut -k key "$T/twice" | tr '\n' ' ')" "ddd//${base%.pgm} ddd/${base%.pgm} z "
	lstar <"$T/twice" | grep -q "^notes.txt.* 4 $(printf text | od -An -tx1 | tr -d ' ')$"
	! command -v bsdtar >/dev/null || is "$(bsdtar -tf "$T/once" | head -n 1)" "ddd//$base"
}

@test "types that are not supported, and extended headers without a member, are refused" {
	for type in D M N A; do
		printf 'name=a.x data=1\nname=b type=%s\n' $type | mktar >"$T/in"
		fails 1 pass "$T/in"
		says "member 2 'b'" "its type '$type' is not supported"
	done
	{
		printf 'name=a.x data=1\n' | mktar --no-end
		printf 'name=%0150d.x data=2\n' 7 | mktar | head -c 1024
		head -c 1024 /dev/zero
	} >"$T/in"
	fails 1 pass "$T/in"
	says 'after an extended header'
	: >"$T/null.x"
	tar --format=gnu -V label -C "$T" -cf "$T/in" null.x
	ok pass "$T/in"
	is "$(lstar --names <"$T/out")" null.x
}

@test "the end of an archive: zeros of any length, half an end, none" {
	local n
	printf 'name=a.x data=1\nname=b.x data=2\n' | mktar --no-end >"$T/tar"
	for n in 1024 1025 1500 1536 1537 10240 100001; do
		(cat "$T/tar" && head -c "$n" /dev/zero) >"$T/in"
		is "$(vae-cut -k key "$T/in" | tr '\n' ' ')" 'a b '
		gzip -c "$T/in" | vae-cut -k key | wc -l | grep -qx 2
	done
	for n in 0 1 511 512 513 1023; do
		(cat "$T/tar" && head -c "$n" /dev/zero) >"$T/in"
		fails 1 vae-cut -k key "$T/in"
		says "$T/in: after member 2: truncated: no end-of-archive" 'head -c 1024 /dev/zero'
		# the remedy
		is "$({ cat "$T/in"; head -c 1024 /dev/zero; } | vae-cut -k key | tr '\n' ' ')" 'a b '
	done
	# half an end, then another archive: the first was cut
	(cat "$T/tar" && head -c 512 /dev/zero && printf 'name=c.x data=1\n' | mktar) >"$T/in"
	fails 1 vae-cut -k key "$T/in"
	says 'after member 2' 'half an end-of-archive'
	# zeros that are no whole blocks, then another archive
	(cat "$T/tar" && head -c 1100 /dev/zero && printf 'name=c.x data=1\n' | mktar) >"$T/in"
	fails 1 vae-cut -k key "$T/in"
	says 'after member 2'
}

@test "a zstd window of more than 128 MiB is refused with the remedy" {
	need zstd
	printf 'name=a.x data=1\n' | mktar >"$T/in"
	zstd -q --long=28 --single-thread -c <"$T/in" >"$T/long.zst"
	fails 1 vae-cut -k key "$T/long.zst"
	says "$T/long.zst: " 'zstd -dc --long=31'
	is "$(zstd -qdc --long=31 "$T/long.zst" | vae-cut -k key)" a
	zstd -q --long=27 --single-thread -c <"$T/in" | vae-cut -k key
	# several frames, and frames that are skipped
	(head -c 700 "$T/in" | zstd -qc && printf 'P*M\030\003\0\0\0abc' && tail -c +701 "$T/in" | zstd -qc) >"$T/frames.zst"
	is "$(vae-cut -k key "$T/frames.zst")" a
	(printf 'P*M\030\003\0\0\0abc' && zstd -qc "$T/in") >"$T/skip.zst"
	is "$(vae-cut -k key "$T/skip.zst")" a
}

@test "a tar whose first name begins as a compressed stream does is a tar" {
	for name in '(%b5/%fd.x' '%fd7zXZ%01.x' '%04%22M%18.x' BZh91.x; do
		echo "name=$name data=1" | mktar --format ustar >"$T/in"
		is "$(vae-cut -k key "$T/in" | wc -l)" 1
		pass "$T/in" >"$T/once"
		pass "$T/once" >"$T/twice"
		same "$T/once" "$T/twice"
		is "$(lstar --names <"$T/twice")" "$(lstar --names <"$T/in")"
	done
}

@test "characters that change the direction of text do not reach the terminal" {
	printf 'name=a%%e2%%80%%aegnp.x data=1\nname=a%%e2%%80%%aegnp.X data=2\n' | mktar >"$T/in"
	fails 1 vae-cut -k key "$T/in"
	says 'a\xe2\x80\xaegnp'
	not grep -q "$(printf '\342\200\256')" "$T/err"
}
