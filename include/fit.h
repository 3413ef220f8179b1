/* fit.h - training: records in memory, steps over shuffled epochs, checkpoints into a directory. */
#ifndef VF_FIT_H
#define VF_FIT_H

#include "model.h"
#include "pool.h"

struct dataset {
	uint8_t *x;         /* [n][size], 8-bit samples */
	uint64_t *id;       /* [n]: hashes of the payloads */
	size_t n, cap, size;
	uint32_t *train, *held; /* positions; held out: chosen by hash, so that duplicates go together */
	size_t ntrain, nheld;
};

int dataset_add(struct dataset *d, const uint8_t *x, uint64_t id, struct fail *f);
/* Holds out about this share. */
int dataset_split(struct dataset *d, double share, uint64_t seed, struct fail *f);
void dataset_free(struct dataset *d);

struct fit {
	struct model *m;
	struct dataset *data;
	struct pool *pool;
	const struct model_dir *dir;
	/* called after every step, with means since the last line of the log */
	void (*tick)(void *ctx, int64_t step, double loss, double holdout_loss);
	void *ctx;
};

/* Trains m from its parameters on, for m->cfg.train.steps. Leaves train.checkpoints evenly spaced
 * checkpoints and train.jsonl in the directory. Stops when the loss is not finite; what was
 * written until then stays. */
int fit_run(struct fit *t, struct fail *f);

#endif
