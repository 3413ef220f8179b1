#include "report/review_likeness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "density/kmeans.h"
#include "density/rows.h"
#include "density/scale.h"

/* The points of the stream leave out records that could not be decoded. */
size_t review_point(const struct review *v, uint64_t position)
{
	const struct collect *c = &v->points;
	size_t low = 0, high = c->unreadable.why.n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (c->unreadable.position[middle] < position)
			low = middle + 1;
		else
			high = middle;
	}
	int unreadable = low < c->unreadable.why.n && c->unreadable.position[low] == position;
	return unreadable || position - low >= c->n ? SIZE_MAX : (size_t)(position - low);
}

/* --- the most unusual columns of vectors --- */

const char *review_column(const struct review *v, size_t column, size_t *len)
{
	const char *p = v->columns;
	for (; p && column; column--) {
		p = strchr(p, ',');
		p = p ? p + 1 : NULL;
	}
	*len = p ? strcspn(p, ",") : 0;
	return p;
}

static int check_columns(const struct review *v, struct fail *f)
{
	size_t n = 1;
	for (const char *p = v->columns; p && (p = strchr(p, ',')) != NULL; p++)
		n++;
	return v->columns && n != (size_t)v->points.d ? fail_set(f, "--columns has %zu names, but a record has %d numbers: name each of them", n, v->points.d) : 0;
}

static void add_column(struct suspect *s, uint32_t column, double value, double median, double z)
{
	int at = s->ncolumns;
	while (at && fabs(z) > fabs(s->column[at - 1].z))
		at--;
	if (at == REVIEW_COLUMNS)
		return;
	int n = s->ncolumns < REVIEW_COLUMNS ? s->ncolumns++ : REVIEW_COLUMNS - 1;
	memmove(s->column + at + 1, s->column + at, (size_t)(n - at) * sizeof *s->column);
	s->column[at].column = column;
	s->column[at].value = value;
	s->column[at].median = median;
	s->column[at].z = z;
}

static void find_columns(struct review *v, const struct axes *a)
{
	const struct collect *c = &v->points;
	for (size_t i = 0; i < v->n; i++) {
		struct suspect *s = v->v[i];
		for (uint32_t k = 0; s->point != SIZE_MAX && k < (uint32_t)c->d; k++) {
			double x = (double)c->f4[s->point * (size_t)c->d + k];
			if (a->spread[k] > 0)
				add_column(s, k, x, a->centre[k], (x - a->centre[k]) / a->spread[k]);
		}
	}
}

/* --- nearest records --- */

static void add_nearest(struct suspect *s, int max, size_t point, double d2)
{
	int at = s->nnearest;
	while (at && d2 < s->nearest[at - 1].distance)
		at--;
	if (at == max)
		return;
	int n = s->nnearest < max ? s->nnearest++ : max - 1;
	memmove(s->nearest + at + 1, s->nearest + at, (size_t)(n - at) * sizeof *s->nearest);
	s->nearest[at].point = point;
	s->nearest[at].distance = d2;
}

static int find_nearest(struct review *v, const struct points *x, const struct exec *exec, struct fail *f)
{
	double *d2 = v->max_nearest ? malloc((x->n + 1) * sizeof *d2) : NULL;
	int r = v->max_nearest && !d2 ? fail_memory_for(f, "distances to %zu records", x->n) : 0;
	for (size_t i = 0; i < v->n && d2 && !r; i++) {
		struct suspect *s = v->v[i];
		if (s->point == SIZE_MAX)
			continue;
		if (exec->progress)
			exec->progress(exec->ctx, "comparing", (double)i, (double)v->n);
		r = squared_distances(x, x, s->point, exec, d2, f);
		double worst = INFINITY;
		for (size_t k = 0; k < x->n && !r; k++) {
			if (d2[k] >= worst || k == s->point)
				continue;
			add_nearest(s, v->max_nearest, k, d2[k]);
			worst = s->nnearest == v->max_nearest ? s->nearest[s->nnearest - 1].distance : INFINITY;
		}
		for (int k = 0; k < s->nnearest; k++)
			s->nearest[k].distance = sqrt(s->nearest[k].distance / x->d);
	}
	free(d2);
	return r;
}

/* --- groups --- */

/* Copies the points of the suspects, in their order. */
static int gather(const struct review *v, const struct points *x, struct points *out, void **own, struct fail *f)
{
	size_t size = (size_t)x->d * (x->u8 ? 1 : sizeof *x->f4), n = 0;
	*own = malloc((v->n + 1) * size + 1);
	if (!*own)
		return fail_memory_for(f, "%zu suspects", v->n);
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i]->point != SIZE_MAX)
			memcpy((char *)*own + size * n++, (x->u8 ? (const char *)x->u8 : (const char *)x->f4) + size * v->v[i]->point, size);
	*out = (struct points){.u8 = x->u8 ? *own : NULL, .f4 = x->u8 ? NULL : *own, .n = n, .d = x->d, .step = x->step};
	return 0;
}

static int cluster(const struct points *x, const struct exec *exec, uint32_t *of, struct fail *f)
{
	struct rows distinct;
	int r = rows_find(&distinct, x, 0, f);
	double k = ceil(sqrt((double)x->n));
	if (!r && k > (double)distinct.x.n)
		k = (double)distinct.x.n;
	rows_free(&distinct);
	return r ? r : kmeans(x, (int)k, 0, exec, of, f);
}

/* Numbers the groups by their first suspects; those that cannot be compared are the last. */
static int number_groups(struct review *v, const uint32_t *of, size_t n, struct fail *f)
{
	int *number = malloc((n + 1) * sizeof *number), rest = 0;
	if (!number)
		return fail_memory(f);
	for (size_t i = 0; i < n; i++)
		number[i] = -1;
	v->ngroups = 0;
	for (size_t i = 0, k = 0; i < v->n; i++) {
		if (v->v[i]->point == SIZE_MAX) {
			rest = 1;
			continue;
		}
		if (number[of[k]] < 0)
			number[of[k]] = v->ngroups++;
		v->v[i]->group = number[of[k++]];
	}
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i]->point == SIZE_MAX)
			v->v[i]->group = v->ngroups;
	v->ngroups += rest;
	free(number);
	return 0;
}

static int find_groups(struct review *v, const struct points *x, const struct exec *exec, struct fail *f)
{
	struct points suspects = {.n = 0};
	void *own = NULL;
	int r = x->n ? gather(v, x, &suspects, &own, f) : 0;
	uint32_t *of = r ? NULL : calloc(suspects.n + 1, sizeof *of);
	if (!r && !of)
		r = fail_memory(f);
	if (!r && suspects.n)
		r = cluster(&suspects, exec, of, f);
	if (!r)
		r = number_groups(v, of, suspects.n, f);
	free(of);
	free(own);
	return r;
}

int review_compare(struct review *v, const struct exec *exec, struct fail *f)
{
	struct collect *c = &v->points;
	struct points x = collect_points(c);
	struct axes axes = {.centre = NULL};
	float *scaled = NULL; /* v->scaled */
	int r = 0, vectors = c->n && !c->model && c->f4;
	for (size_t i = 0; i < v->n; i++)
		v->v[i]->point = review_point(v, v->v[i]->t.position);
	if (vectors) {
		r = check_columns(v, f) ? -1 : axes_fit(&axes, SCALE_ROBUST, &x, exec, f);
		if (!r)
			find_columns(v, &axes);
		scaled = v->scaled = r ? NULL : axes_apply(&axes, &x, f);
		r = scaled ? 0 : -1;
		for (size_t i = 0; i < x.n * (size_t)x.d && scaled; i++)
			scaled[i] = scaled[i] > REVIEW_MAX_Z ? REVIEW_MAX_Z : scaled[i] < -REVIEW_MAX_Z ? -REVIEW_MAX_Z : scaled[i];
		x.f4 = scaled;
	}
	if (!r)
		r = find_nearest(v, &x, exec, f) || find_groups(v, &x, exec, f) ? -1 : 0;
	axes_free(&axes);
	return r;
}
