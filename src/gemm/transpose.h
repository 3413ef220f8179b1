/* transpose.h - the transpose of a matrix, a block of LANES x LANES at a time. */
#ifndef VF_TRANSPOSE_H
#define VF_TRANSPOSE_H

#include "gemm/lanes.h"

KERNEL static void transpose_matrix(float *to, const float *from, int rows, int columns)
{
	for (int r = 0; r < rows; r += LANES)
		for (int c = 0; c < columns; c += LANES) {
			vec t[LANES];
			load_transposed(t, from + (size_t)r * (size_t)columns + c, (size_t)columns, rows - r, columns - c);
			UNROLL
			for (int i = 0; i < LANES; i++)
				if (i < columns - c)
					vec_store_some(to + (size_t)(c + i) * (size_t)rows + r, t[i], rows - r);
		}
}

#endif
