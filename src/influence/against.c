#include "influence/against.h"

#include <math.h>

#include "density/density.h"
#include "influence/gradients.h"

struct task {
	const struct against *a;
	const struct against_rows *r;
	struct influence *s;
};

/* The tests that a row is to be scored over are pairs; a record that could not be read has one of none. */
static const struct pair *pairs(const struct against *a, const struct against_rows *r, size_t row, size_t *n)
{
	const struct pair *p = nearest_find(a->nearest, r->position[row], n);
	if (*n && p->test == NEAREST_NONE)
		*n = 0;
	return p;
}

static int on_checkpoint(void *ctx, int c, struct fail *f)
{
	const struct task *k = ctx;
	const struct tests *t = k->a->tests;
	const struct against_rows *r = k->r;
	(void)f;
	for (size_t b = 0; b < t->nblocks && !k->a->nearest; b++) {
		int n = (int)(t->from[b + 1] - t->from[b]);
		gradients_dots(k->s, 0, r->n, tests_block(t, b, c), n, 0, n, r->influence + t->from[b], t->n);
	}
	for (size_t row = 0; row < (size_t)r->n && k->a->nearest; row++) {
		size_t n;
		for (const struct pair *p = pairs(k->a, r, row, &n); n; n--, p++) {
			size_t q = p->test, b = tests_find(t, q), from = t->from[b];
			gradients_dots(k->s, (int)row, 1, tests_block(t, b, c), (int)(t->from[b + 1] - from), (int)(q - from), 1,
			               r->influence + row * t->n + q, t->n);
		}
	}
	return 0;
}

/* 0 where there is to be an influence, else NAN. */
static void lay_out(const struct against *a, const struct against_rows *r)
{
	size_t tests = a->tests->n;
	for (size_t row = 0; row < (size_t)r->n; row++) {
		double *v = r->influence + row * tests;
		size_t n;
		for (size_t q = 0; q < tests; q++)
			v[q] = a->nearest || a->tests->v[q].why ? NAN : 0;
		if (a->nearest)
			for (const struct pair *p = pairs(a, r, row, &n); n; n--, p++)
				v[p->test] = 0;
	}
}

/* What is not finite, where an influence was asked for, is no score. */
static void scale(const struct against *a, const struct against_rows *r, size_t row)
{
	const struct tests *t = a->tests;
	double norm = r->score[row].selfinf, *v = r->influence + row * t->n;
	if (!isfinite(norm))
		fail_set(&r->why[row], "its gradient is not finite");
	else if (a->by != AS_IT_IS && !(norm > 0))
		fail_set(&r->why[row], "its gradient is 0 and has no direction");
	for (size_t q = 0; q < t->n && !r->why[row].msg[0]; q++) {
		if (t->v[q].why) {
			v[q] = NAN;
			continue;
		}
		if (isinf(v[q]) || (isnan(v[q]) && !a->nearest))
			fail_set(&r->why[row], "its influence over '%.200s' is not finite", t->v[q].key);
		v[q] /= a->by == AS_IT_IS ? 1 : a->by == BY_TRAIN ? sqrt(norm) : sqrt(norm) * sqrt(t->v[q].norm2);
	}
}

static void measure(const struct against *a, const struct against_rows *r)
{
	const struct tests *t = a->tests;
	int latent = t->models[0].cfg.latent;
	const struct points x = {NULL, r->mu, (size_t)r->n, latent, 1}, z = {NULL, t->mu, t->n, latent, 1};
	for (size_t row = 0; row < (size_t)r->n; row++)
		for (size_t q = 0; q < t->n; q++)
			r->distance[row * t->n + q] = t->v[q].why ? NAN : sqrt(points_squared_distance(&x, row, &z, q));
}

void against_distances(const struct against *a, struct influence *s, const float *x, const struct against_rows *r)
{
	influence_means(s, x, r->mu);
	measure(a, r);
}

int against_score(const struct against *a, struct influence *s, const float *x, const float *eps, const struct against_rows *r, struct fail *f)
{
	struct task k = {a, r, s};
	lay_out(a, r);
	if (influence_each(s, x, r->id, eps, r->score, on_checkpoint, &k, f))
		return -1;
	against_distances(a, s, NULL, r);
	for (size_t row = 0; row < (size_t)r->n; row++)
		if (!r->why[row].msg[0])
			scale(a, r, row);
	return 0;
}
