/* The rows of the decoder are the draws of all records, as many at once as fit into memory. */
#include "model/draws.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "gemm/mat.h"
#include "model/checkpoints.h"
#include "nn/layout.h"

enum { MOST_BYTES = 16 << 20 }; /* of the decoder's activations */

struct draws {
	const struct model *models;
	int n, batch, draws, latent;
	uint64_t seed;
	struct tape enc, dec;   /* [batch] rows; as many rows as go through the decoder at once */
	float *eps, *xi;        /* [decoder rows][latent] */
	float *x_channels_last; /* [batch][input] */
	float *scratch;         /* of convolutions */
	float **reordered;      /* [n]: parameters as the layers read them */
};

static int decoder_rows(const struct model *m, int max_rows)
{
	size_t row_size = 0;
	for (int i = 0; i < m->dec.n; i++)
		row_size += m->dec.l[i].has_buffer ? (size_t)m->dec.l[i].out : 0;
	size_t n = MOST_BYTES / sizeof(float) / (row_size + 1);
	return n < 1 ? 1 : n < (size_t)max_rows ? (int)n : max_rows;
}

static int open_buffers(struct draws *s, struct fail *f)
{
	const struct model *m = &s->models[s->n - 1];
	size_t a = network_scratch(&m->enc), b = network_scratch(&m->dec);
	int rows = decoder_rows(m, s->batch * s->draws);
	if (tape_open(&s->enc, &m->enc, s->batch, f) || tape_open(&s->dec, &m->dec, rows, f))
		return -1;
	s->eps = mat_floats((size_t)rows * (size_t)s->latent);
	s->xi = mat_floats((size_t)rows * (size_t)s->latent);
	s->scratch = mat_floats((a > b ? a : b) + 1);
	s->x_channels_last = mat_floats((size_t)s->batch * (size_t)m->enc.in);
	s->reordered = models_reorder(s->models, s->n);
	return s->eps && s->xi && s->scratch && s->x_channels_last && s->reordered ? 0 : fail_memory_for(f, "%d rows", rows);
}

struct draws *draws_open(const struct model *models, int n, int batch, int draws, uint64_t seed, struct fail *f)
{
	struct draws *s = calloc(1, sizeof *s);
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	*s = (struct draws){.models = models, .n = n, .batch = batch, .draws = draws, .latent = models[n - 1].cfg.latent, .seed = seed};
	if (open_buffers(s, f)) {
		draws_close(s);
		return NULL;
	}
	return s;
}

static const float *head_of(const struct draws *s, const struct model *m, int record)
{
	return s->enc.v[m->enc.last] + (size_t)record * 2 * (size_t)s->latent;
}

/* Of rows [from, from + rows): row r is draw r % draws of record r / draws. */
static void draw_latents(struct draws *s, const struct model *m, const uint64_t *id, int from, int rows)
{
	int n = s->latent;
	for (int k = 0; k < rows; k++) {
		int r = (from + k) / s->draws, j = (from + k) % s->draws;
		const float *head = head_of(s, m, r);
		float *eps = s->eps + (size_t)k * (size_t)n, *xi = s->xi + (size_t)k * (size_t)n;
		rng_normal(eps, n, s->seed, ROLE_TRAIN_RECORD, (uint64_t)m->step, id[r], (uint32_t)j);
		for (int i = 0; i < n; i++)
			xi[i] = head[i] + expf(0.5f * head[n + i]) * eps[i];
	}
}

void draws_run(struct draws *s, int c, const float *x, const uint64_t *id, void (*each)(void *ctx, const struct draw *d), void *ctx)
{
	const struct model *m = &s->models[c];
	const struct network *enc = &m->enc;
	const float *params = s->reordered[c];
	int all = s->batch * s->draws;
	size_t size = (size_t)enc->in, latent = (size_t)s->latent;
	if (enc->reads_channels_last || m->dec.writes_channels_last)
		to_channels_last(s->x_channels_last, x, s->batch, enc->channels, enc->area);
	const float *target = m->dec.writes_channels_last ? s->x_channels_last : x;
	network_forward(enc, params, enc->reads_channels_last ? s->x_channels_last : x, &s->enc, s->scratch);
	for (int from = 0; from < all; from += s->dec.rows) {
		int rows = all - from < s->dec.rows ? all - from : s->dec.rows;
		draw_latents(s, m, id, from, rows);
		for (int i = 0; i < m->dec.n; i++)
			layer_forward(&m->dec, i, params, s->xi, &s->dec, 0, rows, s->scratch);
		for (int k = 0; k < rows; k++) {
			int record = (from + k) / s->draws;
			each(ctx, &(struct draw){record, (from + k) % s->draws, head_of(s, m, record), s->eps + (size_t)k * latent, s->xi + (size_t)k * latent,
			                         s->dec.v[m->dec.last] + (size_t)k * size, target + (size_t)record * size});
		}
	}
}

void draws_close(struct draws *s)
{
	if (!s)
		return;
	models_reorder_free(s->reordered, s->models, s->n);
	free(s->enc.all);
	free(s->dec.all);
	free(s->eps);
	free(s->xi);
	free(s->x_channels_last);
	free(s->scratch);
	free(s);
}
