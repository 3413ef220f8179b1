/* influence.h - VAE-TracIn (Kong & Chaudhuri 2021, eq. 10), without weight-shaped gradients where
 * the shapes of the layers allow it (draw_grams.h).
 *
 * A linear layer's gradient of one draw is d a^T (d: gradient by its output, a: its input), so the
 * dot product of two draws' gradients is (d.d')(a.a'), and that of two means over m draws is the sum
 * of the elementwise product of two m x m Gram matrices. The encoder runs once a record; a draw's
 * gradient by its output is linear in what comes out of the decoder, so a mean needs one pass, and
 * <g_j, mean g> for all draws j needs one tangent pass along the mean gradient.
 *
 * Influence of one record over another is the dot product of their mean gradients (gradients.h).
 */
#ifndef VF_INFLUENCE_H
#define VF_INFLUENCE_H

#include <stdint.h>

#include "model/model.h"

struct influence; /* per worker: buffers for one batch */

struct score {
	double selfinf;    /* sum over checkpoints of w_c |mean gradient|^2 (or of two halves' dot) */
	double selfinf_se; /* its standard error over the draws; NAN for one draw */
	double recon, nll, kl, loss; /* of the last checkpoint: recon + beta kl = loss; nll: the training likelihood's recon */
	double mu_norm, sigma_norm;
};

/* The records of a batch, fixed by the network, the number of draws, and whether gradients are asked for (flags of influence_open()). */
int influence_batch_size(const struct model *m, int flags);

/* Keeps the weights of the models also as products take them in (network_pack_weights()), the last model's first, in up to so many bytes:
 * an eighth of the time of a wide network, and more where sparse blocks can pass then (sparse_block.h). Scores are the same without. */
enum { INFLUENCE_PACK_BUDGET = 64 << 20 };
void influence_pack_weights(struct model *models, int n, int flags);

/* INFLUENCE_GRADIENTS: gradients.h will be asked; the plug-in estimator only. INFLUENCE_TESTS: these are test
 * records, whose noise is another than that of the same payloads as training records. */
enum { INFLUENCE_GRADIENTS = 1, INFLUENCE_TESTS = 2 };

/* models are borrowed; scoring options are those of models[n-1].cfg. layers: "all", "encoder",
 * "decoder" or names such as decoder.4, decoder.6; what lies below the lowest of them is not computed. */
struct influence *influence_open(const struct model *models, int n, int batch, int flags, struct fail *f);
/* Scores the first n of a batch: x [batch][input], what is beyond n finite; id: a hash of each payload, for the noise; eps [batch][draws]
 * [latent] instead of noise of our own, or NULL; out [batch]. by_tensor, when not NULL, gets the parts
 * of selfinf, [batch][ntensors]. */
void influence_score(struct influence *s, int n, const float *x, const uint64_t *id, const float *eps,
                     struct score *out, double *by_tensor);
/* The same of all the batch, with a call after every checkpoint, from 0 on, while the gradients are at hand. -1 when that fails. */
int influence_each_checkpoint(struct influence *s, const float *x, const uint64_t *id, const float *eps, struct score *out,
                   int (*each)(void *ctx, int checkpoint, struct fail *f), void *ctx, struct fail *f);
/* The encoder's means at the last checkpoint, [batch][latent]: of the batch scored last, or, with x, of another
 * for which nothing else is computed. */
void influence_latent_means(struct influence *s, const float *x, float *mu);
void influence_close(struct influence *s);

#endif
