#include "influence/eigen_basis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"
#include "gemm/mat.h"

enum { STEP_ROWS = 16, STEP_COLUMNS = 48 }; /* steps end at multiples of them, as do the tiles of mat_weighted_sums() */
static const double insignificant = 0x1p-17; /* of the damping: the weight then is off by 8e-6 of itself at most */

/* The column of the only number of row [n], a 1, or -1. */
static int unit_column(const float *row, int n)
{
	int at = 0;
	while (at < n && row[at] == 0)
		at++;
	for (int i = at + 1; i < n; i++)
		if (row[i] != 0)
			return -1;
	return at < n && row[at] == 1 ? at : -1;
}

int eigen_basis(struct factor_map *m, float *ones, const float *q, const int *order, int find_units, struct fail *f)
{
	size_t n = (size_t)m->n, columns = (size_t)m->columns;
	m->w = mat_floats(n * columns);
	m->at = calloc(n, sizeof *m->at);
	if (!m->w || !m->at)
		return fail_memory(f);
	for (size_t i = 0; i < n; i++) {
		const float *row = q + (order ? (size_t)order[i] : i) * n;
		memcpy(m->w + i * columns, row, columns * sizeof *row);
		if (ones)
			ones[i] = row[n - 1];
	}
	m->unit = 1;
	for (int last = m->columns; find_units && m->products > 0; m->products--) {
		int at = unit_column(q + (size_t)(order ? order[m->products - 1] : m->products - 1) * n, m->n);
		if (at < 0 || at >= last)
			break;
		last = m->at[m->products - 1] = at;
	}
	return 0;
}

/* --- order --- */

struct place {
	int index, significant, unit; /* unit: as unit_column() */
};

/* The most significant first, units last, and of those that are alike in the order that they have. */
static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->significant != y->significant)
		return x->significant > y->significant ? -1 : 1;
	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

struct eigen_order {
	int *p, *k;           /* [np], [nk]: the index of each row and column */
	int *width;           /* [np]: the end of a row's significant columns */
	struct place *place;  /* scratch */
	double limit;         /* of insignificant eigenvalues */
};

static int order_open(struct eigen_order *o, int np, int nk)
{
	size_t p = (size_t)np, k = (size_t)nk;
	o->p = calloc(p, sizeof *o->p);
	o->k = calloc(k, sizeof *o->k);
	o->width = malloc(p * sizeof *o->width);
	o->place = malloc((p > k ? p : k) * sizeof *o->place);
	return o->p && o->k && o->width && o->place ? 0 : -1;
}

static void order_close(struct eigen_order *o)
{
	free(o->p);
	free(o->k);
	free(o->width);
	free(o->place);
}

static void sort_places(struct eigen_order *o, int *order, const float *q, int n)
{
	for (int i = 0; i < n; i++) {
		o->place[i].index = i;
		o->place[i].unit = o->place[i].significant ? -1 : unit_column(q + (size_t)i * (size_t)n, n);
	}
	qsort(o->place, (size_t)n, sizeof *o->place, compare_places);
	for (int i = 0; i < n; i++)
		order[i] = o->place[i].index;
}

/* Columns by how many significant numbers they have; rows by where their last one is. */
static void find_order(struct eigen_order *o, const struct curvature_layer *c)
{
	size_t nk = (size_t)c->nk;
	for (int j = 0; j < c->nk; j++)
		o->place[j].significant = 0;
	for (size_t i = 0; i < (size_t)c->np; i++)
		for (size_t j = 0; j < nk; j++)
			o->place[j].significant += (double)c->lambda[i * nk + j] > o->limit;
	sort_places(o, o->k, c->qk, c->nk);
	for (size_t i = 0; i < (size_t)c->np; i++) {
		int end = c->nk;
		while (end && !((double)c->lambda[i * nk + (size_t)o->k[end - 1]] > o->limit))
			end--;
		o->place[i].significant = end;
	}
	sort_places(o, o->p, c->qp, c->np);
	for (int i = 0; i < c->np; i++)
		o->width[i] = o->place[i].significant;
}

/* --- weights --- */

static void set_steps(struct eigen_weights *e, const struct eigen_order *o, int np, int nk)
{
	for (int from = 0, to; from < np; from = to) {
		int width = int_min((o->width[from] + STEP_COLUMNS - 1) / STEP_COLUMNS * STEP_COLUMNS, nk);
		to = int_min(from + STEP_ROWS, np);
		if (e->nsteps && e->step[e->nsteps - 1].width == width)
			e->step[e->nsteps - 1].to = to;
		else
			e->step[e->nsteps++] = (struct eigen_step){from, to, width};
	}
}

static void set_weights(struct eigen_weights *e, const struct eigen_order *o, const float *lambda, int nk, double added)
{
	e->rest = (float)(1 / added);
	for (const struct eigen_step *s = e->step; s < e->step + e->nsteps; s++)
		for (int i = s->from; i < s->to; i++)
			for (int j = 0; j < nk; j++) {
				size_t to = (size_t)i * (size_t)nk + (size_t)j, from = (size_t)o->p[i] * (size_t)nk + (size_t)o->k[j];
				double damped = (j < s->width ? (double)lambda[from] : 0) + added;
				e->inverse[to] = (float)(1 / damped);
				e->scale[to] = (float)sqrt(1 / damped);
			}
}

static int open_weights(struct eigen_weights *e, const struct curvature_layer *c, struct eigen_order *o, double added, struct fail *f)
{
	size_t n = (size_t)c->np * (size_t)c->nk;
	e->inverse = mat_floats(n);
	e->scale = mat_floats(n);
	e->step = calloc((size_t)c->np / STEP_ROWS + 1, sizeof *e->step);
	if (!e->inverse || !e->scale || !e->step || order_open(o, c->np, c->nk))
		return fail_memory(f);
	find_order(o, c);
	set_steps(e, o, c->np, c->nk);
	set_weights(e, o, c->lambda, c->nk, added);
	return 0;
}

int eigen_open(struct eigen_weights *e, struct factor_map *by_p, struct factor_map *by_k, float *ones, const struct curvature_layer *c, double damping,
               struct fail *f)
{
	size_t n = (size_t)c->np * (size_t)c->nk;
	int dense = c->l->type->dense;
	double mean = 0;
	for (size_t i = 0; i < n; i++)
		mean += (double)c->lambda[i] / (double)n;
	if (!isfinite(mean))
		return fail_set(f, "the eigenvalues of %s are not finite: make them again with vae-ckpt curvature --ekfac", c->name);
	double added = damping * (mean > 0 ? mean : 1); /* 1: a layer without gradient */
	for (size_t i = 0; i < n; i++)
		if (!((double)c->lambda[i] + added > 0))
			return fail_set(f, "the curvature of %s has an eigenvalue that is not positive with --damping %g: raise it", c->name, damping);
	struct eigen_order o = {.limit = insignificant * added};
	int r = open_weights(e, c, &o, added, f) || eigen_basis(by_p, NULL, c->qp, o.p, dense, f) || eigen_basis(by_k, ones, c->qk, o.k, dense, f) ? -1 : 0;
	order_close(&o);
	return r;
}

void eigen_close(struct eigen_weights *e)
{
	free(e->inverse);
	free(e->scale);
	free(e->step);
	*e = (struct eigen_weights){.inverse = NULL};
}
