/* shares.h - the records of the virtual workers of a training (train/team.h), over all ranks. */
#ifndef VF_SHARES_H
#define VF_SHARES_H

#include <stdint.h>

#include "train/dataset.h"
#include "train/team.h"

struct share_counts {
	uint64_t records, ntrain, nheld_out;
	uint64_t hash; /* of the payloads in order, and of the marks of dataset_hold_out() */
};
struct share { /* one worker of this rank: pointers into dataset.train and dataset.held_out */
	uint32_t *train;
	const uint32_t *held_out;
};

struct shares {
	const struct team *team;
	const struct dataset *data;
	struct share_counts *counts; /* [team->workers] */
	struct share *share;         /* [team->workers]; NULL pointers for the workers of other ranks */
	struct share_counts all;     /* sums over all workers */
};

/* Collective. d has been split into training and held-out records, and has a part for each worker of this rank, or no parts for a single worker.
 * -1 on all ranks if a worker has no training record. Call shares_close() after a failure too. */
int shares_open(struct shares *s, const struct team *team, const struct dataset *d, struct fail *f);
/* Collective. Mean and standard deviation [data->size] over the training records of all workers; vectors only. The statistics of the workers
 * are merged in the order of the workers (Chan, Golub & LeVeque 1983, equation 2.1). */
int shares_statistics(const struct shares *s, double *mean, double *deviation, struct fail *f);
void shares_close(struct shares *s);

#endif
