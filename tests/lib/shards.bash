# What the tests of vae-shards share: small shards, and the results of one machine. Loaded after helper.bash.
# shellcheck shell=bash disable=SC2016

# Read in vae-shards, not here: $threads.
SCORE='vae-stat -q -j$threads --replace'
FIELDS=(--score "$SCORE" -k 'stat_brightness,stat_noise' --joint both --top 10%)

# make_shards DIR N RECORDS: DIR/00.tar and so on, with so many records each. The fourth has a quote and a space in its name, the fifth is compressed.
make_shards() {
	local i
	mkdir -p "$1"
	[ -e "$F/pics/63.pgm" ] || pictures "$F/pics" 64
	plain_stream $(($2 * $3)) | sed 's|pics/\([0-9]*\)\.pgm|pics/@\1@.pgm|' | awk -F @ -v OFS='' 'NF == 3 { $2 = $2 % 64 } { print }' >"$1/list"
	for ((i = 0; i < $2; i++)); do
		sed -n "$((i * $3 * 2 + 1)),$(((i + 1) * $3 * 2))p" "$1/list" | mktar >"$1/$(printf %02d "$i").tar"
	done
	mv "$1/03.tar" "$1/it's 03.tar"
	zstd -q --rm "$1/04.tar"
}

# plan RUN [OPTION...]: of all shards of $S
plan() {
	local run=$1
	shift
	vae-shards plan -q "${FIELDS[@]}" "$@" "$run" "$S"/*.tar*
}

# equal RUN: its results are those of one machine, $W, and there are no temporary files
equal() {
	diff -r "$W/scored" "$1/scored"
	diff -r "$W/clean" "$1/clean"
	diff -r "$W/quarantine" "$1/quarantine"
	diff -r "$W/lists" "$1/lists"
	diff -r "$W/columns" "$1/columns"
	diff "$W/reduced" "$1/reduced"
	diff -r "$W/done" "$1/done"
	is "$(find "$1" -name '*tmp[0-9]*')" '' 'temporary files'
}

# start_slurm: a Slurm of its own, or the test is skipped
start_slurm() {
	PATH=$PATH:/usr/sbin
	need slurmctld slurmd munged sbatch
	"$LIB/slurm" start "$T/slurm" 3>&- || skip "$(tail -n 1 "$T"/slurm/slurmctld.log): slurmctld and slurmd do not run here"
	export SLURM_CONF=$T/slurm/slurm.conf
}

# stop_slurm: for teardown()
stop_slurm() { [ ! -e "$T/slurm" ] || "$LIB/slurm" stop "$T/slurm"; }

# finished RUN: waits for the jobs of Slurm. Where slurmd was killed at the wrong moment, a job that has ended stays CG (completing), and those that
# depend on it wait: then the node is taken down and up again, as an operator would.
finished() {
	local i jobs node
	node=$(hostname -s)
	for i in $(seq 3000); do
		if jobs=$(squeue -h 2>/dev/null) && [ -z "$jobs" ]; then return 0; fi
		if ((i % 40 == 39)) && squeue -h -t CG | grep -q . && ! squeue -h -t R | grep -q .; then
			scontrol update NodeName="$node" State=DOWN Reason=completing
			scontrol update NodeName="$node" State=RESUME
		fi
		sleep 0.2
	done
	die "$(squeue; tail -n 3 "$1"/log/*)"
}
