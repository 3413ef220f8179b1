#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "influence_state.h"
#include "mat.h"

/* Numbers a row in the buffers of a network. */
static size_t width(const struct network *net)
{
	size_t n = 0;
	for (int i = 0; i < net->n; i++)
		n += net->l[i].own ? (size_t)net->l[i].out : 0;
	return n;
}

int influence_batch(const struct model *m)
{
	int draws = m->cfg.score.draws, most = draws >= 1024 ? 1 : 1024 / draws;
	if (!m->enc.convolves && !m->dec.convolves)
		return most;
	/* pictures between layers: as many records as 64 MB hold */
	size_t record = (2 * (size_t)draws * width(&m->dec) + 4 * width(&m->enc)) * sizeof(float), n = ((size_t)64 << 20) / record;
	return n < 1 ? 1 : n < (size_t)most ? (int)n : most;
}

static void choose_layers(const struct network *net, const char *list, char *use, int *named)
{
	for (int i = 0; i < net->n; i++) {
		char name[40];
		snprintf(name, sizeof name, "%s.%d", net->name, i);
		use[i] = 0;
		for (const char *p = list; network_weighs(&net->l[i]) && *p;) {
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
	s->packed = calloc((size_t)s->n, sizeof *s->packed);
	if (!s->packed)
		return fail_set(f, "out of memory");
	for (int c = 0; c < s->n; c++) {
		s->packed[c] = s->models[c].params;
		if (!m->enc.convolves && !m->dec.convolves)
			continue;
		s->packed[c] = mat_floats(m->nparams);
		if (!s->packed[c])
			return fail_set(f, "out of memory for %zu parameters", m->nparams);
		network_pack(&m->enc, s->models[c].params, s->packed[c]);
		network_pack(&m->dec, s->models[c].params, s->packed[c]);
	}
	if (m->enc.reads_pixels || m->dec.writes_pixels)
		s->pixels = mat_floats((size_t)s->batch * (size_t)m->enc.in);
	return (m->enc.reads_pixels || m->dec.writes_pixels) && !s->pixels ? fail_set(f, "out of memory") : 0;
}

/* Whether a decoder's layer in use has its gradients written out: then draws go by blocks. */
static int wants_blocks(const struct influence *s, const struct network *dec)
{
	int any = 0;
	for (int i = 0; i < dec->n; i++)
		any |= s->use_dec[i] && parts_explicit(&dec->l[i], s->draws);
	return any;
}

struct influence *influence_open(const struct model *models, int n, int batch, struct fail *f)
{
	struct influence *s = calloc(1, sizeof *s);
	if (!s) {
		fail_set(f, "out of memory");
		return NULL;
	}
	const struct model *m = &models[n - 1];
	*s = (struct influence){.models = models, .n = n, .batch = batch, .cfg = m->cfg, .draws = m->cfg.score.draws, .latent = m->cfg.latent};
	s->half = s->draws / 2;
	int rows = batch * s->draws;
	size_t size = (size_t)rows * (size_t)s->latent;
	if (parse_layers(s, f) || tape_open(&s->enc, &m->enc, batch, f) || tape_open(&s->denc[0], &m->enc, batch, f) ||
	    tape_open(&s->denc[1], &m->enc, batch, f) || tape_open(&s->tangent, &m->enc, batch, f) ||
	    tape_open(&s->dec, &m->dec, rows, f) || tape_open(&s->ddec, &m->dec, rows, f) || open_pixels(s, m, f) ||
	    products_open(&s->products, &m->enc, &m->dec, s->draws, wants_blocks(s, &m->dec), f)) {
		influence_close(s);
		return NULL;
	}
	s->sigma = mat_floats((size_t)batch * (size_t)s->latent);
	s->eps = mat_floats(size);
	s->xi = mat_floats(size);
	s->dxi = mat_floats(size);
	s->dhead = mat_floats(2 * size);
	s->mean = mat_floats(width(&m->enc));
	s->along = mat_floats(width(&m->enc));
	s->recon = calloc((size_t)rows, sizeof *s->recon);
	s->nll = calloc((size_t)rows, sizeof *s->nll);
	s->h = calloc((size_t)rows, sizeof *s->h);
	if (!s->sigma || !s->eps || !s->xi || !s->dxi || !s->dhead || !s->mean || !s->along || !s->recon || !s->nll || !s->h) {
		fail_set(f, "out of memory for %d rows", rows);
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
	for (int c = 0; s->packed && c < s->n; c++)
		if (s->packed[c] != s->models[c].params)
			free(s->packed[c]);
	free(s->packed);
	products_close(&s->products);
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
