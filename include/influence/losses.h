/* losses.h - the loss of records at every checkpoint of a model, with forward passes only:
 *
 *   loss = beta KL(Q(.|x) || N(0, I)) + mean over the draws of recon(x, decoder(xi))          (Kong & Chaudhuri 2021, equation 6; loss.h)
 */
#ifndef VF_LOSSES_H
#define VF_LOSSES_H

#include <stdint.h>

#include "model/checkpoints.h"

struct losses; /* buffers for one batch, one per worker */

/* models [n] are borrowed. Likelihood, beta and draws are those of models[n-1].cfg.score, as for self influence. */
struct losses *losses_open(const struct model *models, int n, int batch, struct fail *f);
/* loss [batch][n] of x [batch][input]; id [batch]: a hash of each payload. The noise is that of influence.h, so that the last
 * checkpoint's losses are equal to its losses. */
void losses_score(struct losses *s, const float *x, const uint64_t *id, double *loss);
void losses_close(struct losses *s);

#endif
