/* Runs the estimators of density.h over the collected records: fit, score every record, then measure the influence of every record over
 * every test record and list the strongest proponents and opponents of each. */
#include "density/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"

const char *const density_names[DENSITY_METHODS] = {"knn", "kde", "gmm"};

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* sigma: the median distance to the k-th other record. Half of the records then have k others within sigma, so that KDE smooths over
 * the same range as k-NN. */
static int choose_sigma(struct density_scores *s, const struct exec *exec, struct fail *f)
{
	size_t n = s->x.n;
	int k = (size_t)s->k < n ? s->k : (int)n - 1;
	double *r = malloc(2 * n * sizeof *r);
	if (!r)
		return fail_memory(f);
	int have = s->radii && k == s->k, bad = have ? 0 : knn_radii(&s->x, k, exec, r, f);
	for (size_t i = 0; i < n && !bad; i++)
		r[i] = (have ? s->radii : r)[2 * i + 1];
	if (!bad) {
		qsort(r, n, sizeof *r, ascending);
		s->sigma = n % 2 ? r[n / 2] : 0.5 * (r[n / 2 - 1] + r[n / 2]);
		if (!(s->sigma > 0) || !isfinite(s->sigma))
			bad = fail_set(f, "--sigma auto finds no bandwidth, because half of the records equal %d others: give a number", k);
	}
	free(r);
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

int density_fit(struct density_scores *s, const struct collect *records, const struct exec *exec, struct fail *f)
{
	s->records = records;
	s->x = collect_points(records);
	if (!s->x.n)
		return 0;
	if (s->use[DENSITY_KNN]) {
		s->radii = malloc(2 * s->x.n * sizeof *s->radii);
		if (!s->radii)
			return fail_memory(f);
		if (knn_radii(&s->x, s->k, exec, s->radii, f))
			return -1;
	}
	if (s->use[DENSITY_KDE] && s->x.n > 1) {
		s->log_others = malloc(s->x.n * sizeof *s->log_others);
		if (!s->log_others)
			return fail_memory(f);
		if ((!(s->sigma > 0) && choose_sigma(s, exec, f)) || kde_leave_one_out(&s->x, s->sigma, exec, s->log_others, f))
			return -1;
	}
	return s->use[DENSITY_GMM] ? fit_clusters(s, exec, f) : 0;
}

/* --- scores --- */

static int score_knn(const struct density_scores *s, size_t i, double *nll, double *self, struct fail *why)
{
	double rk = s->radii[2 * i], rk1 = s->radii[2 * i + 1];
	if (rk == 0)
		return fail_set(why, "k-NN: %d records or more are the same as this one, itself counted, so R_k is 0", s->k);
	if (isfinite(rk))
		*nll = knn_nll(s->x.n, s->x.d, s->k, rk);
	if (isinf(rk1))
		return fail_set(why, "k-NN: %zu records are too few for %d neighbours when one is left out", s->x.n, s->k);
	*self = knn_influence(s->x.n, s->x.d, rk, rk1, 1);
	return 0;
}

static int score_kde(const struct density_scores *s, size_t i, double *nll, double *self, struct fail *why)
{
	if (!s->log_others)
		return fail_set(why, "KDE: there is only one record");
	*nll = kde_nll(s->x.n, s->x.d, s->sigma, logaddexp(0, s->log_others[i]));
	*self = kde_influence(s->x.n, 0, s->log_others[i]);
	if (isfinite(*self))
		return 0;
	*self = NAN;
	return fail_set(why, "KDE: too far from all other records for sigma = %.9g", s->sigma);
}

static int score_gmm(const struct density_scores *s, size_t i, double *nll, double *self, struct fail *why)
{
	uint32_t c = s->gmm.cluster[i];
	size_t size = s->gmm.size[c];
	double var = s->gmm.var[c], uu = s->gmm.radius2[i], own_nll = gmm_nll(s->x.n, size, s->x.d, var, uu);
	if (isfinite(own_nll))
		*nll = own_nll;
	*self = gmm_influence(s->form, s->x.n, size, s->x.d, var, uu, uu, 0);
	if (size <= 2)
		return fail_set(why, "mixture: its cluster has %zu records, and at least 3 are required", size);
	return isfinite(*self) ? 0 : fail_set(why, "mixture: without this record its cluster of %zu has no spread", size);
}

int density_score(const struct density_scores *s, enum density_method m, size_t i, double *nll, double *self, struct fail *why)
{
	*nll = *self = NAN;
	return m == DENSITY_KNN ? score_knn(s, i, nll, self, why) : m == DENSITY_KDE ? score_kde(s, i, nll, self, why) : score_gmm(s, i, nll, self, why);
}

const char *density_cluster_name(const struct density_scores *s, uint32_t cluster)
{
	return s->clusters ? NULL : string_list_get(&s->records->groups, cluster);
}

/* --- test records --- */

struct test_output { /* of one test record at a time */
	const char *key;
	double *d2, *influence; /* [n] */
	struct top_point *list; /* [top] */
	struct buf line;
	int fd; /* -1: no output */
};

static int write_list(const struct density_scores *s, struct test_output *t, int opponents, struct fail *f)
{
	size_t n = top_points(t->influence, t->d2, s->x.n, opponents, s->top, t->list);
	int r = buf_addf(&t->line, f, ",\"%s\":[", opponents ? "opponents" : "proponents");
	for (size_t i = 0; i < n && !r; i++)
		r = json_text(&t->line, i ? ",{" : "{", "key", string_list_get(&s->records->key, t->list[i].i), f) ||
		    buf_addf(&t->line, f, ",\"influence\":%.9g,\"distance\":%.9g}", t->list[i].influence, sqrt(t->list[i].d2));
	return r ? -1 : buf_addf(&t->line, f, "]");
}

static int begin_line(struct test_output *t, const char *method, struct fail *f)
{
	t->line.len = 0;
	return json_text(&t->line, "{", "test", t->key, f) || (method && json_text(&t->line, ",", "method", method, f)) ? -1 : 0;
}

static int end_line(struct test_output *t, struct fail *f)
{
	if (buf_addf(&t->line, f, "}\n"))
		return -1;
	if (t->line.len > INFLUENCE_MAX_LINE)
		return fail_set(f, "the line of a test record has %zu bytes, more than the limit of %u: use a smaller --top", t->line.len, INFLUENCE_MAX_LINE);
	return write_all(t->fd, t->line.p, t->line.len, f);
}

/* method NULL: the record cannot be read, for all methods */
static int write_error(struct test_output *t, const char *method, const char *why, struct fail *f)
{
	return begin_line(t, method, f) || json_text(&t->line, ",", "error", why, f) || end_line(t, f) ? -1 : 0;
}

static int write_line(const struct density_scores *s, struct test_output *t, enum density_method m, double nll, uint32_t cluster, struct fail *f)
{
	const char *name = m == DENSITY_GMM ? density_cluster_name(s, cluster) : NULL;
	if (begin_line(t, density_names[m], f) || buf_addf(&t->line, f, ",\"%s_nll\":%.9g", density_names[m], nll) ||
	    (m == DENSITY_GMM && !name && buf_addf(&t->line, f, ",\"gmm_cluster\":%u", cluster)) ||
	    (name && json_text(&t->line, ",", "gmm_cluster", name, f)) ||
	    write_list(s, t, 0, f) || write_list(s, t, 1, f))
		return -1;
	return end_line(t, f);
}

static void update_ranges(struct test_range *r, const double *influence, size_t n)
{
	for (size_t i = 0; i < n; i++, r++) {
		double v = influence[i];
		if (!isfinite(v))
			continue;
		r->max = r->n ? fmax(r->max, v) : v;
		r->min = r->n ? fmin(r->min, v) : v;
		r->sum += v;
		r->n++;
	}
}

/* t->influence: of all points over test record j. */
static int compute_influence(const struct density_scores *s, enum density_method m, struct test_output *t, const struct points *z, size_t j,
                             double *nll, uint32_t *cluster, struct fail *why)
{
	if (!s->x.n)
		return fail_set(why, "there are no records that could influence it");
	if (m == DENSITY_KNN)
		return knn_test_influence(t->d2, s->x.n, s->x.d, s->k, t->influence, nll, why);
	if (m == DENSITY_KDE)
		return kde_test_influence(t->d2, s->x.n, s->x.d, s->sigma, t->influence, nll, why);
	return gmm_test_influence(&s->gmm, s->form, t->d2, z, j, s->x.n, t->influence, nll, cluster, why);
}

static void count_without_influence(struct density_scores *s, const struct test_output *t, int m, const struct fail *why)
{
	if (!s->without_influence++)
		fail_set(&s->first_without_influence, "'%s': %s: %s", t->key, density_names[m], why->msg);
}

static int test_one(struct density_scores *s, struct test_output *t, const struct points *z, size_t j, struct fail *f)
{
	int counted = 0;
	for (int m = 0; m < DENSITY_METHODS; m++) {
		struct fail why = {{0}};
		double nll = NAN;
		uint32_t cluster = 0;
		if (!s->use[m])
			continue;
		int r = compute_influence(s, (enum density_method)m, t, z, j, &nll, &cluster, &why);
		if (!r)
			update_ranges(s->range[m], t->influence, s->x.n);
		else if (!counted++)
			count_without_influence(s, t, m, &why);
		if (t->fd < 0)
			continue;
		if (r ? write_error(t, density_names[m], why.msg, f) : write_line(s, t, (enum density_method)m, nll, cluster, f))
			return -1;
	}
	return 0;
}

int density_test(struct density_scores *s, const struct collect *tests, const struct exec *exec, int fd, struct fail *f)
{
	struct points z = collect_points(tests);
	size_t n = s->x.n;
	struct test_output t = {.d2 = malloc((n + 1) * sizeof *t.d2), .influence = malloc((n + 1) * sizeof *t.influence),
	                        .list = malloc((s->top + 1) * sizeof *t.list), .fd = fd};
	int r = t.d2 && t.influence && t.list ? 0 : fail_memory(f);
	for (int m = 0; m < DENSITY_METHODS && !r; m++)
		if (s->use[m] && !(s->range[m] = calloc(n + 1, sizeof *s->range[m])))
			r = fail_memory(f);
	for (size_t j = 0; j < z.n && !r; j++) {
		t.key = string_list_get(&tests->key, j);
		r = (n && squared_distances(&s->x, &z, j, exec, t.d2, f)) || test_one(s, &t, &z, j, f);
		if (exec->progress)
			exec->progress(exec->ctx, "test records", (double)j + 1, (double)z.n);
	}
	for (size_t j = 0; j < tests->unreadable.why.n && fd >= 0 && !r; j++) {
		t.key = string_list_get(&tests->unreadable.key, j);
		r = write_error(&t, NULL, string_list_get(&tests->unreadable.why, j), f);
	}
	free(t.d2);
	free(t.influence);
	free(t.list);
	buf_free(&t.line);
	return r ? -1 : 0;
}

void density_free(struct density_scores *s)
{
	free(s->radii);
	free(s->log_others);
	free(s->cluster);
	gmm_free(&s->gmm);
	for (int m = 0; m < DENSITY_METHODS; m++)
		free(s->range[m]);
}
