/* pairwise.h - VAE-TracIn of the records of a batch over test records (Kong & Chaudhuri 2021, equation 10):
 *
 *   influence(x, z) = sum over checkpoints c of w_c <mean gradient of x at c, mean gradient of z at c>
 *
 * for all pairs, or for the candidates of each test record only; and the distances between the latent means of x and z. */
#ifndef VF_PAIRWISE_H
#define VF_PAIRWISE_H

#include "influence/candidates.h"
#include "influence/test_set.h"

/* Influences as they are, divided by |gradient of x|, or by |gradient of x| |gradient of z| (cosine); lengths are over all checkpoints. */
enum normalize { NORMALIZE_NONE, NORMALIZE_TRAIN, NORMALIZE_BOTH };

struct pairwise {
	const struct test_set *tests;
	const struct candidates *candidates; /* NULL: all pairs */
	enum normalize normalize;
};

struct pairwise_batch {
	int n;                         /* records, at most the rows of the batch */
	const uint64_t *id, *position; /* [rows]: hash of the payload; position in the stream */
	struct fail *why;              /* [rows]: empty, or why a record has no score */
	struct score *score;           /* [rows] */
	float *mu;                     /* [rows][latent]: latent means at the last checkpoint */
	double *influence, *distance;  /* [rows][tests]; NAN if a pair has none */
};

/* Fills score, mu, influence and distance, and `why` where a score is not finite. x [rows][input]; eps as in
 * influence_each_checkpoint(). s was opened with INFLUENCE_GRADIENTS. */
int pairwise_score(const struct pairwise *p, struct influence *s, const float *x, const float *eps, const struct pairwise_batch *b, struct fail *f);
/* Fills mu and distance only. */
void pairwise_distances(const struct pairwise *p, struct influence *s, const float *x, const struct pairwise_batch *b);

#endif
