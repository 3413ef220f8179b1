/* factor_map.h - products with the matrices of a whitening (whitening.h). */
#ifndef VF_FACTOR_MAP_H
#define VF_FACTOR_MAP_H

#include <stddef.h>

#include "gemm/sparse_block.h"

struct mat_packed;

/* Products take the rows of a matrix in parts, each with its own inner dimension. */
enum { FACTOR_PARTS = 4 };

/* A matrix [n][columns] that a factor is multiplied by. A number that was 0 in all records (an input that never changes, a unit behind a ReLU
 * that is never active) meets no other one: its row of the matrix has one number, and is not computed as a product. */
struct factor_map {
	int n, columns;    /* numbers of a whitened factor; of the factor */
	float *w;          /* NULL: the identity */
	int square;        /* else lower triangular */
	int products;      /* the rows that are products; the rows behind them have the number `unit` in the column at[row], ascending */
	float unit;
	int *at;           /* [n]: the last column of each row of a triangular matrix, ascending up to `products`; NULL: its index */
	struct mat_packed *packed[FACTOR_PARTS], *packed_back[FACTOR_PARTS]; /* a part each, or NULL */
};

void factor_map_close(struct factor_map *m);
/* Packs for products of `rows` rows. dense: of whole rows, for sparse blocks too; else of the numbers of each part alone, and for
 * factor_map_back(). */
void factor_map_pack(struct factor_map *m, int dense, int rows, size_t *budget);

/* out [rows][n] of x [rows][columns] */
void factor_map_rows(const struct factor_map *m, float *out, const float *x, int rows);
/* The same of `count` sparse blocks, at most SPARSE_BATCH: 1; or 0, and nothing is written, if the matrix is not packed for them. */
int factor_map_sparse(const struct factor_map *m, float *out, const struct sparse_block *x, int count);
/* The adjoint: out [rows][columns] of in [rows][n] */
void factor_map_back(const struct factor_map *m, float *out, const float *in, int rows);

/* The products are computed in parts: part i has rows, and back columns, [factor_map_end(n, i - 1), factor_map_end(n, i)). */
int factor_map_end(int n, int i);
/* The columns that rows up to `to` have numbers in, and the first row that has one from column `from` on. */
int factor_map_reach(const struct factor_map *m, int to);
int factor_map_first(const struct factor_map *m, int from);

#endif
