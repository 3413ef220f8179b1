#include "stream/keylist.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <xxhash.h>

#include "stream/name.h"

const char *const decision_words[DECISIONS] = {"", "keep", "drop", "unsure"};

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

/* Appends a decision, a key and its NUL to the text. Escapes what vae-cut escapes, except backslashes, which begin an escape. */
static int add_key(struct keylist *l, enum decision decision, const char *p, size_t n, struct fail *f)
{
	char first = (char)decision;
	if (buf_add(&l->text, &first, 1, f))
		return -1;
	for (size_t i = 0; i < n;) {
		const char *slash = memchr(p + i, '\\', n - i);
		size_t to = slash ? (size_t)(slash - p) : n;
		if (name_escape(&l->text, p + i, to - i, f) || buf_add(&l->text, "\\", slash != NULL, f))
			return -1;
		i = to + (slash != NULL);
	}
	l->all++;
	return buf_add(&l->text, "", 1, f);
}

/* The decision in the second column, which p[0..n) begins with; or none. An editor may have written Keep: it must not drop a record. */
static enum decision read_decision(const char *p, size_t n)
{
	const char *tab = memchr(p, '\t', n);
	size_t len = tab ? (size_t)(tab - p) : n;
	for (; len && p[len - 1] == ' '; len--)
		;
	for (; len && p[0] == ' '; p++, len--)
		;
	for (int d = DECISION_NONE + 1; d < DECISIONS; d++)
		if (len == strlen(decision_words[d]) && strncasecmp(p, decision_words[d], len) == 0)
			return (enum decision)d;
	return DECISION_NONE;
}

/* The line of names that a table may begin with. */
static int is_header(const char *line, size_t len)
{
	static const char header[] = "key\tdecision";
	size_t n = sizeof header - 1;
	return len >= n && memcmp(line, header, n) == 0 && (len == n || line[n] == '\t');
}

/* Lines of both kinds: a mistyped decision must not drop a record. */
static int mixed(size_t with, enum decision decision, size_t without, const char *path, struct fail *f)
{
	return fail_set(f, "%s: line %zu has no decision, but line %zu has '%s': a list of decisions has keep, drop or unsure in the second column of every "
	                   "line, and a plain list of keys has none (cut -f 1)", path, without, with, decision_words[decision]);
}

static int add_lines(struct keylist *l, const struct buf *b, const char *path, struct fail *f)
{
	size_t from = b->len >= 3 && memcmp(b->p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte order mark */
	size_t with = 0, without = 0, number = 0; /* lines, from 1: the first of either kind */
	enum decision first = DECISION_NONE;
	for (size_t i = from; i < b->len;) {
		const char *line = b->p + i, *end = memchr(line, '\n', b->len - i);
		size_t len = end ? (size_t)(end - line) : b->len - i;
		i += len + 1;
		number++;
		if (len && line[len - 1] == '\r')
			len--;
		const char *tab = memchr(line, '\t', len);
		size_t key = tab ? (size_t)(tab - line) : len;
		if (!key || (number == 1 && is_header(line, len)))
			continue;
		enum decision d = tab ? read_decision(tab + 1, len - key - 1) : DECISION_NONE;
		if (d && !with) {
			with = number;
			first = d;
		}
		if (!d && !without)
			without = number;
		if (with && without)
			return mixed(with, first, without, path, f);
		if (add_key(l, d, line, key, f))
			return -1;
	}
	l->decisions = with > 0;
	return 0;
}

static int is_listed(const struct keylist_slot *s) { return s->at && (s->decision == DECISION_NONE || s->decision == DECISION_DROP); }

/* Fills the slots from the lines. */
static void index_keys(struct keylist *l)
{
	l->all = 0;
	for (size_t at = 0; at < l->text.len;) {
		const char *key = l->text.p + at + 1;
		size_t len = strlen(key);
		struct keylist_slot *s = find(l, key, len);
		l->all += !s->at;
		l->n -= (size_t)is_listed(s);
		if (!s->at)
			s->at = at + 2;
		s->decision = (unsigned char)key[-1];
		l->n += (size_t)is_listed(s);
		at += len + 2;
	}
}

int keylist_read(struct keylist *l, const char *path, struct fail *f)
{
	struct buf b = {0};
	*l = (struct keylist){.n = 0};
	int r = read_text(&b, path, f) || add_lines(l, &b, strcmp(path, "-") == 0 ? "standard input" : path, f) ? -1 : 0;
	buf_free(&b);
	l->cap = l->all + l->all / 2 + 1;
	l->slot = r ? NULL : calloc(l->cap, sizeof *l->slot);
	if (!r && !l->slot)
		r = fail_memory_for(f, "the keys of %s", path);
	if (r)
		keylist_free(l);
	else
		index_keys(l);
	return r;
}

int keylist_read_decisions(struct keylist *l, const char *path, struct fail *f)
{
	if (keylist_read(l, path, f))
		return -1;
	if (l->decisions || !l->all)
		return 0;
	keylist_free(l);
	return fail_set(f, "%s: no line has keep, drop or unsure in its second column: it is no list of decisions", path);
}

int keylist_has(struct keylist *l, const char *key, size_t len)
{
	struct keylist_slot *s = find(l, key, len);
	if (!is_listed(s))
		return 0;
	l->seen += !s->seen;
	s->seen = 1;
	return 1;
}

enum decision keylist_decision(const struct keylist *l, const char *key, size_t len)
{
	const struct keylist_slot *s = find(l, key, len);
	return s->at ? (enum decision)s->decision : DECISION_NONE;
}

/* The slot of the next key at its first line, or NULL. */
static const struct keylist_slot *next_slot(const struct keylist *l, size_t *i)
{
	while (*i < l->text.len) {
		const char *key = l->text.p + *i + 1;
		size_t len = strlen(key), here = *i + 2;
		const struct keylist_slot *s = find(l, key, len);
		*i += len + 2;
		if (s->at == here)
			return s;
	}
	return NULL;
}

const char *keylist_next_unseen(const struct keylist *l, size_t *i)
{
	const struct keylist_slot *s;
	while ((s = next_slot(l, i)) != NULL)
		if (is_listed(s) && !s->seen)
			return l->text.p + s->at - 1;
	return NULL;
}

const char *keylist_next(const struct keylist *l, size_t *i, enum decision *decision)
{
	const struct keylist_slot *s = next_slot(l, i);
	if (s)
		*decision = (enum decision)s->decision;
	return s ? l->text.p + s->at - 1 : NULL;
}

void keylist_free(struct keylist *l)
{
	buf_free(&l->text);
	free(l->slot);
	*l = (struct keylist){.n = 0};
}
