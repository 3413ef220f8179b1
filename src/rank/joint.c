#include "rank/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const joint_names[] = {"tails", "mahalanobis", "both", NULL};

enum joint_kind joint_kind_of(const char *name)
{
	int i = 0;
	while (i < JOINT_KINDS && (!name || strcmp(name, joint_names[i]) != 0))
		i++;
	return (enum joint_kind)i;
}

int joint_uses(const struct joint *j, int field, int question)
{
	return (j->kind == JOINT_BOTH ? j->use[field] : j->kind == JOINT_TAILS ? JOINT_HARDER : JOINT_UNLIKE) & question;
}

/* The surprisal: -ln of the share of records with at least this value; 0 where it is missing. */
static double surprisal(const struct quantiles *q, double value)
{
	return isnan(value) || !q->n ? 0 : log((double)q->records / fmax(1, quantiles_count_ge(q, value)));
}

static int by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;
	return (a > b) - (a < b);
}

/* Keeps the distribution of a field's values x[i * stride]; v [n] becomes those that are there, in order, and all that. */
static int fit_distribution(struct quantiles *kept, struct quantiles *all, const double *x, size_t n, size_t stride, double *v, struct fail *f)
{
	size_t there = 0;
	for (size_t i = 0; i < n; i++)
		if (!isnan(x[i * stride]))
			v[there++] = x[i * stride];
	if (there)
		qsort(v, there, sizeof *v, by_value);
	*all = (struct quantiles){.value = v, .n = there, .records = there};
	*kept = (struct quantiles){.n = quantiles_size(there), .records = there};
	kept->value = malloc((kept->n + !kept->n) * sizeof *kept->value);
	if (!kept->value)
		return fail_memory_for(f, "the joint score of %zu records", n);
	for (size_t i = 0; i < kept->n; i++)
		kept->value[i] = v[quantiles_rank(kept, i)];
	return 0;
}

/* Keeps the distribution of every field, and adds the surprisals of those that ask whether a record is harder to sum [n]. */
static int fit_fields(struct joint *j, const double *x, size_t n, double *sum, struct fail *f)
{
	size_t p = (size_t)j->p;
	double *v = malloc(n * sizeof *v);
	if (!v)
		return fail_memory_for(f, "the joint score of %zu records", n);
	int r = 0;
	memset(sum, 0, n * sizeof *sum);
	for (size_t k = 0; k < p && !r; k++) {
		struct quantiles all;
		r = fit_distribution(&j->tail[k], &all, x + k, n, p, v, f);
		for (size_t i = 0; i < n && !r && joint_uses(j, (int)k, JOINT_HARDER); i++)
			sum[i] += surprisal(&all, x[i * p + k]);
	}
	free(v);
	return r;
}

/* The values of the fields that ask whether a record is unlike the rest; to may be from. */
static int pick_unlike(const struct joint *j, const double *from, double *to)
{
	int n = 0;
	for (int k = 0; k < j->p; k++)
		if (joint_uses(j, k, JOINT_UNLIKE))
			to[n++] = from[k];
	return n;
}

static double combine(const struct quantiles part[2], const struct joint_parts *s)
{
	return surprisal(&part[0], s->tails) + surprisal(&part[1], s->unlike);
}

/* Combines the scores of the two questions: those of the tails in sum [n], those of the distance in x. */
static int fit_parts(struct joint *j, double *x, size_t n, const double *sum, struct joint_parts *parts, struct fail *f)
{
	struct quantiles all[2];
	double *v = malloc(2 * n * sizeof *v);
	int r = !v ? fail_memory_for(f, "the joint score of %zu records", n)
	           : fit_distribution(&j->part[0], &all[0], sum, n, 1, v, f) || fit_distribution(&j->part[1], &all[1], x, n, 1, v + n, f) ? -1 : 0;
	for (size_t i = 0; i < n && !r; i++) {
		struct joint_parts s = {sum[i], x[i]};
		x[i] = combine(all, &s);
		if (parts)
			parts[i] = s;
	}
	free(v);
	return r;
}

int joint_fit(struct joint *j, double *x, size_t n, struct joint_parts *parts, struct fail *f)
{
	size_t p = (size_t)j->p;
	if (!n)
		return fail_set(f, "a joint score cannot be fitted to no records");
	double *sum = malloc(n * sizeof *sum);
	if (!sum)
		return fail_memory_for(f, "the joint score of %zu records", n);
	int r = fit_fields(j, x, n, sum, f);
	if (!r && j->kind == JOINT_TAILS)
		memcpy(x, sum, n * sizeof *sum);
	if (!r && j->kind != JOINT_TAILS) {
		size_t q = 0;
		for (size_t i = 0; i < n; i++) /* in place: no row is longer than before */
			q = (size_t)pick_unlike(j, x + i * p, x + i * q);
		j->mcd.p = (int)q;
		r = mcd_fit(&j->mcd, x, n, f);
	}
	if (!r && j->kind == JOINT_BOTH)
		r = fit_parts(j, x, n, sum, parts, f);
	free(sum);
	return r;
}

static double tails(const struct joint *j, const double *values)
{
	double sum = 0;
	for (int k = 0; k < j->p; k++)
		if (joint_uses(j, k, JOINT_HARDER))
			sum += surprisal(&j->tail[k], values[k]);
	return sum;
}

static double unlike(const struct joint *j, const double *values)
{
	double v[JOINT_MAX_FIELDS];
	pick_unlike(j, values, v);
	return mcd_score(&j->mcd, v);
}

double joint_score(const struct joint *j, const double *values, struct joint_parts *parts)
{
	if (j->kind != JOINT_BOTH)
		return j->kind == JOINT_TAILS ? tails(j, values) : unlike(j, values);
	struct joint_parts s = {tails(j, values), unlike(j, values)};
	if (parts)
		*parts = s;
	return combine(j->part, &s);
}

static struct joint_reason explain_tails(const struct joint *j, const double *values)
{
	struct joint_reason r = {JOINT_HARDER, -1, 0};
	double most = 0;
	for (int k = 0; k < j->p; k++) {
		double s = joint_uses(j, k, JOINT_HARDER) ? surprisal(&j->tail[k], values[k]) : 0;
		if (s > most) {
			most = s;
			r.field = k;
		}
	}
	return r;
}

static struct joint_reason explain_unlike(const struct joint *j, const double *values)
{
	struct joint_reason r = {JOINT_UNLIKE, -1, 0};
	double v[JOINT_MAX_FIELDS];
	pick_unlike(j, values, v);
	int found = mcd_reason(&j->mcd, v, &r.low);
	for (int k = 0, n = 0; k < j->p && found >= 0; k++)
		if (joint_uses(j, k, JOINT_UNLIKE) && n++ == found)
			r.field = k;
	return r;
}

struct joint_reason joint_explain(const struct joint *j, const double *values)
{
	if (j->kind != JOINT_BOTH)
		return j->kind == JOINT_TAILS ? explain_tails(j, values) : explain_unlike(j, values);
	struct joint_parts s;
	joint_score(j, values, &s);
	return surprisal(&j->part[1], s.unlike) > surprisal(&j->part[0], s.tails) ? explain_unlike(j, values) : explain_tails(j, values);
}

int joint_degenerate(const struct joint *j, int field, int question)
{
	const struct quantiles *q = &j->tail[field];
	if (question == JOINT_HARDER)
		return !q->n || q->value[0] == q->value[q->n - 1];
	int n = 0;
	for (int k = 0; k < field; k++)
		n += joint_uses(j, k, JOINT_UNLIKE) != 0;
	return !(j->mcd.axis[n].spread > 0);
}

void joint_free(struct joint *j)
{
	for (int k = 0; k < JOINT_MAX_FIELDS; k++)
		free(j->tail[k].value);
	for (int k = 0; k < 2; k++)
		free(j->part[k].value);
	*j = (struct joint){.p = 0};
}
