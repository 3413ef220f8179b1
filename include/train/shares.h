/* shares.h - which records the virtual workers of a training have (train/team.h), of all ranks. */
#ifndef VF_SHARES_H
#define VF_SHARES_H

#include <stdint.h>

#include "train/dataset.h"
#include "train/team.h"

struct share_counts {
	uint64_t records, ntrain, nheld_out;
	uint64_t hash; /* of the payloads in order */
};
struct share { /* of a worker of this rank: parts of dataset.train and dataset.held_out */
	uint32_t *train;
	const uint32_t *held_out;
};

struct shares {
	const struct team *team;
	const struct dataset *data;
	struct share_counts *counts; /* [team->workers] */
	struct share *share;         /* [team->workers]; NULL pointers of other ranks' workers */
	struct share_counts all;     /* of all workers */
};

/* Collective. d is split, and has a part for each worker of this rank, or one worker and no parts. -1 on all ranks when a worker has no record
 * to train on. Call shares_close() also after a failure. */
int shares_open(struct shares *s, const struct team *team, const struct dataset *d, struct fail *f);
/* Collective: mean and standard deviation [d->size] over the training records of all workers; vectors only. Statistics of the workers are
 * merged in their order (Chan, Golub & LeVeque 1983, equation 2.1). */
int shares_statistics(const struct shares *s, double *mean, double *deviation, struct fail *f);
void shares_close(struct shares *s);

#endif
