/* test_set.h - test records and their mean gradients, kept in blocks for dot products with the gradients of other records
 * (gradients.h). A block holds the gradients of one batch at one checkpoint. Blocks beyond the memory budget are spooled to an
 * unlinked file in $TMPDIR and mapped. The file is written in full, not only extended, so that a full disk is an error and never a signal.
 */
#ifndef VF_TEST_SET_H
#define VF_TEST_SET_H

#include "influence/influence.h"
#include "influence/noise.h"
#include "stream/reader.h"

struct test_record {
	char *key, *cls; /* the key escaped; the class, or NULL */
	char *why;       /* NULL, or why it has no gradient */
	double norm2;    /* sum over the checkpoints of w_c |mean gradient|^2, as selfinf */
};

struct test_block {
	float *gradients; /* as gradients_copy() wrote them */
	size_t mapped;    /* bytes of the mapping; 0: in memory */
};

struct test_set {
	/* set by the caller */
	const struct model *models;
	int nmodels;
	const struct whitening *whitening; /* [nmodels], or NULL */
	const struct noise *noise;
	size_t budget;        /* bytes of gradients in memory */
	uint64_t max_records;
	int need_direction;   /* a gradient of 0 cannot be used */
	int fd;               /* of the spool; -1 without one */

	/* results, in stream order */
	struct test_record *record; /* [n] */
	size_t n, cap, unreadable;
	float *mu;                  /* [n][latent]: latent means at the last checkpoint */
	size_t mu_cap;
	uint64_t records_read;      /* n, and those of the last batch beyond max_records */
	uint64_t hash;              /* of all payloads, in their order */
	struct gradient_forms *forms; /* [nmodels]: of these gradients, and of those that meet them; chosen by the first block */
	struct test_block *block;   /* [nblocks][nmodels] */
	size_t *block_from;         /* [nblocks + 1]: block b holds the records [block_from[b], block_from[b + 1]) */
	size_t nblocks, block_cap, block_from_cap, memory_used;
	uint64_t spool_size;
};

/* Reads to the end or to max_records. t is zero except for what the caller sets, fd to -1; to be freed also after a failure. */
int test_set_read(struct test_set *t, struct reader *in, struct fail *f);
/* The same for the first max_records of a stream; the records after them are only counted. *records: all of the stream. */
int test_set_read_first(struct test_set *t, struct reader *in, uint64_t *records, struct fail *f);
/* Fails if no test record can be used; warning: empty, or how many cannot. name: of the stream. */
int test_set_check(const struct test_set *t, const char *name, struct fail *warning, struct fail *f);
/* The block that holds test record q. */
size_t test_set_block_of(const struct test_set *t, size_t q);
/* The gradients of a block's records at a checkpoint, as gradients_copy() wrote them; valid until the blocks are freed. */
const float *test_set_gradients(const struct test_set *t, size_t block, int checkpoint);
/* Sets few to the records of t with their gradients reduced to few draws by gradients_low_rank(). few_models: t->models with few draws. s and
 * few_influence were opened with INFLUENCE_GRADIENTS for the models of t and few; s has t->forms. few borrows all of t but its gradients, which
 * test_set_free_blocks() frees, also after a failure; both together keep to the budget of memory. */
int test_set_low_rank(struct test_set *few, const struct test_set *t, const struct model *few_models, const struct influence *s,
                      const struct influence *few_influence, struct fail *f);
/* Frees the gradients only. */
void test_set_free_blocks(struct test_set *t);
void test_set_free(struct test_set *t);

#endif
