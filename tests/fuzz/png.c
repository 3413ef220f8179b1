#include "fuzz.h"
#include "input/decode.h"
#include "input/png.h"

int fuzz_png(const uint8_t *data, size_t size)
{
	struct picture p;
	struct fail f = {{0}};
	if (png_decode(data, size, &p, &f) == 0)
		fuzz_picture(&p, data, size);
	else
		CHECK(f.msg[0] && !p.pixels);
	return 0;
}
