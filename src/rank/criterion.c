#include "rank/criterion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stream/name.h"

int criterion_open(struct criterion *c, const char *list, enum joint_kind kind, struct fail *f)
{
	char shown[80];
	*c = (struct criterion){.joint.kind = kind};
	c->list = strdup(list);
	char *copy = strdup(list);
	if (!c->list || !copy) {
		free(copy);
		return fail_memory(f);
	}
	c->field[0] = copy;
	for (char *next = copy; next; c->joint.p++) {
		if (c->joint.p == JOINT_MAX_FIELDS)
			return fail_set(f, "more than %d fields in '%s'", JOINT_MAX_FIELDS, name_show(shown, sizeof shown, list));
		char *name = c->field[c->joint.p] = next;
		next = strchr(next, ',');
		if (next)
			*next++ = 0;
		if (!*name)
			return fail_set(f, "empty field name in '%s'", name_show(shown, sizeof shown, list));
		for (int i = 0; i < c->joint.p; i++)
			if (strcmp(c->field[i], name) == 0)
				return fail_set(f, "the field '%s' is named twice", name_show(shown, sizeof shown, name));
	}
	return 0;
}

int criterion_values(const struct criterion *c, struct record *rec, double *values, struct fail *f)
{
	int got = 1;
	for (int i = 0; i < c->joint.p && got > 0; i++)
		got = record_number(rec, c->field[i], &values[i], f);
	return got;
}

int criterion_add(struct criterion *c, struct record *rec, struct ranking *r, struct fail *f)
{
	double v[JOINT_MAX_FIELDS];
	size_t p = (size_t)c->joint.p;
	int scored = criterion_values(c, rec, v, f);
	if (scored < 0)
		return -1;
	if (scored && p > 1) {
		if (c->n == c->cap) {
			size_t cap = c->cap ? c->cap + c->cap / 2 : 1024;
			double *x = realloc(c->x, cap * p * sizeof *x);
			if (!x)
				return fail_memory_for(f, "%zu fields of %zu records", p, c->n);
			c->x = x;
			c->cap = cap;
		}
		memcpy(c->x + p * c->n++, v, p * sizeof *v);
	}
	return ranking_add(r, scored ? v[0] : NAN, f);
}

int criterion_fit(struct criterion *c, struct ranking *r, struct fail *f)
{
	if (c->joint.p == 1 || !r->n)
		return 0;
	if (joint_fit(&c->joint, c->x, c->n, f))
		return -1;
	for (size_t i = 0, k = 0; i < r->n; i++)
		if (!isnan(r->v[i].value))
			r->v[i].value = c->x[k++];
	free(c->x);
	c->x = NULL;
	return 0;
}

int criterion_score(const struct criterion *c, struct record *rec, double *score, struct fail *f)
{
	double v[JOINT_MAX_FIELDS];
	int got = criterion_values(c, rec, v, f);
	if (got <= 0)
		return got;
	*score = c->joint.p == 1 ? v[0] : joint_score(&c->joint, v);
	return 1;
}

void criterion_free(struct criterion *c)
{
	free(c->list);
	free(c->field[0]);
	free(c->x);
	joint_free(&c->joint);
	*c = (struct criterion){.list = NULL};
}
