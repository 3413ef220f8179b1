#!/bin/sh
# check.sh BINDIR: do the pages beside this script agree with what the tools in BINDIR print with -h?
#
# For every tool: the SYNOPSIS lists exactly the options and operands of -h; every option of -h is described, with both
# forms and its argument, on the page or under COMMON OPTIONS in vae-filters(7); the text mentions no option that the
# tool does not have. For every page: mandoc has no warning, and a command over several lines keeps its backslashes. Prints TAP; exit 1 when something differs.
set -u
export LC_ALL=C

[ $# -eq 1 ] || { echo "usage: check.sh BINDIR" >&2; exit 2; }
bin=$1
man=$(dirname -- "$0")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
count=0
failed=0
: > "$tmp/every"

# ok STATUS TEXT [FILE]: one line of TAP; FILE says why not.
ok() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
		return
	fi
	echo "not ok $count - $2"
	failed=1
	if [ $# -gt 2 ]; then
		sed 's/^/# /' "$3"
	fi
}

# same TEXT A B: ok when the files are equal and not empty.
same() {
	diff "$2" "$3" > "$tmp/why"
	status=$?
	if [ ! -s "$2" ]; then
		echo "nothing was found in -h" > "$tmp/why"
		status=1
	fi
	ok "$status" "$1" "$tmp/why"
}

# empty TEXT FILE: ok when the file is empty.
empty() {
	[ ! -s "$2" ]
	ok $? "$1" "$2"
}

# section NAME PAGE: the source lines of one section.
section() {
	awk -v name="$1" '/^\.Sh / { on = $0 == ".Sh " name; next } on' "$2"
}

# The options of -h, one a line: `-k, --key FIELD`, `--sort`, `-z[LEVEL]`.
options_of_help() {
	sed -n 's/^  *\(-[^ ].*\)$/\1/p' "$1" | sed 's/   *.*//' | awk '
		# an option that is longer than its column is followed by one space: its words end where no
		# option and no argument can stand
		{
			n = split($0, w, " ")
			out = w[1]
			for (i = 2; i <= n && (w[i] ~ /^--/ || w[i] ~ /^[A-Z]/); i++)
				out = out " " w[i]
			print out
		}' | sort
}

# Lines of mdoc that begin with Fl, without what stands before it, to the same form.
options_of_mdoc() {
	awk '{
		out = "-"
		for (i = 1; i <= NF; i++) {
			if ($i == ",") out = out ","
			else if ($i == "Fl") out = out " -"
			else if ($i == "Ar") out = out (bracket ? "" : " ")
			else if ($i == "Ns") continue
			else if ($i == "Op") { out = out "["; bracket = 1 }
			else out = out $i
		}
		print out (bracket ? "]" : "")
		bracket = 0
	}' | sort
}

# described SECTION PAGE: the options that a section describes: its .It Fl lines.
described() {
	section "$1" "$2" | sed -n 's/^\.It Fl //p' | options_of_mdoc
}

# The options of the SYNOPSIS, each once and by its short form where it has one: `-k FIELD`, `--sort`. `Fl qv` is two.
options_of_synopsis() {
	section SYNOPSIS "$1" | sed -n 's/^\.Op Fl //p; s/^\.Fl //p' | options_of_mdoc | awk '
		/^-[a-zA-Z]+$/ { for (i = 2; i <= length($0); i++) print "-" substr($0, i, 1); next }
		{ print }' | sort -u
}

# shortest FILE: options of -h in the form of the SYNOPSIS.
shortest() {
	sed 's/^\(-[a-zA-Z]\), --[a-z-]*/\1/' "$1" | sort -u
}

# The words of the SYNOPSIS that are neither options nor the tool: operands and verbs, as mandoc renders them.
operands() {
	back=$(printf '\b')
	mandoc -T ascii -O width=1000 "$1" | sed "s/.$back//g" |
		awk '/^[A-Z]/ { on = /^SYNOPSIS/; next } on' | tr -s '[:space:]' ' ' |
		sed "s/ $2//g; s/\[LEVEL\]//g; s/ \[-[^]]*\]//g; s/ --*[a-z-]* [A-Z][A-Za-z.]*//g" | tr ' ' '\n' | sed '/^|*$/d'
}

# The options that the text of a page mentions in .Fl or Fl, one a line, without arguments.
mentioned() {
	awk '/^\.Sh / { synopsis = /SYNOPSIS/ }
		/^\./ && !synopsis {
			line = $0
			sub(/^\./, "", line)
			n = split(line, w, " ")
			for (i = 1; i < n; i++)
				if (w[i] == "Fl") print "-" w[i + 1]
		}' "$1" | sort -u
}

# The messages under DIAGNOSTICS, one a line, each by its longest part without names in capitals, numbers and quoted words.
messages() {
	section DIAGNOSTICS "$1" | sed -n 's/^\.It "\(.*\)"$/\1/p' |
		sed -E "s/'[^']*'/\n/g; s/\[[0-9, ]*\]/\n/g; s/(^| )[A-Z]+\.(vae|tmp)[^ ]*/\n/g; s/[(]?[A-Z]+[):,]*( |$)/\n/g; s/0x[0-9a-f]*|[0-9]+%?/\n/g; s/[.]{3}|[:;,] (and )?|[()]/\n/g; s/^/\n\n/" |
		awk 'function flush() { if (length(best) > 0) print best; best = "" }
			/^$/ { if (blank++) flush(); next }
			{ blank = 0; gsub(/^[ :;,()]+|[ :;,()]+$/, ""); if (length($0) > length(best)) best = $0 }
			END { flush() }'
}

# forms FILE: both forms of every option, one a line.
forms() {
	tr ',' '\n' < "$1" | sed 's/^ *//; s/\[.*//; s/ .*//' | sort -u
}

described 'COMMON OPTIONS' "$man/vae-filters.7" > "$tmp/common"
[ -s "$tmp/common" ]
ok $? "vae-filters.7: has COMMON OPTIONS"
: > "$tmp/used"

tools=0
for page in "$man"/vae-*.1; do
	tool=$(basename "$page" .1)
	[ -e "$page" ] || continue
	tools=$((tools + 1))
	"$bin/$tool" -h > "$tmp/help" 2> "$tmp/why"
	ok $? "$tool: prints its help" "$tmp/why"
	options_of_help "$tmp/help" > "$tmp/have"
	shortest "$tmp/have" > "$tmp/short"
	options_of_synopsis "$page" > "$tmp/synopsis"
	same "$tool: SYNOPSIS has the options of -h" "$tmp/short" "$tmp/synopsis"
	sed -n '1s/^usage: [^ ]* \[options\] //p' "$tmp/help" | tr ' ' '\n' | sed '/^|*$/d' > "$tmp/usage"
	operands "$page" "$tool" > "$tmp/operands"
	same "$tool: SYNOPSIS has the operands of -h" "$tmp/usage" "$tmp/operands"
	described OPTIONS "$page" > "$tmp/described"
	comm -13 "$tmp/have" "$tmp/described" > "$tmp/why"
	empty "$tool: the page describes no other option" "$tmp/why"
	comm -23 "$tmp/have" "$tmp/described" > "$tmp/elsewhere"
	comm -23 "$tmp/elsewhere" "$tmp/common" > "$tmp/why"
	empty "$tool: every option is described on the page or in COMMON OPTIONS" "$tmp/why"
	comm -12 "$tmp/elsewhere" "$tmp/common" >> "$tmp/used"
	section OPTIONS "$page" | grep -A 1 'COMMON OPTIONS in$' | grep -q '^\.Xr vae-filters 7'
	ok $? "$tool: the page refers to COMMON OPTIONS in vae-filters(7)"
	program=$bin/$tool
	[ ! -e "${EMULATED_PROGRAMS:-/nowhere}/$tool" ] || program=$EMULATED_PROGRAMS/$tool # $bin has a launcher (.ci/arm64)
	messages "$page" | while IFS= read -r text; do
		grep -qaF -- "$text" "$program" || echo "$text"
	done > "$tmp/why"
	empty "$tool: the tool has the messages of DIAGNOSTICS" "$tmp/why"
	forms "$tmp/have" > "$tmp/forms"
	cat "$tmp/forms" >> "$tmp/every"
	mentioned "$page" | comm -23 - "$tmp/forms" > "$tmp/why"
	empty "$tool: the text mentions no other option" "$tmp/why"
done

sort -u "$tmp/used" | comm -23 "$tmp/common" - > "$tmp/why"
empty "COMMON OPTIONS: some tool has each of them" "$tmp/why"

for program in "$bin"/vae-*; do
	[ -x "$program" ] || continue
	[ -f "$man/$(basename "$program").1" ]
	ok $? "$(basename "$program"): has a page"
done

sort -u "$tmp/every" > "$tmp/forms"
for page in "$man"/*.[157]; do
	[ -e "$page" ] || continue
	mandoc -T lint -W warning "$page" > "$tmp/why" 2>&1
	ok $? "$(basename "$page"): mandoc has no warning" "$tmp/why"
	grep -n '[^\]\\$' "$page" > "$tmp/why"
	empty "$(basename "$page"): no line ends in a backslash, which would join it to the next" "$tmp/why"
	case $page in
	*.[57])
		mentioned "$page" | comm -23 - "$tmp/forms" > "$tmp/why"
		empty "$(basename "$page"): mentions only options that there are" "$tmp/why"
		;;
	esac
done

[ "$tools" -gt 0 ]
ok $? "there are pages of tools"
echo "1..$count"
exit "$failed"
