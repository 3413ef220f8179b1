/* Decompresses an input (gzip is decompressed by source.c).
 *
 * The first block of an input tells what it is. An input that begins with a tar header is plain, even if the name in it begins
 * like a compressed file. */
#include "stream/decompress.h"

#include <stdlib.h>
#include <string.h>

#include "stream/frames.h"
#include "stream/tar.h"

struct decompressor {
	struct source *src;
	enum { UNKNOWN, PLAIN, ZSTD, XZ, LZ4, OLD_LZ4, BZIP2 } kind; /* from ZSTD on: of frames.c */
	char head[TAR_BLOCK]; /* the first bytes, where the first block is smaller */
	const void *first, *rest; /* the first block, and what the source delivered behind `head`, until they are delivered */
	size_t first_size, rest_size;
	/* all but plain */
	struct frames *frames;
	const char *in; /* not yet decompressed */
	size_t left;
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

/* ---- the first block ---- */

/* A frame that decoders skip, before one of lz4 or zstd. */
static int is_skippable(const char *p, size_t n) { return n >= 8 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0; }

static int recognise(const char *p, size_t n)
{
	static const struct {
		const char *magic;
		size_t len;
		int kind;
	} known[] = {{"\x28\xb5\x2f\xfd", 4, ZSTD}, {"\xfd" "7zXZ", 6, XZ}, {"\x04\x22\x4d\x18", 4, LZ4}, {"\x02\x21\x4c\x18", 4, OLD_LZ4}, {"BZh", 3, BZIP2}};
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
	return d->kind >= ZSTD && !d->frames ? -1 : 0;
}

ptrdiff_t decompress_read(struct decompressor *d, const void **block, struct fail *f)
{
	if (d->kind == UNKNOWN && begin(d, f))
		return -1;
	return d->kind >= ZSTD ? read_frames(d, block, f) : next_input(d, block, f);
}
