#!/bin/sh
# clusters.sh [DIR]: the six clusters of Kong & Chaudhuri 2021, appendix B.1: a hundred points in the plane, with the influence
# functions of k-NN, KDE and a Gaussian mixture. Draws the clusters (figure 7), self influence in the plane and against the log likelihood
# (figure 8), and the influence over one test point in the plane and against the distance to it (figure 9), as SVG in DIR, for any
# browser. Takes a second.
set -eu
out=${1:-clusters}
LC_ALL=C
export LC_ALL
for tool in vae-density vae-cut vae-eval; do
	command -v $tool >/dev/null || { echo "clusters: $tool is not in PATH: run 'make', and put build/ into PATH" >&2; exit 1; }
done
mkdir -p "$out"
cd "$out"

# Points: cluster, x, y. Sizes and deviations are the paper's; the centres are not given there.
awk -v seed="${VAE_SEED:-7}" 'function normal() { return sqrt(-2 * log(1 - rand())) * cos(6.283185307179586 * rand()) }
	BEGIN {
		srand(seed)
		n = split("25 15 20 25 10 5", size); split(".5 .5 .4 .4 .5 1", s)
		split("0 9 1 10 19 20", x); split("0 1 10 10 2 13", y)
		for (c = 1; c <= n; c++)
			for (i = 0; i < size[c]; i++)
				printf "%d %.4f %.4f\n", c - 1, x[c] + s[c] * normal(), y[c] + s[c] * normal()
	}' >points

# Each becomes an .npy of two float32, in octal so that awk and printf can write its bytes.
octal()
{
	awk 'function float(v,   e, m) {
			if (v == 0) return "\\000\\000\\000\\000"
			m = v < 0 ? -v : v
			for (e = 127; m >= 2; e++) m /= 2
			for (; m < 1; e--) m *= 2
			m = int((m - 1) * 8388608 + 0.5) # rounding up to 2 carries into the exponent, as it must
			if (m == 8388608) { m = 0; e++ }
			return sprintf("\\%03o\\%03o\\%03o\\%03o", m % 256, int(m / 256) % 256, int(m / 65536) + e % 2 * 128, int(e / 2) + (v < 0) * 128)
		}
		{ printf "%03d %s %s%s\n", NR - 1, $1, float($2), float($3) }'
}
# pack DIR: points to records KEY.cls, KEY.npy
pack()
{
	rm -rf "$1"
	mkdir "$1"
	octal | while read -r key cls bytes; do
		printf '%s' "$cls" >"$1/$key.cls"
		# shellcheck disable=SC2059 # the bytes are a format
		printf "\\223NUMPY\\001\\000\\166\\000%-117s\\n$bytes" "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }" >"$1/$key.npy"
	done
	(cd "$1" && tar -cf "../$1.tar" -- *)
	rm -r "$1"
}
pack all <points
echo "0 0.1 -0.1" | pack test

vae-density --method knn,kde,gmm --neighbors 10 --sigma 1 --cluster-field cls -t test.tar --top 100 --influence over.jsonl all.tar >scored.tar
vae-cut -k knn_selfinf,kde_selfinf,gmm_selfinf scored.tar >scores

# clusters.svg is figure 7; plane.svg and scatter.svg in METHOD/ figure 8, METHOD/over/plane.svg and over/METHOD-distance.svg figure 9.
for method in knn kde gmm; do
	vae-eval -k ${method}_selfinf --against -${method}_nll --plane --class cls --svg $method scored.tar
	vae-eval -k ${method}_testinf_mean --plane -t test.tar --svg $method/over scored.tar
done >tables
vae-eval --influence over.jsonl --svg over >>tables
mv knn/plane-classes.svg clusters.svg
rm -f kde/plane-classes.svg gmm/plane-classes.svg

echo "self influence, mean by cluster (size: 25 15 20 25 10 5):"
paste -d ' ' points scores | tr '\t' ' ' | awk '
	{ n[$1]++; for (p = 0; p < 3; p++) s[$1, p] += $(4 + p) }
	END {
		printf "%-8s %10s %10s %10s\n", "cluster", "k-NN", "KDE", "mixture"
		for (c = 0; c < 6; c++) printf "%-8d %10.3g %10.3g %10.3g\n", c, s[c, 0] / n[c], s[c, 1] / n[c], s[c, 2] / n[c]
	}'
echo "pictures:                 $out/clusters.svg, $out/knn, $out/kde, $out/gmm, $out/over"
echo "proponents and opponents: $out/over.jsonl"
