/* rng.h - a counter-based generator (Philox4x32-10, Salmon et al. 2011): noise that depends on
 * what it is for, never on what was drawn before it.
 */
#ifndef VF_RNG_H
#define VF_RNG_H

#include <stdint.h>

/* Four random words for a counter under a key. */
void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* What random numbers are for. Scores and models depend on the values: do not renumber. */
enum rng_role {
	ROLE_TRAIN_RECORD = 1, /* draws of a record */
	ROLE_TEST_RECORD,      /* draws of a test record */
	ROLE_TRAINING,         /* draws of a step of the training */
	ROLE_SHUFFLE,          /* order of an epoch; sample of a stream */
	ROLE_INIT,             /* initial weights */
	ROLE_HOLDOUT,          /* which records are held out, and their draws */
	ROLE_CLUSTERS,         /* starts of k-means */
	ROLE_TARGETS,          /* targets of the Fisher matrix, drawn from the decoder's distribution */
	ROLE_BINARIZE,         /* binarized pixels */
	ROLE_FOLDS,            /* folds and halves; bootstrap over halves */
	ROLE_DIRECTIONS,       /* directions of the curvature in the input */
	ROLE_GENERATED,        /* latents and draws of generated records */
};

/* out [n]: standard normals, which depend on seed, role, stream, id and index alone. For the draw of a record, stream is the step
 * of the checkpoint, id the hash of the payload, and index the number of the draw. */
void rng_normal(float *out, int n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id, uint32_t index);
/* out [n]: uniform words, likewise. */
void rng_words(uint32_t *out, int n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id, uint32_t index);
/* A random integer in [0, n), n >= 1. Its probabilities differ from 1/n by at most 2^-64. */
uint32_t rng_below(uint32_t n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id);

#endif
