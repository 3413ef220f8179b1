/* Keys and extensions; how names are escaped and shown. */
#include <string.h>

#include "stream/name.h"
#include "tap.h"

static void splits(const char *path, const char *key, const char *ext)
{
	const char *got = "";
	size_t n = name_split(path, &got);
	ok(n == strlen(key) && strncmp(path, key, n) == 0 && strcmp(got, ext) == 0, "%s: key '%.*s', extension '%s'", path, (int)n, path, got);
}

static void loose(const char *path)
{
	const char *got = "";
	ok(name_split(path, &got) == 0, "%s belongs to no record", path);
}

static void escapes(const char *from, size_t n, const char *expected, const char *what)
{
	struct buf b = {0};
	struct fail f;
	ok(name_escape(&b, from, n, &f) == 0 && b.len == strlen(expected) && memcmp(b.p ? b.p : "", expected, b.len) == 0, "%s: %s", what, b.p ? b.p : "");
	buf_free(&b);
}

/* All characters of one to three bytes: exactly those that control a terminal or the direction of text are escaped. */
static void test_controls(void)
{
	size_t wrong = 0, escaped = 0;
	for (unsigned u = 1; u < 0x10000; u++) {
		char c[4] = {(char)(0xe0 | u >> 12), (char)(0x80 | (u >> 6 & 63)), (char)(0x80 | (u & 63)), 0};
		const char *p = c;
		if (u >= 0xd800 && u < 0xe000)
			continue;
		if (u < 0x80)
			p = c + 2, c[2] = (char)u;
		else if (u < 0x800)
			p = c + 1, c[1] = (char)(0xc0 | u >> 6);
		int control = u < 0x20 || (u >= 0x7f && u < 0xa0) || u == 0x61c || u == 0x200e || u == 0x200f || (u >= 0x202a && u <= 0x202e) ||
		              (u >= 0x2066 && u <= 0x2069) || u == 0xfeff;
		struct buf b = {0};
		struct fail f;
		name_escape(&b, p, strlen(p), &f);
		int same = strcmp(b.p, p) == 0;
		wrong += same != (!control && u != '\\') || name_has_control(p, strlen(p)) != control;
		escaped += !same;
		buf_free(&b);
	}
	ok(!wrong && escaped == 78, "%zu characters are escaped, %zu of them wrongly or not at all", escaped, wrong);
}

int main(void)
{
	test_controls();

	splits("train.v1/0001.seg.PNG", "train.v1/0001", "seg.PNG");
	splits("a.b", "a", "b");
	splits("./a.b.c", "./a", "b.c");
	splits("/a.b", "/a", "b");
	splits("a..b", "a", ".b");
	splits("\xff.\xff", "\xff", "\xff");
	splits("x/__y__/a.b", "x/__y__/a", "b");
	splits("__a/x.y", "__a/x", "y");
	splits("a__/x.y", "a__/x", "y");
	splits("____/x.y", "____/x", "y");
	splits("__a__.x", "__a__", "x");
	splits("__/__.x", "__/__", "x");
	loose("a");
	loose("a.");
	loose(".a");
	loose(".a.b");
	loose("d.d/a");
	loose("d/.b.c");
	loose("d/");
	loose("");
	loose("/");
	loose("__meta__/x.json");
	loose("__a__/b/c.d");
	loose("./__meta__/x.json");

	static const struct { const char *s; int len; } utf8[] = {
		{"a", 1}, {"\xc3\xa9", 2}, {"\xe2\x82\xac", 3}, {"\xf0\x9f\x98\x80", 4}, {"\xf4\x8f\xbf\xbf", 4}, {"\xed\x9f\xbf", 3},
		{"\x80", 0}, {"\xc3", 0}, {"\xc3(", 0}, {"\xc0\x80", 0}, {"\xc1\xbf", 0}, {"\xe0\x80\x80", 0}, {"\xe0\x9f\xbf", 0},
		{"\xed\xa0\x80", 0}, {"\xf0\x80\x80\x80", 0}, {"\xf4\x90\x80\x80", 0}, {"\xf5\x80\x80\x80", 0}, {"\xff", 0},
		{"\xe2\x82", 0}, {"\xf0\x9f\x98", 0},
	};
	for (size_t i = 0; i < sizeof utf8 / sizeof *utf8; i++)
		ok(utf8_length(utf8[i].s, strlen(utf8[i].s)) == utf8[i].len, "UTF-8 sequence %zu has %d bytes", i, utf8[i].len);
	ok(utf8_length("\xc3\xa9", 1) == 0, "a truncated sequence");
	ok(utf8_length("", 0) == 0, "no bytes");
	ok(utf8_length("\0", 1) == 1, "NUL is a character");

	escapes("plain \xc3\xa9", 8, "plain \xc3\xa9", "UTF-8 stays");
	escapes("\\", 1, "\\\\", "a backslash");
	escapes("\t\n\r\x1b\x7f", 5, "\\t\\n\\x0d\\x1b\\x7f", "control characters");
	escapes("\0", 1, "\\x00", "NUL");
	escapes("\xff\xc3", 2, "\\xff\\xc3", "not UTF-8");
	escapes("\xc2\x9b" "31m", 5, "\\xc2\\x9b" "31m", "C1 control characters");
	escapes("\xc2\xa0", 2, "\xc2\xa0", "the first character after C1 stays");
	escapes("a\xe2\x80\xae" "b", 5, "a\\xe2\\x80\\xae" "b", "right-to-left override");
	escapes("", 0, "", "nothing");

	static const struct { const char *s; int keeps; } forms[] = {
		{"plain", 1}, {"caf\xc3\xa9", 1}, {"cafe\xcc\x81", 0}, {"\xed\x95\x9c", 1}, {"\xe1\x84\x92\xe1\x85\xa1", 0}, {"\xe3\x81\x8b\xe3\x81\x8c", 1},
		{"\xe3\x81\x8b\xe3\x82\x99", 0}, {"\xd0\x98\xd0\xb9", 1}, {"\xd0\xb8\xcc\x86", 0}, {"\xe6\xbc\xa2", 1}, {"\xef\xa4\x80", 0}, {"\xe2\x84\xab", 0}, {"\xce\xb1", 1}, {"\xff", 0},
	};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		ok(name_keeps_form(forms[i].s, strlen(forms[i].s)) == forms[i].keeps, "'%s': NFC %s", forms[i].s, forms[i].keeps ? "keeps it" : "may change it");
	char out[16], big[2000];
	ok(strcmp(name_show(out, sizeof out, "a\x1b"), "a\\x1b") == 0, "name_show escapes");
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = 0;
	name_show(out, sizeof out, big);
	ok(strlen(out) == 15 && strcmp(out + 12, "...") == 0, "name_show cuts: %s", out);
	char wide[1000];
	name_show(wide, sizeof wide, big);
	ok(strlen(wide) == 515 && strcmp(wide + 512, "...") == 0, "name_show cuts after 512 bytes at most");
	ok(strcmp(name_show(out, sizeof out, ""), "") == 0, "an empty name");
	return done();
}
