/* Writes records as a pax tar, plain or zstd.
 *
 * tar_writer.c formats the headers. Bytes are collected in a buffer of 64 KiB, then compressed (with a checksum of the content)
 * and written to a descriptor: standard output, the temporary file of an atomic_file, or a spool. Every member is finished with
 * its padding before the next begins, so writer_bytes() is the offset at which the next record starts; vae-rank --sort seeks
 * by it.
 *
 * An end-of-archive means that the stream is complete. After a failed write, or once the writer is aborted, nothing more is
 * written.
 *
 * A stream must not change when it passes through a second time. KEY.vae.json is formatted again only if a field changed. */
#include "stream/writer.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/atomic.h"
#include "stream/name.h"

enum { CHUNK = 1 << 16 };

struct writer {
	int fd;
	struct atomic_file file; /* if it writes to a path */
	const char *name;        /* for messages */
	int failed, ended, spool;
	uint64_t bytes;
	size_t n;                /* in buffer */
	ZSTD_CCtx *zstd;         /* or NULL */
	struct buf headers;
	struct buf held;         /* before the first record: the last loose member, before which the mark of tar_format_emptied() may come */
	size_t limit;            /* of a record, with the loose members after it */
	uint64_t record_bytes;   /* those written since the last record began */
	size_t members, loose;   /* of this record; loose members since its last own one */
	int in_record, emptied;
	char buffer[CHUNK], compressed[CHUNK]; /* the last members: not set to zero */
};

/* Compresses n bytes and writes the result; ZSTD_e_end also flushes and ends the frame. */
static int compress(struct writer *w, const void *p, size_t n, ZSTD_EndDirective end, struct fail *f)
{
	ZSTD_inBuffer in = {p, n, 0};
	for (size_t left = 1; in.pos < in.size || (end == ZSTD_e_end && left);) {
		ZSTD_outBuffer out = {w->compressed, sizeof w->compressed, 0};
		left = ZSTD_compressStream2(w->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return fail_set(f, "cannot compress: %s", ZSTD_getErrorName(left));
		if (write_all(w->fd, w->compressed, out.pos, f))
			return -1;
	}
	return 0;
}

static int write_bytes(struct writer *w, const void *p, size_t n, struct fail *f)
{
	if (w->failed)
		return fail_set(f, "%s: an earlier write failed", w->name);
	w->failed = w->zstd ? compress(w, p, n, ZSTD_e_continue, f) : write_all(w->fd, p, n, f);
	return w->failed ? fail_add(f, "%s", w->name) : 0;
}

static int flush(struct writer *w, struct fail *f)
{
	size_t n = w->n;
	w->n = 0;
	return n ? write_bytes(w, w->buffer, n, f) : 0;
}

/* Appends bytes, or n zeros where p is NULL. Whole chunks go past the buffer. */
static int put(struct writer *w, const char *p, size_t n, struct fail *f)
{
	w->bytes += n;
	while (n) {
		if (w->n == 0 && p && n >= CHUNK) {
			size_t whole = n / CHUNK * CHUNK;
			if (write_bytes(w, p, whole, f))
				return -1;
			p += whole;
			n -= whole;
			continue;
		}
		size_t k = n < CHUNK - w->n ? n : CHUNK - w->n;
		if (p)
			memcpy(w->buffer + w->n, p, k);
		else
			memset(w->buffer + w->n, 0, k);
		w->n += k;
		p = p ? p + k : NULL;
		n -= k;
		if (w->n == CHUNK && flush(w, f))
			return -1;
	}
	return 0;
}

static void free_writer(struct writer *w)
{
	ZSTD_freeCCtx(w->zstd);
	buf_free(&w->headers);
	buf_free(&w->held);
	free(w);
}

void writer_abort(struct writer *w)
{
	if (!w)
		return;
	atomic_abort(&w->file);
	free_writer(w);
}

static int set_format(struct writer *w, int level, struct fail *f)
{
	if (level == WRITER_PLAIN)
		return 0;
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd)
		return fail_memory_for(f, "zstd");
	if (ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1)))
		return fail_set(f, "zstd has no level %d", level);
	return 0;
}

static struct writer *open_writer(const char *path, int fd, int level, struct fail *f)
{
	struct writer *w = malloc(sizeof *w);
	if (!w) {
		fail_memory(f);
		return NULL;
	}
	memset(w, 0, offsetof(struct writer, buffer));
	w->file.fd = -1;
	w->name = path ? path : fd == 1 ? "standard output" : "spool in $TMPDIR";
	w->spool = fd > 2;
	w->limit = RECORD_MAX_BYTES;
	w->fd = fd;
	int r = 0;
	if (path) {
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

void writer_limit(struct writer *w, size_t record) { w->limit = record; }

/* A limit of the reader is a limit of the writer. Loose members before the first record have none. */
static int check_limits(struct writer *w, const struct member *m, struct fail *f)
{
	w->record_bytes += m->data.len;
	w->members += w->in_record;
	w->loose = m->loose ? w->loose + 1 : 0;
	if (w->in_record && w->record_bytes > w->limit)
		return fail_set(f, "with the fields, or the members after it that belong to no record, it is larger than the limit of %zu bytes", w->limit);
	if (w->in_record && (w->loose > RECORD_MAX_MEMBERS || (!m->loose && w->members > RECORD_MAX_MEMBERS)))
		return fail_set(f, "with the member of its fields, or with those after it that belong to no record, it has more than %d members", RECORD_MAX_MEMBERS);
	return 0;
}

static int put_held(struct writer *w, struct fail *f)
{
	size_t n = w->held.len;
	w->held.len = 0;
	return put(w, w->held.p, n, f);
}

static int write_member(struct writer *w, const struct member *m, struct fail *f)
{
	if (check_limits(w, m, f)) {
		char shown[256];
		return fail_add(f, "%s: member '%s'", w->name, name_show(shown, sizeof shown, m->name));
	}
	w->headers.len = 0;
	if (tar_format(&m->header, m->data.len, &w->headers, f)) {
		char shown[256];
		return fail_add(f, "%s: member '%s'", w->name, name_show(shown, sizeof shown, m->name));
	}
	if (!w->in_record && m->loose && !w->spool) {
		static const char zeros[TAR_BLOCK];
		return put_held(w, f) || buf_add(&w->held, w->headers.p, w->headers.len, f) || buf_add(&w->held, m->data.p, m->data.len, f) ||
		       buf_add(&w->held, zeros, -m->data.len % TAR_BLOCK, f) ? -1 : 0;
	}
	return put_held(w, f) || put(w, w->headers.p, w->headers.len, f) || put(w, m->data.p, m->data.len, f) || put(w, NULL, -m->data.len % TAR_BLOCK, f) ? -1 : 0;
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
	const struct tar_header *first = NULL;
	for (size_t i = 0; i < r->n && !first; i++)
		if (!r->m[i].loose && (int)i != r->fields_member)
			first = &r->m[i].header;
	if (first) {
		m->header.mtime = first->mtime;
		m->header.uid = first->uid;
		m->header.gid = first->gid;
		m->header.uname.len = m->header.gname.len = 0;
		if (buf_add(&m->header.uname, first->uname.p, first->uname.len, f) || buf_add(&m->header.gname, first->gname.p, first->gname.len, f))
			return -1;
	}
	m->header.mode = 0644;
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
	if (r->ordinal && (part & WRITER_OWN)) {
		w->in_record = 1;
		w->record_bytes = w->members = w->loose = 0;
	}
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

void writer_emptied(struct writer *w) { w->emptied = 1; }

uint64_t writer_bytes(struct writer *w) { return w->bytes; }

/* Writes the end-of-archive, once. */
static int write_end(struct writer *w, struct fail *f)
{
	if (w->ended)
		return 0;
	w->ended = 1;
	w->headers.len = 0;
	if (w->held.len && w->emptied && (tar_format_emptied(&w->headers, f) || put(w, w->headers.p, w->headers.len, f)))
		return -1;
	if (put_held(w, f) || (!w->spool && put(w, NULL, 2 * TAR_BLOCK, f)) || flush(w, f))
		return -1;
	if (w->failed)
		return fail_set(f, "%s: an earlier write failed", w->name);
	return w->zstd && compress(w, NULL, 0, ZSTD_e_end, f) ? fail_add(f, "%s", w->name) : 0;
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
	if (w->file.path && r)
		atomic_abort(&w->file);
	else if (w->file.path)
		r = atomic_commit(&w->file, f);
	else if (!r && !w->spool && close(w->fd)) /* NFS and quotas report errors at close */
		r = fail_errno(f, "%s: cannot close", w->name);
	free_writer(w);
	return r;
}
