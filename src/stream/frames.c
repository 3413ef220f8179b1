/* Each format has a function that decompresses what there is, and says whether it is in a frame. The libraries verify the checksums.
 *
 * Between frames, zeros are skipped. Xz allows another stream behind padding of whole 4 bytes; behind other zeros nothing may follow.
 *
 * Lz4 in its old form is a sequence of words: the magic number, or the size of a block, which follows it. It has no end and no checksum. */
#include "stream/frames.h"

#include <bzlib.h>
#include <limits.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { OUT = 1 << 18 };
/* What an xz decoder may take: a dictionary of 128 MiB, as the window of zstd. */
#define XZ_MEMORY ((128ull << 20) + (1 << 20))
enum { OLD_MAGIC = 0x184c2102, OLD_BLOCK = 8 << 20 }; /* bytes of a block, decompressed */

struct frames {
	enum frame_format format;
	int in_frame, complete; /* complete: at least one frame */
	int more;               /* the output was full: there may be more without further input */
	size_t zeros;           /* since the last frame */
	const char *in;         /* of the call */
	size_t left;
	ZSTD_DCtx *zstd;
	lzma_stream xz;
	bz_stream bzip2;
	int bzip2_open;
	LZ4F_dctx *lz4;
	/* lz4 in its old form */
	char *block, *text;     /* a word or block, and a block decompressed */
	size_t have, size;      /* of the block, of which `have` are there; size 0: of a word */
	int padding;            /* there was a word of 0: only zeros may follow */
	char out[OUT];
};

static const char *const names[] = {"zstd", "xz", "lz4", "lz4", "bzip2"};

struct frames *frames_open(enum frame_format format, struct fail *f)
{
	struct frames *d = malloc(sizeof *d);
	if (d) {
		memset(d, 0, offsetof(struct frames, out));
		d->format = format;
		d->xz = (lzma_stream)LZMA_STREAM_INIT;
		if (format == FRAMES_ZSTD)
			d->zstd = ZSTD_createDCtx();
		if (format == FRAMES_LZ4 && LZ4F_isError(LZ4F_createDecompressionContext(&d->lz4, LZ4F_VERSION)))
			d->lz4 = NULL;
		if (format == FRAMES_OLD_LZ4) {
			d->block = malloc((size_t)LZ4_compressBound(OLD_BLOCK));
			d->text = malloc(OLD_BLOCK);
		}
		if (format == FRAMES_XZ || format == FRAMES_BZIP2 || d->zstd || d->lz4 || (d->block && d->text))
			return d;
	}
	frames_close(d);
	fail_memory_for(f, "a decoder of %s", names[format]);
	return NULL;
}

void frames_close(struct frames *d)
{
	if (!d)
		return;
	ZSTD_freeDCtx(d->zstd);
	lzma_end(&d->xz);
	if (d->bzip2_open)
		BZ2_bzDecompressEnd(&d->bzip2);
	LZ4F_freeDecompressionContext(d->lz4);
	free(d->block);
	free(d->text);
	free(d);
}

/* Records what a call has done. */
static ptrdiff_t progress(struct frames *d, size_t taken, size_t made, int ended)
{
	d->in += taken;
	d->left -= taken;
	d->in_frame = !ended;
	d->complete |= ended;
	d->more = !ended && made == OUT;
	return (ptrdiff_t)made;
}

/* Behind a frame there is something else; an input that is not the format at all does not come here. */
static int no_frame(const struct frames *d, struct fail *f)
{
	return fail_set(f, "bytes after the end of the %s stream that are not %s", names[d->format], names[d->format]);
}

static ptrdiff_t read_zstd(struct frames *d, struct fail *f)
{
	ZSTD_outBuffer out = {d->out, OUT, 0};
	ZSTD_inBuffer in = {d->in, d->left, 0};
	size_t r = ZSTD_decompressStream(d->zstd, &out, &in);
	if (!ZSTD_isError(r))
		return progress(d, in.pos, out.pos, r == 0);
	switch (ZSTD_getErrorCode(r)) {
	case ZSTD_error_memory_allocation:
		return fail_memory_for(f, "a decoder of zstd");
	case ZSTD_error_frameParameter_windowTooLarge:
		return fail_set(f, "zstd with a window of more than 128 MiB: decompress it with `zstd -dc --long=31`");
	case ZSTD_error_prefix_unknown:
		return no_frame(d, f);
	default:
		return fail_set(f, "damaged or truncated: zstd: %s", ZSTD_getErrorName(r));
	}
}

static ptrdiff_t read_xz(struct frames *d, struct fail *f)
{
	lzma_ret r = d->in_frame ? LZMA_OK : lzma_stream_decoder(&d->xz, XZ_MEMORY, LZMA_TELL_UNSUPPORTED_CHECK);
	if (r == LZMA_OK) {
		d->xz.next_in = (const uint8_t *)d->in;
		d->xz.avail_in = d->left;
		d->xz.next_out = (uint8_t *)d->out;
		d->xz.avail_out = OUT;
		r = lzma_code(&d->xz, LZMA_RUN);
	}
	switch (r) {
	case LZMA_OK:
	case LZMA_STREAM_END:
	case LZMA_BUF_ERROR: /* it needs more input */
		return progress(d, d->left - d->xz.avail_in, OUT - d->xz.avail_out, r == LZMA_STREAM_END);
	case LZMA_MEM_ERROR:
		return fail_memory_for(f, "a decoder of xz");
	case LZMA_MEMLIMIT_ERROR:
		return fail_set(f, "xz with a dictionary of more than 128 MiB: decompress it with `xz -dc`");
	case LZMA_FORMAT_ERROR:
		return no_frame(d, f);
	case LZMA_OPTIONS_ERROR:
	case LZMA_UNSUPPORTED_CHECK:
		return fail_set(f, "xz with a filter or a checksum that is not supported, or damaged");
	default:
		return fail_set(f, "damaged or truncated: xz: the data do not match their checksum, or are not valid");
	}
}

/* A decoder is for one stream. */
static ptrdiff_t read_bzip2(struct frames *d, struct fail *f)
{
	size_t n = d->left < UINT_MAX ? d->left : UINT_MAX;
	if (!d->bzip2_open) {
		d->bzip2 = (bz_stream){.bzalloc = NULL};
		if (BZ2_bzDecompressInit(&d->bzip2, 0, 0) != BZ_OK)
			return fail_memory_for(f, "a decoder of bzip2");
		d->bzip2_open = 1;
	}
	d->bzip2.next_in = (char *)(uintptr_t)d->in; /* which is only read */
	d->bzip2.avail_in = (unsigned)n;
	d->bzip2.next_out = d->out;
	d->bzip2.avail_out = OUT;
	int r = BZ2_bzDecompress(&d->bzip2);
	switch (r) {
	case BZ_OK:
		break;
	case BZ_STREAM_END:
		d->bzip2_open = 0;
		break;
	case BZ_MEM_ERROR:
		return fail_memory_for(f, "a decoder of bzip2");
	case BZ_DATA_ERROR_MAGIC:
		return no_frame(d, f);
	default:
		return fail_set(f, "damaged or truncated: bzip2: the data do not match their checksum, or are not valid");
	}
	size_t taken = n - d->bzip2.avail_in, made = OUT - d->bzip2.avail_out;
	if (r == BZ_STREAM_END)
		BZ2_bzDecompressEnd(&d->bzip2);
	return progress(d, taken, made, r == BZ_STREAM_END);
}

static ptrdiff_t read_lz4(struct frames *d, struct fail *f)
{
	size_t taken = d->left, made = OUT, r = LZ4F_decompress(d->lz4, d->out, &made, d->in, &taken, NULL);
	if (!LZ4F_isError(r))
		return progress(d, taken, made, r == 0);
	const char *why = LZ4F_getErrorName(r); /* the codes are not in the stable interface */
	if (strcmp(why, "ERROR_allocation_failed") == 0)
		return fail_memory_for(f, "a decoder of lz4");
	return strcmp(why, "ERROR_frameType_unknown") == 0 ? no_frame(d, f) : fail_set(f, "damaged or truncated: lz4: %s", why);
}

/* Takes bytes until there are n: whether they are there. */
static int gather(struct frames *d, size_t n)
{
	size_t k = d->left < n - d->have ? d->left : n - d->have;
	memcpy(d->block + d->have, d->in, k);
	d->have += k;
	d->in += k;
	d->left -= k;
	return d->have == n;
}

static ptrdiff_t read_old_lz4(struct frames *d, struct fail *f)
{
	if (d->padding) {
		while (d->left && !*d->in)
			d->in++, d->left--;
		return d->left ? no_frame(d, f) : 0;
	}
	if (!d->size) {
		if (!gather(d, 4))
			return 0;
		const unsigned char *b = (const unsigned char *)d->block;
		size_t word = b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
		d->have = 0;
		d->padding = word == 0;
		if (word == OLD_MAGIC || word == 0)
			return 0;
		if (word > (size_t)LZ4_compressBound(OLD_BLOCK))
			return no_frame(d, f);
		d->size = word;
	}
	if (!gather(d, d->size))
		return 0;
	int n = LZ4_decompress_safe(d->block, d->text, (int)d->size, OLD_BLOCK);
	d->have = d->size = 0;
	return n < 0 ? fail_set(f, "damaged or truncated: lz4: a block is not valid") : n;
}

/* Whether a frame, or one that decoders skip, may begin with this byte. */
static int may_begin(enum frame_format format, char c)
{
	if (format == FRAMES_XZ || format == FRAMES_BZIP2)
		return c == (format == FRAMES_XZ ? '\xfd' : 'B');
	return c == (format == FRAMES_ZSTD ? '\x28' : '\x04') || (c & 0xf0) == 0x50;
}

/* Skips zeros between frames: 1 if a frame may begin, 0 if there is no input left, -1. The decoders say what is no frame only
 * once they have a whole header. */
static int skip_zeros(struct frames *d, struct fail *f)
{
	while (d->left && !*d->in) {
		d->in++;
		d->left--;
		d->zeros++;
	}
	if (!d->left)
		return 0;
	if (!may_begin(d->format, *d->in) || (d->zeros && (d->format != FRAMES_XZ || d->zeros % 4)))
		return no_frame(d, f);
	d->zeros = 0;
	return 1;
}

static ptrdiff_t (*const read_format[])(struct frames *d, struct fail *f) = {read_zstd, read_xz, read_lz4, read_old_lz4, read_bzip2};

ptrdiff_t frames_read(struct frames *d, const char **in, size_t *n, const void **block, struct fail *f)
{
	ptrdiff_t got = 0;
	d->in = *in;
	d->left = *n;
	*block = d->format == FRAMES_OLD_LZ4 ? d->text : d->out;
	while (got == 0 && (d->left || d->more)) {
		int go = d->complete && !d->in_frame ? skip_zeros(d, f) : 1;
		got = go <= 0 ? go : read_format[d->format](d, f);
	}
	*in = d->in;
	*n = d->left;
	return got;
}

int frames_end(const struct frames *d, struct fail *f)
{
	int open = d->in_frame || d->size;
	for (size_t i = 0; i < d->have; i++)
		open |= d->block[i] != 0;
	return open ? fail_set(f, "truncated: the %s frame is not complete", names[d->format]) : 0;
}
