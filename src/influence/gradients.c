/* Mean gradients of a batch, kept layer by layer as factors or written out (explicit), and their dot products with the gradients of
 * other records.
 *
 * Factors of decoder layers behind which most neurons are off are kept as spread blocks (sparse_block.h).
 *
 * Memory layout of gradients_copy() for n records: for every layer with factors p [n][rows][p], k [n][rows][k], where a spread block takes
 * the place of the rows; then the explicit gradients of all other layers, and the biases of unrolled layers with factors, [n][explicit_size]. */
#include "influence/gradients.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gemm/mat.h"
#include "influence/eigen_dots.h"
#include "influence/influence_state.h"
#include "nn/linear.h"

enum {
	TILE = 1024,  /* rows of a product's tile */
	CHUNK = 8192, /* numbers of a gradient that are summed in float, before a double takes over */
	PAIRS = 1 << 14, /* pairs of records whose dot products are computed at once, for spread blocks */
};

/* --- memory --- */

/* Whether a layer's gradients are explicit: if factors would take more operations. Explicit numbers come from memory and are used
 * only a few times, which doubles their cost. Gradients that the scores need explicitly are there anyway. */
static int keep_explicit(const struct layer_gradient *k)
{
	if (k->in_decoder && gradient_is_explicit(k->l, k->draws))
		return 1;
	return (double)k->rows * (double)k->rows * (double)(k->l->p + k->l->k) > 2.0 * (double)k->l->p * (double)k->l->k;
}

/* With a whitening: the sizes of a layer's whitened gradients. The bias is in factor k, or has a block of its own. */
static int plan_whitening(struct influence *s, struct layer_gradient *k, size_t *raw)
{
	const struct layer *l = k->l;
	const struct layer_whitening *w = k->in_decoder ? &s->whitening->dec[k->index] : &s->whitening->enc[k->index];
	size_t rows = (size_t)s->batch * (size_t)k->rows, size = (size_t)w->p * (size_t)w->k + (size_t)l->biases;
	k->p = w->p, k->k = w->k;
	k->size = (k->rows ? 0 : (size_t)w->p * (size_t)w->k) + (size_t)w->b;
	*raw = size > *raw ? size : *raw;
	k->white_p = mat_floats(rows * (size_t)k->p);
	k->white_k = mat_floats(rows * (size_t)k->k);
	size_t eigen = w->eigen.inverse && k->rows ? eigen_pairs_scratch(w->p, w->k) : 0;
	if (eigen > s->gradients.eigen_size) {
		free(s->gradients.eigen);
		s->gradients.eigen_size = eigen;
		s->gradients.eigen = mat_floats(eigen);
	}
	return !k->white_p || !k->white_k || (eigen && !s->gradients.eigen);
}

static int plan_layers(struct influence *s, const struct network *net, int in_decoder, size_t *raw, struct fail *f)
{
	struct gradients *g = &s->gradients;
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		int draws = in_decoder ? s->draws : 1;
		if (!(in_decoder ? s->use_dec[i] : s->use_enc[i]))
			continue;
		struct layer_gradient *k = &g->layer[g->nlayers++];
		*k = (struct layer_gradient){.l = l, .in_decoder = in_decoder, .index = i, .draws = draws, .rows = draws * l->positions, .p = l->p, .k = l->k, .at = g->explicit_size};
		if (keep_explicit(k)) {
			k->rows = 0;
			k->size = layer_weights(l) + (size_t)l->biases;
		} else if (l->type->unroll) {
			k->size = (size_t)l->biases;
			k->unrolled = mat_floats((size_t)s->batch * (size_t)k->rows * (size_t)l->k);
			if (!k->unrolled)
				return fail_memory_for(f, "the gradients of %d records", s->batch);
		}
		if (s->whitening && plan_whitening(s, k, raw))
			return fail_memory_for(f, "the gradients of %d records", s->batch);
		g->explicit_size += k->size;
		g->tile = k->rows > g->tile ? k->rows : g->tile;
	}
	return 0;
}

int gradients_open(struct influence *s, struct fail *f)
{
	struct gradients *g = &s->gradients;
	const struct model *m = &s->models[s->n - 1];
	if (s->cfg.score.estimator != PLUGIN)
		return fail_set(f, "dot products of mean gradients require the plugin estimator");
	g->layer = calloc(2 * MAX_LAYERS, sizeof *g->layer);
	if (!g->layer)
		return fail_memory(f);
	g->tile = TILE;
	size_t raw = 0;
	/* the decoder first, because spread blocks are aligned */
	if (plan_layers(s, &m->dec, 1, &raw, f) || plan_layers(s, &m->enc, 0, &raw, f))
		return -1;
	if (g->explicit_size > INT_MAX)
		return fail_set(f, "a gradient of %zu numbers is too large for matrix products", g->explicit_size);
	g->explicit = mat_floats((size_t)s->batch * g->explicit_size);
	g->gram_p = mat_floats((size_t)g->tile * (size_t)g->tile);
	g->gram_k = mat_floats((size_t)g->tile * (size_t)g->tile);
	g->raw = mat_floats(raw);
	g->scratch = mat_floats(raw);
	return g->explicit && g->gram_p && g->gram_k && g->raw && g->scratch ? 0 : fail_memory_for(f, "the gradients of %d records", s->batch);
}

void gradients_close(struct influence *s)
{
	struct gradients *g = &s->gradients;
	for (int i = 0; i < g->nlayers; i++) {
		free(g->layer[i].unrolled);
		free(g->layer[i].white_p);
		free(g->layer[i].white_k);
		free(g->layer[i].spread_p);
		free(g->layer[i].spread_k);
	}
	free(g->layer);
	free(g->explicit);
	free(g->gram_p);
	free(g->gram_k);
	free(g->raw);
	free(g->eigen);
	free(g->scratch);
	free(g->pairs);
	*g = (struct gradients){.layer = NULL};
}

/* --- the gradients of the batch at hand --- */

static size_t checkpoint_index(const struct influence *s) { return (size_t)(s->model - s->models); }

/* Whether the layer's gradients are spread blocks at the checkpoint. */
static int is_sparse(const struct influence *s, const struct layer_gradient *k)
{
	return k->spread_p && s->gradients.forms[checkpoint_index(s)].sparse[k->index];
}

/* The input of a layer [batch draws][in], and the deltas at its output [batch draws][out]. */
static const float *layer_input(const struct influence *s, const struct layer_gradient *k)
{
	return k->in_decoder ? network_source(&s->model->dec, k->index, s->xi, &s->dec) : network_source(&s->model->enc, k->index, s->input, &s->enc);
}

static const float *output_gradients(const struct influence *s, const struct layer_gradient *k)
{
	return (k->in_decoder ? &s->dec_grad : &s->enc_grad[0])->v[k->index];
}

static const float *raw_factor_p(const struct influence *s, const struct layer_gradient *k)
{
	return layer_factor_p(k->l, layer_input(s, k), output_gradients(s, k));
}

static const float *raw_factor_k(const struct influence *s, const struct layer_gradient *k)
{
	return k->unrolled ? k->unrolled : layer_factor_k(k->l, layer_input(s, k), output_gradients(s, k));
}

static const float *factor_p(const struct influence *s, const struct layer_gradient *k)
{
	return is_sparse(s, k) ? k->spread_p : k->white_p ? k->white_p : raw_factor_p(s, k);
}

static const float *factor_k(const struct influence *s, const struct layer_gradient *k)
{
	return is_sparse(s, k) ? k->spread_k : k->white_k ? k->white_k : raw_factor_k(s, k);
}

static const struct layer_whitening *whitening_of(const struct influence *s, const struct layer_gradient *k)
{
	return k->in_decoder ? decoder_whitening(s, k->index) : encoder_whitening(s, k->index);
}

/* to: the explicit numbers of a record, of its gradient in g->raw: weight, then bias. */
static void whiten_explicit(const struct influence *s, const struct layer_gradient *k, float *to)
{
	const struct gradients *g = &s->gradients;
	const struct layer_whitening *w = whitening_of(s, k);
	const float *bias = g->raw + (k->rows ? 0 : layer_weights(k->l));
	if (!k->rows)
		whiten_gradient(w, to, g->raw, bias, g->scratch);
	if (w->b)
		whiten_b(w, to + k->size - w->b, bias, 1);
}

static float *explicit_gradient(const struct gradients *g, const struct layer_gradient *k, size_t record)
{
	return g->explicit + record * g->explicit_size + k->at;
}

void gradients_add_blocks(struct influence *s, int layer, int record, const float *gradients)
{
	const struct gradients *g = &s->gradients;
	int at = 0, blocks = s->grams.blocks;
	while (at < g->nlayers && !(g->layer[at].in_decoder && g->layer[at].index == layer))
		at++;
	if (at == g->nlayers)
		return;
	const struct layer_gradient *k = &g->layer[at];
	size_t weights = layer_weights(k->l), biases = (size_t)k->l->biases;
	float *to = s->white ? g->raw : explicit_gradient(g, k, (size_t)record), share = 1 / (float)s->draws;
	memset(to, 0, (weights + biases) * sizeof *to);
	for (int b = 0; b < blocks; b++) {
		const float *by_weight = gradients + (size_t)b * weights, *by_bias = gradients + (size_t)blocks * weights + (size_t)b * biases;
		for (size_t i = 0; i < weights; i++)
			to[i] += share * by_weight[i];
		for (size_t i = 0; i < biases; i++)
			to[weights + i] += share * by_bias[i];
	}
	if (s->white)
		whiten_explicit(s, k, explicit_gradient(g, k, (size_t)record));
}

/* to: the mean gradient of one record by weight and bias, x [draws][in], dy [draws][out]; of a layer with factors only the bias. */
static void write_gradient(const struct influence *s, const struct layer_gradient *k, float *to, const float *x, const float *dy)
{
	const struct layer *l = k->l;
	size_t weights = k->rows ? 0 : layer_weights(l);
	float share = 1 / (float)k->draws;
	if (l->type->dense) {
		linear_gradient(to, to + weights, dy, x, NULL, k->draws, l->in, l->out, 0, l->out, share, 0);
		return;
	}
	if (weights)
		l->type->backward(l, NULL, to, dy, x, &(struct layer_pass){.rows = k->draws, .scratch = s->grams.scratch});
	l->type->bias_gradient(l, to + weights, dy, 0, k->draws);
	for (size_t i = 0; i < weights + (size_t)l->biases; i++)
		to[i] *= share;
}

/* --- sparse or dense --- */

int influence_use_forms(struct influence *s, struct gradient_forms *forms, struct fail *f)
{
	struct gradients *g = &s->gradients;
	g->forms = forms;
	g->pairs = malloc(PAIRS * sizeof *g->pairs);
	int bad = !g->pairs;
	for (int i = 0; i < g->nlayers && s->sparse_grad[0] && !s->whitening; i++) {
		struct layer_gradient *k = &g->layer[i];
		if (!k->in_decoder || !k->rows)
			continue;
		k->spread_p = mat_floats((size_t)s->batch * spread_floats(k->p));
		k->spread_k = mat_floats((size_t)s->batch * spread_floats(k->k));
		bad |= !k->spread_p || !k->spread_k;
	}
	return bad ? fail_memory_for(f, "the gradients of %d records", s->batch) : 0;
}

int gradients_sparse(const struct influence *s)
{
	int any = 0;
	for (int i = 0; i < s->gradients.nlayers; i++)
		any |= is_sparse(s, &s->gradients.layer[i]);
	return any;
}

static void keep_spread(const struct layer_gradient *k, size_t record, const struct sparse_block *x, const struct sparse_block *dy)
{
	sparse_spread(k->spread_p + record * spread_floats(k->p), dy, k->p);
	sparse_spread(k->spread_k + record * spread_floats(k->k), x, k->k);
}

void gradients_keep_sparse(struct influence *s, int i, int record, const struct sparse_block *x, const struct sparse_block *dy)
{
	for (int at = 0; at < s->gradients.nlayers; at++) {
		const struct layer_gradient *k = &s->gradients.layer[at];
		const struct layer *l = k->l;
		size_t row = (size_t)record * SPARSE_ROWS;
		if (!k->in_decoder || k->index != i)
			continue;
		if (is_sparse(s, k)) {
			keep_spread(k, (size_t)record, x, dy);
			continue;
		}
		if (l->source >= 0)
			sparse_unpack(x, s->dec.v[l->source] + row * (size_t)l->in, (size_t)l->in, SPARSE_ROWS, l->in);
		sparse_unpack(dy, s->dec_grad.v[i] + row * (size_t)l->out, (size_t)l->out, SPARSE_ROWS, l->out);
	}
}

/* How many columns of v [n][SPARSE_ROWS][width] two records that follow each other have in common, in all. */
static long count_common(const float *v, int n, int width)
{
	long common = 0;
	for (int j = 0; j < width; j++)
		for (int r = 0, before = 0; r < n; r++) {
			int any = 0;
			for (int i = 0; i < SPARSE_ROWS; i++)
				any |= v[((size_t)r * SPARSE_ROWS + (size_t)i) * (size_t)width + (size_t)j] != 0;
			common += any && before;
			before = any;
		}
	return common;
}

void gradients_choose(struct influence *s, int n)
{
	struct gradients *g = &s->gradients;
	struct gradient_forms *forms = g->forms + checkpoint_index(s);
	long most = s->model->dec.sparse ? 4 : 2; /* a fourth or half of the columns: dense dot products run on tiles then, twice as fast */
	if (forms->chosen)
		return;
	forms->chosen = 1;
	if (!network_sparse(&s->model->dec, 0))
		return;
	for (int i = 0; i < g->nlayers; i++) {
		const struct layer_gradient *k = &g->layer[i];
		if (!k->spread_p || n < 2)
			continue;
		const float *p = raw_factor_p(s, k), *x = raw_factor_k(s, k);
		long common = count_common(p, n, k->p) + count_common(x, n, k->k), all = (long)(n - 1) * (k->p + k->k);
		if (common * most > all)
			continue;
		forms->sparse[k->index] = 1;
		for (size_t r = 0; r < (size_t)s->batch; r++) {
			sparse_pack(s->sparse_grad[0], p + r * SPARSE_ROWS * (size_t)k->p, (size_t)k->p, SPARSE_ROWS, k->p);
			sparse_pack(s->sparse_grad[1], x + r * SPARSE_ROWS * (size_t)k->k, (size_t)k->k, SPARSE_ROWS, k->k);
			keep_spread(k, r, s->sparse_grad[1], s->sparse_grad[0]);
		}
	}
}

void gradients_finish(struct influence *s)
{
	const struct gradients *g = &s->gradients;
	for (int i = 0; i < g->nlayers; i++) {
		const struct layer_gradient *k = &g->layer[i];
		const struct layer *l = k->l;
		const float *x = layer_input(s, k), *dy = output_gradients(s, k);
		if (k->unrolled)
			l->type->unroll(l, k->unrolled, layer_factor_k(l, x, dy), s->batch * k->draws);
		if (s->white && k->rows) {
			whiten_p(whitening_of(s, k), k->white_p, raw_factor_p(s, k), s->batch * k->rows);
			whiten_k(whitening_of(s, k), k->white_k, raw_factor_k(s, k), s->batch * k->rows);
		}
		int added = k->in_decoder && !k->rows && gradient_is_explicit(l, k->draws); /* by gradients_add_blocks() */
		for (size_t r = 0, draws = (size_t)k->draws; k->size && !added && r < (size_t)s->batch; r++) {
			write_gradient(s, k, s->white ? g->raw : explicit_gradient(g, k, r), x + r * draws * (size_t)l->in, dy + r * draws * (size_t)l->out);
			if (s->white)
				whiten_explicit(s, k, explicit_gradient(g, k, r));
		}
	}
}

/* --- copies --- */

/* Floats of a record's factor p, and of its factor k. */
static size_t factor_size(const struct influence *s, const struct layer_gradient *k, int width)
{
	return is_sparse(s, k) ? spread_floats(width) : (size_t)k->rows * (size_t)width;
}

static size_t size_p(const struct influence *s, const struct layer_gradient *k) { return factor_size(s, k, k->p); }
static size_t size_k(const struct influence *s, const struct layer_gradient *k) { return factor_size(s, k, k->k); }

size_t gradients_size(const struct influence *s)
{
	const struct gradients *g = &s->gradients;
	size_t n = g->explicit_size;
	for (int i = 0; i < g->nlayers; i++)
		n += size_p(s, &g->layer[i]) + size_k(s, &g->layer[i]);
	return n;
}

static void append(float **to, const float *from, size_t n)
{
	memcpy(*to, from, n * sizeof **to);
	*to += n;
}

void gradients_copy(const struct influence *s, int n, float *to)
{
	const struct gradients *g = &s->gradients;
	for (int i = 0; i < g->nlayers; i++) {
		const struct layer_gradient *k = &g->layer[i];
		if (k->rows) {
			append(&to, factor_p(s, k), (size_t)n * size_p(s, k));
			append(&to, factor_k(s, k), (size_t)n * size_k(s, k));
		}
	}
	append(&to, g->explicit, (size_t)n * g->explicit_size);
}

/* --- dot products --- */

/* The sum of (a + bias) b over one pair of records: a and b [rows][rows], lines ld apart. */
static double sum_products(const float *a, const float *b, int ld, int rows, float bias)
{
	enum { LANES = 16, LINES = 16 }; /* lines that are summed in float */
	double total = 0;
	for (int from = 0; from < rows; from += LINES) {
		float lane[LANES] = {0}, rest = 0;
		for (int j = from; j < rows && j < from + LINES; j++) {
			const float *p = a + (size_t)j * (size_t)ld, *q = b + (size_t)j * (size_t)ld;
			int i = 0;
			for (; i + LANES <= rows; i += LANES)
				for (int l = 0; l < LANES; l++)
					lane[l] += (p[i + l] + bias) * q[i + l];
			for (; i < rows; i++)
				rest += (p[i] + bias) * q[i];
		}
		for (int l = 0; l < LANES; l++)
			total += (double)lane[l];
		total += (double)rest;
	}
	return total;
}

struct request { /* the arguments of gradients_dots() */
	int from, n, first, m;
	double w;
	double *out;
	size_t stride;
};

static int least(int a, int b) { return a < b ? a : b; }

/* A layer with factors; p and k: those of the other records. The bias of a dense layer is an
 * input that is always 1, which whitened factors contain. */
static void add_factor_dots(const struct influence *s, const struct layer_gradient *layer, const float *p, const float *k, const struct request *q)
{
	const struct gradients *g = &s->gradients;
	int rows = layer->rows, step = g->tile / rows, np = layer->p, nk = layer->k;
	float bias = layer->l->type->dense && !layer->white_k ? 1 : 0;
	double w = q->w / layer->draws / layer->draws;
	for (int r = 0; r < q->n; r += step)
		for (int c = 0; c < q->m; c += step) {
			int nr = least(q->n - r, step), nc = least(q->m - c, step), lines = nr * rows, columns = nc * rows;
			size_t a = (size_t)(q->from + r) * (size_t)rows, b = (size_t)(q->first + c) * (size_t)rows;
			mat_nt(g->gram_p, columns, factor_p(s, layer) + a * (size_t)np, np, p + b * (size_t)np, np, NULL, lines, columns, np, MAT_16);
			mat_nt(g->gram_k, columns, factor_k(s, layer) + a * (size_t)nk, nk, k + b * (size_t)nk, nk, NULL, lines, columns, nk, MAT_16);
			for (int i = 0; i < nr; i++)
				for (int j = 0; j < nc; j++) {
					size_t at = (size_t)i * (size_t)rows * (size_t)columns + (size_t)j * (size_t)rows;
					q->out[(size_t)(r + i) * q->stride + (size_t)(c + j)] +=
						w * sum_products(g->gram_k + at, g->gram_p + at, columns, rows, bias);
				}
		}
}

/* The same with spread blocks. */
static void add_sparse_dots(const struct influence *s, const struct layer_gradient *layer, const float *p, const float *k, const struct request *q)
{
	int lines = least(q->n, PAIRS), columns = PAIRS / lines;
	double w = q->w / layer->draws / layer->draws, *pairs = s->gradients.pairs;
	size_t np = size_p(s, layer), nk = size_k(s, layer);
	for (int r = 0; r < q->n; r += lines)
		for (int c = 0; c < q->m; c += columns) {
			size_t a = (size_t)q->from + (size_t)r, b = (size_t)q->first + (size_t)c, stride = (size_t)least(q->m - c, columns);
			const struct spread_factors x = {layer->spread_p + a * np, layer->spread_k + a * nk, least(q->n - r, lines)};
			const struct spread_factors z = {p + b * np, k + b * nk, (int)stride};
			spread_dots(pairs, stride, &x, &z, layer->p, layer->k, 1);
			for (size_t i = 0; i < (size_t)x.count; i++)
				for (size_t j = 0; j < stride; j++)
					q->out[((size_t)r + i) * q->stride + (size_t)c + j] += w * pairs[i * stride + j];
		}
}

/* The same with EK-FAC. */
static void add_eigen_dots(const struct influence *s, const struct layer_gradient *layer, const float *p, const float *k, const struct request *q)
{
	size_t rows = (size_t)layer->rows, from = (size_t)q->from * rows, first = (size_t)q->first * rows, np = (size_t)layer->p, nk = (size_t)layer->k;
	const struct eigen_factors x = {factor_p(s, layer) + from * np, factor_k(s, layer) + from * nk, q->n}, z = {p + first * np, k + first * nk, q->m};
	eigen_pairs(whitening_of(s, layer), layer->rows, &x, &z, q->w / layer->draws / layer->draws, q->out, q->stride, s->gradients.eigen);
}

/* All explicit gradients; other: those of the other records. Products pack their second factor, which is the smaller one. */
static void add_explicit_dots(const struct influence *s, const float *other, const struct request *q)
{
	const struct gradients *g = &s->gradients;
	size_t size = g->explicit_size;
	for (size_t at = 0; at < size; at += CHUNK)
		for (int r = 0; r < q->n; r += g->tile)
			for (int c = 0; c < q->m; c += g->tile) {
				int len = size - at < CHUNK ? (int)(size - at) : CHUNK, nr = least(q->n - r, g->tile), nc = least(q->m - c, g->tile), turned = nc > nr;
				const float *a = g->explicit + (size_t)(q->from + r) * size + at, *b = other + (size_t)(q->first + c) * size + at;
				if (turned)
					mat_nt(g->gram_p, nr, b, (int)size, a, (int)size, NULL, nc, nr, len, MAT_16);
				else
					mat_nt(g->gram_p, nc, a, (int)size, b, (int)size, NULL, nr, nc, len, MAT_16);
				for (int i = 0; i < nr; i++)
					for (int j = 0; j < nc; j++)
						q->out[(size_t)(r + i) * q->stride + (size_t)(c + j)] += q->w * (double)g->gram_p[turned ? j * nr + i : i * nc + j];
			}
}

void gradients_dots(struct influence *s, int from, int n, const float *other, int kept, int first, int m, double *out, size_t stride)
{
	const struct gradients *g = &s->gradients;
	const struct request q = {from, n, first, m, s->weight, out, stride};
	for (int i = 0; i < g->nlayers; i++) {
		const struct layer_gradient *k = &g->layer[i];
		size_t p = (size_t)kept * size_p(s, k);
		const struct layer_whitening *w = whitening_of(s, k);
		if (k->rows)
			(is_sparse(s, k) ? add_sparse_dots : w && w->eigen.inverse ? add_eigen_dots : add_factor_dots)(s, k, other, other + p, &q);
		other += p + (size_t)kept * size_k(s, k);
	}
	add_explicit_dots(s, other, &q);
}
