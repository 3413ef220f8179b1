#include "stream/json_text.h"

#include <string.h>

#include "stream/name.h"

int json_quote(struct buf *out, const char *p, size_t n, struct fail *f)
{
	static const char hex[] = "0123456789abcdef";
	if (buf_add(out, "\"", 1, f))
		return -1;
	for (size_t i = 0; i < n;) {
		int len = utf8_length(p + i, n - i);
		unsigned char c = (unsigned char)p[i];
		char esc[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		int r;
		if (len == 0) { /* name_escape() writes \xHH; JSON escapes that backslash */
			char bad[5] = {'\\', '\\', 'x', hex[c >> 4], hex[c & 15]};
			r = buf_add(out, bad, 5, f);
			len = 1;
		} else if (c == '"' || c == '\\') {
			esc[1] = (char)c;
			r = buf_add(out, esc, 2, f);
		} else if (c < 0x20 || c == 0x7f) {
			r = buf_add(out, esc, 6, f);
		} else {
			r = buf_add(out, p + i, (size_t)len, f);
		}
		if (r)
			return -1;
		i += (size_t)len;
	}
	return buf_add(out, "\"", 1, f);
}

int json_text(struct buf *out, const char *prefix, const char *name, const char *text, struct fail *f)
{
	return buf_addf(out, f, "%s\"%s\":", prefix, name) || json_quote(out, text, strlen(text), f) ? -1 : 0;
}

int json_hex4(const char *p, size_t n)
{
	int v = 0;
	for (int i = 0; i < 4; i++) {
		char ch = (size_t)i < n ? p[i] : 'z';
		int d = ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
		if (d < 0)
			return -1;
		v = 16 * v + d;
	}
	return v;
}

static int add_utf8(struct buf *out, unsigned u, struct fail *f)
{
	char c[4];
	int n = 0;
	if (u < 0x80) {
		c[n++] = (char)u;
	} else if (u < 0x800) {
		c[n++] = (char)(0xc0 | u >> 6);
		c[n++] = (char)(0x80 | (u & 63));
	} else if (u < 0x10000) {
		c[n++] = (char)(0xe0 | u >> 12);
		c[n++] = (char)(0x80 | (u >> 6 & 63));
		c[n++] = (char)(0x80 | (u & 63));
	} else {
		c[n++] = (char)(0xf0 | u >> 18);
		c[n++] = (char)(0x80 | (u >> 12 & 63));
		c[n++] = (char)(0x80 | (u >> 6 & 63));
		c[n++] = (char)(0x80 | (u & 63));
	}
	return buf_add(out, c, (size_t)n, f);
}

int json_unquote(struct buf *out, const char *p, size_t n, struct fail *f)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *end = p + n;
	while (p < end) {
		const char *run = p;
		while (p < end && *p != '\\')
			p++;
		if (buf_add(out, run, (size_t)(p - run), f))
			return -1;
		if (p == end)
			break;
		if (p[1] != 'u') {
			const char *at = strchr(from, p[1]);
			if (buf_add(out, at ? &to[at - from] : &p[1], 1, f))
				return -1;
			p += 2;
			continue;
		}
		unsigned u = (unsigned)json_hex4(p + 2, 4);
		p += 6;
		if (u >= 0xd800 && u < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
			unsigned low = (unsigned)json_hex4(p + 2, 4);
			if (low >= 0xdc00 && low < 0xe000) {
				u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
				p += 6;
			}
		}
		if (u >= 0xd800 && u < 0xe000)
			u = 0xfffd; /* half of a surrogate pair */
		if (add_utf8(out, u, f))
			return -1;
	}
	return 0;
}
