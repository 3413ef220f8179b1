/* review_reason.h - why a record is a suspect: the score in which it is unusual, and the words by which a person filters. */
#ifndef VF_REVIEW_REASON_H
#define VF_REVIEW_REASON_H

#include "report/review.h"

/* Whether a field is a joint score of vae-rank, or a part of one: such a field says nothing about why. */
int review_is_joint(const char *name);
/* Sets why, low and category of a suspect, and adds to the categories of v. The fields of v are sorted (eval_finish()). */
int review_explain(struct review *v, struct suspect *s, struct fail *f);

#endif
