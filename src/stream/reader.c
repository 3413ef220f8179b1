/* Members come from libarchive one by one; records are made of them here.
 *
 * libarchive takes a tar that is cut at a member's border, and one without its end, for whole. So
 * the reader keeps `end`, the offset behind the last member's data rounded up to a tar block, and
 * at the archive's end wants 1024 bytes of zeros behind it. */
#include "stream/reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream/keyset.h"
#include "stream/name.h"
#include "stream/source.h"

struct reader {
	struct source *src;
	struct archive *a; /* of the input at hand */
	struct fail read_error; /* what the read callback could not do */
	uint64_t end, given; /* behind the last member; bytes this input has given */
	uint64_t ordinal, members;
	struct keyset keys;
	struct member ahead; /* read, but of the next record */
	int have_ahead, file_edge, done, keys_per_file;
	struct record loose; /* members that stood behind the last one of a record: next to be given */
	size_t loose_next;
	const void *last_block;
	size_t last_size;
};

static la_ssize_t on_read(struct archive *a, void *ctx, const void **block)
{
	struct reader *r = ctx;
	ptrdiff_t n = source_read(r->src, block, &r->read_error);
	if (n < 0)
		archive_set_error(a, EIO, "%s", r->read_error.msg);
	else
		r->given += (uint64_t)n;
	if (n > 0) {
		r->last_block = *block;
		r->last_size = (size_t)n;
	}
	return n;
}

static int archive_fail(struct reader *r, struct fail *f)
{
	const char *why = archive_error_string(r->a);
	if (r->read_error.msg[0])
		return fail_set(f, "%s", r->read_error.msg);
	if (r->given == 0)
		return fail_set(f, "empty input (0 bytes); an empty stream of records has 1024 zero bytes");
	if (why && strstr(why, "Unrecognized archive format"))
		return fail_set(f, "not a tar stream (plain, zstd, gzip, xz, lz4 or bzip2)");
	return fail_set(f, "damaged or cut: %s", why ? why : "unknown error");
}

/* Opens the next input: 1, 0 when there is none, -1. */
static int open_input(struct reader *r, struct fail *f)
{
	int got = source_next(r->src, f);
	if (got <= 0)
		return got;
	r->end = r->given = r->last_size = 0;
	r->a = archive_read_new();
	if (!r->a)
		return fail_memory(f);
	struct archive *a = r->a;
	if (archive_read_support_format_tar(a) != ARCHIVE_OK || archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(a) != ARCHIVE_OK || archive_read_support_filter_lz4(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK) /* gzip: source.c */
		return fail_set(f, "this libarchive lacks a filter: %s", archive_error_string(a));
	if (archive_read_set_option(a, NULL, "read_concatenated_archives", "1") != ARCHIVE_OK)
		return fail_set(f, "libarchive: %s", archive_error_string(a));
	/* not archive_read_open(): it goes on when it had no memory for what it is given (3.6), and dies */
	if (archive_read_set_read_callback(a, on_read) != ARCHIVE_OK || archive_read_set_callback_data(a, r) != ARCHIVE_OK)
		return fail_set(f, "libarchive: %s", archive_error_string(a));
	if (archive_read_open1(a) != ARCHIVE_OK) {
		archive_fail(r, f);
		return fail_add(f, "%s", source_name(r->src));
	}
	return 1;
}

static int zeros(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return 0;
	return 1;
}

/* The archive says it ended: is it whole, and is there nothing behind it? */
static int finish_input(struct reader *r, struct fail *f)
{
	const char *name = source_name(r->src);
	if (r->given == 0) {
		archive_fail(r, f);
		return fail_add(f, "%s", name);
	}
	if ((uint64_t)archive_filter_bytes(r->a, 0) < r->end + 1024)
		return fail_set(f, "%s: cut: no end-of-archive behind member %llu", name, (unsigned long long)r->members);
	uint64_t taken = (uint64_t)archive_filter_bytes(r->a, -1);
	size_t left = taken < r->given ? (size_t)(r->given - taken) : 0;
	if (left > r->last_size)
		left = r->last_size;
	int clean = zeros((const char *)r->last_block + r->last_size - left, left);
	/* whoever writes to us should not die of SIGPIPE because we stopped at the end-of-archive */
	for (;;) {
		const void *block;
		ptrdiff_t n = source_read(r->src, &block, f);
		if (n < 0)
			return fail_add(f, "%s", name);
		if (n == 0)
			break;
		clean &= zeros(block, (size_t)n);
	}
	if (!clean)
		return fail_set(f, "%s: bytes that are no tar behind the end-of-archive", name);
	archive_read_free(r->a);
	r->a = NULL;
	return 0;
}

struct xattr {
	char *name;
	void *value;
	size_t size;
};

static int by_name_descending(const void *a, const void *b)
{
	return -strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

/* pax writers store an attribute under two names and libarchive hands out both, and in the reverse
 * order: each once, sorted, or a stream would differ each time it passes. */
static int tidy_xattrs(struct archive_entry *e, struct fail *f)
{
	int n = archive_entry_xattr_reset(e);
	if (n < 2)
		return 0;
	struct xattr *x = calloc((size_t)n, sizeof *x);
	int r = x ? 0 : fail_memory(f), k = 0;
	const char *name;
	const void *value;
	size_t size, kept = 0, there = 0;
	while (!r && k < n && archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK) {
		x[k] = (struct xattr){strdup(name), malloc(size + 1), size};
		if (x[k].name && x[k].value)
			memcpy(x[k].value, value, size);
		else
			r = fail_memory(f);
		k++;
	}
	if (!r) {
		qsort(x, (size_t)k, sizeof *x, by_name_descending);
		archive_entry_xattr_clear(e);
		for (int i = 0; i < k; i++)
			if (i == 0 || strcmp(x[i].name, x[i - 1].name) != 0)
				archive_entry_xattr_add_entry(e, x[i].name, x[i].value, x[i].size), kept += x[i].size + 1;
		/* which cannot say that it had no memory */
		archive_entry_xattr_reset(e);
		while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK)
			there += size + 1;
		if (there != kept)
			r = fail_memory(f);
	}
	for (int i = 0; i < k; i++) {
		free(x[i].name);
		free(x[i].value);
	}
	free(x);
	return r;
}

static int read_data(struct reader *r, struct member *m, struct fail *f)
{
	int64_t size = archive_entry_size(m->entry);
	if (size > 0 && size <= 1 << 20 && buf_reserve(&m->data, (size_t)size, f))
		return -1;
	for (;;) {
		const void *p;
		size_t n;
		int64_t offset;
		int got = archive_read_data_block(r->a, &p, &n, &offset);
		if (got == ARCHIVE_EOF) { /* offset: the full size, when the file ends in a hole */
			n = 0;
			if (archive_entry_sparse_count(m->entry) == 0 || size < 0)
				break;
			offset = size;
		} else if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
			return archive_fail(r, f);
		}
		if (offset < 0 || (uint64_t)offset + n > RECORD_MAX_BYTES)
			return fail_set(f, "member of more than %llu bytes", RECORD_MAX_BYTES);
		if (n && (size_t)offset < m->data.len) /* and they could come without end, at offsets below that limit */
			return fail_set(f, "the parts of a sparse file overlap");
		if ((size_t)offset > m->data.len) { /* a hole of a sparse file */
			size_t hole = (size_t)offset - m->data.len;
			if (buf_reserve(&m->data, hole, f))
				return -1;
			memset(m->data.p + m->data.len, 0, hole);
			m->data.len += hole;
		}
		if (got == ARCHIVE_EOF)
			break;
		if (buf_add(&m->data, p, n, f))
			return -1;
	}
	archive_entry_sparse_clear(m->entry);
	archive_entry_set_size(m->entry, (int64_t)m->data.len);
	return 0;
}

static int read_member(struct reader *r, struct member *m, struct fail *f)
{
	m->name = archive_entry_pathname(m->entry);
	if (!m->name || !*m->name)
		return fail_set(f, "a name that this locale cannot represent, or none");
	const char *target = archive_entry_hardlink(m->entry);
	if (target) {
		char shown[256];
		return fail_set(f, "a hard link to '%s': write the tar with --hard-dereference", name_show(shown, sizeof shown, target));
	}
	const char *ext = NULL;
	m->loose = archive_entry_filetype(m->entry) != AE_IFREG || name_split(m->name, &ext) == 0;
	if (!m->loose) {
		if (buf_add(&m->ext, ext, strlen(ext), f))
			return -1;
		for (size_t i = 0; i < m->ext.len; i++)
			if (m->ext.p[i] >= 'A' && m->ext.p[i] <= 'Z')
				m->ext.p[i] += 'a' - 'A';
	}
	if (tidy_xattrs(m->entry, f) || read_data(r, m, f))
		return -1;
	r->end = ((uint64_t)archive_filter_bytes(r->a, 0) + 511) / 512 * 512;
	return 0;
}

/* Reads the next member into *m, across inputs: 1, 0 at the very end, -1. */
static int next_member(struct reader *r, struct member *m, struct fail *f)
{
	m->data.len = m->ext.len = 0;
	if (!m->entry)
		m->entry = archive_entry_new();
	if (!m->entry)
		return fail_memory(f);
	for (;;) {
		if (!r->a) {
			int got = open_input(r, f);
			if (got <= 0)
				return got;
		}
		int got = archive_read_next_header2(r->a, m->entry);
		if (got == ARCHIVE_EOF) {
			if (finish_input(r, f))
				return -1;
			r->file_edge = 1;
			continue;
		}
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
			archive_fail(r, f);
			return fail_add(f, "%s: behind member %llu", source_name(r->src), (unsigned long long)r->members);
		}
		r->members++;
		if (read_member(r, m, f)) {
			char shown[256];
			return fail_add(f, "%s: member %llu '%s'", source_name(r->src), (unsigned long long)r->members,
			                name_show(shown, sizeof shown, m->name ? m->name : ""));
		}
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
	r->keys_per_file = !!(flags & READER_KEYS_PER_FILE);
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
	return r;
}

static void take(struct member *to, struct member *from)
{
	struct member t = *to;
	*to = *from;
	*from = t;
}

static int move_to(struct record *rec, struct member *m, struct fail *f)
{
	struct member *to = record_push(rec, f);
	if (!to)
		return -1;
	take(to, m);
	return 0;
}

/* Adds a member of the record's own, checked against those that are there. */
static int adopt(struct record *rec, struct member *m, uint64_t *bytes, struct fail *f)
{
	*bytes += m->data.len;
	if (*bytes > RECORD_MAX_BYTES)
		return fail_set(f, "a record of more than %llu bytes", RECORD_MAX_BYTES);
	if (rec->n == RECORD_MAX_MEMBERS)
		return fail_set(f, "a record of more than %d members", RECORD_MAX_MEMBERS);
	const struct member *same = m->loose ? NULL : record_member(rec, m->ext.p);
	if (same) {
		char a[256], b[256];
		return fail_set(f, "member '%s' has the extension of '%s' in the same record",
		                name_show(a, sizeof a, m->name), name_show(b, sizeof b, same->name));
	}
	if (!m->loose && strcmp(m->ext.p, FIELDS_EXT) == 0)
		rec->scores = (int)rec->n;
	return move_to(rec, m, f);
}

/* Whether the member at hand belongs to the record that is open. */
static int same_key(const struct reader *r, const struct record *rec, const struct member *m)
{
	const char *ext;
	size_t len = name_split(m->name, &ext);
	return !(r->file_edge && r->keys_per_file) && len == rec->key.len && memcmp(m->name, rec->key.p, len) == 0;
}

static int fill_record(struct reader *r, struct record *rec, struct fail *f)
{
	uint64_t bytes = 0;
	if (adopt(rec, &r->ahead, &bytes, f))
		return record_fail(rec, f);
	r->file_edge = 0;
	for (;;) {
		int got = next_member(r, &r->ahead, f);
		if (got <= 0) {
			r->done = got == 0;
			return got;
		}
		if (r->ahead.loose) {
			/* inside the record only if another member of it follows */
			bytes += r->ahead.data.len;
			if (bytes > RECORD_MAX_BYTES || r->loose.n == RECORD_MAX_MEMBERS) {
				fail_set(f, "too much that belongs to no record stands behind it");
				return record_fail(rec, f);
			}
			if (move_to(&r->loose, &r->ahead, f))
				return -1;
			continue;
		}
		if (!same_key(r, rec, &r->ahead)) {
			r->have_ahead = 1;
			return 0;
		}
		for (size_t i = 0; i < r->loose.n; i++)
			if (move_to(rec, &r->loose.m[i], f))
				return -1;
		r->loose.n = 0;
		if (adopt(rec, &r->ahead, &bytes, f))
			return record_fail(rec, f);
	}
}

int reader_next(struct reader *r, struct record *rec, struct fail *f)
{
	rec->n = rec->key.len = 0;
	rec->ordinal = 0;
	rec->scores = -1;
	rec->fields_read = rec->fields_changed = 0;
	if (r->loose_next < r->loose.n) {
		rec->file = source_name(r->src);
		return move_to(rec, &r->loose.m[r->loose_next++], f) ? -1 : READER_LOOSE;
	}
	r->loose.n = r->loose_next = 0;
	if (!r->have_ahead) {
		if (r->done)
			return READER_END;
		int got = next_member(r, &r->ahead, f);
		if (got <= 0) {
			r->done = got == 0;
			return got;
		}
	}
	r->have_ahead = 0;
	rec->file = source_name(r->src);
	if (r->ahead.loose)
		return move_to(rec, &r->ahead, f) ? -1 : READER_LOOSE;
	const char *ext;
	size_t len = name_split(r->ahead.name, &ext);
	if (buf_add(&rec->key, r->ahead.name, len, f))
		return -1;
	rec->ordinal = ++r->ordinal;
	if (r->file_edge && r->keys_per_file)
		keyset_clear(&r->keys);
	int fresh = keyset_add(&r->keys, rec->key.p, len, f);
	if (fresh == 0)
		fail_set(f, "this key comes back after other keys");
	if (fresh <= 0)
		return record_fail(rec, f);
	return fill_record(r, rec, f) ? -1 : READER_RECORD;
}

int reader_rewind(struct reader *r, struct fail *f)
{
	if (source_rewind(r->src, f))
		return -1;
	keyset_clear(&r->keys);
	r->have_ahead = r->done = r->file_edge = 0;
	r->ordinal = r->members = 0;
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
	archive_read_free(r->a);
	source_close(r->src);
	keyset_free(&r->keys);
	if (r->ahead.entry)
		archive_entry_free(r->ahead.entry);
	buf_free(&r->ahead.data);
	buf_free(&r->ahead.ext);
	record_free(&r->loose);
	free(r);
}
