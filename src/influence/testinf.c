#include "influence/testinf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "stream/fields.h"

/* --- tallies --- */

/* Welford (1962): a sum of squares less a square of sums loses all digits where the numbers differ little. */
static void moments_add(struct moments *t, double v)
{
	double off = v - t->mean;
	t->mean += off / ++t->n;
	t->squares += off * (v - t->mean);
}

double moments_mean(const struct moments *t) { return t->mean; }
double moments_sd(const struct moments *t) { return t->n < 2 ? 0 : sqrt(t->squares / (t->n - 1)); }

static void moments_add_class(struct moments *t, const char *a, const char *b)
{
	if (a && b)
		moments_add(t, strcmp(a, b) == 0);
}

/* --- records --- */

int testinf_open(struct testinf *s, const struct test_set *t, size_t top, struct fail *f)
{
	*s = (struct testinf){.tests = t, .top = top};
	for (int k = PROPONENTS; k <= OPPONENTS; k++)
		if (!(s->lists[k] = calloc(t->n + 1, sizeof **s->lists)))
			return fail_memory_for(f, "%zu test records", t->n);
	return 0;
}

static char *dup_or_null(const char *s) { return s ? strdup(s) : NULL; }

/* Whether influence v comes before what stands there; of equal ones the earlier record does. */
static int before(double v, const struct top_record *p, int kind) { return kind == PROPONENTS ? v > p->influence : v < p->influence; }

static int pick(struct testinf *s, int kind, size_t q, const struct train_record *r, double influence, double distance, struct fail *f)
{
	struct top_list *p = &s->lists[kind][q];
	if (p->n == s->top && (!p->n || !before(influence, &p->v[p->n - 1], kind)))
		return 0;
	if (p->n == p->capacity && p->n < s->top) {
		size_t capacity = p->capacity ? 2 * p->capacity : 16;
		capacity = capacity < s->top ? capacity : s->top;
		struct top_record *more = realloc(p->v, capacity * sizeof *more);
		if (!more)
			return fail_memory_for(f, "proponents and opponents");
		p->v = more;
		p->capacity = capacity;
	}
	struct top_record one = {influence, distance, r->norm, r->position, strdup(r->key), dup_or_null(r->cls)};
	if (!one.key || (r->cls && !one.cls)) {
		free(one.key);
		free(one.cls);
		return fail_memory_for(f, "proponents and opponents");
	}
	if (p->n == s->top) {
		free(p->v[--p->n].key);
		free(p->v[p->n].cls);
	}
	size_t low = 0, high = p->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (before(influence, &p->v[middle], kind))
			high = middle;
		else
			low = middle + 1;
	}
	memmove(p->v + low + 1, p->v + low, (p->n++ - low) * sizeof *p->v);
	p->v[low] = one;
	return 0;
}

int testinf_add(struct testinf *s, const struct train_record *r, const double *influence, const double *distance, struct influence_summary *out, struct fail *f)
{
	*out = (struct influence_summary){.n = 0};
	for (size_t q = 0; q < s->tests->n; q++) {
		double v = influence[q];
		if (isnan(v))
			continue;
		if (!out->n || v > out->max) {
			out->max = v;
			out->max_at = q;
		}
		if (!out->n || v < out->min) {
			out->min = v;
			out->min_at = q;
		}
		out->mean += v;
		out->n++;
		moments_add(&s->distance[ALL], distance[q]);
		moments_add_class(&s->same[ALL], r->cls, s->tests->record[q].cls);
		if (pick(s, v > 0 ? PROPONENTS : OPPONENTS, q, r, v, distance[q], f))
			return -1;
	}
	if (out->n) {
		out->mean /= (double)out->n;
		moments_add(&s->norm[ALL], r->norm);
	}
	return 0;
}

void testinf_end(struct testinf *s)
{
	for (int k = PROPONENTS; k <= OPPONENTS; k++)
		for (size_t q = 0; q < s->tests->n; q++) {
			const struct top_list *p = &s->lists[k][q];
			for (size_t i = 0; i < p->n; i++) {
				moments_add(&s->distance[k], p->v[i].distance);
				moments_add(&s->norm[k], p->v[i].norm);
				moments_add_class(&s->same[k], p->v[i].cls, s->tests->record[q].cls);
			}
			if (k == PROPONENTS && !s->tests->record[q].why)
				moments_add(&s->own, p->n && p->v[0].position == q);
		}
}

void testinf_free(struct testinf *s)
{
	for (int k = PROPONENTS; k <= OPPONENTS; k++) {
		for (size_t q = 0; s->lists[k] && q < s->tests->n; q++) {
			struct top_list *p = &s->lists[k][q];
			for (size_t i = 0; i < p->n; i++) {
				free(p->v[i].key);
				free(p->v[i].cls);
			}
			free(p->v);
		}
		free(s->lists[k]);
	}
	*s = (struct testinf){.top = 0};
}

/* --- writing down --- */

static int quote(struct buf *out, const char *name, const char *text, struct fail *f)
{
	return buf_addf(out, f, "\"%s\":", name) || json_quote(out, text, strlen(text), f) ? -1 : 0;
}

static int write_lists(struct buf *line, const struct top_list *p, const char *name, struct fail *f)
{
	int r = buf_addf(line, f, ",\"%s\":[", name);
	for (size_t i = 0; i < p->n && !r; i++) {
		const struct top_record *v = &p->v[i];
		r = buf_addf(line, f, "%s{", i ? "," : "") || quote(line, "key", v->key, f) ||
		    (v->cls && (buf_addf(line, f, ",") || quote(line, "cls", v->cls, f))) ||
		    buf_addf(line, f, ",\"influence\":%.9g,\"distance\":%.9g,\"norm\":%.9g}", v->influence, v->distance, v->norm);
	}
	return r ? -1 : buf_addf(line, f, "]");
}

int testinf_write(const struct testinf *s, int fd, struct fail *f)
{
	struct buf line = {0};
	int r = 0;
	for (size_t q = 0; q < s->tests->n && !r; q++) {
		const struct test_record *t = &s->tests->record[q];
		line.len = 0;
		r = buf_addf(&line, f, "{") || quote(&line, "test", t->key, f) ||
		    (t->cls && (buf_addf(&line, f, ",") || quote(&line, "cls", t->cls, f)));
		if (!r && t->why)
			r = buf_addf(&line, f, ",") || quote(&line, "error", t->why, f);
		else if (!r)
			r = write_lists(&line, &s->lists[PROPONENTS][q], "proponents", f) || write_lists(&line, &s->lists[OPPONENTS][q], "opponents", f);
		r = r || buf_addf(&line, f, "}\n") || write_all(fd, line.p, line.len, f);
	}
	buf_free(&line);
	return r ? -1 : 0;
}

static const char *const kinds[] = {[ALL] = "all", [PROPONENTS] = "proponents", [OPPONENTS] = "opponents"};

static int put(struct fields *to, const char *what, const char *more, int kind, double v, struct fail *f)
{
	char name[64];
	snprintf(name, sizeof name, "%s_%s%s", what, kinds[kind], more);
	return isfinite(v) ? fields_set_real(to, name, v, f) : 0;
}

int testinf_summarise(const struct testinf *s, int own, struct fields *to, struct fail *f)
{
	if (own && s->own.n && fields_set_real(to, "own", moments_mean(&s->own), f))
		return -1;
	for (int k = ALL; k <= OPPONENTS; k++)
		if ((s->same[k].n && put(to, "same_class", "", k, moments_mean(&s->same[k]), f)) ||
		    (s->distance[k].n && (put(to, "distance", "", k, moments_mean(&s->distance[k]), f) || put(to, "distance", "_sd", k, moments_sd(&s->distance[k]), f))) ||
		    (s->norm[k].n && (put(to, "norm", "", k, moments_mean(&s->norm[k]), f) || put(to, "norm", "_sd", k, moments_sd(&s->norm[k]), f))))
			return -1;
	return 0;
}

static void print_line(const char *name, const struct moments *t, double (*of)(const struct moments *))
{
	static const int order[] = {PROPONENTS, OPPONENTS, ALL};
	printf("%s", name);
	for (int i = 0; i < 3; i++)
		if (t[order[i]].n > 0)
			printf("\t%.3f", of(&t[order[i]]));
		else
			printf("\t");
	printf("\n");
}

void testinf_print(const struct testinf *s)
{
	if (s->own.n > 0)
		printf("own_strongest\t%.3f\n", moments_mean(&s->own));
	printf("\tproponents\topponents\tall\n");
	print_line("same_class", s->same, moments_mean);
	print_line("distance", s->distance, moments_mean);
	print_line("distance_sd", s->distance, moments_sd);
	print_line("norm", s->norm, moments_mean);
	print_line("norm_sd", s->norm, moments_sd);
}
