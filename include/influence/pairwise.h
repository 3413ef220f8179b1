/* pairwise.h - VAE-TracIn of a batch of records over all test records, or over those that a record is a candidate of. */
#ifndef VF_PAIRWISE_H
#define VF_PAIRWISE_H

#include "influence/candidates.h"
#include "influence/test_set.h"

/* Influence as it is, divided by the length of the record's gradient over all checkpoints, or of both gradients. */
enum normalize { NORMALIZE_NONE, NORMALIZE_TRAIN, NORMALIZE_BOTH };

struct pairwise {
	const struct test_set *tests;
	const struct candidates *candidates; /* NULL: all pairs */
	enum normalize normalize;
};

struct pairwise_batch { /* of a batch; why is empty, or why a record has no score */
	int n; /* taken, of those there is room for */
	const uint64_t *id, *position;
	struct fail *why;
	struct score *score;
	float *mu;                    /* [rows][latent] */
	double *influence, *distance; /* [rows][tests], NAN where there is none */
};

/* x [batch][input], eps or NULL as in influence_each_checkpoint(); s was opened with INFLUENCE_GRADIENTS. */
int pairwise_score(const struct pairwise *a, struct influence *s, const float *x, const float *eps, const struct pairwise_batch *r, struct fail *f);
/* Latent means and distances alone. */
void pairwise_distances(const struct pairwise *a, struct influence *s, const float *x, const struct pairwise_batch *r);

#endif
