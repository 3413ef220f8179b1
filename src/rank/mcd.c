#include "rank/mcd.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "rank/chi2.h"
#include "rank/cholesky.h"

enum { STARTS = 3, MAX_STEPS = 100 };

/* Added to the variances of the coordinates, whose spread is 1, so that collinear fields have an inverse. It is far above
 * the rounding of 9 digits and of float32. */
#define RIDGE 1e-10
#define COLLINEAR 1e-8 /* of a coordinate's variance */
#define INLIERS 0.975  /* the quantile of d^2 within which a record counts in the reweighting */

struct estimate { /* an estimate of location and scatter */
	const double *x; /* [n][stride], of which the first p are coordinates */
	size_t n;
	int p, stride;
	double *d2; /* [n]: squared distances under this estimate */
	double centre[MCD_MAX_FIELDS], scatter[MCD_MAX_FIELDS * MCD_MAX_FIELDS], root[MCD_MAX_FIELDS * MCD_MAX_FIELDS], logdet;
};

/* --- distances --- */

/* |l^-1 y|^2 */
static double solve_norm2(const double *l, const double *y, int p)
{
	double w[MCD_MAX_FIELDS], sum = 0;
	memcpy(w, y, (size_t)p * sizeof *w);
	cholesky_forward(l, w, p);
	for (int i = 0; i < p; i++)
		sum += w[i] * w[i];
	return sum;
}

/* Entry i, i of (l l^T)^-1: 1 / the variance of coordinate i that the others do not explain. */
static double inverse_entry(const double *l, int i, int p)
{
	double unit[MCD_MAX_FIELDS] = {0};
	unit[i] = 1;
	cholesky_solve(l, unit, p);
	return unit[i];
}

/* --- coordinates --- */

double mcd_transform_value(const struct mcd_axis *a, double x)
{
	if (a->transform == MCD_LOG)
		return log(x > 0 ? x : a->unit);
	double size = fabs(x) / a->unit;
	return copysign(size < 1e8 ? asinh(size) : M_LN2 + log(fabs(x)) - log(a->unit), x);
}

/* Chooses the transform and unit of a column; v: scratch [n]. */
static void choose_transform(struct mcd_axis *a, const double *x, size_t n, int stride, double *v)
{
	size_t not_positive = 0;
	double smallest = HUGE_VAL, mean = 0;
	for (size_t i = 0; i < n; i++) {
		double t = x[i * (size_t)stride];
		not_positive += t <= 0;
		if (t > 0 && t < smallest)
			smallest = t;
		v[i] = fabs(t);
		mean += v[i] / (double)n;
	}
	if (100 * not_positive <= n && not_positive < n) {
		*a = (struct mcd_axis){.transform = MCD_LOG, .unit = smallest};
		return;
	}
	double unit = median(v, n);
	*a = (struct mcd_axis){.transform = MCD_ASINH, .unit = fmin(unit > 0 ? unit : mean > 0 ? mean : 1, DBL_MAX)};
}

void mcd_fit_axis(struct mcd_axis *a, double *x, size_t n, int stride, double *v)
{
	choose_transform(a, x, n, stride, v);
	for (size_t i = 0; i < n; i++)
		v[i] = x[i * (size_t)stride] = mcd_transform_value(a, x[i * (size_t)stride]);
	a->median = median(v, n);
	for (size_t i = 0; i < n; i++)
		v[i] = fabs(x[i * (size_t)stride] - a->median);
	a->spread = 1.4826 * median(v, n);
}

/* Transformed values [p] to coordinates [dim]; out may be row. */
static void standardise(const struct mcd *m, const double *row, double *out)
{
	int k = 0;
	for (int i = 0; i < m->p; i++)
		if (m->axis[i].spread > 0)
			out[k++] = (row[i] - m->axis[i].median) / m->axis[i].spread;
}

/* --- location and scatter --- */

static void compute_distances(struct estimate *w)
{
	double y[MCD_MAX_FIELDS];
	for (size_t i = 0; i < w->n; i++) {
		for (int k = 0; k < w->p; k++)
			y[k] = w->x[i * (size_t)w->stride + (size_t)k] - w->centre[k];
		w->d2[i] = solve_norm2(w->root, y, w->p);
	}
}

static double kth_distance(const struct estimate *w, size_t k) { return select_not_negative(w->d2, w->n, k); }

static void factor_scatter(struct estimate *w)
{
	for (int i = 0; i < w->p; i++)
		w->scatter[i * w->p + i] += RIDGE;
	w->logdet = cholesky(w->scatter, w->root, w->p, 0);
}

/* One C-step (Rousseeuw & Van Driessen 1999, theorem 1): the mean and covariance of the records whose squared distance is
 * at most max_d2 become the estimate. It never raises the determinant when max_d2 selects the same number of records. */
static void c_step(struct estimate *w, double max_d2)
{
	int p = w->p;
	double y[MCD_MAX_FIELDS], sum[MCD_MAX_FIELDS] = {0}, count = 0;
	memset(w->scatter, 0, sizeof *w->scatter * (size_t)p * (size_t)p);
	for (size_t i = 0; i < w->n; i++) {
		if (w->d2[i] > max_d2)
			continue;
		count++;
		for (int a = 0; a < p; a++) { /* relative to the old centre, against cancellation */
			y[a] = w->x[i * (size_t)w->stride + (size_t)a] - w->centre[a];
			sum[a] += y[a];
			for (int b = 0; b <= a; b++)
				w->scatter[a * p + b] += y[a] * y[b];
		}
	}
	for (int a = 0; a < p; a++)
		for (int b = 0; b <= a; b++)
			w->scatter[a * p + b] = w->scatter[b * p + a] = (w->scatter[a * p + b] - sum[a] * sum[b] / count) / count;
	for (int a = 0; a < p; a++)
		w->centre[a] += sum[a] / count;
	factor_scatter(w);
	compute_distances(w);
}

/* The robust initial estimates: start 0, the identity; 1, the covariance of tanh of the coordinates; 2, that of their
 * directions. In each, the influence of a record is bounded. The nearest half of the records gives the first C-step. */
static void initial_estimate(struct estimate *w, int start)
{
	int p = w->p;
	double y[MCD_MAX_FIELDS];
	memset(w->centre, 0, sizeof w->centre);
	memset(w->scatter, 0, sizeof *w->scatter * (size_t)p * (size_t)p);
	for (size_t i = 0; i < w->n && start; i++) {
		double norm = 0;
		for (int a = 0; a < p; a++) {
			y[a] = w->x[i * (size_t)w->stride + (size_t)a];
			y[a] = start == 1 ? tanh(y[a]) : y[a];
			norm += y[a] * y[a];
		}
		double weight = start == 1 ? 1 : norm > 0 ? p / norm : 0;
		for (int a = 0; a < p; a++)
			for (int b = 0; b < p; b++)
				w->scatter[a * p + b] += weight * y[a] * y[b] / (double)w->n;
	}
	for (int a = 0; a < p && !start; a++)
		w->scatter[a * p + a] = 1;
	factor_scatter(w);
	compute_distances(w);
	c_step(w, kth_distance(w, (w->n - 1) / 2));
}

/* The number of coordinates that the ones before them do not determine; root: the Cholesky factor of scatter [p][p]. */
static int numerical_rank(const double *scatter, const double *root, int p)
{
	int rank = 0;
	for (int i = 0; i < p; i++)
		rank += root[i * p + i] * root[i * p + i] > COLLINEAR * scatter[i * p + i];
	return rank;
}

/* Scales the scatter so that the median of d^2 is that of chi-squared. */
static void make_consistent(struct estimate *w)
{
	double s = kth_distance(w, w->n / 2) / chi2_quantile(numerical_rank(w->scatter, w->root, w->p), 0.5);
	if (!(s > 0))
		return;
	for (int i = 0; i < w->p * w->p; i++) {
		w->scatter[i] *= s;
		w->root[i] *= sqrt(s);
	}
	for (size_t i = 0; i < w->n; i++)
		w->d2[i] /= s;
}

static void copy_estimate(struct mcd *m, const struct estimate *w)
{
	size_t square = (size_t)w->p * (size_t)w->p;
	memcpy(m->centre, w->centre, sizeof m->centre);
	memcpy(m->scatter, w->scatter, square * sizeof *m->scatter);
	memcpy(m->root, w->root, square * sizeof *m->root);
}

static void fit_mcd(struct mcd *m, struct estimate *w)
{
	size_t farthest = w->n - w->n / 4 - 1; /* of the h = 3n/4 nearest records */
	double best = HUGE_VAL;
	for (int start = 0; start < STARTS; start++) {
		initial_estimate(w, start);
		double before = HUGE_VAL;
		for (int i = 0; i < MAX_STEPS; i++) {
			c_step(w, kth_distance(w, farthest));
			if (!(w->logdet < before - 1e-13 * fabs(before)))
				break;
			before = w->logdet;
		}
		if (w->logdet < best) {
			best = w->logdet;
			copy_estimate(m, w);
		}
	}
	memcpy(w->centre, m->centre, sizeof w->centre); /* the best start, then one reweighted step */
	memcpy(w->scatter, m->scatter, sizeof w->scatter);
	memcpy(w->root, m->root, sizeof w->root);
	compute_distances(w);
	make_consistent(w);
	c_step(w, chi2_quantile(numerical_rank(w->scatter, w->root, w->p), INLIERS));
	make_consistent(w);
	copy_estimate(m, w);
}

/* --- scores --- */

static double distance(const struct mcd *m, const double *coordinates)
{
	double y[MCD_MAX_FIELDS] = {0};
	for (int i = 0; i < m->dim; i++)
		y[i] = coordinates[i] - m->centre[i];
	return sqrt(solve_norm2(m->root, y, m->dim));
}

/* Fits m to complete records x [n][p], which become their coordinates. */
static int fit_complete(struct mcd *m, double *x, size_t n, struct fail *f)
{
	if (n / MCD_RECORDS_PER_FIELD < (size_t)m->p)
		return fail_set(f, "a joint score of %d fields requires %d records that have all of them; there are %zu", m->p,
		                MCD_RECORDS_PER_FIELD * m->p, n);
	double *scratch = malloc((n + !n) * sizeof *scratch);
	struct estimate *w = calloc(1, sizeof *w);
	if (!scratch || !w) {
		free(scratch);
		free(w);
		return fail_memory_for(f, "the joint score of %zu records", n);
	}
	*w = (struct estimate){.x = x, .n = n, .stride = m->p, .d2 = scratch};
	for (int i = 0; i < m->p; i++) {
		mcd_fit_axis(&m->axis[i], x + i, n, m->p, scratch);
		w->p += m->axis[i].spread > 0;
	}
	m->dim = w->p;
	for (size_t i = 0; i < n; i++)
		standardise(m, x + i * (size_t)m->p, x + i * (size_t)m->p);
	if (w->p)
		fit_mcd(m, w);
	free(scratch);
	free(w);
	return mcd_factor(m, f); /* the same bits as from a scatter that is read from a file */
}

static int is_complete(const double *values, int p)
{
	for (int i = 0; i < p; i++)
		if (isnan(values[i]))
			return 0;
	return 1;
}

/* Fits m to the complete ones of the records, in a copy. */
static int fit_incomplete(struct mcd *m, double *x, size_t n, size_t complete, struct fail *f)
{
	size_t p = (size_t)m->p, k = 0;
	double *copy = malloc((complete ? complete : 1) * p * sizeof *copy);
	if (!copy)
		return fail_memory_for(f, "the joint score of %zu records", n);
	for (size_t i = 0; i < n; i++)
		if (is_complete(x + i * p, m->p))
			memcpy(copy + p * k++, x + i * p, p * sizeof *copy);
	int r = fit_complete(m, copy, complete, f);
	free(copy);
	for (size_t i = 0; i < n && !r; i++)
		x[i] = mcd_score(m, x + i * p);
	return r;
}

int mcd_fit(struct mcd *m, double *x, size_t n, struct fail *f)
{
	size_t complete = 0;
	for (size_t i = 0; i < n; i++)
		complete += (size_t)is_complete(x + i * (size_t)m->p, m->p);
	if (complete < n)
		return fit_incomplete(m, x, n, complete, f);
	if (fit_complete(m, x, n, f))
		return -1;
	for (size_t i = 0; i < n; i++)
		x[i] = distance(m, x + i * (size_t)m->p);
	return 0;
}

/* The coordinates that are there, and the scatter and centre of these alone. */
struct marginal {
	int dim;                /* of the coordinates that are there */
	int index[MCD_MAX_FIELDS], field[MCD_MAX_FIELDS]; /* [dim]: their positions among all coordinates, and among the fields */
	double y[MCD_MAX_FIELDS]; /* [dim], relative to the centre */
	double scatter[MCD_MAX_FIELDS * MCD_MAX_FIELDS], root[MCD_MAX_FIELDS * MCD_MAX_FIELDS]; /* [dim][dim] */
};

static void open_marginal(const struct mcd *m, const double *values, struct marginal *g)
{
	int k = 0;
	for (int i = 0; i < m->p; i++) {
		const struct mcd_axis *a = &m->axis[i];
		if (!(a->spread > 0))
			continue;
		if (!isnan(values[i])) {
			g->y[g->dim] = (mcd_transform_value(a, values[i]) - a->median) / a->spread - m->centre[k];
			g->field[g->dim] = i;
			g->index[g->dim++] = k;
		}
		k++;
	}
	for (int i = 0; i < g->dim; i++)
		for (int j = 0; j < g->dim; j++)
			g->scatter[i * g->dim + j] = m->scatter[g->index[i] * m->dim + g->index[j]];
	/* a part of a positive definite matrix is one, up to rounding */
	for (double ridge = RIDGE; !isfinite(cholesky(g->scatter, g->root, g->dim, 0)); ridge *= 10)
		for (int i = 0; i < g->dim; i++)
			g->scatter[i * g->dim + i] *= 1 + ridge;
}

/* The distance over the fields that are there, as a distance over all fields that is as rare. */
static double marginal_distance(const struct mcd *m, const double *values)
{
	struct marginal g = {.dim = 0};
	open_marginal(m, values, &g);
	if (!g.dim)
		return 0;
	double d2 = solve_norm2(g.root, g.y, g.dim);
	int from = numerical_rank(g.scatter, g.root, g.dim), to = numerical_rank(m->scatter, m->root, m->dim);
	return sqrt(chi2_convert(from, d2, to));
}

double mcd_score(const struct mcd *m, const double *values)
{
	double x[MCD_MAX_FIELDS] = {0};
	if (!is_complete(values, m->p))
		return marginal_distance(m, values);
	for (int i = 0; i < m->p; i++)
		x[i] = mcd_transform_value(&m->axis[i], values[i]);
	standardise(m, x, x);
	return distance(m, x);
}

int mcd_reason(const struct mcd *m, const double *values, int *low)
{
	struct marginal g = {.dim = 0};
	int found = -1;
	double most = 0, v[MCD_MAX_FIELDS];
	open_marginal(m, values, &g);
	memcpy(v, g.y, sizeof v);
	cholesky_solve(g.root, v, g.dim);
	for (int i = 0; i < g.dim; i++) {
		double precision = g.dim == m->dim ? m->precision[i] : inverse_entry(g.root, i, g.dim);
		if (v[i] * v[i] / precision > most) { /* d^2 falls by this without the field */
			most = v[i] * v[i] / precision;
			found = g.field[i];
			*low = v[i] < 0;
		}
	}
	return found;
}

int mcd_factor(struct mcd *m, struct fail *f)
{
	m->dim = 0;
	for (int i = 0; i < m->p; i++)
		m->dim += m->axis[i].spread > 0;
	if (!isfinite(cholesky(m->scatter, m->root, m->dim, 0)))
		return fail_set(f, "the scatter is not positive definite");
	for (int i = 0; i < m->dim; i++)
		m->precision[i] = inverse_entry(m->root, i, m->dim);
	return 0;
}

int mcd_collinear(const struct mcd *m)
{
	int found = -1;
	for (int i = 0, k = 0; i < m->p; i++) {
		if (!(m->axis[i].spread > 0))
			continue;
		if (m->precision[k] * m->scatter[k * m->dim + k] > 1 / COLLINEAR)
			found = i;
		k++;
	}
	return found;
}
