/* against.h - VAE-TracIn of a batch of records over all test records, or over those that a record is a candidate of. */
#ifndef VF_AGAINST_H
#define VF_AGAINST_H

#include "influence/nearest.h"
#include "influence/tests.h"

/* Influence as it is, divided by the length of the record's gradient over all checkpoints, or of both gradients. */
enum normalize { AS_IT_IS, BY_TRAIN, BY_BOTH };

struct against {
	const struct tests *tests;
	const struct nearest *nearest; /* NULL: all pairs */
	enum normalize by;
};

struct against_rows { /* of a batch; why is empty, or why a record has no score */
	int n; /* taken, of those there is room for */
	const uint64_t *id, *position;
	struct fail *why;
	struct score *score;
	float *mu;                    /* [rows][latent] */
	double *influence, *distance; /* [rows][tests], NAN where there is none */
};

/* x [batch][input], eps or NULL as in influence_each(); s was opened with INFLUENCE_GRADIENTS. */
int against_score(const struct against *a, struct influence *s, const float *x, const float *eps, const struct against_rows *r, struct fail *f);
/* Latent means and distances alone. */
void against_distances(const struct against *a, struct influence *s, const float *x, const struct against_rows *r);

#endif
