/* Tiles or sparse blocks for a decoder: the work that is expected of blocks, by hand and in double; which models are chosen; and scores of either
 * choice against naive.h. tests/simd.bats also runs it on emulated tiles. */
#include "influence/sparse_decoder.h"

#include "base/rng.h"
#include "base/simd.h"
#include "dots.h"
#include "gemm/kernels.h"
#include "gemm/sparse_block.h"

enum { INPUTS = 100, LATENT = 80, RECORDS = 40 };

static const char network[] = "input: {shape: [1, 10, 10]}\nmodel:\n  latent: 80\n  encoder: [flatten, {linear: 96}, relu, {linear: 160}]\n"
                              "  decoder: [{linear: 96}, relu, {linear: 160}, relu, {linear: 100}]\n";

static int by_amx(void) { return gemm_select(512, 512, 512, MAT_24) == GEMM_AMX; }

/* One of `on` neurons of decoder layer i is always on, and the others always off. */
static void turn_off(struct model *m, int i, int on)
{
	const struct layer *l = &m->dec.l[i];
	for (int j = 0; j < l->biases; j++)
		m->params[l->bias + (size_t)j] += j % on ? -1000 : 5;
}

static double work_of(const struct model *m)
{
	struct fail f = {{0}};
	double work;
	if (sparse_decoder_work(m, &work, &f))
		BAIL(&f);
	return work;
}

static void test_shares(uint64_t *state)
{
	static const struct {
		int a, b;
		double first, second; /* shares */
	} on[] = {{1, 1, 1, 1}, {4, 2, 0.25, 0.5}, {2, 4, 0.5, 0.25}, {8, 1, 0.125, 1}};
	for (int i = 0; i < 4; i++) {
		struct model m;
		double p = on[i].first, q = on[i].second, size[] = {80 * 96, 96 * 160, 160 * 100};
		/* forward: by the share of the inputs; backward: of the outputs, times that of the inputs where a mask leaves less than 2/3 */
		double want = size[0] * (1 + p) + size[1] * (p + (p < 0.6 ? p * q : q)) + size[2] * (q + (q < 0.6 ? q : 1));
		naive_model(&m, network, 0.01, state);
		turn_off(&m, 0, on[i].a);
		turn_off(&m, 2, on[i].b);
		near(work_of(&m), want / 2 / (size[0] + size[1] + size[2]), 1e-9, "the work of a decoder whose neurons are on or off");
		model_free(&m);
	}
}

/* Runs a list of layers in double from x. Counts the outputs above 0 of ReLUs in kept [layers][NAIVE_WIDTH]. */
static const double *run(const struct layer_list *l, const double *p, size_t at, const double *x, struct naive_shape in, struct naive_pass *t, char (*kept)[NAIVE_WIDTH])
{
	naive_run(l, p, at, x, in, t);
	for (int i = 0; kept && i < l->n; i++)
		for (int j = 0; j < t->size[i]; j++)
			kept[i][j] |= t->v[i][j] > 0 || t->v[i][j] < 0;
	return t->v[l->n];
}

/* The same records, in double. */
static double naive_work(const struct model *m)
{
	enum { BLOCKS = 2 };
	static struct naive_pass t;
	struct naive n = naive_of(m, BERNOULLI, 1);
	size_t decoder = m->dec.l[0].weight;
	double share[NAIVE_LAYERS] = {0}, sum = 0, dense = 0, out = 1;
	for (uint64_t r = 0; r < BLOCKS; r++) {
		static char kept[NAIVE_LAYERS][NAIVE_WIDTH];
		float eps[LATENT];
		double z[LATENT], x[INPUTS], head[2 * LATENT];
		memset(kept, 0, sizeof kept);
		rng_normal(eps, LATENT, 0, ROLE_GENERATED, 0, r, 0);
		to_double(z, eps, LATENT);
		const double *logits = run(&m->cfg.decoder, n.p, decoder, z, (struct naive_shape){LATENT, 1, 1}, &t, NULL);
		for (int i = 0; i < INPUTS; i++)
			x[i] = 1 / (1 + exp(-logits[i]));
		memcpy(head, run(&m->cfg.encoder, n.p, 0, x, (struct naive_shape){1, 10, 10}, &t, NULL), sizeof head);
		for (uint32_t j = 0; j < SPARSE_ROWS; j++) {
			rng_normal(eps, LATENT, 0, ROLE_GENERATED, 1, r, j);
			for (int i = 0; i < LATENT; i++)
				z[i] = head[i] + exp(head[LATENT + i] / 2) * (double)eps[i];
			run(&m->cfg.decoder, n.p, decoder, z, (struct naive_shape){LATENT, 1, 1}, &t, kept);
		}
		for (int i = 0; i < m->cfg.decoder.n; i++)
			for (int j = 0; j < t.size[i]; j++)
				share[i] += kept[i][j] / (double)(BLOCKS * t.size[i]);
	}
	for (int i = m->cfg.decoder.n - 1; i >= 0; i -= 2) {
		double size = t.size[i] * t.size[i + 1];
		sum += size * (share[i] + out * (share[i] < 2.0 / 3 ? share[i] : 1));
		dense += 2 * size;
		out = share[i];
	}
	free(n.p);
	return sum / dense;
}

static void test_generated(uint64_t *state)
{
	for (int i = 0; i < 3; i++) {
		struct model m;
		naive_model(&m, network, 0.05, state);
		for (int j = 0; j < 160; j++)
			m.params[m.dec.l[2].bias + (size_t)j] -= 0.3f * (float)i;
		double work = work_of(&m), want = naive_work(&m);
		ok(fabs(work - want) < 1e-3, "generated records keep the share that they keep in double (work %.4f, expected %.4f)", work, want);
		model_free(&m);
	}
}

static int chosen(struct model *m, int draws)
{
	struct fail f = {{0}};
	m->cfg.score.draws = draws;
	if (sparse_decoders_choose(m, 1, &f))
		BAIL(&f);
	int sparse = m->dec.sparse;
	m->dec.sparse = 0;
	return sparse;
}

static void test_choice(uint64_t *state)
{
	struct model few, all, other;
	naive_model(&few, network, 0.1, state);
	naive_model(&all, network, 0.1, state);
	turn_off(&few, 0, 4);
	turn_off(&few, 2, 4);
	turn_off(&all, 0, 1);
	naive_model(&other, "input: {shape: [1, 10, 10]}\nmodel:\n  latent: 80\n  encoder: [flatten, {linear: 160}]\n"
	                    "  decoder: [{linear: 96}, {leaky_relu: 0.1}, {linear: 100}]\n", 0.1, state);
	ok(chosen(&few, SPARSE_ROWS) == by_amx(), "with AMX, sparse blocks are chosen where most neurons are off");
	ok(!chosen(&all, SPARSE_ROWS), "tiles are chosen where all are on");
	ok(!chosen(&few, 8) && !chosen(&other, SPARSE_ROWS), "there is no choice with 8 draws, or without ReLUs");
	const char *given = getenv("VAE_FILTERS_SIMD");
	char *kept = given ? strdup(given) : NULL;
	setenv("VAE_FILTERS_SIMD", "amx", 1);
	ok(!chosen(&few, SPARSE_ROWS), "VAE_FILTERS_SIMD=amx chooses tiles");
	if (kept)
		setenv("VAE_FILTERS_SIMD", kept, 1);
	else
		unsetenv("VAE_FILTERS_SIMD");
	free(kept);
	model_free(&few), model_free(&all), model_free(&other);
}

struct records {
	float x[RECORDS * INPUTS], eps[RECORDS * SPARSE_ROWS * LATENT];
	uint64_t id[RECORDS];
};

/* selfinf of the first n of a batch. sparse: bit c is dec.sparse of checkpoint c */
static void score(double *selfinf, struct model *m, int checkpoints, int sparse, int packed, const struct records *r, int n)
{
	struct fail f = {{0}};
	struct score s[RECORDS];
	for (int c = 0; c < checkpoints; c++)
		m[c].dec.sparse = sparse >> c & 1;
	struct influence *open = influence_open(m, checkpoints, RECORDS, 0, &f);
	if (!open)
		BAIL(&f);
	if (packed)
		influence_pack_weights(m, checkpoints, 0);
	influence_score(open, n, r->x, r->id, r->eps, s, NULL);
	for (int i = 0; i < n; i++)
		selfinf[i] = s[i].selfinf;
	influence_close(open);
	for (int c = 0; c < checkpoints; c++) {
		network_free_packed(&m[c].dec);
		network_free_packed(&m[c].enc);
	}
}

/* |mean gradient|^2 in double, summed over the checkpoints. */
static void expect(double *selfinf, const struct model *m, int checkpoints, const struct records *r)
{
	double *g = malloc(m[0].nparams * sizeof *g), x[INPUTS], eps[LATENT];
	memset(selfinf, 0, RECORDS * sizeof *selfinf);
	for (int c = 0; c < checkpoints; c++) {
		struct naive n = naive_of(&m[c], m[c].cfg.score.likelihood, m[c].cfg.score.beta);
		for (int i = 0; i < RECORDS; i++) {
			memset(g, 0, n.n * sizeof *g);
			to_double(x, r->x + i * INPUTS, INPUTS);
			for (int j = 0; j < SPARSE_ROWS; j++) {
				to_double(eps, r->eps + (i * SPARSE_ROWS + j) * LATENT, LATENT);
				naive_gradient(&n, x, eps, 0, g);
			}
			selfinf[i] += inner(g, g, n.n) / SPARSE_ROWS / SPARSE_ROWS;
		}
		free(n.p);
	}
	free(g);
}

static int ascending(const void *a, const void *b)
{
	double p = *(const double *)a, q = *(const double *)b;
	return (p > q) - (p < q);
}

static void test_scores(int checkpoints, uint64_t *state)
{
	static struct records r;
	struct model m[2];
	double want[RECORDS], got[4][RECORDS], unpacked[RECORDS], some[RECORDS];
	naive_fill(r.x, RECORDS * INPUTS, 0, 1, state);
	naive_fill(r.eps, RECORDS * SPARSE_ROWS * LATENT, 1, 1, state);
	for (int i = 0; i < RECORDS; i++)
		r.id[i] = (uint64_t)i;
	for (int c = 0; c < checkpoints; c++) {
		naive_model(&m[c], network, 0.1, state);
		m[c].cfg.score.draws = SPARSE_ROWS;
		for (int j = 0; j < 160; j++)
			m[c].params[m[c].dec.l[2].bias + (size_t)j] -= j % 3 ? 1 : 0;
		m[c].step = c;
	}
	expect(want, m, checkpoints, &r);
	for (int sparse = 0; sparse < 1 << checkpoints; sparse++) {
		double error[RECORDS];
		score(got[sparse], m, checkpoints, sparse, 1, &r, RECORDS);
		score(unpacked, m, checkpoints, sparse, 0, &r, RECORDS);
		score(some, m, checkpoints, sparse, 1, &r, 5);
		for (int i = 0; i < RECORDS; i++)
			error[i] = fabs(got[sparse][i] / want[i] - 1);
		qsort(error, RECORDS, sizeof *error, ascending);
		ok(error[RECORDS - 1] < 1e-5 && error[RECORDS / 2] < 1e-6, "checkpoints %d, blocks %d: scores are at most %.2g off, median %.2g", checkpoints, sparse, error[RECORDS - 1],
		   error[RECORDS / 2]);
		ok(!memcmp(got[sparse], unpacked, sizeof unpacked) && !memcmp(got[sparse], some, 5 * sizeof *some), "and have the same bits without packed weights, and in a batch of 5");
		if (sparse)
			ok(!memcmp(got[sparse], got[0], sizeof got[0]) == !by_amx(), "and other bits than without blocks only if there is AMX");
	}
	for (int c = 0; c < checkpoints; c++)
		model_free(&m[c]);
}

/* Influences over 9 test records, with the decoder and gradients of one checkpoint of two as blocks. */
static void test_influences(uint64_t *state)
{
	static const char wide[] = "input: {shape: [1, 10, 10]}\nmodel:\n  latent: 80\n  encoder: [flatten, {linear: 160}]\n"
	                           "  decoder: [{linear: 520}, relu, {linear: 640}, relu, {linear: 100}]\n";
	enum { TESTS = 9 };
	static struct records r;
	struct gradient_forms forms[2] = {{0}};
	struct model m[2];
	struct score zs[TESTS], xs[RECORDS];
	double want[RECORDS * TESTS], got[RECORDS * TESTS], worst = 0;
	for (int c = 0; c < 2; c++) {
		naive_model(&m[c], wide, 0.03, state);
		m[c].cfg.score.draws = SPARSE_ROWS;
		m[c].step = c;
		turn_off(&m[c], 0, c ? 8 : 1);
		turn_off(&m[c], 2, c ? 8 : 1);
	}
	naive_fill(r.x, RECORDS * INPUTS, 0, 1, state);
	for (int i = 0; i < RECORDS; i++)
		r.id[i] = (uint64_t)i;
	dots(m, 2, INFLUENCE_TESTS, r.x, r.id, NULL, TESTS, zs, r.x, r.id, NULL, RECORDS, xs, want);
	m[1].dec.sparse = 1;
	dots_forms = forms;
	dots(m, 2, INFLUENCE_TESTS, r.x, r.id, NULL, TESTS, zs, r.x, r.id, NULL, RECORDS, xs, got);
	dots_forms = NULL;
	for (int i = 0; i < RECORDS; i++)
		for (int q = 0; q < TESTS; q++)
			worst = max_error(worst, fabs(got[i * TESTS + q] - want[i * TESTS + q]) / sqrt(xs[i].selfinf * zs[q].selfinf));
	ok(worst < 1e-5 && forms[1].sparse[2] && (!by_amx() || !memchr(forms[0].sparse, 1, MAX_LAYERS)),
	   "influences with one checkpoint's decoder in blocks are %.2g off", worst);
	memset(forms, 0, sizeof forms);
	worst = low_rank_error(m, 2, NULL, forms, r.x, r.id, TESTS, r.x, r.id, RECORDS);
	ok(worst < 1e-5 && forms[1].sparse[2], "influences of low rank from blocks of equal draws are %.2g off", worst);
	model_free(&m[0]), model_free(&m[1]);
}

int main(void)
{
	uint64_t state = 21;
	mat_thread_init();
	if (!sparse_supported(100, 80, MAT_SPARSE)) {
		skip("decoders of sparse blocks", "this processor computes products of this size in OpenBLAS");
		return done();
	}
	test_shares(&state);
	test_generated(&state);
	test_choice(&state);
	test_scores(1, &state);
	test_scores(2, &state);
	test_influences(&state);
	return done();
}
