/* Decompresses an input (gzip is decompressed by source.c).
 *
 * The first block of an input tells what it is. An input that begins with a tar header is plain, even if the name in it begins
 * like a compressed file. zstd, xz and lz4 are decompressed by frames.c, bzip2 by libarchive, which is given it as an archive of its `raw`
 * format. libarchive stops where a compressed stream ends; only zeros may follow. */
#include "stream/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream/frames.h"
#include "stream/tar.h"

struct decompressor {
	struct source *src;
	enum { UNKNOWN, PLAIN, ARCHIVE, ZSTD, XZ, LZ4, OLD_LZ4 } kind; /* from ZSTD on: of frames.c */
	char head[TAR_BLOCK]; /* the first bytes, where the first block is smaller */
	const void *first, *rest; /* the first block, and what the source delivered behind `head`, until they are delivered */
	size_t first_size, rest_size;
	/* zstd, xz, lz4 */
	struct frames *frames;
	const char *in; /* not yet decompressed */
	size_t left;
	/* libarchive */
	struct archive *a;
	struct archive_entry *entry;
	struct fail read_error;
	uint64_t bytes_in;
	const void *last_block;
	size_t last_size;
};

struct decompressor *decompress_open(struct source *src, struct fail *f)
{
	struct decompressor *d = calloc(1, sizeof *d);
	if (!d) {
		fail_memory(f);
		return NULL;
	}
	d->src = src;
	return d;
}

void decompress_close(struct decompressor *d)
{
	if (!d)
		return;
	archive_read_free(d->a);
	archive_entry_free(d->entry);
	frames_close(d->frames);
	free(d);
}

static ptrdiff_t next_input(struct decompressor *d, const void **block, struct fail *f)
{
	if (!d->first)
		return source_read(d->src, block, f);
	ptrdiff_t n = (ptrdiff_t)d->first_size;
	*block = d->first;
	d->first = d->rest_size ? d->rest : NULL;
	d->first_size = d->rest_size;
	d->rest_size = 0;
	return n;
}

static ptrdiff_t read_frames(struct decompressor *d, const void **block, struct fail *f)
{
	for (;;) {
		ptrdiff_t got = frames_read(d->frames, &d->in, &d->left, block, f);
		if (got)
			return got;
		const void *p;
		got = next_input(d, &p, f);
		if (got <= 0)
			return got < 0 ? -1 : frames_end(d->frames, f);
		d->in = p;
		d->left = (size_t)got;
	}
}

/* ---- libarchive ---- */

/* Memory that it takes: for names and messages; for a decoder of bzip2, with the first bytes. */
enum { STRINGS = 1 << 16, DECODER = 4 << 20 };

static la_ssize_t on_read(struct archive *a, void *ctx, const void **block)
{
	struct decompressor *d = ctx;
	ptrdiff_t n = next_input(d, block, &d->read_error);
	if (n < 0) {
		archive_set_error(a, EIO, "cannot read");
	} else if (n > 0) {
		d->bytes_in += (uint64_t)n;
		d->last_block = *block;
		d->last_size = (size_t)n;
	}
	return n;
}

static int archive_fail(struct decompressor *d, struct fail *f)
{
	const char *why = archive_error_string(d->a);
	if (d->read_error.msg[0]) {
		*f = d->read_error;
		return -1;
	}
	if (archive_errno(d->a) == ENOMEM)
		return fail_memory_for(f, "a decoder");
	return fail_set(f, "damaged or truncated: %s", why ? why : "unknown error");
}

/* libarchive ends the process where it has no memory for a name or a message of its own. It is not called when there is hardly any; and
 * as its buffer for messages grows but never shrinks, it gets a long message first, after which it needs no more memory for others. */
static int check_memory(size_t bytes, struct fail *f)
{
	void *p = malloc(bytes);
	free(p);
	return p ? 0 : fail_memory_for(f, "a decoder");
}

static int open_archive(struct decompressor *d, struct fail *f)
{
	/* a decoder that lacks memory says that the data are damaged */
	if (check_memory(STRINGS + DECODER, f))
		return -1;
	struct archive *a = d->a = archive_read_new();
	d->entry = archive_entry_new();
	if (!a || !d->entry)
		return fail_memory(f);
	if (archive_read_support_format_raw(a) != ARCHIVE_OK || archive_read_support_format_empty(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK)
		return fail_set(f, "this libarchive lacks a filter: %s", archive_error_string(a));
	archive_set_error(a, 0, "%1000s", "");
	archive_clear_error(a);
	/* archive_read_open() ignores that it could not allocate the callback's data (3.6), and crashes later. */
	if (archive_read_set_read_callback(a, on_read) != ARCHIVE_OK || archive_read_set_callback_data(a, d) != ARCHIVE_OK)
		return fail_set(f, "libarchive: %s", archive_error_string(a));
	if (archive_read_open1(a) != ARCHIVE_OK)
		return archive_fail(d, f);
	if (check_memory(STRINGS, f)) /* the decoder has taken its own */
		return -1;
	int got = archive_read_next_header2(a, d->entry);
	return got == ARCHIVE_OK || got == ARCHIVE_EOF ? 0 : archive_fail(d, f);
}

/* The compressed stream has ended: only zeros may follow. Reads them, since the writer of a pipe would die of SIGPIPE. */
static int check_rest(struct decompressor *d, struct fail *f)
{
	uint64_t consumed = (uint64_t)archive_filter_bytes(d->a, -1);
	size_t left = consumed < d->bytes_in ? (size_t)(d->bytes_in - consumed) : 0;
	if (!d->last_block)
		return 0;
	if (left > d->last_size)
		left = d->last_size;
	for (const char *p = (const char *)d->last_block + d->last_size - left;;) {
		for (size_t i = 0; i < left; i++)
			if (p[i])
				return fail_set(f, "bytes after the end of the compressed stream that are not compressed");
		const void *block;
		ptrdiff_t n = next_input(d, &block, f);
		if (n <= 0)
			return (int)n;
		p = block;
		left = (size_t)n;
	}
}

static ptrdiff_t read_archive(struct decompressor *d, const void **block, struct fail *f)
{
	size_t n;
	int64_t offset;
	int got;
	if (check_memory(STRINGS, f))
		return -1;
	do
		got = archive_read_data_block(d->a, block, &n, &offset);
	while (got == ARCHIVE_OK && n == 0);
	return got == ARCHIVE_OK ? (ptrdiff_t)n : got == ARCHIVE_EOF ? check_rest(d, f) : archive_fail(d, f);
}

/* ---- the first block ---- */

/* A frame that decoders skip, before one of lz4 or zstd. */
static int is_skippable(const char *p, size_t n) { return n >= 8 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0; }

static int recognise(const char *p, size_t n)
{
	static const struct {
		const char *magic;
		size_t len;
		int kind;
	} known[] = {{"\x28\xb5\x2f\xfd", 4, ZSTD}, {"\xfd" "7zXZ", 6, XZ}, {"\x04\x22\x4d\x18", 4, LZ4}, {"\x02\x21\x4c\x18", 4, OLD_LZ4}, {"BZh", 3, ARCHIVE}};
	if (n >= TAR_BLOCK && tar_is_header(p))
		return PLAIN;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (n >= known[i].len && memcmp(p, known[i].magic, known[i].len) == 0)
			return known[i].kind;
	if (!is_skippable(p, n))
		return PLAIN;
	size_t next = 8 + ((unsigned char)p[4] | (size_t)(unsigned char)p[5] << 8 | (size_t)(unsigned char)p[6] << 16 | (size_t)(unsigned char)p[7] << 24);
	return n >= 4 && next <= n - 4 && memcmp(p + next, known[0].magic, 4) == 0 ? ZSTD : LZ4;
}

static int begin(struct decompressor *d, struct fail *f)
{
	const void *block;
	size_t n = 0;
	ptrdiff_t got;
	while ((got = source_read(d->src, &block, f)) > 0) {
		if (n == 0 && got >= TAR_BLOCK) {
			d->first = block;
			n = (size_t)got;
			break;
		}
		size_t k = (size_t)got < TAR_BLOCK - n ? (size_t)got : TAR_BLOCK - n;
		memcpy(d->head + n, block, k);
		n += k;
		d->first = d->head;
		if (n == TAR_BLOCK) {
			/* the rest of the block follows the head */
			d->rest = (const char *)block + k;
			d->rest_size = (size_t)got - k;
			break;
		}
	}
	if (got < 0)
		return -1;
	d->first_size = n;
	d->kind = n ? recognise(d->first, n) : PLAIN;
	if (d->kind >= ZSTD)
		d->frames = frames_open(FRAMES_ZSTD + (d->kind - ZSTD), f); /* in the same order */
	return d->kind == ARCHIVE ? open_archive(d, f) : d->kind >= ZSTD && !d->frames ? -1 : 0;
}

ptrdiff_t decompress_read(struct decompressor *d, const void **block, struct fail *f)
{
	if (d->kind == UNKNOWN && begin(d, f))
		return -1;
	return d->kind >= ZSTD ? read_frames(d, block, f) : d->kind == ARCHIVE ? read_archive(d, block, f) : next_input(d, block, f);
}
