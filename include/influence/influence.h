/* influence.h - VAE-TracIn self influence (Kong & Chaudhuri 2021, section 4.1), for a batch of records.
 *
 *   l_beta(x) = beta KL(Q(.|x) || N(0, I)) + recon(x, decoder(xi)), xi ~ Q(.|x)                      (equation 6)
 *   g_j       = gradient of l_beta(x) with respect to all parameters with the noise of draw j, j < m, at a checkpoint
 *   selfinf   = sum over checkpoints c of w_c |mean of all g_j|^2                    plug-in estimator (equation 10)
 *             = sum over checkpoints c of w_c <mean of the first half of the g_j, mean of the second>   cross estimator, unbiased
 *
 * Gradients are not written out if the layers' shapes allow it (draw_grams.h): a linear layer's gradient of one draw is d a^T (a: its
 * input, d: the delta at its output, network.h), so that <g_i, g_j> = (d_i.d_j)(a_i.a_j), and the squared length of a mean over m draws is a
 * sum over the elementwise product of two m x m Gram matrices.
 *
 * The encoder runs once per record. Its gradient is linear in the delta at its output, so that the mean over the draws takes one
 * backward pass, and <g_j, mean g> for all draws j takes one tangent pass along the mean gradient. That delta, by mu and log sigma^2, is
 * pathwise, through xi = mu + sigma eps (Kingma & Welling 2014), or that of the score function (equation 9 as printed), as
 * score.gradient says.
 *
 * The influence of one record over another is the dot product of their mean gradients (gradients.h).
 */
#ifndef VF_INFLUENCE_H
#define VF_INFLUENCE_H

#include <stdint.h>

#include "influence/whitening.h"

struct influence; /* buffers for one batch, one per worker */

struct score {
	double selfinf;
	double selfinf_se;           /* its standard error over the draws; NAN for one draw */
	double recon, nll, kl, loss; /* at the last checkpoint: loss = recon + beta kl; nll: recon by the likelihood of the training */
	double mu_norm, sigma_norm;  /* |mu|, |sigma| at the last checkpoint */
};

/* Flags. INFLUENCE_GRADIENTS: gradients.h will be used; plug-in estimator only. INFLUENCE_TESTS: the records are test records, whose
 * noise differs from that of training records with the same payload. */
enum { INFLUENCE_GRADIENTS = 1, INFLUENCE_TESTS = 2 };

/* Records of a batch: depends on the network, the number of draws and INFLUENCE_GRADIENTS only. */
int influence_batch_size(const struct model *m, int flags);

/* Packs the weights of all models for matrix products, those of the last model first, within a budget of bytes. Scores are the same
 * without, but a wide network takes an eighth longer, and sparse blocks (sparse_block.h) cannot be used. */
enum { INFLUENCE_PACK_BUDGET = 64 << 20 };
void influence_pack_weights(struct model *models, int n, int flags);
/* Whether packing takes less time than it saves where a batch of n records is all that is scored. */
int influence_gains_from_packing(const struct influence *s, int n);

/* models [n] are borrowed; the options are those of models[n-1].cfg.score. batch: records at a time, as influence_batch_size() says. */
struct influence *influence_open(const struct model *models, int n, int batch, int flags, struct fail *f);
/* Scores the first n records of a batch. x [batch][input]: finite, also beyond n; id [batch]: a hash of each payload, which selects the
 * noise; eps [batch][draws][latent]: the noise itself, or NULL; out [batch]; by_tensor [batch][ntensors]: selfinf by weights and biases
 * of layers, or NULL. */
void influence_score(struct influence *s, int n, const float *x, const uint64_t *id, const float *eps, struct score *out, double *by_tensor);
/* The same for the whole batch, with a call after each checkpoint, in order, while its gradients are in memory. Fails if that call does. */
int influence_each_checkpoint(struct influence *s, const float *x, const uint64_t *id, const float *eps, struct score *out,
                              int (*each)(void *ctx, int checkpoint, struct fail *f), void *ctx, struct fail *f);
/* mu [batch][latent]: the encoder's means at the last checkpoint, of the batch that was scored last. */
void influence_latent_means(const struct influence *s, float *mu);
/* From here on all dot products are whitened, which makes them influences with inverse curvature: whitening [n], borrowed. */
int influence_whiten(struct influence *s, const struct whitening *whitening, struct fail *f);
/* With INFLUENCE_GRADIENTS: how the gradients of a decoder layer are kept at each checkpoint, forms [n], borrowed: those that are chosen stay, and
 * gradients_choose() chooses the others. Gradients that meet in dot products must have the same form; without this call all are dense. */
struct gradient_forms {
	int chosen;
	char sparse[MAX_LAYERS];
};
int influence_use_forms(struct influence *s, struct gradient_forms *forms, struct fail *f);
void influence_close(struct influence *s);

#endif
