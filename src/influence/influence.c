/* VAE-TracIn self influence of a batch. For each checkpoint:
 *
 *   encoder forward, batch rows                         -> mu, logvar -> xi, a row for each draw
 *   decoder forward, loss, decoder backward, a few records at once     (influence_decoder.c)
 *   encoder backward, once for the mean over the draws, and tangent    (influence_encoder.c)
 *
 * Every layer adds the dot products between its gradients to the score, weighted by w_c. */
#include "influence/influence.h"

#include <math.h>
#include <string.h>

#include "gemm/mat.h"
#include "influence/influence_state.h"
#include "nn/layout.h"
#include "nn/loss.h"

/* Losses and norms at the last checkpoint. */
static void describe_records(const struct influence *s)
{
	int n = s->latent;
	for (int r = 0; r < s->rows; r++) {
		struct score *out = &s->out[r];
		const float *mu = s->enc.v[s->model->enc.last] + (size_t)r * 2 * (size_t)n, *logvar = mu + n;
		double var = 0;
		out->recon = out->nll = 0;
		for (int j = 0; j < s->draws; j++) {
			out->recon += s->recon[r * s->draws + j] / s->draws;
			out->nll += s->nll[r * s->draws + j] / s->draws;
		}
		for (int i = 0; i < n; i++)
			var += exp((double)logvar[i]);
		out->kl = loss_kl(mu, n);
		out->loss = s->cfg.score.beta * out->kl + out->recon;
		out->mu_norm = sqrt(dot(mu, mu, n));
		out->sigma_norm = sqrt(var);
	}
}

/* Delta method: the score is close to |E g|^2, whose change with the mean of g is 2 <g, E g>. draw_dots [blocks]: <g_b, mean g>. Blocks
 * may hold different numbers of draws. */
static double standard_error(const double *draw_dots, const struct draw_grams *g)
{
	double mean = 0, squares = 0;
	if (g->blocks < 2)
		return NAN;
	for (int b = 0; b < g->blocks; b++)
		mean += draw_dots[b] * (g->block_from[b + 1] - g->block_from[b]) / g->draws;
	for (int b = 0; b < g->blocks; b++) {
		double off = (draw_dots[b] - mean) * (g->block_from[b + 1] - g->block_from[b]) / g->draws;
		squares += off * off;
	}
	return 2 * sqrt(squares * g->blocks / (g->blocks - 1));
}

static const float *in_order(const struct influence *s, const float *x, int channels_last) { return channels_last ? s->x_channels_last : x; }

/* Whether records go through all decoders as sparse blocks, or in the same products as blocks. */
static int all_sparse(const struct influence *s)
{
	int all = s->sparse_grad[0] != NULL;
	for (int c = 0; c < s->n; c++)
		all &= network_sparse(&s->models[c].dec, 0);
	return all;
}

/* How many records to compute if the batch has n, so that a score does not depend on n: the whole batch, or fewer if the rows of every product are
 * computed independently. */
static int rows_of(const struct influence *s, int n)
{
	int fewer = n < s->batch && !s->whitening && all_sparse(s) && network_rows_independent(&s->models[0].enc);
	return fewer ? n : s->batch;
}

int influence_gains_from_packing(const struct influence *s, int n)
{
	enum { GROUPS = 2 }; /* each packs its weights anew if they are not packed */
	return rows_of(s, n) > GROUPS * s->decoder_batch;
}

static void start_batch(struct influence *s, int n, const float *x, struct score *out, double *by_tensor)
{
	const struct model *m = &s->models[0];
	s->rows = rows_of(s, n);
	s->enc.rows = s->enc_grad[0].rows = s->enc_grad[1].rows = s->enc_tangent.rows = s->rows;
	s->out = out;
	s->by_tensor = by_tensor;
	s->x = x;
	memset(out, 0, (size_t)s->batch * sizeof *out);
	memset(s->draw_dots, 0, (size_t)s->batch * (size_t)s->grams.blocks * sizeof *s->draw_dots);
	if (by_tensor)
		memset(by_tensor, 0, (size_t)s->batch * (size_t)m->ntensors * sizeof *by_tensor);
	if (s->x_channels_last)
		to_channels_last(s->x_channels_last, x, s->rows, m->enc.channels, m->enc.area);
}

/* Adds checkpoint c to the scores of n records. */
static void score_checkpoint(struct influence *s, int c, int n, const uint64_t *id, const float *eps)
{
	const struct model *m = s->model = &s->models[c];
	s->params = s->reordered[c];
	s->white = s->whitening ? &s->whitening[c] : NULL;
	s->input = in_order(s, s->x, m->enc.reads_channels_last);
	s->target = in_order(s, s->x, m->dec.writes_channels_last);
	s->weight = checkpoint_weight(m);
	network_forward(&m->enc, s->params, s->input, &s->enc, s->grams.scratch);
	draw_latents(s, id, eps);
	for (int from = 0; from < n; from += s->decoder_batch) /* whole groups of the rows */
		decode_batch(s, from, s->rows - from < s->decoder_batch ? s->rows - from : s->decoder_batch);
	if (s->lowest_layer < 0)
		encoder_backward(s);
	if (c == s->n - 1)
		describe_records(s);
	gradients_finish(s);
}

static void finish_batch(struct influence *s)
{
	for (int r = 0; r < s->rows; r++)
		s->out[r].selfinf_se = standard_error(s->draw_dots + (size_t)r * (size_t)s->grams.blocks, &s->grams);
}

void influence_score(struct influence *s, int n, const float *x, const uint64_t *id, const float *eps, struct score *out, double *by_tensor)
{
	start_batch(s, n, x, out, by_tensor);
	for (int c = 0; c < s->n; c++)
		score_checkpoint(s, c, n, id, eps);
	finish_batch(s);
}

int influence_each_checkpoint(struct influence *s, const float *x, const uint64_t *id, const float *eps, struct score *out,
                              int (*each)(void *ctx, int checkpoint, struct fail *f), void *ctx, struct fail *f)
{
	start_batch(s, s->batch, x, out, NULL);
	for (int c = 0; c < s->n; c++) {
		score_checkpoint(s, c, s->batch, id, eps);
		if (each(ctx, c, f))
			return -1;
	}
	finish_batch(s);
	return 0;
}

void influence_latent_means(const struct influence *s, float *mu)
{
	size_t n = (size_t)s->latent;
	const float *head = s->enc.v[s->models[s->n - 1].enc.last];
	for (size_t r = 0; r < (size_t)s->batch; r++)
		memcpy(mu + r * n, head + r * 2 * n, n * sizeof *mu);
}
