/* pairwise.h - VAE-TracIn of the records of a batch over test records (Kong & Chaudhuri 2021, equation 10):
 *
 *   influence(x, z) = sum over checkpoints c of w_c <mean gradient of x at c, mean gradient of z at c>
 *
 * for all pairs, or for the candidates of each test record only; and the distances between the latent means of x and z. */
#ifndef VF_PAIRWISE_H
#define VF_PAIRWISE_H

#include <inttypes.h>

#include "influence/candidates.h"
#include "influence/scorer.h"
#include "influence/test_set.h"

/* Influences as they are, divided by |gradient of x|, or by |gradient of x| |gradient of z| (cosine); lengths are over all checkpoints. */
enum normalize { NORMALIZE_NONE, NORMALIZE_TRAIN, NORMALIZE_BOTH };

struct pairwise {
	const struct test_set *tests;
	const struct candidates *candidates; /* NULL: all pairs */
	enum normalize normalize;
};

/* Bytes of the results of a batch. */
size_t pairwise_result_size(const struct pairwise *p, int rows);
/* Computes the results of a batch, and sets b->why if a score is not finite. x [rows][input]; s was opened with
 * INFLUENCE_GRADIENTS. */
int pairwise_score(const struct pairwise *p, struct scorer *s, struct batch *b, const float *x, void *result, struct fail *f);

/* The note in the header of a matrix of influences: a hash of the payloads of all records, in order, and one of the test records. */
#define MATRIX_NOTE "%016" PRIx64 " %016" PRIx64

struct pairwise_row { /* the results of a record */
	const struct score *score;
	const float *mu;                    /* [latent]: latent means at the last checkpoint */
	const double *influence, *distance; /* [tests]; NAN if a pair has none */
	uint64_t id;                        /* hash of the payload */
};
/* rows: of the batch. */
struct pairwise_row pairwise_row(const struct pairwise *p, int rows, const void *result, int64_t row);

/* Reads a stream to the end, and finds the k candidates of each test record: the records with the largest influence, positive or negative, as p and
 * s compute it. s [workers], as for pairwise_score(); p->candidates is NULL. Calls progress() after each batch, with the number of records so far. */
int pairwise_find_candidates(const struct pairwise *p, size_t k, struct candidates *out, struct scorer *s, int workers, struct reader *in,
                             void (*progress)(void *ctx, uint64_t records), void *ctx, struct fail *f);

#endif
