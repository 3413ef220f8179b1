#include "input/npy_writer.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "input/npy.h"

/* Its length does not depend on the number of rows, nor on a short note, so it can be overwritten at the end. */
static int format_header(const struct npy_writer *n, const char *note, struct buf *b, struct fail *f)
{
	return npy_header_noted(b, NPY_F4, 2, (const size_t[]){n->rows, n->columns}, note, f);
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
	r = r || format_header(n, "", &b, f) || write_all(n->to.fd, b.p, b.len, f);
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
	return write_all(n->to.fd, n->row, n->columns * sizeof *n->row, f);
}

int npy_writer_commit(struct npy_writer *n, const char *note, struct fail *f)
{
	struct buf b = {0};
	int r = format_header(n, note, &b, f);
	if (!r && b.len != n->header) { /* of very many rows: without the note */
		b.len = 0;
		r = format_header(n, "", &b, f);
	}
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
