/* picture.h - a decoded picture of 8-bit samples. */
#ifndef VF_PICTURE_H
#define VF_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define PICTURE_MAX_PIXELS (64u << 20) /* width x height */

enum {
	PICTURE_FLAWED = 1,   /* the decoder found a flaw that leaves all pixels whole */
	PICTURE_LOW_BITS = 2, /* samples of 16 bits, all below 4096, so that the high byte keeps little of them */
};

/* Interleaved samples, row by row: [height][width][channels]. They begin at an odd address: libjpeg-turbo writes aligned rows past the
 * cache, and whoever reads them next would wait for the memory. */
struct picture {
	int width, height, channels; /* channels: 1 (gray) or 3 (RGB) */
	uint8_t *pixels;
	uint8_t *memory; /* owned: pixels lie in it; NULL if they are another's */
	unsigned notes; /* of PICTURE_FLAWED, PICTURE_LOW_BITS */
};

/* 0, or -1 for an empty size or one over the limits, since a header may claim any size. */
int picture_check_size(size_t width, size_t height, struct fail *f);
/* The same, and allocates a picture of that size. -1: *p owns nothing */
int picture_alloc(struct picture *p, size_t width, size_t height, int channels, struct fail *f);
/* The notes on samples of 16 bits with this maximum; 0: there are none. */
unsigned picture_notes_16bit(unsigned highest);
void picture_free(struct picture *p);

#endif
