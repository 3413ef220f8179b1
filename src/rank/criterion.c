#include "rank/criterion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stream/name.h"

int criterion_open(struct criterion *b, const char *list, enum joint_kind kind, struct fail *f)
{
	char shown[80];
	*b = (struct criterion){.joint.kind = kind};
	b->text = strdup(list);
	char *copy = strdup(list);
	if (!b->text || !copy) {
		free(copy);
		return fail_memory(f);
	}
	b->field[0] = copy; /* the one block of all names */
	for (char *at = copy; at; b->joint.p++) {
		if (b->joint.p == JOINT_MAX_FIELDS)
			return fail_set(f, "more than %d fields in '%s'", JOINT_MAX_FIELDS, name_show(shown, sizeof shown, list));
		char *name = b->field[b->joint.p] = at;
		at = strchr(at, ',');
		if (at)
			*at++ = 0;
		if (!*name)
			return fail_set(f, "a field's name is empty in '%s'", name_show(shown, sizeof shown, list));
		for (int i = 0; i < b->joint.p; i++)
			if (strcmp(b->field[i], name) == 0)
				return fail_set(f, "the field '%s' stands twice", name_show(shown, sizeof shown, name));
	}
	return 0;
}

int criterion_values(const struct criterion *b, const struct fields *s, double *values)
{
	for (int i = 0; i < b->joint.p; i++)
		if (!fields_number(s, b->field[i], &values[i]))
			return 0;
	return 1;
}

int criterion_add(struct criterion *b, const struct fields *s, struct ranking *r, struct fail *f)
{
	double v[JOINT_MAX_FIELDS];
	size_t p = (size_t)b->joint.p;
	int have = criterion_values(b, s, v);
	if (have && p > 1) {
		if (b->n == b->cap) {
			size_t cap = b->cap ? b->cap + b->cap / 2 : 1024;
			double *x = realloc(b->x, cap * p * sizeof *x);
			if (!x)
				return fail_memory_for(f, "%zu fields of %zu records", p, b->n);
			b->x = x;
			b->cap = cap;
		}
		memcpy(b->x + p * b->n++, v, p * sizeof *v);
	}
	return ranking_add(r, have ? v[0] : NAN, f);
}

int criterion_fit(struct criterion *b, struct ranking *r, struct fail *f)
{
	if (b->joint.p == 1 || !r->n)
		return 0;
	if (joint_fit(&b->joint, b->x, b->n, f))
		return -1;
	for (size_t i = 0, k = 0; i < r->n; i++)
		if (!isnan(r->v[i].value))
			r->v[i].value = b->x[k++];
	free(b->x);
	b->x = NULL;
	return 0;
}

int criterion_score(const struct criterion *b, const struct fields *s, double *value)
{
	double v[JOINT_MAX_FIELDS];
	if (!criterion_values(b, s, v))
		return 0;
	*value = b->joint.p == 1 ? v[0] : joint_score(&b->joint, v);
	return 1;
}

void criterion_free(struct criterion *b)
{
	free(b->text);
	free(b->field[0]);
	free(b->x);
	joint_free(&b->joint);
	*b = (struct criterion){.text = NULL};
}
