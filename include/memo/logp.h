/* logp.h - log p(x) of records under a VAE, by importance sampling from the encoder (Burda et al. 2016; van den Burg & Williams 2021):
 *
 *   log p(x) ~ log 1/N sum_n  p(x|z_n) p(z_n) / q(z_n|x),   z_n ~ q(.|x)
 *
 * in log space, one draw after another. It needs a likelihood p(x|z) that is a density (struct likelihood_density).
 */
#ifndef VF_LOGP_H
#define VF_LOGP_H

#include <stdint.h>

#include "model/model.h"

/* p(x|z) of the likelihood that the model was trained with, f the decoder's output, n numbers a record:
 *
 *   bernoulli  prod sigmoid(f)^x (1 - sigmoid(f))^(1-x), for pixels that are 0 or 1 (input.binarize)
 *   gaussian   N(x; sigmoid(f), variance I);   linear   N(x; f, variance I), of standardised values
 *
 * variance is model.variance, learnt for each channel (nn/loss.h), or, where that is 0, train.beta / 2: with it the loss of the training,
 * recon + beta KL, is beta times the negative evidence lower bound. */
struct likelihood_density {
	enum likelihood likelihood;
	double variance; /* below 0: learnt */
};
/* -1 with the reason when the configuration has no density. */
int likelihood_density_of(const struct config *cfg, struct likelihood_density *d, struct fail *f);

struct logp; /* buffers for one batch, one per worker */

/* models [n] of one network are borrowed; their train and model keys give the density, models[n-1].cfg.score the seed of the noise. */
struct logp *logp_open(const struct model *models, int n, int batch, int draws, struct fail *f);
/* logp, se [batch][n] of x [batch][input]: the estimate and its standard error (delta method; 0 for one draw). id [batch]: a hash of each
 * payload, on which the noise depends. */
void logp_score(struct logp *s, const float *x, const uint64_t *id, double *logp, double *se);
void logp_close(struct logp *s);

#endif
