/* trainer.h - optimiser steps of a beta-VAE, on all threads of a pool.
 *
 * A step is cut into the same tasks whatever the number of threads, and their results are added in a fixed order: the same seed gives
 * the same bits at any -j.
 */
#ifndef VF_TRAINER_H
#define VF_TRAINER_H

#include "base/pool.h"
#include "model/model.h"

struct trainer;

struct train_stats {
	double recon, kl, loss; /* means over the batch; loss = recon + beta kl */
};

/* m and pool are borrowed. A batch is the share of one virtual worker, m->cfg.train.batch / m->cfg.train.shards records. NULL with a message. */
struct trainer *trainer_open(struct model *m, struct pool *pool, struct fail *f);
/* One step on x [batch][input] with noise eps [batch][latent], under the configuration's learning rate and optimiser. -1 when
 * the loss is not finite; the parameters are untouched then. */
int trainer_step(struct trainer *t, const float *x, const float *eps, struct train_stats *s, struct fail *f);
/* A step in two parts, for a batch in several shares. Sets the gradient [nparams] of the mean loss over this share; changes nothing else. */
void trainer_gradient(struct trainer *t, const float *x, const float *eps, float *gradient, struct train_stats *s);
/* Makes a step along `share` times a gradient [nparams], which is overwritten. */
void trainer_apply(struct trainer *t, float *gradient, float share);
/* The loss alone, without a step. */
void trainer_loss(struct trainer *t, const float *x, const float *eps, struct train_stats *s);
/* The state of the optimiser: Adam's averages [nparams], NULL under sgd. */
struct optimizer_state {
	float *m, *v;
};
struct optimizer_state trainer_state(const struct trainer *t);
/* Resumes after so many steps: the caller has put the parameters and averages in place. */
void trainer_resume(struct trainer *t, long steps);
void trainer_close(struct trainer *t);

#endif
