#include "influence/noise.h"

#include <string.h>

int noise_read(struct noise *n, int draws, int latent, struct fail *f)
{
	if (!n->path)
		return 0;
	if (buf_read_file(&n->file, n->path, (size_t)8 << 30, f))
		return -1;
	if (npy_parse(n->file.p, n->file.len, &n->npy, f))
		return fail_add(f, "%s", n->path);
	if (n->npy.type != NPY_F4 || n->npy.big_endian || n->npy.fortran || n->npy.ndim != 3 || n->npy.shape[1] != (size_t)draws || n->npy.shape[2] != (size_t)latent)
		return fail_set(f, "%s: float32 of shape [records, %d, %d] is required", n->path, draws, latent);
	return 0;
}

int noise_copy(const struct noise *n, const char *what, uint64_t first, int count, int rows, float *eps, struct fail *f)
{
	size_t size = n->npy.shape[1] * n->npy.shape[2];
	if (first + (uint64_t)count > n->npy.shape[0])
		return fail_set(f, "%s: noise for %zu %s, but the stream has more", n->path, n->npy.shape[0], what);
	memset(eps, 0, (size_t)rows * size * sizeof *eps);
	memcpy(eps, (const char *)n->npy.values + first * size * sizeof *eps, (size_t)count * size * sizeof *eps);
	return 0;
}

void noise_free(struct noise *n) { buf_free(&n->file); }
