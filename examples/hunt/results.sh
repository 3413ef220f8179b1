#!/bin/sh
# results.sh [TABLE.tsv]: prints RESULTS.md, the summary of the table that hunt.sh writes. A cell is the mean of the area under the
# detection curve, with the range over seeds (letters) or over classes and seeds (clothes) behind it.
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
exec awk -F'\t' '
function reset() { n = 0; sum = 0; low = 2; high = -1 }
# cell(DATA, BETA, STEPS, SCORE): DATA is "mnist", or "fashion" for all ten classes; with "/gaussian" or "/4" behind it for those runs
function cell(data, beta, steps, score,   i, id) {
	reset()
	for (i = 1; i <= rows; i++) {
		id = set[i]
		sub(/^fashion-[0-9]/, "fashion", id)
		if (id != data || b[i] != beta || s[i] ~ /\+/ || t[i] != steps || name[i] != score)
			continue
		n++
		sum += auc[i]
		if (auc[i] < low) low = auc[i]
		if (auc[i] > high) high = auc[i]
	}
	if (!n)
		return "–"
	if (n == 1)
		return sprintf("%.3f", sum)
	return sprintf("%.3f (%.3f to %.3f)", sum / n, low, high)
}
# one class of clothes
function class(c, steps, score) { return cell_of("fashion-" c, 1, steps, score) }
function cell_of(id, beta, steps, score,   i) {
	reset()
	for (i = 1; i <= rows; i++)
		if (set[i] == id && b[i] == beta && s[i] !~ /\+/ && t[i] == steps && name[i] == score) {
			n++
			sum += auc[i]
		}
	return n ? sprintf("%.2f", sum / n) : "–"
}
# mean(SET, BETA, SEED, STEPS, SCORE): over the data sets that match the pattern SET
function mean(pattern, beta, seed, steps, score,   i) {
	reset()
	for (i = 1; i <= rows; i++)
		if (set[i] ~ pattern && b[i] == beta && s[i] == seed && t[i] == steps && name[i] == score) {
			n++
			sum += auc[i]
		}
	return n ? sprintf("%.3f", sum / n) : "–"
}
# letters, Gaussian likelihood, seed 1; all classes of clothes, whole or in parts, seed 3
function first(beta, steps, score) { return mean("^mnist/gaussian$", beta, 1, steps, score) }
function clothes(parts, steps, score) { return mean("^fashion-[0-9]" parts "$", 1, 3, steps, score) }
function together(id, steps, seeds, score,   i) {
	reset()
	for (i = 1; i <= rows; i++)
		if (set[i] == id && t[i] == steps && name[i] == score && split(s[i], part, "+") == seeds && s[i] ~ (seeds > 1 ? "\\+" : ".")) {
			n++
			sum += auc[i]
		}
	return n ? sprintf("%.3f (%d)", sum / n, n) : "–"
}
NR > 1 { rows++; set[rows] = $1; b[rows] = $2; s[rows] = $3; t[rows] = $4; name[rows] = $5; auc[rows] = $6 }
END {
	k = split("recon_latent_pixel_joint recon_latent_joint nll_recon_latent_joint nll_latent_joint nll_latent_pixel_joint nll_kl_latent_joint loss_latent_joint pixel_knn_nll latent_knn_nll recon loss nll kl selfinf selfinf_decoder.4 compressed_size", score, " ")
	says["recon_latent_pixel_joint"] = "`recon` + latent k-NN + pixel k-NN"
	says["recon_latent_joint"] = "`recon` + latent k-NN"
	says["nll_recon_latent_joint"] = "`nll` + `recon` + latent k-NN"
	says["nll_latent_joint"] = "`nll` + latent k-NN"
	says["nll_latent_pixel_joint"] = "`nll` + latent k-NN + pixel k-NN"
	says["nll_kl_latent_joint"] = "`nll` + `kl` + latent k-NN"
	says["loss_latent_joint"] = "`loss` + latent k-NN"
	says["pixel_knn_nll"] = "pixel k-NN (no network)"
	says["latent_knn_nll"] = "latent k-NN"
	for (i = 1; i <= k; i++)
		if (!(score[i] in says))
			says[score[i]] = "`" score[i] "`"
	print "# Which score finds outliers"
	print ""
	print "This page is printed by `results.sh` from `table.tsv`; `hunt.sh` made the table, and its header lists the runs."
	print ""
	print "**Data.** Letters: 1000 handwritten capitals among the 60,000 digits of MNIST. Clothes: each class of Fashion-MNIST in turn, cut down to 60"
	print "records among 54,000 of the other classes. The labels are used for this page only."
	print ""
	print "**Models.** Preset `mnist-mlp`, `train.beta` 1, Bernoulli likelihood unless stated. 15,600, 78,000 and 234,000 steps take 2, 10 and 30 minutes on"
	print "two cores at 130 steps a second."
	print ""
	print "**Scores.** 4 draws; `loss` and `selfinf` are scored with `score.beta` 4. `+` is the joint score of `vae-rank`. Latent and pixel k-NN are `knn_nll`, k = 30."
	print ""
	print "**Numbers.** Mean area under the detection curve, and its range over seeds (letters) or over ten classes and their seeds (clothes). 0.5 is chance."
	for (d = 1; d <= 2; d++) {
		data = d == 1 ? "mnist" : "fashion"
		printf "\n## %s, by training length\n\n| score | 2 minutes | 10 minutes | 30 minutes |\n|---|---|---|---|\n", d == 1 ? "Letters among digits" : "A rare class of clothes"
		for (i = 1; i <= k; i++)
			printf "| %s | %s | %s | %s |\n", says[score[i]], cell(data, 1, 15600, score[i]), cell(data, 1, 78000, score[i]), cell(data, 1, 234000, score[i])
	}
	print "\nLonger training lowers the best scores: the model learns the outliers, and they show in `kl` instead of `recon`."
	printf "\n## Gaussian likelihood (beta 0.2, 2 minutes)\n\n| score | letters | clothes |\n|---|---|---|\n"
	for (i = 1; i <= k; i++)
		printf "| %s | %s | %s |\n", says[score[i]], cell("mnist/gaussian", 0.2, 15600, score[i]), cell("fashion/gaussian", 0.2, 15600, score[i])
	printf "\n## Gaussian likelihood, other values of beta (letters, seed 1)\n\n"
	print "| score | beta 0.02 | beta 0.1 | beta 0.2 | beta 0.5 | beta 0.2, 10 minutes |\n|---|---|---|---|---|---|"
	m = split("recon_latent_pixel_joint recon_latent_joint latent_knn_nll recon loss kl selfinf", gaussian, " ")
	for (i = 1; i <= m; i++)
		printf "| %s | %s | %s | %s | %s | %s |\n", says[gaussian[i]], first(0.02, 15600, gaussian[i]), first(0.1, 15600, gaussian[i]), first(0.2, 15600, gaussian[i]), first(0.5, 15600, gaussian[i]), first(0.2, 78000, gaussian[i])
	print "\nBeta matters little for the joint scores from 0.1 to 0.5. As with the Bernoulli likelihood, longer training lowers them."
	printf "\n## Several models (letters)\n\nA data set is cut into parts, a model is trained on each part, and scores it. With several seeds, the joint score is over all of them.\n"
	printf "In parentheses: the number of runs.\n\n| parts | steps of each | seeds | `nll` + latent k-NN | `recon` + latent k-NN |\n|---|---|---|---|---|\n"
	m = split("1 15600 1,1 15600 3,1 15600 5,1 15600 8,2 7800 1,4 3900 1,4 7800 1,4 7800 2,4 7800 3,4 7800 5,8 3900 1,8 7800 1", run, ",")
	for (i = 1; i <= m; i++) {
		split(run[i], r, " ")
		id = r[1] == 1 ? "mnist" : "mnist/" r[1]
		printf "| %d | %s | %d | %s | %s |\n", r[1], r[2], r[3], together(id, r[2], r[3], "nll_latent_joint"), together(id, r[2], r[3], "recon_latent_joint")
	}
	printf "\n## Quarters (clothes, seed 3, mean of ten classes)\n\nThe same number of steps: one model trained for 15,600 steps, or a model of each quarter trained for 3,900.\n\n"
	print "| score | whole | quarters |\n|---|---|---|"
	m = split("recon_latent_pixel_joint recon_latent_joint nll_latent_joint latent_knn_nll recon loss kl selfinf", quarter, " ")
	for (i = 1; i <= m; i++)
		printf "| %s | %s | %s |\n", says[quarter[i]], clothes("", 15600, quarter[i]), clothes("/4", 3900, quarter[i])
	print "\nQuarters do as well as the whole by the joint scores with `recon`, and worse by `loss` and `kl`."
	printf "\n## Clothes, class by class (2 minutes, mean of three seeds)\n\n| score | T-shirt | trousers | pullover | dress | coat | sandal | shirt | sneaker | bag | boot |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
	for (i = 1; i <= k; i++) {
		printf "| %s |", says[score[i]]
		for (c = 0; c < 10; c++)
			printf " %s |", class(c, 15600, score[i])
		print ""
	}
	print "\n`nll` fails where outliers are simpler than the members (trousers, sandals, sneakers); every score is weak where they look alike (T-shirts, pullovers, coats, shirts)."
}' "${1:-$here/table.tsv}"
