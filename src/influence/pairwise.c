/* Influence of a batch over test records. While the gradients of the batch at a checkpoint are in memory, their dot products with the
 * test records' gradients are added up, one block of test records after the other. */
#include "influence/pairwise.h"

#include <math.h>

#include "gemm/mat.h"
#include "influence/gradients.h"

struct call { /* the arguments, for the callback */
	const struct pairwise *p;
	const struct pairwise_batch *b;
	struct influence *s;
};

/* The test records that row is a candidate of. A record that cannot be read has a placeholder, which is left out. */
static const struct candidate *candidates_of_row(const struct pairwise *p, const struct pairwise_batch *b, size_t row, size_t *n)
{
	const struct candidate *c = candidates_find(p->candidates, b->position[row], n);
	if (*n && c->test == CANDIDATE_UNREADABLE)
		*n = 0;
	return c;
}

static void add_all_pairs(const struct call *k, int checkpoint)
{
	const struct test_set *t = k->p->tests;
	for (size_t block = 0; block < t->nblocks; block++) {
		int n = (int)(t->block_from[block + 1] - t->block_from[block]);
		gradients_dots(k->s, 0, k->b->n, test_set_gradients(t, block, checkpoint), n, 0, n, k->b->influence + t->block_from[block], t->n);
	}
}

static void add_candidates(const struct call *k, int checkpoint)
{
	const struct test_set *t = k->p->tests;
	for (size_t row = 0; row < (size_t)k->b->n; row++) {
		size_t n;
		for (const struct candidate *c = candidates_of_row(k->p, k->b, row, &n); n; n--, c++) {
			size_t test = c->test, block = test_set_block_of(t, test), from = t->block_from[block];
			gradients_dots(k->s, (int)row, 1, test_set_gradients(t, block, checkpoint), (int)(t->block_from[block + 1] - from),
			               (int)(test - from), 1, k->b->influence + row * t->n + test, t->n);
		}
	}
}

static int on_checkpoint(void *ctx, int checkpoint, struct fail *f)
{
	const struct call *k = ctx;
	(void)f;
	if (k->p->candidates)
		add_candidates(k, checkpoint);
	else
		add_all_pairs(k, checkpoint);
	return 0;
}

/* 0 for pairs that get an influence, NAN for the others. */
static void clear_influence(const struct pairwise *p, const struct pairwise_batch *b)
{
	size_t tests = p->tests->n;
	for (size_t row = 0; row < (size_t)b->n; row++) {
		double *influence = b->influence + row * tests;
		size_t n;
		for (size_t q = 0; q < tests; q++)
			influence[q] = p->candidates || p->tests->record[q].why ? NAN : 0;
		if (p->candidates)
			for (const struct candidate *c = candidates_of_row(p, b, row, &n); n; n--, c++)
				influence[c->test] = 0;
	}
}

/* Normalizes a record's influences; a record with one that is not finite has no score. */
static void normalize_row(const struct pairwise *p, const struct pairwise_batch *b, size_t row)
{
	const struct test_set *t = p->tests;
	double norm2 = b->score[row].selfinf, *influence = b->influence + row * t->n;
	struct fail *why = &b->why[row];
	if (!isfinite(norm2))
		fail_set(why, "its gradient is not finite");
	else if (p->normalize != NORMALIZE_NONE && !(norm2 > 0))
		fail_set(why, "its gradient is 0 and has no direction");
	for (size_t q = 0; q < t->n && !why->msg[0]; q++) {
		double v = influence[q];
		if (t->record[q].why) {
			influence[q] = NAN;
			continue;
		}
		if (isinf(v) || (isnan(v) && !p->candidates))
			fail_set(why, "its influence over '%.200s' is not finite", t->record[q].key);
		if (p->normalize == NORMALIZE_TRAIN)
			influence[q] = v / sqrt(norm2);
		else if (p->normalize == NORMALIZE_BOTH)
			influence[q] = v / (sqrt(norm2) * sqrt(t->record[q].norm2));
	}
}

void pairwise_distances(const struct pairwise *p, struct influence *s, const float *x, const struct pairwise_batch *b)
{
	const struct test_set *t = p->tests;
	size_t latent = (size_t)t->models[0].cfg.latent;
	influence_latent_means(s, x, b->mu);
	for (size_t row = 0; row < (size_t)b->n; row++)
		for (size_t q = 0; q < t->n; q++)
			b->distance[row * t->n + q] = t->record[q].why ? NAN : sqrt(squared_distance(b->mu + row * latent, t->mu + q * latent, latent));
}

int pairwise_score(const struct pairwise *p, struct influence *s, const float *x, const float *eps, const struct pairwise_batch *b, struct fail *f)
{
	struct call call = {p, b, s};
	clear_influence(p, b);
	if (influence_each_checkpoint(s, x, b->id, eps, b->score, on_checkpoint, &call, f))
		return -1;
	pairwise_distances(p, s, NULL, b);
	for (size_t row = 0; row < (size_t)b->n; row++)
		if (!b->why[row].msg[0])
			normalize_row(p, b, row);
	return 0;
}
