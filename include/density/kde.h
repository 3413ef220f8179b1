/* kde.h - kernel density estimation: p(z) = 1/n sum_i N(z; x_i, sigma^2 I), and its influence functions (Kong & Chaudhuri 2021; points.h).
 */
#ifndef VF_KDE_H
#define VF_KDE_H

#include "density/points.h"

/* log_others [n]: log sum over j != i of exp(-|x_i - x_j|^2 / (2 sigma^2)); -INFINITY for a single point. */
int kde_leave_one_out(const struct points *x, double sigma, const struct exec *exec, double *log_others, struct fail *f);
/* The same for points z that are not part of x, over all of x; in the calling thread. centre [d]: as points_centre() gives for x.
 * log_sums [z->n]; -INFINITY if z is too far from all points. */
int kde_search(const struct points *x, double sigma, const float *centre, const struct points *z, double *log_sums, struct fail *f);
/* -log p(z) of n points; log_sum: the logarithm of the sum over all of them, as kde_search() gives it. */
double kde_nll(size_t n, int d, double sigma, double log_sum);
/* Equation 2. log_own: the logarithm of x_i's term, log_others: that of the sum of the other terms. */
double kde_influence(size_t n, double log_own, double log_others);
/* log(e^a + e^b) */
double logaddexp(double a, double b);

/* The influence over a test point that is not in X, as knn_test_influence(). */
int kde_test_influence(const double *d2, size_t n, int d, double sigma, double *influence, double *nll, struct fail *why);

#endif
