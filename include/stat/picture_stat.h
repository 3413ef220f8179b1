/* picture_stat.h - what can be said of a picture without a model: size, light, colour, detail, and rows that repeat.
 *
 * All sums are whole numbers, so the results do not depend on the order of the pixels' work. Gray, Y, is
 * (19595 R + 38470 G + 7471 B + 32768) >> 16, as input/decode.h has it. Levels are 0 to 255.
 *
 *   brightness  mean of Y / 255                     contrast    standard deviation of Y / 255
 *   saturation  mean of (max - min of R, G, B) / 255
 *   warmth      mean of (R - B) / 255               tint        mean of (G - (R + B) / 2) / 255
 *   sharpness   variance of the Laplacian of Y / 255 (4 neighbours) over the inner pixels (Pech-Pacheco et al. 2000)
 *   noise       sqrt(pi/2) / 6 of the mean of |M * Y| / 255 over the inner pixels, M = [1 -2 1; -2 4 -2; 1 -2 1] (Immerkaer 1996):
 *               the standard deviation of white noise on an even ground
 *   entropy     of the histogram of Y, in bits
 *   common      share of the pixels in the most common of 17^3 colours, floor((v + 8) / 16) in each channel
 *   equal rows  the longest run of rows that equal the first row of the run, as a share of the height; columns likewise
 *   borders     the run of rows or columns that equal the one at the edge, as a share
 *
 * Two rows are equal if their Y differ by STAT_EQUAL levels or less on average, which JPEG needs. A run of one row is none: 0.
 */
#ifndef VF_PICTURE_STAT_H
#define VF_PICTURE_STAT_H

#include "input/picture.h"

#define STAT_EQUAL 2 /* levels */

enum side { SIDE_TOP, SIDE_BOTTOM, SIDE_LEFT, SIDE_RIGHT, SIDES };

struct picture_stat {
	int width, height, channels;
	double bytes_per_pixel; /* of the payload */
	double brightness, contrast, saturation, warmth, tint;
	double sharpness, noise; /* NAN below 3x3 pixels */
	double entropy, common;
	double equal_rows, equal_columns;
	double border[SIDES];
	/* The highest share of pixels that differ from the edge by more than 8 levels, among the eight rows inside the border: a block of
	 * JPEG, which blurs the edge. 0: no border */
	double step[SIDES];
	double edge[SIDES]; /* mean of Y / 255 in the row or column at the edge */
	int range;          /* the widest range of a channel, in levels */
	int gray;           /* at most one pixel in 1000, and one, has max - min of R, G, B above 8 */
};

struct stat_scratch { /* zeros at first; of one thread */
	uint8_t *gray, *turned; /* [cap]: Y by rows, and by columns */
	size_t cap;
};

/* bytes: of the payload. -1 when memory runs out. */
int picture_stat(const struct picture *p, size_t bytes, struct stat_scratch *s, struct picture_stat *out, struct fail *f);
void stat_scratch_free(struct stat_scratch *s);

#endif
