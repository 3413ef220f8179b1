#include "stream/name.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c - 'a' + 10; }

/* The inverse of name_escape(). */
static size_t unescape(const char *p, size_t n, char *out)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\\') {
			out[k++] = p[i];
			continue;
		}
		char c = p[++i];
		CHECK(i < n && (c == '\\' || c == 't' || c == 'n' || (c == 'x' && i + 2 < n)));
		out[k++] = (char)(c == 't' ? '\t' : c == 'n' ? '\n' : c == '\\' ? '\\' : hex(p[i + 1]) << 4 | hex(p[i + 2]));
		i += c == 'x' ? 2 : 0;
	}
	return k;
}

/* Key, dot and extension make up the path. An escaped name is UTF-8 without control characters, and escaping is reversible. */
int fuzz_name(const uint8_t *data, size_t size)
{
	char *path = fuzz_text(data, size), shown[40];
	const char *ext = NULL;
	size_t len = name_split(path, &ext);
	if (len) {
		CHECK(path[len] == '.' && ext == path + len + 1 && *ext && !strchr(ext, '/'));
		CHECK(path[len - 1] != '/');
		const char *slash = memrchr(path, '/', len);
		const char *base = slash ? slash + 1 : path;
		CHECK(!memchr(base, '.', (size_t)(path + len - base)));
		/* the key with another extension is a member of the same record */
		char *other = malloc(len + 10);
		CHECK(other);
		memcpy(other, path, len);
		memcpy(other + len, ".vae.json", 10);
		const char *e;
		CHECK(name_split(other, &e) == len && strcmp(e, "vae.json") == 0);
		free(other);
	}
	struct buf b = {0};
	struct fail f;
	CHECK(name_escape(&b, (const char *)data, size, &f) == 0);
	for (size_t i = 0; i < b.len;) {
		int k = utf8_length(b.p + i, b.len - i);
		CHECK(k > 0 && (unsigned char)b.p[i] >= 0x20 && b.p[i] != 0x7f);
		i += (size_t)k;
	}
	char *back = malloc(b.len + 1);
	CHECK(back);
	CHECK(unescape(b.p, b.len, back) == size && (size == 0 || memcmp(back, data, size) == 0));
	free(back);
	buf_free(&b);
	for (size_t n = 5; n <= sizeof shown; n += 7) {
		memset(shown, 'x', sizeof shown);
		CHECK(name_show(shown, n, path) == shown && memchr(shown, 0, n));
	}
	free(path);
	return 0;
}
