#include "report/html.h"

#include <string.h>

#include "stream/name.h"

static uint32_t codepoint(const unsigned char *p, int len)
{
	uint32_t u = len == 1 ? p[0] : p[0] & (0x7fu >> len);
	for (int i = 1; i < len; i++)
		u = u << 6 | (p[i] & 0x3f);
	return u;
}

int html_is_format(uint32_t u)
{
	static const struct { uint32_t from, to; } range[] = {
		{0x80, 0x9f}, {0xad, 0xad}, {0x34f, 0x34f}, {0x600, 0x605}, {0x61c, 0x61c}, {0x6dd, 0x6dd}, {0x70f, 0x70f}, {0x115f, 0x1160},
		{0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164}, {0xe000, 0xf8ff},
		{0xfdd0, 0xfdef}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x13430, 0x1343f},
		{0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
	};
	for (size_t i = 0; i < sizeof range / sizeof *range; i++)
		if (u >= range[i].from && u <= range[i].to)
			return 1;
	return (u & 0xfffe) == 0xfffe;
}

static int put_character(struct buf *out, const char *p, int len, struct fail *f)
{
	static const char special[] = "&<>\"'";
	static const char *const entity[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	unsigned char c = (unsigned char)*p;
	const char *at = len == 1 && c ? strchr(special, c) : NULL;
	if (at)
		return buf_addf(out, f, "%s", entity[at - special]);
	if (len == 0 || c < 0x20 || c == 0x7f)
		return buf_addf(out, f, "\\x%02x", c);
	uint32_t u = codepoint((const unsigned char *)p, len);
	if (html_is_format(u))
		return buf_addf(out, f, "\\u{%x}", u);
	return buf_add(out, p, (size_t)len, f);
}

int html_text(struct buf *out, const char *p, size_t n, struct fail *f)
{
	for (size_t i = 0; i < n;) {
		int len = utf8_length(p + i, n - i);
		if (put_character(out, p + i, len, f))
			return -1;
		i += len ? (size_t)len : 1;
	}
	return 0;
}

int html_lines(struct buf *out, const char *s, struct fail *f)
{
	while (*s) {
		size_t n = strcspn(s, "\n");
		if (html_text(out, s, n, f) || (s[n] && buf_add(out, "\n", 1, f)))
			return -1;
		s += n + (s[n] != 0);
	}
	return 0;
}

int html_short(struct buf *out, const char *s, size_t max, struct fail *f)
{
	size_t n = strlen(s), i = 0;
	while (i < n && max--) {
		int len = utf8_length(s + i, n - i);
		i += len ? (size_t)len : 1;
	}
	return html_text(out, s, i, f) || (i < n && buf_addf(out, f, "\xe2\x80\xa6")) ? -1 : 0;
}

int html_middle(struct buf *out, const char *s, size_t head, size_t tail, struct fail *f)
{
	size_t n = strlen(s), from = n, to = 0, characters = 0;
	for (size_t at = 0; at < n; characters++) {
		int len = utf8_length(s + at, n - at);
		at += len ? (size_t)len : 1;
		to = characters + 1 == head ? at : to;
	}
	if (characters <= head + tail + 1)
		return html_text(out, s, n, f);
	for (size_t left = tail; left && from; left--)
		do
			from--;
		while (from && ((unsigned char)s[from] & 0xc0) == 0x80);
	return html_text(out, s, to, f) || buf_addf(out, f, "\xe2\x80\xa6") || html_text(out, s + from, n - from, f) ? -1 : 0;
}

int html_base64(struct buf *out, const void *p, size_t n, struct fail *f)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *b = p;
	if (buf_reserve(out, n / 3 * 4 + 5, f))
		return -1;
	char *to = out->p + out->len;
	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)b[i] << 16 | (have > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (have > 2 ? b[i + 2] : 0);
		*to++ = digit[v >> 18];
		*to++ = digit[v >> 12 & 63];
		*to++ = have > 1 ? digit[v >> 6 & 63] : '=';
		*to++ = have > 2 ? digit[v & 63] : '=';
	}
	*to = 0;
	out->len = (size_t)(to - out->p);
	return 0;
}
