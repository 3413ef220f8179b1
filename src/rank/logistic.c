#include "rank/logistic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rank/cholesky.h"

enum { MAX_STEPS = 100, MAX_HALVINGS = 40 };

struct problem {
	const double *x; /* [n][p] */
	const unsigned char *y;
	size_t n;
	int p;
	const double *mean, *penalty;
	double *hessian, *gradient, *step; /* [q][q], [q], [q], q = p + 1; the intercept last */
};

static double log1p_exp(double a) { return a > 0 ? a + log1p(exp(-a)) : log1p(exp(a)); }

static double activation(const struct problem *o, const double *w, size_t i)
{
	double a = w[o->p];
	for (int k = 0; k < o->p; k++)
		a += w[k] * o->x[i * (size_t)o->p + (size_t)k];
	return a;
}

static double objective(const struct problem *o, const double *w)
{
	double sum = 0;
	for (size_t i = 0; i < o->n; i++) {
		double a = activation(o, w, i);
		sum += log1p_exp(a) - o->y[i] * a;
	}
	for (int k = 0; k < o->p; k++)
		sum += 0.5 * o->penalty[k] * (w[k] - o->mean[k]) * (w[k] - o->mean[k]);
	return sum;
}

static void derivatives(const struct problem *o, const double *w)
{
	int p = o->p, q = p + 1;
	double *h = o->hessian, *g = o->gradient;
	memset(h, 0, sizeof *h * (size_t)q * (size_t)q);
	memset(g, 0, sizeof *g * (size_t)q);
	for (size_t i = 0; i < o->n; i++) {
		const double *x = o->x + i * (size_t)p;
		double share = 1 / (1 + exp(-activation(o, w, i))), slope = share - o->y[i], curve = share * (1 - share);
		for (int k = 0; k < q; k++) {
			double xk = k < p ? x[k] : 1;
			g[k] += slope * xk;
			for (int l = 0; l <= k; l++)
				h[k * q + l] += curve * xk * (l < p ? x[l] : 1);
		}
	}
	for (int k = 0; k < p; k++) {
		g[k] += o->penalty[k] * (w[k] - o->mean[k]);
		h[k * q + k] += o->penalty[k];
	}
	h[p * q + p] += 1e-10; /* where all shares are 0 or 1 */
}

/* Solves hessian step = gradient; the factor replaces the lower triangle of the hessian. */
static void solve(const struct problem *o)
{
	int q = o->p + 1;
	cholesky(o->hessian, o->hessian, q, 1e-300);
	memcpy(o->step, o->gradient, (size_t)q * sizeof *o->step);
	cholesky_solve(o->hessian, o->step, q);
}

/* Newton's method from w. try [q]: scratch. */
static void minimise(const struct problem *o, double *w, double *try)
{
	int q = o->p + 1;
	double best = objective(o, w);
	for (int i = 0; i < MAX_STEPS; i++) {
		derivatives(o, w);
		solve(o);
		double part = 1, next = best;
		for (int k = 0; k < MAX_HALVINGS; k++, part /= 2) {
			for (int j = 0; j < q; j++)
				try[j] = w[j] - part * o->step[j];
			next = objective(o, try);
			if (next < best)
				break;
		}
		if (!(next < best)) /* no step lowers it: converged, up to rounding */
			return;
		memcpy(w, try, sizeof *w * (size_t)q);
		best = next;
	}
}

int logistic_fit(const double *x, const unsigned char *y, size_t n, int p, const double *mean, const double *penalty, double *w, struct fail *f)
{
	size_t q = (size_t)p + 1;
	double *scratch = malloc((q * q + 3 * q) * sizeof *scratch);
	if (!scratch)
		return fail_memory_for(f, "%zu weights", q);
	struct problem o = {x, y, n, p, mean, penalty, scratch, scratch + q * q, scratch + q * q + q};
	memcpy(w, mean, sizeof *w * (size_t)p);
	w[p] = 0;
	double centre = 0;
	for (size_t i = 0; i < n; i++)
		centre += activation(&o, w, i) / (double)n;
	w[p] = -centre;
	minimise(&o, w, scratch + q * q + 2 * q);
	free(scratch);
	return 0;
}

double logistic_auroc(const double *score, const unsigned char *y, size_t n)
{
	double above = 0, pairs = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n && y[i]; k++) {
			if (y[k])
				continue;
			above += score[i] > score[k] ? 1 : score[i] == score[k] ? 0.5 : 0;
			pairs++;
		}
	return pairs > 0 ? above / pairs : NAN;
}

double logistic_auroc_error(double area, size_t positives, size_t negatives)
{
	double a = area, m = (double)positives, n = (double)negatives, q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
	return sqrt(fmax(0, (a * (1 - a) + (m - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (m * n)));
}
