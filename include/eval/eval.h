/* judge.h - several fields of a stream side by side, beside two baselines: how they are distributed, how
 * well they find known records, and how far they go along with the loss.
 *
 * The baselines are what a score must beat to be worth its time: the loss, and the compressed size of
 * the payload (the payload's bytes as they are if PNG or JPEG, which are compressed; else under
 * zlib's level 6). 16 bytes a record for every field and baseline.
 */
#ifndef VF_EVAL_H
#define VF_EVAL_H

#include "eval/correlate.h"
#include "eval/detect.h"
#include "stream/expr.h"
#include "input/deflated.h"

enum { EVAL_MAX_FIELDS = 32, EVAL_MAX_CUTOFFS = 16 };
#define EVAL_LOSS "loss"
#define EVAL_SIZE "compressed_size"

struct eval_field {
	const char *name;        /* inside judge.names, or one of the two above */
	int baseline;
	struct detection d;      /* sorted by eval_finish() */
	/* NAN where nothing is labelled, or all is */
	double auc, ceiling, auroc, auroc_se, precision;
	struct correlation loss; /* x: -loss, y: this field; n 0 for the loss itself */
};

struct eval {
	struct eval_field v[EVAL_MAX_FIELDS + 2]; /* those asked for, then the baselines */
	int n, asked, loss;                /* loss: which of v it is */
	struct {
		double amount;
		int percent;
	} cut[EVAL_MAX_CUTOFFS];
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
int eval_open(struct eval *j, const char *fields, const char *cuts, const char *positive, struct fail *f);
/* Other fields in place of the one that was asked for, when no record so far has that as a number. */
int eval_set_fields(struct eval *j, const char *fields, struct fail *f);
/* One more record: 1 positive, 0, -1. */
int eval_add(struct eval *j, struct record *r, struct fail *f);
/* Sorts and measures. */
int eval_finish(struct eval *j, struct fail *f);
/* Whether the labels tell records of every field that was asked for apart. positive: what to call the expression. */
int eval_check_labels(const struct eval *j, const char *positive, struct fail *f);
/* How many records are checked at a cut: rounded, at least one, at most all that have the field. */
uint64_t eval_cutoff_records(const struct eval *j, const struct eval_field *v, int cut);
/* A field's values by position in the stream, NAN where there is none: allocates [records]. */
double *eval_values(const struct eval *j, const struct eval_field *v, struct fail *f);
/* Which records are positive, by position: allocates [records]. */
char *eval_labels(const struct eval *j, struct fail *f);
void eval_free(struct eval *j);

/* For people, and for programs. */
int eval_table(const struct eval *j, struct buf *out, struct fail *f);
int eval_json(const struct eval *j, struct buf *out, struct fail *f);

#endif
