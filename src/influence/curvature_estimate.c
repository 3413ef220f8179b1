/* Estimates the curvature of a model. A batch of records runs through the networks once for every noise draw:
 *
 *   encoder forward, once
 *   for each draw: latents, decoder forward, loss, decoder backward, encoder backward     tasks of CHUNK records
 *                  second moments of every factor, added to float sums                    a task for each factor
 *   the float sums of the batch are added to sums in double
 *
 * The second pass, for EK-FAC, has the squares of the gradients in the eigenbasis instead of second moments (eigenvalues.h).
 *
 * All tasks are cut by the network alone, and each sum is added up by one task in order, so that threads change no result. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "gemm/mat.h"
#include "influence/curvature.h"
#include "influence/eigenvalues.h"
#include "influence/influence_state.h"
#include "nn/layout.h"
#include "nn/loss.h"

enum { CHUNK = 32, MOST_FACTORS = 3 * 2 * MAX_LAYERS };

struct moments { /* of a factor: rows of n numbers, or n - 1 and a 1 behind them */
	const struct curvature_layer *c;
	enum { FACTOR_P, FACTOR_K, FACTOR_B } side;
	int n, width;     /* width: without the 1 */
	int once;         /* does not depend on the draw: the input of an encoder layer */
	int by_position;  /* the mean is also over positions */
	float *batch, *ones; /* [n][n], lower triangle: sums over the batch; [width]: sums of the rows */
	double *total, *total_ones;
	float *scratch;   /* unrolled factors, or bias gradients: scratch_rows of them */
	int scratch_rows;
};

struct curvature_estimate {
	const struct model *m;
	struct pool *pool;
	struct config cfg;
	enum targets targets;
	struct curvature layers; /* only the list of layers */
	struct moments factor[MOST_FACTORS];
	int nfactors, batch, chunks;
	int64_t records;
	/* the second pass */
	struct curvature *basis; /* NULL in the first; borrowed */
	struct layer_eigenvalues *values; /* [layers.n] */
	char *bad;              /* [2 layers.n]: eigenvectors that were not found */
	float *params;          /* reordered */
	float **reordered;

	/* the batch */
	int n, draw;
	const float *x; /* borrowed, as are id and given_eps */
	const uint64_t *id;
	const float *given_eps;
	float *x_channels_last;
	struct tape enc, enc_grad, dec, dec_grad;
	float *drawn; /* [chunks][input], with TARGETS_MODEL */
	float *sigma, *eps, *xi, *dxi, *scratch; /* [batch][latent], and one scratch for each chunk */
	size_t scratch_size;
};

/* --- sizes --- */

static size_t row_numbers(const struct network *net)
{
	size_t sum = 0;
	for (int i = 0; i < net->n; i++)
		sum += net->l[i].has_buffer ? (size_t)net->l[i].out : 0;
	return sum;
}

int estimate_batch(const struct model *m)
{
	enum { BYTES = 128 << 20, MOST = 256 };
	size_t n = BYTES / sizeof(float) / (1 + 2 * row_numbers(&m->enc) + 2 * row_numbers(&m->dec)) / CHUNK;
	return CHUNK * (n < 1 ? 1 : n > MOST / CHUNK ? MOST / CHUNK : (int)n);
}

void estimate_pack_weights(struct model *models, int n)
{
	size_t budget = INFLUENCE_PACK_BUDGET;
	for (int i = n - 1; i >= 0; i--) {
		network_pack_weights(&models[i].dec, models[i].params, CHUNK, 1, MAT_24, &budget);
		network_pack_weights(&models[i].enc, models[i].params, CHUNK, 0, MAT_24, &budget);
	}
}

static int open_factor(struct curvature_estimate *e, const struct curvature_layer *c, int side, int n, int width)
{
	enum { SCRATCH = 1 << 18 };
	const struct layer *l = c->l;
	struct moments *v = &e->factor[e->nfactors++];
	int input = side == (l->type->transposed ? FACTOR_P : FACTOR_K);
	*v = (struct moments){.c = c, .side = side, .n = n, .width = width, .once = input && !c->in_decoder, .by_position = input};
	size_t size = (size_t)n * (size_t)n;
	v->batch = mat_floats(size);
	v->ones = mat_floats((size_t)width);
	v->total = calloc(size, sizeof *v->total);
	v->total_ones = calloc((size_t)width, sizeof *v->total_ones);
	int bad = !v->batch || !v->ones || !v->total || !v->total_ones;
	size_t record = side == FACTOR_B ? (size_t)width : side == FACTOR_K && l->type->unroll ? (size_t)l->positions * (size_t)width : 0;
	if (record) {
		v->scratch_rows = record < SCRATCH ? (int)(SCRATCH / record) : 1;
		v->scratch_rows = v->scratch_rows > e->batch ? e->batch : v->scratch_rows;
		v->scratch = mat_floats((size_t)v->scratch_rows * record);
		bad |= !v->scratch;
	}
	return bad;
}

static int open_factors(struct curvature_estimate *e, struct fail *f)
{
	int bad = 0;
	for (int i = 0; i < e->layers.n; i++) {
		const struct curvature_layer *c = &e->layers.layer[i];
		bad |= open_factor(e, c, FACTOR_P, c->np, c->l->p) || open_factor(e, c, FACTOR_K, c->nk, c->l->k) ||
		       (c->nb && open_factor(e, c, FACTOR_B, c->nb, c->nb));
	}
	return bad ? fail_memory_for(f, "the curvature") : 0;
}

static int open_buffers(struct curvature_estimate *e, struct fail *f)
{
	const struct model *m = e->m;
	size_t latents = (size_t)e->batch * (size_t)e->cfg.latent, enc = network_scratch(&m->enc), dec = network_scratch(&m->dec);
	int channels_last = m->enc.reads_channels_last || m->dec.writes_channels_last;
	if (tape_open(&e->enc, &m->enc, e->batch, f) || tape_open(&e->enc_grad, &m->enc, e->batch, f) || tape_open(&e->dec, &m->dec, e->batch, f) ||
	    tape_open(&e->dec_grad, &m->dec, e->batch, f))
		return -1;
	e->scratch_size = ((enc > dec ? enc : dec) + 15) / 16 * 16;
	e->reordered = models_reorder(m, 1);
	e->x_channels_last = channels_last ? mat_floats((size_t)e->batch * (size_t)m->enc.in) : NULL;
	e->sigma = mat_floats(latents);
	e->eps = mat_floats(latents);
	e->xi = mat_floats(latents);
	e->dxi = mat_floats(latents);
	e->scratch = mat_floats((size_t)e->chunks * e->scratch_size);
	e->drawn = mat_floats(e->targets == TARGETS_MODEL ? (size_t)e->chunks * (size_t)m->enc.in : 0);
	if (!e->reordered || (channels_last && !e->x_channels_last) || !e->sigma || !e->eps || !e->xi || !e->dxi || !e->scratch || !e->drawn)
		return fail_memory_for(f, "batches of %d records", e->batch);
	e->params = e->reordered[0];
	return 0;
}

struct curvature_estimate *estimate_open(const struct model *m, enum targets targets, struct pool *pool, struct fail *f)
{
	if (targets == TARGETS_MODEL && m->cfg.score.gradient != PATHWISE) {
		fail_set(f, "targets from the model require the pathwise gradient: score.gradient is score");
		return NULL;
	}
	struct curvature_estimate *e = calloc(1, sizeof *e);
	if (!e) {
		fail_memory(f);
		return NULL;
	}
	*e = (struct curvature_estimate){.m = m, .pool = pool, .cfg = m->cfg, .targets = targets, .batch = estimate_batch(m)};
	e->chunks = e->batch / CHUNK;
	curvature_layers(&e->layers, m);
	if (open_factors(e, f) || open_buffers(e, f)) {
		estimate_close(e);
		return NULL;
	}
	return e;
}

void estimate_close(struct curvature_estimate *e)
{
	if (!e)
		return;
	for (int i = 0; i < e->nfactors; i++) {
		struct moments *v = &e->factor[i];
		void *memory[] = {v->batch, v->ones, v->total, v->total_ones, v->scratch};
		for (size_t k = 0; k < sizeof memory / sizeof *memory; k++)
			free(memory[k]);
	}
	void *memory[] = {e->enc.all, e->enc_grad.all, e->dec.all, e->dec_grad.all, e->x_channels_last, e->sigma, e->eps, e->xi, e->dxi, e->scratch, e->drawn};
	for (size_t k = 0; k < sizeof memory / sizeof *memory; k++)
		free(memory[k]);
	for (int i = 0; e->values && i < e->layers.n; i++)
		layer_eigenvalues_close(&e->values[i]);
	free(e->values);
	free(e->bad);
	models_reorder_free(e->reordered, e->m, 1);
	free(e);
}

/* --- passes, a chunk of records at a time --- */

static const float *in_order(const struct curvature_estimate *e, int channels_last) { return channels_last ? e->x_channels_last : e->x; }
static int chunk_end(const struct curvature_estimate *e, int chunk) { return (chunk + 1) * CHUNK < e->n ? (chunk + 1) * CHUNK : e->n; }

static void encode(void *ctx, int chunk)
{
	struct curvature_estimate *e = ctx;
	const struct network *net = &e->m->enc;
	int from = chunk * CHUNK, to = chunk_end(e, chunk), n = e->cfg.latent;
	size_t at = (size_t)from * (size_t)net->in;
	if (e->x_channels_last)
		to_channels_last(e->x_channels_last + at, e->x + at, to - from, net->channels, net->area);
	for (int i = 0; i < net->n; i++)
		layer_forward(net, i, e->params, in_order(e, net->reads_channels_last), &e->enc, from, to, e->scratch + (size_t)chunk * e->scratch_size);
	for (int r = from; r < to; r++)
		for (int i = 0; i < n; i++)
			e->sigma[r * n + i] = expf(0.5f * e->enc.v[net->last][(size_t)r * 2 * (size_t)n + (size_t)(n + i)]);
}

/* y [n]: targets from the distribution of the logits f, whose -log density is the loss up to a constant. */
static void draw_targets(const struct curvature_estimate *e, float *y, const float *f, int n, uint64_t id)
{
	enum { PART = 256 };
	const struct learnt_variance v = model_variance(e->m);
	for (int from = 0; from < n; from += PART) {
		int some = n - from < PART ? n - from : PART;
		float noise[PART];
		rng_normal(noise, some, (uint64_t)e->cfg.score.seed, ROLE_TARGETS, (uint64_t)e->m->step, id + (uint64_t)from, (uint32_t)e->draw);
		for (int i = 0; i < some; i++) {
			double sd = v.log_variance ? exp(0.5 * (double)v.log_variance[variance_channel(&v, from + i, n)]) : sqrt(0.5);
			double at = (double)f[from + i], s = 1 / (1 + exp(-at)), below = 0.5 * erfc(-(double)noise[i] / sqrt(2));
			if (e->cfg.score.likelihood == BERNOULLI)
				y[from + i] = below < s;
			else
				y[from + i] = (float)((e->cfg.score.likelihood == LINEAR ? at : s) + sd * (double)noise[i]);
		}
	}
}

/* d [2 latent]: adds to dxi's part a gradient with the covariance of the KL term's Hessian, instead of that term's own. */
static void draw_head(const struct curvature_estimate *e, float *d, const float *sigma, const float *eps, const float *dxi, uint64_t id)
{
	int n = e->cfg.latent;
	float beta = (float)e->cfg.score.beta;
	rng_normal(d, 2 * n, (uint64_t)e->cfg.score.seed, ROLE_TARGETS, (uint64_t)e->m->step, ~id, (uint32_t)e->draw);
	for (int i = 0; i < n; i++) {
		d[i] = sqrtf(beta) * d[i] + dxi[i];
		d[n + i] = sqrtf(beta / 2) * sigma[i] * d[n + i] + 0.5f * dxi[i] * sigma[i] * eps[i];
	}
}

/* One draw of the records of a chunk, forward and back. */
static void differentiate(void *ctx, int chunk)
{
	struct curvature_estimate *e = ctx;
	const struct network *enc = &e->m->enc, *dec = &e->m->dec;
	int from = chunk * CHUNK, to = chunk_end(e, chunk);
	size_t n = (size_t)e->cfg.latent, out = (size_t)dec->out;
	float *scratch = e->scratch + (size_t)chunk * e->scratch_size, *head = e->enc.v[enc->last], *dhead = e->enc_grad.v[enc->last];
	double recon[CHUNK];
	const struct learnt_variance v = model_variance(e->m);
	for (size_t r = (size_t)from; r < (size_t)to; r++) {
		float *eps = e->eps + r * n;
		if (e->given_eps)
			memcpy(eps, e->given_eps + (r * (size_t)e->cfg.score.draws + (size_t)e->draw) * n, n * sizeof *eps);
		else
			rng_normal(eps, (int)n, (uint64_t)e->cfg.score.seed, ROLE_TRAIN_RECORD, (uint64_t)e->m->step, e->id[r], (uint32_t)e->draw);
		for (size_t i = 0; i < n; i++)
			e->xi[r * n + i] = head[r * 2 * n + i] + e->sigma[r * n + i] * eps[i];
	}
	for (int i = 0; i < dec->n; i++)
		layer_forward(dec, i, e->params, e->xi, &e->dec, from, to, scratch);
	for (size_t r = (size_t)from; r < (size_t)to; r++) {
		float *d = e->dec_grad.v[dec->last] + r * out, *logits = e->dec.v[dec->last] + r * out, *drawn = e->drawn + (size_t)chunk * out;
		const float *target = in_order(e, dec->writes_channels_last) + r * out;
		if (e->targets == TARGETS_MODEL) {
			draw_targets(e, drawn, logits, (int)out, e->id[r]);
			target = drawn;
		}
		recon[r - (size_t)from] = loss_recon_learnt((enum likelihood)e->cfg.score.likelihood, &v, logits, target, (int)out, d, NULL);
		loss_flush(d, (int)out);
	}
	for (int i = dec->n - 1; i >= 0; i--)
		layer_backward(dec, i, e->params, &e->dec, &e->dec_grad, e->dxi, from, to, scratch);
	for (size_t r = (size_t)from; r < (size_t)to; r++)
		if (e->targets == TARGETS_MODEL)
			draw_head(e, dhead + r * 2 * n, e->sigma + r * n, e->eps + r * n, e->dxi + r * n, e->id[r]);
		else
			head_gradient(&e->cfg, dhead + r * 2 * n, head + r * 2 * n, e->sigma + r * n, e->eps + r * n, e->xi + r * n, e->dxi + r * n,
			              recon[r - (size_t)from]);
	for (int i = enc->n - 1; i >= 0; i--)
		layer_backward(enc, i, e->params, &e->enc, &e->enc_grad, NULL, from, to, scratch);
}

/* --- moments, a factor at a time --- */

static void add_rows(struct moments *v, const float *a, int rows)
{
	mat_add_moments(v->batch, v->n, a, v->width, rows, v->width);
	for (int r = 0; v->n > v->width && r < rows; r++)
		for (int i = 0; i < v->width; i++)
			v->ones[i] += a[(size_t)r * (size_t)v->width + (size_t)i];
}

/* x [n][in], dy [n][out]: the input of a layer, and the gradients by its output. */
static void rows_of(const struct curvature_estimate *e, const struct curvature_layer *c, const float **x, const float **dy)
{
	const struct network *net = c->in_decoder ? &e->m->dec : &e->m->enc;
	const float *input = c->in_decoder ? e->xi : in_order(e, net->reads_channels_last);
	*x = network_source(net, c->index, input, c->in_decoder ? &e->dec : &e->enc);
	*dy = (c->in_decoder ? &e->dec_grad : &e->enc_grad)->v[c->index];
}

static void add_factor(struct curvature_estimate *e, struct moments *v)
{
	const struct layer *l = v->c->l;
	const float *x, *dy;
	rows_of(e, v->c, &x, &dy);
	const float *from = v->side == FACTOR_B ? dy : v->side == FACTOR_P ? layer_factor_p(l, x, dy) : layer_factor_k(l, x, dy);
	size_t size = (size_t)(from == x ? l->in : l->out);
	if (!v->scratch) {
		add_rows(v, from, e->n * l->positions);
		return;
	}
	for (int r = 0; r < e->n; r += v->scratch_rows) {
		int n = e->n - r < v->scratch_rows ? e->n - r : v->scratch_rows;
		if (v->side == FACTOR_K)
			l->type->unroll(l, v->scratch, from + (size_t)r * size, n);
		for (int i = 0; v->side == FACTOR_B && i < n; i++)
			l->type->bias_gradient(l, v->scratch + (size_t)i * (size_t)v->width, from + (size_t)(r + i) * size, 0, 1);
		add_rows(v, v->scratch, v->side == FACTOR_B ? n : n * l->positions);
	}
}

static void add_moments(void *ctx, int factor)
{
	struct curvature_estimate *e = ctx;
	struct moments *v = &e->factor[factor];
	if (!v->once || e->draw == 0)
		add_factor(e, v);
}

/* From the batch's sums to those in double. */
static void add_totals(void *ctx, int factor)
{
	struct moments *v = &((struct curvature_estimate *)ctx)->factor[factor];
	for (size_t i = 0; i < (size_t)v->n; i++)
		for (size_t j = 0; j <= i; j++)
			v->total[i * (size_t)v->n + j] += (double)v->batch[i * (size_t)v->n + j];
	for (int i = 0; i < v->width; i++)
		v->total_ones[i] += (double)v->ones[i];
	memset(v->batch, 0, (size_t)v->n * (size_t)v->n * sizeof *v->batch);
	memset(v->ones, 0, (size_t)v->width * sizeof *v->ones);
}

/* --- eigenvalues, a layer at a time --- */

static void add_eigenvalues(void *ctx, int layer)
{
	struct curvature_estimate *e = ctx;
	const float *x, *dy;
	rows_of(e, &e->layers.layer[layer], &x, &dy);
	layer_eigenvalues_add(&e->values[layer], x, dy, e->n, e->draw);
}

static void end_eigenvalues(void *ctx, int layer) { layer_eigenvalues_end_batch(&((struct curvature_estimate *)ctx)->values[layer]); }

void estimate_add(struct curvature_estimate *e, int n, const float *x, const uint64_t *id, const float *eps)
{
	int chunks = (n + CHUNK - 1) / CHUNK;
	e->n = n;
	e->x = x;
	e->id = id;
	e->given_eps = eps;
	e->records += n;
	pool_run(e->pool, chunks, encode, e);
	for (e->draw = 0; e->draw < e->cfg.score.draws; e->draw++) {
		pool_run(e->pool, chunks, differentiate, e);
		if (e->basis)
			pool_run(e->pool, e->layers.n, add_eigenvalues, e);
		else
			pool_run(e->pool, e->nfactors, add_moments, e);
	}
	if (e->basis)
		pool_run(e->pool, e->layers.n, end_eigenvalues, e);
	else
		pool_run(e->pool, e->nfactors, add_totals, e);
}

/* --- means --- */

static int set_factor(float *out, const struct moments *v, double records, int draws, struct fail *f)
{
	size_t n = (size_t)v->n;
	double share = 1 / (records * (v->once ? 1 : draws) * (v->by_position ? v->c->l->positions : 1));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j <= i; j++) {
			double sum = i < (size_t)v->width ? v->total[i * n + j] : j < (size_t)v->width ? v->total_ones[j] : 1 / share;
			if (!isfinite(sum * share))
				return fail_set(f, "the curvature of %s is not finite: its gradients are too large; use an earlier checkpoint, or train with a smaller train.lr", v->c->name);
			out[i * n + j] = out[j * n + i] = (float)(sum * share);
		}
	return 0;
}

int estimate_finish(const struct curvature_estimate *e, struct curvature *c, struct fail *warning, struct fail *f)
{
	int widest = 0;
	warning->msg[0] = 0;
	if (!e->records)
		return fail_set(f, "no records to estimate the curvature from");
	if (curvature_open(c, e->m, f))
		return -1;
	c->records = e->records;
	c->draws = e->cfg.score.draws;
	c->targets = e->targets;
	for (int i = 0; i < e->nfactors; i++) {
		const struct moments *v = &e->factor[i];
		struct curvature_layer *to = &c->layer[v->c - e->layers.layer];
		widest = v->n > widest ? v->n : widest;
		if (set_factor(v->side == FACTOR_P ? to->p : v->side == FACTOR_K ? to->k : to->b, v, (double)e->records, c->draws, f)) {
			curvature_free(c);
			return -1;
		}
	}
	if (e->records < widest)
		fail_set(warning, "%lld records are fewer than the %d numbers of the widest layer: where they say nothing, only damping counts",
		         (long long)e->records, widest);
	return 0;
}

/* --- the second pass --- */

/* q [n][n]: the eigenvectors of a factor [n][n], one in each row. A number that was 0 in all records has one of its own: these are last, so that they
 * need no products (whitening.h). */
static int find_eigenvectors(float *q, const float *factor, int n)
{
	size_t size = (size_t)n, some = 0, zero = 0;
	double *a = malloc(size * size * sizeof *a), *value = malloc(size * sizeof *value);
	size_t *at = malloc(size * sizeof *at);
	for (size_t i = 0; at && i < size; i++)
		if (factor[i * size + i] != 0)
			at[some++] = i;
	for (size_t i = 0; a && at && i < some * some; i++)
		a[i] = (double)factor[at[i / some] * size + at[i % some]];
	int r = a && value && at ? 0 : -1;
	if (!r && some)
		r = mat_eigenvectors(a, value, (int)some);
	memset(q, 0, size * size * sizeof *q);
	for (size_t i = 0; !r && i < some * some; i++)
		q[i / some * size + at[i % some]] = (float)a[i];
	for (size_t i = 0; !r && i < size; i++)
		if (factor[i * size + i] == 0)
			q[(some + zero++) * size + i] = 1;
	free(a);
	free(value);
	free(at);
	return r;
}

static void find_basis(void *ctx, int factor)
{
	const struct curvature_estimate *e = ctx;
	const struct curvature_layer *c = &e->basis->layer[factor / 2];
	int k = factor % 2;
	e->bad[factor] = find_eigenvectors(k ? c->qk : c->qp, k ? c->k : c->p, k ? c->nk : c->np) != 0;
}

int estimate_rotate(struct curvature_estimate *e, struct curvature *c, struct fail *f)
{
	int n = c->n;
	if (curvature_open_eigenvalues(c, f))
		return -1;
	e->basis = c;
	e->records = 0;
	e->values = calloc((size_t)n, sizeof *e->values);
	e->bad = calloc(2 * (size_t)n, sizeof *e->bad);
	if (!e->values || !e->bad)
		return fail_memory(f);
	pool_run(e->pool, 2 * n, find_basis, e);
	for (int i = 0; i < n; i++) {
		if (e->bad[2 * i] || e->bad[2 * i + 1])
			return fail_set(f, "the eigenvectors of the curvature of %s were not found: out of memory, or no convergence", c->layer[i].name);
		if (layer_eigenvalues_open(&e->values[i], &c->layer[i], e->batch, e->cfg.score.draws, f))
			return -1;
	}
	return 0;
}

int estimate_eigenvalues(const struct curvature_estimate *e, struct curvature *c, struct fail *f)
{
	if (e->records != c->records)
		return fail_set(f, "the second pass had %lld records, the first %lld: the input changed, run it again", (long long)e->records, (long long)c->records);
	for (int i = 0; i < c->n; i++)
		if (layer_eigenvalues_finish(&e->values[i], c->layer[i].lambda, (double)e->records, f))
			return -1;
	return 0;
}
