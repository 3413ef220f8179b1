/* eigen_dots.h - dot products of gradients with the inverse curvature of EK-FAC (whitening.h), from the factors of the gradients.
 *
 * A gradient is the sum over rows of p_j^T k_j, with factors p [rows][w->p] and k [rows][w->k] that whiten_p() and whiten_k() have turned
 * into the eigenbasis. Each of its numbers has its own eigenvalue, so that Gram matrices of the factors do not suffice: the gradient is
 * written out, a few rows of it at a time, with about EIGEN_FLOATS numbers. Where the damping alone counts (eigen_basis.h) they suffice.
 *
 * For self influence and its standard error with m draws, a number of the gradient takes 2m multiply-adds: m for G = sum_j p_j^T k_j, and m for the
 * dot products of G, divided, with the gradients of all draws, p (G / lambda) k^T. The score alone would take m + 1, by G^2 / lambda; the standard
 * error by 4 blocks of draws m + 8, but from 4 numbers in place of m. To sum over the draws before the eigenvalues, by Gram matrices that are weighted
 * for each term of 1 / lambda = sum_r a_r b_r^T, would take m (m + 1) / 2 (np + nk) a term: fewer up to about 70 terms in the last layer of a trained
 * mnist-mlp with 16 draws. With 68 terms, half of its weights are off by more than 1.4e-3, because eigenvalues are estimates with noise of their own.
 */
#ifndef VF_EIGEN_DOTS_H
#define VF_EIGEN_DOTS_H

#include "influence/whitening.h"

enum { EIGEN_FLOATS = 1 << 15, EIGEN_RECORDS = 32 };

/* Floats of scratch for a layer's factors p and k with so many rows. */
size_t eigen_sums_scratch(int p, int k, int rows);
size_t eigen_pairs_scratch(int p, int k);

/* out [n][w->p] = a [n][w->k] W^T, with the weights W of the layer. a is not negative. */
void eigen_weigh(const struct layer_whitening *w, float *out, const float *a, int n);
/* sum[i] = <p_i^T k_i, sum of p_j^T k_j over the rows from <= j < to> with the inverse of the curvature, for every row i of one record */
void eigen_sums(const struct layer_whitening *w, const float *p, const float *k, int rows, int from, int to, double *sum, float *scratch);

struct gradient_factors { /* of n records, with some rows each: p [n][rows][width of p], k [n][rows][width of k] */
	const float *p, *k;
	int n;
};
/* out[i stride + j] += scale <gradient i, other gradient j>, for records with `rows` rows each */
void eigen_pairs(const struct layer_whitening *w, int rows, const struct gradient_factors *x, const struct gradient_factors *z, double scale, double *out,
                 size_t stride, float *scratch);

#endif
