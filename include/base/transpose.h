/* transpose.h - a matrix of bytes, rows to columns. */
#ifndef VF_TRANSPOSE_H
#define VF_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/simd.h"

enum { TRANSPOSE_ROWS = 8, TRANSPOSE_COLUMNS = 16 };

typedef uint8_t transpose_line __attribute__((vector_size(TRANSPOSE_COLUMNS)));

/* At most TRANSPOSE_ROWS rows and TRANSPOSE_COLUMNS columns: each round interleaves the first half of the lines with the second. */
INLINE void transpose_block(const uint8_t *in, size_t stride, size_t rows, size_t columns, uint8_t *out, size_t to)
{
	enum { HALF_ROWS = TRANSPOSE_ROWS / 2 };
	transpose_line v[TRANSPOSE_ROWS] = {{0}}, t[TRANSPOSE_ROWS];
	for (size_t i = 0; i < rows; i++)
		memcpy(&v[i], in + i * stride, columns);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < HALF_ROWS; i++) {
			t[2 * i] = __builtin_shufflevector(v[i], v[HALF_ROWS + i], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
			t[2 * i + 1] = __builtin_shufflevector(v[i], v[HALF_ROWS + i], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
		}
		memcpy(v, t, sizeof v);
	}
	for (size_t i = 0; i < columns; i++)
		memcpy(out + i * to, (const uint8_t *)v + i * TRANSPOSE_ROWS, rows);
}

/* in [rows][stride], of which `columns` are taken, to out [columns][to]. */
INLINE void transpose(const uint8_t *in, size_t stride, size_t rows, size_t columns, uint8_t *out, size_t to)
{
	for (size_t y = 0; y < rows; y += TRANSPOSE_ROWS)
		for (size_t x = 0; x < columns; x += TRANSPOSE_COLUMNS) {
			size_t r = rows - y, c = columns - x;
			if (r < TRANSPOSE_ROWS || c < TRANSPOSE_COLUMNS)
				transpose_block(in + y * stride + x, stride, r < TRANSPOSE_ROWS ? r : TRANSPOSE_ROWS, c < TRANSPOSE_COLUMNS ? c : TRANSPOSE_COLUMNS, out + x * to + y, to);
			else
				transpose_block(in + y * stride + x, stride, TRANSPOSE_ROWS, TRANSPOSE_COLUMNS, out + x * to + y, to);
		}
}

#endif
