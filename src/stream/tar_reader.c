/* Reads tar: v7, ustar, GNU and pax. tar_pax.c reads what pax headers say, tar_sparse.c sparse files.
 *
 * An archive is a sequence of blocks of 512 bytes. A member is a header block and its data, padded to whole blocks. Headers of
 * other types before it say more about it: GNU's L and K hold a long name and a long link target; pax's x holds records
 * `LENGTH KEYWORD=VALUE\n`, and g holds defaults for all members that follow. Two blocks of zeros end an archive. Only zeros
 * or another archive may follow.
 *
 * Headers are read strictly, since a guess loses records: a wrong checksum, a field that is not a number, a pax record of a wrong
 * length, a keyword that is not known, a sparse map that does not match the size are errors. Pax keywords of vendors
 * (`VENDOR.keyword`) that do not describe where data are and that nobody here needs are kept as they are. */
#include "stream/tar.h"

#include <stdlib.h>
#include <string.h>

#include "stream/name.h"
#include "stream/tar_state.h"

struct tar_reader *tar_open(tar_read_fn *read, void *ctx, struct fail *f)
{
	struct tar_reader *t = calloc(1, sizeof *t);
	if (!t) {
		fail_memory(f);
		return NULL;
	}
	t->read = read;
	t->ctx = ctx;
	return t;
}

static void free_extended(struct extended *s)
{
	tar_header_free(&s->h);
	buf_free(&s->sparse_name);
}

void tar_close(struct tar_reader *t)
{
	if (!t)
		return;
	free_extended(&t->all);
	free_extended(&t->next);
	buf_free(&t->text);
	buf_free(&t->kept);
	buf_free(&t->records);
	buf_free(&t->extents);
	free(t);
}

int tar_emptied(const struct tar_reader *t) { return t->emptied; }

/* ---- bytes ---- */

/* Whether there are delivered bytes (t->block, t->left): 1, 0 at the end, -1. */
static int refill(struct tar_reader *t, struct fail *f)
{
	if (t->left)
		return 1;
	const void *block;
	ptrdiff_t n = t->read(t->ctx, &block, f);
	if (n <= 0)
		return (int)n;
	t->block = block;
	t->left = (size_t)n;
	return 1;
}

/* n of the delivered bytes are read. */
static void take(struct tar_reader *t, size_t n)
{
	t->block += n;
	t->left -= n;
	t->bytes += n;
}

/* The next block: the number of its bytes, less than TAR_BLOCK at the end, -1. */
static int read_block(struct tar_reader *t, const char **block, struct fail *f)
{
	if (t->left >= TAR_BLOCK) {
		*block = t->block;
		take(t, TAR_BLOCK);
		return TAR_BLOCK;
	}
	size_t n = 0;
	*block = t->held;
	while (n < TAR_BLOCK) {
		int got = refill(t, f);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		size_t k = t->left < TAR_BLOCK - n ? t->left : TAR_BLOCK - n;
		memcpy(t->held + n, t->block, k);
		take(t, k);
		n += k;
	}
	return (int)n;
}

int tar_whole_block(struct tar_reader *t, const char **block, struct fail *f)
{
	int n = read_block(t, block, f);
	return n < 0 ? -1 : n < TAR_BLOCK ? fail_set(f, "truncated in its header") : 0;
}

static int all_zeros(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* ---- numbers ---- */

/* A numeric field, in octal or base 256: 1, 0 when it is blank, -1 when it is no number. */
static int parse_field(const char *p, size_t n, int64_t *v)
{
	*v = 0;
	if (*p & 0x80) {
		int64_t x = *p & 0x40 ? (signed char)*p : *p & 0x3f;
		for (size_t i = 1; i < n; i++) {
			if (x > INT64_MAX >> 8 || x < INT64_MIN >> 8)
				return -1;
			x = x * 256 + (unsigned char)p[i];
		}
		*v = x;
		return 1;
	}
	size_t i = 0, digits = 0;
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++, digits++)
		*v = *v * 8 + (p[i] - '0');
	for (; i < n; i++)
		if (p[i] && p[i] != ' ')
			return -1;
	return digits > 0;
}

int tar_field(const char *block, size_t at, size_t size, const char *what, int64_t min, int64_t *v, struct fail *f)
{
	return parse_field(block + at, size, v) < 0 || *v < min ? fail_set(f, "its header: '%s' is not a valid number", what) : 0;
}

/* ---- headers ---- */

int tar_is_header(const char *b)
{
	unsigned sum = 0;
	int other = 0; /* some old programs add signed bytes */
	for (int i = 0; i < TAR_BLOCK; i++) {
		sum += (unsigned char)b[i];
		other += (signed char)b[i];
	}
	for (int i = 148; i < 156; i++) {
		sum += ' ' - (unsigned)(unsigned char)b[i];
		other += ' ' - (signed char)b[i];
	}
	int64_t v;
	return parse_field(b + 148, 8, &v) == 1 && (v == (int64_t)sum || v == other);
}

/* Reads the data of an extended header into t->text. */
static int read_text(struct tar_reader *t, int64_t size, struct fail *f)
{
	t->text.len = 0;
	if (size > (int64_t)TAR_EXTENSION_MAX)
		return fail_set(f, "an extended header of %lld bytes is larger than the limit of %u", (long long)size, TAR_EXTENSION_MAX);
	if (buf_reserve(&t->text, (size_t)size, f))
		return -1;
	for (size_t left = (size_t)size; left;) {
		const char *b;
		size_t n = left < TAR_BLOCK ? left : TAR_BLOCK;
		if (tar_whole_block(t, &b, f) || buf_add(&t->text, b, n, f))
			return -1;
		left -= n;
	}
	return 0;
}

static int long_name(struct tar_reader *t, int has, struct buf *to, struct fail *f)
{
	size_t n = strnlen(t->text.p, t->text.len);
	if (t->have_long & has)
		return fail_set(f, "it has two long names");
	if (n == 0 || n == t->text.len || !all_zeros(t->text.p + n, t->text.len - n))
		return fail_set(f, "its long name is damaged");
	t->have_long |= has;
	if (t->next.has & has) /* pax goes first */
		return 0;
	t->next.has |= has;
	return pax_set_text(to, t->text.p, n, f);
}

/* A header that is no member: 1, 0 for other types, -1. */
static int extended_header(struct tar_reader *t, const char *b, struct fail *f)
{
	char type = b[156];
	int64_t size;
	if (!type || !strchr("xXgLKV", type))
		return 0;
	if (tar_field(b, 124, 12, "size", 0, &size, f) || read_text(t, size, f))
		return -1;
	if (type == 'V') /* the label of a tape */
		return 1;
	if (type == 'L' || type == 'K')
		return long_name(t, type == 'L' ? HAS_PATH : HAS_LINK, type == 'L' ? &t->next.h.name : &t->next.h.link, f) ? -1 : 1;
	if (type == 'g')
		t->emptied |= memmem(t->text.p, t->text.len, " comment=" TAR_EMPTIED "\n", sizeof " comment=" TAR_EMPTIED "\n" - 1) != NULL;
	if (type != 'g' && t->have_x++)
		return fail_set(f, "it has two pax headers");
	return pax_parse(t, type == 'g', f) ? -1 : 1;
}

static int add_name(struct buf *to, const char *b, size_t at, size_t size, struct fail *f)
{
	return buf_add(to, b + at, strnlen(b + at, size), f);
}

/* The member's own header. */
static int parse_header(const char *b, struct tar_header *h, int64_t *size, struct fail *f)
{
	int gnu = memcmp(b + 257, "ustar ", 6) == 0, ustar = !gnu && memcmp(b + 257, "ustar", 5) == 0;
	char type = b[156];
	size_t prefix = ustar ? strnlen(b + 345, memcmp(b + 508, "tar", 4) == 0 ? 131 : 155) : 0; /* star has times behind a shorter one */
	int64_t mode;
	if ((prefix && (buf_add(&h->name, b + 345, prefix, f) || buf_add(&h->name, "/", 1, f))) || add_name(&h->name, b, 0, 100, f) ||
	    add_name(&h->link, b, 157, 100, f) || add_name(&h->uname, b, 265, ustar || gnu ? 32 : 0, f) || add_name(&h->gname, b, 297, ustar || gnu ? 32 : 0, f))
		return -1;
	if (tar_field(b, 100, 8, "mode", 0, &mode, f) || tar_field(b, 108, 8, "uid", 0, &h->uid, f) || tar_field(b, 116, 8, "gid", 0, &h->gid, f) ||
	    tar_field(b, 124, 12, "size", 0, size, f) || tar_field(b, 136, 12, "mtime", INT64_MIN, &h->mtime.sec, f))
		return -1;
	h->mtime.set = 1;
	h->mode = (unsigned)mode & 07777;
	if (gnu) { /* times that GNU tar writes in incremental archives */
		h->atime.set = parse_field(b + 345, 12, &h->atime.sec) == 1 && h->atime.sec > 0;
		h->ctime.set = parse_field(b + 357, 12, &h->ctime.sec) == 1 && h->ctime.sec > 0;
	}
	/* before ustar, a directory was a file whose name ends in a slash */
	int slash = h->name.len && h->name.p[h->name.len - 1] == '/';
	if (slash && (type == 0 || (type == '0' && !ustar && !gnu)))
		type = TAR_DIRECTORY;
	if (type == 0 || type == '7' || type == 'S')
		type = TAR_FILE;
	if (type < '0' || type > '6') {
		char c[2] = {type, 0}, shown[16];
		return fail_set(f, "its type '%s' is not supported", name_show(shown, sizeof shown, c));
	}
	h->type = (enum tar_type)type;
	if ((h->type == TAR_CHAR || h->type == TAR_DEVICE) &&
	    (tar_field(b, 329, 8, "devmajor", 0, &h->devmajor, f) || tar_field(b, 337, 8, "devminor", 0, &h->devminor, f)))
		return -1;
	return 0;
}

/* Replaces what the header says by what extended headers say. */
static int apply(const struct extended *s, struct tar_header *h, int64_t *size, struct fail *f)
{
	if (((s->has & HAS_PATH) && pax_set_text(&h->name, s->h.name.p, s->h.name.len, f)) || ((s->has & HAS_LINK) && pax_set_text(&h->link, s->h.link.p, s->h.link.len, f)) ||
	    ((s->has & HAS_UNAME) && pax_set_text(&h->uname, s->h.uname.p, s->h.uname.len, f)) ||
	    ((s->has & HAS_GNAME) && pax_set_text(&h->gname, s->h.gname.p, s->h.gname.len, f)) ||
	    ((s->has & SPARSE_NAME) && pax_set_text(&h->name, s->sparse_name.p, s->sparse_name.len, f)))
		return -1;
	if (s->has & HAS_UID)
		h->uid = s->h.uid;
	if (s->has & HAS_GID)
		h->gid = s->h.gid;
	if (s->has & HAS_SIZE)
		*size = s->size;
	if (s->has & HAS_MTIME)
		h->mtime = s->h.mtime;
	if (s->has & HAS_ATIME)
		h->atime = s->h.atime;
	if (s->has & HAS_CTIME)
		h->ctime = s->h.ctime;
	if (s->has & HAS_MAJOR)
		h->devmajor = s->h.devmajor;
	if (s->has & HAS_MINOR)
		h->devminor = s->h.devminor;
	return 0;
}

/* ---- members ---- */

static int open_member(struct tar_reader *t, const char *header, struct tar_header *h, struct fail *f)
{
	char b[TAR_BLOCK];
	int64_t size = 0;
	memcpy(b, header, TAR_BLOCK); /* further blocks are read while it is in use */
	if (parse_header(b, h, &size, f) || apply(&t->all, h, &size, f) || apply(&t->next, h, &size, f) || pax_add_kept(t, h, f))
		return -1;
	if (h->name.len == 0)
		return fail_set(f, "a member without a name");
	t->sparse = 0;
	t->at = t->extent = t->used = 0;
	t->size = t->stored = h->type == TAR_FILE ? (uint64_t)size : 0;
	t->padding = -t->stored % TAR_BLOCK;
	if (b[156] == 'S' || (t->next.has & SPARSE)) {
		if (h->type != TAR_FILE)
			return fail_set(f, "a sparse map of a member that is no file");
		if (sparse_open(t, b, f))
			return -1;
	}
	return 1;
}

/* Prepares for the headers of the next member. */
static void forget(struct tar_reader *t)
{
	t->next.has = t->have_x = t->have_long = 0;
	t->next.sparse_size = 0;
	t->kept.len = t->records.len = t->extents.len = 0;
}

static int end_of_input(const struct tar_reader *t, const char *b, size_t n, struct fail *f)
{
	if (t->bytes == 0)
		return fail_set(f, "empty input (0 bytes): the program that writes it has failed, or wrote no stream of records");
	if (t->zeros >= 2)
		return all_zeros(b, n) ? 0 : fail_set(f, "bytes after the end-of-archive that are not tar");
	if (n && !all_zeros(b, n))
		return t->bytes < TAR_BLOCK ? fail_set(f, "not a tar stream (plain, zstd, gzip, xz, lz4 or bzip2), or truncated in its first header")
		                            : fail_set(f, "truncated: a header of %zu bytes", n);
	return fail_set(f, "truncated: no end-of-archive (1024 zero bytes); if the archive is complete, append it: "
	                   "{ cat FILE; head -c 1024 /dev/zero; }");
}

int tar_next(struct tar_reader *t, struct tar_header *h, uint64_t *size, struct fail *f)
{
	const void *piece;
	ptrdiff_t skipped;
	while ((skipped = tar_data(t, &piece, f)) != 0)
		if (skipped < 0)
			return -1;
	tar_header_clear(h);
	forget(t);
	for (;;) {
		const char *b;
		int n = read_block(t, &b, f), extended = t->have_x || t->have_long;
		if (n < 0)
			return -1;
		if (extended && (n < TAR_BLOCK || all_zeros(b, TAR_BLOCK)))
			return fail_set(f, "truncated after an extended header");
		if (n < TAR_BLOCK)
			return end_of_input(t, b, (size_t)n, f);
		if (all_zeros(b, TAR_BLOCK)) {
			t->zeros += t->zeros < 2;
			continue;
		}
		if (!tar_is_header(b))
			return t->zeros == 2               ? fail_set(f, "bytes after the end-of-archive that are not tar")
			       : t->bytes == TAR_BLOCK ? fail_set(f, "not a tar stream (plain, zstd, gzip, xz, lz4 or bzip2)")
			                               : fail_set(f, "damaged: no header, or one with a wrong checksum, at byte %llu of the tar", (unsigned long long)t->bytes - TAR_BLOCK);
		if (t->zeros == 1)
			return fail_set(f, "damaged: a member after half an end-of-archive");
		if (t->zeros == 2)
			t->all.has = 0; /* another archive */
		t->zeros = 0;
		int got = extended_header(t, b, f);
		if (got == 0)
			got = open_member(t, b, h, f);
		else if (got > 0)
			continue;
		if (got < 0 && h->name.len == 0 && (t->next.has & HAS_PATH) && t->next.h.name.len)
			(void)!buf_add(&h->name, t->next.h.name.p, t->next.h.name.len, &(struct fail){{0}});
		*size = t->size;
		return got;
	}
}

ptrdiff_t tar_stored_piece(struct tar_reader *t, uint64_t most, const void **piece, struct fail *f)
{
	int got = refill(t, f);
	if (got < 0)
		return -1;
	if (got == 0)
		return fail_set(f, "truncated: %llu bytes of its data are missing", (unsigned long long)t->stored);
	size_t n = t->left < most ? t->left : (size_t)most;
	*piece = t->block;
	take(t, n);
	t->stored -= n;
	t->at += n;
	return (ptrdiff_t)n;
}

ptrdiff_t tar_data(struct tar_reader *t, const void **piece, struct fail *f)
{
	if (t->at < t->size)
		return t->sparse ? sparse_piece(t, piece, f) : tar_stored_piece(t, t->stored, piece, f);
	while (t->padding) {
		int got = refill(t, f);
		if (got <= 0)
			return got < 0 ? -1 : fail_set(f, "truncated in the padding after its data");
		size_t n = t->left < t->padding ? t->left : t->padding;
		take(t, n);
		t->padding -= n;
	}
	return 0;
}
