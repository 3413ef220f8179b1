/* criterion.h - what records are ranked by: a field, or the joint score of several. */
#ifndef VF_CRITERION_H
#define VF_CRITERION_H

#include "stream/fields.h"
#include "rank/joint.h"
#include "rank/ranking.h"

struct criterion {
	char *text;                  /* as given: a or a,b,c */
	char *field[JOINT_MAX_FIELDS];
	struct joint joint;          /* p fields; a score of its own where p > 1 */
	double *x;                   /* [n][p], while they are collected */
	size_t n, cap;
};

/* list: names with commas between; none twice, none empty. criterion_free() in any case. */
int criterion_open(struct criterion *b, const char *list, enum joint_kind kind, struct fail *f);
/* The numbers of a record: 1, or 0 when one is missing or no number. */
int criterion_values(const struct criterion *b, const struct fields *s, double *values);
/* The next record of the stream, into the ranking and, for a joint score, into memory: 8 bytes a field. */
int criterion_add(struct criterion *b, const struct fields *s, struct ranking *r, struct fail *f);
/* Fits the joint score, gives every record of the ranking its value, and lets the memory go. Nothing for one field. */
int criterion_fit(struct criterion *b, struct ranking *r, struct fail *f);
/* The value of a record: the field itself, or the joint score. 1, or 0. */
int criterion_score(const struct criterion *b, const struct fields *s, double *value);
void criterion_free(struct criterion *b);

#endif
