#!/usr/bin/python3
"""tables_others.py TABLES OUT: what other closed-form scores add to the density of k-NN that tables.sh has left in OUT. Prints a section of
its page. Needs python3-numpy, python3-scipy and python3-sklearn; its scores are not those of the tools, and are kept as a reason why the
tools do not have them."""
import glob
import gzip
import os
import sys

import numpy as np
from scipy.stats import skew
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score


def asinh(x):
    centre = np.median(x, 0)
    away = np.abs(x - centre)
    spread = 1.4826 * np.median(away, 0)
    spread = np.where(spread > 0, spread, 1.2533 * away.mean(0))
    return np.arcsinh(np.where(spread > 0, (x - centre) / np.where(spread > 0, spread, 1), 0))


def histogram(x, bins=20):
    """HBOS (Goldstein and Dengel 2012)."""
    s = np.zeros(len(x))
    for v in x.T:
        n, edge = np.histogram(v, bins)
        if v.min() < v.max():
            s -= np.log(n[np.clip(np.searchsorted(edge, v, "right") - 1, 0, bins - 1)] / n.max())
    return s


def tails(x):
    share = lambda v: -np.log(np.searchsorted(np.sort(v), v, "right") / len(v))
    left, right = np.apply_along_axis(share, 0, x), np.apply_along_axis(share, 0, -x)
    g = np.where(x.min(0) < x.max(0), np.nan_to_num(skew(x, axis=0)), 0)
    return left, right, np.where(g == 0, left + right, np.where(g < 0, left, right))


def ecod(x):
    """Li et al. 2022, algorithm 1."""
    return np.max([t.sum(1) for t in tails(x)], 0)


def copod(x):
    """Li et al. 2020, algorithm 1, with the maximum by column."""
    left, right, skewed = tails(x)
    return np.maximum((left + right) / 2, skewed).sum(1)


def principal(x, share):
    """Squared residual outside, and leverage inside, of the principal subspace with this share of the variance."""
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    u, s = u[:, s > 1e-6 * s[0]], s[s > 1e-6 * s[0]]
    q = np.searchsorted(np.cumsum(s**2) / np.sum(s**2), share) + 1
    return ((u * s)[:, q:] ** 2).sum(1), (u[:, :q] ** 2).sum(1)


def tail_score(v):
    return -np.log((len(v) - np.searchsorted(np.sort(v), v, "left")) / len(v))


names = ["k-NN, asinh", "histograms (HBOS, 20 bins)", "ECOD", "COPOD", "PCA residual, raw", "PCA residual, asinh",
         "leverage, raw", "leverage, asinh", "isolation forest"]
alone, joint = [], []
for path in sorted(glob.glob(sys.argv[1] + "/*.csv.gz")):
    name = os.path.basename(path)[: -len(".csv.gz")]
    with gzip.open(path, "rt") as f:
        x = np.loadtxt(f, delimiter=",", skiprows=1)[:, :-1]
    scored = np.loadtxt(os.path.join(sys.argv[2], name + ".tsv"))
    y, base = scored[:, 0], tail_score(scored[:, 1])
    residual, leverage = principal(x, 0.9)
    residual_asinh, leverage_asinh = principal(asinh(x), 0.9)
    forest = -IsolationForest(random_state=0).fit(x).score_samples(x)
    scores = [histogram(x), ecod(x), copod(x), residual, residual_asinh, leverage, leverage_asinh, forest]
    alone.append([roc_auc_score(y, v) for v in [base] + scores])
    joint.append([roc_auc_score(y, base)] + [roc_auc_score(y, base + tail_score(v)) for v in scores])
alone, joint = np.array(alone), np.array(joint)
even, odd = slice(1, None, 2), slice(0, None, 2)
print("\n## Other closed-form scores\n\nMade by `tables_others.py` (NumPy, scikit-learn): mean AUROC of each score alone, and jointly with k-NN of asinh columns.\n")
print("| score | alone, even | alone, odd | joint, even | joint, odd |\n|---|---|---|---|---|")
for i, n in enumerate(names):
    print("| %s | %.3f | %.3f | %.3f | %.3f |" % (n, alone[even, i].mean(), alone[odd, i].mean(), joint[even, i].mean(), joint[odd, i].mean()))
gain = [i for i in range(1, len(names)) if joint[even, i].mean() > joint[even, 0].mean()]
kept = [i for i in gain if joint[odd, i].mean() > joint[odd, 0].mean()]
print("\nOn the even tables the joint gains by: %s; on the odd ones too by: %s." % (", ".join(names[i] for i in gain) or "none", ", ".join(names[i] for i in kept) or "none"))
if not kept:
    print("So vae-density has none of them.")
