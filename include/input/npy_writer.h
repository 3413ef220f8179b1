/* npy_writer.h - writes a float32 matrix to an .npy file row by row, before the number of rows is known. The file appears
 * whole or not at all. A comment in its header, which numpy ignores, has a note and a hash: 16 hexadecimal digits of XXH3-64 of each row, with the
 * hash of the rows before as its seed, and then of `ROWS COLUMNS NOTE`. */
#ifndef VF_NPY_WRITER_H
#define VF_NPY_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/fail.h"
#include "input/npy.h"

enum { NPY_NOTE = 64 - 1 - 1 - 16 }; /* the most bytes of a note: struct npy has place for it, a space and a hash */

struct npy_writer {
	struct atomic_file to;
	size_t columns, rows, header; /* header: its bytes */
	uint64_t hash; /* of the rows */
	float *row; /* [columns] */
};

int npy_writer_open(struct npy_writer *n, const char *path, size_t columns, struct fail *f);
/* row [columns]; NULL: a row of NAN. */
int npy_writer_add(struct npy_writer *n, const double *row, struct fail *f);
/* note: at most NPY_NOTE bytes, and not "". */
int npy_writer_commit(struct npy_writer *n, const char *note, struct fail *f);
void npy_writer_abort(struct npy_writer *n);
/* Verifies an array that was read: 1 if it has the hash behind its note, which is `length` bytes long; 0 if its comment ends with the note, as in
 * files of older versions; -1 if it is damaged. */
int npy_writer_verify(const struct npy *a, size_t length, struct fail *f);

#endif
