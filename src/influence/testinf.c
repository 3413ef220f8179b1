#include "influence/testinf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "stream/fields.h"
#include "stream/influence_file.h"
#include "stream/name.h"

/* --- moments --- */

/* Welford (1962). The difference of a sum of squares and a squared sum would lose all digits if the values differ little. */
static void moments_add(struct moments *m, double v)
{
	double off = v - m->mean;
	m->mean += off / ++m->n;
	m->squares += off * (v - m->mean);
}

double moments_mean(const struct moments *m) { return m->mean; }
double moments_sd(const struct moments *m) { return m->n < 2 ? 0 : sqrt(m->squares / (m->n - 1)); }

static void add_same_class(struct moments *m, const char *a, const char *b)
{
	if (a && b)
		moments_add(m, strcmp(a, b) == 0);
}

/* --- proponents and opponents --- */

int testinf_open(struct testinf *s, const struct test_set *tests, size_t top, struct fail *f)
{
	*s = (struct testinf){.tests = tests, .top = top};
	for (int kind = PROPONENTS; kind <= OPPONENTS; kind++)
		if (!(s->list[kind] = calloc(tests->n + 1, sizeof **s->list)))
			return fail_memory_for(f, "%zu test records", tests->n);
	return 0;
}

/* The number as --influence writes it. Lists are in the order of these, so that lists of shards merge to the list of all. */
static double written(double influence)
{
	char text[40];
	snprintf(text, sizeof text, "%.9g", influence);
	return strtod(text, NULL);
}

/* Of equal influences the earlier record ranks first. */
static int ranks_before(double influence, const struct top_record *r, int kind)
{
	return kind == PROPONENTS ? influence > r->influence : influence < r->influence;
}

static void free_record(struct top_record *r)
{
	free(r->key);
	free(r->cls);
}

static int reserve_one(struct top_list *l, size_t top, struct fail *f)
{
	if (l->n < l->capacity || l->n == top)
		return 0;
	size_t capacity = l->capacity ? 2 * l->capacity : 16;
	capacity = capacity < top ? capacity : top;
	struct top_record *more = realloc(l->v, capacity * sizeof *more);
	if (!more)
		return fail_memory_for(f, "proponents and opponents");
	l->v = more;
	l->capacity = capacity;
	return 0;
}

static size_t find_rank(const struct top_list *l, double influence, int kind)
{
	size_t low = 0, high = l->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (ranks_before(influence, &l->v[middle], kind))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Adds a record to a list if it is one of the strongest; the weakest of a full list goes. */
static int list_record(struct testinf *s, struct top_list *l, int kind, const struct train_record *r, double influence, double distance, struct fail *f)
{
	if (l->n == s->top && (!l->n || !ranks_before(influence, &l->v[l->n - 1], kind)))
		return 0;
	influence = written(influence);
	if (l->n == s->top && !ranks_before(influence, &l->v[l->n - 1], kind))
		return 0;
	if (reserve_one(l, s->top, f))
		return -1;
	struct top_record entry = {influence, distance, r->norm, r->position, strdup(r->key), r->cls ? strdup(r->cls) : NULL};
	if (!entry.key || (r->cls && !entry.cls)) {
		free_record(&entry);
		return fail_memory_for(f, "proponents and opponents");
	}
	if (l->n == s->top)
		free_record(&l->v[--l->n]);
	size_t at = find_rank(l, influence, kind);
	memmove(l->v + at + 1, l->v + at, (l->n++ - at) * sizeof *l->v);
	l->v[at] = entry;
	return 0;
}

static void update_summary(struct influence_summary *out, double influence, size_t test)
{
	if (!out->n || influence > out->max) {
		out->max = influence;
		out->max_at = test;
	}
	if (!out->n || influence < out->min) {
		out->min = influence;
		out->min_at = test;
	}
	out->mean += influence; /* the sum, until all are there */
	out->n++;
}

int testinf_add(struct testinf *s, const struct train_record *r, const double *influence, const double *distance,
                struct influence_summary *out, struct fail *f)
{
	*out = (struct influence_summary){.n = 0};
	for (size_t q = 0; q < s->tests->n; q++) {
		if (isnan(influence[q]))
			continue;
		update_summary(out, influence[q], q);
		moments_add(&s->distance[ALL], distance[q]);
		add_same_class(&s->same_class[ALL], r->cls, s->tests->record[q].cls);
		int kind = influence[q] > 0 ? PROPONENTS : OPPONENTS;
		if (list_record(s, &s->list[kind][q], kind, r, influence[q], distance[q], f))
			return -1;
	}
	if (out->n) {
		out->mean /= (double)out->n;
		moments_add(&s->norm[ALL], r->norm);
	}
	return 0;
}

int testinf_add_record(struct testinf *s, struct record *r, const struct pairwise_row *p, struct influence_summary *out, struct fail *f)
{
	struct buf key = {0}, cls = {0};
	int has_cls = name_escape(&key, r->key.p, r->key.len, f) ? -1 : record_value(r, "cls", &cls, f);
	const struct train_record one = {key.p, has_cls > 0 ? cls.p ? cls.p : "" : NULL, r->ordinal - 1, p->score->mu_norm};
	int bad = has_cls < 0 || testinf_add(s, &one, p->influence, p->distance, out, f);
	buf_free(&key);
	buf_free(&cls);
	return bad ? -1 : 0;
}

void testinf_end(struct testinf *s)
{
	for (int kind = PROPONENTS; kind <= OPPONENTS; kind++)
		for (size_t q = 0; q < s->tests->n; q++) {
			const struct top_list *l = &s->list[kind][q];
			for (size_t i = 0; i < l->n; i++) {
				moments_add(&s->distance[kind], l->v[i].distance);
				moments_add(&s->norm[kind], l->v[i].norm);
				add_same_class(&s->same_class[kind], l->v[i].cls, s->tests->record[q].cls);
			}
			if (kind == PROPONENTS && !s->tests->record[q].why)
				moments_add(&s->own_strongest, l->n && l->v[0].position == q);
		}
}

void testinf_free(struct testinf *s)
{
	for (int kind = PROPONENTS; kind <= OPPONENTS; kind++) {
		for (size_t q = 0; s->list[kind] && q < s->tests->n; q++) {
			for (size_t i = 0; i < s->list[kind][q].n; i++)
				free_record(&s->list[kind][q].v[i]);
			free(s->list[kind][q].v);
		}
		free(s->list[kind]);
	}
	*s = (struct testinf){.top = 0};
}

/* --- output --- */

static int add_list(struct buf *line, const struct top_list *l, const char *name, struct fail *f)
{
	int r = buf_addf(line, f, ",\"%s\":[", name);
	for (size_t i = 0; i < l->n && !r; i++) {
		const struct top_record *v = &l->v[i];
		r = json_text(line, i ? ",{" : "{", "key", v->key, f) || (v->cls && json_text(line, ",", "cls", v->cls, f)) ||
		    buf_addf(line, f, ",\"influence\":%.9g,\"distance\":%.9g,\"norm\":%.9g}", v->influence, v->distance, v->norm);
	}
	return r ? -1 : buf_addf(line, f, "]");
}

int testinf_write(const struct testinf *s, const struct influence_origin *o, int fd, struct fail *f)
{
	struct buf line = {0};
	int r = 0;
	for (size_t q = 0; q < s->tests->n && !r; q++) {
		const struct test_record *t = &s->tests->record[q];
		line.len = 0;
		r = json_text(&line, "{", "test", t->key, f) || (t->cls && json_text(&line, ",", "cls", t->cls, f));
		if (!r && t->why)
			r = json_text(&line, ",", "error", t->why, f);
		else if (!r)
			r = add_list(&line, &s->list[PROPONENTS][q], "proponents", f) || add_list(&line, &s->list[OPPONENTS][q], "opponents", f);
		r = r || json_text(&line, ",", "model", o->model, f) || json_text(&line, ",", "options", o->options, f) || (o->candidates && buf_addf(&line, f, ",\"candidates\":%ld", o->candidates)) ||
		    buf_addf(&line, f, ",\"top\":%zu}\n", s->top);
		r = r || influence_line_write(&line, fd, f);
	}
	buf_free(&line);
	return r ? -1 : 0;
}

static int set_mean(struct fields *to, const char *what, int kind, const struct moments *m, int with_sd, struct fail *f)
{
	static const char *const kinds[] = {[ALL] = "all", [PROPONENTS] = "proponents", [OPPONENTS] = "opponents"};
	const double values[] = {moments_mean(m), moments_sd(m)};
	for (int i = 0; i <= with_sd && m->n; i++) {
		char name[64];
		snprintf(name, sizeof name, "%s_%s%s", what, kinds[kind], i ? "_sd" : "");
		if (isfinite(values[i]) && fields_set_real(to, name, values[i], f))
			return -1;
	}
	return 0;
}

int testinf_summarise(const struct testinf *s, int own_strongest, struct fields *to, struct fail *f)
{
	if (own_strongest && s->own_strongest.n && fields_set_real(to, "own", moments_mean(&s->own_strongest), f))
		return -1;
	for (int kind = ALL; kind <= OPPONENTS; kind++)
		if (set_mean(to, "same_class", kind, &s->same_class[kind], 0, f) || set_mean(to, "distance", kind, &s->distance[kind], 1, f) ||
		    set_mean(to, "norm", kind, &s->norm[kind], 1, f))
			return -1;
	return 0;
}

static void print_line(const char *name, const struct moments *m, double (*value)(const struct moments *))
{
	static const int order[] = {PROPONENTS, OPPONENTS, ALL};
	printf("%s", name);
	for (int i = 0; i < 3; i++)
		if (m[order[i]].n > 0)
			printf("\t%.3f", value(&m[order[i]]));
		else
			printf("\t");
	printf("\n");
}

void testinf_print(const struct testinf *s)
{
	if (s->own_strongest.n > 0)
		printf("own_strongest\t%.3f\n", moments_mean(&s->own_strongest));
	printf("\tproponents\topponents\tall\n");
	print_line("same_class", s->same_class, moments_mean);
	print_line("distance", s->distance, moments_mean);
	print_line("distance_sd", s->distance, moments_sd);
	print_line("norm", s->norm, moments_mean);
	print_line("norm_sd", s->norm, moments_sd);
}
