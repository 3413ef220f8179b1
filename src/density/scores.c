/* Runs the estimators over the collected records: the fit, and the scores of every record. */
#include "density/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "density/kde.h"
#include "density/kmeans.h"

const char *const density_names[DENSITY_METHODS] = {"knn", "kde", "gmm"};

/* --- the estimators --- */

/* sigma: the median over the rows of the distance to the k-th other row. Half of the rows then have k others within sigma, so that KDE
 * smooths over the same range as k-NN. Copies would make it 0. */
static int choose_sigma(struct density_scores *s, const struct exec *exec, struct fail *f)
{
	struct rows own = {.x.n = 0}, *rows = &s->rows;
	struct knn_ball *balls = NULL;
	double *r = NULL;
	int bad = s->count_copies ? rows_find(&own, &s->x, 0, f) : 0;
	if (s->count_copies)
		rows = &own;
	size_t n = rows->x.n;
	int k = (size_t)s->k[0] < n ? s->k[0] : (int)n - 1;
	if (!bad && n < 2)
		bad = fail_set(f, "--sigma auto finds no bandwidth, because all %zu records are equal: give a number", s->x.n);
	int have = s->balls && k == s->k[0] && !s->count_copies;
	if (!bad) {
		r = malloc(n * sizeof *r);
		balls = have ? NULL : malloc(n * sizeof *balls);
		bad = r && (have || balls) ? 0 : fail_memory(f);
	}
	if (!bad && !have)
		bad = knn_balls(rows, &k, 1, exec, balls, f);
	for (size_t i = 0; i < n && !bad; i++)
		r[i] = (have ? s->balls : balls)[i].next_r;
	if (!bad) {
		s->sigma = median(r, n);
		if (!(s->sigma > 0) || !isfinite(s->sigma))
			bad = fail_set(f, "--sigma auto finds no bandwidth: give a number");
	}
	free(r);
	free(balls);
	rows_free(&own);
	return bad;
}

static int fit_clusters(struct density_scores *s, const struct exec *exec, struct fail *f)
{
	const uint32_t *cluster = s->records->group_of;
	int k = (int)s->records->groups.n;
	if (s->clusters) {
		cluster = s->cluster = malloc(s->x.n * sizeof *s->cluster);
		k = s->clusters;
		if (!s->cluster)
			return fail_memory(f);
		if (kmeans(&s->x, k, s->seed, exec, s->cluster, f))
			return -1;
	}
	return gmm_fit(&s->gmm, &s->x, cluster, k, f);
}

static int scale_points(struct density_scores *s, const struct exec *exec, struct fail *f)
{
	if (axes_fit(&s->axes, s->scale, &s->x, exec, f))
		return -1;
	if (!s->axes.centre)
		return 0;
	s->scaled = axes_apply(&s->axes, &s->x, f);
	s->x = (struct points){NULL, s->scaled, s->x.n, s->x.d, 1};
	return s->scaled ? 0 : -1;
}

/* The k of --neighbors P%, and a k that the rows allow: R_{k+1} should exist, except that k-NN requires k = 2. */
static int choose_k(const struct density_scores *s, int k, double percent, struct fail *why)
{
	enum { LEAST = 10, MOST = 1000 };
	size_t rows = s->rows.x.n;
	double share = percent / 100 * (double)s->x.n;
	if (percent > 0) {
		k = share < LEAST ? LEAST : share > MOST ? MOST : (int)lround(share);
		if (share > MOST)
			fail_set(why, "%.9g%% of %zu records are more than %d: for more neighbours give their number", percent, s->x.n, MOST);
	}
	if ((size_t)k < rows || k <= 2)
		return k;
	fail_set(why, s->count_copies ? "there are only %zu records" : "there are only %zu different records", rows);
	return rows < 4 ? 2 : (int)rows - 1;
}

static void choose_all_k(struct density_scores *s)
{
	for (int q = s->nk - 1; q >= 0; q--) {
		struct fail why = {{0}};
		s->k[q] = choose_k(s, s->k[q], s->percent[q], &why);
		if (why.msg[0]) {
			s->k_changed = s->k[q];
			s->k_reason = why;
		}
	}
}

/* The lists of KNN_SORTED_MAX neighbours, where k-NN has more. */
static int list_fewer(const struct density_scores *s, const struct exec *exec, struct knn_neighbour **nearest, size_t *keep, struct fail *f)
{
	const int k = KNN_SORTED_MAX;
	struct knn_ball *balls = malloc(s->rows.x.n * sizeof *balls);
	int bad = balls ? knn_lists(&s->rows, &k, 1, exec, balls, nearest, keep, f) : fail_memory(f);
	free(balls);
	return bad;
}

static int fit_knn(struct density_scores *s, const struct exec *exec, struct fail *f)
{
	struct knn_neighbour *nearest = NULL;
	size_t keep = 0;
	int most = 0;
	for (int q = 0; q < s->nk; q++)
		most = s->k[q] > most ? s->k[q] : most;
	int shared = s->find_duplicates && most <= KNN_SORTED_MAX;
	s->balls = malloc((size_t)s->nk * s->rows.x.n * sizeof *s->balls);
	if (!s->balls)
		return fail_memory(f);
	int bad = knn_lists(&s->rows, s->k, s->nk, exec, s->balls, shared ? &nearest : NULL, shared ? &keep : NULL, f);
	if (!bad && s->find_duplicates && !shared)
		bad = list_fewer(s, exec, &nearest, &keep, f);
	if (!bad && s->find_duplicates)
		bad = duplicates_find(&s->dup, &s->x, &s->rows, nearest, keep, f);
	free(nearest);
	return bad ? -1 : 0;
}

static int fit_kde(struct density_scores *s, const struct exec *exec, struct fail *f)
{
	if (!(s->sigma > 0) && choose_sigma(s, exec, f))
		return -1;
	if (s->others)
		return 0;
	s->log_others = malloc(s->x.n * sizeof *s->log_others);
	if (!s->log_others)
		return fail_memory(f);
	return kde_leave_one_out(&s->x, s->sigma, exec, s->log_others, f);
}

/* --- scores --- */

static void score_knn(const struct density_scores *s, int q, size_t i, double *nll, double *self, struct fail *limit)
{
	uint32_t row = s->rows.of[i];
	const struct knn_ball *b = &s->balls[(size_t)q * s->rows.x.n + row];
	if (b->r == 0) {
		*nll = -INFINITY;
		*self = b->next_r > 0 ? INFINITY : log1p(-1 / (double)s->x.n);
		fail_set(limit, "knn: %d records or more equal this one, itself counted, so that R_k is 0", s->k[q]);
	} else if (isfinite(b->r)) {
		*nll = knn_nll(s->x.n, s->x.d, b->records, b->r);
		*self = knn_influence(s->x.n, s->x.d, b, 1, s->rows.copies[row]);
	} else if (s->rows.x.n == 1) { /* the ball holds all records, at distance 0 */
		*nll = -INFINITY;
		fail_set(limit, s->x.n > 1 ? "knn: all records are equal" : "knn: there is only one record");
	}
	if (isinf(b->next_r) && s->rows.copies[row] == 1)
		*self = NAN;
}

static void score_kde(const struct density_scores *s, size_t i, double *nll, double *self, struct fail *limit)
{
	if (!s->log_others) {
		if (s->sigma > 0)
			*nll = kde_nll(1, s->x.d, s->sigma, 0);
		fail_set(limit, "kde: there is only one record");
		return;
	}
	*nll = kde_nll(s->x.n, s->x.d, s->sigma, logaddexp(0, s->log_others[i]));
	*self = kde_influence(s->x.n, 0, s->log_others[i]);
	if (isinf(*self))
		fail_set(limit, "kde: too far from all other records for sigma = %.9g", s->sigma);
}

static void score_gmm(const struct density_scores *s, size_t i, double *nll, double *self, struct fail *limit)
{
	uint32_t c = s->gmm.cluster[i];
	size_t size = s->gmm.size[c];
	double var = s->gmm.var[c], uu = s->gmm.radius2[i];
	if (size == 1) {
		*nll = *self = INFINITY;
		fail_set(limit, "gmm: alone in its cluster");
	} else if (!(var > 0)) {
		*nll = -INFINITY;
		*self = log((double)size / (double)(size - 1)) + log1p(-1 / (double)s->x.n);
		fail_set(limit, "gmm: the %zu records of its cluster are equal", size);
	} else {
		*nll = gmm_nll(s->x.n, size, s->x.d, var, uu);
		*self = gmm_influence(s->form, s->x.n, size, s->x.d, var, uu, uu, 0);
		if (!isfinite(*self)) {
			*self = INFINITY;
			fail_set(limit, "gmm: without this record its cluster of %zu has no spread", size);
		}
	}
}

/* May be infinite: density_score() then takes a limit. */
static void raw_score(const struct density_scores *s, enum density_method m, int q, size_t i, double *nll, double *self, struct fail *limit)
{
	*nll = *self = NAN;
	if (m == DENSITY_KNN)
		score_knn(s, q, i, nll, self, limit);
	else if (m == DENSITY_KDE)
		score_kde(s, i, nll, self, limit);
	else
		score_gmm(s, i, nll, self, limit);
}

void density_score(const struct density_scores *s, enum density_method m, int q, size_t i, double *nll, double *self, struct fail *limit)
{
	const struct density_limits *l = &s->limits[m][q];
	raw_score(s, m, q, i, nll, self, limit);
	if (isinf(*nll))
		*nll = *nll < 0 ? l->low_nll : l->high_nll;
	if (isinf(*self))
		*self = l->high_self;
}

/* --- the fit --- */

static void find_limits(struct density_scores *s, enum density_method m, int q)
{
	double low_nll = INFINITY, high_nll = -INFINITY, high_self = -INFINITY, nll, self;
	struct fail limit;
	for (size_t i = 0; i < s->x.n; i++) {
		raw_score(s, m, q, i, &nll, &self, &limit);
		if (isfinite(nll)) {
			low_nll = fmin(low_nll, nll);
			high_nll = fmax(high_nll, nll);
		}
		if (isfinite(self))
			high_self = fmax(high_self, self);
	}
	s->limits[m][q] = (struct density_limits){isfinite(low_nll) ? low_nll : 0, isfinite(high_nll) ? high_nll + 1 : 0, isfinite(high_self) ? high_self + 1 : 0};
}

int density_fit(struct density_scores *s, const struct collect *records, const struct exec *exec, struct fail *f)
{
	s->records = records;
	s->x = collect_points(records);
	if (!s->x.n)
		return 0;
	if (scale_points(s, exec, f) || rows_find(&s->rows, &s->x, s->count_copies, f))
		return -1;
	choose_all_k(s);
	int knn = s->use[DENSITY_KNN] && (!s->others || s->count_copies); /* with copies, limits are needed */
	if (s->others && s->use[DENSITY_KNN] && s->rows.x.n < 2)
		return fail_set(f, "%zu records, all equal: k-NN requires two that differ", s->x.n);
	if ((knn && fit_knn(s, exec, f)) || (s->use[DENSITY_KDE] && (s->x.n > 1 || s->others) && fit_kde(s, exec, f)) ||
	    (s->use[DENSITY_GMM] && fit_clusters(s, exec, f)))
		return -1;
	for (int m = 0; m < DENSITY_METHODS; m++)
		for (int q = 0; (m == DENSITY_KNN ? knn : s->use[m] && !s->others) && q < density_variants(s, (enum density_method)m); q++)
			find_limits(s, (enum density_method)m, q);
	return 0;
}

int density_variants(const struct density_scores *s, enum density_method m) { return m == DENSITY_KNN ? s->nk : 1; }

void density_release(struct density_scores *s)
{
	free(s->scaled);
	s->scaled = NULL;
}

const char *density_cluster_name(const struct density_scores *s, uint32_t cluster)
{
	return s->clusters ? NULL : string_list_get(&s->records->groups, cluster);
}

void density_free(struct density_scores *s)
{
	free(s->balls);
	duplicates_free(&s->dup);
	free(s->scaled);
	axes_free(&s->axes);
	rows_free(&s->rows);
	free(s->log_others);
	free(s->cluster);
	gmm_free(&s->gmm);
	for (int m = 0; m < DENSITY_METHODS; m++)
		free(s->range[m]);
}
