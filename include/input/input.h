/* input.h - bytes to tensor: the payload of a record decoded to what a network reads.
 *
 * Pictures are decoded to 8-bit samples, planar (channel, row, column), as torch orders them;
 * the network reads sample/255. 16 bit keeps the high byte, alpha is dropped, gAMA and EXIF
 * are ignored; gray = (19595 R + 38470 G + 7471 B + 32768) >> 16, before any resize; resize is
 * bilinear with antialias, byte for byte Pillow's Image.resize(BILINEAR): horizontal pass
 * first, 22-bit fixed-point weights, rounded to 8 bits after each pass.
 */
#ifndef VF_INPUT_H
#define VF_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/buf.h"
#include "base/fail.h"

#define PICTURE_MAX_SIDE 16384            /* a larger picture is refused before it is allocated */
#define PICTURE_MAX_PIXELS (64u << 20)    /* width x height, likewise: a bomb's size is only a claim */

struct picture { /* interleaved 8-bit samples, row by row; pixels owned, freed by picture_free() */
	int width, height, channels; /* channels 1 (gray) or 3 (RGB) */
	uint8_t *pixels;
};
void picture_free(struct picture *p);

/* Decoders: the whole file in memory -> picture. 0, or -1 with the reason (no file name in it). */
int png_decode(const void *data, size_t len, struct picture *out, struct fail *f);
int jpeg_decode(const void *data, size_t len, struct picture *out, struct fail *f);
int netpbm_decode(const void *data, size_t len, struct picture *out, struct fail *f);

/* Writes 8-bit gray or RGB samples as PNG behind what is in out; the same bytes every time. */
int png_encode(const uint8_t *pixels, int width, int height, int channels, struct buf *out, struct fail *f);

/* Pillow's Image.resize((width, height), BILINEAR) of in, into out (allocated here). */
int picture_resize(const struct picture *in, int width, int height, struct picture *out, struct fail *f);

/* numpy .npy files, C order only: a view into data, nothing copied. */
enum npy_type { NPY_U8, NPY_F4, NPY_F8, NPY_INT8, NPY_INT16, NPY_INT32, NPY_INT64, NPY_UINT16, NPY_UINT32, NPY_UINT64 };
struct npy {
	enum npy_type type;
	int ndim;
	size_t shape[8], count; /* count = product of shape */
	const void *values;     /* little endian, not necessarily aligned */
};
int npy_parse(const void *data, size_t len, struct npy *out, struct fail *f);
/* The header alone, of a file of which len bytes are at hand: 0 and its length in *header, with `values` not set;
 * or, when more of the file is wanted to tell, 1 and how much (at most 1 MiB). */
int npy_parse_header(const void *data, size_t len, struct npy *out, size_t *header, struct fail *f);
size_t npy_size(enum npy_type type); /* bytes of a value */
const char *npy_descr(enum npy_type type);
double npy_value(const struct npy *n, size_t i);
/* The header of a little-endian C-order .npy of this type and shape, behind what is in out. */
int npy_header(struct buf *out, enum npy_type type, int ndim, const size_t *shape, struct fail *f);
/* A matrix of float32 written row by row, whose number of rows is known at the end; the file appears whole or not at all. */
struct npy_writer {
	struct atomic_file to;
	size_t columns, rows;
};
int npy_writer_open(struct npy_writer *n, const char *path, size_t columns, struct fail *f);
int npy_writer_add(struct npy_writer *n, const float *row, struct fail *f);
int npy_writer_commit(struct npy_writer *n, struct fail *f);
void npy_writer_abort(struct npy_writer *n);

/* Which decoder a member's extension (in lower case) names; INPUT_NONE when none does. */
enum input_format { INPUT_NONE, INPUT_PNG, INPUT_JPEG, INPUT_NETPBM, INPUT_NPY };
enum input_format input_format_of(const char *ext);

/* Decodes a payload to channels x height x width samples in out (planar; as many bytes). A
 * picture of another size is resized, gray and RGB converted. An .npy must be u8 of shape
 * [height, width] or [channels, height, width] as wanted: it is taken as it is. */
int input_decode(enum input_format kind, const void *data, size_t len, int channels, int height, int width,
                 uint8_t *out, struct fail *f);

/* What a payload decodes to as it is: channels, height and width of a picture or of an .npy of u8; or
 * [1, 1, values] and *vector = 1 for an .npy of another type, of any shape. *vector is 1 on entry where an .npy
 * of any type is to be a vector, and a picture is wrong. */
int input_shape(enum input_format kind, const void *data, size_t len, int shape[3], int *vector, struct fail *f);
/* The values of an .npy, n of them, all finite and such that a float holds them. */
int input_vector(enum input_format kind, const void *data, size_t len, int n, double *out, struct fail *f);
/* How a network reads a vector: (value - mean) / deviation, where a deviation of 0 counts as 1. Without a mean
 * the values are taken as they are. */
struct standardisation {
	double *mean, *deviation;
};
void input_standardise(const struct standardisation *s, const double *v, size_t n, float *out);

/* CSV (RFC 4180, with any separator), plain or gzip, a row after the other; "-" is standard input. Blank lines are skipped, a byte
 * order mark too; a line ends in \n or \r\n. At most 65536 cells and 64 MiB a row. */
struct csv;
struct csv *csv_open(const char *path, int separator, struct fail *f);
/* The next row: 1, 0 at the end, -1. */
int csv_next(struct csv *c, struct fail *f);
int csv_cells(const struct csv *c);
/* Without its quotes; a NUL stands behind it. */
const char *csv_cell(const struct csv *c, int i, size_t *len);
/* Where the row begins, from 1. */
size_t csv_line(const struct csv *c);
void csv_close(struct csv *c);

/* How many bytes these become under zlib's level 6; d begins as zeros and is used again. */
struct deflated {
	struct z_stream_s *z;
};
int deflated_size(struct deflated *d, const void *data, size_t len, uint64_t *size, struct fail *f);
void deflated_free(struct deflated *d);

/* IDX files (LeCun's MNIST format), plain or gzip, read one item after the other. */
struct idx;
struct idx *idx_open(const char *path, struct fail *f);
/* ndim and dims as in the file: dims[0] is the number of items. Type is always u8. */
int idx_ndim(const struct idx *x);
size_t idx_dim(const struct idx *x, int i);
/* The next item's bytes (product of dims[1..]): 1, 0 at the end, -1 on error (cut, trailing bytes). */
int idx_next(struct idx *x, uint8_t *item, struct fail *f);
void idx_close(struct idx *x);

#endif
