/* influence_state.h - the buffers of influence.h, shared by its files. */
#ifndef VF_INFLUENCE_STATE_H
#define VF_INFLUENCE_STATE_H

#include "base/rng.h"
#include "influence/draw_grams.h"
#include "influence/influence.h"

struct layer_gradient { /* how gradients.c keeps the gradients of a layer */
	const struct layer *l;
	int in_decoder, index; /* the network, and the place in it */
	int draws, rows;       /* rows of gradients a record, 1 in the encoder; rows of its factors, 0: explicit */
	int p, k;              /* numbers of a row of each factor */
	size_t at, size;       /* explicit numbers of a record: place among those of all layers, count. Weight and bias, or the bias only */
	float *unrolled;       /* [batch rows][k]: factor k of layers that unroll */
	float *white_p, *white_k; /* [batch rows][p], [batch rows][k]: whitened factors, or NULL */
	float *spread_p, *spread_k; /* [batch]: factors as spread blocks (sparse_block.h), if the form of the layer may be sparse; or NULL */
};

struct gradients {
	struct layer_gradient *layer; /* [nlayers]: those in use */
	int nlayers, tile;
	size_t explicit_size;         /* explicit numbers of a record */
	float *explicit;              /* [batch][explicit_size] */
	float *gram_p, *gram_k;       /* [tile][tile] */
	float *raw, *scratch;         /* with a whitening: a gradient before it, and as much again */
	float *eigen;                 /* scratch of eigen_pairs() */
	size_t eigen_size;
	double *pairs;                /* [DOT_PAIRS]: scratch of sparse_dots() */
	struct gradient_forms *forms; /* [n], or NULL */
};

struct influence {
	const struct model *models;
	int n, batch, draws, latent;
	int half;               /* the cross estimator's halves are the draws [0, half) and [half, draws) */
	struct config cfg;      /* of the last model */
	enum rng_role role;
	float **reordered;      /* [n]: parameters of each model, as its layers read them */

	/* layers whose gradients count */
	char use_enc[MAX_LAYERS], use_dec[MAX_LAYERS];
	int lowest_layer;       /* the lowest of these in the decoder, where the backward pass ends; -1: it goes on through the encoder */

	/* how the decoder runs */
	int decoder_batch;      /* records at once */
	int chunk_from;         /* layers from this one on run CHUNK_ROWS rows at a time, forward, loss and backward */

	/* the call at hand, and its checkpoint */
	int rows;               /* records that are computed, at least as many as the batch has */
	const float *x;         /* [batch][input] */
	float *x_channels_last; /* the same in that order, or NULL if no network needs it */
	struct score *out;
	double *by_tensor;      /* [batch][ntensors], or NULL */
	const struct model *model; /* before the first call: models */
	const float *input;     /* x as the encoder reads it */
	const float *target;    /* x as the decoder writes it */
	const float *params;    /* reordered[checkpoint] */
	double weight;          /* w_c */
	double *draw_dots;      /* [batch][blocks]: sum over checkpoints of w_c <g_b, mean g>, g_b the mean of a block of draws */

	/* encoder; tapes have `rows` of batch rows */
	struct tape enc;                  /* activations; the output is mu, logvar */
	struct tape enc_grad[2];          /* their deltas, of the mean of all draws, or of each half */
	struct tape enc_tangent;          /* tangents along the mean gradient */
	float *sigma;                     /* [batch][latent] */
	float *dhead;                     /* [batch][draws][2 latent]: deltas at the encoder's output */
	float *mean_grad;                 /* cross estimator: [batch][widest layer] */
	float *tangent_out;               /* [widest layer]: of one row */

	/* decoder; tapes have decoder_batch draws rows */
	struct tape dec, dec_grad;
	float *eps, *xi, *dxi;            /* [batch][draws][latent]: noise, latents, deltas at the latents */
	double *recon, *nll;              /* [batch][draws] */
	struct draw_grams grams;
	float *block_gradients[MAX_LAYERS]; /* of layers from chunk_from on: block_gradients_add() */
	/* if the draws of a record are a sparse block, SPARSE_BATCH of them: inputs of each layer; output gradients of two layers */
	struct sparse_block *sparse_in[MAX_LAYERS], *sparse_grad[2];

	/* with a whitening */
	const struct whitening *whitening; /* [n], or NULL */
	const struct whitening *white;     /* of the checkpoint */
	float *white_p, *white_k;          /* [decoder_batch draws] or [batch] rows of whitened factors of a dense layer */
	float *white_rows[4];              /* [batch] rows of an encoder layer's whitened gradients; what the last layer divides them by */
	float *unpacked;                   /* rows of SPARSE_BATCH sparse blocks */

	struct gradients gradients; /* with INFLUENCE_GRADIENTS */
};

enum { CHUNK_ROWS = 4 };

/* influence_decoder.c: records [from, from + n) through the decoder and back. Fills recon, nll and dxi, and adds to the scores. */
void decode_batch(struct influence *s, int from, int n);
/* influence_encoder.c: draws eps and xi from the encoder's output; then, with dxi, the backward pass of the encoder. */
void draw_latents(struct influence *s, const uint64_t *id, const float *eps);
void encoder_backward(struct influence *s);
/* d [2 latent]: the gradient by the encoder's output `head` of one draw; dxi: the gradient of recon by xi. */
void head_gradient(const struct config *cfg, float *d, const float *head, const float *sigma, const float *eps, const float *xi, const float *dxi,
                   double recon);

/* gradients.c. At a checkpoint: whether the factors of a layer are spread blocks; floats of one record's factor p or k, which has rows of that
 * width; floats of all its factors. */
int layer_is_sparse(const struct influence *s, const struct layer_gradient *k, size_t checkpoint);
size_t layer_factor_size(const struct influence *s, const struct layer_gradient *k, int width, size_t checkpoint);
size_t gradients_factors_size(const struct influence *s, size_t checkpoint);
int gradients_open(struct influence *s, struct fail *f);
void gradients_close(struct influence *s);
/* Whether some layer's gradients are sparse at the checkpoint. Keeps those of decoder layer i and of a record as its blocks. */
int gradients_sparse(const struct influence *s);
void gradients_keep_sparse(struct influence *s, int i, int record, const struct sparse_block *x, const struct sparse_block *dy);
/* Keeps the gradients of a decoder layer and a record, block_gradients_add()'s. */
void gradients_add_blocks(struct influence *s, int layer, int record, const float *gradients);
/* Everything else, at the end of a checkpoint. */
void gradients_finish(struct influence *s);

static inline const struct layer_whitening *decoder_whitening(const struct influence *s, int i) { return s->white ? &s->white->dec[i] : NULL; }
static inline const struct layer_whitening *encoder_whitening(const struct influence *s, int i) { return s->white ? &s->white->enc[i] : NULL; }

/* The layer's whitening, of those of a checkpoint; NULL: without */
static inline const struct layer_whitening *layer_whitening_in(const struct whitening *w, const struct layer_gradient *k)
{
	return !w ? NULL : k->in_decoder ? &w->dec[k->index] : &w->enc[k->index];
}

/* Adds to the self influence by a tensor. */
static inline void add_to_score(struct influence *s, int record, int tensor, double v)
{
	s->out[record].selfinf += s->weight * v;
	if (s->by_tensor)
		s->by_tensor[(size_t)record * (size_t)s->model->ntensors + (size_t)tensor] += s->weight * v;
}

#endif
