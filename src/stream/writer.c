/* Writes records as a pax tar, plain or zstd.
 *
 * libarchive formats each member and hands the bytes to on_write(), which compresses them (own code, since libarchive's zstd
 * filter writes no checksum of the content) and writes them to a descriptor: standard output, the temporary file of an
 * atomic_file, or a spool. Every member is finished with its padding before the next begins, so writer_bytes() is the offset
 * at which the next record starts; vae-rank --sort seeks by it.
 *
 * An end-of-archive means that the stream is complete. After a failed write, or once the writer is aborted, on_write() drops
 * everything, and with it the end-of-archive that libarchive writes when it is freed.
 *
 * A stream must not change when it passes through a second time. Extended attributes are therefore written under one of
 * their two headers only, and attributes whose name libarchive would change are refused. KEY.vae.json is formatted again only
 * if a field changed. */
#include "stream/writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/atomic.h"
#include "stream/name.h"

struct writer {
	struct archive *a;
	int fd;
	struct atomic_file file; /* if it writes to a path */
	const char *name;        /* for messages */
	struct fail error;       /* set by on_write() */
	int aborted, ended, spool;
	ZSTD_CCtx *zstd; /* or NULL */
	char compressed[1 << 16];
};

/* Compresses n bytes and writes the result; ZSTD_e_end also flushes and ends the frame. */
static int compress(struct writer *w, const void *p, size_t n, ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = {p, n, 0};
	for (size_t left = 1; in.pos < in.size || (end == ZSTD_e_end && left);) {
		ZSTD_outBuffer out = {w->compressed, sizeof w->compressed, 0};
		left = ZSTD_compressStream2(w->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return fail_set(&w->error, "cannot compress: %s", ZSTD_getErrorName(left));
		if (write_all(w->fd, w->compressed, out.pos, &w->error))
			return -1;
	}
	return 0;
}

/* Always reports success to libarchive, which leaks its buffer after a failed write (3.6): callers check w->error. */
static la_ssize_t on_write(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct writer *w = ctx;
	(void)a;
	if (!w->aborted && (w->zstd ? compress(w, p, n, ZSTD_e_continue) : write_all(w->fd, p, n, &w->error)))
		w->aborted = 1;
	return (la_ssize_t)n;
}

static int archive_fail(struct writer *w, struct fail *f)
{
	const char *why = w->error.msg[0] ? w->error.msg : archive_error_string(w->a);
	return fail_set(f, "%s: %s", w->name, why ? why : "cannot write");
}

void writer_abort(struct writer *w)
{
	if (!w)
		return;
	w->aborted = 1;
	archive_write_free(w->a);
	ZSTD_freeCCtx(w->zstd);
	atomic_abort(&w->file);
	free(w);
}

static int set_format(struct writer *w, int level, struct fail *f)
{
	struct archive *a = w->a;
	if (archive_write_set_format_pax(a) != ARCHIVE_OK ||
	    archive_write_set_format_option(a, "pax", "xattrheader", "SCHILY") != ARCHIVE_OK)
		return archive_fail(w, f);
	if (level != WRITER_PLAIN) {
		w->zstd = ZSTD_createCCtx();
		if (!w->zstd)
			return fail_memory_for(f, "zstd");
		if (ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level)) ||
		    ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1)))
			return fail_set(f, "zstd has no level %d", level);
	}
	/* No padding of the last block: libarchive pads or not depending on the kind of file. */
	if (archive_write_set_bytes_per_block(a, 1 << 16) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK || archive_write_open(a, w, NULL, on_write, NULL) != ARCHIVE_OK)
		return archive_fail(w, f);
	return 0;
}

static struct writer *open_writer(const char *path, int fd, int level, struct fail *f)
{
	struct writer *w = calloc(1, sizeof *w);
	if (!w) {
		fail_memory(f);
		return NULL;
	}
	w->file.fd = -1;
	w->a = archive_write_new();
	w->name = path ? path : fd == 1 ? "standard output" : "spool in $TMPDIR";
	w->spool = fd > 2;
	w->fd = fd;
	int r = w->a ? 0 : fail_memory(f);
	if (!r && path) {
		r = atomic_open(&w->file, path, f);
		w->name = w->file.path;
		w->fd = w->file.fd;
	}
	if (r || set_format(w, level, f)) {
		writer_abort(w);
		return NULL;
	}
	return w;
}

struct writer *writer_open(const char *path, int level, struct fail *f)
{
	size_t n = path ? strlen(path) : 0;
	if (level == WRITER_BY_NAME)
		level = n > 4 && strcmp(path + n - 4, ".zst") == 0 ? WRITER_DEFAULT_LEVEL : WRITER_PLAIN;
	if (!path && isatty(1)) {
		fail_set(f, "standard output is a terminal: redirect it, or name a file with -o");
		return NULL;
	}
	return open_writer(path, 1, level, f);
}

struct writer *writer_open_spool(int fd, struct fail *f) { return open_writer(NULL, fd, WRITER_PLAIN, f); }

/* libarchive writes these bytes of an attribute's name as %XX and does not decode them when it reads: the name would grow at
 * every pass. */
static int check_xattrs(const struct writer *w, const struct member *m, struct fail *f)
{
	const char *name;
	const void *value;
	size_t size;
	if (archive_entry_xattr_reset(m->entry) == 0)
		return 0;
	while (archive_entry_xattr_next(m->entry, &name, &value, &size) == ARCHIVE_OK)
		for (const char *p = name; *p; p++)
			if (*p <= ' ' || *p > '~' || *p == '%' || *p == '=') {
				char a[200], b[200];
				return fail_set(f, "%s: member '%s': cannot write extended attribute '%s': its name must be printable ASCII without %% and =",
				                w->name, name_show(a, sizeof a, m->name), name_show(b, sizeof b, name));
			}
	return 0;
}

static int write_member(struct writer *w, struct member *m, struct fail *f)
{
	if (check_xattrs(w, m, f))
		return -1;
	if (m->data.len || archive_entry_filetype(m->entry) == AE_IFREG)
		archive_entry_set_size(m->entry, (int64_t)m->data.len);
	int r = archive_write_header(w->a, m->entry);
	/* A warning: the name is not UTF-8. It is written as it is, with a header that says so. */
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return archive_fail(w, f);
	for (size_t written = 0; written < m->data.len;) {
		la_ssize_t n = archive_write_data(w->a, m->data.p + written, m->data.len - written);
		if (n <= 0)
			return archive_fail(w, f);
		written += (size_t)n;
	}
	return archive_write_finish_entry(w->a) == ARCHIVE_OK && !w->error.msg[0] ? 0 : archive_fail(w, f);
}

/* Writes the fields to the member KEY.vae.json, which is added where there is none. Owner and time are those of the record's
 * first member. */
static int update_fields_member(struct record *r, struct fail *f)
{
	if (r->fields_member < 0) {
		struct buf name = {0};
		int bad = buf_add(&name, r->key.p, r->key.len, f) || buf_add(&name, "." FIELDS_EXT, sizeof "." FIELDS_EXT - 1, f);
		struct member *m = bad ? NULL : record_add_member(r, name.p, 0, f);
		buf_free(&name);
		if (!m)
			return -1;
		r->fields_member = (int)r->n - 1;
	}
	struct member *m = &r->m[r->fields_member];
	struct archive_entry *first = NULL;
	for (size_t i = 0; i < r->n && !first; i++)
		if (!r->m[i].loose && (int)i != r->fields_member)
			first = r->m[i].entry;
	if (first) {
		archive_entry_set_mtime(m->entry, archive_entry_mtime(first), archive_entry_mtime_nsec(first));
		archive_entry_set_uid(m->entry, archive_entry_uid(first));
		archive_entry_set_gid(m->entry, archive_entry_gid(first));
		archive_entry_set_uname(m->entry, archive_entry_uname(first));
		archive_entry_set_gname(m->entry, archive_entry_gname(first));
	}
	archive_entry_set_perm(m->entry, 0644);
	m->data.len = 0;
	if (fields_write(&r->fields, &m->data, f))
		return -1;
	r->fields_changed = 0;
	return 0;
}

int writer_record(struct writer *w, struct record *r, enum writer_part part, struct fail *f)
{
	if (r->fields_changed && update_fields_member(r, f))
		return record_fail(r, f);
	for (size_t i = 0; i < r->n; i++)
		if ((int)i != r->fields_member && (part & (r->m[i].loose ? WRITER_LOOSE : WRITER_OWN)) && write_member(w, &r->m[i], f))
			return -1;
	if (r->fields_member >= 0 && (part & WRITER_OWN))
		return write_member(w, &r->m[r->fields_member], f);
	return 0;
}

int writer_writes_to(const struct writer *w, const struct stat *st)
{
	struct stat own;
	return (fstat(w->fd, &own) == 0 && same_inode(&own, st)) || (w->file.path && stat(w->file.path, &own) == 0 && same_inode(&own, st));
}

uint64_t writer_bytes(struct writer *w) { return (uint64_t)archive_filter_bytes(w->a, 0); }

/* Writes the end-of-archive, once. */
static int write_end(struct writer *w, struct fail *f)
{
	if (w->ended)
		return 0;
	w->ended = 1;
	int bad = archive_write_close(w->a) != ARCHIVE_OK || w->error.msg[0] || (w->zstd && compress(w, NULL, 0, ZSTD_e_end));
	return bad ? archive_fail(w, f) : 0;
}

int writer_prepare(struct writer *w, struct fail *f)
{
	if (!w->file.path)
		return 0;
	if (write_end(w, f))
		return -1;
	return w->file.temp && fsync(w->fd) && errno != EINVAL && errno != ENOSYS ? fail_errno(f, "%s: cannot sync", w->name) : 0;
}

int writer_close(struct writer *w, struct fail *f)
{
	int r = write_end(w, f);
	archive_write_free(w->a);
	ZSTD_freeCCtx(w->zstd);
	if (w->file.path && r)
		atomic_abort(&w->file);
	else if (w->file.path)
		r = atomic_commit(&w->file, f);
	else if (!r && !w->spool && close(w->fd)) /* NFS and quotas report errors at close */
		r = fail_errno(f, "%s: cannot close", w->name);
	free(w);
	return r;
}
