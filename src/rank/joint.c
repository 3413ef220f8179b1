#include "rank/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"

const char *const joint_names[] = {"tails", "mahalanobis", "both", NULL};

enum joint_kind joint_kind_of(const char *name)
{
	int i = 0;
	while (i < JOINT_KINDS && (!name || strcmp(name, joint_names[i]) != 0))
		i++;
	return (enum joint_kind)i;
}

#define FAR_THRESHOLD 2.302585092994046 /* ln 10 */

int joint_uses(const struct joint *j, int field, int question)
{
	return (j->kind == JOINT_BOTH ? j->use[field] : j->kind == JOINT_TAILS ? JOINT_HARDER : JOINT_UNLIKE) & question;
}

static const struct mcd *distance_of(const struct joint *j, int question) { return question == JOINT_FAR ? &j->far : &j->mcd; }

/* The surprisal: -ln of the share of records with at least this value; 0 if it is missing. */
static double surprisal(const struct quantiles *q, double value)
{
	return isnan(value) || !q->n ? 0 : log((double)q->records / fmax(1, quantiles_count_ge(q, value)));
}

/* Keeps the distribution of a field's values x[i * stride]; v [n] becomes those that are there, in order, and all that. */
static int fit_distribution(struct quantiles *kept, struct quantiles *all, const double *x, size_t n, size_t stride, double *v, struct fail *f)
{
	size_t there = 0;
	for (size_t i = 0; i < n; i++)
		if (!isnan(x[i * stride]))
			v[there++] = x[i * stride];
	sort_doubles(v, there);
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

/* The values of the fields that enter a question; to may be from. */
static int pick(const struct joint *j, int question, const double *from, double *to)
{
	int n = 0;
	for (int k = 0; k < j->p; k++)
		if (joint_uses(j, k, question))
			to[n++] = from[k];
	return n;
}

/* What the third question adds of its surprisal. */
static double beyond_threshold(double far) { return fmax(0, far - FAR_THRESHOLD); }

/* What each question adds to the joint score. */
static void addends(const struct quantiles *part, const struct joint_parts *s, double add[JOINT_QUESTIONS])
{
	for (int i = 0; i < JOINT_QUESTIONS; i++)
		add[i] = surprisal(&part[i], s->of[i]);
	add[2] = beyond_threshold(add[2]);
}

static double combine(const struct quantiles *part, const struct joint_parts *s)
{
	double add[JOINT_QUESTIONS];
	addends(part, s, add);
	return add[0] + add[1] + add[2];
}

/* Combines the scores of the questions, score[q] [n] each (the last may be NULL: 0), in x, which may be one of them. They become surprisals, one
 * question after the other, so that one copy of a column is enough. */
static int fit_parts(struct joint *j, double *x, size_t n, double *const score[JOINT_QUESTIONS], struct joint_parts *parts, struct fail *f)
{
	double *v = malloc(n * sizeof *v);
	int r = v ? 0 : fail_memory_for(f, "the joint score of %zu records", n), questions = score[JOINT_QUESTIONS - 1] ? JOINT_QUESTIONS : JOINT_QUESTIONS - 1;
	for (int q = 0; q < JOINT_QUESTIONS && !r; q++) {
		struct quantiles all;
		double zero = 0;
		int asked = q < questions;
		r = fit_distribution(&j->part[q], &all, asked ? score[q] : &zero, n, asked, v, f);
		for (size_t i = 0; i < n && parts && !r; i++)
			parts[i].of[q] = asked ? score[q][i] : 0;
		for (size_t i = 0; i < n && asked && !r; i++)
			score[q][i] = surprisal(&all, score[q][i]);
	}
	for (size_t i = 0; i < n && !r; i++)
		x[i] = score[0][i] + score[1][i] + (questions == JOINT_QUESTIONS ? beyond_threshold(score[JOINT_QUESTIONS - 1][i]) : 0);
	free(v);
	return r;
}

/* Fits the distance of the fields that enter a question: from x [n][p] to the first n of to, which may be x. 0 if there are none. */
static int fit_distance(const struct joint *j, struct mcd *m, int question, const double *x, double *to, size_t n, struct fail *f)
{
	size_t q = 0;
	for (size_t i = 0; i < n; i++) /* in place: no row is longer than before */
		q = (size_t)pick(j, question, x + i * (size_t)j->p, to + i * q);
	m->p = (int)q;
	if (q)
		return mcd_fit(m, to, n, f);
	memset(to, 0, n * sizeof *to);
	return 0;
}

/* Whether too few records have all the fields of a distance: then it adds nothing, and m has no coordinates. */
static int has_few(struct joint *j, struct mcd *m, int question, const double *x, size_t n)
{
	size_t complete = 0;
	int p = 0;
	for (size_t i = 0; i < n; i++) {
		double v[JOINT_MAX_FIELDS];
		int missing = 0;
		p = pick(j, question, x + i * (size_t)j->p, v);
		for (int k = 0; k < p; k++)
			missing |= isnan(v[k]);
		complete += !missing;
	}
	if (complete / MCD_RECORDS_PER_FIELD >= (size_t)p)
		return 0;
	*m = (struct mcd){.p = p};
	for (int k = 0; k < p; k++)
		m->axis[k].unit = 1;
	j->too_few |= question;
	return 1;
}

/* fit_distance(), or zeros. */
static int fit_or_zero(struct joint *j, struct mcd *m, int question, const double *x, double *to, size_t n, struct fail *f)
{
	if (!has_few(j, m, question, x, n))
		return fit_distance(j, m, question, x, to, n, f);
	memset(to, 0, n * sizeof *to);
	return 0;
}

static int fit_both(struct joint *j, double *x, size_t n, double *sum, struct joint_parts *parts, struct fail *f)
{
	size_t width = 0;
	for (int k = 0; k < j->p; k++)
		width += joint_uses(j, k, JOINT_FAR) != 0;
	double *far = width ? malloc(n * width * sizeof *far) : NULL;
	if (width && !far)
		return fail_memory_for(f, "the joint score of %zu records", n);
	double *const score[] = {sum, x, far};
	int r = (far && fit_or_zero(j, &j->far, JOINT_FAR, x, far, n, f)) || fit_or_zero(j, &j->mcd, JOINT_UNLIKE, x, x, n, f) || fit_parts(j, x, n, score, parts, f);
	free(far);
	return r ? -1 : 0;
}

int joint_fit(struct joint *j, double *x, size_t n, struct joint_parts *parts, struct fail *f)
{
	if (!n)
		return fail_set(f, "a joint score cannot be fitted to no records");
	double *sum = malloc(n * sizeof *sum);
	if (!sum)
		return fail_memory_for(f, "the joint score of %zu records", n);
	int r = fit_fields(j, x, n, sum, f);
	if (!r && j->kind == JOINT_TAILS)
		memcpy(x, sum, n * sizeof *sum);
	else if (!r && j->kind == JOINT_BOTH)
		r = fit_both(j, x, n, sum, parts, f);
	else if (!r)
		r = fit_distance(j, &j->mcd, JOINT_UNLIKE, x, x, n, f);
	if (!r && j->kind == JOINT_MAHALANOBIS && !j->mcd.dim)
		r = fail_set(f, "no field can enter the joint score: each has one value in more than half of the records");
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

static double distance(const struct joint *j, int question, const double *values)
{
	double v[JOINT_MAX_FIELDS];
	return pick(j, question, values, v) ? mcd_score(distance_of(j, question), v) : 0;
}

double joint_score(const struct joint *j, const double *values, struct joint_parts *parts)
{
	if (j->kind != JOINT_BOTH)
		return j->kind == JOINT_TAILS ? tails(j, values) : distance(j, JOINT_UNLIKE, values);
	struct joint_parts s = {{tails(j, values), distance(j, JOINT_UNLIKE, values), distance(j, JOINT_FAR, values)}};
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

static struct joint_reason explain_distance(const struct joint *j, int question, const double *values)
{
	struct joint_reason r = {question, -1, 0};
	double v[JOINT_MAX_FIELDS];
	int found = pick(j, question, values, v) ? mcd_reason(distance_of(j, question), v, &r.low) : -1;
	for (int k = 0, n = 0; k < j->p && found >= 0; k++)
		if (joint_uses(j, k, question) && n++ == found)
			r.field = k;
	return r;
}

struct joint_reason joint_explain(const struct joint *j, const double *values)
{
	if (j->kind != JOINT_BOTH)
		return j->kind == JOINT_TAILS ? explain_tails(j, values) : explain_distance(j, JOINT_UNLIKE, values);
	struct joint_parts s;
	double add[JOINT_QUESTIONS];
	joint_score(j, values, &s);
	addends(j->part, &s, add);
	if (add[0] >= add[1] && add[0] >= add[2])
		return explain_tails(j, values);
	return explain_distance(j, add[1] >= add[2] ? JOINT_UNLIKE : JOINT_FAR, values);
}

int joint_degenerate(const struct joint *j, int field, int question)
{
	const struct quantiles *q = &j->tail[field];
	if (question == JOINT_HARDER)
		return !q->n || q->value[0] == q->value[q->n - 1];
	int n = 0;
	for (int k = 0; k < field; k++)
		n += joint_uses(j, k, question) != 0;
	return !(distance_of(j, question)->axis[n].spread > 0);
}

void joint_free(struct joint *j)
{
	for (int k = 0; k < JOINT_MAX_FIELDS; k++)
		free(j->tail[k].value);
	for (int k = 0; k < JOINT_QUESTIONS; k++)
		free(j->part[k].value);
	*j = (struct joint){.p = 0};
}
