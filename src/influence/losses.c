#include "influence/losses.h"

#include <math.h>
#include <stdlib.h>

#include "nn/loss.h"
#include "gemm/mat.h"
#include "base/rng.h"

struct losses {
	const struct model *models;
	int n, batch, draws, latent;
	struct config cfg;
	struct tape enc, dec; /* batch rows; some draws, whose recons are then added up */
	float *xi, *pixels, *scratch, **packed;
};

/* Rows of the decoder at once: what some megabytes hold. */
static int rows_at_once(const struct model *m, int most)
{
	size_t width = 0;
	for (int i = 0; i < m->dec.n; i++)
		width += m->dec.l[i].has_buffer ? (size_t)m->dec.l[i].out : 0;
	size_t n = ((size_t)16 << 20) / sizeof(float) / (width + 1);
	return n < 1 ? 1 : n < (size_t)most ? (int)n : most;
}

static int open_buffers(struct losses *s, struct fail *f)
{
	const struct model *m = &s->models[s->n - 1];
	size_t a = network_scratch(&m->enc), b = network_scratch(&m->dec);
	int rows = rows_at_once(m, s->batch * s->draws);
	if (tape_open(&s->enc, &m->enc, s->batch, f) || tape_open(&s->dec, &m->dec, rows, f))
		return -1;
	s->xi = mat_floats((size_t)rows * (size_t)s->latent);
	s->scratch = mat_floats((a > b ? a : b) + 1);
	s->pixels = mat_floats((size_t)s->batch * (size_t)m->enc.in);
	s->packed = models_reorder(s->models, s->n);
	return s->xi && s->scratch && s->pixels && s->packed ? 0 : fail_memory_for(f, "%d rows", rows);
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

/* Rows [from, from + rows) of all draws: row r is draw r % draws of record r / draws. */
static void draw(struct losses *s, const struct model *m, const uint64_t *id, int from, int rows)
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

static void score_checkpoint(struct losses *s, int c, const float *x, const uint64_t *id, double *out)
{
	const struct model *m = &s->models[c];
	const float *packed = s->packed[c], *want = m->dec.writes_channels_last ? s->pixels : x;
	int all = s->batch * s->draws;
	size_t size = (size_t)m->enc.in;
	network_forward(&m->enc, packed, m->enc.reads_channels_last ? s->pixels : x, &s->enc, s->scratch);
	for (int r = 0; r < s->batch; r++)
		out[r * s->n + c] = s->cfg.score.beta * loss_kl(s->enc.v[m->enc.last] + (size_t)r * 2 * (size_t)s->latent, s->latent);
	for (int from = 0; from < all; from += s->dec.rows) {
		int rows = all - from < s->dec.rows ? all - from : s->dec.rows;
		draw(s, m, id, from, rows);
		for (int i = 0; i < m->dec.n; i++)
			layer_forward(&m->dec, i, packed, s->xi, &s->dec, 0, rows, s->scratch);
		for (int k = 0; k < rows; k++) {
			size_t r = (size_t)((from + k) / s->draws);
			out[r * (size_t)s->n + (size_t)c] += loss_recon((enum likelihood)s->cfg.score.likelihood, s->dec.v[m->dec.last] + (size_t)k * size,
			                                                want + r * size, (int)size, NULL) / s->draws;
		}
	}
}

void losses_score(struct losses *s, const float *x, const uint64_t *id, double *out)
{
	const struct network *enc = &s->models[0].enc;
	if (enc->reads_channels_last || s->models[0].dec.writes_channels_last)
		to_channels_last(s->pixels, x, s->batch, enc->channels, enc->area);
	for (int c = 0; c < s->n; c++)
		score_checkpoint(s, c, x, id, out);
}

void losses_close(struct losses *s)
{
	if (!s)
		return;
	models_reorder_free(s->packed, s->models, s->n);
	free(s->enc.all);
	free(s->dec.all);
	free(s->xi);
	free(s->pixels);
	free(s->scratch);
	free(s);
}
