/* For a batch of B records and m draws, per checkpoint:
 *   encoder forward (B rows) -> mu, logvar -> xi (B m rows) -> decoder forward -> loss and its
 *   gradient -> decoder backward (B m rows) -> gradients by mu and logvar, draw by draw.
 * The decoder takes a slab of the batch after the other: few rows with a network's activations near, while the
 * encoder wants many records for its weights. Where it can, a record's 16 draws go through it as a sparse block (sparse_block.h).
 * Decoder layers: products between draws, or between blocks of draws, on the way back (draw_grams.h).
 * Encoder layers: one backward pass of the mean over the draws (two, one a half, for the cross
 * estimator), and a tangent pass along the mean gradient, whose result s gives
 * <g_j, mean g> = s . (gradient by the encoder's output of draw j). */
#include "influence/influence.h"

#include <math.h>
#include <string.h>

#include "nn/layout.h"
#include "influence/influence_state.h"
#include "nn/loss.h"
#include "gemm/mat.h"

static void draw(struct influence *s, const struct model *m, const uint64_t *id, const float *eps)
{
	int n = s->latent;
	for (int r = 0; r < s->batch; r++) {
		const float *head = s->enc.v[m->enc.last] + (size_t)r * 2 * (size_t)n;
		float *sigma = s->sigma + (size_t)r * (size_t)n;
		for (int i = 0; i < n; i++)
			sigma[i] = expf(0.5f * head[n + i]);
		for (int j = 0; j < s->draws; j++) {
			size_t at = ((size_t)r * (size_t)s->draws + (size_t)j) * (size_t)n;
			if (eps)
				memcpy(s->eps + at, eps + at, (size_t)n * sizeof *eps);
			else
				rng_normal(s->eps + at, n, (uint64_t)s->cfg.score.seed, s->role, (uint64_t)m->step, id[r], (uint32_t)j);
			for (int i = 0; i < n; i++)
				s->xi[at + (size_t)i] = head[i] + sigma[i] * s->eps[at + (size_t)i];
		}
	}
}

/* Of draws [from, to) of record r: f holds their logits, d gets the gradients by them. */
static void losses(struct influence *s, const struct model *m, const float *x, int r, int from, int to, const float *f, float *d)
{
	enum likelihood scored = (enum likelihood)s->cfg.score.likelihood, trained = (enum likelihood)s->cfg.train.likelihood;
	size_t n = (size_t)m->enc.in;
	for (int j = from; j < to; j++, f += n, d += n) {
		size_t row = (size_t)r * (size_t)s->draws + (size_t)j;
		s->recon[row] = loss_recon_two(scored, trained, f, x + (size_t)r * n, (int)n, d, &s->nll[row]);
		loss_flush(d, (int)n);
	}
}

/* Gradient by mu and logvar of one draw. Pathwise: through xi. Score function (eq. 9 as printed):
 * grad log Q(xi|x) * (beta log Q/P + recon), xi held still. */
static void head_gradient(const struct influence *s, const float *head, const float *sigma, size_t row, float *d)
{
	int n = s->latent;
	const float *g = s->dxi + row * (size_t)n, *eps = s->eps + row * (size_t)n, *xi = s->xi + row * (size_t)n;
	float beta = (float)s->cfg.score.beta;
	if (s->cfg.score.gradient == PATHWISE) {
		for (int i = 0; i < n; i++) {
			d[i] = beta * head[i] + g[i];
			d[n + i] = 0.5f * (beta * (sigma[i] * sigma[i] - 1) + g[i] * sigma[i] * eps[i]);
		}
		return;
	}
	double ratio = 0;
	for (int i = 0; i < n; i++)
		ratio += 0.5 * ((double)xi[i] * (double)xi[i] - (double)eps[i] * (double)eps[i] - (double)head[n + i]);
	float scale = (float)(s->cfg.score.beta * ratio + s->recon[row]);
	for (int i = 0; i < n; i++) {
		d[i] = scale * eps[i] / sigma[i];
		d[n + i] = scale * 0.5f * (eps[i] * eps[i] - 1);
	}
}

/* Means of the draws' gradients by the encoder's output: over all draws into denc[0], or one half
 * each into denc[0] and denc[1]. */
static void head_means(struct influence *s, const struct model *m, int halves)
{
	size_t n = 2 * (size_t)s->latent;
	for (int r = 0; r < s->batch; r++) {
		const float *head = s->enc.v[m->enc.last] + (size_t)r * n;
		for (int k = 0; k < halves; k++) {
			int from = halves == 2 && k ? s->half : 0, to = halves == 2 && !k ? s->half : s->draws;
			float *mean = s->denc[k].v[m->enc.last] + (size_t)r * n;
			float share = 1.0f / (float)(to - from);
			memset(mean, 0, n * sizeof *mean);
			for (int j = from; j < to; j++) {
				size_t row = (size_t)r * (size_t)s->draws + (size_t)j;
				float *d = s->dhead + row * n;
				head_gradient(s, head, s->sigma + (size_t)r * (size_t)s->latent, row, d);
				for (size_t i = 0; i < n; i++)
					mean[i] += d[i] * share;
			}
		}
	}
}

struct target { /* where a checkpoint's contribution goes */
	double w;
	struct score *out;
	double *part;
	int ntensors;
};

static void add_part(const struct target *t, int r, int tensor, double v)
{
	t->out[r].selfinf += t->w * v;
	if (t->part)
		t->part[(size_t)r * (size_t)t->ntensors + (size_t)tensor] += t->w * v;
}

/* What moves a layer's output when its own parameters, and what it reads, move along the mean
 * gradient; the parts of the layers on the way. */
static void encoder_weights(struct influence *s, const struct model *m, const float *packed, const float *input, int i, int halves,
                            const struct target *t)
{
	const struct layer *l = &m->enc.l[i];
	const float *x = network_source(&m->enc, i, input, &s->enc);
	float left = halves == 2 ? (float)s->half / (float)s->draws : 1, *tangent = s->tangent.v[i];
	if (l->source < 0)
		memset(tangent, 0, (size_t)s->batch * (size_t)l->out * sizeof *tangent);
	else
		l->type->forward(l, tangent, s->tangent.v[l->source],
		                 &(struct layer_pass){.rows = s->batch, .w = packed + l->weight, .scratch = s->products.col});
	for (int r = 0; s->use_enc[i] && r < s->batch; r++) {
		size_t at = (size_t)r * (size_t)l->out;
		const float *d0 = s->denc[0].v[i] + at, *d1 = s->denc[halves - 1].v[i] + at, *mean = d0;
		double weight, bias;
		for (int k = 0; halves == 2 && k < l->out; k++)
			s->mean[k] = left * d0[k] + (1 - left) * d1[k];
		if (halves == 2)
			mean = s->mean;
		row_gradient_dot(&s->products, l, s->along, x + (size_t)r * (size_t)l->in, d0, d1, mean, &weight, &bias);
		for (int k = 0; k < l->out; k++)
			tangent[at + (size_t)k] += s->along[k];
		add_part(t, r, l->tensor, weight);
		add_part(t, r, l->tensor + 1, bias);
	}
}

static void encoder_parts(struct influence *s, const struct model *m, const float *packed, const float *input, int halves, const struct target *t)
{
	const struct network *net = &m->enc;
	const struct draw_grams *p = &s->products;
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (layer_has_weights(l))
			encoder_weights(s, m, packed, input, i, halves, t);
		else
			layer_tangent(net, i, &s->enc, &s->tangent);
	}
	const float *last = s->tangent.v[net->last];
	for (int r = 0; r < s->batch; r++)
		for (int u = 0; u < p->units; u++)
			for (int j = p->edge[u]; j < p->edge[u + 1]; j++) {
				size_t row = (size_t)r * (size_t)s->draws + (size_t)j;
				s->h[r * p->units + u] += t->w * dot(s->dhead + row * (size_t)net->out, last + (size_t)r * (size_t)net->out, net->out) /
				                          (p->edge[u + 1] - p->edge[u]);
			}
}

/* What the products of a record's layer add to its score. */
static void add_products(struct influence *s, const struct target *t, int r, const struct layer *l)
{
	const struct draw_grams *p = &s->products;
	int n = p->units, cross = s->cfg.score.estimator == CROSS;
	/* the pairs (u, v) that count: all, or one of each half */
	int to_u = cross ? p->half : n, from_v = cross ? p->half : 0;
	double pairs = cross ? (double)s->half * (double)(s->draws - s->half) : (double)s->draws * (double)s->draws, weight = 0, bias = 0;
	for (int u = 0; u < n; u++) {
		double all = 0, w = 0, b = 0;
		for (int v = 0; v < n; v++) {
			all += p->weight[u * n + v] + p->bias[u * n + v];
			w += v >= from_v ? p->weight[u * n + v] : 0;
			b += v >= from_v ? p->bias[u * n + v] : 0;
		}
		s->h[r * n + u] += t->w * all / s->draws / (p->edge[u + 1] - p->edge[u]);
		weight += u < to_u ? w : 0;
		bias += u < to_u ? b : 0;
	}
	add_part(t, r, l->tensor, weight / pairs);
	add_part(t, r, l->tensor + 1, bias / pairs);
}

/* The layers behind the cut, forward and backward, of rows [row, row + rows), which are draws from `from`
 * on of record r and belong to one unit. */
static void decode_group(struct influence *s, const struct model *m, const float *packed, const float *x, int r, int unit, int from, int rows)
{
	const struct network *net = &m->dec;
	size_t row = (size_t)r * (size_t)s->draws + (size_t)from, at = row - (size_t)s->first * (size_t)s->draws;
	struct tape act = tape_view(&s->dec, net, s->cut, at, rows), delta = tape_view(&s->ddec, net, s->cut, at, rows);
	const float *xi = s->xi + row * (size_t)s->latent;
	float *dxi = s->dxi + row * (size_t)s->latent;
	for (int i = s->cut; i < net->n; i++)
		layer_forward(net, i, packed, xi, &act, 0, rows, s->products.col);
	losses(s, m, x, r, from, from + rows, act.v[net->last], delta.v[net->last]);
	for (int i = net->n - 1; i >= s->cut && i >= s->stop; i--) {
		const struct layer *l = &net->l[i];
		if (s->sums[i])
			draw_grams_add_gradients(&s->products, l, s->sums[i], unit, from > s->products.edge[unit],
			               i == s->stop ? NULL : l->source < 0 ? dxi : delta.v[l->source],
			               network_source(net, i, xi, &act), delta.v[i], packed + l->weight, rows);
		else if (i != s->stop)
			layer_backward(net, i, packed, &act, &delta, dxi, 0, rows, s->products.col);
	}
}

/* One record through the layers behind the cut. */
static void decode_record(struct influence *s, const struct model *m, const float *packed, const float *x, int r, const struct target *t)
{
	const struct draw_grams *p = &s->products;
	if (s->cut == m->dec.n) {
		size_t at = (size_t)(r - s->first) * (size_t)s->draws * (size_t)m->enc.in;
		losses(s, m, x, r, 0, s->draws, s->dec.v[m->dec.last] + at, s->ddec.v[m->dec.last] + at);
		return;
	}
	for (int u = 0; u < p->units; u++)
		for (int j = p->edge[u]; j < p->edge[u + 1]; j += INFLUENCE_GROUP)
			decode_group(s, m, packed, x, r, u, j, p->edge[u + 1] - j < INFLUENCE_GROUP ? p->edge[u + 1] - j : INFLUENCE_GROUP);
	for (int i = s->cut; i < m->dec.n; i++)
		if (s->sums[i]) {
			draw_grams_multiply(&s->products, &m->dec.l[i], s->sums[i]);
			add_products(s, t, r, &m->dec.l[i]);
			gradients_take(s, i, r, s->sums[i]);
		}
}

/* Backward through the layers before the cut, with their parts on the way: where a gradient is written
 * out, it shares what is unrolled with the gradient by the layer's input. */
static void decoder_back(struct influence *s, const struct model *m, const float *packed, int records, const struct target *t)
{
	const struct network *net = &m->dec;
	size_t first = (size_t)s->first * (size_t)s->draws * (size_t)s->latent;
	float *xi = s->xi + first, *dxi = s->dxi + first;
	for (int i = s->cut - 1; i >= 0 && i >= s->stop; i--) {
		const struct layer *l = &net->l[i];
		int used = layer_has_weights(l) && s->use_dec[i], written = used && gradient_is_explicit(l, s->draws);
		float *dx = i == s->stop ? NULL : l->source < 0 ? dxi : s->ddec.v[l->source];
		if (!written && i != s->stop)
			layer_backward(net, i, packed, &s->dec, &s->ddec, dxi, 0, records * s->draws, s->products.col);
		const float *x = network_source(net, i, xi, &s->dec);
		for (int r = 0; used && r < records; r++) {
			size_t row = (size_t)r * (size_t)s->draws, in = row * (size_t)l->in, out = row * (size_t)l->out;
			if (written)
				draw_grams_explicit(&s->products, l, dx ? dx + in : NULL, x + in, s->ddec.v[i] + out, packed + l->weight);
			else if (s->delta[0]) { /* the same bits as where sparse blocks pass */
				sparse_pack(s->delta[0], x + in, (size_t)l->in, SPARSE_ROWS, l->in);
				sparse_pack(s->delta[1], s->ddec.v[i] + out, (size_t)l->out, SPARSE_ROWS, l->out);
				draw_grams_sparse(&s->products, s->delta[0], s->delta[1]);
			} else
				draw_grams_dense(&s->products, l, x + in, s->ddec.v[i] + out);
			add_products(s, t, s->first + r, l);
			if (written)
				gradients_take(s, i, s->first + r, s->products.grad);
		}
	}
}

/* n records from `from` on as sparse blocks, one record's draws in each, through the decoder and back. */
static void decode_sparse(struct influence *s, const struct model *m, const float *packed, const float *x, int from, int n,
                           const struct target *t)
{
	const struct network *net = &m->dec;
	size_t row = (size_t)from * SPARSE_ROWS, latent = (size_t)s->latent, out = (size_t)net->out;
	float *xi = s->xi + row * latent, *dxi = s->dxi + row * latent, *logits = s->dec.v[net->last], *by_logits = s->ddec.v[net->last];
	int last = net->last, i = 0, at = 0, next; /* at: of the two deltas, the one at hand */
	for (int r = 0; r < n; r++)
		sparse_pack(&s->read[0][r], xi + (size_t)r * SPARSE_ROWS * latent, latent, SPARSE_ROWS, s->latent);
	for (; i != last; i = next) {
		for (next = i + 1; !layer_has_weights(&net->l[next]); next++)
			;
		sparse_layer_relu(s->read[next], s->read[i], n, net->l[i].packed_forward, packed + net->l[i].bias);
	}
	sparse_layer(logits, out, s->read[i], n, net->l[i].packed_forward, packed + net->l[i].bias);
	for (int r = 0; r < n; r++) {
		losses(s, m, x, from + r, 0, SPARSE_ROWS, logits + (size_t)r * SPARSE_ROWS * out, by_logits + (size_t)r * SPARSE_ROWS * out);
		sparse_pack(&s->delta[at][r], by_logits + (size_t)r * SPARSE_ROWS * out, out, SPARSE_ROWS, net->out);
	}
	for (;; i = next) {
		const struct layer *l = &net->l[i];
		for (int r = 0; s->use_dec[i] && r < n; r++) {
			draw_grams_sparse(&s->products, &s->read[i][r], &s->delta[at][r]);
			add_products(s, t, from + r, l);
		}
		next = l->source;
		if (i == s->stop)
			break;
		if (next < 0) {
			sparse_layer(dxi, latent, s->delta[at], n, l->packed_backward, NULL);
			break;
		}
		sparse_nn_masked(s->delta[!at], s->delta[at], s->read[i], n, l->packed_backward);
		at = !at;
	}
}

/* A slab of records, from s->first on, through the decoder and back. */
static void decode(struct influence *s, const struct model *m, const float *packed, const float *x, const struct target *t)
{
	int records = s->batch - s->first < s->slab ? s->batch - s->first : s->slab;
	if (s->delta[0] && network_sparse(&m->dec, 1)) {
		for (int r = 0; r < records; r += SPARSE_BATCH)
			decode_sparse(s, m, packed, x, s->first + r, records - r < SPARSE_BATCH ? records - r : SPARSE_BATCH, t);
		return;
	}
	const float *xi = s->xi + (size_t)s->first * (size_t)s->draws * (size_t)s->latent;
	for (int i = 0; i < s->cut; i++)
		layer_forward(&m->dec, i, packed, xi, &s->dec, 0, records * s->draws, s->products.col);
	for (int r = s->first; r < s->first + records; r++)
		decode_record(s, m, packed, x, r, t);
	decoder_back(s, m, packed, records, t);
}

/* The losses and norms of the last checkpoint. */
static void describe(const struct influence *s, const struct model *m, struct score *out)
{
	int n = s->latent;
	for (int r = 0; r < s->batch; r++) {
		const float *head = s->enc.v[m->enc.last] + (size_t)r * 2 * (size_t)n;
		double var = 0;
		out[r].recon = out[r].nll = 0;
		for (int j = 0; j < s->draws; j++) {
			out[r].recon += s->recon[r * s->draws + j] / s->draws;
			out[r].nll += s->nll[r * s->draws + j] / s->draws;
		}
		for (int i = 0; i < n; i++)
			var += exp((double)head[n + i]);
		out[r].kl = loss_kl(head, n);
		out[r].loss = s->cfg.score.beta * out[r].kl + out[r].recon;
		out[r].mu_norm = sqrt(dot(head, head, n));
		out[r].sigma_norm = sqrt(var);
	}
}

/* Delta method: the estimate is close to |E g|^2, whose change with the mean of g is 2 <g, E g>. h:
 * of units of draws, whose shares of all draws need not be equal. */
static double standard_error(const double *h, const struct draw_grams *p)
{
	double mean = 0, q = 0;
	if (p->units < 2)
		return NAN;
	for (int u = 0; u < p->units; u++)
		mean += h[u] * (p->edge[u + 1] - p->edge[u]) / p->draws;
	for (int u = 0; u < p->units; u++) {
		double off = (h[u] - mean) * (p->edge[u + 1] - p->edge[u]) / p->draws;
		q += off * off;
	}
	return 2 * sqrt(q * p->units / (p->units - 1));
}

/* The encoder's gradients and their parts. */
static void encoder_back(struct influence *s, const struct model *m, const float *packed, const float *input, const struct target *t)
{
	int halves = s->cfg.score.estimator == CROSS ? 2 : 1;
	head_means(s, m, halves);
	for (int k = 0; k < halves; k++)
		network_backward(&m->enc, packed, &s->enc, &s->denc[k], NULL, s->products.col);
	encoder_parts(s, m, packed, input, halves, t);
}

/* What comes after every checkpoint, unless NULL. */
struct after {
	int (*each)(void *ctx, int checkpoint, struct fail *f);
	void *ctx;
};

static int score(struct influence *s, int n, const float *x, const uint64_t *id, const float *eps, struct score *out, double *part,
                 const struct after *after, struct fail *f)
{
	int ntensors = s->models[0].ntensors;
	float *scratch = s->products.col;
	s->x = x;
	memset(out, 0, (size_t)s->batch * sizeof *out);
	memset(s->h, 0, (size_t)s->batch * (size_t)s->products.units * sizeof *s->h);
	if (part)
		memset(part, 0, (size_t)s->batch * (size_t)ntensors * sizeof *part);
	if (s->pixels)
		to_channels_last(s->pixels, x, s->batch, s->models[0].enc.channels, s->models[0].enc.area);
	for (int c = 0; c < s->n; c++) {
		const struct model *m = &s->models[c];
		const float *packed = s->packed[c], *input = in_order(s, x, m->enc.reads_channels_last);
		struct target t = {checkpoint_weight(m), out, part, ntensors};
		network_forward(&m->enc, packed, input, &s->enc, scratch);
		draw(s, m, id, eps);
		/* whole slabs, so that a score does not depend on how many records there are */
		for (s->first = 0; s->first < n; s->first += s->slab)
			decode(s, m, packed, in_order(s, x, m->dec.writes_channels_last), &t);
		if (s->stop < 0)
			encoder_back(s, m, packed, input, &t);
		if (c == s->n - 1)
			describe(s, m, out);
		s->at = c;
		gradients_fill(s);
		if (after->each && after->each(after->ctx, c, f))
			return -1;
	}
	for (int r = 0; r < s->batch; r++)
		out[r].selfinf_se = standard_error(s->h + (size_t)r * (size_t)s->products.units, &s->products);
	return 0;
}

void influence_score(struct influence *s, int n, const float *x, const uint64_t *id, const float *eps, struct score *out, double *part)
{
	score(s, n, x, id, eps, out, part, &(struct after){NULL, NULL}, NULL);
}

int influence_each_checkpoint(struct influence *s, const float *x, const uint64_t *id, const float *eps, struct score *out,
                   int (*each)(void *ctx, int checkpoint, struct fail *f), void *ctx, struct fail *f)
{
	return score(s, s->batch, x, id, eps, out, NULL, &(struct after){each, ctx}, f);
}

void influence_latent_means(struct influence *s, const float *x, float *mu)
{
	const struct model *m = &s->models[s->n - 1];
	size_t n = (size_t)s->latent;
	if (x && m->enc.reads_channels_last)
		to_channels_last(s->pixels, x, s->batch, m->enc.channels, m->enc.area);
	if (x)
		network_forward(&m->enc, s->packed[s->n - 1], in_order(s, x, m->enc.reads_channels_last), &s->enc, s->products.col);
	for (size_t r = 0; r < (size_t)s->batch; r++)
		memcpy(mu + r * n, s->enc.v[m->enc.last] + r * 2 * n, n * sizeof *mu);
}
