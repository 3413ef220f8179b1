/* state.h - the state of a training, from which `vae-train --resume` continues to the same bits.
 *
 * DIR/state is a safetensors file with the parameters and the optimiser's averages. Its metadata are the configuration, counts, running
 * sums, and a checksum of everything. Nothing is read from the checkpoints, so that the state cannot disagree with what a kill left of
 * them. Noise and order come from a counter-based generator, whose position is the step.
 */
#ifndef VF_STATE_H
#define VF_STATE_H

#include "model/model.h"
#include "model/model_dir.h"
#include "train/trainer.h"

struct state {
	int64_t step;
	int64_t records;        /* of the data set, held-out ones included */
	uint64_t data;          /* hash of their payloads in order */
	int64_t last_checkpoint;    /* its step */
	int64_t checkpoint_counted; /* steps since then */
	double checkpoint_sum;      /* of their losses */
	int64_t counted;        /* steps since the last line of the log */
	struct train_stats sum; /* of them */
	double loss, holdout;   /* at the last checkpoint */
	double seconds;         /* spent training */
	int64_t log_bytes;      /* length of train.jsonl */
};

/* Writes DIR/state, whole or not at all. */
int state_write(const char *dir, const struct state *s, const struct model *m, const struct trainer *t, struct fail *f);
/* Copies the parameters and averages into m and t, which were opened under the caller's configuration: 1. 0 when there is no state; -1
 * when it is damaged, or of another configuration, with the first key that differs. train.steps may have grown. */
int state_read(const struct model_dir *dir, struct state *s, struct model *m, struct trainer *t, struct fail *f);

#endif
