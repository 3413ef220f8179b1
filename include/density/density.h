/* density.h - influence functions of three density estimators (Kong & Chaudhuri 2021, section 3, with proofs in appendix A.1):
 * k nearest neighbours (k-NN), kernel density estimation (KDE), and a mixture of well-separated spherical Gaussians (GMM).
 *
 *   loss            l(z; X) = -log p(z; X), in nats
 *   influence       IF(x_i, z) = l(z; X without x_i) - l(z; X); x_i is a proponent of z where it is positive, else an opponent
 *   self influence  IF(x_i, x_i)
 *
 * X has n points of d coordinates. Distances are Euclidean, and a point of X counts among its own neighbours. A value that does not
 * exist is NAN or infinite. Results have the same bits for any number of threads: every sum has a fixed order, and the k-th
 * smallest of a set of distances does not depend on an order.
 */
#ifndef VF_DENSITY_H
#define VF_DENSITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "base/pool.h"

/* [n][d] coordinates, borrowed: one of u8 and f4 is NULL. */
struct points {
	const uint8_t *u8; /* samples of pictures */
	const float *f4;   /* finite */
	size_t n;
	int d;
	double step; /* a coordinate is step times the stored value: 1/255 for samples, which networks read as 0..1 */
	const uint32_t *at; /* [n]: point i stands at at[i] in u8 or f4, in the x of struct rows alone; NULL: at i */
};
static inline const uint8_t *point_u8(const struct points *x, size_t i) { return x->u8 + (x->at ? x->at[i] : i) * (size_t)x->d; }
static inline const float *point_f4(const struct points *x, size_t i) { return x->f4 + (x->at ? x->at[i] : i) * (size_t)x->d; }

/* How to compute: a thread pool and a progress callback. */
struct exec {
	struct pool *pool;
	int threads;
	void (*progress)(void *ctx, const char *what, double done, double total); /* or NULL */
	void *ctx;
};

/* d2 [x->n]: squared distances of all points of x to point j of z, in double; exact for samples. */
int squared_distances(const struct points *x, const struct points *z, size_t j, const struct exec *exec, double *d2, struct fail *f);

/* The distinct points of a set: points that are equal in all coordinates are copies of one row. */
struct rows {
	struct points x;  /* in the order of the first copies; borrows the coordinates of the points */
	uint32_t *of;     /* [points]: the row of a point */
	uint32_t *first;  /* [x.n]: the first point of a row */
	uint32_t *copies; /* [x.n] */
};
/* count_copies: every point is a row of its own. Call rows_free() also after a failure. */
int rows_find(struct rows *r, const struct points *x, int count_copies, struct fail *f);
/* [x.n]: a hash of the coordinates of each row, the same in every set of points. all: the points of rows_find(). Freed by the caller. */
uint64_t *rows_hash(const struct rows *r, const struct points *all, struct fail *f);
void rows_free(struct rows *r);

/* --- k nearest neighbours: p(z) = W_k(z) / (n V_d R_k(z)^d), where V_d is the volume of the unit ball, R_k the distance to the k-th
 * nearest row, and W_k the number of records in the k nearest rows. Without copies W_k is k, and this is the estimator of Kong &
 * Chaudhuri. A row's influence is that of one of its copies. --- */

struct knn_ball {
	double r, next_r;   /* R_k and R_{k+1}; INFINITY if there are too few rows */
	double records;     /* W_k; of equally distant rows those with fewer copies come first */
	double next_copies; /* of the (k+1)-th nearest row */
};

enum { KNN_MAX_K = 8 };
/* balls [nk][rows->x.n]: of every row, for each of the nk numbers of neighbours k, at most KNN_MAX_K, each with the bits that it has alone; a
 * row is its own first neighbour. Memory, for k up to KNN_SORTED_MAX: 16 (k + 1) bytes a row; for larger k: 24 k bytes for each of at most
 * 256 rows a thread, usually 16 MiB a thread. */
int knn_balls(const struct rows *rows, const int *k, int nk, const struct exec *exec, struct knn_ball *balls, struct fail *f);

struct knn_neighbour {
	double d2;       /* squared distance, in steps */
	uint32_t copies; /* of the row */
	uint32_t row;
};
enum { KNN_SORTED_MAX = 128 }; /* neighbours, up to which lists are sorted */
/* knn_balls() that also hands over the lists, *nearest [rows->x.n][*keep]: of every row itself and its nearest rows, ascending; *keep is the
 * largest k plus 1, or all rows. k is at most KNN_SORTED_MAX. Which rows stand there is certain only for those nearer than the last. Freed by
 * the caller; NULL if there are fewer rows than any k. */
int knn_lists(const struct rows *rows, const int *k, int nk, const struct exec *exec, struct knn_ball *balls, struct knn_neighbour **nearest, size_t *keep,
              struct fail *f);
/* The same for points z that are not part of the rows, in the calling thread: R_k is the distance to the k-th nearest row, so that a point
 * equal to a row has the ball of that row. The index borrows rows; it may be searched by several threads. balls [nk][z->n]. */
struct knn_index;
struct knn_index *knn_index_open(const struct rows *rows, const int *k, int nk, struct fail *f);
/* lists [z->n][keep] of knn_index_lists(), for an index of one k: the nearest rows of each point, the k-th at k - 1 and the next at k, the
 * others without order; or NULL. */
int knn_search(const struct knn_index *x, const struct points *z, struct knn_ball *balls, struct knn_neighbour *lists, struct fail *f);
/* Returns the k of an index that was opened for one, or 0 if there are fewer rows; *keep: k + 1, or as many as there are rows. */
size_t knn_index_lists(const struct knn_index *x, size_t *keep);
void knn_index_free(struct knn_index *x);
/* -log p(z) of n points; records: W_k(z), rk: R_k(z). */
double knn_nll(size_t n, int d, double records, double rk);
/* Of one of `copies` equal records over the centre of b. Outside of the k nearest rows: log((n-1)/n). Of one copy among the k nearest
 * rows: equation 1, log((n-1)/n) + d log(R_{k+1}/R_k), plus log(W_k / W') where W' = W_k - 1 + next_copies. Of several copies, one of which
 * is left out: log((n-1)/n) + log(W_k / (W_k - 1)). All are exact: the logarithm of p before over p after. */
double knn_influence(size_t n, int d, const struct knn_ball *b, int is_neighbour, uint32_t copies);

/* --- kernel density: p(z) = 1/n sum_i N(z; x_i, sigma^2 I) --- */

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

/* --- the mixture: p(z) = n_c/n N(z; mu_c, var_c I), where c is the cluster nearest to z --- */

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
/* Clusters of X: k-means++ (Arthur & Vassilvitskii 2007) and Lloyd's iterations, continued from the best of 10 starts after 10
 * iterations each. Clusters are numbered by size, the largest is 0. Fails if there are fewer distinct points than k. */
int kmeans(const struct points *x, int k, uint64_t seed, const struct exec *exec, uint32_t *cluster, struct fail *f);
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

/* --- influence over a test point z that is not in X --- */

/* influence [n]: of every point of X over z, and *nll: -log p(z), from the squared distances d2 [n] of squared_distances() to z. rows: of
 * X. Single influences may be NAN. Fails with the reason if there is no influence over z at all. */
int knn_test_influence(const struct rows *rows, const double *d2, size_t n, int d, int k, double *influence, double *nll, struct fail *why);
int kde_test_influence(const double *d2, size_t n, int d, double sigma, double *influence, double *nll, struct fail *why);
/* *cluster: that of the nearest point. z is point j of `z`. */
int gmm_test_influence(const struct gmm *g, enum gmm_form form, const double *d2, const struct points *z, size_t j, size_t n,
                       double *influence, double *nll, uint32_t *cluster, struct fail *why);

struct top_point {
	double influence, d2;
	size_t i;
};
/* Writes at most k points to out and returns how many: the strongest proponents (influence > 0, highest first, of equal ones the
 * nearest) or the strongest opponents (influence <= 0, lowest first, of equal ones the farthest). */
size_t top_points(const double *influence, const double *d2, size_t n, int opponents, size_t k, struct top_point *out);

#endif
