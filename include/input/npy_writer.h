/* npy_writer.h - writes a float32 matrix to an .npy file row by row, before the number of rows is known. The file appears
 * whole or not at all. */
#ifndef VF_NPY_WRITER_H
#define VF_NPY_WRITER_H

#include <stddef.h>

#include "base/atomic.h"
#include "base/fail.h"

struct npy_writer {
	struct atomic_file to;
	size_t columns, rows, header; /* header: its bytes */
	float *row; /* [columns] */
};

int npy_writer_open(struct npy_writer *n, const char *path, size_t columns, struct fail *f);
/* row [columns]; NULL: a row of NAN. */
int npy_writer_add(struct npy_writer *n, const double *row, struct fail *f);
/* note: a comment for the header (npy_header_noted()), about 40 bytes; or "". */
int npy_writer_commit(struct npy_writer *n, const char *note, struct fail *f);
void npy_writer_abort(struct npy_writer *n);

#endif
