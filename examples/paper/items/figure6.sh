#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Figures 1, 6, 23: test records with their proponents and opponents, framed by class.
. "$VAE_PAPER/common.sh"
digits
first=${seeds%% *}
train "digits-128-$first" mnist.tar 128 --set train.beta=4 --set score.beta=4 --seed "$first"
for how in none both; do
	[ -e "figure6-$how.html" ] || {
		vae-testinf -q -m "digits-128-$first.vae" --normalize $how -t tests.tar --influence "over-$how.tmp" --top 8 -o scored.tmp mnist.tar
		vae-report -q -k testinf_max -m "digits-128-$first.vae" --influence "over-$how.tmp" -t tests.tar --rows 16 --top 8 --title "Proponents and opponents, --normalize $how" -o figure6.tmp scored.tmp
		rm scored.tmp
		mv "over-$how.tmp" "over-$how.jsonl"
		mv figure6.tmp "figure6-$how.html"
	}
done
# same WHAT FILE: the share of records of a kind that have the class of their test record, among the first 8
same() { perl -ne 'my ($test, $list) = /"cls":"([^"]*)".*"'"$1"'":\[(.*?)\]/ or next; for ($list =~ /"cls":"([^"]*)"/g) { $n++; $k += $_ eq $test } END { printf "%.3f", $n ? $k / $n : 0 }' "$2"; }
cat <<END
## Figures 1, 6, 23: proponents and opponents

    vae-testinf -m digits.vae -t tests.tar --influence over.jsonl --top 8 -o scored.tar mnist.tar
    vae-report -k testinf_max -m digits.vae --influence over.jsonl -t tests.tar --rows 16 --top 8 -o figure6.html scored.tar

| influence | proponents of the same class | opponents of the same class | page |
|---|---|---|---|
| as published | $(same proponents over-none.jsonl) | $(same opponents over-none.jsonl) | [figure6-none.html](figure6-none.html) |
| cosine of the gradients | $(same proponents over-both.jsonl) | $(same opponents over-both.jsonl) | [figure6-both.html](figure6-both.html) |

$(sizes) The last checkpoint; the eight strongest of $tests test records. On the pages, green frames mark the class of the test record, and dashed
orange frames another class. In the paper 82 to 84 % of a thousandth of the records, the strongest proponents, are of the same class, and 37 to 43 % of the opponents.
END
