/* rng.h - a counter-based generator (Philox4x32-10, Salmon et al. 2011): noise that depends on
 * what it is for, never on what was drawn before it.
 */
#ifndef VF_RNG_H
#define VF_RNG_H

#include <stdint.h>

/* Four random words for a counter under a key. */
void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

enum rng_role { ROLE_TRAIN_RECORD = 1, ROLE_TEST_RECORD, ROLE_TRAINING, ROLE_SHUFFLE, ROLE_INIT, ROLE_HOLDOUT, ROLE_CLUSTERS, ROLE_TARGETS, ROLE_BINARIZE, ROLE_FOLDS, ROLE_DIRECTIONS };

/* n standard normals, which depend on seed, role, stream, id and index alone. For the noise of a record, stream is the step
 * of the checkpoint, id the hash of the payload, and index the number of the draw. */
void rng_normal(float *out, int n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id, uint32_t index);
/* n uniform words, likewise. */
void rng_words(uint32_t *out, int n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id, uint32_t index);
/* A uniform integer in [0, n), n >= 1, unbiased enough for shuffles (64-bit multiply). */
uint32_t rng_below(uint32_t n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id);

#endif
