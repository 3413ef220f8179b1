/* Conditions on a record's fields. */
#include <stdlib.h>
#include <string.h>

#include "stream/expr.h"
#include "tap.h"

static struct record r = {.fields_member = -1};

static void gives(const char *text, int expected, int expected_missing)
{
	struct fail f;
	int missing = 0, got = -2;
	struct expr *e = expr_parse(text, &f);
	if (e)
		got = expr_match(e, &r, &missing, &f);
	ok(got == expected && missing == expected_missing, "%s is %d%s", text, got, missing ? ", a field is missing" : "");
	expr_free(e);
}

static void refuses(const char *text, int column)
{
	struct fail f = {{0}};
	char at[40];
	struct expr *e = expr_parse(text, &f);
	snprintf(at, sizeof at, "column %d:", column);
	ok(!e && strstr(f.msg, at), "%.40s: %s", text, f.msg);
	expr_free(e);
}

int main(void)
{
	struct fail f;
	const char *fields = "{\"a\":2,\"b\":10,\"s\":\"abc\",\"z\":0,\"t\":true,\"f\":false,\"n\":null,\"e\":\"\",\"num\":\"7\",\"nul\":\"7\\u0000x\",\"x.y-z\":5,\"inf\":\"inf\",\"big\":1e999,\"hex\":\"0x10\",\"blank\":\" 5\"}";
	buf_add(&r.key, "k/1\xff", 4, &f);
	fields_parse(&r.fields, fields, strlen(fields), &f);
	r.fields_read = 1;

	gives("a == 2", 1, 0);
	gives("a == 2.0", 1, 0);
	gives("a != 2", 0, 0);
	gives("a < b", 1, 0); /* compared as numbers, not as text */
	gives("\"a\" < \"b\"", 1, 0);
	gives("a >= 2 && b <= 10", 1, 0);
	gives("a>2||b>9", 1, 0);
	gives("!(a == 2)", 0, 0);
	gives("!a", 0, 0);
	gives("!!a", 1, 0);
	gives("a == 1 || a == 2 && b == 3", 0, 0); /* && binds closer */
	gives("(a == 1 || a == 2) && b == 10", 1, 0);
	gives("s == \"abc\"", 1, 0);
	gives("s == 'abc'", 1, 0);
	gives("s > \"abb\"", 1, 0);
	gives("s == 2", 0, 0);
	gives("num == 7", 1, 0); /* the text of a string field is compared as a number if it is one */
	gives("num == 7.0", 1, 0);
	gives("num == \"7.0\"", 0, 0); /* a quoted string is text: keys 0e12 and 0e34 differ */
	gives("a == '2'", 1, 0);
	gives("'2.0' != a", 1, 0);
	gives("b < '2'", 1, 0);
	gives("nul == 7", 0, 0); /* a NUL does not end a text */
	gives("nul == \"7\"", 0, 0);
	gives("nul > \"7\"", 1, 0);
	gives("key == \"k/1\\xff\"", 1, 0); /* as vae-cut prints it */
	gives("x.y-z == 5", 1, 0);
	gives("a == -2", 0, 0);
	gives("-3 < a", 1, 0);
	gives("1e1 == b", 1, 0);
	gives(" a\t==  2 ", 1, 0);
	gives("inf > 5", 1, 0); /* compared as text: infinity is not a number */
	gives("big > 5", 0, 0); /* also as text */
	gives("hex == 16", 0, 0); /* numbers are decimal */
	gives("hex < 5", 1, 0);
	gives("hex", 1, 0);
	gives("blank == 5", 0, 0);
	gives("blank < 5", 1, 0);

	gives("a", 1, 0);
	gives("z", 0, 0);
	gives("t", 1, 0);
	gives("f", 0, 0);
	gives("n", 0, 0);
	gives("e", 0, 0);
	gives("s", 1, 0);

	/* a missing field never matches, even under negation */
	gives("none == 1", 0, 1);
	gives("none != 1", 0, 1);
	gives("1 != none", 0, 1);
	gives("none", 0, EXPR_ALONE);
	gives("!none", 0, 1);
	gives("!!none", 0, 1);
	gives("!(none == 1)", 0, 1);
	gives("!(none == 1 || a == 1)", 0, 1);
	gives("!(none == 1 && a == 2)", 0, 1);
	gives("cls == 1", 0, 1);
	/* a name alone that is missing is reported apart, unless a comparison or a negation lacks a name too */
	gives("a > 5 || none", 0, EXPR_ALONE);
	gives("none || a > 5", 0, EXPR_ALONE);
	gives("none || none && a", 0, EXPR_ALONE);
	gives("a && none", 0, EXPR_ALONE);
	gives("z && none", 0, 0);
	gives("a || none", 1, 0);
	gives("none == 1 || none", 0, 1);
	gives("none || none == 1", 0, 1);
	gives("a > 5 || !none", 0, 1);
	/* unless the other side decides */
	gives("a == 2 || none == 1", 1, 0);
	gives("none == 1 || a == 2", 1, 0);
	gives("none == 1 && a == 1", 0, 0);
	gives("!(none == 1 && a == 1)", 1, 0);
	gives("none == 1 && a == 2", 0, 1);
	gives("a == 2 && none == 1", 0, 1);
	gives("none == 1 || a == 1", 0, 1);
	gives("none == 1 || none == 2", 0, 1);

	/* patterns match the whole text */
	gives("s ~ 'abc'", 1, 0);
	gives("s ~ 'ab'", 0, 0);
	gives("s ~ 'ab*'", 1, 0);
	gives("s ~ '*bc'", 1, 0);
	gives("s ~ '*b*'", 1, 0);
	gives("s ~ '*'", 1, 0);
	gives("s ~ '***abc**'", 1, 0);
	gives("s ~ 'a?c'", 1, 0);
	gives("s ~ '?'", 0, 0);
	gives("s ~ '?*?*?*?'", 0, 0);
	gives("s ~ '[a-c][!x]c'", 1, 0);
	gives("s ~ '[!a]*'", 0, 0);
	gives("s ~ 'a[b'", 0, 0);
	gives("s !~ 'x*'", 1, 0);
	gives("s !~ 'a*'", 0, 0);
	gives("!(s ~ 'x*')", 1, 0);
	gives("e ~ ''", 1, 0);
	gives("e ~ '*'", 1, 0);
	gives("e ~ '?'", 0, 0);
	gives("b ~ '1?'", 1, 0);
	gives("nul ~ '7?x'", 1, 0); /* a NUL is a character */
	gives("nul ~ '7'", 0, 0);
	gives("key ~ 'k/*'", 1, 0);
	gives("key ~ '*\\xff'", 1, 0); /* as vae-cut prints it */
	gives("'a]b' ~ 'a[]]b'", 1, 0);
	gives("'a*b' ~ 'a[*]b'", 1, 0);
	gives("'a[b' ~ 'a[b'", 1, 0); /* a set without an end is text */
	gives("'\xc3\xa9' ~ '?'", 1, 0);
	gives("'\xc3\xa9\xff' ~ '?*?'", 1, 0);
	gives("'mississippi' ~ '*issip*'", 1, 0);
	gives("none ~ '*'", 0, 1);
	gives("none !~ 'x'", 0, 1);
	refuses("s ~ abc", 5);
	refuses("s ~", 4);
	refuses("s !~ 5", 6);
	refuses("~ 'a'", 1);

	refuses("", 1);
	refuses("a ==", 5);
	refuses("a = 2", 3);
	refuses("a === 2", 5);
	refuses("(a == 2", 8);
	refuses("a == 2)", 7);
	refuses("a == \"x", 6);
	refuses("&& a", 1);
	refuses("a &&", 5);
	refuses("a == 2 b", 8);
	refuses("a == 2 & b", 8);
	refuses("a < 1 < 2", 7);
	refuses("==", 1);
	refuses("a == \xff", 6);
	refuses("3x", 2);
	refuses("a > 1e400", 5); /* would be compared as text */
	refuses("-1e400 < a", 1);

	char *deep = malloc(200001);
	memset(deep, '(', 200000);
	deep[200000] = 0;
	ok(!expr_parse(deep, &f) && strstr(f.msg, "deep"), "200000 parentheses: %s", f.msg);
	memset(deep, '!', 200000);
	ok(!expr_parse(deep, &f) && strstr(f.msg, "deep"), "200000 negations: %s", f.msg);
	/* every byte as an expression, and after one: no crash */
	for (int c = 1; c < 256; c++) {
		char one[8] = {(char)c, 0}, two[16];
		snprintf(two, sizeof two, "a == 2 %c", c);
		expr_free(expr_parse(one, &f));
		expr_free(expr_parse(two, &f));
	}
	ok(1, "every byte is parsed or refused");
	/* chains up to the limit, and up to the length of a command line */
	for (int terms = 4999; terms < 44000; terms += 39000) {
		size_t n = 0;
		for (int i = 1; i < terms; i++, n += 3)
			memcpy(deep + n, "z||", 3);
		memcpy(deep + n, "a", 2);
		struct expr *e = expr_parse(deep, &f);
		int missing = 0;
		if (terms < 5000)
			ok(e && expr_match(e, &r, &missing, &f) == 1, "a chain of %d terms", terms);
		else
			ok(!e && strstr(f.msg, "too many"), "a chain of %d terms: %s", terms, f.msg);
		expr_free(e);
	}
	free(deep);
	record_free(&r);
	return done();
}
