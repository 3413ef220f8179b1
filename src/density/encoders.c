/* Latent means as points: a copy of the encoder's working memory for each worker. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "density/collect.h"
#include "gemm/mat.h"
#include "nn/layout.h"

struct encoder { /* of one worker */
	struct tape tape;
	float *channels_last, *scratch;
};

struct encoders {
	const struct model *model;
	int workers;
	struct encoder *encoder; /* [workers] */
	float *params;           /* as the layers read them */
};

static int open_one(struct encoder *e, const struct network *enc, struct fail *f)
{
	e->channels_last = mat_floats((size_t)ENCODER_ROWS * (size_t)enc->in);
	e->scratch = mat_floats(network_scratch(enc));
	return e->channels_last && e->scratch ? tape_open(&e->tape, enc, ENCODER_ROWS, f) : fail_memory(f);
}

struct encoders *encoders_open(const struct model *m, int workers, struct fail *f)
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

void encoders_run(const struct encoders *e, int worker, struct batch *b, const float *x, float *means)
{
	const struct network *enc = &e->model->enc;
	struct encoder *own = &e->encoder[worker];
	size_t d = (size_t)e->model->cfg.latent;
	if (enc->reads_channels_last)
		to_channels_last(own->channels_last, x, ENCODER_ROWS, enc->channels, enc->area);
	network_forward(enc, e->params, enc->reads_channels_last ? own->channels_last : x, &own->tape, own->scratch);
	for (size_t r = 0; r < ENCODER_ROWS; r++)
		memcpy(means + r * d, own->tape.v[enc->last] + r * (size_t)enc->out, d * sizeof *means);
	for (size_t r = 0; r < (size_t)b->nrows; r++)
		for (size_t k = 0; k < d && !b->why[r].msg[0]; k++)
			if (!isfinite(means[r * d + k]))
				fail_unscored(&b->why[r], "the encoder's mean is not finite");
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
