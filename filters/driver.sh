# shellcheck shell=sh disable=SC2034,SC2154
# driver.sh: functions that the drivers vae-clean and vae-shards share. The Makefile replaces a line `# NAME.sh` of a driver by the file NAME.sh
# of this directory. A driver sets tool before the line `# driver.sh`, has a function usage, and reads its command line by read_options.

(: 3>&2) || exec 2>/dev/null

tab=$(printf '\t')

# message TEXT: on standard error, without control characters
message() { printf '%s: %s' "$tool" "$1" | tr '[:cntrl:]' '?' | sed 's/$/\n/' >&2; }

# output: from standard input to standard output; where nobody reads that, the driver ends as other tools do, by SIGPIPE
output() {
	{ error=$(cat 2>&1 >&3 3>&-); } 3>&1 || {
		if [ $? -eq 141 ]; then
			kill -s PIPE $$
			exit 141
		fi
		fail "standard output: ${error##*: }"
	}
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
quote() {
	quoted=$(printf '%s.\n' "$1" | sed "s/'/'\\\\''/g") # the full stop keeps newlines at the end
	printf "'%s'" "${quoted%.}"
}

# read_options ARGUMENT...: reads options and operands, in any order. The driver names its options in valued, those with an argument, and in flags,
# beside -q, -h and -V, and has a function take OPTION VALUE that is called for each. Sets quiet, and operands, quoted for eval.
read_options() {
	operands=''
	while [ $# -gt 0 ]; do
		option=$1 value='' word=$1
		shift
		case $option in
		--)
			for value; do add_operand "$value"; done
			return
			;;
		--?*=*) value=${option#*=} option=${option%%=*} ;;
		-?*)
			case " $valued " in
			*" $option "*)
				[ $# -gt 0 ] || wrong "option '$option' requires an argument"
				value=$1
				shift
				;;
			*" ${option%"${option#-?}"} "*) value=${option#-?} option=${option%"$value"} ;;
			esac
			;;
		*)
			add_operand "$option"
			continue
			;;
		esac
		case $option in *' '*) wrong "there is no option '$option'" ;; esac # the lists have blanks between the names
		case " $valued | $flags -q --quiet -h --help -V --version " in
		*" $option "*'| '*) ;;
		*'|'*" $option "*) [ "$word" = "$option" ] || wrong "option '$option' takes no argument, as in '$word'" ;;
		*) wrong "there is no option '$option'" ;;
		esac
		case $option in
		-q | --quiet) quiet=1 ;;
		-h | --help)
			usage | output || exit 1
			exit 0
			;;
		-V | --version)
			print_version
			exit 0
			;;
		*) take "$option" "$value" ;;
		esac
	done
}

add_operand() { # TEXT
	case $1 in
	*\'*) operands="$operands $(quote "$1")" ;;
	*) operands="$operands '$1'" ;;
	esac
}

# absolute PATH
absolute() {
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) printf '%s/%s\n' "$PWD" "$1" ;;
	esac
}

# is_summary FILE...: whether one of them is the file of --summary
is_summary() { [ -e "$summary" ] && stat -L -c %d:%i -- "$@" 2>/dev/null | grep -qxF "$(stat -L -c %d:%i -- "$summary")"; }

# check_summary DIRECTORY INPUT...: refuses a --summary that would replace an input, or a file of the directory that the driver writes
check_summary() {
	[ -n "$summary" ] || return 0
	[ "$summary" != - ] || wrong "--summary requires a file, and '-' is standard output; ./- is a file of that name"
	within=$(realpath -m -- "$1")
	shift
	case $(realpath -m -- "$summary") in
	"$within"/*/*) wrong "--summary names a file in a directory of $within, '$summary'" ;;
	"$within"/*.json) ;;
	"$within"/*) wrong "--summary names a file in $within that is not called NAME.json, '$summary'" ;;
	esac
	for input; do
		! is_summary "$input" || wrong "--summary names an input, '$input'"
		if [ -d "$input" ]; then
			case $(realpath -m -- "$summary") in "$(realpath -- "$input")"/*) wrong "--summary names a file in the input '$input'" ;; esac
		fi
	done
}

# write_summary TEXT: writes the file of --summary, which appears whole or not at all, unless it is a device
write_summary() {
	file=$(realpath -m -- "$summary")
	{
		if [ -e "$summary" ] && { [ ! -f "$summary" ] || [ "${summary#/dev/}" != "$summary" ]; }; then
			printf '%s\n' "$1" >"$summary"
		else
			printf '%s\n' "$1" >"$file.tmp$$" && mv -f -- "$file.tmp$$" "$file"
		fi
	} 2>/dev/null || {
		rm -f -- "$file.tmp$$"
		fail "$summary: cannot be written: no space left on the disk, or no permission"
	}
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
