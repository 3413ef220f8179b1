/* scorer.h - what every worker needs for influence.h: its buffers, and the noise of one batch where it is read from a file. */
#ifndef VF_SCORER_H
#define VF_SCORER_H

#include "influence/influence.h"
#include "influence/noise.h"
#include "model/batch.h"

struct scorer {
	struct influence *influence;
	const struct noise *noise;
	float *eps; /* [influence_batch_size()][draws][latent]; NULL where the noise is drawn */
};

/* Scorers for count workers; flags as for influence_open(). Then packs the weights of the models, and the matrices of the whitening, as far
 * as memory allows. models, noise and whitening [n], which may be NULL, are borrowed. NULL with the reason. */
struct scorer *scorers_open(struct model *models, int n, int count, int flags, const struct noise *noise, struct whitening *whitening,
                            struct fail *f);
/* Reads the noise of a batch into eps. Does nothing where the noise is drawn. */
int scorer_read_noise(struct scorer *s, const struct batch *b, struct fail *f);
void scorers_close(struct scorer *s, int count);

#endif
