/* The estimators over many seeds: the plug-in estimator is too large by tr Cov/m, the cross estimator is unbiased, the error of both
 * falls like 1/sqrt(m) (Kong & Chaudhuri 2021, theorem 1), and selfinf_se is the standard deviation of a score. */
#include "influence/influence.h"
#include "gemm/mat.h"
#include "naive.h"

enum { SEEDS = 4096, INPUT = 12, LATENT = 3, DRAWN = 40000 };

static const char yaml[] = "input: {shape: [1, 3, 4]}\nmodel:\n  latent: 3\n"
			   "  encoder: [flatten, {linear: 7}, relu, {linear: 5}, relu, {linear: 6}]\n"
			   "  decoder: [{linear: 5}, relu, {linear: 7}, relu, {linear: 12}]\n";

/* Explicit gradients: selfinf_se is computed from blocks of draws. */
static const char pictures[] = "input: {shape: [1, 3, 4]}\nmodel:\n  latent: 3\n"
			       "  encoder: [{conv2d: {out: 4, kernel: 2}}, relu, flatten, {linear: 6}]\n"
			       "  decoder: [{linear: 12}, relu, {unflatten: [2, 2, 3]}, {conv_transpose2d: {out: 4, kernel: 1}}, relu,\n"
			       "    {conv_transpose2d: {out: 1, kernel: 2}}]\n";

struct spread { /* of the scores of one record over the seeds */
	double mean, sd, se; /* se: the root of the mean of selfinf_se squared */
	double v[SEEDS];
};

/* The same record in every row: each id selects its own noise. */
static void scatter(struct model *m, const float *x, int draws, int estimator, struct spread *s)
{
	enum { AT_ONCE = 128 };
	static float batch[AT_ONCE * INPUT];
	struct score out[AT_ONCE];
	uint64_t id[AT_ONCE];
	struct fail f;
	m->cfg.score.draws = draws;
	m->cfg.score.estimator = estimator;
	struct influence *inf = influence_open(m, 1, AT_ONCE, 0, &f);
	if (!inf)
		BAIL(&f);
	s->mean = s->sd = s->se = 0;
	for (int r = 0; r < AT_ONCE; r++)
		memcpy(batch + r * INPUT, x, INPUT * sizeof *x);
	for (int from = 0; from < SEEDS; from += AT_ONCE) {
		for (int r = 0; r < AT_ONCE; r++)
			id[r] = (uint64_t)(from + r);
		influence_score(inf, AT_ONCE, batch, id, NULL, out, NULL);
		for (int r = 0; r < AT_ONCE; r++) {
			s->v[from + r] = out[r].selfinf;
			s->mean += out[r].selfinf / SEEDS;
			s->se += out[r].selfinf_se * out[r].selfinf_se / SEEDS;
		}
	}
	for (int i = 0; i < SEEDS; i++)
		s->sd += (s->v[i] - s->mean) * (s->v[i] - s->mean) / (SEEDS - 1);
	s->sd = sqrt(s->sd);
	s->se = sqrt(s->se);
	influence_close(inf);
}

struct truth { /* from explicit gradients, with other noise */
	double sqnorm, trace; /* |E g|^2 and tr Cov g */
	double error;         /* of the trace */
};

static struct truth find_truth(const struct model *m, const float *x)
{
	struct naive n = naive_of(m, m->cfg.score.likelihood, m->cfg.score.beta);
	double *g = calloc(n.n, sizeof *g), *mean = calloc(n.n, sizeof *mean), xd[INPUT], eps[LATENT], second = 0;
	uint64_t state = 4711;
	struct truth t = {0};
	to_double(xd, x, INPUT);
	for (int pass = 0; pass < 2; pass++)
		for (int j = 0; j < DRAWN; j++) {
			double q = 0;
			for (int i = 0; i < LATENT; i++)
				eps[i] = naive_normal(&state);
			memset(g, 0, n.n * sizeof *g);
			naive_gradient(&n, xd, eps, 0, g);
			for (size_t i = 0; i < n.n; i++) {
				q += (g[i] - mean[i]) * (g[i] - mean[i]); /* second pass */
				mean[i] += pass ? 0 : g[i] / DRAWN;
			}
			t.trace += pass ? q / DRAWN : 0;
			second += pass ? q * q / DRAWN : 0;
		}
	t.sqnorm = inner(mean, mean, n.n) - t.trace / DRAWN;
	t.error = sqrt((second - t.trace * t.trace) / DRAWN);
	free(g);
	free(mean);
	free(n.p);
	return t;
}

enum { SIZES = 4 };
static const int draws[SIZES] = {4, 16, 32, 64};
static struct spread plugin[SIZES], cross[SIZES], single;

static void test_bias(const struct truth *t, const char *name)
{
	for (int k = 0; k < SIZES; k++) {
		double bias = plugin[k].mean - cross[k].mean, want = t->trace / draws[k], q = 0;
		for (int i = 0; i < SEEDS; i++) /* the same noise: the difference has less variance than either */
			q += (plugin[k].v[i] - cross[k].v[i] - bias) * (plugin[k].v[i] - cross[k].v[i] - bias) / SEEDS;
		double error = sqrt(q / SEEDS + t->error * t->error / draws[k] / draws[k]);
		ok(fabs(bias - want) < 4 * error && error < 0.06 * want, "%s, %d draws: plugin - cross = %.4g, tr Cov/m = %.4g +- %.2g", name,
		   draws[k], bias, want, error);
		error = cross[k].sd / sqrt(SEEDS);
		ok(fabs(cross[k].mean - t->sqnorm) < 4 * (error + sqrt(4 * t->sqnorm * t->trace / DRAWN)), "%s, %d draws: cross %.5g +- %.2g, |E g|^2 = %.5g",
		   name, draws[k], cross[k].mean, error, t->sqnorm);
	}
	/* of one draw: E|g|^2 = |E g|^2 + tr Cov */
	double error = single.sd / sqrt(SEEDS) + t->error + sqrt(4 * t->sqnorm * t->trace / DRAWN);
	ok(fabs(single.mean - t->sqnorm - t->trace) < 4 * error && isnan(single.se), "%s, 1 draw: %.5g, |E g|^2 + tr Cov = %.5g +- %.2g", name,
	   single.mean, t->sqnorm + t->trace, error);
}

/* most: the largest ratio of selfinf_se to the standard deviation at 16 draws. The delta method counts the variance of <g_j, g_j>, which
 * is no part of the variance of two halves' dot product, and counts half for a squared mean. The excess falls like 1/m, and matters
 * where tr Cov/m is not small against |E g|^2. selfinf_se must not be too small. */
static void test_scatter(const char *name, double most)
{
	for (int k = 1; k < SIZES; k++) {
		double limit = k == 1 ? most : 1 + (most - 1) * 0.6 + 0.03, p = plugin[k].se / plugin[k].sd, c = cross[k].se / cross[k].sd;
		ok(p > 0.9 && p < limit, "%s, %d draws: selfinf_se is %.3f of the spread over seeds (plugin), at most %.2f", name, draws[k], p, limit);
		ok(c > 0.9 && c < limit, "%s, %d draws: selfinf_se is %.3f of the spread over seeds (cross), at most %.2f", name, draws[k], c, limit);
	}
	ok(plugin[1].sd / plugin[3].sd > 1.8 && plugin[1].sd / plugin[3].sd < 2.4, "%s: from 16 to 64 draws the error falls by %.3f (plugin)", name,
	   plugin[1].sd / plugin[3].sd);
	ok(cross[1].sd / cross[3].sd > 1.8 && cross[1].sd / cross[3].sd < 2.4, "%s: from 16 to 64 draws the error falls by %.3f (cross)", name,
	   cross[1].sd / cross[3].sd);
}

int main(void)
{
	static const struct {
		const char *name, *yaml;
		double scale, most;
		float logvar, beta;
		int likelihood;
	} cases[] = {
		{"calm", yaml, 0.45, 1.15, 0, 4, GAUSSIAN},          /* tr Cov is 1 to 5 % of |E g|^2 */
		{"wide", yaml, 0.9, 1.15, 1, 0.3f, GAUSSIAN},        /* 1 to 7 %, recon against the KL term */
		{"noisy", yaml, 0.675, 1.35, 1, 0.3f, BERNOULLI},    /* 2 to 4 times |E g|^2, as in published models */
		{"pictures", pictures, 0.45, 1.15, 0, 4, GAUSSIAN},
		{"noisy pictures", pictures, 0.6, 1.5, 1, 0.3f, BERNOULLI},
	};
	mat_thread_init();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct model m;
		uint64_t state = 21;
		naive_model(&m, cases[i].yaml, cases[i].scale, &state);
		for (int k = 0; k < LATENT; k++) /* the last bias of the encoder: the part of logvar */
			m.params[m.enc.l[m.enc.last].bias + LATENT + (size_t)k] += cases[i].logvar;
		m.cfg.score.beta = (double)cases[i].beta;
		m.cfg.score.likelihood = cases[i].likelihood;
		for (int record = 0; record < (i == 1 ? 1 : 2); record++) {
			char name[40];
			float x[INPUT];
			naive_fill(x, INPUT, 0, 1, &state);
			struct truth t = find_truth(&m, x);
			snprintf(name, sizeof name, "%s %d", cases[i].name, record);
			printf("# %s: |E g|^2 = %.5g, tr Cov = %.5g +- %.2g\n", name, t.sqnorm, t.trace, t.error);
			scatter(&m, x, 1, PLUGIN, &single);
			for (int k = 0; k < SIZES; k++) {
				scatter(&m, x, draws[k], PLUGIN, &plugin[k]);
				scatter(&m, x, draws[k], CROSS, &cross[k]);
			}
			test_bias(&t, name);
			test_scatter(name, cases[i].most);
		}
		model_free(&m);
	}
	return done();
}
