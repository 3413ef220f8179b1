/* vae-cut: prints fields of records as TSV or JSON lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rank/columns.h"
#include "stream/metadata.h"
#include "stream/name.h"
#include "tool/flow.h"

struct options {
	const char *fields;
	int json, header;
	const char *bind;
};

struct cut {
	const struct options *o;
	struct buf names; /* of the fields to print, each with its NUL, then an empty one */
	char *seen;       /* seen[i]: some record has the name that begins at names.p[i] */
	struct buf line, scratch;
};

/* Appends a field's value as JSON, with its digits and escapes. */
static int json_value(const struct fields *s, const struct field *v, struct buf *out, struct fail *f)
{
	size_t quoted = v->type == 's';
	return buf_add(out, "\"", quoted, f) || buf_add(out, s->text.p + v->value, v->value_len, f) || buf_add(out, "\"", quoted, f) ? -1 : 0;
}

/* Appends "NAME":VALUE: 1, 0 when missing, -1. */
static int json_member(struct record *r, const char *name, struct buf *scratch, struct buf *out, struct fail *f)
{
	const struct field *v = fields_find(&r->fields, name);
	scratch->len = 0;
	int metadata = !v && metadata_is_name(name);
	int got = v ? 1 : metadata ? record_json(r, name, scratch, f) : record_value(r, name, scratch, f);
	if (got <= 0)
		return got;
	int first = out->p && out->p[out->len - 1] == '{';
	if (buf_add(out, ",", !first, f) || json_quote(out, name, strlen(name), f) || buf_add(out, ":", 1, f))
		return -1;
	if (metadata)
		return buf_add(out, scratch->p, scratch->len, f) ? -1 : 1;
	return (v ? json_value(&r->fields, v, out, f) : json_quote(out, scratch->p, scratch->len, f)) ? -1 : 1;
}

/* Appends all fields but one. */
static int json_others(const struct fields *s, const struct field *except, struct buf *out, struct fail *f)
{
	for (const struct field *v = s->v; v < s->v + s->n; v++)
		if (v != except && (buf_add(out, ",\"", 2, f) || buf_add(out, s->text.p + v->written, v->written_len, f) ||
		                    buf_add(out, "\":", 2, f) || json_value(s, v, out, f)))
			return -1;
	return 0;
}

static int format_line(struct cut *c, struct record *r, struct fail *f)
{
	int json = c->o->json;
	if (record_fields(r, f))
		return -1;
	c->line.len = 0;
	if (json && buf_add(&c->line, "{", 1, f))
		return -1;
	for (const char *name = c->names.p; *name; name += strlen(name) + 1) {
		if (!json && name != c->names.p && buf_add(&c->line, "\t", 1, f))
			return -1;
		int got = json ? json_member(r, name, &c->scratch, &c->line, f) : record_text(r, name, &c->scratch, &c->line, f);
		if (got < 0)
			return -1;
		c->seen[name - c->names.p] |= (char)got;
	}
	if (!c->o->fields && (json_member(r, "key", &c->scratch, &c->line, f) < 0 ||
	                      json_others(&r->fields, fields_find(&r->fields, "key"), &c->line, f)))
		return -1;
	return json ? buf_add(&c->line, "}\n", 2, f) : buf_add(&c->line, "\n", 1, f);
}

static int open_cut(struct cut *c, struct fail *f)
{
	const char *fields = c->o->fields ? c->o->fields : "";
	if (buf_add(&c->names, fields, strlen(fields), f) || buf_add(&c->names, "", 1, f))
		return -1;
	for (char *p = c->names.p; *p; p++)
		if (*p == ',')
			*p = 0;
	c->seen = calloc(c->names.len, 1);
	return c->seen ? 0 : fail_memory(f);
}

static void print_header(const char *fields)
{
	for (; *fields; fields++)
		putchar(*fields == ',' ? '\t' : *fields);
	putchar('\n');
}

/* Warns of names that no record has: they may be misspelt. */
static void warn_unseen(const struct cut *c, const struct flow *w)
{
	char shown[100];
	for (const char *name = c->names.p; *name && w->records; name += strlen(name) + 1)
		if (!c->seen[name - c->names.p])
			cli_note(w->cli, "none of %llu records has '%s'%s", (unsigned long long)w->records, name_show(shown, sizeof shown, name),
			         strpbrk(name, "*?") ? "; patterns are for --columns only" : "");
}

static int run_cut(struct cut *c, struct flow *w, struct fail *f)
{
	struct record r = {.fields_member = -1};
	if (open_cut(c, f))
		return -1;
	if (c->o->header && !c->o->json)
		print_header(c->o->fields);
	int got = 1;
	while (got > 0 && (got = flow_next(w, &r, f)) > 0) {
		if (format_line(c, &r, f))
			got = -1;
		else if (fwrite(c->line.p, 1, c->line.len, stdout) != c->line.len)
			got = fail_errno(f, "standard output");
	}
	record_free(&r);
	if (!got)
		warn_unseen(c, w);
	return got;
}

/* --- a file of columns --- */

struct column_cut {
	struct criterion criterion;
	struct ranking ranking;
	struct buf keys, scratch;
};

static int collect_columns(void *ctx, struct record *r, struct fail *f)
{
	struct column_cut *c = ctx;
	size_t from = c->keys.len;
	if (criterion_add(&c->criterion, r, &c->ranking, f) || record_text(r, "key", &c->scratch, &c->keys, f) < 0)
		return -1;
	if (c->keys.len == from) {
		fail_set(f, "its key is empty");
		return record_fail(r, f);
	}
	return buf_add(&c->keys, "\n", 1, f);
}

static void warn_columns(const struct column_cut *c, const char *fields, const struct flow *w)
{
	char shown[100];
	if (!c->criterion.joint.p && w->records)
		cli_note(w->cli, "none of %llu records has a number in any of the fields '%s'", (unsigned long long)w->records, name_show(shown, sizeof shown, fields));
	for (int i = 0; i < c->criterion.joint.p && w->records; i++)
		if (c->criterion.missing[i] == c->criterion.n)
			cli_note(w->cli, "none of %llu records has a number in '%s'", (unsigned long long)w->records, name_show(shown, sizeof shown, c->criterion.field[i]));
}

static int run_columns(const struct options *o, struct flow *w, struct fail *f)
{
	struct column_cut c = {.keys = {0}};
	const struct criterion_lists lists = {o->fields, NULL, NULL};
	int r = criterion_open(&c.criterion, &lists, JOINT_TAILS, f) ? fail_add(f, "-k") : 0;
	c.criterion.joint_wanted = 1; /* keeps the values */
	r = r || flow_each(w, collect_columns, &c, f) || columns_write(w->cli->columns, &c.criterion, &c.ranking, &c.keys, o->bind ? o->bind : "", f) ? -1 : 0;
	if (!r)
		warn_columns(&c, o->fields, w);
	criterion_free(&c.criterion);
	ranking_free(&c.ranking);
	buf_free(&c.keys);
	buf_free(&c.scratch);
	return r;
}

static void close_cut(struct cut *c)
{
	free(c->seen);
	buf_free(&c->names);
	buf_free(&c->line);
	buf_free(&c->scratch);
}

static bool check_fields(struct cli *c, const struct options *o)
{
	size_t n = o->fields ? strlen(o->fields) : 0;
	if ((!o->fields && !o->json) || (o->fields && (!n || strstr(o->fields, ",,") || *o->fields == ',' || o->fields[n - 1] == ',')))
		return cli_usage(c, "-k takes the names of the fields to print, separated by commas; --json without -k prints all fields");
	if (c->columns && (o->json || o->header || !o->fields))
		return cli_usage(c, "--columns %s", o->fields ? "prints nothing: it cannot be combined with --json or -H" : "requires -k FIELD,...");
	if (o->bind && !c->columns)
		return cli_usage(c, "--bind is for --columns");
	if (o->bind && name_has_control(o->bind, strlen(o->bind)))
		return cli_usage(c, "--bind takes a text without control characters");
	return true;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct options o = {.fields = NULL};
	const struct cli_opt opts[] = {
		{'k', "key", "FIELD,...", CLI_TEXT, &o.fields, "the fields to print, in this order; key and cls are names too"},
		{0, "json", NULL, CLI_FLAG, &o.json, "JSON lines instead of TSV; without -k all fields"},
		{'H', "header", NULL, CLI_FLAG, &o.header, "print the names as a first line (TSV)"},
		{0, "columns", "FILE", CLI_TEXT, &c.columns, "write the numbers of -k, which takes patterns too, to FILE for vae-rank --columns"},
		{0, "bind", "TEXT", CLI_TEXT, &o.bind, "with --columns: what FILE is made of, for vae-rank --bindings"},
		CLI_INPUT(&c),
		CLI_RECORDS(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-cut", "[FILE ...]", "Prints fields of records as TSV or JSON lines.", opts, argc, argv) || !check_fields(&c, &o))
		return c.status;
	struct flow w;
	struct cut cut = {.o = &o};
	struct fail f = {{0}};
	int r = flow_open(&w, &c, FLOW_SINK, &f);
	if (!r)
		r = c.columns ? run_columns(&o, &w, &f) : run_cut(&cut, &w, &f);
	close_cut(&cut);
	return flow_finish(&w, r, &f);
}
