/* decode.h - the payload of a record decoded to what a network reads: a picture, or a vector of numbers.
 *
 * Pictures become 8-bit samples, planar [channel][row][column], as torch orders them; the network reads sample / 255. The
 * decoders' headers say how each format gets to 8 bits. The first bytes of the payload select the decoder. Gray is
 * (19595 R + 38470 G + 7471 B + 32768) >> 16, before any resize. A picture of another size is resized as resize.h does.
 */
#ifndef VF_DECODE_H
#define VF_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "input/format.h"
#include "input/npy.h"
#include "input/picture.h"

struct input_form { /* of the pictures that a network reads */
	int channels, height, width;
	int reduced_jpeg; /* decode JPEG pictures with jpeg_decode_reduced() */
};

/* Decodes a picture to out[channels][height][width]: resized, and gray and RGB converted. An .npy must be a picture
 * (npy.h) of exactly that shape; its samples are copied. Sets *notes, unless NULL, to those of the picture; an .npy leaves it as it is. */
int input_decode(const void *data, size_t len, const struct input_form *form, uint8_t *out, unsigned *notes, struct fail *f);

/* Decodes a picture as it is, also one of 1 or 3 channels in an .npy (npy.h), which the caller frees: 1. Or parses another .npy, whose
 * values stay in data: 0. -1: error. */
int input_read(const void *data, size_t len, struct picture *picture, struct npy *vector, struct fail *f);

/* Numbers of pictures with each note (picture.h). */
struct input_notes {
	uint64_t flawed, low_bits;
};

/* The shape a payload has by itself: [channels, height, width] of a picture, also one in an .npy (npy.h), *vector unchanged
 * (0); or [1, 1, values] of another .npy, *vector = 1. *vector = 1 on entry makes every .npy a vector, and refuses
 * pictures. */
int input_shape(const void *data, size_t len, int shape[3], int *vector, struct fail *f);

/* The n values of an .npy, in out[n]. Refuses another number of values, and values that are not finite as float32. */
int input_vector(const void *data, size_t len, int n, double *out, struct fail *f);

#endif
