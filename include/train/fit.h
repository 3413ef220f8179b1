/* fit.h - training: steps over shuffled epochs; checkpoints, log and state in a directory. */
#ifndef VF_FIT_H
#define VF_FIT_H

#include "train/dataset.h"
#include "model/model.h"
#include "model/model_dir.h"
#include "base/pool.h"
#include "train/shares.h"

struct fit {
	struct model *m;
	const struct shares *shares; /* the records of all virtual workers */
	struct pool *pool;
	struct model_dir *dir; /* used by rank 0; other ranks write nothing */
	double save_every; /* seconds between states, beside those at checkpoints; 0: only at checkpoints */
	int64_t resumed_from; /* out: the step of the state it resumed from; 0 for a new training */
	/* After every step, with the mean loss since the last line of the log, and the last held-out loss; or NULL. */
	void (*progress)(void *ctx, int64_t step, double loss, double holdout_loss);
	/* Called before and after every step, with the records row [train.batch] of its batch and their noise eps [train.batch][latent]; or NULL.
	 * Requires a single worker. -1 stops the training. */
	int (*watch)(void *ctx, int after, int64_t step, const uint32_t *row, const float *eps, struct fail *f);
	void *ctx;
};

/* Both functions are collective. Builds a model with initial weights, and for vectors with the mean and deviation of the training records. */
int fit_model(struct model *m, const struct config *cfg, const struct shares *s, struct fail *f);
/* Trains m from its parameters on, for m->cfg.train.steps steps. Writes train.checkpoints evenly spaced checkpoints, train.jsonl and
 * the state. -1 when the loss is not finite; what was written until then stays. In a directory with a state (MODEL_DIR_RESUME) it
 * resumes from there, to the same bits, at any number of ranks. */
int fit_run(struct fit *t, struct fail *f);

#endif
