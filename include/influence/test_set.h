/* test_set.h - test records whose gradients are held, in blocks, for the influence of other records over them (gradients.h).
 * Past a limit the blocks lie in a mapped file without a name in $TMPDIR. It is written, not only made that long, so that a
 * full disk is an error and never a signal.
 */
#ifndef VF_TEST_SET_H
#define VF_TEST_SET_H

#include "influence/influence.h"
#include "influence/noise.h"
#include "stream/reader.h"

struct test_record {
	char *key, *cls; /* escaped; its class, NULL where it has none */
	char *why;       /* NULL, or why it has no gradient */
	double norm2;    /* of its gradient over all checkpoints: |g|^2 as in selfinf */
};

struct test_block { /* of one checkpoint */
	float *p;
	size_t mapped; /* bytes, or 0 in memory */
};

struct test_set {
	/* what is wanted */
	const struct model *models;
	int nmodels;
	const struct noise *noise; /* given noise, its path NULL for our own */
	size_t budget;             /* bytes of gradients */
	uint64_t max_records;             /* records to take */
	int cosine;                /* a gradient of 0 is of no use */

	/* what was read, in stream order */
	struct test_record *record;
	size_t n, capacity, unreadable;
	float *mu;     /* [n][latent]: the encoder's means at the last checkpoint */
	uint64_t records_read; /* records that were read: n, and those of the last batch that were too many */
	uint64_t hash;  /* of all payloads, in their order */
	struct test_block *block; /* [nblocks][nmodels] */
	size_t *block_from;   /* [nblocks + 1]: the tests of block b are [from[b], from[b + 1]) */
	size_t nblocks, used;
	int fd; /* of the file, -1 without one */
	uint64_t end;
};

/* Reads to the end, or until there are `most`. t is zeroed but for what is wanted; freed also after a failure. */
int test_set_read(struct test_set *t, struct reader *in, struct fail *f);
/* The block that test q is in. */
size_t test_set_block_of(const struct test_set *t, size_t q);
const float *test_set_gradients(const struct test_set *t, size_t b, int checkpoint);
void test_set_free(struct test_set *t);

#endif
