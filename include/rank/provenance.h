/* provenance.h - which model and options the ranked fields were scored with: scores of different models, or under
 * different options, cannot be compared. */
#ifndef VF_PROVENANCE_H
#define VF_PROVENANCE_H

#include "rank/criterion.h"

/* A field F written under --prefix P has them in the fields Pmodel and Poptions; P is the longest prefix of F for which
 * the record has such a field. NULL: the records do not say. */
struct provenance {
	const char *holder; /* for messages: "earlier records have", "the reference has" */
	int known;
	char *model[JOINT_MAX_FIELDS], *options[JOINT_MAX_FIELDS]; /* [p] */
};

/* The first call takes the provenance of a record's fields; later calls fail if a record's differs. */
int provenance_check(struct provenance *o, const struct criterion *c, const struct fields *s, struct fail *f);
void provenance_free(struct provenance *o, int p);

#endif
