#include "fuzz.h"
#include "input/png.h"

int fuzz_png(const uint8_t *data, size_t size) { return fuzz_decoder(png_decode, data, size); }
