/* Influence of a batch over test records. While the gradients of the batch at a checkpoint are in memory, their dot products with the
 * test records' gradients are added up, one block of test records after the other. */
#include "influence/pairwise.h"

#include <math.h>
#include <string.h>

#include "gemm/mat.h"
#include "influence/gradients.h"
#include "model/batch_stream.h"

struct results { /* of a batch; arrays of [rows] or [rows][...] */
	int n; /* records */
	const uint64_t *id;
	struct fail *why;
	double *influence, *distance;
	struct score *score;
	uint64_t *position, *payload; /* payload: id, kept with the results */
	float *mu;
};

struct call { /* the arguments, for the callback */
	const struct pairwise *p;
	const struct results *b;
	struct influence *s;
};

static const struct model *last_model(const struct pairwise *p) { return &p->tests->models[p->tests->nmodels - 1]; }

/* --- results --- */

size_t pairwise_result_size(const struct pairwise *p, int rows)
{
	size_t latent = (size_t)last_model(p)->cfg.latent;
	return (size_t)rows * (2 * p->tests->n * sizeof(double) + sizeof(struct score) + 2 * sizeof(uint64_t) + latent * sizeof(float));
}

static struct results view(const struct pairwise *p, int rows, void *memory)
{
	struct results r = {.influence = memory};
	size_t pairs = (size_t)rows * p->tests->n;
	r.distance = r.influence + pairs;
	r.score = (struct score *)(r.distance + pairs);
	r.position = (uint64_t *)(r.score + rows);
	r.payload = r.position + rows;
	r.mu = (float *)(void *)(r.payload + rows);
	return r;
}

struct pairwise_row pairwise_row(const struct pairwise *p, int rows, const void *result, int64_t row)
{
	struct results r = view(p, rows, (void *)result);
	size_t i = (size_t)row, pair = i * p->tests->n;
	return (struct pairwise_row){r.score + i, r.mu + i * (size_t)last_model(p)->cfg.latent, r.influence + pair, r.distance + pair, r.payload[i]};
}

static struct results view_batch(const struct pairwise *p, struct batch *b, void *memory)
{
	struct results r = view(p, b->rows, memory);
	r.n = b->nrows;
	r.id = b->id;
	memcpy(r.payload, b->id, (size_t)b->rows * sizeof *b->id);
	r.why = b->why;
	for (int i = 0; i < b->nitems; i++)
		if (b->row[i] >= 0)
			r.position[b->row[i]] = b->item[i].ordinal - 1;
	return r;
}

/* --- scores --- */

/* The test records that row is a candidate of. A record that cannot be read has a placeholder, which is left out. */
static const struct candidate *candidates_of_row(const struct pairwise *p, const struct results *b, size_t row, size_t *n)
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
static void clear_influence(const struct pairwise *p, const struct results *b)
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
static void normalize_row(const struct pairwise *p, const struct results *b, size_t row)
{
	const struct test_set *t = p->tests;
	double norm2 = b->score[row].selfinf, *influence = b->influence + row * t->n;
	struct fail *why = &b->why[row];
	if (!isfinite(norm2))
		fail_unscored(why, "its gradient is not finite");
	else if (p->normalize != NORMALIZE_NONE && !(norm2 > 0))
		fail_unscored(why, "its gradient is 0 and has no direction");
	for (size_t q = 0; q < t->n && !why->msg[0]; q++) {
		double v = influence[q];
		if (t->record[q].why) {
			influence[q] = NAN;
			continue;
		}
		if (isinf(v) || (isnan(v) && !p->candidates))
			fail_unscored(why, "its influence over '%.200s' is not finite", t->record[q].key);
		if (p->normalize == NORMALIZE_TRAIN)
			influence[q] = v / sqrt(norm2);
		else if (p->normalize == NORMALIZE_BOTH)
			influence[q] = v / (sqrt(norm2) * sqrt(t->record[q].norm2));
	}
}

/* Of the batch that was scored last. */
static void set_distances(const struct pairwise *p, const struct influence *s, const struct results *b)
{
	const struct test_set *t = p->tests;
	size_t latent = (size_t)t->models[0].cfg.latent;
	influence_latent_means(s, b->mu);
	for (size_t row = 0; row < (size_t)b->n; row++)
		for (size_t q = 0; q < t->n; q++)
			b->distance[row * t->n + q] = t->record[q].why ? NAN : sqrt(squared_distance(b->mu + row * latent, t->mu + q * latent, latent));
}

int pairwise_score(const struct pairwise *p, struct scorer *s, struct batch *b, const float *x, void *result, struct fail *f)
{
	const struct results r = view_batch(p, b, result);
	struct call call = {p, &r, s->influence};
	if (scorer_read_noise(s, b, f))
		return -1;
	clear_influence(p, &r);
	if (influence_each_checkpoint(s->influence, x, r.id, s->eps, r.score, on_checkpoint, &call, f))
		return -1;
	set_distances(p, s->influence, &r);
	for (size_t row = 0; row < (size_t)r.n; row++)
		if (!r.why[row].msg[0])
			normalize_row(p, &r, row);
	return 0;
}

/* --- candidates --- */

struct search {
	const struct pairwise *p;
	struct candidates *out;
	struct scorer *scorer; /* [workers] */
	uint64_t records;
	void (*progress)(void *ctx, uint64_t records);
	void *ctx;
};

static int estimate_influence(void *ctx, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	const struct search *s = ctx;
	return pairwise_score(s->p, &s->scorer[worker], b, x, result, f);
}

static int add_batch(void *ctx, struct batch *b, void *result, struct fail *f)
{
	struct search *s = ctx;
	for (int i = 0; i < b->nitems; i++) {
		uint64_t position = b->item[i].ordinal - 1;
		int row = b->row[i];
		if (row < 0)
			continue;
		double *influence = view(s->p, b->rows, result).influence + (size_t)row * s->p->tests->n;
		s->records++;
		for (size_t q = 0; q < s->p->tests->n; q++)
			influence[q] = fabs(influence[q]);
		if (!b->why[row].msg[0])
			candidates_add(s->out, position, influence);
		else if (candidates_add_unreadable(s->out, position, f))
			return -1;
	}
	s->progress(s->ctx, s->records);
	return 0;
}

int pairwise_find_candidates(const struct pairwise *p, size_t k, struct candidates *out, struct scorer *s, int workers, struct reader *in,
                             void (*progress)(void *ctx, uint64_t records), void *ctx, struct fail *f)
{
	struct search search = {p, out, s, 0, progress, ctx};
	struct config cfg = last_model(p)->cfg;
	int rows = influence_batch_size(last_model(p), INFLUENCE_GRADIENTS);
	const struct batch_stream b = {
		.in = in, .cfg = &cfg, .rows = rows, .workers = workers, .ctx = &search, .standard = &last_model(p)->standard,
		.result_size = pairwise_result_size(p, rows), .work = estimate_influence, .consume = add_batch,
	};
	return candidates_open(out, k, p->tests->n, f) || batch_stream_run(&b, f) || candidates_sort(out, f) ? -1 : 0;
}
