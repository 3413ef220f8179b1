#!/bin/sh
# map.sh DIR SET...: measures the recipe of the README, its parts, and what its settings change. Prints Markdown; map.md in this
# directory is such a page. DIR keeps models, rows and DIR/map.tsv: a run can be stopped, repeated and extended, and only what is missing
# is made. Labels are read by vae-eval only.
#
#   letters     VAE_MNIST and VAE_LETTERS, directories of IDX files: labels above 100 are outliers (preset mnist-mlp, 15,600 steps)
#   fashion-C   VAE_FASHION, a directory of IDX files: 60 records of class C among the other classes (the same preset)
#   photos      VAE_PHOTOS, a stream of pictures whose .cls is 0 for members and 1, 2, ... for kinds of outliers (preset beta-vae-h with
#               beta 1, 3,000 steps)
#   photos32    the same with the preset conv-32
#   planted     the test pictures of VAE_MNIST, and 20 pictures of each of eight kinds of dirt that plant.pl makes (preset mnist-mlp,
#               5,000 steps)
#
# VAE_STEPS is another number of training steps. VAE_SETTINGS, words separated by spaces (default: base). base is K-FAC with damping 0.1, 4 draws, the last checkpoint, seed 0, and
# likelihood and beta of the preset; the others change one thing, or several as in seed=2,steps=3900:
#   curvature=none|inputs|ekfac  damping=X  draws=N  likelihood=L  beta=B  steps=N (a checkpoint: a quarter, half, three quarters)  seed=N
set -eu
export LC_ALL=C
# shellcheck disable=SC1091
. "$(dirname "$0")/sets.sh"
[ $# -ge 2 ] || { echo "usage: map.sh DIR SET..." >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
shift
require_tools vae-pack vae-train vae-ckpt vae-stat vae-selfinf vae-rank vae-drop vae-eval
mkdir -p "$dir"
cd "$dir"
unlike=stat_saturation,stat_warmth,stat_tint
far=stat_brightness,stat_contrast,stat_bytes_per_pixel,stat_sharpness,stat_noise,stat_entropy,stat_common
scores=loss,nll,recon,kl,selfinf,LAYER,joint_tails,joint_unlike,joint_far,joint,profile_joint

pack() # SET: prints its records
{
	case $1 in
	letters) pack_letters ;;
	fashion-*) pack_clothes "${1#fashion-}" ;;
	photos*) pack_pictures photos ;;
	planted)
		perl "$here/plant.pl" "$VAE_MNIST"/*train-images* "$VAE_FASHION"/train-images* dirt-images dirt-labels
		vae-pack --key-prefix members/ "$VAE_MNIST"/*t10k-images* "$VAE_MNIST"/*t10k-labels*
		vae-pack --key-prefix planted/ dirt-images dirt-labels
		;;
	*) echo "map: no data set '$1': letters, fashion-0 to fashion-9, photos, photos32 or planted" >&2; exit 2 ;;
	esac
}

# describe SET: its preset, members, kinds of outliers as NAME:EXPRESSION without spaces, and the last but one layer of the decoder
describe()
{
	layer=decoder.4
	preset="-c mnist-mlp --set train.steps=${VAE_STEPS:-15600}"
	case $1 in
	letters) members='cls <= 9' kinds='letters:cls>100' ;;
	fashion-*) members="cls != ${1#fashion-}" kinds="class-${1#fashion-}:cls==${1#fashion-}" ;;
	photos*)
		members='cls == 0' layer=decoder.9
		kinds='dirt:cls>=2 trucks:cls==1 cut:cls==2 inverted:cls==3 bars:cls==4 text:cls==5 exchanged:cls==6 noise:cls==7'
		preset="-c beta-vae-h --set train.beta=1 --set score.beta=1 --set train.steps=${VAE_STEPS:-3000}"
		[ "$1" = photos ] || { preset="-c conv-32 --set train.steps=${VAE_STEPS:-5000}" layer=decoder.7; }
		;;
	planted)
		members='cls <= 9' preset="-c mnist-mlp --set train.steps=${VAE_STEPS:-5000}"
		kinds='dirt:cls>10 inverted:cls==11 blank:cls==12 cut:cls==13 bars:cls==14 noise:cls==15 shifted:cls==16 clothes:cls==17 two:cls==18'
		;;
	esac
}

# measure SET SETTING: writes SET.SETTING.rows: set, kind, setting, score, AUROC, its standard error
measure()
{
	curvature=kfac damping=0.1 draws=4 seed=0 steps=last given='' options=''
	for one in $(echo "$2" | tr , ' '); do
		case $one in
		base) ;;
		curvature=* | damping=* | draws=* | steps=* | seed=*) eval "${one%%=*}='${one#*=}'" ;;
		likelihood=* | beta=*) given="--set score.$one" ;;
		*) echo "map: no setting '$one'" >&2; exit 2 ;;
		esac
	done
	model=$1-s$seed.vae
	# shellcheck disable=SC2086 # presets and options are words
	[ -e "$model/model.yaml" ] || vae-train -q --resume $preset --set train.seed="$seed" --set train.checkpoints=4 -o "$model" "$1.tar"
	[ -z "$given" ] || { rm -rf other.$$.vae; cp -r "$model" other.$$.vae; rm -f other.$$.vae/curvature-*; model=other.$$.vae; }
	if [ "$curvature" != none ]; then
		options="--curvature $curvature --damping $damping"
		made=$(vae-ckpt list -m "$model" --checkpoints "$steps" | awk 'END { print NF }')
		ekfac=''
		[ "$curvature" != ekfac ] || { ekfac=--ekfac made=0; }
		# shellcheck disable=SC2086
		[ "$made" -ge 7 ] || vae-ckpt curvature -q -d 4 --limit 6000 $ekfac $given --checkpoints "$steps" -m "$model" "$1.tar"
	fi
	# shellcheck disable=SC2086
	vae-stat -q "$1.tar" | vae-selfinf -q -d "$draws" -m "$model" --checkpoints "$steps" $given $options --profile |
		vae-rank -q -k 'profile_*,recon,kl' --joint mahalanobis --prefix profile_ |
		vae-rank -q --joint both -k "loss,nll,selfinf,profile_$layer" --unlike $unlike --far $far >scored.$$
	for kind in $kinds; do
		vae-drop -q -i -e "$members || ${kind#*:}" scored.$$ |
			vae-eval --positive "${kind#*:}" -k "$(echo $scores | sed "s/LAYER/profile_$layer/")" |
			awk -v head="$1	${kind%%:*}	$2" '/^side by side/ { on = 1; next }
				on && NF >= 5 && $(NF - 2) ~ /^[0-9.]+$/ { sub(/^profile_(encoder|decoder).*/, "profile_LAYER", $1); print head "\t" $1 "\t" $(NF - 2) "\t" $(NF - 1) }'
	done >rows.$$
	[ -s rows.$$ ] || { echo "map: no scores of $1 with $2" >&2; exit 1; }
	mv rows.$$ "$1.$2.rows"
	rm -rf scored.$$ other.$$.vae
}

for set; do
	describe "$set"
	[ -e "$set.tar" ] || { pack "$set" >pack.$$ && mv pack.$$ "$set.tar"; }
	for setting in ${VAE_SETTINGS:-base}; do
		[ -e "$set.$setting.rows" ] || measure "$set" "$setting"
	done
done
cat ./*.rows >map.$$
mv map.$$ map.tsv

# A table of one setting: a row for each kind, a column for each score; then one of joint_tails and joint: a row for each setting.
awk -F '\t' '
{ auroc[$1, $2, $3, $4] = $5; set[$1 " " $2]; setting[$3]; }
function cell(kind, s, score,    part, value) { split(kind, part, " "); value = auroc[part[1], part[2], s, score]; return value == "" ? "" : sprintf("%.3f", value) }
END {
	n = split("loss recon nll kl selfinf profile_LAYER profile_joint joint_tails joint_unlike joint_far joint", score, " ")
	printf "| set |"; for (i = 1; i <= n; i++) printf " `%s` |", score[i]; printf "\n|---|"; for (i = 1; i <= n; i++) printf "---|"; print ""
	for (kind in set) {
		line = "| " kind " |"
		for (i = 1; i <= n; i++) line = line " " cell(kind, "base", score[i]) " |"
		print line | "sort"
	}
	close("sort")
	for (kind in set) for (s in setting) if (s != "base" && cell(kind, s, "joint") != "") others = 1
	if (!others) exit
	printf "\n| set | setting | `loss` | `selfinf` | `profile_LAYER` | `profile_joint` | `joint_tails` | `joint` |\n|---|---|---|---|---|---|---|---|\n"
	for (kind in set) for (s in setting) if (cell(kind, s, "joint") != "")
		print "| " kind " | " s " | " cell(kind, s, "loss") " | " cell(kind, s, "selfinf") " | " cell(kind, s, "profile_LAYER") " | " \
			cell(kind, s, "profile_joint") " | " cell(kind, s, "joint_tails") " | " cell(kind, s, "joint") " |" | "sort"
	close("sort")
}' map.tsv
