# The streams and files on which the laws are tested, in $F.
# shellcheck shell=bash disable=SC2002,SC2015,SC2016

# laws_setup makes, once for all tests:
#   pics/I.pgm    64 pictures
#   plain.tar     40 records with fields; small.tar: 2 of them
#   m.vae, *.ref  a model, and references of the field w and of a joint score; decisions on plain.tar; over.jsonl: influences of its records; lists.jsonl, more.jsonl, part, small.part: files to merge
#   table.csv, columns.csv, folder/, folder.zip   for vae-pack
#   bad/, cut/, cut.zst/   for the laws 9 and 3
#   rich.tar      all that a tar can hold and a tool must pass on unchanged
#   by-*.tar      the files of tree/ as other tar programs write them, and names of several encodings
laws_setup() {
	local i long
	pictures "$F/pics" 64
	stream 40 | mktar >"$F/plain.tar"
	stream 2 | mktar >"$F/small.tar"
	bad_fields_setup
	truncations_setup
	plain_stream 40 | mktar | train "$F/m.vae"
	plain_stream 40 | mktar | vae-ckpt curvature -m "$F/m.vae" --ekfac
	vae-rank -k w --replace --save-ref "$F/w.ref" "$F/plain.tar" >/dev/null
	vae-cut -k key "$F/plain.tar" | awk '{ print $0 "\t" (NR % 3 ? "keep" : "drop") }' >"$F/decisions"
	printf '{"test":"s/0000","proponents":[{"key":"s/0001","influence":2,"distance":1}],"opponents":[]}\n' >"$F/over.jsonl"
	printf '{"test":"a","proponents":[{"key":"b","influence":2,"distance":1,"norm":3}],"opponents":[],"model":"m","options":"o","top":9}\n' >"$F/lists.jsonl"
	printf '{"test":"a","proponents":[{"key":"c","influence":2,"distance":1,"norm":3}],"opponents":[],"model":"m","options":"o","top":9}\n' >"$F/more.jsonl"
	vae-density -q --neighbors 3 --against "$F/plain.tar" --part "$F/part" "$F/plain.tar"
	vae-density -q --neighbors 3 --against "$F/small.tar" --part "$F/small.part" "$F/plain.tar"
	vae-rank -k w --unlike 'ra*k' --joint both --prefix t_ --save-ref "$F/both.ref" "$F/plain.tar" >/dev/null

	{
		echo 'id;a;b;kind;shop'
		for ((i = 0; i < 40; i += 4)); do printf '%d;1,5;-2;x;u\n%d;1.234.567,25;NA;y;u\n%d;;3e-1;x;v\n%d;?;%d;z;"v;w"\n' $i $i $i $i $i; done
	} >"$F/table.csv"
	{
		echo a,c,b
		for ((i = 0; i < 40; i++)); do printf '%d,x,2\n,y,3\n4,z,%d\n' $i $i; done
	} >"$F/columns.csv"
	mkdir -p "$F/folder/cat" "$F/folder/dog"
	for ((i = 0; i < 20; i++)); do
		cp "$F/pics/$i.pgm" "$F/folder/cat/$i.pgm"
		echo text >"$F/folder/cat/$i.txt"
		ln -s "../../pics/$((20 + i)).pgm" "$F/folder/dog/$i.pgm"
	done
	(cd "$F/folder" && printf '%s\n' */* | bsdtar -L --format zip -cf "$F/folder.zip" -T -)
	long=$(printf 'long-%.0s' {1..60})
	{
		cat <<-LIST
			name=__meta__/x.json data={"shard":1} mtime=17.25
			name=d/ type=5 mode=0750 mtime=1000000000 uname=ann gname=users uid=1001 gid=102
			name=README data=no%20extension
			name=d/.hidden.pgm data=dot
			name=link.pgm type=2 link=d/0000.pgm mode=0777
			name=fifo.x type=6
			name=d/0000.PGM file=$F/pics/0.pgm mode=0600 mtime=1234567890.987654321 uid=1001 gid=102 uname=ann gname=users x:SCHILY.xattr.user.z=1%00%ff x:SCHILY.xattr.user.a=%0a x:atime=1234567891.5 x:ctime=1234567892.25
			name=d/sub/ type=5 mode=0700
			name=d/0000.Cls data=1%0a mtime=1234567890.5
			name=d/0000.vae.json data={"w":1.50,"rank":5,"rank_n":6}%0a
			name=d/0000.seg.PNG data=%89PNG mtime=5
			name=d/0000.json data={"v":2,"s":{"t":"abc"},"big":99999999999999999999}
			name=train.v1/0001.json data={"v":NaN
			name=train.v1/0001.pgm file=$F/pics/1.pgm mode=04755 uid=3000000 gid=2500000
			name=train.v1/0001.vae.json data={"w":-2,"rank":4,"rank_n":6}%0a
			name=link2 type=2 link=$long.pgm
			name=%ff%fe%0a/%e9.pgm file=$F/pics/2.pgm uname=%e9
			name=%ff%fe%0a/%e9.cls data=
			name=%ff%fe%0a/%e9.vae.json data={"w":3,"rank":3,"rank_n":6}
			name=%c3%a9%e2%82%ac.pgm file=$F/pics/3.pgm
			name=%c3%a9%e2%82%ac.vae.json data={"w":3,"rank":2,"rank_n":6}
			name=$long/$long.pgm file=$F/pics/4.pgm mtime=99.000000001
			name=$long/$long.vae.json data={"w":7e2,"rank":1,"rank_n":6}
			name=d/0009.cls data=nothing%20to%20decode
			name=d/0010.pgm file=$F/pics/5.pgm mtime=4000000000
			name=d/0010.vae.json data={"rank":0,"w":1e9,"rank_n":6}
			name=last/ type=5
			name=end.of.stream/.dot data=
		LIST
	} | mktar >"$F/rich.tar"

	mkdir -p "$F/tree/a.dir" "$F/tree/deep/${long:0:120}/${long:0:90}"
	for i in 0 1 2; do
		cp "$F/pics/$i.pgm" "$F/tree/a.dir/$i.pgm"
		printf '{"w":%d,"rank":%d,"rank_n":10}' "$i" $((2 - i)) >"$F/tree/a.dir/$i.vae.json"
	done
	cp "$F/pics/7.pgm" "$F/tree/deep/${long:0:120}/${long:0:90}/x.PGM"
	printf '{"w":9,"rank":3,"rank_n":10}' >"$F/tree/deep/${long:0:120}/${long:0:90}/x.vae.json"
	ln -s nowhere "$F/tree/link.pgm"
	touch "$F/tree/.dot.cls" "$F/tree/noext"
	find "$F/tree" -exec touch -h -d '2020-02-03 04:05:06.123456789 UTC' {} +
	(
		cd "$F/tree" || exit
		find . -mindepth 1 | LC_ALL=C sort >../names
		for i in gnu oldgnu pax posix; do
			tar --no-recursion --format=$i -cf "../by-gnutar-$i.tar" -T ../names
		done
		tar --no-recursion --format=ustar -cf ../by-gnutar-ustar.tar -T <(grep -v deep ../names)
		tar --no-recursion --format=v7 -cf ../by-gnutar-v7.tar -T <(grep -v deep ../names)
		if command -v bsdtar >/dev/null; then
			for i in pax gnutar restricted; do
				bsdtar -n --format "${i/restricted/pax}" -cf "../by-bsdtar-$i.tar" -T ../names
			done
			bsdtar -n --format ustar -cf ../by-bsdtar-ustar.tar -T <(grep -v deep ../names)
		fi
	)
	# names composed and decomposed, Hangul in both, Latin-1, not UTF-8, in every format
	for i in pax gnu ustar; do
		local n=0 name
		for name in caf%c3%a9 cafe%cc%81 %ed%95%9c %e1%84%92%e1%85%a1%e1%86%ab caf%e9 %ff%fe; do
			[ $i = pax ] && long=x:path= || long=name=
			printf 'name=x%d %sdir%%cc%%81/%s.pgm file=%s/pics/%d.pgm uname=%s gname=%s\n' "$n" "$long" "$name" "$F" "$n" "$name" "$name"
			printf 'name=x%d.json %sdir%%cc%%81/%s.vae.json data={"w":%d,"rank":%d,"rank_n":10}\n' "$n" "$long" "$name" "$n" "$n"
			printf 'name=l%s type=2 link=%s\n' "$name" "$name"
			n=$((n + 1))
		done | mktar --format $i >"$F/by-names-$i.tar"
	done
	# with extended attributes, if this file system has them
	cp -r "$F/tree" "$F/xtree"
	if command -v setfattr >/dev/null && setfattr -n user.one -v first "$F/xtree/a.dir/0.pgm" 2>/dev/null; then
		setfattr -n user.two -v 0x00ff "$F/xtree/a.dir/0.pgm"
		(
			cd "$F/xtree" || exit
			tar --no-recursion --xattrs --format=pax -cf ../by-gnutar-xattrs.tar -T ../names
			! command -v bsdtar >/dev/null || bsdtar -n --xattrs --format pax -cf ../by-bsdtar-xattrs.tar -T ../names
		)
	fi
}
