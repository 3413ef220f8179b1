/* The learnt variance of a likelihood: loss and gradients against a loss in double and its central differences, log p(x) against probabilistic
 * PCA, the loss of the scores, and what Adam does with it. */
#include <stdlib.h>

#include "base/rng.h"
#include "gemm/mat.h"
#include "influence/influence.h"
#include "influence/input_curvature.h"
#include "influence/losses.h"
#include "memo/logp.h"
#include "naive.h"
#include "nn/layout.h"
#include "train/trainer.h"

enum { BATCH = 3 };
#define LOG_2PI 1.8378770664093453

/* The loss of one record with these log variances [channels]. */
static double naive_learnt(const struct naive *n, const double *log_variance, const double *x, const double *eps, struct naive_draw *t)
{
	const int *shape = n->cfg->input_shape, area = shape[1] * shape[2];
	double recon = 0;
	naive_loss(n, x, eps, t);
	for (int i = 0; i < shape[0] * area; i++) {
		double f = t->dec.v[n->cfg->decoder.n][i], at = n->likelihood == LINEAR ? f : 1 / (1 + exp(-f)), v = exp(log_variance[i / area]);
		recon += (at - x[i]) * (at - x[i]) / (2 * v) + (LOG_2PI + log(v)) / 2;
	}
	return recon + n->beta * t->kl;
}

static void test_layouts(void)
{
	enum { AREA = 700, CHANNELS = 3, ALL = AREA * CHANNELS };
	static float f[ALL], x[ALL], d[ALL], last_f[ALL], last_x[ALL], last_d[ALL], back[ALL];
	float log_variance[CHANNELS] = {-4, 0.5f, 2};
	uint64_t state = 4;
	double by[CHANNELS], last_by[CHANNELS], want = 0, off = 0, worst = 0;
	naive_fill(f, ALL, 1, 2, &state);
	naive_fill(x, ALL, 0, 1, &state);
	to_channels_last(last_f, f, 1, CHANNELS, AREA);
	to_channels_last(last_x, x, 1, CHANNELS, AREA);
	struct learnt_variance v = {log_variance, CHANNELS, 0}, last = {log_variance, CHANNELS, 1}, none = {NULL, CHANNELS, 0};
	double got = loss_recon_learnt(GAUSSIAN, &v, f, x, ALL, d, by), same = loss_recon_learnt(GAUSSIAN, &last, last_f, last_x, ALL, last_d, last_by);
	for (int i = 0; i < ALL; i++) {
		double s = 1 / (1 + exp(-(double)f[i])), lv = (double)log_variance[i / AREA];
		want += (s - (double)x[i]) * (s - (double)x[i]) / 2 * exp(-lv) + (LOG_2PI + lv) / 2;
		worst = max_error(worst, fabs((double)d[i] - (s - (double)x[i]) * exp(-lv) * s * (1 - s)) * exp((double)log_variance[i / AREA]));
	}
	to_channels_first(back, last_d, 1, CHANNELS, AREA);
	for (int i = 0; i < ALL; i++)
		off = max_error(off, fabs((double)back[i] - (double)d[i]));
	ok(fabs(got / want - 1) < 1e-6 && fabs(same / want - 1) < 1e-6, "recon of three channels, in either order (%.8g, %.8g, expected %.8g)", got, same, want);
	ok(worst < 1e-6 && off <= 0, "its gradient by the output (error %.2g), the same in either order", worst);
	ok(fabs(by[0] / last_by[0] - 1) < 1e-6 && fabs(by[2] / last_by[2] - 1) < 1e-6, "and that by the log variances");
	ok(fabs(loss_recon_learnt(BERNOULLI, &none, f, x, ALL, d, NULL) / loss_recon(BERNOULLI, f, x, ALL, NULL) - 1) <= 0, "without one it is the recon of the likelihood");
}

/* Every parameter's gradient, from one step of gradient descent with a large rate (as in test_gradient.c). */
static void test_training(const char *what, const char *yaml)
{
	static float x[BATCH * NAIVE_WIDTH], eps[BATCH * 8];
	static double wide[BATCH][NAIVE_WIDTH], wide_eps[BATCH][8];
	struct model m;
	struct fail f = {{0}};
	struct train_stats s;
	uint64_t state = 21;
	naive_model(&m, yaml, 0.3, &state);
	const size_t n = m.nparams, in = (size_t)m.enc.in, latent = (size_t)m.cfg.latent;
	naive_fill(x, BATCH * in, 0, 1, &state);
	naive_fill(eps, BATCH * latent, 1, 1, &state);
	for (size_t r = 0; r < BATCH; r++) {
		to_double(wide[r], x + r * in, in);
		to_double(wide_eps[r], eps + r * latent, latent);
	}
	struct naive naive = naive_of(&m, m.cfg.train.likelihood, m.cfg.train.beta);
	struct naive_draw *t = calloc(1, sizeof *t);
	double *want = calloc(n, sizeof *want), *got = calloc(n, sizeof *got), loss = 0;
	for (size_t i = 0; i < n; i++) {
		double at = naive.p[i], h = 1e-5;
		for (int sign = 1; sign >= -1; sign -= 2) {
			naive.p[i] = at + sign * h;
			for (int r = 0; r < BATCH; r++)
				want[i] += sign * naive_learnt(&naive, naive.p + n - m.nvariances, wide[r], wide_eps[r], t) / BATCH / (2 * h);
		}
		naive.p[i] = at;
	}
	for (int r = 0; r < BATCH; r++)
		loss += naive_learnt(&naive, naive.p + n - m.nvariances, wide[r], wide_eps[r], t) / BATCH;
	float *before = malloc(n * sizeof *before);
	memcpy(before, m.params, n * sizeof *before);
	m.cfg.train.batch = BATCH;
	m.cfg.train.optimizer = SGD;
	m.cfg.train.lr = 65536;
	struct pool *pool = pool_open(1, &f);
	struct trainer *trainer = pool ? trainer_open(&m, pool, &f) : NULL;
	if (!trainer || trainer_step(trainer, x, eps, &s, &f))
		BAIL(&f);
	for (size_t i = 0; i < n; i++)
		got[i] = ((double)before[i] - (double)m.params[i]) / 65536;
	ok(fabs(s.loss / loss - 1) < 1e-6, "%s: the loss of a batch (%.8g, expected %.8g)", what, s.loss, loss);
	double all = relative_distance(got, want, n), own = relative_distance(got + n - m.nvariances, want + n - m.nvariances, m.nvariances);
	ok(all < 1e-5 && own < 1e-5, "%s: gradients by all parameters (distance %.2g), and by the log variances (%.2g)", what, all, own);
	trainer_close(trainer);
	pool_close(pool);
	memcpy(m.params, before, n * sizeof *before);

	/* the scores of the same model: the loss, and the curvature in the input for one draw and one direction */
	struct score score[BATCH];
	uint64_t id[BATCH] = {3, 1, 4};
	double losses[BATCH], bend[BATCH], off = 0, bend_off = 0;
	struct losses *l = losses_open(&m, 1, BATCH, &f);
	struct influence *influence = influence_open(&m, 1, BATCH, 0, &f);
	struct input_curvature *curvature = input_curvature_open(&m, 1, BATCH, 1, &f);
	if (!l || !influence || !curvature)
		BAIL(&f);
	losses_score(l, x, id, losses);
	influence_score(influence, BATCH, x, id, NULL, score, NULL);
	input_curvature_score(curvature, x, id, bend);
	naive.beta = m.cfg.score.beta;
	for (int r = 0; r < BATCH; r++) {
		uint32_t word[NAIVE_WIDTH];
		double g[2][NAIVE_WIDTH], square = 0;
		rng_normal(eps, (int)latent, 0, ROLE_TRAIN_RECORD, 0, id[r], 0);
		to_double(wide_eps[r], eps, latent);
		rng_words(word, (int)in, 0, ROLE_DIRECTIONS, 0, id[r], 0);
		double of = naive_learnt(&naive, naive.p + n - m.nvariances, wide[r], wide_eps[r], t);
		off = max_error(off, fabs(losses[r] / of - 1));
		off = max_error(off, fabs(score[r].loss / of - 1));
		off = max_error(off, fabs(score[r].nll / score[r].recon - 1));
		for (int moved = 0; moved < 2; moved++) {
			for (size_t i = 0; moved && i < in; i++)
				wide[r][i] += word[i] >> 31 ? 1e-3 : -1e-3;
			for (size_t i = 0; i < in; i++) {
				double at = wide[r][i];
				wide[r][i] = at + 1e-5;
				g[moved][i] = naive_learnt(&naive, naive.p + n - m.nvariances, wide[r], wide_eps[r], t) / 2e-5;
				wide[r][i] = at - 1e-5;
				g[moved][i] -= naive_learnt(&naive, naive.p + n - m.nvariances, wide[r], wide_eps[r], t) / 2e-5;
				wide[r][i] = at;
			}
		}
		for (size_t i = 0; i < in; i++)
			square += (g[1][i] - g[0][i]) * (g[1][i] - g[0][i]) * 1e6;
		bend_off = max_error(bend_off, fabs(bend[r] / square - 1));
	}
	ok(off < 3e-6, "%s: the loss of the scores, which is also nll (relative error %.2g)", what, off);
	ok(bend_off < 1e-2, "%s: the curvature in the input (relative error %.2g)", what, bend_off);
	losses_close(l);
	influence_close(influence);
	input_curvature_close(curvature);
	free(before);
	free(want);
	free(got);
	free(t);
	free(naive.p);
	model_free(&m);
}

/* Two latents without a decoder's weights: p(x) = N(x; b, v_c I) exactly, whatever the encoder. */
static void test_logp(void)
{
	struct model m;
	struct fail f = {{0}};
	uint64_t state = 5, id[BATCH] = {1, 2, 3};
	float x[BATCH * 6];
	double got[BATCH], se[BATCH], worst = 0;
	naive_model(&m, "input: {shape: [3, 1, 2]}\nmodel:\n  variance: learnt\n  latent: 2\n  encoder: [flatten, {linear: 4}]\n  decoder: [{linear: 6}]\n"
	                "train: {likelihood: linear}\nscore: {likelihood: linear}\n", 0.1, &state);
	float *w = m.params + 28, *b = w + 12, *log_variance = b + 6; /* after the encoder's 4 x 6 weights and 4 biases */
	for (int i = 0; i < 12; i++)
		w[i] = 0;
	naive_fill(log_variance, 3, 1, 1, &state);
	naive_fill(x, BATCH * 6, 1, 1, &state);
	struct logp *s = logp_open(&m, 1, BATCH, 4096, &f);
	if (!s)
		BAIL(&f);
	logp_score(s, x, id, got, se);
	for (int r = 0; r < BATCH; r++) {
		double want = 0;
		for (int i = 0; i < 6; i++) {
			double lv = (double)log_variance[i / 2], d = (double)x[r * 6 + i] - (double)b[i];
			want -= (d * d * exp(-lv) + LOG_2PI + lv) / 2;
		}
		worst = max_error(worst, fabs(got[r] - want) / (5 * se[r] + 1e-5));
	}
	ok(worst < 1, "log p(x) of a Gaussian of three variances (%.2g of five standard errors)", worst);
	logp_close(s);
	model_free(&m);
}

static void refused(const char *yaml, const char *word)
{
	struct config c;
	struct fail f = {{0}};
	config_defaults(&c);
	ok((config_parse(&c, yaml, strlen(yaml), &f) || config_check(&c, &f)) && strstr(f.msg, word), "%s", f.msg);
}

#define NET "input: {shape: [1, 2, 3]}\nmodel:\n  variance: learnt\n  latent: 1\n  encoder: [flatten, {linear: 2}]\n  decoder: [{linear: 6}]\n"

int main(void)
{
	mat_thread_init();
	test_layouts();
	test_training("linear layers, one channel", "input: {shape: [1, 3, 4]}\nmodel:\n  variance: learnt\n  latent: 3\n  encoder: [flatten, {linear: 9}, tanh, {linear: 6}]\n"
	                                            "  decoder: [{linear: 8}, tanh, {linear: 12}]\ntrain: {likelihood: linear, beta: 0.7}\nscore: {likelihood: linear, beta: 2.5, draws: 1}\n");
	test_training("convolutions, three channels", "input: {shape: [3, 6, 6]}\nmodel:\n  variance: learnt\n  latent: 2\n"
	                                              "  encoder: [{conv2d: {out: 4, kernel: 3, stride: 2, padding: 1}}, sigmoid, flatten, {linear: 4}]\n"
	                                              "  decoder: [{linear: 36}, tanh, {unflatten: [4, 3, 3]}, {conv_transpose2d: {out: 3, kernel: 4, stride: 2, padding: 1}}]\n"
	                                              "train: {likelihood: gaussian, beta: 1}\nscore: {beta: 1, draws: 1}\n");
	test_logp();
	refused(NET "train: {likelihood: bernoulli}\n", "bernoulli has no variance");
	refused(NET "train: {likelihood: gaussian}\nscore: {likelihood: bernoulli}\n", "score.likelihood bernoulli");
	return done();
}
