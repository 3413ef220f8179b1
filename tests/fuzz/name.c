#include "stream/name.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c - 'a' + 10; }

/* What name_escape() wrote, taken back. */
static size_t unescape(const char *p, size_t n, char *out)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\\') {
			out[k++] = p[i];
			continue;
		}
		char c = p[++i];
		WANT(i < n && (c == '\\' || c == 't' || c == 'n' || (c == 'x' && i + 2 < n)));
		out[k++] = (char)(c == 't' ? '\t' : c == 'n' ? '\n' : c == '\\' ? '\\' : hex(p[i + 1]) << 4 | hex(p[i + 2]));
		i += c == 'x' ? 2 : 0;
	}
	return k;
}

/* Key, dot and extension are the path; an escaped name is UTF-8 without control bytes, and can be taken back. */
int fuzz_name(const uint8_t *data, size_t size)
{
	char *path = fuzz_text(data, size), shown[40];
	const char *ext = NULL;
	size_t len = name_split(path, &ext);
	if (len) {
		WANT(path[len] == '.' && ext == path + len + 1 && *ext && !strchr(ext, '/'));
		WANT(path[len - 1] != '/');
		const char *slash = memrchr(path, '/', len);
		const char *base = slash ? slash + 1 : path;
		WANT(!memchr(base, '.', (size_t)(path + len - base)));
		/* joined with another extension it is of the same record */
		char *other = malloc(len + 10);
		WANT(other);
		memcpy(other, path, len);
		memcpy(other + len, ".vae.json", 10);
		const char *e;
		WANT(name_split(other, &e) == len && strcmp(e, "vae.json") == 0);
		free(other);
	}
	struct buf b = {0};
	struct fail f;
	WANT(name_escape(&b, (const char *)data, size, &f) == 0);
	for (size_t i = 0; i < b.len;) {
		int k = utf8_length(b.p + i, b.len - i);
		WANT(k > 0 && (unsigned char)b.p[i] >= 0x20 && b.p[i] != 0x7f);
		i += (size_t)k;
	}
	char *back = malloc(b.len + 1);
	WANT(back);
	WANT(unescape(b.p, b.len, back) == size && (size == 0 || memcmp(back, data, size) == 0));
	free(back);
	buf_free(&b);
	for (size_t room = 5; room <= sizeof shown; room += 7) {
		memset(shown, 'x', sizeof shown);
		WANT(name_show(shown, room, path) == shown && memchr(shown, 0, room));
	}
	free(path);
	return 0;
}
