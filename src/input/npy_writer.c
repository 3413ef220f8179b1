#include "input/npy_writer.h"

#include <unistd.h>

#include "base/buf.h"
#include "input/npy.h"

/* Its length does not depend on the number of rows, so it can be overwritten at the end. */
static int format_header(const struct npy_writer *n, struct buf *b, struct fail *f)
{
	return npy_header(b, NPY_F4, 2, (const size_t[]){n->rows, n->columns}, f);
}

int npy_writer_open(struct npy_writer *n, const char *path, size_t columns, struct fail *f)
{
	struct buf b = {0};
	*n = (struct npy_writer){.columns = columns};
	if (atomic_open(&n->to, path, f))
		return -1;
	int r = 0;
	if (lseek(n->to.fd, 0, SEEK_CUR) < 0)
		r = fail_set(f, "%s: cannot seek: the header is written last, which requires a file", path);
	r = r || format_header(n, &b, f) || write_all(n->to.fd, b.p, b.len, f);
	buf_free(&b);
	if (r)
		npy_writer_abort(n);
	return r ? -1 : 0;
}

int npy_writer_add(struct npy_writer *n, const float *row, struct fail *f)
{
	n->rows++;
	return write_all(n->to.fd, row, n->columns * sizeof *row, f);
}

int npy_writer_commit(struct npy_writer *n, struct fail *f)
{
	struct buf b = {0};
	int r = format_header(n, &b, f);
	if (!r && lseek(n->to.fd, 0, SEEK_SET) < 0)
		r = fail_errno(f, "cannot write");
	r = r || write_all(n->to.fd, b.p, b.len, f);
	buf_free(&b);
	if (r)
		npy_writer_abort(n);
	return r ? -1 : atomic_commit(&n->to, f);
}

void npy_writer_abort(struct npy_writer *n) { atomic_abort(&n->to); }
