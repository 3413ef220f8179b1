# The laws that every tool keeps: a table of tools, a table of laws, and a test for each law and each tool that it is for.
#
# laws/NUMBER-NAME.bash states a law and has its tests: functions law_NAME ROW, which run the tool of that row. To add a
# tool, add its row here; to add a law, add a line to the table and a function. Then run
# `tests/lib/make-laws > tests/laws.bats`. Law 6 (memory) is tested in tests/stream.bats and tests/bench/.

# shellcheck shell=bash disable=SC2015,SC2016

declare -gA PROPERTIES COMMAND
ROWS=()

# row NAME PROPERTIES COMMAND: a tool, or a tool with options that make it work differently. Properties:
#   tar      writes a tar to standard output       stream   reads one from standard input
#   filter   both                                  text     writes text to standard output
#   fields   reads the fields of every record      decodes  decodes the payload of every record
#   scores   appends scores that a model gives     sorts    changes the order of records
#   twice    reads its input twice                 jobs     has -j
#   output   has -o FILE                           rejects  has -r FILE
#   driver   a script that runs the tools          file     writes nothing to standard output
#   (any, program, which is no driver, and prints, which is not file, are added)
#   exports  writes keys as text for other tools
row() {
	ROWS+=("$1")
	PROPERTIES[$1]="any $2"
	[[ " $2 " == *' driver '* ]] || PROPERTIES[$1]+=' program'
	[[ " $2 " == *' file '* ]] || PROPERTIES[$1]+=' prints'
	COMMAND[$1]=$3
}

row train   'tar stream filter jobs decodes twice rejects' 'vae-train -p -q -c tiny --set train.steps=4 --set train.checkpoints=1 --set train.holdout=0 --replace -o "$T/train.vae"'
row trace   'tar stream filter jobs decodes twice rejects' 'vae-train -p -q -c tiny --set train.optimizer=sgd --set train.steps=4 --set train.checkpoints=1 --set train.holdout=0 --set score.draws=2 --replace -t "$F/small.tar" --trace "$(mktemp -u "$T/trace.XXXXXX")" -o "$T/train.vae"'
row selfinf 'tar stream filter jobs decodes fields scores output rejects' 'vae-selfinf -m "$F/m.vae" --prefix s_'
row kfac    'tar stream filter jobs decodes fields scores output rejects' 'vae-selfinf -m "$F/m.vae" --curvature kfac --profile --prefix s_'
row density 'tar stream filter jobs decodes fields twice output rejects' 'vae-density --method kde --sigma 3 --prefix s_'
row knn     'tar stream filter jobs decodes fields twice output rejects' 'vae-density -q --neighbors 12,3% --scale asinh,none --prefix s_'
row copies  'tar stream filter jobs decodes fields twice output rejects' 'vae-density -q --duplicates auto --prefix s_'
row against 'tar stream filter jobs decodes fields output rejects' 'vae-density -q --method knn,kde --scale none,asinh --neighbors 3 --against "$F/small.tar" --prefix s_'
row part    'file' 'vae-density -q --neighbors 3 --against "$F/small.tar" --part "$T/part" "$F/plain.tar"'
row parts   'tar jobs output' 'vae-density -q --neighbors 3 --merge "$F/part,$F/small.part" --prefix s_ "$F/plain.tar"'
row testinf 'tar stream filter jobs decodes fields output rejects' 'vae-testinf -m "$F/m.vae" -t "$F/small.tar" --prefix s_'
row over    'tar stream filter jobs decodes fields output rejects' 'vae-testinf -m "$F/m.vae" -t "$F/small.tar" --curvature ekfac --prefix s_'
row nearest 'tar stream filter jobs decodes fields twice output rejects' 'vae-testinf -m "$F/m.vae" -t "$F/small.tar" --candidates 30 --prefix s_'
row merge   'file' 'vae-testinf -q --merge --influence "$T/merged" "$F/lists.jsonl" "$F/more.jsonl"'
row stat    'tar stream filter jobs decodes fields output rejects' 'vae-stat --prefix s_'
row reasons 'tar stream filter jobs decodes fields twice output rejects' 'vae-stat --reasons -q --prefix s_'
row memo    'tar stream filter jobs decodes twice rejects' 'vae-memo -c tiny --set train.steps=4 --set input.binarize=threshold --folds 2 -d 2 --prefix s_ -o "$(mktemp -u "$T/memo.XXXXXX")"'
row rank    'tar stream filter fields twice output' 'vae-rank -k w --prefix t_'
row sort    'tar stream filter fields twice output sorts' 'vae-rank --sort -k w --prefix t_'
row ref     'tar stream filter fields output' 'vae-rank --ref "$F/w.ref" --prefix t_'
row joint   'tar stream filter fields twice output' 'vae-rank -k "w,ra*k" --prefix t_'
row unlike  'tar stream filter fields output' 'vae-rank --ref "$F/both.ref" --prefix t_'
row learn   'tar stream filter fields twice output' 'vae-rank -q -k w,rank --learn "$F/decisions" --prefix t_'
row drop    'tar stream filter fields output rejects' 'vae-drop --top 20% -r "$T/rejects.tar"'
row guard   'tar stream filter fields twice output' 'vae-drop -e "w > 1e12" --max-drop 10%'
row first   'tar stream filter fields output' 'vae-drop -q --duplicates keep-first -k none'
row mark    'tar stream filter fields output' 'vae-drop --top 20% --mark'
row cut     'text stream fields' 'vae-cut -k key,w,key,key'
row eval    'text stream fields' 'vae-eval -k w --positive "cls == 1"'
row spread  'text stream fields' 'vae-eval -k w --against rank --svg "$T/charts"'
row pairs   'text stream' 'vae-eval -q --influence "$F/over.jsonl" --class cls'
row report  'text stream fields' 'vae-report -k w'
row review  'text stream fields twice jobs exports' 'vae-report --review --top 9 -k w'
row ckpt    'text' 'vae-ckpt list -m "$F/m.vae"'
row bend    'tar stream filter jobs decodes fields output rejects' 'vae-ckpt eval -m "$F/m.vae" --input-curvature 2 --prefix s_'
row loss    'tar stream filter jobs decodes fields output rejects' 'vae-ckpt eval -m "$F/m.vae" --prefix s_'
row logp    'tar stream filter jobs decodes fields output rejects' 'vae-ckpt logp -m "$F/m.vae" -d 3 --set input.binarize=threshold --prefix s_'
row clean   'text driver' 'vae-clean -q --print -c tiny -o "$T/clean" "$F/pics"'
row shards  'text driver' 'vae-shards plan --print -m "$F/m.vae" "$T/run" "$F/plain.tar"'
row pack    'tar output' 'vae-pack "$F/pics"'
row table   'tar output' 'vae-pack -q --header --skip id --label kind,shop --missing mark --decimal-comma --thousands . "$F/table.csv"'
row columns 'tar output' 'vae-pack -q --header --columns a,b,c --categories c --missing skip "$F/columns.csv"'
row folder  'tar output' 'vae-pack -q --follow --classes --together "$F/folder"'
row archive 'tar output' 'vae-pack -q --classes --together "$F/folder.zip"'
row json    'tar stream filter output rejects' 'vae-drop -q -e "json.v > 5 && json.s.t ~ \"a*\"" -r "$T/rejects.tar"'
row jsoncut 'text stream' 'vae-cut -q -k key,json.v,json.s.t'

LAWS=()

# law NAME PROPERTY TITLE: a law for the tools that have the property
law() { LAWS+=("$1|$2|$3"); }

law members    filter  'law 1: members pass unchanged'
law formats    filter  'law 1: tars of other programs pass unchanged'
law again      filter  'law 1: a second pass changes nothing'
law compressed stream  'law 2: compressed input'
law joined     stream  'law 2: concatenated input and several FILEs'
law zstd       tar     'law 2: -z'
law prefixes   stream  'law 3: every truncated input fails'
law travels    filter  'law 3: a failure makes the next tool fail'
law old_files  filter  'law 3: a failure leaves no new files, and old ones as they were'
law changed    twice   'law 3: a file that changes between two passes'
law full       prints  'law 4: a full device'
law sigpipe    tar     'law 4: a reader that leaves'
law closed     prints  'law 4: closed descriptors'
law file_limit tar     'law 4: a limit on file sizes'
law spool_full twice   'law 4: a spool that does not fit'
law memory     program     'law 4: a limit on address space'
law stack      program     'law 4: a limit on the stack'
law jobs       jobs    'law 5: any -j gives the same bytes'
law order      scores  'law 5: any order gives the same scores'
law usage      any     'law 7: -h, -V and wrong options'
law terminal   tar     'law 7: a terminal is refused'
law quiet      stream  'law 8: only records on stdout, nothing on stderr'
law summary    program     'law 8: --summary'
law bad_fields fields  'law 9: invalid fields'
law on_error   decodes 'law 9: payloads that cannot be decoded'
law digits     filter  'law 9: fields of earlier tools keep their digits'
law output     output  'law 10: -o is complete or absent'
law locale     filter  'law 10: any locale gives the same bytes'
law bad_input  stream  'bad input'
law empty      stream  'an empty stream'
law no_record  stream  'members, but no record'

# laws_list: the tests of tests/laws.bats
laws_list() {
	local law name property title row
	for law in "${LAWS[@]}"; do
		IFS='|' read -r name property title <<<"$law"
		for row in "${ROWS[@]}"; do
			[[ " ${PROPERTIES[$row]} " == *" $property "* ]] || continue
			printf '@test "%s: %s" { law_%s %s; }\n' "$title" "$row" "$name" "$row"
		done
	done
}

# has ROW PROPERTY
has() { [[ " ${PROPERTIES[$1]} " == *" $2 "* ]]; }

# tool ROW [OPTION...]: runs the command of the row
tool() {
	local row=$1 extra
	shift
	extra=("$@")
	eval "set -- ${COMMAND[$row]}"
	"$@" "${extra[@]}"
}

# reads ROW FILE [OPTION...]: runs it on the stream in FILE; it must exit 0
reads() {
	local row=$1 file=$2
	shift 2
	ok tool "$row" "$@" <"$file"
}

tools_have_rows() {
	local exe n=0
	for exe in "$BIN"/vae-*; do
		[ -x "$exe" ] && [ -f "$exe" ] || continue
		printf '%s\n' "${COMMAND[@]}" | grep -q "^${exe##*/} " || die "${exe##*/} has no row in the table of laws"
		n=$((n + 1))
	done
	[ "$n" -ge 8 ] || die "only $n tools in $BIN"
}

for laws_file in "$(dirname "${BASH_SOURCE[0]}")"/laws/*.bash; do
	# shellcheck source=/dev/null
	. "$laws_file"
done
