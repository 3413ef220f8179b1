/* criterion.h - what records are ranked by: one field, or the joint score of several. */
#ifndef VF_CRITERION_H
#define VF_CRITERION_H

#include "stream/record.h"
#include "rank/joint.h"
#include "rank/ranking.h"

struct criterion {
	char *list;                    /* as given: a or a,b,c */
	char *field[JOINT_MAX_FIELDS]; /* [joint.p], in one block that field[0] owns */
	struct joint joint;            /* used where p > 1 */
	double *x;                     /* [n][p], the values collected for the fit */
	size_t n, cap;
};

/* list: names separated by commas, each once, none empty. Call criterion_free() also after a failure. */
int criterion_open(struct criterion *c, const char *list, enum joint_kind kind, struct fail *f);
/* Reads the numbers of a record into values [p]: 1, 0 if one is missing or not a number, -1. */
int criterion_values(const struct criterion *c, struct record *rec, double *values, struct fail *f);
/* Adds the next record of the stream to the ranking; of several fields, keeps the values: 8 bytes a field. */
int criterion_add(struct criterion *c, struct record *rec, struct ranking *r, struct fail *f);
/* Fits the joint score, stores it in the ranking (not sorted yet), and frees the values. No-op for one field. */
int criterion_fit(struct criterion *c, struct ranking *r, struct fail *f);
/* The score of a record, the field itself or the joint score: 1, 0 if it has none, -1. */
int criterion_score(const struct criterion *c, struct record *rec, double *score, struct fail *f);
void criterion_free(struct criterion *c);

#endif
