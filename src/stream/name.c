#include "stream/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t name_split(const char *path, const char **ext)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	const char *dot = strchr(base, '.');
	if (!dot || dot == base || !dot[1])
		return 0;
	/* __x__/... holds metadata about the stream; tar writes ./__x__/... when it packs `.` */
	const char *whole = path;
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	if (path[0] == '_' && path[1] == '_') {
		size_t first = strcspn(path, "/");
		if (first > 4 && path[first] == '/' && path[first - 1] == '_' && path[first - 2] == '_')
			return 0;
	}
	*ext = dot + 1;
	return (size_t)(dot - whole);
}

int utf8_length(const char *p, size_t n)
{
	const unsigned char *s = (const unsigned char *)p;
	if (n == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	int len = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	if (len == 0 || (size_t)len > n)
		return 0;
	for (int i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, and code points past U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/* Whether the character of len bytes at p controls a terminal: C0, DEL, C1, or the order of what a terminal shows (U+061C, U+200E,
 * U+200F, U+202A to U+202E, U+2066 to U+2069). */
static int is_control(const char *p, int len)
{
	const unsigned char *s = (const unsigned char *)p;
	if (len == 1)
		return s[0] < 0x20 || s[0] == 0x7f;
	if (len == 2)
		return (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xd8 && s[1] == 0x9c);
	if (len != 3 || s[0] != 0xe2)
		return 0;
	return (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xaa && s[2] <= 0xae))) || (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

int name_has_control(const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		int len = utf8_length(p + i, n - i);
		if (!len || is_control(p + i, len))
			return 1;
		i += (size_t)len;
	}
	return 0;
}

int name_escape(struct buf *out, const char *p, size_t n, struct fail *f)
{
	static const char hex[] = "0123456789abcdef";
	for (size_t i = 0; i < n;) {
		int len = utf8_length(p + i, n - i);
		unsigned char c = (unsigned char)p[i];
		char esc[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
		const char *add = p + i;
		size_t k = (size_t)len;
		if (c == '\\' || c == '\t' || c == '\n') {
			esc[1] = c == '\t' ? 't' : c == '\n' ? 'n' : '\\';
			add = esc, k = 2;
		} else if (len == 0 || is_control(p + i, len)) {
			add = esc, k = 4, len = 1; /* the other bytes of a character are no UTF-8 without the first */
		}
		if (buf_add(out, add, k, f))
			return -1;
		i += (size_t)len;
	}
	return 0;
}

const char *name_show(char *out, size_t size, const char *p)
{
	struct buf b = {0};
	struct fail f = {{0}};
	size_t n = strlen(p);
	out[0] = 0;
	if (name_escape(&b, p, n > 512 ? 512 : n, &f) == 0 && b.p)
		snprintf(out, size, "%s%s", b.p, n > 512 ? "..." : "");
	buf_free(&b);
	if (strlen(out) + 1 == size && size > 4)
		strcpy(out + size - 4, "...");
	return out;
}
