/* whitening.h - linear maps under which dot products of gradients become influences with inverse curvature.
 *
 * With damped factors A + aI = L_A L_A^T and D + dI = L_D L_D^T (curvature.h)
 *
 *   tr((D + dI)^-1 G (A + aI)^-1 G'^T) = <L_D^-1 G L_A^-T, L_D^-1 G' L_A^-T>,
 *
 * and a gradient d a^T becomes (L_D^-1 d) (L_A^-1 a)^T: the factors are multiplied by one matrix each, and all that is done with gradients
 * (draw_grams.h, gradients.h) stays as it is. With CURVATURE_INPUTS the factor D, and that of the biases of a transposed layer, is the
 * identity: the layers' inputs are whitened, and the gradients by their outputs stay as they are.
 *
 * EK-FAC instead turns the factors into the eigenbasis of the curvature, G~ = Q_D G Q_A^T, and divides each number of the gradient by the
 * root of its own damped eigenvalue:
 *
 *   <x, z> = sum_ij G~_ij(x) G~_ij(z) / (lambda_ij + damping),
 *
 * so that a gradient must be written out before it is divided, or its factors go to eigen_dots.h.
 */
#ifndef VF_WHITENING_H
#define VF_WHITENING_H

#include "gemm/sparse_block.h"
#include "gemm/triangle.h"
#include "influence/curvature.h"
#include "influence/eigen_basis.h"
#include "influence/factor_map.h"

enum curvature_kind { CURVATURE_NONE, CURVATURE_KFAC, CURVATURE_INPUTS, CURVATURE_EKFAC };
extern const char *const curvature_words[]; /* of enum curvature_kind, then NULL */

struct layer_whitening {
	int p, k, b;      /* numbers of a whitened factor; b: biases of a transposed layer, else 0 */
	struct factor_map by_p, by_k;
	float *wb;        /* [b][b]; NULL: the identity */
	float *ones;      /* [k]: what the 1 behind factor k adds; NULL when transposed */
	int dense;        /* the layer's kind: how whitening_pack() packs */
	struct eigen_weights eigen; /* EK-FAC */
	/* Of a convolution, on processors with the kernels (triangle.h): by_p.w and by_k.w, or n = 0; the transpose of by_p.w; packs, or NULL */
	struct triangle triangle_p, triangle_k;
	float *turned_p, *panels_p, *panels_k, *panels_back;
};

struct whitening { /* of a checkpoint; by the layer's index in its network */
	struct layer_whitening enc[MAX_LAYERS], dec[MAX_LAYERS];
	char faint[400]; /* the names of layers that do not count, separated by commas; mostly empty */
};

/* damping: added to each factor's diagonal, or for EK-FAC to the eigenvalues of a layer, in units of their mean; above 0. Fails if a factor is
 * not positive definite, and for EK-FAC without eigenvalues.
 * A layer does not count with K-FAC and EK-FAC if its gradients are below 1e-5 of the largest layer's, but not all 0: they are rounding, which
 * an inverse would enlarge until it is as large as the rest. So are those of an encoder whose latents say nothing. */
int whitening_open(struct whitening *w, const struct curvature *c, enum curvature_kind kind, double damping, struct fail *f);
void whitening_close(struct whitening *w);
/* Only turns gradients into the eigenbasis, by c->qp and c->qk. */
int rotation_open(struct layer_whitening *w, const struct curvature_layer *c, struct fail *f);
void layer_whitening_close(struct layer_whitening *w);
/* [n]: those of the files beside the checkpoints of n models. Appends to options what tells the scores apart. NULL with the reason. */
struct whitening *whitenings_open(const struct model *m, int n, enum curvature_kind kind, double damping, struct buf *options, struct fail *f);
void whitenings_close(struct whitening *w, int n);
/* Packs the matrices for products of `rows` rows, within *budget bytes. */
void whitening_pack(struct whitening *w, int rows, size_t *budget);

/* out [rows][w->p] of factor p [rows][p]; out [rows][w->k] of factor k [rows][k]; out [rows][w->b] of gradients by the bias [rows][w->b] */
void whiten_p(const struct layer_whitening *w, float *out, const float *p, int rows);
void whiten_k(const struct layer_whitening *w, float *out, const float *k, int rows);
void whiten_b(const struct layer_whitening *w, float *out, const float *b, int rows);
/* whiten_p() and whiten_k() of `count` sparse blocks, at most SPARSE_BATCH: 1; or 0, and nothing is written, without packed matrices. */
int whiten_sparse_p(const struct layer_whitening *w, float *out, const struct sparse_block *p, int count);
int whiten_sparse_k(const struct layer_whitening *w, float *out, const struct sparse_block *k, int count);
/* out [w->p][w->k]: a gradient [p][k] and its bias [biases], which belongs to it unless the layer is transposed. scratch: as out */
void whiten_gradient(const struct layer_whitening *w, float *out, const float *weight, const float *bias, float *scratch);
/* The adjoint of whiten_p(): out [rows][p] of in [rows][w->p] */
void whiten_p_adjoint(const struct layer_whitening *w, float *out, const float *in, int rows);
/* The adjoint of whiten_b() for one row */
void whiten_b_adjoint(const struct layer_whitening *w, float *out, const float *b);
/* The adjoint of whiten_gradient(): weight [p][k], bias [biases] unless transposed, of a whitened gradient
 * in [w->p][w->k], which is overwritten. scratch: as in */
void whiten_gradient_adjoint(const struct layer_whitening *w, float *weight, float *bias, float *in, float *scratch);

#endif
