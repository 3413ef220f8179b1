/* provenance.h - which model and options the ranked fields were scored with: scores of different models, or under
 * different options, cannot be compared. */
#ifndef VF_PROVENANCE_H
#define VF_PROVENANCE_H

#include "rank/criterion.h"

/* A field F written under --prefix P has them in the fields Pmodel and Poptions; P is the longest prefix of F for which
 * the record has such a field. NULL: the records do not say. */
struct provenance {
	const char *holder; /* for messages: "earlier records have", "the reference has" */
	unsigned char known[JOINT_MAX_FIELDS]; /* [p]: a record has given those of the field */
	char *model[JOINT_MAX_FIELDS], *options[JOINT_MAX_FIELDS]; /* [p]; NULL: the records do not say */
};

/* The first record that has a field gives its provenance; the call fails for a record whose provenance differs. s: the fields of
 * the record whose values are c->v. */
int provenance_check(struct provenance *o, const struct criterion *c, const struct fields *s, struct fail *f);
/* Whether two models, or two options, are the same; NULL: the records do not say. */
int provenance_same(const char *a, const char *b);
void provenance_free(struct provenance *o);

#endif
