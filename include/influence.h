/* influence.h - VAE-TracIn (Kong & Chaudhuri 2021, eq. 10), without weight-shaped gradients where
 * the shapes of the layers allow it (parts.h).
 *
 * A linear layer's gradient of one draw is d a^T (d: gradient by its output, a: its input), so the
 * dot product of two draws' gradients is (d.d')(a.a'), and that of two means over m draws is the sum
 * of the elementwise product of two m x m Gram matrices. The encoder runs once a record; a draw's
 * gradient by its output is linear in what comes out of the decoder, so a mean needs one pass, and
 * <g_j, mean g> for all draws j needs one tangent pass along the mean gradient.
 */
#ifndef VF_INFLUENCE_H
#define VF_INFLUENCE_H

#include <stdint.h>

#include "model.h"

struct influence; /* per worker: buffers for one batch */

struct score {
	double selfinf;    /* sum over checkpoints of w_c |mean gradient|^2 (or of two halves' dot) */
	double selfinf_se; /* its standard error over the draws; NAN for one draw */
	double recon, nll, kl, loss; /* of the last checkpoint: recon + beta kl = loss; nll: the training likelihood's recon */
	double mu_norm, sigma_norm;
};

/* The records of a batch, fixed by the network and the number of draws alone. */
int influence_batch(const struct model *m);

/* models are borrowed; scoring options are those of models[n-1].cfg. layers: "all", "encoder",
 * "decoder" or names such as decoder.4, decoder.6. keep: influence_dots() will be wanted, which takes
 * more memory. */
struct influence *influence_open(const struct model *models, int n, int batch, int keep, struct fail *f);
/* Scores a batch: x [batch][input]; id: a hash of each payload, for the noise; eps [batch][draws]
 * [latent] instead of noise of our own, or NULL; out [batch]. part, when not NULL, gets the parts
 * of selfinf, [batch][ntensors]. */
void influence_score(struct influence *s, const float *x, const uint64_t *id, const float *eps,
                     struct score *out, double *part);
/* All dot products of the mean gradients of the batch xa scored last by a with those of the batch xb
 * scored last by b, at the last checkpoint, out [a's batch][b's batch]: weight and draws as in the
 * plug-in estimator. Both are of the same models. The other is a batch with itself. */
int influence_dots(const struct influence *a, const float *xa, const struct influence *b, const float *xb, double *out, struct fail *f);
int influence_gram(const struct influence *s, const float *x, double *out, struct fail *f);
void influence_close(struct influence *s);

/* w_c of a checkpoint (section 5 of the paper's TracIn): 1, or lr * steps since the last / records. */
double checkpoint_weight(const struct model *m);

#endif
