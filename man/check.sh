#!/bin/sh
# check.sh BINDIR: are the pages beside this script what the tools in BINDIR say with -h?
#
# For every tool: the words of the SYNOPSIS, as mandoc renders it, are those of the usage line; the
# options of the page, with both forms and the argument, are those of -h; an option that the text
# mentions is one that the tool has; mandoc has nothing to warn of. Prints TAP; exit 1 when something differs.
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

# The words of the SYNOPSIS: overstrikes and indentation gone.
synopsis() {
	back=$(printf '\b')
	mandoc -T ascii "$1" | sed "s/.$back//g" |
		awk '/^[A-Z]/ { on = /^SYNOPSIS/; next } on' | tr -s '[:space:]' '\n' | sed '/^$/d'
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

# The same from the .It Fl lines of the page.
options_of_page() {
	sed -n 's/^\.It Fl //p' "$1" | awk '
		{
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

# The options that the text of a page mentions in .Fl or Fl, one a line, without arguments.
mentioned() {
	awk '/^\./ {
			line = $0
			sub(/^\./, "", line)
			n = split(line, w, " ")
			for (i = 1; i < n; i++)
				if (w[i] == "Fl") print "-" w[i + 1]
		}' "$1" | sort -u
}

# forms FILE: both forms of every option, one a line.
forms() {
	tr ',' '\n' < "$1" | sed 's/^ *//; s/\[.*//; s/ .*//' | sort -u
}

tools=0
for page in "$man"/vae-*.1; do
	tool=$(basename "$page" .1)
	[ -e "$page" ] || continue
	tools=$((tools + 1))
	"$bin/$tool" -h > "$tmp/help" 2> "$tmp/why"
	ok $? "$tool: prints its help" "$tmp/why"
	sed -n '1s/^usage: //p' "$tmp/help" | tr -s '[:space:]' '\n' > "$tmp/usage"
	synopsis "$page" > "$tmp/synopsis"
	same "$tool: SYNOPSIS is the usage line" "$tmp/usage" "$tmp/synopsis"
	options_of_help "$tmp/help" > "$tmp/have"
	options_of_page "$page" > "$tmp/described"
	same "$tool: the page has the options of -h" "$tmp/have" "$tmp/described"
	forms "$tmp/have" > "$tmp/forms"
	cat "$tmp/forms" >> "$tmp/every"
	mentioned "$page" | comm -23 - "$tmp/forms" > "$tmp/why"
	[ ! -s "$tmp/why" ]
	ok $? "$tool: the text mentions no other option" "$tmp/why"
done

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
	case $page in
	*.[57])
		mentioned "$page" | comm -23 - "$tmp/forms" > "$tmp/why"
		[ ! -s "$tmp/why" ]
		ok $? "$(basename "$page"): mentions only options that there are" "$tmp/why"
		;;
	esac
done

[ "$tools" -gt 0 ]
ok $? "there are pages of tools"
echo "1..$count"
exit "$failed"
