#include "input/idx.h"

#include <stdlib.h>

#include "input/infile.h"
#include "input/picture.h"

#define MAX_DIMS 4
#define MAX_ITEM (3 * (size_t)PICTURE_MAX_PIXELS)

struct idx {
	struct infile *in;
	const char *path; /* of in */
	int ndim;
	size_t dim[MAX_DIMS], item, next;
};

static int read_header(struct idx *x, struct fail *f)
{
	static const char *const type[] = {[0x09] = "int8",  [0x0b] = "int16",   [0x0c] = "int32",
	                                   [0x0d] = "float", [0x0e] = "double"};
	uint8_t h[4 + 4 * MAX_DIMS];
	size_t got;
	if (infile_read(x->in, h, 4, &got, f))
		return -1;
	if (got < 4 || h[0] || h[1])
		return fail_set(f, "%s: not an IDX file: it does not start with two zero bytes, a type and a number of dimensions", x->path);
	if (h[2] != 0x08)
		return fail_set(f, "%s: IDX file of type 0x%02x (%s), expected 0x08 (unsigned byte)", x->path, h[2],
		                h[2] < sizeof type / sizeof *type && type[h[2]] ? type[h[2]] : "unknown");
	x->ndim = h[3];
	if (x->ndim < 1 || x->ndim > MAX_DIMS)
		return fail_set(f, "%s: IDX file of %d dimensions, expected 1 to %d", x->path, x->ndim, MAX_DIMS);
	if (infile_read(x->in, h + 4, 4 * (size_t)x->ndim, &got, f))
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
	if (!x) {
		fail_memory_for(f, "an IDX file");
		return NULL;
	}
	x->in = infile_open(path, f);
	x->path = x->in ? infile_name(x->in) : NULL;
	if (x->in && !read_header(x, f))
		return x;
	idx_close(x);
	return NULL;
}

int idx_ndim(const struct idx *x) { return x->ndim; }
size_t idx_dim(const struct idx *x, int i) { return x->dim[i]; }

int idx_next(struct idx *x, uint8_t *item, struct fail *f)
{
	size_t got;
	uint8_t extra;
	if (x->next < x->dim[0]) {
		if (infile_read(x->in, item, x->item, &got, f))
			return -1;
		if (got < x->item)
			return fail_set(f, "%s: IDX file is truncated in item %zu of %zu", x->path, x->next + 1, x->dim[0]);
		x->next++;
		return 1;
	}
	if (infile_read(x->in, &extra, 1, &got, f))
		return -1;
	return got ? fail_set(f, "%s: IDX file has more bytes after its last item (%zu)", x->path, x->dim[0]) : 0;
}

void idx_close(struct idx *x)
{
	if (x)
		infile_close(x->in);
	free(x);
}
