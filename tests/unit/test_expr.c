/* Conditions over a record's fields. */
#include <stdlib.h>
#include <string.h>

#include "stream/expr.h"
#include "tap.h"

static struct record r = {.scores = -1};

static void yields(const char *text, int want, int want_missing)
{
	struct fail f;
	int missing = 0, got = -2;
	struct expr *e = expr_parse(text, &f);
	if (e)
		got = expr_match(e, &r, &missing, &f);
	ok(got == want && missing == want_missing, "%s is %d%s", text, got, missing ? ", something missing" : "");
	expr_free(e);
}

static void wrong(const char *text, int column)
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
	const char *fields = "{\"a\":2,\"b\":10,\"s\":\"abc\",\"z\":0,\"t\":true,\"f\":false,\"n\":null,\"e\":\"\",\"num\":\"7\",\"nul\":\"7\\u0000x\",\"x.y-z\":5,\"inf\":\"inf\",\"big\":1e999}";
	buf_add(&r.key, "k/1\xff", 4, &f);
	fields_parse(&r.fields, fields, strlen(fields), &f);
	r.fields_read = 1;

	yields("a == 2", 1, 0);
	yields("a == 2.0", 1, 0);
	yields("a != 2", 0, 0);
	yields("a < b", 1, 0); /* as numbers, not as text */
	yields("\"a\" < \"b\"", 1, 0);
	yields("a >= 2 && b <= 10", 1, 0);
	yields("a>2||b>9", 1, 0);
	yields("!(a == 2)", 0, 0);
	yields("!a", 0, 0);
	yields("!!a", 1, 0);
	yields("a == 1 || a == 2 && b == 3", 0, 0); /* && binds closer */
	yields("(a == 1 || a == 2) && b == 10", 1, 0);
	yields("s == \"abc\"", 1, 0);
	yields("s == 'abc'", 1, 0);
	yields("s > \"abb\"", 1, 0);
	yields("s == 2", 0, 0);
	yields("num == 7", 1, 0); /* a string that is a number is one */
	yields("num == 7.0", 1, 0);
	yields("num == \"7.0\"", 0, 0); /* one in quotes is text: keys 0e12 and 0e34 are two */
	yields("a == '2'", 1, 0);
	yields("'2.0' != a", 1, 0);
	yields("b < '2'", 1, 0);
	yields("nul == 7", 0, 0); /* a NUL in a text does not end it */
	yields("nul == \"7\"", 0, 0);
	yields("nul > \"7\"", 1, 0);
	yields("key == \"k/1\\xff\"", 1, 0); /* as vae-cut prints it */
	yields("x.y-z == 5", 1, 0);
	yields("a == -2", 0, 0);
	yields("-3 < a", 1, 0);
	yields("1e1 == b", 1, 0);
	yields(" a\t==  2 ", 1, 0);
	yields("inf > 5", 1, 0); /* text: no number is infinite */
	yields("big > 5", 0, 0); /* the same */

	yields("a", 1, 0);
	yields("z", 0, 0);
	yields("t", 1, 0);
	yields("f", 0, 0);
	yields("n", 0, 0);
	yields("e", 0, 0);
	yields("s", 1, 0);

	/* what is missing matches neither way */
	yields("none == 1", 0, 1);
	yields("none != 1", 0, 1);
	yields("1 != none", 0, 1);
	yields("none", 0, 1);
	yields("!none", 0, 1);
	yields("!!none", 0, 1);
	yields("!(none == 1)", 0, 1);
	yields("!(none == 1 || a == 1)", 0, 1);
	yields("!(none == 1 && a == 2)", 0, 1);
	yields("cls == 1", 0, 1);
	/* unless the other side decides */
	yields("a == 2 || none == 1", 1, 0);
	yields("none == 1 || a == 2", 1, 0);
	yields("none == 1 && a == 1", 0, 0);
	yields("!(none == 1 && a == 1)", 1, 0);
	yields("none == 1 && a == 2", 0, 1);
	yields("a == 2 && none == 1", 0, 1);
	yields("none == 1 || a == 1", 0, 1);
	yields("none == 1 || none == 2", 0, 1);

	wrong("", 1);
	wrong("a ==", 5);
	wrong("a = 2", 3);
	wrong("a === 2", 5);
	wrong("(a == 2", 8);
	wrong("a == 2)", 7);
	wrong("a == \"x", 6);
	wrong("&& a", 1);
	wrong("a &&", 5);
	wrong("a == 2 b", 8);
	wrong("a == 2 & b", 8);
	wrong("a < 1 < 2", 7);
	wrong("==", 1);
	wrong("a == \xff", 6);
	wrong("3x", 2);
	wrong("a > 1e400", 5); /* which would compare as text */
	wrong("-1e400 < a", 1);

	char *deep = malloc(200001);
	memset(deep, '(', 200000);
	deep[200000] = 0;
	ok(!expr_parse(deep, &f) && strstr(f.msg, "deep"), "200000 parentheses: %s", f.msg);
	memset(deep, '!', 200000);
	ok(!expr_parse(deep, &f) && strstr(f.msg, "deep"), "200000 negations: %s", f.msg);
	/* every byte as an expression, and behind one */
	int crashed = 0;
	for (int c = 1; c < 256; c++) {
		char one[8] = {(char)c, 0}, two[16];
		snprintf(two, sizeof two, "a == 2 %c", c);
		expr_free(expr_parse(one, &f));
		expr_free(expr_parse(two, &f));
	}
	ok(!crashed, "any byte is parsed or refused");
	/* long chains, up to what a command line can hold */
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
