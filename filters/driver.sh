# shellcheck shell=sh disable=SC2034,SC2154
# driver.sh: functions that the drivers vae-clean and vae-shards share. The Makefile replaces a line `# NAME.sh` of a driver by the file NAME.sh
# of this directory. A driver sets tool before the line `# driver.sh`, and quiet from its command line.

(: 3>&2) || exec 2>/dev/null

tab=$(printf '\t')

# message TEXT: on standard error, without control characters
message() { printf '%s: %s' "$tool" "$1" | tr '[:cntrl:]' '?' | sed 's/$/\n/' >&2; }

# output: from standard input to standard output
output() {
	{ error=$(cat 2>&1 >&3 3>&-); } 3>&1 || fail "standard output: ${error##*: }"
}

fail() { # MESSAGE: the message, and exit status 1
	message "$1"
	exit 1
}

wrong() { # MESSAGE: wrong usage
	message "$1 ($tool -h shows the options)"
	exit 2
}

say() { [ -n "$quiet" ] || message "$1"; }

# number OPTION TEXT PATTERN: refuses a TEXT that does not match
number() { printf '%s\n' "$2" | grep -Eqx "$3" || wrong "$1 takes a number, not '$2'"; }

# required TOOL...: fails unless all are in PATH
required() {
	for needed; do command -v "$needed" >/dev/null || fail "$needed is not in PATH: add the directory that $tool is in"; done
}

# print_version: prints the version, which all tools share
print_version() { vae-cut -V | sed "s/^vae-cut/$tool/"; }

# quote TEXT: for the shell
quote() { printf "'%s'" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")"; }

# absolute PATH
absolute() {
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) printf '%s/%s\n' "$PWD" "$1" ;;
	esac
}

# processors: prints how many threads the tools start by default (base/processors.h): the processors of the affinity mask, or fewer if the control
# group or a parent of it limits processor time
processors() {
	top=/sys/fs/cgroup
	group=$top$(sed -n 's|^0::/|/|p' /proc/self/cgroup 2>/dev/null)
	{
		nproc
		while [ "$group" != "$top" ]; do
			cat "$group/cpu.max" "$top/cpu.max" 2>/dev/null || true
			group=${group%/*}
		done
	} | awk 'NR == 1 { n = $1 > 256 ? 256 : $1; next } $1 > 0 && $2 > 0 && $1 <= (n - 1) * $2 { n = int(($1 + $2 - 1) / $2) } END { print n }'
}

(: 3>&1) 2>/dev/null || fail 'standard output is closed'
