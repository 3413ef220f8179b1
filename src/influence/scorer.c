#include "influence/scorer.h"

#include <stdlib.h>

static int open_one(struct scorer *s, const struct model *models, int n, int flags, const struct noise *noise, const struct whitening *whitening,
                    struct fail *f)
{
	const struct config *cfg = &models[n - 1].cfg;
	size_t rows = (size_t)influence_batch_size(&models[n - 1], flags);
	s->noise = noise;
	s->influence = influence_open(models, n, (int)rows, flags, f);
	if (!s->influence || (whitening && influence_whiten(s->influence, whitening, f)))
		return -1;
	s->eps = noise->path ? malloc(rows * (size_t)cfg->score.draws * (size_t)cfg->latent * sizeof *s->eps) : NULL;
	return noise->path && !s->eps ? fail_memory_for(f, "the noise of %zu records", rows) : 0;
}

struct scorer *scorers_open(struct model *models, int n, int count, int flags, const struct noise *noise, struct whitening *whitening,
                            struct fail *f)
{
	struct scorer *s = calloc((size_t)count, sizeof *s);
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	for (int i = 0; i < count; i++)
		if (open_one(&s[i], models, n, flags, noise, whitening, f)) {
			scorers_close(s, count);
			return NULL;
		}
	influence_pack_weights(models, n, flags);
	size_t budget = INFLUENCE_PACK_BUDGET;
	for (int c = n - 1; c >= 0 && whitening; c--)
		whitening_pack(&whitening[c], influence_batch_size(&models[n - 1], flags) * models[n - 1].cfg.score.draws, &budget);
	return s;
}

int scorer_read_noise(struct scorer *s, const struct batch *b, struct fail *f)
{
	return s->eps ? noise_copy(s->noise, "records", b->first, b->nrows, b->rows, s->eps, f) : 0;
}

void scorers_close(struct scorer *s, int count)
{
	for (int i = 0; s && i < count; i++) {
		influence_close(s[i].influence);
		free(s[i].eps);
	}
	free(s);
}
