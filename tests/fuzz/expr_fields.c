#include "stream/expr.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { PARTS = 3, PAIRS = 6 };

/* A record a/1 with these fields and this label. */
static void fill_record(struct record *r, const char *fields, const char *cls)
{
	const char *const names[] = {"a/1.cls", "a/1.vae.json"}, *const data[] = {cls, fields};
	struct fail f;
	CHECK(buf_add(&r->key, "a/1", 3, &f) == 0);
	r->file = "fuzz";
	r->ordinal = 1;
	for (int i = 0; i < 2; i++) {
		struct member *m = record_add_member(r, names[i], 0, &f);
		CHECK(m && buf_add(&m->data, data[i], strlen(data[i]), &f) == 0);
	}
	r->fields_member = 1;
}

enum { UNKNOWN = 2 };

/* The value of an expression: 0, 1, UNKNOWN, or -1 if it is invalid or the fields are. Twice the same. */
static int value(const char *text, struct record *r)
{
	struct fail f;
	struct expr *e = expr_parse(text, &f);
	int missing = 0, again = 0;
	f.msg[0] = e ? 0 : f.msg[0];
	int v = e ? expr_match(e, r, &missing, &f) : -1;
	CHECK(v >= 0 || f.msg[0]);
	CHECK(!e || (expr_match(e, r, &again, &f) == v && again == missing));
	CHECK(v <= 1 && !(v == 1 && missing));
	expr_free(e);
	return v >= 0 && missing ? UNKNOWN : v;
}

/* Copies the name of a field that can stand in an expression: 1, or 0 for another. */
static int plain_name(const struct fields *s, const struct field *v, char out[64])
{
	const char *p = s->text.p + v->name;
	if (v->name_len == 0 || v->name_len > 60 || isdigit((unsigned char)*p))
		return 0;
	for (uint32_t i = 0; i < v->name_len; i++)
		if (!isalnum((unsigned char)p[i]) && p[i] != '_')
			return 0;
	memcpy(out, p, v->name_len);
	out[v->name_len] = 0;
	return 1;
}

static int compare(const char *a, const char *op, const char *b, struct record *r)
{
	char text[160];
	snprintf(text, sizeof text, "%s%s%s", a, op, b);
	return value(text, r);
}

/* Of two fields exactly one of <, == and > is true, and the others are their unions and negations. */
static void check_pair(const char *a, const char *b, struct record *r)
{
	int lt = compare(a, " < ", b, r), eq = compare(a, "==", b, r), gt = compare(a, ">", b, r);
	CHECK(lt >= 0 && lt <= 1 && eq >= 0 && eq <= 1 && gt >= 0 && gt <= 1 && lt + eq + gt == 1);
	CHECK(compare(a, "<=", b, r) == (lt || eq) && compare(a, ">=", b, r) == (gt || eq) && compare(a, " != ", b, r) == !eq);
	CHECK(compare(b, ">", a, r) == lt && compare(b, "==", a, r) == eq);
}

/* The fields, the label and an expression, separated by NULs: any fields, and any expression over them. */
int fuzz_expr_fields(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *part[PARTS], *at = text;
	for (int i = 0; i < PARTS; i++) {
		part[i] = at;
		at += strlen(at);
		at += at < text + size; /* behind the NUL, unless it is the last */
	}
	struct record r = {.fields_member = -1};
	struct fail f;
	fill_record(&r, part[0], part[1]);
	value(part[2], &r);
	if (record_fields(&r, &f)) {
		CHECK(f.msg[0] && value("x == 1", &r) == -1);
	} else {
		char a[64], b[64];
		for (size_t i = 0; i < r.fields.n && i < PAIRS; i++)
			for (size_t k = i; k < r.fields.n && k < i + PAIRS; k++)
				if (plain_name(&r.fields, &r.fields.v[i], a) && plain_name(&r.fields, &r.fields.v[k], b))
					check_pair(a, b, &r);
		CHECK(fields_find(&r.fields, "absent") || value("absent == 1 || !(absent == 1)", &r) == UNKNOWN);
	}
	record_free(&r);
	free(text);
	return 0;
}
