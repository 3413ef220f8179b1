/* learn.h - a ranking that learns from decisions: keep or drop of some records.
 *
 * The log odds of drop are a logistic model (logistic.h) of the surprisal of the joint score, -ln(share of the records with
 * at least this score), and of the coordinates of the fields. A field has two: z, its log or asinh, standardised as in
 * mcd.h and cut at +-5, and |z| - 0.8, so that a field can be unusual on either side. Both are 0 if it is missing.
 * The prior expects 1 for the weight of the joint score, with variance 1/3, and 0 for the others, with variance 1 / (3 of
 * them). So few decisions change the joint ranking little, and no decision of one of the two kinds not at all.
 */
#ifndef VF_LEARN_H
#define VF_LEARN_H

#include "rank/joint.h"

enum { LEARN_MAX_WEIGHTS = 2 * JOINT_MAX_FIELDS + 1, LEARN_FOLDS = 5 };

struct learn {
	int p;                                 /* fields; 0: nothing has been learnt */
	struct mcd_axis axis[JOINT_MAX_FIELDS]; /* [p]; spread 0: the field is left out */
	struct quantiles joint;                /* the distribution of the joint score */
	double weight[LEARN_MAX_WEIGHTS];      /* of the joint score; then of z and of |z| of every field */
	/* what was learnt from; auroc and joint_auroc: mean over the folds of a cross-validation, NAN if there are fewer than 2
	 * decisions of a kind */
	size_t keep, drop;
	double auroc, error, joint_auroc;
};

struct learn_decision {
	size_t record;      /* row of x */
	unsigned char drop; /* 1: drop, 0: keep */
};

/* Learns from n decisions over the records of x [records][p], NAN if a field is missing, which have these joint scores.
 * Without a decision of each kind, l->p stays 0. Allocates 16 bytes a record for the time of the call. Call learn_free()
 * also after a failure. */
int learn_fit(struct learn *l, int p, const double *x, const double *joint, size_t records, const struct learn_decision *d, size_t n, struct fail *f);
/* The log odds of drop, up to a constant, of a record's values [p] and joint score. */
double learn_score(const struct learn *l, const double *values, double joint);
void learn_free(struct learn *l);

#endif
