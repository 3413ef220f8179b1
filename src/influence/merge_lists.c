#include "influence/merge_lists.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "stream/fields.h"
#include "stream/influence_file.h"
#include "stream/name.h"

struct merge {
	struct influence_file *file; /* [n] */
	size_t *at;                  /* [n]: of the list that is being merged, the next entry */
	int n;
	size_t top;
	struct buf out;
};

static int check_entries(const struct influence_line *l, enum influence_kind kind, size_t top, struct fail *f)
{
	const char *name = influence_kind_name[kind];
	size_t n = json_array_size(l->list[kind]);
	struct influence_entry e;
	if (!l->list[kind])
		return fail_set(f, "no list \"%s\"", name);
	if (n > top)
		return fail_set(f, "\"%s\" has %zu entries, more than its \"top\": score the shard again", name, n);
	for (size_t i = 0; i < n; i++) {
		double before = i ? e.influence : 0;
		if (influence_line_entry(l, kind, i, &e, f))
			return -1;
		if (i && (kind == INFLUENCE_PROPONENTS ? e.influence > before : e.influence < before))
			return fail_set(f, "\"%s\", entry %zu: it is stronger than the entry before it: score the shard again", name, i + 1);
		const json_t *cls = json_object_get(e.object, "cls");
		if ((cls && !json_is_string(cls)) || !json_is_number(json_object_get(e.object, "distance")) || !json_is_number(json_object_get(e.object, "norm")))
			return fail_set(f, "\"%s\", entry %zu: requires the numbers \"distance\" and \"norm\", and of \"cls\" a text", name, i + 1);
	}
	return 0;
}

static int check_line(const struct influence_line *l, struct fail *f)
{
	const json_t *o = l->object, *top = json_object_get(o, "top"), *cls = json_object_get(o, "cls");
	if (cls && !json_is_string(cls))
		return fail_set(f, "\"cls\" is not a text");
	if (!json_is_string(json_object_get(o, "model")) || !json_is_string(json_object_get(o, "options")) || !json_is_integer(top) || json_integer_value(top) < 0)
		return fail_set(f, "it does not say its model, options and top: not written by vae-testinf --influence, or by an earlier version: score the shard again");
	if (json_object_get(o, "candidates"))
		return fail_set(f, "written with --candidates, which depend on all records: score the shards as one stream");
	if (json_is_string(json_object_get(o, "error")))
		return 0;
	for (int kind = 0; kind < INFLUENCE_KINDS; kind++)
		if (check_entries(l, (enum influence_kind)kind, (size_t)json_integer_value(top), f))
			return -1;
	return 0;
}

static int next_line(struct influence_file *l, struct fail *f)
{
	int got = influence_file_next(l, f);
	if (got > 0 && check_line(&l->line, f))
		return influence_file_fail(l, f);
	return got < 0 ? -1 : 0;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	return s ? s : "";
}

static long top_of(const json_t *o) { return (long)json_integer_value(json_object_get(o, "top")); }

/* Checks that all files are at the same test record, with the same model, options and top. */
static int check_alike(const struct merge *m, struct fail *f)
{
	static const char *const names[] = {"test", "cls", "model", "options", "error"};
	const struct influence_file *a = &m->file[0];
	const json_t *x = a->line.object;
	for (int i = 1; i < m->n; i++) {
		const struct influence_file *b = &m->file[i];
		const json_t *y = b->line.object;
		if (!x != !y)
			return fail_set(f, "%s has fewer test records than %s: both must be of the same -t", (x ? b : a)->path, (x ? a : b)->path);
		for (size_t k = 0; x && k < sizeof names / sizeof *names; k++)
			if (strcmp(text_of(x, names[k]), text_of(y, names[k])) != 0)
				return fail_set(f, "%s: line %" PRIu64 ": \"%s\" is '%.100s', and '%.100s' in %s: run all shards with one model, the same options and test records",
				                b->path, b->number, names[k], text_of(y, names[k]), text_of(x, names[k]), a->path);
		if (x && top_of(x) != top_of(y))
			return fail_set(f, "%s: line %" PRIu64 ": --top was %ld, and %ld in %s: run all shards with one --top", b->path, b->number, top_of(y), top_of(x), a->path);
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

static const json_t *next_entry(const struct merge *m, int i, enum influence_kind kind) { return json_array_get(m->file[i].line.list[kind], m->at[i]); }

/* Refuses an entry of file `from` that is the next one of another file too: both have the same shard. */
static int check_others(const struct merge *m, int from, enum influence_kind kind, struct fail *f)
{
	char key[200];
	const json_t *e = next_entry(m, from, kind);
	for (int i = 0; i < m->n; i++)
		if (i != from && json_equal(next_entry(m, i, kind), e))
			return fail_set(f, "%s and %s both list the record '%s' with the same influence: each shard may be in one file only", m->file[i < from ? i : from].path,
			                m->file[i < from ? from : i].path, name_show(key, sizeof key, text_of(e, "key")));
	return 0;
}

static int merge_list(struct merge *m, enum influence_kind kind, struct fail *f)
{
	int r = buf_addf(&m->out, f, ",\"%s\":[", influence_kind_name[kind]);
	memset(m->at, 0, (size_t)m->n * sizeof *m->at);
	for (size_t n = 0; n < m->top && !r; n++) {
		int best = -1;
		double most = 0;
		for (int i = 0; i < m->n; i++) {
			const json_t *e = next_entry(m, i, kind);
			double v = e ? json_number_value(json_object_get(e, "influence")) : 0;
			if (e && (best < 0 || (kind == INFLUENCE_PROPONENTS ? v > most : v < most))) {
				best = i;
				most = v;
			}
		}
		if (best < 0)
			break;
		r = check_others(m, best, kind, f) || write_entry(&m->out, next_entry(m, best, kind), n == 0, f);
		m->at[best]++;
	}
	return r || buf_addf(&m->out, f, "]") ? -1 : 0;
}

static int merge_line(struct merge *m, long top, struct fail *f)
{
	const json_t *a = m->file[0].line.object;
	const char *cls = json_string_value(json_object_get(a, "cls")), *error = json_string_value(json_object_get(a, "error"));
	long has = top_of(a);
	m->top = (size_t)(top < 0 ? has : top);
	m->out.len = 0;
	if (top > has)
		return fail_set(f, "--top %ld: the files list only %ld", top, has);
	if (json_text(&m->out, "{", "test", text_of(a, "test"), f) || (cls && json_text(&m->out, ",", "cls", cls, f)))
		return -1;
	if (error ? json_text(&m->out, ",", "error", error, f) : merge_list(m, INFLUENCE_PROPONENTS, f) || merge_list(m, INFLUENCE_OPPONENTS, f))
		return -1;
	return json_text(&m->out, ",", "model", text_of(a, "model"), f) || json_text(&m->out, ",", "options", text_of(a, "options"), f) ||
	       buf_addf(&m->out, f, ",\"top\":%zu}\n", m->top) ? -1 : 0;
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
	m->at = calloc((size_t)m->n, sizeof *m->at);
	if (!m->file || !m->at)
		return fail_memory(f);
	for (int i = 0; i < m->n; i++)
		if (influence_file_open(&m->file[i], paths[i], f))
			return -1;
	return 0;
}

static void close_files(struct merge *m)
{
	for (int i = 0; m->file && i < m->n; i++)
		influence_file_close(&m->file[i]);
	free(m->file);
	free(m->at);
	buf_free(&m->out);
}

static int write_line(const struct merge *m, int fd, struct fail *f) { return influence_line_write(&m->out, fd, f) ? fail_add(f, "--influence") : 0; }

int influence_merge(char **paths, int n, long top, int fd, struct fail *f)
{
	struct merge m = {.n = n};
	int r = open_files(&m, paths, f) || next_lines(&m, f);
	if (!r && !m.file[0].line.object)
		r = fail_set(f, "%s: no test records", paths[0]);
	while (!r && m.file[0].line.object)
		r = merge_line(&m, top, f) || write_line(&m, fd, f) || next_lines(&m, f);
	close_files(&m);
	return r ? -1 : 0;
}
