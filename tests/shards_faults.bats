# vae-shards: random faults. Afterwards the results are those of one machine, and no temporary file is left. VF_SEED=N repeats a run.
# shellcheck disable=SC2016

load helper
load lib/shards

setup_file() {
	export VF_SEED=${VF_SEED:-$RANDOM}
	S=$F/s W=$F/want
	make_shards "$S" 24 3
	plan "$W"
	vae-shards run -q -j 2 "$W"
}

setup() {
	S=$F/s W=$F/want
	RANDOM=$VF_SEED
	echo "# VF_SEED=$VF_SEED" >&3
}

teardown() {
	stop_slurm
	[ ! -e "$T/disk" ] || umount "$T/disk" 2>/dev/null || true
}

# fault COMMAND...: runs it with a fault of a random kind: a process that kills itself before a random call, a write or rename that fails, all
# processes killed at a random moment, and a disk that is full. Its status is that of the command.
fault() {
	local kinds=(write rename open) at=$((RANDOM % 4 + 1)) got=0 free
	case $((RANDOM % 6)) in
	0 | 1) env LD_PRELOAD="$BIN/fault-shim.so" VF_FAULT_KILL=1 VF_FAULT_AT="${kinds[RANDOM % 3]}:once:$at" "$@" ;;
	2) env LD_PRELOAD="$BIN/fault-shim.so" VF_FAULT_AT="${kinds[RANDOM % 2]}:once:$at" "$@" ;;
	3) timeout -s KILL "0.$(printf %03d $((RANDOM % 150)))" "$@" ;;
	*)
		if [ -z "$disk" ]; then
			env LD_PRELOAD="$BIN/fault-shim.so" VF_FAULT_AT="write:from:$at" "$@"
			return
		fi
		free=$(df --output=avail -B 4096 "$disk" | tail -n 1)
		head -c $(((free - RANDOM % 3) * 4096)) /dev/zero >"$disk/filler"
		"$@" || got=$?
		rm "$disk/filler"
		return $got
		;;
	esac
}

# faults N TASK COMMAND...: N runs that fail, of tasks whose index is the last argument. A task that is done is undone before.
faults() {
	local want=$1 what=$2 n=0 i tried=0
	shift 2
	while [ $n -lt "$want" ]; do
		tried=$((tried + 1))
		[ $tried -le $((4 * want)) ] || die "only $n of $tried runs of $what failed"
		i=$((RANDOM % 24 + 1))
		case $what in
		score) rm -f "$run/columns/$(printf %05d $i).col" ;;
		reduce) rm -f "$run/reduced" ;;
		drop) rm -f "$run/done/$(printf %05d $i).done" ;;
		esac
		[ "$what" != reduce ] || i=
		# shellcheck disable=SC2086 # no index
		fault "$@" $i >"$T/log" 2>&1 3>&- || n=$((n + 1))
	done
	echo "# $what: $n of $tried runs failed"
}

@test "shards: 100 random faults: processes that are killed, calls that fail, a full disk" {
	local disk='' run
	mkdir "$T/disk"
	if mount -t tmpfs -o size=16m none "$T/disk" 2>/dev/null; then disk=$T/disk; else echo '# mounting is not allowed here: writes fail instead'; fi
	export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
	run=$T/disk/run
	plan "$run"
	faults 40 score vae-shards task "$run" score
	ok vae-shards task --per-task 24 "$run" score 1 # what is left
	faults 20 reduce vae-shards reduce "$run"
	ok vae-shards reduce "$run"
	faults 40 drop vae-shards task "$run" drop
	ok vae-shards run -q "$run"
	ok vae-shards check -q "$run"
	equal "$run"
}

# limited_files BLOCKS COMMAND...: files of the command have at most so many KiB, as on a full disk; its messages, which do not count, go to $T/err
limited_files() {
	local blocks=$1
	shift
	(
		trap '' XFSZ
		ulimit -f "$blocks"
		"$@" 2>&1 >"$T/null"
	) | cat >"$T/err"
	return "${PIPESTATUS[0]}"
}

@test "shards: a plan, an add, a run and a task on a full disk say so, leave no temporary files, and the same command goes on" {
	local blocks verb got failed
	: >"$T/null"
	for verb in plan add run task; do
		failed=0
		for blocks in 0 1; do
			rm -rf "$T/a"
			[ $verb = plan ] || vae-shards plan -q "${FIELDS[@]}" "$T/a" "$S/00.tar" "$S/01.tar"
			case $verb in
			plan) set -- plan -q "${FIELDS[@]}" "$T/a" "$S/00.tar" "$S/01.tar" ;;
			add) set -- add -q "$T/a" "$S/02.tar" ;;
			run) set -- run -q "$T/a" ;;
			task) set -- task "$T/a" score 1 ;;
			esac
			got=0
			limited_files $blocks vae-shards "$@" || got=$?
			[ $got -le 1 ] || die "$verb $blocks: exit status $got: $(cat "$T/err")"
			[ $got -eq 0 ] || tail -n 1 "$T/err" | grep -q '^vae-shards: ' || die "$verb $blocks: $(cat "$T/err")"
			not grep -v '^vae-[a-z]*: ' "$T/err"
			failed=$((failed + got))
			is "$(find "$T/a" -name '*tmp[0-9]*')" '' "$verb $blocks: $(cat "$T/err")"
			[ $got -eq 0 ] || ok vae-shards "$@"
		done
		ok vae-shards plan -q "${FIELDS[@]}" "$T/a" "$S/00.tar" "$S/01.tar" "$S/02.tar"
		ok vae-shards run -q "$T/a"
		ok vae-shards check -q "$T/a"
		[ $failed -ge 1 ] || die "$verb: none failed"
		echo "# $verb: $failed failed" >&2
	done
	if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then return; fi
	# a directory that may not be written
	mkdir "$T/theirs"
	chmod 755 "$T/theirs"
	cd /
	fails 1 setpriv --reuid 65534 --clear-groups "$(command -v vae-shards)" plan -q --score cat -k w "$T/theirs/a" "$S/00.tar"
}

@test "shards: files of a run that are no regular files are refused, and not waited for" {
	local file how
	for file in settings manifest identities identity reduced clean/05.tar quarantine/05.tar scored/00006.tar.zst lists/00006.keys columns/00006.col done/00006.done; do
		for how in mkdir mkfifo; do
			rm -rf "$T/a"
			cp -r "$W" "$T/a"
			rm "$T/a/$file"
			$how "$T/a/$file"
			case $file in
			columns/*) set -- task "$T/a" score 6 ;;
			done/*) set -- task "$T/a" drop 6 ;;
			*) set -- check "$T/a" ;;
			esac
			fails 1 timeout 60 vae-shards "$@"
			says "$file: not a regular file"
		done
	done
}

@test "shards: flipped bits in the settings are found by every verb, and plan repairs them; settings of an older version are read" {
	local size i verb
	size=$(wc -c <"$W/settings")
	for i in $(seq 25); do
		rm -rf "$T/a"
		cp -r "$W" "$T/a"
		perl -e 'open my $f, "+<:raw", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1; seek $f, $ARGV[1], 0; print $f chr(ord($c) ^ 1)' "$T/a/settings" $((i * (size - 1) / 25))
		for verb in "status $T/a" "task $T/a score 1" "add $T/a $S/00.tar"; do
			[ "$i" -lt 3 ] || [[ $verb == status* ]] || continue
			# shellcheck disable=SC2086
			fails 1 vae-shards $verb
			says "$T/a/settings: damaged or edited: its hash does not match"
		done
	done
	ok vae-shards plan -q "${FIELDS[@]}" "$T/a" "$S"/*.tar*
	same "$T/a/settings" "$W/settings"
	is "$(vae-shards run --print "$T/a")" '' 'nothing is done twice'
	sed -i '/^sha256/d' "$T/a/settings"
	ok vae-shards check -q "$T/a"
	equal "$T/a"
}

@test "shards: a hash whose process is killed is no hash: nothing is marked as done" {
	local real
	real=$(command -v sha256sum)
	mkdir "$T/bin"
	cat >"$T/bin/sha256sum" <<-END
		#!/bin/sh
		# with names as arguments, or of what is in clean: killed
		case \$# in 0) ;; *) kill -KILL \$\$ ;; esac
		case \$(readlink /proc/self/fd/0) in */clean/*) kill -KILL \$\$ ;; esac
		exec $real
	END
	chmod 755 "$T/bin/sha256sum"
	cp -r "$W" "$T/a"
	rm "$T/a/reduced"
	PATH=$T/bin:$PATH vae-shards reduce "$T/a" 2>"$T/err" && die 'lists without hashes'
	says 'the lists of keys could not be read'
	absent "$T/a/reduced"
	ok vae-shards reduce "$T/a"
	rm "$T/a/done/00005.done"
	PATH=$T/bin:$PATH vae-shards task "$T/a" drop 5 2>"$T/err" && die 'a result without its hash'
	says clean/05.tar 'sha256sum failed'
	absent "$T/a/done/00005.done"
	ok vae-shards run -q "$T/a"
	equal "$T/a"
}

# break_slurm RUN: cancels or requeues a job that runs, kills one of its processes, or kills slurmd; fails if there is none
break_slurm() {
	local job pid kind=$((RANDOM % 4))
	job=$(squeue -h -r -t R -o %i | shuf -n 1)
	[ -n "$job" ] || return 1
	case $kind in
	0) "$LIB/slurm" crash "$T/slurm" 3>&- ;;
	1) scancel "$job" ;;
	2) scontrol requeue "$job" ;;
	3)
		pid=$(pgrep -f -- "$1" | shuf -n 1)
		[ -n "$pid" ] && kill -KILL "$pid"
		;;
	esac 2>/dev/null
}

@test "shards: jobs of Slurm that are cancelled, requeued or killed, and a slurmd that is killed" {
	start_slurm
	local n=0 i stage want=0
	plan "$T/a"
	for stage in score drop reduce; do
		want=$((want + 4))
		for i in $(seq 30); do
			case $stage in # there is something to do again
			score) rm -f "$T"/a/columns/*[0-4].col ;;
			drop) rm -f "$T"/a/done/*[5-9].done ;;
			reduce) rm -f "$T/a/reduced" ;;
			esac
			ok vae-shards run -q --slurm --per-task 2 "$T/a"
			while [ -n "$(squeue -h)" ] && [ $n -lt $want ]; do
				if break_slurm "$T/a"; then n=$((n + 1)); fi
				sleep "0.$((RANDOM % 4))"
			done
			finished "$T/a"
			[ $n -lt $want ] || break
		done
		[ $n -ge $want ] || die "only $n faults"
		ok vae-shards run -q "$T/a"
	done
	ok vae-shards check -q "$T/a"
	rm -r "$T/a/log"
	equal "$T/a"
}
