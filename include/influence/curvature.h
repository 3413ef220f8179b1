/* curvature.h - the curvature of a model's loss at one checkpoint, as Kronecker factors for each layer with weights.
 *
 * A layer's gradient of one record and one noise draw is G = sum_t d_t a_t^T, over the positions t of the layer. Its Fisher matrix
 * E[vec(G) vec(G)^T] is close to A x D (Kronecker product), with
 *
 *   A = E[a_t a_t^T]         mean over records, draws and positions
 *   D = E[sum_t d_t d_t^T]   mean over records and draws
 *
 * (K-FAC: Martens & Grosse 2015; Grosse & Martens 2016 for convolutions; "expand" in Eschenhagen et al. 2023.)
 *
 *   linear             a: the input and a 1 behind it, for the bias           d: the gradient by the output
 *   conv2d             a: the input under the kernel, and a 1 behind it       d: the gradient by the output's channels at this position
 *   conv_transpose2d   a: the channels of an input pixel                      d: the gradient by the output under the kernel
 *                      The bias has a block of its own: E[b b^T], b its gradient.
 *
 * EK-FAC (George et al. 2018) keeps the eigenvectors Q_A and Q_D of the factors, and replaces the eigenvalues of their product by the
 * variance of the gradients in these directions, which a second pass over the records finds:
 *
 *   lambda_ij = E[(Q_D G Q_A^T)_ij^2]   mean over records and draws; eigenvectors are the rows of Q_A and Q_D
 *
 * The gradients are those of the records (empirical Fisher), or those of targets that are drawn from the decoder's distribution (Fisher; for
 * these losses the generalised Gauss-Newton matrix, the Hessian of a linear network: Martens 2020, "New insights and perspectives on the
 * natural gradient method"). The KL term, whose Hessian by mu and logvar is diagonal, then adds noise of that variance to the gradients by
 * the encoder's output.
 *
 * The order under a kernel is row, column, channel. Records, draws and noise are those of a score (influence.h).
 */
#ifndef VF_CURVATURE_H
#define VF_CURVATURE_H

#include <stdint.h>

#include "model/checkpoints.h"

struct curvature_layer {
	const struct layer *l; /* of the model */
	int in_decoder, index; /* the network, and the place in it */
	char name[40];         /* as decoder.4 */
	/* By the factors P and K of a gradient (nn/layer.h): p is D (A when transposed), k is A with the 1 (D when transposed). */
	int np, nk, nb;        /* nb: biases when transposed, else 0 */
	float *p, *k, *b;      /* [np][np], [nk][nk], [nb][nb] or NULL; owned */
	float *qp, *qk;        /* EK-FAC, else NULL: eigenvectors of p [np][np] and of k [nk][nk], one in each row; owned */
	float *lambda;         /* [np][nk] */
};

enum targets { TARGETS_DATA, TARGETS_MODEL }; /* empirical Fisher; Fisher */
extern const char *const targets_words[];

struct curvature {
	struct curvature_layer layer[2 * MAX_LAYERS]; /* encoder, then decoder */
	int n;
	int64_t records; /* over which the means are */
	int draws, targets; /* enum targets */
	int has_eigenvalues; /* for EK-FAC */
	struct buf file; /* the bytes that the numbers of all layers are in, which are then no memory of their own; or empty */
};

/* The layers of a model, without factors; and with zeroed factors. The model is borrowed. */
void curvature_layers(struct curvature *c, const struct model *m);
int curvature_open(struct curvature *c, const struct model *m, struct fail *f);
/* Adds qp, qk and lambda, as zeros. */
int curvature_open_eigenvalues(struct curvature *c, struct fail *f);
void curvature_free(struct curvature *c);

/* curvature_path() beside the model's checkpoint */
void curvature_beside(char *out, size_t capacity, const struct model *m);
/* The file appears whole or not at all. */
int curvature_write(const struct curvature *c, const struct model *m, const char *path, struct fail *f);
/* Reads the curvature of a model, and fails if the file is of another model, or likelihood, beta or gradient of the scores differ from those
 * of the file. hash: of the file. After a failure nothing is left to free. */
int curvature_read(struct curvature *c, const struct model *m, const char *path, char hash[17], struct fail *f);
/* Fails unless the file is whole and of this model, with whatever options. */
int curvature_verify(const struct model *m, const char *path, struct fail *f);
/* The number of records in the metadata of a file. */
int curvature_records(const char *path, int64_t *records, struct fail *f);

/* Estimates the curvature: records are added in batches of at most estimate_batch() rows, then estimate_finish() sets the means. For EK-FAC
 * a second pass follows: estimate_rotate(), the same records again, estimate_eigenvalues(). Threads change no result. */
struct curvature_estimate;
struct pool;
int estimate_batch(const struct model *m);
/* Packs the weights of n models for estimates, within a budget. The curvature is the same without, and takes a fifth longer. */
void estimate_pack_weights(struct model *models, int n);
struct curvature_estimate *estimate_open(const struct model *m, enum targets targets, struct pool *pool, struct fail *f);
/* x [n][input], id [n]: hashes of the payloads; eps [n][draws][latent]: the noise, or NULL */
void estimate_add(struct curvature_estimate *e, int n, const float *x, const uint64_t *id, const float *eps);
/* Fails if a gradient was not finite or there was no record. warning: empty, or that a factor has less than full rank. */
int estimate_finish(const struct curvature_estimate *e, struct curvature *c, struct fail *warning, struct fail *f);
/* Sets the eigenvectors of c, the result of estimate_finish(), which is borrowed until estimate_close(). */
int estimate_rotate(struct curvature_estimate *e, struct curvature *c, struct fail *f);
/* Sets the eigenvalues of c. Fails if the records were not as many as in the first pass. */
int estimate_eigenvalues(const struct curvature_estimate *e, struct curvature *c, struct fail *f);
void estimate_close(struct curvature_estimate *e);

#endif
