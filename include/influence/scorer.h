/* scorer.h - what every worker needs for influence.h: its buffers, and the noise of one batch if it is read from a file. */
#ifndef VF_SCORER_H
#define VF_SCORER_H

#include "influence/influence.h"
#include "influence/noise.h"
#include "model/batch.h"

struct scorer {
	struct influence *influence;
	const struct noise *noise;
	float *eps; /* [influence_batch_size()][draws][latent]; NULL if the noise is drawn */
	struct packing *packing; /* of all workers */
};

/* Scorers for count workers; flags as for influence_open(). The weights of the models, and the matrices of the whitening, are packed as far as
 * memory allows: at once with INFLUENCE_GRADIENTS, otherwise by scorer_score(). models, noise and whitening [n], which may be NULL, are
 * borrowed. NULL with the reason. */
struct scorer *scorers_open(struct model *models, int n, int count, int flags, const struct noise *noise, struct whitening *whitening,
                            struct fail *f);
/* Reads the noise of a batch into eps. Does nothing if the noise is drawn. */
int scorer_read_noise(struct scorer *s, const struct batch *b, struct fail *f);
/* Scores a batch; x, out and by_tensor as for influence_score(). Packs the weights before, unless it is the first batch of the stream and has
 * so few records that packing takes longer than it saves. */
int scorer_score(struct scorer *s, const struct batch *b, const float *x, struct score *out, double *by_tensor, struct fail *f);
void scorers_close(struct scorer *s, int count);

#endif
