/* draws.h - the draws of records through a model's decoder, with forward passes only:
 *
 *   head = encoder(x) = (mu, log sigma^2),   xi_j = mu + sigma eps_j,   logits_j = decoder(xi_j),   j < draws
 *
 * The noise eps_j depends on the seed, the step of the checkpoint, the hash of the payload and j alone.
 */
#ifndef VF_DRAWS_H
#define VF_DRAWS_H

#include <stdint.h>

#include "model/model.h"

struct draws; /* buffers for one batch, one per worker */

/* models [n] of one network are borrowed. seed: of the noise. */
struct draws *draws_open(const struct model *models, int n, int batch, int draws, uint64_t seed, struct fail *f);

struct draw {
	int record, index;   /* row in the batch; number of the draw */
	const float *head;   /* [2 latent] of the record */
	const float *eps;    /* [latent] */
	const float *xi;     /* [latent] */
	const float *logits; /* [input] */
	const float *x;      /* [input] of the record, in the order of the logits */
};

/* Runs x [batch][input] through checkpoint c; id [batch]: a hash of each payload. Calls each() for every draw, in order of record and
 * index. */
void draws_run(struct draws *s, int c, const float *x, const uint64_t *id, void (*each)(void *ctx, const struct draw *d), void *ctx);
void draws_close(struct draws *s);

#endif
