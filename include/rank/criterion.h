/* criterion.h - what records are ranked by: one field, or the joint score of several. */
#ifndef VF_CRITERION_H
#define VF_CRITERION_H

#include "stream/record.h"
#include "rank/joint.h"
#include "rank/learn.h"
#include "rank/ranking.h"

enum { CRITERION_MAX_NAMES = 3 * JOINT_MAX_FIELDS };

/* An entry of the lists: a field, or a pattern that stands for all numeric fields of the stream that it matches. */
struct criterion_name {
	const char *text; /* in copy */
	int pattern;      /* it has * or ?, as expr_like() takes them */
	int question;     /* the bits JOINT_HARDER, ... that its list asks */
};

struct criterion {
	char *list;     /* of -k, as given: a or a,b,c or a,b_* */
	char *unlike, *far; /* of --unlike and --far, as given, or NULL */
	char *label;    /* these, and whether the score is learned, as rank_by says */
	char *copy[JOINT_QUESTIONS]; /* of the lists, cut into names */
	struct criterion_name name[CRITERION_MAX_NAMES];
	int names, patterns;
	int joint_wanted; /* there are several names, a pattern or JOINT_BOTH: so there is a joint score, perhaps of one field */
	char *field[JOINT_MAX_FIELDS]; /* [joint.p]; patterns append to it */
	struct joint joint;
	double *x;                  /* [n][joint.p], the values collected for the fit */
	size_t n, cap;              /* cap: allocated numbers */
	struct joint_parts *parts;  /* JOINT_BOTH, after the fit: of every record of the stream */
	int learns;                 /* there are decisions to learn from: then there is a joint score */
	struct learn_decision *decision; /* [decisions], by position among the collected records */
	size_t decisions, decisions_cap;
	struct learn learn;         /* learn.p > 0: the score is the learned one */
	double *joint_score;        /* where learnt, after the fit: of every record of the stream */
	double v[JOINT_MAX_FIELDS]; /* the values of the last record, NAN if missing */
	uint64_t missing[JOINT_MAX_FIELDS], incomplete; /* records with a score that lack a field; that lack any */
};

/* Of names or patterns separated by commas, each once in its list, none empty. */
struct criterion_lists {
	const char *list;         /* the fields; of JOINT_BOTH those that ask whether a record is harder than the rest */
	const char *unlike, *far; /* JOINT_BOTH: the fields of the distances, or NULL. Without both, unlike has those of list */
};
/* Call criterion_free() also after a failure. */
int criterion_open(struct criterion *c, const struct criterion_lists *lists, enum joint_kind kind, struct fail *f);
/* Adds a field that a pattern stood for when a reference was made; no-op where it is there. Fails
 * where no entry stands for it. */
int criterion_add_field(struct criterion *c, const char *name, struct fail *f);
/* Says in the label that the score is learned. */
int criterion_label_learned(struct criterion *c, struct fail *f);
/* Whether a list asks this question, a bit of joint.h. */
int criterion_asks(const struct criterion *c, int question);
/* Reads the numbers of a record into c->v: how many there are, or -1. */
int criterion_values(struct criterion *c, struct record *rec, struct fail *f);
/* Adds the next record of the stream to the ranking; of several fields, keeps the values: 8 bytes a field. */
int criterion_add(struct criterion *c, struct record *rec, struct ranking *r, struct fail *f);
/* A person has decided on the record that was added last, which has a score. */
int criterion_decide(struct criterion *c, int drop, struct fail *f);
/* Fits the joint score, and learns where c->learns; stores it in the ranking (not sorted yet), and frees the values. No-op for one field. Fails
 * where no record has one of the fields. */
int criterion_fit(struct criterion *c, struct ranking *r, struct fail *f);

/* The same without records, for the columns of rank/columns.h, in this order: */
/* Adds the field that a column stands for, if a pattern matches it: for all columns, in the order in which the stream would have them. */
int criterion_add_column(struct criterion *c, const char *name, struct fail *f);
/* The position of a field in c->field, or -1. */
int criterion_field(const struct criterion *c, const char *name);
/* Allocates for n records in all, so that no later call allocates. */
int criterion_reserve(struct criterion *c, size_t n, struct fail *f);
/* Keeps the values v [joint.p] of the next record, NAN if missing, unless all are. Returns how many there are, or -1. */
int criterion_add_values(struct criterion *c, const double *v, struct fail *f);
/* Fits the joint score: then c->x[i] is the score of the i-th kept record. */
int criterion_fit_values(struct criterion *c, struct fail *f);

struct criterion_scores {
	double score; /* that ranks: the field itself, the joint score or the learned one */
	double joint;
	struct joint_parts parts; /* of JOINT_BOTH */
};
/* The scores of a record: 1, 0 if it has none, -1. */
int criterion_score(struct criterion *c, struct record *rec, struct criterion_scores *s, struct fail *f);
/* Appends why the score of a record is high, as in "nll high": the field without which it would fall most. Its values are c->v. */
int criterion_explain(const struct criterion *c, struct buf *out, struct fail *f);
void criterion_free(struct criterion *c);

#endif
