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

setup_file() { shard 9 | mktar >"$F/in.tar"; }

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
