/* The fields of a record: parsing, values, changing, writing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stream/fields.h"
#include "tap.h"

static struct fail f;

/* Parses and writes text, which gives `expected` (NULL: the same text). */
static void keeps(const char *text, const char *expected)
{
	struct fields s = {.n = 0};
	struct buf b = {0};
	char line[4096];
	snprintf(line, sizeof line, "%s\n", expected ? expected : text);
	int bad = fields_parse(&s, text, strlen(text), &f) || fields_write(&s, &b, &f);
	ok(!bad && strcmp(b.p, line) == 0, "keeps %s", text);
	fields_free(&s);
	buf_free(&b);
}

static void refuses(const char *text, size_t n)
{
	struct fields s = {.n = 0};
	static int number;
	f.msg[0] = 0;
	ok(fields_parse(&s, text, n, &f) == -1 && f.msg[0] && s.n == 0, "refuses invalid text %d: %s", number++, f.msg);
	fields_free(&s);
}

static void writes(struct fields *s, const char *expected)
{
	struct buf b = {0};
	ok(fields_write(s, &b, &f) == 0 && strcmp(b.p, expected) == 0, "%s", b.p ? b.p : "");
	buf_free(&b);
}

static void text_is(const struct fields *s, const char *name, const char *expected, size_t n)
{
	struct buf b = {0};
	ok(fields_string(s, name, &b, &f) == 1 && b.len == n && memcmp(b.p ? b.p : "", expected, n) == 0, "%s is %zu bytes", name, n);
	buf_free(&b);
}

/* Every proper prefix is refused, and not read past its end (seen under a sanitizer). With any byte changed, the text is
 * refused, or its values can be read. */
static void test_damaged(const char *text)
{
	size_t n = strlen(text), accepted = 0;
	struct fields s = {.n = 0};
	for (size_t k = 0; k < n; k++) {
		char *exact = malloc(k ? k : 1);
		memcpy(exact, text, k);
		accepted += fields_parse(&s, exact, k, &f) == 0;
		free(exact);
	}
	ok(accepted == 0, "none of the %zu proper prefixes is accepted", n);
	char *copy = strdup(text);
	for (size_t k = 0; k < n; k++)
		for (int c = 0; c < 256; c++) {
			copy[k] = (char)c;
			if (fields_parse(&s, copy, n, &f) == 0) {
				struct buf b = {0};
				double v = 0;
				for (size_t i = 0; i < s.n; i++) {
					char name[64];
					snprintf(name, sizeof name, "%.*s", (int)s.v[i].name_len, s.text.p + s.v[i].name);
					fields_number(&s, name, &v);
					accepted += fields_string(&s, name, &b, &f) < 0;
				}
				accepted += !isfinite(v);
				buf_free(&b);
			}
			copy[k] = text[k];
		}
	ok(accepted == 0, "any byte changed");
	free(copy);
	fields_free(&s);
}

int main(void)
{
	keeps("{}", NULL);
	keeps(" {\t\r\n} \n", "{}");
	keeps("{\"a\":1.50}", NULL);
	keeps("{ \"a\" : -0.0e+00 , \"b\":1E5,\"c\" :123456789012345678901234567890 }", "{\"a\":-0.0e+00,\"b\":1E5,\"c\":123456789012345678901234567890}");
	keeps("{\"a\":\"\",\"b\":\"\\u00e9\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"c\":\"\xc3\xa9\"}", NULL);
	keeps("{\"a\":true,\"b\":false,\"c\":null}", NULL);
	keeps("{\"\":0}", NULL);

	static const char *const bad[] = {
		"", " ", "[]", "1", "null", "\"a\"", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{\"a\":1}x",
		"{\"a\":1}{}", "{\"a\":{}}", "{\"a\":[]}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":-Infinity}", "{\"a\":nan}", "{\"a\":01}",
		"{\"a\":-}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":+1}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":0x1}", "{\"a\":tru}", "{\"a\":True}",
		"{a:1}", "{'a':1}", "{\"a\":\"\x01\"}", "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12g4\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"", "{\"a\":\"\\", "{\"a\":\"\\\"}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"\\u0061\":1,\"a\":2}",
		"{\"\\/\":1,\"/\":2}", "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "{\"\\n\":1,\"b\":2,\"\\u000A\":2}", "\xef\xbb\xbf{}", "{\"a\":--1}",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses(bad[i], strlen(bad[i]));
	refuses("{\"a\":1}\0", 8);
	refuses("{\"a\":\"x\0y\"}", 11);
	test_damaged("{\"a\":1.5e-3,\"b\":\"x\\u00e9\\n\\ud83d\\ude00\",\"c\":true,\"d\":null}");

	struct buf big = {0};
	buf_add(&big, "{", 1, &f);
	for (int i = 0; i < FIELDS_MAX; i++)
		buf_addf(&big, &f, "%s\"n%d\":%d", i ? "," : "", i, i);
	struct fields s = {.n = 0};
	buf_add(&big, "}", 1, &f);
	ok(fields_parse(&s, big.p, big.len, &f) == 0 && s.n == FIELDS_MAX, "%d fields", FIELDS_MAX);
	ok(fields_set_int(&s, "one more", 1, &f) == -1, "one more is refused");
	ok(fields_set_int(&s, "n5", 7, &f) == 0, "a new value for one of them is not");
	big.len = 0;
	buf_add(&big, "{\"a\":\"", 6, &f);
	while (big.len <= FIELDS_MAX_BYTES)
		buf_add(&big, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 32, &f);
	buf_add(&big, "\"}", 2, &f);
	refuses(big.p, big.len);
	buf_free(&big);

	const char *text = "{\"a\":1.50,\"s\":\"x\\u0000y\\ud83d\\ude00\\ud83dz\",\"n\":null,\"big\":1e999,\"t\":true,\"q\":\"1\"}";
	fields_parse(&s, text, strlen(text), &f);
	double v = 7;
	ok(fields_number(&s, "a", &v) == 1 && v == 1.5, "a number");
	v = 7;
	ok(!fields_number(&s, "s", &v) && !fields_number(&s, "n", &v) && !fields_number(&s, "t", &v) && !fields_number(&s, "q", &v) &&
	       !fields_number(&s, "none", &v) && !fields_number(&s, "big", &v) && v == 7, "what is not a number leaves the value unchanged");
	text_is(&s, "a", "1.50", 4);
	text_is(&s, "n", "null", 4);
	text_is(&s, "s", "x\0y\xf0\x9f\x98\x80\xef\xbf\xbdz", 11);
	struct buf none = {0};
	ok(fields_string(&s, "none", &none, &f) == 0 && none.len == 0, "missing");
	ok(!fields_find(&s, "A") && !fields_find(&s, ""), "names are case-sensitive");

	fields_clear(&s);
	ok(fields_set_real(&s, "r", 1.0 / 3, &f) == 0 && fields_set_real(&s, "z", -0.0, &f) == 0 && fields_set_int(&s, "i", INT64_MIN, &f) == 0 &&
	       fields_set_real(&s, "e", 1e-300, &f) == 0 && fields_set_string(&s, "t", "\x1b\"\\\n\xff\xc3\xa9", &f) == 0, "set");
	writes(&s, "{\"r\":0.333333333,\"z\":-0,\"i\":-9223372036854775808,\"e\":1e-300,\"t\":\"\\u001b\\\"\\\\\\u000a\\\\xff\xc3\xa9\"}\n");
	ok(fields_set_real(&s, "bad", NAN, &f) == -1 && fields_set_real(&s, "bad", INFINITY, &f) == -1 && !fields_find(&s, "bad"), "NaN and infinity are refused");
	ok(fields_set_real(&s, "r", NAN, &f) == -1 && fields_number(&s, "r", &v) && fabs(v - 1.0 / 3) < 1e-9, "the old value stays");
	fields_set_int(&s, "r", 5, &f);
	fields_remove(&s, "z");
	fields_remove(&s, "not there");
	fields_set_string(&s, "e", "", &f);
	writes(&s, "{\"r\":5,\"i\":-9223372036854775808,\"e\":\"\",\"t\":\"\\u001b\\\"\\\\\\u000a\\\\xff\xc3\xa9\"}\n");
	fields_remove(&s, "r");
	fields_remove(&s, "t");
	writes(&s, "{\"i\":-9223372036854775808,\"e\":\"\"}\n");
	fields_remove(&s, "i");
	fields_remove(&s, "e");
	writes(&s, "{}\n");
	const char *losses = "{\"loss\":1,\"loss_\":2,\"loss_8\":3,\"loss_16\":4,\"loss_1x\":5,\"a_loss_8\":6}";
	fields_parse(&s, losses, strlen(losses), &f);
	fields_remove_numbered(&s, "loss_");
	writes(&s, "{\"loss\":1,\"loss_\":2,\"loss_1x\":5,\"a_loss_8\":6}\n");
	ok(fields_keep(&s, "loss_1x") == 1, "fields_keep(): a field that exists");
	writes(&s, "{\"loss_1x\":5}\n");
	ok(fields_keep(&s, "loss") == 0, "fields_keep(): a field that does not exist");
	writes(&s, "{}\n");
	/* a name with escapes is the name that it means, and stays as it was written */
	const char *escaped = "{\"\\u0061b\":1,\"a\\u0000\":2,\"\\u0061b_1\":3,\"\\\"\":4}";
	fields_parse(&s, escaped, strlen(escaped), &f);
	ok(fields_number(&s, "ab", &v) && v == 1 && fields_number(&s, "\"", &v) && v == 4 && !fields_find(&s, "a") && !fields_find(&s, "\\u0061b"), "names with escapes");
	fields_set_int(&s, "ab", 5, &f);
	writes(&s, "{\"\\u0061b\":5,\"a\\u0000\":2,\"\\u0061b_1\":3,\"\\\"\":4}\n");
	fields_remove_numbered(&s, "ab_");
	fields_remove(&s, "\"");
	writes(&s, "{\"\\u0061b\":5,\"a\\u0000\":2}\n");
	/* values that were set can be read */
	fields_clear(&s);
	fields_set_real(&s, "x", 3.5, &f);
	fields_set_real(&s, "x", 35, &f);
	fields_set_int(&s, "y", 1, &f);
	ok(fields_number(&s, "x", &v) && v == 35 && fields_number(&s, "y", &v) && v == 1, "numbers that were set are read to their end");
	fields_free(&s);
	buf_free(&none);
	return done();
}
