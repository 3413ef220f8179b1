/* influence_state.h - what a worker holds for a batch, shared by the files of influence.h. */
#ifndef VF_INFLUENCE_STATE_H
#define VF_INFLUENCE_STATE_H

#include "influence/influence.h"
#include "influence/draw_grams.h"
#include "base/rng.h"

/* A layer whose gradients are kept for dot products: factors [batch rows][p] and [batch rows][k], or written
 * out, weight and bias; of a convolution's factors the bias alone. */
struct kept {
	const struct layer *l;
	int decoder, layer, rows, p, k; /* rows: of a record's factors; 0: written out */
	size_t at, size; /* numbers of a record that are written out, and where among them */
	float *col;      /* a convolution's second factor */
};

struct influence {
	const struct model *models;
	int n, batch, draws, latent, half; /* draws [0, half) and [half, draws) are the two halves */
	int slab, first; /* records that go through the decoder at once, and the first of them */
	/* where the decoder takes sparse blocks, SPARSE_BATCH of what each of its layers reads, and of two layers' deltas */
	struct sparse_block *read[MAX_LAYERS], *delta[2];
	struct config cfg;
	struct tape enc, dec, ddec, denc[2], tangent;
	float *sigma;                  /* [batch][latent] */
	float *eps, *xi, *dxi, *dhead; /* [batch][draws][latent], dhead [..][2 latent] */
	float *pixels;                 /* [batch][input], pixel by pixel, or NULL where none wants that */
	float *mean, *along;           /* of one row of an encoder's layer */
	float **packed;                /* of each model; its own parameters where nothing is reordered */
	struct draw_grams products;
	/* The decoder's layers from cut on run a few rows at a time, forward, loss and backward, so that
	 * pictures stay in the cache; sums of their gradients: */
	int cut, stop; /* stop: the lowest layer of the decoder that a gradient is wanted of; -1: of the encoder too */
	float *sums[MAX_LAYERS];
	double *recon, *nll;           /* [batch][draws] */
	double *h;                     /* [batch][units]: sum over checkpoints of w <g_u, mean g>, g_u the mean of a unit */
	char use_enc[MAX_LAYERS], use_dec[MAX_LAYERS];
	enum rng_role role;
	/* gradients.h */
	struct kept *kept;  /* [nkept], NULL where nobody asks */
	int nkept, side;    /* side: of the blocks of Gram matrices */
	size_t written;     /* numbers of a record that are written out */
	float *out;         /* [batch][written] */
	float *left, *right; /* [side][side] */
	const float *x;     /* the batch at hand */
	int at;             /* the checkpoint at hand */
};

/* gradients.c */
int gradients_open(struct influence *s, struct fail *f);
void gradients_close(struct influence *s);
/* Of decoder's layer i, record r: the sums of every unit's gradients, as draw_grams_add_gradients() leaves them. */
void gradients_take(struct influence *s, int i, int r, const float *sums);
/* Everything else, when a checkpoint's backward passes are done. */
void gradients_fill(struct influence *s);

enum { INFLUENCE_GROUP = 4 };

/* What a network reads or is compared with: the batch, in the order it wants. */
static inline const float *in_order(const struct influence *s, const float *x, int pixels) { return pixels ? s->pixels : x; }

#endif
