# vae-cut: TSV and JSON lines.
# shellcheck disable=SC2028

load helper

setup_file() {
	{
		echo 'name=a/1.cls data=%20%097%0a%0a'
		echo 'name=a/1.vae.json data={"x":1.50,"s":"tab\there","n":null,"t":true,"u":"\u00e9\n\\"}'
		echo 'name=%ff%09%5c.cls data=b%0ac'
		echo 'name=%c3%a9%22.vae.json data={"x":-0.0,"s":"","c":"\u0085\u001b[1m"}'
		echo 'name=none.txt data=x'
	} | mktar >"$F/in.tar"
}

@test "TSV: order, digits, escapes; missing fields are empty" {
	ok vae-cut -k x,key,cls,s,n,t,u,c,nope "$F/in.tar"
	{
		printf '1.50\ta/1\t7\ttab\\there\tnull\ttrue\té\\n\\\\\t\t\n'
		printf '\t\\xff\\t\\\\\tb\\nc\t\t\t\t\t\t\n'
		printf -- '-0.0\té"\t\t\t\t\t\t\\xc2\\x85\\x1b[1m\t\n'
		printf '\tnone\t\t\t\t\t\t\t\n'
	} >"$T/want"
	diff "$T/want" "$T/out"
	ok vae-cut -k key "$F/in.tar"
	is "$(wc -l <"$T/out")" 4
}

@test "TSV and messages escape what changes the direction of text; keys in streams stay bytes" {
	printf 'name=%s.vae.json data={"s":"%s","x":1}\n' a%e2%80%aeb %e2%81%a6z%d8%9c | mktar >"$T/in.tar"
	ok vae-cut -k key,s "$T/in.tar"
	is "$(cat "$T/out")" 'a\xe2\x80\xaeb'$'\t''\xe2\x81\xa6z\xd8\x9c'
	ok vae-drop -e 'key == "none"' "$T/in.tar"
	is "$(lstar <"$T/out" | grep -c '^a%e2%80%aeb.vae.json ')" 1
	fails 1 vae-drop --above 3 "$T/nope"$'\xe2\x80\x8f'
	says 'nope\xe2\x80\x8f'
}

@test "two names in one object that mean the same are refused" {
	printf 'name=a.vae.json data={"selfinf":1,"self\\u0069nf":2}\n' | mktar >"$T/in.tar"
	fails 1 vae-cut -k selfinf "$T/in.tar"
	says 'a' 'occurs twice'
	printf 'name=a.vae.json data={"self\\u0069nf":2.50}\n' | mktar >"$T/in.tar"
	ok vae-cut -k selfinf "$T/in.tar"
	is "$(cat "$T/out")" 2.50
	ok vae-cut --json "$T/in.tar"
	is "$(cat "$T/out")" '{"key":"a","self\u0069nf":2.50}'
}

@test "TSV: -H" {
	ok vae-cut -H -k key,x "$F/in.tar"
	is "$(head -1 "$T/out")" $'key\tx'
	is "$(wc -l <"$T/out")" 5
	head -c 1024 /dev/zero >"$T/empty"
	ok vae-cut -H -k key,x "$T/empty"
	is "$(cat "$T/out")" $'key\tx'
}

@test "JSON lines: each valid, values keep their text, missing ones are left out" {
	ok vae-cut --json "$F/in.tar"
	isjson --flat <"$T/out"
	{
		echo '{"key":"a/1","x":1.50,"s":"tab\there","n":null,"t":true,"u":"\u00e9\n\\"}'
		echo '{"key":"\\xff\\t\\\\"}'
		echo '{"key":"é\"","x":-0.0,"s":"","c":"\u0085\u001b[1m"}'
		echo '{"key":"none"}'
	} >"$T/want"
	diff "$T/want" "$T/out"
	ok vae-cut --json -k cls,x,nope "$F/in.tar"
	isjson --flat <"$T/out"
	is "$(tr '\n' ' ' <"$T/out")" '{"cls":"7","x":1.50} {"cls":"b\\nc"} {"x":-0.0} {} '
}

@test "JSON lines: field names with quotes, and long ones" {
	local long
	long=$(printf 'n%.0s' {1..700})
	printf 'name=a.vae.json data={"q\\"uote":1,"b\\\\s":2,"\\u00e9":3,"ê":4,"%s":5,"key":"mine"}\n' "$long" | mktar >"$T/in"
	ok vae-cut --json "$T/in"
	isjson --flat <"$T/out"
	is "$(cat "$T/out")" "{\"key\":\"mine\",\"q\\\"uote\":1,\"b\\\\s\":2,\"\\u00e9\":3,\"ê\":4,\"$long\":5}"
	ok vae-cut -k key "$T/in"
	is "$(cat "$T/out")" mine
}

@test "TSV and JSON escape a key in the same way" {
	ok vae-cut --json -k key "$F/in.tar"
	sed 's/^{"key":"//; s/"}$//; s/\\\(["\\]\)/\1/g' "$T/out" >"$T/json"
	ok vae-cut -k key "$F/in.tar"
	diff "$T/out" "$T/json"
}

@test "a name that no record has gives a warning" {
	printf 'name=%s.cls data=1\nname=%s.vae.json data={"w":1}\n' a a b b c c | mktar >"$T/in"
	local json
	for json in '' --json; do
		# shellcheck disable=SC2086 # nothing, or an option
		ok vae-cut $json -k key,selfinff,w,cls,none "$T/in"
		is "$(wc -l <"$T/out")" 3
		is "$(wc -l <"$T/err")" 2
		says "none of 3 records has 'selfinff'" "has 'none'"
		# shellcheck disable=SC2086
		ok vae-cut -q $json -k selfinff "$T/in"
		[ ! -s "$T/err" ]
	done
	printf 'name=a.vae.json data={"s":""}\nname=b.vae.json data={}\n' | mktar >"$T/in"
	ok vae-cut -k s,cls "$T/in"
	says "'cls'"
	is "$(wc -l <"$T/err")" 1
}

@test "-k requires names" {
	local k
	fails 2 vae-cut "$F/in.tar"
	for k in '' ',' 'a,,b' ',a' 'a,'; do
		fails 2 vae-cut -k "$k" "$F/in.tar"
		[ ! -s "$T/out" ]
	done
}

@test "a field named cls takes precedence over the member" {
	printf 'name=a.cls data=3\nname=a.vae.json data={"cls":"field"}\n' | mktar >"$T/in"
	is "$(field cls <"$T/in")" field
}

@test "a reader that leaves ends it by SIGPIPE, silently" {
	pictures "$F/pics" 1
	for i in {1..400}; do echo "name=$(printf 'k%.0s' {1..90})$i.cls data=1"; done | mktar >"$T/in"
	[ "$(vae-cut -k key,key <"$T/in" | wc -c)" -gt 70000 ]
	run bash -c 'vae-cut -k key,key <"$1" | head -c1 >/dev/null; echo "${PIPESTATUS[0]}"' - "$T/in"
	is "$output" 141
}

@test "a full device gives one message, for output of any size" {
	[ -w /dev/full ] || skip 'this system has no /dev/full'
	local got n
	for n in 1 900 9000; do
		for ((i = 0; i < n; i++)); do echo "name=$i.x data="; done | mktar >"$T/in"
		got=0
		vae-cut -k key,key <"$T/in" >/dev/full 2>"$T/err" || got=$?
		is "$got" 1
		is "$(cat "$T/err")" 'vae-cut: standard output: No space left on device'
	done
	# of two errors, the first gives the message
	got=0
	head -c -1500 "$T/in" | vae-cut -k key >/dev/full 2>"$T/err" || got=$?
	is "$got" 1
	is "$(wc -l <"$T/err")" 1 "$(cat "$T/err")"
}
