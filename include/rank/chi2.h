/* chi2.h - the chi-squared distribution: quantiles, and tails so small that only their logarithm is a number.
 *
 * Series and continued fraction of the incomplete gamma function (Press et al. 2007, Numerical Recipes, section 6.2).
 */
#ifndef VF_CHI2_H
#define VF_CHI2_H

/* ln P(chi-squared with p degrees of freedom > x), for p >= 1 and x >= 0. */
double chi2_log_tail(int p, double x);
/* The x with P(chi-squared with p degrees of freedom <= x) = share, for shares from 0 to 0.999. */
double chi2_quantile(int p, double share);
/* The y with the same tail under `to` degrees of freedom as x has under `from`. */
double chi2_convert(int from, double x, int to);

#endif
