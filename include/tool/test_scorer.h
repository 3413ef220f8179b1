/* test_scorer.h - appends the influence of every record of a stream over test records.
 *
 * The test records are those of a file, or with sanity the first of the stream, which is then read a second time and written nowhere.
 * With k, a first pass with few draws finds k candidates of each test record, and only these get an influence. It multiplies gradients of few draws
 * with gradients of the test records that are reduced to as many (gradients_low_rank()).
 */
#ifndef VF_TEST_SCORER_H
#define VF_TEST_SCORER_H

#include "influence/testinf.h"
#include "input/npy_writer.h"
#include "tool/curvature_options.h"
#include "tool/scoring.h"

extern const char *const normalize_words[]; /* of enum normalize */

struct test_scorer {
	/* set by the caller, and noise.path and test_noise.path */
	const char *model, *checkpoints, *test_file;
	int merge;     /* --merge: call test_scorer_merge() */
	long sanity;   /* test records from the stream, or 0 */
	long k;        /* candidates of each test record; 0: all records */
	long top;      /* proponents and opponents to list of each test record; -1: 10, or with sanity a thousandth of the records */
	int normalize; /* enum normalize */
	struct curvature_options curvature;
	size_t budget; /* bytes of test gradients in memory */

	struct noise noise, test_noise;
	struct scoring frame;
	struct whitening *whitening; /* [nmodels], or NULL */
	struct buf curvature_text;   /* what tells it apart */
	struct test_set tests;
	/* With k, until candidates are found: the models with few draws [nmodels], and the test records with gradients reduced to these. */
	struct model *few_models;
	struct test_set few_tests;
	struct candidates candidates;
	struct pairwise pairwise;
	struct scorer *scorer; /* [workers] */
	struct testinf result;
	struct npy_writer matrix;
	uint64_t hash;            /* of the payloads of its rows (dataset.hash in train/dataset.h) */
	struct atomic_file table; /* --influence */
};
#define TEST_SCORER_INIT {.checkpoints = "last", .top = -1, .curvature = CURVATURE_OPTIONS_INIT, .budget = (size_t)2 << 30, .tests.fd = -1, .few_tests.fd = -1, \
			  .matrix.to.fd = -1, .table.fd = -1}

/* Scores all records, writes --influence and --matrix, prints the table of sanity, and sets the counts of --summary. */
int test_scorer_run(struct test_scorer *t, struct cli *c, struct fail *f);
/* Merges c->files, which --influence wrote for shards, into the file of the whole stream. */
int test_scorer_merge(const struct test_scorer *t, const struct cli *c, struct fail *f);
/* After flow_finish(&t->frame.flow). */
void test_scorer_close(struct test_scorer *t);

#endif
