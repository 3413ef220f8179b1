/* train.h - one optimiser step of a beta-VAE, split into fixed units of work.
 *
 * A layer is cut by columns into the same units whatever the number of threads, and no unit's
 * result is added to another's in varying order: the same seed gives the same bits at any -j.
 */
#ifndef VF_TRAIN_H
#define VF_TRAIN_H

#include "model/model.h"
#include "base/pool.h"

struct trainer;

struct train_stats {
	double recon, kl, loss; /* means over the batch; loss = recon + beta kl */
	double grad_sqnorm;     /* of the batch's mean gradient, where asked for */
};

/* m and pool are borrowed; the batch is m->cfg.train.batch. */
struct trainer *trainer_open(struct model *m, struct pool *pool, struct fail *f);
/* One step on x [batch][input] with noise eps [batch][latent]; the learning rate and the optimiser
 * are the configuration's. Returns -1, parameters untouched, when the loss is not finite. */
int trainer_step(struct trainer *t, const float *x, const float *eps, int want_norm, struct train_stats *s, struct fail *f);
/* The loss alone, nothing learnt. */
void trainer_loss(struct trainer *t, const float *x, const float *eps, struct train_stats *s);
/* What the optimiser remembers: Adam's averages [nparams], NULL under sgd. */
struct optimizer_state {
	float *m, *v;
};
struct optimizer_state trainer_state(const struct trainer *t);
/* Goes on after so many steps: the parameters and averages were put in place by the caller. */
void trainer_resume(struct trainer *t, long steps);
void trainer_close(struct trainer *t);

#endif
