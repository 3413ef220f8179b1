/* Turns tar streams into records.
 *
 * source.c delivers the bytes of one input after the other; gzip it has decompressed. libarchive decompresses the other
 * formats and parses the tar. next_member() reads one member into memory, from the next input where one ends.
 * reader_next() puts consecutive members with the same key together. It notices the end of a record only when it has read the
 * first member of the next one, so that member waits in `ahead`. Loose members inside a record wait in `loose`: if a further
 * member of the record follows, they belong inside it; if not, they are returned one by one after it.
 *
 * A truncated stream must fail, but libarchive accepts a tar that is cut between two members, or that has no end-of-archive.
 * The reader therefore keeps the offset at which the last member ends, and at the end of an input requires the 1024 zero
 * bytes of an end-of-archive after it. It also reads all bytes that follow, which must be zeros or another archive.
 *
 * keyset.c remembers a hash of every key, to refuse a key that comes a second time. */
#include "stream/reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream/keyset.h"
#include "stream/name.h"
#include "stream/source.h"

enum { TAR_BLOCK = 512, KEPT_BYTES = 64 << 20 /* for the members of the next record */ };

struct reader {
	struct source *src;
	struct archive *a;                 /* of the current input */
	struct fail read_error;            /* set by on_read() */
	uint64_t member_end, bytes_in;     /* of the current input: where its last member ends, padded; bytes given to libarchive */
	const void *last_block;            /* the last of these bytes */
	size_t last_size;
	uint64_t ordinal, members;
	struct keyset keys;
	struct member ahead;               /* the first member of the next record */
	int have_ahead, new_file, done, keys_per_file;
	struct record loose;               /* loose members after the last member of a record */
	size_t loose_next;                 /* the next of them to return */
	struct reader_limits limits;
};

static la_ssize_t on_read(struct archive *a, void *ctx, const void **block)
{
	struct reader *r = ctx;
	ptrdiff_t n = source_read(r->src, block, &r->read_error);
	if (n < 0)
		archive_set_error(a, EIO, "%s", r->read_error.msg);
	else
		r->bytes_in += (uint64_t)n;
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
	if (r->bytes_in == 0)
		return fail_set(f, "empty input (0 bytes): an empty stream of records is 1024 zero bytes");
	if (why && strstr(why, "Unrecognized archive format"))
		return fail_set(f, "not a tar stream (plain, zstd, gzip, xz, lz4 or bzip2)");
	return fail_set(f, "damaged or truncated: %s", why ? why : "unknown error");
}

/* Opens the next input: 1, 0 when there is none, -1. */
static int open_input(struct reader *r, struct fail *f)
{
	int got = source_next(r->src, f);
	if (got <= 0)
		return got;
	r->member_end = r->bytes_in = r->last_size = 0;
	struct archive *a = r->a = archive_read_new();
	if (!a)
		return fail_memory(f);
	if (archive_read_support_format_tar(a) != ARCHIVE_OK || archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(a) != ARCHIVE_OK || archive_read_support_filter_lz4(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK)
		return fail_set(f, "this libarchive lacks a filter: %s", archive_error_string(a));
	if (archive_read_set_option(a, NULL, "read_concatenated_archives", "1") != ARCHIVE_OK)
		return fail_set(f, "libarchive: %s", archive_error_string(a));
	/* archive_read_open() ignores that it could not allocate the callback's data (3.6), and crashes later. */
	if (archive_read_set_read_callback(a, on_read) != ARCHIVE_OK || archive_read_set_callback_data(a, r) != ARCHIVE_OK)
		return fail_set(f, "libarchive: %s", archive_error_string(a));
	if (archive_read_open1(a) != ARCHIVE_OK) {
		archive_fail(r, f);
		return fail_add(f, "%s", source_name(r->src));
	}
	return 1;
}

static int all_zeros(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return 0;
	return 1;
}

/* libarchive has reached the end: checks that there is an end-of-archive, and only zeros after it. */
static int finish_input(struct reader *r, struct fail *f)
{
	const char *name = source_name(r->src);
	if (r->bytes_in == 0) {
		archive_fail(r, f);
		return fail_add(f, "%s", name);
	}
	if ((uint64_t)archive_filter_bytes(r->a, 0) < r->member_end + 2 * TAR_BLOCK)
		return fail_set(f, "%s: truncated: no end-of-archive after member %llu", name, (unsigned long long)r->members);
	uint64_t consumed = (uint64_t)archive_filter_bytes(r->a, -1);
	size_t left = consumed < r->bytes_in ? (size_t)(r->bytes_in - consumed) : 0;
	if (left > r->last_size)
		left = r->last_size;
	int clean = all_zeros((const char *)r->last_block + r->last_size - left, left);
	/* Read to the end of the input also because its writer would die of SIGPIPE if we closed it now. */
	for (;;) {
		const void *block;
		ptrdiff_t n = source_read(r->src, &block, f);
		if (n < 0)
			return fail_add(f, "%s", name);
		if (n == 0)
			break;
		clean &= all_zeros(block, (size_t)n);
	}
	if (!clean)
		return fail_set(f, "%s: bytes after the end-of-archive that are not tar", name);
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

/* Keeps one of each extended attribute, sorted by name. pax writers store an attribute under two names, and libarchive returns
 * both, in reverse order: without this a stream would change at every pass. */
static int normalise_xattrs(struct archive_entry *e, struct fail *f)
{
	int n = archive_entry_xattr_reset(e);
	if (n < 2)
		return 0;
	struct xattr *x = calloc((size_t)n, sizeof *x);
	int r = x ? 0 : fail_memory(f), k = 0;
	const char *name;
	const void *value;
	size_t size, bytes_added = 0, bytes_found = 0;
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
				archive_entry_xattr_add_entry(e, x[i].name, x[i].value, x[i].size), bytes_added += x[i].size + 1;
		/* archive_entry_xattr_add_entry() does not report that memory was out: count what is there */
		archive_entry_xattr_reset(e);
		while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK)
			bytes_found += size + 1;
		if (bytes_found != bytes_added)
			r = fail_memory(f);
	}
	for (int i = 0; i < k; i++) {
		free(x[i].name);
		free(x[i].value);
	}
	free(x);
	return r;
}

/* Reads the member's data; holes of a sparse file become zeros. */
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
		if (got == ARCHIVE_EOF) {
			n = 0;
			if (archive_entry_sparse_count(m->entry) == 0 || size < 0)
				break;
			offset = size; /* a sparse file may end in a hole */
		} else if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
			return archive_fail(r, f);
		}
		if (offset < 0 || (uint64_t)offset + n > r->limits.record)
			return fail_set(f, "larger than the limit of %zu bytes (--max-record)", r->limits.record);
		if (n && (size_t)offset < m->data.len) /* parts at low offsets could go on without end */
			return fail_set(f, "the parts of a sparse file overlap");
		if ((size_t)offset > m->data.len) {
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
		return fail_set(f, "the name is empty, or this locale cannot represent it");
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
	if (normalise_xattrs(m->entry, f) || read_data(r, m, f))
		return -1;
	r->member_end = ((uint64_t)archive_filter_bytes(r->a, 0) + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	return 0;
}

/* Reads the next member into *m, from the next input where one ends: 1, 0 at the end of the last, -1. */
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
			r->new_file = 1;
			continue;
		}
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
			archive_fail(r, f);
			return fail_add(f, "%s: after member %llu", source_name(r->src), (unsigned long long)r->members);
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
	r->limits = READER_LIMITS;
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
	r->limits.record = SIZE_MAX; /* they were read before */
	return r;
}

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

/* Appends a member with the record's key, after the checks that a record must pass. */
static int add_own_member(const struct reader *r, struct record *rec, struct member *m, uint64_t *bytes, struct fail *f)
{
	*bytes += m->data.len;
	if (*bytes > r->limits.record)
		return fail_set(f, "the record is larger than the limit of %zu bytes (--max-record)", r->limits.record);
	if (rec->n == RECORD_MAX_MEMBERS)
		return fail_set(f, "the record has more than %d members", RECORD_MAX_MEMBERS);
	const struct member *same = record_member(rec, m->ext.p);
	if (same) {
		char a[256], b[256];
		return fail_set(f, "member '%s' has the same extension as member '%s'", name_show(a, sizeof a, m->name),
		                name_show(b, sizeof b, same->name));
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

int reader_next(struct reader *r, struct record *rec, struct fail *f)
{
	record_trim(rec, KEPT_BYTES);
	rec->n = rec->key.len = 0;
	rec->ordinal = 0;
	rec->fields_member = -1;
	rec->fields_read = rec->fields_changed = 0;
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
			return got;
		}
	}
	r->have_ahead = 0;
	rec->file = source_name(r->src);
	if (r->ahead.loose)
		return move_member(rec, &r->ahead, f) ? -1 : READER_LOOSE;
	const char *ext;
	size_t len = name_split(r->ahead.name, &ext);
	if (buf_add(&rec->key, r->ahead.name, len, f))
		return -1;
	rec->ordinal = ++r->ordinal;
	if (r->new_file && r->keys_per_file)
		keyset_clear(&r->keys);
	int added = keyset_add(&r->keys, rec->key.p, len, f);
	if (added == 0)
		fail_set(f, "an earlier record has the same key: the members of a record must be adjacent");
	if (added <= 0)
		return record_fail(rec, f);
	return read_record(r, rec, f) ? -1 : READER_RECORD;
}

int reader_rewind(struct reader *r, struct fail *f)
{
	if (source_rewind(r->src, f))
		return -1;
	keyset_clear(&r->keys);
	r->have_ahead = r->done = r->new_file = 0;
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
