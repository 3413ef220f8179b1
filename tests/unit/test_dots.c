/* VAE-TracIn of records over test records against naive.h: explicit gradients in double, with noise drawn here for both roles. */
#include "dots.h"
#include "gemm/mat.h"
#include "base/rng.h"

enum { TESTS = 5, RECORDS = 7, INPUTS = 3 * 6 * 6, LATENT = 3 };

static const char *const networks[] = {
	"input: {shape: [3, 6, 6]}\n"
	"model: {latent: 3, encoder: [flatten, {linear: 20}, relu, {linear: 6}], decoder: [{linear: 30}, tanh, {linear: 108}]}\n",
	/* so wide that few draws are kept as factors, and many are explicit */
	"input: {shape: [3, 6, 6]}\n"
	"model: {latent: 3, encoder: [flatten, {linear: 90}, leaky_relu, {linear: 6}], decoder: [{linear: 120}, relu, {linear: 100}, relu, {linear: 108}]}\n",
	"input: {shape: [3, 6, 6]}\n"
	"model: {latent: 3, encoder: [{conv2d: {out: 5, kernel: 4, stride: 2, padding: 1}}, relu, {conv2d: {out: 12, kernel: 3}}, relu, flatten, {linear: 6}],\n"
	"  decoder: [{linear: 12}, relu, {unflatten: [12, 1, 1]}, {conv_transpose2d: {out: 5, kernel: 3}}, relu, {conv_transpose2d: {out: 3, kernel: 4, stride: 2, padding: 1}}]}\n",
	/* conv_transpose2d in the encoder, conv2d in the decoder */
	"input: {shape: [3, 6, 6]}\n"
	"model: {latent: 3, encoder: [{conv_transpose2d: {out: 2, kernel: 3, stride: 1, padding: 1}}, tanh, {conv2d: {out: 3, kernel: 6}}, flatten, {linear: 6}],\n"
	"  decoder: [{linear: 108}, tanh, {unflatten: [3, 6, 6]}, {conv2d: {out: 4, kernel: 3, padding: 1}}, relu, {conv2d: {out: 3, kernel: 1}}]}\n",
};

struct record_set {
	enum rng_role role;
	int n;
	float x[RECORDS * INPUTS];
	uint64_t id[RECORDS];
	double *g; /* [n][parameters]: mean gradients */
};

/* Mean gradients over the draws at one checkpoint; 0 for tensors that are not in use. */
static void mean_gradients(struct record_set *s, const struct model *m, const char *use)
{
	struct naive n = naive_of(m, m->cfg.score.likelihood, m->cfg.score.beta);
	int draws = m->cfg.score.draws;
	s->g = calloc((size_t)s->n * n.n, sizeof *s->g);
	for (int r = 0; r < s->n; r++) {
		double *g = s->g + (size_t)r * n.n, x[INPUTS], eps[LATENT];
		to_double(x, s->x + r * INPUTS, INPUTS);
		for (int j = 0; j < draws; j++) {
			float e[LATENT];
			rng_normal(e, LATENT, (uint64_t)m->cfg.score.seed, s->role, (uint64_t)m->step, s->id[r], (uint32_t)j);
			to_double(eps, e, LATENT);
			naive_gradient(&n, x, eps, 0, g);
		}
		size_t at = 0;
		for (int i = 0; i < m->ntensors; at += m->tensor[i++].count)
			for (size_t k = at; k < at + m->tensor[i].count; k++)
				g[k] = use[i] ? g[k] / draws : 0;
	}
	free(n.p);
}

static void compare(const struct model *m, int checkpoints, struct record_set *z, struct record_set *x, const char *use, const char *what)
{
	static double got[RECORDS * TESTS];
	double want[RECORDS * TESTS] = {0}, zz[TESTS] = {0}, xx[RECORDS] = {0}, worst = 0, norms = 0;
	struct score zs[TESTS], xs[RECORDS];
	for (int c = 0; c < checkpoints; c++) {
		size_t n = m->nparams;
		mean_gradients(z, &m[c], use);
		mean_gradients(x, &m[c], use);
		for (size_t r = 0; r < RECORDS; r++) {
			for (size_t q = 0; q < TESTS; q++)
				want[r * TESTS + q] += inner(x->g + r * n, z->g + q * n, n);
			xx[r] += inner(x->g + r * n, x->g + r * n, n);
		}
		for (size_t q = 0; q < TESTS; q++)
			zz[q] += inner(z->g + q * n, z->g + q * n, n);
		free(z->g);
		free(x->g);
	}
	dots(m, checkpoints, INFLUENCE_TESTS, z->x, z->id, NULL, TESTS, zs, x->x, x->id, NULL, RECORDS, xs, got);
	for (int r = 0; r < RECORDS; r++) {
		norms = max_error(norms, fabs(xs[r].selfinf / xx[r] - 1));
		for (int q = 0; q < TESTS; q++)
			worst = max_error(worst, fabs(got[r * TESTS + q] - want[r * TESTS + q]) / sqrt(xx[r] * zz[q]));
	}
	for (int q = 0; q < TESTS; q++)
		norms = max_error(norms, fabs(zs[q].selfinf / zz[q] - 1));
	ok(worst < 2e-5, "%s: influence at most %.2g |g||g'| off", what, worst);
	ok(norms < 2e-5, "%s: squared norms at most %.2g off", what, norms);
}

static void fill(struct record_set *s, uint64_t *state)
{
	naive_fill(s->x, (size_t)s->n * INPUTS, 0, 1, state);
	for (int r = 0; r < s->n; r++)
		s->id[r] = (uint64_t)r * 0x9e3779b97f4a7c15u + 5;
}

static void test_network(int network)
{
	static const char *const lists[] = {"all", "decoder", "encoder"};
	struct record_set z = {.role = ROLE_TEST_RECORD, .n = TESTS}, x = {.role = ROLE_TRAIN_RECORD, .n = RECORDS};
	static const int draws[] = {1, 2, 3, 6, 16, 40};
	uint64_t state = 70 + (uint64_t)network;
	struct model m[2];
	for (int c = 0; c < 2; c++) {
		naive_model(&m[c], networks[network], 0.2 + 0.1 * c, &state);
		m[c].step = 10 + c;
		m[c].cfg.score.beta = 2.5;
	}
	fill(&z, &state);
	fill(&x, &state);
	for (size_t d = 0; d < sizeof draws / sizeof *draws; d++)
		for (int l = 0; l < 3 + m[0].ntensors / 2; l++) {
			char use[MODEL_MAX_TENSORS], list[64], what[400];
			const char *name = m[0].tensor[l < 3 ? 0 : 2 * (l - 3)].name;
			snprintf(list, sizeof list, "%.*s", (int)(strrchr(name, '.') - name), name);
			for (int i = 0; i < m[0].ntensors; i++)
				use[i] = l == 0 || (l < 3 ? m[0].tensor[i].name[0] == lists[l][0] : i / 2 == l - 3);
			for (int c = 0; c < 2; c++) {
				m[c].cfg.score.draws = draws[d];
				snprintf(m[c].cfg.score.layers, sizeof m[c].cfg.score.layers, "%s", l < 3 ? lists[l] : list);
			}
			snprintf(what, sizeof what, "network %d, %d draws, %s", network, draws[d], m[0].cfg.score.layers);
			compare(m, l == 0 ? 2 : 1, &z, &x, use, what);
		}
	for (int c = 0; c < 2; c++)
		strcpy(m[c].cfg.score.layers, "all");
	double worst = low_rank_error(m, 2, NULL, NULL, z.x, z.id, TESTS, x.x, x.id, RECORDS);
	ok(worst < 1e-5, "network %d: influences of low rank from equal draws are %.2g |g||g'| off", network, worst);
	model_free(&m[0]);
	model_free(&m[1]);
}

int main(void)
{
	mat_thread_init();
	for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
		test_network((int)i);
	return done();
}
