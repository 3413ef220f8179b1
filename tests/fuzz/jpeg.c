#include "fuzz.h"
#include "input/jpeg.h"

/* With these sides, small pictures are divided by 1, 2, 4 and 8. A reduced picture is refused exactly if the whole one is. */
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
