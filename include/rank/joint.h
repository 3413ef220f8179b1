/* joint.h - the joint score of several fields.
 *
 * JOINT_TAILS: the sum over the fields of -ln(share of the records whose value is at least as high), the combination
 * of tail probabilities of Fisher 1932, Statistical Methods for Research Workers, section 21.1. It depends on ranks
 * alone, and never falls when a field rises. Twice it is chi-squared with 2p degrees of freedom where the fields are
 * independent.
 * JOINT_MAHALANOBIS: how far the logs lie from the bulk, high or low (mcd.h).
 */
#ifndef VF_JOINT_H
#define VF_JOINT_H

#include "rank/mcd.h"
#include "rank/quantiles.h"

enum { JOINT_MAX_FIELDS = MCD_MAX_FIELDS };

enum joint_kind { JOINT_TAILS, JOINT_MAHALANOBIS, JOINT_KINDS };
extern const char *const joint_names[JOINT_KINDS];
/* JOINT_KINDS: there is none of that name, or name is NULL. */
enum joint_kind joint_kind_of(const char *name);

struct joint {
	int p; /* fields, at most JOINT_MAX_FIELDS */
	enum joint_kind kind;
	struct quantiles tail[JOINT_MAX_FIELDS]; /* of JOINT_TAILS: the values of each field */
	struct mcd mcd;                   /* of JOINT_MAHALANOBIS */
};

/* Fits j (p and kind are set) to n records x [n][p]; afterwards x[i] is the score of record i. Beside them it wants
 * 16 bytes a record. joint_free() in any case. */
int joint_fit(struct joint *j, double *x, size_t n, struct fail *f);
/* Of the values of a record. A value beyond all of the fit has the share of the highest, 1/n. Of the fit's own
 * records it is what joint_fit() gives, to the bit; of JOINT_TAILS only up to QUANTILES_MAX records. */
double joint_score(const struct joint *j, const double *values);
/* A field that says nothing: left out of the distance, or of one value in all records. */
int joint_degenerate(const struct joint *j, int field);
void joint_free(struct joint *j);

#endif
