#include "input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAX_DIMS 4
#define MAX_ITEM (3 * (size_t)INPUT_MAX_PIXELS)

/* zlib's gzread() takes a gzip file cut in its last 8 bytes for a whole one when an item ends
 * where its buffer does; inflate() tells, and is as short. */
struct idx {
	FILE *file;
	char *path;
	int gzip;     /* else plain, z only holds what was read ahead */
	int boundary; /* gzip: before the first byte of a member, where the file may end */
	z_stream z;
	int ndim;
	size_t dim[MAX_DIMS], item, next;
	uint8_t in[1 << 16];
};

/* Reads ahead: 1, 0 at the end of the file, -1. */
static int fill(struct idx *x, struct fail *f)
{
	if (x->z.avail_in)
		return 1;
	x->z.next_in = x->in;
	x->z.avail_in = (uInt)fread(x->in, 1, sizeof x->in, x->file);
	if (ferror(x->file))
		return fail_errno(f, "%s", x->path);
	return x->z.avail_in > 0;
}

/* Up to n bytes of the uncompressed file; fewer only at its end. */
static int read_bytes(struct idx *x, void *to, size_t n, size_t *got, struct fail *f)
{
	x->z.next_out = to;
	x->z.avail_out = (uInt)n;
	while (x->z.avail_out) {
		int r = fill(x, f);
		if (r < 0)
			return -1;
		if (!r && x->gzip && !x->boundary)
			return fail_set(f, "%s: gzip file is cut short", x->path);
		if (!r)
			break;
		if (!x->gzip) {
			uInt m = x->z.avail_in < x->z.avail_out ? x->z.avail_in : x->z.avail_out;
			memcpy(x->z.next_out, x->z.next_in, m);
			x->z.next_in += m, x->z.avail_in -= m;
			x->z.next_out += m, x->z.avail_out -= m;
			continue;
		}
		x->boundary = 0;
		r = inflate(&x->z, Z_NO_FLUSH);
		if (r == Z_STREAM_END) { /* another member may follow */
			x->boundary = 1;
			r = inflateReset(&x->z);
		}
		if (r != Z_OK)
			return fail_set(f, "%s: gzip file is damaged: %s", x->path, x->z.msg ? x->z.msg : zError(r));
	}
	*got = n - x->z.avail_out;
	return 0;
}

static int read_header(struct idx *x, struct fail *f)
{
	static const char *const type[] = {[0x09] = "int8",  [0x0b] = "int16",   [0x0c] = "int32",
	                                   [0x0d] = "float", [0x0e] = "double"};
	uint8_t h[4 + 4 * MAX_DIMS];
	size_t got;
	int r = fill(x, f);
	if (r < 0)
		return -1;
	x->gzip = r && x->z.avail_in > 1 && x->in[0] == 0x1f && x->in[1] == 0x8b;
	if (x->gzip && inflateInit2(&x->z, 15 + 16) != Z_OK)
		return fail_set(f, "%s: out of memory for a gzip decoder", x->path);
	if (read_bytes(x, h, 4, &got, f))
		return -1;
	if (got < 4 || h[0] || h[1])
		return fail_set(f, "%s: not an IDX file: it does not start with two zero bytes, a type and a count", x->path);
	if (h[2] != 0x08)
		return fail_set(f, "%s: IDX file of type 0x%02x (%s) where 0x08 (unsigned byte) was wanted", x->path, h[2],
		                h[2] < sizeof type / sizeof *type && type[h[2]] ? type[h[2]] : "unknown");
	x->ndim = h[3];
	if (x->ndim < 1 || x->ndim > MAX_DIMS)
		return fail_set(f, "%s: IDX file of %d dimensions where 1 to %d were wanted", x->path, x->ndim, MAX_DIMS);
	if (read_bytes(x, h + 4, 4 * (size_t)x->ndim, &got, f))
		return -1;
	if (got < 4 * (size_t)x->ndim)
		return fail_set(f, "%s: IDX file ends within its header", x->path);
	x->item = 1;
	for (int i = 0; i < x->ndim; i++) {
		const uint8_t *b = h + 4 + 4 * i;
		x->dim[i] = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
		if (!x->dim[i])
			return fail_set(f, "%s: dimension %d of the IDX file is 0", x->path, i + 1);
		if (i && x->dim[i] > MAX_ITEM / x->item)
			return fail_set(f, "%s: an item of the IDX file is larger than the limit of %zu bytes", x->path, MAX_ITEM);
		x->item *= i ? x->dim[i] : 1;
	}
	return 0;
}

struct idx *idx_open(const char *path, struct fail *f)
{
	struct idx *x = calloc(1, sizeof *x);
	if (!x || !(x->path = strdup(path))) {
		free(x);
		fail_set(f, "out of memory for an IDX file");
		return NULL;
	}
	x->file = fopen(path, "rbe");
	if (!x->file)
		fail_errno(f, "%s", path);
	else if (!read_header(x, f))
		return x;
	idx_close(x);
	return NULL;
}

int idx_ndim(const struct idx *x)
{
	return x->ndim;
}

size_t idx_dim(const struct idx *x, int i)
{
	return x->dim[i];
}

int idx_next(struct idx *x, uint8_t *item, struct fail *f)
{
	size_t got;
	uint8_t extra;
	if (x->next < x->dim[0]) {
		if (read_bytes(x, item, x->item, &got, f))
			return -1;
		if (got < x->item)
			return fail_set(f, "%s: IDX file is cut short in item %zu of %zu", x->path, x->next + 1, x->dim[0]);
		x->next++;
		return 1;
	}
	if (read_bytes(x, &extra, 1, &got, f))
		return -1;
	return got ? fail_set(f, "%s: IDX file goes on after its last item (%zu)", x->path, x->dim[0]) : 0;
}

void idx_close(struct idx *x)
{
	if (!x)
		return;
	if (x->gzip)
		inflateEnd(&x->z);
	if (x->file)
		fclose(x->file);
	free(x->path);
	free(x);
}
