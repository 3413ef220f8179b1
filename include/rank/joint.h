/* joint.h - the joint score of several fields.
 *
 * JOINT_TAILS: the sum over the fields of -ln(share of the records whose value is at least as high), which combines
 * tail probabilities (Fisher 1932, Statistical Methods for Research Workers, section 21.1). It depends on ranks alone
 * and never falls when a field rises. If the p fields are independent, twice the score is chi-squared with 2p degrees
 * of freedom.
 * JOINT_MAHALANOBIS: the robust distance of the fields' logs from the bulk, both sides (mcd.h).
 */
#ifndef VF_JOINT_H
#define VF_JOINT_H

#include "rank/mcd.h"
#include "rank/quantiles.h"

enum { JOINT_MAX_FIELDS = MCD_MAX_FIELDS };

enum joint_kind { JOINT_TAILS, JOINT_MAHALANOBIS, JOINT_KINDS };
extern const char *const joint_names[]; /* [JOINT_KINDS], then NULL */
/* The kind with this name; JOINT_KINDS if there is none, or if name is NULL. */
enum joint_kind joint_kind_of(const char *name);

struct joint {
	int p; /* fields, at most JOINT_MAX_FIELDS */
	enum joint_kind kind;
	struct quantiles tail[JOINT_MAX_FIELDS]; /* JOINT_TAILS: the distribution of each field */
	struct mcd mcd;                          /* JOINT_MAHALANOBIS */
};

/* Fits j, whose p and kind are set, to n records x [n][p]; then x[i] is the score of record i. Allocates 16 bytes a
 * record for the time of the call. Call joint_free() also after a failure. */
int joint_fit(struct joint *j, double *x, size_t n, struct fail *f);
/* The score of one record's values [p]. A value above all fitted ones has the share of the highest, 1/n. For a record
 * of the fit the result has the same bits as in joint_fit(); for JOINT_TAILS only up to QUANTILES_MAX records. */
double joint_score(const struct joint *j, const double *values);
/* Whether a field adds nothing to the score: it has no spread (mcd.h), or one value in all records. */
int joint_degenerate(const struct joint *j, int field);
void joint_free(struct joint *j);

#endif
