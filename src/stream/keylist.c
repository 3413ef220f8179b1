#include "stream/keylist.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "stream/name.h"

/* The slot of a key, or the empty slot to put it in. */
static struct keylist_slot *find(const struct keylist *l, const char *key, size_t len)
{
	size_t i = (size_t)((unsigned __int128)XXH3_64bits(key, len) * l->cap >> 64);
	for (; l->slot[i].at; i = i + 1 < l->cap ? i + 1 : 0) {
		const char *there = l->text.p + l->slot[i].at - 1;
		if (strncmp(there, key, len) == 0 && !there[len])
			break;
	}
	return &l->slot[i];
}

static int read_text(struct buf *b, const char *path, struct fail *f)
{
	int fd = strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;
	if (fd < 0)
		return fail_errno(f, "%s", path);
	while (n > 0) {
		if (buf_reserve(b, 1 << 16, f)) {
			n = -1;
			break;
		}
		n = read(fd, b->p + b->len, 1 << 16);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			fail_errno(f, "%s", fd ? path : "standard input");
		else
			b->len += (size_t)n;
	}
	if (fd)
		close(fd);
	return n < 0 ? -1 : 0;
}

/* Appends a key and its NUL to the text. Escapes what vae-cut escapes, except backslashes, which begin an escape. */
static int add_key(struct keylist *l, const char *p, size_t n, struct fail *f)
{
	for (size_t i = 0; i < n;) {
		const char *slash = memchr(p + i, '\\', n - i);
		size_t to = slash ? (size_t)(slash - p) : n;
		if (name_escape(&l->text, p + i, to - i, f) || buf_add(&l->text, "\\", slash != NULL, f))
			return -1;
		i = to + (slash != NULL);
	}
	l->n++;
	return buf_add(&l->text, "", 1, f);
}

static int add_lines(struct keylist *l, const struct buf *b, struct fail *f)
{
	size_t from = b->len >= 3 && memcmp(b->p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte order mark */
	for (size_t i = from; i < b->len;) {
		const char *line = b->p + i, *end = memchr(line, '\n', b->len - i);
		size_t len = end ? (size_t)(end - line) : b->len - i;
		i += len + 1;
		if (len && line[len - 1] == '\r')
			len--;
		const char *tab = memchr(line, '\t', len);
		len = tab ? (size_t)(tab - line) : len;
		if (len && add_key(l, line, len, f))
			return -1;
	}
	return 0;
}

int keylist_read(struct keylist *l, const char *path, struct fail *f)
{
	struct buf b = {0};
	*l = (struct keylist){.n = 0};
	int r = read_text(&b, path, f) || add_lines(l, &b, f) ? -1 : 0;
	buf_free(&b);
	l->cap = l->n + l->n / 2 + 1;
	l->n = 0;
	l->slot = r ? NULL : calloc(l->cap, sizeof *l->slot);
	if (!r && !l->slot)
		r = fail_memory_for(f, "the keys of %s", path);
	for (size_t at = 0; !r && at < l->text.len;) {
		size_t len = strlen(l->text.p + at);
		struct keylist_slot *s = find(l, l->text.p + at, len);
		if (!s->at) {
			s->at = at + 1;
			l->n++;
		}
		at += len + 1;
	}
	if (r)
		keylist_free(l);
	return r;
}

int keylist_has(struct keylist *l, const char *key, size_t len)
{
	struct keylist_slot *s = find(l, key, len);
	if (s->at && !s->seen) {
		s->seen = 1;
		l->seen++;
	}
	return s->at != 0;
}

const char *keylist_next_unseen(const struct keylist *l, size_t *i)
{
	while (*i < l->text.len) {
		const char *key = l->text.p + *i;
		size_t len = strlen(key);
		const struct keylist_slot *s = find(l, key, len);
		uint64_t here = *i + 1;
		*i += len + 1;
		if (!s->seen && s->at == here) /* only at its first line, if it is listed twice */
			return key;
	}
	return NULL;
}

void keylist_free(struct keylist *l)
{
	buf_free(&l->text);
	free(l->slot);
	*l = (struct keylist){.n = 0};
}
