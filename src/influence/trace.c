/* Chunks of records have a fixed size, so that the result does not depend on the number of threads. Buffers are opened anew for every chunk,
 * because those of a convolutional network hold a copy of the parameters, which change with every step. */
#include "influence/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm/mat.h"
#include "influence/gradients.h"

struct trace {
	struct model at;       /* shares the parameters of the model in training; scores with the likelihood and beta of the training */
	const struct dataset *data, *tests;
	struct pool *pool;
	int rows;              /* records of a chunk */
	const uint32_t *batch; /* of the step */
	const float *eps;      /* [train.batch][latent]: the noise of the step; NULL: the noise of a score */
	float **gradients;     /* [chunks of tests]: as gradients_copy() wrote them */
	double *dots;          /* [train.batch][tests]: influences */
	double *loss, *sum;    /* [tests], [2][tests] */
	struct trace_row *out; /* [tests] */
	struct fail *why;      /* [chunks of the tests or of the batch, whichever are more] */
};

struct chunk { /* of the test records, or of the batch */
	struct trace *t;
	struct influence *s;
	size_t first, n;
};

static size_t chunks(const struct trace *t, size_t n) { return (n + (size_t)t->rows - 1) / (size_t)t->rows; }

static size_t chunk_size(const struct trace *t, size_t n, size_t first) { return n - first < (size_t)t->rows ? n - first : (size_t)t->rows; }

static int keep_gradients(void *ctx, int checkpoint, struct fail *f)
{
	const struct chunk *c = ctx;
	float **to = &c->t->gradients[c->first / (size_t)c->t->rows];
	(void)checkpoint;
	*to = *to ? *to : mat_floats(c->n * gradients_size(c->s));
	if (!*to)
		return fail_memory_for(f, "the gradients of %zu test records", c->n);
	gradients_copy(c->s, (int)c->n, *to);
	return 0;
}

static int add_dots(void *ctx, int checkpoint, struct fail *f)
{
	const struct chunk *c = ctx;
	const struct trace *t = c->t;
	(void)checkpoint, (void)f;
	for (size_t first = 0; first < t->tests->n; first += (size_t)t->rows) {
		int n = (int)chunk_size(t, t->tests->n, first);
		gradients_dots(c->s, 0, (int)c->n, t->gradients[first / (size_t)t->rows], n, 0, n, t->dots + c->first * t->tests->n + first, t->tests->n);
	}
	return 0;
}

static int no_gradients(void *ctx, int checkpoint, struct fail *f)
{
	(void)ctx, (void)checkpoint, (void)f;
	return 0;
}

/* [rows][draws][latent]: the noise of the step for every draw. */
static float *repeat_noise(const struct chunk *c, struct fail *f)
{
	const struct config *cfg = &c->t->at.cfg;
	size_t latent = (size_t)cfg->latent, draws = (size_t)cfg->score.draws;
	float *eps = mat_floats((size_t)c->t->rows * draws * latent);
	if (!eps)
		fail_memory_for(f, "the noise of %d records", c->t->rows);
	for (size_t i = 0; eps && i < (size_t)c->t->rows * draws; i++) {
		size_t r = i / draws < c->n ? i / draws : c->n - 1;
		memcpy(eps + i * latent, c->t->eps + (c->first + r) * latent, latent * sizeof *eps);
	}
	return eps;
}

/* Scores the records `of` [n], or if that is NULL those from `first` on. loss [n] may be NULL. */
static int score(struct chunk *c, const struct dataset *d, const uint32_t *of, int flags, int (*each)(void *, int, struct fail *), double *loss, struct fail *f)
{
	const struct trace *t = c->t;
	size_t rows = (size_t)t->rows;
	float *x = mat_floats(rows * d->size);
	uint64_t *id = calloc(rows, sizeof *id);
	struct score *out = calloc(rows, sizeof *out);
	float *eps = of && t->eps ? repeat_noise(c, f) : NULL;
	int bad = !x || !id || !out ? fail_memory(f) : of && t->eps && !eps ? -1 : 0;
	for (size_t i = 0; !bad && i < rows; i++) { /* filled up with the last record */
		size_t k = i < c->n ? i : c->n - 1, at = of ? of[k] : c->first + k;
		dataset_floats(d, &t->at.standard, at, x + i * d->size);
		id[i] = d->id[at];
	}
	c->s = bad ? NULL : influence_open(&t->at, 1, t->rows, INFLUENCE_GRADIENTS | flags, f);
	bad = !c->s || influence_each_checkpoint(c->s, x, id, eps, out, each, c, f) ? -1 : 0;
	for (size_t i = 0; !bad && loss && i < c->n; i++)
		loss[i] = out[i].loss;
	influence_close(c->s);
	free(x);
	free(id);
	free(eps);
	free(out);
	return bad;
}

static void score_tests(struct trace *t, int i, int (*each)(void *, int, struct fail *))
{
	struct chunk c = {.t = t, .first = (size_t)i * (size_t)t->rows};
	c.n = chunk_size(t, t->tests->n, c.first);
	score(&c, t->tests, NULL, INFLUENCE_TESTS, each, t->loss + c.first, &t->why[i]);
}

static void tests_before(void *ctx, int i) { score_tests(ctx, i, keep_gradients); }
static void tests_after(void *ctx, int i) { score_tests(ctx, i, no_gradients); }

static void batch_before(void *ctx, int i)
{
	struct trace *t = ctx;
	struct chunk c = {.t = t, .first = (size_t)i * (size_t)t->rows};
	c.n = chunk_size(t, (size_t)t->at.cfg.train.batch, c.first);
	score(&c, t->data, t->batch + c.first, 0, add_dots, NULL, &t->why[i]);
}

/* The first failure in the order of the chunks. */
static int run(struct trace *t, size_t n, void (*each)(void *, int), struct fail *f)
{
	for (size_t i = 0; i < n; i++)
		t->why[i].msg[0] = 0;
	pool_run(t->pool, (int)n, each, t);
	for (size_t i = 0; i < n; i++)
		if (t->why[i].msg[0]) {
			*f = t->why[i];
			return -1;
		}
	return 0;
}

/* sum [tests]: lr/B times the influences of the batch, with noise eps. */
static int add_batch(struct trace *t, const float *eps, double *sum, struct fail *f)
{
	size_t tests = t->tests->n, batch = (size_t)t->at.cfg.train.batch;
	t->eps = eps;
	memset(t->dots, 0, batch * tests * sizeof *t->dots);
	if (run(t, chunks(t, batch), batch_before, f))
		return -1;
	for (size_t q = 0; q < tests; q++) {
		sum[q] = 0;
		for (size_t r = 0; r < batch; r++)
			sum[q] += t->dots[r * tests + q];
		sum[q] *= t->at.cfg.train.lr / (double)batch;
	}
	return 0;
}

int trace_before(struct trace *t, int64_t step, const uint32_t *row, const float *eps, struct fail *f)
{
	double *sum = t->sum, *exact = t->sum + t->tests->n;
	t->at.step = step - 1;
	t->batch = row;
	if (run(t, chunks(t, t->tests->n), tests_before, f) || add_batch(t, NULL, sum, f) || add_batch(t, eps, exact, f))
		return -1;
	for (size_t q = 0; q < t->tests->n; q++)
		t->out[q] = (struct trace_row){.loss = t->loss[q], .influence = sum[q], .exact = exact[q]};
	return 0;
}

const struct trace_row *trace_after(struct trace *t, struct fail *f)
{
	if (run(t, chunks(t, t->tests->n), tests_after, f))
		return NULL;
	for (size_t q = 0; q < t->tests->n; q++) {
		struct trace_row *v = &t->out[q];
		v->fall = v->loss - t->loss[q];
		if (!isfinite(v->fall) || !isfinite(v->influence) || !isfinite(v->exact)) {
			fail_set(f, "the loss or an influence of test record %zu is not finite: use a smaller train.lr", q + 1);
			return NULL;
		}
	}
	return t->out;
}

struct trace *trace_open(const struct model *m, const struct dataset *data, const struct dataset *tests, struct pool *pool, struct fail *f)
{
	struct trace *t = calloc(1, sizeof *t);
	if (!t) {
		fail_memory(f);
		return NULL;
	}
	*t = (struct trace){.at = *m, .data = data, .tests = tests, .pool = pool};
	struct config *cfg = &t->at.cfg;
	cfg->score.likelihood = cfg->train.likelihood;
	cfg->score.beta = cfg->train.beta;
	cfg->score.estimator = PLUGIN;
	cfg->score.weights = WEIGHTS_ONE;
	t->rows = influence_batch_size(&t->at, INFLUENCE_GRADIENTS);
	size_t n = chunks(t, tests->n), more = chunks(t, (size_t)cfg->train.batch);
	t->gradients = calloc(n, sizeof *t->gradients);
	t->dots = calloc((size_t)cfg->train.batch * tests->n, sizeof *t->dots);
	t->loss = calloc(tests->n, sizeof *t->loss);
	t->sum = calloc(2 * tests->n, sizeof *t->sum);
	t->out = calloc(tests->n, sizeof *t->out);
	t->why = calloc(n > more ? n : more, sizeof *t->why);
	if (t->gradients && t->dots && t->loss && t->sum && t->out && t->why)
		return t;
	fail_memory_for(f, "%zu test records", tests->n);
	trace_close(t);
	return NULL;
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	for (size_t i = 0; t->gradients && i < chunks(t, t->tests->n); i++)
		free(t->gradients[i]);
	free(t->gradients);
	free(t->dots);
	free(t->loss);
	free(t->sum);
	free(t->out);
	free(t->why);
	free(t);
}
