/* low_rank.h - a matrix of low rank near a gradient, as two factors with few rows.
 *
 * Let the rows of U be the first left singular vectors of G. Then U^T (U G) is the nearest matrix to G of that rank (Eckart & Young 1936).
 * Subspace iteration finds U nearly (Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithm 4.4).
 */
#ifndef VF_LOW_RANK_H
#define VF_LOW_RANK_H

#include <stddef.h>

/* The gradient G by the weights of a layer, and by its biases: from factors, G [np][nk] = P^T K; or explicit, with rows = np. */
struct gradient_matrix {
	const float *p;     /* [rows][np]; NULL: explicit */
	const float *k;     /* [rows][nk]; explicit: G itself */
	int rows, np, nk;
	const float *bias;  /* [rows], a further column of K; explicit: of G. NULL: no biases */
};

/* u [rank][np] and v [rank][nk], such that u^T v is near G. With biases, their gradient is near the sum of the rows of u, as if v had a further
 * column of 1: so dense layers read their factors (gradient_dots.h). Rows beyond the rank of G are 0, or rounding errors. scratch: low_rank_scratch()
 * floats */
void low_rank(const struct gradient_matrix *g, int rank, float *u, float *v, float *scratch);
size_t low_rank_scratch(int rows, int rank);

#endif
