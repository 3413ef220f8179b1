/* Values of KEY.json, and what cannot be read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stream/expr.h"
#include "stream/metadata.h"
#include "tap.h"

static struct record r = {.fields_member = -1, .file = "test"};
static struct fail f;

static void set(const char *json, size_t n)
{
	record_free(&r);
	r.file = "test";
	struct member *m = record_add_member(&r, "a/1.json", 0, &f);
	buf_add(&m->data, json, n, &f);
}

static void gives(const char *name, const char *expected)
{
	struct buf b = {0};
	int got = record_value(&r, name, &b, &f);
	ok(expected ? got == 1 && b.len == strlen(expected) && strcmp(b.p ? b.p : "", expected) == 0 : got == 0, "%s is %s", name, expected ? expected : "missing");
	buf_free(&b);
}

static void unreadable(const char *what, const char *json, size_t n)
{
	double v = 7;
	set(json, n);
	ok(!metadata_is_bad(&r.metadata) && record_number(&r, "json.a", &v, &f) == 0 && v == 7 && metadata_is_bad(&r.metadata), "%s has no values", what);
}

int main(void)
{
	static const char text[] = "{\"similarity\":0.30000000000000004,\"n\":-12,\"big\":9007199254740993,\"huge\":123456789012345678901234567890,\"w\":1e-05,\"one\":1.0,"
	                           "\"url\":\"http://x/\\u00e9\",\"ok\":true,\"no\":false,\"nil\":null,\"o\":{\"p\":{\"q\":4},\"x.y\":1},\"l\":[10,[20,21],{\"z\":\"t\"}],\"a.b\":2,\"a\":{\"b\":1},\"01\":5,"
	                           "\"s\":\"\\\"99999999999999999999\",\"99999999999999999999\":-99999999999999999999,\"real\":99999999999999999999.5}";
	double v = 0;
	set(text, sizeof text - 1);
	gives("json.similarity", "0.30000000000000004");
	gives("json.n", "-12");
	gives("json.big", "9007199254740993"); /* exact beside json.huge */
	gives("json.w", "1e-05");
	gives("json.one", "1");
	gives("json.url", "http://x/\xc3\xa9");
	gives("json.ok", "true");
	gives("json.no", "false");
	gives("json.nil", NULL);
	gives("json.o", NULL);
	gives("json.o.p.q", "4");
	gives("json.o.p.q.r", NULL);
	gives("json.l", NULL);
	gives("json.l.0", "10");
	gives("json.l.1.1", "21");
	gives("json.l.2.z", "t");
	gives("json.l.3", NULL);
	gives("json.l.-1", NULL);
	gives("json.l. 0", NULL);
	gives("json.l.0x0", NULL);
	gives("json.l.99999999999999999999999", NULL);
	gives("json.a.b", "2"); /* the outermost object has the name */
	gives("json.01", "5");
	gives("json.s", "\"99999999999999999999");
	gives("json.99999999999999999999", "-1e+20");
	gives("json.real", "1e+20");
	gives("json.none", NULL);
	gives("json.", NULL);
	gives("json", NULL);
	ok(record_number(&r, "json.huge", &v, &f) == 1 && v == 123456789012345678901234567890.0, "an integer above 2^63");
	ok(record_number(&r, "json.similarity", &v, &f) == 1 && v == 0.1 + 0.2, "a real, to the last bit");
	ok(record_number(&r, "json.ok", &v, &f) == 0 && record_number(&r, "json.url", &v, &f) == 0, "neither true nor text is a number");
	fields_parse(&r.fields, "{\"json.n\":3}", 12, &f);
	r.fields_read = 1;
	gives("json.n", "3"); /* a field of the same name comes first */

	unreadable("a list", "[1]", 3);
	unreadable("nothing", "", 0);
	unreadable("what is cut", "{\"a\":1", 6);
	unreadable("bytes after the object", "{\"a\":1}{", 8);
	unreadable("NaN", "{\"a\":1,\"b\":NaN}", 15);
	unreadable("1e999", "{\"a\":1,\"b\":1e999}", 17);
	unreadable("what is not UTF-8", "{\"a\":1,\"b\":\"\xff\"}", 15);
	size_t n = METADATA_MAX_BYTES + 1;
	char *big = malloc(n);
	memset(big, ' ', n);
	memcpy(big, "{\"a\":1}", 7);
	unreadable("more bytes than the limit", big, n);
	memset(big, '[', n);
	memcpy(big, "{\"a\":", 5);
	unreadable("deep nesting", big, n - 1);
	memcpy(big, "{\"a\":1}", 7);
	memset(big + 7, ' ', n - 7);
	set(big, n - 1);
	gives("json.a", "1");
	free(big);
	metadata_clear(&r.metadata);
	ok(!metadata_is_bad(&r.metadata), "and is forgotten");
	set("{\"a\":1}", 7);
	r.m[0].ext.len = 0;
	buf_add(&r.m[0].ext, "txt", 3, &f);
	gives("json.a", NULL);
	ok(!metadata_is_bad(&r.metadata), "a record without a member .json is not an error");
	record_free(&r);
	return done();
}
