/* rankby.h - what records are ranked by: a field, or the joint score of several. */
#ifndef VF_RANKBY_H
#define VF_RANKBY_H

#include "stream/fields.h"
#include "rank/joint.h"
#include "rank/ranking.h"

struct rankby {
	char *text;                  /* as given: a or a,b,c */
	char *field[JOINT_MAX];
	struct joint joint;          /* p fields; a score of its own where p > 1 */
	double *x;                   /* [n][p], while they are collected */
	size_t n, cap;
};

/* list: names with commas between; none twice, none empty. rankby_free() in any case. */
int rankby_open(struct rankby *b, const char *list, enum joint_kind kind, struct fail *f);
/* The numbers of a record: 1, or 0 when one is missing or no number. */
int rankby_values(const struct rankby *b, const struct fields *s, double *values);
/* The next record of the stream, into the ranking and, for a joint score, into memory: 8 bytes a field. */
int rankby_add(struct rankby *b, const struct fields *s, struct ranking *r, struct fail *f);
/* Fits the joint score, gives every record of the ranking its value, and lets the memory go. Nothing for one field. */
int rankby_fit(struct rankby *b, struct ranking *r, struct fail *f);
/* The value of a record: the field itself, or the joint score. 1, or 0. */
int rankby_score(const struct rankby *b, const struct fields *s, double *value);
void rankby_free(struct rankby *b);

#endif
