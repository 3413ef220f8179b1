/* Latent means, or outputs of a layer, as points. Every worker has its own buffers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "density/encoders.h"
#include "gemm/mat.h"
#include "nn/layout.h"

struct encoder { /* of one worker */
	struct tape tape;
	float *channels_last, *scratch;
};

struct encoders {
	const struct model *model;
	int workers;
	int layer, width; /* the layer whose output is the point, and the number of its elements */
	struct encoder *encoder; /* [workers] */
	float *params;           /* as the layers read them */
};

static int open_one(struct encoder *e, const struct network *enc, struct fail *f)
{
	e->channels_last = mat_floats((size_t)ENCODER_ROWS * (size_t)enc->in);
	e->scratch = mat_floats(network_scratch(enc));
	return e->channels_last && e->scratch ? tape_open(&e->tape, enc, ENCODER_ROWS, f) : fail_memory(f);
}

/* Sets layer and width. */
static int find_layer(struct encoders *e, const char *name, struct fail *f)
{
	const struct network *enc = &e->model->enc;
	char own[40];
	e->layer = enc->last;
	e->width = e->model->cfg.latent;
	for (int i = 0; name && i < enc->n; i++) {
		snprintf(own, sizeof own, "%s.%d", enc->name, i);
		if (strcmp(own, name) != 0 || !layer_has_weights(&enc->l[i]))
			continue;
		e->layer = i;
		e->width = enc->l[i].out;
		return 0;
	}
	return name ? fail_set(f, "--space '%.60s': the encoder has no such layer with weights; vae-ckpt show prints their names", name) : 0;
}

struct encoders *encoders_open(const struct model *m, const char *layer, int workers, struct fail *f)
{
	struct encoders *e = calloc(1, sizeof *e);
	int bad = !e;
	if (e) {
		e->model = m;
		e->encoder = calloc((size_t)workers, sizeof *e->encoder);
		e->params = mat_floats(m->nparams);
		bad = !e->encoder || !e->params;
	}
	if (bad)
		fail_memory(f);
	else
		bad = find_layer(e, layer, f);
	for (int i = 0; i < workers && !bad; i++) {
		e->workers = i + 1;
		bad = open_one(&e->encoder[i], &m->enc, f);
	}
	if (bad) {
		encoders_free(e);
		return NULL;
	}
	network_reorder(&m->enc, m->params, e->params);
	return e;
}

int encoders_width(const struct encoders *e) { return e->width; }

void encoders_run(const struct encoders *e, int worker, struct batch *b, const float *x, float *means)
{
	const struct network *enc = &e->model->enc;
	struct encoder *own = &e->encoder[worker];
	size_t d = (size_t)e->width;
	if (enc->reads_channels_last)
		to_channels_last(own->channels_last, x, ENCODER_ROWS, enc->channels, enc->area);
	network_forward(enc, e->params, enc->reads_channels_last ? own->channels_last : x, &own->tape, own->scratch);
	for (size_t r = 0; r < ENCODER_ROWS; r++)
		memcpy(means + r * d, own->tape.v[e->layer] + r * (size_t)enc->l[e->layer].out, d * sizeof *means);
	for (size_t r = 0; r < (size_t)b->nrows; r++)
		for (size_t k = 0; k < d && !b->why[r].msg[0]; k++)
			if (!isfinite(means[r * d + k]))
				fail_unscored(&b->why[r], e->layer == enc->last ? "the encoder's mean is not finite" : "a number of the encoder's layer is not finite");
}

void encoders_free(struct encoders *e)
{
	for (int i = 0; e && i < e->workers; i++) {
		free(e->encoder[i].channels_last);
		free(e->encoder[i].scratch);
		free(e->encoder[i].tape.all);
	}
	if (e) {
		free(e->encoder);
		free(e->params);
	}
	free(e);
}
