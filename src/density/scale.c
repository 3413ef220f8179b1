#include "density/scale.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/sort.h"
#include "density/tiles.h"

const char *const scale_names[] = {"none", "std", "robust", "asinh", NULL};

struct task {
	struct axes *axes;
	const struct points *x;
	struct scratch_pool scratch; /* [n] */
};

static double value(const struct points *x, size_t i, size_t k)
{
	size_t at = i * (size_t)x->d + k;
	return x->step * (x->u8 ? (double)x->u8[at] : (double)x->f4[at]);
}

static double mean(const double *v, size_t n)
{
	double s = 0;
	for (size_t i = 0; i < n; i++)
		s += v[i];
	return s / (double)n;
}

static void fit_std(double *v, size_t n, double *centre, double *spread)
{
	double s = 0;
	*centre = mean(v, n);
	for (size_t i = 0; i < n; i++)
		s += (v[i] - *centre) * (v[i] - *centre);
	*spread = sqrt(s / (double)n);
}

static void fit_robust(double *v, size_t n, double *centre, double *spread)
{
	*centre = median(v, n);
	for (size_t i = 0; i < n; i++)
		v[i] = fabs(v[i] - *centre);
	*spread = 1.4826 * median(v, n);
	if (*spread > 0)
		return;
	sort_doubles(v, n); /* so that the order of the records does not count */
	*spread = 1.2533 * mean(v, n);
}

/* Task k: column k. */
static void fit_column(void *ctx, size_t k)
{
	struct task *t = ctx;
	size_t n = t->x->n;
	double *v = scratch_take(&t->scratch);
	int differ = 0;
	for (size_t i = 0; i < n; i++) {
		v[i] = value(t->x, i, k);
		differ |= v[i] != v[0];
	}
	(t->axes->scale == SCALE_STD ? fit_std : fit_robust)(v, n, &t->axes->centre[k], &t->axes->spread[k]);
	if (!differ)
		t->axes->spread[k] = 0;
	scratch_give(&t->scratch, v);
}

int axes_fit(struct axes *a, enum scale scale, const struct points *x, const struct exec *exec, struct fail *f)
{
	struct task t = {a, x, {.n = 0}};
	*a = (struct axes){.scale = scale};
	if (scale == SCALE_NONE || !x->n)
		return 0;
	a->centre = malloc((size_t)x->d * sizeof *a->centre);
	a->spread = malloc((size_t)x->d * sizeof *a->spread);
	if (!a->centre || !a->spread)
		return fail_memory_for(f, "the scales of %d columns", x->d);
	if (scratch_open(&t.scratch, exec->threads, x->n * sizeof(double), f))
		return -1;
	exec_run(exec, "scale", (size_t)x->d, fit_column, &t);
	scratch_close(&t.scratch);
	return 0;
}

float *axes_apply(const struct axes *a, const struct points *x, struct fail *f)
{
	size_t d = (size_t)x->d;
	float *v = malloc((x->n * d + 1) * sizeof *v);
	if (!v) {
		fail_memory_for(f, "%zu scaled records of %zu dimensions", x->n, d);
		return NULL;
	}
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < d; k++) {
			double scaled = a->spread[k] > 0 ? (value(x, i, k) - a->centre[k]) / a->spread[k] : 0;
			if (a->scale == SCALE_ASINH)
				scaled = asinh(scaled);
			v[i * d + k] = (float)fmax(-FLT_MAX, fmin(scaled, FLT_MAX)); /* a spread may be a denormal */
		}
	return v;
}

void axes_free(struct axes *a)
{
	free(a->centre);
	free(a->spread);
	*a = (struct axes){.scale = SCALE_NONE};
}
