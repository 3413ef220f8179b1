#include "stream/name.h"

#include <stdint.h>
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
 * U+200F, U+202A to U+202E, U+2066 to U+2069). Or U+FEFF: at the start of a list of keys it would be read as a byte order mark. */
static int is_control(const char *p, int len)
{
	const unsigned char *s = (const unsigned char *)p;
	if (len == 1)
		return s[0] < 0x20 || s[0] == 0x7f;
	if (len == 2)
		return (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xd8 && s[1] == 0x9c);
	if (len == 3 && s[0] == 0xef)
		return s[1] == 0xbb && s[2] == 0xbf;
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

int name_keeps_form(const char *p, size_t n)
{
	/* Characters that have a combining class, that NFC replaces, or that it joins with the one before (Unicode 14.0), with the
	 * characters between them where they are less than 64. */
	static const uint32_t ranges[][2] = {
		{0x300, 0x387}, {0x483, 0x487}, {0x591, 0x5c7}, {0x610, 0x670}, {0x6d6, 0x74a}, {0x7eb, 0x95f}, {0x9bc, 0xa5e},
		{0xabc, 0xacd}, {0xb3c, 0xb5d}, {0xbbe, 0xbd7}, {0xc3c, 0xc56}, {0xcbc, 0xcd6}, {0xd3b, 0xd57}, {0xdca, 0xddf},
		{0xe38, 0xe4b}, {0xeb8, 0xecb}, {0xf18, 0xfc6}, {0x102e, 0x103a}, {0x108d, 0x108d}, {0x1161, 0x11c2},
		{0x135d, 0x135f}, {0x1714, 0x1734}, {0x17d2, 0x17dd}, {0x18a9, 0x18a9}, {0x1939, 0x193b}, {0x1a17, 0x1a18},
		{0x1a60, 0x1ace}, {0x1b34, 0x1bf3}, {0x1c37, 0x1c37}, {0x1cd0, 0x1cf9}, {0x1dc0, 0x1dff}, {0x1f71, 0x2001},
		{0x20d0, 0x212b}, {0x2329, 0x232a}, {0x2adc, 0x2adc}, {0x2cef, 0x2cf1}, {0x2d7f, 0x2d7f}, {0x2de0, 0x2dff},
		{0x302a, 0x302f}, {0x3099, 0x309a}, {0xa66f, 0xa69f}, {0xa6f0, 0xa6f1}, {0xa806, 0xa82c}, {0xa8c4, 0xa953},
		{0xa9b3, 0xa9c0}, {0xaab0, 0xaaf6}, {0xabed, 0xabed}, {0xf900, 0xfad9}, {0xfb1d, 0xfb4e}, {0xfe20, 0xfe2f},
		{0x101fd, 0x101fd}, {0x102e0, 0x102e0}, {0x10376, 0x1037a}, {0x10a0d, 0x10a3f}, {0x10ae5, 0x10ae6},
		{0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10f46, 0x10f85}, {0x11046, 0x110ba}, {0x11100, 0x11173},
		{0x111c0, 0x111ca}, {0x11235, 0x11236}, {0x112e9, 0x112ea}, {0x1133b, 0x11374}, {0x11442, 0x1145e},
		{0x114b0, 0x114c3}, {0x115af, 0x115c0}, {0x1163f, 0x1163f}, {0x116b6, 0x116b7}, {0x1172b, 0x1172b},
		{0x11839, 0x1183a}, {0x11930, 0x11943}, {0x119e0, 0x119e0}, {0x11a34, 0x11a47}, {0x11a99, 0x11a99},
		{0x11c3f, 0x11c3f}, {0x11d42, 0x11d45}, {0x11d97, 0x11d97}, {0x16af0, 0x16b36}, {0x16ff0, 0x16ff1},
		{0x1bc9e, 0x1bc9e}, {0x1d15e, 0x1d1c0}, {0x1d242, 0x1d244}, {0x1e000, 0x1e02a}, {0x1e130, 0x1e136},
		{0x1e2ae, 0x1e2ef}, {0x1e8d0, 0x1e8d6}, {0x1e944, 0x1e94a}, {0x2f800, 0x2fa1d}
	};
	for (size_t i = 0; i < n;) {
		int len = utf8_length(p + i, n - i);
		if (len == 0)
			return 0;
		uint32_t c = len == 1 ? 0 : (unsigned char)p[i] & (0x7fu >> len);
		for (int k = 1; k < len; k++)
			c = c << 6 | ((unsigned char)p[i + (size_t)k] & 0x3f);
		for (size_t k = 0; c >= ranges[0][0] && k < sizeof ranges / sizeof *ranges && c >= ranges[k][0]; k++)
			if (c <= ranges[k][1])
				return 0;
		i += (size_t)len;
	}
	return 1;
}
