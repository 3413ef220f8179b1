/* config.h - a network, its training and its scoring as data: YAML in, canonical YAML out.
 *
 * Every key of the file has a name such as train.beta, which --set uses too. An unknown key is an error that suggests the nearest one.
 */
#ifndef VF_CONFIG_H
#define VF_CONFIG_H

#include <stddef.h>

#include "base/buf.h"
#include "base/fail.h"
#include "nn/layers.h"
#include "nn/loss.h"

#define CONFIG_FORMAT 1
enum { CONFIG_MAX_BYTES = 64 << 10 }; /* of the YAML text; config_write() needs less than half */
/* Texts key=value, borrowed, in the order in which they apply: as many as a user may give, and what a tool adds itself. */
enum { ASSIGNMENTS_GIVEN = 64, ASSIGNMENTS_ADDED = 8 };
struct assignments {
	const char *v[ASSIGNMENTS_GIVEN + ASSIGNMENTS_ADDED];
	int n;
};

enum optimizer { ADAM, SGD };
enum input_values { PICTURE_INPUT, VECTOR_INPUT };
enum jpeg_size { JPEG_FULL, JPEG_REDUCED };
enum binarize { BINARIZE_NONE, BINARIZE_THRESHOLD, BINARIZE_STOCHASTIC };
enum estimator { PLUGIN, CROSS };         /* of self influence (influence/influence.h) */
enum gradient { PATHWISE, SCORE };        /* of a draw, by mu and log sigma^2 (influence/influence.h) */
enum weights { WEIGHTS_ONE, WEIGHTS_LR }; /* of checkpoints: checkpoint_weight() */

struct config { /* the keys are explained in vae-model(5); words are numbers of the enums above and of nn/loss.h */
	int format;            /* CONFIG_FORMAT */
	char input_field[128]; /* extensions of the payload, comma-separated, first match wins */
	int input_kind;        /* what a payload is: enum input_values */
	int input_shape[3];    /* channels, height, width */
	int jpeg;              /* size at which JPEG pictures are decoded: enum jpeg_size */
	int binarize;          /* of the samples of a picture: enum binarize */
	int latent;            /* numbers of z */
	double variance;       /* of a gaussian or linear likelihood p(x|z); 0: train.beta / 2 (memo/logp.h); -1: learnt, one for each
	                        * channel of the input (nn/loss.h) */
	struct layer_list encoder, decoder;
	struct {
		int likelihood, optimizer, batch, steps, checkpoints;
		int shards;               /* virtual workers, each with its own files and share of the batch (train/team.h) */
		double beta, lr, holdout; /* holdout: share of the records */
		double seed;              /* a whole number up to 2^53 */
	} train;
	struct {
		int likelihood, draws, estimator, gradient, weights;
		double beta;
		double seed;      /* likewise */
		char layers[256]; /* whose gradients count: all, encoder, decoder, or names as decoder.4, separated by commas */
	} score;
};

/* Sets all keys to the values that they have where a file leaves them out (vae-model(5)). */
void config_defaults(struct config *c);
/* Reads YAML text; keys that it does not have keep their values in c. */
int config_parse(struct config *c, const char *text, size_t len, struct fail *f);
/* "key=value"; the value is YAML, as in a file. */
int config_set(struct config *c, const char *assignment, struct fail *f);
/* All of them, in order. */
int config_assign(struct config *c, const struct assignments *sets, struct fail *f);
/* -1 when an assignment is wrong for every configuration. */
int config_check_assignments(const struct assignments *sets, struct fail *f);
/* -1 when sizes do not fit together or a key is missing. {linear: input} gets its number. */
int config_check(struct config *c, struct fail *f);
/* The same before the first record is read: input.shape may still be unknown, if config_infers_shape(). */
int config_check_early(struct config *c, struct fail *f);
/* 1 when input.shape is that of the first record: vectors, and a decoder that ends in {linear: input}. */
int config_infers_shape(const struct config *c);
/* Appends all keys, in a fixed order and form. */
int config_write(const struct config *c, struct buf *out, struct fail *f);
/* The first key in which the two differ, or NULL. */
int config_first_difference(const struct config *a, const struct config *b, const char **key, struct fail *f);
/* Loads a path (with a slash, or ending in .yaml) or a preset, found beside the program's build or installation. */
int config_load(struct config *c, const char *name, struct fail *f);
/* 1 when model.variance is learnt. */
static inline int config_learns_variance(const struct config *c) { return c->variance < 0; }
/* The number of elements of the input. */
int config_input_size(const struct config *c);

/* The nearest of `words` (NULL-terminated) by edit distance, or NULL when none is near enough. */
const char *nearest_word(const char *what, const char *const *words);

#endif
