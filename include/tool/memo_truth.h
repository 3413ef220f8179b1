/* memo_truth.h - test records whose losses are compared between models, and records that models are trained without: the ground truth for
 * influence (Kong & Chaudhuri 2021, definition 1).
 */
#ifndef VF_MEMO_TRUTH_H
#define VF_MEMO_TRUTH_H

#include "memo/retrain.h"
#include "stream/keylist.h"
#include "stream/record.h"
#include "tool/cli.h"

struct memo_truth {
	const char *tests, *leave;   /* set by the caller: a file of test records; a file of keys; or NULL */

	struct dataset data;         /* the test records */
	struct buf *key;             /* [data.n]: their keys, as tables print them */
	size_t nkeys, key_cap;
	struct keylist list;         /* of leave */
	uint32_t *left;              /* [nleft]: positions of the records to leave out, in the order of the stream */
	struct buf *left_key;        /* [nleft] */
	size_t nleft, left_cap, left_key_cap;
	struct buf text, scratch;    /* for the current record */
};

/* Reads the list of keys. */
int memo_truth_open(struct memo_truth *t, struct fail *f);
/* If a record of the training is listed, remembers its position. */
int memo_truth_find(struct memo_truth *t, struct record *r, size_t position, struct fail *f);
/* After all records: reads the test records; mem: bytes of them in memory. Fails if a listed key is missing. */
int memo_truth_read(struct memo_truth *t, struct config *cfg, const struct cli *c, size_t mem, struct fail *f);
/* Appends a line for each record left out and each test record: their keys, the mean change of the loss over the repeats, and with more
 * than one its standard error. */
int memo_truth_table(const struct memo_truth *t, const struct retrain *r, struct buf *out, struct fail *f);
void memo_truth_free(struct memo_truth *t);

#endif
