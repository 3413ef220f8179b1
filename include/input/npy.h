/* npy.h - numpy's .npy files of numbers: either byte order, C and Fortran order. Written: little endian, C order. */
#ifndef VF_NPY_H
#define VF_NPY_H

#include <stddef.h>

#include "base/buf.h"
#include "base/fail.h"

enum npy_type { NPY_U8, NPY_F4, NPY_F8, NPY_INT8, NPY_INT16, NPY_INT32, NPY_INT64, NPY_UINT16, NPY_UINT32, NPY_UINT64, NPY_BOOL, NPY_F2 };

struct npy { /* a view: values points into the file's bytes, which the caller keeps */
	enum npy_type type;
	int big_endian, fortran; /* fortran: the first index varies fastest, and there are two or more */
	int ndim;
	size_t shape[8], count; /* count = product of shape */
	const void *values;     /* not necessarily aligned */
	char note[64];          /* the comment behind the dict, without `# `; or "" */
};

/* Parses a whole file in memory. */
int npy_parse(const void *data, size_t len, struct npy *out, struct fail *f);
/* Parses the header, given the first len bytes of a file. 0: *header is its length, and values is not set. 1: len is too
 * small, *header bytes are needed (at most 1 MiB + 12). -1: error. */
int npy_parse_header(const void *data, size_t len, struct npy *out, size_t *header, struct fail *f);
/* Bytes per value. */
size_t npy_size(enum npy_type type);
/* The type as numpy writes it for little endian, such as "<f4". */
const char *npy_descr(enum npy_type type);
/* Value i, counted in C order, as a double. */
double npy_value(const struct npy *n, size_t i);
/* Copies the values from first on, counted in C order, to out[count * npy_size()]: little endian. */
void npy_copy(const struct npy *n, size_t first, size_t count, void *out);
/* Whether the array is a picture: unsigned bytes of shape [height, width], [channels, height, width] or [height, width, 3]. Then
 * shape is channels, height, width, and *interleaved says that the channels come last. */
int npy_is_picture(const struct npy *n, size_t shape[3], int *interleaved);
/* Appends the header of a file of this type and shape to `out`. */
int npy_header(struct buf *out, enum npy_type type, int ndim, const size_t *shape, struct fail *f);
/* The same with a comment in the header, which numpy ignores. */
int npy_header_noted(struct buf *out, enum npy_type type, int ndim, const size_t *shape, const char *note, struct fail *f);

#endif
