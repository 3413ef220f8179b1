#!/usr/bin/env bats
# The commands under EXAMPLES in the man pages run as they stand, page by page and in their order, on small data made here. Trainings of large
# networks are cut short by a vae-train and a vae-memo that stand before the real ones. Left out are commands for other machines and programs, and
# formulas and drawings.
# shellcheck disable=SC2016,SC2030,SC2031,SC2164

others='--minutes|xdg-open|psql|sbatch|--slurm|--sshlogin|torch|numpy|fc_mu|vae-10000|vae-300000|emb-\*|[(]x[)] =|TracIn[(]|without curvature'

setup_file()
{
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	BIN=${BIN:-$root/build}
	case $BIN in /*) ;; *) BIN=$root/$BIN ;; esac
	export root BIN PATH=$BIN:$PATH
	case $BIN in *-san*) return ;; esac
	mkdir "$BATS_FILE_TMPDIR/bin" "$BATS_FILE_TMPDIR/data"
	# the trainings of vae-clean are short where records are few
	printf '#!/bin/sh\ncase "$*" in *tiny* | *tabular* | *--resume*train.steps*) exec %s/vae-train "$@" ;; esac\nexec %s/vae-train "$@" --set train.steps=8 --set train.checkpoints=4\n' \
		"$BIN" "$BIN" >"$BATS_FILE_TMPDIR/bin/vae-train"
	printf '#!/bin/sh\nexec %s/vae-memo "$@" --set train.steps=4 --set train.checkpoints=2\n' "$BIN" >"$BATS_FILE_TMPDIR/bin/vae-memo"
	printf '#!/bin/sh\n[ -s "$1" ]\n' >"$BATS_FILE_TMPDIR/bin/xdg-open"
	chmod +x "$BATS_FILE_TMPDIR"/bin/*
	cd "$BATS_FILE_TMPDIR/data"
	make_data >log 2>&1 || { cat log >&3; false; }
}

setup()
{
	case $BIN in *-san*) skip 'takes minutes under the sanitizers, and other tests run the same code with them' ;; esac
}

# The files that the pages name.
make_data()
{
	set -e
	"$root/tests/lib/mkidx" 120 train
	vae-pack train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz >plain.tar
	mkdir pictures photos members letters img_emb shards new day-1 day-2
	tar xf plain.tar -C letters
	cp letters/*.png photos
	cp letters/000000*.png pictures
	cp letters/000000[0-4]*.png day-1
	cp letters/000000[5-9]*.png day-2
	for f in letters/*.cls; do
		name=$(basename "$f" .cls) label=$(cat "$f")
		mkdir -p "members/$label"
		cp "letters/$name.png" "members/$label"
		case $name in 0000011*) printf 101 ;; *) printf %s "$label" ;; esac >"members/$label/$name.cls"
		echo "{\"label\":\"$label\",\"punsafe\":0.$label}" >"members/$label/$name.json"
	done
	(cd members && tar --sort=name -cf ../digits.tar -- *)
	(cd letters && mkdir outliers && mv 0000000* outliers && tar --sort=name -cf ../letters.tar -- *)
	cp letters.tar clothes.tar
	for name in trusted new all mixed; do cp digits.tar $name.tar; done
	vae-pack -o train.tar.zst train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz
	vae-pack --key-prefix t/ --limit 6 -o tests.tar train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz
	cp tests.tar ten.tar
	vae-pack --key-prefix good/ --limit 20 train-images-idx3-ubyte.gz >good.tar
	vae-pack --key-prefix bad/ --limit 20 train-images-idx3-ubyte.gz >bad.tar
	vae-pack photos >photos.tar
	vae-train -q -c tiny --set train.checkpoints=4 -o digits.vae digits.tar
	vae-ckpt curvature -q --checkpoints all -m digits.vae digits.tar
	vae-selfinf -q -m digits.vae --curvature kfac --profile -o scored.tar digits.tar
	vae-selfinf -q -m digits.vae -o scored.tar.zst photos.tar
	vae-stat scored.tar | vae-rank -k selfinf -q >ranked.tar
	cp ranked.tar 00000.tar
	vae-drop -q --top 10% -r quarantine.tar.zst ranked.tar >/dev/null
	vae-cut -k key ranked.tar | awk '{ print $1 "\t" (NR % 2 ? "keep" : "drop") }' >decisions.tsv
	for i in 0 1 2; do
		vae-pack --key-prefix "$i/" --limit 40 train-images-idx3-ubyte.gz >shard-$i.tar
		vae-pack --key-prefix "$i/" --limit 40 -o shards/0000$i.tar.zst train-images-idx3-ubyte.gz
	done
	vae-pack --key-prefix 9/ --limit 40 -o new/00009.tar.zst train-images-idx3-ubyte.gz
	for i in 1 2 3 4 5; do vae-testinf -q -m digits.vae --sanity 4 --seed $i --summary sanity.$i digits.tar >/dev/null; done
	awk 'BEGIN { print "a,b,c"; srand(1); for (i = 0; i < 150; i++) print rand() "," rand() "," 9 * rand() }' >table.csv
	awk 'BEGIN { print "w,x,y,z,species"; srand(2); for (i = 0; i < 150; i++) print rand() "," rand() "," rand() "," rand() ",s" i % 3 }' >iris.csv
	awk 'BEGIN { print "a,b,label"; srand(3); for (i = 0; i < 60; i++) print rand() "," rand() "," i % 3 }' >points.csv
	vae-pack --label label points.csv >points.tar
	vae-pack --key-prefix t/ --label label --limit 5 points.csv >test.tar
	perl -e 'my $h = "{\x27descr\x27: \x27<f4\x27, \x27fortran_order\x27: False, \x27shape\x27: (60, 3), }"; $h .= " " x (117 - length $h) . "\n";
		print "\x93NUMPY\x01\x00", pack("v", length $h), $h, pack "f<*", map { ($_ * 37 % 101) / 9 } 1 .. 180' >img_emb/img_emb_0.npy
}

# examples PAGE [NAME...]: runs the examples of a page, or those that match $only, in a copy of the data. NAME is what examples make, and must not be
# there before.
examples()
{
	page=$1
	shift
	cp -a "$BATS_FILE_TMPDIR/data" "$BATS_TEST_TMPDIR/work"
	mkdir "$BATS_TEST_TMPDIR/commands"
	"$root/tests/lib/man-examples" "$root/man/$page" "$BATS_TEST_TMPDIR/commands"
	cd "$BATS_TEST_TMPDIR/work"
	run=0
	for commands in "$BATS_TEST_TMPDIR"/commands/*.sh; do
		if [ -n "${only:-}" ]; then
			grep -qE -e "$only" "$commands" || continue
		elif grep -qE -e "$others" "$commands"; then
			continue
		fi
		for name; do ! grep -q -e "-[or] $name" "$commands" || rm -rf -- "$name"; done
		status=0
		PATH=$BATS_FILE_TMPDIR/bin:$PATH sh -eu "$commands" >out 2>err </dev/null || status=$?
		case $status in
		0) ;;
		3) grep -q max-drop "$commands" ;;
		*)
			cat "$commands" err
			false
			;;
		esac
		run=$((run + 1))
	done
	[ "$run" -gt 0 ]
}

@test "vae-ckpt(1)" { examples vae-ckpt.1; }
@test "vae-clean(1)" {
	vae-clean -q -c tiny --steps 20 --top 2 -o "$BATS_FILE_TMPDIR/data/cleaned" "$BATS_FILE_TMPDIR/data/photos"
	cp "$BATS_FILE_TMPDIR/data/iris.csv" "$BATS_FILE_TMPDIR/data/rows.csv"
	sed -i 's/^\(.*\),\(.*\)$/\2,\1/; 78s/,.*/,99,-99,99,-99/' "$BATS_FILE_TMPDIR/data/rows.csv"
	examples vae-clean.1
	[ "$(find photos -type f | wc -l)" -eq $((120 - $(vae-cut -k key cleaned/quarantine.tar.zst | wc -l))) ]
	[ "$(find dropped -type f | wc -l)" -ge 2 ]
	sed 78d rows.csv | cmp - left.csv
}
@test "vae-clean(1): the longer ones" { only='--minutes|xdg-open' examples vae-clean.1 cleaned; }
@test "vae-cut(1)" { examples vae-cut.1; }
@test "vae-density(1)" { examples vae-density.1; }
@test "vae-drop(1)" { examples vae-drop.1; }
@test "vae-eval(1)" { examples vae-eval.1; }
@test "vae-memo(1)" { examples vae-memo.1; }
@test "vae-pack(1)" { examples vae-pack.1; }
@test "vae-rank(1)" { examples vae-rank.1; }
@test "vae-report(1)" { examples vae-report.1; }
@test "vae-selfinf(1)" { examples vae-selfinf.1; }
@test "vae-shards(1)" { examples vae-shards.1; }
@test "vae-stat(1)" { examples vae-stat.1; }
@test "vae-testinf(1)" { examples vae-testinf.1; }
@test "vae-train(1)" { examples vae-train.1 digits.vae; }
@test "vae-model(5)" { examples vae-model.5; }
@test "vae-records(5)" { examples vae-records.5; }
@test "vae-filters(7)" { examples vae-filters.7 digits.vae quarantine.tar.zst; }
