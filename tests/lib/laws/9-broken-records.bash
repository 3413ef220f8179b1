# Law 9: broken records are handled as asked, and fields of earlier tools are kept.
#
# Fields that are not a flat JSON object are an error that names file and record. A payload that cannot be decoded passes with
# the field `error`, goes to the rejects, or is an error, as --on-error says. Numbers and strings of earlier tools keep their
# text.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

# bad_fields_setup: bad/ with a stream for each kind of invalid fields: invalid JSON, values that are not flat, repeated names; and too
# large and too many fields, and a name that would control the terminal
bad_fields_setup() {
	local text n=0
	mkdir -p "$F/bad"
	for text in '' '{' '{"w":1' '[1]' '{"w":{"x":1}}' '{"w":[1]}' '{"w":1,"w":2}' '{"w":NaN}' '{"w":Infinity}' '{"w":-inf}' \
		'{"w":01}' '{"w":1.}' '{"w":+1}' '{"w":.5}' '{"w":1e}' '{"w":0x10}' "{'w':1}" '{"w":1,}' '{"w":1}{"w":1}' '{"w":1}%00' \
		'{"w":"%ff"}' '{"w":"%0a"}' '{"w":"\x"}' '{"w":"\u12"}' '{"w"}' '{1:2}' 'null' '"w"' '%ef%bb%bf{"w":1}' '{"w":tru}'; do
		n=$((n + 1))
		printf '%s' "$text" >"$F/bad/$n.text"
		{
			stream 1
			printf 'name=b.pgm file=%s/pics/9.pgm\nname=b.vae.json data=%s\n' "$F" "${text// /}"
			stream 3 | tail -3
		} | mktar >"$F/bad/$n.tar"
	done
	{
		echo "name=b.pgm file=$F/pics/9.pgm"
		printf 'name=b.vae.json data={"w":"%s"}\n' "$(head -c 1100000 /dev/zero | tr '\0' x)"
	} | mktar >"$F/bad/large.tar"
	{
		echo "name=b.pgm file=$F/pics/9.pgm"
		echo "name=b.vae.json data={$(seq -s, 1 1001 | sed 's/[0-9]*/"&":1/g')}"
	} | mktar >"$F/bad/many.tar"
	printf 'name=e%%1b[31m%%0ax.pgm file=%s/pics/9.pgm\nname=e%%1b[31m%%0ax.vae.json data={\n' "$F" | mktar >"$F/bad/name.tar"
}

law_bad_fields() {
	local n
	for ((n = 1; n <= 30; n++)); do
		fails 1 tool "$1" "$F/bad/$n.tar" || die "with $(cat "$F/bad/$n.text")"
		says "$F/bad/$n.tar: record 2 'b'" vae.json
	done
	absent "$F/bad/31.tar"
	fails 1 tool "$1" <"$F/bad/large.tar"
	says "standard input: record 1 'b'"
	fails 1 tool "$1" <"$F/bad/many.tar"
	says "record 1 'b'" 1000
	# a name that would control the terminal is escaped in the message
	fails 1 tool "$1" <"$F/bad/name.tar"
	says 'e\x1b[31m\nx'
}

# undecodable: a list for mktar of 9 records with all kinds of broken payloads, between 6 good ones
undecodable() {
	stream 3
	printf 'name=u/a.txt data=text\n'
	printf 'name=u/b.pgm data=\n'
	printf 'name=u/c.png data=this%%20is%%20text\n'
	printf 'name=u/d.png data=%%89PNG%%0d%%0a%%1a%%0a%%00%%00%%00%%0dIHDR%%00%%00%%ea%%60%%00%%00%%ea%%60%%08%%02%%00%%00%%00%%4d%%a4%%f1%%01\n'
	printf 'name=u/e.pgm data=P5%%0a8%%208%%0a255%%0aoops\n'
	printf 'name=u/f.pgm data=P5%%0a4000000000%%204000000000%%0a255%%0a\n'
	printf 'name=u/g.jpg data=%%ff%%d8%%ff%%e0\n'
	printf 'name=u/h.npy data=%%93NUMPY%%01%%00%%ff%%ff\n'
	printf 'name=u/i.vae.json data={"w":5}\n'
	stream 6 | tail -9
}

# --on-error pass (the default), reject and fail.
law_on_error() {
	local n=9
	undecodable | mktar >"$T/in.tar"
	# pass: all are passed on, with the field error if the tool scores
	reads "$1" "$T/in.tar" --summary "$T/s.json"
	lstar --names <"$T/in.tar" | grep -v vae.json >"$T/want"
	lstar --names <"$T/out" | grep -v vae.json >"$T/got"
	diff "$T/want" "$T/got"
	grep -q "\"unscored\":$n," "$T/s.json"
	if has "$1" scores; then
		is "$(wc -l <"$T/err")" 1 "$(cat "$T/err")"
		says "$n of 15 records could not be read" u/a
		vae-cut -k key,s_error,s_selfinf,w <"$T/out" >"$T/fields"
		is "$(awk -F '\t' '$2 != "" && $3 == ""' "$T/fields" | cut -f1 | tr '\n' ' ')" 'u/a u/b u/c u/d u/e u/f u/g u/h u/i '
		is "$(awk -F '\t' '$2 == "" && $3 != ""' "$T/fields" | wc -l)" 6
		is "$(awk -F '\t' '$1 == "u/i" { print $4 }' "$T/fields")" 5 'fields of earlier stages'
		# the good records have the scores that they have without the broken ones
		stream 6 | mktar | tool "$1" | vae-cut -k key,s_selfinf >"$T/alone"
		awk -F '\t' 'NR == FNR { v[$1] = $2; next } $1 in v { n++; d = v[$1] / $3 - 1; if (d > 1e-3 || d < -1e-3) exit 1 } END { exit n != 6 }' "$T/alone" "$T/fields"
	fi
	# reject: the broken records go to -r, and only the others to standard output
	ok tool "$1" --on-error reject -r "$T/r.tar" <"$T/in.tar"
	is "$(lstar --names <"$T/out" | grep -c '^s/.*pgm')" 6
	is "$(lstar --names <"$T/out" | grep -c '^u/')" 0
	is "$(lstar --names <"$T/r.tar" | grep -c '^s/')" 0
	is "$(lstar --names <"$T/r.tar" | grep '^u/' | grep -vc vae.json)" 8
	is "$(vae-cut -k key <"$T/r.tar" | wc -l)" $n
	fails 2 tool "$1" --on-error reject <"$T/in.tar"
	fails 2 tool "$1" --on-error sulk <"$T/in.tar"
	# fail: the message names the first broken record
	fails 1 tool "$1" --on-error fail "$T/in.tar"
	says "$T/in.tar: record 4 'u/a'" txt
	not lstar <"$T/out" >/dev/null 2>&1
	# only broken records
	undecodable | grep 'name=u' | mktar >"$T/all.tar"
	if [ "$1" = train ] || [ "$1" = trace ] || [ "$1" = memo ]; then
		fails 1 tool "$1" <"$T/all.tar"
		says 'none of 9 records'
		fails 1 tool "$1" --on-error reject -r "$T/rr.tar" <"$T/all.tar"
		absent "$T/rr.tar"
	else
		reads "$1" "$T/all.tar"
		is "$(vae-cut -k s_error <"$T/out" | grep -c .)" $n
	fi
}

# Numbers and strings in all forms that JSON allows keep their text.
law_digits() {
	local text='{"w":1.50,"rank":3,"rank_n":4,"a":-0.0,"b":1e+05,"c":123456789012345678901234567890,"d":"\u00e9\ud83d\ude00\n\/","e":null,"f":true,"g":1E-400,"h":0.1000000000000000055,"k":"ü"}'
	local inner=${text#?}
	printf 'name=a.pgm file=%s/pics/1.pgm\nname=a.vae.json data=%s\nname=b.pgm file=%s/pics/2.pgm\n' "$F" "$text" "$F" | mktar >"$T/in.tar"
	reads "$1" "$T/in.tar"
	lstar <"$T/out" | awk '$1 == "a.vae.json" { printf "%s", $NF }' | perl -ne 'print pack "H*", $_' >"$T/fields"
	grep -qF -- "${inner%?}" "$T/fields" || die "$(cat "$T/fields")"
	head -1 "$T/fields" | isjson --flat
}
