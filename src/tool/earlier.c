#include "tool/earlier.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/grow.h"
#include "stream/name.h"

struct entry {
	uint64_t key, members; /* hashes */
	int seen;
};

struct earlier {
	char *path;
	struct reader *in;
	struct entry *v; /* [n], sorted by key, then members */
	size_t n, cap;
};

static uint64_t hash_key(const struct record *r) { return XXH3_64bits(r->key.p, r->key.len); }

/* Names and payloads of the record's own members, without the fields. */
static uint64_t hash_members(const struct record *r)
{
	uint64_t h = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct member *m = &r->m[i];
		if (m->loose || (int)i == r->fields_member)
			continue;
		h = XXH3_64bits_withSeed(m->name, strlen(m->name), h);
		h = XXH3_64bits_withSeed(m->data.p ? m->data.p : "", m->data.len, h);
	}
	return h;
}

static int by_hash(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	return a->key != b->key ? (a->key > b->key) - (a->key < b->key) : (a->members > b->members) - (a->members < b->members);
}

static int add_entry(struct earlier *e, const struct record *r, struct fail *f)
{
	if (grow(&e->v, &e->cap, e->n + 1, "records", f))
		return fail_add(f, "%s", e->path);
	e->v[e->n++] = (struct entry){hash_key(r), hash_members(r), 0};
	return 0;
}

static int read_entries(struct earlier *e, struct fail *f)
{
	struct record r = {.fields_member = -1};
	int got;
	while ((got = reader_next(e->in, &r, f)) > 0)
		if (got == READER_RECORD && add_entry(e, &r, f)) {
			got = -1;
			break;
		}
	record_free(&r);
	if (got)
		return -1;
	if (e->n)
		qsort(e->v, e->n, sizeof *e->v, by_hash);
	return 0;
}

int earlier_open(struct earlier **to, const char *path, const struct reader_limits *limits, struct fail *f)
{
	struct stat st;
	*to = NULL;
	if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	struct earlier *e = calloc(1, sizeof *e);
	if (e)
		e->path = strdup(path);
	if (!e || !e->path) {
		earlier_close(e);
		return fail_memory(f);
	}
	e->in = reader_open(&e->path, 1, READER_REWINDABLE | READER_REPEATED_KEYS, f);
	if (e->in)
		reader_limit(e->in, limits);
	if (!e->in || read_entries(e, f)) {
		struct fail why = *f;
		if (!why.memory)
			fail_set(f, "%.800s; the existing file is not replaced: move it away, or name another file", why.msg);
		earlier_close(e);
		return -1;
	}
	*to = e;
	return 0;
}

/* The first entry that is not before this one. */
static size_t find(const struct earlier *e, uint64_t key, uint64_t members)
{
	const struct entry x = {key, members, 0};
	size_t low = 0, high = e->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (by_hash(&e->v[middle], &x) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first entry of this record, or NULL. */
static struct entry *find_record(const struct earlier *e, const struct record *r)
{
	uint64_t key = hash_key(r), members = hash_members(r);
	size_t i = find(e, key, members);
	return i < e->n && e->v[i].key == key && e->v[i].members == members ? &e->v[i] : NULL;
}

int earlier_see(struct earlier *e, const struct record *r, int repeated_keys, struct fail *f)
{
	uint64_t key = hash_key(r);
	size_t i = find(e, key, 0);
	if (i == e->n || e->v[i].key != key)
		return 0;
	struct entry *entry = find_record(e, r);
	if (entry) {
		entry->seen = 1;
		return 0;
	}
	if (repeated_keys)
		return 0;
	char shown[200];
	fail_set(f, "'%s' has another record of this key: move it away, or name another file with -r", name_show(shown, sizeof shown, e->path));
	return record_fail(r, f);
}

int earlier_copy(struct earlier *e, struct writer *to, uint64_t *n, struct fail *f)
{
	struct record r = {.fields_member = -1};
	int got = reader_rewind(e->in, f) ? -1 : 1;
	*n = 0;
	while (got > 0 && (got = reader_next(e->in, &r, f)) > 0) {
		const struct entry *entry = got == READER_RECORD ? find_record(e, &r) : NULL;
		if (got == READER_RECORD && !entry)
			got = fail_set(f, "%s: changed since this run began, by another run perhaps: run the tool again", e->path);
		else if (entry && entry->seen)
			continue;
		else if (writer_record(to, &r, WRITER_ALL, f))
			got = -1;
		*n += got == READER_RECORD;
	}
	record_free(&r);
	return got;
}

void earlier_close(struct earlier *e)
{
	if (!e)
		return;
	reader_close(e->in);
	free(e->path);
	free(e->v);
	free(e);
}
