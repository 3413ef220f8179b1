# Law 1: members pass unchanged.
#
# A tool that writes records writes every member that it read: same bytes, name, type, mode, owner, times and extended
# attributes, in the same order. Only KEY.vae.json changes. Whatever program wrote the tar, and however often a stream
# passes through tools, nothing is lost, added or reformatted.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

# rich.tar: members out are members in. vae-drop divides them between standard output and rejects.
law_members() {
	reads "$1" "$F/rich.tar"
	members <"$F/rich.tar" >"$T/want"
	members <"$T/out" >"$T/got"
	is "$(wc -l <"$T/want")" 22 'members of rich.tar'
	if [ "$1" = drop ]; then
		members <"$T/rejects.tar" >"$T/rejected"
		is "$(lstar --names <"$T/rejects.tar")" $'d/0010.pgm\nd/0010.vae.json' rejected
		grep -vxFf "$T/rejected" "$T/want" >"$T/kept"
		mv "$T/kept" "$T/want"
	fi
	if has "$1" sorts; then
		LC_ALL=C sort -o "$T/want" "$T/want"
		LC_ALL=C sort -o "$T/got" "$T/got"
	fi
	diff "$T/want" "$T/got"
	# KEY.vae.json is the last member of its record, occurs once, and has the owner and time of the first member
	lstar <"$T/out" | awk '{ n = $1; sub(/.*\//, "", n); k = $1; sub(/\.[^\/]*$/, "", k)
		if (n ~ /^[^.]+\.vae\.json$/) { if (seen[k]++) exit 1; done[k] = 1 }
		else if ($2 == "0" && n ~ /^[^.]+\../ && done[k]) exit 1 }'
	case $1 in selfinf | rank)
		is "$(lstar <"$T/out" | awk '$1 == "d/0000.vae.json" { print $3, $4, $5, $6 }')" '0644 1001/102 ann/users 1234567890.987654321'
		;;
	esac
}

# The same for tars of GNU tar and bsdtar in all their formats.
law_formats() {
	local tar n=0 missing=
	for tar in "$F"/by-*.tar; do
		rm -f "$T/rejects.tar" # it would keep its records
		reads "$1" "$tar"
		members <"$tar" >"$T/want"
		{
			members <"$T/out"
			[ "$1" != drop ] || members <"$T/rejects.tar"
		} >"$T/got"
		if [ "$1" = drop ] || has "$1" sorts; then
			LC_ALL=C sort -o "$T/want" "$T/want"
			LC_ALL=C sort -o "$T/got" "$T/got"
		fi
		diff "$T/want" "$T/got" || die "$tar"
		n=$((n + 1))
	done
	[ "$n" -ge 6 ]
	command -v bsdtar >/dev/null || missing='bsdtar is not installed: install the package libarchive-tools'
	[ -e "$F/by-gnutar-xattrs.tar" ] || missing="${missing:+$missing; }$(command -v setfattr >/dev/null && echo 'this file system has no extended attributes' || echo 'setfattr is not installed: install the package attr')"
	if [ -e "$F/by-gnutar-xattrs.tar" ]; then
		reads "$1" "$F/by-gnutar-xattrs.tar"
		{
			lstar <"$T/out"
			[ "$1" != drop ] || lstar <"$T/rejects.tar"
		} | grep -q '{user.one=first,user.two=%00%ff}'
	fi
	[ -z "$missing" ] || skip "$missing (the other formats passed)"
}

# The output of a tool as its input: the second output has the same bytes.
law_again() {
	local file
	for file in rich plain; do
		reads "$1" "$F/$file.tar"
		mv "$T/out" "$T/once.tar"
		case $1 in
		drop | train) reads "$1" "$T/once.tar" ;;
		*) reads "$1" "$T/once.tar" --replace ;;
		esac
		same "$T/once.tar" "$T/out"
	done
}
