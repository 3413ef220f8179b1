#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Figures 20 to 22, 24, 25: influences within and between classes, against latent distance and norm.
. "$VAE_PAPER/common.sh"
digits
first=${seeds%% *}
train "digits-128-$first" mnist.tar 128 --set train.beta=4 --set score.beta=4 --seed "$first"
[ -e influences.txt ] || {
	vae-testinf -q -m "digits-128-$first.vae" -t tests.tar --influence all.tmp --top 1000000 mnist.tar >scored.tmp
	rm -f scored.tmp
	vae-eval --influence all.tmp --cut 0.1%,1% --svg figure20 -o influences.tmp
	rm all.tmp
	mv influences.tmp influences.txt
}
cat <<END
## Figures 20 to 22, 24, 25: influences, classes, distances and norms

    vae-testinf -m digits.vae -t tests.tar --influence all.jsonl --top 1000000 mnist.tar >scored.tar
    vae-eval --influence all.jsonl --cut 0.1%,1% --svg figure20

$(sed 's/^/    /' influences.txt)

![Influences of records of the same class and of other classes](figure20/classes.svg)
![Influence against distance in latent space](figure20/distance.svg)
![Influence against the norm in latent space](figure20/norm.svg)

$(sizes) The last checkpoint, all pairs of $tests test records and the records; figure20/ also has a picture for each class.
In the paper proponents and opponents are close to the test records in latent space, and on CIFAR-10 strong proponents have large norms.
END
