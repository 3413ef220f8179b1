/* masked_gemm.h - a masked product computes only the outputs that its mask leaves. 16 rows of A, and the same rows of the mask, become sparse blocks;
 * nn_masked() multiplies up to SPARSE_BATCH of them, and the results are unpacked into C. */
#ifndef VF_MASKED_GEMM_H
#define VF_MASKED_GEMM_H

#include "gemm/sparse_kernels.h"

/* Memory for one block each of A, the mask and C. */
static size_t scratch_bytes(const struct gemm_args *g, int blocks) { return sparse_bytes(blocks, g->k) + 2 * sparse_bytes(blocks, g->n); }

/* Samples the first KC outputs of a few rows, because the other rows are similar. */
static int masked_gemm_pays(const struct gemm_args *g)
{
	struct nonzero_list active;
	int columns = int_min(KC, g->n);
	if (!g->c->relu_mask || !sparse_accepts(g->b.packed) || !g->b.packed->has_columns || scratch_bytes(g, 1) > SCRATCH_MAX)
		return 0;
	find_nonzero(&active, g->c->relu_mask, (size_t)g->c->ld, 1, int_min(LANES, g->m), columns);
	return mask_is_sparse(active.n, columns);
}

static void masked_gemm(const struct gemm_args *g)
{
	size_t lda = (size_t)g->a.ld, ldc = (size_t)g->c->ld;
	int blocks = int_min(int_min(SPARSE_BATCH, (g->m + SPARSE_ROWS - 1) / SPARSE_ROWS), (int)(SCRATCH_MAX / scratch_bytes(g, 1)));
	char *scratch = scratch_acquire(scratch_bytes(g, blocks)), *rest = scratch + sparse_bytes(blocks, g->k);
	struct sparse_block *a = sparse_place(scratch, blocks, g->k), *mask = sparse_place(rest, blocks, g->n);
	struct sparse_block *c = sparse_place(rest + sparse_bytes(blocks, g->n), blocks, g->n);
	for (int i0 = 0, n; i0 < g->m; i0 += n * SPARSE_ROWS) {
		n = int_min(blocks, (g->m - i0 + SPARSE_ROWS - 1) / SPARSE_ROWS);
		for (int q = 0, i = i0; q < n; q++, i += SPARSE_ROWS) {
			pack_block(&a[q], g->a.v + (size_t)i * lda, lda, int_min(SPARSE_ROWS, g->m - i), g->k);
			pack_block(&mask[q], g->c->relu_mask + (size_t)i * ldc, ldc, int_min(SPARSE_ROWS, g->m - i), g->n);
		}
		nn_masked(c, a, mask, n, g->b.packed);
		for (int q = 0, i = i0; q < n; q++, i += SPARSE_ROWS)
			unpack_block(&c[q], g->c->v + (size_t)i * ldc, ldc, int_min(SPARSE_ROWS, g->m - i), g->n);
	}
	scratch_release(scratch);
}

#endif
