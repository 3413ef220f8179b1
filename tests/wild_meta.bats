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
	ok vae-cut -k key,json.v "$T/in.tar"
	is "$(grep -c $'\t$' "$T/out")" 6
	says '5 of 7 records'
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
	says '1 records lack'
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
