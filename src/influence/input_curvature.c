#include "influence/input_curvature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gemm/mat.h"
#include "nn/layout.h"
#include "nn/loss.h"

struct input_curvature {
	const struct model *models;
	int n, batch, directions;
	struct config cfg;
	struct tape enc, dec, enc_grad, dec_grad; /* [batch] rows */
	float *eps, *xi, *dxi;                    /* [batch][latent] */
	float *dhead;                             /* [batch][2 latent]: sums over the draws */
	float *x_channels_last, *moved;           /* [batch][input] */
	float *by_input;                          /* [batch][input]: the encoder's part, in the order that it reads */
	float *gradient, *start;                  /* [batch][input], channels first: of the loss, at x + h v and at x */
	float *scratch;                           /* of convolutions */
	float **reordered;                        /* [n]: parameters as the layers read them */
};

static int open_buffers(struct input_curvature *s, struct fail *f)
{
	const struct model *m = &s->models[s->n - 1];
	size_t a = network_scratch(&m->enc), b = network_scratch(&m->dec), input = (size_t)s->batch * (size_t)m->enc.in, latent = (size_t)s->batch * (size_t)s->cfg.latent;
	if (tape_open(&s->enc, &m->enc, s->batch, f) || tape_open(&s->dec, &m->dec, s->batch, f) || tape_open(&s->enc_grad, &m->enc, s->batch, f) ||
	    tape_open(&s->dec_grad, &m->dec, s->batch, f))
		return -1;
	s->eps = mat_floats(latent);
	s->xi = mat_floats(latent);
	s->dxi = mat_floats(latent);
	s->dhead = mat_floats(2 * latent);
	s->x_channels_last = mat_floats(input);
	s->moved = mat_floats(input);
	s->by_input = mat_floats(input);
	s->gradient = mat_floats(input);
	s->start = mat_floats(input);
	s->scratch = mat_floats((a > b ? a : b) + 1);
	s->reordered = models_reorder(s->models, s->n);
	return s->eps && s->xi && s->dxi && s->dhead && s->x_channels_last && s->moved && s->by_input && s->gradient && s->start && s->scratch && s->reordered
	           ? 0 : fail_memory_for(f, "%d rows", s->batch);
}

struct input_curvature *input_curvature_open(const struct model *models, int n, int batch, int directions, struct fail *f)
{
	struct input_curvature *s = calloc(1, sizeof *s);
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	*s = (struct input_curvature){.models = models, .n = n, .batch = batch, .directions = directions, .cfg = models[n - 1].cfg};
	if (open_buffers(s, f)) {
		input_curvature_close(s);
		return NULL;
	}
	return s;
}

/* Passes draw j of all records through the decoder and back. Adds to dhead, and sets or adds to the part of the gradient through the target of
 * recon, in the order of the decoder's output. */
static void add_draw(struct input_curvature *s, const struct model *m, const float *params, const float *target, const uint64_t *id, int j, float *by_target)
{
	int latent = s->cfg.latent;
	size_t n = (size_t)latent, size = (size_t)m->enc.in;
	const struct learnt_variance v = model_variance(m);
	const float *heads = s->enc.v[m->enc.last];
	for (size_t r = 0; r < (size_t)s->batch; r++) {
		rng_normal(s->eps + r * n, latent, (uint64_t)s->cfg.score.seed, ROLE_TRAIN_RECORD, (uint64_t)m->step, id[r], (uint32_t)j);
		for (size_t i = 0; i < n; i++)
			s->xi[r * n + i] = heads[r * 2 * n + i] + expf(0.5f * heads[r * 2 * n + n + i]) * s->eps[r * n + i];
	}
	network_forward(&m->dec, params, s->xi, &s->dec, s->scratch);
	for (size_t r = 0; r < (size_t)s->batch; r++) {
		const float *f = s->dec.v[m->dec.last] + r * size;
		loss_recon_learnt((enum likelihood)s->cfg.score.likelihood, &v, f, target + r * size, (int)size, s->dec_grad.v[m->dec.last] + r * size, NULL);
		loss_recon_by_input((enum likelihood)s->cfg.score.likelihood, &v, f, target + r * size, (int)size, 1 / (float)s->cfg.score.draws, by_target + r * size);
	}
	network_backward(&m->dec, params, &s->dec, &s->dec_grad, s->dxi, s->scratch);
	for (size_t r = 0; r < (size_t)s->batch; r++)
		for (size_t i = 0; i < n; i++) {
			float d = s->dxi[r * n + i];
			s->dhead[r * 2 * n + i] += d;
			s->dhead[r * 2 * n + n + i] += 0.5f * d * expf(0.5f * heads[r * 2 * n + n + i]) * s->eps[r * n + i];
		}
}

/* to [batch][input], channels first: the gradient of the loss at x, also channels first. */
static void loss_by_input(struct input_curvature *s, int c, const float *x, const uint64_t *id, float *to)
{
	const struct model *m = &s->models[c];
	const struct network *enc = &m->enc, *dec = &m->dec;
	size_t all = (size_t)s->batch * (size_t)enc->in, n = (size_t)s->cfg.latent;
	float beta = (float)s->cfg.score.beta, share = 1 / (float)s->cfg.score.draws;
	if (enc->reads_channels_last || dec->writes_channels_last)
		to_channels_last(s->x_channels_last, x, s->batch, enc->channels, enc->area);
	network_forward(enc, s->reordered[c], enc->reads_channels_last ? s->x_channels_last : x, &s->enc, s->scratch);
	memset(s->dhead, 0, (size_t)s->batch * 2 * n * sizeof *s->dhead);
	float *by_target = dec->writes_channels_last ? s->by_input : to; /* by_input is filled in later */
	memset(by_target, 0, all * sizeof *by_target);
	for (int j = 0; j < s->cfg.score.draws; j++)
		add_draw(s, m, s->reordered[c], dec->writes_channels_last ? s->x_channels_last : x, id, j, by_target);
	if (dec->writes_channels_last)
		to_channels_first(to, by_target, s->batch, enc->channels, enc->area);
	const float *head = s->enc.v[enc->last];
	float *dhead = s->enc_grad.v[enc->last];
	for (size_t r = 0; r < (size_t)s->batch; r++, head += 2 * n, dhead += 2 * n)
		for (size_t i = 0; i < n; i++) {
			dhead[i] = beta * head[i] + share * s->dhead[r * 2 * n + i];
			dhead[n + i] = beta * 0.5f * (expf(head[n + i]) - 1) + share * s->dhead[r * 2 * n + n + i];
		}
	network_backward(enc, s->reordered[c], &s->enc, &s->enc_grad, s->by_input, s->scratch);
	const float *by_input = s->by_input;
	if (enc->reads_channels_last) {
		to_channels_first(s->x_channels_last, s->by_input, s->batch, enc->channels, enc->area);
		by_input = s->x_channels_last;
	}
	for (size_t i = 0; i < all; i++)
		to[i] += by_input[i];
}

/* Sets moved to x + h v for direction number `direction`. The highest bit of a random word is the sign. */
static void move(struct input_curvature *s, const struct model *m, const float *x, const uint64_t *id, int direction)
{
	enum { PART = 256 };
	int size = m->enc.in;
	for (int r = 0; r < s->batch; r++)
		for (int from = 0; from < size; from += PART) {
			int n = size - from < PART ? size - from : PART;
			size_t at = (size_t)r * (size_t)size + (size_t)from;
			uint32_t word[PART];
			rng_words(word, n, (uint64_t)s->cfg.score.seed, ROLE_DIRECTIONS, (uint64_t)m->step, id[r] + (uint64_t)from, (uint32_t)direction);
			for (int i = 0; i < n; i++)
				s->moved[at + (size_t)i] = x[at + (size_t)i] + (word[i] >> 31 ? INPUT_CURVATURE_STEP : -INPUT_CURVATURE_STEP);
		}
}

void input_curvature_score(struct input_curvature *s, const float *x, const uint64_t *id, double *out)
{
	size_t size = (size_t)s->models[0].enc.in;
	double h = (double)INPUT_CURVATURE_STEP;
	memset(out, 0, (size_t)s->batch * sizeof *out);
	for (int c = 0; c < s->n; c++) {
		loss_by_input(s, c, x, id, s->start);
		for (int k = 0; k < s->directions; k++) {
			move(s, &s->models[c], x, id, k);
			loss_by_input(s, c, s->moved, id, s->gradient);
			for (size_t r = 0; r < (size_t)s->batch; r++) {
				double squares = 0;
				for (size_t i = r * size; i < (r + 1) * size; i++) {
					double off = (double)s->gradient[i] - (double)s->start[i];
					squares += off * off;
				}
				out[r] += squares / (h * h) / s->directions / s->n;
			}
		}
	}
}

void input_curvature_close(struct input_curvature *s)
{
	if (!s)
		return;
	models_reorder_free(s->reordered, s->models, s->n);
	free(s->enc.all);
	free(s->dec.all);
	free(s->enc_grad.all);
	free(s->dec_grad.all);
	free(s->eps);
	free(s->xi);
	free(s->dxi);
	free(s->dhead);
	free(s->x_channels_last);
	free(s->moved);
	free(s->by_input);
	free(s->gradient);
	free(s->start);
	free(s->scratch);
	free(s);
}
