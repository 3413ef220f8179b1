/* points.h - the points of the density estimators, and what all of them compute: influence functions of k nearest neighbours (knn.h), kernel
 * density estimation (kde.h), and a mixture of well-separated spherical Gaussians (gmm.h), after Kong & Chaudhuri 2021, section 3, with proofs in
 * appendix A.1.
 *
 *   loss            l(z; X) = -log p(z; X), in nats
 *   influence       IF(x_i, z) = l(z; X without x_i) - l(z; X); x_i is a proponent of z where it is positive, else an opponent
 *   self influence  IF(x_i, x_i)
 *
 * X has n points of d coordinates. Distances are Euclidean, and a point of X counts among its own neighbours. A value that does not
 * exist is NAN or infinite. Results have the same bits for any number of threads: every sum has a fixed order, and the k-th
 * smallest of a set of distances does not depend on an order.
 */
#ifndef VF_DENSITY_POINTS_H
#define VF_DENSITY_POINTS_H

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

#endif
