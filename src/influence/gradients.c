/* Mean gradients of a batch, kept layer by layer as factors or written out (explicit).
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
#include "influence/gradient_dots.h"
#include "nn/linear.h"

enum { TILE = 1024 }; /* rows of a product's tile */

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
	const struct layer_whitening *w = layer_whitening_in(s->whitening, k);
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

int layer_is_sparse(const struct influence *s, const struct layer_gradient *k, size_t checkpoint)
{
	return k->spread_p && s->gradients.forms[checkpoint].sparse[k->index];
}

static int is_sparse(const struct influence *s, const struct layer_gradient *k) { return layer_is_sparse(s, k, checkpoint_index(s)); }

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
	return layer_whitening_in(s->white, k);
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
	g->pairs = malloc(DOT_PAIRS * sizeof *g->pairs);
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

size_t layer_factor_size(const struct influence *s, const struct layer_gradient *k, int width, size_t checkpoint)
{
	return layer_is_sparse(s, k, checkpoint) ? spread_floats(width) : (size_t)k->rows * (size_t)width;
}

static size_t size_p(const struct influence *s, const struct layer_gradient *k) { return layer_factor_size(s, k, k->p, checkpoint_index(s)); }
static size_t size_k(const struct influence *s, const struct layer_gradient *k) { return layer_factor_size(s, k, k->k, checkpoint_index(s)); }

size_t gradients_factors_size(const struct influence *s, size_t checkpoint)
{
	size_t n = 0;
	for (int i = 0; i < s->gradients.nlayers; i++) {
		const struct layer_gradient *k = &s->gradients.layer[i];
		n += layer_factor_size(s, k, k->p, checkpoint) + layer_factor_size(s, k, k->k, checkpoint);
	}
	return n;
}

size_t gradients_size(const struct influence *s) { return gradients_factors_size(s, checkpoint_index(s)) + s->gradients.explicit_size; }

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

void gradients_dots(struct influence *s, int from, int n, const float *other, int kept, int first, int m, double *out, size_t stride)
{
	const struct gradients *g = &s->gradients;
	for (int i = 0; i < g->nlayers; i++) {
		const struct layer_gradient *layer = &g->layer[i];
		const struct layer_whitening *w = whitening_of(s, layer);
		const size_t p = size_p(s, layer), k = size_k(s, layer), all_p = (size_t)kept * p;
		if (layer->rows) {
			const struct gradient_factors x = {factor_p(s, layer) + (size_t)from * p, factor_k(s, layer) + (size_t)from * k, n};
			const struct gradient_factors z = {other + (size_t)first * p, other + all_p + (size_t)first * k, m};
			double scale = s->weight / layer->draws / layer->draws;
			if (is_sparse(s, layer))
				sparse_dots(g, layer, &x, &z, scale, out, stride);
			else if (w && w->eigen.inverse)
				eigen_pairs(w, layer->rows, &x, &z, scale, out, stride, g->eigen);
			else
				factor_dots(g, layer, &x, &z, scale, out, stride);
		}
		other += all_p + (size_t)kept * k;
	}
	explicit_dots(g, g->explicit + (size_t)from * g->explicit_size, n, other + (size_t)first * g->explicit_size, m, s->weight, out, stride);
}
