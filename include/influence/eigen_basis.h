/* eigen_basis.h - the matrices and weights of EK-FAC for one layer (whitening.h).
 *
 * Most eigenvalues of a trained network are nearly 0: units behind a ReLU that are never active, pixels that never change. There the damping alone
 * is the weight, and dot products of gradients need no gradient written out: with weights w of their own for the numbers in S,
 *
 *   sum_ij w_ij G_ij G'_ij = sum over S of w_ij G_ij G'_ij + 1/damping sum beyond S of G_ij G'_ij,
 *
 * and where S is the first columns of some rows, the second sum is one of products of Gram matrices (eigen_dots.h).
 */
#ifndef VF_EIGEN_BASIS_H
#define VF_EIGEN_BASIS_H

#include "influence/curvature.h"
#include "influence/factor_map.h"

/* Rows [from, to) of a layer's numbers in the eigenbasis: from column `width` on all of them have the same weight. */
struct eigen_step {
	int from, to, width;
};

/* Rows and columns are in an order that puts those numbers first whose eigenvalue counts beside the damping. Beyond the steps, eigenvalues are at
 * most 8e-6 of the damping. */
struct eigen_weights {
	float *inverse, *scale; /* [np][nk]: 1/(lambda + damping), or `rest` beyond the steps; and its root. NULL: not EK-FAC */
	float rest;             /* 1/damping */
	struct eigen_step *step;
	int nsteps;
};

/* m->w: row i is row order[i] of the eigenvectors q [n][n] (NULL: i), without what belongs to the 1 behind the factor, which goes to ones [n],
 * unless NULL. find_units: the last rows may be units. */
int eigen_basis(struct factor_map *m, float *ones, const float *q, const int *order, int find_units, struct fail *f);
/* Sets the weights and steps of a layer, and the matrices in their order. damping: in units of the mean eigenvalue */
int eigen_open(struct eigen_weights *e, struct factor_map *by_p, struct factor_map *by_k, float *ones, const struct curvature_layer *c, double damping,
               struct fail *f);
void eigen_close(struct eigen_weights *e);

#endif
