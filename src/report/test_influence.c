#include "report/test_influence.h"

#include <stdlib.h>
#include <string.h>

static int read_list(struct test_influence *t, const struct influence_line *l, enum influence_kind kind, struct fail *f)
{
	for (size_t i = 0; i < json_array_size(l->list[kind]) && i < INFLUENTIAL_MAX; i++) {
		struct influence_entry e;
		if (influence_line_entry(l, kind, i, &e, f))
			return -1;
		struct influential *to = &t->item[kind][i];
		*to = (struct influential){strdup(e.key), e.influence};
		if (!to->key)
			return fail_memory(f);
		t->n[kind]++;
	}
	return 0;
}

static void free_one(struct test_influence *t)
{
	free(t->test);
	free(t->method);
	for (int w = 0; w < INFLUENCE_KINDS; w++)
		for (int i = 0; i < t->n[w]; i++)
			free(t->item[w][i].key);
	*t = (struct test_influence){.test = NULL};
}

/* Call free_one() after a failure too. */
static int read_line(struct test_influence *t, const struct influence_line *l, struct fail *f)
{
	const char *method = json_string_value(json_object_get(l->object, "method"));
	*t = (struct test_influence){.test = strdup(l->test), .method = method ? strdup(method) : NULL};
	if (!t->test || (method && !t->method))
		return fail_memory(f);
	return read_list(t, l, INFLUENCE_PROPONENTS, f) || read_list(t, l, INFLUENCE_OPPONENTS, f) ? -1 : 0;
}

/* Checks the line. Keeps it if it is chosen and there are fewer than max. */
static int add_line(struct test_influences *t, size_t max, const struct influence_line *l, int chosen, struct fail *f)
{
	struct test_influence ignored = {.test = NULL}, *to = chosen && t->n < max ? &t->v[t->n] : &ignored;
	int bad = read_line(to, l, f);
	if (bad || to == &ignored)
		free_one(to);
	else
		t->n++;
	t->left_out += chosen && to == &ignored;
	return bad;
}

int test_influences_select(struct test_influences *t, const char *path, size_t max, int (*chosen)(void *ctx, const char *test), void *ctx, struct fail *f)
{
	struct influence_file in;
	*t = (struct test_influences){.v = calloc(max + 1, sizeof *t->v)};
	if (!t->v)
		return fail_memory(f);
	int got = influence_file_open(&in, path, f) ? -1 : 1;
	while (got > 0 && (got = influence_file_next(&in, f)) > 0) {
		const struct influence_line *l = &in.line;
		int has_influence = l->list[INFLUENCE_PROPONENTS] || l->list[INFLUENCE_OPPONENTS];
		if (has_influence && add_line(t, max, l, !chosen || chosen(ctx, l->test), f))
			got = influence_file_fail(&in, f);
	}
	influence_file_close(&in);
	return got;
}

int test_influences_read(struct test_influences *t, const char *path, size_t max, struct fail *f)
{
	return test_influences_select(t, path, max, NULL, NULL, f);
}

void test_influences_free(struct test_influences *t)
{
	for (size_t i = 0; i < t->n; i++)
		free_one(&t->v[i]);
	free(t->v);
	*t = (struct test_influences){.n = 0};
}
