/* judge.h - several fields of a stream side by side, beside two baselines: how they are distributed, how
 * well they find known records, and how far they go along with the loss.
 *
 * The baselines are what a score must beat to be worth its time: the loss, and the compressed size of
 * the payload (the payload's bytes as they are if PNG or JPEG, which are compressed; else under
 * zlib's level 6). 16 bytes a record for every field and baseline.
 */
#ifndef VF_JUDGE_H
#define VF_JUDGE_H

#include "eval/correlate.h"
#include "eval/detect.h"
#include "stream/expr.h"
#include "input/input.h"

enum { JUDGE_FIELDS = 32, JUDGE_CUTS = 16 };
#define JUDGE_LOSS "loss"
#define JUDGE_SIZE "compressed_size"

struct judged {
	const char *name;        /* inside judge.names, or one of the two above */
	int baseline;
	struct detection d;      /* sorted by judge_finish() */
	/* NAN where nothing is labelled, or all is */
	double auc, ceiling, auroc, auroc_se, precision;
	struct correlation loss; /* x: -loss, y: this field; n 0 for the loss itself */
};

struct judge {
	struct judged v[JUDGE_FIELDS + 2]; /* those asked for, then the baselines */
	int n, asked, loss;                /* loss: which of v it is */
	struct {
		double amount;
		int percent;
	} cut[JUDGE_CUTS];
	int ncuts;
	struct expr *positive; /* owned; NULL: nothing is labelled */
	uint64_t records, positives, missing; /* missing: lack a name of the expression, and count as negative */
	const char *without[2]; /* baselines left out, for no record has them */
	int nwithout;

	char *names, extensions[128];
	struct deflated deflated;
};

/* fields: names separated by commas; cuts: as in "1%,5%,100", or NULL for seven of percent; positive: an
 * expression, or NULL. A failure is one of usage. */
int judge_open(struct judge *j, const char *fields, const char *cuts, const char *positive, struct fail *f);
/* Other fields in place of the one that was asked for, when no record so far has that as a number. */
int judge_rename(struct judge *j, const char *fields, struct fail *f);
/* One more record: 1 positive, 0, -1. */
int judge_add(struct judge *j, struct record *r, struct fail *f);
/* Sorts and measures. */
int judge_finish(struct judge *j, struct fail *f);
/* Whether the labels tell records of every field that was asked for apart. positive: what to call the expression. */
int judge_check(const struct judge *j, const char *positive, struct fail *f);
/* How many records are checked at a cut: rounded, at least one, at most all that have the field. */
uint64_t judge_checked(const struct judge *j, const struct judged *v, int cut);
/* A field's values by position in the stream, NAN where there is none: allocates [records]. */
double *judge_values(const struct judge *j, const struct judged *v, struct fail *f);
/* Which records are positive, by position: allocates [records]. */
char *judge_labels(const struct judge *j, struct fail *f);
void judge_free(struct judge *j);

/* For people, and for programs. */
int judge_table(const struct judge *j, struct buf *out, struct fail *f);
int judge_json(const struct judge *j, struct buf *out, struct fail *f);

#endif
