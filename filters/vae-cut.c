/* vae-cut: fields of records as TSV or JSON lines. */
#include <stdio.h>
#include <string.h>

#include "flow.h"
#include "name.h"

struct options {
	const char *fields;
	int json, header;
};

/* Appends the value of one name as TSV has it: escaped, empty when missing. */
static int tsv_value(struct record *r, const char *name, struct buf *scratch, struct buf *out, struct fail *f)
{
	scratch->len = 0;
	int got = record_value(r, name, scratch, f);
	if (got <= 0)
		return got;
	/* key and cls come escaped; a field's text is escaped here */
	if (!fields_find(&r->fields, name))
		return buf_add(out, scratch->p, scratch->len, f);
	return name_escape(out, scratch->p, scratch->len, f);
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
	if (!v)
		return json_quote(out, scratch->p, scratch->len, f);
	int quoted = v->type == 's';
	return buf_add(out, "\"", (size_t)quoted, f) || buf_add(out, r->fields.text.p + v->value, v->value_len, f) ||
	                       buf_add(out, "\"", (size_t)quoted, f) ? -1 : 0;
}

/* One line for a record; names are separated by NUL and end with an empty one. */
static int line(struct record *r, const struct options *o, const char *names, struct buf *scratch, struct buf *out, struct fail *f)
{
	if (record_fields(r, f))
		return -1;
	out->len = 0;
	if (o->json && buf_add(out, "{", 1, f))
		return -1;
	for (const char *n = names; *n; n += strlen(n) + 1) {
		if (!o->json && n != names && buf_add(out, "\t", 1, f))
			return -1;
		if (o->json ? json_member(r, n, scratch, out, f) : tsv_value(r, n, scratch, out, f))
			return -1;
	}
	if (!*names) { /* all there is */
		if (json_member(r, "key", scratch, out, f))
			return -1;
		for (size_t i = 0; i < r->fields.n; i++) {
			char name[512];
			snprintf(name, sizeof name, "%.*s", (int)r->fields.v[i].name_len, r->fields.text.p + r->fields.v[i].name);
			if (strcmp(name, "key") != 0 && json_member(r, name, scratch, out, f))
				return -1;
		}
	}
	return buf_add(out, "}\n" + !o->json, 1 + (size_t)o->json, f);
}

static int cut(struct flow *w, const struct options *o, struct fail *f)
{
	struct record r = {.scores = -1};
	struct buf names = {0}, scratch = {0}, out = {0};
	int got = buf_add(&names, o->fields ? o->fields : "", o->fields ? strlen(o->fields) : 0, f) || buf_add(&names, "\0", 1, f) ? -1 : 1;
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
		if (line(&r, o, names.p, &scratch, &out, f))
			got = -1;
		else if (fwrite(out.p, 1, out.len, stdout) != out.len)
			got = fail_errno(f, "standard output");
	}
	record_free(&r);
	buf_free(&names);
	buf_free(&scratch);
	buf_free(&out);
	return got;
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
	int status = cli_begin(&c, "vae-cut", "[FILE ...]", "Prints fields of records as TSV or JSON lines.", opts, argc, argv);
	if (status >= 0)
		return status;
	if ((!o.fields && !o.json) || (o.fields && (!*o.fields || strstr(o.fields, ",,") || *o.fields == ',')))
		return cli_usage(&c, "-k wants the names of the fields to print, separated by commas");
	struct flow w;
	struct fail f = {{0}};
	int r = flow_open(&w, &c, FLOW_SINK, &f);
	return flow_finish(&w, r ? r : cut(&w, &o, &f), &f);
}
