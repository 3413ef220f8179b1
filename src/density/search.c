/* Scores of points that the estimators are not fitted to. */
#include "density/search.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "density/kde.h"
#include "density/tiles.h"

struct density_search {
	const struct density_scores *s;
	struct knn_index *index; /* or NULL */
	float *centre;           /* [d]; for KDE, or NULL */
};

int density_columns(const struct density_scores *s) { return (s->use[DENSITY_KNN] ? s->nk : 0) + s->use[DENSITY_KDE]; }

struct density_search *density_search_open(const struct density_scores *s, struct fail *f)
{
	struct density_search *x = calloc(1, sizeof *x);
	int bad = x ? 0 : fail_memory(f);
	if (!bad) {
		x->s = s;
		bad = s->use[DENSITY_KNN] && !(x->index = knn_index_open(&s->rows, s->k, s->nk, f));
	}
	if (!bad && s->use[DENSITY_KDE])
		bad = !(x->centre = points_centre(&s->x, f));
	if (bad) {
		density_search_free(x);
		return NULL;
	}
	return x;
}

void density_search_free(struct density_search *x)
{
	if (x) {
		knn_index_free(x->index);
		free(x->centre);
	}
	free(x);
}

static int search_knn(const struct density_search *x, const struct points *z, double *nll, struct fail *f)
{
	const struct density_scores *s = x->s;
	size_t n = (size_t)s->nk * z->n;
	struct knn_ball *balls = malloc((n + 1) * sizeof *balls);
	int bad = balls ? knn_search(x->index, z, balls, NULL, f) : fail_memory(f);
	for (size_t i = 0; i < n && !bad; i++)
		nll[i] = knn_nll(s->x.n, s->x.d, balls[i].records, balls[i].r);
	free(balls);
	return bad;
}

static int search_kde(const struct density_search *x, const struct points *z, double *nll, struct fail *f)
{
	const struct density_scores *s = x->s;
	if (kde_search(&s->x, s->sigma, x->centre, z, nll, f))
		return -1;
	for (size_t i = 0; i < z->n; i++)
		nll[i] = kde_nll(s->x.n, s->x.d, s->sigma, nll[i]);
	return 0;
}

int density_search(const struct density_search *x, const struct points *points, double *nll, struct fail *f)
{
	const struct density_scores *s = x->s;
	struct points z = *points;
	float *scaled = s->axes.centre ? axes_apply(&s->axes, points, f) : NULL;
	if (s->axes.centre && !scaled)
		return -1;
	if (scaled)
		z = (struct points){.f4 = scaled, .n = z.n, .d = z.d, .step = 1};
	int bad = s->use[DENSITY_KNN] && search_knn(x, &z, nll, f);
	if (!bad && s->use[DENSITY_KDE])
		bad = search_kde(x, &z, nll + (s->use[DENSITY_KNN] ? (size_t)s->nk * z.n : 0), f);
	free(scaled);
	return bad ? -1 : 0;
}

double density_search_limit(const struct density_scores *s, enum density_method m, int q, double nll, struct fail *limit)
{
	if (!isinf(nll))
		return nll;
	if (m == DENSITY_KDE) {
		fail_set(limit, "kde: too far from all other records for sigma = %.9g", s->sigma);
		return DBL_MAX;
	}
	fail_set(limit, "knn: %d records or more of the reference equal this one, so that R_k is 0", s->k[q]);
	return s->limits[m][q].low_nll;
}
