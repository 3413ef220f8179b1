#include "report/test_influence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "stream/fields.h"

static int read_list(struct test_influence *t, int which, const json_t *list, struct fail *f)
{
	static const char *const name[] = {"proponents", "opponents"};
	size_t n = json_array_size(list);
	if (list && !json_is_array(list))
		return fail_set(f, "\"%s\" is not a list", name[which]);
	for (size_t i = 0; i < n && t->n[which] < INFLUENTIAL_MAX; i++) {
		const json_t *key = json_object_get(json_array_get(list, i), "key"), *value = json_object_get(json_array_get(list, i), "influence");
		if (!json_is_string(key) || !json_is_number(value))
			return fail_set(f, "\"%s\", entry %zu: requires a \"key\" (text) and an \"influence\" (number)", name[which], i + 1);
		struct influential *to = &t->item[which][t->n[which]];
		to->key = strdup(json_string_value(key));
		to->influence = json_number_value(value);
		if (!to->key)
			return fail_memory(f);
		t->n[which]++;
	}
	return 0;
}

static void free_one(struct test_influence *t)
{
	free(t->test);
	free(t->method);
	for (int w = 0; w < 2; w++)
		for (int i = 0; i < t->n[w]; i++)
			free(t->item[w][i].key);
	*t = (struct test_influence){.test = NULL};
}

/* 1 for a test record, 0 for a line without influence, -1. */
static int read_line(struct test_influence *t, const char *text, size_t len, struct fail *f)
{
	json_error_t e;
	json_t *o = json_parse(text, len, 0, &e);
	*t = (struct test_influence){.test = NULL};
	if (!o && json_error_code(&e) == json_error_out_of_memory)
		return fail_memory_for(f, "a line");
	if (!o)
		return fail_set(f, "not JSON: %.200s", e.text);
	const json_t *test = json_object_get(o, "test"), *method = json_object_get(o, "method");
	const json_t *list[2] = {json_object_get(o, "proponents"), json_object_get(o, "opponents")};
	int r = json_is_string(test) ? 1 : fail_set(f, "no \"test\" with the key of a test record");
	if (r > 0 && !list[0] && !list[1])
		r = 0;
	if (r > 0) {
		t->test = strdup(json_string_value(test));
		t->method = json_is_string(method) ? strdup(json_string_value(method)) : NULL;
		if (!t->test || (json_is_string(method) && !t->method))
			r = fail_memory(f);
	}
	for (int w = 0; w < 2 && r > 0; w++)
		if (read_list(t, w, list[w], f))
			r = -1;
	json_decref(o);
	if (r <= 0)
		free_one(t);
	return r;
}

int test_influences_select(struct test_influences *t, const char *path, size_t max, int (*wanted)(void *ctx, const char *test), void *ctx, struct fail *f)
{
	*t = (struct test_influences){.v = calloc(max + 1, sizeof *t->v)};
	FILE *in = t->v ? fopen(path, "re") : NULL;
	if (!t->v)
		return fail_memory(f);
	if (!in)
		return fail_errno(f, "%s", path);
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int r = 0;
	for (unsigned long long number = 1; !r && (len = getline(&line, &size, in)) >= 0; number++) {
		struct test_influence beyond = {.test = NULL}, *to = t->n < max ? &t->v[t->n] : &beyond;
		if ((size_t)len > INFLUENCE_MAX_LINE)
			r = fail_set(f, "%s: line %llu: longer than %u bytes", path, number, INFLUENCE_MAX_LINE);
		int got = r ? -1 : read_line(to, line, (size_t)len, f);
		if (got < 0 && !r)
			r = fail_add(f, "%s: line %llu", path, number);
		int kept = got > 0 && (!wanted || wanted(ctx, to->test));
		if (got > 0 && (!kept || to == &beyond)) {
			free_one(to);
			t->left_out += (size_t)kept;
		} else if (got > 0) {
			t->n++;
		}
	}
	if (!r && !feof(in)) /* getline() does not set the stream's error when memory runs out */
		r = fail_errno(f, "%s", path);
	free(line);
	fclose(in);
	return r;
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
