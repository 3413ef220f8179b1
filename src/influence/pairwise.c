#include "influence/pairwise.h"

#include <math.h>

#include "density/density.h"
#include "influence/gradients.h"

struct task {
	const struct pairwise *a;
	const struct pairwise_batch *r;
	struct influence *s;
};

/* The tests that a row is to be scored over are pairs; a record that could not be read has one of none. */
static const struct candidate *pairs(const struct pairwise *a, const struct pairwise_batch *r, size_t row, size_t *n)
{
	const struct candidate *p = candidates_find(a->candidates, r->position[row], n);
	if (*n && p->test == CANDIDATE_UNREADABLE)
		*n = 0;
	return p;
}

static int on_checkpoint(void *ctx, int c, struct fail *f)
{
	const struct task *k = ctx;
	const struct test_set *t = k->a->tests;
	const struct pairwise_batch *r = k->r;
	(void)f;
	for (size_t b = 0; b < t->nblocks && !k->a->candidates; b++) {
		int n = (int)(t->block_from[b + 1] - t->block_from[b]);
		gradients_dots(k->s, 0, r->n, test_set_gradients(t, b, c), n, 0, n, r->influence + t->block_from[b], t->n);
	}
	for (size_t row = 0; row < (size_t)r->n && k->a->candidates; row++) {
		size_t n;
		for (const struct candidate *p = pairs(k->a, r, row, &n); n; n--, p++) {
			size_t q = p->test, b = test_set_block_of(t, q), from = t->block_from[b];
			gradients_dots(k->s, (int)row, 1, test_set_gradients(t, b, c), (int)(t->block_from[b + 1] - from), (int)(q - from), 1,
			               r->influence + row * t->n + q, t->n);
		}
	}
	return 0;
}

/* 0 where there is to be an influence, else NAN. */
static void lay_out(const struct pairwise *a, const struct pairwise_batch *r)
{
	size_t tests = a->tests->n;
	for (size_t row = 0; row < (size_t)r->n; row++) {
		double *v = r->influence + row * tests;
		size_t n;
		for (size_t q = 0; q < tests; q++)
			v[q] = a->candidates || a->tests->record[q].why ? NAN : 0;
		if (a->candidates)
			for (const struct candidate *p = pairs(a, r, row, &n); n; n--, p++)
				v[p->test] = 0;
	}
}

/* What is not finite, where an influence was asked for, is no score. */
static void scale(const struct pairwise *a, const struct pairwise_batch *r, size_t row)
{
	const struct test_set *t = a->tests;
	double norm = r->score[row].selfinf, *v = r->influence + row * t->n;
	if (!isfinite(norm))
		fail_set(&r->why[row], "its gradient is not finite");
	else if (a->normalize != NORMALIZE_NONE && !(norm > 0))
		fail_set(&r->why[row], "its gradient is 0 and has no direction");
	for (size_t q = 0; q < t->n && !r->why[row].msg[0]; q++) {
		if (t->record[q].why) {
			v[q] = NAN;
			continue;
		}
		if (isinf(v[q]) || (isnan(v[q]) && !a->candidates))
			fail_set(&r->why[row], "its influence over '%.200s' is not finite", t->record[q].key);
		v[q] /= a->normalize == NORMALIZE_NONE ? 1 : a->normalize == NORMALIZE_TRAIN ? sqrt(norm) : sqrt(norm) * sqrt(t->record[q].norm2);
	}
}

static void measure(const struct pairwise *a, const struct pairwise_batch *r)
{
	const struct test_set *t = a->tests;
	int latent = t->models[0].cfg.latent;
	const struct points x = {NULL, r->mu, (size_t)r->n, latent, 1}, z = {NULL, t->mu, t->n, latent, 1};
	for (size_t row = 0; row < (size_t)r->n; row++)
		for (size_t q = 0; q < t->n; q++)
			r->distance[row * t->n + q] = t->record[q].why ? NAN : sqrt(points_squared_distance(&x, row, &z, q));
}

void pairwise_distances(const struct pairwise *a, struct influence *s, const float *x, const struct pairwise_batch *r)
{
	influence_latent_means(s, x, r->mu);
	measure(a, r);
}

int pairwise_score(const struct pairwise *a, struct influence *s, const float *x, const float *eps, const struct pairwise_batch *r, struct fail *f)
{
	struct task k = {a, r, s};
	lay_out(a, r);
	if (influence_each_checkpoint(s, x, r->id, eps, r->score, on_checkpoint, &k, f))
		return -1;
	pairwise_distances(a, s, NULL, r);
	for (size_t row = 0; row < (size_t)r->n; row++)
		if (!r->why[row].msg[0])
			scale(a, r, row);
	return 0;
}
