/* fit.h - training: steps over shuffled epochs, checkpoints, log and state into a directory. */
#ifndef VF_FIT_H
#define VF_FIT_H

#include "train/dataset.h"
#include "model/model.h"
#include "model/model_dir.h"
#include "base/pool.h"

struct fit {
	struct model *m;
	const struct dataset *data;
	struct pool *pool;
	struct model_dir *dir;
	double save_every; /* seconds between states beside those of the checkpoints; 0: none */
	int64_t from;      /* out: the step that the training was gone on with from; 0 for a new one */
	/* called after every step, with means since the last line of the log */
	void (*tick)(void *ctx, int64_t step, double loss, double holdout_loss);
	void *ctx;
};

/* Holds records out (dataset_split()), and builds a model with initial weights; for vectors also with their mean and deviation. */
int fit_model(struct model *m, const struct config *cfg, struct dataset *d, struct fail *f);
/* Trains m from its parameters on, for m->cfg.train.steps. Leaves train.checkpoints evenly spaced checkpoints,
 * train.jsonl and the state in the directory. Stops when the loss is not finite; what was written until then
 * stays. In a directory with a state (model_dir_begin) it goes on from there: to the same bits. */
int fit_run(struct fit *t, struct fail *f);

#endif
