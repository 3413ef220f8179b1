#include "fuzz.h"
#include "input/jpeg.h"

/* Reduces each picture for targets of side 1, 4, 16 and 64, so that pictures of all sizes are divided by 8, 4, 2 and 1. A picture is refused either
 * always or never. */
int fuzz_jpeg(const uint8_t *data, size_t size)
{
	struct picture whole, p;
	struct fail f;
	const int bad = jpeg_decode(data, size, &whole, &f), width = whole.width, height = whole.height;
	picture_free(&whole);
	for (int side = 1; side <= 64; side *= 4) {
		CHECK((jpeg_decode_reduced(data, size, side, side, &p, &f) == 0) == !bad);
		CHECK(bad || p.width == width || (p.width >= 2 * side && p.height >= 2 * side && p.width < width && p.height <= height));
		picture_free(&p);
	}
	return fuzz_decoder(jpeg_decode, data, size);
}
