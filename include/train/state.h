/* state.h - where a training stands: what `vae-train --resume` goes on from, to the same bits.
 *
 * DIR/state is a safetensors file of the parameters and the optimiser's averages; its metadata hold the
 * configuration, counts and running sums, and a checksum over all of it. It is whole in itself: nothing is
 * read from the checkpoints, so that it cannot disagree with them, whatever stands there after a kill. Noise
 * and order come from a counter-based generator: the step says where it is.
 */
#ifndef VF_STATE_H
#define VF_STATE_H

#include "model/model.h"
#include "train/trainer.h"

struct state {
	int64_t step;
	int64_t records;        /* of the data set, held-out ones too */
	uint64_t data;          /* hash of their payloads in order */
	int64_t last_checkpoint, checkpoint_counted, counted;
	double checkpoint_sum;  /* of the loss, since the last checkpoint */
	struct train_stats sum; /* since the last line of the log */
	double loss, holdout;   /* at the last checkpoint */
	double seconds;         /* spent training */
	int64_t log_bytes;      /* length of train.jsonl */
};

int state_write(const char *dir, const struct state *s, const struct model *m, const struct trainer *t, struct fail *f);
/* Takes parameters and averages over into m and t, which the caller's configuration made: 1; 0 when there is no
 * state; -1 when it is damaged or of another configuration, where the key that differs is named. train.steps
 * may have grown. */
int state_read(const char *dir, struct state *s, struct model *m, struct trainer *t, struct fail *f);

#endif
