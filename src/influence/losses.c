#include "influence/losses.h"

#include <stdlib.h>

#include "model/draws.h"
#include "nn/loss.h"

struct losses {
	const struct model *models;
	int n, batch;
	struct config cfg;
	struct draws *draws;
};

struct losses *losses_open(const struct model *models, int n, int batch, struct fail *f)
{
	struct losses *s = calloc(1, sizeof *s);
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	const struct config *cfg = &models[n - 1].cfg;
	*s = (struct losses){.models = models, .n = n, .batch = batch, .cfg = *cfg};
	s->draws = draws_open(models, n, batch, cfg->score.draws, (uint64_t)cfg->score.seed, f);
	if (!s->draws) {
		losses_close(s);
		return NULL;
	}
	return s;
}

struct column {
	const struct losses *s;
	struct learnt_variance variance;
	double *loss; /* [batch][n], from this checkpoint on */
};

static void add_draw(void *ctx, const struct draw *d)
{
	const struct column *to = ctx;
	const struct config *cfg = &to->s->cfg;
	double *loss = to->loss + d->record * to->s->n;
	if (d->index == 0)
		*loss = cfg->score.beta * loss_kl(d->head, cfg->latent);
	*loss += loss_recon_learnt((enum likelihood)cfg->score.likelihood, &to->variance, d->logits, d->x, config_input_size(cfg), NULL, NULL) / cfg->score.draws;
}

void losses_score(struct losses *s, const float *x, const uint64_t *id, double *loss)
{
	for (int c = 0; c < s->n; c++)
		draws_run(s->draws, c, x, id, add_draw, &(struct column){s, model_variance(&s->models[c]), loss + c});
}

void losses_close(struct losses *s)
{
	if (!s)
		return;
	draws_close(s->draws);
	free(s);
}
