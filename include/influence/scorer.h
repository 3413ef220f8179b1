/* scorer.h - what a worker of vae-selfinf and vae-testinf holds: buffers of influence.h, and those of one batch. */
#ifndef VF_SCORER_H
#define VF_SCORER_H

#include "model/batch.h"
#include "influence/influence.h"
#include "influence/noise.h"

struct scorer {
	struct influence *influence;
	float *x;   /* [influence_batch_size()][input] */
	float *eps; /* [influence_batch_size()][draws][latent]; NULL where the noise is not given */
	int ready;
};

/* For count threads; flags are influence_open()'s. NULL with the reason. models, which are prepared (influence_pack_weights()), and noise are
 * borrowed. */
struct scorer *scorers_open(struct model *models, int n, int count, int flags, const struct noise *noise, struct fail *f);
/* Decodes the batch into x, and copies its part of the noise into eps. On the worker's own thread. */
int scorer_read(struct scorer *s, struct batch *b, const struct model *last, const struct noise *noise, struct fail *f);
void scorers_close(struct scorer *s, int count);

#endif
