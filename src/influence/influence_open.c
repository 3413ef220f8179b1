#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "influence/influence_state.h"
#include "gemm/mat.h"

/* Numbers a row in the buffers of a network's first n layers. */
static size_t width(const struct network *net, int n)
{
	size_t sum = 0;
	for (int i = 0; i < n; i++)
		sum += net->l[i].has_buffer ? (size_t)net->l[i].out : 0;
	return sum;
}

/* The first layer behind the last one whose products are too short for a few rows: linear layers, and
 * convolutions of few positions, want many at once to share a weight that is large for their work. */
static int find_cut(const struct network *net)
{
	int cut = 0;
	for (int i = 0; i < net->n; i++)
		if (layer_has_weights(&net->l[i]) && net->l[i].positions < 16)
			cut = i + 1;
	while (cut < net->n && !net->l[cut].has_buffer)
		cut++; /* what works in place goes with the layer before it */
	return cut;
}

/* Records that the decoder takes at once; 0: the whole batch. So few rows that what goes from one linear layer to the
 * next stays in the second cache for the most part. */
static int slab_of(const struct model *m, int flags)
{
	enum { ROWS = 256 };
	if (flags & INFLUENCE_GRADIENTS || m->enc.has_convolution || m->dec.has_convolution)
		return 0;
	return m->cfg.score.draws < ROWS ? ROWS / m->cfg.score.draws : 1;
}

static int at_once(const struct model *m, int flags, int batch)
{
	int slab = slab_of(m, flags);
	return slab && slab < batch ? slab : batch;
}

int influence_batch_size(const struct model *m, int flags)
{
	/* rows that a product gains from, and, of slabs, records that the encoder does; more would take memory, and time to clear it */
	enum { FEW = 32, ROWS = 512, MOST_ROWS = 1024, MANY = 128, ALL_ROWS = 2048 };
	int draws = m->cfg.score.draws, slab = slab_of(m, flags), most = ROWS / draws;
	if (slab) {
		most = ALL_ROWS / draws < MANY ? ALL_ROWS / draws : MANY;
		return most > slab ? most / slab * slab : slab;
	}
	if (most < FEW)
		most = MOST_ROWS / draws < FEW ? MOST_ROWS / draws : FEW;
	most = most < 1 ? 1 : most;
	if (!m->enc.has_convolution && !m->dec.has_convolution)
		return most;
	/* pictures between layers: as many records as 32 MB hold */
	size_t numbers = 2 * (size_t)draws * width(&m->dec, find_cut(&m->dec)) + 4 * width(&m->enc, m->enc.n);
	size_t n = ((size_t)32 << 20) / (numbers * sizeof(float));
	return n < 1 ? 1 : n < (size_t)most ? (int)n : most;
}

void influence_pack_weights(struct model *models, int n, int flags)
{
	size_t room = INFLUENCE_PACK_BUDGET;
	const struct model *last = &models[n - 1];
	int batch = influence_batch_size(last, flags), rows = at_once(last, flags, batch) * last->cfg.score.draws;
	for (int c = n - 1; c >= 0; c--) {
		network_pack_weights(&models[c].dec, models[c].params, rows, 1, MAT_16, &room);
		network_pack_weights(&models[c].enc, models[c].params, batch, 0, MAT_24, &room);
	}
}

static void choose_layers(const struct network *net, const char *list, char *use, int *named)
{
	for (int i = 0; i < net->n; i++) {
		char name[40];
		snprintf(name, sizeof name, "%s.%d", net->name, i);
		use[i] = 0;
		for (const char *p = list; layer_has_weights(&net->l[i]) && *p;) {
			size_t len = strcspn(p, ",");
			int whole = (len == 3 && memcmp(p, "all", 3) == 0) || (len == strlen(net->name) && memcmp(p, net->name, len) == 0);
			if (whole || (len == strlen(name) && memcmp(p, name, len) == 0)) {
				use[i] = 1;
				*named += !whole;
			}
			p += len + (p[len] == ',');
		}
	}
}

static int parse_layers(struct influence *s, struct fail *f)
{
	const char *list = s->cfg.score.layers;
	int named = 0, wanted = 0;
	choose_layers(&s->models[0].enc, list, s->use_enc, &named);
	choose_layers(&s->models[0].dec, list, s->use_dec, &named);
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ",");
		wanted += !(len == 3 && memcmp(p, "all", 3) == 0) && !(len == 7 && (memcmp(p, "encoder", 7) == 0 || memcmp(p, "decoder", 7) == 0));
		p += len + (p[len] == ',');
	}
	if (!*list || named < wanted)
		return fail_set(f, "--layers '%s': the model has no such layer with weights; try all, encoder, decoder, or names as vae-ckpt show prints them", list);
	return 0;
}

/* The parameters of every model in the order of the kernels; pictures likewise. */
static int open_pixels(struct influence *s, const struct model *m, struct fail *f)
{
	s->packed = models_reorder(s->models, s->n);
	if (!s->packed)
		return fail_memory_for(f, "%d times %zu parameters", s->n, m->nparams);
	if (m->enc.reads_channels_last || m->dec.writes_channels_last)
		s->pixels = mat_floats((size_t)s->batch * (size_t)m->enc.in);
	return (m->enc.reads_channels_last || m->dec.writes_channels_last) && !s->pixels ? fail_memory(f) : 0;
}

/* Whether a decoder's layer in use has its gradients written out: then draws go by blocks. */
static int wants_blocks(const struct influence *s, const struct network *dec)
{
	int any = 0;
	for (int i = 0; i < dec->n; i++)
		any |= s->use_dec[i] && gradient_is_explicit(&dec->l[i], s->draws);
	return any;
}

/* The lowest layer of the decoder to which backward has to go, -1 for all and the encoder. */
static int find_stop(const struct influence *s)
{
	int i = 0;
	while (i < MAX_LAYERS && !s->use_enc[i])
		i++;
	if (i < MAX_LAYERS)
		return -1;
	for (i = 0; !s->use_dec[i]; i++)
		;
	return i;
}

/* Where the decoder is cut: nowhere, when a layer behind wants Gram matrices of all draws. */
static int open_groups(struct influence *s, const struct network *dec, struct fail *f)
{
	int blocks = wants_blocks(s, dec);
	if (draw_grams_open(&s->products, &s->models[0].enc, dec, s->draws, blocks, f))
		return -1;
	s->cut = !blocks ? dec->n : find_cut(dec);
	s->stop = find_stop(s);
	for (int i = s->cut; i < dec->n; i++)
		if (layer_has_weights(&dec->l[i]) && s->use_dec[i] && !gradient_is_explicit(&dec->l[i], s->draws))
			s->cut = dec->n;
	for (int i = s->cut; i < dec->n; i++)
		if (layer_has_weights(&dec->l[i]) && s->use_dec[i] && !(s->sums[i] = mat_floats(draw_grams_explicit_size(&s->products, &dec->l[i]))))
			return fail_memory_for(f, "gradients");
	return 0;
}

static struct sparse_block *alloc_sparse_blocks(int width)
{
	void *room = mat_floats(sparse_bytes(SPARSE_BATCH, width) / sizeof(float));
	return room ? sparse_place(room, SPARSE_BATCH, width) : NULL;
}

/* A record's draws in a sparse block each. */
static int open_sparse(struct influence *s, const struct network *dec, int flags, struct fail *f)
{
	int widest = dec->in, bad = 0;
	if (flags & INFLUENCE_GRADIENTS || s->draws != SPARSE_ROWS || !network_sparse(dec, 0))
		return 0;
	for (int i = 0; i < dec->n; i++) {
		if (!layer_has_weights(&dec->l[i]))
			continue;
		s->read[i] = alloc_sparse_blocks(dec->l[i].in);
		bad |= !s->read[i];
		widest = dec->l[i].out > widest ? dec->l[i].out : widest;
	}
	for (int i = 0; i < 2; i++) {
		s->delta[i] = alloc_sparse_blocks(widest);
		bad |= !s->delta[i];
	}
	return bad ? fail_memory_for(f, "a decoder") : 0;
}

struct influence *influence_open(const struct model *models, int n, int batch, int flags, struct fail *f)
{
	struct influence *s = calloc(1, sizeof *s);
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	const struct model *m = &models[n - 1];
	*s = (struct influence){.models = models, .n = n, .batch = batch, .cfg = m->cfg, .draws = m->cfg.score.draws, .latent = m->cfg.latent,
	                        .role = flags & INFLUENCE_TESTS ? ROLE_TEST_RECORD : ROLE_TRAIN_RECORD};
	s->half = s->draws / 2;
	s->slab = at_once(m, flags, batch);
	int rows = batch * s->draws;
	size_t size = (size_t)rows * (size_t)s->latent;
	if (parse_layers(s, f) || open_groups(s, &m->dec, f) || open_sparse(s, &m->dec, flags, f) ||
	    tape_open(&s->enc, &m->enc, batch, f) || tape_open(&s->denc[0], &m->enc, batch, f) ||
	    tape_open(&s->denc[1], &m->enc, batch, f) || tape_open(&s->tangent, &m->enc, batch, f) ||
	    tape_open_chunked(&s->dec, &m->dec, s->slab * s->draws, s->cut, INFLUENCE_GROUP, f) ||
	    tape_open_chunked(&s->ddec, &m->dec, s->slab * s->draws, s->cut, INFLUENCE_GROUP, f) || open_pixels(s, m, f) ||
	    (flags & INFLUENCE_GRADIENTS && gradients_open(s, f))) {
		influence_close(s);
		return NULL;
	}
	s->dec.bits = MAT_16;
	s->sigma = mat_floats((size_t)batch * (size_t)s->latent);
	s->eps = mat_floats(size);
	s->xi = mat_floats(size);
	s->dxi = mat_floats(size);
	s->dhead = mat_floats(2 * size);
	s->mean = mat_floats(width(&m->enc, m->enc.n));
	s->along = mat_floats(width(&m->enc, m->enc.n));
	s->recon = calloc((size_t)rows, sizeof *s->recon);
	s->nll = calloc((size_t)rows, sizeof *s->nll);
	s->h = calloc((size_t)rows, sizeof *s->h);
	if (!s->sigma || !s->eps || !s->xi || !s->dxi || !s->dhead || !s->mean || !s->along || !s->recon || !s->nll || !s->h) {
		fail_memory_for(f, "%d rows", rows);
		influence_close(s);
		return NULL;
	}
	return s;
}

void influence_close(struct influence *s)
{
	if (!s)
		return;
	struct tape *t[] = {&s->enc, &s->dec, &s->ddec, &s->denc[0], &s->denc[1], &s->tangent};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		free(t[i]->all);
	models_reorder_free(s->packed, s->models, s->n);
	for (int i = 0; i < MAX_LAYERS; i++) {
		free(s->sums[i]);
		free(s->read[i]);
	}
	free(s->delta[0]);
	free(s->delta[1]);
	draw_grams_close(&s->products);
	gradients_close(s);
	free(s->pixels);
	free(s->sigma);
	free(s->eps);
	free(s->xi);
	free(s->dxi);
	free(s->dhead);
	free(s->mean);
	free(s->along);
	free(s->recon);
	free(s->nll);
	free(s->h);
	free(s);
}
