#include "influence/scorer.h"

#include <pthread.h>
#include <stdlib.h>

/* The workers read the packed weights without the lock, once they are there. */
struct packing {
	pthread_mutex_t lock;
	struct model *models;
	struct whitening *whitening; /* or NULL */
	int n, flags, done;
};

/* With the lock held. */
static void pack(struct packing *p)
{
	const struct model *last = &p->models[p->n - 1];
	size_t budget = INFLUENCE_PACK_BUDGET;
	if (p->done)
		return;
	influence_pack_weights(p->models, p->n, p->flags);
	for (int c = p->n - 1; c >= 0 && p->whitening; c--)
		whitening_pack(&p->whitening[c], influence_batch_size(last, p->flags) * last->cfg.score.draws, &budget);
	p->done = 1;
}

static struct packing *open_packing(struct model *models, int n, int flags, struct whitening *whitening, struct fail *f)
{
	struct packing *p = malloc(sizeof *p);
	if (!p) {
		fail_memory(f);
		return NULL;
	}
	*p = (struct packing){PTHREAD_MUTEX_INITIALIZER, models, whitening, n, flags, 0};
	return p;
}

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
	struct packing *p = s->packing = open_packing(models, n, flags, whitening, f);
	int bad = !p;
	for (int i = 0; i < count && !bad; i++) {
		s[i].packing = p;
		bad = open_one(&s[i], models, n, flags, noise, whitening, f);
	}
	if (bad) {
		scorers_close(s, count);
		return NULL;
	}
	if (flags & INFLUENCE_GRADIENTS)
		pack(p);
	return s;
}

int scorer_read_noise(struct scorer *s, const struct batch *b, struct fail *f)
{
	return s->eps ? noise_copy(s->noise, "records", b->first, b->nrows, b->rows, s->eps, f) : 0;
}

int scorer_score(struct scorer *s, const struct batch *b, const float *x, struct score *out, double *by_tensor, struct fail *f)
{
	struct packing *p = s->packing;
	if (scorer_read_noise(s, b, f))
		return -1;
	pthread_mutex_lock(&p->lock);
	if (b->first > 0 || influence_gains_from_packing(s->influence, b->nrows))
		pack(p);
	int packed = p->done;
	if (packed)
		pthread_mutex_unlock(&p->lock);
	influence_score(s->influence, b->nrows, x, b->id, s->eps, out, by_tensor);
	if (!packed)
		pthread_mutex_unlock(&p->lock); /* only now may another worker pack */
	return 0;
}

void scorers_close(struct scorer *s, int count)
{
	if (s)
		free(s->packing);
	for (int i = 0; s && i < count; i++) {
		influence_close(s[i].influence);
		free(s[i].eps);
	}
	free(s);
}
