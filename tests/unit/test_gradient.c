/* Gradients of training and of influence against naive.h: every weight's gradient written out in
 * full in double, itself held against central differences of the forward pass. */
#include <stdio.h>

#include "dots.h"
#include "gemm/mat.h"
#include "naive.h"
#include "nn/linear.h"
#include "influence/draw_grams.h"
#include "train/trainer.h"

enum { BATCH = 5, MOST_DRAWS = 22, MOST_INPUTS = 192, LATENT = 3 };
static int inputs; /* of the network at hand */

/* The second has what a list may also hold: no flatten, layers without relu, two relus, a flatten between. */
static const char *const networks[] = {
	"input: {shape: [1, 3, 4]}\nmodel:\n  latent: 3\n"
	"  encoder: [flatten, {linear: 7}, relu, {linear: 5}, relu, {linear: 6}]\n"
	"  decoder: [{linear: 5}, relu, {linear: 7}, relu, {linear: 12}]\n",
	"input: {shape: [3, 2, 2]}\nmodel:\n  latent: 3\n"
	"  encoder: [{linear: 17}, {linear: 9}, relu, flatten, relu, {linear: 6}]\n"
	"  decoder: [flatten, {linear: 4}, {linear: 12}]\n",
	/* odd kernels, other strides, not square; every elementwise layer */
	"input: {shape: [3, 5, 7]}\nmodel:\n  latent: 3\n"
	"  encoder: [{conv2d: {out: 4, kernel: 3, stride: 2, padding: 1}}, relu, {conv2d: {out: 3, kernel: 2}}, leaky_relu, flatten, {linear: 6}]\n"
	"  decoder: [{linear: 12}, {unflatten: [2, 2, 3]}, tanh, {conv_transpose2d: {out: 3, kernel: 3, stride: 2, padding: 1}}, sigmoid,\n"
	"    {conv_transpose2d: {out: 3, kernel: 3}}]\n",
	/* an elementwise layer first, two behind each other, both convolutions in both lists, more padding than kernel */
	"input: {shape: [1, 6, 4]}\nmodel:\n  latent: 3\n"
	"  encoder: [sigmoid, {conv2d: {out: 5, kernel: 1}}, tanh, {leaky_relu: 0.3}, {conv2d: {out: 2, kernel: 4, stride: 3, padding: 2}}, {leaky_relu: 0.1},\n"
	"    {conv_transpose2d: {out: 2, kernel: 2, stride: 2, padding: 1}}, flatten, tanh, {linear: 6}]\n"
	"  decoder: [{unflatten: [3, 1, 1]}, {leaky_relu: 0.2}, {conv_transpose2d: {out: 4, kernel: 3}}, {conv2d: {out: 2, kernel: 1, padding: 2}}, relu,\n"
	"    {conv2d: {out: 6, kernel: 5, stride: 2}}, flatten, {linear: 24}]\n",
	/* few positions under many channels: Gram matrices; relu between unflatten and a convolution */
	"input: {shape: [3, 4, 4]}\nmodel:\n  latent: 3\n"
	"  encoder: [relu, {conv2d: {out: 8, kernel: 3, stride: 2, padding: 1}}, relu, {conv2d: {out: 20, kernel: 2}}, relu, flatten, {linear: 6}]\n"
	"  decoder: [relu, {linear: 20}, {unflatten: [20, 1, 1]}, relu, {conv_transpose2d: {out: 8, kernel: 2}}, leaky_relu,\n"
	"    {conv_transpose2d: {out: 3, kernel: 4, stride: 2, padding: 1}}]\n",
	/* pictures only within the encoder, which ends in a convolution; a decoder of rows */
	"input: {shape: [3, 4, 4]}\nmodel:\n  latent: 3\n"
	"  encoder: [flatten, {unflatten: [3, 4, 4]}, {conv2d: {out: 6, kernel: 4}}]\n  decoder: [{linear: 48}]\n",
	/* positions enough to go through the decoder in groups, behind layers that are not */
	"input: {shape: [1, 7, 8]}\nmodel:\n  latent: 3\n  encoder: [flatten, {linear: 6}]\n"
	"  decoder: [{linear: 40}, relu, {unflatten: [2, 4, 5]}, tanh, {conv_transpose2d: {out: 3, kernel: 2}}, relu, {conv_transpose2d: {out: 1, kernel: 3}}]\n",
	/* an encoder of rows, a decoder that ends in a picture in rows */
	"input: {shape: [3, 2, 2]}\nmodel:\n  latent: 3\n"
	"  encoder: [{linear: 6}]\n  decoder: [{unflatten: [3, 1, 1]}, {conv_transpose2d: {out: 3, kernel: 2}}, flatten]\n",
	/* the presets conv-N, with three of their convolutions: channels that grow while pixels halve, and back */
	"input: {shape: [3, 8, 8]}\nmodel:\n  latent: 3\n"
	"  encoder: [{conv2d: {out: 4, kernel: 4, stride: 2, padding: 1}}, relu, {conv2d: {out: 8, kernel: 4, stride: 2, padding: 1}}, relu,\n"
	"    {conv2d: {out: 16, kernel: 4, stride: 2, padding: 1}}, relu, flatten, {linear: 10}, relu, {linear: 6}]\n"
	"  decoder: [{linear: 10}, relu, {linear: 16}, {unflatten: [16, 1, 1]}, relu, {conv_transpose2d: {out: 8, kernel: 4, stride: 2, padding: 1}}, relu,\n"
	"    {conv_transpose2d: {out: 4, kernel: 4, stride: 2, padding: 1}}, relu, {conv_transpose2d: {out: 3, kernel: 4, stride: 2, padding: 1}}]\n",
};
/* Of random weights: pictures have many inputs, and sigma should not overflow. */
static double scale_of(int network) { return network < 2 ? 0.6 : 0.25; }
enum { NETWORKS = sizeof networks / sizeof *networks };
static const char *const likelihoods[] = {"gaussian", "bernoulli", "linear"};

struct data { /* a batch, in float and in double */
	float x[BATCH * MOST_INPUTS], eps[BATCH * MOST_DRAWS * LATENT];
	double xd[BATCH * MOST_INPUTS], epsd[BATCH * MOST_DRAWS * LATENT];
};

static void make_data(struct data *d, const struct model *m, uint64_t *state)
{
	inputs = config_input_size(&m->cfg);
	naive_fill(d->x, (size_t)(BATCH * inputs), 0, 1, state);
	naive_fill(d->eps, BATCH * MOST_DRAWS * LATENT, 1, 1, state);
	to_double(d->xd, d->x, (size_t)(BATCH * inputs));
	to_double(d->epsd, d->eps, BATCH * MOST_DRAWS * LATENT);
}

/* --- training --- */

/* The mean loss of the batch, with one draw a record. */
static double batch_loss(const struct naive *m, const struct data *d)
{
	struct naive_draw t;
	double total = 0;
	for (int r = 0; r < BATCH; r++)
		total += naive_loss(m, d->xd + r * inputs, d->epsd + r * LATENT, &t) / BATCH;
	return total;
}

/* The gradient of trainer_step(), from one step of gradient descent: the rate is so large that the difference of the parameters has
 * the full precision of a float. */
static void trained_gradient(struct model *m, const struct data *d, double *g, struct train_stats *s)
{
	struct fail f = {{0}};
	float *before = malloc(m->nparams * sizeof *before);
	memcpy(before, m->params, m->nparams * sizeof *before);
	m->cfg.train.batch = BATCH;
	m->cfg.train.optimizer = SGD;
	m->cfg.train.lr = 65536;
	struct pool *pool = pool_open(1, &f);
	struct trainer *t = pool ? trainer_open(m, pool, &f) : NULL;
	if (!t || trainer_step(t, d->x, d->eps, s, &f))
		BAIL(&f);
	for (size_t i = 0; i < m->nparams; i++)
		g[i] = ((double)before[i] - (double)m->params[i]) / 65536;
	memcpy(m->params, before, m->nparams * sizeof *before);
	trainer_close(t);
	pool_close(pool);
	free(before);
}

static void test_training(int network, int likelihood)
{
	struct model m;
	struct data d;
	struct train_stats s;
	uint64_t state = 100 + (uint64_t)(10 * network + likelihood);
	naive_model(&m, networks[network], scale_of(network), &state);
	make_data(&d, &m, &state);
	m.cfg.train.likelihood = likelihood;
	m.cfg.train.beta = 1.7;
	struct naive n = naive_of(&m, likelihood, 1.7);
	double *by_difference = calloc(n.n, sizeof(double)), *by_hand = calloc(n.n, sizeof(double)), *got = calloc(n.n, sizeof(double));
	/* Central differences take long and do not depend on the kernels: the run for all kernels has them, those for fewer do not. */
	int differences = !getenv("VAE_FILTERS_SIMD");
	for (size_t i = 0; i < n.n && differences; i++) {
		double w = n.p[i], h = 1e-5;
		n.p[i] = w + h;
		by_difference[i] = batch_loss(&n, &d);
		n.p[i] = w - h;
		by_difference[i] = (by_difference[i] - batch_loss(&n, &d)) / (2 * h);
		n.p[i] = w;
	}
	for (int r = 0; r < BATCH; r++)
		naive_gradient(&n, d.xd + r * inputs, d.epsd + r * LATENT, 0, by_hand);
	for (size_t i = 0; i < n.n; i++)
		by_hand[i] /= BATCH;
	if (differences)
		ok(relative_distance(by_hand, by_difference, n.n) < 1e-7, "network %d, %s: the naive gradient agrees with central differences (%.2g)",
		   network, likelihoods[likelihood], relative_distance(by_hand, by_difference, n.n));
	const double *want = differences ? by_difference : by_hand;
	trained_gradient(&m, &d, got, &s);
	size_t at = 0;
	for (int i = 0; i < m.ntensors; at += m.tensor[i++].count) {
		double e = relative_distance(got + at, want + at, m.tensor[i].count);
		ok(e < 1e-5, "network %d, %s, %s: relative error of the gradient %.2g", network, likelihoods[likelihood], m.tensor[i].name, e);
	}
	ok(at == n.n, "network %d: %zu parameters", network, at);
	near(s.loss, batch_loss(&n, &d), 1e-6, "the batch's loss");
	free(n.p);
	free(by_difference);
	free(by_hand);
	free(got);
	model_free(&m);
}

/* --- influence --- */

struct explicit_scores { /* the expected results of influence_score(), from explicit gradients */
	double selfinf[BATCH], se[BATCH], se_scale[BATCH], part[BATCH * MODEL_MAX_TENSORS], gram[BATCH * BATCH];
	/* se_scale: what se would be if h_j were not centred, for differences that cancel */
	double scale[BATCH * MODEL_MAX_TENSORS]; /* |one half's gradient| |the other's|: what a part may be compared with */
};

static void add_explicit(struct explicit_scores *e, const struct model *m, const struct data *d, double weight, const char *use, double *h)
{
	struct naive n = naive_of(m, m->cfg.score.likelihood, m->cfg.score.beta);
	int draws = m->cfg.score.draws, cross = m->cfg.score.estimator == CROSS;
	double *g = calloc((size_t)draws * n.n, sizeof *g), *mean = calloc(BATCH * n.n, sizeof *mean);
	for (int r = 0; r < BATCH; r++) {
		double *half[2] = {calloc(n.n, sizeof(double)), calloc(n.n, sizeof(double))}, *whole = mean + (size_t)r * n.n;
		memset(g, 0, (size_t)draws * n.n * sizeof *g);
		for (int j = 0; j < draws; j++) {
			double *gj = g + (size_t)j * n.n;
			naive_gradient(&n, d->xd + r * inputs, d->epsd + (r * draws + j) * LATENT, m->cfg.score.gradient == SCORE, gj);
			size_t at = 0;
			for (int i = 0; i < m->ntensors; at += m->tensor[i++].count)
				if (!use[i])
					memset(gj + at, 0, m->tensor[i].count * sizeof *gj);
			int late = j >= draws / 2, of = late ? draws - draws / 2 : draws / 2;
			for (size_t i = 0; i < n.n; i++) {
				half[late][i] += gj[i] / of;
				whole[i] += gj[i] / draws;
			}
		}
		for (int j = 0; j < draws; j++)
			h[r * draws + j] += weight * inner(g + (size_t)j * n.n, whole, n.n);
		const double *a = cross ? half[0] : whole, *b = cross ? half[1] : whole;
		size_t at = 0;
		for (int i = 0; i < m->ntensors; at += m->tensor[i++].count) {
			size_t k = m->tensor[i].count;
			double part = weight * inner(a + at, b + at, k);
			e->part[r * m->ntensors + i] += part;
			e->scale[r * m->ntensors + i] += weight * sqrt(inner(a + at, a + at, k) * inner(b + at, b + at, k));
			e->selfinf[r] += part;
		}
		free(half[0]);
		free(half[1]);
	}
	for (int r = 0; r < BATCH; r++)
		for (int q = 0; q < BATCH; q++)
			e->gram[r * BATCH + q] += weight * inner(mean + (size_t)r * n.n, mean + (size_t)q * n.n, n.n);
	free(g);
	free(mean);
	free(n.p);
}

/* The units that selfinf_se counts: draws, or blocks of them where a gradient in the decoder is written out. */
static int edges(const struct model *m, const char *use, int *edge)
{
	int draws = m->cfg.score.draws, half = draws / 2, blocks = 0;
	for (int i = 0; i < m->dec.n; i++)
		blocks |= layer_has_weights(&m->dec.l[i]) && use[m->dec.l[i].tensor] && gradient_is_explicit(&m->dec.l[i], draws);
	int n = !blocks || draws < 2 ? draws : draws < 4 ? 2 : 4;
	for (int u = 0; u <= n; u++)
		edge[u] = n == draws ? u : n == 2 ? (u == 1 ? half : u * draws / 2) : (const int[]){0, half / 2, half, half + (draws - half) / 2, draws}[u];
	return n;
}

static void explain(struct explicit_scores *e, const struct model *m, int checkpoints, const struct data *d, const char *use)
{
	double h[BATCH * MOST_DRAWS] = {0};
	int draws = m->cfg.score.draws;
	memset(e, 0, sizeof *e);
	for (int c = 0; c < checkpoints; c++) {
		/* TracIn for a batch-mean loss: learning rate * steps / N */
		double w = m[c].cfg.score.weights == WEIGHTS_LR ? m[c].lr * (double)m[c].since / (double)m[c].records : 1;
		add_explicit(e, &m[c], d, w, use, h);
	}
	for (int r = 0; r < BATCH; r++) {
		double mean = 0, q = 0;
		for (int j = 0; j < draws; j++)
			mean += h[r * draws + j] / draws;
		e->se_scale[r] = 2 * sqrt(inner(h + r * draws, h + r * draws, (size_t)draws)) / draws;
		int edge[MOST_DRAWS + 1], n = edges(m, use, edge);
		for (int u = 0; u < n; u++) {
			double off = 0;
			for (int j = edge[u]; j < edge[u + 1]; j++)
				off += (h[r * draws + j] - mean) / draws;
			q += off * off;
		}
		e->se[r] = 2 * sqrt(q * n / (n - 1));
	}
}

/* Scores and compares; what: for the messages. */
static void compare(const struct model *m, int checkpoints, const struct data *d, const char *use, const char *what)
{
	struct fail f = {{0}};
	struct explicit_scores *e = calloc(1, sizeof *e);
	struct score out[BATCH];
	double part[BATCH * MODEL_MAX_TENSORS], total = 0, parts = 0, se = 0, sums = 0, unused = 0;
	uint64_t id[BATCH] = {0};
	struct influence *s = influence_open(m, checkpoints, BATCH, 0, &f);
	if (!s)
		BAIL(&f);
	influence_score(s, BATCH, d->x, id, d->eps, out, part);
	explain(e, m, checkpoints, d, use);
	int nt = m->ntensors, nan_se = 1;
	for (int r = 0; r < BATCH; r++) {
		double sum = 0, scale = 0, least = 0; /* a layer behind dead relus has no gradient at all */
		for (int i = 0; i < nt; i++)
			least += 1e-12 * e->scale[r * nt + i];
		for (int i = 0; i < nt; i++) {
			parts = use[i] ? max_error(parts, fabs(part[r * nt + i] - e->part[r * nt + i]) / (e->scale[r * nt + i] + least)) : parts;
			unused += use[i] ? 0 : fabs(part[r * nt + i]);
			sum += part[r * nt + i];
			scale += e->scale[r * nt + i];
		}
		total = max_error(total, fabs(out[r].selfinf - e->selfinf[r]) / scale);
		sums = max_error(sums, fabs(sum - out[r].selfinf) / scale);
		se = max_error(se, fabs(out[r].selfinf_se - e->se[r]) / e->se_scale[r]);
		nan_se &= isnan(out[r].selfinf_se);
	}
	ok(total < 3e-5, "%s: selfinf %.2g off", what, total);
	ok(parts < 3e-5 && unused == 0, "%s: a tensor's part at most %.2g off", what, parts);
	ok(sums < 1e-12, "%s: parts add up to the whole", what);
	if (m->cfg.score.draws == 1)
		ok(nan_se, "%s: one draw has no standard error", what);
	else
		ok(se < 3e-5, "%s: selfinf_se %.2g off", what, se);
	if (m->cfg.score.estimator == PLUGIN) {
		double gram[BATCH * BATCH], worst = 0;
		dots(m, checkpoints, 0, d->x, id, d->eps, BATCH, out, d->x, id, d->eps, BATCH, out, gram);
		for (int a = 0; a < BATCH * BATCH; a++) {
			double size = sqrt(e->gram[a / BATCH * (BATCH + 1)] * e->gram[a % BATCH * (BATCH + 1)]);
			worst = max_error(worst, fabs(gram[a] - e->gram[a]) / size);
		}
		ok(worst < 3e-5, "%s: dots between records at most %.2g off", what, worst);
	}
	influence_close(s);
	free(e);
}

static void test_influence(int network)
{
	static const char all[MODEL_MAX_TENSORS] = {[0 ... MODEL_MAX_TENSORS - 1] = 1};
	static const int draws[] = {1, 2, 3, 5, 22};
	struct model m;
	struct data d;
	char what[128];
	uint64_t state = 200 + (uint64_t)network;
	naive_model(&m, networks[network], scale_of(network), &state);
	make_data(&d, &m, &state);
	m.cfg.score.beta = 2.5;
	for (int likelihood = 0; likelihood < 3; likelihood++)
		for (int k = 0; k < 5; k++)
			for (int how = 0; how < 4; how++) {
				m.cfg.score.likelihood = likelihood;
				m.cfg.score.draws = draws[k];
				m.cfg.score.estimator = how & 1 ? CROSS : PLUGIN;
				m.cfg.score.gradient = how & 2 ? SCORE : PATHWISE;
				if (draws[k] == 1 && how & 1)
					continue;
				snprintf(what, sizeof what, "network %d, %s, %d draws, %s, %s", network, likelihoods[likelihood], draws[k],
				         how & 1 ? "cross" : "plugin", how & 2 ? "score" : "pathwise");
				compare(&m, 1, &d, all, what);
			}
	model_free(&m);
}

static void test_layers(void)
{
	static const struct {
		const char *layers, use[11]; /* of network 0: encoder.1 .3 .5, decoder.0 .2 .4, weight and bias each */
	} cases[] = {
		{"encoder", {1, 1, 1, 1, 1, 1}},           {"decoder", {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1}}, {"decoder.2", {[8] = 1, [9] = 1}},
		{"encoder.1", {1, 1}},                     {"encoder.3", {[2] = 1, [3] = 1}},              {"encoder.5", {[4] = 1, [5] = 1}},
		{"encoder.5,decoder.0", {[4] = 1, [5] = 1, [6] = 1, [7] = 1}}, {"decoder.2,encoder", {1, 1, 1, 1, 1, 1, [8] = 1, [9] = 1}},
	};
	static const char *const wrong[] = {"encoder.0", "decoder.1", "decoder.9", "decoders", "", "all,decoder.7", "decoder.4,,", "encoder.1 "};
	struct model m;
	struct data d;
	struct fail f;
	uint64_t state = 300;
	naive_model(&m, networks[0], 0.6, &state);
	make_data(&d, &m, &state);
	m.cfg.score.draws = 4;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		char what[64], use[MODEL_MAX_TENSORS] = {0};
		memcpy(use, cases[i / 2].use, 11);
		use[11] = use[10]; /* decoder.4's bias */
		m.cfg.score.estimator = i % 2 ? CROSS : PLUGIN;
		snprintf(m.cfg.score.layers, sizeof m.cfg.score.layers, "%s", cases[i / 2].layers);
		snprintf(what, sizeof what, "layers %s, %s", cases[i / 2].layers, i % 2 ? "cross" : "plugin");
		compare(&m, 1, &d, use, what);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(m.cfg.score.layers, sizeof m.cfg.score.layers, "%s", wrong[i]);
		ok(!influence_open(&m, 1, 1, 0, &f) && strstr(f.msg, "no such layer"), "layers '%s': refused", wrong[i]);
	}
	model_free(&m);
}

/* Three checkpoints under each weighting; the rate, steps and records differ. */
static void test_checkpoints(void)
{
	static const char all[MODEL_MAX_TENSORS] = {[0 ... MODEL_MAX_TENSORS - 1] = 1};
	struct model m[3];
	struct data d;
	uint64_t state = 400;
	for (int how = 0; how < 4; how++) {
		for (int c = 0; c < 3; c++) {
			naive_model(&m[c], networks[0], 0.4 + 0.1 * c, &state);
			m[c].cfg.score.draws = 6;
			m[c].cfg.score.weights = how & 1 ? WEIGHTS_LR : WEIGHTS_ONE;
			m[c].cfg.score.estimator = how & 2 ? CROSS : PLUGIN;
			m[c].step = 100 * c;
			m[c].since = 50 + 10 * c;
			m[c].records = 1000 + c;
			m[c].lr = 0.1 / (c + 1);
		}
		make_data(&d, m, &state);
		near(checkpoint_weight(&m[1]), how & 1 ? 0.05 * 60 / 1001 : 1, 1e-15, "a checkpoint's weight");
		char what[64];
		snprintf(what, sizeof what, "3 checkpoints, weights %s, %s", how & 1 ? "lr" : "one", how & 2 ? "cross" : "plugin");
		compare(m, 3, &d, all, what);
		for (int c = 0; c < 3; c++)
			model_free(&m[c]);
	}
}

/* A NAN activation must show in the loss, so a ReLU must keep it. */
static void test_relu_keeps_nan(void)
{
	float x[2] = {1, NAN}, w[2] = {1, 1}, b[2] = {0, 1}, y[2];
	linear_forward(y, x, w, b, 1, 1, 2, 0, 2, 1, MAT_24, NULL);
	ok(y[0] == 1 && y[1] == 2, "a ReLU keeps positive values");
	linear_forward(y, x + 1, w, b, 1, 1, 2, 0, 2, 1, MAT_24, NULL);
	ok(isnan(y[0]) && isnan(y[1]), "and NAN");
}

int main(void)
{
	mat_thread_init();
	test_relu_keeps_nan();
	for (int network = 0; network < NETWORKS; network++) {
		for (int likelihood = 0; likelihood < 3; likelihood++)
			test_training(network, likelihood);
		test_influence(network);
	}
	test_layers();
	test_checkpoints();
	return done();
}
