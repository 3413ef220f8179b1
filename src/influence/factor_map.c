#include "influence/factor_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"
#include "gemm/mat.h"

void factor_map_close(struct factor_map *m)
{
	free(m->w);
	free(m->at);
	for (int i = 0; i < FACTOR_PARTS; i++) {
		free(m->packed[i]);
		free(m->packed_back[i]);
	}
	*m = (struct factor_map){.n = 0};
}

/* Ends are multiples of 64 but for the last. Few rows are one part. */
int factor_map_end(int n, int i)
{
	int step = (n + FACTOR_PARTS * 64 - 1) / (FACTOR_PARTS * 64) * 64;
	return (i + 1) * step < n ? (i + 1) * step : n;
}

static int column_of(const struct factor_map *m, int row) { return m->at ? m->at[row] : row; }
int factor_map_reach(const struct factor_map *m, int to)
{
	return m->square || to > m->products ? m->columns : int_min(column_of(m, to - 1) + 1, m->columns);
}

int factor_map_first(const struct factor_map *m, int from)
{
	int row = 0;
	while (!m->square && row < m->products && column_of(m, row) < from)
		row++;
	return row;
}

void factor_map_pack(struct factor_map *m, int dense, int rows, size_t *budget)
{
	for (int i = 0, from = 0; m->w && i < FACTOR_PARTS && from < m->products; from = factor_map_end(m->products, i++)) {
		int to = factor_map_end(m->products, i);
		if (!m->packed[i])
			m->packed[i] = mat_pack(m->w + (size_t)from * (size_t)m->columns, m->columns, 0, rows, to - from, dense ? m->columns : factor_map_reach(m, to), MAT_24, 0, budget);
	}
	for (int i = 0, from = 0; m->w && !dense && i < FACTOR_PARTS && from < m->columns; from = factor_map_end(m->n, i++)) {
		int to = int_min(factor_map_end(m->n, i), m->columns), row = factor_map_first(m, from);
		if (!m->packed_back[i])
			m->packed_back[i] = mat_pack(m->w + (size_t)row * (size_t)m->columns + from, m->columns, 1, rows, to - from, m->products - row, MAT_24, 0, budget);
	}
}

void factor_map_rows(const struct factor_map *m, float *out, const float *x, int rows)
{
	if (!m->w) {
		memcpy(out, x, (size_t)rows * (size_t)m->n * sizeof *out);
		return;
	}
	for (int i = 0, from = 0; i < FACTOR_PARTS && from < m->products; from = factor_map_end(m->products, i++)) {
		int to = factor_map_end(m->products, i); /* a pack with another inner dimension is not used */
		mat_nt(out + from, m->n, x, m->columns, m->w + (size_t)from * (size_t)m->columns, m->columns, m->packed[i], rows, to - from,
		              factor_map_reach(m, to), MAT_24);
	}
	for (int r = 0; r < rows && m->products < m->n; r++, out += m->n, x += m->columns)
		for (int i = m->products; i < m->n; i++)
			out[i] = m->unit * x[m->at[i]];
}

/* The rows behind the products, whose columns ascend as those of a block do. */
static void copy_units(const struct factor_map *m, float *out, const struct sparse_block *x)
{
	size_t ld = (size_t)m->n;
	for (int r = 0; r < SPARSE_ROWS; r++)
		memset(out + (size_t)r * ld + m->products, 0, (size_t)(m->n - m->products) * sizeof *out);
	for (int q = 0, i = m->products; q < x->n && i < m->n;) {
		if (x->column[q] == m->at[i])
			for (size_t r = 0; r < SPARSE_ROWS; r++)
				out[r * ld + (size_t)i] = m->unit * x->v[q][r];
		int next = x->column[q] <= m->at[i];
		i += x->column[q] >= m->at[i];
		q += next;
	}
}

int factor_map_sparse(const struct factor_map *m, float *out, const struct sparse_block *x, int count)
{
	struct sparse_block cut[SPARSE_BATCH];
	if (!m->w)
		return 0;
	for (int i = 0, from = 0; i < FACTOR_PARTS && from < m->products; from = factor_map_end(m->products, i++))
		if (!sparse_accepts(m->packed[i]))
			return 0;
	for (int i = 0, from = 0; i < FACTOR_PARTS && from < m->products; from = factor_map_end(m->products, i++)) {
		int reach = factor_map_reach(m, factor_map_end(m->products, i));
		for (int b = 0; b < count; b++) {
			cut[b] = x[b];
			while (cut[b].n && cut[b].column[cut[b].n - 1] >= reach) /* what is read behind them meets zeros */
				cut[b].n--;
		}
		sparse_layer(out + from, (size_t)m->n, cut, count, m->packed[i], NULL);
	}
	for (int b = 0; b < count && m->products < m->n; b++)
		copy_units(m, out + (size_t)b * SPARSE_ROWS * (size_t)m->n, &x[b]);
	return 1;
}

void factor_map_back(const struct factor_map *m, float *out, const float *in, int rows)
{
	size_t columns = (size_t)m->columns;
	if (!m->w) {
		memcpy(out, in, (size_t)rows * columns * sizeof *out);
		return;
	}
	for (int i = 0, from = 0; i < FACTOR_PARTS && from < m->columns; from = factor_map_end(m->n, i++)) {
		int to = int_min(factor_map_end(m->n, i), m->columns), row = factor_map_first(m, from);
		if (row < m->products)
			mat_nn(out + from, m->columns, in + row, m->n, m->w + (size_t)row * columns + from, m->columns, m->packed_back[i], NULL, rows, to - from,
			       m->products - row, MAT_24);
		for (size_t r = 0; r < (size_t)rows && row >= m->products; r++)
			memset(out + r * columns + from, 0, (size_t)(to - from) * sizeof *out);
	}
	for (int r = 0; r < rows; r++, out += m->columns, in += m->n)
		for (int i = m->products; i < m->n; i++)
			out[m->at[i]] += m->unit * in[i];
}
