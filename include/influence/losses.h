/* losses.h - the loss of records at every checkpoint (loss.h), forward only. */
#ifndef VF_LOSSES_H
#define VF_LOSSES_H

#include <stdint.h>

#include "model/model.h"

struct losses; /* per worker */

/* models [n] are borrowed; how a loss is made says models[n-1].cfg.score, as for a self influence. */
struct losses *losses_open(const struct model *models, int n, int batch, struct fail *f);
/* x [batch][input], id: a hash of each payload; out [batch][n]: beta kl + recon, the mean over the draws.
 * The noise is that of influence.h, so at the last checkpoint that is its loss. */
void losses_score(struct losses *s, const float *x, const uint64_t *id, double *out);
void losses_close(struct losses *s);

#endif
