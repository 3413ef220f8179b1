/* What a trace says of a step, against plain loops in double: losses of test records before and after it with the same noise, and what the
 * gradients of the batch predict, with the noise of a score and with that of the step. For a network of dense layers and a convolutional
 * one, whose parameters the passes keep a copy of. */
#include "base/rng.h"
#include "gemm/mat.h"
#include "influence/trace.h"
#include "naive.h"
#include "train/trainer.h"

enum { RECORDS = 30, TESTS = 7, BATCH = 13, STEPS = 3, MOST = 512 };

static const char dense[] = "input: {shape: [1, 5, 4]}\nmodel:\n  latent: 3\n"
			    "  encoder: [flatten, {linear: 9}, tanh, {linear: 6}]\n  decoder: [{linear: 11}, tanh, {linear: 20}]\n";
static const char pictures[] = "input: {shape: [1, 6, 6]}\nmodel:\n  latent: 2\n"
			       "  encoder: [{conv2d: {out: 5, kernel: 4, stride: 2, padding: 1}}, tanh, flatten, {linear: 4}]\n"
			       "  decoder: [{linear: 18}, tanh, {unflatten: [2, 3, 3]}, {conv_transpose2d: {out: 1, kernel: 4, stride: 2, padding: 1}}]\n";

static struct fail f;

static void fill(struct dataset *d, size_t n, size_t size, uint64_t first, uint64_t *state)
{
	uint8_t x[MOST];
	*d = (struct dataset){.size = size, .limit = SIZE_MAX};
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < size; k++)
			x[k] = (uint8_t)(256 * naive_uniform(state));
		if (dataset_add(d, x, first + i, &f))
			BAIL(&f);
	}
	if (dataset_seal(d, &f))
		BAIL(&f);
}

/* The mean loss of a record over the draws of a score, or with eps over that one draw; its gradient is added to g, unless that is NULL. */
static double mean_loss(const struct naive *n, const struct config *cfg, const struct dataset *d, size_t at, enum rng_role role, uint64_t step, const float *eps, double *g)
{
	static struct naive_draw t;
	static double one[20000];
	double x[MOST], wide[64], loss = 0;
	float narrow[64];
	int draws = eps ? 1 : cfg->score.draws, latent = cfg->latent;
	for (size_t k = 0; k < d->size; k++)
		x[k] = (double)((float)d->x[at * d->size + k] / 255.0f);
	memset(one, 0, n->n * sizeof *one);
	for (int j = 0; j < draws; j++) {
		if (!eps)
			rng_normal(narrow, latent, (uint64_t)cfg->score.seed, role, step, d->id[at], (uint32_t)j);
		to_double(wide, eps ? eps : narrow, (size_t)latent);
		loss += naive_loss(n, x, wide, &t) / draws;
		if (g)
			naive_gradient(n, x, wide, 0, one);
	}
	for (size_t i = 0; g && i < n->n; i++)
		g[i] += one[i] / draws;
	return loss;
}

static void compare(const char *what, const char *yaml, int likelihood)
{
	struct model m;
	struct dataset data, tests;
	uint64_t state = 11;
	float x[BATCH * MOST], eps[BATCH * 8];
	double worst[4] = {0};
	naive_model(&m, yaml, 0.4, &state);
	m.cfg.train.batch = BATCH;
	m.cfg.train.optimizer = SGD;
	m.cfg.train.lr = 0.003;
	m.cfg.train.beta = 1.7;
	m.cfg.train.likelihood = likelihood;
	m.cfg.score.draws = 5;
	m.cfg.score.beta = 9; /* the trace takes that of the training */
	size_t size = (size_t)m.enc.in, latent = (size_t)m.cfg.latent;
	fill(&data, RECORDS, size, 100, &state);
	fill(&tests, TESTS, size, 500, &state);
	struct pool *pool = pool_open(2, &f);
	struct trainer *trainer = pool ? trainer_open(&m, pool, &f) : NULL;
	struct trace *t = trainer ? trace_open(&m, &data, &tests, pool, &f) : NULL;
	if (!t)
		BAIL(&f);
	for (int step = 1; step <= STEPS; step++) {
		uint32_t row[BATCH];
		struct train_stats s;
		for (int i = 0; i < BATCH; i++) {
			row[i] = (uint32_t)((i * 7 + step) % RECORDS);
			dataset_floats(&data, NULL, row[i], x + (size_t)i * size);
		}
		naive_fill(eps, BATCH * latent, 1, 1, &state);
		struct naive before = naive_of(&m, (enum likelihood)likelihood, 1.7);
		double *drawn = calloc(before.n, sizeof *drawn), *exact = calloc(before.n, sizeof *exact);
		for (int i = 0; i < BATCH; i++) {
			mean_loss(&before, &m.cfg, &data, row[i], ROLE_TRAIN_RECORD, (uint64_t)step - 1, NULL, drawn);
			mean_loss(&before, &m.cfg, &data, row[i], ROLE_TRAIN_RECORD, 0, eps + (size_t)i * latent, exact);
		}
		if (trace_before(t, step, row, eps, &f) || trainer_step(trainer, x, eps, &s, &f))
			BAIL(&f);
		const struct trace_row *v = trace_after(t, &f);
		if (!v)
			BAIL(&f);
		struct naive after = naive_of(&m, (enum likelihood)likelihood, 1.7);
		for (size_t q = 0; q < TESTS; q++) {
			double *g = calloc(before.n, sizeof *g);
			double loss = mean_loss(&before, &m.cfg, &tests, q, ROLE_TEST_RECORD, (uint64_t)step - 1, NULL, g);
			double fall = loss - mean_loss(&after, &m.cfg, &tests, q, ROLE_TEST_RECORD, (uint64_t)step - 1, NULL, NULL);
			double length = sqrt(inner(g, g, before.n) * inner(exact, exact, before.n)) * 0.003 / BATCH;
			worst[0] = max_error(worst[0], fabs(v[q].loss / loss - 1));
			worst[1] = max_error(worst[1], fabs(v[q].fall - fall) / length);
			worst[2] = max_error(worst[2], fabs(v[q].influence - 0.003 / BATCH * inner(g, drawn, before.n)) / length);
			worst[3] = max_error(worst[3], fabs(v[q].exact - 0.003 / BATCH * inner(g, exact, before.n)) / length);
			free(g);
		}
		free(drawn), free(exact), free(before.p), free(after.p);
	}
	ok(worst[0] < 2e-6, "%s: losses before a step (relative error %.2g)", what, worst[0]);
	ok(worst[1] < 3e-4, "%s: how much they fall (error %.2g of the product of the gradients' lengths)", what, worst[1]);
	ok(worst[2] < 1e-5, "%s: what influences predict (error %.2g likewise)", what, worst[2]);
	ok(worst[3] < 1e-5, "%s: the same with the noise of the step (error %.2g likewise)", what, worst[3]);
	trace_close(t);
	trainer_close(trainer);
	pool_close(pool);
	dataset_free(&data);
	dataset_free(&tests);
	model_free(&m);
}

int main(void)
{
	compare("dense layers, bernoulli", dense, BERNOULLI);
	compare("dense layers, gaussian", dense, GAUSSIAN);
	compare("convolutions, bernoulli", pictures, BERNOULLI);
	return done();
}
