/* log p(x) by importance sampling against models whose log p(x) is known: a linear VAE (probabilistic PCA, in closed form), and a VAE of one
 * latent (by quadrature). */
#include "gemm/mat.h"
#include "memo/logp.h"
#include "naive.h"

enum { RECORDS = 24, IN = 5 };
#define LOG_2PI 1.8378770664093453

/* Of (A B; B C) = W^T W + v I, two latents. */
struct posterior {
	double a, b, c, determinant;
};

static struct posterior posterior_of(const float *w, double v)
{
	struct posterior p = {v, 0, v, 0};
	for (int i = 0; i < IN; i++) {
		p.a += (double)w[2 * i] * w[2 * i];
		p.b += (double)w[2 * i] * w[2 * i + 1];
		p.c += (double)w[2 * i + 1] * w[2 * i + 1];
	}
	p.determinant = p.a * p.c - p.b * p.b;
	return p;
}

/* Sets the encoder (weight [4][5], bias [4]) to the posterior N(M^-1 W^T (x - b), v M^-1), M = W^T W + v I, without its covariances. */
static void set_posterior(struct model *m, double v)
{
	float *encoder = m->params, *bias = encoder + 4 * IN, *w = bias + 4, *b = w + 2 * IN;
	struct posterior p = posterior_of(w, v);
	for (int k = 0; k < 2; k++) {
		double at_mean = 0;
		for (int i = 0; i < IN; i++) {
			double row = k == 0 ? p.c * w[2 * i] - p.b * w[2 * i + 1] : p.a * w[2 * i + 1] - p.b * w[2 * i];
			encoder[k * IN + i] = (float)(row / p.determinant);
			encoder[(2 + k) * IN + i] = 0;
			at_mean += row / p.determinant * b[i];
		}
		bias[k] = (float)-at_mean;
		bias[2 + k] = (float)log(v * (k == 0 ? p.c : p.a) / p.determinant);
	}
}

/* log N(x; b, W W^T + v I): det = v^(n-2) det M, and (x-b)^T C^-1 (x-b) = (|x-b|^2 - u^T M^-1 u) / v with u = W^T (x-b). */
static double exact(const struct model *m, const float *x, double v)
{
	const float *w = m->params + 4 * IN + 4, *b = w + 2 * IN;
	struct posterior p = posterior_of(w, v);
	double u[2] = {0, 0}, square = 0;
	for (int i = 0; i < IN; i++) {
		double d = (double)x[i] - b[i];
		square += d * d;
		u[0] += w[2 * i] * d;
		u[1] += w[2 * i + 1] * d;
	}
	double explained = (p.c * u[0] * u[0] - 2 * p.b * u[0] * u[1] + p.a * u[1] * u[1]) / p.determinant;
	return -0.5 * (IN * LOG_2PI + (IN - 2) * log(v) + log(p.determinant) + (square - explained) / v);
}

static void linear_vae(void)
{
	enum { DRAWS = 4096, SEEDS = 64 };
	struct model m;
	struct fail f = {{0}};
	uint64_t state = 3, id[RECORDS];
	float x[RECORDS * IN];
	double got[RECORDS], se[RECORDS], v = 0.3, worst = 0, widest = 0, spread = 0, said = 0;
	naive_model(&m, "input: {shape: [1, 1, 5]}\nmodel:\n  latent: 2\n  encoder: [flatten, {linear: 4}]\n  decoder: [{linear: 5}]\n  variance: 0.3\n"
	                "train: {likelihood: linear}\n", 0.8, &state);
	set_posterior(&m, v);
	naive_fill(x, RECORDS * IN, 1, 1, &state);
	for (uint64_t i = 0; i < RECORDS; i++)
		id[i] = i * i;
	struct logp *s = logp_open(&m, 1, RECORDS, DRAWS, &f);
	if (!s)
		BAIL(&f);
	logp_score(s, x, id, got, se);
	for (int r = 0; r < RECORDS; r++) {
		worst = max_error(worst, fabs(got[r] - exact(&m, x + r * IN, v)) / (se[r] + 1e-5));
		widest = max_error(widest, se[r]);
	}
	logp_close(s);
	ok(worst < 5 && widest < 0.05, "linear VAE: log p(x) is exact within its error (%.2g standard errors of at most %.2g)", worst, widest);
	double sum[RECORDS] = {0}, squares[RECORDS] = {0};
	for (int seed = 0; seed < SEEDS; seed++) {
		m.cfg.score.seed = seed;
		s = logp_open(&m, 1, RECORDS, 256, &f);
		if (!s)
			BAIL(&f);
		logp_score(s, x, id, got, se);
		logp_close(s);
		for (int r = 0; r < RECORDS; r++) {
			sum[r] += got[r];
			squares[r] += got[r] * got[r];
			said += se[r] * se[r] / SEEDS / RECORDS;
		}
	}
	for (int r = 0; r < RECORDS; r++)
		spread += (squares[r] - sum[r] * sum[r] / SEEDS) / (SEEDS - 1) / RECORDS;
	ok(fabs(sqrt(said / spread) - 1) < 0.1, "its standard error is its spread over %d seeds (%.3g, %.3g)", SEEDS, sqrt(said), sqrt(spread));
	model_free(&m);
}

/* One latent: p(x) = integral of p(x|z) N(z; 0, 1), by the trapezoidal rule. */
static void one_latent(const char *what, const char *yaml, int bernoulli, double v)
{
	struct model m;
	struct fail f = {{0}};
	uint64_t state = 11, id[RECORDS];
	float x[RECORDS * 6];
	double got[RECORDS], se[RECORDS], worst = 0;
	naive_model(&m, yaml, 0.7, &state);
	for (int i = 35; i < 47; i++) /* the encoder's last layer: q is near the prior, which is wider than the posterior */
		m.params[i] *= 0.2f;
	naive_fill(x, RECORDS * 6, 0, 1, &state);
	for (int i = 0; i < RECORDS * 6; i++)
		x[i] = bernoulli ? x[i] > 0.5f : x[i];
	for (uint64_t i = 0; i < RECORDS; i++)
		id[i] = 7 * i;
	struct logp *s = logp_open(&m, 1, RECORDS, 4096, &f);
	if (!s)
		BAIL(&f);
	logp_score(s, x, id, got, se);
	struct naive n = naive_of(&m, bernoulli ? BERNOULLI : GAUSSIAN, 0);
	struct naive_pass *p = calloc(1, sizeof *p);
	size_t at = naive_run(&m.cfg.encoder, n.p, 0, (double[6]){0}, (struct naive_shape){1, 2, 3}, p); /* where the decoder's parameters start */
	for (int r = 0; r < RECORDS; r++) {
		double total = 0, step = 0.005;
		for (double z = -12; z <= 12; z += step) {
			double log_p = -0.5 * (z * z + LOG_2PI);
			naive_run(&m.cfg.decoder, n.p, at, &z, (struct naive_shape){1, 1, 1}, p);
			const double *logit = p->v[m.cfg.decoder.n];
			for (int i = 0; i < 6; i++) {
				double on = 1 / (1 + exp(-logit[i])), d = x[r * 6 + i] - on;
				log_p += bernoulli ? log(x[r * 6 + i] > 0 ? on : 1 - on) : -0.5 * (d * d / v + LOG_2PI + log(v));
			}
			total += exp(log_p) * step;
		}
		worst = max_error(worst, fabs(got[r] - log(total)) / (se[r] + 1e-5));
	}
	ok(worst < 5, "%s: log p(x) is that of quadrature within its error (%.2g standard errors)", what, worst);
	logp_close(s);
	free(p);
	free(n.p);
	model_free(&m);
}

static void refused(const char *yaml, const char *word)
{
	struct model m;
	struct fail f = {{0}};
	uint64_t state = 1;
	naive_model(&m, yaml, 1, &state);
	ok(!logp_open(&m, 1, 1, 1, &f) && strstr(f.msg, word), "%s", f.msg);
	model_free(&m);
}

#define NET(binarize) "input: {shape: [1, 2, 3]" binarize "}\nmodel:\n  latent: 1\n  encoder: [flatten, {linear: 5}, tanh, {linear: 2}]\n  decoder: [{linear: 4}, tanh, {linear: 6}]\n"

int main(void)
{
	mat_thread_init();
	linear_vae();
	one_latent("bernoulli", NET(", binarize: threshold") "train: {likelihood: bernoulli}\n", 1, 0);
	one_latent("gaussian, variance of the training's beta", NET("") "train: {likelihood: gaussian, beta: 0.5}\n", 0, 0.25);
	refused(NET("") "train: {likelihood: bernoulli}\n", "input.binarize");
	refused(NET("") "train: {likelihood: gaussian, beta: 0}\n", "model.variance");
	return done();
}
