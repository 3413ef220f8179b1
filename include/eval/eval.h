/* eval.h - evaluates fields of a stream beside two baselines: their distributions, their values during training, how well they
 * detect records that are known as positive, and how they correlate with the axis, which is the loss or another field.
 *
 * A score is only worth its time if it beats the baselines: the loss, and the compressed size of the payload (the size
 * of the payload itself for PNG, JPEG, WebP and AVIF, which are compressed already; otherwise its size under zlib level 6).
 * Memory: 16 bytes a record for every field and baseline, 8 for the axis and for every checkpoint of the course.
 */
#ifndef VF_EVAL_H
#define VF_EVAL_H

#include "eval/correlate.h"
#include "eval/course.h"
#include "eval/detect.h"
#include "stream/expr.h"
#include "input/deflated.h"

enum { EVAL_MAX_FIELDS = 32, EVAL_MAX_CUTOFFS = 16 };
#define EVAL_LOSS "loss"
#define EVAL_SIZE "compressed_size"

struct eval_field {
	const char *name;            /* in eval.names, or EVAL_LOSS, or EVAL_SIZE */
	int baseline;
	struct detection detection;  /* sorted by eval_finish() */
	double auc, ceiling, auroc, auroc_se, average_precision; /* NAN unless there are positives and negatives */
	struct correlation fit;      /* x: the axis, y: this field; n is 0 if this field is the axis */
};

struct eval_cutoff { /* how many of the highest records are checked */
	double amount;
	int percent; /* amount is a percentage */
};

struct eval {
	struct eval_field field[EVAL_MAX_FIELDS + 2]; /* [nfields]: those requested, then the baselines */
	int nfields, nrequested;
	int loss;                             /* the index of the loss in field; -1: omitted */
	struct eval_axis {                    /* what fields are plotted against */
		char *name;                   /* of a field; NULL: the loss */
		int negated, given;           /* given: by the user */
		double *v;                    /* [n] by position, without the sign; NULL: the loss is used */
		size_t n, cap;
	} axis;
	struct course course;                 /* of the first field */
	struct eval_cutoff cutoff[EVAL_MAX_CUTOFFS];
	int ncutoffs;
	struct expr *positive;                /* owned; NULL: nothing is labelled */
	uint64_t records, positives, missing; /* missing: lack a name of the expression, and count as negative */
	const char *omitted[2];               /* baselines that too few records have */
	int nomitted;

	char *names, extensions[128]; /* extensions of the payload: those of a new configuration, or set by the caller */
	struct deflated deflated;
};

/* fields: names separated by commas; cutoffs: as in "1%,5%,100", or NULL for the default; positive: an expression, or
 * NULL. A failure is a usage error. Call eval_free() also after a failure. */
int eval_open(struct eval *e, const char *fields, const char *cutoffs, const char *positive, struct fail *f);
/* Sets the axis to a field, which a minus before its name negates. NULL: logp_in of the same prefix if the first field is memo (vae-memo(1)),
 * otherwise -loss. A failure is a usage error. */
int eval_set_axis(struct eval *e, const char *axis, struct fail *f);
/* Replaces the one requested field by others. Only valid while no record has had it. */
int eval_set_fields(struct eval *e, const char *fields, struct fail *f);
/* Adds a record: 1 if it is positive, 0 or -1. */
int eval_add(struct eval *e, struct record *r, struct fail *f);
/* Sorts, and computes all measures. */
int eval_finish(struct eval *e, struct fail *f);
/* With an expression for positives, fails unless every requested field has positive and negative records. Without one, fails unless every field
 * is a number in some record. positive: the expression, for the message. */
int eval_check_labels(const struct eval *e, const char *positive, struct fail *f);
/* Parses a list of cutoffs. Returns their number, or -1 with a message. */
int eval_parse_cutoffs(struct eval_cutoff cutoff[EVAL_MAX_CUTOFFS], const char *list, struct fail *f);
/* The number of records, of n, that a cutoff selects: rounded, at least 1, at most n. */
uint64_t eval_cutoff_count(const struct eval_cutoff *c, uint64_t n);
/* The same of the records that have the field; cutoff: index in e->cutoff. */
uint64_t eval_cutoff_records(const struct eval *e, const struct eval_field *v, int cutoff);
/* The quantile of a field for a share 0 <= q <= 1 of its records; NAN if none has it. After eval_finish(). */
double eval_quantile(const struct eval_field *v, double q);
/* The axis by position, with its sign; the caller frees it. [records], NAN if the value is missing. NULL with a message. */
double *eval_axis_values(const struct eval *e, struct fail *f);
/* The name of the axis, with a minus if it is negated; for a chart, "negative NAME". Both return out. */
const char *eval_axis_name(const struct eval *e, char *out, size_t size);
const char *eval_axis_label(const struct eval *e, char *out, size_t size);
/* Whether a field is the axis. */
int eval_is_axis(const struct eval *e, const struct eval_field *v);
/* A field's values by position in the stream, NAN if it is missing: allocates [records]. */
double *eval_values(const struct eval *e, const struct eval_field *v, struct fail *f);
/* Whether each record is positive, by position: allocates [records]. */
char *eval_labels(const struct eval *e, struct fail *f);
void eval_free(struct eval *e);

/* Appends the results as tables, or as one JSON object (vae-eval(1)); without an expression for positives, only the distributions. */
int eval_table(const struct eval *e, struct buf *out, struct fail *f);
int eval_json(const struct eval *e, struct buf *out, struct fail *f);

#endif
