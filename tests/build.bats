# The build itself: the order of floors.

load helper

# tree DIR: a copy of the sources
tree() {
	mkdir "$1"
	cp -r "$ROOT/include" "$ROOT/src" "$ROOT/filters" "$1"
}

# complains TEXT: .ci/floors fails on the copy, and says so
complains() {
	run "$ROOT/.ci/floors" "$T/tree"
	is "$status" 1
	[[ $output == *"$1"* ]] || die "no '$1' in: $output"
}

@test "floors: an include that goes up fails" {
	tree "$T/tree"
	sed -i '1i #include "train/train.h"' "$T/tree/src/base/buf.c"
	complains 'src/base/buf.c:1: "train/train.h" is on a higher floor than base'
}

@test "floors: an include must name its floor, and a floor must be in the table" {
	tree "$T/tree"
	sed -i '1i #include "fail.h"' "$T/tree/src/base/buf.c"
	complains 'src/base/buf.c:1: "fail.h" does not name its floor'
	mkdir "$T/tree/src/attic"
	echo >"$T/tree/src/attic/a.c"
	complains 'src/attic/a.c: floor attic is not in src/floors'
}

@test "floors: a circle fails, between headers, and between a .c and the header of its module" {
	tree "$T/tree"
	echo '#include "eval/b.h"' >"$T/tree/include/eval/a.h"
	echo '#include "eval/c.h"' >"$T/tree/include/eval/b.h"
	echo >"$T/tree/include/eval/c.h"
	run "$ROOT/.ci/floors" "$T/tree"
	[[ $output != *eval/a* ]]
	echo >"$T/tree/src/eval/a.c"
	echo '#include "eval/a.h"' >"$T/tree/src/eval/c.c"
	complains 'circle: eval/a eval/b eval/c eval/a'
	rm "$T/tree/src/eval/c.c"
	echo '#include "eval/a.h"' >"$T/tree/include/eval/c.h"
	complains 'circle: eval/a eval/b eval/c eval/a'
}

@test "floors: a header that several files of a floor share makes no circle" {
	tree "$T/tree"
	echo >"$T/tree/include/eval/a.h"
	echo '#include "eval/a.h"' >"$T/tree/src/eval/a_state.h"
	echo '#include "eval/a_state.h"' >"$T/tree/src/eval/a.c"
	run "$ROOT/.ci/floors" "$T/tree"
	[[ $output != *eval/a* ]] || die "$output"
}
