# Law 7: exit status 0 success, 1 failure, 2 wrong usage, 3 stopped by a policy.
#
# -h and -V exit 0. Options that do not exist, and terminals where a stream belongs, are refused with one line of message.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

law_usage() {
	local exe got
	eval "set -- \"\$1\" ${COMMAND[$1]}"
	exe=$2
	for got in -h --help; do
		"$exe" $got >"$T/out" 2>"$T/err" </dev/null
		[ ! -s "$T/err" ]
		grep -q "^usage: $exe " "$T/out"
		grep -q -- '--summary FILE' "$T/out"
	done
	"$exe" -V >"$T/out"
	grep -q "^$exe .*[0-9]\.[0-9]" "$T/out"
	for got in --no-such-option -Q --summary --quiet=yes; do
		fails 2 "$exe" $got </dev/null
		says "$exe -h"
		[ ! -s "$T/out" ]
	done
	# an option without an argument takes none behind =, nor an empty one
	local option options
	options=$("$exe" -h | sed -n 's/^  *\(-., \)*\(--[a-z-]*\)  *[a-z].*/\2/p')
	[[ $options == *--quiet*--help*--version* ]]
	for option in $options; do
		for got in "$option=" "$option=0" "${option:0:${#option}-1}="; do
			fails 2 "$exe" "$got" </dev/null
			says "$exe -h"
			[[ $got == "$option"* ]] && says "option '$option' takes no argument, as in '$got'"
			[ ! -s "$T/out" ]
		done
	done
	for got in -q= -z=; do fails 2 "$exe" $got </dev/null; done
	fails 2 "$exe" "--$(printf 'x\033[31m\n')" </dev/null
	if [ -w /dev/full ]; then
		got=0
		"$exe" -h >/dev/full 2>"$T/err" || got=$?
		is "$got" 1 '-h to a full device'
	fi
}

# Standard output on a terminal, then standard input.
law_terminal() {
	need script
	local got=0
	env T="$T" F="$F" script -qec "bash -c \". '$LIB/laws.bash'; tool $1 < '$F/plain.tar'\"" /dev/null </dev/null >"$T/out" || got=$?
	is "$got" 1
	grep -q 'terminal' "$T/out"
	is "$(wc -l <"$T/out")" 1
	if has "$1" stream; then
		got=0
		env T="$T" F="$F" script -qec "bash -c \". '$LIB/laws.bash'; tool $1 > '$T/none'\"" /dev/null </dev/null >"$T/out" || got=$?
		is "$got" 1
		grep -q 'standard input is a terminal' "$T/out"
		[ ! -s "$T/none" ]
	fi
}
