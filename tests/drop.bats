# vae-drop: rules, rejects, marks.
# shellcheck disable=SC2094

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
	for top in x -1 1.5 101% 5%% % '' nan inf% 1e400; do
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

@test "one rule, neither more nor less" {
	fails 2 vae-drop "$F/in.tar"
	fails 2 vae-drop --top 1 --above 3 "$F/in.tar"
	fails 2 vae-drop --top 1 --mark -r "$T/r.tar" "$F/in.tar"
	absent "$T/r.tar"
}

@test "-r: rejects with the rule, kept and rejected together are the input" {
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
	is "$(field dropped_by <"$T/out" | grep -c .)" 2
	ok vae-drop --mark --prefix again_ --above 19 -k w "$T/marked.tar"
	is "$(field again_dropped_by <"$T/out" | grep .)" 'w > 19'
}

@test "records without the field stay, counted; none with it is an error" {
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

@test "members that belong to no record are kept, also inside a record that goes" {
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

@test "rejects are not put in place when the output cannot be" {
	echo old >"$T/r.tar"
	local got=0
	(ulimit -f 16 && vae-drop --top 1 -o "$T/o.tar" -r "$T/r.tar" "$F/in.tar" 2>"$T/err") || got=$?
	is "$got" 1
	says o.tar 'File too large'
	is "$(cat "$T/r.tar")" old
	absent "$T/o.tar"
	no_leftovers "$T"
}

@test "two outputs of one name are refused" {
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
