/* vae-cut: fields of records as TSV or JSON lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/flow.h"
#include "stream/name.h"

struct options {
	const char *fields;
	int json, header;
};

/* Appends a field's value as it stands. */
static int json_value(const struct fields *s, const struct field *v, struct buf *out, struct fail *f)
{
	size_t quoted = v->type == 's';
	return buf_add(out, "\"", quoted, f) || buf_add(out, s->text.p + v->value, v->value_len, f) || buf_add(out, "\"", quoted, f) ? -1 : 0;
}

static int json_member(struct record *r, const char *name, struct buf *scratch, struct buf *out, struct fail *f)
{
	const struct field *v = fields_find(&r->fields, name);
	scratch->len = 0;
	int got = v ? 1 : record_value(r, name, scratch, f);
	if (got <= 0)
		return got;
	int first = out->p && out->p[out->len - 1] == '{';
	if (buf_add(out, ",", !first, f) ||
	    json_quote(out, name, strlen(name), f) || buf_add(out, ":", 1, f))
		return -1;
	return v ? json_value(&r->fields, v, out, f) : json_quote(out, scratch->p, scratch->len, f);
}

/* Every field but the one that is given, names as they stand. */
static int json_others(const struct fields *s, const struct field *but, struct buf *out, struct fail *f)
{
	for (const struct field *v = s->v; v < s->v + s->n; v++)
		if (v != but && (buf_add(out, ",\"", 2, f) || buf_add(out, s->text.p + v->name, v->name_len, f) ||
		                 buf_add(out, "\":", 2, f) || json_value(s, v, out, f)))
			return -1;
	return 0;
}

/* One line for a record; names are separated by NUL and end with an empty one. seen: where a name stands in names, it is set
 * when the record has it. */
static int line(struct record *r, const struct options *o, const char *names, char *seen, struct buf *scratch, struct buf *out, struct fail *f)
{
	if (record_fields(r, f))
		return -1;
	out->len = 0;
	if (o->json && buf_add(out, "{", 1, f))
		return -1;
	for (const char *n = names; *n; n += strlen(n) + 1) {
		if (!o->json && n != names && buf_add(out, "\t", 1, f))
			return -1;
		size_t before = out->len;
		int got = o->json ? json_member(r, n, scratch, out, f) : record_text(r, n, scratch, out, f);
		if (got < 0)
			return -1;
		seen[n - names] |= (char)(got > 0 || out->len > before); /* an empty string in TSV, a member in JSON */
	}
	/* all there is */
	if (!*names && (json_member(r, "key", scratch, out, f) || json_others(&r->fields, fields_find(&r->fields, "key"), out, f)))
		return -1;
	return o->json ? buf_add(out, "}\n", 2, f) : buf_add(out, "\n", 1, f);
}

/* A name that no record has may be misspelt. */
static void remark(const struct flow *w, const char *names, const char *seen)
{
	char shown[100];
	for (const char *n = names; *n && w->records; n += strlen(n) + 1)
		if (!seen[n - names])
			cli_note(w->cli, "none of %llu records has '%s'", (unsigned long long)w->records, name_show(shown, sizeof shown, n));
}

static int cut(struct flow *w, const struct options *o, struct fail *f)
{
	struct record r = {.scores = -1};
	struct buf names = {0}, scratch = {0}, out = {0};
	int got = buf_add(&names, o->fields ? o->fields : "", o->fields ? strlen(o->fields) : 0, f) || buf_add(&names, "\0", 1, f) ? -1 : 1;
	char *seen = got > 0 ? calloc(names.len, 1) : NULL;
	if (got > 0 && !seen)
		got = fail_memory(f);
	for (size_t i = 0; got > 0 && i < names.len; i++)
		if (names.p[i] == ',')
			names.p[i] = o->header && !o->json ? '\t' : 0;
	if (got > 0 && o->header && !o->json) {
		printf("%s\n", names.p);
		for (size_t i = 0; i < names.len; i++)
			if (names.p[i] == '\t')
				names.p[i] = 0;
	}
	while (got > 0 && (got = flow_next(w, &r, f)) > 0) {
		if (line(&r, o, names.p, seen, &scratch, &out, f))
			got = -1;
		else if (fwrite(out.p, 1, out.len, stdout) != out.len)
			got = fail_errno(f, "standard output");
	}
	if (!got)
		remark(w, names.p, seen);
	free(seen);
	record_free(&r);
	buf_free(&names);
	buf_free(&scratch);
	buf_free(&out);
	return got;
}

static bool check_fields(struct cli *c, const struct options *o)
{
	size_t n = o->fields ? strlen(o->fields) : 0;
	if ((!o->fields && !o->json) || (o->fields && (!n || strstr(o->fields, ",,") || *o->fields == ',' || o->fields[n - 1] == ',')))
		return cli_usage(c, "-k takes the names of the fields to print, separated by commas");
	return true;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct options o = {.fields = NULL};
	const struct cli_opt opts[] = {
		{'k', "key", "FIELD,...", CLI_TEXT, &o.fields, "these, in this order; key and cls are names too"},
		{0, "json", NULL, CLI_FLAG, &o.json, "JSON lines instead of TSV; without -k all fields"},
		{'H', "header", NULL, CLI_FLAG, &o.header, "a first line with the names (TSV)"},
		CLI_INPUT(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-cut", "[FILE ...]", "Prints fields of records as TSV or JSON lines.", opts, argc, argv) || !check_fields(&c, &o))
		return c.status;
	struct flow w;
	struct fail f = {{0}};
	int r = flow_open(&w, &c, FLOW_SINK, &f);
	return flow_finish(&w, r ? r : cut(&w, &o, &f), &f);
}
