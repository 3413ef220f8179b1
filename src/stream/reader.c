/* Turns tar streams into records.
 *
 * source.c delivers the bytes of one input after the other, decompress.c decompresses them, and tar_reader.c finds the members.
 * next_member() reads one member into memory, from the next input where one ends.
 * reader_next() puts consecutive members with the same key together. It notices the end of a record only when it has read the
 * first member of the next one, so that member waits in `ahead`. Loose members inside a record wait in `loose`: if a further
 * member of the record follows, they belong inside it; if not, they are returned one by one after it.
 *
 * keyset.c remembers a hash of every key, to refuse a key that comes a second time. */
#include "stream/reader.h"

#include <stdlib.h>
#include <string.h>

#include "stream/decompress.h"
#include "stream/keyset.h"
#include "stream/name.h"
#include "stream/source.h"

enum { KEPT_BYTES = 64 << 20 }; /* of memory, for the members of the next record */

struct reader {
	struct source *src;
	struct decompressor *input;        /* of the current input, as is tar */
	struct tar_reader *tar;
	uint64_t ordinal, members;
	struct keyset keys;
	struct member ahead;               /* the first member of the next record */
	int have_ahead, new_file, done, keys_per_file, repeated_keys;
	struct record loose;               /* loose members after the last member of a record */
	size_t loose_next;                 /* the next of them to return */
	struct reader_limits limits;
	const char *prefix;                /* of every key, or NULL */
	int prefix_by_file;
	int emptied;                       /* an archive says that its records were dropped */
	uint64_t files, links;             /* loose members that could be records of a user who does not know the format */
	const char *first_file;            /* the input with the first of them, and its name */
	char first_loose[200];
	struct buf key_prefix;             /* of the record */
};

static ptrdiff_t read_input(void *ctx, const void **block, struct fail *f)
{
	struct reader *r = ctx;
	return decompress_read(r->input, block, f);
}

static void close_input(struct reader *r)
{
	r->emptied |= r->tar && tar_emptied(r->tar);
	tar_close(r->tar);
	decompress_close(r->input);
	r->tar = NULL;
	r->input = NULL;
}

/* Opens the next input: 1, 0 when there is none, -1. */
static int open_input(struct reader *r, struct fail *f)
{
	int got = source_next(r->src, f);
	if (got <= 0)
		return got;
	r->input = decompress_open(r->src, f);
	r->tar = r->input ? tar_open(read_input, r, f) : NULL;
	return r->tar ? 1 : -1;
}

/* Reads the member's data, of which its header says the size. */
static int read_data(struct reader *r, struct member *m, uint64_t size, struct fail *f)
{
	const void *p;
	ptrdiff_t n;
	if (size > r->limits.record)
		return fail_set(f, "larger than the limit of %zu bytes (--max-record)", r->limits.record);
	if (buf_reserve(&m->data, (size_t)size, f)) /* at once: a buffer that grows leaves holes in the heap */
		return -1;
	while ((n = tar_data(r->tar, &p, f)) > 0)
		if (buf_add(&m->data, p, (size_t)n, f))
			return -1;
	return (int)n;
}

static int read_member(struct reader *r, struct member *m, uint64_t size, struct fail *f)
{
	m->name = m->header.name.p;
	if (m->header.type == TAR_LINK) {
		char shown[256];
		return fail_set(f, "a hard link to '%s': write the tar with --hard-dereference", name_show(shown, sizeof shown, m->header.link.p));
	}
	const char *ext = NULL;
	m->loose = m->header.type != TAR_FILE || name_split(m->name, &ext) == 0;
	if (!m->loose) {
		if (buf_add(&m->ext, ext, strlen(ext), f))
			return -1;
		for (size_t i = 0; i < m->ext.len; i++)
			if (m->ext.p[i] >= 'A' && m->ext.p[i] <= 'Z')
				m->ext.p[i] += 'a' - 'A';
	}
	return read_data(r, m, size, f);
}

/* Says where: the file and the member; -1. */
static int member_fail(const struct reader *r, const struct member *m, struct fail *f)
{
	char shown[256];
	if (m->header.name.len)
		return fail_add(f, "%s: member %llu '%s'", source_name(r->src), (unsigned long long)r->members + 1,
		                name_show(shown, sizeof shown, m->header.name.p));
	if (r->members)
		return fail_add(f, "%s: after member %llu", source_name(r->src), (unsigned long long)r->members);
	return fail_add(f, "%s", source_name(r->src));
}

/* Reads the next member into *m, from the next input where one ends: 1, 0 at the end of the last, -1. */
static int next_member(struct reader *r, struct member *m, struct fail *f)
{
	m->data.len = m->ext.len = 0;
	for (;;) {
		if (!r->tar) {
			int got = open_input(r, f);
			if (got <= 0)
				return got;
		}
		uint64_t size;
		int got = tar_next(r->tar, &m->header, &size, f);
		if (got == 0) {
			close_input(r);
			r->new_file = 1;
			continue;
		}
		if (got < 0 || read_member(r, m, size, f))
			return member_fail(r, m, f);
		r->members++;
		return 1;
	}
}

struct reader *reader_open(char *const *paths, int n, int flags, struct fail *f)
{
	struct reader *r = calloc(1, sizeof *r);
	if (!r) {
		fail_memory(f);
		return NULL;
	}
	r->limits = READER_LIMITS;
	r->keys_per_file = !!(flags & READER_KEYS_PER_FILE);
	r->repeated_keys = !!(flags & READER_REPEATED_KEYS);
	r->src = source_open(paths, n, !!(flags & READER_REWINDABLE), f);
	if (!r->src) {
		free(r);
		return NULL;
	}
	return r;
}

struct reader *reader_open_ranges(int fd, const uint64_t *from, const uint64_t *len, size_t n, struct fail *f)
{
	struct reader *r = calloc(1, sizeof *r);
	if (r)
		r->src = source_open_ranges(fd, from, len, n, f);
	else
		fail_memory(f);
	if (!r || !r->src) {
		free(r);
		return NULL;
	}
	r->limits.record = SIZE_MAX; /* they were read before */
	return r;
}

/* Counts a loose member, unless it is a directory or of those below __x__, which stand for no record. */
static void count_loose(struct reader *r, const struct member *m)
{
	const char *name = m->name;
	while (strncmp(name, "./", 2) == 0)
		name += 2;
	const char *slash = strchr(name, '/');
	if (m->header.type == TAR_DIRECTORY || (slash && strncmp(name, "__", 2) == 0 && slash - name > 4 && slash[-1] == '_' && slash[-2] == '_'))
		return;
	if (!r->files && !r->links) {
		r->first_file = source_name(r->src);
		name_show(r->first_loose, sizeof r->first_loose, m->name);
	}
	*(m->header.type == TAR_FILE ? &r->files : &r->links) += 1;
}

/* At the end: an input that is no stream of records is an error, not silence. One whose records were dropped is none. */
static int check_kind(const struct reader *r, struct fail *f)
{
	if (r->ordinal || r->emptied || !(r->files + r->links))
		return 0;
	return fail_set(f, "%s: no record; files that belong to none: %llu, links and devices: %llu, the first is '%s'; members of records are files with an extension (vae-records(5))",
	                r->first_file, (unsigned long long)r->files, (unsigned long long)r->links, r->first_loose);
}

int reader_emptied(const struct reader *r) { return r->emptied; }

void reader_limit(struct reader *r, const struct reader_limits *limits) { r->limits = *limits; }
struct reader_limits reader_get_limits(const struct reader *r) { return r->limits; }

/* Appends *m to rec, by a swap: *m gets the unused buffers. */
static int move_member(struct record *rec, struct member *m, struct fail *f)
{
	struct member *to = record_push(rec, f);
	if (!to)
		return -1;
	struct member unused = *to;
	*to = *m;
	*m = unused;
	return 0;
}

/* The hint where a key comes in two files. */
static const char common_keys[] = "; for files that have keys in common there are --keys-per-file and --key-prefix";

/* Appends a member with the record's key, after the checks that a record must pass. */
static int add_own_member(const struct reader *r, struct record *rec, struct member *m, uint64_t *bytes, struct fail *f)
{
	*bytes += m->data.len;
	if (*bytes > r->limits.record)
		return fail_set(f, "the record is larger than the limit of %zu bytes (--max-record)", r->limits.record);
	if (rec->n >= RECORD_MAX_MEMBERS)
		return fail_set(f, "the record has more than %d members", RECORD_MAX_MEMBERS);
	const struct member *same = record_member(rec, m->ext.p);
	if (same) {
		char a[256], b[256];
		return fail_set(f, "member '%s' has the same extension as member '%s'%s", name_show(a, sizeof a, m->name), name_show(b, sizeof b, same->name),
		                r->new_file ? common_keys : "");
	}
	if (strcmp(m->ext.p, FIELDS_EXT) == 0)
		rec->fields_member = (int)rec->n;
	return move_member(rec, m, f);
}

static int has_key_of(const struct reader *r, const struct record *rec, const struct member *m)
{
	const char *ext;
	size_t len = name_split(m->name, &ext);
	return !(r->new_file && r->keys_per_file) && len == rec->key.len && memcmp(m->name, rec->key.p, len) == 0;
}

/* Moves the record's first member from `ahead` to rec, and reads the others. */
static int read_record(struct reader *r, struct record *rec, struct fail *f)
{
	uint64_t bytes = 0;
	if (add_own_member(r, rec, &r->ahead, &bytes, f))
		return record_fail(rec, f);
	r->new_file = 0;
	for (;;) {
		int got = next_member(r, &r->ahead, f);
		if (got <= 0) {
			r->done = got == 0;
			return got;
		}
		if (r->ahead.loose) {
			bytes += r->ahead.data.len;
			if (bytes > r->limits.record || r->loose.n == RECORD_MAX_MEMBERS) {
				fail_set(f, "followed by more than %d members, or %zu bytes (--max-record), that belong to no record", RECORD_MAX_MEMBERS, r->limits.record);
				return record_fail(rec, f);
			}
			if (move_member(&r->loose, &r->ahead, f))
				return -1;
			continue;
		}
		if (!has_key_of(r, rec, &r->ahead)) {
			r->have_ahead = 1;
			return 0;
		}
		for (size_t i = 0; i < r->loose.n; i++)
			if (move_member(rec, &r->loose.m[i], f))
				return -1;
		r->loose.n = 0;
		if (add_own_member(r, rec, &r->ahead, &bytes, f))
			return record_fail(rec, f);
	}
}

void reader_prefix_keys(struct reader *r, const char *text, int by_file)
{
	r->prefix = text;
	r->prefix_by_file = by_file;
	r->keys_per_file |= by_file;
}

int reader_key_prefix(struct buf *out, const char *text, const char *path, struct fail *f)
{
	static const char *const suffix[] = {".zst", ".gz", ".xz", ".lz4", ".bz2", ".tar"};
	const char *slash = path ? strrchr(path, '/') : NULL, *name = slash ? slash + 1 : path ? path : "", *ext;
	if (path && (strcmp(path, "-") == 0 || strcmp(path, "standard input") == 0))
		name = "stdin";
	size_t n = strlen(name), from = out->len;
	for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++) {
		size_t k = strlen(suffix[i]);
		n -= n > k && memcmp(name + n - k, suffix[i], k) == 0 ? k : 0;
	}
	if ((n == 1 && *name == '.') || (n == 2 && memcmp(name, "..", 2) == 0))
		return fail_set(f, "'%.*s/' cannot begin a key: it names a directory; give the file another name", (int)n, name);
	if ((text && buf_add(out, text, strlen(text), f)) || buf_add(out, name, n, f) || buf_add(out, "/0.x", path ? 4 : 0, f) || (!path && buf_add(out, "0.x", 3, f)))
		return -1;
	size_t len = out->len - from - 3;
	int bad = name_split(out->p + from, &ext) != len + 1;
	out->p[out->len = from + len] = 0;
	char shown[256];
	return bad ? fail_set(f, "'%s' cannot begin a key: a key has no dot after its last slash, and does not begin with __x__/", name_show(shown, sizeof shown, out->p + from)) : 0;
}

static int add_prefix(struct reader *r, struct record *rec, struct fail *f)
{
	r->key_prefix.len = 0;
	return reader_key_prefix(&r->key_prefix, r->prefix, r->prefix_by_file ? rec->file : NULL, f) ||
	       record_prefix_key(rec, r->key_prefix.p, r->key_prefix.len, f) ? -1 : 0;
}

int reader_next(struct reader *r, struct record *rec, struct fail *f)
{
	record_trim(rec, KEPT_BYTES);
	rec->n = rec->key.len = 0;
	rec->ordinal = 0;
	rec->fields_member = -1;
	rec->fields_read = rec->fields_changed = 0;
	metadata_clear(&rec->metadata);
	if (r->loose_next < r->loose.n) {
		rec->file = source_name(r->src);
		return move_member(rec, &r->loose.m[r->loose_next++], f) ? -1 : READER_LOOSE;
	}
	record_trim(&r->loose, KEPT_BYTES);
	r->loose.n = r->loose_next = 0;
	if (!r->have_ahead) {
		if (r->done)
			return READER_END;
		int got = next_member(r, &r->ahead, f);
		if (got <= 0) {
			r->done = got == 0;
			return got || check_kind(r, f) ? -1 : READER_END;
		}
	}
	r->have_ahead = 0;
	rec->file = source_name(r->src);
	if (r->ahead.loose && !r->ordinal)
		count_loose(r, &r->ahead);
	if (r->ahead.loose)
		return move_member(rec, &r->ahead, f) ? -1 : READER_LOOSE;
	const char *ext;
	size_t len = name_split(r->ahead.name, &ext);
	if (buf_add(&rec->key, r->ahead.name, len, f))
		return -1;
	rec->ordinal = ++r->ordinal;
	if (r->new_file && r->keys_per_file)
		keyset_clear(&r->keys);
	int added = r->repeated_keys ? 1 : keyset_add(&r->keys, rec->key.p, len, f);
	if (added == 0)
		fail_set(f, "an earlier record has the same key: the members of a record must be adjacent%s",
		         r->new_file ? common_keys : "");
	if (added <= 0)
		return record_fail(rec, f);
	if (read_record(r, rec, f))
		return -1;
	return (r->prefix || r->prefix_by_file) && add_prefix(r, rec, f) ? -1 : READER_RECORD;
}

int reader_rewind(struct reader *r, struct fail *f)
{
	if (source_rewind(r->src, f))
		return -1;
	keyset_clear(&r->keys);
	r->have_ahead = r->done = r->new_file = 0;
	r->ordinal = r->members = r->files = r->links = 0;
	r->loose.n = r->loose_next = 0;
	return 0;
}

uint64_t reader_bytes(const struct reader *r) { return source_bytes(r->src); }
uint64_t reader_total(const struct reader *r) { return source_total(r->src); }
void reader_stop(const struct reader *r) { source_stop(r->src); }

void reader_close(struct reader *r)
{
	if (!r)
		return;
	close_input(r);
	source_close(r->src);
	buf_free(&r->key_prefix);
	keyset_free(&r->keys);
	member_free(&r->ahead);
	record_free(&r->loose);
	free(r);
}
