#!/usr/bin/python3
# Writes the vectors of tests/unit/test_drift.c: distance and p of the two-sample Kolmogorov-Smirnov test by SciPy, and the share of the
# stream at or above the 99.5th percentile. Needs python3-scipy. Usage: drift.py > drift.inc
import numpy as np
from scipy.stats import ks_2samp

rng = np.random.default_rng(9)


def case(name, ref, new):
    r = ks_2samp(ref, new, method='exact' if len(ref) * len(new) < 10000 else 'asymp')
    count = np.searchsorted(np.sort(ref), new, side='right')
    print('{"%s", %d, {%s}, %d, {%s}, %.17g, %.17g, %.17g},' % (name, len(ref), ', '.join('%.6g' % v for v in ref), len(new),
          ', '.join('%.6g' % v for v in new), r.statistic, r.pvalue, np.mean(100 * count / len(ref) >= 99.5)))


def six(v):
    return np.array([float('%.6g' % t) for t in v])


case('the same distribution', six(rng.normal(size=300)), six(rng.normal(size=200)))
case('shifted', six(rng.normal(size=250)), six(rng.normal(size=150) + 0.4))
case('ties', np.floor(rng.normal(size=200) * 2), np.floor(rng.normal(size=90) * 2.5))
case('far above', six(rng.normal(size=100)), six(rng.normal(size=60) + 9))
case('wider', six(rng.normal(size=300)), six(rng.normal(size=300) * 1.5))
case('one value', six(rng.normal(size=50)), np.array([0.25]))
