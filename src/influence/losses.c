/* Losses of a batch, one checkpoint after the other: encoder, latent draws, decoder. The rows of the decoder are the draws of all
 * records, as many at once as fit into memory. */
#include "influence/losses.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "gemm/mat.h"
#include "nn/layout.h"
#include "nn/loss.h"

struct losses {
	const struct model *models;
	int n, batch, draws, latent;
	struct config cfg;
	struct tape enc, dec;   /* [batch] rows; as many rows as go through the decoder at once */
	float *xi;              /* [decoder rows][latent] */
	float *x_channels_last; /* [batch][input] */
	float *scratch;         /* of convolutions */
	float **reordered;      /* [n]: parameters as the layers read them */
};

/* Rows of the decoder at once: as many as fit into 16 MB. */
static int decoder_rows(const struct model *m, int max_rows)
{
	size_t row_size = 0;
	for (int i = 0; i < m->dec.n; i++)
		row_size += m->dec.l[i].has_buffer ? (size_t)m->dec.l[i].out : 0;
	size_t n = ((size_t)16 << 20) / sizeof(float) / (row_size + 1);
	return n < 1 ? 1 : n < (size_t)max_rows ? (int)n : max_rows;
}

static int open_buffers(struct losses *s, struct fail *f)
{
	const struct model *m = &s->models[s->n - 1];
	size_t a = network_scratch(&m->enc), b = network_scratch(&m->dec);
	int rows = decoder_rows(m, s->batch * s->draws);
	if (tape_open(&s->enc, &m->enc, s->batch, f) || tape_open(&s->dec, &m->dec, rows, f))
		return -1;
	s->xi = mat_floats((size_t)rows * (size_t)s->latent);
	s->scratch = mat_floats((a > b ? a : b) + 1);
	s->x_channels_last = mat_floats((size_t)s->batch * (size_t)m->enc.in);
	s->reordered = models_reorder(s->models, s->n);
	return s->xi && s->scratch && s->x_channels_last && s->reordered ? 0 : fail_memory_for(f, "%d rows", rows);
}

struct losses *losses_open(const struct model *models, int n, int batch, struct fail *f)
{
	struct losses *s = calloc(1, sizeof *s);
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	const struct config *cfg = &models[n - 1].cfg;
	*s = (struct losses){.models = models, .n = n, .batch = batch, .cfg = *cfg, .draws = cfg->score.draws, .latent = cfg->latent};
	if (open_buffers(s, f)) {
		losses_close(s);
		return NULL;
	}
	return s;
}

/* xi = mu + sigma eps of rows [from, from + rows): row r is draw r % draws of record r / draws. */
static void draw_latents(struct losses *s, const struct model *m, const uint64_t *id, int from, int rows)
{
	int n = s->latent;
	for (int k = 0; k < rows; k++) {
		int r = (from + k) / s->draws, j = (from + k) % s->draws;
		const float *head = s->enc.v[m->enc.last] + (size_t)r * 2 * (size_t)n;
		float *xi = s->xi + (size_t)k * (size_t)n;
		rng_normal(xi, n, (uint64_t)s->cfg.score.seed, ROLE_TRAIN_RECORD, (uint64_t)m->step, id[r], (uint32_t)j);
		for (int i = 0; i < n; i++)
			xi[i] = head[i] + expf(0.5f * head[n + i]) * xi[i];
	}
}

static void score_checkpoint(struct losses *s, int c, const float *x, const uint64_t *id, double *loss)
{
	const struct model *m = &s->models[c];
	const float *params = s->reordered[c], *input = m->enc.reads_channels_last ? s->x_channels_last : x;
	const float *target = m->dec.writes_channels_last ? s->x_channels_last : x;
	enum likelihood likelihood = (enum likelihood)s->cfg.score.likelihood;
	int all = s->batch * s->draws;
	size_t size = (size_t)m->enc.in;
	network_forward(&m->enc, params, input, &s->enc, s->scratch);
	for (int r = 0; r < s->batch; r++)
		loss[r * s->n + c] = s->cfg.score.beta * loss_kl(s->enc.v[m->enc.last] + (size_t)r * 2 * (size_t)s->latent, s->latent);
	for (int from = 0; from < all; from += s->dec.rows) {
		int rows = all - from < s->dec.rows ? all - from : s->dec.rows;
		draw_latents(s, m, id, from, rows);
		for (int i = 0; i < m->dec.n; i++)
			layer_forward(&m->dec, i, params, s->xi, &s->dec, 0, rows, s->scratch);
		for (int k = 0; k < rows; k++) {
			size_t r = (size_t)((from + k) / s->draws);
			const float *logits = s->dec.v[m->dec.last] + (size_t)k * size;
			loss[r * (size_t)s->n + (size_t)c] += loss_recon(likelihood, logits, target + r * size, (int)size, NULL) / s->draws;
		}
	}
}

void losses_score(struct losses *s, const float *x, const uint64_t *id, double *loss)
{
	const struct network *enc = &s->models[0].enc;
	if (enc->reads_channels_last || s->models[0].dec.writes_channels_last)
		to_channels_last(s->x_channels_last, x, s->batch, enc->channels, enc->area);
	for (int c = 0; c < s->n; c++)
		score_checkpoint(s, c, x, id, loss);
}

void losses_close(struct losses *s)
{
	if (!s)
		return;
	models_reorder_free(s->reordered, s->models, s->n);
	free(s->enc.all);
	free(s->dec.all);
	free(s->xi);
	free(s->x_channels_last);
	free(s->scratch);
	free(s);
}
