#include "input/npy_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"

enum { HEX = 16 }; /* digits of a hash */

/* The header of n->header bytes, or of the most that are required while that is 0: it is written again at the end. */
static int format_header(const struct npy_writer *n, size_t rows, const char *note, struct buf *b, struct fail *f)
{
	char padded[2 * NPY_NOTE + 100];
	const size_t shape[] = {rows, n->columns};
	snprintf(padded, sizeof padded, "%s", note);
	if (npy_header_noted(b, NPY_F4, 2, shape, padded, f))
		return -1;
	if (!n->header || b->len == n->header)
		return 0;
	snprintf(padded, sizeof padded, "%-*s", (int)(strlen(note) + n->header - b->len), note);
	b->len = 0;
	return npy_header_noted(b, NPY_F4, 2, shape, padded, f);
}

static uint64_t hash_all(uint64_t rows_hash, size_t rows, size_t columns, const char *note, size_t length)
{
	char text[NPY_NOTE + 50];
	int n = snprintf(text, sizeof text, "%zu %zu %.*s", rows, columns, (int)length, note);
	return hash_bytes(text, (size_t)n, rows_hash);
}

int npy_writer_open(struct npy_writer *n, const char *path, size_t columns, struct fail *f)
{
	struct buf b = {0};
	*n = (struct npy_writer){.columns = columns};
	if (atomic_open(&n->to, path, f))
		return -1;
	n->row = malloc(columns * sizeof *n->row);
	int r = n->row ? 0 : fail_memory(f);
	if (!r && lseek(n->to.fd, 0, SEEK_CUR) < 0)
		r = fail_set(f, "%s: cannot seek: the header is written last, which requires a file", path);
	char longest[NPY_NOTE + 1 + HEX + 1];
	memset(longest, ' ', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	r = r || format_header(n, SIZE_MAX, longest, &b, f) || write_all(n->to.fd, b.p, b.len, f);
	n->header = b.len;
	buf_free(&b);
	if (r)
		npy_writer_abort(n);
	return r ? -1 : 0;
}

int npy_writer_add(struct npy_writer *n, const double *row, struct fail *f)
{
	for (size_t k = 0; k < n->columns; k++)
		n->row[k] = row ? (float)row[k] : NAN;
	n->rows++;
	n->hash = hash_bytes(n->row, n->columns * sizeof *n->row, n->hash);
	return write_all(n->to.fd, n->row, n->columns * sizeof *n->row, f);
}

int npy_writer_commit(struct npy_writer *n, const char *note, struct fail *f)
{
	struct buf b = {0};
	char text[NPY_NOTE + 1 + HEX + 1];
	snprintf(text, sizeof text, "%.*s %016" PRIx64, NPY_NOTE, note, hash_all(n->hash, n->rows, n->columns, note, strlen(note)));
	int r = format_header(n, n->rows, text, &b, f);
	if (!r && lseek(n->to.fd, 0, SEEK_SET) < 0)
		r = fail_errno(f, "cannot write");
	r = r || write_all(n->to.fd, b.p, b.len, f);
	buf_free(&b);
	r = r || atomic_commit(&n->to, f) ? -1 : 0;
	npy_writer_abort(n); /* frees; a file that was committed stays */
	return r;
}

void npy_writer_abort(struct npy_writer *n)
{
	atomic_abort(&n->to);
	free(n->row);
	n->row = NULL;
}

int npy_writer_verify(const struct npy *a, size_t length, struct fail *f)
{
	char want[HEX + 2];
	if (strlen(a->note) == length)
		return 0;
	if (strlen(a->note) == length + 1 + HEX && a->type == NPY_F4 && !a->big_endian && !a->fortran && a->ndim == 2) {
		size_t rows = a->shape[0], bytes = a->shape[1] * sizeof(float);
		uint64_t hash = 0;
		for (size_t i = 0; i < rows; i++)
			hash = hash_bytes((const char *)a->values + i * bytes, bytes, hash);
		snprintf(want, sizeof want, " %016" PRIx64, hash_all(hash, rows, a->shape[1], a->note, length));
		if (strcmp(a->note + length, want) == 0)
			return 1;
	}
	return fail_set(f, "damaged or edited: the hash in its header does not match");
}
