/* logistic.h - logistic regression with a Gaussian prior on the weights.
 *
 * Minimises, over the intercept b and the weights w,
 *     sum_i ln(1 + exp(a_i)) - y_i a_i  +  1/2 sum_k penalty_k (w_k - mean_k)^2,   a_i = b + w . x_i,
 * which is convex, by Newton's method with step halving. With mean 0 and equal penalties this is ridge logistic regression
 * (le Cessie & van Houwelingen 1992, "Ridge estimators in logistic regression"). The same input gives the same bits.
 */
#ifndef VF_LOGISTIC_H
#define VF_LOGISTIC_H

#include <stddef.h>

#include "base/fail.h"

/* x [n][p]; y [n], 0 or 1, with both; mean and penalty [p], penalties above 0. The weights go to w [p + 1], the intercept last. */
int logistic_fit(const double *x, const unsigned char *y, size_t n, int p, const double *mean, const double *penalty, double *w, struct fail *f);

/* The area under the detection curve: the share of pairs of a positive and a negative in which the positive is higher, ties
 * count half. NAN without a pair. Reorders nothing; O(n^2). */
double logistic_auroc(const double *score, const unsigned char *y, size_t n);
/* The standard error of an area over so many positives and negatives (Hanley & McNeil 1982, "The meaning and use of the area
 * under a receiver operating characteristic (ROC) curve"). */
double logistic_auroc_error(double area, size_t positives, size_t negatives);

#endif
