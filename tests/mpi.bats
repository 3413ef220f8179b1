# Training by virtual workers: one process, or several under mpirun; the same bits.

load helper

WORKERS=(-q -c tiny --set train.shards=4 --set train.batch=16 --set train.steps=24 --set train.checkpoints=3 --set train.holdout=0.2)
export OMPI_MCA_btl=self,vader,tcp OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_plm_rsh_agent=false OMPI_MCA_mpi_yield_when_idle=1

setup_file() {
	local i
	pictures "$F/pics" 90
	plain_stream 90 >"$F/list"
	# six shards of unequal length; two workers have two of them
	for i in 0 1 2 3 4 5; do sed -n "$((i * 30 + 1)),$((i * 30 + 20 + 2 * i))p" "$F/list" | mktar >"$F/s$i.tar"; done
	vae-train "${WORKERS[@]}" -j 1 -o "$F/want.vae" "$F"/s[0-5].tar
	awk 'BEGIN { srand(2); for (i = 0; i < 60; i++) print rand() * 9 ",7.25," rand() - 4 "," i % 5 }' >"$F/t.csv"
	for i in 0 1 2; do
		sed -n "$((i * 18 + 1)),$((i * 18 + 18 + 2 * i))p" "$F/t.csv" >"$F/t$i.csv"
		vae-pack --key-prefix "$i/" "$F/t$i.csv" >"$F/t$i.tar"
	done
}

# ranks N OPTION...: vae-train by N processes
ranks() {
	local n=$1
	shift
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 mpirun -q --allow-run-as-root --oversubscribe --bind-to none -n "$n" "$BIN-mpi/vae-train" "$@"
}

need_mpi() {
	not_emulated "mpirun of this system starts no MPI program of another processor"
	command -v mpirun >/dev/null || skip 'mpirun is not installed: install the packages openmpi-bin and libopenmpi-dev'
	[ -x "$BIN-mpi/vae-train" ] || skip "there is no $BIN-mpi/vae-train: make MPI=1, with the package libopenmpi-dev"
}

# alike DIR DIR: two trainings that did the same
alike() {
	local file
	is "$(names "$1")" "$(names "$2")"
	for file in "$1"/step-* "$1/model.yaml"; do same "$file" "$2/${file##*/}"; done
	diff <(sed 's/,"seconds":.*//' "$1/train.jsonl") <(sed 's/,"seconds":.*//' "$2/train.jsonl")
}

@test "virtual workers in one process: the same bits at any -j, others than those of one worker, and the loss falls" {
	ok vae-train "${WORKERS[@]}" -j 2 -o "$T/two.vae" "$F"/s[0-5].tar
	alike "$F/want.vae" "$T/two.vae"
	ok vae-train "${WORKERS[@]}" --set train.shards=2 -o "$T/other.vae" "$F"/s[0-5].tar
	not cmp -s "$F/want.vae/step-000000024.safetensors" "$T/other.vae/step-000000024.safetensors"
	awk -F '[:,]' 'NR == 1 { first = $4 } { last = $4 } END { exit !(last < first) }' "$F/want.vae/train.jsonl"
	grep -q '^  shards: 4$' "$F/want.vae/model.yaml"
	not grep -q 'shards' "$BIN/../config/tiny.yaml"
	ok vae-train -q -c tiny --set train.steps=2 --set train.checkpoints=1 -o "$T/one.vae" "$F/s0.tar"
	not grep -q 'shards' "$T/one.vae/model.yaml" # an older program reads it
	ok vae-selfinf -q -m "$F/want.vae" "$F/s0.tar"
}

@test "the files are dealt in turn: worker w has w, w + shards, ..." {
	# equal data in other files: what matters is the order of the records of each worker
	ok vae-train "${WORKERS[@]}" -o "$T/m.vae" "$F/s0.tar" "$F/s1.tar" "$F/s2.tar" "$F/s3.tar" "$F/s4.tar" "$F/s5.tar"
	alike "$F/want.vae" "$T/m.vae"
	{ sed -n 1,20p "$F/list"; sed -n 121,148p "$F/list"; } | mktar >"$T/w0.tar"
	{ sed -n 31,52p "$F/list"; sed -n 151,180p "$F/list"; } | mktar >"$T/w1.tar"
	ok vae-train "${WORKERS[@]}" -o "$T/joined.vae" "$T/w0.tar" "$T/w1.tar" "$F/s2.tar" "$F/s3.tar"
	alike "$F/want.vae" "$T/joined.vae"
	# the same key in files of two workers is no error, within one worker it is
	ok vae-train "${WORKERS[@]}" --set train.shards=2 -o "$T/keys.vae" "$F/s0.tar" "$F/s0.tar"
	fails 1 vae-train "${WORKERS[@]}" --set train.shards=2 -o "$T/same.vae" "$F/s0.tar" "$F/s1.tar" "$F/s0.tar"
	says 'virtual worker 1 of 2' 's0.tar'
}

@test "vectors: the statistics of all workers are those of one stream" {
	local options=(-q -c tabular --set train.steps=3 --set train.checkpoints=1 --set train.batch=6 --set train.holdout=0)
	ok vae-train "${options[@]}" -o "$T/one.vae" "$F"/t[0-2].tar
	ok vae-train "${options[@]}" --set train.shards=3 -o "$T/three.vae" "$F"/t[0-2].tar
	for model in one three; do
		perl -e 'local $/; open my $f, "<:raw", $ARGV[0] or die; my $all = <$f>; my $h = substr $all, 8, unpack("Q<", $all);
			for my $k ("mean", "deviation") { $h =~ /"$k":"\[?([^"\]]*)/ or die; print join("\n", split /[ ,]+/, $1), "\n" }' "$T/$model.vae/step-000000003.safetensors" >"$T/$model.numbers"
	done
	is "$(wc -l <"$T/one.numbers")" 8
	paste "$T/one.numbers" "$T/three.numbers" | awk '{ d = $1 - $2; if (d < 0) d = -d; if (!(d <= 1e-13 * (1 + ($1 < 0 ? -$1 : $1)))) bad++ } END { exit bad > 0 }'
	is "$(sed -n 2p "$T/three.numbers")" 7.25
	is "$(sed -n 6p "$T/three.numbers")" 0
}

@test "killed and resumed: the same bits" {
	local options=("${WORKERS[@]}" -j 1 --set train.steps=60)
	vae-train "${options[@]}" -o "$T/want.vae" "$F"/s[0-5].tar
	# before the state of step 33 is written; renames are of mkdir, the first state, the states of all steps, and a checkpoint
	killed rename 36 vae-train "${options[@]}" --save-every 0.000001 -o "$T/m.vae" "$F"/s[0-5].tar
	is "$(names "$T/m.vae" 'step-*')" 'step-000000020.safetensors '
	rm -f "$T"/m.vae/*.tmp*
	absent "$T/m.vae/model.yaml"
	ok vae-train "${options[@]}" --resume -j 2 -o "$T/m.vae" "$F"/s[0-5].tar
	alike "$T/want.vae" "$T/m.vae"
	fails 1 vae-train "${options[@]}" --set train.steps=61 --resume -o "$T/m.vae" "$F"/s[1-5].tar "$F/s0.tar"
	says 'other records, or in another order'
	fails 1 vae-train "${options[@]}" --set train.shards=2 --resume -o "$T/m.vae" "$F"/s[0-5].tar
	says train.shards
}

@test "what virtual workers require" {
	fails 1 vae-train "${WORKERS[@]}" -o "$T/m.vae" "$F"/s[0-2].tar
	says 'train.shards is 4' 'there are 3'
	fails 1 vae-train "${WORKERS[@]}" -o "$T/m.vae" <"$F/s0.tar"
	says 'train.shards is 4'
	fails 1 vae-train "${WORKERS[@]}" -o "$T/m.vae" "$F"/s[0-2].tar - <"$F/s3.tar"
	says 'train.shards is 4'
	fails 1 vae-train "${WORKERS[@]}" --set train.batch=18 -o "$T/m.vae" "$F"/s[0-5].tar
	says 'no multiple of train.shards'
	for option in -p --curvature "-r $T/rejects.tar"; do
		# shellcheck disable=SC2086 # an option and its value
		fails 1 vae-train "${WORKERS[@]}" $option -o "$T/m.vae" "$F"/s[0-5].tar
		says 'train.shards above 1 excludes'
	done
	fails 1 vae-train "${WORKERS[@]}" -o "$T/m.vae" "$F"/s[0-2].tar "$T/nothere.tar"
	says 'virtual worker 4 of 4' "$T/nothere.tar"
	head -c 700 "$F/s1.tar" >"$T/cut.tar"
	fails 1 vae-train "${WORKERS[@]}" -o "$T/m.vae" "$F/s0.tar" "$T/cut.tar" "$F"/s[2-5].tar
	says 'virtual worker 2 of 4' "$T/cut.tar"
	fails 1 vae-train "${WORKERS[@]}" --set train.holdout=0.9 --set train.seed=3 -o "$T/m.vae" "$F/s0.tar" "$F/s1.tar" "$F/s2.tar" <(head -n 2 "$F/list" | mktar)
	says 'virtual worker' 'has no record to train on'
	absent "$T/m.vae"
	fails 1 vae-memo -q -c tiny --set train.shards=2 --set input.binarize=threshold -o "$T/m.memo" "$F/s0.tar"
	says train.shards
}

@test "records that cannot be read are counted over all workers" {
	mkdir -p "$T/d"
	printf 'P5 no picture' >"$T/d/bad.pgm"
	(cd "$T/d" && tar -cf ../bad.tar bad.pgm)
	ok vae-train -c tiny --set train.shards=2 --set train.batch=4 --set train.steps=2 --set train.checkpoints=1 --summary "$T/s" -o "$T/m.vae" "$F/s0.tar" "$F/s1.tar" "$F/s2.tar" "$T/bad.tar"
	says '1 of 34 records could not be read' "'bad'"
	grep -q '"records":34,"unscored":1' "$T/s"
	fails 1 vae-train -c tiny --on-error fail --set train.shards=2 --set train.batch=4 --set train.steps=2 --set train.checkpoints=1 -o "$T/f.vae" "$F/s0.tar" "$F/s1.tar" "$F/s2.tar" "$T/bad.tar"
	says 'virtual worker 2 of 2' bad
}

# --- more than one process ---

@test "mpirun: the same bits for 1, 2, 3 and 4 processes, and any -j" {
	need_mpi
	for n in 1 2 3 4; do
		ok ranks "$n" "${WORKERS[@]}" -j $((n % 2 + 1)) --summary "$T/s$n" -o "$T/m$n.vae" "$F"/s[0-5].tar
		is "$(cat "$T/out" "$T/err")" ''
		alike "$F/want.vae" "$T/m$n.vae"
		no_leftovers "$T"
	done
	is "$(sed 's/"seconds":[0-9.]*//; s/m[0-9].vae//' "$T/s4")" "$(sed 's/"seconds":[0-9.]*//; s/m[0-9].vae//' "$T/s1")"
}

@test "mpirun: convolutions, and vectors whose number the first record tells" {
	need_mpi
	cat >"$T/c.yaml" <<-'END'
		input: {shape: [1, 8, 8]}
		model:
		  latent: 2
		  encoder: [{conv2d: {out: 4, kernel: 4, stride: 2, padding: 1}}, relu, flatten, {linear: 4}]
		  decoder: [{linear: 64}, {unflatten: [4, 4, 4]}, relu, {conv_transpose2d: {out: 1, kernel: 4, stride: 2, padding: 1}}]
		train: {batch: 12, shards: 3, steps: 20, checkpoints: 2, optimizer: sgd, lr: 0.0001}
	END
	vae-train -q -c "$T/c.yaml" -o "$T/c1.vae" "$F"/s[0-5].tar
	ok ranks 3 -q -c "$T/c.yaml" -o "$T/c3.vae" "$F"/s[0-5].tar
	alike "$T/c1.vae" "$T/c3.vae"
	local options=(-q -c tabular --set train.steps=20 --set train.checkpoints=2 --set train.batch=6 --set train.shards=3)
	vae-train "${options[@]}" -o "$T/v1.vae" "$F"/t[0-2].tar
	ok ranks 2 "${options[@]}" -o "$T/v2.vae" "$F"/t[0-2].tar
	alike "$T/v1.vae" "$T/v2.vae"
	fails 1 ranks 2 "${options[@]}" -o "$T/v3.vae" "$T/nothere.tar" "$F"/t[0-2].tar
	says 'virtual worker 1 of 3' nothere.tar
}

# killed_ranks N NTH VICTIM OPTION...: as ranks; rank VICTIM is killed before the NTH rename of rank 0, which alone writes
killed_ranks() {
	local n=$1 nth=$2 got=0
	export VICTIM=$3
	shift 3
	cat >"$T/rank" <<-END
		#!/bin/sh
		echo \$\$ >"$T/pid.\$OMPI_COMM_WORLD_RANK"
		[ "\$OMPI_COMM_WORLD_RANK" -ne 0 ] || export LD_PRELOAD="$BIN/fault-shim.so" VF_FAULT_AT=rename:once:$nth VF_FAULT_KILL="$T/pid.\$VICTIM"
		exec "$BIN-mpi/vae-train" "\$@"
	END
	chmod 755 "$T/rank"
	ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0:detect_leaks=0 timeout 120 mpirun -q --allow-run-as-root --oversubscribe --bind-to none -n "$n" "$T/rank" "$@" >"$T/log" 2>&1 3>&- || got=$?
	{ [ "$got" -ne 0 ] && [ "$got" -ne 124 ]; } || die "exit status $got: $(cat "$T/log")"
}

@test "mpirun: a process is killed, and the training resumed by other numbers of processes" {
	need_mpi
	local options=("${WORKERS[@]}" -j 1 --set train.steps=80 --set train.checkpoints=8 --save-every 0)
	vae-train "${options[@]}" -o "$T/want.vae" "$F"/s[0-5].tar
	# renames: mkdir, the first state, then a checkpoint and a state every 10 steps
	killed_ranks 2 6 1 "${options[@]}" -o "$T/m.vae" "$F"/s[0-5].tar
	[ -e "$T/m.vae/step-000000020.safetensors" ]
	absent "$T/m.vae/step-000000030.safetensors" "$T/m.vae/model.yaml"
	killed_ranks 4 4 0 "${options[@]}" --resume -o "$T/m.vae" "$F"/s[0-5].tar
	[ -e "$T/m.vae/step-000000030.safetensors" ]
	absent "$T/m.vae/step-000000050.safetensors" "$T/m.vae/model.yaml"
	killed_ranks 3 3 2 "${options[@]}" --resume -o "$T/m.vae" "$F"/s[0-5].tar
	absent "$T/m.vae/step-000000060.safetensors" "$T/m.vae/model.yaml"
	ok ranks 1 "${options[@]}" --resume -o "$T/m.vae" "$F"/s[0-5].tar
	rm -f "$T"/m.vae/*.tmp*
	alike "$T/want.vae" "$T/m.vae"
}

@test "mpirun: an error of any process ends all, with one line" {
	need_mpi
	fails 1 ranks 2 "${WORKERS[@]}" -o "$T/m.vae" "$F"/s[0-2].tar "$T/nothere.tar"
	says 'virtual worker 4 of 4' "$T/nothere.tar"
	fails 1 ranks 5 "${WORKERS[@]}" -o "$T/m.vae" "$F"/s[0-5].tar
	says '5 processes' 'only 4 virtual workers' train.shards
	fails 1 ranks 2 "${WORKERS[@]}" --set train.optimizer=sgd --set train.lr=1e9 -o "$T/m.vae" "$F"/s[0-5].tar
	says 'the loss is not finite'
	absent "$T/m.vae"
	fails 2 ranks 2 "${WORKERS[@]}" --nonsense -o "$T/m.vae" "$F"/s[0-5].tar
	cp -r "$F/want.vae" "$T/there.vae"
	fails 1 ranks 2 "${WORKERS[@]}" -o "$T/there.vae" "$F"/s[0-5].tar
	says "$T/there.vae"
	mkdir "$T/full"
	if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=100k none "$T/full" 2>/dev/null; then
		fails 1 ranks 2 "${WORKERS[@]}" -o "$T/full/m.vae" "$F"/s[0-5].tar
		umount "$T/full"
	fi
	is "$(ranks 2 -V | wc -l)" 1
}
