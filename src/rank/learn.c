#include "rank/learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rank/logistic.h"

#define PENALTY 3.0  /* of the joint score's weight; of the others this times their number */
#define FARTHEST 5.0 /* z is cut here */
#define MEAN_SIZE 0.8 /* of |z| of a normal variable */

static int count_weights(int p) { return 2 * p + 1; }

static void features(const struct learn *l, const double *values, double joint, double *out)
{
	double share = quantiles_count_ge(&l->joint, joint) / (double)l->joint.records;
	out[0] = -log(fmax(share, 1 / (double)l->joint.records));
	for (int k = 0; k < l->p; k++) {
		const struct mcd_axis *a = &l->axis[k];
		double z = NAN;
		if (a->spread > 0 && !isnan(values[k]))
			z = fmax(-FARTHEST, fmin((mcd_transform_value(a, values[k]) - a->median) / a->spread, FARTHEST));
		out[1 + k] = isnan(z) ? 0 : z;
		out[1 + l->p + k] = isnan(z) ? 0 : fabs(z) - MEAN_SIZE;
	}
}

double learn_score(const struct learn *l, const double *values, double joint)
{
	double x[LEARN_MAX_WEIGHTS], sum = 0;
	features(l, values, joint, x);
	for (int k = 0; k < count_weights(l->p); k++)
		sum += l->weight[k] * x[k];
	return sum;
}

static int by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;
	return (a > b) - (a < b);
}

/* The distribution of the joint score, and the axes of the fields. */
static int fit_features(struct learn *l, const double *x, const double *joint, size_t records, struct fail *f)
{
	double *v = malloc((2 * records + !records) * sizeof *v), *column;
	if (!v)
		return fail_memory_for(f, "the joint score of %zu records", records);
	column = v + records;
	memcpy(v, joint, records * sizeof *v);
	qsort(v, records, sizeof *v, by_value);
	l->joint = (struct quantiles){.n = quantiles_size(records), .records = records};
	l->joint.value = malloc(l->joint.n * sizeof *l->joint.value);
	for (size_t i = 0; l->joint.value && i < l->joint.n; i++)
		l->joint.value[i] = v[quantiles_rank(&l->joint, i)];
	for (int k = 0; k < l->p; k++) {
		size_t n = 0;
		for (size_t i = 0; i < records; i++)
			if (!isnan(x[i * (size_t)l->p + (size_t)k]))
				column[n++] = x[i * (size_t)l->p + (size_t)k];
		l->axis[k] = (struct mcd_axis){.unit = 1};
		if (n)
			mcd_fit_axis(&l->axis[k], column, n, 1, v);
	}
	free(v);
	return l->joint.value ? 0 : fail_memory(f);
}

struct sample { /* the decisions */
	double *x;        /* [n][weights] */
	unsigned char *y; /* [n] */
	int *fold;        /* [n] */
	double *part_x, *score, *prior; /* of one fold */
	unsigned char *part_y;
	size_t n;
};

static int fit_weights(const double *x, const unsigned char *y, size_t n, int weights, double *w, struct fail *f)
{
	double mean[LEARN_MAX_WEIGHTS] = {1}, penalty[LEARN_MAX_WEIGHTS];
	for (int k = 0; k < weights; k++)
		penalty[k] = k ? PENALTY * (weights - 1) : PENALTY;
	return logistic_fit(x, y, n, weights, mean, penalty, w, f);
}

/* The areas of one fold by the model of the others, and by the joint score; the fold's pairs weigh them. */
static int validate_fold(const struct sample *s, int fold, int weights, double sum[3], struct fail *f)
{
	double w[LEARN_MAX_WEIGHTS + 1] = {0};
	size_t n = 0, m = 0, width = (size_t)weights, drops = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->fold[i] != fold) {
			memcpy(s->part_x + n * width, s->x + i * width, width * sizeof *s->x);
			s->part_y[n++] = s->y[i];
		}
	if (fit_weights(s->part_x, s->part_y, n, weights, w, f))
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (s->fold[i] == fold) {
			double a = 0;
			for (size_t k = 0; k < width; k++)
				a += w[k] * s->x[i * width + k];
			s->score[m] = a;
			s->prior[m] = s->x[i * width];
			drops += s->y[i];
			s->part_y[m++] = s->y[i];
		}
	double pairs = (double)drops * (double)(m - drops);
	sum[0] += pairs * logistic_auroc(s->score, s->part_y, m);
	sum[1] += pairs * logistic_auroc(s->prior, s->part_y, m);
	sum[2] += pairs;
	return 0;
}

/* Folds take turns within the decisions of each kind. */
static int cross_validate(struct learn *l, const struct sample *s, int weights, struct fail *f)
{
	size_t least = l->keep < l->drop ? l->keep : l->drop, next[2] = {0, 0};
	int folds = least < LEARN_FOLDS ? (int)least : LEARN_FOLDS;
	double sum[3] = {0, 0, 0};
	l->auroc = l->error = l->joint_auroc = NAN;
	if (folds < 2)
		return 0;
	for (size_t i = 0; i < s->n; i++)
		s->fold[i] = (int)(next[s->y[i]]++ % (size_t)folds);
	for (int fold = 0; fold < folds; fold++)
		if (validate_fold(s, fold, weights, sum, f))
			return -1;
	l->auroc = sum[0] / sum[2];
	l->joint_auroc = sum[1] / sum[2];
	l->error = logistic_auroc_error(l->auroc, l->drop, l->keep);
	return 0;
}

static int fit_sample(struct learn *l, const double *x, const double *joint, const struct learn_decision *d, size_t n, struct fail *f)
{
	int weights = count_weights(l->p);
	size_t width = (size_t)weights;
	double *block = calloc((2 * width + 2) * n, sizeof *block), w[LEARN_MAX_WEIGHTS + 1] = {0};
	int *fold = malloc(n * sizeof *fold);
	unsigned char *y = malloc(2 * n);
	struct sample s = {block, y, fold, block + n * width, block + 2 * n * width, block + 2 * n * width + n, y + n, n};
	int r = block && fold && y ? 0 : fail_memory_for(f, "%zu decisions", n);
	for (size_t i = 0; i < n && !r; i++) {
		features(l, x + d[i].record * (size_t)l->p, joint[d[i].record], block + i * width);
		y[i] = d[i].drop;
	}
	r = r || fit_weights(block, y, n, weights, w, f) || cross_validate(l, &s, weights, f) ? -1 : 0;
	if (!r)
		memcpy(l->weight, w, width * sizeof *w);
	free(block);
	free(fold);
	free(y);
	return r;
}

int learn_fit(struct learn *l, int p, const double *x, const double *joint, size_t records, const struct learn_decision *d, size_t n, struct fail *f)
{
	*l = (struct learn){.auroc = NAN, .error = NAN, .joint_auroc = NAN};
	for (size_t i = 0; i < n; i++)
		*(d[i].drop ? &l->drop : &l->keep) += 1;
	if (!n || !l->keep || !l->drop)
		return 0;
	l->p = p;
	return fit_features(l, x, joint, records, f) || fit_sample(l, x, joint, d, n, f) ? -1 : 0;
}

void learn_free(struct learn *l)
{
	free(l->joint.value);
	*l = (struct learn){.p = 0};
}
