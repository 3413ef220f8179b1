#include "influence/merge_lists.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/buf.h"
#include "base/json.h"
#include "stream/fields.h"

enum { PROPONENT, OPPONENT, KINDS };
static const char *const kind_names[KINDS] = {"proponents", "opponents"};

struct list_file {
	const char *path;
	FILE *in;
	char *text;     /* of the line */
	size_t size;
	json_t *line;   /* NULL after the last one */
	size_t at;      /* of the list that is being merged: the next entry */
	uint64_t number; /* of the line, from 1 */
};

struct merge {
	struct list_file *file; /* [n] */
	int n;
	size_t top;
	struct buf out;
};

static int at_line(const struct list_file *l, struct fail *f) { return fail_add(f, "%s: line %" PRIu64, l->path, l->number); }

static int check_entries(const json_t *list, const char *name, size_t top, struct fail *f)
{
	if (!json_is_array(list))
		return fail_set(f, "no list \"%s\"", name);
	if (json_array_size(list) > top)
		return fail_set(f, "\"%s\" has %zu entries, more than its \"top\"", name, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i), *cls = json_object_get(e, "cls");
		if (!json_is_string(json_object_get(e, "key")) || (cls && !json_is_string(cls)) || !json_is_number(json_object_get(e, "influence")) ||
		    !json_is_number(json_object_get(e, "distance")) || !json_is_number(json_object_get(e, "norm")))
			return fail_set(f, "\"%s\", entry %zu: requires key, influence, distance and norm", name, i + 1);
	}
	return 0;
}

static int check_line(const json_t *o, struct fail *f)
{
	const json_t *top = json_object_get(o, "top"), *cls = json_object_get(o, "cls");
	if (!json_is_string(json_object_get(o, "test")) || (cls && !json_is_string(cls)))
		return fail_set(f, "no \"test\" with the key of a test record");
	if (!json_is_string(json_object_get(o, "model")) || !json_is_string(json_object_get(o, "options")) || !json_is_integer(top) || json_integer_value(top) < 0)
		return fail_set(f, "it does not say its model, options and top: not written by vae-testinf --influence, or by an earlier version");
	if (json_object_get(o, "candidates"))
		return fail_set(f, "written with --candidates, which depend on all records: score the shards as one stream");
	if (json_is_string(json_object_get(o, "error")))
		return 0;
	for (int kind = 0; kind < KINDS; kind++)
		if (check_entries(json_object_get(o, kind_names[kind]), kind_names[kind], (size_t)json_integer_value(top), f))
			return -1;
	return 0;
}

static int next_line(struct list_file *l, struct fail *f)
{
	json_error_t e;
	json_decref(l->line);
	l->line = NULL;
	l->number++;
	ssize_t len = getline(&l->text, &l->size, l->in);
	if (len < 0 && feof(l->in))
		return 0;
	if (len < 0) /* getline() does not set the stream's error when memory runs out */
		return fail_errno(f, "%s", l->path);
	if ((size_t)len > INFLUENCE_MAX_LINE)
		return fail_set(f, "%s: line %" PRIu64 ": longer than %u bytes", l->path, l->number, INFLUENCE_MAX_LINE);
	l->line = json_parse(l->text, (size_t)len, 0, &e);
	if (!l->line && json_error_code(&e) == json_error_out_of_memory)
		return fail_memory_for(f, "a line of %s", l->path);
	if (!l->line)
		fail_set(f, "not JSON: %.200s", e.text);
	return !l->line || check_line(l->line, f) ? at_line(l, f) : 0;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	return s ? s : "";
}

/* Checks that all files are at the same test record, with the same model, options and top. */
static int check_alike(const struct merge *m, struct fail *f)
{
	static const char *const names[] = {"test", "cls", "model", "options", "error"};
	const struct list_file *a = &m->file[0];
	for (int i = 1; i < m->n; i++) {
		const struct list_file *b = &m->file[i];
		if (!a->line != !b->line)
			return fail_set(f, "%s has fewer test records than %s: both must be of the same -t", (a->line ? b : a)->path, (a->line ? a : b)->path);
		for (size_t k = 0; a->line && k < sizeof names / sizeof *names; k++)
			if (strcmp(text_of(a->line, names[k]), text_of(b->line, names[k])) != 0)
				return fail_set(f, "%s: line %" PRIu64 ": \"%s\" is '%.100s', and '%.100s' in %s: run all shards with one model, the same options and test records",
				                b->path, b->number, names[k], text_of(b->line, names[k]), text_of(a->line, names[k]), a->path);
		json_int_t x = a->line ? json_integer_value(json_object_get(a->line, "top")) : 0, y = b->line ? json_integer_value(json_object_get(b->line, "top")) : 0;
		if (x != y)
			return fail_set(f, "%s: line %" PRIu64 ": --top was %" JSON_INTEGER_FORMAT ", and %" JSON_INTEGER_FORMAT " in %s", b->path, b->number, y, x, a->path);
	}
	return 0;
}

/* -0 is 0 in JSON. */
static double number_of(const json_t *e, const char *name) { return json_number_value(json_object_get(e, name)) + 0.0; }

static int write_entry(struct buf *out, const json_t *e, int first, struct fail *f)
{
	const char *cls = json_string_value(json_object_get(e, "cls"));
	return json_text(out, first ? "{" : ",{", "key", text_of(e, "key"), f) || (cls && json_text(out, ",", "cls", cls, f)) ||
	       buf_addf(out, f, ",\"influence\":%.9g,\"distance\":%.9g,\"norm\":%.9g}", number_of(e, "influence"), number_of(e, "distance"), number_of(e, "norm")) ? -1 : 0;
}

static const json_t *entry(const struct list_file *l, int kind) { return json_array_get(json_object_get(l->line, kind_names[kind]), l->at); }

static int merge_list(struct merge *m, int kind, struct fail *f)
{
	int r = buf_addf(&m->out, f, ",\"%s\":[", kind_names[kind]);
	for (int i = 0; i < m->n; i++)
		m->file[i].at = 0;
	for (size_t n = 0; n < m->top && !r; n++) {
		struct list_file *best = NULL;
		double most = 0;
		for (int i = 0; i < m->n; i++) {
			const json_t *e = entry(&m->file[i], kind);
			double v = e ? json_number_value(json_object_get(e, "influence")) : 0;
			if (e && (!best || (kind == PROPONENT ? v > most : v < most))) {
				best = &m->file[i];
				most = v;
			}
		}
		if (!best)
			break;
		r = write_entry(&m->out, entry(best, kind), n == 0, f);
		best->at++;
	}
	return r || buf_addf(&m->out, f, "]") ? -1 : 0;
}

static int merge_line(struct merge *m, long top, struct fail *f)
{
	const json_t *a = m->file[0].line;
	const char *cls = json_string_value(json_object_get(a, "cls")), *error = json_string_value(json_object_get(a, "error"));
	long has = (long)json_integer_value(json_object_get(a, "top"));
	m->top = (size_t)(top < 0 ? has : top);
	m->out.len = 0;
	if (top > has)
		return fail_set(f, "--top %ld: the files list only %ld", top, has);
	if (json_text(&m->out, "{", "test", text_of(a, "test"), f) || (cls && json_text(&m->out, ",", "cls", cls, f)))
		return -1;
	if (error ? json_text(&m->out, ",", "error", error, f) : merge_list(m, PROPONENT, f) || merge_list(m, OPPONENT, f))
		return -1;
	if (json_text(&m->out, ",", "model", text_of(a, "model"), f) || json_text(&m->out, ",", "options", text_of(a, "options"), f) ||
	    buf_addf(&m->out, f, ",\"top\":%zu}\n", m->top))
		return -1;
	return m->out.len > INFLUENCE_MAX_LINE ? fail_set(f, "the line of a test record has %zu bytes, more than the limit of %u: use a smaller --top", m->out.len, INFLUENCE_MAX_LINE) : 0;
}

static int next_lines(struct merge *m, struct fail *f)
{
	for (int i = 0; i < m->n; i++)
		if (next_line(&m->file[i], f))
			return -1;
	return check_alike(m, f);
}

static int open_files(struct merge *m, char **paths, struct fail *f)
{
	m->file = calloc((size_t)m->n, sizeof *m->file);
	if (!m->file)
		return fail_memory(f);
	for (int i = 0; i < m->n; i++) {
		m->file[i].path = paths[i];
		m->file[i].in = fopen(paths[i], "re");
		if (!m->file[i].in)
			return fail_errno(f, "%s", paths[i]);
	}
	return 0;
}

static void close_files(struct merge *m)
{
	for (int i = 0; m->file && i < m->n; i++) {
		if (m->file[i].in)
			fclose(m->file[i].in);
		free(m->file[i].text);
		json_decref(m->file[i].line);
	}
	free(m->file);
	buf_free(&m->out);
}

static int write_line(const struct merge *m, int fd, struct fail *f) { return write_all(fd, m->out.p, m->out.len, f) ? fail_add(f, "--influence") : 0; }

int influence_merge(char **paths, int n, long top, int fd, struct fail *f)
{
	struct merge m = {.n = n};
	int r = open_files(&m, paths, f) || next_lines(&m, f);
	if (!r && !m.file[0].line)
		r = fail_set(f, "%s: no test records", paths[0]);
	while (!r && m.file[0].line)
		r = merge_line(&m, top, f) || write_line(&m, fd, f) || next_lines(&m, f);
	close_files(&m);
	return r ? -1 : 0;
}
