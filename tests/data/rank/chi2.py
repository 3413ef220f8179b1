#!/usr/bin/python3
# Writes the table of tests/unit/test_chi2.c: tails of chi-squared by scipy and mpmath, and values with equal tails.
# Needs python3-mpmath. Usage: chi2.py > chi2.inc
import mpmath as mp
mp.mp.dps = 40

def log_tail(p, x):
    return mp.log(mp.gammainc(mp.mpf(p) / 2, mp.mpf(x) / 2, mp.inf, regularized=True))

def convert(p, x, to):
    tail = log_tail(p, x)
    lo, hi = mp.mpf(0), mp.mpf(x) + 1
    while log_tail(to, hi) > tail:
        hi *= 2
    for _ in range(130):
        mid = (lo + hi) / 2
        if log_tail(to, mid) > tail:
            lo = mid
        else:
            hi = mid
    return lo

for p, x, to in [(1, '0.001', 2), (1, '1', 5), (1, '9', 12), (2, '0.5', 3), (2, '1400', 64), (3, '30', 4), (5, '5', 64), (7, '0.01', 8),
                 (12, '40', 13), (12, '11', 13), (20, '3000', 21), (63, '62', 64), (63, '20', 64), (63, '100000', 64), (1, '1e6', 64)]:
    x = mp.mpf(x)
    print('{%d, %s, %d, %s, %s},' % (p, mp.nstr(x, 17), to, mp.nstr(log_tail(p, x), 17), mp.nstr(convert(p, x, to), 17)))
