/* joint.h - the joint score of several fields. A field that a record lacks (NAN) adds nothing.
 *
 * JOINT_TAILS, is it harder: the sum over the fields of -ln(share of the records whose value is at least as high), which
 * combines tail probabilities (Fisher 1932, Statistical Methods for Research Workers, section 21.1). It depends on ranks
 * alone and never falls when a field rises. If the p fields are independent, twice the score is chi-squared with 2p
 * degrees of freedom. The share is among the records that have the field.
 * JOINT_MAHALANOBIS, is it unlike the rest: the robust distance of the fields' logs from the bulk, both sides (mcd.h).
 * JOINT_BOTH: these questions, each of its own fields. The scores are combined by their tails: S(tails) + S(unlike) +
 * max(0, S(far) - ln 10), S(x) = -ln(share of the records with at least x). The third, far, is another distance of
 * fields of its own, which counts only for the tenth of the records that are farthest: a product of p-values with a soft
 * threshold at 0.1 (Zhang, Tong, Landers & Wu 2020, "TFisher: a powerful truncation and weighting procedure for combining
 * p-values"). A full sum would lower every record that is central in a group.
 */
#ifndef VF_JOINT_H
#define VF_JOINT_H

#include "rank/mcd.h"
#include "rank/quantiles.h"

enum { JOINT_MAX_FIELDS = MCD_MAX_FIELDS };

enum joint_kind { JOINT_TAILS, JOINT_MAHALANOBIS, JOINT_BOTH, JOINT_KINDS };
extern const char *const joint_names[]; /* [JOINT_KINDS], then NULL */
/* The kind with this name; JOINT_KINDS if there is none, or if name is NULL. */
enum joint_kind joint_kind_of(const char *name);

enum { JOINT_HARDER = 1, JOINT_UNLIKE = 2, JOINT_FAR = 4, JOINT_QUESTIONS = 3 }; /* the questions, as bits */

struct joint_parts { double of[JOINT_QUESTIONS]; }; /* the scores of harder, unlike and far; 0 for a question without fields */

struct joint {
	int p; /* fields, at most JOINT_MAX_FIELDS */
	enum joint_kind kind;
	unsigned char use[JOINT_MAX_FIELDS];     /* JOINT_BOTH: the questions that a field enters */
	struct quantiles tail[JOINT_MAX_FIELDS]; /* the distribution of each field over the records that have it */
	struct mcd mcd, far;                     /* of the fields that enter JOINT_UNLIKE and JOINT_FAR, in order; p 0: none */
	int too_few; /* JOINT_BOTH, after the fit: the bits of the distances that add nothing, because too few records have all of their fields */
	struct quantiles part[JOINT_QUESTIONS];  /* JOINT_BOTH: the distributions of joint_parts, over all records */
};

/* Whether a field enters a question. */
int joint_uses(const struct joint *j, int field, int question);
/* Fits j, whose p, kind and use are set, to n records x [n][p], each with one field at least; then x[i] is the score of
 * record i, and parts[i] (NULL, or [n] for JOINT_BOTH) the scores of the questions. Allocates 16 bytes a record for
 * the time of the call, and 8 for every field that enters JOINT_FAR; where some lack a field, 8 for every field of a distance
 * too. Call joint_free() also after a failure. */
int joint_fit(struct joint *j, double *x, size_t n, struct joint_parts *parts, struct fail *f);
/* The score of one record's values [p], and of the questions (JOINT_BOTH) unless parts is NULL. A value above all
 * fitted ones has the share of the highest, 1/n. For a record of the fit the result has the same bits as in joint_fit();
 * of tails only up to QUANTILES_MAX records. */
double joint_score(const struct joint *j, const double *values, struct joint_parts *parts);

/* Why a record's score is high: the question that adds most to it, and the field without which the score of this
 * question would fall most. */
struct joint_reason {
	int question, field; /* field -1: the score is 0 */
	int low;             /* the field is low rather than high; for a distance, given the other fields */
};
struct joint_reason joint_explain(const struct joint *j, const double *values);
/* Whether a field adds nothing to the question: it has no spread (mcd.h), or one value in all records. */
int joint_degenerate(const struct joint *j, int field, int question);
void joint_free(struct joint *j);

#endif
