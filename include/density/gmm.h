/* gmm.h - a mixture of spherical Gaussians: p(z) = n_c/n N(z; mu_c, var_c I), where c is the cluster nearest to z, and its influence functions
 * (Kong & Chaudhuri 2021; points.h).
 */
#ifndef VF_GMM_H
#define VF_GMM_H

#include "density/points.h"

struct gmm {
	struct points x;         /* borrowed */
	const uint32_t *cluster; /* [n], borrowed */
	int k, d;
	size_t *size;    /* [k]: points of a cluster */
	size_t *origin;  /* [k]: the first point of a cluster */
	double *mean;    /* [k][d]: relative to origin and in steps, so that equal points have a variance of exactly 0 */
	double *var;     /* [k]: variance of one coordinate, the maximum likelihood estimate (equation 3) */
	double *radius2; /* [n]: |x_i - mu|^2 */
};
/* cluster [n]: 0 to k - 1. Call gmm_free() also after a failure. */
int gmm_fit(struct gmm *g, const struct points *x, const uint32_t *cluster, int k, struct fail *f);
void gmm_free(struct gmm *g);
/* -log p(z) in a cluster of n_c of the n points with variance var; vv = |z - mu|^2. */
double gmm_nll(size_t n, size_t cluster_size, int d, double var, double vv);

/* The influence of x_i over z in the same cluster of n_c points with variance var, from
 * uu = |x_i - mu|^2, vv = |z - mu|^2, zx = |z - x_i|^2:
 *   EXACT        the estimate without x_i in closed form (appendix A.1.3 before its expansion)
 *   FIRST_ORDER  (d+2)/(2 n_c) + (uu vv/(d var) - zx)/(2 n_c var) - 1/n; the error is O(n_c^-2)
 *   AS_PRINTED   equations 4 and 5, which have vv/var instead of uu vv/(d var); the error is O(1/n_c), as large as the value
 * NAN if n_c <= 2, or if the remaining points have no spread. */
enum gmm_form { GMM_EXACT, GMM_FIRST_ORDER, GMM_AS_PRINTED };
double gmm_influence(enum gmm_form form, size_t n, size_t cluster_size, int d, double var, double uu, double vv, double zx);
/* Over z in another cluster: log((n-1)/n), or its expansion -1/n. */
double gmm_influence_other_cluster(enum gmm_form form, size_t n);

/* The influence over point j of z, which is not in X, as knn_test_influence(). *cluster: that of the nearest point. */
int gmm_test_influence(const struct gmm *g, enum gmm_form form, const double *d2, const struct points *z, size_t j, size_t n,
                       double *influence, double *nll, uint32_t *cluster, struct fail *why);

#endif
