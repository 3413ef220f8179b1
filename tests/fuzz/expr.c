#include "stream/expr.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void fill_record(struct record *r)
{
	static const char json[] = "{\"x\":1.5,\"y\":-2e3,\"s\":\"text\",\"t\":true,\"n\":null,\"selfinf\":7}";
	struct fail f;
	CHECK(buf_add(&r->key, "a/0001", 6, &f) == 0 && fields_parse(&r->fields, json, sizeof json - 1, &f) == 0);
	r->file = "fuzz";
	r->ordinal = 1;
	r->fields_read = 1;
}

enum { UNKNOWN = 2 };

/* The value of an expression: 0, 1, UNKNOWN, or -1 for an invalid expression. */
static int value(const char *text, struct record *r)
{
	struct fail f;
	struct expr *e = expr_parse(text, &f);
	int missing = 0, again = 0;
	if (!e) {
		CHECK(f.msg[0]);
		return -1;
	}
	int v = expr_match(e, r, &missing, &f);
	CHECK((v == 0 || v == 1) && expr_match(e, r, &again, &f) == v && missing == again);
	CHECK(!missing || v == 0);
	expr_free(e);
	return missing ? UNKNOWN : v;
}

/* An expression has the same value each time, and !, && and || of it have the values that follow from it. */
int fuzz_expr(const uint8_t *data, size_t size)
{
	struct record r = {.fields_member = -1};
	struct buf b = {0};
	struct fail f;
	char *text = fuzz_text(data, size);
	fill_record(&r);
	int v = value(text, &r);
	static const struct { const char *fmt; int flips; } forms[] = {{"(%s)", 0}, {"!(%s)", 1}, {"(%s)&&(%s)", 0}, {"(%s) || (%s)", 0}};
	for (size_t i = 0; v >= 0 && i < sizeof forms / sizeof *forms; i++) {
		b.len = 0;
		for (const char *p = forms[i].fmt; *p; p++)
			CHECK((*p == '%' ? (p++, buf_add(&b, text, strlen(text), &f)) : buf_add(&b, p, 1, &f)) == 0);
		int got = value(b.p, &r); /* -1: now nested too deeply, or too long */
		CHECK(got < 0 || got == (forms[i].flips && v != UNKNOWN ? !v : v));
	}
	buf_free(&b);
	record_free(&r);
	free(text);
	return 0;
}
