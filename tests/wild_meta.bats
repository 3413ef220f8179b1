# Records as others write them: metadata in KEY.json, names of files and tables of many kinds.
# shellcheck disable=SC2016

load helper

# shard N: records of img2dataset with fields z: punsafe is I/10, similarity 1/(I+1)
shard() {
	local i
	for ((i = 0; i < $1; i++)); do
		printf 'name=%05d.txt data=a%%20caption\n' "$i"
		printf 'name=%05d.json data={"caption":"a%%20%d","punsafe":%s,"similarity":%s,"key":"%05d","status":"success","exif":"{}","error_message":null,"tags":["t%d",{"w":%d}],"ok":%s}\n' \
			"$i" "$i" "0.$i" "$(awk -v i="$i" 'BEGIN { printf "%.9g", 1 / (i + 1) }')" "$i" $((i % 3)) "$i" "$([ $((i % 2)) = 0 ] && echo true || echo false)"
		printf 'name=%05d.vae.json data={"z":%d.5,"source":"%s/%d.jpg"}%%0a\n' "$i" "$i" "$([ "$i" -lt 4 ] && echo cat || echo dog)" "$i"
	done
}

setup_file() {
	shard 9 | mktar >"$F/in.tar"
	pictures "$F/pics" 40
	mkdir "$F/a" "$F/b"
	plain_stream 20 | mktar >"$F/a/x.tar"
	plain_stream 40 | tail -n 40 | sed 's,s/00[23]\(.\),s/000\1,' >"$F/second" # 20 other pictures, with keys of the first shard
	awk 'BEGIN { n = -1 } /pgm /{ n++ } { sub("s/[0-9]*", sprintf("s/%04d", n)); print }' "$F/second" | mktar >"$F/a/y.tar"
	sed 's,s/,x/s/,' <(plain_stream 20) >"$F/joint"
	awk 'BEGIN { n = -1 } /pgm /{ n++ } { sub("s/[0-9]*", sprintf("y/s/%04d", n)); print }' "$F/second" >>"$F/joint"
	mktar <"$F/joint" >"$F/joint.tar"
	train "$F/m.vae" <"$F/a/x.tar"
}

keys() { field key <"$T/out" | tr '\n' ' '; }

@test "json.NAME: vae-drop by the metadata of img2dataset" {
	ok vae-drop -e 'json.punsafe > 0.3 && z > 5' -r "$T/r.tar" "$F/in.tar"
	[ ! -s "$T/err" ]
	is "$(keys)" '00000 00001 00002 00003 00004 '
	is "$(field dropped_by <"$T/r.tar" | sort -u)" 'json.punsafe > 0.3 && z > 5'
	cat "$T/out" "$T/r.tar" >"$T/both.tar"
	members <"$F/in.tar" >"$T/want"
	members <"$T/both.tar" >"$T/got"
	same "$T/want" "$T/got"
	ok vae-drop --above 0.45 -k json.punsafe "$F/in.tar"
	is "$(keys)" '00000 00001 00002 00003 00004 '
	ok vae-drop -i -e 'json.tags.0 == "t1" && json.tags.1.w >= 4 && !json.ok' "$F/in.tar"
	is "$(keys)" '00007 '
	fails 1 vae-drop --above 1 -k json.none "$F/in.tar"
	says "json.none"
}

@test "json.NAME: tables, rankings and detection by metadata" {
	ok vae-cut -k key,json.similarity,json.caption,json.ok,json.error_message "$F/in.tar"
	is "$(sed -n 3p "$T/out")" $'00002\t0.333333333\ta 2\ttrue\t'
	says 'json.error_message'
	ok vae-cut --json -k json.punsafe,json.ok,json.caption "$F/in.tar"
	is "$(sed -n 2p "$T/out")" '{"json.punsafe":0.1,"json.ok":false,"json.caption":"a 1"}'
	ok vae-rank --prefix s_ -k json.similarity "$F/in.tar"
	is "$(field s_rank <"$T/out" | tr '\n' ' ')" '0 1 2 3 4 5 6 7 8 '
	vae-rank --prefix s_ -k json.similarity,json.punsafe --save-ref "$T/ref" "$F/in.tar" >/dev/null
	ok vae-rank --prefix s_ --ref "$T/ref" "$F/in.tar"
	is "$(field s_joint <"$T/out" | grep -c .)" 9
	ok vae-eval --positive 'json.punsafe > 0.45' -k z,json.similarity "$F/in.tar"
	grep -q 'json.similarity' "$T/out"
	# the member is neither written nor changed
	ok vae-drop -i -e 'json.punsafe >= 0' "$F/in.tar"
	cp "$T/out" "$T/kept.tar"
	ok vae-drop -e "key == 'none'" "$F/in.tar"
	same "$T/out" "$T/kept.tar"
}

@test "json.NAME: a member that cannot be read is a missing name and a warning with a count" {
	{
		printf 'name=a.json data={"v":1}\n'
		printf 'name=b.json data={"v":NaN}\n'
		printf 'name=c.json data={"v":1,"x":"%%ff"}\n'
		printf 'name=d.json data=[1]\n'
		printf 'name=e.json file=%s\n' "$T/deep"
		printf 'name=f.json data=\n'
		printf 'name=g.txt data=\n'
	} >"$T/list"
	perl -e 'print "{\"v\":", "[" x 3000000' >"$T/deep"
	mktar <"$T/list" >"$T/in.tar"
	ok vae-drop -e 'json.v == 1' "$T/in.tar"
	is "$(keys)" 'b c d e f g '
	says '5 of 7 records have a member .json that cannot be read' '6 records lack a name'
	ok vae-drop -e 'json.v == 1' --max-drop 3 "$T/in.tar" # in two passes
	says '5 of 7 records'
	ok vae-cut -k key,json.v --summary "$T/s.json" "$T/in.tar"
	is "$(grep -c $'\t$' "$T/out")" 6
	says '5 of 7 records'
	grep -q '"bad_json":5\b' "$T/s.json"
	ok vae-drop -e 'json.v == 1' --max-drop 3 --summary "$T/s.json" "$T/in.tar"
	grep -q '"bad_json":5\b' "$T/s.json"
	ok vae-cut -k key "$T/in.tar" # nothing is parsed that was not asked for
	[ ! -s "$T/err" ]
}

@test "patterns: prefix, suffix, glob" {
	ok vae-drop -e 'source ~ "cat/*"' "$F/in.tar"
	is "$(keys)" '00004 00005 00006 00007 00008 '
	ok vae-drop -i -e 'source ~ "*/[0-2].jpg" || json.caption ~ "? 8"' "$F/in.tar"
	is "$(keys)" '00000 00001 00002 00008 '
	ok vae-drop -i -e 'source !~ "cat/*" && key ~ "*7"' "$F/in.tar"
	is "$(keys)" '00007 '
	fails 2 vae-drop -e 'source ~ cat' "$F/in.tar"
	says 'in quotes'
}

@test "z > 5 || error says nothing on a run without errors" {
	ok vae-drop -e 'z > 5 || error' "$F/in.tar"
	[ ! -s "$T/err" ]
	is "$(keys)" '00000 00001 00002 00003 00004 '
	(shard 3 && echo 'name=x.vae.json data={"error":"broken"}') | mktar >"$T/in.tar"
	ok vae-drop -e 'z > 5 || error' "$T/in.tar"
	[ ! -s "$T/err" ]
	is "$(keys)" '00000 00001 00002 '
	(shard 3 && echo 'name=x.vae.json data={"w":1}') | mktar >"$T/in.tar"
	ok vae-drop -e 'z > 5 || error' "$T/in.tar" # it has no z
	says '1 record lacks'
}

@test "a byte order mark in a list of keys is skipped" {
	printf '\357\273\27700003\r\n00001\r\n' >"$T/keys"
	ok vae-drop -i --keys "$T/keys" "$F/in.tar"
	[ ! -s "$T/err" ]
	is "$(keys)" '00001 00003 '
}

# two_shards TOOL ARGUMENT...: the fields over two shards with the same keys are those over one stream with other keys
two_shards() {
	ok "$@" --keys-per-file "$F/a/x.tar" "$F/a/y.tar"
	mv "$T/out" "$T/two.tar"
	ok "$@" "$F/joint.tar"
	vae-cut --json <"$T/out" >"$T/want"
	vae-cut --json <"$T/two.tar" | sed -E 's/"key_prefix":"[xy]\/",?//; s/,\}/}/' >"$T/got"
	is "$(wc -l <"$T/want")" 40
	same "$T/want" "$T/got"
	is "$(field key_prefix <"$T/two.tar" | sort | uniq -c | tr -s ' \n' ' ')" ' 20 x/ 20 y/ '
	# undone: the members are those of both shards
	vae-drop --strip -e 'key == "none"' "$T/two.tar" >"$T/undone.tar"
	cat "$F/a/x.tar" "$F/a/y.tar" | members >"$T/want"
	members <"$T/undone.tar" >"$T/got"
	same "$T/want" "$T/got"
	not grep -q vae.json <(lstar --names <"$T/undone.tar")
}

@test "--keys-per-file: a file whose name would make keys that leave the directory is refused" {
	local name
	for name in ..tar ...tar ...tar.zst; do
		cp "$F/a/x.tar" "$T/$name"
		fails 2 vae-drop -q --top 0 --keys-per-file "$F/a/y.tar" "$T/$name"
		says "cannot begin a key" 'another name'
	done
	cp "$F/a/x.tar" "$T/.tar"
	ok vae-cut --keys-per-file -k key "$F/a/y.tar" "$T/.tar"
}

@test "--keys-per-file: self influence, density, loss at checkpoints and influence over tests, over two shards with the same keys" {
	two_shards vae-selfinf -m "$F/m.vae"
	two_shards vae-density --neighbors 3
	two_shards vae-ckpt eval -m "$F/m.vae"
	two_shards vae-testinf -m "$F/m.vae" -t "$F/a/x.tar"
	ok vae-train -q -c tiny --set train.steps=4 --set train.checkpoints=1 --set train.holdout=0 -p --keys-per-file -o "$T/m.vae" "$F/a/x.tar" "$F/a/y.tar"
	is "$(field key <"$T/out" | sort -u | wc -l)" 40
}

@test "--keys-per-file: rank and drop over two shards with the same keys" {
	local s
	for s in x y; do vae-selfinf -m "$F/m.vae" "$F/a/$s.tar" >"$T/$s.tar"; done
	for s in '' --sort; do
		vae-selfinf -m "$F/m.vae" "$F/joint.tar" | vae-rank $s | field key,rank >"$T/want"
		ok vae-rank --keys-per-file $s "$T/x.tar" "$T/y.tar"
		field key,rank <"$T/out" >"$T/got"
		same "$T/want" "$T/got" # of z the last digits depend on the batch
	done
	vae-rank --keys-per-file "$T/x.tar" "$T/y.tar" >"$T/ranked.tar"
	ok vae-drop --top 25% -r "$T/r.tar" "$T/ranked.tar"
	is "$(cat <(field key <"$T/out") <(field key <"$T/r.tar") | sort -u | wc -l)" 40
	field key <"$T/r.tar" >"$T/list"
	ok vae-drop -i --keys-per-file --keys "$T/list" "$F/a/x.tar" "$F/a/y.tar"
	[ ! -s "$T/err" ]
	same <(sort "$T/list") <(keys | tr ' ' '\n' | sort)
	ok vae-drop -n -v --keys-per-file --keys "$T/list" "$F/a/x.tar" "$F/a/y.tar"
	says "would drop '$(head -1 "$T/list")'"
	# one shard again
	ok vae-drop -i -e 'key ~ "y/*"' --strip "$T/ranked.tar"
	same <(members <"$F/a/y.tar") <(members <"$T/out")
}

@test "--strip does not make one record of two that are alike without their prefixes" {
	echo 'name=1.png data=x' | mktar >"$T/a.tar"
	echo 'name=1.bin data=y' | mktar >"$T/b.tar"
	vae-drop -e 'key == "none"' --keys-per-file "$T/a.tar" "$T/b.tar" >"$T/in"
	fails 1 vae-drop --strip -e 'key == "none"' "$T/in"
	says "'1'" 'the record before it'
	ok vae-drop --strip -i -e 'key ~ "b/*"' "$T/in"
	same <(members <"$T/b.tar") <(members <"$T/out")
}

@test "--key-prefix: begins every key, twice too, and is undone by --strip" {
	ok vae-drop -e 'key == "none"' --key-prefix $'\xff\\a_' "$F/a/x.tar"
	is "$(field key <"$T/out" | head -1)" '\xff\\a_s/0000'
	mv "$T/out" "$T/once.tar"
	ok vae-drop -e 'key == "none"' --key-prefix z/ --keys-per-file "$T/once.tar" "$F/a/y.tar"
	is "$(field key,key_prefix <"$T/out" | sed -n '1p;21p')" $'z/once/\\xff\\\\a_s/0000\tz/once/\\xff\\\\a_\nz/y/s/0000\tz/y/'
	vae-drop --strip -e 'key == "none"' "$T/out" >"$T/undone.tar"
	same <(cat "$F/a/x.tar" "$F/a/y.tar" | members) <(members <"$T/undone.tar")
	# a field key_prefix that is not the begin of the key changes nothing
	echo 'name=a.vae.json data={"key_prefix":"b","source":"s"}' | mktar >"$T/in"
	ok vae-drop --strip -e 'key == "none"' "$T/in"
	is "$(field key,source <"$T/out")" $'a\ts'
}

@test "--keys-per-file: files with one name and prefixes that begin no key are refused" {
	cp "$F/a/y.tar" "$F/b/x.tar"
	fails 2 vae-drop --top 1 --keys-per-file "$F/a/x.tar" "$F/b/x.tar"
	says "$F/b/x.tar" --key-prefix
	fails 2 vae-drop --top 1 --key-prefix a. "$F/a/x.tar"
	says --key-prefix
	fails 2 vae-drop --top 1 --key-prefix __a__/ "$F/a/x.tar"
	cp "$F/a/x.tar" "$F/b/__x__.tar"
	fails 2 vae-drop --top 1 --keys-per-file "$F/b/__x__.tar"
	says __x__
	ok vae-drop -e 'key == "none"' --keys-per-file <"$F/a/x.tar"
	is "$(field key <"$T/out" | head -1)" stdin/s/0000
}

@test "a directory: links are followed on request" {
	mkdir -p "$T/d" "$T/blobs/dir"
	echo one >"$T/blobs/abc"
	echo two >"$T/blobs/dir/2.txt"
	ln -s ../blobs/abc "$T/d/1.txt"
	ln -s ../blobs/dir "$T/d/more"
	ln -s nowhere "$T/d/3.txt"
	fails 1 vae-pack "$T/d"
	says 'no records' '3 links' --follow
	ok vae-pack --follow "$T/d"
	is "$(field source <"$T/out" | tr '\n' ' ')" '1.txt more/2.txt '
	says '1 file skipped'
	grep -q two "$T/out"
	ln -s .. "$T/blobs/dir/up"
	ln -s . "$T/d/self"
	fails 1 vae-pack --follow "$T/d"
	says 'it is in'
	mkdir "$T/empty"
	fails 1 vae-pack "$T/empty"
	says 'no records'
	touch "$T/empty/.x" "$T/empty/README"
	fails 1 vae-pack --follow "$T/empty"
	says '0 links' '2 special or dot files'
	fails 2 vae-pack --follow "$F/a/x.tar"
}

@test "a directory: classes of an ImageFolder" {
	mkdir -p "$T/d/cat/sub" "$T/d/dog"
	echo 1 >"$T/d/cat/1.txt"
	echo 2 >"$T/d/cat/sub/2.txt"
	echo 3 >"$T/d/dog/1.txt"
	echo 4 >"$T/d/none.txt"
	ok vae-pack --classes "$T/d"
	is "$(field key,cls,source <"$T/out" | tr '\t\n' ', ')" '00000000,cat,cat/1.txt 00000001,cat,cat/sub/2.txt 00000002,dog,dog/1.txt 00000003,,none.txt '
	ok vae-pack --classes --only 'cls == "dog" || source ~ "cat/s*"' "$T/d"
	is "$(field source <"$T/out" | tr '\n' ' ')" 'cat/sub/2.txt dog/1.txt '
}

@test "a directory: files of one name are one record" {
	mkdir -p "$T/d/a" "$T/d/a.b"
	printf j >"$T/d/a.jpg"
	printf '{"v":1}' >"$T/d/a.json"
	printf t >"$T/d/a.txt"
	printf '{"z":5,"source":"elsewhere"}' >"$T/d/a.vae.json"
	printf x >"$T/d/a-b.txt"
	printf y >"$T/d/a/1.seg.PNG"
	printf z >"$T/d/a/1.cls"
	printf w >"$T/d/a.b/x.txt"
	ok vae-pack --together --classes "$T/d"
	[ ! -s "$T/err" ]
	is "$(field key,cls,z,source <"$T/out" | tr '\t\n' ', ')" 'a-b,,,a-b.txt a,,5,a.jpg a/1,z,,a/1.cls a.b/x,a.b,,a.b/x.txt '
	is "$(lstar --names <"$T/out" | grep '^a\.[jtv]' | tr '\n' ' ')" 'a.jpg a.json a.txt a.vae.json '
	ok vae-pack --together --key-prefix p/ --only 'json.v == 1' "$T/d"
	is "$(field key <"$T/out")" p/a
	ok vae-pack --together --limit 2 "$T/d"
	is "$(field key <"$T/out" | tr '\n' ' ')" 'a-b a '
	printf t >"$T/d/a.TXT"
	fails 1 vae-pack --together "$T/d"
	says "'a'" '.txt' twice
}

# numbers < STREAM: the numbers of each record's .npy, one record a line
numbers() { perl -0777 -ne 'while (/\x93NUMPY\x01\x00(..)\{[^}]*\((\d+),\)[^\n]*\n/g) { my @v = unpack "d<$2", substr($_, pos, 8 * $2); print "@v\n" }'; }

@test "a table: columns chosen and left out, several labels" {
	printf 'id,a,b,kind,c,shop\n7,1,2,x,3,s1\n8,4,5,y,6,s2\n9,7,8,,9,\n' >"$T/t.csv"
	ok vae-pack --label kind,shop --skip id "$T/t.csv"
	numbers <"$T/out" >"$T/got"
	is "$(tr '\n' ';' <"$T/got")" '1 2 3;4 5 6;7 8 9;'
	is "$(field cls,shop <"$T/out" | tr '\t\n' ', ')" 'x,s1 y,s2 , '
	ok vae-pack --columns 5,a --label 1 "$T/t.csv"
	is "$(numbers <"$T/out" | tr '\n' ';')" '1 3;4 6;7 9;'
	is "$(field cls <"$T/out" | tr '\n' ' ')" '7 8 9 '
	ok vae-pack --skip 1,4,6 --only 'key !~ "*1"' "$T/t.csv"
	is "$(numbers <"$T/out" | tr '\n' ';')" '1 2 3;7 8 9;'
	fails 1 vae-pack --skip id,none,kind "$T/t.csv"
	says --skip "'none'"
	fails 1 vae-pack --columns 7 "$T/t.csv"
	says --columns
	fails 1 vae-pack --skip a --label a,kind "$T/t.csv" # id, b, c and shop remain
	says shop
	fails 2 vae-pack --skip 1 --columns 2 "$T/t.csv"
	fails 2 vae-pack --skip 1 "$F/pics"
}

@test "a table: missing values" {
	printf 'a,b\n1,10\nNA,20\n3,\n5,30\n?,NaN\n' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 'line 3, column 1'
	ok vae-pack --missing skip "$T/t.csv"
	is "$(numbers <"$T/out" | tr '\n' ';')" '1 10;5 30;'
	says '3 rows'
	is "$(field key <"$T/out" | tr '\n' ' ')" '00000000 00000003 '
	ok vae-pack --missing mean "$T/t.csv"
	is "$(numbers <"$T/out" | tr '\n' ';')" '1 10;3 20;3 20;5 30;3 20;'
	ok vae-pack --missing mark "$T/t.csv"
	is "$(numbers <"$T/out" | tr '\n' ';')" '1 10 0;3 20 1;3 20 1;5 30 0;3 20 1;'
	fails 2 vae-pack --missing mean --format csv - <"$T/t.csv"
	printf 'a,b\n1,x\n' >"$T/t.csv"
	fails 1 vae-pack --missing skip "$T/t.csv"
	says "'x' is not a number"
	printf 'a,b\n1,\n2,NA\n' >"$T/t.csv"
	fails 1 vae-pack --missing mean "$T/t.csv"
	says 'column 2 has no numbers'
}

@test "a table: decimal comma and thousands" {
	printf 'a;b\n1,5;-2\n1.234.567,25;3e-1\n' >"$T/t.csv"
	ok vae-pack --decimal-comma --thousands . "$T/t.csv"
	is "$(numbers <"$T/out" | tr '\n' ';')" '1.5 -2;1234567.25 0.3;'
	fails 1 vae-pack --decimal-comma "$T/t.csv"
	says '1.234.567,25'
	printf 'a\tb\n"1,234.5"\t-12,345\n' >"$T/t.tsv"
	ok vae-pack --thousands , "$T/t.tsv"
	is "$(numbers <"$T/out")" '1234.5 -12345'
	local x
	for x in 1,23 ,123 1234,567 1,2345 1,,234 '1,234,' 1.5,000; do
		printf 'a\tb\n1\t%s\n' "$x" >"$T/t.tsv"
		fails 1 vae-pack --thousands , "$T/t.tsv"
		says 'not a number'
	done
	fails 2 vae-pack --thousands . "$T/t.tsv"
	fails 2 vae-pack --thousands , --decimal-comma "$T/t.tsv"
	fails 2 vae-pack --thousands xx "$T/t.tsv"
}

@test "a table that is none: UTF-16, CR alone, NUL, xlsx" {
	printf '\377\376a\0,\0b\0\n\0' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says "$T/t.csv: UTF-16" iconv
	printf 'a\0,\0b\0\n\0' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 'NUL byte' iconv
	printf 'a,b\r1,2\r3,4\r' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says 'CR alone' "tr '"
	printf 'PK\3\4xxxxxxxx' >"$T/t.csv"
	fails 1 vae-pack "$T/t.csv"
	says xlsx
	printf 'a,b\r\n1,2\r\n' >"$T/t.csv"
	ok vae-pack "$T/t.csv"
	is "$(numbers <"$T/out")" '1 2'
}
