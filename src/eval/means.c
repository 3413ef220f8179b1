#include "eval/means.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

static struct mean *find(const struct means *m, const char *name, size_t len)
{
	for (size_t i = 0; i < m->n; i++)
		if (strlen(m->v[i].name) == len && memcmp(m->v[i].name, name, len) == 0)
			return &m->v[i];
	return NULL;
}

static int append(struct means *m, const char *name, size_t len, struct fail *f)
{
	if (grow(&m->v, &m->cap, m->n + 1, "means", f))
		return -1;
	m->v[m->n] = (struct mean){.name = strndup(name, len)};
	return m->v[m->n++].name ? 0 : fail_memory(f);
}

int means_only(struct means *m, const char *names, struct fail *f)
{
	m->only = 1;
	for (const char *p = names; ; p += strcspn(p, ",") + 1) {
		size_t len = strcspn(p, ",");
		if (!len || find(m, p, len))
			return fail_set(f, "-k '%s': expected different names, separated by commas", names);
		if (append(m, p, len, f))
			return -1;
		if (!p[len])
			return 0;
	}
}

void mean_add(struct mean *m, double value)
{
	double d = value - m->mean;
	m->n++;
	m->mean += d / (double)m->n;
	m->squares += d * (value - m->mean);
}

/* Adds the numbers of a run. */
static int add_run(struct means *m, const struct fields *run, struct fail *f)
{
	for (size_t i = 0; i < run->n; i++) {
		const struct field *v = &run->v[i];
		const char *name = run->text.p + v->name;
		char *text = strndup(name, v->name_len);
		double value;
		if (!text)
			return fail_memory(f);
		int number = fields_number(run, text, &value);
		free(text);
		if (!number)
			continue;
		struct mean *to = find(m, name, v->name_len);
		if (!to && !m->only) {
			if (append(m, name, v->name_len, f))
				return -1;
			to = &m->v[m->n - 1];
		}
		if (to)
			mean_add(to, value);
	}
	return 0;
}

int means_add_file(struct means *m, const char *path, struct fail *f)
{
	struct buf text = {0};
	struct fields run = {.n = 0};
	int bad = buf_read_file(&text, path, FIELDS_MAX_BYTES, f) ? -1 : 0;
	while (!bad && text.len && strchr(" \t\r\n", text.p[text.len - 1]))
		text.len--;
	if (!bad && fields_parse(&run, text.p ? text.p : "", text.len, f))
		bad = fail_add(f, "%s: not a file of --summary", path);
	bad = bad || add_run(m, &run, f) ? -1 : 0;
	buf_free(&text);
	fields_free(&run);
	return bad;
}

double mean_error(const struct mean *m)
{
	return m->n < 2 ? NAN : sqrt(m->squares / (double)(m->n - 1) / (double)m->n);
}

int means_check(const struct means *m, struct fail *f)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->v[i].n)
			return fail_set(f, "-k: no run has a number '%s'", m->v[i].name);
	return m->n ? 0 : fail_set(f, "no run has a number");
}

void means_free(struct means *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].name);
	free(m->v);
	*m = (struct means){.n = 0};
}
