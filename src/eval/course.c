#include "eval/course.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

static const double level[COURSE_QUANTILES] = {0.5, 0.95, 0.999};

int course_memo_prefix(const char *name)
{
	size_t n = strlen(name);
	return n >= 4 && strcmp(name + n - 4, "memo") == 0 ? (int)n - 4 : -1;
}

/* Returns 1 and sets *step if the name is NAME_DIGITS, where NAME is prefix [np] and base; otherwise 0. */
static int is_step(const char *p, size_t n, const char *prefix, size_t np, const char *base, uint64_t *step)
{
	size_t nb = strlen(base);
	if (n < np + nb + 2 || n > np + nb + 1 + 18 || memcmp(p, prefix, np) != 0 || memcmp(p + np, base, nb) != 0 || p[np + nb] != '_')
		return 0;
	*step = 0;
	for (size_t i = np + nb + 1; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		*step = 10 * *step + (uint64_t)(p[i] - '0');
	}
	return 1;
}

/* Finds or adds the entry of a step; NULL with a message. */
static struct course_step *find(struct course *c, uint64_t step, struct fail *f)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->step[i].step == step)
			return &c->step[i];
	if (c->n == COURSE_MAX) {
		fail_set(f, "fields of more than %d checkpoints", COURSE_MAX);
		return NULL;
	}
	if (grow(&c->step, &c->cap, c->n + 1, "checkpoints", f))
		return NULL;
	c->step[c->n] = (struct course_step){.step = step};
	return &c->step[c->n++];
}

static int add_value(struct course_step *s, double v, struct fail *f)
{
	if (grow(&s->v, &s->cap, s->n + 1, "values", f))
		return -1;
	s->v[s->n++] = v;
	return 0;
}

int course_add(struct course *c, const char *name, const struct fields *s, struct fail *f)
{
	static const char *const mean[2] = {"logp_in", "logp_out"};
	const int prefix = course_memo_prefix(name);
	char field[256];
	for (size_t i = 0; i < s->n; i++) {
		const struct field *v = &s->v[i];
		const char *p = s->text.p + v->name;
		uint64_t step;
		double value;
		int which = -1;
		if (v->type != 'n' || v->name_len >= sizeof field)
			continue;
		if (!is_step(p, v->name_len, name, strlen(name), "", &step)) {
			for (which = 0; which < 2 && (prefix < 0 || !is_step(p, v->name_len, name, (size_t)prefix, mean[which], &step)); which++)
				;
			if (which == 2)
				continue;
		}
		memcpy(field, p, v->name_len);
		field[v->name_len] = 0;
		if (!fields_number(s, field, &value))
			continue;
		struct course_step *at = find(c, step, f);
		if (!at || (which < 0 && add_value(at, value, f)))
			return -1;
		if (which >= 0) {
			at->sum[which] += value;
			at->count[which]++;
		}
	}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double p = *(const double *)a, q = *(const double *)b;
	return (p > q) - (p < q);
}

static int by_step(const void *a, const void *b)
{
	uint64_t p = ((const struct course_step *)a)->step, q = ((const struct course_step *)b)->step;
	return (p > q) - (p < q);
}

void course_finish(struct course *c)
{
	if (c->n)
		qsort(c->step, c->n, sizeof *c->step, by_step);
	for (struct course_step *s = c->step; s < c->step + c->n; s++) {
		if (s->n)
			qsort(s->v, s->n, sizeof *s->v, by_value);
		for (int q = 0; q < COURSE_QUANTILES; q++) {
			size_t rank = (size_t)ceil(level[q] * (double)s->n);
			s->quantile[q] = s->n ? s->v[rank < 1 ? 0 : rank - 1] : NAN;
		}
		for (int i = 0; i < 2; i++)
			s->mean[i] = s->count[i] ? s->sum[i] / (double)s->count[i] : NAN;
	}
}

int course_has_quantiles(const struct course *c)
{
	int n = 0;
	for (size_t i = 0; i < c->n; i++)
		n += c->step[i].n > 0;
	return n > 1;
}

int course_has_means(const struct course *c)
{
	int n = 0;
	for (size_t i = 0; i < c->n; i++)
		n += c->step[i].count[0] && c->step[i].count[1];
	return n > 1;
}

void course_free(struct course *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->step[i].v);
	free(c->step);
	*c = (struct course){.n = 0};
}
