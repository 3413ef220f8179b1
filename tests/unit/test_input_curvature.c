/* The curvature of the loss in the input, against central differences of a loss in double with the same noise and directions, and against the
 * Hessian of a quadratic loss. */
#include <stdlib.h>

#include "base/rng.h"
#include "gemm/mat.h"
#include "influence/input_curvature.h"
#include "naive.h"

enum { BATCH = 3, CHECKPOINTS = 2, DIRECTIONS = 2 };

/* The mean loss over the draws. */
static double mean_loss(const struct naive *n, const struct model *m, const double *x, uint64_t id, struct naive_draw *t)
{
	double loss = 0;
	for (int j = 0; j < m->cfg.score.draws; j++) {
		float eps[64];
		double wide[64];
		rng_normal(eps, m->cfg.latent, (uint64_t)m->cfg.score.seed, ROLE_TRAIN_RECORD, (uint64_t)m->step, id, (uint32_t)j);
		to_double(wide, eps, (size_t)m->cfg.latent);
		loss += naive_loss(n, x, wide, t) / m->cfg.score.draws;
	}
	return loss;
}

static void gradient(const struct naive *n, const struct model *m, double *x, uint64_t id, struct naive_draw *t, double *g)
{
	for (int i = 0; i < m->enc.in; i++) {
		double at = x[i], e = 1e-5;
		x[i] = at + e;
		g[i] = mean_loss(n, m, x, id, t);
		x[i] = at - e;
		g[i] = (g[i] - mean_loss(n, m, x, id, t)) / (2 * e);
		x[i] = at;
	}
}

static double naive_curvature(const struct model *m, const float *x, uint64_t id)
{
	static double at[NAIVE_WIDTH], g[NAIVE_WIDTH], moved[NAIVE_WIDTH];
	uint32_t word[NAIVE_WIDTH];
	double squares = 0, h = 1e-3;
	struct naive n = naive_of(m, m->cfg.score.likelihood, m->cfg.score.beta);
	struct naive_draw *t = calloc(1, sizeof *t);
	to_double(at, x, (size_t)m->enc.in);
	gradient(&n, m, at, id, t, g);
	for (int k = 0; k < DIRECTIONS; k++) {
		rng_words(word, m->enc.in, (uint64_t)m->cfg.score.seed, ROLE_DIRECTIONS, (uint64_t)m->step, id, (uint32_t)k);
		for (int i = 0; i < m->enc.in; i++)
			at[i] = (double)x[i] + (word[i] >> 31 ? h : -h);
		gradient(&n, m, at, id, t, moved);
		for (int i = 0; i < m->enc.in; i++)
			squares += (moved[i] - g[i]) * (moved[i] - g[i]) / (h * h) / DIRECTIONS;
	}
	free(t);
	free(n.p);
	return squares;
}

static void compare(const char *what, const char *yaml)
{
	static float x[BATCH * NAIVE_WIDTH];
	struct model m[CHECKPOINTS];
	struct fail f = {{0}};
	uint64_t id[BATCH] = {3, 1, 4}, state = 7;
	double got[BATCH], worst = 0;
	for (int c = 0; c < CHECKPOINTS; c++) {
		naive_model(&m[c], yaml, 0.4, &state);
		m[c].step = 10 * c + 1;
	}
	naive_fill(x, BATCH * (size_t)m[0].enc.in, 0, 1, &state);
	struct input_curvature *s = input_curvature_open(m, CHECKPOINTS, BATCH, DIRECTIONS, &f);
	if (!s)
		BAIL(&f);
	input_curvature_score(s, x, id, got);
	for (int r = 0; r < BATCH; r++) {
		double want = 0;
		for (int c = 0; c < CHECKPOINTS; c++)
			want += naive_curvature(&m[c], x + (size_t)r * (size_t)m[c].enc.in, id[r]) / CHECKPOINTS;
		worst = max_error(worst, fabs(got[r] / want - 1));
	}
	ok(worst < 5e-3, "%s: against differences of a loss in double (relative error %.2g)", what, worst);
	input_curvature_close(s);
	for (int c = 0; c < CHECKPOINTS; c++)
		model_free(&m[c]);
}

/* One number x, one latent: mu = a x, log sigma^2 = 0 and the output is c xi. The loss is beta a^2 x^2 / 2 + mean_j (c a x + c eps_j - x)^2, so
 * that its second derivative is beta a^2 + 2 (c a - 1)^2. */
static void check_quadratic(void)
{
	struct model m;
	struct fail f = {{0}};
	uint64_t state = 1, id = 5;
	double got, a = 0.75, c = 2.5, beta = 3, second = beta * a * a + 2 * (c * a - 1) * (c * a - 1);
	float x = 0.625f;
	naive_model(&m, "input: {shape: [1, 1, 1]}\nmodel:\n  latent: 1\n  encoder: [flatten, {linear: 2}]\n  decoder: [{linear: 1}]\nscore: {draws: 4, beta: 3, likelihood: linear}\n", 0, &state);
	m.params[0] = (float)a; /* weights [a, 0], biases 0; then c and 0 */
	m.params[4] = (float)c;
	struct input_curvature *s = input_curvature_open(&m, 1, 1, 3, &f);
	if (!s)
		BAIL(&f);
	input_curvature_score(s, &x, &id, &got);
	ok(fabs(got / (second * second) - 1) < 2e-3, "the square of the second derivative of a quadratic loss (%.6g, expected %.6g)", got, second * second);
	input_curvature_close(s);
	model_free(&m);
}

int main(void)
{
	mat_thread_init();
	compare("linear layers", "input: {shape: [1, 3, 4]}\nmodel:\n  latent: 3\n  encoder: [flatten, {linear: 9}, tanh, {linear: 6}]\n"
	                         "  decoder: [{linear: 8}, tanh, {linear: 12}]\nscore: {draws: 4, beta: 2.5, seed: 11}\n");
	compare("convolutions", "input: {shape: [3, 6, 6]}\nmodel:\n  latent: 2\n"
	                        "  encoder: [{conv2d: {out: 4, kernel: 3, stride: 2, padding: 1}}, sigmoid, flatten, {linear: 4}]\n"
	                        "  decoder: [{linear: 36}, tanh, {unflatten: [4, 3, 3]}, {conv_transpose2d: {out: 3, kernel: 4, stride: 2, padding: 1}}]\n"
	                        "score: {draws: 3, likelihood: bernoulli}\n");
	compare("a convolution before a dense decoder", "input: {shape: [3, 6, 6]}\nmodel:\n  latent: 2\n"
	                                                "  encoder: [{conv2d: {out: 4, kernel: 3, stride: 2, padding: 1}}, tanh, flatten, {linear: 4}]\n"
	                                                "  decoder: [{linear: 108}]\nscore: {draws: 2, likelihood: linear}\n");
	compare("a dense encoder before a convolution", "input: {shape: [3, 6, 6]}\nmodel:\n  latent: 2\n  encoder: [flatten, {linear: 8}, tanh, {linear: 4}]\n"
	                                                "  decoder: [{linear: 36}, tanh, {unflatten: [4, 3, 3]}, {conv_transpose2d: {out: 3, kernel: 4, stride: 2, padding: 1}}]\n"
	                                                "score: {draws: 2, beta: 1}\n");
	check_quadratic();
	return done();
}
