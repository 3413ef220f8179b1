/* density.h - influence functions of three classical density estimators (Kong & Chaudhuri 2021,
 * section 3 and appendix A.1): k nearest neighbours, kernel density, and a mixture of
 * well-separated spherical Gaussians.
 *
 * The loss is l(z) = -log p(z), and the influence of x_i over z is l(z) fitted without x_i minus
 * l(z) fitted with it, in nats: positive for a proponent. Self influence is that of x_i over
 * itself. Every point of X counts among the neighbours of itself.
 *
 * All distances are Euclidean and in the unit of the points. What does not exist is NAN or infinite.
 * Results are the same bits for any number of threads: a sum has one order, and a k-th smallest
 * of distances that were measured one by one has none.
 */
#ifndef VF_DENSITY_H
#define VF_DENSITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "base/pool.h"

/* [n][d] coordinates, borrowed: one of u8 and f4 is NULL. */
struct points {
	const uint8_t *u8;
	const float *f4; /* finite */
	size_t n;
	int d;
	double unit; /* the length of a step of 1: 1/255 for samples, which the networks read as 0..1 */
};

/* Who computes, and who is told how far it is. */
struct exec {
	struct pool *pool;
	int threads;
	void (*progress)(void *ctx, const char *what, double done, double total); /* or NULL */
	void *ctx;
};

/* |a_i - b_j|^2 in double: exact for samples. */
double points_squared_distance(const struct points *a, size_t i, const struct points *b, size_t j);

/* --- k nearest neighbours: p(z) = k / (N V_d R_k(z)^d) --- */

/* r [n][2]: R_k and R_{k+1} of every point, itself counted; INFINITY where there are fewer points.
 * Candidates come from products of float blocks, with a bound on their rounding; what can be among
 * the k+1 nearest is measured in double. Memory: a few blocks a thread, and n min(k+1, n) distances. */
int knn_radii(const struct points *x, int k, const struct exec *exec, double *r, struct fail *f);
double knn_nll(size_t n, int d, int k, double rk);
/* Equation 1: log((N-1)/N), and d log(R_{k+1}/R_k) more for one of the k nearest. */
double knn_influence(size_t n, int d, double rk, double rk1, int among);

/* --- kernel density: p(z) = 1/N sum_i N(z; x_i, sigma^2 I) --- */

/* others [n]: log sum over j != i of exp(-|x_i - x_j|^2 / (2 sigma^2)); -INFINITY for one point. */
int kde_leave_one_out(const struct points *x, double sigma, const struct exec *exec, double *others, struct fail *f);
/* total: the same sum's logarithm over all points */
double kde_nll(size_t n, int d, double sigma, double total);
/* Equation 2, of a point whose term has the logarithm own among the others' sum. */
double kde_influence(size_t n, double own, double others);
double logaddexp(double a, double b); /* log(e^a + e^b) */

/* --- the mixture: p(z) = N_c/N N(z; mu_c, s_c^2 I) in the cluster c that z is nearest to --- */

struct gmm {
	struct points x;         /* borrowed */
	const uint32_t *cluster; /* [n], borrowed */
	int k, d;
	size_t *size;   /* [k] */
	size_t *member; /* [k]: the first point of each */
	double *mean;   /* [k][d], in steps from that member, so that equal points have exactly no spread */
	double *var;    /* [k]: s^2 of one coordinate, the maximum likelihood estimate (equation 3) */
	double *radius2; /* [n]: |x_i - mean|^2 */
};
/* k-means++ (Arthur & Vassilvitskii 2007) and Lloyd's iterations, from the best of 10 starts (after
 * 10 iterations); clusters by size, the largest 0. Fails when there are fewer distinct points than k. */
int kmeans(const struct points *x, int k, uint64_t seed, const struct exec *exec, uint32_t *cluster, struct fail *f);
int gmm_fit(struct gmm *g, const struct points *x, const uint32_t *cluster, int k, struct fail *f);
void gmm_free(struct gmm *g);
double gmm_nll(size_t n, size_t n0, int d, double s2, double vv);

/* The influence of x_i over z in its own cluster of n0 points, with uu = |x_i - mu|^2, vv = |z - mu|^2
 * and zx = |z - x_i|^2:
 *   EXACT        literal refitting without x_i, in closed form (A.1.3 before it is expanded)
 *   FIRST_ORDER  (d+2)/(2 n0) + (uu vv/(d s^2) - zx)/(2 n0 s^2) - 1/N; the rest is O(n0^-2)
 *   AS_PRINTED   equations 4 and 5: vv/s^2 in place of uu vv/(d s^2). Its error is O(1/n0), as large as itself.
 * NAN where n0 <= 2, or where what is left has no spread. */
enum gmm_form { GMM_EXACT, GMM_FIRST_ORDER, GMM_AS_PRINTED };
double gmm_influence(enum gmm_form form, size_t n, size_t n0, int d, double s2, double uu, double vv, double zx);
/* Over z in another cluster: log((N-1)/N), or its expansion -1/N. */
double gmm_influence_other_cluster(enum gmm_form form, size_t n);

/* --- influence over a test point, which is not in X --- */

/* d2 [x->n]: squared distances to point j of z. */
int squared_distances(const struct points *x, const struct points *z, size_t j, const struct exec *exec, double *d2, struct fail *f);
/* Influence of every point of X into out [n], and -log p(z). 0; -1 with the reason, where there is none. Single
 * entries may be NAN. */
int knn_test_influence(const double *d2, size_t n, int d, int k, double *out, double *nll, struct fail *why);
int kde_test_influence(const double *d2, size_t n, int d, double sigma, double *out, double *nll, struct fail *why);
/* *cluster: that of the nearest point */
int gmm_test_influence(const struct gmm *g, enum gmm_form form, const double *d2, const struct points *z, size_t j, size_t n, double *out,
             double *nll, uint32_t *cluster, struct fail *why);

struct top_point {
	double influence, d2;
	size_t i;
};
/* The top_points proponents (influence > 0, highest first, ties by nearness) or opponents (<= 0, lowest
 * first, ties by distance), at most k, into out: how many. */
size_t top_points(const double *influence, const double *d2, size_t n, int opponents, size_t k, struct top_point *out);

#endif
