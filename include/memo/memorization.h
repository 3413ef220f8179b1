/* memorization.h - the memorization score of a record (van den Burg & Williams 2021, equations 3 and 4):
 *
 *   U = log mean over the models that saw x of p(x),   V = log mean over those that did not,   M = U - V
 *
 * Means are of probabilities, taken in log space.
 */
#ifndef VF_MEMORIZATION_H
#define VF_MEMORIZATION_H

#include <stdint.h>

struct memorization {
	double memo;              /* M */
	double memo_se;           /* over repeats; with one repeat the jackknife of U over its models; NAN with one repeat of two folds */
	double logp_in, logp_out; /* U, V */
	double logp_se;           /* of importance sampling: the larger of those of U and V */
};

/* logp, se [repeats][folds]: log p(x) of one record under every model, and its standard error; fold [repeats]: the fold that it is in. */
void memorization_of(const double *logp, const double *se, const uint32_t *fold, int folds, int repeats, struct memorization *m);

#endif
