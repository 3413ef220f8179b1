/* knn.h - k nearest neighbours: p(z) = W_k(z) / (n V_d R_k(z)^d), where V_d is the volume of the unit ball, R_k the distance to the k-th nearest
 * row, and W_k the number of records in the k nearest rows. Without copies W_k is k, and this is the estimator of Kong & Chaudhuri 2021
 * (points.h). The influence of a row is that of one of its copies.
 */
#ifndef VF_KNN_H
#define VF_KNN_H

#include "density/rows.h"

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
 * equal to a row has the ball of that row. The index borrows rows; it may be searched by several threads. NULL with a message. */
struct knn_index;
struct knn_index *knn_index_open(const struct rows *rows, const int *k, int nk, struct fail *f);
/* balls [nk][z->n]. lists [z->n][keep] of knn_index_lists(), for an index of one k: the nearest rows of each point, the k-th at k - 1 and the
 * next at k, the others without order; or NULL. */
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

/* The influence over a test point that is not in X: influence [n], of every point of X, and *nll: -log p, from the squared distances d2 [n] of
 * squared_distances() to it. rows: of X. Single influences may be NAN. Fails with the reason if there is no influence over it at all. */
int knn_test_influence(const struct rows *rows, const double *d2, size_t n, int d, int k, double *influence, double *nll, struct fail *why);

#endif
