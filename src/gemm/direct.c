/* Chooses the kernels of direct.h by the processor. */
#include "gemm/direct.h"

#include "base/simd.h"
#include "gemm/kernels.h"

static const struct direct_kernels *kernels(void)
{
	const struct blocked_kernels *blocked = blocked_kernels();
#if defined(__x86_64__)
	return !blocked ? NULL : blocked->lanes == 16 ? &direct_16 : &direct_8;
#elif defined(__aarch64__)
	return blocked ? &direct_4 : NULL;
#else
	return NULL;
#endif
}

int direct_supported(void) { return kernels() != NULL; }

size_t direct_packed_size(int rows, int n)
{
	enum { LANES = 16 }; /* at most */
	return ((size_t)n + LANES - 1) / LANES * LANES * (size_t)rows;
}

void direct_pack(float *to, int rows, int n, int at, int some, const float *b, size_t row, size_t column)
{
	kernels()->pack(to, rows, n, at, some, b, row, column);
}

void direct_sum(float *to, int n, int count, const float *first, const float *const *from, int terms, size_t step)
{
	kernels()->sum(to, n, count, first, from, terms, step);
}

void direct_product(const struct direct_product *g) { kernels()->product(g); }

/* With one position a record, the records are the columns of a line. */
void direct_gradient(const struct direct_gradient *g)
{
	struct direct_gradient line = *g;
	if (g->lines == 1 && g->width == 1) {
		line.width = g->records, line.records = 1;
		line.a_by.column = g->a_by.record, line.b_by.column = g->b_by.record;
	}
	kernels()->gradient(&line);
}
