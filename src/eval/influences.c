#include "eval/influences.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

static struct influence_method *find_method(struct influences *s, const char *name, struct fail *f)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->method[i].name, name) == 0)
			return &s->method[i];
	if (grow(&s->method, &s->cap, s->n + 1, "methods", f))
		return NULL;
	struct influence_method *m = &s->method[s->n];
	*m = (struct influence_method){.name = strdup(name)};
	if (!m->name) {
		fail_memory(f);
		return NULL;
	}
	s->n++;
	return m;
}

/* Sets *out, owned by the caller, to the class of a key. Returns 1, 0 if it has none, or -1. o: the object with the key, which may have a cls. */
static int class_in(const struct influences *s, const struct class_map *m, const json_t *o, const char *key, char **out, struct fail *f)
{
	const char *cls = NULL;
	struct buf directory = {0};
	*out = NULL;
	if (!s->of_class.name) {
		cls = json_string_value(json_object_get(o, "cls"));
	} else if (strcmp(s->of_class.name, CLASS_OF_KEY) == 0) {
		int has = class_of_key(key, strlen(key), &directory, f);
		if (has < 0)
			return -1;
		cls = has ? (directory.p ? directory.p : "") : NULL;
	} else {
		cls = class_map_find(m, key);
	}
	int got = cls != NULL;
	if (cls && !(*out = strdup(cls)))
		got = fail_memory(f);
	buf_free(&directory);
	return got;
}

static float to_float(double v) { return (float)fmin(fmax(v, -FLT_MAX), FLT_MAX); }
static float number_of(const json_t *v) { return json_is_number(v) ? to_float(json_number_value(v)) : NAN; }

static int push(struct influence_method *m, const struct influence_pair *p, struct fail *f)
{
	if (grow(&m->pair, &m->cap, m->n + 1, "pairs of records", f))
		return -1;
	m->pair[m->n++] = *p;
	return 0;
}

static void count(struct influence_group *g, const struct influence_pair *p)
{
	g->pairs++;
	if (p->same >= 0)
		mean_add(&g->measure[INFLUENCE_SAME_CLASS], p->same);
	if (!isnan(p->distance))
		mean_add(&g->measure[INFLUENCE_DISTANCE], (double)p->distance);
	if (!isnan(p->norm))
		mean_add(&g->measure[INFLUENCE_NORM], (double)p->norm);
}

/* Adds one list of a test record. cls: the class of the test record, or NULL. */
static int add_list(struct influences *s, struct influence_method *m, const struct influence_line *l, enum influence_kind kind, const char *cls, int16_t number,
                    struct fail *f)
{
	const size_t listed = json_array_size(l->list[INFLUENCE_PROPONENTS]) + json_array_size(l->list[INFLUENCE_OPPONENTS]);
	for (size_t i = 0; i < json_array_size(l->list[kind]); i++) {
		struct influence_entry e;
		char *own;
		if (influence_line_entry(l, kind, i, &e, f) || class_in(s, &s->records, e.object, e.key, &own, f) < 0)
			return -1;
		const json_t *distance = json_object_get(e.object, "distance"), *norm = json_object_get(e.object, "norm");
		struct influence_pair p = {to_float(e.influence), number_of(distance), number_of(norm), number, -1};
		if (cls && own)
			p.same = strcmp(cls, own) == 0;
		free(own);
		if (push(m, &p, f))
			return -1;
		for (int k = 0; k < s->ncutoffs; k++)
			if (i < eval_cutoff_count(&s->cutoff[k], listed))
				count(&m->of[kind][k], &p);
		count(&m->of[kind][s->ncutoffs], &p);
		count(&m->all, &p);
	}
	return 0;
}

int influences_add(struct influences *s, const struct influence_line *l, struct fail *f)
{
	const json_t *method = json_object_get(l->object, "method");
	if (!l->list[INFLUENCE_PROPONENTS] && !l->list[INFLUENCE_OPPONENTS]) {
		s->unread++;
		return 0;
	}
	struct influence_method *m = find_method(s, json_is_string(method) ? json_string_value(method) : "", f);
	char *cls = NULL;
	if (!m || class_in(s, s->tests.n ? &s->tests : &s->records, l->object, l->test, &cls, f) < 0)
		return -1;
	int number = cls ? class_list_add(&s->classes, cls, strlen(cls), f) : -1, bad = cls && number < 0;
	m->tests++;
	for (int k = 0; k < INFLUENCE_KINDS && !bad; k++)
		bad = add_list(s, m, l, (enum influence_kind)k, cls, (int16_t)number, f);
	free(cls);
	return bad ? -1 : 0;
}

int influences_read(struct influences *s, const char *path, struct fail *f)
{
	struct influence_file in;
	int got = influence_file_open(&in, path, f) ? -1 : 1;
	while (got > 0 && (got = influence_file_next(&in, f)) > 0)
		if (influences_add(s, &in.line, f))
			got = influence_file_fail(&in, f);
	influence_file_close(&in);
	return got;
}

/* --- the end --- */

struct named {
	char *name;
	int16_t was;
};

static int by_name(const void *a, const void *b) { return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name); }

/* Numbers the classes in the order of their names. */
static int sort_classes(struct influences *s, struct fail *f)
{
	struct named *v = calloc(s->classes.n + 1, sizeof *v);
	int16_t *to = calloc(s->classes.n + 1, sizeof *to);
	if (v && to) {
		for (size_t i = 0; i < s->classes.n; i++)
			v[i] = (struct named){s->classes.name[i], (int16_t)i};
		qsort(v, s->classes.n, sizeof *v, by_name);
		for (size_t i = 0; i < s->classes.n; i++) {
			s->classes.name[i] = v[i].name;
			to[v[i].was] = (int16_t)i;
		}
		for (struct influence_method *m = s->method; m < s->method + s->n; m++)
			for (size_t i = 0; i < m->n; i++)
				m->pair[i].cls = m->pair[i].cls < 0 ? -1 : to[m->pair[i].cls];
	}
	int bad = v && to ? 0 : fail_memory(f);
	free(v);
	free(to);
	return bad;
}

static int correlate_method(struct influence_method *m, struct fail *f)
{
	double *x = calloc(m->n + 1, sizeof *x), *y = calloc(m->n + 1, sizeof *y);
	int bad = x && y ? 0 : fail_memory_for(f, "%zu pairs of records", m->n);
	for (int k = INFLUENCE_DISTANCE; k < INFLUENCE_MEASURES && !bad; k++) {
		for (size_t i = 0; i < m->n; i++) {
			x[i] = (double)(k == INFLUENCE_DISTANCE ? m->pair[i].distance : m->pair[i].norm);
			y[i] = (double)m->pair[i].influence;
		}
		bad = correlate(x, y, m->n, &m->against[k], f);
	}
	free(x);
	free(y);
	return bad;
}

int influences_finish(struct influences *s, struct fail *f)
{
	size_t pairs = 0;
	for (size_t i = 0; i < s->n; i++)
		pairs += s->method[i].n;
	if (!pairs)
		return fail_set(f, "no influences of any record");
	if (s->classes.n && sort_classes(s, f))
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (correlate_method(&s->method[i], f))
			return -1;
	return 0;
}

double influence_sd(const struct mean *m) { return m->n > 1 ? sqrt(m->squares / (double)(m->n - 1)) : NAN; }

void influences_free(struct influences *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->method[i].name);
		free(s->method[i].pair);
	}
	free(s->method);
	class_list_free(&s->classes);
	class_check_free(&s->of_class);
	class_map_free(&s->records);
	class_map_free(&s->tests);
	*s = (struct influences){.n = 0};
}
