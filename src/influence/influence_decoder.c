/* The decoder's part of a score: the draws of the records go through the decoder, the loss, and back, and each layer in use adds the dot
 * products between the draws' gradients (draw_grams.h) to the score of its record. There are three ways:
 *
 *   sparse     a record's 16 draws are one sparse block from the latents to the logits and back (decode_sparse());
 *   rows       a few records at once, layer by layer (decode_rows());
 *   chunks     from layer chunk_from on, a few draws at once go forward and back, so that pictures stay in the cache (decode_chunks()).
 *              Their gradients are summed over blocks of draws. */
#include <string.h>

#include "gemm/mat.h"
#include "influence/influence_state.h"
#include "nn/loss.h"

/* Adds a layer's dot products of record r, now in grams, to its score and its draw_dots. The plug-in estimator counts all pairs of
 * draws, the cross estimator those with one draw of each half. */
static void add_grams(struct influence *s, int r, const struct layer *l)
{
	const struct draw_grams *g = &s->grams;
	int n = g->blocks, other = s->cfg.score.estimator == CROSS ? n : 0; /* the part that the first part is multiplied with */
	double pairs = other ? (double)s->half * (double)(s->draws - s->half) : (double)s->draws * (double)s->draws, weight = 0, bias = 0;
	for (int a = 0; a < n; a++) {
		double all = g->weight[a] + g->weight[n + a] + g->bias[a] + g->bias[n + a];
		s->draw_dots[r * n + a] += s->weight * all / s->draws / (g->block_from[a + 1] - g->block_from[a]);
		weight += a < g->split ? g->weight[other + a] : 0;
		bias += a < g->split ? g->bias[other + a] : 0;
	}
	add_to_score(s, r, l->tensor, weight / pairs);
	add_to_score(s, r, l->tensor + 1, bias / pairs);
}

/* Losses of draws [from, to) of record r: logits and dlogits, their deltas, are [to - from][input]. */
static void draw_losses(struct influence *s, int r, int from, int to, const float *logits, float *dlogits)
{
	enum likelihood scored = (enum likelihood)s->cfg.score.likelihood, trained = (enum likelihood)s->cfg.train.likelihood;
	size_t n = (size_t)s->model->enc.in;
	const struct learnt_variance v = model_variance(s->model);
	for (int j = from; j < to; j++, logits += n, dlogits += n) {
		size_t row = (size_t)r * (size_t)s->draws + (size_t)j;
		if (v.log_variance) /* the likelihood of the score then equals that of the training */
			s->nll[row] = s->recon[row] = loss_recon_learnt(scored, &v, logits, s->target + (size_t)r * n, (int)n, dlogits, NULL);
		else
			s->recon[row] = loss_recon_two(scored, trained, logits, s->target + (size_t)r * n, (int)n, dlogits, &s->nll[row]);
		loss_flush(dlogits, (int)n);
	}
}

/* --- chunks --- */

/* The layers from chunk_from on, forward and back, for draws [from, from + rows) of record r, which belong to one block. first: the
 * record whose draws are the first rows of the tapes. */
static void decode_chunk(struct influence *s, int first, int r, int block, int from, int rows)
{
	const struct network *net = &s->model->dec;
	size_t row = (size_t)r * (size_t)s->draws + (size_t)from, at = row - (size_t)first * (size_t)s->draws;
	struct tape act = tape_view(&s->dec, net, s->chunk_from, at, rows), grad = tape_view(&s->dec_grad, net, s->chunk_from, at, rows);
	const float *xi = s->xi + row * (size_t)s->latent;
	float *dxi = s->dxi + row * (size_t)s->latent, *scratch = s->grams.scratch;
	for (int i = s->chunk_from; i < net->n; i++)
		layer_forward(net, i, s->params, xi, &act, 0, rows, scratch);
	draw_losses(s, r, from, from + rows, act.v[net->last], grad.v[net->last]);
	for (int i = net->n - 1; i >= s->chunk_from && i >= s->lowest_layer; i--) {
		const struct layer *l = &net->l[i];
		float *dx = i == s->lowest_layer ? NULL : l->source < 0 ? dxi : grad.v[l->source];
		if (s->block_gradients[i])
			block_gradients_add(&s->grams, l, s->block_gradients[i], block, from > s->grams.block_from[block], dx,
			                    network_source(net, i, xi, &act), grad.v[i], s->params + l->weight, network_relu_mask(net, i, &act) != NULL, rows);
		else if (i != s->lowest_layer)
			layer_backward(net, i, s->params, &act, &grad, dxi, 0, rows, scratch);
	}
}

static void decode_chunks(struct influence *s, int first, int r)
{
	const struct network *net = &s->model->dec;
	const int *from = s->grams.block_from;
	for (int b = 0; b < s->grams.blocks; b++)
		for (int j = from[b]; j < from[b + 1]; j += CHUNK_ROWS)
			decode_chunk(s, first, r, b, j, from[b + 1] - j < CHUNK_ROWS ? from[b + 1] - j : CHUNK_ROWS);
	for (int i = s->chunk_from; i < net->n; i++)
		if (s->block_gradients[i]) {
			draw_grams_from_gradients(&s->grams, &net->l[i], decoder_whitening(s, i), s->block_gradients[i]);
			add_grams(s, r, &net->l[i]);
			gradients_add_blocks(s, i, r, s->block_gradients[i]);
		}
}

/* --- rows --- */

/* Dot products of a dense layer for n records, whose whitened factors are in white_p and white_k [n][draws][...]. */
static void add_white_grams(struct influence *s, int i, int first, int n)
{
	const struct layer_whitening *w = decoder_whitening(s, i);
	for (int r = 0; r < n; r++) {
		size_t row = (size_t)r * (size_t)s->draws;
		draw_grams_from_white(&s->grams, w, s->white_p + row * (size_t)w->p, s->white_k + row * (size_t)w->k);
		add_grams(s, first + r, &s->model->dec.l[i]);
	}
}

/* Whether draws are sparse blocks. Without zeros in the gradients that are kept, dense rows are faster, because they are kept as well. */
static int uses_blocks(const struct influence *s)
{
	return s->sparse_grad[0] && network_sparse(&s->model->dec, 0) && (!s->gradients.layer || gradients_sparse(s));
}

/* Dot products of a layer for n records: x, dy and dx [n][draws][...], dx unless NULL. */
static void layer_grams(struct influence *s, int i, int first, int n, int is_explicit, const float *x, const float *dy, float *dx)
{
	const struct layer *l = &s->model->dec.l[i];
	const struct layer_whitening *w = decoder_whitening(s, i);
	if (w && l->type->dense) {
		whiten_p(w, s->white_p, dy, n * s->draws);
		whiten_k(w, s->white_k, x, n * s->draws);
		add_white_grams(s, i, first, n);
		return;
	}
	for (int r = 0, group = white_group(l, w, s->draws); r < n; r++) {
		size_t row = (size_t)r * (size_t)s->draws, in = row * (size_t)l->in, out = row * (size_t)l->out;
		if (w && !is_explicit && r % group == 0)
			draw_grams_whiten_factors(&s->grams, l, w, x + in, dy + out, n - r < group ? n - r : group);
		if (is_explicit) {
			draw_grams_explicit(&s->grams, l, w, dx ? dx + in : NULL, x + in, dy + out, s->params + l->weight, network_relu_mask(&s->model->dec, i, &s->dec) != NULL);
			gradients_add_blocks(s, i, first + r, s->grams.gradients);
		} else if (uses_blocks(s)) { /* the same bits as decode_sparse() */
			sparse_pack(s->sparse_grad[0], x + in, (size_t)l->in, SPARSE_ROWS, l->in);
			sparse_pack(s->sparse_grad[1], dy + out, (size_t)l->out, SPARSE_ROWS, l->out);
			draw_grams_from_sparse(&s->grams, s->sparse_grad[0], s->sparse_grad[1]);
			gradients_keep_sparse(s, i, first + r, s->sparse_grad[0], s->sparse_grad[1]);
		} else
			draw_grams_from_factors(&s->grams, l, w, x + in, dy + out, r % group);
		add_grams(s, first + r, l);
	}
}

/* Back through the layers before chunk_from. An explicit gradient shares its unrolled factor with the delta at the layer's input. */
static void backward_rows(struct influence *s, int first, int n)
{
	const struct network *net = &s->model->dec;
	size_t at = (size_t)first * (size_t)s->draws * (size_t)s->latent;
	float *xi = s->xi + at, *dxi = s->dxi + at;
	for (int i = s->chunk_from - 1; i >= 0 && i >= s->lowest_layer; i--) {
		const struct layer *l = &net->l[i];
		int is_explicit = s->use_dec[i] && gradient_is_explicit(l, s->draws);
		float *dx = i == s->lowest_layer ? NULL : l->source < 0 ? dxi : s->dec_grad.v[l->source];
		if (!is_explicit && i != s->lowest_layer)
			layer_backward(net, i, s->params, &s->dec, &s->dec_grad, dxi, 0, n * s->draws, s->grams.scratch);
		if (s->use_dec[i])
			layer_grams(s, i, first, n, is_explicit, network_source(net, i, xi, &s->dec), s->dec_grad.v[i], dx);
	}
}

static void decode_rows(struct influence *s, int first, int n)
{
	const struct network *net = &s->model->dec;
	const float *xi = s->xi + (size_t)first * (size_t)s->draws * (size_t)s->latent;
	for (int i = 0; i < s->chunk_from; i++)
		layer_forward(net, i, s->params, xi, &s->dec, 0, n * s->draws, s->grams.scratch);
	for (int r = 0; r < n; r++) {
		size_t at = (size_t)r * (size_t)s->draws * (size_t)net->out;
		if (s->chunk_from < net->n)
			decode_chunks(s, first, first + r);
		else
			draw_losses(s, first + r, 0, s->draws, s->dec.v[net->last] + at, s->dec_grad.v[net->last] + at);
	}
	backward_rows(s, first, n);
}

/* --- sparse blocks --- */

/* The next layer with weights. */
static int next_weighted(const struct network *net, int i)
{
	do
		i++;
	while (!layer_has_weights(&net->l[i]));
	return i;
}

/* Dot products of a layer for n records, whitened. grad: the gradients by its output. Whitened factors are dense. */
static void white_sparse_layer(struct influence *s, int i, int first, int n, const struct sparse_block *grad)
{
	const struct layer *l = &s->model->dec.l[i];
	const struct layer_whitening *w = decoder_whitening(s, i);
	if (!whiten_sparse_p(w, s->white_p, grad, n)) {
		float *dense = s->unpacked;
		for (int r = 0; r < n; r++)
			sparse_unpack(&grad[r], dense + (size_t)r * SPARSE_ROWS * (size_t)l->out, (size_t)l->out, SPARSE_ROWS, l->out);
		whiten_p(w, s->white_p, dense, n * SPARSE_ROWS);
	}
	if (!whiten_sparse_k(w, s->white_k, s->sparse_in[i], n)) {
		float *dense = s->unpacked;
		for (int r = 0; r < n; r++)
			sparse_unpack(&s->sparse_in[i][r], dense + (size_t)r * SPARSE_ROWS * (size_t)l->in, (size_t)l->in, SPARSE_ROWS, l->in);
		whiten_k(w, s->white_k, dense, n * SPARSE_ROWS);
	}
	add_white_grams(s, i, first, n);
}

/* n records, at most SPARSE_BATCH. */
static void decode_sparse(struct influence *s, int first, int n)
{
	const struct network *net = &s->model->dec;
	size_t row = (size_t)first * SPARSE_ROWS, latent = (size_t)s->latent, out = (size_t)net->out;
	size_t kept = s->gradients.layer ? row * out : 0; /* gradients.c may read the rows of all records later */
	float *xi = s->xi + row * latent, *dxi = s->dxi + row * latent, *logits = s->dec.v[net->last] + kept, *dlogits = s->dec_grad.v[net->last] + kept;
	struct sparse_block *grad = s->sparse_grad[0], *next_grad = s->sparse_grad[1];
	int i = 0, last = net->last;
	for (int r = 0; r < n; r++)
		sparse_pack(&s->sparse_in[0][r], xi + (size_t)r * SPARSE_ROWS * latent, latent, SPARSE_ROWS, s->latent);
	for (int next; i != last; i = next) {
		next = next_weighted(net, i);
		sparse_layer_relu(s->sparse_in[next], s->sparse_in[i], n, net->l[i].packed_forward, s->params + net->l[i].bias);
	}
	sparse_layer(logits, out, s->sparse_in[last], n, net->l[last].packed_forward, s->params + net->l[last].bias);
	for (int r = 0; r < n; r++) {
		size_t at = (size_t)r * SPARSE_ROWS * out;
		draw_losses(s, first + r, 0, SPARSE_ROWS, logits + at, dlogits + at);
		sparse_pack(&grad[r], dlogits + at, out, SPARSE_ROWS, net->out);
	}
	for (i = last;; i = net->l[i].source) {
		const struct layer *l = &net->l[i];
		if (s->use_dec[i] && s->whitening)
			white_sparse_layer(s, i, first, n, grad);
		for (int r = 0; s->use_dec[i] && !s->whitening && r < n; r++) {
			draw_grams_from_sparse(&s->grams, &s->sparse_in[i][r], &grad[r]);
			add_grams(s, first + r, l);
			gradients_keep_sparse(s, i, first + r, &s->sparse_in[i][r], &grad[r]);
		}
		if (i == s->lowest_layer)
			return;
		if (l->source < 0) {
			sparse_layer(dxi, latent, grad, n, l->packed_backward, NULL);
			return;
		}
		sparse_nn_masked(next_grad, grad, s->sparse_in[i], n, l->packed_backward);
		struct sparse_block *done = grad;
		grad = next_grad;
		next_grad = done;
	}
}

void decode_batch(struct influence *s, int from, int n)
{
	if (!uses_blocks(s) || !network_sparse(&s->model->dec, 1)) {
		decode_rows(s, from, n);
		return;
	}
	for (int r = 0; r < n; r += SPARSE_BATCH)
		decode_sparse(s, from + r, n - r < SPARSE_BATCH ? n - r : SPARSE_BATCH);
}
