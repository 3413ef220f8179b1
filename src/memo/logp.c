#include "memo/logp.h"

#include <math.h>
#include <stdlib.h>

#include "model/draws.h"

#define LOG_2PI 1.83787706640934548356

int likelihood_density_of(const struct config *cfg, struct likelihood_density *d, struct fail *f)
{
	*d = (struct likelihood_density){(enum likelihood)cfg->train.likelihood, cfg->variance > 0 || config_learns_variance(cfg) ? cfg->variance : cfg->train.beta / 2};
	if (d->likelihood == BERNOULLI && !cfg->binarize)
		return fail_set(f, "train.likelihood bernoulli is a density of pixels that are 0 or 1 only: train with --set input.binarize=threshold (or stochastic), or with gaussian");
	if (d->likelihood != BERNOULLI && !(d->variance > 0) && !config_learns_variance(cfg))
		return fail_set(f, "the likelihood has no variance: train.beta is 0; set model.variance");
	return 0;
}

/* sum exp(w - highest) and its squares, of the log weights w so far */
struct sum {
	double highest, weights, squares;
};

struct logp {
	int n, batch, draws;
	struct config cfg;
	struct likelihood_density density;
	struct draws *passes;
	const struct model *models;
	struct learnt_variance learnt; /* of the current checkpoint */
	struct sum *sum; /* [batch] */
};

struct logp *logp_open(const struct model *models, int n, int batch, int draws, struct fail *f)
{
	struct logp *s = calloc(1, sizeof *s);
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	const struct config *cfg = &models[n - 1].cfg;
	*s = (struct logp){.models = models, .n = n, .batch = batch, .draws = draws, .cfg = *cfg, .sum = calloc((size_t)batch, sizeof(struct sum))};
	if (!s->sum)
		fail_memory(f);
	else if (!likelihood_density_of(cfg, &s->density, f))
		s->passes = draws_open(models, n, batch, draws, (uint64_t)cfg->score.seed, f);
	if (s->passes)
		return s;
	logp_close(s);
	return NULL;
}

static double log_likelihood(const struct logp *s, const struct draw *d)
{
	int n = config_input_size(&s->cfg);
	double recon = loss_recon_learnt(s->density.likelihood, &s->learnt, d->logits, d->x, n, NULL, NULL), v = s->density.variance;
	return s->density.likelihood == BERNOULLI || s->learnt.log_variance ? -recon : -0.5 * (recon / v + n * (LOG_2PI + log(v)));
}

/* log p(z) - log q(z|x) of z = mu + sigma eps; the factors of 2 pi cancel */
static double log_prior_ratio(const struct draw *d, int latent)
{
	double sum = 0;
	for (int i = 0; i < latent; i++)
		sum += (double)d->eps[i] * (double)d->eps[i] - (double)d->xi[i] * (double)d->xi[i] + (double)d->head[latent + i];
	return 0.5 * sum;
}

static void add_draw(void *ctx, const struct draw *d)
{
	struct logp *s = ctx;
	struct sum *sum = &s->sum[d->record];
	double w = log_likelihood(s, d) + log_prior_ratio(d, s->cfg.latent);
	if (d->index == 0)
		*sum = (struct sum){w, 0, 0};
	if (w > sum->highest) {
		double scale = exp(sum->highest - w);
		*sum = (struct sum){w, sum->weights * scale, sum->squares * scale * scale};
	}
	double e = exp(w - sum->highest);
	sum->weights += e;
	sum->squares += e * e;
}

void logp_score(struct logp *s, const float *x, const uint64_t *id, double *logp, double *se)
{
	double n = s->draws;
	for (int c = 0; c < s->n; c++) {
		s->learnt = model_variance(&s->models[c]);
		draws_run(s->passes, c, x, id, add_draw, s);
		for (int r = 0; r < s->batch; r++) {
			const struct sum *sum = &s->sum[r];
			double mean = sum->weights / n, variance = fmax(sum->squares / n - mean * mean, 0);
			logp[r * s->n + c] = sum->highest + log(mean);
			se[r * s->n + c] = n > 1 ? sqrt(variance / (n - 1)) / mean : 0;
		}
	}
}

void logp_close(struct logp *s)
{
	if (!s)
		return;
	draws_close(s->passes);
	free(s->sum);
	free(s);
}
