/* influence_state.h - what a worker holds for a batch, shared by the files of influence.h. */
#ifndef VF_INFLUENCE_STATE_H
#define VF_INFLUENCE_STATE_H

#include "influence.h"
#include "parts.h"

struct influence {
	const struct model *models;
	int n, batch, draws, latent, half; /* draws [0, half) and [half, draws) are the two halves */
	struct config cfg;
	struct tape enc, dec, ddec, denc[2], tangent;
	float *sigma;                  /* [batch][latent] */
	float *eps, *xi, *dxi, *dhead; /* [batch][draws][latent], dhead [..][2 latent] */
	float *pixels;                 /* [batch][input], pixel by pixel, or NULL where none wants that */
	float *mean, *along;           /* of one row of an encoder's layer */
	float **packed;                /* of each model; its own parameters where nothing is reordered */
	struct products products;
	/* The decoder's layers from cut on run a few rows at a time, forward, loss and backward, so that
	 * pictures stay in the cache; sums of their gradients: */
	int cut, keep;
	float *sums[CONFIG_MAX_LAYERS];
	double *recon, *nll;           /* [batch][draws] */
	double *h;                     /* [batch][units]: sum over checkpoints of w <g_u, mean g>, g_u the mean of a unit */
	char use_enc[CONFIG_MAX_LAYERS], use_dec[CONFIG_MAX_LAYERS];
};

enum { INFLUENCE_GROUP = 4 };

/* What a network reads or is compared with: the batch, in the order it wants. */
static inline const float *in_order(const struct influence *s, const float *x, int pixels) { return pixels ? s->pixels : x; }

#endif
