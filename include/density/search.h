/* search.h - scores of points that the estimators are not fitted to, by k-NN and KDE: -log p(z). A point that equals one of the fit has the
 * score of that one; of k-NN with the same bits.
 */
#ifndef VF_DENSITY_SEARCH_H
#define VF_DENSITY_SEARCH_H

#include "density/scores.h"

/* s: fitted, and not yet released by density_release(); borrowed. Several threads may search at once. NULL with a message. */
struct density_search;
struct density_search *density_search_open(const struct density_scores *s, struct fail *f);
int density_columns(const struct density_scores *s); /* scores of a point */
/* nll [density_columns()][z->n]: of k-NN for each k, then of KDE. z is not scaled. */
int density_search(const struct density_search *x, const struct points *z, double *nll, struct fail *f);
/* What stands for an infinite nll, with the reason in limit: the lowest of the fit for k-NN, DBL_MAX for KDE. */
double density_search_limit(const struct density_scores *s, enum density_method m, int q, double nll, struct fail *limit);
void density_search_free(struct density_search *x);

#endif
