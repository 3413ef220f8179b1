#include "density/test_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "density/kde.h"
#include "density/top_points.h"
#include "stream/influence_file.h"

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
	return buf_addf(&t->line, f, "}\n") || influence_line_write(&t->line, t->fd, f) ? -1 : 0;
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
		return fail_unscored(why, "there are no records that could influence it");
	if (m == DENSITY_KNN)
		return knn_test_influence(&s->rows, t->d2, s->x.n, s->x.d, s->k[0], t->influence, nll, why);
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
	float *scaled = NULL;
	struct test_output t = {.d2 = malloc((n + 1) * sizeof *t.d2), .influence = malloc((n + 1) * sizeof *t.influence),
	                        .list = malloc((s->top + 1) * sizeof *t.list), .fd = fd};
	int r = t.d2 && t.influence && t.list ? 0 : fail_memory(f);
	for (int m = 0; m < DENSITY_METHODS && !r; m++)
		if (s->use[m] && !(s->range[m] = calloc(n + 1, sizeof *s->range[m])))
			r = fail_memory(f);
	if (s->axes.centre && z.n && !r) {
		scaled = axes_apply(&s->axes, &z, f);
		z = (struct points){NULL, scaled, z.n, z.d, 1};
		r = scaled ? 0 : -1;
	}
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
	free(scaled);
	free(t.d2);
	free(t.influence);
	free(t.list);
	buf_free(&t.line);
	return r ? -1 : 0;
}
