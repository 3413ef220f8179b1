/* Zip, 7z and rar archives, read by libarchive.
 *
 * The archive is read once, so the files come in its order. Names that are marked as UTF-8 or UTF-16 are converted to UTF-8 in the form NFC; other
 * names are bytes. libarchive converts to the encoding of the locale, so the thread has a UTF-8 locale while it reads. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "pack/files.h"
#include "pack/zip_directory.h"
#include "stream/keyset.h"
#include "stream/name.h"

enum { READ_SIZE = 1 << 18 };

struct contents {
	struct files files;
	struct archive *a;
	struct archive_entry *entry;
	int fd, zip;
	uint64_t count; /* entries of the directory of a zip archive */
	struct buf block; /* what libarchive reads */
	const char *path;   /* of the archive */
	const char *shown;  /* the current file, for messages */
	struct keyset keys; /* of records that are complete, with --together */
};

static int archive_fail(struct contents *c, const char *at, struct fail *f)
{
	const char *why = archive_error_string(c->a);
	if (archive_errno(c->a) == ENOMEM)
		return fail_memory_for(f, "an archive");
	return fail_set(f, "%s: damaged, truncated, or of a kind that cannot be read: %s", at, why ? why : "it ends too early");
}

/* libarchive reports a wrong checksum as a warning only. */
static int read_data(void *ctx, struct buf *data, struct fail *f)
{
	struct contents *c = ctx;
	const void *block;
	size_t n;
	int64_t offset;
	int got;
	while ((got = archive_read_data_block(c->a, &block, &n, &offset)) == ARCHIVE_OK) {
		if (offset != (int64_t)data->len)
			return fail_set(f, "%s: a sparse file: unpack the archive, and pack the directory", c->shown);
		if (n > RECORD_MAX_BYTES - data->len)
			return fail_set(f, "%s: larger than the limit of %zu bytes", c->shown, RECORD_MAX_BYTES);
		if (buf_add(data, block, n, f))
			return -1;
	}
	return got == ARCHIVE_EOF ? 0 : archive_fail(c, c->shown, f);
}

/* The name of a file without leading "/" and "./"; NULL if it cannot be converted, is empty, or leads out of the directory. */
static const char *name_of(struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);
	while (name && (*name == '/' || strncmp(name, "./", 2) == 0))
		name += *name == '/' ? 1 : 2;
	for (const char *p = name; p; p = strchr(p, '/'), p += p ? 1 : 0)
		if (strncmp(p, "..", 2) == 0 && (!p[2] || p[2] == '/'))
			return NULL;
	return name && *name ? name : NULL;
}

/* Whether a directory in the name begins with a dot. */
static int in_dot_directory(const char *name)
{
	for (const char *slash = strchr(name, '/'); slash; name = slash + 1, slash = strchr(name, '/'))
		if (*name == '.')
			return 1;
	return 0;
}

/* Refuses a key that comes back after other keys, as every other tool does. */
static int check_key(struct contents *c, const char *name, struct fail *f)
{
	const char *ext;
	size_t n = name_split(name, &ext), prefix = strlen(c->files.pack->prefix);
	const struct buf *key = &c->files.r.key;
	if (!c->files.open || (n && key->len == prefix + n && memcmp(key->p + prefix, name, n) == 0))
		return 0;
	if (keyset_add(&c->keys, key->p, key->len, f) < 0)
		return -1;
	struct buf next = {0};
	int added = n ? buf_addf(&next, f, "%s%.*s", c->files.pack->prefix, (int)n, name) ? -1 : keyset_add(&c->keys, next.p, next.len, f) : 1;
	buf_free(&next);
	return added < 0 ? -1 : added ? 0 : fail_set(f, "%s: the files of this name do not follow each other in the archive, as --together requires: unpack it, and pack the directory", c->shown);
}

/* Says what is wrong with a name that name_of() refuses. */
static int fail_name(const struct contents *c, struct archive_entry *e, struct fail *f)
{
	const struct pack *p = c->files.pack;
	const char *name = archive_entry_pathname(e), *what = !name ? "its name is not UTF-8" : !*name ? "it has no name" : "its name leads out of the directory";
	char shown[300];
	return fail_set(f, "%s: file %llu%s%s%s: %s: rename it in the archive, or unpack it and pack the directory", c->path, (unsigned long long)(p->seen + p->skipped + 1),
	                name && *name ? ", '" : "", name_show(shown, sizeof shown, name ? name : ""), name && *name ? "'" : "", what);
}

/* Returns 1 to continue, 0 at the limit, or -1. */
static int pack_entry(struct contents *c, struct archive_entry *e, struct fail *f)
{
	struct pack *p = c->files.pack;
	const char *name = name_of(e), *slash = name ? strrchr(name, '/') : NULL;
	if (archive_entry_filetype(e) == AE_IFDIR)
		return 1;
	if (!name)
		return fail_name(c, e, f);
	if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) || in_dot_directory(name) || !files_takes(slash ? slash + 1 : name)) {
		p->skipped++;
		return 1;
	}
	char shown[300];
	struct buf path = {0};
	if (buf_addf(&path, f, "%s/%s", c->path, name))
		return -1;
	c->shown = name_show(shown, sizeof shown, path.p);
	int go = archive_entry_is_encrypted(e)         ? fail_set(f, "%s is encrypted: unpack the archive, and pack the directory", c->shown)
	         : p->together && check_key(c, name, f) ? -1
	                                                : 1;
	if (go > 0)
		go = files_add(&c->files, path.p, name, (int64_t)archive_entry_mtime(e), read_data, c, f);
	buf_free(&path);
	return go;
}

/* Two entries may claim the same bytes; libarchive reads one of them. Without zip64, counts are modulo 65536. */
static int check_count(const struct contents *c, struct fail *f)
{
	uint64_t got = (uint64_t)archive_file_count(c->a);
	if (!c->zip || got == c->count || (c->count <= UINT16_MAX && (got & UINT16_MAX) == c->count))
		return 0;
	return fail_set(f, "%s: damaged: its directory names %llu files, and %llu are there", c->path, (unsigned long long)c->count, (unsigned long long)got);
}

static int pack_entries(struct contents *c, struct fail *f)
{
	for (int go = 1; go > 0;) {
		int got = archive_read_next_header2(c->a, c->entry);
		if (got == ARCHIVE_EOF)
			return check_count(c, f);
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
			return archive_fail(c, c->path, f);
		go = pack_entry(c, c->entry, f);
		if (go < 0)
			return -1;
	}
	return 0;
}

static int check_file(struct contents *c, struct fail *f)
{
	struct stat st;
	char head[2];
	if (fstat(c->fd, &st))
		return fail_errno(f, "%s", c->path);
	if (!S_ISREG(st.st_mode))
		return fail_set(f, "%s: an archive is read from a regular file, not from a pipe or device", c->path);
	c->zip = read_at(c->fd, head, 2, 0) == 2 && memcmp(head, "PK", 2) == 0;
	return c->zip ? zip_directory(c->fd, c->path, (uint64_t)st.st_size, &c->count, f) : 0;
}

static la_ssize_t on_read(struct archive *a, void *ctx, const void **block)
{
	struct contents *c = ctx;
	ssize_t n;
	*block = c->block.p;
	do
		n = read(c->fd, c->block.p, READ_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		archive_set_error(a, errno, "%s", strerror(errno));
	return n;
}

static la_int64_t on_seek(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
	const struct contents *c = ctx;
	off_t at = lseek(c->fd, offset, whence);
	if (at >= 0)
		return at;
	archive_set_error(a, errno, "%s", strerror(errno));
	return ARCHIVE_FATAL;
}

/* Not archive_read_open_fd() and archive_read_next_header(): without memory they crash (libarchive 3.6). */
static int open_archive(struct contents *c, struct fail *f)
{
	if (check_file(c, f) || buf_reserve(&c->block, READ_SIZE, f))
		return -1;
	struct archive *a = c->a = archive_read_new();
	c->entry = archive_entry_new();
	if (!a || !c->entry)
		return fail_memory(f);
	if (archive_read_support_format_zip(a) != ARCHIVE_OK || archive_read_support_format_7zip(a) != ARCHIVE_OK || archive_read_support_format_rar(a) != ARCHIVE_OK ||
	    archive_read_support_format_rar5(a) != ARCHIVE_OK || archive_read_set_read_callback(a, on_read) != ARCHIVE_OK ||
	    archive_read_set_seek_callback(a, on_seek) != ARCHIVE_OK || archive_read_set_callback_data(a, c) != ARCHIVE_OK || archive_read_open1(a) != ARCHIVE_OK)
		return archive_fail(c, c->path, f);
	return 0;
}

int pack_archive(struct pack *p, const char *path, struct fail *f)
{
	struct contents c = {.files = {.pack = p, .r = {.fields_member = -1}}, .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
	if (c.fd < 0)
		return fail_errno(f, "%s", path);
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before = utf8 ? uselocale(utf8) : (locale_t)0;
	int r = utf8 ? open_archive(&c, f) : fail_errno(f, "the locale C.UTF-8");
	r = r ? r : pack_entries(&c, f);
	r = files_end(&c.files, r, f);
	if (!r && !p->seen)
		r = fail_set(f, "%s has no records: %llu links, dot files, or names without an extension", path, (unsigned long long)p->skipped);
	archive_read_free(c.a);
	archive_entry_free(c.entry);
	buf_free(&c.block);
	keyset_free(&c.keys);
	if (utf8) {
		uselocale(before);
		freelocale(utf8);
	}
	close(c.fd);
	return r;
}
