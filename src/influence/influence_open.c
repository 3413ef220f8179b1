/* Chooses the size of a batch and how the decoder runs, and allocates the buffers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemm/mat.h"
#include "influence/influence_state.h"

/* --- sizes --- */

/* Numbers of one row in the buffers of a network's first n layers. */
static size_t row_size(const struct network *net, int n)
{
	size_t sum = 0;
	for (int i = 0; i < n; i++)
		sum += net->l[i].has_buffer ? (size_t)net->l[i].out : 0;
	return sum;
}

static size_t widest_output(const struct network *net)
{
	size_t widest = 0;
	for (int i = 0; i < net->n; i++)
		widest = (size_t)net->l[i].out > widest ? (size_t)net->l[i].out : widest;
	return widest;
}

/* The layer behind the last one whose product is too short for a few rows: layers with few positions need many rows, because their
 * weight is large for the work of one. */
static int find_chunk_from(const struct network *net)
{
	enum { FEW_POSITIONS = 16 };
	int from = 0;
	for (int i = 0; i < net->n; i++)
		if (layer_has_weights(&net->l[i]) && net->l[i].positions < FEW_POSITIONS)
			from = i + 1;
	while (from < net->n && !net->l[from].has_buffer)
		from++; /* a layer in place stays with the layer before it */
	return from;
}

/* Records in a group that goes through the decoder at once, or 0: the whole batch. A group has so few rows that the activations between
 * two linear layers mostly stay in the second-level cache. */
static int decoder_group(const struct model *m, int flags)
{
	enum { ROWS = 256 };
	if (flags & INFLUENCE_GRADIENTS || m->enc.has_convolution || m->dec.has_convolution)
		return 0;
	return m->cfg.score.draws < ROWS ? ROWS / m->cfg.score.draws : 1;
}

static int choose_decoder_batch(const struct model *m, int flags, int batch)
{
	int group = decoder_group(m, flags);
	return group && group < batch ? group : batch;
}

static int within(size_t n, int most) { return n < 1 ? 1 : n < (size_t)most ? (int)n : most; }

int influence_batch_size(const struct model *m, int flags)
{
	/* Rows, and records, that products gain from; more cost memory, and time to clear it. */
	enum { MIN_RECORDS = 32, ROWS = 512, MAX_ROWS = 1024, GROUPED_RECORDS = 128, GROUPED_ROWS = 2048, PICTURE_BYTES = 32 << 20 };
	int draws = m->cfg.score.draws, group = decoder_group(m, flags);
	if (group) {
		int most = GROUPED_ROWS / draws < GROUPED_RECORDS ? GROUPED_ROWS / draws : GROUPED_RECORDS;
		return most > group ? most / group * group : group;
	}
	int pictures = m->enc.has_convolution || m->dec.has_convolution, most = (pictures ? ROWS : MAX_ROWS) / draws;
	if (most < MIN_RECORDS)
		most = MAX_ROWS / draws < MIN_RECORDS ? MAX_ROWS / draws : MIN_RECORDS;
	most = most < 1 ? 1 : most;
	if (!pictures)
		return most;
	size_t numbers = 2 * (size_t)draws * row_size(&m->dec, find_chunk_from(&m->dec)) + 4 * row_size(&m->enc, m->enc.n);
	return numbers ? within(PICTURE_BYTES / (numbers * sizeof(float)), most) : most;
}

void influence_pack_weights(struct model *models, int n, int flags)
{
	size_t budget = INFLUENCE_PACK_BUDGET;
	const struct model *last = &models[n - 1];
	int batch = influence_batch_size(last, flags), rows = choose_decoder_batch(last, flags, batch) * last->cfg.score.draws;
	for (int c = n - 1; c >= 0; c--) {
		network_pack_weights(&models[c].dec, models[c].params, rows, 1, MAT_16, &budget);
		network_pack_weights(&models[c].enc, models[c].params, batch, 0, MAT_24, &budget);
	}
}

/* --- layers in use --- */

static int is_word(const char *p, size_t len, const char *word) { return len == strlen(word) && memcmp(p, word, len) == 0; }

/* use [net->n]: the layers with weights that the list names, by "all", the network's name, or as decoder.4; counts the last in *named. */
static void choose_layers(const struct network *net, const char *list, char *use, int *named)
{
	for (int i = 0; i < net->n; i++) {
		char name[40];
		snprintf(name, sizeof name, "%s.%d", net->name, i);
		use[i] = 0;
		for (const char *p = list; layer_has_weights(&net->l[i]) && *p;) {
			size_t len = strcspn(p, ",");
			int one = is_word(p, len, name);
			if (one || is_word(p, len, "all") || is_word(p, len, net->name)) {
				use[i] = 1;
				*named += one;
			}
			p += len + (p[len] == ',');
		}
	}
}

static int parse_layers(struct influence *s, struct fail *f)
{
	const char *list = s->cfg.score.layers;
	int named = 0, names = 0;
	choose_layers(&s->models[0].enc, list, s->use_enc, &named);
	choose_layers(&s->models[0].dec, list, s->use_dec, &named);
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ",");
		names += !is_word(p, len, "all") && !is_word(p, len, "encoder") && !is_word(p, len, "decoder");
		p += len + (p[len] == ',');
	}
	if (!*list || named < names)
		return fail_set(f, "--layers '%s': the model has no such layer with weights; try all, encoder, decoder, or names as vae-ckpt show prints them", list);
	return 0;
}

static int find_lowest_layer(const struct influence *s)
{
	int i = 0;
	if (memchr(s->use_enc, 1, MAX_LAYERS))
		return -1;
	while (!s->use_dec[i])
		i++;
	return i;
}

/* --- buffers --- */

/* Opens grams, and the block gradients of the layers that run in chunks. No layer does if one of them needs the Gram matrices of all
 * draws. */
static int open_chunks(struct influence *s, const struct model *m, struct fail *f)
{
	const struct network *dec = &m->dec;
	int any_explicit = 0;
	for (int i = 0; i < dec->n; i++)
		any_explicit |= s->use_dec[i] && gradient_is_explicit(&dec->l[i], s->draws);
	if (draw_grams_open(&s->grams, &m->enc, dec, s->draws, any_explicit, s->cfg.score.estimator == CROSS, f))
		return -1;
	s->chunk_from = any_explicit ? find_chunk_from(dec) : dec->n;
	for (int i = s->chunk_from; i < dec->n; i++)
		if (s->use_dec[i] && !gradient_is_explicit(&dec->l[i], s->draws))
			s->chunk_from = dec->n;
	for (int i = s->chunk_from; i < dec->n; i++)
		if (s->use_dec[i] && !(s->block_gradients[i] = mat_floats(block_gradients_size(&s->grams, &dec->l[i]))))
			return fail_memory_for(f, "gradients");
	return 0;
}

static int open_sparse_blocks(struct sparse_block **blocks, int width)
{
	void *memory = mat_floats(sparse_bytes(SPARSE_BATCH, width) / sizeof(float));
	*blocks = memory ? sparse_place(memory, SPARSE_BATCH, width) : NULL;
	return !*blocks;
}

static int open_sparse(struct influence *s, struct fail *f)
{
	const struct network *dec = &s->models[0].dec;
	int widest = dec->in, bad = 0, any = 0;
	for (int c = 0; c < s->n; c++)
		any |= network_sparse(&s->models[c].dec, 0);
	if (s->draws != SPARSE_ROWS || !any)
		return 0;
	for (int i = 0; i < dec->n; i++) {
		const struct layer *l = &dec->l[i];
		if (!layer_has_weights(l))
			continue;
		bad |= open_sparse_blocks(&s->sparse_in[i], l->in);
		widest = l->out > widest ? l->out : widest;
	}
	for (int i = 0; i < 2; i++)
		bad |= open_sparse_blocks(&s->sparse_grad[i], widest);
	return bad ? fail_memory_for(f, "a decoder") : 0;
}

static int open_tapes(struct influence *s, const struct model *m, struct fail *f)
{
	int rows = s->decoder_batch * s->draws;
	struct tape *enc[] = {&s->enc, &s->enc_grad[0], &s->enc_grad[1], &s->enc_tangent}, *dec[] = {&s->dec, &s->dec_grad};
	for (int i = 0; i < 4; i++)
		if (tape_open(enc[i], &m->enc, s->batch, f))
			return -1;
	for (int i = 0; i < 2; i++)
		if (tape_open_chunked(dec[i], &m->dec, rows, s->chunk_from, CHUNK_ROWS, f))
			return -1;
	s->dec.bits = MAT_16;
	return 0;
}

static int open_arrays(struct influence *s, const struct model *m, struct fail *f)
{
	size_t rows = (size_t)s->batch * (size_t)s->draws, latents = rows * (size_t)s->latent, widest = widest_output(&m->enc);
	int channels_last = m->enc.reads_channels_last || m->dec.writes_channels_last;
	s->reordered = models_reorder(s->models, s->n);
	if (!s->reordered)
		return fail_memory_for(f, "%d times %zu parameters", s->n, m->nparams);
	s->x_channels_last = channels_last ? mat_floats((size_t)s->batch * (size_t)m->enc.in) : NULL;
	s->sigma = mat_floats((size_t)s->batch * (size_t)s->latent);
	s->eps = mat_floats(latents);
	s->xi = mat_floats(latents);
	s->dxi = mat_floats(latents);
	s->dhead = mat_floats(2 * latents);
	s->mean_grad = mat_floats(s->cfg.score.estimator == CROSS ? (size_t)s->batch * widest : 0);
	s->tangent_out = mat_floats(widest);
	s->recon = calloc(rows, sizeof *s->recon);
	s->nll = calloc(rows, sizeof *s->nll);
	s->draw_dots = calloc(rows, sizeof *s->draw_dots);
	if ((channels_last && !s->x_channels_last) || !s->sigma || !s->eps || !s->xi || !s->dxi || !s->dhead || !s->mean_grad ||
	    !s->tangent_out || !s->recon || !s->nll || !s->draw_dots)
		return fail_memory_for(f, "%zu rows", rows);
	return 0;
}

struct influence *influence_open(const struct model *models, int n, int batch, int flags, struct fail *f)
{
	const struct model *m = &models[n - 1];
	struct influence *s = calloc(1, sizeof *s);
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	*s = (struct influence){.models = models, .model = models, .n = n, .batch = batch, .cfg = m->cfg, .draws = m->cfg.score.draws, .latent = m->cfg.latent,
	                        .half = m->cfg.score.draws / 2, .decoder_batch = choose_decoder_batch(m, flags, batch),
	                        .role = flags & INFLUENCE_TESTS ? ROLE_TEST_RECORD : ROLE_TRAIN_RECORD};
	if (parse_layers(s, f) || open_chunks(s, m, f) || open_sparse(s, f) || open_tapes(s, m, f) || open_arrays(s, m, f) ||
	    (flags & INFLUENCE_GRADIENTS && gradients_open(s, f))) {
		influence_close(s);
		return NULL;
	}
	s->lowest_layer = find_lowest_layer(s);
	return s;
}

static void widest_dense(const struct network *net, size_t *p, size_t *k)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (!l->type->dense)
			continue;
		*p = (size_t)l->p > *p ? (size_t)l->p : *p;
		*k = (size_t)l->k + 1 > *k ? (size_t)l->k + 1 : *k;
	}
}

int influence_whiten(struct influence *s, const struct whitening *whitening, struct fail *f)
{
	const struct model *m = &s->models[0];
	size_t p = 0, k = 0, rows = (size_t)s->decoder_batch * (size_t)s->draws;
	widest_dense(&m->enc, &p, &k);
	widest_dense(&m->dec, &p, &k);
	rows = rows > (size_t)s->batch ? rows : (size_t)s->batch;
	s->white_p = mat_floats(rows * p);
	s->white_k = mat_floats(rows * k);
	s->unpacked = mat_floats(s->sparse_grad[0] ? SPARSE_BATCH * SPARSE_ROWS * (p > k ? p : k) : 0);
	int bad = !s->white_p || !s->white_k || !s->unpacked;
	for (int i = 0; i < 4; i++) {
		s->white_rows[i] = mat_floats((size_t)s->batch * p);
		bad |= !s->white_rows[i];
	}
	if (bad)
		return fail_memory_for(f, "the gradients of %d records", s->batch);
	s->whitening = whitening;
	int kept = s->gradients.layer != NULL;
	gradients_close(s);
	return draw_grams_whiten(&s->grams, &m->enc, &m->dec, f) || (kept && gradients_open(s, f)) ? -1 : 0;
}

void influence_close(struct influence *s)
{
	if (!s)
		return;
	void *memory[] = {s->enc.all, s->enc_grad[0].all, s->enc_grad[1].all, s->enc_tangent.all, s->dec.all, s->dec_grad.all,
	                  s->sparse_grad[0], s->sparse_grad[1], s->x_channels_last, s->sigma, s->eps, s->xi, s->dxi, s->dhead, s->mean_grad,
	                  s->tangent_out, s->recon, s->nll, s->draw_dots, s->white_p, s->white_k, s->white_rows[0], s->white_rows[1], s->white_rows[2], s->white_rows[3],
	                  s->unpacked};
	for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
		free(memory[i]);
	for (int i = 0; i < MAX_LAYERS; i++) {
		free(s->block_gradients[i]);
		free(s->sparse_in[i]);
	}
	models_reorder_free(s->reordered, s->models, s->n);
	draw_grams_close(&s->grams);
	gradients_close(s);
	free(s);
}
