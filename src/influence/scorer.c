#include "influence/scorer.h"

#include <stdlib.h>

#include "gemm/mat.h"

static int open_one(struct scorer *s, const struct model *models, int n, int flags, const struct noise *noise, struct fail *f)
{
	const struct config *cfg = &models[n - 1].cfg;
	size_t rows = (size_t)influence_batch_size(&models[n - 1], flags);
	s->influence = influence_open(models, n, (int)rows, flags, f);
	if (!s->influence)
		return -1;
	s->x = malloc(rows * (size_t)config_input_size(cfg) * sizeof *s->x);
	s->eps = noise->path ? malloc(rows * (size_t)cfg->score.draws * (size_t)cfg->latent * sizeof *s->eps) : NULL;
	return s->x && (!noise->path || s->eps) ? 0 : fail_memory(f);
}

struct scorer *scorers_open(struct model *models, int n, int count, int flags, const struct noise *noise, struct fail *f)
{
	struct scorer *s = calloc((size_t)count, sizeof *s);
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	for (int i = 0; i < count; i++)
		if (open_one(&s[i], models, n, flags, noise, f)) {
			scorers_close(s, count);
			return NULL;
		}
	influence_pack_weights(models, n, flags); /* with what memory is left */
	return s;
}

int scorer_read(struct scorer *s, struct batch *b, const struct model *last, const struct noise *noise, struct fail *f)
{
	if (!s->ready++)
		mat_thread_init();
	if (batch_decode(b, &last->cfg, f))
		return -1;
	batch_floats(b, &last->standard, s->x);
	return s->eps ? noise_copy(noise, "records", b->first, b->nrows, b->rows, s->eps, f) : 0;
}

void scorers_close(struct scorer *s, int count)
{
	for (int i = 0; s && i < count; i++) {
		influence_close(s[i].influence);
		free(s[i].x);
		free(s[i].eps);
	}
	free(s);
}
