/* eigenvalues.h - the second pass of EK-FAC for one layer: the mean squares of its gradients' numbers in the Kronecker eigenbasis (George
 * et al. 2018, "Fast approximate natural gradient descent in a Kronecker factored eigenbasis", section 4.1). The gradient is that of one
 * record and one draw, summed over positions.
 *
 * A dense layer's gradient has rank one: the squares are the product of the squares of its factors, and their sum over records is one matrix
 * product. Others are written out record by record, from their factors in the eigenbasis or turned as a whole, whichever is cheaper.
 */
#ifndef VF_EIGENVALUES_H
#define VF_EIGENVALUES_H

#include "influence/whitening.h"

struct layer_eigenvalues {
	const struct curvature_layer *c;
	struct layer_whitening basis;
	int draws, group;      /* records at once */
	int by_factors;
	float *batch;          /* [np][nk]: sums over a batch */
	double *total;         /* [np][nk] */
	float *p, *k;          /* rows in the eigenbasis */
	float *squares;        /* [rows][np], dense layers of the encoder: sums over draws of the squares of p */
	float *unrolled, *gradient, *bias, *scratch;
};

/* rows: of a batch, at most */
int layer_eigenvalues_open(struct layer_eigenvalues *v, const struct curvature_layer *c, int rows, int draws, struct fail *f);
/* x [n][in], dy [n][out] of a draw of n records; draws in order */
void layer_eigenvalues_add(struct layer_eigenvalues *v, const float *x, const float *dy, int n, int draw);
/* After the last draw of a batch */
void layer_eigenvalues_end_batch(struct layer_eigenvalues *v);
/* Sets c->lambda to the means over so many records. Fails if one is not finite. */
int layer_eigenvalues_finish(const struct layer_eigenvalues *v, float *lambda, double records, struct fail *f);
void layer_eigenvalues_close(struct layer_eigenvalues *v);

#endif
