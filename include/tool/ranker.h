/* ranker.h - ranks a stream in two passes, or compares it with a reference in one.
 *
 * Ranking: the first pass collects the scores, the second appends rank, rank_n, rank_by, pct, z and those of a joint score. With sort, the
 * first pass also spools the records, and the second reads the spool in rank order.
 */
#ifndef VF_RANKER_H
#define VF_RANKER_H

#include "rank/drift.h"
#include "rank/reference.h"
#include "stream/keylist.h"
#include "tool/flow.h"

struct ranker {
	/* set by the caller */
	struct cli *cli;
	int sort;                   /* write the records in rank order, those without a score last */
	int compare;                /* compare with reference, which is read; otherwise rank */
	struct criterion criterion; /* opened */
	struct keylist decisions;   /* those to learn from, where criterion.learns */
	struct reference reference;
	struct drift drift[1 + JOINT_MAX_FIELDS]; /* with compare: of the score, and of every field of a joint score */

	const char *names[16];      /* of the fields that are appended, then NULL */
	struct flow flow;
	struct ranking ranking;
	struct provenance provenance; /* of the ranked scores */
	struct fail mixed;            /* the first record with another provenance */
	struct buf reason, key;       /* of the last record: joint_reason, and the key */
	size_t decided, undecided;    /* records of the stream that are in decisions; of these, the unsure and those without a score */
	struct atomic_file save;      /* --save-ref, while it is written */
	struct { int fd; struct writer *out; uint64_t *from, *len; size_t n, cap; } spool; /* [n]: the range of each record */
};

/* A ranker that ranker_free() can take at any time. */
#define RANKER_INIT {.spool.fd = -1, .save.fd = -1}

int ranker_open(struct ranker *k, struct fail *f);
/* Reads the whole stream and writes it. */
int ranker_run(struct ranker *k, struct fail *f);
/* Warnings, and the counts of --summary. */
int ranker_report(struct ranker *k, struct fail *f);
/* Closes the output, then puts the file of --save-ref in place: a failed stream leaves the old one. */
int ranker_close(struct ranker *k, struct fail *f);
void ranker_free(struct ranker *k);

#endif
