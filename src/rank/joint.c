#include "rank/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const joint_names[] = {"tails", "mahalanobis", NULL};

enum joint_kind joint_kind_of(const char *name)
{
	int i = 0;
	while (i < JOINT_KINDS && (!name || strcmp(name, joint_names[i]) != 0))
		i++;
	return (enum joint_kind)i;
}

/* The surprisal: -ln of the share of records with at least this value. */
static double surprisal(const struct quantiles *q, double value)
{
	return log((double)q->records / fmax(1, quantiles_count_ge(q, value)));
}

static int by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;
	return (a > b) - (a < b);
}

/* Replaces a field's values x[i * stride] by their surprisal, and keeps its distribution; v: scratch [n]. */
static int fit_tail(struct quantiles *tail, double *x, size_t n, size_t stride, double *v, struct fail *f)
{
	for (size_t i = 0; i < n; i++)
		v[i] = x[i * stride];
	qsort(v, n, sizeof *v, by_value);
	const struct quantiles all = {.value = v, .n = n, .records = n};
	for (size_t i = 0; i < n; i++)
		x[i * stride] = surprisal(&all, x[i * stride]);
	*tail = (struct quantiles){.n = quantiles_size(n), .records = n};
	tail->value = malloc(tail->n * sizeof *tail->value);
	if (!tail->value)
		return fail_memory_for(f, "the joint score of %zu records", n);
	for (size_t i = 0; i < tail->n; i++)
		tail->value[i] = v[quantiles_rank(tail, i)];
	return 0;
}

static int fit_tails(struct joint *j, double *x, size_t n, struct fail *f)
{
	size_t p = (size_t)j->p;
	double *v = malloc(n * sizeof *v);
	if (!v)
		return fail_memory_for(f, "the joint score of %zu records", n);
	int r = 0;
	for (size_t k = 0; k < p && !r; k++)
		r = fit_tail(&j->tail[k], x + k, n, p, v, f);
	free(v);
	for (size_t i = 0; i < n && !r; i++) {
		double sum = 0;
		for (size_t k = 0; k < p; k++)
			sum += x[i * p + k];
		x[i] = sum;
	}
	return r;
}

int joint_fit(struct joint *j, double *x, size_t n, struct fail *f)
{
	if (j->kind == JOINT_TAILS)
		return n ? fit_tails(j, x, n, f) : fail_set(f, "a joint score cannot be fitted to no records");
	j->mcd.p = j->p;
	return mcd_fit(&j->mcd, x, n, f);
}

double joint_score(const struct joint *j, const double *values)
{
	if (j->kind == JOINT_MAHALANOBIS)
		return mcd_score(&j->mcd, values);
	double sum = 0;
	for (int k = 0; k < j->p; k++)
		sum += surprisal(&j->tail[k], values[k]);
	return sum;
}

int joint_degenerate(const struct joint *j, int field)
{
	const struct quantiles *q = &j->tail[field];
	return j->kind == JOINT_TAILS ? q->value[0] == q->value[q->n - 1] : !(j->mcd.axis[field].spread > 0);
}

void joint_free(struct joint *j)
{
	for (int k = 0; k < JOINT_MAX_FIELDS; k++)
		free(j->tail[k].value);
	*j = (struct joint){.p = 0};
}
