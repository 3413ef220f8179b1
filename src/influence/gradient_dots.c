#include "influence/gradient_dots.h"

#include "base/minmax.h"
#include "gemm/mat.h"

enum { CHUNK = 8192 }; /* numbers of a gradient that are summed in float, before a double takes over */

/* The sum of (a + bias) b over one pair of records: a and b [rows][rows], lines ld apart. */
static double sum_products(const float *a, const float *b, int ld, int rows, float bias)
{
	enum { LANES = 16, LINES = 16 }; /* lines that are summed in float */
	double total = 0;
	for (int from = 0; from < rows; from += LINES) {
		float lane[LANES] = {0}, rest = 0;
		for (int j = from; j < rows && j < from + LINES; j++) {
			const float *p = a + (size_t)j * (size_t)ld, *q = b + (size_t)j * (size_t)ld;
			int i = 0;
			for (; i + LANES <= rows; i += LANES)
				for (int l = 0; l < LANES; l++)
					lane[l] += (p[i + l] + bias) * q[i + l];
			for (; i < rows; i++)
				rest += (p[i] + bias) * q[i];
		}
		for (int l = 0; l < LANES; l++)
			total += (double)lane[l];
		total += (double)rest;
	}
	return total;
}

/* The bias of a dense layer is an input that is always 1, which whitened factors contain. */
void factor_dots(const struct gradients *g, const struct layer_gradient *layer, const struct gradient_factors *x, const struct gradient_factors *z,
                 double scale, double *out, size_t stride)
{
	int rows = layer->rows, step = g->tile / rows, np = layer->p, nk = layer->k;
	float bias = layer->l->type->dense && !layer->white_k ? 1 : 0;
	for (int r = 0; r < x->n; r += step)
		for (int c = 0; c < z->n; c += step) {
			int nr = int_min(x->n - r, step), nc = int_min(z->n - c, step), lines = nr * rows, columns = nc * rows;
			size_t a = (size_t)r * (size_t)rows, b = (size_t)c * (size_t)rows;
			mat_nt(g->gram_p, columns, x->p + a * (size_t)np, np, z->p + b * (size_t)np, np, NULL, lines, columns, np, MAT_16);
			mat_nt(g->gram_k, columns, x->k + a * (size_t)nk, nk, z->k + b * (size_t)nk, nk, NULL, lines, columns, nk, MAT_16);
			for (int i = 0; i < nr; i++)
				for (int j = 0; j < nc; j++) {
					size_t at = (size_t)i * (size_t)rows * (size_t)columns + (size_t)j * (size_t)rows;
					out[(size_t)(r + i) * stride + (size_t)(c + j)] += scale * sum_products(g->gram_k + at, g->gram_p + at, columns, rows, bias);
				}
		}
}

void sparse_dots(const struct gradients *g, const struct layer_gradient *layer, const struct gradient_factors *x, const struct gradient_factors *z,
                 double scale, double *out, size_t stride)
{
	int lines = int_min(x->n, DOT_PAIRS), columns = DOT_PAIRS / lines;
	size_t np = spread_floats(layer->p), nk = spread_floats(layer->k);
	for (int r = 0; r < x->n; r += lines)
		for (int c = 0; c < z->n; c += columns) {
			size_t a = (size_t)r, b = (size_t)c, width = (size_t)int_min(z->n - c, columns);
			const struct spread_factors own = {x->p + a * np, x->k + a * nk, int_min(x->n - r, lines)};
			const struct spread_factors other = {z->p + b * np, z->k + b * nk, (int)width};
			spread_dots(g->pairs, width, &own, &other, layer->p, layer->k, 1);
			for (size_t i = 0; i < (size_t)own.count; i++)
				for (size_t j = 0; j < width; j++)
					out[(a + i) * stride + b + j] += scale * g->pairs[i * width + j];
		}
}

/* Products pack their second factor, which is the smaller one. */
void explicit_dots(const struct gradients *g, const float *x, int n, const float *z, int m, double scale, double *out, size_t stride)
{
	size_t size = g->explicit_size;
	for (size_t at = 0; at < size; at += CHUNK)
		for (int r = 0; r < n; r += g->tile)
			for (int c = 0; c < m; c += g->tile) {
				int len = size - at < CHUNK ? (int)(size - at) : CHUNK, nr = int_min(n - r, g->tile), nc = int_min(m - c, g->tile), turned = nc > nr;
				const float *a = x + (size_t)r * size + at, *b = z + (size_t)c * size + at;
				if (turned)
					mat_nt(g->gram_p, nr, b, (int)size, a, (int)size, NULL, nc, nr, len, MAT_16);
				else
					mat_nt(g->gram_p, nc, a, (int)size, b, (int)size, NULL, nr, nc, len, MAT_16);
				for (int i = 0; i < nr; i++)
					for (int j = 0; j < nc; j++)
						out[(size_t)(r + i) * stride + (size_t)(c + j)] += scale * (double)g->gram_p[turned ? j * nr + i : i * nc + j];
			}
}
