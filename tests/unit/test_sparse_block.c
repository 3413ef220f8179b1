/* Sparse blocks against the dense products, which test_mat compares with sums in double: the same bits for every shape, share of zeros and
 * number of blocks. Gram matrices against double. Scores with a decoder that takes sparse blocks against scores with dense rows, which
 * test_gradient compares with naive.h. All products are MAT_SPARSE, so that processors with AMX take blocks too. VAE_FILTERS_SIMD chooses
 * the kernels. */
#include "gemm/sparse_block.h"

#include "gemm/mat.h"
#include "dots.h"

struct rows {
	int blocks, width;
	float *v;               /* [blocks][SPARSE_ROWS][width] */
	struct sparse_block *b; /* [blocks]: the same rows */
	void *memory;           /* of b */
};

static struct rows rows_alloc(int blocks, int width)
{
	struct rows r = {blocks, width, mat_floats((size_t)(blocks * SPARSE_ROWS * width)), NULL, mat_floats(sparse_bytes(blocks, width) / sizeof(float))};
	r.b = sparse_place(r.memory, blocks, width);
	return r;
}

static void rows_free(struct rows *r)
{
	free(r->v);
	free(r->memory);
}

static void pack(struct rows *r)
{
	for (int i = 0; i < r->blocks; i++)
		sparse_pack(&r->b[i], r->v + i * SPARSE_ROWS * r->width, (size_t)r->width, SPARSE_ROWS, r->width);
}

/* As behind a ReLU, where a neuron is mostly active or not in all rows of a block. active: the share of columns that are. */
static void fill(struct rows *r, double active, uint64_t *state)
{
	for (int i = 0; i < r->blocks; i++)
		for (int k = 0; k < r->width; k++) {
			int on = naive_uniform(state) < active;
			for (int q = 0; q < SPARSE_ROWS; q++)
				r->v[(i * SPARSE_ROWS + q) * r->width + k] = on && naive_uniform(state) < 0.8 ? (float)naive_uniform(state) : 0;
		}
	pack(r);
}

/* Whether the blocks hold exactly these rows. */
static int holds(const struct rows *r, const struct sparse_block *b, const float *want)
{
	size_t each = (size_t)(SPARSE_ROWS * r->width);
	float *got = malloc(each * sizeof *got);
	int same = 1;
	for (int i = 0; i < r->blocks; i++) {
		for (size_t k = 0; k < each; k++)
			got[k] = NAN;
		sparse_unpack(&b[i], got, (size_t)r->width, SPARSE_ROWS, r->width);
		same &= !memcmp(got, want + (size_t)i * each, each * sizeof *got);
	}
	free(got);
	return same;
}

static void test_pack(uint64_t *state)
{
	int same = 1, beside = 1, listed = 1;
	for (int width = 1; width < 70; width += width < 20 ? 1 : 9)
		for (int rows = 1; rows <= SPARSE_ROWS; rows++) {
			struct rows r = rows_alloc(1, width);
			float back[SPARSE_ROWS * 80];
			fill(&r, 0.5, state);
			sparse_pack(r.b, r.v, (size_t)width, rows, width);
			for (int q = 0, k = 0; q < r.b->n; k++) { /* every column in which a row is not 0, once */
				int any = 0;
				for (int i = 0; i < rows; i++)
					any |= r.v[i * width + k] != 0; /* NOLINT: exact */
				listed &= any == (r.b->column[q] == k);
				q += any;
			}
			for (int i = 0; i < SPARSE_ROWS * 80; i++)
				back[i] = -7;
			sparse_unpack(r.b, back, 80, rows, width);
			for (int i = 0; i < SPARSE_ROWS; i++)
				for (int k = 0; k < 80; k++) {
					if (i < rows && k < width)
						same &= !memcmp(&back[i * 80 + k], &r.v[i * width + k], sizeof *back);
					else
						beside &= back[i * 80 + k] == -7;
				}
			rows_free(&r);
		}
	ok(same && beside && listed, "1 to 16 rows, packed and unpacked, are the same, and nothing is written beside them");
}

/* A layer of k inputs and n outputs, forward and back. */
static void test_layer(int count, int n, int k, double active, uint64_t *state)
{
	struct rows x = rows_alloc(count, k), y = rows_alloc(count, n), dy = rows_alloc(count, n), dx = rows_alloc(count, k);
	float *w = mat_floats((size_t)(n * k)), *bias = mat_floats((size_t)n);
	size_t budget = (size_t)1 << 30;
	int rows = count * SPARSE_ROWS;
	naive_fill(w, (size_t)(n * k), 1, 1, state);
	naive_fill(bias, (size_t)n, 1, 1, state);
	fill(&x, active, state);
	fill(&dy, 0.5, state);
	struct mat_packed *forward = mat_pack(w, k, 0, rows, n, k, MAT_SPARSE, 0, &budget), *back = mat_pack(w, k, 1, rows, k, n, MAT_SPARSE, 1, &budget);
	mat_layer(y.v, n, x.v, w, NULL, bias, rows, n, k, 1, MAT_SPARSE);
	sparse_layer_relu(y.b, x.b, count, forward, bias);
	int relu = holds(&y, y.b, y.v);

	float *got = mat_floats((size_t)(rows * (n + 3)));
	mat_layer(y.v, n, x.v, w, NULL, bias, rows, n, k, 0, MAT_SPARSE);
	for (int i = 0; i < rows * (n + 3); i++)
		got[i] = -7;
	sparse_layer(got, (size_t)n + 3, x.b, count, forward, bias);
	int dense = 1;
	for (int i = 0; i < rows; i++) {
		dense &= !memcmp(got + i * (n + 3), y.v + i * n, (size_t)n * sizeof *got);
		for (int j = n; j < n + 3; j++)
			dense &= got[i * (n + 3) + j] == -7;
	}

	for (int i = 0; i < rows * k; i += 7) /* a mask may have negative numbers too */
		x.v[i] = -x.v[i];
	pack(&x);
	mat_nn(dx.v, k, dy.v, n, w, k, NULL, x.v, rows, k, n, MAT_SPARSE);
	sparse_nn_masked(dx.b, dy.b, x.b, count, back);
	int masked = holds(&dx, dx.b, dx.v);
	for (int i = 0; i < count; i++) /* one by one: the share of active outputs of a single block may select the other way */
		sparse_nn_masked(&dx.b[i], &dy.b[i], &x.b[i], 1, back);
	int single = holds(&dx, dx.b, dx.v);
	ok(relu && dense && masked && single, "%d blocks, %d outputs of %d inputs, %.0f %% active: the bits of dense products%s%s%s%s", count, n, k, 100 * active,
	   relu ? "" : ", not with a ReLU", dense ? "" : ", not with dense outputs", masked ? "" : ", not masked", single ? "" : ", not one by one");
	free(got), free(w), free(bias), free(forward), free(back);
	rows_free(&x), rows_free(&y), rows_free(&dy), rows_free(&dx);
}

static void test_not_finite(uint64_t *state)
{
	enum { K = 70, N = 66 };
	struct rows x = rows_alloc(1, K), y = rows_alloc(1, N);
	float *w = mat_floats(N * K), *bias = mat_floats(N);
	size_t budget = (size_t)1 << 30;
	naive_fill(w, N * K, 1, 1, state);
	struct mat_packed *forward = mat_pack(w, K, 0, SPARSE_ROWS, N, K, MAT_SPARSE, 0, &budget);
	int bad = 0, other = 0;
	x.v[5 * K + 7] = NAN; /* alone in its column */
	pack(&x);
	sparse_layer_relu(y.b, x.b, 1, forward, bias);
	for (int q = 0; q < y.b->n; q++)
		for (int i = 0; i < SPARSE_ROWS; i++) {
			bad += i == 5 && isnan(y.b->v[q][i]);
			other += i != 5 && !isfinite(y.b->v[q][i]);
		}
	ok(x.b->n == 1 && bad == N && other == 0, "NAN passes a ReLU in its own row");
	for (int i = 0; i < SPARSE_ROWS * K; i++)
		x.v[i] = 0;
	pack(&x);
	sparse_layer_relu(y.b, x.b, 1, forward, bias);
	ok(x.b->n == 0 && y.b->n == 0, "zeros without a bias give an empty block");
	free(w), free(bias), free(forward);
	rows_free(&x), rows_free(&y);
}

static void test_gram(uint64_t *state)
{
	double worst = 0;
	for (int width = 1; width < 3000; width = 3 * width + 2) {
		struct rows x = rows_alloc(1, width);
		float c[SPARSE_ROWS * SPARSE_ROWS];
		fill(&x, 0.7, state);
		sparse_gram(c, x.b);
		for (int i = 0; i < SPARSE_ROWS; i++)
			for (int j = 0; j < SPARSE_ROWS; j++) {
				double s = 0;
				for (int k = 0; k < width; k++)
					s += (double)x.v[i * width + k] * (double)x.v[j * width + k];
				worst = max_error(worst, fabs(s - (double)c[i * SPARSE_ROWS + j]) / (s + 1e-30)); /* no term is below 0 */
			}
		rows_free(&x);
	}
	ok(worst < 1e-5, "Gram matrices are at most %.2g off", worst);
}

/* Gradients [np][nk] of one block of x and one of z: their dot product, and the sum of the absolute values of its terms. */
static double naive_dot(const struct rows *p, const struct rows *k, int r, const struct rows *q, const struct rows *l, int c, double bias, double *size)
{
	double sum = 0;
	*size = 0;
	for (int i = 0; i < SPARSE_ROWS; i++)
		for (int j = 0; j < SPARSE_ROWS; j++) {
			double pp = 0, kk = bias;
			for (int a = 0; a < p->width; a++)
				pp += (double)p->v[(r * SPARSE_ROWS + i) * p->width + a] * (double)q->v[(c * SPARSE_ROWS + j) * p->width + a];
			for (int b = 0; b < k->width; b++)
				kk += (double)k->v[(r * SPARSE_ROWS + i) * k->width + b] * (double)l->v[(c * SPARSE_ROWS + j) * k->width + b];
			sum += pp * kk;
			*size += fabs(pp * kk);
		}
	return sum;
}

static float *spread(const struct rows *r)
{
	size_t each = spread_floats(r->width);
	float *to = mat_floats((size_t)r->blocks * each);
	for (size_t i = 0; i < (size_t)r->blocks * each; i++)
		to[i] = NAN; /* columns that are not kept are not read */
	for (int i = 0; i < r->blocks; i++)
		sparse_spread(to + (size_t)i * each, &r->b[i], r->width);
	return to;
}

/* Blocks of gradients against double. */
static void test_spread_dots(int np, int nk, uint64_t *state)
{
	enum { X = 3, Z = 7, STRIDE = Z + 2 };
	double worst = 0, got[X * STRIDE], size;
	for (int active = 0; active <= 4; active++) {
		struct rows p = rows_alloc(X, np), k = rows_alloc(X, nk), q = rows_alloc(Z, np), l = rows_alloc(Z, nk);
		fill(&p, active / 4.0, state), fill(&k, active / 4.0, state), fill(&q, active / 4.0, state), fill(&l, active / 4.0, state);
		struct spread_factors x = {spread(&p), spread(&k), X}, z = {spread(&q), spread(&l), Z};
		for (int i = 0; i < X * STRIDE; i++)
			got[i] = -1;
		spread_dots(got, STRIDE, &x, &z, np, nk, 1);
		for (int r = 0; r < X; r++)
			for (int c = 0; c < STRIDE; c++)
				if (c >= Z)
					worst = max_error(worst, fabs(got[r * STRIDE + c] + 1));
				else {
					double want = naive_dot(&p, &k, r, &q, &l, c, 1, &size);
					worst = max_error(worst, fabs(got[r * STRIDE + c] - want) / (size + 1e-30));
				}
		free((void *)x.p), free((void *)x.k), free((void *)z.p), free((void *)z.k);
		rows_free(&p), rows_free(&k), rows_free(&q), rows_free(&l);
	}
	ok(worst < 1e-6, "dot products of gradients of %d x %d are at most %.2g off", np, nk, worst);
}

enum { INPUTS = 64, BATCH = 21, CHECKPOINTS = 2 };

struct scored {
	struct score s[BATCH];
	double part[BATCH * MODEL_MAX_TENSORS];
};

static void score(struct scored *to, const struct model *m, int batch, int flags, const float *x, const uint64_t *id)
{
	struct fail f = {{0}};
	struct influence *s = influence_open(m, CHECKPOINTS, batch, flags, &f);
	if (!s)
		BAIL(&f);
	memset(to, 0, sizeof *to);
	influence_score(s, batch, x, id, NULL, to->s, to->part);
	influence_close(s);
}

/* Scores with the weights of no checkpoint packed (dense rows), of the last one, and of both (sparse blocks); and with gradients kept, which
 * takes dense rows and other Gram matrices. */
static void test_scores(const char *layers, int estimator, int batch, uint64_t *state)
{
	static const char network[] = "input: {shape: [1, 8, 8]}\nmodel:\n  latent: 16\n  encoder: [flatten, {linear: 40}, relu, {linear: 32}]\n"
	                              "  decoder: [{linear: 56}, relu, {linear: 130}, relu, {linear: 64}]\n";
	struct model m[CHECKPOINTS];
	struct scored none, last, both, kept;
	float x[BATCH * INPUTS];
	uint64_t id[BATCH];
	double worst = 0, se = 0;
	for (int c = 0; c < CHECKPOINTS; c++) {
		naive_model(&m[c], network, 0.3, state);
		m[c].step = c;
		m[c].cfg.score.draws = SPARSE_ROWS;
		m[c].dec.sparse = 1;
		m[c].cfg.score.estimator = estimator;
		snprintf(m[c].cfg.score.layers, sizeof m[c].cfg.score.layers, "%s", layers);
	}
	naive_fill(x, BATCH * INPUTS, 0, 1, state);
	for (int i = 0; i < BATCH; i++)
		id[i] = (uint64_t)i;
	score(&none, m, batch, 0, x, id);
	int as_packed = !network_sparse(&m[1].dec, 1);
	influence_pack_weights(m + 1, 1, 0);
	as_packed &= network_sparse(&m[1].dec, 1) && !network_sparse(&m[0].dec, 1);
	score(&last, m, batch, 0, x, id);
	influence_pack_weights(m, 1, 0);
	as_packed &= network_sparse(&m[0].dec, 1);
	score(&both, m, batch, 0, x, id);
	ok(as_packed && !memcmp(&none, &last, sizeof none) && !memcmp(&none, &both, sizeof none),
	   "scores of %d records, layers %s, %s: the same bits with sparse blocks", batch, layers, estimator == CROSS ? "cross" : "plugin");
	if (estimator == PLUGIN) {
		score(&kept, m, batch, INFLUENCE_GRADIENTS, x, id);
		for (int r = 0; r < batch; r++) {
			worst = max_error(worst, fabs(both.s[r].selfinf / kept.s[r].selfinf - 1));
			se = max_error(se, fabs(both.s[r].selfinf_se / kept.s[r].selfinf_se - 1));
		}
		ok(worst < 2e-6 && se < 2e-5, "and with other Gram matrices %.2g off, selfinf_se %.2g", worst, se);
	}
	for (int c = 0; c < CHECKPOINTS; c++) {
		network_free_packed(&m[c].dec);
		network_free_packed(&m[c].enc);
		model_free(&m[c]);
	}
}

/* A bias that turns off most neurons of decoder layer i, or none. */
static void shift_bias(struct model *m, int i, float by)
{
	const struct layer *l = &m->dec.l[i];
	for (int j = 0; j < l->biases; j++)
		m->params[l->bias + (size_t)j] += j % 8 ? by : 1;
}

/* Influences with the gradients of each layer in the form that the zeros of the test records suggest, against those with dense gradients, which test_dots
 * compares with naive.h. The first checkpoint has no zeros, the second has them behind two layers of three. packed: records are decoded as blocks. */
static void test_forms(int packed, uint64_t *state)
{
	static const char network[] = "input: {shape: [1, 8, 8]}\nmodel:\n  latent: 16\n  encoder: [flatten, {linear: 40}, relu, {linear: 32}]\n"
	                              "  decoder: [{linear: 520}, relu, {linear: 640}, relu, {linear: 530}, relu, {linear: 64}]\n";
	enum { TESTS = 9 };
	struct gradient_forms forms[CHECKPOINTS] = {{0}};
	struct model m[CHECKPOINTS];
	struct score zs[TESTS], xs[BATCH];
	float z[TESTS * INPUTS], x[BATCH * INPUTS];
	uint64_t id[BATCH];
	double want[BATCH * TESTS], got[BATCH * TESTS], worst = 0;
	for (int c = 0; c < CHECKPOINTS; c++) {
		naive_model(&m[c], network, 0.3, state);
		m[c].step = c;
		m[c].cfg.score.draws = SPARSE_ROWS;
		m[c].dec.sparse = 1;
		shift_bias(&m[c], 0, 5);
		shift_bias(&m[c], 2, c ? -1000 : 100);
		shift_bias(&m[c], 4, c ? -1000 : 100);
	}
	naive_fill(x, BATCH * INPUTS, 0, 1, state);
	naive_fill(z, TESTS * INPUTS, 0, 1, state);
	for (int i = 0; i < BATCH; i++)
		id[i] = (uint64_t)i;
	dots(m, CHECKPOINTS, INFLUENCE_TESTS, z, id, NULL, TESTS, zs, x, id, NULL, BATCH, xs, want);
	dots_forms = forms;
	if (packed)
		influence_pack_weights(m, CHECKPOINTS, INFLUENCE_GRADIENTS);
	dots(m, CHECKPOINTS, INFLUENCE_TESTS, z, id, NULL, TESTS, zs, x, id, NULL, BATCH, xs, got);
	dots_forms = NULL;
	for (int r = 0; r < BATCH; r++)
		for (int q = 0; q < TESTS; q++)
			worst = max_error(worst, fabs(got[r * TESTS + q] - want[r * TESTS + q]) / sqrt(xs[r].selfinf * zs[q].selfinf));
	ok(forms[0].chosen && forms[1].chosen && !memchr(forms[0].sparse, 1, MAX_LAYERS) && !forms[1].sparse[0] && forms[1].sparse[4],
	   "a layer with few zeros keeps dense gradients, one with many keeps blocks");
	ok(worst < 2e-6, "influences are %.2g off with blocks%s", worst, packed ? ", also of the decoder" : "");
	for (int c = 0; c < CHECKPOINTS; c++) {
		network_free_packed(&m[c].dec);
		network_free_packed(&m[c].enc);
		model_free(&m[c]);
	}
}

/* Decoders that are not linear layers with a ReLU between each two do not take sparse blocks. */
static void test_others(uint64_t *state)
{
	static const char *const decoders[] = {
		"{linear: 32}, {leaky_relu: 0.1}, {linear: 64}", "{linear: 32}, tanh, {linear: 64}", "{linear: 32}, {linear: 64}", "relu, {linear: 32}, relu, {linear: 64}",
		"{linear: 32}, relu, relu, {linear: 64}", "flatten, {linear: 32}, relu, {linear: 64}", "{linear: 32}, relu, {linear: 64}, {unflatten: [1, 8, 8]}",
		"{linear: 12}, relu, {linear: 64}",
	};
	for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
		char network[400];
		struct model m;
		snprintf(network, sizeof network, "input: {shape: [1, 8, 8]}\nmodel:\n  latent: 16\n  encoder: [flatten, {linear: 32}]\n  decoder: [%s]\n", decoders[i]);
		naive_model(&m, network, 0.3, state);
		m.dec.sparse = 1;
		influence_pack_weights(&m, 1, 0);
		ok(!network_sparse(&m.dec, 0) && !network_sparse(&m.dec, 1), "no sparse blocks through %s", decoders[i]);
		network_free_packed(&m.dec);
		network_free_packed(&m.enc);
		model_free(&m);
	}
}

int main(void)
{
	static const int shapes[][3] = {{1, 16, 16}, {2, 48, 17}, {3, 49, 64}, {3, 67, 65}, {6, 100, 130}, {2, 784, 300}, {1, 200, 1100}, {2, 1100, 2100}};
	uint64_t state = 11;
	mat_thread_init();
	if (!sparse_supported(128, 128, MAT_SPARSE)) {
		skip("sparse blocks", "this processor has none of AVX2, AVX-512 and NEON");
		return done();
	}
	test_spread_dots(48, 17, &state);
	test_spread_dots(130, 65, &state);
	test_spread_dots(64, 1100, &state);
	test_spread_dots(2100, 300, &state);
	test_pack(&state);
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		for (int active = 0; active <= 4 && sparse_supported(shapes[i][1], shapes[i][2], MAT_SPARSE); active++)
			test_layer(shapes[i][0], shapes[i][1], shapes[i][2], active / 4.0, &state);
	test_not_finite(&state);
	test_gram(&state);
	if (!sparse_supported(64, 64, MAT_SPARSE)) { /* with 8 and 4 lanes */
		skip("scores with sparse blocks", "this processor has no AVX-512, and without it small layers are computed row by row");
		return done();
	}
	test_forms(0, &state);
	test_forms(1, &state);
	static const char *const layers[] = {"all", "encoder", "decoder", "decoder.2", "decoder.4", "encoder.1,decoder.0"};
	for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
		for (int k = 0; k < 2; k++)
			test_scores(layers[i], k ? CROSS : PLUGIN, k ? BATCH : 3, &state);
	test_others(&state);
	return done();
}
