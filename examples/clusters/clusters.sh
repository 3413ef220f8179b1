#!/bin/sh
# clusters.sh [DIR]: the six clusters of Kong & Chaudhuri 2021, appendix B.1: a hundred points in the plane, with the influence
# functions of k-NN, KDE and a Gaussian mixture. Draws self influence (figure 8) and the influence over one test point (figure 9) into
# DIR/clusters.svg, for any browser. Takes a second.
set -eu
out=${1:-clusters}
LC_ALL=C
export LC_ALL
for tool in vae-density vae-cut; do
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

vae-density --method knn,kde,gmm --neighbors 10 --sigma 1 --cluster-field cls -t test.tar --influence over.jsonl all.tar >scored.tar
vae-cut -k knn_selfinf,kde_selfinf,gmm_selfinf,knn_testinf_mean,kde_testinf_mean,gmm_testinf_mean scored.tar >scores

# A panel a score: area and colour by its size, from the lowest (blue) to the highest (red).
paste -d ' ' points scores | tr '\t' ' ' | awk '
	{ for (i = 1; i <= NF; i++) v[NR, i] = $i; v[NR, 2] = $2; v[NR, 3] = $3 }
	END {
		split("k-NN (k = 10)|KDE (sigma = 1)|Gaussian mixture", name, "|")
		print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 560\" font-family=\"sans-serif\" font-size=\"13\">"
		print "<title>Influence in six clusters</title><rect width=\"960\" height=\"560\" fill=\"#fff\"/>"
		for (p = 0; p < 6; p++) {
			left = 320 * (p % 3); top = 280 * int(p / 3); column = 4 + p
			low = 1e300; high = -1e300
			for (i = 1; i <= NR; i++) {
				if (v[i, column] + 0 < low) low = v[i, column] + 0
				if (v[i, column] + 0 > high) high = v[i, column] + 0
			}
			printf "<text x=\"%d\" y=\"%d\">%s: %s</text>\n", left + 10, top + 20, name[p % 3 + 1], p < 3 ? "self influence" : "influence over the cross"
			printf "<text x=\"%d\" y=\"%d\" font-size=\"10\" fill=\"#666\">%.3g to %.3g nats</text>\n", left + 10, top + 34, low, high
			for (i = 1; i <= NR; i++) {
				t = high > low ? (v[i, column] - low) / (high - low) : 0
				printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"rgb(%d,60,%d)\" fill-opacity=\".7\"/>\n", \
					left + 30 + 11.5 * (v[i, 2] + 1), top + 260 - 12 * (v[i, 3] + 2), 1.5 + 4.5 * sqrt(t), 255 * t, 255 * (1 - t)
			}
			if (p >= 3)
				printf "<path d=\"M%.1f %.1fm-5 0h10m-5-5v10\" stroke=\"#000\"/>\n", left + 30 + 11.5 * 1.1, top + 260 - 12 * 1.9
		}
		print "</svg>"
	}' >clusters.svg

echo "self influence, mean by cluster (size: 25 15 20 25 10 5):"
paste -d ' ' points scores | tr '\t' ' ' | awk '
	{ n[$1]++; for (p = 0; p < 3; p++) s[$1, p] += $(4 + p) }
	END {
		printf "%-8s %10s %10s %10s\n", "cluster", "k-NN", "KDE", "mixture"
		for (c = 0; c < 6; c++) printf "%-8d %10.3g %10.3g %10.3g\n", c, s[c, 0] / n[c], s[c, 1] / n[c], s[c, 2] / n[c]
	}'
echo "picture:                  $out/clusters.svg"
echo "proponents and opponents: $out/over.jsonl"
