# vae-drop: rules, rejects, marks.
# shellcheck disable=SC2094,SC2002,SC2016

load helper

setup_file() {
	pictures "$F/pics" 20
	stream 20 | mktar >"$F/in.tar"
}

keys() { field key | tr '\n' ' '; }

@test "--top N and --top P% take the highest ranks, percentages rounded down" {
	local top
	for top in 0:20 1:19 3:17 20:0 1000:0 0%:20 4.99%:20 5%:19 9.99%:19 10%:18 99.9%:1 100%:0; do
		ok vae-drop --top "${top%:*}" -q "$F/in.tar"
		is "$(field key <"$T/out" | wc -l)" "${top#*:}" "--top ${top%:*}"
	done
	ok vae-drop --top 3 "$F/in.tar"
	is "$(field key <"$T/out" | tail -1)" s/0016
	ok vae-drop --top 35% "$F/in.tar"
	is "$(field key <"$T/out" | wc -l)" 13
	for top in x -1 1.5 101% 5%% % '' nan inf% 1e400 1e300 1000000000000001; do
		fails 2 vae-drop --top "$top" "$F/in.tar"
		says --top
	done
}

@test "--above takes what is above, not equal" {
	ok vae-drop --above 16.5 -k w "$F/in.tar"
	is "$(field w <"$T/out" | wc -l)" 17
	ok vae-drop --above 16.49 -k w "$F/in.tar"
	is "$(field w <"$T/out" | wc -l)" 16
	ok vae-drop --above -1 -k w "$F/in.tar"
	is "$(wc -c <"$T/out")" 1024
	ok vae-drop --above 1e30 -k w "$F/in.tar"
	is "$(field w <"$T/out" | wc -l)" 20
	for x in '' x nan inf 1e999 5%; do fails 2 vae-drop --above "$x" "$F/in.tar"; done
}

@test "exactly one rule" {
	fails 2 vae-drop "$F/in.tar"
	fails 2 vae-drop --top 1 --above 3 "$F/in.tar"
	fails 2 vae-drop --top 1 --mark -r "$T/r.tar" "$F/in.tar"
	absent "$T/r.tar"
	fails 2 vae-drop --top 1 -e 'w > 1' "$F/in.tar"
	fails 2 vae-drop --keys /dev/null -e 'w > 1' "$F/in.tar"
	fails 2 vae-drop -k w -e 'w > 1' "$F/in.tar"
	says -k
	fails 2 vae-drop -k w --keys /dev/null "$F/in.tar"
	fails 2 vae-drop --mark --strip --top 1 "$F/in.tar"
	says --strip
	fails 2 vae-drop --mark --max-drop 1 --top 1 "$F/in.tar"
	says --max-drop
	fails 2 vae-drop -i "$F/in.tar"
}

@test "--duplicates keep-first drops what repeats a group" {
	printf 'name=%s.cls data=1\nname=%s.vae.json data={%s}\n' a a '"dup_group":"x"' b b '"dup_group":"y"' c c '"w":1' d d '"dup_group":"x"' e e '"g":7' f f '"dup_group":"x","g":7' | mktar >"$T/in.tar"
	ok vae-drop --duplicates keep-first -r "$T/r.tar" --summary "$T/s.json" "$T/in.tar"
	[ ! -s "$T/err" ]
	is "$(vae-cut -k key "$T/out" | tr '\n' ' ')" 'a b c e '
	is "$(vae-cut -k key,dropped_by "$T/r.tar" | tr '\t\n' ' ;')" 'd an earlier record has the same dup_group;f an earlier record has the same dup_group;'
	grep -q '"dropped":2,' "$T/s.json"
	# two passes, another field, inverted, none
	ok vae-drop --duplicates keep-first --max-drop 2 "$T/in.tar"
	is "$(vae-cut -k key "$T/out" | wc -l)" 4
	fails 3 vae-drop --duplicates keep-first --max-drop 1 "$T/in.tar"
	ok vae-drop --duplicates keep-first -k g "$T/in.tar"
	is "$(vae-cut -k key "$T/out" | tr '\n' ' ')" 'a b c d e '
	ok vae-drop --duplicates keep-first -i "$T/in.tar"
	is "$(vae-cut -k key "$T/out" | tr '\n' ' ')" 'd f '
	ok vae-drop --duplicates keep-first -k none "$T/in.tar"
	says "no record has the field 'none'" 'vae-density --duplicates'
	fails 2 vae-drop --duplicates keep-last "$T/in.tar"
	says keep-first
	fails 2 vae-drop --duplicates keep-first --top 1 "$T/in.tar"
	says 'only one of'
}

@test "-r: rejects with the rule; kept and rejected records together are the input" {
	ok vae-drop --top 25% -r "$T/r.tar" --summary "$T/s" "$F/in.tar"
	is "$(field key,dropped_by <"$T/r.tar" | head -1)" $'s/0015\ttop 25% of rank'
	is "$(field dropped_by <"$T/r.tar" | sort -u | wc -l)" 1
	cat "$T/out" "$T/r.tar" >"$T/both.tar"
	members <"$F/in.tar" >"$T/want"
	members <"$T/both.tar" >"$T/got"
	diff "$T/want" "$T/got"
	grep -q '"dropped":5,"matched":5,"without_field":0,"rule":"top 25% of rank","records":20,"unscored":0,"rejected":5,' "$T/s"
	ok vae-drop --above 17 -k w -r "$T/r.tar.zst" "$F/in.tar"
	is "$(field dropped_by <"$T/r.tar.zst" | sort -u)" 'w > 17'
	is "$(head -c4 "$T/r.tar.zst" | od -An -tx1 | tr -d ' ')" 28b52ffd
}

@test "-n writes nothing and says how many" {
	ok vae-drop -n --top 3 -r "$T/r.tar" -o "$T/o.tar" "$F/in.tar"
	[ ! -s "$T/out" ]
	absent "$T/r.tar" "$T/o.tar"
	says 'would drop 3 of 20'
	ok vae-drop -n -v --top 2 "$F/in.tar"
	says "would drop 's/0018'" "would drop 's/0019'"
	is "$(wc -l <"$T/err")" 3
	ok vae-drop -n -q --top 2 "$F/in.tar"
	[ ! -s "$T/err" ]
}

@test "--mark drops nothing" {
	ok vae-drop --mark --top 2 "$F/in.tar"
	is "$(field key,dropped_by <"$T/out" | awk -F '\t' '$2 != ""' | tr '\t\n' '= ')" 's/0018=top 2 of rank s/0019=top 2 of rank '
	members <"$F/in.tar" >"$T/want"
	members <"$T/out" >"$T/got"
	diff "$T/want" "$T/got"
	mv "$T/out" "$T/marked.tar"
	fails 1 vae-drop --mark --above 18 -k w "$T/marked.tar"
	says dropped_by "'s/0018'" --replace
	ok vae-drop --mark --replace --above 19 -k w "$T/marked.tar"
	is "$(field key,dropped_by,dropped_threshold <"$T/out" | grep w)" $'s/0019\tw > 19\t19'
	is "$(field dropped_by <"$T/out" | grep -c .)" 1 # s/0018 is marked no more
	ok vae-drop --mark --prefix again_ --above 19 -k w "$T/marked.tar"
	is "$(field again_dropped_by <"$T/out" | grep .)" 'w > 19'
}

@test "a threshold is a number of records, whatever rank_n says" {
	printf 'name=a.vae.json data={"rank":5,"rank_n":1e300}\nname=b.vae.json data={"rank":-1e300,"rank_n":-1e299}\n' | mktar >"$T/in"
	ok vae-drop --mark --top 50% "$T/in"
	is "$(field key,dropped_threshold <"$T/out" | tr '\t\n' '= ')" 'a=1000000000000000 b=0 '
}

@test "records without the field are kept and counted; it is an error if all lack it" {
	(stream 4 && echo 'name=x.cls data=1' && echo 'name=y.vae.json data={"rank":"0","rank_n":5,"w":"99"}') | mktar >"$T/in"
	ok vae-drop --top 100% "$T/in"
	is "$(keys <"$T/out")" 'x y '
	says '2 records without' "'rank'"
	ok vae-drop --above 0 -k w "$T/in"
	is "$(keys <"$T/out")" 'x y '
	fails 1 vae-drop --above 0 "$T/in"
	says selfinf 'none of 6'
	printf 'name=a.vae.json data={"rank":0}\n' | mktar >"$T/in"
	fails 1 vae-drop --top 1 "$T/in" # a rank has its rank_n beside it
	says rank_n
	fails 1 vae-drop --top 50% "$T/in"
}

@test "another field's rank" {
	vae-rank -k w --prefix p_ <"$F/in.tar" | vae-drop --top 10% -k p_rank >"$T/out"
	is "$(field key <"$T/out" | wc -l)" 18
}

@test "loose members are kept, also inside a dropped record" {
	{
		echo 'name=a.cls data=1'
		echo 'name=inside/ type=5'
		echo 'name=a.vae.json data={"rank":0,"rank_n":2}'
		echo 'name=after/ type=5'
	} | mktar | vae-drop --top 1 -r "$T/r.tar" >"$T/out"
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" 'inside after '
	is "$(lstar --names <"$T/r.tar" | tr '\n' ' ')" 'a.cls a.vae.json '
}

@test "-v says what was done" {
	ok vae-drop -v --top 3 "$F/in.tar"
	says 'dropped 3 of 20'
	ok vae-drop -v --mark --top 3 "$F/in.tar"
	says 'marked 3 of 20'
}

@test "the rejects file is not replaced when the output fails" {
	printf 'name=old.cls data=1\n' | mktar >"$T/r.tar"
	cp "$T/r.tar" "$T/old.tar"
	local got=0
	(ulimit -f 16 && vae-drop --top 1 -o "$T/o.tar" -r "$T/r.tar" "$F/in.tar" 2>"$T/err") || got=$?
	is "$got" 1
	says o.tar 'File too large'
	same "$T/old.tar" "$T/r.tar"
	absent "$T/o.tar"
	no_leftovers "$T"
}

@test "two outputs of the same name are refused" {
	echo old >"$T/x.tar"
	mkdir "$T/d"
	fails 2 vae-drop --top 1 -o "$T/x.tar" -r "$T/d/../x.tar" "$F/in.tar"
	fails 2 vae-drop --top 1 -o "$T/new.tar" -r "$T/d/../new.tar" "$F/in.tar"
	fails 2 vae-drop --top 1 -o "$T/x.tar" --summary "$T/x.tar" "$F/in.tar"
	ln -s x.tar "$T/link"
	fails 2 vae-drop --top 1 -o "$T/link" -r "$T/x.tar" "$F/in.tar"
	is "$(cat "$T/x.tar")" old
	local got=0
	vae-drop --top 1 -r "$T/x.tar" "$F/in.tar" >"$T/x.tar" 2>"$T/err" || got=$?
	is "$got" 2
	ok vae-drop --top 1 -o /dev/null -r /dev/null "$F/in.tar"
}

# --- expressions ---

@test "-e drops what matches, -i -e keeps it" {
	ok vae-drop -e 'w > 16.5 || cls == 1 && w < 5' "$F/in.tar"
	is "$(field w <"$T/out" | wc -l)" 15
	is "$(field key <"$T/out" | head -3 | tr '\n' ' ')" 's/0000 s/0002 s/0003 '
	ok vae-drop -i -e 'w > 16.5 || cls == 1 && w < 5' -r "$T/r.tar" "$F/in.tar"
	is "$(keys <"$T/out")" 's/0001 s/0004 s/0017 s/0018 s/0019 '
	is "$(field dropped_by <"$T/r.tar" | sort -u)" 'not (w > 16.5 || cls == 1 && w < 5)'
	is "$(field key <"$T/r.tar" | wc -l)" 15
	ok vae-drop --expression 'key == "s/0007"' "$F/in.tar"
	is "$(field key <"$T/out" | wc -l)" 19
	not grep -q s/0007 <(lstar --names <"$T/out")
	ok vae-drop --include -e "key >= 's/0018'" "$F/in.tar"
	is "$(keys <"$T/out")" 's/0018 s/0019 '
}

@test "-e: a missing name never matches, and is counted" {
	(stream 4 && echo 'name=x.cls data=1' && echo 'name=y.vae.json data={"other":1}') | mktar >"$T/in"
	local e
	for e in 'w > 1' 'w != 1' '!(w <= 1)' '!w' '!none'; do
		ok vae-drop -i -e "$e" -r "$T/r.tar" --summary "$T/s" "$T/in"
		not grep -q '^[xy]$' <(field key <"$T/out") # kept by none of them
		says 'did not match and were dropped' '-e'
		grep -q '"without_field":[26],' "$T/s"
		ok vae-drop -e "$e" "$T/in"
		field key <"$T/out" | grep -c '^[xy]$' | grep -qx 2
		says 'lack a name' 'were kept'
	done
	# a name alone that is missing is reported only with -i, which drops these records: often no record has an `error`
	for e in error 'w > 100 || error' 'error || none' 'w && error' '(error)'; do
		ok vae-drop -e "$e" --summary "$T/s" "$T/in"
		is "$(field key <"$T/out" | wc -l)" 6
		if [[ $e = 'w > 100'* ]]; then says '2 records lack'; else is "$(cat "$T/err")" '' "$e"; fi
	done
	ok vae-drop -i -e error --summary "$T/s" "$T/in"
	says '6 records lack'
	grep -q '"dropped":6,.*"without_field":6,' "$T/s"
	# with -i --top and -i --above too
	ok vae-drop -i --top 50% "$T/in"
	is "$(keys <"$T/out")" 's/0002 s/0003 '
	says '2 records without' "'rank'" 'did not match and were dropped'
	ok vae-drop -i --above 1.5 -k w -r "$T/r.tar" "$T/in"
	is "$(keys <"$T/out")" 's/0002 s/0003 '
	is "$(field dropped_by <"$T/r.tar" | sort -u)" 'not (w > 1.5)'
}

@test "-e: an invalid expression is a usage error with a column" {
	fails 2 vae-drop -e 'w = 1' "$F/in.tar"
	says -e 'column 3'
	fails 2 vae-drop -e 'w > ' "$F/in.tar"
	says 'column 5'
	fails 2 vae-drop -e '' "$F/in.tar"
	says 'column 1'
	fails 2 vae-drop -e '(w > 1' "$F/in.tar"
	says parenthesis 'column 7'
	fails 2 vae-drop -e 'w > 1 w' "$F/in.tar"
	fails 2 vae-drop -e "$(printf 'w \033[31m')" "$F/in.tar"
	[ ! -s "$T/out" ]
}

# --- keys ---

# hostile: keys with every kind of byte
hostile() {
	local name
	for name in a plain%20space t%09ab new%0aline back%5cslash back%5cx41 %ff%fe %c2%85c1 quote%22%27 %c3%a9%e2%82%ac cr%0d esc%1b[31m \
		-dash ../up dir/./x null 0 %20lead trail%20 '#hash' "$(printf 'long%.0s' {1..80})" 'd/__x__/y'; do
		echo "name=$name.cls data=1"
		echo "name=$name.vae.json data={\"w\":1}"
	done
}

@test "--keys: takes what vae-cut -k key prints, whatever the keys" {
	hostile | mktar | vae-drop -e 'w != 1' >"$T/in.tar"
	ok vae-cut -k key "$T/in.tar"
	mv "$T/out" "$T/keys"
	is "$(wc -l <"$T/keys")" 22
	ok vae-drop --keys "$T/keys" -r "$T/r.tar" --summary "$T/s" "$T/in.tar"
	[ ! -s "$T/err" ]
	is "$(wc -c <"$T/out")" 1024
	grep -q '"dropped":22,.*"keys":22,"keys_missing":0' "$T/s"
	is "$(field dropped_by <"$T/r.tar" | sort -u)" "key in $T/keys"
	ok vae-drop -i --keys "$T/keys" "$T/in.tar"
	same "$T/in.tar" "$T/out"
	# each key alone
	local i
	for ((i = 1; i <= 22; i++)); do
		sed -n "${i}p" "$T/keys" >"$T/one"
		ok vae-drop -i --keys "$T/one" "$T/in.tar"
		[ ! -s "$T/err" ]
		field key <"$T/out" >"$T/got"
		same "$T/one" "$T/got"
	done
	# a key that begins with a byte order mark is not taken for the file's
	printf 'name=%%ef%%bb%%bfa.txt data=1\nname=a.txt data=2\n' | mktar >"$T/bom.tar"
	vae-cut -k key "$T/bom.tar" | head -n 1 >"$T/keys"
	ok vae-drop -i --keys "$T/keys" "$T/bom.tar"
	is "$(lstar --names <"$T/out")" '%ef%bb%bfa.txt'
	# a field named key takes precedence in both tools
	printf 'name=a.vae.json data={"key":"b"}\nname=b.vae.json data={"key":"x\\ty\\u0000"}\n' | mktar >"$T/in.tar"
	vae-cut -k key "$T/in.tar" | tail -1 >"$T/keys"
	ok vae-drop --keys "$T/keys" "$T/in.tar"
	is "$(lstar --names <"$T/out")" a.vae.json
	[ ! -s "$T/err" ]
}

@test "--keys: keys that are not in the stream, and sources of a list" {
	printf 's/0003\nnobody\ns/0005\n\nnot\tthere\nnobody\n' >"$T/keys"
	ok vae-drop --keys "$T/keys" --summary "$T/s" "$F/in.tar"
	is "$(field key <"$T/out" | wc -l)" 18
	says '2 of 4 listed keys are not in the stream' "'nobody'"
	is "$(wc -l <"$T/err")" 1
	grep -q '"keys":4,"keys_missing":2' "$T/s"
	ok vae-drop -v --keys "$T/keys" "$F/in.tar"
	says "'nobody'" "also not in the stream: 'not'"
	ok vae-drop -q --keys "$T/keys" "$F/in.tar"
	[ ! -s "$T/err" ]
	# a table with the key in its first column, CRLF line ends, no final newline, from standard input
	ok bash -c 'printf "s/0001\t17.5\r\ns/0002\r\ns/0004" | vae-drop -i --keys - "$1"' - "$F/in.tar"
	is "$(keys <"$T/out")" 's/0001 s/0002 s/0004 '
	[ ! -s "$T/err" ]
	fails 2 vae-drop --keys - <"$F/in.tar"
	says 'standard input'
	fails 2 vae-drop --keys - "$F/in.tar" - <"$F/in.tar"
	fails 1 vae-drop --keys "$T/none" "$F/in.tar"
	says "$T/none" 'No such file'
	fails 1 vae-drop --keys "$T" "$F/in.tar"
	says directory
	ok vae-drop --keys /dev/null "$F/in.tar"
	is "$(field key <"$T/out" | wc -l)" 20
	ok vae-drop -i --keys /dev/null "$F/in.tar"
	is "$(wc -c <"$T/out")" 1024
	# a key in a message is escaped
	printf 'a\033[31mb\n' >"$T/keys"
	ok vae-drop --keys "$T/keys" "$F/in.tar"
	clean "$T/err"
	says 'a\x1b[31mb'
}

@test "--keys: of a list of decisions, only drop counts" {
	printf 's/0003\tdrop\ns/0004\tkeep\ns/0005\tunsure\ns/0006\tdrop\nnobody\tkeep\ns/0007\tdrop\ns/0007\tkeep\n' >"$T/keys"
	ok vae-drop --keys "$T/keys" -r "$T/r.tar" --summary "$T/s" "$F/in.tar"
	[ ! -s "$T/err" ]
	is "$(keys <"$T/r.tar")" 's/0003 s/0006 '
	is "$(field key <"$T/out" | wc -l)" 18
	grep -q '"dropped":2,.*"keys":2,"keys_missing":0' "$T/s"
	ok vae-drop -i --keys "$T/keys" "$F/in.tar"
	is "$(keys <"$T/out")" 's/0003 s/0006 '
	# a decision to drop a record that is not there is worth a warning
	printf 'nobody\tdrop\n' >>"$T/keys"
	ok vae-drop --keys "$T/keys" "$F/in.tar"
	says '1 of 3 listed keys are not in the stream' "'nobody'"
	# decisions to keep all
	sed 's/drop/keep/' "$T/keys" >"$T/none"
	ok vae-drop --keys "$T/none" "$F/in.tar"
	is "$(field key <"$T/out" | wc -l)" 20
	# capitals and spaces of an editor: Keep is not a plain list of keys, which would drop the record
	printf 's/0003\tDrop \ns/0004\tKeep\n' >"$T/edited"
	ok vae-drop -i --keys "$T/edited" "$F/in.tar"
	is "$(keys <"$T/out")" 's/0003 '
	printf 's/0004\tKEEP\n' >"$T/edited"
	ok vae-drop -i --keys "$T/edited" "$F/in.tar"
	is "$(keys <"$T/out")" ''
	# a mistyped decision drops nothing
	printf 's/0008\tdorp\n' >>"$T/keys"
	fails 1 vae-drop --keys "$T/keys" -o "$T/o.tar" "$F/in.tar"
	says "$T/keys: line 9 has no decision, but line 1 has 'drop'"
	absent "$T/o.tar"
	fails 1 vae-drop --keys - "$F/in.tar" <"$T/keys"
	says 'standard input: line 9'
	# a table of another kind stays a list of keys
	printf 's/0003\tcat\ts\ns/0004\t4\n' >"$T/keys"
	ok vae-drop -i --keys "$T/keys" "$F/in.tar"
	is "$(keys <"$T/out")" 's/0003 s/0004 '
}

@test "--keys: many keys" {
	perl -e 'print map { sprintf "s/%04d\n", $_ } 10 .. 99_999' >"$T/keys"
	ok vae-drop --keys "$T/keys" "$F/in.tar"
	is "$(field key <"$T/out" | wc -l)" 10
	says '99980 of 99990'
}

# --- the guard ---

@test "--max-drop: up to the limit it has no effect; above it nothing is written and the status is 3" {
	local max
	ok vae-drop --top 5 -r "$T/r0.tar" "$F/in.tar"
	mv "$T/out" "$T/want"
	for max in 5 25% 25.0001% 100% 1000; do
		ok vae-drop --top 5 --max-drop $max -r "$T/r.tar" --summary "$T/s" "$F/in.tar"
		same "$T/want" "$T/out"
		same "$T/r0.tar" "$T/r.tar"
		grep -q '"dropped":5,.*"stopped":0,"records":20,.*"rejected":5,' "$T/s"
		cat "$F/in.tar" | ok vae-drop --top 5 --max-drop $max # cannot be sought
		same "$T/want" "$T/out"
		rm "$T/r.tar" "$T/s"
	done
	for max in 4 24.99% 0 0%; do
		fails 3 vae-drop --top 5 --max-drop $max -r "$T/r.tar" -o "$T/o.tar" --summary "$T/s" "$F/in.tar"
		says '5 of 20 records would be dropped' 'top 5 of rank' "--max-drop $max"
		absent "$T/r.tar" "$T/o.tar"
		no_leftovers "$T"
		grep -q '"dropped":0,"matched":5,.*"stopped":1,"records":20,.*"rejected":0,' "$T/s"
		cat "$F/in.tar" | fails 3 vae-drop -q --top 5 --max-drop $max -r "$T/r.tar"
		[ ! -s "$T/out" ]
		absent "$T/r.tar"
	done
	# an existing file stays, and the next tool in the pipeline fails
	printf 'name=old.cls data=1\n' | mktar >"$T/r.tar"
	cp "$T/r.tar" "$T/old.tar"
	fails 3 vae-drop --top 5 --max-drop 1 -r "$T/r.tar" "$F/in.tar"
	same "$T/old.tar" "$T/r.tar"
	fails 1 bash -c 'vae-drop --top 5 --max-drop 1 "$1" 2>/dev/null | vae-cut -k key' - "$F/in.tar"
	# a dry run has the same status
	local got=0
	vae-drop -n --top 5 --max-drop 4 "$F/in.tar" >"$T/out" 2>"$T/err" || got=$?
	is "$got" 3
	says 'would drop 5 of 20' 'more than --max-drop 4'
	ok vae-drop -n --top 5 --max-drop 5 "$F/in.tar"
	for max in x -1 1.5 101% '' nan; do
		fails 2 vae-drop --top 5 --max-drop "$max" "$F/in.tar"
		says --max-drop
	done
}

@test "--max-drop guards every rule" {
	fails 3 vae-drop -e 'w > 5' --max-drop 50% "$F/in.tar"
	fails 3 vae-drop -i -e 'w > 18' --max-drop 50% "$F/in.tar"
	fails 3 vae-drop -i -e 'mispelt > 18' --max-drop 50% "$F/in.tar"
	fails 3 vae-drop --above 1 -k w --max-drop 50% "$F/in.tar"
	fails 3 vae-drop -i --keys /dev/null --max-drop 50% "$F/in.tar"
	head -c 1024 /dev/zero >"$T/empty"
	ok vae-drop -e 'w > 5' --max-drop 0 "$T/empty"
	same "$T/empty" "$T/out"
	# loose members are written once
	(echo 'name=README data=x' && stream 3 && echo 'name=end/ type=5') | mktar >"$T/in"
	ok vae-drop -e 'w > 99' --max-drop 1 "$T/in"
	is "$(lstar --names <"$T/out" | grep -c -e README -e end)" 2
}

# --- fields of rejects ---

@test "rejects have the rule and the threshold in force" {
	ok vae-drop --top 25% -r "$T/r.tar" "$F/in.tar"
	is "$(field dropped_by,dropped_threshold <"$T/r.tar" | sort -u)" $'top 25% of rank\t5'
	ok vae-drop --above 17.25 -k w -r "$T/r.tar" "$F/in.tar"
	is "$(field dropped_by,dropped_threshold <"$T/r.tar" | sort -u)" $'w > 17.25\t17.25'
	ok vae-drop -i --top 19 -r "$T/r.tar" "$F/in.tar"
	is "$(field key,dropped_by,dropped_threshold <"$T/r.tar")" $'s/0000\tnot (top 19 of rank)\t19'
	ok vae-drop -e 'w > 18' -r "$T/r.tar" "$F/in.tar"
	is "$(field dropped_by,dropped_threshold <"$T/r.tar" | sort -u)" $'w > 18\t'
	# dropped again by another rule: the old threshold is removed
	ok vae-drop --top 25% -r "$T/r.tar" "$F/in.tar"
	fails 1 vae-drop -e 'w > 18' -r "$T/rr.tar" "$T/r.tar"
	says dropped_by --replace
	ok vae-drop -e 'w > 18' --replace -r "$T/rr.tar" "$T/r.tar"
	is "$(field dropped_by,dropped_threshold <"$T/rr.tar" | sort -u)" $'w > 18\t'
	local long
	long="w > 18$(printf ' || w > 18%.0s' {1..200})"
	ok vae-drop -e "$long" -r "$T/r.tar" "$F/in.tar"
	is "$(field dropped_by <"$T/r.tar" | sort -u)" "$long"
}

# --- strip ---

@test "--strip: kept records are the originals, byte for byte" {
	# a stream that had no scores before
	plain_stream 20 | mktar | vae-drop -q -e none >"$T/plain.tar"
	vae-density --method kde --sigma 3 "$T/plain.tar" | vae-rank -k kde_nll | vae-drop --top 0 --strip >"$T/out"
	same "$T/plain.tar" "$T/out"
	# the field source of vae-pack stays
	vae-pack -q "$F/pics" | vae-drop -q -e none >"$T/plain.tar"
	vae-density --method kde --sigma 3 "$T/plain.tar" | vae-rank -k kde_nll | vae-drop --top 0 --strip >"$T/out"
	same "$T/plain.tar" "$T/out"
	field source <"$T/out" | grep -c . | grep -qx 20
	# rejects keep their scores, loose members stay, scores may be anywhere in a record
	{
		echo 'name=dir/ type=5'
		echo 'name=a.vae.json data={"w":1}'
		echo 'name=a.cls data=1'
		echo 'name=in/ type=5'
		echo 'name=a.txt data=2'
		echo 'name=b.cls data=1'
		echo 'name=b.vae.json data={"w":2}'
		echo 'name=c.vae.json data={"w":1}'
		echo 'name=d.txt data=3'
	} | mktar >"$T/in"
	ok vae-drop -q -e 'w == 2' --strip -r "$T/r.tar" "$T/in"
	is "$(lstar --names <"$T/out" | tr '\n' ' ')" 'dir a.cls in a.txt d.txt '
	is "$(lstar --names <"$T/r.tar" | tr '\n' ' ')" 'b.cls b.vae.json '
	is "$(field w,dropped_by <"$T/r.tar")" $'2\tw == 2'
}

@test "-r and --summary may not replace an input" {
	stream 6 | mktar >"$T/in"
	cp "$T/in" "$T/was"
	fails 2 vae-drop --top 1 -r "$T/in" -o "$T/x" "$T/in"
	says -r 'names an input'
	fails 2 vae-drop --top 1 --summary "$T/in" -o "$T/x" "$T/in"
	says --summary 'names an input'
	fails 2 vae-drop --top 1 -r "$T/in" -o "$T/x" <"$T/in"
	says -r 'on standard input'
	same "$T/was" "$T/in"
	absent "$T/x"
	# -o may: the input has been read when it is replaced
	ok vae-drop --top 1 -r "$T/r" -o "$T/in" "$T/in"
	is "$(field key <"$T/in" | wc -l)" 5
}

@test "no output may replace the list of keys" {
	vae-cut -k key "$F/in.tar" | head -n 2 >"$T/list"
	cp "$T/list" "$T/same"
	fails 2 vae-drop --keys "$T/list" -o "$T/list" "$F/in.tar"
	says -o --keys "$T/list"
	fails 2 vae-drop --keys "$T/list" -r "$T/list" "$F/in.tar"
	says -r --keys "$T/list"
	cmp "$T/list" "$T/same"
}
