#include "report/test_influence.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 64 << 20 };

static int read_list(struct test_influence *row, int which, const json_t *list, int each, struct fail *f)
{
	static const char *const name[] = {"proponents", "opponents"};
	size_t n = json_array_size(list);
	if (list && !json_is_array(list))
		return fail_set(f, "\"%s\" is no list", name[which]);
	for (size_t i = 0; i < n && row->n[which] < each; i++) {
		const json_t *key = json_object_get(json_array_get(list, i), "key"), *value = json_object_get(json_array_get(list, i), "influence");
		if (!json_is_string(key) || !json_is_number(value))
			return fail_set(f, "\"%s\", entry %zu: \"key\" (text) and \"influence\" (a number) are wanted", name[which], i + 1);
		struct influential *to = &row->item[which][row->n[which]];
		to->key = strdup(json_string_value(key));
		to->influence = json_number_value(value);
		if (!to->key)
			return fail_memory(f);
		row->n[which]++;
	}
	return 0;
}

static void row_free(struct test_influence *row)
{
	free(row->test);
	free(row->method);
	for (int w = 0; w < 2; w++)
		for (int i = 0; i < row->n[w]; i++)
			free(row->item[w][i].key);
	*row = (struct test_influence){.test = NULL};
}

/* 1 a row, 0 a line without an influence, -1. */
static int read_line(struct test_influence *row, const char *text, size_t len, int each, struct fail *f)
{
	json_error_t e;
	json_t *o = json_loadb(text, len, 0, &e);
	*row = (struct test_influence){.test = NULL};
	if (!o)
		return fail_set(f, "not JSON: %.200s", e.text);
	const json_t *test = json_object_get(o, "test"), *method = json_object_get(o, "method");
	const json_t *list[2] = {json_object_get(o, "proponents"), json_object_get(o, "opponents")};
	int r = json_is_string(test) ? 1 : fail_set(f, "no \"test\" with the key of a test record");
	if (r > 0 && !list[0] && !list[1])
		r = 0;
	if (r > 0) {
		row->test = strdup(json_string_value(test));
		row->method = json_is_string(method) ? strdup(json_string_value(method)) : NULL;
		if (!row->test || (json_is_string(method) && !row->method))
			r = fail_memory(f);
	}
	for (int w = 0; w < 2 && r > 0; w++)
		if (read_list(row, w, list[w], each, f))
			r = -1;
	json_decref(o);
	if (r <= 0)
		row_free(row);
	return r;
}

int test_influences_read(struct test_influences *rows, const char *path, size_t most, int each, struct fail *f)
{
	*rows = (struct test_influences){.v = calloc(most + 1, sizeof *rows->v)};
	FILE *in = rows->v ? fopen(path, "re") : NULL;
	if (!rows->v)
		return fail_memory(f);
	if (!in)
		return fail_errno(f, "%s", path);
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int r = 0;
	for (unsigned long long number = 1; !r && (len = getline(&line, &room, in)) >= 0; number++) {
		struct test_influence spare = {.test = NULL}, *to = rows->n < most ? &rows->v[rows->n] : &spare;
		if (len > MAX_LINE)
			r = fail_set(f, "%s: line %llu: longer than %d bytes", path, number, MAX_LINE);
		int got = r ? -1 : read_line(to, line, (size_t)len, each < INFLUENTIAL_MAX ? each : INFLUENTIAL_MAX, f);
		if (got < 0 && !r)
			r = fail_add(f, "%s: line %llu", path, number);
		if (got > 0 && to == &spare) {
			row_free(&spare);
			rows->left_out++;
		} else if (got > 0) {
			rows->n++;
		}
	}
	if (!r && !feof(in)) /* getline() sets no error where memory runs out */
		r = fail_errno(f, "%s", path);
	free(line);
	fclose(in);
	return r;
}

void test_influences_free(struct test_influences *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		row_free(&rows->v[i]);
	free(rows->v);
	*rows = (struct test_influences){.n = 0};
}
