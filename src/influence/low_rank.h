/* low_rank.h - a product of two factors with few rows that is near a gradient.
 *
 * Of all matrices with this rank, U U^T G with the first left singular vectors U of G is the nearest one. Block power iteration finds them
 * nearly (Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithm 4.4).
 */
#ifndef VF_LOW_RANK_H
#define VF_LOW_RANK_H

#include <stddef.h>

struct gradient_matrix {
	const float *p, *k; /* G [np][nk] = P^T K, of p [rows][np] and k [rows][nk]; p NULL: G = k, and rows = np */
	int rows, np, nk;
	const float *bias;  /* [rows]: one more column, of the bias, is bias^T P, or bias without P; NULL: none */
};

/* u [rank][np] and v [rank][nk], so that G is near u^T v. With a bias, so is its column u^T 1: the bias is an input that is always 1.
 * Rows that are not needed are 0. scratch: low_rank_scratch() floats */
void low_rank(const struct gradient_matrix *g, int rank, float *u, float *v, float *scratch);
size_t low_rank_scratch(int rows, int rank);

#endif
