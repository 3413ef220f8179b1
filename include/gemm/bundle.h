/* bundle.h - up to 16 rows that are zero in the same places, as a record's draws are behind a relu: turned over, and without the units
 * where all of them are zero. Layers read and write bundles on AVX-512 (vectors.h): a quarter of the memory that rows take, and
 * nothing is looked for twice. Sums have the bits that mat_layer() and mat_nn() give them, but for the sign of a 0 behind a relu. */
#ifndef VF_BUNDLE_H
#define VF_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

struct mat_packed;

/* So many go through a layer best: its weights serve them all, and their numbers stay in the second cache. */
enum { BUNDLE_ROWS = 16, BUNDLES_AT_ONCE = 8 };

/* Made by bundles_place(), filled by what is below: products read behind the n units, where there is room for it, and zeros in unit. */
struct bundle {
	int n;                   /* units that stand here */
	uint16_t *unit;          /* [n]: which ones, ascending */
	float (*v)[BUNDLE_ROWS]; /* [n]: their numbers, 0 in lanes without a row */
};

/* Whether this processor's products of p lines over d can read and write bundles; and whether this side of them can. NULL: no. */
int bundles_fit(int p, int d);
int bundles_take(const struct mat_packed *w);

/* n bundles of rows of up to width numbers, in so many bytes, a multiple of 64; placed at room, which is aligned to 64. */
size_t bundles_size(int n, int width);
struct bundle *bundles_place(void *room, int n, int width);

/* lines <= 16 rows v, ld apart, of width numbers; and the other way, zeros where nothing stands. */
void bundle_turn(struct bundle *b, const float *v, size_t ld, int lines, int width);
void bundle_write(const struct bundle *b, float *v, size_t ld, int lines, int width);

/* n bundles, which have room for what a layer writes, through one: y = x w^T + bias, [n][16] rows ld apart, or bundles, negative
 * numbers 0. bias NULL: none, of rows. */
void bundles_rows(float *y, size_t ld, const struct bundle *x, int n, const struct mat_packed *w, const float *bias);
void bundles_relu(struct bundle *y, const struct bundle *x, int n, const struct mat_packed *w, const float *bias);
/* dx = dy w, 0 where gate's number is not above 0, with all units of gate; w was packed as gated. */
void bundles_gated(struct bundle *dx, const struct bundle *dy, const struct bundle *gate, int n, const struct mat_packed *w);

/* c[16 x 16] = a a^T */
void bundle_gram(float *c, const struct bundle *a);

#endif
