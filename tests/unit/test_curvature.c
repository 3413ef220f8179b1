/* The curvature of a model against its definition, and self influence with it against the explicit inverse of the Kronecker product, or of
 * EK-FAC's matrix (naive_curvature.h), in double. */

#include "base/pool.h"
#include "gemm/mat.h"
#include "dots.h"
#include "influence/factor_map.h"
#include "naive_curvature.h"

enum { RECORDS = 40, SCORED = 7, INPUTS = 108, LATENT = 16, CHECKPOINTS = 2, MOST_PARAMS = 4000 };

static const struct {
	const char *name, *yaml;
} networks[] = {
	{"linear", "input: {kind: vector, shape: [1, 1, 18]}\n"
	           "model: {latent: 2, encoder: [{linear: 12}, tanh, {linear: 4}], decoder: [{linear: 9}, relu, {linear: 18}]}\n"},
	{"wide linear", "input: {kind: vector, shape: [1, 1, 18]}\n" /* sparse blocks, on AVX-512 */
	                "model: {latent: 16, encoder: [{linear: 6}, relu, {linear: 32}], decoder: [{linear: 24}, relu, {linear: 18}]}\n"},
	/* STILL: sparse blocks, and units that no record makes active but one that is scored */
	{"still", "input: {kind: vector, shape: [1, 1, 9]}\n"
	          "model: {latent: 16, encoder: [{linear: 12}, relu, {linear: 32}], decoder: [{linear: 50}, relu, {linear: 17}, relu, {linear: 9}]}\n"},
	{"conv", "input: {shape: [3, 6, 6]}\n"
	         "model: {latent: 3, encoder: [{conv2d: {out: 5, kernel: 4, stride: 2, padding: 1}}, relu, {conv2d: {out: 9, kernel: 3}}, relu, flatten, {linear: 6}],\n"
	         "  decoder: [{linear: 8}, relu, {unflatten: [8, 1, 1]}, {conv_transpose2d: {out: 5, kernel: 3}}, relu, {conv_transpose2d: {out: 3, kernel: 4, stride: 2, padding: 1}}]}\n"},
	{"turned", "input: {shape: [3, 6, 6]}\n" /* conv_transpose2d in the encoder, conv2d in the decoder */
	           "model: {latent: 3, encoder: [{conv_transpose2d: {out: 2, kernel: 3, stride: 1, padding: 1}}, tanh, {conv2d: {out: 3, kernel: 6}}, flatten, {linear: 6}],\n"
	           "  decoder: [{linear: 36}, tanh, {unflatten: [1, 6, 6]}, {conv2d: {out: 4, kernel: 3, padding: 1}}, relu, {conv2d: {out: 3, kernel: 1}}]}\n"},
	{"odd", "input: {shape: [1, 7, 7]}\n" /* strides that leave pixels over, paddings beyond the kernel's half */
	        "model: {latent: 2, encoder: [{conv2d: {out: 3, kernel: 3, stride: 3, padding: 2}}, leaky_relu, {conv2d: {out: 4, kernel: 2, stride: 2, padding: 1}}, sigmoid, flatten, {linear: 4}],\n"
	        "  decoder: [{linear: 12}, relu, {unflatten: [3, 2, 2]}, {conv_transpose2d: {out: 4, kernel: 3, stride: 2, padding: 1}}, tanh, {conv_transpose2d: {out: 2, kernel: 5, stride: 2, padding: 1}},\n"
	        "    relu, {conv2d: {out: 2, kernel: 3, stride: 1, padding: 1}}, {conv2d: {out: 1, kernel: 1, stride: 1, padding: 0}}]}\n"},
};
enum { STILL = 2, NETWORKS = sizeof networks / sizeof *networks };

static struct fail f;

struct records {
	int n;
	float x[RECORDS * INPUTS];
	uint64_t id[RECORDS];
};

static void fill(struct records *r, int n, const struct model *m, uint64_t *state)
{
	r->n = n;
	naive_fill(r->x, (size_t)n * (size_t)m->enc.in, 0, 1, state);
	for (int i = 0; i < n; i++)
		r->id[i] = naive_uniform(state) * 0x1p60;
}

/* The noise of a draw, in double. */
static void noise(const struct model *m, enum rng_role role, uint64_t id, int draw, double *eps)
{
	float e[LATENT];
	rng_normal(e, m->cfg.latent, (uint64_t)m->cfg.score.seed, role, (uint64_t)m->step, id, (uint32_t)draw);
	to_double(eps, e, (size_t)m->cfg.latent);
}

static void open_model(struct model *m, int network, double scale, uint64_t *state)
{
	naive_model(m, networks[network].yaml, scale, state);
	m->cfg.score.beta = 2.5;
	m->step = 7;
	for (int i = 5; i < m->dec.l[0].out && network == STILL; i++)
		m->params[m->dec.l[0].bias + (size_t)i] = -3;
}

/* A record that makes units active that are not otherwise. */
static void stir(struct records *r, int network, int in)
{
	for (int i = 0; i < in && network == STILL; i++)
		r->x[i] *= 12;
}

static void estimate(struct curvature *c, const struct model *m, const struct records *r, int threads, int eigenvalues)
{
	struct fail warning;
	struct pool *pool = pool_open(threads, &f);
	struct curvature_estimate *e = pool ? estimate_open(m, TARGETS_DATA, pool, &f) : NULL;
	if (!e)
		BAIL(&f);
	/* in two parts */
	int n = r->n / 3;
	estimate_add(e, n, r->x, r->id, NULL);
	estimate_add(e, r->n - n, r->x + n * m->enc.in, r->id + n, NULL);
	if (estimate_finish(e, c, &warning, &f))
		BAIL(&f);
	if (eigenvalues) {
		if (estimate_rotate(e, c, &f))
			BAIL(&f);
		estimate_add(e, n, r->x, r->id, NULL);
		if (!estimate_eigenvalues(e, c, &f))
			ok(0, "eigenvalues of fewer records");
		estimate_add(e, r->n - n, r->x + n * m->enc.in, r->id + n, NULL);
		if (estimate_eigenvalues(e, c, &f))
			BAIL(&f);
	}
	estimate_close(e);
	pool_close(pool);
}

/* The bases of c, and eigenvalues by their definition. */
static void define_eigenvalues(struct naive_factors *w, const struct naive *n, const struct model *m, const struct records *r, const struct curvature *c)
{
	static double g[MOST_PARAMS];
	double x[INPUTS], eps[LATENT];
	int draws = m->cfg.score.draws;
	for (int k = 0; k < c->n; k++) {
		const struct curvature_layer *l = &c->layer[k];
		int transposed = l->nb > 0;
		naive_factors_basis(w, k, transposed ? l->qp : l->qk, transposed ? l->qk : l->qp);
	}
	for (int i = 0; i < r->n; i++)
		for (int j = 0; j < draws; j++) {
			memset(g, 0, sizeof g);
			to_double(x, r->x + i * m->enc.in, (size_t)m->enc.in);
			noise(m, ROLE_TRAIN_RECORD, r->id[i], j, eps);
			naive_gradient(n, x, eps, 0, g);
			naive_factors_add_squares(w, g, (double)r->n * draws);
		}
}

static void define(struct naive_factors *w, const struct naive *n, const struct model *m, const struct records *r)
{
	double x[INPUTS], eps[LATENT];
	int draws = m->cfg.score.draws;
	naive_factors_open(w, n);
	for (int i = 0; i < r->n; i++)
		for (int j = 0; j < draws; j++) {
			to_double(x, r->x + i * m->enc.in, (size_t)m->enc.in);
			noise(m, ROLE_TRAIN_RECORD, r->id[i], j, eps);
			naive_factors_add(w, x, eps, (double)r->n * draws);
		}
}

/* The largest difference, in units of the largest number of the definition. */
static double difference(const float *got, const double *want, int n)
{
	double worst = 0, most = 0;
	for (int i = 0; i < n * n; i++) {
		worst = max_error(worst, fabs((double)got[i] - want[i]));
		most = max_error(most, fabs(want[i]));
	}
	return n ? worst / most : 0;
}

/* How far the rows of q are from eigenvectors of length 1 of a, in units of its trace. */
static double across(const double *q, const double *a, int n)
{
	double worst = 0, trace = 0;
	for (int i = 0; i < n; i++)
		trace += a[i * n + i];
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			double sum = 0;
			worst = max_error(worst, fabs(inner(q + i * n, q + j * n, (size_t)n) - (i == j)));
			for (int k = 0; k < n && i != j; k++)
				sum += q[i * n + k] * inner(a + k * n, q + j * n, (size_t)n);
			worst = max_error(worst, fabs(sum) / trace);
		}
	return worst;
}

/* In units of the largest eigenvalue. */
static double eigenvalue_error(const struct curvature_layer *l, const struct naive_factor *v)
{
	double worst = 0, most = 0;
	for (int d = 0; d < v->nd; d++)
		for (int a = 0; a < v->na; a++) {
			double want = v->lambda[d * v->na + a], got = (double)l->lambda[v->nb ? a * l->nk + d : d * l->nk + a];
			worst = max_error(worst, fabs(got - want));
			most = max_error(most, want);
		}
	return worst / most;
}

static void test_definition(int network)
{
	uint64_t state = 5 + (uint64_t)network;
	static struct records r;
	struct model m;
	struct curvature c, again;
	struct naive_factors w;
	open_model(&m, network, 0.3, &state);
	m.cfg.score.draws = 3;
	fill(&r, RECORDS, &m, &state);
	struct naive n = naive_of(&m, m.cfg.score.likelihood, m.cfg.score.beta);
	estimate(&c, &m, &r, 1, 1);
	estimate(&again, &m, &r, 3, 1);
	define(&w, &n, &m, &r);
	define_eigenvalues(&w, &n, &m, &r, &c);
	int same = 1, sizes = c.n == w.n && c.records == RECORDS && c.draws == 3;
	double worst = 0, off = 0, values = 0;
	for (int i = 0; i < c.n && sizes; i++) {
		const struct curvature_layer *l = &c.layer[i], *k = &again.layer[i];
		const struct naive_factor *v = &w.v[i];
		int t = v->nb > 0;
		sizes = (t ? l->np : l->nk) == v->na && (t ? l->nk : l->np) == v->nd && l->nb == v->nb;
		if (!sizes)
			break;
		worst = max_error(worst, difference(t ? l->p : l->k, v->a, v->na));
		worst = max_error(worst, difference(t ? l->k : l->p, v->d, v->nd));
		worst = max_error(worst, difference(l->b, v->b, v->nb));
		off = max_error(off, max_error(across(v->qa, v->a, v->na), across(v->qd, v->d, v->nd)));
		values = max_error(values, eigenvalue_error(l, v));
		same &= !memcmp(l->lambda, k->lambda, sizeof(float) * (size_t)(l->np * l->nk)) && !memcmp(l->qp, k->qp, sizeof(float) * (size_t)(l->np * l->np));
		same &= !memcmp(l->p, k->p, sizeof(float) * (size_t)(l->np * l->np)) && !memcmp(l->k, k->k, sizeof(float) * (size_t)(l->nk * l->nk)) &&
		        (!l->nb || !memcmp(l->b, k->b, sizeof(float) * (size_t)(l->nb * l->nb)));
	}
	ok(sizes, "%s: every layer has its factors", networks[network].name);
	ok(worst < 1e-5, "%s: factors at most %.2g off their definition", networks[network].name, worst);
	ok(off < 1e-5, "%s: the eigenvectors have length 1, and products with the factors between them are at most %.2g", networks[network].name, off);
	ok(values < 1e-5, "%s: eigenvalues at most %.2g off their definition", networks[network].name, values);
	ok(same, "%s: three threads give the same bytes", networks[network].name);
	curvature_free(&c);
	curvature_free(&again);
	naive_factors_free(&w);
	free(n.p);
	model_free(&m);
}

/* Targets from the model: D of the decoder's last layer, which is the Hessian of the loss by the logits, against its closed form. */
static void test_targets(int likelihood)
{
	static const char *const names[] = {"gaussian", "bernoulli", "linear"};
	static struct records r;
	static struct naive_draw t;
	uint64_t state = 55;
	struct model m;
	struct curvature c;
	struct fail warning;
	open_model(&m, 0, 0.3, &state);
	m.cfg.score.draws = 100;
	m.cfg.score.likelihood = m.cfg.train.likelihood = likelihood;
	fill(&r, RECORDS, &m, &state);
	struct naive n = naive_of(&m, likelihood, 2.5);
	struct pool *pool = pool_open(1, &f);
	struct curvature_estimate *e = pool ? estimate_open(&m, TARGETS_MODEL, pool, &f) : NULL;
	if (!e)
		BAIL(&f);
	estimate_add(e, RECORDS, r.x, r.id, NULL);
	if (estimate_finish(e, &c, &warning, &f))
		BAIL(&f);
	int size = m.enc.in;
	double hessian[INPUTS] = {0}, worst = 0, across = 0;
	for (int i = 0; i < RECORDS; i++)
		for (int j = 0; j < m.cfg.score.draws; j++) {
			double x[INPUTS], eps[LATENT];
			to_double(x, r.x + i * size, (size_t)size);
			noise(&m, ROLE_TRAIN_RECORD, r.id[i], j, eps);
			naive_loss(&n, x, eps, &t);
			for (int k = 0; k < size; k++) {
				double s = 1 / (1 + exp(-t.dec.v[m.cfg.decoder.n][k])), slope = s * (1 - s);
				hessian[k] += (likelihood == LINEAR ? 2 : likelihood == BERNOULLI ? slope : 2 * slope * slope) / RECORDS / m.cfg.score.draws;
			}
		}
	const float *d = c.layer[c.n - 1].p;
	for (int i = 0; i < size; i++)
		for (int j = 0; j < size; j++) {
			double v = (double)d[i * size + j] / sqrt(hessian[i] * hessian[j]);
			if (i == j)
				worst = max_error(worst, fabs(v - 1));
			else
				across = max_error(across, fabs(v));
		}
	/* 4000 draws: a standard deviation of .022 and .016 */
	ok(worst < 0.1 && across < 0.08, "targets from the model, %s: the diagonal is at most %.3f off the Hessian, elsewhere %.3f", names[likelihood], worst, across);
	estimate_close(e);
	pool_close(pool);
	curvature_free(&c);
	free(n.p);
	model_free(&m);
}

/* --- self influence --- */

static enum curvature_kind kind = CURVATURE_KFAC; /* of the tests at hand */
static struct curvature curvature[CHECKPOINTS];

static void invert(struct naive_factors *w, const struct naive *n, const struct model *m, const struct records *fit, int checkpoint, double damping)
{
	if (kind == CURVATURE_INPUTS)
		naive_factors_inputs(w);
	if (kind == CURVATURE_EKFAC)
		define_eigenvalues(w, n, m, fit, &curvature[checkpoint]);
	naive_factors_invert(w, damping);
}

/* Self influence of each record, and of each layer [SCORED][layers], with the inverted factors w of each checkpoint. */
static void expect(const struct model *m, const struct naive_factors *w, const struct records *r, int checkpoints, double *total, double *part)
{
	static double mean[2][MOST_PARAMS], g[MOST_PARAMS], white[2][2 * MOST_PARAMS];
	int layers = m->ntensors / 2, draws = m->cfg.score.draws, cross = m->cfg.score.estimator == CROSS;
	memset(total, 0, SCORED * sizeof *total);
	memset(part, 0, SCORED * NAIVE_FACTORS * sizeof *part);
	for (int c = 0; c < checkpoints; c++) {
		const struct naive *n = w[c].model;
		for (int i = 0; i < r->n; i++) {
			double x[INPUTS], eps[LATENT];
			size_t at[NAIVE_FACTORS + 1];
			int half = cross ? draws / 2 : draws;
			memset(mean, 0, sizeof mean);
			to_double(x, r->x + i * m->enc.in, (size_t)m->enc.in);
			for (int j = 0; j < draws; j++) {
				int h = j >= half;
				memset(g, 0, sizeof g);
				noise(&m[c], ROLE_TRAIN_RECORD, r->id[i], j, eps);
				naive_gradient(n, x, eps, 0, g);
				for (size_t k = 0; k < n->n; k++)
					mean[h][k] += g[k] / (h ? draws - half : half);
			}
			memset(white, 0, sizeof white);
			for (int h = 0; h < 1 + cross; h++)
				naive_whiten(&w[c], mean[h], white[h], at);
			for (int l = 0; l < layers; l++) {
				double q = inner(white[0] + at[l], white[cross] + at[l], at[l + 1] - at[l]);
				part[i * NAIVE_FACTORS + l] += q;
				total[i] += q;
			}
		}
	}
}

/* Latents that say nothing: the numbers by which they reach the loss are 1e-9 of the others. In float those gradients are rounding. */
static void collapse(struct model *m)
{
	size_t first = m->enc.l[m->enc.n - 1].weight, decoder = m->dec.l[0].weight;
	for (size_t i = first; i < m->enc.l[m->enc.n - 1].bias + (size_t)m->enc.l[m->enc.n - 1].out; i++)
		m->params[i] *= 1e-9F;
	for (size_t i = decoder; i < m->dec.l[0].bias; i++)
		m->params[i] *= 1e-9F;
}

static void test_collapsed(void)
{
	static struct records fit, r;
	static struct naive_factors w;
	static struct whitening white;
	static double part[SCORED * NAIVE_FACTORS], total[SCORED];
	uint64_t state = 99;
	struct score out[SCORED];
	struct model m;
	open_model(&m, 0, 0.3, &state);
	m.cfg.score.draws = 16;
	m.cfg.score.estimator = PLUGIN;
	collapse(&m);
	fill(&fit, RECORDS, &m, &state);
	fill(&r, SCORED, &m, &state);
	estimate(&curvature[0], &m, &fit, 1, kind == CURVATURE_EKFAC);
	if (whitening_open(&white, &curvature[0], kind, 0.1, &f))
		BAIL(&f);
	struct naive n = naive_of(&m, m.cfg.score.likelihood, m.cfg.score.beta);
	define(&w, &n, &m, &fit);
	invert(&w, &n, &m, &fit, 0, 0.1);
	expect(&m, &w, &r, 1, total, part);
	struct influence *s = influence_open(&m, 1, SCORED, 0, &f);
	if (!s || influence_whiten(s, &white, &f))
		BAIL(&f);
	influence_score(s, SCORED, r.x, r.id, NULL, out, NULL);
	influence_close(s);
	double worst = 0;
	for (int i = 0; i < SCORED; i++) {
		double want = part[i * NAIVE_FACTORS + 2] + part[i * NAIVE_FACTORS + 3];
		worst = max_error(worst, fabs(out[i].selfinf - want) / want);
	}
	ok(!strcmp(white.faint, "encoder.0, encoder.2"), "%s: the layers whose gradients are rounding are named: '%s'", curvature_words[kind], white.faint);
	ok(worst < 1e-4, "%s: if latents say nothing, self influence is that of the other layers, at most %.2g off", curvature_words[kind], worst);
	naive_factors_free(&w);
	free(n.p);
	whitening_close(&white);
	curvature_free(&curvature[0]);
	model_free(&m);
}

static void compare(struct model *m, int checkpoints, const struct records *fit, const struct records *r, double damping, const char *what)
{
	static struct whitening white[CHECKPOINTS];
	struct score out[SCORED];
	static double part[SCORED * MODEL_MAX_TENSORS], total[SCORED], want[SCORED * NAIVE_FACTORS], plugin[SCORED], scale[SCORED * NAIVE_FACTORS];
	int layers = m->ntensors / 2, estimator = m->cfg.score.estimator;
	struct naive n[CHECKPOINTS];
	static struct naive_factors w[CHECKPOINTS];
	for (int k = 0; k < checkpoints; k++) {
		estimate(&curvature[k], &m[k], fit, 1, kind == CURVATURE_EKFAC);
		if (whitening_open(&white[k], &curvature[k], kind, damping, &f))
			BAIL(&f);
		n[k] = naive_of(&m[k], m[k].cfg.score.likelihood, m[k].cfg.score.beta);
		define(&w[k], &n[k], &m[k], fit);
		invert(&w[k], &n[k], &m[k], fit, k, damping);
	}
	m->cfg.score.estimator = PLUGIN;
	expect(m, w, r, checkpoints, plugin, scale);
	m->cfg.score.estimator = estimator;
	expect(m, w, r, checkpoints, total, want);
	for (int k = 0; k < checkpoints; k++) {
		naive_factors_free(&w[k]);
		free(n[k].p);
	}
	struct score bare[SCORED];
	for (int packed = 0; packed < 2; packed++) {
		double worst = 0, parts = 0;
		size_t budget = 64 << 20;
		if (packed)
			influence_pack_weights(m, checkpoints, 0);
		for (int k = 0; packed && k < checkpoints; k++)
			whitening_pack(&white[k], SCORED * m->cfg.score.draws, &budget);
		struct influence *s = influence_open(m, checkpoints, SCORED, 0, &f);
		if (!s || influence_whiten(s, white, &f))
			BAIL(&f);
		influence_score(s, SCORED, r->x, r->id, NULL, out, part);
		influence_close(s);
		if (!packed)
			memcpy(bare, out, sizeof bare);
		else
			ok(!memcmp(bare, out, sizeof bare), "%s: packed matrices give the same bits", what);
		for (int i = 0; i < SCORED; i++) {
			worst = max_error(worst, fabs(out[i].selfinf - total[i]) / plugin[i]);
			for (int l = 0; l < layers; l++) {
				double got = part[i * m->ntensors + 2 * l] + part[i * m->ntensors + 2 * l + 1];
				parts = max_error(parts, fabs(got - want[i * NAIVE_FACTORS + l]) / scale[i * NAIVE_FACTORS + l]);
			}
		}
		ok(worst < 1e-4 && parts < 1e-4, "%s%s: self influence at most %.2g |g|^2 off the explicit inverse, a layer %.2g", what, packed ? ", packed" : "", worst,
		   parts);
	}
	for (int k = 0; k < checkpoints; k++) {
		whitening_close(&white[k]);
		curvature_free(&curvature[k]);
		network_free_packed(&m[k].enc);
		network_free_packed(&m[k].dec);
	}
}

static void test_scores(int network)
{
	static const int draws[] = {1, 2, 5, 16, 40};
	static struct records fit_records, r;
	uint64_t state = 90 + (uint64_t)network;
	struct model m[CHECKPOINTS];
	for (int c = 0; c < CHECKPOINTS; c++) {
		open_model(&m[c], network, 0.3 + 0.1 * c, &state);
		m[c].step = 10 + c;
	}
	fill(&fit_records, RECORDS / 2, &m[0], &state);
	fill(&r, SCORED, &m[0], &state);
	stir(&r, network, m[0].enc.in);
	for (size_t d = 0; d < sizeof draws / sizeof *draws; d++)
		for (int estimator = PLUGIN; estimator <= (draws[d] > 1 ? CROSS : PLUGIN); estimator++) {
			char what[200];
			if (network == STILL && (draws[d] == 1 || draws[d] == 40))
				continue; /* the explicit inverse of this network takes a second */
			for (int c = 0; c < CHECKPOINTS; c++) {
				m[c].cfg.score.draws = draws[d];
				m[c].cfg.score.estimator = estimator;
			}
			snprintf(what, sizeof what, "%s, %s, %d draws, %s", curvature_words[kind], networks[network].name, draws[d], estimator ? "cross" : "plugin");
			compare(m, draws[d] == 5 ? 2 : 1, &fit_records, &r, draws[d] == 2 ? 0.01 : 0.1, what);
		}
	for (int c = 0; c < CHECKPOINTS; c++)
		model_free(&m[c]);
}

/* --- influence over test records --- */

static struct whitening whitened[CHECKPOINTS];

static void open_whitening(struct model *m, int checkpoints, const struct records *fit, double damping)
{
	for (int k = 0; k < checkpoints; k++) {
		estimate(&curvature[k], &m[k], fit, 1, kind == CURVATURE_EKFAC);
		if (whitening_open(&whitened[k], &curvature[k], kind, damping, &f))
			BAIL(&f);
	}
}

/* Whitened mean gradients [records][stride] at a checkpoint. */
static size_t white_means(const struct naive_factors *w, const struct model *m, enum rng_role role, const struct records *r, double *out)
{
	static double g[MOST_PARAMS];
	size_t at[NAIVE_FACTORS + 1], stride = 2 * MOST_PARAMS;
	int draws = m->cfg.score.draws;
	memset(out, 0, (size_t)r->n * stride * sizeof *out);
	for (int i = 0; i < r->n; i++) {
		double x[INPUTS], eps[LATENT];
		memset(g, 0, sizeof g);
		to_double(x, r->x + i * m->enc.in, (size_t)m->enc.in);
		for (int j = 0; j < draws; j++) {
			noise(m, role, r->id[i], j, eps);
			naive_gradient(w->model, x, eps, 0, g);
		}
		for (size_t k = 0; k < w->model->n; k++)
			g[k] /= draws;
		naive_whiten(w, g, out + (size_t)i * stride, at);
	}
	return stride;
}

static void test_pairs(int network, int draws)
{
	enum { TESTS = 4 };
	static struct records fit_records, x, z;
	static double gx[SCORED * 2 * MOST_PARAMS], gz[TESTS * 2 * MOST_PARAMS], got[SCORED * TESTS];
	double want[SCORED * TESTS] = {0}, xx[SCORED] = {0}, zz[TESTS] = {0}, worst = 0, norms = 0;
	struct score zs[TESTS], xs[SCORED];
	uint64_t state = 190 + (uint64_t)network;
	struct model m[CHECKPOINTS];
	for (int c = 0; c < CHECKPOINTS; c++) {
		open_model(&m[c], network, 0.3 + 0.1 * c, &state);
		m[c].step = 10 + c;
		m[c].cfg.score.draws = draws;
	}
	fill(&fit_records, RECORDS / 2, &m[0], &state);
	fill(&x, SCORED, &m[0], &state);
	fill(&z, TESTS, &m[0], &state);
	open_whitening(m, CHECKPOINTS, &fit_records, 0.05);
	for (int c = 0; c < CHECKPOINTS; c++) {
		struct naive n = naive_of(&m[c], m[c].cfg.score.likelihood, m[c].cfg.score.beta);
		struct naive_factors w;
		define(&w, &n, &m[c], &fit_records);
		invert(&w, &n, &m[c], &fit_records, c, 0.05);
		size_t stride = white_means(&w, &m[c], ROLE_TRAIN_RECORD, &x, gx);
		white_means(&w, &m[c], ROLE_TEST_RECORD, &z, gz);
		for (size_t i = 0; i < SCORED; i++) {
			for (size_t q = 0; q < TESTS; q++)
				want[i * TESTS + q] += inner(gx + i * stride, gz + q * stride, stride);
			xx[i] += inner(gx + i * stride, gx + i * stride, stride);
		}
		for (size_t q = 0; q < TESTS; q++)
			zz[q] += inner(gz + q * stride, gz + q * stride, stride);
		naive_factors_free(&w);
		free(n.p);
	}
	dots_white(m, CHECKPOINTS, INFLUENCE_TESTS, whitened, z.x, z.id, NULL, TESTS, zs, x.x, x.id, NULL, SCORED, xs, got);
	for (int i = 0; i < SCORED; i++) {
		norms = max_error(norms, fabs(xs[i].selfinf / xx[i] - 1));
		for (int q = 0; q < TESTS; q++)
			worst = max_error(worst, fabs(got[i * TESTS + q] - want[i * TESTS + q]) / sqrt(xx[i] * zz[q]));
	}
	ok(worst < 1e-4 && norms < 1e-4, "%s, %s, %d draws: influence over test records at most %.2g |g||g'| off the explicit inverse, squared lengths %.2g",
	   curvature_words[kind], networks[network].name, draws, worst, norms);
	worst = low_rank_error(m, CHECKPOINTS, whitened, NULL, z.x, z.id, TESTS, x.x, x.id, SCORED);
	ok(worst < 1e-4, "%s, %s: influences of low rank from equal draws are %.2g |g||g'| off", curvature_words[kind], networks[network].name, worst);
	for (int c = 0; c < CHECKPOINTS; c++) {
		whitening_close(&whitened[c]);
		curvature_free(&curvature[c]);
		model_free(&m[c]);
	}
}

/* --- the standard error --- */

static void test_standard_error(int network, int draws, int estimator)
{
	enum { SEEDS = 1024, AT_ONCE = 64 };
	static struct records fit_records;
	static struct whitening white;
	static float batch[AT_ONCE * INPUTS];
	static double v[SEEDS];
	uint64_t state = 31, id[AT_ONCE];
	struct model m;
	struct curvature c;
	struct score out[AT_ONCE];
	double mean = 0, sd = 0, se = 0;
	open_model(&m, network, 0.45, &state);
	fill(&fit_records, RECORDS, &m, &state);
	estimate(&c, &m, &fit_records, 1, kind == CURVATURE_EKFAC);
	m.cfg.score.draws = draws;
	m.cfg.score.estimator = estimator;
	struct influence *s = influence_open(&m, 1, AT_ONCE, 0, &f);
	if (whitening_open(&white, &c, kind, 0.1, &f) || !s || influence_whiten(s, &white, &f))
		BAIL(&f);
	for (int i = 0; i < AT_ONCE; i++)
		memcpy(batch + i * m.enc.in, fit_records.x, (size_t)m.enc.in * sizeof *batch);
	for (int from = 0; from < SEEDS; from += AT_ONCE) {
		for (int i = 0; i < AT_ONCE; i++)
			id[i] = (uint64_t)(from + i);
		influence_score(s, AT_ONCE, batch, id, NULL, out, NULL);
		for (int i = 0; i < AT_ONCE; i++) {
			v[from + i] = out[i].selfinf;
			mean += out[i].selfinf / SEEDS;
			se += out[i].selfinf_se * out[i].selfinf_se / SEEDS;
		}
	}
	for (int i = 0; i < SEEDS; i++)
		sd += (v[i] - mean) * (v[i] - mean) / (SEEDS - 1);
	ok(sqrt(se / sd) > 0.9 && sqrt(se / sd) < 1.2, "%s, %s, %d draws, %s: selfinf_se is %.3f of the spread over seeds", curvature_words[kind],
	   networks[network].name, draws, estimator ? "cross" : "plugin", sqrt(se / sd));
	influence_close(s);
	whitening_close(&white);
	curvature_free(&c);
	model_free(&m);
}

/* Rows that are not products: the same of sparse blocks, of rows, and by the adjoint. */
static void test_units(void)
{
	enum { N = 70, COLUMNS = 69, PRODUCTS = 40, ROWS = 2 * SPARSE_ROWS };
	static float x[ROWS * COLUMNS], by_rows[ROWS * N], by_blocks[ROWS * N], back[ROWS * COLUMNS];
	struct factor_map m = {.n = N, .columns = COLUMNS, .square = 1, .products = PRODUCTS, .unit = 1.5f, .w = mat_floats(N * COLUMNS), .at = calloc(N, sizeof *m.at)};
	struct sparse_block *block = NULL;
	void *memory = aligned_alloc(64, sparse_bytes(2, COLUMNS));
	size_t budget = 64 << 20;
	uint64_t state = 77;
	double there = 0, here = 0, worst = 0;
	if (!m.w || !m.at || !memory)
		exit(1);
	naive_fill(m.w, PRODUCTS * COLUMNS, 1, 1, &state);
	naive_fill(x, ROWS * COLUMNS, 1, 1, &state);
	for (int r = 0; r < ROWS; r++) /* some units are 0 in all rows of a block */
		for (int i = 3 * (r / SPARSE_ROWS); i < COLUMNS; i += 5)
			x[r * COLUMNS + i] = 0;
	for (int i = PRODUCTS; i < N; i++) {
		m.at[i] = 2 * (i - PRODUCTS) + 3;
		m.w[i * COLUMNS + m.at[i]] = m.unit;
	}
	factor_map_rows(&m, by_rows, x, ROWS);
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < N; i++) {
			double want = 0, size = 1e-30;
			for (int j = 0; j < COLUMNS; j++) {
				double t = (double)m.w[i * COLUMNS + j] * (double)x[r * COLUMNS + j];
				want += t, size += fabs(t);
			}
			worst = max_error(worst, fabs(want - (double)by_rows[r * N + i]) / size);
		}
	ok(worst < 1e-6, "rows that are not products are copied: %.2g off", worst);
	factor_map_back(&m, back, by_rows, ROWS);
	for (int i = 0; i < ROWS * COLUMNS; i++)
		there += (double)back[i] * (double)x[i];
	for (int i = 0; i < ROWS * N; i++)
		here += (double)by_rows[i] * (double)by_rows[i];
	ok(fabs(there / here - 1) < 1e-6, "their adjoint is one: %.2g off", there / here - 1);
	factor_map_pack(&m, 1, ROWS, &budget);
	block = sparse_place(memory, 2, COLUMNS);
	for (int b = 0; b < 2 && sparse_supported(N, COLUMNS, MAT_24); b++)
		sparse_pack(&block[b], x + b * SPARSE_ROWS * COLUMNS, COLUMNS, SPARSE_ROWS, COLUMNS);
	if (!sparse_supported(N, COLUMNS, MAT_24) || !factor_map_sparse(&m, by_blocks, block, 2))
		skip("rows that are not products, of sparse blocks", "this processor has no kernel for them");
	else
		ok(!memcmp(by_blocks, by_rows, sizeof by_rows), "of sparse blocks they have the same bits");
	factor_map_close(&m);
	free(memory);
}

int main(void)
{
	mat_thread_init();
	test_units();
	for (int i = 0; i < NETWORKS; i++)
		test_definition(i);
	for (int likelihood = GAUSSIAN; likelihood <= LINEAR; likelihood++)
		test_targets(likelihood);
	for (kind = CURVATURE_KFAC; kind <= CURVATURE_EKFAC; kind++) {
		static const int draws[] = {1, 3, 16, 40};
		if (kind != CURVATURE_INPUTS)
			test_collapsed();
		for (int i = 0; i < NETWORKS; i++)
			test_scores(i);
		for (int i = 0; i < NETWORKS; i++)
			for (int d = 0; d < 4; d++)
				test_pairs(i, draws[d]);
		for (int i = 0; i < NETWORKS; i++)
			for (int estimator = PLUGIN; estimator <= CROSS && i != STILL; estimator++)
				test_standard_error(i, 128, estimator);
	}
	return done();
}
