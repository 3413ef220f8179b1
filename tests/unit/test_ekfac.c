/* EK-FAC against the exact inverse of the Fisher matrix, where that is diagonal in the Kronecker basis: a linear layer whose inputs and
 * gradients take all combinations of signs, with magnitudes that go together. Its Fisher matrix is diagonal, but no Kronecker product. */
#include "base/pool.h"
#include "gemm/mat.h"
#include "influence/influence.h"
#include "naive.h"

enum { LATENT = 2, OUTPUTS = 3, MAGNITUDES = 3, SIGNS = 1 << (LATENT + OUTPUTS), RECORDS = MAGNITUDES * SIGNS, NUMBERS = OUTPUTS * (LATENT + 1) };

static const char yaml[] = "input: {kind: vector, shape: [1, 1, 3]}\n"
			   "model: {latent: 2, encoder: [{linear: 4}], decoder: [{linear: 3}]}\n";
static struct fail f;

static float x[RECORDS * OUTPUTS], eps[RECORDS * LATENT];
static uint64_t id[RECORDS];
static double gradient[RECORDS][NUMBERS]; /* [output][input, then 1] */

/* The encoder gives mean 0 and variance 1, so that the noise is the input of the decoder; records are chosen for the gradients that they make. */
static void make_records(struct model *m)
{
	static const double input[MAGNITUDES][LATENT] = {{0.3, 1.2}, {1, 0.5}, {2, 2.5}}, slope[MAGNITUDES][OUTPUTS] = {{1, 0.2, 0.7}, {0.4, 0.5, 2}, {3, 1, 0.3}};
	const struct layer *l = &m->dec.l[0];
	const float *w = m->params + l->weight, *b = m->params + l->bias;
	memset(m->params, 0, (size_t)(m->enc.l[0].out * (m->enc.l[0].in + 1)) * sizeof *m->params);
	for (int r = 0; r < RECORDS; r++) {
		const double *u = input[r / SIGNS], *v = slope[r / SIGNS];
		double a[LATENT + 1] = {0, 0, 1};
		id[r] = (uint64_t)r;
		for (int k = 0; k < LATENT; k++) {
			eps[r * LATENT + k] = (float)(r >> k & 1 ? -u[k] : u[k]);
			a[k] = (double)eps[r * LATENT + k];
		}
		for (int i = 0; i < OUTPUTS; i++) {
			double d = r >> (LATENT + i) & 1 ? -v[i] : v[i], out = (double)b[i];
			for (int k = 0; k < LATENT; k++)
				out += (double)w[i * LATENT + k] * a[k];
			x[r * OUTPUTS + i] = (float)(out - d / 2); /* the gradient of (out - x)^2 is d */
			for (int k = 0; k <= LATENT; k++)
				gradient[r][i * (LATENT + 1) + k] = 2 * (out - (double)x[r * OUTPUTS + i]) * a[k];
		}
	}
}

/* The Fisher matrix, damped; the largest number beside its diagonal, in units of the smallest on it. */
static double make_fisher(double *fisher, double damping)
{
	double trace = 0, across = 0, least = INFINITY;
	for (int r = 0; r < RECORDS; r++)
		for (int i = 0; i < NUMBERS; i++)
			for (int j = 0; j < NUMBERS; j++)
				fisher[i * NUMBERS + j] += gradient[r][i] * gradient[r][j] / RECORDS;
	for (int i = 0; i < NUMBERS; i++)
		for (int j = 0; j < NUMBERS; j++)
			if (i == j)
				trace += fisher[i * NUMBERS + i], least = fmin(least, fisher[i * NUMBERS + i]);
			else
				across = max_error(across, fabs(fisher[i * NUMBERS + j]));
	for (int i = 0; i < NUMBERS; i++)
		fisher[i * NUMBERS + i] += damping * trace / NUMBERS;
	return across / least;
}

/* The worst relative error of self influence. */
static double compare(const struct model *m, const struct curvature *c, enum curvature_kind kind, double damping, const double *want)
{
	static struct whitening w;
	static struct score out[RECORDS];
	double worst = 0;
	struct influence *s = influence_open(m, 1, RECORDS, 0, &f);
	if (!s || whitening_open(&w, c, kind, damping, &f) || influence_whiten(s, &w, &f))
		BAIL(&f);
	influence_score(s, RECORDS, x, id, eps, out, NULL);
	for (int r = 0; r < RECORDS; r++)
		worst = max_error(worst, fabs(out[r].selfinf / want[r] - 1));
	influence_close(s);
	whitening_close(&w);
	return worst;
}

int main(void)
{
	static double fisher[NUMBERS * NUMBERS], want[RECORDS];
	const double damping = 1e-3;
	uint64_t state = 4;
	struct model m;
	struct curvature c;
	struct fail warning;
	mat_thread_init();
	naive_model(&m, yaml, 0.3, &state);
	m.cfg.train.likelihood = m.cfg.score.likelihood = LINEAR;
	m.cfg.score.draws = 1;
	snprintf(m.cfg.score.layers, sizeof m.cfg.score.layers, "decoder");
	make_records(&m);
	double across = make_fisher(fisher, damping);
	ok(across < 1e-5, "the Fisher matrix is diagonal: %.2g beside it", across);
	for (int i = 0; i < NUMBERS; i++) /* Cholesky */
		for (int j = 0; j <= i; j++) {
			double q = fisher[i * NUMBERS + j] - inner(fisher + i * NUMBERS, fisher + j * NUMBERS, (size_t)j);
			fisher[i * NUMBERS + j] = i == j ? sqrt(q) : q / fisher[j * NUMBERS + j];
		}
	for (int r = 0; r < RECORDS; r++) {
		double v[NUMBERS];
		for (int i = 0; i < NUMBERS; i++)
			v[i] = (gradient[r][i] - inner(fisher + i * NUMBERS, v, (size_t)i)) / fisher[i * NUMBERS + i];
		want[r] = inner(v, v, NUMBERS);
	}
	struct pool *pool = pool_open(1, &f);
	struct curvature_estimate *e = pool ? estimate_open(&m, TARGETS_DATA, pool, &f) : NULL;
	if (!e)
		BAIL(&f);
	estimate_add(e, RECORDS, x, id, eps);
	if (estimate_finish(e, &c, &warning, &f) || estimate_rotate(e, &c, &f))
		BAIL(&f);
	estimate_add(e, RECORDS, x, id, eps);
	if (estimate_eigenvalues(e, &c, &f))
		BAIL(&f);
	double ekfac = compare(&m, &c, CURVATURE_EKFAC, damping, want), kfac = compare(&m, &c, CURVATURE_KFAC, damping, want);
	ok(ekfac < 1e-5, "EK-FAC is at most %.2g off the exact inverse", ekfac);
	ok(kfac > 0.1, "K-FAC is not: %.2g off", kfac);
	c.layer[0].lambda[0] = -1;
	struct whitening w;
	ok(whitening_open(&w, &c, CURVATURE_EKFAC, 1e-9, &f) && strstr(f.msg, "raise it"), "a negative eigenvalue is refused: %s", f.msg);
	c.layer[0].lambda[0] = NAN;
	ok(whitening_open(&w, &c, CURVATURE_EKFAC, 0.1, &f) && strstr(f.msg, "not finite"), "an eigenvalue that is no number is refused: %s", f.msg);
	curvature_free(&c);
	estimate_close(e);
	pool_close(pool);
	model_free(&m);
	return done();
}
